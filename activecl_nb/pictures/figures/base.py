"""What every figure is made of: the picture with its alt text, a canvas, and the looks of things.

Colours are told apart by colour-blind readers, and strategies by marker and line as well.
"""

from __future__ import annotations

import base64
import colorsys
import html
import io
import itertools
import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
# A strategy has its own colour, marker and line. The first colours are Okabe and Ito's; the others
# lie far from them and from each other for colour-blind eyes, too (tests/pictures/test_figures.py).
STRATEGY_STYLES: dict[str, dict[str, Any]] = {
    "random": {"color": "#595959", "marker": "o", "linestyle": "--"},
    "entropy": {"color": "#d55e00", "marker": "^", "linestyle": "-"},
    "kcenter": {"color": "#0072b2", "marker": "s", "linestyle": "-."},
    "certainty": {"color": "#cc79a7", "marker": "X", "linestyle": ":"},
    "least_confidence": {"color": "#ee6677", "marker": "<", "linestyle": (0, (5, 1))},
    "margin": {"color": "#117733", "marker": ">", "linestyle": (0, (1, 1))},
    "entropy_balanced": {"color": "#7b4fff", "marker": "h", "linestyle": (0, (3, 1, 1, 1))},
    "entropy_diverse": {"color": "#332288", "marker": "p", "linestyle": (0, (8, 2))},
    "kmeans": {"color": "#ddaa33", "marker": "*", "linestyle": (0, (5, 2, 1, 2, 1, 2))},
    "typiclust": {"color": "#222255", "marker": "d", "linestyle": (0, (2, 1))},
    "badge": {"color": "#661100", "marker": "8", "linestyle": (0, (10, 2, 2, 2))},
    "random_balanced": {"color": "#8a9a4a", "marker": "H", "linestyle": (0, (3, 3))},
    "sas": {"color": "#8e238a", "marker": "$S$", "linestyle": (0, (6, 1, 1, 1))},
    "oracle": {"color": "#190da5", "marker": "$!$", "linestyle": (0, (1, 3))},
    "uncertainty": {"color": "#160104", "marker": "$U$", "linestyle": (0, (9, 1, 1, 1))},
    "igs": {"color": "#202536", "marker": "$G$", "linestyle": (0, (4, 1, 2, 1))},
}
# Of what is no strategy, and of strategies that have no look of their own.
OTHER_STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#009e73", "marker": "D", "linestyle": "-"},
    {"color": "#e69f00", "marker": "P", "linestyle": "--"},
    {"color": "#56b4e9", "marker": "v", "linestyle": "-."},
)
# Of levels, such as floors: no strategy's line has one of these.
LEVEL_LINES: tuple[tuple[int, tuple[int, ...]], ...] = (
    (0, (1, 5)),
    (0, (16, 4)),
    (0, (9, 3, 1, 3, 1, 3)),
    (0, (3, 9)),
)
WRITTEN = {"f1": "F1", "auroc": "AUROC", "r2": "R²", "image_epochs_so_far": "image-epochs so far"}
POSITIVE, NEGATIVE = "#d55e00", "#0072b2"
CLASS_COLOURS = {
    "ADI": "#c9a227",
    "BACK": "#9a9a9a",
    "DEB": "#7a5c3e",
    "LYM": "#332288",
    "MUC": "#56b4e9",
    "MUS": "#aa4499",
    "NORM": "#117733",
    "STR": "#44aa99",
    "TUM": "#d55e00",
}
CLASS_MARKERS = "os^DvPX<*"
MOST_WORDS = 60  # of an alt text that is read aloud
MORE = "All of it stands in words below."


class Picture:
    """A figure that carries its alt text: shown in a notebook as an image with both.

    Jupyter has no field of its own for the alt text of an image, so the picture is shown as
    HTML; where only text can be shown, the alt text is what is shown. Nobody can listen to a long
    one: of more than ``MOST_WORDS`` the first sentences are heard, and all of it stands folded
    under the image. So does a ``table`` of shares, 0 to 1.
    """

    def __init__(self, figure: Figure, alt: str, table: pd.DataFrame | None = None) -> None:
        self.figure = figure
        self.alt = " ".join(alt.split())
        self.table = table

    def png(self, dpi: int = 110) -> bytes:
        """The figure as a PNG file's bytes."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight")
        return buffer.getvalue()

    @property
    def heard(self) -> str:
        """The alt text, or of a long one as many sentences as can be listened to."""
        if len(self.alt.split()) <= MOST_WORDS:
            return self.alt
        room = MOST_WORDS - len(MORE.split())
        begun = _begun(self.alt, ".;", room) or _begun(self.alt, ".;:,", room)
        return f"{begun} {MORE}".strip()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        data = base64.b64encode(self.png()).decode()
        image = (
            f'<img alt="{html.escape(self.heard, quote=True)}" style="max-width: 100%" '
            f'src="data:image/png;base64,{data}">'
        )
        if self.heard != self.alt and self.table is None:
            image += (
                "<details><summary>the same in words</summary>"
                f"<p>{html.escape(self.alt)}</p></details>"
            )
        if self.table is not None:
            rows = self.table.to_html(float_format="{:.0%}".format, border=0)
            # Wide tables scroll within themselves, so that a narrow page cuts none.
            image += (
                "<details><summary>the same as a table</summary>"
                f'<div style="overflow-x: auto">{rows}</div></details>'
            )
        return {"text/html": image, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return "\n".join(textwrap.wrap(f"Figure: {self.alt}", 100))


def _begun(text: str, ends: str, words: int) -> str:
    """As many whole parts of a text as so many words allow, closed with a full stop."""
    parts = re.split(rf"(?<=[{ends}]) ", text)
    lengths = itertools.accumulate(len(part.split()) for part in parts)
    kept = " ".join(part for part, length in zip(parts, lengths, strict=True) if length <= words)
    return re.sub(r"[;:,]$", ".", kept)


def written(column: str) -> str:
    """A table's column as people write it: "AUROC", "average precision"."""
    return WRITTEN.get(column, column.replace("_", " "))


def canvas(width: float = 8, height: float = 3.5, **grid: Any) -> tuple[Figure, Any]:
    """A figure and its axes, outside pyplot: nothing global, nothing shown twice."""
    from activecl_nb.pictures.figures.plain import PlainFigure

    figure = PlainFigure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(**grid)


def style(name: str, names: Sequence[str] = ()) -> dict[str, Any]:
    """Colour, marker and line of a strategy, other than those of the others in ``names``.

    One without an entry in ``STRATEGY_STYLES`` gets a look that none of them has.
    """
    if name in STRATEGY_STYLES:
        return STRATEGY_STYLES[name]
    others = [n for n in dict.fromkeys(names) if n not in STRATEGY_STYLES]
    place = others.index(name) if name in others else 0
    line = (0, (12, 2 + place))  # dashes longer than any that is listed
    if place < len(OTHER_STYLES):
        return {**OTHER_STYLES[place], "linestyle": line}
    # Each turn by the golden ratio lands on the circle of hues where most room is left.
    red, green, blue = colorsys.hls_to_rgb(0.618034 * place % 1, 0.4, 0.7)
    colour = f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
    return {"color": colour, "marker": f"${place}$", "linestyle": line}


def level_line(place: int) -> tuple[int, tuple[int, ...]]:
    """The line of the level at this place, other than that of any other and of any strategy."""
    if place < len(LEVEL_LINES):
        return LEVEL_LINES[place]
    return (0, (20 + 4 * place, 4, 1, 4))


def plain_axes(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def between(low: float, high: float, digits: int = 2) -> str:
    """An interval in words; nothing where a single seed gives none."""
    return f" (from {low:.{digits}f} to {high:.{digits}f})" if np.isfinite(low) else ""
