"""Predicting is real: a guess is typed, what it asks for is folded, and the guess is answered.

In the file: a code cell tagged ``prediction`` sets names to ``...``. Each cell that shows what
was asked for names that cell in its metadata as ``answers``, is tagged ``hide-output``, and its
outputs are collapsed, for JupyterLab (``jupyter.outputs_hidden``), for older front ends
(``collapsed``) and for Jupyter Book (the tag).
"""

from __future__ import annotations

import ast
import itertools
import re

import nbformat
import pytest
from notebook_tools import NOTEBOOKS

from activecl_nb.lessons import predictions
from activecl_nb.lessons.site.lessons import Lesson

PATHS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
NAMES = [path.stem for path in PATHS]


@pytest.fixture(scope="module", params=PATHS, ids=NAMES)
def cells(request) -> list[nbformat.NotebookNode]:
    return nbformat.read(request.param, as_version=4).cells


def tagged(cells, tag: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in cells if tag in cell.metadata.get("tags", [])]


def asked(cell) -> list[str]:
    """The names that a prediction cell sets to ``...``."""
    names = []
    for statement in ast.parse(cell.source).body:
        assert isinstance(statement, ast.Assign), f"{cell.id}: only `name = ...` in a prediction"
        assert isinstance(statement.value, ast.Constant) and statement.value.value is ..., cell.id
        names += [target.id for target in statement.targets]
    return names


def test_every_call_to_predict_is_followed_by_a_cell_to_type_in(cells):
    found = [n for n, c in enumerate(cells) if c.cell_type == "markdown" and calls(c.source)]
    assert found
    for n in found:
        assert "prediction" in cells[n + 1].metadata.get("tags", []), cells[n].id
    assert len(found) == len(tagged(cells, "prediction"))


def calls(source: str) -> bool:
    return re.search(r"\*\*Predict first\.?\*\*", source) is not None


def test_what_calls_for_a_prediction():
    assert calls("x\n\n**Predict first**: how many?") and calls("**Predict first.** Two pick")
    assert not calls("Where a lesson says **predict first**, the next cell has a place.")


def test_every_prediction_is_answered_by_name(cells):
    ids = [cell.id for cell in cells]
    for cell in tagged(cells, "prediction"):
        names = asked(cell)
        assert names and all(name.startswith("guess_") for name in names), cell.id
        assert "#" in cell.source, f"{cell.id} must say what kind of answer it takes"
        answering = [c for c in cells if c.metadata.get("answers") == cell.id]
        assert answering, f"nothing answers {cell.id}"
        assert all(ids.index(c.id) > ids.index(cell.id) for c in answering)
        sources = "\n".join(c.source for c in answering)
        for name in names:
            told = rf"predictions\.\w+\(\s*{name},"
            assert re.search(told, sources), f"{name} is typed in and never answered"


def test_no_answer_can_be_read_in_the_code_below_the_guess(cells):
    """The code stands open where its output is folded: the answer is computed or looked up."""
    for cell in cells:
        if "answers" in cell.metadata:
            assert not spelt_out(cell.source), cell.id


def test_no_answer_can_be_read_where_jupyterlab_shows_the_first_line_of_what_is_folded(cells):
    for cell in cells:
        if "answers" in cell.metadata:
            assert cell.outputs[0].get("text", "").startswith(f"{predictions.COVER}\n"), cell.id


def spelt_out(source: str) -> list[str]:
    """Answers that stand in the code as words: ``predictions.word(guess_x, "crop", ...)``."""
    said = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = getattr(call.func, "attr", "")
        if name == "word" and isinstance(call.args[1], ast.Constant):
            said.append(str(call.args[1].value))
    return said


def test_what_is_spelt_out():
    assert spelt_out('print(predictions.word(guess_x, "crop", names))') == ["crop"]
    assert not spelt_out('print(predictions.word(guess_x, came, ("yes", "no")))')


def test_what_an_answer_may_be_is_seen_on_a_page_of_600_pixels(cells):
    for cell in tagged(cells, "prediction"):
        assert max(map(len, cell.source.splitlines())) < predictions.WIDTH, cell.id


def test_what_stands_before_an_answer_leaves_it_its_line(cells):
    for cell in cells:
        for label in re.findall(r'print\(\s*"([^"]*)", predictions', cell.source):
            assert len(label) < predictions.LABEL, (cell.id, label)


def test_names_of_predictions_are_used_once(cells):
    names = [name for cell in tagged(cells, "prediction") for name in asked(cell)]
    assert len(set(names)) == len(names)


def test_what_answers_is_folded_in_every_front_end_that_can(cells):
    ids = [cell.id for cell in cells]
    for cell in cells:
        meta = cell.metadata
        folded = {
            "answers": "answers" in meta,
            "tag": "hide-output" in meta.get("tags", []),
            "lab": meta.get("jupyter", {}).get("outputs_hidden", False),
            "older": meta.get("collapsed", False),
        }
        assert len(set(folded.values())) == 1, (cell.id, folded)
        if "answers" in meta:
            about = meta["answers"]
            assert about in ids[: ids.index(cell.id)], (cell.id, about)
            assert about.endswith(("-guess", "-stub")), (cell.id, about)
            assert cell.outputs, f"{cell.id}: nothing is stored to unfold"


def test_no_sentence_gives_a_folded_answer_away(cells):
    """What to see in a folded result stands in a folded block too."""
    for before, cell in itertools.pairwise(cells):
        if cell.cell_type == "markdown" and "answers" in before.metadata:
            assert not cell.source.startswith("**What to see"), cell.id


def test_the_sites_pages_fold_them_too():
    shown = nbformat.v4.new_output("stream", text="the answer is k-center\n")
    hidden = {"jupyter": {"outputs_hidden": True}, "tags": ["hide-output"]}
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("1", outputs=[shown], metadata=hidden),
            nbformat.v4.new_code_cell("2", outputs=[shown]),
        ]
    )
    page = Lesson("x", notebook).body()
    assert page.count("the answer is k-center") == 2
    folds = re.findall(r"<details[^>]*>(.*?)</details>", page, flags=re.S)
    assert sum("the answer is k-center" in fold for fold in folds) == 1
