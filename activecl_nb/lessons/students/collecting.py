"""Run what the students handed in, each in a process of their own, and mark it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import queue
import secrets
import signal
import site
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from activecl_nb import files
from activecl_nb.lessons.students import editions, exercises, marks, submissions
from activecl_nb.lessons.students.exercises import Exercise, Lesson
from activecl_nb.lessons.students.submissions import LONGEST, Submission

SECONDS = 20  # of the processor, for one answer with its check
PATIENCE = 4  # an answer that waits or sleeps is stopped after so many times as long
MEMORY = 1_000_000_000  # bytes, beyond what the kit itself takes
START = 600  # seconds until a process has loaded the kit, on however slow a machine
MOST_STOPS = 3  # answers of one student that had to be stopped; then no more of them run
ROOT = Path(__file__).parents[3]
VIEW = "view"  # the name by which a check looks at the stored runs
LIMIT = {-getattr(signal, "SIGXCPU", 24), 128 + getattr(signal, "SIGXCPU", 24)}


@dataclass(frozen=True)
class Mark:
    """What came of one exercise. name: "solved", "not-yet", "missing", the hint's, or what
    stopped it. said: the letter, number or name that was the answer; empty for functions."""

    solved: bool
    name: str
    text: str
    said: str = ""


@dataclass
class Row:
    """A student's marks: exercise's key -> mark. lacking: limits that this system has not."""

    work: Submission
    marks: dict[str, Mark] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Limits:
    seconds: float = SECONDS
    memory: int = MEMORY


def collect(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    jobs: int | None = None,
    limits: Limits | None = None,
    notebooks: Path | None = None,
    edition: int | None = None,
) -> list[Row]:
    """Mark all that lies under ``folder``: a table ``out`` (CSV) and a page beside it (.html).

    **This executes students' code.** jobs: students at a time (default: one a core). notebooks:
    whose checks (default: the kit's own). edition: see ``submissions.read``.
    FileNotFoundError: nothing was handed in.
    """
    known = exercises.lessons(notebooks)
    handed_in = submissions.read(folder, known, edition)
    asked = {e.key: e for lesson in known.values() for e in lesson.exercises}
    shares = _shares() if _looked_at(handed_in, asked) else {}
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        rows = list(pool.map(lambda work: run(work, known, limits or Limits(), shares), handed_in))
    marks.write(rows, known, files.expanded(out))
    return rows


def run(
    work: Submission,
    lessons: Mapping[str, Lesson],
    limits: Limits,
    shares: Mapping[str, float] | None = None,
) -> Row:
    """One student's row. Nothing that their code does raises here."""
    row = Row(work)
    tasks: list[Mapping[str, Any]] = []
    for lesson in lessons.values():
        for exercise in lesson.exercises:
            code = work.answers.get(exercise.key)
            if not can_be_marked(exercise):
                looked = ", ".join(sorted(exercise.beyond))
                text = f"its check looks at the student's own session ({looked})"
                row.marks[exercise.key] = Mark(False, marks.NOT_MARKED, text)
            elif code is None:
                gone = lesson.name in work.files
                text = "its cell is gone" if gone else "no notebook of this lesson"
                row.marks[exercise.key] = Mark(False, "missing", text)
            elif len(code) > LONGEST:
                row.marks[exercise.key] = Mark(False, "too-long", "more than an answer can be")
            elif code.strip() == exercise.stub.strip():
                row.marks[exercise.key] = Mark(False, "not-yet", "the stub as it was")
            else:
                tasks.append(_task(exercise, lesson, work, code, shares or {}))
    stops = 0
    while tasks and stops < MOST_STOPS:
        done, tasks = _process(tasks, limits, row)
        if tasks:  # the first of them ended the process
            row.marks[tasks[0]["key"]] = done
            tasks, stops = tasks[1:], stops + 1
    for task in tasks:
        text = f"not run, since {MOST_STOPS} answers before it had to be stopped"
        row.marks[task["key"]] = Mark(False, "not-run", text)
    return row


def can_be_marked(exercise: Exercise) -> bool:
    """Whether the check needs no more than the answer, and perhaps the stored runs."""
    return exercise.beyond <= {VIEW}


def _task(
    exercise: Exercise, lesson: Lesson, work: Submission, code: str, shares: Mapping[str, float]
) -> dict[str, Any]:
    check, letters = exercise.check, work.orders.get(exercise.key)
    if letters:
        check = editions.with_order(check, exercise.names[0], letters)
    return {
        "key": exercise.key,
        "seed": work.seed,
        "imports": exercises.needed(lesson.imports, code, check, exercise.stub),
        "answer": code,
        "names": exercise.names,
        "stub": exercise.stub,
        "check": check,
        "shares": dict(shares) if VIEW in exercise.beyond else {},
    }


# ---- a process ---------------------------------------------------------------------------
def _process(
    tasks: Sequence[Mapping[str, Any]], limits: Limits, row: Row
) -> tuple[Mark, list[Mapping[str, Any]]]:
    """Run tasks in one process until it ends; (what ended it, the tasks without a mark)."""
    with tempfile.TemporaryDirectory(prefix="activecl-", ignore_cleanup_errors=True) as folder:
        process = _start(folder)
        try:
            return _follow(process, tasks, limits, row)
        finally:
            _end(process)


def _start(folder: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "activecl_nb.lessons.students.worker"]
    if sys.platform == "linux":
        jail = str(Path(__file__).with_name("jail.py"))
        command = [sys.executable, "-S", "-E", jail, folder, *command]
    kept = {k: os.environ[k] for k in ("PATH", "SYSTEMROOT", "LANG") if k in os.environ}
    inherited = os.environ.get("PYTHONPATH", "")
    own = {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), inherited])),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": folder,
        "PYTHONUSERBASE": site.getuserbase(),
        "TMPDIR": folder,
        "OMP_NUM_THREADS": "1",
        "ACTIVECL_PROFILE": "tiny",
        "ACTIVECL_DEVICE": "cpu",
    }
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=kept | own,
        start_new_session=True,
    )


def _follow(
    process: subprocess.Popen[bytes],
    tasks: Sequence[Mapping[str, Any]],
    limits: Limits,
    row: Row,
) -> tuple[Mark, list[Mapping[str, Any]]]:
    """Hand the tasks over, and take a mark for each as it comes."""
    nonce = secrets.token_hex(16)  # an answer that finds the channel does not know it
    message = {
        "tasks": tasks,
        "seconds": limits.seconds,
        "memory": limits.memory,
        "nonce": nonce,
    }
    with contextlib.suppress(OSError):  # it ended at once; the first reply says so
        process.stdin.write(json.dumps(message).encode() + b"\n")  # type: ignore[union-attr]  # a pipe
        process.stdin.close()  # type: ignore[union-attr]  # as above
    replies = _replies(process)
    ready = _next(replies, START)
    if not isinstance(ready, dict) or "ready" not in ready:
        return Mark(False, "stopped", "the process that runs answers did not start"), list(tasks)
    row.lacking = [str(one) for one in ready["lacking"]]
    for place, task in enumerate(tasks):
        reply = _next(replies, limits.seconds * PATIENCE)
        known = isinstance(reply, dict) and reply.get("nonce") == nonce
        if not known or reply.get("key") != task["key"]:
            return _ended(process, reply), list(tasks[place:])
        texts = [str(reply.get(name, ""))[:500] for name in ("name", "text", "said")]
        row.marks[task["key"]] = Mark(reply.get("solved") is True, *texts)
    return Mark(True, "", ""), []


def _replies(process: subprocess.Popen[bytes]) -> queue.Queue[Any]:
    """What the process writes, line by line; None at its end. Few wait, so that a flood of them
    fills no memory."""
    lines: queue.Queue[Any] = queue.Queue(maxsize=100)

    def read() -> None:
        with contextlib.suppress(ValueError, OSError):
            while line := process.stdout.readline(20_000):  # type: ignore[union-attr]  # a pipe
                lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _next(lines: queue.Queue[Any], seconds: float) -> Any:
    """The next reply; None if the process ended, the word "late" if none came in time."""
    try:
        line = lines.get(timeout=seconds)
    except queue.Empty:
        return "late"
    try:
        return None if line is None else json.loads(line)
    except (ValueError, RecursionError):
        return "no reply"


def _ended(process: subprocess.Popen[bytes], reply: Any) -> Mark:
    """Why no mark came."""
    if reply is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
    if reply == "late" or process.poll() in LIMIT:
        return Mark(False, "time-limit", "it did not end in the time that an answer has")
    if reply is None:
        return Mark(False, "stopped", f"it ended the process (code {process.poll()})")
    return Mark(False, "tampered", "it wrote into the channel of the marks")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and, where the system can, all that it started."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
    # The reader may wait at a full queue: it is a daemon, and its pipe ends with the process.


# ---- what lesson 06 looks at -------------------------------------------------------------
def _looked_at(handed_in: Sequence[Submission], asked: Mapping[str, Exercise]) -> bool:
    keys = [key for key, exercise in asked.items() if VIEW in exercise.beyond]
    return any(
        work.answers.get(key, asked[key].stub).strip() != asked[key].stub.strip()
        for work in handed_in
        for key in keys
    )


def _shares() -> dict[str, float]:
    """The share of tumour in each strategy's picks of round 1, of the runs that come with the
    kit: strategy -> share."""
    from activecl_nb import profiles
    from activecl_nb.lessons import shelf

    with contextlib.redirect_stdout(io.StringIO()):
        runs, data = shelf.open_runs(profiles.current())
    return dict(_picked(shelf.first_seed(runs), data))


def _picked(runs: Sequence[Any], data: Any) -> Iterator[tuple[str, float]]:
    for run in runs:
        picked = next(one.picked for one in run.rounds if one.number == 1)
        yield run.strategy, float(data.train_targets[picked].float().mean())
