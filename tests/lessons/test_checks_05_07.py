"""The exercises of lessons 05 to 07, and the rule of the claims ledger."""

from __future__ import annotations

import numpy as np
import pytest
from notebook_tools import cell, examine, exercises, load, solution, verdict

from activecl_nb import experiment
from activecl_nb.imbalance import Data
from activecl_nb.lessons import checks
from activecl_nb.pictures import maps
from activecl_nb.pictures.explorer import ViewModel
from activecl_nb.protocol import Protocol


def function(header: str, *lines: str) -> str:
    """A learner's function."""
    return "\n".join([f"def {header}:", *(f"    {line}" for line in lines)])


def letters(answers: str) -> dict[str, str]:
    return {letter: f"my_answer = {letter!r}" for letter in answers}


@pytest.fixture(scope="module")
def view(tiny_data: Data, tiny_protocol: Protocol) -> ViewModel:
    """What lesson 06 looks at: four strategies' runs of one seed."""
    names = ("random", "entropy", "kcenter", "certainty")
    runs = [experiment.run(tiny_protocol, tiny_data, n, 0, progress=False) for n in names]
    draw = np.random.default_rng(0)
    watched = runs[0].watched
    features = draw.normal(size=(len(watched), 4)).astype(np.float32)
    return ViewModel(
        runs, tiny_data, maps.of_features(features, watched, positions=features[:, :2])
    )


# ---- lesson 05 --------------------------------------------------------------------------


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
            "1 off": function(header, f"return {here} / {there} - 1"),
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
            "spoils its inputs": function(
                header, "logits[0] = 99.0", "return logits.argsort(descending=True)[:budget]"
            ),
            "needs something chosen": function(
                header,
                "import torch",
                "far = torch.cdist(features, chosen_features).min(dim=1).values",
                "return far.argsort(descending=True)[:budget]",
            ),
            "forgets the whole budget": function(
                header, "return logits.argsort()[:min(budget, 11)]"
            ),
            "values and places": function(header, "return logits.topk(budget)"),
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


@pytest.mark.parametrize("name", ["random", "entropy", "kcenter", "certainty"])
def test_the_kits_strategies_keep_the_contract(name: str) -> None:
    from activecl_nb.sampling import STRATEGIES

    assert checks.strategy(STRATEGIES[name]).solved


def test_a_strategy_may_answer_with_a_list() -> None:
    def first(features, logits, chosen_features, budget, generator):
        return list(range(budget))

    assert checks.strategy(first).solved


# ---- lesson 06 --------------------------------------------------------------------------


def test_map_distance() -> None:
    examine("06_explorer", 1, letters("abd"))


def test_richest(view: ViewModel) -> None:
    shares = {name: view.summary(s, 1).share() for s, name in enumerate(view.names)}
    wrong = {
        name: f"my_richest = {name!r}"
        for name, share in shares.items()
        if share < max(shares.values())
    }
    wrong["no panel of that name"] = "my_richest = 'coreset'"
    wrong["a number"] = "my_richest = 3"
    hints = {what: verdict(load("06_explorer"), 2, s, {"view": view}) for what, s in wrong.items()}
    assert not any(said.solved for said in hints.values())
    named = [said.text for what, said in hints.items() if what in shares]
    assert len(set(named)) == len(named) >= 1
    assert "one of the panels' names" in hints["a number"].text
    solved = verdict(load("06_explorer"), 2, solution(load("06_explorer"), 2), {"view": view})
    assert solved.solved


def test_beyond_chance() -> None:
    header = "my_times(first, second, pool)"
    both = "both = len(set(first) & set(second))"
    a, b = "len(first)", "len(second)"
    examine(
        "06_explorer",
        3,
        {
            "the count": function(header, both, "return both"),
            "a share of the first": function(header, both, f"return both / {a}"),
            "a share of the second": function(header, both, f"return both / {b}"),
            "Jaccard": function(header, both, f"return both / ({a} + {b} - both)"),
            "upside down": function(header, both, f"return {a} * {b} / pool / both"),
            "a difference": function(header, both, f"return both - {a} * {b} / pool"),
            "chance of one draw": function(header, both, f"return both / ({a} / pool)"),
            "chance of the other draw": function(header, both, f"return both / ({b} / pool)"),
            "a share of the pool": function(header, both, "return both / pool"),
            "chance alone": function(header, f"return {a} * {b} / pool"),
            "1 off": function(header, both, f"return both * pool / {a} / {b} - 1"),
            "no pool": function(header, both, f"return both / ({a} * {b})"),
            "chance of one patch": function(
                header, both, f"return both / ({a} / pool * {b} / pool)"
            ),
            "sum of the two": function(header, both, f"return both / (({a} + {b}) / pool)"),
            "either": function(
                header, f"return len(set(first) | set(second)) / ({a} * {b} / pool)"
            ),
            "place by place": function(
                header, f"return sum(x == y for x, y in zip(first, second)) * pool / {a} / {b}"
            ),
            "rounded": function(header, both, f"return round(both * pool / {a} / {b})"),
        },
    )


def test_beyond_chance_takes_arrays() -> None:
    source = function(
        "my_times(first, second, pool)",
        "return np.isin(first, second).sum() * pool / (first.size * second.size)",
    )
    assert verdict(load("06_explorer"), 3, "import numpy as np\n" + source).solved


# ---- lesson 07 --------------------------------------------------------------------------


def test_work_saved() -> None:
    wrong = {
        "the paper's": 0.99,
        "images": 0.93,
        "what is spent": 0.28,
        "no growth": 0.505,
        "eight rounds": 1 - 36 / 99,
        "percent": 72,
        "a list": [0.72],
    }
    examine(
        "07_reproduce_the_paper", 1, {what: f"my_part = {value}" for what, value in wrong.items()}
    )


def test_table_one() -> None:
    examine("07_reproduce_the_paper", 2, letters("abd"))


def test_paired_interval() -> None:
    def ends(half: str, d: str = "a - b") -> str:
        return function(
            "my_interval(a, b)",
            "import numpy as np",
            "from scipy import stats",
            f"d, n = {d}, len(a)",
            f"half = {half}",
            "return d.mean(), d.mean() - half, d.mean() + half",
        )

    t, error = "stats.t.ppf(0.975, n - 1)", "d.std(ddof=1) / n ** 0.5"
    apart = "((a.var(ddof=1) + b.var(ddof=1)) / n) ** 0.5"
    examine(
        "07_reproduce_the_paper",
        3,
        {
            "the other way round": ends(f"{t} * {error}", "b - a"),
            "normal": ends(f"1.96 * {error}"),
            "no square root of n": ends(f"{t} * d.std(ddof=1)"),
            "n, not n - 1": ends(f"{t} * d.std() / n ** 0.5"),
            "not paired": ends(f"{t} * {apart}"),
            "one-sided": ends(f"stats.t.ppf(0.95, n - 1) * {error}"),
            "degrees of freedom": ends(f"stats.t.ppf(0.975, n) * {error}"),
            "n instead of its root": ends(f"{t} * d.std(ddof=1) / n"),
            "low first": function(
                "my_interval(a, b)",
                "from scipy import stats",
                "d, n = a - b, len(a)",
                f"half = {t} * {error}",
                "return d.mean() - half, d.mean(), d.mean() + half",
            ),
        },
    )


def test_paired_interval_against_scipy() -> None:
    from scipy import stats

    a, b = np.array([0.71, 0.64, 0.80, 0.69, 0.75]), np.array([0.68, 0.65, 0.72, 0.66, 0.70])
    found = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert checks.paired_interval(lambda a, b: ((a - b).mean(), found.low, found.high)).solved


def test_verdict_rule() -> None:
    header = "my_verdict(low, high, claimed)"
    yes, short, no, none = "'reproduced'", "'same direction'", "'contradicted'", "'not seen'"
    right = f"{yes} if high >= claimed else {short}"
    examine(
        "07_reproduce_the_paper",
        4,
        {
            "looks at the middle": function(
                header, f"return ({right}) if low + high > 0 else {no} if high < 0 else {none}"
            ),
            "nothing is ever contradicted": function(
                header, f"return ({right}) if low > 0 else {none}"
            ),
            "upside down": function(header, f"return {no} if low > 0 else {yes}"),
            "falls short, so contradicted": function(
                header,
                f"if high < max(claimed, 0): return {no}",
                f"return {yes} if low > 0 else {none}",
            ),
            "the whole interval has to lie above the number": function(
                header,
                f"if low > 0: return {yes} if low > claimed else {short}",
                f"return {no} if high < 0 else {none}",
            ),
            "NaN is a contradiction": function(
                header, f"return ({right}) if low > 0 else {none} if low <= 0 <= high else {no}"
            ),
            "0 is a gain": function(
                header, f"return ({right}) if low >= 0 else {no} if high < 0 else {none}"
            ),
            "0 is a loss": function(
                header, f"return ({right}) if low > 0 else {no} if high <= 0 else {none}"
            ),
            "another word": function(header, "return 'yes'"),
            "a number": function(header, "return low - claimed"),
        },
    )


def test_the_ledger_judges_by_the_exercises_rule() -> None:
    """The rule of the kit's ledger, given the same intervals, solves the exercise."""
    from activecl_nb.evidence import claims

    def by_the_kit(low: float, high: float, claimed: float) -> str:
        claim = claims.Claim("x", "c", "p", "ours", "d", expect="more", value=claimed or None)
        # Half of the seeds on either side: the exercise knows the interval alone. A single seed
        # has an estimate, and no interval.
        middle = 0.0 if np.isnan(low + high) else (low + high) / 2
        found = claims.Measured(middle, low, high, "", values=(low, high))
        return claims.verdict(claim, found)

    assert checks.verdict_rule(by_the_kit).solved


def test_the_lesson_shows_every_kind_of_line() -> None:
    """Each heading of the ledger, but for what cannot be decided, is a table of the lesson."""
    from activecl_nb.evidence import report

    notebook = load("07_reproduce_the_paper")
    for part in set(report.PARTS) - {"open"}:
        assert f'report.parts(lines)["{part}"]' in cell(notebook, f"ledger-{part}")


# ---- all three --------------------------------------------------------------------------


def test_every_exercise_is_tested_here() -> None:
    assert exercises(load("05_the_loop")) == [1, 2, 3, 4, 5]
    assert exercises(load("06_explorer")) == [1, 2, 3]
    assert exercises(load("07_reproduce_the_paper")) == [1, 2, 3, 4]
