"""Images of which a part is missing, or more is there than the header says, are refused."""

from __future__ import annotations

import io
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from small_sets import patch

from activecl_nb.sources.image import BadImage, decode_bytes

PIXELS = patch(3, 64)
GREY = Image.new("RGB", (64, 64), (128, 128, 128))  # as a JPEG's blocks that did not come


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def refused(content: bytes) -> str:
    with pytest.raises(BadImage, match="Copy it anew from where it came") as told:
        decode_bytes(content, "x.png")
    return str(told.value)


def chunk(kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def png(stream: bytes, *before: bytes, colour: int = 2, interlaced: bool = False) -> bytes:
    """64 x 64 pixels of 8 bits a sample; ``stream``: the compressed rows."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, colour, 0, 0, interlaced))
    chunks = (head, *before, chunk(b"IDAT", stream), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def rows(pixels: np.ndarray) -> bytes:
    return b"".join(b"\0" + row.tobytes() for row in pixels)


WHOLE = rows(PIXELS)
INDICES = zlib.compress(rows(np.full((64, 64, 1), 2, np.uint8)))
PALETTE = chunk(b"PLTE", bytes(range(9)))


def test_png_of_the_rows_that_it_says() -> None:
    np.testing.assert_array_equal(np.asarray(decode_bytes(png(zlib.compress(WHOLE)), "x")), PIXELS)
    assert decode_bytes(png(INDICES, PALETTE, colour=3), "x").getpixel((9, 9)) == (6, 7, 8)


def test_an_interlaced_png_is_whole() -> None:
    """Its seven passes, each of the rows and columns that the format names."""
    ways = [np.s_[::8, ::8], np.s_[::8, 4::8], np.s_[4::8, ::4], np.s_[::4, 2::4]]
    ways += [np.s_[2::4, ::2], np.s_[::2, 1::2], np.s_[1::2, ::1]]
    stream = b"".join(rows(PIXELS[way]) for way in ways)
    image = decode_bytes(png(zlib.compress(stream), interlaced=True), "x")
    np.testing.assert_array_equal(np.asarray(image), PIXELS)
    assert "more than its 64 rows" in refused(png(zlib.compress(stream + b"x"), interlaced=True))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (png(zlib.compress(WHOLE[: 193 * 40])), r"7,720 of the 12,352 bytes of its rows"),
        (png(zlib.compress(WHOLE * 2)), "more than its 64 rows"),
        (png(zlib.compress(WHOLE)[:-4]), "no checksum of its rows"),
        (png(zlib.compress(WHOLE)[:-4] + bytes(4)), "broken data stream"),
        (png(zlib.compress(WHOLE))[:-12], "no chunk IEND"),
        (png(INDICES, colour=3), "colour 2 of a palette of 0"),
        (png(INDICES, chunk(b"PLTE", bytes(6)), colour=3), "colour 2 of a palette of 2"),
    ],
)
def test_png_in_part(content: bytes, said: str) -> None:
    assert said in refused(content)


def test_bmp_of_colours_beyond_its_palette() -> None:
    content = bytearray(saved(Image.fromarray(PIXELS).quantize(5), "BMP"))
    decode_bytes(bytes(content), "x")
    content[-64:] = b"\x09" * 64
    assert "colour 9 of a palette of 5" in refused(bytes(content))


# ------------------------------------------------------------------ JPEG
HOW = {
    "one scan": {},
    "grey": {},
    "progressive": {"progressive": True},
    "with restarts": {"restart_marker_rows": 1},
    "fine": {"subsampling": 0, "quality": 99, "optimize": True},
}


def jpeg(how: str) -> bytes:
    image = Image.fromarray(PIXELS).convert("L" if how == "grey" else "RGB")
    return saved(image, "JPEG", **HOW[how])


@pytest.mark.parametrize("how", HOW)
def test_jpeg_cut_with_an_end_marker_put_there(how: str) -> None:
    content = jpeg(how)
    decode_bytes(content, "x")
    decode_bytes(content + b"what a camera adds \xff\xd9", "x")
    begins = content.index(b"\xff\xda")
    for share in (0.1, 0.5, 0.9):
        cut = begins + 14 + int(share * (len(content) - begins - 14))
        said = refused(content[:cut] + b"\xff\xd9")
        assert re.search("not all of its scans|coded data that end too early|truncated", said)


def test_progressive_jpeg_without_its_later_scans() -> None:
    content = jpeg("progressive")
    scans = [match.start() for match in re.finditer(b"\xff\xda", content)]
    assert len(scans) > 3
    for scan in scans[1:]:
        assert "not all of its scans" in refused(content[:scan] + b"\xff\xd9")


@pytest.mark.parametrize("how", HOW)
def test_a_jpeg_that_is_grey_itself_is_whole(how: str) -> None:
    assert decode_bytes(saved(GREY, "JPEG", **HOW[how]), "x").getpixel((63, 63)) == (128,) * 3


# ------------------------------------------------------------------ TIFF
def tiff(tags: dict[int, tuple[int, ...]], data: bytes) -> bytes:
    """64 x 64 RGB, little-endian, longs alone; the data begin at byte 8."""
    tags = {256: (64,), 257: (64,), 258: (8,) * 3, 259: (1,), 262: (2,), 277: (3,), **tags}
    at = 8 + len(data) + 2 + 12 * len(tags) + 4
    entries = more = b""
    for tag, values in sorted(tags.items()):
        packed = struct.pack(f"<{len(values)}I", *values)
        place = packed if len(values) == 1 else struct.pack("<I", at + len(more))
        more += packed if len(values) > 1 else b""
        entries += struct.pack("<HHI", tag, 4, len(values)) + place
    head = b"II*\0" + struct.pack("<I", 8 + len(data))
    return head + data + struct.pack("<H", len(tags)) + entries + bytes(4) + more


PLANES = PIXELS.transpose(2, 0, 1).tobytes()
PLANAR = {278: (64,), 284: (2,), 273: (8, 4104, 8200), 279: (4096,) * 3}
STRIPS = {278: (32,), 273: (8, 8 + 6144), 279: (6144,) * 2}


def test_tiff_in_planes_and_strips() -> None:
    for content in (tiff(PLANAR, PLANES), tiff(STRIPS, PIXELS.tobytes())):
        np.testing.assert_array_equal(np.asarray(decode_bytes(content, "x")), PIXELS)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (tiff(PLANAR | {273: (8,), 279: (4096,)}, PLANES), "1 of 3 strips or tiles"),
        (tiff(STRIPS | {273: (8,), 279: (6144,)}, PIXELS.tobytes()), "1 of 2 strips or tiles"),
        (tiff(STRIPS | {279: (6144, 0)}, PIXELS.tobytes()), "1 of 2 strips or tiles"),
        (tiff(STRIPS | {279: (6144, 9)}, PIXELS.tobytes()), "6,153 of the 12,288 bytes"),
    ],
)
def test_tiff_in_part(content: bytes, said: str) -> None:
    assert said in refused(content)


def test_a_stack_of_imagej_that_says_so_in_words() -> None:
    words = "ImageJ=1.53\nimages={}\nslices=5\n"
    image = Image.fromarray(PIXELS)
    decode_bytes(saved(image, "TIFF", description=words.format(1)), "x")
    with pytest.raises(BadImage, match=r"holds several frames or pages \(5\)"):
        decode_bytes(saved(image, "TIFF", description=words.format(5)), "x")


KINDS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", [*KINDS, "GIF", "JPEG2000", "PPM"])
@pytest.mark.parametrize("between", [b"", b"\n", b"\0" * 7, b"\xff", b"scanned by hand\r\n"])
def test_a_second_image_in_the_file_is_refused(kind: str, other: str, between: bytes) -> None:
    first = saved(Image.fromarray(PIXELS), kind)
    second = saved(Image.fromarray(patch(4, 64)), other)
    assert "another image behind its end" in refused(first + between + second)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "note",
    [
        b"scanned by hand, BM 7, MM and II",
        b"\0" * 5000,
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"II*\0" * 50,
        b"\xff\xd8\xff" * 900,
        np.random.default_rng(0).bytes(100_000),
    ],
)
def test_what_is_no_image_may_lie_behind_one(kind: str, note: bytes) -> None:
    first = saved(Image.fromarray(PIXELS), kind)
    assert np.array_equal(decode_bytes(first + note, "x"), decode_bytes(first, "x"))


def test_more_starts_than_are_tried() -> None:
    first = saved(Image.fromarray(PIXELS), "PNG")
    assert "another image" in refused(first + b"\xff\xd8\xff" * 1001)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("kind", [1, 2, 6, 7])  # bytes, text, signed bytes, anything
def test_a_tiff_s_own_small_picture_is_none_behind_it(kind: int, big: bool) -> None:
    """Programs keep one in a tag, whose content may lie behind the rows; its head is as any's."""
    small = saved(Image.fromarray(PIXELS).resize((16, 16)), "JPEG")
    other = saved(Image.fromarray(patch(4, 64)), "JPEG")
    assert small[:64] == other[:64]
    content = hand_written_tiff(kind, small, big=big)
    np.testing.assert_array_equal(np.asarray(decode_bytes(content, "x")), PIXELS)
    assert "another image behind its end" in refused(content + other)


def hand_written_tiff(kind: int, preview: bytes, *, big: bool) -> bytes:
    """The rows, and behind them a preview in a tag of a directory of its own, as Exif has it."""
    wide, form = (8, "<HHQQ") if big else (4, "<HHII")
    end = "Q" if big else "I"
    count = "Q" if big else "H"

    def directory(entries: list[tuple[int, int, int, int]]) -> bytes:
        told = b"".join(struct.pack(form, *entry) for entry in entries)
        return struct.pack(f"<{count}", len(entries)) + told + struct.pack(f"<{end}", 0)

    head = b"II" + (struct.pack("<HHH", 43, 8, 0) if big else struct.pack("<H", 42))
    start = len(head) + wide
    rows = PIXELS.tobytes()
    at = start + len(rows)
    inner = directory([(0x927C, kind, len(preview), at)])
    depth = struct.pack("<3H", 8, 8, 8)
    inside, deep = at + len(preview), at + len(preview) + len(inner)
    outer = directory(
        [
            *((256, 3, 1, 64), (257, 3, 1, 64), (258, 3, 3, deep), (259, 3, 1, 1), (262, 3, 1, 2)),
            *((273, 4, 1, start), (277, 3, 1, 3), (278, 3, 1, 64), (279, 4, 1, len(rows))),
            (34665, 4, 1, inside),
        ]
    )
    if big:  # three numbers of two bytes have room in the entry
        outer = outer.replace(
            struct.pack(form, 258, 3, 3, deep), struct.pack("<HHQ", 258, 3, 3) + depth + bytes(2)
        )
    first = struct.pack(f"<{end}", deep + len(depth))
    return head + first + rows + preview + inner + depth + outer


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_rows_of_a_bmp_end_where_they_end(mode: str) -> None:
    narrow = Image.fromarray(PIXELS).resize((37, 21)).convert(mode)
    content = saved(narrow, "BMP")
    np.testing.assert_array_equal(np.asarray(decode_bytes(content, "x")), narrow.convert("RGB"))
    assert "another image behind its end" in refused(content + content)
