"""Tissue: patches, their labels, and where they came from.

``load`` gives the same object for every source, so that nothing further down knows whether a
patch was drawn, downloaded, or brought along by the reader.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from activecl_nb.sources import masks, official, parts, prepared, sets
from activecl_nb.sources.archive import Archive, ImageFiles, subset
from activecl_nb.sources.image import listed
from activecl_nb.sources.names import check_alike
from activecl_nb.sources.own import OWN, check, open_own, open_unlabelled
from activecl_nb.sources.sets import CLASS_NAMES
from activecl_nb.sources.table import ROLES, as_numbers, read_columns

__all__ = [
    "OWN", "ROLES", "ImageFiles", "Tissue", "as_numbers", "check_alike", "dials_of", "listed",
    "load", "of_archive", "open_own", "open_unlabelled", "read_columns",
]  # fmt: skip


@dataclass(frozen=True)
class Tissue:
    """Labelled patches.

    images: uint8 tensor (N, 3, H, W), kept as bytes, possibly memory-mapped.
    labels: int64 tensor (N,), positions in ``class_names``.
    class_names: the classes, in the order of the label numbers.
    source: one line that says where the patches came from, shown under every figure.
    facts: what is known of each patch beside its class, as arrays of length N: of the phantom
        patient, slide, centre, ...; of one's own patches the file (its path below their folder)
        and, where they are known, patient, slide and part, as text.
    """

    images: torch.Tensor
    labels: torch.Tensor
    class_names: tuple[str, ...]
    source: str
    facts: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.shape[1] != 3 or self.images.dtype != torch.uint8:
            raise ValueError(
                f"{self.source}: images must be uint8 of shape (N, 3, H, W), "
                f"not {self.images.dtype} of shape {tuple(self.images.shape)}"
            )
        if self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"{self.source}: {len(self.images)} images but labels of shape "
                f"{tuple(self.labels.shape)}; each image needs one label"
            )

    def __len__(self) -> int:
        return len(self.images)

    def take(self, positions: torch.Tensor | np.ndarray | list[int]) -> Tissue:
        """The patches at these positions, in this order."""
        positions = torch.as_tensor(positions, dtype=torch.int64)
        return replace(
            self,
            images=self.images[positions],
            labels=self.labels[positions],
            facts={name: values[positions.numpy()] for name, values in self.facts.items()},
        )

    def counts(self) -> dict[str, int]:
        """How many patches each class has."""
        numbers = torch.bincount(self.labels, minlength=len(self.class_names))
        return dict(zip(self.class_names, numbers.tolist(), strict=True))

    def __repr__(self) -> str:
        height, width = self.images.shape[2:]
        return f"Tissue({len(self):,} patches of {height}x{width} from {self.source})"


def load(
    source: str,
    split: str = "train",
    *,
    size: int | None = None,
    count: int | None = None,
    at_most: int | None = None,
    seed: int = 0,
    path: str | os.PathLike[str] | None = None,
    columns: Mapping[str, str | None] | None = None,
    images: str | os.PathLike[str] | None = None,
    rows: Mapping[str, Any] | None = None,
    patient: str | None = None,
    nested: bool = False,
    target: str | None = None,
    **dials: float,
) -> Tissue:
    """Patches with labels, from any source, as one object.

    source:
        "phantom": drawn tissue; ``dials`` of ``phantom.Dials``, ``masks=True`` adds facts["mask"].
        "pathmnist", "pathmnist-64", "-128", "-224": ``path`` is an .npz in PathMNIST's layout, or
            the folder that ``data_download.py get`` filled (None: its usual one). val trains.
        "kather19", "kather19-nonorm": ``path`` holds the class-folder trees NCT-CRC-HE-100K and
            CRC-VAL-HE-7K, or is one of them, or the folder that was filled (None: as above).
        "folder": ``path`` holds a folder of images for each class, or ``train`` and ``test`` with
            such folders; ``patient`` finds the patient in a file's name, ``nested`` reads folders
            class/patient/...: see ``sources.folders.from_folder``.
        "table": ``path`` is a CSV or parquet, a row an image; ``columns`` maps its names,
            ``images`` is the files' folder, ``rows`` picks: see ``sources.table.from_table``.
    split: "train" or "test"; of a folder or a table also "all". Where these name no parts, a
        fifth is "test": the patients, else slides, else images whose hashed names are lowest, so
        that the two splits never meet, whatever the seed.
    size: pixels a side, antialiased, squeezed to a square; None: as stored (phantom: 32).
    count: how many patches. The phantom draws as many (2,000 if None); of real patches a random
        subset is taken in stored order, and a smaller one of the same seed lies within a larger.
    target: what a task is to predict, see ``tasks``: of the phantom "tumour_share", "nuclei" or
        "mask"; of a table a column of numbers or of masks' files, read as uint8 (N, H, W).
    at_most: as ``count``, but who holds fewer gives all. seed: of the phantom, or of the subset.

    Real patches above 1 GiB in all are decoded once into ``prepared`` in the kit's cache and
    memory-mapped. FileNotFoundError, ValueError: with the file, the value and what to do.
    """
    own = {"columns": columns, "images": images, "rows": rows, "patient": patient, "nested": nested}
    if source != "phantom":
        own["target"] = target
    elif target == "mask":
        dials = {"masks": True, **dials}
    check(source, split, own, dials, path, size, count, at_most, seed, target)
    if source == "phantom":
        return _load_phantom(split, size or 32, count or at_most or 2_000, seed, dials)
    if source in OWN:
        archive = parts.choose(open_own(source, path, **own), split)
    else:
        archive = official.open_set(sets.SETS[source], path, split, size, at_most or count)
    count = count if at_most is None else min(at_most, len(archive.labels))
    if count is not None:
        archive = subset(archive, count, seed)
    patches = of_archive(archive, size, f"{source}, {split}, {Path(archive.where).name}")
    return with_masks(patches, target) if target else patches


def of_archive(images: Archive, size: int | None, source: str) -> Tissue:
    """All the images of an archive as Tissue: decoded, or memory-mapped where they are many."""
    return Tissue(
        torch.from_numpy(prepared.pixels(images, size)),
        torch.from_numpy(images.labels),
        images.class_names,
        source,
        images.facts,
    )


def with_masks(patches: Tissue, name: str) -> Tissue:
    """The patches with the fact ``name`` read, at their size, where it names files of masks."""
    fact = patches.facts[name]
    if fact.dtype.kind != "U":
        return patches
    height, width = patches.images.shape[2:]
    read = masks.read(fact, (height, width))
    return replace(patches, facts={**patches.facts, name: read})


def dials_of(source: str) -> dict[str, float]:
    """What can be turned in a source, and where it stands when nobody turns it; real data: {}."""
    from activecl_nb.sources import phantom

    return dataclasses.asdict(phantom.Dials()) if source == "phantom" else {}


def _load_phantom(split: str, size: int, count: int, seed: int, dials: dict) -> Tissue:
    from activecl_nb.sources import phantom

    dials, known = dict(dials), dials_of("phantom")
    masks = bool(dials.pop("masks", False))
    unknown = sorted(set(dials) - set(known))
    if unknown:
        raise ValueError(f"the phantom has no dials {unknown}; it has {', '.join(known)}")
    images, labels, facts = phantom.load(
        split, count, size, seed=seed, dials=phantom.Dials(**dials), masks=masks
    )
    turned = "".join(f", {name} {value:g}" for name, value in dials.items())
    return Tissue(
        torch.from_numpy(images),
        torch.from_numpy(labels),
        CLASS_NAMES,
        f"phantom (synthetic tissue), {split}, seed {seed}{turned}",
        facts,
    )
