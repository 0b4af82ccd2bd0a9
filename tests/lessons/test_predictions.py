"""The sentence that answers a prediction."""

from __future__ import annotations

import pytest

from activecl_nb.lessons import predictions

SHARES = {"random": 0.12, "entropy": 0.31, "kcenter": 0.53}


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("entropy", "You said entropy, 31%; it is kcenter, 53%."),
        ("K-center", "You said kcenter, and it is: 53%."),
        (..., "No prediction was typed in. It is kcenter, 53%."),
        (None, "No prediction was typed in. It is kcenter, 53%."),
        ("core-set", "'core-set' is none of random, entropy, kcenter. It is kcenter, 53%."),
        (3, "3 is none of random, entropy, kcenter. It is kcenter, 53%."),
    ],
)
def test_the_largest(said: object, sentence: str) -> None:
    assert predictions.largest(said, SHARES) == sentence


def test_the_smallest() -> None:
    assert predictions.smallest("kcenter", SHARES) == "You said kcenter, 53%; it is random, 12%."
    assert predictions.smallest("random", SHARES) == "You said random, and it is: 12%."


def test_a_pair_may_be_named_in_either_order() -> None:
    pairs = {"random and entropy": 1.01, "entropy and kcenter": 1.2}
    said = predictions.largest("k-center and entropy", pairs, ".2f")
    assert said == "You said entropy and kcenter, and it is: 1.20."
    assert "is none of" in predictions.largest("entropy and entropy", pairs, ".2f")


def test_what_is_level_is_right_too() -> None:
    close = {"LYM": 0.16, "NORM": 0.15, "STR": 0.04}
    said = predictions.largest("NORM", close, near=0.03)
    assert said == "You said NORM, 15%; that is level with LYM, 16%: both are right."
    assert predictions.largest("STR", close, near=0.03) == "You said STR, 4%; it is LYM, 16%."
    assert predictions.largest("NORM", close) == "You said NORM, 15%; it is LYM, 16%."
    assert "level with STR, 4%" in predictions.smallest("NORM", close, near=0.2)


def test_what_no_run_says() -> None:
    names = ("crop", "blur")
    for question, (answer, why) in predictions.KNOWN.items():
        assert predictions.known(answer, question, [answer, "x"]) == (
            f"You said {answer}, and so it is: {why}."
        )
    assert "it is crop" in predictions.known("blur", "changes the size of nuclei", names)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (4.7, "You said 4.7, and it is about that: 4.84."),
        ("4.7", "You said 4.7, and it is about that: 4.84."),
        (1, "You said 1; it is more: 4.84."),
        (9, "You said 9; it is less: 4.84."),
        (..., "No prediction was typed in. It is 4.84."),
        ("much", "'much' is not a number. It is 4.84."),
    ],
)
def test_a_number(said: object, sentence: str) -> None:
    assert predictions.number(said, 4.84) == sentence


@pytest.mark.parametrize("said", [(0, 83), "0,83", (9, 900), " -4,7 ", (1, 0, 0)])
def test_a_number_with_a_comma_is_told_how_numbers_are_written(said: object) -> None:
    assert predictions.number(said, 4.84) == (
        "A comma makes two numbers of one: write 0.83 for 0,83, and 9900 for 9,900. It is 4.84."
    )


@pytest.mark.parametrize("said", ["a,b", (0.5, 0.3), [0, 83], "0.83", (), (4,), 0.83, "1, 2"])
def test_what_is_no_number_with_a_comma(said: object) -> None:
    assert not predictions.with_comma(said)


def test_per_cent_where_a_share_was_asked_for() -> None:
    said = predictions.number(93, 0.72)
    assert said == "You said 93%, 0.93 as a share; it is less: 0.72."
    assert predictions.number(70, 0.72).endswith("and it is about that: 0.72.")
    assert predictions.number(2, 0.72) == "You said 2; it is less: 0.72."


def test_per_cent_with_its_sign() -> None:
    assert predictions.number("5%", 0.05) == (
        "You said 5%, 0.05 as a share, and it is about that: 0.05."
    )
    assert predictions.number("85 %", 0.2).startswith("You said 85%, 0.85 as a share; it is less")
    assert predictions.number("%", 0.2).startswith("'%' is not a number")


def test_a_number_that_was_counted_is_so_and_not_about_so():
    assert predictions.number(8, 8, ".0f", near=0) == "You said 8, and so it is."


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("k-centre", "kcenter"),
        ("K centers", "kcenter"),
        ("certain", "certainty"),
        ("color", "colour"),
        ("grey", "gray"),
        ("colors", "colour"),
        ("colors changed", "colours changed"),
        ("small", "crops too small"),
        ("crop/flip/rotate", "crop, flip, rotate"),
        ("can't tell", "cannot tell"),
        ("overlapping", "overlap"),
        ("crop", None),
        ("none", None),
        ("", None),
        (7, None),
        ("core-set", None),
    ],
)
def test_a_name_in_another_spelling(said: object, name: str | None) -> None:
    names = ["kcenter", "certainty", "random", "colour", "gray", "overlap", "apart", "cannot tell"]
    names += ["colours changed", "crops too small", "crop, flip, rotate"]
    assert predictions.meant(said, names) == name


def test_a_word() -> None:
    choices = ("rim", "middle")
    assert predictions.word("Rim", "rim", choices) == "You said rim, and so it is."
    assert predictions.word("middle", "rim", choices, "far") == "You said middle; it is rim: far."
    assert predictions.word(..., "rim", choices) == "No prediction was typed in. It is rim."
    assert predictions.word(7, "rim", choices).startswith("7 is none of rim, middle.")


def test_an_order_counts_pairs() -> None:
    said = predictions.order(["kcenter", "random", "entropy"], SHARES)
    assert "of 3 pairs 2 stand so" in said and said.endswith(
        "It is: kcenter 0.53, entropy 0.31, random 0.12."
    )
    assert predictions.order(..., SHARES).startswith("No prediction")
    assert predictions.order([..., ...], SHARES).startswith("No prediction")
    for wrong in (["kcenter"], "kcenter", ["a", "b", "c"], ["random", "random", "entropy"]):
        assert predictions.order(wrong, SHARES).startswith("Name each of")
