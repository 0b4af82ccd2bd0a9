"""A run: what each round did, and the folder that holds it.

    run.json              protocol, strategy, seed, and a fingerprint of the data
    split.npz             positions of the pool, of S_L, and of the images that are watched
    floors.json           what the probe reaches without training
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
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from activecl_nb import files, imbalance, proxy, sampling, seeds, simclr
from activecl_nb.fast import layout
from activecl_nb.imbalance import Data
from activecl_nb.protocol import BENCHMARK, Protocol, plan

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
        of ``run.watched``.
    test_logits: float32, the probe's logits of the test patches at the round's end; empty in a
        run that an older kit stored.
    proxy_epochs, proxy_f1: F1 on the test set after so many proxy epochs.
    scores: see ``proxy.scores``, of the proxy after its last epoch, and with ``probe_`` before
        their names those of the probe.
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


@dataclass(frozen=True)
class Run:
    """A strategy's rounds under one protocol and seed.

    pool, labelled: int64 positions in ``data.train`` of U (before any pick) and of S_L.
    watched: int64, the part of the pool whose logits every round records: all of it up to
        10,000 images; the same for every strategy at one seed.
    floors: what the probe reaches on the same labels without any training, see
        ``experiment.floors``; empty in a run that an older kit stored.
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
    floors: dict[str, dict[str, float]] = field(default_factory=dict, repr=False)
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
        model.load_state_dict(part(self.weights, "encoder"))
        return layout.arrange(model.eval())

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

        return pd.DataFrame([{**_row(r), **self._f1_on_the_way(r)} for r in self.rounds])

    def _f1_on_the_way(self, one: Round) -> dict[str, float]:
        past = np.searchsorted(one.proxy_epochs, self.protocol.proxy_epochs, side="right")
        same = one.proxy_f1[max(0, past - 1)]
        return {"f1_same_proxy": float(same), "f1_best": float(one.proxy_f1.max())}

    @property
    def finished(self) -> bool:
        """Whether every round of the protocol is there."""
        return len(self.rounds) == plan(self.protocol, self.strategy).rounds

    def __repr__(self) -> str:
        last = f", F1 {self.rounds[-1].scores['f1']:.3f}" if self.rounds else ""
        return (
            f"Run({self.strategy}, seed {self.seed}, profile {self.protocol.name}, "
            f"{len(self.rounds)} rounds{last})"
        )


def part(tensors: dict[str, Tensor], name: str | int) -> dict[str, Tensor]:
    """Those of these tensors whose names begin with ``name.``, without it."""
    prefix = f"{name}."
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


# ---- its folder ---------------------------------------------------------------------------


def begin(
    protocol: Protocol,
    data: Data,
    strategy: str | Callable[..., Tensor],
    seed: int,
    out: str | os.PathLike[str] | None,
) -> Run:
    """The run with no rounds yet, or with those that its folder holds.

    ValueError: an unknown strategy, sizes that the data cannot meet, or a folder that holds
    another run.
    """
    # An unknown name should fail now, not after the first round.
    name = BENCHMARK if strategy == BENCHMARK else sampling.named(strategy)[0]
    pool, labelled = imbalance.split(data.train, protocol.labelled, seed, by=protocol.labelled_by)
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
        temporary.write_text(json.dumps(identity(fresh), indent=1) + "\n")
    return fresh


def identity(run: Run) -> dict[str, object]:
    """What makes a run this run and no other; content of run.json."""
    return {
        "strategy": run.strategy,
        "seed": run.seed,
        "protocol": asdict(run.protocol),
        "data": run.data,
    }


def _same_run(found: Run, wanted: Run) -> None:
    there, here = identity(found), identity(wanted)
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


ARRAYS = (
    "picked", "candidates", "losses", "watched_logits", "proxy_epochs", "proxy_f1", "test_logits",
)  # fmt: skip


def _row(one: Round) -> dict[str, float]:
    """A line of rounds.csv."""
    return {
        "round": one.number,
        "images": one.images,
        "image_epochs": one.image_epochs,
        **one.scores,
        **{f"seconds_{part}": value for part, value in one.seconds.items()},
    }


def save_round(run: Run) -> None:
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


def save_floors(run: Run) -> None:
    """Keep what was measured before the first round."""
    with files.replacing(run.path / "floors.json") as temporary:
        temporary.write_text(json.dumps(run.floors, indent=1) + "\n")


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
    if (path / "floors.json").exists():
        with _naming(path / "floors.json"):
            run = replace(run, floors=json.loads((path / "floors.json").read_text()))
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
            **{
                name: arrays[name] if name in arrays else np.empty(0, np.float32) for name in ARRAYS
            },
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
