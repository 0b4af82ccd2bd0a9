"""The exercises of lessons 03 and 04: solutions pass, each wrong answer gets a hint of its own."""

from __future__ import annotations

import numpy as np
import pytest
from notebook_tools import examine, load, solution, verdict

from activecl_nb.lessons import checks

LESSON_3, LESSON_4 = "03_the_proxy", "04_strategies"


def function(signature: str, *lines: str, imports: str = "import numpy as np\nimport torch") -> str:
    """The source of a learner's function."""
    return f"{imports}\ndef {signature}:\n" + "".join(f"    {line}\n" for line in lines)


# ---- lesson 03 --------------------------------------------------------------------------


def my_f1(*lines: str) -> str:
    return function("my_f1(targets, logits)", *lines)


COUNTS = (
    "tp = (called & targets).sum().item(); fp = (called & ~targets).sum().item()",
    "fn = (~called & targets).sum().item(); tn = (~called & ~targets).sum().item()",
)
CALLED = ("called = logits > 0", *COUNTS)
RATES = ("p, r = tp / (tp + fp), tp / (tp + fn)",)


def test_f1() -> None:
    examine(
        LESSON_3,
        1,
        {
            "cuts logits at 0.5": my_f1(
                "called = logits > 0.5", *COUNTS, "return 2*tp/(2*tp+fp+fn)"
            ),
            "calls everything tumour": my_f1(
                "called = torch.sigmoid(logits) > 0", *COUNTS, "return 2*tp/(2*tp+fp+fn)"
            ),
            "accuracy": my_f1(*CALLED, "return (tp + tn) / len(targets)"),
            "arithmetic mean": my_f1(*CALLED, "return (tp / (tp + fp) + tp / (tp + fn)) / 2"),
            "counts TP once": my_f1(*CALLED, "return tp / (tp + fp + fn)"),
            "the other class": my_f1(*CALLED, "return 2 * tn / (2 * tn + fp + fn)"),
            "macro": my_f1(*CALLED, "return (2*tp/(2*tp+fp+fn) + 2*tn/(2*tn+fp+fn)) / 2"),
            "precision": my_f1(*CALLED, "return tp / (tp + fp)"),
            "recall": my_f1(*CALLED, "return tp / (tp + fn)"),
            "product": my_f1(*CALLED, "return tp / (tp + fp) * tp / (tp + fn)"),
            "divides by zero": my_f1(
                *CALLED, "p, r = tp / (tp + fp), tp / (tp + fn)", "return 2 * p * r / (p + r)"
            ),
            "one where nothing is found": my_f1(
                *CALLED, "return 2 * tp / (2 * tp + fp + fn) if tp else 1.0"
            ),
            "forgets the 2": my_f1(*CALLED, *RATES, "return p * r / (p + r)"),
            "geometric mean": my_f1(*CALLED, *RATES, "return (p * r) ** 0.5"),
            "both, not joined": my_f1(*CALLED, *RATES, "return p, r"),
            "specificity for precision": my_f1(
                *CALLED, *RATES, "s = tn / (tn + fp)", "return 2 * s * r / (s + r)"
            ),
            "balanced accuracy": my_f1(*CALLED, *RATES, "return (r + tn / (tn + fp)) / 2"),
            "calls what lies below": my_f1(
                "called = logits < 0", *COUNTS, "return 2 * tp / (2 * tp + fp + fn)"
            ),
            "percent": my_f1(*CALLED, "return 200 * tp / (2 * tp + fp + fn)"),
        },
    )


@pytest.mark.parametrize(
    "lines",
    [
        ("from sklearn.metrics import f1_score", "return f1_score(targets, logits > 0)"),
        (
            "t, c = np.asarray(targets), np.asarray(logits) > 0",
            "tp = sum(a and b for a, b in zip(t, c))",
            "return 2 * tp / (sum(t) + sum(c))",
        ),
        (
            "c = torch.sigmoid(logits) > 0.5",
            "tp = (c & targets).sum()",
            "if tp == 0: return 0",
            "p, r = tp / c.sum(), tp / targets.sum()",
            "return 2 * p * r / (p + r)",
        ),
    ],
    ids=["scikit-learn", "loops", "torch"],
)
@pytest.mark.filterwarnings("ignore")  # scikit-learn's, where nothing is called positive
def test_any_correct_f1_passes(lines: tuple[str, ...]) -> None:
    assert verdict(load(LESSON_3), 1, my_f1(*lines)).solved


def test_threshold_raised() -> None:
    def answer(recall: str, precision: str) -> str:
        return f"recall, precision = {recall!r}, {precision!r}"

    examine(
        LESSON_3,
        2,
        {
            "recall rises": answer("up", "either"),
            "recall may do both": answer("either", "either"),
            "precision must rise": answer("down", "up"),
            "precision must fall": answer("down", "down"),
        },
    )
    assert repr(checks.threshold_raised("down", ...)).startswith("not yet")


def letters(*wrong: str) -> dict[str, str]:
    return {letter: f"my_answer = {letter!r}" for letter in wrong}


def test_unfair_baseline() -> None:
    examine(LESSON_3, 3, letters("a", "c", "d"))


def test_no_tumour_chance() -> None:
    examine(
        LESSON_3,
        4,
        {
            "all tumour": "my_chance = 0.14317 ** 10",
            "at least one": "my_chance = 1 - (1 - 0.14317) ** 10",
            "expected number": "my_chance = 10 * 0.14317",
            "adds up": "my_chance = 1 - 10 * 0.14317",
            "one label": "my_chance = 1 - 0.14317",
            "the share": "my_chance = 0.14317",
            "percent": "my_chance = 100 * (1 - 0.14317) ** 10",
            "exactly one": "my_chance = 10 * 0.14317 * (1 - 0.14317) ** 9",
            "ten times": "my_chance = 10 * (1 - 0.14317)",
            "divided by ten": "my_chance = 1 - 0.14317 / 10",
            "not all": "my_chance = 1 - 0.14317 ** 10",
            "nine labels": "my_chance = (1 - 0.14317) ** 9",
            "no brackets": "my_chance = 85683 / 100000 ** 10",
            "a coin": "my_chance = 0.5 ** 10",
            "rounded away": "my_chance = 0.2",
            "no chance at all": "my_chance = (1 - 14317) ** 10",
            "a guess": "my_chance = 0.4",
            "two numbers": "my_chance = [0.2, 0.8]",
        },
    )
    assert checks.no_tumour_chance(0.214).solved
    assert checks.no_tumour_chance(np.prod([(85683 - i) / (100000 - i) for i in range(10)])).solved
    assert repr(checks.no_tumour_chance(21)) == repr(checks.no_tumour_chance(21.3))


def my_stratified(*lines: str) -> str:
    return function("my_stratified(targets, labels, generator)", *lines)


def test_stratified() -> None:
    yes_no = (
        "t = np.asarray(targets)",
        "yes, no = np.flatnonzero(t), np.flatnonzero(~t)",
        "k = round(labels * t.mean())",
    )
    draw = "generator.choice({}, {}, replace={})"

    def both(k: str = "k", replace: bool = False) -> str:
        parts = draw.format("yes", k, replace), draw.format("no", f"labels - {k}", replace)
        return f"return np.concatenate([{', '.join(parts)}])"

    examine(
        LESSON_3,
        5,
        {
            "half and half": my_stratified(*yes_no, both("labels // 2")),
            "with replacement": my_stratified(*yes_no, both(replace=True)),
            "at random": my_stratified("return generator.permutation(len(targets))[:labels]"),
            "always the first": my_stratified(
                *yes_no, "return np.concatenate([yes[:k], no[:labels - k]])"
            ),
            "global random state": my_stratified(
                *yes_no,
                "draw = np.random.default_rng()",
                "return np.concatenate([draw.choice(yes, k, False), "
                "draw.choice(no, labels - k, False)])",
            ),
            "no tumour": my_stratified(*yes_no, "return np.concatenate([no[:labels]])"),
            "too few": my_stratified(*yes_no, "return generator.choice(yes, k, replace=False)"),
            "beyond the end": my_stratified("return np.arange(labels) + 190"),
            "shares, not positions": my_stratified("return generator.random(labels)"),
            "a mask": my_stratified(
                *yes_no,
                "mask = np.zeros(len(t), bool)",
                f"mask[{draw.format('yes', 'k', False)}] = True",
                f"mask[{draw.format('no', 'labels - k', False)}] = True",
                "return mask",
            ),
            "targets, not positions": my_stratified(
                *yes_no, both().replace("return ", "return t[") + "]"
            ),
            "places within each class": my_stratified(
                *yes_no, "yes, no = len(yes), len(no)", both()
            ),
            "two parts": my_stratified(
                *yes_no, both().replace("np.concatenate([", "(").replace("])", ")")
            ),
            "two parts of one length": my_stratified(
                *yes_no, "k = labels // 2", "return yes[:k], no[:k]"
            ),
            "the other share": my_stratified(*yes_no, "k = labels - k", both()),
        },
    )


@pytest.mark.parametrize(
    "lines",
    [
        (
            "from sklearn.model_selection import train_test_split",
            "seed = int(generator.integers(2**31))",
            "t = np.asarray(targets)",
            "return train_test_split(np.arange(len(t)), train_size=labels, stratify=t, "
            "random_state=seed)[0]",
        ),
        (
            "t = torch.as_tensor(targets)",
            "k = round(labels * t.float().mean().item())",
            "yes, no = torch.nonzero(t)[:, 0], torch.nonzero(~t)[:, 0]",
            "yes = yes[generator.permutation(len(yes))[:k]]",
            "return torch.cat([yes, no[generator.permutation(len(no))[: labels - k]]])",
        ),
        (
            "t = [bool(one) for one in targets]",
            "room = {True: round(labels * sum(t) / len(t))}",
            "room[False], drawn = labels - room[True], []",
            "for i in generator.permutation(len(t)):",
            "    if room[t[i]]:",
            "        room[t[i]] -= 1",
            "        drawn.append(int(i))",
            "return drawn",
        ),
    ],
    ids=["scikit-learn", "torch", "loops"],
)
def test_any_correct_stratified_draw_passes(lines: tuple[str, ...]) -> None:
    assert verdict(load(LESSON_3), 5, my_stratified(*lines)).solved


# ---- lesson 04 --------------------------------------------------------------------------


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
    examine(LESSON_4, 2, letters("a", "c", "d"))


def test_rank_alike() -> None:
    examine(LESSON_4, 3, letters("a", "c", "d"))


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


def step(update: str, *before: str, norm: int = 2) -> str:
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
            "Manhattan": step("torch.minimum(nearest, to_new)", norm=1),
            "cosine": step("torch.minimum(nearest, to_new)").replace(
                "picks = []",
                "unit = torch.nn.functional.normalize\n"
                "    features, chosen_features = unit(features), unit(chosen_features)\n"
                "    picks = []",
            ),
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


def test_falls_for() -> None:
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
