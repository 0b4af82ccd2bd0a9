"""The checks of lesson 03, the proxy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from activecl_nb.lessons.checks.verdict import (
    NOT_YET,
    SOLVED,
    Verdict,
    answer_of,
    close,
    compare,
    hint,
    letter_is,
)

_WORDS_03 = ("up", "down", "either")


def f1(function: Callable[..., Any]) -> Verdict:
    """Exercise 3.1: F1 of the positive class from targets and logits."""
    import torch

    targets = torch.tensor([1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], dtype=torch.bool)
    logits = torch.tensor([2.0, 1.0, 0.3, -1, 1.5, 0.4, -2, -1, -3, -0.5, -2.5, -1.5, -4])
    tp, fp, fn, tn = 3, 2, 1, 7
    precision, recall, other = tp / (tp + fp), tp / (tp + fn), 2 * tn / (2 * tn + fp + fn)
    right = 2 * precision * recall / (precision + recall)
    verdict = compare(
        answer_of(function, targets, logits),
        right,
        {
            "you cut at a logit of 0.5; a probability of 0.5 is a logit of 0": 2 * 2 / (2 * 2 + 3),
            "every patch is called tumour: a probability is always above 0, so cut at 0.5": 8 / 17,
            "that is the accuracy; the true negatives have no place in F1": (tp + tn) / 13,
            "that is the plain mean of precision and recall; F1 is their harmonic mean": (
                (precision + recall) / 2
            ),
            "that is TP / (TP + FP + FN); F1 counts TP twice, above and below": tp / 6,
            "that is the F1 of NON-TUM; the positive class is where targets is True": other,
            "that is the mean of the F1 of both classes; here only that of TUM counts": (
                (right + other) / 2
            ),
            "that is the precision alone; where are the tumours that were missed?": precision,
            "that is the recall alone; where are the false alarms?": recall,
            "precision times recall, but not divided by their sum and doubled": precision * recall,
            "half of F1: the formula begins with a 2, as a mean of two numbers has to": right / 2,
            "that is the root of precision times recall; F1 is the harmonic mean": (
                (precision * recall) ** 0.5
            ),
            "you take TN / (TN + FP) for precision; precision is about what was called tumour, "
            "TP / (TP + FP)": 2 * (tn / (tn + fp)) * recall / (tn / (tn + fp) + recall),
            "that is the mean of both classes' recall; true negatives have no place in F1": (
                (recall + tn / (tn + fp)) / 2
            ),
            "you call a patch tumour where its logit is below 0; turn the comparison round": (
                2 * fn / (2 * fn + tn + tp)
            ),
            "F1 lies between 0 and 1: not a percentage": 100 * right,
            "precision and recall are right; join them into one number": [precision, recall],
        },
    )
    if not verdict.solved:
        return verdict
    none = answer_of(function, targets, -logits.abs())
    if isinstance(none, Verdict) or not np.isfinite(none).all():
        return hint(
            "right where tumours are found; where no patch is called tumour you divide by 0: "
            "F1 is 0 there"
        )
    return SOLVED if close(none, np.zeros(()), 1e-6) else hint("no tumour found must give F1 0")


def threshold_raised(recall: object, precision: object) -> Verdict:
    """Exercise 3.2: what a higher threshold does to recall and precision."""
    if recall is ... or precision is ... or recall is None or precision is None:
        return NOT_YET
    answers = [str(word).strip().lower() for word in (recall, precision)]
    for word in answers:
        if word not in _WORDS_03:
            return hint(f"answer with {', '.join(map(repr, _WORDS_03))}, not {word[:40]!r}")
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
    return SOLVED


def unfair_baseline(letter: object) -> Verdict:
    """Exercise 3.3: what is wrong with the comparison."""
    return letter_is(
        letter,
        right="b",
        wrong={
            "a": "a random encoder is no empty baseline: its convolutions already answer to "
            "edges and colours; look at its bar",
            "c": "accuracy would hide the rare class (lesson 01); the fault lies elsewhere",
            "d": "standardising takes mean and deviation from the labelled patches alone, so it "
            "sees no test patch",
        },
    )


def no_tumour_chance(chance: object) -> Verdict:
    """Exercise 3.4: the chance that ten random labels hold no tumour."""
    share, labels = 0.14317, 10
    none = (1 - share) ** labels
    answer = answer_of(lambda: chance)
    if isinstance(answer, Verdict):
        return answer
    if answer.shape != ():
        return hint(f"one number, please, not an answer of shape {answer.shape}")
    mistakes = {
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
        "that is the chance that not all ten are tumour; you want all ten NON-TUM": (
            1 - share**labels
        ),
        "that is for nine labels; there are ten": (1 - share) ** (labels - 1),
        "a power binds first: put the fraction in brackets, (85683 / 100000) ** 10": (
            85683 / 100000**labels
        ),
        "a coin has one half; here NON-TUM has 1 - 0.14317": 0.5**labels,
    }
    if abs(answer - none) <= 4e-3:
        return SOLVED
    # By ratio: small chances all lie within a thousandth of one another.
    off = {text: abs(answer / mistake - 1) for text, mistake in mistakes.items()}
    nearest = min(off, key=off.__getitem__)
    if off[nearest] < 0.02:
        return hint(nearest)
    if not 0 <= answer <= 1:
        return hint("a chance lies between 0 and 1")
    if abs(answer - none) < 0.02:
        return hint("nearly; give it to two decimals or more, or leave it as an expression")
    return hint("what is the chance that one patch is NON-TUM? All ten draws must be")


def stratified(function: Callable[..., Any]) -> Verdict:
    """Exercise 3.5: a labelled set that holds the classes in their shares."""
    import torch

    targets = torch.zeros(200, dtype=torch.bool)
    targets[3::5] = True
    labels, expected = 50, 10

    def answer(seed: int) -> Any:
        return answer_of(function, targets, labels, np.random.default_rng(seed))

    draws = [answer(seed) for seed in range(12)]  # by luck one random draw has the right share
    for one in draws:
        if isinstance(one, Verdict):
            two_parts = "not a tuple" in one.text or "not a list" in one.text
            return hint("join the parts of both classes into one array") if two_parts else one
        if one.ndim == 2 and one.size == labels:
            return hint("join the parts of both classes into one array: np.concatenate")
        if one.shape == targets.shape:
            return hint("that is a mask of all patches; np.flatnonzero turns it into positions")
        if one.shape != (labels,):
            return hint(f"return {labels} positions, not an answer of shape {one.shape}")
        if set(one.tolist()) <= {0.0, 1.0}:
            return hint("those are the targets of the patches drawn; return their positions")
        if not np.isfinite(one).all() or (one != one.round()).any() or one.min() < 0:
            return hint("return positions: whole numbers from 0")
        if one.max() >= len(targets):
            return hint(f"position {one.max():.0f} is beyond the {len(targets)} targets")
        if len(set(one.tolist())) < labels:
            if all(len(set(part)) == len(part) for part in (one[:expected], one[expected:])):
                return hint(
                    "those are places within each class; np.flatnonzero gives the positions of a "
                    "class among all patches, so draw from these"
                )
            return hint("a patch is labelled twice: draw with replace=False")
    counts = [int(targets.numpy()[one.astype(int)].sum()) for one in draws]
    tumours = max(counts, key=lambda count: abs(count - expected))
    if set(counts) == {labels // 2}:
        return hint(
            "half of the labels are tumour; stratified means the share of the whole set, or the "
            "proxy learns to expect tumour everywhere"
        )
    if set(counts) == {labels - expected}:
        return hint(
            f"{tumours} of {labels} labels are tumour, which is the share of NON-TUM; count with "
            "the share of True"
        )
    if tumours in (0, labels):
        return hint(
            "all labels are of one class: draw from both and join the two; and multiply the share "
            "by the number of labels before you round it"
        )
    if not np.array_equal(draws[0], answer(0)):
        return hint("the same generator gives another draw: make every draw with `generator`")
    if all(set(one) == set(draws[0]) for one in draws):
        return hint("every generator gives the same patches: draw at random within each class")
    if abs(tumours - expected) > 1:
        return hint(
            f"a draw holds {tumours} tumours where its share would be {expected} of {labels}; is "
            "the draw made in each class apart?"
        )
    return SOLVED
