"""Markdown as HTML that everybody can read: headings with anchors, tables that scroll."""

from __future__ import annotations

import html
import re

WIDE = '<div class="wide" role="group" aria-label="table" tabindex="0">'
HEADING = re.compile(r"<h([1-6])>(.*?)</h\1>", re.S)


def page(text: str) -> tuple[str, str]:
    """(title, HTML) of a Markdown file; the title is its first heading."""
    found = re.search(r"^# +(.+)$", text, re.M)
    return (re.sub(r"[`*]", "", found[1]) if found else "activecl"), fragment(text)


def fragment(text: str) -> str:
    """Markdown with tables as HTML. Headings get the anchors that GitHub gives them."""
    import mistune

    markdown = mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "url"])
    return readable(_anchored(str(markdown(text))))


def _anchored(body: str) -> str:
    def anchored(match: re.Match[str]) -> str:
        words = html.unescape(re.sub(r"<[^>]+>", "", match[2]))
        name = re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-").lower()
        return f'<h{match[1]} id="{html.escape(name)}">{match[2]}</h{match[1]}>'

    return HEADING.sub(anchored, body)


def readable(body: str) -> str:
    """What may be wider than the page scrolls, and the keyboard reaches it."""
    body = re.sub(r"<pre(?![^>]*tabindex)", '<pre tabindex="0"', body)
    body = body.replace("<table", f"{WIDE}<table")
    return body.replace("</table>", "</table></div>")
