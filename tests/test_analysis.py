"""References: scipy, and sums written out."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from activecl_nb import analysis, experiment
from activecl_nb.experiment import Protocol, Round, Run


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
            scores={"f1": score},
            seconds={"select": 1.0, "train": 2.0, "proxy": 50.0, "watch": 50.0},
        )
        for t, score in enumerate(f1)
    )
    empty = np.empty(0, np.int64)
    return Run(Protocol.paper(), strategy, seed, {}, empty, empty, empty, rounds)


def test_the_interval_is_scipys():
    from scipy import stats

    values = [0.5, 0.7, 0.6, 0.9, 0.65]
    mean, low, high = analysis.interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (low, high) == pytest.approx((expected.low, expected.high))
    assert mean == pytest.approx(np.mean(values))
    assert np.isnan(analysis.interval([0.5])[1])


def test_the_table_adds_up_work_without_the_cost_of_scoring():
    table = analysis.table([run_of("random", 0, [0.1, 0.2, 0.3])])
    assert table["image_epochs_so_far"].tolist() == [100, 300, 600]
    assert table["seconds_so_far"].tolist() == [3, 6, 9]
    with pytest.raises(ValueError, match="no runs"):
        analysis.table([])


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


def test_composition_and_overlap(tiny_data):
    # Labels of the tiny data are position modulo 3: NORM, STR, TUM.
    run = run_of("entropy", 0, [0, 0], picked=[[0, 1, 2, 3], [2, 5, 8, 11]])
    other = run_of("random", 0, [0, 0], picked=[[0, 1, 2, 3], [2, 5, 6, 7]])
    shares = analysis.composition([run], tiny_data.train)
    assert shares["TUM"].tolist() == [0.25, 1] and shares["NORM"].tolist() == [0.5, 0]
    common = analysis.overlap([run, other])
    assert common.loc["entropy", "random"] == pytest.approx(2 / 6)
    assert common.loc["entropy", "entropy"] == 1


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
