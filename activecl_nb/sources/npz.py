"""PathMNIST's npz files: streamed, and every byte that is believed held against its checksum."""

from __future__ import annotations

import contextlib
import math
import os
import zipfile
from collections.abc import Iterator, Sequence
from typing import IO

import numpy as np
from PIL import Image

from activecl_nb.sources.archive import digest, refuse_twice
from activecl_nb.sources.image import MOST_PIXELS, BadImage, channels_first, in_parallel, resize
from activecl_nb.sources.sets import CLASS_NAMES


class NpzFile:
    """An Archive of one split of a PathMNIST file; ``parts`` are joined, as in ("train", "val").

    Layout (MedMNIST v2): train_images uint8 (N, height, width, 3), train_labels (N, 1), and
    the same for val and test. The images are streamed: a 16 GB file needs a few MB of memory.

    The zip's checksum of a part covers all its images, so before the first image is given the
    part is read once to its end; ``verified`` says that the whole file was held against its
    published hash already.
    """

    class_names = CLASS_NAMES

    def __init__(
        self, path: str | os.PathLike[str], parts: Sequence[str], verified: bool = False
    ) -> None:
        self.where = str(path)
        self.parts = tuple(parts)
        self.facts: dict[str, np.ndarray] = {}
        self._verified = verified
        if not os.path.isfile(path):
            raise FileNotFoundError(f"{path} is missing; expected a PathMNIST .npz file")
        with self._named("truncated or no npz"):
            self._open_all()

    @contextlib.contextmanager
    def _named(self, what: str) -> Iterator[None]:
        """Whatever unknown bytes end in becomes a ValueError that names the file."""
        try:
            yield
        except Exception as error:
            if isinstance(error, ValueError) and self.where in str(error):
                raise
            said = str(error) or type(error).__name__
            raise ValueError(f"{self.where} is {what} ({said}); fetch it again") from error

    def _open_all(self) -> None:
        with zipfile.ZipFile(self.where) as archive:
            self._check_keys(archive)
            shapes = {part: self._check_images(archive, part) for part in self.parts}
            self.labels = np.concatenate(
                [self._read_labels(archive, part, shapes[part][0]) for part in self.parts]
            )
            crcs = [str(archive.getinfo(f"{p}_images.npy").CRC) for p in self.parts]
        pixels = {shape[1:3] for shape in shapes.values()}
        if len(pixels) > 1:
            raise ValueError(f"{self.where}: {self.parts} have images of several sizes {pixels}")
        height, width = pixels.pop()
        self.shape = (height, width)
        self.identity = digest([*self.parts, *crcs, digest(map(str, self.labels))])

    def _check_keys(self, archive: zipfile.ZipFile) -> None:
        wanted = [f"{part}_{what}" for part in self.parts for what in ("images", "labels")]
        keys = sorted(name.removesuffix(".npy") for name in archive.namelist())
        refuse_twice(self.where, archive.namelist())
        missing = [key for key in wanted if key not in keys]
        if missing:
            raise ValueError(
                f"{self.where} lacks {missing} (it holds {keys}); PathMNIST's layout has "
                "train_images, train_labels, val_images, val_labels, test_images, test_labels"
            )

    def _header(self, archive: zipfile.ZipFile, key: str) -> tuple[tuple[int, ...], bool, np.dtype]:
        """Shape, Fortran order and dtype of an array, whose bytes are as many as these say."""
        name = f"{self.where}: {key}"
        with archive.open(f"{key}.npy") as member:
            shape, fortran, dtype = _npy_header(member, name)
            there = archive.getinfo(f"{key}.npy").file_size - member.tell()
        if not dtype.hasobject and math.prod(shape) * dtype.itemsize != there:
            raise ValueError(
                f"{name} says it is {dtype} of shape {shape}, but {there:,} bytes follow; "
                "fetch the file again"
            )
        return shape, fortran, dtype

    def _check_images(self, archive: zipfile.ZipFile, part: str) -> tuple[int, ...]:
        shape, fortran, dtype = self._header(archive, f"{part}_images")
        if dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or fortran or 0 in shape:
            raise ValueError(
                f"{self.where}: {part}_images is {dtype} of shape {shape}"
                f"{' in Fortran order' if fortran else ''}; expected uint8 (N, height, width, 3)"
            )
        if shape[1] * shape[2] > MOST_PIXELS:
            raise ValueError(
                f"{self.where}: {part}_images are {shape[1]:,} x {shape[2]:,}; patches have at "
                f"most {MOST_PIXELS:,} pixels"
            )
        return shape

    def _read_labels(self, archive: zipfile.ZipFile, part: str, images: int) -> np.ndarray:
        name = f"{self.where}: {part}_labels"
        shape, _, dtype = self._header(archive, f"{part}_labels")
        if shape not in ((images, 1), (images,)) or dtype.kind not in "iu":
            raise ValueError(
                f"{name} is {dtype} of shape {shape}; expected whole numbers ({images}, 1), "
                "one for each image"
            )
        with archive.open(f"{part}_labels.npy") as member:
            labels = np.lib.format.read_array(member, allow_pickle=False).ravel()
            _read_to_end(member)
        wrong = np.flatnonzero((labels < 0) | (labels >= len(CLASS_NAMES)))
        if len(wrong):
            raise ValueError(
                f"{name}[{wrong[0]}] is {labels[wrong[0]]}; labels are 0 to "
                f"{len(CLASS_NAMES) - 1} ({' '.join(CLASS_NAMES)})"
            )
        return labels.astype(np.int64)

    def _verify(self) -> None:
        """Read every image once: at the end of a part zipfile compares its checksum."""
        if not self._verified:
            with zipfile.ZipFile(self.where) as archive:
                for part in self.parts:
                    with archive.open(f"{part}_images.npy") as member:
                        _read_to_end(member)
        self._verified = True

    def _rows(self, positions: Sequence[int]) -> Iterator[np.ndarray]:
        """The stored images (height, width, 3) at ascending positions, streamed."""
        height, width = self.shape
        row_bytes = height * width * 3
        asked = np.asarray(positions, dtype=np.int64)
        first = 0
        with zipfile.ZipFile(self.where) as archive:
            for part in self.parts:
                with archive.open(f"{part}_images.npy") as member:
                    shape, *_ = _npy_header(member, self.where)
                    here = asked[(asked >= first) & (asked < first + shape[0])] - first
                    first_byte = member.tell()
                    for position in here:
                        member.seek(first_byte + int(position) * row_bytes)
                        content = member.read(row_bytes)
                        if len(content) < row_bytes:
                            raise EOFError("the file ends too early")
                        yield np.frombuffer(content, np.uint8).reshape(height, width, 3)
                first += shape[0]

    def read(self, positions: Sequence[int], size: int | None) -> Iterator[np.ndarray | BadImage]:
        with self._named("damaged"):
            self._verify()
            rows = self._rows(positions)
            if size is None or self.shape == (size, size):
                for row in rows:
                    yield np.ascontiguousarray(row.transpose(2, 0, 1))
            else:
                yield from in_parallel(
                    lambda row: channels_first(resize(Image.fromarray(row), size)), rows
                )


def _npy_header(member: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, Fortran order and dtype of an .npy stream, which then stands at its first value."""
    try:
        version = np.lib.format.read_magic(member)
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(member)
        return np.lib.format.read_array_header_2_0(member)
    except ValueError as error:
        raise ValueError(f"{name} is no npy array ({error}); fetch the file again") from error


def _read_to_end(member: IO[bytes]) -> None:
    while member.read(1 << 20):
        pass
