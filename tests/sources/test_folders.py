"""Class folders and the official zips: everything is read, or it is said what is not."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_sets import COUNTS, official_files, official_pixels, write_folder, write_zip

from activecl_nb.sources import archive, folders
from activecl_nb.sources.image import BadImage

STEM = "NCT-CRC-HE-100K"


@pytest.fixture
def zip_path(tmp_path: Path) -> Path:
    return write_zip(tmp_path / f"{STEM}.zip", official_files(STEM))


# ------------------------------------------------------------------ the official zips


def test_resized_as_pil_does(tmp_path: Path, zip_path: Path) -> None:
    images = archive.decode(folders.from_zip(zip_path), 6)
    for number in (0, 11):
        whole = Image.fromarray(official_pixels()[number].transpose(1, 2, 0))
        expected = np.asarray(whole.resize((6, 6), Image.Resampling.BICUBIC))
        np.testing.assert_array_equal(images[number], expected.transpose(2, 0, 1))


@pytest.mark.parametrize("outside", ["../TUM/evil.tif", "/etc/evil.tif", "a/../../TUM/evil.tif"])
def test_path_outside_the_folder(tmp_path: Path, outside: str) -> None:
    path = write_zip(tmp_path / "in" / "x.zip", {**official_files(STEM), outside: b""})
    with pytest.raises(ValueError, match=r"x\.zip.*outside its folder"):
        folders.from_zip(path)
    assert [p.name for p in tmp_path.rglob("*")] == ["in", "x.zip"]


def test_windows_paths_are_refused_as_well(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("C:\\TUM\\evil.tif", b"")
    with pytest.raises(ValueError, match=r"outside its folder"):
        folders.from_zip(path)


def test_missing_class_folder(tmp_path: Path) -> None:
    files = {name: content for name, content in official_files(STEM).items() if "/MUC/" not in name}
    with pytest.raises(ValueError, match=r"x\.zip lacks the class folders \['MUC'\]"):
        folders.from_zip(write_zip(tmp_path / "x.zip", files))
    with pytest.raises(ValueError, match=r"lacks the class folders \['MUC'\].*source='folder'"):
        folders.from_folder(write_folder(tmp_path, files) / STEM, official=True)


def test_class_folder_of_another_name(tmp_path: Path) -> None:
    files = {
        name.replace("/TUM/", "/TUMOUR/"): content for name, content in official_files(STEM).items()
    }
    wrong = r"lacks the class folders \['TUM'\] and has other folders \['TUMOUR'\]"
    with pytest.raises(ValueError, match=wrong):
        folders.from_zip(write_zip(tmp_path / "x.zip", files))
    with pytest.raises(ValueError, match=wrong):
        folders.from_folder(write_folder(tmp_path, files) / STEM, official=True)


def test_other_counts_than_published(zip_path: Path) -> None:
    counts = (*COUNTS[:8], 7)
    with pytest.raises(ValueError, match=r"NCT.*zip has other class counts.*TUM 5 instead of 7"):
        folders.from_zip(zip_path, counts)


def test_truncated_and_missing_zip(tmp_path: Path, zip_path: Path) -> None:
    zip_path.write_bytes(zip_path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"NCT.*truncated or no zip.*fetch it again"):
        folders.from_zip(zip_path)
    with pytest.raises(FileNotFoundError, match=r"x\.zip is missing"):
        folders.from_zip(tmp_path / "x.zip")


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
        archive.decode(folders.from_zip(path))
