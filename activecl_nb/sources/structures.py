"""The strokes that the phantom is painted with, compiled by numba.

A painter lays amounts of two stains, haematoxylin (H, blue-violet, nuclei) and eosin (E, pink,
everything else), on a square of glass 112 micrometres wide. ``render`` then lets white light
through: by the law of Beer and Lambert a pixel's colour is ``white * exp(-(H*h + E*e))``.

Every place and length is in micrometres and comes from the patch's own random numbers, drawn
in an order that does not depend on the size asked for. Only at the very end does a stroke meet
pixels, with a soft edge one pixel wide. So the same patch shows the same tissue at any size.

This module needs numba and takes a while to compile once; ``phantom`` imports it when it draws.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

# Kept on disk once compiled; runs beside other threads; divides as NumPy does, unchecked.
compiled = njit(cache=True, nogil=True, error_model="numpy")

FIELD = 112.0  # micrometres a side: 224 pixels of 0.5 micrometres in the real sets

ADI, BACK, DEB, LYM, MUC, MUS, NORM, STR, TUM = range(9)
NO_ARTEFACT, FOLD, PEN, BLUR = range(4)

# Columns of the table that describes the slide behind each patch.
H_VECTOR, E_VECTOR, WHITE, FOCUS, GRAIN, JPEG, FLARE = 0, 3, 6, 9, 10, 11, 12

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_COLUMN = np.uint64(0xD6E8FEB86659FD93)
_S27, _S30, _S31, _S11 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(11)
_UNIT = 2.0**-53


# --- random numbers ------------------------------------------------------------------------


@compiled
def mix(z):
    """The output function of splitmix64 (Steele, Lea and Flood 2014, "Fast splittable
    pseudorandom number generators"): 64 bits in, 64 well-stirred bits out."""
    z = (z ^ (z >> _S30)) * _MIX1
    z = (z ^ (z >> _S27)) * _MIX2
    return z ^ (z >> _S31)


@compiled
def uniform(rng):
    """The next number in [0, 1); ``rng`` is an array that holds splitmix64's one state."""
    rng[0] += _GOLDEN
    return float(mix(rng[0]) >> _S11) * _UNIT


@compiled
def between(rng, low, high):
    return low + (high - low) * uniform(rng)


@compiled
def normal(rng):
    """A standard normal number (Box and Muller 1958)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(rng)))
    return radius * math.cos(2.0 * math.pi * uniform(rng))


@compiled
def new_key(rng):
    """A key for ``noise``."""
    rng[0] += _GOLDEN
    return mix(rng[0])


# --- texture -------------------------------------------------------------------------------


@compiled
def lattice(i, j, key):
    """A number in [0, 1) that belongs to the lattice point (i, j)."""
    return float(mix(key + np.uint64(i) * _GOLDEN + np.uint64(j) * _COLUMN) >> _S11) * _UNIT


@compiled
def noise(x, y, key):
    """Value noise in [0, 1]: random heights on a unit lattice, smoothly joined."""
    i, j = math.floor(x), math.floor(y)
    u, v = x - i, y - j
    u, v = u * u * (3.0 - 2.0 * u), v * v * (3.0 - 2.0 * v)
    i, j = int(i), int(j)
    top = lattice(i, j, key) * (1.0 - u) + lattice(i + 1, j, key) * u
    bottom = lattice(i, j + 1, key) * (1.0 - u) + lattice(i + 1, j + 1, key) * u
    return top * (1.0 - v) + bottom * v


@compiled
def clamp(x):
    return 0.0 if x < 0.0 else (1.0 if x > 1.0 else x)


@compiled
def seen(wavelength, px):
    """How much of a texture of this wavelength survives pixels of ``px`` micrometres (0..1)."""
    return clamp(wavelength / px - 1.0)


# --- strokes -------------------------------------------------------------------------------


@compiled
def ellipse(H, E, px, ox, oy, x, y, a, b, turn, h, e, rough, texture, opacity, key):
    """Cover an ellipse (semi-axes a, b; turned by ``turn``) with stain amounts h and e.

    rough: how irregular the outline is, 0..1. texture: how clumped the stain is, 0..1.
    """
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


@compiled
def strand(H, E, px, ox, oy, x0, y0, x1, y1, width, h, e, opacity):
    """A straight piece of a thread, ``width`` micrometres wide."""
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


@compiled
def thread(H, E, px, ox, oy, rng, x, y, turn, length, curl, width, h, e, opacity):
    """A wandering thread: short straight pieces, each turned a little from the last and
    thinner towards both ends."""
    steps = int(length / 4.0) + 1
    for k in range(steps):
        turn += curl * normal(rng)
        nx, ny = x + 4.0 * math.cos(turn), y + 4.0 * math.sin(turn)
        t = (k + 0.5) / steps
        wide = width * (0.25 + 3.0 * t * (1.0 - t)) * between(rng, 0.7, 1.3)
        strand(H, E, px, ox, oy, x, y, nx, ny, wide, h, e, opacity)
        x, y = nx, ny


@compiled
def fibres(H, E, px, ox, oy, rng, turn, wave, wavelength, thick, e, e_swing, h, gaps):
    """Fill the square with fibres that run along ``turn``.

    wave: how far fibres swing to the side (micrometres) over one ``wavelength``. thick: width of
    a fibre. e, h: mean stain; e_swing: how much eosin varies from fibre to fibre. gaps: share
    of clefts between fibres, 0..1.
    """
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


@compiled
def spindle_cells(H, E, px, ox, oy, rng, count, turn, spread, a, b, h):
    """Long thin nuclei that lie along the fibres."""
    for _ in range(count):
        x, y = between(rng, -10.0, 122.0), between(rng, -10.0, 122.0)
        long_, wide = a * between(rng, 0.6, 1.4), b * between(rng, 0.7, 1.3)
        ellipse(
            H, E, px, ox, oy, x, y, long_, wide, turn + spread * normal(rng),
            h * between(rng, 0.7, 1.2), 0.45, 0.2, 0.5, 0.9, new_key(rng),
        )  # fmt: skip


@compiled
def lymphocyte(H, E, px, ox, oy, rng, x, y, h):
    """A small round dark nucleus."""
    r = between(rng, 2.3, 3.2)
    ellipse(
        H, E, px, ox, oy, x, y, r, r * between(rng, 0.8, 1.0), between(rng, 0.0, 3.14),
        h * between(rng, 0.8, 1.15), 0.4, 0.2, 0.6, 0.95, new_key(rng),
    )  # fmt: skip


@compiled
def scatter_lymphocytes(H, E, px, ox, oy, rng, count, h):
    for _ in range(count):
        lymphocyte(H, E, px, ox, oy, rng, between(rng, -6, 118), between(rng, -6, 118), h)


@compiled
def red_cells(H, E, px, ox, oy, rng, count, x, y, spread):
    """Erythrocytes: bright eosin, no nucleus."""
    for _ in range(count):
        r = between(rng, 1.8, 2.8)
        ellipse(
            H, E, px, ox, oy, x + spread * normal(rng), y + spread * normal(rng), r, r * 0.85,
            between(rng, 0.0, 3.14), 0.05, 1.3, 0.15, 0.0, 0.85, new_key(rng),
        )  # fmt: skip


@compiled
def clefts(H, E, px, ox, oy, rng, count, turn, length, width):
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
            ellipse(
                H, E, px, ox, oy, x, y, 4.5, half, direction, 0.0, 0.03, 0.2, 0.0, 0.97, key
            )  # fmt: skip
            x, y = x + 3.0 * math.cos(direction), y + 3.0 * math.sin(direction)


# --- glands --------------------------------------------------------------------------------


@compiled
def gland(
    H, E, px, ox, oy, rng, x, y, a, b, turn, rough, wall, goblets, crowding, pleomorphism,
    dark, lumen_h, lumen_e,
):  # fmt: skip
    """A ring of epithelium round a lumen, cut across (a = b) or along (a > b).

    a, b: outer semi-axes. rough: irregularity of the outline, 0..1. wall: height of the
    epithelium. goblets: share of cells that are goblet cells. crowding: rows of nuclei (1 =
    one tidy basal row). pleomorphism: how large, dark and unequal nuclei are, 0..1.
    dark: haematoxylin of the nuclei. lumen_h, lumen_e: stain in the lumen (bare glass is 0).
    """
    outline, cell = new_key(rng), new_key(rng)
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
            grain = noise(0.36 * dx + 0.2 * dy, 0.36 * dy - 0.2 * dx, cell) - 0.5
            E[i, j] += cover * (cyto_e * (1.0 + 0.5 * grain) - E[i, j])
            H[i, j] += cover * (cyto_h * (1.0 + 0.6 * grain) - H[i, j])
            if inner > 1.5:
                inside = clamp(0.5 + (depth - wall * (1.0 + 0.25 * grain)) / px)
                E[i, j] += inside * (lumen_e * (1.0 + 1.5 * grain) - E[i, j])
                H[i, j] += inside * (lumen_h * (1.0 + 1.5 * grain) - H[i, j])
    # Cells stand side by side along the outline: first the goblets, then the nuclei.
    girth = math.pi * (a + b)
    places = int(girth / 11.0)
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
                H, E, px, ox, oy, gx, gy, long_, radius, normal_turn,
                amount, 0.08, 0.15, 0.5, 0.95, key,
            )  # fmt: skip
    apart = between(rng, 4.2, 5.2) * (1.0 + 0.25 * pleomorphism)
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
        ellipse(
            H, E, px, ox, oy, nx, ny, long_, wide, normal_turn + 0.25 * normal(rng),
            amount, 0.45, 0.15 + 0.25 * pleomorphism, 0.4 + 0.5 * pleomorphism, 0.92, new_key(rng),
        )  # fmt: skip


# --- one painter a class -------------------------------------------------------------------


@compiled
def paint_adi(H, E, px, ox, oy, rng, d):
    """Fat: large empty cells with thin walls."""
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
        septum(H, E, px, ox, oy, rng, x, y, between(rng, 0.0, 3.14))
        red_cells(H, E, px, ox, oy, rng, int(between(rng, 0, 16)), x, y, 4.0)
    spindle_cells(H, E, px, ox, oy, rng, int(between(rng, 0, 4)), 0.0, 2.0, 3.0, 1.2, 1.2)


@compiled
def paint_back(H, E, px, ox, oy, rng, d):
    """Bare glass, or glass whose faint smear stain normalisation has turned dark purple."""
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
            H, E, px, ox, oy, between(rng, 0, 112), between(rng, 0, 112), r, r, 0.0,
            h + between(rng, 0.05, 0.4), e, 0.3, 0.0, 0.7, new_key(rng),
        )  # fmt: skip


@compiled
def paint_deb(H, E, px, ox, oy, rng, d):
    """Necrosis: granular eosin, nuclear dust, ghosts of cells, cracks. Its hard cases keep
    the fibres of the stroma that died."""
    turn = between(rng, 0.0, 3.14)
    fibres(
        H, E, px, ox, oy, rng, turn, 9.0, 30.0, 2.4, between(rng, 0.45, 0.75), 0.5,
        between(rng, 0.08, 0.25), 0.35 * d,
    )  # fmt: skip
    cloud, grain, haze = new_key(rng), new_key(rng), new_key(rng)
    e, h = between(rng, 0.32, 0.72), between(rng, 0.08, 0.36)
    fine, keep = between(rng, 0.35, 1.0), 1.0 - 0.65 * d
    holes = between(rng, 0.0, 0.22)
    for i in range(H.shape[0]):
        for j in range(H.shape[1]):
            x, y = (j + 0.5) * px + ox, (i + 0.5) * px + oy
            g = (noise(0.4 * x + 0.25 * y, 0.4 * y - 0.25 * x, grain) - 0.5) * seen(4.2, px)
            m = noise(0.12 * x - 0.17 * y, 0.12 * y + 0.17 * x, haze)
            c = noise(x / 26.0, y / 26.0, cloud) - 0.5
            lump = g + 0.9 * (m - 0.5)
            pore = 1.0 - 0.75 * clamp((0.34 * holes / 0.22 - m) * 6.0)
            E[i, j] += keep * (max(0.06, e * (1.0 + fine * lump + 0.5 * c)) * pore - E[i, j])
            H[i, j] += keep * (max(0.0, h * (1.0 - 2.0 * c + fine * lump)) * pore - H[i, j])
    fading = between(rng, 0.1, 0.7)
    for _ in range(int(between(rng, 0, 130) * keep)):  # nuclei that lose their stain
        r = between(rng, 2.0, 4.0)
        ellipse(
            H, E, px, ox, oy, between(rng, -5, 117), between(rng, -5, 117), r, r * 0.8,
            between(rng, 0, 3.1), h + fading * between(rng, 0.6, 1.2), e, 0.6, 0.5, 0.6,
            new_key(rng),
        )  # fmt: skip
    dust = int(between(rng, 0.0, 1.0) ** 2 * 420 * keep) + 10
    for _ in range(dust):
        r = between(rng, 0.5, 1.8)
        ellipse(
            H, E, px, ox, oy, between(rng, -3, 115), between(rng, -3, 115), r,
            r * between(rng, 0.5, 1.0), between(rng, 0, 3.1), between(rng, 0.6, 1.1), 0.5, 0.5,
            0.0, 0.85, new_key(rng),
        )  # fmt: skip
    if uniform(rng) < 0.4:
        count = int(between(rng, 1, 7))
        clefts(H, E, px, ox, oy, rng, count, turn, between(rng, 25, 110), between(rng, 1.0, 3.0))


@compiled
def paint_lym(H, E, px, ox, oy, rng, d):
    """Lymphocytes side by side."""
    fibres(
        H, E, px, ox, oy, rng, between(rng, 0, 3.14), 8.0, 30.0, 3.0, between(rng, 0.15, 0.65), 0.5,
        between(rng, 0.05, 0.28), between(rng, 0.15, 0.6),
    )  # fmt: skip
    spacing, gaps = between(rng, 5.4, 6.8), between(rng, 0.02, 0.3)
    dark, holes = between(rng, 0.4, 0.95), new_key(rng)
    cells = int(132.0 / spacing) + 1
    for m in range(cells):
        for n in range(cells):
            x = (n + between(rng, -0.45, 0.45) + 0.5 * (m % 2)) * spacing - 10.0
            y = (m + between(rng, -0.45, 0.45)) * spacing - 10.0
            keep = uniform(rng)
            thin = clamp(4.0 * (noise(x / 14.0, y / 14.0, holes) - 0.7))
            if keep > gaps + 0.8 * thin:
                lymphocyte(H, E, px, ox, oy, rng, x, y, dark)
    if uniform(rng) < 0.5:
        count = int(between(rng, 1, 7))
        clefts(H, E, px, ox, oy, rng, count, between(rng, 0, 3.1), 45.0, between(rng, 0.7, 2.4))


@compiled
def paint_muc(H, E, px, ox, oy, rng, d):
    """A pool of mucin: pale lilac, streaked by its flow, with strands and a few cells."""
    turn = between(rng, 0.0, 3.14)
    cos, sin = math.cos(turn), math.sin(turn)
    bend, streak, pool, fleck = new_key(rng), new_key(rng), new_key(rng), new_key(rng)
    h, e = between(rng, 0.10, 0.32), between(rng, 0.08, 0.40)
    wave, swing, wisp = between(rng, 12.0, 34.0), between(rng, 0.5, 1.5), between(rng, 4.0, 9.0)
    for i in range(H.shape[0]):
        for j in range(H.shape[1]):
            x, y = (j + 0.5) * px + ox, (i + 0.5) * px + oy
            u, v = x * cos + y * sin, y * cos - x * sin
            v += wave * (noise(u / 30.0, v / 30.0, bend) - 0.5)
            ridge = 1.0 - abs(2.0 * noise(u / 40.0, v / wisp, streak) - 1.0)
            p = noise(x / 30.0, y / 30.0, pool) - 0.5
            f = (noise(u / 6.0, v / 1.8, fleck) - 0.5) * seen(3.6, px)
            line = (ridge * ridge * ridge - 0.35) * (1.0 + 2.0 * p) + 0.7 * f
            H[i, j] = max(0.02, h * (1.0 + swing * (line + 0.6 * p)))
            E[i, j] = max(0.02, e * (1.0 + swing * (line - 0.6 * p)))
    for _ in range(int(between(rng, 0, 8))):
        thread(
            H, E, px, ox, oy, rng, between(rng, -10, 122), between(rng, -10, 122),
            turn + 0.5 * normal(rng), between(rng, 25, 110), 0.16, between(rng, 0.8, 3.0),
            between(rng, 0.2, 0.6), between(rng, 0.3, 0.8), 0.8,
        )  # fmt: skip
    if uniform(rng) < 0.35:  # a septum of collagen
        septum(H, E, px, ox, oy, rng, between(rng, 0, 112), between(rng, 0, 112), turn)
    scatter_lymphocytes(H, E, px, ox, oy, rng, int(between(rng, 0, 10)), 0.9)


@compiled
def septum(H, E, px, ox, oy, rng, x, y, turn):
    """A band of collagen with a few spindle nuclei that crosses the field."""
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
        ellipse(
            H, E, px, ox, oy, x + u * cos - v * sin, y + u * sin + v * cos, between(rng, 2.5, 5.0),
            between(rng, 0.9, 1.6), turn + 0.3 * normal(rng), between(rng, 0.7, 1.1), 0.4, 0.2,
            0.4, 0.9, new_key(rng),
        )  # fmt: skip


@compiled
def paint_mus(H, E, px, ox, oy, rng, d):
    """Smooth muscle: straight, dense bundles with blunt long nuclei. Its hard cases are
    waved and loosened like stroma."""
    turn = between(rng, 0.0, 3.14)
    fibres(
        H, E, px, ox, oy, rng, turn, 2.0 + 5.0 * d, 60.0 - 20.0 * d, between(rng, 1.3, 2.4),
        between(rng, 0.42, 0.85), between(rng, 0.25, 0.5) + 0.2 * d, between(rng, 0.04, 0.24),
        between(rng, 0.0, 0.42) + 0.1 * d,
    )  # fmt: skip
    if uniform(rng) < 0.45:
        count = int(between(rng, 1, 4))
        clefts(H, E, px, ox, oy, rng, count, turn, between(rng, 40, 130), between(rng, 0.8, 5.0))
    count = int(between(rng, 16, 64))
    long_ = 6.0 - 1.4 * d
    spindle_cells(H, E, px, ox, oy, rng, count, turn, 0.10 + 0.15 * d, long_, 1.7 - 0.2 * d, 0.8)


@compiled
def paint_str(H, E, px, ox, oy, rng, d):
    """Stroma: wavy collagen, thin fibroblasts, scattered lymphocytes. Its hard cases are as
    straight and dense as muscle."""
    turn = between(rng, 0.0, 3.14)
    fibres(
        H, E, px, ox, oy, rng, turn, 12.0 - 6.0 * d, between(rng, 20.0, 32.0) + 15.0 * d,
        between(rng, 1.2, 2.2), between(rng, 0.4, 0.72), 0.65 - 0.2 * d, between(rng, 0.05, 0.24),
        between(rng, 0.15, 0.5) - 0.1 * d,
    )  # fmt: skip
    count = int(between(rng, 14, 60))
    spindle_cells(H, E, px, ox, oy, rng, count, turn, 0.4 - 0.15 * d, 4.2 + 0.8 * d, 1.2, 0.9)
    count = between(rng, 0.0, 40.0)
    if uniform(rng) < 0.1:  # some stroma is inflamed
        count *= 2.5
    count = int(count * (1.0 - 0.6 * d))
    scatter_lymphocytes(H, E, px, ox, oy, rng, count, 0.9)


@compiled
def loose_stroma(H, E, px, ox, oy, rng, e, cells):
    """What lies between glands: pale fibres with inflammatory cells."""
    turn = between(rng, 0.0, 3.14)
    fibres(
        H, E, px, ox, oy, rng, turn, 10.0, 26.0, 1.8, e, 0.5, between(rng, 0.05, 0.18),
        between(rng, 0.2, 0.6),
    )  # fmt: skip
    spindle_cells(H, E, px, ox, oy, rng, int(between(rng, 8, 26)), turn, 0.5, 4.0, 1.2, 0.9)
    scatter_lymphocytes(H, E, px, ox, oy, rng, cells, 0.9)
    red_cells(H, E, px, ox, oy, rng, 4, between(rng, 0, 112), between(rng, 0, 112), 8.0)


@compiled
def paint_norm(H, E, px, ox, oy, rng, d):
    """Normal mucosa: round crypts with goblet cells and one basal row of small nuclei, in
    lamina propria. Its hard cases are regenerating: fewer goblets, crowded nuclei."""
    loose_stroma(H, E, px, ox, oy, rng, between(rng, 0.15, 0.6), int(between(rng, 30, 170)))
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
                    H, E, px, ox, oy, own, x, y, b * stretch, b, turn, 0.10 + 0.10 * d, wall,
                    goblets, 1.0 + 0.9 * d, 0.5 * d, dark, mucin, 0.1,
                )  # fmt: skip


@compiled
def paint_tum(H, E, px, ox, oy, rng, d):
    """Adenocarcinoma: irregular, crowded glands or cribriform sheets, nuclei large, unequal
    and vesicular, in many rows. Its hard cases are well differentiated and look like crypts."""
    loose_stroma(H, E, px, ox, oy, rng, between(rng, 0.2, 0.75), int(between(rng, 0, 90)))
    dark = between(rng, 0.52, 0.9)
    if uniform(rng) < 0.62 + 0.3 * d:
        tumour_glands(H, E, px, ox, oy, rng, d, dark)
    else:
        tumour_sheet(H, E, px, ox, oy, rng, d, dark)


@compiled
def lumen(rng):
    """Stain amounts (h, e) of what a tumour's lumens hold: nothing, mucin, or necrotic debris
    (pathologists call that dirty necrosis)."""
    filling, h, e = uniform(rng), uniform(rng), uniform(rng)
    if filling < 0.3:
        return 0.06 * h, 0.05
    if filling < 0.6:
        return 0.10 + 0.25 * h, 0.08 + 0.15 * e
    return 0.05 + 0.25 * h, 0.25 + 0.35 * e


@compiled
def tumour_glands(H, E, px, ox, oy, rng, d, dark):
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
                    H, E, px, ox, oy, own, x, y, a, b, between(own, 0, 3.14), 0.42 - 0.22 * d,
                    wall, 0.45 * d, 3.2 - 1.2 * d, 0.9 - 0.45 * d, dark, lumen_h, lumen_e,
                )  # fmt: skip


@compiled
def tumour_sheet(H, E, px, ox, oy, rng, d, dark):
    """A solid or cribriform mass: packed nuclei, with holes punched through."""
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
                ellipse(
                    H, E, px, ox, oy, x, y, 3.7 * size, 3.7 * size * aspect, turn, amount, cyto_e,
                    0.4, 0.9, 0.92, key,
                )  # fmt: skip
    for k in range(holes):
        ellipse(
            H, E, px, ox, oy, hx[k], hy[k], hr[k], hr[k] * between(rng, 0.5, 1.0),
            between(rng, 0, 3.14), lumen_h, lumen_e, 0.4, 0.5, 0.97, new_key(rng),
        )  # fmt: skip


# --- the slide and the scanner -------------------------------------------------------------


@compiled
def soften(image, sigma):
    """Blur (3, S, S) in place with a Gaussian of ``sigma`` pixels, edges repeated."""
    if sigma < 0.2:
        return
    reach = math.ceil(2.5 * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    size = image.shape[1]
    line = np.empty(size)
    for c in range(3):
        for axis in range(2):
            for i in range(size):
                for j in range(size):
                    total = 0.0
                    for k in range(-reach, reach + 1):
                        t = min(max(j + k, 0), size - 1)
                        value = image[c, i, t] if axis == 0 else image[c, t, i]
                        total += weights[k + reach] * value
                    line[j] = total
                for j in range(size):
                    if axis == 0:
                        image[c, i, j] = line[j]
                    else:
                        image[c, j, i] = line[j]


@compiled
def cosines():
    """The 8-point cosine transform of JPEG as a matrix."""
    table = np.empty((8, 8))
    for k in range(8):
        scale = math.sqrt(1.0 / 8.0) if k == 0 else 0.5
        for n in range(8):
            table[k, n] = scale * math.cos(math.pi * (2 * n + 1) * k / 16.0)
    return table


@compiled
def compress(image, step):
    """Round the cosine coefficients of each 8 x 8 block, higher frequencies more coarsely:
    what JPEG does to a picture, without its colour subsampling."""
    if step < 0.5:
        return
    table = cosines()
    block, half = np.empty((8, 8)), np.empty((8, 8))
    size = image.shape[1] // 8 * 8
    for c in range(3):
        for top in range(0, size, 8):
            for left in range(0, size, 8):
                for i in range(8):
                    for k in range(8):
                        total = 0.0
                        for n in range(8):
                            total += table[k, n] * image[c, top + i, left + n]
                        half[i, k] = total
                for m in range(8):
                    for k in range(8):
                        total = 0.0
                        for n in range(8):
                            total += table[m, n] * half[n, k]
                        q = step * (1.0 + 0.6 * (m + k))
                        block[m, k] = math.floor(total / q + 0.5) * q
                for m in range(8):
                    for j in range(8):
                        total = 0.0
                        for n in range(8):
                            total += block[m, n] * table[n, j]
                        half[m, j] = total
                for i in range(8):
                    for j in range(8):
                        total = 0.0
                        for n in range(8):
                            total += table[n, i] * half[n, j]
                        image[c, top + i, left + j] = total


@compiled
def fold(H, E, px, ox, oy, rng):
    """A crease: the section lies double along a band."""
    x, y, turn = between(rng, 20, 92), between(rng, 20, 92), between(rng, 0, 3.14)
    width, bend = between(rng, 8, 22), new_key(rng)
    cos, sin = math.cos(turn), math.sin(turn)
    for i in range(H.shape[0]):
        for j in range(H.shape[1]):
            dx, dy = (j + 0.5) * px + ox - x, (i + 0.5) * px + oy - y
            along, off = dx * cos + dy * sin, dy * cos - dx * sin
            off += 14.0 * (noise(along / 40.0, 3.0, bend) - 0.5)
            double = 1.0 + 1.1 * clamp(0.5 + (width / 2 - abs(off)) / 3.0)
            H[i, j] = H[i, j] * double + 0.12 * (double - 1.0)
            E[i, j] = E[i, j] * double + 0.12 * (double - 1.0)


@compiled
def pen(image, px, rng):
    """A felt-tip mark on the cover glass: green, blue or black ink, out of focus."""
    x, y, turn = between(rng, 15, 97), between(rng, 15, 97), between(rng, 0, 3.14)
    width, colour = between(rng, 18, 50), int(between(rng, 0, 3))
    cos, sin = math.cos(turn), math.sin(turn)
    ink = (1.3, 0.35, 0.9) if colour == 0 else ((1.5, 0.9, 0.15) if colour == 1 else (1, 1, 1))
    for i in range(image.shape[1]):
        for j in range(image.shape[2]):
            off = ((i + 0.5) * px - y) * cos - ((j + 0.5) * px - x) * sin
            cover = clamp(0.5 + (width / 2 - abs(off)) / 9.0)
            for c in range(3):
                image[c, i, j] *= math.exp(-cover * ink[c])


@compiled
def paint(tissue, H, E, px, ox, oy, rng, d):
    """The painter of each class."""
    if tissue == ADI:
        paint_adi(H, E, px, ox, oy, rng, d)
    elif tissue == BACK:
        paint_back(H, E, px, ox, oy, rng, d)
    elif tissue == DEB:
        paint_deb(H, E, px, ox, oy, rng, d)
    elif tissue == LYM:
        paint_lym(H, E, px, ox, oy, rng, d)
    elif tissue == MUC:
        paint_muc(H, E, px, ox, oy, rng, d)
    elif tissue == MUS:
        paint_mus(H, E, px, ox, oy, rng, d)
    elif tissue == NORM:
        paint_norm(H, E, px, ox, oy, rng, d)
    elif tissue == STR:
        paint_str(H, E, px, ox, oy, rng, d)
    else:
        paint_tum(H, E, px, ox, oy, rng, d)


@compiled
def render(images, tissue, tissue_key, look_key, difficulty, shift, artefact, optics):
    """Draw a run of patches.

    images: uint8 (n, 3, size, size), filled in place. tissue: int64 (n,), the class to paint.
    tissue_key: uint64 (n,), what is in the field of view; look_key: uint64 (n,), what the
    scanner adds. difficulty: (n,) in 0..1. shift: (n, 2) in micrometres. artefact: int64 (n,).
    optics: (n, 13), the slide's columns.
    """
    size = images.shape[2]
    fine = max(1, math.ceil(56 / size))  # small pictures are drawn finer and averaged down
    side = size * fine
    px = FIELD / side
    H, E = np.empty((side, side), np.float32), np.empty((side, side), np.float32)
    image = np.empty((3, size, size), np.float32)
    rng, look = np.empty(1, np.uint64), np.empty(1, np.uint64)
    for n in range(images.shape[0]):
        rng[0], look[0] = tissue_key[n], look_key[n]
        H[:], E[:] = 0.0, 0.0
        ox, oy = shift[n, 0], shift[n, 1]
        paint(tissue[n], H, E, px, ox, oy, rng, difficulty[n])
        if artefact[n] == FOLD:
            fold(H, E, px, ox, oy, look)
        row = optics[n]
        thick_h, thick_e = math.exp(0.15 * normal(look)), math.exp(0.15 * normal(look))
        for c in range(3):
            h, e = row[H_VECTOR + c] * thick_h, row[E_VECTOR + c] * thick_e
            for i in range(size):
                for j in range(size):
                    light = 0.0
                    for m in range(fine):
                        for k in range(fine):
                            y, x = i * fine + m, j * fine + k
                            light += math.exp(-(h * H[y, x] + e * E[y, x]))
                    light = row[FLARE] + (1.0 - row[FLARE]) * light / (fine * fine)
                    image[c, i, j] = row[WHITE + c] * light
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
