"""Classification, regression and segmentation: proxies, doubt and scores beside references."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from same_runs import assert_same
from scipy import stats
from sklearn import metrics

from activecl_nb import experiment, proxy, runs, sampling, seeds, simclr, tasks
from activecl_nb.protocol import BENCHMARK
from activecl_nb.sampling.igs import igs


@pytest.fixture(scope="module")
def told_data(tiny_data):
    """The tiny patches with a number and a mask each: where it is dark, and how much of it is."""

    def told(part):
        dark = part.images.double().mean(dim=1).numpy() < 110
        share = dark.mean(axis=(1, 2))
        return replace(part, facts={"mask": dark.astype(np.uint8), "tumour_share": share})

    return replace(tiny_data, train=told(tiny_data.train), test=told(tiny_data.test))


@pytest.fixture(scope="module")
def with_maps(tiny_protocol):
    """A stem that leaves a map of 2x2 cells of 16 pixels."""
    return replace(tiny_protocol, stem="full", rounds=2)


def numbers(n: int = 60, d: int = 5, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of unequal scales, and a target that is linear in them but for some noise."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, d)) * np.array([1, 10, 0.1, 1, 1]) + 3
    y = x @ np.array([1, 0.2, 5, 0, -1]) + draw.normal(size=n)
    return torch.from_numpy(x).float(), torch.from_numpy(y).float()


# ---- scores and fits, beside references ----------------------------------------------------------


def test_scores_of_regression_are_what_their_formulas_say(told_data, tiny_protocol):
    task = tasks.of(replace(tiny_protocol, task="regression"), told_data)
    y, predicted = (v.double().numpy() for v in (numbers()[1], numbers(seed=1)[1]))
    found = task.scores(torch.from_numpy(y), torch.from_numpy(predicted))
    rest, total = ((y - predicted) ** 2).sum(), ((y - y.mean()) ** 2).sum()
    assert found["r2"] == pytest.approx(1 - rest / total)
    assert found["mae"] == pytest.approx(np.abs(y - predicted).mean())
    ranks = [stats.rankdata(v) for v in (y, predicted)]
    assert found["spearman"] == pytest.approx(np.corrcoef(*ranks)[0, 1])
    assert task.scores(torch.from_numpy(y), torch.zeros(60))["spearman"] == 0


def test_dice_and_iou_count_as_brute_force_and_scikit_learn_do(told_data, with_maps):
    task = tasks.of(replace(with_maps, task="segmentation"), told_data)
    draw = torch.Generator().manual_seed(0)
    masks = (torch.rand(4, 6, 6, generator=draw) < 0.4).to(torch.uint8)
    outputs = torch.randn(4, 6, 6, generator=draw)
    inside = said = both = 0
    for mask, output in zip(masks.flatten().tolist(), outputs.flatten().tolist(), strict=True):
        inside += mask == 1
        said += output > 0
        both += mask == 1 and output > 0
    found = task.scores(masks, outputs)
    assert found["dice"] == 2 * both / (inside + said)
    y, answers = masks.flatten().numpy(), (outputs > 0).flatten().numpy()
    assert found["dice"] == pytest.approx(metrics.f1_score(y, answers))
    assert found["iou"] == pytest.approx(metrics.jaccard_score(y, answers))
    assert task.scores(torch.zeros(1, 2, 2), torch.full((1, 2, 2), -1.0)) == {"dice": 0, "iou": 0}


def test_ridge_solves_the_normal_equations_at_the_strength_it_chose():
    x, y = numbers()
    fitted, strength, left_out = tasks.ridge(x, y)
    z = (x.double() - x.double().mean(0)) / x.double().std(0, correction=0)
    gram = z.T @ z + strength * torch.eye(5, dtype=torch.float64)
    weight = torch.linalg.solve(gram, z.T @ (y.double() - y.double().mean()))
    expected = z @ weight + y.double().mean()
    np.testing.assert_allclose(fitted.logits(x), expected, atol=1e-4)
    assert strength in tasks.ALPHAS
    assert 0 < np.corrcoef(left_out, y)[0, 1] < np.corrcoef(fitted.logits(x), y)[0, 1]


def test_ridge_leaves_whole_groups_out():
    """A target that is the group's number alone: nothing of it can be told of a group left out."""
    draw = np.random.default_rng(0)
    groups = np.repeat(np.arange(10), 8)
    own = draw.normal(size=(10, 30))[groups]
    x = torch.from_numpy(own + 0.01 * draw.normal(size=own.shape)).float()
    y = torch.from_numpy(draw.permutation(10)[groups]).float()
    explained = [metrics.r2_score(y, tasks.ridge(x, y, g)[2]) for g in (None, groups)]
    assert explained[0] > 0.9 and explained[1] < 0.3


def test_a_member_of_the_ensemble_is_ridge_on_the_patches_that_were_drawn(told_data, tiny_protocol):
    task = tasks.of(replace(tiny_protocol, task="regression"), told_data)
    x, y = numbers()
    f_p = task.fit(x, y, seed=3, round=1)
    assert f_p.weight.shape == (5, tasks.MEMBERS)
    _, strength, _ = tasks.ridge(x, y)
    n = len(y)
    times = seeds.numpy_generator(3, "bootstrap", 1).multinomial(
        n, np.full(n, 1 / n), tasks.MEMBERS
    )
    z = ((x - x.mean(0)) / x.std(0, correction=0)).double().numpy()
    rows = np.repeat(np.arange(n), times[4])  # written out, and not weighed
    centred = z[rows] - z[rows].mean(0)
    gram = centred.T @ centred + strength * np.eye(5)
    weight = np.linalg.solve(gram, centred.T @ (y.numpy()[rows] - y.numpy()[rows].mean()))
    expected = (z - z[rows].mean(0)) @ weight + y.numpy()[rows].mean()
    each = f_p.logits(x)
    np.testing.assert_allclose(each[:, 4], expected, atol=1e-3)
    np.testing.assert_allclose(task.outputs(f_p, x), each.mean(1))
    np.testing.assert_allclose(task.doubt(f_p, x), each.numpy().std(1, ddof=1), rtol=1e-4)


def test_far_from_the_labels_the_ensemble_disagrees_more(told_data, tiny_protocol):
    task = tasks.of(replace(tiny_protocol, task="regression"), told_data)
    x, y = numbers()
    f_p = task.fit(x, y)
    middle = x.mean(0, keepdim=True)
    assert task.doubt(f_p, middle + 6 * x.std(0)) > 2 * task.doubt(f_p, middle)


@pytest.mark.parametrize("classes", ["two", "all"])
def test_doubt_of_classification_is_the_entropy(tiny_data, tiny_protocol, classes):
    task = tasks.of(replace(tiny_protocol, proxy_classes=classes), tiny_data)
    draw = torch.Generator().manual_seed(0)
    outputs = () if classes == "two" else (3,)
    f_p = proxy.Proxy(torch.randn(5, *outputs, generator=draw), torch.zeros(outputs))
    seen = 4 * torch.randn(30, 5, generator=draw)
    expected = sampling.entropy_of(f_p.logits(seen))
    np.testing.assert_allclose(task.doubt(f_p, seen), expected, atol=1e-9)


def test_maps_average_to_the_features_and_leave_the_encoders_mode(told_data, with_maps):
    task = tasks.of(replace(with_maps, task="segmentation"), told_data)
    encoder = simclr.build_encoder(4, "full").eval()
    images = told_data.train.images[:7]
    maps = task.see(encoder, images)
    assert maps.shape == (7, 2, 2, 32) and task.map_size == (2, 2)
    torch.testing.assert_close(tasks.pooled(maps), simclr.encode(encoder, images))
    assert not any(module.training for module in encoder.modules())
    assert tasks.pooled(maps[:, 0, 0]) is not None and tasks.pooled(maps[:, 0, 0]).shape == (7, 32)


def test_pixels_logits_entropies_and_shares(told_data, with_maps):
    task = tasks.of(replace(with_maps, task="segmentation"), told_data)
    draw = torch.Generator().manual_seed(0)
    maps, f_p = torch.randn(5, 2, 2, 3, generator=draw), proxy.Proxy(torch.ones(3), torch.tensor(0))
    outputs = task.outputs(f_p, maps)
    assert outputs.shape == (5, 16, 16)
    torch.testing.assert_close(outputs[:, 0, 0], maps.sum(-1)[:, 0, 0])  # a corner is its cell's
    p = torch.sigmoid(outputs.double())
    entropy = -(p * p.log() + (1 - p) * (1 - p).log())
    torch.testing.assert_close(task.doubt(f_p, maps), entropy.mean((1, 2)))
    torch.testing.assert_close(task.value(f_p, maps).double(), p.mean((1, 2)))
    masks = told_data.train.facts["mask"][:5]
    expected = masks.reshape(5, 2, 8, 2, 8).mean(axis=(2, 4))
    np.testing.assert_allclose(tasks.shares(torch.from_numpy(masks), maps), expected)


def test_colours_are_those_of_each_cell(told_data, with_maps):
    task = tasks.of(replace(with_maps, task="segmentation"), told_data)
    images = told_data.train.images[:3]
    cells = task.colours(images)
    assert cells.shape == (3, 2, 2, 6)
    expected = proxy.colour_moments(images[:, :, 8:, :8])
    np.testing.assert_array_equal(cells[:, 1, 0], expected)


# ---- the loop --------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["regression", "segmentation"])
@pytest.mark.parametrize("strategy", ["uncertainty", "kcenter", BENCHMARK])
def test_a_run_that_is_stopped_goes_on_as_if_nothing_had_happened(
    told_data, with_maps, task, strategy, tmp_path
):
    def stop(run):
        raise KeyboardInterrupt

    given = (told_data, strategy, 3)
    whole = experiment.run(with_maps, *given, task=task, progress=False)
    with pytest.raises(KeyboardInterrupt):
        experiment.run(with_maps, *given, tmp_path / "a", task=task, progress=False, on_round=stop)
    resumed = experiment.run(with_maps, *given, tmp_path / "a", task=task, progress=False)
    assert_same(resumed, whole)
    assert_same(runs.load(tmp_path / "a"), whole)
    assert resumed.finished and {"colour_moments", "untrained"} == set(resumed.floors)
    last = resumed.rounds[-1]
    names = {"regression": {"r2", "mae", "spearman"}, "segmentation": {"dice", "iou"}}[task]
    assert set(last.scores) == names | {f"probe_{name}" for name in names}
    assert len(last.watched_doubt) == len(last.watched_logits) == len(resumed.watched)
    assert (last.watched_doubt >= 0).all()
    assert tasks.HEADLINES[task] in resumed.table()


@pytest.mark.parametrize("task", ["regression", "segmentation"])
def test_uncertainty_picks_what_the_round_before_doubted_most(told_data, with_maps, task):
    run = experiment.run(with_maps, told_data, "uncertainty", 7, task=task, progress=False)
    doubt = dict(zip(run.watched, run.rounds[0].watched_doubt, strict=True))
    second = run.rounds[1]
    picked = [doubt[one] for one in second.picked]
    most = sorted((doubt[one] for one in second.candidates), reverse=True)
    np.testing.assert_allclose(picked, most[: len(picked)], atol=1e-6)


def test_the_judge_is_ridge_on_features_of_the_labelled(told_data, with_maps):
    run = experiment.run(with_maps, told_data, "random", 7, task="regression", progress=False)
    encoder, at = run.encoder(), torch.from_numpy(run.labelled)
    y = torch.from_numpy(told_data.train.facts["tumour_share"]).float()
    judge, _, _ = tasks.ridge(simclr.encode(encoder, told_data.train.images[at]), y[at])
    predicted = judge.logits(simclr.encode(encoder, told_data.test.images)).double()
    truth = told_data.test.facts["tumour_share"].astype(np.float32)
    assert run.rounds[-1].scores["probe_r2"] == pytest.approx(metrics.r2_score(truth, predicted))
    np.testing.assert_allclose(run.rounds[-1].test_logits, predicted, atol=1e-6)


def test_classification_says_nothing_of_a_task_and_others_are_other_runs(
    told_data, tiny_data, tiny_protocol, tmp_path
):
    plain = runs.fresh(tiny_protocol, tiny_data, "random", 0)
    assert "task" not in runs.identity(plain)["protocol"]
    assert not {"target", "targets"} & set(plain.data)
    assert runs.fresh(tiny_protocol, told_data, "random", 0).data["exact"] == plain.data["exact"]
    experiment.run(tiny_protocol, told_data, "random", 0, tmp_path / "a", progress=False)
    with pytest.raises(ValueError, match="holds another run"):
        experiment.run(
            tiny_protocol, told_data, "random", 0, tmp_path / "a", task="regression", progress=False
        )
    regression = replace(tiny_protocol, task="regression")
    one = runs.fresh(regression, told_data, "random", 0)
    assert one.data["target"] == "tumour_share"
    masks = runs.fresh(regression, replace(told_data, target="mask"), "random", 0)
    assert one.data["targets"] != masks.data["targets"] or one.data["target"] != "mask"


def test_what_a_task_cannot_do_is_refused_before_anything_is_trained(
    told_data, tiny_data, tiny_protocol
):
    def begun(task, data=told_data, strategy="random", **choices):
        return runs.fresh(replace(tiny_protocol, task=task, **choices), data, strategy, 0)

    with pytest.raises(ValueError, match=r"needs the fact 'tumour_share'.*target='tumour_share'"):
        begun("regression", tiny_data)
    with pytest.raises(ValueError, match=r"needs the fact 'nuclei'.*known are mask"):
        begun("regression", replace(told_data, target="nuclei"))
    with pytest.raises(ValueError, match="a mask of 16x16 pixels"):
        begun("segmentation", replace(told_data, target="tumour_share"))
    with pytest.raises(ValueError, match=r"'entropy' reads the logits of classes.*uncertainty"):
        begun("regression", strategy="entropy")
    features = (torch.randn(90, 4), torch.randn(45, 4))
    with pytest.raises(ValueError, match="have no places in a patch"):
        elsewhere = replace(told_data, features=features, encoder="theirs")
        begun("segmentation", elsewhere, encoder="frozen")
    with pytest.raises(ValueError, match="labels of seed 0 are the same"):
        flat = {"tumour_share": np.zeros(90)}
        begun("regression", replace(told_data, train=replace(told_data.train, facts=flat)))


def test_features_from_elsewhere_can_be_regressed(told_data, tiny_protocol):
    draw = torch.Generator().manual_seed(0)
    features = (torch.randn(90, 4, generator=draw), torch.randn(45, 4, generator=draw))
    data = replace(told_data, features=features, encoder="theirs")
    protocol = replace(tiny_protocol, encoder="frozen")
    run = experiment.run(protocol, data, "igs", 0, task="regression", progress=False)
    assert run.finished and "probe_spearman" in run.rounds[-1].scores


# ---- iGS -----------------------------------------------------------------------------------------


def test_igs_is_the_greedy_rule_written_out():
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(25, 3, generator=draw), torch.randn(25, generator=draw)
    known_x, known_y = torch.randn(4, 3, generator=draw), torch.randn(4, generator=draw)
    picks = igs(x, y, known_x, 6, draw, known_y)
    chosen, left = list(zip(known_x, known_y, strict=True)), list(range(25))
    for pick in picks.tolist():
        worth = {
            i: min(float((x[i] - a).norm() * (y[i] - b).abs()) for a, b in chosen) for i in left
        }
        assert worth[pick] == pytest.approx(max(worth.values()), rel=1e-5)
        chosen.append((x[pick], y[pick]))
        left.remove(pick)


def test_igs_starts_in_the_middle_where_nothing_is_chosen():
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(25, 3, generator=draw), torch.randn(25, generator=draw)
    first = int(igs(x, y, torch.empty(0, 3), 1, draw, torch.empty(0))[0])
    assert first == int((x - x.mean(0)).norm(dim=1).argmin())


def test_uncertainty_takes_the_doubt_it_is_told_and_else_the_entropy():
    x, z = torch.zeros(9, 1), torch.linspace(-1, 3, 9)
    draw = torch.Generator().manual_seed(0)
    given = (x, z, x[:0], 3, draw)
    assert sampling.pick("uncertainty", *given, doubt=z).tolist() == [8, 7, 6]
    assert (
        sampling.pick("uncertainty", *given).tolist() == sampling.pick("entropy", *given).tolist()
    )
