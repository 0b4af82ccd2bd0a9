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
    whole = limit is None or limit >= data_set.patches[split == "test"]
    opened = _open_pathmnist if data_set.name.startswith("pathmnist") else _open_kather19
    return opened(data_set, path, split, size, whole)


def _open_pathmnist(
    data_set: DataSet,
    path: str | os.PathLike[str] | None,
    split: str,
    size: int | None,
    whole: bool,
) -> Archive:
    root = download.home(path)
    if path is None or os.path.isdir(root):
        return _open_official(data_set, root, split, size, whole)
    return NpzFile(root, ("train", "val") if split == "train" else ("test",))


def _open_kather19(
    data_set: DataSet,
    path: str | os.PathLike[str] | None,
    split: str,
    size: int | None,
    whole: bool,
) -> Archive:
    root = download.home(path)
    trees = {part: Path(getattr(data_set, part).name).stem for part in ("train", "test")}
    if os.path.isdir(root / trees[split]):
        return from_folder(root / trees[split], official=True)
    if not os.path.isdir(root) or not _holds_classes(root):
        return _open_official(data_set, root, split, size, whole)
    serves = "test" if root.name == trees["test"] else "train"
    if split != serves:
        raise FileNotFoundError(
            f"{root} holds the split {serves!r} alone; for {split!r} give the folder that holds "
            f"both {trees['train']} and {trees['test']}"
        )
    return from_folder(root, official=True)


def _holds_classes(root: Path) -> bool:
    return any(folder.name in CLASS_NAMES for folder in class_folders(root))


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
        parts = ("train", "val") if split == "train" else ("test",)
        return NpzFile(path, parts, verified=True)
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
