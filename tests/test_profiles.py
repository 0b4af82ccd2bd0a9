import pytest

from activecl_nb import profiles


def test_choice_by_name_then_environment_then_laptop(monkeypatch):
    monkeypatch.delenv("ACTIVECL_PROFILE", raising=False)
    assert profiles.current().name == "laptop"
    monkeypatch.setenv("ACTIVECL_PROFILE", "tiny")
    assert profiles.current().name == "tiny"
    assert profiles.current("paper").name == "paper"


def test_an_unknown_profile_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'huge'.*tiny, laptop, paper"):
        profiles.current("huge")


def test_a_profile_prints_every_departure_from_the_paper():
    laptop = profiles.PROFILES["laptop"]
    assert laptop.differences()["width"] == (64, laptop.width)
    for name, (paper, ours) in laptop.differences().items():
        assert name in str(laptop) and str(paper) in str(laptop) and str(ours) in str(laptop)
    assert profiles.PROFILES["paper"].differences() == {}


def test_small_profiles_fit_their_own_data():
    for profile in profiles.PROFILES.values():
        pool = profile.train_images - profile.labelled
        assert profile.rounds * profile.budget <= pool
        assert profile.batch_size <= profile.budget <= profile.candidates
        assert profile.benchmark_epochs % profile.benchmark_every == 0


def test_device_can_be_forced_and_a_missing_one_is_refused(monkeypatch):
    assert profiles.device("cpu").type == "cpu"
    monkeypatch.setenv("ACTIVECL_DEVICE", "cpu")
    assert profiles.device().type == "cpu"
    with pytest.raises(ValueError, match=r"'tpu' is not on this machine"):
        profiles.device("tpu")
