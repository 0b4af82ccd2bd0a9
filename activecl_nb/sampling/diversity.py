"""Strategies that spread their picks over the features: clusters, typical images, gradients.

What they are made of (k-means, typicality, k-means++) stands in ``sampling.clusters``.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from activecl_nb.sampling.order import in_turn, largest
from activecl_nb.sampling.paper import entropy_of
from activecl_nb.sampling.uncertainty import predicted_classes

# The diversity step of entropy_diverse looks at this many times the budget. Zhdanov takes more,
# out of larger pools; with candidates ten times the budget, more would leave entropy no say.
SHORTLIST = 3


def kmeans(
    features: Tensor, logits: Tensor, chosen_features: Tensor, budget: int, generator: Generator
) -> Tensor:
    """One candidate for each part of the feature space: ``budget`` clusters, the middle of each.

    Kang, Ryu and Kwon, "Using cluster-based sampling to select initial training set for active
    learning in text classification", PAKDD 2004: of each of ``budget`` k-means clusters the
    member nearest to the centre, the largest cluster first. Neither the proxy nor what is
    chosen already has a say. Where there are fewer distinct candidates than clusters, the
    clusters take turns.
    """
    return nearest_to_centres(features, None, budget, generator)


def entropy_diverse(
    features: Tensor, logits: Tensor, chosen_features: Tensor, budget: int, generator: Generator
) -> Tensor:
    """Entropy with a diversity step: k-means on a shortlist of the most uncertain candidates.

    Zhdanov, "Diverse mini-batch active learning", 2019 (arXiv 1901.05954): of the ``SHORTLIST``
    x budget most uncertain candidates, each weighted by its uncertainty, make ``budget``
    clusters, and take of each the member nearest to the centre. He measures uncertainty by the
    margin, we by the entropy.
    """
    uncertainty = entropy_of(logits).cpu()
    shortlist = largest(uncertainty, SHORTLIST * budget, generator)
    # From 1 for the most uncertain down; never 0, since k-means needs some weight everywhere.
    weights = uncertainty[shortlist]
    weights = (weights / weights[:1]).nan_to_num(1.0).clamp_min(1e-6)
    shortlisted = features[shortlist.to(features.device)]
    return shortlist[nearest_to_centres(shortlisted, weights, budget, generator)]


def typiclust(
    features: Tensor, logits: Tensor, chosen_features: Tensor, budget: int, generator: Generator
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
    features: Tensor, logits: Tensor, chosen_features: Tensor, budget: int, generator: Generator
) -> Tensor:
    """Uncertain and diverse at once: k-means++ on the gradients of the proxy's loss.

    Ash et al., "Deep batch active learning by diverse, uncertain gradient lower bounds", ICLR
    2020. The gradient is taken for the label that the proxy predicts and with respect to its
    weights (without the bias, as the authors do): for a binary proxy (p - y)h, for k classes
    the outer product of softmax - onehot(predicted) with h. Uncertain candidates have long
    gradients and so are far from all others. The first pick is the longest, as in the authors'
    code; what is chosen already has no say.
    """
    from activecl_nb.sampling import clusters

    features = features.double()
    pulls = clusters.last_layer_gradients(logits).to(features.device)
    lengths = pulls.norm(dim=1) * features.norm(dim=1)
    first = int(largest(lengths, 1, generator))
    draws = torch.rand(budget - 1, generator=generator)
    return clusters.plus_plus(pulls, features, first, draws)


def nearest_to_centres(
    features: Tensor, weights: Tensor | None, budget: int, generator: Generator
) -> Tensor:
    """Of ``budget`` k-means clusters the member nearest to the centre, the largest first."""
    from activecl_nb.sampling import clusters

    groups, apart = clusters.clusters(features, budget, generator, weights=weights)
    order = largest(torch.bincount(groups, minlength=budget), budget, generator)
    return in_turn(-apart, groups, order, budget, generator)


def sas(
    features: Tensor, logits: Tensor, chosen_features: Tensor, budget: int, generator: Generator
) -> Tensor:
    """Those that are most like the rest of their class: what contrastive learning needs most.

    Joshi and Mirzasoleiman, "Data-efficient contrastive self-supervised learning: most
    beneficial examples for supervised learning contribute the least", ICML 2023. Within each
    latent class (here: as the proxy predicts it; its part of the budget follows its size) the
    picks maximise the similarity between the picks and all that is not picked, greedily. The
    authors compare augmented views in a proxy encoder's space; here the candidates' features are
    compared by their cosine. It says the opposite of the paper: picks for contrastive learning
    should be central, not doubtful and not far. What is chosen already has no say.
    """
    predicted = predicted_classes(logits)
    counts = torch.bincount(predicted)
    shares = largest_remainders(counts, budget)
    picks = []
    for name, share in enumerate(shares.tolist()):
        members = (predicted == name).nonzero().ravel()
        members = members[torch.randperm(len(members), generator=generator)]  # orders equal ones
        picks.append(members[most_central(features[members.to(features.device)], share)])
    together = torch.cat(picks)
    return together[torch.randperm(len(together), generator=generator)]


def most_central(features: Tensor, budget: int) -> Tensor:
    """Greedily the picks S with the largest sum of cosines between S and what is not in S.

    features (n, d). A pick moves its own row from one side to the other: it gains its similarity
    to all, and loses twice that to the picks so far. Returns int64 (budget,), first come first.
    """
    directions = torch.nn.functional.normalize(features.detach().double(), dim=1)
    gain = directions @ directions.sum(dim=0) - directions.square().sum(dim=1)
    picks = []
    for _ in range(budget):
        best = int(gain.argmax())
        picks.append(best)
        gain = gain - 2 * (directions @ directions[best])
        gain[best] = -torch.inf
    return torch.tensor(picks, dtype=torch.int64)


def largest_remainders(counts: Tensor, total: int) -> Tensor:
    """``total`` shared out in proportion to the counts, by the method of Hamilton; int64."""
    exact = counts.double() * total / counts.sum().clamp_min(1)
    shares = exact.floor().long()
    left = total - int(shares.sum())
    shares[(exact - shares).argsort(descending=True, stable=True)[:left]] += 1
    return shares
