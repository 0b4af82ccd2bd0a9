"""What a study plans: jobs, their places in grids, the contrasts declared before the runs.

A run's folder is named by a hash of all that decides its result: the protocol, the tissue and its
fingerprint, strategy, seed, and the version of the results. So runs that grids share are computed
once, nothing finished is computed again, and nothing stale is taken for it.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activecl_nb import profiles

if TYPE_CHECKING:
    from activecl_nb.imbalance import Data
    from activecl_nb.protocol import Protocol

# In a grid's data these name a tissue, a replicate; whatever else is varied there is a setting.
REPLICATES = ("fold", "seed")


@dataclass(frozen=True)
class Job:
    """One run: what decides its result.

    data: what ``imbalance.load`` is given, and ``encoder``, the name of a frozen one
        (``curation.encoders``), as sorted (name, value) pairs.
    code: the file that the strategy stands in, if it is none of the kit's own.
    """

    strategy: str
    seed: int
    protocol: Protocol
    data: tuple[tuple[str, Any], ...] = (("source", "phantom"),)
    code: Path | None = None

    def address(self) -> str:
        """16 hex digits that stand for this run and no other.

        Of protocol and data only what differs from their defaults counts, so that a field which
        a later kit adds leaves the addresses as they are.
        """
        from activecl_nb.runs import RESULTS_VERSION

        differs = {name: ours for name, (_, ours) in self.protocol.differences().items()}
        identity = {
            "results": RESULTS_VERSION,
            "strategy": self.strategy,
            "seed": self.seed,
            "protocol": differs,
            "data": {name: value for name, value in self.data if name != "path"},
            "patches": fingerprint(self.data, _sizes(self.protocol)),
        }
        if self.code:  # another version of it is another strategy
            identity["code"] = hashlib.sha256(self.code.read_bytes()).hexdigest()
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]

    def load(self) -> Data:
        """The patches it works on, with the features of a frozen encoder where data names one."""
        if "encoder" not in dict(self.data):
            return self.patches()
        return replace(self.patches(), **_frozen(self.data, _sizes(self.protocol)))

    def patches(self) -> Data:
        """The patches alone, which no encoder has seen."""
        return _load(self.data, _sizes(self.protocol))

    @property
    def source(self) -> str:
        """Where its patches come from."""
        return str(dict(self.data)["source"])

    @property
    def tissue(self) -> str:
        """The replicate that it stands for: "fold 3", "phantom 7", or "" for data without folds."""
        return tissue_of(dict(self.data))

    def __str__(self) -> str:
        where = f" ({self.tissue})" if self.tissue and self.tissue != "phantom 0" else ""
        return f"{self.strategy}, seed {self.seed}{where}"


@dataclass(frozen=True)
class Entry:
    """A job's place in a study: one job may stand in several grids.

    setting: what the grid varies, and its value here; empty for what is as the profile says.
    """

    grid: str
    setting: tuple[tuple[str, Any], ...]
    job: Job

    @property
    def label(self) -> str:
        """The setting as text: "tumour_share=0.05", or "" for the profile's own."""
        return ", ".join(f"{name}={value}" for name, value in self.setting)


@dataclass(frozen=True)
class Contrast:
    """A comparison declared before the runs: a less b, on one grid, by one metric and score.

    primary: one of the few that the study is for; they are corrected together (Holm).
    bound: a difference that would not matter; with it, "no difference" can be shown (TOST).
    against: the grid of b, where it is another one; runs are paired by tissue and seed.
    names: what a and b are called, where their strategies do not say it.
    """

    id: str
    grid: str
    a: str
    b: str
    setting: str = ""
    metric: str = "chosen"
    score: str = "probe_average_precision"
    primary: bool = False
    bound: float | None = None
    against: str = ""
    names: tuple[str, ...] = ()

    @property
    def sides(self) -> tuple[dict[str, str], dict[str, str]]:
        """Where the runs of a and of b stand."""
        a = {"grid": self.grid, "strategy": self.a, "setting": self.setting}
        return a, {**a, "grid": self.against or self.grid, "strategy": self.b}


@dataclass(frozen=True)
class Study:
    """What is to be run, and why.

    questions: each grid's name and question. entries: in the order of the file, seed by seed, so
        that an unfinished grid has some seeds of everything and not all seeds of something.
    contrasts: as declared, in their order.
    refused: (grid, setting, why) of settings that no run can have; the others are run.
    tissues: what a grid's patches are, in words, where the file says it.
    """

    title: str
    questions: Mapping[str, str]
    entries: tuple[Entry, ...]
    contrasts: tuple[Contrast, ...] = ()
    refused: tuple[tuple[str, str, str], ...] = ()
    tissues: Mapping[str, str] = field(default_factory=dict)

    @property
    def jobs(self) -> list[Job]:
        """Each run once, in order."""
        return list(dict.fromkeys(entry.job for entry in self.entries))


def tissue_of(given: Mapping[str, Any]) -> str:
    """The tissue that ``imbalance.load`` gives for these arguments, as a replicate's name."""
    from activecl_nb import tissue

    if given["source"] == "phantom":
        return f"phantom {given.get('seed', 0)}"
    return f"fold {given.get('fold', 0)}" if given["source"] in tissue.OWN else ""


def without_defaults(data: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Sorted (name, value) pairs of ``imbalance.load``, without what it takes by itself.

    A dial at the phantom's own value is the phantom as it is.
    """
    from activecl_nb import imbalance, tissue

    own = {
        name: parameter.default
        for name, parameter in inspect.signature(imbalance.load).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    } | dict(tissue.dials_of(data["source"]))
    changed = {k: v for k, v in data.items() if k not in own or own[k] != v}
    tables = {k: _Table(v) for k, v in changed.items() if isinstance(v, dict)}
    return tuple(sorted({**changed, **tables}.items()))


class _Table(dict):
    """A table within data, such as a table's columns, that a job and its caches can hold."""

    def __hash__(self) -> int:  # type: ignore[override]  # nobody changes it
        return hash(json.dumps(self, sort_keys=True))


def _sizes(protocol: Protocol) -> profiles.Profile:
    """The part of a protocol that decides which patches there are."""
    return profiles.Profile(
        image_size=protocol.image_size,
        train_images=protocol.train_images,
        test_images=protocol.test_images,
    )


@functools.lru_cache(maxsize=2)  # a worker goes through many runs on the same patches
def _load(data: tuple[tuple[str, Any], ...], sizes: profiles.Profile) -> Data:
    from activecl_nb import imbalance

    arguments = dict(data)
    arguments.pop("encoder", None)
    return imbalance.load(arguments.pop("source"), sizes, **arguments)


@functools.lru_cache(
    maxsize=32
)  # small beside the patches, and dear: a grid's tissues come in turn
def _frozen(data: tuple[tuple[str, Any], ...], sizes: profiles.Profile) -> dict[str, Any]:
    """The fields of ``Data`` that a frozen encoder fills."""
    from activecl_nb.curation import encoders

    seen = encoders.attach(_load(data, sizes), str(dict(data)["encoder"]))
    return {"features": seen.features, "encoder": seen.encoder}


@functools.cache
def fingerprint(data: tuple[tuple[str, Any], ...], sizes: profiles.Profile) -> dict[str, Any]:
    """What tells these patches from others, whatever processor draws or decodes them."""
    from activecl_nb import runs

    return runs.fingerprint(_load(data, sizes))
