"""Orders of candidates: the largest scores first, groups in turn; ties go by the generator."""

from __future__ import annotations

import torch
from torch import Tensor


def largest(scores: Tensor, budget: int, generator: torch.Generator) -> Tensor:
    """Positions of the largest scores, the largest first; the generator orders equal ones."""
    shuffled = torch.randperm(len(scores), generator=generator)
    order = scores.cpu()[shuffled].argsort(descending=True, stable=True)
    return shuffled[order[:budget]]


def in_turn(
    scores: Tensor, groups: Tensor, order: Tensor, budget: int, generator: torch.Generator
) -> Tensor:
    """The groups take turns: the best of each, then the second best of each, and so on.

    scores (n,): the largest is best, and the generator orders equal ones; groups int64 (n,):
    numbers of groups; order: all of these numbers, in the order in which they take turns. A
    group that has no more is passed over. Returns int64 (budget,).
    """
    best_first = largest(scores, len(scores), generator)
    groups = groups[best_first]
    by_group = groups.argsort(stable=True)  # still the best first within each group
    sizes = torch.bincount(groups, minlength=len(order))
    starts = sizes.cumsum(0) - sizes
    turn, place = torch.empty_like(groups), torch.empty_like(order)
    turn[by_group] = torch.arange(len(groups)) - starts[groups[by_group]]
    place[order] = torch.arange(len(order))
    return best_first[(turn * len(order) + place[groups]).argsort()[:budget]]


def rarest_first(groups: Tensor, generator: torch.Generator) -> Tensor:
    """The numbers of the groups, 0 to the largest, the one with the fewest members first."""
    counts = torch.bincount(groups)
    return largest(-counts, len(counts), generator)
