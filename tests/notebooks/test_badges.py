"""Badges and the installing cell follow the one address in pyproject.toml."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from notebook_tools import NOTEBOOKS
from pages import images_without_words

ROOT = NOTEBOOKS.parent
GITHUB = "https://github.com/someone/kit"


@pytest.fixture(scope="module")
def badges():
    spec = importlib.util.spec_from_file_location("badges", NOTEBOOKS / "badges.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def kit(tmp_path):
    """A copy of pyproject.toml, without an address, and of the notebooks."""
    (tmp_path / "notebooks").mkdir()
    for path in NOTEBOOKS.glob("*.ipynb"):
        shutil.copy(path, tmp_path / "notebooks")
    text = (ROOT / "pyproject.toml").read_text()
    text = re.sub(r"^\[project\.urls\]\n(?:[^\[\n].*\n|\n)*", "", text, flags=re.M)
    (tmp_path / "pyproject.toml").write_text(text)
    return tmp_path


def set_address(kit, address: str) -> None:
    file = kit / "pyproject.toml"
    text = file.read_text().partition("\n[project.urls]")[0]
    file.write_text(f'{text}\n[project.urls]\nRepository = "{address}"\n' if address else text)


def notebooks(kit) -> dict[str, nbformat.NotebookNode]:
    paths = sorted((kit / "notebooks").glob("*.ipynb"))
    return {path.name: nbformat.read(path, as_version=4) for path in paths}


def contents(kit) -> list[bytes]:
    return [path.read_bytes() for path in sorted((kit / "notebooks").glob("*.ipynb"))]


def test_the_notebooks_are_in_line_with_pyproject(badges):
    address = badges.repository(ROOT)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        assert not badges.update(notebook, path.name, address), "run notebooks/badges.py"


def test_an_address_gives_badges_and_a_cell_that_installs(badges, kit):
    set_address(kit, GITHUB + ".git")
    badges.main(kit)
    for name, notebook in notebooks(kit).items():
        title = notebook.cells[0].source
        assert title.startswith("# ") and "\nTeaching: " in title
        links = re.findall(r"\]\((https://[^)]*)\)", title)
        assert f"https://mybinder.org/v2/gh/someone/kit/main?urlpath=lab/tree/notebooks/{name}" in (
            links
        )
        colab = f"https://colab.research.google.com/github/someone/kit/blob/main/notebooks/{name}"
        assert colab in links
        assert not images_without_words(title)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert [cell.id for cell in code[:2]] == ["colab", "set-up"]
        assert f'"{GITHUB}"' in code[0].source
        nbformat.validate(notebook)


def test_twice_is_once_and_without_an_address_all_is_as_before(badges, kit, capsys):
    badges.main(kit)
    before = contents(kit)
    set_address(kit, GITHUB)
    badges.main(kit)
    once = contents(kit)
    assert all(a != b for a, b in zip(before, once, strict=True))
    capsys.readouterr()
    badges.main(kit)
    assert contents(kit) == once and "changed" not in capsys.readouterr().out
    set_address(kit, "https://github.com/another/place")
    badges.main(kit)
    assert all(b"someone" not in text and b"another/place" in text for text in contents(kit))
    set_address(kit, "")
    badges.main(kit)
    assert contents(kit) == before


def test_another_host_gets_binder_alone(badges, kit):
    set_address(kit, "https://git.example.org/team/kit")
    badges.main(kit)
    title = notebooks(kit)["01_imbalanced_tissue.ipynb"].cells[0].source
    assert "v2/git/https%3A%2F%2Fgit.example.org%2Fteam%2Fkit/main" in title
    assert "Colab" not in title


def test_a_bad_address_is_named(badges, kit):
    set_address(kit, "git@github.com:someone/kit")
    with pytest.raises(ValueError, match=r"pyproject\.toml: Repository is 'git@github"):
        badges.main(kit)


def cell_of(badges, address: str) -> str:
    return badges.INSTALL.format(address=address)


def test_the_cell_does_nothing_where_the_kit_is(badges, tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", cell_of(badges, "https://example.org/none")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_the_cell_installs_the_kit_where_it_is_missing(badges, tmp_path):
    """With a repository and a pip that stand in: what is asked of both, and what is found then."""
    origin = tmp_path / "origin"
    (origin / "activecl_nb").mkdir(parents=True)
    (origin / "activecl_nb" / "__init__.py").write_text("WHERE = 'the clone'\n")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(origin)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "x"], check=True)
    empty = tmp_path / "empty"
    empty.mkdir()
    python = tmp_path / "python"  # says what was asked of it, instead of installing anything
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    lines = [f"import sys\nsys.executable = {str(python)!r}"]
    lines += [cell_of(badges, origin.as_uri()), "import activecl_nb\nprint(activecl_nb.WHERE)"]
    ran = subprocess.run(
        [sys.executable, "-S", "-c", "\n".join(lines)],  # -S: without installed packages
        cwd=empty,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split("\n")[:2] == [
        "-m pip install --quiet --editable ./activecl",
        "the clone",
    ]


def test_binder_finds_one_environment_at_the_root():
    """repo2docker reads environment.yml there, unless a folder of its own is found first."""
    assert "- -e ." in (ROOT / "environment.yml").read_text()
    assert not any((ROOT / name).exists() for name in ("binder", ".binder", "requirements.txt"))
