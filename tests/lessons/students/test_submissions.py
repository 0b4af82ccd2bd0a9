"""Reading what was handed in, whatever it is."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import nbformat
import pytest
from made_up_class import EDITION, Class

from activecl_nb.lessons.students import editions, exercises, submissions
from activecl_nb.lessons.students.exercises import Lesson
from activecl_nb.lessons.students.submissions import Submission

ENTROPY = "def my_entropy(logits):\n    return logits"


@pytest.fixture
def room(tmp_path: Path, lessons: dict[str, Lesson]) -> Class:
    return Class(tmp_path / "in", lessons)


def read(room: Class) -> dict[str, Submission]:
    return {one.student: one for one in submissions.read(room.folder, room.lessons)}


def test_answers_predictions_and_seed(room: Class) -> None:
    guesses = {"01-tissue-guess": 'guess_sister = "TUM"'}
    guesses = guesses if "tissue-guess" in room.lessons["01_imbalanced_tissue"].cells else {}
    room.hand_in("ada", {"04-1": ENTROPY, "01-3": 'my_answer = "b"', **guesses})
    (ada,) = read(room).values()
    assert ada.answers["04-1"] == ENTROPY and ada.answers["01-3"] == 'my_answer = "b"'
    assert ada.seed == editions.seed("ada") and ada.notes == []
    assert set(ada.orders["01-3"]) == set("abcd")
    assert ada.predictions.get("01 tissue-guess", "'TUM'") == "'TUM'"
    assert all(typed == "" for key, typed in ada.predictions.items() if key != "01 tissue-guess")


def test_helpers_below_the_stub_belong_to_the_answer_and_magics_do_not(room: Class) -> None:
    (notebook,) = room.answered({"04-1": f"%%time\n{ENTROPY}"}, "ada").values()
    place = [cell.id for cell in notebook.cells].index("exercise-1-stub")
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell("mine = my_entropy"))
    room.folder.mkdir()
    room.save(room.folder / "04.ipynb", notebook)
    assert read(room)["ada"].answers["04-1"] == f"{ENTROPY}\nmine = my_entropy"


@pytest.mark.parametrize("kept", ["metadata", "ids"])
def test_renamed_files_are_recognised(room: Class, kept: str) -> None:
    (notebook,) = room.answered({"04-1": ENTROPY}, "ada").values()
    if kept == "metadata":  # an editor has given every cell another id
        for i, cell in enumerate(notebook.cells):
            cell.id = f"cell-{i}"
    else:  # or has dropped what it does not know
        del notebook.metadata[editions.MARK]
        for cell in notebook.cells:
            cell.metadata.clear()
    room.folder.mkdir()
    room.save(room.folder / "final (2).ipynb", notebook)
    (ada,) = read(room).values()
    assert (ada.student, [*ada.files]) == ("ada", ["04_strategies"])
    assert ada.answers["04-1"] == ENTROPY


def test_the_kits_own_copy_may_be_handed_in_too(room: Class) -> None:
    path = next(path for path in exercises.stored() if path.stem == "04_strategies")
    (room.folder / "ada").mkdir(parents=True)
    (room.folder / "ada" / "x.ipynb").write_bytes(path.read_bytes())
    ada = read(room)["ada"]
    assert [*ada.files] == ["04_strategies"] and ada.orders == {} and ada.seed == 0


def test_letters_are_read_in_the_order_of_what_the_class_was_handed_out(room: Class) -> None:
    """Ada and Bob have the class edition, and Bob's says another number; Carl has the public copy,
    whose answers stand in the repository."""
    for student in ("ada", "bob", "eve"):
        room.hand_in(student, {"01-3": 'my_answer = "b"'})
    path = room.folder / "bob" / "01_imbalanced_tissue.ipynb"
    changed = json.loads(path.read_text(encoding="utf-8"))
    changed["metadata"][editions.MARK]["edition"] = 1
    path.write_text(json.dumps(changed), encoding="utf-8")
    (room.folder / "carl").mkdir()
    (room.folder / "carl" / path.name).write_bytes(room.stored[path.stem].read_bytes())
    rows = read(room)
    asked = next(e for e in room.lessons[path.stem].exercises if e.key == "01-3")
    for student in rows:
        assert rows[student].orders["01-3"] == editions.order_of(asked, EDITION)
    assert rows["ada"].notes == rows["eve"].notes == []
    assert rows["bob"].notes == [f"{path.name} is of edition 1, not of edition {EDITION}"]
    assert rows["carl"].notes == [
        f"{path.name} is of the kit's public copy, not of edition {EDITION}"
    ]
    handed_out = submissions.read(room.folder, room.lessons, 1)
    noted = {one.student: one.notes for one in handed_out}
    assert noted["bob"] == ["01-3: its check was changed, which counts for nothing"]  # is of 7
    assert all(noted.values())
    assert handed_out[0].orders["01-3"] == editions.order_of(asked, 1)


def test_of_two_notebooks_in_a_students_folder_the_newer_is_marked(room: Class) -> None:
    for old, new in (("04_strategies", "04_strategies-Copy1"), ("04_strategies-Copy1", "04")):
        folder = room.hand_in("ada", {})
        for age, (name, code) in enumerate({old: "old = 1", new: ENTROPY}.items()):
            (notebook,) = room.answered({"04-1": code}, "ada").values()
            room.save(folder / f"{name}.ipynb", notebook)
            os.utime(folder / f"{name}.ipynb", (1e9 + age, 1e9 + age))
        (ada,) = read(room).values()
        assert ada.answers["04-1"] == ENTROPY
        assert ada.notes == [f"{new}.ipynb is marked, the newer, and not {old}.ipynb"]
        for path in folder.iterdir():
            path.unlink()


def broken(text: str) -> dict[str, bytes]:
    """What is wrong with it -> the file's bytes."""
    cell = {"cell_type": "code", "id": "exercise-1-stub", "source": 3, "metadata": []}
    return {
        "empty": b"",
        "truncated": text[: len(text) // 2].encode(),
        "no text": bytes(range(256)),
        "a list": b"[1, 2]",
        "no cells": b'{"metadata": {}}',
        "cells of another kind": b'{"cells": 4}',
        "no lesson": json.dumps({"cells": [cell, "text", None]}).encode(),
        "nested": b"[" * 200_000,
        "odd metadata": json.dumps({"cells": [], "metadata": {"activecl": [1]}}).encode(),
        "no such lesson": json.dumps(
            {"cells": [], "metadata": {"activecl": {"lesson": []}}}
        ).encode(),
    }


@pytest.mark.parametrize("what", list(broken("")))
def test_a_broken_file_costs_its_own_row_only(room: Class, what: str) -> None:
    room.hand_in("ada", {"04-1": ENTROPY})
    folder = room.hand_in("bob", {"04-1": ENTROPY})
    whole = (folder / "04_strategies.ipynb").read_text(encoding="utf-8")
    (folder / "02_simclr.ipynb").write_bytes(broken(whole)[what])
    read_ = read(room)
    assert read_["ada"].notes == [] and read_["ada"].answers["04-1"] == ENTROPY
    assert read_["bob"].answers["04-1"] == ENTROPY
    (note,) = read_["bob"].notes
    assert note.startswith("02_simclr.ipynb: ")


def test_odd_cells_of_a_lesson_are_no_answers(room: Class) -> None:
    (notebook,) = room.answered({"04-1": ENTROPY}, "ada").values()
    stub = room.cell(notebook, "exercise-1-stub")
    stub["source"], stub["metadata"] = {"a": 1}, None
    room.folder.mkdir()
    room.save(room.folder / "04.ipynb", notebook)
    assert read(room)["ada"].answers["04-1"] == ""


def test_links_other_files_and_large_ones(
    room: Class, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = room.hand_in("ada", {"04-1": ENTROPY})
    (folder / "essay.pdf").write_bytes(b"%PDF")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "04.ipynb").write_bytes(b"x")
    if hasattr(os, "symlink"):
        (folder / "link.ipynb").symlink_to(folder / "04_strategies.ipynb")
    notes = read(room)["ada"].notes
    assert any("essay.pdf: no notebook" in note for note in notes)
    assert any("link.ipynb: a link" in note for note in notes) or not hasattr(os, "symlink")
    assert not any("checkpoints" in note for note in notes)
    monkeypatch.setattr(submissions, "LARGEST", 10)
    assert any("clear its outputs" in note for note in read(room)["ada"].notes)


def test_a_second_notebook_of_a_lesson_gets_its_own_row(room: Class) -> None:
    room.folder.mkdir()
    for file, code in {"a.ipynb": ENTROPY, "b.ipynb": "other = 1"}.items():
        (notebook,) = room.answered({"04-1": code}, "Ada" if file[0] == "a" else " ada").values()
        room.save(room.folder / file, notebook)
    rows = read(room)
    assert rows["Ada"].answers["04-1"] == ENTROPY
    assert rows["Ada (b.ipynb)"].answers["04-1"] == "other = 1"
    assert rows["Ada (b.ipynb)"].notes == ["a second notebook of 04_strategies by Ada"]


def test_names(room: Class) -> None:
    room.folder.mkdir()
    for file, line in {
        "nobody.ipynb": "STUDENT = ...",
        "code.ipynb": "STUDENT = open('/etc/passwd').read()",
        "number.ipynb": "STUDENT = 4711",
    }.items():
        (notebook,) = room.answered({"04-1": ENTROPY}).values()
        room.cell(notebook, "student").source = line
        room.save(room.folder / file, notebook)
    rows = read(room)
    assert set(rows) == {"nobody", "code", "4711"}
    assert rows["nobody"].notes == ["nobody.ipynb bears no name"] and rows["code"].seed == 0
    assert rows["4711"].seed == editions.seed(4711)


@pytest.mark.parametrize("name", ["'\\ud800x'", "0x" + "f" * 6_000])
def test_a_name_that_no_file_can_hold_costs_its_own_row(room: Class, name: str) -> None:
    room.hand_in("ada", {"04-1": ENTROPY})
    (notebook,) = room.answered({"04-1": ENTROPY}).values()
    room.cell(notebook, "student").source = f"STUDENT = {name}"
    for folder in (room.folder, room.folder / "bob"):
        folder.mkdir(exist_ok=True)
        room.save(folder / "04.ipynb", notebook)
    rows = read(room)
    assert len(rows) == 3 and rows["ada"].notes == []
    for row in rows.values():
        assert row.answers.get("04-1") == ENTROPY or "04.ipynb: Exceeds" in row.notes[0]
        assert "\ud800" not in row.student


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
def test_file_names_that_are_no_text(room: Class) -> None:
    folder = os.fsencode(room.hand_in("ada", {"04-1": ENTROPY}))
    os.rename(folder, os.path.join(os.fsencode(room.folder), b"\xff\xfe"))
    (notebook,) = room.answered({"04-1": ENTROPY}).values()
    room.save(Path(os.fsdecode(os.path.join(os.fsencode(room.folder), b"\xfd.ipynb"))), notebook)
    rows = read(room)
    assert set(rows) == {r"\udcff\udcfe", r"\udcfd"}
    assert rows[r"\udcfd"].notes == [r"\udcfd.ipynb bears no name"]
    assert all(row.answers["04-1"] == ENTROPY for row in rows.values())


@pytest.mark.parametrize(
    ("check", "noted"),
    [
        ("print('solved')", "its check was changed"),
        ("checks.entropy = lambda f: 'solved'\nchecks.entropy(1", "its check was changed"),
        (f"{ENTROPY}\nchecks.entropy(my_entropy)", "an answer in the check's cell"),
        (
            "%time\n# looked\nfrom activecl_nb.lessons import checks\nchecks.entropy( my_entropy )",
            "",
        ),
    ],
)
def test_what_stands_in_the_checks_cell_is_noted(room: Class, check: str, noted: str) -> None:
    stub = room.cell(room.notebook("04_strategies"), "exercise-1-stub").source
    (notebook,) = room.answered({"04-1": stub}, "ada").values()
    room.cell(notebook, "exercise-1-check").source = check
    room.folder.mkdir()
    room.save(room.folder / "04.ipynb", notebook)
    notes = read(room)["ada"].notes
    assert [note.partition(", ")[0] for note in notes] == ([f"04-1: {noted}"] if noted else [])


def test_letters_in_another_order_are_no_changed_check(room: Class) -> None:
    room.hand_in("ada", {"04-2": 'my_answer = "a"'})
    path = room.hand_in("bob", {"04-2": 'my_answer = "a"'}) / "04_strategies.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    check = Class.cell(nbformat.from_dict(notebook), "exercise-2-check").source
    order = check.partition('"')[2][:4]
    assert sorted(order) == list("abcd")
    path.write_text(path.read_text(encoding="utf-8").replace(order, order[::-1]), encoding="utf-8")
    rows = read(room)
    assert rows["ada"].notes == []
    assert "04-2: its check was changed, which counts for nothing" in rows["bob"].notes


def test_nothing_handed_in(tmp_path: Path, lessons: dict[str, Lesson]) -> None:
    with pytest.raises(FileNotFoundError, match="nothing was handed in"):
        submissions.read(tmp_path, lessons)
    with pytest.raises(FileNotFoundError, match="is no folder"):
        submissions.read(tmp_path / "none", lessons)
