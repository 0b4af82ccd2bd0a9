"""What differs, and how surely: estimates with their intervals."""

from __future__ import annotations

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


def intervals(table: pd.DataFrame, *, claimed: float = 0.0, unit: str = "difference") -> Picture:
    """Means with their intervals, a row for each claim, and what is claimed as a line.

    A filled diamond has an interval clear of that line, an open circle one that crosses it.
    table: columns "claim", "mean", "low", "high"; NaN where there is nothing to draw.
    """
    figure, axes = canvas(7.5, 0.5 * len(table) + 1)
    told = []
    for row, one in enumerate(table.itertuples()):
        if np.isnan(one.mean):
            axes.annotate("not reached", (claimed, row), va="center", fontsize=8)
            told.append(f"{one.claim}: not reached")
            continue
        _estimate(axes, row, one.mean, one.low, one.high, claimed)
        ends = f", from {one.low:.3f} to {one.high:.3f}" if np.isfinite(one.low) else ""
        told.append(f"{one.claim}: {one.mean:.3f}{ends}")
    axes.axvline(claimed, color="#333333", linestyle=":")
    axes.set_yticks(range(len(table)), table["claim"])
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlabel(unit)
    plain_axes(axes)
    return Picture(figure, f"{unit}, mean and 95% interval: {'; '.join(told)}.")


def effects(table: pd.DataFrame, *, unit: str = "difference in F1") -> Picture:
    """Paired differences with their intervals, a row a comparison (a forest plot).

    table: as ``analysis.paired`` gives it. Right of the line at 0 the first named is higher. A
    filled diamond has an interval clear of 0, an open circle one that holds it; beside each row
    stand the number of seeds, the effect size g and the p corrected by Holm.
    """
    figure, axes = canvas(8.5, 0.42 * len(table) + 1.1)
    told = []
    for row, one in enumerate(table.itertuples()):
        name = _comparison(one)
        if not one.n:
            axes.annotate("no seed to compare", (0, row), va="center", fontsize=8)
            told.append(f"{name}: no seed to compare")
            continue
        _estimate(axes, row, one.difference, one.low, one.high)
        counted = f"{one.n} seeds" if one.n > 1 else "1 seed"
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
    axes.set_xlabel(f"{unit}, mean and 95% interval over seeds")
    plain_axes(axes)
    decided = int(((table["low"] > 0) | (table["high"] < 0)).sum())
    return Picture(
        figure,
        f"{unit} by seed, with 95% intervals: {decided} of {len(table)} are clear of 0. "
        f"{'; '.join(told)}. p is corrected by Holm; the least that any row could reach before "
        f"the correction is {table['p_smallest'].min():.2g}.",
    )


def _comparison(one: Any) -> str:
    """A row of ``analysis.paired`` in words."""
    setting, other = getattr(one, "setting", ""), getattr(one, "setting_b", "")
    if setting == other:
        return f"{one.a} − {one.b}" + (f", {setting}" if setting else "")
    named = [f"{n} ({s or 'default'})" for n, s in ((one.a, setting), (one.b, other))]
    return " − ".join(named)


def _estimate(
    axes: Axes, row: int, middle: float, low: float, high: float, nothing: float = 0.0
) -> None:
    """A mean with its interval: a filled diamond if that is clear of ``nothing``, else a circle."""
    clear = low > nothing or high < nothing  # False where a single seed gives no interval
    colour = POSITIVE if clear else NEGATIVE
    face = colour if clear else "white"
    axes.plot([low, high], [row, row], color=colour, linewidth=2)
    axes.plot(middle, row, "D" if clear else "o", color=colour, markerfacecolor=face, markersize=7)
