"""The protocol, its values, and the arithmetic of its work."""

from dataclasses import replace

import numpy as np
import pytest

from activecl_nb.protocol import BENCHMARK, Protocol, image_epochs


def test_the_paper_value_for_value():
    p = Protocol.paper()
    assert (p.image_size, p.width, p.stem, p.head) == (224, 64, "imagenet", "paper")
    assert (p.train_images, p.labelled, p.test_images) == (100_000, 1_000, 7_180)
    assert (p.rounds, p.budget, p.candidates) == (20, 1_000, 10_000)
    assert (p.epochs, p.batch_size, p.learning_rate, p.temperature) == (100, 128, 1e-4, 0.1)
    assert (p.proxy_epochs, p.proxy_learning_rate) == (40, 1e-3)
    assert (p.benchmark_epochs, p.benchmark_proxy_epochs, p.benchmark_every) == (100, 200, 20)
    assert (p.schedule, p.carry_optimizer, p.rotation) == ("constant", False, "right-angles")
    assert (p.kcenter_seed, p.standardise) == ("chosen", False)
    assert p.differences() == {}


def test_a_profile_changes_only_what_it_names():
    from activecl_nb.profiles import PROFILES

    for profile in PROFILES.values():
        assert Protocol.of(profile).differences() == profile.differences()
    assert Protocol.of("tiny", head="simclr").differences()["head"] == ("paper", "simclr")


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"kcenter_seed": "some"}, "kcenter_seed: should be 'chosen' or 'none', not 'some'"),
        ({"stem": "fine"}, "stem: should be 'imagenet', 'half' or 'full'"),
        ({"budget": 100}, "a budget of 100 images does not fill one batch of 128"),
        ({"candidates": 999}, "999 candidates do not fill a budget of 1000 images"),
        ({"rounds": 0}, "rounds: should be at least 1"),
        ({"proxy_epochs": 0}, "proxy_epochs: should be at least 1"),
        ({"benchmark_every": 0}, "benchmark_every: should be at least 1"),
        ({"batch_size": 1}, "batch_size: should be at least 2"),
        ({"width": -4}, "width: should be at least 1"),
        ({"labelled": 1e3}, "labelled: should be a whole number"),
        ({"temperature": 0.0}, "temperature: should be at least 0.001"),
        ({"temperature": 1e300}, "temperature: should be at most 1000"),
        ({"learning_rate": 1e-320}, "learning_rate: should be at least 1e-12"),
        ({"proxy_learning_rate": 1e38}, r"proxy_learning_rate: should be at most 1e\+30"),
        ({"learning_rate": float("inf")}, r"learning_rate: should be at most 1e\+30"),
        ({"carry_optimizer": "yes"}, "carry_optimizer: should be true or false"),
    ],
)
def test_a_protocol_that_cannot_run_is_refused(choice, message):
    with pytest.raises(ValueError, match=message):
        replace(Protocol.paper(), **choice)


def test_all_that_is_wrong_with_a_protocol_is_told_at_once():
    with pytest.raises(ValueError) as caught:
        Protocol.of("tiny", speed=9, rounds=0, head="large", budget=2)
    for part in ("no field 'speed'", "rounds: should", "head: should", "a budget of 2 images"):
        assert part in str(caught.value)


def test_numpy_s_numbers_become_plain_ones():
    protocol = Protocol.of("tiny", rounds=np.int64(2), temperature=np.float64(0.5))
    assert (type(protocol.rounds), type(protocol.temperature)) == (int, float)
    assert protocol == Protocol.of("tiny", rounds=2, temperature=0.5)


def test_stems_are_those_of_simclr():
    from activecl_nb import simclr

    for stem in simclr.STEMS:
        assert Protocol.of("tiny", stem=stem).stem == stem


def test_the_candidates_of_a_single_round_do_not_matter():
    assert Protocol.of("tiny", rounds=1, candidates=1).candidates == 1


def test_work_by_arithmetic_drops_what_training_drops():
    """The paper's own sums keep the last partial batch: 2.8 and 9.9 million."""
    paper = Protocol.paper()
    assert sum(image_epochs(paper, "random", rounds=7, drop_last=False)) == 2_800_000
    assert sum(image_epochs(paper, BENCHMARK, drop_last=False)) == 9_900_000
    assert image_epochs(paper, "random", rounds=2) == [896 * 100, 1920 * 100]
    assert image_epochs(paper, BENCHMARK, pool=300) == [256 * 20] * 5
