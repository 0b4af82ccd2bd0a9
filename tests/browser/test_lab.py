"""The explorer in JupyterLab: a lesson run from top to bottom, and a stored one reopened."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nbformat
from conftest import ROOT, Lab, choose, idle, run_all
from nbclient import NotebookClient

LESSON = ROOT / "notebooks" / "06_explorer.ipynb"
CELLS = (
    "import stand_ins\n"
    "from activecl_nb.pictures.explorer import Explorer\n\n"
    "made = stand_ins.everything(600, rounds=5, budget=30)\n"
    "explorer = Explorer(made.runs, made.data, map=made.map)",
    "explorer",
    "print('the last cell')",
)
FIRST, SECOND = ".ax-panel >> nth=0", ".ax-panel >> nth=1"


def made_notebook(path: Path) -> str:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)
    return path.name


def copied_lesson(lab: Lab) -> str:
    """A copy, since JupyterLab saves what it runs; results/ lies where the lesson looks for it."""
    results = lab.folder.parent / "results"
    if not results.exists():
        results.symlink_to(ROOT / "results")
    shutil.copy(LESSON, lab.folder)
    return LESSON.name


def shown(page) -> None:
    page.locator(".ax[data-thumbnails=ready][data-drawn]").first.wait_for()
    page.locator(".ax").first.scroll_into_view_if_needed()


def two_frames(page) -> None:
    page.evaluate("new Promise(f => requestAnimationFrame(() => requestAnimationFrame(f)))")


def saved(page, path: Path) -> nbformat.NotebookNode:
    """The notebook on disk, after File > Save Notebook."""
    with page.expect_response(
        lambda answer: answer.request.method == "PUT" and f"/api/contents/{path.name}" in answer.url
    ) as answer:
        choose(page, "File", "Save Notebook")
    assert answer.value.ok  # the server has written it
    return nbformat.read(path, 4)


def test_a_lesson_runs_and_its_slider_changes_the_picks(lab, open_page, screenshots):
    lesson = copied_lesson(lab) if LESSON.exists() else made_notebook(lab.folder / "made.ipynb")
    page, watch = open_page(lab.open(lesson))
    run_all(page)
    shown(page)
    page.locator(".jp-InputPrompt", has_text="[*]").first.wait_for(state="detached")
    idle(page)
    explorer = page.locator(".ax").first
    slider = explorer.get_by_role("slider", name="Round")
    last = int(slider.get_attribute("max"))
    assert last >= 1
    stage = explorer.locator(".ax-stage").nth(1)
    pictures = set()
    for round in range(last + 1):
        slider.fill(str(round))
        two_frames(page)
        assert explorer.locator(SECOND).get_attribute("data-round") == str(round)
        pictures.add(stage.screenshot())
    assert len(pictures) == last + 1  # other picks in every round
    page.screenshot(path=screenshots / "lab-lesson.png")
    cells = [cell for cell in saved(page, lab.folder / lesson).cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)
    failed = [o for cell in cells for o in cell.outputs if o.output_type == "error"]
    assert not failed
    assert not watch.foreign


def test_python_and_screen_follow_each_other(lab, open_page):
    name = made_notebook(lab.folder / "both-ways.ipynb")
    notebook = nbformat.read(lab.folder / name, 4)
    more = (
        "explorer.round = 4\nexplorer.panels = ['kcenter', 'random']",
        "import time\nprint('waiting')",
    )
    notebook.cells[2:] = [nbformat.v4.new_code_cell(cell) for cell in more]
    nbformat.write(notebook, lab.folder / name)
    page, _ = open_page(lab.open(name))
    run_all(page)
    shown(page)
    page.get_by_text("waiting", exact=True).wait_for()
    page.locator(".ax[data-round='4']").wait_for()
    assert page.locator(FIRST).get_attribute("data-strategy") == "kcenter"
    assert page.locator(".ax-panel").count() == 2
    page.get_by_role("slider", name="Round").fill("2")
    page.locator(".ax-overlay").first.click(position={"x": 4, "y": 4})
    page.locator(".ax-overlay").first.press(".")
    page.locator(".ax-overlay").first.press("Enter")
    last = page.locator(".jp-CodeCell").last
    editor = last.locator(".cm-content")
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.type(
        "print('it is', explorer.round, explorer.pinned >= 0, len(explorer.neighbours))"
    )
    page.keyboard.press("Control+Enter")
    page.get_by_text("it is 2 True 8", exact=True).wait_for()


def test_the_notebook_does_not_take_the_keys(lab, open_page):
    """Without its mark on each control, JupyterLab would move the cell or restart the kernel."""
    page, _ = open_page(lab.open(made_notebook(lab.folder / "keys.ipynb")))
    run_all(page)
    shown(page)
    page.get_by_text("the last cell", exact=True).wait_for()
    cells = page.locator(".jp-CodeCell").count()
    map = page.locator(".ax-overlay").first
    map.focus()
    for key in ("ArrowRight", "ArrowRight", "0", "0", "l", "Escape", "+", "a", "d", "d", "ArrowUp"):
        map.press(key)
    page.get_by_role("button", name="Next round").focus()
    for key in ("ArrowLeft", "b", "x", "0", "0"):
        page.keyboard.press(key)
    two_frames(page)
    assert page.locator(".ax").get_attribute("data-round") == "2"  # 1, two on, one back
    assert page.locator(".jp-CodeCell").count() == cells
    assert page.locator(".jp-Dialog").count() == 0


def test_it_fits_both_themes_and_every_window(lab, open_page, screenshots):
    page, _ = open_page(lab.open(made_notebook(lab.folder / "themes.ipynb")), width=1500)
    run_all(page)
    shown(page)
    page.get_by_role("slider", name="Round").fill("3")
    map = page.locator(".ax-overlay").nth(1)
    map.press(".")
    map.press("Enter")
    for theme in ("Light", "Dark"):
        choose(page, "Settings", "Theme", f"JupyterLab {theme}")
        page.locator(".ax.ax-dark" if theme == "Dark" else ".ax:not(.ax-dark)").wait_for()
        for width in (1500, 760):
            page.set_viewport_size({"width": width, "height": 1000})
            two_frames(page)
            two_frames(page)
            box = page.locator(".ax").bounding_box()
            assert box["x"] + box["width"] <= width
            page.screenshot(path=screenshots / f"lab-{theme.lower()}-{width}.png")


def still(page) -> str:
    """The alt text of the static figure on the page, once it is there."""
    figure = page.locator("img[alt^='Map of']").first
    figure.wait_for()
    assert figure.is_visible()
    assert figure.bounding_box()["width"] > 200
    assert page.get_by_text("Run this cell for the live explorer.").first.is_visible()
    return figure.get_attribute("alt")


def test_a_stored_notebook_shows_the_static_figure(lab, open_page, screenshots, monkeypatch):
    """As the lessons are stored: run with ACTIVECL_STATIC=1, opened without running anything."""
    if LESSON.exists() and "Run this cell for the live explorer" in LESSON.read_text("utf-8"):
        name = copied_lesson(lab)
    else:
        name = made_notebook(lab.folder / "stored.ipynb")
        monkeypatch.setenv("ACTIVECL_STATIC", "1")
        paths = [str(ROOT), str(Path(__file__).parent)]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
        notebook = nbformat.read(lab.folder / name, 4)
        NotebookClient(notebook, timeout=None, kernel_name="python3").execute()
        assert "widgets" not in notebook.metadata
        nbformat.write(notebook, lab.folder / name)
    page, _ = open_page(lab.open(name))
    assert "picked" in still(page)
    assert page.locator(".ax").count() == 0
    page.screenshot(path=screenshots / "lab-stored.png")


def test_a_live_notebook_is_stored_with_the_static_figure(lab, open_page, screenshots):
    """Saved from JupyterLab after a live run, and opened again without its kernel."""
    name = made_notebook(lab.folder / "live.ipynb")
    page, _ = open_page(lab.open(name))
    run_all(page)
    shown(page)
    page.get_by_text("the last cell", exact=True).wait_for()
    assert page.locator("img[alt^='Map of']").is_hidden()  # the live one is enough
    idle(page)
    stored = saved(page, lab.folder / name)
    stored.metadata.pop("widgets", None)
    nbformat.write(stored, lab.folder / "again.ipynb")
    again, watch = open_page(lab.open("again.ipynb"))
    assert "picked" in still(again)
    again.screenshot(path=screenshots / "lab-live-stored.png")
    # JupyterLab itself complains that the widget of then is gone; nothing else may go wrong.
    again.get_by_text("model not found").wait_for()
    watch.errors = [error for error in watch.errors if "widget model not found" not in error]
