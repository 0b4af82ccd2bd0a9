"""What stands behind the exercises: a file a lesson, and ``verdict`` for what they share.

``checks.entropy(my_entropy)`` gives a ``Verdict``; after ``checks.strict()`` a wrong answer raises.
"""

from activecl_nb.lessons.checks.lesson_01 import (
    baseline_accuracy,
    dial,
    patient_split,
    random_split,
)
from activecl_nb.lessons.checks.lesson_02 import (
    chance_loss,
    forced_to_ignore,
    near_negative,
    nt_xent,
    stain_family,
)
from activecl_nb.lessons.checks.lesson_03 import (
    f1,
    no_tumour_chance,
    stratified,
    threshold_raised,
    what_made_it,
)
from activecl_nb.lessons.checks.lesson_04 import (
    drawn_to,
    entropy,
    hybrid,
    kcenter,
    missing_minus,
    rank_alike,
)
from activecl_nb.lessons.checks.lesson_05 import (
    enrichment,
    labels_in_the_loop,
    round_costs,
    strategy,
    update,
)
from activecl_nb.lessons.checks.lesson_06 import beyond_chance, by_hand, map_distance, passed_over
from activecl_nb.lessons.checks.lesson_07 import (
    paired_interval,
    table_one,
    verdict_rule,
    work_saved,
)
from activecl_nb.lessons.checks.lesson_08 import switch, times_dearer, typicality, why_behind
from activecl_nb.lessons.checks.lesson_09 import dice, ensemble_doubt, mean_over_the_patch
from activecl_nb.lessons.checks.verdict import NotSolved, Verdict, lettered, strict
