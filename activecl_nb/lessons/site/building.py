"""Which pages there are, and what stands around each."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from activecl_nb import __version__, files
from activecl_nb.lessons.site import lessons, links, reference, texts
from activecl_nb.pictures.templates import templates

HERE = Path(__file__).parent / "templates"
PAGES = templates(HERE)
REPORT = ("results/report.md", "results/report_appendix.md")
TEXTS = ("README.md", "CONTRIBUTING.md", "benchmarks/README.md", "benchmarks/RESULTS.md")
STRATEGIES = ("random", "entropy", "kcenter", "certainty")  # what the explorer's page shows
PLAY = '<a href="../explorer.html">Play with the explorer, here, on the runs of the kit.</a>'
TAGS = re.compile(r"<(script|style|svg)\b.*?</\1>|<[^>]+>", re.S)


@dataclass(frozen=True)
class Page:
    """url: from the site's root, such as ``teaching/README.html``. body: its HTML.
    beside: ("before" or "next", url, title) of the lessons before and after it."""

    url: str
    title: str
    body: str
    beside: tuple[tuple[str, str, str], ...] = ()


def build(
    folder: str | os.PathLike[str],
    notebooks: str | os.PathLike[str] | None = None,
    went: Mapping[str, str] | None = None,
) -> Path:
    """Write the site into ``folder``; returns its index.html.

    notebooks: where executed lessons lie; those that are not there are taken as they come with
    the kit. went: notebook -> how its run went, for the map of lessons.

    FileNotFoundError: this copy of the kit lacks its notebooks, or ``notebooks`` has none of them.
    """
    folder, kept = files.expanded(folder), files.of_the_kit("notebooks")
    names = [path.name for path in sorted(kept.glob("*.ipynb"))]
    if not names:
        raise FileNotFoundError(f"{kept} is not there; install the kit from its repository")
    executed = files.expanded(notebooks or kept)
    if not any((executed / name).is_file() for name in names):
        raise FileNotFoundError(f"{executed} holds none of the lessons, such as {names[0]}")
    files.ready(folder / "index.html")
    opened = [lessons.read(executed / name, kept / name) for name in names]
    explorer = _explorer(folder)
    pages = [*_lessons(opened, live=bool(explorer)), *_texts()]
    pages += [Page(*made) for made in reference.pages()]
    if explorer:
        pages.append(explorer)
    for lesson in opened:
        lesson.save_picture(folder / "pictures")
    pages.append(Page("index.html", "activecl", _map(opened, went or {}, bool(explorer))))
    _write(pages, folder)
    return folder / "index.html"


def _lessons(opened: Sequence[lessons.Lesson], *, live: bool) -> list[Page]:
    """A page each. live: whether there is an explorer, to which a still picture of it can lead."""
    from activecl_nb.pictures.explorer.widget import INVITATION

    places = [(f"notebooks/{one.name}.html", one.title) for one in opened]
    pages = []
    for number, one in enumerate(opened):
        around = {"before": places[:number][-1:], "next": places[number + 1 :][:1]}
        beside = tuple((word, *place) for word, found in around.items() for place in found)
        body = one.body().replace(INVITATION, PLAY) if live else one.body()
        pages.append(Page(*places[number], body, beside))
    return pages


def _texts() -> list[Page]:
    """The report, the teacher's side, and the texts of the repository that are there."""
    root = files.of_the_kit("README.md").parent
    names = [*REPORT, *TEXTS, *(f"teaching/{p.name}" for p in sorted(root.glob("teaching/*.md")))]
    pages = []
    for name in names:
        if (root / name).is_file():
            title, body = texts.page((root / name).read_text(encoding="utf-8"))
            pages.append(Page(links.as_page(name), title, body))
    return pages


def _explorer(folder: Path) -> Page | None:
    """The explorer of the stored runs, where this machine draws the tissue that they are of."""
    from activecl_nb.lessons import shelf
    from activecl_nb.pictures.explorer import Explorer

    try:
        runs, data = shelf.usable(mapped=True)
    except (FileNotFoundError, ValueError):
        return None
    firsts = [run for run in shelf.first_seed(runs) if run.strategy in STRATEGIES]
    firsts.sort(key=lambda run: STRATEGIES.index(run.strategy))
    folder.mkdir(parents=True, exist_ok=True)
    Explorer(firsts, data, map=shelf.map_of(firsts, data)).to_html(folder / "explorer_alone.html")
    return Page("explorer.html", "Explorer", PAGES.get_template("explorer.html").render())


def _map(opened: Sequence[lessons.Lesson], went: Mapping[str, str], explorer: bool) -> str:
    from activecl_nb.evidence import report

    try:
        rows = texts.fragment(report.findings(report.make()))
    except (FileNotFoundError, ValueError) as error:  # a copy without its study still has lessons
        warnings.warn(f"the first page has no rows of what was found: {error}", stacklevel=2)
        rows = "<p>This copy of the kit has no stored study that could be read.</p>"
    page = PAGES.get_template("index.html")
    intro, words = _words()
    told = {"intro": intro, "words": words, "findings": rows}
    return page.render(lessons=opened, went=went, explorer=explorer, **told)


def _words() -> tuple[str, str]:
    """How README begins, and what it says before its table of findings: no row has a word that
    stands unexplained. Empty where there is no README."""
    readme = files.of_the_kit("README.md")
    said = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    parts = r"^# activecl\n+\*\*[^\n]+\n+(.+?)<!--.*?^## What was found\n+(.+?)<!--"
    found = re.search(parts, said, re.M | re.S)
    return (texts.fragment(found[1]), texts.fragment(found[2])) if found else ("", "")


def _write(pages: list[Page], folder: Path) -> None:
    """Each page in its frame; what they point to; what is searched."""
    urls = {page.url for page in pages}
    root, needed, searched = files.of_the_kit("README.md").parent, set(), []
    frame = PAGES.get_template("base.html")
    for page in pages:
        body, pointed = links.followed(page.body, page.url, urls, root)
        needed |= pointed
        up = "../" * page.url.count("/")
        text = frame.render(
            title=page.title,
            body=body,
            sections=texts.sections(body),
            beside=page.beside,
            up=up,
            version=__version__,
            urls=urls,
            url=page.url,
        )
        files.write(folder / page.url, text)
        plain = " ".join(html.unescape(TAGS.sub(" ", page.body)).split())
        searched.append([page.title, page.url, plain[:60_000]])
    for name in sorted(needed):
        _copy(root / name, folder / PurePosixPath(name))
    script = json.dumps(searched, ensure_ascii=False).replace("</", "<\\/")
    files.write(folder / "search-data.js", f"window.activeclSearch = {script};\n")
    for name in ("site.css", "site.js"):
        _copy(HERE / name, folder / name)


def _copy(source: Path, target: Path) -> None:
    with files.replacing(target) as temporary:
        shutil.copyfile(source, temporary)
