"""The paper's training on a GPU: how fast, how long a run takes, and whether it is the same.

    PYTHONPATH=. python benchmarks/bench_gpu.py [--minutes 9] [--tiny]

Needs torch, NumPy and this repository, nothing else; one command of at most ten minutes. A part
that no longer fits into the minutes is skipped and says so.

``equal``: views and the first step, as the GPU takes it (compiled, bfloat16, channels last),
against plain float32 in torch's own layout; then the losses of a short training.
``rate``: ResNet18, 224 pixels, batch 128: images a second of ``simclr.train`` (goal 6,000), their
share of what the same step reaches on views made beforehand (goal 0.85), uncompiled, and with the
pool in a memory-mapped file (goal 0.9), read anew or still in memory. All take turns; medians.
``loop``: seven rounds of the paper's loop, 1,000 images more each, on phantom patches (random
images where numba is missing): an epoch of each round is timed and counted 100 times, encoding
and picking are timed whole.

``--tiny`` runs all of it on whatever is there, a processor too, at sizes that say nothing: a test.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import mmap
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from activecl_nb import augment, sampling, seeds, simclr
from activecl_nb.fast import fused, layout, loader, steps


@dataclass(frozen=True)
class Sizes:
    """Of the paper, unless said otherwise. batches: in an epoch of ``rate``. drawn: different
    phantom patches, which are repeated to fill the pool."""

    pixels: int = 224
    width: int = 64
    batch: int = 128
    batches: int = 40
    turns: int = 5
    rounds: int = 7
    budget: int = 1_000
    epochs: int = 100
    candidates: int = 10_000
    test: int = 7_180
    drawn: int = 512
    steps: int = 40


TINY = Sizes(32, 16, 8, 2, 2, 2, 16, 3, 40, 24, 8, 4)


@dataclass
class Bench:
    """What the parts share."""

    sizes: Sizes
    device: torch.device
    until: float

    def model(self) -> simclr.SimCLR:
        encoder = simclr.build_encoder(self.sizes.width)
        head = simclr.build_head(simclr.feature_count(encoder))
        return layout.arrange(simclr.SimCLR(encoder, head).to(self.device))

    def seconds(self, function: Callable[[], object]) -> float:
        """Of the clock, with all that the device was told done."""
        self.wait()
        since = time.perf_counter()
        function()
        self.wait()
        return time.perf_counter() - since

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def pictures(n: int, size: int) -> Tensor:
    draw = seeds.generator(0, "bench", size)
    return torch.randint(0, 256, (n, 3, size, size), dtype=torch.uint8, generator=draw)


# ---- equal ----------------------------------------------------------------------------------


def equal(bench: Bench) -> None:
    sizes, device = bench.sizes, bench.device
    images = pictures(sizes.batch, sizes.pixels)
    drawn = augment.draw(
        len(images), *images.shape[2:], seeds.generator(0, "views"), augment.Family()
    )
    there = augment.apply(images.to(device), drawn).cpu()
    apart = (there - augment.apply_batched(images, drawn)).abs().max()
    say("views on the device against the processor's, largest difference", f"{apart:.1e}", "2e-3")
    x_i, x_j = (v.to(device) for v in augment.views(images, seeds.generator(0, "views")))

    def first(model: simclr.SimCLR, half: bool, compiled: bool = False) -> float:
        project = fused.forward(model, images, device) if compiled else model
        with steps.repeatable(device):
            return float(simclr.contrast(project, x_i, x_j, half=half).detach())

    plain = bench.model().to(memory_format=torch.contiguous_format)
    expected = first(plain, half=False)
    laid = abs(first(bench.model(), half=False) / expected - 1)
    say("first loss, channels last against torch's layout, float32", f"{laid:.1e}", "1e-3")
    rounded = abs(first(bench.model(), half=True, compiled=True) / expected - 1)
    say("first loss, as it trains against plain float32", f"{rounded:.1e}", "1e-2")
    fast, again, slow = (training(bench, images, half) for half in (None, None, False))
    apart = max(abs(a - b) for a, b in zip(fast, again, strict=True))
    say("losses of the same training, once more, largest difference", f"{apart:.1e}", "0")
    last = max(1, len(fast) // 4)
    ends = [statistics.mean(losses[-last:]) for losses in (fast, slow)]
    say(
        f"mean loss of the last {last} of {len(fast)} steps, fast path and plain float32",
        f"{ends[0]:.3f}, {ends[1]:.3f}; apart {abs(ends[0] - ends[1]):.3f}",
        "0.1",
    )


def training(bench: Bench, images: Tensor, half: bool | None) -> list[float]:
    """Losses of a short training on a few batches: as ``train`` does it (None), or plainly."""
    sizes = bench.sizes
    if half is None:
        recipe = simclr.Recipe(epochs=sizes.steps, batch_size=sizes.batch)
        return simclr.train(bench.model(), images.to(bench.device), recipe=recipe).tolist()
    model = bench.model().to(memory_format=torch.contiguous_format).train()
    optimizer, losses = simclr.adam(model, 1e-4), []
    for epoch in range(sizes.steps):
        order = torch.randperm(len(images), generator=seeds.generator(0, "order", 0, epoch))
        views = augment.views(images[order].to(bench.device), seeds.generator(0, "views", 0, epoch))
        with steps.repeatable(bench.device):
            loss = simclr.contrast(model, *views, half=half)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(float(loss.detach()))
    return losses


# ---- rate -----------------------------------------------------------------------------------


def rate(bench: Bench) -> None:
    sizes, n = bench.sizes, bench.sizes.batch * bench.sizes.batches
    images = pictures(n, sizes.pixels)
    on_device = images.to(bench.device)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pool"
        images.numpy().tofile(file)
        pool = np.memmap(file, np.uint8, "r+", shape=tuple(images.shape))
        mapped = whole(bench, torch.from_numpy(pool))

        def read_ahead() -> None:
            with patched(loader, "SHARE", 0.0):  # as if the device were full
                mapped()

        def from_disk() -> None:
            forget(pool, file)
            read_ahead()

        plainly = whole(bench, on_device)

        def as_written() -> None:
            with patched(fused, "LARGE", sys.maxsize):
                plainly()

        ways = {
            "bare": bare(bench, on_device),
            "whole": whole(bench, on_device),
            "mapped": read_ahead,
            "from disk": from_disk,
            "uncompiled": as_written,
        }
        for epoch in ways.values():
            epoch()  # warm
        turns = []
        for _ in range(sizes.turns):
            turns.append({name: bench.seconds(epoch) for name, epoch in ways.items()})
    seconds = {name: statistics.median(turn[name] for turn in turns) for name in ways}

    def share(name: str, of: str) -> str:
        return f"{statistics.median(turn[of] / turn[name] for turn in turns):.2f}"

    for name in ways:
        goal = "6,000" if name == "whole" else ""
        say(f"images a second, {name}", f"{n / seconds[name]:,.0f}", goal)
    say(
        "whole, as a share of the same step on views made beforehand",
        share("whole", "bare"),
        "0.85",
    )
    say("mapped, as a share of a pool on the device", share("mapped", "whole"), "0.9")
    say("from disk, as a share of a pool on the device", share("from disk", "whole"))


def whole(bench: Bench, images: Tensor) -> Callable[[], object]:
    """One epoch of the kit's training."""
    model = bench.model()
    optimizer = simclr.adam(model, 1e-4)
    recipe = simclr.Recipe(epochs=1, batch_size=bench.sizes.batch)
    return lambda: simclr.train(model, images, recipe=recipe, optimizer=optimizer)


def bare(bench: Bench, images: Tensor) -> Callable[[], object]:
    """The same steps on one pair of views, made beforehand."""
    model = bench.model()
    optimizer = simclr.adam(model, 1e-4)
    views = augment.views(images[: bench.sizes.batch], seeds.generator(0, "views"))

    def epoch() -> None:
        with steps.stepping(model, optimizer) as step:
            project = fused.forward(model, images, bench.device)
            for _ in range(bench.sizes.batches):
                step(simclr.contrast(project, *views))

    return epoch


@contextlib.contextmanager
def patched(module: ModuleType, name: str, value: object) -> Iterator[None]:
    """While this is open, the module's name has this value."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def forget(pool: np.memmap, file: Path) -> None:
    """Ask the system to drop the file's pages from memory, so that they are read again."""
    pool.flush()
    pool._mmap.madvise(mmap.MADV_DONTNEED)  # it keeps what is mapped
    with open(file, "rb") as opened:
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


# ---- loop -----------------------------------------------------------------------------------


def loop(bench: Bench) -> None:
    sizes, images = bench.sizes, patches(bench.sizes)
    model = bench.model()
    recipe = simclr.Recipe(epochs=1, batch_size=sizes.batch)
    simclr.train(model, images, torch.arange(sizes.batch), recipe)  # warm
    total = {"training": 0.0, "encoding": 0.0, "picking": 0.0}
    pool = torch.randperm(len(images), generator=seeds.generator(0, "pool"))
    for number in range(sizes.rounds):
        chosen = pool[: sizes.budget * (number + 1)]
        if number:
            encoding, picking = picks(
                bench, model, images[pool[-sizes.candidates :]], images[chosen]
            )
            total["encoding"] += encoding
            total["picking"] += picking
        once = bench.seconds(lambda c=chosen: simclr.train(model, images, c, recipe))
        total["training"] += once * sizes.epochs
        total["encoding"] += bench.seconds(
            lambda: simclr.encode(model.encoder, images[: sizes.test])
        )
    parts = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in total.items())
    say(
        f"{sizes.rounds} rounds of {sizes.budget} images, {sizes.epochs} epochs each",
        f"{sum(total.values()) / 60:.1f} minutes ({parts})",
    )


def picks(
    bench: Bench, model: simclr.SimCLR, candidates: Tensor, chosen: Tensor
) -> tuple[float, float]:
    """Seconds to encode what k-center looks at, and to pick a budget of it on the device."""
    features: list[Tensor] = []

    def encode() -> None:
        features.extend(
            simclr.encode(model.encoder, images).to(bench.device) for images in (candidates, chosen)
        )

    def pick() -> None:
        draw, logits = seeds.generator(0, "strategy"), torch.zeros(len(candidates))
        sampling.kcenter(features[0], logits, features[1], bench.sizes.budget, draw)

    return bench.seconds(encode), bench.seconds(pick)


def patches(sizes: Sizes) -> Tensor:
    """As many as the loop looks at: phantom patches, or random images without numba."""
    n = max(sizes.rounds * sizes.budget + sizes.candidates, sizes.test)
    if not compiles():
        print(
            "numba or platformdirs is not installed: random images in place of the phantom's",
            flush=True,
        )
        some = pictures(sizes.drawn, sizes.pixels)
    else:
        from activecl_nb.sources import phantom

        some = torch.from_numpy(phantom.draw(range(sizes.drawn), sizes.pixels, seed=0))
    return some.repeat(n // len(some) + 1, 1, 1, 1)[:n]


def compiles() -> bool:
    """Whether a processor's views and the phantom can be: by numba, into the kit's cache."""
    return all(importlib.util.find_spec(name) for name in ("numba", "platformdirs"))


# ---- all ------------------------------------------------------------------------------------


def say(what: str, value: str, goal: str = "") -> None:
    print(f"{what}: {value}" + f" (goal {goal})" * bool(goal), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=9, help="begin no part after so many")
    parser.add_argument("--tiny", action="store_true", help="tiny sizes, on any device")
    options = parser.parse_args()
    if not options.tiny and not torch.cuda.is_available():
        print("the paper's training on a GPU: skipped, no CUDA device is at hand")
        return
    if not compiles():
        augment.apply_compiled = augment.apply_batched
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name() if device.type == "cuda" else "a processor"
    sizes = TINY if options.tiny else Sizes()
    print(f"{name}, torch {torch.__version__}, {sizes}", flush=True)
    bench = Bench(sizes, device, time.monotonic() + 60 * options.minutes)
    for part in (equal, rate, loop):
        if time.monotonic() > bench.until:
            print(f"{part.__name__}: skipped, {options.minutes:g} minutes are over")
            continue
        taken = bench.seconds(lambda part=part: part(bench))
        print(f"{part.__name__} took {taken:.0f} s\n", flush=True)


if __name__ == "__main__":
    main()
