"""A study: many runs side by side, so that an answer comes with its spread.

One run says what happened once. A study is a grid of runs (strategies, seeds, and settings that
are varied), described in a TOML file:

    title = "Does it hold?"
    profile = "laptop"

    [[grid]]
    name = "rare"
    question = "Does the rarity of tumour decide which strategy wins?"
    strategies = ["random", "entropy", "benchmark"]
    seeds = 5
    data = { tumour_share = [0.5, 0.05] }      # a list is varied, anything else is fixed
    protocol = { head = "simclr" }             # any field of experiment.Protocol

A grid's settings are all combinations of what it varies, or with ``one_at_a_time = true`` each
value by itself. ``data`` takes what ``imbalance.load`` takes; a ``path`` in it starts from the
study's own folder. ``equal_work = "benchmark"`` gives the loop as many image-epochs as the
benchmark has. A line ``code = "mine.py"`` at the top names a file beside this one that puts
strategies of your own into ``sampling.STRATEGIES``.

A run's folder is named by a hash of all that decides its result: the protocol, the tissue and its
fingerprint, strategy, seed, and the kit's version. So runs that grids share are computed once,
nothing finished is computed again, and nothing stale is taken for it. A lock beside the folder
keeps two processes, on one machine or on several with the same disk, from the same run.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import os
import runpy
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import activecl_nb
from activecl_nb import files, profiles

if TYPE_CHECKING:
    import pandas as pd

    from activecl_nb.imbalance import Data
    from activecl_nb.protocol import Protocol
    from activecl_nb.runs import Run

GRID_KEYS = {
    "name", "question", "strategies", "seeds", "data", "protocol", "one_at_a_time", "equal_work",
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One run: what decides its result.

    data: what ``imbalance.load`` is given, as sorted (name, value) pairs.
    code: the file that the strategy stands in, if it is none of the kit's own.
    """

    strategy: str
    seed: int
    protocol: Protocol
    data: tuple[tuple[str, object], ...] = (("source", "phantom"),)
    code: Path | None = None

    def address(self) -> str:
        """16 hex digits that stand for this run and no other."""
        identity = {
            "kit": activecl_nb.__version__,
            "strategy": self.strategy,
            "seed": self.seed,
            "protocol": asdict(self.protocol),
            "data": {name: value for name, value in self.data if name != "path"},
            "patches": _fingerprint(self.data, _sizes(self.protocol)),
        }
        if self.code:  # another version of it is another strategy
            identity["code"] = hashlib.sha256(self.code.read_bytes()).hexdigest()
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]

    def load(self) -> Data:
        """The patches it works on."""
        return _load(self.data, _sizes(self.protocol))

    def __str__(self) -> str:
        return f"{self.strategy}, seed {self.seed}"


@dataclass(frozen=True)
class Entry:
    """A job's place in a study: one job may stand in several grids.

    setting: what the grid varies, and its value here; empty for what is as the profile says.
    """

    grid: str
    setting: tuple[tuple[str, object], ...]
    job: Job

    @property
    def label(self) -> str:
        """The setting as text: "tumour_share=0.05", or "" for the profile's own."""
        return ", ".join(f"{name}={value}" for name, value in self.setting)


@dataclass(frozen=True)
class Study:
    """What is to be run, and why.

    questions: each grid's name and question. entries: in the order of the file, seed by seed, so
        that an unfinished grid has some seeds of everything and not all seeds of something.
    """

    title: str
    questions: Mapping[str, str]
    entries: tuple[Entry, ...]

    @property
    def jobs(self) -> list[Job]:
        """Each run once, in order."""
        return list(dict.fromkeys(entry.job for entry in self.entries))


def read(path: str | os.PathLike[str]) -> Study:
    """The study that a TOML file describes.

    FileNotFoundError: no such file. ValueError: it is no TOML, or something in it is unknown or
    has no meaning; the message names the file and the grid.
    """
    path = Path(path)
    content = files.read_toml(path)
    _no_others(content, {"title", "profile", "code", "grid"}, str(path))
    profile = profiles.current(content.get("profile"))
    code = path.parent / content["code"] if "code" in content else None
    own = _add_strategies(code) if code else set()
    grids = content.get("grid", [])
    if not grids:
        raise ValueError(f"{path} describes no runs; add a [[grid]] with strategies")
    entries: list[Entry] = []
    for number, grid in enumerate(grids, 1):
        where = f"{path}, grid {grid.get('name', number)!r}"
        _no_others(grid, GRID_KEYS, where)
        try:
            entries += _entries(_placed(grid, path.parent), profile, {name: code for name in own})
        except (KeyError, TypeError, ValueError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise ValueError(f"{where}: {what}") from error
    names = [grid["name"] for grid in grids]
    if len(set(names)) < len(names):
        raise ValueError(f"{path}: two grids have the same name; the names are {', '.join(names)}")
    questions = {grid["name"]: grid.get("question", "") for grid in grids}
    return Study(content.get("title", path.stem), questions, tuple(entries))


def _placed(grid: Mapping[str, object], folder: Path) -> dict[str, object]:
    """The grid with its data's path made whole."""
    data = dict(grid.get("data", {}))
    if "path" in data:
        data["path"] = str((folder / data["path"]).resolve())
    return {**grid, "data": data}


def _no_others(found: Mapping[str, object], known: set[str], where: str) -> None:
    unknown = sorted(set(found) - known)
    if unknown:
        raise ValueError(f"{where}: unknown {', '.join(unknown)}; there are {', '.join(known)}")


def _add_strategies(code: Path) -> set[str]:
    """Run the file; the names of the strategies that it added or replaced."""
    from activecl_nb import sampling

    if not code.exists():
        raise FileNotFoundError(f"{code} is not there; the line 'code' of a study names it")
    before = dict(sampling.STRATEGIES)
    runpy.run_path(str(code))
    return {name for name, s in sampling.STRATEGIES.items() if before.get(name) is not s}


def _entries(
    grid: Mapping[str, object], profile: profiles.Profile, code: Mapping[str, Path]
) -> list[Entry]:
    from activecl_nb import experiment, sampling
    from activecl_nb.protocol import BENCHMARK, equal_work, image_epochs

    for strategy in grid["strategies"]:
        if strategy != BENCHMARK:
            sampling.named(strategy)
    seeds = grid.get("seeds", profile.repeats)
    found = []
    for seed, setting in itertools.product(range(seeds), _settings(grid)):
        chosen = {"data": {"source": "phantom"}, "protocol": {}}
        for (part, name), value in setting.items():
            chosen[part][name] = value
        protocol = experiment.Protocol.of(profile, **chosen["protocol"])
        varied = [(name, v) for (part, name), v in setting.items() if _varies(grid, part, name)]
        if grid.get("equal_work"):
            if grid["equal_work"] != BENCHMARK:
                raise ValueError(f"equal_work is 'benchmark', not {grid['equal_work']!r}")
            target = sum(image_epochs(protocol, BENCHMARK))
            protocol = equal_work(protocol, target)
            varied.append(("epochs", protocol.epochs))
        data = _without_defaults(chosen["data"])
        for strategy in grid["strategies"]:
            job = Job(strategy, seed, protocol, data, code.get(strategy))
            found.append(Entry(grid["name"], tuple(varied), job))
    return found


def _settings(grid: Mapping[str, object]) -> list[dict[tuple[str, str], object]]:
    """What each setting of a grid fixes: (part, name) -> value."""
    given = {
        (part, name): value
        for part in ("data", "protocol")
        for name, value in grid.get(part, {}).items()
    }
    fixed = {key: value for key, value in given.items() if not isinstance(value, list)}
    varied = {key: value for key, value in given.items() if isinstance(value, list)}
    if grid.get("one_at_a_time"):
        return [{**fixed, key: value} for key, values in varied.items() for value in values]
    return [
        {**fixed, **dict(zip(varied, values, strict=True))}
        for values in itertools.product(*varied.values())
    ]


def _without_defaults(data: Mapping[str, object]) -> tuple[tuple[str, object], ...]:
    """Sorted (name, value) pairs; a dial at the phantom's own value is the phantom as it is."""
    from activecl_nb import tissue

    own = tissue.dials_of(data["source"])
    return tuple(sorted((k, v) for k, v in data.items() if own.get(k) != v))


def _varies(grid: Mapping[str, object], part: str, name: str) -> bool:
    return isinstance(grid.get(part, {}).get(name), list)


def _sizes(protocol: Protocol) -> profiles.Profile:
    """The part of a protocol that decides which patches there are."""
    return profiles.Profile(
        image_size=protocol.image_size,
        train_images=protocol.train_images,
        test_images=protocol.test_images,
    )


@functools.lru_cache(maxsize=2)  # a worker goes through many runs on the same patches
def _load(data: tuple[tuple[str, object], ...], sizes: profiles.Profile) -> Data:
    from activecl_nb import imbalance

    arguments = dict(data)
    return imbalance.load(arguments.pop("source"), sizes, **arguments)


@functools.cache
def _fingerprint(
    data: tuple[tuple[str, object], ...], sizes: profiles.Profile
) -> dict[str, object]:
    from activecl_nb import runs

    return runs.fingerprint(_load(data, sizes))


# ---- running it ---------------------------------------------------------------------------

DONE, ELSEWHERE, FAILED = "done", "run elsewhere", "failed"


def run(
    study: Study,
    out: str | os.PathLike[str],
    *,
    jobs: int = 1,
    only: tuple[int, int] = (1, 1),
    dask: str | None = None,
    device: str | None = None,
    keep_weights: bool = False,
    stream: TextIO = sys.stdout,
) -> dict[str, str]:
    """Make every run that is not there yet; address -> "done", "run elsewhere" or "failed: why".

    out: the folder that holds the runs, ``out/<address>``.
    jobs: runs at a time, each in a process of its own, on one thread.
    only: (K, N) takes the K-th of N shares, for N machines that see the same folder or not.
    dask: address of a Dask scheduler whose workers, which must see ``out``, do the work.
    keep_weights: of finished runs; they are most of the bytes.

    A run that fails does not stop the others. Ctrl-C stops all; finished rounds are kept.
    """
    import joblib

    share, of = only
    if not 1 <= share <= of:
        raise ValueError(f"--only {share}/{of}: the share goes from 1/{of} to {of}/{of}")
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    mine = study.jobs[share - 1 :: of]
    folders = {job: out / job.address() for job in mine}  # draws the tissue, once for all
    results: dict[str, str] = {}
    calls = [
        joblib.delayed(_make)(job, folder, device, keep_weights) for job, folder in folders.items()
    ]
    board = Board(study, folders, results)
    with _workers(dask), board.shown(stream):
        work = joblib.Parallel(n_jobs=-1 if dask else jobs, return_as="generator_unordered")
        for address, outcome in work(calls):
            results[address] = outcome
    return results


@contextmanager
def _workers(dask: str | None) -> Iterator[None]:
    """Where joblib sends the work: processes on this machine, or a Dask cluster's."""
    import joblib

    if dask is None:
        with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
            yield
        return
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise ValueError(
            "--dask needs the package distributed, which is not installed; "
            "install it, or share the work with --only"
        ) from error
    with Client(dask, set_as_default=True), joblib.parallel_config(backend="dask"):
        yield


def _make(job: Job, folder: Path, device: str | None, keep_weights: bool) -> tuple[str, str]:
    """One run, unless it is finished or another process is at it."""
    import filelock
    import torch

    from activecl_nb import runs

    lock = filelock.FileLock(folder.parent / f"{folder.name}.lock")
    try:
        with lock.acquire(timeout=0):
            torch.set_num_threads(1)
            try:
                there = _finished(folder) is not None
                _finish(job, folder, device)
            except ValueError as error:  # bad settings, or a damaged folder: the others go on
                return folder.name, f"{FAILED}: {error}"
            if not (keep_weights or there):  # what was finished before stays as it is
                runs.drop_weights(folder)
    except filelock.Timeout:
        return folder.name, ELSEWHERE
    return folder.name, DONE


def _finish(job: Job, folder: Path, device: str | None) -> None:
    from activecl_nb import experiment
    from activecl_nb.protocol import BENCHMARK

    if job.code:
        _add_strategies(job.code)
    options = {"out": folder, "device": device, "progress": False}
    if job.strategy == BENCHMARK:
        experiment.benchmark(job.protocol, job.load(), job.seed, **options)
    else:
        experiment.run(job.protocol, job.load(), job.strategy, job.seed, **options)


class Board:
    """What runs, what is done, and how long it will take; read from the runs' folders."""

    def __init__(
        self, study: Study, folders: Mapping[Job, Path], results: Mapping[str, str]
    ) -> None:
        from activecl_nb.protocol import image_epochs

        self.study, self.folders, self.results = study, folders, results
        self.work = {job: image_epochs(job.protocol, job.strategy) for job in folders}
        self.began = time.monotonic()
        self.at_start = self._done_work()

    def rounds(self, job: Job) -> int:
        """How many rounds of this run are finished."""
        try:
            return max(0, (self.folders[job] / "rounds.csv").read_bytes().count(b"\n") - 1)
        except FileNotFoundError:
            return 0

    def _done_work(self) -> int:
        return sum(sum(self.work[job][: self.rounds(job)]) for job in self.folders)

    def text(self) -> str:
        """A line a grid, a line for each run under way, and the time left."""
        rounds = {job: self.rounds(job) for job in self.folders}
        lines = [f"{'grid':<24}{'runs':>12}{'rounds':>14}"]
        for grid in self.study.questions:
            jobs = {e.job for e in self.study.entries if e.grid == grid} & rounds.keys()
            done = sum(rounds[job] == len(self.work[job]) for job in jobs)
            planned = sum(len(self.work[job]) for job in jobs)
            finished = sum(rounds[job] for job in jobs)
            lines.append(f"{grid:<24}{f'{done}/{len(jobs)}':>12}{f'{finished}/{planned}':>14}")
        for job, n in rounds.items():
            if 0 < n < len(self.work[job]) and self.folders[job].name not in self.results:
                of = len(self.work[job])
                lines.append(f"  {job}: {n} of {of} rounds ({self.folders[job].name})")
        failed = sum(outcome.startswith(FAILED) for outcome in self.results.values())
        lines.append(f"{self.left()}{f', {failed} failed' if failed else ''}")
        return "\n".join(lines)

    def left(self) -> str:
        """The time left at the pace so far, image-epochs being what takes it."""
        done, all_work = self._done_work(), sum(map(sum, self.work.values()))
        if done == all_work:
            return "all runs are finished"
        if done == self.at_start:
            return "time left: not known before the first round is finished"
        pace = (done - self.at_start) / (time.monotonic() - self.began)
        seconds = (all_work - done) / pace
        return f"time left: about {seconds / 60:.0f} minutes at {pace:.0f} image-epochs a second"

    @contextmanager
    def shown(self, stream: TextIO, every: float = 2.0) -> Iterator[None]:
        """Keep the table up to date on a terminal; elsewhere print it each minute."""
        on_terminal = stream.isatty()
        stop = threading.Event()

        def show() -> None:
            height = 0
            while not stop.wait(every if on_terminal else 60.0):
                height = self._draw(stream, height if on_terminal else 0)

        thread = threading.Thread(target=show, daemon=True)
        print(self.text(), file=stream, flush=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            print(self.text(), file=stream, flush=True)

    def _draw(self, stream: TextIO, height: int) -> int:
        """Print the table over its last ``height`` lines; how many lines it has now."""
        text = self.text()
        print(f"\x1b[{height}F\x1b[J" if height else "", text, sep="", file=stream, flush=True)
        return text.count("\n") + 1


# ---- what is kept of it -------------------------------------------------------------------


@dataclass(frozen=True)
class Stored:
    """A study's results as tables, each with the columns grid and setting.

    rounds: a row a round, as ``analysis.table`` makes it. picks: a row a pick, as
    ``analysis.picks`` makes it, of all runs but the benchmark's, which picks everything.
    planned: grid, setting, strategy, seed, run and ``finished`` of every run of the study.
    """

    rounds: pd.DataFrame
    picks: pd.DataFrame
    planned: pd.DataFrame

    def grid(self, name: str) -> Stored:
        """One grid alone. ValueError: there is none of that name."""
        if name not in set(self.planned["grid"]):
            known = ", ".join(dict.fromkeys(self.planned["grid"]))
            raise ValueError(f"no grid is called {name!r}; there are {known}")
        parts = (self.rounds, self.picks, self.planned)
        return Stored(*(t[t["grid"] == name].reset_index(drop=True) for t in parts))


def store(study: Study, out: str | os.PathLike[str], folder: str | os.PathLike[str]) -> Stored:
    """Keep a study's finished runs in three small files: a few bytes a pick, a line a round.

    index.csv: a line for each run in each grid. rounds.csv: a line for each round of each run.
    picks.npz: an array for each column of ``analysis.picks``, without the names.

    A run of this study that ``folder`` holds from before (see ``kept``) stays there, whether or
    not ``out`` has it: its name says that it is the same.

    ValueError: neither of the two holds a finished run, or the folder's files are damaged.
    """
    import pandas as pd

    from activecl_nb.evidence import analysis
    from activecl_nb.protocol import BENCHMARK

    folder = Path(folder)
    before = _Tables.there(folder)
    held = before.whole if before else set()
    rounds, picks = {}, {}
    for job in study.jobs:
        address = job.address()
        if run := _finished(Path(out) / address):
            rounds[address] = run.table().assign(run=address)
            if job.strategy != BENCHMARK:
                picks[address] = analysis.picks([run], job.load().train).assign(run=address)
        elif address in held:
            rounds[address] = before.rounds[before.rounds["run"] == address]
            if (own := before.picks["run"] == address).any():
                picks[address] = before.picks[own]
    if not rounds:
        raise ValueError(f"{out} holds no finished run of {study.title!r}; make some first")
    if not picks:
        raise ValueError(
            f"{out} holds finished runs of the benchmark alone, which picks everything; "
            "finish one of a strategy too"
        )
    names = ["grid", "setting", "strategy", "seed", "run", "finished"]
    entries = [
        (e.grid, e.label, e.job.strategy, e.job.seed, e.job.address()) for e in study.entries
    ]
    index = [(*entry, entry[-1] in rounds) for entry in entries]
    _Tables(
        pd.DataFrame(index, columns=names),
        pd.concat(rounds.values(), ignore_index=True),
        _joined(list(picks.values())),
    ).write(folder)
    return open_stored(folder)


def kept(folder: str | os.PathLike[str]) -> set[str]:
    """Addresses of the runs that ``store`` kept there, which need not be made again.

    A run whose rounds lack a score that ``Run.table`` gives today is not among them.
    """
    before = _Tables.there(Path(folder))
    return before.whole if before else set()


FACTS = ("positive", "near_duplicate", "artefact")
UNKNOWN = -1  # stands in picks.npz for what a source does not tell of its patches


def open_stored(folder: str | os.PathLike[str]) -> Stored:
    """Read what ``store`` kept; needs no torch.

    FileNotFoundError: a file is not there. ValueError: one is damaged, or not of this study.
    """
    import pandas as pd

    from activecl_nb.evidence import analysis

    tables = _Tables.read(Path(folder))
    planned = tables.index[tables.index["finished"]].drop(columns="finished")
    rounds, picks = (planned.merge(part, on="run") for part in (tables.rounds, tables.picks))
    # Grid by grid: a run that stands in two would be added up twice.
    by_grid = [analysis.table(part) for _, part in rounds.groupby("grid", sort=False)]
    return Stored(pd.concat(by_grid, ignore_index=True), picks, tables.index)


@dataclass(frozen=True)
class _Tables:
    """The three files as they are: each run once, by its address in the column ``run``."""

    index: pd.DataFrame
    rounds: pd.DataFrame
    picks: pd.DataFrame

    @property
    def finished(self) -> set[str]:
        return set(self.index[self.index["finished"]]["run"])

    @property
    def whole(self) -> set[str]:
        """The finished runs that have every score of today."""
        from activecl_nb.evidence import analysis

        scored = self.rounds.reindex(columns=list(analysis.MORE_F1)).notna().all(axis=1)
        return self.finished & set(self.rounds[scored]["run"])

    @classmethod
    def there(cls, folder: Path) -> _Tables | None:
        """What the folder holds, if anything was ever kept in it."""
        return cls.read(folder) if (folder / "index.csv").exists() else None

    @classmethod
    def read(cls, folder: Path) -> _Tables:
        import pandas as pd

        missing = [n for n in ("index.csv", "rounds.csv", "picks.npz") if not (folder / n).exists()]
        if missing:
            raise FileNotFoundError(
                f"{folder} lacks {', '.join(missing)}; restore them, or remove the folder and make "
                "it anew (the kit's own: python results/make.py)"
            )
        try:
            index = pd.read_csv(folder / "index.csv", keep_default_na=False)
            index["finished"] = index["finished"].astype(str) == "True"
            found = cls(index, pd.read_csv(folder / "rounds.csv"), _read_picks(folder))
            lost = found.finished - set(found.rounds["run"])
        except (ValueError, KeyError, IndexError, OSError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"{folder} cannot be read ({type(error).__name__}: {error}); restore its files, or "
                "remove the folder and make it anew (the kit's own: python results/make.py)"
            ) from error
        if lost:
            raise ValueError(
                f"{folder}/rounds.csv lacks runs that index.csv names; restore both, or remove the "
                "folder and make it anew"
            )
        return found

    def write(self, folder: Path) -> None:
        import numpy as np

        picks, labels = self.picks, self.picks["label"].cat
        runs = picks["run"].unique()
        with files.replacing(folder / "picks.npz") as temporary:
            np.savez_compressed(
                temporary,
                classes=np.array(list(labels.categories)),
                runs=np.array(runs, dtype=str),
                run=picks["run"].map({run: k for k, run in enumerate(runs)}).to_numpy(np.int16),
                round=picks["round"].to_numpy(np.int8),
                position=picks["position"].to_numpy(np.int32),
                label=labels.codes.to_numpy(np.int8),
                **{
                    name: picks[name].astype(float).fillna(UNKNOWN).to_numpy(np.int8)
                    for name in FACTS
                    if name in picks
                },
            )
        _write_csv(self.rounds, folder / "rounds.csv")
        _write_csv(self.index, folder / "index.csv")  # last: it says what the others hold


def _read_picks(folder: Path) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    with np.load(folder / "picks.npz", allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    classes, runs = found.pop("classes"), found.pop("runs")
    picks = pd.DataFrame(found)
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
    import pandas as pd
    from pandas.api.types import union_categoricals

    labels = union_categoricals([one["label"] for one in picks])
    return pd.concat(picks, ignore_index=True).assign(label=labels)


def _finished(folder: Path) -> Run | None:
    from activecl_nb import runs

    if not (folder / "run.json").exists():
        return None
    run = runs.load(folder)
    return run if run.finished else None


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    with files.replacing(path) as temporary:
        frame.to_csv(temporary, index=False, float_format="%.6g")
