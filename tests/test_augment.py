"""The family T against torchvision's functional operations, given the same parameters."""

from __future__ import annotations

import dataclasses
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torchvision.transforms.v2.functional as reference

from activecl_nb import augment
from activecl_nb.augment import OPERATIONS, Family

# Both sides compute in float32. Single operations work on values from 0 to 1, and may differ by
# a few roundings; a place in the image is rounded too, and the hue comes from another formula.
CLOSE = {"rtol": 0, "atol": 2e-6}
PLACE_CLOSE = HUE_CLOSE = {"rtol": 0, "atol": 1e-5}
# In a whole view contrast, saturation and normalisation enlarge differences by up to 15. One
# step of a byte is 0.017 after the normalisation; this is a hundredth of it.
VIEW_CLOSE = {"rtol": 0, "atol": 1.7e-4}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some(n: int = 24, height: int = 32, width: int = 32, seed: int = 1) -> torch.Tensor:
    """Images with every kind of colour: noise, smooth shades, gray, black and white."""
    draw = seeded(seed)
    images = torch.randint(0, 256, (n, 3, height, width), generator=draw, dtype=torch.uint8)
    images[0], images[1], images[2] = 0, 255, images[2, :1]
    images[3] = torch.arange(width, dtype=torch.uint8) * 3
    images[4] = images[4, :, :1, :1]
    return images


@pytest.fixture
def floats() -> torch.Tensor:
    return some().float() / 255


@pytest.fixture
def parameters() -> augment.Parameters:
    return augment.draw(24, 32, 32, seeded(2), Family(jitter=1, blur=1))


def one_by_one(function, images, *values):
    return torch.stack([function(x, *(v[i] for v in values)) for i, x in enumerate(images)])


def expected_geometry(x, box, mirrored, upturned, angle):
    x = reference.resized_crop(x, *box.tolist(), list(x.shape[1:]), antialias=True)
    x = reference.horizontal_flip(x) if mirrored else x
    x = reference.vertical_flip(x) if upturned else x
    return torch.rot90(x, int(angle) // 90, (1, 2))


def expected_view(image, p, i):
    """torchvision's operations in the order of T, on one image."""
    x = expected_geometry(image / 255, p.boxes[i], p.mirrored[i], p.upturned[i], p.angles[i])
    steps = (
        lambda x: reference.adjust_brightness(x, float(p.brightness[i])),
        lambda x: reference.adjust_contrast(x, float(p.contrast[i])),
        lambda x: reference.adjust_saturation(x, float(p.saturation[i])),
        lambda x: reference.adjust_hue(x, float(p.hue[i])),
    )
    for step in p.order:
        x = steps[step](x)
    x = reference.rgb_to_grayscale(x, num_output_channels=3) if p.gray[i] else x
    if p.sigmas[i] > 0:
        x = reference.gaussian_blur(x, augment.blur_size(*x.shape[1:]), float(p.sigmas[i]))
    return reference.normalize(x, list(augment.MEAN), list(augment.DEVIATION))


@pytest.mark.parametrize("size", [(32, 32), (48, 48), (40, 24)])
def test_resample_equals_torchvision(size):
    family = Family(rotation="right-angles" if size[0] == size[1] else "none")
    x = some(40, *size).float() / 255
    p = augment.draw(40, *size, seeded(3), family)
    ours = augment.resample(x, p.boxes, p.mirrored, p.upturned, p.angles)
    theirs = one_by_one(expected_geometry, x, p.boxes, p.mirrored, p.upturned, p.angles)
    torch.testing.assert_close(ours, theirs, **PLACE_CLOSE)


@pytest.mark.parametrize("angle", [-63.0, -20.0, 37.5, 80.0])
def test_any_angle_equals_torchvision_away_from_the_corners(angle):
    x = some(6, 33, 33).float() / 255
    whole = torch.tensor([0, 0, 33, 33]).repeat(6, 1)
    no = torch.zeros(6, dtype=torch.bool)
    ours = augment.resample(x, whole, no, no, torch.full((6,), angle))
    theirs = reference.rotate(x, angle, reference.InterpolationMode.BILINEAR)
    away = torch.arange(33) - 16.0
    disc = (away[:, None] ** 2 + away**2) < 15**2
    torch.testing.assert_close(ours[..., disc], theirs[..., disc], rtol=0, atol=1e-4)
    assert 0 <= float(ours.min()) <= float(ours.max()) <= 1 + 1e-6


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "hue"])
def test_colours_equal_torchvision(name, floats, parameters):
    values = getattr(parameters, name)
    ours = getattr(augment, f"adjust_{name}")(floats, values)
    adjust = getattr(reference, f"adjust_{name}")
    theirs = one_by_one(lambda x, v: adjust(x, float(v)), floats, values)
    torch.testing.assert_close(ours, theirs, **(HUE_CLOSE if name == "hue" else CLOSE))


def test_jitter_keeps_its_order(floats, parameters):
    p = parameters
    values = (p.brightness, p.contrast, p.saturation, p.hue)
    x = augment.jitter(floats, *values, order=(2, 3, 0, 1))
    y = augment.adjust_hue(augment.adjust_saturation(floats, p.saturation), p.hue)
    y = augment.adjust_contrast(augment.adjust_brightness(y, p.brightness), p.contrast)
    assert torch.equal(x, y)
    assert not torch.allclose(x, augment.jitter(floats, *values), atol=0.01)


def test_grayscale_equals_torchvision(floats):
    gray = torch.arange(24) % 3 == 0
    ours = augment.grayscale(floats, gray)
    torch.testing.assert_close(
        ours[gray], reference.rgb_to_grayscale(floats[gray], num_output_channels=3), **CLOSE
    )
    assert torch.equal(ours[~gray], floats[~gray])


@pytest.mark.parametrize("size", [3, 7, 23])
def test_blur_equals_torchvision(size, floats):
    sigmas = torch.empty(24).uniform_(0.1, 2, generator=seeded())
    sigmas[::4] = 0
    ours = augment.blur(floats, sigmas, size)
    for x, y, sigma in zip(floats, ours, sigmas, strict=True):
        expected = reference.gaussian_blur(x, size, float(sigma)) if sigma else x
        torch.testing.assert_close(y, expected, **CLOSE)


def test_normalise_equals_torchvision():
    images = some()
    theirs = reference.normalize(images / 255, list(augment.MEAN), list(augment.DEVIATION))
    torch.testing.assert_close(augment.normalise(images), theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [16, 32, 70])
def test_whole_views_equal_torchvision(size):
    images = some(32, size, size)
    p = augment.draw(32, size, size, seeded(7), Family())
    theirs = torch.stack([expected_view(image, p, i) for i, image in enumerate(images)])
    torch.testing.assert_close(augment.apply_batched(images, p), theirs, **VIEW_CLOSE)
    torch.testing.assert_close(augment.apply_compiled(images, p), theirs, **VIEW_CLOSE)


@pytest.mark.parametrize("rotation", ["right-angles", "continuous", "none"])
@pytest.mark.parametrize("size", [(32, 32), (64, 64), (45, 61)])
def test_both_paths_make_the_same_views(rotation, size):
    if rotation == "right-angles" and size[0] != size[1]:
        size = (size[0], size[0])
    images = some(48, *size)
    p = augment.draw(48, *size, seeded(4), Family(rotation=rotation))
    # At any angle a place is the sum of four rounded terms, and neighbours in noise differ by 1.
    atol = 1e-3 if rotation == "continuous" else VIEW_CLOSE["atol"]
    torch.testing.assert_close(
        augment.apply_compiled(images, p), augment.apply_batched(images, p), rtol=0, atol=atol
    )


@pytest.mark.parametrize("only", OPERATIONS)
def test_each_operation_can_stand_alone(only):
    images = some(64)
    p = augment.draw(64, 32, 32, seeded(5), Family().only(only))
    plain = augment.normalise(images)
    x = augment.apply_compiled(images, p)
    torch.testing.assert_close(x, augment.apply_batched(images, p), rtol=0, atol=5e-5)
    assert not torch.allclose(x, plain, atol=0.1)
    touched = {
        "crop": (p.boxes != torch.tensor([0, 0, 32, 32])).any(dim=1),
        "flip": p.mirrored | p.upturned,
        "rotation": p.angles != 0,
        "jitter": p.brightness != 1,
        "gray": p.gray,
        "blur": p.sigmas > 0,
    }
    for name, mask in touched.items():
        assert bool(mask.any()) == (name == only)
    torch.testing.assert_close(x[~touched[only]], plain[~touched[only]], rtol=0, atol=5e-6)


def test_no_operation_is_the_normalised_image():
    images = some()
    x, y = augment.views(images, seeded(), Family().only())
    torch.testing.assert_close(x, augment.normalise(images), rtol=0, atol=5e-6)
    assert torch.equal(x, y)


def test_views_are_two_and_the_seed_decides():
    images = some()
    kept = images.clone()
    state = torch.get_rng_state()
    x_i, x_j = augment.views(images, seeded(3))
    assert x_i.shape == x_j.shape == images.shape
    assert x_i.dtype == x_j.dtype == torch.float32
    assert not torch.equal(x_i, x_j)
    again = augment.views(images, seeded(3))
    assert torch.equal(x_i, again[0])
    assert torch.equal(x_j, again[1])
    assert not torch.equal(x_i, augment.views(images, seeded(4))[0])
    assert torch.equal(images, kept)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_number_of_threads_changes_nothing():
    images = some(25)
    p = augment.draw(25, 32, 32, seeded(), Family())
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3, 40):
            torch.set_num_threads(threads)
            results.append(augment.apply_compiled(images, p))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(results[0], other) for other in results[1:])


VIEWS = """
import hashlib, torch
from activecl_nb import augment
draw = torch.Generator().manual_seed(0)
images = torch.randint(0, 256, (64, 3, 32, 32), generator=draw, dtype=torch.uint8)
for rotation in ("right-angles", "continuous"):
    p = augment.draw(64, 32, 32, draw, augment.Family(jitter=1, rotation=rotation))
    print(hashlib.sha256(augment.apply_compiled(images, p).numpy().tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_views_do_not_depend_on_how_and_for_which_processor_they_were_compiled(tmp_path):
    """A run that was killed finds in numba's cache what an unbroken one has just compiled."""

    def made(**environment):
        done = subprocess.run(
            [sys.executable, "-c", VIEWS],
            cwd=Path(augment.__file__).parents[1],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), **environment},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout

    compiled = made()
    assert list(tmp_path.rglob("*.nbc")), "nothing was compiled, or nothing kept"
    from_cache = made()
    generic = made(NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")
    assert len(set(compiled.split())) == 2
    assert compiled == from_cache == generic


def test_no_images_no_views():
    assert augment.view(some()[:0], seeded()).shape == (0, 3, 32, 32)


def test_draws_stay_in_their_ranges_and_reach_them():
    family = Family()
    p = augment.draw(20_000, 64, 64, seeded(), family)
    top, left, height, width = p.boxes.unbind(dim=1)
    assert bool(((top >= 0) & (left >= 0) & (top + height <= 64) & (left + width <= 64)).all())
    area = (height * width) / 64**2
    assert area.min() > 0.2 - 0.02
    assert area.max() == pytest.approx(1, abs=0.05)
    ratio = width / height
    assert ratio.min() > 3 / 4 - 0.04
    assert ratio.max() < 4 / 3 + 0.04
    for values, low, high in (
        (p.brightness, 0.6, 1.4),
        (p.contrast, 0.6, 1.4),
        (p.saturation, 0.6, 1.4),
        (p.hue, -0.1, 0.1),
    ):
        assert low <= values.min() < low + 0.01
        assert high - 0.01 < values.max() <= high
    on = p.sigmas > 0
    assert 0.1 <= p.sigmas[on].min() < 0.11
    assert 1.99 < p.sigmas.max() <= 2
    shares = {"flip": p.mirrored, "jitter": p.brightness != 1, "gray": p.gray, "blur": on}
    for name, happened in shares.items():
        assert happened.float().mean().item() == pytest.approx(getattr(family, name), abs=0.02)
    turns = torch.bincount((p.angles / 90).long()) / 20_000
    assert turns.tolist() == pytest.approx([0.25] * 4, abs=0.02)
    any_angle = augment.draw(20_000, 64, 64, seeded(), Family(rotation="continuous")).angles
    assert -90 <= any_angle.min() < -89
    assert 89 < any_angle.max() <= 90


def test_crops_are_drawn_as_by_torchvision():
    from torchvision.transforms import RandomResizedCrop

    image = torch.empty(3, 40, 56)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = torch.tensor(
            [RandomResizedCrop.get_params(image, [0.2, 1.0], [3 / 4, 4 / 3]) for _ in range(4000)]
        )
    ours = augment.draw_boxes(4000, 40, 56, seeded(), Family())
    # Means of 4,000 draws; five standard errors.
    error = 5 * (ours.double().std(dim=0) + theirs.double().std(dim=0)) / math.sqrt(4000)
    assert ((ours.double().mean(dim=0) - theirs.double().mean(dim=0)).abs() < error).all()


def test_a_crop_that_never_fits_falls_back_to_the_whole():
    family = dataclasses.replace(Family(), crop_scale=(1.0, 1.0), crop_ratio=(3.0, 3.0))
    boxes = augment.draw_boxes(20, 30, 30, seeded(), family)
    assert boxes[:, 2:].tolist() == [[10, 30]] * 20


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(2, 3, 32, 32), r"uint8 .* not torch\.float32 of shape \(2, 3, 32, 32\)"),
        (torch.zeros(3, 32, 32, dtype=torch.uint8), r"\(N, 3, H, W\).*\(3, 32, 32\)"),
        (torch.zeros(2, 1, 32, 32, dtype=torch.uint8), r"\(2, 1, 32, 32\)"),
        (torch.zeros(2, 3, 32, 7, dtype=torch.uint8), "at least 8 x 8 pixels, not 32 x 7"),
        (torch.zeros(2, 3, 32, 40, dtype=torch.uint8), "square images, not 32 x 40"),
    ],
)
def test_bad_images_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        augment.views(images, seeded())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rotation": "any"}, "rotation must be .* not 'any'"),
        ({"blur": 1.5}, r"blur must be from 0 to 1.* not 1\.5"),
        ({"hue": 0.6}, "hue must be"),
        ({"contrast": -0.1}, "contrast must be"),
        ({"crop_scale": (0.0, 1.0)}, "crop_scale must be"),
        ({"crop_ratio": (2.0, 1.0)}, "crop_ratio must be"),
        ({"blur_sigma": (0.0, 1.0)}, "blur_sigma must be"),
    ],
)
def test_bad_strengths_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Family(**wrong)


def test_unknown_operations_are_refused():
    with pytest.raises(ValueError, match="unknown operation 'grey'; there are: crop"):
        Family().only("grey")
    with pytest.raises(ValueError, match="unknown operation 'cut'"):
        Family().without("blur", "cut")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA")
def test_same_views_on_a_gpu():
    images = some(64, 64, 64)
    theirs = augment.views(images.cuda(), seeded())[0]
    assert theirs.is_cuda
    torch.testing.assert_close(theirs.cpu(), augment.views(images, seeded())[0], rtol=0, atol=1e-4)
