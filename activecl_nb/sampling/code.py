"""Which code a strategy is, so that an edited function is not taken for what it was.

The kit's own strategies are known by their names, and by ``runs.RESULTS_VERSION``. Any other is
known by a checksum of what decides its picks: its bytecode and that of the functions it calls,
its defaults, bound arguments, attributes and the variables it closes over. A name or an address
in memory is no part of it, so it is the same in two processes.
"""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from activecl_nb import files

KIT = str(Path(__file__).parents[1]) + os.sep
# Code in these folders has a version, which a run's environment records.
LIBRARIES = ("stdlib", "platstdlib", "purelib", "platlib")
INSTALLED = (KIT, *(sysconfig.get_path(name) + os.sep for name in LIBRARIES))
PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...))


def of(strategy: Callable[..., object]) -> str:
    """32 hex digits that stand for a strategy's code; "" for one of the kit's own."""
    if isinstance(strategy, types.FunctionType) and strategy.__code__.co_filename.startswith(KIT):
        return ""
    python = "{}.{}".format(*sys.version_info)  # another Python has other bytecode
    return files.checksum_of(part.encode() for part in [python, *_parts(strategy, set())])


def name_of(strategy: Callable[..., object]) -> str:
    """A name that is the same in every process: of the function, or of the object's class.

    Of a ``functools.partial`` it shows the bound arguments that are plain: "mine(weight=0.5)".
    """
    if isinstance(strategy, functools.partial):
        bound = [repr(v) for v in strategy.args if isinstance(v, PLAIN)]
        bound += [f"{k}={v!r}" for k, v in strategy.keywords.items() if isinstance(v, PLAIN)]
        return f"{name_of(strategy.func)}({', '.join(bound)})" if bound else name_of(strategy.func)
    return getattr(strategy, "__name__", None) or type(strategy).__name__


def _parts(value: object, seen: set[int]) -> Iterator[str]:
    """What a value is made of, as text."""
    yield type(value).__qualname__
    if isinstance(value, PLAIN):
        yield repr(value)
        return
    if isinstance(value, types.ModuleType):
        yield value.__name__
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray | torch.Tensor | np.generic):
        yield from _array(value)
    elif isinstance(value, types.CodeType):
        yield from _code(value, seen)
    elif isinstance(value, types.FunctionType):
        yield from _function(value, seen)
    elif isinstance(value, set | frozenset):  # whose order differs from process to process
        yield from sorted(files.checksum_of(p.encode() for p in _parts(v, set())) for v in value)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _parts(item, seen)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _parts(key, seen)
            yield from _parts(item, seen)
    elif isinstance(value, type):
        yield from _class(value, seen)
    elif isinstance(value, functools.partial):
        yield from _parts([value.func, value.args, value.keywords], seen)
    elif isinstance(value, types.MethodType):
        yield from _parts([value.__func__, value.__self__], seen)
    else:
        yield from _class(type(value), seen)
        yield str(getattr(value, "__qualname__", ""))  # of what is written in C
        slots = [n for c in type(value).__mro__ for n in getattr(c, "__slots__", ())]
        yield from _parts({n: getattr(value, n) for n in slots if hasattr(value, n)}, seen)
        yield from _parts(dict(getattr(value, "__dict__", {})), seen)


def _array(value: np.ndarray | torch.Tensor | np.generic) -> Iterator[str]:
    values = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    yield f"{values.dtype} {values.shape}"
    yield repr(values.tolist()) if values.dtype == object else files.checksum(values.tobytes())


def _function(value: types.FunctionType, seen: set[int]) -> Iterator[str]:
    yield f"{value.__module__}.{value.__qualname__}" if _installed(value.__code__) else ""
    if _installed(value.__code__):
        return
    yield from _parts(value.__code__, seen)
    yield from _parts([value.__defaults__, value.__kwdefaults__], seen)
    for cell in value.__closure__ or ():
        try:
            yield from _parts(cell.cell_contents, seen)
        except ValueError:  # a variable that has no value yet
            yield "empty"
    for name in sorted(_names(value.__code__) & value.__globals__.keys()):
        yield name
        yield from _parts(value.__globals__[name], seen)


def _code(value: types.CodeType, seen: set[int]) -> Iterator[str]:
    """What it does, and not where it stands: neither file nor line nor the names of variables."""
    yield value.co_code.hex()
    yield " ".join(value.co_names)
    for constant in value.co_consts:
        yield from _parts(constant, seen)


def _names(code: types.CodeType) -> set[str]:
    """Names that this code, or a function inside it, may look up."""
    inner = [_names(c) for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*inner)


def _class(value: type, seen: set[int]) -> Iterator[str]:
    """Its name where it is installed, else what its body holds; and so on for its bases."""
    yield value.__qualname__
    module = sys.modules.get(value.__module__)
    file = getattr(module, "__file__", None) or ""
    if value.__module__ == "builtins" or file.startswith(INSTALLED):
        yield value.__module__
        return
    for name, member in sorted(vars(value).items()):
        inner = getattr(member, "__func__", getattr(member, "fget", member))
        if isinstance(inner, types.FunctionType) or not name.startswith("__"):
            yield name
            yield from _parts(inner, seen)
    for base in value.__bases__:
        yield from _parts(base, seen)


def _installed(code: types.CodeType) -> bool:
    return code.co_filename.startswith(INSTALLED)
