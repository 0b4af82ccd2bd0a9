"""A picture that follows its sliders.

``live(draw, share=FloatSlider(...))`` shows controls and the picture that ``draw(share=...)``
returns, and draws it anew when a control moves. It is plain ipywidgets, without
``widgets.Output``, so that a headless run sees its errors; where nothing answers to the controls
(a stored notebook, a web page, ACTIVECL_STATIC=1) the first picture is what is shown.
"""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from typing import Any

from activecl_nb.pictures import release
from activecl_nb.pictures.figures import Picture

LIVE_MIME = "application/vnd.jupyter.widget-view+json"


class Live:
    """Controls above a picture.

    draw: called with the controls' values by name; returns a ``Picture``.
    controls: name -> an ipywidgets control with a ``value``. Each gets a description that says
        what it does, and is reached and moved by keyboard as ipywidgets are.
    """

    def __init__(self, draw: Callable[..., Picture], **controls: Any) -> None:
        from ipywidgets import HTML, VBox

        self.draw, self.controls = draw, controls
        self.picture = draw(**self.values)  # an error in the first drawing belongs to the cell
        self._shown = HTML(self._html())
        self._box = VBox([*controls.values(), self._shown])
        for control in controls.values():
            control.style.description_width = "initial"  # or a longer name is cut
            control.layout.max_width = "100%"  # or on a narrow page its number is
            control.observe(self._redraw, "value")

    @property
    def values(self) -> dict[str, Any]:
        """The controls' values by name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values: Any) -> Picture:
        """Move controls from code, as a hand would; returns the picture drawn then."""
        for name, value in values.items():
            self.controls[name].value = value
        return self.picture

    def _redraw(self, change: object) -> None:
        try:
            self.picture = self.draw(**self.values)
        except Exception as error:
            # Jupyter drops what a callback raises, so the reader sees it here, then it goes on up.
            self._shown.value = f"<pre>{html.escape(f'{type(error).__name__}: {error}')}</pre>"
            raise
        self._shown.value = self._html()

    def _html(self) -> str:
        return self.picture._repr_mimebundle_()["text/html"]

    def close(self) -> None:
        """Let go of controls and picture; ipywidgets keeps them until they are closed."""
        for widget in (*self._box.children, self._box):
            parts = [widget.layout, *filter(None, [getattr(widget, "style", None)])]
            for each in (widget, *parts):
                each.close()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        release.replaces(self)
        still = self.picture._repr_mimebundle_()
        if os.environ.get("ACTIVECL_STATIC") == "1":
            return still
        shown = self._box._repr_mimebundle_()
        return {**still, LIVE_MIME: shown[LIVE_MIME]}

    def __repr__(self) -> str:
        return repr(self.picture)


def live(draw: Callable[..., Picture], **controls: Any) -> Live:
    """Show ``draw`` with controls; see ``Live``."""
    return Live(draw, **controls)
