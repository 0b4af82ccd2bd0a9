"""What is there before anything is trained: counts, bad files, duplicates, and what leaks.

    curation.look("my_patches/patches.csv")

Colours tell patients apart. A forest that knows colours alone scores well where patches of one
patient are on both sides of a split, and badly where whole patients are: the difference is what
a random split would have promised for nothing.
"""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from activecl_nb import imbalance, profiles, proxy, tissue, values
from activecl_nb.curation import duplicates, encoders, own, sizes
from activecl_nb.curation.sizes import Sizes
from activecl_nb.profiles import Profile
from activecl_nb.protocol import Protocol
from activecl_nb.tissue import ImageFiles, Tissue

BINS = 16  # of the colour histogram, for each channel
TREES = 200  # of the forest that knows colours alone
REHEARSED = 256  # patches at the profile's size that the speed is measured on


@dataclass(frozen=True)
class Group:
    """Images that are the same: their files, their classes, and whether they cross the split."""

    files: tuple[str, ...]
    labels: tuple[str, ...]
    crosses: bool

    def __str__(self) -> str:
        notes = ["on both sides of the split"] * self.crosses
        if len(set(self.labels)) > 1:
            notes.append(f"of different classes: {', '.join(sorted(set(self.labels)))}")
        in_brackets = f" ({'; '.join(notes)})" if notes else ""
        return f"{' = '.join(self.files)}{in_brackets}"


@dataclass(frozen=True)
class Look:
    """What ``look`` saw; ``str`` is a page of text, ``curation.write_page`` one with pictures.

    counts: images of each class; patients: patients of each class, {} where they are not known.
    sizes, modes: "64 x 64" and "RGB" with how many images have it. bad: (file, why).
    exact, near: groups of the same pixels, and of the same picture saved again.
    split: which split was looked at, in words; crossing: patients on both sides, with their files.
    random, by_patient: AUROC of a forest on colours alone, mean over the folds; None: not known.
    chosen: the sizes that ``--profile auto`` takes, or why there are none.
    target: what is to be predicted beside classes, in words; "" where nothing was named.
    samples: a few patches of each class. twice: of some groups two images each, with titles.
    """

    where: str
    counts: dict[str, int]
    patients: dict[str, int]
    all_patients: int
    sizes: dict[str, int]
    modes: dict[str, int]
    bad: tuple[tuple[str, str], ...]
    exact: tuple[Group, ...]
    near: tuple[Group, ...]
    split: str
    crossing: dict[str, tuple[str, ...]]
    positive: str
    random: float | None
    by_patient: float | None
    chosen: Sizes | str
    encoder: str
    target: str
    samples: Tissue = field(repr=False)
    twice: tuple[torch.Tensor, list[str]] | None = field(default=None, repr=False)

    @property
    def share(self) -> float:
        """Positive images among all that can be read."""
        return self.counts[self.positive] / max(1, sum(self.counts.values()))

    @property
    def leak(self) -> float | None:
        """What a random split adds to the colour probe's AUROC."""
        if self.random is None or self.by_patient is None:
            return None
        return self.random - self.by_patient

    def __str__(self) -> str:
        from activecl_nb.curation import page

        return page.text(self)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        from activecl_nb.curation import page

        return {"text/plain": str(self), "text/html": page.html(self, whole=False)}


class Asked:
    """What ``look`` is told in numbers."""

    minutes: values.Positive
    fold: values.Whole
    folds: values.Pairs


def look(
    path: str | os.PathLike[str],
    *,
    positive: str | None = None,
    minutes: float = 20.0,
    fold: int = 0,
    folds: int = 5,
    profile: Profile | str | None = None,
    **options: Any,
) -> Look:
    """Look at a table or a folder of one's own patches; nothing is trained or changed.

    positive: the class sought; by default TUM where there is one, else the rarest.
    minutes: the time for which sizes are chosen. fold, folds: the split by patient that is
    looked at, where the data name no parts of their own. options: what ``tissue.load`` takes for
    a table or a folder.

    FileNotFoundError, or ValueError for a table or a folder that cannot be read at all. Images
    that cannot be decoded are part of the answer.
    """
    values.checked(Asked, {"minutes": minutes, "fold": fold, "folds": folds})
    imbalance.check_number(fold, folds)
    archive = tissue.open_own(*own.source(path), crossing=True, **options)
    imbalance.check_fold(fold, archive.where if "part" in archive.facts else "")
    path, met = archive.where, dict(enumerate(_in_parallel(archive)))
    readable = {i: image for i, image in met.items() if isinstance(image, _Seen)}
    bad = tuple((archive.names[i], str(met[i])) for i in met if i not in readable)
    if not readable:
        raise ValueError(f"{path}: none of {len(met):,} images can be read; the first: {bad[0][1]}")
    good, seen = list(readable), list(readable.values())
    patches = _as_tissue(archive, seen, good)
    positive = positive or _sought(patches)
    imbalance.is_positive(patches, positive)
    test, split = _split(patches, positive, fold, folds)
    digests = [one.pixels for one in seen]
    exact = duplicates.exact(digests)
    near = duplicates.near(patches.images.numpy(), digests)
    random, by_patient = leak(patches, np.stack([one.colours for one in seen]), positive, folds)
    return Look(
        where=Path(path).name,
        counts={name: count for name, count in patches.counts().items() if count},
        patients=_patients_by_class(patches),
        all_patients=len(np.unique(patches.facts.get("patient", []))),
        sizes=_most_common(f"{one.size[0]} x {one.size[1]}" for one in seen),
        modes=_most_common(one.mode for one in seen),
        bad=bad,
        exact=tuple(_group(patches, rows, test) for rows in exact),
        near=tuple(_group(patches, rows, test) for rows in near),
        split=split,
        crossing=_crossing(patches, test),
        positive=positive,
        random=random,
        by_patient=by_patient,
        chosen=_sizes(archive, patches, good, test, positive, minutes, profile),
        encoder=encoders.offer(),
        target=_target(patches, options.get("target")),
        samples=_samples(archive, patches, good),
        twice=_twice(archive, good, [*exact, *near]),
    )


def _group(patches: Tissue, rows: list[int], test: np.ndarray) -> Group:
    return Group(
        tuple(patches.facts["file"][rows].tolist()),
        tuple(patches.class_names[k] for k in patches.labels[rows].tolist()),
        bool(test[rows].any() and not test[rows].all()),
    )


# ---------------------------------------------------------------------------- image by image
@dataclass(frozen=True)
class _Seen:
    """What is kept of an image once it was decoded."""

    mode: str
    size: tuple[int, int]
    pixels: str  # a digest
    colours: np.ndarray
    small: np.ndarray


def _in_parallel(archive: ImageFiles) -> Iterator[_Seen | ValueError]:
    from tqdm.auto import tqdm

    count = len(archive.names)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        found = pool.map(lambda position: _see(archive, position), range(count))
        yield from tqdm(found, total=count, desc="look", unit="patch", disable=count < 2_000)


def _see(archive: ImageFiles, position: int) -> _Seen | ValueError:
    try:
        image = archive.image(position)
    except ValueError as error:  # a BadImage, with its file's name
        return error
    with Image.open(io.BytesIO(archive.open_bytes(position))) as stored:
        mode = stored.mode
    pixels = np.asarray(image)
    digest = hashlib.sha256(f"{image.size}".encode() + pixels.tobytes()).hexdigest()
    batch = torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None]
    side = (duplicates.SIDE, duplicates.SIDE)
    small = np.asarray(image.resize(side, Image.Resampling.BOX)).transpose(2, 0, 1)
    colours = proxy.colour_histogram(batch, bins=BINS)[0].numpy()
    return _Seen(mode, image.size, digest, colours, small)


def _as_tissue(archive: ImageFiles, seen: Sequence[_Seen], good: list[int]) -> Tissue:
    """The readable images, small, as the Tissue that splits are made of."""
    return Tissue(
        torch.from_numpy(np.stack([image.small for image in seen])),
        torch.from_numpy(archive.labels[good]),
        archive.class_names,
        Path(archive.where).name,
        {name: values[good] for name, values in archive.facts.items()},
    )


def _target(patches: Tissue, name: object) -> str:
    """The numbers to be predicted, or the shares that masks cover, in words."""
    if not name:
        return ""
    values, covered = np.asarray(tissue.with_masks(patches, str(name)).facts[str(name)]), ""
    if values.ndim > 1:
        covered, values = " (share covered)", values.mean(axis=(1, 2))
    low, middle, high = np.quantile(values, [0, 0.5, 1])
    return f"{name}{covered}: {low:.3g} to {high:.3g}, half below {middle:.3g}"


def _most_common(values: Iterator[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _sought(patches: Tissue) -> str:
    counts = {name: count for name, count in patches.counts().items() if count}
    if len(counts) < 2:
        raise ValueError(
            f"{patches.source}: all images are of the class {', '.join(counts)}; there is nothing "
            "to seek, so add another class"
        )
    return "TUM" if "TUM" in counts else min(counts, key=counts.__getitem__)


def _patients_by_class(patches: Tissue) -> dict[str, int]:
    if "patient" not in patches.facts:
        return {}
    patients, labels = patches.facts["patient"], patches.labels.numpy()
    by_class = [len(np.unique(patients[labels == k])) for k in range(len(patches.class_names))]
    return {name: n for name, n in zip(patches.class_names, by_class, strict=True) if n}


# ---------------------------------------------------------------------------- split and leak
def _split(patches: Tissue, positive: str, fold: int, folds: int) -> tuple[np.ndarray, str]:
    """bool (N,), which images test, and in words how that was decided."""
    part = patches.facts.get("part")
    if part is not None:
        return part == "test", "training and test as the data say"
    test = np.zeros(len(patches), dtype=bool)
    try:
        test[_fold(patches, fold, folds, positive)[1]] = True
    except ValueError as error:  # fewer patients than folds
        return test, f"none can be made ({error})"
    how = "by patient" if "patient" in patches.facts else "at random, since no patients are known"
    return test, f"test fold {fold} of {folds}, {how}"


def _fold(patches: Tissue, fold: int, folds: int, positive: str) -> tuple[np.ndarray, np.ndarray]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that patients are not known is part of the answer
        return imbalance.fold_by_patient(patches, fold, folds, positive)


def _crossing(patches: Tissue, test: np.ndarray) -> dict[str, tuple[str, ...]]:
    """Patients with images on both sides, each with its files."""
    patients = patches.facts.get("patient")
    if patients is None:
        return {}
    on_both_sides = np.intersect1d(patients[test], patients[~test])
    files = patches.facts["file"]
    return {name: tuple(files[patients == name].tolist()) for name in on_both_sides.tolist()}


def leak(
    patches: Tissue, colours: np.ndarray, positive: str, folds: int = 5
) -> tuple[float | None, float | None]:
    """AUROC of a forest on these features: on a random split, and on one by patient.

    A forest remembers what it saw, patients among it, which a line through few colours cannot.
    Means over the folds; None where that split cannot be made. colours: float32 (N, d).
    """
    at_random = replace(patches, facts={})
    known = "patient" in patches.facts
    scores = _mean_auroc(at_random, colours, positive, folds)
    return scores, _mean_auroc(patches, colours, positive, folds) if known else None


def _mean_auroc(patches: Tissue, features: np.ndarray, positive: str, folds: int) -> float | None:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score

    targets = imbalance.is_positive(patches, positive).numpy()
    aurocs = []
    for fold in range(folds):
        try:
            train, test = _fold(patches, fold, folds, positive)
        except ValueError:  # fewer patients than folds
            return None
        if any(len(np.unique(targets[side])) < 2 for side in (train, test)):
            continue
        forest = RandomForestClassifier(TREES, random_state=0, n_jobs=-1)
        forest.fit(features[train], targets[train])
        aurocs.append(roc_auc_score(targets[test], forest.predict_proba(features[test])[:, 1]))
    return float(np.mean(aurocs)) if aurocs else None


# ---------------------------------------------------------------------------- sizes, samples
def _sizes(
    archive: ImageFiles,
    patches: Tissue,
    good: list[int],
    test: np.ndarray,
    positive: str,
    minutes: float,
    profile: Profile | str | None,
) -> sizes.Sizes | str:
    """The sizes for this split, measured on some of its patches; why there are none."""
    base = profiles.current(profile)
    targets = imbalance.is_positive(patches, positive).numpy()[~test]
    rarer = min(int(targets.sum()), int((~targets).sum()))
    counts = sizes.Counts(int((~test).sum()), rarer, int(test.sum()))
    images = _shown(archive, _spread(np.array(good), REHEARSED), base.image_size)
    try:
        speed = sizes.rehearse(Protocol.of(base), images, counts.train)
        return sizes.choose(counts, speed, minutes=minutes, base=base)
    except ValueError as error:
        return f"none: {error}"


def _samples(archive: ImageFiles, patches: Tissue, good: list[int], each: int = 8) -> Tissue:
    """A few patches of each class, as large as a page shows them."""
    labels = patches.labels.numpy()
    members = [np.flatnonzero(labels == k) for k in range(len(patches.class_names))]
    rows = np.sort(np.concatenate([_spread(m, each) for m in members]))
    return replace(patches.take(rows), images=_shown(archive, np.array(good)[rows]))


def _twice(
    archive: ImageFiles, good: list[int], groups: list[list[int]], most: int = 16
) -> tuple[torch.Tensor, list[str]] | None:
    """The first two images of each of the first groups, with titles; None where there are none."""
    if not groups:
        return None
    pairs = np.array([group[:2] for group in groups[:most]]).ravel()
    titles = [f"{1 + k // 2}" for k in range(len(pairs))]
    positions, place = np.unique(np.array(good)[pairs], return_inverse=True)
    return _shown(archive, positions)[place], titles


def _spread(values: np.ndarray, count: int) -> np.ndarray:
    """So many of the values, evenly from the first to the last; all where they are fewer."""
    return values[np.linspace(0, len(values) - 1, min(count, len(values))).astype(int)]


def _shown(archive: ImageFiles, positions: np.ndarray, side: int = 64) -> torch.Tensor:
    shown = []
    for image in archive.read(positions.tolist(), side):
        if isinstance(image, ValueError):  # it could be read a moment ago
            raise image
        shown.append(image)
    return torch.from_numpy(np.stack(shown))
