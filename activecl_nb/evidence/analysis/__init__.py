"""What the runs say: curves with their spread, work done, what was picked, what differs.

Runs or their tables in, pandas tables out; ``figures`` draws them. From runs to a comparison:

    rounds = table(runs)                                # a row a round
    ends = last(rounds)                                 # a row a run
    paired(ends, [("entropy", "random")], "last")       # a row a comparison, seed by seed
"""

from activecl_nb.evidence.analysis.arithmetic import work
from activecl_nb.evidence.analysis.paired import EXACT, hedges, holm, paired, sign_flip
from activecl_nb.evidence.analysis.picked import (
    composition,
    found,
    makeup,
    overlap,
    overlaps,
    picks,
)
from activecl_nb.evidence.analysis.tables import (
    BENCHMARK,
    MORE_F1,
    area,
    band,
    curve,
    interval,
    judged_by,
    last,
    spread,
    table,
)
from activecl_nb.evidence.analysis.targets import reached, to_benchmark, to_target

__all__ = [
    "BENCHMARK",
    "EXACT",
    "MORE_F1",
    "area",
    "band",
    "composition",
    "curve",
    "found",
    "hedges",
    "holm",
    "interval",
    "judged_by",
    "last",
    "makeup",
    "overlap",
    "overlaps",
    "paired",
    "picks",
    "reached",
    "sign_flip",
    "spread",
    "table",
    "to_benchmark",
    "to_target",
    "work",
]
