import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from same_runs import assert_same

from activecl_nb import experiment, imbalance, proxy, runs, sampling, simclr
from activecl_nb.protocol import BENCHMARK


@pytest.fixture(scope="module")
def entropy_run(tiny_data, tiny_protocol):
    return experiment.run(tiny_protocol, tiny_data, "entropy", 7, progress=False)


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
    ("put", "value", "plain"),
    [
        (torch.set_default_dtype, torch.float64, torch.float32),
        (torch.set_default_device, "meta", None),
        (torch.set_grad_enabled, False, True),
    ],
)
def test_what_a_notebook_has_set_for_torch_neither_ends_nor_changes_a_run(
    tiny_data, tiny_protocol, entropy_run, put, value, plain
):
    put(value)
    try:
        run = experiment.run(tiny_protocol, tiny_data, "entropy", 7, progress=False)
        left = (
            torch.get_default_dtype() == torch.float64,
            torch.empty(0).device.type == "meta",
            not torch.is_grad_enabled(),
        )
    finally:
        put(plain)
    assert sum(left) == 1  # as the notebook had it
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
# ---- bad input --------------------------------------------------------------------------


def test_an_unknown_strategy_fails_before_anything_is_written(tiny_data, tiny_protocol, tmp_path):
    with pytest.raises(ValueError, match=r"'best'.*certainty.*entropy.*kcenter.*random"):
        experiment.run(tiny_protocol, tiny_data, "best", 0, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_a_budget_larger_than_the_pool_is_refused(tiny_data, tiny_protocol):
    with pytest.raises(
        ValueError, match=r"3 rounds of 40 images need 120, but the pool .* holds 60"
    ):
        experiment.run(
            replace(tiny_protocol, budget=40, candidates=40), tiny_data, "random", 0, progress=False
        )


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
