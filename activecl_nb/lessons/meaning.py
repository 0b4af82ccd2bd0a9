"""What a reader means by a name or a number that was typed, however it is spelt."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

# Words of the same meaning; of each line one at most is among the choices of a question.
ALIKE = [
    line.split(" | ")
    for line in """
yes | y
no | n
less | lower | falls | fewer | smaller | down | goes down | fall | falling | decreases | decrease
more | higher | rises | larger | greater | up | goes up | rise | rising | increases | increase
same | the same | about the same | exactly the same | as many | as many as they are | as much \
| stays | stays the same | hardly | hardly moves | identical | equal | unchanged | no change
another | different | other | not the same
apart | separate | do not overlap
cannot tell | can not tell | unclear
mine | my_strategy | my strategy
random | random picks | at random | random split | random quarter
entropy | entropy picks | entropy sampling | uncertainty | uncertain
kcenter | coreset | core-set
no copies | without copies
encoder | trained encoder
colour | six numbers
F1 | F1 score | f1-score
gray | grey | grayscale
jitter | colour jitter
crop | cropping
rotation | rotate
ADI | fat | fat cells
BACK | background | glass
DEB | debris
LYM | lymphocyte | lymphocytes | immune cells
MUC | mucus
MUS | muscle | smooth muscle
NORM | normal mucosa
STR | stroma | connective tissue
TUM | tumour | tumor | cancer | adenocarcinoma
""".strip().splitlines()
]

COMMA = "a comma makes two numbers of one: write 0.83 for 0,83, and 9900 for 9,900"
# What may stand before a number and behind it, as in "about 50 %" and "8 rounds". Any other word
# may turn what is meant round, as in "5 less", and makes it none.
ABOUT = r"(?:about|around|after|round|ca\.?|~)?\s*"
PER_CENT = r"%|percent|per cent|pct\.?"
TIMES = {"k": 1e3, "thousand": 1e3, "million": 1e6, "dozen": 12}
THINGS = (
    "round|label|patch|image|draw|tissue|class|epoch|tumour|seed|step|component|neighbour|split|"
    "claim|comparison|fold|pick"
)
OF = rf"(?:of )?(?:the |them|it)?(?:{THINGS}|time|x)?(?:e?s)?(?: or so)?"
UNIT = rf"\s*({PER_CENT}|{'|'.join(TIMES)})?\s*{OF}\s*"
WORDS = {"none": 0, "half": 0.5, "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
WORDS |= {"six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "twenty": 20}
WORDS |= {"eleven": 11, "fifteen": 15, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60}
WORDS |= {"twice": 2, "double": 2}
PARTS = {
    "(a|one) half": 1 / 2,
    "(a|one) third": 1 / 3,
    "(a|one) quarter": 1 / 4,
    "(a|one) fifth": 1 / 5,
}
PARTS |= {"two thirds": 2 / 3, "three quarters": 3 / 4}
OF_MANY = r"(\d{1,9})\s*(?:of|/|out of)\s*(\d{1,9})"


def meant(said: Any, choices: Iterable[str]) -> str | None:
    """The one of these names that was meant, however it is spelt; None where none or two may be.

    "K-center" and "k-centre" are kcenter, "color" is colour; "small" is "crops too small", if
    no other of the names has it in it.
    """
    choices = list(choices)
    if len(alike := _alike(said, choices)) == 1:
        return alike[0]
    names = {_plain(name): name for name in choices}
    text = re.sub(r"can['’]t", "cannot", said.lower()) if isinstance(said, str) else ""
    denied = re.search(r"\b(?:no|not|never|neither|non|\w+n['’]t)\b", text)
    if denied and not any(denied[0] in re.findall(r"\w+", name.lower()) for name in choices):
        return None
    known = {part for name in names for part in name.split()}
    parts = [_close(part, known) or [part] for part in _plain(said).split()]
    word = " ".join(sorted(like[0] for like in parts))
    holding = [name for name in names if word in name] if len(word) > 3 else []
    if word in names or len(holding) == 1:
        return names[word if word in names else holding[0]]
    # "small crops" is "crops too small": each of its words is in that name, and in no other.
    words = re.findall(r"\w+", said.lower()) if isinstance(said, str) else []
    having = [name for name in choices if all(_is_in(word, name) for word in words)]
    return having[0] if len(having) == 1 and max(map(len, words), default=0) > 2 else None


def _alike(said: Any, choices: list[str]) -> list[str]:
    """The choices of the same meaning."""
    word = " ".join(said.lower().split()) if isinstance(said, str) else None
    lines = [line for line in ALIKE if word in [name.lower() for name in line]]
    return list(dict.fromkeys(name for line in lines for name in line if name in choices))


def _close(part: str, known: Collection[str], cutoff: float = 0.75) -> list[str]:
    """The name that is spelt nearly so, and not with a syllable that turns it round."""
    stem = re.match(r"(?:un|dis|in|non)(\w{4,})", part)
    if stem and part not in known and difflib.get_close_matches(stem[1], known, 1, cutoff):
        return []
    return difflib.get_close_matches(part, known, 1, cutoff)


def _is_in(word: str, name: str) -> bool:
    return bool(_close(word, re.findall(r"\w+", name.lower()), 0.8))


def of_many(said: Any, *, count: bool) -> Any:
    """ "15 of 20" is 15 where a count was asked for, and 0.75 of a share; else what was said."""
    some = re.fullmatch(OF_MANY, said.strip().lower()) if isinstance(said, str) else None
    if some is None or not 0 <= int(some[1]) <= int(some[2]) > 0:
        return said
    return int(some[1]) if count else int(some[1]) / int(some[2])


def value_of(said: Any) -> tuple[float | None, bool]:
    """The number that was meant, None if there is none, and whether it is per cent: "8 Rounds"."""
    if not isinstance(said, str):
        try:
            value = float("nan" if isinstance(said, bool | np.bool_) else said)
        except Exception:  # whatever an object of any kind makes of it
            return None, False
        return (value if math.isfinite(value) else None), False
    said = " ".join(str(WORDS.get(word, word)) for word in _parts(said.lower()).split())
    worded = re.fullmatch(rf"{ABOUT}([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?){UNIT}", said)
    if not worded or not math.isfinite(float(worded[1])):
        return None, False
    number, unit = float(worded[1]), worded[2] or ""
    return number * TIMES.get(unit, 1), re.fullmatch(PER_CENT, unit) is not None


def _parts(said: str) -> str:
    """ "A third" as a number."""
    for words, part in PARTS.items():
        said = re.sub(rf"\b{words}\b", f"{part:.4f}", said)
    return said


def with_comma(said: Any) -> bool:
    """Whether a number was typed with a comma in it, as 0,83 or 9,900: Python makes two of it."""
    if isinstance(said, str):
        said = " ".join(said.lower().split())
        return re.fullmatch(rf"{ABOUT}[-+]?\d+(,\d+)+(?:\.\d+)?{UNIT}", said) is not None
    return isinstance(said, tuple) and len(said) > 1 and all(type(part) is int for part in said)


def _plain(name: Any) -> str:
    """Without capitals, spaces and hyphens: k-center is kcenter. "b and a" is "a, b" as well."""
    text = name if isinstance(name, str) else quoted(name)
    each = re.split(r"\s*[,/&+]\s*|\s+(?:and|against|vs\.?)\s+", text.lower())
    return " ".join(sorted("".join(c for c in one if c.isalnum()) for one in each))


def quoted(said: Any) -> str:
    try:
        return repr(said)[:40]
    except Exception:  # of a class of the reader's own, or a number of ten thousand digits
        return f"a {type(said).__name__}"
