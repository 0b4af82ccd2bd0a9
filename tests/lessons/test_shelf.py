"""Runs for lessons: the stored ones where they can be used, short ones where not."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from activecl_nb import experiment, files, imbalance, runs
from activecl_nb.imbalance import Data
from activecl_nb.lessons import shelf
from activecl_nb.pictures import maps
from activecl_nb.profiles import PROFILES
from activecl_nb.protocol import Protocol

SHORT = "short runs"


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_data: Data, tiny_protocol: Protocol) -> Path:
    """A results folder with two strategies and the benchmark, each of two seeds."""
    folder = tmp_path_factory.mktemp("results")
    protocol = replace(tiny_protocol, rounds=2, epochs=1, benchmark_epochs=2)
    for seed in (1, 0):
        for name in ("kcenter", "random"):
            out = folder / "laptop" / f"{name}-{seed}"
            experiment.run(protocol, tiny_data, name, seed, out, progress=False)
        out = folder / "laptop" / f"benchmark-{seed}"
        experiment.benchmark(protocol, tiny_data, seed, out, progress=False)
    return folder


@pytest.fixture
def stored(made: Path, tmp_path: Path, tiny_data: Data, monkeypatch) -> Path:
    """A copy to spoil; the patches are the tests' own, and short runs are only named."""
    monkeypatch.setattr(imbalance, "load", lambda source, profile: tiny_data)
    found = runs.stored("laptop", made)
    monkeypatch.setattr(shelf, "_short", lambda profile: (found[:1], SHORT))
    return Path(shutil.copytree(made, tmp_path / "results"))


def test_stored_runs_come_in_the_order_of_figures(stored: Path, tiny_data: Data, capsys) -> None:
    runs, data = shelf.open_runs(PROFILES["tiny"], folder=stored)
    assert data is tiny_data
    assert [(run.strategy, run.seed) for run in runs] == [
        ("random", 0),
        ("random", 1),
        ("kcenter", 0),
        ("kcenter", 1),
        ("benchmark", 0),
        ("benchmark", 1),
    ]
    assert capsys.readouterr().out == "6 runs of 3 kinds, 2 seeds: 2 rounds of 8 images\n"


def test_the_first_seed_is_one_pool(stored: Path) -> None:
    runs, _ = shelf.open_runs(PROFILES["tiny"], folder=stored)
    firsts = shelf.first_seed(runs)
    assert [(run.strategy, run.seed) for run in firsts] == [("random", 0), ("kcenter", 0)]
    assert np.array_equal(firsts[0].watched, firsts[1].watched)


def test_nothing_stored(stored: Path, tmp_path: Path, capsys) -> None:
    _, data = shelf.open_runs(PROFILES["tiny"], folder=tmp_path / "empty")
    assert data == SHORT
    said = capsys.readouterr().out
    assert "holds no runs" in said and "practice, not as results" in said


def test_other_patches(stored: Path, tiny_data: Data, monkeypatch, capsys) -> None:
    other = Data(tiny_data.test, tiny_data.train)
    monkeypatch.setattr(imbalance, "load", lambda source, profile: other)
    assert shelf.open_runs(PROFILES["tiny"], folder=stored)[1] == SHORT
    assert "made from other patches" in capsys.readouterr().out


def test_a_run_that_is_not_finished(stored: Path, capsys) -> None:
    folder = stored / "laptop" / "random-1"
    table = folder / "rounds.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:2]) + "\n")
    files.seal(folder, "rounds.csv")
    for later in sorted(folder.glob("round-*.npz"))[1:]:
        later.unlink()
    assert shelf.open_runs(PROFILES["tiny"], folder=stored)[1] == SHORT
    assert "random-1 is not finished" in capsys.readouterr().out


def test_a_damaged_file_is_named(stored: Path, capsys) -> None:
    (stored / "laptop" / "kcenter-0" / "round-01.npz").write_bytes(b"spoiled")
    assert shelf.open_runs(PROFILES["tiny"], folder=stored)[1] == SHORT
    assert "round-01.npz" in capsys.readouterr().out


def test_a_map_needs_weights_or_a_stored_one(stored: Path, tiny_data: Data, capsys) -> None:
    for folder in [file.parent for file in stored.glob("laptop/*/run.json")]:
        runs.drop_weights(folder)
    assert shelf.open_runs(PROFILES["tiny"], mapped=True, folder=stored)[1] == SHORT
    assert "has a map or weights" in capsys.readouterr().out
    without, _ = shelf.open_runs(PROFILES["tiny"], folder=stored)  # without a map they will do
    firsts = shelf.first_seed(without)
    features = np.random.default_rng(0).normal(size=(len(firsts[0].watched), 3))
    features = features.astype(np.float32)
    given = maps.of_features(features, firsts[1].watched, positions=features[:, :2])
    maps.save(firsts[1], given)
    mapped, data = shelf.open_runs(PROFILES["tiny"], mapped=True, folder=stored)
    assert data is tiny_data
    found = shelf.map_of(shelf.first_seed(mapped), tiny_data)
    assert np.array_equal(found.positions, given.positions)


def test_a_map_is_made_once(stored: Path, tiny_data: Data, monkeypatch) -> None:
    runs, _ = shelf.open_runs(PROFILES["tiny"], mapped=True, folder=stored)
    asked = []
    monkeypatch.setattr(maps, "of_run", lambda run, train: asked.append(run.strategy) or "map")
    monkeypatch.setattr(shelf, "_maps", {})
    assert [shelf.map_of(shelf.first_seed(runs), tiny_data) for _ in range(2)] == ["map", "map"]
    assert asked == ["random"]


def test_short_is_less_work_by_the_same_steps() -> None:
    whole = Protocol.of("laptop")
    less = shelf.short(whole)
    assert (less.rounds, less.budget, less.image_size) == (3, whole.budget, whole.image_size)
    assert less.epochs < whole.epochs and less.benchmark_epochs < whole.benchmark_epochs


def test_short_runs_are_made(tiny_data: Data, tiny_protocol: Protocol, monkeypatch) -> None:
    monkeypatch.setattr(imbalance, "load", lambda source, profile: tiny_data)
    monkeypatch.setattr(Protocol, "of", lambda profile, **_: tiny_protocol)
    monkeypatch.setattr(shelf, "SHORT_SEEDS", 1)
    shelf._short.cache_clear()
    runs, data = shelf._short(PROFILES["tiny"])
    shelf._short.cache_clear()
    assert data is tiny_data
    assert [run.strategy for run in runs] == list(shelf.ORDER)
    assert all(run.finished and run.weights for run in runs)


def test_a_stored_table_is_read_and_its_credit_printed(capsys):
    table = shelf.stored_table("patient_leak")
    credit = capsys.readouterr().out
    assert "EBHI-Seg" in credit and max(map(len, credit.splitlines())) <= 58
    assert {"split", "classifier", "fold", "patient_seen", "auroc"} <= set(table)
    seen = table.groupby("split")["patient_seen"].mean()
    assert seen["whole patients"] == 0 < 0.9 < seen["patches at random"]
    means = table.groupby(["classifier", "split"])["auroc"].mean().unstack()
    assert (means["patches at random"] > means["whole patients"]).all()


def test_a_table_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv is not among"):
        shelf.stored_table("nothing")


def test_the_script_behind_the_stored_table_finds_a_leak_where_there_is_one():
    """Ten patches of each of forty patients, who differ in colour and in nothing else."""
    file = Path(__file__).parents[2] / "results" / "patient_leak.py"
    spec = importlib.util.spec_from_file_location("patient_leak", file)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    nearest = script.CLASSIFIERS["nearest neighbour"]
    script.CLASSIFIERS = {"nearest neighbour": nearest}
    draw = np.random.default_rng(0)
    patient = np.repeat(np.arange(40), 10)
    colours = draw.normal(size=(40, 6))[patient] + 0.1 * draw.normal(size=(400, 6))
    found = script.measure(colours, draw.permutation(np.arange(40) % 2 == 0)[patient], patient)
    means = found.groupby(["classifier", "split"])["auroc"].mean().unstack()
    assert (means.loc["nearest neighbour", "patches at random"]) > 0.95
    assert means.loc["nearest neighbour", "whole patients"] < 0.75


def test_a_kept_run_goes_on_where_it_was_stopped(
    tiny_data: Data, tiny_protocol: Protocol, tmp_path: Path, monkeypatch
) -> None:
    """Interrupted after its first round, it trains the others alone; done, it is read."""
    from activecl_nb import simclr

    monkeypatch.setenv("ACTIVECL_HOME", str(tmp_path))
    protocol = replace(tiny_protocol, rounds=3, epochs=1)
    trained, train = [], simclr.train

    def once(*given: object, **named: object) -> object:
        trained.append(named["round"])
        if len(trained) == 2:
            raise KeyboardInterrupt
        return train(*given, **named)

    monkeypatch.setattr(simclr, "train", once)
    with pytest.raises(KeyboardInterrupt):
        shelf.kept_run(protocol, tiny_data, "entropy", 0)
    run = shelf.kept_run(protocol, tiny_data, "entropy", 0)
    assert trained == [0, 1, 1, 2] and run.finished
    again = shelf.kept_run(protocol, tiny_data, "entropy", 0)
    assert trained == [0, 1, 1, 2] and np.array_equal(again.chosen(), run.chosen())
    other = shelf.kept_run(protocol, tiny_data, "random", 0)
    assert other.path != run.path and len(trained) == 7


def test_what_is_picked_by_hand_lies_beside_the_run_it_is_held_against(
    tiny_data: Data, tiny_protocol: Protocol, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("ACTIVECL_HOME", str(tmp_path))
    beside = [runs.fresh(tiny_protocol, tiny_data, "entropy", seed) for seed in (0, 0, 1)]
    same, again, other = map(shelf.hand_folder, beside)
    assert same == again != other and tmp_path in same.parents
    (same / "x").mkdir(parents=True)
    assert shelf.hand_folder(beside[0]) == same and (same / "x").is_dir()
    assert shelf.hand_folder(beside[0], anew=True) == same and not same.exists()
    assert shelf.hand_folder(beside[0], anew=True) == same  # nothing was left there
