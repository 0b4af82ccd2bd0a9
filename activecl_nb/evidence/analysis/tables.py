"""Rounds as tables: a row a round, scores along a run, means with their intervals.

A study adds the column ``setting`` to a table (a dial and its value, such as
"tumour_share=0.05"; "" for the default). Where it is there, every function keeps the settings
apart, and its result has the column too: written [setting] below.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from activecl_nb.evidence.analysis.tissues import estimate, tested_share
from activecl_nb.protocol import BENCHMARK

if TYPE_CHECKING:
    from activecl_nb.runs import Run

    Runs: TypeAlias = Iterable[Run] | pd.DataFrame  # runs, or the table made of them
MORE_F1 = ("f1_same_proxy", "f1_best")  # at the end and at best, as ``Run.table`` names them


def table(runs: Runs) -> pd.DataFrame:
    """A row a round of every run: strategy, seed, [setting], round, images, work so far, scores.

    ``image_epochs_so_far`` and ``seconds_so_far`` (of the processor where they were taken, else of
    the clock; training and choosing, for scoring is not what a method costs) add up the rounds up
    to this one. A table already made is returned as it is,
    with these two where they are missing.

    ValueError: no runs, or a table without strategy, seed or round. A warning says where runs were
    made on other machines or with other versions.
    """
    if isinstance(runs, pd.DataFrame):
        return _with_work(checked(runs, "strategy", "seed", "round"))
    runs = list(runs)
    if said := made_apart(run.environment for run in runs):
        warnings.warn(said, stacklevel=2)
    parts = [run.table().assign(strategy=run.strategy, seed=run.seed) for run in runs]
    if not parts:
        raise ValueError("no runs to tabulate; give at least one")
    rounds = pd.concat(parts, ignore_index=True)
    ahead = ["strategy", "seed"]
    return _with_work(rounds[ahead + [c for c in rounds if c not in ahead]])


def made_apart(environments: Iterable[Mapping[str, Any]]) -> str:
    """In what the environments of runs that are compared differ, in words; "" where in nothing.

    environments: as ``runs.environment`` gives them; empty where a run does not know.
    """
    known = [environment for environment in environments if environment]
    values = {
        name: dict.fromkeys(str(environment.get(name, "not known")) for environment in known)
        for name in dict.fromkeys(itertools.chain(*known))
    }
    differ = [f"{name}: {' or '.join(each)}" for name, each in values.items() if len(each) > 1]
    if not differ:
        return ""
    return (
        f"these runs were not all made alike ({'; '.join(differ)}): rounding is another there, "
        "which alone can change picks and scores"
    )


def _with_work(rounds: pd.DataFrame) -> pd.DataFrame:
    ordered = rounds.sort_values("round", kind="stable")
    runs = [ordered[name] for name in by_columns(rounds, *RUN)]
    # Other programs lengthen the seconds of a clock, and not those of a processor.
    processor = "seconds_processor" in rounds and rounds["seconds_processor"].notna().all()
    costs = {
        "image_epochs_so_far": ["image_epochs"],
        "seconds_so_far": ["seconds_processor"]
        if processor
        else ["seconds_train", "seconds_select"],
    }
    for name, parts in costs.items():
        if name not in rounds and set(parts) <= set(rounds):
            # Assigned by index, so each sum lands on its own round.
            rounds[name] = ordered[parts].sum(axis=1).groupby(runs).cumsum()
    return rounds


def checked(frame: pd.DataFrame, *needed: str) -> pd.DataFrame:
    """A copy with rows numbered anew and no missing settings (a CSV file loses the empty ones)."""
    missing = [name for name in needed if name not in frame]
    if missing:
        raise ValueError(
            f"the table lacks {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}"
        )
    if frame.empty:
        raise ValueError("the table has no rows; give at least one run")
    frame = frame.reset_index(drop=True)
    for name in ("setting", "tissue"):
        if name in frame:
            texts = frame[name].astype(object)
            frame[name] = texts.where(texts.notna(), "")
    return frame


OPTIONAL = ("setting", "tissue", "test_to_train")  # columns that a study adds
RUN = ("strategy", "seed", "tissue", "test_to_train", "setting")  # what names a run


def by_columns(frame: pd.DataFrame, *names: str) -> list[str]:
    """Those of these columns that the table has; only what a study adds may be missing."""
    return [name for name in names if name in frame or name not in OPTIONAL]


def each_run(rounds: pd.DataFrame) -> Iterator[tuple[tuple, pd.DataFrame]]:
    """The values of ``RUN`` and the run's rows, in the order of its rounds."""
    for key, run in rounds.groupby(by_columns(rounds, *RUN), sort=False):
        yield key, run.sort_values("round", kind="stable")


def over_replicates(group: pd.DataFrame, metric: str) -> tuple[float, float, float, int]:
    """Mean, ends and number of replicates of a column: see ``tissues.estimate``."""
    overall = estimate(group[metric], group.get("tissue"), tested_share(group))
    return overall.mean, overall.low, overall.high, overall.n


def curve(runs: Runs, score: str = "f1", x: str = "images") -> pd.DataFrame:
    """Mean score and 95% interval over replicates, for every strategy and round.

    Columns: strategy, [setting], round, ``x`` (its mean over seeds), mean, low, high, seeds.
    """
    rounds, rows = table(runs), []
    by = by_columns(rounds, "strategy", "setting", "round")
    for key, group in rounds.groupby(by, sort=False):
        rows.append((*key, group[x].mean(), *over_replicates(group, score)))
    return pd.DataFrame(rows, columns=[*by, x, "mean", "low", "high", "seeds"])


def last(runs: Runs, score: str = "f1") -> pd.DataFrame:
    """The score after each run's last round, and the best of all its rounds.

    The best is chosen with the test set in view, so it flatters; the more rounds, the more.
    Columns: strategy, seed, [setting], round (the last), last, best; see ``judged_by``.
    """
    rounds = table(runs)
    at_end, at_best = judged_by(rounds, score)
    rows = [
        (*key, run["round"].iloc[-1], run[at_end].iloc[-1], run[at_best].max())
        for key, run in each_run(rounds)
    ]
    by = by_columns(rounds, *RUN)
    return pd.DataFrame(rows, columns=[*by, "round", "last", "best"])


def judged_by(rounds: pd.DataFrame, score: str = "f1") -> tuple[str, str]:
    """The columns that hold a score at a run's end, and at its best.

    They differ from ``score`` for F1 alone, of which ``Run.table`` knows more. The paper trains
    the benchmark's proxy five times as long as a loop's (section III-B), and reports its best
    proxy epoch (section III-D). So the best is taken of all proxy epochs, as there; and the last
    after as many as the loop's, so that the two differ in their encoders and in nothing else.
    """
    if score == "f1" and set(MORE_F1) <= set(rounds):
        return MORE_F1
    return score, score


def area(runs: Runs, score: str = "f1", x: str = "images") -> pd.DataFrame:
    """Area under each run's learning curve over its width: a mean score along ``x``.

    By the trapezoid rule, sum of (x[t+1] - x[t]) (s[t] + s[t+1]) / 2, divided by x[T] - x[0], so
    in units of the score. Areas compare when the runs span the same ``x``: images do within a
    protocol, seconds do not. NaN where a run has no width: a single round, or the benchmark by
    images. Columns: strategy, seed, [setting], area.
    """
    from scipy.integrate import trapezoid

    rounds, rows = table(runs), []
    for key, run in each_run(rounds):
        along, scores = run[x].to_numpy(float), run[score].to_numpy(float)
        width = along[-1] - along[0]
        rows.append((*key, trapezoid(scores, along) / width if width else np.nan))
    return pd.DataFrame(rows, columns=[*by_columns(rounds, *RUN), "area"])


def spread(values: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean and 95% interval over seeds of a value that each run has one of.

    values: a row a run, such as ``last``, ``area`` or ``found`` give. A run without its value
    (NaN) leaves its strategy without a mean: the mean of those that got there says nothing about
    all. Columns: strategy, [setting], mean, low, high, seeds.
    """
    values = checked(values, "strategy", "seed", metric)
    by = by_columns(values, "strategy", "setting")
    rows = [
        (*key, *over_replicates(group, metric)) for key, group in values.groupby(by, sort=False)
    ]
    return pd.DataFrame(rows, columns=[*by, "mean", "low", "high", "seeds"])


def band(runs: Runs, score: str = "f1") -> pd.DataFrame:
    """The benchmark's band: mean and 95% interval over seeds of its last and its best score.

    Columns: [setting], variant ("last" or "best"), mean, low, high, seeds.
    ValueError: there is no benchmark among the runs.
    """
    ends = last(benchmarks_of(table(runs)), score)
    parts = [spread(ends, variant).assign(variant=variant) for variant in ("last", "best")]
    variants = pd.concat(parts, ignore_index=True)
    return variants[[*by_columns(variants, "setting"), "variant", "mean", "low", "high", "seeds"]]


def benchmarks_of(rounds: pd.DataFrame) -> pd.DataFrame:
    benchmarks = rounds[rounds["strategy"] == BENCHMARK]
    if benchmarks.empty:
        strategies = ", ".join(dict.fromkeys(rounds["strategy"]))
        raise ValueError(f"no run of the benchmark among {strategies}; add one")
    return benchmarks
