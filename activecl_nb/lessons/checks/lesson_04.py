"""The checks of lesson 04, strategies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from activecl_nb.lessons.checks import greedy
from activecl_nb.lessons.checks.verdict import (
    NOT_YET,
    Verdict,
    answer_in_torch,
    as_array,
    check,
    close,
    compare_on,
    finite_in_torch,
    hint,
    letter_is,
    picked_by,
    refuse,
    returned_by,
    solved,
    tensors,
    whole_positions,
)
from activecl_nb.lessons.checks.words import one_of
from activecl_nb.lessons.predictions import missing

# ---- uncertainty -------------------------------------------------------------------------


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def _softmax(z: np.ndarray) -> np.ndarray:
    return np.exp(z) / np.exp(z).sum()


def _entropy(p: np.ndarray) -> np.ndarray:
    return -p * np.log(p) - (1 - p) * np.log(1 - p)


# What is made of each patch's probability p instead of its entropy.
_OF_P: dict[str, Callable[[np.ndarray], Any]] = {
    "your scores are largest for the most certain patches: the minus sign is missing": (
        lambda p: -_entropy(p)
    ),
    "the sum has two terms, one for each class: (1 - p) log(1 - p) is missing": (
        lambda p: -p * np.log(p)
    ),
    "the sum has two terms, one for each class: p log p is missing": (
        lambda p: -(1 - p) * np.log(1 - p)
    ),
    "only one of the two terms has its minus sign": (
        lambda p: -p * np.log(p) + (1 - p) * np.log(1 - p)
    ),
    "the minus sign stands before the second term alone; it belongs to both: "
    "-(p log p + (1 - p) log(1 - p))": lambda p: p * np.log(p) - (1 - p) * np.log(1 - p),
    "each surprise counts as often as its answer comes: weight -log p with p, and "
    "-log(1 - p) with 1 - p": lambda p: -np.log(p) - np.log(1 - p),
    "the weights are swapped: -log p comes with the chance p, -log(1 - p) with 1 - p": (
        lambda p: -(1 - p) * np.log(p) - p * np.log(1 - p)
    ),
    "that is the order of the patches; return each one's score": lambda p: np.argsort(-_entropy(p)),
    "those are the patches' ranks; return each one's score": (
        lambda p: np.argsort(np.argsort(_entropy(p)))
    ),
    "that is 1 minus the entropy, which is largest for the most certain patches": (
        lambda p: 1 - _entropy(p)
    ),
    "that is what the entropy lacks of log 2, which is largest for the most certain patches": (
        lambda p: np.log(2) - _entropy(p)
    ),
    "you divide by the largest score of these patches; leave the entropy as it is": (
        lambda p: _entropy(p) / _entropy(p).max()
    ),
    "that is in units of log10; the ranking is the same, but use the natural log": (
        lambda p: _entropy(p) / np.log(10)
    ),
    "that is in bits (log2); the ranking is the same, but use the natural log": (
        lambda p: _entropy(p) / np.log(2)
    ),
    "that is half of the entropy: its two terms are added, not averaged": (
        lambda p: _entropy(p) / 2
    ),
    "log(1 + p) is not log p (log1p is for small numbers)": (
        lambda p: -p * np.log1p(p) - (1 - p) * np.log1p(1 - p)
    ),
    "that is 1 minus the margin: it ranks alike, but is not the entropy": (
        lambda p: 1 - np.abs(2 * p - 1)
    ),
    "that is minus the margin: it ranks alike, but is not the entropy": (
        lambda p: -np.abs(2 * p - 1)
    ),
    "that is least confidence, 1 - max(p, 1 - p): it ranks alike, but is not the entropy": (
        lambda p: np.minimum(p, 1 - p)
    ),
    "that is p (1 - p): it ranks alike, but is not the entropy": lambda p: p * (1 - p),
    "that is the Gini impurity, 2 p (1 - p): it ranks alike, but is not the entropy": (
        lambda p: 2 * p * (1 - p)
    ),
    "that is the probability; how uncertain is an answer of that probability?": lambda p: p,
    "that is the distance from one half, which is largest for the most certain patches": (
        lambda p: np.abs(p - 0.5)
    ),
    "that is the probability of the likelier answer, which is largest for the most certain": (
        lambda p: np.maximum(p, 1 - p)
    ),
    "that is the mean over all patches; each patch needs a score of its own": (
        lambda p: _entropy(p).mean()
    ),
    "that is the sum over all patches; each patch needs a score of its own": (
        lambda p: _entropy(p).sum()
    ),
}
_OF_LOGITS: dict[str, Callable[[np.ndarray], Any]] = {
    "a softmax over the patches makes them compete; each patch has a p of its own, the "
    "sigmoid of its logit": lambda z: -_softmax(z) * np.log(_softmax(z)),
    "each patch has a p of its own, the sigmoid of its logit, not a part of a softmax over "
    "the patches": lambda z: _entropy(_softmax(z)),
    "a softmax over the logit and minus the logit counts it twice; p is the sigmoid of the logit": (
        lambda z: _entropy(_sigmoid(2 * z))
    ),
    "that is minus the logit's size: it ranks alike, but is not the entropy": lambda z: -np.abs(z),
    "that is the loss of calling every patch tumour; the entropy weighs both answers": (
        lambda z: np.log1p(np.exp(-z))
    ),
}


@check
def entropy(function: Callable[..., Any]) -> Verdict:
    """Exercise 4.1: the binary entropy of logits, in nats, for any logit."""
    logits = np.array([-3.0, -1.0, 0.0, 0.5, 2.0])
    answer = answer_in_torch(function, logits)
    if answer.shape == logits.shape and np.isnan(answer[:3]).all() and not np.isnan(answer[3]):
        return hint("a logit is no probability: turn it into one with a sigmoid first")
    verdict = compare_on(
        function,
        {
            "the logits -3, -1, 0, 0.5 and 2": (logits,),
            "the logits 1.5, -0.2 and 0.9": (np.array([1.5, -0.2, 0.9]),),
        },
        lambda z: _entropy(_sigmoid(z)),
        {text: lambda z, f=f: f(_sigmoid(z)) for text, f in _OF_P.items()} | _OF_LOGITS,
        why="log 2 at a logit of 0, falling on both sides, and 0 rather than NaN at 1000 and -1000",
        answer_of=answer_in_torch,
    )
    if not verdict.solved:
        return verdict
    far = finite_in_torch(function, np.array([-1000.0, 1000.0, 0.0]))
    if far is None:
        return hint(
            "right for moderate logits; at 1000 the probability is exactly 1 and 0 log 0 gives "
            "NaN: keep p a little away from 0 and 1, or take the logs with logsigmoid"
        )
    if not close(far, np.array([0, 0, np.log(2)]), 1e-3):
        return hint("right for moderate logits; at -1000 and 1000 the entropy should be about 0")
    return verdict


@check
def missing_minus(letter: object) -> Verdict:
    """Exercise 4.2: what formula (3) picks when it is read to the letter."""
    return letter_is(
        letter,
        "a",
        "p log p + (1 - p) log(1 - p) is never above 0, and nearest to it for p near 0 and p "
        "near 1, on both sides alike",
        {
            "b": "the formula knows no class: swap p and 1 - p and nothing changes",
            "c": "sum p log p is lowest, not highest, at p = 1/2; try it with p = 1/2 and p = 0.99",
            "d": "it is a ranking like any other, with nothing random in it; what stands on top?",
        },
    )


@check
def rank_alike(letter: object) -> Verdict:
    """Exercise 4.3: why three measures of uncertainty agree with two classes."""
    return letter_is(
        letter,
        "b",
        "all three depend on |p - 1/2| alone and fall as it grows, so they put the patches in one "
        "order, and a strategy uses nothing but the order",
        {
            "a": "the curves are not multiples of one another: one has corners, one is round; "
            "picks depend on the order alone",
            "c": "nothing in the argument asks where p comes from; a deep network's p does as well",
            "d": "with three classes two numbers are free and the measures part: see the cell on "
            "three classes",
        },
    )


# ---- k-center ----------------------------------------------------------------------------


@check
def kcenter(function: Callable[..., Any]) -> Verdict:
    """Exercise 4.4: k-center greedy, seeded with what is chosen."""
    draw = np.random.default_rng(17)  # whose points tell all known mistakes apart
    features, chosen = draw.normal(size=(30, 3)), draw.normal(size=(2, 3)) + 1.0
    budget = 7
    answer = returned_by(function, *tensors((features, chosen)), budget)
    nearest = np.linalg.norm(features[:, None] - chosen, axis=2).min(1)
    if np.array_equal(as_array(answer), [nearest.argmax()] * budget):
        return hint("the same candidate each time: it is a centre now, so lower the distances")
    if np.array_equal(as_array(answer), greedy.in_what_is_left(features, chosen, budget)):
        return hint(
            "once a pick is taken out, later positions count in a shorter row: keep every "
            "candidate in its place (one that is picked has the distance 0)"
        )
    picks = _picks(answer, budget, len(features))
    right = greedy.kcenter(features, chosen, budget)
    if np.array_equal(picks, right):
        return solved(
            f"{budget} picks among 30 candidates, each the farthest from its nearest centre, with "
            "all that was chosen and picked before counted as centres"
        )
    if set(picks) == set(right):
        return hint("the right candidates, but return them in the order they are picked")
    for text, mistaken in greedy.kcenter_mistakes(features, chosen, budget):
        if np.array_equal(picks, mistaken):
            return hint(text)
    same = next(n for n, pair in enumerate(zip(picks, right, strict=True)) if pair[0] != pair[1])
    return hint(
        f"pick {same + 1} must be candidate {right[same]}, which lies farthest from its nearest "
        f"centre; yours is {picks[same]}. Print the distances before that pick"
    )


def _picks(answer: Any, budget: int, candidates: int) -> np.ndarray:
    """The picks as int64 (budget,)."""
    answer = as_array(answer)
    if answer.shape == (budget, 1):
        refuse("your positions stand in a column; return them in a row: flatten()")
    if answer.ndim == 2 and len(answer) == budget:
        refuse("those are rows of features; return where they stand among the candidates")
    if answer.shape != (budget,):
        refuse(f"return {budget} positions, one for each pick, not a shape of {answer.shape}")
    picks = whole_positions(answer, candidates, masks=False, distinct=False)
    if len(set(picks.tolist())) < budget:
        refuse(
            "a candidate is picked twice: once it is a centre its distance is 0, if every "
            "candidate keeps the smaller of its old distance and the one to the new centre (the "
            "min over all centres, no mean and no max; then argmax, no argmin)"
        )
    return picks


# ---- together ----------------------------------------------------------------------------


@check
def drawn_to(outliers: object, duplicates: object) -> Verdict:
    """Exercise 4.5: which of three strategies picks most outliers, which most near-duplicates."""
    if missing(outliers) or missing(duplicates):
        return NOT_YET
    names = [one_of(word, "random", "entropy", "kcenter") for word in (outliers, duplicates)]
    hints = {
        (0, "random"): "outliers: they are few, and random takes of them no more than their share",
        (0, "entropy"): "outliers: entropy looks at the distance to the proxy's line alone; most "
        "outliers lie far from it",
        (1, "random"): "duplicates: random takes of them about their share; who takes far more?",
        (1, "kcenter"): "duplicates: once one copy is a centre, the distance of the others is "
        "almost 0, so they come last",
    }
    for place, name in enumerate(names):
        if (place, name) in hints:
            return hint(hints[place, name])
    return solved(
        "far from everything is what an outlier is, and k-center asks for that; all copies of a "
        "point by the line have its entropy, and entropy scores each by itself"
    )


@check
def hybrid(function: Callable[..., Any]) -> Verdict:
    """Exercise 4.6: k-center greedy among the most uncertain candidates."""
    draw = np.random.default_rng(6)
    features, logits = draw.normal(size=(40, 3)), draw.normal(size=40)
    chosen, budget = draw.normal(size=(3, 3)), 5
    if not callable(function):
        return NOT_YET
    answer = picked_by(function, tensors((features, logits, chosen)), budget, 0)
    picks = _picks(answer, budget, len(features))
    order = np.argsort(np.abs(logits))
    shortlist = order[: 3 * budget]
    right = shortlist[greedy.kcenter(features[shortlist], chosen, budget)]
    mine = np.sort(picks)  # in any order, since the task asks for none
    if np.array_equal(mine, np.sort(right)):
        return solved(
            f"all {budget} picks are among the {3 * budget} candidates of largest entropy, and "
            "k-center, begun from what is chosen, picks just these there"
        )
    for text, mistaken in greedy.hybrid_mistakes(features, logits, chosen, budget):
        if np.array_equal(mine, np.sort(mistaken)):
            return hint(text)
    if set(picks) <= set(shortlist):
        return hint(
            "all picks are among the most uncertain, but k-center, begun from what is chosen "
            "already, would pick others there"
        )
    return hint(
        "some picks are not among the most uncertain: the shortlist is the 3 * budget candidates "
        "of largest entropy"
    )
