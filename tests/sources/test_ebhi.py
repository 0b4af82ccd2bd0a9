"""EBHI-Seg remade from a miniature of the authors' folder."""

from __future__ import annotations

import csv
import os
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_sets import patch

from activecl_nb import tissue
from activecl_nb.sources import ebhi
from activecl_nb.sources.ebhi import CLASSES, measure, remake

NAMES = ("GT2001837-1-400-001.png", "GTxc2001837-1-400-002.png", "GTDC15-2-400-001.png")
main = runpy.run_path(str(Path(__file__).parents[2] / "data_download.py"))["main"]


def mask_of(number: int) -> np.ndarray:
    """Left of a column: 40 columns and three more for each number, of 224."""
    mask = np.zeros((224, 224), dtype=np.uint8)
    mask[:, : 40 + 3 * number] = 255
    return mask


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """Three images of each class, patch 0 to 17, with their masks, and some litter."""
    number = 0
    for folder in CLASSES:
        for kind in ("image", "label"):
            (tmp_path / "EBHI-SEG" / folder / kind).mkdir(parents=True)
            (tmp_path / "EBHI-SEG" / folder / kind / "Thumbs.db").write_bytes(b"litter")
        for name in NAMES:
            add(tmp_path / "EBHI-SEG" / folder, name, patch(number, 224), mask_of(number))
            number += 1
    (tmp_path / "EBHI-SEG" / ".DS_Store").write_bytes(b"litter")
    return tmp_path / "EBHI-SEG"


def add(folder: Path, name: str, pixels: np.ndarray, mask: np.ndarray | None) -> None:
    Image.fromarray(pixels).save(folder / "image" / name)
    if mask is not None:
        Image.fromarray(mask).save(folder / "label" / name)


def rows(out: Path) -> list[dict[str, str]]:
    with open(out / "patches.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_the_set(original: Path, tmp_path: Path) -> None:
    assert remake(original, tmp_path / "out") == []
    found = rows(tmp_path / "out")
    assert [row["file"] for row in found] == sorted(row["file"] for row in found)
    assert {row["label"] for row in found} == set(CLASSES.values()) and len(found) == 18
    assert [row["patient"] for row in found if row["label"] == "ADC"] == [
        "2001837",
        "15",
        "2001837",
    ]
    row = next(row for row in found if row["file"] == f"image/HGIN/{NAMES[1]}")  # the fifth
    assert row["mask"] == f"mask/HGIN/{NAMES[1]}"
    assert row["mask_share"] == f"{(40 + 12) / 224:.4f}"
    image = np.asarray(Image.open(tmp_path / "out" / row["file"]))
    expected = Image.fromarray(patch(4, 224)).resize((64, 64), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(image, np.asarray(expected))
    mask = np.asarray(Image.open(tmp_path / "out" / row["mask"]))
    # 52 columns of 3.5 to a pixel: 14.86 pixels, so that the fifteenth is mostly covered.
    assert mask.dtype == bool and mask[:, :15].all() and not mask[:, 15:].any()


def test_it_loads_as_a_table(original: Path, tmp_path: Path) -> None:
    remake(original.parent, tmp_path / "out")  # one folder too high will do
    loaded = tissue.load("table", "all", path=tmp_path / "out" / "patches.csv")
    assert loaded.images.shape == (18, 3, 64, 64) and set(loaded.facts["patient"]) == {
        "2001837",
        "15",
    }


def test_left_out(original: Path, tmp_path: Path) -> None:
    """Images without a mask, and all of a pair that is the same pixel for pixel."""
    low, polyp = original / "Low-grade IN", original / "Polyp"
    add(low, "GT9-1-400-001.png", patch(90, 224), None)
    add(low, "GT9-1-400-002.png", patch(91, 224), mask_of(0))
    add(polyp, "GT8-1-400-001.png", patch(91, 224), mask_of(1))
    said = remake(original, tmp_path / "out")
    assert said == [
        "without a mask: Low-grade IN/image/GT9-1-400-001.png",
        "the same pixels: Low-grade IN/image/GT9-1-400-002.png, Polyp/image/GT8-1-400-001.png",
    ]
    assert measure(tmp_path / "out").counts == dict.fromkeys(sorted(CLASSES.values()), 3)


def test_masks_of_zeros_and_ones(original: Path, tmp_path: Path) -> None:
    mask = original / "Normal" / "label" / NAMES[0]
    Image.fromarray(np.asarray(Image.open(mask)) // 255).save(mask)
    remake(original, tmp_path / "out")
    row = next(row for row in rows(tmp_path / "out") if row["file"] == f"image/NORM/{NAMES[0]}")
    assert row["mask_share"] == f"{(40 + 27) / 224:.4f}"


def test_bad_originals(original: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(FileNotFoundError, match=r"gone is not a folder"):
        remake(tmp_path / "gone", out)
    with pytest.raises(ValueError, match=r"holds none of the class folders Adenocarcinoma"):
        remake(original / "Polyp", out)
    (original / "Polyp" / "image" / "scan.png").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"1 names do not begin as GT.*Polyp/image/scan\.png"):
        remake(original, out)
    (original / "Polyp" / "image" / "scan.png").unlink()
    for n, name in enumerate(("GT1-1-400-001.png", "GT1-1-400-002.png")):
        add(original / "Normal", name, patch(70 + n, 224), mask_of(n))
    (original / "Normal" / "image" / "GT1-1-400-001.png").write_bytes(b"x")
    Image.fromarray(mask_of(1)[:100]).save(original / "Normal" / "label" / "GT1-1-400-002.png")
    with pytest.raises(ValueError) as told:
        remake(original, out)
    assert "Is no image (1): Normal/image/GT1-1-400-001.png" in str(told.value)
    assert "224x224, mask 224x100" in str(told.value)
    (original / "Normal").rename(original / "normal tissue")
    with pytest.raises(ValueError, match=r"lacks the folders Normal/image"):
        remake(original, out)
    assert not (out / "patches.csv").exists()


def test_nothing_is_overwritten(original: Path, tmp_path: Path) -> None:
    remake(original, tmp_path / "out")
    with pytest.raises(ValueError, match=r"patches\.csv is there already"):
        remake(original, tmp_path / "out")


def test_differences_are_told_apart(original: Path, tmp_path: Path) -> None:
    remake(original, tmp_path / "out")
    found = measure(tmp_path / "out")
    assert list(ebhi.differences(found, found)) == []
    other = replace(found, pixels="x", masks="x")
    told = list(ebhi.differences(found, other))
    assert "the same images, shrunk in a slightly other way" in told[0] and told[1] == "other masks"
    colours = {name: (0.0, 0.0, 0.0) for name in found.colours}
    assert "other images" in next(ebhi.differences(found, replace(other, colours=colours)))
    assert len(list(ebhi.differences(found))) == 5  # a miniature is not the set


def test_the_command(
    original: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["ebhi", str(original), "--out", str(tmp_path / "a")]) == 1
    said = capsys.readouterr().out
    assert "2 patients, expected 340" in said and "counts {'ADC': 3" in said
    monkeypatch.setattr(ebhi, "differences", lambda found: iter(()))
    assert main(["ebhi", str(original), "--out", str(tmp_path / "b")]) == 0
    said = capsys.readouterr().out
    assert "to the last pixel" in said and measure(tmp_path / "b").pixels in said
    assert main(["ebhi", str(tmp_path / "gone"), "--out", str(tmp_path / "c")]) == 1
    assert "error: " in capsys.readouterr().err


def test_the_shared_copy_is_the_set_that_was_measured() -> None:
    sample = os.environ.get("ACTIVECL_REAL_SAMPLE")
    if not sample:
        pytest.skip("ACTIVECL_REAL_SAMPLE is not set: no real tissue at hand")
    assert list(ebhi.differences(measure(Path(sample) / "ebhi_seg"))) == []
