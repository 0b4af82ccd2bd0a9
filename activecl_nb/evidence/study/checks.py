"""What may stand in a study's file, and how what may not is collected to be told at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field

from activecl_nb import values
from activecl_nb.values import Pairs, Seed, Switch, Whole

Metric = Literal["chosen", "area", "last", "best"]  # of a score: what a contrast may compare
METRICS: tuple[str, ...] = get_args(Metric)


def _different(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError("should be a list of different names")
    return names


Text = Annotated[str, Field(pattern=r"\S")]
Names = Annotated[list[Text], Field(min_length=1), AfterValidator(_different)]
Two = Annotated[list[Text], Field(min_length=2, max_length=2), AfterValidator(_different)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Table = dict[str, Any]


class Top:
    title: Text
    profile: Text
    code: Text
    contrast: list[Table]
    grid: list[Table]


class Grid:
    name: Text
    question: str
    tissue: Text
    strategies: Names
    seeds: Annotated[int, Field(ge=1, le=10_000)]
    data: Table
    protocol: Table
    one_at_a_time: Switch
    equal_work: Literal["benchmark"]


class Contrast:
    id: Text
    grid: Text
    a: Text
    b: Text
    setting: str
    metric: Metric
    score: Text
    primary: Switch
    bound: Annotated[float, Field(gt=0, lt=1)]  # as scores are
    against: Text
    names: Two


MUST: dict[type, tuple[str, ...]] = {
    Top: (),
    Grid: ("name", "strategies"),
    Contrast: ("id", "grid", "a", "b"),
}


def data_of(dials: Collection[str]) -> type:
    """What a grid's data may say of a source with these dials: each alone, or one of a list."""
    fields: Table = {
        "source": Text,
        "path": Text,
        "positive": Text,
        "encoder": Text,
        "target": Text,
    }
    fields |= {"fold": Whole, "folds": Pairs, "seed": Seed, "by": Literal["patch", "patient"]}
    return type("Data", (), {"__annotations__": fields | dict.fromkeys([*dials, "share"], Number)})


class Check:
    """Collects what is wrong with a file, to be told at once."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.wrong: list[str] = []

    def says(self, where: str, what: str) -> None:
        self.wrong.append(f"{where}{what}")

    def table(self, where: str, found: Mapping[str, Any], kind: type) -> bool:
        """Whether the table has what it must, and nothing else or of another kind."""
        before = len(self.wrong)
        for name in MUST[kind]:
            if name not in found:
                self.says(where, f"{name!r} is missing")
        try:
            values.checked(kind, found)
        except values.Problems as error:
            for line in error.lines:
                self.says(where, line)
        return len(self.wrong) == before

    def tried(self, name: str, made: Callable[[], Any]) -> Any:
        """What comes of it; an error is one more thing that is wrong."""
        if self.wrong and self.wrong[-1].startswith(f"{name}: "):
            return None
        try:
            return made()
        except (ValueError, TypeError, OSError) as error:
            self.says("", f"{name}: {error}")
            return None

    def end(self) -> None:
        if self.wrong:
            raise ValueError(f"{self.path}: {'; '.join(dict.fromkeys(self.wrong))}")
