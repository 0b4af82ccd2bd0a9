from dataclasses import replace

import pytest
from small_sets import write_own

from activecl_nb import experiment, imbalance, profiles, runs
from activecl_nb.curation import sizes
from activecl_nb.curation.sizes import Counts, Speed, choose

SLOW = Speed(train=1e-3, encode=2e-4, judge=0.5)
LAPTOP = profiles.PROFILES["laptop"]


@pytest.mark.parametrize("images", [60, 297, 1_780, 20_000, 100_000])
@pytest.mark.parametrize("share", [0.1, 0.36, 0.5])
@pytest.mark.parametrize("minutes", [0.5, 2, 20, 600])
def test_any_set_gets_sizes_that_hold_together(images, share, minutes):
    counts = Counts(images, int(images * share), images // 4)
    found = choose(counts, SLOW, minutes=minutes, base=LAPTOP).protocol
    trained = found.rounds * found.budget
    assert found.labelled <= trained / 5 and trained <= images - found.labelled
    assert found.batch_size <= found.budget <= found.candidates <= images - found.labelled
    assert found.rounds >= 2 and 1 <= found.epochs <= sizes.MOST_EPOCHS
    assert found.benchmark_epochs % found.benchmark_every == 0


def test_more_time_and_a_faster_machine_give_more_epochs():
    counts = Counts(1_780, 640, 446)
    epochs = [choose(counts, SLOW, minutes=m, base=LAPTOP).protocol.epochs for m in (1, 3, 9)]
    assert epochs == sorted(set(epochs))
    fast = replace(SLOW, train=SLOW.train / 4)
    assert choose(counts, fast, minutes=3, base=LAPTOP).protocol.epochs > epochs[1]


def test_the_loop_fills_the_time_and_no_more():
    counts = Counts(1_780, 640, 446)
    for minutes in (1, 2, 5):
        found = choose(counts, SLOW, minutes=minutes, base=LAPTOP)
        assert 30 * minutes < found.seconds <= 60 * minutes


def test_little_time_means_fewer_images_and_not_one_epoch():
    counts = Counts(100_000, 9_000, 7_000)
    short, long = (choose(counts, SLOW, minutes=m, base=LAPTOP).protocol for m in (5, 2_000))
    assert short.budget < long.budget and short.epochs > 1


def test_what_is_asked_for_stays_and_the_rest_follows():
    counts = Counts(1_780, 640, 446)
    found = choose(counts, SLOW, minutes=2, base=LAPTOP, budget=40, width=4, rounds=3)
    assert (found.protocol.budget, found.protocol.width, found.protocol.rounds) == (40, 4, 3)
    assert found.protocol.labelled <= 24 and found.protocol.batch_size == 32
    assert "as asked for" in str(found) and "budget" not in found.reasons


def test_every_derived_size_has_its_reason_and_the_paper_beside_it():
    text = str(choose(Counts(297, 100, 70), SLOW, minutes=2, base=LAPTOP))
    for name in ("labelled", "budget", "rounds", "candidates", "batch_size", "epochs"):
        assert f"  {name}" in text
    assert "(paper: 224)" in text and text.startswith("profile auto")


@pytest.mark.parametrize(
    ("counts", "minutes", "message"),
    [
        (Counts(15, 7, 5), 2, "too few"),
        (Counts(1_000, 2, 100), 2, "too few"),
        (Counts(297, 100, 70), 0, "minutes must be above 0"),
    ],
)
def test_what_no_sizes_fit(counts, minutes, message):
    with pytest.raises(ValueError, match=message):
        choose(counts, SLOW, minutes=minutes, base=LAPTOP)


def test_a_run_goes_on_with_the_sizes_it_began_with(tmp_path):
    table = write_own(tmp_path / "set", patients=20)
    data = imbalance.load("table", profiles.PROFILES["tiny"], path=table)
    found = sizes.fit(data, minutes=0.05, base="tiny", rounds=2, width=4, epochs=1)
    out = tmp_path / "run"
    assert sizes.resolved(out) is None
    experiment.run(found.protocol, data, "random", 0, out, progress=False)
    assert runs.load(out).protocol == found.protocol == sizes.resolved(out)
    assert sizes.resolved(out, rounds=3).rounds == 3


def test_the_batches_of_the_run_are_rehearsed(tmp_path, monkeypatch):
    """Small ones are slower by the image: planned at the profile's, a run took twice its time."""
    table = write_own(tmp_path / "set", patients=20)
    data = imbalance.load("table", profiles.PROFILES["tiny"], path=table)
    rehearsed = []

    def rehearse(protocol, images, count, **how):
        rehearsed.append(protocol.batch_size)
        return SLOW

    monkeypatch.setattr(sizes, "rehearse", rehearse)
    for asked in ({}, {"batch_size": 8}, {"rounds": 1}):
        found = sizes.fit(data, minutes=1, base=LAPTOP, **asked).protocol
        assert rehearsed.pop() == found.batch_size < LAPTOP.batch_size and not rehearsed


def test_a_frozen_encoder_leaves_nothing_to_train():
    told = choose(Counts(1_000, 300, 200), Speed(0, 0, 0), base=LAPTOP, encoder="frozen")
    assert told.protocol.epochs == 1 and "nothing is trained" in told.reasons["epochs"]
    assert told.protocol.candidates == 1_000 - told.protocol.labelled
    assert "benchmark_epochs" not in told.reasons
