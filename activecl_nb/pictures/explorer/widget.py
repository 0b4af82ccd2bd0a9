"""The live view in a notebook."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets

from activecl_nb.pictures import figures, maps
from activecl_nb.pictures.explorer import page, still, thumbnails
from activecl_nb.pictures.explorer.model import MOST_PANELS, ViewModel, named

if TYPE_CHECKING:
    from activecl_nb.runs import Run
    from activecl_nb.imbalance import Data
    from activecl_nb.tissue import Tissue

HERE = Path(__file__).parent
INVITATION = "Run this cell for the live explorer."


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
            view.send({"patch": row}, [thumbnails.png(self.view.images(np.array([row]))[0])])

    def still(self) -> figures.Picture:
        """The same view as a static figure, with its description as alt text."""
        state = self.state()
        return figures.Picture(still.draw(self.view, **state), still.describe(self.view, **state))

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
        stored = self._repr_mimebundle_()
        stored["text/html"] = (
            f'<div data-activecl-still="{self.widget.token}">{stored["text/html"]}</div>'
        )
        publish_display_data(stored)

    def to_html(self, path: str | os.PathLike[str], title: str = "Active sampling") -> Path:
        """Write one page with everything in it; it opens from a file, with no network.

        All strategies, rounds and thumbnails are in it, and patches at thumbnail size only.
        """
        return page.write(self.view, self.state(), path, title)


def _map_of(runs: Mapping[str, Run], train: Tissue) -> maps.Map:
    """The stored map of one of the runs, else a new one from the first encoder there is."""
    first = next(iter(runs.values()))
    for run in runs.values():
        found = maps.stored(run, first.watched)
        if found is not None:
            return found
    trained = (run for run in runs.values() if getattr(run, "weights", None))
    return maps.of_run(next(trained, first), train)
