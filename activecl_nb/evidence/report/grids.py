"""What each grid shows: whether its encoder sees, its scores, differences, and pictures."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from activecl_nb.evidence import analysis, claims
from activecl_nb.evidence.report.texts import say
from activecl_nb.evidence.study import Stored
from activecl_nb.pictures import figures
from activecl_nb.pictures.figures import Picture

SCORES = ("probe_average_precision", "probe_auroc", "probe_f1")  # the first leads
OTHERS = ("probe_r2", "probe_spearman", "probe_dice", "probe_iou")  # of other tasks, likewise
# What a dial spoils is shown beside the score.
WASTE = {"redundancy": "near_duplicate", "artefacts": "artefact"}
WORDS = {"near_duplicate": "near-duplicates, share of picks", "artefact": "spoiled, share of picks"}


@dataclass(frozen=True)
class Section:
    """What one grid shows: its question, sentences computed from its runs, and pictures."""

    name: str
    question: str
    said: tuple[str, ...]
    pictures: tuple[Picture, ...]

    @property
    def title(self) -> str:
        return f"Grid “{self.name}”"

    @property
    def anchor(self) -> str:
        """A name for links and files that no other grid has."""
        slug = re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")
        if slug != self.name:
            slug += "-" + hashlib.sha256(self.name.encode()).hexdigest()[:6]
        return f"grid-{slug.strip('-')}"

    @property
    def files(self) -> tuple[tuple[str, Picture], ...]:
        """Its pictures with the names of their files."""
        return tuple((f"{self.anchor}-{n}.webp", one) for n, one in enumerate(self.pictures, 1))


def there(rounds: pd.DataFrame, scores: Sequence[str] = (*SCORES, *OTHERS)) -> list[str]:
    """Those of these scores that the runs have: each task has its own."""
    return [name for name in scores if name in rounds and rounds[name].notna().any()]


def section(
    one: Stored, name: str, question: str, changes: Mapping[str, Any] | None = None
) -> Section:
    """The section of a grid cut out of a study. changes: its sizes that are not the profile's."""
    if loops(one).empty:
        return Section(name, question, (say("grid.none"),), ())
    gates = claims.Grids.of(one).gates
    open_ = {setting for (_, setting), gate in gates.items() if gate.open}
    gated = Stored(
        one.rounds[one.rounds["setting"].isin(open_)],
        one.picks[one.picks["setting"].isin(open_)],
        one.planned,
        one.floors,
    )
    pictures = () if loops(gated).empty else tuple(_pictures(gated))
    sizes = (say("grid.sizes", listed=_sizes(changes)),) if changes else ()
    sentences = [
        _gate_sentence(gate, setting) for (_, setting), gate in gates.items() if gate.tested
    ]
    return Section(name, question, (*sizes, *sentences, *_said(one, gated)), pictures)


def _sizes(changes: Mapping[str, Any]) -> str:
    """ "labelled 100, budget 64 or 256"."""
    each = {name: v if isinstance(v, list) else [v] for name, v in changes.items()}
    return ", ".join(f"{name} {' or '.join(map(str, values))}" for name, values in each.items())


def loops(one: Stored) -> pd.DataFrame:
    """The rounds of all runs but the benchmark's."""
    return one.rounds[one.rounds["strategy"] != analysis.BENCHMARK]


def _gate_sentence(gate: analysis.Gate, setting: str) -> str:
    """Whether the encoder sees, in a sentence."""
    margins = [
        say(
            "grid.margin",
            strategy=margin.strategy,
            floor=margin.floor.replace("_", " "),
            above=claims.number(margin.above.mean, 3, sign=True),
        )
        for margin in gate.margins
    ]
    return say(
        "grid.sees" if gate.open else "grid.blind",
        where=f" ({setting})" if setting else "",
        margins="; ".join(margins),
        needed=gate.needed,
        score=claims.SCORES[gate.score],
        missing=" and ".join(gate.missing),
        rounds=gate.rounds,
        sees_from=gate.sees_from,
    )


def _said(grid: Stored, gated: Stored) -> tuple[str, ...]:
    """The grid in sentences: means, and differences to random with their intervals."""
    score = there(grid.rounds)[0]
    named = claims.SCORES[score]
    shown = loops(grid)
    once = shown["round"].max() == 0  # nothing was chosen: a point, and no curve
    levels = shown.rename(columns={score: "area"}) if once else analysis.area(shown, score)
    means = analysis.spread(levels, "area")
    done = grid.planned["finished"]
    waits = set(grid.planned.loc[~done, ["setting", "strategy"]].itertuples(index=False, name=None))
    sentences = []
    for setting, group in means.groupby("setting", sort=False):
        # A mean over the tissues that happen to be finished would not compare with the others.
        listed = ", ".join(
            f"{row.strategy} {claims.number(row.mean, 3)}"
            for row in group.itertuples()
            if (setting, row.strategy) not in waits
        )
        if listed:
            words = {"setting": setting, "score": named, "listed": listed, "once": once}
            sentences.append(say("grid.level", **words))
    if not done.all():
        alone = grid.planned["setting"].nunique() > 1 and means["setting"].nunique() == 1
        begun = [row.strategy for row in means.itertuples() if (row.setting, row.strategy) in waits]
        waiting = ", ".join(dict.fromkeys(begun))
        sentences.append(
            say("grid.unfinished", done=done.sum(), all=len(done), alone=alone, waiting=waiting)
        )
    against = None if once or loops(gated).empty else against_random(loops(gated), score)
    if against is not None:
        clear = int(((against["low"] > 0) | (against["high"] < 0)).sum())
        rows = "; ".join(map(difference_in_words, against.itertuples()))
        sentences.append(say("grid.against", score=named, rows=rows, clear=clear, n=len(against)))
    return tuple(sentences)


def difference_in_words(row: Any) -> str:
    """ "entropy at x=1 +0.012 (0.001 to 0.023, 8 seeds)"."""
    where = f" at {row.setting}" if row.setting else ""
    counted = count(row.n, row.over)
    return f"{row.a}{where} {claims.with_ends(row.difference, row.low, row.high, counted)}"


def count(n: int, what: str) -> str:
    return f"{n} {what if n != 1 else what.removesuffix('s')}"


def against_random(rounds: pd.DataFrame, score: str) -> pd.DataFrame | None:
    """Areas of every strategy beside random's, where a setting has both; None without any."""
    compared = analysis.paired(analysis.area(rounds, score), "random", "area")
    compared = compared[compared["a"] != analysis.BENCHMARK]
    return None if compared.empty else compared


# ---- pictures -------------------------------------------------------------------------------


def _pictures(grid: Stored) -> list[Picture]:
    settings = list(dict.fromkeys(grid.planned["setting"]))
    shown = loops(grid)
    if shown["round"].max() == 0:  # nothing was chosen, as with a frozen encoder
        return []
    score = there(shown)[0]
    named = claims.SCORES[score]
    strategies = list(dict.fromkeys(shown["strategy"]))
    dials = list(dict.fromkeys(setting.partition("=")[0] for setting in settings))
    against = against_random(shown, score)
    if len(settings) == 1 and len(strategies) <= 4:
        return [_curves(grid, shown, score, named), *_tumours(grid)]
    if (len(settings) == 1 or len(dials) > 1) and against is not None:
        rows = [
            _gain(f"{row.a} − random" + (f", {row.setting}" if row.setting else ""), row)
            for row in against.itertuples()
        ]
        return [figures.gains(rows, unit=f"difference in {named} along the curve")]
    if len(dials) > 1:
        return []
    drawn = analysis.spread(analysis.area(shown, score), "area")
    pictures = [figures.by_setting(drawn, dial=dials[0], score=f"{named} along the curve")]
    if dials[0] in WASTE and WASTE[dials[0]] in grid.picks and len(grid.picks):
        what = WASTE[dials[0]]
        wasted = analysis.spread(analysis.found(grid.picks), what)
        pictures.append(figures.by_setting(wasted, dial=dials[0], score=WORDS[what]))
    return pictures


def _gain(name: str, row: Any) -> figures.Gain:
    """A row of ``analysis.paired`` as one of a picture."""
    return figures.Gain(name, row.difference, row.low, row.high, row.values)


def _curves(grid: Stored, shown: pd.DataFrame, score: str, named: str) -> Picture:
    levels = {}
    if (grid.rounds["strategy"] == analysis.BENCHMARK).any():
        band = analysis.band(grid.rounds, score)
        same = band["mean"].nunique() == 1  # it was best at its end, with every seed
        for row in band.itertuples():
            name = "benchmark" if same else f"benchmark, {row.variant}"
            levels[name] = (row.mean, row.low, row.high)
    return figures.learning_curve(analysis.curve(shown, score), score=named, levels=levels)


def _tumours(grid: Stored) -> list[Picture]:
    """The share of tumours among the picks of each round, where a task seeks them."""
    if grid.picks.empty or not there(grid.rounds, SCORES):
        return []
    made = analysis.makeup(grid.picks)
    curve = analysis.curve(made[made["round"] > 0], "positive")  # the first is random for all
    return [figures.learning_curve(curve, score="tumours among the picks")]


# ---- when does it hold? ---------------------------------------------------------------------


def when(stored: Stored) -> Section | None:
    """Entropy beside random in each setting that was run: the answer to "when?" at a glance.

    Grids share runs, so a setting whose runs stand in an earlier row is left out; so is one whose
    encoder does not see.
    """
    gains_by_score = {
        claims.SCORES[score]: gains
        for score in SCORES
        if (gains := _entropy_everywhere(stored, score))
    }
    if not gains_by_score or len(next(iter(gains_by_score.values()))) < 2:
        return None  # one setting has all this in a section of its own
    counts = [
        say(
            "when.count",
            above=sum(gain.low > 0 for gain in gains),
            below=sum(gain.high < 0 for gain in gains),
            score=score,
        )
        for score, gains in gains_by_score.items()
    ]
    score, gains = next(iter(gains_by_score.items()))
    most, least = (which(gains, key=lambda gain: gain.mean) for which in (max, min))
    known = sum(np.isfinite(gain.low) for gain in gains)
    said = (
        say("when.counts", n=len(gains), scores="; ".join(counts)),
        say(
            "when.extremes",
            score=score,
            most=claims.number(most.mean, 3, sign=True),
            most_where=most.name,
            least=claims.number(least.mean, 3, sign=True),
            least_where=least.name,
        ),
        say("when.luck", known=known, expected=f"{0.05 * known:.1f}"),
    )
    picture = figures.gains(gains, unit=f"difference in {score} along the curve")
    return Section("when", say("when.question", score=score), said, (picture,))


def _entropy_everywhere(stored: Stored, score: str) -> list[figures.Gain]:
    """Entropy's gain in each setting that has the score."""
    gains: list[figures.Gain] = []
    shown: set[str] = set()
    gates = claims.Grids.of(stored).gates
    rounds_of_both = stored.rounds[stored.rounds["strategy"].isin(["entropy", "random"])]
    for (grid, setting), rounds in rounds_of_both.groupby(["grid", "setting"], sort=False):
        runs = set(rounds["run"])
        against = against_random(rounds, score) if score in there(rounds) else None
        if against is None or runs <= shown or not gates[grid, setting].open:
            continue
        shown |= runs
        name = f"{grid}: {setting}" if setting else grid
        row = next(against.itertuples())
        gains.append(_gain(f"{name} ({count(row.n, row.over)})", row))
    return gains
