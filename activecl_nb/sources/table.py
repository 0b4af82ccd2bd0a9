"""A table of one's own patches: a row an image, with its class and whatever else is known.

Tables are read as text, so that a patient '001' stays '001' and a class 'NA' stays a class, and
are held against the disk before a single image is decoded. Everything that is wrong is told at
once, each kind with its rows.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from activecl_nb.sources import parts
from activecl_nb.sources.archive import ImageFiles, on_disk
from activecl_nb.sources.folders import class_numbers, walk
from activecl_nb.sources.image import ENDINGS, listed, shown
from activecl_nb.sources.names import REAL, UNKNOWN, check_alike, one_form, value
from activecl_nb.sources.unlabelled import UNLABELLED

# What a column may say of an image; the first two are needed.
ROLES = ("file", "label", "patient", "slide", "part")
NEEDED = ROLES[:2]
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def from_table(
    path: str | os.PathLike[str],
    *,
    columns: Mapping[str, str | None] | None = None,
    images: str | os.PathLike[str] | None = None,
    rows: Mapping[str, Any] | None = None,
    crossing: bool = False,
    needed: Sequence[str] = NEEDED,
    target: str | None = None,
) -> ImageFiles:
    """The images that a CSV (comma, semicolon or tab) or parquet names, in the table's order.

    columns: the table's names for file, label, patient, slide and part, where they differ;
        None leaves one aside that is there: ``{"label": "grade", "part": None}``. file and
        label are needed.
    images: the folder that the files are relative to, or lie somewhere below; a file is then
        found by the end of its path. None: they are relative to the table's folder. A name
        without an ending finds the image of that name.
    rows: only rows with these values, ``{"stain": "HE"}`` or ``{"grade": ["ADC", "NORM"]}``.
    crossing: whether patients may be in training and test alike, for whoever shows them.
    needed: the columns that must be there; without a label all are of the class UNLABELLED.
    target: a column more, which becomes a fact of its name: of numbers (float64), or of files of
        masks, found as the images are (their whole paths).

    Classes are the sorted labels; labels that are all numbers are sorted as numbers. facts: file
    (relative to ``images`` or the table) and patient, slide, part where there are such columns.
    part is train, val or test, in any case.

    Raises FileNotFoundError (no table, no folder), or ValueError with all that is wrong.
    """
    path = Path(os.path.expanduser(path))
    table = _read(path)
    named = _roles(table, columns or {}, rows or {}, needed, target)
    table = table.only(rows or {})
    root = _root(path, images)
    cells = {role: [one_form(cell) for cell in table.columns[name]] for role, name in named.items()}
    problems = _Problems(table.lines)
    for role, column in cells.items():
        nothing = UNKNOWN | {""} if role == "patient" else {""}
        if role != "slide":  # which may be unknown
            problems.add(f"no {role}", [cell.lower() in nothing for cell in column])
        if role in ROLES[1:4]:
            check_alike(role, column, str(path))
    found = _find(table.columns[named["file"]], root, images is not None, problems)
    if "part" in cells:
        _check_parts(cells, problems, crossing)
    wanted = {target: _target(table, target, root, images is not None, problems)} if target else {}
    if problems.found:
        raise ValueError(f"{path}: {'; '.join(problems.found)}")
    files = [one_form(os.path.relpath(file, root).replace(os.sep, "/")) for file in found]
    labels = cells.get("label", [UNLABELLED] * len(files))
    class_names = _class_names(labels, str(path))
    facts = {role: np.array(cells[role]) for role in ROLES[2:] if role in cells}
    paths = [Path(file) for file in found]
    return on_disk(files, paths, labels, class_names, str(path), facts | wanted)


def _target(
    table: _Table, name: str, root: Path, anywhere: bool, problems: _Problems
) -> np.ndarray:
    """A column of numbers as float64, or of files as the paths that were found; (N,)."""
    if name not in table.columns:
        raise ValueError(
            f"{table.where} has no column {listed([name])} to predict; its columns are "
            f"{listed(list(table.columns))}"
        )
    cells = table.columns[name]
    if any(cell.lower().endswith(ENDINGS) for cell in cells):
        problems.add(f"no {name}", [not cell for cell in cells])
        return np.array(_find(cells, root, anywhere, problems))
    numbers = as_numbers(cells)
    unknown = [
        (shown(cell) or "empty") if bad else ""
        for cell, bad in zip(cells, ~np.isfinite(numbers), strict=True)
    ]
    problems.add(f"a {name} that is no finite number", unknown)
    return numbers


def as_numbers(cells: Sequence[str]) -> np.ndarray:
    """float64 (N,), NaN where a cell is no number."""
    return np.array([float(cell) if REAL.fullmatch(cell) else np.nan for cell in cells])


def _class_names(labels: Sequence[str], where: str) -> tuple[str, ...]:
    found = set(labels)
    if all(NUMBER.fullmatch(label) for label in found):
        return tuple(sorted(found, key=lambda label: (float(label), label)))
    return class_numbers(found, where)


def _root(path: Path, images: str | os.PathLike[str] | None) -> Path:
    if images is None:
        return path.parent
    given = Path(os.path.expanduser(images))
    for folder in (given, path.parent / given):
        if os.path.isdir(folder):
            return folder
    raise FileNotFoundError(f"images={str(images)!r} is not a folder; give the one of the images")


# ---------------------------------------------------------------------------- reading
@dataclass
class _Table:
    """Columns of text, stripped; ``lines`` are the rows' numbers as an editor shows them."""

    where: str
    columns: dict[str, list[str]]
    lines: list[int]

    def only(self, rows: Mapping[str, Any]) -> _Table:
        """The rows that have these values."""
        kept, unknown = list(range(len(self.lines))), []
        for name, wanted in rows.items():
            several = isinstance(wanted, Iterable) and not isinstance(wanted, str)
            values = {str(value).strip() for value in (wanted if several else [wanted])}
            column = self.columns[name]
            if missing := sorted(values - set(column)):
                there = listed(sorted(set(column)), 10)
                unknown.append(f"{name!r} is nowhere {listed(missing)} (there are {there})")
            kept = [i for i in kept if column[i] in values]
        if unknown:
            raise ValueError(f"{self.where}: in the column {'; '.join(unknown)}; mend rows=")
        if not kept:
            what = f" with {dict(rows)}" if rows else ""
            raise ValueError(f"{self.where} has no rows{what}")
        columns = {name: [cells[i] for i in kept] for name, cells in self.columns.items()}
        return _Table(self.where, columns, [self.lines[i] for i in kept])


def read_columns(path: str | os.PathLike[str]) -> dict[str, list[str]]:
    """All cells of a table by column, as text in one form. Errors as of ``from_table``."""
    table = _read(Path(os.path.expanduser(path)))
    return {name: [one_form(cell) for cell in cells] for name, cells in table.columns.items()}


def _read(path: Path) -> _Table:
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{path} is not a file; give a table, CSV or parquet")
    ending = path.suffix.lower()
    if ending in (".parquet", ".pq"):
        return _read_parquet(path)
    if ending not in (".csv", ".tsv", ".txt"):
        raise ValueError(f"{path} ends in none of .csv .tsv .txt .parquet; save it as one of these")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from error
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
        if "\0" in text:
            raise ValueError("it holds NULs")
    except ValueError as error:
        raise ValueError(f"{path} is not in UTF-8 ({error}); save it as 'CSV UTF-8'") from error
    return _from_text(path, text)


def _from_text(path: Path, text: str) -> _Table:
    first = text.split("\n", 1)[0]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True
    )
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}; mend this line") from error
    if not rows:
        raise ValueError(f"{path} is empty; its first line names the columns, such as file,label")
    header = [cell.strip() for cell in rows.pop(0)[1]]
    _check_header(path, header)
    wrong = [line for line, row in rows if len(row) != len(header)]
    if wrong:
        raise ValueError(
            f"{path}: {len(wrong):,} rows have not the {len(header)} cells of the first line: "
            f"lines {listed(wrong)}"
        )
    columns = {name: [row[i].strip() for _, row in rows] for i, name in enumerate(header)}
    return _Table(str(path), columns, [line for line, _ in rows])


def _check_header(path: Path, header: Sequence[str]) -> None:
    twice = sorted(name for name, count in Counter(header).items() if count > 1 and name)
    if twice:
        raise ValueError(f"{path} has several columns named {listed(twice)}; rename all but one")


def _read_parquet(path: Path) -> _Table:
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except ImportError as error:
        raise ValueError(f"{path}: parquet needs a package more: pip install pyarrow") from error
    except Exception as error:  # damaged files end in several kinds of the reader's own
        raise ValueError(f"{path} cannot be read as parquet ({error})") from error
    frame.columns = [str(name).strip() for name in frame.columns]
    _check_header(path, list(frame.columns))
    columns = {}
    for name, values in frame.items():
        if pd.api.types.is_float_dtype(values) and not (values.dropna() % 1).any():
            values = values.astype("Int64")  # whole numbers that became floats beside a gap
        columns[name] = [str(v).strip() for v in values.astype("string").fillna("")]
    return _Table(str(path), columns, list(range(1, len(frame) + 1)))


def _roles(
    table: _Table,
    columns: Mapping[str, str | None],
    rows: Mapping[str, Any],
    needed: Sequence[str],
    target: str | None,
) -> dict[str, str]:
    """The table's column for each role that it fills; ValueError names all that are not there."""
    for argument, given in (("columns", columns), ("rows", rows)):
        if not isinstance(given, Mapping):
            raise ValueError(f"{argument}= is a dict by column's name, not {given!r}")
    if strange := sorted(set(columns) - set(ROLES)):
        raise ValueError(f"columns= maps {', '.join(ROLES)}, not {listed(strange)}")
    named = {role: columns.get(role, role) for role in ROLES}
    wanted = [name for role, name in columns.items() if name is not None]
    wanted += [named[role] or role for role in needed] + list(rows)
    if missing := [name for name in dict.fromkeys(wanted) if name not in table.columns]:
        raise ValueError(
            f"{table.where} has no column {listed(missing)}; its columns are "
            f"{listed(list(table.columns))}. Map them: columns={{'file': ..., 'label': ...}}, "
            "--columns file=...,label=..."
        )
    if unnamed := [role for role in needed if named[role] is None]:
        raise ValueError(f"columns= leaves {' and '.join(unnamed)} aside, which is needed")
    filled = {role: name for role, name in named.items() if name in table.columns}
    for role, name in ((r, c) for c in table.columns for r in ROLES if value(c) == r):
        if role not in (*filled, *columns):  # it would be passed over, and patients mixed
            raise ValueError(
                f"{table.where}: is the column {name!a} its {role}? Say so with columns="
                f"{{{role!r}: {name!a}}} (--columns {role}=...), or leave it aside with {role}="
            )
    times = Counter(filled.values())
    if twice := [f"{role} ({name})" for role, name in filled.items() if times[name] > 1]:
        raise ValueError(
            f"{table.where}: {' and '.join(twice)} are one column; columns= (--columns) names "
            "another for one of them, or none, as in part="
        )
    if target in {*ROLES, *filled.values()} - {"label", filled.get("label")}:
        raise ValueError(
            f"{table.where}: the column {target!r} says what an image is, and is nothing to "
            "predict; name another as target= (--target), or rename it"
        )
    return filled


# ---------------------------------------------------------------------------- checking
@dataclass
class _Problems:
    """What is wrong with the table, a sentence a kind."""

    lines: list[int]
    found: list[str] = field(default_factory=list)

    def add(self, what: str, wrong: Sequence[object], mend: str = "") -> None:
        """``wrong``: for each row something true where it is wrong; a text is shown as well."""
        rows = [
            f"{line} {why}" if isinstance(why, str) else str(line)
            for line, why in zip(self.lines, wrong, strict=True)
            if why
        ]
        if rows:
            self.found.append(f"{len(rows):,} rows with {what} (lines {listed(rows)}){mend}")


def _check_parts(cells: dict[str, list[str]], problems: _Problems, crossing: bool) -> None:
    """Replace each part by train, val or test, as it is meant."""
    given = cells["part"]
    cells["part"] = [parts.part_named(cell) or "" for cell in given]
    problems.add(
        "another part than train, val or test",
        [cell if not part else "" for cell, part in zip(given, cells["part"], strict=True)],
    )
    if crossing or "patient" not in cells:
        return
    if across := parts.crossing(cells["part"], cells["patient"]):
        problems.found.append(
            f"{parts.say_crossing(across)}; mend the column, or leave it aside with "
            "columns={'part': None} (--columns part=), and the split is made by patient"
        )


def _find(cells: Sequence[str], root: Path, anywhere: bool, problems: _Problems) -> list[str]:
    """The path of each row's image; what is outside, missing, ambiguous or twice is a problem."""
    names = [cell.replace("\\", "/") for cell in cells]
    outside = [name if _leaves(name) else "" for name in names]
    found = [
        os.path.normpath(root / name) if name and not out else ""
        for name, out in zip(names, outside, strict=True)
    ]
    lost = {i for i, file in enumerate(found) if file and not os.path.isfile(file)}
    missing, several = [""] * len(names), [""] * len(names)
    by_name = _by_name(root) if lost else {}
    for i in lost:
        there = _ending_with(names[i], root, by_name, anywhere)
        found[i] = there[0] if len(there) == 1 else ""
        if len(there) > 1:
            several[i] = f"{names[i]}: {listed([os.path.relpath(p, root) for p in there], 3)}"
        missing[i] = "" if there else names[i]
    times = Counter(file for file in found if file)
    twice = [name if times[file] > 1 else "" for name, file in zip(names, found, strict=True)]
    outside_of = "a path that is absolute or leaves its folder"
    problems.add(
        outside_of, outside, "; give paths relative to the table, or to images= (--images)"
    )
    problems.add(
        f"a file that is not in {root}", missing, "; images= (--images) names another folder"
    )
    problems.add("a file that is there several times", several, "; give more of the path")
    problems.add("a file of another row", twice, "; keep one row of each")
    return found


def _leaves(name: str) -> bool:
    return name.startswith("/") or bool(re.match(r"[A-Za-z]:", name)) or ".." in name.split("/")


def _by_name(root: Path) -> dict[str, list[str]]:
    """The files below ``root`` by name, in one form, and images by name without ending too."""
    found = defaultdict(list)
    for folder, names in walk(root):
        for name in names:
            whole = one_form(name)
            found[whole].append(os.path.join(folder, name))
            stem, ending = os.path.splitext(whole)
            if ending.lower() in ENDINGS:
                found[stem].append(os.path.join(folder, name))
    return found


def _ending_with(
    name: str, root: Path, by_name: Mapping[str, list[str]], anywhere: bool
) -> list[str]:
    """The files that ``name`` may mean: whole paths below ``root``, or ends of them."""
    wanted = [part for part in one_form(name).split("/") if part not in ("", ".")]
    there = []
    for file in by_name.get(wanted[-1] if wanted else "", []):
        have = one_form(os.path.relpath(file, root).replace(os.sep, "/")).split("/")[:-1]
        folders = wanted[:-1]
        if have == folders or (anywhere and have[len(have) - len(folders) :] == folders):
            there.append(file)
    return there
