"""The first screen: a few rows as a person would say them, and one picture of gains."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from activecl_nb.evidence import claims
from activecl_nb.evidence.claims import Judged, Line
from activecl_nb.evidence.report.grids import count
from activecl_nb.evidence.report.texts import say
from activecl_nb.pictures import figures
from activecl_nb.pictures.figures import Picture

MOST_ROWS, MOST_GAINS = 6, 6  # all headlines of claims.toml, whatever came of them
NAMES = {
    "kcenter": "k-center",
    "sas": "SAS",
    "badge": "BADGE",
    "typiclust": "TypiClust",
    "igs": "greedy (iGS)",
}


@dataclass(frozen=True)
class Row:
    """What was tried, on which tissue, by how much, and how sure that is.

    measure: of a contrast, the score in words.
    """

    tried: str
    tissue: str
    much: str
    sure: str
    real: bool
    measure: str = ""


def cells(rows: Sequence[Row]) -> list[tuple[str, str, str, str]]:
    """The rows as cells of a table; what is as in the row before is not said again."""
    found, before = [], Row("", "", "", "", False)
    for row in rows:
        alike = row.measure == before.measure
        tried = say("row.tried", tried=row.tried, measure=row.measure, alike=alike)
        tissue = say("row.same") if row.tissue == before.tissue else row.tissue
        found.append((tried, tissue, row.much, row.sure))
        before = row
    return found


def rows(
    headlines: Sequence[str],
    judged: Sequence[Judged],
    lines: Mapping[str, Line],
    tissues: Mapping[str, str],
    real: Collection[str] = (),
) -> tuple[Row, ...]:
    """The headlines, real tissue first: ids of contrasts or of claims. real: grids of such tissue.

    A headline that nothing was run for so far is passed over while others fill the screen.
    """
    of_contrast = {one.contrast.id: one for one in judged}
    named = [*headlines, *(one for one in of_contrast if one not in headlines)]
    found = []
    for name in named:
        if name in of_contrast:
            found.append((of_contrast[name].begun, contrast_row(of_contrast[name], tissues)))
        elif name in lines:
            line = lines[name]
            found.append((not line.waits, claim_row(line, tissues, real)))
    with_runs = [row for ran, row in found if ran] or [row for _, row in found]
    first = sorted(with_runs[:MOST_ROWS], key=lambda row: not row.real)
    return tuple(first)


def declared(judged: Sequence[Judged]) -> tuple[Row, ...]:
    """All contrasts as rows, by the names of their grids; none is left out for what came of it."""
    grids = {one.contrast.grid: f"“{one.contrast.grid}”" for one in judged}
    return tuple(contrast_row(one, grids) for one in judged)


def called(one: Judged) -> tuple[str, ...]:
    """What the two sides are called in a sentence."""
    sides = (one.contrast.a, one.contrast.b)
    return one.contrast.names or tuple(NAMES.get(name, name.replace("_", " ")) for name in sides)


def contrast_row(one: Judged, tissues: Mapping[str, str]) -> Row:
    """A declared contrast as a row."""
    a, b = called(one)
    tried = say(
        "row.contrast",
        a=a[0].upper() + a[1:],
        b=b,
        picks="" if one.contrast.names else " picks",
    )
    where = tissues[one.contrast.grid] + (f", {one.setting}" if one.setting else "")
    found = one.estimate
    if found is None:
        return Row(tried, where, "–", one.says, one.real, one.measure)
    much = claims.with_ends(found.mean, found.low, found.high)
    counted = count(found.n, found.over) + (f", {found.runs} runs" if found.runs > found.n else "")
    says = one.says.replace(one.contrast.a, a).replace(one.contrast.b, b)
    rank = "primary" if one.contrast.primary else "secondary"
    words = {"says": says, "counted": f"{counted}; {rank}"}
    if one.says == claims.CANNOT_TELL and np.isfinite(one.detectable):
        sure = say("row.unsure", detectable=claims.number(one.detectable, 3), **words)
    elif one.says == claims.BLIND:
        much, sure = "–", one.says
    else:
        corrected = " by Holm" if one.contrast.primary else ""
        sure = say("row.sure", p=f"p {one.p:.2g}{corrected}", **words)
    return Row(tried, where, much, sure, one.real, one.measure)


def claim_row(line: Line, tissues: Mapping[str, str], real: Collection[str]) -> Row:
    """A claim of the ledger as a row."""
    found, grids = line.measured, line.claim.grids
    tissue = tissues.get(grids[0], "") if grids else "the paper's numbers"
    tried = say("row.claim", source=line.claim.source, claim=line.claim.claim.rstrip("."))
    much, sure = claims.ours(found), claims.wanting(line)
    if found is not None and found.spares:
        much = say("row.spared", much=much, claimed=claims.printed(line.claim))
    if found is not None and found.n:
        counted = claims.counted(found)
        if found.spares:
            counted += f"; {found.reached} of them reached that score"
        sure = f"{sure} ({counted})"
    return Row(tried, tissue, much, sure, bool(grids) and grids[0] in real)


def gains(judged: Sequence[Judged], tissues: Mapping[str, str]) -> Picture | None:
    """The contrasts declared first, as plain rows of gain, real tissue on top."""
    measured = [
        (one, gain)
        for one in judged
        if (gain := one.estimate) is not None and one.says != claims.BLIND
    ][:MOST_GAINS]
    if not measured:
        return None
    scores = {one.unit for one, _ in measured}
    drawn = [
        figures.Gain(
            _gain_name(one, tissues) + (f" ({one.unit})" if len(scores) > 1 else ""),
            *(gain.mean, gain.low, gain.high, gain.values),
        )
        for one, gain in sorted(measured, key=lambda pair: not pair[0].real)
    ]
    unit = f"gain in {scores.pop()}" if len(scores) == 1 else "gain"
    return figures.gains(drawn, unit=unit)


def _gain_name(one: Judged, tissues: Mapping[str, str]) -> str:
    a, b = called(one)
    where = one.setting or tissues[one.contrast.grid]
    each = (f"{a} − {b}", where)
    return "\n".join(textwrap.fill(words, 42, break_on_hyphens=False) for words in each)
