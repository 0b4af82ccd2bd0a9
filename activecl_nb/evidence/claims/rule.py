"""The rule: one verdict for each claim, from what was measured. No verdict is ever typed.

A claim says on which side of *nothing* our value should lie: above 0 for "a is better than b",
above 1 for a ratio. The interval decides. templates/rule.toml says it in words for the page.

1. not testable here: the runs cannot decide it, for a reason given; or its grid does not pass the
   gate; or so far there are fewer than 3 replicates for it (5 for a median).
2. contradicted: the whole interval lies on the other side of nothing.
3. reproduced: the whole interval lies on the claimed side and, where the paper gives a number, it
   reaches that number, to its last printed digit.
4. same direction: the whole interval lies on the claimed side and falls short of the paper's
   number.
5. cannot tell: everything else, and whatever was not reached.

A claim that is exactly a number is reproduced where the whole interval is that number to its last
printed digit, contradicted where the interval does not hold it, and else these runs cannot tell.
Arithmetic has no interval: its value is both ends.

Means have Student's 95% interval over replicates (``analysis.estimate``). What a run spent until
it reached a score has a median, since some runs never get there and count as the worst; the ends
of its interval are values of replicates (``order_interval``).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from activecl_nb.evidence import analysis
from activecl_nb.evidence.claims.arithmetic import ARITHMETIC
from activecl_nb.evidence.claims.claim import (
    CANNOT_TELL,
    CONTRADICTED,
    NOT_TESTABLE,
    REPRODUCED,
    SAME,
    Claim,
    Line,
    Measured,
    too_few,
)
from activecl_nb.evidence.claims.measures import MEASURES
from activecl_nb.evidence.claims.metrics import once, own_setting
from activecl_nb.evidence.study import Stored

BLIND = "the encoder does not see here"
SURE = 0.05  # the level of every test


def verdict(claim: Claim, found: Measured | None) -> str:
    """One of ``VERDICTS``, by the rule at the top of this file."""
    if claim.untestable or found is None or too_few(found) or np.isnan(found.estimate):
        return NOT_TESTABLE
    if claim.expect == "exactly" and claim.value is not None:
        return _exactly(claim.value, claim.rounding, found)
    if np.isneginf(found.estimate):  # not reached
        return CANNOT_TELL
    side = 1 if claim.expect == "more" else -1
    low, high = sorted((side * (found.low - found.nothing), side * (found.high - found.nothing)))
    if high < 0:
        return CONTRADICTED
    if low > 0:
        if claim.value is None:
            return REPRODUCED
        claimed = side * (claim.value - found.nothing) - claim.rounding
        return REPRODUCED if high >= claimed else SAME
    return CANNOT_TELL


def _exactly(value: float, rounding: float, found: Measured) -> str:
    middle = found.estimate
    low, high = (middle, middle) if np.isnan(found.low) else (found.low, found.high)
    rounding *= 1 + 1e-6  # 14.15 is printed as 14.2, and no double is 14.15
    if not low - rounding <= value <= high + rounding:
        return CONTRADICTED
    return REPRODUCED if max(value - low, high - value) <= rounding else CANNOT_TELL


def ledger(claims: Sequence[Claim], stored: Stored | None) -> list[Line]:
    """Measure and judge every claim; p is corrected by Holm within each grid.

    stored: the study's tables; without any, only arithmetic is done.
    """
    grids = None if stored is None else Grids.of(stored)
    measured = [measure(claim, grids) for claim in claims]
    corrected = np.full(len(claims), np.nan)
    families: dict[str, dict[int, float]] = {}  # grid -> p by the claim's place in the list
    for index, (claim, found) in enumerate(zip(claims, measured, strict=True)):
        if found is not None:
            families.setdefault(claim.grids[0] if claim.grids else "", {})[index] = found.p
    for family in families.values():
        corrected[[*family]] = analysis.holm([*family.values()])
    lines = []
    for claim, found, p in zip(claims, measured, corrected, strict=True):
        blind = BLIND if grids is not None and not claim.arithmetic and grids.blind(claim) else ""
        judged = NOT_TESTABLE if blind else verdict(claim, found)
        lines.append(Line(claim, found, judged, float(p), "" if claim.untestable else blind))
    return lines


class Grids(Stored):
    """A study that cuts each grid out once, and tests its gates once, for many claims ask."""

    @classmethod
    def of(cls, stored: Stored) -> Grids:
        """The study as such; one that is so already is returned as it is."""
        return stored if isinstance(stored, cls) else cls(**vars(stored))

    @functools.cached_property
    def memory(self) -> dict[tuple, Any]:
        """What was made of the tables so far."""
        return {}

    def grid(self, name: str) -> Stored:
        return once(self, ("grid", name), lambda: super(Grids, self).grid(name))

    @functools.cached_property
    def gates(self) -> Mapping[tuple[str, str], analysis.Gate]:
        """The gate of every (grid, setting) that has finished runs."""
        gates = {}
        for grid_setting, rounds in self.rounds.groupby(["grid", "setting"], sort=False):
            gates[grid_setting] = analysis.gate(rounds, self.floors, rounds["source"].iloc[0])
        return gates

    def blind(self, claim: Claim) -> bool:
        """Whether the encoder does not see in a setting that the claim is measured on."""
        for grid, setting in claim.places:
            if setting is None:
                planned = self.planned[self.planned["grid"] == grid]
                setting = own_setting(list(dict.fromkeys(planned["setting"]))) or ""
            gate = self.gates.get((grid, setting))
            if gate is not None and not gate.open:
                return True
        return False


def measure(claim: Claim, stored: Stored | None) -> Measured | None:
    """What the claim's measuring function finds; None for a claim that has none, or no study.

    ValueError: it names a grid, setting, strategy or metric that is not there, or its unit is
    not that of the paper's number.
    """
    if not claim.kind or (stored is None and not claim.arithmetic):
        return None
    arguments = {name: value for name, value in claim.kind.items() if name != "measure"}
    try:
        if stored is None or claim.arithmetic:
            found = ARITHMETIC[claim.measure](**arguments)
        else:
            found = once(
                stored, (repr(claim.kind),), lambda: MEASURES[claim.measure](stored, **arguments)
            )
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"claim {claim.id!r}, {claim.measure}: {error}") from error
    if claim.value is not None and found.unit != claim.unit:
        raise ValueError(
            f"claim {claim.id!r}: {claim.value} is in {claim.unit!r}, and {claim.measure} gives "
            f"{found.unit!r}; give both in one unit"
        )
    return found
