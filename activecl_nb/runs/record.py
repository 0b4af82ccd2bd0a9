"""Round and Run: what was done, and with what; and how a run begins."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from activecl_nb import imbalance, proxy, sampling, seeds, simclr, tasks
from activecl_nb.imbalance import Data
from activecl_nb.protocol import BENCHMARK, Protocol, plan
from activecl_nb.runs.identity import RESULTS_VERSION, RunFile, described, environment
from activecl_nb.sampling import code
from activecl_nb.values import checked

if TYPE_CHECKING:
    import pandas as pd

WATCHED = 10_000  # so many images of the pool have their logits recorded each round


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
        of ``run.watched``; of another task what it predicts, see ``tasks``.
    test_logits: float32, the probe's logits of the test patches at the round's end; empty in a
        run that an older kit stored.
    proxy_epochs, proxy_f1: F1 (of another task its headline) on the test set after so many proxy
        epochs; empty for a proxy that is fitted without epochs.
    scores: see ``tasks``, of the proxy after its last epoch, and with ``probe_`` before
        their names those of the probe.
    watched_doubt: float32, the proxy's doubt about ``run.watched``; empty in classification, where
        it follows from the logits.
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
    test_logits: np.ndarray
    scores: dict[str, float]
    seconds: dict[str, float]
    watched_doubt: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))

    def arrays(self) -> dict[str, np.ndarray]:
        """Those that the round's file holds, by name."""
        told = {name: getattr(self, name) for name in ARRAYS}
        return told if len(self.watched_doubt) else {k: told[k] for k in ARRAYS[:-1]}

    def row(self) -> dict[str, float]:
        """The numbers of the round, as a line of a table."""
        return {
            "round": self.number,
            "images": self.images,
            "image_epochs": self.image_epochs,
            **self.scores,
            **{f"seconds_{part}": value for part, value in self.seconds.items()},
        }


@dataclass(frozen=True)
class Run:
    """A strategy's rounds under one protocol and seed.

    pool, labelled: int64 positions in ``data.train`` of U (before any pick) and of S_L.
    watched: int64, the part of the pool whose logits every round records: all of it up to
        10,000 images; the same for every strategy at one seed.
    floors: what the probe reaches on the same labels without any training, see
        ``experiment.floors``; empty in a run that an older kit stored.
    weights: tensors of the encoder, head and proxy after the last round.
    code: what stands for a strategy of one's own, see ``sampling.code``; "" for the kit's, None
        in a run that an older kit stored.
    version: of the kit's results, ``RESULTS_VERSION`` when it began.
    recipe: what ``imbalance.load`` was called with, see ``load_data``.
    environment: versions, device, threads and processor of the process that began it.
    path: the run's folder, if it has one. sealed: whether its manifest vouches for what was read.
    """

    protocol: Protocol
    strategy: str
    seed: int
    data: dict[str, Any]
    pool: np.ndarray
    labelled: np.ndarray
    watched: np.ndarray
    rounds: tuple[Round, ...] = ()
    floors: dict[str, dict[str, float]] = field(default_factory=dict, repr=False)
    weights: dict[str, Tensor] = field(default_factory=dict, repr=False)
    code: str | None = None
    version: int = RESULTS_VERSION
    recipe: Mapping[str, Any] = field(default_factory=dict, repr=False)
    environment: Mapping[str, Any] = field(default_factory=dict, repr=False)
    path: Path | None = None
    sealed: bool = False

    @property
    def folder(self) -> Path:
        """Where the run is kept; ValueError: nowhere."""
        if self.path is None:
            raise ValueError(f"{self!r} has no folder; give it one with out= when it runs")
        return self.path

    def chosen(self, round: int | None = None) -> np.ndarray:
        """Positions of all images picked up to this round (default: the last), in order."""
        rounds = self.rounds if round is None else self.rounds[: round + 1]
        return np.concatenate([np.empty(0, np.int64), *(r.picked for r in rounds)])

    def encoder(self) -> torch.nn.Module:
        """The trained encoder f, in eval mode on the processor.

        ValueError: the run was stored without its weights, or its features are from elsewhere.
        """
        if not self.weights:
            raise ValueError(
                f"{self.path or self!r} holds no weights; train it again with experiment.run"
            )
        if self.protocol.encoder == "frozen":
            raise ValueError(
                f"{self.path or self!r} trained no encoder: its features are those of "
                f"{self.data.get('encoder')}"
            )
        model = simclr.build_encoder(self.protocol.width, self.protocol.stem)
        model.load_state_dict(part(self.weights, "encoder"))
        return model.eval()

    def proxy(self) -> proxy.Proxy:
        """The proxy f_p of the last round."""
        return proxy.Proxy(**part(self.weights, "proxy"))

    def table(self) -> pd.DataFrame:
        """A row a round: images, image-epochs, seconds and scores.

        Scores are those after the last proxy epoch, and F1 has two more columns, which differ
        where a proxy is scored on its way (the benchmark's is): f1_same_proxy, the last that is
        not past the epochs of a loop's proxy, or the first; f1_best, the highest of all, chosen
        with the test set in view, as the paper reports the benchmark's (section III-D).
        """
        import pandas as pd

        return pd.DataFrame([{**r.row(), **self._f1_on_the_way(r)} for r in self.rounds])

    def _f1_on_the_way(self, round: Round) -> dict[str, float]:
        if not len(round.proxy_f1) or self.protocol.task != "classification":
            return {}
        past = np.searchsorted(round.proxy_epochs, self.protocol.proxy_epochs, side="right")
        same = round.proxy_f1[max(0, past - 1)]
        return {"f1_same_proxy": float(same), "f1_best": float(round.proxy_f1.max())}

    def told(self) -> str:
        """The last round's score in two words, "F1 0.512"."""
        name = tasks.HEADLINES[self.protocol.task]
        return f"{tasks.WORDS[name]} {self.rounds[-1].scores[name]:.3f}"

    @property
    def finished(self) -> bool:
        """Whether every round of the protocol is there."""
        return len(self.rounds) == plan(self.protocol, self.strategy).rounds

    def __repr__(self) -> str:
        score = f", {self.told()}" if self.rounds else ""
        return (
            f"Run({self.strategy}, seed {self.seed}, profile {self.protocol.name}, "
            f"{len(self.rounds)} rounds{score})"
        )


def part(tensors: dict[str, Tensor], name: str | int) -> dict[str, Tensor]:
    """Those of these tensors whose names begin with ``name.``, without it."""
    prefix = f"{name}."
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def fresh(
    protocol: Protocol,
    data: Data,
    strategy: str | Callable[..., Tensor],
    seed: int,
    device: str | torch.device = "cpu",
) -> Run:
    """The run with no rounds yet; nothing is written.

    ValueError: an unknown strategy, a seed that is no whole number, sizes that the data cannot
    meet, or labels of one class alone. It should fail now, not after the first round.
    """
    seed = checked(RunFile, {"seed": seed})["seed"]
    name, function = (BENCHMARK, None) if strategy == BENCHMARK else sampling.named(strategy)
    pool, labelled, watched = split(data.train, protocol, seed, data.positive)
    needed = plan(protocol, name).rounds * protocol.budget
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
    if problem := _frozen_or_not(protocol, data, name) or _of_task(protocol, name):
        raise ValueError(problem)
    targets = tasks.of(protocol, data).targets(data.train)[torch.from_numpy(labelled)]
    if len(targets.unique()) < 2:
        alike = "of one class" if protocol.task == "classification" else "the same"
        raise ValueError(
            f"all {len(labelled)} labels of seed {seed} are {alike}, so no proxy can be "
            "fitted; label more images, turn the imbalance dial back or take another seed"
        )
    return Run(
        protocol,
        name,
        seed,
        described(data, protocol),
        pool,
        labelled,
        watched,
        code=code.of(function) if function else "",
        recipe=_as_json(data.recipe),
        environment=environment(device),
    )


def _frozen_or_not(protocol: Protocol, data: Data, name: str) -> str:
    """What is wrong where features come from elsewhere, or do not; "" if all is well."""
    if data.features is None and protocol.encoder == "frozen":
        return "encoder='frozen' needs features from elsewhere; give some, or say encoder='trained'"
    if data.features is not None and protocol.encoder == "trained":
        return f"features of {data.encoder} are not trained; say encoder='frozen'"
    if data.features is not None and name == BENCHMARK:
        return f"{data.encoder} comes from elsewhere and is not trained, so it has no benchmark"
    if data.features is not None and protocol.task == "segmentation":
        return f"features of {data.encoder} have no places in a patch, so they segment nothing"
    return ""


def _of_task(protocol: Protocol, name: str) -> str:
    """What is wrong with a strategy for the protocol's task; "" if all is well."""
    if protocol.task != "classification" and name in sampling.BY_CLASS:
        return (
            f"the strategy {name!r} reads the logits of classes, which {protocol.task} has not; "
            f"take one of {', '.join(sorted({*sampling.STRATEGIES} - sampling.BY_CLASS))}"
        )
    return ""


def _as_json(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """As run.json holds it: NumPy's numbers are plain ones, and paths are text."""
    plain = json.dumps(dict(recipe), default=lambda v: v.item() if hasattr(v, "item") else str(v))
    return json.loads(plain)


def split(
    patches: Sized, protocol: Protocol, seed: int, positive: str = "TUM"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions of the pool, of S_L and of the watched images, which the seed decides.

    patches: the training patches, or their number where S_L is drawn without regard to them.
    """
    pool, labelled = imbalance.split(
        patches,  # type: ignore[arg-type]  # see above
        protocol.labelled,
        seed,
        by=protocol.labelled_by,
        positives=protocol.labelled_positives,
        positive=positive,
    )
    draw = seeds.numpy_generator(seed, "watched")
    return pool, labelled, np.sort(draw.choice(pool, min(WATCHED, len(pool)), replace=False))


ARRAYS = (
    "picked", "candidates", "losses", "watched_logits", "proxy_epochs", "proxy_f1", "test_logits",
    "watched_doubt",
)  # fmt: skip
