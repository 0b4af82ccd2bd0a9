"""The page of a study: every claim with its verdict, and what each grid of runs shows.

    report = make("results/study")     # the stored tables, results/study.toml, results/claims.toml
    write(report, "results")           # report.html, report.md, and figures for the latter
    put_findings(report, "README.md")  # the five lines that README carries

All words on results are made of the tables, so other tables make another page. Needs no torch.
"""

from __future__ import annotations

import base64
import html
import io
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import activecl_nb
from activecl_nb import files, profiles
from activecl_nb.evidence import analysis, claims, study
from activecl_nb.evidence.claims import Line
from activecl_nb.evidence.study import Stored
from activecl_nb.pictures import figures
from activecl_nb.pictures.figures import Picture

DEFAULT = Path(__file__).parents[2] / "results" / "study"
REAL_SAMPLE = "real_sample"
FIGURES = "report_figures"
BEGIN, END = (
    "<!-- findings: written by python -m activecl_nb report -->",
    "<!-- end of findings -->",
)
PARTS = {
    "claims": (
        "The paper's claims, on runs",
        "What the paper found and why, measured on our runs. Where it speaks generally, what "
        "stands behind the colon is our measure, and the verdict is about that.",
    ),
    "sums": (
        "The paper's sums and wording",
        "No run is needed here: the paper's own numbers are held against each other.",
    ),
    "ours": (
        "Our own questions",
        "Does it hold beside a fairer rival, and under other conditions? These lines are not in "
        "the paper. Each is put as a statement; “reproduced” then means that it was seen here. A "
        "line not seen beside one reproduced does not show that the two differ; where that is the "
        "question, a line of its own compares the gains.",
    ),
    "open": (
        "What cannot be decided here",
        "The other statements of the paper, with the reason. Where we have a number, it is shown "
        "and not judged.",
    ),
}
RULE = (
    (claims.REPRODUCED, "our whole interval lies on the claimed side of “no effect” and, where "
     "the paper gives a number, reaches that number to its last printed digit (its far end does, "
     "so a wide interval reaches further)"),
    (claims.SAME, "the interval lies on the claimed side but falls short of the paper's number; or "
     "it holds “no effect”, but the mean (or median) and three seeds of four lie on the claimed "
     "side"),
    (claims.NOT_SEEN, "everything else, and a score that half of the seeds or more did not reach; "
     "it means that these runs cannot tell whether there is an effect, not that there is none; a "
     "number of the paper may still lie outside the interval, which is then said"),
    (claims.CONTRADICTED, "the whole interval lies on the other side of “no effect”; or a number "
     "that should be exact (marked =) is another one, or lies outside our interval; savings and "
     "ratios are taken as “at least so much”"),
    (claims.NOT_TESTABLE, "these runs cannot decide it, for the reason given, or so far there are "
     f"fewer than {claims.FEWEST} seeds ({claims.FEWEST_MEDIAN} where a median is taken)"),
)  # fmt: skip
GLOSSARY = (
    ("image-epoch", "one image passing once through training: what training costs"),
    ("grid, setting", "a grid is a group of runs that answers one question; where it turns a dial, "
     "each value of the dial is a setting"),
    ("mean along the curve", "F1 is measured after each round; its mean over the images trained on "
     "is the height of the learning curve"),
    ("benchmark", "an encoder trained on the whole pool at once"),
    ("evenness", "1 if all nine tissues are picked equally often, 0 if only one is"),
    ("kcenter_seed", "what k-center starts from: the images chosen so far, or none"),
    ("g", "in a figure: the mean difference in units of its spread over seeds (Hedges)"),
)  # fmt: skip
RULE_HEAD = (
    "Two strategies of the same seed share their split, first weights and first images, so "
    "differences are taken seed by seed, with Student's 95% interval of their mean. Of what is "
    "spent until a score is reached the median counts, “not reached” as the worst; the ends of its "
    "interval are values of seeds, and it covers at least 90%. An interval that begins at “not "
    "reached” holds “no effect”; each line tells how many seeds reached the score. A score counts "
    "as reached when it is met or passed, where the paper says “similar”. The rule looks at "
    "unrounded ends. A difference is the first named minus the second, so “fewer near-duplicates” "
    "and “below” claim one under 0. The benchmark's best F1 is the highest of all its rounds and "
    "proxy epochs, as in the paper; its last F1 is that of a proxy trained as long as a loop's."
)
# Settings beside the sizes in which a profile may differ from the paper.
OTHERS = ("batch_size", "learning_rate", "proxy_learning_rate", "standardise")
MARKS = dict(zip(claims.VERDICTS, ("●", "◐", "○", "✕", "–"), strict=True))
HEADS = ("Claim", "Paper", "Ours, with interval", "On what", "Seeds", "Verdict")
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
        return "grid-" + re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


@dataclass(frozen=True)
class Report:
    """All that the page says.

    brief: what the numbers below are of, and how high they are. facts: (what, value) pairs on
    what was run. when: entropy beside random in every setting.
    """

    title: str
    profile: profiles.Profile
    lines: tuple[Line, ...]
    headlines: tuple[Line, ...]
    brief: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    limits: tuple[str, ...]
    when: Section | None
    sections: tuple[Section, ...]


def make(
    folder: str | os.PathLike[str] | None = None,
    claims_file: str | os.PathLike[str] | None = None,
    study_file: str | os.PathLike[str] | None = None,
) -> Report:
    """Measure and judge all claims on a stored study, and draw its grids.

    folder: as ``study.store`` made it; the kit's own where none is given. claims_file, study_file:
    where none is given, ``claims.toml`` and ``NAME.toml`` beside the folder NAME, or the kit's own.

    FileNotFoundError, ValueError: a file is missing, damaged, or does not fit the others.
    """
    folder = Path(folder or DEFAULT)
    stored = study.open_stored(folder)
    own_claims, own_study = _near(folder)
    every, headlines = claims.read(claims_file or own_claims)
    title, profile, questions = _plan(Path(study_file or own_study))
    lines = claims.ledger(every, stored)
    of = {line.claim.id: line for line in lines}
    unknown = [name for name in questions if name not in set(stored.planned["grid"])]
    if unknown:
        raise ValueError(f"{folder} has no grid {', '.join(unknown)}; store the study anew")
    studies = [(stored, questions)]
    real = folder.with_name(REAL_SAMPLE)
    if real.exists():  # a small study on real patches, for direction only
        studies.append((study.open_stored(real), _plan(real.with_suffix(".toml"))[-1]))
    every_run = [one for one, _ in studies]
    return Report(
        title,
        profile,
        tuple(lines),
        tuple(of[one] for one in headlines),
        _brief(every_run),
        _facts(stored, profile, *every_run[1:]),
        _limits(profile, lines),
        _when(every_run),
        tuple(_section(one.grid(n), n, q) for one, asked in studies for n, q in asked.items()),
    )


def _plan(path: Path) -> tuple[str, profiles.Profile, dict[str, str]]:
    """Title, profile and the questions of a study's file; ``study.read`` would load torch."""
    content = files.read_toml(path)
    try:
        questions = {one["name"]: one.get("question", "") for one in content["grid"]}
    except KeyError as error:
        raise ValueError(f"{path} is no study: {error}") from error
    return content.get("title", path.stem), profiles.current(content.get("profile")), questions


def open_ledger(folder: str | os.PathLike[str] | None = None) -> tuple[list[Line], Stored | None]:
    """The ledger for a lesson: its lines, and the stored study that they are measured on.

    Prints one line on what it gives. Where no study is stored, only arithmetic is judged.
    """
    folder = Path(folder or DEFAULT)
    every, _ = claims.read(_near(folder)[0])
    try:
        stored = study.open_stored(folder)
    except FileNotFoundError:
        print("No study is stored here, so only what needs no run is judged.")
        return claims.ledger(every, None), None
    runs = stored.planned.drop_duplicates("run")["finished"]
    seeds = _from_to(_seeds(stored))
    print(f"{runs.sum()} of {len(runs)} planned runs are finished: {seeds} seeds in a grid")
    return claims.ledger(every, stored), stored


def table(lines: Sequence[Line]) -> pd.DataFrame:
    """Lines as a table to look at: claim, what the paper says, ours, seeds, verdict."""
    rows = [
        (
            line.claim.claim,
            claims.printed(line.claim),
            claims.ours(line.measured),
            str(line.measured.seeds) if line.measured and line.measured.needs else "",
            claims.wanting(line),
        )
        for line in lines
    ]
    return pd.DataFrame(rows, columns=["claim", "paper", "ours", "seeds", "verdict"])


def _near(folder: Path) -> tuple[Path, Path]:
    """The lists of claims and of runs that go with a stored study: beside it, or the kit's own."""
    beside = folder.parent / "claims.toml", folder.with_suffix(".toml")
    own = DEFAULT.parent / "claims.toml", DEFAULT.with_suffix(".toml")
    first, second = (a if a.exists() else b for a, b in zip(beside, own, strict=True))
    return first, second


def _brief(every: Sequence[Stored]) -> tuple[str, ...]:
    """On what tissue the numbers are, and how high; without that a difference says little."""
    said = ["All that follows is on drawn tissue, at small sizes, unless it says otherwise."]
    first, *real = every
    one = first.grid(first.planned["grid"].iloc[0])
    if one.planned["setting"].nunique() == 1 and not (loops := _loops(one)).empty:
        means = analysis.spread(analysis.area(loops), "area")
        high = [f"{row.strategy} {row.mean:.3f}" for row in means.itertuples()]
        said.append(f"F1, the mean along the curve over seeds: {', '.join(high)}.")
        if len(loops) < len(one.rounds):
            levels = [f"{b.variant} {b.mean:.3f}" for b in analysis.band(one.rounds).itertuples()]
            said.append(f"F1 of the benchmark, the mean over seeds: {', '.join(levels)}.")
    for stored in real:
        for grid in dict.fromkeys(stored.rounds["grid"]):
            loops = _loops(stored.grid(grid))
            against = None if loops.empty else _against_random(analysis.area(loops))
            if against is not None:
                rows = "; ".join(map(_difference, against.itertuples()))
                said.append(f"On real patches (grid “{grid}”), F1 beside random: {rows}.")
    return tuple(said)


def _loops(one: Stored) -> pd.DataFrame:
    """The rounds of all runs but the benchmark's."""
    return one.rounds[one.rounds["strategy"] != analysis.BENCHMARK]


def _facts(stored: Stored, profile: profiles.Profile, *real: Stored) -> tuple[tuple[str, str], ...]:
    runs = stored.planned.drop_duplicates("run")
    done = runs[runs["finished"]]
    rounds = stored.rounds.drop_duplicates(["run", "round"])
    hours = rounds["seconds_processor"].sum() / 3600
    return (
        ("Tissue", "the phantom: drawn by the kit, not photographed"),
        (
            "Profile",
            f"{profile.name}: {profile.train_images:,} patches of {profile.image_size} pixels, of "
            f"which {profile.labelled:,} are labelled; {profile.rounds} rounds of "
            f"{profile.budget} picks",
        ),
        ("Runs", f"{len(done)} of {len(runs)} planned are finished"),
        ("Seeds", f"{_from_to(_seeds(stored))} in a grid; each comparison says how many it has"),
        (
            "Work",
            f"{rounds['image_epochs'].sum() / 1e6:,.1f} million image-epochs, {hours:,.1f} hours "
            "of one processor thread for choosing and training",
        ),
        *(("On real patches", _apart(one)) for one in real),
        ("Kit", f"activecl {activecl_nb.__version__}"),
    )


def _apart(real: Stored) -> str:
    grids = ", ".join(f"“{name}”" for name in dict.fromkeys(real.planned["grid"]))
    return f"{int(real.planned['finished'].sum())} runs more, in grid {grids}, which no claim uses"


def _seeds(stored: Stored) -> list[int]:
    """Finished seeds of each grid, counting those that all its settings and strategies have."""
    by = stored.planned.groupby(["grid", "setting", "strategy"], sort=False)["finished"].sum()
    return [int(n) for n in by.groupby("grid", sort=False).min()]


def _from_to(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low}" if low == high else f"{low} to {high}"


def _limits(profile: profiles.Profile, lines: Sequence[Line]) -> tuple[str, ...]:
    paper = profiles.PROFILES["paper"]
    pool = profile.train_images - profile.labelled
    work = analysis.work(profile).set_index("what")
    first = work.loc["2 rounds"]  # the first subset is random
    most = 1 - work.loc["1 rounds", "share_of_benchmark"]
    found = [line.measured for line in lines if line.measured and line.measured.seeds > 1]
    judged = sum(not np.isnan(one.low) for one in found)
    looks = profile.benchmark_epochs // profile.benchmark_every
    looks *= -(-profile.benchmark_proxy_epochs // profile.benchmark_proxy_every)
    others = [name for name in OTHERS if getattr(profile, name) != getattr(paper, name)]
    return (
        "The tissue is synthetic. A verdict is about the method on this phantom. It neither proves "
        "nor refutes a result on patients' tissue.",
        f"All is small: {profile.image_size} pixels instead of {paper.image_size}, "
        f"{8 * profile.width} features instead of {8 * paper.width}, {profile.epochs} epochs a "
        f"round instead of {paper.epochs}."
        + (f" It differs in {', '.join(others)}, too." if others else ""),
        "Seeds vary the split, the first weights and every draw. They do not vary the tissue: "
        "there is one phantom for each setting, and one test set.",
        f"A run is scored once a round, and a round is {profile.budget / pool:.1%} of the pool. "
        "Whoever reaches a score at all within the "
        f"{profile.rounds} rounds has spared at least "
        f"{1 - profile.rounds * profile.budget / pool:.0%} of the images, so no run here can need "
        "more than the benchmark. And after its first own choice a strategy has spared at most "
        f"{1 - first['images'] / pool:.0%} of the images and "
        f"{1 - first['share_of_benchmark']:.0%} of the image-epochs: more than that would be the "
        "random first subset's merit. No run can spare more than "
        f"{most:.1%} of the image-epochs"
        + (", so the paper's 99% is out of reach by design." if most < 0.985 else "."),
        f"The benchmark's best F1 is the highest of {looks} looks at the test set, taken as in the "
        f"paper; a loop has {profile.rounds}. So it is a high mark, and partly luck.",
        "F1 depends on where the proxy says “tumour”. AUROC and average precision do not; lines of "
        "our own ask them, too.",
        "The rule was fixed before the runs. Which proxy epochs the benchmark is judged by, and "
        "the lines on AUROC, average precision and changes of a gain, were settled after a part of "
        "the runs had been seen.",
        "The machine was busy with other work. Time is therefore that of the processor, for "
        "choosing and training on one thread; image-epochs are counted as well.",
        f"{judged} lines have an interval. By luck alone about {0.05 * judged:.0f} of them miss "
        "what they should hold, and without any effect a line with five seeds leans far enough "
        f"for “same direction” in up to {claims.lean_by_luck(5):.0%} of cases, one with eight in "
        f"{claims.lean_by_luck(8):.0%}. p by flipping signs stands behind “how” in report.html, "
        "corrected within each grid (Holm); with these seeds and comparisons it never gets below "
        f"{_least_p(lines):.2f}, whatever the runs show, so intervals decide.",
    )


def _least_p(lines: Sequence[Line]) -> float:
    """The smallest corrected p that any line could have: its grid's comparisons times its own."""
    families: dict[str, list[int]] = {}
    for line in lines:
        if line.measured and np.isfinite(line.measured.p):
            families.setdefault(line.claim.grids[0], []).append(line.measured.seeds)
    least = [len(n) * analysis.sign_flip(np.ones(max(n))) for n in families.values()]
    return min([*least, 1.0])


# ---- what a grid shows --------------------------------------------------------------------


def _section(one: Stored, name: str, question: str) -> Section:
    if _loops(one).empty:
        return Section(name, question, ("No run of this grid is finished yet.",), ())
    return Section(name, question, _said(one), tuple(_pictures(one)))


def _said(one: Stored) -> tuple[str, ...]:
    """The grid in sentences: means, and differences to random with their intervals."""
    areas = analysis.area(_loops(one))
    means = analysis.spread(areas, "area")
    sentences = []
    for setting, group in means.groupby("setting", sort=False):
        where = f"With {setting}, mean" if setting else "Mean"
        listed = [f"{row.strategy} {row.mean:.3f}" for row in group.itertuples()]
        sentences.append(f"{where} F1 along the curve: {', '.join(listed)}.")
    done = one.planned["finished"]
    if not done.all():
        alone = one.planned["setting"].nunique() > 1 and means["setting"].nunique() == 1
        sentences.append(
            f"{done.sum()} of {len(done)} runs of this grid are finished so far; grids share runs, "
            "so the same difference may stand under several."
            + (" Only one setting has runs, so nothing is compared along this dial yet." * alone)
        )
    against = _against_random(areas)
    if against is None:
        return tuple(sentences)
    clear = int(((against["low"] > 0) | (against["high"] < 0)).sum())
    sentences.append(
        f"Beside random, seed by seed: {'; '.join(map(_difference, against.itertuples()))}. "
        f"{clear} of {len(against)} intervals are clear of 0."
    )
    return tuple(sentences)


def _difference(row: tuple) -> str:
    where = f" at {row.setting}" if row.setting else ""
    seeds = _counted(row.n)
    ends = f"{claims.number(row.low, 3)} to {claims.number(row.high, 3)}, {seeds}"
    ends = ends if np.isfinite(row.low) else seeds
    return f"{row.a}{where} {claims.number(row.difference, 3, sign=True)} ({ends})"


def _counted(seeds: int) -> str:
    return f"{seeds} seed{'s' if seeds != 1 else ''}"


def _against_random(values: pd.DataFrame) -> pd.DataFrame | None:
    """Areas of every strategy beside random's, where a setting has both; None without any."""
    known = dict.fromkeys(map(tuple, values[["strategy", "setting"]].to_numpy()))
    pairs = [
        ((strategy, setting), ("random", setting))
        for strategy, setting in known
        if strategy not in ("random", analysis.BENCHMARK) and ("random", setting) in known
    ]
    if not pairs:
        return None
    compared = analysis.paired(values, pairs, "area")
    compared = compared[compared["n"] > 0]
    return None if compared.empty else compared


def _when(every: Sequence[Stored]) -> Section | None:
    """Entropy beside random in each setting that was run: the answer to "when?" at a glance.

    Grids share runs, so a setting whose runs stand in an earlier row is left out.
    """
    rows, shown = [], set()
    for stored in every:
        loops = stored.rounds[stored.rounds["strategy"].isin(["entropy", "random"])]
        for (grid, setting), rounds in loops.groupby(["grid", "setting"], sort=False):
            runs = set(rounds["run"])
            against = _against_random(analysis.area(rounds))
            if against is None or runs <= shown:
                continue
            shown |= runs
            name = f"{grid}: {setting}" if setting else grid
            if not setting and not rows and stored is every[0]:
                name = "the profile as it is"
            one = against.iloc[0]
            rows.append((f"{name} ({_counted(one.n)})", one.difference, one.low, one.high))
    if not rows:
        return None
    table = pd.DataFrame(rows, columns=["claim", "mean", "low", "high"])
    known = int(table["low"].notna().sum())
    above, below = int((table["low"] > 0).sum()), int((table["high"] < 0).sum())
    most, least = (table.loc[table["mean"].agg(which)] for which in ("idxmax", "idxmin"))
    said = (
        f"Of {len(table)} settings, entropy is ahead of random with an interval clear of 0 in "
        f"{above}, behind in {below}; in the others these runs cannot tell. The largest mean "
        f"difference is {claims.number(most['mean'], 3, sign=True)} ({most['claim']}), the "
        f"smallest {claims.number(least['mean'], 3, sign=True)} ({least['claim']}).",
        f"Of {known} intervals of 95%, chance alone lets about {0.05 * known:.1f} miss the true "
        "value.",
    )
    question = (
        "Entropy minus random, mean F1 along the learning curve, in every setting that was run."
    )
    unit = "difference in mean F1 along the curve"
    return Section("when", question, said, (figures.intervals(table, unit=unit),))


def _pictures(one: Stored) -> list[Picture]:
    settings = list(dict.fromkeys(one.planned["setting"]))
    loops = _loops(one)
    strategies = list(dict.fromkeys(loops["strategy"]))
    dials = list(dict.fromkeys(setting.partition("=")[0] for setting in settings))
    against = _against_random(analysis.area(loops))
    if len(settings) == 1 and len(strategies) <= 4:
        return [_curves(one, loops), *_tumours(one)]
    if (len(settings) == 1 or len(dials) > 1) and against is not None:
        return [figures.effects(against, unit="difference in mean F1 along the curve")]
    if len(dials) > 1:
        return []
    drawn = analysis.spread(analysis.area(loops), "area")
    pictures = [figures.by_setting(drawn, dial=dials[0], score="F1 along the curve")]
    if dials[0] in WASTE and WASTE[dials[0]] in one.picks and len(one.picks):
        what = WASTE[dials[0]]
        wasted = analysis.spread(analysis.found(one.picks), what)
        pictures.append(figures.by_setting(wasted, dial=dials[0], score=WORDS[what]))
    return pictures


def _curves(one: Stored, loops: pd.DataFrame) -> Picture:
    levels = {}
    if (one.rounds["strategy"] == analysis.BENCHMARK).any():
        band = analysis.band(one.rounds)
        same = band["mean"].nunique() == 1  # it was best at its end, with every seed
        for row in band.itertuples():
            name = "benchmark" if same else f"benchmark, {row.variant}"
            levels[name] = (row.mean, row.low, row.high)
    return figures.learning_curve(analysis.curve(loops), levels=levels)


def _tumours(one: Stored) -> list[Picture]:
    """The share of tumours among the picks of each round."""
    if one.picks.empty:
        return []
    made = analysis.makeup(one.picks)
    curve = analysis.curve(made[made["round"] > 0], "positive")  # the first is random for all
    return [figures.learning_curve(curve, score="tumours among the picks")]


# ---- the five lines -------------------------------------------------------------------------


def findings(report: Report) -> str:
    """What README carries, as Markdown: a line on what was run, and one a headline."""
    facts = dict(report.facts)
    head = f"{report.profile.name} profile, drawn tissue; runs: {facts['Runs']}."
    lines = [f"- {_headline(line)}" for line in report.headlines]
    page = "[results/report.md](results/report.md)"
    return "\n".join([head, "", *lines, "", f"All {len(report.lines)} lines are in {page}."])


def _headline(line: Line) -> str:
    found = line.measured
    paper = claims.printed(line.claim)
    said = f"Paper: {paper}. " if paper else ""
    ours = claims.ours(found)
    if found is not None and found.seeds and found.needs == claims.FEWEST_MEDIAN:
        there = int(np.isfinite(found.values).sum())
        ours = f"median {ours}; {there} of {_counted(found.seeds)} reached it"
    elif found is not None and found.seeds:
        ours = f"{ours}, {_counted(found.seeds)}"
    return f"{line.claim.claim} {said}Here: {ours}. **{_said_verdict(line)}**"


def _said_verdict(line: Line) -> str:
    return claims.wanting(line).capitalize() + "."


def put_findings(report: Report, path: str | os.PathLike[str]) -> None:
    """Write the five lines between their two marks in a Markdown file.

    ValueError: the file lacks the marks.
    """
    path = Path(path)
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} lacks the lines {BEGIN!r} and {END!r}; put them where they go")
    with files.replacing(path) as temporary:
        temporary.write_text(f"{before}{BEGIN}\n{findings(report)}\n{END}{after}", encoding="utf-8")


# ---- the page -------------------------------------------------------------------------------


def write(report: Report, out: str | os.PathLike[str]) -> list[Path]:
    """Write report.html, which needs no other file, and report.md with its figures beside it."""
    out = Path(out)
    images = {
        f"{section.anchor}-{n}.png": small(picture)
        for section in (*filter(None, [report.when]), *report.sections)
        for n, picture in enumerate(section.pictures, 1)
    }
    written = []
    for name, content in {
        "report.html": to_html(report, images).encode(),
        "report.md": to_markdown(report).encode(),
        **{f"{FIGURES}/{name}": content for name, content in images.items()},
    }.items():
        with files.replacing(out / name) as temporary:
            temporary.write_bytes(content)
        written.append(out / name)
    for old in set((out / FIGURES).glob("grid-*.png")) - set(written):
        old.unlink()  # of a grid that the study no longer has
    return written


def small(picture: Picture, dpi: int = 100) -> bytes:
    """The picture as a PNG of 128 colours, about a third of the bytes."""
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(picture.png(dpi))) as image:
        image.convert("RGB").quantize(128).save(buffer, "png", optimize=True)
    return buffer.getvalue()


def parts(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """The lines under the headings of ``PARTS``."""
    found: dict[str, list[Line]] = {name: [] for name in PARTS}
    for line in lines:
        claim = line.claim
        if claim.untestable:
            found["open"].append(line)
        elif claim.source == "ours":
            found["ours"].append(line)
        else:
            found["sums" if claim.arithmetic else "claims"].append(line)
    return found


def by_part(lines: Sequence[Line]) -> list[str]:
    """The tally of each part, a line each: sums that come out are no claims that hold on runs."""
    said = []
    for name, some in parts(lines).items():
        counts = [f"{verdict} {n}" for verdict, n in claims.tally(some).items() if n]
        waiting = sum(line.waits for line in some)
        waits = f" ({waiting} for want of finished runs so far)" if waiting else ""
        said.append(f"{PARTS[name][0]}: {'; '.join(counts) or 'no line'}{waits}.")
    return said


def _cells(line: Line, report: Report) -> tuple[str, ...]:
    """The six cells of a line as text, in the order of ``HEADS``."""
    claim, found = line.claim, line.measured
    if claim.arithmetic:
        where = "the paper's numbers"
    else:
        where = f"phantom, {report.profile.name}" if found else "nothing"
    seeds = str(found.seeds) if found is not None and found.needs else "–"
    exact = claim.expect == "exactly" and claim.value is not None and not claim.untestable
    return (
        claim.claim,
        ("= " * exact + claims.printed(claim)) or "–",
        claims.ours(found) if found else "–",
        where if found else "–",
        seeds,
        claims.wanting(line),
    )


def _notes(line: Line) -> list[tuple[str, str]]:
    """What stands behind a line: (what, text)."""
    found, claim = line.measured, line.claim
    notes = []
    if claim.untestable:
        notes.append(("Why it cannot be decided", claim.untestable))
    if found is not None:
        notes.append(("Measured", found.how))
        if np.isfinite(found.p):
            notes.append(("p", f"{found.p:.3g}, {line.p_holm:.3g} by Holm within its grid"))
    notes.append(("It would contradict", claim.contradict))
    return notes


INTRO = (
    "Contrastive learning teaches a network to see, from images without labels. The paper “Data "
    "Efficient Contrastive Learning in Histopathology using Active Sampling” (Reasat, Sushmit and "
    "Smith, arXiv 2303.16247) lets a few labels and a tiny classifier, the proxy, choose which "
    "images to learn from: those that the proxy is least sure of (entropy), or those that are "
    "least like the chosen ones (k-center). It compares both with images chosen at random, and "
    "with a benchmark that learns from all images. The score is F1 for finding tumour.",
    "This page goes through that paper sentence by sentence. Each claim has a measure, and one "
    "rule, the same for all, turns what was measured into a verdict. A claim that fails is "
    "reported like one that holds. activecl, the teaching kit that made the runs, wrote this page "
    "from their tables; no verdict is typed.",
)


def to_html(report: Report, images: Mapping[str, bytes]) -> str:
    """The page: one file, without script, light or dark as the reader's machine is."""
    e = html.escape
    body = [f"<header><h1>{e(report.title)}</h1>"]
    body += [f"<p>{e(text)}</p>" for text in INTRO]
    body.append("</header><main>")
    body.append('<section aria-labelledby="short"><h2 id="short">In short</h2><ul>')
    body += [f"<li>{e(text)}</li>" for text in report.brief]
    body += [f"<li>{_headline_html(line)}</li>" for line in report.headlines]
    body.append("</ul>")
    body.append(f"<p>The {len(report.lines)} lines below, part by part:</p><ul>")
    body += [f"<li>{e(text)}</li>" for text in by_part(report.lines)]
    body.append("</ul></section>")
    if report.when:
        body.append('<section aria-labelledby="when"><h2 id="when">When does it hold?</h2>')
        body.append(f"{_section_body(report.when, images)}</section>")
    body.append('<section aria-labelledby="run"><h2 id="run">What was run</h2><dl>')
    body += [f"<div><dt>{e(what)}</dt><dd>{e(value)}</dd></div>" for what, value in report.facts]
    body.append("</dl><h3>What this cannot say</h3><ul>")
    body += [f"<li>{e(text)}</li>" for text in report.limits]
    body.append("</ul></section>")
    body.append('<section aria-labelledby="words"><h2 id="words">Words</h2><dl>')
    body += [f"<div><dt>{e(word)}</dt><dd>{e(text)}</dd></div>" for word, text in GLOSSARY]
    body.append("</dl></section>")
    body.append('<section aria-labelledby="rule"><h2 id="rule">The rule</h2>')
    body.append(f"<p>{e(RULE_HEAD)}</p><dl>")
    body += [f"<div><dt>{_badge(name)}</dt><dd>{e(text)}</dd></div>" for name, text in RULE]
    body.append("</dl></section>")
    for name, lines in parts(report.lines).items():
        title, text = PARTS[name]
        body.append(f'<section aria-labelledby="{name}"><h2 id="{name}">{e(title)}</h2>')
        body.append(f"<p>{e(text)}</p>{_table_html(lines, report, title)}</section>")
    body.append('<section aria-labelledby="grids"><h2 id="grids">What each grid of runs shows</h2>')
    for section in report.sections:
        body.append(_section_html(section, report, images))
    body.append("</section></main>")
    return _PAGE.format(
        title=e(f"{report.title} · activecl"), style=_STYLE, body="\n".join(body), nav=_nav(report)
    )


def _nav(report: Report) -> str:
    links = {"short": "In short"} | ({"when": "When does it hold?"} if report.when else {})
    links |= {"run": "What was run", "words": "Words", "rule": "The rule"}
    links |= {name: title for name, (title, _) in PARTS.items()} | {"grids": "Grids"}
    items = "".join(f'<li><a href="#{n}">{html.escape(t)}</a></li>' for n, t in links.items())
    return f'<nav aria-label="On this page"><ul>{items}</ul></nav>'


def _badge(verdict: str, text: str | None = None) -> str:
    kind = verdict.replace(" ", "-")
    mark = f'<span aria-hidden="true">{MARKS[verdict]}\u00a0</span>'
    return f'<span class="verdict {kind}">{mark}{html.escape(text or verdict)}</span>'


def _headline_html(line: Line) -> str:
    text = html.escape(_headline(line).rpartition("**")[0].rpartition("**")[0])
    return f"{text}{_badge(line.verdict, claims.wanting(line))}"


def _table_html(lines: Sequence[Line], report: Report, title: str) -> str:
    e = html.escape
    head = "".join(f'<th scope="col">{e(name)}</th>' for name in HEADS)
    rows = []
    for line in lines:
        claim, *cells, _ = _cells(line, report)
        notes = "".join(f"<p><b>{e(w)}:</b> {e(text)}</p>" for w, text in _notes(line))
        name = (
            f'<th scope="row" id="{_anchor(line)}">{e(claim)}'
            f'<span class="place">{e(line.claim.place)}</span>'
            f"<details><summary>how</summary>{notes}</details></th>"
        )
        middle = "".join(
            f'<td data-head="{e(what)}">{e(text)}</td>'
            for what, text in zip(HEADS[1:-1], cells, strict=True)
        )
        badge = _badge(line.verdict, claims.wanting(line))
        rows.append(f'<tr>{name}{middle}<td data-head="{e(HEADS[-1])}">{badge}</td></tr>')
    return (
        f'<table><caption class="unseen">{e(title)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _anchor(line: Line) -> str:
    return html.escape(f"claim-{line.claim.id}")


def _section_html(section: Section, report: Report, images: Mapping[str, bytes]) -> str:
    e = html.escape
    parts_ = [f'<article id="{section.anchor}"><h3>{e(section.title)}</h3>']
    parts_.append(_section_body(section, images))
    mine = _lines_of(section, report)
    if mine:
        listed = "".join(
            f'<li><a href="#{_anchor(line)}">{e(line.claim.claim)}</a> '
            f"{_badge(line.verdict, claims.wanting(line))}</li>"
            for line in mine
        )
        parts_.append(f"<ul class='lines'>{listed}</ul>")
    return "".join([*parts_, "</article>"])


def _section_body(section: Section, images: Mapping[str, bytes]) -> str:
    e = html.escape
    body = [f'<p class="question">{e(section.question)}</p>']
    body += [f"<p>{e(sentence)}</p>" for sentence in section.said]
    for n, picture in enumerate(section.pictures, 1):
        data = base64.b64encode(images[f"{section.anchor}-{n}.png"]).decode()
        body.append(f'<img alt="{e(picture.alt, quote=True)}" src="data:image/png;base64,{data}">')
    return "".join(body)


def _lines_of(section: Section, report: Report) -> list[Line]:
    return [line for line in report.lines if section.name in line.claim.grids[:1]]


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{nav}
{body}
</body>
</html>
"""

_STYLE = """
:root { --ink: #1d2327; --paper: #fff; --soft: #f3f5f6; --line: #c9d1d6; --dim: #515c64;
  --link: #0b5cad; --good: #17663a; --half: #7a4b00; --none: #4c565d; --bad: #a3262a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ea; --paper: #15191c; --soft: #1f2529;
  --line: #3b454c; --dim: #aab4bb; --link: #7db8ff; --good: #74d39a; --half: #f0b95c;
  --none: #b9c3ca; --bad: #ff9a94; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem 1.25rem 4rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 2rem; line-height: 1.2; } h2 { margin-top: 2.5rem; }
header p, section > p, section > ul, section > dl { max-width: 46rem; }
a { color: var(--link); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; list-style: none; }
dl div { display: grid; grid-template-columns: 11rem 1fr; gap: .2rem 1rem; margin: .4rem 0; }
dt { font-weight: 600; } dd { margin: 0; }
.verdict { font-weight: 600; }
.reproduced { color: var(--good); } .same-direction { color: var(--half); }
.not-seen, .not-testable-here { color: var(--none); } .contradicted { color: var(--bad); }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .55rem .6rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
thead th { background: var(--soft); position: sticky; top: 0; }
tbody th { width: 42%; font-weight: 400; } tbody tr:target, tbody th:target {
  background: var(--soft); }
.place { display: block; color: var(--dim); font-size: .875rem; }
details { font-size: .875rem; } details p { margin: .3rem 0; } summary { color: var(--dim);
  cursor: pointer; width: fit-content; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
article { margin: 2rem 0; padding-top: .5rem; border-top: 1px solid var(--line); }
article > p, article > ul { max-width: 46rem; }
.question { font-size: 1.1rem; }
img { display: block; max-width: 100%; height: auto; margin: 1rem 0; padding: .6rem;
  background: #fff; border-radius: .4rem; }
@media (max-width: 46rem) {
  table, tbody, tr, tbody th, td { display: block; width: 100%; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { padding: .6rem 0; border-bottom: 1px solid var(--line); }
  th, td { padding: .15rem 0; border: 0; }
  td::before { content: attr(data-head) ": "; color: var(--dim); }
  dl div { grid-template-columns: 1fr; }
}
@media print { details > * { display: block; } thead th { position: static; } }
"""


# ---- the same as Markdown --------------------------------------------------------------------


def to_markdown(report: Report) -> str:
    """The page as Markdown, its figures in the folder ``FIGURES`` beside it."""
    text = [f"# {_plain(report.title)}", *map(_plain, INTRO), "## In short"]
    in_short = [*map(_plain, report.brief), *map(_headline, report.headlines)]
    text.append("\n".join(f"- {said}" for said in in_short))
    text.append(f"The {len(report.lines)} lines below, part by part:")
    text.append("\n".join(f"- {_plain(part)}" for part in by_part(report.lines)))
    if report.when:
        text += ["## When does it hold?", *_section_markdown(report.when)]
    text.append("## What was run")
    text.append("\n".join(f"- {what}: {_plain(value)}" for what, value in report.facts))
    text.append("### What this cannot say")
    text.append("\n".join(f"- {_plain(limit)}" for limit in report.limits))
    text += ["## Words", "\n".join(f"- **{word}**: {_plain(said)}" for word, said in GLOSSARY)]
    text += ["## The rule", _plain(RULE_HEAD)]
    text.append("\n".join(f"- **{name}**: {_plain(words)}" for name, words in RULE))
    for name, lines in parts(report.lines).items():
        title, words = PARTS[name]
        text += [f"## {title}", words, _table_markdown(lines, report)]
    text.append("## What each grid of runs shows")
    for section in report.sections:
        text += [f"### {_plain(section.title)}", *_section_markdown(section)]
    return "\n\n".join(text) + "\n"


def _section_markdown(section: Section) -> list[str]:
    text = [f"*{_plain(section.question)}*", *map(_plain, section.said)]
    for n, picture in enumerate(section.pictures, 1):
        alt = _plain(picture.alt).replace("[", "(").replace("]", ")")
        text.append(f"![{alt}]({FIGURES}/{section.anchor}-{n}.png)")
    return text


def _table_markdown(lines: Sequence[Line], report: Report) -> str:
    rows = [HEADS, ["---"] * len(HEADS)]
    for line in lines:
        claim, *cells = _cells(line, report)
        why = f" {line.claim.untestable}" if line.claim.untestable else ""
        notes = [f"{what}: {said}." for what, said in _notes(line) if what == "Measured"]
        cells = [" ".join([f"{claim}{why} ({line.claim.place})", *notes]), *cells]
        rows.append([_plain(cell).replace("|", "\\|") for cell in cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([*_`<>\[\]\\])", r"\\\1", " ".join(text.split()))
