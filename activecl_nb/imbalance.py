"""The rare class, how rare it is, and who may see which image.

The paper (section III-A) makes an imbalanced set by calling tumour (TUM) positive and the
eight other tissues negative, then splits it (section III-B): a pool U without labels, a small
labelled set S_L for the proxy, and a test set of other patients.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import torch

from activecl_nb import seeds, tissue
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


def dial(patches: Tissue, share: float, *, seed: int = 0, positive: str = "TUM") -> Tissue:
    """Leave patches out, at random, until ``share`` of those left is positive.

    Only one side loses patches, so as many as possible stay. Order is kept.

    ValueError: ``share`` is not between 0 and 1, or leaves one side without a single patch.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share of {positive} must lie between 0 and 1, not {share}")
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
    kept = [draw.choice(yes, keep_yes, replace=False), draw.choice(no, keep_no, replace=False)]
    return patches.take(np.sort(np.concatenate(kept)))


def split(images: int, labelled: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide the training images at random: positions of the pool U and of S_L, both sorted.

    S_L is not stratified, as in the paper: with few labels the number of tumours in it is luck,
    and that luck belongs to the spread over seeds.

    ValueError: S_L would be empty or leave no pool.
    """
    if not 0 < labelled < images:
        raise ValueError(
            f"cannot label {labelled} of {images} training images: "
            "labelled must be at least 1 and leave some for the pool"
        )
    order = seeds.numpy_generator(seed, "split").permutation(images)
    return np.sort(order[labelled:]), np.sort(order[:labelled])


@dataclass(frozen=True)
class Data:
    """What an experiment works on: training patches, test patches, and the class sought.

    The split in pool and labelled set is not made here but by each run from its seed, so that
    repeats differ in it, as the paper's do.
    """

    train: Tissue
    test: Tissue
    positive: str = "TUM"

    def __post_init__(self) -> None:
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


def load(
    source: str,
    profile: Profile,
    *,
    path: str | os.PathLike[str] | None = None,
    share: float | None = None,
    positive: str = "TUM",
    seed: int = 0,
    **dials: float,
) -> Data:
    """Training and test patches of a source, of the profile's size and number.

    A source that holds fewer patches than the profile asks for gives all it has. ``share``
    turns the imbalance dial of the training patches; ``dials`` are the phantom's own. They shape
    the training patches alone, so that scores stay comparable, but for ``centre_shift``, which
    is about the test patches.
    """
    at_test = {name: value for name, value in dials.items() if name == "centre_shift"}
    pair = [
        tissue.load(
            source, part, size=profile.image_size, at_most=number, seed=seed, path=path, **own
        )
        for part, number, own in [
            ("train", profile.train_images, dials),
            ("test", profile.test_images, at_test),
        ]
    ]
    if share is not None:
        pair[0] = dial(pair[0], share, seed=seed, positive=positive)
    return Data(*pair, positive=positive)
