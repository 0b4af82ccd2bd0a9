"""Functions that numba compiles, kept on disk where that is possible."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from numba import config, njit
from numba.core.caching import IndexDataCacheFile

from activecl_nb.files import cache_dir, checksum, expanded


def compiled(**options: Any) -> Callable[[Callable], Callable]:
    """``numba.njit`` whose machine code is kept from one process to the next.

    It is kept in ``$NUMBA_CACHE_DIR`` or beside the source; where that cannot be written, in
    the kit's cache; else, or where what was kept cannot be read, it is compiled anew.
    """

    def decorate(function: Callable) -> Callable:
        folder = _folder(Path(function.__code__.co_filename).parent)
        if folder is None:
            return njit(**options)(function)
        settings: Any = config  # numba fills it while it is imported
        before, settings.CACHE_DIR = settings.CACHE_DIR, str(folder)
        try:
            dispatcher = njit(cache=True, **options)(function)
        finally:
            settings.CACHE_DIR = before
        kept = dispatcher._cache
        name = kept._cache_file._index_name.removesuffix(".nbi")
        kept._cache_file = Checked(kept.cache_path, name, kept._cache_file._source_stamp)
        kept.load_overload = _or_none(kept.load_overload)
        kept.save_overload = _or_none(kept.save_overload)
        return dispatcher

    return decorate


class Checked(IndexDataCacheFile):
    """numba's files, each with the checksum of what stands before it at its end.

    numba itself takes any bytes for code, and runs them.
    """

    @contextlib.contextmanager
    def _open_for_write(self, path: str) -> Iterator[io.BytesIO]:
        with super()._open_for_write(path) as file:
            content = io.BytesIO()
            yield content
            file.write(content.getvalue() + checksum(content.getvalue()).encode())

    def _load_index(self) -> dict[object, str]:
        return super()._load_index() if self._whole(self._index_path) else {}

    def _load_data(self, name: str) -> object:
        return super()._load_data(name) if self._whole(self._data_path(name)) else None

    def _whole(self, path: str) -> bool:
        content = Path(path).read_bytes() if os.path.exists(path) else b""
        return content[-32:] == checksum(content[:-32]).encode()


def _or_none(step: Callable) -> Callable:
    """The same step, but a cache that is damaged, full or forbidden is as good as none."""

    @functools.wraps(step)
    def attempt(*arguments: Any) -> Any:
        try:
            return step(*arguments)
        except Exception:  # of the system, of pickle, of LLVM: whatever bytes may lead to
            return None

    return attempt


@functools.cache
def _folder(package: Path) -> Path | None:
    """Where the code of this state of a package is kept; None where nothing can be written.

    numba looks for changes in a function's own file alone, but the code of what it calls in
    other files is part of it: so each state of all files of the package has its own folder.
    """
    state = hashlib.sha256()
    for source in sorted(package.glob("*.py")):
        state.update(source.read_bytes())
    asked = os.environ.get("NUMBA_CACHE_DIR")
    places = (expanded(asked) if asked else package / "__pycache__", cache_dir() / "compiled")
    for place in places:
        folder = place / f"{package.name}-{state.hexdigest()[:12]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            continue
        return folder
    return None
