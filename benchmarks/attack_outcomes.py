"""How an act on something damaged or odd ends; see bench_attack.py."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

DETECTED, NO_EFFECT, SILENT, TRACEBACK = "detected", "no effect", "silent", "traceback"
Outcomes = Iterator[tuple[str, str]]


def outcome(act: Callable[[], object], unharmed: Callable[[object], bool] | None = None) -> str:
    """unharmed: whether what the act gives is what it gave before the damage."""
    try:
        came = act()
    except (ValueError, FileNotFoundError):
        return DETECTED
    except Exception as error:
        print(f"  {type(error).__name__}: {error}", file=sys.stderr)
        return TRACEBACK
    return NO_EFFECT if unharmed and unharmed(came) else SILENT


def equal(expected: object) -> Callable[[object], bool]:
    """Whether arrays are these very arrays."""
    return lambda came: np.array_equal(np.asarray(expected), np.asarray(came))


def flipped(file: Path, draw: np.random.Generator) -> bytes:
    """Change one byte of a file, anywhere, to any other; gives what was in it before."""
    whole = file.read_bytes()
    damaged, at = bytearray(whole), int(draw.integers(len(whole)))
    damaged[at] ^= int(draw.integers(1, 256))
    file.write_bytes(damaged)
    return whole
