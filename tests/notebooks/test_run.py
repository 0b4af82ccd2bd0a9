"""The runner of `make run`: what it prints, and what becomes of a notebook that fails."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def executed(tmp_path, monkeypatch):
    """executed(code, ...) -> the result of a notebook of these cells."""
    spec = importlib.util.spec_from_file_location("runner", ROOT / "notebooks" / "run.py")
    runner = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "runner", runner)
    spec.loader.exec_module(runner)
    monkeypatch.setattr(runner, "HERE", tmp_path)

    def execute(*code: str):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in code])
        nbformat.write(notebook, tmp_path / "one.ipynb")
        return runner.execute(tmp_path / "one.ipynb", tmp_path / "out")

    return execute


def test_the_kernels_own_words_stay_out_of_the_lines(executed, capfd):
    result = executed("import os; os.write(2, b'a word to maintainers')\nprint('seen')")
    said = capfd.readouterr()
    assert result.error == "" and said.out.startswith("one ") and said.out.count("\n") == 1
    for word in ("maintainers", "WARNING", "encryption"):
        assert word not in said.err + said.out
    kept = nbformat.read(result.path.parent / "out" / "one.ipynb", as_version=4)
    assert kept.cells[0].outputs[0].text == "seen\n"


def test_a_cell_that_fails_is_named(executed):
    assert executed("1 / 0").error == "ZeroDivisionError: division by zero"


def test_a_kernel_that_dies_costs_its_notebook_alone(executed):
    assert executed("import os; os.write(2, b'no memory'); os._exit(1)").error.startswith(
        "the kernel died"
    )
