"""The family T: two random views of every image of a batch (paper, sections II-A and III-B).

A view is made by the operations that the paper lists, in this order: random crop, horizontal and
vertical flip, rotation, colour jitter, random greyscale, Gaussian blur; then the division by 255
and the normalisation by the mean and deviation of ImageNet. Each image gets parameters of its own,
drawn on the processor so that every device makes the same views; the images are changed a whole
batch at a time, where they are, by functions that agree with torchvision's of the same names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from activecl_nb.fast.fused import fused
from activecl_nb.fast.loader import send

# Mean and deviation of the channels of ImageNet, for values from 0 to 1.
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)

# How much red, green and blue add to the brightness that the eye sees (ITU-R BT.601).
LUMA = (0.2989, 0.587, 0.114)

OPERATIONS = ("crop", "flip", "rotation", "jitter", "gray", "blur")


@dataclass(frozen=True)
class Family:
    """How strong each operation of T is; a view draws its parameters within these ranges.

    The paper names the operations but not their strengths. These are SimCLR's for small images
    (Chen et al. 2020, appendix B.9: colours at half the strength used for ImageNet), with three
    changes: a crop keeps at least a fifth of the area, since 8% of a 32-pixel patch is 9 pixels
    wide; and blur and rotation, which they leave out there, are in, since the paper names them.

    crop_scale, crop_ratio: range of the crop's share of the area, and of width over height.
    flip: chance of a horizontal, and independently of a vertical, flip.
    rotation: "right-angles" (a multiple of 90 degrees), "continuous" (any angle from -90 to 90
        degrees; what lies outside the image is its mirror image), or "none".
    jitter: chance that the colours change. brightness, contrast and saturation are multiplied
        by a factor from 1 - x to 1 + x, and the hue is turned by -hue to hue of a full turn.
    gray: chance that the colours are lost.
    blur: chance of a blur, of blur_sigma pixels and over about a tenth of the image's side.
    """

    crop: bool = True
    crop_scale: tuple[float, float] = (0.2, 1.0)
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip: float = 0.5
    rotation: str = "right-angles"
    jitter: float = 0.8
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.1
    gray: float = 0.2
    blur: float = 0.5
    blur_sigma: tuple[float, float] = (0.1, 2.0)

    def __post_init__(self) -> None:
        most = dict.fromkeys(("flip", "jitter", "gray", "blur"), 1.0)  # chances
        most |= {"brightness": 1, "contrast": 1, "saturation": 1, "hue": 0.5}
        for name, limit in most.items():
            if not 0 <= getattr(self, name) <= limit:
                raise ValueError(f"{name} must be from 0 to {limit}, not {getattr(self, name)}")
        if self.rotation not in ("right-angles", "continuous", "none"):
            raise ValueError(
                f"rotation must be 'right-angles', 'continuous' or 'none', not {self.rotation!r}"
            )
        for name in ("crop_scale", "crop_ratio", "blur_sigma"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} must be 0 < low <= high, not {getattr(self, name)}")
        if self.crop_scale[1] > 1:
            raise ValueError(f"crop_scale is a share, at most 1, not {self.crop_scale}")

    def without(self, *operations: str) -> Family:
        """The same family with these operations switched off; names as in ``OPERATIONS``."""
        unknown = set(operations) - set(OPERATIONS)
        if unknown:
            raise ValueError(
                f"unknown operation {min(unknown)!r}; there are: {', '.join(OPERATIONS)}"
            )
        off = {"crop": False, "rotation": "none"}
        return replace(self, **{name: off.get(name, 0.0) for name in operations})  # type: ignore[arg-type]  # by field

    def only(self, *operations: str) -> Family:
        """The same family with all but these operations switched off."""
        self.without(*operations)  # refuses unknown names
        return self.without(*(name for name in OPERATIONS if name not in operations))


@dataclass(frozen=True)
class Parameters:
    """What one view of N images does to each of them, as tensors of length N on the processor.

    boxes: int64 (N, 4): top, left, height and width of the crop, in pixels.
    mirrored, upturned: bool: flipped horizontally, flipped vertically.
    angles: float32, degrees counter-clockwise.
    brightness, contrast, saturation: float32 factors, 1 for no change.
    hue: float32, in full turns, 0 for no change.
    order: the order of the four colour changes, one for the whole batch: a permutation of 0
        (brightness), 1 (contrast), 2 (saturation), 3 (hue).
    gray: bool. sigmas: float32, pixels, 0 for no blur.
    """

    boxes: Tensor
    mirrored: Tensor
    upturned: Tensor
    angles: Tensor
    brightness: Tensor
    contrast: Tensor
    saturation: Tensor
    hue: Tensor
    order: tuple[int, ...]
    gray: Tensor
    sigmas: Tensor


def views(
    images: Tensor, generator: torch.Generator, family: Family | None = None
) -> tuple[Tensor, Tensor]:
    """Two views of every image: x_i = t(x), x_j = t'(x) with t, t' from T (paper, formula 1).

    images: uint8 (N, 3, H, W) on any device. Returns two float32 (N, 3, H, W) on that device,
    normalised. The same generator state gives the same views.
    """
    return view(images, generator, family), view(images, generator, family)


def view(images: Tensor, generator: torch.Generator, family: Family | None = None) -> Tensor:
    """One view of every image; shapes as in ``views``."""
    check(images)
    height, width = images.shape[2:]
    return apply(images, draw(len(images), height, width, generator, family or Family()))


def normalise(images: Tensor) -> Tensor:
    """The images without augmentation: uint8 (N, 3, H, W) to float32, as the encoder reads them."""
    check(images)
    return standardise(images.float() / 255)


def check(images: Tensor) -> None:
    """Raise a ValueError unless images is uint8 (N, 3, H, W), of at least 8 pixels a side."""
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != torch.uint8:
        raise ValueError(
            "images must be uint8 of shape (N, 3, H, W), "
            f"not {images.dtype} of shape {tuple(images.shape)}"
        )
    if min(images.shape[2:]) < 8:
        raise ValueError(
            f"images must have at least 8 x 8 pixels, not {images.shape[2]} x {images.shape[3]}"
        )


def draw(n: int, height: int, width: int, generator: torch.Generator, family: Family) -> Parameters:
    """Draw the parameters of one view of n images of this size."""
    if family.rotation == "right-angles" and height != width:
        raise ValueError(
            f"rotation by right angles needs square images, not {height} x {width}: "
            "choose rotation='continuous' or 'none'"
        )

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(n).uniform_(low, high, generator=generator)

    def happens(chance: float) -> Tensor:
        return torch.rand(n, generator=generator) < chance

    whole = torch.tensor([0, 0, height, width]).repeat(n, 1)
    boxes = draw_boxes(n, height, width, generator, family) if family.crop else whole
    mirrored, upturned = happens(family.flip), happens(family.flip)
    angles = torch.zeros(n)
    if family.rotation == "right-angles":
        angles = 90.0 * torch.randint(4, (n,), generator=generator)
    elif family.rotation == "continuous":
        angles = uniform(-90, 90)
    jittered = happens(family.jitter)

    def factor(strength: float) -> Tensor:
        return torch.where(jittered, uniform(1 - strength, 1 + strength), 1.0)

    return Parameters(
        boxes=boxes,
        mirrored=mirrored,
        upturned=upturned,
        angles=angles,
        brightness=factor(family.brightness),
        contrast=factor(family.contrast),
        saturation=factor(family.saturation),
        hue=torch.where(jittered, uniform(-family.hue, family.hue), 0.0),
        order=tuple(torch.randperm(4, generator=generator).tolist()),
        gray=happens(family.gray),
        sigmas=torch.where(happens(family.blur), uniform(*family.blur_sigma), 0.0),
    )


def draw_boxes(
    n: int, height: int, width: int, generator: torch.Generator, family: Family
) -> Tensor:
    """Draw n crop boxes as torchvision's RandomResizedCrop does; int64 (n, 4).

    Area and ratio are drawn up to ten times until the box fits into the image; a box that never
    fitted is the whole image, cut to a permitted ratio.
    """
    tries = 10
    area = torch.empty(n, tries).uniform_(*family.crop_scale, generator=generator) * height * width
    low, high = (math.log(ratio) for ratio in family.crop_ratio)
    ratio = torch.empty(n, tries).uniform_(low, high, generator=generator).exp()
    widths, heights = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (widths >= 1) & (widths <= width) & (heights >= 1) & (heights <= height)
    first = fits.int().argmax(dim=1, keepdim=True)
    widths, heights = widths.gather(1, first)[:, 0], heights.gather(1, first)[:, 0]
    allowed = min(max(width / height, family.crop_ratio[0]), family.crop_ratio[1])
    whole_width = min(width, round(height * allowed))
    whole_height = min(height, round(width / allowed))
    never = ~fits.any(dim=1)
    widths = torch.where(never, whole_width, widths).long()
    heights = torch.where(never, whole_height, heights).long()
    tops = (torch.rand(n, generator=generator) * (height - heights + 1)).long()
    lefts = (torch.rand(n, generator=generator) * (width - widths + 1)).long()
    return torch.stack([tops, lefts, heights, widths], dim=1)


def apply(images: Tensor, parameters: Parameters) -> Tensor:
    """Make the view that these parameters describe; uint8 (N, 3, H, W) to float32, normalised.

    On a processor ``compiled_views`` does it, several times as fast; elsewhere ``apply_batched``.
    """
    make = apply_compiled if images.device.type == "cpu" else apply_batched
    return make(images, parameters)


def apply_batched(images: Tensor, parameters: Parameters) -> Tensor:
    """``apply`` one operation at a time on the whole batch: what T does, step by step."""
    p = parameters
    x = resample(images, p.boxes, p.mirrored, p.upturned, p.angles)
    x = jitter(x, p.brightness, p.contrast, p.saturation, p.hue, order=p.order)
    x = grayscale(x, p.gray)
    return standardise(blur(x, p.sigmas))


def apply_compiled(images: Tensor, parameters: Parameters) -> Tensor:
    """``apply`` one image at a time, for a processor: see ``compiled_views``."""
    from activecl_nb.fast import compiled_views

    sigmas = torch.where(parameters.sigmas > 0, parameters.sigmas, 1)
    kernels = gaussian_kernels(sigmas, blur_size(*images.shape[2:]))
    return compiled_views.views(
        images, parameters, turns(parameters.angles), kernels, (LUMA, MEAN, DEVIATION)
    )


@fused
def standardise(x: Tensor) -> Tensor:
    """Subtract ImageNet's mean and divide by its deviation, channel by channel."""
    channels = zip(x.unbind(dim=1), MEAN, DEVIATION, strict=True)
    return torch.stack([(channel - mean) / by for channel, mean, by in channels], dim=1)


def resample(
    x: Tensor, boxes: Tensor, mirrored: Tensor, upturned: Tensor, angles: Tensor
) -> Tensor:
    """Crop, flip and rotate each image, in that order, in one bilinear resampling.

    x: float or uint8 (255 becomes 1) (N, 3, H, W); the others as in ``Parameters``. Every pixel of
    the result asks where in the source it comes from, so the operations are undone last to first.
    A box that is not the whole image is enlarged to H x W. At multiples of 90 degrees nothing from
    outside the box enters; at other angles what lies around it does, then its mirror image.
    """
    cos, sin, right = turns(angles)
    numbers = [cos, sin, 1 - 2 * mirrored.float(), 1 - 2 * upturned.float(), *boxes.float().T]
    return _sampled(x, torch.stack(numbers, dim=1), right)


@fused
def _sampled(x: Tensor, numbers: Tensor, right: bool) -> Tensor:
    """``resample`` by numbers (N, 8), a row per image; right: whether all angles are right ones."""
    x = x.float() / 255 if x.dtype == torch.uint8 else x
    (height, width), device = x.shape[2:], x.device
    cos, sin, sign_x, sign_y, top, left, box_height, box_width = numbers.T[..., None, None]
    # Pixel centres, measured from the middle of the image.
    v = torch.arange(height, device=device, dtype=x.dtype).view(1, -1, 1) - (height - 1) / 2
    u = torch.arange(width, device=device, dtype=x.dtype).view(1, 1, -1) - (width - 1) / 2
    # Undo the rotation, then the flips, then the enlargement of the box.
    source_u = (cos * u - sin * v) * sign_x * (box_width / width) + left + (box_width - 1) / 2
    source_v = (sin * u + cos * v) * sign_y * (box_height / height) + top + (box_height - 1) / 2
    if right:
        source_u = source_u.clamp(left, left + box_width - 1)
        source_v = source_v.clamp(top, top + box_height - 1)
    grid = torch.stack([(2 * source_u + 1) / width - 1, (2 * source_v + 1) / height - 1], dim=-1)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def turns(angles: Tensor) -> tuple[Tensor, Tensor, bool]:
    """Cosine and sine of angles in degrees, and whether all are multiples of 90 degrees."""
    right = bool((angles % 90 == 0).all())
    cos, sin = (turn(torch.deg2rad(angles.double())).float() for turn in (torch.cos, torch.sin))
    return (cos.round(), sin.round(), True) if right else (cos, sin, False)


def jitter(x: Tensor, *amounts: Tensor, order: tuple[int, ...] = (0, 1, 2, 3)) -> Tensor:
    """Change brightness, contrast, saturation and hue of each image, in this order.

    x: float (N, 3, H, W) from 0 to 1. amounts: of the four, in that order, as in ``Parameters``.
    """
    steps = (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue)
    for step in order:
        x = steps[step](x, amounts[step])
    return x


@fused
def adjust_brightness(x: Tensor, factors: Tensor) -> Tensor:
    """Multiply each image by its factor."""
    return (x * factors.view(-1, 1, 1, 1)).clamp(0, 1)


@fused
def adjust_contrast(x: Tensor, factors: Tensor) -> Tensor:
    """Scale each image's distance from its own mean brightness."""
    mean = luma(x).mean(dim=(1, 2, 3), keepdim=True)
    return torch.lerp(mean, x, factors.view(-1, 1, 1, 1)).clamp(0, 1)


@fused
def adjust_saturation(x: Tensor, factors: Tensor) -> Tensor:
    """Scale each pixel's distance from its own grey."""
    return torch.lerp(luma(x), x, factors.view(-1, 1, 1, 1)).clamp(0, 1)


@fused
def adjust_hue(x: Tensor, turns: Tensor) -> Tensor:
    """Turn the hue of each image on the colour wheel; 1 is a full turn (HSV model)."""
    red, green, blue = x.unbind(dim=1)
    value, lowest = x.amax(dim=1), x.amin(dim=1)
    chroma = value - lowest
    safe = torch.where(chroma == 0, 1, chroma)
    # The hue in sixths of a turn, from whichever channel is largest.
    sixths = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    sixths = sixths + 6 * turns.view(-1, 1, 1)
    # Each channel falls from value to lowest with its distance on the wheel from its own hue.
    starts = torch.arange(5, 0, -2, device=x.device).view(3, 1, 1)
    ways = (sixths.unsqueeze(1) + starts) % 6
    return value.unsqueeze(1) - chroma.unsqueeze(1) * torch.minimum(ways, 4 - ways).clamp(0, 1)


@fused
def grayscale(x: Tensor, gray: Tensor) -> Tensor:
    """Replace each image that ``gray`` marks (bool, N) by its brightness in all channels."""
    return torch.where(gray.view(-1, 1, 1, 1), luma(x), x)


def blur(x: Tensor, sigmas: Tensor, size: int | None = None) -> Tensor:
    """Blur each image by a Gaussian of its own sigma in pixels; 0 leaves it as it is.

    size: taps of the kernel, odd; a tenth of the image's shorter side when not given. A blur along
    the rows follows one along the columns. Beyond the edge stands the mirror image.
    """
    sigmas = send(sigmas, x.device)
    return _smoothed(x, gaussian_kernels(sigmas, size or blur_size(*x.shape[2:])))


@fused
def _smoothed(x: Tensor, kernels: Tensor) -> Tensor:
    """``blur`` by kernels (N, taps): the image, shifted by each tap, times the tap's weight."""
    reach = kernels.shape[1] // 2
    for dim, edges in ((2, (0, 0, reach, reach)), (3, (reach, reach, 0, 0))):
        padded, size = F.pad(x, edges, mode="reflect"), x.shape[dim]
        taps = enumerate(kernels.T[..., None, None, None])
        x = sum(weight * padded.narrow(dim, at, size) for at, weight in taps)
    return x


def blur_size(height: int, width: int) -> int:
    """Taps of the blur's kernel: about a tenth of the shorter side, odd, at least 3."""
    return max(3, min(height, width) // 10 | 1)


def gaussian_kernels(sigmas: Tensor, size: int) -> Tensor:
    """One Gaussian per sigma, each summing to 1; float32 (N, size). Sigma 0: all in the middle."""
    offsets = torch.arange(size, device=sigmas.device) - (size - 1) / 2
    weights = torch.exp(-0.5 * (offsets / sigmas[:, None].clamp(min=1e-3)) ** 2)
    return weights / weights.sum(dim=1, keepdim=True)


def luma(x: Tensor) -> Tensor:
    """Brightness as the eye weighs it: (N, 3, H, W) to (N, 1, H, W)."""
    red, green, blue = x.unbind(dim=1)
    return (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue).unsqueeze(1)
