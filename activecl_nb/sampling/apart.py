"""What is set for the whole process: put back after code of one's own, set aside for the kit's."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch


def _set_device(device: torch.device) -> None:
    torch.set_default_device(None if device.type == "cpu" else device)


def _folder() -> str:
    """The folder that the process is in, "" where code of one's own has removed it."""
    with contextlib.suppress(FileNotFoundError):
        return os.getcwd()
    return ""


def _flag(place: Any, name: str) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    return lambda: getattr(place, name), lambda value: setattr(place, name, value)


# What later steps rely on: how it is read, and how it is set.
SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
    (torch.get_default_dtype, torch.set_default_dtype),
    (lambda: torch.empty(0).device, _set_device),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
    (np.geterr, lambda how: np.seterr(**how)),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    _flag(torch.backends.mkldnn, "enabled"),
    *(_flag(torch.backends.cudnn, name) for name in ("enabled", "benchmark", "deterministic")),
    (_folder, os.chdir),
)
STREAMS: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
    (torch.get_rng_state, torch.set_rng_state),
    (np.random.get_state, np.random.set_state),
    (random.getstate, random.setstate),
)


@contextlib.contextmanager
def apart(seed: int) -> Iterator[None]:
    """Code in here finds the global random streams at this seed, so that it draws the same again.

    Whatever it does, these streams, torch's settings, NumPy's and the folder that the process is
    in are afterwards what they were.
    """
    streams = [read() for read, _ in STREAMS]
    settings = [read() for read, _ in SETTINGS]
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)
    grad, inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
    try:
        with torch.inference_mode(inference), torch.set_grad_enabled(grad):
            yield
    finally:
        for (read, put), value in zip(SETTINGS, settings, strict=True):
            if read() != value:
                put(value)
        for (_, put), value in zip(STREAMS, streams, strict=True):
            put(value)


@contextlib.contextmanager
def plain() -> Iterator[None]:
    """Torch as it comes in here: float32 on the processor, with gradients.

    A notebook may have set another number type, another device or no gradients before a run.
    """
    dtype, device = torch.get_default_dtype(), torch.empty(0).device
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(dtype)
        _set_device(device)
