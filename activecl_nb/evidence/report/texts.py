"""The page's words: templates and text files beside them, filled in and escaped."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from activecl_nb import files
from activecl_nb.pictures.templates import templates

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
    return _PLAIN.from_string(text).render(**values)


_PLAIN = Environment(undefined=StrictUndefined, autoescape=False)


def html() -> Environment:
    """Templates of the page, every value escaped."""
    return templates(TEMPLATES, keep_trailing_newline=True)


@functools.cache
def markdown() -> Environment:
    """Templates of the page as Markdown, every value escaped but those marked as safe."""
    made = templates(TEMPLATES, False, keep_trailing_newline=True, finalize=_finalised)
    made.filters["cells"] = lambda values: Markup(" | ".join(plain(str(one)) for one in values))
    made.filters["rule"] = lambda values: Markup(" --- |" * len(values))
    return made


def _finalised(value: object) -> object:
    return value if isinstance(value, Markup) else plain(str(value))


def plain(text: str) -> str:
    """Text that Markdown shows as it is, in a line and in a table's cell alike."""
    return re.sub(r"([*_`<>\[\]\\|#&~])", r"\\\1", " ".join(text.split()))
