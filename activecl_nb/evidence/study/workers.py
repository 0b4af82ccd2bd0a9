"""Worker processes: each makes one run of a study after the other, and ends with its parent.

They begin on one thread each and without the caller's script. Of Ctrl-C the parent alone speaks:
the server that they are forked from is deaf to it, and they end by it without a word.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import Any

from tqdm import tqdm

from activecl_nb.evidence.study.one_run import DONE, ELSEWHERE, FAILED, Task, make

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
LOOKED = 1  # seconds between two looks at which workers live
LONGEST = 100_000  # bytes of an outcome
LOST, INTERRUPTED = 255, 130  # exit statuses: multiprocessing lost count; Ctrl-C, as in shells
LEAVING = 10  # seconds that a worker without work has to end by itself
Outcomes = Generator[tuple[str, str], None, None]  # of (address, what became of the run)


def in_workers(tasks: list[Task], jobs: int) -> Outcomes:
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
