"""The view-model: everything that can be asked of runs on a map, as NumPy; no widgets here."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from activecl_nb.pictures import maps
from activecl_nb.pictures.explorer import colours
from activecl_nb.pictures.explorer.belonging import (
    as_map,
    check_data,
    check_runs,
    named,
    predicted_by,
    train_of,
)
from activecl_nb.pictures.explorer.colours import Colouring
from activecl_nb.pictures.explorer.picks import Difference, Overlap, Summary, mean

if TYPE_CHECKING:
    from activecl_nb.imbalance import Data
    from activecl_nb.runs import Run
    from activecl_nb.tissue import Tissue

MOST_PANELS = 4
LN2 = float(np.log(2))  # the largest entropy of two classes, in nats


class ViewModel:
    """Everything that the explorer shows, as NumPy arrays.

    runs: runs of one seed, a list or a dict by name, finished or in the making. data: the data
    they picked from. Rows are the patches on the map, the ones that the runs watched; of a larger
    pool that is a sample, and counts of picks are still those of all picks.

    names: the strategies. rounds: how many the longest run has. n: patches on the map.
    patches: int64 (n,), their positions in the train tissue. labels: int64 (n,).
    taken: int32 (strategies, n), the round that took the patch, -1 where none did.
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
        self.train = train_of(data)
        self.positive = getattr(data, "positive", positive)
        self.class_names = tuple(self.train.class_names)
        if self.positive not in self.class_names:
            raise ValueError(
                f"no class is called {self.positive!r}; there are {', '.join(self.class_names)}"
            )
        first = self.runs[self.names[0]]
        self.predicts = predicted_by(first)
        self.patches = np.asarray(first.watched, dtype=np.int64)
        self.map = as_map(map, self.patches)
        self.all_labels = np.asarray(self.train.labels, dtype=np.int64)
        check_runs(self.runs, self.patches, len(self.all_labels))
        check_data(self.runs, data)
        self.labels = self.all_labels[self.patches]
        self.pool = len(first.pool)
        self.n = len(self.patches)
        self.rounds = max(1, *(len(run.rounds) for run in self.runs.values()))
        self.taken = np.full((len(self.names), self.n), -1, dtype=np.int32)
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

    def logits(self, strategy: int, slot: int) -> np.ndarray:
        """The proxy's logits (what it predicts, of another task) before round ``slot``, (n,).

        Slot ``rounds`` is what stands after the last. nan where there was no proxy.
        """
        rounds = self.runs[self.names[strategy]].rounds
        if slot == 0 or slot > len(rounds):
            return np.full(self.n, np.nan, dtype=np.float32)
        return np.asarray(rounds[slot - 1].watched_logits, dtype=np.float32)

    def probability(self, strategy: int, slot: int) -> np.ndarray:
        """The proxy's p(positive), float32 (n,); the decision boundary is at 0.5.

        Of a task other than classification, the number that it predicts.
        """
        if self.predicts:
            return self.logits(strategy, slot)
        logits = np.clip(self.logits(strategy, slot), -80, 80)
        return (1 / (1 + np.exp(-logits))).astype(np.float32)

    def entropy(self, strategy: int, slot: int) -> np.ndarray:
        """-sum p log p in nats, 0 to ln 2, float32 (n,) (paper, formula (3) with its sign).

        Of a task other than classification, the proxy's doubt in its own units.
        """
        rounds = self.runs[self.names[strategy]].rounds
        if self.predicts and 0 < slot <= len(rounds):
            return np.asarray(rounds[slot - 1].watched_doubt, dtype=np.float32)
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
            entropy_picks=mean(entropy[picks]),
            entropy_rest=mean(entropy[behind]),
            distance_picks=mean(distance[picks]),
            distance_rest=mean(distance[behind]),
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

    def picks(self, strategy: int, round: int, so_far: bool = False) -> np.ndarray:
        """Rows picked in this round, or from round 1 up to it, in the order picked: int64."""
        taken, order = self.taken[strategy], self.order[strategy]
        rows = np.flatnonzero((taken >= 1) & (taken <= round) if so_far else taken == round)
        return rows[np.lexsort((order[rows], taken[rows]))]

    def difference(self, first: int, second: int, round: int, so_far: bool = False) -> Difference:
        """What only one of two strategies picked, and what both did, of the patches on the map."""
        a, b = (self.picks(s, round, so_far) for s in (first, second))
        return Difference(a[~np.isin(a, b)], a[np.isin(a, b)], b[~np.isin(b, a)])

    def only(self, first: str, second: str) -> tuple[dict[str, float], dict[str, float]]:
        """Each class's share of what only the first picked since round 1, and only the second."""
        pair = self.names.index(first), self.names.index(second)
        found = self.difference(*pair, self.rounds - 1, so_far=True)
        of_each = (found.only_a, found.only_b)
        return tuple(  # type: ignore[return-value]
            {name: count / max(1, len(rows)) for name, count in self.composition(rows).items()}
            for rows in of_each
        )

    def nearest_half(self, strategy: int, round: int, count: int | None = None) -> np.ndarray:
        """The patches left before the pick whose p is nearest one half, nearest first: int64.

        count: how many; without it as many as the round picks, or round 0 where it did not run.
        What entropy would pick, were they all candidates; none before round 0, which has no proxy.
        Of a task other than classification, those that the proxy doubts most.
        """
        if count is None:
            count = int(self.counts[strategy, round].sum() or self.counts[strategy, 0].sum())
        logits, taken = self.logits(strategy, round), self.taken[strategy]
        left = np.flatnonzero(((taken < 0) | (taken >= round)) & np.isfinite(logits))
        sure = -self.entropy(strategy, round) if self.predicts else np.abs(logits)
        return left[np.argsort(sure[left], kind="stable")][:count]

    # what can be asked of single patches ---------------------------------------------------

    @functools.cached_property
    def colourings(self) -> dict[str, Colouring]:
        """The ways to colour the map, by name; ground truth only where the tissue knows it."""
        far = self.distances[np.isfinite(self.distances)]
        found = {
            "class": Colouring("class", "names", self.labels, self.class_names),
            "entropy": self._of_proxy("entropy", "watched_doubt")
            or Colouring("entropy of the proxy", "numbers", high=LN2),
            "probability": self._of_proxy("probability", "watched_logits")
            or Colouring(f"p({self.positive}) of the proxy", "numbers"),
            # Not up to the largest: one outlier would leave all other patches a single colour.
            "distance": Colouring(
                "distance to the chosen set",
                "numbers",
                high=float(np.quantile(far, 0.99)) or 1.0 if len(far) else 1.0,
            ),
        }
        for name, values in self.train.facts.items():
            if name != "label" and np.ndim(values) == 1:  # the class again; a mask is no colour
                found[name] = colours.fact(name, np.asarray(values)[self.patches], self.class_names)
        return found

    def _of_proxy(self, colour: str, array: str) -> Colouring | None:
        """What a task other than classification is coloured by; None in classification."""
        if not self.predicts:
            return None
        each = [getattr(one, array) for run in self.runs.values() for one in run.rounds]
        low, high = (float(f(each)) for f in (np.min, np.max)) if each else (0.0, 1.0)
        if colour == "entropy":
            return Colouring("doubt of the proxy", "numbers", high=high)
        return Colouring(f"{self.predicts}, predicted", "numbers", low=low, high=high)

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

    def inside(self, polygon: Sequence[Sequence[float]]) -> np.ndarray:
        """Rows inside a polygon of map positions (corners, 2), by the even-odd rule, int64."""
        corners = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
        points = self.map.positions.astype(np.float64)
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
