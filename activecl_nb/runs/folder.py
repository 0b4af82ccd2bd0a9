"""A run's folder: locked while it is written, verified when it is read."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from activecl_nb import files
from activecl_nb.protocol import Protocol, plan
from activecl_nb.runs.check import check
from activecl_nb.runs.identity import DataFile, RunFile, differences, identity
from activecl_nb.runs.lock import locked, still_locked
from activecl_nb.runs.record import ARRAYS, Round, Run
from activecl_nb.values import Problems, checked

ASIDE = "manifest-aside.json"  # where the manifest lies while the table is written anew


@contextlib.contextmanager
def writing(run: Run, out: str | os.PathLike[str] | None) -> Iterator[Run]:
    """The run as its folder holds it, or begun there; nobody else writes it meanwhile.

    run: as ``fresh`` gives it. Without ``out`` it has no folder.

    Busy: another process is at it, or may be. ValueError: the folder holds another run, or
    something else, or is damaged. FileNotFoundError: it has vanished meanwhile.
    """
    if out is None:
        yield run
        return
    path = files.expanded(out)
    with locked(path):
        begun = _taken_up(replace(run, path=path, sealed=True))
        yield begun
        _still_there(begun)


def _taken_up(run: Run) -> Run:
    path = run.folder
    if path.is_dir():
        files.sweep(path)
    if (path / "run.json").exists() or (path / files.MANIFEST).exists():
        kept = load(path)
        if differ := differences(kept, run):
            raise ValueError(
                f"{path} holds another run ({'; '.join(differ)}); choose another folder, "
                "or ask for that run"
            )
        for name in ("pool", "labelled", "watched"):
            if not np.array_equal(getattr(kept, name), getattr(run, name)):
                raise ValueError(
                    f"{path / 'split.npz'} is not the split of seed {run.seed}; {files.MEND}"
                )
        if kept.rounds and not kept.weights and not kept.finished:
            raise ValueError(
                f"{path} holds {len(kept.rounds)} finished rounds but no weights to go on "
                "from; restore them, or choose another folder"
            )
        if kept.rounds or kept.sealed:  # what is sealed is not written again
            return kept
    elif path.exists() and (others := {p.name for p in path.iterdir()} - {"split.npz"}):
        # Of a run whose process was killed before it could write run.json the split is left.
        raise ValueError(
            f"{path} holds files but no run.json, so it is no run's folder ({min(others)}, ...); "
            "choose an empty or a new one"
        )
    with files.replacing(path / "split.npz") as temporary:
        np.savez_compressed(temporary, pool=run.pool, labelled=run.labelled, watched=run.watched)
    content = identity(run) | {"recipe": run.recipe, "environment": run.environment}
    files.write(path / "run.json", json.dumps(content, indent=1) + "\n")
    files.seal(path, "split.npz", "run.json")
    return run


def _still_there(run: Run) -> None:
    """Whether the folder is still this run's, and nobody else's to write."""
    path = run.folder
    still_locked(path)
    if not (path / "run.json").exists():
        raise FileNotFoundError(
            f"{path} has vanished while the run went on, and the run with it; run it again"
        )
    told = _told(files.Manifest(path, None))
    which = sorted(told.keys() - {"recipe", "environment"})
    if other := [name for name in which if told[name] != getattr(run, name)]:
        raise ValueError(
            f"{path} was replaced by another run's while the run went on, with another "
            f"{', '.join(other)}; nothing more is written to it: run again in another folder"
        )


def save_round(run: Run) -> None:
    """The arrays, the weights and the table first, the manifest last: it makes the round true.

    FileNotFoundError, ValueError or Busy: the run's folder is no longer there, or no longer its.
    """
    from safetensors.torch import save

    path, number = run.folder, run.rounds[-1].number
    _still_there(run)
    arrays, weights = f"round-{number:02d}.npz", f"weights-{number:02d}.safetensors"
    with files.replacing(path / arrays) as temporary:
        np.savez_compressed(temporary, **run.rounds[-1].arrays())  # type: ignore[arg-type]  # names of ours
    files.write(path / weights, save(run.weights))  # a full disk is an OSError here
    before = files.Manifest.of(path)
    lines = _table_text(run.rounds).encode()
    if "rounds.csv" in before and not lines.startswith(before.read_grown("rounds.csv")[0]):
        # The columns are no longer those of the kit that began it: from here to the seal below
        # the folder is one without a manifest, which can be gone on from, too.
        if before.sealed:
            os.replace(path / files.MANIFEST, path / ASIDE)
        before = files.Manifest(path, None)
    files.write(path / "rounds.csv", lines)
    new = {arrays, weights, "rounds.csv"}
    if not before.sealed:
        new |= {p.name for p in path.glob("round-*.npz")}
        new |= {n for n in ("run.json", "split.npz", "floors.json") if (path / n).exists()}
    old = {p.name for p in path.glob("weights-*.safetensors")} - {weights}
    files.seal(path, *new, without=old)
    for name in old | {ASIDE}:
        (path / name).unlink(missing_ok=True)


def _table_text(rounds: tuple[Round, ...]) -> str:
    rows = [round.row() for round in rounds]
    columns = dict.fromkeys(name for row in rows for name in row)
    stream = io.StringIO()
    table = csv.DictWriter(stream, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return stream.getvalue()


def save_floors(run: Run) -> None:
    """Keep what was measured before the first round."""
    _still_there(run)
    files.write(run.folder / "floors.json", json.dumps(run.floors, indent=1) + "\n")
    files.seal(run.folder, "floors.json")


def load(path: str | os.PathLike[str]) -> Run:
    """Read a run's folder.

    A folder without a manifest that was written by an older kit is read, checked as far as it can
    be, and a warning says that nothing vouches for it. This kit's is damaged without one.

    FileNotFoundError: there is no run. ValueError: a file of it is damaged (it is named).
    """
    path = files.expanded(path)
    while True:
        manifest = files.Manifest.of(path)
        try:
            return _read(path, manifest)
        except (ValueError, FileNotFoundError):
            if files.Manifest.of(path) == manifest:
                raise  # else another process has finished a round meanwhile


def _read(path: Path, manifest: files.Manifest, *, weights: bool = True) -> Run:
    if "run.json" not in manifest:
        raise FileNotFoundError(f"{path} is no run's folder: it has no run.json")
    told = _told(manifest)
    # Kits that recorded the environment sealed all but a run that was being begun.
    begun = {path / "run.json", path / "split.npz"}
    sealed_once = "environment" in told and not (path / ASIDE).exists()
    if not manifest.sealed and sealed_once and {*path.glob("[!.]*")} - begun:
        raise ValueError(
            f"{path / files.MANIFEST} is missing, so that nothing vouches for the files beside it; "
            f"{files.MEND}"
        )
    with _naming(path / "split.npz"):
        split = _arrays_of(manifest, "split.npz")
        told |= {name: split[name] for name in ("pool", "labelled", "watched")}
    run = Run(**told, path=path, sealed=manifest.sealed)
    if "floors.json" in manifest:
        with _naming(path / "floors.json"):
            run = replace(run, floors=_json(manifest, "floors.json"))
    if "rounds.csv" in manifest:
        with _naming(path / "rounds.csv"):
            lines, more = manifest.read_grown("rounds.csv")
            table = csv.DictReader(io.StringIO(lines.decode()))
            rows = [{k: float(v) for k, v in row.items() if v} for row in table]
            # A kill may have come between the next round's line and the manifest.
            due = len(rows) < plan(run.protocol, run.strategy).rounds
            if more and not (due and re.fullmatch(rb"%d,[^\n]+\n" % len(rows), more)):
                raise ValueError(
                    f"{path / 'rounds.csv'} is damaged in its last lines; {files.MEND}"
                )
            rounds = tuple(_read_round(manifest, row) for row in rows)
        run = replace(run, rounds=rounds)
        if weights:
            run = replace(run, weights=_read_weights(manifest, run))
    if not manifest.sealed:
        aside = files.Manifest.of(path, ASIDE)
        for name in (aside.entries or {}).keys() - {"rounds.csv"}:
            aside.verify(name)
        # A kill may have left one round more than the table has.
        told_of = {f"round-{number:02d}.npz" for number in range(len(run.rounds) + 1)}
        if untold := sorted({file.name for file in path.glob("round-*.npz")} - told_of):
            raise ValueError(
                f"{path / 'rounds.csv'} is damaged: it has {len(run.rounds)} rounds, and beside it "
                f"lies {untold[-1]}; {files.MEND}"
            )
        check(run)
        why = (
            "was stopped while its table was written anew; the table"
            if aside.sealed
            else ("was written without checksums by an older kit; what it holds")
        )
        warnings.warn(f"{path} {why} is read unverified", stacklevel=4)
    return run


def _told(manifest: files.Manifest) -> dict[str, Any]:
    """What run.json tells of a run."""
    with _naming(manifest.folder / "run.json"):
        content = _json(manifest, "run.json")
        told = _whole(RunFile, content, {"version", "code", "recipe", "environment"})
        told["data"] = _whole(
            DataFile, told["data"], {"fold", "exact", "encoder", "target", "targets"}
        )
        told.setdefault("version", 1)
        told["protocol"] = Protocol(**checked(Protocol, told["protocol"]))
        return told


def _json(manifest: files.Manifest, name: str) -> Any:
    """What a JSON file says; a name that stands twice in it would pass over the first."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if twice := [name for name, n in Counter(name for name, _ in pairs).items() if n > 1]:
            raise ValueError(f"{', '.join(twice)} stands in it more than once")
        return dict(pairs)

    return json.loads(manifest.read(name), object_pairs_hook=once)


def _whole(kind: type, content: Mapping[str, Any], optional: set[str]) -> dict[str, Any]:
    """The content as ``kind`` declares it. ValueError: it is not like that, or lacks something."""
    told = checked(kind, content)
    if missing := kind.__annotations__.keys() - told.keys() - optional:
        raise Problems([f"{', '.join(sorted(missing))} missing"])
    return told


def _read_round(manifest: files.Manifest, row: dict[str, float]) -> Round:
    number = _whole_number(row.pop("round"))
    file = f"round-{number:02d}.npz"
    with _naming(manifest.folder / file):
        arrays = _arrays_of(manifest, file)
        return Round(
            number=number,
            images=_whole_number(row.pop("images")),
            image_epochs=_whole_number(row.pop("image_epochs")),
            seconds={
                k.removeprefix("seconds_"): row.pop(k) for k in [*row] if k.startswith("seconds_")
            },
            scores=row,
            **{name: arrays.get(name, np.empty(0, np.float32)) for name in ARRAYS},
        )


def _whole_number(value: float) -> int:
    if value % 1:
        raise ValueError(f"{value} is no whole number")
    return int(value)


def _arrays_of(manifest: files.Manifest, name: str) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(manifest.read(name)), allow_pickle=False) as arrays:
        return dict(arrays)


def _read_weights(manifest: files.Manifest, run: Run) -> dict[str, Tensor]:
    """None where they were left out by ``drop_weights``: they are most of a run's bytes."""
    from safetensors.torch import load as from_bytes

    name = f"weights-{len(run.rounds) - 1:02d}.safetensors"
    if name not in manifest:
        return {}
    try:
        with _naming(manifest.folder / name):
            return from_bytes(manifest.read(name))
    except FileNotFoundError as error:
        if not run.finished:
            raise
        folder = str(manifest.folder)
        raise FileNotFoundError(
            f"{error}; if it was removed on purpose, activecl_nb.runs.drop_weights({folder!r}) "
            "says so in the manifest"
        ) from None


def drop_weights(path: str | os.PathLike[str]) -> None:
    """Remove a finished run's weights: most of its bytes, and no longer needed to go on.

    ValueError: it is not finished, so that nothing could go on from there; or it is damaged.
    """
    path = files.expanded(path)
    if not (path / "run.json").is_file():  # before a lock is put beside it
        raise FileNotFoundError(f"{path} is no run's folder: it has no run.json")
    with locked(path):
        manifest = files.Manifest.of(path)
        run = _read(path, manifest, weights=False)
        if folders := [file for file in path.glob("weights-*.safetensors") if not file.is_file()]:
            raise ValueError(f"{folders[0]} is a folder, a pipe or a device; take it out")
        if not run.finished:
            raise ValueError(
                f"{path} holds {len(run.rounds)} finished rounds and is to have more, which need "
                "its weights; finish the run first"
            )
        if manifest.entries is not None:
            files.seal(path, without={n for n in manifest.entries if n.startswith("weights-")})
        for file in path.glob("weights-*.safetensors"):
            file.unlink()


def stored(profile: str = "laptop", folder: str | os.PathLike[str] | None = None) -> list[Run]:
    """The runs that come with the kit, for lessons where there is no time to train.

    folder: where runs are kept, by profile; by default the kit's own ``results``.

    FileNotFoundError: none are there.
    """
    folder = files.expanded(folder or files.of_the_kit("results")) / profile
    runs = [load(path.parent) for path in sorted(folder.glob("*/run.json"))]
    if not runs:
        raise FileNotFoundError(
            f"{folder} holds no runs; make some with "
            f"python -m activecl_nb run --profile {profile} --out {folder}/entropy-0"
        )
    return runs


@contextlib.contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into one error that names the file."""
    try:
        yield
    except Exception as error:
        if str(file.parent) in str(error):
            raise
        raise ValueError(
            f"{file} cannot be read ({type(error).__name__}: {error}); restore it, "
            "or remove the run's folder and run again"
        ) from error
