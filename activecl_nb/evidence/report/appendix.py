"""What the page has no room for: every setting and every line, by all three scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd

from activecl_nb.evidence import claims
from activecl_nb.evidence.claims import Line
from activecl_nb.evidence.report.grids import SCORES, against_random, count, there
from activecl_nb.evidence.study import Stored
from activecl_nb.evidence.study.checks import METRICS

THREE = (("F1", SCORES[2]), ("average precision", SCORES[0]), ("AUROC", SCORES[1]))
# What the paper's task is scored by, and the two that its outlook names.
TASKS = {
    "Every setting, by three scores": THREE,
    "Regression": (
        ("R²", "probe_r2"),
        ("rank correlation", "probe_spearman"),
        ("mean absolute error, where less is better", "probe_mae"),
    ),
    "Segmentation": (("Dice", "probe_dice"), ("IoU", "probe_iou")),
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """A table of one task: its heads, and a row for each strategy in every setting."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def anchor(self) -> str:
        return "-".join(["settings", *self.title.lower().replace(",", "").split()])


def tables(stored: Stored) -> tuple[Settings, ...]:
    """The tables of the tasks that have runs; the paper's is always there."""
    made = []
    for title, scores in TASKS.items():
        rows = tuple(settings(stored, scores))
        if rows or scores is THREE:
            heads = ("Grid", "Setting", "Compared", "Replicates", *(name for name, _ in scores))
            made.append(Settings(title, heads, rows))
    return tuple(made)


def settings(stored: Stored, scores: Sequence[tuple[str, str]] = THREE) -> list[tuple[str, ...]]:
    """Each strategy beside random in every setting of every grid: the cells of a table."""
    rows, gates = [], claims.Grids.of(stored).gates
    for (grid, setting), rounds in stored.rounds.groupby(["grid", "setting"], sort=False):
        had = there(rounds, [score for _, score in scores])
        compared = [against_random(rounds, s) if s in had else None for _, s in scores]
        first = next((table for table in compared if table is not None), None)
        blind = "" if gates[grid, setting].open else f"; {claims.BLIND}"
        for strategy in () if first is None else first["a"]:
            compared_by, counted, *cells = _row(strategy, first, compared)
            rows.append((grid, setting or "–", compared_by, counted + blind, *cells))
    return rows


def _row(
    strategy: str, first: pd.DataFrame, tables: Sequence[pd.DataFrame | None]
) -> tuple[str, ...]:
    """A strategy beside random, in cells; one for a score that the runs do not have stays empty."""
    cells = []
    for table in tables:
        row = None if table is None else table[table["a"] == strategy].iloc[0]
        cells.append("–" if row is None else claims.with_ends(row.difference, row.low, row.high))
    counted = first[first["a"] == strategy].iloc[0]
    return (f"{strategy} − random", count(counted.n, counted.over), *cells)


def by_score(lines: Sequence[Line], stored: Stored) -> dict[str, str]:
    """What a line measures by each of the three scores, by the claim's id.

    Only differences of a score have three; what is spent, or picked, has one value.
    """
    texts_by_id, grids = {}, claims.Grids.of(stored)
    for line in lines:
        kind = line.claim.kind
        if kind.get("metric") not in METRICS:
            continue
        texts = []
        for name, score in THREE:
            free = {**kind, "score": score}
            other = dataclasses.replace(line.claim, kind=free, value=None, unit="")
            try:
                measured = claims.measure(other, grids)
            except ValueError:  # the runs have no such score
                continue
            if measured is not None and np.isfinite(measured.estimate):
                gained = claims.with_ends(measured.estimate, measured.low, measured.high)
                texts.append(f"{name} {gained}")
        texts_by_id[line.claim.id] = "; ".join(texts)
    return texts_by_id
