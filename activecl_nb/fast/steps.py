"""A step of training: from a loss to new weights, the same on one rank and on several."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from activecl_nb.fast import distributed, layout


@contextlib.contextmanager
def stepping(
    model: nn.Module, optimizer: torch.optim.Optimizer
) -> Iterator[Callable[[Tensor], Tensor]]:
    """While this is open the model trains: gives the function that takes a step.

    The function takes the loss of the whole batch (a scalar with a graph, the same on every rank)
    and gives it back without its graph, so that nobody has to wait for a GPU to read it.

    On entry every rank takes over the weights and moments of rank 0, laid out as the device reads
    them fastest. Inside, batch norm sees the batches of all ranks as one.
    """
    layout.arrange(model, optimizer)
    distributed.agree(model, optimizer)
    model.train()

    def step(loss: Tensor) -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        distributed.add_gradients(model)
        optimizer.step()
        return loss.detach()

    with distributed.synchronised(model), repeatable(next(model.parameters()).device):
        yield step


def repeatable(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Convolutions on a GPU add up in a fixed order, so that a seed gives the same run there."""
    if device.type != "cuda":
        return contextlib.nullcontext()
    return torch.backends.cudnn.flags(enabled=True, deterministic=True)
