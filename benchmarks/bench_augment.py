"""Making the two views: its share of a training step, and against lightly's SimCLRTransform.

    python benchmarks/bench_augment.py [step peer]

``step``: one training step (two views made, forward, NT-Xent, backward, Adam) over the same step
on views made beforehand; promised at most 1.1. ``peer``: making the two views of a batch over
lightly's transform on the same images; promised at most 0.1. Both sides take turns in one run,
on one thread, and a ratio is the median over the turns, of processor time, so that other work on
the machine does not count. Without lightly the line says so.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from activecl_nb import augment, seeds, simclr

BATCH = 128
# Side in pixels, width and stem of the encoder; the first is the laptop profile's.
STEPS = ((32, 16, "half"), (64, 16, "half"), (32, 16, "imagenet"), (64, 16, "imagenet"))


def pictures(size: int) -> Tensor:
    draw = seeds.generator(0, "bench", size)
    return torch.randint(0, 256, (BATCH, 3, size, size), dtype=torch.uint8, generator=draw)


def seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def turns(ours: Callable[[], object], theirs: Callable[[], object], times: int) -> list[float]:
    """Medians over the turns: the ratio, our seconds, their seconds."""
    ours(), theirs()
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(times)]
    return [
        statistics.median(values) for values in zip(*((a / b, a, b) for a, b in pairs), strict=True)
    ]


def step() -> None:
    for size, width, stem in STEPS:
        model = simclr.SimCLR(simclr.build_encoder(width, stem), simclr.build_head(8 * width))
        optimizer = simclr.adam(model, 1e-3)
        images, draw = pictures(size), seeds.generator(0, "views")

        def train_on(x_i: Tensor, x_j: Tensor, model=model, optimizer=optimizer) -> None:
            z_i, z_j = model(torch.cat([x_i, x_j])).chunk(2)
            loss = simclr.nt_xent(z_i, z_j)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        ready = augment.views(images, draw)
        ratio, whole, bare = turns(
            lambda images=images, draw=draw, train_on=train_on: train_on(
                *augment.views(images, draw)
            ),
            lambda ready=ready, train_on=train_on: train_on(*ready),
            7,
        )
        # Two steps differ by more than the views cost, so their cost is also measured alone.
        alone = statistics.median(
            seconds(lambda images=images, draw=draw: augment.views(images, draw)) for _ in range(7)
        )
        print(
            f"{size} px, width {width}, stem {stem}: step with views / step without = "
            f"{ratio:.3f} (promised 1.1), {1e3 * whole:.0f} ms against {1e3 * bare:.0f} ms; "
            f"views alone are {alone / bare:.3f} of the step",
            flush=True,
        )


def peer() -> None:
    try:
        from lightly.transforms import SimCLRTransform
    except ImportError:
        print("views / lightly's SimCLRTransform: skipped, lightly is not installed")
        return
    from torchvision.transforms.functional import to_pil_image

    for size in (32, 64):
        images, draw = pictures(size), seeds.generator(0, "views")
        pils = [to_pil_image(image) for image in images]
        transform = SimCLRTransform(input_size=size)
        ratio, ours, theirs = turns(
            lambda images=images, draw=draw: augment.views(images, draw),
            lambda pils=pils, transform=transform: [transform(pil) for pil in pils],
            5,
        )
        print(
            f"{size} px: two views of a batch / lightly's = {ratio:.3f} (promised 0.1), "
            f"{BATCH / ours:.0f} against {BATCH / theirs:.0f} images a second on one thread",
            flush=True,
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[1:] or ["step", "peer"]:
        {"step": step, "peer": peer}[name]()
