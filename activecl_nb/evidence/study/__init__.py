"""A study: many runs side by side, so that an answer comes with its spread.

One run says what happened once. A study is a grid of runs (strategies, seeds, tissues, and
settings that are varied), described in a TOML file:

    title = "Does it hold?"
    profile = "laptop"

    [[contrast]]                               # what the study is for, declared before its runs
    id = "entropy"
    grid = "rare"
    a = "entropy"
    b = "random"
    setting = "tumour_share=0.05"
    primary = true

    [[grid]]
    name = "rare"
    question = "Does the rarity of tumour decide which strategy wins?"
    strategies = ["random", "entropy", "benchmark"]
    seeds = 5
    data = { tumour_share = [0.5, 0.05], seed = [0, 1, 2] }   # a list is varied
    protocol = { head = "simclr" }             # any field of Protocol

A grid's settings are all combinations of what it varies, or with ``one_at_a_time = true`` each
value by itself. ``data`` takes what ``imbalance.load`` takes; a ``path`` in it starts from the
study's own folder. Two names in it are no settings: ``seed`` (of the tissue: which phantom) and
``fold`` (which patients are tested) name tissues, the replicates that a result is taken over.
``equal_work = "benchmark"`` gives the loop as many image-epochs as the benchmark has. A strategy of
your own is ``"mine.py:closest"``, a function in a file beside this one; or a line ``code =
"mine.py"`` at the top names a file that puts any into ``sampling.STRATEGIES``. ``profile`` may be
the folder of a run, whose sizes are then taken, such as those that ``--profile auto`` fitted.

A lock beside a run's folder keeps two processes, on one machine or on several with the same disk,
from the same run.
"""

from activecl_nb.evidence.study.board import Board
from activecl_nb.evidence.study.file import read
from activecl_nb.evidence.study.folder import open_any, places
from activecl_nb.evidence.study.one_run import DONE, ELSEWHERE, FAILED
from activecl_nb.evidence.study.plan import Contrast, Study
from activecl_nb.evidence.study.running import failures, run
from activecl_nb.evidence.study.stored import Stored, kept, open_stored, store
