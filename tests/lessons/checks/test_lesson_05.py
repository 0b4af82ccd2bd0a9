"""The exercises of lesson 05."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from notebook_tools import (
    examine,
    function,
    letters,
    load,
    verdict,
)

from activecl_nb.lessons import checks
from activecl_nb.sampling import STRATEGIES


def test_labels_in_the_loop() -> None:
    examine("05_the_loop", 1, letters("abc"))


def test_update() -> None:
    header = "my_update(chosen, candidates, picks)"
    join = "return np.concatenate"
    examine(
        "05_the_loop",
        2,
        {
            "adds positions among the candidates": function(header, f"{join}([chosen, picks])"),
            "forgets what was chosen": function(header, "return candidates[picks]"),
            "adds all candidates": function(header, f"{join}([chosen, candidates])"),
            "adds those not picked": function(
                header, f"{join}([chosen, np.delete(candidates, picks)])"
            ),
            "adds the first ones": function(header, f"{join}([chosen, candidates[:len(picks)]])"),
            "adds number by number": function(header, "return chosen + candidates[picks]"),
            "counts from 1": function(header, f"{join}([chosen, candidates[picks - 1]])"),
            "adds nothing": function(header, "return chosen"),
            "a table": function(header, "return np.stack([chosen, candidates[picks]])"),
            "forgets to return": function(header, "np.append(chosen, candidates[picks])"),
            "floats": function(header, f"{join}([chosen, candidates[picks]]) * 1.0"),
            "the first pick alone": function(header, f"{join}([chosen, candidates[picks[:1]]])"),
            "the chosen twice": function(header, f"{join}([chosen, chosen, candidates[picks]])"),
            "something else": function(header, "return chosen * 2"),
            "a set": function(header, "return {*chosen, *candidates[picks]}"),
            "a list in a list": function(header, "return [*chosen, candidates[picks]]"),
            "what both hold": function(header, "return np.intersect1d(chosen, candidates[picks])"),
            "an array is no list": function(header, "chosen.extend(candidates[picks])"),
        },
    )


@pytest.mark.parametrize(
    "body",
    [
        "return [*chosen, *(candidates[p] for p in picks)]",
        "return np.append(chosen, np.take(candidates, picks))",
        "import torch\n    return torch.cat([chosen, candidates[picks]])",
        "return np.union1d(candidates[picks], chosen)",
    ],
)
def test_update_may_be_written_in_many_ways(body: str) -> None:
    source = function("my_update(chosen, candidates, picks)", body)
    assert verdict(load("05_the_loop"), 2, source).solved


def test_enrichment() -> None:
    header = "my_enrichment(labels, pool, picked, positive)"
    here, there = "(labels[picked] == positive).mean()", "(labels[pool] == positive).mean()"
    examine(
        "05_the_loop",
        3,
        {
            "the share alone": function(header, f"return {here}"),
            "upside down": function(header, f"return {there} / {here}"),
            "recall": function(
                header,
                "return (labels[picked] == positive).sum() / (labels[pool] == positive).sum()",
            ),
            "a difference": function(header, f"return {here} - {there}"),
            "all images for the pool": function(
                header, f"return {here} / (labels == positive).mean()"
            ),
            "odds": function(
                header, f"a, b = {here}, {there}", "return a / (1 - a) / (b / (1 - b))"
            ),
            "the pool's share": function(header, f"return {there}"),
            "what was left behind for the pool": function(
                header,
                "rest = np.setdiff1d(pool, picked)",
                f"return {here} / (labels[rest] == positive).mean()",
            ),
            "looks the picks up in the pool": function(
                header, f"return (labels[pool[picked]] == positive).mean() / {there}"
            ),
            "positions for labels": function(
                header, "return (picked == positive).mean() / (pool == positive).mean()"
            ),
            "labels as numbers": function(
                header, "return labels[picked].mean() / labels[pool].mean()"
            ),
            "labels as truth values": function(
                header, "return (labels[picked] > 0).mean() / (labels[pool] > 0).mean()"
            ),
            "all other classes": function(header, f"return (1 - {here}) / (1 - {there})"),
            "one class by its number": function(
                header, "return (labels[picked] == 1).mean() / (labels[pool] == 1).mean()"
            ),
            "number 5, which one case has": function(
                header, "return (labels[picked] == 5).mean() / (labels[pool] == 5).mean()"
            ),
            "all images below the fraction": function(
                header,
                f"return {here} / ((labels[pool] == positive).sum() / len(labels))",
            ),
            "1 off": function(header, f"return {here} / {there} - 1"),
            "rounds": function(header, f"return round({here} / {there})"),
            "a percentage": function(header, f"return 100 * {here} / {there}"),
            "log2": function(header, f"return np.log2({here} / {there})"),
            "log": function(header, f"return np.log({here} / {there})"),
            "a number by a share": function(
                header, f"return (labels[picked] == positive).sum() / {there}"
            ),
            "rounds down": function(header, f"return {here} // {there}"),
            "prints": function(header, f"print({here} / {there})"),
        },
    )
    in_torch = function(
        header,
        "share = lambda part: (labels[part] == positive).float().mean()",
        "return share(picked) / share(pool)",
    )
    assert verdict(load("05_the_loop"), 3, in_torch).solved


def test_round_costs() -> None:
    wrong = {
        "new images alone": [1000] * 4,
        "the total": [1000, 3000, 6000, 10000],
        "no epochs": [100, 200, 300, 400],
        "doubling": [1000, 2000, 4000, 8000],
        "both views": [2000, 4000, 6000, 8000],
        "one number": 10000,
        "no epochs for the new images": [1000, 1100, 1200, 1300],
        "no first round": [0, 1000, 2000, 3000],
        "a set chosen before the first": [2000, 3000, 4000, 5000],
        "a shrinking pool": [4000, 3000, 2000, 1000],
        "squares": [1000, 4000, 9000, 16000],
        "the last for all": [4000] * 4,
        "three numbers": [1000, 2000, 3000],
        "thousands": [1, 2, 3, 4],
        "something else": [5, 5, 5, 5],
        "the whole run": [10000] * 4,
        "the mean": [2500] * 4,
        "all images so far": [100, 300, 600, 1000],
        "new images, both views": [2000] * 4,
        "a round too many": [1000, 2000, 3000, 4000, 5000],
    }
    examine("05_the_loop", 4, {what: f"my_costs = {value}" for what, value in wrong.items()})


def test_strategy() -> None:
    header = "my_strategy(features, logits, chosen_features, budget, generator)"
    examine(
        "05_the_loop",
        5,
        {
            "scores, not positions": function(header, "return logits.abs()"),
            "a mask": function(header, "return (logits > logits.median())[:budget + 1]"),
            "the largest scores themselves": function(header, "return logits.topk(budget).values"),
            "the same one every time": function(
                header, "return np.full(budget, int(logits.argmax()))"
            ),
            "positions from 1": function(header, "return logits.argsort()[-budget:] + 1"),
            "a draw of its own": function(
                header, "import torch", "return torch.randperm(len(features))[:budget]"
            ),
            "seeds for all": function(
                header,
                "import torch",
                "torch.manual_seed(0)",
                "return torch.randperm(len(features))[:budget]",
            ),
            "spoils its inputs": function(
                header, "logits[0] = 99.0", "return logits.argsort(descending=True)[:budget]"
            ),
            "needs something chosen": function(
                header,
                "import torch",
                "far = torch.cdist(features, chosen_features).min(dim=1).values",
                "return far.argsort(descending=True)[:budget]",
            ),
            "floats": function(header, "return logits.argsort()[:budget].float()"),
            "forgets the whole budget": function(
                header, "return logits.argsort()[:min(budget, 11)]"
            ),
            "values and places": function(header, "return logits.topk(budget)"),
            "features": function(header, "return features[:budget]"),
            "a mask of all": function(
                header,
                "wanted = logits.argsort()[:budget]",
                "return np.isin(np.arange(12), wanted)",
            ),
            "NumPy's generator": function(
                header, "return generator.choice(len(features), budget, replace=False)"
            ),
            "forgets to return": function(header, "logits.abs().argsort()[:budget]"),
        },
    )


OFFERED = ("entropy_balanced", "entropy_diverse", "kmeans", "typiclust", "badge")


@pytest.mark.parametrize("name", ["random", "entropy", "kcenter", "certainty", *OFFERED])
def test_the_kits_strategies_keep_the_contract(name: str) -> None:
    assert checks.strategy(STRATEGIES[name]).solved


def test_a_strategy_may_answer_with_a_list() -> None:
    def first(features, logits, chosen_features, budget, generator):
        return list(range(budget))

    assert checks.strategy(first).solved


@pytest.mark.parametrize(
    ("seed", "drawn"),
    [
        ("random.seed(1)", "random.sample(range(len(features)), budget)"),
        ("np.random.seed(1)", "np.random.permutation(len(features))[:budget]"),
        ("generator.manual_seed(1)", "torch.randperm(len(features), generator=generator)[:budget]"),
    ],
)
def test_a_strategy_that_seeds_is_refused_every_time(seed: str, drawn: str) -> None:
    header = "my_strategy(features, logits, chosen_features, budget, generator)"
    source = function(header, "import random", "import torch", seed, f"return {drawn}")
    for _ in range(2):  # the first call left the state as the seed makes it
        assert "you seed" in verdict(load("05_the_loop"), 5, source).text


@pytest.mark.parametrize(
    "drawn",
    [
        "np.random.default_rng(0).permutation(len(features))[:budget]",
        "sorted(range(len(features)), key=lambda _, r=random.Random(0): r.random())[:budget]",
        "torch.randperm(len(features), generator=torch.Generator().manual_seed(0))[:budget]",
    ],
)
def test_a_strategy_with_a_generator_of_its_own_is_refused(drawn: str) -> None:
    header = "my_strategy(features, logits, chosen_features, budget, generator)"
    source = function(header, "import random", "import torch", f"return {drawn}")
    assert "a generator of your own" in verdict(load("05_the_loop"), 5, source).text


def test_numpys_generator_may_be_seeded_by_the_one_that_is_given() -> None:
    def drawn(features, logits, chosen_features, budget, generator):
        rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        return rng.permutation(len(features))[:budget]

    assert checks.strategy(drawn).solved


def test_the_check_leaves_the_random_states_of_others_alone() -> None:
    def draws() -> list[float]:
        return [random.random(), np.random.random(), torch.rand(1).item()]

    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(1)
    expected = draws()
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(1)
    assert checks.strategy(STRATEGIES["random"]).solved
    assert draws() == expected


def test_what_is_no_strategy_is_told_so() -> None:
    assert "not a str" in checks.strategy("entropy").text
