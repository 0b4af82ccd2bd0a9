"""Values on their way between the process of an answer and the process of its check.

Text and arrays of plain numbers, written as JSON: what comes from an answer is read as data, and
whatever it holds it cannot run where marks are given.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from activecl_nb.lessons.checks.bodies import code_of, names_in

LARGEST = 20_000_000  # bytes of a parcel; answers are some hundreds of numbers
SHORT = 1_000  # bits of a whole number
MOST_NAMES = 1_000  # in the body of a function


class Function:
    """A function that stays where the answer is: what a check may know of it.

    described: (the names in its body, how many arguments it has). ask: calls it.
    """

    def __init__(self, described: list[Any] | None, ask: Callable[..., Any] | None = None) -> None:
        self.ask = ask
        if described:  # what checks look at: a stub or a slip, a generator of its own
            names, count = tuple(map(str, described[0])), int(described[1])
            self.__code__ = SimpleNamespace(
                co_names=names, co_nlocals=count, co_argcount=count, co_consts=()
            )

    def __call__(self, *given: Any) -> Any:
        if self.ask is None:
            raise TypeError("a function within an answer is not called")
        return self.ask(*given)


Function.__name__ = "function"  # as hints say it


def pack(value: Any) -> bytes:
    """ValueError: it is larger than a parcel may be."""
    text = json.dumps(_plain(value)).encode()
    if len(text) > LARGEST:
        raise ValueError(f"the answer takes {len(text):,} bytes; {LARGEST:,} are the most")
    return text


def unpack(parcel: bytes) -> Any:
    """ValueError: it is no parcel."""
    try:
        return _whole(json.loads(parcel))
    except Exception as problem:  # whoever wrote it may have meant harm
        raise ValueError(f"no parcel: {type(problem).__name__}") from None


# ---- to JSON -----------------------------------------------------------------------------
def _plain(value: Any) -> Any:
    """This value in what JSON knows; a pair [kind, content] for all else."""
    import torch

    from activecl_nb.augment import Family

    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.generic | np.ndarray):
        return _array(value)
    if isinstance(value, int):
        return value if value.bit_length() < SHORT else ["thing", "int"]
    if isinstance(value, float):
        return float(value)
    if value is Ellipsis:
        return ["ellipsis", 0]
    if isinstance(value, list | tuple | range):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return [kind, [_plain(one) for one in value]]
    if isinstance(value, dict):
        return ["dict", [[_plain(key), _plain(one)] for key, one in value.items()]]
    if isinstance(value, torch.Tensor):
        return _tensor(value.detach().cpu())
    if isinstance(value, torch.Generator):
        return ["torch generator", _plain(value.get_state())]
    if isinstance(value, np.random.Generator):
        return ["numpy generator", _plain(value.bit_generator.state)]
    if isinstance(value, Family):
        return ["family", _plain({name: getattr(value, name) for name in Family.__annotations__})]
    return ["function", _described(value)] if callable(value) else _other(value)


def _array(value: Any) -> Any:
    kind = "array" if isinstance(value, np.ndarray) else "scalar"
    array = np.asarray(value)
    if array.dtype.kind == "O":
        return ["objects", _plain(array.tolist())]
    written = io.BytesIO()
    np.save(written, array, allow_pickle=False)
    return [kind, base64.b64encode(written.getvalue()).decode()]


def _tensor(value: Any) -> Any:
    kind = str(value.dtype).removeprefix("torch.")
    try:
        array = value.resolve_conj().resolve_neg().numpy()
    except TypeError:  # NumPy has no such type, such as bfloat16
        array = value.float().numpy()
    return ["tensor", [kind, _array(np.asarray(array))]]


def _described(value: Any) -> list[Any] | None:
    code = code_of(value)
    if code is None:
        return None
    used = sorted({*names_in(code), *code.co_varnames[code.co_argcount :]})
    return [used[:MOST_NAMES], code.co_argcount]


def _other(value: Any) -> Any:
    """What NumPy reads as numbers or words, as that; of all else, the name of its type."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        array = np.array(None)
    return ["thing", type(value).__name__] if array.dtype.kind == "O" else _array(array)


# ---- and back ----------------------------------------------------------------------------
def _whole(plain: Any) -> Any:
    if not isinstance(plain, list):
        return plain
    kind, content = plain
    return _KINDS[kind](content)


def _read_array(content: str) -> np.ndarray:
    array: np.ndarray = np.load(io.BytesIO(base64.b64decode(content)), allow_pickle=False)
    return array


def _read_tensor(content: list[Any]) -> Any:
    import torch

    kind, array = content
    dtype = getattr(torch, kind)
    if not isinstance(dtype, torch.dtype):
        raise ValueError(f"no type of tensors: {kind}")
    return torch.from_numpy(_whole(array)).to(dtype)


def _read_objects(content: Any) -> np.ndarray:
    return np.array(_whole(content), dtype=object)


def _torch_generator(content: Any) -> Any:
    import torch

    draw = torch.Generator()
    draw.set_state(_whole(content))
    return draw


def _numpy_generator(content: Any) -> np.random.Generator:
    draw = np.random.default_rng()
    draw.bit_generator.state = _whole(content)
    return draw


def _family(content: Any) -> Any:
    from activecl_nb.augment import Family

    return Family(**_whole(content))


def type_name(name: str) -> str:
    """What a type may be called here, whatever an answer calls it."""
    return name.encode("ascii", "replace").decode().replace("\0", "?")


def _thing(content: str) -> Any:
    return type(type_name(content)[:60], (), {})()


_KINDS: dict[str, Callable[[Any], Any]] = {
    "ellipsis": lambda content: ...,
    "list": lambda content: [_whole(one) for one in content],
    "tuple": lambda content: tuple(_whole(one) for one in content),
    "dict": lambda content: {_whole(key): _whole(one) for key, one in content},
    "array": _read_array,
    "scalar": lambda content: _read_array(content)[()],
    "objects": _read_objects,
    "tensor": _read_tensor,
    "torch generator": _torch_generator,
    "numpy generator": _numpy_generator,
    "family": _family,
    "function": Function,
    "thing": _thing,
}
