"""One page with everything in it, for whoever has no Python."""

from __future__ import annotations

import html
import json
import os
from pathlib import Path
from typing import Any

from activecl_nb import files
from activecl_nb.pictures.explorer import sending
from activecl_nb.pictures.explorer.model import ViewModel

HERE = Path(__file__).parent


def write(view: ViewModel, state: dict[str, Any], path: str | os.PathLike[str], title: str) -> Path:
    """Put the view-model, the state of the explorer and its script into ``page.html``."""
    values = {"fixed": view.fixed(), "runs": view.rounds_so_far(), "token": "", **state}
    script = (HERE / "explorer.js").read_text(encoding="utf-8")
    page = (HERE / "page.html").read_text(encoding="utf-8")
    for name, value in {
        "TITLE": html.escape(title),
        "DATA": json.dumps(values, default=sending.packed).replace("<", "\\u003c"),
        "SCRIPT": script.replace("export default ", "const explorer = "),
    }.items():
        page = page.replace(f"<!--{name}-->", value)
    path = Path(path)
    with files.replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path
