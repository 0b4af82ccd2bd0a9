"""Measures on runs: each gives what one kind of claim is judged by."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from activecl_nb.evidence import analysis
from activecl_nb.evidence.claims.claim import FEWEST, FEWEST_MEDIAN, Measured
from activecl_nb.evidence.claims.metrics import (
    Side,
    described,
    in_grid,
    known,
    name_of,
    per_run,
    run_keys,
    runs_of,
)
from activecl_nb.evidence.study import Stored

EACH = {
    analysis.SEEDS: "seed by seed",
    analysis.FOLDS: "run by run, over folds of patients",
    analysis.PHANTOMS: "run by run, over phantoms",
}


def difference(
    stored: Stored,
    a: Side,
    b: Side,
    metric: str,
    *,
    grid: str = "",
    score: str = "f1",
) -> Measured:
    """a - b, run by run."""
    sides = [in_grid(grid, side) for side in (a, b)]
    left, right = (per_run(stored, side, metric, score) for side in sides)
    words, unit, digits = described(metric, score)
    how = f"{words}: {name_of(a)} minus {name_of(b)}"
    share = _share(stored, sides[0]["grid"])
    return _paired(left, right, share, how=how, unit=unit, digits=digits)


def gain_change(
    stored: Stored,
    a: str,
    b: str,
    setting: str,
    metric: str,
    *,
    grid: str,
    other_setting: str,
    score: str = "f1",
) -> Measured:
    """How much more a gains over b in one setting than in another, run by run."""
    gains = []
    for of_setting in (setting, other_setting):
        left, right = (
            per_run(stored, {"grid": grid, "strategy": s, "setting": of_setting}, metric, score)
            for s in (a, b)
        )
        gains.append(left - right)
    words, unit, digits = described(metric, score)
    how = f"{words}: {a} minus {b} at {setting}, less the same at {other_setting}"
    here, elsewhere = (gain.dropna() for gain in gains)
    return _paired(here, elsewhere, _share(stored, grid), how=how, unit=unit, digits=digits)


def spared(stored: Stored, grid: str, strategy: str, what: str, variant: str = "best") -> Measured:
    """Per cent of the benchmark's spendings that a strategy spares until it has its score.

    what: "images", "image_epochs" or "processor" (time of choosing and training). variant:
    whether the score is the benchmark's "best", as in the paper, or its "last".
    """
    rounds, _ = runs_of(stored, strategy, grid)
    benchmarks, _ = runs_of(stored, analysis.BENCHMARK, grid)
    how = (
        f"{SPENT[known(what, SPENT)]} until the benchmark's {variant} F1 of the same seed, "
        "of what it had spent by then: median, and not reached counts as worst"
    )
    if rounds.empty or benchmarks.empty:
        return _none(how=how, unit="%", digits=0, needs=FEWEST_MEDIAN)
    spendings = analysis.to_benchmark(rounds, benchmarks=benchmarks)
    of_variant = spendings["variant"] == known(variant, ("best", "last"))
    spendings = spendings[of_variant & spendings["target"].notna()]
    values = spendings.set_index(run_keys(spendings))[f"{COLUMNS[what]}_spared"]
    return _median(100 * values, how)


def spared_beside(
    stored: Stored, grid: str, strategy: str, rival: str, what: str = "images"
) -> Measured:
    """Per cent of a rival's spendings that a strategy spares until it has the rival's last F1."""
    ours, theirs = (_each(runs_of(stored, name, grid)[0]) for name in (strategy, rival))
    column = {"images": "images"}.get(what, f"{COLUMNS[known(what, SPENT)]}_so_far")
    how = f"{SPENT[what]} until {rival}'s last F1 of the same seed: median"
    parts = {}
    for key in sorted(set(ours) & set(theirs)):
        target = analysis.last(theirs[key])["last"].iloc[0]
        a, b = (
            analysis.to_target(table, target)[column].iloc[0] for table in (ours[key], theirs[key])
        )
        parts[key] = 100 * (1 - a / b)
    return _median(_series(parts), how)


SPENT = {
    "images": "images spared",
    "image_epochs": "image-epochs spared",
    "processor": "processor time of choosing and training spared",
}
COLUMNS = {"images": "images", "image_epochs": "image_epochs", "processor": "seconds"}


def at_equal_work(stored: Stored, grid: str, strategy: str) -> Measured:
    """A strategy's last F1 less the benchmark's at the same image-epochs.

    The benchmark is scored on its way; between two scores it is read off a straight line,
    outside them the nearest one counts. Both proxies are trained alike.
    """
    ours, benchmarks = (_each(runs_of(stored, name, grid)[0]) for name in (strategy, "benchmark"))
    ends, benchmark_f1 = {}, {}
    for key in sorted(set(ours) & set(benchmarks)):
        own_rounds, benchmark_rounds = (
            table.sort_values("round") for table in (ours[key], benchmarks[key])
        )
        same_proxy, _ = analysis.judged_by(benchmark_rounds)
        cost = "image_epochs_so_far"
        ends[key] = own_rounds["f1"].iloc[-1]
        benchmark_f1[key] = np.interp(
            own_rounds[cost].iloc[-1], benchmark_rounds[cost], benchmark_rounds[same_proxy]
        )
    how = (
        f"last F1 of {strategy} minus the benchmark's at the same image-epochs, both proxies "
        "trained alike"
    )
    share = _share(stored, grid)
    return _paired(_series(ends), _series(benchmark_f1), share, how=how, unit="F1", digits=3)


def growth(stored: Stored, grid: str, strategy: str) -> Measured:
    """Processor time of the last round over that of the first."""
    rounds, _ = runs_of(stored, strategy, grid)
    costs = rounds.sort_values("round").groupby(run_keys(rounds))["seconds_processor"]
    how = f"processor time of {strategy}'s last round over that of its first"
    return _mean(costs.last() / costs.first(), _share(stored, grid), how, "times", 1, nothing=1.0)


def best_epoch(stored: Stored, grid: str) -> Measured:
    """How far on its way the benchmark scores best: per cent of its epochs."""
    rounds, _ = runs_of(stored, analysis.BENCHMARK, grid)
    _, at_best = analysis.judged_by(rounds)
    parts = {
        key: 100 * (int(run.sort_values("round")[at_best].argmax()) + 1) / len(run)
        for key, run in _each(rounds).items()
    }
    how = "where on its way the benchmark has its best F1"
    return _mean(_series(parts), _share(stored, grid), how, "%", 0)


def level(stored: Stored, grid: str, strategy: str, metric: str, score: str = "f1") -> Measured:
    """The metric itself."""
    side = {"grid": grid, "strategy": strategy}
    words, unit, digits = described(metric, score)
    values = per_run(stored, side, metric, score)
    return _mean(values, _share(stored, grid), f"{words} of {strategy}", unit, digits)


def orders(stored: Stored, grid: str, order: Sequence[str], runs: int) -> Measured:
    """Per cent of all sets of so many runs in which the mean curves lie in this order."""
    areas = [per_run(stored, {"grid": grid, "strategy": name}, "area") for name in order]
    common_runs = sorted(set.intersection(*(set(one.index) for one in areas)))
    how = f"sets of {runs} runs whose mean curves lie in the order {', '.join(order)}"
    choices = list(itertools.islice(itertools.combinations(common_runs, runs), MOST_SETS))
    if not choices:
        return _none(how=how, unit="%", digits=0, needs=runs)
    heights = [[one[list(chosen)].mean() for one in areas] for chosen in choices]
    held = 100 * float(np.mean([bool((np.diff(h) < 0).all()) for h in heights]))
    how += f" (of {len(choices)})"
    nan, values = float("nan"), (held,) * len(common_runs)
    return Measured(held, nan, nan, how, unit="%", digits=0, values=values, needs=runs, over="runs")


MOST_SETS = 10_000


# ---- from values to what is measured --------------------------------------------------------


def _each(rounds: pd.DataFrame) -> dict[tuple, pd.DataFrame]:
    """The rounds of each run, by (tissue, seed)."""
    return dict(list(rounds.groupby(run_keys(rounds)))) if len(rounds) else {}


def _series(values: dict[tuple, float]) -> pd.Series:
    if not values:
        return pd.Series(dtype=float)
    index = pd.MultiIndex.from_tuples(list(values), names=["tissue", "seed"])
    return pd.Series(list(values.values()), index=index, dtype=float)


def _share(stored: Stored, grid: str) -> float:
    return analysis.tested_share(stored.grid(grid).rounds)


def _paired(
    a: pd.Series, b: pd.Series, share: float, *, how: str, unit: str, digits: int
) -> Measured:
    common_runs = sorted(set(a.index) & set(b.index))
    if not common_runs:
        return _none(how=how, unit=unit, digits=digits)
    estimate = analysis.difference(a[common_runs], b[common_runs], share)
    p = analysis.sign_flip(estimate.values) if estimate.over == analysis.SEEDS else estimate.p
    return _measured(estimate, how, unit, digits, p=p)


def _mean(
    values: pd.Series, share: float, how: str, unit: str, digits: int, nothing: float = 0.0
) -> Measured:
    if values.empty:
        return _none(how=how, unit=unit, digits=digits)
    estimate = analysis.estimate(values, values.index.get_level_values("tissue"), share)
    return _measured(estimate, how, unit, digits, nothing=nothing)


def _measured(
    estimate: analysis.Estimate, how: str, unit: str, digits: int, **more: Any
) -> Measured:
    return Measured(
        estimate.mean,
        estimate.low,
        estimate.high,
        how=f"{how}, {EACH[estimate.over]}",
        unit=unit,
        digits=digits,
        values=estimate.values,
        needs=FEWEST,
        over=estimate.over,
        runs=estimate.runs,
        error=estimate.error,
        freedom=estimate.freedom,
        **more,
    )


def _median(values: pd.Series, how: str) -> Measured:
    if values.empty:
        return _none(how=how, unit="%", digits=0, needs=FEWEST_MEDIAN)
    never = values.fillna(-np.inf).astype(float)
    tissues = never.index.get_level_values("tissue")
    over = analysis.kind_of_replicates(tissues)
    reached = int(np.isfinite(never).sum())
    how = f"{how}; {reached} of {len(never)} runs reached it"
    if over != analysis.SEEDS:
        never = never.groupby(tissues, sort=False).median()
        how += f"; the median is that of the {over}' medians"
    middle, low, high, confidence = order_interval(never)
    if np.isfinite(confidence):
        how += f"; the interval covers the median with {confidence:.0%}"
    return Measured(
        middle,
        low,
        high,
        how,
        unit="%",
        digits=0,
        values=tuple(never),
        needs=FEWEST_MEDIAN,
        over=over,
        runs=len(values),
        spares=True,
        reached=reached,
    )


def order_interval(values: Sequence[float]) -> tuple[float, ...]:
    """Median, ends of its interval, and the confidence that these have.

    The ends are values themselves, from as far inside as at least 90% allow (Conover
    1999, section 3.2; ``scipy.stats.quantile_test``); NaN for fewer than five values, of which
    even the smallest and the largest promise less. Values may be -inf, which was never reached.
    """
    from scipy import stats

    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    middle = ordered[[(n - 1) // 2, n // 2]]
    median = float(middle.mean()) if np.isfinite(middle).all() else float(middle[0])
    # Of the ranks first: values may be equal, and their coverage is that of their places.
    places = stats.quantile_test(np.arange(n), q=0, p=0.5).confidence_interval(0.9)
    if np.isnan(places.low):
        return median, float("nan"), float("nan"), float("nan")
    first, last = int(places.low), int(places.high)
    covered = 1 - 2 * stats.binom.cdf(first, n, 0.5)
    return median, float(ordered[first]), float(ordered[last]), float(covered)


def _none(*, how: str, unit: str, digits: int, needs: int = FEWEST) -> Measured:
    nan = float("nan")
    return Measured(nan, nan, nan, how, unit=unit, digits=digits, needs=needs)


MEASURES: dict[str, Callable[..., Measured]] = {
    one.__name__: one
    for one in (
        difference, gain_change, spared, spared_beside, at_equal_work, growth, best_epoch, level,
        orders,
    )
}  # fmt: skip
