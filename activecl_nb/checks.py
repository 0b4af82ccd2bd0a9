"""What stands behind the exercises, and behind "is this machine ready?".

An exercise check takes what the learner wrote and says "solved", "not yet", or names the
mistake. It never shows a traceback, and it accepts any correct way of writing the answer: lists,
NumPy or torch, loops or none.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# ---- is this machine ready? -------------------------------------------------------------

NEEDED = {  # distribution -> what stops working without it
    "torch": "everything",
    "torchvision": "the encoder",
    "scikit-learn": "the scores",
    "pandas": "tables",
    "matplotlib": "figures",
    "seaborn": "figures",
    "umap-learn": "the maps",
    "ipywidgets": "the sliders",
    "anywidget": "the explorer",
    "safetensors": "saved runs",
    "tqdm": "progress bars",
    "pooch": "downloads",
    "jupyterlab": "the lessons",
}
DISK_NEEDED = 2e9  # bytes, for drawn tissue and runs
MEMORY_NEEDED = 3e9  # bytes


@dataclass(frozen=True)
class Finding:
    """One line of the environment check: what was looked at, what was found, and the mend."""

    what: str
    found: str
    mend: str = ""  # empty: nothing is wrong

    def __str__(self) -> str:
        mark, tail = ("ok ", "") if not self.mend else ("-> ", f"\n     mend: {self.mend}")
        return f"{mark} {self.what:<12} {self.found}{tail}"


@dataclass(frozen=True)
class Findings:
    """The environment check as a whole."""

    lines: tuple[Finding, ...] = field(default_factory=tuple)

    @property
    def ready(self) -> bool:
        """Whether nothing is wrong."""
        return not any(line.mend for line in self.lines)

    def __str__(self) -> str:
        end = "ready" if self.ready else "not ready: see the lines marked ->"
        return "\n".join([*map(str, self.lines), end])

    __repr__ = __str__


def environment() -> Findings:
    """Look at packages, processor, memory, disk and data; say what is wrong and how to mend it."""
    return Findings((*_packages(), _processor(), _memory(), _disk(), _tissue()))


def _packages() -> list[Finding]:
    missing = []
    for name, purpose in NEEDED.items():
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(
                Finding(name, f"missing: no {purpose}", f"run `make lab`, or `pip install {name}`")
            )
    if missing:
        return missing
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("torch", "umap-learn")]
    return [
        Finding("Python", platform.python_version()),
        Finding("packages", f"all {len(NEEDED)} there, {', '.join(versions)}"),
    ]


def _processor() -> Finding:
    import torch

    from activecl_nb import profiles

    wait = os.environ.get("OMP_WAIT_POLICY", "not set")
    return Finding(
        "device",
        f"{profiles.device()}, {torch.get_num_threads()} threads of {os.cpu_count()} cores, "
        f"OMP_WAIT_POLICY {wait}",
    )


def _memory() -> Finding:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return Finding("memory", "cannot be told on this system")
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    mend = "" if total >= MEMORY_NEEDED else "close other programs, or use ACTIVECL_PROFILE=tiny"
    return Finding("memory", f"{total / 1e9:.1f} GB", mend)


def _disk() -> Finding:
    from activecl_nb import files

    folder = files.cache_dir()
    there = next(p for p in [folder, *folder.parents] if p.exists())
    if not os.access(there, os.W_OK):
        return Finding(
            "disk", f"{there} cannot be written", "set ACTIVECL_HOME to a folder of yours"
        )
    free = shutil.disk_usage(there).free
    mend = "" if free >= DISK_NEEDED else "free some space, or set ACTIVECL_HOME to a larger disk"
    return Finding("disk", f"{free / 1e9:.0f} GB free for {folder}", mend)


def _tissue() -> Finding:
    from activecl_nb import tissue

    try:
        drawn = tissue.load("phantom", "train", size=32, count=9)
    except Exception as error:  # whatever stops the data is what this check is for
        return Finding("data", f"the phantom cannot be drawn: {error}", "see the error; run again")
    return Finding("data", f"{drawn.source} can be drawn")


# ---- exercises --------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What a check says: solved or not, and the hint."""

    solved: bool
    text: str

    def __repr__(self) -> str:
        return self.text


SOLVED = Verdict(True, "solved")
NOT_YET = Verdict(False, "not yet: replace the ... of the stub with your answer")


def hint(text: str) -> Verdict:
    """Not solved, with what is likely wrong."""
    return Verdict(False, f"not solved: {text}")


def answer_of(function: Callable[..., Any], *inputs: Any) -> Any:
    """The learner's answer as a float64 array, or a Verdict if there is none to look at.

    Takes tensors, arrays, lists and numbers. Inputs are copied, so that an answer that changes
    them in place does not spoil the next check.
    """
    import copy

    if function is None or function is Ellipsis or not callable(function):
        return NOT_YET
    try:
        answer = function(*copy.deepcopy(inputs))
    except Exception as error:  # a learner's code may fail in any way; say how, without the stack
        return hint(f"your function stopped with {type(error).__name__}: {error}")
    if answer is None or answer is Ellipsis:
        return NOT_YET
    try:
        if hasattr(answer, "detach"):
            answer = answer.detach().cpu()
        return np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        return hint(f"return numbers, not a {type(answer).__name__}")


def compare(answer: Any, right: Any, wrong: dict[str, Any], tolerance: float = 1e-4) -> Verdict:
    """Solved if ``answer`` is ``right``; else the hint of the wrong answer that it equals.

    wrong: hint -> what that mistake would give.
    """
    if isinstance(answer, Verdict):
        return answer
    right = np.asarray(right, dtype=np.float64)
    if _close(answer, right, tolerance):
        return SOLVED
    for text, mistake in wrong.items():
        if _close(answer, np.asarray(mistake, dtype=np.float64), tolerance):
            return hint(text)
    if answer.shape != right.shape:
        return hint(f"the answer has shape {answer.shape}; it should have {right.shape}")
    if not np.isfinite(answer).all():
        return hint("the answer holds NaN or infinity; is there a log of 0 or a division by 0?")
    return hint("the shape is right and the numbers are not; try it by hand on one small case")


def _close(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=tolerance, atol=tolerance))


# ---- lesson 01: imbalanced tissue -------------------------------------------------------

# ---- lesson 02: SimCLR ------------------------------------------------------------------

# ---- lesson 03: the proxy ---------------------------------------------------------------

# ---- lesson 04: strategies --------------------------------------------------------------

# ---- lesson 05: the loop ----------------------------------------------------------------
