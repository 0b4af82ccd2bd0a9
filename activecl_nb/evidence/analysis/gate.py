"""The gate: does the encoder see? Before that is shown, no comparison of picks says anything."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from activecl_nb.evidence.analysis.tables import BENCHMARK, by_columns, last
from activecl_nb.evidence.analysis.tissues import Estimate, estimate, tested_share

SCORE = "probe_auroc"
ON_REAL, ON_PHANTOM = 0.05, 0.03  # AUROC by which an encoder must beat what needs no training
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
    """

    needed: float
    margins: tuple[Margin, ...]
    missing: tuple[str, ...] = ()

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


def gate(rounds: pd.DataFrame, floors: pd.DataFrame, source: str) -> Gate:
    """Hold benchmark and random, after their last round, against every floor of their own run.

    rounds: of one setting. floors: columns run, floor and scores. source: of the tissue; the
    phantom asks for less than real tissue. The margin is the mean over tissues of the AUROC by the
    fitted probe, less that of colour moments and of an untrained encoder under the same probe and
    labels.
    """
    needed = ON_PHANTOM if source in ("phantom", "") else ON_REAL
    if SCORE not in rounds or floors.empty or "auroc" not in floors:
        return Gate(needed, ())
    ends = last(rounds, SCORE)
    run = by_columns(ends, "strategy", "seed", "tissue")
    ends = ends.merge(rounds[[*run, "run"]].drop_duplicates(), on=run)
    margins = []
    for strategy in WHO:
        mine = ends[ends["strategy"] == strategy].merge(floors[["run", "floor", "auroc"]], on="run")
        for floor, group in mine.groupby("floor", sort=False):
            above = group["last"] - group["auroc"]
            one = estimate(above, group.get("tissue"), tested_share(group))
            margins.append(Margin(strategy, str(floor), one, float(group["last"].mean())))
    tested = {one.strategy for one in margins}
    return Gate(needed, tuple(margins), tuple(name for name in WHO if name not in tested))
