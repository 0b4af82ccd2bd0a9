"""Glands, healthy and malignant, and tumour that forms none."""

from __future__ import annotations

import math

import numpy as np

from activecl_nb.sources.structures.canvas import ellipse, hole, nucleus
from activecl_nb.sources.structures.chance import (
    between,
    clamp,
    new_key,
    noise,
    normal,
    stroke,
    uniform,
)


@stroke
def gland(
    canvas, rng, x, y, a, b, turn, rough, wall, goblets, crowding, pleomorphism,
    dark, lumen_h, lumen_e, malignant,
):  # fmt: skip
    """A ring of epithelium round a lumen, cut across (a = b) or along (a > b).

    a, b: outer semi-axes. rough: irregularity of the outline, 0..1. wall: height of the
    epithelium. goblets: share of cells that are goblet cells. crowding: rows of nuclei (1 =
    one tidy basal row). pleomorphism: how large, dark and unequal nuclei are, 0..1.
    dark: haematoxylin of the nuclei. lumen_h, lumen_e: stain in the lumen (bare glass is 0).
    malignant: whether its outline is tumour.
    """
    outline, cell = new_key(rng), new_key(rng)
    epithelium(
        canvas, rng, x, y, a, b, turn, rough, wall, lumen_h, lumen_e, malignant, outline, cell
    )
    # Cells stand side by side along the outline: first the goblets, then the nuclei.
    gland_goblets(canvas, rng, x, y, a, b, turn, rough, wall, goblets, outline)
    gland_nuclei(canvas, rng, x, y, a, b, turn, rough, wall, crowding, pleomorphism, dark, outline)


@stroke
def epithelium(
    canvas, rng, x, y, a, b, turn, rough, wall, lumen_h, lumen_e, malignant, outline, cell
):
    """The body of a gland: what its wall and its lumen are filled with."""
    H, E, px, ox, oy = canvas.H, canvas.E, canvas.px, canvas.ox, canvas.oy
    cos, sin = math.cos(turn), math.sin(turn)
    cyto_e, cyto_h = between(rng, 0.35, 0.6), between(rng, 0.12, 0.34)
    reach = max(a, b) * (1.0 + rough) + 3.0
    j0, j1 = int((x - ox - reach) / px), int((x - ox + reach) / px) + 1
    i0, i1 = int((y - oy - reach) / px), int((y - oy + reach) / px) + 1
    inner = max(0.0, min(a, b) - wall)
    for i in range(max(i0, 0), min(i1, H.shape[0])):
        for j in range(max(j0, 0), min(j1, H.shape[1])):
            dx, dy = (j + 0.5) * px + ox - x, (i + 0.5) * px + oy - y
            u, v = (dx * cos + dy * sin) / a, (dy * cos - dx * sin) / b
            q = math.sqrt(u * u + v * v) + 1e-6
            edge = 1.0 + rough * (noise(u / q * 1.6 + 9.0, v / q * 1.6 + 9.0, outline) - 0.5) * 1.6
            slope = math.sqrt(u * u / (a * a) + v * v / (b * b)) / q + 1e-9
            depth = (edge - q) / slope
            if depth < -2.0 - px:
                continue
            # A thin pale slit and the basement membrane set the gland off from its stroma.
            rim = clamp(0.5 + (depth + 2.0) / px) * 0.7
            E[i, j] += rim * (0.30 - E[i, j])
            H[i, j] += rim * (0.05 - H[i, j])
            cover = clamp(0.5 + depth / px)
            if cover > 0.5:
                canvas.nuclei[i, j] = 0
                canvas.tumour[i, j] |= malignant
            grain = noise(0.36 * dx + 0.2 * dy, 0.36 * dy - 0.2 * dx, cell) - 0.5
            E[i, j] += cover * (cyto_e * (1.0 + 0.5 * grain) - E[i, j])
            H[i, j] += cover * (cyto_h * (1.0 + 0.6 * grain) - H[i, j])
            if inner > 1.5:
                inside = clamp(0.5 + (depth - wall * (1.0 + 0.25 * grain)) / px)
                E[i, j] += inside * (lumen_e * (1.0 + 1.5 * grain) - E[i, j])
                H[i, j] += inside * (lumen_h * (1.0 + 1.5 * grain) - H[i, j])


@stroke
def gland_goblets(canvas, rng, x, y, a, b, turn, rough, wall, goblets, outline):
    """Goblet cells: drops of mucin in the wall."""
    cos, sin = math.cos(turn), math.sin(turn)
    places = int(math.pi * (a + b) / 11.0)
    for k in range(places):
        angle = 2.0 * math.pi * (k + between(rng, -0.25, 0.25)) / places
        c, s = math.cos(angle), math.sin(angle)
        edge = 1.0 + rough * (noise(c * 1.6 + 9.0, s * 1.6 + 9.0, outline) - 0.5) * 1.6
        normal_turn = turn + math.atan2(s / b, c / a)
        depth = wall * between(rng, 0.52, 0.64)
        radius = between(rng, 4.2, 6.4)
        long_ = min(radius * between(rng, 1.0, 1.6), 0.42 * wall + 1.0)
        amount, keep, key = between(rng, 0.10, 0.26), uniform(rng), new_key(rng)
        if keep < goblets:
            u, v = a * edge * c, b * edge * s
            gx = x + u * cos - v * sin - depth * math.cos(normal_turn)
            gy = y + u * sin + v * cos - depth * math.sin(normal_turn)
            ellipse(
                canvas, gx, gy, long_, radius, normal_turn,
                amount, 0.08, 0.15, 0.5, 0.95, key,
            )  # fmt: skip


@stroke
def gland_nuclei(canvas, rng, x, y, a, b, turn, rough, wall, crowding, pleomorphism, dark, outline):
    """Nuclei in one row or in many along the outer side of the wall."""
    cos, sin = math.cos(turn), math.sin(turn)
    apart = between(rng, 4.2, 5.2) * (1.0 + 0.25 * pleomorphism)
    girth = math.pi * (a + b)
    places = int(girth / apart * max(1.0, crowding * 0.85))
    for k in range(places):
        angle = 2.0 * math.pi * (k + between(rng, -0.4, 0.4)) / places
        c, s = math.cos(angle), math.sin(angle)
        edge = 1.0 + rough * (noise(c * 1.6 + 9.0, s * 1.6 + 9.0, outline) - 0.5) * 1.6
        normal_turn = turn + math.atan2(s / b, c / a)
        size = 1.0 + pleomorphism * (0.5 + 0.27 * normal(rng))
        size = min(1.9, max(0.6, size))
        long_, wide = 3.3 * size * between(rng, 0.85, 1.2), 2.2 * size * between(rng, 0.85, 1.15)
        depth = 3.6 + 0.8 * between(rng, -1.0, 1.0)
        depth += max(0.0, crowding - 1.0) * 4.5 * uniform(rng)
        depth = min(depth, max(3.0, wall - 3.0))
        u, v = a * edge * c, b * edge * s
        nx = x + u * cos - v * sin - depth * math.cos(normal_turn)
        ny = y + u * sin + v * cos - depth * math.sin(normal_turn)
        amount = dark * between(rng, 0.8, 1.2)
        nucleus(
            canvas, nx, ny, long_, wide, normal_turn + 0.25 * normal(rng),
            amount, 0.45, 0.15 + 0.25 * pleomorphism, 0.4 + 0.5 * pleomorphism, 0.92, new_key(rng),
        )  # fmt: skip


@stroke
def lumen(rng):
    """Stain amounts (h, e) of what a tumour's lumens hold: nothing, mucin, or necrotic debris
    (pathologists call that dirty necrosis)."""
    filling, h, e = uniform(rng), uniform(rng), uniform(rng)
    if filling < 0.3:
        return 0.06 * h, 0.05
    if filling < 0.6:
        return 0.10 + 0.25 * h, 0.08 + 0.15 * e
    return 0.05 + 0.25 * h, 0.25 + 0.35 * e


@stroke
def tumour_glands(canvas, rng, d, dark):
    pitch = between(rng, 56.0, 96.0)
    sx, sy, turn = between(rng, 0, pitch), between(rng, 0, pitch), between(rng, 0, 3.14)
    lumen_h, lumen_e = lumen(rng)
    for m in range(-2, 4):
        for n in range(-2, 4):
            u = (n + 0.5 * (m % 2)) * pitch + (14.0 - 6.0 * d) * normal(rng)
            v = m * pitch * 0.8 + (14.0 - 6.0 * d) * normal(rng)
            x = sx + u * math.cos(turn) - v * math.sin(turn)
            y = sy + u * math.sin(turn) + v * math.cos(turn)
            b = between(rng, 20.0, 42.0)
            a = b * between(rng, 1.0, 1.8 - 0.4 * d)
            wall = min(between(rng, 15.0, 28.0), b * 0.9)
            own = np.empty(1, np.uint64)
            own[0] = new_key(rng)
            if -a - 20 < x < 132 + a and -a - 20 < y < 132 + a:
                gland(
                    canvas, own, x, y, a, b, between(own, 0, 3.14), 0.42 - 0.22 * d,
                    wall, 0.45 * d, 3.2 - 1.2 * d, 0.9 - 0.45 * d, dark, lumen_h, lumen_e, True,
                )  # fmt: skip


@stroke
def tumour_sheet(canvas, rng, d, dark):
    """A solid or cribriform mass: packed nuclei, with holes punched through."""
    H, E, px, ox, oy = canvas.H, canvas.E, canvas.px, canvas.ox, canvas.oy
    shape, cell, order = new_key(rng), new_key(rng), new_key(rng)
    scale, level = between(rng, 28.0, 55.0), between(rng, 0.1, 0.4)
    cyto_e, cyto_h = between(rng, 0.3, 0.6), between(rng, 0.06, 0.28)
    holes = int(between(rng, 2, 10))
    lumen_h, lumen_e = lumen(rng)
    hx, hy, hr = np.empty(holes), np.empty(holes), np.empty(holes)
    for k in range(holes):
        hx[k], hy[k] = between(rng, 0, 112), between(rng, 0, 112)
        hr[k] = between(rng, 3.0, 12.0)
    for i in range(H.shape[0]):
        for j in range(H.shape[1]):
            x, y = (j + 0.5) * px + ox, (i + 0.5) * px + oy
            mass = clamp((noise(x / scale, y / scale, shape) - level) * scale / (2.0 * px) + 0.5)
            if mass > 0.5:
                canvas.nuclei[i, j] = 0
                canvas.tumour[i, j] = 1
            grain = noise(0.36 * x + 0.2 * y, 0.36 * y - 0.2 * x, cell) - 0.5
            E[i, j] += mass * (cyto_e * (1.0 + 0.5 * grain) - E[i, j])
            H[i, j] += mass * (cyto_h * (1.0 + 0.7 * grain) - H[i, j])
    spacing = between(rng, 7.6, 10.2)
    rows = int(136.0 / spacing) + 1
    for m in range(rows):
        for n in range(rows):
            x = (n + between(rng, -0.4, 0.4) + 0.5 * (m % 2)) * spacing - 12.0
            y = (m + between(rng, -0.4, 0.4)) * spacing - 12.0
            size = min(1.9, max(0.7, 1.22 + 0.28 * (1.0 - 0.5 * d) * normal(rng)))
            amount = dark * between(rng, 0.7, 1.3)
            turn = 6.28 * noise(x / 25.0, y / 25.0, order) + 0.4 * normal(rng)
            aspect, key = between(rng, 0.58, 0.9), new_key(rng)
            if noise(x / scale, y / scale, shape) > level:
                nucleus(
                    canvas, x, y, 3.7 * size, 3.7 * size * aspect, turn, amount, cyto_e,
                    0.4, 0.9, 0.92, key,
                )  # fmt: skip
    for k in range(holes):
        hole(
            canvas, hx[k], hy[k], hr[k], hr[k] * between(rng, 0.5, 1.0),
            between(rng, 0, 3.14), lumen_h, lumen_e, 0.4, 0.5, 0.97, new_key(rng),
        )  # fmt: skip
