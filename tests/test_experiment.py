import itertools
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from activecl_nb import experiment, imbalance, proxy, runs, sampling, simclr
from activecl_nb.protocol import BENCHMARK, Protocol


@pytest.fixture(scope="module")
def entropy_run(tiny_data, tiny_protocol):
    return experiment.run(tiny_protocol, tiny_data, "entropy", 7, progress=False)


def assert_same(a, b):
    """Everything that a run decides is equal; only the seconds may differ."""
    assert len(a.rounds) == len(b.rounds)
    for one, other in zip(a.rounds, b.rounds, strict=True):
        for name in runs.ARRAYS:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
        assert one.scores == other.scores
        assert (one.images, one.image_epochs) == (other.images, other.image_epochs)
    assert a.weights.keys() == b.weights.keys()
    for name in a.weights:
        assert torch.equal(a.weights[name], b.weights[name]), name


# ---- the protocol -----------------------------------------------------------------------


def test_the_paper_value_for_value():
    p = Protocol.paper()
    assert (p.image_size, p.width, p.stem, p.head) == (224, 64, "imagenet", "paper")
    assert (p.train_images, p.labelled, p.test_images) == (100_000, 1_000, 7_180)
    assert (p.rounds, p.budget, p.candidates) == (20, 1_000, 10_000)
    assert (p.epochs, p.batch_size, p.learning_rate, p.temperature) == (100, 128, 1e-4, 0.1)
    assert (p.proxy_epochs, p.proxy_learning_rate) == (40, 1e-3)
    assert (p.benchmark_epochs, p.benchmark_proxy_epochs, p.benchmark_every) == (100, 200, 20)
    assert (p.schedule, p.carry_optimizer, p.rotation) == ("constant", False, "right-angles")
    assert (p.kcenter_seed, p.standardise) == ("chosen", False)
    assert p.differences() == {}


def test_a_profile_changes_only_what_it_names():
    from activecl_nb.profiles import PROFILES

    for profile in PROFILES.values():
        assert Protocol.of(profile).differences() == profile.differences()
    assert Protocol.of("tiny", head="simclr").differences()["head"] == ("paper", "simclr")


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"kcenter_seed": "some"}, "kcenter_seed must be"),
        ({"budget": 100}, "a budget of 100 images does not fill one batch of 128"),
    ],
)
def test_a_protocol_that_cannot_run_is_refused(choice, message):
    with pytest.raises(ValueError, match=message):
        replace(Protocol.paper(), **choice)


# ---- Algorithm 2 ------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["random", "entropy", "kcenter", "certainty"])
def test_invariants_of_the_loop(tiny_data, tiny_protocol, strategy):
    run = experiment.run(tiny_protocol, tiny_data, strategy, 3, progress=False)
    assert run.finished and len(run.rounds) == tiny_protocol.rounds
    pool, labelled = set(run.pool), set(run.labelled)
    assert not pool & labelled and len(pool | labelled) == len(tiny_data.train)
    seen: set[int] = set()
    for number, one in enumerate(run.rounds):
        picked, candidates = set(one.picked), set(one.candidates)
        assert len(one.picked) == len(picked) == tiny_protocol.budget
        assert picked <= candidates <= pool
        assert not candidates & seen  # what was picked has left the pool
        seen |= picked
        assert one.images == len(seen) == tiny_protocol.budget * (number + 1)
        assert one.image_epochs == one.images * tiny_protocol.epochs
        if number:
            assert len(candidates) == tiny_protocol.candidates
        assert len(one.losses) == tiny_protocol.epochs
        assert len(one.watched_logits) == len(run.watched)
    assert set(run.chosen()) == seen


def test_all_strategies_share_split_and_first_subset(tiny_data, tiny_protocol, entropy_run):
    other = experiment.run(tiny_protocol, tiny_data, "random", 7, progress=False)
    np.testing.assert_array_equal(other.pool, entropy_run.pool)
    np.testing.assert_array_equal(other.rounds[0].picked, entropy_run.rounds[0].picked)
    assert other.rounds[0].scores == entropy_run.rounds[0].scores
    another_seed = experiment.run(tiny_protocol, tiny_data, "random", 8, progress=False)
    assert set(another_seed.labelled) != set(other.labelled)


def test_the_strategy_picks_from_the_state_of_the_round_before(
    tiny_data, tiny_protocol, entropy_run
):
    """Recompute a pick from scratch: one round, then entropy on its watched logits.

    Those were computed in other batches than the candidates', so they may round differently.
    """
    one_round = experiment.run(
        replace(tiny_protocol, rounds=1), tiny_data, "entropy", 7, progress=False
    )
    candidates = entropy_run.rounds[1].candidates
    logits = dict(zip(one_round.watched, one_round.rounds[0].watched_logits, strict=True))
    p = 1 / (1 + np.exp(-np.array([logits[c] for c in candidates], dtype=np.float64)))
    entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p))
    picked = entropy[np.searchsorted(candidates, entropy_run.rounds[1].picked)]
    best = np.sort(entropy)[::-1][: tiny_protocol.budget]
    np.testing.assert_allclose(picked, best, rtol=0, atol=1e-5)


def test_scores_are_those_of_the_run_s_own_encoder_and_proxy(tiny_data, entropy_run):
    features = simclr.encode(entropy_run.encoder(), tiny_data.test.images)
    scores = proxy.scores(tiny_data.test_targets, entropy_run.proxy().logits(features))
    kept = entropy_run.rounds[-1].scores
    assert scores == {name: kept[name] for name in scores}


def test_the_probe_judges_the_encoder_by_the_labels_of_s_l(tiny_data, entropy_run):
    last, at = entropy_run.rounds[-1], torch.from_numpy(entropy_run.labelled)
    encoder = entropy_run.encoder()
    judge, threshold = proxy.probe(
        simclr.encode(encoder, tiny_data.train.images[at]), tiny_data.train_targets[at], seed=7
    )
    logits = judge.logits(simclr.encode(encoder, tiny_data.test.images))
    np.testing.assert_allclose(last.test_logits, logits, atol=1e-4)
    for name, value in proxy.scores(tiny_data.test_targets, last.test_logits, threshold).items():
        assert last.scores[f"probe_{name}"] == pytest.approx(value, abs=0.03), name


def test_floors_are_the_probe_on_colours_and_on_the_encoder_as_it_was_drawn(tiny_data, entropy_run):
    at = torch.from_numpy(entropy_run.labelled)
    fresh = simclr.build_encoder(
        entropy_run.protocol.width, entropy_run.protocol.stem, seed=entropy_run.seed
    )
    for name, features in {
        "colour_moments": proxy.colour_moments,
        "untrained": lambda images: simclr.encode(fresh, images),
    }.items():
        judge, threshold = proxy.probe(
            features(tiny_data.train.images[at]), tiny_data.train_targets[at], seed=7
        )
        logits = judge.logits(features(tiny_data.test.images))
        expected = proxy.scores(tiny_data.test_targets, logits, threshold)
        assert entropy_run.floors[name] == pytest.approx(expected, abs=1e-9)


def test_warm_start_goes_on_from_the_weights_of_the_round_before(tiny_data, tiny_protocol):
    """With a rate so small that nothing moves, the last weights are the first."""
    still = replace(tiny_protocol, learning_rate=1e-12)
    run = experiment.run(still, tiny_data, "random", 0, progress=False)
    first = simclr.build_encoder(still.width, still.stem, seed=0).state_dict()
    for name, value in run.encoder().state_dict().items():
        if "running" not in name and "batches" not in name:
            torch.testing.assert_close(value, first[name], rtol=0, atol=1e-6)


def test_each_round_trains_the_encoder_and_makes_a_new_proxy(tiny_data, tiny_protocol):
    states = []
    experiment.run(
        tiny_protocol,
        tiny_data,
        "random",
        0,
        progress=False,
        on_round=lambda run: states.append({k: v.clone() for k, v in run.weights.items()}),
    )
    for before, after in itertools.pairwise(states):
        for name in ("encoder.0.weight", "head.4.weight", "proxy.weight"):
            assert not torch.equal(before[name], after[name])


def test_the_same_seed_gives_the_same_run(tiny_data, tiny_protocol, entropy_run):
    assert_same(entropy_run, experiment.run(tiny_protocol, tiny_data, "entropy", 7, progress=False))


def test_no_global_random_state_is_used(tiny_data, tiny_protocol, entropy_run):
    torch.manual_seed(123)
    np.random.seed(123)
    before, before_numpy = torch.get_rng_state(), np.random.get_state()[1].copy()
    run = experiment.run(tiny_protocol, tiny_data, "entropy", 7, progress=False)
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(before_numpy, np.random.get_state()[1])
    assert_same(entropy_run, run)


@pytest.mark.parametrize(
    "choice",
    [
        {"head": "simclr"},
        {"schedule": "cosine"},
        {"rotation": "continuous"},
        {"rotation": "none"},
        {"temperature": 0.5},
        {"carry_optimizer": True},
        {"standardise": False},
    ],
)
def test_every_open_choice_changes_the_run(tiny_data, tiny_protocol, entropy_run, choice):
    other = experiment.run(
        replace(tiny_protocol, **choice), tiny_data, "entropy", 7, progress=False
    )
    logits = (r.rounds[-1].watched_logits for r in (entropy_run, other))
    assert not np.array_equal(*logits)


def test_kcenter_seed_decides_what_the_strategy_is_told(tiny_data, tiny_protocol, monkeypatch):
    told = []

    def spy(features, logits, chosen_features, budget, generator):
        told.append(len(chosen_features))
        return torch.arange(budget)

    monkeypatch.setitem(sampling.STRATEGIES, "spy", spy)
    experiment.run(tiny_protocol, tiny_data, "spy", 0, progress=False)
    experiment.run(replace(tiny_protocol, kcenter_seed="none"), tiny_data, "spy", 0, progress=False)
    budget = tiny_protocol.budget
    assert told == [budget, 2 * budget, 0, 0]


def test_a_students_function_works_by_name_and_as_itself(tiny_data, tiny_protocol, monkeypatch):
    def mine(features, logits, chosen_features, budget, generator):
        return logits.argsort()[:budget]

    monkeypatch.setitem(sampling.STRATEGIES, "mine", mine)
    by_name = experiment.run(tiny_protocol, tiny_data, "mine", 0, progress=False)
    itself = experiment.run(tiny_protocol, tiny_data, mine, 0, progress=False)
    assert by_name.strategy == itself.strategy == "mine"
    assert_same(by_name, itself)


# ---- the benchmark ----------------------------------------------------------------------


def test_the_benchmark_trains_on_the_whole_pool_in_one_go(tiny_data, tiny_protocol):
    run = experiment.benchmark(tiny_protocol, tiny_data, 7, progress=False)
    assert run.finished and [r.images for r in run.rounds] == [60, 60]
    np.testing.assert_array_equal(run.rounds[0].picked, run.pool)
    assert len(run.rounds[1].picked) == 0
    # 60 images are 7 whole batches of 8.
    assert sum(r.image_epochs for r in run.rounds) == 56 * tiny_protocol.benchmark_epochs
    every, epochs = tiny_protocol.benchmark_proxy_every, tiny_protocol.benchmark_proxy_epochs
    assert run.rounds[0].proxy_epochs.tolist() == list(range(every, epochs + 1, every))
    assert run.rounds[0].proxy_f1[-1] == run.rounds[0].scores["f1"]
    # The table has its F1 after as many proxy epochs as a loop's, and the best, too.
    for proxy_epochs, at in ((epochs, -1), (epochs + 1, -1), (epochs - 1, -2), (1, 0)):
        protocol = replace(tiny_protocol, proxy_epochs=proxy_epochs)
        table = replace(run, protocol=protocol).table()
        for one, row in zip(run.rounds, table.itertuples(), strict=True):
            assert row.f1_same_proxy == one.proxy_f1[at]
            assert row.f1_best == max(one.proxy_f1) and row.f1 == one.scores["f1"]

    # The same training without the pause in the middle.
    model = simclr.SimCLR(
        simclr.build_encoder(tiny_protocol.width, tiny_protocol.stem, seed=7),
        simclr.build_head(8 * tiny_protocol.width, seed=7),
    )
    simclr.train(
        model,
        tiny_data.train.images[torch.from_numpy(run.pool)],
        epochs=tiny_protocol.benchmark_epochs,
        batch_size=tiny_protocol.batch_size,
        learning_rate=tiny_protocol.learning_rate,
        seed=7,
    )
    for name, value in model.encoder.state_dict().items():
        assert torch.equal(value, run.weights[f"encoder.{name}"]), name


# ---- a run as a folder ------------------------------------------------------------------


def test_a_saved_run_reads_back_as_it_was(tiny_data, tiny_protocol, entropy_run, tmp_path):
    run = experiment.run(tiny_protocol, tiny_data, "entropy", 7, tmp_path / "run", progress=False)
    found = runs.load(tmp_path / "run")
    assert_same(run, found)
    assert_same(entropy_run, found)
    assert found.protocol == tiny_protocol and found.finished
    assert (
        found.table()
        .drop(columns=[c for c in found.table() if "seconds" in c])
        .equals(run.table().drop(columns=[c for c in run.table() if "seconds" in c]))
    )
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "round-00.npz",
        "round-01.npz",
        "round-02.npz",
        "rounds.csv",
        "run.json",
        "split.npz",
        "weights-02.safetensors",
    ]
    # Asked for again, it has nothing left to do.
    again = experiment.run(tiny_protocol, tiny_data, "entropy", 7, tmp_path / "run", progress=False)
    assert_same(run, again)


class Stop(Exception):
    """Stands for Ctrl-C at a known moment."""


@pytest.mark.parametrize("carry", [False, True])
@pytest.mark.parametrize("strategy", ["kcenter", BENCHMARK])
def test_a_resumed_run_equals_an_unbroken_one(
    tiny_data, tiny_protocol, tmp_path, strategy, carry, monkeypatch
):
    protocol = replace(tiny_protocol, carry_optimizer=carry)

    def go(out):
        if strategy == BENCHMARK:
            return experiment.benchmark(protocol, tiny_data, 1, out, progress=False)
        return experiment.run(protocol, tiny_data, strategy, 1, out, progress=False)

    unbroken = go(tmp_path / "unbroken")
    real, calls = simclr.train, []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            # In the middle of the second round.
            real(*args, **{**kwargs, "part": kwargs["part"][:1]})
            raise Stop
        return real(*args, **kwargs)

    monkeypatch.setattr(simclr, "train", interrupted)
    with pytest.raises(Stop):
        go(tmp_path / "broken")
    monkeypatch.setattr(simclr, "train", real)
    assert len(runs.load(tmp_path / "broken").rounds) == 1
    assert_same(unbroken, go(tmp_path / "broken"))


# Given a number, it says so at that batch and does nothing more until it is killed.
KILLED = """
import sys, numpy as np, torch
from activecl_nb import experiment, simclr
from activecl_nb.protocol import Protocol
from activecl_nb.imbalance import Data
from activecl_nb.tissue import Tissue

def tissue(n, seed):
    images = np.random.default_rng(seed).integers(0, 256, (n, 3, 16, 16)).astype(np.uint8)
    labels = torch.arange(n) % 2
    return Tissue(torch.from_numpy(images), labels, ("NORM", "TUM"), f"noise {seed}")

protocol = Protocol.of("tiny", image_size=16, labelled=10, width=4, rounds=3, budget=16,
                       candidates=40, epochs=10, batch_size=8)
real, batches = simclr.contrast, []

def contrast(*arguments):
    batches.append(1)
    if len(batches) == int(sys.argv[2]):
        print("waiting", flush=True)
        sys.stdin.read()
    return real(*arguments)

simclr.contrast = contrast
experiment.run(protocol, Data(tissue(100, 1), tissue(40, 2)), "kcenter", 0, sys.argv[1],
               progress=False)
"""


def test_a_run_killed_in_the_middle_of_a_round_resumes(tmp_path):
    def start(out, waits_at=0):
        return subprocess.Popen(
            [sys.executable, "-c", KILLED, str(out), str(waits_at)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    with start(tmp_path / "unbroken") as unbroken:
        assert unbroken.wait() == 0
    # Ten epochs of 2 batches are round 0, of 4 batches round 1: this is in its middle.
    with start(tmp_path / "killed", 10 * 2 + 5 * 4) as killed:
        assert killed.stdout.readline() == "waiting\n"
        os.kill(killed.pid, signal.SIGKILL)
    assert len(runs.load(tmp_path / "killed").rounds) == 1
    with start(tmp_path / "killed") as resumed:
        assert resumed.wait() == 0
    assert_same(runs.load(tmp_path / "unbroken"), runs.load(tmp_path / "killed"))


@pytest.fixture
def saved(tiny_data, tiny_protocol, tmp_path):
    short = replace(tiny_protocol, rounds=2, epochs=1)
    experiment.run(short, tiny_data, "random", 0, tmp_path / "run", progress=False)
    return short, tmp_path / "run"


def test_another_run_in_the_folder_is_named_and_left_alone(tiny_data, saved):
    protocol, folder = saved
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(ValueError, match="strategy: 'random' there, 'entropy' here"):
        experiment.run(protocol, tiny_data, "entropy", 0, folder, progress=False)
    with pytest.raises(ValueError, match=r"protocol\.epochs: 1 there, 9 here"):
        experiment.run(replace(protocol, epochs=9), tiny_data, "random", 0, folder, progress=False)
    other = replace(tiny_data, test=tiny_data.test.take(range(30)))
    with pytest.raises(ValueError, match=r"data\.test: 45 there, 30 here"):
        experiment.run(protocol, other, "random", 0, folder, progress=False)
    assert before == {p.name: p.read_bytes() for p in folder.iterdir()}


def test_a_folder_of_something_else_is_left_alone(tiny_data, tiny_protocol, tmp_path):
    (tmp_path / "holiday.jpg").write_text("beach")
    with pytest.raises(ValueError, match=r"holds files but no run\.json"):
        experiment.run(tiny_protocol, tiny_data, "random", 0, tmp_path, progress=False)
    assert [p.name for p in tmp_path.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize(
    "name", ["run.json", "split.npz", "round-00.npz", "weights-01.safetensors"]
)
def test_a_damaged_file_is_named(saved, name):
    _, folder = saved
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=name):
        runs.load(folder)


def test_a_missing_round_is_named(saved):
    _, folder = saved
    (folder / "round-00.npz").unlink()
    with pytest.raises((ValueError, FileNotFoundError), match=r"round-00\.npz"):
        runs.load(folder)


def test_a_run_file_with_a_foreign_field_is_refused(saved):
    _, folder = saved
    content = json.loads((folder / "run.json").read_text())
    content["protocol"]["warp"] = 9
    (folder / "run.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"run\.json.*warp"):
        runs.load(folder)


def test_no_run_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="is no run's folder"):
        runs.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="holds no runs; make some with"):
        runs.stored("laptop", tmp_path)


def test_without_weights_a_run_loads_but_does_not_go_on(saved, tiny_data):
    protocol, folder = saved
    (folder / "weights-01.safetensors").unlink()
    rows = (folder / "rounds.csv").read_text().splitlines()
    (folder / "rounds.csv").write_text("\n".join(rows[:2]) + "\n")
    with pytest.raises(ValueError, match="1 finished rounds but no weights"):
        experiment.run(protocol, tiny_data, "random", 0, folder, progress=False)
    (folder / "rounds.csv").write_text("\n".join(rows) + "\n")
    run = runs.load(folder)
    assert len(run.rounds) == 2
    with pytest.raises(ValueError, match="holds no weights"):
        run.encoder()


# ---- bad input --------------------------------------------------------------------------


def test_an_unknown_strategy_fails_before_anything_is_written(tiny_data, tiny_protocol, tmp_path):
    with pytest.raises(ValueError, match=r"'best'.*certainty.*entropy.*kcenter.*random"):
        experiment.run(tiny_protocol, tiny_data, "best", 0, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_a_budget_larger_than_the_pool_is_refused(tiny_data, tiny_protocol):
    with pytest.raises(
        ValueError, match=r"3 rounds of 40 images need 120, but the pool .* holds 60"
    ):
        experiment.run(replace(tiny_protocol, budget=40), tiny_data, "random", 0, progress=False)


def test_more_labels_than_images_are_refused(tiny_data, tiny_protocol):
    with pytest.raises(ValueError, match="cannot label 90 of 90"):
        experiment.run(replace(tiny_protocol, labelled=90), tiny_data, "random", 0, progress=False)


def test_a_diverged_encoder_is_reported_not_scored(tiny_data, tiny_protocol):
    with pytest.raises(ValueError, match="NaN or infinity"):
        experiment.run(
            replace(tiny_protocol, learning_rate=1e30), tiny_data, "random", 0, progress=False
        )


def test_a_strategy_with_bad_picks_is_named(tiny_data, tiny_protocol):
    def twice(features, logits, chosen_features, budget, generator):
        return torch.zeros(budget, dtype=torch.int64)

    with pytest.raises(ValueError, match="strategy 'twice' picked candidate 0 more than once"):
        experiment.run(tiny_protocol, tiny_data, twice, 0, progress=False)


def test_split_of_the_run_is_that_of_imbalance(tiny_data, tiny_protocol, entropy_run):
    pool, labelled = imbalance.split(tiny_data.train, tiny_protocol.labelled, 7)
    np.testing.assert_array_equal(entropy_run.pool, pool)
    np.testing.assert_array_equal(entropy_run.labelled, labelled)
