"""Which patches are shown or selected, and those as a table; js/filters.mjs does the same.

A filter is a plain dict, every part of it optional:

    only    {"class": [8], "artefact": [1, 2]}: codes that may be shown, for each colouring
    by      a strategy that picked it, "any", or "none"
    rounds  [first, last], when it was picked
    score   "probability", "entropy", "distance" or a fact in numbers; low, high: its range
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from activecl_nb.pictures.explorer.model import ViewModel

PARTS = ("only", "by", "rounds", "score", "low", "high")
SCORES = ("probability", "entropy", "distance")


def checked(view: ViewModel, filter: Mapping[str, Any]) -> dict[str, Any]:
    """The filter as plain values; ValueError names what these runs and patches do not have."""
    for part in filter:
        if part not in PARTS:
            raise ValueError(f"a filter has no {part!r}; it has {', '.join(PARTS)}")
    found = {part: value for part, value in filter.items() if value not in (None, "", {})}
    found["only"] = {
        colour: [_code(view, colour, wanted) for wanted in codes]
        for colour, codes in (filter.get("only") or {}).items()
    }
    if not found["only"]:
        del found["only"]
    if found.get("by", "any") not in ("any", "none", *view.names):
        raise ValueError(
            f"no strategy is called {found['by']!r}; say any, none or one of {view.names}"
        )
    numeric = [n for n, c in view.colourings.items() if c.kind == "numbers"]
    if found.get("score", "entropy") not in numeric:
        raise ValueError(f"cannot filter by {found['score']!r}; choose one of {', '.join(numeric)}")
    if "rounds" in found:
        first, last = found["rounds"]
        found["rounds"] = [int(first), int(last)]
    return found


def _code(view: ViewModel, colour: str, wanted: str | int) -> int:
    """A code, or a name's code."""
    colouring = view.colourings.get(colour)
    if colouring is None or colouring.kind != "names":
        raise ValueError(f"cannot show only some of {colour!r}: it has no names")
    if isinstance(wanted, str):
        if wanted not in colouring.names:
            raise ValueError(f"{colour} has no {wanted!r}; it has {', '.join(colouring.names)}")
        return colouring.names.index(wanted)
    return int(wanted)


def shown(view: ViewModel, filter: Mapping[str, Any], strategy: int, slot: int) -> np.ndarray:
    """Which patches the filter lets through: bool (n,). strategy, slot: whose scores, and when."""
    keep = np.ones(view.n, dtype=bool)
    for colour, codes in filter.get("only", {}).items():
        if codes:
            keep &= np.isin(view.values(colour, strategy, slot), codes)
    if filter.get("by") or filter.get("rounds"):
        first, last = filter.get("rounds") or (0, view.rounds)
        by = filter.get("by")
        who = [view.names.index(by)] if by in view.names else list(range(len(view.names)))
        picked = ((view.taken[who] >= first) & (view.taken[who] <= last)).any(axis=0)
        keep &= ~picked if by == "none" else picked
    if filter.get("score"):
        values = view.values(filter["score"], strategy, slot)
        low, high = (filter.get(bound) for bound in ("low", "high"))
        with np.errstate(invalid="ignore"):
            keep &= (values >= (-np.inf if low is None else low)) & (
                values <= (np.inf if high is None else high)
            )
    return keep


def selected(
    view: ViewModel,
    lasso: Sequence[Sequence[float]],
    strokes: Sequence[tuple[str, Sequence[Sequence[float]]]] = (),
) -> np.ndarray:
    """Rows inside the lasso after its strokes, each ("add" or "take", corners): int64, sorted."""
    inside = np.zeros(view.n, dtype=bool)
    inside[view.inside(lasso)] = True
    for how, corners in strokes:
        inside[view.inside(corners)] = how == "add"
    return np.flatnonzero(inside)


def table(view: ViewModel, rows: np.ndarray, slot: int) -> pd.DataFrame:
    """Patches with class, facts, and for each strategy when it took them and what it thought.

    The columns are those of the page's CSV: "entropy round" and "entropy place" say when it was
    picked (empty where never), the scores are as they stood before the pick of round ``slot``.
    """
    import pandas as pd

    columns: dict[str, Any] = {
        "patch": view.patches[rows],
        "class": [view.class_names[c] for c in view.labels[rows]],
    }
    for s, name in enumerate(view.names):
        never = view.taken[s, rows] < 0
        for what, of in (("round", view.taken[s, rows]), ("place", view.order[s, rows] + 1)):
            columns[f"{name} {what}"] = pd.Series(of, dtype="Int64").mask(never)
        for score in SCORES:
            columns[f"{name} {score}"] = view.values(score, s, slot)[rows].round(3)
    for name, colouring in view.colourings.items():
        if name == "class" or colouring.values is None:
            continue
        values = colouring.values[rows]
        names = np.array(colouring.names) if colouring.kind == "names" else None
        columns[name] = values if names is None else names[values]
    return pd.DataFrame(columns)
