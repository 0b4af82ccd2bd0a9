"""Comparisons seed by seed: intervals, effects, and p by flipping signs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from activecl_nb import seeds
from activecl_nb.evidence.analysis.tables import by_columns, checked
from activecl_nb.evidence.analysis.tissues import SEEDS, Estimate, estimate, tested_share

EXACT = 16  # up to so many seeds every sign flip is tried, beyond it a sample of them
FLIPS = 100_000


def paired(values: pd.DataFrame, pairs: Iterable[tuple[Any, Any]], metric: str) -> pd.DataFrame:
    """Compare run by run: those of one seed and tissue share their split and first subset.

    values: a row a run, such as ``last``, ``area``, ``found`` or ``to_target`` give.
    pairs: (a, b), each the name of a strategy, compared in every setting that both have; or
        each a (strategy, setting), to compare across settings.

    Columns, a row a comparison: a, b, [setting, setting_b], n (replicates compared) and over (what
    they are: "seeds", or where there are several tissues "folds" or "phantoms"), left_out (runs
    that one side lacks or where its value is NaN: with any, the rest may be the lucky ones),
    mean_a, mean_b, difference (the mean of a - b), low, high (its 95% t interval), d_z (the
    mean difference over the differences' standard deviation; Cohen 1988, section 2.3.5), g (d_z
    times ``hedges``, for with few seeds d_z is too large on average), p (``sign_flip`` over seeds,
    a t test over tissues), p_holm (``holm`` over all rows) and p_smallest: the least p that so
    many seeds can give, 2 / 2^n.
    Five seeds never get below 0.0625, whatever they show, and Holm's correction for m
    comparisons may lift that to m times as much: with few seeds read the intervals and effects.

    ValueError: an unknown strategy or setting, or several values for one run.
    """
    values = checked(values, "strategy", "seed", metric)
    of_side = _by_side(values, metric)
    rows = []
    for (a, setting), (b, setting_b) in _sides(pairs, of_side):
        left, right = of_side[a, setting].align(of_side[b, setting_b])
        known = np.isfinite(left - right)
        rows.append(
            {
                "a": a,
                "b": b,
                "setting": setting,
                "setting_b": setting_b,
                **_compare(left[known], right[known], tested_share(values)),
                "left_out": int((~known).sum()),
            }
        )
    result = pd.DataFrame(rows)
    result["p_holm"] = holm(result["p"])
    compared = [
        "n",
        "over",
        "left_out",
        "mean_a",
        "mean_b",
        "difference",
        "low",
        "high",
        "d_z",
        "g",
    ]
    which = ["setting", "setting_b"] if "setting" in values else []
    return result[["a", "b", *which, *compared, "p", "p_holm", "p_smallest"]]


def _by_side(values: pd.DataFrame, metric: str) -> dict[tuple[str, str], pd.Series]:
    """(strategy, setting) -> one value a run, by its seed and tissue."""
    by, of_side = by_columns(values, "strategy", "setting"), {}
    for key, group in values.groupby(by, sort=False):
        run = by_columns(values, "tissue", "seed")
        if group.duplicated(run).any():
            raise ValueError(
                f"{', '.join(key)} has several values of {metric} for a seed; give one a run, "
                "such as analysis.last or analysis.area do"
            )
        of_side[(*key, "")[:2]] = group.set_index(run)[metric].astype(float)
    return of_side


def _sides(pairs: Iterable, known: dict) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """((strategy, setting), (strategy, setting)) of every comparison asked for."""
    pairs = list(pairs)
    if not pairs:
        raise ValueError("no pairs to compare; give at least one, such as ('entropy', 'random')")
    for a, b in pairs:
        if isinstance(a, str) and isinstance(b, str):
            shared = [setting for name, setting in known if name == a and (b, setting) in known]
            sides = [((a, setting), (b, setting)) for setting in shared]
        else:
            sides = [(a, b)] if a in known and b in known else []
        if not sides:
            names = ", ".join(repr(name) for name in known)
            raise ValueError(f"cannot compare {a!r} with {b!r}; (strategy, setting) are {names}")
        yield from sides


def difference(a: pd.Series, b: pd.Series, test_to_train: float = 0.0) -> Estimate:
    """a - b over replicates; both have the same runs as index: seeds, or (tissue, seed)."""
    tissues = a.index.get_level_values("tissue") if "tissue" in a.index.names else None
    return estimate(a.to_numpy() - b.to_numpy(), tissues, test_to_train)


def _compare(a: pd.Series, b: pd.Series, test_to_train: float) -> dict[str, Any]:
    if a.empty:
        names = ("mean_a", "mean_b", "difference", "low", "high", "d_z", "g", "p", "p_smallest")
        return {"n": 0, "over": SEEDS, **dict.fromkeys(names, float("nan"))}
    estimated = difference(a, b, test_to_train)
    deviation = np.std(estimated.values, ddof=1) if estimated.n > 1 else np.nan
    alike = not deviation > 1e-12 * abs(estimated.mean)  # no spread to measure the mean by
    d_z = np.nan if alike else estimated.mean / deviation
    seeds_alone = estimated.over == SEEDS
    return {
        "n": estimated.n,
        "over": estimated.over,
        "mean_a": a.mean(),
        "mean_b": b.mean(),
        "difference": estimated.mean,
        "low": estimated.low,
        "high": estimated.high,
        "d_z": d_z,
        "g": d_z * hedges(estimated.n),
        "p": sign_flip(estimated.values) if seeds_alone else estimated.p,
        "p_smallest": _least_p(estimated.n) if seeds_alone else np.nan,
    }


def _least_p(seeds_: int) -> float:
    """What p cannot fall below, whatever the differences are."""
    return 2 / 2**seeds_ if seeds_ <= EXACT else 1 / (FLIPS + 1)


def hedges(n: int) -> float:
    """What d_z of n differences is multiplied with to be right on average (Hedges 1981).

    J = gamma(m / 2) / (sqrt(m / 2) gamma((m - 1) / 2)) with m = n - 1: 0.80 for five seeds, 0.92
    for ten. NaN below three.
    """
    m = n - 1
    if m < 2:
        return float("nan")
    return math.exp(math.lgamma(m / 2) - math.lgamma((m - 1) / 2)) / math.sqrt(m / 2)


def sign_flip(differences: Sequence[float] | np.ndarray) -> float:
    """Two-sided p of a mean difference, by flipping signs (Fisher 1935, section 21).

    If a and b did not differ, each seed's a - b could as well have been b - a. p is the share of
    all 2^n ways to flip the signs whose mean is at least as far from 0 as the one seen; the
    signs as they are and all of them flipped are two such ways, so p is at least 2 / 2^n. Above
    16 seeds, 100,000 flips are drawn and p = (hits + 1) / (draws + 1) (Phipson and Smyth 2010).
    """
    d = np.asarray(differences, dtype=np.float64)
    n = len(d)
    if not n or not np.isfinite(d).all():
        raise ValueError(f"the test needs finite differences, at least one; not {d.tolist()}")
    drawn = n > EXACT
    if drawn:
        signs = seeds.numpy_generator(0, "sign flips", n).integers(0, 2, (FLIPS, n)) * 2.0 - 1
    else:
        signs = 1.0 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
    rounding = 1e-12 * np.abs(d).sum()  # equal sums may differ in their last digits
    hits = np.abs(signs @ d) >= abs(d.sum()) - rounding
    return float((hits.sum() + drawn) / (len(signs) + drawn))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """p-values corrected for being several: float64, in the order given (Holm 1979).

    The smallest of m is multiplied by m, the next by m - 1, and so on; none falls below one
    before it, nor rises above 1. NaN stays NaN and is not counted.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)[: np.isfinite(p).sum()]  # NaN is sorted last
    corrected = np.full(len(p), np.nan)
    steps = p[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected
