"""The page's words: templates and text files beside them, filled in and escaped."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from activecl_nb import files

TEMPLATES = Path(__file__).parents[1] / "templates"


@functools.cache
def texts(name: str) -> dict[str, Any]:
    """What a text file says: ``templates/NAME.toml``."""
    return files.read_toml(TEMPLATES / f"{name}.toml")


def say(key: str, **values: object) -> str:
    """A sentence of ``templates/sentences.toml``, such as "grid.none", with its values."""
    group, _, name = key.partition(".")
    return filled(texts("sentences")[group][name], **values)


def filled(text: str, **values: object) -> str:
    """A text with values in the place of its braces; nothing is escaped yet."""
    return _plain_text().from_string(text).render(**values)


@functools.cache
def _plain_text() -> Environment:
    return Environment(undefined=StrictUndefined, autoescape=False)


@functools.cache
def html() -> Environment:
    """Templates of the page, every value escaped."""
    return _environment(autoescape=True)


@functools.cache
def markdown() -> Environment:
    """Templates of the page as Markdown, every value escaped but those marked as safe."""
    made = _environment(autoescape=False, finalize=_finalised)
    made.filters["cells"] = lambda values: Markup(" | ".join(plain(str(one)) for one in values))
    made.filters["rule"] = lambda values: Markup(" --- |" * len(values))
    return made


def _environment(**options: Any) -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )


def _finalised(value: object) -> object:
    return value if isinstance(value, Markup) else plain(str(value))


def plain(text: str) -> str:
    """Text that Markdown shows as it is, in a line and in a table's cell alike."""
    return re.sub(r"([*_`<>\[\]\\|#&~])", r"\\\1", " ".join(text.split()))
