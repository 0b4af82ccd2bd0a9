"""The same view as a static figure, and in words."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from activecl_nb.pictures import figures
from activecl_nb.pictures.explorer import colours
from activecl_nb.pictures.explorer.colours import palette, shares
from activecl_nb.pictures.explorer.model import MOST_PANELS, ViewModel
from activecl_nb.pictures.explorer.picks import Summary, mean

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(
    view: ViewModel,
    *,
    round: int = 0,
    panels: Sequence[str] = (),
    colour: str = "class",
    when: str = "before",
    pinned: int = -1,
    lasso: Sequence[Sequence[float]] = (),
) -> Figure:
    """The panels of one round as a Matplotlib figure: maps above, composition and F1 below."""
    from matplotlib.figure import Figure

    panels = list(panels) or list(view.names[:MOST_PANELS])
    width = 3.0 * max(len(panels), 2)
    figure = Figure(figsize=(width, 4.9), dpi=90)
    # Margins by hand: Matplotlib's own layout takes as long as all the drawing.
    grid = figure.subplots(
        3,
        len(panels),
        squeeze=False,
        height_ratios=(6.2, 1, 1.3),
        gridspec_kw={
            "left": 0.75 / width,
            "right": 1 - (1.1 if view.colourings[colour].kind == "numbers" else 0.65) / width,
            "top": 0.94,
            "bottom": 0.18,
            "wspace": 0.3,
            "hspace": 0.36,
        },
    )
    for (top, middle, bottom), name in zip(grid.T, panels, strict=True):
        strategy = view.names.index(name)
        _draw_map(top, view, strategy, round, colour, round if when == "before" else round + 1)
        if len(lasso) > 2:
            top.fill(*np.asarray(lasso).T, facecolor="none", edgecolor="black", linestyle="--")
        if pinned >= 0:
            at = view.positions(round)[view.row(pinned)]
            top.plot(*at, "o", markersize=13, markerfacecolor="none", markeredgecolor="black")
        _draw_composition(middle, view, view.summary(strategy, round))
        _draw_f1(bottom, view, strategy, round)
    _draw_legend(figure, view, colour, grid[0, -1])
    return figure


def _draw_map(axes: Any, view: ViewModel, strategy: int, round: int, colour: str, slot: int):
    colouring = view.colourings[colour]
    values = view.values(colour, strategy, slot)
    points = view.positions(round)
    taken = view.taken[strategy]
    before, now = (taken >= 0) & (taken < round), taken == round
    if colouring.kind == "names":
        shade = {"c": np.array(palette(colouring))[values]}
    else:
        shade = {
            "c": np.where(np.isnan(values), colouring.low, values),
            "cmap": "cividis",
            "vmin": colouring.low,
            "vmax": colouring.high,
        }
    size = float(np.clip(20000 / view.n, 1.5, 12))
    markers = figures.CLASS_MARKERS
    layers = [
        (~before & ~now & (view.labels == c), size, markers[c % len(markers)], 0.45, 0.0)
        for c in range(len(view.class_names))
    ]
    layers += [(before, 14, "o", 1.0, 0.6), (now, 34, "D", 1.0, 1.3)]
    for mask, area, marker, alpha, line in layers:
        if not mask.any():
            continue
        axes.scatter(
            *points[mask].T,
            **shade | {"c": np.asarray(shade["c"])[mask]},
            s=area,
            marker=marker,
            alpha=alpha,
            linewidths=line,
            edgecolors="black" if line else "none",
        )
    axes.set(xticks=[], yticks=[], title=view.names[strategy])
    axes.margins(0.04)
    label = f"round {round}: {view.counts[strategy, round].sum()} picked"
    axes.set_xlabel("\n".join([label, _in_short(view, strategy, round, colour, slot)]), fontsize=8)


def _in_short(view: ViewModel, strategy: int, round: int, colour: str, slot: int) -> str:
    """The colours of the picks as numbers; nothing for classes, which the bars below show."""
    colouring, values = view.colourings[colour], view.values(colour, strategy, slot)
    taken = view.taken[strategy]
    picks, behind = taken == round, (taken < 0) | (taken > round)
    if colouring.kind == "numbers":
        of_picks = mean(values[picks])
        return (
            ""
            if np.isnan(of_picks)
            else f"mean {of_picks:.2f}, of those left {mean(values[behind]):.2f}"
        )
    if not picks.any() or colouring.names == view.class_names or not 2 <= len(colouring.names) <= 5:
        return ""
    here, all = shares(values[picks], colouring), shares(values, colouring)
    usual = int(all.argmax())
    *most, last = (name for c, name in enumerate(colouring.names) if c != usual)
    unusual = f"{', '.join(most)} or {last}" if most else last
    return f"{unusual}: {1 - here[usual]:.0%}, of all {1 - all[usual]:.0%}"


def _draw_composition(axes: Any, view: ViewModel, summary: Summary) -> None:
    """Two stacked bars; the positive class comes first and is hatched."""
    faces = [light for light, _ in colours.class_colours(view.class_names)]
    order = sorted(range(len(view.class_names)), key=lambda c: c != summary.positive)
    for y, (counts, far) in enumerate(((summary.picked, False), (summary.so_far, True))):
        shares = counts / max(counts.sum(), 1)
        left = 0.0
        for c in order:
            hatch = "////" if c == summary.positive else None
            axes.barh(y, shares[c], left=left, color=faces[c], hatch=hatch, edgecolor="white")
            left += shares[c]
        text = f"{summary.share(far):.0%} {view.positive}" if counts.any() else "none"
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
    axes.set_title(f"F1 {f1:.2f}" if np.isfinite(f1) else "F1 not scored", fontsize=8)
    axes.set_xlim(-0.4, view.rounds - 0.6)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_legend(figure: Figure, view: ViewModel, colour: str, beside: Any) -> None:
    from matplotlib.lines import Line2D

    colouring = view.colourings[colour]

    def mark(label: str, marker: str, face: str, edge: str, size: float) -> Line2D:
        return Line2D(
            [],
            [],
            linestyle="",
            label=label,
            marker=marker,
            markersize=size,
            markerfacecolor=face,
            markeredgecolor=edge,
        )

    handles = [
        mark("chosen before", "o", "white", "black", 5),
        mark("picked in this round", "D", "white", "black", 7),
    ]
    if colouring.kind == "numbers":
        inset = beside.inset_axes([1.03, 0.1, 0.05, 0.8])
        above = "max" if colour == "distance" else "neither"
        bar = figure.colorbar(beside.collections[0], cax=inset, label=colouring.title, extend=above)
        bar.solids.set_alpha(1)
        colouring = view.colourings["class"]  # which the bars below still show
    markers = figures.CLASS_MARKERS if colouring.names == view.class_names else "o"
    named = list(zip(colouring.names, palette(colouring), itertools.cycle(markers)))[:12]
    handles += [mark(name, marker, light, light, 5) for name, light, marker in named]
    figure.legend(handles=handles, loc="lower center", ncols=min(len(handles), 6), fontsize=8)


def describe(
    view: ViewModel,
    *,
    round: int = 0,
    panels: Sequence[str] = (),
    colour: str = "class",
    when: str = "before",
    **_: Any,
) -> str:
    """What there is to see, in words: the figure's alt text."""
    slot = round if when == "before" else round + 1
    said = [
        f"Map of {view.n:,} patches coloured by {view.colourings[colour].title}, "
        f"round {round} of {view.rounds - 1}."
    ]
    for name in panels or view.names[:MOST_PANELS]:
        summary = view.summary(view.names.index(name), round)
        if not summary.picked.sum():
            said.append(f"{name} has not run this round.")
            continue
        f1 = f", F1 {summary.f1:.2f}" if np.isfinite(summary.f1) else ""
        said.append(
            f"{name} picked {summary.picked.sum()}, {summary.share():.0%} of them "
            f"{view.positive} ({summary.share(so_far=True):.0%} so far){f1}; "
            f"{_picks_by_colour(view, summary.strategy, round, colour, slot)}."
        )
    return " ".join(said)


def _picks_by_colour(view: ViewModel, name: str, round: int, colour: str, slot: int) -> str:
    """What the colours say of the picks of one panel, against all patches or those left behind."""
    strategy, colouring = view.names.index(name), view.colourings[colour]
    values, taken = view.values(colour, strategy, slot), view.taken[strategy]
    picks = taken == round
    if not picks.any():
        return "none of its picks is on the map"
    if colouring.kind == "numbers":
        of_picks, rest = mean(values[picks]), mean(values[(taken < 0) | (taken > round)])
        if np.isnan(of_picks):
            return f"{colouring.title} is not known yet"
        return f"{colouring.title}: mean of the picks {of_picks:.2f}, of those left {rest:.2f}"
    here, all = shares(values[picks], colouring), shares(values, colouring)
    most = sorted(np.flatnonzero(here), key=lambda c: -here[c])[:4]
    return "of its picks " + ", ".join(
        f"{colouring.names[c]} {here[c]:.0%} (of all {all[c]:.0%})" for c in most
    )
