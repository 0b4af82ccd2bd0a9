"""References: scikit-learn's metrics and its logistic regression."""

import numpy as np
import pytest
import torch

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
    steps = dict(proxy.fit_steps(features, targets, epochs=50, every=20))
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
