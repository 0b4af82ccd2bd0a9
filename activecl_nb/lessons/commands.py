"""The commands of lessons and classes: lessons, site, stick, student, collect, prepare, check."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Lessons to take away, as notebooks, pages or a stick; what a teacher hands out, and the
    marks of what comes back; whether a machine is ready."""
    from activecl_nb.profiles import PROFILES

    _to_take_away(commands)
    summary = "a class edition of the lessons, without solutions, and the teacher's copy"
    command = commands.add_parser("student", help=summary, description=summary)
    command.add_argument("--out", required=True, type=Path, help="folder for both")
    command.add_argument(
        "--edition", type=int, default=0, help="a number a class: the order of the letters"
    )
    warning = (
        "This EXECUTES the code that students wrote. On Linux each answer runs apart from its "
        "check, without network, with a read-only disk on which your home and what others handed "
        "in are hidden, limits on time and memory, and an empty folder. Windows and macOS "
        "lack some of these; the page says which. There, use a machine that holds nothing else."
    )
    command.set_defaults(do=_student)
    summary = "run and mark what students handed in (executes their code)"
    command = commands.add_parser("collect", help=summary, description=warning)
    command.add_argument("submissions", type=Path, help="a folder; in it a folder a student")
    command.add_argument("--out", type=Path, default=Path("marks.csv"), help="default: marks.csv")
    command.add_argument(
        "--lessons", nargs="+", default=[], metavar="NN", help="mark these alone, such as 04 05"
    )
    command.add_argument("--jobs", type=int, help="students at a time (default: one a core)")
    command.add_argument(
        "--edition", type=int, help="what you handed out (default: what most notebooks are of)"
    )
    command.add_argument("--seconds", type=float, help="of the processor for one answer")
    command.set_defaults(do=_collect)
    command = commands.add_parser("prepare", help="draw the embedded tissue, so that it is there")
    command.add_argument("--profile", choices=list(PROFILES), help="whose sizes")
    command.set_defaults(do=_prepare)
    command = commands.add_parser("check", help="is this machine ready? what is missing, the mend")
    command.set_defaults(do=_check)


def _to_take_away(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    summary = "copy the notebooks, and what they point to, into a folder of your own"
    command = commands.add_parser("lessons", help=summary, description=summary)
    command.add_argument("folder", type=Path, metavar="DIR")
    command.set_defaults(do=_lessons)
    summary = "the lessons as pages to read in any browser, without an install or a network"
    command = commands.add_parser("site", help=summary, description=summary)
    command.add_argument("folder", type=Path, metavar="DIR")
    command.add_argument(
        "--notebooks", type=Path, help="executed notebooks (default: as they come with the kit)"
    )
    command.set_defaults(do=_site)
    summary = "all that a room without a network needs, on a stick (this makes it, with a network)"
    command = commands.add_parser("stick", help=summary, description=summary)
    command.add_argument("folder", type=Path, metavar="DIR")
    command.add_argument(
        "--system",
        action="append",
        choices=["linux", "windows", "macos", "macos-intel"],
        help="of the room's machines; may be given several times (default: linux and windows)",
    )
    command.add_argument("--python", default="3.12", help="theirs (default: 3.12)")
    command.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="what the machines have already, such as torch",
    )
    command.set_defaults(do=_stick)


def _lessons(options: argparse.Namespace) -> int:
    from activecl_nb.lessons import takeaway

    folder = takeaway.copy_lessons(options.folder)
    opened = f'jupyter lab --notebook-dir="{folder.parent}" "{folder / "00_start_here.ipynb"}"'
    print(f"the lessons are in {folder}; open them with: {opened}")
    return 0


def _site(options: argparse.Namespace) -> int:
    from activecl_nb.lessons import site

    print(f"the site is {site.build(options.folder, options.notebooks)}")
    return 0


def _stick(options: argparse.Namespace) -> int:
    from activecl_nb.lessons import stick

    systems = options.system or ["linux", "windows"]
    page = stick.make(options.folder, systems, options.python, without=options.without)
    print(f"the stick is ready; it begins at {page}")
    return 0


def _student(options: argparse.Namespace) -> int:
    from activecl_nb.lessons.students import editions

    for whose, paths in editions.make(options.out, edition=options.edition).items():
        print(f"{len(paths)} notebooks for {whose} in {options.out / whose}")
    return 0


def _collect(options: argparse.Namespace) -> int:
    from activecl_nb.lessons.students import collecting

    limits = None if options.seconds is None else collecting.Limits(options.seconds)
    chosen = {name: getattr(options, name) for name in ("jobs", "edition", "lessons")}
    rows = collecting.collect(options.submissions, options.out, limits=limits, **chosen)
    page = options.out.with_suffix(".html")
    print(f"{len(rows)} students are marked in {options.out}; what went wrong is in {page}")
    for text in sorted({text for row in rows for text in row.lacking}):
        print(f"a limit that this machine lacks: {text}")
    return 0


def _prepare(options: argparse.Namespace) -> int:
    from activecl_nb import augment, imbalance, profiles, seeds

    print("The first time code is compiled, for a minute or two, before the bar moves.", flush=True)
    data = imbalance.load("phantom", profiles.current(options.profile))
    augment.views(data.train.images[:8], seeds.generator(0, "prepare"))  # compiled now, kept
    print(f"{data.train}\n{data.test}")
    return 0


def _check(options: argparse.Namespace) -> int:
    from activecl_nb.lessons import machine

    findings = machine.environment()
    print(findings)
    return 0 if findings.ready else 1
