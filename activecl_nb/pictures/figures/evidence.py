"""What differs, and how surely: estimates with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from activecl_nb.pictures.figures.base import (
    NEGATIVE,
    POSITIVE,
    Picture,
    between,
    canvas,
    plain_axes,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def intervals(table: pd.DataFrame, *, unit: str = "difference") -> Picture:
    """Means with their intervals, a row for each claim, and a line at 0.

    A filled diamond has an interval clear of that line, an open circle one that crosses it.
    table: columns "claim", "mean", "low", "high"; NaN where there is nothing to draw.
    """
    figure, axes = canvas(7.5, 0.5 * len(table) + 1)
    told = []
    for row, one in enumerate(table.itertuples()):
        if np.isnan(one.mean):
            axes.annotate("not reached", (0, row), va="center", fontsize=8)
            told.append(f"{one.claim}: not reached")
            continue
        _estimate(axes, row, one.mean, one.low, one.high)
        ends = f", from {one.low:.3f} to {one.high:.3f}" if np.isfinite(one.low) else ""
        told.append(f"{one.claim}: {round(one.mean, 3) + 0.0:.3f}{ends}")
    axes.axvline(0, color="#333333", linestyle=":")
    axes.set_yticks(range(len(table)), table["claim"])
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlabel(unit)
    plain_axes(axes)
    return Picture(figure, f"{unit}, mean and 95% interval: {'; '.join(told)}.")


def gains(rows: Sequence[Gain], *, unit: str) -> Picture:
    """What each comparison gained, a plain row each: its mean, interval, and every replicate.

    Right of the line at 0 is better. A filled diamond has an interval clear of 0, an open circle
    one that holds it; small points are single tissues (or seeds, where there is one tissue).
    """
    import pandas as pd
    import seaborn

    points = pd.DataFrame(
        [(str(place), value) for place, row in enumerate(rows) for value in row.values],
        columns=["row", unit],
    )
    lines = max((row.name.count("\n") + 1 for row in rows), default=1)
    figure, axes = canvas(8.5, (0.35 + 0.17 * lines) * len(rows) + 0.7)
    seaborn.swarmplot(  # its places are the same each time
        points,
        x=unit,
        y="row",
        order=[str(place) for place in range(len(rows))],
        ax=axes,
        color="#8a8a8a",
        alpha=0.6,
        size=4,
        orient="h",
    )
    told = []
    for place, row in enumerate(rows):
        _estimate(axes, place, row.mean, row.low, row.high)
        name = " ".join(row.name.replace("-\n", "-").split())  # a label is broken into lines
        told.append(f"{name}: {round(row.mean, 3) + 0.0:+.3f}{between(row.low, row.high, 3)}")
    axes.axvline(0, color="#333333", linestyle=":")
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.set(ylabel="", ylim=(len(rows) - 0.5, -0.5))
    plain_axes(axes)
    clear = sum(row.low > 0 or row.high < 0 for row in rows)
    return Picture(
        figure,
        f"{unit[:1].upper()}{unit[1:]}, mean and 95% interval; {_clear(clear, len(rows))}. "
        f"{'; '.join(told)}.",
    )


@dataclass(frozen=True)
class Gain:
    """A row of ``gains``: a mean over ``values``, and the ends of its interval."""

    name: str
    mean: float
    low: float
    high: float
    values: Sequence[float]


def effects(table: pd.DataFrame, *, unit: str = "difference in F1") -> Picture:
    """Paired differences with their intervals, a row a comparison (a forest plot).

    table: as ``analysis.paired`` gives it. Right of the line at 0 the first named is higher. A
    filled diamond has an interval clear of 0, an open circle one that holds it; beside each row
    stand the number of replicates, the effect size g and the p corrected by Holm.
    """
    figure, axes = canvas(8.5, 0.42 * len(table) + 1.1)
    told = []
    for row, one in enumerate(table.itertuples()):
        name = _comparison(one)
        if not one.n:
            axes.annotate("nothing to compare", (0, row), va="center", fontsize=8)
            told.append(f"{name}: nothing to compare")
            continue
        _estimate(axes, row, one.difference, one.low, one.high)
        counted = f"{one.n} {one.over if one.n > 1 else one.over.removesuffix('s')}"
        counted += f" ({one.left_out} left out)" if one.left_out else ""
        beside = f"{counted}, g {one.g:+.1f}" if np.isfinite(one.g) else counted
        axes.annotate(
            f"{beside}, Holm p {one.p_holm:.2g}",
            (1.02, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            annotation_clip=False,
        )
        told.append(
            f"{name}: {one.difference:+.3f}{between(one.low, one.high, 3)}, {counted}, "
            f"p {one.p_holm:.2g}"
        )
    axes.axvline(0, color="#333333", linestyle=":")
    axes.set_yticks(range(len(table)), [_comparison(one) for one in table.itertuples()])
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlabel(f"{unit}, mean and 95% interval")
    plain_axes(axes)
    decided = int(((table["low"] > 0) | (table["high"] < 0)).sum())
    return Picture(
        figure,
        f"{unit}, with 95% intervals: {_clear(decided, len(table))}. "
        f"{'; '.join(told)}. p is corrected by Holm.{_least(table)}",
    )


def _clear(clear: int, rows: int) -> str:
    return f"{clear} of {rows} {'is' if clear == 1 else 'are'} clear of 0"


def _least(table: pd.DataFrame) -> str:
    """What p could not fall below, where seeds are flipped."""
    least = table["p_smallest"].min()
    said = f" The least that any row could reach before the correction is {least:.2g}."
    return said if np.isfinite(least) else ""


def _comparison(one: Any) -> str:
    """A row of ``analysis.paired`` in words."""
    setting, other = getattr(one, "setting", ""), getattr(one, "setting_b", "")
    if setting == other:
        return f"{one.a} − {one.b}" + (f", {setting}" if setting else "")
    named = [f"{n} ({s or 'default'})" for n, s in ((one.a, setting), (one.b, other))]
    return " − ".join(named)


def _estimate(axes: Axes, row: int, middle: float, low: float, high: float) -> None:
    """A mean with its interval: a filled diamond if that is clear of 0, else a circle."""
    clear = low > 0 or high < 0  # False where a single seed gives no interval
    colour = POSITIVE if clear else NEGATIVE
    face = colour if clear else "white"
    axes.plot([low, high], [row, row], color=colour, linewidth=2)
    axes.plot(middle, row, "D" if clear else "o", color=colour, markerfacecolor=face, markersize=7)
