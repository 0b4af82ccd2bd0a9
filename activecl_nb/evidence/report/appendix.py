"""What the page has no room for: every setting and every line, by all three scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from activecl_nb.evidence import claims
from activecl_nb.evidence.claims import Line
from activecl_nb.evidence.claims.metrics import scored
from activecl_nb.evidence.report.grids import SCORES, against_random, count
from activecl_nb.evidence.study import Stored

THREE = (("F1", SCORES[2]), ("average precision", SCORES[0]), ("AUROC", SCORES[1]))
HEADS = ("Grid", "Setting", "Compared", "Replicates", *(name for name, _ in THREE))
SCORED = ("area", "last", "best")  # metrics that are of a score


def settings(every: Sequence[Stored]) -> list[tuple[str, ...]]:
    """Each strategy beside random in every setting of every grid: the cells of ``HEADS``."""
    rows = []
    for stored in every:
        for (grid, setting), rounds in stored.rounds.groupby(["grid", "setting"], sort=False):
            columns = [scored(rounds, score) for _, score in THREE]
            tables = [against_random(rounds, column) for column in columns]
            if tables[0] is None:
                continue
            for strategy in tables[0]["a"]:
                found = [table[table["a"] == strategy].iloc[0] for table in tables]
                cells = [_interval(one.difference, one.low, one.high) for one in found]
                counted = count(found[0].n, found[0].over)
                rows.append((grid, setting or "–", f"{strategy} − random", counted, *cells))
    return rows


def by_score(lines: Sequence[Line], stored: Stored) -> dict[str, str]:
    """What a line measures by each of the three scores, by the claim's id.

    Only differences of a score have three; what is spent, or picked, has one value.
    """
    found, grids = {}, claims.Grids.of(stored)
    for line in lines:
        kind = line.claim.kind
        if kind.get("metric") not in SCORED:
            continue
        told = []
        for name, score in THREE:
            free = {**kind, "score": score}
            other = dataclasses.replace(line.claim, kind=free, value=None, unit="")
            one = claims.measure(other, grids)
            if one is not None and np.isfinite(one.estimate):
                told.append(f"{name} {_interval(one.estimate, one.low, one.high)}")
        found[line.claim.id] = "; ".join(told)
    return found


def _interval(middle: float, low: float, high: float) -> str:
    text = claims.number(middle, 3, sign=True)
    if not np.isfinite(low):
        return text
    return f"{text} ({claims.number(low, 3)} to {claims.number(high, 3)})"
