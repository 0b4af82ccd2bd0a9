"""Picking by hand: the learner as the strategy of a run, one round at a time.

The run is an ordinary one: Algorithm 2 with a strategy that returns what was picked by hand. It
stops after each round, since the next picks are made with the map in view, and goes on from its
folder when they are there. Nothing of it differs from any other strategy's run, so that its curve
may stand beside theirs.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from torch import Tensor

from activecl_nb import experiment, files, runs
from activecl_nb.imbalance import Data
from activecl_nb.runs import Run
from activecl_nb.runs.identity import differences

NAME = "hand"


class _Enough(Exception):
    """The round that was picked is trained; the next one has not been picked yet."""


class Hand:
    """A run whose picks are made by hand.

    like: a run whose protocol, seed and data it shares. out: its folder, in which it is stored as
    any run is; without one, a new folder among the system's temporary ones.

    run: what there is so far, None before the first round.
    """

    def __init__(self, like: Run, data: Data, out: str | os.PathLike[str] | None = None) -> None:
        self.like, self.data = like, data
        own = tempfile.mkdtemp(prefix="activecl-hand-") if out is None else out
        self.path = files.expanded(own)
        self.run = runs.load(self.path) if (self.path / "run.json").exists() else None
        if self.run is not None:
            self._check_kept(self.run)

    @property
    def round(self) -> int:
        """The round that is picked next; round 0 is the random first subset."""
        return max(1, len(self.run.rounds) if self.run else 0)

    @property
    def budget(self) -> int:
        """How many patches a round takes; 0 when all rounds are done."""
        return 0 if self.round >= self.like.protocol.rounds else self.like.protocol.budget

    @property
    def candidates(self) -> np.ndarray:
        """What may be picked in this round: positions in the train tissue, int64, sorted."""
        if self.run and self.run.rounds:
            return experiment.draw_candidates(self.run, self.round)
        return first_candidates(self.like)

    def pick(self, picks: Sequence[int], *, on_round: Callable[[Run], None] | None = None) -> Run:
        """Train the next round on these patches, positions in the train tissue, in their order.

        Before the first round, the random round 0 is trained as well. Returns the run so far.

        ValueError: too few or too many, one twice, or one that is no candidate.
        """
        chosen = self._checked(picks)
        wanted, candidates = self.round, self.candidates
        places = torch.from_numpy(np.searchsorted(candidates, chosen))

        def hand(
            features: Tensor,
            logits: Tensor,
            chosen_features: Tensor,
            budget: int,
            generator: torch.Generator,
        ) -> Tensor:
            """What was picked by hand."""
            return places

        def grown(run: Run) -> None:
            self.run = run
            if on_round:
                on_round(run)
            if len(run.rounds) > wanted:
                raise _Enough

        with contextlib.suppress(_Enough):
            experiment.run(
                self.like.protocol,
                self.data,
                hand,
                self.like.seed,
                self.path,
                progress=False,
                on_round=grown,
            )
        return self.run  # type: ignore[return-value]  # at least round 0 was trained above

    def _check_kept(self, kept: Run) -> None:
        asked = replace(self.like, strategy=kept.strategy, code=kept.code)
        if differ := differences(kept, asked):
            raise ValueError(
                f"{self.path} holds another run ({'; '.join(differ)}); "
                "name another folder in by_hand, or delete this one"
            )

    def _checked(self, picks: Sequence[int]) -> np.ndarray:
        chosen = np.asarray(picks, dtype=np.int64).reshape(-1)
        if not self.budget:
            raise ValueError(f"all {self.like.protocol.rounds} rounds of {self.path} are done")
        if len(chosen) != self.budget:
            raise ValueError(
                f"round {self.round} takes {self.budget} patches, not {len(chosen)}; "
                "pick more, or take some away"
            )
        if len(np.unique(chosen)) < len(chosen):
            raise ValueError("a patch is picked twice; each counts once")
        foreign = np.setdiff1d(chosen, self.candidates)
        if len(foreign):
            raise ValueError(
                f"patch {foreign[0]} is no candidate of round {self.round} "
                f"({len(foreign)} of the picks are not); pick among those that are not grey"
            )
        return chosen


def kept(like: Run, data: object, out: str | os.PathLike[str] | None) -> Hand | None:
    """The run by hand that an earlier day left in this folder; None where there is none."""
    if out is None or possible(like, data) or not (files.expanded(out) / "run.json").exists():
        return None
    return Hand(like, cast("Data", data), out)


def first_candidates(run: Run) -> np.ndarray:
    """The candidates of round 1, the same for every strategy at one seed; none without a round."""
    if len(run.rounds) > 1:
        return np.asarray(run.rounds[1].candidates)
    if not run.rounds or not hasattr(run, "protocol"):
        return np.empty(0, dtype=np.int64)
    return experiment.draw_candidates(replace(run, rounds=run.rounds[:1]), 1)


def possible(run: Run, data: object) -> str:
    """Why no round can be trained here, in words; empty where one can."""
    if not hasattr(run, "protocol"):
        return "these runs do not say by which protocol they were made"
    if getattr(data, "test", None) is None:
        return "training a round needs the test patches as well"
    return ""
