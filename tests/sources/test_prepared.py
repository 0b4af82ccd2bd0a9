"""Arrays on disk: made once, killed, resumed, and believed only with their checksum."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from small_sets import (
    COUNTS,
    count_decoded,
    image_bytes,
    official_files,
    official_pixels,
    patch,
    write_npz,
    write_zip,
)

from activecl_nb.sources import archive, download, folders, npz, prepared
from activecl_nb.sources.image import BadImage
from activecl_nb.sources.sets import CLASS_NAMES

pytestmark = pytest.mark.filterwarnings("ignore:Truncated File Read")  # PIL, of what is broken

STEM = "NCT-CRC-HE-100K"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def zip_path(tmp_path: Path) -> Path:
    return write_zip(tmp_path / f"{STEM}.zip", official_files(STEM))


# ------------------------------------------------------------------ made once


def test_zip_becomes_one_array(tmp_path: Path, zip_path: Path) -> None:
    ready = prepared.prepare(folders.from_zip(zip_path, COUNTS), None, tmp_path / "array")
    assert isinstance(ready.images, np.memmap)
    np.testing.assert_array_equal(ready.images, official_pixels())
    np.testing.assert_array_equal(ready.labels, np.repeat(range(9), COUNTS))
    assert ready.labels.dtype == np.int64 and ready.class_names == CLASS_NAMES
    assert sorted(p.name for p in (tmp_path / "array").iterdir() if p.name[0] != ".") == [
        *("about.json", "images.npy", "labels.npy", "manifest.json")
    ]
    np.testing.assert_array_equal(np.load(tmp_path / "array" / "images.npy"), ready.images)


def test_what_a_user_writes_stays_off_the_disk(tmp_path: Path, zip_path: Path) -> None:
    ready = prepared.prepare(folders.from_zip(zip_path), None, tmp_path / "array")
    ready.images[:] = 0
    assert prepared.open_prepared(tmp_path / "array").images.any()


# ------------------------------------------------------------------ broken images


def with_broken(*broken: str) -> dict[str, bytes]:
    files = official_files(STEM)
    return files | {name: files[name][:60] for name in broken}


def test_corrupt_image_stops(tmp_path: Path) -> None:
    name = f"{STEM}/LYM/LYM-0001.tif"
    path = write_zip(tmp_path / "x.zip", with_broken(name))
    with pytest.raises(BadImage, match=rf"x\.zip: {name} is no image"):
        prepared.prepare(folders.from_zip(path, COUNTS), None, tmp_path / "array")
    assert prepared.open_prepared(tmp_path / "array") is None
    with pytest.raises(BadImage, match=rf"{name} is no image"):
        archive.decode(folders.from_zip(path, COUNTS))


@pytest.mark.parametrize("block", [2, 512])
def test_corrupt_images_left_out(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "BLOCK", block)
    broken = [f"{STEM}/ADI/ADI-0000.tif", f"{STEM}/LYM/LYM-0001.tif", f"{STEM}/TUM/TUM-0004.tif"]
    path = write_zip(tmp_path / "x.zip", with_broken(*broken))
    positions = [list(official_files(STEM)).index(name) for name in broken]
    ready = prepared.prepare(
        folders.from_zip(path, COUNTS), None, tmp_path / "array", skip_corrupt=True
    )
    np.testing.assert_array_equal(ready.images, np.delete(official_pixels(), positions, axis=0))
    np.testing.assert_array_equal(ready.labels, np.delete(np.repeat(range(9), COUNTS), positions))
    assert len(ready.left_out) == 3
    assert all(name in text for name, text in zip(broken, ready.left_out, strict=True))


def test_all_broken_images_are_named_and_may_be_left_out_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is decoded twice for it."""
    monkeypatch.setattr(prepared, "BLOCK", 2)
    broken = [f"{STEM}/ADI/ADI-0001.tif", f"{STEM}/TUM/TUM-0000.tif"]
    images = folders.from_zip(write_zip(tmp_path / "x.zip", with_broken(*broken)))
    for _ in range(2):
        with pytest.raises(BadImage, match=r"Is no image \(2\): .*ADI-0001.*TUM-0000"):
            prepared.prepare(images, 16, tmp_path / "array")
        assert prepared.open_prepared(tmp_path / "array") is None
        decoded = count_decoded(monkeypatch)
    ready = prepared.prepare(images, 16, tmp_path / "array", skip_corrupt=True)
    assert decoded == [] and len(ready.labels) == sum(COUNTS) - 2 == len(ready.images)


# ------------------------------------------------------------------ killed, resumed, full disk


PREPARE_A_LITTLE = """
import sys
from activecl_nb.sources import folders, prepared
original = prepared._write_sealed
def tell(path, content):
    original(path, content)
    if content["next"] == 10:
        print("ten", flush=True)
        sys.stdin.read()  # until it is killed
prepared._write_sealed, prepared.BLOCK = tell, 2
prepared.prepare(folders.from_zip(sys.argv[1]), 16, sys.argv[2])
"""


def test_killed_in_the_middle_of_the_decode(
    tmp_path: Path, zip_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "array"
    process = subprocess.Popen(
        [sys.executable, "-c", PREPARE_A_LITTLE, str(zip_path), str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout.readline() == b"ten\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = noted(folder)
    assert done == 10
    assert prepared.open_prepared(folder) is None  # half an array is no array

    decoded = count_decoded(monkeypatch)
    ready = prepared.prepare(folders.from_zip(zip_path), 16, folder)
    assert len(decoded) == sum(COUNTS) - done
    np.testing.assert_array_equal(ready.images, official_pixels())
    prepared.prepare(folders.from_zip(zip_path), 16, folder)
    assert len(decoded) == sum(COUNTS) - done  # finished: nothing is decoded twice


def test_rows_that_were_written_but_not_noted(
    tmp_path: Path, zip_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a kill between the write of a block and the note of it."""
    monkeypatch.setattr(prepared, "BLOCK", 2)
    folder = tmp_path / "array"
    full_disk(monkeypatch, room=128 + 5 * 768 + 100)
    with pytest.raises(OSError, match=r"full after 4 patches; they are kept"):
        prepared.prepare(folders.from_zip(zip_path), 16, folder)
    monkeypatch.undo()
    with open(folder / "images.part", "ab") as part:
        part.write(b"x" * 1_000_000)
    ready = prepared.prepare(folders.from_zip(zip_path), 16, folder)
    np.testing.assert_array_equal(ready.images, official_pixels())
    assert (folder / "images.npy").stat().st_size == 128 + ready.images.nbytes


def full_disk(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """Writing beyond ``room`` bytes of images.part fails as on a full disk."""

    class FullDisk(io.FileIO):
        def write(self, content: bytes) -> int:
            if self.tell() + memoryview(content).nbytes > room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(content)

    monkeypatch.setattr(
        prepared, "open", lambda path, mode, buffering: FullDisk(path, "r+"), raising=False
    )


def test_disk_too_small(tmp_path: Path, zip_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 20_000})
    monkeypatch.setattr(download.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(OSError, match=r"array needs 0\.0 MB.*free some space"):
        prepared.prepare(folders.from_zip(zip_path), 16, tmp_path / "array")
    assert prepared.prepare(folders.from_zip(zip_path), 8, tmp_path / "array") is not None


def test_other_images_are_prepared_anew(tmp_path: Path, zip_path: Path) -> None:
    prepared.prepare(folders.from_zip(zip_path), None, tmp_path / "array")
    files = official_files(STEM) | {f"{STEM}/TUM/TUM-0000.tif": image_bytes(patch(77))}
    write_zip(zip_path, files)
    ready = prepared.prepare(folders.from_zip(zip_path), None, tmp_path / "array")
    np.testing.assert_array_equal(ready.images[22].transpose(1, 2, 0), patch(77))


def test_an_image_replaced_by_one_of_the_same_size_and_time_is_seen(tmp_path: Path) -> None:
    """As ``cp -p`` and ``rsync -t`` do it."""
    root = tmp_path / "d"
    for number, path in enumerate([root / "A" / "0.bmp", root / "B" / "0.bmp"]):
        path.parent.mkdir(parents=True)
        path.write_bytes(image_bytes(patch(number), "bmp"))
    before = path.stat()
    first = prepared.prepare(folders.from_folder(root), None, tmp_path / "array")
    assert np.array_equal(first.images[1].transpose(1, 2, 0), patch(1))
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # until the clock has ticked
        path.write_bytes(image_bytes(patch(2), "bmp"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    again = prepared.prepare(folders.from_folder(root), None, tmp_path / "array")
    assert np.array_equal(again.images[1].transpose(1, 2, 0), patch(2))


def test_damaged_array_is_named(tmp_path: Path, zip_path: Path) -> None:
    prepared.prepare(folders.from_zip(zip_path), None, tmp_path / "array")
    path = tmp_path / "array" / "images.npy"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"array is damaged.*delete it"):
        prepared.open_prepared(tmp_path / "array")


def test_memory_does_not_grow_with_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "BLOCK", 16)
    monkeypatch.setattr(prepared.files, "CHUNK", 1 << 16)  # what is hashed at a time
    path = write_zip(tmp_path / "x.zip", official_files(STEM, (30,) * 9, 64))
    images = folders.from_zip(path)
    tracemalloc.start()
    ready = prepared.prepare(images, None, tmp_path / "array")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ready.images.nbytes == 270 * 3 * 64 * 64
    assert peak < ready.images.nbytes / 2


def test_npz_goes_on_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "BLOCK", 7)
    images = npz.NpzFile(write_npz(tmp_path / "x.npz"), ("train", "val"))
    with monkeypatch.context() as context:
        full_disk(context, room=128 + 33 * 3 * 28 * 28)
        with pytest.raises(OSError, match=r"full after 28 patches"):
            prepared.prepare(images, None, tmp_path / "array")
    ready = prepared.prepare(images, None, tmp_path / "array")
    np.testing.assert_array_equal(ready.images, archive.decode(images))


# ------------------------------------------------------------------ damage


def noted(folder: Path) -> int:
    """How many images the note of a begun array says are dealt with; 0 without a note."""
    path = folder / "progress.json"
    return json.loads(path.read_text())["next"] if path.is_file() else 0


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x20
    path.write_bytes(content)


def test_no_flipped_bit_of_a_finished_array_is_used(tmp_path: Path, zip_path: Path) -> None:
    """100 flips over the four files: refused, or without any effect."""
    folder = tmp_path / "array"
    good = prepared.prepare(folders.from_zip(zip_path), None, folder)
    draw = np.random.default_rng(0)
    refused = 0
    for path in [folder / name for name in (*prepared.FILES, "manifest.json")] * 25:
        whole = path.read_bytes()
        flip(path, int(draw.integers(len(whole))))
        try:
            found = prepared.open_prepared(folder)
        except ValueError as error:
            assert "array is damaged" in str(error) and "delete it" in str(error)
            refused += 1
        else:
            np.testing.assert_array_equal(found.images, good.images)
            np.testing.assert_array_equal(found.labels, good.labels)
            assert found.class_names == good.class_names and found.left_out == good.left_out
        path.write_bytes(whole)
    assert refused == 100


def begun(tmp_path: Path, zip_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An array of which 20 of 27 rows are written."""
    monkeypatch.setattr(prepared, "BLOCK", 4)
    with monkeypatch.context() as context:
        full_disk(context, room=128 + 21 * 768)
        with pytest.raises(OSError, match=r"full after 20 patches"):
            prepared.prepare(folders.from_zip(zip_path), 16, tmp_path / "array")
    return tmp_path / "array"


@pytest.mark.parametrize("damage", ["cut", "flip", "gone", "note", "note cut"])
def test_a_damaged_begun_array_is_begun_anew(
    tmp_path: Path, zip_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    folder = begun(tmp_path, zip_path, monkeypatch)
    part, note = folder / "images.part", folder / "progress.json"
    if damage == "cut":
        part.write_bytes(part.read_bytes()[: 128 + 5 * 768])
    elif damage == "flip":
        flip(part, 128 + 768 * 3 + 50)
    elif damage == "gone":
        part.unlink()
    elif damage == "note":
        note.write_text(note.read_text().replace('"next": 20', '"next": 16'))
    else:
        note.write_bytes(note.read_bytes()[:40])
    decoded = count_decoded(monkeypatch)
    ready = prepared.prepare(folders.from_zip(zip_path), 16, folder)
    np.testing.assert_array_equal(ready.images, official_pixels())
    assert len(decoded) == sum(COUNTS)


def test_an_array_from_before_checksums_is_said_to_be_unverified(
    tmp_path: Path, zip_path: Path
) -> None:
    folder = tmp_path / "array"
    prepared.prepare(folders.from_zip(zip_path), None, folder)
    (folder / "manifest.json").unlink()
    with pytest.warns(UserWarning, match=r"array was written before .* checksums: unverified"):
        ready = prepared.open_prepared(folder)
    np.testing.assert_array_equal(ready.images, official_pixels())


def test_what_a_killed_process_left_is_removed(tmp_path: Path, zip_path: Path) -> None:
    folder = tmp_path / "array"
    folder.mkdir()
    (folder / ".labels.0123abcd.npy").write_bytes(b"x")
    prepared.prepare(folders.from_zip(zip_path), None, folder)
    left = sorted(path.name for path in folder.iterdir())
    assert left == [".lock", "about.json", "images.npy", "labels.npy", "manifest.json"]


def test_killed_between_the_array_and_its_manifest(
    tmp_path: Path, zip_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All files are there but the manifest: begun anew, and not taken for an old array."""
    folder = tmp_path / "array"
    with monkeypatch.context() as context:
        context.setattr(prepared.files, "seal", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            prepared.prepare(folders.from_zip(zip_path), None, folder)
    assert (folder / "images.npy").exists() and prepared.open_prepared(folder) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ready = prepared.prepare(folders.from_zip(zip_path), None, folder)
    np.testing.assert_array_equal(ready.images, official_pixels())
