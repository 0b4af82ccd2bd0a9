"""The checks of lesson 02, SimCLR."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from activecl_nb.lessons.checks import contrastive
from activecl_nb.lessons.checks.verdict import (
    NOT_YET,
    NotSolved,
    Verdict,
    answer_in_torch,
    check,
    close,
    compare,
    compare_on,
    hint,
    letter_is,
    plain_answer,
    refuse,
    solved,
)
from activecl_nb.lessons.predictions import missing

if TYPE_CHECKING:
    from activecl_nb.augment import Family


@check
def forced_to_ignore(letter: Any) -> Verdict:
    """Lesson 02, exercise 1: what full colour jitter makes the features lose. A letter."""
    why = (
        "the two views differ in brightness, contrast, saturation and hue and must get the same "
        "features, so the features are pushed to say nothing of these"
    )
    wrong = {
        "a": "jitter moves no pixel; the texture that tells the tissues apart is still there",
        "b": "sizes stay as they are under jitter; it is the crop, enlarged again, that changes "
        "them",
        "d": "directions are changed by rotation and flips, not by colours",
    }
    return letter_is(letter, "c", why, wrong)


@check
def chance_loss(answer: Any) -> Verdict:
    """Lesson 02, exercise 2: NT-Xent of a batch of 4 patches when all similarities are equal."""
    answer = plain_answer(answer)
    near = answer.shape == () and abs(answer - np.log(7)) < 0.05
    if near and not close(answer, np.log(7), 1e-3):
        return hint("nearly: give three digits after the point, or leave it as an expression")
    return compare(
        answer,
        np.log(7),
        {
            "you counted the view itself among its candidates; k is never i": np.log(8),
            "you counted the negatives alone; the partner is a candidate too": np.log(6),
            "you counted patches; each of the 4 gives two views": np.log(4),
            "you counted the other patches; each of the 4 gives two views": np.log(3),
            "that is the number of candidates; the loss is the log of it": 7.0,
            "that is the chance of guessing right; the loss is minus its natural log": 1 / 7,
            "log base 2; the loss uses the natural logarithm (np.log, math.log)": np.log2(7),
            "log base 10; the loss uses the natural logarithm (np.log, math.log)": np.log10(7),
            "the sign: minus the log of a probability is positive": -np.log(7),
            "two things: minus the log of a probability is positive, and k is never i, so 7 are "
            "asked": -np.log(8),
            "log base 2 of 8: the loss uses the natural logarithm, and k is never i": np.log2(8),
            "that is 1 minus the chance of guessing right; the loss is minus its natural log": 6
            / 7,
            "that is the sum over the 8 views; the loss is their mean": 8 * np.log(7),
            "that is a sum over 4 patches; the loss is the mean over the views": 4 * np.log(7),
            "that is half of it: the loss is the mean over all 8 views, not halved again": (
                np.log(7) / 2
            ),
            "that is the mean divided once more: all 8 views have the same loss, so their mean is "
            "the loss of one": np.log(7) / 8,
            "a loss of 0 belongs to an encoder that is sure of every partner; here none is": 0.0,
            "that is the choice between two; each view has more candidates": np.log(2),
            "the temperature of the paper does not matter here: equal similarities stay equal "
            "when they are divided by it": np.log(7) / 0.1,
            "the temperature of 0.5 does not matter here: equal similarities stay equal when they "
            "are divided by it": np.log(7) / 0.5,
            "you counted 16 views, of which 15 are others; 4 patches have 8 views": np.log(15),
            "that is for a batch of 64; here the batch has 4 patches": np.log(127),
            "that is for a batch of 128; here the batch has 4 patches": np.log(255),
            "that is the number of views; each asks the others, and the loss is a log": 8.0,
        },
        tolerance=1e-3,
        why="each of the 8 views has 7 candidates and gives each the probability 1/7",
        otherwise="how many candidates has a view, which probability does each get, and what is "
        "minus the log of that?",
    )


@check
def nt_xent(function: Callable[..., Any]) -> Verdict:
    """Lesson 02, exercise 3: the contrastive loss of (z_i, z_j, temperature), a mean over views."""
    draw = np.random.default_rng(2)
    z_i, z_j = draw.normal(size=(2, 5, 3)) * [[[3.0, 1.0, 0.5]]]
    other_i, other_j = draw.normal(size=(2, 4, 6))
    cases = {
        "the four vectors A, B, A', B' of this lesson at temperature 0.5": (
            np.array([[1.0, 0.0], [0.0, 1.0]]),
            np.array([[0.8, 0.6], [-0.6, 0.8]]),
            0.5,
        ),
        "five pairs of vectors that are not of length 1, at temperature 0.5": (
            z_i,
            0.5 * z_i + z_j,
            0.5,
        ),
        "four other pairs at temperature 0.2": (other_i, 0.5 * other_i + other_j, 0.2),
    }

    try:
        return compare_on(
            function,
            cases,
            contrastive.loss,
            dict(contrastive.wrong()),
            why="the lesson's four vectors, five pairs that are not of length 1, and four more at "
            "another temperature all give what the formula gives",
            answer_of=answer_in_torch,
        )
    except NotSolved as error:
        if "inplace" in error.verdict.text or "in-place" in error.verdict.text:
            refuse(f"{error.verdict.why}; fill a copy (x.clone())")
        raise


@check
def near_negative(answer: Any) -> Verdict:
    """Lesson 02, exercise 4: how many times a negative at 0.8 weighs one at 0.2, at tau 0.1."""
    answer = plain_answer(answer)
    if answer.shape == () and 0.005 < abs(answer / np.exp(6) - 1) < 0.03:
        return hint("near, but rounded: give it to three digits, or the expression itself")
    return compare(
        answer,
        np.exp(6),
        {
            "the temperature is missing: the similarity is divided by it before the exponential": (
                np.exp(0.6)
            ),
            "you multiplied by the temperature; divide by it": np.exp(0.06),
            "that is the difference of the logits; the weights are their exponentials": 6.0,
            "that is the ratio of the logits; the weights are their exponentials": 4.0,
            "the exponential comes before the ratio: exp(8) / exp(2), not exp(8 / 2)": np.exp(4),
            "that is the difference of the similarities; divide by the temperature, then take the "
            "exponential": 0.6,
            "the ratio is upside down: the near negative weighs more": np.exp(-6),
            "the exponential has base e, not 10": 1e6,
            "the exponential has base e, not 2": 64.0,
            "the temperature stands inside the exponential: exp(0.8 / 0.1), not exp(0.8) / 0.1": (
                np.exp(0.6) / 0.1
            ),
            "that is at a temperature of 0.5; here it is 0.1": np.exp(1.2),
            "that is the near one's part of both together; how many times the far one is it?": (
                1 / (1 + np.exp(-6))
            ),
            "that is what the near one adds; divide it by what the far one adds": np.exp(8),
            "that is how much more the near one adds; divide the two, do not subtract": (
                np.exp(8) - np.exp(2)
            ),
            "that is how many times more; how many times as much is one more than that": (
                np.exp(6) - 1
            ),
        },
        tolerance=2e-3,  # exp(6) - 1 is not exp(6)
        why="exp(0.8 / 0.1) / exp(0.2 / 0.1) is exp(6), about four hundred",
        otherwise="each adds exp(similarity / temperature) to the sum; divide one by the other",
    )


_SPECK = 0.05  # of the area: seven pixels a side of a patch of 32


@check
def stain_family(family: Any) -> Verdict:
    """Lesson 02, exercise 5: a Family for sorting slides by how strongly they are stained."""
    from activecl_nb.augment import Family

    if missing(family):
        return NOT_YET
    if not isinstance(family, Family):
        return hint(
            f"the answer is an augment.Family, such as Family().without('blur'), "
            f"not a {type(family).__name__}"
        )
    if wrong := _colours_lost(family) or _geometry_kept(family):
        return hint(wrong)
    return solved(
        "no view changes the colours, so nothing pushes how strongly a patch is stained out of "
        "the features; place and direction change, so they may go"
    )


def _colours_lost(family: Family) -> str:
    """How this family hides the stain; empty if it does not."""
    colours = max(family.brightness, family.contrast, family.saturation, family.hue)
    if not family.crop and not family.flip and family.rotation == "none" and not family.jitter:
        return (
            "with crop, flips and rotation off there is next to nothing to ignore; the task needs "
            "the colours, not the place or the direction"
        )
    if family.jitter and colours and family.gray:
        return "jitter and gray both make the colours worthless; the task is about colours"
    if family.jitter and family.brightness and not family.hue and not family.saturation:
        return "brightness alone already hides how strong a stain is; leave jitter out whole"
    if family.jitter and colours:
        return "jitter changes the colours, so the encoder learns to ignore the staining"
    if family.gray:
        return (
            "jitter is off, and gray is still on: views that have lost their stain teach the "
            "encoder to do without it"
        )
    return ""


def _geometry_kept(family: Family) -> str:
    """What this family still lets the encoder answer by; empty if nothing."""
    off = [
        name
        for name, on in {
            "crop": family.crop and family.crop_scale[0] <= 0.8,
            "flip": family.flip >= 0.1,
            "rotation": family.rotation != "none",
        }.items()
        if not on
    ]
    if off:
        return (
            f"the colours are kept; but (nearly) without {' and '.join(off)} the encoder may still "
            "answer by place or by which way round it lies, which the task calls no matter"
        )
    if family.crop_scale[0] < _SPECK:
        return (
            f"crops as small as {family.crop_scale[0]:g} of the area are specks of a few pixels: "
            "one may hold a nucleus and the other none, so two views of a patch differ in colour "
            "as two slides do; leave crop_scale as it is"
        )
    return ""
