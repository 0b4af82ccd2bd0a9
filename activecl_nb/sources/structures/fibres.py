"""What holds tissue together: fibres, bands of collagen, and the cracks between them."""

from __future__ import annotations

import math

from activecl_nb.sources.structures.canvas import FIELD, hole, nucleus
from activecl_nb.sources.structures.cells import red_cells, scatter_lymphocytes, spindle_cells
from activecl_nb.sources.structures.chance import (
    between,
    clamp,
    new_key,
    noise,
    normal,
    seen,
    stroke,
)


@stroke
def fibres(canvas, rng, turn, wave, wavelength, thick, e, e_swing, h, gaps):
    """Fill the square with fibres that run along ``turn``.

    wave: how far fibres swing to the side (micrometres) over one ``wavelength``. thick: width of
    a fibre. e, h: mean stain; e_swing: how much eosin varies from fibre to fibre. gaps: share
    of clefts between fibres, 0..1.
    """
    H, E, px, ox, oy = canvas.H, canvas.E, canvas.px, canvas.ox, canvas.oy
    cos, sin = math.cos(turn), math.sin(turn)
    bend, fine, coarse, cleft = new_key(rng), new_key(rng), new_key(rng), new_key(rng)
    hair = 0.7 * seen(1.4, px)
    fine_seen, slit_seen = seen(2.0 * thick, px), 0.35 + 0.65 * seen(3.0 * thick, px)
    for i in range(H.shape[0]):
        for j in range(H.shape[1]):
            x, y = (j + 0.5) * px + ox, (i + 0.5) * px + oy
            u, v = x * cos + y * sin, y * cos - x * sin
            swing = noise(u / wavelength, v / (1.3 * wavelength), bend) - 0.5
            v += wave * 2.0 * swing
            f = (noise(u / (9.0 * thick), v / thick, fine) - 0.5) * fine_seen
            c = noise(u / 24.0, v / (3.2 * thick), coarse)
            if hair > 0.0:
                f += hair * (noise(u / 11.0, v / 0.7, fine) - 0.5)
            # Where the coarse noise crosses its middle two bundles part: a thin pale slit.
            # Slits open in some parts of the field more than in others.
            loose = noise(u / 30.0 + 5.0, v / 14.0, cleft)
            open_ = clamp((loose - 1.0 + 1.25 * gaps) * 4.0)
            slit = clamp(1.0 - abs(c - 0.5) * (9.0 - 6.0 * open_)) * open_ * slit_seen
            swell = clamp((loose - 1.12 + 0.8 * gaps) * 8.0)
            hole = max(slit, swell)
            eosin = e + e_swing * (1.1 * f + 0.8 * (c - 0.5))
            E[i, j] = max(0.04, eosin) * (1.0 - 0.9 * hole) + 0.02
            H[i, j] = h * max(0.1, 1.0 + 1.4 * (c - 0.5) - 0.6 * f) * (1.0 - 0.9 * hole)


@stroke
def loose_stroma(canvas, rng, e, cells):
    """What lies between glands: pale fibres with inflammatory cells."""
    turn = between(rng, 0.0, 3.14)
    fibres(
        canvas, rng, turn, 10.0, 26.0, 1.8, e, 0.5, between(rng, 0.05, 0.18),
        between(rng, 0.2, 0.6),
    )  # fmt: skip
    spindle_cells(canvas, rng, int(between(rng, 8, 26)), turn, 0.5, 4.0, 1.2, 0.9)
    scatter_lymphocytes(canvas, rng, cells, 0.9)
    red_cells(canvas, rng, 4, between(rng, 0, 112), between(rng, 0, 112), 8.0)


@stroke
def septum(canvas, rng, x, y, turn):
    """A band of collagen with a few spindle nuclei that crosses the field."""
    H, E, px, ox, oy = canvas.H, canvas.E, canvas.px, canvas.ox, canvas.oy
    wide, stain = between(rng, 3.0, 12.0), between(rng, 0.4, 0.75)
    bend, fibre = new_key(rng), new_key(rng)
    cos, sin = math.cos(turn), math.sin(turn)
    for i in range(H.shape[0]):
        for j in range(H.shape[1]):
            dx, dy = (j + 0.5) * px + ox - x, (i + 0.5) * px + oy - y
            u, v = dx * cos + dy * sin, dy * cos - dx * sin
            v += 26.0 * (noise(u / 38.0, 0.5, bend) - 0.5)
            swell = wide * (0.4 + 1.2 * noise(u / 25.0, 7.5, bend))
            f = noise(u / 16.0, v / 1.8, fibre)
            cover = clamp(0.5 + (swell / 2 - abs(v)) / (px + 1.0)) * clamp(3.0 * f - 0.5)
            E[i, j] += cover * (stain * (0.6 + 0.8 * f) - E[i, j])
            H[i, j] += cover * (0.25 * f - H[i, j])
    for _ in range(int(between(rng, 2, 9))):
        u = between(rng, -70.0, 70.0)
        v = -26.0 * (noise(u / 38.0, 0.5, bend) - 0.5) + 0.25 * wide * normal(rng)
        nucleus(
            canvas, x + u * cos - v * sin, y + u * sin + v * cos, between(rng, 2.5, 5.0),
            between(rng, 0.9, 1.6), turn + 0.3 * normal(rng), between(rng, 0.7, 1.1), 0.4, 0.2,
            0.4, 0.9, new_key(rng),
        )  # fmt: skip


@stroke
def clefts(canvas, rng, count, turn, length, width):
    """Cracks through which the bare glass shows."""
    for _ in range(count):
        x, y = between(rng, 0.0, FIELD), between(rng, 0.0, FIELD)
        direction, key = turn + 0.3 * normal(rng), new_key(rng)
        wide, bends = width * between(rng, 0.4, 1.3), new_key(rng)
        steps = int(length / 3.0)
        for k in range(steps):
            direction += 0.35 * (noise(k * 0.4, 0.5, bends) - 0.5)
            t = (k + 0.5) / steps
            half = wide * (0.15 + 3.0 * t * (1.0 - t)) * (0.4 + 0.9 * noise(k * 0.35, 3.5, key))
            hole(
                canvas, x, y, 4.5, half, direction, 0.0, 0.03, 0.2, 0.0, 0.97, key
            )  # fmt: skip
            x, y = x + 3.0 * math.cos(direction), y + 3.0 * math.sin(direction)
