"""UMAP maps of patches that stay comparable between rounds and between strategies.

A map is made once, from the features of one encoder, and every strategy and every round is shown
on it: what differs between two panels is then the picks and nothing else. UMAP (McInnes et al.
2018) keeps neighbours together; how far apart two clusters lie on a map says little.

UMAP's coordinates differ between processors even with a seed, so maps are stored with the runs,
and whoever checks a map looks at its neighbours, never at its coordinates.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from activecl_nb import files

if TYPE_CHECKING:
    from activecl_nb.runs import Run
    from activecl_nb.tissue import Tissue

FILE_NAME = "map.npz"
COMPONENTS = 32  # principal components kept of the features; distances hardly change, files do
NEIGHBOURS = 15  # of a patch, itself among them, that UMAP is told
NEIGHBOURS_KEPT = 8  # nearest neighbours that are stored and shown
FEWEST = 5  # patches a map needs
LARGEST = 1e15  # of a feature: the squares of larger ones leave float32
SMALLEST = 1e-15  # of a difference between features, for the same reason
SPREAD = 1e-6  # of the features against their size: less is what float32 rounds away


@dataclass(frozen=True)
class Map:
    """Where each patch lies, and the feature space in which its distances are measured.

    patches: int64 (n,), positions in the train tissue.
    positions: float32 (n, 2).
    features: float32 (n, k), principal components of the features the map was made from.
    neighbours: int32 (n, 8), the nearest other patches in ``features``, nearest first, as rows
        of this map.
    """

    patches: np.ndarray
    positions: np.ndarray
    features: np.ndarray
    neighbours: np.ndarray

    def __post_init__(self) -> None:
        n = len(self.patches)
        if n < FEWEST:
            raise ValueError(f"a map needs at least {FEWEST} patches, not {n}")
        if self.patches.ndim != 1:
            raise ValueError(f"patches are positions in a row, not {self.patches.shape}")
        if self.positions.shape != (n, 2):
            raise ValueError(f"{n} patches need positions ({n}, 2), not {self.positions.shape}")
        if not np.isfinite(self.positions).all():
            raise ValueError("the map's positions must be finite numbers; make the map anew")
        if self.features.ndim != 2 or len(self.features) != n or not self.features.size:
            raise ValueError(f"{n} patches need features ({n}, k), not {self.features.shape}")
        kept = min(NEIGHBOURS_KEPT, n - 1)
        if self.neighbours.shape != (n, kept):
            raise ValueError(
                f"{n} patches need neighbours ({n}, {kept}), not {self.neighbours.shape}"
            )
        if not np.isfinite(self.features).all():
            raise ValueError("the map's features must be finite numbers; make the map anew")
        if len(np.unique(self.patches)) < n or self.patches.min() < 0:
            raise ValueError("the map's patches must be different positions from 0 on")
        if not 0 <= self.neighbours.min() <= self.neighbours.max() < n:
            raise ValueError(f"the map's neighbours must be rows of it, from 0 to {n - 1}")
        near = np.sort(np.hstack([np.arange(n)[:, None], self.neighbours]), axis=1)
        if (near[:, 1:] == near[:, :-1]).any():
            raise ValueError("a patch's neighbours must be different ones, and not itself")

    def __repr__(self) -> str:
        return f"Map({len(self.patches):,} patches)"


def fit(features: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """A map from scratch: features (n, d) -> float32 (n, 2).

    The neighbours are exact ones (scikit-learn), not UMAP's own approximate ones: the map then
    depends on the seed in one place less. The start is the first two principal components, so
    that the large-scale layout is no accident (Kobak and Linderman 2021).

    ValueError: fewer than 5 patches, features that are not finite or too large (the encoder has
    diverged), or the same for all patches (it has collapsed).
    """
    features = _checked(features)
    umap, n = _imported(), len(features)
    if features.shape[1] == 1:  # a line: its principal components need a second axis
        features = np.hstack([features, np.zeros_like(features)])
    neighbours = min(NEIGHBOURS, n - 1)
    rows, lengths = nearest(features, neighbours - 1)
    itself = np.arange(n, dtype=np.int32)[:, None]  # UMAP counts a point as its first neighbour
    rows = np.hstack([itself, rows])
    lengths = np.hstack([np.zeros((n, 1), dtype=np.float32), lengths])
    known = {"n_neighbors": neighbours, "precomputed_knn": (rows, lengths, None)}
    reducer = umap.UMAP(n_jobs=1, random_state=seed, init="pca", **known)
    with _threads_kept(), warnings.catch_warnings():
        # It cannot place new patches later without an index of its own; nobody asks it to.
        warnings.filterwarnings("ignore", message=r".*knn_search_index.*")
        return np.asarray(reducer.fit_transform(features), dtype=np.float32)


def reduce(features: np.ndarray, components: int = COMPONENTS) -> np.ndarray:
    """Principal components: features (n, d) -> float32 (n, min(d, n, components)).

    Distances between patches stay nearly what they were, in a tenth of the memory.
    """
    features = _checked(features)
    features = features - features.mean(axis=0)
    with one_thread():
        _, axes = np.linalg.eigh((features.T @ features).astype(np.float64))  # ascending
    axes = axes[:, ::-1][:, :components]
    axes = axes * np.where(axes.sum(axis=0) < 0, -1, 1)  # an axis has no sign of its own
    return features @ axes.astype(np.float32)


def one_thread() -> contextlib.AbstractContextManager[object]:
    """Linear algebra on one thread, for as long as this lasts.

    On matrices as small and narrow as these, threads wait for each other longer than they work:
    on a busy machine with two cores, forty times as long.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, "blas")


def nearest(features: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Exact nearest neighbours: int32 (n, count) rows and float32 (n, count) distances.

    A patch is not its own neighbour, not even where another has the very same features.
    """
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(features)
    distances, rows = found.kneighbors()  # asked without points, it leaves each point itself out
    return rows.astype(np.int32), distances.astype(np.float32)


def distances(features: np.ndarray, chosen: np.ndarray, block: int = 1024) -> np.ndarray:
    """Euclidean distance of each patch to the nearest chosen one: float32 (n,).

    features (n, d), chosen (m, d); infinite where nothing is chosen (m = 0). This is what
    k-center greedy makes small (paper, Algorithm 1).
    """
    smallest = np.full(len(features), np.inf, dtype=np.float32)
    if not len(chosen):
        return smallest
    # |x - c|^2 = |x|^2 + (|c|^2 - 2 x c): the bracket is one matrix product, and blocks of it that
    # stay in the processor's cache are what makes this quick.
    against = np.hstack([-2 * chosen, (chosen**2).sum(axis=1, keepdims=True)]).T
    for start in range(0, len(features), block):
        rows = features[start : start + block]
        bracket = np.hstack([rows, np.ones((len(rows), 1), dtype=rows.dtype)]) @ against
        squares = bracket.min(axis=1) + (rows**2).sum(axis=1)
        smallest[start : start + block] = np.sqrt(np.maximum(squares, 0))
    return smallest


def of_features(
    features: np.ndarray,
    patches: np.ndarray,
    *,
    seed: int = 0,
    positions: np.ndarray | None = None,
) -> Map:
    """A whole map from features (n, d) of ``patches`` (n,); fitted unless positions are given."""
    small = reduce(features)
    if positions is None:
        positions = fit(features, seed=seed)
    rows, _ = nearest(small, min(NEIGHBOURS_KEPT, len(small) - 1))
    return Map(
        patches=np.asarray(patches, dtype=np.int64),
        positions=np.asarray(positions, dtype=np.float32),
        features=small,
        neighbours=rows,
    )


def of_run(run: Run, train: Tissue) -> Map:
    """A map of the patches that ``run`` watched, from the features of its encoder.

    The encoder is the one after the last finished round. For 10,000 patches this takes about a
    minute on two cores: half for the features, half for UMAP.
    """
    from activecl_nb import simclr

    images = train.images[run.watched]
    features = simclr.encode(run.encoder(), images).numpy()
    return of_features(features, run.watched)


def save(place: Run | str | os.PathLike[str], map: Map) -> Path:
    """Store a map in a run's folder, so that the explorer opens at once; returns the file.

    Positions are float32; features are float16, whose rounding no distance on screen shows.
    ValueError: another process is at the run.
    """
    from activecl_nb import runs

    path = _file(place)
    of_run = (path.parent / "run.json").exists()
    with runs.locked(path.parent) if of_run else contextlib.nullcontext():
        with files.replacing(path) as temporary:
            np.savez_compressed(
                temporary,
                patches=map.patches,
                positions=map.positions.astype(np.float32),
                features=map.features.astype(np.float16),
                neighbours=map.neighbours.astype(np.int32),
            )
        # In a run of an older kit a manifest of the map alone would make strangers of the rest.
        if files.Manifest.of(path.parent).sealed or not of_run:
            files.seal(path.parent, path.name)
    return path


def stored(place: Run | str | os.PathLike[str], patches: np.ndarray | None = None) -> Map | None:
    """The map in a run's folder, or None where there is none.

    With ``patches`` given, a map of other patches counts as none. ValueError names a file that
    is damaged; a warning one that nothing vouches for.
    """
    if getattr(place, "path", place) is None:  # a run that was never written to disk
        return None
    path = _file(place)
    if not path.is_file():  # what can be made anew may be deleted
        return None
    manifest = files.Manifest.of(path.parent)
    if path.name in (manifest.entries or ()):
        content = manifest.read(path.name)
    else:
        warnings.warn(f"{path} was written without a checksum: unverified", stacklevel=2)
        content = path.read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            found = Map(
                patches=_as(np.int64, arrays["patches"]),
                positions=_as(np.float32, arrays["positions"]),
                features=_as(np.float32, arrays["features"]),
                neighbours=_as(np.int32, arrays["neighbours"]),
            )
    except Exception as error:  # a cut-off archive raises half a dozen kinds
        raise ValueError(f"{path} is no map ({error}); delete it and it is made anew") from error
    if patches is not None and not np.array_equal(found.patches, patches):
        return None
    return found


def _as(kind: type[np.number], stored: np.ndarray) -> np.ndarray:
    """The array as this type. ValueError: it is of another kind, or would not be the same."""
    whole = np.issubdtype(kind, np.integer)
    if not np.issubdtype(stored.dtype, np.integer if whole else np.floating):
        raise ValueError(f"{stored.dtype} cannot be {np.dtype(kind)}")
    with np.errstate(over="ignore"):  # of a float: infinite, which a map refuses
        found = stored.astype(kind)
    if whole and not np.array_equal(found, stored):
        raise ValueError(f"its {stored.dtype} leave {np.dtype(kind)}")
    return found


def stored_of(runs: Iterable[Run], patches: np.ndarray) -> Map | None:
    """The map of these patches in the folder of the first run that has one, or None."""
    return next(filter(None, (stored(run, patches) for run in runs)), None)


def encoder_of(runs: Sequence[Run]) -> Run:
    """Of runs without a map, the one to make it from: the first that has its weights."""
    return next((run for run in runs if getattr(run, "weights", None)), runs[0])


def _file(place: Run | str | os.PathLike[str]) -> Path:
    """``map.npz`` in a run's folder; a path may name the folder or the file."""
    folder = place if isinstance(place, str | os.PathLike) else place.path
    if folder is None:
        raise ValueError("this run has no folder to store a map in; run it with a path")
    folder = files.expanded(folder)
    return folder if folder.suffix == ".npz" else folder / FILE_NAME


def _checked(features: np.ndarray) -> np.ndarray:
    features = np.asarray(features, dtype=np.float32)
    if features.ndim != 2:
        raise ValueError(f"features must have shape (n, d), not {features.shape}")
    if len(features) < FEWEST:
        raise ValueError(f"a map needs at least {FEWEST} patches, not {len(features)}")
    if not np.isfinite(features).all():
        row = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
        raise ValueError(f"the features of patch {row} are not finite; the encoder has diverged")
    largest = float(np.abs(features).max())
    if largest > LARGEST:
        raise ValueError(
            f"the features reach {largest:.1g}, whose distances no float32 holds; "
            "the encoder has diverged: train it again with a lower learning rate"
        )
    spread = float((features.max(axis=0) - features.min(axis=0)).max())
    if spread <= max(SPREAD * largest, SMALLEST):
        raise ValueError(
            f"all {len(features)} patches have the same features: the encoder has collapsed, "
            "and there is nothing to map; train it again, longer or with another seed"
        )
    return features


def _imported() -> ModuleType:
    """UMAP, when it is first used, since it compiles for seconds.

    numba keeps that code beside the package or in the user's home, and refuses where it may write
    in neither: then in the kit's cache, or else in a folder for this process.
    """
    try:
        import umap
    except RuntimeError:
        from numba import config as settings

        config: Any = settings  # numba fills it while it is imported
        place = files.cache_dir() / "compiled"
        try:
            place.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=place).close()
        except OSError:
            place = Path(tempfile.mkdtemp(prefix="activecl-"))
        config.CACHE_DIR = str(place)
        import umap
    return umap


@contextlib.contextmanager
def _threads_kept() -> Iterator[None]:
    """Leave torch as many threads as it had: numba gives its own number to all who share OpenMP.

    Sums are rounded otherwise with another number, so a run made after a map would differ from the
    same run made before it.
    """
    import torch

    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
