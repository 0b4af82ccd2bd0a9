"""The command ``explore``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add it to the command line."""
    summary = "one page on which patches the runs of a seed picked, for any browser"
    command = commands.add_parser("explore", help=summary, description=summary)
    command.add_argument("runs", nargs="+", type=Path, help="folders of runs of one seed")
    command.add_argument("--out", type=Path, default=Path("explorer.html"), help="the page")
    command.add_argument("--title", default="", help="of the page")
    command.set_defaults(do=_explore)


def _explore(options: argparse.Namespace) -> int:
    """Write the page; where somebody sits at the terminal, open it too."""
    from activecl_nb import files
    from activecl_nb.pictures.explorer import opening

    files.ready(options.out)
    page = opening.explore(options.runs, options.out, options.title)
    print(f"the explorer is {page}")
    if sys.stdout.isatty():
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
    return 0
