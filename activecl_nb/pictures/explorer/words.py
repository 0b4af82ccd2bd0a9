"""The same view in words: the alt text of the figure, and the line under each map."""

from __future__ import annotations

from typing import Any

import numpy as np

from activecl_nb.pictures.explorer import filters
from activecl_nb.pictures.explorer.colours import counts
from activecl_nb.pictures.explorer.model import ViewModel
from activecl_nb.pictures.explorer.picks import mean
from activecl_nb.pictures.explorer.settings import Settings
from activecl_nb.pictures.explorer.wording import digits, percent


def describe(view: ViewModel, **state: Any) -> str:
    """What there is to see, in words: the figure's alt text. state: see ``Shown``.

    What each panel picked comes first, since of a long text only the beginning is heard.
    """
    on = Settings(view, **state)
    names = on.strategies
    title = view.colourings[on.colour].title
    said = [f"Map of {view.n:,} patches by {title}, round {on.round} of {view.rounds - 1}."]
    if on.compare:
        said += [f"{difference_in_short(on)}.", *_groups(on)]
    else:
        said += [_panel(view, name, on.round) for name in names]
        places = {name: view.names.index(name) for name in names}
        ran = {name: s for name, s in places.items() if on.round < view.done(s)}
        told = [f"{name}, {_picks_by_colour(on, s)}" for name, s in ran.items()]
        said += [f"Picks by {title}: {'; '.join(told)}."] if told else []
        if on.nearest_half:
            told = [f"{half_in_short(on, s)} ({name})" for name, s in ran.items()]
            said.append(f"Squares mark as many patches as were picked: {', '.join(told)}.")
    if on.filter:
        shown = int(on.lets_through(view.names.index(names[0])).sum())
        said.append(f"The filter shows {shown:,} of the {view.n:,} patches.")
    if len(on.lasso) > 2 or on.strokes:
        inside = filters.selected(view, on.lasso, on.strokes)
        said.append(f"Inside the lasso are {len(inside):,}: {_by_class(view, inside)}.")
    if on.hand:
        rows = np.array([view.row(patch) for patch in on.hand])
        said.append(f"Picked by hand are {len(rows)}: {_by_class(view, rows)}.")
    if on.pinned >= 0:
        row = view.row(on.pinned)
        said.append(
            f"Patch {on.pinned}, {view.class_names[view.labels[row]]}, is pinned; nearest to it in "
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


def half_in_short(on: Settings, strategy: int) -> str:
    """How many of a strategy's picks are among the patches nearest one half."""
    rows = on.view.nearest_half(strategy, on.round)
    return f"{(on.view.taken[strategy, rows] == on.round).sum()} of them nearest one half"


def _by_class(view: ViewModel, rows: np.ndarray) -> str:
    """Classes and how many, such as TUM 12, STR 3: the most first."""
    found = sorted(view.composition(rows).items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count}" for name, count in found if count) or "none"


def _share(by_class: np.ndarray, view: ViewModel) -> str:
    """The positive class among these counts."""
    return percent(by_class[view.class_names.index(view.positive)], by_class.sum())


def in_short(on: Settings, strategy: int) -> str:
    """The colours of the picks as numbers; nothing for classes, which the bars below show."""
    view = on.view
    colouring, values = view.colourings[on.colour], view.values(on.colour, strategy, on.slot)
    taken = view.taken[strategy]
    picks, behind = taken == on.round, (taken < 0) | (taken > on.round)
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


def difference_in_short(on: Settings) -> str:
    """How many only one of two strategies picked, and how many both."""
    (a, b), found = on.compare, on.difference
    return f"only {a} {len(found.only_a)}, both {len(found.both)}, only {b} {len(found.only_b)}"


def _groups(on: Settings) -> list[str]:
    """The classes of the three groups."""
    (a, b), found = on.compare, on.difference
    groups = {f"Only {a}": found.only_a, f"{a} and {b}": found.both, f"Only {b}": found.only_b}
    return [f"{title}: {_by_class(on.view, rows)}." for title, rows in groups.items()]


def _picks_by_colour(on: Settings, strategy: int) -> str:
    """What the colours say of the picks of one panel, against all patches or those left behind."""
    view, round = on.view, on.round
    colouring, taken = view.colourings[on.colour], view.taken[strategy]
    values, picks = view.values(on.colour, strategy, on.slot), taken == round
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
