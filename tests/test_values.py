import decimal

import numpy as np
import pytest

from activecl_nb import values


class Wanted:
    rounds: values.Count
    rate: values.Positive
    seed: values.Seed
    fast: values.Switch
    name: str


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"rounds": np.int64(3)}, {"rounds": 3}),
        ({"rate": 2}, {"rate": 2.0}),
        ({"rate": np.float32(0.5)}, {"rate": 0.5}),
        ({"fast": np.bool_(True)}, {"fast": True}),
        ({"seed": np.uint8(7)}, {"seed": 7}),
        ({"seed": 2**62}, {"seed": 2**62}),
    ],
)
def test_numbers_are_taken_as_plain_ones(given, expected):
    found = values.checked(Wanted, given)
    assert found == expected
    assert [type(v) for v in found.values()] == [type(v) for v in expected.values()]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rounds": 0}, "rounds: should be at least 1, not 0"),
        ({"rounds": True}, "rounds: should be a whole number, not True"),
        ({"rounds": 1.5}, "rounds: should be a whole number, not 1.5"),
        ({"rounds": "3"}, "rounds: should be a whole number, not '3'"),
        ({"rounds": 2**31}, "rounds: should be at most 2147483647"),
        ({"rate": 0.0}, "rate: should be above 0, not 0.0"),
        ({"rate": float("nan")}, "rate: should be above 0, not nan"),
        ({"rate": float("inf")}, "rate: should be finite"),
        ({"rate": decimal.Decimal("0.5")}, r"rate: should be a number, not Decimal\('0.5'\)"),
        ({"rate": np.array(0.5)}, r"rate: should be a number, not array\(0.5\)"),
        ({"rate": None}, "rate: should be a number, not None"),
        ({"seed": np.bool_(False)}, "seed: should be a whole number"),
        ({"seed": [1]}, r"seed: should be a whole number, not \[1\]"),
        ({"fast": 1}, "fast: should be true or false, not 1"),
        ({"name": 3}, "name: should be text, not 3"),
        ({"speed": 3}, "speed: unknown; there are rounds, rate"),
    ],
)
def test_a_value_that_cannot_be_is_named(given, message):
    with pytest.raises(ValueError, match=message):
        values.checked(Wanted, given)


def test_all_problems_are_told_at_once():
    with pytest.raises(values.Problems) as caught:
        values.checked(Wanted, {"speed": 1, "rounds": 0, "rate": "x", "name": "good"})
    assert [line.split(":")[0] for line in caught.value.lines] == ["speed", "rounds", "rate"]
    assert caught.value.names == {"rounds", "rate"}
    assert "\n" not in str(caught.value)


def test_text_is_read_as_what_the_field_is():
    given = {"rounds": "3", "rate": "1e-3", "fast": "false", "name": "x"}
    expected = {"rounds": 3, "rate": 0.001, "fast": False, "name": "x"}
    assert values.checked(Wanted, given, text=True) == expected
    with pytest.raises(ValueError, match=r"rounds: should be a whole number, not '1\.5'"):
        values.checked(Wanted, {"rounds": "1.5"}, text=True)
