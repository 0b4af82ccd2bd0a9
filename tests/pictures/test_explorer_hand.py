"""Picking by hand really trains; runs are opened from their folders with the data they recorded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from activecl_nb import experiment, imbalance, runs
from activecl_nb.__main__ import main
from activecl_nb.imbalance import Data
from activecl_nb.pictures import maps
from activecl_nb.pictures.explorer import Explorer
from activecl_nb.protocol import Protocol
from activecl_nb.runs import Run


def patches(root: Path, shift: int = 0) -> Path:
    """Class folders of 16 px: three colours with grain."""
    draw = np.random.default_rng(3 + shift)
    for part, count in (("train", 40), ("test", 12)):
        for c, name in enumerate(("A", "B", "C")):
            (root / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = draw.integers(0, 90, (16, 16, 3)) + np.array([60, 90, 120]) * (c + 1) // 3
                Image.fromarray(pixels.astype(np.uint8)).save(root / part / name / f"{i:02d}.png")
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return patches(tmp_path_factory.mktemp("patches") / "set")


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return Protocol.of(
        "tiny", image_size=16, labelled=30, width=4, rounds=3, budget=8, candidates=40, epochs=1,
        batch_size=8, train_images=120, test_images=36,
    )  # fmt: skip


@pytest.fixture(scope="module")
def data(folder, protocol) -> Data:
    return imbalance.load("folder", protocol, path=str(folder), positive="B")


@pytest.fixture(scope="module")
def stored(data, protocol, tmp_path_factory) -> dict[str, Run]:
    home = tmp_path_factory.mktemp("runs")
    return {
        name: experiment.run(protocol, data, name, 0, home / name, progress=False)
        for name in ("random", "entropy")
    }


@pytest.fixture(scope="module")
def map(stored) -> maps.Map:
    watched = stored["random"].watched
    features = np.random.default_rng(0).normal(size=(len(watched), 4)).astype(np.float32)
    return maps.of_features(features, watched, positions=features[:, :2])


@pytest.fixture
def shown(stored, data, map, tmp_path) -> Explorer:
    return Explorer(stored, data, map=map, by_hand=tmp_path / "hand")


def test_the_picks_of_a_strategy_made_by_hand_give_its_run(shown, stored):
    """Its own curve, from the loop itself: the same picks train the same encoder."""
    run = shown.pick_by_hand(stored["entropy"].rounds[1].picked)
    assert len(run.rounds) == 2
    for mine, theirs in zip(run.rounds, stored["entropy"].rounds[:2], strict=True):
        assert mine.picked.tolist() == theirs.picked.tolist()
        assert np.array_equal(mine.watched_logits, theirs.watched_logits)
        assert mine.scores == theirs.scores
    assert shown.view.names == ("random", "entropy", "hand")
    assert shown.panels == ["random", "entropy", "hand"]
    assert shown.view.summary(2, 1).picked.tolist() == shown.view.summary(1, 1).picked.tolist()
    assert runs.load(run.path).rounds[1].picked.tolist() == run.rounds[1].picked.tolist()


def test_a_run_by_hand_goes_on_round_by_round_and_ends(shown, stored, data, map, protocol):
    shown.pick_by_hand(shown.hand_candidates[: protocol.budget])
    again = Explorer(stored, data, map=map, by_hand=shown.hand_run.path)  # another day
    assert again.view.names == ("random", "entropy", "hand")
    assert again.panels == ["random", "entropy", "hand"]
    assert again.widget.hand_state["round"] == 2
    taken = set(shown.hand_run.chosen())
    candidates = again.hand_candidates
    assert not taken & set(candidates)
    again.hand = candidates[-protocol.budget :].tolist()
    run = again.pick_by_hand()
    assert len(run.rounds) == protocol.rounds and run.finished
    assert again.hand == []
    assert again.widget.hand_state["budget"] == 0
    with pytest.raises(ValueError, match="all 3 rounds of"):
        again.pick_by_hand(candidates[: protocol.budget])


def test_a_folder_with_another_run_by_hand_is_refused(shown, stored, data, map, protocol):
    folder = shown.pick_by_hand(shown.hand_candidates[: protocol.budget]).path
    other = experiment.run(protocol, data, "random", 1, progress=False)
    with pytest.raises(ValueError, match="seed: 0 there, 1 here"):
        Explorer([other], data, by_hand=folder)


def test_what_cannot_be_a_rounds_picks_is_refused(shown, stored, protocol):
    candidates = shown.hand_candidates
    foreign = np.setdiff1d(stored["random"].labelled, candidates)[:1]
    for picks, said in (
        (candidates[:3], "round 1 takes 8 patches, not 3"),
        (np.repeat(candidates[:4], 2), "picked twice"),
        ([*candidates[:7], *foreign], "is no candidate of round 1"),
    ):
        with pytest.raises(ValueError, match=said):
            shown.pick_by_hand(picks)
    assert shown.hand_run is None


def test_the_button_trains_and_says_what_went_wrong(shown, protocol):
    widget = shown.widget
    assert widget.hand_state["live"] and widget.hand_state["budget"] == protocol.budget
    marked = np.frombuffer(widget.hand_state["open"], np.uint8)
    assert set(shown.view.patches[marked == 1]) == set(shown.hand_candidates)
    widget.hand = shown.hand_candidates[:3].tolist()
    widget._handle_custom_msg({"ask": "hand"}, [])
    assert "takes 8 patches, not 3" in widget.hand_state["text"]
    widget.hand = shown.hand_candidates[:8].tolist()
    widget._handle_custom_msg({"ask": "hand"}, [])
    assert widget.hand_state["text"].startswith("Trained")
    assert (widget.hand_state["round"], widget.hand_state["busy"]) == (2, "")
    assert widget.runs["names"] == ["random", "entropy", "hand"]


def test_runs_are_opened_with_the_data_that_they_recorded(stored, map, folder, tmp_path):
    paths = [run.path for run in stored.values()]
    shown = Explorer.open(*paths, map=map)
    assert shown.view.names == ("random", "entropy")
    assert shown.view.positive == "B"
    page = shown.to_html(tmp_path / "page.html")
    assert "Active sampling" in page.read_text(encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="no run"):
        Explorer.open(tmp_path / "nothing")
    with pytest.raises(ValueError, match="name at least one"):
        Explorer.open()


def test_the_benchmark_named_first_does_not_keep_from_picking_by_hand(
    stored, data, protocol, map, tmp_path
):
    whole = experiment.benchmark(protocol, data, 0, tmp_path / "benchmark", progress=False)
    shown = Explorer.open(whole.path, stored["entropy"].path, map=map)
    assert shown.view.names == ("entropy", "benchmark")
    assert shown.widget.hand_state["budget"] == protocol.budget


def test_other_data_is_refused(stored, map, protocol, tmp_path):
    other = imbalance.load("folder", protocol, path=str(patches(tmp_path / "x", 1)), positive="B")
    with pytest.raises(ValueError, match="made from other patches"):
        Explorer.open(stored["random"].path, data=other, map=map)


def test_explore_writes_the_page_from_the_command_line(stored, tmp_path, capsys):
    out = tmp_path / "deep" / "picks.html"
    words = ["explore", *(str(run.path) for run in stored.values()), "--out", str(out)]
    assert main([*words, "--title", "Mine <b>"]) == 0
    assert str(out) in capsys.readouterr().out
    text = out.read_text(encoding="utf-8")
    assert "<title>Mine &lt;b&gt;</title>" in text
    values = json.loads(text.split('id="data">')[1].split("</script>")[0])
    assert values["runs"]["names"] == ["random", "entropy"]
    assert main(["explore", str(tmp_path / "nowhere"), "--out", str(out)]) == 2
    assert "no run" in capsys.readouterr().err
