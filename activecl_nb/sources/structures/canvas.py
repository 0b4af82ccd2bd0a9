"""The square of glass that a patch is painted on, and the strokes that everything is made of."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from activecl_nb.sources.structures.chance import between, clamp, noise, normal, seen, stroke

FIELD = 112.0  # micrometres a side: 224 pixels of 0.5 micrometres in the real sets


class Canvas(NamedTuple):
    """What strokes change, and where it lies.

    H, E: amounts of haematoxylin and eosin, float32 (side, side). tumour: 1 where the outline of
    tumour epithelium lies, 0 elsewhere, uint8 (side, side). nuclei: how many nuclei have their
    centre in this pixel and lie open, uint8 (side, side). px: micrometres a pixel. ox, oy: the
    upper left corner, in micrometres.
    """

    H: np.ndarray
    E: np.ndarray
    tumour: np.ndarray
    nuclei: np.ndarray
    px: float
    ox: float
    oy: float


@stroke
def ellipse(canvas, x, y, a, b, turn, h, e, rough, texture, opacity, key):
    """Cover an ellipse (semi-axes a, b; turned by ``turn``) with stain amounts h and e.

    rough: how irregular the outline is, 0..1. texture: how clumped the stain is, 0..1.
    """
    H, E, px, ox, oy = canvas.H, canvas.E, canvas.px, canvas.ox, canvas.oy
    reach = max(a, b) * (1.0 + 0.8 * rough) + px
    j0, j1 = int((x - ox - reach) / px), int((x - ox + reach) / px) + 1
    i0, i1 = int((y - oy - reach) / px), int((y - oy + reach) / px) + 1
    cos, sin = math.cos(turn), math.sin(turn)
    clumps = texture * seen(2.5, px)
    full = opacity * min(1.0, 2.0 * min(a, b) / px)
    far = 1.0 + 0.8 * rough
    for i in range(max(i0, 0), min(i1, H.shape[0])):
        for j in range(max(j0, 0), min(j1, H.shape[1])):
            dx, dy = (j + 0.5) * px + ox - x, (i + 0.5) * px + oy - y
            u, v = (dx * cos + dy * sin) / a, (dy * cos - dx * sin) / b
            q = math.sqrt(u * u + v * v) + 1e-6
            slope = math.sqrt(u * u / (a * a) + v * v / (b * b)) / q + 1e-9
            soft = slope * px
            if q > far + 0.5 * soft:
                continue
            edge = 1.0
            if rough > 0.0 and q > 1.0 - 0.8 * rough - 0.5 * soft:
                edge += rough * (noise(u / q * 1.3 + 7.0, v / q * 1.3 + 7.0, key) - 0.5) * 1.6
            cover = clamp(0.5 + (edge - q) / soft) * full
            if cover > 0.0:
                amount = h
                if clumps > 0.0:
                    grain = noise(dx / 1.3 + 31.0, dy / 1.3 + 17.0, key) - 0.5
                    amount *= 1.0 + clumps * (grain * 1.4 + 1.3 * texture * (q - 0.55))
                H[i, j] += cover * (amount - H[i, j])
                E[i, j] += cover * (e - E[i, j])


@stroke
def nucleus(canvas, x, y, a, b, turn, h, e, rough, texture, opacity, key):
    """An ellipse that is counted where its centre lies in the field."""
    ellipse(canvas, x, y, a, b, turn, h, e, rough, texture, opacity, key)
    across, down = (x - canvas.ox) / FIELD, (y - canvas.oy) / FIELD
    if 0.0 <= across < 1.0 and 0.0 <= down < 1.0:
        side = canvas.H.shape[0]
        canvas.nuclei[int(down * side), int(across * side)] += 1


@stroke
def hole(canvas, x, y, a, b, turn, h, e, rough, texture, opacity, key):
    """An ellipse that hides the nuclei under it."""
    ellipse(canvas, x, y, a, b, turn, h, e, rough, texture, opacity, key)
    px, left, top = canvas.px, x - canvas.ox, y - canvas.oy
    reach, cos, sin = max(a, b), math.cos(turn), math.sin(turn)
    for i in range(
        max(int((top - reach) / px), 0), min(int((top + reach) / px) + 1, len(canvas.H))
    ):
        for j in range(
            max(int((left - reach) / px), 0), min(int((left + reach) / px) + 1, len(canvas.H))
        ):
            dx, dy = (j + 0.5) * px - left, (i + 0.5) * px - top
            u, v = (dx * cos + dy * sin) / a, (dy * cos - dx * sin) / b
            if u * u + v * v < 1.0:
                canvas.nuclei[i, j] = 0


@stroke
def strand(canvas, x0, y0, x1, y1, width, h, e, opacity):
    """A straight piece of a thread, ``width`` micrometres wide."""
    H, E, px, ox, oy = canvas.H, canvas.E, canvas.px, canvas.ox, canvas.oy
    reach = width / 2 + px
    j0, j1 = int((min(x0, x1) - ox - reach) / px), int((max(x0, x1) - ox + reach) / px) + 1
    i0, i1 = int((min(y0, y1) - oy - reach) / px), int((max(y0, y1) - oy + reach) / px) + 1
    dx, dy = x1 - x0, y1 - y0
    length2 = dx * dx + dy * dy + 1e-9
    full = opacity * min(1.0, width / px)
    for i in range(max(i0, 0), min(i1, H.shape[0])):
        for j in range(max(j0, 0), min(j1, H.shape[1])):
            x, y = (j + 0.5) * px + ox, (i + 0.5) * px + oy
            t = clamp(((x - x0) * dx + (y - y0) * dy) / length2)
            distance = math.hypot(x - x0 - t * dx, y - y0 - t * dy)
            cover = clamp(0.5 + (max(width, px) / 2 - distance) / px) * full
            if cover > 0.0:
                H[i, j] += cover * (max(h, H[i, j]) - H[i, j])
                E[i, j] += cover * (max(e, E[i, j]) - E[i, j])


@stroke
def thread(canvas, rng, x, y, turn, length, curl, width, h, e, opacity):
    """A wandering thread: short straight pieces, each turned a little from the last and
    thinner towards both ends."""
    steps = int(length / 4.0) + 1
    for k in range(steps):
        turn += curl * normal(rng)
        nx, ny = x + 4.0 * math.cos(turn), y + 4.0 * math.sin(turn)
        t = (k + 0.5) / steps
        wide = width * (0.25 + 3.0 * t * (1.0 - t)) * between(rng, 0.7, 1.3)
        strand(canvas, x, y, nx, ny, wide, h, e, opacity)
        x, y = nx, ny
