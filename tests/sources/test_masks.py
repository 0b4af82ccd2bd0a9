"""What a task is to predict, read through a table or drawn by the phantom."""

import numpy as np
import pytest
import torch
from PIL import Image
from small_sets import patch

from activecl_nb import curation, imbalance, profiles, tasks, tissue
from activecl_nb.protocol import Protocol
from activecl_nb.sources import masks
from activecl_nb.sources.image import BadImages


@pytest.fixture
def told(tmp_path):
    """Twenty images of 8 pixels of ten patients; each has a mask of 16 pixels, and a number."""
    (tmp_path / "mask").mkdir()
    lines = ["file,label,patient,mask,share"]
    for i in range(20):
        Image.fromarray(patch(i, 8)).save(tmp_path / f"{i:02d}.png")
        mask = np.zeros((16, 16), bool)
        mask[: i % 16 + 1] = True
        Image.fromarray(mask).save(tmp_path / f"mask/{i:02d}.png")
        lines.append(f"{i:02d}.png,{'ab'[i % 2]},p{i // 2},mask/{i:02d}.png,{(i % 16 + 1) / 16}")
    (tmp_path / "patches.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "patches.csv"


def test_a_column_of_numbers_and_one_of_masks(told):
    numbers = tissue.load("table", "all", path=told, target="share")
    assert numbers.facts["share"].tolist() == [(i % 16 + 1) / 16 for i in range(20)]
    whole = tissue.load("table", "all", path=told, target="mask", size=16)
    assert whole.facts["mask"].dtype == np.uint8 and whole.facts["mask"].shape == (20, 16, 16)
    np.testing.assert_allclose(whole.facts["mask"].mean((1, 2)), numbers.facts["share"])
    small = tissue.load("table", "all", path=told, target="mask").facts["mask"]
    assert small.shape == (20, 8, 8) and set(np.unique(small)) == {0, 1}
    assert small[3, :2].all() and not small[3, 2:].any()  # 4 rows of 16 are 2 of 8
    assert "mask" not in tissue.load("table", "all", path=told).facts  # unless it is asked for


def test_train_and_test_have_the_target_and_a_run_says_where_it_came_from(told):
    profile = profiles.Profile(image_size=8)
    data = imbalance.load("table", profile, path=told, positive="a", target="mask", fold=1)
    assert data.target == "mask" and data.recipe["target"] == "mask"
    assert [len(part.facts["mask"]) for part in (data.train, data.test)] == [16, 4]
    protocol = Protocol.of("tiny", image_size=8, task="regression")
    share = tasks.of(protocol, data).targets(data.test)
    np.testing.assert_allclose(share, data.test.facts["mask"].mean((1, 2)))
    assert "target" not in imbalance.load("table", profile, path=told, positive="a").recipe


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("share", "many", "1 rows with a share that is no finite number.*lines 3 many"),
        ("share", "", "lines 3 empty"),
        ("share", "1e999", "lines 3 1e999"),
        ("mask", "mask/99.png", "a file that is not in"),
        ("mask", "", "1 rows with no mask"),
    ],
)
def test_what_is_wrong_is_told_with_its_rows(told, column, value, message):
    head, *lines = told.read_text().splitlines()
    cells = lines[1].split(",")
    cells[head.split(",").index(column)] = value
    told.write_text("\n".join([head, lines[0], ",".join(cells), *lines[2:]]) + "\n")
    with pytest.raises(ValueError, match=message):
        tissue.load("table", "all", path=told, target=column)


def test_columns_that_are_not_there_and_sources_without_any(told):
    with pytest.raises(ValueError, match="no column nuclei to predict; its columns are file"):
        tissue.load("table", "all", path=told, target="nuclei")
    with pytest.raises(ValueError, match="target= is for the source 'table'"):
        tissue.load("folder", "all", path=told.parent, target="nuclei")


def test_masks_that_cannot_be_decoded_are_all_named(told):
    for name in ("03", "07"):
        (told.parent / f"mask/{name}.png").write_bytes(b"no image")
    with pytest.raises(BadImages, match=r"03\.png.*07\.png"):
        tissue.load("table", "all", path=told, target="mask")
    assert masks.read([], (4, 4)).shape == (0, 4, 4)


def test_the_phantom_has_masks_in_training_and_test():
    profile = profiles.Profile(image_size=32, train_images=40, test_images=30)
    data = imbalance.load("phantom", profile, target="mask")
    assert data.train.facts["mask"].shape == (40, 32, 32)
    assert data.test.facts["mask"].shape == (30, 32, 32)
    assert "mask" not in imbalance.load("phantom", profile, target="nuclei").test.facts


def test_look_and_pick_take_numbers(told, tmp_path):
    seen = curation.look(told, minutes=0.1, target="mask")
    assert "to predict: mask (share covered): 0.062" in str(seen)
    assert "To predict" in seen._repr_mimebundle_()["text/html"]

    class Means(torch.nn.Module):
        def forward(self, images):
            return images.mean(dim=(2, 3))

    known = tmp_path / "known.csv"
    rows = [line.split(",") for line in told.read_text().splitlines()[1:13]]
    known.write_text("\n".join(["file,amount", *(f"{r[0]},{r[4]}" for r in rows)]) + "\n")
    asked = {"budget": 4, "encoder": Means(), "labelled": known, "task": "regression"}
    table = curation.pick(told, **asked, strategy="uncertainty", target="amount").table
    assert {"predicted", "doubt"} <= {*table} and "probability" not in table
    assert table["doubt"].is_monotonic_decreasing
    with pytest.raises(ValueError, match="'entropy' reads classes"):
        curation.pick(told, **asked, strategy="entropy", target="amount")
    with pytest.raises(ValueError, match="segmentation"):
        curation.pick(told, **(asked | {"task": "segmentation"}))
    known.write_text("file,label\n00.png,oak\n01.png,elm\n")
    with pytest.raises(ValueError, match="needs finite numbers as labels, not 'oak'"):
        curation.pick(told, **asked, strategy="igs")
