"""Execute the notebooks from top to bottom, headless.

python notebooks/run.py --out build/run    executed copies, their figures and an index page
python notebooks/run.py --store            put the outputs into the notebooks themselves
python notebooks/run.py 02 05 ...          only these

Prints a line a notebook: time and result. The exit status is 1 if one failed.
"""

from __future__ import annotations

import argparse
import base64
import html
import os
import re
import sys
import time
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


def main() -> int:
    options = arguments()
    os.environ["ACTIVECL_STATIC"] = "1"  # nobody moves a slider here
    os.environ.setdefault("ACTIVECL_PROFILE", "laptop")
    names = [p for p in sorted(HERE.glob("[0-9][0-9]_*.ipynb")) if chosen(p, options.only)]
    if not names:
        print(f"no notebook of {HERE} matches {options.only}", file=sys.stderr)
        return 2
    results = [execute(path, None if options.store else options.out) for path in names]
    if not options.store:
        write_index(options.out, results)
        print(f"index page: {options.out / 'index.html'}")
    if not options.only:
        print_times(results)
    return int(any(error for *_, error in results))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("only", nargs="*", help="numbers or names of notebooks (default: all)")
    parser.add_argument("--out", type=Path, default=Path("build/run"))
    parser.add_argument("--store", action="store_true", help="write the outputs in place")
    return parser.parse_args()


def chosen(path: Path, only: list[str]) -> bool:
    return not only or any(path.name.startswith(word) for word in only)


def execute(path: Path, out: Path | None) -> tuple[Path, float, float, str]:
    """Run one notebook; (path, seconds, longest cell's seconds, the error or "")."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from tqdm import tqdm

    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    bar = tqdm(total=len(code), desc=path.stem, unit="cell", leave=False)
    started: dict[int, float] = {}
    took: dict[int, float] = {}

    def began(cell: object, cell_index: int) -> None:
        started[cell_index] = time.perf_counter()

    def ended(cell: object, cell_index: int, execute_reply: object) -> None:
        took[cell_index] = time.perf_counter() - started[cell_index]
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
    seconds, longest = time.perf_counter() - since, max(took.values(), default=0.0)
    bar.close()
    tidy(notebook)
    if out is None and not error:
        nbformat.write(notebook, path)
    elif out is not None:
        keep(notebook, path, out)
    result = f"failed, {error}" if error else "passed"
    print(
        f"{path.stem:<28} {seconds:6.0f} s   longest cell {longest:4.0f} s   {result}", flush=True
    )
    return path, seconds, longest, error


def print_times(results: list[tuple[Path, float, float, str]]) -> None:
    """What ``checks.LESSON_SECONDS`` and ``checks.REFERENCE_SPEED`` should say after this run."""
    from activecl_nb import checks, profiles

    profile = profiles.current()
    seconds = {path.stem[:2]: round(seconds) for path, seconds, *_ in results}
    print(f"for activecl_nb/checks.py, profile {profile.name}:")
    print(f"  LESSON_SECONDS {seconds}\n  REFERENCE_SPEED {checks.speed(profile):.0f}")


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


def page(notebook: object, name: str) -> str:
    """The notebook as it stands, as a web page that everybody can read."""
    from nbconvert import HTMLExporter

    text, _ = HTMLExporter().from_notebook_node(notebook, {"metadata": {"name": name}})
    return text.replace("</head>", f"{READABLE}</head>", 1)


def write_index(out: Path, results: list[tuple[Path, float, float, str]]) -> None:
    rows = "".join(
        f'<tr><td><a href="{p.stem}.html">{p.stem}</a></td><td>{seconds:.0f} s</td>'
        f"<td>{longest:.0f} s</td><td>{html.escape(error) or 'passed'}</td></tr>\n"
        for p, seconds, longest, error in results
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
