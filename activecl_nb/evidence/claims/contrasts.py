"""The contrasts that a study declared before its runs: estimated over tissues, and judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from activecl_nb.evidence import analysis
from activecl_nb.evidence.claims.claim import CANNOT_TELL
from activecl_nb.evidence.claims.metrics import SCORES, described, per_run
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
    level that the contrast is tested at.
    """

    contrast: Contrast
    estimate: analysis.Estimate | None
    p: float
    says: str
    detectable: float
    source: str
    setting: str
    begun: bool

    @property
    def real(self) -> bool:
        return not analysis.drawn(self.source)

    @property
    def measure(self) -> str:
        """What was compared, in words."""
        words, _, _ = described(self.contrast.metric, self.contrast.score)
        return words

    @property
    def unit(self) -> str:
        return SCORES[self.contrast.score]


def judge(contrasts: Sequence[Contrast], stored: Stored) -> list[Judged]:
    """Every contrast, in the order declared; those that are primary are corrected together."""
    grids = Grids.of(stored)
    estimated = [_estimated(contrast, grids) for contrast in contrasts]
    p = np.array([np.nan if estimate is None else estimate.p for estimate in estimated])
    primary = np.array([contrast.primary for contrast in contrasts], dtype=bool)
    p[primary] = analysis.holm(p[primary])
    level = SURE / max(1, int(primary.sum()))
    return [
        _judged(contrast, estimate, float(p_holm), grids, level if contrast.primary else SURE)
        for contrast, estimate, p_holm in zip(contrasts, estimated, p, strict=True)
    ]


def _estimated(contrast: Contrast, grids: Grids) -> analysis.Estimate | None:
    """a - b over tissues."""
    try:
        left, right = (
            per_run(grids, side, contrast.metric, contrast.score) for side in contrast.sides
        )
    except ValueError as error:
        raise ValueError(f"contrast {contrast.id!r}: {error}") from error
    common_runs = sorted(set(left.dropna().index) & set(right.dropna().index))
    if len(common_runs) < 2 or not _runs_of(contrast, grids)["finished"].all():
        return None
    share = analysis.tested_share(grids.grid(contrast.grid).rounds)
    return analysis.difference(left[common_runs], right[common_runs], share)


def _runs_of(contrast: Contrast, grids: Grids) -> pd.DataFrame:
    """The lines of the plan that the contrast is about."""
    parts = []
    for side in contrast.sides:
        planned = grids.grid(side["grid"]).planned
        of_side = (planned["strategy"] == side["strategy"]) & (
            planned["setting"] == side["setting"]
        )
        parts.append(planned[of_side])
    return pd.concat(parts).drop_duplicates("run")


def _judged(
    contrast: Contrast,
    estimate: analysis.Estimate | None,
    p: float,
    grids: Grids,
    level: float,
) -> Judged:
    planned, detectable = _runs_of(contrast, grids), np.nan
    finished = int(planned["finished"].sum())
    gates = [grids.gates.get((side["grid"], side["setting"])) for side in contrast.sides]
    if estimate is None:
        waits = WAITS.format(finished=finished, planned=len(planned))
        says = TOO_FEW if finished == len(planned) else waits
    elif any(gate is not None and not gate.open for gate in gates):
        says = BLIND
    else:
        detectable = analysis.smallest_effect(estimate.error, estimate.freedom, level=level)
        says = _said(contrast, estimate, p)
    return Judged(
        contrast,
        estimate,
        p,
        says,
        float(detectable),
        source=planned["source"].iloc[0],
        setting=contrast.setting,
        begun=finished > 0,
    )


def _said(contrast: Contrast, estimate: analysis.Estimate, p: float) -> str:
    if p < SURE:
        return f"{contrast.a if estimate.mean > 0 else contrast.b} {AHEAD}"
    if contrast.bound is not None:
        same = analysis.equivalence(estimate.mean, estimate.error, estimate.freedom, contrast.bound)
        if same < SURE:
            return f"{NO_DIFFERENCE} of {contrast.bound:g} or more"
    return CANNOT_TELL
