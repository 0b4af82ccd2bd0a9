"""Small data sets in the layouts of the real ones, made on the spot."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from activecl_nb.sources import archive
from activecl_nb.sources.sets import CLASS_NAMES, DataSet, RemoteFile

COUNTS = (3, 2, 4, 3, 2, 3, 2, 3, 5)  # of each class, in the official order


def patch(number: int, size: int = 16) -> np.ndarray:
    """Smooth coloured noise, uint8 (size, size, 3), another for each number."""
    coarse = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))


def image_bytes(pixels: np.ndarray, ending: str = "tiff") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, ending)
    return stream.getvalue()


def official_files(root: str, counts: tuple[int, ...] = COUNTS, size: int = 16) -> dict[str, bytes]:
    """Name and content of each image of a small NCT-CRC-HE-100K, in the official order."""
    files = {}
    for name, count in zip(CLASS_NAMES, counts, strict=True):
        for i in range(count):
            content = image_bytes(patch(1000 * CLASS_NAMES.index(name) + i, size))
            files[f"{root}/{name}/{name}-{i:04d}.tif"] = content
    return files


def official_pixels(counts: tuple[int, ...] = COUNTS, size: int = 16) -> np.ndarray:
    """What the official files hold, decoded by PIL alone: uint8 (N, 3, size, size)."""
    contents = official_files("x", counts, size).values()
    pixels = [np.asarray(Image.open(io.BytesIO(content))) for content in contents]
    return np.stack(pixels).transpose(0, 3, 1, 2)


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    """In an order that is not the official one, and with the litter that real zips carry."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in sorted(files.items(), reverse=True):
            made.writestr(name, content)
        made.writestr(f"{path.stem}/TUM/Thumbs.db", b"litter")
        made.writestr(f"__MACOSX/{path.stem}/TUM/._TUM-0000.tif", b"litter")
    return path


def write_folder(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def write_npz(path: Path, size: int = 28, **changes: np.ndarray | None) -> Path:
    """PathMNIST's layout: train 30, val 10, test 20. ``changes`` replace keys; None drops one."""
    keys: dict[str, np.ndarray | None] = {}
    number = 0
    for part, count in (("train", 30), ("val", 10), ("test", 20)):
        keys[f"{part}_images"] = np.stack([patch(number + i, size) for i in range(count)])
        keys[f"{part}_labels"] = (np.arange(number, number + count) % 9)[:, None].astype(np.uint8)
        number += count
    keys |= changes
    np.savez_compressed(path, **{key: value for key, value in keys.items() if value is not None})
    return path


def describe(name: str, content: bytes, counts: tuple[int, ...] | None = None) -> RemoteFile:
    """The table entry of a file with this content."""
    return RemoteFile(name, 0, hashlib.md5(content).hexdigest(), len(content), counts=counts)


def small_kather(folder: Path) -> DataSet:
    """Both zips in ``folder``, and their entry for ``download.SETS``."""
    split = {}
    for stem, counts in (("NCT-CRC-HE-100K", COUNTS), ("CRC-VAL-HE-7K", (1,) * 9)):
        path = write_zip(folder / f"{stem}.zip", official_files(stem, counts))
        split[stem] = describe(path.name, path.read_bytes(), counts)
    return DataSet("kather19", *split.values(), 16, "small", patches=(sum(COUNTS), 9))


def small_pathmnist(folder: Path) -> DataSet:
    folder.mkdir(parents=True, exist_ok=True)
    file = describe("pathmnist.npz", write_npz(folder / "pathmnist.npz").read_bytes())
    return DataSet("pathmnist", file, file, 28, "small", patches=(40, 20))


def count_decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the images that are decoded from now on, in a list that grows."""
    decoded: list[str] = []
    original = archive.decode_bytes

    def counting(content: bytes, name: str) -> Image.Image:
        decoded.append(name)
        return original(content, name)

    monkeypatch.setattr(archive, "decode_bytes", counting)
    return decoded


def write_own(folder: Path, patients: int = 12, each: int = 6, size: int = 32) -> Path:
    """A miniature of one's own patches: PNGs below image/ and a table patches.csv; returns it.

    Every second patient has TUM alone (stripes), the others NORM; each has colours of its own.
    """
    lines = ["file,label,patient"]
    for patient in range(patients):
        random = np.random.default_rng(patient)
        colour, label = random.integers(90, 190, 3), ("NORM", "TUM")[patient % 2]
        for i in range(each):
            pixels = colour + random.normal(0, 25, (size, size, 3))
            if label == "TUM":
                pixels[:, i % 2 :: 4] -= 50
            name = f"image/{label}/{patient:02d}-{i}.png"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name)
            lines.append(f"{name},{label},{patient:02d}")
    (folder / "patches.csv").write_text("\n".join(lines) + "\n")
    return folder / "patches.csv"
