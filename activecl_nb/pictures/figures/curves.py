"""Scores along a run or along a dial, and the work behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from activecl_nb.pictures.figures.base import (
    Picture,
    between,
    canvas,
    level_line,
    plain_axes,
    style,
    written,
)

if TYPE_CHECKING:
    import pandas as pd


def learning_curve(
    curve: pd.DataFrame,
    *,
    x: str = "images",
    score: str = "f1",
    levels: Mapping[str, float | tuple[float, float, float]] | None = None,
) -> Picture:
    """Score against images (or image-epochs, or seconds), a line a strategy with its interval.

    curve: columns ``strategy``, ``x``, "mean", "low", "high" (see ``analysis.curve``).
    levels: named horizontal lines, such as the benchmark and the baselines; one given as
        (mean, low, high), a row of ``analysis.band``, has its interval drawn as a band.
    """
    figure, axes = canvas(7, 4)
    told = []
    strategies = list(dict.fromkeys(curve["strategy"]))
    for name in strategies:
        of_strategy = curve[curve["strategy"] == name].sort_values(x)
        looks = style(name, strategies)
        axes.plot(of_strategy[x], of_strategy["mean"], label=name, markersize=6, **looks)
        axes.fill_between(
            of_strategy[x],
            of_strategy["low"],
            of_strategy["high"],
            facecolor=(looks["color"], min(0.15, 0.3 / len(strategies))),  # many would add to grey
            edgecolor=(looks["color"], 0.6),
            linewidth=0.6,
        )
        told.append(
            f"{name} from {of_strategy['mean'].iloc[0]:.2f} to {of_strategy['mean'].iloc[-1]:.2f}"
        )
    named = {
        n: v if isinstance(v, tuple) else (v, np.nan, np.nan) for n, v in (levels or {}).items()
    }
    room = 0.06 * np.ptp(axes.get_ylim())  # about the height of a name
    ends = curve.sort_values(x).groupby("strategy")["mean"].agg(["first", "last"])
    for place, (name, (level, low, high)) in enumerate(named.items()):
        axes.axhline(level, color="#333333", linewidth=1.1, linestyle=level_line(place))
        if np.isfinite(low):
            axes.axhspan(low, high, color="#333333", alpha=0.08, linewidth=0)
        away = (ends - level).abs().min()  # a name stands where the curves are farther
        at_left = away["first"] > away["last"]
        axes.annotate(
            name,
            (0.01 if at_left else 1, level),
            xycoords=("axes fraction", "data"),
            ha="left" if at_left else "right",
            va="top" if any(0 < other - level < room for other, *_ in named.values()) else "bottom",
            fontsize=9,
        )
        told.append(f"{name} at {level:.2f}" + between(low, high))
    axes.set(xlabel=written(x), ylabel=written(score))
    axes.xaxis.get_major_locator().set_params(integer=True)  # no tick at 22.5 that reads 22
    axes.xaxis.set_major_formatter("{x:,.0f}")
    figure.legend(loc="outside upper center", ncols=6, frameon=False)  # over no line or name
    plain_axes(axes)
    return Picture(figure, f"Mean {written(score)} by {written(x)}: {'; '.join(told)}.")


def by_setting(
    table: pd.DataFrame, *, dial: str, default: float | str | None = None, score: str = "f1"
) -> Picture:
    """Score against the values of one dial, a line a strategy, with intervals.

    table: as ``analysis.spread`` gives it, with the column ``setting``. Settings other than
        "dial=value" are passed over. The values stand side by side at equal distances, numbers in
        their order; choices that are no numbers are not joined by lines.
    dial: the dial's name. default: its value where the setting is "", if that is to be shown.

    ValueError: the table has no setting of this dial.
    """
    shown = table.assign(value=[_dialled(name, dial, default) for name in table["setting"]])
    shown = shown[shown["value"].notna()]
    values = list(dict.fromkeys(shown["value"]))
    if not values:
        known = ", ".join(repr(name) for name in dict.fromkeys(table["setting"]))
        raise ValueError(f"no setting of {dial!r} is in the table; it has {known}")
    try:
        values.sort(key=float)
        numbers = True
    except ValueError:
        numbers = False
    strategies = list(dict.fromkeys(shown["strategy"]))
    figure, axes = canvas(7, 4)
    told = []
    for place, name in enumerate(strategies):
        of_strategy = shown[shown["strategy"] == name]
        of_strategy = of_strategy.assign(
            place=[values.index(value) for value in of_strategy["value"]]
        )
        of_strategy = of_strategy.sort_values("place")
        looks = style(name, strategies)
        # Side by side, or intervals would lie on top of one another.
        across = of_strategy["place"] + 0.5 / len(strategies) * (place - (len(strategies) - 1) / 2)
        # NaN where one seed gives no interval: the bar is then left out.
        reach = [
            of_strategy["mean"] - of_strategy["low"],
            of_strategy["high"] - of_strategy["mean"],
        ]
        line = looks if numbers else {**looks, "linestyle": "none"}
        axes.errorbar(across, of_strategy["mean"], yerr=reach, label=name, capsize=3, **line)
        said = [
            f"{one.mean:.2f}{between(one.low, one.high)} at {one.value}"
            if np.isfinite(one.mean)
            else f"not reached at {one.value}"
            for one in of_strategy.itertuples()
        ]
        told.append(f"{name} {', '.join(said)}")
    axes.set_xticks(range(len(values)), values)
    axes.set(xlabel=written(dial), ylabel=written(score), xlim=(-0.5, len(values) - 0.5))
    figure.legend(loc="outside upper center", ncols=6, frameon=False)
    plain_axes(axes)
    return Picture(
        figure,
        f"Mean {written(score)} by {written(dial)}, with 95% intervals: {'; '.join(told)}.",
    )


def _dialled(setting: str, dial: str, default: float | str | None) -> str | None:
    """The dial's value in a setting; None where the setting is another dial's."""
    if not setting:
        return None if default is None else str(default)
    name, _, value = setting.partition("=")
    return value if name == dial else None


def work_by_round(work: pd.DataFrame) -> Picture:
    """Image-epochs of each round, and added up, against the benchmark's.

    work: as ``analysis.work`` gives it; its last row is the benchmark.
    """
    total = work["image_epochs"].to_numpy()[:-1]
    benchmark_work = float(work["image_epochs"].iloc[-1])
    rounds = np.arange(len(total))
    figure, axes = canvas(7, 3)
    axes.bar(rounds, np.diff(total, prepend=0), color="#c8d8e4", edgecolor="#0072b2", label="round")
    axes.plot(rounds, total, color="#d55e00", marker="^", label="all rounds so far")
    axes.axhline(benchmark_work, color="#333333", linestyle=":")
    axes.annotate(
        "benchmark",
        (1, benchmark_work),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="bottom",
        fontsize=9,
    )
    axes.set(
        xlabel="round", ylabel="image-epochs", ylim=(0, 1.12 * max(benchmark_work, total.max()))
    )
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.legend(frameon=False, loc="center left")
    plain_axes(axes)
    cheaper = rounds[total < benchmark_work]
    comparison = (
        f"up to round {cheaper[-1]} the loop costs less" if len(cheaper) else "it never is less"
    )
    return Picture(
        figure,
        f"Image-epochs by round: {np.diff(total, prepend=0)[0]:,.0f} in round 0, "
        f"{np.diff(total, prepend=0)[-1]:,.0f} in round {rounds[-1]}; together "
        f"{total[-1] / benchmark_work:.0%} of the benchmark's {benchmark_work:,.0f}; {comparison}.",
    )
