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

from PIL import Image

# In a JPEG's coded data: a marker that ends them (0 is a coded 255, D0 to D7 only divide them).
MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
SCAN, END = b"\xff\xda", b"\xff\xd9"
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
    checks = {"PNG": _png, "JPEG": _jpeg, "TIFF": _tiff}
    told = checks[image.format](image, content) if image.format in checks else ""
    return told or _palette(image)


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
    if content.startswith(content[:8], at):
        return SECOND
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
    if content.startswith(b"\xff\xd8\xff", marker.end()):
        return SECOND
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
    return f"{sum(sizes):,} of the {rows:,} bytes of its rows" if short else ""
