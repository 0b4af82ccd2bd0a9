"""The marks as a table for a spreadsheet, and as a page for the teacher."""

from __future__ import annotations

import ast
import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from activecl_nb import files
from activecl_nb.lessons.students.exercises import UNREADABLE, Exercise, Lesson

if TYPE_CHECKING:
    from activecl_nb.lessons.students.collecting import Mark, Row

ENOUGH = 30  # nodes of a syntax tree; shorter functions are alike by chance
MOST = 3  # hints shown for an exercise
NOT_MARKED = "not-marked"
NO_ANSWER = ("missing", "not-yet", "not-run", NOT_MARKED)
THE_KIT = "the kit's solution"


@dataclass(frozen=True)
class Wrong:
    """How an exercise went. hints: (name, how many, the text of one of them)."""

    exercise: Exercise
    solved: int
    tried: int
    hints: tuple[tuple[str, int, str], ...]

    @property
    def failed(self) -> int:
        return self.tried - self.solved


def write(rows: Sequence[Row], lessons: Mapping[str, Lesson], out: Path) -> None:
    """The table and, beside it, the page."""
    page = out.with_suffix(".html")
    if page == out:
        raise ValueError(f"{out} would be both the table and the page; let it end in .csv")
    # Students may write what no file can hold; the table's beginning is as spreadsheets know it.
    files.write(out, table(rows, lessons).encode("utf-8-sig", "backslashreplace"))
    files.write(page, html(rows, lessons))


def table(rows: Sequence[Row], lessons: Mapping[str, Lesson]) -> str:
    """One line a student, one column an exercise, then one a prediction, as CSV."""
    asked = exercises_of(lessons)
    guesses = [f"{one.number} {cell}" for one in lessons.values() for cell in one.predictions]
    same = alike(rows, asked)
    written = io.StringIO()
    lines = csv.writer(written)
    keys = [exercise.key for exercise in asked]
    marked = sum(exercise.can_be_marked for exercise in asked)
    lines.writerow(["student", "solved", "of", *keys, *guesses, "alike", "notes"])
    for row in rows:
        solved = sum(mark.solved for mark in row.marks.values())
        cells = [row.work.student, solved, marked]
        cells += [in_cell(row.marks[key]) for key in keys]
        cells += [row.work.predictions.get(guess, "") for guess in guesses]
        cells += ["; ".join(same.get(row.work.student, ())), "; ".join(row.work.notes)]
        lines.writerow([_harmless(cell) for cell in cells])
    return written.getvalue()


def in_cell(mark: Mark) -> str:
    """What stands in the table: "solved", or the hint's name; and what was answered."""
    return f"{mark.name}: {mark.said}" if mark.said else mark.name


def _harmless(cell: object) -> object:
    """A spreadsheet takes what begins with = + - @ for a formula; a student may write one."""
    text = isinstance(cell, str) and cell.replace("\n", " ").replace("\r", " ")
    if text is False:
        return cell
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") else text


def exercises_of(lessons: Mapping[str, Lesson]) -> list[Exercise]:
    return [exercise for lesson in lessons.values() for exercise in lesson.exercises]


# ---- answers that are alike --------------------------------------------------------------
def alike(rows: Sequence[Row], asked: Sequence[Exercise]) -> dict[str, list[str]]:
    """Functions that are the same but for names, comments and spaces: student -> what is.

    Letters, numbers and short functions are alike by chance and are left out.
    """
    told: dict[str, list[str]] = defaultdict(list)
    for exercise in asked:
        if exercise.names:
            continue
        groups: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            form = normalised(row.work.answers.get(exercise.key, ""))
            if form and form != normalised(exercise.stub):
                groups[form].append(row.work.student)
        solution = normalised(exercise.solution)
        for form, students in groups.items():
            everyone = [*students, THE_KIT] if form == solution else students
            for student in students if len(everyone) > 1 else ():
                others = [name for name in everyone if name != student]
                told[student].append(f"{exercise.key}: as {', '.join(others)}")
    return dict(told)


def normalised(code: str) -> str:
    """The functions of this code without names of their own, docstrings, comments and layout.

    Empty where they are too short to tell, or cannot be read.
    """
    try:
        tree = ast.parse(code)
        functions = [one for one in tree.body if isinstance(one, ast.FunctionDef)]
        if sum(1 for one in functions for _ in ast.walk(one)) < ENOUGH:
            return ""
        return "\n".join(ast.dump(_Renamed().visit(one)) for one in functions)
    except UNREADABLE:
        return ""


class _Renamed(ast.NodeTransformer):
    """Arguments and variables by the order in which they come, and no docstrings or types."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def _number(self, name: str) -> str:
        return self.names.setdefault(name, f"name{len(self.names)}")

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name, node.returns = self._number(node.name), None
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg, node.annotation = self._number(node.arg), None
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._number(node.id)
        return node


# ---- the page ----------------------------------------------------------------------------
def went_wrong(rows: Sequence[Row], asked: Sequence[Exercise]) -> list[Wrong]:
    """The exercises that were tried, what most got wrong first."""
    return sorted(_tried(rows, asked), key=lambda one: (-one.failed, one.exercise.key))


def _tried(rows: Sequence[Row], asked: Sequence[Exercise]) -> Iterator[Wrong]:
    for exercise in asked:
        marks = [row.marks[exercise.key] for row in rows]
        marks = [mark for mark in marks if mark.name not in NO_ANSWER]
        if not marks:
            continue
        hints = Counter(mark.name for mark in marks if not mark.solved)
        texts = {mark.name: mark.text.removeprefix("not solved: ") for mark in marks}
        most = [(name, count, texts[name]) for name, count in hints.most_common(MOST)]
        yield Wrong(exercise, sum(mark.solved for mark in marks), len(marks), tuple(most))


def guessed(rows: Sequence[Row], lessons: Mapping[str, Lesson]) -> list[tuple[str, str]]:
    """(prediction, what was typed and how often), of those that somebody typed."""
    told = []
    for lesson in lessons.values():
        for cell in lesson.predictions:
            typed = Counter(row.work.predictions.get(f"{lesson.number} {cell}", "") for row in rows)
            typed.pop("", None)
            if typed:
                words = ", ".join(f"{text} ({count})" for text, count in typed.most_common(8))
                told.append((f"{lesson.number} {cell}", words))
    return told


def html(rows: Sequence[Row], lessons: Mapping[str, Lesson]) -> str:
    """The page for the teacher: one file, nothing else is loaded."""
    from activecl_nb.pictures.templates import templates

    asked = exercises_of(lessons)
    return (
        templates(Path(__file__).parent)
        .get_template("page.html")
        .render(
            rows=rows,
            asked=asked,
            wrong=went_wrong(rows, asked),
            guessed=guessed(rows, lessons),
            alike=alike(rows, asked),
            lacking=sorted({text for row in rows for text in row.lacking}),
            in_cell=in_cell,
        )
    )
