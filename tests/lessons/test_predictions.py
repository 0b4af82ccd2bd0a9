"""The sentence that answers a prediction."""

from __future__ import annotations

import math

import numpy as np
import pytest

from activecl_nb.lessons import meaning, predictions


def in_one_line(told: str) -> str:
    return " ".join(told.split())


SHARES = {"random": 0.12, "entropy": 0.31, "kcenter": 0.53}


# A reading of these by their first number would be wrong.
UNCLEAR = ("5 out of ten", "3 in ten", "5 to six", "20 percent more", "83 per mille", "8 Prozent")
UNCLEAR += ("1e400", "5 or so many", "5 less")


class Odd:
    """What no notebook has."""

    def __float__(self) -> float:
        raise OSError

    def __repr__(self) -> str:
        raise KeyError


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("entropy", "You said entropy, 31%; it is kcenter, 53%."),
        ("K-center", "You said kcenter, and it is: 53%."),
        (..., "No guess has arrived. It is kcenter, 53%."),
        (None, "No guess has arrived. It is kcenter, 53%."),
        ("core-set", "You said kcenter, and it is: 53%."),
        ("margin", "'margin' is none of random, entropy, kcenter. It is kcenter, 53%."),
        (3, "3 is none of random, entropy, kcenter. It is kcenter, 53%."),
    ],
)
def test_the_largest(said: object, sentence: str) -> None:
    assert in_one_line(predictions.largest(said, SHARES)) == sentence


def test_the_smallest() -> None:
    assert (
        in_one_line(predictions.smallest("kcenter", SHARES))
        == "You said kcenter, 53%; it is random, 12%."
    )
    assert in_one_line(predictions.smallest("random", SHARES)) == "You said random, and it is: 12%."


def test_a_pair_may_be_named_in_either_order() -> None:
    pairs = {"random and entropy": 1.01, "entropy and kcenter": 1.2}
    said = in_one_line(predictions.largest("k-center and entropy", pairs, ".2f"))
    assert said == "You said entropy and kcenter, and it is: 1.20."
    assert "is none of" in in_one_line(predictions.largest("entropy and entropy", pairs, ".2f"))


def test_what_is_level_is_right_too() -> None:
    close = {"LYM": 0.16, "NORM": 0.15, "STR": 0.04}
    said = in_one_line(predictions.largest("NORM", close, near=0.03))
    assert said == "You said NORM, 15%; that is level with LYM, 16%: both are right."
    assert (
        in_one_line(predictions.largest("STR", close, near=0.03))
        == "You said STR, 4%; it is LYM, 16%."
    )
    assert in_one_line(predictions.largest("NORM", close)) == "You said NORM, 15%; it is LYM, 16%."
    assert "level with STR, 4%" in in_one_line(predictions.smallest("NORM", close, near=0.2))


def test_what_no_run_says() -> None:
    names = ("crop", "blur")
    for question, (answer, why) in predictions.KNOWN.items():
        assert in_one_line(predictions.known(answer, question, [answer, "x"])) == (
            f'You said "{answer}", and that is right: {why}.'
        )
    assert in_one_line(predictions.known("norm", "hardest to tell from NORM", ("NORM", "TUM"))) == (
        "'norm' is none of TUM. The answer is \"TUM\": both are glands, and the phantom draws its "
        "hard NORM patches towards TUM."
    )
    assert 'the answer is "crop"' in in_one_line(
        predictions.known("blur", "changes the size of nuclei", names)
    )


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (4.7, "You said 4.7, and it is about that: 4.84."),
        ("4.7", "You said 4.7, and it is about that: 4.84."),
        (1, "You said 1; it is more: 4.84."),
        (9, "You said 9; it is less: 4.84."),
        (..., "No guess has arrived. It is 4.84."),
        ("5 rounds", "You said 5, and it is about that: 4.84."),
        ("5rounds", "You said 5, and it is about that: 4.84."),
        ("About 5 Rounds or so", "You said 5, and it is about that: 4.84."),
        ("~ 5e0", "You said 5, and it is about that: 4.84."),
        (np.float32(5), "You said 5, and it is about that: 4.84."),
        ("Five", "You said 5, and it is about that: 4.84."),
        ("about five rounds", "You said 5, and it is about that: 4.84."),
        ("none of them", "You said 0; it is more: 4.84."),
        ("half", "You said 0.5; it is more: 4.84."),
        ("no idea", "'no idea' is not a number. It is 4.84."),
        ("0.005k", "You said 5, and it is about that: 4.84."),
        ("2 dozen", "You said 24; it is less: 4.84."),
        *((said, f"{said!r} is not a number. It is 4.84.") for said in UNCLEAR),
        (True, "True is not a number. It is 4.84."),
        (np.True_, "np.True_ is not a number. It is 4.84."),
        (float("nan"), "nan is not a number. It is 4.84."),
        ("nan", "'nan' is not a number. It is 4.84."),
        (-math.inf, "-inf is not a number. It is 4.84."),
        (Odd(), "a Odd is not a number. It is 4.84."),
        ("much", "'much' is not a number. It is 4.84."),
        (10**400, f"{str(10**400)[:40]} is not a number. It is 4.84."),
        ("1 of 4", "'1 of 4' is not a number. It is 4.84."),
    ],
)
def test_a_number(said: object, sentence: str) -> None:
    assert in_one_line(predictions.number(said, 4.84)) == sentence


@pytest.mark.parametrize(
    "said",
    [(0, 83), "0,83", (9, 900), " -4,7 ", (1, 0, 0), "50,5%", "9,900 labels", "about 1,000.5"],
)
def test_a_number_with_a_comma_is_told_how_numbers_are_written(said: object) -> None:
    assert in_one_line(predictions.number(said, 4.84)) == (
        "A comma makes two numbers of one: write 0.83 for 0,83, and 9900 for 9,900. It is 4.84."
    )


@pytest.mark.parametrize("said", ["a,b", (0.5, 0.3), [0, 83], "0.83", (), (4,), 0.83, "1, 2"])
def test_what_is_no_number_with_a_comma(said: object) -> None:
    assert not meaning.with_comma(said)


def test_per_cent_where_a_share_was_asked_for() -> None:
    said = in_one_line(predictions.number(93, 0.72))
    assert said == "You said 93%, 0.93 as a share; it is less: 0.72."
    assert in_one_line(predictions.number(70, 0.72)).endswith("and it is about that: 0.72.")
    assert in_one_line(predictions.number(2, 0.72)) == "You said 2; it is less: 0.72."
    for said in (72, "72", "72 pct", 0.72):
        assert in_one_line(predictions.number(said, 0.72, ".0%")).endswith("about that: 72%.")
    assert in_one_line(predictions.number(5, 0.05, ".0%")).endswith("about that: 5%.")
    assert in_one_line(predictions.number(200, 2.12, ".0%")).endswith("about that: 212%.")
    assert in_one_line(predictions.number(2, 2.12, ".0%")) == (
        "You said 200%, and it is about that: 212%."
    )
    assert in_one_line(predictions.number(0.8, 0.72, ".0%")) == "You said 80%; it is less: 72%."
    assert in_one_line(predictions.number(0.07, 0.072, ".0%")).startswith("You said 7%, and")


def test_nothing_is_near_what_never_came() -> None:
    said = in_one_line(predictions.number(10, math.inf, ".0f", near=0.5))
    assert said == "You said 10; it is more: inf."


def test_a_share_that_may_be_above_one() -> None:
    for said in (2, "twice"):
        told = in_one_line(predictions.number(said, 0.35, ".0%", most=9))
        assert told == "You said 200%; it is less: 35%."
    assert in_one_line(predictions.number(150, 0.35, ".0%", most=9)).startswith("You said 150%")


def test_per_cent_with_its_sign() -> None:
    assert in_one_line(predictions.number("5%", 0.05)) == (
        "You said 5%, 0.05 as a share, and it is about that: 0.05."
    )
    for said in ("85%", "85 percent", "85 per cent", "about 85 Percent"):
        assert in_one_line(predictions.number(said, 0.2)).startswith(
            "You said 85%, 0.85 as a share; it is less"
        )
    assert in_one_line(predictions.number("85 %", 0.2)).startswith(
        "You said 85%, 0.85 as a share; it is less"
    )
    assert in_one_line(predictions.number("%", 0.2)).startswith("'%' is not a number")


def test_a_number_that_was_counted_is_so_and_not_about_so():
    assert in_one_line(predictions.number(8, 8, ".0f", near=0)) == "You said 8, and so it is."
    assert in_one_line(predictions.number(15, 1, ".0f", near=0)) == "You said 15; it is less: 1."
    assert in_one_line(predictions.number(0.4, 6, ".0f")) == (
        "You said 0.4, which is no whole number. It is 6."
    )
    # What was worked out, as 200 * 0.97**50, is near or not.
    assert in_one_line(predictions.number(6.4, 6, ".0f")) == (
        "You said 6.4, and it is about that: 6."
    )


@pytest.mark.parametrize(
    ("said", "form", "came", "told"),
    [
        ("15 of 20", ".0f", 15, "You said 15, and so it is."),
        ("15/20", ".0f", 14, "You said 15, and it is about that: 14."),
        ("15 of 20", ".2f", 0.75, "You said 0.75, and it is about that: 0.75."),
        ("3 out of 4", ".0%", 0.75, "You said 75%, and it is about that: 75%."),
        ("20 of 15", ".0f", 14, "'20 of 15' is not a number. It is 14."),
        ("0/0", ".2f", 0.75, "'0/0' is not a number. It is 0.75."),
        (f"1/{9 * '1000'}", ".2f", 0.75, f"'1/{9 * '1000'}' is not a number. It is 0.75."),
        (f"1/{5000 * '9'}", ".2f", 0.75, f"'1/{37 * '9'} is not a number. It is 0.75."),
        ("a quarter", ".2f", 0.25, "You said 0.25, and it is about that: 0.25."),
        (
            "two thirds of the patches",
            ".2f",
            0.6667,
            "You said 0.6667, and it is about that: 0.67.",
        ),
        ("about twice", ".1f", 2.0, "You said 2, and so it is."),
        ("2 of 8 claims", ".0f", 2, "'2 of 8 claims' is not a number. It is 2."),
        ("3 claims", ".0f", 2, "You said 3; it is less: 2."),
    ],
)
def test_parts_of_many(said: str, form: str, came: float, told: str) -> None:
    assert in_one_line(predictions.number(said, came, form)) == told


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("k-centre", "kcenter"),
        ("K centers", "kcenter"),
        ("certain", "certainty"),
        ("small crops", "crops too small"),
        ("crop flip rotate", "crop, flip, rotate"),
        ("crop", None),
        ("color", "colour"),
        ("grey", "gray"),
        ("colors", "colour"),
        ("colors changed", "colours changed"),
        ("small", "crops too small"),
        ("crop/flip/rotate", "crop, flip, rotate"),
        ("flip, crop and rotate", "crop, flip, rotate"),
        ("kcenter, entropy", "entropy and kcenter"),
        ("entropy & k-center", "entropy and kcenter"),
        ("entropy vs. kcenter", "entropy and kcenter"),
        ("can't tell", "cannot tell"),
        ("overlapping", "overlap"),
        ("crop", None),
        ("none", None),
        ("", None),
        (7, None),
        ("core-set", "kcenter"),
        ("far", None),
    ],
)
def test_a_name_in_another_spelling(said: object, name: str | None) -> None:
    names = ["kcenter", "certainty", "random", "colour", "gray", "overlap", "apart", "cannot tell"]
    names += ["colours changed", "crops too small", "crop, flip, rotate", "entropy and kcenter"]
    assert meaning.meant(said, names) == name


@pytest.mark.parametrize("said", ["no kcenter", "not kcenter", "never k-center"])
def test_a_name_that_is_denied_is_not_meant(said: str) -> None:
    assert meaning.meant(said, ["kcenter", "entropy"]) is None
    assert meaning.meant("no", ["yes", "no"]) == "no"
    assert meaning.meant("not clear", ["clear", "not clear"]) == "not clear"


def test_a_word() -> None:
    choices = ("rim", "middle")
    assert in_one_line(predictions.word("Rim", "rim", choices)) == (
        'You said "rim", and that is right.'
    )
    assert (
        in_one_line(predictions.word("middle", "rim", choices, "far"))
        == 'You said "middle"; the answer is "rim": far.'
    )
    assert (
        in_one_line(predictions.word(..., "rim", choices))
        == 'No guess has arrived. The answer is "rim".'
    )
    assert in_one_line(predictions.word(7, "rim", choices)).startswith("7 is none of rim, middle.")


def test_an_order_counts_pairs() -> None:
    said = in_one_line(predictions.order(["kcenter", "random", "entropy"], SHARES))
    assert "of 3 pairs 2 stand so" in said and said.endswith(
        "It is: kcenter 0.53, entropy 0.31, random 0.12."
    )
    assert in_one_line(predictions.order(..., SHARES)).startswith("No guess")
    assert in_one_line(predictions.order([..., ...], SHARES)).startswith("No guess")
    for wrong in (["kcenter"], "kcenter", ["a", "b", "c"], ["random", "random", "entropy"]):
        assert in_one_line(predictions.order(wrong, SHARES)).startswith("Name each of")


@pytest.mark.parametrize("label", ["", "on average:", "mean colour:"])
def test_a_sentence_breaks_between_words_for_a_narrow_page(label: str) -> None:
    kinds = dict.fromkeys(["trained encoder", "random encoder", "mean colour", "chance"], 0.25)
    told = [
        predictions.order(..., kinds),
        predictions.word(..., "TUM", kinds, "of many things that take more than one line to say"),
        predictions.known("x", "hardest to tell from NORM", kinds),
        predictions.largest("x", kinds),
        predictions.smallest("x", kinds),
        predictions.number("0,83", 4.84),
    ]
    for sentence in told:
        first, *others = f"{label} {sentence}".strip().splitlines()
        assert others and max(map(len, others)) <= predictions.WIDTH
        assert len(first) <= predictions.WIDTH and not first.endswith("-")
    assert "\n" not in predictions.number(4.7, 4.84)


@pytest.mark.parametrize(
    ("said", "choices", "name"),
    [
        ("y", ("yes", "no"), "yes"),
        ("Fewer", ("as many", "less", "more"), "less"),
        ("identical", ("same", "another"), "same"),
        (" Immune  cells", ("LYM", "NORM"), "LYM"),
        ("rotate", ("crop", "rotation"), "rotation"),
        ("fat", ("LYM", "NORM"), None),
        ("stays the same", ("rises", "falls", "stays"), "stays"),
        ("lower", ("higher", "lower", "the same"), "lower"),
        ("fewer", ("more", "less"), "less"),
        ("NON-TUM", ("TUM", "LYM"), None),
        ("uncertainty", ("random", "entropy", "kcenter", "certainty"), "entropy"),
        ("uncertain", ("random", "certainty"), None),
        ("don't overlap", ("apart", "overlap"), None),
        ("isn’t entropy", ("entropy", "random"), None),
        ("can’t tell", ("better", "cannot tell"), "cannot tell"),
        ("can not tell", ("better", "cannot tell"), "cannot tell"),
        ("dissimilar", ("similar", "the same"), None),
        ("not the same", ("same", "another"), "another"),
    ],
)
def test_words_of_the_same_meaning(said: str, choices: tuple[str, ...], name: str | None) -> None:
    assert meaning.meant(said, choices) == name
