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
)
from activecl_nb.evidence.claims.contrasts import Judged, judge
from activecl_nb.evidence.claims.file import read
from activecl_nb.evidence.claims.measures import MEASURES, order_interval
from activecl_nb.evidence.claims.metrics import SCORES, per_run
from activecl_nb.evidence.claims.rule import BLIND, Grids, ledger, measure, verdict
from activecl_nb.evidence.claims.words import (
    counted,
    number,
    ours,
    printed,
    tally,
    wanting,
    with_ends,
)
