"""A strategy of one's own from a file, as a command line names it: ``mine.py:closest``."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from activecl_nb import files
from activecl_nb.sampling.apart import apart


def from_file(text: str) -> Callable[..., Tensor]:
    """The function that ``FILE.py:NAME`` names; the file is run, as importing it would.

    FileNotFoundError: no such file. ValueError: it fails, or holds no such function.
    """
    file, _, name = text.rpartition(":")
    path = Path(os.path.expanduser(file))
    if not path.is_file():
        raise FileNotFoundError(f"strategy {text!r}: {path} is no file")
    spec = importlib.util.spec_from_file_location(f"strategies_of_{path.stem}", path)
    if spec is None or spec.loader is None:  # for an ending that is no Python's
        raise ValueError(f"{path} is no Python file; its name should end in .py")
    module = importlib.util.module_from_spec(spec)
    vars(module)["__strategies__"] = True
    sys.modules[spec.name] = module  # where dataclasses look their module up
    with named(path), apart(0):
        spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        functions = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise ValueError(
            f"{path} has no function {name!r}; it has {', '.join(functions) or 'none'}"
        )
    return function


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Whatever code of one's own raises while this is open, as a ValueError that names its file."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # such code may raise any
        raise ValueError(f"{path} fails: {files.kind_of(error)}: {files.text_of(error)}") from error


def place_of(error: BaseException) -> str:
    """Where in such a file an error came about, "mine.py, line 3"; "" where in none."""
    raw: Any = BaseException.__cause__  # whatever its class makes of that
    cause = raw.__get__(error)
    if isinstance(cause, StopIteration):  # which no generator lets through as it is
        error = cause
    # Not by hasattr, which lets lazy modules load.
    modules = [getattr(m, "__dict__", {}) for m in [*sys.modules.values()]]
    own = {str(m.get("__file__")) for m in modules if "__strategies__" in m}
    frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename in own]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else ""


def is_from_file(text: str) -> bool:
    """Whether a strategy's name means a function in a file."""
    return ".py:" in text
