"""What the kit does with damaged folders and odd command lines: a table of outcomes by group.

    python benchmarks/attack.py                    # all groups
    python benchmarks/attack.py flips --flips 500 --seed 0

detected: one error that a user can read. silent: taken as if nothing were wrong. traceback: any
other exception. Exit status 1 if anything was silent or a traceback. A group is a function in
``GROUPS`` that yields (what was tried, how it ended).
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from activecl_nb import __main__ as terminal
from activecl_nb import experiment, runs
from activecl_nb.imbalance import Data
from activecl_nb.protocol import Protocol
from activecl_nb.tissue import Tissue

DETECTED, SILENT, TRACEBACK = "detected", "silent", "traceback"
Outcomes = Iterator[tuple[str, str]]


def outcome(act: Callable[[], object]) -> str:
    """How an act on something damaged ends."""
    try:
        act()
    except (ValueError, FileNotFoundError):
        return DETECTED
    except Exception as error:
        print(f"  {type(error).__name__}: {error}", file=sys.stderr)
        return TRACEBACK
    return SILENT


# ---- runs to damage -----------------------------------------------------------------------


class Stop(Exception):
    """Ends a run after a round, as a kill would."""


def patches(count: int, seed: int) -> Tissue:
    draw = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = draw.integers(60, 200, (count, 3, 16, 16))
    images[labels == 2, :, ::2] //= 3
    tensors = torch.from_numpy(images.astype(np.uint8)), torch.from_numpy(labels)
    return Tissue(*tensors, ("NORM", "STR", "TUM"), f"drawn patches {seed}")


PROTOCOL = Protocol.of(
    "tiny", image_size=16, labelled=30, width=4, rounds=2, budget=8, candidates=20, epochs=1,
    batch_size=8,
)  # fmt: skip
DATA = Data(patches(90, 1), patches(45, 2))


def make(folder: Path, seed: int, rounds: int) -> Path:
    """A run of two rounds, stopped after so many."""

    def stop(run: runs.Run) -> None:
        if len(run.rounds) == rounds < PROTOCOL.rounds:
            raise Stop

    with contextlib.suppress(Stop):
        experiment.run(PROTOCOL, DATA, "random", seed, folder, progress=False, on_round=stop)
    return folder


def use(folder: Path) -> None:
    """What the kit does before it believes a run: it reads it, and takes it up."""
    runs.load(folder)
    with runs.writing(runs.fresh(PROTOCOL, DATA, "random", 0), folder):
        pass


# ---- the groups ---------------------------------------------------------------------------


def flips(room: Path, options: argparse.Namespace) -> Outcomes:
    """One byte of one file changed: every type of file in turn, any place, any other value."""
    draw = np.random.default_rng(options.seed)
    folders = [make(room / "finished", 0, 2), make(room / "unfinished", 0, 1)]
    by_kind: dict[tuple[str, str], list[Path]] = {}
    for folder in folders:
        for file in sorted(folder.iterdir()):
            kind = file.name if file.suffix in (".json", ".csv") else file.name.split("-")[0]
            by_kind.setdefault((folder.name, kind), []).append(file)
    for number in range(options.flips):
        (where, kind), those = [*by_kind.items()][number % len(by_kind)]
        file = those[int(draw.integers(len(those)))]
        whole = file.read_bytes()
        at = int(draw.integers(len(whole)))
        damaged = bytearray(whole)
        damaged[at] ^= int(draw.integers(1, 256))
        file.write_bytes(damaged)
        yield f"{where}: {kind}", outcome(lambda folder=file.parent: use(folder))
        file.write_bytes(whole)


def structured(room: Path, options: argparse.Namespace) -> Outcomes:
    """Files exchanged, cut, emptied and missing; lines doubled, lost, reordered and changed."""
    sound, other = make(room / "sound", 0, 2), make(room / "other", 1, 2)
    for name in sorted(p.name for p in sound.iterdir()):
        changes: dict[str, Callable[[bytes], bytes | None]] = {
            "of another run": lambda _, name=name: (other / name).read_bytes(),
            "cut in half": lambda content: content[: len(content) // 2],
            "empty": lambda _: b"",
            "twice over": lambda content: content + content,
            "missing": lambda _: None,
        }
        if name.endswith(".csv"):
            changes |= line_changes()
        for what, change in changes.items():
            if name == "manifest.json" and what == "missing":
                continue  # that is a folder of an older kit, which is read with a warning
            if name.startswith("weights") and what == "missing":
                continue  # stored runs leave them out
            yield f"{name} {what}", outcome(lambda n=name, c=change: damaged(sound, n, c))


def damaged(sound: Path, name: str, change: Callable[[bytes], bytes | None]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = shutil.copytree(sound, Path(place) / "run")
        content = change((folder / name).read_bytes())
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)
        use(folder)


def line_changes() -> dict[str, Callable[[bytes], bytes]]:
    def lines(change: Callable[[list[list[str]]], list[list[str]]]) -> Callable[[bytes], bytes]:
        def changed(content: bytes) -> bytes:
            stream = io.StringIO()
            rows = [*csv.reader(io.StringIO(content.decode()))]
            csv.writer(stream, lineterminator="\n").writerows(change(rows))
            return stream.getvalue().encode()

        return changed

    def digit(column: int) -> Callable[[list[list[str]]], list[list[str]]]:
        return lambda rows: [
            rows[0], [*rows[1][:column], f"{float(rows[1][column]) / 2}", *rows[1][column + 1 :]],
            *rows[2:],
        ]  # fmt: skip

    columns = {f"with another number in column {k}": lines(digit(k)) for k in range(2, 12)}
    return columns | {
        "with its first line twice": lines(lambda rows: [*rows[:2], *rows[1:]]),
        "without its first line": lines(lambda rows: [rows[0], *rows[2:]]),
        "without its last line": lines(lambda rows: rows[:-1]),
        "in reverse": lines(lambda rows: [rows[0], *rows[:0:-1]]),
        "without a column": lines(lambda rows: [row[:-1] for row in rows]),
        "without its head": lines(lambda rows: rows[1:]),
    }


def commands(room: Path, options: argparse.Namespace) -> Outcomes:
    """Command lines that cannot be done; each should end in one line and status 1 or 2."""
    (room / "file").write_text("x")
    (room / "folder").mkdir()
    (room / "bad.toml").write_text("title = ")
    run = ["run", "--profile", "tiny", "--out", room / "run"]
    settings = [
        "rounds=0", "rounds=1.5", "rounds=many", "rounds", "=3", "epochs=-1", "batch_size=1",
        "width=0", "temperature=0", "temperature=nan", "learning_rate=inf", "standardise=maybe",
        "head=large", "speed=9", "budget=2", "candidates=1", "labelled=99999999999", "stem=",
        "proxy_epochs=0", "image_size=0",
    ]  # fmt: skip
    lines = [[*run, "--set", setting] for setting in settings]
    lines += [
        [*run[:-1], place] for place in (room / "file", room / "file/x", "x" * 300, "/proc/x")
    ]
    lines += [
        [*run, *more]
        for more in (
            ["--strategy", "best"], ["--strategy", ""], ["--seed", "x"], ["--seed", "1.5"],
            ["--seed", "9" * 30], ["--share", "0"], ["--share", "2"], ["--share", "nan"],
            ["--positive", "XYZ"], ["--device", "tpu"], ["--device", "cpu:x"],
            ["--device", "cpu:-1"], ["--data", "nothing"], ["--data", "folder"],
            ["--data", "folder", "--path", room / "file"], ["--data", "pathmnist", "--path", room],
            ["--profile", "huge"], ["--nothing"],
        )
    ]  # fmt: skip
    lines += [
        ["study", file, "--out", room / "study"]
        for file in (room / "folder", room / "none", room / "file", room / "bad.toml")
    ]
    lines += [["report", room / "folder", room / "folder"], ["report", room / "none"], [], ["fly"]]
    for line in lines:
        yield " ".join(map(str, line[:1])), outcome(lambda line=line: typed(line))


def typed(line: list[object]) -> None:
    """ValueError: the command ended as it should, with a status and one line."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            status = terminal.main([str(word) for word in line])
        except SystemExit as end:  # argparse
            status = end.code
    if status in (1, 2) and "Traceback" not in said.getvalue():
        raise ValueError(said.getvalue())


GROUPS: dict[str, Callable[[Path, argparse.Namespace], Outcomes]] = {
    "flips": flips,
    "structured": structured,
    "commands": commands,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("groups", nargs="*", help=f"of {', '.join(GROUPS)} (default: all)")
    parser.add_argument("--flips", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if unknown := {*options.groups} - {*GROUPS}:
        parser.error(f"no group is called {', '.join(sorted(unknown))}")
    warnings.simplefilter("ignore")
    bad = 0
    print(f"{'group':<34}{'tried':>8}{DETECTED:>10}{SILENT:>8}{TRACEBACK:>11}")
    for name in options.groups or GROUPS:
        counts: dict[str, Counter[str]] = {}
        with tempfile.TemporaryDirectory() as room:
            for what, ended in GROUPS[name](Path(room), options):
                counts.setdefault(what, Counter())[ended] += 1
                if ended != DETECTED:
                    print(f"  {name}: {what}: {ended}", file=sys.stderr)
        total = sum(counts.values(), Counter())
        if name == "flips":
            for what, each in sorted(counts.items()):
                line(f"  {what}", each)
        line(name, total)
        bad += total[SILENT] + total[TRACEBACK]
    return 1 if bad else 0


def line(name: str, counts: Counter[str]) -> None:
    ended = f"{counts[DETECTED]:>10}{counts[SILENT]:>8}{counts[TRACEBACK]:>11}"
    print(f"{name:<34}{counts.total():>8}{ended}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
