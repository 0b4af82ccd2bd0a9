"""k-center greedy as a learner may get it wrong, alone and among the most uncertain.

A mistake is known by its picks, so each is carried out here on the check's own points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def kcenter(
    features: np.ndarray,
    chosen: np.ndarray,
    budget: int,
    best: Callable[..., Any] = np.argmax,
    over: Callable[..., Any] = np.min,
    norm: float = 2,
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


def _begun_with(
    features: np.ndarray, chosen: np.ndarray, budget: int, over: Callable[..., Any]
) -> np.ndarray:
    """k-center by keeping the nearest distance, begun with this of those to what is chosen."""
    nearest = over(np.linalg.norm(features[:, None] - chosen, axis=2), axis=1)
    picks: list[int] = []
    for _ in range(budget):
        picks.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(features - features[picks[-1]], axis=1))
    return np.array(picks)


def in_what_is_left(features: np.ndarray, chosen: np.ndarray, budget: int) -> list[int]:
    """The picks as positions among the candidates that are left, which are fewer each time."""
    left = list(range(len(features)))
    picks = []
    for pick in kcenter(features, chosen, budget).tolist():
        picks.append(left.index(pick))
        left.remove(pick)
    return picks


def _added_up(features: np.ndarray, chosen: np.ndarray, budget: int) -> np.ndarray:
    """Distances to all picks are added to the nearest of the first ones."""
    distance = np.linalg.norm(features[:, None] - chosen, axis=2).min(axis=1)
    picks: list[int] = []
    for _ in range(budget):
        picks.append(int(distance.argmax()))
        distance = distance + np.linalg.norm(features - features[picks[-1]], axis=1)
        distance[picks] = -np.inf
    return np.array(picks)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _other_distances(
    features: np.ndarray, chosen: np.ndarray, budget: int
) -> Iterator[tuple[str, np.ndarray]]:
    for word, over in (("mean", np.mean), ("largest", np.max), ("sum", np.sum)):
        yield (
            f"you begin with the {word} of a candidate's distances to all that is chosen; only the "
            "nearest of these covers it, so begin with the smallest: .min(dim=1).values",
            _begun_with(features, chosen, budget, over),
        )
    yield (
        "you add the distance to a new centre; keep the smaller of it and the old one",
        _added_up(features, chosen, budget),
    )
    yield (
        "those are the farthest from the middle of all candidates; k-center asks how far each is "
        "from what is chosen",
        np.argsort(-np.linalg.norm(features - features.mean(0), axis=1))[:budget],
    )


def _scaled(
    features: np.ndarray, chosen: np.ndarray, budget: int
) -> Iterator[tuple[str, np.ndarray]]:
    text = "you scale the features first; take the distances of the features as they are"
    for all_of in (features, np.concatenate([features, chosen])):
        mean = all_of.mean(0)
        for ddof in (0, 1):
            deviation = all_of.std(0, ddof=ddof)
            yield text, kcenter((features - mean) / deviation, (chosen - mean) / deviation, budget)


def kcenter_mistakes(
    features: np.ndarray, chosen: np.ndarray, budget: int
) -> list[tuple[str, np.ndarray]]:
    """Hint, and the picks that the mistake gives."""
    together = np.concatenate([chosen, features])
    nearest = np.linalg.norm(features[:, None] - chosen, axis=2).min(1)
    alone = "what is chosen already counts as centres too: begin with its distances"
    starts = [
        (alone, np.array([start, *kcenter(features, features[[start]], budget - 1)]))
        for start in range(len(features))
    ]
    others: dict[str, dict[str, Any]] = {
        "you pick the nearest candidate, which is covered already: pick the farthest": {
            "best": np.argmin
        },
        "you average the distances to all centres; only the nearest centre covers a point": {
            "over": np.mean
        },
        "you take the distance to the farthest centre; it is the nearest that covers a point": {
            "over": np.max
        },
        "you keep the distance to the newest centre alone: a candidate's distance is to the "
        "nearest of all centres, so keep the smaller of the old and the new one": {"newest": True},
        "the distance is Euclidean: square the differences, add, take the root": {"norm": 1},
        "you take the largest difference of any feature; the distance is Euclidean: square the "
        "differences, add, take the root": {"norm": np.inf},
    }
    return [
        *starts,
        *((text, kcenter(features, chosen, budget, **how)) for text, how in others.items()),
        *_other_distances(features, chosen, budget),
        (
            "you count candidates from 1; positions count from 0",
            kcenter(features, chosen, budget) + 1,
        ),
        *_scaled(features, chosen, budget),
        (
            "those are the farthest from the chosen set, all at once: each pick is a new centre, "
            "so update the distances after it",
            np.argsort(-nearest)[:budget],
        ),
        (
            "all that is chosen already counts, not only its first point",
            kcenter(features, chosen[:1], budget),
        ),
        (
            "all that is chosen already counts, not its mean",
            kcenter(features, chosen.mean(0, keepdims=True), budget),
        ),
        (
            "those are positions in the chosen and the candidates joined; count from the first "
            "candidate",
            kcenter(together, chosen, budget),
        ),
        (
            "you compare directions (cosine); take the Euclidean distance of the features as they "
            "are",
            kcenter(_unit(features), _unit(chosen), budget),
        ),
    ]


def hybrid_mistakes(
    features: np.ndarray, logits: np.ndarray, chosen: np.ndarray, budget: int
) -> list[tuple[str, np.ndarray]]:
    """Hint, and the picks that the mistake gives."""
    order = np.argsort(np.abs(logits))
    shortlist, certain = order[: 3 * budget], order[::-1][: 3 * budget]
    high, two = np.argsort(-logits)[: 3 * budget], order[: 2 * budget]
    low = np.argsort(logits)[: 3 * budget]
    spread = kcenter(features, chosen, 3 * budget)

    def inside(these: np.ndarray) -> np.ndarray:
        return these[kcenter(features[these], chosen, budget)]

    places = "those are positions in your shortlist: turn them back into positions of candidates"
    # Sorting the shortlist and forgetting it afterwards is the same mistake.
    unsorted = kcenter(features[shortlist], chosen, budget)
    in_order = kcenter(features[np.sort(shortlist)], chosen, budget)
    return [
        (places, unsorted),
        (places, in_order),
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
            inside(certain),
        ),
        (
            "your shortlist holds the largest logits; the uncertain ones are those nearest to 0",
            inside(high),
        ),
        (
            "your shortlist holds the smallest logits; the uncertain ones are those nearest to 0 "
            "(sampling.entropy_of takes logits, not probabilities)",
            inside(low),
        ),
        (
            "the other way round: first the shortlist by entropy, then k-center among these",
            spread[np.argsort(np.abs(logits[spread]))[:budget]],
        ),
        ("your shortlist is two budgets long; make it three", inside(two)),
        (
            "k-center starts from the most uncertain candidate, as if nothing were chosen; hand "
            "it chosen_features",
            np.concatenate(
                [
                    shortlist[:1],
                    shortlist[1:][
                        kcenter(features[shortlist[1:]], features[shortlist[:1]], budget - 1)
                    ],
                ]
            ),
        ),
    ]
