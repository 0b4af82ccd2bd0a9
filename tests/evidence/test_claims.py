"""The ledger: measures on hand-made tables with known answers, the rule, the list, the page."""

from __future__ import annotations

import html
import itertools
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pages import without_code

from activecl_nb import files
from activecl_nb.evidence import analysis, claims, report, study
from activecl_nb.evidence.claims import Claim, Measured, measures, metrics
from activecl_nb.evidence.report.texts import texts
from activecl_nb.evidence.study import stored

ROOT = Path(__file__).parents[2]
CLASSES = ["NORM", "STR", "TUM"]
SMALL = """
title = "A small <study>"
profile = "laptop"
[[grid]]
name = "paper"
question = "Who wins & why?"
strategies = ["random"]
[[grid]]
name = "rarity"
question = "And if tumour is rare?"
strategies = ["random"]
"""


def run(grid, strategy, seed, f1, *, setting="", labels=(), **columns):
    """One run of the tables below; labels: class numbers of the picks of the second round."""
    return {"grid": grid, "strategy": strategy, "seed": seed, "setting": setting, "f1": f1} | {
        "labels": labels,
        "columns": columns,
    }


def write(folder, runs, planned=()):
    """The files that ``study.store`` makes, of hand-made runs."""
    folder.mkdir(parents=True, exist_ok=True)
    index, rounds, picks, of, done = [], [], [], {}, set()
    for one in [*runs, *planned]:
        key = (one["strategy"], one["seed"], one["setting"], tuple(one["f1"]))
        name = of.setdefault(key, f"run-{len(of)}")
        finished = one not in planned
        place = (one["grid"], one["setting"], "", "phantom", one["strategy"], one["seed"])
        index.append((*place, name, finished))
        if not finished or name in done:
            continue
        done.add(name)
        n = len(one["f1"])
        table = {
            "round": range(n),
            "images": [100 * (t + 1) for t in range(n)],
            "image_epochs": [100 * (t + 1) for t in range(n)],
            "auroc": one["f1"],
            "average_precision": one["f1"],
            "probe_auroc": one["f1"],
            "probe_average_precision": one["f1"],
            "probe_f1": one["f1"],
            "seconds_select": [0.0] + [1.0] * (n - 1),
            "seconds_train": [99.0] * n,
            "seconds_processor": [10.0 * (t + 1) for t in range(n)],
        }
        rounds.append(pd.DataFrame({**table, "f1": one["f1"], **one["columns"], "run": name}))
        if one["strategy"] != "benchmark":
            labels = np.array([0, *(one["labels"] or (0, 2))])
            picks.append(
                pd.DataFrame(
                    {
                        "run": name,
                        "round": [0] + [1] * (len(labels) - 1),
                        "position": range(len(labels)),
                        "label": pd.Categorical.from_codes(labels, CLASSES),
                        "positive": labels == 2,
                        "near_duplicate": labels == 1,
                        "artefact": labels == 0,
                    }
                )
            )
    places = pd.DataFrame(index, columns=stored.INDEX).assign(train=np.nan, test=np.nan)
    floors = pd.DataFrame({"run": [*done], "floor": "untrained", "auroc": -1.0})
    stored.Tables(places, pd.concat(rounds), pd.concat(picks), floors).write(folder)
    return study.open_stored(folder)


SEEDS = range(5)
WOBBLE = [0.00, 0.01, -0.01, 0.02, -0.02]


def scores(grid="paper", lift=0.1, setting="", **columns):
    """Five seeds: random climbs by 0.1 a round, entropy is ``lift`` above it from round 1 on.

    The mean height of a curve of three rounds is (f0 + 2 f1 + f2) / 4, so entropy's is 0.75 lift
    higher, give or take 0.75 of the wobble.
    """
    runs = []
    for seed in SEEDS:
        low = [0.2 + 0.01 * seed, 0.3 + 0.01 * seed, 0.4 + 0.01 * seed]
        gain = lift + WOBBLE[seed]
        high = [low[0], low[1] + gain, low[2] + gain]
        runs += [
            run(grid, "random", seed, low, setting=setting, labels=(0, 0, 1, 2), **columns),
            run(grid, "entropy", seed, high, setting=setting, labels=(2, 2, 0, 1), **columns),
        ]
    return runs


def benchmark(f1, grid="paper", **columns):
    return [
        run(grid, "benchmark", seed, list(f1), images=1000, image_epochs=2000, **columns)
        for seed in SEEDS
    ]


@pytest.fixture
def tables(tmp_path):
    """Random and entropy in two grids, the runs of the first shared by a third; a benchmark."""
    runs = [*scores(), *benchmark([0.2, 0.445, 0.395], seconds_processor=500.0)]
    runs += scores("again") + scores("rarity", 0.3, "tumour_share=0.05")
    runs += scores("rarity", -0.2, "tumour_share=0.5")
    return write(tmp_path / "study", runs)


def claim(kind, expect="more", **fields):
    given = {"id": "x", "claim": "c", "place": "section I", "source": "paper", "contradict": "d"}
    return Claim(**{**given, "kind": kind, "expect": expect, **fields})


# ---- measures on runs ------------------------------------------------------------------------


def test_a_difference_is_the_mean_over_seeds_with_its_interval(tables):
    found = measures.difference(tables, "entropy", "random", "area", grid="paper")
    deviation = np.std(WOBBLE, ddof=1) * 0.75
    half = 2.7764451 * deviation / np.sqrt(5)  # t of 4 degrees, from a table
    assert found.estimate == pytest.approx(0.075)
    assert (found.low, found.high) == pytest.approx((0.075 - half, 0.075 + half), abs=1e-6)
    assert found.values == pytest.approx([0.75 * (0.1 + w) for w in WOBBLE])
    assert found.p == 2 / 2**5 and found.n == 5 and found.unit == "F1"
    last = measures.difference(tables, "entropy", "random", "last", grid="paper")
    assert last.estimate == pytest.approx(0.1)
    auroc = measures.difference(tables, "entropy", "random", "last", grid="paper", score="auroc")
    assert auroc.unit == "AUROC" and auroc.estimate == pytest.approx(0.1)


def test_sides_may_stand_in_two_grids_and_settings(tables):
    a = {"grid": "rarity", "strategy": "entropy", "setting": "tumour_share=0.05"}
    b = {"grid": "paper", "strategy": "entropy"}
    assert measures.difference(tables, a, b, "last").estimate == pytest.approx(0.2)


def test_only_seeds_that_both_have_count(tmp_path):
    runs = scores()
    stored = write(tmp_path, runs[:-1])  # entropy's last seed is gone
    found = measures.difference(stored, "entropy", "random", "area", grid="paper")
    assert found.n == 4
    planned = write(tmp_path / "planned", runs[::2], planned=runs[1::2])  # entropy is to come
    none = measures.difference(planned, "entropy", "random", "area", grid="paper")
    assert none.n == 0 and np.isnan(none.estimate)
    assert claims.verdict(claim({}), none) == claims.NOT_TESTABLE


def test_a_change_of_gain_is_a_difference_of_differences(tables):
    rare, half = "tumour_share=0.05", "tumour_share=0.5"
    found = measures.gain_change(
        tables, "entropy", "random", rare, "last", grid="rarity", other_setting=half
    )
    assert found.estimate == pytest.approx(0.5) and found.n == 5


@pytest.mark.parametrize(
    ("metric", "entropy", "random"),
    [("positives_per_100", 50, 25), ("near_duplicate", 25, 25), ("artefact", 25, 50)],
)
def test_picks_are_counted_without_the_first_round(tables, metric, entropy, random):
    of = {s: claims.per_run(tables, {"grid": "paper", "strategy": s}, metric) for s in STRATEGIES}
    assert list(of["entropy"]) == [entropy] * 5 and list(of["random"]) == [random] * 5


STRATEGIES = ("entropy", "random")


def test_evenness_is_1_for_equal_shares_and_0_for_one_class(tmp_path):
    parts = {"random": (0, 1, 2), "entropy": (1, 1, 1), "kcenter": (0, 0, 1, 1)}
    stored = write(tmp_path, [run("g", name, 0, [0.1, 0.2], labels=p) for name, p in parts.items()])
    even = {
        name: claims.per_run(stored, {"grid": "g", "strategy": name}, "evenness").iloc[0]
        for name in parts
    }
    assert even == pytest.approx({"random": 1, "entropy": 0, "kcenter": np.log(2) / np.log(3)})


def test_evenness_knows_the_classes_of_its_own_grid_alone(tmp_path):
    """Two of three classes, of which another tissue of the study has the third."""
    other = run("elsewhere", "random", 1, [0.1, 0.2], labels=(0, 1, 2))
    stored = write(tmp_path, [run("g", "random", 0, [0.1, 0.2], labels=(0, 2)), other])
    of_two = claims.per_run(stored, {"grid": "g", "strategy": "random"}, "evenness")
    assert of_two.iloc[0] == pytest.approx(1)


def test_spared_is_what_is_left_of_the_benchmarks_spendings(tables):
    # Its best, 0.445, is set by its second round: 1,000 images, 4,000 image-epochs, 1,000 s.
    # Entropy has 0.4, 0.42, 0.41, 0.45, 0.42 after 200 images and 0.5 or more after 300.
    of = {
        what: measures.spared(tables, "paper", "entropy", what)
        for what in ("images", "image_epochs", "processor")
    }
    assert sorted(of["images"].values) == pytest.approx([70, 70, 70, 70, 80])
    # 100 + 200 + 300 image-epochs, 10 + 20 + 30 s
    assert of["image_epochs"].estimate == pytest.approx(100 * (1 - 600 / 4000))
    assert of["processor"].estimate == pytest.approx(100 * (1 - 60 / 1000))
    assert (of["images"].low, of["images"].high) == pytest.approx((70, 80))
    last = measures.spared(tables, "paper", "entropy", "images", "last")  # 0.395, sooner reached
    assert last.values == pytest.approx((80,) * 5)


def test_what_is_not_reached_stays_so(tables):
    # Random ends at 0.4 to 0.44: below 0.445 with every seed.
    never = measures.spared(tables, "paper", "random", "images")
    assert never.values == (-np.inf,) * 5 and never.estimate == -np.inf
    assert claims.ours(never) == "not reached at the median"
    assert "0 of 5 runs reached it" in never.how and never.reached == 0
    for expect in ("more", "less"):
        assert claims.verdict(claim({}, expect, value=93.0, unit="%"), never) == claims.CANNOT_TELL


def test_work_is_not_counted_twice_where_grids_share_runs(tables):
    """The runs of "paper" stand in "again" as well."""
    rounds, _ = metrics.runs_of(tables, "entropy", "paper")
    one = rounds[rounds["seed"] == 0]
    assert list(one["image_epochs_so_far"]) == [100, 300, 600]
    assert list(one["seconds_so_far"]) == [10, 30, 60]  # of the processor, not of the clock


def test_spared_beside_a_rival(tables):
    # Random's last F1 of 0.4 to 0.44 is reached by entropy after 200 images with seeds 0, 1 (0.42
    # beside 0.41), 3; with 2 and 4 it has 0.41 beside 0.42 and 0.42 beside 0.44.
    found = measures.spared_beside(tables, "paper", "entropy", "random")
    assert sorted(found.values) == pytest.approx([0, 0, *[100 / 3] * 3])
    assert found.estimate == pytest.approx(100 / 3)


def test_at_equal_work_the_benchmark_is_read_off_between_its_scores(tmp_path):
    runs = scores() + benchmark([0.2, 0.6])
    for one in runs[-5:]:
        one["columns"]["image_epochs"] = 400  # so after 400 and 800; entropy ends at 600
    found = measures.at_equal_work(write(tmp_path, runs), "paper", "entropy")
    assert found.values == pytest.approx([0.5 + 0.01 * s + WOBBLE[s] - 0.4 for s in SEEDS])


def test_the_benchmark_is_judged_at_the_loops_proxy_and_at_its_best(tmp_path):
    """F1 0.2 after all its proxy epochs, 0.3 after as many as the loop's, 0.6 at best."""
    runs = scores() + benchmark([0.2, 0.2])
    for one in runs:
        f1 = np.array(one["f1"])
        whole = one["strategy"] == analysis.BENCHMARK
        one["columns"]["f1_same_proxy"] = f1 + 0.1 if whole else f1
        one["columns"]["f1_best"] = f1 + [0.4, 0.2] if whole else f1
    stored = write(tmp_path, runs)
    last = {"grid": "paper", "strategy": "benchmark"}
    assert claims.per_run(stored, last, "last").mean() == pytest.approx(0.3, abs=0.01)
    assert claims.per_run(stored, last, "best").mean() == pytest.approx(0.6, abs=0.01)
    assert measures.best_epoch(stored, "paper").values == (50,) * 5
    apart = measures.at_equal_work(stored, "paper", "entropy").estimate
    ends = claims.per_run(stored, {**last, "strategy": "entropy"}, "last").mean()
    assert ends - apart == pytest.approx(0.3, abs=0.01)
    spared = measures.spared(stored, "paper", "entropy", "images", "best")
    assert spared.estimate == -np.inf  # 0.6 is out of its reach


def test_growth_and_levels(tmp_path):
    high = [run("g", "kcenter", s, [0.3, 0.6, 0.9]) for s in range(3)]
    low = [run("g", "entropy", s, [0.1, 0.2, 0.3]) for s in range(3)]
    stored = write(tmp_path, high + low)
    assert measures.growth(stored, "g", "entropy").values == (3.0,) * 3
    level = measures.level(stored, "g", "kcenter", "best")
    assert (level.estimate, level.unit) == (pytest.approx(0.9), "F1")


def test_where_on_its_way_the_benchmark_is_best(tmp_path):
    runs = [run("g", "benchmark", s, f) for s, f in enumerate([[1, 2, 3, 4], [1, 9, 3, 4]])]
    stored = write(tmp_path, [*runs, run("g", "random", 0, [1, 2])])
    assert measures.best_epoch(stored, "g").values == (100, 50)


def test_orders_are_counted_over_every_set_of_seeds(tmp_path):
    heights = {"a": [3, 3, 3, 0], "b": [2, 2, 2, 2], "c": [1, 1, 1, 1]}
    stored = write(
        tmp_path,
        [run("g", n, s, [h[s], h[s]]) for n, h in heights.items() for s in range(4)],
    )
    # a's mean over a set of three is 3, or 2 with the last seed in it, which is no more than b's.
    assert measures.orders(stored, "g", ["a", "b", "c"], 3).estimate == 25
    assert measures.orders(stored, "g", ["a", "b", "c"], 5).n == 0


def test_the_interval_of_a_median_covers_what_it_says():
    """By brute force: all 2^n ways of values to lie on either side of the true median."""
    for n in range(1, 13):
        values = np.arange(n) / n
        middle, low, high, covered = claims.order_interval(values)
        assert middle == np.median(values)
        if n < claims.FEWEST_MEDIAN:  # the widest there is promises less than 90%
            assert np.isnan([low, high, covered]).all()
            continue
        k = round(low * n) + 1  # the k-th smallest; high is the k-th largest
        assert high == pytest.approx((n - k) / n)
        below = np.array([sum(way) for way in itertools.product((0, 1), repeat=n)])
        assert covered == pytest.approx(((below >= k) & (below <= n - k)).mean())
        assert covered >= 0.9
        if k + 1 <= n // 2:  # the next narrower one covers too little
            assert ((below > k) & (below < n - k)).mean() < 0.9


# ---- arithmetic --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ({"measure": "total", "parts": [1, 2, 3]}, 6),
        ({"measure": "spared_of", "part": 25, "whole": 100}, 75),
        ({"measure": "minutes", "seconds": [[2, 60], [3, 20]]}, 3),
        ({"measure": "epochs_in", "seconds": 360, "iterations": 1}, 99),
        ({"measure": "work_spared", "rounds": 7}, 100 * (1 - 2.8 / 9.9)),
        ({"measure": "work_spared", "rounds": 20}, 100 * (1 - 21 / 9.9)),
        ({"measure": "set_growth", "iteration": 2}, 2),
        ({"measure": "remainder", "number": 150, "step": 20}, 10),
        ({"measure": "minority", "part": 1, "whole": 4}, 25),
        ({"measure": "never_tumour", "positives": 1, "negatives": 3}, 0.75),
        ({"measure": "negatives", "images": 4}, 6),
        ({"measure": "printed_formula"}, -np.log(2) - 0.99 * np.log(0.99) - 0.01 * np.log(0.01)),
        ({"measure": "boundary_ranks"}, 1),
        ({"measure": "smallest_p", "runs": 3, "below": 0.05}, 0.25),
        ({"measure": "settings", "rounds": 20, "features": 512, "epochs": 7, "budget": 1}, 50),
    ],
    ids=lambda part: part["measure"] if isinstance(part, dict) else "",
)
def test_arithmetic(kind, value):
    found = claims.measure(claim(kind), None)
    assert found.estimate == found.low == found.high == pytest.approx(value)
    assert not found.n and claims.verdict(claim(kind), found) != claims.NOT_TESTABLE


def test_every_measure_is_tested_here():
    text = Path(__file__).read_text()
    for name in (*claims.MEASURES, *claims.ARITHMETIC):
        assert f"measures.{name}(" in text or f'"measure": "{name}"' in text, name


# ---- the rule ----------------------------------------------------------------------------------


def found(estimate, low, high, values, **fields):
    return Measured(estimate, low, high, "how", values=tuple(values), needs=3, **fields)


UP, DOWN = [0.1, 0.2, 0.3, 0.2], [-0.1, -0.2, -0.3, -0.2]


@pytest.mark.parametrize(
    ("given", "one", "said"),
    [
        ({}, found(0.2, 0.1, 0.3, UP), claims.REPRODUCED),
        ({}, found(-0.2, -0.3, -0.1, DOWN), claims.CONTRADICTED),
        ({}, found(0.1, -0.1, 0.3, [0.1, 0.2, 0.3, -0.2]), claims.CANNOT_TELL),  # however many lean
        ({}, found(0.2, 0.1, 0.3, UP[:2]), claims.NOT_TESTABLE),  # two seeds
        ({}, None, claims.NOT_TESTABLE),
        ({"untestable": "why"}, found(0.2, 0.1, 0.3, UP), claims.NOT_TESTABLE),
        ({"expect": "less"}, found(-0.2, -0.3, -0.1, DOWN), claims.REPRODUCED),
        ({"expect": "less"}, found(0.2, 0.1, 0.3, UP), claims.CONTRADICTED),
        ({"expect": "less"}, found(-0.1, -0.3, 0.1, [-0.1, -0.2, -0.3, 0.2]), claims.CANNOT_TELL),
        # a number: reached to its last digit, fallen short of, or the other way
        ({"value": 93}, found(85, 80, 92.6, [80, 85, 90, 92]), claims.REPRODUCED),
        ({"value": 93}, found(85, 80, 92.4, [80, 85, 90, 92]), claims.SAME),
        ({"value": 93}, found(97, 96, 98, [96, 97, 98, 97]), claims.REPRODUCED),  # more than that
        ({"value": 93}, found(-50, -60, -40, [-50] * 4), claims.CONTRADICTED),
        ({"value": 93}, found(78, -np.inf, 80, [78, 78, 80, -np.inf]), claims.CANNOT_TELL),
        ({"value": 93}, found(-np.inf, -np.inf, -np.inf, [-np.inf] * 4), claims.CANNOT_TELL),
        # a ratio: nothing is 1
        ({"value": 5}, found(1.5, 1.2, 1.8, [1.5] * 4, nothing=1.0), claims.SAME),
        ({"value": 5}, found(4.5, 4.2, 4.8, [4.5] * 4, nothing=1.0), claims.REPRODUCED),
        ({}, found(0.8, 0.7, 0.9, [0.8] * 4, nothing=1.0), claims.CONTRADICTED),
        # exactly
        ({"expect": "exactly", "value": 8.9}, found(8.93, 8.93, 8.93, [1] * 3), claims.REPRODUCED),
        (
            {"expect": "exactly", "value": 8.9},
            found(8.96, 8.96, 8.96, [1] * 3),
            claims.CONTRADICTED,
        ),
        (
            {"expect": "exactly", "value": 14.2},
            Measured(14.15, 14.15, 14.15, ""),
            claims.REPRODUCED,
        ),
        ({"expect": "exactly", "value": 100}, found(90, 75, 105, [1] * 4), claims.CANNOT_TELL),
        ({"expect": "exactly", "value": 100}, found(100, 99.6, 100.4, UP), claims.REPRODUCED),
        ({"expect": "exactly", "value": 100}, found(80, 70, 90, [1] * 4), claims.CONTRADICTED),
        # no effect at all, and no spread
        ({}, found(0.0, 0.0, 0.0, [0.0] * 4), claims.CANNOT_TELL),
    ],
)
def test_the_rule(given, one, said):
    assert claims.verdict(claim({"measure": "total"}, **given), one) == said


def test_the_rounding_is_half_of_the_last_printed_digit():
    values = {93: 0.5, 8.9: 0.05, 0.84: 0.005, 7000: 0.5, 622.5: 0.05}
    assert {v: claim({}, value=v).rounding for v in values} == pytest.approx(values)


def test_p_is_corrected_within_a_grid(tables):
    def one(name, grid):
        kind = {"measure": "difference", "grid": grid, "a": "entropy", "b": "random"}
        return claim({**kind, "metric": "last"}, id=name)

    lines = claims.ledger([one("a", "paper"), one("b", "paper"), one("c", "again")], tables)
    assert [line.p_holm for line in lines] == [0.125, 0.125, 0.0625]


def test_a_number_that_our_interval_does_not_hold_is_named():
    def said(low, high, estimate=None, expect="more", value=93):
        middle = (low + high) / 2 if estimate is None else estimate
        found = Measured(middle, low, high, "", unit="%", values=(middle,) * 5, needs=5)
        one = claim({}, expect, value=value, unit="%")
        return claims.wanting(claims.Line(one, found, claims.verdict(one, found)))

    assert said(90, 95) == claims.REPRODUCED
    assert said(40, 60) == f"{claims.SAME}; 93% lies outside the interval"
    never = -np.inf
    assert said(never, never, never) == f"{claims.CANNOT_TELL}; 93% lies outside the interval"
    assert said(never, 92.6, never) == claims.CANNOT_TELL  # 92.6 is printed as 93
    assert said(-5, 5, value=None) == claims.CANNOT_TELL
    assert said(np.nan, np.nan, np.nan) == claims.NOT_TESTABLE
    assert said(-60, -40, expect="less", value=-93).startswith(f"{claims.SAME}; ")


# ---- the list of claims --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def listed():
    return claims.read(ROOT / "results" / "claims.toml")


def test_every_claim_has_a_place_in_the_paper(listed):
    place = re.compile(r"abstract|section|Fig\. \d|Table I|formula \(\d\)|Algorithm \d")
    for one in listed[0]:
        assert place.search(one.place), one.id
        assert one.claim.endswith((".", ")")) and len(one.contradict) > 10, one.id
        assert one.source != "ours" or one.place.startswith("our question, after"), one.id


def test_the_papers_numbers_are_all_there(listed):
    """Each number of the paper's results is the value or in the words of some claim."""
    text = " ".join(f"{one.value} {one.claim} {dict(one.kind)}" for one in listed[0])
    numbers = (
        "93 89 99 98 62 622.5 8.9 14.2 7,000 11,000 0.84 150 160 379 14,317 85,683 1,233 5,947"
    )
    for number in numbers.split():
        assert re.search(rf"(?<![\d.,]){re.escape(number)}(?![\d])", text), number


def test_the_kits_own_claims_fit_the_kits_own_study(listed):
    """Each grid, setting and strategy that a claim names is planned; nothing has been run yet."""
    wanted = study.read(ROOT / "results" / "study.toml")
    every, headlines = listed
    planned = pd.DataFrame(
        [
            (entry.grid, entry.label, entry.job.strategy, entry.job.seed, str(n), False)
            for n, entry in enumerate(wanted.entries)
        ],
        columns=["grid", "setting", "strategy", "seed", "run", "finished"],
    )
    names = ["seed", "round", "f1", "seconds_processor", "image_epochs"]
    nothing = pd.DataFrame(dict.fromkeys(names, pd.Series(dtype=float)))
    nothing = nothing.assign(grid="", setting="", strategy="", tissue="", run="")
    lines = claims.ledger(every, study.Stored(nothing, nothing, planned))
    for line in lines:
        arithmetic = line.claim.arithmetic and not line.claim.untestable
        assert (line.verdict != claims.NOT_TESTABLE) == arithmetic, line.claim.id
    measured_on = {grid for one in every for grid in one.grids}
    measured_on |= {one.grid for one in wanted.contrasts}
    alone = {"query size"}  # asked by its figure and the appendix
    assert measured_on | alone >= set(planned["grid"]), "a grid that no claim needs"
    known = {one.id for one in every} | {one.id for one in wanted.contrasts}
    assert {one for one in headlines if not one.startswith("real ")} <= known
    for one in every:
        assert len(re.findall(r"[.?!](?= [A-Z]|$)", one.claim.replace("Fig. ", "Fig "))) == 1, (
            one.id
        )


def test_the_rarest_lines_are_known_by_their_sums(listed):
    """The verdicts of arithmetic, worked out by hand: they do not depend on any run."""
    of = {
        one.id: claims.verdict(one, claims.measure(one, None))
        for one in listed[0]
        if one.arithmetic
    }
    assert of["sum-images-entropy"] == of["sum-kcenter-minutes"] == claims.REPRODUCED
    assert of["epoch-150"] == of["data-doubles"] == of["formula-3"] == claims.CONTRADICTED
    assert of["work-by-arithmetic"] == claims.SAME  # 72%
    assert of["twenty-rounds-are-cheaper"] == claims.CONTRADICTED


def entry(**fields):
    """One claim in TOML, with fields changed; None leaves one out."""
    given = {
        "id": '"x"',
        "claim": '"c"',
        "place": '"section I"',
        "source": '"paper"',
        "kind": '{ measure = "total", parts = [1] }',
        "expect": '"more"',
        "contradict": '"d"',
    }
    lines = [f"{k} = {v}" for k, v in {**given, **fields}.items() if v is not None]
    return "[[claim]]\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (entry(colour='"red"'), "claim 'x': unknown field colour; there are id, claim"),
        (entry(place=None), "claim 'x': it lacks place"),
        (entry(kind='{ measure = "guess" }'), "no measure is called 'guess'; there are difference"),
        (entry(kind='{ measure = "total", part = 1 }'), "claim 'x': total: "),
        (entry(kind='{ measure = "difference", a = "b" }'), "claim 'x': difference: missing"),
        (entry(source='"hearsay"'), "source is 'hearsay'; it is one of paper"),
        (entry(expect='"better"'), "expect is 'better'; it is one of more"),
        (entry(expect='"exactly"'), "it expects exactly a value, and gives none"),
        (entry() * 2, "two claims are called x"),
        ("headlines = [1]\n" + entry(), "headlines is a list of ids"),
        (entry(id="['x']"), "id: should be text, not ['x']"),
        (entry(kind='"total"'), "kind: should be a table"),
        (entry(kind="{ measure = ['total'] }"), "no measure is called"),
        (entry(value="true"), "value: should be a number, not True"),
        ("claim = 5", "claims are tables, each with [[claim]]"),
        ("claim = ['x']", "claims are tables, each with [[claim]]"),
        ("title = 'x'", "it lists no claim"),
        ("[[claim", "is no TOML file"),
    ],
)
def test_a_bad_list_is_refused_in_one_line(tmp_path, text, message):
    file = tmp_path / "claims.toml"
    file.write_text(text)
    with pytest.raises(ValueError) as error:
        claims.read(file)
    assert message in str(error.value) and str(file) in str(error.value)
    assert "\n" not in str(error.value) or "TOML" in message


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"grid": "nowhere"}, "no grid is called 'nowhere'; there are paper"),
        ({"a": "magic"}, "no strategy 'magic' there; it has random, entropy, benchmark"),
        ({"metric": "beauty"}, "no metric is called 'beauty'; there are area"),
        ({"a": {"strategy": "entropy", "setting": "x=1"}}, "no setting 'x=1' there"),
        ({"grid": "rarity"}, "a setting must be named; it has tumour_share=0.05"),
        ({"a": {"strategy": "entropy", "seed": "1"}}, "should have a strategy, a grid"),
        ({"score": "charm"}, "'charm' is unknown; there are f1"),
    ],
)
def test_a_claim_on_what_is_not_there_is_named(tables, changed, message):
    kind = {"measure": "difference", "grid": "paper", "a": "entropy", "b": "random"}
    wrong = claim({**kind, "metric": "area", **changed}, id="odd")
    with pytest.raises(ValueError) as error:
        claims.measure(wrong, tables)
    assert message in str(error.value) and str(error.value).startswith("claim 'odd', difference: ")


def test_units_must_agree(tables):
    kind = {"measure": "spared", "grid": "paper", "strategy": "entropy", "what": "images"}
    with pytest.raises(ValueError, match="93 is in 'images', and spared gives '%'"):
        claims.measure(claim(kind, value=93, unit="images"), tables)


# ---- in words --------------------------------------------------------------------------------


def test_values_in_words():
    assert claims.number(-0.0001, 2) == "0.00" and claims.number(-1.5, 1) == "−1.5"
    assert claims.ours(found(0.0412, 0.01, 0.0724, UP, unit="F1", p=0.1)) == (
        "+0.041 F1 (0.010 to 0.072)"
    )
    few = found(82.1, -np.inf, 85.4, UP, unit="%", digits=0, spares=True)
    assert claims.ours(few) == "82% less (from 85% less to not reached)"
    worse = found(-25.2, -60.0, 15.0, UP, unit="%", digits=0, spares=True)
    assert claims.ours(worse) == "25% more (from 15% less to 60% more)"
    assert claims.printed(claim({}, value=11000, unit="images")) == "11,000 images"
    assert claims.printed(claim({}, value=8.9, unit="min")) == "8.9 min"
    assert claims.ours(Measured(8.93, 8.93, 8.93, "", unit="min", digits=2)) == "8.93 min"


# ---- the page ----------------------------------------------------------------------------------

LIST = 'headlines = ["wins", "spares"]\n' + "".join(
    [
        entry(
            id='"wins"',
            claim='"Entropy <b>wins</b> | surely."',
            kind='{ measure = "difference", grid = "paper", a = "entropy", b = "random", '
            'metric = "area" }',
        ),
        entry(
            id='"spares"',
            claim='"Entropy spares 93%."',
            value=93,
            unit='"%"',
            kind='{ measure = "spared", grid = "paper", strategy = "entropy", what = "images" }',
        ),
        entry(id='"sum"', claim='"One is one."', value=1, unit='"iterations"', expect='"exactly"'),
        entry(id='"mine"', claim='"It is more."', source='"ours"'),
        entry(
            id='"open"', claim='"All is well."', kind=None, expect=None, untestable='"Who knows."'
        ),
    ]
)


def made(folder, lift=0.1, f1=(0.2, 0.445, 0.395)):
    """A report on hand-made tables."""
    runs = [*scores(lift=lift), *benchmark(f1)]
    runs += scores("rarity", 0.3, "tumour_share=0.05") + scores("rarity", 0, "tumour_share=0.5")
    write(folder / "small", runs)
    (folder / "claims.toml").write_text(LIST)
    (folder / "small.toml").write_text(SMALL)
    return report.make(folder / "small")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """(report, folder it is written in)."""
    folder = tmp_path_factory.mktemp("page")
    one = made(folder)
    report.write(one, folder / "out")
    return one, folder / "out"


def test_verdicts_follow_the_tables(tmp_path):
    """Nothing is typed: other tables, another page."""
    said = {}
    for lift in (0.1, 0.001, -0.1):
        one = made(tmp_path / str(lift), lift)
        text = report.to_markdown(one)
        row = next(line for line in text.splitlines() if "\\<b" in line and "Measured" in line)
        said[lift] = one.lines[0].verdict
        assert f"| {said[lift]}" in row
        assert f"| {said[lift]} (" in report.findings(one).splitlines()[2]
    assert said == {
        0.1: claims.REPRODUCED,
        0.001: claims.CANNOT_TELL,
        -0.1: claims.CONTRADICTED,
    }


def test_no_verdict_is_typed():
    text = (ROOT / "results" / "claims.toml").read_text()
    for word in claims.VERDICTS:
        assert f'"{word}"' not in text
    for path in (ROOT / "activecl_nb" / "evidence").rglob("*.py"):
        if path.name not in ("claim.py", "rule.py"):
            typed = re.findall(r'"(reproduced|same direction|contradicted)"', path.read_text())
            assert not typed, path


def test_the_page_stands_alone_and_escapes_what_it_is_given(page):
    text = (page[1] / "report.html").read_text()
    assert "<script" not in text and "<b>wins" not in text and "<study>" not in text
    assert "Entropy &lt;b&gt;wins&lt;/b&gt; | surely." in text and "Who wins &amp; why?" in text
    assert not re.search(r'(src|href)="(?!data:image/webp;base64,|#|report_appendix\.html)', text)
    assert not re.search(r"@import|url\(", text)
    alts = re.findall(r'<img alt="([^"]*)"', text)
    assert len(alts) == text.count("<img") >= 3 and all(len(alt) > 40 for alt in alts)
    anchors = set(re.findall(r'href="#([^"]+)"', text))
    assert anchors <= set(re.findall(r' id="([^"]+)"', text))
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(set(ids)) == len(ids)
    assert "prefers-color-scheme: dark" in text and 'lang="en"' in text


def test_the_page_says_what_was_run_and_how_it_was_judged(page):
    text = html.unescape((page[1] / "report.html").read_text())
    for name, words in texts("rule")["verdicts"].items():
        assert name in text and words.partition("{{")[0] in text
    ahead = "Of 3 settings, entropy is ahead with an interval clear of 0 in 2 and behind in 0 by"
    assert f"{ahead} average precision of the probe; ahead" in text
    assert "behind in 0 by F1 of the probe" in text
    for word, meaning in texts("glossary").items():
        assert word in text and meaning in text
    assert (
        "Mean average precision of the probe along the curve: random 0.320, entropy 0.395." in text
    )
    rest = html.unescape((page[1] / "report_appendix.html").read_text())
    assert "= 1 iterations" in rest  # what should be exactly so
    assert "+0.075 (0.060 to 0.090)" in rest
    for part in ("35 of 35 planned are finished", "32 pixels", "synthetic"):
        assert part in text, part
    lines = page[0].lines
    assert {line.verdict for line in lines} == {
        claims.REPRODUCED, claims.SAME, claims.NOT_TESTABLE,
    }  # fmt: skip
    assert "entropy +0.075 (0.060 to 0.090, 5 seeds)" in text
    assert "1 of 1 intervals are clear of 0" in text
    assert "With tumour_share=0.05, mean average precision of the probe along" in text


def test_every_line_stands_under_one_heading(page):
    parts = report.parts(page[0].lines)
    assert {name: [line.claim.id for line in lines] for name, lines in parts.items()} == {
        "claims": ["wins", "spares"],
        "sums": ["sum"],
        "ours": ["mine"],
        "open": ["open"],
    }


def test_markdown_has_its_figures_beside_it_and_whole_tables(page):
    text = (page[1] / "report.md").read_text()
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert len(shown) == len(list((page[1] / report.FIGURES).glob("*.webp"))) >= 3
    assert all((page[1] / name).read_bytes().startswith(b"RIFF") for name in shown)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    cells = {len(re.split(r"(?<!\\)\|", row)) for row in rows}
    assert cells == {len(report.HEADS) + 2, len(report.ROW_HEADS) + 2}
    assert "(section I)" in without_code(text)
    assert any("(5 seeds; 5 of them reached that score)" in row for row in rows)


def test_a_study_under_way_says_so(tmp_path):
    runs, rare = scores(), scores("rarity", 0.3, "tumour_share=0.05")
    write(tmp_path / "small", runs[:4], planned=[*runs[4:], *benchmark([0.2, 0.3]), *rare])
    (tmp_path / "claims.toml").write_text(LIST)
    (tmp_path / "small.toml").write_text(SMALL)
    one = report.make(tmp_path / "small")
    text = report.to_markdown(one)
    assert "not testable here (yet: 2 of at least 3 seeds)" in text
    assert "No run of this grid is finished yet." in text
    assert dict(one.facts)["Runs"] == "4 of 25 planned are finished"


def test_a_study_of_which_the_benchmark_alone_is_finished(tmp_path):
    loops = scores()
    write(tmp_path / "small", [*benchmark([0.2, 0.3]), loops[0]], planned=loops[1:])
    rounds = pd.read_csv(tmp_path / "small" / "rounds.csv")
    index = pd.read_csv(tmp_path / "small" / "index.csv", keep_default_na=False)
    index.loc[index["strategy"] != "benchmark", "finished"] = False
    index.to_csv(tmp_path / "small" / "index.csv", index=False)
    files.seal(tmp_path / "small", "index.csv")
    assert len(rounds) > 5
    (tmp_path / "claims.toml").write_text(LIST)
    (tmp_path / "small.toml").write_text(SMALL.partition("[[grid]]")[0] + ONE_GRID)
    one = report.make(tmp_path / "small")
    assert one.when is None and one.gains is None
    assert "no finished runs yet | not testable here (yet: 0 of" in report.findings(one)
    assert "No run of this grid is finished yet." in report.to_markdown(one)


ONE_GRID = """
[[grid]]
name = "paper"
strategies = ["random", "entropy", "benchmark"]
"""


def test_findings_go_between_their_marks_and_nowhere_else(page, tmp_path):
    file = tmp_path / "README.md"
    file.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    for _ in range(2):  # twice is as once
        report.put_findings(page[0], file)
    text = file.read_text()
    assert text == f"before\n{report.BEGIN}\n{report.findings(page[0])}\n{report.END}\nafter\n"
    file.write_text("nothing here")
    with pytest.raises(ValueError, match=r"README\.md lacks the lines"):
        report.put_findings(page[0], file)
    assert file.read_text() == "nothing here"


def test_readme_carries_what_the_stored_study_says():
    """Run ``python -m activecl_nb report --readme README.md`` after a change to the results."""
    kept = (ROOT / "README.md").read_text().partition(report.BEGIN)[2].partition(report.END)[0]
    assert kept.strip() == report.findings(report.make())


def test_a_lesson_opens_the_ledger_or_does_without(page, tmp_path, capsys):
    lines, stored = report.open_ledger(page[1].parent / "small")
    assert "35 of 35 planned runs are finished" in capsys.readouterr().out
    assert [line.verdict for line in lines] == [line.verdict for line in page[0].lines]
    assert (
        list(report.table(lines)["replicates"]) == ["5 seeds", "5 seeds", "", "", ""]
        and stored is not None
    )
    lines, stored = report.open_ledger(tmp_path / "nowhere")  # the kit's own list of claims
    assert "No study is stored here" in capsys.readouterr().out and stored is None
    judged = {line.claim.arithmetic for line in lines if line.verdict != claims.NOT_TESTABLE}
    assert judged == {True}
    assert claims.ours(lines[0].measured) == "not measured"


def test_a_lesson_sees_what_was_declared_real_tissue_first():
    rows, picture = report.declared()  # the kit's own study
    real = [row.real for row in rows]
    assert rows and real == sorted(real, reverse=True)
    assert all(row.much != "–" or "see" in row.sure for row in rows)
    assert picture.alt.startswith("Gain in average precision of the probe")


def test_readme_has_the_marks():
    text = (ROOT / "README.md").read_text()
    assert text.count(report.BEGIN) == text.count(report.END) == 1


def test_the_report_needs_no_torch(page, tmp_path):
    code = (
        "import sys\nfrom activecl_nb.__main__ import main\n"
        f"code = main(['report', {str(page[1].parent / 'small')!r}, "
        f"'--out', {str(tmp_path)!r}])\n"
        "raise SystemExit(code or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "report.html").exists()
