"""What a check may know of a function's body without calling it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import CodeType


def code_of(function: Callable[..., object]) -> CodeType | None:
    """The code of a function, also within ``functools.partial`` or a decorator's wrapper."""
    return getattr(inspect.unwrap(getattr(function, "func", function)), "__code__", None)


def names_in(code: CodeType | None) -> Iterator[str]:
    """Names that a function's code uses, and those of functions inside it."""
    if code is not None:
        yield from code.co_names
        for inner in code.co_consts:
            yield from names_in(inner if isinstance(inner, CodeType) else None)
