"""What it takes to reach a score; one that was never reached stays "not reached" (NaN)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from activecl_nb.evidence.analysis.tables import (
    BENCHMARK,
    RUN,
    benchmarks_of,
    by_columns,
    each_run,
    judged_by,
    table,
)

if TYPE_CHECKING:
    from activecl_nb.evidence.analysis.tables import Runs
COST = ["round", "images", "image_epochs_so_far", "seconds_so_far"]


def to_target(runs: Runs, target: float) -> pd.DataFrame:
    """What each run had spent when its F1 first reached ``target``; NaN where it never did.

    Columns: strategy, seed, [setting], round, images, image_epochs_so_far, seconds_so_far.
    """
    rounds = table(runs)
    rows = [(*key, *_spent(run, target)) for key, run in each_run(rounds)]
    return pd.DataFrame(rows, columns=[*by_columns(rounds, *RUN), *COST])


def _spent(run: pd.DataFrame, target: float) -> Iterable[float]:
    reached = run[run["f1"] >= target]
    return reached.iloc[0][COST] if len(reached) else [np.nan] * len(COST)


def to_benchmark(runs: Runs, benchmarks: Runs | None = None) -> pd.DataFrame:
    """What each run had spent when it first reached the benchmark's F1 of its own seed.

    The target is the benchmark's F1 after its last round (variant "last"), or the best of
    its rounds ("best", the harder one), see ``judged_by``. ``images_spared``,
    ``image_epochs_spared`` and ``seconds_spared`` are 1 - spent / what the benchmark had spent at
    the round that set the target (the first of equal ones): the paper claims 0.93 of the images
    and 0.99 of the time.
    All are NaN where the target was never reached; ``target`` too where the seed (and setting)
    has no benchmark.

    benchmarks: where the benchmark's runs are, if not among ``runs``.

    Columns: strategy, seed, [setting], variant, target, round, images, image_epochs_so_far,
    seconds_so_far, images_spared, image_epochs_spared, seconds_spared.
    """
    rounds = table(runs)
    benchmark_rounds = benchmarks_of(rounds if benchmarks is None else table(benchmarks))
    by = by_columns(rounds, *RUN)
    of_seed = {key[1:]: run for key, run in each_run(benchmark_rounds)}
    at_end, at_best = judged_by(benchmark_rounds, "f1")
    rows = []
    for key, run in each_run(rounds[rounds["strategy"] != BENCHMARK]):
        rival = of_seed.get(key[1:])
        for variant, column in (("last", at_end), ("best", at_best)):
            if rival is None:
                rows.append((*key, variant, *[np.nan] * 8))
                continue
            end = rival.iloc[-1 if variant == "last" else int(np.argmax(rival[column]))]
            spent = np.array([*_spent(run, end[column])], dtype=float)
            spared = 1 - spent[1:] / end[COST[1:]].to_numpy(float)
            rows.append((*key, variant, end[column], *spent, *spared))
    names = ["images_spared", "image_epochs_spared", "seconds_spared"]
    return pd.DataFrame(rows, columns=[*by, "variant", "target", *COST, *names])
