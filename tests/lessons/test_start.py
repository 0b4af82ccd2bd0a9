"""What lessons start from: a kept encoder, and the toy world."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from activecl_nb import imbalance, profiles, simclr
from activecl_nb.lessons import start
from activecl_nb.pictures import figures

SMALL = replace(
    profiles.PROFILES["tiny"],
    image_size=16,
    labelled=30,
    width=4,
    rounds=3,
    budget=8,
    epochs=2,
    batch_size=8,
)


@pytest.fixture
def kept(monkeypatch, tmp_path):
    monkeypatch.setenv("ACTIVECL_HOME", str(tmp_path))
    return tmp_path / "lessons"


def test_the_encoder_has_not_seen_the_labelled_patches(tiny_data):
    pool, labelled = imbalance.split(tiny_data.train, SMALL.labelled, 0)
    seen = start.seen(SMALL, tiny_data, 0)
    assert len(seen) == len(set(seen)) == SMALL.rounds * SMALL.budget
    assert set(seen) <= set(pool) and not set(seen) & set(labelled)


def test_the_encoder_is_trained_once_and_then_read(tiny_data, kept, monkeypatch):
    first = start.trained_encoder(SMALL, tiny_data, progress=False)
    untrained = simclr.build_encoder(SMALL.width, SMALL.stem, seed=0)
    assert any(
        not torch.equal(a, b)
        for a, b in zip(first.parameters(), untrained.parameters(), strict=True)
    )
    assert not first.training

    monkeypatch.setattr(simclr, "train", None)  # a second training would fail
    again = start.trained_encoder(SMALL, tiny_data, progress=False)
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert len(list(kept.iterdir())) == 1


def test_damaged_weights_are_trained_again(tiny_data, kept, monkeypatch):
    first = start.trained_encoder(SMALL, tiny_data, progress=False).state_dict()
    (file,) = kept.iterdir()
    whole, trained = file.read_bytes(), []
    monkeypatch.setattr(start, "_train", lambda encoder, *_: encoder.load_state_dict(first))
    monkeypatch.setattr(start, "_keep", lambda *_: trained.append(1))
    for at in np.random.default_rng(0).integers(0, len(whole), 10):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        start.trained_encoder(SMALL, tiny_data, progress=False)
    assert len(trained) == 10


def test_a_cache_that_cannot_be_written_is_said(tiny_data, kept, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(start, "_train", lambda *_: None)
    monkeypatch.setattr(start.files, "replacing", refuse)
    with pytest.warns(UserWarning, match="Permission denied.*is trained again"):
        start.trained_encoder(SMALL, tiny_data, progress=False)


def test_what_a_killed_process_left_is_removed(tiny_data, kept, monkeypatch):
    kept.mkdir()
    (kept / ".encoder.0123abcd.safetensors").write_bytes(b"half")
    monkeypatch.setattr(start, "_train", lambda *_: None)
    start.trained_encoder(SMALL, tiny_data, progress=False)
    assert [path.name[0] for path in kept.iterdir()] == ["e"]


def test_weights_that_training_laid_out_for_a_device_are_kept(tiny_data, kept, monkeypatch):
    def lay_out(model, *_, **__):
        model.to(memory_format=torch.channels_last)

    monkeypatch.setattr(simclr, "train", lay_out)
    untrained = simclr.build_encoder(SMALL.width, SMALL.stem, seed=0)
    read = start.trained_encoder(SMALL, tiny_data, progress=False)
    for name, value in untrained.state_dict().items():
        assert torch.equal(value, read.state_dict()[name]), name


def test_other_patches_or_sizes_get_another_encoder(tiny_data, kept):
    for profile, seed in [(SMALL, 0), (SMALL, 1), (replace(SMALL, epochs=1), 0)]:
        start.trained_encoder(profile, tiny_data, seed, progress=False)
    swapped = imbalance.Data(tiny_data.test, tiny_data.test)
    start.trained_encoder(replace(SMALL, labelled=10), swapped, progress=False)
    assert len(list(kept.iterdir())) == 4


def test_features_are_those_of_the_encoder(tiny_data, kept):
    train, test = start.features(SMALL, tiny_data, progress=False)
    assert train.shape == (90, 32) and test.shape == (45, 32)
    encoder = start.trained_encoder(SMALL, tiny_data)
    assert torch.equal(test, simclr.encode(encoder, tiny_data.test.images))


def test_a_dial_leaves_the_rest_of_the_toy_world_as_it_was():
    plain, troubled = start.toy_world(), start.toy_world(outliers=5, duplicates=7)
    assert torch.equal(troubled.points[:300], plain.points)
    assert torch.equal(troubled.logits[:300], plain.logits)
    assert [int((troubled.kind == k).sum()) for k in ("outlier", "duplicate")] == [5, 7]
    apart = start.toy_world(separation=6)
    common = ~plain.rare
    assert torch.equal(apart.points[common], plain.points[common])
    assert (apart.points[plain.rare, 0] > plain.points[plain.rare, 0]).all()


@pytest.mark.parametrize("separation", [0.5, 6.0])
@pytest.mark.parametrize("rare_share", [0.02, 0.5])
def test_every_corner_of_the_dials_gives_a_world(separation, rare_share):
    world = start.toy_world(
        separation=separation, rare_share=rare_share, outliers=20, duplicates=30
    )
    assert len(world.points) == 350 and len(world.chosen) == 8
    assert world.rare.sum() / 300 == pytest.approx(rare_share, abs=0.06)
    for name, picked in start.toy_picks(world, budget=60).items():
        assert len(set(picked.tolist())) == 60, name


def test_the_toy_world_shows_what_the_lesson_says_of_it():
    """Lesson 04 in four sentences; were one of them untrue, its prose would be."""
    world = start.toy_world(outliers=12, duplicates=15)
    picks = start.toy_picks(world)
    share = {
        name: {kind: (world.kind[p] == kind).mean() for kind in ("outlier", "duplicate")}
        for name, p in picks.items()
    }
    assert max(share, key=lambda name: share[name]["outlier"]) == "kcenter"
    assert max(share, key=lambda name: share[name]["duplicate"]) == "entropy"
    assert share["kcenter"]["duplicate"] <= 0.05 and share["entropy"]["outlier"] <= 0.05
    plain = start.toy_world()
    rare = {name: plain.rare[p].mean() for name, p in start.toy_picks(plain).items()}
    assert rare["certainty"] < plain.rare.mean() < rare["entropy"]


def test_the_toy_world_is_the_same_every_time():
    first, again = start.toy_world(seed=3), start.toy_world(seed=3)
    assert torch.equal(first.points, again.points) and torch.equal(first.logits, again.logits)
    assert not torch.equal(first.points, start.toy_world(seed=4).points)


def mine(features, logits, chosen_features, budget, generator):
    return range(budget)


def test_a_strategy_of_ones_own_picks_in_the_toy_world():
    assert start.toy_picks(start.toy_world(), [mine], 3)["mine"].tolist() == [0, 1, 2]


def test_thresholds_says_what_scikit_learn_says():
    from sklearn import metrics

    draw = np.random.default_rng(0)
    p, positive = draw.random(200), draw.random(200) < 0.3
    f1 = metrics.f1_score(positive, p > 0.4)
    (tn, fp), (fn, tp) = metrics.confusion_matrix(positive, p > 0.4)
    alt = figures.thresholds(p, positive, at=0.4).alt
    assert f"F1 {f1:.2f}; TP {tp}, FN {fn}, FP {fp}, TN {tn}." in alt


def test_the_kcenter_figure_names_the_next_pick():
    world = start.toy_world()
    order = start.toy_picks(world, ["kcenter"])["kcenter"]
    alts = [figures.kcenter_step(world.points, world.chosen, order, s).alt for s in (0, 19, 20)]
    assert "after 0 of 20 picks" in alts[0] and "The next pick lies" in alts[1]
    assert "Every pick is made" in alts[2]
    covered = [float(alt.split("nearest centre is ")[1].split(". ")[0]) for alt in alts]
    assert covered == sorted(covered, reverse=True)
