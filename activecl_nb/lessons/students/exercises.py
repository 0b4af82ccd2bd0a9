"""What a lesson asks: its exercises and predictions, taken out of its notebook.

An exercise N is four cells: ``exercise-N`` (the task), ``exercise-N-stub``, ``exercise-N-check``
and ``exercise-N-solution``. A prediction is a code cell with the tag ``prediction``.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from activecl_nb import files

VIEW = "view"  # the name by which a check looks at the stored runs
CHOICE = re.compile(r"^- (?P<mark>\*{0,2})(?P<letter>[a-z])(?P=mark): ", re.M)
# What Python's own readers raise for code, or a value in it, that they cannot read.
UNREADABLE = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)


@dataclass(frozen=True)
class Exercise:
    """One exercise as the kit's notebook has it.

    key: lesson and number, "01-3". kind: predict, explain, implement or extend. solution: its
    code; empty where there is none. letters: of the choices, "abcd"; empty where the answer is
    no letter.
    """

    key: str
    title: str
    kind: str
    stub: str
    check: str
    solution: str
    letters: str

    @property
    def number(self) -> int:
        return int(self.key.rpartition("-")[2])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The variables that the stub leaves open; none where it asks for a function."""
        return assigned(self.stub)

    @cached_property
    def wanted(self) -> tuple[str, ...]:
        """The names that the stub gives, and with it the answer, and that the check asks for."""
        return tuple(name for name in bound(self.stub) if name in _looked_up(self.check))

    @property
    def can_be_marked(self) -> bool:
        """Whether the check needs no more than the answer, and perhaps the stored runs."""
        return self.beyond <= {VIEW}

    @cached_property
    def beyond(self) -> frozenset[str]:
        """What the check looks at beside the answer: names of the session around it."""
        nodes = [*ast.walk(ast.parse(self.check)), *ast.walk(ast.parse(self.stub))]
        made = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                made |= {one.asname or one.name for one in node.names}
        made |= {*self.names, "checks", *dir(builtins)}
        return frozenset(_looked_up(self.check) - made)


@dataclass(frozen=True)
class Lesson:
    """What a lesson asks, in the order of the notebook.

    imports: the notebook's import statements. predictions: cell id -> names of the variables.
    cells: the ids of all its cells.
    """

    name: str
    exercises: tuple[Exercise, ...]
    predictions: dict[str, tuple[str, ...]]
    imports: tuple[str, ...]
    cells: frozenset[str]

    @property
    def number(self) -> str:
        return self.name.partition("_")[0]


def _looked_up(code: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def stored(notebooks: Path | None = None) -> list[Path]:
    """The lessons' files, in order; the kit's own by default. FileNotFoundError: there is none."""
    notebooks = notebooks or files.of_the_kit("notebooks")
    paths = sorted(notebooks.glob("[0-9][0-9]_*.ipynb"))
    if not paths:
        raise FileNotFoundError(
            f"no lesson (such as 01_....ipynb) in {notebooks}: get the kit's folder whole, or "
            "name theirs"
        )
    return paths


def lessons(notebooks: Path | None = None) -> dict[str, Lesson]:
    """Each lesson by its name, such as "02_simclr"."""
    import nbformat

    return {
        path.stem: lesson(path.stem, nbformat.read(path, as_version=4))
        for path in stored(notebooks)
    }


def lesson(name: str, notebook: Any) -> Lesson:
    """What this notebook asks."""
    cells = {cell.get("id", ""): cell for cell in notebook.cells}
    number = name.partition("_")[0]
    found = (re.fullmatch(r"exercise-(\d+)-stub", identity) for identity in cells)
    exercises = [_exercise(number, int(match[1]), cells) for match in found if match]
    predictions = {
        identity: assigned(cell.source)
        for identity, cell in cells.items()
        if "prediction" in cell.metadata.get("tags", ())
    }
    imports = tuple(dict.fromkeys(_imports(notebook)))
    return Lesson(name, tuple(exercises), predictions, imports, frozenset(cells))


def _exercise(lesson: str, n: int, cells: dict[str, Any]) -> Exercise:
    def source(part: str) -> str:
        cell = cells.get(f"exercise-{n}{part}")
        return cell.source if cell else ""

    head = re.search(r"^### Exercise \d+ \((\w+)\): (.+)$", source(""), re.M)
    kind, title = head.groups() if head else ("", f"exercise {n}")
    title = re.sub(r"(\*+|`)(.+?)\1", r"\2", title)  # the words, without their Markdown
    code = re.findall(r"^```python\n(.*?)^```", source("-solution"), flags=re.M | re.S)
    letters = "".join(match["letter"] for match in CHOICE.finditer(source("")))
    return Exercise(
        f"{lesson}-{n}", title, kind, source("-stub"), source("-check"), "\n".join(code), letters
    )


def assigned(source: str) -> tuple[str, ...]:
    """The names to which this code assigns at its top level."""
    return tuple(
        target.id
        for statement in ast.parse(source).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    )


def bound(code: str) -> tuple[str, ...]:
    """The names of the variables and functions that this code makes at its top level."""
    tree = ast.parse(code)
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return (*assigned(code), *functions)


def _imports(notebook: Any) -> Iterator[str]:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for statement in ast.parse(cell.source).body:
                if isinstance(statement, ast.Import | ast.ImportFrom):
                    yield ast.unparse(statement)


def needed(imports: tuple[str, ...], *sources: str) -> str:
    """Those of the imports whose names these pieces of code use; code that cannot be read uses
    none."""
    used: set[str] = set()
    for source in sources:
        try:
            used |= _looked_up(source)
        except UNREADABLE:
            continue
    lines = []
    for text in imports:
        names = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.alias)]
        if {(name.asname or name.name).partition(".")[0] for name in names} & used:
            lines.append(text)
    return "\n".join(lines)
