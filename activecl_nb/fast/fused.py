"""One kernel in place of many, on a GPU: torch.compile, where its compiler is at hand.

Step by step, each operation on a batch reads and writes all of it in the GPU's memory; compiled,
operations that follow each other share one pass. Results differ by rounding alone. Elsewhere
(another device, no Triton or C compiler, ``TORCHDYNAMO_DISABLE=1``) the steps run as written.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from activecl_nb.fast import distributed
from activecl_nb.fast.loader import send

LARGE = 128  # pixels a side, from which a training repays the minute that its compilation takes


def fused(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function, compiled for batches of large images on a GPU; as written for all others.

    Its first argument is the batch, (N, C, H, W); other tensors are brought to the batch's device.
    """
    compiled = functools.cache(lambda: torch.compile(function))

    @functools.wraps(function)
    def call(x: Tensor, *others: Any) -> Tensor:
        others = tuple(send(o, x.device) if isinstance(o, Tensor) else o for o in others)
        return (compiled() if _worth(x, x.device) else function)(x, *others)

    return call


def forward(model: nn.Module, images: Tensor, device: torch.device) -> Callable[[Tensor], Tensor]:
    """How training calls the model on views of these images: compiled where it pays.

    Its hundreds of kernels are launched as one graph ("reduce-overhead"), since the processor
    could not launch them one by one as fast as a GPU runs them.

    Several ranks exchange batch norm's sums and gradients in the middle of it; they call the
    model as it is.
    """
    if distributed.ranks() > 1 or not _worth(images, device):
        return model
    return torch.compile(model, dynamic=False, mode="reduce-overhead")


def _worth(images: Tensor, device: torch.device) -> bool:
    return device.type == "cuda" and min(images.shape[2:]) >= LARGE and _compiles()


@functools.cache
def _compiles() -> bool:
    """Whether torch.compile works for this GPU; a warning says why it does not."""
    ones = torch.ones(8, device="cuda")
    try:
        return bool((torch.compile(lambda x: x + 1)(ones) == 2).all())
    except Exception as error:  # of Triton, of a compiler that is missing, of torch: of many kinds
        warnings.warn(f"trains uncompiled, at half the speed: {error}"[:300], stacklevel=2)
        return False
