"""The ledger's page in a real browser: nothing from elsewhere, wide and narrow, light and dark."""

from __future__ import annotations

import sys

import pytest
from conftest import ROOT, _missing, watched_page

from activecl_nb.evidence import report

sys.path.insert(0, str(ROOT / "tests" / "evidence"))
from test_claims import made

AXE = ROOT / "build" / "axe" / "axe.min.js"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ledger")
    report.write(made(folder), folder)
    return folder


@pytest.fixture(params=["report.html", "report_appendix.html"])
def file(request, written):
    return written / request.param


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_the_page_fits_and_asks_for_nothing(browser, file, screenshots, scheme, width):
    page, watch = watched_page(browser, width, scheme=scheme)
    page.goto(file.as_uri())
    page.screenshot(path=screenshots / f"{file.stem}-{scheme}-{width}.png")
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{wide} pixels stick out"
    if file.stem == "report":
        shown = page.evaluate("[...document.images].map(one => one.naturalWidth)")
        assert len(shown) >= 3 and min(shown) > 300
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")
    watch.clean()
    assert watch.foreign == []
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_axe_core_finds_nothing(browser, file, scheme, width):
    if not AXE.is_file():
        _missing(f"{AXE.relative_to(ROOT)} is not there; .ci/run says how to fetch axe-core")
    page, _ = watched_page(browser, width, scheme=scheme)
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    told = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert len(told["passes"]) >= 5, "axe-core looked at next to nothing"
    assert [rule["id"] for rule in told["violations"]] == []
    page.context.close()
