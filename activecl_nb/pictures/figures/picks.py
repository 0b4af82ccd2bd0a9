"""What a strategy looks at, and what it picks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from activecl_nb.pictures.figures.base import (
    CLASS_COLOURS,
    OTHER_STYLES,
    POSITIVE,
    STRATEGY_STYLES,
    Picture,
    canvas,
    plain_axes,
    style,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def uncertainty_curves(measures: Mapping[str, Any], p: Any) -> Picture:
    """Measures of uncertainty against the probability. measures: name -> (n,) at ``p`` (n,)."""
    p = np.asarray(p)
    figure, axes = canvas(6.5, 3.2)
    told = []
    for place, (name, values) in enumerate(measures.items()):
        values = np.asarray(values)
        looks = OTHER_STYLES[place % len(OTHER_STYLES)]
        axes.plot(p, values, label=name, markevery=max(1, len(p) // 12), **looks)
        told.append(f"{name} is highest at p = {p[values.argmax()]:.2f}")
    axes.set(xlabel="probability p of tumour", ylabel="uncertainty")
    axes.legend(frameon=False, fontsize=9)
    plain_axes(axes)
    return Picture(figure, f"Measures of uncertainty by probability: {'; '.join(told)}.")


def kcenter_step(points: Any, chosen: Any, picks: Any, step: int) -> Picture:
    """k-center greedy after ``step`` picks: what is covered, and which point is next.

    points: (n, 2). chosen: (m, 2), there before, m at least 1. picks: the greedy order of
    positions in ``points``. A point is the darker the farther it is from its nearest centre.
    """
    points, chosen, picks = np.asarray(points), np.asarray(chosen), np.asarray(picks)
    centres = np.concatenate([chosen, points[picks[:step]]])
    nearest = np.linalg.norm(points[:, None] - centres[None], axis=2).min(1)
    figure, axes = canvas(5.6, 4.6)
    drawn = axes.scatter(
        *points.T, c=nearest, s=16, cmap="cividis_r", vmin=0, vmax=max(4.0, nearest.max())
    )
    figure.colorbar(drawn, ax=axes, shrink=0.8, label="distance to the nearest centre")
    axes.scatter(*chosen.T, s=50, c="black", marker="+", label="chosen before")
    looks = STRATEGY_STYLES["kcenter"]
    axes.scatter(
        *points[picks[:step]].T,
        s=42,
        facecolors="none",
        edgecolors=looks["color"],
        marker=looks["marker"],
        label="picked",
    )
    for order, position in enumerate(picks[:step], start=1):
        axes.annotate(
            str(order), points[position], xytext=(4, 4), textcoords="offset points", fontsize=8
        )
    after = "Every pick is made."
    if step < len(picks):
        following = points[picks[step]]
        closest = centres[np.linalg.norm(centres - following, axis=1).argmin()]
        axes.plot(*np.stack([following, closest]).T, color=POSITIVE, linewidth=1)
        axes.plot(*following, "*", color=POSITIVE, markersize=13, label="farthest: the next pick")
        after = f"The next pick lies {nearest[picks[step]]:.2f} from its nearest centre."
    axes.set(xticks=[], yticks=[], title=f"after {step} picks", aspect="equal")
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return Picture(
        figure,
        f"k-center greedy on {len(points)} points after {step} of {len(picks)} picks. The largest "
        f"distance to a nearest centre is {nearest.max():.2f}. {after}",
    )


def _toy_panel(
    axis: Any,
    points: np.ndarray,
    picked: np.ndarray,
    chosen: Any,
    positive: np.ndarray,
    looks: Mapping[str, Any],
) -> dict[str, Any]:
    """One panel of ``picks_2d``; its marks by what they stand for."""
    dots = {"c": "#b8c7d3", "marker": "o", "linewidths": 0}
    marks = {"common": axis.scatter(*points[~positive].T, s=12, **dots)}
    # No strategy's picks are stars, so a rare point is told from a pick of a common one.
    stars = {"c": "#4fae8a", "marker": "*", "linewidths": 0}
    if positive.any():
        marks["rare"] = axis.scatter(*points[positive].T, s=34, **stars)
    if len(chosen):
        crosses = {"c": "black", "marker": "+", "linewidths": 1}
        marks["chosen before"] = axis.scatter(*np.asarray(chosen).T, s=36, **crosses)
    outlined = axis.scatter(
        *points[picked].T,
        s=54,
        facecolors="none",
        edgecolors=looks["color"],
        marker=looks["marker"] if looks["marker"] not in "xX+" else "D",
        linewidths=1.8,
    )
    if len(picked):
        marks["picked (the first five numbered)"] = outlined
    for order, position in enumerate(picked[:5], start=1):
        axis.annotate(
            str(order), points[position], xytext=(4, 4), textcoords="offset points", fontsize=11
        )
    return marks


def picks_2d(
    points: Any,
    picks: Mapping[str, Any],
    *,
    chosen: Any = (),
    positive: Any = None,
    probability: Any = None,
) -> Picture:
    """What each strategy picks in two dimensions, a panel each, two panels in a row.

    points: (n, 2). picks: strategy -> positions, in the order picked, or a panel's title and none
    where nothing is picked so far. chosen: (m, 2), what is in the training set already. positive:
    bool (n,). probability: a function of (k, 2) points that gives the proxy's probability, drawn as
    a line where it is one half.
    """
    points = np.asarray(points)
    columns = min(2, len(picks))  # more in a row would be too small on a narrow page
    rows = -(-len(picks) // columns)
    figure, axes = canvas(3.6 * columns, 3.2 * rows + 0.5, nrows=rows, ncols=columns, squeeze=False)
    positive = np.zeros(len(points), bool) if positive is None else np.asarray(positive)
    marks: dict[str, Any] = {}
    for axis, (name, picked) in zip(axes.flat, picks.items(), strict=False):
        looks = style(name, list(picks))
        picked = np.asarray(picked, dtype=int)
        marks = _toy_panel(axis, points, picked, chosen, positive, looks) | marks
        if probability is not None:
            marks["the proxy says one half"] = _one_half(axis, points, probability)
        axis.set_title(name, fontsize=13)
        axis.set(xticks=[], yticks=[])
    for unused in axes.flat[len(picks) :]:
        unused.set_axis_off()
    how = {"ncols": 2 if columns == 1 else 3, "frameon": False, "fontsize": 10}
    figure.legend(marks.values(), marks.keys(), loc="outside lower center", **how)
    known = (
        f"{len(points)} points; crosses are points chosen before, stars the rare class, the dashed "
        "line is where the proxy says one half."
    )
    shares = [f"{n} {positive[np.asarray(p)].mean():.0%}" for n, p in picks.items() if len(p)]
    if not shares:
        return Picture(figure, known)
    return Picture(
        figure,
        f"The picks of {', '.join(picks)}, outlined, among {known} Share of the rare class in the "
        f"picks: {', '.join(shares)}.",
    )


def _one_half(axis: Axes, points: np.ndarray, probability: Any) -> Any:
    """Draw the line where the probability is one half; return what stands for it in a legend."""
    margin = 0.05 * np.ptp(points, axis=0)  # or marks at the rim are cut in half
    low, high = points.min(0) - margin, points.max(0) + margin
    x, y = np.meshgrid(*(np.linspace(a, b, 60) for a, b in zip(low, high, strict=True)))
    p = np.asarray(probability(np.stack([x.ravel(), y.ravel()], 1))).reshape(x.shape)
    line = axis.contour(x, y, p, levels=[0.5], colors="black", linewidths=1, linestyles="--")
    return line.legend_elements()[0][0]


def logit_histogram(logits: Any, positive: Any, picks: Mapping[str, Any]) -> Picture:
    """Where the picks lie among the proxy's probabilities, a panel a strategy."""
    import seaborn

    p = 1 / (1 + np.exp(-np.asarray(logits, dtype=np.float64)))
    positive = np.asarray(positive)
    bins = np.linspace(0, 1, 41)
    figure, axes = canvas(3.3 * len(picks), 3, ncols=len(picks), squeeze=False, sharey=True)
    told = []
    for axis, (name, picked) in zip(axes.flat, picks.items(), strict=True):
        shown = {"bins": bins, "ax": axis}
        seaborn.histplot(p, color="#d0d0d0", alpha=1, linewidth=0, label="candidates", **shown)
        colour = style(name, list(picks))["color"]
        outline = {"element": "step", "fill": False, "linewidth": 1.8}
        seaborn.histplot(p[np.asarray(picked)], color=colour, label="picked", **outline, **shown)
        axis.set(title=name, xlabel="probability of tumour", yscale="log")
        axis.legend(frameon=False, fontsize=9)
        plain_axes(axis)
        q = np.quantile(p[np.asarray(picked)], [0.1, 0.9])
        told.append(
            f"{name} mostly between {q[0]:.2f} and {q[1]:.2f} with "
            f"{positive[np.asarray(picked)].mean():.0%} tumour"
        )
    axes.flat[0].set_ylabel("patches (log)")
    return Picture(
        figure,
        f"The proxy's probabilities of the candidates and of the picks: {'; '.join(told)}.",
    )


def strategy_shares(table: pd.DataFrame) -> Picture:
    """Shares of the picks by strategy: a row for each property, a mark for each strategy.

    table: index of strategies (and perhaps "all candidates"), a column for each property, 0..1.
    """
    figure, axes = canvas(7, 0.5 * len(table.columns) + 1.4)
    told, names = [], list(table.index)
    for place, name in enumerate(names):
        looks = style(name, names)
        heights = np.arange(len(table.columns)) + 0.14 * (place - (len(names) - 1) / 2)
        axes.plot(table.loc[name], heights, label=name, markersize=7, **looks | {"linestyle": ""})
    for column in table.columns:
        listed = ", ".join(f"{name} {table.loc[name, column]:.0%}" for name in names)
        told.append(f"{column}: {listed}")
    if len(table.columns) > 4:  # too long to listen to: the largest of each row, and a table
        largest = ", ".join(f"{c} {table[c].idxmax()} {table[c].max():.0%}" for c in table.columns)
        told = [f"The strategy with the largest share of each: {largest}"]
    axes.set_yticks(range(len(table.columns)), table.columns)
    axes.invert_yaxis()
    axes.grid(axis="y", color="#e5e5e5")
    axes.set(xlabel="share of the picks", xlim=(-0.02, max(0.5, 1.1 * table.to_numpy().max())))
    figure.legend(loc="outside lower center", ncols=len(names), frameon=False, fontsize=9)
    plain_axes(axes)
    return Picture(figure, f"Shares of the picks. {'; '.join(told)}.", table)


def composition(shares: pd.DataFrame, *, positive: str = "TUM") -> Picture:
    """Classes of the images picked in each round, stacked, a panel a strategy.

    shares: columns "strategy", "round" and one for each class, rows adding up to 1.
    """
    strategies = list(dict.fromkeys(shares["strategy"]))
    classes = [c for c in shares.columns if c not in ("strategy", "round")]
    columns = min(2, len(strategies))  # more in a row would be too small on a narrow page
    rows = -(-len(strategies) // columns)
    figure, axes = canvas(3.6 * columns, 3 * rows + 0.6, nrows=rows, ncols=columns, squeeze=False)
    told = []
    for axis, name in zip(axes.flat, strategies, strict=False):
        of_strategy = shares[shares["strategy"] == name].sort_values("round")
        below = np.zeros(len(of_strategy))
        for label in classes:
            axis.bar(
                of_strategy["round"],
                of_strategy[label],
                bottom=below,
                label=label,
                color=CLASS_COLOURS.get(label),
                hatch="//" if label == positive else "",
                edgecolor="white",
                linewidth=0.5,
            )
            below += of_strategy[label].to_numpy()
        axis.set(title=name, xlabel="round", ylim=(0, 1))
        later = of_strategy[of_strategy["round"] > 0]
        if positive in classes and len(later):
            told.append(f"{name} {later[positive].mean():.0%}")
    for unused in axes.flat[len(strategies) :]:
        unused.set_axis_off()
    figure.supylabel("share of the round's picks")
    handles, names = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=5, frameon=False)
    return Picture(
        figure,
        f"Classes of each round's picks, stacked. Share of {positive} after the random first "
        f"round: {', '.join(told)}.",
    )
