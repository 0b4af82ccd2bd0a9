"""Run each section of a lesson alone: the set-up cell, then that section's code cells.

    python tests/notebooks/sections.py notebooks/02_simclr.ipynb

Prints a JSON object, section -> seconds, or what stopped it: "cell id: error". Sections start
from an empty namespace, in one process, since loading the libraries takes longer than most. With
``--all`` all code cells run in one go, as after Restart and Run All.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from pathlib import Path

import nbformat

HEADING = re.compile(r"^## +(.+)$", re.M)


def sections(notebook: nbformat.NotebookNode) -> dict[str, list[nbformat.NotebookNode]]:
    """Title of each H2 section that has code -> its code cells; without the set-up cell."""
    found: dict[str, list[nbformat.NotebookNode]] = {}
    title = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (heading := HEADING.search(cell.source)):
            title = heading[1]
        elif cell.cell_type == "code" and title:
            found.setdefault(title, []).append(cell)
    return found


def set_up(notebook: nbformat.NotebookNode) -> str:
    return next(cell.source for cell in notebook.cells if cell.id == "set-up")


def run_alone(start: str, cells: list[nbformat.NotebookNode]) -> float | str:
    """Seconds that the cells took after the set-up cell, or "cell id: error"."""
    since, names, at = time.perf_counter(), {"__name__": "__main__"}, "set-up"
    try:
        exec(start, names)
        for cell in cells:
            at = cell.id
            exec(cell.source, names)
    except Exception as error:
        return f"{at}: {type(error).__name__}: {error}"
    return round(time.perf_counter() - since, 1)


def main(path: Path, whole: bool) -> None:
    notebook = nbformat.read(path, as_version=4)
    os.chdir(path.parent)  # where a kernel would stand
    with contextlib.redirect_stdout(sys.stderr):
        start = set_up(notebook)
        parts = sections(notebook)
        if whole:
            code = [c for c in notebook.cells if c.cell_type == "code" and c.id != "set-up"]
            parts = {"from the top": code}
        said = {title: run_alone(start, cells) for title, cells in parts.items()}
    print(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), "--all" in sys.argv)
