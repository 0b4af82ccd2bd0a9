"""Whether runs, their data and a map belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from activecl_nb.pictures import maps

if TYPE_CHECKING:
    from activecl_nb.imbalance import Data
    from activecl_nb.runs import Round, Run
    from activecl_nb.tissue import Tissue

MOST_ROUNDS = 65_534  # two bytes say which round took a patch, and one value means none


def named(runs: Run | Sequence[Run] | Mapping[str, Run]) -> dict[str, Run]:
    """Runs by name; of a list, the name is the strategy, with the seed where that is needed."""
    listed: Any = [*runs.values()] if isinstance(runs, Mapping) else runs
    listed = listed if isinstance(listed, list | tuple) else [listed]
    for run in listed:
        if not hasattr(run, "rounds"):
            raise ValueError(f"{run!r} is no run; Explorer.open opens runs from their folders")
    if isinstance(runs, Mapping):
        found = {str(name): run for name, run in runs.items()}
    else:
        found = {}
        for run in listed:
            name = run.strategy
            if name in found and found[name].seed != run.seed:
                name = f"{run.strategy} (seed {run.seed})"
            if name in found:
                raise ValueError(
                    f"two runs are called {name!r}; give the explorer a dict of names and runs"
                )
            found[name] = run
    if not found:
        raise ValueError("the explorer needs at least one run")
    return found


def train_of(data: Any) -> Tissue:
    """The train tissue: of Data, or what was given alone."""
    return getattr(data, "train", data)


def check_runs(runs: Mapping[str, Run], patches: np.ndarray, total: int) -> None:
    first = next(iter(runs))
    if len(patches) and patches.max() >= total:
        raise ValueError(
            f"run {first!r} watched patch {patches.max()} but the tissue has {total}; "
            "give the explorer the data that the run was made with"
        )
    for name, run in runs.items():
        if not np.array_equal(run.watched, patches):
            raise ValueError(
                f"runs {first!r} and {name!r} watched different patches; "
                "only runs of one seed, profile and data set can share a map"
            )
        if len(run.rounds) > MOST_ROUNDS:
            raise ValueError(
                f"run {name!r} has {len(run.rounds)} rounds; {MOST_ROUNDS} is the most"
            )
        for round in run.rounds:
            if len(round.picked) and not 0 <= round.picked.min() <= round.picked.max() < total:
                raise ValueError(
                    f"run {name!r}, round {round.number} picked patches that the tissue of {total} "
                    "has not; give the explorer the data that the run was made with"
                )
            if np.shape(round.watched_logits) != patches.shape:
                raise ValueError(
                    f"run {name!r}, round {round.number}: {np.shape(round.watched_logits)} logits "
                    f"for {len(patches)} watched patches"
                )
            _check_finite(f"run {name!r}, round {round.number}", round)


def _check_finite(where: str, round: Round) -> None:
    """ValueError: a number that is shown is none, so that it has no colour and no place."""
    shown = {name: getattr(round, name, 0) for name in ("watched_logits", "watched_doubt")}
    for name, values in {**shown, "f1": round.scores.get("f1", 0)}.items():
        if not np.isfinite(values).all():
            raise ValueError(
                f"{where}: {name} is not finite (a NaN or an infinity): the encoder or the proxy "
                "has diverged; leave this run out"
            )


def predicted_by(run: Run) -> str:
    """The number or the mask that the run's task predicts; "" where it tells classes apart."""
    task = getattr(getattr(run, "protocol", None), "task", "classification")
    return "" if task == "classification" else str(run.data["target"])


def check_data(runs: Mapping[str, Run], data: Data | Tissue) -> None:
    """ValueError where a run was made from other patches than these."""
    from activecl_nb.runs import fingerprint, same_tissue

    train, whole = train_of(data), getattr(data, "test", None) is not None
    known = fingerprint(cast("Data", data)) if whole else {"train": len(train)}
    for name, run in runs.items():
        recorded = getattr(run, "data", None)
        if not recorded:
            continue
        here = {**recorded, "source": train.source, **known}  # no test set, no whole fingerprint
        if not same_tissue(recorded, here):
            raise ValueError(
                f"run {name!r} was made from other patches (of {recorded.get('source')}, "
                f"{recorded.get('train')} to train) than these (of {here['source']}, "
                f"{here['train']}); give the explorer the data that the run was made with"
            )


def as_map(map: maps.Map | np.ndarray, patches: np.ndarray) -> maps.Map:
    """A map, or positions alone (n, 2): distances are then those on the map itself."""
    if isinstance(map, maps.Map):
        if not np.array_equal(map.patches, patches):
            raise ValueError("the map is of other patches than the runs watched; make it anew")
        return map
    return maps.of_features(map, patches, positions=map)
