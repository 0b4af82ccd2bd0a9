"""Which code a strategy is, so that an edited function is not taken for what it was.

The kit's own strategies are known by their names, and by ``runs.RESULTS_VERSION``. Any other is
known by a checksum of what decides its picks: its bytecode and that of the functions and modules
it uses, its defaults, bound arguments, attributes and the variables it closes over. Values count
as pickle would write them (nothing is unpickled), libraries by name. A name or an address in
memory is no part of it, so it is the same in two processes.
"""

from __future__ import annotations

import copyreg
import dis
import functools
import inspect
import os
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator, Mapping, Set
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import numpy as np
import torch

from activecl_nb import files

KIT = str(Path(__file__).parents[1]) + os.sep
# Code in these folders has a version, which a run's environment records.
LIBRARIES = ("stdlib", "platstdlib", "purelib", "platlib")
INSTALLED = (KIT, *(sysconfig.get_path(name) + os.sep for name in LIBRARIES), "<frozen ")
PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...))

# What only wraps other code, and the names by which it holds that.
WRAPPERS = (
    types.MethodType, types.DynamicClassAttribute, staticmethod, classmethod, property,
    functools.partial, functools.partialmethod, functools.cached_property,
    functools._lru_cache_wrapper,
)  # fmt: skip
HELD = (
    "__func__", "__self__", "__wrapped__", "func", "args", "keywords", "fget", "fset",
    "py_func", "targetoptions",  # the last two of numba
)  # fmt: skip
# Parts of a class in C, known by their names.
BY_NAME = (types.GetSetDescriptorType, types.MemberDescriptorType, types.WrapperDescriptorType)
# By id or name: what has been told, and its number. The object is kept, or its id would be reused.
Seen = dict[object, tuple[int, object]]


class _Opaque(Exception):
    """A value that nothing tells the content of; the names that lead to it, outermost first."""

    def __init__(self, value: object) -> None:
        self.kind, self.names = type(value).__qualname__, list[str]()


def of(strategy: Callable[..., object]) -> str:
    """32 hex digits that stand for a strategy's code; "" for one of the kit's own.

    ValueError: it uses something whose content cannot be told, so that an edit would go unseen.
    """
    if of_the_kit(strategy):
        return ""
    python = "{}.{}".format(*sys.version_info)  # another Python has other bytecode
    try:
        return files.checksum_of(part.encode() for part in [python, *_parts(strategy, {})])
    except _Opaque as error:
        raise ValueError(
            f"the strategy {name_of(strategy)!r} uses {'.'.join(error.names) or 'itself'}, a "
            f"{error.kind}, whose content cannot be told, so that an edit of it would go unseen; "
            "make it inside the function, or keep numbers, lists or arrays in its place"
        ) from None


def of_the_kit(strategy: Callable[..., object]) -> bool:
    """Whether a strategy is one of the kit's own."""
    function = isinstance(strategy, types.FunctionType)
    return function and strategy.__code__.co_filename.startswith(KIT)


def name_of(strategy: Callable[..., object]) -> str:
    """A name that is the same in every process: of the function, or of the object's class.

    Of a ``functools.partial`` it shows the bound arguments that are plain: "mine(weight=0.5)".
    """
    if isinstance(strategy, functools.partial):
        bound = [repr(v) for v in strategy.args if isinstance(v, PLAIN)]
        bound += [f"{k}={v!r}" for k, v in strategy.keywords.items() if isinstance(v, PLAIN)]
        return f"{name_of(strategy.func)}({', '.join(bound)})" if bound else name_of(strategy.func)
    return getattr(strategy, "__name__", None) or type(strategy).__name__


def _parts(value: object, seen: Seen) -> Iterator[str]:
    """What a value is made of, as text."""
    kind = type(value)
    yield kind.__qualname__
    if kind in PLAIN:
        yield repr(value)
    elif isinstance(value, types.ModuleType):
        yield from _module(value.__name__, value, frozenset(), seen)
    elif id(value) in seen:
        yield f"again {seen[id(value)][0]}"
    else:
        seen[id(value)] = len(seen), value
        yield from _made_of(value, kind, seen)


def _made_of(value: Any, kind: type, seen: Seen) -> Iterator[str]:
    if kind is np.ndarray or isinstance(value, torch.Tensor):
        yield from _array(value, seen)
    elif kind is types.CodeType:
        yield from _code(value)
    elif kind is types.FunctionType:
        yield from _function(value, seen)
    elif kind in (set, frozenset):  # whose order differs from process to process
        yield from sorted(files.checksum_of(p.encode() for p in _parts(v, {})) for v in value)
    elif kind in (list, tuple):
        for item in value:
            yield from _parts(item, seen)
    elif kind in (dict, types.MappingProxyType):
        yield from _named(value, seen)
    elif isinstance(value, type):
        yield from _class(value, seen)
    elif isinstance(value, BY_NAME):
        yield value.__qualname__
    elif isinstance(value, WRAPPERS) or "py_func" in getattr(value, "__dict__", {}):
        yield from _named({name: getattr(value, name, None) for name in HELD}, seen)
        if isinstance(value, functools.partial | functools._lru_cache_wrapper):
            yield from _attributes(value, seen)
    else:
        yield from _class(kind, seen)
        yield from _reduced(value, seen)


def _named(values: Mapping[Any, object], seen: Seen) -> Iterator[str]:
    for name, value in values.items():
        yield from _parts(name, seen)
        try:
            yield from _parts(value, seen)
        except _Opaque as error:
            error.names.insert(0, str(name))
            raise


def _attributes(value: object, seen: Seen) -> Iterator[str]:
    """Those that a user has set; what ``functools.wraps`` copies is known already."""
    own = {k: v for k, v in vars(value).items() if k == "__wrapped__" or not k.startswith("__")}
    yield from _named(own, seen)


def _reduced(value: Any, seen: Seen) -> Iterator[str]:
    """As pickle would write it. _Opaque: it could not."""
    reduce = copyreg.dispatch_table.get(type(value))
    try:
        made = reduce(value) if reduce else value.__reduce_ex__(4)
        items = (
            [made] if isinstance(made, str) else [*made[:3], *map(list, filter(None, made[3:5]))]
        )
    except Exception:
        raise _Opaque(value) from None
    if isinstance(made, str):  # the name of what is written in C
        yield str(getattr(value, "__module__", ""))
    yield from _parts(items, seen)


def _array(value: np.ndarray | torch.Tensor, seen: Seen) -> Iterator[str]:
    yield f"{value.dtype} {tuple(value.shape)}"
    if isinstance(value, torch.Tensor):
        if value.layout != torch.strided or value.is_meta:  # it is made of others, or of nothing
            yield from _reduced(value.detach(), seen)
            return
        value = value.detach().dequantize() if value.is_quantized else value.detach()
        value = value.cpu().resolve_conj().resolve_neg().reshape(-1).view(torch.uint8).numpy()
    if value.dtype.hasobject:
        yield from _parts(value.tolist(), seen)
    else:
        yield files.checksum(value.tobytes())


def _function(value: types.FunctionType, seen: Seen) -> Iterator[str]:
    """Of an installed one its name, and what of the user's own it wraps or closes over."""
    code, installed = value.__code__, _installed_function(value)
    yield f"{value.__module__}.{value.__qualname__}" if installed else ""
    if installed and hasattr(value, "__wrapped__") and _installed_function(inspect.unwrap(value)):
        return
    yield from _attributes(value, seen)
    for name, cell in zip(code.co_freevars, value.__closure__ or (), strict=True):
        try:
            held = {name: cell.cell_contents}
        except ValueError:  # a variable that has no value yet
            held = {}
        yield from _named(held, seen)
    if installed:
        return
    yield from _code(code)
    yield from _parts([value.__defaults__, value.__kwdefaults__], seen)
    names = frozenset(_names(code))
    yield from _used(_looked_up(code), names, value.__globals__, seen)
    yield from _imported(code, names, value.__globals__.get("__package__"), seen)


def _code(value: types.CodeType) -> Iterator[str]:
    """What it does, and not where it stands: neither file nor line nor the names of variables.

    Names of parameters count, since arguments may be handed over by them.
    """
    yield value.co_code.hex()
    yield getattr(value, "co_exceptiontable", b"").hex()  # Python 3.10 has it in the code
    counts = value.co_argcount, value.co_posonlyargcount, value.co_kwonlyargcount, value.co_flags
    yield f"{counts} {value.co_varnames[: counts[0] + counts[2]]}"
    yield " ".join(value.co_names)
    for constant in value.co_consts:
        yield from _parts(constant, {})


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _nested(constant)


def _names(code: types.CodeType) -> set[str]:
    """All names in this code, or in a function inside it: of variables, modules, attributes."""
    return {name for inner in _nested(code) for name in inner.co_names}


def _looked_up(code: types.CodeType) -> set[str]:
    """Those of them that are looked up among the globals, be it as ``globals()["name"]``."""
    steps = [step for inner in _nested(code) for step in dis.get_instructions(inner)]
    names = {s.argval for s in steps if "_GLOBAL" in s.opname or s.opname == "LOAD_NAME"}
    texts = {s.argval for s in steps if isinstance(s.argval, str) and s.opname == "LOAD_CONST"}
    return names | texts if "globals" in names else names


def _used(
    names: Set[str], attributes: frozenset[str], there: Mapping[str, Any], seen: Seen
) -> Iterator[str]:
    """What stands under these names; of a module, what stands under ``attributes`` in it."""
    for name in sorted(names & there.keys()):
        if isinstance(there[name], types.ModuleType):
            yield from _module(there[name].__name__, there[name], attributes, seen)
        else:
            yield from _named({name: there[name]}, seen)


def _imported(
    code: types.CodeType, names: frozenset[str], package: str | None, seen: Seen
) -> Iterator[str]:
    """The modules that it imports when it runs; they need not be loaded yet."""
    for inner in _nested(code):
        origin = ""
        for step in dis.get_instructions(inner):
            if step.opname == "IMPORT_NAME":
                name = origin = step.argval
            elif step.opname == "IMPORT_FROM":
                name = f"{origin}.{step.argval}"
            else:
                continue
            for full in [name, f"{package}.{name}"] if package else [name]:
                yield from _module(full, sys.modules.get(full), names, seen)


def _module(
    name: str, module: types.ModuleType | None, names: frozenset[str], seen: Seen
) -> Iterator[str]:
    """Its name; of one that is not installed its code, too, and what stands under ``names``."""
    file = getattr(module, "__file__", None) or ("" if module else _file_named(name))
    yield name
    if name in sys.builtin_module_names or _installed(file) or (name, names) in seen:
        return
    seen[name, names] = len(seen), None
    if file not in seen and os.path.isfile(file):
        seen[file] = len(seen), None
        content = Path(file).read_bytes()
        try:
            code = compile(content, file, "exec", dont_inherit=True)
        except (SyntaxError, ValueError):  # not of Python
            yield files.checksum(content)
        else:
            yield from _code(code)
            yield from _imported(code, frozenset(), getattr(module, "__package__", None), seen)
    if module:
        yield from _used(names, names, vars(module), seen)


def _file_named(name: str) -> str:
    """Where a module lies that is not loaded; nothing of it is run."""
    parts, path, file = name.split("."), None, ""
    for last in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:last]), path)
        if spec is None:
            return ""
        path, file = spec.submodule_search_locations, spec.origin or ""
    return file


def _class(value: type, seen: Seen) -> Iterator[str]:
    """Its name where it is installed, else what its body holds; and so on for its bases."""
    yield value.__qualname__
    if _installed_module(value.__module__):
        yield value.__module__
        return
    for name, member in sorted(vars(value).items()):
        code = isinstance(member, (types.FunctionType, *WRAPPERS))
        if code or not name.startswith(("__", "_abc_impl")):
            yield from _named({name: member}, seen)
    for base in value.__bases__:
        yield from _parts(base, seen)


def _installed_function(value: object) -> bool:
    file = value.__code__.co_filename if isinstance(value, types.FunctionType) else "<C>"
    # Of what was compiled from text the module tells.
    return _installed_module(value.__module__) if file.startswith("<") else _installed(file)


def _installed_module(name: str) -> bool:
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    return name in sys.builtin_module_names or _installed(file)


def _installed(file: str) -> bool:
    return file.startswith(INSTALLED) or not {"site-packages", "dist-packages"}.isdisjoint(
        Path(file).parts
    )
