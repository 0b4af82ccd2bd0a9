"""What a page makes of names that somebody else chose."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pandas as pd
import pytest

from activecl_nb.evidence import report
from activecl_nb.evidence.report.first import Row
from activecl_nb.evidence.report.texts import plain
from activecl_nb.pictures.figures import Picture, canvas

LIKE = ["k-center", "k center", "k_center", "K-center", "k-center!", "数据", "结果", "-", ""]


def section(name: str) -> report.Section:
    return report.Section(name, "?", (), (Picture(canvas()[0], name),))


@pytest.mark.parametrize("pair", [*itertools.combinations(LIKE, 2)])
def test_grids_of_like_names_share_neither_anchor_nor_figure(pair):
    one, other = map(section, pair)
    assert one.anchor != other.anchor
    assert one.files[0][0] != other.files[0][0]


@pytest.mark.parametrize(
    "text", ["<img src=x onerror=alert(1)>", "a | b", "<b>", "[x](javascript:1)"]
)
def test_a_row_of_markdown_holds_nothing_that_a_browser_would_act_on(text):
    row = Row(text, text, text, text, real=False)
    *_, line = report.rows_table(SimpleNamespace(rows=(row,)))
    assert text not in line and line.count(plain(text)) == 4
    assert line.replace("\\|", "").count("|") == 5


def test_a_row_says_measure_and_tissue_once():
    rows = [
        Row("A against B", "mice", "1", "sure", True, "score"),
        Row("C against B", "mice", "2", "sure", True, "score"),
        Row("A claim", "mice", "3", "sure", True),
        Row("D against B", "men", "4", "sure", True, "score"),
    ]
    assert [row[:2] for row in report.cells(rows)] == [
        ("A against B, by score", "mice"),
        ("C against B, measured alike", "the same"),
        ("A claim", "the same"),
        ("D against B, by score", "men"),
    ]


def test_sentences_are_listed_as_paragraphs_that_a_page_of_any_width_holds():
    table = pd.DataFrame(
        [("one *claim*", "93%", ""), ("two", "", "yes")], columns=["a", "b", "c d"]
    )
    told = report.listed(table).split("\n\n")
    assert told == [r"**one \*claim\***", "- b: 93%", "**two**", "- c d: yes"]
