"""The checks of lesson 09, other tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from activecl_nb.lessons.checks.verdict import (
    Verdict,
    answer_of_either,
    check,
    compare_on,
    letter_is,
)

# Hint -> what the mistake makes of the members' predictions.
NOT_DOUBT: dict[str, Callable[..., Any]] = {
    "this is the variance, in nuclei squared; take its root, so that doubt is in nuclei": (
        lambda p: p.var(axis=1, ddof=1)
    ),
    "two things: this is the variance, and divided by the number of members": (
        lambda p: p.var(axis=1)
    ),
    "you divided by the mean; a patch with many nuclei may be doubted as much as any": (
        lambda p: p.std(axis=1, ddof=1) / p.mean(axis=1)
    ),
    "the sum of the squares is not divided, by one less than the number of members (ddof=1)": (
        lambda p: p.std(axis=1) * np.sqrt(p.shape[1])
    ),
    "you divided by the number of members; the members are a sample, so divide by one less": (
        lambda p: p.std(axis=1)
    ),
    "this is what the ensemble predicts, the mean of its members; how far apart are they?": (
        lambda p: p.mean(axis=1)
    ),
    "this spreads over the patches, one number a member; spread over the members, axis 1": (
        lambda p: p.std(axis=0, ddof=1)
    ),
    "over the patches, and with the number of patches below; spread over the members": (
        lambda p: p.std(axis=0)
    ),
    "this is the range, which grows with the number of members; the deviation does not": (
        lambda p: np.ptp(p, axis=1)
    ),
    "this is the standard error of the mean, which falls as members are added; doubt should "
    "not": lambda p: p.std(axis=1, ddof=1) / np.sqrt(p.shape[1]),
    "this is the mean absolute deviation; square the deviations, as the standard deviation "
    "does": lambda p: np.abs(p - p.mean(axis=1, keepdims=True)).mean(axis=1),
    "n / (n - 1) corrects the variance; the deviation is its root, so correct first": (
        lambda p: p.std(axis=1) * p.shape[1] / (p.shape[1] - 1)
    ),
    "one number for all; each patch has a doubt of its own": lambda p: p.std(ddof=1),
    "one number for all; each patch has a doubt of its own, over its members, axis 1": (
        lambda p: p.std()
    ),
    "the division stands under the root: sqrt(sum of squares / (members - 1))": (
        lambda p: p.std(axis=1) * np.sqrt(p.shape[1]) / (p.shape[1] - 1)
    ),
    "you divided twice: std divides already, with ddof=1 by one less than the members": (
        lambda p: p.std(axis=1) / (p.shape[1] - 1)
    ),
    "9 is one less than ten; an ensemble may have any number of members, here 4": (
        lambda p: p.std(axis=1) * np.sqrt(p.shape[1] / 9)
    ),
    "that is one less than the number of patches; the members are counted along axis 1": (
        lambda p: p.std(axis=1) * np.sqrt(p.shape[1] / (p.shape[0] - 1))
    ),
    "brackets: one less than the members stands under the line, (n - 1)": (
        lambda p: np.sqrt(np.maximum(p.var(axis=1) - 1, 0))
    ),
    "these are deviations from the mean of all patches; each patch has a mean of its own": (
        lambda p: np.sqrt(((p - p.mean()) ** 2).sum(1) / (p.shape[1] - 1))
    ),
    "you divided by two less than the members; one less is asked for": (
        lambda p: p.std(axis=1, ddof=2)
    ),
    "deviations from the mean add up to 0; square them first": lambda p: 0 * p[:, 0],
}


@check
def ensemble_doubt(function: Any) -> Verdict:
    """Lesson 09, exercise 1: how much the members of an ensemble disagree about each patch.

    Takes predictions (n, members); returns (n,).
    """
    draw = np.random.default_rng(9)
    cases = {
        "7 patches and 4 members": (draw.normal(30, 6, (7, 4)).round(1),),
        "3 patches and 10 members": (draw.normal(2, 9, (3, 10)).round(1),),
    }
    return compare_on(
        function,
        cases,
        lambda p: p.std(axis=1, ddof=1),
        NOT_DOUBT,
        tolerance=1e-3,
        why="the standard deviation over the members, one number for each patch",
        answer_of=answer_of_either,
    )


# What is made of the pixels of both, the two areas a and b, and all pixels n.
_OF_AREAS: dict[str, Callable[..., Any]] = {
    "this is IoU, both / either; Dice is twice both over the sum of the two areas": (
        lambda both, a, b, n: both / (a + b - both)
    ),
    "the 2 is missing: a perfect answer would get one half": lambda both, a, b, n: both / (a + b),
    "this is precision, the part of what was said that is inside": lambda both, a, b, n: both / b,
    "this is recall, the part of the inside that was found": lambda both, a, b, n: both / a,
    "this is the Dice of the outside; swap True and False": (
        lambda both, a, b, n: 2 * (n - a - b + both) / (2 * n - a - b)
    ),
    "you divided by the smaller area; both areas stand below, and a 2 above": (
        lambda both, a, b, n: both / min(a, b)
    ),
    "the mean of precision and recall; Dice is their harmonic mean": (
        lambda both, a, b, n: (both / a + both / b) / 2
    ),
    "the 1 that you add above and below changes every score; add nothing": (
        lambda both, a, b, n: (2 * both + 1) / (a + b + 1)
    ),
    "Dice lies between 0 and 1: not a percentage": lambda both, a, b, n: 200 * both / (a + b),
    "this is accuracy; where little is inside, it is high for whoever says nothing": (
        lambda both, a, b, n: (n - a - b + 2 * both) / n
    ),
    "you divided by all pixels; those that are outside of both must not count": (
        lambda both, a, b, n: 2 * both / n
    ),
    "this is 2 x both over either; the pixels of both stand in both areas, so the sum counts "
    "them twice (and + of two bool arrays is `or`: add their sums)": (
        lambda both, a, b, n: 2 * both / (a + b - both)
    ),
    "this is 1 - Dice, the loss that networks are trained with; give the score": (
        lambda both, a, b, n: 1 - 2 * both / (a + b)
    ),
    "the 2 stands above the line: 2 x both / (a + b)": lambda both, a, b, n: both / (2 * (a + b)),
    ".size counts all pixels; .sum() counts those that are inside": lambda both, a, b, n: both / n,
    "== counts what is outside of both as well; & is what both hold": (
        lambda both, a, b, n: 2 * (n - a - b + 2 * both) / (a + b)
    ),
    "this is 1 - IoU; Dice is twice both over the sum of the two areas": (
        lambda both, a, b, n: 1 - both / (a + b - both)
    ),
    "the 1 that you add below changes every score; add nothing": (
        lambda both, a, b, n: 2 * both / (a + b + 1)
    ),
    "^ is what one of them holds and the other does not; & is what both hold": (
        lambda both, a, b, n: 2 * (a + b - 2 * both) / (a + b)
    ),
    "rounded down to a whole number, by // or int(): divide with /": (
        lambda both, a, b, n: 2 * both // (a + b)
    ),
    "you rounded to two digits; leave the number as it is": (
        lambda both, a, b, n: round(2 * both / (a + b), 2)
    ),
    "brackets: the sum of the two areas stands under the line, so (a + b)": (
        lambda both, a, b, n: 2 * both / a + b
    ),
}


@check
def dice(function: Any) -> Verdict:
    """Lesson 09, exercise 2: the Dice score of all pixels. Takes (mask, said), bool (n, H, W)."""
    draw = np.random.default_rng(9)
    cases = {
        "2 patches of 5 x 5 pixels": (draw.random((2, 5, 5)) < 0.3, draw.random((2, 5, 5)) < 0.5),
        "3 patches of 4 x 6 pixels": (draw.random((3, 4, 6)) < 0.6, draw.random((3, 4, 6)) < 0.4),
    }

    def of(formula: Callable[..., Any]) -> Callable[..., Any]:
        def counted(mask: np.ndarray, said: np.ndarray) -> Any:
            return formula((mask & said).sum(), mask.sum(), said.sum(), mask.size)

        return counted

    wrong = {
        **{text: of(formula) for text, formula in _OF_AREAS.items()},
        "len counts patches; .sum() counts the pixels": lambda mask, said: (
            2 * len(mask & said) / (len(mask) + len(said))
        ),
        "this is a Dice for each patch; add up the pixels of all patches first": (
            lambda mask, said: 2 * (mask & said).sum((1, 2)) / (mask.sum((1, 2)) + said.sum((1, 2)))
        ),
        "this is a mean over patches; add up the pixels of all patches, since a patch without "
        "tumour has no Dice": lambda mask, said: np.mean(
            [2 * (m & s).sum() / (m.sum() + s.sum()) for m, s in zip(mask, said, strict=True)]
        ),
    }
    return compare_on(
        function,
        cases,
        of(lambda both, a, b, n: 2 * both / (a + b)),
        wrong,
        tolerance=1e-3,
        why="twice what both hold, over the sum of the two areas; pixels outside of both are out",
        answer_of=answer_of_either,
    )


@check
def mean_over_the_patch(answer: Any) -> Verdict:
    """Lesson 09, exercise 3: which of two patches the mean entropy puts first. A letter."""
    wrong = {
        "a": "a few pixels weigh little in a mean: one in ten has the largest entropy, log 2, and "
        "the rest none, which is a mean of 0.07",
        "b": "no strategy sees a mask, and a patch that is surely all tumour has no entropy at all",
        "c": "a sure proxy has no entropy, on whichever side it errs; that it errs nobody knows",
    }
    why = (
        "at p = 0.8 the entropy is 0.50 in every pixel, more than log 2 in one of ten. A mean asks "
        "how much of the patch is unclear, not how unclear its worst place is"
    )
    return letter_is(answer, "d", why, wrong)
