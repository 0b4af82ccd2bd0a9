"""The same view in words: the alt text of the figure, and the line under each map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from activecl_nb.pictures.explorer import filters
from activecl_nb.pictures.explorer.colours import counts
from activecl_nb.pictures.explorer.model import MOST_PANELS, ViewModel
from activecl_nb.pictures.explorer.picks import mean
from activecl_nb.pictures.explorer.wording import digits, percent


def describe(
    view: ViewModel,
    *,
    round: int = 0,
    panels: Sequence[str] = (),
    colour: str = "class",
    when: str = "before",
    pinned: int = -1,
    lasso: Sequence[Sequence[float]] = (),
    strokes: Sequence[tuple[str, Sequence[Sequence[float]]]] = (),
    compare: Sequence[str] = (),
    so_far: bool = False,
    nearest_half: bool = False,
    filter: Mapping[str, Any] | None = None,
    hand: Sequence[int] = (),
) -> str:
    """What there is to see, in words: the figure's alt text.

    What each panel picked comes first, since of a long text only the beginning is heard.
    """
    names = list(compare) or list(panels) or list(view.names[:MOST_PANELS])
    main = view.names.index(names[0])
    slot = round if when == "before" else round + 1
    said = [
        f"Map of {view.n:,} patches by {view.colourings[colour].title}, "
        f"round {round} of {view.rounds - 1}."
    ]
    if len(compare) == 2:
        said.append(f"{difference_in_short(view, compare, round, so_far)}.")
        said += _groups(view, compare, round, so_far)
    else:
        said += [_panel(view, name, round) for name in names]
        ran = [name for name in names if round < view.done(view.names.index(name))]
        told = [f"{name}, {_picks_by_colour(view, name, round, colour, slot)}" for name in ran]
        said += [f"Picks by {view.colourings[colour].title}: {'; '.join(told)}."] if told else []
        if nearest_half:
            told = [f"{half_in_short(view, name, round)} ({name})" for name in ran]
            said.append(f"Squares mark as many patches as were picked: {', '.join(told)}.")
    if filter:
        shown = int(filters.shown(view, filter, main, slot).sum())
        said.append(f"The filter shows {shown:,} of the {view.n:,} patches.")
    if len(lasso) > 2 or strokes:
        inside = filters.selected(view, lasso, strokes, round)
        said.append(f"Inside the lasso are {len(inside):,}: {_by_class(view, inside)}.")
    if len(hand):
        rows = np.array([view.row(patch) for patch in hand])
        said.append(f"Picked by hand are {len(rows)}: {_by_class(view, rows)}.")
    if pinned >= 0:
        row = view.row(pinned)
        said.append(
            f"Patch {pinned}, {view.class_names[view.labels[row]]}, is pinned; nearest to it in "
            f"feature space: {_by_class(view, view.neighbours(row))}."
        )
    return " ".join(said)


def _panel(view: ViewModel, name: str, round: int) -> str:
    """What one strategy picked, in a sentence."""
    summary = view.summary(view.names.index(name), round)
    if not summary.picked.sum():
        return f"{name} has not run this round."
    f1 = f", F1 {digits(summary.f1)}" if np.isfinite(summary.f1) else ""
    return (
        f"{name} picked {summary.picked.sum()}, {_share(summary.picked, view)} of them "
        f"{view.positive} ({_share(summary.so_far, view)} so far){f1}."
    )


def half_in_short(view: ViewModel, name: str, round: int) -> str:
    """How many of a strategy's picks are among the patches nearest one half."""
    strategy = view.names.index(name)
    rows = view.nearest_half(strategy, round)
    return f"{(view.taken[strategy, rows] == round).sum()} of them nearest one half"


def _by_class(view: ViewModel, rows: np.ndarray) -> str:
    """Classes and how many, such as TUM 12, STR 3: the most first."""
    found = sorted(view.composition(rows).items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count}" for name, count in found if count) or "none"


def _share(by_class: np.ndarray, view: ViewModel) -> str:
    """The positive class among these counts."""
    return percent(by_class[view.class_names.index(view.positive)], by_class.sum())


def in_short(view: ViewModel, strategy: int, round: int, colour: str, slot: int) -> str:
    """The colours of the picks as numbers; nothing for classes, which the bars below show."""
    colouring, values = view.colourings[colour], view.values(colour, strategy, slot)
    taken = view.taken[strategy]
    picks, behind = taken == round, (taken < 0) | (taken > round)
    if colouring.kind == "numbers":
        mean_picked, mean_left = mean(values[picks]), mean(values[behind])
        if np.isnan(mean_picked):
            return ""
        return f"mean {digits(mean_picked)}, of those left {digits(mean_left)}"
    if not picks.any() or colouring.names == view.class_names or not 2 <= len(colouring.names) <= 5:
        return ""
    of_picks, of_all = counts(values[picks], colouring), counts(values, colouring)
    usual = int(of_all.argmax())
    *most, last = (name for c, name in enumerate(colouring.names) if c != usual)
    unusual = f"{', '.join(most)} or {last}" if most else last
    shares = [percent(of.sum() - of[usual], of.sum()) for of in (of_picks, of_all)]
    return f"{unusual}: {shares[0]}, of all {shares[1]}"


def difference_in_short(view: ViewModel, pair: Sequence[str], round: int, so_far: bool) -> str:
    """How many only one of two strategies picked, and how many both."""
    first, second = (view.names.index(name) for name in pair)
    found = view.difference(first, second, round, so_far)
    return (
        f"only {pair[0]} {len(found.only_a)}, both {len(found.both)}, "
        f"only {pair[1]} {len(found.only_b)}"
    )


def _groups(view: ViewModel, pair: Sequence[str], round: int, so_far: bool) -> list[str]:
    """The classes of the three groups."""
    first, second = (view.names.index(name) for name in pair)
    found = view.difference(first, second, round, so_far)
    sentences = []
    for title, rows in (
        (f"Only {pair[0]}", found.only_a),
        (f"{pair[0]} and {pair[1]}", found.both),
        (f"Only {pair[1]}", found.only_b),
    ):
        sentences.append(f"{title}: {_by_class(view, rows)}.")
    return sentences


def _picks_by_colour(view: ViewModel, name: str, round: int, colour: str, slot: int) -> str:
    """What the colours say of the picks of one panel, against all patches or those left behind."""
    strategy, colouring = view.names.index(name), view.colourings[colour]
    values, taken = view.values(colour, strategy, slot), view.taken[strategy]
    picks = taken == round
    if not picks.any():
        return "none on the map"
    if colouring.kind == "numbers":
        mean_picked, mean_left = mean(values[picks]), mean(values[(taken < 0) | (taken > round)])
        if np.isnan(mean_picked):
            return "not known yet"
        return f"mean of the picks {digits(mean_picked)}, of those left {digits(mean_left)}"
    of_picks, of_all = counts(values[picks], colouring), counts(values, colouring)
    most = sorted(np.flatnonzero(of_picks), key=lambda c: -of_picks[c])[:4]
    return ", ".join(
        f"{colouring.names[c]} {percent(of_picks[c], of_picks.sum())} "
        f"(of all {percent(of_all[c], of_all.sum())})"
        for c in most
    )
