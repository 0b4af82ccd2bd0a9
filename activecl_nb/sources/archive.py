"""Class folders, zips and npz files become arrays of patches.

An archive answers one question: give me the images at these positions, in this order. It reads
them where they lie (a zip is never unpacked) and decodes them in parallel, so that a hundred
patches out of 100,000 cost a hundred decodes. What is too large for the memory is written once
to an array on disk (``prepare``) and memory-mapped from then on.
"""

from __future__ import annotations

import errno
import hashlib
import io
import itertools
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import filelock
import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from activecl_nb.fast import threads
from activecl_nb.files import replacing
from activecl_nb.sources.download import CLASS_NAMES, DataSet, check_space, is_whole, write_all

ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
# Images that are decoded, but not yet written, at one time: 512 patches of 224 pixels are 77 MB.
BLOCK = 512
RECIPE = 1  # goes up when the same input would give other bytes, so that old arrays are redone


class BadImage(ValueError):
    """An image that cannot be decoded, or not without guessing; the text names it."""


class Archive(Protocol):
    """Labelled images that can be read by position.

    labels: int64 (N,), positions in ``class_names``. where: the file or folder, for messages.
    identity: a text that changes when the images do. shape: height and width as stored.
    """

    labels: np.ndarray
    class_names: tuple[str, ...]
    where: str
    identity: str

    @property
    def shape(self) -> tuple[int, int]: ...

    def read(self, positions: Sequence[int], size: int | None) -> Iterator[np.ndarray | BadImage]:
        """Yield uint8 (3, height, width) for each of the ascending positions.

        A size resizes to size x size. An image that cannot be read comes as a BadImage, not
        raised, so that the caller decides whether to stop or to leave it out.
        """
        ...


# ---------------------------------------------------------------------------- one image


def to_rgb(image: Image.Image, name: str) -> Image.Image:
    """The image as 8-bit RGB, if that loses nothing.

    RGB, 8-bit grey, black and white, palettes, and RGBA that is opaque all over (as slide
    readers write it) are taken. Everything else, such as 16-bit grey, CMYK or transparency,
    would need a choice that only its owner can make: a BadImage names the mode.
    """
    transparent = "transparency" in image.info
    if image.mode in ("RGB", "L", "1", "P") and not transparent:
        return image.convert("RGB")
    if image.mode == "RGBA" and image.getextrema()[3] == (255, 255):
        return image.convert("RGB")
    mode = f"{image.mode} with transparency" if transparent else image.mode
    raise BadImage(
        f"{name} has mode {mode}; patches are 8-bit RGB or grey without transparency. "
        "Convert it first, for instance with PIL: image.convert('RGB').save(...)"
    )


def resize(image: Image.Image, size: int | None) -> Image.Image:
    """Bicubic with antialiasing (the filter widens as the image shrinks), to size x size."""
    if size is None or image.size == (size, size):
        return image
    return image.resize((size, size), Image.Resampling.BICUBIC)


def channels_first(image: Image.Image) -> np.ndarray:
    """uint8 (3, height, width)."""
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))


def to_image(pixels: np.ndarray) -> Image.Image:
    """From uint8 (3, height, width)."""
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def decode_bytes(content: bytes, name: str) -> Image.Image:
    """One image file as RGB. BadImage, with the name, if it is broken or of a refused mode."""
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise BadImage(f"{name} cannot be decoded ({error})") from error
    return to_rgb(image, name)


def _in_parallel(job: Callable, items: Iterable) -> Iterator[np.ndarray | BadImage]:
    """Map over threads, in order, with a bounded number of results waiting."""
    workers = min(8, os.cpu_count() or 1)
    return threads.ahead(job, items, workers, 8 * workers)


# ---------------------------------------------------------------------------- class folders


@dataclass
class ImageFiles:
    """An Archive of image files; ``open_bytes(position)`` gives the content of one."""

    names: list[str]
    labels: np.ndarray
    class_names: tuple[str, ...]
    where: str
    identity: str
    open_bytes: Callable[[int], bytes]
    _shape: tuple[int, int] | None = field(default=None, repr=False)

    def image(self, position: int) -> Image.Image:
        name = f"{self.where}: {self.names[position]}"
        try:
            content = self.open_bytes(position)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise BadImage(f"{name} cannot be read ({error})") from error
        return decode_bytes(content, name)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the first image that can be read; all others must have them."""
        if self._shape is None:
            self._shape = self._first_image().size[::-1]
        return self._shape

    def _first_image(self) -> Image.Image:
        errors: list[BadImage] = []
        for position in range(len(self.names)):
            try:
                return self.image(position)
            except BadImage as error:
                errors.append(error)
        raise errors[0]

    def read(self, positions: Sequence[int], size: int | None) -> Iterator[np.ndarray | BadImage]:
        expected = self.shape if size is None else None

        def one(position: int) -> np.ndarray | BadImage:
            try:
                image = self.image(position)
            except BadImage as error:
                return error
            if expected and image.size != expected[::-1]:
                raise ValueError(
                    f"{self.where}: {self.names[position]} has {image.size[0]}x{image.size[1]} "
                    f"pixels, others {expected[1]}x{expected[0]}; give a size, such as "
                    f"size={min(expected)}, to bring all to one"
                )
            return channels_first(resize(image, size))

        return _in_parallel(one, positions)


def class_numbers(found: Iterable[str], where: str, official: bool) -> tuple[str, ...]:
    """The class names in the order of their label numbers.

    official: exactly the nine of the NCT-CRC-HE sets, in their official order. Otherwise any
    names, sorted; but names that are all among the nine keep the official order and numbers.
    """
    found = sorted(set(found))
    missing = [name for name in CLASS_NAMES if name not in found]
    strange = [name for name in found if name not in CLASS_NAMES]
    if official and (missing or strange):
        wrong = [f"lacks the class folders {missing}"] if missing else []
        wrong += [f"has other folders {strange}"] if strange else []
        raise ValueError(
            f"{where} {' and '.join(wrong)}; the official layout has {' '.join(CLASS_NAMES)}. "
            "Folders of other classes load with source='folder'"
        )
    return CLASS_NAMES if found and not strange else tuple(found)


def class_folders(root: Path) -> list[Path]:
    """The folders in ``root`` that are not hidden, sorted by name."""
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))


def from_folder(
    root: str | os.PathLike[str],
    *,
    official: bool = False,
    class_names: tuple[str, ...] | None = None,
) -> ImageFiles:
    """Class folders of images: ``root/TUM/anything.tif``.

    Files with another ending than ENDINGS, and hidden ones, are no images and not read. Images
    are numbered by class, then by file name. ``class_names`` fixes the label numbers.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is not a folder; give the folder of the class folders")
    folders = class_folders(root)
    if not folders:
        raise ValueError(f"{root} holds no class folders; expected one folder of images a class")
    if class_names is None:
        class_names = class_numbers((p.name for p in folders), str(root), official)
    paths: list[Path] = []
    for folder in sorted(folders, key=lambda p: class_names.index(p.name)):
        images = sorted(
            p
            for p in folder.iterdir()
            if p.suffix.lower() in ENDINGS and not p.name.startswith(".") and p.is_file()
        )
        if not images:
            raise ValueError(
                f"{folder} holds no images ({' '.join(ENDINGS)}); fill this class or remove it"
            )
        paths += images
    states = [(p, p.stat()) for p in paths]
    return ImageFiles(
        names=[f"{p.parent.name}/{p.name}" for p in paths],
        labels=np.array([class_names.index(p.parent.name) for p in paths], dtype=np.int64),
        class_names=class_names,
        where=str(root),
        identity=_digest(
            f"{p.parent.name}/{p.name} {s.st_size} {s.st_mtime_ns}" for p, s in states
        ),
        open_bytes=lambda position: paths[position].read_bytes(),
    )


@dataclass
class Part:
    """Some images of an archive: those at the ascending positions ``rows``."""

    whole: Archive
    rows: np.ndarray

    def __post_init__(self) -> None:
        self.labels = self.whole.labels[self.rows]
        self.class_names = self.whole.class_names
        self.where = self.whole.where
        self.identity = _digest([self.whole.identity, *map(str, self.rows)])

    @property
    def shape(self) -> tuple[int, int]:
        return self.whole.shape

    def read(self, positions: Sequence[int], size: int | None) -> Iterator[np.ndarray | BadImage]:
        return self.whole.read(self.rows[np.asarray(positions, dtype=np.int64)], size)


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


# ---------------------------------------------------------------------------- zips


def from_zip(path: str | os.PathLike[str], counts: Sequence[int] | None = None) -> ImageFiles:
    """The official zips, ``NCT-CRC-HE-100K/TUM/TUM-AAAA.tif``, read in place, never unpacked.

    counts: how many images each class must have, in the order of CLASS_NAMES.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{path} is truncated or no zip ({error}); fetch it again") from error
    _refuse_outside(path, archive.namelist())
    entries = sorted(filter(_is_image, archive.namelist()), key=lambda name: name.split("/")[-2:])
    folders = [name.split("/")[-2] for name in entries]
    class_numbers(folders, str(path), official=True)
    labels = np.array([CLASS_NAMES.index(folder) for folder in folders], dtype=np.int64)
    _check_counts(path, labels, counts)
    return ImageFiles(
        names=entries,
        labels=labels,
        class_names=CLASS_NAMES,
        where=str(path),
        identity=_digest(f"{name} {archive.getinfo(name).CRC}" for name in entries),
        open_bytes=lambda position: archive.read(entries[position]),
    )


def _refuse_outside(path: Path, names: Iterable[str]) -> None:
    """Nothing is ever unpacked, but a zip that tries to write elsewhere is not to be trusted."""
    for name in names:
        if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
            raise ValueError(
                f"{path} has an entry {name!r} outside its folder, which the official zips have "
                "not; fetch it again from a place you trust"
            )


def _is_image(name: str) -> bool:
    """Whether an entry of a zip is an image in a folder, and no litter such as __MACOSX."""
    parts = name.split("/")
    hidden = any(part.startswith((".", "__")) for part in parts)
    return len(parts) > 1 and name.lower().endswith(ENDINGS) and not hidden


def _check_counts(path: Path, labels: np.ndarray, counts: Sequence[int] | None) -> None:
    found = np.bincount(labels, minlength=len(CLASS_NAMES)).tolist()
    if counts is not None and found != list(counts):
        wrong = [
            f"{name} {have} instead of {should}"
            for name, have, should in zip(CLASS_NAMES, found, counts, strict=True)
            if have != should
        ]
        raise ValueError(f"{path} has other class counts than published: {', '.join(wrong)}")


# ---------------------------------------------------------------------------- npz


class NpzFile:
    """An Archive of one split of a PathMNIST file; ``parts`` are joined, as in ("train", "val").

    Layout (MedMNIST v2): train_images uint8 (N, height, width, 3), train_labels (N, 1), and
    the same for val and test. The images are streamed: a 16 GB file needs a few MB of memory.
    """

    class_names = CLASS_NAMES

    def __init__(self, path: str | os.PathLike[str], parts: Sequence[str]) -> None:
        self.where = str(path)
        self.parts = tuple(parts)
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path} is missing; expected a PathMNIST .npz file")
        try:
            self._open_all()
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise ValueError(f"{path} is truncated or no npz ({error}); fetch it again") from error

    def _open_all(self) -> None:
        with zipfile.ZipFile(self.where) as archive:
            self._check_keys(archive)
            shapes = {part: self._check_images(archive, part) for part in self.parts}
            self.labels = np.concatenate(
                [self._check_labels(archive, part, shapes[part][0]) for part in self.parts]
            )
            crcs = [str(archive.getinfo(f"{p}_images.npy").CRC) for p in self.parts]
        pixels = {shape[1:3] for shape in shapes.values()}
        if len(pixels) > 1:
            raise ValueError(f"{self.where}: {self.parts} have images of several sizes {pixels}")
        self.shape = pixels.pop()
        self.identity = _digest([*self.parts, *crcs, _digest(map(str, self.labels))])

    def _check_keys(self, archive: zipfile.ZipFile) -> None:
        wanted = [f"{part}_{what}" for part in self.parts for what in ("images", "labels")]
        keys = sorted(name.removesuffix(".npy") for name in archive.namelist())
        missing = [key for key in wanted if key not in keys]
        if missing:
            raise ValueError(
                f"{self.where} lacks {missing} (it holds {keys}); PathMNIST's layout has "
                "train_images, train_labels, val_images, val_labels, test_images, test_labels"
            )

    def _check_images(self, archive: zipfile.ZipFile, part: str) -> tuple[int, ...]:
        with archive.open(f"{part}_images.npy") as member:
            shape, fortran, dtype = _npy_header(member, f"{self.where}: {part}_images")
        if dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or fortran or 0 in shape:
            raise ValueError(
                f"{self.where}: {part}_images is {dtype} of shape {shape}"
                f"{' in Fortran order' if fortran else ''}; expected uint8 (N, height, width, 3)"
            )
        return shape

    def _check_labels(self, archive: zipfile.ZipFile, part: str, images: int) -> np.ndarray:
        name = f"{self.where}: {part}_labels"
        with archive.open(f"{part}_labels.npy") as member:
            shape, _, dtype = _npy_header(member, name)
        if shape not in ((images, 1), (images,)) or dtype.kind not in "iu":
            raise ValueError(
                f"{name} is {dtype} of shape {shape}; expected whole numbers ({images}, 1), "
                "one for each image"
            )
        with archive.open(f"{part}_labels.npy") as member:
            labels = np.lib.format.read_array(member, allow_pickle=False).ravel()
        wrong = np.flatnonzero((labels < 0) | (labels >= len(CLASS_NAMES)))
        if len(wrong):
            raise ValueError(
                f"{name}[{wrong[0]}] is {labels[wrong[0]]}; labels are 0 to "
                f"{len(CLASS_NAMES) - 1} ({' '.join(CLASS_NAMES)})"
            )
        return labels.astype(np.int64)

    def _rows(self, positions: Sequence[int]) -> Iterator[np.ndarray]:
        """The stored images (height, width, 3) at ascending positions, streamed."""
        height, width = self.shape
        row_bytes = height * width * 3
        positions = np.asarray(positions, dtype=np.int64)
        first = 0
        with zipfile.ZipFile(self.where) as archive:
            for part in self.parts:
                with archive.open(f"{part}_images.npy") as member:
                    shape, *_ = _npy_header(member, self.where)
                    mine = positions[(positions >= first) & (positions < first + shape[0])] - first
                    at = 0
                    for position in mine:
                        _skip(member, (position - at) * row_bytes)
                        content = _read_exactly(member, row_bytes)
                        at = position + 1
                        yield np.frombuffer(content, np.uint8).reshape(height, width, 3)
                first += shape[0]

    def read(self, positions: Sequence[int], size: int | None) -> Iterator[np.ndarray | BadImage]:
        rows = self._rows(positions)
        try:
            if size is None or self.shape == (size, size):
                for row in rows:
                    yield np.ascontiguousarray(row.transpose(2, 0, 1))
            else:
                yield from _in_parallel(
                    lambda row: channels_first(resize(Image.fromarray(row), size)), rows
                )
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise ValueError(f"{self.where} is damaged ({error}); fetch it again") from error


def _npy_header(member: io.BufferedIOBase, name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, Fortran order and dtype of an .npy stream, which then stands at its first value."""
    try:
        version = np.lib.format.read_magic(member)
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(member)
        return np.lib.format.read_array_header_2_0(member)
    except ValueError as error:
        raise ValueError(f"{name} is no npy array ({error}); fetch the file again") from error


def _skip(member: io.BufferedIOBase, length: int) -> None:
    while length > 0:
        length -= len(_read_exactly(member, min(length, 1 << 20)))


def _read_exactly(member: io.BufferedIOBase, length: int) -> bytes:
    content = member.read(length)
    while len(content) < length:
        more = member.read(length - len(content))
        if not more:
            raise EOFError("the file ends too early")
        content += more
    return content


# ---------------------------------------------------------------------------- into memory


def decode(archive: Archive, size: int | None = None) -> np.ndarray:
    """All images as uint8 (N, 3, height, width), in memory; BadImage if one cannot be decoded."""
    total = len(archive.labels)
    height, width = (size, size) if size else archive.shape
    images = np.empty((total, 3, height, width), dtype=np.uint8)
    with tqdm(total=total, desc="decode", unit="patch", disable=total < 2_000) as progress:
        for row, image in enumerate(archive.read(range(total), size)):
            if isinstance(image, BadImage):
                raise image
            images[row] = image
            progress.update()
    return images


# ---------------------------------------------------------------------------- onto the disk


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

    @property
    def identity(self) -> str:
        return _digest([self.made_from, *map(str, self.shape), *self.left_out])

    @property
    def shape(self) -> tuple[int, int]:
        return self.images.shape[2:]

    def read(self, positions: Sequence[int], size: int | None) -> Iterator[np.ndarray | BadImage]:
        stored = (self.images[position] for position in positions)
        if size is None or self.shape == (size, size):
            return stored
        return _in_parallel(lambda image: channels_first(resize(to_image(image), size)), stored)


def open_prepared(folder: str | os.PathLike[str]) -> Prepared | None:
    """The finished array in ``folder``; None where there is none, or only a begun one."""
    folder = Path(folder)
    about = _read_json(folder / "about.json")
    if about is None or not (folder / "images.npy").is_file():
        return None
    try:
        # Mode "c": the pages are read when touched, and what a user writes never gets to disk.
        images = np.load(folder / "images.npy", mmap_mode="c", allow_pickle=False)
        labels = np.load(folder / "labels.npy", allow_pickle=False)
    except (ValueError, OSError) as error:
        raise ValueError(
            f"{folder} is damaged ({error}); delete it, and it is prepared anew"
        ) from error
    names = tuple(about["class_names"])
    return Prepared(images, labels, names, str(folder), about["identity"], about["left_out"])


def prepare(
    archive: Archive,
    size: int | None,
    folder: str | os.PathLike[str],
    *,
    skip_corrupt: bool = False,
) -> Prepared:
    """Decode the whole archive once into ``folder`` and open it, memory-mapped.

    The memory it takes does not grow with the archive. It may be killed at any moment: the next
    call goes on after the last block that was written. An image that cannot be decoded stops it
    (BadImage), or is left out with ``skip_corrupt`` and then named in ``left_out``.

    The folder holds images.npy, uint8 (N, 3, height, width); labels.npy, int64 (N,); about.json.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / ".lock"):  # let go by the system when its owner is killed
        ready = open_prepared(folder)
        if ready is None or ready.made_from != archive.identity:
            _Preparation(archive, size, folder, skip_corrupt).run()
            ready = open_prepared(folder)
        return ready


class _Preparation:
    """One run of ``prepare``: images.part grows block by block, progress.json follows it."""

    def __init__(
        self, archive: Archive, size: int | None, folder: Path, skip_corrupt: bool
    ) -> None:
        self.archive, self.size = archive, size
        self.folder, self.skip_corrupt = folder, skip_corrupt
        self.shape = (size, size) if size else tuple(archive.shape)
        self.recipe = [RECIPE, archive.identity, *self.shape]
        self.part = folder / "images.part"
        self.next = 0  # the first position that is not yet dealt with
        self.left_out: dict[int, str] = {}

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
        self.resume()
        missing = len(self.archive.labels) - self.next
        check_space(self.folder, missing * self.row_bytes, self.folder.name)
        try:
            self.append_all()
            self.finish()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise OSError(
                errno.ENOSPC,
                f"the disk of {self.folder} is full after {self.rows:,} patches; they are kept. "
                "Free some space and call again, and it goes on from there",
            ) from error

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

    def resume(self) -> None:
        """Take up what an earlier run of the same recipe wrote; otherwise begin."""
        state = _read_json(self.folder / "progress.json")
        if state and state["recipe"] == self.recipe and self.part.is_file():
            self.next = state["next"]
            self.left_out = {int(p): text for p, text in state["left_out"].items()}
            if self.left_out and not self.skip_corrupt:
                self.stop(next(iter(self.left_out.values())))
            return
        (self.folder / "images.npy").unlink(missing_ok=True)
        self.part.write_bytes(self.header())

    def append(self, part: io.RawIOBase, block: list[np.ndarray | BadImage]) -> None:
        bad = {i: str(image) for i, image in enumerate(block) if isinstance(image, BadImage)}
        if bad and not self.skip_corrupt:
            first = min(bad)
            self.append(part, block[:first])  # what was decoded before it is not lost
            self.stop(bad[first])
        for image in block:
            if not isinstance(image, BadImage):
                write_all(part, image)
        os.fsync(part.fileno())
        left_out = self.left_out | {self.next + i: text for i, text in bad.items()}
        state = {"recipe": self.recipe, "next": self.next + len(block), "left_out": left_out}
        _write_json(self.folder / "progress.json", state)
        self.next, self.left_out = state["next"], left_out

    def stop(self, text: str) -> None:
        raise BadImage(
            f"{text}. Replace the file, or leave such images out: --skip-corrupt on the command "
            "line, skip_corrupt=True in Python"
        )

    def finish(self) -> None:
        """The renaming of images.part comes last: what has images.npy is complete."""
        kept = np.delete(self.archive.labels, list(self.left_out))
        with replacing(self.folder / "labels.npy") as path:
            np.save(path, kept)
        about = {
            "identity": self.archive.identity,
            "from": Path(self.archive.where).name,
            "class_names": self.archive.class_names,
            "left_out": list(self.left_out.values()),
        }
        _write_json(self.folder / "about.json", about)
        os.replace(self.part, self.folder / "images.npy")
        (self.folder / "progress.json").unlink()


def _read_json(path: Path) -> dict | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _write_json(path: Path, content: dict) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")


# ---------------------------------------------------------------------------- the official sets


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
        if open_prepared(official_folder(data_set, split, size, home)) is None
    )


def open_official(data_set: DataSet, split: str, home: Path) -> Archive:
    """The fetched file of one split, verified, as an archive."""
    file = getattr(data_set, split)
    path = home / file.name
    how = f"`python data_download.py get {data_set.name}`"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing. {how} fetches it; a copy elsewhere is named by path="
        )
    if not is_whole(path, file):
        raise ValueError(
            f"{path} is not the published file (its size or md5 differs). {how} sets it aside "
            "and fetches it anew"
        )
    if path.suffix == ".npz":
        return NpzFile(path, ("train", "val") if split == "train" else ("test",))
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
        ready = prepare(images, size, folder, skip_corrupt=skip_corrupt)
    return ready
