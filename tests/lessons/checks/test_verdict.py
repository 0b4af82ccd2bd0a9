"""What all checks share: strict, answers of any type, mistakes that meet on one input only."""

from __future__ import annotations

import numpy as np
import pytest

from activecl_nb.lessons import checks
from activecl_nb.lessons.checks import verdict


@pytest.fixture(autouse=True)
def lenient():
    yield
    checks.strict(False)


def test_strict_lets_a_wrong_answer_raise_and_a_right_one_pass() -> None:
    assert not checks.near_negative(6).solved
    checks.strict()
    with pytest.raises(AssertionError, match="difference of the logits"):
        checks.near_negative(6)
    with pytest.raises(checks.NotSolved, match="not yet"):
        checks.near_negative(...)
    with pytest.raises(checks.NotSolved, match="answer with one letter"):
        checks.table_one(3)
    assert checks.near_negative(np.exp(6)).solved
    checks.strict(False)
    assert not checks.near_negative(6).solved


TWO_ANSWERS = ("threshold_raised", "drawn_to", "by_hand")


def test_every_check_heeds_strict() -> None:
    checks.strict()
    every = {name: one for name, one in vars(checks).items() if hasattr(one, "__wrapped__")}
    assert len(every) > 35
    for name in every.keys() - {*TWO_ANSWERS}:
        more = [None] if name == "passed_over" else []
        with pytest.raises(checks.NotSolved, match="not yet"):
            every[name](..., *more)
    for name in TWO_ANSWERS:
        with pytest.raises(checks.NotSolved, match="not yet"):
            getattr(checks, name)(..., ...)


def test_an_answer_that_no_check_expects_is_a_wrong_answer() -> None:
    class Odd:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("no array")

    for answer in (Odd(), object, {1: 2}, [[1], [2, 3]], lambda: 3):
        said = checks.baseline_accuracy(answer)
        assert not said.solved and "Traceback" not in said.text and len(said.text) > 20, answer


ONE_NUMBER = (
    checks.baseline_accuracy,
    checks.chance_loss,
    checks.near_negative,
    checks.no_tumour_chance,
    checks.work_saved,
    checks.times_dearer,
)


@pytest.mark.parametrize("check", ONE_NUMBER, ids=lambda check: check.__name__)
@pytest.mark.parametrize("answer", [(0, 83), "0,83", (2, 980), "2,980"])
def test_a_comma_in_a_number_has_a_hint_of_its_own(check, answer) -> None:
    assert check(answer).text.startswith("not solved: a comma makes two numbers of one")


def test_commas_between_the_numbers_of_a_row_are_no_mistake() -> None:
    assert checks.round_costs((1000, 2000, 3000, 4000)).solved
    assert "comma" not in checks.round_costs((1000, 2000)).text


@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda row: np.array(row, np.int32)])
def test_positions_of_any_whole_type_are_taken(kind) -> None:
    assert verdict.whole_positions(kind([4, 0, 2]), 5).tolist() == [4, 0, 2]


@pytest.mark.parametrize("kind", [lambda row: [float(x) for x in row], lambda r: np.array(r) / 1])
def test_positions_that_are_floats_are_refused(kind) -> None:
    with pytest.raises(checks.NotSolved, match="floats"):
        verdict.whole_positions(kind([4, 0, 2]), 5)


def test_a_mistake_must_meet_on_every_input() -> None:
    """3 x 1 and 3 + 0 are one number; on another input they part."""
    cases = {"3 and 1": (3.0, 1.0), "4 and 2": (4.0, 2.0)}
    judge = {"right": lambda a, b: a * b + 1, "wrong": {"that is a": lambda a, b: a}}
    said = verdict.compare_on(lambda a, b: a, cases, **judge, why="so it is")
    assert said.text == "not solved: that is a"
    said = verdict.compare_on(lambda a, b: 3.0, cases, **judge, why="so it is")
    assert said.text.endswith("for 3 and 1 the answer must be 4; yours is 3")
    said = verdict.compare_on(lambda a, b: 1 + b * a, cases, **judge, why="so it is")
    assert said == verdict.solved("so it is")


def test_a_function_that_spoils_its_inputs_does_not_spoil_the_check() -> None:
    def spoiling(z_i, z_j, temperature):
        from activecl_nb import simclr

        loss = simclr.nt_xent(z_i, z_j, temperature)
        z_i.zero_(), z_j.zero_()
        return loss

    assert checks.nt_xent(spoiling).solved


@pytest.mark.parametrize("answer", ["c", " C ", "c)", "(c)", "c.", "c:"])
def test_a_letter_is_taken_as_lists_print_it(answer: str) -> None:
    assert checks.table_one(answer).solved
    assert checks.lettered(answer, "dbac") == "a"


@pytest.mark.parametrize("answer", ["", "e", "c, b", "cb", 3, ["c"], "c: the seconds"])
def test_what_is_no_letter(answer: object) -> None:
    assert checks.table_one(answer).text.startswith("not solved: answer with one letter in quotes")
