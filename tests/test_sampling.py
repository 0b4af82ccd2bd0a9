"""The strategies, and what ``pick`` accepts and refuses."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
import torch

from activecl_nb import sampling


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def inputs():
    draw = seeded(1)
    return {
        "features": torch.randn(40, 6, generator=draw),
        "logits": 3 * torch.randn(40, generator=draw),
        "chosen_features": torch.randn(7, 6, generator=draw),
        "budget": 12,
    }


def test_entropy_equals_scipy():
    logits = torch.linspace(-30, 30, 121)
    p = 1 / (1 + np.exp(-logits.double().numpy()))
    expected = scipy.stats.entropy([p, 1 / (1 + np.exp(logits.double().numpy()))])
    np.testing.assert_allclose(sampling.entropy_of(logits), expected, rtol=1e-9, atol=1e-14)


def test_entropy_of_several_classes_equals_scipy():
    logits = 5 * torch.randn(50, 9, generator=seeded())
    p = np.exp(logits.double().numpy())
    expected = scipy.stats.entropy(p, axis=1)
    np.testing.assert_allclose(sampling.entropy_of(logits), expected, rtol=1e-9, atol=1e-14)


def test_entropy_of_two_classes_equals_one_logit():
    z = torch.linspace(-20, 20, 41, dtype=torch.float64)
    two = torch.stack([z, torch.zeros_like(z)], dim=1)
    np.testing.assert_allclose(sampling.entropy_of(two), sampling.entropy_of(z), rtol=1e-7)


def test_entropy_stays_finite_and_ordered_at_extreme_logits():
    scores = sampling.entropy_of(torch.tensor([0.0, 5.0, -50.0, 500.0, -1e30]))
    assert torch.isfinite(scores).all()
    assert (scores[:-1] > scores[1:]).all()
    assert scores[0].item() == pytest.approx(np.log(2))
    extreme = sampling.entropy_of(torch.tensor([[1e30, -1e30, 0.0], [0.0, 0.0, 0.0]]))
    assert extreme.tolist() == pytest.approx([0, np.log(3)])


def test_entropy_picks_the_least_certain_and_certainty_the_most():
    logits = torch.tensor([4.0, -0.1, -6.0, 0.5, 2.0])
    rest = (torch.randn(5, 3), logits, torch.empty(0, 3))
    assert sampling.pick("entropy", *rest, 3, seeded()).tolist() == [1, 3, 4]
    assert sampling.pick("certainty", *rest, 3, seeded()).tolist() == [2, 0, 4]


def test_random_gives_each_candidate_the_same_chance():
    draw = seeded()
    counts = torch.zeros(10)
    for _ in range(3000):
        counts[
            sampling.random(torch.zeros(10, 1), torch.zeros(10), torch.zeros(0, 1), 3, draw)
        ] += 1
    assert scipy.stats.chisquare(counts.numpy()).pvalue > 0.001


@pytest.mark.parametrize("name", ["entropy", "certainty", "kcenter"])
def test_ties_are_the_generators(name):
    same = (torch.zeros(30, 2), torch.zeros(30), torch.zeros(1, 2), 5)
    picks = {tuple(sampling.pick(name, *same, seeded(seed)).tolist()) for seed in range(8)}
    assert len(picks) == 8


def test_kcenter_starts_at_random_when_nothing_is_chosen():
    features = torch.randn(30, 2, generator=seeded())
    rest = (torch.zeros(30), torch.empty(0, 2), 1)
    firsts = {int(sampling.pick("kcenter", features, *rest, seeded(s))) for s in range(12)}
    assert len(firsts) > 5


@pytest.mark.parametrize("name", sampling.STRATEGIES)
def test_contract(name, inputs):
    before = {key: torch.as_tensor(value).clone() for key, value in inputs.items()}
    state = torch.get_rng_state()
    picks = sampling.STRATEGIES[name](**inputs, generator=seeded(5))
    assert picks.dtype == torch.int64
    assert picks.shape == (12,)
    assert len(set(picks.tolist())) == 12
    assert picks.min() >= 0
    assert picks.max() < 40
    assert torch.equal(picks, sampling.STRATEGIES[name](**inputs, generator=seeded(5)))
    assert torch.equal(torch.get_rng_state(), state)
    for key, value in before.items():
        assert torch.equal(torch.as_tensor(inputs[key]), value)
    everything = sampling.pick(name, **{**inputs, "budget": 40}, generator=seeded())
    assert sorted(everything.tolist()) == list(range(40))
    assert sampling.pick(name, **{**inputs, "budget": 0}, generator=seeded()).tolist() == []


@pytest.mark.parametrize("name", sampling.STRATEGIES)
@pytest.mark.parametrize("key", ["features", "logits", "chosen_features"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_named(name, key, value, inputs):
    inputs[key][3] = value
    with pytest.raises(ValueError, match=rf"^{key} has .* in row 3 "):
        sampling.STRATEGIES[name](**inputs, generator=seeded())


def test_finite_inputs_whose_sum_is_not_are_accepted(inputs):
    inputs["features"] = torch.full((40, 6), 3e38)
    assert len(sampling.pick("random", **inputs, generator=seeded())) == 12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": 41}, "budget must be .* 0 to 40 .* not 41"),
        ({"budget": -1}, "budget .* not -1"),
        ({"budget": 2.0}, r"budget .* not 2\.0"),
        ({"logits": torch.zeros(39)}, r"logits must .* n = 40 .* not \(39,\)"),
        ({"logits": torch.tensor(0.0)}, r"logits must .* not \(\)"),
        ({"features": torch.zeros(40)}, r"features must .* not \(40,\)"),
        ({"chosen_features": torch.zeros(7, 5)}, r"chosen_features .* d = 6 .* not \(7, 5\)"),
        ({"chosen_features": torch.zeros(0)}, r"chosen_features .* empty tensor \(0, 6\)"),
    ],
)
@pytest.mark.parametrize("name", sampling.STRATEGIES)
def test_bad_inputs_are_refused(name, changes, message, inputs):
    with pytest.raises(ValueError, match=message):
        sampling.STRATEGIES[name](**{**inputs, **changes}, generator=seeded())
    with pytest.raises(ValueError, match=message):
        sampling.pick(name, **{**inputs, **changes}, generator=seeded())


def test_an_unknown_name_lists_the_known(inputs):
    with pytest.raises(ValueError, match=r"'entopy'.* badge, certainty, entropy, entropy_balanced, .*, random"):
        sampling.pick("entopy", **inputs, generator=seeded())
    with pytest.raises(ValueError, match="a name or a function, not int"):
        sampling.pick(3, **inputs, generator=seeded())


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor, lambda p: np.array(p, np.int32)])
def test_a_students_function_may_return_what_it_likes(kind, inputs):
    def mine(features, logits, chosen_features, budget, generator):
        return kind(list(range(budget)))

    picks = sampling.pick(mine, **inputs, generator=seeded())
    assert picks.dtype == torch.int64
    assert picks.tolist() == list(range(12))


def test_a_students_strategy_is_found_by_its_name(inputs, monkeypatch):
    monkeypatch.setitem(
        sampling.STRATEGIES, "mine", lambda _f, logits, _c, b, _g: logits.argsort()[:b]
    )
    picks = sampling.pick("mine", **inputs, generator=seeded())
    assert torch.equal(picks, inputs["logits"].argsort()[:12])


@pytest.mark.parametrize(
    ("picks", "message"),
    [
        (list(range(11)), r"must return 12 picks.* shape \(11,\)"),
        (torch.zeros(12, 1), r"shape \(12, 1\)"),
        (torch.arange(12.0), "whole-number positions, not torch.float32"),
        (torch.ones(12, dtype=torch.bool), "whole-number positions, not torch.bool"),
        ([*range(11), 40], "picked position 40, but the 40 candidates are 0 to 39"),
        ([*range(11), -1], "picked position -1"),
        ([*range(11), 3], "picked candidate 3 more than once"),
        (None, "must return positions .* not NoneType"),
        ("abc", "must return positions .* not str"),
    ],
)
def test_bad_picks_are_refused_by_the_strategys_name(picks, message, inputs):
    def mine(features, logits, chosen_features, budget, generator):
        return picks

    with pytest.raises(ValueError, match=rf"strategy 'mine' .*{message}|'mine' {message}"):
        sampling.pick(mine, **inputs, generator=seeded())


def test_importing_the_strategies_leaves_numba_alone():
    code = "import sys, activecl_nb.sampling; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
