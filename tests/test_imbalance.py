from dataclasses import replace

import numpy as np
import pytest
import torch

from activecl_nb import imbalance, profiles
from activecl_nb.protocol import Protocol
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
    pool, labelled = imbalance.split(patches([0] * 100), 30, seed=1)
    assert len(labelled) == 30
    assert np.array_equal(np.sort(np.concatenate([pool, labelled])), np.arange(100))
    assert not np.array_equal(labelled, imbalance.split(patches([0] * 100), 30, seed=2)[1])
    assert np.array_equal(labelled, imbalance.split(100, 30, seed=1)[1])
    with pytest.raises(ValueError, match="give the patches themselves"):
        imbalance.split(100, 30, seed=1, by="patient")


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_labels_hold_as_many_positives_as_asked_however_rare_they_are(share):
    of = patches((np.arange(400) < 400 * share).astype(int).tolist())
    pool, labelled = imbalance.split(of, 60, seed=1, positives=10)
    assert of.labels[labelled].sum() == 10 and len(labelled) == 60
    assert np.array_equal(np.sort(np.concatenate([pool, labelled])), np.arange(400))
    assert not np.array_equal(labelled, imbalance.split(of, 60, seed=2, positives=10)[1])


def test_positives_are_drawn_from_known_classes_that_hold_enough():
    with pytest.raises(ValueError, match=r"5 of 100 patches are TUM.* 10 of them and 20 others"):
        imbalance.split(patches([1] * 5 + [0] * 95), 30, seed=1, positives=10)
    with pytest.raises(ValueError, match="give the patches themselves"):
        imbalance.split(100, 30, seed=1, positives=10)
    with pytest.raises(ValueError, match="30 of 30 labels cannot be positive"):
        Protocol.of("tiny", labelled=30, labelled_positives=30)
    with pytest.raises(ValueError, match="draw by image"):
        Protocol.of("tiny", labelled_by="patient", labelled_positives=3)


@pytest.mark.parametrize("labelled", [0, 100, 101])
def test_split_needs_both_sides(labelled):
    with pytest.raises(ValueError, match=f"cannot label {labelled} of 100"):
        imbalance.split(patches([0] * 100), labelled, seed=0)


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


def of_patients(labels, patients):
    return replace(patches(labels), facts={"patient": np.array(patients)})


@pytest.fixture
def many():
    """60 patches of 20 patients, three each; a third of the patients is positive."""
    return of_patients(
        np.repeat(np.arange(20) % 3 == 0, 3).astype(int), np.repeat(np.arange(20), 3)
    )


def test_the_dial_by_patient_keeps_patients_whole(many):
    left = imbalance.dial(many, 0.15, by="patient")
    positive = imbalance.is_positive(left).numpy()
    assert abs(positive.mean() - 0.15) < 0.05
    _, counts = np.unique(left.facts["patient"], return_counts=True)
    assert (counts == 3).all()
    assert (~positive).sum() == (many.labels == 0).sum()  # the other side loses nothing
    again = imbalance.dial(many, 0.15, by="patient")
    other = imbalance.dial(many, 0.15, by="patient", seed=1)
    assert np.array_equal(left.facts["patient"], again.facts["patient"])
    assert not np.array_equal(left.facts["patient"], other.facts["patient"])


def test_by_patient_needs_patients():
    for call in (
        lambda: imbalance.dial(patches([0, 1, 0, 1, 0]), 0.3, by="patient"),
        lambda: imbalance.split(patches([0, 1, 0, 1]), 2, 0, by="patient"),
    ):
        with pytest.raises(ValueError, match="no patients are known"):
            call()
    with pytest.raises(ValueError, match="not by 'slide'"):
        imbalance.dial(patches([0, 1]), 0.3, by="slide")


def test_a_labelled_set_by_patient_shares_no_patient_with_the_pool(many):
    pool, labelled = imbalance.split(many, 10, seed=3, by="patient")
    patients = many.facts["patient"]
    assert len(labelled) == 10 and len(np.unique(patients[labelled])) == 4
    assert not set(patients[pool]) & set(patients[labelled])
    assert len(pool) == 60 - 12  # two patches of the fourth patient are in neither part
    assert not np.array_equal(labelled, imbalance.split(many, 10, seed=4, by="patient")[1])
    with pytest.raises(ValueError, match="leave no pool"):
        imbalance.split(many, 59, seed=3, by="patient")


def test_folds_are_disjoint_whole_and_balanced(many):
    patients, tested = many.facts["patient"], []
    for fold in range(5):
        train, test = imbalance.fold_by_patient(many, fold, 5, "TUM")
        assert not set(patients[train]) & set(patients[test])
        assert len(train) + len(test) == 60
        assert 0.1 < (many.labels[test] == 1).float().mean() < 0.6
        tested.append(test)
    assert np.array_equal(np.sort(np.concatenate(tested)), np.arange(60))
    with pytest.raises(ValueError, match="fold 5: 5 folds are numbered from 0 to 4"):
        imbalance.fold_by_patient(many, 5, 5, "TUM")
    with pytest.raises(ValueError, match="20 patients do not fill 21 folds"):
        imbalance.fold_by_patient(many, 0, 21, "TUM")


def test_folds_without_patients_say_what_that_means():
    with pytest.warns(UserWarning, match="no patients are known"):
        train, test = imbalance.fold_by_patient(patches([0, 1] * 10), 0, 5, "TUM")
    assert len(test) == 4 and len(train) == 16


def test_stain_varies_in_training_and_test_patches_alike_and_other_dials_in_training_alone():
    profile = profiles.PROFILES["tiny"]
    usual = imbalance.load("phantom", profile)
    stray = imbalance.load("phantom", profile, stain_variation=1.0)
    assert not torch.equal(usual.train.images, stray.train.images)
    assert not torch.equal(usual.test.images, stray.test.images)
    turned = imbalance.load("phantom", profile, artefacts=1.0, centre_shift=0.0)
    assert not torch.equal(usual.train.images, turned.train.images)
    only_shifted = imbalance.load("phantom", profile, centre_shift=0.0)
    assert torch.equal(turned.test.images, only_shifted.test.images)
