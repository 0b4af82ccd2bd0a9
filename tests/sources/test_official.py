"""The published sets as archives: fetched, prepared at several sizes, with real tiles."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_sets import (
    COUNTS,
    count_decoded,
    describe,
    official_files,
    patch,
    small_kather,
    small_pathmnist,
    write_zip,
)

from activecl_nb.sources import archive, folders, official, prepared
from activecl_nb.sources.image import BadImage
from activecl_nb.sources.sets import CLASS_NAMES

STEM = "NCT-CRC-HE-100K"


def test_other_sizes_come_from_the_stored_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_set = small_kather(tmp_path)
    from_zip = official.prepare_official(data_set, "train", 8, tmp_path).images.copy()
    official.prepare_official(data_set, "train", None, tmp_path)
    decoded = count_decoded(monkeypatch)
    for file in (tmp_path / "prepared" / f"{STEM}-8px").iterdir():
        file.unlink()
    again = official.prepare_official(data_set, "train", 8, tmp_path)
    np.testing.assert_array_equal(again.images, from_zip)
    assert decoded == []


def test_a_file_that_is_not_the_published_one_is_not_used(tmp_path: Path) -> None:
    data_set = small_kather(tmp_path)
    path = tmp_path / f"{STEM}.zip"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ValueError, match=r"not the published file.*data_download.py get kather19"):
        official.prepare_official(data_set, "train", None, tmp_path)


def test_broken_images_of_a_set_may_be_left_out(tmp_path: Path) -> None:
    files = official_files(STEM)
    files[f"{STEM}/LYM/LYM-0001.tif"] = files[f"{STEM}/LYM/LYM-0001.tif"][:60]
    data_set = small_kather(tmp_path)
    path = write_zip(tmp_path / f"{STEM}.zip", files)
    data_set = replace(data_set, train=describe(path.name, path.read_bytes(), COUNTS))
    with pytest.raises(BadImage, match=r"LYM-0001\.tif is no image.*--skip-corrupt on the"):
        official.prepare_official(data_set, "train", None, tmp_path)
    ready = official.prepare_official(data_set, "train", None, tmp_path, skip_corrupt=True)
    assert len(ready.labels) == sum(COUNTS) - 1 and "LYM-0001.tif is no image" in ready.left_out[0]


def test_both_splits_of_one_npz(tmp_path: Path) -> None:
    data_set = small_pathmnist(tmp_path)
    train = official.prepare_official(data_set, "train", None, tmp_path)
    test = official.prepare_official(data_set, "test", 14, tmp_path)
    assert train.images.shape == (40, 3, 28, 28) and test.images.shape == (20, 3, 14, 14)
    np.testing.assert_array_equal(train.images[35].transpose(1, 2, 0), patch(35, 28))
    np.testing.assert_array_equal(test.labels, np.arange(40, 60) % 9)


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
    images = folders.from_zip(write_zip(tmp_path / f"{STEM}.zip", files), counts)
    ready = prepared.prepare(images, None, tmp_path / "array")
    assert ready.images.shape == (24, 3, 224, 224)
    muscle = archive.decode(folders.from_folder(Path(sample, "kather19_tif")))[:6]
    np.testing.assert_array_equal(ready.images[5:11], muscle)
    assert np.abs(muscle.mean((0, 2, 3)) - (201, 134, 186)).max() < 30  # the colour of MUS
