"""What the map can be coloured by, and the colours and shapes of classes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from activecl_nb.pictures import figures

# The kit's class colours, lightened where they would drown on a dark background.
DARK_COLOURS = {
    "ADI": "#ddcc77",
    "BACK": "#8c8c8c",
    "DEB": "#b58a62",
    "LYM": "#8f86e8",
    "MUC": "#88ccee",
    "MUS": "#cc79a7",
    "NORM": "#4cae6a",
    "STR": "#66d0bf",
    "TUM": "#ff7f2a",
}
# The browser's names for figures.CLASS_MARKERS, in the same order.
SHAPES = ("circle", "square", "triangle", "diamond", "wedge", "plus", "cross", "left", "star")
FACT_TITLES = {
    "difficulty": "how ambiguous (ground truth)",
    "duplicate_of": "near-duplicate (ground truth)",
    "true_class": "true class (ground truth)",
}


@dataclass(frozen=True)
class Colouring:
    """One way to colour the map.

    kind: "names" (each patch has one of ``names``) or "numbers" (between ``low`` and ``high``).
    values: int64 codes or float32 numbers (n,); None where they depend on strategy and round,
        then ask ``ViewModel.values``.
    """

    title: str
    kind: str
    values: np.ndarray | None = None
    names: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0


def fact(name: str, values: np.ndarray, class_names: tuple[str, ...]) -> Colouring:
    """A colouring from ground truth: numbers where they are fractions, names otherwise."""
    title = FACT_TITLES.get(name, f"{name} (ground truth)")
    if name == "true_class":
        return Colouring(title, "names", values.astype(np.int64), class_names)
    if name == "duplicate_of":
        return Colouring(
            title, "names", (values >= 0).astype(np.int64), ("original", "repeats another")
        )
    if values.dtype.kind == "f":
        return Colouring(
            title,
            "numbers",
            values.astype(np.float32),
            low=float(np.nanmin(values)),
            high=float(np.nanmax(values)),
        )
    names, codes = np.unique(values, return_inverse=True)
    return Colouring(title, "names", codes.astype(np.int64), tuple(str(x) for x in names))


def class_colours(class_names: Sequence[str]) -> list[tuple[str, str]]:
    """A colour for light and one for dark backgrounds, for each class."""
    spare = itertools.cycle(DARK_COLOURS)
    known = [name if name in DARK_COLOURS else next(spare) for name in class_names]
    return [(figures.CLASS_COLOURS[name], DARK_COLOURS[name]) for name in known]


def palette(colouring: Colouring) -> list[str]:
    """The colours of names: those of the classes, in turn where the names are others."""
    return [light for light, _ in class_colours(colouring.names)]


def shares(codes: np.ndarray, colouring: Colouring) -> np.ndarray:
    return np.bincount(codes, minlength=len(colouring.names)) / len(codes)
