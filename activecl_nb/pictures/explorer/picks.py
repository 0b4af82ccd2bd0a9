"""What a strategy did in a round, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Summary:
    """What one strategy did in one round, in numbers: what stands under its panel.

    picked, so_far: int64 (classes,), how many of each class in this round, and up to it.
    f1: of the proxy at the end of the round; nan where it was not scored.
    entropy_picks, entropy_rest, distance_picks, distance_rest: means over the picks of this round
        and over the patches that stayed behind, before the pick; nan in round 0.
    farthest: the distance to the chosen set, after the round, of the patch that is worst off;
        k-center greedy makes this small.
    """

    strategy: str
    round: int
    picked: np.ndarray
    so_far: np.ndarray
    positive: int
    f1: float
    entropy_picks: float
    entropy_rest: float
    distance_picks: float
    distance_rest: float
    farthest: float

    def share(self, so_far: bool = False) -> float:
        """The share of the positive class among the picks; nan where nothing was picked."""
        counts = self.so_far if so_far else self.picked
        return float(counts[self.positive] / counts.sum()) if counts.sum() else float("nan")


@dataclass(frozen=True)
class Overlap:
    """How much two strategies' picks have in common.

    ``first`` and ``second`` are how many each picked, ``shared`` how many both did, ``chance``
    how many they would share had each drawn as many at random from its own candidates. These are
    what makes chance large: in round 1 all strategies of a seed choose from the same ones. So far
    leaves out round 0, the random first subset, which runs of one seed have in common anyway.
    """

    first: int
    second: int
    shared: int
    chance: float


@dataclass(frozen=True)
class Difference:
    """Where two strategies' picks differ: rows of the map, each group in the order picked.

    only_a, only_b: int64, picked by one of them alone; both: by both, in the order of the first.
    """

    only_a: np.ndarray
    both: np.ndarray
    only_b: np.ndarray


def mean(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")
