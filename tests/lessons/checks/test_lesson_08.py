"""The exercises of lesson 08."""

from __future__ import annotations

import torch
from notebook_tools import examine, function, letters, load, solution, verdict

from activecl_nb import sampling
from activecl_nb.lessons.checks.lesson_08 import SWITCH

LESSON_8 = "08_train_or_take"


def test_times_dearer() -> None:
    wrong = {
        "one view": "my_times = 50 * 3",
        "no way back": "my_times = 50 * 2",
        "epochs": "my_times = 50",
        "backwards alone": "my_times = 50 * 2 * 2",
        "one epoch": "my_times = 6",
        "one view of one epoch": "my_times = 3",
        "two and three": "my_times = 50 * (2 + 3)",
        "with the encoding": "my_times = 301",
        "upside down": "my_times = 1 / 300",
        "times more": "my_times = 299",
        "views squared": "my_times = 50 * 2**2 * 3",
        "a list": "my_times = [300]",
        "something else": "my_times = 1000",
    }
    examine(LESSON_8, 1, wrong)


def test_why_behind() -> None:
    examine(LESSON_8, 2, letters("acd"))


def my_typicality(*lines: str) -> str:
    start = (
        "x = np.asarray(features, dtype=float)",
        "d = np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))",
        "near = np.sort(d, axis=1)[:, 1 : k + 1]",
    )
    return function("my_typicality(features, k)", *start, *lines)


def test_typicality() -> None:
    examine(
        LESSON_8,
        3,
        {
            "itself a neighbour": my_typicality("return 1 / np.sort(d, axis=1)[:, :k].mean(1)"),
            "itself in the mean": my_typicality("return 1 / np.sort(d, 1)[:, : k + 1].mean(1)"),
            "a distance": my_typicality("return near.mean(1)"),
            "cosine": my_typicality(
                "u = x / np.linalg.norm(x, axis=1, keepdims=True)",
                "return 1 / np.sort(1 - u @ u.T, axis=1)[:, 1 : k + 1].mean(1)",
            ),
            "not sorted": my_typicality("return 1 / d[:, 1 : k + 1].mean(1)"),
            "sorted downwards": my_typicality(
                "return 1 / np.sort(d, axis=1)[:, ::-1][:, 1 : k + 1].mean(1)"
            ),
            "an order": my_typicality("return np.argsort(-1 / near.mean(1))"),
            "an order, upwards": my_typicality("return np.argsort(1 / near.mean(1))"),
            "a logarithm": my_typicality("return np.log(1 / near.mean(1))"),
            "by the largest": my_typicality("t = 1 / near.mean(1)", "return t / t.max()"),
            "minus the distance": my_typicality("return -near.mean(1)"),
            "the farthest": my_typicality("return 1 / np.sort(d, axis=1)[:, -k:].mean(1)"),
            "all others": my_typicality("return (len(d) - 1) / d.sum(1)"),
            "all points": my_typicality("return 1 / d.mean(1)"),
            "squares": my_typicality("return 1 / (near ** 2).mean(1)"),
            "a sum": my_typicality("return 1 / near.sum(1)"),
            "mean of the inverses": my_typicality("return (1 / near).mean(1)"),
            "the k-th": my_typicality("return 1 / near[:, -1]"),
            "the nearest": my_typicality("return 1 / near[:, 0]"),
            "one too far": my_typicality("return 1 / np.sort(d, axis=1)[:, 2 : k + 2].mean(1)"),
            "one too few": my_typicality("return 1 / near[:, :-1].mean(1)"),
            "the median": my_typicality("return 1 / np.median(near, axis=1)"),
            "the other axis": my_typicality("return 1 / near.mean(0)"),
            "positions": my_typicality("return 1 / np.argsort(d, axis=1)[:, 1 : k + 1].mean(1)"),
            "sorted": my_typicality("return np.sort(1 / near.mean(1))"),
            "city blocks": my_typicality(
                "d = np.abs(x[:, None] - x[None]).sum(-1)",
                "return 1 / np.sort(d, axis=1)[:, 1 : k + 1].mean(1)",
            ),
            "1 below": my_typicality("return 1 / (1 + near.mean(1))"),
            "exp": my_typicality("return np.exp(-near.mean(1))"),
            "root of the mean square": my_typicality("return 1 / (near**2).mean(1) ** 0.5"),
            "adds up to 1": my_typicality("t = 1 / near.mean(1)", "return t / t.sum()"),
            "the whole matrix": my_typicality("return 1 / near"),
            "nothing returned": my_typicality("1 / near.mean(1)"),
        },
    )
    loops = function(
        "my_typicality(features, k)",
        "told = []",
        "for i, one in enumerate(features):",
        "    far = sorted(float(((one - x) ** 2).sum() ** 0.5) for x in features)",
        "    told.append(k / sum(far[1 : k + 1]))",
        "return told",
    )
    assert verdict(load(LESSON_8), 3, loops).solved


def my_switch(*lines: str) -> str:
    names = "my_switch(features, logits, chosen_features, budget, generator)"
    given = "given = features, logits, chosen_features, budget, generator"
    two = ("from activecl_nb import sampling", "t, e = sampling.typiclust, sampling.entropy")
    return function(names, *two, given, "m = len(chosen_features)", *lines)


def test_switch() -> None:
    examine(
        LESSON_8,
        4,
        {
            "the wrong way round": my_switch("return (e if m < 80 else t)(*given)"),
            "typical for ever": my_switch("return t(*given)"),
            "the strategy itself": my_switch("return t if m < 80 else e"),
            "80 too": my_switch("return (t if m <= 80 else e)(*given)"),
            "a purchase too early": my_switch("return (t if m < 60 else e)(*given)"),
            "certainty": my_switch("return t(*given) if m < 80 else sampling.certainty(*given)"),
            "k-center": my_switch("return sampling.kcenter(*given)"),
            "half and half": my_switch(
                "a, b = t(*given)[: budget // 2].tolist(), e(*given).tolist()",
                "return (a + [i for i in b if i not in a])[:budget]",
            ),
            "features, no positions": my_switch("return features[t(*given)]"),
            "too many": my_switch("return torch.arange(2 * budget)"),
            "floats": my_switch("return (t if m < 80 else e)(*given).float()"),
            "the first ones": my_switch("return torch.arange(budget)"),
            "nothing returned": my_switch("(t if m < 80 else e)(*given)"),
        },
    )
    counts_candidates = my_switch("return (t if len(features) < 80 else e)(*given)")
    assert "counted something else" in verdict(load(LESSON_8), 4, counts_candidates).text
    seeds_all = my_switch("torch.manual_seed(0)", "return (t if m < 80 else e)(*given)")
    assert "you seed" in verdict(load(LESSON_8), 4, seeds_all).text
    any_order = my_switch("return (t if m < 80 else e)(*given).sort().values")
    assert verdict(load(LESSON_8), 4, any_order).solved


def test_the_solutions_say_what_the_package_says() -> None:
    from activecl_nb.sampling import clusters

    names: dict[str, object] = {}
    for n in (3, 4):
        exec(solution(load(LESSON_8), n), names)
    points = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    one_cluster = clusters.typicality(points, torch.zeros(12, dtype=torch.int64))
    theirs = names["my_typicality"](points, 6)  # half of a small cluster
    assert torch.allclose(one_cluster.float(), theirs, rtol=1e-4)
    logits = torch.randn(12, generator=torch.Generator().manual_seed(1))
    for bought, wanted in ((SWITCH - 1, "typiclust"), (SWITCH, "entropy")):
        given = (points, logits, torch.ones(bought, 3), 4)
        picks = names["my_switch"](*given, torch.Generator().manual_seed(2))
        assert torch.equal(picks, sampling.pick(wanted, *given, torch.Generator().manual_seed(2)))
