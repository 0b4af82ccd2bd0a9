"""What ``look`` saw, as a page of text and as HTML with pictures."""

from __future__ import annotations

import base64
import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activecl_nb import files
from activecl_nb.curation.sizes import Sizes
from activecl_nb.pictures.templates import templates
from activecl_nb.tissue import listed

if TYPE_CHECKING:
    from jinja2 import Template

    from activecl_nb.curation.looking import Look

TOLD = 20  # groups and names that are listed; the rest is counted


def text(look: Look) -> str:
    """Some thirty lines for a terminal."""
    return _template("look.txt", escaped=False).render(**_values(look)).strip()


def html(look: Look, whole: bool = True) -> str:
    """A page that needs no other file; ``whole=False`` leaves out what stands around its body."""
    from activecl_nb.pictures import figures

    pictures = [figures.gallery(look.samples)]
    if look.twice is not None:
        alt = "Images that are the same, side by side, named by their group."
        pictures.append(figures.image_grid(*look.twice, columns=8, side=1.2, alt=alt))
    shown = [(picture.alt, base64.b64encode(picture.png()).decode()) for picture in pictures]
    return _template("look.html").render(**_values(look), pictures=shown, whole=whole)


def write_page(look: Look, path: str | os.PathLike[str]) -> Path:
    """Write the page to this file, or as look.html into a folder of this name."""
    path = place(path)
    files.write(path, html(look))
    return path


def place(path: str | os.PathLike[str]) -> Path:
    """Where ``write_page`` writes."""
    path = files.expanded(path)
    return path if path.suffix.lower() in (".html", ".htm") else path / "look.html"


def _template(name: str, escaped: bool = True) -> Template:
    made = templates(Path(__file__).with_name("templates"), escaped)
    made.filters |= {"counted": counted, "listed": functools.partial(listed, most=TOLD)}
    return made.get_template(name)


def counted(counts: Mapping[str, int]) -> str:
    """{"64 x 64": 1200} as "64 x 64 (1,200)", the most frequent first."""
    return listed([f"{name} ({count:,})" for name, count in counts.items()], TOLD)


def _values(look: Look) -> dict[str, Any]:
    total = sum(look.counts.values())
    return {
        "look": look,
        "total": total,
        "most": TOLD,
        "rows": [
            (name, count, look.patients.get(name), count / total)
            for name, count in look.counts.items()
        ],
        "sizes": look.chosen if isinstance(look.chosen, Sizes) else None,
        "crossing_groups": [g for g in (*look.exact, *look.near) if g.crosses],
    }
