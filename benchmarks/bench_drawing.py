"""How the drawn tissues are told apart by a network that saw photographs, and held to real tiles.

    TILES=<folder of a folder a class> python benchmarks/bench_drawing.py

A frozen EfficientNet-Lite0 (extra ``pretrained``) looks at patches of 112 micrometres, 96 pixels a
side; a logistic regression on its features is fitted on one set and names the patches of another:
drawn by drawn of another seed, real by drawn, drawn by real, and real by the other real tiles. Of
each image the mean and the deviation of each colour are taken away, so that stain tells nothing.
Without TILES, or without the extra, a line says what was not run.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from activecl_nb import tissue
from activecl_nb.curation import encoders
from activecl_nb.sources import phantom
from activecl_nb.tissue import CLASS_NAMES

SIZE = 96  # as lesson 01 draws them
EACH = 60  # drawn patches a class


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """``EACH`` patches a class, none a near-copy, none spoiled: images and class numbers."""
    known = phantom.facts(range(60 * EACH), seed=seed)
    usable = (known["duplicate_of"] < 0) & (known["artefact"] == "none")
    kinds = range(len(CLASS_NAMES))
    chosen = [np.flatnonzero(usable & (known["true_class"] == kind))[:EACH] for kind in kinds]
    indices = np.concatenate(chosen)
    return phantom.draw(indices, SIZE, seed=seed), known["true_class"][indices]


def tiles(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The real tiles, a folder a class, at the same size."""
    real = tissue.load("folder", "all", path=folder, size=SIZE)
    numbers = np.array([CLASS_NAMES.index(name) for name in real.class_names])
    return real.images.numpy(), numbers[real.labels.numpy()]


def seen(encoder: encoders.Encoder, images: np.ndarray) -> np.ndarray:
    """Features of images whose colours were made alike, float32 (n, d)."""
    pixels = images.astype(np.float32)
    mean, spread = (f(pixels, axis=(2, 3), keepdims=True) for f in (np.mean, np.std))
    alike = np.clip(128 + 50 * (pixels - mean) / np.maximum(spread, 1), 0, 255)
    return encoder(torch.from_numpy(alike.astype(np.uint8))).numpy()


CLASSIFIER = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=3000))
PARTS = KFold(8, shuffle=True, random_state=0)  # each is named by the rest


def named(features: np.ndarray, kinds: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The class of each of the others, by a logistic regression on these."""
    return CLASSIFIER.fit(features, kinds).predict(others)


def table(title: str, kinds: np.ndarray, calls: np.ndarray) -> None:
    print(f"{title}: {np.mean(kinds == calls):.2f} of {len(kinds)} named rightly")
    for number, name in enumerate(CLASS_NAMES):
        of = calls[kinds == number]
        counts = np.bincount(of, minlength=len(CLASS_NAMES))
        said = [f"{CLASS_NAMES[k]} {counts[k]}" for k in np.argsort(-counts) if counts[k]]
        print(f"  {name} ({len(of)}) is called {', '.join(said)}", flush=True)


def main() -> None:
    if not encoders.available():
        print(f"not run: {encoders.offer()}")
        return
    lite = encoders.load(encoders.LITE)
    (images, kinds), (others, other_kinds) = drawn(0), drawn(1)
    features = seen(lite, images)
    table("drawn, by drawn", other_kinds, named(features, kinds, seen(lite, others)))
    if not os.environ.get("TILES"):
        print("real tiles: not run, TILES is not set")
        return
    real, real_kinds = tiles(Path(os.environ["TILES"]))
    of_real = seen(lite, real)
    rest = cross_val_predict(CLASSIFIER, of_real, real_kinds, cv=PARTS)
    table("real, by the other real tiles", real_kinds, rest)
    table("real, by drawn", real_kinds, named(features, kinds, of_real))
    table("drawn, by real", kinds, named(of_real, real_kinds, features))


if __name__ == "__main__":
    main()
