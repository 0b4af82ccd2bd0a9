"""Every section of every lesson starts alone, from the set-up cell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from notebook_tools import NOTEBOOKS
from sections import run_alone, sections

PATHS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
RUNNER = Path(__file__).with_name("sections.py")


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_every_section_starts_alone(path):
    environment = os.environ | {"ACTIVECL_PROFILE": "tiny", "ACTIVECL_STATIC": "1"}
    ran = subprocess.run(
        [sys.executable, str(RUNNER), str(path)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    said = json.loads(ran.stdout)
    assert said.keys() == sections(nbformat.read(path, as_version=4)).keys() and said
    stopped = {title: result for title, result in said.items() if isinstance(result, str)}
    assert not stopped


def test_a_section_that_leans_on_another_is_noticed():
    cells = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("SEED = 0", id="set-up"),
            nbformat.v4.new_markdown_cell("## First"),
            nbformat.v4.new_code_cell("x = SEED", id="first"),
            nbformat.v4.new_markdown_cell("### Within it\n\nMore."),
            nbformat.v4.new_code_cell("y = x", id="more"),
            nbformat.v4.new_markdown_cell("## Second"),
            nbformat.v4.new_code_cell("z = x", id="second"),
        ]
    )
    found = sections(cells)
    assert {title: [c.id for c in part] for title, part in found.items()} == {
        "First": ["first", "more"],
        "Second": ["second"],
    }
    assert isinstance(run_alone("SEED = 0", found["First"]), float)
    assert run_alone("SEED = 0", found["Second"]) == "second: NameError: name 'x' is not defined"
