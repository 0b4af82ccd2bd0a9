"""The kit as a whole: what it needs, how its files lean on each other, how fast it imports."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from activecl_nb.files import read_toml

ROOT = Path(__file__).parents[1]
CONDA_NAMES = {"torch": "pytorch"}  # where conda-forge says it otherwise
# In the order in which data flows; a file imports only those before it.
ORDER = [
    "files",
    "seeds",
    "threads",
    "profiles",
    "phantom_structures",
    "phantom",
    "download",
    "archive",
    "tissue",
    "imbalance",
    "augment_cpu",
    "augment",
    "distributed",
    "loader",
    "simclr",
    "proxy",
    "kcenter",
    "diverse",
    "sampling",
    "experiment",
    "analysis",
    "figures",
    "study",
    "claims",
    "report",
    "live",
    "maps",
    "explorer",
    "lesson",
    "shelf",
    "machine",
    "checks",
    "__main__",
]


def needs() -> dict[str, str]:
    """Package -> lower bound, from pyproject.toml."""
    project = read_toml(ROOT / "pyproject.toml")["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    return dict(re.fullmatch(r"([\w-]+)>=([\w.]+)(?:; .*)?", line).groups() for line in wanted)


def test_conda_and_pip_name_the_same_packages_and_bounds():
    text = (ROOT / "environment.yml").read_text()
    conda = dict(re.findall(r"^ +- ([\w-]+)>=([\w.]+)$", text, flags=re.M))
    assert conda.pop("python") == "3.10"
    assert conda == {CONDA_NAMES.get(name, name): bound for name, bound in needs().items()}


def test_the_pins_cover_every_need_and_hold_no_address():
    text = (ROOT / "constraints.txt").read_text()
    pinned = {line.split("==")[0] for line in text.splitlines() if "==" in line}
    assert set(needs()) <= pinned
    assert "://" not in text and "@" not in text


def imports(path: Path) -> set[str]:
    """Names of the kit's modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.level or node.module):
            module = node.module or ""
            if node.level or module == "activecl_nb":
                head = module.removeprefix("activecl_nb").strip(".")
                found |= {head} if head else {alias.name for alias in node.names}
            elif module.startswith("activecl_nb."):
                found.add(module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("activecl_nb.")}
    return found


def test_every_file_has_its_place():
    assert sorted(p.stem for p in (ROOT / "activecl_nb").glob("[!_]*.py")) == sorted(ORDER[:-1])


@pytest.mark.parametrize("name", ORDER)
def test_arrows_point_upwards_only(name):
    above = set(ORDER[: ORDER.index(name)])
    assert imports(ROOT / "activecl_nb" / f"{name}.py") <= above


def test_the_package_is_cheap_to_import():
    code = "import sys, activecl_nb; print([m for m in sys.modules if m in sys.argv])"
    heavy = ["torch", "numpy", "pandas", "matplotlib", "umap", "numba", "sklearn", "ipywidgets"]
    printed = subprocess.run(
        [sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert printed.strip() == "[]"


@pytest.mark.parametrize("name", ["tissue", "experiment", "sampling"])
def test_maps_and_drawings_load_when_first_used(name):
    code = f"import sys, activecl_nb.{name}; print([m for m in sys.modules if m in sys.argv])"
    heavy = ["umap", "numba", "pandas", "matplotlib", "ipywidgets"]
    printed = subprocess.run(
        [sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert printed.strip() == "[]"


def test_what_the_user_set_for_threads_stays():
    names = '"OMP_WAIT_POLICY", "OMP_NUM_THREADS"'
    code = f"import os, activecl_nb; print(*map(os.environ.get, [{names}]))"
    chosen = "1" if (os.cpu_count() or 1) <= 2 else "None"
    for user, expected in [
        ({}, f"passive {chosen}"),
        ({"OMP_WAIT_POLICY": "active"}, f"active {chosen}"),
        ({"OMP_NUM_THREADS": "7"}, "passive 7"),
    ]:
        env = {k: v for k, v in os.environ.items() if not k.startswith("OMP_")} | user
        printed = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
        ).stdout
        assert printed.strip() == expected
