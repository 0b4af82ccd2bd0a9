import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_sets import write_own

from activecl_nb import curation


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory):
    """A miniature with everything that can be wrong, and what ``look`` says of it."""
    folder = tmp_path_factory.mktemp("own")
    table = write_own(folder)
    whole = folder / "image/TUM/01-0.png"
    shutil.copy(whole, folder / "image/NORM/00-copy.png")
    turned = Image.open(folder / "image/TUM/03-0.png").rotate(90).resize((48, 48))
    turned.save(folder / "image/TUM/05-turned.jpg", quality=90)
    (folder / "image/TUM/07-broken.png").write_bytes(b"no image")
    Image.open(whole).convert("L").save(folder / "image/TUM/07-grey.png")
    with table.open("a") as lines:
        lines.write("image/NORM/00-copy.png,NORM,00\nimage/TUM/05-turned.jpg,TUM,05\n")
        lines.write("image/TUM/07-broken.png,TUM,07\nimage/TUM/07-grey.png,TUM,07\n")
    return curation.look(folder, minutes=0.1)


def test_it_counts_what_can_be_read(spoiled):
    assert spoiled.counts == {"NORM": 37, "TUM": 38}
    assert spoiled.patients == {"NORM": 6, "TUM": 6} and spoiled.all_patients == 12
    assert spoiled.sizes == {"32 x 32": 74, "48 x 48": 1}
    assert spoiled.modes == {"RGB": 74, "L": 1}
    assert [file for file, _ in spoiled.bad] == ["image/TUM/07-broken.png"]
    assert spoiled.positive == "TUM" and spoiled.share == pytest.approx(38 / 75)


def test_it_finds_copies_and_pictures_saved_again(spoiled):
    (exact,), (near,) = spoiled.exact, spoiled.near
    assert set(exact.files) == {"image/TUM/01-0.png", "image/NORM/00-copy.png"}
    assert "of different classes: NORM, TUM" in str(exact)
    assert set(near.files) == {"image/TUM/03-0.png", "image/TUM/05-turned.jpg"}


def test_text_and_page_say_all_of_it(spoiled, tmp_path):
    page = curation.write_page(spoiled, tmp_path / "page.html").read_text()
    for told in (str(spoiled), page):
        for part in ("07-broken.png", "00-copy.png", "05-turned.jpg", "32 x 32 (74)", "AUROC"):
            assert part in told, part
    assert page.count("data:image/png;base64,") == 2 and 'alt=""' not in page
    assert "text/html" in spoiled._repr_mimebundle_()


def test_colours_leak_where_patients_are_mixed(tmp_path):
    """Each patient has a colour of its own, and a class that has nothing to do with it."""
    table = write_own(tmp_path, patients=20, each=8)
    head, *lines = table.read_text().splitlines()
    rows = [line.split(",") for line in lines]
    labels = ["NORM" if int(patient) // 2 % 2 else "TUM" for _, _, patient in rows]
    said = [f"{file},{label},{who}" for (file, _, who), label in zip(rows, labels, strict=True)]
    table.write_text("\n".join([head, *said]) + "\n")
    found = curation.look(table, minutes=0.1)
    assert found.random > 0.9 and found.leak > 0.2


def test_patients_on_both_sides_are_named_with_their_files(tmp_path):
    table = write_own(tmp_path, patients=4)
    lines = table.read_text().splitlines()
    parts = [",part", *(f",{'test' if i in (0, 7, 13) else 'train'}" for i in range(24))]
    table.write_text("\n".join(a + b for a, b in zip(lines, parts, strict=True)))
    found = curation.look(table)
    assert set(found.crossing) == {"00", "01", "02"}
    assert "image/NORM/00-3.png" in found.crossing["00"] and "00-3.png" in str(found)
    assert found.split == "training and test as the data say"


def test_without_patients_it_says_what_cannot_be_known(tmp_path):
    write_own(tmp_path, patients=8)
    found = curation.look(tmp_path / "image")
    assert found.all_patients == 0 and found.by_patient is None and found.leak is None
    assert "--patient PATTERN" in str(found) and "at random" in found.split
    by_name = curation.look(tmp_path / "image", patient=r"^(\d+)-")
    assert by_name.all_patients == 8 and by_name.by_patient is not None


def test_too_few_for_any_sizes_is_said_and_not_raised(tmp_path):
    found = curation.look(write_own(tmp_path, patients=2, each=4))
    assert isinstance(found.chosen, str) and "too few" in str(found)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"fold": 9}, "fold 9: 5 folds are numbered from 0 to 4"),
        (
            {"fold": -1, "minutes": 0},
            "minutes: should be above 0, not 0; fold: should be at least 0",
        ),
        ({"patient": "(.)"}, "patient= is for the source 'folder', not for 'table'"),
        ({"fold": 1, "columns": {"part": "half"}}, "has a test part of its own, and so no folds"),
    ],
)
def test_options_that_cannot_be_or_do_nothing_are_refused_before_an_image_is_read(
    tmp_path, monkeypatch, choices, message
):
    table = pd.read_csv(write_own(tmp_path, patients=4), dtype=str)
    halves = table["patient"].rank(method="dense").gt(2).map({True: "train", False: "test"})
    table.assign(half=halves).to_csv(tmp_path / "patches.csv", index=False)
    monkeypatch.setattr("activecl_nb.curation.looking._in_parallel", None)
    with pytest.raises(ValueError, match=message):
        curation.look(tmp_path / "patches.csv", **choices)


@pytest.mark.parametrize(
    ("what", "error", "message"),
    [
        ("nothing", FileNotFoundError, "is not there"),
        ("one class", ValueError, "all images are of the class"),
        ("unreadable", ValueError, "none of 2 images can be read"),
    ],
)
def test_what_cannot_be_looked_at(tmp_path, what, error, message):
    place = tmp_path / "set"
    if what != "nothing":
        for i in range(2):
            file = place / (f"c{i}" if what == "unreadable" else "c") / f"{i}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"x")
            if what == "one class":
                Image.fromarray(np.full((32, 32, 3), i, np.uint8)).save(file)
    with pytest.raises(error, match=message):
        curation.look(place)
