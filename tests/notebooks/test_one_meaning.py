"""A name means one thing in all sections of a lesson, so that a cell can be run again later.

A reader goes back: guesses, and runs the cell that answers. If a later section has given one of
its names another meaning, it answers with other numbers and says nothing.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator

import nbformat
import pytest
from notebook_tools import NOTEBOOKS
from sections import sections

PATHS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for inner in table.get_children():
        yield from tables(inner)


def read_from_elsewhere(source: str) -> set[str]:
    """Names that a cell reads before it sets them itself."""
    top, *inner = tables(symtable.symtable(source, "cell", "exec"))
    asked = {one.get_name() for one in top.get_symbols() if one.is_referenced()}
    for table in inner:
        asked |= {one.get_name() for one in table.get_symbols() if one.is_global()}
    place: dict[tuple[str, bool], int] = {}
    for statement in ast.parse(source).body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                loaded = isinstance(node.ctx, ast.Load)
                key, at = (node.id, loaded), 2 * node.lineno + (not loaded)
                place[key] = min(place.get(key, at), at)
    given = set(meanings(source))
    return {
        name
        for name in asked
        if name not in given or place.get((name, True), 0) < place.get((name, False), 0)
    }


def meanings(source: str) -> dict[str, str]:
    """Name -> the statement at the top of the cell that sets it last."""
    found = {}
    for statement in ast.parse(source).body:
        text = ast.unparse(statement)
        if isinstance(statement, ast.Import | ast.ImportFrom):
            found |= {(a.asname or a.name).partition(".")[0]: a.name for a in statement.names}
        elif isinstance(statement, ast.FunctionDef | ast.ClassDef):
            found[statement.name] = text
        else:
            stored = [n for n in ast.walk(statement) if isinstance(n, ast.Name)]
            mine = symtable.symtable(text, "statement", "exec")
            kept = {one.get_name() for one in mine.get_symbols() if one.is_assigned()}
            found |= {n.id: text for n in stored if n.id in kept}
    return found


def clashes(parts: dict[str, list[nbformat.NotebookNode]]) -> Iterator[str]:
    """Names that a cell takes from cells above it, and that another cell sets in another way."""
    each = {cell.id: meanings(cell.source) for part in parts.values() for cell in part}
    for part in parts.values():
        before: dict[str, str] = {}
        for cell in part:
            for name in sorted(read_from_elsewhere(cell.source) & set(before)):
                for other, theirs in each.items():
                    if other != cell.id and theirs.get(name, before[name]) != before[name]:
                        yield f"{cell.id}: {name} is another thing in {other}"
            before |= each[cell.id]


@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_a_name_means_one_thing(path):
    assert not list(clashes(sections(nbformat.read(path, as_version=4))))


def test_a_name_with_two_meanings_is_noticed():
    def cell(source: str, name: str) -> nbformat.NotebookNode:
        return nbformat.v4.new_code_cell(source, id=name)

    first = [cell("x = 1\nfor i in range(3):\n    y = i", "a"), cell("print(x)", "b")]
    alike = [cell("x = 1", "c"), cell("y = [i for i in range(9)]\nprint(x, y)", "d")]
    assert not list(clashes({"one": first, "two": alike}))
    other = [cell("def x():\n    return y", "e")]
    assert list(clashes({"one": first, "two": other})) == ["b: x is another thing in e"]
    within = [cell("def f():\n    return x", "f")]
    assert list(clashes({"one": [first[0], *within], "two": other})) == [
        "f: x is another thing in e"
    ]
    assert list(clashes({"one": [*first, *other]})) == ["b: x is another thing in e"]
    above = cell("x = 2", "g")  # whoever leaves out the next cell that sets x reads this one
    assert list(clashes({"one": [above, *first]})) == ["b: x is another thing in g"]
    assert read_from_elsewhere("x = x + 1") == {"x"} and not read_from_elsewhere("x = 1\nx + 1")
