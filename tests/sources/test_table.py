"""Tables of one's own patches: read as people have them, and everything that is wrong told."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from small_sets import patch

from activecl_nb import tissue
from activecl_nb.sources.table import from_table

FILES = [f"{name}.png" for name in "abcdef"]
LABELS = ["oak", "oak", "birch", "birch", "oak", "birch"]
ROWS = ["file,label", *(f"{f},{c}" for f, c in zip(FILES, LABELS, strict=True))]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Six images a.png to f.png of 8 pixels, patch 0 to 5."""
    for number, name in enumerate(FILES):
        Image.fromarray(patch(number, 8)).save(tmp_path / name)
    return tmp_path


Write = Callable[..., Path]


@pytest.fixture
def write(images: Path) -> Write:
    def write(*lines: str, name: str = "patches.csv", encoding: str = "utf-8") -> Path:
        (images / name).write_text("\n".join(lines) + "\n", encoding=encoding)
        return images / name

    return write


def pixels(of: tissue.Tissue) -> list[int]:
    """Which patch each image is."""
    known = {patch(number, 8).transpose(2, 0, 1).tobytes(): number for number in range(6)}
    return [known[image.numpy().tobytes()] for image in of.images]


# ------------------------------------------------------------------ read right


def test_file_and_label(write: Write) -> None:
    """The order is the table's; classes are sorted; a row is an image."""
    path = write(ROWS[0], *ROWS[:0:-1])
    loaded = tissue.load("table", "all", path=path)
    assert pixels(loaded) == [5, 4, 3, 2, 1, 0] and loaded.class_names == ("birch", "oak")
    assert loaded.labels.tolist() == [0, 1, 0, 0, 1, 1]
    assert loaded.facts["file"].tolist() == FILES[::-1] and list(loaded.facts) == ["file"]
    assert loaded.source == "table, all, patches.csv"
    small = tissue.load("table", "all", path=path, size=4, count=3, seed=1)
    assert small.images.shape == (3, 3, 4, 4) and len(small.facts["file"]) == 3


def test_text_that_looks_like_numbers_or_gaps(write: Write) -> None:
    path = write(
        "file,label,patient,slide",
        "a.png,NA,001,1e3",
        "b.png,nan,01,",
        "c.png,NULL,1,0x1",
        "d.png,NA,1.0,1",
    )
    loaded = from_table(path)
    assert loaded.facts["patient"].tolist() == ["001", "01", "1", "1.0"]
    assert loaded.facts["slide"].tolist() == ["1e3", "", "0x1", "1"]
    assert loaded.class_names == ("NA", "NULL", "nan")


@pytest.mark.parametrize(
    "nobody", ["", "nan", "NaN", "N/A", "<NA>", "None", "NULL", "#N/A", "?", "-"]
)
def test_nobody_is_no_patient(write: Write, nobody: str) -> None:
    """All the images of nobody would be one patient's."""
    path = write("file,label,patient", "a.png,x,1", f"b.png,y,{nobody}")
    with pytest.raises(ValueError, match=r"1 rows with no patient \(lines 3\)"):
        from_table(path)


def test_a_column_says_one_thing(write: Write) -> None:
    path = write("file,label,patient,n", "a.png,1,7,1", "b.png,2,8,2")
    with pytest.raises(ValueError, match=r"file \(file\) and label \(file\) are one column"):
        from_table(path, columns={"label": "file"})
    with pytest.raises(ValueError, match=r"label \(patient\) and patient \(patient\) are one"):
        from_table(path, columns={"label": "patient"})
    assert from_table(path, columns={"label": "patient", "patient": None}).class_names == ("7", "8")
    for target in ("file", "patient", "slide", "part"):
        with pytest.raises(ValueError, match=f"'{target}' says what an image is"):
            from_table(path, target=target)
    with pytest.raises(ValueError, match="'n' says what an image is"):
        from_table(path, columns={"patient": "n"}, target="n")
    assert from_table(path, target="label").facts["label"].tolist() == [1, 2]


@pytest.mark.parametrize("name", ["Patient", "patient\u200b", "PATIENT", "pati ent"])
def test_a_column_that_looks_like_a_role_is_not_passed_over(write: Write, name: str) -> None:
    """Patients would be in training and test alike."""
    path = write(f"file,label,{name}", "a.png,x,1", "b.png,y,2")
    with pytest.raises(
        ValueError, match=r"is the column '[Pp].* its patient\? Say so with columns="
    ):
        from_table(path)
    assert list(from_table(path, columns={"patient": name}).facts) == ["file", "patient"]
    assert list(from_table(path, columns={"patient": None}).facts) == ["file"]


def test_a_text_with_nuls_is_in_another_encoding(images: Path) -> None:
    (images / "patches.csv").write_bytes("file,label\na.png,x\n".encode("utf-16-le"))
    with pytest.raises(ValueError, match=r"patches\.csv is not in UTF-8 \(it holds NULs\)"):
        from_table(images / "patches.csv")


def test_labels_that_are_numbers(write: Write) -> None:
    path = write("file,label", "a.png,10", "b.png,9", "c.png,-1", "d.png,10")
    loaded = from_table(path)
    assert loaded.class_names == ("-1", "9", "10") and loaded.labels.tolist() == [2, 1, 0, 2]


def test_official_names_keep_their_numbers(write: Write) -> None:
    assert from_table(write("file,label", "a.png,TUM", "b.png,ADI")).labels.tolist() == [8, 0]


def test_other_column_names(write: Write) -> None:
    path = write("image,part,grade,case", "a.png,x,oak,p1", "b.png,y,birch,p2")
    names = {"file": "image", "label": "grade", "patient": "case", "part": None}
    loaded = from_table(path, columns=names)
    assert loaded.facts["patient"].tolist() == ["p1", "p2"] and "part" not in loaded.facts
    with pytest.raises(ValueError, match=r"no column file, label; its columns are image, part"):
        from_table(path)
    with pytest.raises(ValueError, match=r"no column pict, who, stain; its columns are"):
        from_table(path, columns={**names, "file": "pict", "patient": "who"}, rows={"stain": "HE"})
    with pytest.raises(ValueError, match=r"columns= maps file, label.*, not class"):
        from_table(path, columns={"class": "grade"})
    with pytest.raises(ValueError, match=r"columns= is a dict by column's name, not \['image'\]"):
        from_table(path, columns=["image"])
    with pytest.raises(ValueError, match=r"leaves label aside, which is needed"):
        from_table(write(*ROWS), columns={"label": None})


def test_a_column_picks_the_rows(write: Write) -> None:
    path = write("file,label,year", "a.png,oak,1999", "b.png,,2000", "c.png,birch,2001")
    years = {"year": [1999, "2001"]}
    assert from_table(path, rows=years).names == ["a.png", "c.png"]  # the gap is in another row
    assert from_table(path, rows={"year": 1999, "label": "oak"}).names == ["a.png"]
    with pytest.raises(ValueError, match=r"'year' is nowhere 1888, 1889 \(there are 1999, 2000"):
        from_table(path, rows={"year": [1889, 1888, 1999]})
    with pytest.raises(ValueError, match=r"has no rows with \{'year': 2001, 'label': 'oak'\}"):
        from_table(path, rows={"year": 2001, "label": "oak"})


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_and_encodings(write: Write, separator: str, encoding: str) -> None:
    lines = [
        separator.join(row) for row in [("file", "label"), (" a.png ", "Tumör"), ("b.png", "x")]
    ]
    loaded = from_table(write(*lines, "", encoding=encoding))
    assert loaded.class_names == ("Tumör", "x") and loaded.names == ["a.png", "b.png"]


def test_quoted_cells(write: Write) -> None:
    path = write("file,label,note", 'a.png,"oak, old","two\nlines"', 'b.png,"the ""elm""",')
    assert from_table(path).class_names == ("oak, old", 'the "elm"')


def test_images_in_another_folder_or_below_it(write: Write, images: Path) -> None:
    for folder, name in (("A", "a.png"), ("B", "b.png"), ("B/deep", "c.png"), ("C", "c.png")):
        (images / "tiles" / folder).mkdir(parents=True, exist_ok=True)
        (images / "tiles" / folder / name).write_bytes((images / name).read_bytes())
    path = write("file,label", "a.png,oak", "B/b.png,oak", "deep/c.png,birch")
    expected = ["A/a.png", "B/b.png", "B/deep/c.png"]
    assert from_table(path, images=images / "tiles").names == expected
    assert from_table(path, images="tiles").facts["file"].tolist() == expected
    path = write("file,label", "a,oak", "B\\b,oak", "deep/c.png,birch")  # without endings
    loaded = tissue.load("table", "all", path=path, images="tiles")
    assert loaded.facts["file"].tolist() == expected and pixels(loaded) == [0, 1, 2]
    with pytest.raises(ValueError, match=r"there several times \(lines 2 c\.png: .*deep/c\.png"):
        from_table(write("file,label", "c.png,oak"), images="tiles")
    with pytest.raises(FileNotFoundError, match=r"images='nowhere' is not a folder"):
        from_table(path, images="nowhere")


def test_without_images_a_file_lies_where_the_table_says(write: Write, images: Path) -> None:
    (images / "deep").mkdir()
    (images / "a.png").rename(images / "deep" / "a.png")
    with pytest.raises(ValueError, match=r"1 rows with a file that is not in .*\(lines 2 a\.png\)"):
        from_table(write(*ROWS))


def test_windows_separators(write: Write, images: Path) -> None:
    (images / "deep").mkdir()
    (images / "a.png").rename(images / "deep" / "a.png")
    path = write("file,label", "deep\\a.png,oak", ".\\b.png,birch")
    assert from_table(path).names == ["deep/a.png", "b.png"]


def test_names_in_either_unicode_form(write: Write, images: Path) -> None:
    short, long = (unicodedata.normalize(form, "Müller") for form in ("NFC", "NFD"))
    for name, form in (("a", long), ("b", short)):
        (images / f"{name}.png").rename(images / f"{form}_{name}.png")
    path = write("file,label,patient", f"{short}_a.png,x,{short}", f"{long}_b.png,{long},{long}")
    loaded = tissue.load("table", "all", path=path)
    assert loaded.facts["file"].tolist() == [f"{short}_a.png", f"{short}_b.png"]
    assert set(loaded.facts["patient"]) == {short} and loaded.class_names == (short, "x")


def test_a_hundred_thousand_rows(tmp_path: Path) -> None:
    """Only what is asked for is decoded; links within a patient spare the disk."""
    Image.fromarray(patch(0, 8)).save(tmp_path / "0.png")
    content = (tmp_path / "0.png").read_bytes()
    files = [f"{n // 1000}/{n}.png" for n in range(100_000)]
    for n, file in enumerate(files):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        if n % 10 == 0:
            (tmp_path / file).write_bytes(content)
        else:
            os.link(tmp_path / files[n // 10 * 10], tmp_path / file)
    rows = [f"{file},{n // 10 % 300},{n // 10:05d}" for n, file in enumerate(files)]
    (tmp_path / "all.csv").write_text("\n".join(["file,label,patient", *rows]))
    train, test = (
        tissue.load("table", split, path=tmp_path / "all.csv", count=20)
        for split in ("train", "test")
    )
    assert len(train.class_names) == 300 and train.images.shape == (20, 3, 8, 8)
    assert not set(train.facts["patient"]) & set(test.facts["patient"])


# ------------------------------------------------------------------ splits


def patients(*numbers: int) -> list[str]:
    return ["file,label,patient", *(f"{r},p{n}" for r, n in zip(ROWS[1:], numbers, strict=True))]


def test_the_column_part_makes_the_split(write: Write) -> None:
    parts = ["Train", "test", "val", "TEST", "training", "validation"]
    path = write("file,label,part", *(f"{r},{p}" for r, p in zip(ROWS[1:], parts, strict=True)))
    loaded = {split: tissue.load("table", split, path=path) for split in ("train", "test", "all")}
    assert pixels(loaded["train"]) == [0, 2, 4, 5] and pixels(loaded["test"]) == [1, 3]
    assert loaded["all"].facts["part"].tolist() == ["train", "test", "val", "test", "train", "val"]
    with pytest.raises(ValueError, match=r"patches\.csv has no patches for 'test'"):
        tissue.load("table", "test", path=path, rows={"part": ["Train", "val"]})


def test_without_parts_patients_are_split(write: Write) -> None:
    path = write(*patients(1, 1, 2, 3, 4, 4))
    train, test = (tissue.load("table", split, path=path) for split in ("train", "test"))
    assert not set(train.facts["patient"]) & set(test.facts["patient"])
    assert sorted(pixels(train) + pixels(test)) == list(range(6))
    assert train.class_names == test.class_names and set(test.labels.tolist()) == {0, 1}
    again = tissue.load("table", "test", path=path, seed=7)
    assert torch.equal(again.images, test.images)


def test_without_patients_slides_are_split(write: Write) -> None:
    path = write(*patients(1, 1, 2, 3, 4, 4))
    slides = {"patient": None, "slide": "patient"}
    train, test = (
        tissue.load("table", split, path=path, columns=slides) for split in ("train", "test")
    )
    assert not set(train.facts["slide"]) & set(test.facts["slide"]) and len(test)


# ------------------------------------------------------------------ bad tables


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["a.png,oak,p", "x.png,oak,p", "y/z.png,oak,p"],
            r"2 rows.*\(lines 3 x\.png, 4 y/z\.png\)",
        ),
        (["a.png,,p", "b.png,oak,p", "c.png, ,p"], r"2 rows with no label \(lines 2, 4\)"),
        (["a.png,oak,", "b.png,oak,p"], r"1 rows with no patient \(lines 2\)"),
        ([",oak,p"], r"1 rows with no file \(lines 2\)"),
        (["/etc/a.png,oak,p", "C:\\b.png,oak,p"], r"absolute.*2 /etc/a\.png, 3 C:/b\.png\); give"),
        (["../a.png,oak,p", "d/../b.png,oak,p", "..\\c.png,oak,p"], r"3 rows with a path that is"),
        (
            ["a.png,oak,p", "b.png,oak,p", "a.png,oak,p"],
            r"another row \(lines 2 a\.png, 4 a\.png\)",
        ),
        (["a.png,oak,p", "./a.png,birch,p"], r"another row \(lines 2 a\.png, 3 \./a\.png\)"),
        (["a.png,oak", "b.png,oak,p,q"], r"2 rows have not the 3 cells.*lines 2, 3"),
        (['a.png,"oak,p'], r"line \d: unexpected end of data"),
    ],
)
def test_each_kind_is_told_with_all_its_rows(write: Write, lines: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=r"patches\.csv.*" + message):
        from_table(write("file,label,patient", *lines))


def test_everything_is_told_at_once(write: Write) -> None:
    path = write("file,label,patient", "a.png,,p", "x.png,oak,", "/b.png,oak,p", "a.png,oak,p")
    with pytest.raises(ValueError) as told:
        from_table(path)
    for kind in ("no label", "no patient", "not in", "absolute", "another row"):
        assert kind in str(told.value)
    assert "\n" not in str(told.value)


def test_many_are_counted_and_some_named(write: Write) -> None:
    path = write("file,label", *(f"gone{n}.png,oak" for n in range(500)))
    with pytest.raises(ValueError, match=r"500 rows with a file that is not in .* and 470 more\)"):
        from_table(path)


def test_one_patient_or_class_written_in_two_ways(write: Write) -> None:
    """Taken for two, it could be in training and in test."""
    rows = [f"{f},{c},{p}" for f, c, p in zip(FILES, LABELS, ["1", "1.0", "01"] * 2, strict=True)]
    with pytest.warns(UserWarning, match=r"one patient.*'01' and '1' and '1\.0' are kept apart"):
        tissue.load("table", "all", path=write("file,label,patient", *rows))
    rows = [f"{f},{c}" for f, c in zip(FILES, ["oak", "oak\u200b"] * 3, strict=True)]
    with pytest.raises(ValueError, match=r"a label is written .* 'oak' and 'oak\\u200b'"):
        tissue.load("table", "all", path=write("file,label", *rows))


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_one_image_of_two_classes_through_a_link(
    write: Write, images: Path, link: Callable[[Path, Path], None]
) -> None:
    link(images / "a.png", images / "g.png")
    assert len(tissue.load("table", "all", path=write(*ROWS, "g.png,oak"))) == 7
    told = r"a\.png' \(oak\) and '.*g\.png' \(birch\) are the same file; keep one"
    with pytest.raises(ValueError, match=told):
        tissue.load("table", "all", path=write(*ROWS, "g.png,birch"))


def test_a_patient_in_both_parts(write: Write) -> None:
    parts = ["train", "test", "train", "test", "val", "test"]
    lines = [f"{r},{p}" for r, p in zip(patients(1, 1, 2, 3, 4, 4)[1:], parts, strict=True)]
    path = write("file,label,patient,part", *lines)
    with pytest.raises(ValueError, match=r"2 patients are in training and in test: p1, p4; mend"):
        from_table(path)
    assert "part" not in from_table(path, columns={"part": None}).facts  # as the error advises


def test_unknown_parts(write: Write) -> None:
    path = write("file,label,part", "a.png,oak,train", "b.png,oak,dev", "c.png,oak,1")
    with pytest.raises(
        ValueError, match=r"another part than train, val or test \(lines 3 dev, 4 1"
    ):
        from_table(path)


def test_what_is_no_table(write: Write, images: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.csv is not a file"):
        from_table(images / "gone.csv")
    with pytest.raises(FileNotFoundError, match=r"is not a file"):
        from_table(images)
    with pytest.raises(ValueError, match=r"a\.png ends in none of \.csv"):
        from_table(images / "a.png")
    with pytest.raises(ValueError, match=r"empty"):
        from_table(write(""))
    with pytest.raises(ValueError, match=r"patches\.csv has no rows"):
        from_table(write(ROWS[0]))
    with pytest.raises(ValueError, match=r"not in UTF-8 .*save it as 'CSV UTF-8'"):
        from_table(write("file,label", "a.png,Tumör", encoding="latin-1"))
    with pytest.raises(ValueError, match=r"several columns named label"):
        from_table(write("file,label,label", "a.png,oak,elm"))
    (images / "bad.csv").write_bytes(b"file,label\na.png,o\0k\n" + bytes(5))
    with pytest.raises(ValueError, match=r"bad\.csv"):
        from_table(images / "bad.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": "table"}, r"source 'table' needs path=, the CSV or parquet"),
        ({"source": "folder", "rows": {"a": 1}}, r"rows= is for the source 'table', not for 'fold"),
        ({"source": "table", "nested": True}, r"nested= is for the source 'folder', not for 'tab"),
        ({"source": "phantom", "patient": "x"}, r"patient= is for the source 'folder'"),
        ({"source": "pathmnist", "split": "all"}, r"of a folder or a table also 'all', not 'all'"),
    ],
)
def test_arguments_of_other_sources(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tissue.load(**arguments)


# ------------------------------------------------------------------ parquet


def test_parquet_cells_become_text(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers as people would write them; a gap among whole numbers makes them no fractions."""
    frame = pd.DataFrame(
        {
            "file": FILES[:3],
            "label": [1, 0, 10],
            "patient": ["001", "NA", "x"],
            "slide": [7.0, None, 9.0],
            "share": [0.5, 1.0, 2.0],
        }
    )
    (images / "patches.parquet").write_bytes(b"")
    monkeypatch.setattr(pd, "read_parquet", lambda path: frame)
    loaded = from_table(images / "patches.parquet", rows={"share": [0.5, "1.0", 2.0]})
    assert loaded.class_names == ("0", "1", "10") and loaded.names == FILES[:3]
    assert loaded.facts["patient"].tolist() == ["001", "NA", "x"]
    assert loaded.facts["slide"].tolist() == ["7", "", "9"]


def test_parquet_from_the_disk(images: Path) -> None:
    pytest.importorskip("pyarrow", reason="reading parquet needs pyarrow, an extra")
    frame = pd.DataFrame({"file": FILES, "label": LABELS, "patient": list(range(6))})
    frame.to_parquet(images / "patches.parquet")
    loaded = from_table(images / "patches.parquet")
    assert loaded.names == FILES and loaded.facts["patient"].tolist() == list("012345")
    content = (images / "patches.parquet").read_bytes()
    (images / "patches.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"patches\.parquet cannot be read as parquet"):
        from_table(images / "patches.parquet")


def test_parquet_without_its_reader(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyarrow", "fastparquet"):
        monkeypatch.setitem(sys.modules, name, None)
    (images / "patches.parquet").write_bytes(b"")
    with pytest.raises(ValueError, match=r"patches\.parquet: parquet needs .*pip install pyarrow"):
        from_table(images / "patches.parquet")


# ------------------------------------------------------------------ real tissue


def test_real_patches_with_patients() -> None:
    sample = os.environ.get("ACTIVECL_REAL_SAMPLE")
    if not sample:
        pytest.skip("ACTIVECL_REAL_SAMPLE is not set: no real tissue at hand")
    path = Path(sample) / "ebhi_seg" / "patches.csv"
    whole = from_table(path)
    assert len(whole.labels) == 2226 and len(set(whole.facts["patient"])) == 340
    train, test = (
        tissue.load("table", split, path=path, size=32, count=300) for split in ("train", "test")
    )
    assert not set(train.facts["patient"]) & set(test.facts["patient"])
    assert train.images.shape == (300, 3, 32, 32) and min(test.counts().values()) > 0
    by_name = tissue.load(
        "folder", "all", path=path.parent / "image", patient=r"^GT\D*(\d+)-", size=8
    )
    np.testing.assert_array_equal(by_name.facts["patient"], whole.facts["patient"])
