"""Which small encoder learns most in equal time: the laptop profile's, against its neighbours.

    python benchmarks/bench_encoder.py [--seconds 30] [--seeds 3]

Each encoder is trained by SimCLR on the same random 768 patches of the phantom's pool until it
has used its seconds of processor time on one thread. Then a proxy on 500 labels is scored on the
patches of the other centre. Beside it stand the same encoder untrained, and a histogram of
colours. Mean and standard deviation over seeds (of split, first weights and draws).
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Iterator

import torch

from activecl_nb import imbalance, proxy, simclr
from activecl_nb.imbalance import Data
from activecl_nb.protocol import Protocol

PATCHES = 768  # what the laptop profile's loop has picked in the end
CHANGES = (  # one at a time, from the laptop profile
    {},
    {"width": 8},
    {"width": 32},
    {"stem": "half"},
    {"stem": "half", "width": 8},
    {"learning_rate": 5e-4},
    {"learning_rate": 2e-3},
    {"batch_size": 32},
    {"batch_size": 128},
    {"image_size": 48},
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--seconds", type=float, default=30)
    options.add_argument("--seeds", type=int, default=3)
    given = options.parse_args()
    laptop = Protocol.of("laptop")
    print(
        "encoder                     epochs   F1 trained     untrained    AP trained     untrained"
    )
    for change in CHANGES:
        protocol = dataclasses.replace(laptop, **change)
        data = imbalance.load("phantom", protocol)
        rows = [measured(protocol, data, seed, given.seconds) for seed in range(given.seeds)]
        name = ", ".join(f"{k} {v}" for k, v in change.items()) or "the laptop profile's"
        epochs = statistics.mean(row[0] for row in rows)
        scores = "  ".join(spread(row[k] for row in rows) for k in (1, 3, 2, 4))
        print(f"{name:<27} {epochs:>6.0f}   {scores}", flush=True)
    data = imbalance.load("phantom", laptop)
    colours = [judged(laptop, data, seed, proxy.colour_histogram) for seed in range(given.seeds)]
    f1, precision = (spread(found[k] for found in colours) for k in (0, 1))
    print(f"{'colour histogram':<27} {'':>6}   {'':<13} {f1}  {'':<13} {precision}")


def measured(
    protocol: Protocol, data: Data, seed: int, seconds: float
) -> tuple[float, float, float, float, float]:
    """Epochs in the time; F1 and average precision trained; the same untrained."""
    encoder = simclr.build_encoder(protocol.width, protocol.stem, seed=seed)
    head = simclr.build_head(simclr.feature_count(encoder), kind=protocol.head, seed=seed)
    model = simclr.SimCLR(encoder, head)
    before = judged(protocol, data, seed, lambda images: simclr.encode(encoder, images))
    pool, _ = imbalance.split(data.train, protocol.labelled, seed)
    patches = data.train.images[torch.from_numpy(pool[:: len(pool) // PATCHES][:PATCHES])]
    epochs = sum(1 for _ in trained(model, patches, protocol, seed, seconds))
    after = judged(protocol, data, seed, lambda images: simclr.encode(encoder, images))
    return epochs, *after, *before


def trained(
    model: simclr.SimCLR, patches: torch.Tensor, protocol: Protocol, seed: int, seconds: float
) -> Iterator[int]:
    """Train epoch by epoch until the processor's seconds are used up."""
    optimizer = simclr.adam(model, protocol.learning_rate)
    end = time.process_time() + seconds
    epoch = 0
    while time.process_time() < end:
        simclr.train(
            model,
            patches,
            batch_size=protocol.batch_size,
            temperature=protocol.temperature,
            optimizer=optimizer,
            seed=seed,
            part=range(epoch, epoch + 1),
        )
        epoch += 1
        yield epoch


def judged(protocol: Protocol, data: Data, seed: int, features) -> tuple[float, float]:
    """F1 and average precision of a proxy on these features, as a round of the loop scores it."""
    _, labelled = imbalance.split(data.train, protocol.labelled, seed)
    positions = torch.from_numpy(labelled)
    fitted = proxy.fit(
        features(data.train.images[positions]),
        data.train_targets[positions],
        epochs=protocol.proxy_epochs,
        learning_rate=protocol.proxy_learning_rate,
        standardise=protocol.standardise,
        seed=seed,
    )
    scores = proxy.scores(data.test_targets, fitted.logits(features(data.test.images)))
    return scores["f1"], scores["average_precision"]


def spread(values) -> str:
    values = list(values)
    deviation = statistics.stdev(values) if len(values) > 1 else float("nan")
    return f"{statistics.mean(values):.2f} +/- {deviation:.2f}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
