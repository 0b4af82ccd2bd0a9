"""Whether an image file holds all of the picture that its header promises, and no second one.

Decoders show what they find: where rows, scans or planes are missing they leave black or grey,
without a word. What a format can tell is asked for here. Some it cannot: BMP and JPEG have no
checksums, so bytes that were changed are taken for the picture, as are fewer or more rows than
a JPEG was made with, bytes lost between two of its restart markers or of its very last block,
and a TIFF's strips that lie in the wrong place.
"""

from __future__ import annotations

import io
import re
import zlib
from typing import Any

from PIL import Image

# In a JPEG's coded data: a marker that ends them (0 is a coded 255, D0 to D7 only divide them).
MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
SCAN, END = b"\xff\xda", b"\xff\xd9"
# How files of the common formats begin; of BMP the two letters alone would be found in any text.
START = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|II[*+]\0|MM\0[*+]|RIFF.{4}WEBP"
    rb"|BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0{3}|P[1-6]\s\d+\s\d+\s"
    rb"|\0\0\0\x0cjP  \r\n|\xff\x4f\xff\x51|.{4}ftypavif",
    re.DOTALL,
)
MOST_STARTS = 1000  # that are tried, each of which may be a picture
IEND = b"\0\0\0\0IEND\xaeB`\x82"  # a PNG's last chunk, with its checksum
# Of a TIFF: bytes of each type of value; tags whose values are places of further directories.
BYTES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
DIRECTORIES = (330, 34665, 34853, 40965)
SECOND = "another image behind its end"
PADDING = b"\x5a" * 64
EMPTY = (128, (128, 128, 128))  # what a decoder shows of a JPEG's blocks that did not come
# Of the passes of an interlaced PNG: step and start of its rows, step and start of its columns.
INTERLACED = (
    *((8, 0, 8, 0), (8, 0, 8, 4), (8, 4, 4, 0), (4, 0, 4, 2), (4, 2, 2, 0), (2, 0, 2, 1)),
    (2, 1, 1, 0),
)


def unlike_its_header(image: Image.Image, content: bytes) -> str:
    """What a file lacks of the decoded image, or has too much, in words; "": nothing is known."""
    checks = {"PNG": _png, "JPEG": _jpeg, "TIFF": _tiff, "BMP": _bmp, "WEBP": _webp}
    return checks[image.format or ""](image, content) or _palette(image)


def tag_values(image: Image.Image, number: int) -> tuple:
    """The values of a TIFF's tag, () if it has none or is no TIFF."""
    values = getattr(image, "tag_v2", {}).get(number, ())
    return values if isinstance(values, tuple) else (values,)


def _palette(image: Image.Image) -> str:
    """Pixels of colours that a palette does not have come out black."""
    if image.mode not in ("P", "PA"):
        return ""
    asked = max(colour for colour, count in enumerate(image.getchannel(0).histogram()) if count)
    palette = image.palette
    colours = len(palette.palette) // len(palette.mode) if palette else 0
    return "" if asked < colours else f"colour {asked} of a palette of {colours}"


def _png(image: Image.Image, content: bytes) -> str:
    """The rows that the header says, no more and no less, their checksum, and the end chunk."""
    data, at, kind = [], 8, b""
    while kind != b"IEND":
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        kind = content[at + 4 : at + 8]
        if end + 4 > len(content):
            return "no chunk IEND at its end"
        if kind == b"IDAT":
            data.append(content[at + 8 : end])
        at = end + 4
    if content[at - len(IEND) : at] != IEND:
        return "a damaged chunk IEND"
    if told := _behind(content[at:]):
        return told
    expected = _png_length(image.size, *content[24:26], interlaced=bool(content[28]))
    inflate = zlib.decompressobj()
    length = len(inflate.decompress(b"".join(data), expected + 1))
    if length > expected:
        return f"more than its {image.height} rows"
    if length < expected:
        return f"{length:,} of the {expected:,} bytes of its rows"
    return "" if inflate.eof else "no checksum of its rows"


def _png_length(size: tuple[int, int], depth: int, colour: int, *, interlaced: bool) -> int:
    """Bytes of all rows, each of which begins with the number of its filter."""
    bits = depth * {2: 3, 4: 2, 6: 4}.get(colour, 1)
    total = 0
    for down, top, across, left in INTERLACED if interlaced else ((1, 0, 1, 0),):
        columns, rows = len(range(left, size[0], across)), len(range(top, size[1], down))
        total += rows * (1 + (columns * bits + 7) // 8) if columns else 0
    return total


def _jpeg(image: Image.Image, content: bytes) -> str:
    """Every coefficient down to its last bit, and the coded data before the end marker.

    A decoder fills up data that end too early. So the image is decoded with other bytes put
    there, which change it if, and only if, it takes them for its own. Where all comes in one
    scan, blocks that did not come are grey, and an image whose last pixel is not is spared that.
    """
    sent, scans, at = set(), 0, 2
    while (marker := MARKER.search(content, at)) and marker[0] != END:
        at = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2], "big")
        if marker[0] == SCAN:
            scans += 1
            body = content[marker.end() + 2 : at]
            first, last, bits = body[-3:] if "progressive" in image.info else (0, 63, 0)
            if not bits & 15:  # these are the last of such a coefficient
                sent |= {(layer, k) for layer in body[1:-3:2] for k in range(first, last + 1)}
    if not marker:
        return "no end marker"
    if told := _behind(content[marker.end() :]):
        return told
    layers = [layer for layer, *_ in vars(image)["layer"]]
    if {(layer, k) for layer in layers for k in range(64)} - sent:
        return "not all of its scans"
    if scans == 1 and image.getpixel((image.width - 1, image.height - 1)) not in EMPTY:
        return ""
    padded = content[: marker.start()] + PADDING + content[marker.start() :]
    whole = Image.open(io.BytesIO(padded), formats=["JPEG"]).tobytes() == image.tobytes()
    return "" if whole else "coded data that end too early"


def _tiff(image: Image.Image, content: bytes) -> str:
    """Each strip or tile of each plane, and as many bytes as rows that are not compressed take."""
    tags = {number: tag_values(image, number) for number in range(256, 326)}
    width, height, samples = tags[256][0], tags[257][0], (tags[277] or (1,))[0]
    across, down = (tags[322] or (width,))[0], (tags[323] or tags[278] or (height,))[0]
    expected = -(-width // across) * -(-height // down) * (samples if tags[284] == (2,) else 1)
    sizes = tags[325] or tags[279]
    there = sum(size > 0 for size in sizes) if sizes else len(tags[324] or tags[273])
    if there < expected:
        return f"{there} of {expected} strips or tiles"
    rows = height * (width * samples * max(tags[258], default=1) // 8)
    short = sizes and (tags[259] or (1,))[0] == 1 and sum(sizes) < rows
    if short:
        return f"{sum(sizes):,} of the {rows:,} bytes of its rows"
    starts = tags[324] or tags[273]
    rows_end = max(map(sum, zip(starts, sizes, strict=True))) if sizes else max(starts) + rows
    return _behind(content[max(rows_end, _tags_end(content)) :])


def _tags_end(content: bytes) -> int:
    """Where a TIFF's directories end, and all that they point to but its rows.

    A value may be a small picture of the whole, which is none behind it.
    """
    order: Any = "little" if content.startswith(b"II") else "big"
    big = 43 in content[2:4]  # BigTIFF, whose places have eight bytes
    wide, count_bytes, size = (8, 8, 20) if big else (4, 2, 12)

    def number(at: int, length: int) -> int:
        return int.from_bytes(content[at : at + length], order)

    waiting, seen, end = [number(8 if big else 4, wide)], {0}, 0
    while waiting:
        directory = waiting.pop()
        if directory in seen or directory >= len(content):
            continue
        seen.add(directory)
        first = directory + count_bytes
        last = min(first + size * number(directory, count_bytes), len(content))
        for entry in range(first, last, size):
            tag, kind, count = number(entry, 2), number(entry + 2, 2), number(entry + 4, wide)
            each = BYTES.get(kind, 1)
            at = entry + 4 + wide
            place = at if each * count <= wide else number(at, wide)
            end = max(end, place + each * count)
            if tag in DIRECTORIES:
                waiting += [number(place + i * each, each) for i in range(min(count, 99))]
        waiting.append(number(last, wide))
        end = max(end, last + wide)
    return end


def _bmp(image: Image.Image, content: bytes) -> str:
    """Only what is behind the rows: they have no checksum, and PIL counts them."""
    start, header = (int.from_bytes(content[at : at + 4], "little") for at in (10, 14))
    old = header == 12  # whose fields have two bytes each
    bits = int.from_bytes(content[24:26] if old else content[28:30], "little")
    packed = not old and content[30] in (1, 2)  # which end where nobody knows
    rows = image.height * (-(-image.width * bits // 32) * 4)
    return _behind(content[start + (0 if packed else rows) :])


def _webp(image: Image.Image, content: bytes) -> str:
    return _behind(content[8 + int.from_bytes(content[4:8], "little") :])


def _behind(rest: bytes) -> str:
    """Whether another image lies somewhere behind the first; a note, or a mere start, may.

    Looked for are the formats of ``START``: others begin like anything.
    """
    starts = [found.start() for found in START.finditer(rest)]
    for start in starts[:MOST_STARTS]:
        try:
            Image.open(io.BytesIO(rest[start:])).close()
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            return SECOND
        except Exception:  # no image begins there, which is said in a dozen kinds
            continue
        return SECOND
    return SECOND if len(starts) > MOST_STARTS else ""
