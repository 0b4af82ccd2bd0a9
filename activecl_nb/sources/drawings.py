"""Drawn patches on disk: made once, believed only with the checksum taken as they were drawn."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import filelock
import numpy as np

from activecl_nb import files


class Drawing(NamedTuple):
    """Patches and what is known of them once they are drawn.

    images: uint8 (n, 3, size, size). masks: uint8 (n, size, (size + 7) // 8), eight pixels a
    byte. tumour_share: float64 (n,), share of the mask's pixels. nuclei: int64 (n,).
    """

    images: np.ndarray
    masks: np.ndarray
    tumour_share: np.ndarray
    nuclei: np.ndarray

    def unpacked(self) -> np.ndarray:
        """The masks as uint8 (n, size, size): 1 where tumour lies, 0 elsewhere."""
        return np.unpackbits(self.masks, axis=2, count=self.images.shape[3])


def in_memory(parts: Iterator[Drawing], count: int, size: int) -> Drawing:
    """All parts as one; room for the ``count`` images is taken once."""
    images, rest, filled = np.empty((count, 3, size, size), np.uint8), [], 0
    for part in parts:
        images[filled : filled + len(part.images)] = part.images
        filled += len(part.images)
        rest.append(part[1:])
    return Drawing(images, *map(np.concatenate, zip(*rest, strict=True)))


def kept(stem: str, count: int, size: int, draw: Callable[[], Iterator[Drawing]]) -> Drawing:
    """The first ``count`` patches of this name from the cache, drawn into it if they are not there.

    A file that holds more serves too. What is damaged is drawn again. Where the cache cannot be
    written, patches are drawn in memory, and a warning says so. Of two processes that want the
    same at once, one draws and the other waits for it.
    """
    folder = files.cache_dir() / "phantom"
    drawing = _kept_before(folder, stem, count, size)
    if drawing is not None:
        return drawing
    path = folder / f"{stem}-{count}.npy"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The lock lies beside the folder; the system lets go of it when its owner is killed.
        with filelock.FileLock(folder.with_name("phantom.lock")):
            files.sweep(folder)
            drawing = _kept_before(folder, stem, count, size)
            if drawing is None:
                _write(path, stem, count, size, draw())
                drawing = _opened(path, stem, size)
    except OSError as error:
        reason = error.strerror or error
        warnings.warn(
            f"{folder} cannot be written ({reason}): patches are drawn in memory, and again in "
            "the next process; set ACTIVECL_HOME to a folder of your own to keep them",
            stacklevel=4,
        )
    return in_memory(draw(), count, size) if drawing is None else drawing


def _kept_before(folder: Path, stem: str, count: int, size: int) -> Drawing | None:
    for path in sorted(folder.glob(f"{stem}-*.npy"), key=_count_of):
        if _count_of(path) >= count:
            drawing = _opened(path, stem, size)
            if drawing is not None:
                return Drawing(*(values[:count] for values in drawing))
    return None


def _write(path: Path, stem: str, count: int, size: int, parts: Iterator[Drawing]) -> None:
    """The images as path, which can be mapped; the rest and a checksum of all as .npz; or none.

    The stem is in it, too: files may be swapped by name, each whole.
    """
    checksum, rest = hashlib.sha256(), []
    with files.replacing(path) as pixels, files.replacing(path.with_suffix(".npz")) as beside:
        with open(pixels, "wb") as file:
            layout = {"descr": "|u1", "fortran_order": False, "shape": (count, 3, size, size)}
            np.lib.format.write_array_header_1_0(file, layout)
            for part in parts:
                file.write(part.images.data)
                checksum.update(part.images.data)
                rest.append(part[1:])
        masks, share, nuclei = map(np.concatenate, zip(*rest, strict=True))
        for values in (masks, share, nuclei):
            checksum.update(values.data)
        np.savez(
            beside,
            masks=masks,
            tumour_share=share,
            nuclei=nuclei,
            sha256=np.frombuffer(checksum.digest(), np.uint8),
            stem=np.array(stem),
        )


def _count_of(path: Path) -> int:
    """The number of patches that a cache file's name promises; -1 for a stranger's file."""
    last = path.stem.rpartition("-")[2]
    return int(last) if last.isdecimal() else -1


_verified: dict[Path, tuple] = {}  # what this process has held against its checksum


def _opened(path: Path, stem: str, size: int) -> Drawing | None:
    """A cached draw, memory-mapped; None when it is not, to the last bit, what was drawn.

    Draws of older kits do not say of which stem they are.
    """
    try:
        # Mode "c": what a user writes into the array never gets to the disk.
        images = np.load(path, mmap_mode="c", allow_pickle=False)
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as stored:
            drawing = Drawing(images, *(stored[name] for name in Drawing._fields[1:]))
            checksum = stored["sha256"].tobytes()
            if "stem" in stored and str(stored["stem"]) != stem:
                return None
    except Exception:  # damaged headers of NumPy and zip fail in half a dozen ways
        return None
    if images.dtype != np.uint8 or images.shape != (_count_of(path), 3, size, size):
        return None
    about = path.stat()
    state = (about.st_size, about.st_mtime_ns, checksum)
    if _verified.get(path) != state:
        found = hashlib.sha256()
        for values in drawing:
            found.update(np.ascontiguousarray(values).data)
        if found.digest() != checksum:
            return None
        _verified[path] = state
    return drawing
