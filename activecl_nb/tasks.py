"""What the labels are: classes, numbers, or masks. The task enters Algorithm 2 in its line 7.

A task holds the targets of S_L, fits a linear proxy to them, says how much that proxy doubts each
patch, and scores it. Classification is the paper's; regression and segmentation are what its
outlook names ("other tasks such as regression or segmentation"). The encoder is trained alike for
all three, without labels; the judge beside the proxy is linear too, and fitted to the end.

    classification  F1 of the class sought, by ``proxy``; doubt is the entropy
    regression      ridge; doubt is the spread of a bootstrap ensemble; R2, MAE, Spearman's rho
    segmentation    a 1x1 linear proxy on the last feature map, upsampled; doubt is the mean entropy
                    over the patch; Dice and IoU of all test pixels together
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from activecl_nb import files, proxy, seeds, simclr
from activecl_nb.imbalance import Data
from activecl_nb.protocol import Protocol
from activecl_nb.proxy import Proxy
from activecl_nb.tissue import Tissue

# The score that a task is told by in one number, and the facts that are its target by default.
HEADLINES = {"classification": "f1", "regression": "r2", "segmentation": "dice"}
WORDS = {"f1": "F1", "r2": "R²", "dice": "Dice"}
TARGETS = {"regression": ("tumour_share", "mask_share", "mask"), "segmentation": ("mask",)}
MEMBERS = 10  # of the bootstrap ensemble
ALPHAS = (0.1, 1.0, 10.0, 100.0, 1_000.0, 10_000.0)  # of ridge, on standardised features
AT_ONCE = 512  # patches whose maps are upsampled together


def of(protocol: Protocol, data: Data) -> Classification | Regression | Segmentation:
    """The protocol's task on these patches; ValueError where they lack its targets."""
    kinds = {"regression": Regression, "segmentation": Segmentation}
    task = kinds.get(protocol.task, Classification)(protocol, data)
    for part in (data.train, data.test):
        task.targets(part)
    return task


def pooled(seen: Tensor) -> Tensor:
    """Features of patches, (n, d): those of maps (n, h, w, d) are averaged over the patch."""
    return seen if seen.ndim == 2 else seen.flatten(1, 2).mean(dim=1)


@dataclass(frozen=True)
class Classification:
    """The paper's task: is a patch of the class sought? Also what the other two have in common.

    ``seen`` is what a proxy looks at: the features (n, d).
    """

    protocol: Protocol
    data: Data

    def see(self, encoder: nn.Module, images: Tensor) -> Tensor:
        """What the proxy looks at, of uint8 images (n, 3, H, W)."""
        return simclr.encode(encoder, images)

    def colours(self, images: Tensor) -> Tensor:
        """What it would look at without an encoder."""
        return proxy.colour_moments(images)

    def targets(self, part: Tissue) -> Tensor:
        """What scores compare with, of all patches of training or test: bool (N,)."""
        return self.data.train_targets if part is self.data.train else self.data.test_targets

    def identity(self) -> dict[str, Any]:
        """What names the targets in a run's identity; nothing where labels say it already."""
        return {}

    def labels(self, positions: np.ndarray) -> Tensor:
        """What the proxy learns of S_L: bool (n,), or class numbers, int64 (n,)."""
        train = self.data.train
        two = self.protocol.proxy_classes == "two"
        return (self.data.train_targets if two else train.labels)[torch.from_numpy(positions)]

    def fit(self, seen: Tensor, labels: Tensor, **fitting: Any) -> Proxy:
        """A new proxy; ``fitting`` as ``proxy.fit`` takes it."""
        two = self.protocol.proxy_classes == "two"
        classes = None if two else len(self.data.train.class_names)
        return proxy.fit(seen, labels, classes=classes, **fitting)

    def logits(self, f_p: Proxy, seen: Tensor) -> Tensor:
        """What a strategy is given: logits (n,) or (n, k)."""
        return f_p.logits(seen)

    def doubt(self, f_p: Proxy, seen: Tensor) -> Tensor:
        """How little the proxy knows of each patch, float64 (n,): the entropy, in nats."""
        logits = f_p.logits(seen).double()
        binary = logits.ndim == 1
        kind = torch.distributions.Bernoulli if binary else torch.distributions.Categorical
        return kind(logits=logits).entropy()

    def outputs(self, f_p: Proxy, seen: Tensor) -> Tensor:
        """What scores look at, in the shape of the targets: logits, positive against the rest."""
        positive = self.data.train.class_names.index(self.data.positive)
        return proxy.against_rest(f_p.logits(seen), positive)

    def value(self, f_p: Proxy, seen: Tensor) -> Tensor:
        """One number a patch, float32 (n,), to keep and to show."""
        return self.outputs(f_p, seen)

    def watch(self, f_p: Proxy, seen: Tensor) -> dict[str, np.ndarray]:
        """What a round keeps of the watched patches, as fields of a ``Round``."""
        return {"watched_logits": self.value(f_p, seen).numpy()}

    def cut(self, targets: Tensor, outputs: Tensor) -> float | None:
        """The output above which to say yes, chosen on labels that may be seen."""
        return proxy.best_threshold(targets, outputs)

    def scores(
        self, targets: Tensor, outputs: Tensor, cut: float | None = None
    ) -> dict[str, float]:
        """See ``proxy.scores``."""
        return proxy.scores(targets, outputs, cut)

    def probe(
        self, seen: Tensor, targets: Tensor, groups: np.ndarray | None, seed: int
    ) -> tuple[Proxy, float | None]:
        """The judge, see ``proxy.probe``; and its cut."""
        return proxy.probe(seen, targets, groups=groups, seed=seed)


class _Told(Classification):
    """A task whose targets are a fact of the patches."""

    @property
    def target(self) -> str:
        """The fact's name: ``Data.target``, or the first of ``TARGETS`` that is known."""
        known = self.data.train.facts
        fitting = [name for name in TARGETS[self.protocol.task] if name in known]
        return self.data.target or (fitting[0] if fitting else TARGETS[self.protocol.task][0])

    def _fact(self, part: Tissue) -> np.ndarray:
        if self.target not in part.facts:
            raise ValueError(
                f"{part.source}: {self.protocol.task} needs the fact {self.target!r} of every "
                f"patch, and known are {', '.join(part.facts) or 'none'}; load the patches with "
                f"target={self.target!r}, or with another target"
            )
        return np.asarray(part.facts[self.target])

    def identity(self) -> dict[str, Any]:
        parts = [self.targets(part).numpy() for part in (self.data.train, self.data.test)]
        return {"target": self.target, "targets": files.checksum_of(parts)}

    def labels(self, positions: np.ndarray) -> Tensor:
        return self.targets(self.data.train)[torch.from_numpy(positions)]

    def logits(self, f_p: Proxy, seen: Tensor) -> Tensor:
        return self.value(f_p, seen)

    def watch(self, f_p: Proxy, seen: Tensor) -> dict[str, np.ndarray]:
        return super().watch(f_p, seen) | {"watched_doubt": self.doubt(f_p, seen).float().numpy()}

    def cut(self, targets: Tensor, outputs: Tensor) -> None:
        return None


class Regression(_Told):
    """A number a patch: the share that is tumour, the nuclei in it. Targets float32 (N,)."""

    def targets(self, part: Tissue) -> Tensor:
        """float32 (N,); of masks the share that they cover."""
        fact = self._fact(part)
        if fact.dtype.kind not in "bifu" or not np.isfinite(fact).all():
            raise ValueError(f"{part.source}: {self.target!r} is not a finite number everywhere")
        return torch.from_numpy(fact.reshape(len(fact), -1).mean(axis=1).astype(np.float32))

    def fit(self, seen: Tensor, labels: Tensor, **fitting: Any) -> Proxy:
        """A bootstrap ensemble, see ``ensemble``."""
        return ensemble(seen, labels, int(fitting.get("seed", 0)), int(fitting.get("round", 0)))

    def outputs(self, f_p: Proxy, seen: Tensor) -> Tensor:
        """The predicted number, float32 (n,): the mean of the members."""
        each = f_p.logits(seen)
        return each if each.ndim == 1 else each.mean(dim=1)

    def doubt(self, f_p: Proxy, seen: Tensor) -> Tensor:
        """The spread of the members' predictions, float64 (n,), in units of the target."""
        return f_p.logits(seen).double().std(dim=1)

    def scores(
        self, targets: Tensor, outputs: Tensor, cut: float | None = None
    ) -> dict[str, float]:
        """r2, mae, spearman; a prediction that never changes has the rank correlation 0."""
        from scipy import stats
        from sklearn import metrics

        y, predicted = np.asarray(targets, np.float64), np.asarray(outputs, np.float64)
        told = len(np.unique(y)) > 1 and len(np.unique(predicted)) > 1
        return {
            "r2": float(metrics.r2_score(y, predicted)),
            "mae": float(metrics.mean_absolute_error(y, predicted)),
            "spearman": float(stats.spearmanr(y, predicted).statistic) if told else 0.0,
        }

    def probe(
        self, seen: Tensor, targets: Tensor, groups: np.ndarray | None, seed: int
    ) -> tuple[Proxy, None]:
        """The judge: one ridge on all of S_L, its strength by cross-validation, by patient."""
        judge, _, _ = ridge(seen, targets, groups)
        return judge, None


class Segmentation(_Told):
    """Which pixels are inside the mask. Targets uint8 (N, H, W); seen are maps (n, h, w, d)."""

    def see(self, encoder: nn.Module, images: Tensor) -> Tensor:
        return feature_maps(encoder, images)

    def colours(self, images: Tensor) -> Tensor:
        """Mean and deviation of each colour in each cell of such a map: float32 (n, h, w, 6)."""
        h, w = self.map_size
        n, _, height, width = images.shape
        squares = images.unfold(2, height // h, height // h).unfold(3, width // w, width // w)
        cells = squares[:, :, :h, :w].permute(0, 2, 3, 1, 4, 5).flatten(0, 2)
        return proxy.colour_moments(cells).reshape(n, h, w, -1)

    @property
    def size(self) -> tuple[int, ...]:
        """Height and width of a patch."""
        return tuple(self.data.train.images.shape[2:])

    @property
    def map_size(self) -> tuple[int, int]:
        """Height and width of the encoder's last feature map."""
        encoder = simclr.build_encoder(1, self.protocol.stem)
        height, width = self.see(encoder, self.data.train.images[:1]).shape[1:3]
        return height, width

    def targets(self, part: Tissue) -> Tensor:
        """uint8 (N, H, W), 1 inside."""
        fact, size = self._fact(part), tuple(part.images.shape[2:])
        if fact.shape[1:] != size:
            raise ValueError(
                f"{part.source}: {self.target!r} has shape {fact.shape}, and segmentation needs a "
                f"mask of {size[0]}x{size[1]} pixels for each patch"
            )
        return torch.from_numpy((fact > 0).astype(np.uint8))

    def fit(self, seen: Tensor, labels: Tensor, **fitting: Any) -> Proxy:
        """A linear layer on every cell of the map, by Adam: what it learns is the cell's share."""
        return proxy.fit(seen.flatten(0, 2), shares(labels, seen).flatten(), **fitting)

    def outputs(self, f_p: Proxy, seen: Tensor) -> Tensor:
        """Logits of every pixel, float32 (n, H, W): those of the map, upsampled (bilinear)."""
        return upsampled(f_p, seen, self.size)

    def value(self, f_p: Proxy, seen: Tensor) -> Tensor:
        """The share of the patch that the proxy expects inside, float32 (n,)."""
        return share_inside(f_p, seen, self.size)

    def doubt(self, f_p: Proxy, seen: Tensor) -> Tensor:
        """The mean entropy of the patch's pixels, float64 (n,), in nats."""
        return mean_entropy(f_p, seen, self.size)

    def scores(
        self, targets: Tensor, outputs: Tensor, cut: float | None = None
    ) -> dict[str, float]:
        """dice and iou of all pixels together; 0 where no pixel is inside, nor said to be.

        Patch by patch they would not be defined for one without a pixel inside.
        """
        inside, said = np.asarray(targets) > 0, np.asarray(outputs) > 0
        both = int((inside & said).sum())
        either = int((inside | said).sum())
        return {"dice": 2 * both / max(1, both + either), "iou": both / max(1, either)}

    def probe(
        self, seen: Tensor, targets: Tensor, groups: np.ndarray | None, seed: int
    ) -> tuple[Proxy, None]:
        """The judge: one ridge on the cells' shares, cut where Dice was best in the same folds.

        No patch, nor any patient, is on both sides of a fold. Above 0 the judge says inside.
        """
        cells = shares(targets, seen)
        owners = np.arange(len(seen)) if groups is None else np.asarray(groups)
        owners = np.repeat(owners, cells[0].numel())
        judge, _, left_out = ridge(seen.flatten(0, 2), cells.flatten(), owners)
        cut = proxy.best_threshold(cells.flatten() > 0.5, left_out)
        return Proxy(judge.weight, judge.bias - cut), None


def feature_maps(encoder: nn.Module, images: Tensor) -> Tensor:
    """The last feature map, before it is averaged: uint8 (n, 3, H, W) -> float32 (n, h, w, d)."""
    trunk = nn.Sequential(*list(encoder.children())[:-2]).train(encoder.training)
    return simclr.encode(trunk, images).permute(0, 2, 3, 1).contiguous()


def upsampled(f_p: Proxy, seen: Tensor, size: tuple[int, ...]) -> Tensor:
    """Logits of every pixel, float32 (n, H, W), of maps (n, h, w, d) by a proxy of cells."""
    maps = f_p.logits(seen)[:, None]
    return F.interpolate(maps, size, mode="bilinear", align_corners=False)[:, 0]


def share_inside(f_p: Proxy, seen: Tensor, size: tuple[int, ...]) -> Tensor:
    """The share of each patch that the proxy expects inside, float32 (n,)."""
    parts = [upsampled(f_p, part, size).sigmoid() for part in seen.split(AT_ONCE)]
    return torch.cat([part.mean(dim=(1, 2)) for part in parts])


def mean_entropy(f_p: Proxy, seen: Tensor, size: tuple[int, ...]) -> Tensor:
    """The mean entropy of each patch's pixels, float64 (n,), in nats."""
    parts = [
        torch.distributions.Bernoulli(logits=upsampled(f_p, part, size).double()).entropy()
        for part in seen.split(AT_ONCE)
    ]
    return torch.cat([part.mean(dim=(1, 2)) for part in parts])


def shares(masks: Tensor, seen: Tensor) -> Tensor:
    """The share of each cell of a map that is inside: masks (n, H, W) -> float32 (n, h, w)."""
    height, width = seen.shape[1:3]
    return F.adaptive_avg_pool2d(masks[:, None].float(), (height, width))[:, 0]


def ridge(
    features: Tensor, targets: Tensor, groups: np.ndarray | Sequence[object] | None = None
) -> tuple[Proxy, float, np.ndarray]:
    """Ridge regression whose strength cross-validation chooses on these n alone.

    features (n, d), standardised inside; targets (n,); groups (n,): none is on both sides of a
    fold. Returns the fit on all, the strength (of ``ALPHAS``), and what was predicted of each
    while it was left out, float64 (n,).

    ValueError: NaN, or targets that are all the same.
    """
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.preprocessing import StandardScaler

    proxy.checked(features, targets)
    x = StandardScaler().fit_transform(features.double().numpy())
    y = targets.double().numpy()
    groups = np.arange(len(y)) if groups is None else np.asarray(groups)
    count = min(5, len(np.unique(groups)))
    if count < 2:  # one patient alone: nothing to choose by
        fitted = _ridge_at(1.0, features, targets)
        return fitted, 1.0, fitted.logits(features).double().numpy()
    folds = list(GroupKFold(count).split(x, y, groups))
    left_out = [cross_val_predict(Ridge(alpha), x, y, cv=folds) for alpha in ALPHAS]
    best = int(np.argmin([np.square(one - y).mean() for one in left_out]))
    return _ridge_at(ALPHAS[best], features, targets), ALPHAS[best], left_out[best]


def ensemble(features: Tensor, targets: Tensor, seed: int = 0, round: int = 0) -> Proxy:
    """A bootstrap ensemble of ridges: weight (d, MEMBERS), bias (MEMBERS,).

    Each member is fitted on as many labelled patches drawn with replacement (Efron 1979), all with
    the strength that cross-validation on all of them chose. Arguments and errors as of ``ridge``.
    """
    _, strength, _ = ridge(features, targets)
    draw = seeds.numpy_generator(seed, "bootstrap", round)
    n = len(targets)
    times = draw.multinomial(n, np.full(n, 1 / n), size=MEMBERS)
    members = [_ridge_at(strength, features, targets, each) for each in times]
    weights, biases = [m.weight for m in members], [m.bias for m in members]
    return Proxy(torch.stack(weights, dim=-1), torch.stack(biases, dim=-1))


def _ridge_at(
    strength: float, features: Tensor, targets: Tensor, times: np.ndarray | None = None
) -> Proxy:
    """Ridge on standardised features, each of the n counted so many times."""
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    x, y = features.double().numpy(), targets.double().numpy()
    scaler = StandardScaler().fit(x)
    fitted = Ridge(strength).fit(scaler.transform(x), y, sample_weight=times)
    return proxy.unscaled(fitted.coef_, fitted.intercept_, scaler)
