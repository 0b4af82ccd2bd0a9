"""Stored features of a frozen encoder: read whole, split by patient, labels bought on them."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from sealed import verified

from activecl_nb import files, imbalance, tissue
from activecl_nb.lessons import good_features
from activecl_nb.lessons.good_features import Features

KEPT = files.of_the_kit("results") / "good_features"


def world(count: int = 240) -> Features:
    """Patches of 40 patients; adenocarcinoma lies to one side in the first feature."""
    draw = np.random.default_rng(0)
    labels = (draw.random(count) < 0.6).astype(np.int64)  # 0 is ADC
    values = draw.normal(size=(count, 6)).astype(np.float32)
    values[:, 0] -= 2 * labels
    return Features(
        torch.from_numpy(values),
        labels,
        ("ADC", "NORM"),
        np.array([f"{n:03d}" for n in np.sort(draw.integers(40, size=count))]),
        np.array([f"image/{n}.png" for n in range(count)]),
        np.zeros(count, dtype=int),
        "ADC",
    )


# ---- what is stored ----------------------------------------------------------------------


def test_the_stored_real_features_are_whole_and_hold_no_image() -> None:
    real = good_features.opened("ebhi")
    assert real.values.shape == (2226, 128) and torch.isfinite(real.values).all()
    assert len(set(real.patient)) == 340 and len(set(real.file)) == 2226
    assert int(real.positive.sum()) == 795
    assert all(name.startswith("image/") for name in real.file)
    assert sum(path.stat().st_size for path in KEPT.iterdir()) < 0.75e6
    assert verified(KEPT)
    credit = good_features.credit()
    assert "EBHI-Seg" in credit and "CC BY 4.0" in credit and "No image" in credit


def test_components_come_in_the_order_of_what_they_explain() -> None:
    spread = good_features.opened("ebhi").values.var(dim=0)
    assert (spread[1:] <= spread[:-1] * 1.01).all()


def test_the_drawn_features_are_of_the_patches_that_the_kit_draws() -> None:
    drawn = good_features.opened("phantom")
    for part, name in enumerate(("train", "test")):
        count = int((drawn.part == part).sum())
        patches = tissue.load("phantom", name, size=16, count=count, seed=0)
        assert np.array_equal(patches.labels.numpy(), drawn.labels[drawn.part == part])
        assert np.array_equal(
            patches.facts["patient"].astype(str), drawn.patient[drawn.part == part]
        )


def test_damage_and_absence_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no sealed features; get the folder results"):
        good_features.opened("ebhi", folder=tmp_path)
    copy = Path(shutil.copytree(KEPT, tmp_path / "kept"))
    content = bytearray((copy / "ebhi.npz").read_bytes())
    content[5000] ^= 1
    (copy / "ebhi.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"ebhi\.npz is damaged"):
        good_features.opened("ebhi", folder=copy)


def test_runs_that_nobody_made_are_none(tmp_path: Path) -> None:
    (tmp_path / "credit.txt").write_text("x")
    files.seal(tmp_path, "credit.txt")
    assert good_features.contrastive(folder=tmp_path) is None
    (tmp_path / "contrastive.csv").write_text("split,epoch,auroc_64\n0,0,0.9\n")
    files.seal(tmp_path, "contrastive.csv")
    assert good_features.contrastive(folder=tmp_path)["auroc_64"].tolist() == [0.9]


def test_the_stored_scores_of_simclr_on_the_tissue_are_whole():
    scores = good_features.contrastive().pivot(index="split", columns="epoch", values="auroc_64")
    assert [*scores.index] == [0, 1, 2, 3] and [*scores.columns] == [0, 1, 2, 4, 8]
    assert scores.stack().between(0.5, 1).all()


# ---- splits, the judge, and buying -------------------------------------------------------


def test_no_patient_is_on_both_sides() -> None:
    found = world()
    splits = [good_features.by_patient(found.patient, split) for split in range(5)]
    for fit, held in splits:
        assert not set(found.patient[fit]) & set(found.patient[held])
        assert np.array_equal(np.sort(np.concatenate([fit, held])), np.arange(240))
        assert len(set(found.patient[held])) == round(0.25 * len(set(found.patient)))
    assert len({tuple(held) for _, held in splits}) == 5
    again = good_features.by_patient(found.patient, 0)
    assert np.array_equal(again[1], splits[0][1])


def test_the_judge_is_logistic_regression_on_features_of_one_scale() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    found = world()
    fit, held = good_features.by_patient(found.patient, 0)
    x = found.values.numpy()
    x = x / np.linalg.norm(x, axis=1).mean()
    model = LogisticRegression(C=good_features.C, max_iter=1_000).fit(x[fit], found.positive[fit])
    by_hand = roc_auc_score(found.positive[held], model.decision_function(x[held]))
    said = good_features.auroc(found.values, found.positive, fit, held)
    assert said == pytest.approx(by_hand, abs=1e-6) and said > 0.7


def test_labels_are_bought_from_the_training_patients_once_each() -> None:
    found = world()
    fit, held = good_features.by_patient(found.patient, 0)
    first = None
    for strategy in ("random", "entropy", "kcenter", "typiclust"):
        table, bought = good_features.buy(strategy, found, fit, held, budget=10, most=45)
        assert table["labels"].tolist() == [10, 20, 30, 40]
        assert len(set(bought.tolist())) == 40 and set(bought) <= set(fit)
        first = bought[:10] if first is None else first
        assert np.array_equal(bought[:10], first)  # all begin alike
    again, same = good_features.buy("typiclust", found, fit, held, budget=10, most=45)
    assert np.array_equal(same, bought) and again.equals(table)
    _, other = good_features.buy("random", found, fit, held, budget=10, most=10, seed=1)
    assert not np.array_equal(other, first)


def test_entropy_buys_what_the_judge_doubts() -> None:
    found = world()
    fit, held = good_features.by_patient(found.patient, 0)
    _, bought = good_features.buy("entropy", found, fit, held, budget=10, most=20)
    logits = np.abs(good_features.told(found.values, found.positive, bought[:10]))
    left = np.setdiff1d(fit, bought)
    assert logits[bought[10:]].max() <= logits[left].min()


def test_evened_components_have_one_spread() -> None:
    found = world()
    even = good_features.evened(found, 4)
    spread = even.values.std(dim=0)
    assert even.values.shape == (240, 4) and torch.allclose(spread, spread[0].expand(4))
    assert even.values.norm(dim=1).mean() == pytest.approx(1, abs=1e-5)
    assert np.array_equal(even.labels, found.labels)


def test_labels_of_one_class_tell_nothing() -> None:
    found = world()
    alike = np.flatnonzero(found.positive)[:5]
    assert not good_features.told(found.values, found.positive, alike).any()


def test_a_race_is_a_table_that_the_analysis_takes() -> None:
    from activecl_nb.evidence import analysis

    found = world()
    parts = [good_features.by_patient(found.patient, split) for split in range(3)]
    sizes = {"budget": 10, "most": 30}
    raced = good_features.race({"random": "random", "mine": "entropy"}, found, parts, **sizes)
    curve = analysis.curve(raced, "auroc", x="labels")
    assert curve.groupby("strategy")["labels"].apply(list).to_dict() == {
        name: [10, 20, 30] for name in ("random", "mine")
    }
    one = raced[(raced["strategy"] == "mine") & (raced["labels"] == 30)]["auroc"]
    at_end = curve[(curve["strategy"] == "mine") & (curve["labels"] == 30)].iloc[0]
    assert at_end["mean"] == pytest.approx(one.mean())
    plain = one.std(ddof=1) / 3**0.5 * 4.302653  # Student's t with 2 degrees
    assert at_end["high"] - at_end["mean"] > 1.2 * plain  # splits share patients


# ---- beside the study --------------------------------------------------------------------


def test_the_studys_patches_are_found_again() -> None:
    """The rows are those that ``imbalance`` gives a run: the same patients, the same labels."""
    found = world()
    at = good_features.like_the_study(found, 2, 1)
    assert not set(found.patient[at["train"]]) & set(found.patient[at["test"]])
    assert set(at["labelled"]) <= set(at["train"]) and len(at["labelled"]) == 100
    share = found.positive[at["train"]].mean()
    assert abs(share - 0.14) < 0.05
    whole = tissue.Tissue(
        torch.zeros(240, 3, 2, 2, dtype=torch.uint8),
        torch.from_numpy(found.labels),
        found.class_names,
        "x",
        {"patient": found.patient},
    )
    _, test = imbalance.fold_by_patient(whole, 2, 5, "ADC")
    assert np.array_equal(at["test"], test)


def stored(**changes: object) -> SimpleNamespace:
    """Tables as a study keeps them: two strategies, two folds, and floors."""
    rows, planned, floors = [], [], []
    for fold in (0, 1):
        for strategy in ("random", "benchmark"):
            run = f"{strategy}{fold}"
            place = {"grid": "real", "strategy": strategy, "tissue": f"fold {fold}", "seed": 0}
            planned.append(place | {"run": run})
            for t in (0, 1):
                scores = {"probe_auroc": 0.6 + 0.1 * t, "probe_average_precision": 0.3 + 0.1 * t}
                rows.append(place | {"run": run, "round": t} | scores)
            for name in ("untrained", "colour_moments"):
                floors.append({"run": run, "floor": name, "auroc": 0.55, "average_precision": 0.2})
    tables = {"planned": planned, "rounds": rows, "floors": floors}
    made = SimpleNamespace(**{name: pd.DataFrame(table) for name, table in tables.items()})
    made.grid = lambda name: made
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_frozen_features_stand_beside_the_studys_runs() -> None:
    table = good_features.beside_the_study(world(), stored())
    assert list(dict.fromkeys(table["features"])) == [
        "frozen encoder",
        "SimCLR on every patch",
        "SimCLR on random picks",
        "untrained",
        "colour moments",
    ]
    assert (table.groupby("features").size() == 2).all()
    last = table[table["features"] == "SimCLR on every patch"]
    assert last["auroc"].tolist() == pytest.approx([0.7, 0.7])  # the last round's
    frozen = table[table["features"] == "frozen encoder"]["auroc"]
    assert frozen.between(0.6, 1).all()


def test_training_on_every_patch_at_64_pixels_stands_there_for_its_seeds() -> None:
    rounds = stored().rounds
    finer = rounds[rounds["tissue"] == "fold 1"].assign(grid="real, 64 pixels", probe_auroc=0.8)
    both = pd.concat([rounds, finer], ignore_index=True)
    table = good_features.beside_the_study(world(), stored(rounds=both))
    assert list(dict.fromkeys(table["features"]))[1] == good_features.AT_64
    at_64 = table[table["features"] == good_features.AT_64]
    assert at_64[["fold", "seed", "auroc"]].values.tolist() == [["fold 1", 0, 0.8]]


def test_a_study_without_such_runs_is_none() -> None:
    found = world()
    other = stored().rounds.assign(grid="paper")
    assert good_features.beside_the_study(found, stored(rounds=other)) is None
    without = stored().rounds.drop(columns=["probe_auroc"])
    assert good_features.beside_the_study(found, stored(rounds=without)) is None
    assert good_features.beside_the_study(found, stored(rounds=without.iloc[:0])) is None
