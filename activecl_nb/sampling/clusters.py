"""What the diverse strategies of diversity.py are made of: clusters, typicality, k-means++.

Clusters come from scikit-learn, on one thread: with several, the order in which sums are added
up changes from run to run, and a pick that hangs on the last digit would change with it. All
else is in float64.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits
from torch import Tensor

ROUNDING = 1e-13  # what float64 leaves of the squared distance of equal gradients, relative


def clusters(
    features: Tensor,
    count: int,
    generator: torch.Generator,
    *,
    weights: Tensor | None = None,
    batch_size: int | None = None,
) -> tuple[Tensor, Tensor]:
    """k-means: the cluster of each image, and how far the image is from the centre of it.

    features (n, d) on any device; count from 1 to n. weights (n,): how much an image pulls at
    its centre. batch_size: quicker and rougher, by mini-batches of this size. The seed of
    scikit-learn is the generator's. Identical images may leave clusters empty.

    Returns int64 (n,), 0 to count - 1, and float64 (n,) squared distances, in units of the
    largest feature after centring; both on the processor.
    """
    # In float32, which is twice as fast, with the mean and the scale taken out before: so it
    # loses no digits to an offset and overflows nowhere.
    points = features.detach().cpu().double().numpy()
    points = points - points.mean(axis=0)
    points = (points / max(np.abs(points).max(initial=0), 1e-300)).astype(np.float32)
    seed = int(torch.randint(2**31, (), generator=generator))
    if batch_size is None:
        model = KMeans(count, n_init=1, random_state=seed)
    else:
        model = MiniBatchKMeans(count, n_init=1, random_state=seed, batch_size=batch_size)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct images than clusters
        model.fit(points, sample_weight=None if weights is None else weights.cpu().numpy())
    apart = np.square(points - model.cluster_centers_[model.labels_], dtype=np.float64).sum(axis=1)
    return torch.from_numpy(model.labels_).long(), torch.from_numpy(apart)


def typicality(features: Tensor, groups: Tensor, neighbours: int = 20) -> Tensor:
    """How densely each image's surroundings are populated, within its own group.

    The inverse of the mean distance to its nearest neighbours (Hacohen et al. 2022): to 20, or
    in a small group to half as many as the group has. features (n, d); groups int64 (n,).
    Returns float64 (n,) on the processor.
    """
    features = features.detach().double()
    features = features - features.mean(dim=0)
    distance = torch.zeros(len(features), dtype=torch.float64)
    for group in groups.unique():
        members = (groups == group).nonzero().ravel()
        points = features[members.to(features.device)]
        k = min(neighbours, max(1, len(points) // 2), len(points) - 1)
        for part in torch.arange(len(points)).split(1024):
            # The smallest of the k + 1 is the distance of 0 to itself.
            closest = torch.cdist(points[part], points).topk(k + 1, largest=False).values
            distance[members[part]] = closest.sum(dim=1).cpu() / max(k, 1)
    return 1 / (distance + 1e-300)


def last_layer_gradients(logits: Tensor) -> Tensor:
    """What the cross-entropy of the predicted label pulls at each logit; float64 (n, k).

    ``softmax(logits) - onehot(argmax)``; for logits (n,) ``sigmoid(logit) - (logit > 0)`` as
    (n, 1). The gradient with respect to the weights of the last layer is the outer product of
    this with the features (Ash et al. 2020).
    """
    logits = logits.double()
    if logits.ndim == 1:
        # sigmoid(z) - 1 is -sigmoid(-z), which stays exact when the proxy is very certain.
        return (torch.sigmoid(-logits.abs()) * torch.where(logits > 0, -1.0, 1.0))[:, None]
    predicted = logits.argmax(dim=1, keepdim=True)
    others = torch.softmax(logits, dim=1).scatter(1, predicted, 0.0)
    return others.scatter(1, predicted, -others.sum(dim=1, keepdim=True))


def plus_plus(pulls: Tensor, features: Tensor, first: int, draws: Tensor) -> Tensor:
    """k-means++ seeding on the outer products of ``pulls`` and ``features``, never built.

    Each pick falls on a candidate with a chance proportional to its squared distance to the
    closest pick so far (Arthur and Vassilvitskii 2007). For g = r h^T, ``g_i . g_j`` is
    ``(r_i . r_j) (h_i . h_j)``, so n(d + k) numbers are enough where the products have n d k.
    Where all that is left equals a pick, each has the same chance.

    pulls (n, k) and features (n, d) float64 on one device; first: the first pick; draws (b,)
    from [0, 1): one for each further pick. Returns int64 (b + 1,) on the processor.
    """
    norms = pulls.square().sum(dim=1) * features.square().sum(dim=1)
    nearest = torch.full_like(norms, torch.inf)
    left = torch.ones_like(norms)
    pick = torch.full((1,), first, device=norms.device)
    picks = [pick]
    for draw in draws.to(norms):
        both = norms + norms[pick]
        products = (pulls @ pulls[pick].T) * (features @ features[pick].T)  # (n, 1)
        squared = both - 2 * products.squeeze(1)
        nearest = torch.minimum(nearest, torch.where(squared > ROUNDING * both, squared, 0.0))
        nearest[pick], left[pick] = 0.0, 0.0
        reach = torch.where(nearest.sum() > 0, nearest, left).cumsum(dim=0)
        pick = torch.searchsorted(reach, (draw * reach[-1])[None], right=True)
        picks.append(pick)
    return torch.cat(picks).cpu()
