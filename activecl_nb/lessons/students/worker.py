"""What runs one student's answers, in a process of its own: ``python -m ...worker``.

It reads tasks from standard input as one line of JSON, and answers with a line for each: what the
check says. The checks are the kit's, never the notebook's. What the answers print goes nowhere.
"""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

LONGEST = 400  # characters of a text that goes back
TAMPERED = ("tampered", "the check was tampered with: it calls an untouched stub solved")
REFUSED = (
    "os.exec", "os.fork", "os.forkpty", "os.kill", "os.killpg", "os.posix_spawn", "os.spawn",
    "os.startfile", "os.system", "pty.spawn", "signal.pthread_kill", "subprocess.Popen",
)  # fmt: skip
CHANGES = (
    "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir",
    "os.symlink", "os.truncate", "shutil.rmtree",
)  # fmt: skip


class Guard:
    """An audit hook that refuses other programs, the network, and changes outside a folder.

    It holds on every system. It is no wall by itself (code in the same process can get around
    it), so on Linux ``jail`` stands around it.
    """

    def __init__(self, folder: str) -> None:
        self.folder = os.path.realpath(folder)
        self.armed = False
        self.met = ""  # what the answer tried

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed:
            return
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


def limit(memory: int) -> list[str]:
    """Set the limits that this system has; returns those that it lacks, in words."""
    lacking = []
    if not os.environ.get("ACTIVECL_CONFINED"):
        why = os.environ.get("ACTIVECL_UNCONFINED", "only Linux has namespaces")
        lacking.append(
            f"network, other programs and the disk are refused by a hook in Python alone ({why})"
        )
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


def allow(seconds: float) -> None:
    """Let the next answer have this much of the processor; more ends the process (SIGXCPU)."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def given(task: Mapping[str, Any]) -> dict[str, Any]:
    """The names that an answer finds: the lesson's imports, the seed, and what was looked at."""
    names: dict[str, Any] = {"__name__": "__main__", "SEED": task["seed"]}
    exec(task["imports"], names)
    shares = task.get("shares")
    if shares:  # of tumour in the picks of round 1, in place of lesson 06's explorer
        listed = list(shares)
        names["view"] = SimpleNamespace(
            names=listed,
            positive="TUM",
            summary=lambda s, round: SimpleNamespace(share=lambda: shares[listed[s]]),
        )
    return names


def verdict(check: str, names: dict[str, Any]) -> Any:
    """The value of the check cell's last line."""
    *before, last = ast.parse(check).body
    exec(compile(ast.Module(before, []), "check", "exec"), names)
    return eval(compile(ast.unparse(last), "check", "eval"), names)


def mark(task: Mapping[str, Any], guard: Guard) -> dict[str, Any]:
    """Run one answer and the kit's check of it."""
    from activecl_nb.lessons.checks import Verdict

    names = given(task)
    said = ""
    guard.met, guard.armed = "", True
    try:
        exec(compile(task["answer"], "answer", "exec"), names)
        said = ", ".join(shown(names.get(name)) for name in task["names"])
        found = verdict(task["check"], names)
        fresh = given(task)
        exec(task["stub"], fresh)
        untouched = verdict(task["check"], fresh)
        if type(found) is not Verdict or type(untouched) is not Verdict or untouched.solved:
            solved, (name, text) = False, TAMPERED
        else:
            solved, name, text = bool(found.solved), found.name, found.text
    except BaseException as error:  # SystemExit too: an answer may raise anything
        kind = type(error).__name__
        solved, text = False, f"the cell stopped with {kind}: {words(error)}"
        name = "memory-limit" if isinstance(error, MemoryError) else f"error-{kind}"
    finally:
        guard.armed = False
    if guard.met:
        solved, name = False, "not-allowed"
        text = f"the answer tried {guard.met}, which is refused"
    return {"solved": solved, "name": str(name)[:80], "text": text[:LONGEST], "said": said}


def shown(value: Any) -> str:
    """A typed answer, short; empty if it is no plain value."""
    if value is ...:
        return ""
    if type(value) in (str, int, bool):
        return repr(value)[:60]
    if isinstance(value, float):  # NumPy's too
        return f"{float(value):.6g}"
    if type(value) in (list, tuple) and len(value) < 20:
        return "[" + ", ".join(shown(one) for one in value)[:80] + "]"
    return ""


def words(error: BaseException) -> str:
    try:
        return str(error)[:LONGEST]
    except BaseException:  # its text is the answer's own code
        return "?"


def main() -> None:
    order = json.loads(sys.stdin.readline())
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)

    def reply(message: Mapping[str, Any], dumps: Callable[..., str] = json.dumps) -> None:
        replies.write(dumps(message) + "\n")
        replies.flush()

    import scipy.stats  # noqa: F401
    import torch

    from activecl_nb import augment, sampling  # noqa: F401
    from activecl_nb.lessons import checks  # noqa: F401

    torch.set_num_threads(1)
    guard = Guard(os.getcwd())
    lacking = limit(order["memory"])
    sys.addaudithook(guard)
    reply({"ready": True, "lacking": lacking})
    for task in order["tasks"]:
        allow(order["seconds"])
        reply({"key": task["key"], "nonce": order["nonce"], **mark(task, guard)})


if __name__ == "__main__":
    main()
