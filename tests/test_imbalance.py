import numpy as np
import pytest
import torch

from activecl_nb import imbalance, profiles
from activecl_nb.tissue import Tissue


def patches(labels, names=("NORM", "TUM")):
    labels = torch.tensor(labels)
    images = torch.arange(len(labels), dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 4, 4)
    return Tissue(images, labels, names, "some patches")


@pytest.mark.parametrize("share", [0.5, 0.2, 0.05])
def test_the_dial_reaches_the_share_and_keeps_as_many_as_it_can(share):
    full = patches([0] * 300 + [1] * 100)
    turned = imbalance.dial(full, share, seed=3)
    positive = int(turned.labels.sum())
    assert positive / len(turned) == pytest.approx(share, abs=0.005)
    # Only one side loses patches.
    assert positive == 100 or len(turned) - positive == 300
    identities = turned.images[:, 0, 0, 0].tolist()
    assert identities != imbalance.dial(full, share, seed=4).images[:, 0, 0, 0].tolist()
    assert identities == imbalance.dial(full, share, seed=3).images[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_a_share_outside_0_and_1_is_refused(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        imbalance.dial(patches([0, 1]), share)


def test_a_share_that_empties_a_side_is_refused():
    with pytest.raises(ValueError, match="0 TUM"):
        imbalance.dial(patches([0] * 10 + [1]), 0.001)


def test_split_divides_all_images_once():
    pool, labelled = imbalance.split(100, 30, seed=1)
    assert len(labelled) == 30
    assert np.array_equal(np.sort(np.concatenate([pool, labelled])), np.arange(100))
    assert not np.array_equal(labelled, imbalance.split(100, 30, seed=2)[1])


@pytest.mark.parametrize("labelled", [0, 100, 101])
def test_split_needs_both_sides(labelled):
    with pytest.raises(ValueError, match=f"cannot label {labelled} of 100"):
        imbalance.split(100, labelled, seed=0)


def test_targets_need_the_class_and_both_answers():
    assert imbalance.is_positive(patches([0, 1, 1])).tolist() == [False, True, True]
    with pytest.raises(ValueError, match=r"no class is called 'LYM'; its classes are NORM, TUM"):
        imbalance.is_positive(patches([0, 1]), "LYM")
    with pytest.raises(ValueError, match="0 of 2 patches are TUM"):
        imbalance.is_positive(patches([0, 0]))


def test_data_refuses_parts_that_do_not_fit():
    with pytest.raises(ValueError, match="are not the test classes"):
        imbalance.Data(patches([0, 1]), patches([0, 1], ("A", "TUM")))
    small = patches([0, 1])
    large = Tissue(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), small.labels, small.class_names, "x")
    with pytest.raises(ValueError, match="load both at one size"):
        imbalance.Data(small, large)


def test_load_gives_the_profiles_sizes():
    profile = profiles.PROFILES["tiny"]
    data = imbalance.load("phantom", profile)
    assert len(data.train) == profile.train_images and len(data.test) == profile.test_images
    assert data.train.images.shape[2:] == (profile.image_size,) * 2
    rarer = imbalance.load("phantom", profile, share=0.05)
    assert rarer.train_targets.float().mean() == pytest.approx(0.05, abs=0.01)
