"""What a check says, and the looking at answers that all lessons' checks share.

An exercise check takes what the learner wrote and says "solved", "not yet", or names the
mistake. It never shows a traceback, and it accepts any correct way of writing the answer: lists,
NumPy or torch, loops or none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Verdict:
    """What a check says: solved or not, and the hint."""

    solved: bool
    text: str

    def __repr__(self) -> str:
        return self.text


SOLVED = Verdict(True, "solved")
NOT_YET = Verdict(False, "not yet: replace the ... of the stub with your answer")


def hint(text: str) -> Verdict:
    """Not solved, with what is likely wrong."""
    return Verdict(False, f"not solved: {text}")


def answer_of(function: Callable[..., Any], *inputs: Any) -> Any:
    """The learner's answer as a float64 array, or a Verdict if there is none to look at.

    Takes tensors, arrays, lists and numbers. Inputs are copied, so that an answer that changes
    them in place does not spoil the next check.
    """
    import copy

    if function is None or function is Ellipsis or not callable(function):
        return NOT_YET
    try:
        answer = function(*copy.deepcopy(inputs))
    except Exception as error:  # a learner's code may fail in any way; say how, without the stack
        return hint(f"your function stopped with {type(error).__name__}: {error}")
    if answer is None or answer is Ellipsis:
        return _nothing(function)
    try:
        if hasattr(answer, "detach"):
            answer = answer.detach().cpu()
        return np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        return hint(f"return numbers, not a {type(answer).__name__}")


def _nothing(function: Any) -> Verdict:
    """Of a stub: not yet. Of a function that does something and returns nothing: a hint."""
    import inspect

    code = getattr(inspect.unwrap(getattr(function, "func", function)), "__code__", None)
    if code is not None and code.co_names:
        return hint("your function returns nothing; its last line should be return ...")
    return NOT_YET


def compare(answer: Any, right: Any, wrong: dict[str, Any], tolerance: float = 1e-4) -> Verdict:
    """Solved if ``answer`` is ``right``; else the hint of the wrong answer that it equals.

    wrong: hint -> what that mistake would give.
    """
    if isinstance(answer, Verdict):
        return answer
    right = np.asarray(right, dtype=np.float64)
    if close(answer, right, tolerance):
        return SOLVED
    for text, mistake in wrong.items():
        if close(answer, np.asarray(mistake, dtype=np.float64), tolerance):
            return hint(text)
    if answer.shape != right.shape:
        return hint(f"the answer has shape {answer.shape}; it should have {right.shape}")
    if not np.isfinite(answer).all():
        return hint(
            "the answer holds NaN or infinity; is there a log of 0 or below, or a division by 0?"
        )
    if not right.ndim:
        return hint("it is another number; work it out by hand on one small case")
    return hint("the shape is right and the numbers are not; try it by hand on one small case")


def close(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=tolerance, atol=tolerance))


def plain_answer(answer: Any) -> Any:
    """What the learner assigned, as ``answer_of`` gives what a function returned."""
    return answer_of(lambda: answer)


def letter_is(answer: Any, right: str, wrong: dict[str, str]) -> Verdict:
    """The verdict on one letter of several; wrong: letter -> hint."""
    if answer is None or answer is Ellipsis:
        return NOT_YET
    if not isinstance(answer, str) or answer.strip().lower() not in (right, *wrong):
        letters = ", ".join(map(repr, sorted([right, *wrong])))
        return hint(f"answer with one letter in quotes, one of {letters}")
    chosen = answer.strip().lower()
    return SOLVED if chosen == right else hint(wrong[chosen])


def answer_of_either(function: Any, *inputs: Any) -> Any:
    """``answer_of``, given arrays or, where these fail, tensors; of two errors, the first."""
    answer = answer_of(function, *inputs)
    if isinstance(answer, Verdict) and "stopped with" in answer.text:  # perhaps written for torch
        import torch

        tensors = [torch.from_numpy(x) if isinstance(x, np.ndarray) else x for x in inputs]
        again = answer_of(function, *tensors)
        answer = answer if isinstance(again, Verdict) else again
    return answer
