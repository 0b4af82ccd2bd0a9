"""How a model's weights lie in memory: channels last where convolutions read them sooner so.

The values stay what they are; only sums round differently. So a model is laid out when it is made
or read, before its first feature: a run that was resumed then rounds as an unbroken one does.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

# Numbers in the widest vector that a processor's convolutions work on (float32, AVX-512).
VECTOR = 16


Model = TypeVar("Model", bound=nn.Module)


def arrange(model: Model, optimizer: torch.optim.Optimizer | None = None) -> Model:
    """Lay out the weights, in place, as suits the model's device; returns the model.

    optimizer: its moments are laid out like their weights, since a fused update walks through
        all of them by the same strides.
    """
    model.to(memory_format=torch.channels_last if _suits(model) else torch.contiguous_format)
    for p, moments in optimizer.state.items() if optimizer else ():
        for name, value in moments.items():
            if value.shape == p.shape and value.stride() != p.stride():
                moments[name] = torch.empty_like(p).copy_(value)
    return model


def _suits(model: nn.Module) -> bool:
    """Whether channels last is faster here, and safe.

    On GPUs of NVIDIA it is. On Apple's, batch norm's gradients are wrong in it (pytorch issue
    175189). On a processor, oneDNN writes past its buffer in the gradient of a 1 x 1 convolution
    that skips pixels and has fewer input channels than a vector (oneDNN issue 6035): a crash,
    or another number somewhere. Such a model stays as it is; narrow ones gain little anyway.
    """
    device = next(model.parameters()).device.type
    if device != "cpu":
        return device == "cuda"
    skipping = [
        layer
        for layer in model.modules()
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) and max(layer.stride) > 1
    ]
    return all(layer.in_channels // layer.groups >= VECTOR for layer in skipping)
