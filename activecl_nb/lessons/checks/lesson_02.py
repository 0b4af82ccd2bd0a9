"""The checks of lesson 02, SimCLR."""

from __future__ import annotations

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


def chance_loss(answer: Any) -> Verdict:
    """Lesson 02, exercise 2: NT-Xent of a batch of 4 patches when all similarities are equal."""
    return compare(
        plain_answer(answer),
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
        plain_answer(answer),
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
    return letter_is(letter, "b", wrong)


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
