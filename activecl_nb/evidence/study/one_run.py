"""One run of a study: made in its folder, whatever becomes of it, and told in a word."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activecl_nb import files
from activecl_nb.evidence.study.file import strategy_in
from activecl_nb.evidence.study.plan import Job

if TYPE_CHECKING:
    from activecl_nb.runs import Run

DONE, ELSEWHERE, FAILED = "done", "run elsewhere", "failed"


@dataclass(frozen=True)
class Task:
    """A run to be made, and where."""

    job: Job
    folder: Path
    device: str | None
    keep_weights: bool


def make(task: Task) -> str:
    """Make one run, unless it is finished or another process is at it; what became of it."""
    import torch

    from activecl_nb import runs

    folder = task.folder
    try:
        with runs.locked(folder):
            torch.set_num_threads(1)
            finished_before = finished(folder) is not None
            _finish(task.job, folder, task.device)
            if not task.keep_weights and not finished_before:  # what was finished stays as it is
                runs.drop_weights(folder)
    except runs.Busy:
        return ELSEWHERE
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # bad settings, a damaged folder, a student's slip of any kind
        return f"{FAILED}: {why(error)}"
    return DONE


def _finish(job: Job, folder: Path, device: str | None) -> None:
    from activecl_nb import experiment

    strategy = strategy_in(job.code, job.strategy) if job.code else job.strategy
    options: dict[str, Any] = {"out": folder, "device": device, "progress": False}
    experiment.run(job.protocol, job.load(), strategy, job.seed, **options)


def finished(folder: Path) -> Run | None:
    """The run that the folder holds, if all its rounds are there."""
    from activecl_nb import runs

    if not (folder / "run.json").exists():
        return None
    run = runs.load(folder)
    return run if run.finished else None


def why(error: BaseException) -> str:
    """The error in one line; what the kit did not foresee with its kind and its place."""
    text = files.text_of(error)
    if isinstance(error, ValueError | FileNotFoundError):
        return text
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{files.kind_of(error)}: {text}{place}"
