"""Runs from their folders, and the data that they were made from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from activecl_nb import runs
from activecl_nb.runs import Run

if TYPE_CHECKING:
    from activecl_nb.imbalance import Data


def open_runs(
    *paths: str | os.PathLike[str], data: Data | None = None
) -> tuple[dict[str, Run], Data]:
    """The runs in these folders by name, and their data, loaded as the first run recorded it.

    data: the data, where it is at hand or the run does not say how to load it. Whether it is the
    runs' own is tested by its fingerprint when the explorer is made.

    FileNotFoundError: a folder holds no run. ValueError: it is damaged, or does not say where its
    data came from.
    """
    from activecl_nb.pictures.explorer.model import named

    if not paths:
        raise ValueError("name at least one run's folder, such as runs/entropy-0")
    found = named([runs.load(path) for path in paths])
    if data is None:
        data = runs.load_data(next(iter(found.values())))
    return found, data
