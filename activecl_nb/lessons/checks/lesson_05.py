"""The checks of lesson 05, the loop."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from activecl_nb.lessons.checks.verdict import (
    NOT_YET,
    SOLVED,
    Verdict,
    answer_of,
    answer_of_either,
    compare,
    hint,
    letter_is,
    plain_answer,
)


def labels_in_the_loop(answer: Any) -> Verdict:
    """Lesson 05, exercise 1: what changes when the picks' labels are deleted? A letter."""
    wrong = {
        "a": "SimCLR's loss compares two views of a patch; look for a label in its arguments",
        "b": "the proxy is fitted, but on which images? Read line 7 of the algorithm again",
        "c": "a strategy sees features and logits; the logits come from a proxy, which learned "
        "from labels, but not from the labels of the picks",
    }
    return letter_is(answer, "d", wrong)


def update(function: Any) -> Verdict:
    """Lesson 05, exercise 2: the training set after a pick, as positions in the training images.

    Takes (chosen, candidates, picks); the order of what it returns does not matter.
    """
    inputs = (np.array([40, 7]), np.array([12, 30, 31, 55, 60]), np.array([3, 0]))
    answer = answer_of_either(function, *inputs)
    if not isinstance(answer, Verdict):
        if answer.shape == (2, 2):
            return hint("this is a table with two rows; join the two into one row, as concatenate")
        answer = np.sort(answer.ravel())
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
    }
    return compare(answer, [7, 12, 40, 55], wrong)


def round_costs(answer: Any) -> Verdict:
    """Lesson 05, exercise 4: image-epochs of each of four rounds of 100 images, 10 epochs."""
    wrong = {
        "this is the cost if each round trained on its new images alone; the set keeps the old "
        "ones, so it grows": [1000] * 4,
        "this is the total so far; the question is each round's own cost": [
            1000,
            3000,
            6000,
            10000,
        ],
        "these are the images; each is seen once in every epoch": [100, 200, 300, 400],
        "you doubled from round to round; a round adds 100 images, so the set goes 100, 200, 300": [
            1000,
            2000,
            4000,
            8000,
        ],
        "you counted both views; here an image counts once an epoch, though it gives two views": [
            2000,
            4000,
            6000,
            8000,
        ],
        "the images grow by 100 a round, and each is seen in all 10 epochs: not 1000 and 100 more, "
        "but 10 times 200": [1000, 1100, 1200, 1300],
        "round 0 trains as well, on the random first subset": [0, 1000, 2000, 3000],
        "the first round trains on its 100 images alone; nothing was chosen before it": [
            2000,
            3000,
            4000,
            5000,
        ],
        "the pool shrinks, but the encoder trains on what was taken out of it, and that grows": [
            4000,
            3000,
            2000,
            1000,
        ],
        "the images grow with the round and the epochs do not: a round's cost grows with its "
        "number, not with the square of it": [1000, 4000, 9000, 16000],
        "every round has its own size; this is the last one's, four times": [4000] * 4,
    }
    answer = plain_answer(answer)
    if not isinstance(answer, Verdict) and answer.shape == ():
        return hint("give four numbers in a list, one for each round")
    return compare(answer, [1000, 2000, 3000, 4000], wrong)


def enrichment(function: Any) -> Verdict:
    """Lesson 05, exercise 3: how much richer in one class the picks are than the pool.

    Takes (labels, pool, picked, positive); positions are positions in ``labels``.
    """
    labels = np.array([5, 5, 1, 5, 2, 5, 0, 5, 5, 1, 0, 2, 0, 3, 4])
    pool = np.arange(4, 15)  # three of eleven are of class 5; with the rest, six of fifteen
    picked = np.array([5, 4, 7, 9])
    answer = answer_of_either(function, labels, pool, picked, 5)
    here, there = 2 / 4, 3 / 11
    wrong = {
        "this is the share among the picks; divide it by the share in the pool": here,
        "this is the share in the pool; the share among the picks is to be divided by it": there,
        "this is upside down: it falls when the picks get richer": there / here,
        "this is the part of the pool's positives that was picked (recall); compare shares": 2 / 3,
        "you subtracted the shares; a ratio says how many times richer": here - there,
        "you divided by the share among all images; the labelled set was never on offer, so use "
        "the pool": here / (6 / 15),
        "you divided by the share among those that were left behind; the picks were on offer too, "
        "so use the whole pool": here / (1 / 7),
        "these are odds, positives to negatives; use shares, positives to all": 1 / (3 / 8),
        "you looked the picks up in the pool; picked holds positions in labels already": (1 / 4)
        / there,
        "you compared positions with the class; look up their labels first: labels[picked]": (1 / 4)
        / (1 / 11),
        "labels are class numbers, not 0 and 1: count where they equal positive": (
            labels[picked].mean() / labels[pool].mean()
        ),
        "you counted every class but number 0; count where the label equals positive": 1 / (8 / 11),
        "this is the enrichment of all other classes; positive is the one that is asked for": (
            (1 - here) / (1 - there)
        ),
        "you took 1 off; a class without preference has an enrichment of 1": here / there - 1,
        "// rounds down; divide with /": here // there,
    }
    if not isinstance(answer, Verdict):
        answer = answer.reshape(()) if answer.size == 1 else answer
    return compare(answer, here / there, wrong, tolerance=1e-3)  # takes rounded numbers


def strategy(function: Any) -> Verdict:
    """Lesson 05, exercise 5: does this function keep the contract of a strategy?"""
    import torch

    from activecl_nb import sampling, seeds

    if not callable(function):
        return NOT_YET
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
        verdict = _contract(sampling, function, inputs, when)
        if not verdict.solved:
            return verdict
    return SOLVED


def _contract(sampling: Any, function: Any, inputs: tuple[Any, ...], when: str) -> Verdict:
    """One call of a learner's strategy, and another that must give the same picks."""
    import copy

    from activecl_nb import seeds

    *tensors, budget = inputs
    found = []
    for _ in range(2):
        given = copy.deepcopy(tensors)
        # Not answer_of's copies: here it matters whether the inputs are changed.
        draw = seeds.generator(0, "strategy exercise", 1)
        picks = answer_of(functools.partial(function, *given, budget, draw))
        if isinstance(picks, Verdict):
            if "Generator' object has no attribute" in picks.text:
                return hint(
                    "generator is torch's, not NumPy's; draw with "
                    "torch.randperm(n, generator=generator) or torch.multinomial"
                )
            if picks is NOT_YET or when == "with 12 candidates":
                return picks
            return hint(f"{picks.text.removeprefix('not solved: ')} {when}")
        if any(not a.equal(b) for a, b in zip(given, tensors, strict=True)):
            return hint("your function changes its inputs; work on a copy (x.clone())")
        wrong = _not_picks(picks, len(tensors[0]), budget)
        if wrong:
            return hint(f"{wrong} ({when})")
        found.append(picks)
    if not np.array_equal(*found):
        return hint(
            "two calls with the same generator gave different picks; draw with "
            "generator=generator, so that a run can be repeated"
        )
    return SOLVED


def _not_picks(picks: np.ndarray, n: int, budget: int) -> str:
    """What is wrong with these picks; empty if nothing is."""
    if picks.shape != (budget,):
        if picks.ndim == 2 and len(picks) == 2:
            return (
                "sort and topk give two things, the values and where they are; return the second: "
                "scores.topk(budget).indices"
            )
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
    if not np.isfinite(picks).all() or (picks != picks.round()).any():
        return "these are no positions but scores; return where they are largest, as argsort does"
    if (picks < 0).any() or (picks >= n).any():
        return f"the candidates are 0 to {n - 1}, and you picked {picks.min():g} to {picks.max():g}"
    if len(np.unique(picks)) < budget:
        return "you picked a candidate more than once; a picked one is no candidate any more"
    return ""
