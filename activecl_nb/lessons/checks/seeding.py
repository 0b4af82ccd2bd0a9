"""Whether a learner's strategy draws with the generator that it is given, and with no other."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from activecl_nb.lessons.checks.bodies import code_of, names_in
from activecl_nb.lessons.checks.verdict import as_array, refuse, returned_by

MAKERS = {"default_rng", "RandomState", "Generator", "Random"}  # NumPy's, torch's and Python's


def only_the_given(function: Callable[..., Any], *inputs: Any) -> None:
    """NotSolved: the function seeds what is not its own, or draws alike whatever it is given.

    inputs: those of a strategy, without the generator.
    """
    if _seeds(function, *inputs):
        refuse(
            "you seed: torch.manual_seed and np.random.seed change the draws of all other code, "
            "generator.manual_seed makes each round draw alike; only draw with generator=generator"
        )
    code = code_of(function) or code_of(type(function).__call__)
    if MAKERS & {*names_in(code)} and _draws_alike(function, *inputs):
        refuse(
            "you make a generator of your own, so that all rounds and seeds draw alike; draw with "
            "the one that you are given, generator=generator"
        )


def _seeds(function: Callable[..., Any], *inputs: Any) -> bool:
    """Whether a call moves a random state that all code shares, or seeds the generator."""
    from activecl_nb.sampling.apart import STREAMS, apart

    def shared() -> str:
        return repr([getattr(read(), "tolist", read)() for read, _ in STREAMS])

    draw = _generator(1)
    begun = draw.initial_seed()
    with apart(271_828_182):  # a state in which no earlier call left them
        before = shared()
        returned_by(functools.partial(function, *copy.deepcopy(inputs), draw))
        return shared() != before or draw.initial_seed() != begun


def _draws_alike(function: Callable[..., Any], *inputs: Any) -> bool:
    """Whether three generators give the same picks."""
    picks = [
        as_array(returned_by(functools.partial(function, *copy.deepcopy(inputs), _generator(k))))
        for k in (1, 2, 3)
    ]
    return all(np.array_equal(picks[0], other) for other in picks[1:])


def _generator(k: int) -> Any:
    from activecl_nb import seeds

    return seeds.generator(0, "strategy exercise", k)
