"""The phantom: H&E tissue that the kit draws itself, so that a class can start offline.

A patch is a square of 112 micrometres from one of the nine tissues of Kather et al. (2018). It
belongs to a slide, the slide to a patient, the patient to one of two centres; the training
patches come from centre 0 and the test patches from centre 1, as in the real pair of sets.

``patch = f(seed, split, index, size, dials)``: a patch does not depend on which others are
drawn, in which order, or by how many threads or processes. And because nothing about it is left
to chance, its facts are known: what it truly shows, from whom, how ambiguous it is, which
earlier patch it nearly repeats. A lesson can ask what a strategy really picked.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from activecl_nb import seeds, values
from activecl_nb.sources import drawings
from activecl_nb.sources.drawings import Drawing

# Part of every cache name. Raise it when a change to the drawing changes any patch.
RECIPE = 3

CLASSES = 9  # numbers 0..8: ADI BACK DEB LYM MUC MUS NORM STR TUM, named in tissue.CLASS_NAMES
TUMOUR = 8
# Patches of the eight other classes in NCT-CRC-HE-100K (Zenodo record 1214456).
PUBLISHED = np.array([10407, 10566, 11512, 11557, 8896, 13536, 8763, 10446])
# Classes that have a sister they are taken for: DEB for STR, MUS for STR, NORM for TUM, ...
HAS_SISTER = np.array([False, False, True, False, False, True, True, True, True])

ARTEFACTS = ("none", "fold", "pen", "blur")
CENTRE_OF = {"train": 0, "test": 1}
SLIDES = {"train": 86, "test": 50}  # as in the real sets
PATIENTS = {"train": 60, "test": 50}
SMALLEST = 16  # pixels a side; below this no structure is left to see
FOR_DRAWING = ("shift", "tissue_key", "look_key")  # parts of the plan that are no one's fact
CHUNK = 256  # patches drawn between two steps of the progress bar


@dataclass(frozen=True)
class Dials:
    """What can be turned about the phantom; the defaults resemble the real sets.

    tumour_share: share of patches that are tumour, 0..1 (0.143 in the real training set); the
        other classes keep their published proportions among themselves.
    confusability: mean difficulty of the patches that have a sister class, 0..1. At 0 every
        tumour is poorly differentiated and every class typical; at 1 tumours are as well
        differentiated as regenerating crypts, stroma as straight as muscle, debris as fibrous
        as stroma.
    redundancy: share of patches that nearly repeat an earlier one, 0 up to but not including 1.
    label_noise: share of labels replaced by one of the other eight classes, 0..1.
    artefacts: share of patches with a fold, a pen mark or out of focus, 0..1.
    centre_shift: how differently the test centre stains and scans; 0 is not at all, 1 the
        default (chosen by eye, not measured on a second real centre), 2 (the most) twice that.
    stain_variation: how differently the slides of each patient are stained and scanned, 0..1,
        beside what slides always differ in. 0 is a set whose stain was normalised, as the real
        pair's was; 1 is slides as they come, stretched until colour tells as little of tumour
        on other patients as it does in real slides by patient (an AUROC of about 0.64).
        Patients of both splits differ by it; classes do not.
    """

    tumour_share: values.Share = 0.143
    confusability: values.Share = 0.2
    redundancy: Annotated[values.Number, Field(ge=0, lt=1)] = 0.1
    label_noise: values.Share = 0.0
    artefacts: values.Share = 0.03
    centre_shift: Annotated[values.Number, Field(ge=0, le=2)] = 1.0
    stain_variation: values.Share = 0.0

    def __post_init__(self) -> None:
        values.checked(Dials, vars(self))


def facts(
    indices: np.ndarray | list[int] | range,
    *,
    seed: int = 0,
    split: str = "train",
    dials: Dials = Dials(),
) -> dict[str, np.ndarray]:
    """What is true of the patches with these global indices; arrays of length n.

    label: int64, the class number as given, after label noise. true_class: int64, the class
    that was painted. patient, slide: int64; the two splits share none. centre: int64, 0 or 1.
    difficulty: float64 in 0..1, how far the patch goes towards its sister class (0 for ADI,
    BACK, LYM and MUC, which have none). duplicate_of: int64, the earlier index that the patch
    nearly repeats, or -1. artefact: str, one of ``ARTEFACTS``.

    ValueError for an unknown split or an index below 0.
    """
    plan = _plan(_checked_indices(indices), seed, _checked_split(split), dials)
    plan["artefact"] = np.array(ARTEFACTS)[plan["artefact"]]
    return {name: values for name, values in plan.items() if name not in FOR_DRAWING}


def draw(
    indices: np.ndarray | list[int] | range,
    size: int,
    *,
    seed: int = 0,
    split: str = "train",
    dials: Dials = Dials(),
) -> np.ndarray:
    """The patches with these global indices, as uint8 (n, 3, size, size).

    The first call on a machine compiles the strokes, which takes about a minute; the result is
    kept on disk. ValueError for an unknown split, a size under 16 pixels, an index below 0.
    """
    indices = _checked_indices(indices)
    return _drawn(indices, _checked_size(size), seed, _checked_split(split), dials).images


def load(
    split: str,
    count: int,
    size: int,
    *,
    seed: int = 0,
    dials: Dials = Dials(),
    cache: bool = True,
    masks: bool = False,
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Patches 0..count-1 of a split: (images, labels, facts).

    images: uint8 (count, 3, size, size). labels: int64 (count,), the same as facts["label"].
    facts: those of ``facts``, and what only the drawing tells: tumour_share, float64 (count,),
    the share of the patch's pixels that is tumour; nuclei, int64 (count,), how many nuclei have
    their centre in the patch and are not covered by a gland, a sheet or a cleft drawn later
    (nuclear dust and the ghosts of dead cells are none; pixels decide what is covered, so that
    the count may differ by a few between sizes). With ``masks`` also mask, uint8 (count, size,
    size), 1 on tumour, 0 elsewhere: the tumour's own outline as it was drawn, a gland with its
    lumen, a sheet with its holes. It fits the image to the pixel; where the stain is faint or a
    pen mark lies over it the truth stays what it is.

    With ``cache`` the patches are drawn once, kept under ``files.cache_dir()/phantom`` with a
    checksum and memory-mapped (a change to the returned array never reaches the disk); a longer
    cached draw serves a shorter one. Where the cache is read-only a warning says so.
    """
    if count < 0:
        raise ValueError(f"count={count} patches cannot be drawn; give 0 or more")
    _checked_size(size), _checked_split(split)
    known = facts(range(count), seed=seed, split=split, dials=dials)
    if not count:
        drawing = _drawn(np.arange(0), size, seed, split, dials)
    elif cache:
        name = "-".join(f"{key}={value}" for key, value in sorted(asdict(dials).items()))
        digest = hashlib.sha256(f"{seed}-{name}".encode()).hexdigest()[:12]
        stem = f"r{RECIPE}-{digest}-{split}-{size}px"
        drawing = drawings.kept(stem, count, size, lambda: _parts(count, size, seed, split, dials))
    else:
        drawing = drawings.in_memory(_parts(count, size, seed, split, dials), count, size)
    known |= {"tumour_share": drawing.tumour_share, "nuclei": drawing.nuclei}
    if masks:
        known["mask"] = drawing.unpacked()
    return drawing.images, known["label"], known


# --- the plan: what each index stands for ----------------------------------------------------
def _plan(indices: np.ndarray, seed: int, split: str, dials: Dials) -> dict[str, np.ndarray]:
    """Everything about each patch that is settled before a stroke is drawn."""

    def chance(purpose: str, of: np.ndarray = indices) -> np.ndarray:
        return _uniform(seeds.number(seed, "phantom", split, purpose), of)

    duplicate_of, root = _duplicates(indices, seed, split, dials.redundancy)
    is_duplicate = duplicate_of >= 0

    share = np.append(PUBLISHED / PUBLISHED.sum() * (1 - dials.tumour_share), dials.tumour_share)
    true_class = np.searchsorted(np.cumsum(share)[:-1], chance("class", root), side="right")
    wrong = chance("label noise") < dials.label_noise
    other = 1 + (chance("wrong label") * (CLASSES - 1)).astype(np.int64)
    label = np.where(wrong, (true_class + other) % CLASSES, true_class)

    slide = (chance("slide", root) * SLIDES[split]).astype(np.int64)
    patient = slide % PATIENTS[split]
    # Half of the patches are as hard as their patient's tissue is, half as they happen to be.
    own = np.where(
        chance("whose", root) < 0.5, chance("hard", root), chance("patient hard", patient)
    )
    difficulty = _difficulty(own, dials.confusability) * HAS_SISTER[true_class]

    shift = 8.0 * np.stack([chance("shift x"), chance("shift y")], axis=1) - 4.0  # micrometres
    spoiled = chance("artefact") < dials.artefacts
    artefact = np.where(spoiled, 1 + (chance("which artefact") * 3).astype(np.int64), 0)

    earlier = split == "test"  # slides and patients of the test centre are numbered after
    return {
        "label": label.astype(np.int64),
        "true_class": true_class.astype(np.int64),
        "patient": patient + earlier * PATIENTS["train"],
        "slide": slide + earlier * SLIDES["train"],
        "centre": np.full(len(indices), CENTRE_OF[split], np.int64),
        "difficulty": difficulty,
        "duplicate_of": duplicate_of,
        "artefact": artefact,
        "shift": shift * is_duplicate[:, None],
        "tissue_key": _bits(seeds.number(seed, "phantom", split, "tissue"), root),
        "look_key": _bits(seeds.number(seed, "phantom", split, "look"), indices),
    }


def _difficulty(u: np.ndarray, mean: float) -> np.ndarray:
    """Uniform numbers to difficulties in 0..1 of this mean: all 0 at 0, all 1 at 1."""
    return np.zeros_like(u) if mean == 0 else u ** ((1 - mean) / mean)


def _duplicates(
    indices: np.ndarray, seed: int, split: str, redundancy: float
) -> tuple[np.ndarray, np.ndarray]:
    """(duplicate_of, root): the patch each one nearly repeats (-1: none), itself an original,
    and the index whose tissue it shows."""
    base = seeds.number(seed, "phantom", split, "duplicate")
    source = seeds.number(seed, "phantom", split, "duplicate of")
    root = indices.copy()
    while True:  # a repeat of a repeat shows the tissue of the first; indices only fall
        again = (_uniform(base, root) < redundancy) & (root > 0)
        if not again.any():
            break
        earlier = (_uniform(source, root) * root).astype(np.int64)
        root = np.where(again, earlier, root)
    return np.where(root < indices, root, -1), root


def _bits(base: int, index: np.ndarray) -> np.ndarray:
    """64 random bits for each index: splitmix64 (Steele, Lea and Flood 2014) at that place."""
    z = np.uint64(base) + (index.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _uniform(base: int, index: np.ndarray) -> np.ndarray:
    """A number in [0, 1) for each index."""
    return (_bits(base, index) >> np.uint64(11)).astype(np.float64) * 2.0**-53


# --- the slides ------------------------------------------------------------------------------
# Absorbance of one unit of stain in red, green and blue. The directions are near those that
# Macenko et al. (2009) normalise to, which the real sets were normalised with.
HAEMATOXYLIN = np.array([0.68, 1.07, 0.56])
EOSIN = np.array([0.22, 0.82, 0.38])
GLASS = np.array([246.0, 242.0, 246.0])  # what the scanner records where there is no tissue


# How far the slides of one patient may stray where stain_variation is 1: the bounds of uniform
# draws. The first five are in logarithms: all stain, each stain, each stain in each colour, the
# lamp, the lamp in each colour. The last is the share of light that is stray.
STRAY_STAIN, STRAY_EACH, STRAY_TINT = 0.9, 0.7, 0.25
STRAY_LAMP, STRAY_CAST, STRAY_HAZE = 0.8, 0.15, 0.88


def _optics(seed: int, split: str, dials: Dials) -> np.ndarray:
    """How each slide of a split was stained and scanned: float64 (slides, 13), in the columns
    that ``structures.scanner`` names."""
    table = np.empty((SLIDES[split], 13))
    shifted = dials.centre_shift * CENTRE_OF[split]
    for slide, row in enumerate(table):
        g = seeds.numpy_generator(seed, "phantom", split, "slide", slide)
        strength_h = np.exp(g.normal(-0.30 * shifted, 0.24))
        strength_e = np.exp(g.normal(0.10 * shifted, 0.22))
        tint = g.normal(0.0, 0.045, 3)
        row[0:3] = strength_h * (HAEMATOXYLIN + g.normal(0, 0.04, 3) + tint)
        row[3:6] = strength_e * (
            EOSIN + g.normal(0, 0.03, 3) + tint + shifted * np.array([0.03, -0.02, -0.05])
        )
        if g.random() < 0.06:  # a few slides come out violet
            row[3:6] += strength_e * np.array([0.22, 0.10, -0.22])
        row[6:9] = GLASS * g.uniform(0.95, 1.01) + shifted * np.array([-3.0, 0.0, -5.0])
        row[9] = g.uniform(0.2, 0.55) + 0.2 * shifted  # micrometres of blur
        row[10] = g.uniform(0.5, 2.5) + shifted  # grey levels of noise
        row[11] = g.uniform(4.0, 16.0)  # JPEG's quantiser at 224 pixels
        row[12] = g.uniform(0.0, 0.06) + 0.05 * shifted  # share of stray light
        _stray(row, seed, split, slide % PATIENTS[split], dials.stain_variation)
    return np.maximum(table, 0.0)


def _stray(row: np.ndarray, seed: int, split: str, patient: int, variation: float) -> None:
    """Move a slide's columns, in place, to how its patient's slides were made."""
    g = seeds.numpy_generator(seed, "phantom", split, "preparation", patient)

    def factors(bound: float, n: int = 1) -> np.ndarray:
        return np.exp(variation * g.uniform(-bound, bound, n))

    all_stain = factors(STRAY_STAIN)
    for stain in (row[0:3], row[3:6]):
        stain *= all_stain * factors(STRAY_EACH) * factors(STRAY_TINT, 3)
    # A lamp is only ever turned down: above the default, glass would be white without detail.
    row[6:9] *= np.exp(-variation * (g.uniform(0, STRAY_LAMP) + g.uniform(0, STRAY_CAST, 3)))
    row[12] += variation * g.uniform(0, STRAY_HAZE)


# --- drawing ---------------------------------------------------------------------------------
def _drawn(indices: np.ndarray, size: int, seed: int, split: str, dials: Dials) -> Drawing:
    """These patches, by a thread for each core that this process may use."""
    from activecl_nb.sources.structures.render import render  # numba, only now

    plan = _plan(indices, seed, split, dials)
    first = SLIDES["train"] if split == "test" else 0
    optics = _optics(seed, split, dials)[plan["slide"] - first]
    images = np.empty((len(indices), 3, size, size), np.uint8)
    masks, nuclei = np.empty((len(indices), size, size), np.uint8), np.empty(len(indices), np.int64)
    arguments = ("true_class", "tissue_key", "look_key", "difficulty", "shift", "artefact")

    def draw_run(run: slice) -> None:
        known = (plan[name][run] for name in arguments)
        render(images[run], masks[run], nuclei[run], *known, optics[run])

    runs = [slice(k, k + 16) for k in range(0, len(images), 16)]
    with ThreadPoolExecutor(_workers()) as pool:
        list(pool.map(draw_run, runs))
    return Drawing(images, np.packbits(masks, axis=2), masks.mean(axis=(1, 2)), nuclei)


def _workers() -> int:
    """Cores that this process may use; NUMBA_NUM_THREADS lowers it."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        cores = os.cpu_count() or 1
    asked = os.environ.get("NUMBA_NUM_THREADS", "")
    return max(1, min(cores, int(asked) if asked.isdecimal() else cores))


def _parts(count: int, size: int, seed: int, split: str, dials: Dials) -> Iterator[Drawing]:
    """Patches 0..count-1, a chunk at a time, with a progress bar when it is long."""
    from tqdm.auto import tqdm

    bar = tqdm(
        total=count,
        desc=f"Drawing {split} patches of {size} px",
        unit="patch",
        disable=count < 4 * CHUNK,
    )
    with bar:
        for start in range(0, count, CHUNK):
            part = np.arange(start, min(start + CHUNK, count))
            yield _drawn(part, size, seed, split, dials)
            bar.update(len(part))


# --- what is asked for -----------------------------------------------------------------------
def _checked_indices(indices: np.ndarray | list[int] | range) -> np.ndarray:
    array = np.asarray(indices)
    if array.size == 0:
        return np.empty(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"indices must be a row of whole numbers, not {array.dtype} {array.shape}")
    if array.min() < 0:
        raise ValueError(f"index {array.min()} is not a patch; indices start at 0")
    return array.astype(np.int64)


def _checked_split(split: str) -> str:
    if split not in SLIDES:
        raise ValueError(f"split={split!r} is unknown; give 'train' or 'test'")
    return split


def _checked_size(size: int) -> int:
    if int(size) != size or size < SMALLEST:
        raise ValueError(
            f"size={size} pixels is too small; give a whole number of {SMALLEST} or more"
        )
    return size
