"""Replicates are tissues: a mean over folds of patients, or over phantoms, with its interval.

Seeds of one tissue share its images, so an interval over seeds speaks of that tissue alone. Folds
share most of their training images with one another, so a plain t over them is too narrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

SEEDS, FOLDS, PHANTOMS = "seeds", "folds", "phantoms"


@dataclass(frozen=True)
class Estimate:
    """A mean over replicates, and how sure it is.

    mean, low, high: with the ends of its interval; NaN ends where there is one replicate.
    error, freedom: its standard error, and the degrees of freedom of its t.
    p: two-sided, that it is 0.
    over: what the replicates are: "seeds" (of one tissue), "folds" or "phantoms".
    values: the mean of each replicate, in their order. runs: how many values went into it.
    """

    mean: float
    low: float
    high: float
    error: float
    freedom: int
    p: float
    over: str
    values: tuple[float, ...]
    runs: int

    @property
    def n(self) -> int:
        return len(self.values)


def estimate(
    values: ArrayLike,
    tissues: Sequence[str] | None = None,
    test_to_train: float = 0.0,
) -> Estimate:
    """Mean and 95% interval of values, one a run, over what its replicates are.

    values: (n,). tissues: the tissue of each, such as "fold 3" or "phantom 7"; none, or one for
    all, means that seeds are the replicates. test_to_train: images tested over images trained on
    in a fold; 0 stands for 1 / (folds - 1), as where all folds are equal.

    Over seeds, and over phantoms (each the mean of its seeds): Student's t of the replicates. Over
    folds: the corrected resampled t of Nadeau and Bengio (2003) on the J cells of fold and seed,
    whose variance is s^2 (1 / J + n_test / n_train), with J - 1 degrees of freedom.
    """
    values = np.asarray(values, dtype=np.float64)
    tissues = [""] * len(values) if tissues is None else [str(one) for one in tissues]
    means = pd.Series(values).groupby(pd.Series(tissues), sort=False).mean()
    over = kind_of_replicates(means.index)
    if over == SEEDS:
        return _by_t(values, values, SEEDS, len(values))
    if over == FOLDS:
        overlap = test_to_train or 1 / (len(means) - 1)
        return _by_t(values, means, FOLDS, len(values), overlap)
    return _by_t(means, means, PHANTOMS, len(values))


def kind_of_replicates(tissues: Iterable[str]) -> str:
    """What the replicates are, by the names of their tissues: seeds where there is one alone."""
    names = set(tissues)
    if len(names) < 2:
        return SEEDS
    return FOLDS if all(name.startswith("fold") for name in names) else PHANTOMS


def _by_t(
    cells: ArrayLike,
    replicates: ArrayLike,
    over: str,
    runs: int,
    overlap: float = 0.0,
) -> Estimate:
    from scipy import stats

    cells = np.asarray(cells, dtype=np.float64)
    mean, count, nan = float(cells.mean()) if len(cells) else float("nan"), len(cells), float("nan")
    kept = tuple(float(one) for one in np.asarray(replicates))
    if count < 2:
        return Estimate(mean, nan, nan, nan, 0, nan, over, kept, runs)
    error = float(np.sqrt(cells.var(ddof=1) * (1 / count + overlap)))
    half = error * stats.t.ppf(0.975, count - 1)
    p = float(2 * stats.t.sf(abs(mean) / error, count - 1)) if error else nan
    return Estimate(
        mean, float(mean - half), float(mean + half), error, count - 1, p, over, kept, runs
    )


def smallest_effect(error: float, freedom: int, *, level: float = 0.05) -> float:
    """The least true difference that a two-sided t test would have shown with 80% power.

    By the noncentral t: with a difference d, t has the noncentrality d / error. In the units of
    ``error``, the standard error; NaN where there is none.
    """
    from scipy import optimize, stats

    if not (np.isfinite(error) and freedom > 0):
        return float("nan")
    if not error:
        return 0.0
    critical = stats.t.ppf(1 - level / 2, freedom)

    def shown(away: float) -> float:
        return stats.nct.sf(critical, freedom, away) - 0.8  # the other side adds next to nothing

    far = critical + 1
    while shown(far) < 0:
        far *= 1.5
    return float(error * optimize.brentq(shown, 0, far))


def equivalence(mean: float, error: float, freedom: int, bound: float) -> float:
    """p of "the difference is ``bound`` or more, in either direction": two one-sided t tests.

    Below 0.05 the two are equivalent within the bound (Schuirmann 1987); as much says that the
    90% interval lies between -bound and bound.
    """
    from scipy import stats

    if not (np.isfinite(error) and error > 0 and freedom > 0):
        return float("nan")
    above = stats.t.sf((mean + bound) / error, freedom)
    below = stats.t.cdf((mean - bound) / error, freedom)
    return float(max(above, below))


def tested_share(rounds: pd.DataFrame) -> float:
    """Images tested over images trained on, the mean over runs; 0 where that is not known."""
    if "test_to_train" not in rounds or rounds.empty:
        return 0.0
    return float(rounds["test_to_train"].mean())
