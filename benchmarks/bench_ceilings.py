"""How far the training step and k-center are from what the machine could do at all.

    python benchmarks/bench_ceilings.py [step gpu kcenter]

Two ceilings: arithmetic (the operations that the layers need, at the rate of a large matrix
product) and memory (the bytes that have to move, at the rate of a copy). Both rates are measured
here, on one thread, in processor time. No program reaches either; the larger of the two times is
the least that a step can take, and the share of it says how much there is left to gain.
``gpu`` does the same sums for the paper's step with a data sheet's rates, and measures nothing.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from activecl_nb import augment, profiles, seeds, simclr
from activecl_nb.fast import kcenter

# One H200 by its data sheet: dense bfloat16 operations and bytes a second.
H200 = {"operations": 989e12, "bytes": 4.8e12}


def seconds(function: Callable[[], object], times: int = 7) -> float:
    """Median processor time of a call, the first one not counted."""
    function()
    found = []
    for _ in range(times):
        start = time.process_time()
        function()
        found.append(time.process_time() - start)
    return statistics.median(found)


def arithmetic_rate(n: int = 1024) -> float:
    """Operations a second of a float32 matrix product."""
    a, b = torch.randn(n, n), torch.randn(n, n)
    return 2 * n**3 / seconds(lambda: a @ b)


def copy_rate(size: int) -> float:
    """Bytes a second, read and written, of copying this many bytes again and again."""
    source, target = torch.zeros(size // 4), torch.zeros(size // 4)
    repeats = max(1, (1 << 27) // size)

    def copy() -> None:
        for _ in range(repeats):
            target.copy_(source)

    return 2 * size * repeats / seconds(copy)


def needs(model: nn.Module, images: Tensor) -> tuple[int, int]:
    """Operations and bytes of a step on these images, by counting.

    Bytes: what every layer puts out is written and read once on the way forward, and so is its
    gradient on the way back. Weights, and what the loss and Adam move, are small beside it.
    """
    moved = 0

    def count(layer: nn.Module, inputs: object, output: Tensor) -> None:
        nonlocal moved
        moved += 4 * output.numel() * output.element_size()

    leaves = [layer for layer in model.modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(count) for layer in leaves]
    with FlopCounterMode(display=False) as counted:
        model(images).sum().backward()
    for hook in hooks:
        hook.remove()
    return counted.get_total_flops(), moved


class Traffic(TorchDispatchMode):
    """Counts the bytes that operations read and write; a view of a tensor moves none."""

    moved = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        out = operation(*args, **(kwargs or {}))
        if not operation.is_view:
            found = (t for t in tree_leaves((args, kwargs, out)) if isinstance(t, Tensor))
            self.moved += sum(t.nbytes for t in found)
        return out


def step() -> None:
    profile = profiles.PROFILES["laptop"]
    batch, size = profile.batch_size, profile.image_size
    encoder = simclr.build_encoder(profile.width, profile.stem)
    model = simclr.SimCLR(encoder, simclr.build_head(simclr.feature_count(encoder)))
    optimizer = simclr.adam(model, profile.learning_rate)
    images = torch.zeros(batch, 3, size, size, dtype=torch.uint8)
    x_i, x_j = augment.views(images, seeds.generator(0, "views"))

    def whole() -> None:
        loss = simclr.contrast(model, x_i, x_j)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    operations, moved = needs(model, torch.cat([x_i, x_j]))
    took = seconds(whole)
    rate, near, far = arithmetic_rate(), copy_rate(1 << 20), copy_rate(1 << 28)
    print(
        f"this machine, one thread: {rate / 1e9:.0f} billion operations a second; copies "
        f"{near / 1e9:.0f} GB/s within the cache, {far / 1e9:.0f} GB/s beyond it"
    )
    print(
        f"laptop step (batch {batch}, {size} px, width {profile.width}): "
        f"{operations / 1e9:.2f} billion operations, {moved / 1e6:.0f} MB of activations"
    )
    print(
        f"  arithmetic {operations / rate * 1e3:.0f} ms, memory {moved / near * 1e3:.0f} ms in "
        f"the cache or {moved / far * 1e3:.0f} ms beyond it; it took {took * 1e3:.0f} ms: "
        f"{operations / rate / took:.0%} of the arithmetic ceiling",
        flush=True,
    )
    parts = {
        "two views": lambda: augment.views(images, seeds.generator(0, "views")),
        "forward and loss": lambda: simclr.contrast(model, x_i, x_j),
        "Adam": optimizer.step,
    }
    shares = {name: seconds(part) for name, part in parts.items()}
    shares["backward, the rest"] = took - shares["forward and loss"] - shares["Adam"]
    print("  of it: " + ", ".join(f"{name} {value * 1e3:.0f} ms" for name, value in shares.items()))


def gpu() -> None:
    paper = profiles.PROFILES["paper"]
    encoder = simclr.build_encoder(paper.width, paper.stem)
    model = simclr.SimCLR(encoder, simclr.build_head(simclr.feature_count(encoder)))
    operations, moved = needs(model, torch.zeros(2, 3, paper.image_size, paper.image_size))
    moved //= 2  # bfloat16
    by = {"arithmetic": H200["operations"] / operations, "memory": H200["bytes"] / moved}
    print(
        f"paper's step (ResNet18, {paper.image_size} px) on an H200 by its data sheet: an image "
        f"(two views) needs {operations / 1e9:.1f} billion operations and moves "
        f"{moved / 1e6:.0f} MB: at most {by['arithmetic']:,.0f} images a second by arithmetic, "
        f"{by['memory']:,.0f} by memory if no two layers are fused",
        flush=True,
    )
    n, side = 64, paper.image_size
    parameters = augment.draw(n, side, side, seeds.generator(0, "views"), augment.Family())
    with Traffic() as traffic:
        augment.apply_batched(torch.zeros(n, 3, side, side, dtype=torch.uint8), parameters)
    each = 2 * traffic.moved / n
    print(
        f"  its two views, an operation at a time, move {each / 1e6:.0f} MB an image: at least "
        f"{each / H200['bytes'] * 4000:.0%} of a second for the 4,000 images promised in one"
    )


def k_center(n: int = 10_000, m: int = 1_000, budget: int = 1_000, d: int = 512) -> None:
    draw = seeds.generator(0, "bench", "ceilings")
    centres = 3 * torch.randn(50, d, generator=draw)
    which = torch.randint(50, (n + m,), generator=draw)
    spread = torch.rand(n + m, 1, generator=draw)
    features = centres[which] + spread * torch.randn(n + m, d, generator=draw)
    features, chosen = features.split([n, m])
    took = seconds(lambda: kcenter.lazy_greedy(features, chosen, budget, torch.arange(n)), 3)
    rate, far = arithmetic_rate(), copy_rate(1 << 28)
    products = 2 * n * m * d / rate
    print(
        f"k-center ({budget:,} of {n:,}, {m:,} chosen, {d} features): the distances to the "
        f"chosen, as one matrix product, need {products * 1e3:.0f} ms; the plain loop reads all "
        f"features once a pick, {budget * n * d * 4 / 1e9:.0f} GB, "
        f"{budget * n * d * 4 / far:.2f} s at a copy's rate; the lazy one took {took:.2f} s in all"
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    known = {"step": step, "gpu": gpu, "kcenter": k_center}
    with threadpool_limits(1):
        for name in sys.argv[1:] or known:
            known[name]()
