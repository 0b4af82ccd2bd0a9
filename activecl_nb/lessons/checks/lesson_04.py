"""The checks of lesson 04, strategies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from activecl_nb.lessons.checks.verdict import (
    NOT_YET,
    SOLVED,
    Verdict,
    answer_of,
    close,
    compare,
    hint,
    letter_is,
)


def entropy(function: Callable[..., Any]) -> Verdict:
    """Exercise 4.1: the binary entropy of logits, in nats, for any logit."""
    import torch

    logits = torch.tensor([-3.0, -1.0, 0.0, 0.5, 2.0])
    p = 1 / (1 + np.exp(-logits.double().numpy()))
    right = -p * np.log(p) - (1 - p) * np.log(1 - p)
    over_patches = torch.softmax(logits.double(), 0).numpy()
    answer = answer_of(function, logits)
    if isinstance(answer, Verdict):
        return answer
    if answer.shape == right.shape and np.isnan(answer[:3]).all() and not np.isnan(answer[3]):
        return hint("a logit is no probability: turn it into one with a sigmoid first")
    verdict = compare(
        answer,
        right,
        {
            "your scores are largest for the most certain patches: the minus sign is missing": (
                -right
            ),
            "the sum has two terms, one for each class: (1 - p) log(1 - p) is missing": (
                -p * np.log(p)
            ),
            "the sum has two terms, one for each class: p log p is missing": (
                -(1 - p) * np.log(1 - p)
            ),
            "only one of the two terms has its minus sign": (
                -p * np.log(p) + (1 - p) * np.log(1 - p)
            ),
            "each surprise counts as often as its answer comes: weight -log p with p, and "
            "-log(1 - p) with 1 - p": -np.log(p) - np.log(1 - p),
            "a softmax over the patches makes them compete; each patch has a p of its own, the "
            "sigmoid of its logit": -over_patches * np.log(over_patches),
            "each patch has a p of its own, the sigmoid of its logit, not a part of a softmax over "
            "the patches": (
                -over_patches * np.log(over_patches) - (1 - over_patches) * np.log(1 - over_patches)
            ),
            "that is the order of the patches; return each one's score": np.argsort(-right),
            "that is in units of log10; the ranking is the same, but use the natural log": (
                right / np.log(10)
            ),
            "that is 1 minus the margin: it ranks alike, but is not the entropy": (
                1 - np.abs(2 * p - 1)
            ),
            "that is minus the logit's size: it ranks alike, but is not the entropy": (
                -np.abs(logits.double().numpy())
            ),
            "that is in bits (log2); the ranking is the same, but use the natural log": (
                right / np.log(2)
            ),
            "that is least confidence, 1 - max(p, 1 - p): it ranks alike, but is not the entropy": (
                np.minimum(p, 1 - p)
            ),
            "that is p (1 - p): it ranks alike, but is not the entropy": p * (1 - p),
            "that is the mean over all patches; each patch needs a score of its own": right.mean(),
            "that is the sum over all patches; each patch needs a score of its own": right.sum(),
        },
    )
    if not verdict.solved:
        return verdict
    far = answer_of(function, torch.tensor([-1000.0, 1000.0, 0.0]))
    if isinstance(far, Verdict) or not np.isfinite(far).all():
        return hint(
            "right for moderate logits; at 1000 the probability is exactly 1 and 0 log 0 gives "
            "NaN: keep p a little away from 0 and 1, or take the logs with logsigmoid"
        )
    if not close(far, np.array([0, 0, np.log(2)]), 1e-3):
        return hint("right for moderate logits; at -1000 and 1000 the entropy should be about 0")
    return SOLVED


def missing_minus(letter: object) -> Verdict:
    """Exercise 4.2: what formula (3) picks when it is read to the letter."""
    return letter_is(
        letter,
        right="b",
        wrong={
            "a": "the formula knows no class: swap p and 1 - p and nothing changes",
            "c": "sum p log p is lowest, not highest, at p = 1/2; try it with p = 1/2 and p = 0.99",
            "d": "it is a ranking like any other, with nothing random in it; what stands on top?",
        },
    )


def rank_alike(letter: object) -> Verdict:
    """Exercise 4.3: why three measures of uncertainty agree with two classes."""
    return letter_is(
        letter,
        right="b",
        wrong={
            "a": "the curves are not multiples of one another: one has corners, one is round; "
            "picks depend on the order alone",
            "c": "nothing in the argument asks where p comes from; a deep network's p does as well",
            "d": "with three classes two numbers are free and the measures part: see the cell on "
            "three classes",
        },
    )


def kcenter(function: Callable[..., Any]) -> Verdict:
    """Exercise 4.4: k-center greedy, seeded with what is chosen."""
    import torch

    draw = np.random.default_rng(4)
    features, chosen = draw.normal(size=(30, 3)), draw.normal(size=(2, 3)) + 1.0
    budget = 7
    tensors = [torch.from_numpy(a.astype(np.float32)) for a in (features, chosen)]
    answer = answer_of(function, *tensors, budget)
    nearest = np.linalg.norm(features[:, None] - chosen, axis=2).min(1)
    if not isinstance(answer, Verdict) and np.array_equal(answer, [nearest.argmax()] * budget):
        return hint("the same candidate each time: it is a centre now, so lower the distances")
    picks = _picks(answer, budget, len(features))
    if isinstance(picks, Verdict):
        return picks
    right = _greedy(features, chosen, budget)
    together = np.concatenate([chosen, features])
    if not np.array_equal(picks, right) and set(picks) == set(right):
        return hint("the right candidates, but return them in the order they are picked")
    alone = [[start, *_greedy(features, features[[start]], budget - 1)] for start in range(30)]
    for start in alone:
        if np.array_equal(picks, start):
            return hint("what is chosen already counts as centres too: begin with its distances")
    return compare(
        picks,
        right,
        {
            "those are the farthest from the chosen set, all at once: each pick is a new centre, "
            "so update the distances after it": np.argsort(-nearest)[:budget],
            "you pick the nearest candidate, which is covered already: pick the farthest": _greedy(
                features, chosen, budget, best=np.argmin
            ),
            "you average the distances to all centres; only the nearest centre covers a point": (
                _greedy(features, chosen, budget, over=np.mean)
            ),
            "you take the distance to the farthest centre; it is the nearest that covers a point": (
                _greedy(features, chosen, budget, over=np.max)
            ),
            "all that is chosen already counts, not only its first point": _greedy(
                features, chosen[:1], budget
            ),
            "you keep the distance to the newest centre alone: a candidate's distance is to the "
            "nearest of all centres, so keep the smaller of the old and the new one": _greedy(
                features, chosen, budget, newest=True
            ),
            "those are positions in the chosen and the candidates joined; count from the first "
            "candidate": _greedy(together, chosen, budget),
            "the distance is Euclidean: square the differences, add, take the root": _greedy(
                features, chosen, budget, norm=1
            ),
            "you compare directions (cosine); take the Euclidean distance of the features as they "
            "are": _greedy(_unit(features), _unit(chosen), budget),
        },
        tolerance=0,
    )


def falls_for(outliers: object, duplicates: object) -> Verdict:
    """Exercise 4.5: which of three strategies falls for outliers, which for near-duplicates."""
    if any(word is ... or word is None for word in (outliers, duplicates)):
        return NOT_YET
    names = [str(word).strip().lower().replace("-", "") for word in (outliers, duplicates)]
    for name in names:
        if name not in ("random", "entropy", "kcenter"):
            return hint(f"answer with 'random', 'entropy' or 'kcenter', not {name[:40]!r}")
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
    return SOLVED


def hybrid(function: Callable[..., Any]) -> Verdict:
    """Exercise 4.6: k-center greedy among the most uncertain candidates."""
    import torch

    draw = np.random.default_rng(6)
    features, logits = draw.normal(size=(40, 3)), draw.normal(size=40)
    chosen, budget = draw.normal(size=(3, 3)), 5
    tensors = [torch.from_numpy(a.astype(np.float32)) for a in (features, logits, chosen)]
    generator = torch.Generator().manual_seed(0)
    try:
        answer = function(*(t.clone() for t in tensors), budget, generator)
    except Exception as error:  # as in answer_of, which cannot copy a torch generator
        return hint(f"your function stopped with {type(error).__name__}: {error}")
    picks = _picks(answer_of(lambda: answer), budget, len(features))
    if isinstance(picks, Verdict):
        return picks
    order = np.argsort(np.abs(logits))
    shortlist, certain = order[: 3 * budget], order[::-1][: 3 * budget]
    high, two = np.argsort(-logits)[: 3 * budget], order[: 2 * budget]
    inside = _greedy(features[shortlist], chosen, budget)
    sorted_inside = _greedy(features[np.sort(shortlist)], chosen, budget)
    spread = _greedy(features, chosen, 3 * budget)
    places = "those are positions in your shortlist: turn them back into positions of candidates"
    wrong = [  # picks count in any order, since the task asks for none
        (places, inside),
        (places, sorted_inside),  # the shortlist was sorted, then forgotten
        (
            "that is entropy alone: the shortlist is three budgets long, k-center picks from it",
            order[:budget],
        ),
        (
            "that is k-center alone: only the most uncertain candidates may be picked",
            spread[:budget],
        ),
        (
            "your shortlist holds the most certain candidates: the logits nearest to 0 are the "
            "uncertain ones",
            certain[_greedy(features[certain], chosen, budget)],
        ),
        (
            "your shortlist holds the largest logits; the uncertain ones are those nearest to 0",
            high[_greedy(features[high], chosen, budget)],
        ),
        (
            "the other way round: first the shortlist by entropy, then k-center among these",
            spread[np.argsort(np.abs(logits[spread]))[:budget]],
        ),
        (
            "your shortlist is two budgets long; make it three",
            two[_greedy(features[two], chosen, budget)],
        ),
    ]
    mine = np.sort(picks)
    if np.array_equal(mine, np.sort(shortlist[inside])):
        return SOLVED
    for text, mistake in wrong:
        if np.array_equal(mine, np.sort(mistake)):
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


def _picks(answer: Any, budget: int, candidates: int) -> Any:
    """The picks as an array, or the Verdict that says why they are none."""
    if isinstance(answer, Verdict):
        return answer
    if answer.shape != (budget,):
        return hint(f"return {budget} positions, one for each pick, not a shape of {answer.shape}")
    if not np.isfinite(answer).all() or (answer != answer.round()).any():
        return hint("return positions: whole numbers")
    if answer.min() < 0 or answer.max() >= candidates:
        return hint(f"positions run from 0 to {candidates - 1}; yours leave that range")
    if len(set(answer.tolist())) < budget:
        return hint(
            "a candidate is picked twice: once it is a centre its distance is 0, if every "
            "candidate keeps the smaller of its old distance and the one to the new centre"
        )
    return answer


def _greedy(
    features: np.ndarray,
    chosen: np.ndarray,
    budget: int,
    best: Callable[..., Any] = np.argmax,
    over: Callable[..., Any] = np.min,
    norm: int = 2,
    newest: bool = False,
) -> np.ndarray:
    """k-center greedy without haste: every distance anew for each pick. (budget,) positions.

    best, over, norm, newest: mistakes that a learner makes; without them it is the algorithm.
    """
    picks: list[int] = []
    for _ in range(budget):
        centres = np.concatenate([chosen, features[picks]])
        if newest and picks:
            centres = centres[-1:]
        distance = over(np.linalg.norm(features[:, None] - centres, ord=norm, axis=2), axis=1)
        distance[picks] = np.inf if best is np.argmin else -np.inf
        picks.append(int(best(distance)))
    return np.array(picks)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
