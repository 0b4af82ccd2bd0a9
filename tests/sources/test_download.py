"""Fetching, against a web server that misbehaves on purpose."""

from __future__ import annotations

import collections
import errno
import importlib.util
import io
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from misbehaving_server import MisbehavingServer, serving
from small_sets import describe, small_kather, small_pathmnist

from activecl_nb.sources import download, official, sets
from activecl_nb.sources.download import CHUNK, Passing, Patience
from activecl_nb.sources.sets import DataSet, RemoteFile

ROOT = Path(__file__).parents[2]
specification = importlib.util.spec_from_file_location("data_download", ROOT / "data_download.py")
data_download = importlib.util.module_from_spec(specification)
specification.loader.exec_module(data_download)

NAME = "patches.zip"
CONTENT = random.Random(0).randbytes(6 * CHUNK + 123)
FILE = describe(NAME, CONTENT)
QUICK = Patience(tries=3, pause=0.01, timeout=600)  # no server here is slower, but one that stalls
Usage = collections.namedtuple("Usage", "total used free")


@pytest.fixture
def one_file(monkeypatch: pytest.MonkeyPatch) -> DataSet:
    """A data set of one file, known to the kit by the name "one"."""
    data_set = DataSet("one", FILE, FILE, 16, "one file")
    monkeypatch.setitem(download.SETS, "one", data_set)
    return data_set


def fetch(server: MisbehavingServer, folder: Path, file: RemoteFile = FILE) -> Path:
    return download.fetch(file, folder, server.address, patience=QUICK)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


# ------------------------------------------------------------------ what the table says


def test_published_table() -> None:
    """The numbers of the two Zenodo records."""
    assert set(download.SETS) == {
        "kather19",
        "kather19-nonorm",
        *("pathmnist", "pathmnist-64", "pathmnist-128", "pathmnist-224"),
    }
    kather = download.SETS["kather19"]
    assert sum(kather.train.counts) == 100_000 and sum(kather.test.counts) == 7_180
    assert dict(zip(sets.CLASS_NAMES, kather.train.counts, strict=True))["TUM"] == 14317
    assert kather.train.size + kather.test.size == 12_490_560_932
    assert download.SETS["kather19-nonorm"].test == kather.test
    files = {file for data_set in download.SETS.values() for file in data_set.files}
    assert len(files) == 7 and all(len(file.md5) == 32 for file in files)
    assert kather.test.url == (
        "https://zenodo.org/records/1214456/files/CRC-VAL-HE-7K.zip?download=1"
    )
    assert download.SETS["pathmnist-64"].train.name == "pathmnist_64.npz"
    assert download._source(kather.test, None) == kather.test.url


def test_unknown_set() -> None:
    with pytest.raises(ValueError, match=r"no data set 'kather'.*kather19, kather19-nonorm"):
        download.get("kather")


# ------------------------------------------------------------------ a server that behaves


def test_fetches_once(tmp_path: Path) -> None:
    with serving({NAME: CONTENT}) as server:
        path = fetch(server, tmp_path)
        assert path == tmp_path / NAME and path.read_bytes() == CONTENT
        assert fetch(server, tmp_path) == path
        assert server.ranges == [None]  # the second call asked for nothing
    assert names(tmp_path) == [NAME, f"{NAME}.verified"]


def test_size_known_to_the_server_alone(tmp_path: Path) -> None:
    file = RemoteFile(NAME, 0, FILE.md5)
    with serving({NAME: CONTENT}, "truncate") as server:
        assert fetch(server, tmp_path, file).read_bytes() == CONTENT
        assert len(server.ranges) == 2


# ------------------------------------------------------------------ a server that does not


def test_404_is_said_at_once(tmp_path: Path) -> None:
    with serving({}) as server:
        with pytest.raises(FileNotFoundError, match=rf"{server.address}/{NAME}.*404.*--mirror"):
            fetch(server, tmp_path)
        assert len(server.ranges) == 1
    assert names(tmp_path) == []


def test_500_then_success(tmp_path: Path) -> None:
    with serving({NAME: CONTENT}, "500", "500") as server:
        assert fetch(server, tmp_path).read_bytes() == CONTENT
        assert len(server.ranges) == 3


def test_500_for_ever_keeps_what_was_fetched(tmp_path: Path) -> None:
    with serving({NAME: CONTENT}, "truncate", *["500"] * 9) as server:
        with pytest.raises(ConnectionError, match=r"500.*Gave up after 3 tries.*kept.*goes on"):
            fetch(server, tmp_path)
        kept = (tmp_path / f"{NAME}.part").read_bytes()
        assert len(kept) >= 3 * CHUNK and CONTENT.startswith(kept)
        server.faults.clear()
        assert fetch(server, tmp_path).read_bytes() == CONTENT
        assert server.ranges[-1] == f"bytes={len(kept)}-"


def test_nobody_listens(tmp_path: Path) -> None:
    with serving({}) as server:
        gone = server.address
    with pytest.raises(
        ConnectionError, match=r"Gave up after 3 tries.*Nothing was fetched.*--mirror"
    ):
        download.fetch(FILE, tmp_path, gone, patience=QUICK)


def test_truncated_body_goes_on_by_range(tmp_path: Path) -> None:
    with serving({NAME: CONTENT}, "truncate", "truncate") as server:
        assert fetch(server, tmp_path).read_bytes() == CONTENT
        starts = [int(r.removeprefix("bytes=").rstrip("-")) for r in server.ranges[1:]]
    assert len(starts) == 2 and 0 < starts[0] < starts[1] < len(CONTENT)


def test_stalled_connection(tmp_path: Path) -> None:
    """The server is silent until it is told to go on, and nobody tells it."""
    soon = Patience(tries=1000, pause=0.01, timeout=0.3)  # a busy machine may need some of them
    with serving({NAME: CONTENT}, "stall") as server:
        path = download.fetch(FILE, tmp_path, server.address, patience=soon)
        assert path.read_bytes() == CONTENT
        assert server.ranges[0] is None and server.ranges[-1].startswith("bytes=")
        assert not server.go_on.is_set()


def test_no_range_support(tmp_path: Path) -> None:
    """Everything comes again, but the bytes that are there already are not written again."""
    with serving({NAME: CONTENT}, "truncate", "no-range") as server:
        assert fetch(server, tmp_path).read_bytes() == CONTENT
        assert server.ranges[1] is not None


def test_no_range_support_and_breaks_at_the_same_byte(tmp_path: Path) -> None:
    """It would go on for ever if each connection counted as progress."""
    with serving({NAME: CONTENT}, *["no-range truncate"] * 20) as server:
        with pytest.raises(ConnectionError, match=r"Gave up"):
            fetch(server, tmp_path)
        assert len(server.ranges) == 1 + QUICK.tries - 1
    assert CONTENT.startswith((tmp_path / f"{NAME}.part").read_bytes())


def test_wrong_bytes_of_the_right_length(tmp_path: Path) -> None:
    with serving({NAME: CONTENT}, "wrong") as server:
        with pytest.raises(ValueError, match=rf"md5.*{FILE.md5}.*set aside.*--mirror"):
            fetch(server, tmp_path)
        (broken,) = tmp_path.iterdir()
        assert broken.name.startswith(f"{NAME}.broken-") and broken.read_bytes() != CONTENT
        assert fetch(server, tmp_path).read_bytes() == CONTENT


def test_a_part_of_another_file_is_set_aside_and_all_fetched_anew(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(b"x" * 100)
    with serving({NAME: CONTENT}) as server:
        assert fetch(server, tmp_path).read_bytes() == CONTENT
        assert server.ranges == ["bytes=100-", None]
    assert any(".broken-" in name for name in names(tmp_path))


def test_a_part_that_is_too_long(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT + b"x")
    with serving({NAME: CONTENT}) as server:
        assert fetch(server, tmp_path).read_bytes() == CONTENT


def test_server_says_that_nothing_follows(tmp_path: Path) -> None:
    part = tmp_path / f"{NAME}.part"
    part.write_bytes(CONTENT[:100])
    nothing_follows = serving({NAME: CONTENT}, *["416"] * 9)
    with nothing_follows as server, pytest.raises(ConnectionError, match=r"ended after 100 of"):
        fetch(server, tmp_path)
    assert part.read_bytes() == CONTENT[:100]
    part.write_bytes(CONTENT)  # complete, and its size is known to nobody: 416 is good news
    with serving({NAME: CONTENT}, "416") as server:
        assert fetch(server, tmp_path, RemoteFile(NAME, 0, FILE.md5)).read_bytes() == CONTENT


def test_another_file_under_this_name(tmp_path: Path) -> None:
    part = tmp_path / f"{NAME}.part"
    part.write_bytes(CONTENT[:100])
    other = serving({NAME: CONTENT[:-1]})
    with other as server, pytest.raises(ValueError, match=r"bytes, published are.*--mirror"):
        fetch(server, tmp_path)
    assert part.read_bytes() == CONTENT[:100]


@pytest.mark.parametrize("stated", ["nonsense", "bytes 300-400/500"])
def test_unreadable_or_wrong_content_range(stated: str) -> None:
    class Answer:
        status_code, reason = 206, "Partial Content"
        headers = {"Content-Range": stated}  # noqa: RUF012

        def __enter__(self) -> Answer:
            return self

        def __exit__(self, *error: object) -> None:
            pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(download.requests, "get", lambda *a, **k: Answer())
        with pytest.raises(Passing), download._from_web("http://x", 100, QUICK):
            pass


# ------------------------------------------------------------------ the disk


def test_disk_too_small_is_said_before_the_first_byte(
    tmp_path: Path, one_file: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download.shutil, "disk_usage", lambda p: Usage(0, 0, len(CONTENT) - 1))
    with serving({NAME: CONTENT}) as server:
        with pytest.raises(OSError, match=r"one needs 0\.4 MB .* are free.*--to"):
            download.get("one", tmp_path, server.address, patience=QUICK)
        assert server.ranges == []
        file = RemoteFile(NAME, 0, FILE.md5)  # the size is known only when the server answers
        with pytest.raises(OSError, match=r"free some space"):
            fetch(server, tmp_path, file)
    assert names(tmp_path) == []


def test_what_comes_after_counts_too(
    tmp_path: Path, one_file: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download.shutil, "disk_usage", lambda p: Usage(0, 0, len(CONTENT) + 9))
    with serving({NAME: CONTENT}) as server:
        with pytest.raises(OSError, match=r"one needs"):
            download.get("one", tmp_path, server.address, reserve=10, patience=QUICK)
        download.get("one", tmp_path, server.address, reserve=9, patience=QUICK)


class FullDisk(io.FileIO):
    """A file on a disk with room for ``room`` more bytes."""

    room = 2 * CHUNK + 5

    def write(self, content: memoryview) -> int:
        if FullDisk.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = super().write(content[: FullDisk.room])
        FullDisk.room -= written
        return written


def test_disk_full_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({NAME: CONTENT}) as server:
        with monkeypatch.context() as patch:
            patch.setattr(
                download, "open", lambda path, mode, buffering: FullDisk(path, "a"), raising=False
            )
            with pytest.raises(OSError, match=r"disk of .* is full.*kept.*goes on") as caught:
                fetch(server, tmp_path)
        assert caught.value.errno == errno.ENOSPC
        assert (tmp_path / f"{NAME}.part").read_bytes() == CONTENT[: 2 * CHUNK + 5]
        assert fetch(server, tmp_path).read_bytes() == CONTENT
        assert server.ranges == [None, f"bytes={2 * CHUNK + 5}-"]


# ------------------------------------------------------------------ killed, and two at once

GET = """
import sys
from activecl_nb.sources import download
file = download.RemoteFile(sys.argv[1], 0, sys.argv[2], int(sys.argv[3]))
download.SETS["one"] = download.DataSet("one", file, file, 16, "one file")
patient = download.Patience(timeout=600)  # so that what stalls stays where it is
download.get("one", sys.argv[4], sys.argv[5], patience=patient)
"""


def start_get(folder: Path, address: str) -> subprocess.Popen:
    arguments = [NAME, FILE.md5, str(len(CONTENT)), str(folder), address]
    return subprocess.Popen(
        [sys.executable, "-c", GET, *arguments], stderr=subprocess.PIPE, text=True, cwd=ROOT
    )


def wait_until(true: Callable[[], bool], process: subprocess.Popen) -> None:
    while not true():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)


def test_killed_in_the_middle(tmp_path: Path, one_file: DataSet) -> None:
    part = tmp_path / f"{NAME}.part"
    with serving({NAME: CONTENT}, "stall") as server:
        process = start_get(tmp_path, server.address)
        wait_until(lambda: part.is_file() and part.stat().st_size >= 3 * CHUNK, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kept = part.stat().st_size
        assert not (tmp_path / NAME).exists()
        # The lock of a process that was killed is gone: this returns, and goes on from there.
        (path,) = download.get("one", tmp_path, server.address, patience=QUICK)
        assert path.read_bytes() == CONTENT and server.ranges[1] == f"bytes={kept}-"


def test_two_processes_fetch_one_after_the_other(tmp_path: Path) -> None:
    with serving({NAME: CONTENT}, "stall") as server:
        first = start_get(tmp_path, server.address)
        wait_until(lambda: bool(server.ranges), first)
        second = start_get(tmp_path, server.address)
        said = second.stderr.readline()
        assert "another process is fetching" in said, said
        assert len(server.ranges) == 1  # the second has not asked for anything
        server.go_on.set()
        assert first.communicate() and first.returncode == 0
        assert second.communicate() and second.returncode == 0
        assert len(server.ranges) == 2  # both by the first: the file was there for the second
    assert (tmp_path / NAME).read_bytes() == CONTENT


# ------------------------------------------------------------------ mirrors and verification


def test_folder_as_mirror(tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    home = tmp_path / "home"
    home.mkdir()
    with pytest.raises(FileNotFoundError, match=rf"{NAME} is missing"):
        download.fetch(FILE, home, str(stick))
    (stick / NAME).write_bytes(CONTENT)
    (home / f"{NAME}.part").write_bytes(CONTENT[:1000])  # a copy goes on, too
    assert download.fetch(FILE, home, str(stick)).read_bytes() == CONTENT


def test_mirror_of_a_kind_that_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"address or a folder, not 'ftp://x'"):
        download.fetch(FILE, tmp_path, "ftp://x")


def test_verify(tmp_path: Path, one_file: DataSet) -> None:
    assert download.verify("one", tmp_path) == {NAME: "missing"}
    path = tmp_path / NAME
    path.write_bytes(CONTENT)
    assert download.verify("one", tmp_path) == {NAME: "whole"}
    assert download.is_whole(path, FILE)
    path.write_bytes(CONTENT[:-1] + b"x")
    assert not download.is_whole(path, FILE)  # the note of the old bytes does not count
    assert "broken, set aside as patches.zip.broken-" in download.verify("one", tmp_path)[NAME]
    assert not path.exists()


def test_a_broken_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(CONTENT[:-1] + b"x")
    with serving({NAME: CONTENT}) as server:
        assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert any(".broken-" in name for name in names(tmp_path))


# ------------------------------------------------------------------ the command line


def test_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stick, home = tmp_path / "stick", tmp_path / "home"
    monkeypatch.setitem(download.SETS, "kather19", small_kather(stick))
    monkeypatch.setitem(download.SETS, "pathmnist", small_pathmnist(stick))
    to = ["--to", str(home)]

    assert data_download.main(["list"]) == 0
    assert "CC BY 4.0" in capsys.readouterr().out
    assert data_download.main(["verify", "kather19", *to]) == 1
    assert "CRC-VAL-HE-7K.zip: missing" in capsys.readouterr().out
    assert data_download.main(["get", "kather19", *to, "--mirror", str(tmp_path)]) == 1
    assert "error: " in capsys.readouterr().err

    get = ["get", "kather19", *to, "--mirror", str(stick)]
    assert data_download.main([*get, "--files-only"]) == 0
    assert not (home / "prepared").exists()
    assert data_download.main([*get, "--size", "8"]) == 0
    assert "27 patches of 8x8, train" in capsys.readouterr().out
    assert data_download.main(["get", "pathmnist", *to, "--mirror", str(stick)]) == 0
    assert "20 patches of 28x28, test" in capsys.readouterr().out

    assert data_download.main(["verify", "kather19", *to]) == 0
    assert data_download.main(["where", *to]) == 0
    out = capsys.readouterr().out
    assert str(home) in out and "prepared/NCT-CRC-HE-100K-8px  27 patches" in out
    assert official.missing_bytes(download.SETS["kather19"], 8, home) == 0
    assert official.missing_bytes(download.SETS["kather19"], 16, home) == (27 + 9) * 3 * 256


def test_command_line_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in ([], ["fetch"], ["get"], ["get", "kather19", "--size", "-3"]):
        with pytest.raises(SystemExit):
            data_download.main(wrong)
    assert "a whole number of pixels, at least 1, not '-3'" in capsys.readouterr().err
    assert data_download.main(["get", "nothing"]) == 1
    assert "there is no data set 'nothing'" in capsys.readouterr().err


def test_interrupted_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "get", interrupt)
    assert data_download.main(["get", "kather19", "--to", str(tmp_path)]) == 130
    assert "kept" in capsys.readouterr().err


def test_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIVECL_HOME", "/somewhere")
    assert download.home() == Path("/somewhere/data")
    assert download.home("~/x") == Path.home() / "x"
