"""What a check says, and how it looks at an answer.

A check takes what the learner wrote and says "solved" and why, "not yet", or names the mistake.
It never shows a traceback, and it accepts any correct way of writing the answer: lists, NumPy or
torch, loops or none. A mistake is recognised by what it gives: a check holds the answer beside
what each known mistake would give, on more than one input where it can: two may meet by chance.
What reads an answer gives arrays, or raises ``NotSolved``.
"""

from __future__ import annotations

import copy
import functools
import re
import string
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from activecl_nb.lessons import stopped
from activecl_nb.lessons.checks.bodies import code_of
from activecl_nb.lessons.meaning import COMMA, with_comma
from activecl_nb.lessons.predictions import WIDTH, missing

STOPPED = "stopped with"  # what is said of a function that raised an error


@dataclass(frozen=True)
class Verdict:
    """What a check says: solved or not, and why or the hint."""

    solved: bool
    text: str

    @property
    def name(self) -> str:
        """A short name for tables: "solved", "not-yet", or the hint's first words, no numbers."""
        said = self.text.partition(": ")[0]
        if said != "not solved":
            return said.replace(" ", "-")
        return "-".join(re.findall(r"[^\W\d_]+", self.why.lower())[:7])

    @property
    def why(self) -> str:
        """The text without "solved: ", "not solved: " or "not yet: "."""
        return self.text.partition(": ")[2]

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return textwrap.fill(self.text, WIDTH)


WORD_BY_WORD = " (entry by entry, `and` is written &, `or` is |, `not` is ~; `if` asks one value)"
NOT_YET = Verdict(False, "not yet: replace the ... of the stub with your answer")


def solved(why: str) -> Verdict:
    """Solved, and why that is the answer or what the check tried."""
    return Verdict(True, f"solved: {why}")


def hint(text: str) -> Verdict:
    """Not solved, with what is likely wrong."""
    return Verdict(False, f"not solved: {text}")


class NotSolved(AssertionError):
    """A wrong or missing answer; its text is the verdict's."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.text)
        self.verdict = verdict


def refuse(text: str) -> NoReturn:
    """``hint``, from within: the check ends with it."""
    raise NotSolved(hint(text))


_strict = False


def strict(on: bool = True) -> None:
    """Let every check raise ``NotSolved``, an AssertionError, unless the answer is right.

    For nbgrader and otter, which count a test cell as failed if it raises. Called in a cell of
    its own, it holds until the kernel ends or ``strict(False)``.
    """
    global _strict
    _strict = bool(on)


def check(function: Callable[..., Verdict]) -> Callable[..., Verdict]:
    """A check as learners call it: it heeds ``strict``, judges no answer that is older than the
    last one written, and one that it stumbles over is a wrong answer, not a traceback."""

    @functools.wraps(function)
    def called(*answer: Any, **settings: Any) -> Verdict:
        try:
            if older := stopped.older():
                refuse(f"{older}; mend it and run it, then check")
            verdict = function(*answer, **settings)
        except NotSolved as error:
            verdict = error.verdict
        except Exception as error:  # an answer may be any object at all
            kinds = ", ".join(type(one).__name__ for one in answer)
            verdict = hint(
                f"the check cannot read this answer ({kinds}): {type(error).__name__}: {error}"
            )
        if _strict and not verdict.solved:
            raise NotSolved(verdict)
        return verdict

    return called


# ---- reading an answer -------------------------------------------------------------------


def returned_by(function: Any, *inputs: Any) -> Any:
    """What the learner's function returns. NotSolved: nothing, or it stops.

    Inputs are copied, so that an answer that changes them in place does not spoil the next check.
    """
    if missing(function):
        raise NotSolved(NOT_YET)
    if not callable(function):
        refuse(f"the answer is a function, not a {type(function).__name__}")
    try:
        answer = function(*copy.deepcopy(inputs))
    except Exception as error:  # a learner's code may fail in any way; say how, without the stack
        more = WORD_BY_WORD if "truth value" in str(error) else ""
        refuse(f"your function {STOPPED} {type(error).__name__}: {error}{more}")
    if callable(answer):
        refuse("your function returns a function; call it, and return what it gives")
    if missing(answer):
        raise NotSolved(_nothing(function))
    return answer


def _nothing(function: Any) -> Verdict:
    """Of a stub: not yet. Of a function that does something and returns nothing: a hint."""
    code = code_of(function)
    if code is not None and (code.co_names or code.co_nlocals > code.co_argcount):
        return hint("your function returns nothing; its last line should be return ...")
    return NOT_YET


def as_array(answer: Any) -> np.ndarray:
    """Tensors, arrays, lists and numbers as an array of whatever type."""
    if isinstance(answer, set | frozenset | dict):
        refuse(f"return a list or an array, not a {type(answer).__name__}")
    try:
        return np.asarray(answer.detach().cpu() if hasattr(answer, "detach") else answer)
    except (TypeError, ValueError):
        if isinstance(answer, list | tuple):
            refuse("your parts have different lengths: join them into one flat row")
        refuse(f"return numbers, not a {type(answer).__name__}")


def numbers(answer: Any) -> np.ndarray:
    """As float64."""
    answer = as_array(answer)
    try:
        return answer.astype(np.float64)
    except (TypeError, ValueError):
        if answer.dtype.kind in "US":
            refuse("write it without quotes, as numbers or an expression; in quotes it is text")
        refuse(f"return numbers, not a {type(answer.flat[0]).__name__}")


def answer_of(function: Any, *inputs: Any) -> np.ndarray:
    """The learner's answer as a float64 array."""
    return numbers(returned_by(function, *inputs))


def answer_in_torch(function: Any, *inputs: Any) -> np.ndarray:
    """``answer_of`` for what is written for torch."""
    return answer_of(function, *tensors(inputs))


def finite_in_torch(function: Any, *inputs: Any) -> np.ndarray | None:
    """The same where it comes and is finite, else None: for inputs at the edge."""
    try:
        answer = answer_in_torch(function, *inputs)
    except NotSolved:
        return None
    return answer if np.isfinite(answer).all() else None


def picked_by(strategy: Any, arrays: Sequence[Any], budget: int, seed: int) -> Any:
    """``returned_by`` for a strategy, whose torch generator cannot be copied as inputs are."""
    import torch

    @functools.wraps(strategy)
    def drawing(*arrays: Any) -> Any:
        return strategy(*arrays, budget, torch.Generator().manual_seed(seed))

    return returned_by(drawing, *arrays)


def answer_of_either(
    function: Any,
    *inputs: Any,
    others: Callable[[Sequence[Any]], Sequence[Any]] | None = None,
    ask: Callable[..., Any] = answer_of,
) -> Any:
    """What ``ask`` gets for the inputs or, where these stop the function, for ``others`` of them.

    others: by default tensors in place of arrays, for what is written for torch. Of two errors,
    the first.
    """
    try:
        return ask(function, *inputs)
    except NotSolved as first:
        if STOPPED not in first.verdict.text:
            raise
        try:
            return ask(function, *(others or tensors)(inputs))
        except NotSolved as second:  # of torch code the second says what is wrong
            raise second if "must be Tensor" in first.verdict.text else first from None


def plain_answer(answer: Any, *, several: bool = False) -> np.ndarray:
    """What the learner assigned, as ``answer_of`` gives what a function returned.

    several: whether more than one number is asked for, so that commas stand between them.
    """
    if missing(answer):
        raise NotSolved(NOT_YET)
    if not several and with_comma(answer):
        refuse(COMMA)
    return numbers(answer)


def tensors(inputs: Sequence[Any]) -> list[Any]:
    """The arrays among the inputs as tensors, floats in single precision as networks give them."""
    import torch

    given = []
    for one in inputs:
        if isinstance(one, np.ndarray):
            one = torch.from_numpy(one.astype(np.float32) if one.dtype.kind == "f" else one)
        given.append(one)
    return given


def whole_positions(
    answer: Any, n: int, *, masks: bool = True, distinct: bool = True
) -> np.ndarray:
    """Positions among n as int64 (k,); floats are refused, as the loop does.

    masks: whether True and False for each of the n is an answer too. distinct: whether a
    position that is there twice is refused here.
    """
    answer = as_array(answer)
    if answer.shape == (0,):
        refuse("your row of positions is empty")
    if answer.ndim != 1:
        row = "; np.flatnonzero gives a row, np.nonzero does not" if answer.ndim == 2 else ""
        refuse(f"return a row of positions, not something of shape {answer.shape}{row}")
    if answer.dtype.kind not in "iubf":
        refuse(f"positions are whole numbers; these are of type {answer.dtype}")
    zeros_and_ones = set(answer.tolist()) <= {0, 1}
    if masks and len(answer) == n and zeros_and_ones:
        return np.flatnonzero(answer)
    if answer.dtype.kind == "b" or (len(answer) > 2 and zeros_and_ones):
        refuse(
            f"{len(answer)} values that are all 0 or 1 say nothing of which patches are meant; "
            "np.flatnonzero gives the positions where a mask of all is True"
        )
    if answer.dtype.kind == "f":
        if not np.isfinite(answer).all() or (answer % 1).any():
            refuse("positions are whole numbers; these are not")
        refuse(
            "these positions are floats, and a float cannot index: make them whole numbers, by "
            ".astype(int) in NumPy or .long() in torch (did joining to an empty list do it?)"
        )
    if answer.min() < 0 or answer.max() >= n:
        refuse(f"positions run from 0 to {n - 1}; yours from {answer.min()} to {answer.max()}")
    if distinct and len(np.unique(answer)) < len(answer):
        refuse(
            "some patches are there twice; draw without replacement (replace=False), and from the "
            "positions of one kind (np.flatnonzero), not from their number"
        )
    return answer.astype(np.int64)


# ---- judging -----------------------------------------------------------------------------


def close(a: np.ndarray, b: Any, tolerance: float) -> bool:
    b = np.asarray(b, dtype=np.float64)
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=tolerance, atol=tolerance))


def compare(
    answer: np.ndarray,
    right: Any,
    wrong: Mapping[str, Any],
    tolerance: float = 1e-4,
    *,
    why: str,
    otherwise: str,
) -> Verdict:
    """Solved if ``answer`` is ``right``; else the hint of the wrong answer that it equals.

    wrong: hint -> what that mistake would give. otherwise: the hint for any other number.
    """
    if close(answer, right, tolerance):
        return solved(why)
    met = {text: mistake for text, mistake in wrong.items() if close(answer, mistake, tolerance)}
    if met:  # the nearest, where a tolerance spans two
        with np.errstate(invalid="ignore"):
            return hint(min(met, key=lambda text: np.abs(answer - met[text]).max()))
    return _misshapen(answer, np.shape(right)) or hint(otherwise)


def compare_on(
    function: Any,
    cases: Mapping[str, Sequence[Any]],
    right: Callable[..., Any],
    wrong: Mapping[str, Callable[..., Any]],
    tolerance: float = 1e-4,
    *,
    why: str,
    answer_of: Callable[..., Any] = answer_of,
) -> Verdict:
    """``compare`` of a function's answers on several inputs; a mistake must meet on all.

    cases: what the input is, in words -> the inputs as arrays and numbers, for ``right`` and
    ``wrong``; the learner's function gets its arrays as ``answer_of`` gives them.
    """
    answers = [answer_of(function, *inputs) for inputs in cases.values()]

    def meets(other: Callable[..., Any]) -> bool:
        pairs = zip(answers, cases.values(), strict=True)
        return all(close(answer, other(*inputs), tolerance) for answer, inputs in pairs)

    if meets(right):
        return solved(why)
    for text, mistake in wrong.items():
        if meets(mistake):
            return hint(text)
    for answer, (words, inputs) in zip(answers, cases.items(), strict=True):
        must = np.asarray(right(*inputs), dtype=np.float64)
        if not close(answer, must, tolerance):
            said = f"for {words} the answer must be {_shown(must)}; yours is {_shown(answer)}"
            return _misshapen(answer, must.shape) or hint(said)
    raise AssertionError("an answer that is right on each input is right on all")


def _misshapen(answer: np.ndarray, shape: tuple[int, ...]) -> Verdict | None:
    if answer.shape != shape:
        wanted = "one number" if shape == () else f"shape {shape}"
        return hint(f"the answer has shape {answer.shape}; it should be {wanted}")
    if not np.isfinite(answer).all():
        return hint(
            "the answer holds NaN or infinity; is there a log of 0 or below, or a division by 0?"
        )
    return None


def _shown(values: np.ndarray) -> str:
    """A few numbers for a sentence."""
    told = ", ".join(f"{value:.4g}" for value in values.ravel()[:5])
    more = ", ..." if values.size > 5 else ""
    return told if values.ndim == 0 else f"[{told}{more}]"


def letter_is(answer: Any, right: str, why: str, wrong: Mapping[str, str]) -> Verdict:
    """The verdict on one letter of several; why: said of the right one; wrong: letter -> hint."""
    if missing(answer):
        return NOT_YET
    chosen = _letter(answer)
    if chosen not in (right, *wrong):
        offered = ", ".join(map(repr, sorted([right, *wrong])))
        return hint(f"answer with one letter in quotes, one of {offered}")
    return solved(why) if chosen == right else hint(wrong[chosen])


def lettered(answer: Any, order: str) -> Any:
    """A letter of a class edition, whose choices stand in another order, as the kit's letter.

    order: the kit's letters in the edition's order; with "cadb" the edition's a is the kit's c.
    What is no letter of the edition stays as it is.
    """
    letter = _letter(answer)
    place = string.ascii_lowercase.find(letter) if len(letter) == 1 else -1
    return order[place] if 0 <= place < len(order) else answer


def _letter(answer: Any) -> str:
    """A letter as it is meant: " C", "c)" and "(c)" are "c"."""
    return answer.strip(" \t\n().:").lower() if isinstance(answer, str) else ""
