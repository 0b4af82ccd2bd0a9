"""A figure whose words are drawn as they are written; imported where one is drawn."""

from __future__ import annotations

from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import LogFormatter, LogFormatterMathtext


class PlainFigure(Figure):
    r"""A class or a file may be called ``$5`` or ``$\foo$``, which is no formula."""

    def draw(self, renderer: Any) -> None:
        for text in self.findobj(Text):
            text.set_parse_math(False)
            text.set_usetex(False)
        for axis in (axis for axes in self.axes for axis in (axes.xaxis, axes.yaxis)):
            # 10, where a logarithmic axis would write a formula: $\mathdefault{10^{1}}$
            if isinstance(axis.get_major_formatter(), LogFormatterMathtext):
                axis.set_major_formatter(LogFormatter())
            if isinstance(axis.get_minor_formatter(), LogFormatterMathtext):
                axis.set_minor_formatter(LogFormatter())
        # for those that drawing makes
        with matplotlib.rc_context({"text.parse_math": False, "text.usetex": False}):
            super().draw(renderer)
