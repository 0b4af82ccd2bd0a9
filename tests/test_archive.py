"""From class folders, zips and npz files to arrays; killed, resumed, broken."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_sets import (
    COUNTS,
    image_bytes,
    official_files,
    patch,
    small_kather,
    small_pathmnist,
    write_folder,
    write_npz,
    write_zip,
)

from activecl_nb import archive, download
from activecl_nb.archive import BadImage
from activecl_nb.download import CLASS_NAMES

pytestmark = pytest.mark.filterwarnings("ignore:Truncated File Read")  # PIL, of what is broken

STEM = "NCT-CRC-HE-100K"
ROOT = Path(__file__).parent.parent


def in_folder(tmp_path: Path, counts: tuple[int, ...] = COUNTS, size: int = 16) -> np.ndarray:
    """What the official files hold, decoded by PIL alone: uint8 (N, 3, size, size)."""
    contents = official_files(STEM, counts, size).values()
    pixels = [np.asarray(Image.open(io.BytesIO(content))) for content in contents]
    return np.stack(pixels).transpose(0, 3, 1, 2)


@pytest.fixture
def zip_path(tmp_path: Path) -> Path:
    return write_zip(tmp_path / f"{STEM}.zip", official_files(STEM))


# ------------------------------------------------------------------ the zips


def test_zip_becomes_one_array(tmp_path: Path, zip_path: Path) -> None:
    ready = archive.prepare(archive.from_zip(zip_path, COUNTS), None, tmp_path / "array")
    assert isinstance(ready.images, np.memmap)
    np.testing.assert_array_equal(ready.images, in_folder(tmp_path))
    np.testing.assert_array_equal(ready.labels, np.repeat(range(9), COUNTS))
    assert ready.labels.dtype == np.int64 and ready.class_names == CLASS_NAMES
    assert sorted(p.name for p in (tmp_path / "array").iterdir() if p.name[0] != ".") == [
        *("about.json", "images.npy", "labels.npy")
    ]
    np.testing.assert_array_equal(np.load(tmp_path / "array" / "images.npy"), ready.images)


def test_what_a_user_writes_stays_off_the_disk(tmp_path: Path, zip_path: Path) -> None:
    ready = archive.prepare(archive.from_zip(zip_path), None, tmp_path / "array")
    ready.images[:] = 0
    assert archive.open_prepared(tmp_path / "array").images.any()


def test_resized_as_pil_does(tmp_path: Path, zip_path: Path) -> None:
    images = archive.decode(archive.from_zip(zip_path), 6)
    for number in (0, 11):
        whole = Image.fromarray(in_folder(tmp_path)[number].transpose(1, 2, 0))
        expected = np.asarray(whole.resize((6, 6), Image.Resampling.BICUBIC))
        np.testing.assert_array_equal(images[number], expected.transpose(2, 0, 1))


@pytest.mark.parametrize("outside", ["../TUM/evil.tif", "/etc/evil.tif", "a/../../TUM/evil.tif"])
def test_path_outside_the_folder(tmp_path: Path, outside: str) -> None:
    path = write_zip(tmp_path / "in" / "x.zip", {**official_files(STEM), outside: b""})
    with pytest.raises(ValueError, match=r"x\.zip.*outside its folder"):
        archive.from_zip(path)
    assert [p.name for p in tmp_path.rglob("*")] == ["in", "x.zip"]


def test_windows_paths_are_refused_as_well(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("C:\\TUM\\evil.tif", b"")
    with pytest.raises(ValueError, match=r"outside its folder"):
        archive.from_zip(path)


def test_missing_class_folder(tmp_path: Path) -> None:
    files = {name: content for name, content in official_files(STEM).items() if "/MUC/" not in name}
    with pytest.raises(ValueError, match=r"x\.zip lacks the class folders \['MUC'\]"):
        archive.from_zip(write_zip(tmp_path / "x.zip", files))
    with pytest.raises(ValueError, match=r"lacks the class folders \['MUC'\].*source='folder'"):
        archive.from_folder(write_folder(tmp_path, files) / STEM, official=True)


def test_class_folder_of_another_name(tmp_path: Path) -> None:
    files = {
        name.replace("/TUM/", "/TUMOUR/"): content for name, content in official_files(STEM).items()
    }
    wrong = r"lacks the class folders \['TUM'\] and has other folders \['TUMOUR'\]"
    with pytest.raises(ValueError, match=wrong):
        archive.from_zip(write_zip(tmp_path / "x.zip", files))
    with pytest.raises(ValueError, match=wrong):
        archive.from_folder(write_folder(tmp_path, files) / STEM, official=True)


def test_other_counts_than_published(zip_path: Path) -> None:
    counts = (*COUNTS[:8], 7)
    with pytest.raises(ValueError, match=r"NCT.*zip has other class counts.*TUM 5 instead of 7"):
        archive.from_zip(zip_path, counts)


def test_truncated_and_missing_zip(tmp_path: Path, zip_path: Path) -> None:
    zip_path.write_bytes(zip_path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"NCT.*truncated or no zip.*fetch it again"):
        archive.from_zip(zip_path)
    with pytest.raises(FileNotFoundError, match=r"x\.zip is missing"):
        archive.from_zip(tmp_path / "x.zip")


# ------------------------------------------------------------------ broken images


def with_broken(*broken: str) -> dict[str, bytes]:
    files = official_files(STEM)
    return files | {name: files[name][:60] for name in broken}


def test_corrupt_image_stops(tmp_path: Path) -> None:
    name = f"{STEM}/LYM/LYM-0001.tif"
    path = write_zip(tmp_path / "x.zip", with_broken(name))
    with pytest.raises(BadImage, match=rf"x\.zip: {name} cannot be decoded.*--skip-corrupt"):
        archive.prepare(archive.from_zip(path, COUNTS), None, tmp_path / "array")
    assert archive.open_prepared(tmp_path / "array") is None
    with pytest.raises(BadImage, match=rf"{name} cannot be decoded"):
        archive.decode(archive.from_zip(path, COUNTS))


@pytest.mark.parametrize("block", [2, 512])
def test_corrupt_images_left_out(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "BLOCK", block)
    broken = [f"{STEM}/ADI/ADI-0000.tif", f"{STEM}/LYM/LYM-0001.tif", f"{STEM}/TUM/TUM-0004.tif"]
    path = write_zip(tmp_path / "x.zip", with_broken(*broken))
    positions = [list(official_files(STEM)).index(name) for name in broken]
    ready = archive.prepare(
        archive.from_zip(path, COUNTS), None, tmp_path / "array", skip_corrupt=True
    )
    np.testing.assert_array_equal(ready.images, np.delete(in_folder(tmp_path), positions, axis=0))
    np.testing.assert_array_equal(ready.labels, np.delete(np.repeat(range(9), COUNTS), positions))
    assert len(ready.left_out) == 3
    assert all(name in text for name, text in zip(broken, ready.left_out, strict=True))


def test_stop_first_and_leave_out_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was decoded before the broken image is not decoded again."""
    monkeypatch.setattr(archive, "BLOCK", 2)
    path = write_zip(tmp_path / "x.zip", with_broken(f"{STEM}/TUM/TUM-0000.tif"))
    with pytest.raises(BadImage):
        archive.prepare(archive.from_zip(path), None, tmp_path / "array")
    decoded = count_decoded(monkeypatch)
    archive.prepare(archive.from_zip(path), 16, tmp_path / "array", skip_corrupt=True)
    assert decoded == [n for n in decoded if "TUM" in n or "STR" in n]


def test_what_was_decoded_before_the_broken_image_is_kept(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", with_broken(f"{STEM}/LYM/LYM-0001.tif"))
    with pytest.raises(BadImage):
        archive.prepare(archive.from_zip(path), None, tmp_path / "array")
    assert archive._read_json(tmp_path / "array" / "progress.json")["next"] == sum(COUNTS[:3]) + 1


def test_wrong_checksum_inside_the_zip(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as made:
        for name, content in official_files(STEM).items():
            made.writestr(name, content)
        offset = made.getinfo(f"{STEM}/DEB/DEB-0002.tif").header_offset
    content = bytearray(path.read_bytes())
    content[offset + 200] ^= 255
    path.write_bytes(content)
    with pytest.raises(BadImage, match=r"DEB-0002\.tif cannot be read \(Bad CRC-32"):
        archive.decode(archive.from_zip(path))


# ------------------------------------------------------------------ killed, resumed, full disk


def count_decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the images that are decoded from now on, in a list that grows."""
    decoded: list[str] = []
    original = archive.decode_bytes

    def counting(content: bytes, name: str) -> Image.Image:
        decoded.append(name)
        return original(content, name)

    monkeypatch.setattr(archive, "decode_bytes", counting)
    return decoded


PREPARE_HALF = """
import sys, threading
from activecl_nb import archive
original = archive.decode_bytes
def half(content, name):
    if "/LYM/" in name:
        threading.Event().wait()  # until the process is killed
    return original(content, name)
archive.decode_bytes, archive.BLOCK = half, 2
archive.prepare(archive.from_zip(sys.argv[1]), 16, sys.argv[2])
"""


def test_killed_in_the_middle_of_the_decode(
    tmp_path: Path, zip_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "array"
    process = subprocess.Popen(
        [sys.executable, "-c", PREPARE_HALF, str(zip_path), str(folder)],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    done = sum(COUNTS[: CLASS_NAMES.index("LYM")]) // 2 * 2  # whole blocks before the first LYM
    while (archive._read_json(folder / "progress.json") or {}).get("next", 0) < done:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert archive._read_json(folder / "progress.json")["next"] == done > 2
    assert archive.open_prepared(folder) is None  # half an array is no array

    decoded = count_decoded(monkeypatch)
    ready = archive.prepare(archive.from_zip(zip_path), 16, folder)
    assert len(decoded) == sum(COUNTS) - done
    np.testing.assert_array_equal(ready.images, in_folder(tmp_path))
    archive.prepare(archive.from_zip(zip_path), 16, folder)
    assert len(decoded) == sum(COUNTS) - done  # finished: nothing is decoded twice


def test_rows_that_were_written_but_not_noted(
    tmp_path: Path, zip_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a kill between the write of a block and the note of it."""
    monkeypatch.setattr(archive, "BLOCK", 2)
    folder = tmp_path / "array"
    full_disk(monkeypatch, room=128 + 5 * 768 + 100)
    with pytest.raises(OSError, match=r"full after 4 patches; they are kept"):
        archive.prepare(archive.from_zip(zip_path), 16, folder)
    monkeypatch.undo()
    with open(folder / "images.part", "ab") as part:
        part.write(b"x" * 1_000_000)
    ready = archive.prepare(archive.from_zip(zip_path), 16, folder)
    np.testing.assert_array_equal(ready.images, in_folder(tmp_path))
    assert (folder / "images.npy").stat().st_size == 128 + ready.images.nbytes


def full_disk(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """Writing beyond ``room`` bytes of images.part fails as on a full disk."""

    class FullDisk(io.FileIO):
        def write(self, content: bytes) -> int:
            if self.tell() + memoryview(content).nbytes > room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(content)

    monkeypatch.setattr(
        archive, "open", lambda path, mode, buffering: FullDisk(path, "r+"), raising=False
    )


def test_disk_too_small(tmp_path: Path, zip_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 20_000})
    monkeypatch.setattr(download.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(OSError, match=r"array needs 0\.0 MB.*free some space"):
        archive.prepare(archive.from_zip(zip_path), 16, tmp_path / "array")
    assert archive.prepare(archive.from_zip(zip_path), 8, tmp_path / "array") is not None


def test_other_images_are_prepared_anew(tmp_path: Path, zip_path: Path) -> None:
    archive.prepare(archive.from_zip(zip_path), None, tmp_path / "array")
    files = official_files(STEM) | {f"{STEM}/TUM/TUM-0000.tif": image_bytes(patch(77))}
    write_zip(zip_path, files)
    ready = archive.prepare(archive.from_zip(zip_path), None, tmp_path / "array")
    np.testing.assert_array_equal(ready.images[22].transpose(1, 2, 0), patch(77))


def test_damaged_array_is_named(tmp_path: Path, zip_path: Path) -> None:
    archive.prepare(archive.from_zip(zip_path), None, tmp_path / "array")
    path = tmp_path / "array" / "images.npy"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"array is damaged.*delete it"):
        archive.open_prepared(tmp_path / "array")


def test_memory_does_not_grow_with_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "BLOCK", 16)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)  # each core adds images that are read ahead
    path = write_zip(tmp_path / "x.zip", official_files(STEM, (60,) * 9, 64))
    images = archive.from_zip(path)
    tracemalloc.start()
    ready = archive.prepare(images, None, tmp_path / "array")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ready.images.nbytes == 540 * 3 * 64 * 64
    assert peak < ready.images.nbytes / 2


# ------------------------------------------------------------------ the official sets


def test_other_sizes_come_from_the_stored_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_set = small_kather(tmp_path)
    from_zip = archive.prepare_official(data_set, "train", 8, tmp_path).images.copy()
    archive.prepare_official(data_set, "train", None, tmp_path)
    decoded = count_decoded(monkeypatch)
    for file in (tmp_path / "prepared" / f"{STEM}-8px").iterdir():
        file.unlink()
    again = archive.prepare_official(data_set, "train", 8, tmp_path)
    np.testing.assert_array_equal(again.images, from_zip)
    assert decoded == []


def test_a_file_that_is_not_the_published_one_is_not_used(tmp_path: Path) -> None:
    data_set = small_kather(tmp_path)
    path = tmp_path / f"{STEM}.zip"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ValueError, match=r"not the published file.*data_download.py get kather19"):
        archive.prepare_official(data_set, "train", None, tmp_path)


def test_both_splits_of_one_npz(tmp_path: Path) -> None:
    data_set = small_pathmnist(tmp_path)
    train = archive.prepare_official(data_set, "train", None, tmp_path)
    test = archive.prepare_official(data_set, "test", 14, tmp_path)
    assert train.images.shape == (40, 3, 28, 28) and test.images.shape == (20, 3, 14, 14)
    np.testing.assert_array_equal(train.images[35].transpose(1, 2, 0), patch(35, 28))
    np.testing.assert_array_equal(test.labels, np.arange(40, 60) % 9)


def test_npz_goes_on_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "BLOCK", 7)
    images = archive.NpzFile(write_npz(tmp_path / "x.npz"), ("train", "val"))
    with monkeypatch.context() as context:
        full_disk(context, room=128 + 33 * 3 * 28 * 28)
        with pytest.raises(OSError, match=r"full after 28 patches"):
            archive.prepare(images, None, tmp_path / "array")
    ready = archive.prepare(images, None, tmp_path / "array")
    np.testing.assert_array_equal(ready.images, archive.decode(images))


# ------------------------------------------------------------------ real tiles


def test_real_tiles_in_an_official_zip(tmp_path: Path) -> None:
    """The 18 real tiles through the zip; the six classes of which none is at hand borrow one."""
    sample = os.environ.get("ACTIVECL_REAL_SAMPLE")
    if not sample:
        pytest.skip("ACTIVECL_REAL_SAMPLE is not set: no real tiles at hand")
    tiles = sorted(Path(sample, "kather19_tif").rglob("*.tif"))
    files = {f"{STEM}/{tile.parent.name}/{tile.name}": tile.read_bytes() for tile in tiles}
    for name in set(CLASS_NAMES) - {tile.parent.name for tile in tiles}:
        files[f"{STEM}/{name}/{name}-BORROWED.tif"] = tiles[0].read_bytes()
    counts = (1, 1, 1, 1, 1, 6, 6, 6, 1)
    images = archive.from_zip(write_zip(tmp_path / f"{STEM}.zip", files), counts)
    ready = archive.prepare(images, None, tmp_path / "array")
    assert ready.images.shape == (24, 3, 224, 224)
    muscle = archive.decode(archive.from_folder(Path(sample, "kather19_tif")))[:6]
    np.testing.assert_array_equal(ready.images[5:11], muscle)
    assert np.abs(muscle.mean((0, 2, 3)) - (201, 134, 186)).max() < 30  # the colour of MUS
