"""From the plan of each patch to its pixels."""

from __future__ import annotations

import math

import numpy as np

from activecl_nb.fast.jit import compiled
from activecl_nb.sources.structures.canvas import FIELD, Canvas
from activecl_nb.sources.structures.chance import OPTIONS, between, normal
from activecl_nb.sources.structures.painters import paint
from activecl_nb.sources.structures.scanner import (
    FOCUS,
    GRAIN,
    JPEG,
    compress,
    develop,
    fold,
    pen,
    soften,
    survey,
)

NO_ARTEFACT, FOLD, PEN, BLUR = range(4)


@compiled(**OPTIONS)
def render(
    images, masks, nuclei, tissue, tissue_key, look_key, difficulty, shift, artefact, optics
):
    """Draw a run of patches.

    images: uint8 (n, 3, size, size), masks: uint8 (n, size, size), 1 where tumour lies, nuclei:
    int64 (n,), all filled in place. tissue: int64 (n,), the class to paint. tissue_key: uint64
    (n,), what is in the field of view; look_key: uint64 (n,), what the scanner adds. difficulty:
    (n,) in 0..1. shift: (n, 2) in micrometres. artefact: int64 (n,). optics: (n, 13), the
    slide's columns.
    """
    size = images.shape[2]
    fine = max(1, math.ceil(56 / size))  # small pictures are drawn finer and averaged down
    side = size * fine
    px = FIELD / side
    H, E = np.empty((side, side), np.float32), np.empty((side, side), np.float32)
    tumour, centres = np.empty((side, side), np.uint8), np.empty((side, side), np.uint8)
    image = np.empty((3, size, size), np.float32)
    rng, look = np.empty(1, np.uint64), np.empty(1, np.uint64)
    for n in range(images.shape[0]):
        rng[0], look[0] = tissue_key[n], look_key[n]
        H[:], E[:], tumour[:], centres[:] = 0.0, 0.0, 0, 0
        canvas = Canvas(H, E, tumour, centres, px, shift[n, 0], shift[n, 1])
        paint(tissue[n], canvas, rng, difficulty[n])
        nuclei[n] = survey(masks[n], canvas, fine)
        if artefact[n] == FOLD:
            fold(canvas, look)
        row = optics[n]
        thick_h, thick_e = math.exp(0.15 * normal(look)), math.exp(0.15 * normal(look))
        develop(image, canvas, fine, row, thick_h, thick_e)
        blur = row[FOCUS]
        if artefact[n] == PEN:
            pen(image, FIELD / size, look)
        elif artefact[n] == BLUR:
            blur += between(look, 3.0, 6.0)
        soften(image, blur * size / FIELD)
        grain = row[GRAIN]
        for c in range(3):
            for i in range(size):
                for j in range(size):
                    image[c, i, j] += grain * normal(look)
        compress(image, row[JPEG] * size / 224.0)
        for c in range(3):
            for i in range(size):
                for j in range(size):
                    images[n, c, i, j] = np.uint8(min(255.0, max(0.0, image[c, i, j] + 0.5)))
