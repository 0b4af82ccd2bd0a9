"""The strategies: which candidates join the training set next (paper, section II-C).

A strategy is a function with this signature, and ``STRATEGIES`` is a plain dict of them:

    select(features, logits, chosen_features, budget, generator) -> picks

    features         float tensor (n, d): what the encoder makes of the n candidates
    logits           float tensor (n,), or (n, k) for k classes: what the proxy makes of them
    chosen_features  float tensor (m, d): what is in the training set already; m may be 0
    budget           how many candidates to pick, 0 to n
    generator        torch.Generator on the processor; every random choice and every tie is its
    picks            int64 tensor (budget,) on the processor: positions of candidates in the
                     order picked, none twice

The first four are the paper's (with its formula (3) mended, and to the letter); the others, each
from its own publication, are there to compare with.

To add your own, write such a function and say ``STRATEGIES["mine"] = mine``. The loop calls
``pick``, which checks what goes in and what comes out.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from activecl_nb.sampling import code

Strategy = Callable[[Tensor, Tensor, Tensor, int, torch.Generator], Tensor]

# Above this many products the plain k-center loop takes longer than a second or so, and the
# lazy one of kcenter.py, which has to be compiled or read from its cache, is worth its start.
PLAIN_PRODUCTS = 500_000_000
# The diversity step of entropy_diverse looks at this many times the budget. Zhdanov takes more,
# out of larger pools; with candidates ten times the budget, more would leave entropy no say.
SHORTLIST = 3


def random(
    features: Tensor,
    logits: Tensor,
    chosen_features: Tensor,
    budget: int,
    generator: torch.Generator,
) -> Tensor:
    """Any candidates, each with the same chance: what every other strategy has to beat."""
    check_inputs(features, logits, chosen_features, budget)
    return torch.randperm(len(features), generator=generator)[:budget]


def entropy(
    features: Tensor,
    logits: Tensor,
    chosen_features: Tensor,
    budget: int,
    generator: torch.Generator,
) -> Tensor:
    """The candidates about which the proxy is least certain (paper, formula (3); Settles 2009).

    The entropy is ``-sum p log p``, and the largest is picked first. The paper's formula lacks
    the minus sign; read literally it is ``certainty``.
    """
    check_inputs(features, logits, chosen_features, budget)
    return largest(entropy_of(logits), budget, generator)


def certainty(
    features: Tensor,
    logits: Tensor,
    chosen_features: Tensor,
    budget: int,
    generator: torch.Generator,
) -> Tensor:
    """Formula (3) of the paper to the letter: the largest ``sum p log p``.

    Without the minus sign this picks what the proxy is most certain of. It is kept to show what
    goes wrong.
    """
    check_inputs(features, logits, chosen_features, budget)
    return largest(-entropy_of(logits), budget, generator)


def kcenter(
    features: Tensor,
    logits: Tensor,
    chosen_features: Tensor,
    budget: int,
    generator: torch.Generator,
) -> Tensor:
    """k-center greedy: always the candidate farthest from all that is chosen (Algorithm 1).

    Sener and Savarese, "Active learning for convolutional neural networks: a core-set approach",
    ICLR 2018. The distance is Euclidean. With nothing chosen yet (m = 0) the first pick is
    random. The picks are those of exact greedy: distances are compared in float64, and
    candidates at the same distance are taken in an order that the generator draws.
    """
    check_inputs(features, logits, chosen_features, budget)
    n, d = features.shape
    rank = torch.randperm(n, generator=generator)  # of candidates equally far, the lowest wins
    products = n * d * (len(chosen_features) + budget)
    if products > PLAIN_PRODUCTS and features.device.type == "cpu":
        from activecl_nb.fast import kcenter as many

        if many.suits(features) and many.suits(chosen_features):
            return many.lazy_greedy(features, chosen_features, budget, rank)
    return greedy(features, chosen_features, budget, rank)


def least_confidence(
    features: Tensor,
    logits: Tensor,
    chosen_features: Tensor,
    budget: int,
    generator: torch.Generator,
) -> Tensor:
    """The candidates whose most probable class is least probable (Settles 2009, section 3.1).

    For a binary proxy this is the order of ``entropy``; it differs from three classes on.
    """
    check_inputs(features, logits, chosen_features, budget)
    return largest(ranked_probabilities(logits)[:, 1:].sum(dim=1), budget, generator)


def margin(
    features: Tensor,
    logits: Tensor,
    chosen_features: Tensor,
    budget: int,
    generator: torch.Generator,
) -> Tensor:
    """The candidates whose two most probable classes are closest (Scheffer et al. 2001).

    "Active hidden Markov models for information extraction", IDA 2001. For a binary proxy this
    is the order of ``entropy``; it differs from three classes on.
    """
    check_inputs(features, logits, chosen_features, budget)
    p = ranked_probabilities(logits)
    # 1 - (p_1 - p_2), written without the difference of numbers close to 1
    return largest(p[:, 1:].sum(dim=1) + p[:, 1:2].sum(dim=1), budget, generator)


def entropy_balanced(
    features: Tensor,
    logits: Tensor,
    chosen_features: Tensor,
    budget: int,
    generator: torch.Generator,
) -> Tensor:
    """Entropy with as many picks of each predicted class, as far as the candidates go.

    The classes take turns, the rarest first, each with its most uncertain candidate. This is
    the plainest form of what Bengar et al. propose, "Class-balanced active learning for image
    classification", WACV 2022: they weigh uncertainty against balance in an optimisation over
    predicted probabilities, we take the predicted classes in equal shares.
    """
    check_inputs(features, logits, chosen_features, budget)
    predicted = (logits > 0).long() if logits.ndim == 1 else logits.argmax(dim=1)
    predicted = predicted.cpu()
    counts = torch.bincount(predicted)
    rarest_first = largest(-counts, len(counts), generator)
    return in_turn(entropy_of(logits), predicted, rarest_first, budget, generator)


def kmeans(
    features: Tensor,
    logits: Tensor,
    chosen_features: Tensor,
    budget: int,
    generator: torch.Generator,
) -> Tensor:
    """One candidate for each part of the feature space: ``budget`` clusters, the middle of each.

    Kang, Ryu and Kwon, "Using cluster-based sampling to select initial training set for active
    learning in text classification", PAKDD 2004: of each of ``budget`` k-means clusters the
    member nearest to the centre, the largest cluster first. Neither the proxy nor what is
    chosen already has a say. Where there are fewer distinct candidates than clusters, the
    clusters take turns.
    """
    check_inputs(features, logits, chosen_features, budget)
    return nearest_to_centres(features, None, budget, generator)


def entropy_diverse(
    features: Tensor,
    logits: Tensor,
    chosen_features: Tensor,
    budget: int,
    generator: torch.Generator,
) -> Tensor:
    """Entropy with a diversity step: k-means on a shortlist of the most uncertain candidates.

    Zhdanov, "Diverse mini-batch active learning", 2019 (arXiv 1901.05954): of the ``SHORTLIST``
    x budget most uncertain candidates, each weighted by its uncertainty, make ``budget``
    clusters, and take of each the member nearest to the centre. He measures uncertainty by the
    margin, we by the entropy.
    """
    check_inputs(features, logits, chosen_features, budget)
    uncertainty = entropy_of(logits).cpu()
    shortlist = largest(uncertainty, SHORTLIST * budget, generator)
    # From 1 for the most uncertain down; never 0, since k-means needs some weight everywhere.
    weights = uncertainty[shortlist]
    weights = (weights / weights[:1]).nan_to_num(1.0).clamp_min(1e-6)
    there = features[shortlist.to(features.device)]
    return shortlist[nearest_to_centres(there, weights, budget, generator)]


def typiclust(
    features: Tensor,
    logits: Tensor,
    chosen_features: Tensor,
    budget: int,
    generator: torch.Generator,
) -> Tensor:
    """The most typical candidates of clusters that the chosen images do not cover yet.

    Hacohen, Dekel and Weinshall, "Active learning on a budget: opposite strategies suit high and
    low budgets", ICML 2022. Candidates and chosen images together make m + budget clusters, at
    most 500 (k-means up to 50 clusters, mini-batch k-means beyond, as the authors do). Those
    with the fewest chosen images come first, and of these the largest; clusters of 5 or fewer
    may be outliers and come last. Each gives its most typical candidate: the one whose nearest
    neighbours among the cluster's candidates are nearest. When all have given one, they give
    their next (the authors compute typicality anew for that, without those picked).
    """
    check_inputs(features, logits, chosen_features, budget)
    if budget == 0:
        return torch.empty(0, dtype=torch.int64)
    from activecl_nb.sampling import clusters

    n = len(features)
    together = torch.cat([features, chosen_features.to(features)])
    count = min(len(chosen_features) + budget, 500)
    batch_size = 5_000 if count > 50 else None
    groups, _ = clusters.clusters(together, count, generator, batch_size=batch_size)
    size = torch.bincount(groups, minlength=count)
    covered = torch.bincount(groups[n:], minlength=count)
    # One number that orders by what counts most: not small, then little covered, then large.
    more = len(together) + 1
    urgency = ((size > 5) * more - covered) * more + size
    order = largest(urgency, count, generator)
    groups = groups[:n]
    return in_turn(clusters.typicality(features, groups), groups, order, budget, generator)


def badge(
    features: Tensor,
    logits: Tensor,
    chosen_features: Tensor,
    budget: int,
    generator: torch.Generator,
) -> Tensor:
    """Uncertain and diverse at once: k-means++ on the gradients of the proxy's loss.

    Ash et al., "Deep batch active learning by diverse, uncertain gradient lower bounds", ICLR
    2020. The gradient is taken for the label that the proxy predicts and with respect to its
    weights (without the bias, as the authors do): for a binary proxy (p - y)h, for k classes
    the outer product of softmax - onehot(predicted) with h. Uncertain candidates have long
    gradients and so are far from all others. The first pick is the longest, as in the authors'
    code; what is chosen already has no say.
    """
    check_inputs(features, logits, chosen_features, budget)
    if budget == 0:
        return torch.empty(0, dtype=torch.int64)
    from activecl_nb.sampling import clusters

    features = features.double()
    pulls = clusters.last_layer_gradients(logits).to(features.device)
    lengths = pulls.norm(dim=1) * features.norm(dim=1)
    first = int(largest(lengths, 1, generator))
    draws = torch.rand(budget - 1, generator=generator)
    return clusters.plus_plus(pulls, features, first, draws)


STRATEGIES: dict[str, Strategy] = {
    "random": random,
    "entropy": entropy,
    "kcenter": kcenter,
    "certainty": certainty,
    "least_confidence": least_confidence,
    "margin": margin,
    "entropy_balanced": entropy_balanced,
    "entropy_diverse": entropy_diverse,
    "kmeans": kmeans,
    "typiclust": typiclust,
    "badge": badge,
}


def pick(
    strategy: str | Strategy,
    features: Tensor,
    logits: Tensor,
    chosen_features: Tensor,
    budget: int,
    generator: torch.Generator,
) -> Tensor:
    """What the loop calls: run a strategy, by name or as a function, and check its picks.

    A function may return a tensor, an array or a list; the picks come back as an int64 tensor
    (budget,) on the processor. Raises ValueError for an unknown name, for inputs that
    ``check_inputs`` refuses, and for picks that are too few or too many, no whole numbers, not
    positions of candidates, or the same candidate twice.
    """
    name, select = named(strategy)
    check_inputs(features, logits, chosen_features, budget)
    picks = select(features, logits, chosen_features, budget, generator)
    return checked_picks(picks, name, len(features), budget)


def named(strategy: str | Strategy) -> tuple[str, Strategy]:
    """The name and the function of a strategy given by either; ValueError for an unknown name."""
    if callable(strategy):
        return code.name_of(strategy), strategy
    if not isinstance(strategy, str):
        raise ValueError(f"a strategy is a name or a function, not {type(strategy).__name__}")
    if strategy not in STRATEGIES:
        known = ", ".join(sorted(STRATEGIES))
        raise ValueError(f"unknown strategy {strategy!r}; there are: {known}")
    return strategy, STRATEGIES[strategy]


def entropy_of(logits: Tensor) -> Tensor:
    """Entropy in nats of the proxy's prediction; float64 (n,).

    logits (n,): one output per candidate, p = sigmoid(logit). logits (n, k): p = softmax.
    """
    logits = logits.double()
    if logits.ndim == 1:
        # H is the same for z and -z. With a = |z| both terms are sums of what is not negative,
        # so a very certain prediction gives a tiny number and never 0 * log 0.
        a = logits.abs()
        return torch.log1p(torch.exp(-a)) + a * torch.sigmoid(-a)
    log_p = torch.log_softmax(logits, dim=1)
    return -(log_p.exp() * log_p).sum(dim=1)


def ranked_probabilities(logits: Tensor) -> Tensor:
    """The proxy's probabilities, the largest of each row first; float64 (n, k), or (n, 2)."""
    logits = logits.double()
    if logits.ndim == 1:
        return torch.sigmoid(torch.stack([logits.abs(), -logits.abs()], dim=1))
    return torch.softmax(logits, dim=1).sort(dim=1, descending=True).values


def largest(scores: Tensor, budget: int, generator: torch.Generator) -> Tensor:
    """Positions of the largest scores, the largest first; the generator orders equal ones."""
    shuffled = torch.randperm(len(scores), generator=generator)
    order = scores.cpu()[shuffled].argsort(descending=True, stable=True)
    return shuffled[order[:budget]]


def in_turn(
    scores: Tensor, groups: Tensor, order: Tensor, budget: int, generator: torch.Generator
) -> Tensor:
    """The groups take turns: the best of each, then the second best of each, and so on.

    scores (n,): the largest is best, and the generator orders equal ones; groups int64 (n,):
    numbers of groups; order: all of these numbers, in the order in which they take turns. A
    group that has no more is passed over. Returns int64 (budget,).
    """
    best_first = largest(scores, len(scores), generator)
    groups = groups[best_first]
    by_group = groups.argsort(stable=True)  # still the best first within each group
    sizes = torch.bincount(groups, minlength=len(order))
    starts = sizes.cumsum(0) - sizes
    turn, place = torch.empty_like(groups), torch.empty_like(order)
    turn[by_group] = torch.arange(len(groups)) - starts[groups[by_group]]
    place[order] = torch.arange(len(order))
    return best_first[(turn * len(order) + place[groups]).argsort()[:budget]]


def nearest_to_centres(
    features: Tensor, weights: Tensor | None, budget: int, generator: torch.Generator
) -> Tensor:
    """Of ``budget`` k-means clusters the member nearest to the centre, the largest first."""
    if budget == 0:
        return torch.empty(0, dtype=torch.int64)
    from activecl_nb.sampling import clusters

    groups, apart = clusters.clusters(features, budget, generator, weights=weights)
    order = largest(torch.bincount(groups, minlength=budget), budget, generator)
    return in_turn(-apart, groups, order, budget, generator)


def greedy(features: Tensor, chosen_features: Tensor, budget: int, rank: Tensor) -> Tensor:
    """The plain greedy loop of Algorithm 1, on whatever device the features are.

    ``nearest[i]`` is the distance from candidate i to the closest image chosen so far. Each pick
    can only lower it, so one distance per candidate and pick is enough. Nothing is fetched from
    the device before the last pick. rank (n,): of candidates equally far, the lowest is taken.
    """
    n = len(features)
    rank = rank.to(features.device)
    nearest = features.new_full((n,), torch.inf, dtype=torch.float64)
    for start in range(0, len(chosen_features), 256):
        lower_to(nearest, features, chosen_features[start : start + 256].to(features.device))
    picks = torch.empty(budget, dtype=torch.int64, device=features.device)
    for step in range(budget):
        farthest = torch.where(nearest == nearest.max(), rank, n).argmin()
        picks[step] = farthest
        lower_to(nearest, features, features.index_select(0, farthest.view(1)))
        nearest.index_fill_(0, farthest.view(1), -1)  # picked, and below every distance
    return picks.cpu()


def lower_to(nearest: Tensor, features: Tensor, centres: Tensor, block: int = 16_384) -> None:
    """Lower ``nearest`` to the distance to the closest of these centres, in place.

    The distances come from differences, not from the quicker ``|a|^2 + |b|^2 - 2 a b``, which
    loses the digits that tell near-duplicates apart.
    """
    for start in range(0, len(features), block):
        part = slice(start, start + block)
        distances = torch.cdist(
            features[part].double(),
            centres.double(),
            compute_mode="donot_use_mm_for_euclid_dist",
        )
        nearest[part] = torch.minimum(nearest[part], distances.min(dim=1).values)


def check_inputs(features: Tensor, logits: Tensor, chosen_features: Tensor, budget: int) -> None:
    """Raise a ValueError that names the input, and the row, that no strategy can work with."""
    if features.ndim != 2:
        raise ValueError(f"features must have shape (n, d), not {tuple(features.shape)}")
    n, d = features.shape
    if logits.ndim not in (1, 2) or len(logits) != n:
        raise ValueError(
            f"logits must have shape (n,) or (n, k) with n = {n} as in features, "
            f"not {tuple(logits.shape)}"
        )
    if chosen_features.ndim != 2 or chosen_features.shape[1] != d:
        raise ValueError(
            f"chosen_features must have shape (m, d) with d = {d} as in features, "
            f"not {tuple(chosen_features.shape)}; for none give an empty tensor (0, {d})"
        )
    if isinstance(budget, bool) or not isinstance(budget, int) or not 0 <= budget <= n:
        raise ValueError(f"budget must be a whole number from 0 to {n} candidates, not {budget!r}")
    named = {"features": features, "logits": logits, "chosen_features": chosen_features}
    for name, values in named.items():
        check_finite(values, name)


def check_finite(values: Tensor, name: str) -> None:
    """Raise a ValueError that names the first row with a NaN or an infinity in it."""
    if bool(torch.isfinite(values.sum())):  # one pass; a sum is finite only if its terms are
        return
    bad = ~torch.isfinite(values).reshape(len(values), -1).all(dim=1)
    if bool(bad.any()):
        row = int(bad.nonzero()[0])
        raise ValueError(
            f"{name} has a NaN or an infinity in row {row} ({int(bad.sum())} of {len(values)} "
            "rows): the encoder or the proxy has diverged; lower its learning rate or look at "
            "its input"
        )


def checked_picks(picks: object, name: str, n: int, budget: int) -> Tensor:
    """The picks of strategy ``name`` as int64, or a ValueError that says what is wrong."""
    try:
        picks = torch.as_tensor(picks).detach().cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"strategy {name!r} must return positions as a tensor, an array or a list, "
            f"not {type(picks).__name__}"
        ) from error
    if picks.shape != (budget,):
        raise ValueError(
            f"strategy {name!r} must return {budget} picks, one for each unit of the budget, "
            f"as a shape ({budget},); it returned the shape {tuple(picks.shape)}"
        )
    if budget == 0:
        return picks.long()
    if picks.is_floating_point() or picks.is_complex() or picks.dtype == torch.bool:
        raise ValueError(f"strategy {name!r} must return whole-number positions, not {picks.dtype}")
    picks = picks.long()
    outside = picks[(picks < 0) | (picks >= n)]
    if len(outside):
        raise ValueError(
            f"strategy {name!r} picked position {int(outside[0])}, but the {n} candidates are "
            f"0 to {n - 1}"
        )
    values, counts = picks.unique(return_counts=True)
    if len(values) < budget:
        twice = int(values[counts > 1][0])
        raise ValueError(f"strategy {name!r} picked candidate {twice} more than once")
    return picks
