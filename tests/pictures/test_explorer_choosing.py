"""What the explorer refuses, shows and lets go: data, facts, many classes, filters, old cells."""

from __future__ import annotations

import dataclasses
import gc
import sys
import weakref
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
import traitlets

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
import stand_ins

from activecl_nb import runs
from activecl_nb.imbalance import Data
from activecl_nb.pictures import explorer, live, maps, release
from activecl_nb.pictures.explorer import Explorer, ViewModel, colours, sending
from activecl_nb.tissue import Tissue


@pytest.fixture(scope="module")
def made() -> SimpleNamespace:
    return stand_ins.everything(400, rounds=4, budget=20)


@pytest.fixture(scope="module")
def view(made) -> ViewModel:
    return ViewModel(made.runs, made.data, made.map)


@pytest.fixture
def shown(made) -> Explorer:
    return Explorer(made.runs, made.data, map=made.map)


def with_facts(made: SimpleNamespace, **facts: np.ndarray) -> ViewModel:
    train = dataclasses.replace(made.data.train, facts=facts)
    return ViewModel(made.runs, train, made.map)


# data that is not the runs' own


def test_other_patches_than_the_runs_were_made_from_are_refused(made):
    data = Data(made.data.train, made.data.train.take(np.arange(50)), positive="TUM")
    ran = {
        name: SimpleNamespace(**vars(run) | {"data": runs.fingerprint(data)})
        for name, run in made.runs.items()
    }
    assert Explorer(ran, data, map=made.map).view.n == len(made.map.patches)
    changed = made.data.train.images.clone()
    changed[::2] = 255 - changed[::2]
    other = replace(data, train=replace(data.train, images=changed))
    with pytest.raises(ValueError, match="'random' was made from other patches"):
        Explorer(ran, other, map=made.map)
    with pytest.raises(ValueError, match="give the explorer the data"):
        Explorer(ran, replace(data, train=replace(data.train, source="elsewhere")), map=made.map)
    # Of the training tissue alone there is no whole fingerprint, but a source and a size.
    assert Explorer(ran, data.train, map=made.map).view.n == len(made.map.patches)
    for train in (replace(data.train, source="elsewhere"), data.train.take(np.arange(401) % 400)):
        with pytest.raises(ValueError, match="made from other patches"):
            Explorer(ran, train, map=made.map)


# facts and classes


def test_what_a_fact_does_not_say_is_grey(made):
    n = len(made.data.train.labels)
    draw = np.random.default_rng(0)
    score = draw.random(n)
    score[::3] = np.nan
    words = np.array([["pen", "fold", None, np.nan, "", "none"][i % 6] for i in range(n)], object)
    view = with_facts(made, score=score, words=words, nothing=np.full(n, np.nan))
    numbers, names = view.colourings["score"], view.colourings["words"]
    assert (numbers.low, numbers.high) == (
        np.nanmin(score[view.patches]),
        np.nanmax(score[view.patches]),
    )
    assert names.names == ("fold", "none", "pen")
    assert names.names[names.none] == "none"
    faces = colours.palette(names, view.class_names)
    assert faces[names.none] == colours.GREY
    assert faces.count(colours.GREY) == 1
    assert np.isnan(view.colourings["nothing"].values).all()
    sent = {fact["name"]: fact for fact in sending.fixed(view)["facts"]}
    bytes_of = np.frombuffer(sent["score"]["values"], np.uint8)
    assert np.array_equal(bytes_of == 255, np.isnan(score[view.patches]))
    assert np.isfinite([sent["nothing"]["low"], sent["nothing"]["high"]]).all()
    assert sent["words"]["none"] == 1
    for colour in ("score", "words", "nothing"):
        explorer.draw(view, colour=colour, round=1)
        assert "nan" not in explorer.describe(view, colour=colour, round=1)


def test_whole_numbers_are_names_in_their_order(made):
    n = len(made.data.train.labels)
    names = with_facts(made, slide=np.arange(n) % 12).colourings["slide"].names
    assert names == tuple(str(x) for x in range(12))


def test_three_hundred_classes_reach_the_browser_as_they_are(tmp_path):
    n, classes = 900, 300
    labels = np.arange(n) % classes
    train = Tissue(
        images=torch.zeros((n, 3, 16, 16), dtype=torch.uint8),
        labels=torch.from_numpy(labels),
        class_names=tuple(f"c{k:03d}" for k in range(classes)),
        source="many classes",
        facts={"site": np.arange(n) % 700},
    )
    points = np.random.default_rng(0).normal(size=(n, 16)).astype(np.float32)
    pool = np.arange(n)
    run = stand_ins.run("random", labels, pool, points, rounds=2, budget=20)
    made = maps.of_features(points, pool, positions=points[:, :2])
    shown = Explorer([run], train, map=made, positive="c000")
    fixed = sending.fixed(shown.view)
    assert np.array_equal(np.frombuffer(fixed["labels"], np.uint16), labels)
    assert np.array_equal(np.frombuffer(fixed["facts"][0]["values"], np.uint16), np.arange(n) % 700)
    assert shown.view.summary(0, 1).picked.sum() == 20
    assert shown.to_html(tmp_path / "page.html").stat().st_size > 1000


def test_hundreds_of_rounds_reach_the_browser_as_they_are():
    labels = stand_ins.tissue(900).labels.numpy()
    points = stand_ins.features(labels)
    pool = np.arange(900)
    run = stand_ins.run("random", labels, pool, points, rounds=300, budget=2)
    made = maps.of_features(points, pool, positions=points[:, :2])
    view = ViewModel([run], stand_ins.data(900), made)
    taken = np.frombuffer(sending.rounds_so_far(view)["taken"], np.uint16).astype(int) - 1
    assert np.array_equal(taken, view.taken[0])
    assert taken.max() == 299


# runs that grow


def test_a_strategy_that_was_not_there_gets_a_panel(made, monkeypatch):
    growing = Explorer([made.runs["random"]], made.data, map=made.map)
    assert growing.panels == ["random"]
    messages = []
    monkeypatch.setattr(growing.widget.comm, "send", lambda data, **_: messages.append(data))
    growing.update([made.runs["random"], made.runs["entropy"]])
    assert growing.panels == growing.widget.panels == ["random", "entropy"]
    (message,) = (m["state"] for m in messages if "panels" in m["state"])
    assert message["runs"]["names"] == message["panels"]  # in one: no panel without its run
    growing.update(made.runs)
    assert growing.panels == list(made.runs)
    assert growing.compare == []


def test_who_goes_is_compared_no_more(made):
    shown = Explorer(made.runs, made.data, map=made.map, compare=["random", "kcenter"])
    shown.update([made.runs["random"], made.runs["entropy"]])
    assert shown.compare == []
    assert shown.panels == ["random", "entropy"]


# the difference, filters, the table


def test_the_difference_is_made_of_the_picks(made, view):
    for so_far in (False, True):
        found = view.difference(1, 2, 3, so_far)
        picks = [
            {p for r in made.runs[n].rounds[1 if so_far else 3 : 4] for p in r.picked}
            for n in ("entropy", "kcenter")
        ]
        assert {*view.patches[found.only_a]} == picks[0] - picks[1]
        assert {*view.patches[found.both]} == picks[0] & picks[1]
        assert {*view.patches[found.only_b]} == picks[1] - picks[0]


def test_shares_of_what_only_one_picked_are_those_of_the_difference(view):
    found = view.difference(0, 1, view.rounds - 1, so_far=True)
    for shares, rows in zip(
        view.only("random", "entropy"), (found.only_a, found.only_b), strict=True
    ):
        counts = {name: share * len(rows) for name, share in shares.items()}
        assert counts == pytest.approx(view.composition(rows))


def test_the_difference_is_drawn_and_said(shown):
    shown.compare = ["random", "kcenter"]
    alt = shown.still().alt
    found = shown.view.difference(0, 2, 1)
    assert f"only random {len(found.only_a)}, both {len(found.both)}" in alt
    assert "Only kcenter: " in alt


def test_nearest_half_is_where_entropy_looks(view):
    rows = view.nearest_half(1, 2, 30)
    left = (view.taken[1] < 0) | (view.taken[1] >= 2)
    assert left[rows].all()
    others = np.setdiff1d(np.flatnonzero(left), rows)
    assert np.abs(view.logits(1, 2)[rows]).max() <= np.abs(view.logits(1, 2)[others]).min()
    assert len(view.nearest_half(1, 0, 30)) == 0


def test_what_is_selected_follows_lasso_strokes_and_filter(shown):
    x, y = shown.view.map.positions.T
    everything = [[x.min() - 1, y.min() - 1], [x.max() + 1, y.min() - 1]]
    everything += [[x.max() + 1, y.max() + 1], [x.min() - 1, y.max() + 1]]
    right = [[np.median(x), y.min() - 1], *everything[1:3], [np.median(x), y.max() + 1]]
    shown.lasso = everything
    assert len(shown.selected) == shown.view.n
    shown.strokes = [("take", right)]
    half = shown.selected
    assert 0 < len(half) < shown.view.n
    shown.strokes = [("take", right), ("add", right)]
    assert len(shown.selected) == shown.view.n
    shown.filter = {"only": {"class": ["TUM"]}}
    assert set(shown.view.train.labels.numpy()[shown.selected]) == {8}
    assert shown.widget.filter == {"only": {"class": [8]}}
    shown.lasso, shown.strokes = [], []
    assert np.array_equal(shown.selected, [])
    assert len(shown.shown) == (shown.view.labels == 8).sum()


def test_the_selection_is_a_table_and_a_file(shown, tmp_path):
    shown.filter = {"by": "entropy", "rounds": [2, 2]}
    table = shown.table()
    assert len(table) == 20
    assert (table["entropy round"] == 2).all()
    row = shown.view.row(table["patch"][3])
    assert table["entropy entropy"][3] == pytest.approx(shown.view.entropy(1, 1)[row], abs=1e-3)
    assert table["class"][3] == shown.view.class_names[shown.view.labels[row]]
    shown.to_csv(tmp_path / "picks.csv")
    assert len(pd.read_csv(tmp_path / "picks.csv")) == 20


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("compare", ["random"], "choose two of"),
        ("compare", ["random", "nobody"], "choose two of"),
        ("strokes", [("cut", [[0, 0]])], "'add' or 'take'"),
        ("filter", {"classes": [1]}, "a filter has no 'classes'"),
        ("filter", {"by": "nobody"}, "no strategy is called 'nobody'"),
        ("filter", {"score": "class"}, "cannot filter by 'class'"),
        ("filter", {"only": {"class": ["XYZ"]}}, "class has no 'XYZ'"),
        ("filter", {"only": {"entropy": [1]}}, "it has no names"),
        ("hand", [10**6], "not on the map"),
    ],
)
def test_choices_that_do_not_exist_are_refused(shown, name, value, said):
    before = getattr(shown, name)
    with pytest.raises(traitlets.TraitError, match=said):
        setattr(shown, name, value)
    assert getattr(shown, name) == before


def test_what_the_browser_sets_wrongly_is_taken_back(shown):
    shown.widget.round = 99
    assert shown.widget.round == shown.round == 3
    with pytest.raises(traitlets.TraitError):
        shown.widget.colour = "mood"
    assert shown.widget.colour == "class"


# old explorers


def test_explorers_that_nobody_holds_are_freed_with_their_widgets(made):
    from ipywidgets.widgets.widget import _instances

    before, seen = len(_instances), []
    for _ in range(4):
        shown = Explorer(made.runs, made.data, map=made.map)
        seen += [weakref.ref(shown.view), weakref.ref(shown.widget)]
        shown.widget.round = 2
        assert shown.round == 2
    gc.collect()
    assert sum(ref() is not None for ref in seen) == 2  # the last one's
    del shown
    gc.collect()
    assert len(_instances) <= before


CELL = """
shown = make()
shown
"""


@pytest.fixture
def shell(monkeypatch):
    """IPython as in a notebook: what a cell shows is kept in Out."""
    from IPython.core.interactiveshell import InteractiveShell

    # A shell puts a module of its own in the place of __main__, from which nothing can be spawned.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    monkeypatch.setenv("ACTIVECL_STATIC", "1")
    monkeypatch.setattr(release, "_shown", {})
    yield shell
    shell.reset()
    InteractiveShell.clear_instance()


def run_cell(shell, code: str, cell: str) -> None:
    shell.parent_header = {"metadata": {"cellId": cell}}
    assert shell.run_cell(code, store_history=True).success


@pytest.mark.parametrize("kind", ["explorer", "live"])
def test_a_cell_run_again_lets_go_of_what_it_showed(made, shell, kind):
    from ipywidgets import FloatSlider

    from activecl_nb.pictures.figures import Picture, canvas

    def make():
        if kind == "explorer":
            one = Explorer(made.runs, made.data, map=made.map)
        else:
            one = live.live(lambda x: Picture(canvas(1, 1)[0], "empty"), x=FloatSlider(1.0))
        seen.append(weakref.ref(one))
        return one

    seen: list[weakref.ref] = []
    shell.user_ns["make"] = make
    for _ in range(4):
        run_cell(shell, CELL, "a")
    gc.collect()
    assert [ref() is not None for ref in seen] == [False, False, False, True]
    run_cell(shell, "kept = shown", "b")
    run_cell(shell, CELL, "a")
    gc.collect()
    assert seen[3]() is not None  # the notebook still has a name for it
    run_cell(shell, "make()", "c")  # another cell takes nothing away
    gc.collect()
    assert seen[4]() is not None


def test_two_that_one_cell_shows_are_both_kept_until_it_runs_again(made, shell, monkeypatch):
    closed = []
    monkeypatch.setattr(Explorer, "close", lambda self: closed.append(self.round))
    shell.user_ns["make"] = lambda t: Explorer(made.runs, made.data, map=made.map, round=t)
    run_cell(shell, "pair = [make(1), make(2)]\ndisplay(*pair)", "a")
    assert closed == []
    run_cell(shell, "pair = [make(3), make(2)]\ndisplay(*pair)", "a")
    assert 3 not in closed
    run_cell(shell, "first = make(0)\ndisplay(first)", "b")
    run_cell(shell, "display(first)", "b")
    assert 0 not in closed
