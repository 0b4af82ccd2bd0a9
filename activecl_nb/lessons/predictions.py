"""What a reader predicted, held beside what came.

A prediction is typed into a cell, before anything is shown: ``my_guess = "entropy"``. The cell
that shows what came answers it in a sentence: "You said entropy, 31%; it is kcenter, 53%." Nobody
has to guess: without a prediction the sentence says what came.

Where no run gives the answer, ``known`` has it: a cell that spelt it out would show it to whoever
reads on before guessing. Where two values may come out level, ``near`` takes either.
"""

from __future__ import annotations

import functools
import math
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from activecl_nb.lessons import stopped
from activecl_nb.lessons.meaning import COMMA, meant, of_many, quoted, value_of, with_comma

# The first line of a folded output, which JupyterLab shows in place of the output. What stores the
# notebooks puts it there; a cell whose stored output is compared with a run's prints it.
COVER = "Your guess, and what came:"
WIDTH = 58  # characters that a page of 600 pixels has room for
LABEL = 14  # of them for what a cell prints before the sentence, as "on average:"
# Question -> its answer, and why.
KNOWN = {
    "hardest to tell from NORM": (
        "TUM",
        "both are glands, and the phantom draws its hard NORM patches towards TUM",
    ),
    "changes the size of nuclei": ("crop", "what is cut out is enlarged again"),
}


def _in_lines(sentence: Callable[..., str]) -> Callable[..., str]:
    """A sentence broken between words, since a narrow page breaks it anywhere."""

    @functools.wraps(sentence)
    def told(*given: Any, **options: Any) -> str:
        lines = textwrap.TextWrapper(WIDTH, " " * LABEL, break_on_hyphens=False)
        return lines.fill(sentence(*given, **options)).lstrip()

    return told


def known(said: Any, question: str, choices: Iterable[str]) -> str:
    """Which of these words, where the answer is a fact of the drawing and not of a run?"""
    came, why = KNOWN[question]
    return word(said, came, [name for name in choices if name not in question.split()], why)


@_in_lines
def largest(said: Any, values: Mapping[str, float], form: str = ".0%", *, near: float = 0.0) -> str:
    """Which of these is largest?

    said: one of the names. form: how a value is written. near: how far below the largest a value
    still counts as level with it, as another machine or draw might turn the two round.
    """
    return _extreme(said, values, form, max(values, key=values.__getitem__), near)


@_in_lines
def smallest(
    said: Any, values: Mapping[str, float], form: str = ".0%", *, near: float = 0.0
) -> str:
    """Which of these is smallest? As ``largest``."""
    return _extreme(said, values, form, min(values, key=values.__getitem__), near)


def _extreme(said: Any, values: Mapping[str, float], form: str, top: str, near: float) -> str:
    came = f"{top}, {values[top]:{form}}"
    if none := _none(said):
        return f"{none} It is {came}."
    name = meant(said, values)
    if name is None:
        return f"{quoted(said)} is none of {', '.join(values)}. It is {came}."
    if values[name] == values[top]:
        return f"You said {name}, and it is: {values[name]:{form}}."
    if abs(values[name] - values[top]) <= near:
        return f"You said {name}, {values[name]:{form}}; that is level with {came}: both are right."
    return f"You said {name}, {values[name]:{form}}; it is {came}."


@_in_lines
def number(said: Any, came: float, form: str = ".2f", near: float = 0.1, most: float = 1.0) -> str:
    """How much will it be? near: how far from ``came`` still counts as near, as a share of it.

    most: what a share may be; where it may be more than 1, "2" is twice as much and not 2%.
    """
    if none := _none(said):
        return f"{none} It is {came:{form}}."
    if with_comma(said):
        return f"{COMMA[0].upper()}{COMMA[1:]}. It is {came:{form}}."
    in_per_cent, count = form.endswith("%"), form == ".0f"
    share = in_per_cent or (not count and 0 <= came <= 1)  # what was asked for
    value, per_cent = value_of(of_many(said, count=count) if share or count else said)
    if value is None:
        return f"{quoted(said)} is not a number. It is {came:{form}}."
    given = f"You said {value:g}"
    # "2" may be a wrong share, and is no 2%.
    least = 1.01 if in_per_cent and max(came, most) <= 1 else 10
    if per_cent or (share and least <= value <= (math.inf if in_per_cent else 100)):
        value /= 100
        given += f"%, {value:g} as a share"
    elif in_per_cent:
        given = f"You said {100 * value:g}%"
    if value == came and value % 1 == 0:
        return f"{given}, and so it is."
    if count and (0 < value < 1 or per_cent):
        return f"{given}, which is no whole number. It is {came:{form}}."
    if math.isfinite(came) and abs(value - came) <= near * abs(came):
        return f"{given}, and it is about that: {came:{form}}."
    return f"{given}; it is {'more' if came > value else 'less'}: {came:{form}}."


@_in_lines
def word(said: Any, came: str, choices: Iterable[str], why: str = "") -> str:
    """Which of these words? why: added to the sentence."""
    choices = list(choices)
    more = f": {why}." if why else "."
    if none := _none(said):
        return f'{none} The answer is "{came}"{more}'
    name = meant(said, choices)
    if name is None:
        return f'{quoted(said)} is none of {", ".join(choices)}. The answer is "{came}"{more}'
    if name == came:
        return f'You said "{came}", and that is right{more}'
    return f'You said "{name}"; the answer is "{came}"{more}'


@_in_lines
def order(said: Any, values: Mapping[str, float], form: str = ".2f") -> str:
    """Which order, the largest first? Says how many of the pairs stand as was said."""
    ranked = sorted(values, key=values.__getitem__, reverse=True)
    came = ", ".join(f"{name} {values[name]:{form}}" for name in ranked)
    row = list(said) if isinstance(said, list | tuple) else []
    if isinstance(said, str) and re.search("[,>]", said):
        row = re.split("[,>]", said)
    if none := _none(... if any(map(missing, row)) else said):
        return f"{none} From the largest on it is: {came}."
    told = [meant(one, values) or "" for one in row]
    if sorted(told) != sorted(values):
        return f"Name each of {', '.join(values)} once, in a list. It is: {came}."
    pairs = [(a, b) for i, a in enumerate(told) for b in told[i + 1 :]]
    right = sum(values[a] >= values[b] for a, b in pairs)
    return f"You said {', '.join(told)}; of {len(pairs)} pairs {right} stand so. It is: {came}."


def _none(said: Any) -> str:
    """Why there is no guess to answer; empty if there is one."""
    if older := stopped.older("guess_"):
        return f"{older[0].upper()}{older[1:]}, so your guess did not arrive."
    return "No guess has arrived." if missing(said) else ""


def missing(said: Any) -> bool:
    """Whether the three dots of a stub stand there still."""
    return said is None or said is Ellipsis
