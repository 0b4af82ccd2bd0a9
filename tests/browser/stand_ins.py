"""Runs and tissue that cost nothing: what the explorer needs of them, and no training."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch

from activecl_nb.pictures import maps
from activecl_nb.tissue import CLASS_NAMES, Tissue

STRATEGIES = ("random", "entropy", "kcenter", "certainty")
HUES = np.array(
    [
        (250, 245, 250),
        (240, 240, 240),
        (150, 110, 120),
        (90, 60, 140),
        (200, 190, 220),
        (220, 120, 160),
        (190, 130, 180),
        (230, 170, 200),
        (150, 60, 130),
    ]
)


def tissue(n: int, side: int = 32, seed: int = 0) -> Tissue:
    """Patches of nine classes, each of its own colour and grain, with ground truth."""
    draw = np.random.default_rng(seed)
    share = np.array([1, 1, 1, 1, 1, 1, 1, 1, 0.8])
    labels = draw.choice(9, n, p=share / share.sum())
    images = np.empty((n, 3, side, side), dtype=np.uint8)
    for start in range(0, n, 1000):
        block = labels[start : start + 1000]
        grain = draw.normal(0, 22, (len(block), 3, side // 4, side // 4))
        grain = np.kron(grain, np.ones((4, 4)))[:, :, :side, :side]
        values = HUES[block][:, :, None, None] + grain
        images[start : start + 1000] = np.clip(values, 0, 255)
    twins = np.where(draw.random(n) < 0.05, draw.integers(0, n, n), -1)
    return Tissue(
        images=torch.from_numpy(images),
        labels=torch.from_numpy(labels.astype(np.int64)),
        class_names=CLASS_NAMES,
        source="stand-in patches, made for a test",
        facts={
            "patient": draw.integers(0, 12, n),
            "centre": np.array(["A", "B"])[draw.integers(0, 2, n)],
            "difficulty": draw.random(n).astype(np.float32),
            "duplicate_of": twins,
            "artefact": np.array(["none", "fold", "pen"])[draw.integers(0, 3, n)],
        },
    )


def data(n: int, side: int = 32, seed: int = 0) -> SimpleNamespace:
    return SimpleNamespace(train=tissue(n, side, seed), test=None, positive="TUM")


def features(labels: np.ndarray, dimensions: int = 16, seed: int = 0) -> np.ndarray:
    """A cloud for each class; the last two overlap, so that there is a boundary to look at."""
    draw = np.random.default_rng(seed)
    centres = draw.normal(0, 3, (9, dimensions))
    centres[8] = centres[7] + draw.normal(0, 0.6, dimensions)
    return (centres[labels] + draw.normal(size=(len(labels), dimensions))).astype(np.float32)


def run(
    strategy: str,
    labels: np.ndarray,
    pool: np.ndarray,
    points: np.ndarray,
    *,
    rounds: int,
    budget: int,
    watched: np.ndarray | None = None,
    seed: int = 0,
) -> SimpleNamespace:
    """A run whose picks follow its strategy roughly, on given features of all patches."""
    watched = pool if watched is None else watched
    draw = np.random.default_rng([seed, STRATEGIES.index(strategy)])
    direction = points[labels == 8].mean(0) - points[labels == 7].mean(0)
    middle = (points[labels == 8].mean(0) + points[labels == 7].mean(0)) / 2
    logits = (points - middle) @ direction * 2
    left, done = pool.copy(), []
    for t in range(rounds):
        if t == 0:
            picked = np.random.default_rng(seed).permutation(left)[:budget]
        elif strategy == "random":
            picked = draw.permutation(left)[:budget]
        elif strategy == "entropy":
            picked = left[np.argsort(np.abs(logits[left]))[:budget]]
        elif strategy == "certainty":
            picked = left[np.argsort(-np.abs(logits[left]))[:budget]]
        else:
            spread = np.linalg.norm(points[left] - points.mean(0), axis=1)
            picked = left[np.argsort(-spread + draw.random(len(left)))[:budget]]
        left = np.setdiff1d(left, picked)
        seen = logits[watched] * (0.4 + 0.1 * t) + draw.normal(0, 0.5, len(watched))
        done.append(
            SimpleNamespace(
                number=t,
                picked=picked.astype(np.int64),
                candidates=pool,
                watched_logits=seen.astype(np.float32),
                scores={"f1": 0.5 + 0.03 * t + 0.02 * draw.random()},
                image_epochs=budget * (t + 1),
            )
        )
    return SimpleNamespace(
        strategy=strategy, seed=seed, pool=pool, watched=watched, rounds=tuple(done), path=None
    )


def everything(
    n: int = 600, rounds: int = 5, budget: int = 30, side: int = 32, train: Tissue | None = None
) -> SimpleNamespace:
    """Data, four runs and a map, whose positions are two principal components."""
    known = data(n, side)
    if train is not None:
        known.train = train
    labels = known.train.labels.numpy()
    points = features(labels)
    pool = np.sort(np.random.default_rng(1).permutation(n)[: n - n // 20])
    runs = {
        name: run(name, labels, pool, points, rounds=rounds, budget=budget) for name in STRATEGIES
    }
    positions = maps.reduce(points[pool], 2)
    return SimpleNamespace(
        data=known,
        runs=runs,
        map=maps.of_features(points[pool], pool, positions=positions),
        points=points,
    )
