"""The checks of lesson 06, the explorer."""

from __future__ import annotations

from typing import Any

import numpy as np

from activecl_nb.lessons.checks.verdict import (
    NOT_YET,
    SOLVED,
    Verdict,
    answer_of,
    compare,
    hint,
    letter_is,
)


def richest(answer: Any, view: Any, round: int = 1) -> Verdict:
    """Lesson 06, exercise 2: which strategy's picks of this round hold the most tumour?"""
    if answer is None or answer is Ellipsis:
        return NOT_YET
    shares = {name: view.summary(s, round).share() for s, name in enumerate(view.names)}
    if not isinstance(answer, str) or answer not in shares:
        return hint(f"answer with one of the panels' names in quotes: {', '.join(shares)}")
    most = max(shares.values())
    if shares[answer] == most:
        return SOLVED
    return hint(
        f"{shares[answer]:.0%} of the picks of {answer} are {view.positive} in round {round}, and "
        f"another panel has more; look at the bar 'this round' under each map"
    )


def map_distance(answer: Any) -> Verdict:
    """Lesson 06, exercise 1: what does a gap on a UMAP map mean? A letter."""
    wrong = {
        "a": "UMAP keeps neighbours together; it does not keep distances, so no ratio can be read",
        "b": "the proxy was not asked when the map was made; colour by probability to see it",
        "d": "the map was made from features alone, before any label was looked at",
    }
    return letter_is(answer, "c", wrong)


def beyond_chance(function: Any) -> Verdict:
    """Lesson 06, exercise 3: how many times more picks two strategies share than by chance.

    Takes (first, second, pool): two lists of picked positions and the pool's size.
    """
    first, second = [3, 8, 15, 21, 30], [8, 2, 30, 44]
    answer = answer_of(function, first, second, 45)
    if isinstance(answer, Verdict) and "stopped with" in answer.text:  # perhaps written for arrays
        again = answer_of(function, np.array(first), np.array(second), 45)
        answer = answer if isinstance(again, Verdict) else again
    chance = 5 * 4 / 45
    wrong = {
        "this is how many they share; divide by how many two random draws would share": 2,
        "this is how many two random draws would share; divide the shared ones by it": chance,
        "this is the share of the first one's picks; two random draws share some as well": 2 / 5,
        "this is the share of the second one's picks; two random draws share some as well": 2 / 4,
        "this is the share of the pool; two random draws share some of it as well": 2 / 45,
        "this is the Jaccard index, shared by all; it has no pool in it": 2 / 7,
        "this is upside down: chance divided by what is shared": chance / 2,
        "you subtracted; the question is how many times": 2 - chance,
        "you took 1 off; 1 is chance": 2 / chance - 1,
        "a random draw of b patches out of the pool hits each of the first's a with chance "
        "b / pool, so a * b / pool are expected": 2 / (5 / 45),
        "the second draw hits each of the first's a with chance b / pool; you took a as 1": 2
        / (4 / 45),
        "the pool is missing: a larger pool makes a chance meeting rarer": 2 / (5 * 4),
        "a / pool times b / pool is the chance that one given patch is in both; the pool has many "
        "patches, so multiply by pool": 2 / (chance / 45),
        "two sets of a and b meet a * b / pool times, not (a + b) / pool": 2 / (9 / 45),
        "you counted all that either picked; count those that both picked": 7 / chance,
        "you compared place by place; a patch is shared wherever it stands in the lists": 0,
        "do not round: 1.4 times is not 1": round(2 / chance),
    }
    return compare(answer, 2 / chance, wrong, tolerance=1e-3)
