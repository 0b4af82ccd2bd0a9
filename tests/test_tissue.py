"""Loading patches from every source, and what is said of bad input."""

from __future__ import annotations

import errno
import os
import shutil
import warnings
from pathlib import Path

import filelock
import numpy as np
import pytest
import torch
from PIL import Image
from small_sets import (
    COUNTS,
    count_decoded,
    official_files,
    patch,
    small_kather,
    small_pathmnist,
    write_folder,
    write_npz,
)

from activecl_nb import tissue
from activecl_nb.sources import prepared, sets
from activecl_nb.tissue import CLASS_NAMES, Tissue

STEM = "NCT-CRC-HE-100K"


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACTIVECL_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def two_classes(tmp_path: Path) -> Path:
    """20 images of "oak" and 7 of "birch", 12 pixels, as png."""
    for name, count in (("oak", 20), ("birch", 7)):
        (tmp_path / "trees" / name).mkdir(parents=True)
        for i in range(count):
            pixels = patch(100 * len(name) + i, 12)
            Image.fromarray(pixels).save(tmp_path / "trees" / name / f"{i:02d}.png")
    return tmp_path / "trees"


def same(a: Tissue, b: Tissue) -> bool:
    return torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels)


def numbers(of: Tissue) -> set[bytes]:
    return {image.numpy().tobytes() for image in of.images}


# ------------------------------------------------------------------ the Tissue


def test_take_and_counts() -> None:
    images = torch.arange(4 * 3 * 2 * 2, dtype=torch.uint8).reshape(4, 3, 2, 2)
    whole = Tissue(images, torch.tensor([0, 1, 1, 1]), ("a", "b"), "here", {"n": np.arange(4)})
    part = whole.take([3, 0])
    assert torch.equal(part.images, images[[3, 0]]) and part.labels.tolist() == [1, 0]
    assert part.facts["n"].tolist() == [3, 0]
    assert whole.counts() == {"a": 1, "b": 3} and len(part) == 2
    assert repr(part) == "Tissue(2 patches of 2x2 from here)"


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(2, 3, 4, 4), torch.zeros(2), r"here: images must be uint8.*float32"),
        (torch.zeros(2, 4, 4, 3, dtype=torch.uint8), torch.zeros(2), r"\(2, 4, 4, 3\)"),
        (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.zeros(3), r"2 images but labels"),
    ],
)
def test_tissue_of_wrong_shape(images: torch.Tensor, labels: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Tissue(images, labels, ("a",), "here")


# ------------------------------------------------------------------ the phantom


def test_phantom() -> None:
    drawn = tissue.load("phantom", count=12, size=16, seed=3)
    assert drawn.images.shape == (12, 3, 16, 16) and drawn.class_names == CLASS_NAMES
    assert all(len(values) == 12 for values in drawn.facts.values()) and drawn.facts
    assert "synthetic" in drawn.source and "seed 3" in drawn.source
    assert same(drawn, tissue.load("phantom", count=12, size=16, seed=3))
    assert not same(drawn, tissue.load("phantom", count=12, size=16, seed=4))
    assert not same(drawn, tissue.load("phantom", "test", count=12, size=16, seed=3))


def test_phantom_masks() -> None:
    drawn = tissue.load("phantom", count=12, size=16, tumour_share=1.0, masks=True)
    assert drawn.facts["mask"].shape == (12, 16, 16)
    assert "mask" not in tissue.load("phantom", count=12, size=16, tumour_share=1.0).facts
    assert np.array_equal(drawn.take([7]).facts["mask"][0], drawn.facts["mask"][7])
    assert drawn.facts["mask"].mean(axis=(1, 2)) == pytest.approx(drawn.facts["tumour_share"])


def test_phantom_dials() -> None:
    drawn = tissue.load("phantom", count=20, size=16, tumour_share=1.0, label_noise=0.0)
    assert drawn.counts()["TUM"] == 20 and "tumour_share 1" in drawn.source
    with pytest.raises(ValueError, match=r"no dials \['tumor'\]; it has tumour_share"):
        tissue.load("phantom", tumor=1)
    with pytest.raises(ValueError, match=r"\['tumour_share'\] are dials of the phantom"):
        tissue.load("pathmnist", tumour_share=1)


# ------------------------------------------------------------------ PathMNIST


def test_npz(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "x.npz")
    train, test = (tissue.load("pathmnist", split, path=path) for split in ("train", "test"))
    assert train.images.shape == (40, 3, 28, 28) and test.images.shape == (20, 3, 28, 28)
    assert train.labels.tolist() == [n % 9 for n in range(40)]  # train, then val
    assert train.labels.dtype == torch.int64 and train.facts == {}
    for number in (0, 29, 30, 39):
        np.testing.assert_array_equal(train.images[number].permute(1, 2, 0), patch(number, 28))
    assert train.source == "pathmnist, train, x.npz" and train.class_names == CLASS_NAMES


def test_npz_of_another_size_and_resized(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "x.npz", size=64)
    assert tissue.load("pathmnist-64", path=path).images.shape[2:] == (64, 64)
    small = tissue.load("pathmnist-64", "test", path=str(path), size=20)
    expected = Image.fromarray(patch(43, 64)).resize((20, 20), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(small.images[3].permute(1, 2, 0), np.asarray(expected))


def test_subset(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "x.npz")
    whole = tissue.load("pathmnist", path=path)
    some = tissue.load("pathmnist", path=path, count=15)
    assert len(numbers(some)) == 15 and numbers(some) < numbers(whole)
    assert same(some, tissue.load("pathmnist", path=path, count=15))
    assert not same(some, tissue.load("pathmnist", path=path, count=15, seed=1))
    assert numbers(tissue.load("pathmnist", path=path, count=5)) < numbers(some)
    assert same(tissue.load("pathmnist", path=path, count=40), whole)
    with pytest.raises(ValueError, match=r"x\.npz has 40 patches in this split, not 41"):
        tissue.load("pathmnist", path=path, count=41)


def zeros(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.zeros(shape, dtype=dtype)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"val_labels": None}, r"lacks \['val_labels'\] \(it holds .*'test_images'"),
        ({"train_images": zeros(30, 28, 28)}, r"train_images is uint8 of shape \(30, 28, 28\)"),
        ({"train_images": zeros(30, 3, 28, 28)}, r"\(30, 3, 28, 28\); expected uint8 \(N, height"),
        ({"train_images": zeros(30, 28, 28, 3, dtype=float)}, r"train_images is float64"),
        ({"train_images": zeros(0, 28, 28, 3)}, r"shape \(0, 28, 28, 3\)"),
        ({"train_images": np.asfortranarray(zeros(30, 28, 28, 3))}, r"Fortran order"),
        ({"val_images": zeros(10, 64, 64, 3)}, r"images of several sizes"),
        ({"val_labels": zeros(9, 1)}, r"val_labels is uint8 of shape \(9, 1\); .*\(10, 1\)"),
        ({"val_labels": zeros(10, 1, dtype=float)}, r"val_labels is float64"),
        ({"val_labels": zeros(10, 1) + np.uint8(9)}, r"val_labels\[0\] is 9; labels are 0 to 8"),
        ({"val_labels": np.array([[None]] * 10)}, r"val_labels is object"),
    ],
)
def test_npz_of_wrong_layout(
    tmp_path: Path, changes: dict[str, np.ndarray | None], message: str
) -> None:
    path = write_npz(tmp_path / "x.npz", **changes)
    with pytest.raises(ValueError, match=r"x\.npz.*" + message):
        tissue.load("pathmnist", path=path)


def test_labels_in_one_dimension_and_signed_are_taken(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "x.npz", test_labels=np.arange(20) % 9)
    assert tissue.load("pathmnist", "test", path=path).labels.tolist() == [n % 9 for n in range(20)]
    path = write_npz(tmp_path / "y.npz", test_labels=np.arange(20) % 9 - 1)
    with pytest.raises(ValueError, match=r"test_labels\[0\] is -1"):
        tissue.load("pathmnist", "test", path=path)


def test_npz_missing_truncated_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"x\.npz is missing"):
        tissue.load("pathmnist", path=tmp_path / "x.npz")
    path = write_npz(tmp_path / "x.npz")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"x\.npz is truncated or no npz"):
        tissue.load("pathmnist", path=path)
    path.write_bytes(whole[:5000] + bytes(100) + whole[5100:])
    with pytest.raises(ValueError, match=r"x\.npz is (damaged|truncated)"):
        tissue.load("pathmnist", path=path)


def test_not_yet_fetched() -> None:
    for name in ("pathmnist", "pathmnist-224", "kather19"):
        with pytest.raises(FileNotFoundError, match=rf"python data_download.py get {name}`"):
            tissue.load(name)


# ------------------------------------------------------------------ what was fetched


def test_fetched_sets(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = empty_cache / "data"
    monkeypatch.setitem(sets.SETS, "kather19", small_kather(home))
    monkeypatch.setitem(sets.SETS, "pathmnist", small_pathmnist(home))
    few = tissue.load("kather19", count=4)
    assert len(few) == 4 and not (home / "prepared").exists()  # four decodes, no array

    whole = tissue.load("kather19")
    assert tuple(whole.counts().values()) == COUNTS
    assert same(few, tissue.load("kather19", count=4))  # now from the array
    (home / f"{STEM}.zip").unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a read-only array would make torch warn
        assert same(whole, tissue.load("kather19"))
    assert tissue.load("kather19", "test", size=8).images.shape == (9, 3, 8, 8)
    assert len(tissue.load("pathmnist")) == 40
    assert same(tissue.load("pathmnist"), tissue.load("pathmnist", path=home / "pathmnist.npz"))


def test_fetched_elsewhere(
    tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sets.SETS, "kather19", small_kather(tmp_path / "stick"))
    assert len(tissue.load("kather19", path=tmp_path / "stick")) == sum(COUNTS)
    assert not empty_cache.exists()


def test_a_subset_decodes_nothing_else(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, two_classes: Path
) -> None:
    decoded = count_decoded(monkeypatch)
    tissue.load("folder", path=two_classes, count=3, size=8)
    assert len(decoded) == 3


def test_large_arrays_are_memory_mapped(
    tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_npz(tmp_path / "x.npz")
    in_memory = tissue.load("pathmnist", path=path)
    some = tissue.load("pathmnist", path=path, count=30, seed=5)
    assert not (empty_cache / "prepared").exists()
    monkeypatch.setattr(prepared, "IN_MEMORY", 40 * 3 * 28 * 28 - 1)
    mapped = tissue.load("pathmnist", path=path)
    assert same(mapped, in_memory) and len(list((empty_cache / "prepared").iterdir())) == 1
    monkeypatch.setattr(prepared, "IN_MEMORY", 1)
    assert same(tissue.load("pathmnist", path=path, count=30, seed=5), some)
    mapped.images[0] = 0  # a copy of the page is written, not the file
    assert same(tissue.load("pathmnist", path=path), in_memory)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_a_shared_cache_that_cannot_be_written(
    tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """What is there is used; what is not is decoded in memory, and it is said."""
    monkeypatch.setitem(sets.SETS, "pathmnist", small_pathmnist(empty_cache / "data"))
    path = write_npz(tmp_path / "x.npz")
    monkeypatch.setattr(prepared, "IN_MEMORY", 1)
    ready, own = tissue.load("pathmnist"), tissue.load("pathmnist", path=path)

    def read_only(self: Path, *_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code), str(self))

    monkeypatch.setattr(Path, "mkdir", read_only)
    monkeypatch.setattr(filelock.FileLock, "acquire", read_only)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert same(tissue.load("pathmnist"), ready) and same(
            tissue.load("pathmnist", path=path), own
        )
    with pytest.warns(UserWarning, match=r"prepared cannot be written, .* kept in memory"):
        small = tissue.load("pathmnist", size=14)
    with pytest.warns(UserWarning, match=r"prepared cannot be written"):
        assert same(small, tissue.load("pathmnist", path=path, size=14))


# ------------------------------------------------------------------ official class folders


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    """Both official trees, unpacked."""
    write_folder(tmp_path / "unpacked", official_files(STEM))
    return write_folder(tmp_path / "unpacked", official_files("CRC-VAL-HE-7K", (1,) * 9))


def test_class_folders(trees: Path) -> None:
    train, test = (tissue.load("kather19", split, path=trees) for split in ("train", "test"))
    assert tuple(train.counts().values()) == COUNTS and len(test) == 9
    assert same(train, tissue.load("kather19", path=trees / STEM))
    assert same(test, tissue.load("kather19", "test", path=trees / "CRC-VAL-HE-7K"))
    assert train.source == f"kather19, train, {STEM}"


def test_one_tree_never_serves_both_splits(trees: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"100K holds the split 'train' alone; for 'test'"):
        tissue.load("kather19", "test", path=trees / STEM)
    with pytest.raises(FileNotFoundError, match=r"7K holds the split 'test' alone; for 'train'"):
        tissue.load("kather19", "train", path=trees / "CRC-VAL-HE-7K")
    shutil.rmtree(trees / "CRC-VAL-HE-7K")
    with pytest.raises(FileNotFoundError, match=r"CRC-VAL-HE-7K\.zip is missing"):
        tissue.load("kather19", "test", path=trees)


def test_incomplete_official_tree(trees: Path) -> None:
    shutil.rmtree(trees / STEM / "MUS")
    with pytest.raises(ValueError, match=r"lacks the class folders \['MUS'\].*source='folder'"):
        tissue.load("kather19", path=trees)
    assert "MUS" in tissue.load("folder", path=trees / STEM).class_names


# ------------------------------------------------------------------ any folder


def test_folder_split_in_fifths(two_classes: Path) -> None:
    train, test = (tissue.load("folder", split, path=two_classes) for split in ("train", "test"))
    assert train.class_names == test.class_names == ("birch", "oak")
    assert train.counts() == {"birch": 6, "oak": 16} and test.counts() == {"birch": 1, "oak": 4}
    assert not numbers(train) & numbers(test)
    assert same(test, tissue.load("folder", "test", path=two_classes, seed=9))  # any seed
    Image.fromarray(patch(0, 12)).save(two_classes / "oak" / "new.png")
    more = tissue.load("folder", "test", path=two_classes)
    assert len(numbers(more) & numbers(test)) >= 4  # a new image hardly moves the others


def test_folder_with_train_and_test(tmp_path: Path, two_classes: Path) -> None:
    shutil.copytree(two_classes, tmp_path / "both" / "train")
    shutil.copytree(two_classes / "oak", tmp_path / "both" / "test" / "oak")
    train, test = (
        tissue.load("folder", split, path=tmp_path / "both") for split in ("train", "test")
    )
    assert len(train) == 27 and test.class_names == train.class_names == ("birch", "oak")
    assert set(test.labels.tolist()) == {1}  # oak has the same number in both


def test_official_names_keep_their_numbers(tmp_path: Path) -> None:
    files = {n: c for n, c in official_files("x").items() if n[2:5] in ("STR", "DEB")}
    loaded = tissue.load("folder", path=write_folder(tmp_path, files) / "x")
    assert loaded.class_names == CLASS_NAMES and set(loaded.labels.tolist()) == {2, 7}


def test_folder_resized_and_of_several_sizes(two_classes: Path) -> None:
    Image.fromarray(patch(5, 13)).save(two_classes / "oak" / "zz.png")
    assert tissue.load("folder", path=two_classes, size=9).images.shape[2:] == (9, 9)
    with pytest.raises(ValueError, match=r"oak/zz\.png has other than 12x12 pixels \(13x13\)"):
        for split in ("train", "test"):
            tissue.load("folder", split, path=two_classes)


def test_broken_image_is_named(two_classes: Path) -> None:
    for path in (two_classes / "birch").iterdir():
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"trees: 7 images cannot.*Cannot be decoded \(7\): birch"):
        tissue.load("folder", path=two_classes)


def test_bad_images_of_the_other_split_are_named_too(two_classes: Path) -> None:
    for name in ("birch/00.png", "birch/01.png", "oak/03.png", "oak/04.png", "oak/05.png"):
        (two_classes / name).write_bytes(b"x")
    for arguments in ({}, {"split": "test"}, {"count": 15, "size": 8}):
        with pytest.raises(ValueError, match=r"5 images cannot.*\(5\): birch/00.*oak/05\.png"):
            tissue.load("folder", path=two_classes, **arguments)


def test_what_is_no_class_folder(tmp_path: Path, two_classes: Path) -> None:
    whole = tissue.load("folder", path=two_classes)
    (two_classes / ".ipynb_checkpoints").mkdir()
    (two_classes / "notes.txt").write_text("hello")
    (two_classes / "oak" / "Thumbs.db").write_text("litter")
    assert same(whole, tissue.load("folder", path=two_classes))

    (two_classes / "yew").mkdir()
    with pytest.raises(ValueError, match=r"yew holds no images .*fill this class or remove it"):
        tissue.load("folder", path=two_classes)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ValueError, match=r"nothing holds no class folders"):
        tissue.load("folder", path=tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match=r"nowhere is not a folder"):
        tissue.load("folder", path=tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"needs path="):
        tissue.load("folder")


# ------------------------------------------------------------------ arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": "kather"}, r"unknown source 'kather'; there are phantom, kather19, .*folder"),
        ({"source": "phantom", "split": "val"}, r"split is 'train' or 'test', .*not 'val'"),
        ({"source": "folder", "seed": "a"}, r"seed: should be a whole number, not 'a'"),
        ({"source": "phantom", "seed": float("nan")}, r"seed: should be a whole number, not nan"),
        ({"source": "folder", "nested": "yes"}, r"nested: should be true or false, not 'yes'"),
        ({"source": "table", "size": True}, r"size: should be a whole number, not True"),
        ({"source": "folder", "patient": b"(x)"}, r"patient: should be a regular expression"),
        ({"source": "folder", "path": 3.5}, r"path: should be a path, not 3\.5"),
        ({"source": "phantom", "target": 3}, r"target: should be text, not 3"),
        ({"source": "phantom", "count": 0}, r"count: should be at least 1, not 0"),
        ({"source": "phantom", "size": -5}, r"size: should be at least 1, not -5"),
        ({"source": "phantom", "size": 32.5}, r"size: should be a whole number, not 32\.5"),
        ({"source": "phantom", "count": "9"}, r"count: should be a whole number, not '9'"),
    ],
)
def test_unknown_arguments(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tissue.load(**arguments)


# ------------------------------------------------------------------ real tissue


@pytest.fixture
def sample() -> Path:
    folder = os.environ.get("ACTIVECL_REAL_SAMPLE")
    if not folder:
        pytest.skip("ACTIVECL_REAL_SAMPLE is not set: no real tissue at hand")
    return Path(folder)


def test_real_pathmnist(sample: Path) -> None:
    path = sample / "pathmnist_mini.npz"
    train, test = (tissue.load("pathmnist", split, path=path) for split in ("train", "test"))
    assert len(train) == 700 and len(test) == 300 and min(train.counts().values()) > 40
    tumour = train.images[train.labels == 8].float().mean((0, 2, 3))
    assert (tumour - torch.tensor([183.0, 125.0, 171.0])).abs().max() < 5  # known colour of TUM


def test_real_tiles(sample: Path) -> None:
    train = tissue.load("folder", path=sample / "kather19_tif")
    test = tissue.load("folder", "test", path=sample / "kather19_tif", size=32)
    assert train.images.shape == (15, 3, 224, 224) and test.images.shape == (3, 3, 32, 32)
    assert {name for name, count in train.counts().items() if count} == {"MUS", "NORM", "STR"}
    with pytest.raises(ValueError, match=r"lacks the class folders"):
        tissue.load("kather19", path=sample / "kather19_tif")


def test_at_most_takes_what_there_is(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "x.npz")
    everything = tissue.load("pathmnist", path=path)
    assert same(tissue.load("pathmnist", path=path, at_most=1000), everything)
    assert same(
        tissue.load("pathmnist", path=path, at_most=7), tissue.load("pathmnist", path=path, count=7)
    )
    assert len(tissue.load("phantom", size=16, at_most=5)) == 5
    with pytest.raises(ValueError, match="not both"):
        tissue.load("pathmnist", path=path, count=3, at_most=7)
