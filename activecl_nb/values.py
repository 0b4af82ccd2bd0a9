"""What a value may be: types and bounds are declared once, and all problems are told at once.

A dataclass, or any class with annotations, declares its fields with the types below:

    rounds: Count = 20
    temperature: Positive = 0.1

and ``checked`` holds given values against them: in a protocol, in a study's file, on the command
line, in a run's folder.
"""

from __future__ import annotations

import functools
import os
import typing
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import pydantic
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict


def _plain(value: object) -> object:
    """A NumPy scalar as the Python value that it stands for."""
    return value.item() if isinstance(value, np.generic) else value


def _real(value: object) -> object:
    """As ``_plain``; and what could be turned into a number without being one is refused."""
    value = _plain(value)
    if not isinstance(value, (int, float, str)):
        raise PydanticCustomError("float_type", "should be a number")
    return value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


MOST = 2**31 - 1  # more images, rounds or epochs than any machine holds

Switch = Annotated[bool, BeforeValidator(_plain)]
Count = Annotated[int, BeforeValidator(_plain), Field(ge=1, le=MOST)]
Side = Annotated[int, BeforeValidator(_plain), Field(ge=1, le=4096)]  # of a patch, in pixels
Pairs = Annotated[int, BeforeValidator(_plain), Field(ge=2, le=MOST)]
Whole = Annotated[int, BeforeValidator(_plain), Field(ge=0, le=MOST)]
Seed = Annotated[int, BeforeValidator(_plain), Field(ge=0, lt=2**63)]
Number = Annotated[float, BeforeValidator(_real)]
Positive = Annotated[Number, Field(gt=0, allow_inf_nan=False)]
# Beyond these Adam cannot take a step, or a softmax sees one word alone.
Rate = Annotated[Number, Field(ge=1e-12, le=1e30, allow_inf_nan=False)]
Temperature = Annotated[Number, Field(ge=0.001, le=1_000, allow_inf_nan=False)]
Share = Annotated[Number, Field(ge=0, le=1)]


def _place(value: object) -> object:
    if not isinstance(os.fspath(value) if hasattr(value, "__fspath__") else value, str):
        raise ValueError("should be a path")
    return value


def _expression(value: object) -> object:
    if not isinstance(getattr(value, "pattern", value), str):
        raise ValueError("should be a regular expression, as text")
    return value


Place = Annotated[Any, BeforeValidator(_place)]
Expression = Annotated[Any, BeforeValidator(_expression)]


class Problems(ValueError):
    """Values that a declaration refuses.

    lines: what each is and what it should be. names: of the fields.
    """

    def __init__(self, lines: list[str], names: Collection[str] = ()) -> None:
        self.lines, self.names = lines, names
        super().__init__("; ".join(lines))


def checked(kind: type, given: Mapping[str, Any], *, text: bool = False) -> dict[str, Any]:
    """The values as ``kind`` declares them, by name: those that are given, in its order.

    Types are strict: "3" and 3.0 are no whole numbers, and True is no number. NumPy's numbers
    are taken for the plain ones. text: the values are text, as a command line gives them, and
    are read as what the field is.

    Problems (a ValueError): the whole list of what is unknown, of a wrong type or out of bounds.
    """
    known = _declared(kind)
    lines = [
        f"{name}: unknown; there are {', '.join(known)}" for name in given if name not in known
    ]
    try:
        values = _adapter(kind).validate_python(
            {name: value for name, value in given.items() if name in known}, strict=not text
        )
    except pydantic.ValidationError as error:
        lines += [_line(problem) for problem in error.errors()]
        raise Problems(lines, {str(problem["loc"][0]) for problem in error.errors()}) from None
    if lines:
        raise Problems(lines)
    return {name: values[name] for name in known if name in values}


def written(kind: type, settings: Sequence[str]) -> dict[str, Any]:
    """NAME=VALUE, as on a command line, as the values that ``kind`` declares.

    Problems: all of them that are none.
    """
    pairs = [setting.partition("=") for setting in settings]
    lines = [f"{name!r} is not NAME=VALUE" for name, sign, _ in pairs if not sign]
    values: dict[str, Any] = {}
    names = [name.strip() for name, sign, _ in pairs if sign]
    lines += [f"{n}: is given twice; give one value" for n in set(names) if names.count(n) > 1]
    try:
        given = {name.strip(): value.strip() for name, sign, value in pairs if sign}
        values = checked(kind, given, text=True)
    except Problems as error:
        lines += error.lines
    if lines:
        raise Problems([f"--set {lines[0]}", *lines[1:]])
    return values


# The kit's words by the type of a problem, or by that type's first word.
WORDS = {
    "int": "should be a whole number",
    "float": "should be a number",
    "bool": "should be true or false",
    "string": "should be text",
    "greater_than_equal": "should be at least {ge}",
    "greater_than": "should be above {gt}",
    "less_than_equal": "should be at most {le}",
    "less_than": "should be below {lt}",
    "finite_number": "should be finite",
    "string_pattern_mismatch": "should not be empty",
    "list": "should be a list",
    "dict": "should be a table such as {{ name = value }}",
    "too_short": "should hold at least {min_length}",
    "too_long": "should hold at most {max_length}",
}


def _line(problem: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in problem["loc"])
    kind = problem["type"]
    words = WORDS.get(kind) or WORDS.get(kind.split("_")[0])
    wanted = words.format(**problem.get("ctx", {})) if words else problem["msg"]
    wanted = wanted.removeprefix("Input ").removeprefix("Value error, ")
    return f"{place}: {wanted}, not {_shown(problem['input'])}"


@functools.cache
def _declared(kind: type) -> dict[str, Any]:
    """Name -> annotated type, in the order of the fields."""
    return typing.get_type_hints(kind, include_extras=True)


@functools.cache
def _adapter(kind: type) -> pydantic.TypeAdapter:
    # The fields are known only while it runs, which a checker of types cannot follow.
    declared = TypedDict(kind.__name__, _declared(kind), total=False)  # type: ignore[misc]
    return pydantic.TypeAdapter(declared)
