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
# Shapes of classes in the browser and, in the same order, Matplotlib's. A circle and a diamond are
# not among them: these say that a patch was chosen before, or is picked in this round.
SHAPES = ("hexagon", "square", "triangle", "right", "wedge", "plus", "cross", "left", "star")
MARKERS = "hs^>vPX<*"
# Scales of numbers, low to high, for a light and a dark page: what is large, and in the second what
# is near the middle, stands out from either, and from the frames. On a dark page the first is
# cividis (Nunez et al. 2018); all run evenly from dark to light for any colour vision.
SCALES = {
    "numbers": (
        ("#e3d36b", "#b8bb7b", "#8aa18b", "#5d8399", "#3560a2", "#1f3ca6"),
        ("#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838"),
    ),
    "boundary": (
        ("#2f93d1", "#4d60b2", "#6a2a8c", "#a54a4e", "#e06a10"),
        ("#0072b2", "#7fb8d8", "#e8e4d8", "#eaa56f", "#d55e00"),
    ),
}
# Whose colours the names of a fact have in turn: not the grey of BACK, since grey says "none".
IN_TURN = ("MUS", "NORM", "ADI", "LYM", "STR", "MUC", "DEB", "TUM")
GREY = "#c8c8c8"  # of what is not known, or none
NONE_NAMES = ("none", "None", "nan", "NaN", "NaT", "<NA>", "")  # what says nothing in a fact
FACT_TITLES = {
    "difficulty": "how ambiguous (ground truth)",
    "duplicate_of": "near-duplicate (ground truth)",
    "true_class": "true class (ground truth)",
    "artefact": "artefact (ground truth)",
    "tumour_share": "share of tumour (ground truth)",
    "nuclei": "nuclei (ground truth)",
}
AMBIGUOUS = 0.2  # of ``difficulty``: from here on a patch looks partly like its sister class
INFORMATIVE = (
    f"Informative, by the ground truth: ambiguous (difficulty {AMBIGUOUS} or more), and neither "
    "a near-repeat nor marked by an artefact."
)


@dataclass(frozen=True)
class Colouring:
    """One way to colour the map.

    kind: "names" (each patch has one of ``names``) or "numbers" (between ``low`` and ``high``).
    values: int64 codes or float32 numbers (n,), nan where not known; None where they depend on
        strategy and round, then ask ``ViewModel.values``.
    none: the code of the name that says "none", -1 where no name does; it is grey.
    """

    title: str
    kind: str
    values: np.ndarray | None = None
    names: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0
    none: int = -1


def fact(name: str, values: np.ndarray, class_names: tuple[str, ...]) -> Colouring:
    """A colouring from a fact: numbers where they are fractions, names otherwise."""
    title = FACT_TITLES.get(name, name)
    if name == "true_class":
        return Colouring(title, "names", values.astype(np.int64), class_names)
    if name == "duplicate_of":
        repeats = (np.nan_to_num(values.astype(np.float64), nan=-1) >= 0).astype(np.int64)
        return Colouring(title, "names", repeats, ("original", "repeats another"))
    if values.dtype.kind == "f":
        known = values[np.isfinite(values)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
        shown = np.where(np.isfinite(values), values, np.nan).astype(np.float32)
        return Colouring(title, "numbers", shown, low=low, high=high)
    words = np.array(["none" if _missing(x) else str(x) for x in values])
    names, codes = np.unique(words, return_inverse=True)
    if values.dtype.kind in "iu":  # as numbers, 2 comes before 10
        names, codes = np.unique(values, return_inverse=True)
    named = tuple(str(x) for x in names)
    none = named.index("none") if "none" in named else -1
    return Colouring(title, "names", codes.reshape(-1).astype(np.int64), named, none=none)


def _missing(value: object) -> bool:
    return value is None or str(value).strip() in NONE_NAMES


def informative(facts: dict[str, np.ndarray]) -> np.ndarray | None:
    """Which patches are informative by the ground truth, bool (n,); None where it is not known."""
    if "difficulty" not in facts:
        return None
    good = np.nan_to_num(np.asarray(facts["difficulty"], dtype=np.float64)) >= AMBIGUOUS
    if "duplicate_of" in facts:
        good &= ~(np.asarray(facts["duplicate_of"]) >= 0)
    if "artefact" in facts:
        good &= np.array([_missing(x) for x in facts["artefact"]])
    return good


def class_colours(class_names: Sequence[str]) -> list[tuple[str, str]]:
    """A colour for light and one for dark backgrounds, for each class."""
    spare = itertools.cycle(DARK_COLOURS)
    known = [name if name in DARK_COLOURS else next(spare) for name in class_names]
    return [(figures.CLASS_COLOURS[name], DARK_COLOURS[name]) for name in known]


def palette(colouring: Colouring, class_names: Sequence[str]) -> list[str]:
    """The colours of names: the classes' own, others in turn; what says "none" is grey."""
    if colouring.names == tuple(class_names):
        return [light for light, _ in class_colours(class_names)]
    turn = itertools.cycle(light for light, _ in class_colours(IN_TURN))
    return [GREY if code == colouring.none else next(turn) for code in range(len(colouring.names))]


def scale_of(colour: str, predicts: str) -> str:
    """Which of ``SCALES`` a colouring in numbers has: a probability is told from one half."""
    return "boundary" if colour == "probability" and not predicts else "numbers"


def counts(codes: np.ndarray, colouring: Colouring) -> np.ndarray:
    """How many of each name: int64 (names,)."""
    return np.bincount(codes, minlength=len(colouring.names))
