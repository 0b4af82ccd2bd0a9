"""All that the page says, made of a study's tables and the list of claims."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from activecl_nb import files, profiles
from activecl_nb.evidence import analysis, claims, study
from activecl_nb.evidence.claims import Claim, Judged, Line
from activecl_nb.evidence.report import appendix, first, grids, limits
from activecl_nb.evidence.report.first import Row
from activecl_nb.evidence.report.grids import Section
from activecl_nb.evidence.report.texts import plain, texts
from activecl_nb.evidence.study import Stored
from activecl_nb.evidence.study.folder import Opened
from activecl_nb.pictures.figures import Picture

DEFAULT = files.of_the_kit("results") / "study"


@dataclass(frozen=True)
class Report:
    """All that the page says.

    rows: the first screen. gains: its picture. declared: all contrasts. facts: (what, value) pairs
    on what was run. when: entropy beside random in every setting. settings: every strategy beside
    random in every setting, a table a task. scored: what a line measures by the three scores.
    left_out: claims that these grids cannot answer.
    """

    title: str
    intro: tuple[str, ...]
    lines: tuple[Line, ...]
    judged: tuple[Judged, ...]
    rows: tuple[Row, ...]
    gains: Picture | None
    declared: tuple[Row, ...]
    facts: tuple[tuple[str, str], ...]
    limits: tuple[str, ...]
    tissues: Mapping[str, str]
    when: Section | None
    sections: tuple[Section, ...]
    settings: tuple[appendix.Settings, ...]
    scored: Mapping[str, str]
    left_out: tuple[str, ...]


def make(
    folder: str | os.PathLike[str] | None = None,
    claims_file: str | os.PathLike[str] | None = None,
    study_file: str | os.PathLike[str] | None = None,
) -> Report:
    """Measure and judge what a study can answer, and draw its grids.

    folder: stored tables or a folder of runs (``study.open_any``); the kit's own study where none
    is given. claims_file: where none is given, ``claims.toml`` beside the folder; else those of
    the kit's own claims that the grids can answer, on whatever they are called. study_file:
    where none is given, ``NAME.toml`` beside the folder NAME.

    FileNotFoundError, ValueError: a file is missing, damaged, or does not fit the others.
    """
    folder = files.expanded(folder or DEFAULT)
    opened = study.open_any(folder, files.expanded(study_file) if study_file else None)
    given = _claims_file(folder, claims_file)
    claimed, headlines = claims.read(given or DEFAULT.parent / "claims.toml")
    tables = claims.Grids.of(opened.stored)
    fitting = [fitted(claim, tables, foreign=given is None) for claim in claimed]
    lines = claims.ledger([claim for claim in fitting if claim], tables)
    left_out = [c.claim for c, fit in zip(claimed, fitting, strict=True) if fit is None]
    judged, tissues = claims.judge(opened.contrasts, tables), opened.tissues
    line_by_id = {line.claim.id: line for line in lines}
    if given is not None:
        _check_headlines(headlines, claimed, judged, given)
    profile, lead = _profile(opened, folder)
    return Report(
        opened.title,
        tuple(texts("intro")["own" if given is None else "paper"]),
        tuple(lines),
        tuple(judged),
        first.rows(headlines, judged, line_by_id, tissues, _real(tables)),
        first.gains(judged, tissues),
        first.declared(judged),
        limits.facts(tables, tissues, profile, lead, len(left_out)),
        limits.limits(tables, profile, lead, lines),
        tissues,
        grids.when(tables),
        tuple(
            grids.section(tables.grid(name), name, asked, opened.changes.get(name))
            for name, asked in opened.questions.items()
        ),
        appendix.tables(tables),
        appendix.by_score(lines, tables),
        tuple(left_out),
    )


def _claims_file(folder: Path, given: str | os.PathLike[str] | None) -> Path | None:
    """The list of claims that goes with a folder; None where it has none of its own."""
    if given is not None:
        return files.expanded(given)
    beside = folder.parent / "claims.toml"
    return beside if (folder / "index.csv").exists() and beside.exists() else None


def _real(tables: Stored) -> set[str]:
    """The grids on real tissue."""
    sides = tables.planned[["grid", "source"]].drop_duplicates()
    return {side.grid for side in sides.itertuples() if not analysis.drawn(side.source)}


def _check_headlines(
    headlines: Sequence[str], claimed: Sequence[Claim], judged: Sequence[Judged], path: Path
) -> None:
    known = {claim.id for claim in claimed}
    known |= {judged_contrast.contrast.id for judged_contrast in judged}
    unknown = [headline for headline in headlines if headline not in known]
    if unknown:
        raise ValueError(f"{path}: no claim and no contrast is called {', '.join(unknown)}")


def _profile(opened: Opened, folder: Path) -> tuple[profiles.Profile | str, str]:
    """The sizes of the first grid that has runs, and its name where they are not the profile's.

    Of a folder of runs, which may have sizes of their own, the profile's name alone.
    """
    if not (folder / "index.csv").exists():
        return opened.profile, ""
    profile = profiles.current(opened.profile or None)
    runs = opened.stored.planned[opened.stored.planned["finished"]]
    lead = runs["grid"].iloc[0]
    sizes = {field.name for field in dataclasses.fields(profile)}
    own = {
        name: value
        for name, value in opened.changes.get(lead, {}).items()
        if name in sizes and not isinstance(value, list)
    }
    there = runs[runs["grid"] == lead]["train"].median()  # a source may hold fewer than asked for
    if there < profile.train_images:
        own["train_images"] = int(there)
    return dataclasses.replace(profile, **own), lead if own else ""


def fitted(claim: Claim, stored: Stored, *, foreign: bool) -> Claim | None:
    """The claim as these grids can answer it; None if they cannot.

    foreign: the claims were not written for this study. Then one that is measured on a single
    grid is tried on each grid that there is, and what needs no run is left out.
    """
    if not claim.grids:
        return None if foreign else claim
    grids_there = list(dict.fromkeys(stored.planned["grid"]))
    tries = [claim]
    if foreign and len(claim.grids) == 1:
        tries += [_moved(claim, claim.grids[0], name) for name in grids_there]
    for tried in tries:
        try:
            claims.measure(tried, stored)
        except ValueError:
            continue
        return tried
    return None


def _moved(claim: Claim, old: str, new: str) -> Claim:
    """The claim measured on another grid."""

    def moved(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {k: new if k == "grid" and v == old else moved(v) for k, v in value.items()}
        return value

    return dataclasses.replace(claim, kind=moved(claim.kind))


# ---- the ledger by itself -------------------------------------------------------------------


def open_ledger(folder: str | os.PathLike[str] | None = None) -> tuple[list[Line], Stored | None]:
    """The ledger for a lesson: its lines, and the stored study that they are measured on.

    Prints one line on what it gives. Where no study is stored, only arithmetic is judged.
    """
    folder = files.expanded(folder or DEFAULT)
    every, _ = claims.read(_claims_file(folder, None) or DEFAULT.parent / "claims.toml")
    try:
        stored = study.open_stored(folder)
    except FileNotFoundError:
        print("No study is stored here, so only what needs no run is judged.")
        return claims.ledger(every, None), None
    runs = stored.planned.drop_duplicates("run")["finished"]
    print(f"{runs.sum()} of {len(runs)} planned runs are finished")
    return claims.ledger(every, stored), stored


def declared(folder: str | os.PathLike[str] | None = None) -> tuple[list[Row], Picture | None]:
    """What a study declared before its runs, for a lesson: rows, and a picture.

    Real tissue comes first; contrasts without runs are left out. FileNotFoundError, ValueError:
    as ``make``.
    """
    opened = study.open_any(files.expanded(folder or DEFAULT))
    every = claims.judge(opened.contrasts, opened.stored)
    with_runs = [judged_contrast for judged_contrast in every if judged_contrast.estimate]
    judged = sorted(with_runs, key=lambda judged_contrast: not judged_contrast.real)
    rows = [first.contrast_row(judged_contrast, opened.tissues) for judged_contrast in judged]
    return rows, first.gains(judged, opened.tissues)


def table(lines: Sequence[Line]) -> pd.DataFrame:
    """Lines as a table to look at: claim, what the paper says, ours, replicates, verdict."""
    rows = [
        (
            line.claim.claim,
            claims.printed(line.claim),
            claims.ours(line.measured),
            claims.counted(line.measured) if line.measured and line.measured.needs else "",
            claims.wanting(line),
        )
        for line in lines
    ]
    return pd.DataFrame(rows, columns=["claim", "paper", "ours", "replicates", "verdict"])


def listed(sentences: pd.DataFrame) -> str:
    """A table of sentences as Markdown: its columns would be a word wide on a narrow page.

    The first column is a paragraph, and the others follow in a list, each under its name; empty
    ones are left out.
    """
    paragraphs = []
    for claim, *others in sentences.itertuples(index=False, name=None):
        told = zip(sentences.columns[1:], others, strict=True)
        paragraphs.append(f"**{plain(claim)}**")
        paragraphs.append("\n".join(f"- {name}: {plain(cell)}" for name, cell in told if cell))
    return "\n\n".join(paragraphs)


def parts(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """The lines under the headings of ``templates/parts.toml``."""
    by_part_name: dict[str, list[Line]] = {name: [] for name in texts("parts")}
    for line in lines:
        claim = line.claim
        if claim.untestable:
            by_part_name["open"].append(line)
        elif claim.source == "ours":
            by_part_name["ours"].append(line)
        else:
            by_part_name["sums" if claim.arithmetic else "claims"].append(line)
    return by_part_name


def by_part(lines: Sequence[Line]) -> list[str]:
    """The tally of each part, a line each: sums that come out are no claims that hold on runs."""
    tallies = []
    for name, of_part in parts(lines).items():
        counts = [f"{verdict} {n}" for verdict, n in claims.tally(of_part).items() if n]
        waiting = sum(line.waits for line in of_part)
        waits = f" ({waiting} for want of finished runs so far)" if waiting else ""
        tallies.append(f"{texts('parts')[name]['title']}: {'; '.join(counts) or 'no line'}{waits}.")
    return tallies
