"""An archive: labelled images that can be read by position, from wherever they lie.

It answers one question: give me the images at these positions, in this order. It reads them
where they are and decodes them in parallel, so that a hundred patches out of 100,000 cost a
hundred decodes. ``decode`` brings all into memory; prepared.py writes what is too large for it.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from activecl_nb import seeds
from activecl_nb.files import read
from activecl_nb.sources.image import (
    BadImage,
    BadImages,
    channels_first,
    check_bytes,
    decode_bytes,
    in_parallel,
    listed,
    resize,
)


class Archive(Protocol):
    """Labelled images that can be read by position.

    labels: int64 (N,), positions in ``class_names``. where: the file or folder, for messages.
    identity: a text that changes when the images do. shape: height and width as stored.
    facts: what is known of each image beside its class, arrays of length N by name.
    """

    @property
    def labels(self) -> np.ndarray: ...
    @property
    def class_names(self) -> tuple[str, ...]: ...
    @property
    def where(self) -> str: ...
    @property
    def identity(self) -> str: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def facts(self) -> dict[str, np.ndarray]: ...

    def read(self, positions: Sequence[int], size: int | None) -> Iterator[np.ndarray | BadImage]:
        """Yield uint8 (3, height, width) for each of the ascending positions.

        A size resizes to size x size. An image that cannot be read comes as a BadImage, not
        raised, so that the caller decides whether to stop or to leave it out.
        """
        ...


@dataclass
class ImageFiles:
    """An Archive of image files; ``open_bytes(position)`` gives the content of one."""

    names: list[str]
    labels: np.ndarray
    class_names: tuple[str, ...]
    where: str
    identity: str
    open_bytes: Callable[[int], bytes]
    facts: dict[str, np.ndarray] = field(default_factory=dict)
    _shape: tuple[int, int] | None = field(default=None, repr=False)

    def image(self, position: int) -> Image.Image:
        name = self.names[position]
        try:
            content = self.open_bytes(position)
        except Exception as error:  # of the disk, or of the zip: half a dozen kinds
            raise BadImage(name, "cannot be read", str(error) or type(error).__name__) from error
        return decode_bytes(content, name)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the first image that can be read; all others must have them."""
        if self._shape is None:
            self._shape = self._first_image().size[::-1]
        return self._shape

    def _first_image(self) -> Image.Image:
        bad: list[BadImage] = []
        for position in range(len(self.names)):
            try:
                return self.image(position)
            except BadImage as error:
                bad.append(error)
        raise BadImages(self.where, bad)

    def read(self, positions: Sequence[int], size: int | None) -> Iterator[np.ndarray | BadImage]:
        expected = self.shape[::-1] if size is None else None

        def one(position: int) -> np.ndarray | BadImage:
            try:
                image = self.image(position)
            except BadImage as error:
                return error
            if expected and image.size != expected:
                return _of_another_size(self.names[position], image.size, expected)
            return channels_first(resize(image, size))

        return in_parallel(one, positions)


def _of_another_size(name: str, size: tuple[int, int], expected: tuple[int, int]) -> BadImage:
    (width, height), (w, h) = size, expected
    mend = f"Give a size, such as size={min(w, h)}, to bring all to one"
    return BadImage(name, f"has other than {w}x{h} pixels", f"{width}x{height}", mend)


def on_disk(
    names: list[str],
    paths: Sequence[Path],
    classes: Sequence[str],
    class_names: tuple[str, ...],
    where: str,
    facts: dict[str, np.ndarray],
) -> ImageFiles:
    """Image files at these paths, each with its name and its class.

    ValueError: two have one name, or one file, to which a link leads (symbolic or hard), is said
    to be of two classes, patients or parts. Of copies, which only reading would find, ``look``
    tells.
    """
    number = {name: i for i, name in enumerate(class_names)}
    states = [_state(path) for path in paths]
    said = list(zip(classes, *(facts[n] for n in ("patient", "part") if n in facts), strict=True))
    twice = [(*pair, "of one name") for pair in _again(names)]
    twice += [
        (first, i, "the same file")
        for first, i in _again(states)
        if states[i] and said[first] != said[i]
        # Where a disk numbers no files, those of one size and time look like one.
        if os.stat(paths[i]).st_nlink > 1
        or os.path.realpath(paths[first]) == os.path.realpath(paths[i])
    ]
    for first, i, what in twice[:1]:
        a, b = (f"{str(paths[n])!a} ({', '.join(said[n])})" for n in (first, i))
        raise ValueError(f"{where}: {a} and {b} are {what}; keep one of them")
    return ImageFiles(
        names=names,
        labels=np.array([number[name] for name in classes], dtype=np.int64),
        class_names=class_names,
        where=where,
        identity=digest(
            f"{name} {' '.join(map(str, state[:3]))}"
            for name, state in zip(names, states, strict=True)
        ),
        open_bytes=lambda position: _bounded(paths[position]),
        facts={"file": np.array(names), **facts},
    )


def _bounded(path: Path) -> bytes:
    check_bytes(path.stat().st_size)
    return read(path)


def _again(keys: Iterable[Hashable]) -> Iterator[tuple[int, int]]:
    """(first, i) for each key at position i that stands at ``first`` already."""
    met: dict[Hashable, int] = {}
    for i, key in enumerate(keys):
        first = met.setdefault(key, i)
        if first != i:
            yield first, i


def _state(path: Path) -> tuple[int, ...]:
    """Size and times of change, and which file of which disk it is.

    The second time is the system's own, which ``cp -p`` and ``rsync -t`` cannot set back. () for a
    link to nowhere, which is told when it is read.
    """
    try:
        stat = os.stat(path)
    except OSError:
        return ()
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_dev, stat.st_ino


@dataclass
class Part:
    """Some images of an archive: those at the ascending positions ``rows``."""

    whole: Archive
    rows: np.ndarray

    def __post_init__(self) -> None:
        self.labels = self.whole.labels[self.rows]
        self.class_names = self.whole.class_names
        self.where = self.whole.where
        self.identity = digest([self.whole.identity, *map(str, self.rows)])
        self.facts = {name: values[self.rows] for name, values in self.whole.facts.items()}

    @property
    def shape(self) -> tuple[int, int]:
        return self.whole.shape

    def read(self, positions: Sequence[int], size: int | None) -> Iterator[np.ndarray | BadImage]:
        return self.whole.read(self.rows[np.asarray(positions, dtype=np.int64)].tolist(), size)


def subset(images: Archive, count: int, seed: int) -> Archive:
    """A seeded random ``count`` of the images; the same seed's smaller subset is inside."""
    total = len(images.labels)
    if count > total:
        raise ValueError(f"{images.where} has {total:,} patches in this split, not {count:,}")
    if count == total:
        return images
    shuffled = seeds.numpy_generator(seed, "subset").permutation(total)
    return Part(images, np.sort(shuffled[:count]))


def digest(lines: Iterable[str]) -> str:
    """16 hexadecimal digits that change when the lines do."""
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def refuse_twice(where: str, entries: Iterable[str]) -> None:
    """ValueError for a zip with two entries of one name: readers differ in which they show."""
    twice = [name for name, count in Counter(entries).items() if count > 1]
    if twice:
        raise ValueError(
            f"{where} holds several entries {listed(twice)}; fetch it again, or write it anew"
        )


def decode(archive: Archive, size: int | None = None) -> np.ndarray:
    """All images as uint8 (N, 3, height, width), in memory.

    BadImages: some are bad; it names all of the whole archive, so that they can be mended at once.
    """
    total = len(archive.labels)
    height, width = (size, size) if size else archive.shape
    images = np.empty((total, 3, height, width), dtype=np.uint8)
    bad = False
    with tqdm(total=total, desc="decode", unit="patch", disable=total < 2_000) as progress:
        for row, image in enumerate(archive.read(range(total), size)):
            if isinstance(image, BadImage):
                bad = True
            else:
                images[row] = image
            progress.update()
    if bad:
        raise BadImages(archive.where, all_bad(archive, size))
    return images


def all_bad(archive: Archive, size: int | None) -> list[BadImage]:
    """Every image that cannot be used, of the archive that this one may be a part of."""
    while isinstance(archive, Part):
        archive = archive.whole
    total = len(archive.labels)
    images = tqdm(
        archive.read(range(total), size), "find all that are bad", total, disable=total < 2_000
    )
    return [image for image in images if isinstance(image, BadImage)]
