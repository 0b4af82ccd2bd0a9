"""The checks of lesson 05, the loop."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from activecl_nb.lessons.checks.seeding import only_the_given
from activecl_nb.lessons.checks.verdict import (
    NOT_YET,
    NotSolved,
    Verdict,
    answer_of_either,
    as_array,
    check,
    compare,
    compare_on,
    hint,
    letter_is,
    plain_answer,
    refuse,
    returned_by,
    solved,
    whole_positions,
)


@check
def labels_in_the_loop(answer: Any) -> Verdict:
    """Lesson 05, exercise 1: what changes when the picks' labels are deleted? A letter."""
    wrong = {
        "a": "SimCLR's loss compares two views of a patch; look for a label in its arguments",
        "b": "the proxy is fitted, but on which images? Read line 7 of the algorithm again",
        "c": "a strategy sees features and logits; the logits come from a proxy, which learned "
        "from labels, but not from the labels of the picks",
    }
    why = (
        "views train the encoder, the labelled set alone trains the proxy, and features and "
        "logits are all that a strategy sees"
    )
    return letter_is(answer, "d", why, wrong)


@check
def update(function: Any) -> Verdict:
    """Lesson 05, exercise 2: the training set after a pick, as positions in the training images.

    Takes (chosen, candidates, picks); the order of what it returns does not matter.
    """
    inputs = (np.array([40, 7]), np.array([12, 30, 31, 55, 60]), np.array([3, 0]))
    answer = answer_of_either(
        function, *inputs, ask=lambda function, *inputs: as_array(returned_by(function, *inputs))
    )
    if answer.shape == (2, 2):
        return hint("this is a table with two rows; join the two into one row, as concatenate")
    positions = whole_positions(answer.ravel(), 100, masks=False, distinct=False)
    wrong = {
        "you added the picks themselves; they count within the candidates, so look up which "
        "images they are: candidates[picks]": [0, 3, 7, 40],
        "these are the new images alone; the encoder goes on with all that was chosen before": [
            12,
            55,
        ],
        "you added every candidate; only those that were picked join": [7, 12, 30, 31, 40, 55, 60],
        "you added the candidates that were not picked": [7, 30, 31, 40, 60],
        "you added the first candidates, as many as there are picks; picks says which ones": [
            7,
            12,
            30,
            40,
        ],
        "+ adds two arrays number by number, and joins only lists; np.concatenate joins arrays": [
            19,
            95,
        ],
        "you counted the candidates from 1; picks count from 0": [7, 31, 40, 60],
        "nothing was added: this is what was chosen before": [7, 40],
        "one pick is missing: every one of them joins": [7, 40, 55],
        "what was chosen before is there twice": [7, 7, 12, 40, 40, 55],
    }
    return compare(
        np.sort(positions).astype(float),
        [7, 12, 40, 55],
        wrong,
        why="what was chosen before, and the images that the picks stand for among the candidates",
        otherwise="of the training images 40 and 7 were chosen; the candidates are 12, 30, 31, 55 "
        "and 60; the picks 3 and 0 are places in that row",
    )


NOT_COSTS = {
    "this is the cost if each round trained on its new images alone; the set keeps the old "
    "ones, so it grows": [1000, 1000, 1000, 1000],
    "this is the total so far; the question is each round's own cost": [1000, 3000, 6000, 10000],
    "these are the images; each is seen once in every epoch": [100, 200, 300, 400],
    "you doubled from round to round; a round adds 100 images, so the set goes 100, 200, 300": (
        [1000, 2000, 4000, 8000]
    ),
    "you counted both views; here an image counts once an epoch, though it gives two views": (
        [2000, 4000, 6000, 8000]
    ),
    "the images grow by 100 a round, and each is seen in all 10 epochs: not 1000 and 100 "
    "more, but 10 times 200": [1000, 1100, 1200, 1300],
    "round 0 trains as well, on the random first subset": [0, 1000, 2000, 3000],
    "the first round trains on its 100 images alone; nothing was chosen before it": (
        [2000, 3000, 4000, 5000]
    ),
    "the pool shrinks, but the encoder trains on what was taken out of it, and that grows": (
        [4000, 3000, 2000, 1000]
    ),
    "the images grow with the round and the epochs do not: a round's cost grows with its "
    "number, not with the square of it": [1000, 4000, 9000, 16000],
    "every round has its own size; this is the last one's, four times": [4000, 4000, 4000, 4000],
    "that counts in thousands; give image-epochs": [1, 2, 3, 4],
    "that is the cost of the whole run, four times; each round has its own": (
        [10000, 10000, 10000, 10000]
    ),
    "that is the mean of the four; each round has its own, and they grow": [2500, 2500, 2500, 2500],
    "these are the images added up from round to round, and no epochs: two things": (
        [100, 300, 600, 1000]
    ),
    "two things: the set grows by 100 a round, and both views of an image count once": (
        [2000, 2000, 2000, 2000]
    ),
}


@check
def round_costs(answer: Any) -> Verdict:
    """Lesson 05, exercise 4: image-epochs of each of four rounds of 100 images, 10 epochs."""
    answer = plain_answer(answer, several=True)
    if answer.shape != (4,):
        return hint(
            f"give four numbers in a list, one for each round, not a shape of {answer.shape}"
        )
    return compare(
        answer,
        [1000, 2000, 3000, 4000],
        NOT_COSTS,
        why="round t trains on all t x 100 images chosen so far, each of them 10 times",
        otherwise="how many images is the encoder trained on in round 1, and in round 2? Each is "
        "seen 10 times",
    )


@check
def enrichment(function: Any) -> Verdict:
    """Lesson 05, exercise 3: how much richer in one class the picks are than the pool.

    Takes (labels, pool, picked, positive); positions are positions in ``labels``.
    """
    labels = np.array([5, 5, 1, 5, 2, 5, 0, 5, 5, 1, 0, 2, 0, 3, 4])
    others = np.array([2, 0, 3, 2, 1, 1, 2, 3, 0, 2, 1, 5, 2, 3, 2, 1, 0, 4])
    cases = {
        "4 picks, 2 of them positive, out of a pool of 11 with 3": (
            labels,
            np.arange(4, 15),  # with the rest, six of fifteen
            np.array([5, 4, 7, 9]),
            5,
        ),
        "5 picks, 3 of them positive, out of a pool of 15 with 5": (
            others,
            np.arange(2, 17),
            np.array([12, 4, 14, 7, 6]),
            2,
        ),
    }

    def right(labels: Any, pool: Any, picked: Any, positive: int) -> float:
        return _richer(labels == positive, pool, picked)

    def given(function: Any, *inputs: Any) -> Any:
        answer = answer_of_either(function, *inputs)
        return answer.reshape(()) if answer.size == 1 else answer

    return compare_on(
        function,
        cases,
        right,
        _enrichment_mistakes(),
        tolerance=1e-3,  # takes rounded numbers
        why="the share among the picks over the share in the pool, on two pools",
        answer_of=given,
    )


# What is made of the share among the picks and the share in the pool.
_OF_SHARES: dict[str, Callable[[Any, Any], Any]] = {
    "this is the share among the picks; divide it by the share in the pool": (
        lambda here, there: here
    ),
    "this is the share in the pool; the share among the picks is to be divided by it": (
        lambda here, there: there
    ),
    "this is upside down: it falls when the picks get richer": lambda here, there: there / here,
    "you subtracted the shares; a ratio says how many times richer": (
        lambda here, there: here - there
    ),
    "these are odds, positives to negatives; use shares, positives to all": (
        lambda here, there: here * (1 - there) / (there * (1 - here))
    ),
    "this is the enrichment of all other classes; positive is the one that is asked for": (
        lambda here, there: (1 - here) / (1 - there)
    ),
    "you took 1 off; a class without preference has an enrichment of 1": (
        lambda here, there: here / there - 1
    ),
    "rounded down, by // or int(), or the same for any picks: divide with /": (
        lambda here, there: here // there
    ),
    "do not round: 1.8 times is not 2": lambda here, there: round(here / there),
    "give times, not a percentage: 2 is twice as rich": lambda here, there: 100 * here / there,
    "that is the logarithm of the ratio; give the ratio itself": (
        lambda here, there: np.log2(here / there)
    ),
    "that is the natural logarithm of the ratio; give the ratio itself": (
        lambda here, there: np.log(here / there)
    ),
}


def _richer(is_one: Any, pool: Any, picked: Any) -> Any:
    """Of two shares, among the picks and in the pool: how many times the first is the second."""
    return is_one[picked].mean() / max(is_one[pool].mean(), 1e-9)


def _enrichment_mistakes() -> dict[str, Any]:
    def of(formula: Any) -> Any:
        """formula takes the two shares, then labels, pool, picked, positive."""

        def mistaken(labels: Any, pool: Any, picked: Any, positive: int) -> Any:
            is_positive = labels == positive
            here, there = is_positive[picked].mean(), is_positive[pool].mean()
            return formula(here, there, labels, pool, picked, positive)

        return mistaken

    return {
        **{text: of(lambda here, there, *_, f=f: f(here, there)) for text, f in _OF_SHARES.items()},
        "this is the part of the pool's positives that was picked (recall); compare shares": of(
            lambda here, there, y, pool, picked, c: here * len(picked) / (there * len(pool))
        ),
        "you divided by the share among all images; the labelled set was never on offer, so use "
        "the pool": of(lambda here, there, y, pool, picked, c: here / (y == c).mean()),
        "you divided by the share among those that were left behind; the picks were on offer too, "
        "so use the whole pool": of(
            lambda here, there, y, pool, picked, c: (
                here / (y[np.setdiff1d(pool, picked)] == c).mean()
            )
        ),
        "you looked the picks up in the pool; picked holds positions in labels already": of(
            lambda here, there, y, pool, picked, c: (y[pool[picked]] == c).mean() / there
        ),
        "you divided the pool's positives by all images; divide them by the images of the pool": of(
            lambda here, there, y, pool, picked, c: here * len(y) / (there * len(pool))
        ),
        **{
            f"you counted class {k} whatever is asked; count where the label equals positive": (
                of(lambda here, there, y, pool, picked, c, k=k: _richer(y == k, pool, picked))
            )
            for k in range(6)
        },
        "you compared positions with the class; look up their labels first: labels[picked]": of(
            lambda here, there, y, pool, picked, c: (picked == c).mean() / (pool == c).mean()
        ),
        "labels are class numbers, not 0 and 1: count where they equal positive": of(
            lambda here, there, y, pool, picked, c: y[picked].mean() / y[pool].mean()
        ),
        "you counted every class but number 0; count where the label equals positive": of(
            lambda here, there, y, pool, picked, c: _richer(y > 0, pool, picked)
        ),
        "you divided the number of positive picks; divide their share, number by picks": of(
            lambda here, there, y, pool, picked, c: here * len(picked) / there
        ),
    }


# ---- the contract of a strategy ----------------------------------------------------------


@check
def strategy(function: Any) -> Verdict:
    """Lesson 05, exercise 5: does this function keep the contract of a strategy?"""
    import torch

    from activecl_nb import seeds

    if not callable(function):
        returned_by(function)  # refuses it, and says what it is
    draw = seeds.generator(0, "strategy exercise")
    features, chosen = torch.randn(12, 3, generator=draw), torch.randn(4, 3, generator=draw)
    logits = torch.randn(12, generator=draw)
    cases = {
        "with 12 candidates": (features, logits, chosen, 5),
        "when all candidates have the same logit": (features, torch.zeros(12), chosen, 5),
        "when nothing is chosen yet": (features, logits, chosen[:0], 5),
        "when the budget takes every candidate": (features, logits, chosen, 12),
    }
    for when, inputs in cases.items():
        _contract(function, inputs, when)
    only_the_given(function, features, logits, chosen, 5)
    return solved(f"it keeps the contract {', '.join(cases)}; whether it helps, a race must show")


def _contract(function: Any, inputs: tuple[Any, ...], when: str) -> None:
    """One call of a learner's strategy, and another that must give the same picks.

    NotSolved: it breaks the contract.
    """
    from activecl_nb import seeds

    *arrays, budget = inputs
    found = []
    for _ in range(2):
        given = copy.deepcopy(arrays)
        # Not returned_by's copies: here it matters whether the inputs are changed.
        draw = seeds.generator(0, "strategy exercise", 1)
        try:
            picks = as_array(returned_by(functools.partial(function, *given, budget, draw)))
        except NotSolved as error:
            if "Generator' object has no attribute" in error.verdict.text:
                refuse(
                    "generator is torch's, not NumPy's; draw with "
                    "torch.randperm(n, generator=generator) or torch.multinomial"
                )
            if error.verdict == NOT_YET or when == "with 12 candidates":
                raise
            refuse(f"{error.verdict.why} {when}")
        if any(not a.equal(b) for a, b in zip(given, arrays, strict=True)):
            refuse("your function changes its inputs; work on a copy (x.clone())")
        if wrong := _not_picks(picks, len(arrays[0]), budget):
            refuse(f"{wrong} ({when})")
        found.append(picks)
    first, second = found
    if not np.array_equal(first, second):
        refuse(
            "two calls with the same generator gave different picks; draw with "
            "generator=generator, so that a run can be repeated"
        )


def _not_picks(picks: np.ndarray, n: int, budget: int) -> str:
    """What is wrong with these picks; empty if nothing is."""
    if picks.shape != (budget,):
        if picks.ndim == 2 and len(picks) == 2:
            return (
                "sort and topk give two things, the values and where they are; return the second: "
                "scores.topk(budget).indices"
            )
        if picks.ndim == 2 and len(picks) == budget and picks.shape[1] > 1:
            return "these are rows of features; return where they stand among the candidates"
        if picks.shape == (n,) and np.isin(picks, (0, 1)).all():
            return (
                "this is a mask, a yes or no for each candidate; mask.nonzero().flatten() is "
                "where it says yes"
            )
        if picks.shape == (n,):
            return (
                f"you return {n} numbers, one for each candidate; return the {budget} positions "
                "to pick: of scores these are scores.argsort(descending=True)[:budget]"
            )
        return f"return {budget} positions, as a shape ({budget},), not {picks.shape}"
    if picks.dtype.kind == "f" and ((picks % 1).any() or not np.isfinite(picks).all()):
        return "these are no positions but scores; return where they are largest, as argsort does"
    try:
        positions = whole_positions(picks, n, masks=False, distinct=False)
    except NotSolved as error:
        return error.verdict.why
    if len(np.unique(positions)) < budget:
        return "you picked a candidate more than once; a picked one is no candidate any more"
    return ""
