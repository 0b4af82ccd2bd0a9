"""One's own patches: the kinds of places they lie in, and what opens each, as an archive."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from activecl_nb import values
from activecl_nb.sources import folders, parts, sets, table, unlabelled
from activecl_nb.sources.archive import ImageFiles

# A source of one's own is a function of a path that gives an archive. Of the arguments of
# ``tissue.load`` it is handed those that its signature names.
OWN: dict[str, Callable[..., ImageFiles]] = {
    "folder": folders.from_folder,
    "table": table.from_table,
}


class Options:
    """What ``tissue.load`` is told beside the source, the split and the dials."""

    size: values.Side
    count: values.Count
    at_most: values.Count
    seed: values.Seed
    path: values.Place
    images: values.Place
    patient: values.Expression
    nested: values.Switch
    target: str
    masks: values.Switch


def takes(source: str) -> set[str]:
    """The arguments that a source has of its own; none for a source that is not one's own."""
    return {*inspect.signature(OWN[source]).parameters} if source in OWN else set()


def check(
    source: str,
    split: str,
    own: Mapping[str, Any],
    dials: Mapping[str, Any],
    path: object,
    size: object,
    count: object,
    at_most: object,
    seed: object,
    target: object,
) -> None:
    """ValueError for arguments of ``tissue.load`` that do not fit the source."""
    if source not in ("phantom", *sets.SETS, *OWN):
        known = ", ".join(("phantom", *sets.SETS, *OWN))
        raise ValueError(f"unknown source {source!r}; there are {known}")
    if split not in parts.SPLITS or (split == "all" and source not in OWN):
        also = ", of a folder or a table also 'all'" if source not in OWN else " or 'all'"
        raise ValueError(f"split is 'train' or 'test'{also}, not {split!r}")
    numbers = {"size": size, "count": count, "at_most": at_most, "seed": seed}
    given = {**own, **numbers, **dials, "path": path, "target": target}
    declared = Options.__annotations__
    values.checked(Options, {k: v for k, v in given.items() if v is not None and k in declared})
    if count is not None and at_most is not None:
        raise ValueError(f"give count={count} or at_most={at_most}, not both")
    if path is not None and source == "phantom":
        raise ValueError(
            f"path={str(path)!r} is not for the phantom, which is drawn; say which source it is of "
            "(--data table or --data folder)"
        )
    if dials and source != "phantom":
        raise ValueError(f"{sorted(dials)} are dials of the phantom; {source!r} has none")
    _refuse_foreign(source, own)


def _refuse_foreign(source: str, given: Mapping[str, Any]) -> None:
    """ValueError for what another source of one's own would take."""
    for name, value in given.items():
        if value and name not in takes(source):
            owner = next((kind for kind in OWN if name in takes(kind)), "none")
            raise ValueError(f"{name}= is for the source {owner!r}, not for {source!r}")


def open_own(source: str, path: str | os.PathLike[str] | None, **options: Any) -> ImageFiles:
    """The images of one's own source, found and checked but not decoded.

    options: what ``tissue.load`` takes for this source; and ``crossing=True`` lets patients be
    in training and test alike.
    """
    if path is None:
        what = {"folder": "the folder that holds the class folders", "table": "the CSV or parquet"}
        raise ValueError(f"source {source!r} needs path=, {what.get(source, 'where it lies')}")
    _refuse_foreign(source, options)
    return OWN[source](path, **{name: v for name, v in options.items() if name in takes(source)})


def open_unlabelled(path: str | os.PathLike[str], **options: Any) -> ImageFiles:
    """The images of a table, or all below a folder, whatever their class: found, not decoded.

    options: a table's ``columns``, ``images`` and ``rows``; a folder's ``patient``. ValueError:
    another one.
    """
    folder = Path(os.path.expanduser(path)).is_dir()
    known = ("patient",) if folder else ("columns", "images", "rows")
    if strange := [name for name, value in options.items() if value and name not in known]:
        raise ValueError(
            f"{strange[0]}= (--{strange[0]}) does nothing for unlabelled images of a "
            f"{'folder' if folder else 'table'}; leave it out"
        )
    if folder:
        return unlabelled.from_files(path, patient=options.get("patient"))
    columns = {**(options.get("columns") or {}), "label": None, "part": None}
    others = {name: options.get(name) for name in ("images", "rows")}
    return table.from_table(path, needed=("file",), columns=columns, **others)  # type: ignore[arg-type]  # they come untyped
