"""References: the formula in float64 loops, torchvision's ResNet18, torch's own Adam."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from activecl_nb import simclr


def nt_xent_by_the_formula(z_i, z_j, temperature):
    z = torch.cat([z_i, z_j]).double()
    n = len(z_i)

    def sim(a, b):
        return float(a @ b / (a.norm() * b.norm()))

    total = 0.0
    for i in range(2 * n):
        partner = (i + n) % (2 * n)
        others = sum(math.exp(sim(z[i], z[k]) / temperature) for k in range(2 * n) if k != i)
        total -= math.log(math.exp(sim(z[i], z[partner]) / temperature) / others)
    return total / (2 * n)


@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
def test_nt_xent_is_the_formula(n, temperature):
    draw = torch.Generator().manual_seed(n)
    z_i, z_j = (torch.randn(n, 5, generator=draw) * 3 for _ in range(2))
    expected = nt_xent_by_the_formula(z_i, z_j, temperature)
    assert simclr.nt_xent(z_i, z_j, temperature).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("n", [1, 2, 64])
def test_chance_is_the_loss_where_all_views_are_alike(n):
    z = torch.ones(n, 5)
    assert simclr.nt_xent(z, z).item() == pytest.approx(simclr.chance(n), abs=1e-6)


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("scale", [0, 1e-4, 1, 1e4])
def test_nt_xent_of_half_precision_is_that_of_the_same_numbers_in_full(half, scale):
    """Zeros, and lengths whose squares float16 cannot hold."""
    draw = torch.Generator().manual_seed(0)
    z = [(scale * torch.randn(4, 5, generator=draw)).to(half).requires_grad_() for _ in range(2)]
    loss = simclr.nt_xent(*z)
    loss.backward()
    assert torch.equal(loss, simclr.nt_xent(*(v.float() for v in z))) and loss.isfinite()
    assert all(v.grad.isfinite().all() for v in z)


def test_nt_xent_gradient_is_the_formulas():
    draw = torch.Generator().manual_seed(0)
    z_i, z_j = (torch.randn(3, 4, generator=draw, dtype=torch.float64) for _ in range(2))
    z_i.requires_grad_(), z_j.requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: simclr.nt_xent(a, b, 0.5), (z_i, z_j))


def test_the_default_encoder_is_torchvisions_resnet18():
    from torchvision.models import resnet18

    ours, theirs = simclr.build_encoder(), resnet18()
    theirs.fc = torch.nn.Identity()
    state = theirs.state_dict()
    assert [v.shape for v in ours.state_dict().values()] == [v.shape for v in state.values()]
    ours.load_state_dict(dict(zip(ours.state_dict(), state.values(), strict=True)))
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours.eval()(images), theirs.eval()(images))


@pytest.mark.parametrize("stem", simclr.STEMS)
def test_every_stem_and_width_gives_8_times_width_features(stem):
    encoder = simclr.build_encoder(4, stem)
    assert encoder(torch.zeros(2, 3, 32, 32)).shape == (2, 32)
    assert simclr.feature_count(encoder) == 32


def test_the_paper_head_is_three_layers_of_128():
    layers = [m for m in simclr.build_head(512).modules() if isinstance(m, torch.nn.Linear)]
    assert [(m.in_features, m.out_features) for m in layers] == [(512, 128), (128, 128), (128, 128)]


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="no stem is called 'big'"):
        simclr.build_encoder(stem="big")
    with pytest.raises(ValueError, match="no projection head is called 'deep'"):
        simclr.build_head(8, kind="deep")


def test_weights_come_from_the_seed_and_leave_the_global_state_alone():
    before = torch.get_rng_state()
    a, b, c = (simclr.build_encoder(4, seed=s).state_dict()["0.weight"] for s in (1, 1, 2))
    assert torch.equal(a, b) and not torch.equal(a, c)
    assert torch.equal(before, torch.get_rng_state())


def model(seed=0, head="paper"):
    return simclr.SimCLR(
        simclr.build_encoder(4, "half", seed=seed), simclr.build_head(32, 16, head, seed=seed)
    )


@pytest.fixture
def images():
    draw = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (20, 3, 16, 16), dtype=torch.uint8, generator=draw)


def weights(m):
    return {k: v.clone() for k, v in m.state_dict().items()}


def test_training_lowers_the_loss_and_changes_encoder_and_head(images):
    m = model()
    before = weights(m)
    losses = simclr.train(m, images, epochs=30, batch_size=10, learning_rate=3e-3)
    assert losses.shape == (30,) and losses[-5:].mean() < losses[:5].mean()
    changed = {k for k, v in weights(m).items() if not torch.equal(v, before[k])}
    assert {"encoder.0.weight", "head.0.weight"} <= changed


def test_the_same_names_give_the_same_training(images):
    runs = []
    for seed in (0, 0, 1):
        m = model()
        simclr.train(m, images, epochs=2, batch_size=10, seed=seed)
        runs.append(weights(m)["encoder.0.weight"])
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_training_in_two_parts_equals_training_at_once(images, schedule):
    whole, parts = model(), model()
    recipe = simclr.Recipe(epochs=4, batch_size=10, learning_rate=1e-3, schedule=schedule)
    simclr.train(whole, images, recipe=recipe)
    optimizer = simclr.adam(parts, 1e-3)
    for part in (range(2), range(2, 4)):
        simclr.train(parts, images, recipe=recipe, part=part, optimizer=optimizer)
    torch.testing.assert_close(weights(whole), weights(parts), rtol=0, atol=0)


def test_the_cosine_goes_from_the_rate_to_a_tenth_of_it():
    recipe = simclr.Recipe(epochs=4, learning_rate=2e-3, schedule="cosine")
    assert recipe.rate(0) == 2e-3 and recipe.rate(4) == pytest.approx(2e-4)
    assert recipe.rate(2) == pytest.approx(1.1e-3)
    assert simclr.Recipe(epochs=4, learning_rate=2e-3).rate(3) == 2e-3


def test_the_rate_falls_epoch_by_epoch(images):
    optimizer = simclr.adam(m := model(), 1e-3)
    recipe = simclr.Recipe(epochs=4, batch_size=10, learning_rate=1e-3, schedule="cosine")
    for epoch in range(4):
        part = range(epoch, epoch + 1)
        simclr.train(m, images, recipe=recipe, part=part, optimizer=optimizer)
        assert optimizer.param_groups[0]["lr"] == recipe.rate(epoch)


def test_the_recipe_is_the_papers_and_fields_change_by_name(images):
    paper = simclr.Recipe()
    assert (paper.epochs, paper.batch_size, paper.learning_rate) == (100, 128, 1e-4)
    assert (paper.temperature, paper.schedule) == (0.1, "constant")
    named, whole = model(), model()
    choices = {"epochs": 2, "batch_size": 10, "temperature": 0.5}
    simclr.train(named, images, **choices)
    simclr.train(whole, images, None, simclr.Recipe(**choices))
    torch.testing.assert_close(weights(named), weights(whole), rtol=0, atol=0)
    with pytest.raises(TypeError, match="momentum"):
        simclr.train(named, images, momentum=0.9)


def test_the_last_partial_batch_is_dropped(images):
    seen = []
    simclr.train(model(), images, epochs=2, batch_size=8, on_batch=seen.append)
    assert seen == [8, 8, 8, 8]


def test_too_few_images_for_a_batch_are_refused(images):
    with pytest.raises(ValueError, match="20 images do not fill one batch of 32"):
        simclr.train(model(), images, epochs=1, batch_size=32)
    with pytest.raises(ValueError, match="no schedule is called 'step'"):
        simclr.train(model(), images, epochs=1, batch_size=8, schedule="step")


def test_features_do_not_depend_on_the_batch_and_the_mode_is_restored(images):
    encoder = model().encoder.train()
    at_once = simclr.encode(encoder, images)
    torch.testing.assert_close(at_once, simclr.encode(encoder, images, batch_size=3))
    assert encoder.training and at_once.dtype == torch.float32 and at_once.shape == (20, 32)
    assert simclr.encode(encoder, images[:0]).shape == (0, 32)


# ---- the fast path --------------------------------------------------------------------------

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is at hand"),
    ),
]


def shallow():
    """Two convolutions: a whole ResNet multiplies the rounding of its first layers."""
    layers = [torch.nn.Conv2d(3, 8, 3, 2, bias=False), torch.nn.BatchNorm2d(8), torch.nn.ReLU()]
    layers += [torch.nn.Conv2d(8, 16, 3, 2, bias=False), torch.nn.BatchNorm2d(16), torch.nn.ReLU()]
    with simclr._seeded(0, "shallow"):
        for layer in layers[::3]:
            layer.reset_parameters()
    pool = [torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten()]
    return simclr.SimCLR(torch.nn.Sequential(*layers, *pool), simclr.build_head(256, 16))


def one_step(m, device="cpu", forward=lambda m: m, round=lambda x: x, **choices):
    """Loss and gradients of a step, float32 on the processor."""
    m = m.to(device)
    with torch.no_grad():
        for p in m.parameters():
            p.copy_(round(p))
    x_i, noise = torch.randn(2, 16, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    x_i, x_j = round(x_i).to(device), round(x_i + noise / 2).to(device)
    loss = simclr.contrast(forward(m), x_i, x_j, 0.5, **choices)
    loss.backward()
    return loss.detach().cpu(), {name: p.grad.float().cpu() for name, p in m.named_parameters()}


def distance(found, expected):
    """Between gradients, relative to the length of the second; one tensor or several."""
    return float((found - expected).norm() / expected.norm())


def assert_within_bfloat16(found, expected):
    """bfloat16 keeps 8 bits: a relative 0.004 a rounding, and a step rounds many times."""
    (found_loss, found_gradients), (loss, gradients) = found, expected
    assert found_loss.dtype == torch.float32
    torch.testing.assert_close(found_loss, loss, rtol=0.01, atol=0)
    for name, gradient in gradients.items():
        error = distance(found_gradients[name], gradient)
        assert error < 0.1, f"{name}: {error:.3f}"


@pytest.mark.parametrize("device", DEVICES)
def test_a_step_in_bfloat16_is_the_float32_step_within_its_rounding(device):
    exact, rounded = one_step(shallow()), one_step(shallow(), device, half=True)
    assert_within_bfloat16(rounded, exact)
    assert rounded[0] != exact[0]  # the layers did run in bfloat16


@pytest.mark.parametrize("device", DEVICES)
def test_bfloat16_moves_a_resnets_gradient_hardly_more_than_rounding_its_weights(device):
    """With random weights that is much: about a fifth. So the yardstick is the rounding itself."""

    def flat(step):
        return torch.cat([gradient.flatten() for gradient in step[1].values()])

    exact = flat(one_step(model()))
    least = distance(flat(one_step(model(), round=lambda x: x.bfloat16().float())), exact)
    assert distance(flat(one_step(model(), device, half=True)), exact) < 2 * least < 1


def test_a_wrong_step_is_not_within_bfloat16():
    loss, gradients = one_step(shallow())
    wrong = {**gradients, "encoder.0.weight": 1.2 * gradients["encoder.0.weight"]}
    with pytest.raises(AssertionError, match=r"encoder.0.weight: 0.200"):
        assert_within_bfloat16((loss, wrong), (loss, gradients))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is at hand")
@pytest.mark.parametrize("compiled", [False, True])
def test_training_on_a_gpu_starts_as_on_a_processor(images, compiled):
    """One epoch of one batch: bfloat16, channels_last and perhaps a CUDA graph against none."""
    losses = []
    for device in ("cpu", "cuda"):
        m = model().to(device)
        if compiled and device == "cuda":
            m = torch.compile(m, mode="reduce-overhead")
        losses.append(simclr.train(m, images, epochs=1, batch_size=20))
    torch.testing.assert_close(*losses, rtol=0.02, atol=0.02)


def test_compiled_layers_take_the_same_step():
    """Traced by torch.compile; what its compiler makes of that is tested on a GPU."""
    traced = one_step(shallow(), forward=lambda m: torch.compile(m, backend="aot_eager"))
    torch.testing.assert_close(traced, one_step(shallow()))


BARE = """
import importlib.util, re, runpy, sys
from importlib import metadata

def needs(*names, seen=set()):
    for name in set(names) - seen:
        seen.add(name)
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # for another system
        needs(*(re.match("[A-Za-z0-9._-]+", n)[0] for n in needed if "extra ==" not in n))
    return seen

torchs = {name.lower().replace("_", "-") for name in needs("torch", "numpy")}
others = {
    module for module, of in metadata.packages_distributions().items()
    if not {name.lower().replace("_", "-") for name in of} & torchs
} - {"activecl_nb"}
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in others else find(name, *more)
sys.modules.update(dict.fromkeys(others))
assert "pydantic" in others and "numba" in others
sys.argv = ["bench_gpu.py", "--tiny"]
runpy.run_path("benchmarks/bench_gpu.py", run_name="__main__")
"""


@pytest.mark.slow  # a training of every kind, and a start of torch
def test_the_benchmark_for_a_gpu_needs_torch_and_numpy_alone():
    done = subprocess.run(
        [sys.executable, "-c", BARE],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "numba or platformdirs is not installed: random images" in done.stdout
    assert "loop took" in done.stdout and "2 rounds of 16 images" in done.stdout
