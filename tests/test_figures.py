import html
import re

import numpy as np
import pandas as pd
import pytest
import torch

from activecl_nb import figures


def curve():
    return pd.DataFrame(
        {
            "strategy": ["random", "random", "entropy", "entropy"],
            "images": [10, 20, 10, 20],
            "mean": [0.2, 0.4, 0.2, 0.8],
            "low": [0.1, 0.3, 0.1, 0.7],
            "high": [0.3, 0.5, 0.3, 0.9],
        }
    )


def pictures(tiny_data):
    random = np.random.default_rng(0)
    points, labels = random.normal(size=(30, 2)), np.arange(30) % 3
    shares = pd.DataFrame(
        {"strategy": ["random"] * 2, "round": [0, 1], "NORM": [0.75, 0.5], "TUM": [0.25, 0.5]}
    )
    table = pd.DataFrame({"features": ["colour", "colour", "trained"], "f1": [0.2, 0.3, 0.6]})
    picks = {"random": [0, 1], "mine": [2, 5]}
    return {
        "image_grid": figures.image_grid(tiny_data.train.images[:5], list("abcde"), columns=3),
        "gallery": figures.gallery(tiny_data.train, each=3),
        "class_counts": figures.class_counts(tiny_data.train),
        "loss_curve": figures.loss_curve([5.0, 4.0, 3.5], chance=4.8),
        "embedding": figures.embedding({"before": points, "after": points}, labels, "ABC"),
        "heat": figures.heat(np.eye(3), title="similarity"),
        "score_bars": figures.score_bars(table),
        "picks_2d": figures.picks_2d(points, picks, chosen=points[:3], positive=labels == 2),
        "learning_curve": figures.learning_curve(curve(), levels={"benchmark": 0.7}),
        "composition": figures.composition(shares),
        "logit_histogram": figures.logit_histogram(points[:, 0], labels == 2, picks),
    }


def test_every_figure_draws_and_says_what_it_shows(tiny_data):
    for name, picture in pictures(tiny_data).items():
        bundle = picture._repr_mimebundle_()
        alt = html.unescape(re.search('alt="([^"]*)"', bundle["text/html"]).group(1))
        assert alt == picture.alt and len(alt) > 20, name
        assert picture.png().startswith(b"\x89PNG"), name
        assert alt.split()[0] in bundle["text/plain"], name


def test_alt_texts_hold_the_numbers_drawn(tiny_data):
    drawn = pictures(tiny_data)
    assert "TUM 30" in drawn["class_counts"].alt and "33.3%" in drawn["class_counts"].alt
    assert "5.00 to 3.50" in drawn["loss_curve"].alt and "chance is 4.80" in drawn["loss_curve"].alt
    assert "entropy from 0.20 to 0.80" in drawn["learning_curve"].alt
    assert "benchmark at 0.70" in drawn["learning_curve"].alt
    assert "random 50%" in drawn["composition"].alt
    assert "colour 0.25 (from 0.20 to 0.30)" in drawn["score_bars"].alt
    assert "random 0%, mine 100%" in drawn["picks_2d"].alt


def test_an_alt_text_cannot_break_out_of_its_attribute():
    picture = figures.Picture(figures.canvas()[0], 'a "quoted" <b> & more')
    shown = picture._repr_mimebundle_()["text/html"]
    assert 'alt="a &quot;quoted&quot; &lt;b&gt; &amp; more"' in shown


def test_strategies_differ_in_colour_marker_and_line():
    names = ["random", "entropy", "kcenter", "certainty", "mine", "other"]
    for key in ("color", "marker"):
        assert len({figures.style(n, names)[key] for n in names}) == len(names)
    assert len({figures.style(n)["linestyle"] for n in names[:4]}) == 4


def test_colours_are_told_apart_by_colour_blind_eyes():
    """Simulated deuteranopia and protanopia (Vienot et al. 1999), distance in CIE Lab."""
    colours = [figures.STRATEGY_STYLES[n]["color"] for n in figures.STRATEGY_STYLES]
    rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_lms = np.array(
        [[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]]
    )
    blind = {
        "protanopia": [[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]],
        "deuteranopia": [[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]],
    }
    for name, matrix in blind.items():
        seen = linear @ (np.linalg.inv(to_lms) @ np.array(matrix) @ to_lms).T
        lab = _lab(np.clip(seen, 0, 1))
        distance = np.linalg.norm(lab[:, None] - lab[None], axis=2)
        assert distance[np.triu_indices(len(colours), 1)].min() > 10, name


def _lab(linear):
    xyz = (
        linear
        @ np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]).T
    )
    f = np.cbrt(xyz / [0.9505, 1, 1.089])
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


def test_nothing_is_left_in_pyplot(tiny_data):
    import matplotlib.pyplot as plt

    plt.close("all")
    pictures(tiny_data)
    assert plt.get_fignums() == []


def test_images_may_be_tensors_or_arrays(tiny_data):
    images = tiny_data.train.images[:2]
    assert figures.image_grid(images).png() == figures.image_grid(images.numpy()).png()
    assert isinstance(images, torch.Tensor)


@pytest.mark.parametrize("score", ["f1", "auroc"])
def test_axes_name_what_they_show(score):
    axes = figures.learning_curve(curve(), score=score).figure.axes[0]
    assert axes.get_ylabel() == score and axes.get_xlabel() == "images"
