"""The exercises of lesson 06."""

from __future__ import annotations

from types import SimpleNamespace

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


def galleries(random: dict[str, float], entropy: dict[str, float]) -> SimpleNamespace:
    return SimpleNamespace(only=lambda *names: (random, entropy))


def test_passed_over(view: ViewModel) -> None:
    shares = galleries(
        {"ADI": 0.1, "BACK": 0.3, "LYM": 0.2, "STR": 0.2, "TUM": 0.2},
        {"ADI": 0.0, "BACK": 0.0, "LYM": 0.3, "STR": 0.2, "TUM": 0.5},
    )
    wrong = {tissue: f"my_passed = {tissue!r}" for tissue in ("ADI", "LYM", "STR", "TUM")}
    wrong["a strategy"] = "my_passed = 'random'"
    hints = examine("06_explorer", 2, wrong, {"view": shares})
    assert "one of the tissues in quotes: ADI, BACK" in hints["a strategy"]
    assert "10% of what only random picked, and 0%" in hints["ADI"]
    assert "another tissue is further apart" in hints["ADI"]
    assert all("does not pass it over" in hints[name] for name in ("LYM", "STR", "TUM"))
    assert lesson_06.passed_over("back", shares).solved
    lesson = load("06_explorer")
    assert verdict(lesson, 2, solution(lesson, 2), {"view": view}).solved


def test_passed_over_takes_what_is_level() -> None:
    """Two tissues that differ by a patch in a hundred are both right: that much is luck."""
    level = galleries({"ADI": 0.305, "BACK": 0.3, "TUM": 0.395}, {"ADI": 0, "BACK": 0, "TUM": 1})
    assert all(lesson_06.passed_over(tissue, level).solved for tissue in ("ADI", "BACK"))


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
    early = verdict(lesson, 4, "my_run = contest.hand_run", given)
    assert not early.solved and "no round is trained on your picks yet" in early.text
    said = examine(
        "06_explorer",
        4,
        {
            "the widget": "my_run = contest",
            "a strategy's run": "my_run = rival",
            "the picks alone": "my_run = rival.rounds[1].picked",
            "its name": "my_run = 'hand'",
        },
        given,
    )
    assert "made by entropy" in said["a strategy's run"]
    assert "contest.hand_run" in said["the widget"]
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
            "of all picks": function(header, both, f"return both / ({a} + {b})"),
            "of the longer": function(header, both, f"return both / max({a}, {b})"),
            "the union": function(header, both, f"return ({a} + {b} - both) / pool"),
            "the first twice": function(header, both, f"return both * pool / {a} ** 2"),
            "a logarithm": function(
                header, both, f"return np.log2(both * pool / {a} / {b})"
            ).replace("both = ", "import numpy as np\n    both = "),
            "the shorter twice": function(header, both, f"return both * pool / min({a}, {b}) ** 2"),
            "Jaccard of the pool": function(
                header, both, f"return both * pool / ({a} + {b} - both)"
            ),
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
