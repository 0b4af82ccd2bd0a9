"""Maps: neighbours, shapes and trustworthiness, never coordinates."""

from __future__ import annotations

import builtins
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from activecl_nb import files
from activecl_nb.pictures import maps


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    """Six clouds in 40 dimensions, 300 patches."""
    draw = np.random.default_rng(0)
    centres = draw.normal(0, 2, (6, 40))
    return (centres[np.arange(300) % 6] + draw.normal(size=(300, 40))).astype(np.float32)


@pytest.fixture(scope="module")
def fitted(features) -> np.ndarray:
    return maps.fit(features, seed=3)


def test_a_fitted_map_keeps_neighbours_together(features, fitted):
    assert fitted.shape == (300, 2)
    assert fitted.dtype == np.float32
    assert trustworthiness(features, fitted, n_neighbors=10) > 0.9


def test_a_seed_gives_the_same_map_and_leaves_the_global_state_alone(features, fitted):
    before = np.random.get_state()[1].copy()
    again = maps.fit(features, seed=3)
    other = maps.fit(features, seed=4)
    assert np.array_equal(again, fitted)
    assert not np.array_equal(other, fitted)
    assert np.array_equal(np.random.get_state()[1], before)


def test_a_map_leaves_torch_as_many_threads_as_it_had(features):
    """numba's OpenMP takes all cores; with them a run made after a map came out otherwise."""
    import torch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        maps.fit(features, seed=3)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_neighbours_are_exact_and_never_the_patch_itself(features):
    rows, lengths = maps.nearest(features, 8)
    every = np.linalg.norm(features[:, None] - features[None], axis=2)
    np.fill_diagonal(every, np.inf)
    assert np.allclose(lengths, np.sort(every, axis=1)[:, :8], atol=1e-3)
    assert (rows != np.arange(300)[:, None]).all()
    twins = np.repeat(features[:20], 2, axis=0)  # each patch twice
    rows, lengths = maps.nearest(twins, 1)
    assert (rows[:, 0] == np.arange(40) ^ 1).all()


def test_distances_are_those_to_the_nearest_chosen(features):
    chosen = features[::7]
    found = maps.distances(features, chosen, block=64)
    expected = np.linalg.norm(features[:, None] - chosen[None], axis=2).min(axis=1)
    # Squares are what is rounded, beside the squared lengths: near 0 a root makes much of it.
    atol = 1e-5 * np.square(features).sum(axis=1).max()
    assert np.allclose(np.square(found), np.square(expected), rtol=0, atol=atol)
    assert np.isinf(maps.distances(features, features[:0])).all()


def test_reducing_keeps_distances(features):
    wide = features @ np.random.default_rng(2).normal(size=(40, 200)).astype(np.float32)
    small = maps.reduce(wide, 40)
    assert small.shape == (300, 40)
    assert small.dtype == np.float32
    before = np.linalg.norm(wide[:50, None] - wide[None, :50], axis=2)
    after = np.linalg.norm(small[:50, None] - small[None, :50], axis=2)
    assert np.allclose(before, after, rtol=1e-3, atol=0.01)
    assert maps.reduce(features[:, :3]).shape == (300, 3)


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (np.zeros((3, 4)), "at least 5 patches, not 3"),
        (np.zeros(7), r"shape \(n, d\), not \(7,\)"),
        (np.array([[0.0], [1], [2], [3], [np.nan], [5]]), "patch 4 are not finite"),
        (np.ones((60, 16)), "all 60 patches have the same features: the encoder has collapsed"),
        (np.zeros((60, 16)), "the encoder has collapsed"),
        (1e4 + 1e-4 * np.arange(60)[:, None] * np.ones((60, 16)), "the encoder has collapsed"),
        (1e-20 * np.arange(60)[:, None] * np.ones((60, 16)), "the encoder has collapsed"),
        (1e25 * np.arange(60)[:, None] * np.ones((60, 16)), "the encoder has diverged"),
        (np.full((60, 16), 3e4) + 1e-3 * np.eye(60, 16), "the encoder has collapsed"),
    ],
)
def test_bad_features_are_named(features, said):
    for made in (maps.fit, maps.reduce, lambda them: maps.of_features(them, np.arange(len(them)))):
        with pytest.raises(ValueError, match=said):
            made(features)


@pytest.mark.parametrize("distinct", [1, 2, 3])
def test_one_feature_and_a_few_kinds_of_patches_still_make_a_map(distinct):
    line = (np.arange(60) % (distinct + 1)).astype(np.float32)[:, None]
    found = maps.of_features(line, np.arange(60))
    assert found.positions.shape == (60, 2) and np.isfinite(found.positions).all()


def test_very_few_patches_and_a_single_feature_still_make_a_map(features):
    assert maps.fit(features[:6]).shape == (6, 2)
    assert maps.of_features(features[:60, :1], np.arange(60)).positions.shape == (60, 2)


@pytest.mark.parametrize("writable", [True, False], ids=["cache", "nowhere"])
def test_where_numba_finds_no_place_for_its_code_the_kits_cache_serves(
    features, tmp_path, monkeypatch, writable
):
    """As in a container: neither the packages' folder nor a home can be written."""
    from numba import config

    real = builtins.__import__

    def guarded(name, *arguments, **options):
        if name == "umap" and not config.CACHE_DIR:
            raise RuntimeError("cannot cache function: no locator available")
        return real(name, *arguments, **options)

    home = tmp_path / "home"
    if not writable:
        home.write_text("a file, where no folder can be made")
    monkeypatch.setenv("ACTIVECL_HOME", str(home))
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.setattr(builtins, "__import__", guarded)
    assert maps._imported().UMAP
    assert Path(config.CACHE_DIR).is_dir()
    assert (Path(config.CACHE_DIR) == home / "compiled") is writable


def test_a_stored_map_comes_back(features, fitted, tmp_path):
    made = maps.of_features(features, np.arange(300) * 2, positions=fitted)
    path = maps.save(tmp_path, made)
    assert path == tmp_path / "map.npz"
    for place in (tmp_path, path, SimpleNamespace(path=tmp_path)):
        found = maps.stored(place, np.arange(300) * 2)
        assert np.array_equal(found.positions, fitted)
        assert found.positions.dtype == np.float32
        assert np.array_equal(found.neighbours, made.neighbours)
        assert np.allclose(found.features, made.features, rtol=2e-3, atol=1e-3)
    assert repr(found) == "Map(300 patches)"


def test_a_map_of_other_patches_or_none_counts_as_none(features, fitted, tmp_path):
    assert maps.stored(tmp_path) is None
    assert maps.stored(SimpleNamespace(path=None)) is None
    maps.save(tmp_path, maps.of_features(features, np.arange(300), positions=fitted))
    assert maps.stored(tmp_path, np.arange(300)) is not None
    assert maps.stored(tmp_path, np.arange(1, 301)) is None


def test_a_broken_file_is_named(features, fitted, tmp_path):
    path = maps.save(tmp_path, maps.of_features(features, np.arange(300), positions=fitted))
    whole = path.read_bytes()
    for at in np.random.default_rng(0).integers(0, len(whole), 20):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ValueError, match=r"map\.npz is damaged"):
            maps.stored(tmp_path)
    (tmp_path / "manifest.json").unlink()
    path.write_bytes(whole[:2000])
    with (
        pytest.warns(UserWarning, match="unverified"),
        pytest.raises(ValueError, match=r"map\.npz is no map .*delete it"),
    ):
        maps.stored(tmp_path)


def test_a_map_joins_a_runs_manifest_and_makes_none_for_an_older_run(features, fitted, tmp_path):
    made = maps.of_features(features, np.arange(300), positions=fitted)
    for name in ("run.json", "other.json"):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / name).write_text("{}")
    maps.save(tmp_path / "run", made)
    assert not files.Manifest.of(tmp_path / "run").sealed
    files.seal(tmp_path / "run", "run.json", "other.json")
    maps.save(tmp_path / "run", made)
    assert {*files.Manifest.of(tmp_path / "run").entries} == {"run.json", "other.json", "map.npz"}


def test_a_run_without_a_folder_cannot_store(features, fitted):
    made = maps.of_features(features, np.arange(300), positions=fitted)
    with pytest.raises(ValueError, match="no folder"):
        maps.save(SimpleNamespace(path=None), made)


OTHERS = np.array([[b for b in range(5) if b != a] for a in range(5)])  # rows of five patches


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"positions": np.zeros((4, 2))}, "need positions"),
        ({"positions": np.full((5, 2), np.nan)}, "positions must be finite"),
        ({"features": np.zeros((4, 3))}, r"5 patches need features \(5, k\), not \(4, 3\)"),
        ({"features": np.zeros((5, 0))}, "need features"),
        ({"features": np.full((5, 3), np.inf)}, "features must be finite"),
        ({"neighbours": np.zeros(5, int)}, r"need neighbours \(5, 4\), not \(5,\)"),
        ({"neighbours": np.zeros((5, 0), int)}, "need neighbours"),
        ({"neighbours": OTHERS[:, :3]}, "need neighbours"),
        ({"neighbours": OTHERS + 1}, "rows of it, from 0 to 4"),
        ({"neighbours": OTHERS - 1}, "rows of it, from 0 to 4"),
        ({"neighbours": (OTHERS + 1) % 5}, "different ones, and not itself"),
        ({"neighbours": OTHERS[:, [0, 1, 2, 2]]}, "different ones, and not itself"),
        ({"patches": np.zeros(5, int)}, "different positions"),
        ({"patches": np.arange(-1, 4)}, "different positions"),
        ({"patches": np.zeros((5, 2), int)}, "positions in a row"),
    ],
)
def test_a_map_is_checked(part, said):
    whole = {
        "patches": np.arange(5),
        "positions": np.zeros((5, 2)),
        "features": np.zeros((5, 3)),
        "neighbours": OTHERS,
    }
    maps.Map(**whole)
    with pytest.raises(ValueError, match=said):
        maps.Map(**whole | part)


def test_a_map_of_too_few():
    few = {"patches": np.arange(4), "positions": np.zeros((4, 2)), "features": np.zeros((4, 3))}
    with pytest.raises(ValueError, match="at least 5 patches"):
        maps.Map(**few, neighbours=OTHERS[:4, :3] % 4)


@pytest.mark.filterwarnings("ignore:.*without a checksum")
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("patches", lambda a: a + 0.5),
        ("patches", lambda a: a.astype(str)),
        ("patches", lambda a: a.astype(np.float64)),
        ("neighbours", lambda a: a + 0.5),
        ("neighbours", lambda a: a.astype(np.int64) + 2**32),
        ("neighbours", lambda a: a > 5),
        ("features", lambda a: a + 1j),
        ("features", lambda a: a.astype(np.float64) * 1e300),
        ("positions", lambda a: a.astype(int)),
    ],
)
def test_arrays_of_another_kind_are_refused_and_not_cast(features, fitted, tmp_path, name, change):
    path = maps.save(tmp_path, maps.of_features(features, np.arange(300), positions=fitted))
    (tmp_path / "manifest.json").unlink()
    with np.load(path) as stored:
        arrays = dict(stored)
    np.savez(path, **arrays | {name: change(arrays[name])})
    with pytest.raises(ValueError, match=r"map\.npz is no map .*delete it"):
        maps.stored(tmp_path)
