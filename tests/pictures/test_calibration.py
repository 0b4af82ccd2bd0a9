"""The reliability plot."""

import numpy as np

from activecl_nb.pictures import calibration


def test_parts_hold_the_mean_probability_and_the_share():
    p = [0.9, 0.1, 0.2, 0.8]
    found = calibration.bins(p, [True, False, True, True], 2)
    assert np.allclose(found, [[0.15, 0.5], [0.85, 1.0]])


def test_probabilities_that_are_drawn_from_lie_on_the_diagonal():
    draw = np.random.default_rng(0)
    p = draw.random(20_000)
    found = calibration.bins(p, draw.random(20_000) < p)
    assert np.abs(found[:, 0] - found[:, 1]).max() < 0.03


def test_the_words_hold_the_last_part_of_each_group():
    p = np.linspace(0, 1, 100)
    told = calibration.reliability({"home": (p, p > 0.5), "away": (p, p > 2)}).alt
    assert "home: of those said to be 95%, 100% are" in told
    assert "away: of those said to be 95%, 0% are" in told and len(told.split()) <= 60
