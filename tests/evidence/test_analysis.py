"""References: scipy, scikit-learn, and sums written out."""

import io
import itertools
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from activecl_nb import experiment
from activecl_nb.evidence import analysis
from activecl_nb.protocol import BENCHMARK, Protocol
from activecl_nb.runs import Round, Run, fingerprint
from activecl_nb.tissue import Tissue


def run_of(strategy, seed, f1, picked=None, budget=10):
    """A run with these scores and nothing behind them."""
    picked = picked or [np.arange(budget) + budget * t for t in range(len(f1))]
    rounds = tuple(
        Round(
            number=t,
            picked=np.asarray(picked[t]),
            candidates=np.arange(100),
            images=budget * (t + 1),
            image_epochs=100 * (t + 1),
            losses=np.zeros(1, np.float32),
            watched_logits=np.zeros(1, np.float32),
            proxy_epochs=np.array([40]),
            proxy_f1=np.array([score]),
            test_logits=np.zeros(1, np.float32),
            scores={"f1": score},
            seconds={"select": 1.0, "train": 2.0, "proxy": 50.0, "watch": 50.0},
        )
        for t, score in enumerate(f1)
    )
    empty = np.empty(0, np.int64)
    return Run(Protocol.paper(), strategy, seed, {}, empty, empty, empty, rounds)


def interval(values) -> tuple[float, float, float]:
    """Mean, and the ends of its interval."""
    found = analysis.estimate(values)
    return found.mean, found.low, found.high


def test_the_interval_is_scipys():
    from scipy import stats

    values = [0.5, 0.7, 0.6, 0.9, 0.65]
    mean, low, high = interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (low, high) == pytest.approx((expected.low, expected.high))
    assert mean == pytest.approx(np.mean(values))
    assert np.isnan(interval([0.5])[1])


def test_the_table_adds_up_work_without_the_cost_of_scoring():
    table = analysis.table([run_of("random", 0, [0.1, 0.2, 0.3])])
    assert table["image_epochs_so_far"].tolist() == [100, 300, 600]
    assert table["seconds_so_far"].tolist() == [3, 6, 9]
    with pytest.raises(ValueError, match="no runs"):
        analysis.table([])


def test_runs_made_on_other_machines_are_compared_with_a_word():
    here = {"torch": "2.4", "processor": "one", "threads": 1}
    runs = [
        replace(run_of("random", seed, [0.1]), environment=made)
        for seed, made in enumerate([here, here | {"processor": "another"}, {}])
    ]
    with pytest.warns(UserWarning, match=r"not all made alike \(processor: one or another\)"):
        analysis.curve(runs)
    assert analysis.made_apart([here, here, {}]) == ""  # an older kit recorded nothing


def test_the_curve_has_a_row_for_each_strategy_and_round():
    runs = [run_of("random", 0, [0.1, 0.3]), run_of("random", 1, [0.3, 0.5])]
    curve = analysis.curve([*runs, run_of("entropy", 0, [0.2, 0.8])])
    assert list(curve["strategy"]) == ["random", "random", "entropy", "entropy"]
    assert list(curve["mean"]) == pytest.approx([0.2, 0.4, 0.2, 0.8])
    assert list(curve["seeds"]) == [2, 2, 1, 1] and list(curve["images"]) == [10, 20, 10, 20]


def test_a_target_never_reached_stays_so():
    runs = [run_of("random", 0, [0.1, 0.5, 0.4]), run_of("random", 1, [0.1, 0.2, 0.3])]
    reached = analysis.to_target(runs, 0.45).set_index("seed")
    assert reached.loc[0, ["round", "images", "image_epochs_so_far"]].tolist() == [1, 20, 300]
    assert np.isnan(reached.loc[1, "images"])


def test_composition(tiny_data):
    # Labels of the tiny data are position modulo 3: NORM, STR, TUM.
    run = run_of("entropy", 0, [0, 0], picked=[[0, 1, 2, 3], [2, 5, 8, 11]])
    shares = analysis.composition([run], tiny_data.train)
    assert shares["TUM"].tolist() == [0.25, 1] and shares["NORM"].tolist() == [0.5, 0]


def test_the_papers_arithmetic():
    """DESIGN: 7 rounds cost 2.8 of the benchmark's 9.9 million image-epochs, 72% less."""
    work = analysis.work(Protocol.paper()).set_index("what")
    assert work.loc["7 rounds", "image_epochs"] == sum(1000 * t * 100 for t in range(1, 8))
    assert work.loc["benchmark", "image_epochs"] == 9_900_000
    assert 1 - work.loc["7 rounds", "share_of_benchmark"] == pytest.approx(0.717, abs=5e-4)


def test_the_arithmetic_is_what_a_run_counts(tiny_data, tiny_protocol):
    protocol = replace(tiny_protocol, rounds=2, train_images=len(tiny_data.train))
    run = experiment.run(protocol, tiny_data, "random", 0, progress=False)
    counted = analysis.table([run])["image_epochs_so_far"].tolist()
    assert counted == analysis.work(protocol)["image_epochs"].tolist()[:2]


def test_tables_are_pandas():
    assert isinstance(analysis.work(Protocol.paper()), pd.DataFrame)


def test_tables_and_drawings_open_without_torch():
    code = (
        "import sys; from activecl_nb.evidence import analysis; "
        "from activecl_nb.pictures import figures; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert analysis.BENCHMARK == BENCHMARK


# ---- tables: with and without settings ---------------------------------------------------


def seeded(strategy, seeds, shift=0.0, rounds=4):
    """Runs whose scores rise, each seed with its own luck."""
    random = np.random.default_rng(len(strategy))
    luck = random.normal(0, 0.05, (seeds, rounds))
    return [
        run_of(strategy, seed, list(0.2 + shift + 0.1 * np.arange(rounds) + luck[seed]))
        for seed in range(seeds)
    ]


def study():
    """A rounds table of two strategies and the benchmark, five seeds, two settings."""
    runs = [
        *seeded("random", 5),
        *seeded("entropy", 5, 0.1),
        *seeded("benchmark", 5, 0.2, rounds=2),
    ]
    rounds = analysis.table(runs).drop(columns=["f1_same_proxy", "f1_best"])  # as f1, all three
    easier = rounds.assign(setting="tumour_share=0.5", f1=rounds["f1"] + 0.1)
    return pd.concat([rounds.assign(setting=""), easier], ignore_index=True)


def alone(frame, setting=""):
    return frame[frame["setting"] == setting].drop(columns="setting").reset_index(drop=True)


def test_a_table_made_is_returned_with_its_work_added_up():
    made = analysis.table(seeded("random", 2))
    pd.testing.assert_frame_equal(analysis.table(made), made)
    bare = made.drop(columns=["image_epochs_so_far", "seconds_so_far"])
    before = bare.copy()
    shuffled = bare.sample(frac=1, random_state=np.random.RandomState(0))
    again = analysis.table(shuffled).sort_values(["seed", "round"], ignore_index=True)
    pd.testing.assert_frame_equal(again, made)
    pd.testing.assert_frame_equal(bare, before)
    with pytest.raises(ValueError, match="lacks seed, round; it has strategy"):
        analysis.table(pd.DataFrame({"strategy": ["random"]}))
    with pytest.raises(ValueError, match="no rows"):
        analysis.table(made[:0])


def test_every_result_of_a_study_is_that_of_its_settings_alone():
    rounds = study()
    functions = [
        analysis.curve,
        analysis.last,
        analysis.area,
        analysis.band,
        lambda r: analysis.to_target(r, 0.5),
        analysis.to_benchmark,
        lambda r: analysis.spread(analysis.last(r), "last"),
    ]
    for function in functions:
        result = function(rounds)
        for setting in ("", "tumour_share=0.5"):
            expected = function(alone(rounds, setting))
            pd.testing.assert_frame_equal(alone(result, setting), expected, check_dtype=False)


def test_a_table_read_back_from_a_file_keeps_its_default_setting():
    rounds = study()
    read = pd.read_csv(io.StringIO(rounds.to_csv(index=False)))
    assert read["setting"].isna().any()  # what a file makes of an empty name
    pd.testing.assert_frame_equal(analysis.last(read), analysis.last(rounds), check_dtype=False)
    default = pd.read_csv(io.StringIO(rounds[rounds["setting"] == ""].to_csv(index=False)))
    assert set(analysis.last(default)["setting"]) == {""}
    compared = analysis.paired(analysis.last(read), "random", "last")
    assert set(compared["setting"]) == {"", "tumour_share=0.5"}


# ---- scores --------------------------------------------------------------------------------


def test_the_area_is_scikit_learns_over_the_width():
    from sklearn.metrics import auc

    runs = seeded("random", 3)
    for x in ("images", "image_epochs_so_far"):
        areas = analysis.area(runs, x=x)["area"]
        for run, got in zip(runs, areas, strict=True):
            along = analysis.table([run])[x]
            scores = [r.scores["f1"] for r in run.rounds]
            assert got == pytest.approx(auc(along, scores) / (along.iloc[-1] - along.iloc[0]))
    flat = analysis.area([run_of("random", 0, [0.4] * 5)])["area"]
    assert flat.tolist() == pytest.approx([0.4])  # in units of the score
    assert analysis.area([run_of("random", 0, [0.4])])["area"].isna().all()


def test_the_last_and_the_best_score():
    ends = analysis.last([run_of("random", 3, [0.1, 0.5, 0.4])])
    assert ends.iloc[0].to_dict() == {
        "strategy": "random", "seed": 3, "round": 2, "last": 0.4, "best": 0.5
    }  # fmt: skip


def test_a_spread_with_one_run_missing_its_value_has_no_mean():
    values = pd.DataFrame(
        {"strategy": list("aaabb"), "seed": [0, 1, 2, 0, 1], "images": [10, 20, 60, 10, np.nan]}
    )
    spread = analysis.spread(values, "images").set_index("strategy")
    assert spread.loc["a", ["mean", "low", "high"]].tolist() == pytest.approx(
        interval([10, 20, 60])
    )
    assert np.isnan(spread.loc["b", "mean"]) and spread["seeds"].tolist() == [3, 2]


def test_the_band_is_the_benchmarks():
    runs = [run_of("benchmark", 0, [0.6, 0.8, 0.7]), run_of("benchmark", 1, [0.5, 0.6, 0.9])]
    band = analysis.band([*runs, run_of("random", 0, [0.1])]).set_index("variant")
    for variant, values in [("last", [0.7, 0.9]), ("best", [0.8, 0.9])]:
        expected = interval(values)
        assert band.loc[variant, ["mean", "low", "high"]].tolist() == pytest.approx(expected)
    with pytest.raises(ValueError, match="no run of the benchmark among random"):
        analysis.band([run_of("random", 0, [0.1])])


def test_a_benchmarks_ends_are_those_of_its_proxy():
    """Section III-D takes the best proxy epoch; a loop's proxy has fewer epochs."""
    rounds = analysis.table([run_of("benchmark", 0, [0.6, 0.5]), run_of("entropy", 0, [0.1, 0.7])])
    whole = rounds["strategy"] == "benchmark"
    rounds["f1_same_proxy"] = rounds["f1"].mask(whole, rounds["f1"] + 0.1)
    rounds["f1_best"] = rounds["f1"].mask(whole, rounds["f1"] + 0.2)
    assert analysis.judged_by(rounds) == ("f1_same_proxy", "f1_best")
    assert analysis.judged_by(rounds, "auroc") == ("auroc", "auroc")
    ends = analysis.last(rounds).set_index("strategy")
    assert ends.loc["benchmark", ["last", "best"]].tolist() == pytest.approx([0.6, 0.8])
    assert ends.loc["entropy", ["last", "best"]].tolist() == [0.7, 0.7]
    spent = analysis.to_benchmark(rounds).set_index("variant")
    assert spent["target"].tolist() == pytest.approx([0.6, 0.8])
    assert spent.loc["last", "images"] == 20 and np.isnan(spent.loc["best", "images"])


# ---- reaching a score ------------------------------------------------------------------------


def test_the_target_is_the_benchmarks_of_the_same_seed():
    runs = [
        run_of("entropy", 0, [0.1, 0.5, 0.7]),
        run_of("entropy", 1, [0.1, 0.5, 0.7]),
        run_of("entropy", 2, [0.1, 0.5, 0.7]),
        run_of("benchmark", 0, [0.6, 0.5], budget=40),
        run_of("benchmark", 1, [0.9, 0.8], budget=40),
    ]
    spent = analysis.to_benchmark(runs).set_index(["seed", "variant"])
    assert spent.loc[(0, "last"), ["target", "round", "images"]].tolist() == [0.5, 1, 20]
    assert spent.loc[(0, "best"), ["target", "round", "images"]].tolist() == [0.6, 2, 30]
    # By hand: 20 of 80 images and 100 + 200 of 100 + 200 image-epochs; 3 seconds a round.
    spared = ["images_spared", "image_epochs_spared", "seconds_spared"]
    assert spent.loc[(0, "last"), spared].tolist() == pytest.approx([0.75, 0, 0])
    # The best came after one round of the benchmark: 30 of 40 images, 600 of 100, 9 of 3.
    assert spent.loc[(0, "best"), spared].tolist() == pytest.approx([0.25, -5, -2])
    assert spent.loc[1, ["images", *spared]].isna().all(axis=None)  # not reached
    assert spent.loc[1, "target"].tolist() == [0.8, 0.9]
    assert spent.loc[2, "target"].isna().all()  # no benchmark of this seed
    apart = analysis.to_benchmark(runs[:3], benchmarks=runs[3:])
    pd.testing.assert_frame_equal(apart, spent.reset_index()[list(apart)])


# ---- comparisons -----------------------------------------------------------------------------


def differences(n, mean=0.3):
    return np.random.default_rng(n).normal(mean, 1, n)


@pytest.mark.parametrize("n", [2, 3, 5, 8, 10])
def test_the_sign_flip_test_is_scipys(n):
    from scipy import stats

    d = differences(n)
    expected = stats.permutation_test(
        (d, -d), lambda a, b: (a - b).mean(), permutation_type="samples", n_resamples=np.inf
    ).pvalue
    assert analysis.sign_flip(d) == pytest.approx(expected)


def test_the_sign_flip_test_is_the_count_over_all_signs():
    """With ties, whose sums differ in their last digits: a bound set too sharply loses some."""
    for d in ([0.1, 0.2, 0.3], [0.1] * 5, [0.1, -0.1, 0.3, 0.7], [0.0] * 4):
        flips = [
            round(sum(s * x for s, x in zip(signs, d, strict=True)), 9)
            for signs in itertools.product([1, -1], repeat=len(d))
        ]
        as_far = [abs(flip) >= abs(round(sum(d), 9)) for flip in flips]
        assert analysis.sign_flip(d) == np.mean(as_far)
    with pytest.raises(ValueError, match="finite"):
        analysis.sign_flip([0.1, np.nan])


def test_many_seeds_are_sampled_and_agree_with_the_t_test():
    from scipy import stats

    d = differences(30)
    p = analysis.sign_flip(d)
    assert p == analysis.sign_flip(d)  # seeded
    assert p == pytest.approx(stats.ttest_1samp(d, 0).pvalue, abs=0.01)
    assert analysis.sign_flip(np.ones(30)) == pytest.approx(1 / 100_001)


def test_no_five_seeds_get_below_one_in_sixteen():
    assert analysis.sign_flip([0.79, 0.8, 0.78, 0.8, 0.8]) == 2 / 2**5


def test_holm_is_the_closure_of_bonferroni():
    """Brute force: a hypothesis falls when every set of hypotheses that holds it falls."""
    random = np.random.default_rng(0)
    for m in range(1, 7):
        p = random.random(m) ** 3
        p[random.integers(m)] = p[0]  # a tie
        expected = [
            max(
                min(1, size * min(p[list(group)]))
                for size in range(1, m + 1)
                for group in itertools.combinations(range(m), size)
                if i in group
            )
            for i in range(m)
        ]
        assert analysis.holm(p) == pytest.approx(expected)
    assert analysis.holm([0.01, np.nan, 0.04])[[0, 2]].tolist() == pytest.approx([0.02, 0.04])
    assert np.isnan(analysis.holm([0.01, np.nan])[1]) and len(analysis.holm([])) == 0


def test_a_comparison_is_run_by_run():
    from scipy import stats

    ends = analysis.last(alone(study()))
    got = analysis.paired(
        ends.sample(frac=1, random_state=np.random.RandomState(1)), "random", "last"
    )
    of = ends.pivot(index="seed", columns="strategy", values="last")
    assert set(got["a"]) == {"entropy", "benchmark"} and set(got["setting"]) == {""}
    for row in got.itertuples():
        expected = stats.ttest_rel(of[row.a], of["random"]).confidence_interval(0.95)
        assert (row.n, row.over) == (5, "seeds")
        assert row.values == pytest.approx(tuple(of[row.a] - of["random"]))
        assert row.difference == pytest.approx(np.mean(row.values))
        assert (row.low, row.high) == pytest.approx(tuple(expected))


def test_comparisons_keep_settings_apart():
    ends = analysis.last(study())
    everywhere = analysis.paired(ends, "random", "last").query("a == 'entropy'")
    assert everywhere["setting"].tolist() == ["", "tumour_share=0.5"]
    for row in everywhere.itertuples():
        (one,) = (
            analysis.paired(alone(ends, row.setting), "random", "last")
            .query("a == 'entropy'")
            .itertuples()
        )
        assert (row.difference, row.low, row.high) == (one.difference, one.low, one.high)


def test_a_run_that_one_side_lacks_does_not_count():
    values = pd.DataFrame(
        {
            "strategy": ["a"] * 4 + ["b"] * 3,
            "seed": [0, 1, 2, 3, 0, 1, 2],
            "images": [10, 20, np.nan, 40, 20, 40, 60],
        }
    )
    (row,) = analysis.paired(values, "b", "images").itertuples()
    assert (row.n, row.difference) == (2, -15)
    assert analysis.paired(values[values["seed"] == 2], "b", "images").empty
    with pytest.raises(ValueError, match="several values of f1 for a seed"):
        analysis.paired(alone(study()), "random", "f1")
    with pytest.raises(ValueError, match="lacks auroc"):
        analysis.paired(values, "b", "auroc")


# ---- picks -----------------------------------------------------------------------------------


def tissue(n=12, **facts):
    """n patches of three classes, TUM every third."""
    import torch

    images = torch.zeros(n, 3, 16, 16, dtype=torch.uint8)
    labels = torch.arange(n) % 3
    facts = {name: np.asarray(values) for name, values in facts.items()}
    return Tissue(images, labels, ("NORM", "STR", "TUM"), "drawn", facts)


def test_a_row_a_pick():
    artefact = ["none"] * 11 + ["pen"]
    run = run_of("entropy", 4, [0, 0], picked=[[0, 2], [11, 1]])
    picked = analysis.picks([run], tissue(artefact=artefact))
    assert picked["position"].tolist() == [0, 2, 11, 1]
    assert picked["round"].tolist() == [0, 0, 1, 1] and picked["order"].tolist() == [0, 1, 0, 1]
    assert picked["label"].tolist() == ["NORM", "TUM", "TUM", "STR"]
    assert picked["positive"].tolist() == [False, True, True, False]
    assert picked["artefact"].tolist() == [False, False, True, False]
    assert set(picked["strategy"]) == {"entropy"} and set(picked["seed"]) == {4}
    assert "near_duplicate" not in picked
    assert {"near_duplicate", "artefact"}.isdisjoint(analysis.picks([run], tissue()))
    pd.testing.assert_frame_equal(analysis.picks(picked), picked)


def test_a_near_duplicate_repeats_what_is_there_already():
    """Checked pick by pick against the set chosen so far."""
    repeats = np.full(40, -1)
    random = np.random.default_rng(0)
    repeats[20:] = random.integers(0, 8, 20)
    runs = []
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(40)[:30]
        runs.append(run_of("entropy", seed, [0, 0, 0], picked=list(order.reshape(3, 10))))
    picked = analysis.picks(runs, tissue(40, duplicate_of=repeats))
    expected = []
    for run in runs:
        there = set()
        for position in run.chosen():
            spot = repeats[position] if repeats[position] >= 0 else position
            expected.append(spot in there)
            there.add(spot)
    assert picked["near_duplicate"].tolist() == expected
    # An original wastes as much as its repeat where the repeat came first.
    run = run_of("entropy", 0, [0], picked=[[20, repeats[20]]])
    late = analysis.picks([run], tissue(40, duplicate_of=repeats))
    assert late["near_duplicate"].tolist() == [False, True]


def test_repeats_that_name_other_patches_are_left_out():
    """After patches were taken out of a phantom, its duplicate_of counts others."""
    from activecl_nb.sources import phantom

    facts = phantom.facts(range(600), seed=0, dials=phantom.Dials(redundancy=0.3))
    train = tissue(600, **{name: facts[name] for name in ("duplicate_of", "slide", "true_class")})
    run = run_of("random", 0, [0], picked=[range(100)])
    assert "near_duplicate" in analysis.picks([run], train)
    for kept in (np.arange(1, 600), np.arange(0, 600, 2), np.arange(300, 600)):
        assert "near_duplicate" not in analysis.picks([run], train.take(kept))


def test_other_patches_of_the_same_name_and_number_are_refused(tiny_data):
    run = replace(run_of("random", 0, [0.5]), data=fingerprint(tiny_data))
    assert len(analysis.picks([run], tiny_data)) == 10
    other = replace(tiny_data.train, images=255 - tiny_data.train.images)
    with pytest.raises(ValueError, match="the patches are others"):
        analysis.picks([run], replace(tiny_data, train=other))


def test_patches_of_another_run_are_refused():
    run = run_of("random", 7, [0], picked=[[3, 11]])
    with pytest.raises(ValueError, match=r"random, seed 7.*position 11 was picked.*10 patches"):
        analysis.picks([run], tissue(10))
    with pytest.raises(ValueError, match="source 'elsewhere' there, 'drawn' here"):
        analysis.picks([replace(run, data={"source": "elsewhere"})], tissue())
    with pytest.raises(ValueError, match="the class sought is LYM"):
        analysis.picks([replace(run, data={"positive": "LYM"})], tissue())
    with pytest.raises(ValueError, match="training patches as well"):
        analysis.picks([run])


def picked_study():
    """Picks of two strategies, three seeds, two rounds of ten out of 60, in two settings."""
    runs = []
    for seed in range(3):
        for strategy in ("random", "entropy"):
            random = np.random.default_rng([seed, len(strategy)])
            first = np.random.default_rng(seed).permutation(60)[:10]
            later = random.permutation(np.setdiff1d(np.arange(60), first))[:10]
            runs.append(run_of(strategy, seed, [0, 0], picked=[first, later]))
    repeats = np.where(np.arange(60) >= 40, np.arange(60) % 20, -1)
    artefact = np.where(np.arange(60) % 7 == 0, "fold", "none")
    train = tissue(60, duplicate_of=repeats, artefact=artefact)
    return runs, train, analysis.picks(runs, train)


def test_what_a_rounds_picks_are():
    runs, train, picked = picked_study()
    made = analysis.makeup(picked).set_index(["strategy", "seed", "round"])
    positive = train.labels.numpy() == 2
    for run in runs:
        for one in run.rounds:
            row = made.loc[(run.strategy, run.seed, one.number)]
            assert row["positive"] == pytest.approx(positive[one.picked].mean())
            assert row["images"] == 10 * (one.number + 1)
            artefact = (train.facts["artefact"][one.picked] != "none").mean()
            assert row["artefact"] == pytest.approx(artefact)
    waste = analysis.curve(analysis.makeup(picked), "near_duplicate")
    shares = picked.groupby(["strategy", "round", "seed"])["near_duplicate"].mean()
    for row in waste.itertuples():
        expected = interval(shares.loc[row.strategy, row.round])
        assert (row.mean, row.low, row.high) == pytest.approx(expected, nan_ok=True)
    pd.testing.assert_frame_equal(analysis.makeup(runs, train), analysis.makeup(picked))


def test_what_a_run_found_leaves_the_random_first_round_out():
    runs, train, picked = picked_study()
    totals = analysis.found(picked).set_index(["strategy", "seed"])
    for run in runs:
        share = (train.labels.numpy()[run.rounds[1].picked] == 2).mean()
        assert totals.loc[(run.strategy, run.seed), "positive"] == pytest.approx(share)
    none = analysis.found([run_of("random", 0, [0, 0], picked=[[2], [0, 1]])], tissue())
    assert none["positive"].tolist() == [0] and "artefact" not in none


def test_pick_tables_keep_settings_apart():
    _, _, picked = picked_study()
    other = picked[picked["seed"] > 0].assign(setting="redundancy=0.5")
    both = pd.concat([picked.assign(setting=""), other], ignore_index=True)
    functions = [analysis.composition, analysis.makeup, analysis.found]
    for function in functions:
        pd.testing.assert_frame_equal(alone(function(both)), function(picked))
        expected = function(other.drop(columns="setting"))
        pd.testing.assert_frame_equal(alone(function(both), "redundancy=0.5"), expected)


def test_composition_names_every_class_in_their_order():
    run = run_of("random", 0, [0], picked=[[2, 5]])
    shares = analysis.composition([run], tissue())
    assert list(shares) == ["strategy", "round", "NORM", "STR", "TUM"]
    assert shares.iloc[0, 2:].tolist() == [0, 0, 1]
