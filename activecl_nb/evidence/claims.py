"""The claims ledger: what the paper says, what we measured, and a verdict by one fixed rule.

``results/claims.toml`` lists the claims; a function of ``MEASURES`` measures each, on the tables
of a stored study or by arithmetic from the paper's own numbers. No verdict is ever typed.

The rule. A claim says on which side of *nothing* our value should lie: above 0 for "a is better
than b", above 1 for a ratio. The interval decides.

1. not testable here: the runs cannot decide it, for a reason given; or so far there are fewer
   than 3 seeds for it (5 for a median).
2. contradicted: the whole interval lies on the other side of nothing.
3. reproduced: the whole interval lies on the claimed side and, where the paper gives a number, it
   reaches that number, to its last printed digit.
4. same direction: the whole interval lies on the claimed side and falls short of the paper's
   number; or the interval holds nothing, but the estimate and three seeds of four lie on the
   claimed side.
5. not seen: everything else, and whatever was not reached.

A claim that is exactly a number is reproduced where the interval holds it to its last printed
digit, and contradicted where not. A claim that two things differ is reproduced where the interval
is clear of nothing, and else not seen. Arithmetic has no interval: its value is both ends.

Means over seeds have Student's 95% interval. What a run spent until it reached a score has a
median, since some runs never get there and count as the worst; the ends of its interval are
values of seeds (``order_interval``).
"""

from __future__ import annotations

import functools
import inspect
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from activecl_nb import files, profiles
from activecl_nb.evidence import analysis
from activecl_nb.evidence.study import Stored

REPRODUCED, SAME, NOT_SEEN, CONTRADICTED, NOT_TESTABLE = VERDICTS = (
    "reproduced", "same direction", "not seen", "contradicted", "not testable here",
)  # fmt: skip
SOURCES = ("paper", "later abstract", "ours")
EXPECTED = ("more", "less", "exactly", "differs")
FEWEST = 3  # seeds for the mean of a value
FEWEST_MEDIAN = 5  # below that, the widest interval of a median is worth less than 90%
MOST_SEEDS = 0.75  # part of the seeds that must lie on the claimed side for "same direction"


@dataclass(frozen=True)
class Claim:
    """One claim; the head of results/claims.toml says what each field is."""

    id: str
    claim: str
    place: str
    source: str
    contradict: str
    kind: Mapping[str, Any] = field(default_factory=dict)
    expect: str = ""
    value: float | None = None
    unit: str = ""
    untestable: str = ""

    @property
    def measure(self) -> str:
        """The name of what measures it; "" for what is not measured."""
        return self.kind.get("measure", "")

    @property
    def arithmetic(self) -> bool:
        """Whether the paper's own numbers are enough to judge it."""
        return self.measure in ARITHMETIC

    @property
    def grids(self) -> tuple[str, ...]:
        """The grids of the study that it is measured on, the first one its own."""
        sides = [self.kind, *(v for v in self.kind.values() if isinstance(v, Mapping))]
        named = [side[key] for side in sides for key in ("grid", "other_grid") if key in side]
        return tuple(dict.fromkeys(named))

    @property
    def rounding(self) -> float:
        """Half of the last printed digit of the paper's number: 0.5 for 93, 0.05 for 8.9."""
        exponent = Decimal(str(self.value)).as_tuple().exponent
        return 0.5 * 10.0 ** int(exponent)


@dataclass(frozen=True)
class Measured:
    """What we found.

    estimate, low, high: of all seeds; -inf stands for "not reached"; NaN where there is none.
    values: one a seed, that the estimate is of; empty for arithmetic.
    unit: of all these; digits: how many to show behind the point.
    nothing: what the value would be if there were no effect.
    how: what was measured, in a line.
    needs: seeds below which nothing is said. p: of a paired comparison (``analysis.sign_flip``).
    """

    estimate: float
    low: float
    high: float
    how: str
    unit: str = ""
    digits: int = 3
    values: tuple[float, ...] = ()
    nothing: float = 0.0
    needs: int = 0
    p: float = float("nan")

    @property
    def seeds(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Line:
    """One line of the ledger: the claim, ours, and the verdict by the rule.

    p_holm: ``measured.p`` corrected for all comparisons of the claim's grid.
    """

    claim: Claim
    measured: Measured | None
    verdict: str
    p_holm: float = float("nan")

    @property
    def waits(self) -> bool:
        """Whether it is not testable only because too few seeds are finished."""
        return self.measured is not None and not self.claim.untestable and too_few(self.measured)


# ---- the rule ----------------------------------------------------------------------------


def verdict(claim: Claim, found: Measured | None) -> str:
    """One of ``VERDICTS``, by the rule at the top of this file."""
    if claim.untestable or found is None or too_few(found) or np.isnan(found.estimate):
        return NOT_TESTABLE
    low, high, middle = found.low, found.high, found.estimate
    if claim.expect == "exactly":
        low, high = (middle, middle) if np.isnan(low) else (low, high)  # a count has no interval
        near = low - claim.rounding <= claim.value <= high + claim.rounding
        # 14.15 is printed as 14.2, and no double is 14.15.
        near = near or bool(np.isclose(abs(claim.value - middle), claim.rounding, rtol=1e-6))
        return REPRODUCED if near else CONTRADICTED
    if claim.expect == "differs":
        return REPRODUCED if low > found.nothing or high < found.nothing else NOT_SEEN
    if np.isneginf(middle):  # not reached
        return NOT_SEEN
    side = 1 if claim.expect == "more" else -1
    low, high = sorted((side * (low - found.nothing), side * (high - found.nothing)))
    values = side * (np.array(found.values or [middle]) - found.nothing)
    if high < 0:
        return CONTRADICTED
    if low > 0:
        if claim.value is None:
            return REPRODUCED
        claimed = side * (claim.value - found.nothing) - claim.rounding
        return REPRODUCED if high >= claimed else SAME
    seen = side * (middle - found.nothing) > 0 and (values > 0).mean() >= MOST_SEEDS
    return SAME if seen else NOT_SEEN


def lean_by_luck(seeds: int) -> float:
    """How often a line leans to the claimed side, as rule 4 asks of the seeds, without any effect.

    Each seed is then as likely to lie on one side as on the other, so their number is binomial.
    """
    from scipy import stats

    return float(stats.binom.sf(np.ceil(MOST_SEEDS * seeds) - 1, seeds, 0.5))


def too_few(found: Measured) -> bool:
    """Whether more seeds are needed before anything is said."""
    return found.seeds < found.needs


def ledger(claims: Sequence[Claim], stored: Stored | None) -> list[Line]:
    """Measure and judge every claim; p is corrected by Holm within each grid.

    stored: the study's tables; without any, only arithmetic is done.
    """
    grids = None if stored is None else _Grids(stored.rounds, stored.picks, stored.planned)
    found = [
        measure(claim, grids) if claim.arithmetic or grids is not None else None for claim in claims
    ]
    corrected = np.full(len(claims), np.nan)
    families = [claim.grids[0] if claim.grids else "" for claim in claims]
    for family in dict.fromkeys(families):
        mine = [n for n, name in enumerate(families) if name == family and found[n] is not None]
        corrected[mine] = analysis.holm([found[n].p for n in mine])
    return [
        Line(claim, one, verdict(claim, one), float(p))
        for claim, one, p in zip(claims, found, corrected, strict=True)
    ]


class _Grids(Stored):
    """A study that cuts each grid out once, for many claims ask for it."""

    @functools.cached_property
    def _kept(self) -> dict[str, Stored]:
        return {}

    def grid(self, name: str) -> Stored:
        if name not in self._kept:
            self._kept[name] = super().grid(name)
        return self._kept[name]


def measure(claim: Claim, stored: Stored | None) -> Measured | None:
    """What the claim's measuring function finds; None for a claim that has none.

    ValueError: it names a grid, setting, strategy or metric that is not there, or its unit is
    not that of the paper's number.
    """
    if not claim.kind:
        return None
    arguments = {name: value for name, value in claim.kind.items() if name != "measure"}
    try:
        if claim.arithmetic:
            found = ARITHMETIC[claim.measure](**arguments)
        else:
            found = MEASURES[claim.measure](stored, **arguments)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"claim {claim.id!r}, {claim.measure}: {error}") from error
    if claim.value is not None and found.unit != claim.unit:
        raise ValueError(
            f"claim {claim.id!r}: {claim.value} is in {claim.unit!r}, and {claim.measure} gives "
            f"{found.unit!r}; give both in one unit"
        )
    return found


# ---- reading the claims -------------------------------------------------------------------


def read(path: str | os.PathLike[str]) -> tuple[list[Claim], list[str]]:
    """The claims of a TOML file, and the ids of its headlines.

    FileNotFoundError: no such file. ValueError: it is no TOML, or a claim has an unknown field
    or measure, lacks one, or repeats an id; the message names the file and the claim.
    """
    path = Path(path)
    content = files.read_toml(path)
    claims = []
    for number, entry in enumerate(content.get("claim", []), 1):
        try:
            claims.append(_claim(entry))
        except ValueError as error:
            raise ValueError(f"{path}, claim {entry.get('id', number)!r}: {error}") from error
    ids = [claim.id for claim in claims]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    headlines = content.get("headlines", [])
    unknown = [one for one in headlines if one not in ids]
    if not claims or twice or unknown:
        what = f"two claims are called {', '.join(twice)}" if twice else "it lists no claim"
        what = f"no claim is called {', '.join(unknown)}, a headline" if unknown else what
        raise ValueError(f"{path}: {what}")
    return claims, headlines


def _claim(entry: Mapping[str, Any]) -> Claim:
    known = list(inspect.signature(Claim).parameters)
    unknown = sorted(set(entry) - set(known))
    if unknown:
        raise ValueError(f"unknown field {', '.join(unknown)}; there are {', '.join(known)}")
    needed = ["id", "claim", "place", "source", "contradict"]
    needed += [] if entry.get("untestable") else ["kind", "expect"]
    missing = [name for name in needed if not entry.get(name)]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    claim = Claim(**entry)
    if claim.source not in SOURCES:
        raise ValueError(f"source is {claim.source!r}; it is one of {', '.join(SOURCES)}")
    if claim.kind or not claim.untestable:
        if claim.expect not in EXPECTED:
            raise ValueError(f"expect is {claim.expect!r}; it is one of {', '.join(EXPECTED)}")
        if claim.expect == "exactly" and claim.value is None and not claim.untestable:
            raise ValueError("it expects exactly a value, and gives none")
        _known_measure(claim.kind)
    return claim


def _known_measure(kind: Mapping[str, Any]) -> None:
    name = kind.get("measure")
    if name not in MEASURES and name not in ARITHMETIC:
        raise ValueError(f"no measure is called {name!r}; there are {', '.join(_every_measure())}")
    arguments = {key: value for key, value in kind.items() if key != "measure"}
    function = ARITHMETIC.get(name)
    try:
        if function is None:
            inspect.signature(MEASURES[name]).bind(None, **arguments)
        else:
            inspect.signature(function).bind(**arguments)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from error


def _every_measure() -> list[str]:
    return [*MEASURES, *ARITHMETIC]


# ---- a value for each seed ----------------------------------------------------------------

Side: TypeAlias = str | Mapping[str, str]  # a strategy, or {strategy, setting, grid}


@dataclass(frozen=True)
class Metric:
    """A value that each run has one of.

    of: (rounds, picks, score) -> one value a seed, as a series over seeds.
    """

    of: Callable[[pd.DataFrame, pd.DataFrame, str], pd.Series]
    words: str
    unit: str
    digits: int = 3
    needs_picks: bool = False


def _found(column: str, times: float = 1.0) -> Callable[..., pd.Series]:
    def of(rounds: pd.DataFrame, picks: pd.DataFrame, score: str) -> pd.Series:
        found = analysis.found(picks)
        if column not in found:
            raise ValueError(f"the stored picks do not know {column}")
        return times * found.set_index("seed")[column]

    return of


def _evenness(rounds: pd.DataFrame, picks: pd.DataFrame, score: str) -> pd.Series:
    """Entropy of the shares of the classes, over that of equal shares: 1 is even, 0 one class."""
    later = picks[picks["round"] > 0]
    classes = len(later["label"].cat.categories)

    def even(labels: pd.Series) -> float:
        shares = labels.value_counts(normalize=True).to_numpy()
        shares = shares[shares > 0]
        return float(-(shares * np.log(shares)).sum() / np.log(classes))

    return pd.Series({seed: even(group["label"]) for seed, group in later.groupby("seed")})


def _choosing(rounds: pd.DataFrame, picks: pd.DataFrame, score: str) -> pd.Series:
    """Median over the rounds, since a busy machine delays single ones."""
    later = rounds[rounds["round"] > 0]  # the first subset is random for all
    return later.groupby("seed")["seconds_select"].median()


METRICS: dict[str, Metric] = {
    "area": Metric(
        lambda rounds, picks, score: analysis.area(rounds, score).set_index("seed")["area"],
        "mean {score} along the learning curve",
        "{score}",
    ),
    "last": Metric(
        lambda rounds, picks, score: analysis.last(rounds, score).set_index("seed")["last"],
        "{score} after the last round",
        "{score}",
    ),
    "best": Metric(
        lambda rounds, picks, score: analysis.last(rounds, score).set_index("seed")["best"],
        "best {score} of all rounds",
        "{score}",
    ),
    "positives_per_100": Metric(
        _found("positives_per_100"), "tumours in 100 picks", "tumours in 100 picks", 1, True
    ),
    "near_duplicate": Metric(
        _found("near_duplicate", 100), "near-duplicates in 100 picks", "in 100 picks", 1, True
    ),
    "artefact": Metric(
        _found("artefact", 100), "spoiled patches in 100 picks", "in 100 picks", 1, True
    ),
    "evenness": Metric(_evenness, "evenness of the picks over the classes (0 to 1)", "", 3, True),
    "choosing": Metric(_choosing, "seconds of choosing in a round", "s", 2),
}
SCORES = {"f1": "F1", "auroc": "AUROC", "average_precision": "average precision"}


def per_seed(stored: Stored, side: Side, metric: str, score: str = "f1") -> pd.Series:
    """The metric of each finished run of one side: a series over seeds, empty if there is none.

    ValueError: the study has no such grid, strategy or setting, or there is no such metric.
    """
    if metric not in METRICS:
        raise ValueError(f"no metric is called {metric!r}; there are {', '.join(METRICS)}")
    _checked(score, SCORES)
    rounds, picks = _runs(stored, side)
    if rounds.empty or (METRICS[metric].needs_picks and picks.empty):
        return pd.Series(dtype=float)
    return METRICS[metric].of(rounds, picks, score).astype(float)


def _runs(stored: Stored, side: Side, grid: str = "") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rounds and picks of one strategy in one setting; seconds are the processor's."""
    side = {"strategy": side} if isinstance(side, str) else dict(side)
    unknown = set(side) - {"strategy", "setting", "grid"}
    if unknown or not (grid or "grid" in side):
        raise ValueError(f"{side} should have a strategy, a grid and perhaps a setting")
    one = stored.grid(side.get("grid", grid))
    there = one.planned[one.planned["strategy"] == side.get("strategy")]
    if there.empty:
        known = ", ".join(dict.fromkeys(one.planned["strategy"]))
        raise ValueError(f"no strategy {side.get('strategy')!r} there; it has {known}")
    settings = list(dict.fromkeys(there["setting"]))
    alone = "" if "" in settings else settings[0] if len(settings) == 1 else None
    setting = side.get("setting", alone)
    if setting not in settings:
        what = f"no setting {setting!r} there" if setting else "a setting must be named"
        raise ValueError(f"{what}; it has {', '.join(settings)}")
    parts = []
    for table in (one.rounds, one.picks):
        mine = (table["strategy"] == side["strategy"]) & (table["setting"] == setting)
        parts.append(table[mine].reset_index(drop=True))
    return _at_processor_time(parts[0]), parts[1]


def _at_processor_time(rounds: pd.DataFrame) -> pd.DataFrame:
    """The rounds of runs, their seconds so far being the processor's.

    Other programs on the machine lengthen the seconds of a clock, and not those of a processor.
    """
    if "seconds_processor" not in rounds:
        return rounds
    ordered = rounds.sort_values("round", kind="stable")
    seconds = ordered["seconds_processor"].groupby(ordered["seed"]).cumsum()
    return rounds.assign(seconds_so_far=seconds)


# ---- measures on runs ---------------------------------------------------------------------


def difference(
    stored: Stored,
    a: Side,
    b: Side,
    metric: str,
    *,
    grid: str = "",
    score: str = "f1",
) -> Measured:
    """a - b, seed by seed (``analysis.paired``)."""
    left, right = (per_seed(stored, _in(grid, side), metric, score) for side in (a, b))
    words, unit, digits = _described(metric, score)
    how = f"{words}: {_name(a)} minus {_name(b)}, seed by seed"
    return _paired(left, right, how=how, unit=unit, digits=digits)


def gain_change(
    stored: Stored,
    a: str,
    b: str,
    setting: str,
    metric: str,
    *,
    grid: str,
    other_setting: str = "",
    other_grid: str = "",
    score: str = "f1",
) -> Measured:
    """How much more a gains over b in one setting than in another, seed by seed.

    other_setting: "" for the profile's own. other_grid: where that is, if not in ``grid``.
    """
    gains = []
    for where, one in ((grid, setting), (other_grid or grid, other_setting)):
        left, right = (
            per_seed(stored, {"grid": where, "strategy": s, "setting": one}, metric, score)
            for s in (a, b)
        )
        gains.append(left - right)
    words, unit, digits = _described(metric, score)
    other = other_setting or "the profile's own setting"
    how = f"{words}: {a} minus {b} at {setting}, less the same at {other}, seed by seed"
    return _paired(*(gain.dropna() for gain in gains), how=how, unit=unit, digits=digits)


def _paired(a: pd.Series, b: pd.Series, *, how: str, unit: str, digits: int) -> Measured:
    both = sorted(set(a.index) & set(b.index))
    if not both:
        return _none(how=how, unit=unit, digits=digits)
    frame = pd.DataFrame(
        {
            "strategy": ["a"] * len(both) + ["b"] * len(both),
            "seed": both * 2,
            "value": [*a[both], *b[both]],
        }
    )
    one = analysis.paired(frame, [("a", "b")], "value").iloc[0]
    return Measured(
        *(float(one[name]) for name in ("difference", "low", "high")),
        how=how,
        unit=unit,
        digits=digits,
        values=tuple(a[both] - b[both]),
        needs=FEWEST,
        p=float(one["p"]),
    )


def spared(stored: Stored, grid: str, strategy: str, what: str, variant: str = "best") -> Measured:
    """Per cent of the benchmark's spendings that a strategy spares until it has its score.

    what: "images", "image_epochs" or "processor" (time of choosing and training). variant:
    whether the score is the benchmark's "best", as in the paper, or its "last".
    """
    rounds, _ = _runs(stored, strategy, grid)
    whole, _ = _runs(stored, analysis.BENCHMARK, grid)
    how = (
        f"{SPENT[_checked(what, SPENT)]} until the benchmark's {variant} F1 of the same seed, "
        "of what it had spent by then: median, and not reached counts as worst"
    )
    both = set(rounds["seed"]) & set(whole["seed"])
    if not both:
        return _none(how=how, unit="%", digits=0, needs=FEWEST_MEDIAN)
    spent = analysis.to_benchmark(rounds[rounds["seed"].isin(both)], benchmarks=whole)
    spent = spent[spent["variant"] == _checked(variant, ("best", "last"))]
    return _median(100 * spent[f"{COLUMNS[what]}_spared"], how)


def spared_beside(
    stored: Stored, grid: str, strategy: str, rival: str, what: str = "images"
) -> Measured:
    """Per cent of a rival's spendings that a strategy spares until it has the rival's last F1."""
    ours, theirs = (_runs(stored, name, grid)[0] for name in (strategy, rival))
    column = {"images": "images"}.get(what, f"{COLUMNS[_checked(what, SPENT)]}_so_far")
    how = f"{SPENT[what]} until {rival}'s last F1 of the same seed: median"
    parts = []
    for seed in sorted(set(ours["seed"]) & set(theirs["seed"])):
        mine, other = (table[table["seed"] == seed] for table in (ours, theirs))
        target = analysis.last(other)["last"].iloc[0]
        a, b = (analysis.to_target(table, target)[column].iloc[0] for table in (mine, other))
        parts.append(100 * (1 - a / b))
    if not parts:
        return _none(how=how, unit="%", digits=0, needs=FEWEST_MEDIAN)
    return _median(parts, how)


SPENT = {
    "images": "images spared",
    "image_epochs": "image-epochs spared",
    "processor": "processor time of choosing and training spared",
}
COLUMNS = {"images": "images", "image_epochs": "image_epochs", "processor": "seconds"}


def _median(values: Sequence[float], how: str) -> Measured:
    never = np.nan_to_num(np.asarray(values, dtype=float), nan=-np.inf)
    middle, low, high, confidence = order_interval(never)
    reached = int(np.isfinite(never).sum())
    return Measured(
        middle,
        low,
        high,
        f"{how}; {reached} of {len(never)} seeds reached it; the interval covers the median with "
        f"{confidence:.0%}",
        unit="%",
        digits=0,
        values=tuple(never),
        needs=FEWEST_MEDIAN,
    )


def order_interval(values: Sequence[float], confidence: float = 0.9) -> tuple[float, ...]:
    """Median, ends of its interval, and the confidence that these have.

    The ends are the k-th smallest and the k-th largest value, with the largest k that has at
    least ``confidence`` (k = 1, all there is, for fewer than five values). The median of what
    the values were drawn from lies outside with a chance of 2 P(B < k), B binomial(n, 1/2)
    (Conover 1999, section 3.2). It takes -inf for what was never reached.
    """
    from scipy import stats

    ordered = np.sort(np.asarray(values, dtype=float))
    n, k = len(ordered), 1
    while k < n // 2 and 1 - 2 * stats.binom.cdf(k, n, 0.5) >= confidence:
        k += 1
    middle = ordered[[(n - 1) // 2, n // 2]]
    median = float(middle.mean()) if np.isfinite(middle).all() else float(middle[0])
    covered = 1 - 2 * stats.binom.cdf(k - 1, n, 0.5)
    return median, float(ordered[k - 1]), float(ordered[n - k]), float(covered)


def at_equal_work(stored: Stored, grid: str, strategy: str) -> Measured:
    """A strategy's last F1 less the benchmark's at the same image-epochs.

    The benchmark is scored on its way; between two scores it is read off a straight line,
    outside them the nearest one counts. Both proxies are trained alike.
    """
    ours, whole = (_runs(stored, name, grid)[0] for name in (strategy, analysis.BENCHMARK))
    same_proxy, _ = analysis.judged_by(whole)
    ends, there = {}, {}
    for seed in sorted(set(ours["seed"]) & set(whole["seed"])):
        mine, way = (t[t["seed"] == seed].sort_values("round") for t in (ours, whole))
        cost = "image_epochs_so_far"
        ends[seed] = mine["f1"].iloc[-1]
        there[seed] = np.interp(mine[cost].iloc[-1], way[cost], way[same_proxy])
    how = (
        f"last F1 of {strategy} minus the benchmark's at the same image-epochs, both proxies "
        "trained alike, seed by seed"
    )
    return _paired(pd.Series(ends), pd.Series(there), how=how, unit="F1", digits=3)


def ratio(
    stored: Stored, a: Side, b: Side, metric: str, *, grid: str = "", score: str = "f1"
) -> Measured:
    """a / b, seed by seed."""
    left, right = (per_seed(stored, _in(grid, side), metric, score) for side in (a, b))
    words, *_ = _described(metric, score)
    how = f"{words}: {_name(a)} over {_name(b)}, seed by seed"
    if metric == "choosing":
        how += "; encoding included, by the clock, on a machine busy with other work"
    return _mean((left / right).dropna(), how, "times", 1, nothing=1.0)


def growth(stored: Stored, grid: str, strategy: str) -> Measured:
    """Processor time of the last round over that of the first."""
    rounds, _ = _runs(stored, strategy, grid)
    costs = rounds.sort_values("round").groupby("seed")["seconds_processor"]
    how = f"processor time of {strategy}'s last round over that of its first"
    return _mean(costs.last() / costs.first(), how, "times", 1, nothing=1.0)


def best_epoch(stored: Stored, grid: str) -> Measured:
    """How far on its way the benchmark scores best: per cent of its epochs."""
    rounds, _ = _runs(stored, analysis.BENCHMARK, grid)
    _, at_best = analysis.judged_by(rounds)
    parts = {
        seed: 100 * (int(run.sort_values("round")[at_best].argmax()) + 1) / len(run)
        for seed, run in rounds.groupby("seed")
    }
    how = "where on its way the benchmark has its best F1"
    return _mean(pd.Series(parts, dtype=float), how, "%", 0)


def level(stored: Stored, grid: str, strategy: str, metric: str, score: str = "f1") -> Measured:
    """The metric itself."""
    words, unit, digits = _described(metric, score)
    values = per_seed(stored, {"grid": grid, "strategy": strategy}, metric, score)
    return _mean(values, f"{words} of {strategy}", unit, digits)


def orders(stored: Stored, grid: str, order: Sequence[str], runs: int) -> Measured:
    """Per cent of all sets of so many seeds in which the mean curves lie in this order."""
    areas = [per_seed(stored, {"grid": grid, "strategy": name}, "area") for name in order]
    both = sorted(set.intersection(*(set(one.index) for one in areas)))
    how = f"sets of {runs} seeds whose mean curves lie in the order {', '.join(order)}"
    sets = list(itertools.combinations(both, runs))
    if not sets:
        return _none(how=how, unit="%", digits=0, needs=runs)
    heights = [[one[list(some)].mean() for one in areas] for some in sets]
    held = 100 * float(np.mean([bool((np.diff(h) < 0).all()) for h in heights]))
    how += f" (of {len(sets)})"
    nan, values = float("nan"), (held,) * len(both)
    return Measured(held, nan, nan, how, unit="%", digits=0, values=values, needs=runs)


def _mean(values: pd.Series, how: str, unit: str, digits: int, nothing: float = 0.0) -> Measured:
    if values.empty:
        return _none(how=how, unit=unit, digits=digits)
    return Measured(
        *analysis.interval(values),
        how=how,
        unit=unit,
        digits=digits,
        values=tuple(values),
        nothing=nothing,
        needs=FEWEST,
    )


def _none(*, how: str, unit: str, digits: int, needs: int = FEWEST) -> Measured:
    nan = float("nan")
    return Measured(nan, nan, nan, how, unit=unit, digits=digits, needs=needs)


def _in(grid: str, side: Side) -> dict[str, str]:
    side = {"strategy": side} if isinstance(side, str) else dict(side)
    return {"grid": grid, **side} if grid else side


def _name(side: Side) -> str:
    if isinstance(side, str):
        return side
    where = side.get("setting") or (f"grid “{side['grid']}”" if "grid" in side else "")
    return side["strategy"] + (f" ({where})" if where else "")


def _described(metric: str, score: str) -> tuple[str, str, int]:
    """Words, unit and digits of a metric."""
    _checked(metric, METRICS)
    named = SCORES[_checked(score, SCORES)]
    one = METRICS[metric]
    return one.words.format(score=named), one.unit.format(score=named), one.digits


def _checked(name: str, known: Any) -> str:
    if name not in known:
        raise ValueError(f"{name!r} is unknown; there are {', '.join(known)}")
    return name


MEASURES: dict[str, Callable[..., Measured]] = {
    one.__name__: one
    for one in (
        difference, gain_change, spared, spared_beside, at_equal_work, ratio, growth, best_epoch,
        level, orders,
    )
}  # fmt: skip


# ---- arithmetic, from the paper's own numbers -----------------------------------------------


def _exact(value: float, how: str, unit: str, digits: int, nothing: float = 0.0) -> Measured:
    value = float(value)
    return Measured(value, value, value, how, unit=unit, digits=digits, nothing=nothing)


def total(parts: Sequence[float]) -> Measured:
    """The sum of the parts."""
    unit = "iterations" if len(parts) == 1 else "images"
    return _exact(sum(parts), " + ".join(f"{part:,}" for part in parts), unit, 0)


def spared_of(part: float, whole: float) -> Measured:
    """How much less the part is than the whole, in per cent."""
    return _exact(100 * (1 - part / whole), f"1 − {part:,} / {whole:,}", "%", 1)


def minutes(seconds: Sequence[Sequence[float]]) -> Measured:
    """The sum of so many times so many seconds, in minutes."""
    how = " + ".join(f"{times} × {each} s" for times, each in seconds)
    return _exact(sum(times * each for times, each in seconds) / 60, how, "min", 2)


def epochs_in(seconds: float, iterations: int) -> Measured:
    """Epochs an iteration that fit in the seconds, on a growing set at the benchmark's pace."""
    paper = profiles.PROFILES["paper"]
    pace = (paper.train_images - paper.labelled) / (6 * 60)  # images a second (section III-D)
    once = paper.budget * iterations * (iterations + 1) // 2
    how = f"{seconds} s at the benchmark's {pace:.0f} images a second, by {once:,} images an epoch"
    return _exact(seconds * pace / once, how, "epochs", 1)


def work_spared(rounds: int) -> Measured:
    """Per cent of the benchmark's image-epochs that so many rounds of the paper's sizes spare."""
    cost = analysis.work(profiles.PROFILES["paper"], rounds).set_index("what")["image_epochs"]
    loop, whole = cost[f"{rounds} rounds"], cost["benchmark"]
    how = f"{loop / 1e6:.1f} of {whole / 1e6:.1f} million image-epochs"
    return _exact(100 * (1 - loop / whole), how, "%", 0)


def set_growth(iteration: int) -> Measured:
    """How many times the training set of an iteration is that of the one before."""
    budget = profiles.PROFILES["paper"].budget
    how = f"{iteration * budget:,} images after {(iteration - 1) * budget:,}"
    return _exact(iteration / (iteration - 1), how, "times", 2)


def remainder(number: int, step: int) -> Measured:
    """What is left of a number of epochs after whole steps."""
    return _exact(number % step, f"{number} = {number // step} × {step} + rest", "epochs", 0)


def minority(part: float, whole: float) -> Measured:
    """A part in per cent; half is what would make it no minority."""
    return _exact(100 * part / whole, f"{part:,} of {whole:,}", "%", 1, nothing=50.0)


def never_tumour(positives: int, negatives: int) -> Measured:
    """Accuracy less F1 of the answer that never says tumour."""
    accuracy = negatives / (positives + negatives)
    how = f"accuracy {accuracy:.3f} less an F1 of 0, on the paper's test set"
    return _exact(accuracy, how, "points", 3)


def negatives(images: int) -> Measured:
    """How many views of a batch are negatives to a view: neither itself nor its partner."""
    views = 2 * images
    partner = (np.arange(views) + images) % views
    others = np.arange(views)
    counts = [((others != one) & (others != partner[one])).sum() for one in range(views)]
    if len(set(counts)) > 1:
        raise ValueError("views differ in their negatives")
    return _exact(counts[0], f"counted in a batch of {images}", "views", 0)


def printed_formula() -> Measured:
    """Formula (3) as printed at p = 1/2 less that at p = 0.99, in nats."""

    def printed(p: float) -> float:
        return p * np.log(p) + (1 - p) * np.log(1 - p)

    how = f"Σ p log p is {printed(0.5):.2f} at p = 0.5 and {printed(0.99):.2f} at p = 0.99"
    return _exact(printed(0.5) - printed(0.99), how, "nats", 2)


def boundary_ranks() -> Measured:
    """Spearman's correlation of a binary proxy's entropy with nearness to its boundary.

    The distance of features h to the boundary of w h + b is |logit| / |w|, so |logit| ranks it.
    """
    from scipy import stats

    distance = np.linspace(0, 8, 801)  # |logit|
    p = 1 / (1 + np.exp(-distance))
    entropy = -p * np.log(p) - (1 - p) * np.log1p(-p)
    rank = stats.spearmanr(entropy, -distance).statistic
    return _exact(rank, "Spearman's correlation over 801 logits", "", 2)


def smallest_p(runs: int, below: float) -> Measured:
    """The least p that a paired test by flipping signs can give with so many runs."""
    least = analysis.sign_flip(np.ones(runs))
    how = f"the least p: 2 of {2**runs} ways to flip {runs} signs"
    return _exact(least, how, "", 2, nothing=below)


def settings(**wanted: float) -> Measured:
    """Per cent of these settings that the kit's paper profile has; features are 8 x width."""
    paper = profiles.PROFILES["paper"]
    has = {**vars(paper), "features": 8 * paper.width}
    unknown = sorted(set(wanted) - set(has))
    if unknown:
        raise ValueError(f"the profile has no {', '.join(unknown)}")
    differ = [name for name, value in wanted.items() if has[name] != value]
    how = f"{len(wanted) - len(differ)} of {len(wanted)} settings"
    how += f"; others: {', '.join(differ)}" if differ else ""
    return _exact(100 * (1 - len(differ) / len(wanted)), how, "%", 0)


ARITHMETIC: dict[str, Callable[..., Measured]] = {
    one.__name__: one
    for one in (
        total, spared_of, minutes, epochs_in, work_spared, set_growth, remainder, minority,
        never_tumour, negatives, printed_formula, boundary_ranks, smallest_p, settings,
    )
}  # fmt: skip


# ---- in words -----------------------------------------------------------------------------


def number(value: float, digits: int, *, sign: bool = False) -> str:
    """A value as text: "not reached" for -inf, a real minus sign, no "-0"."""
    if np.isneginf(value):
        return "not reached"
    if np.isnan(value):
        return "no value"
    text = f"{value:+,.{digits}f}" if sign else f"{value:,.{digits}f}"
    if not float(text.replace(",", "")):
        text = text.lstrip("+-")
    return text.replace("-", "−")


def with_unit(text: str, unit: str) -> str:
    """ "93%", "8.9 min": a number and its unit."""
    return f"{text}{'' if unit.startswith('%') else ' '}{unit}".strip()


def ours(found: Measured | None) -> str:
    """Estimate, interval and unit as text: "+0.041 F1 (0.010 to 0.072)"."""
    if found is None:
        return "not measured"
    if np.isnan(found.estimate):
        return "no finished runs yet"
    signed = np.isfinite(found.p) and found.estimate > 0  # a difference
    text = number(found.estimate, found.digits, sign=bool(signed))
    text = text if text == "not reached" else with_unit(text, found.unit)
    if not found.seeds or np.isnan(found.low) or np.isneginf(found.high):
        return text
    low, high = (number(end, found.digits) for end in (found.low, found.high))
    return f"{text} ({low} to {high})"


def printed(claim: Claim) -> str:
    """The paper's number as text; "" where it gives none."""
    if claim.value is None:
        return ""
    return with_unit(f"{claim.value:,}", claim.unit)


def tally(lines: Sequence[Line]) -> dict[str, int]:
    """How many lines have each verdict."""
    return {one: sum(line.verdict == one for line in lines) for one in VERDICTS}


def wanting(line: Line) -> str:
    """The verdict as text; with how many seeds there are where these are too few, and with the
    paper's number where our whole interval falls short of it.
    """
    if line.waits:
        seeds, needs = line.measured.seeds, line.measured.needs
        return f"{line.verdict} (yet: {seeds} of at least {needs} seeds)"
    if falls_short(line):
        return f"{line.verdict}; {printed(line.claim)} lies outside the interval"
    return line.verdict


def falls_short(line: Line) -> bool:
    """Whether there may be an effect, but the paper's number is more than our interval holds."""
    claim, found = line.claim, line.measured
    if line.verdict not in (SAME, NOT_SEEN) or claim.value is None or not found.seeds:
        return False
    if claim.expect not in ("more", "less"):
        return False
    side = 1 if claim.expect == "more" else -1
    return max(side * found.low, side * found.high) < side * claim.value - claim.rounding
