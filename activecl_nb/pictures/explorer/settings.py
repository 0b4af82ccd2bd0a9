"""What is on screen, as traits: each can be set from Python, and is checked when it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import traitlets

from activecl_nb.pictures.explorer import filters
from activecl_nb.pictures.explorer.model import MOST_PANELS, ViewModel
from activecl_nb.pictures.explorer.picks import Difference


class Shown(traitlets.HasTraits):
    """The state that widget, page and still figure share.

    round: which round is shown.
    panels: names of one to four strategies.
    colour: one of ``view.colourings``. when: "before" the pick or "after" the round.
    pinned: a position in the train tissue, -1 for none.
    lasso: a polygon in map positions, empty for none. strokes: further ones, each ("add" or
        "take", polygon), which add to what is inside it or take from it.
    compare: two names, whose difference is shown in place of the panels; empty for the panels.
        so_far: whether it is that of all rounds since round 1.
    nearest_half: whether the patches are marked whose p is nearest one half.
    filter: which patches are shown, see ``filters``.
    hand: positions in the train tissue that are picked by hand, in order.
    """

    round = traitlets.CInt(0).tag(sync=True)  # CInt takes NumPy's numbers as well
    panels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    colour = traitlets.Unicode("class").tag(sync=True)
    when = traitlets.Unicode("before").tag(sync=True)
    pinned = traitlets.CInt(-1).tag(sync=True)
    lasso: traitlets.List = traitlets.List().tag(sync=True)
    strokes: traitlets.List = traitlets.List().tag(sync=True)
    compare = traitlets.List(traitlets.Unicode()).tag(sync=True)
    so_far = traitlets.Bool(False).tag(sync=True)
    nearest_half = traitlets.Bool(False).tag(sync=True)
    filter = traitlets.Dict().tag(sync=True)
    hand: traitlets.List = traitlets.List().tag(sync=True)


SETTINGS = [*Shown.class_own_traits()]


class Settings(Shown):
    """The same, each checked against a view-model when it is set; and what follows from them."""

    when = traitlets.Enum(("before", "after"), "before")

    def __init__(self, view: ViewModel, **state: Any) -> None:
        self.view = view
        super().__init__()
        for name, value in state.items():
            if name not in SETTINGS:
                raise TypeError(f"{type(self).__name__} has no setting {name!r}")
            setattr(self, name, value)

    def state(self) -> dict[str, Any]:
        """What is on screen, as plain values."""
        return {name: getattr(self, name) for name in SETTINGS}

    @property
    def slot(self) -> int:
        """Before which round the proxy and the distances are shown."""
        return self.round if self.when == "before" else self.round + 1

    @property
    def strategies(self) -> list[str]:
        """The two that are compared, or else those that have panels: as many as fit by default."""
        return list(self.compare or self.panels or self.view.names[:MOST_PANELS])

    @property
    def difference(self) -> Difference:
        """Of the two that are compared."""
        first, second = (self.view.names.index(name) for name in self.compare)
        return self.view.difference(first, second, self.round, self.so_far)

    def lets_through(self, strategy: int) -> np.ndarray:
        """Which patches the filter shows, by the scores of this strategy: bool (n,)."""
        return filters.shown(self.view, self.filter, strategy, self.slot)

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

    @traitlets.validate("compare")
    def _two_exist(self, proposal: dict[str, Any]) -> list[str]:
        names = list(proposal["value"])
        if len(names) not in (0, 2) or any(name not in self.view.names for name in names):
            raise traitlets.TraitError(
                f"cannot compare {names}; choose two of {', '.join(self.view.names)}, or none"
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
            _or_trait_error(self.view.row, proposal["value"])
        return proposal["value"]

    @traitlets.validate("hand")
    def _patches_exist(self, proposal: dict[str, Any]) -> list[int]:
        patches = [int(patch) for patch in proposal["value"]]
        for patch in patches:
            _or_trait_error(self.view.row, patch)
        return patches

    @traitlets.validate("filter")
    def _filter_exists(self, proposal: dict[str, Any]) -> dict[str, Any]:
        return _or_trait_error(filters.checked, self.view, proposal["value"])

    @traitlets.validate("lasso")
    def _polygon(self, proposal: dict[str, Any]) -> list[list[float]]:
        return _corners(proposal["value"])

    @traitlets.validate("strokes")
    def _polygons(self, proposal: dict[str, Any]) -> list[list[Any]]:
        for stroke in proposal["value"]:
            if len(stroke) != 2 or stroke[0] not in ("add", "take"):
                raise traitlets.TraitError(
                    f"a stroke is ('add' or 'take', list of map positions), not {stroke!r}"
                )
        return [[how, _corners(corners)] for how, corners in proposal["value"]]


def _corners(value: Any) -> list[list[float]]:
    corners = np.asarray(value, dtype=float)
    if corners.size and (corners.ndim != 2 or corners.shape[1] != 2):
        raise traitlets.TraitError(
            f"a lasso is a list of map positions (x, y), not of shape {corners.shape}"
        )
    return corners.tolist()


def _or_trait_error(check: Callable[..., Any], *values: Any) -> Any:
    """What the check returns; its ValueError as the error of a trait."""
    try:
        return check(*values)
    except ValueError as error:
        raise traitlets.TraitError(str(error)) from error
