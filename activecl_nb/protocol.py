"""The paper's protocol, its silences as options, and the arithmetic of the work it asks for.

``Protocol.paper()`` holds what the paper says (section III-B). Every other profile changes sizes
and rates only, and wherever the paper is silent there is an option with a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from activecl_nb import profiles
from activecl_nb.profiles import Contradiction, Profile
from activecl_nb.values import Problems, Switch, Temperature, Whole

BENCHMARK = "benchmark"  # the strategy's name in a benchmark's Run


@profiles.made_anew
@dataclass(frozen=True)
class Protocol(Profile):
    """A profile's sizes, and a named choice wherever the paper is silent.

    head: "paper" (3 layers of 128) or "simclr" (2 layers with batch norm, the released code's).
    temperature: tau of NT-Xent.
    carry_optimizer: whether Adam's moments are kept from round to round.
    rotation: "right-angles", "continuous" or "none".
    kcenter_seed: "chosen" seeds k-center with the features of all images picked so far,
        "none" starts it from nothing, as the released code does.
    proxy_classes: "two" for the positive class against the rest, as in the paper; "all" for a
        softmax over every class, in which entropy, margin and least confidence differ.
    labelled_by: "image" draws S_L image by image, as the paper does; "patient" draws whole
        patients, so that no patient is both in S_L and in the pool.
    labelled_positives: how many of S_L are positive, whatever the pool's share; 0 leaves it to
        luck, as the paper does.
    encoder: "trained" by SimCLR round after round, or "frozen": its features come from elsewhere
        (``imbalance.Data.features``), and a round only picks and probes.
    task: what is learned of S_L and scored: "classification" as in the paper, or "regression" or
        "segmentation", which its outlook names, see ``tasks``.
    """

    head: Literal["paper", "simclr"] = "paper"
    temperature: Temperature = 0.1
    carry_optimizer: Switch = False
    rotation: Literal["right-angles", "continuous", "none"] = "right-angles"
    kcenter_seed: Literal["chosen", "none"] = "chosen"
    proxy_classes: Literal["two", "all"] = "two"
    labelled_by: Literal["image", "patient"] = "image"
    labelled_positives: Whole = 0
    encoder: Literal["trained", "frozen"] = "trained"
    task: Literal["classification", "regression", "segmentation"] = "classification"

    @classmethod
    def paper(cls) -> Protocol:
        """The paper's protocol, value for value."""
        return cls()

    @classmethod
    def of(cls, profile: Profile | str, **choices: Any) -> Protocol:
        """The protocol at a profile's sizes; ``choices`` override any field.

        ValueError: all that is wrong with them.
        """
        known = [f.name for f in fields(cls)]
        lines = [f"the protocol has no field {name!r}" for name in choices if name not in known]
        if lines:
            lines[-1] += f"; it has {', '.join(known)}"
        sizes = asdict(profiles.current(profile))
        try:
            made = cls(**sizes | {k: v for k, v in choices.items() if k in known})
        except Problems as error:
            lines += error.lines
        if lines:
            raise Problems(lines)
        return made

    @classmethod
    def contradictions(cls) -> Sequence[Contradiction]:
        """See ``Profile``: a subset fills a batch, and the candidates fill a subset."""
        return [
            (
                ("budget", "batch_size"),
                lambda budget, batch_size: budget < batch_size,
                "a budget of {budget} images does not fill one batch of {batch_size}; "
                "raise the budget or lower batch_size",
            ),
            (
                ("candidates", "budget", "rounds"),
                lambda candidates, budget, rounds: candidates < budget and rounds > 1,
                "{candidates} candidates do not fill a budget of {budget} images; "
                "raise candidates or lower the budget",
            ),
            (
                ("labelled_positives", "labelled"),
                lambda positives, labelled: positives >= labelled,
                "{labelled_positives} of {labelled} labels cannot be positive: the rest must be "
                "negative; lower labelled_positives or raise labelled",
            ),
            (
                ("labelled_positives", "labelled_by"),
                lambda positives, by: positives and by == "patient",
                "labels drawn by whole patients cannot hold {labelled_positives} positives to "
                "the image; leave labelled_positives at 0 or draw by image",
            ),
        ]


@dataclass(frozen=True)
class Plan:
    """How many rounds, and how much work in each: the loop and the benchmark differ in this.

    epochs: SimCLR epochs a round, on a schedule that runs over ``total_epochs``.
    proxy_epochs: of a new proxy at the end of each round, scored every ``proxy_every``.
    """

    rounds: int
    epochs: int
    total_epochs: int
    proxy_epochs: int
    proxy_every: int
    carry_optimizer: bool


def plan(protocol: Protocol, strategy: str) -> Plan:
    """The plan of a strategy's run, or of the benchmark's, whose "rounds" are its scorings.

    ValueError: the benchmark's epochs do not divide into equal parts.
    """
    if strategy != BENCHMARK:
        epochs = protocol.epochs if protocol.encoder == "trained" else 0
        return Plan(
            rounds=protocol.rounds,
            epochs=epochs,
            total_epochs=epochs,
            proxy_epochs=protocol.proxy_epochs,
            proxy_every=protocol.proxy_epochs,
            carry_optimizer=protocol.carry_optimizer,
        )
    if protocol.benchmark_epochs % protocol.benchmark_every:
        raise ValueError(
            f"benchmark_epochs {protocol.benchmark_epochs} is not a multiple of "
            f"benchmark_every {protocol.benchmark_every}"
        )
    return Plan(
        rounds=protocol.benchmark_epochs // protocol.benchmark_every,
        epochs=protocol.benchmark_every,
        total_epochs=protocol.benchmark_epochs,
        proxy_epochs=protocol.benchmark_proxy_epochs,
        proxy_every=protocol.benchmark_proxy_every,
        carry_optimizer=True,
    )


def image_epochs(
    protocol: Protocol,
    strategy: str,
    pool: int | None = None,
    *,
    rounds: int | None = None,
    drop_last: bool = True,
) -> list[int]:
    """Image passes of each round, by arithmetic: what a run will have trained on.

    Round t of the loop passes (t + 1) x budget images ``epochs`` times, the benchmark the whole
    pool of so many images (by default the profile's). rounds: of the loop, by default the
    protocol's. drop_last: the last partial batch of an epoch is dropped, as in training; the
    paper's own sums keep it (9.9 and 2.8 million in lesson 07).
    """
    what = plan(protocol, strategy)
    if strategy == BENCHMARK:
        pool = protocol.train_images - protocol.labelled if pool is None else pool
        sizes = [pool] * what.rounds
    else:
        sizes = [protocol.budget * (t + 1) for t in range(rounds or what.rounds)]
    whole = protocol.batch_size if drop_last else 1
    return [images // whole * whole * what.epochs for images in sizes]


def equal_work(protocol: Protocol, target: int) -> Protocol:
    """The same loop with as many epochs a round as bring its image-epochs closest to ``target``.

    A strategy that wins over one that trained less has shown nothing. This gives random picks
    (or any others) the work of the benchmark: ``target=sum(image_epochs(protocol, BENCHMARK))``.
    """
    once = sum(image_epochs(replace(protocol, epochs=1), "random"))
    return replace(protocol, epochs=max(1, round(target / once)))
