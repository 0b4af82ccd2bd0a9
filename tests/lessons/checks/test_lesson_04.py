"""Lesson 04: solutions pass, each wrong answer gets a hint of its own."""

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

LESSON_4 = "04_strategies"


def my_entropy(*lines: str) -> str:
    return function("my_entropy(logits)", *lines)


P = "p = torch.sigmoid(logits)"


def test_entropy() -> None:
    whole = "-p * p.log() - (1 - p) * (1 - p).log()"
    examine(
        LESSON_4,
        1,
        {
            "no minus sign": my_entropy(P, f"return -({whole})"),
            "one term": my_entropy(P, "return -p * p.log()"),
            "logits as probabilities": my_entropy("p = logits", f"return {whole}"),
            "bits": my_entropy(P, f"return ({whole}) / np.log(2)"),
            "least confidence": my_entropy(P, "return torch.minimum(p, 1 - p)"),
            "variance": my_entropy(P, "return p * (1 - p)"),
            "mean": my_entropy(P, f"return ({whole}).mean()"),
            "sum": my_entropy(P, f"return ({whole}).sum()"),
            "NaN far out": my_entropy(P, f"return {whole}"),
            "wrong far out": my_entropy(P, f"return ({whole}).nan_to_num(nan=0.7)"),
            "the other term": my_entropy(P, "return -(1 - p) * (1 - p).log()"),
            "one minus sign": my_entropy(P, "return -p * p.log() + (1 - p) * (1 - p).log()"),
            "no weights": my_entropy(P, "return -p.log() - (1 - p).log()"),
            "softmax over patches": my_entropy(
                "p = torch.softmax(logits, 0)", "return -p * p.log()"
            ),
            "softmax, two terms": my_entropy("p = torch.softmax(logits, 0)", f"return {whole}"),
            "the order": my_entropy(P, f"return ({whole}).argsort(descending=True)"),
            "log10": my_entropy(P, f"return ({whole}) / np.log(10)"),
            "margin": my_entropy(P, "return 1 - (2 * p - 1).abs()"),
            "the logit's size": my_entropy("return -logits.abs()"),
            "the other minus sign": my_entropy(P, "return p * p.log() - (1 - p) * (1 - p).log()"),
            "weights swapped": my_entropy(P, "return -(1 - p) * p.log() - p * (1 - p).log()"),
            "half": my_entropy(P, f"return ({whole}) / 2"),
            "log1p": my_entropy(P, "return -p * p.log1p() - (1 - p) * (1 - p).log1p()"),
            "minus the margin": my_entropy(P, "return -(2 * p - 1).abs()"),
            "Gini": my_entropy(P, "return 2 * p * (1 - p)"),
            "the probability": my_entropy(P, "return p"),
            "far from one half": my_entropy(P, "return (p - 0.5).abs()"),
            "the likelier answer": my_entropy(P, "return torch.maximum(p, 1 - p)"),
            "the loss of tumour": my_entropy(P, "return -p.log()"),
            "two logits": my_entropy(
                "p = torch.softmax(torch.stack([logits, -logits], 1), 1)",
                "return -(p * p.log()).sum(1)",
            ),
            "1 less the entropy": my_entropy(P, f"return 1 - ({whole})"),
            "log 2 less the entropy": my_entropy(P, f"return np.log(2) - ({whole})"),
            "to 1 at the top": my_entropy(P, f"h = {whole}", "return h / h.max()"),
            "ranks": my_entropy(P, f"return ({whole}).argsort().argsort()"),
            "something else": my_entropy(P, f"return ({whole}) ** 2"),
        },
    )


@pytest.mark.parametrize(
    "lines",
    [
        (P, "p = p.clamp(1e-6, 1 - 1e-6)", "return -p * p.log() - (1 - p) * (1 - p).log()"),
        (
            "from scipy.special import entr",
            "p = 1 / (1 + np.exp(-np.asarray(logits, dtype=float)))",
            "return entr(p) + entr(1 - p)",
        ),
        (
            P,
            "from torch.nn import functional as F",
            "return F.binary_cross_entropy_with_logits(logits, p, reduction='none')",
        ),
        ("return torch.distributions.Bernoulli(logits=logits).entropy()",),
        (P, "return -p * (p + 1e-7).log() - (1 - p) * (1 - p + 1e-7).log()"),
        (
            "import math",
            "def one(z):",
            "    a = abs(z)",
            "    return math.log1p(math.exp(-a)) + a * math.exp(-a) / (1 + math.exp(-a))",
            "return [one(float(z)) for z in logits]",
        ),
    ],
    ids=["clamped", "scipy", "cross-entropy", "distribution", "a little more", "loops"],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_any_correct_entropy_passes(lines: tuple[str, ...]) -> None:
    assert verdict(load(LESSON_4), 1, my_entropy(*lines)).solved


def test_missing_minus() -> None:
    examine(LESSON_4, 2, letters("bcd"))


def test_rank_alike() -> None:
    examine(LESSON_4, 3, letters("acd"))


def my_kcenter(*lines: str) -> str:
    return function("my_kcenter(features, chosen_features, budget)", *lines)


LOOP = (
    "picks = []",
    "for _ in range(budget):",
    "    centres = torch.cat([{start}features[picks]])",
    "    distance = torch.cdist(features, centres).{over}",
    "    distance[picks] = {taken}",
    "    picks.append(int(distance.{best}()))",
    "return {result}",
)


def loop(**changes: str) -> str:
    parts = {
        "start": "chosen_features, ",
        "over": "min(dim=1).values",
        "taken": "-1",
        "best": "argmax",
        "result": "picks",
        **changes,
    }
    return my_kcenter(*(line.format(**parts) for line in LOOP))


def step(update: str, *before: str, norm: object = 2) -> str:
    """k-center by keeping ``nearest``; ``update`` is what it becomes after a pick."""
    return my_kcenter(
        "picks = []",
        f"nearest = torch.cdist(features, chosen_features, p={norm}).min(dim=1).values",
        "for _ in range(budget):",
        *(f"    {line}" for line in before),
        "    picks.append(int(nearest.argmax()))",
        f"    to_new = (features - features[picks[-1]]).norm(p={norm}, dim=1)",
        f"    nearest = {update}",
        "return picks",
    )


def begun(over: str) -> str:
    """k-center by keeping ``nearest``, which begins as this of the distances to the chosen."""
    right = step("torch.minimum(nearest, to_new)")
    return right.replace("min(dim=1).values", over)


def test_kcenter() -> None:
    examine(
        LESSON_4,
        4,
        {
            "all at once": my_kcenter(
                "distance = torch.cdist(features, chosen_features).min(dim=1).values",
                "return distance.argsort(descending=True)[:budget]",
            ),
            "the nearest": loop(best="argmin", taken="torch.inf"),
            "mean distance": loop(over="mean(dim=1)"),
            "farthest centre": loop(over="max(dim=1).values"),
            "forgets the chosen": loop(start="features[:1], ")
            .replace("picks = []", "budget -= 1; picks = []")
            .replace("return picks", "return [0] + picks"),
            "the same pick again": loop(best="argmin", taken="-1"),
            "sorted": loop(result="sorted(picks)"),
            "distances": loop(result="distance[:budget]"),
            "too few": loop(result="picks[1:]"),
            "counts from one": loop(result="[p + 5 for p in picks]"),
            "never updates": step("nearest"),
            "one centre only": loop(start="chosen_features[:1], "),
            "the newest centre": step("to_new", "nearest[picks] = -1"),
            "largest difference": step("torch.minimum(nearest, to_new)", norm="float('inf')"),
            "the mean of the chosen": loop(start="chosen_features.mean(0, keepdim=True), "),
            "begins with the mean distance": begun("mean(1)"),
            "begins with the largest distance": begun("max(1).values"),
            "begins with the sum": begun("sum(1)"),
            "floats": loop(result="np.append([], picks)"),
            "starts with the most central": loop(result="[0, *picks[:-1]]"),
            "Manhattan": step("torch.minimum(nearest, to_new)", norm=1),
            "cosine": step("torch.minimum(nearest, to_new)").replace(
                "picks = []",
                "unit = torch.nn.functional.normalize\n"
                "    features, chosen_features = unit(features), unit(chosen_features)\n"
                "    picks = []",
            ),
            "distances added": step("(nearest + to_new).index_fill(0, torch.tensor(picks), -1)"),
            "far from the middle": my_kcenter(
                "return (features - features.mean(0)).norm(dim=1).argsort().flip(0)[:budget]"
            ),
            "places in what is left": my_kcenter(
                "picks, centres = [], chosen_features",
                "for _ in range(budget):",
                "    pick = int(torch.cdist(features, centres).min(dim=1).values.argmax())",
                "    picks.append(pick)",
                "    centres = torch.cat([centres, features[[pick]]])",
                "    features = torch.cat([features[:pick], features[pick + 1 :]])",
                "return picks",
            ),
            "features": loop(result="features[picks]"),
            "a column": loop(result="torch.tensor(picks)[:, None]"),
            "from one": loop(result="[p + 1 for p in picks]"),
            "scaled": loop().replace(
                "picks = []",
                "m, s = features.mean(0), features.std(0)\n"
                "    features, chosen_features = (features - m) / s, (chosen_features - m) / s\n"
                "    picks = []",
            ),
            "a set": loop(result="set(picks)"),
            "joined with the chosen": step("torch.minimum(nearest, to_new)").replace(
                "picks = []", "features = torch.cat([chosen_features, features]); picks = []"
            ),
        },
    )
    # The larger distance, or the new one alone: a centre is far from itself no more, or again.
    twice = [step("torch.maximum(nearest, to_new)"), step("to_new")]
    assert all("keeps the smaller" in verdict(load(LESSON_4), 4, one).text for one in twice)


def test_any_correct_kcenter_passes() -> None:
    notebook = load(LESSON_4)
    assert verdict(notebook, 4, loop()).solved
    assert verdict(notebook, 4, loop(result="np.array(picks)")).solved
    squared = loop(over="square().min(dim=1).values", result="torch.tensor(picks)")
    assert verdict(notebook, 4, squared).solved
    numpy_only = my_kcenter(
        "f, c = np.asarray(features), np.asarray(chosen_features)",
        "near = np.array([min(np.sqrt(((x - y) ** 2).sum()) for y in c) for x in f])",
        "picks = []",
        "for _ in range(budget):",
        "    picks.append(near.argmax())",
        "    near = np.minimum(near, np.linalg.norm(f - f[picks[-1]], axis=1))",
        "return picks",
    )
    assert verdict(notebook, 4, numpy_only).solved
    assert verdict(notebook, 4, step("torch.minimum(nearest, to_new)")).solved


def test_drawn_to() -> None:
    def answer(outliers: str, duplicates: str) -> str:
        return f"outliers, duplicates = {outliers!r}, {duplicates!r}"

    examine(
        LESSON_4,
        5,
        {
            "the other way round": answer("entropy", "kcenter"),
            "random takes outliers": answer("random", "entropy"),
            "random takes copies": answer("kcenter", "random"),
            "kcenter takes both": answer("kcenter", "kcenter"),
        },
    )
    assert verdict(load(LESSON_4), 5, answer("k-center", "Entropy")).solved  # as the prose has it


def my_hybrid(*lines: str) -> str:
    return function("my_hybrid(features, logits, chosen_features, budget, generator)", *lines)


def test_hybrid() -> None:
    kcenter = "k = sampling.STRATEGIES['kcenter']"
    order = "order = logits.abs().argsort()"
    inside = "inside = k(features[s], logits[s], chosen_features, budget, generator)"
    shortlist = "s = order[:3 * budget]"
    examine(
        LESSON_4,
        6,
        {
            "positions in the shortlist": my_hybrid(
                kcenter, order, shortlist, inside, "return inside"
            ),
            "entropy alone": my_hybrid(order, "return order[:budget]"),
            "entropy of probabilities": my_hybrid(
                kcenter,
                "order = sampling.entropy_of(logits.sigmoid()).argsort(descending=True)",
                shortlist,
                inside,
                "return s[inside]",
            ),
            "k-center alone": my_hybrid(
                kcenter, "return k(features, logits, chosen_features, budget, generator)"
            ),
            "the most certain": my_hybrid(
                kcenter,
                order.replace("argsort()", "argsort(descending=True)"),
                shortlist,
                inside,
                "return s[inside]",
            ),
            "random in the shortlist": my_hybrid(
                order, "return order[torch.randperm(3 * budget, generator=generator)[:budget]]"
            ),
            "twice the same": my_hybrid("return [0] * budget"),
            "as if nothing were chosen": my_hybrid(
                kcenter,
                order,
                shortlist,
                "first, rest = s[:1], s[1:]",
                "picked = k(features[rest], logits[rest], features[first], budget - 1, generator)",
                "return torch.cat([first, rest[picked]])",
            ),
            "floats": my_hybrid(kcenter, order, shortlist, inside, "return s[inside].float()"),
            "three budgets": my_hybrid(order, shortlist, "return s"),
            "k-center first": my_hybrid(
                kcenter,
                "s = k(features, logits, chosen_features, 3 * budget, generator)",
                "return s[logits[s].abs().argsort()[:budget]]",
            ),
            "the largest logits": my_hybrid(
                kcenter,
                "order = logits.argsort(descending=True)",
                shortlist,
                inside,
                "return s[inside]",
            ),
            "two budgets": my_hybrid(
                kcenter, order, "s = order[:2 * budget]", inside, "return s[inside]"
            ),
            "half and half": my_hybrid(
                kcenter,
                order,
                "half = order[: budget // 2].tolist()",
                "far = k(features, logits, chosen_features, budget, generator).tolist()",
                "return (half + [i for i in far if i not in half])[:budget]",
            ),
        },
    )
    one_budget = my_hybrid(kcenter, order, "s = order[:budget]", inside, "return s[inside]")
    assert "entropy alone" in verdict(load(LESSON_4), 6, one_budget).text
    sorted_first = my_hybrid(
        kcenter, order, "s = order[:3 * budget].sort().values", inside, "return s[inside]"
    )
    assert verdict(load(LESSON_4), 6, sorted_first).solved
    in_any_order = my_hybrid(kcenter, order, shortlist, inside, "return s[inside].sort().values")
    assert verdict(load(LESSON_4), 6, in_any_order).solved
    loops = my_hybrid(
        "f, left = features.numpy(), logits.abs().argsort()[:3 * budget].tolist()",
        "centres, picks = list(chosen_features.numpy()), []",
        "for _ in range(budget):",
        "    pick = max(left, key=lambda i: min(np.linalg.norm(f[i] - c) for c in centres))",
        "    left.remove(pick)",
        "    centres.append(f[pick])",
        "    picks.append(pick)",
        "return picks",
    )
    assert verdict(load(LESSON_4), 6, loops).solved


def test_the_solutions_agree_with_the_package() -> None:
    """What a learner copies from the lesson is what the kit does."""
    import torch

    from activecl_nb import sampling, seeds
    from activecl_nb.lessons import start

    world = start.toy_world(outliers=12, duplicates=15)
    names: dict[str, object] = {"sampling": sampling}
    for number in (1, 4):
        exec(solution(load(LESSON_4), number), names)
    np.testing.assert_allclose(
        names["my_entropy"](world.logits.double()), sampling.entropy_of(world.logits), atol=1e-12
    )
    theirs = sampling.STRATEGIES["kcenter"](
        world.points, world.logits, world.chosen, 30, seeds.generator(0, "kcenter")
    )
    assert torch.equal(torch.tensor(names["my_kcenter"](world.points, world.chosen, 30)), theirs)
