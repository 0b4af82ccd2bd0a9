"""The same view as a static figure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from activecl_nb.pictures import figures
from activecl_nb.pictures.explorer import colours, words
from activecl_nb.pictures.explorer.colours import MARKERS, palette
from activecl_nb.pictures.explorer.model import ViewModel
from activecl_nb.pictures.explorer.settings import Settings
from activecl_nb.pictures.explorer.wording import digits, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Frames around picks, apart from the shapes of classes: marker and its size in points.
RING, DIAMOND, SQUARE = ("o", 36), ("D", 52), ("s", 88)
COLUMNS = 3  # so many panels stand side by side; more, two by two
WIDTH = 7.4  # inches of the figure, which a page shows 560 pixels wide or more:
LETTERS = 9.6  # points, and so ten of these pixels
LONGEST = 12  # letters of a class in the legend
PINNED, BY_HAND = "#0060df", "#c2005f"  # as in the browser (js/theme.mjs)


def draw(view: ViewModel, **state: Any) -> Figure:
    """The panels of one round as a Matplotlib figure: maps above, composition and F1 below.

    state: what is on screen, see ``Shown``. With two names in ``compare`` it is one map, of what
    only one of them picked.
    """
    on = Settings(view, **state)
    names = on.strategies[:1] if on.compare else on.strategies
    figure, places = _grid(len(names), view.colourings[on.colour].kind)
    hand = np.array([view.row(patch) for patch in on.hand], dtype=np.int64)
    for (top, middle, bottom), name in zip(places, names, strict=True):
        (_draw_difference if on.compare else _draw_map)(top, on, view.names.index(name))
        _frames(top, on, hand, "o", 60, edgecolors=BY_HAND, linewidths=1.6)
        for corners in [on.lasso, *(corners for _, corners in on.strokes)]:
            if len(corners) > 2:
                top.fill(*np.asarray(corners).T, facecolor="none", edgecolor="black", ls="--")
        if on.pinned >= 0:
            _draw_pinned(top, on)
        _draw_composition(middle, view, _bars(on, name))
        _draw_f1(bottom, view, on.compare or [name], on.round)
    _draw_legend(figure, on, places[_columns(len(names)) - 1][0], _marks(on))
    return figure


def _columns(panels: int) -> int:
    return panels if panels <= COLUMNS else 2


def _grid(panels: int, kind: str) -> tuple[Figure, np.ndarray]:
    """(panels, 3) axes: a map, bars and a curve each; four stand two by two, so that letters can
    still be read where a page is 600 pixels wide.

    By hand: Matplotlib's layout takes as long as all drawing.
    """
    from activecl_nb.pictures.figures.plain import PlainFigure

    columns = _columns(panels)
    rows = -(-panels // columns)
    width, height = WIDTH, 4.3 * rows + 1.0
    figure = PlainFigure(figsize=(width, height), dpi=90)
    axes = figure.subplots(
        3 * rows,
        columns,
        squeeze=False,
        height_ratios=(5.6, 1.7, 1.3) * rows,
        gridspec_kw={
            "left": 0.75 / width,
            "right": 1 - (1.1 if kind == "numbers" else 0.65) / width,
            "top": 1 - 0.3 / height,
            "bottom": 1.1 / height,
            "wspace": 0.3 if columns < COLUMNS else 0.5,
            "hspace": 0.7 if columns < COLUMNS else 0.8,
        },
    )
    return figure, axes.reshape(rows, 3, columns).swapaxes(1, 2).reshape(-1, 3)


def _shade(on: Settings, strategy: int) -> dict[str, Any]:
    """How a scatter plot is told its colours; what is not known is grey."""
    view = on.view
    colouring, values = view.colourings[on.colour], view.values(on.colour, strategy, on.slot)
    if colouring.kind == "names":
        return {"c": np.array(palette(colouring, view.class_names))[values]}
    from matplotlib.colors import LinearSegmentedColormap

    name = colours.scale_of(on.colour, view.predicts)
    light, _ = colours.SCALES[name]
    scale = LinearSegmentedColormap.from_list(name, light).with_extremes(bad=colours.GREY)
    shown = np.ma.masked_invalid(values)
    return {"c": shown, "cmap": scale, "vmin": colouring.low, "vmax": colouring.high}


def _dots(
    axes: Any,
    on: Settings,
    rows: np.ndarray,
    shade: dict[str, Any],
    *,
    size: float = 0,
    alpha: float = 0.45,
) -> None:
    """Patches in the shapes of their classes; their size follows from how many there are."""
    view, points = on.view, on.view.map.positions
    size = size or float(np.clip(20000 / view.n, 1.5, 12))
    for c in np.unique(view.labels[rows]):
        of_class = rows[view.labels[rows] == c]
        how = shade | {"c": shade["c"][of_class], "marker": MARKERS[c % len(MARKERS)]}
        axes.scatter(
            *points[of_class].T, s=size, alpha=alpha, linewidths=0.0, plotnonfinite=True, **how
        )


def _hidden(axes: Any, on: Settings, shown: np.ndarray) -> None:
    """What the filter leaves out stays as a faint trace of the map."""
    if not shown.all():
        points = on.view.map.positions[~shown]
        axes.scatter(*points.T, s=2, c=colours.GREY, alpha=0.3, linewidths=0)


def _frames(
    axes: Any, on: Settings, rows: np.ndarray, marker: str, size: float, **how: Any
) -> None:
    """Hollow marks around patches, which leave to be seen what they frame."""
    style: dict[str, Any] = {"facecolors": "none", "edgecolors": "black", "linewidths": 1.2} | how
    if not len(rows):
        return
    # Smaller where there are many, so that they never hide everything.
    box = axes.get_window_extent()
    apart = (box.width * box.height / len(rows)) ** 0.5 * 72 / axes.figure.dpi  # points
    size = size * float(np.clip(apart / 34, 0.55, 1)) ** 2
    halo = {"edgecolors": "white", "linewidths": style["linewidths"] + 1.4}
    points = on.view.map.positions[rows].T
    for line in (halo, {}):
        axes.scatter(*points, s=size, marker=marker, **style | line)


def _draw_pinned(axes: Any, on: Settings) -> None:
    """The pinned patch in the sights, and its neighbours in rings of the same colour."""
    how = {"edgecolors": PINNED, "facecolors": "none", "zorder": 5}
    row = on.view.row(on.pinned)
    _frames(axes, on, on.view.neighbours(row), "o", 16, linewidths=1.1, **how)
    at = on.view.map.positions[row]
    axes.plot(*at, "+", markersize=26, color=PINNED, markeredgewidth=1.2, zorder=5)
    axes.plot(*at, "o", markersize=15, markerfacecolor="none", markeredgecolor=PINNED, zorder=6)
    axes.lines[-1].set_markeredgewidth(2.4)


def _draw_map(axes: Any, on: Settings, strategy: int) -> None:
    view, round = on.view, on.round
    shown, shade, taken = on.lets_through(strategy), _shade(on, strategy), view.taken[strategy]
    before = np.flatnonzero(shown & (taken >= 0) & (taken < round))
    now = np.flatnonzero(shown & (taken == round))
    rest = np.flatnonzero(shown & ((taken < 0) | (taken > round)))
    _hidden(axes, on, shown)
    _dots(axes, on, rest, shade)
    for rows, (marker, size), linewidth, dot in ((before, RING, 0.6, 5), (now, DIAMOND, 1.3, 11)):
        _frames(axes, on, rows, marker, size, linewidths=linewidth)
        _dots(axes, on, rows, shade, size=dot, alpha=1)
    axes.set(xticks=[], yticks=[], title=view.names[strategy])
    axes.margins(0.04)
    label = f"round {round}: {view.counts[strategy, round].sum()} picked"
    if on.nearest_half:
        label += f"\n{words.half_in_short(on, strategy)}"
        half = view.nearest_half(strategy, round)
        _frames(axes, on, half[shown[half]], *SQUARE)
    under = words.in_short(on, strategy)
    if _columns(len(on.strategies)) == COLUMNS:  # where a line has little room
        under = fill(under, 24)
    axes.set_xlabel(f"{label}\n{under}", fontsize=LETTERS)


def _draw_difference(axes: Any, on: Settings, first: int) -> None:
    """Up triangles: only the first; down triangles: only the second; both: one on the other."""
    pair, found = on.compare, on.difference
    shown, shade = on.lets_through(first), _shade(on, first)
    _hidden(axes, on, shown)
    _dots(axes, on, np.flatnonzero(shown), shade)
    for of_all, marks in ((found.both, "^v"), (found.only_a, "^"), (found.only_b, "v")):
        rows = of_all[shown[of_all]]
        _dots(axes, on, rows, shade, size=14, alpha=1)
        for marker in marks:
            colour = figures.style(pair["^v".index(marker)], on.view.names)["color"]
            edgecolor = "black" if len(marks) == 2 else colour
            _frames(axes, on, rows, marker, 52, edgecolors=edgecolor)
    axes.set(xticks=[], yticks=[], title=f"{pair[0]} against {pair[1]}")
    axes.margins(0.04)
    axes.set_xlabel(words.difference_in_short(on), fontsize=LETTERS)


def _bars(on: Settings, name: str) -> dict[str, np.ndarray]:
    """What the bars below a map show: a name and counts of classes each."""
    view = on.view
    if not on.compare:
        summary = view.summary(view.names.index(name), on.round)
        return {"this round": summary.picked, "so far": summary.so_far}
    (a, b), found = on.compare, on.difference
    groups = {f"only {a}": found.only_a, "both": found.both, f"only {b}": found.only_b}
    return {title: np.array([*view.composition(rows).values()]) for title, rows in groups.items()}


def _draw_composition(axes: Any, view: ViewModel, bars: Mapping[str, np.ndarray]) -> None:
    """Stacked bars; the positive class comes first and is hatched."""
    faces = [light for light, _ in colours.class_colours(view.class_names)]
    positive = view.class_names.index(view.positive)
    order = sorted(range(len(view.class_names)), key=lambda c: c != positive)
    for y, counts in enumerate(bars.values()):
        shares = counts / max(counts.sum(), 1)
        left = 0.0
        for c in order:
            hatch = "////" if c == positive else None
            if shares[c]:
                axes.barh(y, shares[c], left=left, color=faces[c], hatch=hatch, edgecolor="white")
            left += shares[c]
        share = percent(counts[positive], counts.sum())
        text = f"{share} {view.positive}" if counts.any() else "none"
        axes.text(
            1.02, y, text, va="center", fontsize=LETTERS, transform=axes.get_yaxis_transform()
        )
    axes.set(yticks=range(len(bars)), xticks=[], xlim=(0, 1))
    axes.set_yticklabels([*bars] if axes.get_subplotspec().is_first_col() else [])
    axes.tick_params(labelsize=LETTERS)
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _draw_f1(axes: Any, view: ViewModel, names: Sequence[str], round: int) -> None:
    """F1 by round of these strategies, and faintly of the others."""
    for other in range(len(view.names)):
        axes.plot(view.f1[other], color="0.8", linewidth=1)
    told = []
    for name in names:
        values, colour = view.f1[view.names.index(name)], figures.style(name, view.names)["color"]
        axes.plot(values, color=colour, linewidth=1.6)
        axes.plot(round, values[round], "D", color=colour, markeredgecolor="black", clip_on=False)
        score = digits(values[round]) if np.isfinite(values[round]) else "not scored"
        told.append(f"F1 {score}" if len(names) == 1 else f"{name} {score}")
    axes.set_title(told[0] if len(told) == 1 else f"F1: {', '.join(told)}", fontsize=LETTERS)
    axes.set_xlim(-0.4, view.rounds - 0.6)
    axes.locator_params(axis="x", nbins=4)
    axes.locator_params(axis="y", nbins=2)
    axes.tick_params(labelsize=LETTERS)
    axes.spines[["top", "right"]].set_visible(False)


def _marks(on: Settings) -> list[tuple[str, str, str]]:
    """What frames mean: (label, markers one on the other, edge colour) each."""
    if on.compare:
        edges = [figures.style(name, on.view.names)["color"] for name in on.compare]
        marks = [(f"only {name}", m, e) for name, m, e in zip(on.compare, "^v", edges, strict=True)]
        marks.append(("both", "^v", "black"))
    else:
        marks = [("chosen before", "o", "black"), ("picked in this round", "D", "black")]
        marks += [("nearest one half", "s", "black")] * on.nearest_half
    marks += [("picked by hand", "o", BY_HAND)] * bool(on.hand)
    return marks + [("pinned, and its nearest", "o", PINNED)] * (on.pinned >= 0)


def _draw_legend(
    figure: Figure, on: Settings, beside: Any, marks: Sequence[tuple[str, str, str]]
) -> None:
    from matplotlib.lines import Line2D

    view = on.view
    colouring = view.colourings[on.colour]

    def mark(label: str, marker: str, face: str, edge: str, size: float) -> Line2D:
        face_and_edge: dict[str, Any] = {"markerfacecolor": face, "markeredgecolor": edge}
        return Line2D(
            [], [], linestyle="", label=label, marker=marker, markersize=size, **face_and_edge
        )

    handles: list[Any] = [
        tuple(mark(label, marker, "none", edge, 6) for marker in markers)
        for label, markers, edge in marks
    ]
    if colouring.kind == "numbers":
        inset = beside.inset_axes([1.03, 0.1, 0.05, 0.8])
        above = "max" if on.colour == "distance" else "neither"
        bar = figure.colorbar(beside.collections[0], cax=inset, label=colouring.title, extend=above)
        if bar.solids is not None:  # none where nothing is coloured
            bar.solids.set_alpha(1)
        colouring = view.colourings["class"]  # which the bars below still show
    markers = MARKERS if colouring.names == view.class_names else "o"
    faces = palette(colouring, view.class_names)
    shown = list(zip(colouring.names, faces, itertools.cycle(markers)))[:12]
    handles += [mark(name, marker, light, light, 5) for name, light, marker in shown]
    short = [n if len(n) <= LONGEST else f"{n[: LONGEST - 1]}…" for n, *_ in shown]
    labels = [label for label, *_ in marks] + short
    how = {"ncols": 5 if max(map(len, short)) < 6 else 4, "fontsize": LETTERS}
    figure.legend(handles, labels, loc="lower center", **how)
