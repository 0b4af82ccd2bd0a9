"""The rare class, how rare it is, and who may see which image.

The paper (section III-A) makes an imbalanced set by calling tumour (TUM) positive and the
eight other tissues negative, then splits it (section III-B): a pool U without labels, a small
labelled set S_L for the proxy, and a test set of other patients.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch

from activecl_nb import seeds, tissue, values
from activecl_nb.profiles import Profile
from activecl_nb.tissue import Tissue


def is_positive(patches: Tissue, positive: str = "TUM") -> torch.Tensor:
    """Which patches are of the positive class: bool tensor (N,).

    ValueError: no class has that name, or no patch is of it, or every patch is.
    """
    if positive not in patches.class_names:
        raise ValueError(
            f"{patches.source}: no class is called {positive!r}; "
            f"its classes are {', '.join(patches.class_names)}"
        )
    mask = patches.labels == patches.class_names.index(positive)
    if not mask.any() or mask.all():
        raise ValueError(
            f"{patches.source}: {int(mask.sum())} of {len(mask)} patches are {positive}; "
            "two classes are needed, so choose another positive class or add patches"
        )
    return mask


def dial(
    patches: Tissue, share: float, *, seed: int = 0, positive: str = "TUM", by: str = "patch"
) -> Tissue:
    """Leave patches out, at random, until ``share`` of those left is positive.

    Only one side loses patches, so as many as possible stay. Order is kept.
    by: "patch", or "patient": then a patient's patches of the side that loses stay or go
        together, and the share is met as closely as whole patients allow.

    ValueError: ``share`` is not between 0 and 1, or leaves one side without a single patch; or
    patients are asked for and not known.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share of {positive} must lie between 0 and 1, not {share}")
    if by not in ("patch", "patient"):
        raise ValueError(f"patches are left out by 'patch' or by 'patient', not by {by!r}")
    mask = is_positive(patches, positive).numpy()
    yes, no = np.flatnonzero(mask), np.flatnonzero(~mask)
    keep_yes = min(len(yes), round(len(no) * share / (1 - share)))
    keep_no = min(len(no), round(len(yes) * (1 - share) / share))
    if not keep_yes or not keep_no:
        raise ValueError(
            f"{patches.source}: a share of {share} leaves {keep_yes} {positive} and {keep_no} "
            "other patches; ask for a less extreme share or load more patches"
        )
    draw = seeds.numpy_generator(seed, "imbalance", positive)
    sides = [(yes, keep_yes), (no, keep_no)]
    if by == "patch":
        kept = [draw.choice(side, number, replace=False) for side, number in sides]
    else:
        patients = known_patients(patches)
        kept = [_whole_patients(patients, side, number, draw) for side, number in sides]
    return patches.take(np.sort(np.concatenate(kept)))


def _whole_patients(
    patients: np.ndarray, positions: np.ndarray, wanted: int, draw: np.random.Generator
) -> np.ndarray:
    """Those of the positions that belong to the first patients drawn, about ``wanted`` of them."""
    if wanted == len(positions):
        return positions
    names, counts = np.unique(patients[positions], return_counts=True)
    order = draw.permutation(len(names))
    number = 1 + int(np.argmin(np.abs(counts[order].cumsum() - wanted)))
    return positions[np.isin(patients[positions], names[order[:number]])]


def known_patients(patches: Tissue) -> np.ndarray:
    """The patient of each patch, (N,); ValueError where patients are not known."""
    if "patient" not in patches.facts:
        raise ValueError(
            f"{patches.source}: no patients are known; load a table with a patient column, or a "
            "folder with a pattern that finds the patient in a file's name"
        )
    return np.asarray(patches.facts["patient"])


def split(
    patches: Tissue | int,
    labelled: int,
    seed: int,
    *,
    by: str = "image",
    positives: int = 0,
    positive: str = "TUM",
) -> tuple[np.ndarray, np.ndarray]:
    """Divide the training images at random: positions of the pool U and of S_L, both sorted.

    patches: the training patches, or their number where images are drawn without regard to what
        they are.

    S_L is not stratified, as in the paper: with few labels the number of tumours in it is luck,
    and that luck belongs to the spread over seeds.
    by: "image" as the paper does, or "patient": S_L is then drawn patient by patient, and what
        is left of its last one is in neither part, so that no patient is in both.
    positives: by image, so many of S_L are of the class ``positive``, however rare it is among
        the patches; a test of imbalance then changes the pool alone. 0 leaves it to luck.

    ValueError: S_L would be empty or leave no pool, patients are asked for and not known, or there
    are too few patches of a side.
    """
    images = patches if isinstance(patches, int) else len(patches)
    if not 0 < labelled < images:
        raise ValueError(
            f"cannot label {labelled} of {images} training images: "
            "labelled must be at least 1 and leave some for the pool"
        )
    order = seeds.numpy_generator(seed, "split").permutation(images)
    if by == "image" and not positives:
        return np.sort(order[labelled:]), np.sort(order[:labelled])
    if isinstance(patches, int):
        raise ValueError(
            "a number of images tells neither patients nor classes; give the patches themselves"
        )
    if by == "image":
        order = _first_of_each(order, patches, labelled, positives, positive)
        return np.sort(order[labelled:]), np.sort(order[:labelled])
    patients = known_patients(patches)[order]
    # Patients come in the order in which their first image was drawn.
    _, first, patient = np.unique(patients, return_index=True, return_inverse=True)
    by_patient = np.argsort(first[patient], kind="stable")
    order, patients = order[by_patient], patients[by_patient]
    pool = order[~np.isin(patients, patients[:labelled])]
    if not len(pool):
        raise ValueError(
            f"{patches.source}: {labelled} labels by whole patients leave no pool; label fewer"
        )
    return np.sort(pool), np.sort(order[:labelled])


def _first_of_each(
    order: np.ndarray, patches: Tissue, labelled: int, positives: int, positive: str
) -> np.ndarray:
    """The order with its first so many positives, and negatives to fill S_L, before the rest."""
    yes = is_positive(patches, positive).numpy()[order]
    first = np.where(yes, yes.cumsum() <= positives, (~yes).cumsum() <= labelled - positives)
    if first.sum() < labelled:
        raise ValueError(
            f"{patches.source}: {yes.sum()} of {len(yes)} patches are {positive}, which does not "
            f"give {positives} of them and {labelled - positives} others to label"
        )
    return order[np.argsort(~first, kind="stable")]


def fold_by_patient(
    patches: Tissue, fold: int, folds: int, positive: str
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the training and of the test patches: test fold ``fold`` of ``folds``.

    The folds are disjoint, hold whole patients, and have about the same share of ``positive``
    (scikit-learn's StratifiedGroupKFold). They are the same whatever a run's seed, so that
    repeats can vary the tissue and the weights apart. Where no patients are known each patch
    counts as one, and a warning says so.

    ValueError: no such fold, or fewer patients than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    check_number(fold, folds)
    patients = np.arange(len(patches))
    if "patient" in patches.facts:
        patients = known_patients(patches)
    else:
        warnings.warn(
            f"{patches.source}: no patients are known, so patches of one patient may be in "
            "training and test alike, and scores too good",
            stacklevel=3,
        )
    if len(np.unique(patients)) < folds:
        raise ValueError(
            f"{patches.source}: {len(np.unique(patients))} patients do not fill {folds} folds"
        )
    targets = is_positive(patches, positive).numpy()
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    return [*splitter.split(targets, targets, patients)][fold]


@dataclass(frozen=True)
class Data:
    """What an experiment works on: training patches, test patches, and the class sought.

    The split in pool and labelled set is not made here but by each run from its seed, so that
    repeats differ in it, as the paper's do.
    recipe: what ``load`` was called with, so that a run can say where its patches came from;
        empty for patches that were put together by hand.
    features: of an encoder from elsewhere, float32 (n, d) for train and for test: a run then
        trains nothing, it only picks and probes. encoder: that encoder's name.
    target: the fact that regression or segmentation predicts; "" for the task's own, see ``tasks``.
    """

    train: Tissue
    test: Tissue
    positive: str = "TUM"
    recipe: Mapping[str, Any] = field(default_factory=dict)
    features: tuple[torch.Tensor, torch.Tensor] | None = None
    encoder: str = ""
    target: str = ""

    def __post_init__(self) -> None:
        if self.features is not None:
            shapes = [tuple(part.shape) for part in self.features]
            if [len(self.train), len(self.test)] != [shape[0] for shape in shapes]:
                raise ValueError(
                    f"features of {self.encoder or 'an encoder'} have shapes {shapes} for "
                    f"{len(self.train)} training and {len(self.test)} test patches"
                )
        if self.train.class_names != self.test.class_names:
            raise ValueError(
                f"the training classes {self.train.class_names} are not the test classes "
                f"{self.test.class_names}"
            )
        if self.train.images.shape[2:] != self.test.images.shape[2:]:
            raise ValueError(
                f"training patches are {tuple(self.train.images.shape[2:])} pixels, "
                f"test patches {tuple(self.test.images.shape[2:])}; load both at one size"
            )
        is_positive(self.train, self.positive), is_positive(self.test, self.positive)

    @property
    def train_targets(self) -> torch.Tensor:
        """bool (N,): which training patches are positive."""
        return is_positive(self.train, self.positive)

    @property
    def test_targets(self) -> torch.Tensor:
        """bool (N,): which test patches are positive."""
        return is_positive(self.test, self.positive)


# What shapes the test patches of the phantom, too: dials of its slides, and whether it has masks.
OF_THE_SLIDES = ("centre_shift", "stain_variation", "masks")


class Asked:
    """What ``load`` is told beside the profile and what only some sources have."""

    source: str
    share: values.Share
    by: Literal["patch", "patient"]
    positive: str
    seed: values.Seed
    fold: values.Whole
    folds: values.Pairs
    target: str


def load(
    source: str,
    profile: Profile,
    *,
    path: str | os.PathLike[str] | None = None,
    share: float | None = None,
    by: str = "patch",
    positive: str = "TUM",
    seed: int = 0,
    fold: int = 0,
    folds: int = 5,
    target: str = "",
    **options: Any,
) -> Data:
    """Training and test patches of a source, of the profile's size and number.

    A source that holds fewer patches than the profile asks for gives all it has.
    share: turns the imbalance dial of the training patches, by patch or by whole patients (by).
    fold, folds: which of so many parts of one's own patches is the test set, see
        ``fold_by_patient``; ValueError for a source that has a test part.
    target: what regression or segmentation is to predict, as ``tissue.load`` takes it.
    options: what else ``tissue.load`` takes for this source: the phantom's dials, a table's
        columns. Dials shape the training patches alone, so that scores stay comparable, but for
        those of the slides.
    """
    asked = {"share": share, "by": by, "seed": seed, "fold": fold, "folds": folds}
    told = {"source": source, "positive": positive, "target": target, **asked}
    values.checked(Asked, {name: value for name, value in told.items() if value is not None})
    if twice := sorted({*options} & {"split", "size", "count", "at_most"}):
        raise ValueError(f"{', '.join(twice)}: the profile says that; leave it out here")
    size: dict[str, Any] = {"size": profile.image_size, "seed": seed, "path": path}
    size["target"] = target or None
    numbers = (profile.train_images, profile.test_images)
    if source in tissue.OWN:
        whole = tissue.load(source, "all", **size, **options)
        part = whole.facts.get("part")
        check_fold(fold, whole.source if part is not None else "")
        places = (
            fold_by_patient(whole, fold, folds, positive)
            if part is None
            else (np.flatnonzero(part != "test"), np.flatnonzero(part == "test"))  # val trains
        )
        train, test = (
            _at_most(whole.take(p), n, seed) for p, n in zip(places, numbers, strict=True)
        )
    else:
        check_fold(fold, source)
        at_test = {name: value for name, value in options.items() if name in OF_THE_SLIDES}
        train = tissue.load(source, "train", at_most=numbers[0], **size, **options)
        test = tissue.load(source, "test", at_most=numbers[1], **size, **at_test)
    if share is not None:
        train = dial(train, share, seed=seed, positive=positive, by=by)
    place = None if path is None else os.fspath(path)
    recipe = {"source": source, "path": place, **asked, **options}
    recipe |= {"target": target} if target else {}
    return Data(train, test, positive, recipe, target=target)


def check_number(fold: int, folds: int) -> None:
    """ValueError: there is no such fold."""
    if not 0 <= fold < folds:
        raise ValueError(f"fold {fold}: {folds} folds are numbered from 0 to {folds - 1}")


def check_fold(fold: int, has_test: str) -> None:
    """ValueError: folds of what has a test part would be one result, told several times."""
    if fold and has_test:
        raise ValueError(
            f"fold {fold}: {has_test} has a test part of its own, and so no folds; of a table, "
            "columns={'part': None} (--columns part=) leaves that aside"
        )


def _at_most(patches: Tissue, number: int, seed: int) -> Tissue:
    """All of them, or where there are more a random part, in order."""
    if len(patches) <= number:
        return patches
    shuffled = seeds.numpy_generator(seed, "subset").permutation(len(patches))
    return patches.take(np.sort(shuffled[:number]))
