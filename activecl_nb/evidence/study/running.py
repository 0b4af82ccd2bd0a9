"""Making a study's runs: in worker processes, each run by itself, whatever becomes of the others.

A run that raises, exits, or whose process the system kills is noted with its reason, and the next
one is begun. Workers end when their parent does, however that comes about.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TextIO

from activecl_nb import files
from activecl_nb.evidence.study.board import Board
from activecl_nb.evidence.study.one_run import FAILED, Task, make, why
from activecl_nb.evidence.study.plan import Job, Study
from activecl_nb.evidence.study.workers import in_workers

PLAN = "study.json"  # beside the runs: what they are runs of


def run(
    study: Study,
    out: str | os.PathLike[str],
    *,
    jobs: int = 1,
    only: tuple[int, int] = (1, 1),
    device: str | None = None,
    keep_weights: bool = False,
    stream: TextIO = sys.stdout,
) -> dict[str, str]:
    """Make every run that is not there yet; address -> "done", "run elsewhere" or "failed: why".

    out: the folder that holds the runs, ``out/<address>``.
    jobs: runs at a time, each in a process of its own, on one thread; 0 makes them one after the
        other in this process, where a debugger sees them and nothing else keeps them apart.
    only: (K, N) takes the K-th of N shares, for N machines that see the same folder or not.
    keep_weights: of finished runs; they are most of the bytes.

    A run that cannot even be named (its data is not there), or a setting that no run can have,
    stands among the results in words. Ctrl-C stops all; finished rounds are kept.
    """
    share, of = only
    if not 1 <= share <= of:
        raise ValueError(f"--only {share}/{of}: the share goes from 1/{of} to {of}/{of}")
    if jobs < 0:
        raise ValueError(f"--jobs {jobs}: runs at a time, 1 or more, or 0 for this process alone")
    out = files.expanded(out)
    out.mkdir(parents=True, exist_ok=True)
    results = {
        ", ".join(filter(None, (grid, setting))): f"{FAILED}: {why}"
        for grid, setting, why in study.refused
    }
    folders: dict[Job, Path] = {}
    for job in study.jobs[share - 1 :: of]:
        try:
            folders[job] = out / job.address()  # draws the tissue, once for all
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            results[f"{job}, {dict(job.data)}"] = f"{FAILED}: {why(error)}"
    _write_plan(study, folders, out)
    tasks = [Task(job, folder, device, keep_weights) for job, folder in folders.items()]
    if jobs:
        made = in_workers(tasks, min(jobs, len(tasks)))
    else:
        made = ((task.folder.name, make(task)) for task in tasks)  # here, one by one
    with Board(study, folders, results).shown(stream), closing(made):
        for address, outcome in made:
            results[address] = outcome
    return results


def failures(study: Study, results: Mapping[str, str]) -> str:
    """What failed and why, a line each; "" if nothing did."""
    failed = {
        name: outcome.removeprefix(f"{FAILED}: ")
        for name, outcome in results.items()
        if outcome.startswith(FAILED)
    }
    if not failed:
        return ""
    named: dict[str, str] = {}
    for entry in study.entries:
        if set(failed) - set(named):
            address = _address(entry.job)
            where = f"{entry.grid}, {entry.label}" if entry.label else entry.grid
            named.setdefault(address, f"{address}  {entry.job}, grid {where}")
    lines = [f"{named.get(name, name)}: {why}" for name, why in failed.items()]
    return "\n".join([f"{len(failed)} of {len(results)} runs failed:", *lines])


def _address(job: Job) -> str:
    try:
        return job.address()
    except KeyboardInterrupt:
        raise
    except BaseException:
        return ""


def _write_plan(study: Study, folders: Mapping[Job, Path], out: Path) -> None:
    """What the folder's runs are runs of, for ``report``: title, profile, grids, contrasts."""
    of_profile = {entry.job.protocol.name for entry in study.entries}
    plan = {
        "title": study.title,
        "profile": of_profile.pop() if len(of_profile) == 1 else "",
        "grid": [
            {"name": name, "question": asked, "tissue": study.tissues.get(name, "")}
            for name, asked in study.questions.items()
        ],
        "contrast": [vars(one) for one in study.contrasts],
        "entries": [
            {
                "grid": entry.grid,
                "setting": entry.label,
                "tissue": entry.job.tissue,
                "source": entry.job.source,
                "strategy": entry.job.strategy,
                "seed": entry.job.seed,
                "run": folders[entry.job].name if entry.job in folders else _address(entry.job),
            }
            for entry in study.entries
        ],
    }
    text = json.dumps(plan, indent=1)
    if _stands(out, text):
        return
    (out / files.MANIFEST).unlink(missing_ok=True)  # even a damaged one: both are made anew
    files.write(out / PLAN, text)
    files.seal(out, PLAN)


def _stands(out: Path, plan: str) -> bool:
    """Whether this very plan is there, and sealed."""
    try:
        manifest = files.Manifest.of(out)
        return manifest.sealed and manifest.read(PLAN) == plan.encode()
    except (ValueError, FileNotFoundError):
        return False
