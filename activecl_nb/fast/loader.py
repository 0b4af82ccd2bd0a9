"""How the pool's bytes reach the device that trains.

Where they fit, all of them lie on it. Where they do not (15 GB of memory-mapped patches on a
small GPU), threads read the next batches into pinned memory while the device computes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator

import torch
from torch import Tensor

from activecl_nb.fast import distributed, threads

AHEAD = 8  # so many batches are read before they are asked for
READERS = 4  # by so many threads: some wait for the disk while another copies
SHARE = 0.5  # of the device's free memory for the pool; the rest is the training's


class Batches:
    """The batches of one epoch after another, on the device that trains.

    images: uint8 (N, 3, H, W) on any device, perhaps memory-mapped. positions: int64 (n,), which
        of them; all when None. size: images in a batch; the last partial batch of an epoch is
        dropped, since its patches would have fewer negatives than the others.

    Several ranks share each batch: ``share`` is this one's slice.

    ValueError: fewer images than one batch, or a batch that the ranks cannot share.
    """

    def __init__(
        self, images: Tensor, positions: Tensor | None, size: int, device: torch.device
    ) -> None:
        if positions is None:
            positions = torch.arange(len(images))
        if len(positions) < size:
            raise ValueError(
                f"{len(positions)} images do not fill one batch of {size}; "
                "make the batch smaller or the budget larger"
            )
        self.size, self.share, self.device = size, distributed.share(size), device
        self.images, self.positions = place(images, positions, device)

    @contextlib.contextmanager
    def epoch(self, draw: torch.Generator) -> Iterator[Iterator[Tensor]]:
        """While this is open: this rank's part of each batch, in an order drawn anew."""
        order = self.positions[torch.randperm(len(self.positions), generator=draw)]
        whole = order.split(self.size)[: len(order) // self.size]
        parts = [batch[self.share] for batch in whole]
        with contextlib.closing(batches(self.images, parts, self.device)) as patches:
            yield patches


def place(
    images: Tensor, positions: Tensor, device: torch.device, free: int | None = None
) -> tuple[Tensor, Tensor]:
    """``images[positions]`` where ``device`` reads them fastest, as (images, positions) again.

    images: uint8 (N, 3, H, W), perhaps memory-mapped. positions: int64 (n,), on the processor.
    free: bytes at hand on the device; asked of it when not given.

    On a GPU where they take at most half of what is free, these images alone, copied there, with
    the positions 0 to n - 1. Else both as they came: then ``batches`` brings them, a batch at a
    time, and nothing is copied.
    """
    if images.device.type == device.type or device.type == "cpu":
        return images, positions
    if free is None:
        free = _free(device)
    if len(positions) * images[:1].nbytes > SHARE * free:
        return images, positions
    there = torch.empty(len(positions), *images.shape[1:], dtype=images.dtype, device=device)
    start = 0
    for part in batches(images, positions.split(128), device):
        there[start : start + len(part)] = part
        start += len(part)
    return there, torch.arange(len(positions))


def _free(device: torch.device) -> int:
    """Bytes at hand on a GPU, those that torch keeps from what was freed among them."""
    if device.type != "cuda":
        return 0
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept


def batches(
    images: Tensor, parts: Iterable[Tensor], device: torch.device
) -> Generator[Tensor, None, None]:
    """``images[part]`` on the device, for each part (int64, on the processor) in turn.

    Images that lie on the device are taken there; others are read ahead. Close the iterator
    (``contextlib.closing``) when it is left early.
    """
    if images.device.type == device.type:
        for part in parts:
            yield images.index_select(0, send(part, images.device))
        return

    def read(part: Tensor) -> Tensor:
        found = images.index_select(0, part)
        return found.pin_memory() if device.type == "cuda" else found

    for found in threads.ahead(read, parts, READERS, AHEAD):
        yield found.to(device, non_blocking=True)


def send(values: Tensor, device: torch.device) -> Tensor:
    """Values on the device, without waiting for a GPU: memory that is not pinned would wait."""
    if device.type == "cuda" and values.device.type == "cpu":
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)
