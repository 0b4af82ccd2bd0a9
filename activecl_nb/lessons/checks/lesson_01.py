"""The checks of lesson 01, imbalanced tissue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from activecl_nb.lessons.checks.verdict import (
    NOT_YET,
    STOPPED,
    NotSolved,
    Verdict,
    as_array,
    check,
    compare,
    hint,
    letter_is,
    plain_answer,
    refuse,
    returned_by,
    solved,
    whole_positions,
)


@check
def baseline_accuracy(answer: Any) -> Verdict:
    """Lesson 01, exercise 1: accuracy of always saying NON-TUM on the paper's test set."""
    tumour, other = 1_233, 5_947  # section III-A
    right = other / (tumour + other)
    answer = plain_answer(answer)
    otherwise = "how many of all 7,180 patches does it answer rightly?"
    if np.all((answer > 0.75) & (answer < 0.88)):
        otherwise = (
            "near, and not the paper's: is it rounded, or the share of the phantom's test set "
            "printed above? The paper's test set has 1,233 TUM and 5,947 NON-TUM patches"
        )
    elif np.all((answer > 75) & (answer < 88)):
        otherwise = (
            "near, as a percentage; give a share between 0 and 1, from the counts themselves"
        )
    elif np.all(answer > 100):
        otherwise = "that is a number of patches; accuracy is a share of all patches"
    return compare(
        answer,
        right,
        {
            "that is the share of TUM; the baseline is right about all the others": 1 - right,
            "that is the training set's share of NON-TUM, six in seven; count in the test set": (
                85_683 / 100_000
            ),
            "that is the training set's share of TUM; the test set's others are asked for": 0.14317,
            "that is TUM over NON-TUM; accuracy is the share of all patches that are right": (
                tumour / other
            ),
            "that takes TUM over NON-TUM off 1; what is taken off is TUM over all patches": (
                1 - tumour / other
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
            "five in six is rounded; the counts themselves give it exactly": 5 / 6,
            "right, as a percentage; give it as a share between 0 and 1": 100 * right,
            "a baseline that always says the same is wrong about all of the other kind": 1.0,
        },
        tolerance=1.4e-3,  # two digits are enough, and 5/6 is not
        why="it is right about each of the 5,947 NON-TUM patches and wrong about the 1,233 TUM",
        otherwise=otherwise,
    )


# ---- the dial ----------------------------------------------------------------------------

_YES, _NO = 70, 152  # counts for which the known mistakes give different numbers of patches
_DOWN, _UP = 0.12, (0.6, 0.64)  # int() is wrong for the first of these, ceil() for the second


@check
def dial(function: Callable[..., Any]) -> Verdict:
    """Lesson 01, exercise 2: positions kept so that a given share of them is positive.

    Takes (positive, share, generator): bool (N,), a number, a NumPy generator.
    """
    positive = np.zeros(_YES + _NO, dtype=bool)
    positive[np.random.default_rng(3).permutation(len(positive))[:_YES]] = True
    fewer, other, again = (_dialled(function, positive, _DOWN, seed) for seed in (0, 1, 0))
    yes = int(positive[fewer].sum())
    if len(other) != len(fewer):
        return hint(
            f"one generator keeps {len(fewer)} patches and another {len(other)}: work out how many "
            "may stay, and draw exactly so many, instead of asking chance for each patch"
        )
    _turned_down(yes, len(fewer) - yes)
    for share in _UP:
        more = _dialled(function, positive, share)
        yes = int(positive[more].sum())
        _turned_up(yes, len(more) - yes, share)
    if np.array_equal(np.sort(other), np.sort(fewer)):
        return hint(
            "two generators leave out the same patches; draw which ones stay: "
            "generator.choice(..., replace=False)"
        )
    if not np.array_equal(np.sort(again), np.sort(fewer)):
        return hint(
            "the same generator leaves out other patches the second time: draw with the "
            "`generator` that is handed in, so that the draw can be repeated"
        )
    return solved(
        f"of {_YES} TUM and {_NO} others, turned to {_DOWN:.0%} only TUM were left out and turned "
        f"to {_UP[0]:.0%} only others, no more than had to be, and drawn by the generator"
    )


def _turned_down(yes: int, no: int) -> None:
    """Hold these counts against a share of ``_DOWN``."""
    share, kept = _DOWN, yes + no
    right = round(_NO * share / (1 - share))
    asked = f"{share:.0%} were asked for"
    if (yes, no) == (right, _NO):
        return
    if (yes, no) == (_YES - right, 0):
        refuse("these are the patches that you leave out; return those that stay")
    if not yes:
        refuse("no TUM patch stays; some should (and share is a part of 1, no percentage)")
    if not no:
        refuse("only TUM is left; keep all the NON-TUM patches too, and thin the TUM ones")
    if (yes, no) == (_YES, _NO):
        refuse(
            f"nothing was left out: {yes / kept:.0%} are still TUM where {asked}; to make TUM "
            "rarer, TUM patches have to go"
        )
    if (yes, no) == (_YES, round(_YES * share / (1 - share))):
        refuse(
            f"{share:.0%} of what stays is NON-TUM: the dial is turned for the wrong class; "
            "`positive` marks TUM, and share is its part"
        )
    if no < _NO:
        refuse(
            f"{_NO - no} NON-TUM patches are gone; for fewer TUM leave out TUM patches alone, so "
            "that as many as possible stay"
        )
    mistakes = {
        round(share * _NO): (
            f"you kept {share} x {_NO} TUM patches, which makes TUM {share:.0%} of the NON-TUM "
            "patches; share is yes / (yes + no) of those that stay, so "
            "yes = no x share / (1 - share)"
        ),
        round(share * _YES): (
            f"you kept {share:.0%} of the TUM patches; the share asked for is TUM's part of what "
            "stays"
        ),
        round(share * (_YES + _NO)): (
            f"you kept {share} x {_YES + _NO} TUM patches: {share:.0%} of what there was, and "
            "fewer patches stay"
        ),
        round(_YES * share / (1 - share)): (
            "you turned the ratio the wrong way: yes x share / (1 - share) is not how many stay; "
            "solve share = yes / (yes + no) for yes, with no as it is"
        ),
        int(_NO * share / (1 - share)): (
            f"one TUM patch too few: int() cuts off what follows the point, and {yes} of {kept} "
            "is farther from the share than one more would be; round() goes to the nearest"
        ),
        right + 1: (
            f"one TUM patch too many: {yes} of {kept} is farther from the share than one fewer "
            "would be; round() goes to the nearest, ceil() always up"
        ),
    }
    otherwise = (
        f"{yes} of the {kept} patches that stay are TUM; {asked}. Work out how many may stay, then "
        "draw exactly so many"
    )
    refuse(mistakes.get(yes, otherwise))


def _turned_up(yes: int, no: int, share: float) -> None:
    """The same for a share that is above that of all patches."""
    right, kept = round(_YES * (1 - share) / share), yes + no
    now = f"{_YES / (_YES + _NO):.0%} are TUM"
    if (yes, no) == (_YES, right):
        return
    if yes < _YES and abs(yes / kept - share) < 0.02:
        refuse(
            f"turned up, the share is right, but {_YES - yes} TUM patches are gone as well: leave "
            "out NON-TUM patches alone, so that as many as possible stay"
        )
    if yes == _YES and abs(no - right) == 1:
        refuse(
            f"turned up, {no} NON-TUM patches stay where {right} come nearest to the share; "
            "round() goes to the nearest, int() cuts off, ceil() goes up"
        )
    if yes == _YES and no < _NO:
        refuse(
            f"turned up, {no} NON-TUM patches stay, and so {yes / kept:.0%} are TUM where "
            f"{share:.0%} were asked for: solve share = yes / (yes + no) for no"
        )
    refuse(
        f"turned down it works, turned up it does not: {now}, and for {share:.0%} it is the "
        "NON-TUM patches that have to go"
    )


def _dialled(function: Any, positive: np.ndarray, share: float, seed: int = 0) -> np.ndarray:
    """The kept positions, int64."""
    try:
        answer = as_array(returned_by(function, positive, share, np.random.default_rng(seed)))
    except NotSolved as error:
        if error.verdict == NOT_YET:
            raise
        more = ""
        if "dimension" in error.verdict.why:
            more = "; np.where gives a tuple: take its [0], or np.flatnonzero"
        if "larger sample" in error.verdict.why:
            more = "; is it the kind that is too frequent which you draw from?"
        refuse(f"asked for a share of {share}, {error.verdict.why}{more}")
    if answer.shape == (2,):
        refuse("return the positions of all patches that stay, one entry a patch, not how many")
    return whole_positions(answer, len(positive))


# ---- leaks -------------------------------------------------------------------------------


@check
def random_split(letter: Any) -> Verdict:
    """Lesson 01, exercise 3: why the random split flatters a memorising classifier. A letter."""
    why = (
        "bars 1 and 2 have the same fitted patches and the same classifier, and differ only in "
        "the held-out patches that have a near-copy among the fitted"
    )
    wrong = {
        "b": "which patients are held out is drawn at random, several times; harder ones would "
        "be as often among those fitted",
        "c": "the two splits hold out about as many patches; look at the bar without near-copies, "
        "which has the same classifier and the same fitted patches as the first bar",
        "d": "the phantom draws the class of a patch without asking for its patient, so the "
        "shares of the classes are alike",
    }
    return letter_is(letter, "a", why, wrong)


_SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 55]  # patches of ten patients
_SHARE, _OUT = 0.27, 3  # int() would hold out two patients
_MORE, _MORE_OUT = 0.43, 4  # ceil() would hold out five
_OF_PATIENTS = (
    f"more patients are drawn than there are: {sum(_SIZES)} patches are of {len(_SIZES)} patients, "
    "and the share is one of the patients, so round(share * len(np.unique(patient))) of them, "
    "not share * len(patient)"
)


@check
def patient_split(function: Callable[..., Any]) -> Verdict:
    """Lesson 01, exercise 4: positions to fit on and to hold out, no patient in both.

    Takes (patient, share, generator): int (N,), the share of patients held out, a NumPy
    generator; returns two rows of positions.
    """
    numbers = 7 * np.arange(len(_SIZES)) + 2  # of patients: neither from 0 nor without gaps
    patient = np.repeat(numbers, _SIZES)[np.random.default_rng(5).permutation(sum(_SIZES))]
    fit, held = _split_parts(function, patient, 0)
    _fits(patient, fit, held)
    others = [_split_parts(function, patient, seed) for seed in (*range(1, 13), 0)]
    more = _split_parts(function, patient, 0, _MORE)
    counts = {len(set(patient[other[1]])) for other in others}
    if counts != {_OUT} and max(counts) == _OUT:
        return hint(
            "now and then fewer patients are held out: one is drawn twice; draw from "
            "np.unique(patient), where each is once, and with replace=False"
        )
    if counts != {_OUT}:
        return hint(
            "another generator holds out more patients, or fewer: draw exactly so many, and every "
            "patient with the same chance (generator.choice(np.unique(patient), ...))"
        )
    *drawn, again = [set(patient[other[1]]) for other in others]
    if all(other == set(patient[held]) for other in drawn):
        return hint("whatever the generator, the same patients are held out; draw them with it")
    if again != set(patient[held]):
        return hint(
            "the same generator holds out other patients the second time: draw with the "
            "`generator` that is handed in, so that the split can be repeated"
        )
    count = len(set(patient[more[1]]))
    if count != _MORE_OUT:
        return hint(
            f"right for a share of {_SHARE}; for {_MORE} {count} of 10 patients are held out where "
            f"{_MORE_OUT} come nearest: take `share` itself, and round(), not ceil()"
        )
    return solved(
        f"{_OUT} of 10 patients were held out, whole, every patch is in one part, and the "
        "generator decides who"
    )


def _fits(patient: np.ndarray, fit: np.ndarray, held: np.ndarray) -> None:
    """Whether this split is one by patient, of the right size."""
    everyone = set(patient.tolist())
    if len(fit) + len(held) == len(everyone) and set(fit) | set(held) == everyone:
        refuse(
            "these are the patients' numbers; return the positions of their patches: "
            "np.flatnonzero(np.isin(patient, ...))"
        )
    if set(fit) & set(held):
        refuse("some patches are in both parts; a patch belongs to one of them")
    both = set(patient[fit]) & set(patient[held])
    if both:
        refuse(
            f"{len(both)} patients have patches in both parts; draw patients, then take all the "
            "patches of each"
        )
    if len(fit) + len(held) < len(patient):
        refuse(
            f"{len(patient) - len(fit) - len(held)} patches are in neither part; take every patch "
            "of a patient, not one or a few"
        )
    count = len(set(patient[held]))
    told = f"{count} of 10 patients are held out for a share of {_SHARE}"
    if count == len(everyone) - _OUT:
        refuse(f"{told}: the parts are swapped")
    if count == int(_SHARE * len(everyone)):
        refuse(
            f"{told}: int() cuts off, and round() goes to the nearest (or one of those drawn is "
            "nobody's number, or drawn twice)"
        )
    if count != _OUT:
        refuse(
            f"{told}; that is a share of the patients, each with the same chance, whatever their "
            "number of patches"
        )


def _split_parts(
    function: Any, patient: np.ndarray, seed: int, share: float = _SHARE
) -> tuple[np.ndarray, np.ndarray]:
    """(fit, held) as int64 positions."""
    try:
        answer = returned_by(function, patient, share, np.random.default_rng(seed))
    except NotSolved as error:
        if STOPPED in error.verdict.text and "larger sample" in error.verdict.text:
            refuse(_OF_PATIENTS)
        raise
    if isinstance(answer, np.ndarray) and answer.ndim == 2:
        answer = tuple(answer)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        refuse("return two things: the positions to fit on and the positions held out")
    fit, held = (as_array(part) for part in answer)
    if fit.ndim == held.ndim == 1:
        joined = np.sort(np.concatenate([fit, held]))
        if np.array_equal(joined, np.sort(patient)):
            refuse("these are the patients of the patches; return the patches' positions")
    if fit.size == 0 and held.size == len(patient):
        refuse(f"every patch is held out. {_OF_PATIENTS[0].upper()}{_OF_PATIENTS[1:]}")
    if fit.size == 0 or held.size == 0:
        refuse(
            "one part is empty: draw the patients from their own numbers, np.unique(patient), "
            "which need not be 0, 1, 2, ..."
        )
    return whole_positions(fit, len(patient)), whole_positions(held, len(patient))
