"""The strokes themselves: what they leave on the canvas."""

from __future__ import annotations

import numpy as np
import pytest

from activecl_nb.sources.structures.canvas import FIELD, Canvas, hole, nucleus
from activecl_nb.sources.structures.chance import noise, uniform
from activecl_nb.sources.structures.scanner import soften, survey


@pytest.fixture
def canvas():
    """Bare glass of 56 pixels a side."""
    stains, notes = np.zeros((2, 56, 56), np.float32), np.zeros((2, 56, 56), np.uint8)
    return Canvas(stains[0], stains[1], notes[0], notes[1], FIELD / 56, 0.0, 0.0)


def test_nuclei_are_counted_in_the_field_until_something_hides_them(canvas):
    key = np.uint64(1)
    for x in (20.0, 60.0, -1.0, 112.5):  # the last two have their centre outside
        nucleus(canvas, x, 30.0, 4.0, 3.0, 0.3, 1.0, 0.4, 0.0, 0.0, 1.0, key)
    mask = np.empty((28, 28), np.uint8)
    assert survey(mask, canvas, 2) == 2 and not mask.any()
    assert canvas.H[15, 10] == pytest.approx(1.0) and canvas.H[40, 40] == 0.0
    hole(canvas, 60.0, 30.0, 6.0, 6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, key)
    assert survey(mask, canvas, 2) == 1
    assert canvas.H[15, 30] == pytest.approx(0.0)


def test_a_pixel_is_tumour_where_most_of_it_is(canvas):
    canvas.tumour[:7, :8] = 1
    mask = np.empty((14, 14), np.uint8)
    survey(mask, canvas, 4)
    assert mask.sum() == 4 and mask[:2, :2].all()  # 12 of 16 in the second row, too


def test_numbers_and_noise_stay_in_their_bounds():
    state = np.zeros(1, np.uint64)
    drawn = np.array([uniform(state) for _ in range(2000)])
    assert 0.0 <= drawn.min() < 0.01 and 0.99 < drawn.max() < 1.0
    assert drawn.mean() == pytest.approx(0.5, abs=0.03)
    heights = [noise(x, 0.37 * x, np.uint64(3)) for x in np.linspace(-20, 20, 400)]
    assert 0.0 <= min(heights) < 0.3 and 0.7 < max(heights) <= 1.0
    assert np.abs(np.diff(heights)).max() < 0.3  # smoothly joined


def test_softening_keeps_the_mean_and_spreads_a_point():
    image = np.zeros((3, 21, 21), np.float32)
    image[:, 10, 10] = 1.0
    soften(image, 1.5)
    assert image.sum(axis=(1, 2)) == pytest.approx([1.0] * 3, rel=1e-5)
    across = (image[0].sum(axis=0) * (np.arange(21) - 10) ** 2).sum()
    assert across == pytest.approx(1.5**2, rel=0.1)
