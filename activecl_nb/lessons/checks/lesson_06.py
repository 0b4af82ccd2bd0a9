"""The checks of lesson 06, the explorer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from activecl_nb.lessons.checks.verdict import (
    NOT_YET,
    Verdict,
    answer_of_either,
    check,
    compare_on,
    hint,
    letter_is,
    solved,
)
from activecl_nb.lessons.meaning import meant
from activecl_nb.lessons.predictions import missing

LEVEL = 0.01  # a patch of a hundred: that much is luck


@check
def passed_over(answer: Any, view: Any) -> Verdict:
    """Lesson 06, exercise 2: which tissue does entropy pass over?

    That is the one of which there is most more among what only random picked since round 1 than
    among what only entropy did. One that is level with it, to a patch in a hundred, is right too.
    """
    if missing(answer):
        return NOT_YET
    random, entropy = view.only("random", "entropy")
    answer = meant(answer, random) if isinstance(answer, str) else None
    if answer is None:
        return hint(f"answer with one of the tissues in quotes: {', '.join(random)}")
    gaps = {tissue: random[tissue] - entropy[tissue] for tissue in random}
    told = (
        f"{answer} is {random[answer]:.0%} of what only random picked, and {entropy[answer]:.0%} "
        "of what only entropy picked"
    )
    if gaps[answer] >= max(gaps.values()) - LEVEL:
        return solved(f"{told}; no other tissue is so far apart")
    if gaps[answer] <= 0:
        return hint(f"{told}: entropy does not pass it over")
    return hint(f"{told}, and another tissue is further apart; compare the bars of the galleries")


@check
def map_distance(answer: Any) -> Verdict:
    """Lesson 06, exercise 1: what does a gap on a UMAP map mean? A letter."""
    wrong = {
        "a": "UMAP keeps neighbours together; it does not keep distances, so no ratio can be read",
        "b": "the proxy was not asked when the map was made; colour by probability to see it",
        "d": "the map was made from features alone, before any label was looked at",
    }
    why = "UMAP keeps who is near whom; gaps and their sizes are whatever another seed makes them"
    return letter_is(answer, "c", why, wrong)


@check
def by_hand(run: Any, rival: Any) -> Verdict:
    """Lesson 06, exercise 4: the first round picked by hand, beside that of another run."""
    if run is None:
        return hint(
            "contest.hand_run is None: no round is trained on your picks yet; press Train this "
            "round when it is full, and run the two cells again"
        )
    if missing(run):
        return NOT_YET
    if not hasattr(run, "rounds") or len(run.rounds) < 2:
        return hint(
            f"that is of kind {type(run).__name__}; give the run itself, contest.hand_run, after "
            "a round is trained on your picks"
        )
    if run.strategy != "hand":
        return hint(f"this run's picks were made by {run.strategy}; pick a round by hand")
    if (run.seed, run.protocol) != (rival.seed, rival.protocol):
        return hint("another seed or protocol than the rival's; pick in the explorer `contest`")
    yours, theirs = (x.rounds[1].scores["auroc"] for x in (run, rival))
    f1, their_f1 = (x.rounds[1].scores["f1"] for x in (run, rival))
    result = "above" if yours > theirs else "below" if yours < theirs else "level with"
    shared = len(set(run.rounds[1].picked.tolist()) & set(rival.rounds[1].picked.tolist()))
    return solved(
        f"after round 1, yours, the AUROC is {yours:.3f}, {result} the {theirs:.3f} of "
        f"{rival.strategy} (F1, which the panels show, is {f1:.2f} beside {their_f1:.2f}; it "
        f"depends on a threshold, AUROC does not); {shared} of your {len(run.rounds[1].picked)} "
        "picks are its picks too. "
        "One round of one seed is luck as much as skill: would you bet on the next one?"
    )


def _as_arrays(inputs: Sequence[Any]) -> list[Any]:
    return [np.array(one) if isinstance(one, list) else one for one in inputs]


@check
def beyond_chance(function: Any) -> Verdict:
    """Lesson 06, exercise 3: how many times more picks two strategies share than by chance.

    Takes (first, second, pool): two lists of picked positions and the pool's size.
    """
    return compare_on(
        function,
        {
            "5 and 4 picks that share 2, out of 45": ([3, 8, 15, 21, 30], [8, 2, 30, 44], 45),
            "3 and 7 picks that share 2, out of 60": ([9, 50, 1], [50, 4, 9, 33, 12, 40, 7], 60),
        },
        lambda first, second, pool: _shared(first, second) * pool / (len(first) * len(second)),
        _overlap_mistakes(),
        tolerance=1e-3,
        why="what is shared, over len(first) x len(second) / pool, which two random draws share",
        answer_of=functools.partial(answer_of_either, others=_as_arrays),
    )


def _shared(first: list[int], second: list[int]) -> int:
    return len(set(first) & set(second))


# What is made of the shared patches s, the picks a and b, and the pool n.
_OF_COUNTS: dict[str, Callable[[float, int, int, int], Any]] = {
    "this is how many they share; divide by how many two random draws would share": (
        lambda s, a, b, n: s
    ),
    "this is how many two random draws would share; divide the shared ones by it": (
        lambda s, a, b, n: a * b / n
    ),
    "this is the share of the first one's picks; two random draws share some as well": (
        lambda s, a, b, n: s / a
    ),
    "this is the share of the second one's picks; two random draws share some as well": (
        lambda s, a, b, n: s / b
    ),
    "this is the share of the pool; two random draws share some of it as well": (
        lambda s, a, b, n: s / n
    ),
    "this is the Jaccard index, shared by all; it has no pool in it": (
        lambda s, a, b, n: s / (a + b - s)
    ),
    "this is upside down: chance divided by what is shared": lambda s, a, b, n: a * b / n / s,
    "you subtracted; the question is how many times": lambda s, a, b, n: s - a * b / n,
    "you took 1 off; 1 is chance": lambda s, a, b, n: s * n / a / b - 1,
    "a random draw of b patches out of the pool hits each of the first's a with chance "
    "b / pool, so a * b / pool are expected": lambda s, a, b, n: s * n / a,
    "the second draw hits each of the first's a with chance b / pool; you took a as 1": (
        lambda s, a, b, n: s * n / b
    ),
    "the pool is missing: a larger pool makes a chance meeting rarer": (
        lambda s, a, b, n: s / (a * b)
    ),
    "a / pool times b / pool is the chance that one given patch is in both; the pool has many "
    "patches, so multiply by pool": lambda s, a, b, n: s * n * n / a / b,
    "two sets of a and b meet a * b / pool times, not (a + b) / pool": (
        lambda s, a, b, n: s * n / (a + b)
    ),
    "you counted all that either picked; count those that both picked": (
        lambda s, a, b, n: (a + b - s) * n / a / b
    ),
    "you divided by the mean number of picks; chance is a * b / pool": (
        lambda s, a, b, n: 2 * s / (a + b)
    ),
    "this is the share of the shorter list; two random draws share some as well": (
        lambda s, a, b, n: s / min(a, b)
    ),
    "give times, not a percentage: 1 is chance": lambda s, a, b, n: 100 * s * n / a / b,
    "rounded down, by // or int(): divide with /, and leave it": lambda s, a, b, n: (
        s // (a * b / n)
    ),
    "this is the part of all picks that is shared; divide by a * b / pool": (
        lambda s, a, b, n: s / (a + b)
    ),
    "this is the share of the longer list; two random draws share some as well": (
        lambda s, a, b, n: s / max(a, b)
    ),
    "this is what either picked, as a share of the pool; count those that both picked": (
        lambda s, a, b, n: (a + b - s) / n
    ),
    "you took len(first) twice; two draws meet len(first) x len(second) / pool times": (
        lambda s, a, b, n: s * n / a**2
    ),
    "this is a logarithm of it; give times": lambda s, a, b, n: np.log2(s * n / a / b),
    "two sets meet a * b / pool times; you took the shorter of them twice": (
        lambda s, a, b, n: s * n / min(a, b) ** 2
    ),
    "this is the Jaccard index times the pool; divide what is shared by a * b / pool": (
        lambda s, a, b, n: s * n / (a + b - s)
    ),
    "do not round: 1.4 times is not 1": lambda s, a, b, n: round(s * n / a / b),
}


def _overlap_mistakes() -> dict[str, Callable[..., Any]]:
    """Hint -> what it makes of two lists of picks and the pool's size."""

    def of(formula: Callable[..., Any]) -> Callable[..., Any]:
        return lambda first, second, n: formula(_shared(first, second), len(first), len(second), n)

    def place_by_place(first: list[int], second: list[int], n: int) -> float:
        same = sum(x == y for x, y in zip(first, second, strict=False))
        return same * n / len(first) / len(second)

    return {
        **{text: of(formula) for text, formula in _OF_COUNTS.items()},
        "you compared place by place; a patch is shared wherever it stands in the lists": (
            place_by_place
        ),
    }
