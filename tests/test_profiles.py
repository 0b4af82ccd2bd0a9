import pytest

from activecl_nb import profiles
from activecl_nb.protocol import Protocol


def test_choice_by_name_then_environment_then_laptop(monkeypatch):
    monkeypatch.delenv("ACTIVECL_PROFILE", raising=False)
    assert profiles.current().name == "laptop"
    monkeypatch.setenv("ACTIVECL_PROFILE", "tiny")
    assert profiles.current().name == "tiny"
    assert profiles.current("paper").name == "paper"


def test_an_unknown_profile_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'huge'.*tiny, laptop, study, paper"):
        profiles.current("huge")


def test_a_profile_prints_every_departure_from_the_paper():
    laptop = profiles.PROFILES["laptop"]
    assert laptop.differences()["width"] == (64, laptop.width)
    for name, (paper, ours) in laptop.differences().items():
        row = next(line for line in laptop.table().splitlines() if line.startswith(name + " "))
        assert str(paper) in row and str(ours) in row
    assert profiles.PROFILES["paper"].differences() == {}
    assert profiles.PROFILES["paper"].table() == "the paper's sizes throughout"


def test_a_profile_shows_itself_in_one_line_with_the_rest_folded():
    for profile in (profiles.PROFILES["laptop"], Protocol.of("tiny", head="simclr")):
        shown = profile._repr_mimebundle_()
        assert shown["text/plain"] == str(profile) and "\n" not in str(profile)
        line, _, folded = shown["text/html"].partition("<details>")
        assert line == str(profile) and profile.table().split()[0] in folded


def test_a_size_that_is_assigned_is_refused_with_the_way_to_change_it():
    for profile in (profiles.PROFILES["laptop"], Protocol.of("laptop")):
        with pytest.raises(
            AttributeError, match=r"epochs = 30.*Protocol\.of\(profile, epochs=30\)"
        ):
            profile.epochs = 30
        with pytest.raises(AttributeError, match=r"it has no 'epoch' either, but .*epochs"):
            profile.epoch = 30
        assert profile.epochs == 10
    assert Protocol.of(profiles.PROFILES["laptop"], epochs=30).epochs == 30


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
