"""The family T on a processor: every operation on one image while it is in the cache.

``augment`` defines the operations; its functions work on whole batches and suit a GPU. On a
processor each of them would read the batch from memory and write it back. Here one compiled
function takes an image through all of them before the next image begins. The tests hold both to
the same views.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from activecl_nb.fast import jit

# Without NaN and infinity, minima and maxima use the processor's wide registers. Sums are neither
# reordered nor fused: then a view is the same to the last bit on every processor, and whether it
# is made by what numba has just compiled or by what it finds in its cache, which is other code.
compiled = jit.compiled(nogil=True, fastmath={"nnan", "ninf", "nsz"})

ZERO, HALF, ONE, TWO, FOUR, SIX = (np.float32(value) for value in (0, 0.5, 1, 2, 4, 6))
BYTE = np.float32(1 / 255)


def views(
    images: Tensor,
    drawn: Any,
    turned: tuple[Tensor, Tensor, bool],
    kernels: Tensor,
    colours: tuple[tuple[float, float, float], ...],
) -> Tensor:
    """A view of every image: uint8 (N, 3, H, W) to float32 of the same shape.

    drawn: ``augment.Parameters`` of the N images. turned: ``augment.turns`` of their angles.
    kernels: float32 (N, taps), of their blurs. colours: how much red, green and blue add to the
    brightness, their means, and their deviations.

    The threads share the images out between them; each image comes out the same on any number.
    """
    cos, sin, right = turned
    sides = [cos, sin, 1 - 2 * drawn.mirrored.float(), 1 - 2 * drawn.upturned.float()]
    amounts = [drawn.brightness, drawn.contrast, drawn.saturation, drawn.hue]
    out = torch.empty(images.shape)
    arguments = (
        images.contiguous().numpy(),
        drawn.boxes.numpy(),
        torch.stack(sides, dim=1).numpy(),
        right,
        torch.stack(amounts, dim=1).numpy(),
        np.array(drawn.order),
        drawn.gray.numpy(),
        (drawn.sigmas > 0).numpy(),
        kernels.numpy(),
        *(np.array(values, np.float32) for values in colours),
        out.numpy(),
    )
    n, threads = len(images), torch.get_num_threads()
    bounds = np.linspace(0, n, max(1, min(threads, n)) + 1).astype(np.int64)
    if len(bounds) == 2:
        one_by_one(0, n, *arguments)
        return out
    with ThreadPoolExecutor(len(bounds) - 1) as pool:
        jobs = [pool.submit(one_by_one, *ends, *arguments) for ends in itertools.pairwise(bounds)]
    for job in jobs:
        job.result()
    return out


@compiled
def one_by_one(
    start,
    stop,
    images,  # uint8 (N, 3, H, W)
    boxes,  # int64 (N, 4)
    turns,  # float32 (N, 4): cosine and sine of the angle, sign of x and of y by the flips
    right,  # whether all angles are multiples of 90 degrees
    colours,  # float32 (N, 4): factors of brightness, contrast and saturation; hue in turns
    order,  # int64 (4,)
    gray,  # bool (N,)
    blurred,  # bool (N,)
    kernels,  # float32 (N, taps)
    luma,  # float32 (3,)
    mean,  # float32 (3,)
    deviation,  # float32 (3,)
    out,
):
    height, width = images.shape[2:]
    pixels = np.empty((3, height * width), np.float32)
    x = pixels.reshape(3, height, width)  # the same memory, seen as rows and columns
    scratch = np.empty((height, width), np.float32)
    rows = np.empty((3, width), np.float32)
    padded = np.empty(width + kernels.shape[1], np.float32)
    for i in range(start, stop):
        if right:
            crop_and_turn(images[i], boxes[i], turns[i], rows, x)
        else:
            rotate(images[i], boxes[i], turns[i], x)
        for step in order:
            amount = colours[i, step]
            if step == 3:
                if amount != ZERO:
                    adjust_hue(pixels, amount)
            elif amount != ONE:
                if step == 0:
                    adjust_brightness(pixels, amount)
                elif step == 1:
                    adjust_contrast(pixels, amount, luma)
                else:
                    adjust_saturation(pixels, amount, luma)
        if gray[i]:
            adjust_saturation(pixels, ZERO, luma)
        for c in range(3):
            if blurred[i]:
                blur(x[c], kernels[i], padded, scratch)
            scale = ONE / deviation[c]
            shift = -mean[c] * scale
            for r in range(height):
                for k in range(width):
                    out[i, c, r, k] = x[c, r, k] * scale + shift


@compiled
def crop_and_turn(image, box, turn, rows, x):
    """Crop, flips and a right-angle rotation: rows and columns are resampled in turn."""
    height, width = x.shape[1:]
    cos, sin, sign_x, sign_y = turn
    top, left, box_height, box_width = box
    upright = cos != ZERO
    if upright:
        from_y = taps(height, top, box_height, cos * sign_y < ZERO)
        from_x = taps(width, left, box_width, cos * sign_x < ZERO)
    else:  # source columns run along the rows of the result
        from_y = taps(width, top, box_height, sin * sign_y < ZERO)
        from_x = taps(height, left, box_width, sin * sign_x > ZERO)
    above, below, share_y = from_y
    before, after, share_x = from_x
    for j in range(len(above)):
        low, high = (ONE - share_y[j]) * BYTE, share_y[j] * BYTE
        for c in range(3):
            upper, lower, row = image[c, above[j]], image[c, below[j]], rows[c]
            for k in range(left, left + box_width):
                row[k] = np.float32(upper[k]) * low + np.float32(lower[k]) * high
            if upright:
                for k in range(len(before)):
                    a = row[before[k]]
                    x[c, j, k] = a + (row[after[k]] - a) * share_x[k]
            else:
                for k in range(len(before)):
                    a = row[before[k]]
                    x[c, k, j] = a + (row[after[k]] - a) * share_x[k]


@compiled
def taps(size, start, length, backwards):
    """Which two source pixels each of ``size`` pixels lies between, and how near the second."""
    first = np.empty(size, np.int64)
    second = np.empty(size, np.int64)
    share = np.empty(size, np.float32)
    for i in range(size):
        place = (i + 0.5) * length / size - 0.5
        place = min(max(place, 0.0), length - 1.0)
        whole = int(place)
        k = size - 1 - i if backwards else i
        first[k] = start + whole
        second[k] = start + min(whole + 1, length - 1)
        share[k] = place - whole
    return first, second, share


@compiled
def rotate(image, box, turn, x):
    """Crop, flips and any rotation: four source pixels for each pixel of the result."""
    height, width = x.shape[1:]
    cos, sin, sign_x, sign_y = turn
    top, left, box_height, box_width = box
    scale_x = sign_x * np.float32(box_width / width)
    scale_y = sign_y * np.float32(box_height / height)
    middle_x = np.float32(left + (box_width - 1) / 2)
    middle_y = np.float32(top + (box_height - 1) / 2)
    for r in range(height):
        v = np.float32(r - (height - 1) / 2)
        for k in range(width):
            u = np.float32(k - (width - 1) / 2)
            across, share_x = inside((cos * u - sin * v) * scale_x + middle_x, width)
            down, share_y = inside((sin * u + cos * v) * scale_y + middle_y, height)
            right, below = min(across + 1, width - 1), min(down + 1, height - 1)
            for c in range(3):
                upper = mix(image[c, down, across], image[c, down, right], share_x)
                lower = mix(image[c, below, across], image[c, below, right], share_x)
                x[c, r, k] = (upper + (lower - upper) * share_y) * BYTE


@compiled
def mix(a, b, share):
    return np.float32(a) + (np.float32(b) - np.float32(a)) * share


@compiled
def inside(place, size):
    """A place on the axis, mirrored at the image's edges: the pixel before it, and how far on."""
    place = abs(place + HALF)
    while place > size:
        place = abs(np.float32(2 * size) - place)
    place = min(max(place - HALF, ZERO), np.float32(size - 1))
    whole = int(place)
    return whole, place - np.float32(whole)


@compiled
def adjust_brightness(pixels, factor):
    for plane in pixels:
        for k in range(plane.size):
            plane[k] = min(plane[k] * factor, ONE)


@compiled
def adjust_contrast(pixels, factor, luma):
    total = ZERO
    for c in range(3):
        part = ZERO
        for value in pixels[c]:
            part += value
        total += luma[c] * part
    shift = (ONE - factor) * total / np.float32(pixels.shape[1])
    for plane in pixels:
        for k in range(plane.size):
            plane[k] = min(max(plane[k] * factor + shift, ZERO), ONE)


@compiled
def adjust_saturation(pixels, factor, luma):
    red, green, blue = pixels[0], pixels[1], pixels[2]
    rest = ONE - factor
    for k in range(red.size):
        gray = (luma[0] * red[k] + luma[1] * green[k] + luma[2] * blue[k]) * rest
        red[k] = min(max(red[k] * factor + gray, ZERO), ONE)
        green[k] = min(max(green[k] * factor + gray, ZERO), ONE)
        blue[k] = min(max(blue[k] * factor + gray, ZERO), ONE)


@compiled
def adjust_hue(pixels, turn):
    red, green, blue = pixels[0], pixels[1], pixels[2]
    shift = turn * SIX
    for i in range(red.size):
        r, g, b = red[i], green[i], blue[i]
        value = max(max(r, g), b)
        chroma = value - min(min(r, g), b)
        # The hue in sixths of a turn, from whichever channel is largest.
        base, gap = FOUR, r - g
        if value == g:
            base, gap = TWO, b - r
        if value == r:
            base, gap = ZERO, g - b
        sixths = base + gap / (chroma if chroma > ZERO else ONE) + shift
        if sixths < ZERO:
            sixths += SIX
        if sixths >= SIX:
            sixths -= SIX
        red[i] = fall(value, chroma, sixths - ONE)  # 5 further on the wheel is 1 back
        green[i] = fall(value, chroma, sixths + np.float32(3))
        blue[i] = fall(value, chroma, sixths + ONE)


@compiled
def fall(value, chroma, k):
    """A channel falls from value to lowest with its distance on the wheel from its own hue."""
    if k < ZERO:
        k += SIX
    if k >= SIX:
        k -= SIX
    return value - chroma * min(max(min(k, FOUR - k), ZERO), ONE)


@compiled
def blur(plane, kernel, padded, scratch):
    """Blur one channel in place, along the columns and then along the rows."""
    height, width = plane.shape
    reach = len(kernel) // 2
    for r in range(height):
        row = scratch[r]
        row[:] = ZERO
        for t in range(len(kernel)):
            source = abs(r + t - reach)
            if source > height - 1:
                source = 2 * (height - 1) - source
            weight = kernel[t]
            other = plane[source]
            for k in range(width):
                row[k] += other[k] * weight
    for r in range(height):
        for k in range(width):
            padded[k + reach] = scratch[r, k]
        for k in range(reach):
            padded[k] = scratch[r, reach - k]
            padded[width + reach + k] = scratch[r, width - 2 - k]
        row = plane[r]
        row[:] = ZERO
        for t in range(len(kernel)):
            weight = kernel[t]
            for k in range(width):
                row[k] += padded[k + t] * weight
