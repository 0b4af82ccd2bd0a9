"""One painter a class."""

from __future__ import annotations

import math

import numpy as np

from activecl_nb.sources.structures.canvas import ellipse, thread
from activecl_nb.sources.structures.cells import (
    lymphocyte,
    red_cells,
    scatter_lymphocytes,
    spindle_cells,
)
from activecl_nb.sources.structures.chance import (
    between,
    clamp,
    lattice,
    new_key,
    noise,
    normal,
    seen,
    stroke,
    uniform,
)
from activecl_nb.sources.structures.fibres import clefts, fibres, loose_stroma, septum
from activecl_nb.sources.structures.glands import gland, tumour_glands, tumour_sheet

ADI, BACK, DEB, LYM, MUC, MUS, NORM, STR, TUM = range(9)


@stroke
def paint_adi(canvas, rng, d):
    """Fat: large empty cells with thin walls."""
    H, E, px, ox, oy = canvas.H, canvas.E, canvas.px, canvas.ox, canvas.oy
    size = between(rng, 42.0, 78.0)
    sites, bend = new_key(rng), new_key(rng)
    wall, stain = between(rng, 0.7, 2.0), between(rng, 0.3, 0.85)
    glass_h, glass_e = between(rng, 0.06, 0.16), between(rng, 0.05, 0.12)
    for i in range(H.shape[0]):
        for j in range(H.shape[1]):
            x, y = (j + 0.5) * px + ox, (i + 0.5) * px + oy
            wx = x + 10.0 * (noise(x / 22.0, y / 22.0, bend) - 0.5)
            wy = y + 10.0 * (noise(x / 22.0 + 50.0, y / 22.0, bend) - 0.5)
            ci, cj = math.floor(wy / size), math.floor(wx / size)
            nearest, second = 1e9, 1e9
            for m in range(ci - 1, ci + 2):
                for n in range(cj - 1, cj + 2):
                    sx = (n + 0.1 + 0.8 * lattice(m, n, sites)) * size
                    sy = (m + 0.1 + 0.8 * lattice(m + 999, n, sites)) * size
                    r = math.hypot(wx - sx, wy - sy)
                    if r < nearest:
                        nearest, second = r, nearest
                    elif r < second:
                        second = r
            gap = (second - nearest) / 2
            cover = clamp(0.5 + (max(wall, px) / 2 - gap) / px) * min(1.0, wall / px)
            E[i, j] = glass_e + cover * stain
            H[i, j] = glass_h + cover * stain * 0.45
    if uniform(rng) < 0.35:  # a septum of collagen with a vessel
        x, y = between(rng, 0.0, 112.0), between(rng, 0.0, 112.0)
        septum(canvas, rng, x, y, between(rng, 0.0, 3.14))
        red_cells(canvas, rng, int(between(rng, 0, 16)), x, y, 4.0)
    spindle_cells(canvas, rng, int(between(rng, 0, 4)), 0.0, 2.0, 3.0, 1.2, 1.2)


@stroke
def paint_back(canvas, rng, d):
    """Bare glass, or glass whose faint smear stain normalisation has turned dark purple."""
    H, E, px, ox, oy = canvas.H, canvas.E, canvas.px, canvas.ox, canvas.oy
    kind = uniform(rng)
    if kind < 0.30:
        h, e = between(rng, 0.0, 0.18), between(rng, 0.0, 0.10)
    elif kind < 0.42:
        h, e = between(rng, 0.2, 0.55), between(rng, 0.1, 0.4)
    else:
        h, e = between(rng, 0.65, 1.05), between(rng, 0.35, 0.75)
    soft, fine = new_key(rng), new_key(rng)
    swing, speckle = between(rng, 0.0, 0.25), between(rng, 0.02, 0.45)
    for i in range(H.shape[0]):
        for j in range(H.shape[1]):
            x, y = (j + 0.5) * px + ox, (i + 0.5) * px + oy
            s = noise(x / 35.0, y / 35.0, soft) - 0.5
            f = (noise(0.33 * x + 0.2 * y, 0.33 * y - 0.2 * x, fine) - 0.5) * seen(5.2, px)
            H[i, j] = h * (1.0 + swing * s + speckle * f)
            E[i, j] = e * (1.0 - swing * s + speckle * f)
    for _ in range(int(between(rng, -20, 30))):
        r = between(rng, 0.6, 2.2)
        ellipse(
            canvas, between(rng, 0, 112), between(rng, 0, 112), r, r, 0.0,
            h + between(rng, 0.05, 0.4), e, 0.3, 0.0, 0.7, new_key(rng),
        )  # fmt: skip


@stroke
def paint_deb(canvas, rng, d):
    """Necrosis: granular eosin, nuclear dust, ghosts of cells, cracks. Its hard cases keep
    the fibres of the stroma that died."""
    H, E, px, ox, oy = canvas.H, canvas.E, canvas.px, canvas.ox, canvas.oy
    turn = between(rng, 0.0, 3.14)
    fibres(
        canvas, rng, turn, 9.0, 30.0, 2.4, between(rng, 0.45, 0.75), 0.5,
        between(rng, 0.08, 0.25), 0.35 * d,
    )  # fmt: skip
    cloud, grain, haze = new_key(rng), new_key(rng), new_key(rng)
    e, h = between(rng, 0.32, 0.72), between(rng, 0.08, 0.36)
    fine, keep = between(rng, 0.35, 1.0), 1.0 - 0.65 * d
    holes, crumbled = between(rng, 0.0, 0.22), between(rng, 0.35, 0.95)
    for i in range(H.shape[0]):
        for j in range(H.shape[1]):
            x, y = (j + 0.5) * px + ox, (i + 0.5) * px + oy
            g = (noise(0.4 * x + 0.25 * y, 0.4 * y - 0.25 * x, grain) - 0.5) * seen(4.2, px)
            m = noise(0.12 * x - 0.17 * y, 0.12 * y + 0.17 * x, haze)
            c = noise(x / 26.0, y / 26.0, cloud) - 0.5
            lump = g + 0.9 * (m - 0.5)
            pore = 1.0 - 0.75 * clamp((0.34 * holes / 0.22 - m) * 6.0)
            # Crumbs: ragged pale gaps where two noises meet, wide enough for small pictures.
            seam = abs(
                noise(0.13 * x + 0.06 * y, 0.13 * y - 0.06 * x, cloud)
                - noise(0.11 * x - 0.08 * y + 40.0, 0.11 * y + 0.08 * x, haze)
            )
            pore *= 1.0 - crumbled * clamp(1.3 - 9.0 * seam - 0.8 * g)
            E[i, j] += keep * (max(0.06, e * (1.0 + fine * lump + 0.5 * c)) * pore - E[i, j])
            H[i, j] += keep * (max(0.0, h * (1.0 - 2.0 * c + fine * lump)) * pore - H[i, j])
    fading = between(rng, 0.1, 0.7)
    for _ in range(int(between(rng, 0, 130) * keep)):  # nuclei that lose their stain
        r = between(rng, 2.0, 4.0)
        ellipse(
            canvas, between(rng, -5, 117), between(rng, -5, 117), r, r * 0.8,
            between(rng, 0, 3.1), h + fading * between(rng, 0.6, 1.2), e, 0.6, 0.5, 0.6,
            new_key(rng),
        )  # fmt: skip
    dust = int(between(rng, 0.0, 1.0) ** 2 * 420 * keep) + 10
    for _ in range(dust):
        r = between(rng, 0.5, 1.8)
        ellipse(
            canvas, between(rng, -3, 115), between(rng, -3, 115), r,
            r * between(rng, 0.5, 1.0), between(rng, 0, 3.1), between(rng, 0.6, 1.1), 0.5, 0.5,
            0.0, 0.85, new_key(rng),
        )  # fmt: skip
    if uniform(rng) < 0.4:
        count = int(between(rng, 1, 7))
        clefts(canvas, rng, count, turn, between(rng, 25, 110), between(rng, 1.0, 3.0))


@stroke
def paint_lym(canvas, rng, d):
    """Lymphocytes side by side."""
    fibres(
        canvas, rng, between(rng, 0, 3.14), 8.0, 30.0, 3.0, between(rng, 0.06, 0.34), 0.3,
        between(rng, 0.02, 0.12), between(rng, 0.4, 0.9),
    )  # fmt: skip
    spacing, gaps = between(rng, 5.4, 6.8), between(rng, 0.02, 0.3)
    dark, holes = between(rng, 0.8, 1.25), new_key(rng)
    cells = int(132.0 / spacing) + 1
    for m in range(cells):
        for n in range(cells):
            x = (n + between(rng, -0.45, 0.45) + 0.5 * (m % 2)) * spacing - 10.0
            y = (m + between(rng, -0.45, 0.45)) * spacing - 10.0
            keep = uniform(rng)
            thin = clamp(4.0 * (noise(x / 14.0, y / 14.0, holes) - 0.7))
            if keep > gaps + 0.8 * thin:
                lymphocyte(canvas, rng, x, y, dark)
    if uniform(rng) < 0.5:
        count = int(between(rng, 1, 7))
        clefts(canvas, rng, count, between(rng, 0, 3.1), 45.0, between(rng, 0.7, 2.4))


@stroke
def paint_muc(canvas, rng, d):
    """A pool of mucin: pale lilac, streaked by its flow, with strands and a few cells."""
    H, E, px, ox, oy = canvas.H, canvas.E, canvas.px, canvas.ox, canvas.oy
    turn = between(rng, 0.0, 3.14)
    cos, sin = math.cos(turn), math.sin(turn)
    bend, streak, pool, fleck = new_key(rng), new_key(rng), new_key(rng), new_key(rng)
    h, e = between(rng, 0.16, 0.36), between(rng, 0.06, 0.28)
    wave, swing, wisp = between(rng, 8.0, 20.0), between(rng, 0.8, 1.6), between(rng, 4.0, 9.0)
    for i in range(H.shape[0]):
        for j in range(H.shape[1]):
            x, y = (j + 0.5) * px + ox, (i + 0.5) * px + oy
            u, v = x * cos + y * sin, y * cos - x * sin
            v += wave * (noise(u / 30.0, v / 30.0, bend) - 0.5)
            ridge = 1.0 - abs(2.0 * noise(u / 40.0, v / wisp, streak) - 1.0)
            p = noise(x / 30.0, y / 30.0, pool) - 0.5
            f = (noise(u / 6.0, v / 1.8, fleck) - 0.5) * seen(3.6, px)
            line = 1.6 * (ridge**8 - 0.2) * (1.0 + 2.0 * p) + 0.7 * f
            H[i, j] = max(0.02, h * (1.0 + swing * (line + 0.6 * p)))
            E[i, j] = max(0.02, e * (1.0 + swing * (line - 0.6 * p)))
    for _ in range(int(between(rng, 0, 8))):
        thread(
            canvas, rng, between(rng, -10, 122), between(rng, -10, 122),
            turn + 0.5 * normal(rng), between(rng, 25, 110), 0.16, between(rng, 0.8, 3.0),
            between(rng, 0.2, 0.6), between(rng, 0.3, 0.8), 0.8,
        )  # fmt: skip
    if uniform(rng) < 0.35:  # a septum of collagen
        septum(canvas, rng, between(rng, 0, 112), between(rng, 0, 112), turn)
    scatter_lymphocytes(canvas, rng, int(between(rng, 0, 10)), 0.9)


@stroke
def paint_mus(canvas, rng, d):
    """Smooth muscle: straight, dense bundles with blunt long nuclei. Its hard cases are
    waved and loosened like stroma."""
    turn = between(rng, 0.0, 3.14)
    fibres(
        canvas, rng, turn, 2.0 + 5.0 * d, 60.0 - 20.0 * d, between(rng, 1.3, 2.4),
        between(rng, 0.42, 0.85), between(rng, 0.25, 0.5) + 0.2 * d, between(rng, 0.04, 0.24),
        between(rng, 0.0, 0.42) + 0.1 * d,
    )  # fmt: skip
    if uniform(rng) < 0.45:
        count = int(between(rng, 1, 4))
        clefts(canvas, rng, count, turn, between(rng, 40, 130), between(rng, 0.8, 5.0))
    count = int(between(rng, 16, 64))
    long_ = 6.0 - 1.4 * d
    spindle_cells(canvas, rng, count, turn, 0.10 + 0.15 * d, long_, 1.7 - 0.2 * d, 0.8)


@stroke
def paint_str(canvas, rng, d):
    """Stroma: wavy collagen, thin fibroblasts, scattered lymphocytes. Its hard cases are as
    straight and dense as muscle."""
    turn = between(rng, 0.0, 3.14)
    fibres(
        canvas, rng, turn, 12.0 - 6.0 * d, between(rng, 20.0, 32.0) + 15.0 * d,
        between(rng, 1.2, 2.2), between(rng, 0.4, 0.72), 0.65 - 0.2 * d, between(rng, 0.05, 0.24),
        between(rng, 0.15, 0.5) - 0.1 * d,
    )  # fmt: skip
    count = int(between(rng, 14, 60))
    spindle_cells(canvas, rng, count, turn, 0.4 - 0.15 * d, 4.2 + 0.8 * d, 1.2, 0.9)
    count = between(rng, 0.0, 40.0)
    if uniform(rng) < 0.1:  # some stroma is inflamed
        count *= 2.5
    count = int(count * (1.0 - 0.6 * d))
    scatter_lymphocytes(canvas, rng, count, 0.9)


@stroke
def paint_norm(canvas, rng, d):
    """Normal mucosa: round crypts with goblet cells and one basal row of small nuclei, in
    lamina propria. Its hard cases are regenerating: fewer goblets, crowded nuclei."""
    loose_stroma(canvas, rng, between(rng, 0.15, 0.6), int(between(rng, 30, 170)))
    pitch = between(rng, 60.0, 92.0)
    sx, sy, turn = between(rng, 0, pitch), between(rng, 0, pitch), between(rng, 0, 3.14)
    stretch = 1.0 if uniform(rng) < 0.7 else between(rng, 1.3, 2.6)
    dark, mucin = between(rng, 0.5, 1.0), between(rng, 0.03, 0.4)
    for m in range(-2, 4):
        for n in range(-2, 4):
            u = (n + 0.5 * (m % 2)) * pitch * stretch + 6.0 * normal(rng)
            v = m * pitch * 0.9 + 6.0 * normal(rng)
            x = sx + u * math.cos(turn) - v * math.sin(turn)
            y = sy + u * math.sin(turn) + v * math.cos(turn)
            b = pitch * between(rng, 0.38, 0.46)
            wall = b * between(rng, 0.65, 0.88)
            goblets = clamp(between(rng, 0.55, 1.05) - 0.55 * d)
            r = max(b * stretch, b) + 6.0
            # Crypts that cannot be seen are skipped; the numbers they would have used come from
            # a generator of their own, so that nothing else moves.
            own = np.empty(1, np.uint64)
            own[0] = new_key(rng)
            if -r - 12 < x < 124 + r and -r - 12 < y < 124 + r:
                gland(
                    canvas, own, x, y, b * stretch, b, turn, 0.10 + 0.10 * d, wall,
                    goblets, 1.0 + 0.9 * d, 0.5 * d, dark, mucin, 0.1, False,
                )  # fmt: skip


@stroke
def paint_tum(canvas, rng, d):
    """Adenocarcinoma: irregular, crowded glands or cribriform sheets, nuclei large, unequal
    and vesicular, in many rows. Its hard cases are well differentiated and look like crypts."""
    loose_stroma(canvas, rng, between(rng, 0.2, 0.75), int(between(rng, 0, 90)))
    dark = between(rng, 0.52, 0.9)
    if uniform(rng) < 0.62 + 0.3 * d:
        tumour_glands(canvas, rng, d, dark)
    else:
        tumour_sheet(canvas, rng, d, dark)


@stroke
def paint(tissue, canvas, rng, d):
    """The painter of each class."""
    if tissue == ADI:
        paint_adi(canvas, rng, d)
    elif tissue == BACK:
        paint_back(canvas, rng, d)
    elif tissue == DEB:
        paint_deb(canvas, rng, d)
    elif tissue == LYM:
        paint_lym(canvas, rng, d)
    elif tissue == MUC:
        paint_muc(canvas, rng, d)
    elif tissue == MUS:
        paint_mus(canvas, rng, d)
    elif tissue == NORM:
        paint_norm(canvas, rng, d)
    elif tissue == STR:
        paint_str(canvas, rng, d)
    else:
        paint_tum(canvas, rng, d)
