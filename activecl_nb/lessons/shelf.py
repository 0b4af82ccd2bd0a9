"""Runs for a lesson: those that come with the kit, or short ones where these cannot be used.

A lesson on curves needs more runs than it has time to make, so the kit stores some. Where they are
missing a lesson must not stop: it makes short runs on the spot, and says so.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from activecl_nb import experiment, files, imbalance, profiles
from activecl_nb.imbalance import Data
from activecl_nb.lessons.predictions import WIDTH
from activecl_nb.pictures import maps
from activecl_nb.profiles import Profile
from activecl_nb.protocol import BENCHMARK, Protocol
from activecl_nb.runs import Run, fresh, identity, same_tissue, stored

if TYPE_CHECKING:
    import pandas as pd

ORDER = ("random", "entropy", "kcenter", "certainty", BENCHMARK)  # of tables and figures
SHORT_ROUNDS = 3
SHORT_SEEDS = 2


def open_runs(
    profile: Profile,
    *,
    mapped: bool = False,
    folder: str | os.PathLike[str] | None = None,
) -> tuple[list[Run], Data]:
    """The stored laptop runs and the patches they picked from, or short runs made now.

    profile: of the short runs. mapped: whether a map must come with the runs, or the weights to
    make one from. folder: where runs are stored, see ``runs.stored``.

    Prints one line on what it gives. Runs come in the order random, entropy, kcenter, certainty,
    others, benchmark, and by seed.
    """
    try:
        found, data = usable(folder, mapped=mapped)
    except (FileNotFoundError, ValueError) as problem:
        found, data = _short(profile)
        print(
            f"No stored runs: {problem}\nShort runs of the profile {profile.name} stand in: "
            "read their numbers as practice, not as results."
        )
    first = found[0].protocol
    kinds, seeds = len({run.strategy for run in found}), len({run.seed for run in found})
    of = f"{len(found)} runs of {kinds} kinds, {seeds} seeds"
    print(f"{of}: {first.rounds} rounds of {first.budget} images")
    return sorted(found, key=_place), data


def usable(
    folder: str | os.PathLike[str] | None = None, *, mapped: bool = False
) -> tuple[list[Run], Data]:
    """The stored laptop runs, and the patches they picked from as this machine draws them.

    folder, mapped: as in ``open_runs``. FileNotFoundError: there are none. ValueError: they
    cannot be used, since they were made from other patches, are not finished, or are damaged.
    """
    found = stored("laptop", folder)
    data = imbalance.load("phantom", found[0].protocol)
    _check(found, data, mapped)
    return found, data


def kept_run(protocol: Protocol, data: Data, strategy: str, seed: int) -> Run:
    """``experiment.run`` in a folder of the kit's cache: interrupted it goes on, done it is read.

    The folder's name stands for all that decides the run, the code of a learner's own strategy
    among it. What lies there may be deleted at any time.
    """
    begun = fresh(protocol, data, strategy, seed, profiles.device())
    return experiment.run(protocol, data, strategy, seed, _folder_of(begun, "lessons"))


def hand_folder(beside: Run, *, anew: bool = False) -> Path:
    """Where the kit's cache keeps the run that is picked by hand beside this one.

    anew: whatever was picked there so far is thrown away.
    """
    folder = _folder_of(beside, "by-hand")
    if anew and folder.exists():
        shutil.rmtree(folder)
    return folder


def _folder_of(run: Run, shelf: str) -> Path:
    name = files.checksum(json.dumps(identity(run), sort_keys=True).encode())
    return files.cache_dir() / shelf / f"run-{name[:16]}"


def stored_table(name: str) -> pd.DataFrame:
    """A table of numbers that comes with the kit in ``results/NAME.csv``; its credit is printed.

    FileNotFoundError: the kit was installed without its results.
    """
    import pandas as pd

    file = files.of_the_kit("results") / f"{name}.csv"
    if not file.is_file():
        raise FileNotFoundError(
            f"{file.name} is not among the kit's stored results; get the folder results/ anew"
        )
    head = [line[2:] for line in file.read_text(encoding="utf-8").splitlines() if line[:2] == "# "]
    print(textwrap.fill(" ".join(head), WIDTH))
    return pd.read_csv(file, comment="#")


def _place(run: Run) -> tuple[float, str, int]:
    last = len(ORDER) - 1  # a strategy that the kit does not know stands before the benchmark
    place = ORDER.index(run.strategy) if run.strategy in ORDER else last - 0.5
    return place, run.strategy, run.seed


def _check(runs: list[Run], data: Data, mapped: bool) -> None:
    """ValueError where the stored runs cannot be used together, or not with this tissue."""
    for run in runs:
        if not same_tissue(run.data, data):
            raise ValueError(
                f"{run.path} was made from other patches than this kit draws; make it anew"
            )
        if run.protocol != runs[0].protocol:
            raise ValueError(f"{run.path} has another protocol than {runs[0].path}")
        if not run.finished:
            raise ValueError(f"{run.path} is not finished; run its command again")
    if mapped and not any(maps.stored(r, r.watched) or r.weights for r in first_seed(runs)):
        raise ValueError("no run of the first seed has a map or weights to make one from")


def first_seed(runs: list[Run]) -> list[Run]:
    """The strategies' runs of the lowest seed, without the benchmark."""
    lowest = min(run.seed for run in runs)
    return [run for run in runs if run.seed == lowest and run.strategy != BENCHMARK]


def short(protocol: Protocol) -> Protocol:
    """The same protocol with less work: few rounds, a fifth of the epochs."""
    epochs = max(1, protocol.epochs // 5)
    return replace(
        protocol,
        rounds=min(SHORT_ROUNDS, protocol.rounds),
        epochs=epochs,
        benchmark_epochs=2 * epochs,
        benchmark_every=epochs,
    )


@functools.cache
def _short(profile: Profile) -> tuple[list[Run], Data]:
    """A short run of each strategy and of the benchmark, for each seed; kept until Python ends."""
    from tqdm.auto import tqdm

    protocol = short(Protocol.of(profile))
    data = imbalance.load("phantom", protocol)
    wanted = [(strategy, seed) for seed in range(SHORT_SEEDS) for strategy in ORDER]
    runs = []
    for strategy, seed in tqdm(wanted, desc="short runs", unit="run"):
        runs.append(experiment.run(protocol, data, strategy, seed, progress=False))
    return runs, data


_maps: dict[object, maps.Map] = {}


def map_of(runs: list[Run], data: Data) -> maps.Map:
    """The map that goes with these runs of one seed: a stored one, else one made now and kept.

    Without a stored map it is made from the first run that has its weights, which takes seconds
    for a few thousand patches. ValueError: no run has either.
    """
    if (kept := maps.stored_of(runs, runs[0].watched)) is not None:
        return kept
    run = maps.encoder_of(runs)
    key = (run.protocol, run.strategy, run.seed, run.data["sha256"])
    if key not in _maps:
        _maps[key] = maps.of_run(run, data.train)
    return _maps[key]
