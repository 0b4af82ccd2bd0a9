"""Every instruction to change something is carried out, then all cells run from the top.

In the file: a Markdown cell with **Try it.** says what to write in the next code cell, whose
metadata ``change`` holds the old text and the new one. Lesson 00 says what may be changed in the
set-up cell of any lesson.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from notebook_tools import NOTEBOOKS, exercises, load, solution

PATHS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
RUNNER = Path(__file__).with_name("sections.py")
# What asks for an edit of an earlier cell: after a restart that cell runs before what it needs.
EDITS = re.compile(
    r"\b(?:write|replace|change)\b[^.]*\b(?:above|that cell)\b|in place of [^.]* above"
    r"|run that cell again",
    re.I,
)


@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_every_instruction_says_what_its_cell_holds(path):
    cells = nbformat.read(path, as_version=4).cells
    for cell, following in itertools.pairwise(cells):
        if "**Try it.**" in cell.source:
            old, new = following.metadata.change
            assert following.source.count(old) == 1, following.id
            assert f"`{new}`" in cell.source and f"`{old}`" in cell.source, cell.id
        elif "change" in following.metadata:
            raise AssertionError(f"{following.id}: no instruction stands before it")


@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_no_instruction_edits_an_earlier_cell(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            assert not EDITS.search(cell.source), (cell.id, EDITS.search(cell.source))


def test_which_instructions_edit_an_earlier_cell():
    assert EDITS.search("write `splits[3] = x` in the measurement above")
    assert EDITS.search("Then put it in place of `split` in `score` above, and go on.")
    assert not EDITS.search("**Try it.** In the next cell, write `split = mine` and run it again.")


def carried_out(path: Path) -> nbformat.NotebookNode:
    """The notebook as a learner leaves it who has solved everything and changed everything."""
    notebook, name = nbformat.read(path, as_version=4), path.stem
    cells = {cell.id: cell for cell in notebook.cells}
    for n in exercises(notebook):
        stub = cells[f"exercise-{n}-stub"]
        stub.source += "\n" + solution(load(name), n)
    for cell in notebook.cells:
        if "change" in cell.metadata:
            cell.source = cell.source.replace(*cell.metadata.change)
    cells["set-up"].source = (
        cells["set-up"].source.replace("profiles.current()", 'profiles.current("tiny")')
        + "\nfrom activecl_nb.protocol import Protocol\nprofile = Protocol.of(profile, epochs=3)"
    )
    return notebook


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_after_all_changes_everything_runs_from_the_top(path, tmp_path):
    changed = tmp_path / path.name
    nbformat.write(carried_out(path), changed)
    ran = subprocess.run(
        [sys.executable, str(RUNNER), str(changed), "--all"],
        env=os.environ | {"ACTIVECL_PROFILE": "tiny", "ACTIVECL_STATIC": "1"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    said = json.loads(ran.stdout)
    assert isinstance(said["from the top"], float), said
