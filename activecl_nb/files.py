"""Files: written whole or not at all, believed only with their checksum; where caches live.

A folder that the kit fills holds a ``manifest.json``, which names each file with its size, its
checksum and, for arrays, their types and shapes. Files come first and the manifest last: what it
does not name is not there yet, and what does not agree with it is damaged.

    with files.replacing(folder / "images.npy") as temporary:
        ...
    files.seal(folder, "images.npy")                    # from now on it is believed
    files.Manifest.of(folder).verify("images.npy")      # ValueError if a byte has changed since
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import sys
import tempfile
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
CHUNK = 1 << 24  # bytes hashed at a time


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` when the block ends well.

    Whoever reads ``path`` sees the old file or the new one, never half of one. If the block
    raises, ``path`` is left as it was and the temporary file is removed; what a killed process
    left of ``path`` is removed by the next one that writes it.
    """
    path = _place(path)
    # The ending stays, since writers such as numpy.savez add their own where it is missing.
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
    with _writing_beside_others(path):
        try:
            yield temporary
            with open(temporary, "rb+") as written:
                os.fsync(written.fileno())  # a rename can outlive a crash that the content did not
            os.replace(temporary, path)
        except OSError as error:
            if error.errno and error.filename is None:  # of a full disk, say
                error.filename = str(path)
            raise
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _writing_beside_others(path: Path) -> Iterator[None]:
    """Share the folder's lock with all who write into it, which ends with them however they end.

    Who has it alone first removes what the dead have left of ``path``. Where there are no such
    locks, nothing is removed.
    """
    left = re.compile(rf"\.{re.escape(path.stem)}\.[0-9a-f]{{8}}{re.escape(path.suffix)}")
    with contextlib.ExitStack() as held:
        with contextlib.suppress(ImportError, OSError):  # on Windows; not readable
            import fcntl

            folder = os.open(path.parent, os.O_RDONLY)
            held.callback(os.close, folder)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for name in filter(left.fullmatch, os.listdir(path.parent)):
                    path.with_name(name).unlink(missing_ok=True)
            for _ in range(10):  # one who removes is soon done; a stranger's lock is not waited for
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    break
                time.sleep(0.02)
        yield


def ready(path: str | os.PathLike[str]) -> None:
    """OSError or ValueError if ``replacing`` would fail there: for whoever works long before it."""
    path = _place(path)
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:  # which names a file that nobody asked for
        raise OSError(error.errno, error.strerror, str(path)) from error


def _place(path: str | os.PathLike[str]) -> Path:
    """Where a file will be, in a folder that is there; a folder or a device is not replaced."""
    path = expanded(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    _refuse_devices(path, "name a file")
    return path


def _refuse_devices(path: Path, mend: str) -> None:
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ValueError(f"{path} is a pipe or a device and no file; {mend}")


def write(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file by ``replacing`` it; text as UTF-8, what that cannot hold as an escape."""
    if isinstance(content, str):
        content = content.encode("utf-8", "backslashreplace")
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def read(path: str | os.PathLike[str]) -> bytes:
    """The content of a file. ValueError: a pipe, a device or a socket, which may never end."""
    path = Path(path)
    _refuse_devices(path, "take it away")
    return path.read_bytes()


def sweep(folder: str | os.PathLike[str]) -> None:
    """Remove what killed processes left of ``replacing``; for who holds the folder's lock."""
    for path in Path(folder).glob(".*"):
        if re.fullmatch(r"\..+\.[0-9a-f]{8}(\.\w+)?", path.name) and path.is_file():
            path.unlink(missing_ok=True)


def of_the_kit(name: str) -> Path:
    """Where a file or folder of the kit's repository lies, such as ``results`` or ``notebooks``.

    Beside the package in a copy of the repository; inside the package where a wheel was
    installed, into which setup.py puts them. It may be missing: whoever opens it says so.
    """
    package = Path(__file__).resolve().parent
    inside = package / "_kit"
    return (inside if inside.is_dir() else package.parent) / name


def put_between(path: str | os.PathLike[str], begin: str, end: str, words: str) -> None:
    """Write ``words`` between two lines of a file. ValueError: it lacks one of them."""
    path = expanded(path)
    before, first, rest = path.read_text(encoding="utf-8").partition(begin)
    _, last, after = rest.partition(end)
    if not first or not last:
        raise ValueError(f"{path} lacks the lines {begin!r} and {end!r}; put them where they go")
    write(path, f"{before}{begin}\n{words}\n{end}{after}")


# ---- the manifest -------------------------------------------------------------------------
@dataclass(frozen=True)
class Manifest:
    """What a folder's manifest says of its files.

    entries: name -> size, checksum and arrays; None in a folder that was written before there
        were manifests, whose files are read as they are.
    """

    folder: Path
    entries: Mapping[str, Mapping[str, Any]] | None

    @classmethod
    def of(cls, folder: str | os.PathLike[str], name: str = MANIFEST) -> Manifest:
        """Read a folder's manifest. ValueError: it is damaged."""
        folder = Path(folder)
        try:
            text = read(folder / name)
        except (FileNotFoundError, NotADirectoryError):
            return cls(folder, None)
        except IsADirectoryError:
            raise ValueError(f"{folder / name} is a folder and no file; {MEND}") from None
        try:
            entries = json.loads(text)["files"]
            whole = text == _text(entries)
        except (ValueError, KeyError, TypeError, RecursionError):
            whole = False
        if not whole:
            raise ValueError(f"{folder / name} is damaged; {MEND}")
        return cls(folder, entries)

    @property
    def sealed(self) -> bool:
        """Whether there is a manifest, so that what is read is known to be what was written."""
        return self.entries is not None

    def __contains__(self, name: str) -> bool:
        """Whether the file is one to believe: named, or in a folder without a manifest there."""
        if self.entries is None:
            return (self.folder / name).exists()
        return name in self.entries

    def read(self, name: str) -> bytes:
        """The bytes of a file, which are those that were sealed.

        FileNotFoundError: it is not there. ValueError: it is damaged, or not named.
        """
        content, more = self.read_grown(name)
        if more:
            self._hold(name, len(content) + len(more), "")
        return content

    def read_grown(self, name: str) -> tuple[bytes, bytes]:
        """The sealed part of a file that only grows, and what has been added since.

        Of that nothing is known: a process may have been killed before it could seal it.
        """
        content = self._there(name).read_bytes()
        if self.entries is None:
            return content, b""
        size = self._entry(name)["bytes"]
        self._hold(name, min(size, len(content)), checksum(content[:size]))
        return content[:size], content[size:]

    def verify(self, name: str) -> None:
        """As ``read``, and nothing of the file is kept in memory."""
        path = self._there(name)
        if self.entries is not None:
            self._hold(name, path.stat().st_size, _checksum_of_file(path))

    def _there(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing; {MEND}")
        if not path.is_file():
            raise ValueError(f"{path} is a folder, a pipe or a device and no file; {MEND}")
        return path

    def _entry(self, name: str) -> Mapping[str, Any]:
        entries = self.entries or {}
        if name not in entries:
            raise ValueError(f"{self.folder / name} is not named in {MANIFEST} beside it; {MEND}")
        return entries[name]

    def _hold(self, name: str, size: int, found: str) -> None:
        entry = self._entry(name)
        if (size, found) != (entry["bytes"], entry["xxh128"]):
            what = "" if size == entry["bytes"] else f" ({size} bytes, not {entry['bytes']})"
            raise ValueError(
                f"{self.folder / name} is damaged: it is not what was written{what}; {MEND}"
            )


MEND = "restore it, or remove its folder and make it anew"


def seal(folder: str | os.PathLike[str], *names: str, without: Collection[str] = ()) -> Manifest:
    """Name these files in the folder's manifest, in one step; what it named before stays.

    without: files that it no longer names; the caller removes them afterwards.
    """
    before = Manifest.of(folder)
    entries = {name: _described(before.folder / name) for name in names}
    kept = {k: v for k, v in (before.entries or {}).items() if k not in without}
    write(before.folder / MANIFEST, _text(kept | entries))
    return Manifest(before.folder, kept | entries)


def checksum(*parts: Any) -> str:
    """32 hex digits that stand for these bytes (anything with a buffer), one after the other.

    XXH3, which is as fast as the memory: it is there against damage, not against forgery.
    """
    return checksum_of(parts)


def checksum_of(parts: Iterable[Any]) -> str:
    """``checksum`` of parts that come one by one, and need not be in memory together."""
    import xxhash

    digest = xxhash.xxh3_128()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _checksum_of_file(path: Path) -> str:
    with open(path, "rb") as file:
        return checksum_of(iter(lambda: file.read(CHUNK), b""))


def _described(path: Path) -> dict[str, Any]:
    entry: dict[str, Any] = {"bytes": path.stat().st_size, "xxh128": _checksum_of_file(path)}
    arrays = _arrays(path)
    return entry | {"arrays": arrays} if arrays else entry


def _arrays(path: Path) -> dict[str, list[Any]]:
    """Type and shape of each array in a file: name -> [dtype, *shape].

    {} for other files; what safetensors wrote says them itself.
    """
    if path.suffix in (".npy", ".npz"):
        import numpy as np

        opened = np.load(path, mmap_mode="r", allow_pickle=False)
        arrays = {"": opened} if path.suffix == ".npy" else dict(opened)
        return {name: [str(a.dtype), *a.shape] for name, a in arrays.items()}
    return {}


def _text(entries: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The manifest as it is written, byte for byte: a line a file, and a checksum of its own."""
    lines = [f"{json.dumps(name)}: {json.dumps(entries[name])}" for name in sorted(entries)]
    listed = ",\n".join(lines)
    return f'{{"files": {{\n{listed}}},\n"xxh128": "{checksum(listed.encode())}"}}\n'.encode()


# ---- what the system refuses --------------------------------------------------------------
MENDS = {
    errno.ENOSPC: "free some space there",
    errno.EACCES: "choose a place that you may read and write",
    errno.EPERM: "choose a place that you may read and write",
    errno.EROFS: "choose a place that can be written",
    errno.ENOTDIR: "a file is where a folder should be; choose another path",
    errno.EEXIST: "a file is where a folder should be; choose another path",
    errno.EISDIR: "name a file, not a folder",
    errno.ELOOP: "this link leads back to itself; name another place",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def text_of(error: BaseException) -> str:
    """An error's text on one line; one that code of one's own defines may raise when asked."""
    try:
        text = " ".join(str(error).encode("utf-8", "backslashreplace").decode().split())
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    except BaseException as in_text:  # KeyboardInterrupt too: whoever asks is about to end
        return f"(its text raises {kind_of(in_text)})"


def kind_of(error: BaseException) -> str:
    """The name of an error's class, past whatever such code has made of its class."""
    return type.__dict__["__name__"].__get__(type(error))


def told(error: OSError) -> str:
    """One line on what the system refused: the file, its words, and the mend."""
    if error.errno is None:  # the kit's own words, or a library's
        return str(error)
    where = "" if error.filename is None else f"{error.filename}: "
    mend = f"; {MENDS[error.errno]}" if error.errno in MENDS else ""
    return f"{where}{error.strerror}{mend}"


def stand_in_for_closed_streams() -> None:
    """Open what a caller has closed (``2>&-``), or the next file would be written to as errors."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(opened)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


# ---- settings and caches ------------------------------------------------------------------
def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a TOML file says.

    FileNotFoundError: no such file. ValueError: it is no TOML; the message names it.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    content = read(path)
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # too long a number, too many brackets
        raise ValueError(f"{path} is no TOML file: {error}; mend it there") from error


def cache_dir() -> Path:
    """Where drawn and downloaded data is kept: ``$ACTIVECL_HOME``, else the system's place.

    That is ``~/.cache/activecl`` on Linux (``$XDG_CACHE_HOME`` stands for ``~/.cache``). A user
    without a home, as in a container, has the system's temporary folder.
    """
    import platformdirs

    if asked := os.environ.get("ACTIVECL_HOME"):
        return expanded(asked)
    try:
        return platformdirs.user_cache_path("activecl", appauthor=False).expanduser()
    except RuntimeError:  # nobody knows where this user's home is
        owner = os.getuid() if hasattr(os, "getuid") else "user"
        return Path(tempfile.gettempdir()) / f"activecl-{owner}"


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with a leading ``~`` as the user's home, where that can be found.

    FileNotFoundError: it holds a NUL, which the system takes for the end of a path.
    """
    if "\0" in os.fspath(path):
        raise FileNotFoundError(
            f"{os.fspath(path)!r} is no path, since it holds a NUL; take it out"
        )
    return Path(os.path.expanduser(path))
