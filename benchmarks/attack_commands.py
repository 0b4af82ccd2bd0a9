"""Odd command lines, odd surroundings and odd study files."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from attack_outcomes import DETECTED, SILENT, TRACEBACK, Outcomes, outcome

from activecl_nb import __main__ as terminal
from activecl_nb.curation import own
from activecl_nb.evidence import study

# ---- command lines ------------------------------------------------------------------------

SETTINGS = [
    "rounds=0", "rounds=1.5", "rounds=many", "rounds", "=3", "epochs=-1", "batch_size=1",
    "width=0", "temperature=0", "temperature=nan", "learning_rate=inf", "standardise=maybe",
    "head=large", "speed=9", "budget=2", "candidates=1", "labelled=99999999999", "stem=",
    "proxy_epochs=0", "image_size=0",
]  # fmt: skip


def commands(room: Path, options: argparse.Namespace) -> Outcomes:
    """What cannot be done: each ends in one line, with status 1 or 2."""
    (room / "file").write_text("x")
    (room / "folder").mkdir()
    (room / "bad.toml").write_text("title = ")
    (room / "no.npz").write_bytes(b"PK\3\4 nothing")
    (room / "mine.py").write_text(
        "def slip(f, l, c, b, g): return [][0]\n"
        "def short(f, l): return f\n"
        "def leaves(f, l, c, b, g): raise SystemExit(0)\n"
    )
    (room / "twice.csv").write_text("file,label\nfile,x\n")
    (room / "fails.py").write_text("1 / 0")
    fast = ["--set", "rounds=2", "--set", "epochs=1"]
    run = ["run", "--profile", "tiny", "--strategy", "random", *fast, "--out", room / "run"]
    lines = [[*run, "--set", setting] for setting in SETTINGS]
    lines += [
        [*run[:-1], place] for place in (room / "file", room / "file/x", "x" * 300, "/proc/x")
    ]
    lines += [
        [*run, *more]
        for more in (
            ["--strategy", "best"], ["--strategy", ""], ["--strategy", "no.py:mine"],
            ["--strategy", room / "mine.py:slip"], ["--strategy", room / "mine.py:none"],
            ["--strategy", room / "fails.py:mine"], ["--fold", "x"],
            ["--profile", "auto", "--minutes", "-1"], ["--profile", "auto", "--minutes", "nan"],
            ["--seed", "x"], ["--seed", "1.5"], ["--seed", "9" * 30], ["--seed", "-1"],
            ["--share", "0"], ["--share", "2"], ["--share", "nan"], ["--positive", "XYZ"],
            ["--device", "tpu"], ["--device", "cpu:x"], ["--device", "cpu:-1"],
            ["--data", "nothing"], ["--data", "folder"], ["--profile", "huge"], ["--nothing"],
            ["--data", "folder", "--path", room / "file"],
            ["--data", "folder", "--path", room / "folder"],
            ["--data", "table", "--path", room / "file"], ["--path", room / "file"],
            ["--fold", "3"], ["--target", "nuclei"], ["--path", ""], ["--positive", " "],
            ["--strategy", room / "mine.py:short"], ["--strategy", room / "mine.py:leaves"],
            ["--data", "table", "--path", room / "twice.csv", "--columns", "label=file"],
            ["--data", "pathmnist", "--path", room / "no.npz"],
        )
    ]  # fmt: skip
    lines += [
        ["study", file, "--out", room / "study"]
        for file in (room / "folder", room / "none", room / "file", room / "bad.toml")
    ]
    lines += [["study", room / "bad.toml", "--out", room / "s", "--only", o] for o in ("x", "3/2")]
    lines += [["report", room / "folder", room / "folder"], ["report", room / "none"]]
    lines += [["report", "--out", room / "file"], ["report", room / "file"], [], ["fly"]]
    lines += [["look", room / "none"], ["look", room / "file"], ["pick", room / "none"]]
    lines += [["explore", room / "none"], ["explore", room / "folder"]]
    lines += [["collect", room / "none"], ["lessons", room / "file"], ["lessons", ""]]
    lines += [["collect", room, "--jobs", "0"], ["collect", room, "--seconds", "nan"]]
    lines += [["site", room / "site", "--notebooks", room / "folder"]]
    lines += [["pick", room / "folder", "--budget", "1", "--out", room / "folder/p.csv"]]
    lines += of_other_commands(room, [*run[:-1], room / "first"])
    with chosen(room), mock.patch("os.getcwd", lambda: str(room)):
        typed([*run[:-1], room / "first"])
        own.miniature(room / "set", 40)
        for line in lines:
            yield " ".join(Path(word).name for word in map(str, line)), ended(typed(line), True)
    for word in sorted(every_word() - {str(word) for line in lines for word in line}):
        print(f"  no line of this list tries {word}", file=sys.stderr)
        yield word, SILENT


def every_word() -> set[str]:
    """The commands and the long options that there are."""
    words: set[str] = set()
    for command, options in terminal.parser()._subparsers._group_actions[0].choices.items():
        named = [one.option_strings for one in options._actions if one.option_strings]
        words |= {
            command,
            *(names[-1] if "--encoder" not in names else names[0] for names in named),
        }
    return words - {"--help"}


def of_other_commands(room: Path, run: list[object]) -> list[list[object]]:
    """What ``run`` takes of one's own patches; and the commands that make no run."""
    (room / "good.toml").write_text(GOOD)
    (room / "claims.toml").write_text("[[claim]]\nid = 5\n")
    (room / "notes.md").write_text("no marks")
    own_set, none, below = room / "set", room / "none", room / "file/x"
    study = ["study", room / "good.toml", "--out", room / "study"]
    look, pick = ["look", own_set], ["pick", own_set, "--out", room / "p.csv", "--budget"]
    table = ["--data", "table", "--path", own_set / "patches.csv"]
    at_own = [["--columns", "file"], ["--columns", "x=file"], ["--columns", "label=none"],
        ["--images", none], ["--rows", "label"], ["--rows", "label=XYZ"], ["--rows", "none=1"],
        ["--target", "none"], ["--target", "patient"], ["--patient", "("]]  # fmt: skip
    lines = [[*run, *table, "--positive", "TUM", *more] for more in at_own]
    lines += [[*look, *more] for more in at_own]
    lines += [[*pick, "3", *more] for more in at_own if more != ["--columns", "label=none"]]
    lines += [[*run, *more] for more in at_own]
    lines += [[*run, "--nested"], [*run, *table, "--nested"], [*run, "--minutes", "5"]]
    lines += [[*run, "--download"], [*run, "--encoder", "magic"], [*run, "--encoder", none]]
    lines += [[*run, "--encoder", room / "no.npz"], [*run, "--encoder", "torchvision:resnet99"]]
    lines += [["benchmark", *run[1:3], "--out", below], ["benchmark", *run[1:]]]
    lines += [["benchmark", *run[1:3], "--out", room / "b", "--set", "benchmark_every=7"]]
    lines += [
        [*study, *more]
        for more in (
            ["--jobs", "-1"],
            ["--jobs", "x"],
            ["--only", "0/1"],
            ["--only", "1/0"],
            ["--keep-weights", "x"],
        )
    ]
    lines += [["study", room / "good.toml", "--out", place] for place in (below, room / "file")]
    page = ["report", "--out", room / "page"]
    lines += [[*page, "--claims", where] for where in (none, room / "claims.toml", room / "folder")]
    lines += [[*page, "--readme", room / "notes.md"], [*page, "--readme", none]]
    lines += [[*page, room / "first", "--claims", room / "claims.toml"]]
    lines += [[*page, room / "first", "--readme", room / "notes.md"], ["report", "--out", below]]
    lines += [["report", room / "first", "--out", room / "first"]]
    lines += [
        [*look, *more]
        for more in (
            ["--positive", "XYZ"],
            ["--fold", "9"],
            ["--fold", "-1"],
            ["--minutes", "nan"],
            ["--minutes", "0"],
            ["--page", below],
        )
    ]
    lines += [
        [*pick, "3", *more]
        for more in (
            ["--strategy", "best"],
            ["--strategy", "entropy"],
            ["--strategy", "oracle"],
            ["--labelled", none],
            ["--labelled", room / "twice.csv"],
            ["--positive", "TUM"],
            ["--task", "guess"],
            ["--seed", "-1"],
            ["--minutes", "nan"],
            ["--device", "tpu"],
            ["--encoder", "magic"],
            ["--download"],
            ["--nested"],
            ["--encoder", "train", "--minutes", "0"],
            ["--minutes", "3", "--encoder", none],
            ["--strategy", room / "mine.py:none"],
            ["--out", below],
            ["--out", room / "folder"],
        )
    ]
    lines += [[*pick, number] for number in ("-1", "0", "41", "x", "1.5")]
    explore = ["explore", room / "first"]
    lines += [[*explore, "--out", below], [*explore, "--out", room / "folder"]]
    lines += [[*explore, room / "first"], ["explore", "--title", "of nothing"]]
    lines += [["lessons", below], ["site", below], ["site", room / "file"], ["stick", below]]
    lines += [
        ["stick", room / "s", *more]
        for more in (
            ["--system", "beos"],
            ["--python", "3"],
            ["--python", "x"],
            ["--without", "==x"],
        )
    ]
    lines += [["student", "--out", below], ["student", "--out", room / "file"]]
    lines += [["student", "--out", room / "c", "--edition", e] for e in ("-1", "x", "1.5")]
    lines += [
        ["collect", room, *more]
        for more in (
            ["--lessons", "99"],
            ["--edition", "-1"],
            ["--jobs", "x"],
            ["--seconds", "0"],
            ["--out", room / "folder"],
            ["--out", below],
        )
    ]
    return lines + [["prepare", "--profile", "huge"], ["check", "x"], ["fly", "--help"]]


def typed(line: list[object]) -> tuple[int | None, str]:
    """Status and what was said, as of a process of its own; None: a traceback."""
    said, out = io.StringIO(), io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(out):
        try:
            return terminal.main([str(word) for word in line]), said.getvalue()
        except SystemExit as end:  # argparse
            return int(end.code or 0), said.getvalue()
        except Exception as error:
            return None, f"{type(error).__name__}: {error}"


def ended(how: tuple[int | None, str], refused: bool) -> str:
    """refused: it cannot be done, and one line should say so; else it should be done."""
    status, said = how
    if status is None or "Traceback" in said:
        print(f"  {said.strip()}", file=sys.stderr)
        return TRACEBACK
    plain = not refused or len([k for k in said.splitlines() if "error: " in k]) == 1
    if (status in (1, 2)) == refused and plain:
        return DETECTED
    print(f"  status {status}: {said.strip()}", file=sys.stderr)
    return SILENT


@contextlib.contextmanager
def chosen(room: Path, **more: str) -> Iterator[None]:
    """A cache in the room, beside what else the surroundings say."""
    with mock.patch.dict(os.environ, {"ACTIVECL_HOME": str(room / "home"), **more}):
        yield


# ---- surroundings -------------------------------------------------------------------------


def surroundings(room: Path, options: argparse.Namespace) -> Outcomes:
    """Disks, homes, caches and names that are out of the ordinary."""
    fast = ["--profile", "tiny", "--set", "rounds=1", "--set", "epochs=1"]
    run = ["run", "--strategy", "random", *fast, "--out"]
    home = room / "somebody"
    home.mkdir()
    with chosen(room):
        yield "first run", ended(typed([*run, room / "first"]), refused=False)
        for name in ("50% of it", "zwölf 数据", "a;b", "{x}", "with space"):
            yield f"a folder called {name}", ended(typed([*run, room / name]), refused=False)
        for code in (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO):
            with mock.patch("os.replace", side_effect=OSError(code, os.strerror(code), "x")):
                for line in ([*run, room / f"no {code}"], ["report", room / "first"]):
                    yield os.strerror(code), ended(typed([*line]), refused=True)
    with chosen(room, HOME=str(home)):
        yield "~ as a home", ended(typed([*run, "~/run"]), refused=(not (home).is_dir()))
        yield "~ was a home", DETECTED if (home / "run/run.json").exists() else SILENT
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "NUMBA_CACHE_DIR"):
        with chosen(room, **{name: ""}):
            yield f"an empty {name}", ended(typed([*run, room / f"x {name}"]), refused=False)
    with chosen(room), mock.patch("os.path.expanduser", lambda path: path):
        os.environ.pop("ACTIVECL_HOME")
        yield "no home", ended(typed([*run, room / "homeless"]), refused=False)
    text = GOOD.replace("seeds = 2", "seeds = 1")
    for what, content in (("BOM", "\ufeff" + text), ("CRLF", text.replace("\n", "\r\n"))):
        (room / f"{what}.toml").write_text(content, encoding="utf-8", newline="")
        yield f"a study with {what}", outcome_of_reading(room / f"{what}.toml", right=True)
    yield from read_only_cache(room, run)


def read_only_cache(room: Path, run: list[str]) -> Outcomes:
    """A teacher's cache, which a class may read: what it lacks is drawn in memory."""
    real = os.open

    def refuse(path: object, flags: int, *more: object, **options: object) -> int:
        if str(path).startswith(str(room / "home")) and flags & (os.O_WRONLY | os.O_RDWR):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, flags, *more, **options)

    with chosen(room), mock.patch("os.open", refuse):
        line = [*run, room / "of another size", "--set", "image_size=28"]
        yield "a cache that can only be read", ended(typed(line), refused=False)


# ---- study files --------------------------------------------------------------------------

GOOD = """profile = "tiny"
title = "t"
[[grid]]
name = "g"
question = "q"
strategies = ["random", "entropy"]
seeds = 2
one_at_a_time = false
data = { source = "phantom", seed = 0, tumour_share = 0.2 }
protocol = { rounds = 1, epochs = 1, temperature = 0.1, head = "paper", standardise = true }
[[contrast]]
id = "c"
grid = "g"
a = "entropy"
b = "random"
bound = 0.1
primary = false
"""
VALUES = {
    "text": '"x"', "no text": '""', "number": "5", "negative": "-5", "zero": "0", "half": "0.5",
    "nan": "nan", "infinite": "-inf", "huge": "1" + "0" * 30, "flag": "true", "list": "[1, [2]]",
    "empty list": "[]", "table": "{ x = 1 }", "date": "1979-05-27",
}  # fmt: skip
# What each field may be, of these; the others make no sense there.
RIGHT = {
    "title": {"text"}, "name": {"text"}, "question": {"text", "no text"}, "seeds": {"number"},
    "one_at_a_time": set(), "seed": {"number", "zero"}, "tumour_share": {"half"},
    "rounds": {"number"}, "epochs": {"number"}, "temperature": {"number", "half"},
    "standardise": {"flag"}, "id": {"text"}, "bound": {"half"}, "primary": {"flag"},
}  # fmt: skip
EACH = 110  # of all these pairs, drawn by the seed


def studies(room: Path, options: argparse.Namespace) -> Outcomes:
    """Each field of a study with values of other types, out of bounds, or gone."""
    import numpy as np

    fields = [part.split(" = ")[0].split()[-1] for part in GOOD.replace(",", "\n").splitlines()]
    fields = [name for name in fields if f"{name} = " in GOOD and "[" not in name]
    pairs = [(n, v) for n, v in itertools.product(fields, VALUES) if v not in RIGHT.get(n, ())]
    picked = np.random.default_rng(options.seed).permutation(len(pairs))[:EACH]
    file = room / "study.toml"
    file.write_text(GOOD)
    yield "as it should be", outcome_of_reading(file, right=True)
    for name, value in (pairs[k] for k in sorted(picked)):
        file.write_text(with_value(name, VALUES[value]))
        yield f"{name}: {value}", outcome_of_reading(file, right=False)


def with_value(name: str, value: str) -> str:
    import re

    inner = r"\"[^\"]*\"|\[[^\]]*\]|\{[^}]*\}|[^,\s}]+"
    return re.sub(rf"(?<![\w]){name} = ({inner})", f"{name} = {value}", GOOD, count=1)


def outcome_of_reading(file: Path, right: bool) -> str:
    """What comes of reading it, and of loading the tissues that its runs name."""

    def act() -> None:
        for job in study.read(file).jobs:
            job.load()

    with chosen(file.parent):
        how = outcome(act)
    return {SILENT: DETECTED, DETECTED: SILENT}.get(how, how) if right else how
