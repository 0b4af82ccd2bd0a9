"""A class of made-up students, who hand in what is wanted of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from activecl_nb.lessons.students import editions, exercises
from activecl_nb.lessons.students.exercises import Exercise, Lesson

EDITION = 7


class Class:
    """Writes notebooks as students do: the class edition, with answers in its cells."""

    def __init__(self, folder: Path, lessons: Mapping[str, Lesson]) -> None:
        self.folder = folder
        self.lessons = lessons
        self.stored = {path.stem: path for path in exercises.stored()}
        self.fresh: dict[str, str] = {}

    def name(self, number: str) -> str:
        """The lesson of this number, "04" or "04-1"."""
        return next(name for name in self.stored if name.startswith(number[:2]))

    def notebook(self, name: str) -> Any:
        """The student's copy of this lesson."""
        if name not in self.fresh:
            whole = nbformat.read(self.stored[name], as_version=4)
            edition = editions.edited(name, whole, EDITION, solutions=False)
            self.fresh[name] = nbformat.writes(edition)
        return nbformat.reads(self.fresh[name], as_version=4)

    def answered(self, answers: Mapping[str, str], student: str | None = None) -> dict[str, Any]:
        """Lesson -> its notebook with these answers (exercise's key or cell's id -> code)."""
        notebooks: dict[str, Any] = {}
        for key, code in answers.items():
            name = self.name(key)
            notebook = notebooks.setdefault(name, self.notebook(name))
            rest = key[3:]
            self.cell(notebook, f"exercise-{rest}-stub" if rest.isdecimal() else rest).source = code
        for notebook in notebooks.values():
            if student is not None:
                self.cell(notebook, editions.IDENTITY).source = f"STUDENT = {student!r}"
        return notebooks

    @staticmethod
    def cell(notebook: Any, identity: str) -> Any:
        return next(cell for cell in notebook.cells if cell.id == identity)

    def hand_in(self, student: str, answers: Mapping[str, str]) -> Path:
        """The student's folder, with a notebook for each lesson that was answered."""
        folder = self.folder / student
        folder.mkdir(parents=True, exist_ok=True)
        for name, notebook in self.answered(answers, student).items():
            self.save(folder / f"{name}.ipynb", notebook)
        return folder

    @staticmethod
    def save(path: Path, notebook: Any) -> None:
        path.write_text(json.dumps(notebook), encoding="utf-8")

    def letter(self, exercise: Exercise, kits: str) -> str:
        """The line that answers the kit's letter in this edition."""
        place = editions.order_of(exercise, EDITION).index(kits)
        return f'my_answer = "{"abcdefgh"[place]}"'
