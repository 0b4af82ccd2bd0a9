"""Runs from their folders, and the data that they were made from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from activecl_nb import files, runs
from activecl_nb.protocol import BENCHMARK
from activecl_nb.runs import Run

if TYPE_CHECKING:
    from activecl_nb.imbalance import Data


def open_runs(
    *paths: str | os.PathLike[str], data: Data | None = None
) -> tuple[dict[str, Run], Data]:
    """The runs in these folders by name, and their data, loaded as the first run recorded it.

    data: the data, where it is at hand or was made by hand. Whether it is the runs' own is tested
    by its fingerprint when the explorer is made.

    FileNotFoundError: a folder holds no run. ValueError: it is damaged, or its data has changed.
    """
    from activecl_nb.pictures.explorer.belonging import named

    if not paths:
        raise ValueError("name at least one run's folder, such as runs/entropy-0")
    if len({files.expanded(path).resolve() for path in paths}) < len(paths):
        raise ValueError("a run's folder is named twice; name each once")
    # The benchmark chooses nothing: it is not what the first view, or picking by hand, is about.
    loaded = sorted((runs.load(path) for path in paths), key=lambda run: run.strategy == BENCHMARK)
    found = named(loaded)
    return found, runs.load_data(next(iter(found.values()))) if data is None else data


def explore(
    paths: Sequence[str | os.PathLike[str]], out: str | os.PathLike[str], title: str = ""
) -> Path:
    """Write the standalone page of the runs in these folders; returns the file.

    Without a map stored with one of them, one is made of the first run's encoder, which takes a
    minute for 10,000 patches.
    """
    from activecl_nb.pictures.explorer.widget import Explorer

    shown = Explorer.open(*paths)
    return shown.to_html(out, title or f"Picks of {', '.join(shown.view.names)}")
