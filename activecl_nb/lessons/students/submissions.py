"""What was handed in: notebooks as data, read without running a line of them.

A file may be broken, renamed, truncated or made to harm: whatever it is, it costs the row of the
student whose it is, and a note there says why.
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from activecl_nb import files
from activecl_nb.lessons.students import editions, exercises
from activecl_nb.lessons.students.exercises import UNREADABLE, Exercise, Lesson

LARGEST = 50_000_000  # bytes of a notebook; with all figures a lesson has some millions
LONGEST = 50_000  # characters of an answer
HOME = 0.3  # the share of a lesson's cells by which a notebook without its name is recognised


@dataclass
class Submission:
    """One student's work.

    answers: exercise's key -> code, and what came of looking for it in ``orders``: the letters'
    order of the edition. predictions: "01 tissue-guess" -> what was typed. files: lesson -> the
    notebook that is marked. notes: what a teacher should know of the files.
    """

    student: str
    seed: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    predictions: dict[str, str] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Notebook:
    """The cells of one file: (identity, code or text, whether it is code)."""

    path: Path
    lesson: str
    edition: int | None
    cells: tuple[tuple[str, str, bool], ...]

    @property
    def says_edition(self) -> bool:
        """Whether it says which edition it is of: an editor may have dropped that, and left the
        cell for the name, which the kit's public copy has not."""
        return self.edition is not None or all(one != editions.IDENTITY for one, _, _ in self.cells)

    @property
    def student(self) -> str:
        """What stands in the cell for the name; empty if no name does."""
        for identity, source, code in self.cells:
            if code and identity == editions.IDENTITY:
                typed = literal(source, "STUDENT")
                named = isinstance(typed, str | int) and any(c.isalnum() for c in str(typed))
                return printable(typed) if named else ""
        return ""


def printable(text: object) -> str:
    """As a file can hold it: bytes that are no text, and halves of characters, by their numbers."""
    return str(text).encode("utf-8", "backslashreplace").decode()


def read(
    folder: str | os.PathLike[str], lessons: Mapping[str, Lesson], edition: int | None = None
) -> list[Submission]:
    """Every student's work under this folder, sorted by name.

    A folder inside it is a student, with all that lies in it; a notebook beside those folders
    belongs to the name typed into it, or else to its file's name. edition: what the class was
    handed out (default: what most notebooks are of). Letters are read in its order whatever a
    file says of itself, and a notebook of another edition is noted.

    FileNotFoundError: there is no such folder, or no file in it.
    """
    folder = files.expanded(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder; name the one that the notebooks are in")
    found: dict[str, Submission] = {}
    read_well: list[tuple[Submission, Notebook]] = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if not path.is_file() or any(part.startswith(".") for part in inside):
            continue
        own = printable(inside[0]) if len(inside) > 1 else ""
        student = own or printable(path.stem)
        try:
            notebook = opened(path, lessons)
            read_well.append((_whose(found, own, notebook), notebook))
        except Exception as problem:  # one student's file, whatever it is, is not the class's
            _note(found.setdefault(student, Submission(student)), path, problem)
    if not found:
        raise FileNotFoundError(f"nothing was handed in under {folder}")
    said = Counter(notebook.edition for _, notebook in read_well if notebook.says_edition)
    if edition is None and said:
        edition = said.most_common(1)[0][0]
    for known, notebook in read_well:
        try:
            if known.files[notebook.lesson] == notebook.path:
                add(known, notebook, lessons[notebook.lesson], edition)
        except Exception as problem:  # as above
            _note(known, notebook.path, problem)
    return [found[name] for name in sorted(found, key=str.casefold)]


def _note(known: Submission, path: Path, problem: Exception) -> None:
    why = str(problem)[:200] or type(problem).__name__
    known.notes.append(printable(f"{path.name}: {why}"))


def _whose(found: dict[str, Submission], own: str, notebook: Notebook) -> Submission:
    """The row that this notebook belongs to.

    Of two of a lesson in a student's folder the newer is marked. Beside the folders two people may
    bear one name, so a second one gets a row of its own.
    """
    typed, file = notebook.student, printable(notebook.path.name)
    student = own or typed.strip()[:60] or printable(notebook.path.stem)
    if not own:  # the same name, written in two ways
        alike = [n for n in found if any(c.isalnum() for c in n)]
        same = [n for n in alike if typed and editions.plain(n) == editions.plain(student)]
        student = same[0] if same else student
    known = found.setdefault(student, Submission(student))
    before = known.files.get(notebook.lesson)
    if before and own:
        older, newer = sorted((before, notebook.path), key=lambda path: path.stat().st_mtime)
        known.notes.append(printable(f"{newer.name} is marked, the newer, and not {older.name}"))
        if newer == before:
            return known
    elif before:
        first, student = student, f"{student} ({file})"
        known = found.setdefault(student, Submission(student))
        known.notes.append(f"a second notebook of {notebook.lesson} by {first}")
    if typed:
        seed = editions.seed(typed)
        if known.files and seed != known.seed:
            known.notes.append(f"{file} bears another name: {typed[:60]}")
        known.seed = seed
    elif notebook.edition is not None:
        known.notes.append(f"{file} bears no name")
    known.files[notebook.lesson] = notebook.path
    return known


def opened(path: Path, lessons: Mapping[str, Lesson]) -> Notebook:
    """A file as a notebook of one of these lessons.

    ValueError: it is no notebook, too large, or of none of the lessons.
    """
    if path.is_symlink():
        raise ValueError("a link, not a file")
    if ".ipynb" not in path.name:
        raise ValueError("no notebook (its name should end in .ipynb)")
    if path.stat().st_size > LARGEST:
        raise ValueError(f"larger than {LARGEST:,} bytes: clear its outputs")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        cells = [cell for cell in content["cells"] if isinstance(cell, dict)]
    except (ValueError, KeyError, TypeError) as problem:
        raise ValueError(f"cannot be read as a notebook, perhaps cut off ({problem})") from None
    read = tuple(
        (_identity(cell), _source(cell)[: LONGEST + 1], cell.get("cell_type") == "code")
        for cell in cells
    )
    mark = _mapping(_mapping(content.get("metadata")).get(editions.MARK))
    name, edition = mark.get("lesson"), mark.get("edition")
    if not isinstance(name, str) or name not in lessons:
        name = _recognised({identity for identity, _, _ in read}, lessons)
    return Notebook(path, name, edition if type(edition) is int else None, read)


def _recognised(identities: set[str], lessons: Mapping[str, Lesson]) -> str:
    """The lesson that shares most cells with these."""

    def shared(name: str) -> float:
        own = {one for one in lessons[name].cells if not one.startswith("exercise-")}
        return len(own & identities) / max(1, len(own))

    best = max(lessons, key=shared)
    if shared(best) < HOME:
        raise ValueError("a notebook of none of the lessons")
    return best


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _identity(cell: Mapping[str, Any]) -> str:
    identity = _mapping(cell.get("metadata")).get(editions.MARK, cell.get("id"))
    return identity if isinstance(identity, str) else ""


def _source(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))


def add(known: Submission, notebook: Notebook, lesson: Lesson, edition: int | None) -> None:
    """Take answers and predictions out of this notebook, its letters in this edition's order."""
    if notebook.says_edition and notebook.edition != edition:
        name: dict[int | None, str] = {None: "the kit's public copy"}
        of, wanted = (name.get(one, f"edition {one}") for one in (notebook.edition, edition))
        known.notes.append(f"{notebook.path.name} is of {of}, not of {wanted}")
    for exercise in lesson.exercises:
        stub, check = (f"exercise-{exercise.number}-{part}" for part in ("stub", "check"))
        code = region(notebook.cells, stub, lesson.cells)
        if code is not None:
            known.answers[exercise.key] = code
        if exercise.letters and edition is not None:
            known.orders[exercise.key] = editions.order_of(exercise, edition)
        below = region(notebook.cells, check, lesson.cells) or ""
        if code in (None, exercise.stub) and {*_bound(below)} & {*exercise.wanted}:
            known.notes.append(f"{exercise.key}: an answer in the check's cell, which is not read")
        elif _changed(notebook, exercise, check, edition):
            known.notes.append(f"{exercise.key}: its check was changed, which counts for nothing")
    sources = {identity: source for identity, source, code in notebook.cells if code}
    for identity, names in lesson.predictions.items():
        typed = [_typed(sources.get(identity, ""), name) for name in names]
        known.predictions[f"{lesson.number} {identity}"] = ", ".join(filter(None, typed))


def region(cells: Iterable[tuple[str, str, bool]], first: str, known: frozenset[str]) -> str | None:
    """The code of this cell and of those that the student put below it, up to the lesson's next
    one; None if the cell is gone."""
    parts: list[str] = []
    inside = False
    for identity, source, code in cells:
        if identity == first:
            inside = True
        elif identity in known:
            inside = False
        if inside and code:
            parts.append(_python(source))
    return "\n".join(parts) if parts else None


def _python(source: str) -> str:
    """Without the lines that only a notebook understands."""
    return "\n".join(line for line in source.split("\n") if not line.startswith("%"))


def _changed(notebook: Notebook, exercise: Exercise, check: str, edition: int | None) -> bool:
    """Whether the check's cell is there and is not what was handed out."""
    handed_out = {exercise.check}
    for one in (edition, notebook.edition) if exercise.letters else ():
        if one is not None:
            order = editions.order_of(exercise, one)
            handed_out.add(editions.with_order(exercise.check, exercise.names[0], order))
    own = [_python(source) for identity, source, _ in notebook.cells if identity == check]
    return any(_form(source) not in set(map(_form, handed_out)) for source in own)


def _form(code: str) -> str:
    """Code without its comments and layout; what cannot be read as it is."""
    try:
        return ast.unparse(ast.parse(code))
    except UNREADABLE:
        return code


def _bound(code: str) -> tuple[str, ...]:
    try:
        return exercises.bound(code)
    except UNREADABLE:
        return ()


def literal(source: str, name: str) -> Any:
    """The plain value assigned to this name; None where there is none."""
    try:
        return ast.literal_eval(_assigned(source, name))
    except UNREADABLE:
        return None


def _typed(source: str, name: str) -> str:
    """What was typed after ``name =``; empty for the three dots of the stub."""
    try:
        text = ast.unparse(_assigned(source, name))
    except UNREADABLE:
        return "cannot be read" if source and not re.search(r"= *\.\.\.", source) else ""
    return "" if text == "..." else text[:60]


def _assigned(source: str, name: str) -> ast.expr:
    """The last expression assigned to this name. ValueError: none is."""
    found = None
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign):
            targets = [t.id for t in statement.targets if isinstance(t, ast.Name)]
            found = statement.value if name in targets else found
    if found is None:
        raise ValueError(f"nothing is assigned to {name}")
    return found
