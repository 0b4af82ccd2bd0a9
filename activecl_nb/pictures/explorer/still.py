"""The same view as a static figure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from activecl_nb.pictures import figures
from activecl_nb.pictures.explorer import colours, words
from activecl_nb.pictures.explorer.colours import MARKERS, palette
from activecl_nb.pictures.explorer.model import MOST_PANELS, ViewModel
from activecl_nb.pictures.explorer.picks import Summary
from activecl_nb.pictures.explorer.wording import digits, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Frames around picks, apart from the shapes of classes: marker and its size in points.
RING, DIAMOND, SQUARE = ("o", 22), ("D", 52), ("s", 60)


def draw(
    view: ViewModel,
    *,
    round: int = 0,
    panels: Sequence[str] = (),
    colour: str = "class",
    when: str = "before",
    pinned: int = -1,
    lasso: Sequence[Sequence[float]] = (),
    compare: Sequence[str] = (),
    so_far: bool = False,
    nearest_half: bool = False,
    **_: Any,
) -> Figure:
    """The panels of one round as a Matplotlib figure: maps above, composition and F1 below.

    With two names in ``compare`` it is one map, of what only one of them picked.
    """
    panels = list(panels) or list(view.names[:MOST_PANELS])
    if len(compare) == 2:
        panels = [compare[0]]
    figure, grid = _grid(max(len(panels), 2), len(panels), view.colourings[colour].kind)
    slot = round if when == "before" else round + 1
    for (top, middle, bottom), name in zip(grid.T, panels, strict=True):
        strategy = view.names.index(name)
        if len(compare) == 2:
            _draw_difference(top, view, compare, round, so_far, colour, slot)
        else:
            _draw_map(top, view, strategy, round, colour, slot)
        if nearest_half:
            count = view.counts[strategy, round].sum() or view.counts[strategy, 0].sum()
            _frames(top, view, view.nearest_half(strategy, round, int(count)), round, *SQUARE)
        if len(lasso) > 2:
            top.fill(*np.asarray(lasso).T, facecolor="none", edgecolor="black", linestyle="--")
        if pinned >= 0:
            at = view.positions(round)[view.row(pinned)]
            top.plot(*at, "o", markersize=13, markerfacecolor="none", markeredgecolor="black")
        _draw_composition(middle, view, view.summary(strategy, round))
        _draw_f1(bottom, view, strategy, round)
    _draw_legend(figure, view, colour, grid[0, -1], compare)
    return figure


def _grid(wide: int, columns: int, kind: str) -> tuple[Figure, np.ndarray]:
    """Axes for maps, bars and curves. By hand: Matplotlib's layout takes as long as all drawing."""
    from matplotlib.figure import Figure

    width = 3.0 * wide
    figure = Figure(figsize=(width, 4.9), dpi=90)
    grid = figure.subplots(
        3,
        columns,
        squeeze=False,
        height_ratios=(6.2, 1, 1.3),
        gridspec_kw={
            "left": 0.75 / width,
            "right": 1 - (1.1 if kind == "numbers" else 0.65) / width,
            "top": 0.94,
            "bottom": 0.18,
            "wspace": 0.3,
            "hspace": 0.36,
        },
    )
    return figure, grid


def _shade(view: ViewModel, colour: str, strategy: int, slot: int) -> dict[str, Any]:
    """How a scatter plot is told its colours; what is not known is grey."""
    colouring, values = view.colourings[colour], view.values(colour, strategy, slot)
    if colouring.kind == "names":
        return {"c": np.array(palette(colouring, view.class_names))[values]}
    import matplotlib

    scale = matplotlib.colormaps["cividis"].with_extremes(bad=colours.GREY)
    shown = np.ma.masked_invalid(values)
    return {"c": shown, "cmap": scale, "vmin": colouring.low, "vmax": colouring.high}


def _scatter(axes: Any, points: np.ndarray, shade: dict[str, Any], rows: Any, **how: Any) -> None:
    if not len(rows):
        return
    axes.scatter(*points[rows].T, **shade | {"c": shade["c"][rows]}, plotnonfinite=True, **how)


def _dots(axes: Any, view: ViewModel, rows: np.ndarray, shade: dict[str, Any], round: int) -> None:
    """Patches in the shapes of their classes."""
    size = float(np.clip(20000 / view.n, 1.5, 12))
    for c in range(len(view.class_names)):
        of_class = rows[view.labels[rows] == c]
        marker = MARKERS[c % len(MARKERS)]
        how = {"s": size, "marker": marker, "alpha": 0.45, "linewidths": 0.0}
        _scatter(axes, view.positions(round), shade, of_class, **how)


def _frames(
    axes: Any, view: ViewModel, rows: np.ndarray, round: int, marker: str, size: float, **how: Any
) -> None:
    """Hollow marks around patches, which leave to be seen what they frame."""
    style = {"facecolors": "none", "edgecolors": "black", "linewidths": 1.2} | how
    if len(rows):
        axes.scatter(*view.positions(round)[rows].T, s=size, marker=marker, **style)


def _draw_map(
    axes: Any, view: ViewModel, strategy: int, round: int, colour: str, slot: int
) -> None:
    shade = _shade(view, colour, strategy, slot)
    taken = view.taken[strategy]
    before = np.flatnonzero((taken >= 0) & (taken < round))
    now = np.flatnonzero(taken == round)
    rest = np.flatnonzero((taken < 0) | (taken > round))
    _dots(axes, view, rest, shade, round)
    for rows, (marker, size), linewidth in ((before, RING, 0.6), (now, DIAMOND, 1.3)):
        _scatter(axes, view.positions(round), shade, rows, s=12, marker="o", linewidths=0.0)
        _frames(axes, view, rows, round, marker, size, linewidths=linewidth)
    axes.set(xticks=[], yticks=[], title=view.names[strategy])
    axes.margins(0.04)
    label = f"round {round}: {view.counts[strategy, round].sum()} picked"
    short = words.in_short(view, strategy, round, colour, slot)
    axes.set_xlabel("\n".join([label, short]), fontsize=8)


def _draw_difference(
    axes: Any,
    view: ViewModel,
    pair: Sequence[str],
    round: int,
    so_far: bool,
    colour: str,
    slot: int,
) -> None:
    """Up triangles: only the first; down triangles: only the second; both: one on the other."""
    first, second = (view.names.index(name) for name in pair)
    found = view.difference(first, second, round, so_far)
    shade = _shade(view, colour, first, slot)
    _dots(axes, view, np.arange(view.n), shade, round)
    for rows, marks in ((found.both, "^v"), (found.only_a, "^"), (found.only_b, "v")):
        _scatter(axes, view.positions(round), shade, rows, s=12, marker="o", linewidths=0.0)
        for marker in marks:
            name = pair["^v".index(marker)]
            edgecolor = "black" if len(marks) == 2 else figures.style(name, view.names)["color"]
            _frames(axes, view, rows, round, marker, 52, edgecolors=edgecolor)
    axes.set(xticks=[], yticks=[], title=f"{pair[0]} against {pair[1]}")
    axes.margins(0.04)
    axes.set_xlabel(words.difference_in_short(view, pair, round, so_far), fontsize=8)


def _draw_composition(axes: Any, view: ViewModel, summary: Summary) -> None:
    """Two stacked bars; the positive class comes first and is hatched."""
    faces = [light for light, _ in colours.class_colours(view.class_names)]
    order = sorted(range(len(view.class_names)), key=lambda c: c != summary.positive)
    for y, counts in enumerate((summary.picked, summary.so_far)):
        shares = counts / max(counts.sum(), 1)
        left = 0.0
        for c in order:
            hatch = "////" if c == summary.positive else None
            if shares[c]:
                axes.barh(y, shares[c], left=left, color=faces[c], hatch=hatch, edgecolor="white")
            left += shares[c]
        share = percent(counts[summary.positive], counts.sum())
        text = f"{share} {view.positive}" if counts.any() else "none"
        axes.text(1.02, y, text, va="center", fontsize=7, transform=axes.get_yaxis_transform())
    axes.set(yticks=[0, 1], xticks=[], xlim=(0, 1))
    axes.set_yticklabels(["this round", "so far"] if axes.get_subplotspec().is_first_col() else [])
    axes.tick_params(labelsize=7)
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _draw_f1(axes: Any, view: ViewModel, strategy: int, round: int) -> None:
    for other in range(len(view.names)):
        axes.plot(view.f1[other], color="0.8", linewidth=1)
    colour = figures.style(view.names[strategy], view.names)["color"]
    axes.plot(view.f1[strategy], color=colour, linewidth=1.6)
    f1 = view.f1[strategy, round]
    axes.plot(round, f1, "D", color=colour, markeredgecolor="black")
    axes.set_title(f"F1 {digits(f1)}" if np.isfinite(f1) else "F1 not scored", fontsize=8)
    axes.set_xlim(-0.4, view.rounds - 0.6)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_legend(
    figure: Figure, view: ViewModel, colour: str, beside: Any, compare: Sequence[str]
) -> None:
    from matplotlib.lines import Line2D

    colouring = view.colourings[colour]

    def mark(label: str, marker: str, face: str, edge: str, size: float) -> Line2D:
        face_and_edge: dict[str, Any] = {"markerfacecolor": face, "markeredgecolor": edge}
        return Line2D(
            [], [], linestyle="", label=label, marker=marker, markersize=size, **face_and_edge
        )

    if len(compare) == 2:
        named = [(f"only {name}", marker) for name, marker in zip(compare, "^v", strict=True)]
    else:
        named = [("chosen before", "o"), ("picked in this round", "D")]
    handles = [mark(label, marker, "none", "black", 6) for label, marker in named]
    if colouring.kind == "numbers":
        inset = beside.inset_axes([1.03, 0.1, 0.05, 0.8])
        above = "max" if colour == "distance" else "neither"
        bar = figure.colorbar(beside.collections[0], cax=inset, label=colouring.title, extend=above)
        if bar.solids is not None:  # none where nothing is coloured
            bar.solids.set_alpha(1)
        colouring = view.colourings["class"]  # which the bars below still show
    markers = MARKERS if colouring.names == view.class_names else "o"
    faces = palette(colouring, view.class_names)
    shown = list(zip(colouring.names, faces, itertools.cycle(markers)))[:12]
    handles += [mark(name, marker, light, light, 5) for name, light, marker in shown]
    figure.legend(handles=handles, loc="lower center", ncols=min(len(handles), 6), fontsize=8)
