"""Making a study's runs: in worker processes, each run by itself, whatever becomes of the others.

A run that raises, exits, or whose process the system kills is noted with its reason, and the next
one is begun. Workers end when their parent does, however that comes about.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TextIO

from tqdm import tqdm

from activecl_nb import files
from activecl_nb.evidence.study.board import Board
from activecl_nb.evidence.study.file import strategy_in
from activecl_nb.evidence.study.plan import Job, Study

if TYPE_CHECKING:
    from activecl_nb.runs import Run

DONE, ELSEWHERE, FAILED = "done", "run elsewhere", "failed"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
LOOKED = 1  # seconds between two looks at which workers live
LONGEST = 100_000  # bytes of an outcome
LOST, INTERRUPTED = 255, 130  # exit statuses: multiprocessing lost count; Ctrl-C, as in shells
LEAVING = 10  # seconds that a worker without work has to end by itself
PLAN = "study.json"  # beside the runs: what they are runs of
Outcomes = Generator[tuple[str, str], None, None]  # of (address, what became of the run)


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
            results[f"{job}, {dict(job.data)}"] = f"{FAILED}: {_why(error)}"
    _write_plan(study, folders, out)
    tasks = [Task(job, folder, device, keep_weights) for job, folder in folders.items()]
    if jobs:
        made = _in_workers(tasks, min(jobs, len(tasks)))
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


def _why(error: BaseException) -> str:
    """The error in one line; what the kit did not foresee with its kind and its place."""
    text = files.text_of(error)
    if isinstance(error, ValueError | FileNotFoundError):
        return text
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{files.kind_of(error)}: {text}{place}"


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


# ---- one run --------------------------------------------------------------------------------


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
        return f"{FAILED}: {_why(error)}"
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


# ---- workers --------------------------------------------------------------------------------


def _in_workers(tasks: list[Task], jobs: int) -> Outcomes:
    """(address, outcome) of every task as it comes, from so many processes."""
    waiting = deque(tasks)
    busy: dict[_Worker, Task] = {}
    idle = [_Worker() for _ in range(jobs)]
    try:
        while waiting or busy:
            while waiting and idle:
                worker = idle.pop()
                if worker.give(waiting[0]):
                    busy[worker] = waiting.popleft()
                else:  # it died while it had nothing to do
                    idle.append(_Worker())
            # Not the end of a pipe alone: a process that a run began and left behind may hold it.
            ready = wait([one.connection for one in busy], LOOKED)
            for worker in [one for one in busy if one.connection in ready or one.ended]:
                task, outcome = busy.pop(worker), worker.outcome()
                yield task.folder.name, outcome or f"{FAILED}: {worker.end()}"
                idle.append(worker if outcome else _Worker())
    finally:
        for worker in idle:
            worker.stop(LEAVING)
        for worker in busy:
            worker.stop()


class _Worker:
    """A process that makes one run after the other, as it is told over a pipe."""

    def __init__(self) -> None:
        context: Any = multiprocessing.get_context(_start_method())
        self.connection, theirs = context.Pipe()
        self.garbled = False
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with _one_thread(), _no_script():
            if context.get_start_method() == "forkserver":
                context.set_forkserver_preload(["activecl_nb.experiment"])
                resource_tracker.ensure_running()  # which lets signals through where it starts
                with _without_ctrl_c():
                    forkserver.ensure_running()
            self.process.start()
        theirs.close()  # so that its death ends the pipe

    def give(self, task: Task) -> bool:
        try:
            self.connection.send(task)
        except OSError:
            return False
        return True

    @property
    def ended(self) -> bool:
        """Whether it is known to be over."""
        return self.process.exitcode not in (None, LOST)

    def outcome(self) -> str | None:
        """What became of the task; None if the process died over it, or wrote something else."""
        try:
            told = self.connection.recv_bytes(LONGEST) if self.connection.poll() else b""
        except (EOFError, ConnectionError):
            return None
        except OSError:  # it says that it is longer than any outcome
            told = b"junk"
        text = told.decode(errors="replace")
        if text in (DONE, ELSEWHERE) or text.startswith(f"{FAILED}: "):
            return text
        self.garbled = bool(told)
        return None

    def end(self) -> str:
        """How the process ended, in words; one that goes on is ended."""
        self.stop(LEAVING)
        if self.garbled:
            return "it wrote into the pipe between its process and the study"
        code = self.process.exitcode
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            memory = ", as for want of memory" if name == "SIGKILL" else ""
            return f"its process was killed by {name}{memory}"
        if code == INTERRUPTED:
            return "it was interrupted (KeyboardInterrupt)"
        return f"its process ended by itself, with status {code}"

    def stop(self, seconds: float = 0) -> None:
        """An idle one is told that there is no more, and ends in order; who stays is ended.

        The end of the pipe alone may not reach it: workers that were forked later hold a copy.
        """
        with suppress(OSError):
            self.connection.send(None)
        self.connection.close()
        self.process.join(seconds)
        self.process.kill()
        self.process.join()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Libraries of a process begun in here take one thread: workers share the processors."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Ctrl-C reaches no process begun in here, nor what those begin; the caller when it is over.

    The server would print where in the loading of torch it was; the parent alone has to speak.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _no_script() -> Iterator[None]:
    """A process begun in here does not run the caller's script again, which no task needs.

    It would begin the study a second time where the script has no ``if __name__ == "__main__"``.
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def _start_method() -> str:
    """How workers begin: as the caller set it, else from a server that has torch loaded already.

    A plain fork would copy threads of torch in the midst of what they do.
    """
    chosen = multiprocessing.get_start_method(allow_none=True)
    offered = multiprocessing.get_all_start_methods()
    return chosen or ("forkserver" if "forkserver" in offered else "spawn")


def _serve(connection: Connection) -> None:
    """A worker's life: tasks in, outcomes out, until it is told None, or pipe or parent end.

    Ctrl-C ends it as any kill does. As an exception it may come inside a callback of a library,
    which prints it and goes on.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):  # not on Windows
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # as its server has it
    tqdm.set_lock(threading.RLock())  # its own is a semaphore, which a kill would leave behind
    parent, process = multiprocessing.parent_process(), os.getpid()
    if parent is not None:  # a run under way must not outlive it

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()
    try:
        while (task := connection.recv()) is not None:
            outcome = make(task)
            if os.getpid() != process:  # a copy that a strategy forked, which has no say here
                os._exit(1)
            connection.send_bytes(outcome.encode()[:LONGEST])
    except EOFError:
        return  # in order, so that no semaphore is left behind
    except (OSError, KeyboardInterrupt) as end:
        os._exit(INTERRUPTED if isinstance(end, KeyboardInterrupt) else 0)
