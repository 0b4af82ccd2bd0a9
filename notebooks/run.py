"""Execute the notebooks from top to bottom, headless.

python notebooks/run.py --out build/run    executed copies, their figures and an index page
python notebooks/run.py --store            put the outputs into the notebooks themselves
python notebooks/run.py 02 05 ...          only these

Prints a line a notebook: its time, how soon its first figure stood there, its longest cell, and
the result. The exit status is 1 if one failed.
"""

from __future__ import annotations

import argparse
import base64
import html
import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
WIDGET = "application/vnd.jupyter.widget-view+json"
DATA_URI = re.compile(r'<img alt="([^"]*)"[^>]*src="data:image/png;base64,([^"]+)"')

# The exported page's own greys and greens are too pale to read (WCAG asks for 4.5 to 1), and its
# links differ from the text in colour alone.
READABLE = """<style>
:root {
  --jp-mirror-editor-number-color: #006400;
  --jp-mirror-editor-comment-color: #2f6363;
  --jp-mirror-editor-operator-color: #7a12c7;
}
.jp-InputPrompt.jp-InputArea-prompt { color: #2a6ba3; }
.jp-OutputPrompt.jp-OutputArea-prompt { color: #a1492e; }
.jp-InputPrompt, .jp-OutputPrompt { opacity: 1 !important; }
.jp-RenderedHTMLCommon a:link, .jp-RenderedHTMLCommon a:visited { text-decoration: underline; }
</style>
"""


@dataclass(frozen=True)
class Result:
    """How one notebook went: seconds in all, until the first figure (or None), of the longest
    cell; and the error, or ""."""

    path: Path
    seconds: float
    first_figure: float | None
    longest: float
    error: str

    def __str__(self) -> str:
        figure = "none" if self.first_figure is None else f"{self.first_figure:.0f} s"
        result = f"failed, {self.error}" if self.error else "passed"
        return (
            f"{self.path.stem:<26} {self.seconds:5.0f} s   first figure {figure:>5}   "
            f"longest cell {self.longest:4.0f} s   {result}"
        )


def main() -> int:
    options = arguments()
    os.environ["ACTIVECL_STATIC"] = "1"  # nobody moves a slider here
    os.environ.setdefault("ACTIVECL_PROFILE", "laptop")
    names = [p for p in sorted(HERE.glob("*.ipynb")) if chosen(p, options.only)]
    if not names:
        print(f"no notebook of {HERE} matches {options.only}", file=sys.stderr)
        return 2
    results = [execute(path, None if options.store else options.out) for path in names]
    if not options.store:
        write_index(options.out, results)
        print(f"index page: {options.out / 'index.html'}")
    if not options.only:
        print_times(results)
    return int(any(result.error for result in results))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("only", nargs="*", help="numbers or names of notebooks (default: all)")
    parser.add_argument("--out", type=Path, default=Path("build/run"))
    parser.add_argument("--store", action="store_true", help="write the outputs in place")
    return parser.parse_args()


def chosen(path: Path, only: list[str]) -> bool:
    return not only or any(path.name.startswith(word) for word in only)


def execute(path: Path, out: Path | None) -> Result:
    """Run one notebook, from the kernel's start on."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from tqdm import tqdm

    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    bar = tqdm(total=len(code), desc=path.stem, unit="cell", leave=False)
    started: dict[int, float] = {}
    took: dict[int, float] = {}
    figures: list[float] = []

    def began(cell: object, cell_index: int) -> None:
        started[cell_index] = time.perf_counter()

    def ended(cell: object, cell_index: int, execute_reply: object) -> None:
        now = time.perf_counter()
        took[cell_index] = now - started[cell_index]
        if any(
            DATA_URI.search(output.get("data", {}).get("text/html", "")) for output in cell.outputs
        ):
            figures.append(now - since)
        bar.update()

    client = NotebookClient(
        notebook,
        timeout=1200,
        kernel_name="python3",
        resources={"metadata": {"path": str(HERE)}},
        on_cell_start=began,
        on_cell_executed=ended,
    )
    since, error = time.perf_counter(), ""
    try:
        client.execute()
    except CellExecutionError as failure:
        error = f"{failure.ename}: {failure.evalue}"
    seconds = time.perf_counter() - since
    bar.close()
    tidy(notebook)
    if out is None and not error:
        nbformat.write(notebook, path)
    elif out is not None:
        keep(notebook, path, out)
    longest = max(took.values(), default=0.0)
    result = Result(path, seconds, figures[0] if figures else None, longest, error)
    print(result, flush=True)
    return result


def print_times(results: list[Result]) -> None:
    """What ``machine.LESSON_SECONDS`` and ``machine.REFERENCE_SPEED`` should say after this run."""
    from activecl_nb import profiles
    from activecl_nb.lessons import machine

    profile = profiles.current()
    seconds = {r.path.stem[:2]: round(r.seconds) for r in results}
    print(f"for activecl_nb/lessons/machine.py, profile {profile.name}:")
    print(f"  LESSON_SECONDS {seconds}\n  REFERENCE_SPEED {machine.speed(profile):.0f}")


def tidy(notebook: object) -> None:
    """Leave out what changes from run to run or works on this machine only."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:
            output.get("data", {}).pop(WIDGET, None)  # a stored widget without state shows nothing
        cell.outputs = [
            o
            for o in cell.outputs
            # Progress bars go to stderr, or are widgets that leave only their text behind.
            if o.get("name") != "stderr" and not is_bar(o)
        ]


def is_bar(output: dict) -> bool:
    text = output.get("data", {}).get("text/plain", "")
    return bool(re.match(r"^.{0,80}:\s+\d+%\|", text))


def keep(notebook: object, path: Path, out: Path) -> None:
    """The executed copy, as a notebook and as a page, and its figures as files."""
    import nbformat

    (out / "figures").mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, out / path.name)
    (out / f"{path.stem}.html").write_text(page(notebook, path.stem), encoding="utf-8")
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            shown = output.get("data", {}).get("text/html", "")
            for number, (_, data) in enumerate(DATA_URI.findall(shown)):
                name = f"{path.stem}-{cell.id}-{number}.png"
                (out / "figures" / name).write_bytes(base64.b64decode(data))


# The exporter shows outputs that the front ends fold.
FOLDED = """{%- extends 'lab/index.html.j2' -%}
{%- block output_group -%}
{%- if cell.metadata.get('jupyter', {}).get('outputs_hidden') -%}
<details style="margin-left: 6em"><summary>the result, folded: predict first</summary>
{{ super() }}</details>
{%- else -%}{{ super() }}{%- endif -%}
{%- endblock output_group -%}
"""


def page(notebook: object, name: str) -> str:
    """The notebook as it stands, as a web page that everybody can read."""
    from jinja2 import DictLoader
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(
        extra_loaders=[DictLoader({"folded.html.j2": FOLDED})], template_file="folded.html.j2"
    )
    text, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": name}})
    return text.replace("</head>", f"{READABLE}</head>", 1)


def write_index(out: Path, results: list[Result]) -> None:
    rows = "".join(
        f'<tr><td><a href="{r.path.stem}.html">{r.path.stem}</a></td><td>{r.seconds:.0f} s</td>'
        f"<td>{r.longest:.0f} s</td><td>{html.escape(r.error) or 'passed'}</td></tr>\n"
        for r in results
    )
    profile = os.environ["ACTIVECL_PROFILE"]
    (out / "index.html").write_text(
        '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>activecl: executed lessons'
        "</title>\n<style>body{font-family:sans-serif;margin:2em}td,th{padding:.3em 1em;"
        "text-align:left}</style>\n"
        f"<h1>Executed lessons, profile {html.escape(profile)}</h1>\n"
        "<table><tr><th>lesson</th><th>time</th><th>longest cell</th><th>result</th></tr>\n"
        f"{rows}</table>\n"
        '<p>The figures are in <a href="figures/">figures</a>.</p></html>\n'
    )


if __name__ == "__main__":
    sys.exit(main())
