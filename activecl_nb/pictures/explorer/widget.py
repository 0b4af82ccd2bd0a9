"""The live view in a notebook, and what holds it together with the view-model."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import anywidget
import numpy as np
import traitlets

from activecl_nb.pictures import figures, maps, release
from activecl_nb.pictures.explorer import filters, page, script, sending, still, thumbnails, words
from activecl_nb.pictures.explorer import hand as hands
from activecl_nb.pictures.explorer.belonging import named, train_of
from activecl_nb.pictures.explorer.model import MOST_PANELS, ViewModel
from activecl_nb.pictures.explorer.settings import SETTINGS, Settings, Shown

if TYPE_CHECKING:
    import pandas as pd

    from activecl_nb.imbalance import Data
    from activecl_nb.runs import Run
    from activecl_nb.tissue import Tissue

INVITATION = "Run this cell for the live explorer."
FIRST_VIEW = ("random", "entropy")  # two large panels say more than four small ones


class View(Shown, anywidget.AnyWidget):
    """The one widget: holds all panels, draws in the browser, knows nothing of NumPy."""

    _esm = script.joined()
    _css = script.style()
    fixed = traitlets.Dict().tag(sync=True)
    runs = traitlets.Dict().tag(sync=True)
    token = traitlets.Unicode().tag(sync=True)
    hand_state = traitlets.Dict().tag(sync=True)

    def close(self) -> None:
        """Leave ipywidgets' register, with the layout that came with it."""
        layout = self.layout
        super().close()
        layout.close()

    def __repr__(self) -> str:
        return f"View({', '.join(self.panels)}, round {self.round})"


class Explorer(Settings):
    """Look at what strategies picked: the last line of a cell shows it.

    runs: runs of one seed (see ``experiment``), as a list or a dict by name, finished or in the
    making; data: the data they picked from. map: a ``maps.Map``, or positions (n, 2); without
    one the stored map of a run is used, else it is made from the first run's encoder, which takes
    a minute for 10,000 patches. by_hand: the folder of the run whose picks are made by hand,
    which goes on where it was left; without one they go to a temporary folder.

    What is on screen can be set from Python as well, and follows what is done there: see
    ``Shown``.
    """

    def __init__(
        self,
        runs: Sequence[Run] | Mapping[str, Run],
        data: Data | Tissue,
        *,
        map: maps.Map | np.ndarray | None = None,
        positive: str = "TUM",
        by_hand: str | os.PathLike[str] | None = None,
        **state: Any,
    ) -> None:
        self._data, self._positive, self._hand_folder = data, positive, by_hand
        runs = named(runs)
        if map is None:
            map = _map_of(runs, data)
        self._hand = hands.kept(next(iter(runs.values())), data, by_hand)
        own = {hands.NAME: self._hand.run} if self._hand and self._hand.run else {}
        view = ViewModel(runs | own, data, map, positive=positive)
        self._widget: View | None = None
        self._busy = ""
        first = [name for name in FIRST_VIEW if name in runs]
        first = first if len(first) == 2 else [*runs][:2]
        # Round 1 is the first that a strategy chose; round 0 is random for all of them.
        begun = {"panels": [*dict.fromkeys([*first, *own])], "round": 1}
        super().__init__(view, **begun | state)

    @classmethod
    def open(cls, *paths: str | os.PathLike[str], data: Data | None = None, **how: Any) -> Explorer:
        """The explorer of runs in these folders; see ``opening.open_runs``."""
        from activecl_nb.pictures.explorer import opening

        runs, found = opening.open_runs(*paths, data=data)
        return cls(runs, found, positive=found.positive, **how)

    def __repr__(self) -> str:
        view = self.view
        return (
            f"Explorer({', '.join(view.names)}: {view.rounds} rounds, {view.n:,} patches; "
            f"round {self.round}, by {self.colour})"
        )

    # --- what is selected

    @property
    def selected(self) -> np.ndarray:
        """Positions in the train tissue of the patches inside the lasso that the filter shows."""
        rows = filters.selected(self.view, self.lasso, self.strokes)
        return self.view.patches[rows[self._shown()[rows]]]

    @property
    def shown(self) -> np.ndarray:
        """Positions in the train tissue of the patches that the filter lets through, int64."""
        return self.view.patches[self._shown()]

    def _shown(self) -> np.ndarray:
        return self.lets_through(self.view.names.index(self.strategies[0]))

    def table(self) -> pd.DataFrame:
        """The selected patches, or all that are shown where nothing is: see ``filters.table``."""
        patches = self.selected if self.lasso or self.strokes else self.shown
        rows = np.flatnonzero(np.isin(self.view.patches, patches))
        return filters.table(self.view, rows, self.slot)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write ``table()`` to a file, as the button CSV does in the browser."""
        from activecl_nb import files

        with files.replacing(path) as temporary:
            self.table().to_csv(temporary, index=False)

    @property
    def neighbours(self) -> np.ndarray:
        """Positions in the train tissue of the pinned patch's nearest neighbours, int64."""
        if self.pinned < 0:
            return np.empty(0, dtype=np.int64)
        return self.view.patches[self.view.neighbours(self.view.row(self.pinned))]

    # --- runs that grow

    def update(self, runs: Sequence[Run] | Mapping[str, Run]) -> None:
        """Show these runs instead: the same ones with more rounds, or others on the same map.

        Call it after each round to watch a run in the making. Where the slider stood on the last
        round it moves on to the new last one. A strategy that was not there gets a panel of its
        own while there is room for one.
        """
        at_the_end = self.round >= self.view.rounds - 1
        before = self.view.names
        view = ViewModel(runs, self._data, self.view.map, positive=self._positive)
        kept = [name for name in self.panels if name in view.names]
        new = [name for name in view.names if name not in before]
        # In one message: the browser must not hear of a panel before it has its run.
        with self._widget.hold_sync() if self._widget else contextlib.nullcontext():
            self.view = view
            if self._widget is not None:
                self._widget.runs = sending.rounds_so_far(view)
                self._widget.hand_state = self._hand_state()
            if any(name not in view.names for name in self.compare):
                self.compare = []
            self.panels = (kept + new)[:MOST_PANELS] or list(view.names[:2])
            self.round = view.rounds - 1 if at_the_end else self.round

    # --- picking by hand

    @property
    def hand_run(self) -> Run | None:
        """The run whose picks were made by hand, as far as it is; None before its first round."""
        return self._hand.run if self._hand else None

    @property
    def hand_candidates(self) -> np.ndarray:
        """What may be picked by hand in the next round: positions in the train tissue, int64."""
        return self._begun_hand().candidates

    def pick_by_hand(self, picks: Sequence[int] | None = None) -> Run:
        """Train the next round on picks made by hand, and show the run beside the others.

        picks: positions in the train tissue, as many as a round takes; without them ``hand``,
        what is picked on screen. Returns the run so far, which is stored in ``by_hand``.

        ValueError: the picks cannot be a round's, or these runs and data cannot be trained on.
        """
        chosen = self.hand if picks is None else picks
        run = self._begun_hand().pick(chosen, on_round=self._hand_grew)
        self.hand = []
        return run

    def _begun_hand(self) -> hands.Hand:
        like = next(iter(self.view.runs.values()))
        problem = hands.possible(like, self._data)
        if problem:
            raise ValueError(f"no round can be trained by hand: {problem}")
        if self._hand is None:
            self._hand = hands.Hand(like, cast("Data", self._data), self._hand_folder)
        return self._hand

    def _hand_grew(self, run: Run) -> None:
        self.update({**self.view.runs, hands.NAME: run})

    def _hand_state(self) -> dict[str, Any]:
        """What the browser has to know of the round that is open."""
        return page.hand_state(self.view, self._data, self._hand, self._busy)

    def _train_by_hand(self) -> None:
        """The browser's button: what goes wrong is said beside the picks."""
        self._busy = "Training the round on your picks; this takes as long as a round of a run."
        self.widget.hand_state = self._hand_state()
        try:
            self.pick_by_hand()
            said = f"Trained; the run is in {self._begun_hand().path}."
        except Exception as error:
            said = str(error)
        self._busy = ""
        self.widget.hand_state = self._hand_state() | {"text": said}

    # --- the live view

    @property
    def widget(self) -> View:
        """The live view, made when it is first asked for; there is one, however often shown."""
        if self._widget is None:
            self._widget = View(
                fixed=sending.fixed(self.view),
                runs=sending.rounds_so_far(self.view),
                token=os.urandom(6).hex(),
                hand_state=self._hand_state(),
                **self.state(),
            )
            _join(self, self._widget)
        return self._widget

    def close(self) -> None:
        """Let go of the live view; it is made anew when it is asked for."""
        if self._widget is not None:
            self._widget.close()
            self.unobserve_all()
            self._widget = None

    def _answer(self, view: View, message: dict[str, Any], buffers: list[bytes]) -> None:
        """The browser has thumbnails; of a pinned patch it asks for the whole image."""
        if message.get("ask") == "hand":
            self._train_by_hand()
        if message.get("ask") == "patch":
            row = int(message["row"])
            if not 0 <= row < self.view.n:
                raise ValueError(f"the browser asked for patch {row} of {self.view.n}")
            (image,) = self.view.images(np.array([row]))
            view.send({"patch": row}, [thumbnails.encoded(image, "PNG")])

    # --- the other forms

    def still(self) -> figures.Picture:
        """The same view as a static figure, with its description as alt text."""
        state = self.state()
        return figures.Picture(still.draw(self.view, **state), words.describe(self.view, **state))

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

        release.replaces(self)
        if os.environ.get("ACTIVECL_STATIC") == "1":
            publish_display_data(self._repr_mimebundle_())
            return
        publish_display_data(*(self.widget._repr_mimebundle_() or ({},)))
        stored = self._repr_mimebundle_()
        stored["text/html"] = (
            f'<div data-activecl-still="{self.widget.token}">{stored["text/html"]}</div>'
        )
        publish_display_data(stored)

    def to_html(self, path: str | os.PathLike[str], title: str = "Active sampling") -> Path:
        """Write one page with everything in it; it opens from a file, with no network.

        All strategies, rounds and thumbnails are in it, and patches at thumbnail size only.
        """
        state = self.state() | {"hand_state": page.hand_state(self.view, None, None)}
        return page.write(self.view, state, path, title)


def _join(explorer: Explorer, widget: View) -> None:
    """Let the two follow each other, such that the widget does not keep the explorer alive.

    ipywidgets keeps every widget until it is closed, so the widget knows its explorer weakly,
    and is closed when the explorer goes.
    """
    explorer_ref = weakref.ref(explorer)

    def to_explorer(change: Any) -> None:
        explorer_now = explorer_ref()
        if explorer_now is None:
            return
        try:
            setattr(explorer_now, change.name, change.new)
        finally:  # what was refused, or moved to a bound, is taken back on screen
            setattr(widget, change.name, getattr(explorer_now, change.name))

    def answered(*message: Any) -> None:
        explorer_now = explorer_ref()
        if explorer_now is not None:
            explorer_now._answer(*message)

    explorer.observe(lambda change: setattr(widget, change.name, change.new), SETTINGS)
    widget.observe(to_explorer, SETTINGS)
    widget.on_msg(answered)
    weakref.finalize(explorer, widget.close).atexit = False


def _map_of(runs: Mapping[str, Run], data: Data | Tissue) -> maps.Map:
    """The stored map of one of the runs, else a new one from the first encoder there is.

    Where the data bring features of an encoder from elsewhere, the map is of these.
    """
    watched = next(iter(runs.values())).watched
    if (kept := maps.stored_of(runs.values(), watched)) is not None:
        return kept
    features = getattr(data, "features", None)
    if features is not None:
        return maps.of_features(features[0].numpy()[watched], watched)
    return maps.of_run(maps.encoder_of([*runs.values()]), train_of(data))
