"""The checks of lesson 01, imbalanced tissue."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from activecl_nb.lessons.checks.verdict import (
    NOT_YET,
    SOLVED,
    Verdict,
    answer_of,
    compare,
    hint,
    letter_is,
    plain_answer,
)


def baseline_accuracy(answer: Any) -> Verdict:
    """Lesson 01, exercise 1: accuracy of always saying NON-TUM on the paper's test set."""
    tumour, other = 1_233, 5_947  # section III-A
    right = other / (tumour + other)
    return compare(
        plain_answer(answer),
        right,
        {
            "that is the share of TUM; the baseline is right about all the others": 1 - right,
            "that is the training set's share of NON-TUM; the question is about the test set": (
                85_683 / 100_000
            ),
            "that is TUM over NON-TUM; accuracy is the share of all patches that are right": (
                tumour / other
            ),
            "that is NON-TUM over TUM; accuracy is the share of all patches that are right": (
                other / tumour
            ),
            "that is a coin's accuracy; this baseline does not guess, it always says the same": 0.5,
            "that is its F1; the question here is its accuracy": 0.0,
            "that is the F1 of the other baseline, which always says TUM": 2
            * tumour
            / (7180 + tumour),
            "that counts classes, 8 of 9; count patches, since the classes differ in size": 8 / 9,
            "that is a number of patches; accuracy is a share of all patches": other,
            "right, as a percentage; give it as a share between 0 and 1": 100 * right,
        },
        tolerance=5e-3,
    )


def dial(function: Callable[..., Any]) -> Verdict:
    """Lesson 01, exercise 2: positions kept so that a given share of them is positive.

    Takes (positive, share, generator): bool (N,), a number, a NumPy generator.
    """
    positive = np.arange(200) % 4 == 0  # 50 of 200
    fewer = _dialled(function, positive, 0.1)
    if isinstance(fewer, Verdict):
        return fewer
    kept, yes = len(fewer), int(positive[fewer].sum())
    if (yes, kept) == (33, 33):
        return hint("these are the patches that you leave out; return those that stay")
    if yes == kept:
        return hint("only TUM is left; keep all the NON-TUM patches too, and thin the TUM ones")
    if yes == 50 and kept == 200:
        return hint(
            "nothing was left out: 25% are still TUM where 10% were asked for; to make TUM rarer, "
            "TUM patches have to go"
        )
    if (yes, kept) == (15, 165):
        return hint(
            "you kept 0.1 x 150 TUM patches, which makes TUM 10% of the NON-TUM patches; "
            "share is yes / (yes + no) of those that stay, so yes = no x share / (1 - share)"
        )
    if (yes, kept) == (5, 155):
        return hint(
            "you kept a tenth of the TUM patches; the share asked for is TUM's part of what stays"
        )
    if (yes, kept) == (20, 170):
        return hint(
            "you kept 0.1 x 200 TUM patches: a tenth of what there was, and fewer patches stay"
        )
    if kept - yes < 150:
        return hint(
            f"{200 - kept} patches are gone; for fewer TUM leave out TUM patches alone, so that "
            "as many as possible stay"
        )
    if (yes, kept - yes) == (6, 150):
        return hint(
            "you turned the ratio the wrong way: yes x share / (1 - share) is not how many stay; "
            "solve share = yes / (yes + no) for yes, with no as it is"
        )
    if abs(yes / kept - 0.1) > 0.005:
        return hint(
            f"{yes} of the {kept} patches that stay are TUM; 10% were asked for. Work out how "
            "many may stay, then draw exactly so many"
        )
    more = _dialled(function, positive, 0.5)
    if isinstance(more, Verdict):
        return more
    if abs(positive[more].mean() - 0.5) > 0.01:
        return hint(
            "turned down it works, turned up it does not: 25% are TUM, and for 50% it is the "
            "NON-TUM patches that have to go"
        )
    again = _dialled(function, positive, 0.1, seed=1)
    if isinstance(again, Verdict):
        return again
    if np.array_equal(np.sort(again), np.sort(fewer)):
        return hint(
            "two generators leave out the same patches; draw which ones stay: "
            "generator.choice(..., replace=False)"
        )
    return SOLVED


def _dialled(function: Any, positive: np.ndarray, share: float, seed: int = 0) -> Any:
    """The kept positions, int64, or a Verdict about what is wrong with them."""
    answer = answer_of(function, positive, share, np.random.default_rng(seed))
    if answer is NOT_YET:
        return answer
    if isinstance(answer, Verdict):
        return hint(f"asked for a share of {share}, {answer.text.removeprefix('not solved: ')}")
    if answer.shape == (2,):
        return hint(
            "return the positions of all patches that stay, one entry a patch, not how many"
        )
    if answer.ndim == 1 and len(answer) == len(positive) and set(answer.tolist()) <= {0.0, 1.0}:
        answer = np.flatnonzero(answer)  # a mask says the same
    return _positions(answer, len(positive))


def _positions(answer: np.ndarray, n: int) -> Any:
    """Distinct positions among n as int64 (k,), or a Verdict."""
    if answer.ndim != 1 or not len(answer):
        return hint(f"return a row of positions, not something of shape {answer.shape}")
    if not np.isfinite(answer).all() or (answer % 1).any():
        return hint("positions are whole numbers; these are not")
    if answer.min() < 0 or answer.max() >= n:
        return hint(f"positions run from 0 to {n - 1}; yours from {answer.min()} to {answer.max()}")
    if len(answer) > 2 and set(answer.tolist()) <= {0.0, 1.0}:
        return hint(
            f"{len(answer)} values True or False say nothing of which patches are meant; return "
            f"positions, or a mask of all {n} patches"
        )
    if len(np.unique(answer)) < len(answer):
        return hint(
            "some patches are there twice; draw without replacement (replace=False), and from the "
            "positions of one kind (np.flatnonzero), not from their number"
        )
    return answer.astype(np.int64)


def random_split(letter: Any) -> Verdict:
    """Lesson 01, exercise 3: why the random split flatters a memorising classifier. A letter."""
    wrong = {
        "a": "which patients are held out is drawn at random, several times; harder ones would "
        "be as often among those fitted",
        "c": "the two splits hold out about as many patches; look at the bar without near-copies, "
        "which has the same classifier and the same fitted patches as the first bar",
        "d": "the phantom draws the class of a patch without asking for its patient, so the "
        "shares of the classes are alike",
    }
    return letter_is(letter, "b", wrong)


def patient_split(function: Callable[..., Any]) -> Verdict:
    """Lesson 01, exercise 4: positions to fit on and to hold out, no patient in both.

    Takes (patient, share, generator): int (N,), the share of patients held out, a NumPy
    generator; returns two rows of positions.
    """
    patient = np.repeat(np.arange(10), [1, 2, 3, 4, 5, 6, 7, 8, 9, 55])[
        np.random.default_rng(5).permutation(100)
    ]
    parts = _split_parts(function, patient, 0)
    if isinstance(parts, Verdict):
        return parts
    fit, held = parts
    if len(fit) + len(held) == 10 and set(fit) | set(held) == set(range(10)):
        return hint(
            "these are the patients' numbers; return the positions of their patches: "
            "np.flatnonzero(np.isin(patient, ...))"
        )
    if set(fit) & set(held):
        return hint("some patches are in both parts; a patch belongs to one of them")
    both = set(patient[fit]) & set(patient[held])
    if both:
        return hint(
            f"{len(both)} patients have patches in both parts; draw patients, then take all the "
            "patches of each"
        )
    if len(fit) + len(held) < len(patient):
        return hint(
            f"{len(patient) - len(fit) - len(held)} patches are in neither part; take every patch "
            "of a patient, not one or a few"
        )
    count = len(set(patient[held]))
    if count == 7:
        return hint("7 of 10 patients are held out for a share of 0.3: the two parts are swapped")
    if count != 3:
        return hint(
            f"{count} of 10 patients are held out; a share of 0.3 of the patients, not of the "
            "patches, is asked for"
        )
    others = [_split_parts(function, patient, seed) for seed in range(1, 6)]
    stopped = next((other for other in others if isinstance(other, Verdict)), None)
    if stopped is not None:
        return stopped
    if any(len(set(patient[other[1]])) != 3 for other in others):
        return hint(
            "another generator holds out more patients, or fewer: draw exactly so many, and every "
            "patient with the same chance (generator.choice(np.unique(patient), ...))"
        )
    if all(set(patient[other[1]]) == set(patient[held]) for other in others):
        return hint("whatever the generator, the same patients are held out; draw them with it")
    return SOLVED


def _split_parts(function: Any, patient: np.ndarray, seed: int) -> Any:
    """(fit, held) as int64 positions, or a Verdict."""
    caught: list[Any] = []

    def call(*inputs: Any) -> Any:
        answer = function(*inputs)
        if answer is None or answer is Ellipsis:
            return None
        caught.extend(list(answer) if isinstance(answer, tuple | list) else [answer])
        return 0.0

    whole = functools.wraps(function)(call) if callable(function) else None
    stopped = answer_of(whole, patient, 0.3, _generator(seed))
    if isinstance(stopped, Verdict):
        return stopped
    if len(caught) != 2:
        return hint("return two things: the positions to fit on and the positions held out")
    rows = [plain_answer(part) for part in caught]
    if all(isinstance(row, np.ndarray) and row.ndim == 1 for row in rows):
        joined = np.sort(np.concatenate(rows))
        if np.array_equal(joined, np.sort(patient)):
            return hint("these are the patients of the patches; return the patches' positions")
    parts = []
    for part in caught:
        numbers = plain_answer(part)
        if isinstance(numbers, Verdict):
            return numbers
        if numbers.shape == patient.shape and set(numbers.tolist()) <= {0.0, 1.0}:
            numbers = np.flatnonzero(numbers).astype(np.float64)  # a mask says the same
        numbers = _positions(numbers, len(patient))
        if isinstance(numbers, Verdict):
            return numbers
        parts.append(numbers)
    return tuple(parts)


def _generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)
