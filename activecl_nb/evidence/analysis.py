"""What the runs say: curves with their spread, work done, what was picked, what differs.

Runs or their tables in, pandas tables out; ``figures`` draws them. A score that was never
reached stays "not reached" (NaN) and is not replaced by the last one there was.

A study adds the column ``setting`` to a table (a dial and its value, such as
"tumour_share=0.05"; "" for the default). Where it is there, every function keeps the settings
apart, and its result has the column too: written [setting] below.

From runs to a comparison:

    rounds = table(runs)                                # a row a round
    ends = last(rounds)                                 # a row a run
    paired(ends, [("entropy", "random")], "last")       # a row a comparison, seed by seed
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from activecl_nb import seeds

if TYPE_CHECKING:
    from activecl_nb.protocol import Protocol
    from activecl_nb.runs import Run
    from activecl_nb.tissue import Tissue

    Runs: TypeAlias = Iterable[Run] | pd.DataFrame  # runs, or the table made of them

BENCHMARK = "benchmark"  # as in experiment, said again so that tables open without torch
MORE_F1 = ("f1_same_proxy", "f1_best")  # at the end and at best, as ``Run.table`` names them
COST = ["round", "images", "image_epochs_so_far", "seconds_so_far"]
EXACT = 16  # up to so many seeds every sign flip is tried, beyond it a sample of them
FLIPS = 100_000


# ---- tables ------------------------------------------------------------------------------


def table(runs: Runs) -> pd.DataFrame:
    """A row a round of every run: strategy, seed, [setting], round, images, work so far, scores.

    ``image_epochs_so_far`` and ``seconds_so_far`` (training and choosing; scoring is not what a
    method costs) add up the rounds up to this one. A table already made is returned as it is,
    with these two where they are missing.

    ValueError: no runs, or a table without strategy, seed or round.
    """
    if isinstance(runs, pd.DataFrame):
        return _with_work(_checked(runs, "strategy", "seed", "round"))
    parts = [run.table().assign(strategy=run.strategy, seed=run.seed) for run in runs]
    if not parts:
        raise ValueError("no runs to tabulate; give at least one")
    rounds = pd.concat(parts, ignore_index=True)
    ahead = ["strategy", "seed"]
    return _with_work(rounds[ahead + [c for c in rounds if c not in ahead]])


def _with_work(rounds: pd.DataFrame) -> pd.DataFrame:
    ordered = rounds.sort_values("round", kind="stable")
    runs = [ordered[name] for name in _by(rounds, "strategy", "seed", "setting")]
    costs = {
        "image_epochs_so_far": ["image_epochs"],
        "seconds_so_far": ["seconds_train", "seconds_select"],
    }
    for name, parts in costs.items():
        if name not in rounds and set(parts) <= set(rounds):
            # Assigned by index, so each sum lands on its own round.
            rounds[name] = ordered[parts].sum(axis=1).groupby(runs).cumsum()
    return rounds


def _checked(frame: pd.DataFrame, *needed: str) -> pd.DataFrame:
    """A copy with rows numbered anew and no missing settings (a CSV file loses the empty ones)."""
    missing = [name for name in needed if name not in frame]
    if missing:
        raise ValueError(
            f"the table lacks {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}"
        )
    if frame.empty:
        raise ValueError("the table has no rows; give at least one run")
    frame = frame.reset_index(drop=True)
    if "setting" in frame:
        settings = frame["setting"].astype(object)
        frame["setting"] = settings.where(settings.notna(), "")
    return frame


def _by(frame: pd.DataFrame, *names: str) -> list[str]:
    """Those of these columns that the table has; only ``setting`` may be missing."""
    return [name for name in names if name in frame or name != "setting"]


def _each_run(rounds: pd.DataFrame) -> Iterator[tuple[tuple, pd.DataFrame]]:
    """(strategy, seed, [setting]) and the run's rows in the order of its rounds."""
    for key, run in rounds.groupby(_by(rounds, "strategy", "seed", "setting"), sort=False):
        yield key, run.sort_values("round", kind="stable")


# ---- scores ------------------------------------------------------------------------------


def interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean and the ends of Student's t interval for it; the ends are NaN for a single value."""
    from scipy import stats

    values = np.asarray(values, dtype=np.float64)
    mean = float(values.mean())
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    half = stats.sem(values) * stats.t.ppf((1 + confidence) / 2, len(values) - 1)
    return mean, float(mean - half), float(mean + half)


def curve(runs: Runs, score: str = "f1", x: str = "images") -> pd.DataFrame:
    """Mean score and 95% interval over seeds, for every strategy and round.

    Columns: strategy, [setting], round, ``x`` (its mean over seeds), mean, low, high, seeds.
    """
    rounds, rows = table(runs), []
    by = _by(rounds, "strategy", "setting", "round")
    for key, group in rounds.groupby(by, sort=False):
        rows.append((*key, group[x].mean(), *interval(group[score]), len(group)))
    return pd.DataFrame(rows, columns=[*by, x, "mean", "low", "high", "seeds"])


def last(runs: Runs, score: str = "f1") -> pd.DataFrame:
    """The score after each run's last round, and the best of all its rounds.

    The best is chosen with the test set in view, so it flatters; the more rounds, the more.
    Columns: strategy, seed, [setting], round (the last), last, best; see ``judged_by``.
    """
    rounds = table(runs)
    at_end, at_best = judged_by(rounds, score)
    rows = [
        (*key, run["round"].iloc[-1], run[at_end].iloc[-1], run[at_best].max())
        for key, run in _each_run(rounds)
    ]
    by = _by(rounds, "strategy", "seed", "setting")
    return pd.DataFrame(rows, columns=[*by, "round", "last", "best"])


def judged_by(rounds: pd.DataFrame, score: str = "f1") -> tuple[str, str]:
    """The columns that hold a score at a run's end, and at its best.

    They differ from ``score`` for F1 alone, of which ``Run.table`` knows more. The paper trains
    the benchmark's proxy five times as long as a loop's (section III-B), and reports its best
    proxy epoch (section III-D). So the best is taken of all proxy epochs, as there; and the last
    after as many as the loop's, so that the two differ in their encoders and in nothing else.
    """
    if score == "f1" and set(MORE_F1) <= set(rounds):
        return MORE_F1
    return score, score


def area(runs: Runs, score: str = "f1", x: str = "images") -> pd.DataFrame:
    """Area under each run's learning curve over its width: a mean score along ``x``.

    By the trapezoid rule, sum of (x[t+1] - x[t]) (s[t] + s[t+1]) / 2, divided by x[T] - x[0], so
    in units of the score. Areas compare when the runs span the same ``x``: images do within a
    protocol, seconds do not. NaN where a run has no width: a single round, or the benchmark by
    images. Columns: strategy, seed, [setting], area.
    """
    from scipy.integrate import trapezoid

    rounds, rows = table(runs), []
    for key, run in _each_run(rounds):
        along, scores = run[x].to_numpy(float), run[score].to_numpy(float)
        width = along[-1] - along[0]
        rows.append((*key, trapezoid(scores, along) / width if width else np.nan))
    return pd.DataFrame(rows, columns=[*_by(rounds, "strategy", "seed", "setting"), "area"])


def spread(values: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean and 95% interval over seeds of a value that each run has one of.

    values: a row a run, such as ``last``, ``area`` or ``found`` give. A run without its value
    (NaN) leaves its strategy without a mean: the mean of those that got there says nothing about
    all. Columns: strategy, [setting], mean, low, high, seeds.
    """
    values = _checked(values, "strategy", "seed", metric)
    by = _by(values, "strategy", "setting")
    rows = [
        (*key, *interval(group[metric]), len(group))
        for key, group in values.groupby(by, sort=False)
    ]
    return pd.DataFrame(rows, columns=[*by, "mean", "low", "high", "seeds"])


def band(runs: Runs, score: str = "f1") -> pd.DataFrame:
    """The benchmark's band: mean and 95% interval over seeds of its last and its best score.

    Columns: [setting], variant ("last" or "best"), mean, low, high, seeds.
    ValueError: there is no benchmark among the runs.
    """
    ends = last(_benchmarks(table(runs)), score)
    parts = [spread(ends, variant).assign(variant=variant) for variant in ("last", "best")]
    both = pd.concat(parts, ignore_index=True)
    return both[[*_by(both, "setting"), "variant", "mean", "low", "high", "seeds"]]


def _benchmarks(rounds: pd.DataFrame) -> pd.DataFrame:
    found = rounds[rounds["strategy"] == BENCHMARK]
    if found.empty:
        known = ", ".join(dict.fromkeys(rounds["strategy"]))
        raise ValueError(f"no run of the benchmark among {known}; add one")
    return found


# ---- what it takes to reach a score --------------------------------------------------------


def to_target(runs: Runs, target: float, score: str = "f1") -> pd.DataFrame:
    """What each run had spent when its score first reached ``target``; NaN where it never did.

    Columns: strategy, seed, [setting], round, images, image_epochs_so_far, seconds_so_far.
    """
    rounds = table(runs)
    rows = [(*key, *_spent(run, target, score)) for key, run in _each_run(rounds)]
    return pd.DataFrame(rows, columns=[*_by(rounds, "strategy", "seed", "setting"), *COST])


def _spent(run: pd.DataFrame, target: float, score: str) -> Iterable[float]:
    reached = run[run[score] >= target]
    return reached.iloc[0][COST] if len(reached) else [np.nan] * len(COST)


def to_benchmark(runs: Runs, score: str = "f1", benchmarks: Runs | None = None) -> pd.DataFrame:
    """What each run had spent when it first reached the benchmark's score of its own seed.

    The target is the benchmark's score after its last round (variant "last"), or the best of
    its rounds ("best", the harder one), see ``judged_by``. ``images_spared``,
    ``image_epochs_spared`` and ``seconds_spared`` are 1 - spent / what the benchmark had spent at
    the round that set the target (the first of equal ones): the paper claims 0.93 of the images
    and 0.99 of the time.
    All are NaN where the target was never reached; ``target`` too where the seed (and setting)
    has no benchmark.

    benchmarks: where the benchmark's runs are, if not among ``runs``.

    Columns: strategy, seed, [setting], variant, target, round, images, image_epochs_so_far,
    seconds_so_far, images_spared, image_epochs_spared, seconds_spared.
    """
    rounds = table(runs)
    whole = _benchmarks(rounds if benchmarks is None else table(benchmarks))
    by = _by(rounds, "strategy", "seed", "setting")
    of_seed = {key[1:]: run for key, run in _each_run(whole)}
    at_end, at_best = judged_by(whole, score)
    rows = []
    for key, run in _each_run(rounds[rounds["strategy"] != BENCHMARK]):
        rival = of_seed.get(key[1:])
        for variant, column in (("last", at_end), ("best", at_best)):
            if rival is None:
                rows.append((*key, variant, *[np.nan] * 8))
                continue
            end = rival.iloc[-1 if variant == "last" else int(np.argmax(rival[column]))]
            spent = np.array([*_spent(run, end[column], score)], dtype=float)
            spared = 1 - spent[1:] / end[COST[1:]].to_numpy(float)
            rows.append((*key, variant, end[column], *spent, *spared))
    names = ["images_spared", "image_epochs_spared", "seconds_spared"]
    return pd.DataFrame(rows, columns=[*by, "variant", "target", *COST, *names])


def reached(spent: pd.DataFrame) -> pd.DataFrame:
    """How many seeds reached their target, and the median of what it took over all seeds.

    spent: as ``to_target`` or ``to_benchmark`` give it. A run that never got there counts as one
    that takes for ever (and spares the least of all), so the median is NaN, "not reached", once
    half of the seeds have not. Columns: strategy, [setting], [variant], reached, seeds, and the
    median of each column of ``spent``. A seed without a benchmark is not counted.
    """
    spent = _checked(spent, "strategy", "seed", *COST)
    if "target" in spent:
        spent = spent[spent["target"].notna()]
    by = [name for name in ("strategy", "setting", "variant") if name in spent]
    metrics = [name for name in spent if name in COST or name.endswith("_spared")]
    rows = []
    for key, group in spent.groupby(by, sort=False):
        there = int(group[COST[0]].notna().sum())
        rows.append((*key, there, len(group), *(_median(group[name]) for name in metrics)))
    return pd.DataFrame(rows, columns=[*by, "reached", "seeds", *metrics])


def _median(values: pd.Series) -> float:
    """Median with "not reached" at the far end: NaN if it is, or leans on, one of those."""
    never = -np.inf if values.name.endswith("_spared") else np.inf
    middle = np.median(values.fillna(never))
    return float(middle) if np.isfinite(middle) else float("nan")


# ---- comparisons ---------------------------------------------------------------------------


def paired(values: pd.DataFrame, pairs: Iterable[tuple[Any, Any]], metric: str) -> pd.DataFrame:
    """Compare by seed: runs of one seed share their split and first subset, so differences count.

    values: a row a run, such as ``last``, ``area``, ``found`` or ``to_target`` give.
    pairs: (a, b), each the name of a strategy, compared in every setting that both have; or
        each a (strategy, setting), to compare across settings.

    Columns, a row a comparison: a, b, [setting, setting_b], n (seeds compared), left_out (seeds
    that one side lacks or where its value is NaN: with any, the rest may be the lucky ones),
    mean_a, mean_b, difference (the mean of a - b), low, high (its 95% t interval), d_z (the
    mean difference over the differences' standard deviation; Cohen 1988, section 2.3.5), g (d_z
    times ``hedges``, for with few seeds d_z is too large on average), p (``sign_flip``), p_holm
    (``holm`` over all rows) and p_smallest: the least p that so many seeds can give, 2 / 2^n.
    Five seeds never get below 0.0625, whatever they show, and Holm's correction for m
    comparisons may lift that to m times as much: with few seeds read the intervals and effects.

    ValueError: an unknown strategy or setting, or several values for one run.
    """
    values = _checked(values, "strategy", "seed", metric)
    by = _by(values, "strategy", "setting")
    of_side = {}
    for key, group in values.groupby(by, sort=False):
        if group["seed"].duplicated().any():
            raise ValueError(
                f"{', '.join(key)} has several values of {metric} for a seed; give one a run, "
                "such as analysis.last or analysis.area do"
            )
        of_side[(*key, "")[:2]] = group.set_index("seed")[metric].astype(float)
    rows = []
    for (a, setting), (b, setting_b) in _sides(pairs, of_side):
        left, right = of_side[a, setting].align(of_side[b, setting_b])
        known = np.isfinite(left - right)
        rows.append(
            {
                "a": a,
                "b": b,
                "setting": setting,
                "setting_b": setting_b,
                **_compare(left[known].to_numpy(), right[known].to_numpy()),
                "left_out": int((~known).sum()),
            }
        )
    result = pd.DataFrame(rows)
    result["p_holm"] = holm(result["p"])
    compared = ["n", "left_out", "mean_a", "mean_b", "difference", "low", "high", "d_z", "g"]
    which = ["setting", "setting_b"] if "setting" in values else []
    return result[["a", "b", *which, *compared, "p", "p_holm", "p_smallest"]]


def _sides(pairs: Iterable, known: dict) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """((strategy, setting), (strategy, setting)) of every comparison asked for."""
    pairs = list(pairs)
    if not pairs:
        raise ValueError("no pairs to compare; give at least one, such as ('entropy', 'random')")
    for a, b in pairs:
        if isinstance(a, str) and isinstance(b, str):
            shared = [setting for name, setting in known if name == a and (b, setting) in known]
            found = [((a, setting), (b, setting)) for setting in shared]
        else:
            found = [(a, b)] if a in known and b in known else []
        if not found:
            names = ", ".join(repr(name) for name in known)
            raise ValueError(f"cannot compare {a!r} with {b!r}; (strategy, setting) are {names}")
        yield from found


def _compare(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    d, n = a - b, len(a)
    if not n:
        names = ("mean_a", "mean_b", "difference", "low", "high", "d_z", "g", "p", "p_smallest")
        return {"n": 0, **dict.fromkeys(names, float("nan"))}
    mean, low, high = interval(d)
    deviation = d.std(ddof=1) if n > 1 else np.nan
    alike = not deviation > 1e-12 * abs(mean)  # no spread to measure the mean by, up to rounding
    d_z = np.nan if alike else mean / deviation
    return {
        "n": n,
        "mean_a": a.mean(),
        "mean_b": b.mean(),
        "difference": mean,
        "low": low,
        "high": high,
        "d_z": d_z,
        "g": d_z * hedges(n),
        "p": sign_flip(d),
        "p_smallest": 2 / 2**n if n <= EXACT else 1 / (FLIPS + 1),
    }


def hedges(n: int) -> float:
    """What d_z of n differences is multiplied with to be right on average (Hedges 1981).

    J = gamma(m / 2) / (sqrt(m / 2) gamma((m - 1) / 2)) with m = n - 1: 0.80 for five seeds, 0.92
    for ten. NaN below three.
    """
    m = n - 1
    if m < 2:
        return float("nan")
    return math.exp(math.lgamma(m / 2) - math.lgamma((m - 1) / 2)) / math.sqrt(m / 2)


def sign_flip(differences: Sequence[float]) -> float:
    """Two-sided p of a mean difference, by flipping signs (Fisher 1935, section 21).

    If a and b did not differ, each seed's a - b could as well have been b - a. p is the share of
    all 2^n ways to flip the signs whose mean is at least as far from 0 as the one seen; the
    signs as they are and all of them flipped are two such ways, so p is at least 2 / 2^n. Above
    16 seeds, 100,000 flips are drawn and p = (hits + 1) / (draws + 1) (Phipson and Smyth 2010).
    """
    d = np.asarray(differences, dtype=np.float64)
    n = len(d)
    if not n or not np.isfinite(d).all():
        raise ValueError(f"the test needs finite differences, at least one; not {d.tolist()}")
    drawn = n > EXACT
    if drawn:
        signs = seeds.numpy_generator(0, "sign flips", n).integers(0, 2, (FLIPS, n)) * 2.0 - 1
    else:
        signs = 1.0 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
    rounding = 1e-12 * np.abs(d).sum()  # equal sums may differ in their last digits
    hits = np.abs(signs @ d) >= abs(d.sum()) - rounding
    return float((hits.sum() + drawn) / (len(signs) + drawn))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """p-values corrected for being several: float64, in the order given (Holm 1979).

    The smallest of m is multiplied by m, the next by m - 1, and so on; none falls below one
    before it, nor rises above 1. NaN stays NaN and is not counted.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)[: np.isfinite(p).sum()]  # NaN is sorted last
    corrected = np.full(len(p), np.nan)
    steps = p[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected


# ---- what was picked -----------------------------------------------------------------------


def picks(runs: Runs, train: Tissue | None = None) -> pd.DataFrame:
    """A row a pick: strategy, seed, [setting], round, order (in the round), position, and facts.

    train: the patches that the runs picked from. What it does not know is left out:
    label: its class as given, a category. positive: whether that is the class sought.
    near_duplicate: whether a patch of the same spot was in the training set before it: the patch
        that it nearly repeats, or another repeat of that one, picked in an earlier round or
        earlier in this one. Only these waste budget; a repeat whose original was never picked
        shows the encoder something new. Left out after ``Tissue.take``, which renumbers.
    artefact: whether it has a fold, a pen mark, or is out of focus.

    The table made is returned as it is. ValueError: ``train`` is not what the runs picked from.
    """
    if isinstance(runs, pd.DataFrame):
        return _checked(runs, "strategy", "seed", "round", "order", "position")
    if train is None:
        raise ValueError("give the training patches as well: a run knows positions alone")
    labels, origin = train.labels.numpy(), _origins(train)
    parts = []
    for run in runs:
        _same_patches(run, train)
        positive, chosen = run.data.get("positive", "TUM"), run.chosen()
        sizes = [len(one.picked) for one in run.rounds]
        part = pd.DataFrame(
            {
                "strategy": run.strategy,
                "seed": run.seed,
                "round": np.repeat([one.number for one in run.rounds], sizes),
                "order": np.concatenate([np.arange(size) for size in sizes]),
                "position": chosen,
                "label": pd.Categorical.from_codes(labels[chosen], list(train.class_names)),
                "positive": labels[chosen] == train.class_names.index(positive),
            }
        )
        if origin is not None:
            part["near_duplicate"] = pd.Series(origin[chosen]).duplicated()  # in picking order
        if "artefact" in train.facts:
            part["artefact"] = train.facts["artefact"][chosen] != "none"
        parts.append(part)
    if not parts:
        raise ValueError("no runs to tabulate; give at least one")
    return pd.concat(parts, ignore_index=True)


def _same_patches(run: Run, train: Tissue) -> None:
    chosen, positive = run.chosen(), run.data.get("positive", "TUM")
    here = {"source": train.source, "train": len(train)}
    differ = [
        f"{name} {run.data[name]!r} there, {value!r} here"
        for name, value in here.items()
        if run.data.get(name, value) != value
    ]
    if len(chosen) and chosen.max() >= len(train):
        differ.append(f"position {chosen.max()} was picked, there are {len(train)} patches")
    if positive not in train.class_names:
        differ.append(f"the class sought is {positive}, not in {', '.join(train.class_names)}")
    if differ:
        raise ValueError(
            f"{run.strategy}, seed {run.seed}, did not pick from these patches "
            f"({'; '.join(differ)}); give the training patches of that run"
        )


def _origins(train: Tissue) -> np.ndarray | None:
    """The position of the patch whose spot each one shows; None where that is not known.

    ``duplicate_of`` counts as the phantom drew. After patches were taken out it names the wrong
    ones, which shows: a patch and its origin are of one slide and one tissue.
    """
    repeats = train.facts.get("duplicate_of")
    if repeats is None:
        return None
    origin = np.where(repeats >= 0, repeats, np.arange(len(train)))
    if origin.max(initial=-1) >= len(train) or (repeats[origin] >= 0).any():
        return None
    alike = (train.facts[name] for name in ("slide", "true_class") if name in train.facts)
    return origin if all((fact == fact[origin]).all() for fact in alike) else None


def composition(runs: Runs, train: Tissue | None = None) -> pd.DataFrame:
    """Classes of each round's picks as shares, the mean over seeds.

    runs: runs and their training patches, or a table of ``picks``.
    Columns: strategy, [setting], round, and one for each class.
    """
    picked = picks(runs, train)
    by = _by(picked, "strategy", "setting", "round")
    each = pd.get_dummies(picked["label"], dtype=float)
    each.columns = list(each.columns)  # plain names, not categories
    shares = each.groupby([picked[name] for name in (*by, "seed")], sort=False).mean()
    return shares.groupby(by, sort=False).mean().reset_index()


def makeup(runs: Runs, train: Tissue | None = None) -> pd.DataFrame:
    """What the picks of every round are, run by run: counts, imbalance, waste.

    runs: runs and their training patches, or a table of ``picks``. The result goes into
    ``curve`` for the spread over seeds: ``curve(makeup(picked), "near_duplicate")``.

    Columns: strategy, seed, [setting], round, images (picked so far), picks, positives,
    imbalance_ratio (negatives for one positive; infinite without positives),
    imbalance_ratio_so_far (of all images up to this round), and the shares of the round's picks
    that are positive, near_duplicate and artefact, where ``picks`` knows them.
    """
    picked = picks(runs, train)
    by, kinds = _by(picked, "strategy", "seed", "setting"), _kinds(picked)
    groups = picked.groupby([*by, "round"], sort=False)
    counts = groups["positive"].agg(picks="size", positives="sum").reset_index()
    so_far = counts.groupby(by, sort=False)[["picks", "positives"]].cumsum()
    counts.insert(len(by) + 1, "images", so_far["picks"])
    counts["imbalance_ratio"] = _ratio(counts)
    counts["imbalance_ratio_so_far"] = _ratio(so_far)
    return counts.join(groups[kinds].mean().reset_index(drop=True))


def found(runs: Runs, train: Tissue | None = None, *, first_round: int = 1) -> pd.DataFrame:
    """What each run's own picks are: positives per 100 picks, imbalance, waste; a row a run.

    The first round is the same random draw for every strategy, so it is left out; 0 as
    ``first_round`` counts it in. runs: runs and their training patches, or ``picks``.

    Columns: strategy, seed, [setting], picks, positives, positives_per_100, imbalance_ratio
    (negatives for one positive), and the shares near_duplicate and artefact where known.
    """
    picked = picks(runs, train)
    picked = picked[picked["round"] >= first_round]
    by = _by(picked, "strategy", "seed", "setting")
    groups = picked.groupby(by, sort=False)
    counts = groups["positive"].agg(picks="size", positives="sum").reset_index()
    counts["positives_per_100"] = 100 * counts["positives"] / counts["picks"]
    counts["imbalance_ratio"] = _ratio(counts)
    waste = [kind for kind in _kinds(picked) if kind != "positive"]
    return counts.join(groups[waste].mean().reset_index(drop=True)) if waste else counts


def _kinds(picked: pd.DataFrame) -> list[str]:
    return [name for name in ("positive", "near_duplicate", "artefact") if name in picked]


def _ratio(counts: pd.DataFrame) -> pd.Series:
    positives = counts["positives"].where(counts["positives"] > 0)  # NaN, not a division by 0
    return ((counts["picks"] - positives) / positives).fillna(np.inf)


def overlap(runs: Sequence[Run]) -> pd.DataFrame:
    """How much the picks of two runs of one seed share: Jaccard index, without the first round.

    The first round is the same random draw for all strategies, so it says nothing.
    """
    names = [run.strategy for run in runs]
    chosen = [_own_picks(run) for run in runs]
    return pd.DataFrame([[_jaccard(a, b) for b in chosen] for a in chosen], names, names)


def overlaps(runs: Runs) -> pd.DataFrame:
    """``overlap`` of every two strategies over seeds: mean Jaccard index and 95% interval.

    runs: runs, or a table of ``picks``; the benchmark, which picks everything, is left out.
    Columns: a, b, [setting], mean, low, high, seeds (those that both have).
    """
    if isinstance(runs, pd.DataFrame):
        picked = picks(runs)
        later = picked[picked["round"] > 0]
        by = ["strategy", *_by(picked, "setting"), "seed"]
        chosen = {key: set(group["position"]) for key, group in later.groupby(by, sort=False)}
        where = _by(picked, "setting")
    else:
        chosen, where = {(run.strategy, run.seed): _own_picks(run) for run in runs}, []
    of_side: dict[tuple, dict[int, set[int]]] = {}
    for (strategy, *setting, seed), own in chosen.items():
        if strategy != BENCHMARK:
            of_side.setdefault((strategy, *setting), {})[seed] = own
    rows = []
    for (a, first), (b, second) in itertools.combinations(of_side.items(), 2):
        both = [seed for seed in first if seed in second]
        if a[1:] == b[1:] and both:
            shared = interval([_jaccard(first[seed], second[seed]) for seed in both])
            rows.append((a[0], *b, *shared, len(both)))
    return pd.DataFrame(rows, columns=["a", "b", *where, "mean", "low", "high", "seeds"])


def _own_picks(run: Run) -> set[int]:
    return set(run.chosen()[len(run.rounds[0].picked) :].tolist())


def _jaccard(a: set[int], b: set[int]) -> float:
    return len(a & b) / max(1, len(a | b))


# ---- work by arithmetic --------------------------------------------------------------------


def work(protocol: Protocol, rounds: int | None = None) -> pd.DataFrame:
    """Image-epochs by arithmetic: how many image passes the loop and the benchmark cost.

    Round t trains on t x budget images for ``epochs`` epochs, so the cost of T rounds grows with
    T squared; the benchmark's is the whole pool times its epochs. Columns: what, images,
    image_epochs, share_of_benchmark.
    """
    pool = protocol.train_images - protocol.labelled
    whole = pool * protocol.benchmark_epochs
    rows = [
        (f"{t} rounds", t * protocol.budget, protocol.epochs * protocol.budget * t * (t + 1) // 2)
        for t in range(1, (rounds or protocol.rounds) + 1)
    ]
    rows.append(("benchmark", pool, whole))
    frame = pd.DataFrame(rows, columns=["what", "images", "image_epochs"])
    frame["share_of_benchmark"] = frame["image_epochs"] / whole
    return frame
