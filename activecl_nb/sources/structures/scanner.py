"""The slide's faults and the scanner: from amounts of stain to colours."""

from __future__ import annotations

import math

import numpy as np

from activecl_nb.sources.structures.chance import between, clamp, new_key, noise, stroke

# Columns of the table that describes the slide behind each patch.
H_VECTOR, E_VECTOR, WHITE, FOCUS, GRAIN, JPEG, FLARE = 0, 3, 6, 9, 10, 11, 12


@stroke
def fold(canvas, rng):
    """A crease: the section lies double along a band."""
    H, E, px, ox, oy = canvas.H, canvas.E, canvas.px, canvas.ox, canvas.oy
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


@stroke
def develop(image, canvas, fine, row, thick_h, thick_e):
    """White light through the stain: fill ``image``, float32 (3, size, size), whose pixels are
    ``fine`` of the canvas's on a side."""
    size = image.shape[1]
    for c in range(3):
        h, e = row[H_VECTOR + c] * thick_h, row[E_VECTOR + c] * thick_e
        for i in range(size):
            for j in range(size):
                light = 0.0
                for m in range(fine):
                    for k in range(fine):
                        y, x = i * fine + m, j * fine + k
                        light += math.exp(-(h * canvas.H[y, x] + e * canvas.E[y, x]))
                light = row[FLARE] + (1.0 - row[FLARE]) * light / (fine * fine)
                image[c, i, j] = row[WHITE + c] * light


@stroke
def survey(mask, canvas, fine):
    """Fill ``mask``, uint8 (size, size), with 1 where most of a pixel is tumour, else 0; return
    how many nuclei lie open in the field."""
    size, nuclei = mask.shape[0], 0
    for i in range(size):
        for j in range(size):
            covered = 0
            for m in range(fine):
                for k in range(fine):
                    covered += canvas.tumour[i * fine + m, j * fine + k]
                    nuclei += canvas.nuclei[i * fine + m, j * fine + k]
            mask[i, j] = 2 * covered > fine * fine
    return nuclei


@stroke
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


@stroke
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


@stroke
def cosines():
    """The 8-point cosine transform of JPEG as a matrix."""
    table = np.empty((8, 8))
    for k in range(8):
        scale = math.sqrt(1.0 / 8.0) if k == 0 else 0.5
        for n in range(8):
            table[k, n] = scale * math.cos(math.pi * (2 * n + 1) * k / 16.0)
    return table


@stroke
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
