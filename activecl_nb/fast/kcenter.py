"""k-center greedy for many candidates on a processor: the plain loop's picks, far sooner.

The plain loop (``sampling.paper.greedy``) computes the distance from every candidate to every pick.
Most of them are never needed. The distance to the closest chosen image can only fall, so the
last one computed, however old, is an upper bound. Keep the candidates in a heap by their bounds
and look only at the one on top: bring its distance up to date, and if it is still on top, no
other candidate can be farther, since even their bounds are lower. This is lazy greedy (Minoux,
"Accelerated greedy algorithms for maximizing submodular set functions", 1978).

Even then most of the distances computed are to picks much farther away than the closest one.
``sketch`` gives every candidate a shadow of 32 numbers: no two candidates are closer than their
shadows, so a shadow that is far enough away spares the distance itself.

The picks are those of exact greedy in float64. Float32 does the bulk, with a bound on its error,
and float64 decides wherever that error could matter. Beside the features this takes about
50 numbers per candidate, and blocks of a few MiB.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor

from activecl_nb.fast import jit

# Sums may be reordered and fused, so that loops use the processor's wide registers; the order
# is the same for every pair of rows, so equal rows have equal distances.
RELAXED: dict[str, Any] = {"error_model": "numpy", "fastmath": {"reassoc", "contract"}}
compiled = jit.compiled(nogil=True, **RELAXED)
part = njit(forceinline=True, **RELAXED)  # of a compiled function: see compiled_views

BLOCK = 2**20  # numbers held at a time while bounds and shadows are made
EPSILON = 2.0**-24  # relative error of one float32 operation
SHADOW = 32  # numbers in a candidate's shadow
TINY = 1e-30  # beside what float32 loses of the squares of very small numbers
LARGEST = 1e15  # features beyond this have squares that float32 cannot add up


def suits(features: Tensor) -> bool:
    """Whether ``lazy_greedy`` can read these features exactly and square them in float32."""
    exactly = features.dtype in (torch.float32, torch.float16, torch.bfloat16)
    return exactly and (features.numel() == 0 or float(features.abs().max()) < LARGEST)


def lazy_greedy(features: Tensor, chosen_features: Tensor, budget: int, rank: Tensor) -> Tensor:
    """The picks of ``sampling.paper.greedy``, for float32 features on the processor.

    features (n, d); chosen_features (m, d); rank int64 (n,): of candidates equally far, the
    lowest is taken. Returns int64 (budget,). All features must be finite.
    """
    points, chosen = (
        np.ascontiguousarray(x.detach().float().numpy()) for x in (features, chosen_features)
    )
    start = start_bounds(points, chosen)
    shadows = sketch(points, chosen)
    picks = lazy_loop(points, chosen, *start, *shadows, rank.numpy(), budget)
    return torch.from_numpy(picks)


def start_bounds(
    features: np.ndarray, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bounds on the squared distance from each candidate to the chosen set, by matrix products.

    ``|a - b|^2 = |a|^2 + |b|^2 - 2 a b`` is quick and, in float32, inexact: its error is at most
    about ``d * EPSILON * (|a| + |b|)^2``. Returns float64 (n,) upper bounds, int64 (n,) the
    chosen image that seems closest, and float64 (n,) lower bounds for all other chosen images.
    """
    n, d = features.shape
    bounds, others = np.full(n, np.inf), np.full(n, np.inf)
    closest = np.full(n, -1, dtype=np.int64)
    if not len(chosen):
        return bounds, closest, others
    # NumPy's product stays in float32; torch's may be set to fewer digits by its user.
    middle = chosen.mean(axis=0)  # distances do not change, and the products' error shrinks
    chosen = chosen - middle
    chosen_norms = np.square(chosen).sum(axis=1)
    reach = np.sqrt(chosen_norms.max())
    rows = max(1, BLOCK // max(len(chosen), d))
    for start in range(0, n, rows):
        part = slice(start, start + rows)
        block = features[part] - middle
        norms = np.square(block).sum(axis=1)
        error = (2 * d + 16) * EPSILON * np.square(np.sqrt(norms) + reach) + TINY
        products = block @ chosen.T
        two_smallest(
            products, norms, chosen_norms, error, bounds[part], closest[part], others[part]
        )
    return bounds, closest, others


def sketch(features: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Shadows of the candidates and of the chosen images, and the slack that rounding needs.

    A shadow holds the coordinates along the SHADOW - 1 directions in which the features differ
    most, and the length of what is left. By the triangle inequality two shadows are no farther
    apart than their images. Returns float32 (n, SHADOW) and (m, SHADOW), and a distance.
    """
    n, d = features.shape
    if d < 4 * SHADOW or n < SHADOW:  # a distance costs little more than a shadow
        return np.empty((n, 0), np.float32), np.empty((len(chosen), 0), np.float32), 0.0
    sample = features[:: max(1, n // 1024)]
    middle = sample.mean(axis=0)
    sample = sample - middle
    # Principal directions by a few rounds of subspace iteration; any orthonormal ones are valid.
    directions = np.linalg.qr(np.eye(d, SHADOW - 1, dtype=np.float32) + sample[: SHADOW - 1].T)[0]
    for _ in range(4):
        directions = np.linalg.qr((sample.T @ (sample @ directions)).astype(np.float64))[0]
        directions = directions.astype(np.float32)
    shadows, reach = [], 0.0
    for points in (features, chosen):
        shadow = np.empty((len(points), SHADOW), np.float32)
        for start in range(0, len(points), BLOCK // d):
            part = slice(start, start + BLOCK // d)
            block = points[part] - middle
            reach = max(reach, float(np.square(block).sum(axis=1).max()))
            shadow[part, :-1] = block @ directions
            rest = block - shadow[part, :-1] @ directions.T
            shadow[part, -1] = np.sqrt(np.square(rest).sum(axis=1))
        shadows.append(shadow)
    return *shadows, 2 * SHADOW**0.5 * (2 * d + 16) * EPSILON * reach**0.5


@compiled
def two_smallest(products, norms, chosen_norms, error, bounds, closest, others):
    """For each row: bounds by its smallest squared distance, where that is, and by the second."""
    for i in range(len(products)):
        row = products[i]
        for j in range(len(row)):
            row[j] = chosen_norms[j] - 2 * row[j]
        smallest = row[0]
        for value in row:
            smallest = min(smallest, value)
        where, second = -1, np.float32(np.inf)
        for j in range(len(row)):
            if row[j] == smallest and where < 0:
                where = j
            else:
                second = min(second, row[j])
        bounds[i] = max(0.0, np.float64(smallest) + norms[i]) + error[i]
        closest[i] = where
        others[i] = np.float64(second) + norms[i] - error[i]


@compiled
def lazy_loop(
    features, chosen, bounds, closest, others, shadows, chosen_shadows, slack, rank, budget
):
    """Lazy greedy; ``bounds`` is used up. Squared distances order candidates as distances do."""
    n = len(features)
    picks = np.empty(budget, np.int64)
    pick_shadows = np.empty((budget, shadows.shape[1]), np.float32)
    seen = np.full(n, -1, np.int64)  # picks that a bound accounts for; -1: chosen images not yet
    heap = np.arange(n)
    for place in range(n // 2 - 1, -1, -1):
        sift_down(heap, place, n, bounds, rank)
    taken = 0
    while taken < budget:
        top = heap[0]
        x, shadow = features[top], shadows[top]
        if seen[top] < 0:
            nearest = np.inf
            if len(chosen) > 0:
                nearest = exact(x, chosen[closest[top]])
            if others[top] < nearest:  # another chosen image may be closer still
                for k in range(len(chosen)):
                    if may_be_closer(shadow, chosen_shadows[k], slack, nearest):
                        nearest = closer(x, chosen[k], nearest)
            bounds[top] = nearest
            seen[top] = 0
        elif seen[top] < taken:
            nearest = bounds[top]
            for k in range(seen[top], taken):
                if may_be_closer(shadow, pick_shadows[k], slack, nearest):
                    nearest = closer(x, features[picks[k]], nearest)
            bounds[top] = nearest
            seen[top] = taken
        else:
            picks[taken] = top
            pick_shadows[taken] = shadow
            taken += 1
            n -= 1
            heap[0] = heap[n]
        sift_down(heap, 0, n, bounds, rank)
    return picks


@part
def may_be_closer(shadow, other, slack, nearest):
    """Whether shadows leave it open that the squared distance is below ``nearest``."""
    apart = np.float32(0)
    for k in range(len(shadow)):
        step = shadow[k] - other[k]
        apart += step * step
    return np.sqrt(np.float64(apart)) * (1 - 1e-4) < np.sqrt(nearest) + slack


@part
def closer(x, y, nearest):
    """The smaller of ``nearest`` and the squared distance of x and y."""
    rough = np.float32(0)
    for k in range(len(x)):
        step = x[k] - y[k]
        rough += step * step
    if rough * (1 - (len(x) + 4) * EPSILON) >= nearest:
        return nearest
    return min(nearest, exact(x, y))


@part
def exact(x, y):
    """The squared distance in float64."""
    total = 0.0
    for k in range(len(x)):
        step = np.float64(x[k]) - np.float64(y[k])
        total += step * step
    return total


@part
def sift_down(heap, place, n, bounds, rank):
    """Let the candidate at this place sink below those with larger bounds, or equal and first."""
    sinking = heap[place]
    while 2 * place + 1 < n:
        child = 2 * place + 1
        if child + 1 < n and before(heap[child + 1], heap[child], bounds, rank):
            child += 1
        if not before(heap[child], sinking, bounds, rank):
            break
        heap[place] = heap[child]
        place = child
    heap[place] = sinking


@part
def before(a, b, bounds, rank):
    return bounds[a] > bounds[b] or (bounds[a] == bounds[b] and rank[a] < rank[b])
