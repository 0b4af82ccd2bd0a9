"""Any folder that holds a study: stored tables, the runs of a study, or runs made one by one."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from activecl_nb import files
from activecl_nb.evidence.study.one_run import finished
from activecl_nb.evidence.study.plan import REPLICATES, Contrast, tissue_of
from activecl_nb.evidence.study.running import PLAN
from activecl_nb.evidence.study.stored import INDEX, Stored, open_stored, tables_of

if TYPE_CHECKING:
    from activecl_nb.runs import Run
    from activecl_nb.tissue import Tissue


@dataclass(frozen=True)
class Opened:
    """A study's results, and what its file says of them.

    profile: the name of the profile that its sizes come from; "" if there is not one. tissues:
    what each grid's patches are, in words. changes: what a grid sets otherwise than the profile.
    """

    stored: Stored
    title: str
    profile: str
    questions: Mapping[str, str]
    tissues: Mapping[str, str]
    contrasts: tuple[Contrast, ...] = ()
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def open_any(folder: str | os.PathLike[str], plan: Path | None = None) -> Opened:
    """What a folder says: stored tables (index.csv), or runs as ``study`` and ``run`` make them.

    plan: the study's TOML file, if it is not ``NAME.toml`` beside a stored folder NAME.

    FileNotFoundError: there is neither in it. ValueError: no run is finished, or a file is damaged.
    """
    folder = files.expanded(folder)
    if (folder / "index.csv").exists():
        beside = plan or folder.with_suffix(".toml")
        stored = open_stored(folder)
        return _opened(stored, files.read_toml(beside) if beside.exists() else {}, folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder; give a stored study, or a folder of runs")
    content = _read_plan(folder) if (folder / PLAN).exists() else _by_hand(folder)
    entries = content["entries"]
    places = pd.DataFrame([[one.get(n, "") for n in INDEX[:-1]] for one in entries])
    made = tables_of(places.set_axis(INDEX[:-1], axis=1), folder, _Patches().of)
    if made.rounds.empty:
        raise ValueError(f"no run in {folder} is finished; the command that began them goes on")
    return _opened(made.joined(), content, folder)


def _opened(stored: Stored, content: Mapping[str, Any], folder: Path) -> Opened:
    grids = {one["name"]: one for one in content.get("grid", []) if "name" in one}
    grid_names = dict.fromkeys(stored.planned["grid"])
    sources = stored.planned.drop_duplicates("grid").set_index("grid")["source"]
    words = _tissue_words()
    return Opened(
        stored,
        content.get("title", folder.name),
        content.get("profile", ""),
        {name: grids.get(name, {}).get("question", "") for name in grid_names},
        {
            name: grids.get(name, {}).get("tissue")
            or words["phantom" if sources[name] == "phantom" else "other"]
            for name in grid_names
        },
        _of_grids(grid_names, content.get("contrast", [])),
        {name: one.get("protocol", {}) for name, one in grids.items()},
    )


def _of_grids(
    names: Collection[str], declared: Sequence[Mapping[str, Any]]
) -> tuple[Contrast, ...]:
    """The contrasts on these grids. Others were declared after the tables were stored: a plan is
    written down before its runs, and until they are stored nothing can be said of it."""
    contrasts = (Contrast(**one) for one in declared)
    return tuple(one for one in contrasts if {side["grid"] for side in one.sides} <= set(names))


def _tissue_words() -> dict[str, str]:
    """What tissues are called where a study's file does not say."""
    templates = Path(__file__).parents[1] / "templates"
    return files.read_toml(templates / "sentences.toml")["tissues"]


def _read_plan(folder: Path) -> dict[str, Any]:
    try:
        manifest = files.Manifest.of(folder)
        content = json.loads(manifest.read(PLAN))
        content["entries"][0]["run"]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ValueError(
            f"{folder / PLAN} cannot be read ({str(error).removesuffix(f'; {files.MEND}')}); give "
            "the study's command again, which writes it anew and keeps all runs"
        ) from error
    if not manifest.sealed:
        warnings.warn(f"{folder / PLAN} was written without a checksum: unverified", stacklevel=3)
    return content


class _Patches:
    """What runs picked from, loaded again as they recorded; the last are kept for the next run."""

    def __init__(self) -> None:
        self.known: dict[object, Tissue | None] = {}

    def of(self, run: Run) -> Tissue | None:
        from activecl_nb import runs

        key = run.data.get("sha256")
        if key not in self.known:
            try:
                loaded = runs.load_data(run).train
            except (ValueError, OSError, TypeError):  # gone, changed, or made by hand
                loaded = None
            self.known = {**dict(list(self.known.items())[-1:]), key: loaded}
        return self.known[key]


# ---- runs made one by one -------------------------------------------------------------------


def _by_hand(folder: Path) -> dict[str, Any]:
    """A plan for runs that no study planned: one grid, whose settings are what they differ in."""
    runs = [run for path in sorted(folder.glob("*/run.json")) if (run := finished(path.parent))]
    if not runs:
        raise FileNotFoundError(f"{folder} holds neither a stored study nor finished runs")
    profiles = {run.protocol.name for run in runs}
    return {
        "title": f"The runs in {folder.name}",
        "profile": profiles.pop() if len(profiles) == 1 else "",
        "grid": [{"name": "runs", "question": "What do these runs say?"}],
        "entries": [{"grid": "runs", **place} for place in places(runs)],
    }


def places(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """For each run its setting (in what the runs differ), tissue, source, strategy, seed and run.

    ValueError: two are one run, or of one name but of other patches, so that a mean would be wrong.
    """
    facts = [_facts(run) for run in runs]
    names = dict.fromkeys(name for one in facts for name in one)
    differ = [name for name in names if len({str(one.get(name)) for one in facts}) > 1]
    firsts: dict[tuple[Any, ...], Run] = {}
    patches: dict[tuple[Any, ...], Run] = {}
    rows = []
    for run, one in zip(runs, facts, strict=True):
        setting = ", ".join(f"{name}={one[name]}" for name in differ if name in one)
        recipe = {"source": "phantom", **run.recipe}
        where = (setting, tissue_of(recipe))
        first = firsts.setdefault((*where, run.strategy, run.seed), run)
        if first is not run:
            raise ValueError(
                f"{first.folder} and {run.folder} are both {run.strategy} of seed {run.seed}, "
                "which would count twice; leave one of them out"
            )
        of_same_name = patches.setdefault((*where, recipe.get("seed")), run)
        other = of_same_name.data["sha256"] != run.data["sha256"]
        if other and recipe["source"] != "phantom":  # of which the setting tells all
            raise ValueError(
                f"{of_same_name.folder} and {run.folder} were made from other patches each, so "
                "they are no repeats of one another; report them apart"
            )
        rows.append(
            {
                "setting": setting,
                "tissue": where[1],
                "source": str(recipe["source"]),
                "strategy": run.strategy,
                "seed": run.seed,
                "run": run.folder.name,
            }
        )
    return rows


def _facts(run: Run) -> dict[str, Any]:
    """What may be a setting: the protocol, how the patches were loaded, and what was sought."""
    protocol = {name: value for name, value in asdict(run.protocol).items() if name != "name"}
    left_out = (*REPLICATES, "path", "folds")
    sought = {name: run.data[name] for name in ("positive", "encoder") if name in run.data}
    recipe = {name: value for name, value in run.recipe.items() if name not in left_out}
    return protocol | sought | recipe
