"""Markdown as HTML that everybody can read: headings with anchors, tables that scroll."""

from __future__ import annotations

import html
import re
from collections import Counter

WIDE = '<div class="wide" role="group" aria-label="table" tabindex="0">'
PLUGINS = ["table", "strikethrough", "url", "task_lists"]
BOX = re.compile(  # a box, and its line: what stands until a paragraph, list or item ends or begins
    r'<input class="task-list-item-checkbox" [^>]*?( checked)?/>((?:[^<]|<(?!/?(?:p|li|[uo]l)\b))*)'
)
HEADING = re.compile(r"<h([1-6])>(.*?)</h\1>", re.S)


def page(text: str) -> tuple[str, str]:
    """(title, HTML) of a Markdown file; the title is its first heading."""
    found = re.search(r"^# +(.+)$", text, re.M)
    return (re.sub(r"[`*]", "", found[1]) if found else "activecl"), fragment(text)


def fragment(text: str) -> str:
    """Markdown with tables as HTML. Headings get the anchors that GitHub gives them."""
    import mistune

    markdown = mistune.create_markdown(escape=False, plugins=PLUGINS)
    return readable(_anchored(BOX.sub(_box, str(markdown(text)))))


def _box(item: re.Match[str]) -> str:
    """A line of a checklist that can be ticked, on a screen as on paper."""
    checked = " checked" if item[1] else ""
    return f'<label><input type="checkbox"{checked}> {item[2]}</label>'


def _anchored(body: str) -> str:
    before: Counter[str] = Counter()

    def anchored(match: re.Match[str]) -> str:
        name = re.sub(r"[^\w\- ]", "", plain(match[2])).strip().replace(" ", "-").lower()
        before[name] += 1
        name += f"-{before[name] - 1}" if before[name] > 1 else ""
        return f'<h{match[1]} id="{html.escape(name)}">{match[2]}</h{match[1]}>'

    return HEADING.sub(anchored, body)


def sections(body: str) -> list[tuple[str, str]]:
    """(anchor, words) of each heading of the second level."""
    found = re.findall(r'<h2 [^>]*?id="([^"]+)"[^>]*>(.*?)</h2>', body, re.S)
    return [(html.unescape(anchor), plain(words)) for anchor, words in found]


def plain(body: str) -> str:
    """The words of a piece of HTML."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", body)).split())


def readable(body: str) -> str:
    """What may be wider than the page scrolls, and the keyboard reaches it."""
    body = re.sub(r"<pre(?![^>]*tabindex)", '<pre tabindex="0"', body)
    body = body.replace("<table", f"{WIDE}<table")
    return body.replace("</table>", "</table></div>")
