"""What the runs say: curves with their spread, work done, what was picked, what differs.

Runs or their tables in, pandas tables out; ``figures`` draws them. From runs to a comparison:

    rounds = table(runs)                                # a row a round
    ends = last(rounds)                                 # a row a run
    paired(ends, "random", "last")                      # a row a comparison, run by run
"""

from activecl_nb.evidence.analysis.arithmetic import work
from activecl_nb.evidence.analysis.gate import Gate, drawn, gate
from activecl_nb.evidence.analysis.paired import difference, holm, paired, sign_flip
from activecl_nb.evidence.analysis.picked import composition, found, makeup, picks
from activecl_nb.evidence.analysis.tables import (
    BENCHMARK,
    MORE_F1,
    area,
    band,
    curve,
    judged_by,
    last,
    made_apart,
    spread,
    table,
)
from activecl_nb.evidence.analysis.targets import to_benchmark, to_target
from activecl_nb.evidence.analysis.tissues import (
    FOLDS,
    PHANTOMS,
    SEEDS,
    Estimate,
    equivalence,
    estimate,
    kind_of_replicates,
    smallest_effect,
    tested_share,
)
