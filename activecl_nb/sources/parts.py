"""Which images are for training and which for testing: as their owner says, else a fifth.

Where patients are known, no patient is on both sides. Where only slides are known, no slide is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from activecl_nb import seeds
from activecl_nb.sources.archive import Archive, Part
from activecl_nb.sources.image import listed

SPLITS = ("train", "test", "all")
# What folders and tables call the three; "val" trains, as PathMNIST's does here.
PARTS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


def part_named(name: str) -> str | None:
    """The part that a folder or a cell of a table means, in any case; None: no part's name."""
    return PARTS.get(name.lower())


def crossing(parts: Sequence[str] | np.ndarray, patients: Sequence[str] | np.ndarray) -> list[str]:
    """The patients with images both for testing and for training, sorted."""
    is_test, patients = np.asarray(parts) == "test", np.asarray(patients)
    return np.intersect1d(patients[is_test], patients[~is_test]).tolist()


def say_crossing(patients: Sequence[str]) -> str:
    """What an error says of such patients."""
    return f"{len(patients):,} patients are in training and in test: {listed(patients)}"


def choose(images: Archive, split: str) -> Archive:
    """The images of one split: by ``facts["part"]``; without it by whole patients, a fifth test.

    Without a part, those patients (else slides, else files) whose hashed names are lowest are
    for testing, whatever the seed, until a fifth of each class is; a class of one patient trains.
    """
    if split == "all":
        return images
    part = images.facts.get("part")
    if part is None:
        known = (
            images.facts[fact] for fact in ("patient", "slide", "file") if fact in images.facts
        )
        is_test = lowest_fifth(images.labels, next(known))
    else:
        is_test = part == "test"
    rows = np.flatnonzero(is_test if split == "test" else ~is_test)
    if not len(rows):
        raise ValueError(
            f"{images.where} has no patches for {split!r}; name some as such, or load split='all'"
        )
    return Part(images, rows)


def lowest_fifth(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """bool (N,): whole groups that hold about a fifth of each class, the same on every machine.

    The rarest class chooses first. No class loses its last image for training.
    """
    names, group = np.unique(groups, return_inverse=True)
    order = np.argsort([seeds.number(0, "folder split", str(name)) for name in names])
    counts = np.zeros((len(names), labels.max(initial=0) + 1), dtype=np.int32)
    np.add.at(counts, (group, labels), 1)
    total, tested = counts.sum(0), np.zeros(counts.shape[1], dtype=np.int64)
    chosen = np.zeros(len(names), dtype=bool)
    for label in np.argsort(total, kind="stable"):
        goal = max(1, round(total[label] / 5))
        for one in order[counts[order, label] > 0]:
            if tested[label] >= goal:
                break
            more = tested + counts[one]
            misses_by_more = more[label] - goal > goal - tested[label] and tested[label]
            if chosen[one] or misses_by_more or ((more == total) & (counts[one] > 0)).any():
                continue
            chosen[one], tested = True, more
    return chosen[group]
