"""What axe-core finds wrong for those who see, read or move differently: nothing serious.

Checked in a real browser: pages of the site, the lessons among them from their stored outputs; and
the explorer's own page. axe-core is a file in build/axe, which .ci/run fetches.
"""

from __future__ import annotations

import json
from pathlib import Path

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
def made(tmp_path_factory) -> Path:
    """The site of the stored notebooks, as after a run in which one failed."""
    from activecl_nb.lessons import site

    went = {path.stem: "passed, 12 s, profile tiny" for path in PATHS[1:]}
    index = site.build(
        tmp_path_factory.mktemp("site"), went=went | {PATHS[0].stem: "ValueError: x < y, 3 s"}
    )
    return index.parent


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_a_lesson_as_a_page(path, findings, made, scheme):
    assert findings(made / "notebooks" / f"{path.stem}.html", scheme=scheme) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "url",
    ["index.html", "results/report.html", "teaching/README.html", "reference/simclr.html"],
)
def test_other_pages_of_the_site(url, findings, made, scheme):
    assert findings(made / url, scheme=scheme) == []


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
        low, high = explorer.view.map.positions.min(axis=0), explorer.view.map.positions.max(axis=0)
        explorer.pinned = int(explorer.view.patches[3])
        explorer.lasso = [low, (high[0], low[1]), high, (low[0], high[1])]
        explorer.colour = "entropy"
    file = explorer.to_html(tmp_path / "explorer.html")
    assert findings(file, ".ax[data-drawn]", scheme=scheme) == []


def test_what_is_wrong_is_found(findings, tmp_path):
    """The tests above would be worth little if axe-core had not run, or not in the dark."""
    file = tmp_path / "bad.html"
    file.write_text(
        '<!doctype html><html lang="en"><title>x</title><main><h1>A</h1><img src="data:,">'
        '<p style="color:#ccc;background:#fff">pale</p><a href="#a">a</a>'
        "<ul><li>b</li></ul></main></html>"
    )
    assert {line.partition(":")[0] for line in findings(file)} == {"color-contrast", "image-alt"}
    file.write_text(
        '<!doctype html><html lang="en"><title>x</title><style>'
        "@media (prefers-color-scheme: dark) { main { background: #111 } }"
        '</style><main><h1 style="color:#222">Dark on dark</h1></main></html>'
    )
    assert findings(file) == []
    assert [line.partition(":")[0] for line in findings(file, scheme="dark")] == ["color-contrast"]


def test_axe_core_is_the_version_that_is_asked_for():
    gate = (ROOT / ".ci" / "run").read_text()
    asked = gate.partition("axe-core@")[2].split()[0]
    kept = AXE.with_name("package.json")
    if not kept.is_file():
        _missing(f"{kept.relative_to(ROOT)} is not there; .ci/run says how to fetch axe-core")
    assert json.loads(kept.read_text())["version"] == asked
