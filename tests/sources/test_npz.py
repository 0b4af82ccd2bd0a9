"""PathMNIST's npz files: whatever is wrong with one is a line that names it, never other pixels."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_sets import write_npz

from activecl_nb import tissue

LOCAL, CENTRAL = b"PK\3\4", b"PK\1\2"


def read(path: Path) -> np.ndarray:
    """Half of the training images, so that the file is not read to its end for them."""
    return tissue.load("pathmnist", "train", path=path, at_most=20).images.numpy()


@pytest.mark.parametrize("stored", [True, False])
def test_no_flipped_bit_reaches_a_patch(tmp_path: Path, stored: bool) -> None:
    path = write_npz(tmp_path / "x.npz")
    if stored:
        with np.load(path) as keys:
            np.savez(path, **dict(keys))
    whole, good = path.read_bytes(), read(path)
    refused = 0
    for at in np.random.default_rng(0).integers(len(whole), size=120):
        damaged = bytearray(whole)
        damaged[at] ^= 0x80
        path.write_bytes(damaged)
        try:
            np.testing.assert_array_equal(read(path), good)  # a flip in another split
        except ValueError as error:
            assert "x.npz" in str(error)
            refused += 1
    assert refused > 30


def npy(shape: str, body: bytes = b"", descr: str = "|u1") -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(10 + len(header) + 1) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + body


def write(path: Path, images: bytes, labels: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in ("train", "val"):
            archive.writestr(f"{part}_images.npy", images)
            archive.writestr(f"{part}_labels.npy", labels)


def mark(at_local: int, at_central: int, value: int) -> Callable[[Path], None]:
    """Set a byte of every entry, in both places where a zip describes it."""

    def change(path: Path) -> None:
        content = bytearray(path.read_bytes())
        for signature, at in ((LOCAL, at_local), (CENTRAL, at_central)):
            position = 0
            while (position := content.find(signature, position)) >= 0:
                content[position + at] = value
                position += 4
        path.write_bytes(content)

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(mark(6, 8, 1), id="encrypted"),
        pytest.param(mark(8, 10, 99), id="unknown compression"),
        pytest.param(mark(8, 10, 14), id="broken lzma"),
        pytest.param(mark(8, 10, 12), id="broken bzip2"),
        pytest.param(mark(8, 10, 0), id="said to be stored"),
        pytest.param(mark(30, 46, ord("X")), id="other names"),
        pytest.param(mark(14, 16, 7), id="other checksum"),
    ],
)
def test_strange_zips(tmp_path: Path, change: Callable[[Path], None]) -> None:
    path = tmp_path / "a.npz"
    write(path, npy("(9, 8, 8, 3)", bytes(9 * 192)), npy("(9, 1)", bytes(range(9))))
    assert len(read(path)) == 18
    change(path)
    with pytest.raises(ValueError, match=r"a\.npz"):
        read(path)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("(1000000000000, 8, 8, 3)", "(1000000000000, 1)"),
        ("(1000, 8, 8, 3)", "(1000, 1)"),
        ("(-1, 8, 8, 3)", "(-1, 1)"),
        ("(8, 8, 8, 3)", "(8, 1)"),  # a patch would be passed over
        ("(9, 8, 8, 3)", "(99999999999,)"),
        ("(True, 8, 8, 3)", "(9, 1)"),
        ("(9, 8, 8, 3", "(9, 1)"),
        ("'nine'", "(9, 1)"),
        ("(9, 8, 8, 3)", "(9, 1), 'more': 1"),
    ],
)
def test_headers_that_lie(tmp_path: Path, images: str, labels: str) -> None:
    path = tmp_path / "a.npz"
    write(path, npy(images, bytes(9 * 192)), npy(labels, bytes(9)))
    with pytest.raises(ValueError, match=r"a\.npz"):
        read(path)


def test_patches_beyond_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write(path, npy("(1, 4097, 4097, 3)", bytes(4097 * 4097 * 3)), npy("(1, 1)", bytes(1)))
    with pytest.raises(ValueError, match=r"4,097 x 4,097; patches have at most 16,777,216 pixels"):
        read(path)


def test_a_part_that_is_there_twice(tmp_path: Path) -> None:
    """NumPy reads the last, other programs the first."""
    path = write_npz(tmp_path / "x.npz")
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("train_images.npy", archive.read("train_images.npy"))
    with pytest.raises(ValueError, match=r"x\.npz holds several entries train_images\.npy; fetch"):
        tissue.load("pathmnist", "train", path=path)
