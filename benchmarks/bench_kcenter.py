"""k-center greedy: lazy (``kcenter.lazy_greedy``) against the plain incremental loop and a peer.

    python benchmarks/bench_kcenter.py [small large huge]

All times are of the processor, on one thread, so that other work on the machine does not count.

``small``: 1,000 picks of 10,000 candidates with 1,000 chosen, 512 features. Each time is that of
the whole call, the distances to the chosen images included; lazy and plain take turns, and each
ratio is the median over the turns. The plain loop, as others write it, adds cached norms and one
matrix-vector product a pick, in float32. All picks are compared with those of exact greedy in
float64. The peer is scikit-activeml's CoreSet; without it the line says so.
``large``: 10,000 picks of 100,000 candidates. ``huge``: 10,000 picks of 1,000,000 candidates with
128 features, the memory it takes beside them, and a check of the first picks.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from activecl_nb import seeds
from activecl_nb.fast import kcenter
from activecl_nb.sampling import paper

# The ratio of lazy to plain that is promised: on clustered features, and on any others.
PROMISED = {"clustered": 0.15, "noise": 1.0, "plane": 1.0, "rectified": 1.0}


def points(kind: str, n: int, d: int) -> Tensor:
    """Features of one kind; float32 (n, d)."""
    draw = seeds.generator(0, "bench", kind, n)
    if kind == "clustered":  # 50 clusters of different widths
        centres = 3 * torch.randn(50, d, generator=draw)
        widths = torch.rand(n, 1, generator=draw)
        which = torch.randint(50, (n,), generator=draw)
        return centres[which] + widths * torch.randn(n, d, generator=draw)
    if kind == "noise":  # no structure: all points are about equally far apart
        return torch.randn(n, d, generator=draw)
    if kind == "plane":  # no clusters in the two dimensions that there are
        return torch.randn(n, 2, generator=draw) @ torch.randn(2, d, generator=draw)
    # rectified: 16 hidden numbers behind a layer of ReLU, as an encoder's features
    return (torch.randn(n, 16, generator=draw) @ torch.randn(16, d, generator=draw)).relu()


def plain(features: Tensor, chosen: Tensor, budget: int, rank: Tensor) -> Tensor:
    """The incremental loop that lazy greedy is measured against."""
    norms, chosen_norms = features.square().sum(dim=1), chosen.square().sum(dim=1)
    nearest = torch.addmm(chosen_norms, features, chosen.T, alpha=-2).amin(dim=1) + norms
    picks = torch.empty(budget, dtype=torch.int64)
    for step in range(budget):
        farthest = int(nearest.argmax())
        picks[step] = farthest
        distances = norms + norms[farthest] - 2 * (features @ features[farthest])
        nearest = torch.minimum(nearest, distances)
        nearest[farthest] = -torch.inf
    return picks


def timed(function: Callable[..., Tensor], *arguments: object) -> tuple[Tensor, float]:
    start = time.process_time()
    result = function(*arguments)
    return result, time.process_time() - start


def peer(features: Tensor, chosen: Tensor, budget: int) -> tuple[Tensor, float] | str:
    """Picks of scikit-activeml's CoreSet and its seconds, or why there are none."""
    try:
        from skactiveml.pool import CoreSet
    except ImportError:
        return "scikit-activeml is not installed"
    x = np.concatenate([chosen.numpy(), features.numpy()]).astype(np.float64)
    y = np.full(len(x), np.nan)
    y[: len(chosen)] = 0
    start = time.process_time()
    picks = CoreSet(random_state=0).query(x, y, batch_size=budget)
    return torch.as_tensor(picks) - len(chosen), time.process_time() - start


def small(n: int = 10_000, m: int = 1_000, budget: int = 1_000, d: int = 512) -> None:
    rank = torch.randperm(n, generator=seeds.generator(0, "bench"))
    kcenter.lazy_greedy(torch.zeros(99, d), torch.zeros(3, d), 2, torch.arange(99))  # compile
    for kind, promised in PROMISED.items():
        features, chosen = points(kind, n + m, d).split([n, m])
        turns = []
        for _ in range(3):
            picks, lazy_seconds = timed(kcenter.lazy_greedy, features, chosen, budget, rank)
            plain_picks, plain_seconds = timed(plain, features, chosen, budget, rank)
            turns.append((lazy_seconds / plain_seconds, lazy_seconds, plain_seconds))
        ratio, lazy_seconds, plain_seconds = (
            statistics.median(t) for t in zip(*turns, strict=True)
        )
        exact = paper.greedy(features, chosen, budget, rank)
        if not torch.equal(picks, exact):
            raise AssertionError(f"{kind}: lazy greedy does not make the picks of exact greedy")
        print(
            f"{kind:10} lazy / plain = {ratio:.3f} (promised {promised}), {lazy_seconds:.2f} s "
            f"against {plain_seconds:.2f} s; picks equal exact greedy; float32 rounding leaves "
            f"the plain loop {len(set(plain_picks.tolist()) & set(exact.tolist()))} of {budget}",
            flush=True,
        )
        if kind == "clustered":
            other = peer(features, chosen, budget)
            if isinstance(other, str):
                print(f"{'':10} lazy / CoreSet: skipped, {other}")
                continue
            if not torch.equal(other[0], exact):
                raise AssertionError(f"{kind}: CoreSet and exact greedy pick differently")
            print(
                f"{'':10} lazy / scikit-activeml's CoreSet = {lazy_seconds / other[1]:.4f}, "
                f"the latter took {other[1]:.1f} s; identical picks",
                flush=True,
            )


def large(n: int = 100_000, m: int = 1_000, budget: int = 10_000, d: int = 512) -> None:
    kcenter.lazy_greedy(torch.zeros(99, d), torch.zeros(3, d), 2, torch.arange(99))  # compile
    for kind in PROMISED:
        features, chosen = points(kind, n + m, d).split([n, m])
        _, seconds = timed(kcenter.lazy_greedy, features, chosen, budget, torch.arange(n))
        # The plain loop's time by its rate: budget x n distances, from 20 picks of the loop.
        _, short = timed(plain, features, chosen, 20, torch.arange(n))
        _, none = timed(plain, features, chosen, 0, torch.arange(n))
        expected = none + (short - none) / 20 * budget
        print(
            f"{kind:10} {budget:,} picks of {n:,}: {seconds / 60:.2f} of the promised minute; "
            f"lazy / plain = {seconds / expected:.3f} (plain by its rate over 20 picks)",
            flush=True,
        )


def huge(n: int = 1_000_000, m: int = 1_000, budget: int = 10_000, d: int = 128) -> None:
    kcenter.lazy_greedy(torch.zeros(99, d), torch.zeros(3, d), 2, torch.arange(99))  # compile
    for kind in ("clustered", "rectified"):
        features, chosen = points(kind, n + m, d).split([n, m])
        before = forget_peak()
        picks, seconds = timed(kcenter.lazy_greedy, features, chosen, budget, torch.arange(n))
        beside = (status("VmHWM") - before) / n
        first = paper.greedy(features, chosen, 5, torch.arange(n))
        if not torch.equal(picks[:5], first):
            raise AssertionError(f"{kind}: lazy greedy does not begin with exact greedy's picks")
        _, short = timed(plain, features, chosen, 20, torch.arange(n))
        _, none = timed(plain, features, chosen, 0, torch.arange(n))
        expected = none + (short - none) / 20 * budget
        print(
            f"{kind:10} {budget:,} picks of {n:,} ({d} features): {seconds / 60:.2f} minutes; "
            f"lazy / plain = {seconds / expected:.3f} (plain by its rate over 20 picks); "
            f"{beside:.0f} bytes a candidate beside its features ({4 * d})",
            flush=True,
        )


def forget_peak() -> int:
    """Let the process's highest memory count from now on; bytes held now. Linux alone does this."""
    Path("/proc/self/clear_refs").write_text("5")
    return status("VmRSS")


def status(name: str) -> int:
    """Bytes, from /proc/self/status: VmRSS is held now, VmHWM was the most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        for name in sys.argv[1:] or ["small", "large", "huge"]:
            {"small": small, "large": large, "huge": huge}[name]()
