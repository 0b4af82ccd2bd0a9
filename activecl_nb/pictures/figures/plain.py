"""A figure whose words are drawn as they are written; imported where one is drawn."""

from __future__ import annotations

from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.text import Text


class PlainFigure(Figure):
    r"""A class or a file may be called ``$5`` or ``$\foo$``, which is no formula."""

    def draw(self, renderer: Any) -> None:
        for text in self.findobj(Text):
            text.set_parse_math(False)
        with matplotlib.rc_context({"text.parse_math": False}):  # for those that drawing makes
            super().draw(renderer)
