"""Which run it is: what decides a result, and what tells one set of patches from another."""

from __future__ import annotations

import hashlib
import itertools
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import activecl_nb
from activecl_nb import files, imbalance, tasks
from activecl_nb.imbalance import Data
from activecl_nb.protocol import Protocol
from activecl_nb.tissue import Tissue
from activecl_nb.values import Count, Seed, Whole

if TYPE_CHECKING:
    from activecl_nb.runs.record import Run

# Raise it when the same protocol, data and seed come to give other picks or scores.
RESULTS_VERSION = 1


class RunFile:
    """What run.json says; see ``Run``."""

    strategy: str
    seed: Seed
    protocol: dict[str, Any]
    data: dict[str, Any]
    version: Whole
    code: str
    recipe: dict[str, Any]
    environment: dict[str, Any]


class DataFile:
    """What it says of the data; see ``described``."""

    source: str
    train: Count
    test: Count
    positive: str
    sha256: str
    fold: Whole
    exact: str
    encoder: str
    target: str
    targets: str


def identity(run: Run) -> dict[str, Any]:
    """What makes a run this run and no other: all that decides its result.

    Runs of the paper's task say nothing of a task, as those that were made before there were any.
    """
    protocol = asdict(run.protocol)
    if protocol["task"] == Protocol.task:
        del protocol["task"]
    return {
        "version": run.version,
        "strategy": run.strategy,
        "code": run.code,
        "seed": run.seed,
        "protocol": protocol,
        "data": run.data,
    }


def described(data: Data, protocol: Protocol | None = None) -> dict[str, Any]:
    """``fingerprint``, the fold, and ``exact``, a checksum of all images, labels and patients.

    With the name and a checksum of the targets where the task is not the paper's. Where features
    come from elsewhere they are part of it, and ``encoder`` names theirs.
    """
    parts = [_content(data.train), _content(data.test)]
    told = fingerprint(data) | {"fold": int(data.recipe.get("fold") or 0)}
    if data.features is not None:
        parts.append(values.numpy() for values in data.features)
        told["encoder"] = data.encoder
    told["exact"] = files.checksum_of(itertools.chain.from_iterable(parts))
    return told | (tasks.of(protocol, data).identity() if protocol else {})


def _content(patches: Tissue) -> Iterator[bytes | np.ndarray]:
    images, patients = patches.images, patches.facts.get("patient")
    yield repr((patches.class_names, tuple(images.shape))).encode()
    yield np.ascontiguousarray(patches.labels.numpy())
    if patients is not None:
        yield repr(patients.tolist()).encode()
    # Chunk by chunk: they may be memory-mapped, or on another device than the processor.
    for chunk in images.split(max(1, files.CHUNK // images[0].numel())):
        yield chunk.cpu().contiguous().numpy()


def fingerprint(data: Data) -> dict[str, Any]:
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


def same_tissue(recorded: Mapping[str, Any], data: Data | Mapping[str, Any]) -> bool:
    """Whether a run that recorded this (``Run.data``) was made from these patches.

    Rounding on another processor does not matter, see ``fingerprint``; to go on with a run its
    patches have to be the same to the last bit, which ``exact`` says.
    """
    here = fingerprint(data) if isinstance(data, Data) else data
    told = ("source", "train", "test", "positive", "sha256")
    return all(recorded.get(name) == here.get(name) for name in told)


def load_data(run: Run) -> Data:
    """The patches that a run was made from, loaded again as it recorded.

    ValueError: they have changed since, or the run was given patches made by hand.
    """
    recipe = {"source": "phantom", **run.recipe}  # there are runs that recorded none
    data = imbalance.load(**recipe | {"profile": run.protocol, "positive": run.data["positive"]})
    if not same_tissue(run.data, data):
        raise ValueError(
            f"{run.path or run!r} was made from {run.data['source']}; {data.train.source} as it "
            "is loaded now holds other patches"
        )
    return data


def differences(kept: Run, asked: Run) -> list[str]:
    """In what two runs are not the same, a line each."""
    a, b = identity(kept), identity(asked)
    if kept.code is None:  # an older kit did not record it, nor a checksum of all images
        a["code"] = b["code"]
    a["data"] = {"fold": 0, "exact": b["data"]["exact"]} | a["data"]
    for key in ("protocol", "data"):
        a |= {f"{key}.{k}": v for k, v in a.pop(key).items()}
        b |= {f"{key}.{k}": v for k, v in b.pop(key).items()}
    return [
        f"{key}: {a.get(key)!r} there, {b.get(key)!r} here"
        for key in a | b
        if a.get(key) != b.get(key)
    ]


def environment(device: str | torch.device) -> dict[str, Any]:
    """What a result may differ by although it should not: rounding is another elsewhere."""
    return {
        "activecl": activecl_nb.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "device": str(device),
        "threads": torch.get_num_threads(),
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }


def _processor() -> str:
    """The model's name where the system tells it, else its kind."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    named = re.search(r"^model name\s*:\s*(.+)$", text, flags=re.M)
    return named.group(1) if named else platform.processor() or platform.machine()
