"""How fast the explorer is in a real browser: opening, stepping, hovering, lasso, difference, zoom.

    python benchmarks/bench_explorer.py [--patches 10000] [--large 50000] [--no-lab] [--no-page]

Headless Chromium without a GPU. Four panels, ten rounds of 500 picks, phantom patches; the map
is stored. An action counts as settled when the frame that shows it has been painted. Medians of
twenty (of eight on the large page), with the fastest and the slowest in brackets, and what is asked
for behind them; a frame lasts 16.7 ms, so nothing that is painted can be sooner than the next one.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]

import conftest  # noqa: E402
import nbformat  # noqa: E402
import stand_ins  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

from activecl_nb import tissue  # noqa: E402
from activecl_nb.pictures.explorer import Explorer  # noqa: E402

REPEATS, REPEATS_LARGE = 20, 8

# Milliseconds from an action until the frame that shows it has been painted.
SETTLED = """
async (n) => {
  const root = document.querySelector(".ax");
  const painted = () => new Promise((done) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = done;
    channel.port2.postMessage(0);
  }));
  const settled = async (act) => {
    await painted();
    await painted();
    const before = root.dataset.drawn;
    const start = performance.now();
    act();
    do await painted(); while (root.dataset.drawn === before);
    return performance.now() - start;
  };
  const slider = root.querySelector("input[type=range]");
  const choice = root.querySelector(".ax-panel select");
  const colour = [...root.querySelectorAll("select")].find((s) => s.ariaLabel === "Colour by");
  const change = (node, value, event) => {
    node.value = value;
    node.dispatchEvent(new Event(event));
  };
  const map = root.querySelector(".ax-overlay");
  const box = map.getBoundingClientRect();
  const at = (type, x, y, more = {}) => map.dispatchEvent(new PointerEvent(type, {
    clientX: box.left + x * box.width, clientY: box.top + y * box.height, pointerId: 1, ...more }));
  map.setPointerCapture = () => {};
  const kinds = ["nothing", "step", "strategy", "colour", "zoom", "lasso", "difference", "hover",
    "ring", "thumbnails"];
  // What is in view is counted when a zoom has come to rest.
  const rest = () => new Promise((done) => setTimeout(done, 200));
  const press = (label) => root.querySelector(`[aria-label^="${label}"]`).click();
  const found = Object.fromEntries(kinds.map((kind) => [kind, []]));
  const names = [...choice.options].map((o) => o.value);
  const colours = ["entropy", "distance", "class", "probability"];
  for (let i = 0; i < n; i++) {
    const start = performance.now();
    await painted();
    await painted();
    found.nothing.push((performance.now() - start) / 2);
    found.step.push(await settled(() => change(slider, (i * 3 + 2) % 10, "input")));
    const name = names[(i + 1) % names.length];
    found.strategy.push(await settled(() => change(choice, name, "change")));
    found.colour.push(await settled(() => change(colour, colours[i % 4], "change")));
    found.zoom.push(await settled(() => map.dispatchEvent(new KeyboardEvent("keydown",
      { key: i % 2 ? "-" : "+", bubbles: true }))));
    await rest();
    found.lasso.push(await settled(() => {
      at("pointerdown", 0.1, 0.1, { shiftKey: true });
      const corners = [[0.9, 0.1], [0.9, 0.5 + 0.02 * i], [0.5, 0.9], [0.1, 0.9]];
      for (const [x, y] of corners) at("pointermove", x, y);
      at("pointerup", 0.1, 0.1);
    }));
  }
  press("Clear the lasso");
  for (let i = 0; i < n; i++) {
    change(slider, 1 + (i % 9), "input");
    await rest();
    found.difference.push(await settled(() => press("Difference:")));
    await rest();
    press("Difference:");
  }
  await rest();
  const card = root.querySelector(".ax-card");
  for (let i = 0, tries = 0; i < 5 * n && tries < 4000; tries++) {
    await painted();
    const before = card.dataset.row;
    const start = performance.now();
    at("pointermove", 0.1 + 0.8 * ((tries * 0.618) % 1), 0.1 + 0.8 * ((tries * 0.414) % 1));
    const shown = performance.now() - start;
    if (card.dataset.row === before || card.dataset.row === "-1") continue;
    found.hover.push(shown);
    await painted();
    found.ring.push(performance.now() - start);
    i++;
  }
  // Frames while thumbnails are panned, as fast as they come.
  map.dispatchEvent(new KeyboardEvent("keydown", { key: ".", bubbles: true }));
  for (let i = 0; i < 9; i++) {
    map.dispatchEvent(new KeyboardEvent("keydown", { key: "+", bubbles: true }));
  }
  await rest();
  for (let i = 0; i < 3 * n; i++) {
    const key = i % 2 ? "ArrowLeft" : "ArrowRight";
    found.thumbnails.push(await settled(() => map.dispatchEvent(
      new KeyboardEvent("keydown", { key, shiftKey: true, bubbles: true }))));
  }
  return found;
}
"""

NAMES = {
    "nothing": "a frame in which nothing changes",
    "step": "step of the round, 4 panels",
    "strategy": "strategy switch",
    "colour": "change of colouring, 4 panels",
    "zoom": "zoom, 4 panels",
    "lasso": "lasso to gallery",
    "difference": "difference view, from 4 panels",
    "thumbnails": "a frame while thumbnails are panned, 4 panels",
    "hover": "hover: patch drawn",
    "ring": "hover: on screen with the next frame",
}


def line(what: str, value: str, target: str = "") -> None:
    print(f"{what:<44}{value:>26}   {target}", flush=True)


def on_the_page(
    page: Page, watch: conftest.Watch, folder: Path, count: int, goals: dict, repeats: int
) -> None:
    print(f"\nstandalone page, {count:,} patches, 10 rounds, 4 panels")
    made = stand_ins.everything(
        count, rounds=10, budget=500, train=tissue.load("phantom", count=count)
    )
    start = time.perf_counter()
    shown = Explorer(made.runs, made.data, map=made.map, panels=list(stand_ins.STRATEGIES))
    file = shown.to_html(folder / f"{count}.html")
    line("written in", f"{time.perf_counter() - start:.2f} s")
    line("size", f"{file.stat().st_size / 1e6:.2f} MB", goals.get("size", ""))
    start = time.perf_counter()
    page.goto(file.as_uri())
    page.wait_for_selector(".ax[data-thumbnails=ready][data-drawn]", timeout=60_000)
    line("visible after", f"{time.perf_counter() - start:.2f} s", goals.get("visible", ""))
    found = page.evaluate(SETTLED, repeats)
    for name, values in found.items():
        value = f"{statistics.median(values):.1f} ({min(values):.1f}..{max(values):.1f}) ms"
        line(NAMES[name], value, goals.get(name, ""))
    rate = f"{1000 / statistics.median(found['thumbnails']):.0f} frames/s"
    line("zoom with thumbnails, 4 panels", rate, goals.get("rate", ""))
    assert not watch.errors, watch.errors
    assert not watch.foreign, watch.foreign
    line("requests to other addresses", str(len(watch.foreign)), "0")


NOTEBOOK = (
    "import stand_ins, pathlib\n"
    "from activecl_nb import tissue\n"
    "from activecl_nb.pictures import maps\n"
    "from activecl_nb.pictures.explorer import Explorer\n"
    "made = stand_ins.everything({count}, 10, 500, train=tissue.load('phantom', count={count}))\n"
    "folder = pathlib.Path('run'); folder.mkdir(exist_ok=True)\n"
    "for run in made.runs.values(): run.path = folder\n"
    "maps.save(folder, made.map)\n"
    "print('prepared')",
    "import time; print(f'started {{time.time():.3f}}')\nExplorer(made.runs, made.data)",
)


def in_jupyterlab(browser: object, folder: Path, count: int) -> None:
    """From the start of the cell until the map and the thumbnails are on screen."""
    print(f"\nJupyterLab, {count:,} patches, 10 rounds, 4 panels, map stored")
    cells = [nbformat.v4.new_code_cell(cell.format(count=count)) for cell in NOTEBOOK]
    with conftest.running_lab(folder) as lab:
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
        nbformat.write(notebook, lab.folder / "bench.ipynb")
        page, watch = conftest.watched_page(browser)
        received = []
        page.on(
            "websocket",
            lambda socket: socket.on("framereceived", lambda data: received.append(len(data))),
        )
        page.goto(lab.open("bench.ipynb"))
        conftest.run_all(page)
        page.wait_for_selector("text=prepared", timeout=300_000)
        page.wait_for_selector(".ax[data-thumbnails=ready][data-drawn]", timeout=60_000)
        shown = page.evaluate("Date.now() / 1000")
        started = page.locator("text=/started [0-9.]+/").first.text_content()
        line("visible after", f"{shown - float(started.split()[1]):.2f} s", "2 s")
        line("sent to the browser", f"{sum(received) / 1e6:.2f} MB", "4 MB")
        assert not watch.foreign, watch.foreign


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patches", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=50_000)
    parser.add_argument("--no-lab", action="store_true")
    parser.add_argument("--no-page", action="store_true")
    asked = parser.parse_args()
    found = next(filter(None, map(shutil.which, conftest.BROWSERS)), None)
    if found is None:
        sys.exit(f"no browser found; looked for {', '.join(conftest.BROWSERS)}")
    goals = {"size": "4 MB", "visible": "2 s", "step": "60 ms", "strategy": "60 ms"}
    goals |= {"hover": "16 ms", "ring": "the next frame", "difference": "80 ms"}
    goals |= {"lasso": "100 ms", "thumbnails": "33 ms", "rate": "30 frames/s"}
    began = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=found, args=conftest.FLAGS)
        page, watch = conftest.watched_page(browser)
        if not asked.no_page:
            on_the_page(page, watch, Path(folder), asked.patches, goals, REPEATS)
        if asked.large and not asked.no_page:
            on_the_page(page, watch, Path(folder), asked.large, {"step": "200 ms"}, REPEATS_LARGE)
        page.close()
        if not asked.no_lab:
            home = Path(folder) / "lab"
            home.mkdir()
            in_jupyterlab(browser, home, asked.patches)
        browser.close()
    line("\nthe whole benchmark", f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
