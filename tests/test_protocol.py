"""The protocol, its values, and the arithmetic of its work."""

from dataclasses import replace

import pytest

from activecl_nb.protocol import Protocol

# ---- the protocol -----------------------------------------------------------------------


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
        ({"kcenter_seed": "some"}, "kcenter_seed must be"),
        ({"budget": 100}, "a budget of 100 images does not fill one batch of 128"),
    ],
)
def test_a_protocol_that_cannot_run_is_refused(choice, message):
    with pytest.raises(ValueError, match=message):
        replace(Protocol.paper(), **choice)
