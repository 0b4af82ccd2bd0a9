"""The difference view, filters, what is saved, links, the tour and picking by hand."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import stand_ins

from activecl_nb.pictures.explorer import Explorer, ViewModel, filters


@pytest.fixture(scope="module")
def made() -> SimpleNamespace:
    made = stand_ins.everything(500, rounds=5, budget=25)
    made.data.train.facts["slide"] = np.arange(500) % 40
    return made


@pytest.fixture(scope="module")
def view(made) -> ViewModel:
    return ViewModel(made.runs, made.data, made.map)


@pytest.fixture(scope="module")
def file(made, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("page") / "explorer.html"
    return Explorer(made.runs, made.data, map=made.map).to_html(path).as_uri()


@pytest.fixture
def page(open_page, file):
    page, watch = open_page(file)
    ready(page)
    yield page
    assert not watch.foreign


def ready(page) -> None:
    page.wait_for_selector(".ax[data-thumbnails=ready][data-drawn]")


def settle(page) -> None:
    page.evaluate("new Promise(f => requestAnimationFrame(() => requestAnimationFrame(f)))")


def rest(page) -> None:
    """Until a map that was moved has come to rest: the page waits 120 ms, and this timer longer."""
    page.evaluate("new Promise(f => setTimeout(f, 150))")
    settle(page)


def press(page, name: str) -> None:
    page.get_by_role("button", name=name).click()
    settle(page)


def picture(page, panel: int = 0) -> bytes:
    page.mouse.move(0, 0)
    settle(page)
    return page.locator(".ax-stage").nth(panel).screenshot()


def side(page) -> str:
    return page.get_by_label("Patches", exact=True).inner_text()


def test_it_opens_with_random_beside_entropy_at_round_1(page):
    panels = page.eval_on_selector_all(
        ".ax-panel", "all => all.map(p => [p.dataset.strategy, p.dataset.round])"
    )
    assert panels == [["random", "1"], ["entropy", "1"]]
    room = page.locator(".ax-grid").bounding_box()["width"]
    maps = page.locator(".ax-stage").all()
    assert sum(map.bounding_box()["width"] for map in maps) > 0.97 * room
    assert room > 0.97 * page.locator(".ax").bounding_box()["width"]


@pytest.mark.parametrize("width", [420, 900, 1600])
def test_no_view_is_wider_than_the_screen(open_page, file, width):
    page, _ = open_page(file, width=width)
    ready(page)
    views = ["Difference:", "Filter:", "Look: size", "Pick by hand"]
    for name in [*views, "Difference:"]:
        press(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_a_control_that_says_nothing_takes_no_room(page):
    stood = page.get_by_label("Proxy and distances as they stood")
    assert stood.is_hidden()
    page.get_by_label("Colour by").select_option("entropy")
    assert stood.is_visible()
    how = page.get_by_label("What the lasso does")
    assert how.is_hidden()
    press(page, "Lasso: draw")
    assert how.is_visible()


def test_one_panel_is_enlarged_to_all_and_back(page):
    page.get_by_label("Number of panels").select_option("4")
    settle(page)
    small = page.locator(".ax-stage").nth(2).bounding_box()
    press(page, "Enlarge panel 3")
    assert page.locator(".ax-panel").count() == 1
    assert page.locator(".ax-panel").get_attribute("data-strategy") == "kcenter"
    large = page.locator(".ax-stage").bounding_box()
    assert large["width"] * large["height"] > 2.5 * small["width"] * small["height"]
    picks = page.get_by_role("application", name="Picked by kcenter in round 1")
    assert picks.get_attribute("data-rows") == "25"
    assert picks.bounding_box()["x"] > large["x"] + large["width"]  # beside the map
    press(page, "Enlarge panel 3")
    assert page.locator(".ax-panel").count() == 4
    assert picks.is_hidden()


def test_the_difference_of_two_strategies_in_one_click(page, view, screenshots):
    press(page, "Difference:")
    found = view.difference(0, 1, 1)
    panel = page.locator(".ax-panel")
    assert panel.count() == 1
    counts = [int(panel.get_attribute(f"data-{name}")) for name in ("only-a", "both", "only-b")]
    assert counts == [len(found.only_a), len(found.both), len(found.only_b)]
    galleries = page.locator(".ax-groups .ax-box:visible")
    titles = ("only random", "only entropy", "random and entropy")
    groups = (found.only_a, found.only_b, found.both)
    for at, (title, rows) in enumerate(zip(titles, groups, strict=True)):
        text = galleries.nth(at).inner_text()
        assert text.startswith(title)
        classes = re.split("patch(?:es)?: ", text)[1].split(".")[0]
        there = {name: count for name, count in view.composition(rows).items() if count}
        assert {part.split()[0]: int(part.split()[1]) for part in classes.split(", ")} == there
        entropy = np.nanmean(view.entropy(1, 1)[rows])
        line = galleries.nth(at).locator("tr").filter(has_text="entropy").last
        assert float(line.locator("td").last.inner_text()) == pytest.approx(entropy, abs=0.02)
        tiles = galleries.nth(at).get_by_role("application")
        assert tiles.get_attribute("data-rows") == str(len(rows))
    lines = page.locator(".ax-hidden table").first.locator("tbody tr").all_text_contents()
    assert all(line.startswith(titles[at]) for line, at in zip(lines, (0, 2, 1), strict=True))
    one, other, both, map = (
        part.bounding_box() for part in (*galleries.all(), page.locator(".ax-stage"))
    )
    assert map["x"] + map["width"] < one["x"] < other["x"]  # all three side by side
    assert one["y"] == other["y"] < map["y"] + map["height"]
    assert both["x"] < map["x"] + map["width"] and map["y"] + map["height"] < both["y"]  # below it
    page.get_by_role("slider", name="Round").fill("3")
    before = picture(page)
    page.get_by_label("Picks that are compared").select_option("so far")
    assert picture(page) != before
    far = view.difference(0, 1, 3, so_far=True)
    assert panel.get_attribute("data-both") == str(len(far.both))
    page.get_by_label("Second strategy of the difference").select_option("kcenter")
    settle(page)
    assert panel.get_attribute("data-only-b") == str(len(view.difference(0, 2, 3, True).only_b))
    page.screenshot(path=screenshots / "difference.png", full_page=True)
    press(page, "Difference:")
    assert page.locator(".ax-panel").count() == 2


def test_the_galleries_of_a_difference_show_what_the_filter_does(page, view):
    press(page, "Difference:")
    assert (
        page.get_by_role("status").text_content().startswith("Difference, in round 1. only random")
    )
    page.get_by_role("group", name="Legend").get_by_role("button").filter(has_text="TUM").click()
    settle(page)
    found = view.difference(0, 1, 1)
    for name, rows in (("only random", found.only_a), ("only entropy", found.only_b)):
        gallery = page.locator(f".ax-box:has(h4:text-is('{name}')) canvas")
        assert gallery.get_attribute("data-inside") == str((view.labels[rows] == 8).sum())
    page.get_by_role("button", name="Next round").click()
    assert page.get_by_role("status").text_content().startswith("Difference, in round 2.")


@pytest.mark.parametrize("width", [1400, 420])
def test_a_long_name_of_a_strategy_does_not_widen_the_page(made, open_page, tmp_path, width):
    long = "a strategy of mine with a name that is very long indeed, version_12_of_twenty_four"
    runs = {long: made.runs["random"], "entropy": made.runs["entropy"]}
    shown = Explorer(runs, made.data, map=made.map, compare=[long, "entropy"])
    page, _ = open_page(shown.to_html(tmp_path / "long.html").as_uri(), width=width)
    ready(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for box in page.locator(".ax-box:visible").all():
        assert box.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_a_second_finger_moves_nothing(page):
    before = picture(page)
    page.locator(".ax-overlay").first.evaluate(
        """map => {
          const box = map.getBoundingClientRect();
          map.setPointerCapture = () => {};
          const send = (kind, pointerId, x) => map.dispatchEvent(
            new PointerEvent(kind, { pointerId, clientX: box.left + x, clientY: box.top + 50 }));
          send("pointerdown", 1, 100);
          send("pointerdown", 2, 200);
          send("pointermove", 2, 260);
          send("pointerup", 2, 260);
          send("pointercancel", 1, 100);
        }"""
    )
    assert picture(page) == before


def legend(page, name: str) -> str:
    buttons = page.get_by_role("group", name="Legend").get_by_role("button")
    return buttons.filter(has_text=name).text_content()


def test_filters_leave_less_to_see_and_the_legend_counts_it(page, view):
    tumours = int((view.labels == 8).sum())
    assert legend(page, "TUM") == f"TUM {tumours}"
    before = picture(page, 1)
    press(page, "Filter:")
    page.get_by_label("Show what was picked by").select_option("entropy")
    page.get_by_label("Picked from round").fill("1")
    page.get_by_label("Picked up to round").fill("2")
    page.get_by_label("Picked up to round").press("Tab")
    settle(page)
    rows = np.concatenate([view.picks(1, t) for t in (1, 2)])
    of_class = int((view.labels[rows] == 8).sum())
    assert legend(page, "TUM") == f"TUM {of_class} of {tumours}"
    assert f"{len(rows)} of {view.n} patches shown" in page.locator(".ax-shown").inner_text()
    assert picture(page, 1) != before
    press(page, "Show all: clear the filter")
    page.get_by_label("Show a range of").select_option("entropy")
    page.get_by_label("Lowest score").fill("0.5")
    page.get_by_label("Lowest score").press("Tab")
    settle(page)
    shown = filters.shown(view, {"score": "entropy", "low": 0.5}, 0, 1).sum()
    said = int(page.locator(".ax-shown").inner_text().split()[0])
    assert said == pytest.approx(shown, abs=4)  # a byte a logit
    press(page, "Show all: clear the filter")
    assert picture(page, 1) == before
    page.get_by_label("Colour by").select_option("artefact")
    button = page.get_by_role("group", name="Legend").get_by_role("button").filter(has_text="pen")
    button.click()
    settle(page)
    assert legend(page, "fold").startswith("fold 0 of ")


def drag(page, corners, keys: tuple[str, ...]) -> None:
    """Draw a lasso on the first panel, in parts of its size, with these keys held."""
    box = page.locator(".ax-overlay").first.bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    for key in keys:
        page.keyboard.down(key)
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in [*points[1:], points[0]]:
        page.mouse.move(*point, steps=3)
    page.mouse.up()
    for key in keys:
        page.keyboard.up(key)
    settle(page)


def inside(page) -> int:
    gallery = page.get_by_role("application", name="Patches inside the lasso")
    return int(gallery.get_attribute("data-inside"))


LEFT = [(0.02, 0.02), (0.5, 0.02), (0.5, 0.98), (0.02, 0.98)]
RIGHT = [(0.5, 0.02), (0.98, 0.02), (0.98, 0.98), (0.5, 0.98)]
LOW = [(0.01, 0.5), (0.99, 0.5), (0.99, 0.99), (0.01, 0.99)]


def test_a_lasso_is_added_to_and_taken_from_and_saved(page, view, tmp_path):
    drag(page, LEFT, ("Shift",))
    left = inside(page)
    assert 0 < left < view.n
    drag(page, RIGHT, ("Shift", "Control"))
    assert inside(page) == pytest.approx(view.n, abs=3)  # the pen is a pixel wide
    page.get_by_label("What the lasso does").select_option("take")
    drag(page, LOW, ("Shift",))
    rest = inside(page)
    assert 0 < rest < view.n
    with page.expect_download() as saved:
        press(page, "CSV:")
    saved.value.save_as(tmp_path / "patches.csv")
    told = pd.read_csv(tmp_path / "patches.csv")
    assert len(told) == rest
    here = filters.table(view, np.flatnonzero(np.isin(view.patches, told["patch"])), 1)
    assert list(told.columns) == list(here.columns)
    assert told["class"].tolist() == here["class"].tolist()
    press(page, "Clear the lasso")
    assert page.get_by_role("application", name="Patches inside the lasso").is_hidden()


def test_the_view_is_saved_as_a_picture(page, tmp_path):
    from PIL import Image

    with page.expect_download() as saved:
        press(page, "PNG:")
    saved.value.save_as(tmp_path / "view.png")
    image = Image.open(io.BytesIO((tmp_path / "view.png").read_bytes()))
    stage = page.locator(".ax-stage").first.bounding_box()
    assert image.width > 2 * stage["width"] and image.height > stage["height"]
    assert len(set(image.convert("RGB").getdata())) > 50


def test_a_link_opens_the_same_view(page, open_page):
    page.get_by_label("Number of panels").select_option("3")
    page.get_by_role("slider", name="Round").fill("3")
    page.get_by_label("Colour by").select_option("entropy")
    drag(page, LEFT, ("Shift",))
    map = page.locator(".ax-overlay").first
    map.focus()
    for key in (".", "Enter", "+", "+"):
        map.press(key)
    press(page, "Look: size")
    page.get_by_label("nearest one half").check()
    page.get_by_role("slider", name="Size of the dots").fill("2")
    press(page, "Link: copy")
    address = page.evaluate("window.location.href")
    assert "#" in address
    again, _ = open_page(address)
    ready(again)
    again.get_by_role("button", name="Look: size").click()
    for one in (page, again):
        one.evaluate("document.activeElement.blur()")
        one.mouse.move(0, 0)
        rest(one)
    assert side(again) == side(page)
    assert picture(again, 1) == picture(page, 1)
    assert again.locator(".ax-legend").inner_text() == page.locator(".ax-legend").inner_text()


def test_a_broken_or_foreign_link_opens_all_the_same(open_page, file):
    for hash in (
        "#round=%7B",
        "#panels=%5B%22nobody%22%5D&colour=%22mood%22",
        "#round=999&lasso=3",
    ):
        page, _ = open_page(file + hash)
        ready(page)
        assert page.locator(".ax-panel").count() == 2


def test_of_many_names_those_without_a_button_stand_in_a_menu(page, view):
    page.get_by_label("Colour by").select_option("slide")
    settle(page)
    menu = page.get_by_label("Show only another of them")
    slides = view.train.facts["slide"][view.patches]
    names = [str(slide) for slide in np.unique(slides)]
    buttons = page.locator(".ax-legend button")
    assert buttons.count() == 16 and menu.locator("option").count() == len(names) - 16 + 1
    menu.select_option(names[-1])
    settle(page)
    assert buttons.count() == 17
    chosen = page.locator(".ax-legend button[aria-pressed=true]")
    count = int((slides == int(names[-1])).sum())
    assert chosen.inner_text().split() == [names[-1], f"{count}", "of", f"{count}"]
    chosen.click()
    settle(page)
    assert buttons.count() == 16


def test_the_card_never_scrolls_and_goes_when_its_patch_is_pinned(page):
    overlay, card = page.locator(".ax-overlay").first, page.locator(".ax-float")
    overlay.focus()
    page.keyboard.press(".")
    for part in card.locator(":scope, :scope > div").all():
        assert part.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    page.keyboard.press("Enter")
    settle(page)
    assert card.is_hidden() and page.locator(".ax-pinned").is_visible()
    page.keyboard.press(".")
    assert card.is_visible()  # of another patch


# A browser that prints lays a page out anew and tells no observer of it.
ONCE = """window.ResizeObserver = class {
  constructor(f) { this.f = f; } observe() { setTimeout(this.f, 0); } disconnect() {} };"""


def test_on_paper_maps_fit_their_panels(open_page, file):
    page, _ = open_page("about:blank")
    page.add_init_script(ONCE)
    page.goto(file)
    ready(page)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 1000})
    settle(page)
    for map, stage in zip(page.locator(".ax-map").all(), [0, 0, 1, 1], strict=True):
        inner, outer = map.bounding_box(), page.locator(".ax-stage").nth(stage).bounding_box()
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]
        assert inner["y"] + inner["height"] <= outer["y"] + outer["height"]
    assert page.locator(".ax-toolbar button:visible").count() == 0
    assert page.locator(".ax-round").is_visible()


def test_the_tour_has_five_steps_by_keyboard_and_comes_once(page, file):
    tour = page.get_by_role("region", name="Tour")
    assert tour.is_visible()  # this browser sees the page for the first time
    seen = []
    tour.get_by_role("button", name="Next step").focus()
    for _ in range(5):
        seen.append(tour.locator(".ax-tour-text").inner_text())
        assert page.locator(".ax-toured").count() == 1
        page.keyboard.press("Enter")
    assert [text[:6] for text in seen] == [f"{n} of 5" for n in range(1, 6)]
    assert tour.is_hidden()
    press(page, "Tour: five steps")
    page.keyboard.press("Escape")
    assert tour.is_hidden()
    assert page.locator(".ax-toured").count() == 0
    page.reload()
    ready(page)
    assert tour.is_hidden()


def test_picks_by_hand_are_compared_with_the_strategies(page, view, screenshots):
    press(page, "Pick by hand")
    drag(page, LEFT, ("Shift",))
    box = page.locator(".ax-hand")
    assert "Round 1: 25 of 25 picked" in box.inner_text()  # more lay inside than a round takes
    lasso = page.get_by_label("What the lasso does")
    assert lasso.input_value() == "add"  # picks by hand are cleared with their own button
    assert lasso.locator("option[value=new]").get_attribute("hidden") is not None
    drag(page, LEFT, ("Shift",))
    told = page.get_by_role("status").text_content()
    assert told == "25 of 25 picked by hand; the round is full: train it, or take some away"
    assert "; it is full." in box.inner_text()
    lines = {
        cells[0]: cells[1:]
        for cells in (
            row.locator("th, td").all_text_contents() for row in box.locator("tbody tr").all()
        )
    }
    assert list(lines) == ["by hand", *stand_ins.STRATEGIES]
    assert lines["entropy"][:2] == ["25", f"{view.summary(1, 1).share():.0%}"]
    known = view.train.facts
    rows = view.patches[view.picks(1, 1)]
    good = (known["difficulty"][rows] >= 0.2) & (known["duplicate_of"][rows] < 0)
    good &= known["artefact"][rows] == "none"
    assert lines["entropy"][5] == str(good.sum())
    assert lines["by hand"][5] != "not known"
    tiles = page.get_by_role("application", name="Picked by hand")
    tiles.focus()
    page.keyboard.press("Enter")  # a tile is given back
    settle(page)
    assert "24 of 25 picked" in box.inner_text()
    assert box.get_by_role("button", name="Train").is_hidden()  # a page cannot train
    page.screenshot(path=screenshots / "hand.png", full_page=True)
    press(page, "Pick by hand")
    assert box.is_hidden()
    press(page, "Pick by hand")
    assert "24 of 25 picked" in box.inner_text()
    press(page, "Clear the picks")
    assert "0 of 25 picked" in box.inner_text()


def test_what_is_nearest_one_half_is_said_in_words(page, view):
    press(page, "Look: size")
    page.get_by_label("nearest one half").check()
    settle(page)
    said = page.locator(".ax-note").nth(1).inner_text()
    half = view.nearest_half(1, 1, 25)
    p = view.probability(1, 1)[half]
    low, high = (float(word) for word in said.split("one half: ")[1].split(";")[0].split(" to "))
    assert (low, high) == pytest.approx((p.min(), p.max()), abs=0.02)
    assert f"{(view.taken[1, half] == 1).sum()} of them picked" in said


COLOURS = """() => {
  const canvas = document.querySelector(".ax-stage canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""


def test_zoomed_in_the_difference_shows_the_patches_too(page):
    press(page, "Difference:")
    dots = page.evaluate(COLOURS)
    map = page.locator(".ax-overlay").first
    map.focus()
    for key in (".", *"+++++++"):
        map.press(key)
    rest(page)
    assert page.evaluate(COLOURS) > 2 * dots + 1000


def test_the_legend_says_what_the_pin_and_the_squares_are(page):
    def legend() -> str:
        return page.locator(".ax-marks").inner_text()

    assert "pinned" not in legend() and "one half" not in legend()
    map = page.locator(".ax-overlay").first
    map.focus()
    map.press(".")
    map.press("Enter")
    press(page, "Look: size")
    page.get_by_label("nearest one half").check()
    settle(page)
    assert "pinned" in legend() and "nearest to it" in legend() and "nearest one half" in legend()
