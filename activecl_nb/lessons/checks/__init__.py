"""What stands behind the exercises.

An exercise check takes what the learner wrote and says "solved", "not yet", or names the
mistake. It never shows a traceback, and it accepts any correct way of writing the answer: lists,
NumPy or torch, loops or none.
"""

from __future__ import annotations

import functools
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
    if _close(answer, right, tolerance):
        return SOLVED
    for text, mistake in wrong.items():
        if _close(answer, np.asarray(mistake, dtype=np.float64), tolerance):
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


def _close(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=tolerance, atol=tolerance))


# ---- lesson 01: imbalanced tissue -------------------------------------------------------


def baseline_accuracy(answer: Any) -> Verdict:
    """Lesson 01, exercise 1: accuracy of always saying NON-TUM on the paper's test set."""
    tumour, other = 1_233, 5_947  # section III-A
    right = other / (tumour + other)
    return compare(
        _plain_answer(answer),
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
    return _letter(letter, "b", wrong)


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
    rows = [_plain_answer(part) for part in caught]
    if all(isinstance(row, np.ndarray) and row.ndim == 1 for row in rows):
        joined = np.sort(np.concatenate(rows))
        if np.array_equal(joined, np.sort(patient)):
            return hint("these are the patients of the patches; return the patches' positions")
    parts = []
    for part in caught:
        numbers = _plain_answer(part)
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


# ---- lesson 02: SimCLR ------------------------------------------------------------------


def chance_loss(answer: Any) -> Verdict:
    """Lesson 02, exercise 2: NT-Xent of a batch of 4 patches when all similarities are equal."""
    return compare(
        _plain_answer(answer),
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
            "that is the sum over the 8 views; the loss is their mean": 8 * np.log(7),
            "that is the mean divided once more: all 8 views have the same loss, so their mean is "
            "the loss of one": np.log(7) / 8,
            "a loss of 0 belongs to an encoder that is sure of every partner; here none is": 0.0,
            "that is the choice between two; each view has more candidates": np.log(2),
            "the temperature of the paper does not matter here: equal similarities stay equal "
            "when they are divided by it": np.log(7) / 0.1,
            "that is for a batch of 64; here the batch has 4 patches": np.log(127),
            "that is the number of views; each asks the others, and the loss is a log": 8.0,
        },
        tolerance=2e-3,
    )


def nt_xent(function: Callable[..., Any]) -> Verdict:
    """Lesson 02, exercise 3: the contrastive loss of (z_i, z_j, temperature), a mean over views."""
    import torch

    draw = np.random.default_rng(2)
    z_i, z_j = draw.normal(size=(2, 5, 3)) * [[[3.0, 1.0, 0.5]]]
    z_j = 0.5 * z_i + z_j
    tau = 0.5
    right = _nt_xent(z_i, z_j, tau)
    a, b = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (z_i, z_j))
    rows, partner = np.arange(10), np.roll(np.arange(10), 5)
    z = np.concatenate([a, b])
    e = np.exp(z @ z.T / tau)
    p = (e - np.diag(np.diag(e))) / (e.sum(1) - np.diag(e))[:, None]  # what the softmax gives
    found = p[rows, partner]
    columns = np.concatenate([z_i, z_j])
    columns = columns / np.linalg.norm(columns, axis=0)
    e_columns = np.exp(columns @ columns.T / tau)
    np.fill_diagonal(e_columns, 0)
    wrong = {
        "you normalise each column (dim=0); it is each row, one projection, that has length 1": (
            float(-np.log(e_columns[rows, partner] / e_columns.sum(1)).mean())
        ),
        "you set the similarity of a view to itself to 0, and exp(0) is 1: it still counts; set "
        "it to minus infinity, or leave it out after the exponential": float(
            -np.log(e[rows, partner] / (e.sum(1) - np.diag(e) + 1)).mean()
        ),
        "a softmax too many: F.cross_entropy takes the scores, and does the softmax itself": float(
            (np.log(np.exp(p).sum(1)) - found).mean()
        ),
        "the log of the mean probability is not the mean of the logs: take the log first": float(
            -np.log(found.mean())
        ),
        "that is minus the mean probability; the logarithm is missing": float(-found.mean()),
        "that is the mean probability; the loss is minus its logarithm, view by view": float(
            found.mean()
        ),
        "log base 2; the loss uses the natural logarithm (torch.log, np.log)": right / np.log(2),
        "each view is asked to find itself; its partner is the other view of its patch": float(
            (np.log(e.sum(1)) - np.log(np.diag(e))).mean()
        ),
        "that is the mean cosine distance of the partners; the negatives are missing": float(
            1 - (a * b).sum(1).mean()
        ),
        "both directions, but each view looks among the other half alone; its candidates are all "
        "2N - 1 other views": (
            _nt_xent(z_i, z_j, tau, across=True) + _nt_xent(z_j, z_i, tau, across=True)
        )
        / 2,
        "the stack alternates first and second views, and the partners do not: with torch.cat "
        "the partner of i is i + N, in an alternating stack its neighbour": _nt_xent(
            *np.split(np.stack([z_i, z_j], axis=1).reshape(10, 3), 2), tau
        ),
        "the partner of view i is i + N in the stacked batch (roll by N, not by 1)": _nt_xent(
            z_i, z_j, tau, partner=np.roll(np.arange(10), 1)
        ),
        "the temperature is missing, and a view is compared with itself: leave k = i out": _nt_xent(
            z_i, z_j, 1.0, self_too=True
        ),
        "two things: normalise each row to length 1, and leave k = i out of the sum": _nt_xent(
            z_i, z_j, tau, normalise=False, self_too=True
        ),
        "the partner is counted twice in the sum below; it is in the sum over k already": float(
            -np.log(found / (1 + found)).mean()
        ),
        "below stands a sum over the candidates, not their mean": float(-np.log(found * 10).mean()),
        "similarity is the cosine: normalise each row to length 1 first": _nt_xent(
            z_i, z_j, tau, normalise=False
        ),
        "a view is compared with itself: leave k = i out of the sum below": _nt_xent(
            z_i, z_j, tau, self_too=True
        ),
        "the temperature is missing: divide the similarities by it": _nt_xent(z_i, z_j, 1.0),
        "you multiply by the temperature; divide by it": _nt_xent(z_i, z_j, 1 / tau),
        "the temperature is fixed at 0.1; use the argument": _nt_xent(z_i, z_j, 0.1),
        "the minus sign is missing": -right,
        "that is the sum over the 2N views; take their mean": 10 * right,
        "that is the sum over the 2N views divided by N; divide by 2N": 2 * right,
        "the partner is missing from the sum below; only k = i is left out": _nt_xent(
            z_i, z_j, tau, partner_too=False
        ),
        "each z_i looks for its partner among the z_j alone; its candidates are all 2N - 1 other "
        "views": _nt_xent(z_i, z_j, tau, across=True),
        "only the first views ask for their partner; the second views ask too: mean over 2N": (
            _nt_xent(z_i, z_j, tau, rows=slice(0, 5))
        ),
        "the partner of view i is i + N in the stacked batch, not its neighbour i + 1": _nt_xent(
            z_i, z_j, tau, partner=np.arange(10) ^ 1
        ),
    }
    inputs = torch.tensor(z_i, dtype=torch.float32), torch.tensor(z_j, dtype=torch.float32)
    verdict = compare(answer_of(function, *inputs, tau), right, wrong)
    if not verdict.solved:
        return verdict
    typed_in = "right at one temperature, and the same at any other: use the argument"
    return compare(answer_of(function, *inputs, 0.2), _nt_xent(z_i, z_j, 0.2), {typed_in: right})


def _nt_xent(
    z_i: np.ndarray,
    z_j: np.ndarray,
    tau: float,
    *,
    normalise: bool = True,
    self_too: bool = False,
    partner_too: bool = True,
    across: bool = False,
    rows: slice = slice(None),
    partner: np.ndarray | None = None,
) -> float:
    """The loss in float64 from its formula; the options are the mistakes."""
    z = np.concatenate([z_i, z_j])
    if normalise:
        z = z / np.linalg.norm(z, axis=1, keepdims=True)
    n = len(z_i)
    partner = np.roll(np.arange(2 * n), n) if partner is None else partner
    e = np.exp(z @ z.T / tau)
    above = e[np.arange(2 * n), partner].copy()
    if across:
        above, below = above[:n], e[:n, n:].sum(1)
    else:
        if not self_too:
            np.fill_diagonal(e, 0)
        if not partner_too:
            e[np.arange(2 * n), partner] = 0
        below = e.sum(1)
    return float(-np.log(above / below)[rows].mean())


def near_negative(answer: Any) -> Verdict:
    """Lesson 02, exercise 4: how much more a negative at 0.8 weighs than one at 0, at tau 0.1."""
    return compare(
        _plain_answer(answer),
        np.exp(8),
        {
            "the temperature is missing: the similarity is divided by it before the exponential": (
                np.exp(0.8)
            ),
            "you multiplied by the temperature; divide by it": np.exp(0.08),
            "that is the difference of the logits; the weights are their exponentials": 8.0,
            "that is the difference of the similarities; divide by the temperature, then take the "
            "exponential": 0.8,
            "the ratio is upside down: the near negative weighs more": np.exp(-8),
            "the exponential has base e, not 10": 1e8,
            "the exponential has base e, not 2": 256.0,
        },
        tolerance=1e-2,
    )


def forced_to_ignore(letter: Any) -> Verdict:
    """Lesson 02, exercise 1: what full colour jitter makes the features lose. A letter."""
    wrong = {
        "a": "jitter moves no pixel; the texture that tells the tissues apart is still there",
        "c": "sizes stay as they are under jitter; it is the crop, enlarged again, that changes "
        "them",
        "d": "directions are changed by rotation and flips, not by colours",
    }
    return _letter(letter, "b", wrong)


def stain_family(family: Any) -> Verdict:
    """Lesson 02, exercise 5: a Family for sorting slides by how strongly they are stained."""
    from activecl_nb.augment import Family

    if family is None or family is Ellipsis:
        return NOT_YET
    if not isinstance(family, Family):
        return hint(
            f"the answer is an augment.Family, such as Family().without('blur'), "
            f"not a {type(family).__name__}"
        )
    colours = max(family.brightness, family.contrast, family.saturation, family.hue)
    geometry = family.crop and family.flip > 0 and family.rotation != "none"
    if not family.crop and not family.flip and family.rotation == "none" and not family.jitter:
        return hint(
            "with crop, flips and rotation off there is next to nothing to ignore; the task needs "
            "the colours, not the place or the direction"
        )
    if family.jitter and colours and family.gray:
        return hint("jitter and gray both make the colours worthless; the task is about colours")
    if family.jitter and family.brightness and not family.hue and not family.saturation:
        return hint("brightness alone already hides how strong a stain is; leave jitter out whole")
    if family.jitter and colours:
        return hint("jitter changes the colours, so the encoder learns to ignore the staining")
    if family.gray:
        return hint(
            "jitter is off, and gray is still on: views that have lost their stain teach the "
            "encoder to do without it"
        )
    if not geometry:
        off = [
            name
            for name, on in [
                ("crop", family.crop),
                ("flip", family.flip > 0),
                ("rotation", family.rotation != "none"),
            ]
            if not on
        ]
        return hint(
            f"the colours are kept; but without {' and '.join(off)} the encoder may still answer "
            "by place or direction, which the task calls no matter"
        )
    return SOLVED


# ---- lesson 03: the proxy ---------------------------------------------------------------

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
    return SOLVED if _close(none, np.zeros(()), 1e-6) else hint("no tumour found must give F1 0")


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
    return _letter(
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


# ---- lesson 04: strategies --------------------------------------------------------------


def entropy(function: Callable[..., Any]) -> Verdict:
    """Exercise 4.1: the binary entropy of logits, in nats, for any logit."""
    import torch

    logits = torch.tensor([-3.0, -1.0, 0.0, 0.5, 2.0])
    p = 1 / (1 + np.exp(-logits.double().numpy()))
    right = -p * np.log(p) - (1 - p) * np.log(1 - p)
    over_patches = torch.softmax(logits.double(), 0).numpy()
    answer = answer_of(function, logits)
    if isinstance(answer, Verdict):
        return answer
    if answer.shape == right.shape and np.isnan(answer[:3]).all() and not np.isnan(answer[3]):
        return hint("a logit is no probability: turn it into one with a sigmoid first")
    verdict = compare(
        answer,
        right,
        {
            "your scores are largest for the most certain patches: the minus sign is missing": (
                -right
            ),
            "the sum has two terms, one for each class: (1 - p) log(1 - p) is missing": (
                -p * np.log(p)
            ),
            "the sum has two terms, one for each class: p log p is missing": (
                -(1 - p) * np.log(1 - p)
            ),
            "only one of the two terms has its minus sign": (
                -p * np.log(p) + (1 - p) * np.log(1 - p)
            ),
            "each surprise counts as often as its answer comes: weight -log p with p, and "
            "-log(1 - p) with 1 - p": -np.log(p) - np.log(1 - p),
            "a softmax over the patches makes them compete; each patch has a p of its own, the "
            "sigmoid of its logit": -over_patches * np.log(over_patches),
            "each patch has a p of its own, the sigmoid of its logit, not a part of a softmax over "
            "the patches": (
                -over_patches * np.log(over_patches) - (1 - over_patches) * np.log(1 - over_patches)
            ),
            "that is the order of the patches; return each one's score": np.argsort(-right),
            "that is in units of log10; the ranking is the same, but use the natural log": (
                right / np.log(10)
            ),
            "that is 1 minus the margin: it ranks alike, but is not the entropy": (
                1 - np.abs(2 * p - 1)
            ),
            "that is minus the logit's size: it ranks alike, but is not the entropy": (
                -np.abs(logits.double().numpy())
            ),
            "that is in bits (log2); the ranking is the same, but use the natural log": (
                right / np.log(2)
            ),
            "that is least confidence, 1 - max(p, 1 - p): it ranks alike, but is not the entropy": (
                np.minimum(p, 1 - p)
            ),
            "that is p (1 - p): it ranks alike, but is not the entropy": p * (1 - p),
            "that is the mean over all patches; each patch needs a score of its own": right.mean(),
            "that is the sum over all patches; each patch needs a score of its own": right.sum(),
        },
    )
    if not verdict.solved:
        return verdict
    far = answer_of(function, torch.tensor([-1000.0, 1000.0, 0.0]))
    if isinstance(far, Verdict) or not np.isfinite(far).all():
        return hint(
            "right for moderate logits; at 1000 the probability is exactly 1 and 0 log 0 gives "
            "NaN: keep p a little away from 0 and 1, or take the logs with logsigmoid"
        )
    if not _close(far, np.array([0, 0, np.log(2)]), 1e-3):
        return hint("right for moderate logits; at -1000 and 1000 the entropy should be about 0")
    return SOLVED


def missing_minus(letter: object) -> Verdict:
    """Exercise 4.2: what formula (3) picks when it is read to the letter."""
    return _letter(
        letter,
        right="b",
        wrong={
            "a": "the formula knows no class: swap p and 1 - p and nothing changes",
            "c": "sum p log p is lowest, not highest, at p = 1/2; try it with p = 1/2 and p = 0.99",
            "d": "it is a ranking like any other, with nothing random in it; what stands on top?",
        },
    )


def rank_alike(letter: object) -> Verdict:
    """Exercise 4.3: why three measures of uncertainty agree with two classes."""
    return _letter(
        letter,
        right="b",
        wrong={
            "a": "the curves are not multiples of one another: one has corners, one is round; "
            "picks depend on the order alone",
            "c": "nothing in the argument asks where p comes from; a deep network's p does as well",
            "d": "with three classes two numbers are free and the measures part: see the cell on "
            "three classes",
        },
    )


def kcenter(function: Callable[..., Any]) -> Verdict:
    """Exercise 4.4: k-center greedy, seeded with what is chosen."""
    import torch

    draw = np.random.default_rng(4)
    features, chosen = draw.normal(size=(30, 3)), draw.normal(size=(2, 3)) + 1.0
    budget = 7
    tensors = [torch.from_numpy(a.astype(np.float32)) for a in (features, chosen)]
    answer = answer_of(function, *tensors, budget)
    nearest = np.linalg.norm(features[:, None] - chosen, axis=2).min(1)
    if not isinstance(answer, Verdict) and np.array_equal(answer, [nearest.argmax()] * budget):
        return hint("the same candidate each time: it is a centre now, so lower the distances")
    picks = _picks(answer, budget, len(features))
    if isinstance(picks, Verdict):
        return picks
    right = _greedy(features, chosen, budget)
    together = np.concatenate([chosen, features])
    if not np.array_equal(picks, right) and set(picks) == set(right):
        return hint("the right candidates, but return them in the order they are picked")
    alone = [[start, *_greedy(features, features[[start]], budget - 1)] for start in range(30)]
    for start in alone:
        if np.array_equal(picks, start):
            return hint("what is chosen already counts as centres too: begin with its distances")
    return compare(
        picks,
        right,
        {
            "those are the farthest from the chosen set, all at once: each pick is a new centre, "
            "so update the distances after it": np.argsort(-nearest)[:budget],
            "you pick the nearest candidate, which is covered already: pick the farthest": _greedy(
                features, chosen, budget, best=np.argmin
            ),
            "you average the distances to all centres; only the nearest centre covers a point": (
                _greedy(features, chosen, budget, over=np.mean)
            ),
            "you take the distance to the farthest centre; it is the nearest that covers a point": (
                _greedy(features, chosen, budget, over=np.max)
            ),
            "all that is chosen already counts, not only its first point": _greedy(
                features, chosen[:1], budget
            ),
            "you keep the distance to the newest centre alone: a candidate's distance is to the "
            "nearest of all centres, so keep the smaller of the old and the new one": _greedy(
                features, chosen, budget, newest=True
            ),
            "those are positions in the chosen and the candidates joined; count from the first "
            "candidate": _greedy(together, chosen, budget),
            "the distance is Euclidean: square the differences, add, take the root": _greedy(
                features, chosen, budget, norm=1
            ),
            "you compare directions (cosine); take the Euclidean distance of the features as they "
            "are": _greedy(_unit(features), _unit(chosen), budget),
        },
        tolerance=0,
    )


def falls_for(outliers: object, duplicates: object) -> Verdict:
    """Exercise 4.5: which of three strategies falls for outliers, which for near-duplicates."""
    if any(word is ... or word is None for word in (outliers, duplicates)):
        return NOT_YET
    names = [str(word).strip().lower().replace("-", "") for word in (outliers, duplicates)]
    for name in names:
        if name not in ("random", "entropy", "kcenter"):
            return hint(f"answer with 'random', 'entropy' or 'kcenter', not {name[:40]!r}")
    hints = {
        (0, "random"): "outliers: they are few, and random takes of them no more than their share",
        (0, "entropy"): "outliers: entropy looks at the distance to the proxy's line alone; most "
        "outliers lie far from it",
        (1, "random"): "duplicates: random takes of them about their share; who takes far more?",
        (1, "kcenter"): "duplicates: once one copy is a centre, the distance of the others is "
        "almost 0, so they come last",
    }
    for place, name in enumerate(names):
        if (place, name) in hints:
            return hint(hints[place, name])
    return SOLVED


def hybrid(function: Callable[..., Any]) -> Verdict:
    """Exercise 4.6: k-center greedy among the most uncertain candidates."""
    import torch

    draw = np.random.default_rng(6)
    features, logits = draw.normal(size=(40, 3)), draw.normal(size=40)
    chosen, budget = draw.normal(size=(3, 3)), 5
    tensors = [torch.from_numpy(a.astype(np.float32)) for a in (features, logits, chosen)]
    generator = torch.Generator().manual_seed(0)
    try:
        answer = function(*(t.clone() for t in tensors), budget, generator)
    except Exception as error:  # as in answer_of, which cannot copy a torch generator
        return hint(f"your function stopped with {type(error).__name__}: {error}")
    picks = _picks(answer_of(lambda: answer), budget, len(features))
    if isinstance(picks, Verdict):
        return picks
    order = np.argsort(np.abs(logits))
    shortlist, certain = order[: 3 * budget], order[::-1][: 3 * budget]
    high, two = np.argsort(-logits)[: 3 * budget], order[: 2 * budget]
    inside = _greedy(features[shortlist], chosen, budget)
    sorted_inside = _greedy(features[np.sort(shortlist)], chosen, budget)
    spread = _greedy(features, chosen, 3 * budget)
    places = "those are positions in your shortlist: turn them back into positions of candidates"
    wrong = [  # picks count in any order, since the task asks for none
        (places, inside),
        (places, sorted_inside),  # the shortlist was sorted, then forgotten
        (
            "that is entropy alone: the shortlist is three budgets long, k-center picks from it",
            order[:budget],
        ),
        (
            "that is k-center alone: only the most uncertain candidates may be picked",
            spread[:budget],
        ),
        (
            "your shortlist holds the most certain candidates: the logits nearest to 0 are the "
            "uncertain ones",
            certain[_greedy(features[certain], chosen, budget)],
        ),
        (
            "your shortlist holds the largest logits; the uncertain ones are those nearest to 0",
            high[_greedy(features[high], chosen, budget)],
        ),
        (
            "the other way round: first the shortlist by entropy, then k-center among these",
            spread[np.argsort(np.abs(logits[spread]))[:budget]],
        ),
        (
            "your shortlist is two budgets long; make it three",
            two[_greedy(features[two], chosen, budget)],
        ),
    ]
    mine = np.sort(picks)
    if np.array_equal(mine, np.sort(shortlist[inside])):
        return SOLVED
    for text, mistake in wrong:
        if np.array_equal(mine, np.sort(mistake)):
            return hint(text)
    if set(picks) <= set(shortlist):
        return hint(
            "all picks are among the most uncertain, but k-center, begun from what is chosen "
            "already, would pick others there"
        )
    return hint(
        "some picks are not among the most uncertain: the shortlist is the 3 * budget candidates "
        "of largest entropy"
    )


def _picks(answer: Any, budget: int, candidates: int) -> Any:
    """The picks as an array, or the Verdict that says why they are none."""
    if isinstance(answer, Verdict):
        return answer
    if answer.shape != (budget,):
        return hint(f"return {budget} positions, one for each pick, not a shape of {answer.shape}")
    if not np.isfinite(answer).all() or (answer != answer.round()).any():
        return hint("return positions: whole numbers")
    if answer.min() < 0 or answer.max() >= candidates:
        return hint(f"positions run from 0 to {candidates - 1}; yours leave that range")
    if len(set(answer.tolist())) < budget:
        return hint(
            "a candidate is picked twice: once it is a centre its distance is 0, if every "
            "candidate keeps the smaller of its old distance and the one to the new centre"
        )
    return answer


def _greedy(
    features: np.ndarray,
    chosen: np.ndarray,
    budget: int,
    best: Callable[..., Any] = np.argmax,
    over: Callable[..., Any] = np.min,
    norm: int = 2,
    newest: bool = False,
) -> np.ndarray:
    """k-center greedy without haste: every distance anew for each pick. (budget,) positions.

    best, over, norm, newest: mistakes that a learner makes; without them it is the algorithm.
    """
    picks: list[int] = []
    for _ in range(budget):
        centres = np.concatenate([chosen, features[picks]])
        if newest and picks:
            centres = centres[-1:]
        distance = over(np.linalg.norm(features[:, None] - centres, ord=norm, axis=2), axis=1)
        distance[picks] = np.inf if best is np.argmin else -np.inf
        picks.append(int(best(distance)))
    return np.array(picks)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


# ---- lesson 05: the loop ----------------------------------------------------------------


def _plain_answer(answer: Any) -> Any:
    """What the learner assigned, as ``answer_of`` gives what a function returned."""
    return answer_of(lambda: answer)


def _letter(answer: Any, right: str, wrong: dict[str, str]) -> Verdict:
    """The verdict on one letter of several; wrong: letter -> hint."""
    if answer is None or answer is Ellipsis:
        return NOT_YET
    if not isinstance(answer, str) or answer.strip().lower() not in (right, *wrong):
        letters = ", ".join(map(repr, sorted([right, *wrong])))
        return hint(f"answer with one letter in quotes, one of {letters}")
    chosen = answer.strip().lower()
    return SOLVED if chosen == right else hint(wrong[chosen])


def _answer_of_either(function: Any, *inputs: Any) -> Any:
    """``answer_of``, given arrays or, where these fail, tensors; of two errors, the first."""
    answer = answer_of(function, *inputs)
    if isinstance(answer, Verdict) and "stopped with" in answer.text:  # perhaps written for torch
        import torch

        tensors = [torch.from_numpy(x) if isinstance(x, np.ndarray) else x for x in inputs]
        again = answer_of(function, *tensors)
        answer = answer if isinstance(again, Verdict) else again
    return answer


def labels_in_the_loop(answer: Any) -> Verdict:
    """Lesson 05, exercise 1: what changes when the picks' labels are deleted? A letter."""
    wrong = {
        "a": "SimCLR's loss compares two views of a patch; look for a label in its arguments",
        "b": "the proxy is fitted, but on which images? Read line 7 of the algorithm again",
        "c": "a strategy sees features and logits; the logits come from a proxy, which learned "
        "from labels, but not from the labels of the picks",
    }
    return _letter(answer, "d", wrong)


def update(function: Any) -> Verdict:
    """Lesson 05, exercise 2: the training set after a pick, as positions in the training images.

    Takes (chosen, candidates, picks); the order of what it returns does not matter.
    """
    inputs = (np.array([40, 7]), np.array([12, 30, 31, 55, 60]), np.array([3, 0]))
    answer = _answer_of_either(function, *inputs)
    if not isinstance(answer, Verdict):
        if answer.shape == (2, 2):
            return hint("this is a table with two rows; join the two into one row, as concatenate")
        answer = np.sort(answer.ravel())
    wrong = {
        "you added the picks themselves; they count within the candidates, so look up which "
        "images they are: candidates[picks]": [0, 3, 7, 40],
        "these are the new images alone; the encoder goes on with all that was chosen before": [
            12,
            55,
        ],
        "you added every candidate; only those that were picked join": [7, 12, 30, 31, 40, 55, 60],
        "you added the candidates that were not picked": [7, 30, 31, 40, 60],
        "you added the first candidates, as many as there are picks; picks says which ones": [
            7,
            12,
            30,
            40,
        ],
        "+ adds two arrays number by number, and joins only lists; np.concatenate joins arrays": [
            19,
            95,
        ],
        "you counted the candidates from 1; picks count from 0": [7, 31, 40, 60],
        "nothing was added: this is what was chosen before": [7, 40],
    }
    return compare(answer, [7, 12, 40, 55], wrong)


def round_costs(answer: Any) -> Verdict:
    """Lesson 05, exercise 4: image-epochs of each of four rounds of 100 images, 10 epochs."""
    wrong = {
        "this is the cost if each round trained on its new images alone; the set keeps the old "
        "ones, so it grows": [1000] * 4,
        "this is the total so far; the question is each round's own cost": [
            1000,
            3000,
            6000,
            10000,
        ],
        "these are the images; each is seen once in every epoch": [100, 200, 300, 400],
        "you doubled from round to round; a round adds 100 images, so the set goes 100, 200, 300": [
            1000,
            2000,
            4000,
            8000,
        ],
        "you counted both views; here an image counts once an epoch, though it gives two views": [
            2000,
            4000,
            6000,
            8000,
        ],
        "the images grow by 100 a round, and each is seen in all 10 epochs: not 1000 and 100 more, "
        "but 10 times 200": [1000, 1100, 1200, 1300],
        "round 0 trains as well, on the random first subset": [0, 1000, 2000, 3000],
        "the first round trains on its 100 images alone; nothing was chosen before it": [
            2000,
            3000,
            4000,
            5000,
        ],
        "the pool shrinks, but the encoder trains on what was taken out of it, and that grows": [
            4000,
            3000,
            2000,
            1000,
        ],
        "the images grow with the round and the epochs do not: a round's cost grows with its "
        "number, not with the square of it": [1000, 4000, 9000, 16000],
        "every round has its own size; this is the last one's, four times": [4000] * 4,
    }
    answer = _plain_answer(answer)
    if not isinstance(answer, Verdict) and answer.shape == ():
        return hint("give four numbers in a list, one for each round")
    return compare(answer, [1000, 2000, 3000, 4000], wrong)


def enrichment(function: Any) -> Verdict:
    """Lesson 05, exercise 3: how much richer in one class the picks are than the pool.

    Takes (labels, pool, picked, positive); positions are positions in ``labels``.
    """
    labels = np.array([5, 5, 1, 5, 2, 5, 0, 5, 5, 1, 0, 2, 0, 3, 4])
    pool = np.arange(4, 15)  # three of eleven are of class 5; with the rest, six of fifteen
    picked = np.array([5, 4, 7, 9])
    answer = _answer_of_either(function, labels, pool, picked, 5)
    here, there = 2 / 4, 3 / 11
    wrong = {
        "this is the share among the picks; divide it by the share in the pool": here,
        "this is the share in the pool; the share among the picks is to be divided by it": there,
        "this is upside down: it falls when the picks get richer": there / here,
        "this is the part of the pool's positives that was picked (recall); compare shares": 2 / 3,
        "you subtracted the shares; a ratio says how many times richer": here - there,
        "you divided by the share among all images; the labelled set was never on offer, so use "
        "the pool": here / (6 / 15),
        "you divided by the share among those that were left behind; the picks were on offer too, "
        "so use the whole pool": here / (1 / 7),
        "these are odds, positives to negatives; use shares, positives to all": 1 / (3 / 8),
        "you looked the picks up in the pool; picked holds positions in labels already": (1 / 4)
        / there,
        "you compared positions with the class; look up their labels first: labels[picked]": (1 / 4)
        / (1 / 11),
        "labels are class numbers, not 0 and 1: count where they equal positive": (
            labels[picked].mean() / labels[pool].mean()
        ),
        "you counted every class but number 0; count where the label equals positive": 1 / (8 / 11),
        "this is the enrichment of all other classes; positive is the one that is asked for": (
            (1 - here) / (1 - there)
        ),
        "you took 1 off; a class without preference has an enrichment of 1": here / there - 1,
        "// rounds down; divide with /": here // there,
    }
    if not isinstance(answer, Verdict):
        answer = answer.reshape(()) if answer.size == 1 else answer
    return compare(answer, here / there, wrong, tolerance=1e-3)  # takes rounded numbers


def strategy(function: Any) -> Verdict:
    """Lesson 05, exercise 5: does this function keep the contract of a strategy?"""
    import torch

    from activecl_nb import sampling, seeds

    if not callable(function):
        return NOT_YET
    draw = seeds.generator(0, "strategy exercise")
    features, chosen = torch.randn(12, 3, generator=draw), torch.randn(4, 3, generator=draw)
    logits = torch.randn(12, generator=draw)
    cases = {
        "with 12 candidates": (features, logits, chosen, 5),
        "when all candidates have the same logit": (features, torch.zeros(12), chosen, 5),
        "when nothing is chosen yet": (features, logits, chosen[:0], 5),
        "when the budget takes every candidate": (features, logits, chosen, 12),
    }
    for when, inputs in cases.items():
        verdict = _contract(sampling, function, inputs, when)
        if not verdict.solved:
            return verdict
    return SOLVED


def _contract(sampling: Any, function: Any, inputs: tuple[Any, ...], when: str) -> Verdict:
    """One call of a learner's strategy, and another that must give the same picks."""
    import copy

    from activecl_nb import seeds

    *tensors, budget = inputs
    found = []
    for _ in range(2):
        given = copy.deepcopy(tensors)
        # Not answer_of's copies: here it matters whether the inputs are changed.
        draw = seeds.generator(0, "strategy exercise", 1)
        picks = answer_of(functools.partial(function, *given, budget, draw))
        if isinstance(picks, Verdict):
            if "Generator' object has no attribute" in picks.text:
                return hint(
                    "generator is torch's, not NumPy's; draw with "
                    "torch.randperm(n, generator=generator) or torch.multinomial"
                )
            if picks is NOT_YET or when == "with 12 candidates":
                return picks
            return hint(f"{picks.text.removeprefix('not solved: ')} {when}")
        if any(not a.equal(b) for a, b in zip(given, tensors, strict=True)):
            return hint("your function changes its inputs; work on a copy (x.clone())")
        wrong = _not_picks(picks, len(tensors[0]), budget)
        if wrong:
            return hint(f"{wrong} ({when})")
        found.append(picks)
    if not np.array_equal(*found):
        return hint(
            "two calls with the same generator gave different picks; draw with "
            "generator=generator, so that a run can be repeated"
        )
    return SOLVED


def _not_picks(picks: np.ndarray, n: int, budget: int) -> str:
    """What is wrong with these picks; empty if nothing is."""
    if picks.shape != (budget,):
        if picks.ndim == 2 and len(picks) == 2:
            return (
                "sort and topk give two things, the values and where they are; return the second: "
                "scores.topk(budget).indices"
            )
        if picks.shape == (n,) and np.isin(picks, (0, 1)).all():
            return (
                "this is a mask, a yes or no for each candidate; mask.nonzero().flatten() is "
                "where it says yes"
            )
        if picks.shape == (n,):
            return (
                f"you return {n} numbers, one for each candidate; return the {budget} positions "
                "to pick: of scores these are scores.argsort(descending=True)[:budget]"
            )
        return f"return {budget} positions, as a shape ({budget},), not {picks.shape}"
    if not np.isfinite(picks).all() or (picks != picks.round()).any():
        return "these are no positions but scores; return where they are largest, as argsort does"
    if (picks < 0).any() or (picks >= n).any():
        return f"the candidates are 0 to {n - 1}, and you picked {picks.min():g} to {picks.max():g}"
    if len(np.unique(picks)) < budget:
        return "you picked a candidate more than once; a picked one is no candidate any more"
    return ""


# ---- lesson 06: the explorer ------------------------------------------------------------


def richest(answer: Any, view: Any, round: int = 1) -> Verdict:
    """Lesson 06, exercise 2: which strategy's picks of this round hold the most tumour?"""
    if answer is None or answer is Ellipsis:
        return NOT_YET
    shares = {name: view.summary(s, round).share() for s, name in enumerate(view.names)}
    if not isinstance(answer, str) or answer not in shares:
        return hint(f"answer with one of the panels' names in quotes: {', '.join(shares)}")
    most = max(shares.values())
    if shares[answer] == most:
        return SOLVED
    return hint(
        f"{shares[answer]:.0%} of the picks of {answer} are {view.positive} in round {round}, and "
        f"another panel has more; look at the bar 'this round' under each map"
    )


def map_distance(answer: Any) -> Verdict:
    """Lesson 06, exercise 1: what does a gap on a UMAP map mean? A letter."""
    wrong = {
        "a": "UMAP keeps neighbours together; it does not keep distances, so no ratio can be read",
        "b": "the proxy was not asked when the map was made; colour by probability to see it",
        "d": "the map was made from features alone, before any label was looked at",
    }
    return _letter(answer, "c", wrong)


def beyond_chance(function: Any) -> Verdict:
    """Lesson 06, exercise 3: how many times more picks two strategies share than by chance.

    Takes (first, second, pool): two lists of picked positions and the pool's size.
    """
    first, second = [3, 8, 15, 21, 30], [8, 2, 30, 44]
    answer = answer_of(function, first, second, 45)
    if isinstance(answer, Verdict) and "stopped with" in answer.text:  # perhaps written for arrays
        again = answer_of(function, np.array(first), np.array(second), 45)
        answer = answer if isinstance(again, Verdict) else again
    chance = 5 * 4 / 45
    wrong = {
        "this is how many they share; divide by how many two random draws would share": 2,
        "this is how many two random draws would share; divide the shared ones by it": chance,
        "this is the share of the first one's picks; two random draws share some as well": 2 / 5,
        "this is the share of the second one's picks; two random draws share some as well": 2 / 4,
        "this is the share of the pool; two random draws share some of it as well": 2 / 45,
        "this is the Jaccard index, shared by all; it has no pool in it": 2 / 7,
        "this is upside down: chance divided by what is shared": chance / 2,
        "you subtracted; the question is how many times": 2 - chance,
        "you took 1 off; 1 is chance": 2 / chance - 1,
        "a random draw of b patches out of the pool hits each of the first's a with chance "
        "b / pool, so a * b / pool are expected": 2 / (5 / 45),
        "the second draw hits each of the first's a with chance b / pool; you took a as 1": 2
        / (4 / 45),
        "the pool is missing: a larger pool makes a chance meeting rarer": 2 / (5 * 4),
        "a / pool times b / pool is the chance that one given patch is in both; the pool has many "
        "patches, so multiply by pool": 2 / (chance / 45),
        "two sets of a and b meet a * b / pool times, not (a + b) / pool": 2 / (9 / 45),
        "you counted all that either picked; count those that both picked": 7 / chance,
        "you compared place by place; a patch is shared wherever it stands in the lists": 0,
        "do not round: 1.4 times is not 1": round(2 / chance),
    }
    return compare(answer, 2 / chance, wrong, tolerance=1e-3)


# ---- lesson 07: reproduce the paper -----------------------------------------------------


def work_saved(answer: Any) -> Verdict:
    """Lesson 07, exercise 1: the part of the benchmark's image-epochs that 7 rounds spare."""
    answer = _plain_answer(answer)
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
    return _letter(answer, "c", wrong)


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
