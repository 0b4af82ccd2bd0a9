"""The exercises of lesson 06."""

from __future__ import annotations

import numpy as np
import pytest
from notebook_tools import (
    examine,
    function,
    letters,
    load,
    solution,
    verdict,
)

from activecl_nb import experiment
from activecl_nb.imbalance import Data
from activecl_nb.lessons.checks import lesson_06
from activecl_nb.pictures import maps
from activecl_nb.pictures.explorer import Explorer, ViewModel
from activecl_nb.protocol import Protocol


@pytest.fixture(scope="module")
def view(tiny_data: Data, tiny_protocol: Protocol) -> ViewModel:
    """What lesson 06 looks at: four strategies' runs of one seed."""
    names = ("random", "entropy", "kcenter", "certainty")
    runs = [experiment.run(tiny_protocol, tiny_data, n, 0, progress=False) for n in names]
    draw = np.random.default_rng(0)
    watched = runs[0].watched
    features = draw.normal(size=(len(watched), 4)).astype(np.float32)
    return ViewModel(
        runs, tiny_data, maps.of_features(features, watched, positions=features[:, :2])
    )


def test_map_distance() -> None:
    examine("06_explorer", 1, letters("abd"))


def test_richest(view: ViewModel) -> None:
    shares = {name: view.summary(s, 2).share() for s, name in enumerate(view.names)}
    wrong = {
        name: f"my_richest = {name!r}"
        for name, share in shares.items()
        if share < max(shares.values()) - lesson_06.LEVEL
    }
    wrong["no panel of that name"] = "my_richest = 'coreset'"
    wrong["a number"] = "my_richest = 3"
    hints = {what: verdict(load("06_explorer"), 2, s, {"view": view}) for what, s in wrong.items()}
    assert not any(said.solved for said in hints.values())
    named = [said.text for what, said in hints.items() if what in shares]
    assert len(set(named)) == len(named) >= 1
    assert "one of the panels' names" in hints["a number"].text
    solved = verdict(load("06_explorer"), 2, solution(load("06_explorer"), 2), {"view": view})
    assert solved.solved


def test_richest_takes_what_is_level(view: ViewModel, monkeypatch) -> None:
    """Two panels that differ by a patch in a hundred are both right: that much is luck."""
    monkeypatch.setattr(lesson_06, "LEVEL", 1.0)
    assert all(lesson_06.richest(name, view).solved for name in view.names)


def test_by_hand(view: ViewModel, tiny_protocol, tiny_data, tmp_path) -> None:
    """The solution really trains a round; what is no run picked by hand gets its own hint."""
    rival = view.runs["entropy"]
    contest = Explorer(
        {"random": view.runs["random"], "entropy": rival},
        tiny_data,
        map=view.map,
        by_hand=tmp_path / "hand",
    )
    given = {"contest": contest, "rival": rival, "protocol": tiny_protocol, "np": np}
    lesson = load("06_explorer")
    wrong = ("my_run = contest", "my_run = rival", "my_run = rival.rounds[1].picked")
    said = [verdict(lesson, 4, source, given) for source in wrong]
    assert not any(one.solved for one in said)
    assert "made by entropy" in said[1].text
    assert "contest.hand_run" in said[0].text
    told = verdict(lesson, 4, solution(lesson, 4), given)
    assert told.solved
    assert f"{contest.hand_run.rounds[1].scores['auroc']:.3f}" in told.text
    assert f"{contest.hand_run.rounds[1].scores['f1']:.2f}" in told.text, "as the panels show it"
    assert "hand" in contest.view.names


def test_beyond_chance() -> None:
    header = "my_times(first, second, pool)"
    both = "both = len(set(first) & set(second))"
    a, b = "len(first)", "len(second)"
    examine(
        "06_explorer",
        3,
        {
            "the count": function(header, both, "return both"),
            "a share of the first": function(header, both, f"return both / {a}"),
            "a share of the second": function(header, both, f"return both / {b}"),
            "Jaccard": function(header, both, f"return both / ({a} + {b} - both)"),
            "upside down": function(header, both, f"return {a} * {b} / pool / both"),
            "a difference": function(header, both, f"return both - {a} * {b} / pool"),
            "chance of one draw": function(header, both, f"return both / ({a} / pool)"),
            "chance of the other draw": function(header, both, f"return both / ({b} / pool)"),
            "a share of the pool": function(header, both, "return both / pool"),
            "chance alone": function(header, f"return {a} * {b} / pool"),
            "1 off": function(header, both, f"return both * pool / {a} / {b} - 1"),
            "no pool": function(header, both, f"return both / ({a} * {b})"),
            "chance of one patch": function(
                header, both, f"return both / ({a} / pool * {b} / pool)"
            ),
            "sum of the two": function(header, both, f"return both / (({a} + {b}) / pool)"),
            "either": function(
                header, f"return len(set(first) | set(second)) / ({a} * {b} / pool)"
            ),
            "place by place": function(
                header, f"return sum(x == y for x, y in zip(first, second)) * pool / {a} / {b}"
            ),
            "Dice": function(header, both, f"return 2 * both / ({a} + {b})"),
            "the shorter list": function(header, both, f"return both / min({a}, {b})"),
            "a percentage": function(header, both, f"return 100 * both * pool / {a} / {b}"),
            "rounds down": function(header, both, f"return both // ({a} * {b} / pool)"),
            "rounded": function(header, both, f"return round(both * pool / {a} / {b})"),
        },
    )


def test_beyond_chance_takes_arrays() -> None:
    source = function(
        "my_times(first, second, pool)",
        "return np.isin(first, second).sum() * pool / (first.size * second.size)",
    )
    assert verdict(load("06_explorer"), 3, "import numpy as np\n" + source).solved
