"""A class edition of the lessons: what students get, and the teacher's copy beside it.

Both come from the stored notebooks and differ in the solutions alone. The letters of the choices
stand in another order than in the kit's public copy, and the seed is the student's own.
"""

from __future__ import annotations

import copy
import os
import re
import string
import unicodedata
from pathlib import Path
from typing import Any

from activecl_nb import files, seeds, values
from activecl_nb.lessons.students import exercises
from activecl_nb.lessons.students.exercises import CHOICE, Exercise

MARK = "activecl"  # what the edition writes into the metadata of notebooks and cells
TEACHER, STUDENTS = "teacher", "students"
SET_UP, IDENTITY = "set-up", "student"
SEED_LINE = re.compile(r"^SEED = 0$", re.M)
# Data that no stored run was made from may be the student's own.
LOADED = 'imbalance.load("phantom", profile)'
LOADED_BY_SEED = 'imbalance.load("phantom", profile, seed=SEED)'
# What a lesson points to outside of its folder does not go along.
OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]*\)")
TOLD_AFTER = re.compile(r"<summary>.*\bafter exercise\b", re.I)
ASKED = """\
**Who are you?** Write your name or number into the next cell, in quotes, the same in every \
lesson, and run it before the set-up. Your data and your numbers are drawn from it: they are \
not your neighbour's."""


def seed(student: Any) -> int:
    """The seed of this name or number, 0 to 999,999; 0 where none was written, and it is said.

    Capitals, spaces and punctuation make no difference. ValueError: no letter and no digit.
    """
    if student is None or student is Ellipsis:
        print("no name in the cell above: the seed is 0, as in the kit's own copy")
        return 0
    return seeds.number(0, "student", plain(student)) % 1_000_000


def plain(student: Any) -> str:
    """A name without what people write in two ways. ValueError: nothing is left of it."""
    folded = unicodedata.normalize("NFKC", str(student)).casefold()
    kept = "".join(c for c in folded if c.isalnum())
    if not kept:
        raise ValueError(f"{str(student)!r} is no name and no number; write either, in quotes")
    return kept


class Options:
    """What ``make`` is told in numbers."""

    edition: values.Whole


def make(
    out: str | os.PathLike[str], *, edition: int = 0, notebooks: Path | None = None
) -> dict[str, list[Path]]:
    """Write the edition into ``out/students`` and ``out/teacher``; name -> files written.

    edition: decides the order of the letters; another class, another number. notebooks: whose
    lessons (default: the kit's). FileNotFoundError: there are none. ValueError: no such number.
    """
    import nbformat

    values.checked(Options, {"edition": edition})
    written: dict[str, list[Path]] = {STUDENTS: [], TEACHER: []}
    for path in exercises.stored(notebooks):
        stored = nbformat.read(path, as_version=4)
        for whose in written:
            notebook = edited(path.stem, stored, edition, solutions=whose == TEACHER)
            target = files.expanded(out) / whose / path.name
            files.write(target, nbformat.writes(notebook) + "\n")
            written[whose].append(target)
    return written


def edited(name: str, notebook: Any, edition: int, *, solutions: bool) -> Any:
    """This lesson as the class gets it, or with its solutions as the teacher keeps it."""
    lesson = exercises.lesson(name, notebook)
    notebook = copy.deepcopy(notebook)
    notebook.metadata[MARK] = {"lesson": name, "edition": edition}
    for exercise in lesson.exercises:
        if exercise.letters:
            _shuffle(notebook, exercise, order_of(exercise, edition))
    kept = []
    for cell in notebook.cells:
        if not solutions and _tells(cell):
            continue
        if cell.cell_type == "markdown":
            cell.source = OUTSIDE.sub(r"\1", cell.source)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.source = cell.source.replace(LOADED, LOADED_BY_SEED)
        if cell.id == SET_UP and SEED_LINE.search(cell.source):
            kept += _identity()
            line = "SEED = students.seed(STUDENT)  # the seed of your name"
            cell.source = "from activecl_nb.lessons import students\n" + SEED_LINE.sub(
                line, cell.source
            )
        cell.metadata[MARK] = cell.id  # editors that number cells anew keep metadata
        kept.append(cell)
    notebook.cells = kept
    return notebook


def order_of(exercise: Exercise, edition: int) -> str:
    """The kit's letters in the order of this edition: "cadb" puts the kit's c first."""
    draw = seeds.numpy_generator(edition, "letters", exercise.key)
    return "".join(draw.permutation(list(exercise.letters)))


def with_order(check: str, name: str, order: str) -> str:
    """The check cell's code, told in which order the letters of the answer stand."""
    return re.sub(rf"\({name}\)", f'(checks.lettered({name}, "{order}"))', check)


def _shuffle(notebook: Any, exercise: Exercise, order: str) -> None:
    """Write the choices, the check and the solution of this exercise in this order."""
    cells = {cell.id: cell for cell in notebook.cells}
    task = cells[f"exercise-{exercise.number}"]
    lines = task.source.split("\n")
    places = [i for i, line in enumerate(lines) if CHOICE.match(line)]
    texts = {exercise.letters[k]: lines[i] for k, i in enumerate(places)}
    for place, old, new in zip(places, order, string.ascii_lowercase, strict=False):
        lines[place] = CHOICE.sub(rf"- \g<mark>{new}\g<mark>: ", texts[old], count=1)
    task.source = "\n".join(lines)
    (name,) = exercise.names
    check = cells[f"exercise-{exercise.number}-check"]
    check.source = with_order(check.source, name, order)
    solution = cells.get(f"exercise-{exercise.number}-solution")
    if solution:
        solution.source = re.sub(
            rf'^{name} = "([a-z])"',
            lambda told: f'{name} = "{string.ascii_lowercase[order.index(told[1])]}"',
            solution.source,
            flags=re.M,
        )


def _tells(cell: Any) -> bool:
    """Whether this cell gives an exercise's answer away."""
    return bool(re.fullmatch(r"exercise-\d+-solution", cell.id)) or (
        cell.cell_type == "markdown" and bool(TOLD_AFTER.search(cell.source))
    )


def _identity() -> list[Any]:
    from nbformat import v4

    asked = v4.new_markdown_cell(ASKED, id=f"{IDENTITY}-text")
    typed = v4.new_code_cell("STUDENT = ...  # your name or number, in quotes", id=IDENTITY)
    typed.metadata[MARK] = IDENTITY
    return [asked, typed]
