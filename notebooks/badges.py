"""Put badges and an installing cell into the notebooks, or take them out.

python notebooks/badges.py

Both need to know where the kit lives: pyproject.toml says it, as [project.urls] Repository. With
an address each title gets a badge for Binder and, on GitHub, one for Colab, and a cell before the
set-up cell installs the kit where it is missing. Without an address both are taken out: no link
that leads nowhere. Run it once after the address was set or changed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import quote

import nbformat

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
BRANCH = "main"
CELL = "colab"  # the id of the installing cell
BADGES = re.compile(r"^\[!\[Open in .*\n\n?", re.M)
INSTALL = """\
# Where the kit is missing, as on Colab, this installs it (minutes). Elsewhere it does nothing.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("activecl_nb") is None:
    kit = "{address}"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", kit, "activecl"], check=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--editable", "./activecl"], check=True)
    sys.path.insert(0, "activecl")  # this kernel has started before the kit was there"""


def main(root: Path = ROOT) -> int:
    """Bring every notebook of the kit in line with pyproject.toml; print what changed."""
    address = repository(root)
    print(f"repository: {address or 'none is set, so no badges'}")
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        if update(notebook, path.name, address):
            nbformat.write(notebook, path)
            print(f"changed {path.name}")
    return 0


def repository(root: Path) -> str:
    """The address in pyproject.toml, or "" if there is none."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address = project.get("urls", {}).get("Repository", "").rstrip("/").removesuffix(".git")
    if address and not address.startswith("https://"):
        raise ValueError(f"pyproject.toml: Repository is {address!r}; it must start with https://")
    return address


def update(notebook: nbformat.NotebookNode, name: str, address: str) -> bool:
    """Give the notebook what belongs to this address; True if that changed it."""
    before = nbformat.writes(notebook)
    title = notebook.cells[0]
    title.source = BADGES.sub("", title.source)
    notebook.cells = [cell for cell in notebook.cells if cell.id != CELL]
    if address:
        heading, _, rest = title.source.partition("\n\n")
        title.source = f"{heading}\n\n{badges(name, address)}\n\n{rest}"
        place = next(i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code")
        source = INSTALL.format(address=address)
        notebook.cells.insert(place, nbformat.v4.new_code_cell(source, id=CELL))
    return nbformat.writes(notebook) != before


def badges(name: str, address: str) -> str:
    """The line of badges of one notebook, in Markdown."""
    host, _, path = address.removeprefix("https://").partition("/")
    file = quote(f"notebooks/{name}")
    kind = f"gh/{path}" if host == "github.com" else f"git/{quote(address, safe='')}"
    line = (
        "[![Open in Binder](https://mybinder.org/badge_logo.svg)]"
        f"(https://mybinder.org/v2/{kind}/{BRANCH}?urlpath=lab/tree/{file})"
    )
    if host == "github.com":
        line += (
            " [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
            f"(https://colab.research.google.com/github/{path}/blob/{BRANCH}/{file})"
        )
    return line


if __name__ == "__main__":
    sys.exit(main())
