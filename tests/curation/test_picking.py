import os

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from small_sets import write_own
from torch import nn

from activecl_nb import curation
from activecl_nb.curation import picking


class Means(nn.Module):
    def forward(self, images):
        return images.mean(dim=(2, 3))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """36 images, of which 12 are labelled; no class folder is believed."""
    folder = tmp_path_factory.mktemp("own")
    table = pd.read_csv(write_own(folder, patients=6), dtype=str)
    known = table[table["file"].str.contains("-[01].png")]
    known.assign(file=known["file"].str.removeprefix("image/")).to_csv(
        folder / "labelled.csv", index=False
    )
    return folder


def test_files_in_order_with_scores_and_a_contact_sheet(folder, tmp_path):
    labelled = folder / "labelled.csv"
    found = curation.pick(
        folder / "image", budget=8, strategy="entropy", labelled=labelled, encoder=Means()
    )
    table, sheet = found.write(tmp_path / "picks.csv")
    rows = pd.read_csv(table)
    assert list(rows.columns) == ["order", "file", "distance", "probability", "entropy"]
    assert list(rows["order"]) == [*range(1, 9)] and rows["file"].is_unique
    assert not set(rows["file"]) & set(pd.read_csv(labelled)["file"])
    assert (folder / "image" / rows["file"][0]).is_file()
    assert rows["entropy"].is_monotonic_decreasing and (rows["distance"] > 0).all()
    with Image.open(sheet) as picture:
        assert picture.format == "PNG"


def test_kcenter_needs_no_labels_and_keeps_away_from_what_is_known(folder):
    alone = curation.pick(folder / "image", budget=5, encoder=Means())
    assert alone.table["distance"].isna().sum() == 1 and "entropy" not in alone.table
    known = pd.DataFrame({"file": alone.table["file"]})
    more = curation.pick(folder / "image", budget=5, encoder=Means(), labelled=known)
    assert not set(more.table["file"]) & set(known["file"])
    assert more.table["distance"].is_monotonic_decreasing


def test_a_table_without_labels_will_do_and_patients_stay_beside_the_picks(folder, tmp_path):
    table = pd.read_csv(folder / "patches.csv", dtype=str).drop(columns="label")
    table.to_csv(tmp_path / "all.csv", index=False)
    found = curation.pick(tmp_path / "all.csv", budget=3, encoder=Means(), images=folder)
    assert set(found.table["patient"]) <= set(table["patient"])


def test_a_strategy_that_needs_no_labels_takes_any(folder):
    known = pd.DataFrame(
        {"file": ["TUM/01-0.png", "NORM/00-0.png", "TUM/03-0.png"], "label": list("abc")}
    )
    found = curation.pick(folder / "image", budget=3, encoder=Means(), labelled=known)
    assert len(found.table) == 3 and "entropy" not in found.table


def test_it_trains_an_encoder_where_none_is_given(folder):
    found = curation.pick(folder / "image", budget=3, encoder="train", minutes=0.01)
    assert found.encoder == "trained here" and len(found.table) == 3
    again = curation.pick(folder / "image", budget=3, encoder="train", minutes=0.01)
    assert set(found.table["file"]) <= {f"{c}/{p}" for c, p in _names(folder)}
    assert len(again.table) == 3


def _names(folder):
    return [(file.parent.name, file.name) for file in (folder / "image").glob("*/*.png")]


def test_features_from_a_file(folder, tmp_path):
    values = np.random.default_rng(0).normal(size=(36, 4))
    np.save(tmp_path / "features.npy", values)
    found = curation.pick(folder / "image", budget=2, encoder=tmp_path / "features.npy")
    assert found.encoder == "features.npy"


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"budget": 37}, "37 images, but 36 are left"),
        (
            {"budget": 0, "seed": -1},
            "budget: should be at least 1, not 0; seed: should be at least 0",
        ),
        ({"minutes": float("nan"), "encoder": "train"}, "minutes: should be above 0"),
        ({"minutes": 0, "encoder": "train"}, "minutes: should be above 0"),
        ({"minutes": 3}, "minutes=3 .* are to train in"),
        ({"positive": "TUM"}, "positive='TUM' .* is one of the classes of --labelled"),
        ({"strategy": "entropy"}, "needs labels"),
        ({"nested": True}, r"nested= \(--nested\) does nothing for unlabelled images of a folder"),
        ({"rows": {"a": "b"}}, "rows= .* does nothing for unlabelled images of a folder"),
        ({"target": "grade"}, "target='grade' .* is a column of --labelled"),
        (
            {"target": "grade", "labelled": pd.DataFrame({"file": ["TUM/01-0.png"]})},
            "no column grade; it has file",
        ),
        ({"strategy": "oracle"}, "told the truth"),
        ({"strategy": "best"}, "unknown strategy 'best'"),
        ({"labelled": "nowhere.csv"}, "nowhere.csv is not a file"),
        ({"labelled": pd.DataFrame({"name": ["x"]})}, "no column file"),
        ({"labelled": pd.DataFrame({"file": ["x.png"]})}, "'x.png' first"),
        (
            {"labelled": pd.DataFrame({"file": ["TUM/01-0.png"], "label": [""]})},
            "1 rows have no label",
        ),
        (
            {"labelled": pd.DataFrame({"file": ["TUM/01-0.png"] * 2, "label": ["a", "b"]})},
            "in several rows",
        ),
        (
            {
                "strategy": "entropy",
                "labelled": pd.DataFrame({"file": ["TUM/01-0.png"], "label": ["TUM"]}),
            },
            "of 1 classes",
        ),
    ],
)
def test_bad_input_gets_one_clear_error(folder, choices, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        curation.pick(folder / "image", **{"budget": 2, "encoder": Means(), **choices})


@pytest.fixture(scope="module")
def outlined(folder):
    """The labelled images with a mask each; half of every mask is inside."""
    known = pd.read_csv(folder / "labelled.csv", dtype=str)
    inside = np.zeros((16, 16), np.uint8)
    inside[:, :8] = 255
    (folder / "outlines").mkdir()
    names = [f"outlines/{row}.png" for row in range(len(known))]
    for name in names:
        Image.fromarray(inside).save(folder / name)
    known.assign(outline=names).to_csv(folder / "outlined.csv", index=False)
    return folder / "outlined.csv"


def test_doubt_about_masks_picks_by_a_proxy_on_feature_maps(folder, outlined, monkeypatch):
    monkeypatch.setenv("ACTIVECL_PROFILE", "tiny")
    asked = {"task": "segmentation", "target": "outline", "strategy": "uncertainty"}
    found = curation.pick(folder / "image", budget=6, labelled=outlined, minutes=0.01, **asked)
    assert list(found.table.columns) == ["order", "file", "distance", "predicted", "doubt"]
    assert found.table["doubt"].is_monotonic_decreasing and found.table["doubt"].gt(0).all()
    assert found.table["predicted"].between(0.2, 0.8).all()  # the left half of each, whatever it is
    assert not set(found.table["file"]) & set(pd.read_csv(outlined)["file"])


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"task": "outlines"}, "no task is called 'outlines'"),
        ({"task": "segmentation", "strategy": "entropy"}, "take 'uncertainty'"),
        ({"task": "segmentation"}, "needs feature maps"),
        (
            {"task": "segmentation", "target": "label", "encoder": "train", "minutes": 0.01},
            "12 masks are not there",
        ),
    ],
)
def test_tasks_that_cannot_be(folder, outlined, choices, message, monkeypatch):
    monkeypatch.setenv("ACTIVECL_PROFILE", "tiny")
    asked = {"budget": 2, "encoder": Means(), "labelled": outlined, **choices}
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        curation.pick(folder / "image", **asked)


@pytest.mark.parametrize("text", ["file\n{}\n", "file;label\n{};A\n", "label,file\nA,{}\n"])
def test_a_table_of_labelled_files_in_one_column_or_more(tmp_path, text):
    name = "TUM/01-0.png"
    (tmp_path / "labelled.csv").write_text("\ufeff" + text.format(name), encoding="utf-8")
    at, labels = picking._labelled(tmp_path / "labelled.csv", ["x.png", name], "label")
    assert at.tolist() == [1] and labels in (None, ["A"])


def test_labels_that_differ_in_their_case_are_asked_about():
    known = pd.DataFrame({"file": ["x.png", "y.png"], "label": ["TUM", "Tum"]})
    with pytest.warns(UserWarning, match=r"one label.*\? 'TUM' and 'Tum' are kept apart"):
        picking._labelled(known, ["x.png", "y.png"], "label")
    known["label"] = [np.nan, "TUM"]
    with pytest.raises(ValueError, match="1 rows have no label"):
        picking._labelled(known, ["x.png", "y.png"], "label")


@pytest.mark.parametrize(
    ("text", "said"),
    [("1_0", "not '1_0'"), ("nan", "not 'nan'"), ("inf", "not 'inf'"), ("1,5", "not '1,5'")],
)
def test_labels_of_a_regression_are_finite_numbers(text, said):
    with pytest.raises(ValueError, match=f"finite numbers as labels, {said}"):
        picking._of_numbers(torch.eye(2), np.arange(2), ["1", text], seed=0)


def test_a_file_whose_name_is_no_text_is_written_as_it_is(tmp_path):
    table = pd.DataFrame({"order": [1], "file": [os.fsdecode(b"a\xff.png")]})
    pixels = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    written, _ = picking.Picks(table, pixels, "random", "none").write(tmp_path / "p.csv")
    assert written.read_bytes() == b"order,file\n1,a\xff.png\n"


@pytest.mark.parametrize("name", ["picks.png", "", "taken"])
def test_a_place_that_cannot_hold_the_picks_is_told_before_they_are_made(tmp_path, name):
    (tmp_path / "taken").mkdir()
    with pytest.raises((ValueError, IsADirectoryError), match=r"both the table|directory"):
        picking.places(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xe4\xff", b'file,label\n"a,b'])
def test_what_is_no_table_is_named(tmp_path, content):
    (tmp_path / "labelled.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"labelled\.csv"):
        picking._labelled(tmp_path / "labelled.csv", [], "label")
