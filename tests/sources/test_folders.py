"""Class folders and the official zips: everything is read, or it is said what is not."""

from __future__ import annotations

import hashlib
import os
import shutil
import unicodedata
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_sets import (
    COUNTS,
    image_bytes,
    official_files,
    official_pixels,
    patch,
    write_folder,
    write_zip,
)

from activecl_nb import files, tissue
from activecl_nb.sources import archive, folders
from activecl_nb.sources.image import BadImage

STEM = "NCT-CRC-HE-100K"
Tree = Callable[..., Path]


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


def test_a_file_of_more_bytes_than_any_patch_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a file with a hole, which may be larger than the disk, nor an entry of zeros."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/0.png").touch()
    os.truncate(tmp_path / "a/0.png", 10 << 30)
    with pytest.raises(ValueError, match=r"0\.png cannot be read .*10,737,418,240 bytes, and"):
        tissue.load("folder", "all", path=tmp_path)
    monkeypatch.setattr("activecl_nb.sources.image.MOST_BYTES", 1000)
    path = write_zip(tmp_path / "x.zip", {**official_files(STEM), f"{STEM}/TUM/z.tif": bytes(1001)})
    images = folders.from_zip(path)
    with pytest.raises(ValueError, match=r"z\.tif cannot be read \(1,001 bytes"):
        images.image(images.names.index(f"{STEM}/TUM/z.tif"))


def test_a_zip_with_two_entries_of_one_name(zip_path: Path) -> None:
    with zipfile.ZipFile(zip_path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(archive.namelist()[0], b"another")
    with pytest.raises(ValueError, match=r"holds several entries NCT-.*; fetch it again"):
        folders.from_zip(zip_path)


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


# ------------------------------------------------------------------ class folders of one's own


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Write images by their paths below ``tmp_path / "d"``, each with pixels of its own."""

    def write(*paths: str) -> Path:
        for path in paths:
            file = tmp_path / "d" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            number = int(hashlib.md5(path.encode()).hexdigest()[:6], 16)
            file.write_bytes(image_bytes(patch(number, 8), "PNG"))
        return tmp_path / "d"

    return write


def sizes(**arguments: object) -> dict[str, int]:
    """How many patches each split has."""
    return {s: len(tissue.load("folder", s, **arguments)) for s in ("train", "test", "all")}


def ten(folder: str) -> list[str]:
    return [f"{folder}/{n}.png" for n in range(10)]


def test_all_of_a_folder(tree: Tree) -> None:
    root = tree(*ten("A"), *ten("B"))
    assert sizes(path=root) == {"train": 16, "test": 4, "all": 20}
    loaded = tissue.load("folder", "all", path=root)
    assert loaded.facts["file"].tolist() == sorted(ten("A")) + sorted(ten("B"))


def test_images_below_a_class_folder(tree: Tree) -> None:
    root = tree(*ten("A"), *ten("A/patient7"), *ten("A/patient8/slide1"), *ten("B"))
    with pytest.raises(ValueError) as told:
        folders.from_folder(root)
    assert "would be left out: 10 in A/patient7, 10 in A/patient8/slide1; pass nested=True" in str(
        told.value
    )
    loaded = tissue.load("folder", "all", path=root, nested=True, patient=r"(\d)\.png")
    assert len(loaded) == 40 and set(loaded.facts["patient"]) == set("0123456789")


def test_nested_folders_are_patients(tree: Tree) -> None:
    root = tree(*ten("A/p1"), *ten("A/p2/s1"), *ten("B/p1"), *ten("B/p3"), *ten("B/p4"))
    loaded = folders.from_folder(root, nested=True)
    assert loaded.facts["patient"].tolist() == [
        p for p in ("p1", "p2", "p1", "p3", "p4") for _ in range(10)
    ]
    assert loaded.names[10] == "A/p2/s1/0.png"
    train, test = (tissue.load("folder", s, path=root, nested=True) for s in ("train", "test"))
    assert (
        not set(train.facts["patient"]) & set(test.facts["patient"])
        and len(train) + len(test) == 50
    )
    with pytest.raises(ValueError, match=r"a patient is called .*NaN.*, which programs write"):
        folders.from_folder(tree(*ten("B/NaN")), nested=True)
    shutil.rmtree(root / "B/NaN")
    tree("A/loose.png")
    with pytest.raises(ValueError, match=r"1 images lie in no patient's folder: loose\.png; move"):
        folders.from_folder(root, nested=True)


@pytest.mark.parametrize(
    ("pattern", "patients", "slides"),
    [
        (r"^p(\d+)_", ["01", "01", "2"], None),
        (r"(?P<patient>p\d+)", ["p01", "p01", "p2"], None),
        (r"(?P<patient>p\d+)_(?P<slide>s\d)", ["p01", "p01", "p2"], ["s1", "s2", "s1"]),
        (r"(p)?_(?P<slide>s)(?P<patient>\d)", ["1", "2", "1"], ["s", "s", "s"]),
        (r"^p(?:0*)(?P<who>\d+)_", ["1", "1", "2"], None),
    ],
)
def test_an_expression_finds_the_patient(
    tree: Tree, pattern: str, patients: list[str], slides: list[str] | None
) -> None:
    root = tree("A/p01_s1.png", "A/p01_s2.png", "B/p2_s1.png")
    facts = folders.from_folder(root, patient=pattern).facts
    assert facts["patient"].tolist() == patients
    assert (facts["slide"].tolist() if "slide" in facts else None) == slides


def test_an_expression_may_find_the_patient_in_the_path(tree: Tree) -> None:
    root = tree("A/p1_left/x.png", "A/p2/2.png", "B/p1_right/z.png")
    facts = folders.from_folder(root, nested=True, patient=r"^(p\d+)(?:_|/)").facts
    assert facts["patient"].tolist() == ["p1", "p2", "p1"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"^(q\d+)", r"finds no patient in 2 of 2 names: p01\.png, p2\.png"),
        (r"p0(\d)", r"finds no patient in 1 of 2 names: p2\.png"),
        (r"p(0?)", r"finds no patient in 1 of 2 names: p2\.png"),
        (r"p\d+", r"has 0 groups; mark the patient by one pair of brackets"),
        (r"(p)(\d)", r"has 2 groups"),
        (r"(p", r"is no regular expression"),
        (True, r"patient=True is no regular expression"),
    ],
)
def test_expressions_that_do_not_serve(tree: Tree, pattern: str, message: str) -> None:
    root = tree("A/p01.png", "B/p2.png")
    with pytest.raises(ValueError, match=message):
        folders.from_folder(root, patient=pattern)


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "VALID", "Test")])
def test_parts_in_any_case_and_val_trains(tree: Tree, names: tuple[str, ...]) -> None:
    root = tree(*(f"{part}/{c}/{part}{n}.png" for part in names for c in "AB" for n in range(3)))
    assert sizes(path=root) == {"train": 12, "test": 6, "all": 18}
    loaded = tissue.load("folder", "all", path=root)
    assert set(loaded.facts["part"]) == {"train", "val", "test"}
    assert loaded.class_names == ("A", "B")
    assert set(tissue.load("folder", path=root).facts["part"]) == {"train", "val"}


def test_a_patient_in_both_parts(tree: Tree) -> None:
    root = tree("train/A/p1_0.png", "train/B/p2_0.png", "test/A/p1_1.png", "test/B/p3_1.png")
    with pytest.raises(ValueError, match=r"1 patients are in training and in test: p1; move each"):
        folders.from_folder(root, patient=r"(p\d)")
    assert sizes(path=root) == {"train": 2, "test": 2, "all": 4}


def test_parts_that_are_incomplete_or_not_alone(tree: Tree) -> None:
    root = tree("train/A/0.png", "val/A/0.png")
    with pytest.raises(ValueError, match=r"holds train, val; of train and test both are needed"):
        folders.from_folder(root)
    tree("test/A/0.png", "extra/A/0.png")
    with pytest.raises(ValueError, match=r"beside them the folders extra, which would be left out"):
        folders.from_folder(root)


@pytest.mark.parametrize(
    "litter", ["__MACOSX", "@eaDir", "lost+found", ".ipynb_checkpoints", "$RECYCLE.BIN", "@Recycle"]
)
def test_litter_is_passed_over_wherever_it_lies(tree: Tree, litter: str) -> None:
    root = tree(*ten("A"), *ten("B"), f"{litter}/A/0.png", f"A/{litter}/0.png", f"{litter}/1.png")
    (root / "A" / "._0.png").write_bytes(b"x")
    (root / "A" / "Thumbs.db").write_bytes(b"x")
    (root / "desktop.ini").write_bytes(b"x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sizes(path=root) == {"train": 16, "test": 4, "all": 20}
        assert len(folders.from_folder(root, nested=True).names) == 20


def test_files_that_are_no_images_are_counted(tree: Tree) -> None:
    root = tree(*ten("A"), *ten("B"), "loose.png")
    for name in ("A/x.gif", "A/y.SVS", "B/z.gif", "B/scan"):
        (root / name).write_bytes(b"x")
    (root / "README.md").write_text("about")
    said = (
        r"left out: 2 \.gif, 1 \.svs, 1 beside the class folders, 1 without an ending; images end"
    )
    with pytest.warns(UserWarning, match=said):
        assert len(folders.from_folder(root).names) == 20


def test_every_empty_class_folder_is_named(tree: Tree) -> None:
    root = tree(*ten("A"))
    for name in ("B", "C"):
        (root / name).mkdir()
    (root / "C" / "slide.svs").write_bytes(b"x")
    with pytest.raises(
        ValueError, match=r"B, C holds no images .*other files: 1 \.svs\); fill this"
    ):
        folders.from_folder(root)


def test_names_in_two_unicode_forms(tree: Tree) -> None:
    """One class written on a Mac for training and on Linux for testing is one class."""
    long, short = (unicodedata.normalize(form, "Tumör") for form in ("NFD", "NFC"))
    root = tree(f"train/{long}/{long}.png", "train/B/0.png", f"test/{short}/0.png", "test/B/0.png")
    loaded = folders.from_folder(root)
    assert loaded.class_names == ("B", short)
    assert f"train/{short}/{short}.png" in loaded.facts["file"].tolist()
    assert len(archive.decode(loaded)) == 4


def test_the_split_does_not_depend_on_the_unicode_form(tmp_path: Path) -> None:
    tests = []
    for form in ("NFC", "NFD"):
        for n in range(10):
            file = tmp_path / form / "A" / unicodedata.normalize(form, f"ä{n}.png")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(image_bytes(patch(n, 8), "PNG"))
        tests.append(tissue.load("folder", "test", path=tmp_path / form))
    np.testing.assert_array_equal(tests[0].images, tests[1].images)
    assert tests[0].facts["file"].tolist() == tests[1].facts["file"].tolist()


def test_links_are_followed_once(tree: Tree, tmp_path: Path) -> None:
    root = tree(*ten("A"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "0.png").write_bytes(image_bytes(patch(1, 8), "PNG"))
    os.symlink(tmp_path / "elsewhere", root / "B")
    assert len(folders.from_folder(root).names) == 11
    os.symlink(root / "A", root / "A" / "loop")
    assert len(folders.from_folder(root, nested=True, patient=r"(\d)").names) == 11


def test_a_hard_link_between_two_classes_is_refused(tree: Tree) -> None:
    root = tree(*ten("A"), *ten("B"))
    os.link(root / "A" / "0.png", root / "A" / "again.png")
    assert len(folders.from_folder(root).names) == 21
    os.link(root / "A" / "0.png", root / "B" / "too.png")
    told = r"A/0\.png' \(A\) and '.*B/too\.png' \(B\) are the same file; keep one of them"
    with pytest.raises(ValueError, match=told):
        folders.from_folder(root)


def test_more_classes_than_a_byte_holds(tree: Tree) -> None:
    root = tree(*(f"c{k:03d}/{n}.png" for k in range(300) for n in range(2)))
    train, test = (tissue.load("folder", s, path=root) for s in ("train", "test"))
    assert train.labels.tolist() == list(range(300)) == test.labels.tolist()
    assert train.class_names[299] == "c299"


def test_a_folder_that_cannot_be_listed(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not passed over as os.walk does: the class would be smaller than it is."""
    root = tree(*ten("A"), *ten("B"), *ten("B/p1"))
    original = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("p1"):
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(ValueError, match=r"B/p1 cannot be listed \(Permission denied\); make"):
        folders.from_folder(root, nested=True)


@pytest.mark.parametrize("path", ["x" * 300, "no\0name", "~nobody-of-that-name/x", "a/" * 3000])
def test_paths_that_no_disk_holds(path: str) -> None:
    for source in ("folder", "table", "kather19", "pathmnist"):
        with pytest.raises(FileNotFoundError):
            tissue.load(source, path=path)


def test_two_images_of_one_name(tree: Tree) -> None:
    """Their folders are one class, in two of Unicode's forms."""
    root = tree(*ten("A"), "e\u0301/0.png", "\xe9/0.png")
    with pytest.raises(ValueError, match=r"e\\u0301/0\.png' .* and '.*\\xe9/0\.png' .*one name"):
        folders.from_folder(root)


def test_classes_and_patients_that_look_alike(tree: Tree) -> None:
    root = tree("A/1_0.png", "A/01_0.png", "B/2_0.png")
    with pytest.warns(UserWarning, match=r"one patient.*'01' and '1' are kept apart"):
        folders.from_folder(root, patient=r"^(\d+)_")
    tree("A\u200b/0.png")
    with pytest.raises(ValueError, match=r"a class is written .* 'A' and 'A\\u200b'"):
        folders.from_folder(root)


def test_a_link_to_nowhere_is_told(tree: Tree, tmp_path: Path) -> None:
    root = tree(*ten("A"), *ten("B"))
    os.symlink(tmp_path / "gone", root / "C")
    with pytest.warns(UserWarning, match=r"left out: 1 links to nowhere"):
        assert len(folders.from_folder(root).names) == 20


def test_a_pipe_or_a_device_is_not_waited_for(tree: Tree, tmp_path: Path) -> None:
    """Whatever its name, wherever it is named: to read it would never end."""
    root = tree(*ten("A"), *ten("B"))
    os.mkfifo(root / "A" / "pipe.png")
    os.symlink("/dev/zero", root / "A" / "zero.png")
    (tmp_path / "t.csv").write_text("file,label,mask\nd/A/1.png,A,d/A/pipe.png\n")
    (tmp_path / "p.csv").write_text("file,label\nd/A/1.png,A\npipe.png,A\n")
    os.mkfifo(tmp_path / "t.toml")
    told = r"pipe\.png.*is a pipe or a device"
    with pytest.raises(BadImage, match=told + r".*zero\.png.*is a pipe or a device"):
        tissue.load("folder", "all", path=root)
    with pytest.raises(ValueError, match=told):
        tissue.load("table", "all", path=tmp_path / "p.csv", images=tmp_path)
    with pytest.raises(ValueError, match=told):
        tissue.load("table", "all", path=tmp_path / "t.csv", target="mask")
    with pytest.raises(ValueError, match=r"t\.toml is a pipe or a device"):
        files.read_toml(tmp_path / "t.toml")


@pytest.mark.parametrize("name", [b"\xff\xfe.png", b"two\nlines.png", b"\x1b[31mred.png"])
def test_names_that_are_no_text(tree: Tree, name: bytes) -> None:
    """They are read; and an error that names one is a line of plain text."""
    root = tree(*ten("A"))
    path = os.path.join(os.fsencode(root), b"A", name)
    os.link(root / "A" / "0.png", path)
    assert len(tissue.load("folder", "all", path=root)) == 11
    os.unlink(path)
    with open(path, "wb"):
        pass
    with pytest.raises(ValueError, match=r"is no image") as told:
        tissue.load("folder", "all", path=root)
    assert str(told.value).isprintable()
