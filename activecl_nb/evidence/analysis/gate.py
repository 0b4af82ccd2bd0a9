"""The gate: does the encoder see? Before that is shown, no comparison of picks says anything."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from activecl_nb.evidence.analysis.tables import BENCHMARK, by_columns, last
from activecl_nb.evidence.analysis.tissues import Estimate, estimate, tested_share

# What the gate is asked in: by task, the first that the runs have.
SCORES = ("probe_auroc", "probe_r2", "probe_dice")
ON_REAL, ON_PHANTOM = 0.05, 0.03  # of it, by which an encoder must beat what needs no training
WHO = (BENCHMARK, "random")


@dataclass(frozen=True)
class Margin:
    """By how much one strategy is above one floor, over tissues."""

    strategy: str
    floor: str
    above: Estimate
    level: float


@dataclass(frozen=True)
class Gate:
    """What was asked of a grid's setting, and whether it holds.

    margins: empty where neither benchmark nor random has a finished run.
    missing: those of benchmark and random that have no finished run there.
    score: what was asked for, as a floor's column is called.
    rounds: how many random picks were scored in. sees_from: the first of them from which on their
    encoder stays as far above every floor as is asked for; None where it does in no round.
    """

    needed: float
    margins: tuple[Margin, ...]
    missing: tuple[str, ...] = ()
    score: str = "auroc"
    rounds: int = 0
    sees_from: int | None = None

    @property
    def tested(self) -> bool:
        return bool(self.margins)

    @property
    def failed(self) -> tuple[Margin, ...]:
        return tuple(one for one in self.margins if not one.above.mean >= self.needed)

    @property
    def open(self) -> bool:
        """Whether comparisons may be judged: the gate holds, or could not be tested yet."""
        return not self.failed


def drawn(source: str) -> bool:
    """Whether a source's patches are drawn."""
    return source == "phantom"


def gate(rounds: pd.DataFrame, floors: pd.DataFrame, source: str) -> Gate:
    """Hold benchmark and random, after their last round, against every floor of their own run.

    rounds: of one setting. floors: columns run, floor and scores. source: of the tissue; the
    phantom asks for less than real tissue. The margin is the mean over tissues of the AUROC (of
    another task R² or Dice) by the fitted probe, less that of colour moments and of an untrained
    encoder under the same probe and labels.
    """
    needed = ON_PHANTOM if drawn(source) else ON_REAL
    column = next(name for name in SCORES if name in rounds and rounds[name].notna().any())
    score = column.removeprefix("probe_")
    ends = last(rounds, column)
    run = by_columns(ends, "strategy", "seed", "tissue")
    ends = ends.merge(rounds[[*run, "run"]].drop_duplicates(), on=run)
    of_floors = floors[["run", "floor", score]].rename(columns={score: "of_floor"})
    margins = []
    for strategy in WHO:
        beside_floors = ends[ends["strategy"] == strategy].merge(of_floors, on="run")
        for floor, group in beside_floors.groupby("floor", sort=False):
            differences = group["last"] - group["of_floor"]
            above = estimate(differences, group.get("tissue"), tested_share(group))
            margins.append(Margin(strategy, str(floor), above, float(group["last"].mean())))
    tested = {margin.strategy for margin in margins}
    missing = tuple(name for name in WHO if name not in tested)
    at_random = rounds[rounds["strategy"] == "random"]
    sees_from = _sees_from(at_random, of_floors, column, needed)
    n = at_random["round"].nunique()
    return Gate(needed, tuple(margins), missing, score, n, sees_from)


def _sees_from(
    rounds: pd.DataFrame, of_floors: pd.DataFrame, column: str, needed: float
) -> int | None:
    """The first round from which on the mean score stays ``needed`` above every floor.

    What was picked up to then was picked by an encoder that hardly sees.
    """
    both = rounds.merge(of_floors, on="run")
    if both.empty:
        return None
    both["above"] = both[column] - both["of_floor"]
    by_tissue = both.groupby(by_columns(both, "floor", "round", "tissue"))["above"].mean()
    least = by_tissue.groupby(["floor", "round"]).mean().groupby("round").min()
    blind = least.index[least < needed]
    seeing = least.index if blind.empty else least.index[least.index > blind.max()]
    return None if seeing.empty else int(seeing[0])
