"""Training, from the pool's bytes to the updated weights, against a peer's pipeline.

    python benchmarks/bench_train.py

Images a second of ``simclr.train`` over those of lightly's example pipeline: PIL
images, its SimCLRTransform, a DataLoader with 2 workers, its NTXentLoss; same encoder, head,
size, batch and optimiser. Both sides take turns, an epoch each, and the ratio is the median over
the turns, of wall time: lightly's runs in three processes, the kit's in one, on one thread. Other
work on the machine counts in it, so the processor time of each image is given too, of all
processes. Without lightly the line says so.
"""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from activecl_nb import seeds, simclr

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


if __name__ == "__main__":
    pipeline()
