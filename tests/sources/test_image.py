"""One image: read whole and upright, or refused by name with a mend that is right."""

from __future__ import annotations

import io
import os
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_sets import image_bytes, patch

from activecl_nb.sources import archive, folders
from activecl_nb.sources.image import MOST_PIXELS, BadImage, decode_bytes

PIXELS = patch(3, 12)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def tiff(samples: np.ndarray, bits: int, *more: tuple[int, int]) -> bytes:
    """An uncompressed TIFF of one strip, little-endian; ``more``: further tags with one value."""
    height, width = samples.shape[:2]
    channels = samples.shape[2] if samples.ndim == 3 else 1
    tags = {256: width, 257: height, 259: 1, 262: 2 if channels > 2 else 1, 277: channels}
    tags |= {278: height, 279: samples.nbytes, **dict(more)}
    body = samples.tobytes()
    at_bits = 8 + len(body)
    at_tags = at_bits + 2 * channels
    tags |= {258: bits if channels == 1 else at_bits, 273: 8}
    entries = b"".join(
        struct.pack("<HHII", tag, 3, channels, value)
        if tag == 258
        else struct.pack("<HHII", tag, 4 if value > 65535 else 3, 1, value)
        for tag, value in sorted(tags.items())
    )
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", at_tags) + body + bytes([bits, 0]) * channels + directory


def refused(content: bytes) -> str:
    with pytest.raises(BadImage) as told:
        decode_bytes(content, "x.png")
    assert str(told.value).startswith("x.png ") and "\n" not in str(told.value)
    return str(told.value)


# ------------------------------------------------------------------ taken


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "LA"])
def test_modes_that_lose_nothing(mode: str) -> None:
    given = Image.fromarray(PIXELS).convert(mode)
    image = decode_bytes(saved(given, "PNG"), "x.png")
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), np.asarray(given.convert("RGB")))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "WEBP"])
def test_each_format(kind: str) -> None:
    content = saved(Image.fromarray(PIXELS), kind, **({"lossless": True} if kind == "WEBP" else {}))
    np.testing.assert_array_equal(np.asarray(decode_bytes(content, "x")), PIXELS)


def test_the_home_made_tiff_is_read_as_such() -> None:
    np.testing.assert_array_equal(np.asarray(decode_bytes(tiff(PIXELS, 8), "x")), PIXELS)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    """A white corner, upper left, must come back there however the file is turned."""
    upright = np.zeros((16, 32, 3), dtype=np.uint8)
    upright[:8, :8] = 255
    turns = {
        **{2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1]},
        **{5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, 1)},
        **{7: lambda a: a[::-1, ::-1].swapaxes(0, 1), 8: lambda a: np.rot90(a, -1)},
    }
    turned = np.ascontiguousarray(turns.get(orientation, lambda a: a)(upright))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decode_bytes(saved(Image.fromarray(turned), kind, exif=exif.tobytes()), "x")
    assert image.size == (32, 16)
    assert (np.abs(np.asarray(image).astype(int) - upright) < 60).all()


# ------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(png(1, 1, 16, 2, bytes(7)), id="RGB png"),
        pytest.param(png(1, 1, 16, 0, bytes(3)), id="grey png"),
        pytest.param(png(1, 1, 16, 4, bytes(5)), id="grey png with alpha"),
        pytest.param(png(1, 1, 16, 6, b"\0" + b"\xff" * 8), id="RGBA png"),
        pytest.param(tiff(np.full((4, 4, 3), 4095, dtype="<u2"), 16), id="RGB tiff"),
        pytest.param(tiff(np.full((4, 4), 4095, dtype="<u2"), 16), id="grey tiff"),
        pytest.param(tiff(np.full((4, 4, 4), 4095, dtype="<u2"), 16), id="RGBA tiff"),
        pytest.param(tiff(np.full((4, 4), 9, dtype="<u4"), 32), id="32-bit tiff"),
    ],
)
def test_more_than_eight_bits(content: bytes) -> None:
    """Whatever the mode is called: 16-bit RGB is "RGB" to PIL, which drops the lower byte."""
    text = refused(content)
    assert "has more than 8 bits a sample" in text and "values * 255 / white" in text


def test_the_mend_of_sixteen_bits_is_right(tmp_path: Path) -> None:
    """What the text says, done: not the nearly white image that convert('RGB') would make."""
    values = np.linspace(0, 4095, 64).reshape(8, 8).astype(np.uint16)
    white = 4095
    mended = np.clip(values.astype(float) * 255 / white, 0, 255).astype(np.uint8)
    image = decode_bytes(saved(Image.fromarray(mended), "PNG"), "x.png")
    np.testing.assert_allclose(np.asarray(image)[..., 0], values / 4095 * 255, atol=1)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(tiff(np.ones((4, 4), dtype="<f4"), 32, (339, 3)), id="floats"),
        pytest.param(tiff(np.ones((4, 4), dtype="<i2"), 16, (339, 2)), id="signed, 16 bits"),
        pytest.param(tiff(np.ones((4, 4), dtype="i1"), 8, (339, 2)), id="signed, 8 bits"),
        pytest.param(saved(Image.new("F", (4, 4)), "TIFF"), id="floats by PIL"),
    ],
)
def test_samples_that_are_no_whole_numbers_from_zero(content: bytes) -> None:
    assert "signed or floating-point" in refused(content)


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP"])
def test_further_frames_and_pages(kind: str) -> None:
    pages = [Image.fromarray(patch(n, 12)) for n in range(3)]
    content = saved(pages[0], kind, save_all=True, append_images=pages[1:])
    text = refused(content)
    assert "several frames or pages (3)" in text and "Save the one that is meant" in text


def test_a_jpeg_with_further_pictures() -> None:
    pages = [Image.fromarray(patch(n, 16)) for n in range(2)]
    assert "several frames" in refused(
        saved(pages[0], "MPO", save_all=True, append_images=pages[1:])
    )


def test_a_channel_that_would_be_dropped() -> None:
    content = tiff(np.full((4, 4, 4), 200, dtype=np.uint8), 8, (338, 0))
    assert "a channel beside the colours" in refused(content)


@pytest.mark.parametrize("mode", ["CMYK", "LAB"])
def test_other_colours(mode: str) -> None:
    assert f"colour mode {mode}" in refused(saved(Image.new(mode, (4, 4)), "TIFF"))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB"])
def test_transparency(mode: str) -> None:
    image = Image.fromarray(PIXELS).convert("RGBA")
    image.putpixel((0, 0), (0, 0, 0, 0))
    if mode in ("P", "L", "RGB"):
        content = saved(image.convert("RGB").convert(mode), "PNG", transparency=_seen(image, mode))
    else:
        content = saved(image.convert(mode), "PNG")
    assert "has transparent pixels" in refused(content)


def _seen(image: Image.Image, mode: str) -> object:
    """The first pixel's value, so that it is transparent."""
    return image.convert("RGB").convert(mode).getpixel((0, 0))


@pytest.mark.parametrize("kind", ["GIF", "PPM", "ICO"])
def test_other_formats_under_a_known_ending(kind: str) -> None:
    told = refused(saved(Image.fromarray(PIXELS), kind))
    assert "is no image" in told and "Save it as PNG, JPEG" in told and "0x" not in told


def test_no_flipped_bit_of_a_png_is_read(tmp_path: Path) -> None:
    content = saved(Image.fromarray(PIXELS), "PNG")
    for at in range(0, len(content), 3):
        damaged = bytearray(content)
        damaged[at] ^= 0x10
        try:
            found = np.asarray(decode_bytes(bytes(damaged), "x.png"))
        except BadImage:
            continue
        np.testing.assert_array_equal(found, PIXELS)


@pytest.mark.filterwarnings("ignore:Truncated File Read")
@pytest.mark.parametrize("ending", ["PNG", "TIFF", "JPEG", "BMP", "WEBP"])
def test_cut_at_any_place(ending: str) -> None:
    content = saved(Image.fromarray(patch(1, 24)), ending)
    for length in range(0, len(content) - 40, 41):
        assert re.search("cannot be decoded|is no image", refused(content[:length]))


# ------------------------------------------------------------------ bounds


def bomb(side: int) -> bytes:
    """A PNG of black pixels, a few kB for each of many MB."""
    squeeze = zlib.compressobj(1)
    row = bytes(1 + 3 * side)
    body = b"".join(squeeze.compress(row) for _ in range(side)) + squeeze.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [4097, 13_000, 40_000])
def test_bombs_are_refused_before_they_are_decoded(
    side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("decoded")

    content = bomb(side) if side < 10_000 else png(side, side, 8, 2, b"")
    monkeypatch.setattr(Image.core, "new", never)
    monkeypatch.setattr(Image.Image, "load", never)
    assert "has more than 16,777,216 pixels" in refused(content)


def test_no_pixels() -> None:
    head = struct.pack("<IHHI", 54, 0, 0, 54)
    empty = b"BM" + head + struct.pack("<IiiHHIIiiII", 40, 0, 5, 1, 24, 0, 0, 0, 0, 0, 0)
    refused(empty)
    refused(png(0, 3, 8, 2, b""))


def test_a_small_tiff_of_one_huge_tile() -> None:
    small = np.zeros((4, 4, 3), dtype=np.uint8)
    text = refused(tiff(small, 8, (322, 30_000), (323, 30_000), (324, 8), (325, 48)))
    assert "has more than" in text


def test_the_largest_patch_is_read() -> None:
    side = int(MOST_PIXELS**0.5)
    assert decode_bytes(png(side, side, 1, 0, bytes((1 + side // 8) * side)), "x").size == (
        side,
        side,
    )


# ------------------------------------------------------------------ all at once


def test_all_bad_files_in_one_error_by_reason(tmp_path: Path) -> None:
    folder = tmp_path / "d" / "A"
    folder.mkdir(parents=True)
    for n in range(5):
        (folder / f"good{n}.png").write_bytes(image_bytes(patch(n, 12), "PNG"))
    for n in range(3):
        (folder / f"deep{n}.png").write_bytes(png(1, 1, 16, 2, bytes(7)))
    (folder / "cut1.png").write_bytes(image_bytes(PIXELS, "PNG")[:60])
    (folder / "cut2.png").write_bytes(b"")
    (folder / "wide.png").write_bytes(image_bytes(patch(1, 13), "PNG"))
    os.symlink(tmp_path / "nowhere", folder / "link.png")
    images = folders.from_folder(tmp_path / "d")
    for size in (None, 8):
        with pytest.raises(BadImage) as told:
            archive.decode(images, size)
        text = str(told.value)
        assert f"{len(told.value.bad)} images cannot be used" in text and "\n" not in text
        assert "Has more than 8 bits a sample (3): A/deep0.png" in text
        assert "Cannot be decoded (1): A/cut1.png" in text
        assert "Is no image (1): A/cut2.png" in text
        assert "Cannot be read (1): A/link.png" in text
        assert ("Has other than 12x12 pixels (1): A/wide.png (13x13)" in text) == (size is None)
        assert text.count("values * 255 / white") == 1  # the mend once a kind
