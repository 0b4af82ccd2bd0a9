"""What holds of every lesson and its checks."""

from __future__ import annotations

import ast
import dis
import re
import types
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from notebook_tools import (
    LESSONS,
    cell,
    exercises,
    load,
    solution,
    verdict,
)

from activecl_nb.lessons import checks
from activecl_nb.lessons.checks import contrastive, lesson_07

WITH_EXERCISES = LESSONS[1:]
GIVEN = {"np": np}


def test_solutions_stand_alone() -> None:
    """A solution that is pasted into its stub cell needs no more than the cells before it."""
    for name in ("01_imbalanced_tissue", "02_simclr"):
        notebook = load(name)
        for n in exercises(notebook):
            assert verdict(notebook, n, solution(notebook, n), GIVEN).solved, (name, n)


def test_a_letter_that_is_none_does_not_tell_the_right_one() -> None:
    for check in (checks.random_split, checks.forced_to_ignore):
        assert check("e").text.endswith("one of 'a', 'b', 'c', 'd'")


# ---- sliders and cells that are run again -----------------------------------------------


def set_by(source: str) -> set[str]:
    """The names that a cell sets, those of its loops among them; imports are the same anywhere."""
    body = [s for s in ast.parse(source).body if not isinstance(s, ast.Import | ast.ImportFrom)]
    code = compile(ast.Module(body, []), "cell", "exec")
    return {i.argval for i in dis.get_instructions(code) if i.opname == "STORE_NAME"}


def read_by(code: types.CodeType) -> set[str]:
    """The notebook's names that a function reads each time it is called."""
    within = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    own = {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
    return own.union(*map(read_by, within))


@pytest.mark.parametrize("name", ["01_imbalanced_tissue", "02_simclr"])
def test_no_other_cell_changes_what_a_slider_draws(name: str) -> None:
    """A picture is drawn anew long after its cell: what it reads must still be the same then."""
    cells = {c.id: c.source for c in load(name).cells if c.cell_type == "code"}
    shown = [
        (i, match[1]) for i, s in cells.items() if (match := re.search(r"^live\(\s*(\w+)", s, re.M))
    ]
    assert shown, "the lesson has no sliders"
    for shower, draw in shown:
        home = next(i for i, s in cells.items() if f"def {draw}(" in s)
        made = compile(cells[home], home, "exec").co_consts
        reads = read_by(next(c for c in made if getattr(c, "co_name", "") == draw))
        for other in cells.keys() - {"set-up", home, shower}:
            changed = set_by(cells[other]) & reads
            assert not changed, f"{other} sets {sorted(changed)}, which {draw} reads"


def test_the_measurement_can_be_run_again() -> None:
    """The cell to try exercise 4 of lesson 01 in needs it, after all cells between have run."""
    notebook = load("01_imbalanced_tissue")
    reads = ("patches", "patient", "pixels", "labels")
    for identity in ("leak-real-load", "leak-real", "leak-stain", "leak-centre", "exercise-4-stub"):
        assert not set_by(cell(notebook, identity)) & set(reads), identity


@pytest.mark.parametrize("path", WITH_EXERCISES, ids=[path.stem for path in WITH_EXERCISES])
def test_every_exercise_has_its_wrong_answers(path: Path) -> None:
    tests = Path(__file__).with_name(f"test_lesson_{path.stem[:2]}.py").read_text()
    examined = re.findall(r'examine\(\s*[\w"]+,\s*(\d+),', tests)
    assert exercises(load(path.stem)) == sorted({int(number) for number in examined})


def test_the_right_letters_are_spread() -> None:
    """Whoever always says b is right about as often as a coin of four sides."""
    right = []
    for path in WITH_EXERCISES:
        notebook = load(path.stem)
        for n in exercises(notebook):
            right += re.findall(r'^my_answer = "([a-d])"$', solution(notebook, n), flags=re.M)
    counts = {letter: right.count(letter) for letter in "abcd"}
    assert len(right) >= 8 and min(counts.values()) >= 1, counts
    assert max(counts.values()) <= len(right) // 2 - 1, counts


def test_no_mistake_hides_behind_another_of_the_same_hint() -> None:
    """A dict of hints keeps one mistake a hint: the other would be told its numbers alone."""
    for mistakes in (contrastive.wrong(), lesson_07._interval_mistakes()):
        hints = Counter(text for text, _ in mistakes)
        assert [text for text, times in hints.items() if times > 1] == []
