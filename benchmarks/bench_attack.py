"""What the kit does with what is damaged or odd: a table of outcomes by group.

    python benchmarks/bench_attack.py                    # all groups
    python benchmarks/bench_attack.py flips --flips 500 --seed 0

detected: one error that a user can read, or, of what is odd but right (a ``%`` in a path), the
work done. no effect: what was damaged is not read, and the result is what it was. silent: another
result, or something taken that makes no sense. traceback: any other exception. Exit status 1 if
anything was silent or a traceback. A group is a function in ``GROUPS`` that yields (what was
tried, how it ended).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import attack_commands
import attack_files
from attack_outcomes import DETECTED, NO_EFFECT, SILENT, TRACEBACK

GROUPS: dict[str, Callable[[Path, argparse.Namespace], Iterator[tuple[str, str]]]] = {
    "flips": attack_files.flips,
    "structured": attack_files.structured,
    "caches": attack_files.caches,
    "npz": attack_files.npz,
    "images": attack_files.images,
    "commands": attack_commands.commands,
    "surroundings": attack_commands.surroundings,
    "studies": attack_commands.studies,
}
BY_KIND = ("flips", "caches")  # groups with a line for each type of file


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("groups", nargs="*", help=f"of {', '.join(GROUPS)} (default: all)")
    parser.add_argument("--flips", type=int, default=500, help="in run folders (default: 500)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if unknown := {*options.groups} - {*GROUPS}:
        parser.error(f"no group is called {', '.join(sorted(unknown))}")
    warnings.simplefilter("ignore")
    bad = 0
    print(f"{'group':<34}{'tried':>8}{DETECTED:>10}{NO_EFFECT:>11}{SILENT:>8}{TRACEBACK:>11}")
    for name in options.groups or GROUPS:
        counts: dict[str, Counter[str]] = {}
        with tempfile.TemporaryDirectory() as room:
            for what, ended in GROUPS[name](Path(room), options):
                counts.setdefault(what, Counter())[ended] += 1
                if ended in (SILENT, TRACEBACK):
                    print(f"  {name}: {what}: {ended}", file=sys.stderr)
        total = sum(counts.values(), Counter())
        if name in BY_KIND:
            for what, each in sorted(counts.items()):
                line(f"  {what}", each)
        line(name, total)
        bad += total[SILENT] + total[TRACEBACK]
    return 1 if bad else 0


def line(name: str, counts: Counter[str]) -> None:
    ended = f"{counts[DETECTED]:>10}{counts[NO_EFFECT]:>11}{counts[SILENT]:>8}"
    print(f"{name:<34}{counts.total():>8}{ended}{counts[TRACEBACK]:>11}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
