"""What all tests share: a cache of their own, few threads, and a tiny data set."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

# Tests run side by side; threads of each on top of that would only get in one another's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Where a test compares to the last bit; those that need a GPU ask for it themselves.
os.environ.setdefault("ACTIVECL_DEVICE", "cpu")

# Nothing that the tests start, a notebook's kernel or a command, reaches the network.
OFFLINE = str(Path(__file__).with_name("offline"))
inherited = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
if OFFLINE not in inherited:
    os.environ["PYTHONPATH"] = os.pathsep.join([OFFLINE, *inherited])


@pytest.fixture(scope="session")
def tiny_data():
    """90 training and 45 test patches of 16 pixels in three classes, TUM striped."""
    import torch

    from activecl_nb.imbalance import Data
    from activecl_nb.tissue import Tissue

    def draw(n: int, seed: int) -> Tissue:
        random = np.random.default_rng(seed)
        labels = np.arange(n) % 3
        images = random.integers(60, 200, (n, 3, 16, 16))
        images[labels == 2, :, ::2] //= 3
        return Tissue(
            torch.from_numpy(images.astype(np.uint8)),
            torch.from_numpy(labels),
            ("NORM", "STR", "TUM"),
            f"test patches {seed}",
        )

    return Data(draw(90, 1), draw(45, 2))


@pytest.fixture(scope="session")
def tiny_protocol():
    """Three rounds of eight images with a four-channel encoder: a run takes about a second."""
    from activecl_nb.protocol import Protocol

    return Protocol.of(
        "tiny",
        image_size=16,
        labelled=30,
        width=4,
        rounds=3,
        budget=8,
        candidates=20,
        epochs=2,
        batch_size=8,
        benchmark_epochs=4,
        benchmark_every=2,
    )
