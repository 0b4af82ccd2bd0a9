"""Formulas as drawings in the page, so that no page needs a script from elsewhere."""

from __future__ import annotations

import html
import re

SIZE = 16.0  # pixels an em, as the page's text
CODE = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.M | re.S)
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$\s](?:[^$\n]*[^$\s])?)\$", re.S)
LETTERS = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "Z"}  # of matplotlib's path codes, in SVG


def drawn(markdown: str) -> str:
    """The Markdown with every formula outside of code as an SVG whose label is its TeX."""
    parts = CODE.split(markdown)
    return "".join(
        part if number % 2 else FORMULA.sub(_drawing, part) for number, part in enumerate(parts)
    )


def _drawing(match: re.Match[str]) -> str:
    display, inline = match.groups()
    tex = " ".join((display or inline).split())
    picture = svg(tex)
    return f'<span class="formula">{picture}</span>' if display else picture


def svg(tex: str) -> str:
    """One formula on its line's baseline, in the text's colour; as TeX where it cannot be drawn."""
    from matplotlib.textpath import TextPath

    label = html.escape(tex, quote=True)
    spelt = re.sub(r"sqrt (\w)", r"sqrt{\1}", tex)  # matplotlib wants the braces
    try:
        path = TextPath((0, 0), f"${spelt}$", size=SIZE)
    except ValueError:
        return f"<code>{label}</code>"
    box = path.get_extents()
    left, low, wide, high = box.x0 - 1, box.y0 - 1, box.width + 2, box.height + 2
    steps = []
    for points, code in path.iter_segments(curves=True, simplify=False):
        pairs = zip(points[::2], points[1::2], strict=True)
        where = "" if code == 79 else " ".join(f"{x:.1f} {-y:.1f}" for x, y in pairs)
        steps.append(LETTERS[int(code)] + where)
    return (
        f'<svg role="img" aria-label="{label}" width="{wide:.1f}" height="{high:.1f}" '
        f'viewBox="{left:.1f} {-low - high:.1f} {wide:.1f} {high:.1f}" '
        f'style="vertical-align:{low:.1f}px"><path fill="currentColor" d="{"".join(steps)}"/></svg>'
    )
