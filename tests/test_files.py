import errno
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from sealed import verified

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


def test_the_next_writer_removes_what_a_killed_one_left_and_nobody_else_s(tmp_path):
    target = tmp_path / "a.csv"
    kill = "import os; os.kill(os.getpid(), 9)"
    code = f"from activecl_nb import files\nwith files.replacing({str(target)!r}) as t:\n"
    code += f"    t.write_text('half')\n    {kill}"
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    others = {".a.csv", ".a.01234567.txt", ".b.01234567.csv"}
    for name in others:
        (tmp_path / name).write_text("")
    with files.replacing(target) as first:
        first.write_text("1")
        assert {path.name for path in tmp_path.iterdir()} == {first.name, *others}
        files.write(target, "2")  # by another, meanwhile
    assert target.read_text() == "1"
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", *others}


def test_a_strangers_lock_on_the_folder_is_not_waited_for(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    files.write(tmp_path / "a.txt", "x")
    os.close(folder)
    assert (tmp_path / "a.txt").read_text() == "x"


def test_a_name_that_is_no_text_is_written_as_an_escape(tmp_path):
    files.write(tmp_path / "page.html", os.fsdecode(b"\xff.png and \xc3\xa9"))
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "\\udcff.png and \xe9"


def test_what_is_no_file_is_not_replaced(tmp_path):
    """Neither a folder nor a pipe, which ``os.replace`` would take the place of."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for act in (files.ready, lambda path: files.write(path, "x")):
        with pytest.raises(ValueError, match="pipe is a pipe or a device and no file; name a file"):
            act(tmp_path / "pipe")
        with pytest.raises(IsADirectoryError, match="folder"):
            act(tmp_path / "folder")
    files.ready(tmp_path / "new" / "a.csv")
    assert {path.name for path in tmp_path.rglob("*")} == {"pipe", "folder", "new"}


def test_a_place_that_cannot_be_written_is_named_itself(tmp_path, monkeypatch):
    def refuse(**how):
        raise PermissionError(13, "Permission denied", "tmp0123")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(PermissionError, match=r"Permission denied: '.*/a\.csv'"):
        files.ready(tmp_path / "a.csv")


def test_a_full_disk_is_told_with_the_file(tmp_path):
    with (
        pytest.raises(OSError, match=r"No space: '.*/a\.txt'"),
        files.replacing(tmp_path / "a.txt"),
    ):
        raise OSError(errno.ENOSPC, "No space")  # as of an open file, whose name it lacks
    with pytest.raises(OSError, match=r"^own words$"), files.replacing(tmp_path / "a.txt"):
        raise OSError("own words")


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_no_file_is_taken_for_a_stream_that_was_closed(tmp_path, closed):
    code = "import sys; from activecl_nb import files; files.stand_in_for_closed_streams(); "
    code += "w = open('w', 'w'); print(1); print(2, file=sys.stderr); sys.exit(w.fileno() <= 2)"
    shell = f"exec {shlex.quote(sys.executable)} -c {shlex.quote(code)} {closed}"
    assert (
        subprocess.run(["sh", "-c", shell], cwd=tmp_path, stdout=subprocess.DEVNULL).returncode == 0
    )
    assert (tmp_path / "w").read_text() == ""


def test_words_are_put_between_two_lines(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<begin>\nold\n<end>\nz\n")
    files.put_between(page, "<begin>", "<end>", "new")
    assert page.read_text() == "a\n<begin>\nnew\n<end>\nz\n"
    with pytest.raises(ValueError, match=r"page\.md lacks the lines '<start>' and '<end>'"):
        files.put_between(page, "<start>", "<end>", "newer")
    assert "newer" not in page.read_text()


@pytest.fixture
def sealed(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6, dtype=np.int16).reshape(2, 3))
    np.savez(tmp_path / "b.npz", x=np.zeros(4, np.float32), y=np.ones((1, 2), bool))
    (tmp_path / "c.csv").write_text("one\n")
    files.seal(tmp_path, "a.npy", "b.npz", "c.csv")
    return tmp_path


def test_the_manifest_says_type_and_shape_of_arrays(sealed):
    entries = files.Manifest.of(sealed).entries
    assert entries["a.npy"]["arrays"] == {"": ["int16", 2, 3]}
    assert entries["b.npz"]["arrays"] == {"x": ["float32", 4], "y": ["bool", 1, 2]}
    assert "arrays" not in entries["c.csv"] and entries["c.csv"]["bytes"] == 4


def test_every_changed_byte_is_seen(sealed):
    assert verified(sealed)
    for path in sorted(sealed.iterdir()):
        whole = path.read_bytes()
        for at in range(len(whole)):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
            with pytest.raises(ValueError, match=f"{path.name} is damaged"):
                verified(sealed)
        path.write_bytes(whole)
    assert verified(sealed)


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b""])
def test_a_file_of_another_length_is_seen(sealed, change):
    for name in ("a.npy", "b.npz", "c.csv"):
        whole = (sealed / name).read_bytes()
        (sealed / name).write_bytes(change(whole))
        with pytest.raises(ValueError, match=f"{name} is damaged"):
            verified(sealed, name)
        (sealed / name).write_bytes(whole)


def test_a_missing_file_and_one_that_is_not_named_are_told(sealed):
    (sealed / "c.csv").unlink()
    (sealed / "new.csv").write_text("two")
    with pytest.raises(FileNotFoundError, match=r"c\.csv is missing; restore it"):
        verified(sealed)
    with pytest.raises(ValueError, match=r"new\.csv is not named in manifest\.json"):
        verified(sealed, "new.csv")
    assert verified(sealed, "a.npy")


def test_a_folder_without_a_manifest_is_read_and_not_verified(tmp_path):
    (tmp_path / "old.csv").write_text("one")
    assert verified(tmp_path, "old.csv") is False
    manifest = files.Manifest.of(tmp_path)
    assert not manifest.sealed and "old.csv" in manifest and "none.csv" not in manifest
    assert manifest.read("old.csv") == b"one"
    assert verified(tmp_path / "nowhere") is False


def test_what_follows_the_sealed_part_of_a_growing_file_is_not_believed(sealed):
    (sealed / "c.csv").write_text("one\ntwo\n")
    assert files.Manifest.of(sealed).read_grown("c.csv") == (b"one\n", b"two\n")
    with pytest.raises(ValueError, match=r"c\.csv is damaged"):
        files.Manifest.of(sealed).read("c.csv")


def test_sealing_adds_replaces_and_leaves_out(sealed):
    (sealed / "c.csv").write_text("other")
    (sealed / "d.csv").write_text("new")
    files.seal(sealed, "c.csv", "d.csv", without=["a.npy"])
    assert set(files.Manifest.of(sealed).entries) == {"b.npz", "c.csv", "d.csv"}
    assert verified(sealed)


def test_leftovers_of_a_killed_process_are_swept_and_nothing_else(tmp_path):
    with files.replacing(tmp_path / "r2-3.npy") as temporary:
        temporary.write_text("")
        left = temporary.name
    for name in (left, ".run.0123abcd", ".git", ".r2.npy", "round-00.npz"):
        (tmp_path / name).write_text("")
    (tmp_path / ".folder.0123abcd").mkdir()
    files.sweep(tmp_path)
    there = {p.name for p in tmp_path.iterdir()}
    assert there == {"r2-3.npy", ".git", ".r2.npy", "round-00.npz", ".folder.0123abcd"}


def test_a_tilde_is_the_users_home(tmp_path, monkeypatch):
    monkeypatch.setattr(
        files.os.path, "expanduser", lambda path: str(path).replace("~", str(tmp_path))
    )
    with files.replacing("~/a folder/50%.txt") as temporary:
        temporary.write_text("here")
    assert (tmp_path / "a folder" / "50%.txt").read_text() == "here"


def test_toml_with_a_byte_order_mark(tmp_path):
    (tmp_path / "s.toml").write_bytes(b"\xef\xbb\xbftitle = 'x'\n")
    assert files.read_toml(tmp_path / "s.toml") == {"title": "x"}


@pytest.mark.parametrize("text", ["a = " + "[" * 3000 + "]" * 3000, "a = " + "9" * 5000, "a = "])
def test_toml_that_cannot_be_read_is_named(tmp_path, text):
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(ValueError, match=r"s\.toml is no TOML file: .*; mend it there"):
        files.read_toml(tmp_path / "s.toml")


def test_cache_dir_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("ACTIVECL_HOME", str(tmp_path))
    assert files.cache_dir() == tmp_path
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ACTIVECL_HOME", "~/kit")
    assert files.cache_dir() == tmp_path / "home" / "kit"
    monkeypatch.setenv("ACTIVECL_HOME", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert files.cache_dir() == Path(tmp_path / "cache" / "activecl")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert files.cache_dir() == tmp_path / "home" / ".cache" / "activecl"


def test_a_user_without_a_home_has_the_temporary_folder(monkeypatch, tmp_path):
    for name in ("ACTIVECL_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", os.fspath)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert files.cache_dir().parent == tmp_path
