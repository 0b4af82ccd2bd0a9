"""What axe-core finds wrong for those who see, read or move differently: nothing serious.

Checked in a real browser: each notebook as a web page, from its stored outputs; the index page
beside them; and the explorer's own page. axe-core is a file in build/axe, which .ci/run fetches.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import nbformat
import pytest
import stand_ins
from conftest import ROOT, _missing, watched_page

from activecl_nb.pictures.explorer import Explorer

PATHS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
AXE = ROOT / "build" / "axe" / "axe.min.js"
GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.is_file():
        _missing(f"{AXE.relative_to(ROOT)} is not there; .ci/run says how to fetch axe-core")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def runner():
    """notebooks/run.py, which makes the pages of ``make run``."""
    spec = importlib.util.spec_from_file_location("run_notebooks", ROOT / "notebooks" / "run.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where a dataclass looks for the names in its annotations
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def findings(browser, axe):
    """findings(file, ...) -> what axe-core has against the page, "rule: element: why"."""

    def look(file: Path, prepare: str = "", **how) -> list[str]:
        page, _ = watched_page(browser, **how)
        page.route(
            "**/*",  # a page may ask for MathJax; here nobody answers
            lambda route: (
                route.continue_()
                if route.request.url.startswith(("file:", "data:", "blob:"))
                else route.abort()
            ),
        )
        page.goto(file.as_uri())
        if prepare:
            page.wait_for_selector(prepare)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        page.evaluate("document.querySelectorAll('.ax-drawer').forEach(d => d.hidden = false)")
        page.evaluate(axe)
        told = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert len(told["passes"]) >= 5, "axe-core looked at next to nothing"
        page.context.close()
        return [
            f"{rule['id']}: {' '.join(node['target'])}: {node['failureSummary']}"
            for rule in told["violations"]
            if rule["impact"] in GRAVE
            for node in rule["nodes"]
        ]

    return look


@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_a_lesson_as_a_page(path, findings, runner, tmp_path):
    file = tmp_path / f"{path.stem}.html"
    notebook = nbformat.read(path, as_version=4)
    file.write_text(runner.page(notebook, path.stem), encoding="utf-8")
    assert findings(file) == []


def test_the_index_of_executed_lessons(findings, runner, tmp_path, monkeypatch):
    monkeypatch.setenv("ACTIVECL_PROFILE", "tiny")
    results = [
        runner.Result(path, 12.3, None if n else 2.1, 4.5, "" if n else "ValueError: x")
        for n, path in enumerate(PATHS)
    ]
    runner.write_index(tmp_path, results)
    assert findings(tmp_path / "index.html") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("touched", ["nothing", "pinned and selected", "difference and hand"])
def test_the_explorers_page(findings, tmp_path, scheme, touched):
    made = stand_ins.everything(200, rounds=3, budget=12)
    explorer = Explorer(made.runs, made.data, map=made.map, round=1)
    if touched == "difference and hand":
        explorer.compare = ["random", "entropy"]
        explorer.hand = explorer.view.patches[:5].tolist()
        explorer.filter = {"only": {"class": ["TUM", "STR"]}}
    if touched == "pinned and selected":
        low, high = explorer.view.positions(0).min(axis=0), explorer.view.positions(0).max(axis=0)
        explorer.pinned = int(explorer.view.patches[3])
        explorer.lasso = [low, (high[0], low[1]), high, (low[0], high[1])]
        explorer.colour = "entropy"
    file = explorer.to_html(tmp_path / "explorer.html")
    assert findings(file, ".ax[data-drawn]", scheme=scheme) == []


def test_what_is_wrong_is_found(findings, tmp_path):
    """The tests above would be worth little if axe-core had not run."""
    file = tmp_path / "bad.html"
    file.write_text(
        '<!doctype html><html lang="en"><title>x</title><main><h1>A</h1><img src="data:,">'
        '<p style="color:#ccc;background:#fff">pale</p><a href="#a">a</a>'
        "<ul><li>b</li></ul></main></html>"
    )
    assert {line.partition(":")[0] for line in findings(file)} == {"color-contrast", "image-alt"}


def test_axe_core_is_the_version_that_is_asked_for():
    gate = (ROOT / ".ci" / "run").read_text()
    asked = gate.partition("axe-core@")[2].split()[0]
    kept = AXE.with_name("package.json")
    if not kept.is_file():
        _missing(f"{kept.relative_to(ROOT)} is not there; .ci/run says how to fetch axe-core")
    assert json.loads(kept.read_text())["version"] == asked
