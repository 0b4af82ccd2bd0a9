"""The site's pages as files: links resolve, formulas are drawn, docstrings are there."""

from __future__ import annotations

import posixpath
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest

from activecl_nb.lessons import shelf, site
from activecl_nb.lessons.site import building, formulas, lessons, links, reference, texts
from activecl_nb.pictures.explorer.widget import INVITATION

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))

PIXEL = (  # a PNG of one
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q"
    "DwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Targets(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.anchors |= {named[name] for name in ("id", "name") if named.get(name)}
        self.links += [named[name] for name in ("href", "src", "srcset") if named.get(name)]


def targets(path: Path) -> Targets:
    found = Targets()
    found.feed(path.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The site without the explorer, as where the stored runs cannot be used."""
    with pytest.MonkeyPatch.context() as patch:

        def none(*args, **kwargs):
            raise FileNotFoundError("none")

        patch.setattr(shelf, "usable", none)
        return site.build(tmp_path_factory.mktemp("site")).parent


def test_all_links_resolve_and_none_is_loaded_from_elsewhere(made):
    pages = sorted(made.rglob("*.html"))
    assert len(pages) >= 30
    read = {path: targets(path) for path in pages}
    for path, found in read.items():
        for link in found.links:
            if re.match(r"(https?|mailto|data):", link):
                continue
            name, _, anchor = link.partition("#")
            place = made / posixpath.normpath(
                posixpath.join(path.relative_to(made).parent.as_posix(), unquote(name))
            )
            place = place if name else path
            assert place.exists(), (path.name, link)
            if anchor and place in read:
                assert unquote(anchor) in read[place].anchors, (path.name, link)
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?:src=|@import |url\()[\"']?https?:", text), path


def test_every_lesson_has_a_page_a_picture_and_its_minutes(made):
    index = (made / "index.html").read_text(encoding="utf-8")
    for path in NOTEBOOKS:
        assert (made / "notebooks" / f"{path.stem}.html").is_file()
        assert f'href="notebooks/{path.stem}.html"' in index
    assert index.count("Teaching: ") == len(NOTEBOOKS)
    assert len(list((made / "pictures").glob("*.png"))) >= 7
    assert 'href="explorer.html"' not in index  # there is none here
    assert "<em>encoder</em>" in index and "<em>oracle</em>" in index  # README's words


@pytest.mark.parametrize("live", [True, False])
def test_a_still_explorer_leads_to_the_one_to_play_with(live):
    stored = [path for path in NOTEBOOKS if path.stem[:2] in ("06", "90")]
    for page in building._lessons([lessons.read(path, path) for path in stored], live=live):
        assert ('href="../explorer.html"' in page.body) == live
        assert (INVITATION in page.body) != live


def test_a_lesson_says_what_it_teaches_and_chooses_its_picture():
    def figure(alt: str, **metadata):
        shown = {"text/html": f'<img alt="{alt}" src="data:image/png;base64,{PIXEL}">'}
        output = nbformat.v4.new_output("display_data", data=shown)
        return nbformat.v4.new_code_cell("", outputs=[output], metadata=metadata)

    words = "# T\n\n**What you will be able to do**\n\n- first `this`;\n- then that."
    cells = [
        nbformat.v4.new_markdown_cell(words),
        figure("a &amp; b"),
        figure("c", tags=["picture"]),
    ]
    whole = lessons.Lesson("t", nbformat.v4.new_notebook(cells=cells))
    assert whole.goal == "first `this`" and whole.picture[0] == "c"
    del cells[2]
    assert lessons.Lesson("t", nbformat.v4.new_notebook(cells=cells)).picture[0] == "a & b"
    assert lessons.Lesson("t", nbformat.v4.new_notebook(cells=[figure("a")])).goal == ""


def test_readme_shows_every_lesson():
    """`python notebooks/pictures.py` writes the table and the pictures."""
    text = (NOTEBOOKS[0].parents[1] / "README.md").read_text(encoding="utf-8")
    for path in NOTEBOOKS:
        lesson = lessons.read(path, path)
        assert f"[{lesson.title}](notebooks/{path.name}) {lesson.minutes}" in text
        assert not lesson.picture or f'src="notebooks/pictures/{path.stem}.png"' in text
    pictures = [path.stem for path in NOTEBOOKS[0].parent.glob("pictures/*.png")]
    assert set(pictures) <= {path.stem for path in NOTEBOOKS} | {"rounds"}
    assert (NOTEBOOKS[0].parent / "pictures" / "rounds.gif").stat().st_size <= 2_000_000


def test_executed_notebooks_stand_in_for_the_stored_ones(tmp_path):
    path = NOTEBOOKS[1]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Made here")])
    nbformat.write(notebook, tmp_path / path.name)
    assert lessons.read(tmp_path / path.name, path).title == "Made here"
    assert lessons.read(tmp_path / NOTEBOOKS[2].name, NOTEBOOKS[2]).title.startswith("2. SimCLR")


def test_notebooks_that_are_not_there_are_not_taken_for_the_kits(tmp_path):
    (tmp_path / "mine.ipynb").write_text("{}")
    for place in (tmp_path, tmp_path / "none", tmp_path / "mine.ipynb"):
        with pytest.raises(FileNotFoundError, match="holds none of the lessons, such as 00_"):
            site.build(tmp_path / "site", notebooks=place)
    assert not (tmp_path / "site").exists()


def test_a_folded_result_is_in_a_details_block():
    shown = nbformat.v4.new_output("stream", text="forty-two")
    cell = nbformat.v4.new_code_cell("6 * 7", outputs=[shown])
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# T"), cell])
    assert "<details" not in lessons.Lesson("t", notebook).body()
    cell.metadata["jupyter"] = {"outputs_hidden": True}
    body = lessons.Lesson("t", notebook).body()
    assert re.search(r"<details.*?<summary.*?forty-two.*?</details>", body, re.S)


def test_formulas_are_drawn_outside_of_code_alone():
    text = formulas.drawn("the set $S_L$ and `$HOME`\n\n```sh\necho $A $B\n```\n$$a = b$$")
    assert text.count("<svg") == 2 and 'aria-label="S_L"' in text
    assert "`$HOME`" in text and "echo $A $B" in text


def test_a_price_is_no_formula_and_bad_tex_is_shown_as_it_is():
    assert formulas.drawn("it costs $ 5 or $ 6") == "it costs $ 5 or $ 6"
    assert formulas.svg(r"\nosuch{x}") == r"<code>\nosuch{x}</code>"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_every_formula_of_the_lessons_can_be_drawn(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            for display, inline in formulas.FORMULA.findall(
                "".join(formulas.CODE.split(cell.source)[::2])
            ):
                assert formulas.svg(" ".join((display or inline).split())).startswith("<svg")


def test_links_lead_to_pages_files_or_nowhere(tmp_path):
    (tmp_path / "LICENSE").write_text("MIT")
    body = (
        '<a href="../notebooks/01.ipynb#Views">a</a><a href="../LICENSE">b</a>'
        '<a href="gone.txt">c</a><a href="https://example.org">d</a>'
    )
    text, needed = links.followed(body, "teaching/x.html", {"notebooks/01.html"}, tmp_path)
    assert needed == {"LICENSE"}
    assert text == (
        '<a href="../notebooks/01.html#Views">a</a><a href="../LICENSE">b</a>c'
        '<a href="https://example.org">d</a>'
    )


def test_sources_of_pictures_that_do_not_move_are_followed(tmp_path):
    for name in ("a.gif", "a.png"):
        (tmp_path / name).write_bytes(b"x")
    body = '<picture><source media="print" srcset="../a.png"><img alt="a" src="../a.gif"></picture>'
    text, needed = links.followed(body, "teaching/x.html", set(), tmp_path)
    assert needed == {"a.gif", "a.png"} and text == body


def test_headings_get_the_anchors_of_github():
    title, body = texts.page("# A `b` c\n\n## What it's for\n")
    assert title == "A b c" and 'id="what-its-for"' in body
    _, body = texts.page("## Limits\n\n## Other\n\n## Limits\n")
    found = [("limits", "Limits"), ("other", "Other"), ("limits-1", "Limits")]
    assert texts.sections(body) == found


@pytest.mark.parametrize("words", ["The 99%, apart", "\"Über\" & 'x'", "5 < 6? c/d #1", "100%25 é"])
def test_a_heading_of_any_signs_is_reached_by_its_link(words):
    cells = [nbformat.v4.new_markdown_cell(f"## {words}"), *map(_section, "abc")]
    body = lessons.Lesson("t", nbformat.v4.new_notebook(cells=cells)).body()
    frame = building.PAGES.get_template("base.html")
    told = dict.fromkeys(("title", "up", "version", "urls", "beside"), "")
    text = frame.render(body=body, sections=texts.sections(body), **told)
    found = Targets()
    found.feed(text)
    [link] = [link for link in found.links if link.startswith("#") and link[1:2] not in "abc"]
    assert unquote(link[1:]) == words.replace(" ", "-") and unquote(link[1:]) in found.anchors
    assert re.fullmatch(r"#[\w.~/?:@!$&'()*+,;=%-]+", link, re.A), link  # as an address may be


def _section(words: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(f"## {words}")


def test_lines_of_a_checklist_have_boxes_with_their_words():
    body = texts.fragment("- [ ] run `check` [here](a.md)\n- [x] done\n\n1. [ ] long\n\n   more\n")
    assert "[ ]" not in body and "disabled" not in body
    boxes = re.findall(r'<label><input type="checkbox"( checked)?> (.*?)</label>', body)
    line = 'run <code>check</code> <a href="a.md">here</a>'
    assert boxes == [("", line), (" checked", "done"), ("", "long")]


def test_the_reference_holds_what_docstrings_say():
    pages = {url: body for url, _, body in reference.pages()}
    assert "nt_xent" in pages["reference/simclr.html"]
    assert "reference/lessons.html" in pages
    assert 'href="simclr.html"' in pages["reference/index.html"]
    assert "_train(" not in pages["reference/simclr.html"]
