"""The interactive explorer: see which patches each strategy picks.

``ViewModel`` knows everything that can be asked and nothing of widgets; it is plain NumPy. What
is shown of it comes in three forms, which therefore never disagree: the live widget in a
notebook (explorer.js on one canvas per panel), one standalone page, and a static figure.

Rounds and what a strategy saw. The pick of round t was made from the proxy of round t - 1 and
from the set chosen up to then, so that is what the map is coloured by ("before the pick");
"after the round" shows the proxy that was trained on that pick. Round 0 is the random first
subset: before it there is no proxy and nothing chosen.

Distances and neighbours are measured in the feature space of the fixed map, the same for every
strategy and round. The strategies themselves measured in the features of their own encoder.
"""

from __future__ import annotations

import base64
import functools
import html
import io
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets

from activecl_nb import files
from activecl_nb.pictures import figures, maps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from activecl_nb.imbalance import Data
    from activecl_nb.runs import Run
    from activecl_nb.tissue import Tissue

HERE = Path(__file__).parent
INVITATION = "Run this cell for the live explorer."
MOST_PANELS = 4
SPRITE_BYTES = 1_500_000  # of the thumbnails; with everything else, a page stays below 4 MB
NEVER = 255  # in the bytes sent to the browser: not picked, or no such value
LOGIT_LIMIT = 8.0  # beyond it p is within 0.0004 of 0 or 1, which no colour shows
LN2 = float(np.log(2))  # the largest entropy of two classes, in nats

# The kit's class colours, lightened where they would drown on a dark background.
DARK_COLOURS = {
    "ADI": "#ddcc77",
    "BACK": "#8c8c8c",
    "DEB": "#b58a62",
    "LYM": "#8f86e8",
    "MUC": "#88ccee",
    "MUS": "#cc79a7",
    "NORM": "#4cae6a",
    "STR": "#66d0bf",
    "TUM": "#ff7f2a",
}
# The browser's names for figures.CLASS_MARKERS, in the same order.
SHAPES = ("circle", "square", "triangle", "diamond", "wedge", "plus", "cross", "left", "star")
FACT_TITLES = {
    "difficulty": "how ambiguous (ground truth)",
    "duplicate_of": "near-duplicate (ground truth)",
    "true_class": "true class (ground truth)",
}


# --- the view-model -----------------------------------------------------------------------


@dataclass(frozen=True)
class Colouring:
    """One way to colour the map.

    kind: "names" (each patch has one of ``names``) or "numbers" (between ``low`` and ``high``).
    values: int64 codes or float32 numbers (n,); None where they depend on strategy and round,
        then ask ``ViewModel.values``.
    """

    title: str
    kind: str
    values: np.ndarray | None = None
    names: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class Summary:
    """What one strategy did in one round, in numbers: what stands under its panel.

    picked, so_far: int64 (classes,), how many of each class in this round, and up to it.
    f1: of the proxy at the end of the round; nan where it was not scored.
    entropy_picks, entropy_rest, distance_picks, distance_rest: means over the picks of this round
        and over the patches that stayed behind, before the pick; nan in round 0.
    farthest: the distance to the chosen set, after the round, of the patch that is worst off;
        k-center greedy makes this small.
    """

    strategy: str
    round: int
    picked: np.ndarray
    so_far: np.ndarray
    positive: int
    f1: float
    entropy_picks: float
    entropy_rest: float
    distance_picks: float
    distance_rest: float
    farthest: float

    def share(self, so_far: bool = False) -> float:
        """The share of the positive class among the picks; nan where nothing was picked."""
        counts = self.so_far if so_far else self.picked
        return float(counts[self.positive] / counts.sum()) if counts.sum() else float("nan")

    def imbalance(self, so_far: bool = False) -> float:
        """Negatives for each positive; infinite where no positive was picked."""
        counts = self.so_far if so_far else self.picked
        negatives, positives = counts.sum() - counts[self.positive], counts[self.positive]
        if not positives:
            return float("inf") if negatives else float("nan")
        return float(negatives / positives)


@dataclass(frozen=True)
class Overlap:
    """How much two strategies' picks have in common.

    ``first`` and ``second`` are how many each picked, ``shared`` how many both did, ``chance``
    how many they would share had each drawn as many at random from its own candidates. These are
    what makes chance large: in round 1 all strategies of a seed choose from the same ones. So far
    leaves out round 0, the random first subset, which runs of one seed have in common anyway.
    """

    first: int
    second: int
    shared: int
    chance: float


class ViewModel:
    """Everything that the explorer shows, as NumPy arrays.

    runs: runs of one seed, a list or a dict by name, finished or in the making. data: the data
    they picked from. Rows are the patches on the map, the ones that the runs watched; of a larger
    pool that is a sample, and counts of picks are still those of all picks.

    names: the strategies. rounds: how many the longest run has. n: patches on the map.
    patches: int64 (n,), their positions in the train tissue. labels: int64 (n,).
    taken: int16 (strategies, n), the round that took the patch, -1 where none did.
    order: int32 (strategies, n), its place among the picks of that round, from 0; -1 for none.
    """

    def __init__(
        self,
        runs: Sequence[Run] | Mapping[str, Run],
        data: Data | Tissue,
        map: maps.Map | np.ndarray,
        *,
        positive: str = "TUM",
    ) -> None:
        self.runs = named(runs)
        self.names = tuple(self.runs)
        self.train: Tissue = getattr(data, "train", data)
        self.positive = getattr(data, "positive", positive)
        self.class_names = tuple(self.train.class_names)
        if self.positive not in self.class_names:
            raise ValueError(
                f"no class is called {self.positive!r}; there are {', '.join(self.class_names)}"
            )
        first = self.runs[self.names[0]]
        self.patches = np.asarray(first.watched, dtype=np.int64)
        self.map = _as_map(map, self.patches)
        self.all_labels = np.asarray(self.train.labels, dtype=np.int64)
        _check_runs(self.runs, self.patches, len(self.all_labels))
        self.labels = self.all_labels[self.patches]
        self.pool = len(first.pool)
        self.n = len(self.patches)
        self.rounds = max(1, *(len(run.rounds) for run in self.runs.values()))
        self.taken = np.full((len(self.names), self.n), -1, dtype=np.int16)
        self.order = np.full((len(self.names), self.n), -1, dtype=np.int32)
        for s, run in enumerate(self.runs.values()):
            for round in run.rounds:
                rows, places = self._rows(round.picked)
                self.taken[s, rows], self.order[s, rows] = round.number, places

    def _rows(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows of those of these train positions that are on the map, and their places here."""
        rows = np.searchsorted(self._sorted, positions)
        rows = np.minimum(rows, self.n - 1)
        found = self._sorted[rows] == positions
        return self._sorter[rows[found]], np.flatnonzero(found)

    @functools.cached_property
    def _sorter(self) -> np.ndarray:
        return np.argsort(self.patches)

    @functools.cached_property
    def _sorted(self) -> np.ndarray:
        return self.patches[self._sorter]

    def __repr__(self) -> str:
        return f"ViewModel({', '.join(self.names)}: {self.rounds} rounds, {self.n:,} patches)"

    # what was known when -----------------------------------------------------------------

    def positions(self, round: int) -> np.ndarray:
        """Where the patches lie: float32 (n, 2); the same in every round unless maps follow."""
        if self.map.positions.ndim == 2:
            return self.map.positions
        return self.map.positions[min(round, len(self.map.positions) - 1)]

    def logits(self, strategy: int, slot: int) -> np.ndarray:
        """The proxy's logits before the pick of round ``slot``, float32 (n,).

        Slot ``rounds`` is what stands after the last. nan where there was no proxy.
        """
        rounds = self.runs[self.names[strategy]].rounds
        if slot == 0 or slot > len(rounds):
            return np.full(self.n, np.nan, dtype=np.float32)
        return np.asarray(rounds[slot - 1].watched_logits, dtype=np.float32)

    def probability(self, strategy: int, slot: int) -> np.ndarray:
        """The proxy's p(positive), float32 (n,); the decision boundary is at 0.5."""
        logits = np.clip(self.logits(strategy, slot), -80, 80)
        return (1 / (1 + np.exp(-logits))).astype(np.float32)

    def entropy(self, strategy: int, slot: int) -> np.ndarray:
        """-sum p log p in nats, 0 to ln 2, float32 (n,) (paper, formula (3) with its sign)."""
        a = np.abs(self.logits(strategy, slot).astype(np.float64))
        return (np.log1p(np.exp(-a)) + a * np.exp(-a) / (1 + np.exp(-a))).astype(np.float32)

    @functools.cached_property
    def distances(self) -> np.ndarray:
        """Distance to the chosen set before each pick: float32 (strategies, rounds + 1, n).

        nan in slot 0, where nothing is chosen, and for rounds that have not been run. Chosen
        patches that are not on the map have no features here and do not count.
        """
        found = np.full((len(self.names), self.rounds + 1, self.n), np.nan, dtype=np.float32)
        features = self.map.features
        with maps.one_thread():
            for s, run in enumerate(self.runs.values()):
                nearest = np.full(self.n, np.inf, dtype=np.float32)
                for t in range(len(run.rounds)):
                    new = maps.distances(features, features[self.taken[s] == t])
                    nearest = np.minimum(nearest, new)
                    nearest[self.taken[s] == t] = 0  # exactly, whatever rounding says
                    found[s, t + 1] = np.where(np.isfinite(nearest), nearest, np.nan)
        return found

    # what the strategies did -------------------------------------------------------------

    @functools.cached_property
    def counts(self) -> np.ndarray:
        """Picks by class: int64 (strategies, rounds, classes), of all picks, on the map or not."""
        found = np.zeros((len(self.names), self.rounds, len(self.class_names)), dtype=np.int64)
        for s, run in enumerate(self.runs.values()):
            for t, round in enumerate(run.rounds):
                labels = self.all_labels[round.picked]
                found[s, t] = np.bincount(labels, minlength=len(self.class_names))
        return found

    @functools.cached_property
    def f1(self) -> np.ndarray:
        """F1 at the end of each round: float64 (strategies, rounds), nan where there is none."""
        found = np.full((len(self.names), self.rounds), np.nan)
        for s, run in enumerate(self.runs.values()):
            for t, round in enumerate(run.rounds):
                found[s, t] = round.scores.get("f1", np.nan)
        return found

    def done(self, strategy: int) -> int:
        """How many rounds of this strategy there are so far."""
        return len(self.runs[self.names[strategy]].rounds)

    def summary(self, strategy: int, round: int) -> Summary:
        """What stands under the panel of this strategy in this round."""
        picks = self.taken[strategy] == round
        behind = (self.taken[strategy] < 0) | (self.taken[strategy] > round)
        entropy, distance = self.entropy(strategy, round), self.distances[strategy, round]
        after = self.distances[strategy, round + 1]
        return Summary(
            strategy=self.names[strategy],
            round=round,
            picked=self.counts[strategy, round],
            so_far=self.counts[strategy, : round + 1].sum(axis=0),
            positive=self.class_names.index(self.positive),
            f1=float(self.f1[strategy, round]),
            entropy_picks=_mean(entropy[picks]),
            entropy_rest=_mean(entropy[behind]),
            distance_picks=_mean(distance[picks]),
            distance_rest=_mean(distance[behind]),
            farthest=float(after.max()),
        )

    def overlap(self, first: int, second: int, round: int, so_far: bool = False) -> Overlap:
        """What two strategies' picks of this round (or from round 1 up to it) share."""
        a, b = (self._picked(s, round, so_far) for s in (first, second))
        when = slice(1 if so_far else round, round + 1)
        return Overlap(
            first=len(a),
            second=len(b),
            shared=len(np.intersect1d(a, b)),
            chance=float(self._chances[first, second, when, when].sum()),
        )

    @functools.cached_property
    def _chances(self) -> np.ndarray:
        """What random picks would share: float32 (strategies, strategies, rounds, rounds).

        A patch among the c candidates of a round with k picks is picked with the chance k / c, and
        by two strategies with the product of theirs; the sum over all patches is what is expected.
        """
        strategies = len(self.names)
        odds = np.zeros((strategies, self.rounds, len(self.all_labels)), dtype=np.float32)
        for s, run in enumerate(self.runs.values()):
            for t, round in enumerate(run.rounds):
                odds[s, t, round.candidates] = len(round.picked) / max(len(round.candidates), 1)
        flat = odds.reshape(strategies * self.rounds, -1)
        with maps.one_thread():
            shared = flat @ flat.T
        return shared.reshape(strategies, self.rounds, strategies, self.rounds).swapaxes(1, 2)

    def _picked(self, strategy: int, round: int, so_far: bool) -> np.ndarray:
        rounds = self.runs[self.names[strategy]].rounds
        wanted = rounds[1 : round + 1] if so_far else rounds[round : round + 1]
        return np.concatenate([np.asarray(r.picked) for r in wanted] or [np.empty(0, np.int64)])

    # what can be asked of single patches ---------------------------------------------------

    @functools.cached_property
    def colourings(self) -> dict[str, Colouring]:
        """The ways to colour the map, by name; ground truth only where the tissue knows it."""
        far = self.distances[np.isfinite(self.distances)]
        found = {
            "class": Colouring("class", "names", self.labels, self.class_names),
            "entropy": Colouring("entropy of the proxy", "numbers", high=LN2),
            "probability": Colouring(f"p({self.positive}) of the proxy", "numbers"),
            # Not up to the largest: one outlier would leave all other patches a single colour.
            "distance": Colouring(
                "distance to the chosen set",
                "numbers",
                high=float(np.quantile(far, 0.99)) or 1.0 if len(far) else 1.0,
            ),
        }
        for name, values in self.train.facts.items():
            if name not in ("label", "file"):  # the class again, and a name of its own each
                found[name] = _fact(name, np.asarray(values)[self.patches], self.class_names)
        return found

    def values(self, colour: str, strategy: int, slot: int) -> np.ndarray:
        """What the patches are coloured by: codes or numbers (n,), nan where not known."""
        if colour not in self.colourings:
            raise ValueError(
                f"cannot colour by {colour!r}; choose one of {', '.join(self.colourings)}"
            )
        fixed = self.colourings[colour].values
        if fixed is not None:
            return fixed
        if colour == "entropy":
            return self.entropy(strategy, slot)
        if colour == "probability":
            return self.probability(strategy, slot)
        return self.distances[strategy, slot]

    def row(self, patch: int) -> int:
        """The row of a patch, given by its position in the train tissue; ValueError if none."""
        rows, _ = self._rows(np.array([patch]))
        if not len(rows):
            raise ValueError(f"patch {patch} is not on the map")
        return int(rows[0])

    def neighbours(self, row: int) -> np.ndarray:
        """Rows of the nearest other patches in feature space, nearest first, int32 (8,)."""
        return self.map.neighbours[row]

    def inside(self, polygon: Sequence[Sequence[float]], round: int = 0) -> np.ndarray:
        """Rows inside a polygon of map positions (corners, 2), by the even-odd rule, int64."""
        corners = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
        points = self.positions(round).astype(np.float64)
        if len(corners) < 3:
            return np.empty(0, dtype=np.int64)
        odd = np.zeros(self.n, dtype=bool)
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if y0 == y1:  # a level edge crosses no level ray
                continue
            crosses = (y0 > points[:, 1]) != (y1 > points[:, 1])
            at = x0 + (points[:, 1] - y0) * (x1 - x0) / (y1 - y0)
            odd ^= crosses & (points[:, 0] < at)
        return np.flatnonzero(odd)

    def composition(self, rows: np.ndarray) -> dict[str, int]:
        """How many patches of each class are among these rows."""
        counts = np.bincount(self.labels[rows], minlength=len(self.class_names))
        return dict(zip(self.class_names, counts.tolist(), strict=True))

    def images(self, rows: np.ndarray) -> np.ndarray:
        """The patches themselves, uint8 (rows, H, W, 3)."""
        chosen = self.train.images[self.patches[rows]]
        return np.ascontiguousarray(np.asarray(chosen).transpose(0, 2, 3, 1))

    def gallery(self, rows: np.ndarray, columns: int = 12, limit: int = 96) -> np.ndarray:
        """Patches side by side, uint8 (height, width, 3); evenly thinned where there are more."""
        rows = np.asarray(rows, dtype=np.int64)
        if len(rows) > limit:
            rows = rows[np.linspace(0, len(rows) - 1, limit).round().astype(int)]
        return _tiles(self.images(rows), columns) if len(rows) else np.zeros((1, 1, 3), np.uint8)

    # what travels to the browser ------------------------------------------------------------

    def fixed(self) -> dict[str, Any]:
        """What stays the same while rounds are added: sent once."""
        wide = np.uint16 if self.n < 2**16 else np.uint32
        sprite, cell, side, columns = _sprite_sheet(self.train.images, self.patches)
        frames = 1 if self.map.positions.ndim == 2 else len(self.map.positions)
        return {
            "n": self.n,
            "frames": frames,
            "source": self.train.source,
            "pool": self.pool,
            "positive": self.class_names.index(self.positive),
            "classes": list(self.class_names),
            "colours": [_class_colours(self.class_names), list(SHAPES)],
            "patches": self.patches.astype(np.uint32).tobytes(),
            "positions": self.map.positions.astype(np.float32).tobytes(),
            "labels": self.labels.astype(np.uint8).tobytes(),
            "neighbours": self.map.neighbours.astype(wide).tobytes(),
            "neighbours_each": self.map.neighbours.shape[1],
            "facts": [
                _fact_to_send(name, colouring)
                for name, colouring in self.colourings.items()
                if colouring.values is not None and name != "class"
            ],
            "sprite": sprite,
            "cell": cell,
            "side": side,
            "columns": columns,
        }

    def rounds_so_far(self) -> dict[str, Any]:
        """What grows with the rounds; a byte each for logits and distances, which colours need."""
        slots = range(self.rounds + 1)
        logits = np.stack(
            [[self.logits(s, slot) for slot in slots] for s in range(len(self.names))]
        )
        farthest = float(np.nanmax(self.distances, initial=0.0)) or 1.0
        return {
            "names": list(self.names),
            "colours": [figures.style(name, self.names)["color"] for name in self.names],
            "rounds": self.rounds,
            "done": [self.done(s) for s in range(len(self.names))],
            "taken": np.where(self.taken < 0, NEVER, self.taken).astype(np.uint8).tobytes(),
            "order": np.maximum(self.order, 0).astype(np.uint16).tobytes(),
            "logits": _to_bytes(logits, -LOGIT_LIMIT, LOGIT_LIMIT).tobytes(),
            "logit_limit": LOGIT_LIMIT,
            "distances": _to_bytes(self.distances, 0.0, farthest).tobytes(),
            "farthest": farthest,
            "far": self.colourings["distance"].high,
            "summaries": [
                [self._summary_to_send(s, t) for t in range(self.rounds)]
                for s in range(len(self.names))
            ],
            "overlaps": [
                [a, b, t, *(_overlap_to_send(self.overlap(a, b, t, far)) for far in (False, True))]
                for a, b in itertools.combinations(range(len(self.names)), 2)
                for t in range(min(self.done(a), self.done(b)))
            ],
        }

    def _summary_to_send(self, strategy: int, round: int) -> dict[str, Any]:
        summary = self.summary(strategy, round)
        sent = {
            name: _or_none(getattr(summary, name))
            for name in (
                "f1",
                "entropy_picks",
                "entropy_rest",
                "distance_picks",
                "distance_rest",
                "farthest",
            )
        }
        return sent | {"picked": summary.picked.tolist(), "so_far": summary.so_far.tolist()}


def named(runs: Sequence[Run] | Mapping[str, Run]) -> dict[str, Run]:
    """Runs by name; of a list, the name is the strategy, with the seed where that is needed."""
    if isinstance(runs, Mapping):
        found = dict(runs)
    else:
        runs = list(runs) if isinstance(runs, list | tuple) else [runs]
        found = {}
        for run in runs:
            name = run.strategy
            if name in found:
                name = f"{run.strategy} (seed {run.seed})"
            if name in found:
                raise ValueError(
                    f"two runs are called {name!r}; give the explorer a dict of names and runs"
                )
            found[name] = run
    if not found:
        raise ValueError("the explorer needs at least one run")
    return found


def _check_runs(runs: Mapping[str, Run], patches: np.ndarray, total: int) -> None:
    first = next(iter(runs))
    if len(patches) and patches.max() >= total:
        raise ValueError(
            f"run {first!r} watched patch {patches.max()} but the tissue has {total}; "
            "give the explorer the data that the run was made with"
        )
    for name, run in runs.items():
        if not np.array_equal(run.watched, patches):
            raise ValueError(
                f"runs {first!r} and {name!r} watched different patches; "
                "only runs of one seed, profile and data set can share a map"
            )
        if len(run.rounds) >= NEVER:
            raise ValueError(f"run {name!r} has {len(run.rounds)} rounds; 254 is the most")
        for round in run.rounds:
            if np.shape(round.watched_logits) != patches.shape:
                raise ValueError(
                    f"run {name!r}, round {round.number}: {np.shape(round.watched_logits)} logits "
                    f"for {len(patches)} watched patches"
                )


def _as_map(map: maps.Map | np.ndarray, patches: np.ndarray) -> maps.Map:
    """A map, or positions alone (n, 2): distances are then those on the map itself."""
    if isinstance(map, maps.Map):
        if not np.array_equal(map.patches, patches):
            raise ValueError("the map is of other patches than the runs watched; make it anew")
        return map
    positions = np.asarray(map, dtype=np.float32)
    last = positions if positions.ndim == 2 else positions[-1]
    return maps.of_features(last, patches, positions=positions)


def _fact(name: str, values: np.ndarray, class_names: tuple[str, ...]) -> Colouring:
    """A colouring from ground truth: numbers where they are fractions, names otherwise."""
    title = FACT_TITLES.get(name, f"{name} (ground truth)")
    if name == "true_class":
        return Colouring(title, "names", values.astype(np.int64), class_names)
    if name == "duplicate_of":
        return Colouring(
            title, "names", (values >= 0).astype(np.int64), ("original", "repeats another")
        )
    if values.dtype.kind == "f":
        return Colouring(
            title,
            "numbers",
            values.astype(np.float32),
            low=float(np.nanmin(values)),
            high=float(np.nanmax(values)),
        )
    names, codes = np.unique(values, return_inverse=True)
    return Colouring(title, "names", codes.astype(np.int64), tuple(str(x) for x in names))


def _class_colours(class_names: Sequence[str]) -> list[tuple[str, str]]:
    """A colour for light and one for dark backgrounds, for each class."""
    spare = itertools.cycle(DARK_COLOURS)
    known = [name if name in DARK_COLOURS else next(spare) for name in class_names]
    return [(figures.CLASS_COLOURS[name], DARK_COLOURS[name]) for name in known]


def _fact_to_send(name: str, colouring: Colouring) -> dict[str, Any]:
    names = colouring.kind == "names"
    values = colouring.values
    return {
        "name": name,
        "title": colouring.title,
        "kind": colouring.kind,
        "names": list(colouring.names),
        "low": colouring.low,
        "high": colouring.high,
        "values": values.astype(np.uint16).tobytes()
        if names
        else _to_bytes(values, colouring.low, colouring.high).tobytes(),
    }


def _overlap_to_send(overlap: Overlap) -> list[float]:
    return [overlap.first, overlap.second, overlap.shared, round(overlap.chance, 2)]


def _to_bytes(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Numbers from ``low`` to ``high`` as 0 to 254; 255 for nan."""
    scaled = (np.clip(values, low, high) - low) * (254 / max(high - low, 1e-12))
    return np.where(np.isnan(values), NEVER, np.nan_to_num(scaled).round()).astype(np.uint8)


def _or_none(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def _mean(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")


def _tiles(images: np.ndarray, columns: int) -> np.ndarray:
    """uint8 (n, h, w, 3) -> one image, row by row, the rest black."""
    n, h, w, _ = images.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    sheet = np.zeros((rows * columns, h, w, 3), dtype=np.uint8)
    sheet[:n] = images
    return sheet.reshape(rows, columns, h, w, 3).swapaxes(1, 2).reshape(rows * h, columns * w, 3)


def _sprite_sheet(images: Any, patches: np.ndarray) -> tuple[bytes, int, int, int]:
    """All thumbnails as one JPEG: (bytes, side of a cell, side of the thumbnail in it, columns).

    The cell is a multiple of 16 pixels, since JPEG codes colour in blocks of 16 and thumbnails
    would bleed into each other; a thumbnail that is smaller is padded with its own border.
    """
    n, native = len(patches), max(images.shape[-2:])
    fits = (SPRITE_BYTES / (0.14 * max(n, 1))) ** 0.5  # a pixel takes about 0.14 bytes
    cell = int(np.clip(min(fits, native + 15) // 16 * 16, 16, 96))
    side = min(native, cell)
    columns = max(1, int(np.ceil(n**0.5)))
    small = np.concatenate(
        [_shrunk(images[patches[at : at + 1024]], side) for at in range(0, n, 1024)]
    )
    small = np.pad(small, ((0, 0), (0, cell - side), (0, cell - side), (0, 0)), mode="edge")
    sample = small[:: -(-n // 400)]
    for quality in (80, 70, 60, 50, 42, 35, 28, 20):
        each = len(_jpeg(_tiles(sample, 20), quality)) / len(sample)
        if each * n <= SPRITE_BYTES:
            break
    return _jpeg(_tiles(small, columns), quality), cell, side, columns


def _shrunk(images: Any, side: int) -> np.ndarray:
    """uint8 (n, 3, H, W) -> uint8 (n, side, side, 3), averaged over what a pixel covers."""
    import torch
    from torch.nn import functional as F

    block = torch.as_tensor(images)
    stride = min(block.shape[-2:]) // (3 * side)
    if stride > 1:  # nine source pixels for each one left average well enough
        block = block[..., ::stride, ::stride]
    if block.shape[-2:] != (side, side):
        block = F.interpolate(block.float(), size=(side, side), mode="area").round().byte()
    return block.permute(0, 2, 3, 1).numpy()


def _jpeg(image: np.ndarray, quality: int) -> bytes:
    from PIL import Image

    packed = io.BytesIO()
    Image.fromarray(image).save(packed, "JPEG", quality=quality)
    return packed.getvalue()


# --- the live view ------------------------------------------------------------------------


class View(anywidget.AnyWidget):
    """The one widget: holds all panels, draws in the browser, knows nothing of NumPy."""

    _esm = HERE / "explorer.js"
    fixed = traitlets.Dict().tag(sync=True)
    runs = traitlets.Dict().tag(sync=True)
    token = traitlets.Unicode().tag(sync=True)
    round = traitlets.Int(0).tag(sync=True)
    panels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    colour = traitlets.Unicode("class").tag(sync=True)
    when = traitlets.Unicode("before").tag(sync=True)
    pinned = traitlets.Int(-1).tag(sync=True)
    lasso = traitlets.List().tag(sync=True)

    def __repr__(self) -> str:
        return f"View({', '.join(self.panels)}, round {self.round})"


class Explorer(traitlets.HasTraits):
    """Look at what strategies picked: the last line of a cell shows it.

    runs: runs of one seed (see ``experiment``), as a list or a dict by name, finished or in the
    making; data: the data they picked from. map: a ``maps.Map``, positions (n, 2), or positions
    (rounds, n, 2) that follow the encoder; without one the stored map of a run is used, else it
    is made from the first run's encoder, which takes a minute for 10,000 patches.

    These follow what is done on screen and can be set from Python as well:
    round; panels (names of one to four strategies); colour (one of ``view.colourings``); when
    ("before" the pick or "after" the round); pinned (a position in the train tissue, -1 for
    none); lasso (a polygon in map positions, empty for none).
    """

    round = traitlets.CInt(0)  # CInt takes NumPy's numbers as well
    panels = traitlets.List(traitlets.Unicode())
    colour = traitlets.Unicode("class")
    when = traitlets.Enum(("before", "after"), "before")
    pinned = traitlets.CInt(-1)
    lasso = traitlets.List()

    def __init__(
        self,
        runs: Sequence[Run] | Mapping[str, Run],
        data: Data | Tissue,
        *,
        map: maps.Map | np.ndarray | None = None,
        positive: str = "TUM",
        **state: Any,
    ) -> None:
        self._data, self._positive = data, positive
        runs = named(runs)
        if map is None:
            map = _map_of(runs, getattr(data, "train", data))
        self.view = ViewModel(runs, data, map, positive=positive)
        self._widget: View | None = None
        # Round 1 is the first that a strategy chose; round 0 is random for all of them.
        super().__init__(
            panels=list(self.view.names[:MOST_PANELS]), round=min(1, self.view.rounds - 1)
        )
        for name, value in state.items():
            if not self.has_trait(name):
                raise TypeError(f"Explorer has no setting {name!r}")
            setattr(self, name, value)

    def __repr__(self) -> str:
        view = self.view
        return (
            f"Explorer({', '.join(view.names)}: {view.rounds} rounds, {view.n:,} patches; "
            f"round {self.round}, by {self.colour})"
        )

    @traitlets.validate("round")
    def _round_exists(self, proposal: dict[str, Any]) -> int:
        return int(np.clip(proposal["value"], 0, self.view.rounds - 1))

    @traitlets.validate("panels")
    def _panels_exist(self, proposal: dict[str, Any]) -> list[str]:
        names = proposal["value"]
        unknown = [name for name in names if name not in self.view.names]
        if unknown or not 1 <= len(names) <= MOST_PANELS:
            raise traitlets.TraitError(
                f"cannot show {names}; choose one to {MOST_PANELS} of {', '.join(self.view.names)}"
            )
        return names

    @traitlets.validate("colour")
    def _colour_exists(self, proposal: dict[str, Any]) -> str:
        if proposal["value"] not in self.view.colourings:
            raise traitlets.TraitError(
                f"cannot colour by {proposal['value']!r}; "
                f"choose one of {', '.join(self.view.colourings)}"
            )
        return proposal["value"]

    @traitlets.validate("pinned")
    def _patch_exists(self, proposal: dict[str, Any]) -> int:
        if proposal["value"] >= 0:
            try:
                self.view.row(proposal["value"])
            except ValueError as error:
                raise traitlets.TraitError(str(error)) from error
        return proposal["value"]

    @traitlets.validate("lasso")
    def _polygon(self, proposal: dict[str, Any]) -> list[list[float]]:
        corners = np.asarray(proposal["value"], dtype=float)
        if corners.size and (corners.ndim != 2 or corners.shape[1] != 2):
            raise traitlets.TraitError(
                f"a lasso is a list of map positions (x, y), not of shape {corners.shape}"
            )
        return corners.tolist()

    @property
    def selected(self) -> np.ndarray:
        """Positions in the train tissue of the patches inside the lasso, int64."""
        return self.view.patches[self.view.inside(self.lasso, self.round)]

    @property
    def neighbours(self) -> np.ndarray:
        """Positions in the train tissue of the pinned patch's nearest neighbours, int64."""
        if self.pinned < 0:
            return np.empty(0, dtype=np.int64)
        return self.view.patches[self.view.neighbours(self.view.row(self.pinned))]

    def update(self, runs: Sequence[Run] | Mapping[str, Run]) -> None:
        """Show these runs instead: the same ones with more rounds, or others on the same map.

        Call it after each round to watch a run in the making. Where the slider stood on the last
        round it moves on to the new last one.
        """
        at_the_end = self.round >= self.view.rounds - 1
        self.view = ViewModel(runs, self._data, self.view.map, positive=self._positive)
        kept = [name for name in self.panels if name in self.view.names]
        with self.hold_trait_notifications():
            self.round = self.view.rounds - 1 if at_the_end else self.round
            self.panels = kept or list(self.view.names[:MOST_PANELS])
        if self._widget is not None:
            self._widget.runs = self.view.rounds_so_far()

    @property
    def widget(self) -> View:
        """The live view, made when it is first asked for; there is one, however often shown."""
        if self._widget is None:
            self._widget = View(
                fixed=self.view.fixed(),
                runs=self.view.rounds_so_far(),
                token=os.urandom(6).hex(),
                **self.state(),
            )
            self._widget.on_msg(self._answer)
            for name in self.state():
                traitlets.link((self, name), (self._widget, name))
        return self._widget

    def state(self) -> dict[str, Any]:
        """What is on screen, as plain values."""
        names = ("round", "panels", "colour", "when", "pinned", "lasso")
        return {name: getattr(self, name) for name in names}

    def _answer(self, view: View, message: dict[str, Any], buffers: list[bytes]) -> None:
        """The browser has thumbnails; of a pinned patch it asks for the whole image."""
        if message.get("ask") == "patch":
            row = int(message["row"])
            if not 0 <= row < self.view.n:
                raise ValueError(f"the browser asked for patch {row} of {self.view.n}")
            view.send({"patch": row}, [_png(self.view.images(np.array([row]))[0])])

    def still(self) -> figures.Picture:
        """The same view as a static figure, with its description as alt text."""
        state = self.state()
        return figures.Picture(draw(self.view, **state), describe(self.view, **state))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        picture = self.still()
        shown = picture._repr_mimebundle_()["text/html"]
        return {
            "text/html": f"{shown}<p><em>{INVITATION}</em></p>",
            "text/plain": f"{self!r}\n{picture!r}\n{INVITATION}",
        }

    def _ipython_display_(self) -> None:
        """Live where there may be a front end, and always the static figure for the stored copy.

        The live view hides the figure as soon as it is there. A notebook that is opened later,
        without a kernel, then shows the figure.
        """
        from IPython.display import publish_display_data

        if os.environ.get("ACTIVECL_STATIC") == "1":
            publish_display_data(self._repr_mimebundle_())
            return
        publish_display_data(*self.widget._repr_mimebundle_())
        still = self._repr_mimebundle_()
        still["text/html"] = (
            f'<div data-activecl-still="{self.widget.token}">{still["text/html"]}</div>'
        )
        publish_display_data(still)

    def to_html(self, path: str | os.PathLike[str], title: str = "Active sampling") -> Path:
        """Write one page with everything in it; it opens from a file, with no network.

        All strategies, rounds and thumbnails are in it, and patches at thumbnail size only.
        """
        values = {
            "fixed": self.view.fixed(),
            "runs": self.view.rounds_so_far(),
            "token": "",
            **self.state(),
        }
        script = (HERE / "explorer.js").read_text(encoding="utf-8")
        page = PAGE
        for name, value in {
            "TITLE": html.escape(title),
            "DATA": json.dumps(values, default=_packed).replace("<", "\\u003c"),
            "SCRIPT": script.replace("export default ", "const explorer = "),
        }.items():
            page = page.replace(f"<!--{name}-->", value)
        path = Path(path)
        with files.replacing(path) as temporary:
            temporary.write_text(page, encoding="utf-8")
        return path


# The policy forbids the page every address, its own included; what it needs is inside it.
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
img-src blob: data:">
<title><!--TITLE--></title>
<style>
:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 1600px; padding: 12px; font: 14px/1.4 system-ui, sans-serif;
  background: #fff; color: #1a1a1a; }
h1 { font-size: 1.2rem; margin: 0 0 8px; }
@media (prefers-color-scheme: dark) { body { background: #111; color: #eee; } }
</style>
</head>
<body>
<h1><!--TITLE--></h1>
<main id="explorer"></main>
<script type="application/json" id="data"><!--DATA--></script>
<script type="module">
<!--SCRIPT-->
const values = explorer.unpack(document.getElementById("data").textContent);
explorer.render({ model: explorer.pageModel(values), el: document.getElementById("explorer") });
</script>
</body>
</html>
"""


def _packed(value: Any) -> dict[str, str]:
    """Bytes as JSON can hold them."""
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"cannot put {type(value)} into a page")


def _png(image: np.ndarray) -> bytes:
    from PIL import Image

    packed = io.BytesIO()
    Image.fromarray(image).save(packed, "PNG")
    return packed.getvalue()


def _map_of(runs: Mapping[str, Run], train: Tissue) -> maps.Map:
    """The stored map of one of the runs, else a new one from the first encoder there is."""
    first = next(iter(runs.values()))
    for run in runs.values():
        found = maps.stored(run, first.watched)
        if found is not None:
            return found
    trained = (run for run in runs.values() if getattr(run, "weights", None))
    return maps.of_run(next(trained, first), train)


# --- the static figure --------------------------------------------------------------------


def draw(
    view: ViewModel,
    *,
    round: int = 0,
    panels: Sequence[str] = (),
    colour: str = "class",
    when: str = "before",
    pinned: int = -1,
    lasso: Sequence[Sequence[float]] = (),
) -> Figure:
    """The panels of one round as a Matplotlib figure: maps above, composition and F1 below."""
    from matplotlib.figure import Figure

    panels = list(panels) or list(view.names[:MOST_PANELS])
    width = 3.0 * max(len(panels), 2)
    figure = Figure(figsize=(width, 4.9), dpi=90)
    # Margins by hand: Matplotlib's own layout takes as long as all the drawing.
    grid = figure.subplots(
        3,
        len(panels),
        squeeze=False,
        height_ratios=(6.2, 1, 1.3),
        gridspec_kw={
            "left": 0.75 / width,
            "right": 1 - (1.1 if view.colourings[colour].kind == "numbers" else 0.65) / width,
            "top": 0.94,
            "bottom": 0.18,
            "wspace": 0.3,
            "hspace": 0.36,
        },
    )
    for (top, middle, bottom), name in zip(grid.T, panels, strict=True):
        strategy = view.names.index(name)
        _draw_map(top, view, strategy, round, colour, round if when == "before" else round + 1)
        if len(lasso) > 2:
            top.fill(*np.asarray(lasso).T, facecolor="none", edgecolor="black", linestyle="--")
        if pinned >= 0:
            at = view.positions(round)[view.row(pinned)]
            top.plot(*at, "o", markersize=13, markerfacecolor="none", markeredgecolor="black")
        _draw_composition(middle, view, view.summary(strategy, round))
        _draw_f1(bottom, view, strategy, round)
    _draw_legend(figure, view, colour, grid[0, -1])
    return figure


def _draw_map(axes: Any, view: ViewModel, strategy: int, round: int, colour: str, slot: int):
    colouring = view.colourings[colour]
    values = view.values(colour, strategy, slot)
    points = view.positions(round)
    taken = view.taken[strategy]
    before, now = (taken >= 0) & (taken < round), taken == round
    if colouring.kind == "names":
        palette = np.array(_palette(colouring))
        shade = {"c": palette[values]}
    else:
        shade = {
            "c": np.where(np.isnan(values), colouring.low, values),
            "cmap": "cividis",
            "vmin": colouring.low,
            "vmax": colouring.high,
        }
    size = float(np.clip(20000 / view.n, 1.5, 12))
    markers = figures.CLASS_MARKERS
    layers = [
        (~before & ~now & (view.labels == c), size, markers[c % len(markers)], 0.45, 0.0)
        for c in range(len(view.class_names))
    ]
    layers += [(before, 14, "o", 1.0, 0.6), (now, 34, "D", 1.0, 1.3)]
    for mask, area, marker, alpha, line in layers:
        if not mask.any():
            continue
        axes.scatter(
            *points[mask].T,
            **shade | {"c": np.asarray(shade["c"])[mask]},
            s=area,
            marker=marker,
            alpha=alpha,
            linewidths=line,
            edgecolors="black" if line else "none",
        )
    axes.set(xticks=[], yticks=[], title=view.names[strategy])
    axes.margins(0.04)
    label = f"round {round}: {view.counts[strategy, round].sum()} picked"
    axes.set_xlabel("\n".join([label, _in_short(view, strategy, round, colour, slot)]), fontsize=8)


def _in_short(view: ViewModel, strategy: int, round: int, colour: str, slot: int) -> str:
    """The colours of the picks as numbers; nothing for classes, which the bars below show."""
    colouring, values = view.colourings[colour], view.values(colour, strategy, slot)
    taken = view.taken[strategy]
    picks, behind = taken == round, (taken < 0) | (taken > round)
    if colouring.kind == "numbers":
        mean = _mean(values[picks])
        return (
            "" if np.isnan(mean) else f"mean {mean:.2f}, of those left {_mean(values[behind]):.2f}"
        )
    if not picks.any() or colouring.names == view.class_names or not 2 <= len(colouring.names) <= 5:
        return ""
    here, all = _shares(values[picks], colouring), _shares(values, colouring)
    usual = int(all.argmax())
    *most, last = (name for c, name in enumerate(colouring.names) if c != usual)
    unusual = f"{', '.join(most)} or {last}" if most else last
    return f"{unusual}: {1 - here[usual]:.0%}, of all {1 - all[usual]:.0%}"


def _draw_composition(axes: Any, view: ViewModel, summary: Summary) -> None:
    """Two stacked bars; the positive class comes first and is hatched."""
    colours = [light for light, _ in _class_colours(view.class_names)]
    order = sorted(range(len(view.class_names)), key=lambda c: c != summary.positive)
    for y, (counts, far) in enumerate(((summary.picked, False), (summary.so_far, True))):
        shares = counts / max(counts.sum(), 1)
        left = 0.0
        for c in order:
            hatch = "////" if c == summary.positive else None
            axes.barh(y, shares[c], left=left, color=colours[c], hatch=hatch, edgecolor="white")
            left += shares[c]
        text = f"{summary.share(far):.0%} {view.positive}" if counts.any() else "none"
        axes.text(1.02, y, text, va="center", fontsize=7, transform=axes.get_yaxis_transform())
    axes.set(yticks=[0, 1], xticks=[], xlim=(0, 1))
    axes.set_yticklabels(["this round", "so far"] if axes.get_subplotspec().is_first_col() else [])
    axes.tick_params(labelsize=7)
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _draw_f1(axes: Any, view: ViewModel, strategy: int, round: int) -> None:
    for other in range(len(view.names)):
        axes.plot(view.f1[other], color="0.8", linewidth=1)
    colour = figures.style(view.names[strategy], view.names)["color"]
    axes.plot(view.f1[strategy], color=colour, linewidth=1.6)
    f1 = view.f1[strategy, round]
    axes.plot(round, f1, "D", color=colour, markeredgecolor="black")
    axes.set_title(f"F1 {f1:.2f}" if np.isfinite(f1) else "F1 not scored", fontsize=8)
    axes.set_xlim(-0.4, view.rounds - 0.6)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_legend(figure: Figure, view: ViewModel, colour: str, beside: Any) -> None:
    from matplotlib.lines import Line2D

    colouring = view.colourings[colour]

    def mark(label: str, marker: str, face: str, edge: str, size: float) -> Line2D:
        return Line2D(
            [],
            [],
            linestyle="",
            label=label,
            marker=marker,
            markersize=size,
            markerfacecolor=face,
            markeredgecolor=edge,
        )

    handles = [
        mark("chosen before", "o", "white", "black", 5),
        mark("picked in this round", "D", "white", "black", 7),
    ]
    if colouring.kind == "numbers":
        inset = beside.inset_axes([1.03, 0.1, 0.05, 0.8])
        above = "max" if colour == "distance" else "neither"
        bar = figure.colorbar(beside.collections[0], cax=inset, label=colouring.title, extend=above)
        bar.solids.set_alpha(1)
        colouring = view.colourings["class"]  # which the bars below still show
    markers = figures.CLASS_MARKERS if colouring.names == view.class_names else "o"
    named = list(zip(colouring.names, _palette(colouring), itertools.cycle(markers)))[:12]
    handles += [mark(name, marker, light, light, 5) for name, light, marker in named]
    figure.legend(handles=handles, loc="lower center", ncols=min(len(handles), 6), fontsize=8)


def _palette(colouring: Colouring) -> list[str]:
    """The colours of names: those of the classes, in turn where the names are others."""
    return [light for light, _ in _class_colours(colouring.names)]


def describe(
    view: ViewModel,
    *,
    round: int = 0,
    panels: Sequence[str] = (),
    colour: str = "class",
    when: str = "before",
    **_: Any,
) -> str:
    """What there is to see, in words: the figure's alt text."""
    slot = round if when == "before" else round + 1
    said = [
        f"Map of {view.n:,} patches coloured by {view.colourings[colour].title}, "
        f"round {round} of {view.rounds - 1}."
    ]
    for name in panels or view.names[:MOST_PANELS]:
        summary = view.summary(view.names.index(name), round)
        if not summary.picked.sum():
            said.append(f"{name} has not run this round.")
            continue
        f1 = f", F1 {summary.f1:.2f}" if np.isfinite(summary.f1) else ""
        said.append(
            f"{name} picked {summary.picked.sum()}, {summary.share():.0%} of them "
            f"{view.positive} ({summary.share(so_far=True):.0%} so far){f1}; "
            f"{_picks_by_colour(view, summary.strategy, round, colour, slot)}."
        )
    return " ".join(said)


def _picks_by_colour(view: ViewModel, name: str, round: int, colour: str, slot: int) -> str:
    """What the colours say of the picks of one panel, against all patches or those left behind."""
    strategy, colouring = view.names.index(name), view.colourings[colour]
    values, taken = view.values(colour, strategy, slot), view.taken[strategy]
    picks = taken == round
    if not picks.any():
        return "none of its picks is on the map"
    if colouring.kind == "numbers":
        mean, rest = _mean(values[picks]), _mean(values[(taken < 0) | (taken > round)])
        if np.isnan(mean):
            return f"{colouring.title} is not known yet"
        return f"{colouring.title}: mean of the picks {mean:.2f}, of those left {rest:.2f}"
    here, all = _shares(values[picks], colouring), _shares(values, colouring)
    most = sorted(np.flatnonzero(here), key=lambda c: -here[c])[:4]
    return "of its picks " + ", ".join(
        f"{colouring.names[c]} {here[c]:.0%} (of all {all[c]:.0%})" for c in most
    )


def _shares(codes: np.ndarray, colouring: Colouring) -> np.ndarray:
    return np.bincount(codes, minlength=len(colouring.names)) / len(codes)
