"""What may stand in a study's file, and how what may not is collected to be told at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

SEEDS_AT_MOST = 10_000
METRICS = ("chosen", "area", "last", "best")  # of a score: what a contrast may compare


def is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


Kind = tuple[Callable[[Any], bool], str]
TEXT: Kind = (is_text, "a text in quotes")
ANY_TEXT: Kind = (lambda v: isinstance(v, str), "a text in quotes")
FLAG: Kind = (lambda v: isinstance(v, bool), "true or false")
TABLES: Kind = (_is_tables, "tables, each under a head in double brackets")
TABLE: Kind = (lambda v: isinstance(v, dict), "a table such as { name = value }")
TEXTS: Kind = (
    lambda v: isinstance(v, list) and bool(v) and all(map(is_text, v)) and len(set(v)) == len(v),
    "a list of one or more different names",
)
SEEDS: Kind = (
    lambda v: is_whole(v) and 1 <= v <= SEEDS_AT_MOST,
    f"a whole number from 1 to {SEEDS_AT_MOST:,}",
)
SHARE: Kind = (lambda v: is_number(v) and 0 < v < 1, "a number above 0 and below 1, as scores are")

# name -> (whether it must be there, what it takes)
TOP = {
    "title": (False, TEXT),
    "profile": (False, TEXT),
    "code": (False, TEXT),
    "contrast": (False, TABLES),
    "grid": (False, TABLES),
}
GRID = {
    "name": (True, TEXT),
    "question": (False, ANY_TEXT),
    "tissue": (False, TEXT),
    "strategies": (True, TEXTS),
    "seeds": (False, SEEDS),
    "data": (False, TABLE),
    "protocol": (False, TABLE),
    "one_at_a_time": (False, FLAG),
    "equal_work": (False, TEXT),
}
CONTRAST = {
    "id": (True, TEXT),
    "grid": (True, TEXT),
    "a": (True, TEXT),
    "b": (True, TEXT),
    "setting": (False, ANY_TEXT),
    "metric": (False, (lambda v: v in METRICS, f"one of {', '.join(METRICS)}")),
    "score": (False, TEXT),
    "primary": (False, FLAG),
    "bound": (False, SHARE),
    "against": (False, TEXT),
    "names": (False, (lambda v: TEXTS[0](v) and len(v) == 2, "two different names in a list")),
}


class Check:
    """Collects what is wrong with a file, to be told at once."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.wrong: list[str] = []

    def says(self, where: str, what: str) -> None:
        self.wrong.append(f"{where}{what}")

    def table(self, where: str, found: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
        """Whether the table has what it must, and nothing else or of another kind."""
        before = len(self.wrong)
        for name in sorted(set(found) - set(known)):
            self.says(where, f"unknown {name}; there are {', '.join(known)}")
        for name, (needed, (fits, what)) in known.items():
            if name not in found:
                if needed:
                    self.says(where, f"{name!r} is missing; give {what}")
            elif not fits(found[name]):
                self.says(where, f"{name} is {what}, not {shown(found[name])}")
        return len(self.wrong) == before

    def tried(self, name: str, made: Callable[[], Any]) -> Any:
        """What comes of it; an error is one more thing that is wrong."""
        if self.wrong and self.wrong[-1].startswith(f"{name} is "):
            return None
        try:
            return made()
        except (ValueError, TypeError, OSError) as error:
            self.says("", f"{name}: {error}")
            return None

    def end(self) -> None:
        if self.wrong:
            raise ValueError(f"{self.path}: {'; '.join(dict.fromkeys(self.wrong))}")


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
