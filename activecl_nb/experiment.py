"""Algorithm 2 of the paper, and the benchmark it is compared with.

A round picks images, trains the encoder on all picked so far, fits a new proxy and scores it:

    S_0 at random, then by the strategy from the encoder and proxy of the round before
    train g(f(.)) on S_0 + ... + S_t, from the weights of the round before
    fit f_p on the features of S_L
    score f_p on the test set; nothing is ever chosen by that score

The benchmark trains on the whole pool at once. Both give a ``Run``, which is also a folder:

    run.json              protocol, strategy, seed, and a fingerprint of the data
    split.npz             positions of the pool, of S_L, and of the images that are watched
    rounds.csv            a line a round; a round is finished when its line is there
    round-00.npz ...      picks, candidates, losses and logits of a round
    weights-05.safetensors    encoder, head, proxy (and optimiser) after the last round

Finished rounds are never lost, and a run that was killed goes on from the last of them as if
nothing had happened, since every random draw has a name of its own (see ``seeds``).
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from activecl_nb import augment, files, imbalance, profiles, proxy, sampling, seeds, simclr
from activecl_nb.fast import distributed, layout
from activecl_nb.imbalance import Data
from activecl_nb.profiles import Profile

if TYPE_CHECKING:
    import pandas as pd

BENCHMARK = "benchmark"  # the strategy's name in a benchmark's Run
WATCHED = 10_000  # so many images of the pool have their logits recorded each round


@dataclass(frozen=True)
class Protocol(Profile):
    """A profile's sizes, and a named choice wherever the paper is silent.

    head: "paper" (3 layers of 128) or "simclr" (2 layers with batch norm, the released code's).
    temperature: tau of NT-Xent.
    schedule: "constant", or "cosine" down to a tenth as in the released code.
    carry_optimizer: whether Adam's moments are kept from round to round.
    rotation: "right-angles", "continuous" or "none".
    kcenter_seed: "chosen" seeds k-center with the features of all images picked so far,
        "none" starts it from nothing, as the released code does.
    proxy_classes: "two" for the positive class against the rest, as in the paper; "all" for a
        softmax over every class, in which entropy, margin and least confidence differ.
    """

    head: str = "paper"
    temperature: float = 0.1
    schedule: str = "constant"
    carry_optimizer: bool = False
    rotation: str = "right-angles"
    kcenter_seed: str = "chosen"
    proxy_classes: str = "two"

    def __post_init__(self) -> None:
        if self.proxy_classes not in ("two", "all"):
            raise ValueError(f"proxy_classes must be 'two' or 'all', not {self.proxy_classes!r}")
        if self.kcenter_seed not in ("chosen", "none"):
            raise ValueError(f"kcenter_seed must be 'chosen' or 'none', not {self.kcenter_seed!r}")
        if self.budget < self.batch_size:
            raise ValueError(
                f"a budget of {self.budget} images does not fill one batch of {self.batch_size}; "
                "raise the budget or lower batch_size"
            )

    @classmethod
    def paper(cls) -> Protocol:
        """The paper's protocol, value for value."""
        return cls()

    @classmethod
    def of(cls, profile: Profile | str, **choices: object) -> Protocol:
        """The protocol at a profile's sizes; ``choices`` override any field."""
        if isinstance(profile, str):
            profile = profiles.current(profile)
        return cls(**{**asdict(profile), **choices})

    def differences(self) -> dict[str, tuple[object, object]]:
        """What departs from ``Protocol.paper()``: name -> (the paper's value, this one's)."""
        ours, paper = asdict(self), asdict(Protocol.paper())
        return {k: (paper[k], ours[k]) for k in ours if k != "name" and ours[k] != paper[k]}

    @property
    def family(self) -> augment.Family:
        """The augmentations T."""
        return augment.Family(rotation=self.rotation)


@dataclass(frozen=True)
class Round:
    """What one round did. Positions are positions in ``data.train``.

    number: 0 for the round of the random first subset.
    picked: int64, the images added in this round, in the order picked.
    candidates: int64, what they were chosen from.
    images: how many images the encoder was trained on in this round, all rounds' picks together.
    image_epochs: how many image passes that took (the last partial batch is dropped).
    losses: float32 (epochs,), the mean NT-Xent loss of each epoch.
    watched_logits: float32, the proxy's logits (positive against the rest) at the round's end,
        of ``run.watched``.
    proxy_epochs, proxy_f1: F1 on the test set after so many proxy epochs.
    scores: see ``proxy.scores``, after the last proxy epoch.
    seconds: wall time by part: select, train, proxy, watch; and "processor", what select and
        train took of this process's processor time, which other programs beside it do not change.
    """

    number: int
    picked: np.ndarray
    candidates: np.ndarray
    images: int
    image_epochs: int
    losses: np.ndarray
    watched_logits: np.ndarray
    proxy_epochs: np.ndarray
    proxy_f1: np.ndarray
    scores: dict[str, float]
    seconds: dict[str, float]


@dataclass(frozen=True)
class Run:
    """A strategy's rounds under one protocol and seed.

    pool, labelled: int64 positions in ``data.train`` of U (before any pick) and of S_L.
    watched: int64, the part of the pool whose logits every round records: all of it up to
        10,000 images; the same for every strategy at one seed.
    weights: tensors of the encoder, head and proxy after the last round.
    path: the run's folder, if it has one.
    """

    protocol: Protocol
    strategy: str
    seed: int
    data: dict[str, object]
    pool: np.ndarray
    labelled: np.ndarray
    watched: np.ndarray
    rounds: tuple[Round, ...] = ()
    weights: dict[str, Tensor] = field(default_factory=dict, repr=False)
    path: Path | None = None

    def chosen(self, round: int | None = None) -> np.ndarray:
        """Positions of all images picked up to this round (default: the last), in order."""
        rounds = self.rounds if round is None else self.rounds[: round + 1]
        return np.concatenate([np.empty(0, np.int64), *(r.picked for r in rounds)])

    def encoder(self) -> torch.nn.Module:
        """The trained encoder f, in eval mode on the processor.

        ValueError: the run was stored without its weights.
        """
        if not self.weights:
            raise ValueError(
                f"{self.path or self!r} holds no weights; train it again with experiment.run"
            )
        model = simclr.build_encoder(self.protocol.width, self.protocol.stem)
        model.load_state_dict(_part(self.weights, "encoder"))
        return layout.arrange(model.eval())

    def proxy(self) -> proxy.Proxy:
        """The proxy f_p of the last round."""
        return proxy.Proxy(**_part(self.weights, "proxy"))

    def table(self) -> pd.DataFrame:
        """A row a round: images, image-epochs, seconds and scores.

        Scores are those after the last proxy epoch, and F1 has two more columns, which differ
        where a proxy is scored on its way (the benchmark's is): f1_same_proxy, the last that is
        not past the epochs of a loop's proxy, or the first; f1_best, the highest of all, chosen
        with the test set in view, as the paper reports the benchmark's (section III-D).
        """
        import pandas as pd

        return pd.DataFrame([{**_row(r), **self._f1_on_the_way(r)} for r in self.rounds])

    def _f1_on_the_way(self, one: Round) -> dict[str, float]:
        past = np.searchsorted(one.proxy_epochs, self.protocol.proxy_epochs, side="right")
        same = one.proxy_f1[max(0, past - 1)]
        return {"f1_same_proxy": float(same), "f1_best": float(one.proxy_f1.max())}

    @property
    def finished(self) -> bool:
        """Whether every round of the protocol is there."""
        return len(self.rounds) == _plan(self.protocol, self.strategy).rounds

    def __repr__(self) -> str:
        last = f", F1 {self.rounds[-1].scores['f1']:.3f}" if self.rounds else ""
        return (
            f"Run({self.strategy}, seed {self.seed}, profile {self.protocol.name}, "
            f"{len(self.rounds)} rounds{last})"
        )


def run(
    protocol: Protocol,
    data: Data,
    strategy: str | Callable[..., Tensor],
    seed: int,
    out: str | os.PathLike[str] | None = None,
    *,
    device: str | None = None,
    progress: bool = True,
    on_round: Callable[[Run], None] | None = None,
) -> Run:
    """Algorithm 2: T rounds of picking, training, proxy and score.

    strategy: a name in ``sampling.STRATEGIES`` or a function with the same signature.
    out: the run's folder. If it holds finished rounds of this very run, they are kept and the
        next one follows.
    on_round: called with the run so far after each round.

    ValueError: an unknown strategy, sizes that the data cannot meet, or a folder that holds
    another run. Ctrl-C loses the round it interrupts, no other.
    """
    return _rounds(protocol, data, strategy, seed, out, device, progress, on_round)


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
    return _rounds(protocol, data, BENCHMARK, seed, out, device, progress, None)


def image_epochs(protocol: Protocol, strategy: str) -> list[int]:
    """Image passes of each round, by arithmetic: what a run will have trained on.

    Round t of the loop passes t x budget images ``epochs`` times, the benchmark the whole pool.
    """
    plan = _plan(protocol, strategy)
    whole = protocol.train_images - protocol.labelled
    return [_image_epochs(protocol, plan, n) for n in _sizes(protocol, strategy, whole)]


def equal_work(protocol: Protocol, target: int) -> Protocol:
    """The same loop with as many epochs a round as bring its image-epochs closest to ``target``.

    A strategy that wins over one that trained less has shown nothing. This gives random picks
    (or any others) the work of the benchmark: ``target=sum(image_epochs(protocol, BENCHMARK))``.
    """
    once = sum(image_epochs(replace(protocol, epochs=1), "random"))
    return replace(protocol, epochs=max(1, round(target / once)))


@dataclass(frozen=True)
class _Plan:
    """How many rounds, and how much work in each: the loop and the benchmark differ in this."""

    rounds: int
    epochs: int
    proxy_epochs: int
    proxy_every: int
    carry_optimizer: bool


def _plan(protocol: Protocol, strategy: str) -> _Plan:
    if strategy != BENCHMARK:
        epochs = protocol.proxy_epochs
        return _Plan(protocol.rounds, protocol.epochs, epochs, epochs, protocol.carry_optimizer)
    if protocol.benchmark_epochs % protocol.benchmark_every:
        raise ValueError(
            f"benchmark_epochs {protocol.benchmark_epochs} is not a multiple of "
            f"benchmark_every {protocol.benchmark_every}"
        )
    return _Plan(
        rounds=protocol.benchmark_epochs // protocol.benchmark_every,
        epochs=protocol.benchmark_every,
        proxy_epochs=protocol.benchmark_proxy_epochs,
        proxy_every=protocol.benchmark_proxy_every,
        carry_optimizer=True,
    )


def _rounds(
    protocol: Protocol,
    data: Data,
    strategy: str | Callable[..., Tensor],
    seed: int,
    out: str | os.PathLike[str] | None,
    device: str | None,
    progress: bool,
    on_round: Callable[[Run], None] | None,
) -> Run:
    from tqdm.auto import tqdm

    if distributed.rank() > 0:
        raise ValueError("only rank 0 runs the rounds; call experiment.follow on the others")
    run = _begin(protocol, data, strategy, seed, out)
    distributed.same("protocol or data", json.dumps(_identity(run)))
    plan = _plan(protocol, run.strategy)
    state = _State.of(run, plan, profiles.device(device))
    work = [_image_epochs(protocol, plan, n) for n in _sizes(protocol, run.strategy, len(run.pool))]
    bar = tqdm(
        total=sum(work),
        initial=sum(work[: len(run.rounds)]),
        desc=f"{run.strategy}, seed {seed}",
        unit="image",
        unit_scale=True,
        disable=not progress,
    )
    with bar:
        for number in range(len(run.rounds), plan.rounds):
            one = _one_round(run, data, strategy, plan, state, number, bar.update)
            run = replace(run, rounds=(*run.rounds, one), weights=state.tensors())
            if run.path:
                _save_round(run)
            bar.set_postfix_str(f"round {number + 1}/{plan.rounds}, F1 {one.scores['f1']:.3f}")
            if on_round:
                on_round(run)
    distributed.tell([])  # the others may go
    return run


def follow(
    protocol: Protocol,
    data: Data,
    strategy: str | Callable[..., Tensor],
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
    run = _begin(protocol, data, strategy, seed, None)
    distributed.same("protocol or data", json.dumps(_identity(run)))
    plan = _plan(protocol, run.strategy)
    state = _State.of(run, plan, profiles.device(device))
    while told := distributed.tell():
        number, *chosen = told
        _train(run, plan, state, data.train.images, np.array(chosen), number)


def _one_round(
    run: Run,
    data: Data,
    strategy: str | Callable[..., Tensor],
    plan: _Plan,
    state: _State,
    number: int,
    on_images: Callable[[int], None],
) -> Round:
    """Lines 6 to 10 of Algorithm 2."""
    protocol, images, clock = run.protocol, data.train.images, _Clock()

    picked, candidates = _select(run, images, strategy, state, number)
    chosen = np.concatenate([run.chosen(), picked])
    clock.stop("select")

    distributed.tell([number, *chosen.tolist()])
    losses = _train(run, plan, state, images, chosen, number, on_images)
    clock.stop("train")
    clock.seconds["processor"] = clock.processor()

    def features(positions: np.ndarray) -> Tensor:
        return simclr.encode(state.model.encoder, images[torch.from_numpy(positions)])

    test_features = simclr.encode(state.model.encoder, data.test.images)
    two = protocol.proxy_classes == "two"
    targets = data.train_targets if two else data.train.labels
    positive = data.train.class_names.index(data.positive)
    epochs, f1 = [], []
    for epoch, state.proxy in proxy.fit_steps(
        features(run.labelled),
        targets[torch.from_numpy(run.labelled)],
        epochs=plan.proxy_epochs,
        every=plan.proxy_every,
        learning_rate=protocol.proxy_learning_rate,
        standardise=protocol.standardise,
        classes=None if two else len(data.train.class_names),
        seed=run.seed,
        round=number,
    ):
        logits = proxy.against_rest(state.proxy.logits(test_features), positive)
        scores = proxy.scores(data.test_targets, logits)
        epochs.append(epoch)
        f1.append(scores["f1"])
    clock.stop("proxy")

    watched = proxy.against_rest(state.proxy.logits(features(run.watched)), positive).numpy()
    clock.stop("watch")
    return Round(
        number=number,
        picked=picked,
        candidates=candidates,
        images=len(chosen),
        image_epochs=_image_epochs(protocol, plan, len(chosen)),
        losses=losses.numpy(),
        watched_logits=watched,
        proxy_epochs=np.array(epochs),
        proxy_f1=np.array(f1),
        scores=scores,
        seconds=clock.seconds,
    )


def _train(
    run: Run,
    plan: _Plan,
    state: _State,
    images: Tensor,
    chosen: np.ndarray,
    number: int,
    on_images: Callable[[int], None] = lambda images: None,
) -> Tensor:
    """Line 7: train encoder and head on the chosen images; on every rank, see ``follow``."""
    protocol, whole = run.protocol, run.strategy == BENCHMARK
    recipe = simclr.Recipe(
        epochs=protocol.benchmark_epochs if whole else plan.epochs,
        batch_size=protocol.batch_size,
        learning_rate=protocol.learning_rate,
        schedule=protocol.schedule,
        temperature=protocol.temperature,
        family=protocol.family,
    )
    first = number * plan.epochs if whole else 0  # the benchmark is one unbroken training
    return simclr.train(
        state.model,
        images,
        torch.from_numpy(np.sort(chosen)),
        recipe,
        part=range(first, first + plan.epochs),
        optimizer=state.optimizer if plan.carry_optimizer else None,
        seed=run.seed,
        round=0 if whole else number,
        on_batch=on_images,
    )


def _select(
    run: Run,
    images: Tensor,
    strategy: str | Callable[..., Tensor],
    state: _State,
    number: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Lines 3 and 9: the images that this round adds, and what they were chosen from."""
    protocol, seed = run.protocol, run.seed
    if run.strategy == BENCHMARK:
        everything = run.pool if number == 0 else run.pool[:0]
        return everything, everything
    if number == 0:  # the same first subset for every strategy at one seed
        draw = seeds.numpy_generator(seed, "first subset")
        first = draw.choice(run.pool, protocol.budget, replace=False)
        return first, first
    chosen = run.chosen()
    left = np.setdiff1d(run.pool, chosen)
    draw = seeds.numpy_generator(seed, "candidates", number)
    candidates = np.sort(draw.choice(left, min(protocol.candidates, len(left)), replace=False))
    features = simclr.encode(state.model.encoder, images[torch.from_numpy(candidates)])
    known = chosen if protocol.kcenter_seed == "chosen" else chosen[:0]
    picks = sampling.pick(
        strategy,
        features,
        state.proxy.logits(features),
        simclr.encode(state.model.encoder, images[torch.from_numpy(known)]),
        protocol.budget,
        seeds.generator(seed, "strategy", run.strategy, number),
    )
    return candidates[picks.numpy()], candidates


@dataclass
class _State:
    """What one round hands to the next."""

    model: simclr.SimCLR
    device: torch.device
    optimizer: torch.optim.Adam
    proxy: proxy.Proxy | None = None

    @classmethod
    def of(cls, run: Run, plan: _Plan, device: torch.device) -> _State:
        """The state after the run's last round, or that before the first."""
        protocol = run.protocol
        encoder = simclr.build_encoder(protocol.width, protocol.stem, seed=run.seed)
        features = simclr.feature_count(encoder)
        head = simclr.build_head(features, kind=protocol.head, seed=run.seed)
        model = layout.arrange(simclr.SimCLR(encoder, head).to(device))
        state = cls(model, device, simclr.adam(model, protocol.learning_rate))
        if run.weights:
            encoder.load_state_dict(_part(run.weights, "encoder"))
            head.load_state_dict(_part(run.weights, "head"))
            state.proxy = run.proxy()
            moments = _part(run.weights, "optimizer")
            fused = state.optimizer.defaults["fused"]  # it counts its steps on the device too
            if plan.carry_optimizer:
                for i, p in enumerate(model.parameters()):
                    state.optimizer.state[p] = {
                        k: v.to(p.device if fused or v.ndim else "cpu")
                        for k, v in _part(moments, i).items()
                    }
        return state

    def tensors(self) -> dict[str, Tensor]:
        """Everything that the next round needs, by name, copied to the processor."""
        found = {
            **{f"encoder.{k}": v for k, v in self.model.encoder.state_dict().items()},
            **{f"head.{k}": v for k, v in self.model.head.state_dict().items()},
            "proxy.weight": self.proxy.weight,
            "proxy.bias": self.proxy.bias,
        }
        for i, p in enumerate(self.model.parameters()):
            for name, value in self.optimizer.state.get(p, {}).items():
                found[f"optimizer.{i}.{name}"] = value
        return {k: v.detach().cpu().clone().contiguous() for k, v in found.items()}


def _part(tensors: dict[str, Tensor], name: str | int) -> dict[str, Tensor]:
    prefix = f"{name}."
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


class _Clock:
    """Seconds by part, wall time; and the processor's since the start."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()
        self._processor = time.process_time()

    def processor(self) -> float:
        return time.process_time() - self._processor

    def stop(self, part: str) -> None:
        now = time.perf_counter()
        self.seconds[part] = now - self._since
        self._since = now


def _sizes(protocol: Protocol, strategy: str, pool: int) -> list[int]:
    """Images trained on in each round."""
    rounds = _plan(protocol, strategy).rounds
    if strategy == BENCHMARK:
        return [pool] * rounds
    return [protocol.budget * (t + 1) for t in range(rounds)]


def _image_epochs(protocol: Protocol, plan: _Plan, images: int) -> int:
    return images // protocol.batch_size * protocol.batch_size * plan.epochs


# ---- a run as a folder ------------------------------------------------------------------


def _begin(
    protocol: Protocol,
    data: Data,
    strategy: str | Callable[..., Tensor],
    seed: int,
    out: str | os.PathLike[str] | None,
) -> Run:
    """The run with no rounds yet, or with those that its folder holds."""
    # An unknown name should fail now, not after the first round.
    name = BENCHMARK if strategy == BENCHMARK else sampling.named(strategy)[0]
    pool, labelled = imbalance.split(len(data.train), protocol.labelled, seed)
    needed = protocol.rounds * protocol.budget
    if name != BENCHMARK and needed > len(pool):
        raise ValueError(
            f"{protocol.rounds} rounds of {protocol.budget} images need {needed}, but the pool "
            f"of {data.train.source} holds {len(pool)}; lower rounds or budget, or load more images"
        )
    if len(pool) < protocol.batch_size:
        raise ValueError(
            f"the pool of {data.train.source} holds {len(pool)} images, less than one batch of "
            f"{protocol.batch_size}; load more images or lower batch_size"
        )
    draw = seeds.numpy_generator(seed, "watched")
    watched = np.sort(draw.choice(pool, min(WATCHED, len(pool)), replace=False))
    fresh = Run(
        protocol,
        name,
        seed,
        fingerprint(data),
        pool,
        labelled,
        watched,
        path=Path(out) if out is not None else None,
    )
    if fresh.path is None:
        return fresh
    if (fresh.path / "run.json").exists():
        found = load(fresh.path)
        _same_run(found, fresh)
        if found.rounds and not found.weights and not found.finished:
            raise ValueError(
                f"{found.path} holds {len(found.rounds)} finished rounds but no weights to go on "
                "from; restore them, or choose another folder"
            )
        return found
    if fresh.path.exists() and any(fresh.path.iterdir()):
        raise ValueError(
            f"{fresh.path} holds files but no run.json, so it is no run's folder; "
            "choose an empty or a new one"
        )
    with files.replacing(fresh.path / "split.npz") as temporary:
        np.savez_compressed(temporary, pool=pool, labelled=labelled, watched=watched)
    with files.replacing(fresh.path / "run.json") as temporary:
        temporary.write_text(json.dumps(_identity(fresh), indent=1) + "\n")
    return fresh


def _identity(run: Run) -> dict[str, object]:
    """What makes a run this run and no other; content of run.json."""
    return {
        "strategy": run.strategy,
        "seed": run.seed,
        "protocol": asdict(run.protocol),
        "data": run.data,
    }


def _same_run(found: Run, wanted: Run) -> None:
    there, here = _identity(found), _identity(wanted)
    differ = []
    for key in there:
        if isinstance(there[key], dict):
            differ += [
                f"{key}.{k}: {there[key][k]!r} there, {here[key].get(k)!r} here"
                for k in there[key]
                if there[key][k] != here[key].get(k)
            ]
        elif there[key] != here[key]:
            differ.append(f"{key}: {there[key]!r} there, {here[key]!r} here")
    if differ:
        raise ValueError(
            f"{found.path} holds another run ({'; '.join(differ)}); choose another folder, "
            "or ask for that run"
        )


def fingerprint(data: Data) -> dict[str, object]:
    """What tells one data set from another: its size, and a hash of labels and sampled colours.

    Colours are means over an image in steps of 4: the phantom is drawn in floating point, and
    a pixel may round differently on another processor.
    """
    digest = hashlib.sha256()
    for part in (data.train, data.test):
        digest.update(part.labels.numpy().tobytes())
        sampled = np.linspace(0, len(part) - 1, 64).astype(np.int64)
        colours = part.images[torch.from_numpy(sampled)].double().mean(dim=(2, 3)) / 4
        digest.update(colours.round().to(torch.uint8).numpy().tobytes())
    return {
        "source": data.train.source,
        "train": len(data.train),
        "test": len(data.test),
        "positive": data.positive,
        "sha256": digest.hexdigest()[:16],
    }


ARRAYS = ("picked", "candidates", "losses", "watched_logits", "proxy_epochs", "proxy_f1")


def _row(one: Round) -> dict[str, float]:
    """A line of rounds.csv."""
    return {
        "round": one.number,
        "images": one.images,
        "image_epochs": one.image_epochs,
        **one.scores,
        **{f"seconds_{part}": value for part, value in one.seconds.items()},
    }


def _save_round(run: Run) -> None:
    """The arrays and the weights first, the line in the table last: it says that they are whole."""
    import pandas as pd
    from safetensors.torch import save_file

    one = run.rounds[-1]
    with files.replacing(run.path / f"round-{one.number:02d}.npz") as temporary:
        np.savez_compressed(temporary, **{name: getattr(one, name) for name in ARRAYS})
    with files.replacing(run.path / f"weights-{one.number:02d}.safetensors") as temporary:
        save_file(run.weights, temporary)
    with files.replacing(run.path / "rounds.csv") as temporary:
        pd.DataFrame([_row(r) for r in run.rounds]).to_csv(temporary, index=False)
    for old in run.path.glob("weights-*.safetensors"):
        if old.name != f"weights-{one.number:02d}.safetensors":
            old.unlink()


def load(path: str | os.PathLike[str]) -> Run:
    """Read a run's folder.

    FileNotFoundError: there is no run. ValueError: a file of it is damaged (it is named).
    """
    path = Path(path)
    if not (path / "run.json").exists():
        raise FileNotFoundError(f"{path} is no run's folder: it has no run.json")
    with _naming(path / "run.json"):
        identity = json.loads((path / "run.json").read_text())
        known = {f.name for f in fields(Protocol)}
        foreign = set(identity["protocol"]) - known
        if foreign:
            raise ValueError(f"unknown protocol fields {', '.join(sorted(foreign))}")
        protocol = Protocol(**identity["protocol"])
    with _naming(path / "split.npz"), np.load(path / "split.npz", allow_pickle=False) as split:
        run = Run(
            protocol,
            identity["strategy"],
            identity["seed"],
            identity["data"],
            **{name: split[name] for name in ("pool", "labelled", "watched")},
            path=path,
        )
    if not (path / "rounds.csv").exists():
        return run
    with _naming(path / "rounds.csv"), open(path / "rounds.csv", newline="") as lines:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(lines)]
        rounds = tuple(_read_round(path, row) for row in rows)
    weights = {}
    last = path / f"weights-{rounds[-1].number:02d}.safetensors"
    if last.exists():  # stored results may leave them out: they are most of a run's bytes
        from safetensors.torch import load_file

        with _naming(last):
            weights = load_file(last)
    return replace(run, rounds=rounds, weights=weights)


def drop_weights(path: str | os.PathLike[str]) -> None:
    """Remove a finished run's weights: most of its bytes, and no longer needed to go on."""
    for file in Path(path).glob("weights-*.safetensors"):
        file.unlink()


def stored(profile: str = "laptop", folder: str | os.PathLike[str] | None = None) -> list[Run]:
    """The runs that come with the kit, for lessons where there is no time to train.

    folder: where runs are kept, by profile; by default the kit's own ``results``.

    FileNotFoundError: none are there.
    """
    folder = Path(folder or Path(__file__).parents[1] / "results") / profile
    found = [load(path.parent) for path in sorted(folder.glob("*/run.json"))]
    if not found:
        raise FileNotFoundError(
            f"{folder} holds no runs; make some with "
            f"python -m activecl_nb run --profile {profile} --out {folder}/entropy-0"
        )
    return found


def _read_round(path: Path, row: dict[str, float]) -> Round:
    number = int(row.pop("round"))
    file = path / f"round-{number:02d}.npz"
    with _naming(file), np.load(file, allow_pickle=False) as arrays:
        return Round(
            number=number,
            images=int(row.pop("images")),
            image_epochs=int(row.pop("image_epochs")),
            seconds={
                k.removeprefix("seconds_"): row.pop(k) for k in [*row] if k.startswith("seconds_")
            },
            scores=row,
            **{name: arrays[name] for name in ARRAYS},
        )


class _naming:
    """Turn whatever goes wrong while a file is read into one error that names the file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and str(self.file.parent) not in str(error):
            raise ValueError(
                f"{self.file} cannot be read ({type(error).__name__}: {error}); restore it, "
                "or remove the run's folder and run again"
            ) from error
