"""Pointing at a mark shows that patch, in every layout: what is drawn on top is what is meant."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import stand_ins

from activecl_nb.pictures.explorer import Explorer, ViewModel, sending

# Move the pointer to places of a panel, and say what the card shows and what colour is there.
POINT = """
([panel, places]) => {
  const stage = document.querySelectorAll(".ax-stage")[panel];
  const [canvas, overlay] = stage.querySelectorAll("canvas");
  const box = overlay.getBoundingClientRect();
  const pixels = canvas.getContext("2d");
  return places.map(([x, y]) => {
    overlay.dispatchEvent(new PointerEvent("pointermove",
      { clientX: box.left + x, clientY: box.top + y, pointerId: 1 }));
    const dpr = canvas.width / box.width;
    const [r, g, b] = pixels.getImageData(Math.floor(x * dpr), Math.floor(y * dpr), 1, 1).data;
    return [Number(document.querySelector(".ax-card").dataset.row), (r << 16) | (g << 8) | b];
  });
}
"""
# Places of a panel that have exactly this colour.
COLOURED = """
([panel, colour]) => {
  const canvas = document.querySelectorAll(".ax-stage")[panel].querySelector("canvas");
  const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const dpr = canvas.width / canvas.getBoundingClientRect().width;
  const places = [];
  for (let i = 0; i < data.length / 4; i++) {
    const here = (data[4 * i] << 16) | (data[4 * i + 1] << 8) | data[4 * i + 2];
    if (here !== colour) continue;
    places.push([(i % width + 0.5) / dpr, (Math.floor(i / width) + 0.5) / dpr]);
  }
  return places;
}
"""


@pytest.fixture(scope="module")
def made() -> SimpleNamespace:
    return stand_ins.everything(2000, rounds=4, budget=120)


@pytest.fixture(scope="module")
def view(made) -> ViewModel:
    return ViewModel(made.runs, made.data, made.map)


@pytest.fixture(scope="module")
def file(made, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("page") / "explorer.html"
    return Explorer(made.runs, made.data, map=made.map).to_html(path).as_uri()


def settle(page) -> None:
    page.evaluate("new Promise(f => requestAnimationFrame(() => requestAnimationFrame(f)))")


def places_of(page, view: ViewModel, panel: int) -> np.ndarray:
    """Where the patches lie on an unzoomed panel, in pixels of its own: (n, 2)."""
    box = page.locator(".ax-overlay").nth(panel).bounding_box()
    size, points = np.array([box["width"], box["height"]]), view.map.positions
    low, high = points.min(axis=0), points.max(axis=0)
    scale = 0.92 * (size / (high - low)).min()
    return size / 2 + (points - (low + high) / 2) * scale * [1, -1]


def arrange(page, panels: int, enlarged: bool, fill: bool) -> None:
    page.get_by_label("Number of panels").select_option(str(panels))
    if enlarged:
        page.get_by_role("button", name="Enlarge panel 2").click()
    if fill:
        page.get_by_role("button", name="Look: size").click()
        page.get_by_label("fill the marks").check()
    settle(page)


@pytest.mark.parametrize(
    ("panels", "width", "enlarged", "fill"),
    [(1, 1400, False, False), (2, 1400, False, True), (4, 1400, False, False)]
    + [(4, 1600, True, True), (2, 420, False, False), (3, 1000, False, False)],
)
def test_two_hundred_picks_have_the_right_card(
    open_page, file, view, panels, width, enlarged, fill
):
    page, _ = open_page(file, width=width)
    page.wait_for_selector(".ax[data-thumbnails=ready][data-drawn]")
    arrange(page, panels, enlarged, fill)
    draw = np.random.default_rng(panels)
    shown = page.eval_on_selector_all(".ax-panel", "all => all.map(p => p.dataset.strategy)")
    assert len(shown) == (1 if enlarged else panels)
    light = {int(pair[0][1:], 16): c for c, pair in enumerate(sending.fixed(view)["colours"][0])}
    # A grey may be the soft edge of an outline, which is black on white, as well as a class.
    light = {rgb: c for rgb, c in light.items() if len(set(rgb.to_bytes(3, "big"))) > 1}
    hovered = exact = coloured = 0
    for panel, name in enumerate(shown):
        s = view.names.index(name)
        picks, order = view.picks(s, 1), view.order[s]
        at = places_of(page, view, panel)
        asked = draw.choice(picks, min(len(picks), -(-200 // len(shown))), replace=False)
        for row, (card, colour) in zip(
            asked, page.evaluate(POINT, [panel, at[asked].tolist()]), strict=True
        ):
            hovered += 1
            exact += card == row
            if card != row:  # then an earlier pick lies on top of it
                assert view.taken[s, card] == 1 and order[card] < order[row], (name, row, card)
                assert np.abs(at[card] - at[row]).max() < 14
            if colour in light:
                coloured += 1
                assert view.labels[card] == light[colour], (name, row, card)
    assert hovered >= min(200, 120 * len(shown))
    assert exact > 0.2 * hovered  # small panels are crowded
    assert coloured > 0.1 * hovered


@pytest.mark.parametrize("panels", [2, 4])
def test_what_has_the_colour_of_tumour_is_tumour(open_page, file, view, panels):
    page, _ = open_page(file)
    page.wait_for_selector(".ax[data-thumbnails=ready][data-drawn]")
    arrange(page, panels, False, False)
    colour = int(sending.fixed(view)["colours"][0][8][0][1:], 16)
    draw = np.random.default_rng(0)
    for panel in range(panels):
        places = page.evaluate(COLOURED, [panel, colour])
        assert len(places) > 5
        asked = [places[i] for i in draw.choice(len(places), min(60, len(places)), replace=False)]
        cards = [card for card, _ in page.evaluate(POINT, [panel, asked])]
        assert set(view.labels[cards]) == {8}


def test_a_click_pins_what_is_on_top(open_page, file, view):
    page, _ = open_page(file)
    page.wait_for_selector(".ax[data-thumbnails=ready][data-drawn]")
    row = int(view.picks(1, 1)[0])  # the first pick is drawn last
    x, y = places_of(page, view, 1)[row]
    page.locator(".ax-overlay").nth(1).click(position={"x": float(x), "y": float(y)})
    settle(page)
    side = page.get_by_label("Patches", exact=True)
    assert f"patch {view.patches[row]} (pinned)" in side.text_content()


def test_thumbnails_stand_where_the_dots_were_and_are_hit(open_page, file, view, screenshots):
    page, _ = open_page(file)
    page.wait_for_selector(".ax[data-thumbnails=ready][data-drawn]")
    map = page.locator(".ax-overlay").nth(1)
    map.focus()
    map.press(".")  # to the first pick; from there the keys zoom about it
    colours = []
    for _ in range(9):
        map.press("+")
        settle(page)
        size = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
        colours.append(page.locator(".ax-map").nth(2).evaluate(f"c => new Set(({size})(c)).size"))
    assert colours[-1] > 150  # photographs have many colours, dots have few
    row = int(view.picks(1, 1)[0])
    x, y = places_of(page, view, 1)[row]  # it stayed in its place
    ((card, _),) = page.evaluate(POINT, [1, [[x + 6, y - 6]]])
    assert card == row
    page.screenshot(path=screenshots / "thumbnails.png")
