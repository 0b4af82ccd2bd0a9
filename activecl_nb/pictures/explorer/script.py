"""The JavaScript, joined from its modules when it is needed.

The modules in ``js/`` are plain ones, which a browser or node can import as they stand. anywidget
and the standalone page want one piece, so the modules are put one after the other, each after
those that it imports, without their import and export words. That works while no two modules
give the same name to different things, which a test looks after; there is nothing to build.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

HERE = Path(__file__).parent
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.mjs)";\n', re.M)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let) )", re.M)


@functools.cache
def joined(first: str = "main.mjs") -> str:
    """All modules that ``first`` needs, in one module; it ends with the default export."""
    placed: dict[str, str] = {}

    def place(name: str) -> None:
        if name in placed:
            return
        source = (HERE / "js" / name).read_text(encoding="utf-8")
        placed[name] = ""  # so that a circle of imports ends
        for needed in IMPORT.findall(source):
            place(needed)
        del placed[name]
        placed[name] = EXPORT.sub("", IMPORT.sub("", source))

    place(first)
    return "\n".join(placed.values())


def style() -> str:
    """The style sheet of widget and page."""
    return (HERE / "explorer.css").read_text(encoding="utf-8")
