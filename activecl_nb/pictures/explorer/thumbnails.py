"""Small pictures of all patches in one sheet, which travels to the browser once."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

SPRITE_BYTES = 1_500_000  # of the thumbnails; with everything else, a page stays below 4 MB


def tiles(images: np.ndarray, columns: int) -> np.ndarray:
    """uint8 (n, h, w, 3) -> one image, row by row, the rest black."""
    n, h, w, _ = images.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    sheet = np.zeros((rows * columns, h, w, 3), dtype=np.uint8)
    sheet[:n] = images
    return sheet.reshape(rows, columns, h, w, 3).swapaxes(1, 2).reshape(rows * h, columns * w, 3)


def sprite_sheet(images: Any, patches: np.ndarray) -> tuple[bytes, int, int, int]:
    """All thumbnails as one JPEG: (bytes, side of a cell, side of the thumbnail in it, columns).

    The cell is a multiple of 16 pixels, since JPEG codes colour in blocks of 16 and thumbnails
    would bleed into each other; a thumbnail that is smaller is padded with its own border.
    """
    n, native = len(patches), max(images.shape[-2:])
    fits = (SPRITE_BYTES / (0.14 * max(n, 1))) ** 0.5  # a pixel takes about 0.14 bytes
    cell = int(np.clip(min(fits, native + 15) // 16 * 16, 16, 96))
    side = min(native, cell)
    columns = max(1, int(np.ceil(n**0.5)))
    small = np.concatenate(
        [_shrunk(images[patches[at : at + 1024]], side) for at in range(0, n, 1024)]
    )
    small = np.pad(small, ((0, 0), (0, cell - side), (0, cell - side), (0, 0)), mode="edge")
    sample = small[:: -(-n // 400)]
    for quality in (80, 70, 60, 50, 42, 35, 28, 20):
        each = len(encoded(tiles(sample, 20), "JPEG", quality=quality)) / len(sample)
        if each * n <= SPRITE_BYTES:
            break
    return encoded(tiles(small, columns), "JPEG", quality=quality), cell, side, columns


def _shrunk(images: Any, side: int) -> np.ndarray:
    """uint8 (n, 3, H, W) -> uint8 (n, side, side, 3), averaged over what a pixel covers."""
    import torch
    from torch.nn import functional as F

    block = torch.as_tensor(images)
    stride = min(block.shape[-2:]) // (3 * side)
    if stride > 1:  # nine source pixels for each one left average well enough
        block = block[..., ::stride, ::stride]
    if block.shape[-2:] != (side, side):
        block = F.interpolate(block.float(), size=(side, side), mode="area").round().byte()
    return block.permute(0, 2, 3, 1).numpy()


def encoded(image: np.ndarray, format: str, **how: Any) -> bytes:
    """uint8 (h, w, 3) as a file's bytes."""
    from PIL import Image

    packed = io.BytesIO()
    Image.fromarray(image).save(packed, format, **how)
    return packed.getvalue()
