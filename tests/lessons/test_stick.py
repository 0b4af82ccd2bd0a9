"""The offline stick; what fetches is stood in for, since no test may need a network."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from activecl_nb.lessons import site, stick


@pytest.fixture
def made(tmp_path, monkeypatch):
    """make(systems, ...) -> the stick's folder and the commands that were run."""
    monkeypatch.setenv("ACTIVECL_HOME", str(tmp_path / "home"))
    commands = []

    def run(*words: str, **surroundings: str) -> None:
        commands.append((words, surroundings))
        if words[0] == "uv":
            out = Path(words[words.index("--output-file") + 1])
            out.write_text("numpy==2.0\ntorch==2.9\nnvidia-cudnn==1\ntriton==3\n")

    def build(folder: Path) -> None:
        folder.mkdir()
        (folder / "index.html").write_text("site")

    monkeypatch.setattr(stick, "_run", run)
    monkeypatch.setattr(stick, "_needs_tools", lambda: None)
    monkeypatch.setattr(site, "build", build)

    def make(*systems: str, **how):
        stick.make(tmp_path / "stick", systems, **how)
        return tmp_path / "stick", commands

    return make


def test_everything_that_a_room_needs_is_on_it(made):
    folder, commands = made("linux", "windows")
    assert {p.name for p in folder.iterdir()} >= {"README.html", "install.py", "wheels", "site"}
    assert (folder / "activecl" / "notebooks" / "00_start_here.ipynb").is_file()
    assert (folder / "activecl" / "results" / "laptop").is_dir()
    (prepared,) = (around for words, around in commands if words[0] == "activecl_nb")
    assert prepared == {"ACTIVECL_HOME": str(folder / "cache")}
    page = (folder / "README.html").read_text()
    assert "Linux, with CUDA" in page and "Windows" in page and "macOS" not in page


def test_each_system_gets_the_wheels_that_it_takes(made):
    _, commands = made("windows", "macos", python="3.11")
    fetched = [words for words, _ in commands if words[:2] == ("pip", "download")]
    assert ["win_amd64" in words for words in fetched] == [True, False]
    assert ["macosx_14_0_arm64" in words for words in fetched] == [False, True]
    for words in fetched:
        assert "--no-deps" in words and words[words.index("--python-version") + 1] == "3.11"
    resolved = [words for words, _ in commands if words[0] == "uv"]
    assert "x86_64-pc-windows-msvc" in resolved[0] and "aarch64-apple-darwin" in resolved[1]


def test_a_mac_with_an_intel_processor_gets_what_was_made_for_it(made):
    _, commands = made("macos-intel")
    ((resolved, around),) = (one for one in commands if one[0][0] == "uv")
    assert "--constraint" not in resolved and "--only-binary" in resolved
    assert around == {"MACOSX_DEPLOYMENT_TARGET": "13.0"}


def test_what_machines_have_already_is_left_out():
    lines = ["numpy==2.0", "torch==2.9", "nvidia-cudnn==1", "triton==3", "# a word"]
    assert stick.kept(lines, []) == lines[:-1]
    assert stick.kept(lines, ["Torch"]) == ["numpy==2.0", "# a word"]
    assert stick.kept(lines, ["numpy"]) == lines[1:-1]


def test_a_system_that_is_not_known(tmp_path):
    with pytest.raises(ValueError, match="'amiga'; there are linux"):
        stick.make(tmp_path, ["amiga"])


def test_what_is_missing_to_make_one_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(stick.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"uv is not in this environment.*\[teach\]"):
        stick.make(tmp_path, ["linux"])


def test_a_step_that_fails_is_named(monkeypatch):
    with pytest.raises(ValueError, match="no_such_module"):
        stick._run("no_such_module")


def test_the_installer_needs_nothing_but_python():
    tree = ast.parse((stick.HERE / "install_offline.py").read_text())
    modules = {
        a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names
    }
    assert modules == {"shutil", "subprocess", "sys", "venv"}
