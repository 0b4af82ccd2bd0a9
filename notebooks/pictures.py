"""Make the pictures of README.md: a small one for each lesson, and the rounds, moving.

    python notebooks/pictures.py    (needs the extra [test], for playwright, and Chromium)

pictures/NAME.png    the figure that stands for the lesson, as its notebook holds it
pictures/rounds.gif  the explorer's page in a browser, played for eight seconds: what random and
                     entropy pick in the stored runs; rounds.png is its last round, for readers who
                     want nothing to move

What the moving picture shows is written below it in README, in numbers of the same runs; the table
of lessons is made of what each says of itself.
"""

from __future__ import annotations

import html
import io
import shutil
import sys
import tempfile
import textwrap
from pathlib import Path

from PIL import Image

from activecl_nb import files
from activecl_nb.lessons import machine, shelf
from activecl_nb.lessons.site import lessons
from activecl_nb.pictures.explorer import Explorer

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"
README = HERE.parent / "README.md"
ROUNDS, LESSONS = (
    (f"<!-- {name}: written by python notebooks/pictures.py -->", f"<!-- end of {name} -->")
    for name in ("rounds", "lessons")
)
SHOWN = ["random", "entropy"]
SECONDS = 8
LARGEST = 2_000_000  # bytes
WIDTH, HEIGHT = 880, 1000
# What only somebody at the page can use is left out of the picture.
STYLE = """
.ax-toolbar > :not(.ax-rounds), .ax-tour, .ax-boxes, .ax-help, .ax details { display: none; }
.ax-toured, .ax-slider:focus { outline: none; }
"""


def main() -> int:
    opened = [lessons.read(path, path) for path in sorted(HERE.glob("*.ipynb"))]
    for lesson in opened:
        lesson.save_picture(PICTURES)
    runs, data = shelf.usable(mapped=True)
    runs = [run for run in shelf.first_seed(runs) if run.strategy in SHOWN]
    runs.sort(key=lambda run: SHOWN.index(run.strategy))
    explorer = Explorer(runs, data, map=shelf.map_of(runs, data), panels=SHOWN, round=0)
    with tempfile.TemporaryDirectory() as folder:
        frames = photographed(explorer.to_html(Path(folder) / "page.html"), explorer.view.rounds)
    save(frames)
    files.put_between(README, *ROUNDS, caption(explorer))
    files.put_between(README, *LESSONS, table(opened))
    print(f"{PICTURES / 'rounds.gif'}: {(PICTURES / 'rounds.gif').stat().st_size / 1e6:.1f} MB")
    return 0


def photographed(page_file: Path, rounds: int) -> list[Image.Image]:
    """The page after each round, by a browser."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, (shutil.which(n) for n in machine.BROWSERS if "chrom" in n)), None)
    if found is None:
        raise FileNotFoundError("no Chromium is found here; install one")
    frames = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.set_default_timeout(600_000)
        page.goto(page_file.as_uri())
        page.add_style_tag(content=STYLE)
        page.wait_for_selector(".ax[data-thumbnails=ready][data-drawn]")
        for number in range(rounds):
            page.get_by_role("slider", name="Round").fill(str(number))
            page.wait_for_selector(f".ax[data-round='{number}']")
            page.evaluate("new Promise(f => requestAnimationFrame(() => requestAnimationFrame(f)))")
            shot = page.locator(".ax").screenshot()
            frames.append(Image.open(io.BytesIO(shot)).convert("RGB"))
        browser.close()
    return frames


def save(frames: list[Image.Image]) -> None:
    """The moving picture, all rounds for as long, and the still one. ValueError: too large."""
    few = [frame.quantize(96, dither=Image.Dither.NONE) for frame in frames]
    with files.replacing(PICTURES / "rounds.gif") as temporary:
        few[0].save(
            temporary, "gif", save_all=True, append_images=few[1:], loop=0,
            duration=1000 * SECONDS // len(few),
        )  # fmt: skip
        if temporary.stat().st_size > LARGEST:
            raise ValueError(f"rounds.gif has more than {LARGEST:,} bytes; take fewer colours")
    with files.replacing(PICTURES / "rounds.png") as temporary:
        few[-1].save(temporary, "png", optimize=True)


def table(opened: list[lessons.Lesson]) -> str:
    """The lessons as README shows them."""
    rows = ["| a picture of it | lesson | you will be able to |", "| --- | --- | --- |"]
    for lesson in opened:
        shown = ""
        if lesson.picture:
            alt = html.escape(textwrap.shorten(lesson.picture[0], 160, placeholder=" ..."))
            shown = f'<img src="notebooks/pictures/{lesson.name}.png" width="180" alt="{alt}">'
        title = f"[{lesson.title}](notebooks/{lesson.name}.ipynb)"
        rows.append(f"| {shown} | {title} {lesson.minutes} | {lesson.goal} |")
    return "\n".join(rows)


def caption(explorer: Explorer) -> str:
    """The picture as README shows it, and what is seen in numbers."""
    view = explorer.view
    last = view.rounds - 1
    told = []
    for name in SHOWN:
        summary = view.summary(view.names.index(name), last)
        share = summary.so_far[summary.positive] / summary.so_far.sum()
        told.append(f"{share:.0%} of what {name} picked")
    words = "A map of drawn tissue, twice, round after round: picks at random, and by entropy."
    return (
        "<picture>\n"
        '<source media="(prefers-reduced-motion: reduce)" srcset="notebooks/pictures/rounds.png">\n'
        f'<img src="notebooks/pictures/rounds.gif" width="{WIDTH}" alt="{words}">\n'
        "</picture>\n\n"
        "Two of the stored runs, from one random start, in the explorer: each point is a patch, "
        f"near ones look alike to an encoder. After round {last}, {' and '.join(told)} are tumour."
    )


if __name__ == "__main__":
    sys.exit(main())
