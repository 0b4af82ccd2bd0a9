"""The strategies, and what ``pick`` accepts and refuses."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits
from torch.nn import functional as F

from activecl_nb import sampling
from activecl_nb.sampling import clusters, diversity
from activecl_nb.sampling.apart import SETTINGS, STREAMS


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def inputs():
    draw = seeded(1)
    return {
        "features": torch.randn(40, 6, generator=draw),
        "logits": 3 * torch.randn(40, generator=draw),
        "chosen_features": torch.randn(7, 6, generator=draw),
        "budget": 12,
        "truth": torch.arange(40) % 5 == 0,
    }


def test_entropy_equals_scipy():
    logits = torch.linspace(-30, 30, 121)
    p = 1 / (1 + np.exp(-logits.double().numpy()))
    expected = scipy.stats.entropy([p, 1 / (1 + np.exp(logits.double().numpy()))])
    np.testing.assert_allclose(sampling.entropy_of(logits), expected, rtol=1e-9, atol=1e-14)


def test_entropy_of_several_classes_equals_scipy():
    logits = 5 * torch.randn(50, 9, generator=seeded())
    p = np.exp(logits.double().numpy())
    expected = scipy.stats.entropy(p, axis=1)
    np.testing.assert_allclose(sampling.entropy_of(logits), expected, rtol=1e-9, atol=1e-14)


def test_entropy_of_two_classes_equals_one_logit():
    z = torch.linspace(-20, 20, 41, dtype=torch.float64)
    two = torch.stack([z, torch.zeros_like(z)], dim=1)
    np.testing.assert_allclose(sampling.entropy_of(two), sampling.entropy_of(z), rtol=1e-7)


def test_entropy_stays_finite_and_ordered_at_extreme_logits():
    scores = sampling.entropy_of(torch.tensor([0.0, 5.0, -50.0, 500.0, -1e30]))
    assert torch.isfinite(scores).all()
    assert (scores[:-1] > scores[1:]).all()
    assert scores[0].item() == pytest.approx(np.log(2))
    extreme = sampling.entropy_of(torch.tensor([[1e30, -1e30, 0.0], [0.0, 0.0, 0.0]]))
    assert extreme.tolist() == pytest.approx([0, np.log(3)])


def test_entropy_picks_the_least_certain_and_certainty_the_most():
    logits = torch.tensor([4.0, -0.1, -6.0, 0.5, 2.0])
    rest = (torch.randn(5, 3), logits, torch.empty(0, 3))
    assert sampling.pick("entropy", *rest, 3, seeded()).tolist() == [1, 3, 4]
    assert sampling.pick("certainty", *rest, 3, seeded()).tolist() == [2, 0, 4]


def test_random_gives_each_candidate_the_same_chance():
    draw = seeded()
    counts = torch.zeros(10)
    for _ in range(3000):
        counts[
            sampling.random(torch.zeros(10, 1), torch.zeros(10), torch.zeros(0, 1), 3, draw)
        ] += 1
    assert scipy.stats.chisquare(counts.numpy()).pvalue > 0.001


@pytest.mark.parametrize("name", sampling.STRATEGIES)
def test_ties_are_the_generators(name):
    same = (torch.zeros(30, 2), torch.zeros(30), torch.zeros(1, 2), 5)
    truth = torch.arange(30) < 15
    picks = {tuple(sampling.pick(name, *same, seeded(seed), truth).tolist()) for seed in range(8)}
    assert len(picks) == 8


def test_kcenter_starts_at_random_when_nothing_is_chosen():
    features = torch.randn(30, 2, generator=seeded())
    rest = (torch.zeros(30), torch.empty(0, 2), 1)
    firsts = {int(sampling.pick("kcenter", features, *rest, seeded(s))) for s in range(12)}
    assert len(firsts) > 5


@pytest.mark.parametrize("name", sampling.STRATEGIES)
def test_contract(name, inputs):
    before = {key: torch.as_tensor(value).clone() for key, value in inputs.items()}
    state = torch.get_rng_state()
    picks = sampling.pick(name, **inputs, generator=seeded(5))
    assert picks.dtype == torch.int64
    assert picks.shape == (12,)
    assert len(set(picks.tolist())) == 12
    assert picks.min() >= 0
    assert picks.max() < 40
    assert torch.equal(picks, sampling.pick(name, **inputs, generator=seeded(5)))
    assert torch.equal(torch.get_rng_state(), state)
    for key, value in before.items():
        assert torch.equal(torch.as_tensor(inputs[key]), value)
    everything = sampling.pick(name, **{**inputs, "budget": 40}, generator=seeded())
    assert sorted(everything.tolist()) == list(range(40))
    assert sampling.pick(name, **{**inputs, "budget": 0}, generator=seeded()).tolist() == []


@pytest.mark.parametrize("name", sampling.STRATEGIES)
def test_what_reads_the_logits_says_so(name, inputs):
    """By ``BY_CLASS`` or ``asks_for``: on what says neither, other logits have no effect."""
    if name in sampling.BY_CLASS or getattr(sampling.STRATEGIES[name], "asks_for", ()):
        return
    with_others = {**inputs, "logits": inputs["logits"].flip(0)}
    picks, others = (sampling.pick(name, **i, generator=seeded()) for i in (inputs, with_others))
    assert torch.equal(picks, others), f"{name} reads the logits: enter it in BY_CLASS"


@pytest.mark.parametrize("name", sampling.STRATEGIES)
@pytest.mark.parametrize(
    "changes",
    [
        {"chosen_features": torch.empty(0, 6)},
        {"logits": 3 * torch.randn(40, 9, generator=seeded(2))},
        {"logits": torch.zeros(40, 1)},
        {"logits": torch.full((40,), -1e30)},
        {"features": torch.zeros(40, 6), "chosen_features": torch.zeros(7, 6)},
        {"features": torch.randn(8, 6, generator=seeded(2)).repeat(5, 1)},
        {"features": torch.randn(40, 6, generator=seeded(2)).half()},
        {"features": 3e37 * torch.randn(40, 6, generator=seeded(2))},
        {"features": torch.randn(40, 6, generator=seeded(2)).double().requires_grad_()},
    ],
    ids=[
        "nothing-chosen",
        "nine-classes",
        "one-class",
        "certain",
        "all-equal",
        "copies",
        "half",
        "large",
        "double",
    ],
)
@pytest.mark.parametrize("budget", [0, 1, 12, 40])
def test_every_strategy_copes(name, changes, budget, inputs):
    inputs = {**inputs, **changes, "budget": budget}
    assert len(sampling.pick(name, **inputs, generator=seeded())) == budget


@pytest.mark.parametrize("name", sampling.STRATEGIES)
def test_global_random_states_are_neither_read_nor_written(name, inputs):
    picks = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        before = torch.get_rng_state(), np.random.get_state()[1].tolist()
        picks.append(sampling.pick(name, **inputs, generator=seeded()).tolist())
        assert torch.equal(torch.get_rng_state(), before[0])
        assert np.random.get_state()[1].tolist() == before[1]
    assert picks[0] == picks[1]


def test_the_number_of_threads_changes_no_pick():
    draw = seeded()
    features, logits = torch.randn(700, 32, generator=draw), torch.randn(700, 3, generator=draw)
    known = (features, logits, features[:100])
    picks, threads_before = [], torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            with threadpool_limits(threads):
                picks.append(
                    [
                        sampling.pick(name, *known, 60, seeded(), features[:, 0] > 1).tolist()
                        for name in sampling.STRATEGIES
                    ]
                )
    finally:
        torch.set_num_threads(threads_before)
    assert picks[0] == picks[1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", sampling.STRATEGIES)
def test_another_device_gives_the_same_picks(name, inputs):
    here = sampling.pick(name, **inputs, generator=seeded())
    there = {k: v.cuda() if torch.is_tensor(v) else v for k, v in inputs.items()}
    assert torch.equal(sampling.pick(name, **there, generator=seeded()), here)


@pytest.mark.parametrize("name", sampling.STRATEGIES)
@pytest.mark.parametrize("key", ["features", "logits", "chosen_features"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_named(name, key, value, inputs):
    inputs[key][3] = value
    with pytest.raises(ValueError, match=rf"^{key} has .* in row 3 "):
        sampling.pick(name, **inputs, generator=seeded())


def test_finite_inputs_whose_sum_is_not_are_accepted(inputs):
    inputs["features"] = torch.full((40, 6), 3e38)
    assert len(sampling.pick("random", **inputs, generator=seeded())) == 12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": 41}, "budget must be .* 0 to 40 .* not 41"),
        ({"budget": -1}, "budget .* not -1"),
        ({"budget": 2.0}, r"budget .* not 2\.0"),
        ({"logits": torch.zeros(39)}, r"logits must .* n = 40 .* not \(39,\)"),
        ({"logits": torch.tensor(0.0)}, r"logits must .* not \(\)"),
        ({"features": torch.zeros(40)}, r"features must .* not \(40,\)"),
        ({"chosen_features": torch.zeros(7, 5)}, r"chosen_features .* d = 6 .* not \(7, 5\)"),
        ({"chosen_features": torch.zeros(0)}, r"chosen_features .* empty tensor \(0, 6\)"),
    ],
)
@pytest.mark.parametrize("name", sampling.STRATEGIES)
def test_bad_inputs_are_refused(name, changes, message, inputs):
    with pytest.raises(ValueError, match=message):
        sampling.pick(name, **{**inputs, **changes}, generator=seeded())


def test_an_unknown_name_lists_the_known(inputs):
    with pytest.raises(ValueError, match=f"'entopy'.* {', '.join(sorted(sampling.STRATEGIES))}"):
        sampling.pick("entopy", **inputs, generator=seeded())
    with pytest.raises(ValueError, match="a name or a function, not int"):
        sampling.pick(3, **inputs, generator=seeded())


@pytest.mark.parametrize(
    "kind",
    [
        *[list, np.array, torch.tensor, lambda p: np.array(p, np.int32)],
        lambda p: np.array(p[::-1])[::-1],  # as of an argsort that is turned round
        lambda p: np.array(p, ">i4"),
    ],
)
def test_a_students_function_may_return_what_it_likes(kind, inputs):
    def mine(features, logits, chosen_features, budget, generator):
        return kind(list(range(budget)))

    picks = sampling.pick(mine, **inputs, generator=seeded())
    assert picks.dtype == torch.int64
    assert picks.tolist() == list(range(12))


def _asking(what):
    def strategy(features, logits, chosen_features, budget, generator, **told):
        return torch.arange(budget)

    strategy.asks_for = what
    return strategy


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (lambda f, g: f, r"which <lambda>\(f, g\) does not take \(too many positional arguments"),
        (lambda *, features: 1, "does not take"),
        (type("Mine", (), {"__call__": lambda *given: 1}), "does not take"),
        (
            _asking(("nothing",)),
            "asks for .*nothing.*; name a tuple of: truth, doubt, chosen_logits",
        ),
        (_asking("doubt"), "asks for 'doubt'; name a tuple"),
        (_asking(5), "asks for 5; name a tuple of"),
    ],
)
def test_a_function_that_cannot_be_called_is_told_before_anything_runs(strategy, message):
    with pytest.raises(ValueError, match=message):
        sampling.named(strategy)
    assert sampling.named(_asking(("doubt",)))[0] == "strategy"


def test_a_students_strategy_is_found_by_its_name(inputs, monkeypatch):
    monkeypatch.setitem(
        sampling.STRATEGIES, "mine", lambda _f, logits, _c, b, _g: logits.argsort()[:b]
    )
    picks = sampling.pick("mine", **inputs, generator=seeded())
    assert torch.equal(picks, inputs["logits"].argsort()[:12])


CHANGES = [
    "torch.set_default_dtype(torch.float64)",
    "torch.set_default_device('meta')",
    "torch.set_num_threads(torch.get_num_threads() + 1)",
    "torch.use_deterministic_algorithms(True)",
    "torch.set_float32_matmul_precision('medium')",
    "torch.backends.mkldnn.enabled = False",
    "torch.backends.cudnn.benchmark = True",
    "torch.set_grad_enabled(False)",
    "torch.inference_mode().__enter__()",
    "torch.manual_seed(9), np.random.seed(9), random.seed(9)",
    "np.seterr(all='raise')",
    "os.chdir('/')",
    "features.zero_(), logits.numpy().fill(7), chosen_features.resize_(3)",
]


def everything() -> str:
    """What a process has set, and where its random streams are."""
    modes = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
    reads = [read for read, _ in SETTINGS + STREAMS]
    return repr([*modes, *(getattr(read(), "tolist", read)() for read in reads)])


@pytest.mark.parametrize("line", CHANGES)
def test_what_a_strategy_sets_or_writes_to_is_as_it_was(line, inputs, tmp_path):
    def mine(features, logits, chosen_features, budget, generator):
        exec(f"import os, random\n{line}")
        return range(budget)

    before, given = everything(), repr(inputs)
    sampling.pick(mine, **inputs, generator=seeded())
    assert (everything(), repr(inputs)) == (before, given)
    text = "import os, random\nimport numpy as np, torch\nfeatures = torch.ones(9)\n"
    text += "logits = chosen_features = features\n" + line + "\ndef mine(*given): return given\n"
    (tmp_path / "mine.py").write_text(text)
    sampling.from_file(f"{tmp_path}/mine.py:mine")
    assert everything() == before


@pytest.mark.parametrize("draw", [torch.randperm, np.random.permutation])
def test_a_strategy_that_draws_from_a_global_stream_draws_the_same_again(draw, inputs):
    def mine(features, logits, chosen_features, budget, generator):
        return draw(len(features))[:budget]

    picks = []
    for seed in (0, 0, 1):
        torch.rand(1), np.random.rand()  # by others, meanwhile
        picks.append(sampling.pick(mine, **inputs, generator=seeded(seed)).tolist())
    assert picks[0] == picks[1] != picks[2]


@pytest.mark.parametrize(
    ("picks", "message"),
    [
        (list(range(11)), r"must return 12 picks.* shape \(11,\)"),
        (torch.zeros(12, 1), r"shape \(12, 1\)"),
        (torch.arange(12.0), "whole-number positions, not torch.float32"),
        (torch.ones(12, dtype=torch.bool), "whole-number positions, not torch.bool"),
        ([*range(11), 40], "picked position 40, but the 40 candidates are 0 to 39"),
        ([*range(11), -1], "picked position -1"),
        ([*range(11), 3], "picked candidate 3 more than once"),
        (None, "must return positions .* not NoneType"),
        ("abc", "must return positions .* not str"),
    ],
)
def test_bad_picks_are_refused_by_the_strategys_name(picks, message, inputs):
    def mine(features, logits, chosen_features, budget, generator):
        return picks

    with pytest.raises(ValueError, match=rf"strategy 'mine' .*{message}|'mine' {message}"):
        sampling.pick(mine, **inputs, generator=seeded())


def test_importing_the_strategies_leaves_numba_alone():
    code = "import sys, activecl_nb.sampling; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---- uncertainty: least confidence, margin ----------------------------------------------


@pytest.mark.parametrize("name", ["least_confidence", "margin"])
@pytest.mark.parametrize("scale", [1, 30, 300])
def test_with_one_logit_uncertainties_agree(name, scale):
    logits = scale * torch.randn(200, generator=seeded(3))
    rest = (torch.zeros(200, 1), logits, torch.zeros(0, 1), 60)
    expected = sampling.pick("entropy", *rest, seeded())
    assert torch.equal(sampling.pick(name, *rest, seeded()), expected)
    two = (rest[0], torch.stack([torch.zeros(200), logits], dim=1), *rest[2:])
    assert torch.equal(sampling.pick(name, *two, seeded()), expected)


def test_with_nine_logits_uncertainties_equal_brute_force_and_differ():
    logits = 2 * torch.randn(200, 9, generator=seeded(3))
    p = np.sort(scipy.special.softmax(logits.double().numpy(), axis=1), axis=1)
    expected = {
        "entropy": scipy.stats.entropy(p, axis=1),
        "least_confidence": 1 - p[:, -1],
        "margin": -(p[:, -1] - p[:, -2]),
    }
    picked = set()
    for name, scores in expected.items():
        rest = (torch.zeros(200, 1), logits, torch.zeros(0, 1), 60)
        picks = sampling.pick(name, *rest, seeded()).tolist()
        assert picks == (-scores).argsort()[:60].tolist()
        picked.add(frozenset(picks))
    assert len(picked) == 3


# ---- entropy_balanced -------------------------------------------------------------------


@pytest.mark.parametrize("positive", [0, 1, 4, 6, 7, 49])
def test_balanced_counts_of_a_binary_proxy(positive):
    """Half of the picks predicted positive, as far as they go; the odd one is of the rarer."""
    size = torch.rand(100, generator=seeded(4)) + 0.1
    logits = torch.where(torch.arange(100) < positive, size, -size)
    rest = (torch.zeros(100, 1), logits, torch.zeros(0, 1))
    picks = sampling.pick("entropy_balanced", *rest, 13, seeded())
    found, others = picks[picks < positive], picks[picks >= positive]
    assert len(found) == min(positive, 7)
    for part, members in ((found, range(positive)), (others, range(positive, 100))):
        most_uncertain = sorted(members, key=lambda i: float(size[i]))
        assert part.tolist() == most_uncertain[: len(part)]


def test_balanced_counts_of_several_classes():
    predicted = torch.tensor([0] * 50 + [1] * 30 + [2] * 3 + [4] * 1)  # none is predicted 3
    logits = F.one_hot(predicted, 5) * (1 + torch.rand(84, 1, generator=seeded(5)))
    rest = (torch.zeros(84, 1), logits, torch.zeros(0, 1))
    picks = sampling.pick("entropy_balanced", *rest, 24, seeded())
    assert torch.bincount(predicted[picks]).tolist() == [10, 10, 3, 0, 1]
    assert predicted[picks][:4].tolist() == [4, 2, 1, 0]
    for label in (0, 1, 2):
        scores = torch.where(predicted == label, sampling.entropy_of(logits), -1)
        taken = picks[predicted[picks] == label]
        assert taken.tolist() == scores.argsort(descending=True)[: len(taken)].tolist()


# ---- kmeans, entropy_diverse ------------------------------------------------------------


def nearest_members(features, count, seed, weights=None):
    """Of each cluster its size and what may be picked, straight from scikit-learn, in float64.

    The centre of two is in their middle: which of them is nearer, rounding decides.
    """
    points = features.double().numpy()
    model = KMeans(count, n_init=1, random_state=seed).fit(points, sample_weight=weights)
    distance = np.linalg.norm(points - model.cluster_centers_[model.labels_], axis=1)
    least = [distance[model.labels_ == c].min() for c in range(count)]
    nearest = distance <= np.array(least)[model.labels_] * (1 + 1e-5)
    found = [set(np.flatnonzero(nearest & (model.labels_ == c)).tolist()) for c in range(count)]
    return found, np.bincount(model.labels_).tolist()


def sizes_of_clusters(picks, members, sizes):
    """In the order of the picks, which are one of each cluster's nearest members."""
    order = [next(c for c, near in enumerate(members) if pick in near) for pick in picks]
    assert sorted(order) == list(range(len(members)))
    return [sizes[c] for c in order]


@pytest.mark.parametrize("seed", range(4))
def test_kmeans_equals_scikit_learn(seed):
    features = 5 + torch.randn(300, 6, generator=seeded(seed))
    rest = (torch.zeros(300), torch.zeros(0, 6), 25)
    picks = sampling.pick("kmeans", features, *rest, seeded(seed)).tolist()
    sklearns_seed = int(torch.randint(2**31, (), generator=seeded(seed)))
    taken = sizes_of_clusters(picks, *nearest_members(features, 25, sklearns_seed))
    assert taken == sorted(taken, reverse=True)


@pytest.mark.parametrize("seed", range(4))
def test_entropy_diverse_equals_scikit_learn_on_the_shortlist(seed):
    draw = seeded(seed)
    features, logits = torch.randn(300, 6, generator=draw), torch.randn(300, generator=draw)
    uncertainty = sampling.entropy_of(logits)
    shortlist = uncertainty.argsort(descending=True)[: 20 * diversity.SHORTLIST]
    draw = seeded(seed)
    torch.randperm(300, generator=draw)  # the order of ties in the shortlist
    sklearns_seed = int(torch.randint(2**31, (), generator=draw))
    weights = uncertainty[shortlist].numpy()
    expected = nearest_members(features[shortlist], 20, sklearns_seed, weights)
    rest = (logits, torch.zeros(0, 6), 20, seeded(seed))
    picks = sampling.pick("entropy_diverse", features, *rest).tolist()
    taken = sizes_of_clusters([shortlist.tolist().index(p) for p in picks], *expected)
    assert taken == sorted(taken, reverse=True)


def blobs(sizes, seed=0):
    """Far apart and each narrow: features (n, 2) and the blob of each."""
    blob = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    angle = 2 * torch.pi * blob / len(sizes)
    middle = 100 * torch.stack([angle.cos(), angle.sin()], dim=1)
    return middle + torch.randn(len(blob), 2, generator=seeded(seed)), blob


def test_kmeans_takes_the_middle_of_each_part():
    features, blob = blobs([60, 5, 30, 15, 1])
    rest = (torch.zeros(len(blob)), torch.zeros(0, 2), 5, seeded(1))
    picks = sampling.pick("kmeans", features, *rest)
    assert blob[picks].tolist() == [0, 2, 3, 1, 4]
    for pick in picks:
        members = (blob == blob[pick]).nonzero().ravel()
        middle = features[members].mean(dim=0)
        assert pick == members[(features[members] - middle).norm(dim=1).argmin()]


def test_kmeans_takes_copies_only_when_all_that_is_distinct_is_taken():
    features = torch.arange(6.0)[:, None].repeat(4, 1)
    rest = (torch.zeros(24), torch.zeros(0, 1), 15, seeded())
    picks = sampling.pick("kmeans", features, *rest)
    assert sorted(features[picks[:6], 0].tolist()) == [0, 1, 2, 3, 4, 5]
    assert torch.bincount(features[picks, 0].long()).min() >= 2


def test_entropy_diverse_asks_about_each_uncertain_part_where_entropy_asks_about_one():
    features, blob = blobs([20, 20, 20, 200])
    logits = torch.tensor([0.1, 0.2, 0.3, 5.0])[blob] + 0.001 * torch.arange(len(blob)) / 260
    rest = (features, logits, torch.zeros(0, 2), 20)
    assert set(blob[sampling.pick("entropy", *rest, seeded())].tolist()) == {0}
    diverse_picks = blob[sampling.pick("entropy_diverse", *rest, seeded())]
    assert set(diverse_picks.tolist()) == {0, 1, 2}


# ---- typiclust --------------------------------------------------------------------------


def test_typicality_equals_brute_force():
    draw = seeded(6)
    features = torch.randn(150, 5, generator=draw)
    groups = torch.tensor([0] * 90 + [3] * 30 + [2] * 27 + [5] * 2 + [7])
    groups = groups[torch.randperm(150, generator=draw)]
    found = clusters.typicality(features, groups)
    for i in range(150):
        others = [j for j in range(150) if j != i and groups[j] == groups[i]]
        near = sorted(float((features[i] - features[j]).norm()) for j in others)
        near = near[: min(20, max(1, (len(others) + 1) // 2))]
        if near:
            assert found[i].item() == pytest.approx(len(near) / sum(near), rel=1e-5)


def test_typicality_of_a_group_of_many_is_computed_in_parts():
    features = torch.randn(2500, 3, generator=seeded())
    found = clusters.typicality(features, torch.zeros(2500, dtype=torch.int64))
    near = torch.cdist(features[1500].double()[None], features.double())[0].sort().values[1:21]
    assert found[1500].item() == pytest.approx(1 / near.mean().item(), rel=1e-6)


@pytest.mark.parametrize(("m", "budget"), [(0, 15), (30, 15), (30, 40), (600, 30)])
def test_typiclust_visits_clusters_in_the_order_of_the_publication(m, budget):
    draw = seeded(7)
    features, chosen = torch.randn(300, 4, generator=draw), torch.randn(m, 4, generator=draw)
    picks = sampling.pick("typiclust", features, torch.zeros(300), chosen, budget, seeded())
    count = min(m + budget, 500)
    groups, _ = clusters.clusters(
        torch.cat([features, chosen]), count, seeded(), batch_size=5_000 if count > 50 else None
    )
    typical = clusters.typicality(features, groups[:300])
    labels, covered = groups.tolist(), groups[300:].tolist()
    left = {c: [i for i in range(300) if labels[i] == c] for c in set(labels)}

    def turn(c):
        return labels.count(c) <= 5, covered.count(c), -labels.count(c)

    visited = []
    while len(visited) < budget:
        for c in sorted(left, key=turn):
            if left[c] and len(visited) < budget:
                best = max(left[c], key=lambda i: float(typical[i]))
                left[c].remove(best)
                visited.append(best)
    # Clusters alike in all that counts may come in any order, as may equally typical candidates.
    assert [turn(labels[p]) for p in picks] == [turn(labels[p]) for p in visited]
    last = turn(labels[visited[-1]])

    def taken(positions):
        return sorted((labels[p], typical[p].item()) for p in positions if turn(labels[p]) != last)

    assert taken(picks.tolist()) == taken(visited)


def test_typiclust_avoids_what_is_covered_and_what_may_be_an_outlier():
    features, blob = blobs([50, 40, 30, 3])
    chosen = features[blob == 0][:1] + 0.1  # one cluster each: three to pick and one chosen
    picks = sampling.pick("typiclust", features, torch.zeros(len(blob)), chosen, 3, seeded(2))
    assert blob[picks].tolist() == [1, 2, 0]
    for pick in picks:
        members = features[blob == blob[pick]].double()
        k = min(20, len(members) // 2)
        near = torch.cdist(members, members).sort(dim=1).values[:, 1 : k + 1].mean(dim=1)
        assert torch.equal(members[near.argmin()], features[pick].double())


# ---- badge ------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 9])
def test_badge_uses_the_gradient_of_the_last_layer(k):
    """Against autograd: cross-entropy of the predicted label, by the weights of the layer."""
    draw = seeded(8)
    features = torch.randn(20, 5, generator=draw, dtype=torch.float64)
    weight = torch.randn(k, 5, generator=draw, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(k, generator=draw, dtype=torch.float64)
    logits = features @ weight.T + bias
    pulls = clusters.last_layer_gradients((logits if k > 1 else logits[:, 0]).detach())
    for i in range(20):
        if k == 1:
            loss = F.binary_cross_entropy_with_logits(logits[i], (logits[i] > 0).double())
        else:
            loss = F.cross_entropy(logits[i], logits[i].argmax())
        (expected,) = torch.autograd.grad(loss, weight, retain_graph=True)
        torch.testing.assert_close(torch.outer(pulls[i], features[i]), expected)


def spelt_out_plus_plus(gradients, first, draws):
    """k-means++ on embeddings (n, d) built in full, as in its publication."""
    picks = [first]
    for draw in draws.double().numpy():
        differences = gradients[:, None] - gradients[picks][None]
        nearest = np.square(differences).sum(axis=2).min(axis=1)
        reach = nearest.cumsum() / nearest.sum()
        picks.append(int((reach <= draw).sum()))
    return picks


@pytest.mark.parametrize("k", [None, 2, 9])
@pytest.mark.parametrize("seed", range(3))
def test_badge_equals_kmeans_plus_plus_on_outer_products(k, seed):
    draw = seeded(seed)
    features = 3 + torch.randn(120, 7, generator=draw)
    logits = 2 * torch.randn(*((120,) if k is None else (120, k)), generator=draw)
    z = logits.double().numpy()
    if k is None:
        pulls = (1 / (1 + np.exp(-z)) - (z > 0))[:, None]
    else:
        pulls = scipy.special.softmax(z, axis=1) - np.eye(k)[z.argmax(axis=1)]
    gradients = np.einsum("nk,nd->nkd", pulls, features.double().numpy()).reshape(120, -1)
    first = int(np.linalg.norm(gradients, axis=1).argmax())
    draw = seeded(seed)
    torch.randperm(120, generator=draw)  # the order of ties for the first
    expected = spelt_out_plus_plus(gradients, first, torch.rand(39, generator=draw))
    rest = (torch.zeros(0, 7), 40, seeded(seed))
    assert sampling.pick("badge", features, logits, *rest).tolist() == expected


def test_badge_of_two_classes_equals_badge_of_one_logit(inputs):
    one = sampling.pick("badge", **inputs, generator=seeded())
    inputs["logits"] = torch.stack([torch.zeros(40), inputs["logits"]], dim=1)
    assert torch.equal(sampling.pick("badge", **inputs, generator=seeded()), one)


def test_badge_takes_what_is_uncertain_and_no_copy_before_all_else():
    """Those with no gradient to speak of are all alike to it: one of them stands for all."""
    features, blob = blobs([30, 30, 30, 30])
    logits = torch.tensor([0.5, -0.5, 12.0, -12.0])[blob]
    rest = (torch.zeros(0, 2), 20, seeded())
    counts = torch.bincount(blob[sampling.pick("badge", features, logits, *rest)], minlength=4)
    assert counts[:2].min() >= 5
    assert counts[2:].sum() <= 1

    distinct = torch.randn(10, 64, generator=seeded()) + 50
    rest = (torch.ones(60), torch.zeros(0, 64), 15)
    copies = set()
    for seed in range(20):
        picks = sampling.pick("badge", distinct.repeat(6, 1), *rest, seeded(seed)) % 10
        assert sorted(picks[:10].tolist()) == list(range(10))
        copies |= set(picks[10:].tolist())
    assert len(copies) == 10  # what rounding leaves of a distance of 0 decides nothing


def test_random_balanced_gives_each_predicted_class_its_share(inputs):
    inputs["logits"] = torch.where(torch.arange(40) < 8, 1.0, -1.0)
    picks = sampling.pick("random_balanced", **inputs, generator=seeded())
    assert (picks < 8).sum() == 6
    inputs["budget"] = 30  # the eight run out
    assert (sampling.pick("random_balanced", **inputs, generator=seeded()) < 8).sum() == 8
    firsts = {
        int(sampling.pick("random_balanced", **inputs, generator=seeded(s))[0]) for s in range(9)
    }
    assert len(firsts) > 3


def test_the_oracle_finds_half_positives_while_there_are_any(inputs):
    picks = sampling.pick("oracle", **inputs, generator=seeded())
    assert inputs["truth"][picks].sum() == 6
    inputs["budget"] = 30
    assert inputs["truth"][sampling.pick("oracle", **inputs, generator=seeded())].sum() == 8
    del inputs["truth"]
    with pytest.raises(ValueError, match="'oracle' has to be told the truth"):
        sampling.pick("oracle", **inputs, generator=seeded())


def test_no_other_strategy_is_told_the_truth(inputs, monkeypatch):
    told = []
    monkeypatch.setitem(sampling.STRATEGIES, "spy", lambda *got: told.append(len(got)) or range(12))
    sampling.pick("spy", **inputs, generator=seeded())
    assert told == [5]
    assert [n for n, s in sampling.STRATEGIES.items() if "truth" in getattr(s, "asks_for", ())] == [
        "oracle"
    ]


def cut(similarity: torch.Tensor, chosen: list[int]) -> float:
    """What SAS maximises: similarity between the picks and what is not picked."""
    others = [i for i in range(len(similarity)) if i not in chosen]
    return float(similarity[chosen][:, others].sum())


def test_sas_is_greedy_on_the_similarity_between_picks_and_the_rest():
    features = torch.rand(12, 4, generator=seeded(3)).double()
    directions = F.normalize(features, dim=1)
    similarity = directions @ directions.T
    picks = diversity.most_central(features, 5).tolist()
    for step in range(5):
        gains = {i: cut(similarity, picks[:step] + [i]) for i in range(12) if i not in picks[:step]}
        assert gains[picks[step]] == pytest.approx(max(gains.values()))


def test_sas_shares_the_budget_by_the_size_of_the_predicted_classes(inputs):
    inputs["logits"] = torch.where(torch.arange(40) < 10, 1.0, -1.0)
    picks = sampling.pick("sas", **inputs, generator=seeded())
    assert (picks < 10).sum() == 3
    assert diversity.largest_remainders(torch.tensor([5, 3, 2]), 7).tolist() == [4, 2, 1]
