"""What goes between an answer and its check arrives as it was, and nothing else arrives."""

from __future__ import annotations

import functools
import json
import math
from collections import deque, namedtuple
from typing import Any

import numpy as np
import pytest
import torch

from activecl_nb.augment import Family
from activecl_nb.lessons.students import parcels

ARRAYS = [
    np.arange(6).reshape(2, 3),
    np.array([True, False]),
    np.array(["a", "bc"]),
    np.array([1, None], dtype=object),
    np.float32(0.5),
    torch.arange(3.0, requires_grad=True),
    torch.tensor([[1, 2]], dtype=torch.int16),
    torch.tensor([0.5], dtype=torch.bfloat16),
]
PLAIN = [None, ..., True, 3, -(2**200), 0.1, math.inf, "é\ud800", [1, (2, [])], {"a": [1], 2: ()}]


def through(value: Any) -> Any:
    return parcels.unpack(parcels.pack(value))


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_values(value: Any) -> None:
    arrived = through(value)
    assert arrived == value and type(arrived) is type(value)


@pytest.mark.parametrize("value", ARRAYS, ids=lambda value: str(value.dtype))
def test_arrays(value: Any) -> None:
    arrived = through(value)
    assert type(arrived) is type(value)
    assert arrived.dtype == value.dtype and arrived.shape == value.shape
    assert arrived.tolist() == value.tolist()


def test_what_reads_as_numbers_and_what_does_not() -> None:
    assert through(range(3)) == [0, 1, 2]
    assert through(namedtuple("Two", "a b")(1, 2)) == (1, 2)
    assert through(deque([1, 2])).tolist() == [1, 2]
    assert [type(through(odd)).__name__ for odd in ({1}, iter([]))] == ["set", "list_iterator"]
    assert math.isnan(through(float("nan")))
    assert through(Family().without("blur")) == Family().without("blur")


@pytest.mark.parametrize(
    "make", [np.random.default_rng, lambda seed: torch.Generator().manual_seed(seed)]
)
def test_generators_go_on_as_they_would(make: Any) -> None:
    def drawn(draw: Any) -> list[Any]:
        if isinstance(draw, torch.Generator):
            return torch.rand(3, generator=draw).tolist()
        return list(draw.random(3))

    assert drawn(through(make(5))) == drawn(make(5))


def test_of_a_function_its_outline() -> None:
    def stub(a: int, b: int) -> None: ...

    outline = through(stub)
    assert callable(outline) and type(outline).__name__ == "function"
    code = outline.__code__
    assert (code.co_names, code.co_nlocals, code.co_argcount) == ((), 2, 2)
    assert through(functools.partial(drawn_from, 1)).__code__.co_names
    with pytest.raises(TypeError):
        outline(1)


def drawn_from(a: int, b: int) -> Any:
    return np.arange(a, b)


@pytest.mark.parametrize(
    "junk",
    [b"", b"\xff", b"[" * 100_000, b'["thing"]', b'["array", "AAAA"]', b'["tensor", ["load", 1]]',
     b'["family", ["dict", [["crop", "x"], ["flip", 7]]]]', b'["__import__", "os"]', b"[1, 2, 3]",
     json.dumps(["thing", 7]).encode()],
)  # fmt: skip
def test_junk_is_no_parcel(junk: bytes) -> None:
    with pytest.raises(ValueError):
        parcels.unpack(junk)


def test_nothing_is_unpickled_and_nothing_is_endless() -> None:
    with pytest.raises(ValueError, match="bytes"):
        parcels.pack(np.zeros(parcels.LARGEST))
    evil = np.array([functools.partial(print, 1)], dtype=object)
    assert [type(one).__name__ for one in through(evil)] == ["function"]
