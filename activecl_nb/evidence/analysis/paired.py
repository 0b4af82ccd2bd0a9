"""Comparisons run by run: differences with their intervals, p by flipping signs, Holm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from activecl_nb import seeds
from activecl_nb.evidence.analysis.tables import by_columns, checked
from activecl_nb.evidence.analysis.tissues import Estimate, estimate, tested_share

EXACT = 16  # up to so many seeds every sign flip is tried, beyond it a sample of them
FLIPS = 100_000


def paired(values: pd.DataFrame, rival: str, metric: str) -> pd.DataFrame:
    """Every other strategy less the rival, in each setting that has both: a row a comparison.

    Run by run: those of one seed and tissue share their split and first subset; runs that one side
    lacks, or whose value is NaN, do not count.
    values: a row a run, such as ``last``, ``area`` or ``found`` give.

    Columns: a (the other strategy), setting ("" where there is none), n (replicates) and over
    (what they are), difference, low, high and values (the mean, its ends, and that of each
    replicate; see ``estimate``).
    ValueError: several values for one run.
    """
    values = checked(values, "strategy", "seed", metric)
    of_side, share, rows = _by_side(values, metric), tested_share(values), []
    for (a, setting), left in of_side.items():
        if a == rival or (rival, setting) not in of_side:
            continue
        left, right = left.align(of_side[rival, setting])
        known = np.isfinite(left - right)
        if known.any():
            found = difference(left[known], right[known], share)
            ends = found.mean, found.low, found.high
            rows.append((a, setting, found.n, found.over, *ends, found.values))
    columns = ["a", "setting", "n", "over", "difference", "low", "high", "values"]
    return pd.DataFrame(rows, columns=columns)


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


def difference(a: pd.Series, b: pd.Series, test_to_train: float = 0.0) -> Estimate:
    """a - b over replicates; both have the same runs as index: seeds, or (tissue, seed)."""
    tissues = a.index.get_level_values("tissue") if "tissue" in a.index.names else None
    return estimate(a.to_numpy() - b.to_numpy(), tissues, test_to_train)


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
