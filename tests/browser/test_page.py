"""The standalone page in a real browser, by mouse and by keyboard, through every control."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import stand_ins

from activecl_nb.pictures.explorer import Explorer, ViewModel


@pytest.fixture(scope="module")
def made() -> SimpleNamespace:
    return stand_ins.everything(500, rounds=5, budget=25)


@pytest.fixture(scope="module")
def view(made) -> ViewModel:
    return ViewModel(made.runs, made.data, made.map)


@pytest.fixture(scope="module")
def file(made, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("page")
    explorer = Explorer(
        made.runs, made.data, map=made.map, round=0, panels=list(stand_ins.STRATEGIES)
    )
    return explorer.to_html(folder / "explorer.html", title="Picks <of> a test").as_uri()


@pytest.fixture
def page(open_page, file):
    page, watch = open_page(file)
    ready(page)
    yield page
    assert not watch.foreign  # it asks nobody for anything


def ready(page) -> None:
    page.wait_for_selector(".ax[data-thumbnails=ready]")
    page.wait_for_selector(".ax[data-drawn]")


def settle(page) -> None:
    """Two frames: the one in which a change is drawn, and one after it."""
    page.evaluate("new Promise(f => requestAnimationFrame(() => requestAnimationFrame(f)))")


def facts(page) -> list[tuple[str, int, int]]:
    """Strategy, round and picks on the map of each panel, as the page shows them."""
    settle(page)
    return page.eval_on_selector_all(
        ".ax-panel",
        "all => all.map(p => [p.dataset.strategy, +p.dataset.round, +p.dataset.picked])",
    )


def picture(page, panel: int = 0) -> bytes:
    settle(page)
    return page.locator(".ax-stage").nth(panel).screenshot()


def spots(page, view: ViewModel, panel: int = 0) -> np.ndarray:
    """Where the patches lie on an unzoomed panel, in pixels of its own: (n, 2)."""
    box = page.locator(".ax-overlay").nth(panel).bounding_box()
    points = view.map.positions
    low, high = points.min(axis=0), points.max(axis=0)
    scale = 0.92 * (np.array([box["width"], box["height"]]) / (high - low)).min()
    middle = np.array([box["width"], box["height"]]) / 2
    return middle + (points - (low + high) / 2) * scale * [1, -1]


def spot(page, view: ViewModel, row: int, panel: int = 0) -> tuple[float, float]:
    x, y = spots(page, view, panel)[row]
    return float(x), float(y)


def lonely(view: ViewModel) -> int:
    """The patch that lies farthest from its nearest on the map: no other is hit instead."""
    points = view.map.positions
    lengths = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(lengths, np.inf)
    return int(lengths.min(axis=1).argmax())


def test_it_opens_with_all_strategies(page):
    assert page.title() == "Picks <of> a test"
    assert facts(page) == [[name, 0, 25] for name in stand_ins.STRATEGIES]


def test_slider_and_buttons_step_the_round(page, view):
    slider = page.get_by_role("slider", name="Round")
    slider.fill("3")
    assert facts(page) == [[name, 3, 25] for name in stand_ins.STRATEGIES]
    page.get_by_role("button", name="Next round").click()
    assert facts(page)[0][1] == 4
    assert page.get_by_role("button", name="Next round").is_disabled()
    page.get_by_role("button", name="Previous round").click()
    assert facts(page)[0][1] == 3
    f1 = page.locator(".ax-f1").nth(1).text_content()
    assert f1 == f"F1 {view.f1[1, 3]:.2f}"
    bar = page.locator(".ax-panel").nth(1).locator(".ax-bar").first.get_attribute("aria-label")
    counts = view.summary(1, 3).picked
    named = zip(view.class_names, counts, strict=True)
    assert bar == ", ".join(f"{name} {count}" for name, count in named)


def test_picks_change_on_screen_with_the_round(page):
    before = picture(page, 1)
    page.get_by_role("slider", name="Round").fill("2")
    assert picture(page, 1) != before


def test_play_goes_to_the_last_round_and_stops(page):
    page.get_by_role("slider", name="Round").fill("2")
    play = page.get_by_role("button", name="Play the rounds").element_handle()
    play.click()
    page.wait_for_selector(".ax[data-round='4']")
    page.get_by_role("button", name="Play the rounds").wait_for()
    # From the end it starts again. Two clicks with nothing between them, so that no round passes.
    said = play.evaluate(
        """play => [0, 1].map(() => { play.click(); return play.getAttribute("aria-label") })"""
    )
    assert said == ["Pause", "Play the rounds"]
    page.wait_for_selector(".ax[data-round='0']")


def test_panels_and_strategies_can_be_chosen(page):
    page.get_by_label("Number of panels").select_option("2")
    assert [name for name, *_ in facts(page)] == ["random", "entropy"]
    page.get_by_label("Strategy of panel 1").select_option("certainty")
    assert [name for name, *_ in facts(page)] == ["certainty", "entropy"]
    page.get_by_label("Number of panels").select_option("1")
    assert [name for name, *_ in facts(page)] == ["certainty"]
    page.get_by_label("Number of panels").select_option("4")
    assert [name for name, *_ in facts(page)] == ["certainty", "random", "entropy", "kcenter"]


def test_every_colouring_is_drawn(page, view):
    page.get_by_role("slider", name="Round").fill("2")
    seen = {}
    for colour in view.colourings:
        page.get_by_label("Colour by").select_option(colour)
        seen[colour] = picture(page)
    assert len(set(seen.values())) == len(seen) == 9
    page.get_by_label("Colour by").select_option("entropy")
    page.get_by_label("Proxy and distances as they stood").select_option("after")
    assert picture(page) != seen["entropy"]


def test_before_round_0_nothing_is_known(page):
    page.get_by_label("Colour by").select_option("entropy")
    settle(page)
    legend = page.get_by_role("group", name="Legend")
    assert "not known yet" in legend.text_content()
    grey = picture(page)
    page.get_by_role("slider", name="Round").fill("1")
    assert picture(page) != grey


def test_how_the_marks_look_can_be_chosen(page):
    page.get_by_role("slider", name="Round").fill("2")
    plain = picture(page, 1)
    page.get_by_role("button", name="Look: size").click()
    seen = [plain]
    for tick in ("pick order", "fill the marks", "nearest one half"):
        page.get_by_label(tick).check()
        seen.append(picture(page, 1))
    page.get_by_role("slider", name="Opacity of the dots").fill("0.2")
    seen.append(picture(page, 1))
    page.get_by_role("slider", name="Size of the dots").fill("2")
    seen.append(picture(page, 1))
    page.get_by_label("density").uncheck()
    assert len({*seen, picture(page, 1)}) == 7


def test_legend_shows_one_class_alone(page):
    before = picture(page)
    tumour = page.get_by_role("group", name="Legend").get_by_role("button", name="TUM")
    tumour.click()
    assert picture(page) != before  # which waits until the legend is drawn again, too
    tumour = page.get_by_role("group", name="Legend").get_by_role("button", name="TUM")
    assert tumour.get_attribute("aria-pressed") == "true"
    tumour.click()
    page.mouse.move(0, 0)
    assert picture(page) == before


def test_hover_shows_the_patch_and_when_each_strategy_took_it(page, view):
    row = lonely(view)
    page.get_by_role("slider", name="Round").fill("3")
    x, y = spot(page, view, row)
    page.locator(".ax-overlay").first.hover(position={"x": x, "y": y})
    settle(page)
    card = page.locator(".ax-float")
    name = view.class_names[view.labels[row]]
    assert f"{name}  patch {view.patches[row]}" in card.locator("strong").text_content()
    for s in range(4):
        line = card.locator("tbody tr").nth(s).locator("th, td").all_text_contents()
        taken = view.taken[s, row]
        said = "never" if taken < 0 else f"{taken} ({view.order[s, row] + 1})"
        assert (line[0], line[4]) == (view.names[s], said)
        assert float(line[1]) == pytest.approx(view.probability(s, 3)[row], abs=0.02)
        assert float(line[2]) == pytest.approx(view.entropy(s, 3)[row], abs=0.03)
        assert float(line[3]) == pytest.approx(view.distances[s, 3, row], abs=0.05)
    drawn = page.evaluate(
        """() => { const c = document.querySelector('.ax-card');
        return new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size }"""
    )
    assert drawn > 10
    page.mouse.move(2, 2)
    settle(page)
    assert card.is_hidden()


def test_click_pins_and_shows_the_nearest_in_feature_space(page, view):
    row = lonely(view)
    x, y = spot(page, view, row)
    page.locator(".ax-overlay").first.click(position={"x": x, "y": y})
    page.mouse.move(2, 2)
    settle(page)
    side = page.get_by_label("Patches", exact=True)
    assert "(pinned)" in side.text_content()
    near = page.get_by_role("application", name="Nearest neighbours")
    assert near.get_attribute("data-rows") == "8"
    near.focus()
    near.press("ArrowRight")
    second = view.neighbours(row)[1]
    assert f"patch {view.patches[second]};" in near.get_attribute("aria-label")
    near.press("Enter")
    settle(page)
    assert f"patch {view.patches[second]} (pinned)" in side.text_content()
    side.get_by_role("button", name="Unpin").click()
    page.mouse.move(2, 2)
    settle(page)
    assert near.is_hidden()


def lasso(page, view: ViewModel, corners: np.ndarray, **how) -> None:
    box = page.locator(".ax-overlay").first.bounding_box()
    page.mouse.move(box["x"] + corners[0][0], box["y"] + corners[0][1])
    page.mouse.down()
    for x, y in [*corners[1:], corners[0]]:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
    page.mouse.up()
    settle(page)


def test_lasso_gives_a_gallery_and_its_composition(page, view):
    box = page.locator(".ax-overlay").first.bounding_box()
    at = spots(page, view)
    x0, x1 = 0.2 * box["width"], 0.6 * box["width"]
    y0, y1 = 0.1 * box["height"], 0.9 * box["height"]
    inside = ((at > [x0, y0]) & (at < [x1, y1])).all(axis=1)
    page.get_by_role("button", name="Draw around patches").click()
    lasso(page, view, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    gallery = page.get_by_role("application", name="Patches inside the lasso")
    found = int(gallery.get_attribute("data-inside"))
    assert found == pytest.approx(inside.sum(), abs=3)  # the pen is a pixel wide
    said = page.get_by_label("Patches", exact=True).text_content()
    assert f"{found} patches" in said
    most = np.bincount(view.labels[inside], minlength=9)
    assert f"{view.class_names[most.argmax()]} {most.max()}" in said
    gallery.focus()
    gallery.press("ArrowDown")
    gallery.press("Enter")
    settle(page)
    assert "(pinned)" in page.get_by_label("Patches", exact=True).text_content()
    page.get_by_role("button", name="Clear the lasso").click()
    settle(page)
    assert gallery.is_hidden()


def test_zoom_and_pan_are_linked(page):
    before = [picture(page, panel) for panel in (0, 3)]
    page.get_by_role("button", name="Zoom in").click()
    zoomed = [picture(page, panel) for panel in (0, 3)]
    assert all(a != b for a, b in zip(before, zoomed, strict=True))
    box = page.locator(".ax-overlay").first.bounding_box()
    x, y = box["x"] + 4, box["y"] + 4
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 40, steps=5)
    page.mouse.up()
    page.mouse.move(0, 0)
    panned = [picture(page, panel) for panel in (0, 3)]
    assert all(a != b for a, b in zip(zoomed, panned, strict=True))
    page.get_by_role("button", name="Fit: show the whole map").click()
    assert [picture(page, panel) for panel in (0, 3)] == before


def test_the_wheel_zooms_only_once_the_map_is_chosen(page):
    map = page.locator(".ax-overlay").first
    box = map.bounding_box()
    corner = {"x": 3, "y": 3}
    page.evaluate("addEventListener('wheel', () => window.turns = (window.turns || 0) + 1, true)")

    def turn(times: int) -> None:
        """Turn the wheel, and wait until the page has been told of it."""
        page.mouse.wheel(0, -200)
        page.wait_for_function("times => window.turns === times", arg=times)

    page.mouse.move(box["x"] + 3, box["y"] + 3)
    before = picture(page, 2)
    turn(1)
    assert picture(page, 2) == before
    map.click(position=corner)
    turn(2)
    assert picture(page, 2) != before


def test_everything_is_reached_and_worked_by_keyboard(page, view):
    """Tab comes past every control; the keys of each do what the mouse would."""
    for opened in ("Filter: show", "Look: size", "Lasso: draw"):
        page.get_by_role("button", name=opened).press("Enter")
    reached = []
    page.get_by_role("button", name="Play the rounds").focus()
    for _ in range(90):
        name = page.evaluate(
            """() => { const e = document.activeElement;
            return e === document.body ? '' : (e.getAttribute('aria-label') || e.textContent
            || e.closest('label')?.textContent || '').trim() }"""
        )
        if not name or name in reached:
            break
        reached.append(name)
        page.keyboard.press("Tab")
    for wanted in (
        *("Play the rounds", "Round", "Next round", "Number of panels", "Colour by"),
        *("Difference: what only one of two strategies picked", "What the lasso does"),
        *("Lasso: draw around patches to see them", "Zoom in", "Zoom out"),
        *("Pick by hand: be the strategy of a round", "pick order", "nearest one half"),
        *("Size of the dots", "Opacity of the dots", "Show what was picked by"),
        *("Picked from round", "Show a range of", "Show all: clear the filter"),
        *("CSV: save what is selected, or else shown, as a table", "Enlarge panel 1"),
        *("Link: copy an address that opens this view", "Next step of the tour"),
        *("Select view: all patches that are in view", "Fit: show the whole map"),
        *(f"TUM {(view.labels == 8).sum()}", "Strategy of panel 1", "Strategy of panel 4"),
    ):
        assert wanted in reached, (wanted, reached)
    assert sum(name.startswith("random, round 0") for name in reached) == 1
    unmarked = page.eval_on_selector_all(
        ".ax button, .ax select, .ax input, .ax summary, .ax [tabindex]",
        "all => all.filter(e => !e.hasAttribute('data-lm-suppress-shortcuts')).length",
    )
    assert unmarked == 0


def test_keys_on_a_map(page, view):
    map = page.locator(".ax-overlay").nth(1)
    map.focus()
    for key, round in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 4)):
        map.press(key)
        assert facts(page)[1] == ["entropy", round, 25]
    map.press("Home")
    map.press("ArrowRight")
    whole = picture(page, 1)
    for key in ("+", "Shift+ArrowRight", "Shift+ArrowUp", "-"):
        before = picture(page, 1)
        map.press(key)
        assert picture(page, 1) != before, key
    map.press("0")
    assert picture(page, 1) == whole
    map.press(".")
    map.press(".")
    status = page.get_by_role("status").text_content()
    second = np.flatnonzero((view.taken[1] == 1) & (view.order[1] == 1))[0]
    assert status.startswith("Pick 2:")
    assert f"patch {view.patches[second]};" in status
    map.press("Enter")
    settle(page)
    side = page.get_by_label("Patches", exact=True)
    assert f"patch {view.patches[second]} (pinned)" in side.text_content()
    map.press("l")
    settle(page)
    gallery = page.get_by_role("application", name="Patches inside the lasso")
    assert gallery.get_attribute("data-inside") == str(view.n)
    map.press("Escape")
    settle(page)
    assert gallery.is_hidden()
    assert "(pinned)" in side.text_content()
    map.press("Escape")
    settle(page)
    assert "(pinned)" not in side.text_content()


def test_the_table_says_the_same(page, view):
    page.get_by_role("slider", name="Round").fill("2")
    settle(page)
    spoken = page.locator(".ax-hidden table tbody tr").all_text_contents()
    assert len(spoken) == 4  # a screen reader finds it without opening anything
    page.get_by_text("The same in a table").click()
    settle(page)
    rows = page.locator(".ax-details table").first.locator("tbody tr")
    cells = rows.nth(2).locator("th, td").all_text_contents()
    summary = view.summary(2, 2)
    assert cells[:4] == ["kcenter", "25", f"{summary.share():.0%}", f"{summary.share(True):.0%}"]
    assert cells[6] == f"{summary.f1:.3f}"
    assert cells[10:] == [str(count) for count in summary.picked]
    overlaps = page.locator(".ax-details table").nth(1).locator("tbody tr").all_text_contents()
    shared = view.overlap(0, 1, 2)
    assert len(overlaps) == 6
    assert overlaps[0].startswith(f"random and entropy{shared.shared} of 25")


def test_the_round_is_announced(page):
    page.get_by_role("button", name="Next round").click()
    status = page.get_by_role("status").text_content()
    assert status.startswith("Round 1. random: 25 picked")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1600, 1000, 420])
def test_it_fits_every_window(open_page, file, view, screenshots, width, scheme):
    page, _ = open_page(file, width=width, scheme=scheme)
    ready(page)
    page.get_by_role("slider", name="Round").fill("2")
    x, y = spot(page, view, lonely(view))
    page.locator(".ax-overlay").first.click(position={"x": x, "y": y})
    settle(page)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    for panel in page.locator(".ax-stage").all():
        assert panel.bounding_box()["width"] >= 150
    ground = page.evaluate("getComputedStyle(document.querySelector('.ax')).backgroundColor")
    red = int(ground.removeprefix("rgb(").split(",")[0])
    assert (red < 80) == (scheme == "dark")
    page.screenshot(path=screenshots / f"page-{width}-{scheme}.png", full_page=True)


def test_a_run_in_the_making_is_shown_as_far_as_it_is(made, open_page, tmp_path):
    runs = dict(made.runs)
    runs["kcenter"] = SimpleNamespace(**{**vars(runs["kcenter"]), "rounds": ()})
    page, _ = open_page(
        Explorer(runs, made.data, map=made.map, round=3, panels=["random", "kcenter"])
        .to_html(tmp_path / "x.html")
        .as_uri()
    )
    ready(page)
    assert facts(page)[1] == ["kcenter", 3, 0]
    assert "not run yet" in page.locator(".ax-panel").nth(1).text_content()


def test_errors_on_a_page_are_noticed(open_page, tmp_path):
    """The tests above would be worth little if an error in a callback went by unseen."""
    broken = tmp_path / "broken.html"
    broken.write_text("<button onclick='nowhere()'>x</button><script>console.error('y')</script>")
    page, watch = open_page(broken.as_uri())
    with page.expect_event("pageerror"):
        page.click("button")
    assert len(watch.errors) == 2
    watch.errors.clear()
