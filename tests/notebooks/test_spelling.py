"""British spelling throughout, in what a reader reads: lessons, README, teaching, docstrings."""

from __future__ import annotations

import ast
import re

import pytest
from notebook_tools import NOTEBOOKS
from pages import prose, without_code

ROOT = NOTEBOOKS.parent
TEXTS = [
    *sorted(NOTEBOOKS.glob("*.ipynb")),
    *(
        path
        for place in (".", "teaching", "results", "benchmarks")
        for path in (ROOT / place).glob("*.md")
    ),
]
SOURCES = sorted((ROOT / "activecl_nb").glob("*.py"))

# American -> British. A stem stands for all that begins with it, where that is never British.
AMERICAN = {
    r"color(?!ectal)\w*": "colour",
    r"gray\w*": "grey",
    r"behavior\w*": "behaviour",
    r"tumors?": "tumour",
    r"favor\w*": "favour",
    r"flavor\w*": "flavour",
    r"neighbor\w*": "neighbour",
    r"labor\b|labors": "labour",
    r"honor\w*": "honour",
    r"(?:epi)?center(?:s|ed|ing)?": "centre",
    r"meters?": "metre",
    r"fibers?": "fibre",
    r"liters?": "litre",
    r"caliber": "calibre",
    r"theaters?": "theatre",
    r"h?ematoxylin": "haematoxylin",
    r"labeled|labeling|unlabeled": "labelled",
    r"model(?:ed|ing)": "modelled",
    r"travel(?:ed|ing)": "travelled",
    r"cancel(?:ed|ing)": "cancelled",
    r"leveled|leveling": "levelled",
    r"(?:normal|standard|initial|random|optim|minim|maxim|visual|regular|general|memor|real|organ|"
    r"summar|recogn|character|emphas|priorit|penal|general|binar|local|synchron|special)"
    r"iz(?:e|es|ed|er|ers|ing|ation|ations)": "-ise",
    r"analyz(?:e|es|ed|er|ing)": "analyse",
    r"program(?:me)?d": "programmed",
    r"defense|offense|pretense": "defence",
    r"artifacts?": "artefact",
    r"skeptic\w*": "sceptic",
    r"judgment": "judgement",
    r"fulfill|enroll|skillful": "fulfil",
    r"toward": "towards",
    r"aging": "ageing",
    r"catalog": "catalogue",
    r"gotten": "got",
}
WORD = re.compile(rf"(?<![\w-])(?:{'|'.join(AMERICAN)})(?![\w-])", re.I)
# What others named, which keeps their spelling.
NAMES = ("k-center", "K-center")


def read_words(text: str) -> str:
    """The prose alone: without code, addresses, tags' attributes and titles of publications."""
    text = without_code(text)
    text = re.sub(r"https?://\S+|\]\([^)]*\)|<[^>]*>|\$[^$\n]*\$", " ", text)
    text = re.sub(r'"[^"\n]{12,}"', " ", text)  # a title or a message, in its own words
    for name in NAMES:
        text = text.replace(name, " ")
    return text


def american(text: str) -> list[str]:
    return sorted(set(WORD.findall(read_words(text))))


@pytest.mark.parametrize("path", TEXTS, ids=[p.relative_to(ROOT).as_posix() for p in TEXTS])
def test_british_spelling(path):
    assert american(prose(path)) == []


@pytest.mark.parametrize("path", SOURCES, ids=[path.stem for path in SOURCES])
def test_british_spelling_of_docstrings(path):
    nodes = [n for n in ast.walk(ast.parse(path.read_text())) if hasattr(n, "body")]
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    text = "\n\n".join(ast.get_docstring(node) or "" for node in nodes if isinstance(node, kinds))
    text = re.sub(r"``[^`]*``", " ", text)
    text = re.sub(r"^ *\w+(?:, \w+)*:", " ", text, flags=re.M)  # "optimizer: ..." names an argument
    assert american(text) == []


def test_the_words_are_found_and_code_is_not_read():
    text = "A color, two centers, the Behavior; we normalized a gray tumor and analyze it."
    assert american(text) == [
        "Behavior",
        "analyze",
        "centers",
        "color",
        "gray",
        "normalized",
        "tumor",
    ]
    fine = "Colour `color=3`, k-center greedy, [x](color.md), the size, a prize, rise, exercise.\n"
    assert american(fine + "```python\ncolor = center\n```\n") == []


# What a reader whose English is a second language stumbles on, and what to write instead.
IDIOMS = {
    r"\bmend(s|ed|ing)?\b": "repair, or what to do",
    r"\bfalls? for\b": "picks, prefers",
    r"\bsprint and marathon\b": "short and long",
}


@pytest.mark.parametrize(
    "path", TEXTS[: len(list(NOTEBOOKS.glob("*.ipynb")))], ids=lambda p: p.stem
)
def test_plain_words(path):
    for idiom, instead in IDIOMS.items():
        found = re.search(idiom, read_words(prose(path)))
        assert not found, f"{path.name}: {found[0]!r}; write {instead}"
