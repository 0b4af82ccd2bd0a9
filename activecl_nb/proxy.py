"""The linear proxy: how good are the features, and what does the encoder not know yet?

One fully connected layer on frozen features, trained on the few labelled images (section II-B).
In the paper it does two jobs: its logits guide the choice of the next images, and its F1 on the
test set is the score of the encoder (linear evaluation). Here the second job has a judge beside
it that is fitted to the end: ``probe``. The paper's proxy tells the positive class from the rest;
with ``classes`` it tells all classes apart, and ``against_rest`` leads back to the two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from activecl_nb import seeds
from activecl_nb.fast import imports

if TYPE_CHECKING:
    from sklearn.preprocessing import StandardScaler


@dataclass(frozen=True)
class Proxy:
    """f_p: a weight for each feature and a bias. weight float32 (d,), bias float32 ().

    With k classes: weight (d, k), bias (k,).
    """

    weight: Tensor
    bias: Tensor

    def logits(self, features: Tensor) -> Tensor:
        """features (n, d) -> logits (n,) float32, above 0 for positive; with k classes (n, k)."""
        return features.to(self.weight) @ self.weight + self.bias

    def probabilities(self, features: Tensor) -> Tensor:
        """features (n, d) -> the probability of the positive class (n,), or of each (n, k)."""
        logits = self.logits(features)
        return torch.sigmoid(logits) if logits.ndim == 1 else torch.softmax(logits, dim=1)


def fit(
    features: Tensor,
    targets: Tensor,
    *,
    epochs: int = 40,
    learning_rate: float = 1e-3,
    batch_size: int = 128,
    standardise: bool = False,
    classes: int | None = None,
    seed: int = 0,
    round: int = 0,
    every: int | None = None,
    on_way: Callable[[int, Proxy], None] | None = None,
) -> Proxy:
    """Train a new proxy: binary cross-entropy, Adam (section III-B).

    features: float32 (n, d), frozen and un-augmented. targets: (n,) bool or 0/1.
    classes: None for the paper's two; k for a softmax over k classes with cross-entropy, where
        targets are class numbers 0 to k - 1.
    standardise: train on features of mean 0 and deviation 1 (over these n), on which Adam gets
        equally far whatever the features' scale; the proxy returned takes them as they are.
        The paper says nothing of it.
    on_way: called as ``on_way(epochs so far, proxy)`` each ``every`` epochs and after the last.

    ValueError: shapes that do not fit, NaN in the features, or targets of a single class.
    """
    every = every or epochs
    features, targets = checked(features, targets, classes)
    outputs = () if classes is None else (classes,)
    cross_entropy = F.binary_cross_entropy_with_logits if classes is None else F.cross_entropy
    mean, deviation = torch.zeros(()), torch.ones(())
    if standardise:
        mean, deviation = features.mean(0), _scale(features)
        features = (features - mean) / deviation
    centre, scale = (v.reshape(-1, *(1 for _ in outputs)) for v in (mean, deviation))
    # torch's own start for a linear layer: uniform within 1 / sqrt(d).
    bound = features.shape[1] ** -0.5
    start = seeds.generator(seed, "proxy", round)
    weight = (2 * torch.rand(features.shape[1], *outputs, generator=start) - 1) * bound
    bias = (2 * torch.rand(outputs, generator=start) - 1) * bound
    weight.requires_grad_(), bias.requires_grad_()
    imports.whole("torch._dynamo")
    optimizer = torch.optim.Adam([weight, bias], lr=learning_rate, betas=(0.9, 0.999))
    for epoch in range(1, epochs + 1):
        draw = seeds.generator(seed, "proxy order", round, epoch)
        for batch in torch.randperm(len(features), generator=draw).split(batch_size):
            logits = features[batch] @ weight + bias  # (batch,), or (batch, classes)
            loss = cross_entropy(logits, targets[batch])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        if epoch % every == 0 or epoch == epochs:
            w = weight.detach() / scale  # so that it takes features as they come
            proxy = Proxy(w.clone(), bias.detach() - (centre * w).sum(0))
            if on_way:
                on_way(epoch, proxy)
    return proxy


def _scale(features: Tensor) -> Tensor:
    """The deviation of each feature, and 1 for one that never changes, as scikit-learn does."""
    deviation, size = features.std(0), features.abs().amax(0)
    return torch.where(deviation > 10 * torch.finfo(features.dtype).eps * size, deviation, 1.0)


# The probe's strengths of regularisation, from nearly nothing learned to nearly free.
PROBE_C = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)


def probe(
    features: Tensor | np.ndarray,
    targets: Tensor | np.ndarray,
    *,
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> tuple[Proxy, float]:
    """The judge of an encoder: logistic regression, L2, fitted to the end, alike for all.

    features: (n, d); targets: bool (n,). The features are standardised over these n, and the
    strength of the regularisation (C of ``PROBE_C``) is chosen by cross-validated log loss on
    these n alone. groups: patients (n,); none is then on both sides of a fold. Returns the probe,
    which takes features as they come, and the logit at which F1 was best in the same
    cross-validation (0, a probability of one half, where the labels do not fill two folds).

    ValueError: as ``fit``.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    features, targets = checked(torch.as_tensor(features), torch.as_tensor(targets))
    scaler = StandardScaler().fit(features.double().numpy())
    x, y = scaler.transform(features.double().numpy()), targets.numpy().astype(int)
    model = LogisticRegression(warm_start=True, max_iter=1_000)
    left_out = np.zeros((len(PROBE_C), len(y)))  # logits of what a fold left out, for each C
    folds = _folds(y, groups, seeds.number(seed, "probe", 0))
    for seen, unseen in folds:
        for row, c in zip(left_out, PROBE_C, strict=True):
            model.set_params(C=c).fit(x[seen], y[seen])
            row[unseen] = model.decision_function(x[unseen])
    losses = np.logaddexp(0, np.where(y == 1, -left_out, left_out)).mean(axis=1)
    best = int(losses.argmin()) if folds else PROBE_C.index(1.0)
    threshold = best_threshold(y, left_out[best]) if folds else 0.0
    fitted = LogisticRegression(C=PROBE_C[best], max_iter=1_000).fit(x, y)
    return unscaled(fitted.coef_[0], fitted.intercept_[0], scaler), threshold


def unscaled(weight: np.ndarray, bias: float, scaler: StandardScaler) -> Proxy:
    """What was fitted on features that ``scaler`` standardised, for features as they come."""
    weight = weight / scaler.scale_
    bias = bias - weight @ scaler.mean_
    return Proxy(*(torch.from_numpy(np.asarray(v, np.float32)) for v in (weight, bias)))


def _folds(
    targets: np.ndarray, groups: np.ndarray | None, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Up to five folds with both classes in every training part; [] where that cannot be."""
    from sklearn.model_selection import StratifiedGroupKFold

    groups = np.arange(len(targets)) if groups is None else np.asarray(groups)
    count = min(5, *(len(np.unique(groups[targets == side])) for side in (0, 1)))
    if count < 2:
        return []
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed % 2**32)
    folds = list(splitter.split(targets, targets, groups))
    whole = all(len(np.unique(targets[train])) == 2 for train, _ in folds)
    return folds if whole else []


def best_threshold(targets: Tensor | np.ndarray, logits: Tensor | np.ndarray) -> float:
    """The logit above which calling positive gives these (n,) targets the highest F1.

    Half-way between two neighbouring logits; to be set on labels that may be seen, never on the
    test set.
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, cuts = precision_recall_curve(np.asarray(targets), np.asarray(logits))
    total = precision + recall
    f1 = 2 * precision * recall / np.where(total == 0, 1, total)
    best = int(np.argmax(f1[:-1]))
    below = cuts[best - 1] if best else cuts[best] - 1
    return float((cuts[best] + below) / 2)


def checked(features: Tensor, targets: Tensor, classes: int | None = None) -> tuple[Tensor, Tensor]:
    features, targets = torch.as_tensor(features), torch.as_tensor(targets)
    if features.ndim != 2 or targets.shape != features.shape[:1]:
        raise ValueError(
            f"features of shape {tuple(features.shape)} and targets of shape "
            f"{tuple(targets.shape)} do not fit; they must be (n, d) and (n,)"
        )
    bad = ~torch.isfinite(features).all(dim=1)
    if bad.any():
        raise ValueError(
            f"features hold NaN or infinity in {int(bad.sum())} of {len(bad)} rows, first in row "
            f"{int(bad.nonzero()[0])}; did the encoder's training diverge? Try a lower rate"
        )
    targets = targets.to(torch.float32 if classes is None else torch.int64)
    if classes is not None and not 0 <= int(targets.min()) <= int(targets.max()) < classes:
        raise ValueError(
            f"targets run from {int(targets.min())} to {int(targets.max())}, but the "
            f"{classes} classes are numbered from 0 to {classes - 1}"
        )
    if len(targets.unique()) < 2:
        raise ValueError(
            f"all {len(targets)} labelled images are of one class, so no proxy can be fitted; "
            "label more images or turn the imbalance dial back"
        )
    return features.float(), targets


def against_rest(logits: Tensor, positive: int) -> Tensor:
    """Logits of one class against all others together: (n, k) -> (n,); (n,) stays as it is.

    log p - log(1 - p) of the softmax's p for class number ``positive``: above 0 where that class
    is more probable than the others are together.
    """
    if logits.ndim == 1:
        return logits
    others = torch.arange(logits.shape[1]) != positive
    return logits[:, positive] - torch.logsumexp(logits[:, others], dim=1)


def scores(
    targets: Tensor | np.ndarray, logits: Tensor | np.ndarray, threshold: float | None = None
) -> dict[str, float]:
    """How well the logits find the positive class; all by scikit-learn.

    f1, precision and recall are of the positive class at probability 0.5 (formula 4), macro_f1
    averages F1 over both classes; auroc and average_precision look at the order alone. Without a
    single positive answer precision and f1 are 0. With a ``threshold`` for the logits, which was
    set on other labels, f1_threshold is F1 at that.
    """
    from sklearn import metrics

    targets = np.asarray(targets).astype(bool)
    logits = np.asarray(logits)
    answers = logits > 0
    scored = {
        "f1": float(metrics.f1_score(targets, answers, zero_division=0)),
        "macro_f1": float(metrics.f1_score(targets, answers, average="macro", zero_division=0)),
        "precision": float(metrics.precision_score(targets, answers, zero_division=0)),
        "recall": float(metrics.recall_score(targets, answers, zero_division=0)),
        "auroc": float(metrics.roc_auc_score(targets, logits)),
        "average_precision": float(metrics.average_precision_score(targets, logits)),
    }
    if threshold is not None:
        above = logits > threshold
        scored["f1_threshold"] = float(metrics.f1_score(targets, above, zero_division=0))
    return scored


def colour_histogram(images: Tensor, bins: int = 8) -> Tensor:
    """Features that know colour and nothing of shape: uint8 (N, 3, H, W) -> float32 (N, 3 x bins).

    The share of pixels in each bin of each channel. An encoder that does not beat these has not
    learned to see.
    """
    n, channels = images.shape[:2]
    step = 256 // bins
    binned = (images // step).to(torch.int64).flatten(2)  # (N, 3, H*W)
    shares = torch.zeros(n, channels, bins)
    shares.scatter_add_(2, binned, torch.ones(binned.shape))
    return (shares / binned.shape[2]).flatten(1)


def colour_moments(images: Tensor) -> Tensor:
    """Six numbers a patch: mean and deviation of R, G and B; uint8 (N, 3, H, W) -> float32 (N, 6).

    What a stain alone gives away. An encoder that does not beat these has not learned to see.
    """
    pixels = images.flatten(2).double()
    return torch.cat([pixels.mean(2), pixels.std(2, correction=0)], dim=1).float()
