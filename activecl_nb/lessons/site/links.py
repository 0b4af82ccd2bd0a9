"""Where the links of a page lead: to another page, to a file that comes along, or nowhere."""

from __future__ import annotations

import html
import posixpath
import re
from pathlib import Path
from urllib.parse import quote, unquote

LINK = re.compile(r'<a\b([^>]*?)\bhref="([^"]*)"([^>]*)>(.*?)</a>', re.S)
IMAGE = re.compile(r'(<(?:img|source)\b[^>]*?\bsrc(?:set)?=")([^"]*)(")')
MADE = ("explorer_alone.html", "pictures/")  # what the site itself writes beside its pages
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|#", re.I)  # http:, mailto:, data:, this page


def as_page(name: str) -> str:
    """The page of a Markdown file or notebook; any other name as it is."""
    return re.sub(r"\.(md|ipynb)$", ".html", name)


def followed(body: str, url: str, urls: set[str], root: Path) -> tuple[str, set[str]]:
    """The page with its links mended, and the files of the kit that it points to.

    url: of the page, from the site's root. urls: of all pages. root: of the kit. A link to what
    is neither a page nor there is left out, and its words stay.
    """
    needed: set[str] = set()

    def target(written: str) -> str | None:
        """What the link becomes; None: it leads nowhere."""
        name, mark, anchor = html.unescape(written).partition("#")
        place = posixpath.normpath(posixpath.join(posixpath.dirname(url), unquote(name)))
        anchor = mark + html.escape(anchor)  # as written: capitals tell sections apart
        for page in (place, as_page(place), posixpath.join(as_page(place), "README.html")):
            if page in urls:
                return _relative(page, url) + anchor
        if place.startswith(MADE):
            return _relative(place, url)
        if place.startswith("..") or not (root / place).is_file():
            return None
        needed.add(place)
        return _relative(place, url)

    def link(match: re.Match[str]) -> str:
        before, written, after, words = match.groups()
        if ELSEWHERE.match(written):
            return match.group(0)
        found = target(written)
        return words if found is None else f'<a{before}href="{found}"{after}>{words}</a>'

    def image(match: re.Match[str]) -> str:
        if ELSEWHERE.match(match[2]):
            return match.group(0)
        return f"{match[1]}{target(match[2]) or match[2]}{match[3]}"

    return IMAGE.sub(image, LINK.sub(link, body)), needed


def _relative(place: str, url: str) -> str:
    return quote(posixpath.relpath(place, posixpath.dirname(url) or "."))
