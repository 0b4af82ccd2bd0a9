"""Class folders of images, in a tree on the disk or in one of the official zips.

All images of a tree are read, or it is said which are not: none is passed over in silence.
"""

from __future__ import annotations

import os
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from activecl_nb.sources import parts
from activecl_nb.sources.archive import ImageFiles, digest, on_disk, refuse_twice
from activecl_nb.sources.image import ENDINGS, check_bytes, listed
from activecl_nb.sources.names import UNKNOWN, check_alike, one_form
from activecl_nb.sources.sets import CLASS_NAMES

# What systems leave in any folder; names that begin with a dot are left aside as well.
LITTER = {
    *("__macosx", "__pycache__", "@eadir", "@recycle", "#recycle", "#snapshot", "lost+found"),
    *("$recycle.bin", "system volume information", "found.000"),
    *("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"),
}


def is_litter(name: str) -> bool:
    """Whether a file or a folder of that name is a system's own and nobody's data."""
    return name.startswith(".") or name.lower() in LITTER


def is_image(name: str) -> bool:
    """Whether a file of that name is read as an image."""
    return name.lower().endswith(ENDINGS) and not is_litter(name)


def walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Every folder in ``root`` and below but litter, with the names of its files, sorted.

    Links to folders are followed; a folder that was met before is not walked again.
    """
    met: set[str] = set()
    for folder, below, names in os.walk(root, followlinks=True, onerror=_unlisted):
        real = os.path.realpath(folder)
        if real in met:
            below.clear()
            continue
        met.add(real)
        below[:] = sorted(name for name in below if not is_litter(name))
        yield Path(folder), sorted(name for name in names if not is_litter(name))


def _unlisted(error: OSError) -> NoReturn:
    """A folder that cannot be read is an error, or all in it would be left out in silence."""
    raise ValueError(
        f"{error.filename} cannot be listed ({error.strerror}); make it readable, or move it away"
    ) from error


def class_numbers(names: Iterable[str], where: str, official: bool = False) -> tuple[str, ...]:
    """The class names in the order of their label numbers.

    official: exactly the nine of the NCT-CRC-HE sets, in their official order. Otherwise any
    names, sorted; but names that are all among the nine keep the official order and numbers.
    """
    found = sorted(set(names))
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
    """The folders in ``root`` that are no litter, sorted by name."""
    try:
        return sorted(p for p in root.iterdir() if p.is_dir() and not is_litter(p.name))
    except OSError as error:
        _unlisted(error)


# ---------------------------------------------------------------------------- a tree
class _Image(NamedTuple):
    """An image of a tree; ``below``: its path below its class folder, in form C."""

    part: str
    label: str
    below: str
    path: Path


@dataclass
class _Tree:
    """What was met in the class folders of one tree. Names are relative to ``root``, form C."""

    root: Path
    nested: bool
    met: set[str] = field(default_factory=set)  # the names of class folders
    images: list[_Image] = field(default_factory=list)
    left_out: Counter = field(default_factory=Counter)  # images in a folder below a class folder
    other_files: Counter = field(default_factory=Counter)  # by their ending
    empty: list[str] = field(default_factory=list)  # class folders without images

    def read_classes(self, top: Path, part: str = "") -> None:
        """Take in every class folder in ``top``."""
        folders = class_folders(top)
        if not folders:
            raise ValueError(f"{top} holds no class folders; expected one folder of images a class")
        for path in top.iterdir():
            if is_image(path.name) and not path.is_dir():
                self.other_files["beside the class folders"] += 1
            elif path.is_symlink() and not path.exists():
                self.other_files["links to nowhere"] += 1
        for folder in folders:
            self.met.add(one_form(folder.name))
            before = len(self.images) + self.left_out.total()
            self._read_class(folder, part)
            if len(self.images) + self.left_out.total() == before:
                self.empty.append(self.name(folder))

    def name(self, path: Path) -> str:
        return one_form(path.relative_to(self.root).as_posix())

    def _read_class(self, folder: Path, part: str) -> None:
        for inside, names in walk(folder):
            images = [name for name in names if is_image(name)]
            self.other_files.update(
                Path(name).suffix.lower() or "without an ending"
                for name in names
                if not is_image(name)
            )
            if inside != folder and not self.nested:
                if images:
                    self.left_out[self.name(inside)] += len(images)
                continue
            for name in images:
                below = one_form((inside / name).relative_to(folder).as_posix())
                self.images.append(_Image(part, one_form(folder.name), below, inside / name))

    def check(self, official: bool) -> None:
        """ValueError for what would be left out; a warning for files that are no images."""
        if self.left_out:
            told = [f"{count:,} in {name}" for name, count in sorted(self.left_out.items())]
            mend = "move them into the class folder"
            if not official:
                mend = (
                    "pass nested=True (on the command line: --nested) to read them, the first "
                    "folder below a class as the patient"
                )
            raise ValueError(
                f"{self.root}: images below the class folders would be left out: {listed(told)}; "
                f"{mend}. If the classes are those folders, give the folder they lie in as path="
            )
        if self.empty:
            raise ValueError(
                f"{self.root}: {listed(self.empty)} holds no images ({' '.join(ENDINGS)}; other "
                f"files: {_counted(self.other_files) or 'none'}); fill this class or remove it"
            )
        if others := _counted(self.other_files):
            warnings.warn(
                f"{self.root}: files left out: {others}; images end in {' '.join(ENDINGS)} and lie "
                "in class folders",
                stacklevel=5,
            )


def _counted(counts: Counter) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items()) if count)


def from_folder(
    root: str | os.PathLike[str],
    *,
    official: bool = False,
    nested: bool = False,
    patient: str | re.Pattern[str] | None = None,
    crossing: bool = False,
) -> ImageFiles:
    """Class folders of images, ``root/TUM/anything.tif``, or such folders in parts of ``root``.

    Parts are folders named train, val and test, in any case; both train and test are needed.
    nested: images in folders below a class folder are read too, and the first of these folders
    is the patient. patient: a regular expression that finds the patient in the file's name, or,
    where it does not match that, in the path below the class folder. Litter is passed over,
    other files are counted in a warning. crossing: whether patients may be in training and test
    alike, for whoever shows them.

    Images are numbered by part, class and name. facts: file (path below ``root``), part and
    patient where known, slide where the expression has a group of that name.

    Raises FileNotFoundError, or a ValueError that names all of what is wrong in one respect.
    """
    root = Path(os.path.expanduser(root))
    if not os.path.isdir(root):  # unlike Path's, no error for a name that no disk could hold
        raise FileNotFoundError(f"{root} is not a folder; give the folder of the class folders")
    tree = _Tree(root, nested)
    for part, top in [("", root)] if official else _parts_of(root):
        tree.read_classes(top, part)
    class_names = class_numbers(tree.met, str(root), official)
    tree.check(official)
    check_alike("class", class_names, str(root))
    number = {name: i for i, name in enumerate(class_names)}
    images = sorted(tree.images, key=lambda one: (one.part, number[one.label], one.below))
    named, labels, below, paths = zip(*images, strict=True)
    facts = patients_in(below, patient, nested, str(root))
    if named[0]:
        facts["part"] = np.array(named)
        across = parts.crossing(facts["part"], facts["patient"]) if "patient" in facts else []
        if across and not crossing:
            raise ValueError(
                f"{root}: {parts.say_crossing(across)}; move each patient's images to one of them"
            )
    files = [tree.name(path) for path in paths]
    return on_disk(files, paths, labels, class_names, str(root), facts)


def _parts_of(root: Path) -> list[tuple[str, Path]]:
    """The parts that ``root`` is divided in and their folders; one without a name if it is not."""
    folders = class_folders(root)
    named = [(part, p) for p in folders if (part := parts.part_named(p.name))]
    have = {part for part, _ in named}
    beside = [p.name for p in folders if not parts.part_named(p.name)]
    if {"train", "test"} <= have:
        if beside:
            raise ValueError(
                f"{root} holds train and test, and beside them the folders {listed(beside)}, which "
                "would be left out; move these into one of them, or away"
            )
        return named
    if named and not beside:
        raise ValueError(
            f"{root} holds {listed([p.name for _, p in named])}; of train and test both are "
            f"needed. A part alone is given as path={named[0][1]}, and a fifth of it is test"
        )
    return [("", root)]


def patients_in(
    names: Sequence[str], pattern: str | re.Pattern[str] | None, nested: bool, where: str
) -> dict[str, np.ndarray]:
    """The facts patient (and slide) of files with these paths below their class folders.

    ValueError: the expression is none, has no group, or there are files it does not match; or
    what it finds is no name.
    """
    facts = _patients_in(names, pattern, nested, where)
    for fact, values in facts.items():
        check_alike(fact, values, where)
    if nameless := sorted({name for name in facts.get("patient", ()) if name.lower() in UNKNOWN}):
        raise ValueError(
            f"{where}: a patient is called {listed(nameless)}, which programs write where they "
            "know none; name each patient, or leave these images out"
        )
    return facts


def _patients_in(
    names: Sequence[str], pattern: str | re.Pattern[str] | None, nested: bool, where: str
) -> dict[str, np.ndarray]:
    if pattern is None:
        owners = [name.rpartition("/")[0].split("/")[0] for name in names]
        if not nested or not any(owners):
            return {}
        if loose := [name for name, owner in zip(names, owners, strict=True) if not owner]:
            raise ValueError(
                f"{where}: {len(loose):,} images lie in no patient's folder: {listed(loose)}; move "
                "them into one, or give patient=, an expression that finds it in the file's name"
            )
        return {"patient": np.array(owners)}
    try:
        pattern = re.compile(pattern)
    except (re.error, TypeError) as error:
        raise ValueError(f"patient={pattern!r} is no regular expression ({error})") from error
    groups = [group for group in ("patient", "slide") if group in pattern.groupindex]
    if "patient" not in groups:
        groups = []
    if not groups and pattern.groups != 1:
        raise ValueError(
            f"patient={pattern.pattern!r} has {pattern.groups} groups; mark the patient by one "
            r"pair of brackets, such as r'^(\d+)_', or name the group: (?P<patient>\d+)"
        )
    keys: list[str] | list[int] = groups or [1]
    values: list[list[str]] = []
    missed = []
    for name in names:
        match = pattern.search(name.split("/")[-1]) or pattern.search(name)
        if match is None or not all(match[key] for key in keys):
            missed.append(name)
        else:
            values.append([match[key] for key in keys])
    if missed:
        raise ValueError(
            f"{where}: patient={pattern.pattern!r} finds no patient in {len(missed):,} of "
            f"{len(names):,} names: {listed(missed)}"
        )
    facts = groups or ["patient"]
    return {fact: np.array([row[i] for row in values]) for i, fact in enumerate(facts)}


# ---------------------------------------------------------------------------- an official zip
def from_zip(path: str | os.PathLike[str], counts: Sequence[int] | None = None) -> ImageFiles:
    """The official zips, ``NCT-CRC-HE-100K/TUM/TUM-AAAA.tif``, read in place, never unpacked.

    counts: how many images each class must have, in the order of CLASS_NAMES.
    """
    path = Path(os.path.expanduser(path))
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is truncated or no zip ({error}); fetch it again") from error
    _refuse_outside(path, archive.namelist())
    refuse_twice(str(path), archive.namelist())
    entries = sorted(
        filter(_is_image_entry, archive.namelist()), key=lambda name: name.split("/")[-2:]
    )
    folders = [name.split("/")[-2] for name in entries]
    class_numbers(folders, str(path), official=True)
    labels = np.array([CLASS_NAMES.index(folder) for folder in folders], dtype=np.int64)
    _check_counts(path, labels, counts)
    return ImageFiles(
        names=entries,
        labels=labels,
        class_names=CLASS_NAMES,
        where=str(path),
        identity=digest(f"{name} {archive.getinfo(name).CRC}" for name in entries),
        open_bytes=lambda position: _bounded(archive, entries[position]),
    )


def _bounded(archive: zipfile.ZipFile, entry: str) -> bytes:
    check_bytes(archive.getinfo(entry).file_size)
    return archive.read(entry)


def _refuse_outside(path: Path, names: Iterable[str]) -> None:
    """Nothing is ever unpacked, but a zip that tries to write elsewhere is not to be trusted."""
    for name in names:
        if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
            raise ValueError(
                f"{path} has an entry {name!r} outside its folder, which the official zips have "
                "not; fetch it again from a place you trust"
            )


def _is_image_entry(name: str) -> bool:
    """Whether an entry of a zip is an image in a folder, and no litter such as __MACOSX."""
    *folders, file = name.split("/")
    return bool(folders) and is_image(file) and not any(map(is_litter, folders))


def _check_counts(path: Path, labels: np.ndarray, counts: Sequence[int] | None) -> None:
    found = np.bincount(labels, minlength=len(CLASS_NAMES)).tolist()
    if counts is not None and found != list(counts):
        wrong = [
            f"{name} {have} instead of {should}"
            for name, have, should in zip(CLASS_NAMES, found, counts, strict=True)
            if have != should
        ]
        raise ValueError(f"{path} has other class counts than published: {', '.join(wrong)}")
