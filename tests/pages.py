"""Markdown and notebooks as their readers see them: headings, links, pictures, words."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import nbformat


def prose(what: Path | nbformat.NotebookNode) -> str:
    """The Markdown of a file, or of a notebook's cells."""
    if isinstance(what, Path):
        if what.suffix != ".ipynb":
            return what.read_text()
        what = nbformat.read(what, as_version=4)
    return "\n\n".join(c.source for c in what.cells if c.cell_type == "markdown")


def without_code(text: str, *, keep_inline: bool = False) -> str:
    """The text without fenced blocks, and without `inline code` unless that is kept."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return text if keep_inline else re.sub(r"`[^`\n]+`", "", text)


def headings(text: str, level: int | None = None) -> list[tuple[int, str]]:
    """(level, text) of each heading, in order; of one level if it is given."""
    found = re.findall(r"^(#{1,6}) +(.+?) *#*$", without_code(text, keep_inline=True), flags=re.M)
    return [(len(marks), words) for marks, words in found if level in (None, len(marks))]


def anchors(text: str) -> set[str]:
    """What a link may name after its #: as GitHub writes it, in lower case, or JupyterLab."""
    found = set(re.findall(r"(?:id|name)=[\"']([^\"']+)[\"']", text))
    for _, words in headings(text):
        plain = re.sub(r"[`*]|\]\([^)]*\)|\[", "", words)
        found.add(re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-").lower())  # GitHub
        found.add(plain.strip().replace(" ", "-"))  # JupyterLab keeps signs and capitals
    return found


def broken_links(path: Path) -> list[str]:
    """The links of this file to places inside the kit that are not there, in order."""
    text = without_code(prose(path))
    targets = re.findall(r"\]\(\s*<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)", text)
    targets += re.findall(r"(?:href|src)=[\"']([^\"']+)[\"']", text)
    broken = []
    for target in targets:
        if re.match(r"[a-z][a-z0-9+.-]*:", target):  # https:, mailto:, data:
            continue
        name, _, anchor = target.partition("#")
        file = path if not name else (path.parent / unquote(name)).resolve()
        if not file.exists() or (anchor and unquote(anchor) not in anchors(prose(file))):
            broken.append(target)
    return broken


class _Images(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.wordless: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            words = dict(attrs).get("alt") or ""
            if len(words.split()) < 3:
                self.wordless.append(words or (dict(attrs).get("src") or "")[:60])


def images_without_words(text: str) -> list[str]:
    """Images, in HTML or Markdown, whose alt text is missing or shorter than three words."""
    parser = _Images()
    parser.feed(text)
    plain = re.findall(r"!\[([^\]]*)\]\(", without_code(text))
    return parser.wordless + [words for words in plain if len(words.split()) < 3]
