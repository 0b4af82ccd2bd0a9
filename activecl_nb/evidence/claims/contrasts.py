"""The contrasts that a study declared before its runs: estimated over tissues, and judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from activecl_nb.evidence import analysis
from activecl_nb.evidence.claims.claim import CANNOT_TELL
from activecl_nb.evidence.claims.metrics import PROBE, SCORES, described, per_run, runs_of, scored
from activecl_nb.evidence.claims.rule import BLIND, SURE, Grids
from activecl_nb.evidence.study import Contrast, Stored

AHEAD, NO_DIFFERENCE = "ahead", "no difference"
WAITS = "{finished} of {planned} runs are finished; it is judged when all are"
TOO_FEW = "too few pairs of runs to compare"


@dataclass(frozen=True)
class Judged:
    """What a contrast's runs say.

    estimate: of a - b; None before all runs of both that the study plans are finished: a look on
    the way, and another at the end, would be two chances to find something by luck. p: of the
    estimate's t, corrected by Holm where it is one of several primary contrasts. says: the verdict
    in words. begun: whether any of these runs is finished.
    detectable: the smallest difference that these runs would have shown with 80% power, at the
    level that the contrast is tested at. score: the column that was there to measure.
    """

    contrast: Contrast
    estimate: analysis.Estimate | None
    p: float
    says: str
    detectable: float
    score: str
    source: str
    setting: str
    begun: bool

    @property
    def real(self) -> bool:
        return self.source not in ("phantom", "")

    @property
    def measure(self) -> str:
        """What was compared, in words."""
        words, _, _ = described(self.contrast.metric, self.score)
        older = self.score != self.contrast.score and self.contrast.score.startswith(PROBE)
        return f"{words}{' (these runs have no probe)' if older else ''}"

    @property
    def unit(self) -> str:
        return SCORES[self.score]


def judge(contrasts: Sequence[Contrast], stored: Stored) -> list[Judged]:
    """Every contrast, in the order declared; those that are primary are corrected together."""
    grids = Grids.of(stored)
    found = [_estimated(one, grids) for one in contrasts]
    p = np.array([np.nan if one is None else one.p for one, _ in found])
    primary = np.array([one.primary for one in contrasts], dtype=bool)
    p[primary] = analysis.holm(p[primary])
    level = SURE / max(1, int(primary.sum()))
    return [
        _judged(contrast, one, float(mine), score, grids, level if contrast.primary else SURE)
        for contrast, (one, score), mine in zip(contrasts, found, p, strict=True)
    ]


def _estimated(one: Contrast, grids: Grids) -> tuple[analysis.Estimate | None, str]:
    """a - b over tissues, and the score that was there."""
    try:
        rounds, _ = runs_of(grids, one.sides[0])
        score = scored(rounds, one.score) if len(rounds) else one.score
        left, right = (per_run(grids, side, one.metric, one.score) for side in one.sides)
    except ValueError as error:
        raise ValueError(f"contrast {one.id!r}: {error}") from error
    both = sorted(set(left.dropna().index) & set(right.dropna().index))
    if len(both) < 2 or not _runs_of(one, grids)["finished"].all():
        return None, score
    share = analysis.tested_share(grids.grid(one.grid).rounds)
    return analysis.difference(left[both], right[both], share), score


def _runs_of(one: Contrast, grids: Grids) -> pd.DataFrame:
    """The lines of the plan that the contrast is about."""
    parts = []
    for side in one.sides:
        planned = grids.grid(side["grid"]).planned
        mine = (planned["strategy"] == side["strategy"]) & (planned["setting"] == side["setting"])
        parts.append(planned[mine])
    return pd.concat(parts).drop_duplicates("run")


def _judged(
    contrast: Contrast,
    found: analysis.Estimate | None,
    p: float,
    score: str,
    grids: Grids,
    level: float,
) -> Judged:
    planned, detectable = _runs_of(contrast, grids), np.nan
    finished = int(planned["finished"].sum())
    gates = [grids.gates.get((side["grid"], side["setting"])) for side in contrast.sides]
    if found is None:
        waits = WAITS.format(finished=finished, planned=len(planned))
        says = TOO_FEW if finished == len(planned) else waits
    elif any(gate is not None and not gate.open for gate in gates):
        says = BLIND
    else:
        detectable = analysis.smallest_effect(found.error, found.freedom, level=level)
        says = _said(contrast, found, p)
    return Judged(
        contrast,
        found,
        p,
        says,
        float(detectable),
        score,
        source=planned["source"].iloc[0],
        setting=contrast.setting,
        begun=finished > 0,
    )


def _said(contrast: Contrast, found: analysis.Estimate, p: float) -> str:
    if p < SURE:
        return f"{contrast.a if found.mean > 0 else contrast.b} {AHEAD}"
    if contrast.bound is not None:
        same = analysis.equivalence(found.mean, found.error, found.freedom, contrast.bound)
        if same < SURE:
            return f"{NO_DIFFERENCE} of {contrast.bound:g} or more"
    return CANNOT_TELL
