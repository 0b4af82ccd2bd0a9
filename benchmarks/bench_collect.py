"""How long it takes to collect a class: thirty submissions of all lessons, two at a time (Linux).

    python benchmarks/bench_collect.py [--students 30]

Every student hands in every exercise of every lesson: two thirds of the class solve all, the rest
leave every second one a stub with a line more. The goal is five minutes on two cores. On a busy
machine the time on the clock says little; the processor's, which other programs do not lengthen by
much, says whether the goal is met. Fewer students tell what one costs.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "lessons" / "students")]

from made_up_class import Class  # noqa: E402

from activecl_nb.lessons.students import collecting, exercises  # noqa: E402

CLASS, CORES, GOAL = 30, 2, 300  # students, cores, seconds
ADOPT_ORPHANS = 36  # of prctl(2)


def answers(room: Class, *, good: bool) -> dict[str, str]:
    """Exercise -> code, as a student of a class edition writes it."""
    written = {}
    asked = [one for lesson in room.lessons.values() for one in lesson.exercises]
    for place, exercise in enumerate(asked):
        written[exercise.key] = exercise.solution
        if exercise.letters:
            written[exercise.key] = room.letter(exercise, exercise.solution.partition('"')[2][0])
        if not good and place % 2:
            written[exercise.key] = f"{exercise.stub}\npass"
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--students", type=int, default=CLASS)
    wanted = parser.parse_args().students
    ctypes.CDLL(None).prctl(ADOPT_ORPHANS, 1, 0, 0, 0)  # what students' processes leave behind
    with tempfile.TemporaryDirectory() as folder:
        room = Class(Path(folder) / "in", exercises.lessons())
        for number in range(wanted):
            room.hand_in(f"student {number}", answers(room, good=number % 3 > 0))
        load, since, used = os.getloadavg()[0], time.perf_counter(), processor()
        rows = collecting.collect(room.folder, Path(folder) / "marks.csv", jobs=CORES)
        wall, used = time.perf_counter() - since, processor() - used
    marks = [mark for row in rows for mark in row.marks.values()]
    solved = sum(mark.solved for mark in marks)
    print(
        f"{wanted} submissions of {len(room.lessons)} lessons: {len(marks)} marks, {solved} solved"
    )
    print(f"on the clock {wall:.0f} s, {CORES} at a time (load {load:.1f} before it)")
    each = used / wanted
    print(f"of the processor {used:.0f} s, {each:.1f} s a student; {CLASS} students take ", end="")
    free = each * CLASS / CORES
    met = "met" if free <= GOAL else "missed"
    print(f"{free:.0f} s on {CORES} free cores, so that the goal of {GOAL} s is {met}")


def processor() -> float:
    """Seconds of the processor that this process and those it has started have used."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, 0)[0]:
            pass
    own = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in own)


if __name__ == "__main__":
    main()
