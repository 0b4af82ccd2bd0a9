import html
import re

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import rc_context, rcParams
from matplotlib.text import Text

from activecl_nb import sampling, simclr
from activecl_nb.evidence import analysis
from activecl_nb.pictures import figures
from activecl_nb.tissue import Tissue


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


def ends():
    """The last scores of two strategies, five seeds, three values of a dial and another's."""
    rows = [
        (strategy, seed, setting, base + up + 0.01 * seed * (strategy == "random"))
        for strategy, base in [("random", 0.3), ("entropy", 0.4)]
        for seed in range(5)
        for setting, up in [("tumour_share=0.5", 0.4), ("", 0.1), ("tumour_share=0.01", 0)]
    ]
    rows += [("entropy", seed, "head=simclr", 0.9 + 0.01 * seed) for seed in range(5)]
    return pd.DataFrame(rows, columns=["strategy", "seed", "setting", "last"])


def gain(name, mean, half):
    return figures.Gain(name, mean, mean - half, mean + half, (mean - half / 2, mean + half / 2))


def settings():
    return analysis.spread(ends(), "last")


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
        "dial": figures.dial({"NORM": 60, "TUM": 40}),
        "thresholds": figures.thresholds(labels / 3, labels == 2),
        "strategy_shares": figures.strategy_shares(shares[["NORM", "TUM"]].rename(str)),
        "masks": figures.masks(tiny_data.train.images[:12], {"mask": np.zeros((12, 4, 4))}),
        "loss_curve": figures.loss_curve([5.0, 4.0, 3.5], chance=4.8),
        "embedding": figures.embedding({"before": points, "after": points}, labels, "ABC"),
        "heat": figures.heat(np.eye(3), title="similarity"),
        "score_bars": figures.score_bars(table),
        "picks_2d": figures.picks_2d(points, picks, chosen=points[:3], positive=labels == 2),
        "learning_curve": figures.learning_curve(curve(), levels={"benchmark": 0.7}),
        "composition": figures.composition(shares),
        "logit_histogram": figures.logit_histogram(points[:, 0], labels == 2, picks),
        "gains": figures.gains([gain("plain", 0.08, 0.02)], unit="difference in F1"),
        "by_setting": figures.by_setting(settings(), dial="tumour_share", default=0.143),
    }


def test_every_figure_draws_and_says_what_it_shows(tiny_data):
    for name, picture in pictures(tiny_data).items():
        bundle = picture._repr_mimebundle_()
        alt = html.unescape(re.search('alt="([^"]*)"', bundle["text/html"]).group(1))
        assert alt == picture.heard and len(alt) > 20, name
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


def test_a_long_alt_text_is_cut_at_a_sentence_and_stands_in_words_below():
    short = figures.Picture(figures.canvas()[0], "One bar. Two bars.")
    assert short.heard == short.alt and "<details>" not in short._repr_mimebundle_()["text/html"]
    sentences = [f"Sentence {n} has six words here." for n in range(20)]
    long = figures.Picture(figures.canvas()[0], " ".join(sentences))
    assert len(long.heard.split()) <= 60
    assert long.heard.startswith(" ".join(sentences[:8])) and long.heard.endswith("words below.")
    shown = long._repr_mimebundle_()["text/html"]
    alt, below = re.search(r'alt="([^"]*)"', shown)[1], re.search(r"<p>(.*)</p>", shown)[1]
    assert html.unescape(alt) == long.heard and html.unescape(below) == long.alt
    parts = figures.Picture(figures.canvas()[0], "; ".join(["six words are in this part"] * 20))
    assert parts.heard.endswith("this part. All of it stands in words below.")
    one = figures.Picture(figures.canvas()[0], "word " * 80)  # a single sentence, too long
    assert len(one.heard.split()) <= 60 and one.heard


def test_strategies_differ_in_colour_marker_and_line():
    names = ["random", "entropy", "kcenter", "certainty", "mine", "other"]
    for key in ("color", "marker"):
        assert len({figures.style(n, names)[key] for n in names}) == len(names)
    assert len({figures.style(n)["linestyle"] for n in names[:4]}) == 4
    kit = [*sampling.STRATEGIES, "benchmark", "mine"]
    for key in ("color", "marker"):  # no two of the kit's strategies look alike
        assert len({figures.style(n, kit)[key] for n in kit}) == len(kit)
    mine = [f"mine {n}" for n in range(8)]  # however many come, none needs an entry of its own
    for key in ("color", "marker", "linestyle"):
        kit = [*sampling.STRATEGIES, *mine]
        assert len({figures.style(n, kit)[key] for n in kit}) == len(kit)
        assert figures.style("mine 0")[key] not in [
            s[key] for s in figures.STRATEGY_STYLES.values()
        ]


def test_levels_and_strategies_have_lines_of_their_own():
    """In one figure no two lines share a style, whatever the number of levels."""
    names = ["random", "entropy", "kcenter", "certainty", "benchmark"]
    lines = pd.concat([curve()[:3].assign(strategy=name) for name in names])
    levels = {f"level {n}": 0.1 * n for n in range(7)}
    drawn = figures.learning_curve(lines, levels=levels).figure.axes[0].lines
    dashes = [tuple(np.ravel(line._unscaled_dash_pattern[1])) for line in drawn]
    assert len(drawn) == len(names) + len(levels) == len(set(dashes))


def test_four_strategies_stand_two_in_a_row_with_a_legend():
    points = np.random.default_rng(0).normal(size=(30, 2))
    picks = {name: [n, n + 1] for n, name in enumerate(("random", "entropy", "kcenter", "mine"))}
    known = {"chosen": points[:3], "positive": points[:, 0] > 0, "probability": lambda x: x[:, 0]}
    for several in (picks, dict(list(picks.items())[:3])):
        figure = figures.picks_2d(points, several, **known).figure
        assert len(figure.axes) == 4 and figure.get_figwidth() < 8, "two rows of two"
        shown = [axis.get_title() for axis in figure.axes if axis.axison]
        assert shown == list(several)
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    for mark in ("common", "rare", "chosen before", "picked", "one half"):
        assert any(mark in word for word in words)


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


def test_letters_can_be_read_where_a_page_is_600_pixels_wide(tiny_data):
    for name, picture in pictures(tiny_data).items():
        wide = 72 * max(picture.figure.get_figwidth(), 560 / 110)  # points, shown on 560 pixels
        words = [text for text in picture.figure.findobj(Text) if text.get_text()]
        smallest = min(words, key=lambda text: text.get_fontsize())
        assert smallest.get_fontsize() * 560 / wide >= 10, (name, smallest)


def test_nothing_is_left_in_pyplot(tiny_data):
    import matplotlib.pyplot as plt

    plt.close("all")
    pictures(tiny_data)
    assert plt.get_fignums() == []


def test_images_may_be_tensors_or_arrays(tiny_data):
    images = tiny_data.train.images[:2]
    assert figures.image_grid(images).png() == figures.image_grid(images.numpy()).png()
    assert isinstance(images, torch.Tensor)


@pytest.mark.parametrize(("score", "written"), [("f1", "F1"), ("auroc", "AUROC")])
def test_axes_name_what_they_show(score, written):
    axes = figures.learning_curve(curve(), score=score).figure.axes[0]
    assert axes.get_ylabel() == written and axes.get_xlabel() == "images"


def test_a_level_with_an_interval_is_drawn_as_a_band():
    levels = {"benchmark, last": (0.7, 0.65, 0.75), "benchmark, best": (0.71, np.nan, np.nan)}
    picture = figures.learning_curve(curve(), levels=levels)
    alone = figures.learning_curve(curve(), levels={"benchmark": 0.7})
    axes = picture.figure.axes[0]
    assert len(axes.patches) == 1 and len(alone.figure.axes[0].patches) == 0
    assert axes.patches[0].get_extents().transformed(axes.transData.inverted()).y0 == 0.65
    assert "benchmark, last at 0.70 (from 0.65 to 0.75); benchmark, best at 0.71." in picture.alt
    # Names of neighbours stand on either side of their lines.
    assert [text.get_verticalalignment() for text in axes.texts] == ["top", "bottom"]


def test_gains_say_which_intervals_are_clear_of_zero():
    alone = figures.Gain("alone", 0.1, np.nan, np.nan, (0.1,))
    rows = [gain("entropy − random", 0.08, 0.02), gain("with 0", 0.05, 0.1), alone]
    picture = figures.gains(rows, unit="difference")
    axes = picture.figure.axes[0]
    assert "1 of 3 is clear of 0" in picture.alt and picture.png()
    assert "entropy − random: +0.080 (from 0.060 to 0.100); with 0" in picture.alt
    assert picture.alt.endswith("alone: +0.100.")
    assert [label.get_text() for label in axes.get_yticklabels()] == [row.name for row in rows]
    marks = [line.get_marker() for line in axes.lines if line.get_marker() in ("D", "o")]
    assert marks == ["D", "o", "o"]  # shape as well as colour


def test_a_dials_values_stand_in_their_order():
    picture = figures.by_setting(settings(), dial="tumour_share", default=0.143)
    axes = picture.figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.01", "0.143", "0.5"]
    assert "random 0.32 (from 0.30 to 0.34) at 0.01, 0.42" in picture.alt
    assert "entropy 0.40 (from 0.40 to 0.40) at 0.01, 0.50" in picture.alt
    assert axes.get_xlabel() == "tumour share"
    without = figures.by_setting(settings(), dial="tumour_share").figure.axes[0]
    assert [label.get_text() for label in without.get_xticklabels()] == ["0.01", "0.5"]
    for container in axes.containers:  # markers and lines as everywhere in the kit
        looks, line = figures.style(container.get_label()), container.lines[0]
        assert (line.get_marker(), line.get_linestyle()) == (looks["marker"], looks["linestyle"])


def test_choices_that_are_no_numbers_are_not_joined():
    axes = figures.by_setting(settings(), dial="head", default="paper").figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["paper", "simclr"]
    assert {container.lines[0].get_linestyle() for container in axes.containers} == {"None"}
    with pytest.raises(ValueError, match=r"no setting of 'tau'.*'tumour_share=0\.5'"):
        figures.by_setting(settings(), dial="tau")
    never = settings().assign(mean=np.nan, low=np.nan, high=np.nan)
    assert "random not reached at 0.01" in figures.by_setting(never, dial="tumour_share").alt


def test_dial_figure_tells_its_scores() -> None:
    told = figures.dial({"NORM": 60, "TUM": 40}).alt
    assert "accuracy 0.60, F1 0.00" in told  # never
    assert "accuracy 0.40, F1 0.57" in told  # always: 2 x 0.4 / 1.4


def test_partners_figure_agrees_with_the_loss() -> None:
    import torch

    angles = torch.tensor([0.1, 1.9, 0.4, 2.5])
    z = torch.stack([angles.cos(), angles.sin()], dim=1)
    loss = simclr.nt_xent(z[:2], z[2:], 0.3).item()
    assert f"the loss is {loss:.2f}" in figures.partners(z, 0.3, ["A", "B", "A'", "B'"]).alt


def test_pixels_of_a_view_are_the_patch() -> None:
    import torch

    from activecl_nb import augment

    images = torch.randint(256, (2, 3, 16, 16), dtype=torch.uint8)
    assert torch.equal(figures.as_pixels(augment.normalise(images)), images)


def test_parts_hold_the_mean_probability_and_the_share():
    p = [0.9, 0.1, 0.2, 0.8]
    found = figures.reliability_bins(p, [True, False, True, True], 2)
    assert np.allclose(found, [[0.15, 0.5], [0.85, 1.0]])


def test_probabilities_that_are_drawn_from_lie_on_the_diagonal():
    draw = np.random.default_rng(0)
    p = draw.random(20_000)
    found = figures.reliability_bins(p, draw.random(20_000) < p)
    assert np.abs(found[:, 0] - found[:, 1]).max() < 0.03


def test_the_words_hold_the_last_part_of_each_group():
    p = np.linspace(0, 1, 100)
    told = figures.reliability({"home": (p, p > 0.5), "away": (p, p > 2)}).alt
    assert "home: of those said to be 94%, 100% are" in told
    assert "away: of those said to be 94%, 0% are" in told and len(told.split()) <= 60


def test_a_long_alt_text_is_never_cut_within_a_sentence_or_left_without_an_end():
    parts = [f"strategy {n} has seven words here so" for n in range(12)]
    for joined in ("; ", ", ", ": "):
        heard = figures.Picture(figures.canvas()[0], joined.join(parts) + ".").heard
        begun = heard.removesuffix(" All of it stands in words below.")
        assert begun != heard and begun.endswith("here so."), heard
        assert joined.join(parts).startswith(begun.rstrip("."))


@pytest.mark.parametrize("name", ["$\\foo$", "$\\frac{1$", "a $5 b $6"])
def test_a_name_is_drawn_as_it_is_written(name):
    """And not as a formula, or not at all; nor do the marks that are letters change by it."""
    patches = Tissue(
        torch.zeros(4, 3, 16, 16, dtype=torch.uint8), torch.arange(4) % 2, (name, "B"), name
    )
    picture = figures.gallery(patches)
    assert picture.png()
    shown = [text for text in picture.figure.findobj(Text) if name in text.get_text()]
    assert shown and not any(text.get_parse_math() for text in shown)
    assert rcParams["text.parse_math"]


def test_a_setting_that_asks_for_latex_does_not_end_a_figure():
    """A matplotlibrc may say so; the machine that draws may have no LaTeX."""
    p = np.repeat([0.2, 0.8], [200, 3])
    with rc_context({"text.usetex": True}):
        assert figures.logit_histogram(np.log(p / (1 - p)), p > 0.5, {"mine": [0]}).png()


def test_a_logarithmic_axis_has_numbers_and_no_formula():
    p = np.repeat([0.2, 0.8], [200, 3])
    for picture in (
        figures.probabilities(p, p > 0.5),
        figures.logit_histogram(np.log(p / (1 - p)), p > 0.5, {"mine": [0, 200]}),
    ):
        assert picture.png()
        written = [text.get_text() for text in picture.figure.axes[0].get_yticklabels()]
        assert "10" in written and "100" in written and not any("$" in text for text in written)


def test_titles_over_patches_are_as_large_as_the_longest_allows(tiny_data):
    def size(title):
        images = tiny_data.train.images[:2]
        axes = figures.image_grid(images, [title, "TUM"], columns=2).figure.axes
        (written,) = {axis.title.get_fontsize() for axis in axes}
        return written

    assert size("TUM") > size("TUM, colours changed") >= 7
    assert size("") == size("TUM")
