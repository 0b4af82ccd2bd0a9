"""What is on screen, as traits: each can be set from Python, and is checked when it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import traitlets

from activecl_nb.pictures.explorer import filters
from activecl_nb.pictures.explorer.model import MOST_PANELS, ViewModel

SETTINGS = [
    "round",
    "panels",
    "colour",
    "when",
    "pinned",
    "lasso",
    "strokes",
    "compare",
    "so_far",
    "nearest_half",
    "filter",
    "hand",
]


class Settings(traitlets.HasTraits):
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

    view: ViewModel

    round = traitlets.CInt(0)  # CInt takes NumPy's numbers as well
    panels = traitlets.List(traitlets.Unicode())
    colour = traitlets.Unicode("class")
    when = traitlets.Enum(("before", "after"), "before")
    pinned = traitlets.CInt(-1)
    lasso: traitlets.List = traitlets.List()
    strokes: traitlets.List = traitlets.List()
    compare = traitlets.List(traitlets.Unicode())
    so_far = traitlets.Bool(False)
    nearest_half = traitlets.Bool(False)
    filter = traitlets.Dict()
    hand: traitlets.List = traitlets.List()

    def state(self) -> dict[str, Any]:
        """What is on screen, as plain values."""
        return {name: getattr(self, name) for name in SETTINGS}

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
