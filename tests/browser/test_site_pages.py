"""The site in a real browser: nothing from elsewhere, wide and narrow, light and dark, search."""

from __future__ import annotations

import pytest
from conftest import watched_page

from activecl_nb.lessons import site

A4 = 700  # pixels between the margins
PAGES = ["index.html", "notebooks/05_the_loop.html", "results/report.html", "explorer.html"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return site.build(tmp_path_factory.mktemp("site")).parent


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 900, 1400])
@pytest.mark.parametrize("url", PAGES)
def test_a_page_fits_and_asks_for_nothing(browser, made, screenshots, url, width, scheme):
    page, watch = watched_page(browser, width, scheme=scheme)
    page.goto((made / url).as_uri())
    page.screenshot(path=screenshots / f"site-{url.replace('/', '-')}-{scheme}-{width}.png")
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{wide} pixels stick out"
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")
    watch.clean()
    assert watch.foreign == []
    page.context.close()


def test_no_page_asks_for_anything_and_all_fit_on_paper(browser, made):
    page, watch = watched_page(browser, A4)
    page.emulate_media(media="print")
    for path in sorted(made.rglob("*.html")):
        page.goto(path.as_uri())
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{path.relative_to(made)}: {wide} pixels stick out"
    watch.clean()
    assert watch.foreign == []
    page.context.close()


@pytest.mark.parametrize("chosen", ["the system", "the button"])
def test_paper_is_light_and_has_what_is_folded(browser, made, chosen):
    page, _ = watched_page(browser, A4, scheme="dark" if chosen == "the system" else "light")
    page.goto((made / "notebooks" / "02_simclr.html").as_uri())
    if chosen == "the button":
        page.click("#theme")
    page.emulate_media(media="print", color_scheme=None)
    colour = "getComputedStyle(document.body).color"
    assert page.evaluate(colour) == "rgb(27, 27, 27)"
    assert not page.locator("header").is_visible()
    answer = page.locator("details.answer").first
    assert answer.locator(":scope > :not(summary)").first.is_visible()
    page.context.close()


def test_search_leads_to_the_lesson_from_any_depth(browser, made):
    page, watch = watched_page(browser)
    page.goto((made / "teaching" / "README.html").as_uri())
    page.fill("#search", "minus sign")
    page.click("#results a:has-text('Strategies')")
    page.wait_for_url("**/notebooks/04_strategies.html")
    watch.clean()
    page.context.close()


def test_the_button_turns_the_page_dark_and_light(browser, made):
    page, _ = watched_page(browser, scheme="light")
    page.goto((made / "index.html").as_uri())
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.click("#theme")
    assert page.evaluate(colour) != light
    page.click("#theme")
    assert page.evaluate(colour) == light
    page.context.close()


def test_answers_are_folded_one_click_away(browser, made):
    page, _ = watched_page(browser)
    page.goto((made / "notebooks" / "02_simclr.html").as_uri())
    answer = page.locator("details.answer").first
    inside = answer.locator(":scope > :not(summary)").first
    assert not inside.is_visible()
    answer.locator("summary").click()
    assert inside.is_visible()
    page.context.close()


def test_the_explorer_can_be_played_with_and_follows_the_button(browser, made):
    page, watch = watched_page(browser)
    page.goto((made / "explorer.html").as_uri())
    explorer = page.frame_locator("iframe")
    drawn = explorer.locator(".ax[data-drawn]").first
    drawn.wait_for()
    explorer.get_by_role("slider", name="Round").fill("2")
    explorer.locator(".ax[data-round='2']").wait_for()
    page.click("#theme")
    explorer.locator("body.dark").wait_for()
    paper = "getComputedStyle(document.querySelector('.ax')).backgroundColor"
    assert drawn.evaluate(paper) not in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")
    page.reload()  # the choice is kept, and the explorer asks for it
    explorer.locator("body.dark").wait_for()
    watch.clean()
    page.context.close()
