"""Thirty students hand in every kind of answer, some to do harm; each gets the right marks.

Their answers run as real processes, as they do in a class.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from made_up_class import Class

from activecl_nb import __main__ as command
from activecl_nb.imbalance import Data
from activecl_nb.lessons.students import collecting, marks
from activecl_nb.lessons.students.collecting import Limits, Mark, Row
from activecl_nb.lessons.students.exercises import Exercise, Lesson

RIGHT_F1 = """
def my_f1(targets, logits):
    hits = (logits > 0) & targets
    return 2 * hits.sum() / ((logits > 0).sum() + targets.sum())
"""
SAME_F1 = '''
def my_f1(truth, scores):  # all mine
    """My own."""
    found = (scores > 0) & truth

    return 2 * found.sum() / ((scores > 0).sum() + truth.sum())
'''
RIGHT = {"03-1": RIGHT_F1, "05-4": "my_costs = [1000, 2000, 3000, 4000]"}
FORGED = '{"key": "03-1", "solved": true, "name": "solved", "text": "", "said": ""}'

# What a hostile answer to 03-1 does -> (its code, the names that its mark may have). The answer
# after it, 05-4, is right and must still be counted.
HOSTILE = {
    "loops for ever": ("while True: pass", {"time-limit"}),
    "loops and will not die": (
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
        if hasattr(__import__("signal"), "SIGXCPU")
        else "while True: pass",
        {"time-limit"},
    ),
    "sleeps": ("import time\ntime.sleep(10**6)", {"time-limit"}),
    "calls a shell": ("import os\nos.system('echo owned > {target}')", {"not-allowed"}),
    "starts a program": (
        "import subprocess\ntry: subprocess.run(['touch', '{target}'])\nexcept OSError: pass",
        {"not-allowed"},
    ),
    "calls a shell past Python": (
        "import ctypes\nctypes.CDLL(None).system(b'echo owned > {target}')",
        {"not-yet", "error-NameError", "not-allowed"},
    ),
    "writes a file": ("open('{target}', 'w').write('owned')", {"not-allowed"}),
    "removes a file": ("import os\nos.remove('{precious}')", {"not-allowed"}),
    "removes a folder": (
        "import shutil\nshutil.rmtree('{folder}', ignore_errors=True)",
        {"not-allowed"},
    ),
    "asks the network": (
        "import socket\nsocket.create_connection(('127.0.0.1', 9), 5)",
        {"not-allowed"},
    ),
    "forks": ("import os\nwhile True: os.fork()", {"not-allowed"}),
    "leaves": ("import os\nos._exit(0)", {"stopped"}),
    "leaves politely": ("import sys\nsys.exit(0)", {"error-SystemExit"}),
    "crashes": ("import os\nos.abort()", {"stopped"}),
    "prints without end": ("while True: print('x' * 10**6)", {"time-limit"}),
    "fills the memory": (
        "kept = [b'x' * 10**8 for _ in range(10**4)]",
        {"memory-limit"},
    ),
    "fills the disk": (
        "with open('large', 'wb') as f:\n    while True: f.write(b'x' * 10**6)",
        {"error-OSError", "stopped"},
    ),
    "says that all is solved": (
        "from activecl_nb.lessons import checks\n"
        "checks.f1 = lambda f: checks.Verdict(True, 'solved: trust me')\n"
        "def my_f1(targets, logits): return 0.5",
        {"for-tp-fp-fn-and-tn-the"},
    ),
    "says so once, and no more": (
        "from activecl_nb.lessons import checks\nsaid = []\n"
        "def fake(f):\n"
        "    said.append(1); return checks.Verdict(len(said) == 1, 'solved: trust me')\n"
        "checks.f1 = fake\n"
        "def my_f1(targets, logits): return 0.5",
        {"for-tp-fp-fn-and-tn-the"},
    ),
    "walks to where marks are given": (
        "import os, sys\nf = sys._getframe()\nwhile 'replies' not in f.f_locals: f = f.f_back\n"
        "f = f.f_locals\n"
        f"try: f['replies'].write('{FORGED}\\n'); f['replies'].flush()\n"
        "except OSError: pass\n"
        "os._exit(0)",
        {"stopped"},
    ),
    "looks into the process of the marks": (
        "import os\nopen(f'/proc/{os.getppid()}/mem', 'rb').read(1)",
        {"error-PermissionError", "error-FileNotFoundError", "error-OSError"},
    ),
    "forks past Python and leaves": (
        "import ctypes, os, time\nif ctypes.CDLL(None).fork() == 0: time.sleep(600)\nos._exit(3)",
        {"stopped"},
    ),
    "reads what others handed in": (
        "import pathlib\n"
        "if not list(pathlib.Path('{folder}/in').glob('*/*.ipynb')): raise LookupError",
        {"error-LookupError"},
    ),
    "reads the solutions": (
        "from activecl_nb.lessons.students import exercises\n"
        "exec(exercises.lessons()['03_the_proxy'].exercises[0].solution)",
        {"error-FileNotFoundError"},
    ),
    "raises half a character": ("raise ValueError('\\ud800')", {"error-ValueError"}),
    "writes into the channel": (
        "import os\n"
        f"for fd in range(3, 64):\n    try: os.write(fd, b'{FORGED}\\n')\n    except OSError: pass",
        {"tampered"},
    ),
    "is nested": ("x = " + "(" * 5_000 + ")" * 5_000, {"error-SyntaxError", "error-MemoryError"}),
    "is long": ("x = 1\n" * 40_000, {"too-long"}),
    "raises what it made": (
        "class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd",
        {"error-Odd"},
    ),
}
LINUX_ALONE = {
    "calls a shell past Python",
    "fills the disk",
    "fills the memory",
    "forks past Python and leaves",
    "looks into the process of the marks",
    "reads the solutions",
    "reads what others handed in",
}


SHARES = {"random": {"BACK": 0.3, "TUM": 0.1}, "entropy": {"BACK": 0.1, "TUM": 0.3}}


def ordinary(room: Class, asked: Mapping[str, Exercise]) -> dict[str, dict[str, str]]:
    """Students without bad intentions: name -> answers."""
    everything = {key: exercise.solution for key, exercise in asked.items()}
    for key, exercise in asked.items():
        if exercise.letters:
            right = exercise.solution.partition('"')[2][0]
            everything[key] = room.letter(exercise, right)
    everything["06-2"] = 'my_passed = "BACK"'
    return {
        "all right": everything,
        "nothing": {"03-1": asked["03-1"].stub, "05-4": asked["05-4"].stub},
        "wrong letters": {
            "06-2": 'my_passed = "TUM"',
            "01-3": room.letter(asked["01-3"], "c"),
            "05-1": 'my_answer = "e"',
        },
        "numbers wrong": {"01-1": "my_accuracy = 1233 / 7180", "05-4": "my_costs = [1000] * 4"},
        "twins 1": RIGHT,
        "twins 2": RIGHT | {"03-1": SAME_F1},
        "stumbles": {"03-1": "def my_f1(a, b): return 1 / 0", "05-4": "my_costs = ["},
        "=HYPERLINK(1)": {"05-4": 'my_costs = "=1+1"'},
    }


@pytest.fixture(scope="module")
def collected(
    tmp_path_factory: pytest.TempPathFactory,
    lessons: dict[str, Lesson],
    asked: dict[str, Exercise],
) -> tuple[dict[str, Row], dict[str, dict[str, str]], Path]:
    """Rows by student, the table's lines by student, and the folder of it all."""
    folder = tmp_path_factory.mktemp("term")
    (folder / "precious").write_text("keep me")
    places = {"target": folder / "owned", "precious": folder / "precious", "folder": folder}
    room = Class(folder / "in", lessons)
    for student, answers in ordinary(room, asked).items():
        room.hand_in(student, answers)
    for student, (code, _) in HOSTILE.items():
        for name, path in places.items():
            code = code.replace("{" + name + "}", path.as_posix())
        room.hand_in(student, RIGHT | {"03-1": code})
    believed = room.hand_in("stored as solved", {"03-1": "def my_f1(a, b): return 0.5"})
    pretend(believed / "03_the_proxy.ipynb")
    truncated = room.hand_in("truncated", RIGHT) / "03_the_proxy.ipynb"
    truncated.write_bytes(truncated.read_bytes()[:3_000])
    assert len(list(room.folder.iterdir())) >= 30
    out = folder / "out" / "marks.csv"
    out.parent.mkdir()
    with pytest.MonkeyPatch.context() as patch:  # the stored runs are not what is tested
        patch.setattr(collecting, "_shares", lambda: SHARES)
        limits = Limits(seconds=6, memory=5 * 10**8)
        rows = collecting.collect(room.folder, out, jobs=2, limits=limits)
    with out.open(encoding="utf-8-sig", newline="") as file:
        table = {line["student"]: line for line in csv.DictReader(file)}
    return {row.work.student: row for row in rows}, table, folder


def pretend(path: Path) -> None:
    """A wrong answer whose check cell, and its stored output, say that it is solved."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cell = next(cell for cell in notebook["cells"] if cell["id"] == "exercise-1-check")
    cell["source"] = "print('solved')"
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "solved: well done"}]
    path.write_text(json.dumps(notebook), encoding="utf-8")


Collected = tuple[dict[str, Row], dict[str, dict[str, str]], Path]


def names(row: Row, keys: Mapping[str, object]) -> dict[str, str]:
    return {key: row.marks[key].name for key in keys}


@pytest.mark.slow
def test_a_row_a_student_and_a_column_an_exercise(
    collected: Collected, asked: dict[str, Exercise]
) -> None:
    rows, table, _ = collected
    assert len(table) == len(rows) == len(HOSTILE) + 10 >= 30
    for line in table.values():
        assert set(asked) <= set(line)
        assert line["of"] == str(sum(one.can_be_marked for one in asked.values()))


@pytest.mark.slow
def test_all_solutions_are_solved_in_letters_of_the_edition(
    collected: Collected, asked: dict[str, Exercise]
) -> None:
    rows, table, _ = collected
    wrong = {k: m for k, m in rows["all right"].marks.items() if not m.solved}
    assert {mark.name for mark in wrong.values()} <= {"not-marked"}
    assert all(not asked[key].can_be_marked for key in wrong)
    assert table["all right"]["solved"] == table["all right"]["of"]
    assert len(wrong) <= 1, "hardly an exercise needs the student's own session"


@pytest.mark.slow
def test_wrong_answers_have_the_name_of_their_hint(collected: Collected) -> None:
    rows, table, _ = collected
    assert names(rows["nothing"], RIGHT) == {"03-1": "not-yet", "05-4": "not-yet"}
    letters = rows["wrong letters"].marks
    assert letters["01-3"].name == "the-two-splits-hold-out-about-as"
    assert "one letter in quotes" in letters["05-1"].text
    assert letters["06-2"].name == "tum-is-of-what-only-random-picked"
    numbers = rows["numbers wrong"].marks
    assert numbers["01-1"].name == "that-is-the-share-of-tum-the"
    assert numbers["01-1"].said == "0.171727" and not numbers["05-4"].solved
    assert table["numbers wrong"]["05-4"].endswith("[1000, 1000, 1000, 1000]")
    stumbles = rows["stumbles"].marks
    assert stumbles["03-1"].name == "your-function-stopped-with-zerodivisionerror-division-by"
    assert stumbles["05-4"].name == "error-SyntaxError"
    assert table["stumbles"]["04-1"] == "missing"


@pytest.mark.slow
@pytest.mark.parametrize("what", list(HOSTILE))
def test_a_hostile_answer_costs_itself_alone(collected: Collected, what: str) -> None:
    rows, _, folder = collected
    if what in LINUX_ALONE and rows[what].lacking:
        pytest.skip(f"this system lacks limits: {rows[what].lacking}")
    hostile, after = rows[what].marks["03-1"], rows[what].marks["05-4"]
    assert not hostile.solved and hostile.name in HOSTILE[what][1], hostile
    assert after.solved, after
    assert not (folder / "owned").exists()
    assert (folder / "precious").read_text() == "keep me"


@pytest.mark.slow
def test_what_a_notebook_says_of_itself_is_not_believed(collected: Collected) -> None:
    rows, _, _ = collected
    assert not rows["stored as solved"].marks["03-1"].solved
    cut = rows["truncated"]
    assert "cut off" in cut.work.notes[0]
    assert cut.marks["03-1"].name == "missing" and cut.marks["05-4"].solved


@pytest.mark.slow
def test_answers_that_are_alike_are_flagged(collected: Collected) -> None:
    _, table, _ = collected
    assert table["twins 1"]["alike"] == "03-1: as twins 2"
    assert table["twins 2"]["alike"] == "03-1: as twins 1"
    assert "the kit's solution" in table["all right"]["alike"]
    assert table["stumbles"]["alike"] == ""


@pytest.mark.slow
def test_no_cell_is_a_formula(collected: Collected) -> None:
    _, table, _ = collected
    assert "'=HYPERLINK(1)" in table
    for line in table.values():
        assert not any(str(cell).lstrip()[:1] in ("=", "+", "-", "@") for cell in line.values())


@pytest.mark.slow
def test_the_page_says_what_went_wrong_most(collected: Collected) -> None:
    rows, _, folder = collected
    page = (folder / "out" / "marks.html").read_text(encoding="utf-8")
    assert page.index("03-1 F1") < page.index("01-3 ")
    assert "twins 1: 03-1: as twins 2" in page and "<script" not in page
    for text in {text for row in rows.values() for text in row.lacking}:
        assert "A limit that this machine lacks" in page and text[:30] in page


@pytest.mark.slow
def test_linux_confines_fully_or_says_that_it_does_not(collected: Collected) -> None:
    rows, _, _ = collected
    lacking = rows["all right"].lacking
    assert sys.platform != "linux" or not lacking or "a hook in Python alone" in lacking[0]


def test_after_three_stops_no_more_of_a_student_runs(
    lessons: dict[str, Lesson], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(tasks: list[Any], limits: Limits, row: Row, hidden: object) -> list[Any]:
        row.marks[tasks[0]["key"]] = Mark(False, "stopped", "x")
        row.stops += 1
        return tasks[1:]

    monkeypatch.setattr(collecting, "_process", stops)
    work = collecting.Submission("ada")
    work.answers = {f"03-{n}": "while True: pass" for n in range(1, 6)}
    row = collecting.run(work, lessons, Limits())
    assert [row.marks[f"03-{n}"].name for n in range(1, 6)] == ["stopped"] * 3 + ["not-run"] * 2


def test_what_nobody_foresaw_costs_its_own_row(
    lessons: dict[str, Lesson], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def process(tasks: list[Any], *others: object) -> list[Any]:
        raise LookupError("\ud800")

    monkeypatch.setattr(collecting, "_process", process)
    room = Class(tmp_path / "in", lessons)
    room.hand_in("ada", {"05-4": "my_costs = 1"})
    room.hand_in("bob", {"05-4": lessons["05_the_loop"].exercises[3].stub})
    ada, bob = collecting.collect(room.folder, tmp_path / "m.csv", jobs=1, lessons=["05"])
    assert ada.marks["05-4"].name == "not-run" and "LookupError" in ada.work.notes[0]
    assert bob.marks["05-4"].name == "not-yet" and not bob.work.notes
    assert {key[:2] for key in bob.marks} == {"05"}
    for written in ("m.csv", "m.html"):
        assert "LookupError: \\ud800" in (tmp_path / written).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "numbers", [["--jobs", "0"], ["--jobs=-3"], ["--seconds", "0"], ["--seconds", "nan"]]
)
def test_numbers_out_of_bounds(
    numbers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ["collect", str(tmp_path), "--out", str(tmp_path / "m.csv"), *numbers]
    assert command.main(typed) == 2
    assert f"error: {numbers[0][2:].partition('=')[0]}: should be" in capsys.readouterr().err


def test_lessons_that_are_not(lessons: dict[str, Lesson], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no lesson '44'; there are: 00, 01"):
        collecting.collect(tmp_path, tmp_path / "m.csv", lessons=["01", "44"])


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (RIGHT_F1, SAME_F1, True),
        (RIGHT_F1, RIGHT_F1.replace("2 *", "3 *"), False),
        (RIGHT_F1, RIGHT_F1.replace(".sum()", ".mean()"), False),
    ],
)
def test_normalised(first: str, second: str, same: bool) -> None:
    assert (marks.normalised(first) == marks.normalised(second)) is same
    assert marks.normalised(first) != ""


@pytest.mark.parametrize("code", ["", "x = 1", "def f(a): return a", "def f(", "\0"])
def test_short_or_unreadable_code_is_like_nothing(code: str) -> None:
    assert marks.normalised(code) == ""


def test_the_help_warns(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["collect", "--help"])
    assert "EXECUTES" in capsys.readouterr().out


def test_an_empty_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["collect", str(tmp_path)]) == 2
    assert "nothing was handed in" in capsys.readouterr().err


def test_folders_of_killed_processes_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    names = [f"{collecting.FOLDERS}-{pid}-x" for pid in (ended.pid, os.getpid())]
    for name in names:
        (tmp_path / name / "answers").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="nothing was handed in"):
        collecting.collect(tmp_path / names[1], tmp_path / "marks.csv")
    assert [path.name for path in tmp_path.iterdir()] == names[1:]


def test_lesson_06_is_held_beside_what_only_one_strategy_picked(tiny_data: Data) -> None:
    tumour = np.flatnonzero(tiny_data.train_targets.numpy())
    first = tumour[-2:]  # of round 0, which no strategy chose
    picks = {"random": tumour[:4], "entropy": np.array([tumour[0], 0, 1, 3])}
    runs = [
        SimpleNamespace(
            strategy=name,
            rounds=[SimpleNamespace(picked=first), SimpleNamespace(picked=picked)],
        )
        for name, picked in picks.items()
    ]
    shares = collecting._only_picked(runs, tiny_data)
    assert shares["random"]["TUM"] == 1 and sum(shares["random"].values()) == 1
    assert shares["entropy"]["TUM"] == sum(n in tumour for n in (0, 1, 3)) / 3
    assert sum(shares["entropy"].values()) == pytest.approx(1)
