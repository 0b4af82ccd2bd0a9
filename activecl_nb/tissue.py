"""Tissue: patches, their labels, and where they came from.

``load`` gives the same object for every source, so that nothing further down knows whether a
patch was drawn, downloaded, or brought along by the reader.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from activecl_nb import seeds
from activecl_nb.files import cache_dir
from activecl_nb.sources import archive, download
from activecl_nb.sources.download import CLASS_NAMES


@dataclass(frozen=True)
class Tissue:
    """Labelled patches.

    images: uint8 tensor (N, 3, H, W), kept as bytes, possibly memory-mapped.
    labels: int64 tensor (N,), positions in ``class_names``.
    class_names: the classes, in the order of the label numbers.
    source: one line that says where the patches came from, shown under every figure.
    facts: what is known of each patch beside its class, as arrays of length N (for the phantom:
        patient, slide, centre, ...); empty for real data, of which such things are not known.
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


OWN: tuple[str, ...] = ()  # sources without a test part of their own
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
    **dials: float,
) -> Tissue:
    """Patches with labels, from any source, as one object.

    source:
        "phantom": the embedded synthetic tissue; ``dials`` are those of ``phantom.Dials``.
        "pathmnist", "pathmnist-64", "-128", "-224": ``path`` is an .npz in PathMNIST's layout,
            or the folder that ``data_download.py get`` filled (None: its usual one). Its train
            and val splits together are "train".
        "kather19", "kather19-nonorm": ``path`` is the folder that holds the class-folder trees
            NCT-CRC-HE-100K and CRC-VAL-HE-7K, or one of these trees, or the folder that
            ``data_download.py get`` filled (None: its usual one).
        "folder": ``path`` holds one folder of images for each class, or such folders inside
            ``train`` and ``test``. Without these two, a fifth of each class is "test": the
            images whose hashed names are lowest, so that the two splits never meet, whatever
            the seed. Class names are the sorted folder names; names that are all among the
            official nine keep the official order and numbers.
    split: "train" or "test".
    size: pixels a side, antialiased; a patch that is not square is squeezed. None: as stored
        (phantom: 32).
    count: how many patches. The phantom draws as many (2,000 if None); of real patches a random
        subset is taken, without replacement, in stored order, and a smaller count of the same
        seed is a subset of a larger. Only these are decoded.
    at_most: as ``count``, but a source that holds fewer gives all it has.
    seed: of the phantom, or of the subset.

    Real patches above 1 GiB in all are decoded once into ``prepared`` in the kit's cache and
    memory-mapped; what lies there may be deleted at any time. Raises FileNotFoundError or
    ValueError with the file, the value and what to do.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split is 'train' or 'test', not {split!r}")
    for name, value in (("size", size), ("count", count), ("at_most", at_most)):
        if value is not None and value < 1:
            raise ValueError(f"{name} is a whole number of at least 1, not {value!r}")
    if count is not None and at_most is not None:
        raise ValueError(f"give count={count} or at_most={at_most}, not both")
    if source == "phantom":
        count = at_most if count is None else count
        return _load_phantom(split, size or 32, 2_000 if count is None else count, seed, dials)
    if dials:
        raise ValueError(f"{sorted(dials)} are dials of the phantom; {source!r} has none")
    if source == "folder":
        images = _open_folder(path, split)
    elif source in download.SETS:
        open_set = _open_pathmnist if source.startswith("pathmnist") else _open_kather19
        data_set = download.SETS[source]
        limit = count if at_most is None else at_most
        # All of a set is prepared once and mapped; a few patches are decoded from its file.
        whole = limit is None or limit >= data_set.patches[split == "test"]
        images = open_set(data_set, path, split, size, whole)
    else:
        known = ", ".join(("phantom", *download.SETS, "folder"))
        raise ValueError(f"unknown source {source!r}; there are {known}")
    if at_most is not None:
        count = min(at_most, len(images.labels))
    if count is not None:
        images = _subset(images, count, seed)
    return Tissue(
        torch.from_numpy(_pixels(images, size)),
        torch.from_numpy(images.labels),
        images.class_names,
        f"{source}, {split}, {Path(images.where).name}",
    )


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
    if isinstance(images, archive.Prepared) and images.shape == (height, width):
        return images.images
    if len(images.labels) * 3 * height * width <= IN_MEMORY:
        return archive.decode(images, size)
    kept = cache_dir() / "prepared" / f"{images.identity}-{height}x{width}"
    return archive.prepare(images, size, kept).images


def _load_phantom(split: str, size: int, count: int, seed: int, dials: dict) -> Tissue:
    from activecl_nb.sources import phantom

    known = dials_of("phantom")
    unknown = sorted(set(dials) - set(known))
    if unknown:
        raise ValueError(f"the phantom has no dials {unknown}; it has {', '.join(known)}")
    images, labels, facts = phantom.load(
        split, count, size, seed=seed, dials=phantom.Dials(**dials)
    )
    turned = "".join(f", {name} {value:g}" for name, value in dials.items())
    return Tissue(
        torch.from_numpy(images),
        torch.from_numpy(labels),
        CLASS_NAMES,
        f"phantom (synthetic tissue), {split}, seed {seed}{turned}",
        facts,
    )


def _open_folder(path: str | os.PathLike[str] | None, split: str) -> archive.Archive:
    if path is None:
        raise ValueError("source 'folder' needs path=, the folder that holds the class folders")
    root = Path(path).expanduser()
    parts = {part: root / part for part in ("train", "test")}
    if not all(part.is_dir() for part in parts.values()):
        return _fifths(archive.from_folder(root), split)
    # Both splits number their classes alike, even where one lacks a class.
    names = [p.name for part in parts.values() for p in archive.class_folders(part)]
    numbers = archive.class_numbers(names, str(root), official=False)
    return archive.from_folder(parts[split], class_names=numbers)


def _fifths(images: archive.ImageFiles, split: str) -> archive.Part:
    """The images whose hashed names are the lowest fifth of their class, or all the others."""
    rank = np.array([seeds.number(0, "folder split", name) for name in images.names])
    is_test = np.zeros(len(rank), dtype=bool)
    for label in np.unique(images.labels):
        members = np.flatnonzero(images.labels == label)
        fifth = min(max(1, round(len(members) / 5)), len(members) - 1)  # both get at least one
        is_test[members[np.argsort(rank[members])][:fifth]] = True
    return archive.Part(images, np.flatnonzero(is_test if split == "test" else ~is_test))


def _open_pathmnist(
    data_set: download.DataSet,
    path: str | os.PathLike[str] | None,
    split: str,
    size: int | None,
    whole: bool,
) -> archive.Archive:
    root = download.home(path)
    if path is None or root.is_dir():
        return _open_official(data_set, root, split, size, whole)
    return archive.NpzFile(root, ("train", "val") if split == "train" else ("test",))


def _open_kather19(
    data_set: download.DataSet,
    path: str | os.PathLike[str] | None,
    split: str,
    size: int | None,
    whole: bool,
) -> archive.Archive:
    root = download.home(path)
    trees = {part: Path(getattr(data_set, part).name).stem for part in ("train", "test")}
    if (root / trees[split]).is_dir():
        return archive.from_folder(root / trees[split], official=True)
    if not root.is_dir() or not _holds_classes(root):
        return _open_official(data_set, root, split, size, whole)
    serves = "test" if root.name == trees["test"] else "train"
    if split != serves:
        raise FileNotFoundError(
            f"{root} holds the split {serves!r} alone; for {split!r} give the folder that holds "
            f"both {trees['train']} and {trees['test']}"
        )
    return archive.from_folder(root, official=True)


def _holds_classes(root: Path) -> bool:
    return any(folder.name in CLASS_NAMES for folder in archive.class_folders(root))


def _open_official(
    data_set: download.DataSet, root: Path, split: str, size: int | None, whole: bool
) -> archive.Archive:
    """What was prepared; else the file itself for a few patches, and a new array for all."""
    ready = archive.open_prepared(archive.official_folder(data_set, split, size, root))
    if ready is not None:
        return ready
    if not whole:
        return archive.open_official(data_set, split, root)
    return archive.prepare_official(data_set, split, size, root)
