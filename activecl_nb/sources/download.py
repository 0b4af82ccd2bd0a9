"""Fetches and verifies the real data sets.

``data_download.py`` at the root of the repository is the command line of this file. What is
fetched lies in one flat folder, ``home()``: the files under the names their authors gave them,
and beside them ``prepared/``, the arrays that prepared.py makes of them. Because the names are
the authors', such a folder, or a copy of it on a stick or a web server, is a mirror that others
can fetch from.

While it is fetched a file is called ``NAME.part``. It gets its name only after its size and md5
were found right; if they are wrong it becomes ``NAME.broken-TIME`` and is never read. pooch
computes the hashes. The bytes are fetched here, since pooch starts afresh after a broken
connection, and a connection that holds for 11.7 GB is rare in a classroom.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import io
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import pooch
import requests
from tqdm.auto import tqdm

from activecl_nb import files
from activecl_nb.sources.sets import SETS, DataSet, RemoteFile

if TYPE_CHECKING:
    import numpy as np


def home(to: str | os.PathLike[str] | None = None) -> Path:
    """The folder that data sets are fetched into: ``to``, else ``data`` in the kit's cache."""
    return files.cache_dir() / "data" if to is None else files.expanded(to)


def check_space(folder: Path, needed: int, what: str) -> None:
    """OSError, before anything is written, if the disk of ``folder`` lacks ``needed`` bytes."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(
            errno.ENOSPC,
            f"{what} needs {readable(needed)} in {folder}, where {readable(free)} are free; "
            "free some space or choose another folder with --to",
        )


def readable(size: int) -> str:
    """A number of bytes for people: 800.3 MB, 11.7 GB (powers of 1000, as on Zenodo)."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


# ---------------------------------------------------------------------------- whole or not
def find(name: str) -> DataSet:
    """The data set of that name; ValueError with all names if there is none."""
    if name not in SETS:
        raise ValueError(f"there is no data set {name!r}; there are {', '.join(SETS)}")
    return SETS[name]


def is_whole(path: Path, file: RemoteFile) -> bool:
    """Whether ``path`` has the published size and md5.

    Hashing 11.7 GB takes half a minute, so a note beside the file remembers the answer for as
    long as size and time of change stay the same.
    """
    note = _note(path)
    if note.is_file() and note.read_text(errors="replace") == _noted(path, file):
        return True
    if not hash_matches(path, file):
        return False
    if os.access(path.parent, os.W_OK):  # a stick may be read-only: then it is hashed each time
        files.write(_note(path), _noted(path, file))
    return True


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.verified")


def _noted(path: Path, file: RemoteFile) -> str:
    state = path.stat()
    return json.dumps({"md5": file.md5, "size": state.st_size, "changed": state.st_mtime_ns})


def hash_matches(path: Path, file: RemoteFile) -> bool:
    """Compute size and md5 anew, whatever was noted."""
    if file.size is not None and path.stat().st_size != file.size:
        return False
    return pooch.file_hash(str(path), alg="md5") == file.md5


def set_aside(path: Path) -> Path:
    """Rename a broken file, so that it can be looked at and is never used."""
    now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    broken = path.with_name(f"{path.name.removesuffix('.part')}.broken-{now}")
    os.replace(path, broken)
    return broken


def verify(name: str, to: str | os.PathLike[str] | None = None) -> dict[str, str]:
    """Hash every file of a set anew: "whole", "missing", or "broken, set aside as ..."."""
    found = {}
    for file in find(name).files:
        path = home(to) / file.name
        if not path.is_file():
            found[file.name] = "missing"
        elif hash_matches(path, file):
            found[file.name] = "whole"
        else:
            found[file.name] = f"broken, set aside as {set_aside(path).name}"
    return found


# ---------------------------------------------------------------------------- fetching
@dataclass(frozen=True)
class Patience:
    """When a fetch gives up: after ``tries`` failures in a row that brought no new byte.

    pause: seconds to wait after the first failure, doubled each time up to ``longest``.
    timeout: seconds without a byte after which a connection counts as broken.
    """

    tries: int = 6
    pause: float = 1.0
    longest: float = 60.0
    timeout: float = 30.0

    def wait(self, failures: int) -> None:
        time.sleep(min(self.longest, self.pause * 2 ** max(0, failures - 1)))


# Bytes written at one time: what a broken connection costs at most.
CHUNK = 1 << 16


class Passing(Exception):
    """A failure that may be gone at the next try."""


def get(
    name: str,
    to: str | os.PathLike[str] | None = None,
    mirror: str | None = None,
    *,
    reserve: int = 0,
    patience: Patience | None = None,
) -> list[Path]:
    """Fetch the files of a data set, go on where an earlier call broke off, and verify them.

    mirror: the address of a web folder, or a folder on disk, that holds the files under their
    names, instead of Zenodo. reserve: bytes that must stay free for what comes after.

    Returns the paths. Raises FileNotFoundError (not there), ConnectionError (gave up), OSError
    (disk full), ValueError (wrong bytes). What was fetched by then is kept.
    """
    data_set = find(name)
    folder = home(to)
    folder.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(folder):
        missing = sum(_missing_bytes(folder / file.name, file) for file in data_set.files)
        check_space(folder, missing + reserve, name)
        return [fetch(file, folder, mirror, reserve, patience) for file in data_set.files]


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Wait for any other process that fetches into this folder.

    The lock is the operating system's, so that a process that was killed leaves none behind.
    """
    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        print(f"another process is fetching into {folder}: waiting for it", file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _missing_bytes(path: Path, file: RemoteFile) -> int:
    """What is still to be fetched; 0 where only the server knows, and is asked later."""
    part = _part(path)
    have = path.stat().st_size if path.is_file() else _length(part)
    return max(0, (file.size or 0) - have)


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _length(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def fetch(
    file: RemoteFile,
    folder: Path,
    mirror: str | None = None,
    reserve: int = 0,
    patience: Patience | None = None,
) -> Path:
    """One file, verified. See ``get``."""
    path = folder / file.name
    if path.is_file():
        if is_whole(path, file):
            return path
        set_aside(path)
    part = _part(path)
    if file.size is not None and _length(part) > file.size:
        set_aside(part)
    source = _source(file, mirror)
    while True:
        pieced_together = _length(part) > 0
        _fill(part, file, source, reserve, patience or Patience())
        print(f"{file.name}: verifying size and md5", file=sys.stderr)
        if hash_matches(part, file):
            break
        size, md5 = _length(part), pooch.file_hash(str(part), alg="md5")
        broken = set_aside(part)
        if not pieced_together:
            raise ValueError(
                f"{source} gave {size:,} bytes with md5 {md5}; published are "
                f"{file.size or 'unknown'} bytes with md5 {file.md5}. It is set aside as {broken}. "
                "Fetch from another place with --mirror, or try later"
            )
        print(f"{file.name}: wrong md5, set aside as {broken.name}; once more", file=sys.stderr)
    os.replace(part, path)
    files.write(_note(path), _noted(path, file))
    return path


def _source(file: RemoteFile, mirror: str | None) -> str:
    """The address, or the path, that ``file`` comes from."""
    if mirror is not None and "://" in mirror and not mirror.startswith(("http://", "https://")):
        raise ValueError(f"--mirror is an http(s) address or a folder, not {mirror!r}")
    return file.url if mirror is None else f"{str(mirror).rstrip('/')}/{file.name}"


def _fill(part: Path, file: RemoteFile, source: str, reserve: int, patience: Patience) -> None:
    """Append to ``part`` until it is as long as the file at ``source``."""
    failures, furthest = 0, _length(part)
    with tqdm(
        desc=file.name, total=file.size, initial=furthest, unit="B", unit_scale=True
    ) as progress:
        while file.size is None or _length(part) < file.size:
            try:
                return _append(part, file, source, reserve, patience, progress)
            except (requests.RequestException, Passing) as error:
                failures = 1 if _length(part) > furthest else failures + 1
                furthest = max(furthest, _length(part))
                if failures >= patience.tries:
                    raise ConnectionError(_gave_up(source, error, failures, part)) from error
                progress.set_postfix_str(f"try {failures} of {patience.tries} failed, waiting")
                patience.wait(failures)
                progress.set_postfix_str("")


def _gave_up(source: str, error: Exception, failures: int, part: Path) -> str:
    if part.exists():
        kept = f"{readable(_length(part))} are kept in {part}: the same command goes on from there"
    else:
        kept = "Nothing was fetched yet: try later"
    return (
        f"{source}: {error}. Gave up after {failures} tries without a new byte. {kept}, or fetch "
        "from another place with --mirror"
    )


def _append(
    part: Path, file: RemoteFile, source: str, reserve: int, patience: Patience, progress: tqdm
) -> None:
    """One connection: from the end of ``part`` as far as it holds."""
    have = _length(part)
    opened = _from_web if "://" in source else _from_disk
    with opened(source, have, patience) as (start, total, chunks):
        if total is not None:
            if file.size not in (None, total):
                raise ValueError(
                    f"{source} has {total:,} bytes, published are {file.size:,}: another file "
                    "under this name. Fetch from another place with --mirror"
                )
            check_space(part.parent, total - have + reserve, file.name)
            progress.total = total
        with open(part, "ab", buffering=0) as out:
            for chunk in _after(chunks, have - start):
                with full_disk_explained(part, lambda: readable(_length(part))):
                    write_all(out, chunk)
                progress.update(len(chunk))
    should = total if file.size is None else file.size
    if should is not None and _length(part) < should:
        raise Passing(f"the connection ended after {_length(part):,} of {should:,} bytes")


def _after(chunks: Iterator[bytes], known: int) -> Iterator[bytes]:
    """The chunks without their first ``known`` bytes: a server without Range sends all again."""
    for chunk in chunks:
        if known < len(chunk):
            yield chunk[known:]
        known = max(0, known - len(chunk))


@contextlib.contextmanager
def full_disk_explained(place: Path, kept: Callable[[], str]) -> Iterator[None]:
    """Where the disk is full: an OSError that says what is kept, and how to go on."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise OSError(
            errno.ENOSPC,
            f"the disk of {place} is full after {kept()}; they are kept. Free some space, and the "
            "same command or call goes on from there",
        ) from error


def write_all(out: io.RawIOBase, content: bytes | np.ndarray) -> None:
    """Write everything to an unbuffered file, which may take less at a time."""
    rest = memoryview(content if isinstance(content, bytes) else content.data).cast("B")
    while rest:
        rest = rest[out.write(rest) :]


Opened = tuple[int, "int | None", Iterator[bytes]]


@contextlib.contextmanager
def _from_web(url: str, have: int, patience: Patience) -> Iterator[Opened]:
    """Ask for what follows the first ``have`` bytes: (first byte sent, length in all, chunks)."""
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with requests.get(url, headers=headers, stream=True, timeout=patience.timeout) as answer:
        code = answer.status_code
        if code == 416:  # nothing follows: the part is complete, and its md5 will tell
            yield have, None, iter(())
            return
        if code in (408, 425, 429) or code >= 500:
            raise Passing(f"the server answered {code} {answer.reason}")
        if code not in (200, 206):
            raise FileNotFoundError(
                f"{url}: the server answered {code} {answer.reason}. Check the address, or fetch "
                "from another place with --mirror"
            )
        start = _first_byte(answer) if code == 206 else 0
        if start > have:
            raise Passing(f"the server sent from byte {start:,} on instead of {have:,}")
        length = answer.headers.get("Content-Length")
        yield start, None if length is None else start + int(length), answer.iter_content(CHUNK)


def _first_byte(answer: requests.Response) -> int:
    """From ``Content-Range: bytes 500-999/1000``: 500."""
    stated = answer.headers.get("Content-Range", "")
    try:
        return int(stated.removeprefix("bytes").strip().split("-")[0])
    except ValueError:
        raise Passing(f"the server sent an unreadable Content-Range {stated!r}") from None


@contextlib.contextmanager
def _from_disk(source: str, have: int, patience: Patience) -> Iterator[Opened]:
    """The same for a folder, such as a stick that goes round the classroom."""
    if not Path(source).is_file():
        raise FileNotFoundError(f"{source} is missing; a mirror holds the files by their names")
    with open(source, "rb") as file:
        file.seek(have)
        yield have, os.path.getsize(source), iter(lambda: file.read(CHUNK), b"")
