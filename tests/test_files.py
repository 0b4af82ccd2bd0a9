from pathlib import Path

import pytest

from activecl_nb import files


def test_the_file_appears_whole(tmp_path):
    target = tmp_path / "new folder" / "a.txt"
    with files.replacing(target) as temporary:
        temporary.write_text("half")
        assert not target.exists()
        temporary.write_text("whole")
    assert target.read_text() == "whole"
    assert [p.name for p in target.parent.iterdir()] == ["a.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), files.replacing(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_cache_dir_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("ACTIVECL_HOME", str(tmp_path))
    assert files.cache_dir() == tmp_path
    monkeypatch.delenv("ACTIVECL_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert files.cache_dir() == Path(tmp_path / "cache" / "activecl")
