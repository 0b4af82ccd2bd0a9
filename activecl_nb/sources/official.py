"""The published sets as archives: from the fetched file, from its array, or from a copy by path."""

from __future__ import annotations

import os
from pathlib import Path

from activecl_nb.sources import download
from activecl_nb.sources.archive import Archive
from activecl_nb.sources.download import is_whole
from activecl_nb.sources.folders import class_folders, from_folder, from_zip
from activecl_nb.sources.npz import NpzFile
from activecl_nb.sources.prepared import Prepared, cannot_write, open_prepared, prepare
from activecl_nb.sources.sets import CLASS_NAMES, DataSet


def open_set(
    data_set: DataSet,
    path: str | os.PathLike[str] | None,
    split: str,
    size: int | None,
    limit: int | None,
) -> Archive:
    """One split of a published set, from wherever ``path`` says. See ``tissue.load``.

    limit: how many patches are wanted. All of a set is prepared once and mapped; a few patches
    are decoded from its file.
    """
    root, in_npz = download.home(path), data_set.name.startswith("pathmnist")
    if in_npz and path is not None and not os.path.isdir(root):
        return NpzFile(root, _npz_parts(split))
    unpacked = None if in_npz else _unpacked(data_set, root, split)
    whole = limit is None or limit >= data_set.patches[split == "test"]
    return unpacked or _open_official(data_set, root, split, size, whole)


def _npz_parts(split: str) -> tuple[str, ...]:
    return ("train", "val") if split == "train" else ("test",)


def _unpacked(data_set: DataSet, root: Path, split: str) -> Archive | None:
    """The tree of a zip that somebody has unpacked, in ``root`` or ``root`` itself."""
    trees = {part: Path(getattr(data_set, part).name).stem for part in ("train", "test")}
    if os.path.isdir(root / trees[split]):
        return from_folder(root / trees[split], official=True)
    if not os.path.isdir(root) or not {p.name for p in class_folders(root)} & {*CLASS_NAMES}:
        return None
    serves = "test" if root.name == trees["test"] else "train"
    if split != serves:
        raise FileNotFoundError(
            f"{root} holds the split {serves!r} alone; for {split!r} give the folder that holds "
            f"both {trees['train']} and {trees['test']}"
        )
    return from_folder(root, official=True)


def _open_official(
    data_set: DataSet, root: Path, split: str, size: int | None, whole: bool
) -> Archive:
    """What was prepared; else the file itself for a few patches, and a new array for all."""
    ready = open_prepared(official_folder(data_set, split, size, root))
    if ready is not None:
        return ready
    if whole:
        try:
            return prepare_official(data_set, split, size, root)
        except OSError as error:
            if not cannot_write(error, root / "prepared"):
                raise
    stored = open_prepared(official_folder(data_set, split, None, root)) if whole else None
    return stored or open_official(data_set, split, root)


def official_folder(data_set: DataSet, split: str, size: int | None, home: Path) -> Path:
    """Where the array of one split at one size is kept."""
    stem = Path(getattr(data_set, split).name).stem
    if data_set.train is data_set.test:  # one file holds both splits
        stem = f"{stem}-{split}"
    return home / "prepared" / f"{stem}-{size or data_set.pixels}px"


def missing_bytes(data_set: DataSet, size: int | None, home: Path) -> int:
    """What the arrays of both splits will still take on disk."""
    return sum(
        count * 3 * (size or data_set.pixels) ** 2
        for split, count in zip(("train", "test"), data_set.patches, strict=True)
        if open_prepared(official_folder(data_set, split, size, home), verify=False) is None
    )


def open_official(data_set: DataSet, split: str, home: Path) -> Archive:
    """The fetched file of one split, verified, as an archive."""
    file = getattr(data_set, split)
    path = home / file.name
    how = f"`python data_download.py get {data_set.name}`"
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"{path} is missing. {how} fetches it; a copy elsewhere is named by path="
        )
    if not is_whole(path, file):
        raise ValueError(
            f"{path} is not the published file (its size or md5 differs). {how} sets it aside "
            "and fetches it anew"
        )
    if path.suffix == ".npz":
        return NpzFile(path, _npz_parts(split), verified=True)
    return from_zip(path, file.counts)


def prepare_official(
    data_set: DataSet,
    split: str,
    size: int | None,
    home: Path,
    *,
    skip_corrupt: bool = False,
) -> Prepared:
    """The array of one split at one size, prepared now if it is not there yet.

    If the array at the stored size is there, others are made from it: no image is decoded twice.
    """
    folder = official_folder(data_set, split, size, home)
    ready = open_prepared(folder)
    if ready is None:
        stored = open_prepared(official_folder(data_set, split, None, home))
        images = stored or open_official(data_set, split, home)
        ready = prepare(
            images,
            size,
            folder,
            skip_corrupt=skip_corrupt,
            advice=". Replace the files, or leave such images out: --skip-corrupt on the command "
            "line, skip_corrupt=True in Python",
        )
    return ready
