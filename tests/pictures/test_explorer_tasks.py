"""The explorer on runs of regression: coloured by what is predicted, and by its doubt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from activecl_nb import experiment
from activecl_nb.pictures import maps
from activecl_nb.pictures.explorer import ViewModel, sending


@pytest.fixture(scope="module")
def view(tiny_data, tiny_protocol):
    def told(part):
        bright = part.images.double().mean(dim=(1, 2, 3)).numpy()
        return replace(part, facts={"brightness": bright, "mask": np.ones((len(part), 16, 16))})

    data = replace(
        tiny_data, train=told(tiny_data.train), test=told(tiny_data.test), target="brightness"
    )
    runs = [
        experiment.run(tiny_protocol, data, name, 0, task="regression", progress=False)
        for name in ("random", "uncertainty")
    ]
    flat = np.random.default_rng(0).normal(size=(len(runs[0].watched), 2)).astype(np.float32)
    return ViewModel(runs, data, maps.of_features(flat, runs[0].watched, positions=flat))


def test_colours_are_the_predicted_number_and_its_doubt(view):
    run = view.runs["uncertainty"]
    np.testing.assert_array_equal(view.values("probability", 1, 2), run.rounds[1].watched_logits)
    np.testing.assert_array_equal(view.values("entropy", 1, 2), run.rounds[1].watched_doubt)
    assert np.isnan(view.values("entropy", 1, 0)).all()
    predicted, doubt = (view.colourings[name] for name in ("probability", "entropy"))
    assert (predicted.title, doubt.title) == ("brightness, predicted", "doubt of the proxy")
    every = [one.watched_logits for r in view.runs.values() for one in r.rounds]
    assert (predicted.low, predicted.high) == (np.min(every), np.max(every))
    assert doubt.low == 0 and "brightness" in view.colourings and "mask" not in view.colourings


def test_those_nearest_one_half_are_those_that_are_doubted_most(view):
    doubt = view.runs["uncertainty"].rounds[0].watched_doubt
    found = view.nearest_half(1, 1, 5)
    left = np.flatnonzero((view.taken[1] < 0) | (view.taken[1] >= 1))
    np.testing.assert_allclose(np.sort(doubt[left])[::-1][:5], doubt[found])


def test_the_browser_is_told_their_titles_and_ends(view):
    told = sending.rounds_so_far(view)["told"]
    assert told["probability"]["title"] == "brightness, predicted"
    bytes_ = np.frombuffer(told["entropy"]["values"], np.uint8)
    bytes_ = bytes_.reshape(len(view.names), view.rounds + 1, view.n)
    assert (bytes_[:, 0] == sending.UNKNOWN).all() and bytes_[:, 1:].max() == 254
    shown = bytes_[1, 1] / 254 * told["entropy"]["high"]
    expected = view.runs["uncertainty"].rounds[0].watched_doubt
    np.testing.assert_allclose(shown, expected, atol=told["entropy"]["high"] / 254)
