"""Where answers run: a process that holds the answer, and neither its check nor its marks.

The process of the marks begins it and asks it two things: to run an answer, and to call one of
the answer's functions. It sends back values as ``parcels``.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any

from activecl_nb.lessons.students import parcels

REFUSED = (
    "os.exec", "os.fork", "os.forkpty", "os.kill", "os.killpg", "os.posix_spawn", "os.spawn",
    "os.startfile", "os.system", "pty.spawn", "signal.pthread_kill", "subprocess.Popen",
)  # fmt: skip
CHANGES = (
    "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir",
    "os.symlink", "os.truncate", "shutil.rmtree",
)  # fmt: skip
THREADS = 16  # that a process of answers may begin; a fork counts as one


class Guard:
    """An audit hook that refuses other programs, the network, and changes outside a folder.

    It holds on every system. It is no wall by itself (code in the same process can get around
    it), so on Linux ``jail`` stands around it.
    """

    def __init__(self, folder: str) -> None:
        self.folder = os.path.realpath(folder)
        self.met = ""  # what the answer tried

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in REFUSED or event.startswith("socket.") or self._changes(event, arguments):
            self.met = self.met or event
            raise PermissionError(f"{event} is not allowed where answers are collected")

    def _changes(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "open":
            path, mode, flags = arguments
            writes = (
                any(c in mode for c in "wax+")
                if isinstance(mode, str)
                else bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            )
            return writes and isinstance(path, str | bytes) and self._outside(path)
        return event in CHANGES and any(
            self._outside(one) for one in arguments if isinstance(one, str | bytes)
        )

    def _outside(self, path: str | bytes) -> bool:
        whole = os.path.realpath(os.fsdecode(path))
        inside = whole.startswith(self.folder + os.sep) or whole == self.folder
        return whole != os.devnull and not inside


def serve(connection: Connection, marks: int | None, seconds: float) -> None:
    """Run answers, and call their functions, until the other end is closed.

    marks: the descriptor over which marks go, if this process was given a copy of it.
    """
    if marks is not None:
        os.close(marks)
    load()
    guard, names = Guard(os.getcwd()), {}  # type: Guard, dict[str, Any]
    sys.addaudithook(guard)
    with contextlib.suppress(EOFError, OSError):
        connection.send_bytes(parcels.pack("ready"))
        while True:
            asked = parcels.unpack(connection.recv_bytes())
            if "task" in asked:
                allow(seconds)
            guard.met = ""
            connection.send_bytes(_answer(asked, names, guard))


def load() -> None:
    """What answers and checks need, loaded before their time is measured."""
    import scipy.stats  # noqa: F401
    import torch

    from activecl_nb import augment, sampling  # noqa: F401
    from activecl_nb.lessons import checks  # noqa: F401

    torch.set_num_threads(1)


def _answer(asked: Mapping[str, Any], names: dict[str, Any], guard: Guard) -> bytes:
    """What came of what was asked: ["value", it, changed inputs, met] or ["raised", ...]."""
    try:
        changed: dict[int, Any] = {}
        if "task" in asked:
            names.clear()
            names |= given(asked["task"])
            exec(compile(asked["task"]["answer"], "answer", "exec"), names)
            value: Any = {one: names[one] for one in asked["task"]["wanted"] if one in names}
        else:
            inputs = asked["given"]
            before = [_content(one) for one in inputs]
            value = names[asked["call"]](*inputs)
            changed = {i: x for i, x in enumerate(inputs) if _content(x) != before[i]}
        return parcels.pack(["value", value, changed, guard.met])
    except BaseException as error:  # SystemExit too: an answer may raise anything
        kind, ordinary = type(error).__name__, isinstance(error, Exception)
        return parcels.pack(["raised", kind, words(error), ordinary, guard.met])


def _content(value: Any) -> bytes:
    """What a function may change in its input; empty for generators, which it has to."""
    kept = hasattr(value, "shape")
    return parcels.pack(value) if kept else b""


def given(task: Mapping[str, Any]) -> dict[str, Any]:
    """The names that an answer finds: the lesson's imports, the seed, and what was looked at."""
    names: dict[str, Any] = {"__name__": "__main__", "SEED": task["seed"]}
    exec(task["imports"], names)
    shares = task.get("shares")
    if shares:  # in place of lesson 06's explorer
        names["view"] = SimpleNamespace(only=lambda first, second: (shares[first], shares[second]))
    return names


def words(error: BaseException, longest: int = 400) -> str:
    try:
        return str(error)[:longest]
    except BaseException:  # its text is the answer's own code
        return "?"


def allow(seconds: float) -> None:
    """Let the next answer have this much of the processor; more ends the process (SIGXCPU). And
    let it begin few processes, by whatever way it found."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_NPROC, (THREADS, THREADS))
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))
