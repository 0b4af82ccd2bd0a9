"""The view-model alone, the widget's traits and messages, the static figure."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import traitlets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
import stand_ins

from activecl_nb.pictures import explorer, maps
from activecl_nb.pictures.explorer import Explorer, ViewModel, sending, thumbnails


@pytest.fixture(scope="module")
def made() -> SimpleNamespace:
    return stand_ins.everything(400, rounds=4, budget=20)


@pytest.fixture(scope="module")
def view(made) -> ViewModel:
    return ViewModel(made.runs, made.data, made.map)


@pytest.fixture
def shown(made) -> Explorer:
    return Explorer(made.runs, made.data, map=made.map)


def shorter(run: SimpleNamespace, rounds: int) -> SimpleNamespace:
    return SimpleNamespace(**{**vars(run), "rounds": run.rounds[:rounds]})


# the view-model


def test_every_pick_is_on_the_map_in_its_round_and_order(made, view):
    for s, run in enumerate(made.runs.values()):
        for round in run.rounds:
            rows = np.flatnonzero(view.taken[s] == round.number)
            in_order = rows[np.argsort(view.order[s, rows])]
            assert np.array_equal(view.patches[in_order], round.picked)
        assert (view.taken[s] >= 0).sum() == 4 * 20


def test_compositions_are_counts_of_labels(made, view):
    labels = made.data.train.labels.numpy()
    run = made.runs["entropy"]
    summary = view.summary(1, 2)
    so_far = np.concatenate([r.picked for r in run.rounds[:3]])
    assert np.array_equal(summary.picked, np.bincount(labels[run.rounds[2].picked], minlength=9))
    assert np.array_equal(summary.so_far, np.bincount(labels[so_far], minlength=9))
    assert summary.share(so_far=True) == pytest.approx((labels[so_far] == 8).mean())
    assert summary.f1 == run.rounds[2].scores["f1"]


@pytest.mark.parametrize(
    ("picked", "share"), [([5, 0, 0], 0.0), ([6, 0, 2], 0.25), ([0, 0, 0], np.nan)]
)
def test_share_at_the_edges(picked, share):
    picked = np.array(picked)
    numbers = dict.fromkeys(
        ("f1", "entropy_picks", "entropy_rest", "distance_picks", "distance_rest", "farthest"), 0.0
    )
    summary = explorer.Summary("x", 0, picked, picked, positive=2, **numbers)
    assert summary.share() == pytest.approx(share, nan_ok=True)


def test_the_map_shows_what_the_strategy_saw_when_it_picked(made, view):
    """The pick of round t was made from the logits of round t - 1."""
    assert np.isnan(view.logits(1, 0)).all()
    for t in range(1, 4):
        logits = made.runs["entropy"].rounds[t - 1].watched_logits
        assert np.array_equal(view.logits(1, t), logits)
    assert np.array_equal(view.logits(1, 4), made.runs["entropy"].rounds[3].watched_logits)


def test_entropy_and_probability_follow_their_formulas(view):
    p = 1 / (1 + np.exp(-view.logits(1, 2).astype(np.float64)))
    assert np.allclose(view.probability(1, 2), p, atol=1e-6)
    assert np.allclose(view.entropy(1, 2), -(p * np.log(p) + (1 - p) * np.log1p(-p)), atol=1e-6)


def test_entropy_of_extreme_logits_is_zero_and_of_none_is_ln_2(made):
    run = shorter(made.runs["random"], 1)
    logits = np.zeros_like(run.rounds[0].watched_logits)
    logits[:2] = (1e4, -1e4)
    run.rounds = (SimpleNamespace(**{**vars(run.rounds[0]), "watched_logits": logits}),)
    view = ViewModel([run], made.data, made.map)
    entropy = view.entropy(0, 1)
    assert entropy[:2].tolist() == [0, 0]
    assert entropy[2:] == pytest.approx(np.log(2))
    assert view.probability(0, 1)[:2] == pytest.approx([1, 0])


def test_distances_are_to_what_was_chosen_before(view):
    features = view.map.features
    assert np.isnan(view.distances[:, 0]).all()
    for s, t in ((0, 1), (2, 3)):
        chosen = features[(view.taken[s] >= 0) & (view.taken[s] < t)]
        every = np.linalg.norm(features[:, None] - chosen[None], axis=2)
        assert np.allclose(view.distances[s, t], every.min(axis=1), atol=0.01)
    assert (view.distances[2, 4][view.taken[2] >= 0] == 0).all()


def test_summaries_tell_the_strategies_apart(view):
    entropy, certainty = view.summary(1, 2), view.summary(3, 2)
    assert entropy.entropy_picks > entropy.entropy_rest
    assert certainty.entropy_picks < certainty.entropy_rest
    assert np.isnan(view.summary(1, 0).entropy_picks)
    assert view.summary(0, 3).farthest <= view.summary(0, 1).farthest


def test_overlap_counts_what_both_picked(made, view):
    a, b = (made.runs[name].rounds for name in ("random", "kcenter"))
    now = view.overlap(0, 2, 2)
    assert (now.first, now.second) == (20, 20)
    assert now.shared == len(set(a[2].picked) & set(b[2].picked))
    far = view.overlap(0, 2, 3, so_far=True)
    of_a, of_b = ({p for r in rounds[1:] for p in r.picked} for rounds in (a, b))
    assert (far.first, far.shared) == (60, len(of_a & of_b))
    assert now.chance == pytest.approx(20 * 20 / view.pool, rel=1e-5)  # from the whole pool
    assert far.chance == pytest.approx(60 * 60 / view.pool, rel=1e-5)
    assert view.overlap(0, 2, 0).shared == 20  # the first subset is the same


def test_chance_is_that_of_the_candidates_each_chose_from(made):
    names, pool = ("random", "kcenter"), made.runs["random"].pool
    part = {"random": pool[:60], "kcenter": pool[30:90]}
    runs = {}
    for name in names:
        rounds = [made.runs[name].rounds[0]]
        draw = np.random.default_rng(len(name))
        for t in (1, 2):
            picked = draw.permutation(part[name])[:20]
            rounds.append(
                SimpleNamespace(
                    **vars(made.runs[name].rounds[t]) | {"picked": picked, "candidates": part[name]}
                )
            )
        runs[name] = SimpleNamespace(**vars(made.runs[name]) | {"rounds": tuple(rounds)})
    view = ViewModel(runs, made.data, made.map)
    assert view.overlap(0, 1, 1).chance == pytest.approx(30 / 9, rel=1e-5)  # 30 are in both
    assert view.overlap(0, 1, 2, so_far=True).chance == pytest.approx(4 * 30 / 9, rel=1e-5)


def test_one_outlier_does_not_take_all_the_colours(view):
    shown, known = view.colourings["distance"].high, view.distances[np.isfinite(view.distances)]
    assert 0.98 < (known <= shown).mean() < 1
    assert sending.rounds_so_far(view)["farthest"] == pytest.approx(known.max())


def test_neighbours_are_the_nearest_in_feature_space(view):
    for row in (0, 17, view.n - 1):
        lengths = np.linalg.norm(view.map.features - view.map.features[row], axis=1)
        lengths[row] = np.inf
        assert set(view.neighbours(row)) == set(np.argsort(lengths)[:8])


def test_a_polygon_selects_what_is_inside(view):
    x, y = view.map.positions.T
    left, right, low, high = np.quantile(x, 0.2), np.quantile(x, 0.7), y.min() - 1, np.median(y)
    box = [(left, low), (right, low), (right, high), (left, high)]
    expected = np.flatnonzero((x > left) & (x < right) & (y > low) & (y < high))
    assert len(expected) > 10
    assert np.array_equal(view.inside(box), expected)
    assert np.array_equal(view.inside(box[::-1]), expected)
    assert len(view.inside(box[:2])) == len(view.inside([])) == 0


def test_a_polygon_with_a_notch_leaves_the_notch_out(made):
    positions = made.map.positions.copy()
    positions[:3] = [(1, 1), (5, 4), (9, 1)]
    view = ViewModel(made.runs, made.data, positions)
    notched = [(0, 0), (10, 0), (10, 5), (5, 2), (0, 5)]
    inside = set(view.inside(notched).tolist())
    assert {0, 2} <= inside
    assert 1 not in inside


def test_composition_and_images_of_a_selection(made, view):
    rows = np.arange(0, 50)
    counts = view.composition(rows)
    assert sum(counts.values()) == 50
    assert counts["TUM"] == (view.labels[:50] == 8).sum()
    images = view.images(rows)
    assert images.shape == (50, 32, 32, 3)
    third = made.data.train.images[view.patches[2]].numpy().transpose(1, 2, 0)
    assert np.array_equal(images[2], third)


def test_ground_truth_colours_the_map_where_the_tissue_knows_it(made, view):
    found = view.colourings
    assert list(found)[:4] == ["class", "entropy", "probability", "distance"]
    assert found["difficulty"].kind == "numbers"
    assert found["centre"].names == ("A", "B")
    repeats = made.data.train.facts["duplicate_of"][view.patches] >= 0
    assert np.array_equal(found["duplicate_of"].values, repeats)
    real = dataclasses.replace(made.data.train, facts={})
    assert list(ViewModel(made.runs, real, made.map).colourings) == [
        "class",
        "entropy",
        "probability",
        "distance",
    ]


def test_a_pool_larger_than_the_map_is_counted_in_full(made):
    """Of a large pool only a sample is watched; counts are of all picks, marks of those on it."""
    pool = made.map.patches
    watched = pool[::3]
    labels = made.data.train.labels.numpy()
    run = stand_ins.run("entropy", labels, pool, made.points, rounds=3, budget=20, watched=watched)
    view = ViewModel([run], made.data, made.map.positions[::3])
    on_it = np.isin(run.rounds[1].picked, watched).sum()
    assert 0 < on_it < 20
    assert (view.taken[0] == 1).sum() == on_it
    assert view.summary(0, 1).picked.sum() == 20


def test_runs_that_cannot_share_a_map_are_refused(made):
    entropy, random = made.runs["entropy"], made.runs["random"]
    other = SimpleNamespace(**{**vars(random), "watched": random.watched[1:]})
    with pytest.raises(ValueError, match="watched different patches"):
        ViewModel({"a": entropy, "b": other}, made.data, made.map)
    with pytest.raises(ValueError, match="the data that the run was made with"):
        ViewModel([entropy], made.data.train.take(np.arange(100)), made.map)
    with pytest.raises(ValueError, match="of other patches"):
        ViewModel(
            [other],
            made.data,
            made.map,
        )
    with pytest.raises(ValueError, match="at least one run"):
        ViewModel([], made.data, made.map)
    for none in ("runs/a", ["runs/a"], {"a": None}, None):
        with pytest.raises(ValueError, match=r"is no run; Explorer\.open opens runs"):
            ViewModel(none, made.data, made.map)
    for outside in (-1, len(made.data.train)):
        last = SimpleNamespace(**{**vars(random.rounds[-1]), "picked": np.array([outside])})
        moved = SimpleNamespace(**{**vars(random), "rounds": (*random.rounds[:-1], last)})
        with pytest.raises(ValueError, match=r"round \d+ picked patches that the tissue of \d+"):
            ViewModel([moved], made.data, made.map)
    with pytest.raises(ValueError, match="no class is called 'XYZ'"):
        ViewModel([entropy], made.data.train, made.map, positive="XYZ")
    with pytest.raises(ValueError, match=r"two runs are called 'entropy'; give .* a dict"):
        ViewModel([entropy, entropy], made.data, made.map)
    with pytest.raises(ValueError, match="cannot colour by 'mood'"):
        ViewModel([entropy], made.data, made.map).values("mood", 0, 0)


def test_logits_of_the_wrong_length_are_refused(made):
    broken = shorter(made.runs["entropy"], 1)
    broken.rounds = (SimpleNamespace(**{**vars(broken.rounds[0]), "watched_logits": np.zeros(3)}),)
    with pytest.raises(ValueError, match=r"round 0: \(3,\) logits"):
        ViewModel([broken], made.data, made.map)


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["watched_logits", "watched_doubt", "f1"])
def test_numbers_that_have_no_colour_are_refused(made, name, number):
    run = shorter(made.runs["entropy"], 1)
    kept = vars(run.rounds[0])
    values = np.where(np.arange(len(run.watched)) == 3, number, 0)
    odd = {"scores": {**kept["scores"], "f1": number}} if name == "f1" else {name: values}
    run.rounds = (SimpleNamespace(**{**kept, **odd}),)
    with pytest.raises(ValueError, match=rf"run 'entropy', round 0: {name} is not finite .*leave"):
        ViewModel([run], made.data, made.map)


def test_names_come_from_the_strategy_or_the_dict(made):
    entropy = made.runs["entropy"]
    other = SimpleNamespace(**{**vars(entropy), "seed": 5})
    assert list(explorer.named([entropy, other])) == ["entropy", "entropy (seed 5)"]
    assert list(explorer.named({"mine": entropy})) == ["mine"]
    assert list(explorer.named(entropy)) == ["entropy"]


# what travels to the browser


def test_what_is_sent_says_the_same_as_the_view_model(view):
    sent, fixed = sending.rounds_so_far(view), sending.fixed(view)
    taken = np.frombuffer(sent["taken"], np.uint8).reshape(4, view.n)
    assert np.array_equal(taken.astype(int) - 1, view.taken)
    assert np.array_equal(
        np.frombuffer(fixed["positions"], np.float32).reshape(-1, 2), view.map.positions
    )
    near = np.frombuffer(fixed["neighbours"], np.uint16).reshape(view.n, -1)
    assert np.array_equal(near[5], view.neighbours(5))
    logits = np.frombuffer(sent["logits"], np.uint8).reshape(4, 5, view.n)
    assert (logits[:, 0] == 255).all()
    roots = (logits[1, 2] - 127.0) / 127
    back = np.sign(roots) * roots**2 * 8
    assert np.allclose(back, np.clip(view.logits(1, 2), -8, 8), atol=0.13)
    p = view.probability(1, 2)
    assert np.allclose(1 / (1 + np.exp(-back)), p, atol=0.006)
    far = np.frombuffer(sent["distances"], np.uint8).reshape(4, 5, view.n)
    back = far[2, 3] / 254 * sent["farthest"]
    assert np.allclose(back, view.distances[2, 3], atol=sent["farthest"] / 254)
    json.dumps(sent, default=sending.packed, allow_nan=False)
    json.dumps(fixed, default=sending.packed, allow_nan=False)


def test_the_sprite_sheet_holds_every_patch_in_its_place(made, view):
    from PIL import Image

    fixed = sending.fixed(view)
    sheet = np.asarray(Image.open(io.BytesIO(fixed["sprite"])).convert("RGB")).astype(int)
    cell, side, columns = fixed["cell"], fixed["side"], fixed["columns"]
    assert cell % 16 == 0
    for row in (0, 30, view.n - 1):
        y, x = cell * (row // columns), cell * (row % columns)
        patch = view.images(np.array([row]))[0].astype(int)
        assert np.abs(sheet[y : y + side, x : x + side] - patch).mean() < 12


@pytest.mark.parametrize("native", [16, 28, 64, 224])
def test_patches_of_any_size_become_thumbnails(native):
    from PIL import Image

    images = np.full((50, 3, native, native), 200, dtype=np.uint8)
    sprite, cell, side, columns = thumbnails.sprite_sheet(images, np.arange(50))
    assert Image.open(io.BytesIO(sprite)).size[0] == cell * columns
    assert side <= cell <= 96
    assert side == min(native, cell)


def test_ten_thousand_patches_fit_in_four_megabytes(tmp_path):
    made = stand_ins.everything(10_000, rounds=10, budget=100)
    page = Explorer(made.runs, made.data, map=made.map).to_html(tmp_path / "page.html")
    assert page.stat().st_size < 4e6


# the widget


def from_the_browser(explorer: Explorer, **state) -> None:
    """What arrives when something is changed on screen; ipywidgets only logs what goes wrong."""
    data = {"method": "update", "state": state, "buffer_paths": []}
    explorer.widget._handle_msg({"content": {"data": data}, "buffers": []})


def test_traits_go_both_ways_through_the_message_handler(shown, caplog):
    seen = []
    shown.observe(lambda change: seen.append((change.name, change.new)))
    from_the_browser(shown, round=3)
    assert shown.round == 3
    from_the_browser(shown, panels=["kcenter"], colour="distance", when="after")
    assert (shown.panels, shown.colour, shown.when) == (["kcenter"], "distance", "after")
    assert ("round", 3) in seen
    shown.round = 2
    shown.panels = ["random", "entropy"]
    assert (shown.widget.round, shown.widget.panels) == (2, ["random", "entropy"])
    sent = shown.widget.get_state()
    assert sent["round"] == 2
    assert isinstance(sent["fixed"]["sprite"], bytes)
    assert not caplog.records


def test_lasso_and_pin_answer_in_positions_of_the_tissue(shown, caplog):
    x, y = shown.view.map.positions.T
    box = [[x.min() - 1, y.min() - 1], [np.median(x), y.min() - 1], [np.median(x), y.max() + 1]]
    from_the_browser(shown, lasso=np.array(box).tolist())
    assert np.array_equal(shown.selected, shown.view.patches[shown.view.inside(box)])
    assert len(shown.selected) > 5
    assert len(shown.neighbours) == 0
    shown.lasso = box[::-1]  # NumPy's numbers become plain ones, which can be sent
    assert [type(x) for x in shown.widget.lasso[0]] == [float, float]
    shown.pinned = shown.view.patches[7]
    assert shown.widget.pinned == shown.pinned
    assert np.array_equal(shown.neighbours, shown.view.patches[shown.view.map.neighbours[7]])
    assert not caplog.records


def test_the_browser_asks_for_a_whole_patch_and_gets_it(made, shown, monkeypatch):
    from PIL import Image

    answers = []
    widget = shown.widget
    monkeypatch.setattr(widget, "send", lambda content, buffers: answers.append((content, buffers)))
    widget._handle_custom_msg({"ask": "patch", "row": 9}, [])
    (content, buffers), *others = answers
    assert content == {"patch": 9}
    assert not others
    patch = made.data.train.images[shown.view.patches[9]].numpy().transpose(1, 2, 0)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(buffers[0]))), patch)
    with pytest.raises(ValueError, match="asked for patch 9999"):
        shown._answer(widget, {"ask": "patch", "row": 9999}, [])


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("panels", ["nobody"], "cannot show"),
        ("panels", [], "choose one to 4"),
        ("colour", "mood", "cannot colour by 'mood'"),
        ("when", "later", "before"),
        ("pinned", 10**6, "not on the map"),
        ("lasso", [1, 2, 3], "list of map positions"),
    ],
)
def test_settings_that_do_not_exist_are_refused(shown, name, value, said):
    before = getattr(shown, name)
    with pytest.raises(traitlets.TraitError, match=said):
        setattr(shown, name, value)
    assert getattr(shown, name) == before


def test_a_round_beyond_the_ends_stops_at_them(shown):
    shown.round = 99
    assert shown.round == 3
    shown.round = -1
    assert shown.round == 0


def test_settings_can_be_given_at_once(made):
    explorer = Explorer(made.runs, made.data, map=made.map, round=2, panels=["kcenter"])
    assert (explorer.round, explorer.panels) == (2, ["kcenter"])
    with pytest.raises(TypeError, match="no setting 'rnd'"):
        Explorer(made.runs, made.data, map=made.map, rnd=2)


def test_a_run_in_the_making_grows_on_the_same_map(made):
    growing = Explorer(
        {name: shorter(made.runs[name], 1) for name in ("random", "entropy")},
        made.data,
        map=made.map,
    )
    widget = growing.widget
    fixed = widget.fixed
    assert growing.view.rounds == 1
    growing.update(
        {"random": shorter(made.runs["random"], 3), "entropy": shorter(made.runs["entropy"], 2)}
    )
    assert growing.round == widget.round == 2  # it stood at the end and moved along
    assert widget.fixed is fixed
    assert widget.runs["rounds"] == 3
    assert widget.runs["done"] == [3, 2]
    assert growing.view.summary(1, 2).picked.sum() == 0  # entropy has not come that far
    assert np.isnan(growing.view.f1[1, 2])
    growing.round = 1
    growing.update(made.runs)
    assert growing.round == 1  # whoever looks back is left there
    assert widget.runs["names"] == list(made.runs)


def test_a_run_that_has_not_begun_can_be_shown(made):
    empty = Explorer([shorter(made.runs["random"], 0)], made.data, map=made.map)
    assert empty.view.rounds == 1
    assert "has not run this round" in empty.still().alt
    assert empty.widget.runs["done"] == [0]


def test_one_widget_however_often_it_is_shown(shown):
    assert shown.widget is shown.widget


def test_everything_shown_has_a_repr_of_its_own(view, shown):
    assert repr(shown) == (
        "Explorer(random, entropy, kcenter, certainty: 4 rounds, 380 patches; round 1, by class)"
    )
    assert "ViewModel(random" in repr(view)
    assert "View(random" in repr(shown.widget)


# the map it opens with


def test_the_stored_map_of_any_run_is_used(made, tmp_path, monkeypatch):
    monkeypatch.setattr(maps, "of_run", lambda *_: pytest.fail("a stored map was overlooked"))
    maps.save(tmp_path, made.map)
    runs = [
        made.runs["random"],
        SimpleNamespace(**{**vars(made.runs["kcenter"]), "path": tmp_path}),
    ]
    assert np.array_equal(Explorer(runs, made.data).view.map.positions, made.map.positions)


def test_without_a_stored_map_one_is_made_of_the_first_run(made, monkeypatch):
    asked = []
    monkeypatch.setattr(maps, "of_run", lambda run, train: asked.append(run) or made.map)
    Explorer(made.runs, made.data)
    assert asked == [made.runs["random"]]


@pytest.mark.slow
def test_real_runs_are_watched_while_they_are_made(tmp_path):
    """From the loop itself: a finished run, and one that grows round by round on its map."""
    from activecl_nb import experiment, imbalance, profiles, runs
    from activecl_nb.protocol import Protocol

    protocol = Protocol.of("tiny", rounds=3, epochs=1)
    data = imbalance.load("phantom", profiles.PROFILES["tiny"])
    random = experiment.run(protocol, data, "random", 0, tmp_path / "random", progress=False)
    watched = Explorer([random], data)
    seen = []

    def show(run: runs.Run) -> None:
        watched.update([random, run])
        seen.append(watched.view.done(1))

    entropy = experiment.run(protocol, data, "entropy", 0, progress=False, on_round=show)
    assert seen == [1, 2, 3]
    view = watched.view
    assert view.names == ("random", "entropy")
    assert view.n == len(random.pool)
    picked = view.patches[view.taken[1] == 2]
    assert set(picked) == set(entropy.rounds[2].picked)
    # The picks are the most uncertain of the candidates, by the logits shown before the pick.
    rows = np.searchsorted(view.patches, entropy.rounds[2].candidates)
    uncertain = view.entropy(1, 2)
    most = np.sort(uncertain[rows])[::-1][len(picked) - 1]
    assert uncertain[view.taken[1] == 2].min() == pytest.approx(most, abs=1e-4)
    assert view.overlap(0, 1, 0).shared == len(random.rounds[0].picked)
    maps.save(random, view.map)
    assert maps.stored(runs.load(tmp_path / "random"), random.watched) is not None


# the static figure


def test_static_output_is_a_figure_with_words_and_an_invitation(shown, monkeypatch):
    published = []
    monkeypatch.setenv("ACTIVECL_STATIC", "1")
    monkeypatch.setattr("IPython.display.publish_display_data", published.append)
    shown._ipython_display_()
    (bundle,) = published
    assert set(bundle) == {"text/html", "text/plain"}
    assert "Run this cell for the live explorer." in bundle["text/html"]
    assert "Run this cell for the live explorer." in bundle["text/plain"]
    alt = re.search(r'alt="([^"]*)"', bundle["text/html"]).group(1)
    assert len(alt.split()) <= 60 and "random picked 20" in alt
    assert "entropy picked 20" in bundle["text/html"]  # in the words below
    assert shown._widget is None  # nothing was sent anywhere


def test_live_output_comes_with_the_figure_for_the_stored_copy(shown, monkeypatch):
    published = []
    monkeypatch.delenv("ACTIVECL_STATIC", raising=False)
    monkeypatch.setattr(
        "IPython.display.publish_display_data", lambda data, *_: published.append(data)
    )
    shown._ipython_display_()
    live, still = published
    assert live["application/vnd.jupyter.widget-view+json"]["model_id"] == shown.widget.model_id
    assert f'data-activecl-still="{shown.widget.token}"' in still["text/html"]
    assert len(json.dumps(still)) < 400_000


def test_squares_of_the_still_stand_around_what_the_filter_shows_alone(view):
    def squares(**state) -> int:
        figure = explorer.draw(view, panels=["entropy"], round=1, nearest_half=True, **state)
        edges = [c for c in figure.axes[0].collections if c.get_sizes().max(initial=0) > 60]
        return sum(len(c.get_offsets()) for c in edges)

    near = view.nearest_half(1, 1)
    tumours = int((view.labels[near] == 8).sum())
    assert 0 < tumours < len(near)
    assert squares() == len(near) * squares(filter={"only": {"class": [8]}}) / tumours


def test_the_figure_shows_what_is_set(view):
    def pixels(**state) -> np.ndarray:
        figure = explorer.draw(view, **state)
        figure.set_dpi(40)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba()).astype(int)

    state = {"round": 1, "panels": ["random", "entropy"]}
    before = pixels(**state)
    assert np.array_equal(before, pixels(**state))
    for change in (
        {"round": 2},
        {"colour": "entropy"},
        {"when": "after"},
        {"colour": "centre"},
        {"pinned": int(view.patches[3])},
        {"lasso": [[0, 0], [4, 0], [4, 4]]},
        {"panels": ["kcenter", "entropy"]},
    ):
        state |= change
        after = pixels(**state)
        assert np.abs(after - before).max() > 20, change
        before = after


def test_alt_text_says_what_there_is_to_see(view):
    said = explorer.describe(view, round=2, panels=["certainty"])
    summary = view.summary(3, 2)
    assert f"certainty picked 20, {summary.share():.0%} of them TUM" in said
    assert "random" not in said
    assert f"F1 {summary.f1:.2f}" in said


def test_alt_text_says_what_the_colours_show(view):
    panel = {"round": 2, "panels": ["entropy"]}
    said = {c: explorer.describe(view, colour=c, **panel) for c in view.colourings}
    assert len(set(said.values())) == len(said)
    summary, picks = view.summary(1, 2), view.taken[1] == 2
    for words in (f"the picks {summary.entropy_picks:.2f}", f"left {summary.entropy_rest:.2f}"):
        assert words in said["entropy"]
    assert f"the picks {summary.distance_picks:.2f}" in said["distance"]
    assert f"the picks {view.probability(1, 2)[picks].mean():.2f}" in said["probability"]
    after = view.probability(1, 3)[picks].mean()
    assert f"{after:.2f}" in explorer.describe(view, colour="probability", when="after", **panel)
    repeats = view.colourings["duplicate_of"].values
    words = f"repeats another {repeats[picks].mean():.0%} (of all {repeats.mean():.0%})"
    assert (words in said["duplicate_of"]) == (repeats[picks].mean() > 0)
    first = explorer.describe(view, round=0, panels=["entropy"], colour="probability")
    assert "not known yet" in first


def test_the_still_counts_what_the_colours_show(view):
    def under_the_map(colour: str, panel: str, round: int = 2) -> list[str]:
        figure = explorer.draw(view, colour=colour, panels=[panel], round=round)
        return figure.axes[0].get_xlabel().splitlines()[1:]

    picks = view.taken[1] == 2
    marked = view.colourings["artefact"]
    unusual = marked.values != np.bincount(marked.values).argmax()
    (said,) = under_the_map("artefact", "entropy")
    assert said.endswith(f": {unusual[picks].mean():.0%}, of all {unusual.mean():.0%}")
    assert " or " in said
    (said,) = under_the_map("duplicate_of", "entropy")
    assert said.startswith("repeats another: ")
    (said,) = under_the_map("entropy", "certainty")
    summary = view.summary(3, 2)
    assert said == f"mean {summary.entropy_picks:.2f}, of those left {summary.entropy_rest:.2f}"
    assert under_the_map("class", "entropy") == []  # the bars say it
    assert under_the_map("entropy", "entropy", round=0) == []  # there was no proxy


@pytest.mark.parametrize(("panels", "across"), [(1, 1), (2, 2), (3, 3), (4, 2)])
def test_letters_of_the_still_can_be_read_on_a_narrow_page(view, panels, across):
    """With the longest lines that stand below a map."""
    names = list(view.names[:panels])
    state = {"panels": names, "round": 1, "colour": "probability", "nearest_half": True}
    figure = explorer.draw(view, **state)
    FigureCanvasAgg(figure).draw()
    maps = [axes for axes in figure.axes if axes.get_title() in names]
    assert [axes.get_title() for axes in maps] == names
    boxes = [axes.get_position() for axes in maps]
    assert len({round(box.x0, 3) for box in boxes}) == across
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    for one, other in itertools.combinations([axes.xaxis.label for axes in maps], 2):
        assert not one.get_window_extent().overlaps(other.get_window_extent())
    readable(figure)


def readable(figure) -> None:
    """All letters are ten pixels high where the picture, as it is saved, is 600 across."""
    FigureCanvasAgg(figure).draw()
    words = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    smallest = min(text.get_fontsize() for text in words)
    assert smallest * 600 / (72 * figure.get_tightbbox().width) >= 9.9


def test_letters_can_be_read_with_all_that_can_be_marked(view):
    marks = {"pinned": int(view.patches[5]), "hand": [int(view.patches[3])], "nearest_half": True}
    readable(explorer.draw(view, panels=["entropy"], round=1, **marks))


def test_letters_of_the_stills_difference_can_be_read(view):
    figure = explorer.draw(view, compare=["entropy", "certainty"], round=2, so_far=True)
    readable(figure)
    bars = next(axes for axes in figure.axes if len(axes.get_yticklabels()) == 3)
    lines = [label.get_window_extent() for label in bars.get_yticklabels()]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(lines, 2))


def test_a_long_name_of_a_class_does_not_widen_the_still(made):
    train = dataclasses.replace(
        made.data.train, class_names=(*("a very long name " * 4 + str(i) for i in range(8)), "TUM")
    )
    long = ViewModel(made.runs, train, made.map)
    readable(explorer.draw(long, panels=["random", "entropy"], round=1))


def test_the_still_shows_what_is_selected_and_says_so(view):
    def legend(**state) -> list[str]:
        figure = explorer.draw(view, round=1, panels=["entropy"], **state)
        return [text.get_text() for text in figure.legends[0].get_texts()]

    pinned, hand = int(view.patches[3]), view.patches[[1, 2]].tolist()
    for state, label, words in (
        ({"nearest_half": True}, "nearest one half", "of them nearest one half (entropy)"),
        ({"pinned": pinned}, "pinned, and its nearest", f"Patch {pinned}, "),
        ({"hand": hand}, "picked by hand", "Picked by hand are 2: "),
    ):
        assert label in legend(**state) and label not in legend()
        assert words in explorer.describe(view, round=1, panels=["entropy"], **state)
    assert legend(compare=["random", "entropy"])[:3] == ["only random", "only entropy", "both"]
    tumours = {"only": {"class": [8]}}
    said = explorer.describe(view, round=1, filter=tumours)
    assert f"shows {(view.labels == 8).sum()} of the {view.n}" in said


def test_the_still_draws_picks_in_the_shapes_of_their_classes(view):
    """As the browser does: a shape of the class inside every frame."""

    figure = explorer.draw(
        view, round=1, panels=["entropy"], filter={"by": "entropy", "rounds": [1, 1]}
    )
    drawn = [c for c in figure.axes[0].collections if len(c.get_facecolors())]
    counts = [len(c.get_offsets()) for c in drawn if c.get_alpha() == 1]
    picks = view.picks(1, 1)
    classes, of_class = np.unique(view.labels[picks], return_counts=True)
    assert len(classes) > 1 and counts == of_class.tolist()
    shapes = {c.get_paths()[0].vertices.tobytes() for c in drawn if c.get_alpha() == 1}
    assert len(shapes) == len(classes)


# the palette


def _seen_with(colour: str, matrix: np.ndarray) -> np.ndarray:
    """A colour as seen with a colour vision deficiency, in CIELAB."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(matrix @ linear, 0, 1)
    xyz = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ linear
        / np.array([0.9505, 1, 1.089])
    )
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# Machado, Oliveira and Fernandes 2009, severity 1.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_the_tumour_stands_out_with_any_colour_vision(view, vision, theme):
    """Nine colours cannot all be far apart for everyone; shapes tell the rest."""
    colours = [pair[theme] for pair in sending.fixed(view)["colours"][0]]
    seen = np.array([_seen_with(colour, np.array(VISIONS[vision])) for colour in colours])
    others = np.linalg.norm(seen[:8] - seen[8], axis=1)
    assert others.min() > 10


def test_every_class_has_a_shape_of_its_own():
    from activecl_nb.pictures import figures

    assert len(set(explorer.SHAPES)) == len(explorer.SHAPES) == len(figures.CLASS_MARKERS) == 9
