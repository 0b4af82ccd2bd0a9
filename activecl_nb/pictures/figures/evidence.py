"""What differs, and how surely: estimates with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from activecl_nb.pictures.figures.base import (
    NEGATIVE,
    POSITIVE,
    Picture,
    between,
    canvas,
    plain_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    figure, axes = canvas(7.6, (0.35 + 0.17 * lines) * len(rows) + 0.7)
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


def _clear(clear: int, rows: int) -> str:
    return f"{clear} of {rows} {'is' if clear == 1 else 'are'} clear of 0"


def _estimate(axes: Axes, row: int, middle: float, low: float, high: float) -> None:
    """A mean with its interval: a filled diamond if that is clear of 0, else a circle."""
    clear = low > 0 or high < 0  # False where a single seed gives no interval
    colour = POSITIVE if clear else NEGATIVE
    face = colour if clear else "white"
    axes.plot([low, high], [row, row], color=colour, linewidth=2)
    axes.plot(middle, row, "D" if clear else "o", color=colour, markerfacecolor=face, markersize=7)
