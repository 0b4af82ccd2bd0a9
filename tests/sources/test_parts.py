"""Training and test: as the owner says, else by whole patients."""

from __future__ import annotations

import numpy as np
import pytest

from activecl_nb.sources import parts
from activecl_nb.sources.archive import ImageFiles
from activecl_nb.sources.parts import lowest_fifth


def archive(labels: list[int], **facts: list) -> ImageFiles:
    names = [f"{n}.png" for n in range(len(labels))]
    facts = {"file": names, **facts}
    return ImageFiles(
        names,
        np.array(labels),
        ("a", "b"),
        "here",
        "",
        lambda position: b"",
        {name: np.array(values) for name, values in facts.items()},
    )


@pytest.mark.parametrize("seed", range(5))
def test_whole_patients_and_about_a_fifth_of_each_class(seed: int) -> None:
    """Patients of 1 to 12 images, most in two classes."""
    draw = np.random.default_rng(seed)
    groups = np.repeat(np.arange(150), draw.integers(1, 13, 150))
    labels = (groups + draw.choice([0, 0, 1], len(groups))) % 4
    is_test = lowest_fifth(labels, groups)
    assert not np.intersect1d(groups[is_test], groups[~is_test]).size
    for label in range(4):
        assert 0.13 < is_test[labels == label].mean() < 0.3


def test_the_order_of_the_images_does_not_matter() -> None:
    draw = np.random.default_rng(0)
    groups = np.array([f"p{n}" for n in draw.integers(0, 30, 200)])
    labels = draw.integers(0, 3, 200)
    order = draw.permutation(200)
    np.testing.assert_array_equal(
        lowest_fifth(labels, groups)[order], lowest_fifth(labels[order], groups[order])
    )


def test_a_class_of_one_patient_trains() -> None:
    labels = np.array([0] * 10 + [1] * 10)
    groups = np.array(["only"] * 10 + list("aabbccddee"))
    is_test = lowest_fifth(labels, groups)
    assert not is_test[:10].any() and is_test[10:].sum() == 2


def test_a_class_of_two_large_patients_is_in_both_parts() -> None:
    labels, groups = np.array([0] * 20), np.array(["a"] * 10 + ["b"] * 10)
    assert lowest_fifth(labels, groups).sum() == 10


def test_patients_come_before_slides_and_slides_before_files() -> None:
    slides = [f"s{n // 2}" for n in range(40)]
    patients = [f"p{n // 4}" for n in range(40)]
    labels = [n % 2 for n in range(40)]
    for facts in ({"patient": patients, "slide": slides}, {"slide": slides}):
        of = "patient" if "patient" in facts else "slide"
        whole = archive(labels, **facts)
        train, test = (parts.choose(whole, split) for split in ("train", "test"))
        assert not set(train.facts[of]) & set(test.facts[of])
        assert len(train.labels) + len(test.labels) == 40 and len(test.labels) == 8
    test = parts.choose(archive(labels), "test")
    assert len(test.labels) == 8


def test_what_the_owner_says_goes_first() -> None:
    whole = archive([0, 1, 0, 1], part=["train", "test", "val", "train"], patient=list("abcd"))
    assert parts.choose(whole, "test").facts["patient"].tolist() == ["b"]
    assert parts.choose(whole, "train").facts["patient"].tolist() == ["a", "c", "d"]
    assert parts.choose(whole, "all") is whole


def test_a_split_without_patches() -> None:
    with pytest.raises(ValueError, match=r"here has no patches for 'test'; name some as such"):
        parts.choose(archive([0, 1], part=["train", "val"]), "test")


def test_names_of_parts() -> None:
    named = [parts.part_named(name) for name in ("Train", "VALIDATION", "testing", "1", "", "tr")]
    assert named == ["train", "val", "test", None, None, None]
