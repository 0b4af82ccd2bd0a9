"""Several processes train one encoder: each takes its slice of every batch.

    torchrun --nproc_per_node=4 -m activecl_nb run --out runs/entropy-0

starts four processes, called ranks, one a GPU. A step on several ranks is the step that one
process would take on the whole batch: rank r makes the views of the r-th slice, batch norm takes
its mean and variance over all ranks, the projections of all ranks are gathered before the loss,
so that every view has all its negatives, and the gradients are added up. Only the sums round
differently: they agree within float tolerance, not bit for bit.

Without torchrun there is one rank, and everything here does nothing.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.modules.batchnorm import _BatchNorm

from activecl_nb import seeds

# So long a rank waits for the others. A process that dies is noticed at once, by its connections
# and by torchrun; this bounds the wait for one that hangs, or for a machine that is gone.
TIMEOUT = timedelta(minutes=30)


Made = TypeVar("Made")


class RankLost(RuntimeError):
    """Another rank died or does not answer."""


def ranks() -> int:
    """How many processes train together; 1 without torchrun."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Which of them this is, from 0."""
    return dist.get_rank() if ranks() > 1 else 0


def launched() -> bool:
    """Whether torchrun started this process as one of several."""
    return bool(os.environ.get("RANK")) and int(os.environ.get("WORLD_SIZE") or 1) > 1


@contextlib.contextmanager
def group(
    device: str | None = None, timeout: timedelta = TIMEOUT, meeting: str = "env://"
) -> Iterator[torch.device]:
    """Join the other ranks while this context is open; gives the device that this rank uses.

    device: as for ``profiles.device``; "cuda" is the GPU of this rank's number on its machine.
    meeting: where the ranks find each other, see ``torch.distributed.init_process_group``;
        torchrun says it in the environment.

    Without torchrun this is ``profiles.device`` and nothing else. ValueError: the machine has
    fewer GPUs than ranks, the device cannot train on several ranks, or the environment says half
    of what torchrun says.
    """
    from activecl_nb import profiles  # training alone needs torch and NumPy only

    chosen = profiles.device(device)
    if not launched():
        yield chosen
        return
    number, of = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    unsaid = [n for n in ("MASTER_ADDR", "MASTER_PORT") if not os.environ.get(n)]
    port = os.environ.get("MASTER_PORT", "")
    wrong = "there is no such rank" if number >= of else ""
    if not wrong and meeting == "env://":
        if unsaid:
            wrong = f"{' and '.join(unsaid)} say nothing"
        elif not (port.isdecimal() and len(port) < 6 and 0 < int(port) < 2**16):
            wrong = f"MASTER_PORT={port[:20]!r} is no port"
    if wrong:
        raise ValueError(
            f"RANK={number} and WORLD_SIZE={of}, but {wrong}; start it with torchrun, which sets "
            "all of them, or unset RANK and WORLD_SIZE"
        )
    if chosen.type == "cuda":
        chosen = _gpu(int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count())
        torch.cuda.set_device(chosen)
    elif chosen.type != "cpu":
        raise ValueError(f"several ranks cannot train on {chosen.type}; add --device cpu")
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if chosen.type == "cuda" else "gloo",
        init_method=meeting,
        rank=number,
        world_size=of,
        timeout=timeout,
    )
    yield chosen
    # All leave together: a rank that closed its connections while another still used them would
    # take that one down. After an error the others may be waiting: then this process ends, and so
    # do they.
    # On a processor they meet without a tensor: gloo's thread lets go of one a little later, and
    # where Python has ended by then, it takes the process down (seen with torch 2.15).
    if chosen.type == "cpu":
        _together(dist.barrier)
    else:
        _together(dist.all_reduce, torch.zeros(1))
    dist.destroy_process_group()


def _gpu(number: int, there: int) -> torch.device:
    """The GPU of a rank that is this many-th on its machine."""
    if number >= there:
        raise ValueError(
            f"rank {number} of this machine has no GPU, there are {there}; "
            f"start torchrun with --nproc_per_node={there}, or add --device cpu"
        )
    return torch.device("cuda", number)


def share(images: int) -> slice:
    """This rank's slice of a batch of so many images.

    ValueError: the batch does not divide by the number of ranks.
    """
    if images % ranks():
        raise ValueError(
            f"a batch of {images} images does not divide among {ranks()} ranks; start torchrun "
            "with a number of processes that divides it, or choose another batch_size"
        )
    each = images // ranks()
    return slice(rank() * each, (rank() + 1) * each)


def gather(z: Tensor) -> Tensor:
    """The rows of all ranks, rank 0's first: (n, d) on each -> (ranks x n, d) on all.

    Every rank then computes the same loss of all rows. Its gradient with respect to the other
    ranks' rows is theirs to follow, so each keeps the part of its own rows.
    """
    return z if ranks() == 1 else _Gather.apply(z)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, z: Tensor) -> Tensor:
        parts = [torch.empty_like(z, memory_format=torch.contiguous_format) for _ in range(ranks())]
        _together(dist.all_gather, parts, z.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return gradient[share(len(gradient))]


class _Sum(torch.autograd.Function):
    """The sum over ranks; since every rank uses it, its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return _summed(x)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return _summed(gradient)


def _summed(x: Tensor) -> Tensor:
    x = x.clone(memory_format=torch.contiguous_format)
    _together(dist.all_reduce, x)
    return x


@torch.no_grad()
def add_gradients(model: nn.Module) -> None:
    """Replace every gradient by its sum over ranks, in one message."""
    if ranks() == 1:
        return
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    summed = _summed(torch.cat([g.flatten() for g in gradients]))
    for gradient, part in zip(gradients, summed.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


class SharedBatchNorm(_BatchNorm):
    """Batch norm whose mean and variance are those of all ranks' batches together.

    The same as ``torch.nn.SyncBatchNorm``, which works on GPUs only. All ranks' batches must be
    of one size.
    """

    def _check_input_dim(self, x: Tensor) -> None:
        """Any (N, C, ...) will do."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        others = [d for d in range(x.ndim) if d != 1]
        column = [1, -1, *[1] * (x.ndim - 2)]  # one number a channel
        count = ranks() * x.numel() // x.shape[1]
        mean = _Sum.apply(x.sum(others)) / count
        x = x - mean.view(column)
        variance = _Sum.apply(x.square().sum(others)) / count
        with torch.no_grad():
            tracked: Any = self  # which keeps statistics, as all batch norms here do
            tracked.num_batches_tracked += 1
            tracked.running_mean.lerp_(mean, self.momentum)
            tracked.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return x * scale.view(column) + self.bias.view(column)


@contextlib.contextmanager
def synchronised(model: nn.Module) -> Iterator[None]:
    """While this is open, the model's batch norms see the batches of all ranks as one.

    The layers that stand in for them hold the very same tensors under the same names.
    """
    found = [
        (parent, name, layer)
        for parent in model.modules()
        for name, layer in parent.named_children()
        if isinstance(layer, _BatchNorm) and ranks() > 1
    ]
    for parent, name, layer in found:
        setattr(parent, name, _shared(layer))
    try:
        yield
    finally:
        for parent, name, layer in found:
            setattr(parent, name, layer)


def _shared(layer: _BatchNorm) -> _BatchNorm:
    kind = nn.SyncBatchNorm if layer.weight.is_cuda else SharedBatchNorm
    twin = kind(layer.num_features, layer.eps, layer.momentum).train(layer.training)
    twin._parameters, twin._buffers = layer._parameters, layer._buffers
    return twin


@torch.no_grad()
def agree(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Give every rank the weights, and the optimiser's moments, of rank 0."""
    if ranks() == 1:
        return
    for tensor in model.state_dict().values():
        _together(dist.broadcast, tensor, 0)
    begun = tell([len(optimizer.state)])[0] > 0
    for p in model.parameters() if begun else []:
        moments = optimizer.state[p]
        for name in ("step", "exp_avg", "exp_avg_sq"):
            fresh = torch.zeros((), device=p.device) if name == "step" else torch.zeros_like(p)
            moments.setdefault(name, fresh)
            _together(dist.broadcast, moments[name], 0)


def tell(numbers: Sequence[int] = ()) -> list[int]:
    """Rank 0 says some integers, the others hear them (what they pass does not count).

    Through the processors' memory: no GPU spins, and no watchdog of NCCL's ends the process, while
    the others wait for rank 0 to pick or to score.
    """
    if ranks() == 1:
        return [*numbers]
    count = torch.tensor([len(numbers) if rank() == 0 else 0])
    _together(dist.broadcast, count, 0)
    said = torch.zeros(int(count), dtype=torch.int64)
    if rank() == 0:
        said = torch.tensor(numbers, dtype=torch.int64)
    if len(said):
        _together(dist.broadcast, said, 0)
    return said.tolist()


def after_rank_0(make: Callable[[], Made]) -> Made:
    """Call ``make`` on rank 0, and on the others when it is done there: they find its caches."""
    if rank() > 0:
        tell()
        return make()
    made = make()
    tell()
    return made


def same(what: str, value: object) -> None:
    """Raise a ValueError on every rank unless ``repr(value)`` is the same on all.

    what: what it is, for the message.
    """
    if ranks() == 1:
        return
    digest = torch.tensor([seeds.number(0, repr(value))])
    digests = [torch.empty_like(digest) for _ in range(ranks())]
    _together(dist.all_gather, digests, digest)
    other = [r for r, found in enumerate(digests) if not torch.equal(found, digests[0])]
    if other:
        raise ValueError(
            f"{what} of rank {other[0]} differ from those of rank 0; "
            "start all ranks with the same command, on the same files"
        )


def _together(operation: Callable[..., object], *arguments: object) -> None:
    """Do what all ranks do at once, and say clearly if one of them is gone."""
    try:
        operation(*arguments)
    except RuntimeError as error:
        raise RankLost(
            f"rank {rank()} of {ranks()} lost the others: one has died or not answered "
            f"({error}). The finished rounds are kept; the same command goes on from there"
        ) from error
