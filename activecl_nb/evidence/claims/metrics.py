"""A value for each run: what measures compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from activecl_nb.evidence import analysis
from activecl_nb.evidence.analysis.tables import by_columns
from activecl_nb.evidence.study import Stored

Side: TypeAlias = str | Mapping[str, str]  # a strategy, or {strategy, setting, grid}

SCORES = {
    "f1": "F1",
    "auroc": "AUROC",
    "average_precision": "average precision",
    "f1_threshold": "F1 at a threshold set on S_L",
    "r2": "R²",
    "mae": "mean absolute error",
    "spearman": "rank correlation",
    "dice": "Dice",
    "iou": "IoU",
    "probe_f1": "F1 of the probe",
    "probe_auroc": "AUROC of the probe",
    "probe_average_precision": "average precision of the probe",
    "probe_f1_threshold": "F1 of the probe at a threshold set on S_L",
    "probe_r2": "R² of the probe",
    "probe_mae": "mean absolute error of the probe",
    "probe_spearman": "rank correlation of the probe",
    "probe_dice": "Dice of the probe",
    "probe_iou": "IoU of the probe",
}


@dataclass(frozen=True)
class Metric:
    """A value that each run has one of.

    of: (rounds, picks, score) -> one value a run, as a series over (tissue, seed).
    """

    of: Callable[[pd.DataFrame, pd.DataFrame, str], pd.Series]
    words: str
    unit: str
    digits: int = 3
    needs_picks: bool = False


def run_keys(frame: pd.DataFrame) -> list[str]:
    """The columns that tell one strategy's runs of a setting apart."""
    return by_columns(frame, "tissue", "seed")


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    return frame.set_index(run_keys(frame))[name]


def _found(column: str, times: float) -> Callable[..., pd.Series]:
    def of(rounds: pd.DataFrame, picks: pd.DataFrame, score: str) -> pd.Series:
        found = analysis.found(picks)
        if column not in found:
            raise ValueError(f"the stored picks do not know {column}")
        return times * _column(found, column)

    return of


def _evenness(rounds: pd.DataFrame, picks: pd.DataFrame, score: str) -> pd.Series:
    """Entropy of the shares of the classes, over that of equal shares: 1 is even, 0 one class."""
    later = picks[picks["round"] > 0]
    classes = len(later["label"].cat.categories)

    def even(labels: pd.Series) -> float:
        shares = labels.value_counts(normalize=True).to_numpy()
        shares = shares[shares > 0]
        return float(-(shares * np.log(shares)).sum() / np.log(classes))

    return later.groupby(run_keys(later))["label"].apply(even)


def _chosen(rounds: pd.DataFrame, score: str) -> pd.Series:
    """Without the first round, whose subset is the same for every strategy."""
    later = rounds[rounds["round"] > 0]
    return later.groupby(run_keys(later))[score].mean()


METRICS: dict[str, Metric] = {
    "area": Metric(
        lambda rounds, picks, score: _column(analysis.area(rounds, score), "area"),
        "mean {score} along the learning curve",
        "{score}",
    ),
    "chosen": Metric(
        lambda rounds, picks, score: _chosen(rounds, score),
        "mean {score} over the rounds that a strategy chose",
        "{score}",
    ),
    "last": Metric(
        lambda rounds, picks, score: _column(analysis.last(rounds, score), "last"),
        "{score} after the last round",
        "{score}",
    ),
    "best": Metric(
        lambda rounds, picks, score: _column(analysis.last(rounds, score), "best"),
        "best {score} of all rounds",
        "{score}",
    ),
    "positives_per_100": Metric(
        _found("positive", 100), "tumours in 100 picks", "tumours in 100 picks", 1, True
    ),
    "near_duplicate": Metric(
        _found("near_duplicate", 100), "near-duplicates in 100 picks", "in 100 picks", 1, True
    ),
    "artefact": Metric(
        _found("artefact", 100), "spoiled patches in 100 picks", "in 100 picks", 1, True
    ),
    "evenness": Metric(_evenness, "evenness of the picks over the classes (0 to 1)", "", 3, True),
}


def per_run(stored: Stored, side: Side, metric: str, score: str = "f1") -> pd.Series:
    """The metric of each finished run of one side: a series over runs, empty if there is none.

    ValueError: the study has no such grid, strategy or setting, or there is no such metric or
    score.
    """
    if metric not in METRICS:
        raise ValueError(f"no metric is called {metric!r}; there are {', '.join(METRICS)}")
    known(score, SCORES)

    def made() -> pd.Series:
        rounds, picks = runs_of(stored, side)
        if rounds.empty or (METRICS[metric].needs_picks and picks.empty):
            return pd.Series(dtype=float)
        if score not in rounds:
            raise ValueError(f"these runs have no {SCORES[score]}")
        return METRICS[metric].of(rounds, picks, score).astype(float)

    return once(stored, ("per run", str(side), metric, score), made)


def once(stored: Stored, key: tuple, made: Callable[[], Any]) -> Any:
    """What comes of it; made a single time where the study remembers (``rule.Grids``)."""
    memory = getattr(stored, "memory", {})
    if key not in memory:
        memory[key] = made()
    return memory[key]


def runs_of(stored: Stored, side: Side, grid: str = "") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rounds and picks of one strategy in one setting."""
    side = {"strategy": side} if isinstance(side, str) else dict(side)
    unknown = set(side) - {"strategy", "setting", "grid"}
    if unknown or not (grid or "grid" in side):
        raise ValueError(f"{side} should have a strategy, a grid and perhaps a setting")
    cut_out = stored.grid(side.get("grid", grid))
    planned_rows = cut_out.planned[cut_out.planned["strategy"] == side.get("strategy")]
    if planned_rows.empty:
        strategies = ", ".join(dict.fromkeys(cut_out.planned["strategy"]))
        raise ValueError(f"no strategy {side.get('strategy')!r} there; it has {strategies}")
    settings = list(dict.fromkeys(planned_rows["setting"]))
    setting = side.get("setting", own_setting(settings))
    if setting not in settings:
        what = f"no setting {setting!r} there" if setting else "a setting must be named"
        raise ValueError(f"{what}; it has {', '.join(settings)}")

    def made() -> tuple[pd.DataFrame, pd.DataFrame]:
        parts = []
        for table in (cut_out.rounds, cut_out.picks):
            if "strategy" not in table:  # runs that are not stored bring no table of picks
                parts.append(table)
                continue
            of_side = (table["strategy"] == side["strategy"]) & (table["setting"] == setting)
            parts.append(table[of_side].reset_index(drop=True))
        return parts[0], parts[1]

    place = side.get("grid", grid), side["strategy"], setting
    return once(stored, ("runs", *place), made)


def own_setting(settings: list[str]) -> str | None:
    """The setting that is meant where none is named: the profile's own, or the only one."""
    return "" if "" in settings else settings[0] if len(settings) == 1 else None


def in_grid(grid: str, side: Side) -> dict[str, str]:
    """The side with the claim's grid, where it names none of its own."""
    side = {"strategy": side} if isinstance(side, str) else dict(side)
    return {"grid": grid, **side} if grid else side


def name_of(side: Side) -> str:
    if isinstance(side, str):
        return side
    where = side.get("setting") or (f"grid “{side['grid']}”" if "grid" in side else "")
    return side["strategy"] + (f" ({where})" if where else "")


def described(metric: str, score: str) -> tuple[str, str, int]:
    """Words, unit and digits of a metric."""
    known(metric, METRICS)
    named = SCORES[known(score, SCORES)]
    chosen = METRICS[metric]
    return chosen.words.format(score=named), chosen.unit.format(score=named), chosen.digits


def known(name: str, names: Any) -> str:
    if name not in names:
        raise ValueError(f"{name!r} is unknown; there are {', '.join(names)}")
    return name
