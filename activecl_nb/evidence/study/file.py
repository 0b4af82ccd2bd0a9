"""A study's TOML file: checked as a whole, all that is wrong with it told at once, then laid out.

A slip in the file (a name that nothing has, a value of another type) is an error. A value that no
run can have, such as a width of 0, spoils its own setting alone: the others are run, and the table
at the end names it.
"""

from __future__ import annotations

import functools
import itertools
import math
import os
import runpy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activecl_nb import files, profiles, values
from activecl_nb.evidence.study import checks
from activecl_nb.evidence.study.checks import Check
from activecl_nb.evidence.study.plan import (
    REPLICATES,
    Contrast,
    Entry,
    Job,
    Study,
    without_defaults,
)

if TYPE_CHECKING:
    from activecl_nb import sampling


def read(path: str | os.PathLike[str]) -> Study:
    """The study that a TOML file describes.

    FileNotFoundError: no such file. ValueError: it is no TOML, or something in it is unknown, of
    another type or out of bounds; the message names the file, the grid, and every such thing.
    """
    path = files.expanded(path)
    content = files.read_toml(path)
    check = Check(str(path))
    check.table("", content, checks.Top)
    profile = check.tried("profile", lambda: _profile(content.get("profile"), path.parent))
    own_file = content.get("code")
    code = path.parent / files.expanded(own_file) if isinstance(own_file, str) else None
    own = check.tried("code", lambda: add_strategies(code) if code else set())
    check.end()  # without a profile and its strategies there is no more to say
    grids, plans = content.get("grid", []), []
    if not grids:
        check.says("", "it describes no runs; add a [[grid]] with strategies")
    for number, grid in enumerate(grids, 1):
        where = f"grid {grid.get('name', number)!r}: "
        if check.table(where, grid, checks.Grid):
            placed, files_of = _placed(grid, path.parent, check, where)
            files_of = ({name: code for name in own} if code else {}) | files_of
            plans.append(_laid_out(placed, profile, files_of, check, where))
    _no_twins(grids, check)
    named = [str(grid.get("name")) for grid in grids]
    of_name = dict.fromkeys(named) | {plan.name: plan for plan in plans}
    contrasts = tuple(_contrasts(content.get("contrast", []), of_name, check))
    check.end()
    return Study(
        content.get("title", path.stem),
        {grid["name"]: grid.get("question", "") for grid in grids},
        tuple(entry for plan in plans for entry in plan.entries),
        contrasts,
        tuple(one for plan in plans for one in plan.refused),
        {grid["name"]: grid["tissue"] for grid in grids if "tissue" in grid},
    )


def _profile(name: str | None, folder: Path) -> profiles.Profile:
    """The profile of this name, or the sizes of the run in this folder, as ``--profile`` takes."""
    from activecl_nb import runs

    if name and (folder / name / "run.json").is_file():
        return runs.load(folder / name).protocol
    return profiles.current(name)


def strategy_in(code: Path, name: str) -> str | sampling.Strategy:
    """A strategy that a file adds to ``sampling.STRATEGIES``, or else its function of this name."""
    from activecl_nb import sampling

    return name if name in add_strategies(code) else sampling.from_file(f"{code}:{name}")


def add_strategies(code: Path) -> set[str]:
    """Run the file; the names of the strategies that it added or replaced.

    ValueError: it is not there, or it fails.
    """
    from activecl_nb import sampling
    from activecl_nb.sampling.from_file import named

    if not code.is_file():
        raise ValueError(f"{code} is no file; the line 'code' of a study names it")
    before = dict(sampling.STRATEGIES)
    with named(code):
        runpy.run_path(str(code))
    return {name for name, s in sampling.STRATEGIES.items() if before.get(name) is not s}


def _no_twins(grids: Iterable[Mapping[str, Any]], check: Check) -> None:
    names = [grid.get("name") for grid in grids if isinstance(grid.get("name"), str)]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            check.says("", f"two grids have the same name, {name!r}")


# ---- a grid's runs --------------------------------------------------------------------------


@dataclass
class _Plan:
    """One grid laid out."""

    name: str
    strategies: list[str]
    entries: list[Entry] = field(default_factory=list)
    refused: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def labels(self) -> set[str]:
        return {entry.label for entry in self.entries}


def _placed(
    grid: Mapping[str, Any], folder: Path, check: Check, where: str
) -> tuple[dict[str, Any], dict[str, Path]]:
    """The grid with its data's path made whole, and the files that its strategies stand in."""
    from activecl_nb import sampling

    data, code, names = dict(grid.get("data", {})), {}, []
    if isinstance(data.get("path"), str):
        data["path"] = str((folder / files.expanded(data["path"])).resolve())
    for text in grid["strategies"]:
        file, _, name = text.rpartition(":")
        if sampling.is_from_file(text):
            place = (folder / files.expanded(file)).resolve()
            check.tried("strategies", functools.partial(sampling.from_file, f"{place}:{name}"))
            code[name] = place
        names.append(name)
    for name in (name for name in dict.fromkeys(names) if names.count(name) > 1):
        check.says(where, f"two strategies are called {name!r}; rename the function of your own")
    return {**grid, "strategies": names, "data": {"source": "phantom", **data}}, code


def _laid_out(
    grid: Mapping[str, Any],
    profile: profiles.Profile,
    code: Mapping[str, Path],
    check: Check,
    where: str,
) -> _Plan:
    """The grid's entries, seed by seed; what is wrong with it goes to ``check``."""
    from activecl_nb.protocol import BENCHMARK, Protocol, equal_work, image_epochs

    plan, settings = _Plan(grid["name"], grid["strategies"]), []
    if (runs := _runs(grid, profile)) > MOST_RUNS:
        check.says(where, f"{runs:,} runs are asked for, and {MOST_RUNS:,} is the most; vary less")
        return plan
    for setting in _settings(grid):
        varied = [(name, v) for (part, name), v in setting.items() if _varies(grid, part, name)]
        chosen = {part: {n: v for (p, n), v in setting.items() if p == part} for part in PARTS}
        try:
            protocol = Protocol.of(profile, **chosen["protocol"])
            if grid.get("equal_work"):
                target = sum(image_epochs(protocol, BENCHMARK))
                protocol = equal_work(protocol, target)
                varied.append(("epochs", protocol.epochs))
            settings.append((tuple(varied), chosen["data"], protocol))
        except (ValueError, TypeError, ArithmeticError) as error:
            label = ", ".join(f"{name}={value}" for name, value in varied)
            plan.refused.append((plan.name, label, str(error)))
    problems = [*_unknown_strategies(grid, code), *_odd_values(grid)]
    if not settings:  # nothing to run, so it is a slip in the file
        problems += [f"{label}: {why}" if label else why for _, label, why in plan.refused]
    for problem in problems:
        check.says(where, problem)
    replicates = itertools.product(range(grid.get("seeds", profile.repeats)), _tissues(grid))
    if not problems:
        for (seed, tissue), (varied, data, protocol) in itertools.product(replicates, settings):
            pairs = without_defaults({**data, **tissue})
            for strategy in grid["strategies"]:
                job = Job(strategy, seed, protocol, pairs, code.get(strategy))
                plan.entries.append(Entry(plan.name, varied, job))
    return plan


PARTS = ("data", "protocol")
MOST_RUNS = 100_000  # of a grid: more than anybody waits for


def _runs(grid: Mapping[str, Any], profile: profiles.Profile) -> int:
    """How many runs a grid asks for, before any of them is laid out."""
    values = [len(grid[part][name]) for part, name in _varied(grid)]
    settings = sum(values) if values and grid.get("one_at_a_time") else math.prod(values)
    tissues = math.prod(len(_each(grid["data"][n])) for n in REPLICATES if n in grid["data"])
    return settings * tissues * grid.get("seeds", profile.repeats) * len(grid["strategies"])


def _unknown_strategies(grid: Mapping[str, Any], code: Mapping[str, Path]) -> list[str]:
    from activecl_nb import sampling
    from activecl_nb.protocol import BENCHMARK

    told = []
    for strategy in grid["strategies"]:
        if strategy != BENCHMARK and strategy not in code:
            try:
                sampling.named(strategy)
            except ValueError as error:
                told.append(str(error))
    return told


def _odd_values(grid: Mapping[str, Any]) -> list[str]:
    """What data cannot be, and lists that vary nothing."""
    told = _odd_data(grid["data"])
    for part in PARTS:
        lists = {n: v for n, v in grid.get(part, {}).items() if isinstance(v, list)}
        twice = [n for n, v in lists.items() if any(one in v[:i] for i, one in enumerate(v))]
        told += [f"{name} has a value twice; give each once" for name in twice]
        empty = [name for name, value in grid.get(part, {}).items() if value == []]
        told += [f"{name} is an empty list; give one value or more" for name in empty]
    if grid.get("one_at_a_time") and not any(_varied(grid)):
        told.append("one_at_a_time has nothing to vary; give a list of values")
    return told


def _odd_data(data: Mapping[str, Any]) -> list[str]:
    from activecl_nb import tissue

    source = data["source"]
    dials = tissue.dials_of(source) if isinstance(source, str) else {}
    kind, told = checks.data_of(dials), []
    for name, value in data.items():
        # A source of one's own may take more than the kit knows here.
        for one in _each(value) if dials or name in kind.__annotations__ else ():
            try:
                values.checked(kind, {name: one})
            except values.Problems as error:
                told += error.lines
    return told


def _each(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _varied(grid: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for part in PARTS:
        for name in grid.get(part, {}):
            if _varies(grid, part, name):
                yield part, name


def _varies(grid: Mapping[str, Any], part: str, name: str) -> bool:
    """Whether a list stands there, of settings and not of replicates."""
    replicate = part == "data" and name in REPLICATES
    return isinstance(grid.get(part, {}).get(name), list) and not replicate


def _tissues(grid: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a grid's replicates give ``imbalance.load``, each its own part."""
    axes = {name: _each(grid["data"][name]) for name in REPLICATES if name in grid["data"]}
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def _settings(grid: Mapping[str, Any]) -> list[dict[tuple[str, str], Any]]:
    """What each setting of a grid fixes: (part, name) -> value."""
    given = {
        (part, name): value
        for part in PARTS
        for name, value in grid.get(part, {}).items()
        if not (part == "data" and name in REPLICATES)
    }
    fixed = {key: value for key, value in given.items() if not isinstance(value, list)}
    varied = {key: value for key, value in given.items() if isinstance(value, list)}
    if varied and grid.get("one_at_a_time"):
        return [{**fixed, key: value} for key, values in varied.items() for value in values]
    return [
        {**fixed, **dict(zip(varied, values, strict=True))}
        for values in itertools.product(*varied.values())
    ]


# ---- contrasts ------------------------------------------------------------------------------


def _contrasts(
    declared: Iterable[Mapping[str, Any]], of_name: Mapping[str, _Plan | None], check: Check
) -> Iterable[Contrast]:
    """The contrasts that fit the grids; the others go to ``check``.

    of_name: the grids' plans, None for a grid that is not as it should be.
    """
    from activecl_nb.evidence.claims.metrics import SCORES

    seen = set()
    for number, entry in enumerate(declared, 1):
        where = f"contrast {entry.get('id', number)!r}: "
        if not check.table(where, entry, checks.Contrast):
            continue
        one = Contrast(**{**entry, "names": tuple(entry.get("names", ()))})
        if one.id in seen:
            check.says("", f"two contrasts are called {one.id!r}")
        seen.add(one.id)
        if one.sides[0] == one.sides[1]:
            check.says(where, f"{one.a!r} is compared with itself; name another a, b or against")
        if one.score not in SCORES:
            check.says(where, f"no score is called {one.score!r}; there are {', '.join(SCORES)}")
        for side in one.sides:
            _has_side(side, of_name, check, where)
        yield one


def _has_side(
    side: Mapping[str, str], of_name: Mapping[str, _Plan | None], check: Check, where: str
) -> None:
    """Whether the grid of one side of a contrast has its strategy and its setting."""
    grid, strategy, setting = side["grid"], side["strategy"], side["setting"]
    if grid not in of_name:
        check.says(where, f"no grid is called {grid!r}; there are {', '.join(of_name)}")
    if (plan := of_name.get(grid)) is None:
        return
    if strategy not in plan.strategies:
        known = ", ".join(plan.strategies)
        check.says(where, f"{grid!r} has no strategy {strategy!r}; it has {known}")
    if plan.entries and setting not in plan.labels:
        known = ", ".join(map(repr, sorted(plan.labels)))
        check.says(where, f"{grid!r} has no setting {setting!r}; it has {known}")
