"""What a reader predicted, held beside what came.

A prediction is typed into a cell, before anything is shown: ``my_guess = "entropy"``. The cell
that shows what came answers it in a sentence: "You said entropy, 31%; it is kcenter, 53%." Nobody
has to guess: without a prediction the sentence says what came.

Where no run gives the answer, ``known`` has it: a cell that spelt it out would show it to whoever
reads on before guessing. Where two values may come out level, ``near`` takes either.
"""

from __future__ import annotations

import difflib
import functools
import math
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from activecl_nb.lessons import stopped

# The first line of a folded output, which JupyterLab shows in place of the output. What stores the
# notebooks puts it there; a cell whose stored output is compared with a run's prints it.
COVER = "Your guess, and what came:"
WIDTH = 58  # characters that a page of 600 pixels has room for
LABEL = 14  # of them for what a cell prints before the sentence, as "on average:"
COMMA = "a comma makes two numbers of one: write 0.83 for 0,83, and 9900 for 9,900"
# What may stand before a number and behind it, as in "about 50 %" and "8 rounds". Any other word
# may turn what is meant round, as in "5 out of ten", and makes it none.
ABOUT = r"(?:about|around|ca\.?|~)?\s*"
PER_CENT = r"%|percent|per cent|pct\.?"
TIMES = {"k": 1e3, "thousand": 1e3, "million": 1e6, "dozen": 12}
THINGS = (
    "round|label|patch|image|draw|tissue|class|epoch|tumour|seed|step|component|neighbour|split"
)
OF = rf"(?:of )?(?:the |them|it)?(?:{THINGS}|time|x)?(?:e?s)?(?: or so)?"
UNIT = rf"\s*({PER_CENT}|{'|'.join(TIMES)})?\s*{OF}\s*"
WORDS = {"none": 0, "half": 0.5, "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
WORDS |= {"six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
# Words of the same meaning, and the tissues by their names.
ALIKE = {"y": "yes", "n": "no", "fewer": "less", "higher": "more", "rotate": "rotation"}
ALIKE |= {"identical": "same", "equal": "same", "different": "another", "other": "another"}
ALIKE |= {"fat": "ADI", "background": "BACK", "glass": "BACK", "debris": "DEB", "mucus": "MUC"}
ALIKE |= {"lymphocytes": "LYM", "immune cells": "LYM", "muscle": "MUS", "stroma": "STR"}
ALIKE |= {"connective tissue": "STR", "normal mucosa": "NORM", "tumour": "TUM", "tumor": "TUM"}
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
        return f"{_quoted(said)} is none of {', '.join(values)}. It is {came}."
    if values[name] == values[top]:
        return f"You said {name}, and it is: {values[name]:{form}}."
    if abs(values[name] - values[top]) <= near:
        return f"You said {name}, {values[name]:{form}}; that is level with {came}: both are right."
    return f"You said {name}, {values[name]:{form}}; it is {came}."


@_in_lines
def number(said: Any, came: float, form: str = ".2f", near: float = 0.1) -> str:
    """How much will it be? near: how far from ``came`` still counts as near, as a share of it."""
    if none := _none(said):
        return f"{none} It is {came:{form}}."
    if with_comma(said):
        return f"{COMMA[0].upper()}{COMMA[1:]}. It is {came:{form}}."
    value, per_cent = _value(said)
    if value is None:
        return f"{_quoted(said)} is not a number. It is {came:{form}}."
    given = f"You said {value:g}"
    in_per_cent = form.endswith("%")
    share = in_per_cent or (form != ".0f" and 0 <= came <= 1)  # what was asked for; else a count
    least = 1.01 if in_per_cent and came <= 1 else 10  # "2" may be a wrong share, and is no 2%
    if per_cent or (share and least <= value <= (math.inf if in_per_cent else 100)):
        value /= 100
        given += f"%, {value:g} as a share"
    elif in_per_cent:
        given = f"You said {100 * value:g}%"
    if value == came and value % 1 == 0:
        return f"{given}, and so it is."
    if form == ".0f" and value % 1:
        return f"{given}, which is no whole number. It is {came:{form}}."
    if abs(value - came) <= near * abs(came):
        return f"{given}, and it is about that: {came:{form}}."
    return f"{given}; it is {'more' if came > value else 'less'}: {came:{form}}."


def _value(said: Any) -> tuple[float | None, bool]:
    """The number that was meant, None if there is none, and whether it is per cent: "8 Rounds"."""
    if not isinstance(said, str):
        try:
            value = float("nan" if isinstance(said, bool | np.bool_) else said)
        except Exception:  # whatever an object of any kind makes of it
            return None, False
        return (value if math.isfinite(value) else None), False
    said = " ".join(str(WORDS.get(word, word)) for word in said.lower().split())
    worded = re.fullmatch(rf"{ABOUT}([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?){UNIT}", said)
    if not worded or not math.isfinite(float(worded[1])):
        return None, False
    number, unit = float(worded[1]), worded[2] or ""
    return number * TIMES.get(unit, 1), re.fullmatch(PER_CENT, unit) is not None


def with_comma(said: Any) -> bool:
    """Whether a number was typed with a comma in it, as 0,83 or 9,900: Python makes two of it."""
    if isinstance(said, str):
        said = " ".join(said.lower().split())
        return re.fullmatch(rf"{ABOUT}[-+]?\d+(,\d+)+(?:\.\d+)?{UNIT}", said) is not None
    return isinstance(said, tuple) and len(said) > 1 and all(type(part) is int for part in said)


@_in_lines
def word(said: Any, came: str, choices: Iterable[str], why: str = "") -> str:
    """Which of these words? why: added to the sentence."""
    choices = list(choices)
    more = f": {why}." if why else "."
    if none := _none(said):
        return f'{none} The answer is "{came}"{more}'
    name = meant(said, choices)
    if name is None:
        return f'{_quoted(said)} is none of {", ".join(choices)}. The answer is "{came}"{more}'
    if name == came:
        return f'You said "{came}", and that is right{more}'
    return f'You said "{name}"; the answer is "{came}"{more}'


@_in_lines
def order(said: Any, values: Mapping[str, float], form: str = ".2f") -> str:
    """Which order, the largest first? Says how many of the pairs stand as was said."""
    ranked = sorted(values, key=values.__getitem__, reverse=True)
    came = ", ".join(f"{name} {values[name]:{form}}" for name in ranked)
    row = list(said) if isinstance(said, list | tuple) else []
    if none := _none(... if any(map(missing, row)) else said):
        return f"{none} From the largest on it is: {came}."
    told = [meant(one, values) or "" for one in row]
    if sorted(told) != sorted(values):
        return f"Name each of {', '.join(values)} once, in a list. It is: {came}."
    pairs = [(a, b) for i, a in enumerate(told) for b in told[i + 1 :]]
    right = sum(values[a] >= values[b] for a, b in pairs)
    return f"You said {', '.join(told)}; of {len(pairs)} pairs {right} stand so. It is: {came}."


def meant(said: Any, choices: Iterable[str]) -> str | None:
    """The one of these names that was meant, however it is spelt; None where none or two may be.

    "K-center" and "k-centre" are kcenter, "color" is colour; "small" is "crops too small", if
    no other of the names has it in it.
    """
    choices = list(choices)
    alike = ALIKE.get(" ".join(said.lower().split())) if isinstance(said, str) else None
    if alike in choices:
        return alike
    names = {_plain(name): name for name in choices}
    denied = re.search(r"\b(no|not|never|neither)\b", said.lower() if isinstance(said, str) else "")
    if denied and not any(denied[0] in name.split() for name in choices):
        return None
    known = {part for name in names for part in name.split()}
    parts = [
        difflib.get_close_matches(part, known, 1, 0.75) or [part] for part in _plain(said).split()
    ]
    word = " ".join(sorted(like[0] for like in parts))
    holding = [name for name in names if word in name] if len(word) > 3 else []
    if word in names or len(holding) == 1:
        return names[word if word in names else holding[0]]
    # "small crops" is "crops too small": each of its words is in that name, and in no other.
    words = re.findall(r"\w+", said.lower()) if isinstance(said, str) else []
    having = [name for name in choices if all(_is_in(word, name) for word in words)]
    return having[0] if len(having) == 1 and max(map(len, words), default=0) > 2 else None


def _is_in(word: str, name: str) -> bool:
    return bool(difflib.get_close_matches(word, re.findall(r"\w+", name.lower()), 1, 0.8))


def _none(said: Any) -> str:
    """Why there is no guess to answer; empty if there is one."""
    if missing(said):
        return "No guess has arrived."
    if older := stopped.older("guess_"):
        return f"{older[0].upper()}{older[1:]}, so your guess did not arrive."
    return ""


def missing(said: Any) -> bool:
    """Whether the three dots of a stub stand there still."""
    return said is None or said is Ellipsis


def _plain(name: Any) -> str:
    """Without capitals, spaces and hyphens: k-center is kcenter. "b and a" is "a, b" as well."""
    text = name if isinstance(name, str) else _quoted(name)
    each = re.split(r"\s*[,/&+]\s*|\s+(?:and|against|vs\.?)\s+", text.lower())
    return " ".join(sorted("".join(c for c in one if c.isalnum()) for one in each))


def _quoted(said: Any) -> str:
    try:
        return repr(said)[:40]
    except Exception:  # of a class of the reader's own, or a number of ten thousand digits
        return f"a {type(said).__name__}"
