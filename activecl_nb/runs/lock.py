"""The lock of a run's folder: one process writes it at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from activecl_nb import files


class Busy(ValueError):
    """Another process is at the run."""


@contextlib.contextmanager
def locked(path: str | os.PathLike[str]) -> Iterator[None]:
    """Keep every other process, here or on a machine with the same disk, from writing a run.

    The lock lies beside the folder, and a thread that holds it may take it again. It ends with
    the process, however that ends. Busy: another one holds it.
    """
    import filelock

    place = _lock_of(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(place, is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise Busy(
            f"another process is at the run in {path}; wait for it, or choose another folder"
        ) from None
    _held[place] = os.fstat(lock._context.lock_file_fd)  # type: ignore[arg-type]  # it is open
    try:
        still_locked(path)
        yield
    finally:
        lock.release()
        if not lock.is_locked:
            del _held[place]


_held: dict[Path, os.stat_result] = {}  # the locks of this process, as files that it holds open


def _lock_of(path: str | os.PathLike[str]) -> Path:
    folder = files.expanded(path).resolve()
    return folder.parent / f"{folder.name}.lock"


def still_locked(path: str | os.PathLike[str]) -> None:
    """Busy: the lock that this process holds has been removed, so another may have one, too."""
    place = _lock_of(path)
    if (held := _held.get(place)) is None:
        return
    try:
        there = os.path.samestat(held, place.stat())
    except FileNotFoundError:
        there = False
    if not there:
        raise Busy(
            f"{place} was removed or replaced while this process was at the run, so that another "
            "may have begun to write it; leave that file alone, and run it again: it goes on from "
            "its last finished round"
        )
