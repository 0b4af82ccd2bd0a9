"""Lessons to take away: copied once, never over what somebody worked in."""

from __future__ import annotations

import pytest

from activecl_nb import files
from activecl_nb.__main__ import main
from activecl_nb.lessons import takeaway


def test_the_lessons_and_what_they_point_to_are_copied(tmp_path, capsys):
    assert main(["lessons", str(tmp_path / "mine")]) == 0
    names = {path.name for path in files.of_the_kit("notebooks").glob("*.ipynb")}
    assert {path.name for path in (tmp_path / "mine" / "notebooks").glob("*.ipynb")} == names
    assert (tmp_path / "mine" / "results" / "claims.toml").is_file()
    assert (tmp_path / "mine" / "teaching" / "README.md").is_file()
    said = capsys.readouterr().out  # from the folder above, so that links out of a lesson open
    first = tmp_path / "mine" / "notebooks" / "00_start_here.ipynb"
    assert f'jupyter lab --notebook-dir="{tmp_path / "mine"}" "{first}"' in said


def test_what_was_worked_in_stays(tmp_path):
    own = takeaway.copy_lessons(tmp_path) / "00_start_here.ipynb"
    own.write_text("my answers")
    (own.parent / "01_imbalanced_tissue.ipynb").unlink()
    takeaway.copy_lessons(tmp_path)
    assert own.read_text() == "my answers"
    assert (own.parent / "01_imbalanced_tissue.ipynb").is_file()


def test_a_copy_of_the_kit_without_lessons_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "of_the_kit", lambda name: tmp_path / name)
    with pytest.raises(FileNotFoundError, match="notebooks is not there; install"):
        takeaway.copy_lessons(tmp_path / "mine")


def test_a_wheel_finds_what_it_carries(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "activecl_nb"
    package.mkdir(parents=True)
    monkeypatch.setattr(files, "__file__", str(package / "files.py"))
    assert files.of_the_kit("results") == package.parent.resolve() / "results"
    (package / "_kit").mkdir()
    assert files.of_the_kit("results") == package.resolve() / "_kit" / "results"
