"""Training, from the pool's bytes to the updated weights, against a peer and against the GPU alone.

    python benchmarks/bench_train.py [pipeline gpu]

``pipeline``: images a second of ``simclr.train`` over those of lightly's example pipeline: PIL
images, its SimCLRTransform, a DataLoader with 2 workers, its NTXentLoss; same encoder, head,
size, batch and optimiser. Both sides take turns, an epoch each, and the ratio is the median over
the turns, of wall time: lightly's runs in three processes, the kit's in one, on one thread. Other
work on the machine counts in it, so the processor time of each image is given too, of all
processes. Without lightly the line says so.
``gpu``: ResNet18, 224 pixels, batch 128. The share of the images a second that the same step
reaches on views made beforehand (promised 0.85), images a second (promised 4,000), and what of
that is left when the pool is read from a memory-mapped file (promised 0.9). By CUDA events, after
a warm epoch, medians of several. Without a GPU the line says so.
"""

from __future__ import annotations

import mmap
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from activecl_nb import augment, seeds, simclr
from activecl_nb.fast import layout, loader, steps

BATCH = 64
# Side in pixels, images an epoch; the encoder is the laptop profile's.
SIZES = ((32, 1024), (64, 512))
WIDTH, STEM = 16, "imagenet"
TURNS = 5


def pictures(n: int, size: int) -> Tensor:
    draw = seeds.generator(0, "bench", size)
    return torch.randint(0, 256, (n, 3, size, size), dtype=torch.uint8, generator=draw)


def encoder_and_head(width: int, stem: str) -> simclr.SimCLR:
    return simclr.SimCLR(simclr.build_encoder(width, stem), simclr.build_head(8 * width))


def pipeline() -> None:
    try:
        import lightly  # noqa: F401
    except ImportError:
        print("pipeline / lightly's example pipeline: skipped, lightly is not installed")
        return
    torch.set_num_threads(1)
    for size, n in SIZES:
        images = pictures(n, size)
        ours, theirs = ours_on(images), theirs_on(images)
        ours(), theirs()  # compiled, and the workers are there
        before = children_seconds()
        pairs = [(timed(ours), timed(theirs)) for _ in range(TURNS)]
        del theirs  # with its workers: only then is their processor time told
        workers = (children_seconds() - before) / (TURNS + 1)
        ratio = statistics.median(b[0] / a[0] for a, b in pairs)
        wall, processor = (
            [statistics.median(pair[side][kind] for pair in pairs) for side in (0, 1)]
            for kind in (0, 1)
        )
        print(
            f"{size} px, width {WIDTH}, batch {BATCH}: images a second / lightly's = {ratio:.2f} "
            f"(promised above 1), {n / wall[0]:.0f} against {n / wall[1]:.0f}; processor time an "
            f"image {1e3 * processor[0] / n:.2f} against "
            f"{1e3 * (processor[1] + workers) / n:.2f} ms; load {os.getloadavg()[0]:.1f} on "
            f"{os.cpu_count()} cores",
            flush=True,
        )


def ours_on(images: Tensor) -> Callable[[], object]:
    """One epoch of the kit's training."""
    model = encoder_and_head(WIDTH, STEM)
    optimizer = simclr.adam(model, 1e-3)
    return lambda: simclr.train(model, images, epochs=1, batch_size=BATCH, optimizer=optimizer)


def theirs_on(images: Tensor) -> Callable[[], object]:
    """One epoch of lightly's example, with the kit's encoder, head and optimiser."""
    from lightly.loss import NTXentLoss
    from lightly.transforms import SimCLRTransform
    from PIL import Image

    class Patches(torch.utils.data.Dataset):
        """PIL images from bytes, as torchvision's CIFAR10 gives them."""

        transform = SimCLRTransform(input_size=images.shape[-1])
        bytes = images.permute(0, 2, 3, 1).contiguous().numpy()

        def __len__(self) -> int:
            return len(self.bytes)

        def __getitem__(self, i: int) -> list[Tensor]:
            return self.transform(Image.fromarray(self.bytes[i]))

    model = encoder_and_head(WIDTH, STEM).train()
    optimizer, criterion = simclr.adam(model, 1e-3), NTXentLoss(temperature=0.1)
    batches = torch.utils.data.DataLoader(
        Patches(),
        BATCH,
        shuffle=True,
        drop_last=True,
        num_workers=2,
        persistent_workers=True,
        generator=seeds.generator(0, "order"),
    )

    def epoch() -> None:
        for x_i, x_j in batches:
            loss = criterion(model(x_i), model(x_j))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


def timed(function: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock, and of this process's processor time."""
    wall, processor = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - processor


def children_seconds() -> float:
    """Processor time of the child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def gpu() -> None:
    if not torch.cuda.is_available():
        print("ResNet18, 224 px on a GPU: skipped, no CUDA device is at hand")
        return
    batch, n, device = 128, 128 * 40, torch.device("cuda")
    images = pictures(n, 224)
    on_device = images.to(device)

    def whole(images: Tensor, compiled: bool = False) -> Callable[[], object]:
        model = encoder_and_head(64, "imagenet").to(device)
        optimizer = simclr.adam(model, 1e-4)
        if compiled:
            model = torch.compile(model, mode="reduce-overhead")
        return lambda: simclr.train(model, images, epochs=1, batch_size=batch, optimizer=optimizer)

    def bare() -> Callable[[], object]:
        model = encoder_and_head(64, "imagenet").to(device).train()
        optimizer = simclr.adam(model, 1e-4)
        layout.arrange(model)
        views = augment.views(on_device[:batch], seeds.generator(0, "views"))

        def epoch() -> None:
            with steps.repeatable(device):
                for _ in range(n // batch):
                    loss = simclr.contrast(model, *views)
                    optimizer.zero_grad(set_to_none=True)
                    loss.backward()
                    optimizer.step()

        return epoch

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pool"
        images.numpy().tofile(file)
        pool = np.memmap(file, np.uint8, "r+", shape=tuple(images.shape))
        on_mapped = whole(torch.from_numpy(pool))

        def read_ahead() -> None:
            share, loader.SHARE = loader.SHARE, 0.0  # as if the device were full
            try:
                on_mapped()
            finally:
                loader.SHARE = share

        ways = {
            "bare": bare(),
            "whole": whole(on_device),
            "compiled": whole(on_device, compiled=True),
            "mapped": read_ahead,
        }
        for name, epoch in list(ways.items()):
            try:
                epoch()
            except Exception as error:  # torch.compile needs a compiler, which may be missing
                if name != "compiled":
                    raise
                print(f"compiled: skipped, {type(error).__name__}: {error}"[:200])
                del ways[name]
        turns = []
        for _ in range(5):
            forget(pool, file)
            turns.append({name: device_seconds(epoch) for name, epoch in ways.items()})
    seconds = {name: statistics.median(turn[name] for turn in turns) for name in ways}

    def share(name: str, of: str) -> float:
        return statistics.median(turn[of] / turn[name] for turn in turns)

    print(
        f"{torch.cuda.get_device_name()}, ResNet18, 224 px, batch {batch}: "
        f"{n / seconds['whole']:.0f} images a second (promised 4,000), "
        f"{share('whole', 'bare'):.2f} of the same step on views made beforehand (promised 0.85); "
        f"compiled {n / seconds.get('compiled', float('nan')):.0f} a second\n"
        f"pool read from a mapped file: {share('mapped', 'whole'):.2f} of the images a second of "
        "a pool on the device (promised 0.9)",
        flush=True,
    )


def forget(pool: np.memmap, file: Path) -> None:
    """Ask the system to drop the file's pages from memory, so that they are read again."""
    pool.flush()
    pool._mmap.madvise(mmap.MADV_DONTNEED)  # it keeps what is mapped
    with open(file, "rb") as opened:
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def device_seconds(function: Callable[[], object]) -> float:
    """Seconds between two events in the device's stream, before and after."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start.record()
    function()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / 1e3


if __name__ == "__main__":
    for name in sys.argv[1:] or ["pipeline", "gpu"]:
        {"pipeline": pipeline, "gpu": gpu}[name]()
