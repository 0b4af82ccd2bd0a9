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

    margins: empty where the runs have no floors (they are older, or of a foreign kit).
    missing: those of benchmark and random that have no finished run there.
    score: what was asked for, as a floor's column is called.
    """

    needed: float
    margins: tuple[Margin, ...]
    missing: tuple[str, ...] = ()
    score: str = "auroc"

    @property
    def tested(self) -> bool:
        return bool(self.margins)

    @property
    def failed(self) -> tuple[Margin, ...]:
        return tuple(one for one in self.margins if not one.above.mean >= self.needed)

    @property
    def open(self) -> bool:
        """Whether comparisons may be judged: the gate holds, or could not be tested."""
        return not self.failed


def drawn(source: str) -> bool:
    """Whether a source's patches are drawn; "" is of runs from before there was any other."""
    return source in ("phantom", "")


def gate(rounds: pd.DataFrame, floors: pd.DataFrame, source: str) -> Gate:
    """Hold benchmark and random, after their last round, against every floor of their own run.

    rounds: of one setting. floors: columns run, floor and scores. source: of the tissue; the
    phantom asks for less than real tissue. The margin is the mean over tissues of the AUROC (of
    another task R² or Dice) by the fitted probe, less that of colour moments and of an untrained
    encoder under the same probe and labels.
    """
    needed = ON_PHANTOM if drawn(source) else ON_REAL
    known = [name for name in SCORES if name in rounds and rounds[name].notna().any()]
    column = known[0] if known else SCORES[0]
    score = column.removeprefix("probe_")
    if not known or floors.empty or score not in floors:
        return Gate(needed, ())
    ends = last(rounds, column)
    run = by_columns(ends, "strategy", "seed", "tissue")
    ends = ends.merge(rounds[[*run, "run"]].drop_duplicates(), on=run)
    margins = []
    for strategy in WHO:
        of_strategy = ends[ends["strategy"] == strategy]
        beside_floors = of_strategy.merge(floors[["run", "floor", score]], on="run")
        for floor, group in beside_floors.groupby("floor", sort=False):
            differences = group["last"] - group[score]
            above = estimate(differences, group.get("tissue"), tested_share(group))
            margins.append(Margin(strategy, str(floor), above, float(group["last"].mean())))
    tested = {margin.strategy for margin in margins}
    missing = tuple(name for name in WHO if name not in tested)
    return Gate(needed, tuple(margins), missing, score)
