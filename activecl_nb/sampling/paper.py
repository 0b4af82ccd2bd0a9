"""The paper's strategies (section II-C): random, entropy, k-center greedy; and formula (3).

Each is a function ``select(features, logits, chosen_features, budget, generator) -> picks``; the
contract stands in ``sampling``, and ``sampling.pick`` has checked what comes in.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from activecl_nb.sampling.order import largest

# Above this many products the plain k-center loop takes longer than a second or so, and the
# lazy one of fast/kcenter.py, which has to be compiled or read from its cache, is worth its start.
PLAIN_PRODUCTS = 500_000_000


def random(
    features: Tensor, logits: Tensor, chosen_features: Tensor, budget: int, generator: Generator
) -> Tensor:
    """Any candidates, each with the same chance: what every other strategy has to beat."""
    return torch.randperm(len(features), generator=generator)[:budget]


def entropy(
    features: Tensor, logits: Tensor, chosen_features: Tensor, budget: int, generator: Generator
) -> Tensor:
    """The candidates about which the proxy is least certain (paper, formula (3); Settles 2009).

    The entropy is ``-sum p log p``, and the largest is picked first. The paper's formula lacks
    the minus sign; read literally it is ``certainty``.
    """
    return largest(entropy_of(logits), budget, generator)


def certainty(
    features: Tensor, logits: Tensor, chosen_features: Tensor, budget: int, generator: Generator
) -> Tensor:
    """Formula (3) of the paper to the letter: the largest ``sum p log p``.

    Without the minus sign this picks what the proxy is most certain of. It is kept to show what
    goes wrong.
    """
    return largest(-entropy_of(logits), budget, generator)


def kcenter(
    features: Tensor, logits: Tensor, chosen_features: Tensor, budget: int, generator: Generator
) -> Tensor:
    """k-center greedy: always the candidate farthest from all that is chosen (Algorithm 1).

    Sener and Savarese, "Active learning for convolutional neural networks: a core-set approach",
    ICLR 2018. The distance is Euclidean. With nothing chosen yet (m = 0) the first pick is
    random. The picks are those of exact greedy: distances are compared in float64, and
    candidates at the same distance are taken in an order that the generator draws.
    """
    n, d = features.shape
    rank = torch.randperm(n, generator=generator)  # of candidates equally far, the lowest wins
    products = n * d * (len(chosen_features) + budget)
    if products > PLAIN_PRODUCTS and features.device.type == "cpu":
        from activecl_nb.fast import kcenter as many

        if many.suits(features) and many.suits(chosen_features):
            return many.lazy_greedy(features, chosen_features, budget, rank)
    return greedy(features, chosen_features, budget, rank)


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


def greedy(features: Tensor, chosen_features: Tensor, budget: int, rank: Tensor) -> Tensor:
    """The plain greedy loop of Algorithm 1, on whatever device the features are.

    ``nearest[i]`` is the distance from candidate i to the closest image chosen so far. Each pick
    can only lower it, so one distance per candidate and pick is enough. Nothing is fetched from
    the device before the last pick. rank (n,): of candidates equally far, the lowest is taken.
    """
    n = len(features)
    rank = rank.to(features.device)
    features = features.double()  # once, and not at every pick
    nearest = features.new_full((n,), torch.inf)
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
