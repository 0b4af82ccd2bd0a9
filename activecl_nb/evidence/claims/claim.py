"""A claim, what was measured for it, and its line in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from activecl_nb.evidence.analysis import SEEDS, smallest_effect

REPRODUCED, SAME, CANNOT_TELL, CONTRADICTED, NOT_TESTABLE = VERDICTS = (
    "reproduced", "same direction", "cannot tell", "contradicted", "not testable here",
)  # fmt: skip
SOURCES = ("paper", "later abstract", "ours")
EXPECTED = ("more", "less", "exactly")
FEWEST = 3  # replicates for the mean of a value
FEWEST_MEDIAN = 5  # below that, the widest interval of a median is worth less than 90%


@dataclass(frozen=True)
class Claim:
    """One claim; the head of results/claims.toml says what each field is."""

    id: str
    claim: str
    place: str
    source: str
    contradict: str
    kind: Mapping[str, Any] = field(default_factory=dict)
    expect: str = ""
    value: float | None = None
    unit: str = ""
    untestable: str = ""

    @property
    def measure(self) -> str:
        """The name of what measures it; "" for what is not measured."""
        return self.kind.get("measure", "")

    @property
    def arithmetic(self) -> bool:
        """Whether the paper's own numbers are enough to judge it."""
        return bool(self.kind) and not self.grids

    @property
    def places(self) -> tuple[tuple[str, str | None], ...]:
        """(grid, setting) of all that it is measured on; None stands for the grid's own setting."""
        own = self.kind.get("grid", "")
        sides = [v for v in self.kind.values() if isinstance(v, Mapping)]
        places = [(side.get("grid", own), side.get("setting")) for side in sides]
        if own and ("setting" in self.kind or len(sides) < 2):
            places.insert(0, (own, self.kind.get("setting")))
        if "other_setting" in self.kind:
            places.append((own, self.kind["other_setting"]))
        return tuple(dict.fromkeys(place for place in places if place[0]))

    @property
    def grids(self) -> tuple[str, ...]:
        """The grids of the study that it is measured on, the first one its own."""
        return tuple(dict.fromkeys(grid for grid, _ in self.places))

    @property
    def rounding(self) -> float:
        """Half of the last printed digit of the paper's number: 0.5 for 93, 0.05 for 8.9."""
        exponent = Decimal(str(self.value)).as_tuple().exponent
        return 0.5 * 10.0 ** int(exponent)


@dataclass(frozen=True)
class Measured:
    """What we found.

    estimate, low, high: of all replicates; -inf stands for "not reached"; NaN where there is none.
    values: one a replicate, that the estimate is of; empty for arithmetic.
    unit: of all these; digits: how many to show behind the point.
    nothing: what the value would be if there were no effect.
    how: what was measured, in a line.
    needs: replicates below which nothing is said. p: of a paired comparison.
    over: what the replicates are (see ``analysis.estimate``). runs: how many values are behind.
    error, freedom: standard error and degrees of freedom of the mean; NaN for a median.
    spares: whether it is per cent less of something, so that below 0 it is per cent more.
    reached: of what is spent until a score is reached, how many of the runs reached it.
    """

    estimate: float
    low: float
    high: float
    how: str
    unit: str = ""
    digits: int = 3
    values: tuple[float, ...] = ()
    nothing: float = 0.0
    needs: int = 0
    p: float = float("nan")
    over: str = SEEDS
    runs: int = 0
    error: float = float("nan")
    freedom: int = 0
    spares: bool = False
    reached: int = 0

    @property
    def n(self) -> int:
        """How many replicates."""
        return len(self.values)

    @property
    def detectable(self) -> float:
        """The smallest effect that these runs would have shown with 80% power; NaN if unknown."""
        return smallest_effect(self.error, self.freedom)


@dataclass(frozen=True)
class Line:
    """One line of the ledger: the claim, ours, and the verdict by the rule.

    p_holm: ``measured.p`` corrected for all comparisons of the claim's grid. blind: why a grid of
    it was not judged, where its encoder does not see.
    """

    claim: Claim
    measured: Measured | None
    verdict: str
    p_holm: float = float("nan")
    blind: str = ""

    @property
    def waits(self) -> bool:
        """Whether it is not testable only because too few runs are finished."""
        if self.blind:
            return False
        return self.measured is not None and not self.claim.untestable and too_few(self.measured)


def too_few(found: Measured) -> bool:
    """Whether more replicates are needed before anything is said."""
    return found.n < found.needs
