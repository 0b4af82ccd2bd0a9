"""Pages from Jinja templates, by the same rules for all: a name that is not given is an error."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


@functools.cache
def templates(folder: Path, escaped: bool = True, **options: Any) -> Environment:
    """The templates in a folder. escaped: for HTML. options: of Jinja's environment."""
    return Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        **options,
    )
