"""Algorithm 2 of the paper, and the benchmark it is compared with.

A round picks images, trains the encoder on all picked so far, fits a new proxy and scores it.
The benchmark trains on the whole pool at once; its "rounds" are its scorings. Both give a
``Run`` (see ``runs``), which is also a folder that a later call goes on from.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from activecl_nb import augment, profiles, runs, sampling, seeds, simclr, tasks
from activecl_nb.fast import distributed, layout
from activecl_nb.imbalance import Data
from activecl_nb.protocol import BENCHMARK, Plan, Protocol, image_epochs, plan
from activecl_nb.proxy import Proxy
from activecl_nb.runs import Round, Run
from activecl_nb.sampling import Strategy
from activecl_nb.tasks import pooled


@sampling.plain()
def run(
    protocol: Protocol,
    data: Data,
    strategy: str | Strategy,
    seed: int,
    out: str | os.PathLike[str] | None = None,
    *,
    task: str | None = None,
    device: str | None = None,
    progress: bool = True,
    on_round: Callable[[Run], None] | None = None,
) -> Run:
    """Algorithm 2: T rounds of picking, training, proxy and score.

    strategy: a name in ``sampling.STRATEGIES`` or a function with the same signature.
    out: the run's folder. If it holds finished rounds of this very run, they are kept and the
        next one follows.
    task: the protocol's ``task``, where it is to be another, see ``tasks``.
    on_round: called with the run so far after each round.

    ValueError: an unknown strategy, sizes that the data cannot meet, a folder that is damaged or
    holds another run, or (``runs.Busy``) that another process is at. FileNotFoundError: the
    folder vanished while the run went on. Ctrl-C loses the round it interrupts, no other.
    """
    from tqdm.auto import tqdm

    if distributed.rank() > 0:
        raise ValueError("only rank 0 runs the rounds; call experiment.follow on the others")
    on = profiles.device(device)
    protocol = Protocol.of(protocol, task=task or protocol.task)
    fresh = runs.fresh(protocol, data, strategy, seed, on)
    with runs.writing(fresh, out) as begun:
        distributed.same("protocol or data", json.dumps(runs.identity(begun)))
        state = State.of(begun, data, on)
        if not (begun.rounds or begun.floors):
            begun = replace(begun, floors=floors(begun, data, state))
            if begun.path:
                runs.save_floors(begun)
        work = image_epochs(protocol, begun.strategy, len(begun.pool))
        bar = tqdm(
            total=sum(work),
            initial=sum(work[: len(begun.rounds)]),
            desc=f"{begun.strategy}, seed {fresh.seed}",
            unit="image",
            unit_scale=True,
            disable=not progress,
        )
        so_far = begun
        with bar:
            for so_far in algorithm_2(begun, data, strategy, state, bar.update):
                if so_far.path:
                    runs.save_round(so_far)
                bar.set_postfix_str(f"round {len(so_far.rounds)}/{len(work)}, {so_far.told()}")
                if on_round:
                    on_round(so_far)
        distributed.tell()  # the others may go
    return so_far


def benchmark(
    protocol: Protocol,
    data: Data,
    seed: int,
    out: str | os.PathLike[str] | None = None,
    *,
    device: str | None = None,
    progress: bool = True,
) -> Run:
    """Train on the whole pool for ``benchmark_epochs`` (section III-B).

    One unbroken training; every ``benchmark_every`` epochs it is scored, as a round of the run
    returned, by a new proxy of ``benchmark_proxy_epochs``.
    """
    return run(protocol, data, BENCHMARK, seed, out, device=device, progress=progress)


def algorithm_2(
    run: Run, data: Data, strategy: str | Strategy, state: State, on_images: Callable[[int], None]
) -> Iterator[Run]:
    """The run after each of its rounds: lines 3 to 10 of the paper's Algorithm 2.

    on_images: called after each batch of the training with its number of images.
    """
    for t in range(len(run.rounds), state.plan.rounds):  # line 5
        clock = Clock()
        if run.strategy == BENCHMARK:  # all of U at once
            picked = candidates = run.pool if t == 0 else run.pool[:0]
        elif t == 0:  # line 3: S_0 at random, the same for every strategy at one seed
            picked = candidates = first_subset(run)
        else:  # lines 8 and 9: the next subset, out of U without what is chosen
            candidates = draw_candidates(run, t)
            seen, known = state.features(candidates), state.features(known_to_strategy(run))
            logits = state.task.logits(state.proxy, seen)
            draw = seeds.generator(run.seed, "strategy", run.strategy, t)
            told = state.told(candidates, seen, known)  # doubt; truth, for the oracle alone
            seen, known = pooled(seen), pooled(known)
            picks = sampling.pick(strategy, seen, logits, known, run.protocol.budget, draw, **told)
            picked = candidates[picks.numpy()]
        chosen = np.concatenate([run.chosen(), picked])  # line 10
        clock.stop("select")

        distributed.tell([t, *chosen.tolist()])  # the other ranks train along, see follow
        losses = simclr.train(**state.training(t, chosen), on_batch=on_images)  # line 6
        clock.stop("train")

        labelled, answers = state.features(run.labelled), state.task.labels(run.labelled)
        state.proxy = state.task.fit(labelled, answers, **state.fitting(t))  # line 7: anew
        judged = judge(run, data, state, labelled)
        clock.stop("proxy")
        watched = state.task.watch(state.proxy, state.features(run.watched))
        clock.stop("watch")
        measured = {"losses": losses.numpy(), "seconds": clock.seconds, **watched, **judged}
        work = image_epochs(run.protocol, run.strategy, len(run.pool))[t]
        done = Round(t, picked, candidates, len(chosen), work, **measured)
        run = replace(run, rounds=(*run.rounds, done), weights=state.tensors())
        yield run


def first_subset(run: Run) -> np.ndarray:
    """S_0: as many images of the pool as the budget allows, at random."""
    draw = seeds.numpy_generator(run.seed, "first subset")
    return draw.choice(run.pool, run.protocol.budget, replace=False)


def draw_candidates(run: Run, t: int) -> np.ndarray:
    """The random part of what is left of U that a strategy chooses from; sorted positions."""
    left = np.setdiff1d(run.pool, run.chosen())
    draw = seeds.numpy_generator(run.seed, "candidates", t)
    return np.sort(draw.choice(left, min(run.protocol.candidates, len(left)), replace=False))


def known_to_strategy(run: Run) -> np.ndarray:
    """The images that k-center is seeded with: all that are chosen, or none."""
    return run.chosen() if run.protocol.kcenter_seed == "chosen" else run.pool[:0]


def judge(run: Run, data: Data, state: State, labelled: Tensor) -> dict[str, Any]:
    """What the encoder is worth now, as fields of a ``Round``; nothing is ever chosen by it.

    labelled: features of S_L.
    """
    task, test, way = state.task, state.test_features(), state.way
    targets, headline = task.targets(data.test), tasks.HEADLINES[run.protocol.task]
    on_way = [task.scores(targets, task.outputs(f_p, test))[headline] for f_p in way.values()]
    answers = task.targets(data.train)[torch.from_numpy(run.labelled)]
    cut = task.cut(answers, task.outputs(state.proxy, labelled))
    probed, values = probe_scores(run, data, task, labelled, test)
    return {
        "scores": task.scores(targets, task.outputs(state.proxy, test), cut)
        | {f"probe_{name}": value for name, value in probed.items()},
        "test_logits": values.numpy(),
        "proxy_epochs": np.array([*way]),
        "proxy_f1": np.array(on_way),
    }


def probe_scores(
    run: Run, data: Data, task: tasks.Classification, labelled: Tensor, test: Tensor
) -> tuple[dict[str, float], Tensor]:
    """Scores of the probe that is fitted on features of S_L, and its value of each test patch."""
    at = run.labelled
    patients = data.train.facts.get("patient")
    judged, cut = task.probe(
        labelled,
        task.targets(data.train)[torch.from_numpy(at)],
        groups=None if patients is None else patients[at],
        seed=run.seed,
    )
    scores = task.scores(task.targets(data.test), task.outputs(judged, test), cut)
    return scores, task.value(judged, test)


def floors(run: Run, data: Data, state: State) -> dict[str, dict[str, float]]:
    """What the same probe on the same labels reaches without any training: scores by name.

    "colour_moments": six numbers a patch, see ``proxy.colour_moments``. "untrained": features of
    the encoder as it was drawn. A comparison of encoders that do not beat both says nothing.
    """
    at, task = torch.from_numpy(run.labelled), state.task
    features = {
        "colour_moments": task.colours,
        "untrained": lambda images: task.see(state.model.encoder, images),
    }
    return {
        name: probe_scores(run, data, task, f(data.train.images[at]), f(data.test.images))[0]
        for name, f in features.items()
    }


@sampling.plain()
def follow(
    protocol: Protocol,
    data: Data,
    strategy: str | Strategy,
    seed: int,
    *,
    device: str | None = None,
) -> None:
    """What every rank but 0 does while that one is in ``run`` or ``benchmark``.

    Rank 0 alone picks, fits and scores the proxy, and reads and writes the run's folder: with one
    place that decides, no two ranks can come to train on different images because a sum rounded
    differently. The others hear the positions, take over rank 0's weights, and train their slice
    of every batch, until rank 0 has finished the last round.

    ValueError: this rank was given another protocol or other data than rank 0.
    """
    on = profiles.device(device)
    run = runs.fresh(protocol, data, strategy, seed, on)
    distributed.same("protocol or data", json.dumps(runs.identity(run)))
    state = State.of(run, data, on)
    while told := distributed.tell():
        t, *chosen = told
        simclr.train(**state.training(t, np.array(chosen)))


@dataclass
class State:
    """What one round hands to the next, and how it is trained and fitted by the protocol."""

    run: Run  # as it began; its rounds are not looked at
    data: Data
    plan: Plan
    model: simclr.SimCLR
    optimizer: torch.optim.Adam
    task: tasks.Classification
    proxy: Proxy = field(init=False)  # of the last round; before the first there is none
    way: dict[int, Proxy] = field(default_factory=dict)  # that proxy after so many of its epochs

    @classmethod
    def of(cls, run: Run, data: Data, device: torch.device) -> State:
        """The state after the run's last round, or that before the first."""
        protocol = run.protocol
        model = simclr.build(protocol, head=protocol.head, seed=run.seed)
        model = layout.arrange(model.to(device))
        optimizer = simclr.adam(model, protocol.learning_rate)
        task = tasks.of(protocol, data)
        state = cls(run, data, plan(protocol, run.strategy), model, optimizer, task)
        if run.weights:
            state.proxy = run.proxy()
        if run.weights and data.features is None:  # an encoder from elsewhere learns nothing
            model.encoder.load_state_dict(runs.part(run.weights, "encoder"))
            model.head.load_state_dict(runs.part(run.weights, "head"))
            if state.plan.carry_optimizer:
                state._take_moments(runs.part(run.weights, "optimizer"))
        return state

    def _take_moments(self, moments: dict[str, Tensor]) -> None:
        fused = self.optimizer.defaults["fused"]  # it counts its steps on the device too
        for i, p in enumerate(self.model.parameters()):
            self.optimizer.state[p] = {
                k: v.to(p.device if fused or v.ndim else "cpu")
                for k, v in runs.part(moments, i).items()
            }

    def told(self, candidates: np.ndarray, seen: Tensor, known: Tensor) -> dict[str, Tensor]:
        """What only some strategies ask for: of the candidates, and of the images known to them."""
        return {
            "truth": self.data.train_targets[torch.from_numpy(candidates)],
            "doubt": self.task.doubt(self.proxy, seen),
            "chosen_logits": self.task.logits(self.proxy, known),
        }

    def training(self, t: int, chosen: np.ndarray) -> dict[str, Any]:
        """What ``simclr.train`` is called with in round t."""
        protocol, whole = self.run.protocol, self.run.strategy == BENCHMARK
        first = t * self.plan.epochs if whole else 0  # the benchmark is one unbroken training
        return {
            "model": self.model,
            "images": self.data.train.images,
            "positions": torch.from_numpy(np.sort(chosen)),
            "recipe": simclr.Recipe(
                epochs=self.plan.total_epochs,
                batch_size=protocol.batch_size,
                learning_rate=protocol.learning_rate,
                schedule=protocol.schedule,
                temperature=protocol.temperature,
                family=augment.Family(rotation=protocol.rotation),
            ),
            "part": range(first, first + self.plan.epochs),
            "optimizer": self.optimizer if self.plan.carry_optimizer else None,
            "seed": self.run.seed,
            "round": 0 if whole else t,
        }

    def fitting(self, t: int) -> dict[str, Any]:
        """What the task's ``fit`` is called with in round t; its way begins anew."""
        protocol, self.way = self.run.protocol, {}
        return {
            "epochs": self.plan.proxy_epochs,
            "every": self.plan.proxy_every,
            "learning_rate": protocol.proxy_learning_rate,
            "standardise": protocol.standardise,
            "seed": self.run.seed,
            "round": t,
            "on_way": self.way.__setitem__,
        }

    def features(self, positions: np.ndarray) -> Tensor:
        """What a proxy sees of the training images here, float32 (n, d), or maps (n, h, w, d)."""
        at = torch.from_numpy(positions)
        if self.data.features is not None:
            return self.data.features[0][at]
        return self.task.see(self.model.encoder, self.data.train.images[at])

    def test_features(self) -> Tensor:
        """The same of the test patches."""
        if self.data.features is not None:
            return self.data.features[1]
        return self.task.see(self.model.encoder, self.data.test.images)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that the next round needs, by name, copied to the processor."""
        tensors = {"proxy.weight": self.proxy.weight, "proxy.bias": self.proxy.bias}
        if self.data.features is None:
            tensors |= self.model.state_dict()  # "encoder.0.weight" to "head.4.bias"
        for i, p in enumerate(self.model.parameters()):
            for name, value in self.optimizer.state.get(p, {}).items():
                tensors[f"optimizer.{i}.{name}"] = value
        return {k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()}


class Clock:
    """Seconds by part, wall time; and "processor", this process's over select and train."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()
        self._processor = time.process_time()

    def stop(self, part: str) -> None:
        now = time.perf_counter()
        self.seconds[part] = now - self._since
        self._since = now
        if part == "train":
            self.seconds["processor"] = time.process_time() - self._processor
