"""The checks of lesson 07, reproduce the paper."""

from __future__ import annotations

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


def work_saved(answer: Any) -> Verdict:
    """Lesson 07, exercise 1: the part of the benchmark's image-epochs that 7 rounds spare."""
    answer = plain_answer(answer)
    if not isinstance(answer, Verdict):
        if answer.shape != ():
            return hint("give one number, a part of 1")
        if 1 < answer <= 100:
            return hint("give a part of 1, not a percentage: 0.5 for a half")
    loop, whole = 100 * 1000 * 28, 100 * 99_000
    wrong = {
        "this is what the paper claims of time; count the image passes instead": 0.99,
        "this is what 7,000 different images are of 99,000, each counted once; the first thousand "
        "is trained on in all 7 rounds": 1 - 7 / 99,
        "this is the part that is spent; the question is the part that is spared": loop / whole,
        "you trained on all 7,000 in every round; the set starts at 1,000 and grows": 1 - 49 / 99,
        "this is what 8 rounds spare; count 7, until the score is reached": 1 - 36 / 99,
    }
    return compare(answer, 1 - loop / whole, wrong, tolerance=6e-3)


def paired_interval(function: Any) -> Verdict:
    """Lesson 07, exercise 3: mean of a - b over seeds, and the ends of its 95% t interval."""
    from scipy import stats

    a, b = np.array([0.71, 0.64, 0.80, 0.69, 0.75]), np.array([0.68, 0.65, 0.72, 0.66, 0.70])
    d, n = a - b, len(a)
    answer = answer_of(function, a, b)
    if isinstance(answer, Verdict) and "stopped with" in answer.text:
        answer = answer_of(function, a.tolist(), b.tolist())
    t, error = stats.t.ppf(0.975, n - 1), d.std(ddof=1) / n**0.5

    def ends(half: float) -> list[float]:
        return [d.mean(), d.mean() - half, d.mean() + half]

    apart = (a.var(ddof=1) / n + b.var(ddof=1) / n) ** 0.5
    wrong = {
        "this is b - a; the claim is about a - b": [-x for x in ends(-t * error)],
        "1.96 belongs to many values; five need Student's t with n - 1 degrees": ends(1.96 * error),
        "this is the spread of single seeds; the mean of n is known better, by sqrt(n)": ends(
            t * error * n**0.5
        ),
        "the deviation needs n - 1 in its denominator (ddof=1)": ends(t * d.std() / n**0.5),
        "this treats the two as unrelated; take the difference seed by seed first": ends(t * apart),
        "this is one-sided; 95% in the middle leaves 2.5% at each end": ends(
            stats.t.ppf(0.95, n - 1) * error
        ),
        "t has n - 1 degrees of freedom, not n": ends(stats.t.ppf(0.975, n) * error),
        "divide by the square root of n, not by n": ends(t * error / n**0.5),
        "these are low, mean, high; give the mean first": sorted(ends(t * error)),
    }
    return compare(answer, ends(t * error), wrong, tolerance=1e-4)


def table_one(answer: Any) -> Verdict:
    """Lesson 07, exercise 2: which way of counting gives Table I? A letter."""
    wrong = {
        "a": "7 rounds on a growing set at the benchmark's own pace are two to three hours; "
        "compute it with the cell above",
        "b": "100 epochs on the new images alone are 700,000 image-epochs: most of an hour at the "
        "benchmark's pace",
        "d": "a few seconds of choosing cannot bring hours down to minutes; add up the parts",
    }
    return letter_is(answer, "c", wrong)


def verdict_rule(function: Any) -> Verdict:
    """Lesson 07, exercise 4: one of four verdicts from an interval and the paper's number.

    Takes (low, high, claimed): the claim is "more than 0, as much as ``claimed``".
    """
    if not callable(function):
        return NOT_YET
    nan = float("nan")
    cases = [
        ((0.02, 0.08, 0.0), "reproduced", "the whole interval lies above 0, and that was claimed"),
        ((-0.08, -0.02, 0.0), "contradicted", "an interval wholly below 0 contradicts"),
        (
            (-0.01, 0.08, 0.0),
            "not seen",
            "an interval with 0 inside shows neither, wherever its middle is",
        ),
        (
            (0.40, 0.60, 0.93),
            "same direction",
            "it is clear of 0 and falls short of the paper's number",
        ),
        (
            (0.88, 0.96, 0.93),
            "reproduced",
            "an interval that reaches the paper's number is enough; it need not lie above it",
        ),
        ((-0.60, -0.40, 0.93), "contradicted", "something was lost where a gain was claimed"),
        ((0.0, 0.08, 0.0), "not seen", "0 itself is no gain, so the interval is not all above 0"),
        ((-0.08, 0.0, 0.0), "not seen", "0 itself is no loss, so the interval is not all below 0"),
        (
            (nan, nan, 0.0),
            "not seen",
            "NaN ends (one seed, or a score never reached) show nothing; every comparison with "
            "NaN is False, so let not seen be what remains",
        ),
    ]
    for inputs, right, text in cases:
        try:
            said = function(*inputs)
        except Exception as error:  # as in answer_of
            return hint(f"your function stopped with {type(error).__name__}: {error}")
        if said is None or said is Ellipsis:
            return NOT_YET if inputs is cases[0][0] else hint(f"nothing comes back; {text}")
        if not isinstance(said, str):
            return hint(f"return a word in quotes, not a {type(said).__name__}")
        if said.strip().lower() not in {verdict for _, verdict, _ in cases}:
            return hint("the words are reproduced, same direction, contradicted and not seen")
        if said.strip().lower() != right:
            return hint(f"{inputs} should be {right}: {text}")
    return SOLVED
