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
PACKAGE = ROOT / "activecl_nb"
ORDER_OF_WINGS = ["sources", "fast", "evidence", "pictures", "curation", "lessons"]
CONDA_NAMES = {"torch": "pytorch", "xxhash": "python-xxhash"}  # where conda-forge says it otherwise
# The method, in the order in which data flows; each file imports only those before it.
METHOD = [
    "seeds",
    "files",
    "values",
    "profiles",
    "protocol",
    "tissue",
    "imbalance",
    "augment",
    "simclr",
    "proxy",
    "tasks",
    "sampling",
    "runs",
    "experiment",
    "__main__",
]
# What each wing may import: of the method, and of the other wings.
FOUNDATIONS = {"seeds", "files", "values", "profiles"}
WINGS = {
    "fast": FOUNDATIONS,
    "sources": FOUNDATIONS | {"fast"},
    "pictures": {*METHOD},
    "evidence": {*METHOD, "pictures", "curation"},
    "curation": {*METHOD, "pictures"},
    "lessons": {*METHOD, "sources", "fast", "pictures", "evidence", "curation"},
}
USED_BY_THE_METHOD = {"fast", "sources"}


INTEL_MAC = "sys_platform == 'darwin' and platform_machine == 'x86_64'"


def needs(*extras: str) -> dict[str, str]:
    """Package -> lower bound, from pyproject.toml: what a student needs, and what extras add."""
    project = read_toml(ROOT / "pyproject.toml")["project"]
    wanted = [line for line in project["dependencies"] if INTEL_MAC not in line]
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    return dict(re.fullmatch(r"([\w-]+)>=([\w.]+)(?:; .*)?", line).groups() for line in wanted)


def test_conda_and_pip_name_the_same_packages_and_bounds():
    text = (ROOT / "environment.yml").read_text()
    conda = dict(re.findall(r"^ +- ([\w-]+)>=([\w.]+)$", text, flags=re.M))
    assert conda.pop("python") == "3.10"
    assert conda == {CONDA_NAMES.get(name, name): bound for name, bound in needs().items()}


def test_a_student_installs_nothing_that_only_maintainers_need():
    for_maintainers = {"pytest", "playwright", "ruff", "mypy", "nbval"}
    assert not for_maintainers & set(needs())
    assert for_maintainers <= set(needs("test"))
    for target in ("lab", "run", "site"):
        asked = subprocess.run(
            ["make", "--dry-run", "--always-make", target],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        ).stdout
        assert "-e ." in asked and "[test]" not in asked, target


def test_macs_with_an_intel_processor_get_a_torch_that_was_made_for_them():
    wanted = read_toml(ROOT / "pyproject.toml")["project"]["dependencies"]
    older = {re.match(r"[\w-]+", line)[0] for line in wanted if line.endswith(INTEL_MAC)}
    assert older == {"torch", "torchvision", "numpy", "numba"}
    for line in wanted:  # and nobody gets both
        if re.match(r"[\w-]+", line)[0] in older and not line.endswith(INTEL_MAC):
            assert line.endswith("sys_platform != 'darwin' or platform_machine != 'x86_64'")


def test_the_pins_cover_every_need_and_hold_no_address():
    text = (ROOT / "constraints.txt").read_text()
    pinned = {line.split("==")[0] for line in text.splitlines() if "==" in line}
    assert set(needs("test", "pretrained")) <= pinned
    assert "://" not in text and "@" not in text


def test_a_wheel_carries_results_lessons_and_templates(tmp_path):
    """What is built, without a network; `python -m activecl_nb lessons` copies it out again."""
    code = (
        "import sys; from setuptools import setup; import runpy; "
        f"sys.argv = ['setup.py', '-q', 'build', '--build-base', {str(tmp_path)!r}]; "
        "runpy.run_path('setup.py', run_name='__main__')"
    )
    package = tmp_path / "lib" / "activecl_nb"
    package.mkdir(parents=True)
    (package / "gone.py").write_text("")  # of an earlier build
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)
    assert not (package / "gone.py").exists()
    for name in ("results/laptop/random-0/map.npz", "results/claims.toml", "results/study.toml"):
        assert (package / "_kit" / name).is_file(), name
    assert (package / "_kit" / "notebooks" / "00_start_here.ipynb").is_file()
    for kept in PACKAGE.rglob("*"):  # every file beside the code, wherever a wing keeps it
        if kept.suffix in (".html", ".css", ".mjs", ".md", ".txt", ".toml", ".js"):
            assert (package / kept.relative_to(PACKAGE)).is_file(), kept


def imports(path: Path) -> set[str]:
    """The method's files and the wings that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: say activecl_nb and not a dot"
            if node.module == "activecl_nb":
                found |= {alias.name for alias in node.names} - {"__version__"}
            elif node.module.startswith("activecl_nb."):
                found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("activecl_nb.")}
    return found


def sources_of(name: str) -> list[Path]:
    """The Python files of a wing, or of a step of the method."""
    place = PACKAGE / name
    return sorted(place.rglob("*.py")) if place.is_dir() else [PACKAGE / f"{name}.py"]


def test_the_top_level_is_the_method_and_the_wings():
    there = {p.stem for p in PACKAGE.glob("[!_]*") if p.suffix in ("", ".py")} | {"__main__"}
    assert there == {*METHOD, *WINGS}


def test_the_package_lists_its_files_in_order():
    listed = re.findall(r"(?m)^    (\w[\w, ]*)/? {2,}", (PACKAGE / "__init__.py").read_text())
    assert [name.strip() for line in listed for name in line.split(",")] == [
        *METHOD,
        *ORDER_OF_WINGS,
    ]


@pytest.mark.parametrize("name", METHOD)
def test_arrows_of_the_method_point_upwards_only(name):
    above = {*METHOD[: METHOD.index(name)]}
    allowed = {*WINGS, *above} if name == "__main__" else above | USED_BY_THE_METHOD
    for path in sources_of(name):
        assert imports(path) <= allowed | {name}, path


@pytest.mark.parametrize("wing", WINGS)
def test_arrows_of_the_wings(wing):
    for path in sources_of(wing):
        assert imports(path) <= WINGS[wing] | {wing}, path


def test_tests_mirror_the_folders():
    for path in (ROOT / "tests").rglob("test_*.py"):
        place = path.relative_to(ROOT / "tests").parts[0]
        assert place in {path.name, *WINGS, "notebooks", "browser"}, path


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


# ---- sizes --------------------------------------------------------------------------------------

LONGEST_FILE = 400
LONGEST_FUNCTION = 60


def code_of(place: Path) -> list[Path]:
    return sorted(p for p in place.rglob("*") if p.suffix in (".py", ".js", ".mjs"))


def lines_of(paths: list[Path]) -> int:
    return sum(len(p.read_text(encoding="utf-8").splitlines()) for p in paths)


def test_sizes(capsys):
    """No file, no function is more than one sitting takes in; the table is printed."""
    method = [p for name in METHOD for p in sources_of(name)]
    table = {"the method": lines_of(method)}
    table |= {f"{wing}/": lines_of(code_of(PACKAGE / wing)) for wing in WINGS}
    table["all"] = lines_of(code_of(PACKAGE))
    with capsys.disabled():
        print("", *(f"{name:<14}{count:>7} lines" for name, count in table.items()), sep="\n")
    long_files = {str(p): n for p in code_of(PACKAGE) if (n := lines_of([p])) > LONGEST_FILE}
    long_functions = {
        f"{p}: {node.name}": node.end_lineno - node.lineno + 1
        for p in code_of(PACKAGE)
        if p.suffix == ".py"
        for node in ast.walk(ast.parse(p.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    }
    assert not long_files and not long_functions


def test_algorithm_2_is_readable_on_one_screen():
    tree = ast.parse((PACKAGE / "experiment.py").read_text(encoding="utf-8"))
    (loop,) = (n for n in tree.body if getattr(n, "name", "") == "algorithm_2")
    assert loop.end_lineno - loop.lineno + 1 <= 40
    called = {ast.unparse(node.func) for node in ast.walk(loop) if isinstance(node, ast.Call)}
    assert {"simclr.train", "state.task.fit", "sampling.pick"} <= called
