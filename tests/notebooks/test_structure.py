"""What every notebook has in common: anatomy, ids, tags, outputs, links, alt text."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import nbformat
import pytest
from notebook_tools import LESSONS as PATHS
from notebook_tools import NOTEBOOKS, SHORT, exercises
from pages import broken_links, headings, images_without_words, prose, without_code

NAMES = [path.stem for path in PATHS]
OWN = NOTEBOOKS / "own_patches.ipynb"  # beside the lessons, with no number of its own
WIDGET = "application/vnd.jupyter.widget-view+json"
REASONS = {"nbval-skip", "raises-exception"}  # tags that must say why, in the cell's metadata
TAGS = {"nbval-check-output", "prediction", "hide-output", "picture", *REASONS}
METADATA = {"tags", "reason", "answers", "change", "collapsed", "jupyter"}
KINDS = {"predict", "implement", "explain", "extend"}
MINUTES = re.compile(
    r"^Teaching: (\d+) minutes\. Exercises: (?:(\d+) minutes|none\b[^.]*)\.$", re.M
)
# A cell that ends in a call of one of these, or in a name given to a table, shows something.
SHOWS = re.compile(r"^(figures\.\w+|live|checks\.\w+|look)\(", re.M)
# Places that exist on one machine only; `~` and relative paths are fine.
MACHINE = re.compile(
    r"(?<![\w.:/])/(?:root|home|Users|tmp|work|mnt|opt|srv|usr|var|private|workspace)/[\w.-]+"
    r"|[A-Z]:\\\\?(?:Users|Program)"
)


@pytest.fixture(scope="module", params=[*PATHS, OWN, SHORT], ids=[*NAMES, OWN.stem, SHORT.stem])
def notebook(request) -> nbformat.NotebookNode:
    read = nbformat.read(request.param, as_version=4)
    read.path = request.param
    return read


def cells(notebook, kind: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def outputs(notebook):
    """(cell id, output) of every stored output."""
    return [(cell.id, out) for cell in cells(notebook, "code") for out in cell.outputs]


def texts_of(output) -> dict[str, str]:
    """What a stored output shows in words: MIME type -> text."""
    if output.output_type == "stream":
        return {"text/plain": output.text}
    if output.output_type == "error":
        return {"text/plain": "\n".join(output.traceback)}
    return {kind: data for kind, data in output.data.items() if kind.startswith("text/")}


def numbered(paths: list[Path]) -> bool:
    """Whether their names count from 00 on, without a gap and none twice."""
    return [path.name[:2] for path in paths] == [f"{n:02d}" for n in range(len(paths))]


def test_the_lessons_are_there():
    assert len(PATHS) >= 10 and numbered(PATHS)
    assert not numbered(PATHS[1:]) and not numbered([*PATHS[:3], *PATHS[4:]])


# ---- the file ----------------------------------------------------------------------------


def test_format_kernel_and_nothing_else(notebook):
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    nbformat.validate({k: v for k, v in notebook.items() if k != "path"})
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}  # "widgets" would be state


def test_ids_are_unique_and_say_what_the_cell_is_for(notebook):
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    for identity in ids:
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", identity), identity
        assert not re.fullmatch(r"[0-9a-f]{8}|cell-\d+", identity), f"{identity} says nothing"


def test_only_known_tags_and_reasons_for_those_that_hide(notebook):
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", []))
        assert tags <= TAGS, (cell.id, tags)
        assert not tags or cell.cell_type == "code"
        if tags & REASONS:
            reason = cell.metadata.get("reason", "")
            assert len(reason.split()) >= 3, f"{cell.id}: metadata 'reason' must say why {tags}"
        assert set(cell.metadata) <= METADATA, (cell.id, dict(cell.metadata))


def test_some_output_is_checked_strictly():
    """The tag would prove nothing if no cell carried it."""
    tagged = [p.stem for p in PATHS if "nbval-check-output" in p.read_text()]
    assert len(tagged) >= 3


# ---- anatomy -----------------------------------------------------------------------------


def test_one_title_and_no_heading_skips_a_level(notebook):
    found = headings(prose(notebook))
    assert [level for level, _ in found].count(1) == 1
    assert found[0] == (1, found[0][1]) and notebook.cells[0].id == "title"
    if notebook.path not in (OWN, SHORT):
        number = int(notebook.path.stem[:2])
        assert found[0][1].startswith(f"{number}. "), found[0][1]
    levels = [level for level, _ in found]
    for before, after in itertools.pairwise(levels):
        assert after <= before + 1, found
    assert len({text for _, text in found}) == len(found), "two headings are the same"


def test_head_goals_minutes_and_set_up(notebook):
    ids = [cell.id for cell in notebook.cells]
    assert ids[0] == "title"
    head = "\n".join(cell.source for cell in notebook.cells[: ids.index("set-up")])
    _, said, goals = head.partition("What you will be able to do")
    assert said
    assert len(re.findall(r"^- ", goals, flags=re.M)) >= 3
    first_code = next(c for c in cells(notebook, "code") if c.id != "colab")
    assert first_code.id == "set-up"
    for part in ("profiles.current()", "SEED = ", "profiles.device()"):
        assert part in first_code.source
    shown = r"^(profile|print\(profile\))$"  # the former folds what differs from the paper
    assert re.search(shown, first_code.source, flags=re.M)
    first_section = next(i for i, c in enumerate(notebook.cells) if headings(c.source, level=2))
    assert ids.index("set-up") < first_section


def test_minutes_are_stated_and_fit_a_lesson(notebook):
    found = MINUTES.findall(notebook.cells[0].source)
    assert len(found) == 1, "one line 'Teaching: N minutes. Exercises: M minutes.' in the title"
    total = sum(int(part or 0) for part in found[0])
    lengths = {"00_start_here": 5, SHORT.stem: 90}
    if notebook.path.stem in lengths:
        assert total == lengths[notebook.path.stem]
    else:
        assert 20 <= total <= 50


def test_the_map_of_lessons_says_the_same_minutes():
    start = nbformat.read(PATHS[0], as_version=4)
    listed = next(c.source for c in start.cells if c.id == "map-section")
    for path in PATHS[1:]:
        title = nbformat.read(path, as_version=4).cells[0].source
        teaching, exercising = MINUTES.findall(title)[0]
        row = next(line for line in listed.splitlines() if path.name in line)
        assert f"({path.name}), {teaching} + {exercising} minutes: " in row, row


def test_it_ends_in_summary_and_further_reading(notebook):
    sections = [text for level, text in headings(prose(notebook)) if level == 2]
    assert sections[-2:] == ["Summary", "Further reading"]
    _, summary = prose(notebook).split("\n## Summary\n")
    summary, reading = summary.split("\n## Further reading\n")
    assert len(re.findall(r"^- ", summary, flags=re.M)) >= 3
    sources = re.findall(r"^- .+", reading, flags=re.M)
    assert len(sources) >= 2
    for source in sources:
        assert re.search(r"\b(19|20)\d\d\b", source), f"no year: {source}"


def test_no_cell_is_empty_and_code_is_talked_about(notebook):
    for cell in notebook.cells:
        assert cell.source.strip(), cell.id
    kinds = [cell.cell_type for cell in notebook.cells]
    run = max(len(part) for part in re.findall("c+", "".join(kind[0] for kind in kinds)))
    assert run <= 5, "more than five code cells in a row, without a word between them"


EVERY_KIND = [path for path in PATHS if path.stem[:2] not in ("00", "06", "07", "09")]


@pytest.mark.parametrize("path", EVERY_KIND, ids=[path.stem for path in EVERY_KIND])
def test_exercises_of_every_kind_with_stub_check_and_solution(path):
    notebook = nbformat.read(path, as_version=4)
    ids = [cell.id for cell in notebook.cells]
    found = exercises(notebook)
    assert found == list(range(1, len(found) + 1)) and len(found) >= 4
    kinds = set()
    for n in found:
        at = ids.index(f"exercise-{n}")
        assert ids[at + 1 : at + 4] == [f"exercise-{n}-{x}" for x in ("stub", "check", "solution")]
        title = re.match(rf"### Exercise {n} \((\w+)\): \S", notebook.cells[at].source)
        assert title, f"exercise {n} must say its kind, one of {sorted(KINDS)}"
        kinds.add(title[1])
        assert "..." in notebook.cells[at + 1].source
        assert "checks." in notebook.cells[at + 2].source
        assert "<details>" in notebook.cells[at + 3].source
    assert kinds == KINDS


def test_folded_blocks_are_closed(notebook):
    for cell in cells(notebook, "markdown"):
        assert cell.source.count("<details>") == cell.source.count("</details>"), cell.id
        assert cell.source.count("```") % 2 == 0, cell.id


# ---- outputs -----------------------------------------------------------------------------


def test_every_cell_that_shows_something_is_stored_with_it(notebook):
    """A reader on the web, where nothing runs, sees every figure and table."""
    bare = [c.id for c in cells(notebook, "code") if must_show(c.source) and not c.outputs]
    assert not bare, "no stored output; run `make notebooks`"


def must_show(source: str) -> bool:
    """Whether a cell prints, or ends in a call that gives a figure, a check or a table."""
    if re.search(r"^(    )?print\(", source, flags=re.M):
        return not source.lstrip().startswith("def ")
    lines = [line for line in source.splitlines() if line and not line.startswith((" ", ")", "}"))]
    return bool(SHOWS.match(lines[-1]))


def test_which_cells_must_show_something():
    assert must_show("x = 1\nfigures.dial(x)") and must_show("print(x)")
    assert must_show("figures.image_grid(\n    x,\n)") and must_show("for x in y:\n    print(x)")
    assert not must_show("x = figures.dial(y)") and not must_show("def f():\n    print(1)")


def test_no_error_warning_or_bar_is_stored(notebook):
    for identity, output in outputs(notebook):
        assert output.output_type != "error", identity
        assert output.get("name") != "stderr", identity


ONE_OF_MANY = re.compile(
    r"(?<![\w.,−-])1 (?:rounds|images|patches|rows|columns|groups|blocks|threads|seeds|folds|picks|"
    r"labels|classes|strategies|draws|runs|tissues|patients|epochs)\b"
)


def test_one_is_no_plural(notebook):
    for identity, output in outputs(notebook):
        for text in texts_of(output).values():
            words = re.sub(r"base64,[^\"']+|<[^>]+>", "", text)
            assert not ONE_OF_MANY.search(words), (identity, ONE_OF_MANY.search(words))


def test_no_widget_is_stored_without_its_state(notebook):
    for identity, output in outputs(notebook):
        assert WIDGET not in output.get("data", {}), identity


def test_no_output_is_longer_than_100_lines(notebook):
    for identity, output in outputs(notebook):
        for kind, text in texts_of(output).items():
            lines = text.count("<tr") if "<table" in text else text.count("\n") + 1
            assert lines <= 100, (identity, kind, lines)


def test_no_path_of_a_machine(notebook):
    for cell in notebook.cells:
        assert not MACHINE.search(cell.source), (cell.id, MACHINE.search(cell.source))
    for identity, output in outputs(notebook):
        for text in texts_of(output).values():
            # Pictures are base64, in which anything may stand.
            shown = MACHINE.search(re.sub(r"base64,[^\"']+", "", text))
            assert not shown, (identity, shown)


def test_what_counts_as_a_path_of_a_machine():
    for path in ("/home/ann/x", "see '/tmp/run'", r"C:\Users\ann", "(/srv/kit/x.py)"):
        assert MACHINE.search(path), path
    for other in ("~/.cache/activecl", "runs/x", "https://x.org/home/ann", "and/or", "a /b"):
        assert not MACHINE.search(other), other


def test_every_image_says_what_is_to_be_seen(notebook):
    pages = [(c.id, c.source) for c in cells(notebook, "markdown")]
    pages += [(i, text) for i, out in outputs(notebook) for text in texts_of(out).values()]
    for identity, text in pages:
        assert not images_without_words(text), identity
    for identity, output in outputs(notebook):  # a bare picture has no place for alt text
        data = output.get("data", {})
        bare = [kind for kind in data if kind.startswith("image/")]
        assert not bare or "text/html" in data, f"{identity}: {bare} without HTML that names it"


def test_alt_texts_can_be_listened_to(notebook):
    """Sixty words at most; what takes more stands in words or a table below the image."""
    for identity, output in outputs(notebook):
        for alt in re.findall(r'<img alt="([^"]*)"', texts_of(output).get("text/html", "")):
            assert len(alt.split()) <= 60, (identity, len(alt.split()))


def test_images_without_words_are_noticed():
    assert images_without_words('<img src="x.png">') and images_without_words("![](x.png)")
    assert images_without_words('<img alt="" src="x">') and images_without_words('<img alt="fig">')
    good = '<img src="x" alt="Two curves: entropy ends higher than random.">'
    assert not images_without_words(good + "\n![Nine tissues, one row a class](x.png)")


# ---- links -------------------------------------------------------------------------------

ROOT = NOTEBOOKS.parent
TEXTS = [
    *PATHS,
    OWN,
    SHORT,
    *(p for p in sorted(ROOT.glob("*.md"))),
    *sorted((ROOT / "teaching").glob("*.md")),
]
TEXTS += [p for folder in ("results", "benchmarks") for p in sorted((ROOT / folder).glob("*.md"))]


@pytest.mark.parametrize("path", TEXTS, ids=[p.relative_to(ROOT).as_posix() for p in TEXTS])
def test_links_inside_the_kit_lead_somewhere(path):
    assert broken_links(path) == []


def test_links_that_lead_nowhere_are_noticed(tmp_path):
    (tmp_path / "b.md").write_text("# One\n\n## Two words, a `name`\n\n```sh\n# no heading\n```\n")
    (tmp_path / "a.md").write_text(
        "[1](b.md) [2](b.md#two-words-a-name) [3](#here) [4](c.md) [5](b.md#no-heading)\n"
        "[6](https://example.org/x) `[7](c.md)` <a href='d.html'>8</a>\n\n# Here\n"
    )
    assert broken_links(tmp_path / "a.md") == ["c.md", "b.md#no-heading", "d.html"]


def test_files_named_in_the_text_are_there():
    """`activecl_nb/x.py`, `teaching/x.md`, `results/x.py` in a sentence or a command."""
    for path in TEXTS:
        text = without_code(prose(path), keep_inline=True)
        for name in re.findall(
            r"`((?:activecl_nb|teaching|tests|benchmarks|notebooks|results)/[\w/]+\.\w+)`", text
        ):
            assert (ROOT / name).is_file(), (path.name, name)


def test_terms_are_collected():
    """The bold words of the lessons that are terms stand in the glossary as well."""
    glossary = (ROOT / "teaching" / "glossary.md").read_text().lower()
    for term in ("nt-xent", "proxy", "temperature", "entropy", "k-center", "image-epoch", "f1"):
        assert term in glossary, term
