"""One image file becomes 8-bit RGB whole, or is refused by name with the reason and the mend."""

from __future__ import annotations

import io
import math
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from activecl_nb.fast import threads
from activecl_nb.sources import whole

ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")  # what these endings may hold
# Asked for before anything is decoded: a small file may stand for a gigabyte of pixels.
MOST_PIXELS = 4096 * 4096
MOST_BYTES = 16 * MOST_PIXELS  # of a file, asked for before it is read into memory
IMAGEJ = re.compile(r"ImageJ=.*^images=(\d+)", re.DOTALL | re.MULTILINE)
COPY = "Copy it anew from where it came, or take it out"  # the mend of damage
# Names told of each kind of bad image; a folder of 100,000 must not fill the screen.
TOLD = 30


def check_bytes(size: int) -> None:
    """ValueError: no patch has so many bytes."""
    if size > MOST_BYTES:
        raise ValueError(f"{size:,} bytes, and {MOST_BYTES:,} is the most; cut patches from it")


class BadImage(ValueError):
    """An image that cannot be decoded, or not without guessing.

    name: of the file. reason: the same words for all images of a kind, so that they can be
    counted. detail: what is said of this one alone. mend: what its owner can do.
    """

    def __init__(self, name: str, reason: str, detail: str = "", mend: str = "") -> None:
        self.name, self.reason, self.detail, self.mend = shown(name), reason, detail, mend
        more = f" ({detail})" if detail else ""
        super().__init__(f"{self.name} {reason}{more}{f'. {mend}' if mend else ''}")

    def named(self) -> str:
        return f"{self.name} ({self.detail})" if self.detail else self.name


class BadImages(BadImage):
    """All the images of a folder or an archive that cannot be read; ``bad`` holds each."""

    def __init__(self, where: str, bad: Sequence[BadImage], advice: str = "") -> None:
        self.where, self.bad = where, tuple(bad)
        self.name, self.reason, self.detail, self.mend = where, "", "", advice
        ValueError.__init__(self, f"{where}: {_by_reason(bad)}{advice}")


def _by_reason(bad: Sequence[BadImage]) -> str:
    """One sentence a reason: how many, which, and the mend."""
    if len(bad) == 1:
        return str(bad[0])
    kinds: dict[tuple[str, str], list[str]] = defaultdict(list)
    for image in bad:
        kinds[image.reason, image.mend].append(image.named())
    told = [
        f"{reason[0].upper()}{reason[1:]} ({len(names):,}): {listed(names)}"
        f"{f'. {mend}' if mend else ''}"
        for (reason, mend), names in kinds.items()
    ]
    return f"{len(bad):,} images cannot be used. {'. '.join(told)}"


def listed(names: Sequence[object], most: int = TOLD) -> str:
    """The names with commas between them; beyond ``most`` they are counted."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(shown(str(name)) for name in names[:most]) + more


def shown(name: str) -> str:
    """The name on one line: a line break or a byte that is no text is written as an escape."""
    return name if name.isprintable() else ascii(name)


# ---------------------------------------------------------------------------- decoding
def decode_bytes(content: bytes, name: str) -> Image.Image:
    """One image file as RGB, turned upright. BadImage if it is broken or would be changed."""
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        _check_size(image, name)
        _check_samples(image, content, name)
        image.load()
        if wrong := whole.unlike_its_header(image, content):
            raise BadImage(name, "is not what its header says", wrong, COPY)
        upright = ImageOps.exif_transpose(image)
    except BadImage:
        raise
    except UnidentifiedImageError as error:  # whose words tell where it lies in memory
        mend = f"Save it as {', '.join(FORMATS)}, copy it anew, or take it out"
        raise BadImage(name, "is no image", "", mend) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name, str(error)) from error
    except Exception as error:  # damaged files end in a dozen kinds, struct.error among them
        said = " ".join(str(error).split()) or type(error).__name__
        raise BadImage(name, "cannot be decoded", said, COPY) from error
    return to_rgb(upright, name)


def _check_size(image: Image.Image, name: str) -> None:
    """Before anything is decoded: how many pixels, and in how many frames."""
    width, height = image.size
    # A small TIFF may be one huge tile.
    tile = math.prod(whole.tag_values(image, 322) + whole.tag_values(image, 323))
    if not width * height:
        raise BadImage(name, "has no pixels", f"{width} x {height}")
    if max(width * height, tile) > MOST_PIXELS:
        raise _too_large(name, f"{width:,} x {height:,}")
    # ImageJ puts a stack behind one page, and its number of images in the description.
    stack = IMAGEJ.match("".join(map(str, whole.tag_values(image, 270))))
    frames = max(getattr(image, "n_frames", 1), int(stack[1]) if stack else 1)
    if frames > 1:
        raise BadImage(
            name,
            "holds several frames or pages",
            f"{frames}",
            "Save the one that is meant as an image of its own",
        )


def _too_large(name: str, detail: str) -> BadImage:
    mend = "Cut it into patches, or shrink it first"
    return BadImage(name, f"has more than {MOST_PIXELS:,} pixels", detail, mend)


def _check_samples(image: Image.Image, content: bytes, name: str) -> None:
    """What the mode's name hides: depth, sign, and channels that would be dropped."""
    if any(kind not in (1, 4) for kind in whole.tag_values(image, 339)):
        raise BadImage(
            name,
            "holds signed or floating-point samples",
            image.mode,
            "Say which values are black and white, and save "
            "(values - black) * 255 / (white - black), clipped to 0 to 255, as 8-bit PNG",
        )
    bits = _bits(image, content)
    if bits > 8:
        raise BadImage(
            name,
            "has more than 8 bits a sample",
            f"{bits} bits, mode {image.mode}",
            "Say which value is white (65535, or 4095 of a 12-bit camera), and save "
            "values * 255 / white, clipped to 0 to 255, as 8-bit PNG",
        )
    if 0 in whole.tag_values(image, 338):
        raise BadImage(
            name,
            "holds a channel beside the colours that is not said to be transparency",
            "",
            "Save the three colours alone as 8-bit RGB",
        )


def _bits(image: Image.Image, content: bytes) -> int:
    """Bits a sample as the file states them; the mode's name hides them (16-bit RGB is "RGB")."""
    if image.format == "PNG":
        if content[12:16] != b"IHDR":
            raise ValueError("its header is not the first chunk")
        return content[24]  # signature 8, length 4, "IHDR" 4, width 4, height 4, then the depth
    if image.format == "TIFF":
        return max(whole.tag_values(image, 258), default=1)
    if image.mode.startswith(("I", "F")):
        return 16 if ";16" in image.mode else 32
    return 8


def to_rgb(image: Image.Image, name: str) -> Image.Image:
    """The image as 8-bit RGB, if that loses nothing.

    RGB, 8-bit grey, black and white, palettes, and any of these with an alpha channel that is
    opaque all over (as slide readers write it) are taken. Everything else, such as CMYK or
    transparency, would need a choice that only its owner can make: a BadImage says which.
    """
    if "transparency" in image.info or image.mode in ("LA", "PA", "RGBA"):
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            raise BadImage(
                name,
                "has transparent pixels",
                "",
                "Say what lies behind them and save that, for white with PIL: "
                "Image.alpha_composite(Image.new('RGBA', image.size, 'white'), "
                "image.convert('RGBA')).convert('RGB').save(...)",
            )
    elif image.mode not in ("RGB", "L", "1", "P"):
        raise BadImage(
            name,
            f"has the colour mode {image.mode}",
            "",
            "Save it as 8-bit RGB with the program that wrote it, which knows its colour profile",
        )
    return image.convert("RGB")


# ---------------------------------------------------------------------------- pixels
def resize(image: Image.Image, size: int | None) -> Image.Image:
    """Bicubic with antialiasing (the filter widens as the image shrinks), to size x size."""
    if size is None or image.size == (size, size):
        return image
    return image.resize((size, size), Image.Resampling.BICUBIC)


def channels_first(image: Image.Image) -> np.ndarray:
    """uint8 (3, height, width)."""
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))


def to_image(pixels: np.ndarray) -> Image.Image:
    """From uint8 (3, height, width)."""
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def in_parallel(job: Callable, items: Iterable) -> Iterator[np.ndarray | BadImage]:
    """Map over threads, in order, with a bounded number of results waiting."""
    workers = min(8, os.cpu_count() or 1)
    return threads.ahead(job, items, workers, 8 * workers)
