"""Drawn patches on disk: drawn once, shared, never believed when damaged."""

from __future__ import annotations

import os
import warnings
from multiprocessing import get_context

import numpy as np
import pytest

from activecl_nb.sources import drawings, phantom
from activecl_nb.sources.phantom import Dials


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A cache of this test's own."""
    monkeypatch.setenv("ACTIVECL_HOME", str(tmp_path))
    return tmp_path / "phantom"


def test_load_draws_once_and_a_longer_draw_serves_a_shorter(home, monkeypatch):
    images, labels, known = phantom.load("train", 30, 32)
    assert np.array_equal(images, phantom.draw(range(30), 32))
    assert np.array_equal(labels, known["label"]) and len(labels) == 30
    kept = sorted(home.iterdir())
    assert [path.suffix for path in kept] == [".npy", ".npz"]
    monkeypatch.setattr(phantom, "_drawn", None)  # from here on nothing can be drawn
    again, _, known = phantom.load("train", 12, 32)
    assert np.array_equal(again, images[:12]) and len(known["label"]) == 12
    assert sorted(home.iterdir()) == kept
    again[:] = 0  # a change stays in memory
    assert np.array_equal(phantom.load("train", 30, 32)[0], images)


def test_other_dials_sizes_and_seeds_have_other_files(home):
    phantom.load("train", 3, 32)
    phantom.load("test", 3, 32)
    phantom.load("train", 3, 28)
    phantom.load("train", 3, 32, seed=1)
    phantom.load("train", 3, 32, dials=Dials(redundancy=0.2))
    assert len(list(home.glob("*.npy"))) == 5
    phantom.load("train", 3, 30, cache=False)
    assert len(list(home.glob("*.npy"))) == 5


def test_a_broken_cache_file_is_drawn_again(home):
    images, _, _ = phantom.load("train", 5, 32)
    expected = np.array(images)
    (path,) = home.glob("*.npy")
    path.write_bytes(path.read_bytes()[:2000])
    assert np.array_equal(phantom.load("train", 5, 32)[0], expected)
    path.write_bytes(b"not an array")
    assert np.array_equal(phantom.load("train", 5, 32)[0], expected)


def test_an_interrupted_draw_leaves_nothing_behind(home, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(phantom, "_drawn", interrupt)
    with pytest.raises(KeyboardInterrupt):
        phantom.load("train", 5, 32)
    assert list(home.iterdir()) == []


def test_a_disk_that_is_full_at_the_end_keeps_no_half_of_a_draw(home, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(drawings.np, "savez", full)
    with pytest.warns(UserWarning, match=r"cannot be written \(No space left.*drawn in memory"):
        images, *_ = phantom.load("train", 3, 32)
    assert np.array_equal(images, phantom.draw(range(3), 32)) and not list(home.glob("*.np*"))


def test_what_a_killed_process_left_is_removed(home):
    home.mkdir()
    (home / ".r2-of-another-draw.0123abcd.npy").write_bytes(b"half")
    phantom.load("train", 5, 32)
    assert [path.suffix for path in sorted(home.iterdir())] == [".npy", ".npz"]


def _load_elsewhere(home: str) -> int:
    os.environ["ACTIVECL_HOME"] = home
    return int(phantom.load("train", 300, 32)[0].sum())


def test_two_processes_may_draw_the_same_at_once(home):
    with get_context("spawn").Pool(2) as pool:
        sums = pool.map(_load_elsewhere, [str(home.parent)] * 2)
    assert sums[0] == sums[1] == int(phantom.draw(range(300), 32).sum())
    assert len(list(home.iterdir())) == 2


def test_masks_and_counts_come_from_the_cache_as_they_were_drawn(home, monkeypatch):
    drawn = phantom.load("train", 30, 36, cache=False, masks=True)[2]
    phantom.load("train", 30, 36)
    monkeypatch.setattr(phantom, "_drawn", None)
    kept = phantom.load("train", 20, 36, masks=True)[2]
    for name in ("mask", "tumour_share", "nuclei"):
        assert np.array_equal(kept[name], drawn[name][:20])


def test_no_flipped_bit_is_used(home):
    """A single bit, anywhere in either file, is drawn again or changes nothing."""
    phantom.load("train", 6, 16)
    expected = phantom.load("train", 6, 16, masks=True, cache=False)
    files = sorted(home.iterdir())
    whole = {path: path.read_bytes() for path in files}
    flips = np.random.default_rng(0)
    for path in files:
        for place in flips.integers(0, len(whole[path]), 60):
            damaged = bytearray(whole[path])
            damaged[place] ^= 1 << int(flips.integers(8))
            path.write_bytes(damaged)
            drawings._verified.clear()
            images, _, known = phantom.load("train", 6, 16, masks=True)
            assert np.array_equal(images, expected[0])
            for name in ("mask", "tumour_share", "nuclei"):
                assert np.array_equal(known[name], expected[2][name])


def test_files_swapped_by_name_are_drawn_again(home):
    expected = [np.array(phantom.load("train", 4, 16, seed=seed)[0]) for seed in (0, 1)]
    for ending in ("npy", "npz"):
        one, other = home.glob(f"*.{ending}")
        one.rename(home / "aside"), other.rename(one), (home / "aside").rename(other)
    for seed in (0, 1):
        assert np.array_equal(phantom.load("train", 4, 16, seed=seed)[0], expected[seed])


def test_a_draw_of_an_older_kit_is_read(home, monkeypatch):
    expected = np.array(phantom.load("train", 4, 16)[0])
    (path,) = home.glob("*.npz")
    with np.load(path) as stored:
        rest = {name: values for name, values in stored.items() if name != "stem"}
    np.savez(path, **rest)
    monkeypatch.setattr(phantom, "_drawn", None)
    assert np.array_equal(phantom.load("train", 4, 16)[0], expected)


def test_a_draw_without_its_checksum_is_drawn_again(home):
    phantom.load("train", 5, 32)
    (path,) = home.glob("*.npz")
    path.unlink()
    images, _, _ = phantom.load("train", 5, 32)
    assert path.exists() and np.array_equal(images, phantom.draw(range(5), 32))


def test_a_cache_that_cannot_be_written_is_said_and_serves_what_it_holds(home, monkeypatch):
    phantom.load("train", 5, 32)

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(drawings.files, "replacing", refuse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        phantom.load("train", 5, 32)
    with pytest.warns(
        UserWarning, match=r"phantom cannot be written \(Permission denied\)"
    ) as said:
        images, _, _ = phantom.load("train", 5, 28)
        phantom.load("test", 5, 28)
    assert np.array_equal(images, phantom.draw(range(5), 28))
    assert len({str(warning.message) for warning in said}) == 1  # so Python shows it once
