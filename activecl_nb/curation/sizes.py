"""Sizes that fit: a protocol from the data at hand and the time that there is.

``fit(data, minutes=20)`` rehearses a few training steps on this machine and derives labelled,
budget, rounds, candidates, batch size and epochs, each with its reason. Everything else (the
encoder, rates, image size) stays that of the profile it starts from. It stands here and not in
``Protocol``, since the method knows nothing of clocks and machines; a run stores what was
resolved, and goes on with that wherever it is resumed.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from activecl_nb import augment, files, profiles, proxy, runs, seeds, simclr
from activecl_nb.imbalance import Data
from activecl_nb.profiles import Profile
from activecl_nb.protocol import Protocol, image_epochs
from activecl_nb.runs.record import WATCHED

NAME = "auto"  # of the profile that is resolved here
FROZEN = "frozen"  # a protocol's encoder that comes from elsewhere
SMALLEST_BATCH = 8
MOST_LABELLED, MOST_CANDIDATES = 1_000, 10_000  # the paper's
FEWEST_RARE = 5  # images of the rarer side that S_L should hold, on average
LABELLED_SHARE = 5  # S_L is at most one in so many of the images that are trained on in the end
FEWEST_EPOCHS, MOST_EPOCHS = 5, 200  # a round below learns little, one above little more
MOST_MINUTES = 525_600  # a year
REHEARSED, FEWEST_BATCHES = 384, 6  # images and batches of a rehearsal, at the least
OF_THE_TIME = 0.85  # what is planned for; the rest goes to start-up, and to a rehearsal's error


@dataclass(frozen=True)
class Counts:
    """What the sizes depend on: images for training (``rarer`` of them on the rarer side of the
    question) and for testing."""

    train: int
    rarer: int
    test: int

    @classmethod
    def of(cls, data: Data) -> Counts:
        positive = int(data.train_targets.sum())
        return cls(len(data.train), min(positive, len(data.train) - positive), len(data.test))


@dataclass(frozen=True)
class Speed:
    """Seconds on this machine: to train on an image once, to encode one, to judge a round."""

    train: float
    encode: float
    judge: float


AT_ONCE = Speed(1e-9, 1e-9, 0)  # on a machine that takes no time


@dataclass(frozen=True)
class Sizes:
    """A protocol with the reason for each size that was derived; ``str`` prints both.

    given: sizes that were asked for and not derived. seconds: what the loop should take.
    """

    protocol: Protocol
    reasons: dict[str, str]
    given: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def __str__(self) -> str:
        lines = [f"{self.protocol}", "sizes, and why:"]
        lines += [
            f"  {name:<16}{getattr(self.protocol, name):>8,}   {why}"
            for name, why in self.reasons.items()
        ]
        lines += [f"  {name:<16}{value!s:>8}   as asked for" for name, value in self.given.items()]
        lines += ["what differs from the paper:", *self.protocol.table().splitlines()]
        return "\n".join(lines)


def fit(
    data: Data,
    *,
    minutes: float = 20.0,
    base: Profile | str | None = None,
    device: str | None = None,
    seed: int = 0,
    **choices: Any,
) -> Sizes:
    """Sizes with which one run on these data takes about so many minutes on this machine.

    base: the profile whose encoder, rates and image size are taken ($ACTIVECL_PROFILE, laptop).
    choices: fields of the protocol to set as they are; the others are derived around them.

    ValueError: there are too few images, or too few of the rarer side, for any sizes.
    """
    base = profiles.current(base)
    others = {name: value for name, value in choices.items() if name != "budget"}
    enough = max(base.budget, choices.get("batch_size", base.batch_size))
    protocol = Protocol.of(replace(base, budget=enough), **others)
    counts = Counts.of(data)
    sized = choose(counts, AT_ONCE, minutes=minutes, base=base, **choices)
    if protocol.encoder == FROZEN:  # it has encoded all patches before the first round
        return sized
    # Small batches are slower by the image, so it is those of the run that are rehearsed.
    protocol = replace(protocol, batch_size=sized.protocol.batch_size)
    speed = rehearse(protocol, data.train.images, len(data.train), device=device, seed=seed)
    return choose(counts, speed, minutes=minutes, base=base, **choices)


def resolved(out: str | os.PathLike[str], **choices: Any) -> Protocol | None:
    """The protocol that the run in this folder was resolved to, with ``choices``; None: no such.

    A run goes on with the sizes it began with, on whatever machine and in whatever time.
    """
    if not (files.expanded(out) / "run.json").is_file():
        return None
    stored = runs.load(out).protocol
    return Protocol.of(stored, **choices) if stored.name == NAME else None


def rehearse(
    protocol: Protocol,
    images: torch.Tensor,
    count: int,
    *,
    device: str | None = None,
    seed: int = 0,
) -> Speed:
    """Train a few steps, encode a few images, judge once; some seconds.

    images: uint8 (n, 3, H, W), a few batches at the least are best. count: how many there will be.
    """
    where = profiles.device(device)
    model = simclr.build(protocol, head=protocol.head, seed=seed).to(where)
    batch = min(protocol.batch_size, max(SMALLEST_BATCH, _power_of_two(count)))
    recipe = simclr.Recipe(
        epochs=1, batch_size=batch, family=augment.Family(rotation=protocol.rotation)
    )
    positions = torch.arange(max(FEWEST_BATCHES, REHEARSED // batch) * batch) % len(images)

    def seconds(work: Callable[[], object]) -> float:
        since = time.perf_counter()
        work()
        return time.perf_counter() - since

    simclr.train(model, images, positions[: 2 * batch], recipe, seed=seed)  # compiles, warms up
    training = seconds(lambda: simclr.train(model, images, positions, recipe, seed=seed))
    some = images[positions]
    encoding = seconds(lambda: simclr.encode(model.encoder, some))
    labelled = max(20, min(MOST_LABELLED, count // 8))
    judging = seconds(lambda: _judge(protocol, labelled, simclr.feature_count(model), seed))
    return Speed(training / len(positions), encoding / len(positions), judging)


def _judge(protocol: Protocol, labelled: int, features: int, seed: int) -> None:
    """What the proxy and the probe cost, on numbers that mean nothing."""
    draw = seeds.generator(seed, "rehearsal")
    values = torch.randn(labelled, features, generator=draw)
    targets = torch.arange(labelled) % 4 == 0
    proxy.fit(values, targets, epochs=protocol.proxy_epochs, seed=seed)
    proxy.probe(values, targets, seed=seed)


def choose(
    counts: Counts,
    speed: Speed,
    *,
    minutes: float = 20.0,
    base: Profile | str | None = None,
    **choices: Any,
) -> Sizes:
    """``fit`` for a data set of these counts on a machine of this speed: arithmetic alone."""
    if not 0 < minutes <= MOST_MINUTES:
        raise ValueError(f"minutes must be above 0 and at most {MOST_MINUTES:,}, not {minutes}")
    base, seconds = profiles.current(base), 60 * minutes * OF_THE_TIME
    images = _images_trained_on(counts)
    sized = _sizes(images, counts, speed, seconds, base, choices)
    epochs = _epochs(sized.protocol, counts, speed, seconds)
    if epochs < FEWEST_EPOCHS and not {"budget", "rounds", "epochs"} & set(choices):
        # Fewer images, seen often enough, teach more than many that are seen once or twice.
        fewer = max(_fewest(counts), int(images * epochs / FEWEST_EPOCHS))
        sized = _sizes(min(images, fewer), counts, speed, seconds, base, choices)
        epochs = _epochs(sized.protocol, counts, speed, seconds)
    return _with_epochs(sized, epochs, counts, speed)


def _fewest(counts: Counts) -> int:
    """Images to train on without which S_L, a fifth of them, would lack the rarer side."""
    wanted = math.ceil(FEWEST_RARE * counts.train / max(counts.rarer, 1))
    return max(2 * SMALLEST_BATCH, LABELLED_SHARE * wanted)


def _images_trained_on(counts: Counts) -> int:
    """Half of what there is, so that a strategy has a choice; more only where S_L needs it."""
    most = LABELLED_SHARE * counts.train // (LABELLED_SHARE + 1)  # S_L itself is not trained on
    images = min(max(counts.train // 2, _fewest(counts)), most)
    rare = images // LABELLED_SHARE * counts.rarer / max(counts.train, 1)
    if images < 2 * SMALLEST_BATCH or rare < 1:
        raise ValueError(
            f"{counts.train} training images, {counts.rarer} of them of the rarer side, are too "
            f"few: two rounds of {SMALLEST_BATCH} images and a labelled set with one of the rarer "
            "side need more; add images, choose another positive class, or use an encoder from "
            "elsewhere with pick"
        )
    return images


class _Reasons(dict):
    """Derived sizes' reasons; a call gives the size, as it was asked for where it was."""

    def __init__(self, choices: Mapping[str, Any]) -> None:
        super().__init__()
        self.choices = choices

    def size(self, name: str, value: int, reason: str) -> int:
        if name in self.choices:
            return self.choices[name]
        self[name] = reason
        return value


def _sizes(
    images: int,
    counts: Counts,
    speed: Speed,
    seconds: float,
    base: Profile,
    choices: Mapping[str, Any],
) -> Sizes:
    """All sizes but the epochs, for so many images to train on in the last round."""
    why = _Reasons(choices)
    most = images // choices.get("budget", SMALLEST_BATCH)
    rounds = why.size(
        "rounds",
        max(1, min(base.rounds, most)),
        f"of profile {base.name}, fewer where a round would not fill a batch",
    )
    budget = why.size(
        "budget",
        max(1, images // rounds),
        f"{images:,} of {counts.train:,} images in {rounds} rounds, so that there is a choice",
    )
    few = min(MOST_LABELLED, max(1, rounds * budget // LABELLED_SHARE))
    labelled = why.size(
        "labelled",
        few,
        f"a fifth of what is trained on in the end, {MOST_LABELLED:,} at most; about "
        f"{few * counts.rarer / counts.train:.0f} on the rarer side",
    )
    batch = why.size(
        "batch_size",
        min(base.batch_size, _power_of_two(budget)),
        f"of profile {base.name}, smaller where the budget is",
    )
    affordable = int(min(MOST_CANDIDATES, seconds / 5 / max(rounds * speed.encode, 1e-9)))
    candidates = why.size(
        "candidates",
        min(counts.train - labelled, max(4 * budget, affordable)),
        "the whole pool, or what can be encoded in a fifth of the time",
    )
    sized = {"labelled": labelled, "rounds": rounds, "budget": budget, "batch_size": batch}
    data_sizes = {
        "train_images": counts.train,
        "test_images": counts.test,
        "candidates": candidates,
    }
    protocol = Protocol.of(replace(base, name=NAME), **{**data_sizes, **choices, **sized})
    return Sizes(protocol, dict(why), dict(choices))


def _epochs(protocol: Protocol, counts: Counts, speed: Speed, seconds: float) -> float:
    """Epochs a round that the time allows; a third of it is theirs whatever else there is."""
    left = max(seconds - _besides(protocol, counts, speed), seconds / 3)
    return left / max(_an_epoch(protocol, speed), 1e-9)


def _an_epoch(protocol: Protocol, speed: Speed) -> float:
    """Seconds of a run with one epoch a round, for training alone."""
    return sum(image_epochs(replace(protocol, epochs=1), "random")) * speed.train


def _with_epochs(sized: Sizes, affordable: float, counts: Counts, speed: Speed) -> Sizes:
    """The sizes with epochs a round, and the benchmark's."""
    protocol, why = sized.protocol, _Reasons(sized.given)
    if protocol.encoder == FROZEN:
        epochs = why.size("epochs", 1, "of no meaning: the encoder is frozen, nothing is trained")
        return Sizes(replace(protocol, epochs=epochs), sized.reasons | dict(why), sized.given)
    epochs = why.size(
        "epochs",
        min(MOST_EPOCHS, max(1, int(affordable))),
        f"what the time allows at {1 / speed.train:,.0f} images a second"
        + f"; more than {MOST_EPOCHS} would add little" * (affordable > MOST_EPOCHS),
    )
    work = sum(image_epochs(replace(protocol, epochs=max(1, epochs)), "random"))
    every = max(1, round(work / (counts.train - protocol.labelled) / 5))
    if "benchmark_epochs" not in sized.given and "benchmark_every" not in sized.given:
        why["benchmark_epochs"] = "about as much work as the loop has, scored five times"
        protocol = replace(protocol, benchmark_every=every, benchmark_epochs=5 * every)
    protocol = replace(protocol, epochs=epochs)
    seconds = _besides(protocol, counts, speed) + epochs * _an_epoch(protocol, speed)
    return Sizes(protocol, sized.reasons | dict(why), sized.given, seconds)


def _besides(protocol: Protocol, counts: Counts, speed: Speed) -> float:
    """Seconds of a run that are not training: encoding and judging, each round."""
    pool = counts.train - protocol.labelled
    picked = protocol.budget * (protocol.rounds + 1) // 2
    encoded = protocol.candidates + picked + protocol.labelled + counts.test
    encoded += min(pool, WATCHED)
    return protocol.rounds * (speed.judge + encoded * speed.encode)


def _power_of_two(number: int) -> int:
    """The largest power of two that is not above the number, 1 at least."""
    return 1 << max(0, int(np.log2(max(number, 1))))
