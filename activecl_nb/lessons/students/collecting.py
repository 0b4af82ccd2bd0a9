"""Run what the students handed in, each in a process of their own, and mark it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import queue
import shutil
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

from activecl_nb import files, values
from activecl_nb.lessons.students import editions, exercises, marks, submissions
from activecl_nb.lessons.students.exercises import VIEW, Exercise, Lesson
from activecl_nb.lessons.students.submissions import LONGEST, Submission
from activecl_nb.lessons.students.worker import PATIENCE, START

SECONDS = 20  # of the processor, for one answer with its check
MEMORY = 1_000_000_000  # bytes, beyond what the kit itself takes
MOST_STOPS = 3  # answers of one student that had to be stopped; then no more of them run
ROOT = Path(__file__).parents[3]
Shares = Mapping[str, Mapping[str, float]]  # strategy -> tissue -> share, see _shares


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
    """A student's marks: exercise's key -> mark. lacking: limits that this system has not.
    stops: answers that had to be stopped."""

    work: Submission
    marks: dict[str, Mark] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)
    stops: int = 0


@dataclass(frozen=True)
class Limits:
    seconds: values.Positive = SECONDS
    memory: int = MEMORY

    def __post_init__(self) -> None:
        values.checked(Limits, {"seconds": self.seconds})


class Options:
    """What ``collect`` is told in numbers."""

    jobs: values.Count
    edition: values.Whole


def collect(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    jobs: int | None = None,
    limits: Limits | None = None,
    notebooks: Path | None = None,
    edition: int | None = None,
    lessons: Sequence[str] = (),
) -> list[Row]:
    """Mark all that lies under ``folder``: a table ``out`` (CSV) and a page beside it (.html).

    **This executes students' code.** jobs: students at a time (default: one a core). notebooks:
    whose checks (default: the kit's own). edition: see ``submissions.read``. lessons: numbers of
    those that are marked, such as "04" (default: all).
    FileNotFoundError: nothing was handed in. ValueError: there is no such lesson, or a number is
    out of bounds.
    """
    numbers_given = {"jobs": jobs, "edition": edition}
    values.checked(Options, {k: v for k, v in numbers_given.items() if v is not None})
    files.ready(out)
    _remove_what_is_left()
    known = exercises.lessons(notebooks)
    numbers = {lesson.number for lesson in known.values()}
    if set(lessons) - numbers:
        unknown, there = min(set(lessons) - numbers), ", ".join(sorted(numbers))
        raise ValueError(f"no lesson {unknown!r}; there are: {there}")
    handed_in = submissions.read(folder, known, edition)
    known = {name: one for name, one in known.items() if not lessons or one.number in lessons}
    asked = {e.key: e for lesson in known.values() for e in lesson.exercises}
    shares = _shares() if _looked_at(handed_in, asked) else {}
    limits = limits or Limits()
    hidden = [Path(os.path.expanduser("~")), exercises.stored(notebooks)[0].parent]
    hidden.append(files.expanded(folder))
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        rows = list(pool.map(lambda work: run(work, known, limits, shares, hidden), handed_in))
    marks.write(rows, known, files.expanded(out))
    return rows


def run(
    work: Submission,
    lessons: Mapping[str, Lesson],
    limits: Limits,
    shares: Shares | None = None,
    hidden: Sequence[Path] = (),
) -> Row:
    """One student's row; nothing that their code or their files do raises here.

    hidden: folders that their code must not read.
    """
    row = Row(work)
    try:
        tasks: list[Mapping[str, Any]] = [*_tasks(row, lessons, shares or {})]
        while tasks and row.stops < MOST_STOPS:
            tasks = _process(tasks, limits, row, hidden)
        text = f"not run, since {MOST_STOPS} answers before it had to be stopped"
    except Exception as problem:  # whatever it is, it is not the class's
        text = f"not run: {type(problem).__name__}: {problem}"[:200]
        work.notes.append(text)
    for lesson in lessons.values():
        for exercise in lesson.exercises:
            row.marks.setdefault(exercise.key, Mark(False, "not-run", text))
    return row


def _tasks(row: Row, lessons: Mapping[str, Lesson], shares: Shares) -> Iterator[dict[str, Any]]:
    """What has to be run; what has not gets its mark here."""
    work = row.work
    for lesson in lessons.values():
        for exercise in lesson.exercises:
            code = work.answers.get(exercise.key)
            if code is None:
                gone = lesson.name in work.files
                told = "missing", "its cell is gone" if gone else "no notebook of this lesson"
            elif code.strip() == exercise.stub.strip():
                told = "not-yet", "the stub as it was"
            elif not exercise.can_be_marked:
                looked = ", ".join(sorted(exercise.beyond))
                told = marks.NOT_MARKED, f"its check looks at the student's own session ({looked})"
            elif len(code) > LONGEST:
                told = "too-long", "more than an answer can be"
            else:
                yield _task(exercise, lesson, work, code, shares)
                continue
            row.marks[exercise.key] = Mark(False, *told)


def _task(
    exercise: Exercise, lesson: Lesson, work: Submission, code: str, shares: Shares
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
        "wanted": exercise.wanted,
        "check": check,
        "shares": dict(shares) if VIEW in exercise.beyond else {},
    }


# ---- a process ---------------------------------------------------------------------------
FOLDERS = "activecl-answers"  # in the system's temporary folder, with the number of their process


def _remove_what_is_left() -> None:
    """Remove the folders of processes that were killed."""
    import psutil

    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDERS}-*-*"):
        owner = folder.name.split("-")[2]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)  # another user's stays


def _process(
    tasks: Sequence[Mapping[str, Any]], limits: Limits, row: Row, hidden: Sequence[Path]
) -> list[Mapping[str, Any]]:
    """Run tasks in one process until it ends; the tasks that are left."""
    own = f"{FOLDERS}-{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=own, ignore_cleanup_errors=True) as folder:
        process = _start(folder, hidden)
        try:
            return _follow(process, tasks, limits, row)
        finally:
            _end(process)


def _start(folder: str, hidden: Sequence[Path]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "activecl_nb.lessons.students.worker"]
    if sys.platform == "linux":
        jail = str(Path(__file__).with_name("jail.py"))
        seen = json.dumps(list(map(str, hidden))), json.dumps(_needed())
        command = [sys.executable, "-S", "-E", jail, folder, *seen, *command]
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


def _needed() -> list[str]:
    """Folders without which the kit does not run."""
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    places = [sys.prefix, sys.base_prefix, str(ROOT), *site.getsitepackages(), *inherited]
    return [place for place in [*places, site.getusersitepackages()] if os.path.isabs(place)]


def _follow(
    process: subprocess.Popen[bytes],
    tasks: Sequence[Mapping[str, Any]],
    limits: Limits,
    row: Row,
) -> list[Mapping[str, Any]]:
    """Hand the tasks over, and take a mark for each as it comes; those that are left."""
    message = {"tasks": tasks, "seconds": limits.seconds, "memory": limits.memory}
    with contextlib.suppress(OSError):  # it ended at once; the first reply says so
        process.stdin.write(json.dumps(message).encode() + b"\n")  # type: ignore[union-attr]  # a pipe
        process.stdin.close()  # type: ignore[union-attr]  # as above
    replies = _replies(process)
    ready = _next(replies, START)
    if not isinstance(ready, dict) or "ready" not in ready:
        raise OSError("the process that runs answers did not start")
    row.lacking = [str(text) for text in ready["lacking"]]
    for place, task in enumerate(tasks):
        if row.stops == MOST_STOPS:
            return list(tasks[place:])
        # An answer has its own limits in there; beyond them it is the check that does not end.
        reply = _next(replies, limits.seconds * PATIENCE * 2)
        if not isinstance(reply, dict) or reply.get("key") != task["key"]:
            row.marks[task["key"]] = _ended(process, reply)
            row.stops += 1
            return list(tasks[place + 1 :])
        texts = [str(reply.get(name, ""))[:500] for name in ("name", "text", "said")]
        row.marks[task["key"]] = Mark(reply.get("solved") is True, *texts)
        row.stops += reply.get("ended") is True
    return []


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
    if reply == "late":
        return Mark(False, "time-limit", "its check did not end in the time that an answer has")
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


def _shares() -> Shares:
    """Of the runs that come with the kit, each tissue's share of what only one of them picked."""
    from activecl_nb import profiles
    from activecl_nb.lessons import shelf

    with contextlib.redirect_stdout(io.StringIO()):
        runs, data = shelf.open_runs(profiles.current())
    return _only_picked(shelf.first_seed(runs), data)


def _only_picked(runs: Sequence[Any], data: Any) -> Shares:
    picked = {
        run.strategy: {patch for one in run.rounds[1:] for patch in one.picked.tolist()}
        for run in runs
    }
    shares = {}
    for name, other in (("random", "entropy"), ("entropy", "random")):
        only = [*(picked[name] - picked[other])]
        counts = data.train.take(only).counts()
        shares[name] = {tissue: count / max(1, len(only)) for tissue, count in counts.items()}
    return shares
