"""Cells that lie by themselves."""

from __future__ import annotations

from activecl_nb.sources.structures.canvas import ellipse, nucleus
from activecl_nb.sources.structures.chance import between, new_key, normal, stroke


@stroke
def spindle_cells(canvas, rng, count, turn, spread, a, b, h):
    """Long thin nuclei that lie along the fibres."""
    for _ in range(count):
        x, y = between(rng, -10.0, 122.0), between(rng, -10.0, 122.0)
        long_, wide = a * between(rng, 0.6, 1.4), b * between(rng, 0.7, 1.3)
        nucleus(
            canvas, x, y, long_, wide, turn + spread * normal(rng),
            h * between(rng, 0.7, 1.2), 0.45, 0.2, 0.5, 0.9, new_key(rng),
        )  # fmt: skip


@stroke
def lymphocyte(canvas, rng, x, y, h):
    """A small round dark nucleus."""
    r = between(rng, 2.3, 3.2)
    nucleus(
        canvas, x, y, r, r * between(rng, 0.8, 1.0), between(rng, 0.0, 3.14),
        h * between(rng, 0.8, 1.15), 0.4, 0.2, 0.6, 0.95, new_key(rng),
    )  # fmt: skip


@stroke
def scatter_lymphocytes(canvas, rng, count, h):
    for _ in range(count):
        lymphocyte(canvas, rng, between(rng, -6, 118), between(rng, -6, 118), h)


@stroke
def red_cells(canvas, rng, count, x, y, spread):
    """Erythrocytes: bright eosin, no nucleus."""
    for _ in range(count):
        r = between(rng, 1.8, 2.8)
        ellipse(
            canvas, x + spread * normal(rng), y + spread * normal(rng), r, r * 0.85,
            between(rng, 0.0, 3.14), 0.05, 1.3, 0.15, 0.0, 0.85, new_key(rng),
        )  # fmt: skip
