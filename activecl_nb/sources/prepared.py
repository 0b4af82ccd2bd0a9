"""What is too large for the memory is decoded once to an array on disk and memory-mapped.

A finished array is believed only with its manifest (files.py), a begun one only with the running
checksum of its rows in progress.json.
"""

from __future__ import annotations

import errno
import io
import itertools
import json
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import xxhash
from tqdm.auto import tqdm

from activecl_nb import files
from activecl_nb.sources.archive import Archive, all_bad, decode, digest
from activecl_nb.sources.download import check_space, full_disk_explained, write_all
from activecl_nb.sources.image import (
    BadImage,
    BadImages,
    channels_first,
    in_parallel,
    resize,
    to_image,
)

# Images that are decoded, but not yet written, at one time: 512 patches of 224 pixels are 77 MB.
BLOCK = 512
FILES = ("images.npy", "labels.npy", "about.json")
RECIPE = 2  # goes up when the same input would give other bytes, so that old arrays are redone


@dataclass
class Prepared:
    """An Archive that ``prepare`` wrote: ``images`` is memory-mapped, (N, 3, height, width).

    made_from: identity of the archive. left_out: what is said of each image that is missing.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    where: str
    made_from: str
    left_out: list[str]
    facts: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        return digest([self.made_from, *map(str, self.shape), *self.left_out])

    @property
    def shape(self) -> tuple[int, int]:
        return self.images.shape[2:]

    def read(self, positions: Sequence[int], size: int | None) -> Iterator[np.ndarray | BadImage]:
        stored = (self.images[position] for position in positions)
        if size is None or self.shape == (size, size):
            return stored
        return in_parallel(lambda image: channels_first(resize(to_image(image), size)), stored)


def open_prepared(folder: str | os.PathLike[str], *, verify: bool = True) -> Prepared | None:
    """The finished array in ``folder``; None where there is none, or only a begun one.

    verify: hold every byte against its checksum, once in a process. ValueError: it is damaged.
    """
    folder = files.expanded(folder)
    if not all(os.path.isfile(folder / name) for name in FILES):
        return None
    try:
        manifest = files.Manifest.of(folder)
        if not manifest.sealed and (folder / "progress.json").exists():
            return None  # killed before it was sealed
        if verify:
            _verify(manifest)
        about = json.loads(manifest.read("about.json"))
        names, made_from, left_out = (about[k] for k in ("class_names", "identity", "left_out"))
        # Mode "c": the pages are read when touched, and what a user writes never gets to disk.
        images = np.load(folder / "images.npy", mmap_mode="c", allow_pickle=False)
        labels = np.load(folder / "labels.npy", allow_pickle=False)
    except Exception as error:  # of json and of numpy's header: half a dozen kinds
        raise ValueError(
            f"{folder} is damaged ({error}); delete it, and it is prepared anew"
        ) from error
    return Prepared(images, labels, tuple(names), str(folder), made_from, left_out)


_verified: set[tuple] = set()  # the files that this process has hashed, by name, size and time


def _verify(manifest: files.Manifest) -> None:
    """ValueError: a file is not what was sealed. A warning where nobody can tell."""
    if not manifest.sealed:
        warnings.warn(
            f"{manifest.folder} was written before arrays had checksums: unverified", stacklevel=4
        )
        return
    for name in FILES:
        stat = (manifest.folder / name).stat()
        key = (str(manifest.folder), name, stat.st_size, stat.st_mtime_ns, str(manifest.entries))
        if key not in _verified:
            manifest.verify(name)
            _verified.add(key)


def prepare(
    archive: Archive,
    size: int | None,
    folder: str | os.PathLike[str],
    *,
    skip_corrupt: bool = False,
    advice: str = "",
) -> Prepared:
    """Decode the whole archive once into ``folder`` and open it, memory-mapped.

    The memory it takes does not grow with the archive. It may be killed at any moment: the next
    call goes on after the last block that was written. Images that cannot be decoded are all
    named at the end (BadImages, with ``advice``), or, with ``skip_corrupt``, in ``left_out``.

    The folder holds images.npy, uint8 (N, 3, height, width); labels.npy, int64 (N,); about.json;
    and manifest.json with their checksums.
    """
    folder = files.expanded(folder)
    ready = open_prepared(folder)
    if ready is not None and ready.made_from == archive.identity:
        return ready  # without the lock, which a read-only folder could not hold
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / ".lock"):  # let go by the system when its owner is killed
        ready = open_prepared(folder)
        if ready is None or ready.made_from != archive.identity:
            files.sweep(folder)
            _Preparation(archive, size, folder, skip_corrupt, advice).run()
            ready = open_prepared(folder, verify=False)  # the checksum was just taken
    if ready is None:
        raise FileNotFoundError(f"{folder} has vanished while it was filled; prepare it again")
    return ready


def cannot_write(error: OSError, folder: Path) -> bool:
    """Whether the disk is read-only, as a teacher's shared cache may be; that is then said."""
    read_only = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
    if read_only:
        warnings.warn(
            f"{folder} cannot be written, so that the patches are decoded anew each time and kept "
            "in memory; ACTIVECL_HOME names another cache",
            stacklevel=4,
        )
    return read_only


class _Preparation:
    """One run of ``prepare``: images.part grows block by block, progress.json follows it."""

    def __init__(
        self, archive: Archive, size: int | None, folder: Path, skip_corrupt: bool, advice: str
    ) -> None:
        self.archive, self.size = archive, size
        self.folder, self.skip_corrupt, self.advice = folder, skip_corrupt, advice
        self.shape = (size, size) if size else tuple(archive.shape)
        self.recipe = [RECIPE, archive.identity, *self.shape]
        self.part = folder / "images.part"
        self.next = 0  # the first position that is not yet dealt with
        self.left_out: dict[int, BadImage] = {}
        self.sum = xxhash.xxh3_128()  # of all rows so far

    @property
    def rows(self) -> int:
        return self.next - len(self.left_out)

    @property
    def row_bytes(self) -> int:
        return 3 * self.shape[0] * self.shape[1]

    def header(self) -> bytes:
        """The header of the .npy file; its length is the same for any number of rows."""
        stream = io.BytesIO()
        layout = {"descr": "|u1", "fortran_order": False, "shape": (self.rows, 3, *self.shape)}
        np.lib.format.write_array_header_1_0(stream, layout)
        return stream.getvalue()

    def run(self) -> None:
        if not self.resume():
            for name in ("images.npy", files.MANIFEST):  # of another recipe
                (self.folder / name).unlink(missing_ok=True)
            self.part.write_bytes(self.header())
        missing = len(self.archive.labels) - self.next
        check_space(self.folder, missing * self.row_bytes, self.folder.name)
        with full_disk_explained(self.folder, lambda: f"{self.rows:,} patches"):
            self.append_all()
            if self.left_out and not self.skip_corrupt:
                bad = all_bad(self.archive, self.size)
                raise BadImages(self.archive.where, bad, self.advice)
            self.finish()

    def resume(self) -> bool:
        """Take up what an earlier run of the same recipe wrote, if every byte of it is there."""
        try:
            state = _read_sealed(self.folder / "progress.json")
            if state["recipe"] != self.recipe:
                return False
            left_out = {int(p): BadImage(*said) for p, said in state["left_out"].items()}
            rows = state["next"] - len(left_out)
            found = _sum_of(self.part, len(self.header()), rows * self.row_bytes)
        except (OSError, ValueError, KeyError):
            return False  # none, or damaged: begin anew
        if found.hexdigest() != state["xxh128"]:
            return False
        self.next, self.left_out, self.sum = state["next"], left_out, found
        return True

    def append_all(self) -> None:
        total = len(self.archive.labels)
        progress = tqdm(total=total, initial=self.next, desc=self.folder.name, unit="patch")
        # Unbuffered: closing a buffered file on a full disk would fail a second time.
        with progress, open(self.part, "r+b", buffering=0) as part:
            part.seek(len(self.header()) + self.rows * self.row_bytes)
            images = self.archive.read(range(self.next, total), self.size)
            while block := list(itertools.islice(images, BLOCK)):
                self.append(part, block)
                progress.update(len(block))
            part.truncate(part.tell())
            part.seek(0)
            write_all(part, self.header())
            os.fsync(part.fileno())

    def append(self, part: io.RawIOBase, block: list[np.ndarray | BadImage]) -> None:
        left_out, total = dict(self.left_out), self.sum.copy()
        for position, image in enumerate(block, self.next):
            if isinstance(image, BadImage):
                left_out[position] = image
            else:
                write_all(part, image)
                total.update(image)
        os.fsync(part.fileno())
        state = {
            "recipe": self.recipe,
            "next": self.next + len(block),
            "left_out": {p: [i.name, i.reason, i.detail, i.mend] for p, i in left_out.items()},
            "xxh128": total.hexdigest(),
        }
        _write_sealed(self.folder / "progress.json", state)
        self.next, self.left_out, self.sum = state["next"], left_out, total

    def finish(self) -> None:
        """The manifest comes last: what has one is complete."""
        with files.replacing(self.folder / "labels.npy") as path:
            np.save(path, np.delete(self.archive.labels, list(self.left_out)))
        about = {
            "identity": self.archive.identity,
            "from": Path(self.archive.where).name,
            "class_names": self.archive.class_names,
            "left_out": [str(image) for image in self.left_out.values()],
        }
        files.write(self.folder / "about.json", json.dumps(about, indent=1))
        os.replace(self.part, self.folder / "images.npy")
        files.seal(self.folder, *FILES)
        (self.folder / "progress.json").unlink()


# ---------------------------------------------------------------------------- a begun array
def _sum_of(path: Path, start: int, length: int) -> xxhash.xxh3_128:
    """The running checksum of ``length`` bytes of a file; OSError if it is shorter."""
    found = xxhash.xxh3_128()
    with open(path, "rb") as file:
        file.seek(start)
        while length > 0:
            content = file.read(min(length, files.CHUNK))
            if not content:
                raise OSError(f"{path} is too short")
            found.update(content)
            length -= len(content)
    return found


def _read_sealed(path: Path) -> dict[str, Any]:
    """A JSON object that ``_write_sealed`` wrote; ValueError if a character of it changed."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.pop("seal") != _seal(content):
        raise ValueError(f"{path} is not what was written")
    return content


def _write_sealed(path: Path, content: dict[str, Any]) -> None:
    content = json.loads(json.dumps(content))  # tuples as lists, keys as text, as they are read
    files.write(path, json.dumps({**content, "seal": _seal(content)}, indent=1))


def _seal(content: dict[str, Any]) -> str:
    return files.checksum(json.dumps(content, sort_keys=True).encode())


# What tissue.load holds in memory; anything larger is written once and memory-mapped.
IN_MEMORY = 1 << 30


def pixels(images: Archive, size: int | None) -> np.ndarray:
    """uint8 (N, 3, height, width): in memory, or memory-mapped where it is large."""
    height, width = (size, size) if size else images.shape
    if isinstance(images, Prepared) and images.shape == (height, width):
        return images.images
    if len(images.labels) * 3 * height * width <= IN_MEMORY:
        return decode(images, size)
    kept = files.cache_dir() / "prepared" / f"{images.identity}-{RECIPE}-{height}x{width}"
    try:
        return prepare(images, size, kept).images
    except OSError as error:
        if not cannot_write(error, kept.parent):
            raise
        return decode(images, size)
