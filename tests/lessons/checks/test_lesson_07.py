"""The exercises of lesson 07, and the rule of the claims ledger."""

from __future__ import annotations

import re

import numpy as np
from notebook_tools import (
    cell,
    examine,
    function,
    letters,
    load,
)

from activecl_nb.lessons import checks


def test_work_saved() -> None:
    wrong = {
        "the paper's": 0.99,
        "images": 0.93,
        "what is spent": 0.28,
        "no growth": 0.505,
        "eight rounds": 1 - 36 / 99,
        "without the first round": 1 - 27 / 99,
        "percent": 72,
        "a list": [0.72],
        "six rounds": 1 - 21 / 99,
        "of both": 1 - 28 / 127,
        "a guess": 0.1,
        "a round guess": 0.5,
        "passes": 7_100_000,
        "the authors' later number": 0.62,
        "twice 28": 1 - 56 / 99,
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
    hints = examine(
        "07_reproduce_the_paper",
        3,
        {
            "the other way round": ends(f"{t} * {error}", "b - a"),
            "normal": ends(f"1.96 * {error}"),
            "a probability": ends(f"0.975 * {error}"),
            "a percentage": ends(f"stats.t.ppf(97.5, n - 1) * {error}"),
            "the spread of a": ends(f"{t} * a.std(ddof=1) / n ** 0.5"),
            "no square root of n": ends(f"{t} * d.std(ddof=1)"),
            "n, not n - 1": ends(f"{t} * d.std() / n ** 0.5"),
            "not paired": ends(f"{t} * {apart}"),
            "one-sided": ends(f"stats.t.ppf(0.95, n - 1) * {error}"),
            "degrees of freedom": ends(f"stats.t.ppf(0.975, n) * {error}"),
            "n instead of its root": ends(f"{t} * d.std(ddof=1) / n"),
            "2": ends(f"2 * {error}"),
            "one error": ends(error),
            "not paired, normal": ends(f"1.96 * {apart}"),
            "not paired, 2n - 2": ends(f"stats.t.ppf(0.975, 2 * n - 2) * {apart}"),
            "not paired, Welch": function(
                "my_interval(a, b)",
                "from scipy import stats",
                "c = stats.ttest_ind(a, b, equal_var=False).confidence_interval()",
                "return (a - b).mean(), c.low, c.high",
            ),
            "ends of two intervals": function(
                "my_interval(a, b)",
                "from scipy import stats",
                "n = len(a)",
                f"half = lambda d: {t} * {error}",
                "low, high = a.mean() - half(a), a.mean() + half(a)",
                "return (a - b).mean(), low - b.mean() + half(b), high - b.mean() - half(b)",
            ),
            "a median in the middle": function(
                "my_interval(a, b)",
                "import numpy as np",
                "from scipy import stats",
                "d, n = a - b, len(a)",
                f"m, half = np.median(d), {t} * {error}",
                "return m, m - half, m + half",
            ),
            "variance": ends(f"{t} * d.var(ddof=1) / n ** 0.5"),
            "n - 1 twice": ends(f"{t} * d.std(ddof=1) / (n - 1) ** 0.5"),
            "99%": ends(f"stats.t.ppf(0.995, n - 1) * {error}"),
            "80%": ends(f"stats.t.ppf(0.9, n - 1) * {error}"),
            "half": ends(f"{t} * {error} / 2"),
            "absolute": ends(f"{t} * {error}", "abs(a - b)"),
            "sorted": ends(f"{t} * {error}", "np.sort(a) - np.sort(b)"),
            "smallest and largest": function(
                "my_interval(a, b)", "d = a - b", "return d.mean(), d.min(), d.max()"
            ),
            "4 degrees": ends(f"stats.t.ppf(0.975, 4) * {error}"),
            "two ends": function(
                "my_interval(a, b)",
                "from scipy import stats",
                "d, n = a - b, len(a)",
                f"half = {t} * {error}",
                "return d.mean() - half, d.mean() + half",
            ),
            "mean and half": function(
                "my_interval(a, b)",
                "from scipy import stats",
                "d, n = a - b, len(a)",
                f"return d.mean(), {t} * {error}",
            ),
            "percentiles of the seeds": function(
                "my_interval(a, b)",
                "import numpy as np",
                "d = a - b",
                "return d.mean(), *np.percentile(d, [2.5, 97.5])",
            ),
            "high first": ends(f"-{t} * {error}"),
            "low first": function(
                "my_interval(a, b)",
                "from scipy import stats",
                "d, n = a - b, len(a)",
                f"half = {t} * {error}",
                "return d.mean() - half, d.mean(), d.mean() + half",
            ),
        },
    )
    for what, words in {
        "the other way round": "this is b - a",
        "two ends": "the ends alone",
        "low first": "give the mean first",
        "high first": "the lower end comes first",
        "percentiles of the seeds": "percentiles of single differences",
    }.items():
        assert words in hints[what], what


def test_paired_interval_against_scipy() -> None:
    from scipy import stats

    def by_scipy(a, b):
        found = stats.ttest_rel(a, b).confidence_interval(0.95)
        return (a - b).mean(), found.low, found.high

    assert checks.paired_interval(by_scipy).solved


def test_verdict_rule() -> None:
    header = "my_verdict(low, high, claimed)"
    yes, short, no, none = "'reproduced'", "'same direction'", "'contradicted'", "'cannot tell'"
    right = f"{yes} if high >= claimed else {short}"
    examine(
        "07_reproduce_the_paper",
        4,
        {
            "looks at the middle": function(
                header, f"return ({right}) if low + high > 0 else {no} if high < 0 else {none}"
            ),
            "must pass the number": function(
                header,
                f"if low > 0: return {yes} if high > claimed or claimed == 0 else {short}",
                f"return {no} if high < 0 else {none}",
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
            "all below the number, so contradicted": function(
                header,
                f"if low > 0: return {right}",
                f"return {no} if high < claimed or high < 0 else {none}",
            ),
            "the number has to lie inside": function(
                header,
                f"if low > 0: return {yes} if low <= claimed <= high or claimed == 0 else {short}",
                f"return {no} if high < 0 else {none}",
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


def test_the_eight_claims_of_the_lesson_can_be_judged() -> None:
    """Each stands in the ledger, under a heading whose lines are decided by runs or arithmetic."""
    from activecl_nb.evidence.report import open_ledger, parts

    source = cell(load("07_reproduce_the_paper"), "eight-table")
    names = re.findall(r'"([a-z-]+)"', source.split("EIGHT = (")[1].split("\nlines")[0])
    lines, _ = open_ledger()
    can_be_judged = {
        line.claim.id for part, found in parts(lines).items() if part != "open" for line in found
    }
    assert len(set(names)) == 8
    assert set(names) <= can_be_judged
