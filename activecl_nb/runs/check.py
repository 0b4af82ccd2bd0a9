"""Whether a run fits together, for folders that no manifest vouches for.

What follows from the protocol and the seed is computed and compared; the rest is held against
what it can be.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from activecl_nb import files, simclr
from activecl_nb.protocol import Protocol, image_epochs, plan
from activecl_nb.runs.record import ARRAYS, Round, Run, split
from activecl_nb.tasks import HEADLINES

FLOORS = {"colour_moments", "untrained"}  # see ``experiment.floors``


def check(run: Run) -> None:
    """ValueError: a file of the run's folder contradicts the others; the message names it."""
    # Of a number alone a split can be told that regards neither patients nor classes.
    if run.protocol.labelled_by == "image" and not run.protocol.labelled_positives:
        expected = split(range(run.data["train"]), run.protocol, run.seed)
        parts = (run.pool, run.labelled, run.watched)
        if not all(np.array_equal(a, b) for a, b in zip(parts, expected, strict=True)):
            raise _wrong(run.folder / "split.npz", f"it is not the split of seed {run.seed}")
    for problem in _of_floors(run) if (run.folder / "floors.json").exists() else ():
        raise _wrong(run.folder / "floors.json", problem)
    numbers = [round.number for round in run.rounds]
    if numbers != [*range(len(numbers))] or len(numbers) > plan(run.protocol, run.strategy).rounds:
        raise _wrong(run.folder / "rounds.csv", f"its rounds are numbered {numbers}")
    for round in run.rounds:
        for problem in _of_arrays(run, round):
            raise _wrong(run.folder / f"round-{round.number:02d}.npz", problem)
        for problem in _of_line(run, round):
            raise _wrong(run.folder / "rounds.csv", f"round {round.number}: {problem}")
    for problem in _of_weights(run.weights, run.protocol):
        raise _wrong(run.folder / f"weights-{len(numbers) - 1:02d}.safetensors", problem)


def _wrong(file: Path, problem: str) -> ValueError:
    return ValueError(f"{file} is damaged: {problem}; {files.MEND}")


def _of_arrays(run: Run, round: Round) -> Iterator[str]:
    if texts := [name for name in ARRAYS if getattr(round, name).dtype.kind not in "biuf"]:
        yield f"{', '.join(texts)} are no numbers"
        return
    listed = [name for name in ARRAYS if name != "test_logits"]
    if folded := [name for name in listed if getattr(round, name).ndim != 1]:
        yield f"{', '.join(folded)} are no lists"
        return
    before = run.chosen(round.number - 1) if round.number else run.pool[:0]
    for name in ("picked", "candidates"):
        positions = getattr(round, name)
        if len(np.unique(positions)) < len(positions) or not np.isin(positions, run.pool).all():
            yield f"{name} are not different images of the pool"
        if np.isin(positions, before).any():
            yield f"among its {name} are images of an earlier round"
    if not np.isin(round.picked, round.candidates).all():
        yield "not all that it picked are candidates"
    if round.losses.shape != (plan(run.protocol, run.strategy).epochs,):
        yield f"losses of {len(round.losses)} epochs"
    if round.watched_logits.shape != run.watched.shape:
        yield f"{len(round.watched_logits)} logits of {len(run.watched)} watched images"
    if round.test_logits.shape != run.rounds[0].test_logits.shape:
        yield f"test_logits of shape {round.test_logits.shape}, unlike round 0's"
    if (round.proxy_epochs < 0).any():
        yield "negative proxy_epochs"
    for name in ("losses", "watched_logits", "test_logits"):
        if not np.isfinite(getattr(round, name)).all():
            yield f"{name} are NaN or infinite"
    fitted_by_epochs = run.protocol.task != "regression"
    scores, epochs = len(round.proxy_f1), len(round.proxy_epochs)
    if scores != epochs or fitted_by_epochs != bool(scores):
        yield f"{scores} scores after {epochs} numbers of proxy epochs"


def _of_line(run: Run, round: Round) -> Iterator[str]:
    so_far = len(run.chosen(round.number))
    if round.images != so_far:
        yield f"{round.images} images, and not the {so_far} that are picked"
    work = image_epochs(run.protocol, run.strategy, len(run.pool))[round.number]
    if round.image_epochs != work:
        yield f"{round.image_epochs} image-epochs, and not {work}"
    if run.protocol.task == "regression":  # whose scores have other bounds, and no epochs
        return
    for name, value in round.scores.items():
        if not 0 <= value <= 1:
            yield f"{name} is {value}"
    name = HEADLINES[run.protocol.task]
    if round.scores.get(name) != round.proxy_f1[-1]:
        yield f"{name} is {round.scores.get(name)}, and not the {round.proxy_f1[-1]} of its arrays"


def _of_floors(run: Run) -> Iterator[str]:
    floors: object = run.floors  # as the file has it
    if not (isinstance(floors, dict) and all(isinstance(row, dict) for row in floors.values())):
        yield "it holds no table of scores"
        return
    if floors.keys() != FLOORS:
        yield f"it is of {', '.join(floors) or 'nothing'}, and not of {', '.join(sorted(FLOORS))}"
        return
    unbounded = run.protocol.task == "regression"  # R² has no least value, an error no largest
    probed = [name for round in run.rounds[:1] for name in round.scores]
    expected = {name.removeprefix("probe_") for name in probed if name.startswith("probe_")}
    for name, scores in floors.items():
        if scores.keys() != (expected or floors["untrained"].keys()) or not scores:
            yield f"the scores of {name} are {', '.join(scores) or 'none'}"
            return
        for score, value in scores.items():
            number = type(value) in (int, float) and -math.inf < value < math.inf
            if not (number and (unbounded or 0 <= value <= 1)):
                yield f"{score} of {name} is {value!r}"


def _of_weights(weights: dict[str, Tensor], protocol: Protocol) -> Iterator[str]:
    """Against tensors of a new encoder and head; the rest is the proxy's and the optimiser's."""
    if not weights:
        return
    expected: dict[str, Tensor] = {}
    if protocol.encoder == "trained":  # else nothing was but the proxy
        expected = simclr.build(protocol, head=protocol.head).state_dict()
    theirs = {k for k in weights if not k.startswith(("proxy.", "optimizer."))}
    proxy = {k for k in weights if k.startswith("proxy.")}
    for name in sorted(expected.keys() ^ theirs | {"proxy.weight", "proxy.bias"} ^ proxy):
        yield f"the tensor {name} is {'foreign' if name in weights else 'missing'}"
        return
    for name, tensor in weights.items():
        like = expected.get(name)
        if like is not None and (tensor.shape, tensor.dtype) != (like.shape, like.dtype):
            yield f"{name} is {tensor.dtype} {[*tensor.shape]}, not {like.dtype} {[*like.shape]}"
        if tensor.is_floating_point() and tensor.dtype != torch.float32:
            yield f"{name} is {tensor.dtype}, not float32"
        if not torch.isfinite(tensor).all():
            yield f"{name} is NaN or infinite"
