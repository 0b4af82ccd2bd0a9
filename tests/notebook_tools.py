"""The exercises of the notebooks, taken out of them for the tests.

An exercise N of a notebook is four cells: ``exercise-N`` or the Markdown above the stub (the
task), ``exercise-N-stub``, ``exercise-N-check`` and ``exercise-N-solution``. What is tested here
is what the reader has in front of them, not a copy of it: the solution comes from its folded
block, and the verdict from the check cell.

A test of a lesson is one call for each exercise:

    def test_nt_xent() -> None:
        examine("02_simclr", 3, {"forgets the temperature": "def my_nt_xent(...): ..."})
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest

from activecl_nb.lessons import checks
from activecl_nb.lessons.checks import Verdict

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
SHORT = NOTEBOOKS / "90_minutes.ipynb"  # all in short: no lesson, and its number is no place


def lessons(folder: Path) -> list[Path]:
    """The lessons' notebooks, in order: those whose names begin with a number of two digits."""
    return sorted(p for p in folder.glob("[0-9][0-9]_*.ipynb") if p.name != SHORT.name)


LESSONS = lessons(NOTEBOOKS)


def load(name: str) -> nbformat.NotebookNode:
    """The notebook of this name, such as "02_simclr"."""
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def cell(notebook: nbformat.NotebookNode, identity: str) -> str:
    """The source of the cell with this id."""
    found = [c.source for c in notebook.cells if c.get("id") == identity]
    assert found, f"the notebook has no cell {identity!r}"
    return found[0]


def solution(notebook: nbformat.NotebookNode, n: int) -> str:
    """The code of exercise n's solution: the ```python blocks of its folded cell."""
    text = cell(notebook, f"exercise-{n}-solution")
    assert "<details>" in text and "<summary>" in text, f"solution {n} is not folded"
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.M | re.S)
    assert blocks, f"solution {n} has no ```python block"
    return "\n".join(blocks)


def stub(notebook: nbformat.NotebookNode, n: int) -> str:
    """The code that the learner starts from."""
    return cell(notebook, f"exercise-{n}-stub")


def check(notebook: nbformat.NotebookNode, n: int) -> str:
    """The code of exercise n's check cell."""
    return cell(notebook, f"exercise-{n}-check")


def exercises(notebook: nbformat.NotebookNode) -> list[int]:
    """The numbers of the exercises that have a stub."""
    found = (re.fullmatch(r"exercise-(\d+)-stub", c.get("id", "")) for c in notebook.cells)
    return [int(match[1]) for match in found if match]


def imports(notebook: nbformat.NotebookNode) -> str:
    """Every import of the notebook's code cells, and nothing else of them."""
    lines = []
    for one in notebook.cells:
        if one.cell_type == "code":
            statements = ast.parse(one.source).body
            lines += [
                ast.unparse(s) for s in statements if isinstance(s, ast.Import | ast.ImportFrom)
            ]
    return "\n".join(dict.fromkeys(lines))


def verdict(
    notebook: nbformat.NotebookNode, n: int, source: str, given: Mapping[str, Any] | None = None
) -> Verdict:
    """What exercise n's check cell says after the learner wrote ``source``.

    given: names that the stub or the check uses and that are no import, such as ``SEED``.
    """
    names = {"SEED": 0, **(given or {})}
    exec(imports(notebook), names)
    exec(source, names)
    # A check cell may take an import and a line of its own; its value is its last line's.
    *before, last = ast.parse(check(notebook, n)).body
    assert isinstance(last, ast.Expr), f"check cell {n} must end in the verdict"
    exec(compile(ast.Module(before, []), "check", "exec"), names)
    said = eval(compile(ast.Expression(last.value), "check", "eval"), names)
    assert isinstance(said, Verdict), f"check {n} gave {type(said).__name__}, not a Verdict"
    return said


def spoiled(source: str) -> dict[str, str]:
    """Answers to this stub that no check may stumble over: they raise, or are not numbers."""
    statements = ast.parse(source).body
    functions = [s.name for s in statements if isinstance(s, ast.FunctionDef)]
    answers = [
        target.id
        for s in statements
        if isinstance(s, ast.Assign) and isinstance(s.value, ast.Constant) and s.value.value is ...
        for target in s.targets
        if isinstance(target, ast.Name)
    ]
    values = {"words": "'words'", "NaN": "float('nan')", "a dictionary": "{'a': 1}"}
    ways = {}
    for what, value in values.items():
        lines = [source]
        lines += [f"def {name}(*a, **k): return {value}" for name in functions]
        lines += [f"{name} = {value}" for name in answers]
        ways[what] = "\n".join(lines)
    if functions:
        lines = [f"def {name}(*a, **k): return [][0]" for name in functions]
        ways["an error"] = "\n".join([source, *lines])
    assert functions or answers, "the stub has neither a function nor a line `name = ...`"
    return ways


def examine(
    name: str, n: int, wrong: Mapping[str, str], given: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Put exercise n of a notebook through all that is promised of it; return the hints.

    wrong: what is wrong -> the learner's code. At least four; each must get a hint of its own.
    """
    notebook = load(name)
    first = verdict(notebook, n, solution(notebook, n), given)
    assert first.solved, f"the notebook's own solution of {n} is refused: {first}"
    untouched = verdict(notebook, n, stub(notebook, n), given)
    assert not untouched.solved and repr(untouched).startswith("not yet"), repr(untouched)
    assert len(first.text.split()) > 4, f"solved, and why? {first}"
    assert len(wrong) >= 4, "give four or more plausible wrong answers"
    hints: dict[str, str] = {}
    for what, source in wrong.items():
        said = verdict(notebook, n, source, given)
        assert not said.solved, f"a wrong answer passes exercise {n}: {what}"
        assert not said.text.startswith("not yet"), f"{what}: {said}"
        twin = next((other for other, text in hints.items() if text == said.text), None)
        assert twin is None, f"{what!r} and {twin!r} get the same hint: {said}"
        assert "cannot read this answer" not in said.text, f"{what}: {said}"
        hints[what] = said.text
    checks.strict()
    try:
        for source in (stub(notebook, n), next(iter(wrong.values()))):
            with pytest.raises(checks.NotSolved):
                verdict(notebook, n, source, given)
        assert verdict(notebook, n, solution(notebook, n), given) == first
    finally:
        checks.strict(False)
    for what, source in spoiled(stub(notebook, n)).items():
        said = verdict(notebook, n, source, given)
        assert not said.solved and said.text, f"{what} passes exercise {n}"
        assert "Traceback" not in said.text
    return hints


# ---- what a learner may write ------------------------------------------------------------


def function(signature: str, *lines: str) -> str:
    """The source of a learner's function, with NumPy and torch at hand."""
    body = "".join(f"    {line}\n" for line in lines)
    return f"import numpy as np\nimport torch\ndef {signature}:\n{body}"


def written(form: str, *lines: str) -> str:
    """A function of this form with these lines as the rest of its body."""
    return form.format("\n    ".join(lines))


def letters(answers: str) -> dict[str, str]:
    """Each of these letters as an answer, and one that is not offered."""
    return {letter: f"my_answer = {letter!r}" for letter in (*answers, "e")}
