"""What the runs say: curves with their spread, work done, what was picked.

Runs in, pandas tables out; ``figures`` draws them. A score that was never reached stays "not
reached" (NaN) and is not replaced by the last one there was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from activecl_nb.experiment import Protocol, Run
    from activecl_nb.tissue import Tissue


def table(runs: Iterable[Run]) -> pd.DataFrame:
    """A row a round of every run: strategy, seed, round, images, work so far, scores.

    ``image_epochs_so_far`` and ``seconds_so_far`` (training and choosing; scoring is not what a
    method costs) add up the rounds up to this one.
    """
    parts = []
    for run in runs:
        rounds = run.table()
        rounds.insert(0, "strategy", run.strategy)
        rounds.insert(1, "seed", run.seed)
        rounds["image_epochs_so_far"] = rounds["image_epochs"].cumsum()
        rounds["seconds_so_far"] = (rounds["seconds_train"] + rounds["seconds_select"]).cumsum()
        parts.append(rounds)
    if not parts:
        raise ValueError("no runs to tabulate; give at least one")
    return pd.concat(parts, ignore_index=True)


def interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean and the ends of Student's t interval for it; the ends are NaN for a single value."""
    from scipy import stats

    values = np.asarray(values, dtype=np.float64)
    mean = float(values.mean())
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    half = stats.sem(values) * stats.t.ppf((1 + confidence) / 2, len(values) - 1)
    return mean, float(mean - half), float(mean + half)


def curve(runs: Iterable[Run], score: str = "f1", x: str = "images") -> pd.DataFrame:
    """Mean score and 95% interval over seeds, for every strategy and round.

    Columns: strategy, round, ``x`` (its mean over seeds), mean, low, high, seeds.
    """
    rows = []
    for (strategy, number), group in table(runs).groupby(["strategy", "round"], sort=False):
        mean, low, high = interval(group[score])
        rows.append((strategy, number, group[x].mean(), mean, low, high, len(group)))
    return pd.DataFrame(rows, columns=["strategy", "round", x, "mean", "low", "high", "seeds"])


def to_target(runs: Iterable[Run], target: float, score: str = "f1") -> pd.DataFrame:
    """What each run had spent when its score first reached ``target``; NaN where it never did.

    Columns: strategy, seed, round, images, image_epochs_so_far, seconds_so_far.
    """
    spent = ["round", "images", "image_epochs_so_far", "seconds_so_far"]
    rows = []
    for (strategy, seed), group in table(runs).groupby(["strategy", "seed"], sort=False):
        reached = group[group[score] >= target]
        first = reached.iloc[0][spent] if len(reached) else [np.nan] * len(spent)
        rows.append((strategy, seed, *first))
    return pd.DataFrame(rows, columns=["strategy", "seed", *spent])


def composition(runs: Iterable[Run], train: Tissue) -> pd.DataFrame:
    """Classes of each round's picks as shares, the mean over seeds.

    Columns: strategy, round, and one for each class.
    """
    labels, rows = train.labels.numpy(), []
    for run in runs:
        for one in run.rounds:
            counts = np.bincount(labels[one.picked], minlength=len(train.class_names))
            rows.append((run.strategy, one.number, *counts / max(1, counts.sum())))
    shares = pd.DataFrame(rows, columns=["strategy", "round", *train.class_names])
    return shares.groupby(["strategy", "round"], sort=False, as_index=False).mean()


def overlap(runs: Sequence[Run]) -> pd.DataFrame:
    """How much the picks of two runs of one seed share: Jaccard index, without the first round.

    The first round is the same random draw for all strategies, so it says nothing.
    """
    names = [run.strategy for run in runs]
    picks = [set(run.chosen()[len(run.rounds[0].picked) :].tolist()) for run in runs]
    shares = [[len(a & b) / max(1, len(a | b)) for b in picks] for a in picks]
    return pd.DataFrame(shares, index=names, columns=names)


def work(protocol: Protocol, rounds: int | None = None) -> pd.DataFrame:
    """Image-epochs by arithmetic: how many image passes the loop and the benchmark cost.

    Round t trains on t x budget images for ``epochs`` epochs, so the cost of T rounds grows with
    T squared; the benchmark's is the whole pool times its epochs. Columns: what, images,
    image_epochs, share_of_benchmark.
    """
    pool = protocol.train_images - protocol.labelled
    whole = pool * protocol.benchmark_epochs
    rows = [
        (f"{t} rounds", t * protocol.budget, protocol.epochs * protocol.budget * t * (t + 1) // 2)
        for t in range(1, (rounds or protocol.rounds) + 1)
    ]
    rows.append(("benchmark", pool, whole))
    frame = pd.DataFrame(rows, columns=["what", "images", "image_epochs"])
    frame["share_of_benchmark"] = frame["image_epochs"] / whole
    return frame
