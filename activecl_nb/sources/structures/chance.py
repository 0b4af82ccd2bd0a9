"""Random numbers and the noise that is made of them, compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

# What a stroke calls becomes part of it; only ``render`` is kept on disk. Runs beside other
# threads; divides as NumPy does, unchecked.
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
stroke = njit(**OPTIONS)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_COLUMN = np.uint64(0xD6E8FEB86659FD93)
_S27, _S30, _S31, _S11 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(11)
_UNIT = 2.0**-53


@stroke
def mix(z):
    """The output function of splitmix64 (Steele, Lea and Flood 2014, "Fast splittable
    pseudorandom number generators"): 64 bits in, 64 well-stirred bits out."""
    z = (z ^ (z >> _S30)) * _MIX1
    z = (z ^ (z >> _S27)) * _MIX2
    return z ^ (z >> _S31)


@stroke
def uniform(rng):
    """The next number in [0, 1); ``rng`` is an array that holds splitmix64's one state."""
    rng[0] += _GOLDEN
    return float(mix(rng[0]) >> _S11) * _UNIT


@stroke
def between(rng, low, high):
    return low + (high - low) * uniform(rng)


@stroke
def normal(rng):
    """A standard normal number (Box and Muller 1958)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(rng)))
    return radius * math.cos(2.0 * math.pi * uniform(rng))


@stroke
def new_key(rng):
    """A key for ``noise``."""
    rng[0] += _GOLDEN
    return mix(rng[0])


@stroke
def lattice(i, j, key):
    """A number in [0, 1) that belongs to the lattice point (i, j)."""
    return float(mix(key + np.uint64(i) * _GOLDEN + np.uint64(j) * _COLUMN) >> _S11) * _UNIT


@stroke
def noise(x, y, key):
    """Value noise in [0, 1]: random heights on a unit lattice, smoothly joined."""
    i, j = math.floor(x), math.floor(y)
    u, v = x - i, y - j
    u, v = u * u * (3.0 - 2.0 * u), v * v * (3.0 - 2.0 * v)
    i, j = int(i), int(j)
    top = lattice(i, j, key) * (1.0 - u) + lattice(i + 1, j, key) * u
    bottom = lattice(i, j + 1, key) * (1.0 - u) + lattice(i + 1, j + 1, key) * u
    return top * (1.0 - v) + bottom * v


@stroke
def clamp(x):
    return 0.0 if x < 0.0 else (1.0 if x > 1.0 else x)


@stroke
def seen(wavelength, px):
    """How much of a texture of this wavelength survives pixels of ``px`` micrometres (0..1)."""
    return clamp(wavelength / px - 1.0)
