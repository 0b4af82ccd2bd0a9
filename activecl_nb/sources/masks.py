"""Masks: which pixels of a patch are inside, read from image files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from activecl_nb.files import read as read_file
from activecl_nb.sources.image import BadImage, BadImages, decode_bytes, in_parallel


def read(files: Sequence[str] | np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """uint8 (N, height, width) of the files: 1 where most of the pixel's area is not black.

    BadImages: some cannot be decoded; it names all of them.
    """
    height, width = shape

    def one(position: int) -> np.ndarray | BadImage:
        name = str(files[position])
        try:
            colours = np.asarray(decode_bytes(read_file(name), name))
        except BadImage as error:
            return error
        inside = Image.fromarray(255 * (colours > 0).any(axis=2).astype(np.uint8))
        return np.asarray(inside.resize((width, height), Image.Resampling.BOX)) > 127

    masks, bad = np.zeros((len(files), height, width), np.uint8), []
    for row, mask in enumerate(in_parallel(one, range(len(files)))):
        if isinstance(mask, BadImage):
            bad.append(mask)
        else:
            masks[row] = mask
    if bad:
        raise BadImages("masks", bad)
    return masks
