"""Files: written whole or not at all, read with their name in every error; where caches live."""

from __future__ import annotations

import contextlib
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` when the block ends well.

    Whoever reads ``path`` sees the old file or the new one, never half of one. If the block
    raises, ``path`` is left as it was and the temporary file is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The ending stays, since writers such as numpy.savez add their own where it is missing.
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        yield temporary
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())  # a rename can outlive a crash that the content did not
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a TOML file says.

    FileNotFoundError: no such file. ValueError: it is no TOML; the message names it.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no TOML file: {error}") from error


def cache_dir() -> Path:
    """Where drawn and downloaded data is kept: ``$ACTIVECL_HOME``, else ``~/.cache/activecl``."""
    home = os.environ.get("ACTIVECL_HOME")
    if home:
        return Path(home)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "activecl"
