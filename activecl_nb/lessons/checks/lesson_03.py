"""The checks of lesson 03, the proxy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from activecl_nb.lessons.checks.f1_mistakes import counts, f1_mistakes, f1_of
from activecl_nb.lessons.checks.verdict import (
    NOT_YET,
    Verdict,
    answer_in_torch,
    answer_of_either,
    as_array,
    check,
    close,
    compare_on,
    finite_in_torch,
    hint,
    letter_is,
    plain_answer,
    refuse,
    returned_by,
    solved,
    whole_positions,
)
from activecl_nb.lessons.checks.words import one_of
from activecl_nb.lessons.predictions import missing

# ---- F1 ----------------------------------------------------------------------------------


@check
def f1(function: Callable[..., Any]) -> Verdict:
    """Exercise 3.1: F1 of the positive class from targets and logits."""
    targets = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], dtype=bool)
    logits = np.array([2.0, 1.0, 0.3, -1, 1.5, 0.4, -2, -1, -3, -0.5, -2.5, -1.5, -4])
    # The last patch is NON-TUM, at a probability of just one half: not above it.
    others = np.array([1, 0, 1, 1, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0], dtype=bool)
    scores = np.array(
        [3, 0.2, 0.1, -1, -2, 2, 1, 1.2, -3, 0.3, -0.2, -9, 2.2, 0.9, -2, 0.7, 0.45, 0]
    )

    verdict = compare_on(
        function,
        {
            "3 TP, 2 FP, 1 FN and 7 TN": (targets, logits),
            "6 TP, 5 FP, 2 FN and 5 TN": (others, scores),
        },
        lambda targets, logits: f1_of(*counts(targets, logits > 0)[:3]),
        f1_mistakes(),
        why="two sets of patches give 2 TP / (2 TP + FP + FN), true negatives left out, and "
        "nothing is divided by 0 where no patch is called tumour",
        answer_of=answer_in_torch,
    )
    if not verdict.solved:
        return verdict
    none = finite_in_torch(function, targets, -np.abs(logits))
    if none is None:
        return hint(
            "right where tumours are found; where no patch is called tumour you divide by 0: "
            "F1 is 0 there"
        )
    return verdict if close(none, 0, 1e-6) else hint("no tumour found must give F1 0")


# ---- thresholds and baselines ------------------------------------------------------------


@check
def threshold_raised(recall: object, precision: object) -> Verdict:
    """Exercise 3.2: what a higher threshold does to recall and precision."""
    if missing(recall) or missing(precision):
        return NOT_YET
    answers = [one_of(word, "up", "down", "either") for word in (recall, precision)]
    if answers[0] == "up":
        return hint("recall: a higher threshold calls fewer patches tumour; can it find more?")
    if answers[0] == "either":
        return hint("recall: its denominator, TP + FN, never changes; so follow TP alone")
    if answers[1] == "up":
        return hint(
            "precision often rises, but must it? Let the surest patch of all be NON-TUM and "
            "raise the threshold to just below it"
        )
    if answers[1] == "down":
        return hint("precision: what if all that falls below the threshold are false alarms?")
    return solved(
        "TP can only fall while TP + FN stays, so recall falls; of TP and FP both fall, and "
        "precision goes whichever way the patch that drops out takes it"
    )


@check
def what_made_it(letter: object) -> Verdict:
    """Exercise 3.3: what is wrong with the comparison."""
    return letter_is(
        letter,
        "d",
        "two things differ, the training of the encoder and the scale of the features, and the "
        "report gives all the credit to one",
        {
            "a": "a random encoder is no empty baseline: its convolutions already answer to "
            "edges and colours; look at its bar",
            "b": "accuracy would hide the rare class (lesson 01); the fault lies elsewhere",
            "c": "standardising takes mean and deviation from the labelled patches alone, so it "
            "sees no test patch",
        },
    )


# ---- draws of labels ---------------------------------------------------------------------


def _chance_mistakes(share: float, labels: int) -> dict[str, float]:
    """Hint, and the chance that the mistake gives."""
    none = (1 - share) ** labels
    return {
        "that is the chance that all ten are tumour": share**labels,
        "that is the chance of at least one tumour; you want the other case": 1 - none,
        "that is the number of tumours to expect, not the chance of none": labels * share,
        "chances do not add up like that: the result is below 0": 1 - labels * share,
        "that is for one label; all ten must be NON-TUM": 1 - share,
        "that is the share of tumour itself; start from the chance of NON-TUM": share,
        "give a share between 0 and 1, not a percentage": 100 * none,
        "that is the chance of exactly one tumour among ten; you want none": (
            labels * share * (1 - share) ** (labels - 1)
        ),
        "that is ten times the chance of NON-TUM; chances of draws that must all happen are "
        "multiplied, not added": labels * (1 - share),
        "you divide by ten; ten draws that must all be NON-TUM multiply their chances": (
            1 - share / labels
        ),
        "you divide by ten; ten draws that must all be NON-TUM multiply their chances: take the "
        "tenth power": (1 - share) / labels,
        "that is Poisson's formula, which is near the truth for rare things only; all ten must be "
        "NON-TUM, so multiply their chances": np.exp(-labels * share),
        "that is the chance that not all ten are tumour; you want all ten NON-TUM": (
            1 - share**labels
        ),
        "that is for nine labels; there are ten": (1 - share) ** (labels - 1),
        "a power binds first: put the fraction in brackets, (85683 / 100000) ** 10": (
            85683 / 100000**labels
        ),
        "a coin has one half; here NON-TUM has 1 - 0.14317": 0.5**labels,
        "that takes one class of nine for tumour, 1/9 of the patches; count patches": (
            (8 / 9) ** labels
        ),
        "it can happen: with 14% tumour, ten patches in a row without one are no wonder": 0.0,
        "that is for a hundred labels; there are ten": (1 - share) ** 100,
        **{
            "that takes the share of tumour in a test set; labels are drawn from the training set, "
            f"where 14,317 of 100,000 are tumour (you took {set_apart})": (1 - other) ** labels
            for set_apart, other in (
                ("the paper's 1,233 of 7,180", 1_233 / 7_180),
                ("the 15.4% of this lesson's", 0.154),
            )
        },
    }


@check
def no_tumour_chance(chance: object) -> Verdict:
    """Exercise 3.4: the chance that ten random labels hold no tumour."""
    share, labels = 0.14317, 10
    none = (1 - share) ** labels
    answer = plain_answer(chance)
    if answer.shape != ():
        return hint(f"one number, please, not an answer of shape {answer.shape}")
    mistakes = _chance_mistakes(share, labels)
    if abs(answer - none) <= 4e-3:
        return solved("all ten must be NON-TUM, and each is with the chance 1 - 0.14317")
    # By ratio: small chances all lie within a thousandth of one another.
    off = {
        text: abs(answer / mistake - 1) if mistake else float(answer != 0)
        for text, mistake in mistakes.items()
    }
    nearest = min(off, key=off.__getitem__)
    if off[nearest] < 0.02:
        return hint(nearest)
    if not 0 <= answer <= 1:
        return hint("a chance lies between 0 and 1")
    if abs(answer - none) < 0.02:
        return hint(
            "nearly: the share of tumour among all that may be drawn is 0.14317, not rounded, and "
            "not a test set's 0.15; leave the answer as an expression, or give two decimals or more"
        )
    return hint("what is the chance that one patch is NON-TUM? All ten draws must be")


# A share of one fifth: of 52, int() is right and ceil() is not, and of 53 the other way round.
_PATCHES, _LABELS, _TUMOURS, _MORE, _MORE_TUMOURS = 200, 52, 10, 53, 11


@check
def stratified(function: Callable[..., Any]) -> Verdict:
    """Exercise 3.5: a labelled set that holds the classes in their shares."""
    targets = np.zeros(_PATCHES, dtype=bool)
    targets[3::5] = True

    def drawn(seed: int, labels: int = _LABELS) -> np.ndarray:
        inputs = targets, labels, np.random.default_rng(seed)
        return _labelled(answer_of_either(function, *inputs, ask=returned_by), targets, labels)

    draws = [drawn(seed) for seed in range(12)]  # by luck one random draw has the right share
    _shares([int(targets[draw].sum()) for draw in draws])
    if not np.array_equal(draws[0], drawn(0)):
        return hint("the same generator gives another draw: make every draw with `generator`")
    for name, of_class in {"TUM": targets, "NON-TUM": ~targets}.items():
        if len({tuple(sorted(draw[of_class[draw]])) for draw in draws}) == 1:
            return hint(f"every generator gives the same {name} patches: draw within each class")
    if (count := int(targets[drawn(0, _MORE)].sum())) != _MORE_TUMOURS:
        return hint(f"of {_MORE} labels {count} are tumour, and {_MORE_TUMOURS} is nearer: round()")
    share = f"{_TUMOURS} of {_LABELS} labels are tumour in each of 12 draws"
    return solved(f"{share}, as one patch in five is, and which ones the generator decides")


def _labelled(answer: Any, targets: np.ndarray, labels: int) -> np.ndarray:
    """The positions drawn as int64 (labels,)."""
    if isinstance(answer, tuple | list) and len(answer) == 2:
        refuse("join the parts of both classes into one array: np.concatenate")
    answer = as_array(answer)
    if answer.ndim == 2 and answer.size == labels:
        refuse("join the parts of both classes into one row: np.concatenate, not np.stack")
    if answer.shape == (labels,) and set(answer.tolist()) <= {0, 1}:
        refuse("those are the targets of the patches drawn; return their positions")
    positions = whole_positions(answer, _PATCHES, distinct=False)
    if positions.shape != (labels,):
        refuse(f"return {labels} positions, not {len(positions)}")
    if len(set(positions)) < labels:
        if targets[positions[:_TUMOURS]].all() and targets[positions[_TUMOURS:]].any():
            refuse(
                "the others are drawn from all patches, tumours among them, and one is there "
                "twice: draw them from np.flatnonzero(~targets)"
            )
        if all(len(set(part)) == len(part) for part in np.split(positions, [_TUMOURS])):
            refuse(
                "those are places within each class; np.flatnonzero gives the positions of a "
                "class among all patches, so draw from these"
            )
        refuse("a patch is labelled twice: draw with replace=False")
    return positions


def _shares(found: list[int]) -> None:
    """Whether these numbers of tumours in the draws are the class's share."""
    tumours = max(found, key=lambda count: abs(count - _TUMOURS))
    if set(found) == {_LABELS // 2}:
        refuse(
            "half of the labels are tumour; stratified means the share of the whole set, or the "
            "proxy learns to expect tumour everywhere"
        )
    if set(found) <= {_LABELS - _TUMOURS, _LABELS - _TUMOURS - 1}:
        refuse(
            f"{tumours} of {_LABELS} labels are tumour, which is the share of NON-TUM; count with "
            "the share of True"
        )
    if tumours in (0, _LABELS):
        refuse(
            "all labels are of one class: draw from both and join the two; and multiply the share "
            "by the number of labels before you round it"
        )
    if set(found) == {_TUMOURS + 1}:
        refuse(
            f"{tumours} of {_LABELS} labels are tumour, where a fifth is 10.4: round() goes to "
            "the nearest whole number, ceil() always up"
        )
    if set(found) == {round(_LABELS * 0.14317)}:
        refuse("that is the share of the paper's set, 0.14317; take the share of these targets")
    if tumours != _TUMOURS:
        refuse(
            f"a draw holds {tumours} tumours where its share would be {_TUMOURS} of {_LABELS}; is "
            "the draw made in each class apart?"
        )
