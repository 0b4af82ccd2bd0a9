"""What marks one student's answers, in a process of its own: ``python -m ...worker``.

It reads tasks from standard input as one line of JSON, and writes a line for each: what the check
says. Checks run here, and answers in a child (``answering``) that holds no check and cannot write
a mark: a check calls the answer's functions there and gets back numbers and words. The checks are
the kit's, never the notebook's. What the answers print goes nowhere.
"""

from __future__ import annotations

import ast
import contextlib
import ctypes
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from activecl_nb.lessons.students import answering, parcels

LONGEST = 400  # characters of a text that goes back
PATIENCE = 4  # an answer that waits or sleeps is stopped after so many times as long
START = 600  # seconds until a process has loaded the kit, on however slow a machine
CHECKED = 0.2  # seconds between two looks at whether the answer's process lives
FORKS = sys.platform == "linux"  # cheap, and sound where nothing runs beside: an answer, a process
NOT_DUMPABLE = 4  # of prctl(2): no other process of the same user looks into this one
LIMIT = -getattr(signal, "SIGXCPU", 24)


class Stopped(BaseException):
    """No value comes from the answer. name: for the table; ended: its process is no more."""

    def __init__(self, name: str, text: str, *, ended: bool = False) -> None:
        super().__init__(text)
        self.name, self.ended = name, ended


class Answers:
    """The process in which answers run. Where it is cheap each answer has its own.

    marks: the descriptor over which marks go, which that process must not keep.
    """

    def __init__(self, seconds: float, marks: int | None, *, forks: bool = FORKS) -> None:
        self.seconds, self.marks, self.forks = seconds, marks, forks
        self.process: Any = None
        self.until = 0.0
        self.met = ""  # what the answer tried that is refused

    def begin(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Run an answer; the values that its check asks for, by name. Stopped: it did not end."""
        self.met = ""
        if self.process is None:
            self._start()
        self.until = time.monotonic() + self.seconds * PATIENCE
        value, _ = self._ask({"task": dict(task)}, Stopped)
        for name, one in value.items():
            if isinstance(one, parcels.Function):
                one.ask = lambda *given, name=name: self._call(name, given)
        return dict(value)

    def rest(self) -> None:
        """After an answer: its process ends, where another one is cheap."""
        if self.forks:
            self.end()

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.connection.close()
            self.process = None

    def _start(self) -> None:
        context: Any = multiprocessing.get_context("fork" if self.forks else "spawn")
        self.connection, theirs = context.Pipe()
        marks = self.marks if self.forks else None
        served = (theirs, marks, self.seconds)
        self.process = context.Process(target=answering.serve, args=served, daemon=True)
        self.process.start()
        theirs.close()
        self.until = time.monotonic() + START
        self._received()

    def _call(self, name: str, given: tuple[Any, ...]) -> Any:
        """What the answer's function returns; it changes its inputs here too if it did there."""
        value, changed = self._ask({"call": name, "given": given}, Exception)
        for place, content in changed.items():
            with contextlib.suppress(TypeError, ValueError, RuntimeError, IndexError):
                given[place][...] = content
        return value

    def _ask(self, asked: Mapping[str, Any], kind: type[BaseException]) -> tuple[Any, Any]:
        """(value, inputs that were changed). An error in the answer is raised here again."""
        with contextlib.suppress(OSError):  # it has ended; what is received says how
            self.connection.send_bytes(parcels.pack(asked))
        try:
            how, *rest, self.met = self._received()
            if how == "value":
                value, changed = rest
                return value, changed
            name, text, ordinary = (str(rest[0]), str(rest[1]), rest[2] is True)
        except (TypeError, ValueError, IndexError):
            raise Stopped("tampered", "it wrote among its own replies", ended=True) from None
        if ordinary and kind is Exception:
            raise type(parcels.type_name(name), (Exception,), {})(text)
        named = "memory-limit" if name == "MemoryError" else f"error-{name}"
        raise Stopped(named, f"the cell stopped with {name}: {text}")

    def _received(self) -> Any:
        """The next reply. ValueError: it is none. Stopped: none comes."""
        try:
            while not self.connection.poll(CHECKED):
                # Not the end of the pipe alone: a process that the answer began may hold it.
                if not self.process.is_alive() and not self.connection.poll():
                    raise EOFError
                if time.monotonic() > self.until:
                    late = "it did not end in the time that an answer has"
                    raise Stopped("time-limit", late, ended=True)
            return parcels.unpack(self.connection.recv_bytes(parcels.LARGEST))
        except (EOFError, ConnectionError):
            self.process.join(10)
        except OSError:
            raise ValueError("a reply larger than any") from None
        if self.process.exitcode == LIMIT:
            raise Stopped("time-limit", "it took more of the processor than it may", ended=True)
        code = self.process.exitcode
        raise Stopped("stopped", f"it ended the process (code {code})", ended=True)


def limit(memory: int) -> list[str]:
    """Set the limits that this system has; returns those that it lacks, in words."""
    lacking = []
    if not os.environ.get("ACTIVECL_CONFINED"):
        why = os.environ.get("ACTIVECL_UNCONFINED", "only Linux has namespaces")
        lacking.append(
            "network, other programs and changes on the disk are refused by a hook in Python "
            f"alone, and what this user can read an answer can read ({why})"
        )
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).prctl(NOT_DUMPABLE, 0, 0, 0, 0)
    unlimited = "memory is not limited: this system cannot"
    try:
        import resource
    except ImportError:
        clock = "only the time on the clock is limited, not the processor's"
        return [*lacking, unlimited, clock]
    try:
        with open("/proc/self/statm") as file:  # beyond what the kit takes up itself
            most = int(file.read().split()[0]) * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**26, 2**26))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError):
        lacking.append(unlimited)
    return lacking


def verdict(check: str, names: dict[str, Any]) -> Any:
    """The value of the check cell's last line."""
    *before, last = ast.parse(check).body
    exec(compile(ast.Module(before, []), "check", "exec"), names)
    return eval(compile(ast.unparse(last), "check", "eval"), names)


def mark(task: Mapping[str, Any], answers: Answers) -> dict[str, Any]:
    """Run one answer there, and the kit's check of it here."""
    solved, ended, said = False, False, ""
    try:
        names = answering.given(task) | answers.begin(task)
        said = ", ".join(shown(names.get(name)) for name in task["names"])
        found = verdict(task["check"], names)
        solved, name, text = found.solved, found.name, found.text
    except Stopped as stop:
        name, text, ended = stop.name, str(stop), stop.ended
    except Exception as error:  # a name that the answer does not give, as a rule
        kind = type(error).__name__
        name, text = f"error-{kind}", f"the cell stopped with {kind}: {answering.words(error)}"
    if ended:
        answers.end()
    elif answers.met:
        solved, name = False, "not-allowed"
        text = f"the answer tried {answers.met}, which is refused"
    answers.rest()
    told = {"name": str(name)[:80], "text": text[:LONGEST], "said": said}
    return {"solved": solved, "ended": ended, **told}


def shown(value: Any) -> str:
    """A typed answer, short; empty if it is no plain value."""
    if type(value) in (str, int, bool):
        return repr(value)[:60]
    if isinstance(value, float):  # NumPy's too
        return f"{float(value):.6g}"
    if type(value) in (list, tuple) and len(value) < 20:
        return "[" + ", ".join(shown(one) for one in value)[:80] + "]"
    return ""


def main() -> None:
    order = json.loads(sys.stdin.readline())
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)

    def reply(message: Mapping[str, Any]) -> None:
        replies.write(json.dumps(message) + "\n")
        replies.flush()

    answering.load()
    lacking = limit(order["memory"])
    reply({"ready": True, "lacking": lacking})
    answers = Answers(order["seconds"], replies.fileno())
    for task in order["tasks"]:
        reply({"key": task["key"], **mark(task, answers)})
    answers.end()


if __name__ == "__main__":
    main()
