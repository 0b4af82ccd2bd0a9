"""References: scikit-learn's metrics and its logistic regression."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, log_loss
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import StandardScaler

from activecl_nb import proxy


@pytest.fixture
def two_clouds():
    draw = torch.Generator().manual_seed(0)
    targets = torch.arange(200) % 4 == 0
    features = torch.randn(200, 6, generator=draw) + 2.0 * targets[:, None]
    return features, targets


def test_a_long_fit_is_logistic_regression(two_clouds):
    from sklearn.linear_model import LogisticRegression

    features, targets = two_clouds
    features = features + torch.randn(features.shape, generator=torch.Generator().manual_seed(1))
    theirs = LogisticRegression(C=np.inf, max_iter=5000).fit(features.numpy(), targets.numpy())
    ours = proxy.fit(features, targets, epochs=3000, learning_rate=2e-2, batch_size=200)
    np.testing.assert_allclose(ours.weight, theirs.coef_[0], atol=0.02)
    np.testing.assert_allclose(ours.logits(features), theirs.decision_function(features), atol=0.1)


def test_standardising_is_folded_into_the_weights(two_clouds):
    features, targets = two_clouds
    mean, deviation = features.mean(0), features.std(0)
    by_hand = proxy.fit((features - mean) / deviation, targets)
    folded = proxy.fit(features, targets, standardise=True)
    torch.testing.assert_close(
        folded.logits(features), by_hand.logits((features - mean) / deviation), rtol=1e-4, atol=1e-4
    )
    # So that the scale of the features does not matter.
    tiny = proxy.fit(features * 1e-3, targets, standardise=True)
    torch.testing.assert_close(
        tiny.logits(features * 1e-3), folded.logits(features), rtol=1e-3, atol=1e-3
    )


def test_steps_are_scored_on_the_way(two_clouds):
    features, targets = two_clouds
    steps = {}
    proxy.fit(features, targets, epochs=50, every=20, on_way=steps.__setitem__)
    assert list(steps) == [20, 40, 50]
    assert torch.equal(steps[50].weight, proxy.fit(features, targets, epochs=50).weight)


def test_each_round_and_seed_starts_from_new_weights(two_clouds):
    features, targets = two_clouds

    def first(**name):
        return proxy.fit(features, targets, epochs=1, learning_rate=1e-9, **name).weight

    assert torch.equal(first(seed=1, round=2), first(seed=1, round=2))
    assert not torch.equal(first(seed=1, round=2), first(seed=1, round=3))
    assert not torch.equal(first(seed=1, round=2), first(seed=2, round=2))
    assert first(seed=0).abs().max() <= 6**-0.5


def test_scores_are_scikit_learns():
    from sklearn import metrics

    random = np.random.default_rng(0)
    targets, logits = random.random(100) < 0.2, random.normal(size=100)
    ours = proxy.scores(torch.from_numpy(targets), torch.from_numpy(logits))
    answers = logits > 0
    true_positive = (targets & answers).sum()
    precision, recall = true_positive / answers.sum(), true_positive / targets.sum()
    assert ours["f1"] == pytest.approx(2 * recall * precision / (recall + precision))  # formula (4)
    assert ours["f1"] == pytest.approx(metrics.f1_score(targets, answers))
    assert ours["macro_f1"] == pytest.approx(metrics.f1_score(targets, answers, average="macro"))
    assert ours["auroc"] == pytest.approx(metrics.roc_auc_score(targets, logits))
    assert ours["average_precision"] == pytest.approx(
        metrics.average_precision_score(targets, logits)
    )


def test_no_positive_answer_scores_zero():
    scores = proxy.scores(np.array([True, False]), np.array([-1.0, -2.0]))
    assert scores["f1"] == scores["precision"] == scores["recall"] == 0


def test_bad_input_is_named(two_clouds):
    features, targets = two_clouds
    with pytest.raises(ValueError, match=r"\(200, 6\).*\(199,\).*do not fit"):
        proxy.fit(features, targets[1:])
    with pytest.raises(ValueError, match="all 200 labelled images are of one class"):
        proxy.fit(features, torch.zeros(200))
    broken = features.clone()
    broken[7, 2] = torch.nan
    with pytest.raises(ValueError, match="first in row 7"):
        proxy.fit(broken, targets)


def test_colour_histogram_is_numpys():
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (3, 3, 9, 9), dtype=torch.uint8, generator=draw)
    ours = proxy.colour_histogram(images, bins=8).view(3, 3, 8)
    for n in range(3):
        for channel in range(3):
            counts, _ = np.histogram(images[n, channel].numpy(), bins=8, range=(0, 256))
            np.testing.assert_allclose(ours[n, channel], counts / 81)


def test_colour_histogram_is_blind_to_shape():
    draw = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (1, 3, 8, 8), dtype=torch.uint8, generator=draw)
    shuffled = image.flatten(2)[:, :, torch.randperm(64, generator=draw)].view_as(image)
    assert torch.equal(proxy.colour_histogram(image), proxy.colour_histogram(shuffled))


def test_a_feature_that_never_changes_keeps_its_scale(two_clouds):
    features, targets = two_clouds
    constant = torch.full((len(features), 1), 3.7)
    together = proxy.fit(torch.cat([features, constant], dim=1), targets, standardise=True)
    scaler = StandardScaler().fit(torch.cat([features, constant], dim=1).double())
    assert scaler.scale_[-1] == 1
    logits = together.logits(torch.cat([features, constant + 1], dim=1))
    assert torch.isfinite(logits).all() and logits.abs().max() < 100


def test_the_probe_is_scikit_learns_best(two_clouds):
    features, targets = two_clouds
    judge, threshold = proxy.probe(features, targets, seed=3)
    y = targets.numpy().astype(int)
    x = StandardScaler().fit_transform(features.double())
    folds = proxy._folds(y, None, proxy.seeds.number(3, "probe", 0))
    models = {c: LogisticRegression(C=c, max_iter=5_000) for c in proxy.PROBE_C}
    left_out = {
        c: cross_val_predict(model, x, y, cv=folds, method="decision_function")
        for c, model in models.items()
    }
    best = min(left_out, key=lambda c: log_loss(y, 1 / (1 + np.exp(-left_out[c]))))
    expected = models[best].fit(x, y).decision_function(x)
    np.testing.assert_allclose(judge.logits(features), expected, atol=1e-2)
    assert threshold == pytest.approx(proxy.best_threshold(y, left_out[best]), abs=1e-2)


def test_the_probe_keeps_patients_together(two_clouds):
    _, targets = two_clouds
    y = targets.numpy().astype(int)
    patients = np.arange(len(y)) // 2
    for train, test in proxy._folds(y, patients, 0):
        assert not set(patients[train]) & set(patients[test])


def test_the_probe_without_folds_still_judges():
    features = torch.tensor([[0.0], [0.1], [0.2], [3.0]])
    judge, threshold = proxy.probe(features, torch.tensor([0, 0, 0, 1]))
    assert threshold == 0 and judge.logits(features).argmax() == 3


def test_the_best_threshold_is_found_by_trying_all():
    draw = np.random.default_rng(0)
    targets, logits = draw.random(40) < 0.3, draw.normal(size=40)
    cut = proxy.best_threshold(targets, logits)
    tried = [f1_score(targets, logits > t) for t in np.linspace(-4, 4, 4001)]
    assert f1_score(targets, logits > cut) == pytest.approx(max(tried))
    assert proxy.scores(targets, logits, cut)["f1_threshold"] == pytest.approx(max(tried))


def test_colour_moments_are_numpys():
    images = torch.randint(0, 256, (5, 3, 8, 8), generator=torch.Generator().manual_seed(0)).byte()
    x = images.numpy().reshape(5, 3, -1)
    expected = np.concatenate([x.mean(2), x.std(2)], axis=1)
    np.testing.assert_allclose(proxy.colour_moments(images), expected, rtol=1e-5)
