"""Names that a reader takes for one, and names that only look unlike numbers."""

from __future__ import annotations

import warnings

import pytest

from activecl_nb.sources.names import check_alike, one_form


def test_one_form() -> None:
    assert one_form("e\u0301") == one_form("\xe9") == "\xe9"


@pytest.mark.parametrize(
    "names", [("TUM", "TUM\u200b"), ("a b", "a\xa0b", "a  b"), ("x", "x\ufe0f"), ("1", "\u2060 1")]
)
def test_names_that_look_the_same_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError) as told:
        check_alike("patient", [*names, "other"], "t.csv")
    said = str(told.value)
    assert said.startswith("t.csv: a patient is written in several ways that look the same: ")
    assert " and ".join(ascii(name) for name in sorted(names)) in said and "other" not in said
    assert said.isascii() and said.endswith("write it in one way")


def test_numbers_of_one_value_are_asked_about() -> None:
    names = ["1", "1.0", "01", "+1", "1e0", "2", "1e99999999"]
    said = r"one patient.*\? '\+1' and '01' and '1' and '1\.0' and '1e0' are"
    with pytest.warns(UserWarning, match=said):
        check_alike("patient", names, "t.csv")


def test_names_that_differ_in_their_case_or_spaces_are_asked_about() -> None:
    with pytest.warns(UserWarning, match=r"one label.*'TUM' and 'Tum', 'p 1' and 'p1' are kept"):
        check_alike("label", ["TUM", "Tum", "STR", "p1", "p 1", "p-1"], "t.csv")


def test_names_that_are_two() -> None:
    big = ("12345678901234567890", "12345678901234567891")  # one as floating-point numbers
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_alike("class", ["1", "1a", "1.5", "11", "TUM", "TUMB", "1", *big], "t.csv")
