"""NT-Xent as a learner may get it wrong: each step of the loss with the mistakes made in it.

The loss is a chain of steps: bring rows to length 1, compare, divide by the temperature, leave
out k = i, find the partner, sum over the candidates, take the log and the mean. A mistake is one
step done otherwise. So one function with a choice at each step gives the right loss, every known
mistake, and any two of them together.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

RIGHT = {
    "length": "rows",
    "compare": "cosine",
    "divide": "tau",
    "own": "left out",
    "partner": "i + N",
    "candidates": "all others",
    "end": "mean",
}

# step -> (what is done instead, the hint)
MISTAKES: dict[str, dict[str, str]] = {
    "length": {
        "none": "similarity is the cosine: normalise each row to length 1 first",
        "columns": "you normalise each column (dim=0); it is each row, one projection, that has "
        "length 1",
        "no root": "you divide each row by the sum of its squares; its length is the square root "
        "of that",
        "matrix": "you divide by the norm of the whole matrix, which is one number; each row has "
        "a length of its own: norm(dim=1, keepdim=True)",
        "two matrices": "you divide z_i and z_j each by the norm of a whole matrix; each row has "
        "a length of its own: norm(dim=1, keepdim=True)",
        "absolute": "you divide each row by the sum of its absolute values; its length is the "
        "root of the sum of squares",
        "largest": "you divide each row by its largest value; its length is the root of the sum "
        "of squares",
        "first": "only z_i is brought to length 1; z_j is compared as well",
        "softmax": "a softmax does not bring a row to length 1; divide it by its norm",
    },
    "compare": {
        "distance": "you compare by the distance, which is small for what is alike; sim is the "
        "cosine, the dot product of two rows of length 1",
        "minus distance": "you compare by minus the distance; sim is the cosine, the dot product "
        "of two rows of length 1",
        "minus squares": "you compare by minus the squared distance, which is 2 cos - 2, so "
        "everything counts twice; sim is the cosine itself",
        "cosine distance": "1 - cosine is a distance: it gives the partner the smallest score; "
        "sim is the cosine itself",
        "absolute": "the sign of the cosine is lost: opposite directions are not alike",
        "angle": "you compare by the angle; sim is its cosine",
    },
    "divide": {
        "not at all": "the temperature is missing, or outside the exponential, where it cancels: "
        "divide the similarities by it",
        "multiply": "you multiply by the temperature; divide by it",
        "0.1": "the temperature is fixed at 0.1; use the argument",
        "0.5": "the temperature is fixed at 0.5; use the argument",
        "square": "you divide by the temperature twice, or by its square; once is meant",
        "root": "you divide by the square root of the temperature; divide by itself",
    },
    "own": {
        "in": "a view is compared with itself: leave k = i out of the sum below",
        "one": "you set the similarity of a view to itself to 0, and exp(0) is 1: it still "
        "counts; set it to minus infinity, or leave it out after the exponential",
        "minus one": "you set the similarity of a view to itself to -1, which still counts; set "
        "it to minus infinity, or leave it out after the exponential",
    },
    "partner": {
        "neighbour": "the partner of view i is i + N in the stacked batch, not its neighbour i + 1",
        "roll": "the partner of view i is i + N in the stacked batch (roll by N, not by 1)",
        "itself": "each view is asked to find itself; its partner is the other view of its patch",
        "alternating": "the stack alternates first and second views, and the partners do not: "
        "with torch.cat the partner of i is i + N, in an alternating stack its neighbour",
    },
    "candidates": {
        "no partner": "the partner is missing from the sum below; only k = i is left out",
        "partner twice": "the partner is counted twice in the sum below; it is in the sum over k "
        "already",
        "mean": "below stands a sum over the candidates, not their mean",
        "mean of others": "below stands a sum over the 2N - 1 candidates, not their mean",
        "across": "each z_i looks for its partner among the z_j alone; its candidates are all "
        "2N - 1 other views",
        "across, both ways": "both directions, but each view looks among the other half alone; "
        "its candidates are all 2N - 1 other views",
        "first": "only the first views ask for their partner; the second views ask too: mean over "
        "2N",
        "everything": "the softmax runs over the whole matrix; each view, each row, has one of "
        "its own",
    },
    "end": {
        "no sign": "the minus sign is missing",
        "sum": "that is the sum over the 2N views; take their mean",
        "sum over N": "that is the sum over the 2N views divided by N; divide by 2N",
        "sum over 2N - 1": "that is the sum over the 2N views divided by 2N - 1; divide by 2N",
        "half": "that is half of the loss: the mean over 2N views was halved once more",
        "each view": "those are the losses of the 2N views, which are right; the mean over them "
        "is forgotten",
        "one view": "that is the loss of the first view alone; take the mean over all 2N",
        "median": "that is the median of the views' losses; take their mean",
        "over tau": "the loss is divided by the temperature; it divides the similarities alone",
        "times tau": "the loss is multiplied by the temperature; it divides the similarities "
        "alone (some write it so elsewhere, the paper does not)",
        "log2": "log base 2; the loss uses the natural logarithm (torch.log, np.log)",
        "log10": "log base 10; the loss uses the natural logarithm (torch.log, np.log)",
        "log of mean": "the log of the mean probability is not the mean of the logs: take the log "
        "first",
        "no log": "that is minus the mean probability; the logarithm is missing",
        "probability": "that is the mean probability; the loss is minus its logarithm, view by "
        "view",
        "one minus": "that is 1 minus the mean probability; the loss is minus its logarithm",
        "log1p": "that is the log of 1 + p; the loss is minus the log of p itself",
        "softmax twice": "a softmax too many: F.cross_entropy takes the scores, and does the "
        "softmax itself",
        "pull": "that is the pull of the partners alone; the sum below, with the negatives, is "
        "missing",
        "push": "that is the log of the sum below alone; the partner's similarity above is missing",
        "cosines": "that is the mean cosine distance of the partners; the negatives are missing",
    },
}


def loss(z_i: np.ndarray, z_j: np.ndarray, tau: float, **instead: str) -> np.ndarray:
    """The loss in float64 from its formula; ``instead`` does steps otherwise."""
    how = RIGHT | instead
    n = len(z_i)
    rows = np.arange(2 * n)
    with np.errstate(all="ignore"):  # a mistake may divide by 0 or overflow; so it is not met
        z = _directions(z_i, z_j, how["length"])
        if how["partner"] == "alternating":
            z = np.stack([z[:n], z[n:]], axis=1).reshape(2 * n, -1)
        partner = {"neighbour": rows ^ 1, "roll": np.roll(rows, 1), "itself": rows}.get(
            how["partner"], np.roll(rows, n)
        )
        similarity = _similarity(z, how["compare"])
        logits = similarity * _factor(tau, how["divide"])
        e = np.exp(logits)
        if how["own"] != "in":
            minus_one = np.exp(-_factor(tau, how["divide"]))
            np.fill_diagonal(e, {"one": 1.0, "minus one": minus_one}.get(how["own"], 0.0))
        above, below = _fraction(e, partner, how["candidates"])
        asked = len(above)  # all views, or the first ones alone
        pulled = logits[rows, partner][:asked]
        return _end(above, below, pulled, similarity[rows, partner], e, tau, how["end"])


def _directions(z_i: np.ndarray, z_j: np.ndarray, length: str) -> np.ndarray:
    z = np.concatenate([z_i, z_j])

    def unit(v: np.ndarray) -> np.ndarray:
        return v / np.linalg.norm(v, axis=1, keepdims=True)

    e = np.exp(z)
    return {
        "rows": lambda: unit(z),
        "none": lambda: z,
        "columns": lambda: z / np.linalg.norm(z, axis=0),
        "no root": lambda: z / (z**2).sum(axis=1, keepdims=True),
        "matrix": lambda: z / np.linalg.norm(z),
        "two matrices": lambda: np.concatenate([v / np.linalg.norm(v) for v in (z_i, z_j)]),
        "absolute": lambda: z / np.abs(z).sum(axis=1, keepdims=True),
        "largest": lambda: z / z.max(axis=1, keepdims=True),
        "first": lambda: np.concatenate([unit(z_i), z_j]),
        "softmax": lambda: e / e.sum(axis=1, keepdims=True),
    }[length]()


def _similarity(z: np.ndarray, compare: str) -> np.ndarray:
    product = z @ z.T
    squares = ((z[:, None] - z) ** 2).sum(axis=2)
    return {
        "cosine": product,
        "distance": np.sqrt(squares),
        "minus distance": -np.sqrt(squares),
        "minus squares": -squares,
        "cosine distance": 1 - product,
        "absolute": np.abs(product),
        "angle": np.arccos(np.clip(product, -1, 1)),
    }[compare]


def _factor(tau: float, divide: str) -> float:
    powers = {"tau": -1.0, "not at all": 0.0, "multiply": 1.0, "square": -2.0, "root": -0.5}
    return tau ** powers[divide] if divide in powers else 1 / float(divide)


def _fraction(e: np.ndarray, partner: np.ndarray, candidates: str) -> tuple[np.ndarray, np.ndarray]:
    """What stands above and below the line, for each view that asks."""
    n, rows = len(e) // 2, np.arange(len(e))
    above = e[rows, partner]
    other_half = np.concatenate([e[:n, n:].sum(axis=1), e[n:, :n].sum(axis=1)])
    below = {
        "no partner": e.sum(axis=1) - above,
        "partner twice": e.sum(axis=1) + above,
        "mean": e.mean(axis=1),
        "mean of others": e.sum(axis=1) / (2 * n - 1),
        "across": other_half,
        "across, both ways": other_half,
        "everything": np.full(2 * n, e.sum()),
    }.get(candidates, e.sum(axis=1))
    asked = n if candidates in ("across", "first") else 2 * n
    return above[:asked], below[:asked]


def _end(
    above: np.ndarray,
    below: np.ndarray,
    pulled: np.ndarray,
    cosines: np.ndarray,
    e: np.ndarray,
    tau: float,
    end: str,
) -> np.ndarray:
    p = above / below
    each = -np.log(p)
    views = len(each)
    shares = e / e.sum(axis=1, keepdims=True)
    ends: dict[str, Callable[[], np.ndarray]] = {
        "mean": each.mean,
        "no sign": lambda: -each.mean(),
        "sum": each.sum,
        "sum over N": lambda: 2 * each.mean(),
        "sum over 2N - 1": lambda: each.sum() / (views - 1),
        "half": lambda: each.mean() / 2,
        "each view": lambda: each,
        "one view": lambda: each[0],
        "median": lambda: np.median(each),
        "over tau": lambda: each.mean() / tau,
        "times tau": lambda: each.mean() * tau,
        "log2": lambda: each.mean() / np.log(2),
        "log10": lambda: each.mean() / np.log(10),
        "log of mean": lambda: -np.log(p.mean()),
        "no log": lambda: -p.mean(),
        "probability": p.mean,
        "one minus": lambda: 1 - p.mean(),
        "log1p": lambda: -np.log1p(p).mean(),
        "softmax twice": lambda: (np.log(np.exp(shares).sum(axis=1))[:views] - p).mean(),
        "pull": lambda: -pulled.mean(),
        "push": lambda: np.log(below).mean(),
        "cosines": lambda: 1 - cosines.mean(),
    }
    return np.asarray(ends[end]())


def wrong() -> Iterator[tuple[str, Callable[..., np.ndarray]]]:
    """Each mistake alone, then any two at different steps: the hint, and the loss it gives."""
    single = [
        (step, how, text) for step, others in MISTAKES.items() for how, text in others.items()
    ]
    for step, how, text in single:
        slip: dict[str, Any] = {step: how}
        yield text, functools.partial(loss, **slip)
    # The temperature left out and the loss divided by it are one slip, not two.
    yield (
        "the temperature stands outside: it divides the similarities within the exponential, not "
        "the loss",
        functools.partial(loss, divide="not at all", end="over tau"),
    )
    for (step, how, text), (other, also, more) in itertools.combinations(single, 2):
        if step != other:
            told = f"two things: {text}; and {more}"
            slips: dict[str, Any] = {step: how, other: also}
            yield told, functools.partial(loss, **slips)
