"""The class edition: nothing given away, letters in another order, a seed of one's own."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path
from typing import Any

import nbformat
import pytest

from activecl_nb import __main__ as command
from activecl_nb.lessons import checks
from activecl_nb.lessons.students import editions, exercises
from activecl_nb.lessons.students.exercises import CHOICE, Exercise, Lesson


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("class")
    assert command.main(["student", "--out", str(folder), "--edition", "3"]) == 0
    return folder


def notebooks(folder: Path) -> dict[str, Any]:
    return {p.stem: nbformat.read(p, as_version=4) for p in sorted(folder.glob("*.ipynb"))}


def test_every_lesson_is_there_twice_and_is_a_valid_notebook(edition: Path) -> None:
    names = [path.stem for path in exercises.stored()]
    for whose in ("students", "teacher"):
        made = notebooks(edition / whose)
        assert list(made) == names
        for notebook in made.values():
            nbformat.validate(notebook)


def test_students_get_no_solution_and_no_output(edition: Path, lessons: dict[str, Lesson]) -> None:
    for name, notebook in notebooks(edition / "students").items():
        for cell in notebook.cells:
            assert not cell.id.endswith("-solution")
            if cell.cell_type == "code":
                assert cell.outputs == [] and cell.execution_count is None
        text = "\n".join(cell.source for cell in notebook.cells)
        assert not re.search(r"<summary>.*(solution|after exercise)", text, re.I), name
        assert "](../" not in text, f"{name} points out of the folder that is handed out"
        for exercise in lessons[name].exercises:
            assert exercise.stub in text and exercise.solution.strip() not in text


def test_the_teacher_has_every_solution(edition: Path, lessons: dict[str, Lesson]) -> None:
    for name, notebook in notebooks(edition / "teacher").items():
        held = {cell.id for cell in notebook.cells}
        for exercise in lessons[name].exercises:
            assert f"exercise-{exercise.number}-solution" in held


def choices(notebook: Any, n: int) -> dict[str, str]:
    """Letter -> text."""
    text = next(cell.source for cell in notebook.cells if cell.id == f"exercise-{n}")
    lines = [line for line in text.split("\n") if CHOICE.match(line)]
    return {CHOICE.match(line)["letter"]: line[CHOICE.match(line).end() :] for line in lines}


def test_shuffled_letters_keep_their_texts_and_the_right_one_is_solved(
    edition: Path, asked: dict[str, Exercise]
) -> None:
    kits = {p.stem: nbformat.read(p, as_version=4) for p in exercises.stored()}
    teacher = {name[:2]: (name, one) for name, one in notebooks(edition / "teacher").items()}
    moved = 0
    for exercise in (one for one in asked.values() if one.letters):
        name, notebook = teacher[exercise.key[:2]]
        before, after = (choices(one, exercise.number) for one in (kits[name], notebook))
        assert list(after) == list(before) and sorted(after.values()) == sorted(before.values())
        moved += before != after
        made = exercises.lesson(name, notebook).exercises
        own = next(one for one in made if one.key == exercise.key)
        right = ast.literal_eval(own.solution.partition("=")[2].strip())
        kits_right = ast.literal_eval(exercise.solution.partition("=")[2].strip())
        assert after[right] == before[kits_right]
        for letter in after:
            names = {"checks": checks, "my_answer": letter}
            *_, last = ast.parse(own.check).body
            said = eval(ast.unparse(last), names)
            assert said.solved == (letter == right), f"{exercise.key} {letter}: {said}"
    assert moved >= 5, "hardly a letter has moved"


def test_another_edition_has_another_order(asked: dict[str, Exercise]) -> None:
    lettered = [exercise for exercise in asked.values() if exercise.letters]
    orders = {tuple(editions.order_of(e, edition) for e in lettered) for edition in range(5)}
    assert len(orders) == 5


@pytest.mark.parametrize("answer", [..., None, "z", "", "ab", 3, ["a"], "é"])
def test_what_is_no_letter_of_the_edition_stays_as_it_is(answer: Any) -> None:
    assert checks.lettered(answer, "cadb") is answer


def test_a_letter_becomes_the_kits() -> None:
    assert [checks.lettered(letter, "cadb") for letter in "abcd"] == list("cadb")
    assert checks.lettered(" B ", "cadb") == "a"
    assert set(string.ascii_lowercase[:4]) == set("cadb")


def test_the_seed_comes_from_the_name(edition: Path) -> None:
    for name, notebook in notebooks(edition / "students").items():
        ids = [cell.id for cell in notebook.cells]
        assert ids.index("student") < ids.index("set-up"), name
        code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
        assert "SEED = students.seed(STUDENT)" in code and "SEED = 0" not in code
        assert "== SEED" not in code, f"{name} looks for a stored run of the student's own seed"
        for cell in notebook.cells:
            if cell.cell_type == "code":
                ast.parse(cell.source)


def test_the_set_up_cell_runs_and_gives_two_students_two_seeds(edition: Path) -> None:
    notebook = notebooks(edition / "students")["01_imbalanced_tissue"]
    set_up = next(cell.source for cell in notebook.cells if cell.id == "set-up")
    seeds = []
    for student in ("Ada", "Grace"):
        names = {"STUDENT": student}
        exec(set_up, names)
        seeds.append(names["SEED"])
    assert seeds[0] != seeds[1]
    assert 'imbalance.load("phantom", profile, seed=SEED)' in "\n".join(
        cell.source for cell in notebooks(edition / "students")["02_simclr"].cells
    ), "every student has other training data"


def test_a_name_is_the_same_however_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert editions.seed("Ada Lovelace") == editions.seed(" ada  lovelace. ")
    assert editions.seed(1815) == editions.seed("1815")
    assert len({editions.seed(f"student {i}") for i in range(200)}) == 200
    assert capsys.readouterr().out == ""
    assert editions.seed(...) == 0
    assert "no name" in capsys.readouterr().out
    with pytest.raises(ValueError, match="no name and no number"):
        editions.seed(" - ")


def test_cells_can_be_found_after_an_editor_has_numbered_them_anew(edition: Path) -> None:
    for notebook in notebooks(edition / "students").values():
        for cell in notebook.cells:
            if re.match(r"exercise-\d+-(stub|check)|student$", cell.id):
                assert cell.metadata["activecl"] == cell.id


def test_an_edition_that_could_not_be_collected_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="edition: should be at least 0, not -1"):
        editions.make(tmp_path, edition=-1)


def test_no_notebooks(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no lesson"):
        editions.make(tmp_path / "out", notebooks=tmp_path)
