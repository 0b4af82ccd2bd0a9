"""The checks of lesson 07, reproduce the paper."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from activecl_nb.lessons.checks.verdict import (
    STOPPED,
    NotSolved,
    Verdict,
    answer_of_either,
    check,
    compare,
    compare_on,
    hint,
    letter_is,
    plain_answer,
    returned_by,
    solved,
)


@check
def work_saved(answer: Any) -> Verdict:
    """Lesson 07, exercise 1: the part of the benchmark's image-epochs that 7 rounds spare."""
    answer = plain_answer(answer)
    if answer.shape != ():
        return hint("give one number, a part of 1")
    if 1 < answer <= 100:
        return hint("give a part of 1, not a percentage: 0.5 for a half")
    if answer > 100:
        return hint("that is a number of passes; divide it by the benchmark's passes")
    if answer == 0.5:
        return hint("half of it is a round guess; what is 1 + 2 + ... + 7 thousand, beside 99?")
    loop, whole = 100 * 1000 * 28, 100 * 99_000
    wrong = {
        "this is what the paper claims of time; count the image passes instead": 0.99,
        "this is what 7,000 different images are of 99,000, each counted once; the first thousand "
        "is trained on in all 7 rounds": 1 - 7 / 99,
        "this is the part of the images that is shown; count the passes, and those spared": 7 / 99,
        "this is the part that is spent; the question is the part that is spared": loop / whole,
        "you trained on all 7,000 in every round; the set starts at 1,000 and grows": 1 - 49 / 99,
        "two things: you trained on all 7,000 in every round (the set starts at 1,000 and grows), "
        "and gave the part that is spent": 49 / 99,
        "this is the authors' later number for time; count the image passes": 0.62,
        "1 + 2 + ... + 7 is 28 thousand, not 56: 7 x 8 is halved (and both views count once)": (
            1 - 56 / 99
        ),
        "this is what 8 rounds spare; count 7, until the score is reached": 1 - 36 / 99,
        "this is what 6 rounds spare; count 7, until the score is reached": 1 - 21 / 99,
        "round 1 trains on the first thousand, not on none: 1 to 7 thousand, 28 in all": (
            1 - 21.5 / 99
        ),
        "2 + ... + 7 thousand leaves out the first round, which trains on a thousand": 1 - 27 / 99,
        "this compares with the loop's own work; the part is of the benchmark's": (
            1 - loop / (loop + whole)
        ),
    }
    return compare(
        answer,
        1 - loop / whole,
        wrong,
        tolerance=5.5e-3,  # which is a percentage point here, see close()
        why="1 + 2 + ... + 7 thousand images, 100 times each, are 2.8 of 9.9 million passes",
        otherwise="what is 1 + 2 + ... + 7 thousand images, 100 times each, beside 99,000 images, "
        "100 times each?",
    )


@check
def table_one(answer: Any) -> Verdict:
    """Lesson 07, exercise 2: which way of counting gives Table I? A letter."""
    wrong = {
        "a": "7 rounds on a growing set at the benchmark's own pace are two to three hours; "
        "compute it with the pace printed above",
        "b": "40 epochs of the proxy in each iteration take most of an hour and more; add up the "
        "parts",
        "d": "150 epochs of the proxy alone take longer than all of it; add up the parts",
    }
    why = "the printed seconds and 40 epochs of one proxy add up to both numbers"
    return letter_is(answer, "c", why, wrong)


# ---- a paired interval -------------------------------------------------------------------

# What stands for the standard error of the mean difference, and for the quantile.
_ERRORS = {
    "": lambda a, b: (a - b).std(ddof=1) / len(a) ** 0.5,
    "this is the spread of single seeds; the mean of n is known better, by sqrt(n)": (
        lambda a, b: (a - b).std(ddof=1)
    ),
    "the deviation needs n - 1 in its denominator (ddof=1)": (
        lambda a, b: (a - b).std() / len(a) ** 0.5
    ),
    "this treats the two as unrelated, and adds up the spread of each; take the difference seed "
    "by seed first": lambda a, b: ((a.var(ddof=1) + b.var(ddof=1)) / len(a)) ** 0.5,
    "divide by the square root of n, not by n": lambda a, b: (a - b).std(ddof=1) / len(a),
    "two things: the variance is not the deviation, take its root; and it needs n - 1 (ddof=1)": (
        lambda a, b: (a - b).var() / len(a) ** 0.5
    ),
    "two things: divide by sqrt(n), since the mean of n is known better; and n - 1 (ddof=1)": (
        lambda a, b: (a - b).std()
    ),
    "two things: divide by the square root of n, not by n; and n - 1 in the deviation (ddof=1)": (
        lambda a, b: (a - b).std() / len(a)
    ),
    "the variance is not the deviation: take its root": (
        lambda a, b: (a - b).var(ddof=1) / len(a) ** 0.5
    ),
    "divide by the square root of n, not of n - 1 (ddof=1 has seen to that)": (
        lambda a, b: (a - b).std(ddof=1) / (len(a) - 1) ** 0.5
    ),
    "half of it is missing: the whole of t times the standard error lies on each side": (
        lambda a, b: (a - b).std(ddof=1) / len(a) ** 0.5 / 2
    ),
    "that is the spread of a alone; take the spread of the differences": (
        lambda a, b: a.std(ddof=1) / len(a) ** 0.5
    ),
    "you divide by the root of 2n; a pair is one difference": (
        lambda a, b: (a - b).std(ddof=1) / (2 * len(a)) ** 0.5
    ),
}


def _quantiles() -> dict[str, Callable[..., float]]:
    from scipy import stats

    def welch(a: np.ndarray, b: np.ndarray) -> float:
        """Degrees of freedom of two unrelated means."""
        u, v, n = a.var(ddof=1), b.var(ddof=1), len(a)
        return (u + v) ** 2 / ((u**2 + v**2) / (n - 1))

    return {
        "": lambda a, b: stats.t.ppf(0.975, len(a) - 1),
        "1.96 belongs to many values; five need Student's t with n - 1 degrees": (
            lambda a, b: stats.norm.ppf(0.975)
        ),
        "0.975 is a probability; t.ppf(0.975, n - 1) is the quantile that belongs to it": (
            lambda a, b: 0.975
        ),
        "twice the error belongs to many values; five need Student's t with n - 1 degrees": (
            lambda a, b: 2.0
        ),
        "one error on each side holds about two thirds; 95% need Student's t": lambda a, b: 1.0,
        "this is one-sided; 95% in the middle leaves 2.5% at each end": (
            lambda a, b: stats.t.ppf(0.95, len(a) - 1)
        ),
        "with 4 degrees written in, it is right for five seeds alone; t has len(a) - 1": (
            lambda a, b: stats.t.ppf(0.975, 4)
        ),
        "that is an 80% interval; 95% leaves 2.5% at each end": (
            lambda a, b: stats.t.ppf(0.9, len(a) - 1)
        ),
        "t has n - 1 degrees of freedom, not n": lambda a, b: stats.t.ppf(0.975, len(a)),
        "two unrelated samples have 2n - 2 degrees of freedom; n differences have n - 1": (
            lambda a, b: stats.t.ppf(0.975, 2 * len(a) - 2)
        ),
        "Welch's degrees of freedom are for two unrelated samples; n differences have n - 1": (
            lambda a, b: stats.t.ppf(0.975, welch(a, b))
        ),
        "that is a 99% interval; 95% leaves 2.5% at each end": (
            lambda a, b: stats.t.ppf(0.995, len(a) - 1)
        ),
    }


def _interval(
    a: np.ndarray, b: np.ndarray, error: Callable[..., Any], quantile: Callable[..., Any]
) -> list[float]:
    mean, half = (a - b).mean(), quantile(a, b) * error(a, b)
    return [mean, mean - half, mean + half]


def _other_intervals(
    error: Callable[..., Any], quantile: Callable[..., Any]
) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Intervals about something else than the mean difference."""
    yield (
        "the middle is a median; the interval is of the mean, and lies around it",
        lambda a, b: [
            x + np.median(a - b) - (a - b).mean() for x in _interval(a, b, error, quantile)
        ],
    )

    def alone(a: np.ndarray) -> list[float]:
        return _interval(a, np.zeros_like(a), error, quantile)

    for first, second in ((1, 2), (2, 1)):
        yield (
            "these are ends of two intervals, one of a and one of b, subtracted; take the "
            f"differences first, then one interval of them ({'low' if first == 1 else 'high'} "
            "of b taken from low of a)",
            lambda a, b, i=first, j=second: [
                (a - b).mean(),
                alone(a)[1] - alone(b)[i],
                alone(a)[2] - alone(b)[j],
            ],
        )


def _interval_mistakes() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Each wrong error and quantile, alone and together, and other orders of the three numbers."""
    quantiles = _quantiles()
    error, quantile = _ERRORS[""], quantiles[""]
    yield "this is b - a; the claim is about a - b", lambda a, b: _interval(b, a, error, quantile)
    yield (
        "these are low, mean, high; give the mean first",
        lambda a, b: sorted(_interval(a, b, error, quantile)),
    )
    yield (
        "these are mean, high, low; the lower end comes first",
        lambda a, b: [_interval(a, b, error, quantile)[i] for i in (0, 2, 1)],
    )
    yield (
        "the ends are missing their mean: mean - half and mean + half",
        lambda a, b: [
            x - (a - b).mean() * (i > 0) for i, x in enumerate(_interval(a, b, error, quantile))
        ],
    )
    yield (
        "these are the ends alone; give the mean, then both ends",
        lambda a, b: _interval(a, b, error, quantile)[1:],
    )
    yield (
        "this is the mean and half the interval's length; give the mean and both ends",
        lambda a, b: [(a - b).mean(), quantile(a, b) * error(a, b)],
    )
    yield (
        "these are percentiles of single differences, where seeds lie; the interval is of their "
        "mean",
        lambda a, b: [(a - b).mean(), *np.percentile(a - b, [2.5, 97.5])],
    )
    yield from _other_intervals(error, quantile)
    yield (
        "the signs of the differences are lost: no absolute values",
        lambda a, b: _interval(np.maximum(a, b), np.minimum(a, b), error, quantile),
    )
    yield (
        "you sorted the scores, so they are no pairs any more: seed by seed, in the order given",
        lambda a, b: _interval(np.sort(a), np.sort(b), error, quantile),
    )
    yield (
        "these are the smallest and the largest difference; the interval is of their mean",
        lambda a, b: [(a - b).mean(), (a - b).min(), (a - b).max()],
    )
    pairs = sorted(itertools.product(_ERRORS.items(), quantiles.items()), key=_slips)
    for (what, of_error), (also, of_quantile) in pairs:  # names of their own: lambdas stand above
        text = f"two things: {what}; and {also}" if what and also else what or also
        if text:
            yield text, lambda a, b, e=of_error, q=of_quantile: _interval(a, b, e, q)


def _slips(pair: Any) -> int:
    """How many of the two are wrong: single mistakes are told first."""
    (what, _), (also, _) = pair
    return bool(what) + bool(also)


def _ends_are_nan(function: Any, pair: tuple[np.ndarray, np.ndarray]) -> bool:
    try:
        answer = answer_of_either(function, *pair)
    except NotSolved:
        return False
    return answer.shape == (3,) and bool(np.isnan(answer[1:]).all() and not np.isnan(answer[0]))


@check
def paired_interval(function: Any) -> Verdict:
    """Lesson 07, exercise 3: mean of a - b over seeds, and the ends of its 95% t interval."""
    error, quantile = _ERRORS[""], _quantiles()[""]
    five = np.array([0.71, 0.64, 0.80, 0.69, 0.75]), np.array([0.68, 0.65, 0.72, 0.66, 0.70])
    if callable(function) and _ends_are_nan(function, five):
        return hint("both ends are NaN: ppf takes a share and then the degrees, ppf(0.975, n - 1)")
    return compare_on(
        function,
        {
            "five seeds": five,
            "eight seeds": (
                np.array([0.51, 0.62, 0.44, 0.58, 0.49, 0.66, 0.57, 0.60]),
                np.array([0.55, 0.60, 0.47, 0.52, 0.50, 0.63, 0.49, 0.61]),
            ),
        },
        lambda a, b: _interval(a, b, error, quantile),
        dict(_interval_mistakes()),
        why="the mean difference, and Student's t with n - 1 degrees times its standard error on "
        "both sides, for five seeds and for eight",
        answer_of=functools.partial(
            answer_of_either, others=lambda inputs: [one.tolist() for one in inputs]
        ),
    )


# ---- a rule ------------------------------------------------------------------------------

NAN = float("nan")
# (low, high, claimed), what is said of it, and why.
INTERVALS = [
    ((0.02, 0.08, 0.0), "reproduced", "the whole interval lies above 0, and that was claimed"),
    ((-0.08, -0.02, 0.0), "contradicted", "an interval wholly below 0 contradicts"),
    ((-0.01, 0.08, 0.0), "cannot tell", "an interval with 0 inside shows neither, wherever its "
     "middle is"),
    ((0.40, 0.60, 0.93), "same direction", "it is clear of 0 and falls short of the paper's "
     "number"),
    ((0.88, 0.96, 0.93), "reproduced", "an interval that reaches the paper's number is enough; "
     "it need not lie above it"),
    ((0.85, 0.93, 0.93), "reproduced", "an interval that ends at the paper's number reaches it"),
    ((-0.60, -0.40, 0.93), "contradicted", "something was lost where a gain was claimed"),
    ((0.0, 0.08, 0.0), "cannot tell", "0 is no gain, so the interval is not all above 0"),
    ((-0.08, 0.0, 0.0), "cannot tell", "0 is no loss, so the interval is not all below 0"),
    ((-0.20, 0.30, 0.62), "cannot tell", "0 lies inside, so nothing is shown, however far off the "
     "paper's number is"),
    ((0.70, 0.80, 0.62), "reproduced", "it lies above the paper's number: no less was gained"),
    ((NAN, NAN, 0.0), "cannot tell", "NaN ends (one seed, or a score never reached) show nothing; "
     "every comparison with NaN is False, so let 'cannot tell' be what remains"),
]  # fmt: skip


@check
def verdict_rule(function: Any) -> Verdict:
    """Lesson 07, exercise 4: one of four verdicts from an interval and the paper's number.

    Takes (low, high, claimed): the claim is "more than 0, as much as ``claimed``".
    """
    for inputs, right, text in INTERVALS:
        try:
            said = returned_by(function, *inputs)
        except NotSolved as error:
            if STOPPED in error.verdict.text or inputs is INTERVALS[0][0]:
                raise
            return hint(f"nothing comes back; {text}")
        if isinstance(said, np.ndarray) and said.ndim == 0:  # as np.select gives it
            said = said.item()
        if not isinstance(said, str):
            return hint(f"return a word in quotes, not a {type(said).__name__}")
        if said.strip().lower() not in {verdict for _, verdict, _ in INTERVALS}:
            return hint("the words are reproduced, same direction, contradicted and cannot tell")
        if said.strip().lower() != right:
            return hint(f"{inputs} should be {right}: {text}")
    return solved(
        "twelve intervals: 0 inside, on the edge and outside, short of the number, at it, and NaN"
    )
