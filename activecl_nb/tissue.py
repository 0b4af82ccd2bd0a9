"""Tissue: patches, their labels, and where they came from.

``load`` gives the same object for every source, so that nothing further down knows whether a
patch was drawn, downloaded, or brought along by the reader.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral
from pathlib import Path

import numpy as np
import torch

from activecl_nb import seeds
from activecl_nb.files import cache_dir
from activecl_nb.sources import (
    archive,
    folders,
    masks,
    official,
    parts,
    prepared,
    sets,
    table,
    unlabelled,
)
from activecl_nb.sources.sets import CLASS_NAMES


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


# What load holds in memory; anything larger is written once and memory-mapped.
IN_MEMORY = 1 << 30


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
    rows: Mapping[str, object] | None = None,
    patient: str | None = None,
    nested: bool = False,
    target: str | None = None,
    **dials: float,
) -> Tissue:
    """Patches with labels, from any source, as one object.

    source:
        "phantom": the embedded synthetic tissue; ``dials`` are those of ``phantom.Dials``. With
            ``masks=True`` facts["mask"] says where tumour lies, uint8 (N, H, W).
        "pathmnist", "pathmnist-64", "-128", "-224": ``path`` is an .npz in PathMNIST's layout,
            or the folder that ``data_download.py get`` filled (None: its usual one). Its train
            and val splits together are "train".
        "kather19", "kather19-nonorm": ``path`` is the folder that holds the class-folder trees
            NCT-CRC-HE-100K and CRC-VAL-HE-7K, or one of these trees, or the folder that
            ``data_download.py get`` filled (None: its usual one).
        "folder": ``path`` holds one folder of images for each class, or such folders inside
            ``train`` and ``test`` (and ``val``, which trains). ``patient`` is a pattern that
            finds the patient in a file's name; ``nested`` reads class/patient/... folders: see
            ``sources.folders.from_folder``.
        "table": ``path`` is a CSV or parquet, a row an image. ``columns``, ``images`` (their
            folder) and ``rows`` are those of ``sources.table.from_table``.
    split: "train" or "test"; of a folder or a table also "all". Where these name no parts, a
        fifth is "test": the patients, else slides, else images whose hashed names are lowest, so
        that the two splits never meet, whatever the seed.
    size: pixels a side, antialiased and squeezed to a square; None: as stored (phantom: 32).
    count: how many patches. The phantom draws as many (2,000 if None); of real patches a random
        subset is taken in stored order, and a smaller one of the same seed lies within a larger.
    target: a fact to predict: "tumour_share", "nuclei" or "mask"; a table's column of any name.
    at_most: as ``count``, but a source that holds fewer gives all it has.
    seed: of the phantom, or of the subset.

    Real patches above 1 GiB in all are decoded once into ``prepared`` in the kit's cache and
    memory-mapped. FileNotFoundError, ValueError: with the file, the value and what to do.
    """
    own = {"columns": columns, "images": images, "rows": rows, "patient": patient, "nested": nested}
    own["target"] = target
    _check(source, split, own, dials, size=size, count=count, at_most=at_most)
    if source == "phantom":
        return _load_phantom(split, size or 32, count or at_most or 2_000, seed, dials, target)
    if source in OWN:
        found = parts.choose(open_own(source, path, **own), split)
    else:
        found = official.open_set(sets.SETS[source], path, split, size, at_most or count)
    total = len(found.labels)
    found = _subset(found, count or min(at_most or total, total), seed)
    patches = of_archive(found, size, f"{source}, {split}, {Path(found.where).name}")
    return with_masks(patches, target)


def of_archive(images: archive.Archive, size: int | None, source: str) -> Tissue:
    """All the images of an archive as Tissue: decoded, or memory-mapped where they are many."""
    return Tissue(
        torch.from_numpy(_pixels(images, size)),
        torch.from_numpy(images.labels),
        images.class_names,
        source,
        images.facts,
    )


def with_masks(patches: Tissue, name: str | None) -> Tissue:
    """The patches with the fact ``name`` read, where it names files of masks.

    Other columns that a table was loaded for are numbers already. A mask is uint8 (N, H, W), of
    the images' size: 1 where most of a pixel is not black.
    """
    if not name or patches.facts[name].dtype.kind != "U":
        return patches
    read = masks.read(patches.facts[name], tuple(patches.images.shape[2:]))
    return replace(patches, facts={**patches.facts, name: read})


# One's own patches, and the arguments that each kind takes.
OWN = {"folder": ("patient", "nested"), "table": ("columns", "images", "rows", "target")}


def _check(source: str, split: str, own: dict, dials: dict, **numbers: int | None) -> None:
    """ValueError for arguments that do not fit the source."""
    if source not in ("phantom", *sets.SETS, *OWN):
        known = ", ".join(("phantom", *sets.SETS, *OWN))
        raise ValueError(f"unknown source {source!r}; there are {known}")
    if split not in parts.SPLITS or (split == "all" and source not in OWN):
        also = ", of a folder or a table also 'all'" if source not in OWN else " or 'all'"
        raise ValueError(f"split is 'train' or 'test'{also}, not {split!r}")
    for name, value in numbers.items():
        if value is not None and not (isinstance(value, Integral) and value >= 1):
            raise ValueError(f"{name} is a whole number of at least 1, not {value!r}")
    if numbers["count"] is not None and numbers["at_most"] is not None:
        raise ValueError(f"give count={numbers['count']} or at_most={numbers['at_most']}, not both")
    if dials and source != "phantom":
        raise ValueError(f"{sorted(dials)} are dials of the phantom; {source!r} has none")
    taken = ("target",) if source == "phantom" else OWN.get(source, ())
    strange = [name for name, value in own.items() if value and name not in taken]
    if strange:
        owner = next(kind for kind, takes in OWN.items() if strange[0] in takes)
        raise ValueError(f"{strange[0]}= is for the source {owner!r}, not for {source!r}")


def open_own(
    source: str, path: str | os.PathLike[str] | None, **options: object
) -> archive.ImageFiles:
    """The images of a folder or a table, found and checked but not decoded.

    options: what ``load`` takes for this source; and ``crossing=True`` lets patients be in
    training and test alike.
    """
    if path is None:
        what = {"folder": "the folder that holds the class folders", "table": "the CSV or parquet"}
        raise ValueError(f"source {source!r} needs path=, {what[source]}")
    opened = folders.from_folder if source == "folder" else table.from_table
    return opened(path, **{k: v for k, v in options.items() if k in (*OWN[source], "crossing")})


def open_unlabelled(path: str | os.PathLike[str], **options: object) -> archive.ImageFiles:
    """The images of a table, or all below a folder, whatever their class: found, not decoded.

    options: a table's ``columns``, ``images`` and ``rows``; a folder's ``patient``.
    """
    if Path(os.path.expanduser(path)).is_dir():
        return unlabelled.from_files(path, patient=options.get("patient"))
    columns = {**(options.get("columns") or {}), "label": None, "part": None}
    others = {name: options.get(name) for name in ("images", "rows")}
    return table.from_table(path, needed=("file",), columns=columns, **others)


def dials_of(source: str) -> dict[str, float]:
    """What can be turned in a source, and where it stands when nobody turns it; real data: {}."""
    from activecl_nb.sources import phantom

    return dataclasses.asdict(phantom.Dials()) if source == "phantom" else {}


def _subset(images: archive.Archive, count: int, seed: int) -> archive.Archive:
    """A seeded random ``count`` of the images; the same seed's smaller subset is inside."""
    total = len(images.labels)
    if count > total:
        raise ValueError(f"{images.where} has {total:,} patches in this split, not {count:,}")
    if count == total:
        return images
    shuffled = seeds.numpy_generator(seed, "subset").permutation(total)
    return archive.Part(images, np.sort(shuffled[:count]))


def _pixels(images: archive.Archive, size: int | None) -> np.ndarray:
    """uint8 (N, 3, height, width): in memory, or memory-mapped where it is large."""
    height, width = (size, size) if size else images.shape
    if isinstance(images, prepared.Prepared) and images.shape == (height, width):
        return images.images
    if len(images.labels) * 3 * height * width <= IN_MEMORY:
        return archive.decode(images, size)
    kept = cache_dir() / "prepared" / f"{images.identity}-{prepared.RECIPE}-{height}x{width}"
    try:
        return prepared.prepare(images, size, kept).images
    except OSError as error:
        if not prepared.cannot_write(error, kept.parent):
            raise
        return archive.decode(images, size)


def _load_phantom(
    split: str, size: int, count: int, seed: int, dials: dict, target: str | None
) -> Tissue:
    from activecl_nb.sources import phantom

    dials, known = dict(dials), dials_of("phantom")
    masks = bool(dials.pop("masks", target == "mask"))
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
