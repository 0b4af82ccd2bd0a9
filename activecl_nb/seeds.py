"""Every random draw of the kit comes from a generator with a name.

A name is the seed of the run followed by what the draw is for: ``generator(0, "views", 3, 17)``
is the generator of the views of round 3, epoch 17, in the run of seed 0. No generator depends
on what was drawn before it, so a run that was killed and resumed draws what an unbroken one
would have drawn, and no global random state is read or written.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch


def number(seed: int, *purpose: str | int) -> int:
    """The 63-bit number that stands for ``(seed, *purpose)``; the same on every machine."""
    name = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """A torch generator on the processor, for this purpose alone.

    It stays on the processor even when the images are on a GPU: numbers drawn there differ
    between devices, and a run must not.
    """
    import torch

    return torch.Generator().manual_seed(number(seed, *purpose))


def numpy_generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """The same idea for NumPy."""
    import numpy as np

    return np.random.default_rng(number(seed, *purpose))
