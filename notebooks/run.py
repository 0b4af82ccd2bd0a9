"""Execute the notebooks from top to bottom, headless.

python notebooks/run.py --out build/run    executed copies, their figures, and the site made of them
python notebooks/run.py --store            put the outputs into the notebooks themselves
python notebooks/run.py 02 05 ...          only these

Prints a line a notebook: its time, how soon its first figure stood there, its longest cell, and
the result. The exit status is 1 if one failed.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
WIDGET = "application/vnd.jupyter.widget-view+json"
DATA_URI = re.compile(r'<img alt="([^"]*)"[^>]*src="data:image/png;base64,([^"]+)"')


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
        write_site(options.out, results)
        print(f"index page: {options.out / 'index.html'}")
    elif not options.only:
        print_times(results)
    return int(any(result.error for result in results))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
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
    from nbclient.exceptions import CellExecutionError, DeadKernelError
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
        timeout=None,  # however slow the machine; Ctrl-C stops it
        kernel_name="python3",
        resources={"metadata": {"path": str(HERE)}},
        on_cell_start=began,
        on_cell_executed=ended,
    )
    since, error = time.perf_counter(), ""
    with tempfile.TemporaryFile("w+") as said:  # the kernel's own words, none of a cell's
        try:
            client.execute(stderr=said)
        except CellExecutionError as failure:
            error = f"{failure.ename}: {failure.evalue}"
        except DeadKernelError:
            said.seek(0)
            error = f"the kernel died: {' '.join(said.read().split())[-300:]}"
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
    lessons = ((f"{n:02d}", r) for n, r in enumerate(results))  # they come first, from 00 on
    seconds = {n: round(r.seconds) for n, r in lessons if r.path.stem.startswith(f"{n}_")}
    print(f"for activecl_nb/lessons/machine.py, profile {profile.name}:")
    print(f"  LESSON_SECONDS {seconds}\n  REFERENCE_SPEED {machine.speed(profile):.0f}")


def tidy(notebook: object) -> None:
    """Leave out what changes from run to run or works on this machine only; cover the answers.

    Of a folded output JupyterLab shows the first line, which would be the answer.
    """
    import nbformat

    from activecl_nb.lessons.predictions import COVER

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
        covered = cell.outputs and cell.outputs[0].get("text", "").startswith(COVER)
        if "answers" in cell.metadata and cell.outputs and not covered:
            cell.outputs.insert(0, nbformat.v4.new_output("stream", text=f"{COVER}\n"))


def is_bar(output: dict) -> bool:
    text = output.get("data", {}).get("text/plain", "")
    return bool(re.match(r"^.{0,80}:\s+\d+%\|", text))


def keep(notebook: object, path: Path, out: Path) -> None:
    """The executed copy, and its figures as files."""
    import nbformat

    (out / "figures").mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, out / path.name)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            shown = output.get("data", {}).get("text/html", "")
            for number, (_, data) in enumerate(DATA_URI.findall(shown)):
                name = f"{path.stem}-{cell.id}-{number}.png"
                (out / "figures" / name).write_bytes(base64.b64decode(data))


def write_site(out: Path, results: list[Result]) -> None:
    """The kit's pages, of the notebooks that were executed here, and how each went."""
    from activecl_nb.lessons import site

    profile = os.environ["ACTIVECL_PROFILE"]
    went = {
        r.path.stem: f"{r.error or 'passed'}, {r.seconds:.0f} s, profile {profile}" for r in results
    }
    site.build(out, notebooks=out, went=went)


if __name__ == "__main__":
    sys.exit(main())
