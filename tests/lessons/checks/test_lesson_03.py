"""Lesson 03: solutions pass, each wrong answer gets a hint of its own."""

from __future__ import annotations

import numpy as np
import pytest
from notebook_tools import (
    examine,
    function,
    letters,
    load,
    verdict,
)

from activecl_nb.lessons import checks

LESSON_3 = "03_the_proxy"


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
            "where both agree": my_f1(
                "called = logits > 0",
                "tp = (called == targets).sum(); n = called.sum() + targets.sum()",
                "return 2 * tp / n",
            ),
            "softmax": my_f1(
                "called = torch.softmax(logits, 0) > 0.5", *COUNTS, "return 2*tp/(2*tp+fp+fn)"
            ),
            "cuts at the mean": my_f1(
                "called = logits > logits.mean()", *COUNTS, "return 2*tp/(2*tp+fp+fn)"
            ),
            "calls one half tumour": my_f1(
                "called = logits >= 0", *COUNTS, "return 2*tp/(2*tp+fp+fn)"
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
            "1 below": my_f1(*CALLED, "return 2 * tp / (2 * tp + fp + fn + 1)"),
            "0.001 below all": my_f1(
                *CALLED,
                "p, r = tp / (tp + fp + 1e-3), tp / (tp + fn + 1e-3)",
                "return 2 * p * r / (p + r + 1e-3)",
            ),
            "1 above and below": my_f1(*CALLED, "return (2 * tp + 1) / (2 * tp + fp + fn + 1)"),
            "1 in both rates": my_f1(
                *CALLED,
                "p, r = tp / (tp + fp + 1), tp / (tp + fn + 1)",
                "return 2 * p * r / (p + r)",
            ),
            "no bracket": my_f1(*CALLED, *RATES, "return 2 * p * r / p + r"),
            "F2": my_f1(*CALLED, *RATES, "return 5 * p * r / (4 * p + r)"),
            "F1/2": my_f1(*CALLED, *RATES, "return 1.25 * p * r / (0.25 * p + r)"),
            "TP once below": my_f1(*CALLED, "return 2 * tp / (tp + fp + fn)"),
            "no false alarms": my_f1(*CALLED, "return 2 * tp / (2 * tp + fn)"),
            "no misses": my_f1(*CALLED, "return 2 * tp / (2 * tp + fp)"),
            "a loss": my_f1(*CALLED, "return 1 - 2 * tp / (2 * tp + fp + fn)"),
            "something else": my_f1(*CALLED, *RATES, "return p * r * r"),
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


def test_what_made_it() -> None:
    examine(LESSON_3, 3, letters("abc"))


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
            "NON-TUM by ten": "my_chance = 0.85683 / 10",
            "Poisson": "my_chance = np.exp(-1.4317)",
            "not all": "my_chance = 1 - 0.14317 ** 10",
            "nine labels": "my_chance = (1 - 0.14317) ** 9",
            "no brackets": "my_chance = 85683 / 100000 ** 10",
            "a coin": "my_chance = 0.5 ** 10",
            "rounded away": "my_chance = 0.2",
            "no chance at all": "my_chance = (1 - 14317) ** 10",
            "a guess": "my_chance = 0.4",
            "two numbers": "my_chance = [0.2, 0.8]",
            "one class of nine": "my_chance = (8 / 9) ** 10",
            "never": "my_chance = 0",
            "a hundred labels": "my_chance = (1 - 0.14317) ** 100",
            "the paper's test set": "my_chance = (5947 / 7180) ** 10",
            "the lesson's test set": "my_chance = (1 - 0.154) ** 10",
        },
        {"np": np},
    )
    assert checks.no_tumour_chance(0.214).solved
    assert "not a test set's 0.15" in checks.no_tumour_chance(0.85**10).text
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
            "the paper's share": my_stratified(*yes_no, both("round(labels * 0.14317)")),
            "with replacement": my_stratified(*yes_no, both(replace=True)),
            "rounded down": my_stratified(*yes_no, both("int(labels * targets.mean())")),
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
            "a mask of those drawn": my_stratified(
                *yes_no, "return np.isin(np.arange(len(t) + 1), yes)"
            ),
            "floats": my_stratified(*yes_no, both() + " * 1.0"),
            "ceil for round": my_stratified(*yes_no, both("(k + 1)")),
            "two rows": my_stratified(*yes_no, "return np.stack([yes[:26], no[:26]])"),
            "targets, not positions": my_stratified(
                *yes_no, both().replace("return ", "return t[") + "]"
            ),
            "places within each class": my_stratified(
                *yes_no, "yes, no = len(yes), len(no)", both()
            ),
            "two parts": my_stratified(
                *yes_no, both().replace("np.concatenate([", "(").replace("])", ")")
            ),
            "the other share": my_stratified(*yes_no, "k = labels - k", both()),
            "the others from all": my_stratified(*yes_no, "no = np.arange(len(t))", both()),
            "the first others": my_stratified(
                *yes_no, "return np.append(generator.choice(yes, k, False), no[: labels - k])"
            ),
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
        (
            "k = round(labels * targets.mean())",
            "yes = generator.choice(np.flatnonzero(targets), k, replace=False)",
            "return [*yes, *generator.choice(np.flatnonzero(~targets), labels - k, replace=False)]",
        ),
        (
            "yes, no = targets.nonzero()[:, 0], torch.nonzero(~targets)[:, 0]",
            "k = round(labels * targets.float().mean().item())",
            "draw = lambda of, n: of[generator.permutation(len(of))[:n]]",
            "return torch.cat([draw(yes, k), draw(no, labels - k)])",
        ),
    ],
    ids=["scikit-learn", "torch", "loops", "an array alone", "a tensor alone"],
)
def test_any_correct_stratified_draw_passes(lines: tuple[str, ...]) -> None:
    assert verdict(load(LESSON_3), 5, my_stratified(*lines)).solved
