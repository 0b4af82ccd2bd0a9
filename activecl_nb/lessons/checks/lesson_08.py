"""The checks of lesson 08, train it, or take one that is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from activecl_nb.lessons.checks.seeding import only_the_given
from activecl_nb.lessons.checks.verdict import (
    NOT_YET,
    Verdict,
    answer_of_either,
    check,
    compare,
    compare_on,
    hint,
    letter_is,
    picked_by,
    plain_answer,
    solved,
    tensors,
    whole_positions,
)


@check
def times_dearer(answer: Any) -> Verdict:
    """Lesson 08, exercise 1: training for 50 epochs, in times of encoding each patch once."""
    answer = plain_answer(answer)
    if answer.shape != ():
        return hint("give one number: how many times the work of encoding each patch once")
    wrong = {
        "each image gives two views, and both pass through the network": 150,
        "backwards is work too, twice that of forwards: a view costs three passes in training": 100,
        "these are the epochs alone; an epoch passes two views of each patch, forwards and "
        "backwards": 50,
        "backwards alone is twice forwards; add the way forwards": 200,
        "this is one epoch; there are 50": 6,
        "how many times, not how many times more: nothing is taken off": 299,
        "this is one view of one epoch": 3,
        "the passes forwards and backwards add up to three for each view: 2 x 3, not 2 + 3": 250,
        "the encoding at the end is part of both: leave it out of the training": 301,
        "one pass more an epoch, for judging, is in it; only the training was asked for": 350,
        "upside down: how many times more does training cost?": 1 / 300,
        "the number of views is not squared: the loss compares pairs, but each view passes "
        "through the network once": 50 * 4 * 3,
    }
    return compare(
        answer,
        300,
        wrong,
        tolerance=1e-3,
        why="50 epochs of 2 views, each forwards (1) and backwards (2): 50 x 2 x 3",
        otherwise="count for one patch: how many views in 50 epochs, and what does one view cost "
        "forwards and backwards, in passes forwards?",
    )


@check
def why_behind(answer: Any) -> Verdict:
    """Lesson 08, exercise 2: why is k-center behind on good features? A letter."""
    wrong = {
        "a": "k-center never asks the judge; which argument of a strategy would it have to read?",
        "c": "look at the last column of the table: does it buy less cancer than random does?",
        "d": "all four were given the same features and the same judge; look at what it picked",
    }
    why = (
        "what lies farthest from all has few patches near it, so its label says little of the "
        "others; the cell below the solution puts it to the test"
    )
    return letter_is(answer, "b", why, wrong)


# ---- typicality --------------------------------------------------------------------------


def _distances(x: np.ndarray) -> np.ndarray:
    return np.sqrt(((x[:, None] - x[None]) ** 2).sum(axis=2))


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def _nearest(x: np.ndarray, k: int) -> np.ndarray:
    """(n, k): distances to the k nearest others."""
    return np.sort(_distances(x), axis=1)[:, 1 : k + 1]


NOT_TYPICALITY: dict[str, Callable[[np.ndarray, int], Any]] = {
    "each point is its own nearest neighbour, at a distance of 0; leave it out": (
        lambda x, k: 1 / np.sort(_distances(x), axis=1)[:, :k].mean(1)
    ),
    "each point itself, at a distance of 0, is in the mean of k + 1; leave it out": (
        lambda x, k: 1 / np.sort(_distances(x), axis=1)[:, : k + 1].mean(1)
    ),
    "this is the mean distance; typical is who has near neighbours, so take one over it": (
        lambda x, k: _nearest(x, k).mean(1)
    ),
    "this is minus the mean distance; it ranks alike, but one over it is asked for": (
        lambda x, k: -_nearest(x, k).mean(1)
    ),
    "these are the farthest k; typical is about the nearest": (
        lambda x, k: 1 / np.sort(_distances(x), axis=1)[:, -k:].mean(1)
    ),
    "this is the distance to all others; only the k nearest count": (
        lambda x, k: 1 / _nearest(x, len(x) - 1).mean(1)
    ),
    "this is the mean over all points, itself among them; only the k nearest others count": (
        lambda x, k: 1 / _distances(x).mean(1)
    ),
    "you compare directions (cosine); take the straight line": (
        lambda x, k: 1 / np.sort(1 - _unit(x) @ _unit(x).T, axis=1)[:, 1 : k + 1].mean(1)
    ),
    "the distances are not sorted: these are the first k others, not the nearest": (
        lambda x, k: 1 / _distances(x)[:, 1 : k + 1].mean(1)
    ),
    "sorted downwards: these are the farthest but one; typical is about the nearest": (
        lambda x, k: 1 / np.sort(_distances(x), axis=1)[:, ::-1][:, 1 : k + 1].mean(1)
    ),
    "these are squared distances; take the root": (lambda x, k: 1 / (_nearest(x, k) ** 2).mean(1)),
    "you summed the distances; take their mean, so that k does not matter": (
        lambda x, k: 1 / _nearest(x, k).sum(1)
    ),
    "this is the mean of one over each distance; take one over the mean": (
        lambda x, k: (1 / _nearest(x, k)).mean(1)
    ),
    "this is the k-th nearest alone; take the mean of the k": (
        lambda x, k: 1 / _nearest(x, k)[:, -1]
    ),
    "this is the median of the distances; take their mean": (
        lambda x, k: 1 / np.median(_nearest(x, k), axis=1)
    ),
    "this is one number a neighbour; take the mean over the neighbours of each point, axis 1": (
        lambda x, k: 1 / _nearest(x, k).mean(0)
    ),
    "these are the neighbours' positions, not their distances: sort gives both": (
        lambda x, k: 1 / np.argsort(_distances(x), axis=1)[:, 1 : k + 1].mean(1)
    ),
    "this is the very nearest alone; take the mean of the k": (
        lambda x, k: 1 / _nearest(x, k)[:, 0]
    ),
    "you left out one neighbour too many: the point itself and then k others": (
        lambda x, k: 1 / np.sort(_distances(x), axis=1)[:, 2 : k + 2].mean(1)
    ),
    "one neighbour is missing: itself, and then k others": (
        lambda x, k: 1 / _nearest(x, k - 1).mean(1)
    ),
    "the 1 (or another number) that you add below the line changes every score; add nothing": (
        lambda x, k: 1 / (1 + _nearest(x, k).mean(1))
    ),
    "that is exp of minus the mean distance; it ranks alike, but one over it is asked for": (
        lambda x, k: np.exp(-_nearest(x, k).mean(1))
    ),
    "the distances are squared before the mean; take the mean of the distances themselves": (
        lambda x, k: 1 / np.sqrt((_nearest(x, k) ** 2).mean(1))
    ),
    "you divide by the sum over all points; leave each one's number as it is": (
        lambda x, k: 1 / _nearest(x, k).mean(1) / (1 / _nearest(x, k).mean(1)).sum()
    ),
    "these are sorted; keep the order of the points": (
        lambda x, k: np.sort(1 / _nearest(x, k).mean(1))
    ),
    "these are the points' places in an order; give each point's number": (
        lambda x, k: np.argsort(-1 / _nearest(x, k).mean(1))
    ),
    "these are the points' places in an order, from the least on; give each point's number": (
        lambda x, k: np.argsort(1 / _nearest(x, k).mean(1))
    ),
    "this is the logarithm of it; it ranks alike, but one over the mean is asked for": (
        lambda x, k: -np.log(_nearest(x, k).mean(1))
    ),
    "you divide by the largest; leave each one's number as it is": (
        lambda x, k: _nearest(x, k).mean(1).min() / _nearest(x, k).mean(1)
    ),
    "these are distances along the axes (L1); use the straight line": (
        lambda x, k: 1 / np.sort(np.abs(x[:, None] - x[None]).sum(2), axis=1)[:, 1 : k + 1].mean(1)
    ),
}


@check
def typicality(function: Any) -> Verdict:
    """Lesson 08, exercise 3: one over the mean distance to the k nearest others.

    Takes (features, k).
    """
    draw = np.random.default_rng(8)
    cases = {
        "9 points in 3 dimensions, k = 4": (draw.normal(size=(9, 3)), 4),
        "6 points in 2 dimensions, k = 2": (3 * draw.normal(size=(6, 2)) + 1, 2),
    }
    return compare_on(
        function,
        cases,
        lambda x, k: 1 / _nearest(x, k).mean(1),
        NOT_TYPICALITY,
        tolerance=1e-3,  # torch.cdist in single precision
        why="one over the mean distance to the k nearest others, on two clouds of points",
        answer_of=answer_of_either,
    )


# ---- early the typical, later the doubtful -----------------------------------------------

SWITCH = 80  # labels from which on doubt decides


@check
def switch(function: Any) -> Verdict:
    """Lesson 08, exercise 4: TypiClust while fewer than 80 labels are bought, then entropy."""
    import torch

    from activecl_nb import sampling

    if not callable(function):
        return NOT_YET
    draw = np.random.default_rng(80)
    budget = 6
    features, logits = tensors((draw.normal(size=(90, 4)), draw.normal(size=90)))
    known = tensors((draw.normal(size=(SWITCH + 1, 4)),))[0]
    for bought in (20, SWITCH - 1, SWITCH + 1, SWITCH):  # the edge last: it tells < from <=
        given = (features, logits, known[:bought])
        answer = picked_by(function, given, budget, 1)
        picks = whole_positions(answer, len(features), masks=False)
        if len(picks) != budget:
            return hint(f"with a budget of {budget} you return {len(picks)} positions")
        made = {
            name: sampling.pick(name, *given, budget, torch.Generator().manual_seed(1)).tolist()
            for name in ("typiclust", "entropy", "kcenter", "certainty")
        }
        wanted = "typiclust" if bought < SWITCH else "entropy"
        if set(picks) != set(made[wanted]):
            return next(_why_not(set(picks.tolist()), made, wanted, bought))
    only_the_given(function, features, logits, known[:20], budget)
    return solved(
        f"TypiClust's picks with 20 and {SWITCH - 1} labels, entropy's with {SWITCH} and more"
    )


def _why_not(
    picks: set[int], made: dict[str, list[int]], wanted: str, bought: int
) -> Iterator[Verdict]:
    """The hint for picks that are not the wanted strategy's."""
    said = f"with {bought} labels bought these should be {wanted}'s picks"
    if picks == set(made["certainty"]):
        yield hint(f"{said}; yours are those that the judge is surest of: entropy, not certainty")
    if picks == set(made["kcenter"]):
        yield hint(f"{said}; yours are k-center's, the farthest")
    other = "entropy" if wanted == "typiclust" else "typiclust"
    if picks == set(made[other]):
        early = bought < SWITCH - 1
        if bought == SWITCH:
            yield hint(
                f"{said}: from {SWITCH} on means {SWITCH} too, so fewer than {SWITCH} is < {SWITCH}"
            )
        if early:
            yield hint(
                f"{said}, and they are {other}'s: the two stand the wrong way round, or {other} "
                "always decides, or you counted something else than len(chosen_features)"
            )
        if bought == SWITCH - 1:
            yield hint(f"{said}: the switch comes too early, at {SWITCH} labels it is due")
        yield hint(
            f"{said}, and they are still {other}'s: does len(chosen_features) decide, or something "
            "else?"
        )
    half = len(picks & set(made["typiclust"])), len(picks & set(made["entropy"]))
    if min(half) >= 2 and sum(half) >= len(picks):
        yield hint(f"{said}, all of them; you mix the two in one purchase")
    yield hint(
        f"{said}; yours are no strategy's of the lesson: hand features, logits, "
        "chosen_features, budget and generator on as they come"
    )
