"""What a wrong F1 makes of the four counts, for exercise 1 of lesson 03."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def counts(targets: np.ndarray, called: np.ndarray) -> tuple[int, int, int, int]:
    """TP, FP, FN, TN."""
    return (
        int((called & targets).sum()),
        int((called & ~targets).sum()),
        int((~called & targets).sum()),
        int((~called & ~targets).sum()),
    )


def f1_of(tp: float, fp: float, fn: float) -> float:
    return 2 * tp / (2 * tp + fp + fn)


def _harmonic(a: float, b: float) -> float:
    return 2 * a * b / (a + b)


def _f_beta(p: float, r: float, beta: float) -> float:
    return (1 + beta**2) * p * r / (beta**2 * p + r)


_ADDED = (
    "the 1 (or another number) that you add against a division by 0 changes every score; "
    "return 0 where nothing is called tumour, and add nothing elsewhere"
)


# What is made of precision P and recall R instead of 2 P R / (P + R).
_OF_RATES: dict[str, Callable[[float, float], Any]] = {
    "that is the plain mean of precision and recall; F1 is their harmonic mean": (
        lambda p, r: (p + r) / 2
    ),
    "that is the precision alone; where are the tumours that were missed?": lambda p, r: p,
    "that is the recall alone; where are the false alarms?": lambda p, r: r,
    "precision times recall, but not divided by their sum and doubled": lambda p, r: p * r,
    "half of F1: the formula begins with a 2, as a mean of two numbers has to": (
        lambda p, r: p * r / (p + r)
    ),
    "that is the root of precision times recall; F1 is the harmonic mean": (
        lambda p, r: (p * r) ** 0.5
    ),
    "F1 lies between 0 and 1: not a percentage": lambda p, r: 100 * _harmonic(p, r),
    "precision and recall are right; join them into one number": lambda p, r: [p, r],
    "the bracket is missing: 2 P R / (P + R), not 2 P R / P + R": lambda p, r: 2 * r + r,
    "that is F2, which counts recall more; F1 counts both alike": lambda p, r: _f_beta(p, r, 2),
    "that is F1/2, which counts precision more; F1 counts both alike": (
        lambda p, r: _f_beta(p, r, 0.5)
    ),
}
# What is made of the four counts.
_OF_COUNTS: dict[str, Callable[[int, int, int, int], Any]] = {
    "that is the accuracy; the true negatives have no place in F1": (
        lambda tp, fp, fn, tn: (tp + tn) / (tp + fp + fn + tn)
    ),
    "== counts what is rightly called NON-TUM as well; a tumour found is called & targets": (
        lambda tp, fp, fn, tn: 2 * (tp + tn) / (2 * tp + fp + fn)
    ),
    "you divide recall by TP + TN; it is the tumours found out of all tumours, TP + FN": (
        lambda tp, fp, fn, tn: _harmonic(tp / (tp + fp), tp / (tp + tn))
    ),
    "that is TP / (TP + FP + FN); F1 counts TP twice, above and below": (
        lambda tp, fp, fn, tn: tp / (tp + fp + fn)
    ),
    "TP is counted twice above the line and once below: 2 TP / (2 TP + FP + FN)": (
        lambda tp, fp, fn, tn: 2 * tp / (tp + fp + fn)
    ),
    "the missed tumours, FN, are left out below the line": (
        lambda tp, fp, fn, tn: 2 * tp / (2 * tp + fp)
    ),
    "the false alarms, FP, are left out below the line": (
        lambda tp, fp, fn, tn: 2 * tp / (2 * tp + fn)
    ),
    "that is 1 - F1, a loss; give the score": lambda tp, fp, fn, tn: 1 - f1_of(tp, fp, fn),
    "that is the F1 of NON-TUM; the positive class is where targets is True": (
        lambda tp, fp, fn, tn: f1_of(tn, fn, fp)
    ),
    "that is the mean of the F1 of both classes; here only that of TUM counts": (
        lambda tp, fp, fn, tn: (f1_of(tp, fp, fn) + f1_of(tn, fn, fp)) / 2
    ),
    "you take TN / (TN + FP) for precision; precision is about what was called tumour, "
    "TP / (TP + FP)": lambda tp, fp, fn, tn: _harmonic(tn / (tn + fp), tp / (tp + fn)),
    "that is the mean of both classes' recall; true negatives have no place in F1": (
        lambda tp, fp, fn, tn: (tp / (tp + fn) + tn / (tn + fp)) / 2
    ),
    f"{_ADDED} (1 below the line)": lambda tp, fp, fn, tn: 2 * tp / (2 * tp + fp + fn + 1),
    f"{_ADDED} (1 above and below)": (lambda tp, fp, fn, tn: (2 * tp + 1) / (2 * tp + fp + fn + 1)),
    f"{_ADDED} (1 in precision and in recall)": (
        lambda tp, fp, fn, tn: _harmonic(tp / (tp + fp + 1), tp / (tp + fn + 1))
    ),
    f"{_ADDED} (1 beside every count)": lambda tp, fp, fn, tn: f1_of(tp + 1, fp + 1, fn + 1),
    f"{_ADDED} (0.001 below every line)": lambda tp, fp, fn, tn: (
        2 * tp / (2 * tp + fp + fn + 0.002 + 0.001 * (tp + fp) * (tp + fn) / tp)
    ),
}


def f1_mistakes() -> dict[str, Callable[..., Any]]:
    """Hint -> what the mistake makes of targets and logits."""

    def of_rates(formula: Callable[[float, float], Any]) -> Callable[..., Any]:
        def mistaken(targets: np.ndarray, logits: np.ndarray) -> Any:
            tp, fp, fn, _ = counts(targets, logits > 0)
            return formula(tp / (tp + fp), tp / (tp + fn))

        return mistaken

    def of_counts(formula: Callable[..., Any], at: float = 0.0) -> Callable[..., Any]:
        return lambda targets, logits: formula(*counts(targets, logits > at))

    def as_f1(tp: int, fp: int, fn: int, tn: int) -> float:
        return f1_of(tp, fp, fn)

    return {
        "you cut at a logit of 0.5; a probability of 0.5 is a logit of 0": of_counts(as_f1, 0.5),
        "a patch at just one half is called tumour here; above one half is >, not >=": (
            lambda targets, logits: as_f1(*counts(targets, logits >= 0))
        ),
        "you cut at the mean logit; a probability of one half is a logit of 0": (
            lambda targets, logits: as_f1(*counts(targets, logits > logits.mean()))
        ),
        "no patch is called tumour: the probability of a logit is its sigmoid; a softmax shares 1 "
        "among all patches": lambda targets, logits: 0.0,
        "every patch is called tumour: a probability is always above 0, so cut at 0.5": of_counts(
            as_f1, -np.inf
        ),
        "you call a patch tumour where its logit is below 0; turn the comparison round": (
            lambda targets, logits: as_f1(*counts(targets, logits < 0))
        ),
        **{text: of_rates(formula) for text, formula in _OF_RATES.items()},
        **{text: of_counts(formula) for text, formula in _OF_COUNTS.items()},
    }
