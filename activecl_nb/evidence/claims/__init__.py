"""The claims ledger: what the paper says, what we measured, and a verdict by one fixed rule.

``results/claims.toml`` lists the claims; a function of ``MEASURES`` measures each, on the tables
of a stored study or by arithmetic from the paper's own numbers. ``rule`` holds the rule.
"""

from activecl_nb.evidence.claims.arithmetic import ARITHMETIC
from activecl_nb.evidence.claims.claim import (
    CANNOT_TELL,
    CONTRADICTED,
    FEWEST,
    FEWEST_MEDIAN,
    NOT_TESTABLE,
    REPRODUCED,
    SAME,
    VERDICTS,
    Claim,
    Line,
    Measured,
    too_few,
)
from activecl_nb.evidence.claims.contrasts import Judged, judge
from activecl_nb.evidence.claims.file import read
from activecl_nb.evidence.claims.measures import MEASURES, order_interval
from activecl_nb.evidence.claims.metrics import METRICS, SCORES, per_run
from activecl_nb.evidence.claims.rule import BLIND, Grids, ledger, measure, verdict
from activecl_nb.evidence.claims.words import (
    counted,
    falls_short,
    number,
    ours,
    printed,
    size,
    tally,
    wanting,
    with_ends,
    with_unit,
)

__all__ = [
    "ARITHMETIC",
    "BLIND",
    "CANNOT_TELL",
    "CONTRADICTED",
    "FEWEST",
    "FEWEST_MEDIAN",
    "MEASURES",
    "METRICS",
    "NOT_TESTABLE",
    "REPRODUCED",
    "SAME",
    "SCORES",
    "VERDICTS",
    "Claim",
    "Grids",
    "Judged",
    "Line",
    "Measured",
    "counted",
    "falls_short",
    "judge",
    "ledger",
    "measure",
    "number",
    "order_interval",
    "ours",
    "per_run",
    "printed",
    "read",
    "size",
    "tally",
    "too_few",
    "verdict",
    "wanting",
    "with_ends",
    "with_unit",
]
