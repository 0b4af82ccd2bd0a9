"""The commands ``student`` and ``collect``."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The teacher's two: notebooks to hand out, and the marks of what comes back."""
    summary = "a class edition of the lessons, without solutions, and the teacher's copy"
    command = commands.add_parser("student", help=summary, description=summary)
    command.add_argument("--out", required=True, type=Path, help="folder for both")
    command.add_argument(
        "--edition", type=int, default=0, help="a number a class: the order of the letters"
    )
    warning = (
        "This EXECUTES the code that students wrote. On Linux each runs without network, with "
        "a read-only disk, limits on time and memory, and an empty folder. Windows and macOS "
        "lack some of these; the page says which. There, use a machine that holds nothing else."
    )
    command.set_defaults(do=_student)
    summary = "run and mark what students handed in (executes their code)"
    command = commands.add_parser("collect", help=summary, description=warning)
    command.add_argument("submissions", type=Path, help="a folder; in it a folder a student")
    command.add_argument("--out", type=Path, default=Path("marks.csv"), help="default: marks.csv")
    command.add_argument("--jobs", type=int, help="students at a time (default: one a core)")
    command.add_argument("--seconds", type=float, help="of the processor for one answer")
    command.set_defaults(do=_collect)


def _student(options: argparse.Namespace) -> int:
    from activecl_nb.lessons.students import editions

    for whose, paths in editions.make(options.out, edition=options.edition).items():
        print(f"{len(paths)} notebooks for {whose} in {options.out / whose}")
    return 0


def _collect(options: argparse.Namespace) -> int:
    from activecl_nb.lessons.students import collecting

    limits = collecting.Limits(options.seconds or collecting.SECONDS)
    rows = collecting.collect(options.submissions, options.out, jobs=options.jobs, limits=limits)
    page = options.out.with_suffix(".html")
    print(f"{len(rows)} students are marked in {options.out}; what went wrong is in {page}")
    for text in sorted({text for row in rows for text in row.lacking}):
        print(f"a limit that this machine lacks: {text}")
    return 0
