"""What is kept of a study: small tables that open without torch.

index.csv     a line for each run in each grid: where it belongs, and whether it is finished
rounds.csv    a line for each round of each run, without the columns that tell no more
picks.npz     an array for each column of ``analysis.picks``, without the names
floors.csv    for each run what colours alone and an untrained encoder reach
made_on.json  versions, device and processor, with the runs that were made there
manifest.json the checksums of these, see ``files``
"""

from __future__ import annotations

import io
import json
import os
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from activecl_nb import files
from activecl_nb.evidence import analysis
from activecl_nb.evidence.study.one_run import finished
from activecl_nb.evidence.study.plan import Study

if TYPE_CHECKING:
    from activecl_nb.runs import Run
    from activecl_nb.tissue import Tissue

INDEX = ["grid", "setting", "tissue", "source", "strategy", "seed", "run", "finished"]
MADE_ON = "made_on.json"
FILES = ("index.csv", "rounds.csv", "picks.npz", "floors.csv", MADE_ON)
SIZES = ["train", "test"]  # images of a run's two parts: how much folds share depends on them
FACTS = ("positive", "near_duplicate", "artefact")
TEXT = {*INDEX, "floor"} - {"seed"}  # columns of words, also where a word looks like a number
UNKNOWN = -1  # stands in picks.npz for what a source does not tell of its patches
MEND = "restore its files, or make them anew (the kit's own: python results/make.py)"


@dataclass(frozen=True)
class Stored:
    """A study's results as tables, each with the columns grid, setting and tissue.

    rounds: a row a round, as ``analysis.table`` makes it. picks: a row a pick, as
    ``analysis.picks`` makes it, of all runs but the benchmark's, which picks everything.
    planned: what stands in index.csv of every run of the study. floors: a row a run and floor
    ("colour_moments", "untrained"), a column a score. made_on: for each run what
    ``runs.environment`` says of where it was made.
    """

    rounds: pd.DataFrame
    picks: pd.DataFrame
    planned: pd.DataFrame
    floors: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["run", "floor"]))
    made_on: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def grid(self, name: str) -> Stored:
        """One grid alone. ValueError: there is none of that name."""
        if name not in set(self.planned["grid"]):
            known = ", ".join(dict.fromkeys(self.planned["grid"]))
            raise ValueError(f"no grid is called {name!r}; there are {known}")
        parts = (self.rounds, self.picks, self.planned)
        rounds, picks, planned = (t[t["grid"] == name].reset_index(drop=True) for t in parts)
        if "label" in picks:  # the study's other tissues have other classes
            picks["label"] = picks["label"].cat.remove_unused_categories()
        floors = self.floors[self.floors["run"].isin(planned["run"])].reset_index(drop=True)
        made_on = {run: self.made_on[run] for run in planned["run"] if run in self.made_on}
        return Stored(rounds, picks, planned, floors, made_on)


def store(study: Study, out: str | os.PathLike[str], folder: str | os.PathLike[str]) -> Stored:
    """Keep a study's finished runs in small files: a few bytes a pick, a line a round.

    A run of this study that ``folder`` holds from before (see ``kept``) stays there, whether or
    not ``out`` has it: its name says that it is the same.

    ValueError: neither of the two holds a finished run, or the folder's files are damaged.
    """
    folder = files.expanded(folder)
    places = pd.DataFrame(
        [
            (
                *(e.grid, e.label, e.job.tissue, e.job.source),
                *(e.job.strategy, e.job.seed, e.job.address()),
            )
            for e in study.entries
        ],
        columns=INDEX[:-1],
    )
    jobs = {job.address(): job for job in study.jobs}
    made = tables_of(
        places,
        files.expanded(out),
        lambda run: jobs[run.folder.name].patches().train,
        Tables.there(folder),
    )
    if made.rounds.empty:
        raise ValueError(f"{out} holds no finished run of {study.title!r}; make some first")
    if made.picks.empty:
        raise ValueError(
            f"{out} holds finished runs of the benchmark alone, which picks everything; "
            "finish one of a strategy too"
        )
    made.write(folder)
    return open_stored(folder)


def kept(folder: str | os.PathLike[str]) -> set[str]:
    """Addresses of the runs that ``store`` kept there, which need not be made again."""
    before = Tables.there(files.expanded(folder))
    return before.finished if before else set()


def open_stored(folder: str | os.PathLike[str]) -> Stored:
    """Read what ``store`` kept; needs no torch.

    FileNotFoundError: a file is not there. ValueError: one is damaged, or not of this study.
    """
    return Tables.read(files.expanded(folder)).joined()


def tables_of(
    places: pd.DataFrame,
    out: Path,
    patches: Callable[[Run], Tissue | None],
    before: Tables | None = None,
) -> Tables:
    """The tables of all finished runs in ``out``, and of those that were kept before.

    places: the columns of ``INDEX`` without "finished". patches: what a run picked from; where
    that is not there any more, None, its picks are left out.
    """
    held = before.finished if before else set()
    rounds, picks, floors, sizes = {}, {}, [], {}
    made_on: dict[str, Mapping[str, Any]] = {}
    for address in dict.fromkeys(places["run"]):
        if run := finished(out / address):
            rounds[address] = run.table().assign(run=address)
            made_on[address] = run.environment
            floors.append(_floors(run, address))
            sizes[address] = [run.data.get(name) for name in SIZES]
            if run.strategy != analysis.BENCHMARK and (train := patches(run)) is not None:
                picks[address] = analysis.picks([run], train).assign(run=address)
        elif before and address in held:
            rounds[address] = before.rounds[before.rounds["run"] == address]
            floors.append(before.floors[before.floors["run"] == address])
            sizes[address] = before.index.set_index("run").loc[[address], SIZES].iloc[0].tolist()
            made_on[address] = before.made_on.get(address, {})
            if (own := before.picks["run"] == address).any():
                picks[address] = before.picks[own]
    if differences := analysis.made_apart(made_on.values()):
        warnings.warn(differences, stacklevel=3)
    index = places.assign(finished=places["run"].isin(rounds))
    split_sizes = [sizes.get(address, [None, None]) for address in index["run"]]
    index[SIZES] = pd.DataFrame(split_sizes, index=index.index)
    return Tables(
        index,
        _concat([*rounds.values()], ["run", "round", "images", "f1"]),
        _joined(list(picks.values())),
        _concat(floors, ["run", "floor"]),
        {run: told for run, told in made_on.items() if told},
    )


def _floors(run: Run, address: str) -> pd.DataFrame:
    """What needs no training reaches under the same probe and labels. ValueError: nobody asked."""
    if not run.floors:
        raise ValueError(
            f"{run.folder} was made by a kit before 0.3.0, without floors to hold it against; "
            "make it anew, or report it as a run: report RUN --out DIR"
        )
    rows = [
        {"run": address, "floor": name, **{k.removeprefix("probe_"): v for k, v in scores.items()}}
        for name, scores in run.floors.items()
    ]
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Tables:
    """The files as they are: each run once, by its address in the column ``run``."""

    index: pd.DataFrame
    rounds: pd.DataFrame
    picks: pd.DataFrame
    floors: pd.DataFrame
    made_on: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def finished(self) -> set[str]:
        return set(self.index[self.index["finished"]]["run"])

    def joined(self) -> Stored:
        """Rounds and picks with their places in the grids."""
        planned = self.index[self.index["finished"]].drop(columns=["finished", *SIZES])
        shares = self.index["test"].astype(float) / self.index["train"].astype(float)
        planned["test_to_train"] = shares.fillna(0.0)
        # Whose a pick is stands in the index; what a run says of itself would be there twice.
        picks = self.picks.drop(columns=["strategy", "seed"], errors="ignore")
        rounds, picks = (planned.merge(part, on="run") for part in (self.rounds, picks))
        # Grid by grid: a run that stands in two would be added up twice.
        by_grid = [analysis.table(part) for _, part in rounds.groupby("grid", sort=False)]
        return Stored(_concat(by_grid, list(rounds)), picks, self.index, self.floors, self.made_on)

    @classmethod
    def there(cls, folder: Path) -> Tables | None:
        """What the folder holds, if anything was ever kept in it."""
        return cls.read(folder) if (folder / "index.csv").exists() else None

    @classmethod
    def read(cls, folder: Path) -> Tables:
        if missing := [name for name in (*FILES, files.MANIFEST) if not (folder / name).exists()]:
            raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}; {MEND}")
        manifest = files.Manifest.of(folder)
        try:
            found = cls(
                _read_index(manifest),
                _read_csv(manifest, "rounds.csv"),
                _read_picks(manifest),
                _read_csv(manifest, "floors.csv"),
                _read_made_on(manifest),
            )
            lost = found.finished - set(found.rounds["run"])
        except (ValueError, KeyError, IndexError, OSError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"{folder} cannot be read ({type(error).__name__}: {error}); {MEND}"
            ) from error
        if lost:
            raise ValueError(f"{folder}/rounds.csv lacks runs that index.csv names; {MEND}")
        return found

    def write(self, folder: Path) -> None:
        (folder / files.MANIFEST).unlink(missing_ok=True)  # so that nothing half new is believed
        picks, labels = self.picks, self.picks["label"].cat
        runs = picks["run"].unique()
        with files.replacing(folder / "picks.npz") as temporary:
            np.savez_compressed(
                temporary,
                classes=np.array(list(labels.categories)),
                runs=np.array(runs, dtype=str),
                run=_small(picks["run"].map({run: k for k, run in enumerate(runs)})),
                round=_small(picks["round"]),
                position=_small(picks["position"]),
                label=_small(labels.codes),
                **{
                    name: picks[name].astype(float).fillna(UNKNOWN).to_numpy(np.int8)
                    for name in FACTS
                    if name in picks
                },
            )
        _write_csv(_telling(self.rounds), folder / "rounds.csv")
        _write_csv(self.floors, folder / "floors.csv")
        files.write(folder / MADE_ON, _by_machine(self.made_on))
        _write_csv(self.index, folder / "index.csv")
        files.seal(folder, *FILES)


def _small(values: pd.Series) -> np.ndarray:
    """Whole numbers from 0 on in the smallest type that holds them."""
    return values.to_numpy(np.min_scalar_type(int(values.max())))


def _telling(rounds: pd.DataFrame) -> pd.DataFrame:
    """Without columns that a study tells nothing by, see ``analysis.table`` and ``judged_by``.

    These are the seconds of a clock, which other work lengthens, where the processor's are known;
    and F1 by other proxy epochs, where all proxies were scored once.
    """
    seconds = rounds.columns[rounds.columns.str.startswith("seconds_")]
    if "seconds_processor" in seconds and rounds["seconds_processor"].notna().all():
        rounds = rounds.drop(columns=seconds.difference(["seconds_processor"]))
    again = rounds.columns.intersection(analysis.MORE_F1)
    for name in again:  # where an earlier table left it out, it was the same
        rounds = rounds.assign(**{name: rounds[name].fillna(rounds["f1"])})
    if all(np.allclose(rounds[name], rounds["f1"], 0, 1e-9, equal_nan=True) for name in again):
        rounds = rounds.drop(columns=again)
    return rounds


def _read_csv(manifest: files.Manifest, name: str) -> pd.DataFrame:
    """A table; what stands in a column that is none of ``TEXT`` is a number, or an empty cell."""
    content = io.BytesIO(manifest.read(name))
    frame = pd.read_csv(content, dtype=str, keep_default_na=False)
    for column in frame.columns.difference(list(TEXT)):
        frame[column] = pd.to_numeric(frame[column].where(frame[column] != ""))
    return frame


def _read_index(manifest: files.Manifest) -> pd.DataFrame:
    index = _read_csv(manifest, "index.csv")
    return index.assign(finished=index["finished"] == "True")


def _by_machine(made_on: Mapping[str, Mapping[str, Any]]) -> str:
    """Each environment once, with its runs."""
    runs: dict[str, list[str]] = {}
    for run, environment in made_on.items():
        runs.setdefault(json.dumps(environment, sort_keys=True), []).append(run)
    groups = [
        {"environment": json.loads(told), "runs": sorted(those)} for told, those in runs.items()
    ]
    return json.dumps(groups, indent=1) + "\n"


def _read_made_on(manifest: files.Manifest) -> dict[str, Mapping[str, Any]]:
    """For each run where it was made."""
    groups = json.loads(manifest.read(MADE_ON))
    return {run: group["environment"] for group in groups for run in group["runs"]}


def _read_picks(manifest: files.Manifest) -> pd.DataFrame:
    with np.load(io.BytesIO(manifest.read("picks.npz")), allow_pickle=False) as arrays:
        columns = {name: arrays[name] for name in arrays.files}
    classes, runs = columns.pop("classes"), columns.pop("runs")
    integers = {
        name: columns[name].astype(np.int64) for name in ("run", "round", "position", "label")
    }
    picks = pd.DataFrame(columns | integers)
    picks["label"] = pd.Categorical.from_codes(picks["label"], list(classes))
    picks["run"] = runs[picks["run"]]
    picks["order"] = picks.groupby(["run", "round"]).cumcount()
    for name in FACTS:
        if name in picks:
            known = picks[name] != UNKNOWN
            picks[name] = picks[name].astype(bool if known.all() else float).where(known)
    return picks


def _joined(picks: list[pd.DataFrame]) -> pd.DataFrame:
    """One table of all runs' picks; where sources have other classes, it knows them all."""
    from pandas.api.types import union_categoricals

    if not picks:
        empty = pd.DataFrame(columns=["run", "strategy", "seed", "round", "order", "position"])
        return empty.assign(label=pd.Categorical([]), positive=pd.Series(dtype=bool))
    labels = union_categoricals([one["label"] for one in picks])
    return pd.concat(picks, ignore_index=True).assign(label=labels)


def _concat(parts: Sequence[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    with files.replacing(path) as temporary:
        frame.to_csv(temporary, index=False, float_format="%.6g")
