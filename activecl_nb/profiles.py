"""How large a run is, and on which device.

The paper's sizes need a GPU and a day. A profile scales the same protocol down to what a
laptop does in a lesson, or a test in seconds, and says itself where it departs from the paper.
"""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import FrozenInstanceError, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from activecl_nb.values import Count, Pairs, Problems, Rate, Side, Switch, checked

if TYPE_CHECKING:
    import torch

Kind = TypeVar("Kind", bound=type)

Contradiction: TypeAlias = tuple[tuple[str, ...], Callable[..., bool], str]


def made_anew(kind: Kind) -> Kind:
    """A frozen dataclass that says, when a field is assigned, how to get one with that value."""

    def refuse(self: Any, name: str, value: object) -> None:
        known = [field.name for field in fields(self)]
        change = (
            f"write Protocol.of(profile, {name}={value!r}), with Protocol from "
            "activecl_nb.protocol, and use what it returns"
            if name in known
            else f"it has no {name!r} either, but {', '.join(known[1:])}"
        )
        raise FrozenInstanceError(
            f"{name} = {value!r}: the sizes of {self.name!r} do not change once they are set, "
            f"since results are kept under them; {change}"
        )

    # After @dataclass, which allows none of the class's own.
    kind.__setattr__ = refuse  # type: ignore[method-assign, assignment]  # on purpose
    return kind


@made_anew
@dataclass(frozen=True)
class Profile:
    """Every size and time budget of one way to run; the defaults are the paper's (section III-B).

    image_size: side of a patch in pixels.
    train_images: images before the split into pool U and labelled set S_L.
    labelled: images in S_L.
    test_images: images in the test set.
    width: channels of the first residual stage; the encoder gives 8 x width features.
    stem: what stands before the first residual stage (see ``simclr.STEMS``).
    rounds: T, how often a subset is appended and trained on.
    budget: b, images appended each round.
    candidates: size of the random part of the pool that a strategy chooses from.
    epochs: SimCLR epochs each round.
    batch_size: images in a batch (each gives two views).
    learning_rate: of Adam, for SimCLR.
    schedule: of that rate over a round: "constant", since the paper names one rate, or "cosine"
        down to a tenth, as in the released code.
    proxy_epochs, proxy_learning_rate: for the linear proxy.
    standardise: whether the proxy sees features of mean 0 and deviation 1. The paper does not
        say (no); a narrow encoder's features are too small for Adam to get far in 40 epochs.
    benchmark_epochs: SimCLR epochs on the whole pool, scored every ``benchmark_every``.
    benchmark_proxy_epochs: proxy epochs there, scored every ``benchmark_proxy_every``.
    repeats: how many seeds a lesson shows.
    """

    name: str = "paper"
    image_size: Side = 224
    train_images: Count = 100_000
    labelled: Count = 1_000
    test_images: Count = 7_180
    width: Count = 64
    stem: Literal["imagenet", "half", "full"] = "imagenet"
    rounds: Count = 20
    budget: Count = 1_000
    candidates: Count = 10_000
    epochs: Count = 100
    batch_size: Pairs = 128
    learning_rate: Rate = 1e-4
    schedule: Literal["constant", "cosine"] = "constant"
    proxy_epochs: Count = 40
    proxy_learning_rate: Rate = 1e-3
    standardise: Switch = False
    benchmark_epochs: Count = 100
    benchmark_every: Count = 20
    benchmark_proxy_epochs: Count = 200
    benchmark_proxy_every: Count = 20
    repeats: Count = 3

    def __post_init__(self) -> None:
        """ValueError: values of a wrong type, out of bounds or against each other, all at once."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        lines: list[str] = []
        unusable: Collection[str] = ()
        try:
            values = checked(type(self), values)
        except Problems as error:
            lines, unusable = error.lines, error.names
        for names, against, said in self.contradictions():
            if not {*names} & {*unusable} and against(*(values[name] for name in names)):
                lines.append(said.format(**values))
        if lines:
            raise Problems(lines)
        for name, value in values.items():  # NumPy's numbers have become plain ones
            object.__setattr__(self, name, value)

    @classmethod
    def contradictions(cls) -> Sequence[Contradiction]:
        """What values must not be together: their names, whether they are, and the words."""
        return ()

    def differences(self) -> dict[str, tuple[object, object]]:
        """What departs from the paper: field name -> (the paper's value, this profile's)."""
        return {
            f.name: (f.default, getattr(self, f.name))
            for f in fields(self)
            if f.name != "name" and getattr(self, f.name) != f.default
        }

    def __str__(self) -> str:
        return (
            f"profile {self.name}: {self.train_images:,} patches of {self.image_size} pixels, "
            f"{self.labelled} labelled; {self.rounds} rounds of {self.budget}, {self.epochs} epochs"
        )

    def table(self) -> str:
        """A line for each departure from the paper, with both values."""
        lines = [
            f"{name:<24}{ours!s:>10}   (paper: {paper})"
            for name, (paper, ours) in self.differences().items()
        ]
        return "\n".join(lines or ["the paper's sizes throughout"])

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """In a notebook: one line, and the departures from the paper folded under it."""
        line, rows = (html.escape(text) for text in (str(self), self.table()))
        told = "<summary>what differs from the paper</summary>"
        return {
            "text/plain": str(self),
            "text/html": f"{line}<details>{told}<pre>{rows}</pre></details>",
        }


# The small profiles keep every step of the protocol and change sizes and rates only. The laptop's
# encoder keeps the paper's coarse stem even on 32 pixels: in equal time it takes twice the epochs
# of a finer one, and scores no worse (see benchmarks/README.md). The study's trains seven times as
# long, loop and benchmark pass about as many images, and both are scored after as many proxy
# epochs. In both, S_L is a fifth of the images that a loop trains on by its last round.
PROFILES = {
    "tiny": Profile(
        name="tiny", image_size=32, train_images=300, labelled=60, test_images=120, width=8,
        rounds=3, budget=32, candidates=120, epochs=2, batch_size=16,
        learning_rate=1e-3, proxy_learning_rate=1e-2, standardise=True,
        benchmark_epochs=4, benchmark_every=2, benchmark_proxy_epochs=40, repeats=2,
    ),
    "laptop": Profile(
        name="laptop", image_size=32, train_images=4_000, labelled=150, test_images=1_000, width=16,
        rounds=6, budget=128, candidates=1_000, epochs=10, batch_size=64,
        learning_rate=1e-3, proxy_learning_rate=1e-2, standardise=True,
        benchmark_epochs=20, benchmark_every=4, repeats=5,
    ),
    "study": Profile(
        name="study", image_size=32, train_images=4_000, labelled=200, test_images=1_000, width=16,
        rounds=8, budget=128, candidates=1_280, epochs=40, batch_size=64, schedule="cosine",
        learning_rate=1e-3, proxy_learning_rate=1e-2, standardise=True,
        benchmark_epochs=48, benchmark_every=12, benchmark_proxy_epochs=40,
        benchmark_proxy_every=40, repeats=4,
    ),
    "paper": Profile(),
}  # fmt: skip


def current(name: str | Profile | None = None) -> Profile:
    """The profile of this name, else that of ``$ACTIVECL_PROFILE``, else the laptop's.

    A profile is given back as it is. ValueError: there is none of that name.
    """
    if isinstance(name, Profile):
        return name
    name = name or os.environ.get("ACTIVECL_PROFILE") or "laptop"
    if name not in PROFILES:
        raise ValueError(
            f"no profile is called {name!r}; choose one of {', '.join(PROFILES)} "
            "(ACTIVECL_PROFILE or --profile)"
        )
    return PROFILES[name]


def device(name: str | None = None) -> torch.device:
    """The device of this name, else that of ``$ACTIVECL_DEVICE``, else the fastest at hand.

    ValueError: the device that was asked for is not on this machine.
    """
    import torch

    at_hand = {"cpu": 1}
    if torch.backends.mps.is_available():
        at_hand = {"mps": 1} | at_hand
    if torch.cuda.is_available():
        at_hand = {"cuda": torch.cuda.device_count()} | at_hand
    wanted = name or os.environ.get("ACTIVECL_DEVICE") or next(iter(at_hand))
    kind, colon, number = wanted.partition(":")
    known = not colon or (number.isdecimal() and int(number) < at_hand.get(kind, 0))
    if kind not in at_hand or not known:
        raise ValueError(
            f"the device {wanted!r} is not on this machine; it has "
            f"{', '.join(f'{k} ({n})' if n > 1 else k for k, n in at_hand.items())} "
            "(ACTIVECL_DEVICE or --device)"
        )
    return torch.device(wanted)
