"""The phantom: what a patch depends on, what is known of it, and how real it looks to a model."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from activecl_nb.sources import phantom
from activecl_nb.sources.phantom import Dials

ROOT = Path(__file__).parents[2]
TUM = phantom.TUMOUR


@pytest.fixture(scope="module")
def bench():
    """The measurements of benchmarks/bench_phantom.py, so that they are written once."""
    spec = importlib.util.spec_from_file_location(
        "bench_phantom", ROOT / "benchmarks" / "bench_phantom.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- a patch is a function of its name -----------------------------------------------------


def test_shape_and_type():
    images = phantom.draw([0, 5, 2], 32)
    assert images.shape == (3, 3, 32, 32) and images.dtype == np.uint8
    assert phantom.draw([], 32).shape == (0, 3, 32, 32)


def test_order_and_number_do_not_matter():
    together = phantom.draw(range(40), 32)
    assert np.array_equal(phantom.draw([17], 32)[0], together[17])
    assert np.array_equal(phantom.draw(range(39, -1, -1), 32), together[::-1])


def test_threads_do_not_matter(monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    alone = phantom.draw(range(40), 32)
    monkeypatch.setattr(phantom, "_workers", lambda: 4)
    assert np.array_equal(phantom.draw(range(40), 32), alone)


def test_another_process_draws_the_same():
    code = (
        "from activecl_nb.sources import phantom; import zlib;"
        "print(zlib.crc32(phantom.draw([3, 99, 12], 32, seed=4, split='test').tobytes()))"
    )
    import zlib

    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    here = phantom.draw([3, 99, 12], 32, seed=4, split="test")
    assert int(said) == zlib.crc32(here.tobytes())


def test_seed_split_and_dials_matter():
    one = phantom.draw(range(8), 32)
    others = [
        phantom.draw(range(8), 32, seed=1),
        phantom.draw(range(8), 32, split="test"),
        phantom.draw(range(8), 32, dials=Dials(artefacts=1.0)),
    ]
    for other in others:
        assert not np.array_equal(one, other)


@pytest.mark.parametrize("size", [28, 64, 224])
def test_the_same_tissue_at_every_size(size):
    """Shrunk to 14 x 14, a patch looks the same whatever size it was drawn at."""

    def shrunk(images):
        gray = images.mean(1).astype(np.uint8)
        small = [Image.fromarray(g).resize((14, 14), Image.Resampling.BOX) for g in gray]
        return np.stack([np.asarray(g, float).ravel() for g in small])

    quiet = Dials(artefacts=0.0)
    known = phantom.facts(range(60), dials=quiet)
    indices = np.flatnonzero(known["true_class"] != 1)[:27]  # BACK has no structure to compare
    reference = shrunk(phantom.draw(indices, 112, dials=quiet))
    drawn = shrunk(phantom.draw(indices, size, dials=quiet))
    agreement = np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(reference, drawn, strict=True)])
    apart = np.array(
        [np.corrcoef(a, b)[0, 1] for a, b in zip(reference, np.roll(drawn, 1, 0), strict=True)]
    )
    assert np.median(agreement) > 0.9
    assert np.median(apart) < 0.5


def test_importing_the_phantom_does_not_import_numba():
    code = "import sys; import activecl_nb.sources.phantom; print('numba' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "False"


# --- what is known of a patch --------------------------------------------------------------


def test_facts_are_coherent():
    known = phantom.facts(range(3000))
    assert {len(values) for values in known.values()} == {3000}
    assert known["label"].dtype == known["true_class"].dtype == np.int64
    assert set(known["true_class"]) == set(range(9))
    assert set(known["centre"]) == {0}
    for slide in range(5):  # a slide has one patient
        assert len(set(known["patient"][known["slide"] == slide])) == 1
    assert known["difficulty"].min() >= 0 and known["difficulty"].max() <= 1
    assert not known["difficulty"][np.isin(known["true_class"], [0, 1, 3, 4])].any()
    assert set(known["artefact"]) == set(phantom.ARTEFACTS)


def test_facts_of_some_are_the_facts_of_all():
    every, some = phantom.facts(range(500)), phantom.facts([499, 3, 250])
    for name, values in every.items():
        assert np.array_equal(values[[499, 3, 250]], some[name])


def test_the_splits_share_no_patient_and_no_slide():
    train, test = phantom.facts(range(2000)), phantom.facts(range(2000), split="test")
    assert set(test["centre"]) == {1}
    for name in ("patient", "slide"):
        assert not set(train[name]) & set(test[name])


def test_published_shares_and_the_tumour_dial():
    usual = np.bincount(phantom.facts(range(20000))["true_class"], minlength=9) / 20000
    published = np.append(phantom.PUBLISHED, 14317) / 100000
    assert np.abs(usual - published).max() < 0.01
    rare = phantom.facts(range(20000), dials=Dials(tumour_share=0.02))["true_class"]
    assert np.mean(rare == TUM) == pytest.approx(0.02, abs=0.005)
    assert not (phantom.facts(range(500), dials=Dials(tumour_share=0.0))["label"] == TUM).any()


def test_confusability_is_the_mean_difficulty():
    for dial in (0.0, 0.3, 1.0):
        known = phantom.facts(range(5000), dials=Dials(confusability=dial))
        mean = known["difficulty"][known["true_class"] == TUM].mean()
        # Half of the patches share their patient's difficulty, so few patients set the mean.
        assert mean == pytest.approx(dial, abs=0.1)


def test_label_noise_changes_labels_and_nothing_else():
    clean, noisy = (
        phantom.facts(range(4000)),
        phantom.facts(range(4000), dials=Dials(label_noise=0.2)),
    )
    assert np.array_equal(clean["true_class"], noisy["true_class"])
    assert np.array_equal(clean["label"], clean["true_class"])
    assert np.mean(noisy["label"] != noisy["true_class"]) == pytest.approx(0.2, abs=0.03)
    one = phantom.draw([5], 32)
    assert np.array_equal(one, phantom.draw([5], 32, dials=Dials(label_noise=0.2)))


def test_duplicates_point_to_earlier_originals_and_look_like_them():
    dials = Dials(redundancy=0.4, artefacts=0.0)
    known = phantom.facts(range(2000), dials=dials)
    copies = np.flatnonzero(known["duplicate_of"] >= 0)
    originals = known["duplicate_of"][copies]
    assert len(copies) / 2000 == pytest.approx(0.4, abs=0.04)
    assert (originals < copies).all()
    assert (known["duplicate_of"][originals] == -1).all()
    for name in ("true_class", "slide", "patient", "difficulty"):
        assert np.array_equal(known[name][copies], known[name][originals])
    copies, originals = copies[:60], originals[:60]
    a, b = phantom.draw(copies, 32, dials=dials), phantom.draw(originals, 32, dials=dials)
    strangers = np.roll(b, 1, axis=0)
    near = np.abs(a.astype(float) - b).mean(axis=(1, 2, 3))
    far = np.abs(a.astype(float) - strangers).mean(axis=(1, 2, 3))
    assert near.min() > 0  # nearly, not exactly
    assert np.median(near) < 0.7 * np.median(far)
    assert not (phantom.facts(range(500), dials=Dials(redundancy=0.0))["duplicate_of"] >= 0).any()


def test_each_artefact_shows():
    spoiled = Dials(artefacts=1.0, redundancy=0.0)
    known = phantom.facts(range(120), dials=spoiled)
    assert set(known["artefact"]) == {"fold", "pen", "blur"}
    tissue = known["true_class"] != 1
    with_, without = (
        phantom.draw(range(120), 64, dials=d).astype(float).mean(1)
        for d in (spoiled, replace(spoiled, artefacts=0.0))
    )
    change = (with_ - without).mean(axis=(1, 2))
    assert np.median(change[tissue & (known["artefact"] == "fold")]) < -5  # darker
    assert np.median(change[known["artefact"] == "pen"]) < -10
    detail = np.abs(np.diff(with_, axis=2)).mean((1, 2)) / np.abs(np.diff(without, axis=2)).mean(
        (1, 2)
    )
    assert np.median(detail[tissue & (known["artefact"] == "blur")]) < 0.7


def test_the_centre_shift_dial_moves_the_test_centre_alone():
    def mean(split, shift):
        dials = Dials(centre_shift=shift)
        return phantom.draw(range(150), 32, split=split, dials=dials).mean(axis=(0, 2, 3))

    assert np.array_equal(mean("train", 0.0), mean("train", 2.0))
    assert np.abs(mean("test", 2.0) - mean("test", 0.0)).max() > 5


def test_stain_variation_changes_pixels_and_no_fact():
    usual, stray = Dials(), Dials(stain_variation=1.0)
    for split in ("train", "test"):
        one, other = (phantom.draw(range(20), 32, split=split, dials=d) for d in (usual, stray))
        assert (one != other).any(axis=(1, 2, 3)).all()
        known, same = (phantom.facts(range(500), split=split, dials=d) for d in (usual, stray))
        assert all(np.array_equal(known[name], same[name]) for name in known)


def test_stain_strays_by_patient_in_both_splits_and_apart_from_the_centre():
    at_rest = Dials(centre_shift=0.0)
    stray = replace(at_rest, stain_variation=1.0)
    for split in ("train", "test"):
        one, other = (phantom._optics(0, split, dials) for dials in (at_rest, stray))
        ratio = other[:, :9] / one[:, :9]
        patients = phantom.PATIENTS[split]
        for slide in range(patients, phantom.SLIDES[split]):  # the second slide of a patient
            assert ratio[slide] == pytest.approx(ratio[slide % patients])
        assert len(np.unique(ratio[:patients, 0].round(6))) == patients
    half = phantom._optics(0, "train", replace(at_rest, stain_variation=0.5))
    whole, usual = phantom._optics(0, "train", stray), phantom._optics(0, "train", at_rest)
    assert half[:, :3] == pytest.approx(np.sqrt(whole[:, :3] * usual[:, :3]))


def test_where_stain_varies_colour_tells_the_patient_and_hardly_the_tumour(bench):
    usual, stray = bench.stain_colours(0.0), bench.stain_colours(1.0)
    for labels in ("150 labels", "500 labels"):
        assert 0.55 < stray[labels] < 0.7 < usual[labels] and usual[labels] - stray[labels] > 0.15
    assert stray["patient told"] > 0.5 > 0.3 > usual["patient told"]
    # A split that shares patients flatters colour, and flatters it more where stain varies.
    assert stray["same patients"] > stray["others"] + 0.04
    assert stray["same patients"] - stray["others"] > usual["same patients"] - usual["others"]


@pytest.mark.xfail(
    strict=True,
    reason="since recipe 3 tissues differ more by shape: colours reach 0.76, on real tissue 0.81 "
    "(its stain normalised)",
)
def test_where_stain_is_one_colour_tells_tumour_as_on_real_tissue(bench):
    usual = bench.stain_colours(0.0)
    assert usual["150 labels"] > 0.8 and usual["500 labels"] > 0.8


# --- what only the drawing tells -----------------------------------------------------------


@pytest.fixture(scope="module")
def large():
    """130 typical patches of 224 pixels without artefacts: images, facts with masks."""
    dials = Dials(artefacts=0.0, confusability=0.0)
    images, _, known = phantom.load("train", 130, 224, dials=dials, cache=False, masks=True)
    return images, known


def test_masks_and_counts_are_of_the_patch_and_need_no_other():
    images, _, known = phantom.load("train", 40, 36, cache=False, masks=True)
    assert np.array_equal(images, phantom.draw(range(40), 36))
    assert known["mask"].shape == (40, 36, 36) and known["mask"].dtype == np.uint8
    assert np.array_equal(known["tumour_share"], known["mask"].mean(axis=(1, 2)))
    assert set(np.unique(known["mask"])) == {0, 1}
    assert known["nuclei"].dtype == np.int64
    assert "mask" not in phantom.load("train", 3, 36, cache=False)[2]


def test_tumour_lies_in_tumour_alone(large):
    _, known = large
    tumour = known["true_class"] == TUM
    assert (known["tumour_share"][tumour] > 0.05).all()
    assert not known["tumour_share"][~tumour].any()


def test_the_mask_is_where_the_picture_is_dark_with_nuclei(large):
    images, known = large
    mixed = np.flatnonzero((known["tumour_share"] > 0.1) & (known["tumour_share"] < 0.9))
    assert len(mixed) > 10
    for i in mixed:
        gray, mask = images[i].mean(axis=0), known["mask"][i] == 1
        assert gray[mask].mean() < gray[~mask].mean()


def test_the_mask_is_the_same_at_another_size(large):
    _, known = large
    tumour = np.flatnonzero(known["true_class"] == TUM)
    dials = Dials(artefacts=0.0, confusability=0.0)
    drawn_small = phantom.load("train", 130, 32, dials=dials, cache=False, masks=True)[2]
    small = drawn_small["mask"][tumour] == 1
    shrunk = known["mask"][tumour].reshape(-1, 32, 7, 32, 7).mean(axis=(2, 4)) > 0.5
    both, either = (small & shrunk).sum(axis=(1, 2)), (small | shrunk).sum(axis=(1, 2))
    assert (both / either).min() > 0.9
    assert np.abs(drawn_small["nuclei"] - known["nuclei"]).max() <= 10


def test_nuclei_recounted_in_the_picture(large):
    """Dark blots of muscle and stroma, where nuclei lie apart, are about as many as drawn."""
    from scipy import ndimage

    images, known = large
    for tissue in (5, 7):
        drawn, counted = [], []
        for i in np.flatnonzero(known["true_class"] == tissue):
            red = ndimage.gaussian_filter(images[i, 0].astype(float), 1.0)  # eosin lets red pass
            blots, n = ndimage.label(red < np.median(red) - 0.45 * (np.median(red) - red.min()))
            counted.append((ndimage.sum(blots > 0, blots, range(1, n + 1)) > 15).sum())
            drawn.append(known["nuclei"][i])
        assert np.corrcoef(drawn, counted)[0, 1] > 0.75
        assert 0.6 < np.median(np.array(counted) / drawn) < 1.2
    lymphocytes = known["nuclei"][known["true_class"] == 3]
    assert lymphocytes.min() > 100 and known["nuclei"][known["true_class"] == 1].max() == 0


# --- bad input -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: phantom.draw([0], 32, split="val"), "split='val'.*'train' or 'test'"),
        (lambda: phantom.facts([0], split="val"), "split='val'"),
        (lambda: phantom.draw([0], 8), "size=8.*16 or more"),
        (lambda: phantom.load("train", -1, 32), "count=-1.*0 or more"),
        (lambda: phantom.load("train", 3, 15), "size=15"),
        (lambda: phantom.draw([3, -2], 32), "index -2.*start at 0"),
        (lambda: phantom.draw([0.5], 32), "whole numbers"),
        (lambda: Dials(tumour_share=1.5), "tumour_share: should be at most 1, not 1.5"),
        (lambda: Dials(artefacts=-0.1), "artefacts: should be at least 0, not -0.1"),
        (lambda: Dials(label_noise=float("nan")), "label_noise: should be at least 0, not nan"),
        (lambda: Dials(stain_variation=1.1), "stain_variation: should be at most 1, not 1.1"),
        (lambda: Dials(centre_shift=3.0), "centre_shift: should be at most 2, not 3.0"),
        (lambda: Dials(redundancy=1.0), "redundancy: should be below 1, not 1.0"),
        (lambda: Dials(redundancy="x"), "redundancy: should be a number, not 'x'"),
    ],
)
def test_bad_input_names_the_value_and_the_mend(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# --- how real it is ------------------------------------------------------------------------


def test_mean_colours_are_near_the_real_ones(bench):
    measured = bench.colours()
    for name, (mean, _) in measured.items():
        assert np.abs(mean - bench.REAL_COLOURS[name]).max() <= 20, name
    spread = {name: value for name, (_, value) in measured.items()}
    assert 40 < spread["BACK"] < 75  # near-white or dark purple; 57 in the real sample
    assert all(5 < value < 30 for name, value in spread.items() if name != "BACK")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_colour_gives_no_more_away_than_in_life(bench, seed):
    forest = bench.colour_forest(seed)
    assert 0.58 <= forest["accuracy"] <= 0.78
    assert forest["test centre F1 of TUM"] <= 0.65


@pytest.mark.slow
def test_a_small_network_learns_the_shape_of_tumour(bench):
    assert bench.supervised()["test centre F1 of TUM"] >= 0.9


@pytest.mark.slow
def test_what_is_learned_on_the_phantom_transfers(bench):
    """How much more real patches would teach, benchmarks/bench_phantom.py measures over seeds."""
    folder = os.environ.get("ACTIVECL_REAL_SAMPLE")
    if not folder:
        pytest.skip("ACTIVECL_REAL_SAMPLE does not name the folder of the real sample")
    transferred = bench.transfer(folder, on=("random", "phantom"))
    assert transferred["phantom"] >= transferred["random"] + 0.08
