"""EBHI-Seg as the kit uses it: 64-pixel patches with patients, remade from the authors' folder.

Shi et al. 2023, "EBHI-Seg: A novel enteroscope biopsy histopathological hematoxylin and eosin
image dataset for image segmentation tasks", Frontiers in Medicine 10:1114673; figshare 21540159.
The original cannot be fetched by a program, so whoever wants the same set downloads and unpacks
it by hand, and ``remake`` does the rest. What it makes is held against what was measured on the
set that the kit's stored studies were run on.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from activecl_nb.files import read, replacing
from activecl_nb.sources.folders import class_folders, is_image
from activecl_nb.sources.image import BadImage, BadImages, decode_bytes, listed, resize

SIDE = 64
# The authors' class folders, each with image/ and label/ (masks), and the names used here.
CLASSES = {
    "Adenocarcinoma": "ADC",
    "High-grade IN": "HGIN",
    "Low-grade IN": "LGIN",
    "Normal": "NORM",
    "Polyp": "POLYP",
    "Serrated adenoma": "SSA",
}
# Nobody documents the names; the number after the letters is taken for the patient's.
PATIENT = re.compile(r"^GT[A-Za-z]*(\d+)-")
COLUMNS = ("file", "label", "patient", "mask_share", "mask")


@dataclass(frozen=True)
class Measured:
    """What tells two such sets apart.

    counts: patches of each class. patients: how many. colours: mean RGB of each class, which a
    slightly other way of shrinking would leave as they are. table, pixels, masks: SHA-256 of the
    columns file, label, patient and mask, of all decoded RGB values, and of all masks' values 0
    and 1, in the order of the table.
    """

    counts: dict[str, int]
    patients: int
    colours: dict[str, tuple[float, float, float]]
    table: str
    pixels: str
    masks: str


EXPECTED = Measured(
    counts={"ADC": 795, "HGIN": 186, "LGIN": 637, "NORM": 76, "POLYP": 474, "SSA": 58},
    patients=340,
    colours={
        "ADC": (135.4, 90.58, 181.75),
        "HGIN": (133.08, 87.99, 180.97),
        "LGIN": (134.76, 86.02, 173.0),
        "NORM": (142.29, 104.83, 182.58),
        "POLYP": (124.27, 87.29, 160.26),
        "SSA": (126.79, 89.71, 156.87),
    },
    table="aeffdee6304f88a8f9e7ba2536f7435b9b79120dd120c14408eb775df7ca0f2e",
    pixels="dd7a123d2569894e3c48a45854d81ef51282117a2dcbd1154c4b8ac7a390cf2d",
    masks="3aac92c317e7dcf0c880d273ea39975b698268b7039c2033da1528afbd106953",
)


# ---------------------------------------------------------------------------- remaking
@dataclass(frozen=True)
class _Pair:
    """An image of the original, its mask, and what the kit calls it."""

    image: Path
    mask: Path
    label: str

    @property
    def patient(self) -> str:
        """The number in the file's name; "" where there is none."""
        found = PATIENT.match(self.image.name)
        return found[1] if found else ""

    @property
    def name(self) -> str:
        return f"{self.image.parent.parent.name}/image/{self.image.name}"


def remake(original: str | os.PathLike[str], out: str | os.PathLike[str]) -> list[str]:
    """Write image/, mask/ and, last, patches.csv into ``out``; what was left out, a line each.

    original: the unpacked folder that holds the class folders (or one that holds this folder).
    Images are shrunk to 64 x 64, bicubic with antialiasing, masks by the majority of the area.
    Left out are images without a mask, and images that are pixel for pixel the same as another.

    Raises FileNotFoundError, or ValueError with all that is wrong: class folders or files that
    are missing, names without a patient, images that cannot be read.
    """
    out = Path(os.path.expanduser(out))
    if (out / "patches.csv").exists():
        raise ValueError(f"{out / 'patches.csv'} is there already; give another folder as --out")
    pairs, said = _pairs(_root(Path(os.path.expanduser(original))))
    digests, bad = _digests(pairs)
    if bad:
        raise BadImages(str(original), bad)
    alike = defaultdict(list)
    for pair, digest in zip(pairs, digests, strict=True):
        alike[digest].append(pair.name)
    said += [f"the same pixels: {listed(names)}" for names in alike.values() if len(names) > 1]
    kept = [pair for pair, digest in zip(pairs, digests, strict=True) if len(alike[digest]) == 1]
    rows = [_write(pair, out) for pair in tqdm(kept, desc="shrink", unit="patch")]
    with (
        replacing(out / "patches.csv") as path,
        open(path, "w", newline="", encoding="utf-8") as file,
    ):
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(sorted(rows, key=lambda row: row["file"]))
    return said


def _root(original: Path) -> Path:
    """The folder that holds the class folders: ``original``, or one in it."""
    if not os.path.isdir(original):
        raise FileNotFoundError(f"{original} is not a folder; give the unpacked EBHI-SEG")
    for folder in (original, *class_folders(original)):
        missing = [name for name in CLASSES if not (folder / name / "image").is_dir()]
        if not missing:
            return folder
        if len(missing) < len(CLASSES):
            raise ValueError(
                f"{folder} lacks the folders {listed([f'{n}/image' for n in missing])}"
            )
    raise ValueError(
        f"{original} holds none of the class folders {listed(list(CLASSES))}; unpack EBHI-SEG and "
        "give its folder"
    )


def _pairs(root: Path) -> tuple[list[_Pair], list[str]]:
    """All images that have a mask, and a line on those that have none."""
    pairs, lonely, strange = [], [], []
    for folder, label in CLASSES.items():
        for image in sorted((root / folder / "image").iterdir()):
            if not is_image(image.name):
                continue
            pair = _Pair(image, root / folder / "label" / image.name, label)
            if not pair.patient:
                strange.append(pair.name)
            elif pair.mask.is_file():
                pairs.append(pair)
            else:
                lonely.append(pair.name)
    if strange:
        raise ValueError(
            f"{root}: {len(strange):,} names do not begin as GT, letters, a number and a dash, "
            f"so that their patient is unknown: {listed(strange)}"
        )
    return pairs, [f"without a mask: {name}" for name in lonely]


def _digests(pairs: list[_Pair]) -> tuple[list[str], list[BadImage]]:
    """A hash of each image's pixels; and everything that cannot be read."""
    digests, bad = [], []
    for pair in tqdm(pairs, desc="compare", unit="patch"):
        try:
            image = decode_bytes(read(pair.image), pair.name)
            mask = _mask(pair)
            if image.size != mask.shape[::-1]:
                said = f"{image.size[0]}x{image.size[1]}, mask {mask.shape[1]}x{mask.shape[0]}"
                raise BadImage(pair.name, "has a mask of another size", said)
            digests.append(hashlib.sha256(image.tobytes()).hexdigest())
        except BadImage as error:
            bad.append(error)
    return digests, bad


def _mask(pair: _Pair) -> np.ndarray:
    """bool (height, width): the tissue that made the grade, white in the authors' file."""
    name = pair.name.replace("/image/", "/label/")
    grey = np.asarray(decode_bytes(read(pair.mask), name).convert("L"))
    return grey > 127 if (grey > 127).any() else grey > 0  # some programs write 0 and 1


def _write(pair: _Pair, out: Path) -> dict[str, str]:
    """Shrink one image and its mask; its row of the table."""
    image = resize(decode_bytes(read(pair.image), pair.name), SIDE)
    whole = _mask(pair)
    area = Image.fromarray(whole.astype(np.uint8) * 255).resize((SIDE, SIDE), Image.Resampling.BOX)
    mask = Image.fromarray(np.asarray(area) > 127)
    files = {kind: f"{kind}/{pair.label}/{pair.image.stem}.png" for kind in ("image", "mask")}
    for kind, pixels in (("image", image), ("mask", mask)):
        (out / files[kind]).parent.mkdir(parents=True, exist_ok=True)
        pixels.save(out / files[kind])
    return {
        "file": files["image"],
        "label": pair.label,
        "patient": pair.patient,
        "mask_share": f"{whole.mean():.4f}",
        "mask": files["mask"],
    }


# ---------------------------------------------------------------------------- comparing
def measure(folder: str | os.PathLike[str]) -> Measured:
    """What is in a folder with patches.csv."""
    folder = Path(os.path.expanduser(folder))
    with open(folder / "patches.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = "\n".join(
        ",".join(row[c] for c in ("file", "label", "patient", "mask")) for row in rows
    )
    pixels, masks = hashlib.sha256(), hashlib.sha256()
    colours: dict[str, list[np.ndarray]] = defaultdict(list)
    for row in rows:
        image = np.asarray(decode_bytes(read(folder / row["file"]), row["file"]))
        mask = decode_bytes(read(folder / row["mask"]), row["mask"])
        pixels.update(image.tobytes())
        masks.update((np.asarray(mask.convert("L")) > 127).tobytes())
        colours[row["label"]].append(image.mean((0, 1)))
    return Measured(
        dict(sorted(Counter(row["label"] for row in rows).items())),
        len({row["patient"] for row in rows}),
        {k: tuple(np.mean(v, 0).round(2).tolist()) for k, v in sorted(colours.items())},
        hashlib.sha256(table.encode()).hexdigest(),
        pixels.hexdigest(),
        masks.hexdigest(),
    )


def differences(found: Measured, expected: Measured = EXPECTED) -> Iterator[str]:
    """A line for each respect in which a set is not the one that was measured."""
    if found.counts != expected.counts:
        yield f"counts {found.counts}, expected {expected.counts}"
    if found.patients != expected.patients:
        yield f"{found.patients} patients, expected {expected.patients}"
    if found.table != expected.table:
        yield "the table names other files, labels or patients"
    if found.pixels != expected.pixels:
        known = {name: expected.colours.get(name, (-1, -1, -1)) for name in found.colours}
        off = max(
            abs(a - b)
            for name in known
            for a, b in zip(found.colours[name], known[name], strict=True)
        )
        kind = "other images" if off > 0.5 else "the same images, shrunk in a slightly other way"
        yield f"other pixels: {kind} (class means differ by up to {off:.2f} of 255)"
    if found.masks != expected.masks:
        yield "other masks"
