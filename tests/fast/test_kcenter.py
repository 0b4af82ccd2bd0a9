"""k-center greedy, plain and lazy, against a brute force that knows no shortcut."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from activecl_nb import sampling
from activecl_nb.fast import kcenter
from activecl_nb.sampling import paper


def brute_force(features, chosen, budget, rank):
    """Algorithm 1 word for word, in float64: every distance is computed anew for every pick."""
    features, chosen = features.numpy().astype(float), chosen.numpy().astype(float)
    picks: list[int] = []
    for _ in range(budget):
        centres = np.concatenate([chosen, features[picks]])
        best, best_key = -1, None
        for i in range(len(features)):
            if i in picks:
                continue
            apart = ((centres - features[i]) ** 2).sum(axis=1)
            key = (apart.min() if len(apart) else np.inf, -int(rank[i]))
            if best_key is None or key > best_key:
                best, best_key = i, key
        picks.append(best)
    return picks


def made(kind: str, n: int, m: int, d: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(n + m, d, generator=draw)
    if kind == "clusters":
        x = x * 0.1 + 5 * torch.randn(6, d, generator=draw)[torch.arange(n + m) % 6]
    elif kind == "far from zero":  # where |a|^2 + |b|^2 - 2 a b loses most of its digits
        x = 1000 + 0.01 * x
    elif kind == "near-duplicates":
        x[n // 2 : n] = x[: n - n // 2] + 1e-6 * torch.randn(n - n // 2, d, generator=draw)
    elif kind == "duplicates":
        x = x[torch.randint(max(2, n // 4), (n + m,), generator=draw)]
    elif kind == "grid":  # small whole numbers: many distances are equal, exactly
        x = torch.randint(3, (n + m, d), generator=draw).float()
    elif kind == "all the same":
        x = x[:1].repeat(n + m, 1)
    return x[:n].clone(), x[n:].clone()


KINDS = (
    "noise",
    "clusters",
    "far from zero",
    "near-duplicates",
    "duplicates",
    "grid",
    "all the same",
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("m", [0, 1, 12])
@pytest.mark.parametrize("d", [2, 150])  # lazy greedy uses shadows from 128 numbers on
def test_picks_equal_brute_force(kind, m, d):
    features, chosen = made(kind, 60, m, d, seed=3)
    rank = torch.randperm(60, generator=torch.Generator().manual_seed(4))
    expected = brute_force(features, chosen, 25, rank)
    assert kcenter.lazy_greedy(features, chosen, 25, rank).tolist() == expected
    assert paper.greedy(features, chosen, 25, rank).tolist() == expected


@pytest.mark.parametrize("kind", ["noise", "clusters", "near-duplicates", "far from zero"])
def test_lazy_equals_plain_on_more_candidates(kind):
    features, chosen = made(kind, 1500, 100, 160, seed=5)
    rank = torch.randperm(1500, generator=torch.Generator().manual_seed(6))
    lazy = kcenter.lazy_greedy(features, chosen, 300, rank)
    assert torch.equal(lazy, paper.greedy(features, chosen, 300, rank))


def test_every_candidate_can_be_picked():
    features, chosen = made("duplicates", 50, 3, 130, seed=7)
    picks = kcenter.lazy_greedy(features, chosen, 50, torch.arange(50))
    assert sorted(picks.tolist()) == list(range(50))


@pytest.mark.parametrize("n", [1, 5, 31, 32, 33])
def test_few_candidates_of_many_features(n):
    features, chosen = made("noise", n, 4, 200, seed=13)
    rank = torch.arange(n)
    expected = brute_force(features, chosen, n, rank)
    assert kcenter.lazy_greedy(features, chosen, n, rank).tolist() == expected


def test_no_budget_no_picks():
    features, chosen = made("noise", 20, 3, 5, seed=8)
    picks = kcenter.lazy_greedy(features, chosen, 0, torch.arange(20))
    assert picks.dtype == torch.int64
    assert picks.tolist() == []


@pytest.mark.parametrize("kind", ["noise", "clusters", "far from zero", "duplicates"])
def test_bounds_and_shadows_hold(kind):
    features, chosen = made(kind, 300, 40, 200, seed=9)
    apart = torch.cdist(features.double(), chosen.double()).square().numpy()
    bounds, closest, others = kcenter.start_bounds(features.numpy(), chosen.numpy())
    assert (bounds >= apart.min(axis=1)).all()
    if kind == "noise":
        assert (bounds <= apart.min(axis=1) * 1.01).all()  # and they are of use
    rest = apart.copy()
    rest[np.arange(300), closest] = np.inf
    assert (others <= rest.min(axis=1)).all()
    shadows, chosen_shadows, slack = kcenter.sketch(features.numpy(), chosen.numpy())
    lower = torch.cdist(torch.tensor(shadows).double(), torch.tensor(chosen_shadows).double())
    assert (lower.numpy() <= np.sqrt(apart) + slack).all()
    if kind == "clusters":
        assert np.median(lower.numpy() / np.sqrt(apart)) > 0.9


def test_large_or_double_features_take_the_plain_path(monkeypatch):
    monkeypatch.setattr(paper, "PLAIN_PRODUCTS", 0)
    assert not kcenter.suits(torch.full((2, 2), 1e20))
    assert not kcenter.suits(torch.zeros(2, 2, dtype=torch.float64))
    features = torch.tensor([[0.0], [1e20], [3e20]])
    picks = sampling.pick(
        "kcenter", features, torch.zeros(3), torch.zeros(1, 1), 2, torch.Generator()
    )
    assert picks.tolist() == [2, 1]


def test_the_strategy_takes_the_lazy_path_for_many(monkeypatch):
    features, chosen = made("noise", 40, 5, 8, seed=10)
    calls = []

    def counted(*arguments):
        calls.append(1)
        return lazy(*arguments)

    lazy = kcenter.lazy_greedy
    monkeypatch.setattr(kcenter, "lazy_greedy", counted)

    def picks():
        draw = torch.Generator().manual_seed(0)
        return sampling.pick("kcenter", features, torch.zeros(40), chosen, 9, draw).tolist()

    plain = picks()
    assert not calls
    monkeypatch.setattr(paper, "PLAIN_PRODUCTS", 0)
    assert picks() == plain
    assert calls


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA")
def test_same_picks_on_a_gpu():
    features, chosen = made("clusters", 500, 30, 64, seed=11)
    rank = torch.randperm(500, generator=torch.Generator().manual_seed(12))
    expected = paper.greedy(features, chosen, 100, rank)
    assert torch.equal(paper.greedy(features.cuda(), chosen.cuda(), 100, rank), expected)
