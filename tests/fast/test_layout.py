"""Reference: the same model as it was made, in torch's usual layout."""

import subprocess
import sys

import pytest
import torch

from activecl_nb import experiment, simclr
from activecl_nb.fast import layout
from activecl_nb.protocol import BENCHMARK, Protocol


def model(width, stem="half"):
    return simclr.SimCLR(simclr.build_encoder(width, stem), simclr.build_head(8 * width, 16))


def patches(n=16, size=16):
    draw = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (n, 3, size, size), dtype=torch.uint8, generator=draw)


def is_channels_last(m):
    """Whether its 3 x 3 convolutions are; a 1 x 1 convolution is both at once."""
    weights = [p for p in m.parameters() if p.ndim == 4 and p.shape[-1] > 1]
    lies = {p.is_contiguous(memory_format=torch.channels_last) for p in weights}
    assert len(lies) == 1
    return lies.pop()


@pytest.mark.parametrize("stem", simclr.STEMS)
@pytest.mark.parametrize(("width", "safe"), [(4, False), (8, False), (16, True), (24, True)])
def test_narrow_encoders_stay_as_they_are_on_a_processor(width, stem, safe):
    assert is_channels_last(layout.arrange(model(width, stem))) == safe


def test_convolutions_that_skip_no_pixel_may_be_narrow():
    m = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.Conv2d(4, 4, 3, stride=2))
    assert is_channels_last(layout.arrange(m))


def test_devices_that_are_not_known_to_gain_keep_the_usual_layout():
    assert not is_channels_last(layout.arrange(model(16).to("meta")))


def test_weights_and_moments_move_and_no_value_changes():
    m = model(16)
    optimizer = simclr.adam(m, 1e-3)
    for p in m.parameters():
        p.grad = torch.ones(p.shape)  # moments that lie as torch makes them
    optimizer.step()
    m.to(memory_format=torch.contiguous_format)
    before = (
        [v.clone() for v in m.state_dict().values()],
        [{k: v.clone() for k, v in optimizer.state[p].items()} for p in m.parameters()],
    )
    layout.arrange(m, optimizer)
    after = list(m.state_dict().values()), [optimizer.state[p] for p in m.parameters()]
    torch.testing.assert_close(after, before, rtol=0, atol=0)
    assert is_channels_last(m)
    for p in m.parameters():  # a fused update walks through all of them by the same strides
        assert {optimizer.state[p][name].stride() for name in ("exp_avg", "exp_avg_sq")} == {
            p.stride()
        }


def test_a_step_is_the_same_within_rounding():
    steps = []
    x_i, noise = torch.randn(2, 16, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    for arrange in (lambda m: m, layout.arrange):
        m = arrange(model(16).double())
        loss = simclr.contrast(m, x_i.double(), (x_i + noise / 2).double(), 0.5)
        loss.backward()
        steps.append((loss.detach(), {name: p.grad for name, p in m.named_parameters()}))
    torch.testing.assert_close(*steps, rtol=1e-5, atol=1e-7)  # the loss itself is float32


STEP = """
import torch
from activecl_nb import simclr
patches = torch.zeros(32, 3, 64, 64, dtype=torch.uint8)
patches[:, :, ::2] = 200
m = simclr.SimCLR(simclr.build_encoder({width}, "full"), simclr.build_head(8 * {width}))
print(bool(torch.isfinite(simclr.train(m, patches, epochs=2, batch_size=32)).all()))
"""


@pytest.mark.parametrize("width", [8, 16])
def test_a_fine_stem_on_64_pixels_trains(width):
    """Width 8 in channels last is what stopped the process."""
    step = [sys.executable, "-c", STEP.format(width=width)]
    done = subprocess.run(step, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


class Stop(Exception):
    pass


@pytest.mark.parametrize(
    ("strategy", "carry"), [("entropy", False), ("entropy", True), (BENCHMARK, False)]
)
def test_resumed_equals_unbroken_where_the_layout_changes(
    tiny_data, tiny_protocol, tmp_path, monkeypatch, strategy, carry
):
    """Bit for bit: picks are made from features before the first training of a resumed run."""
    sizes = {"width": 16, "rounds": 2, "epochs": 1, "benchmark_epochs": 2, "benchmark_every": 1}
    protocol = Protocol(**{**vars(tiny_protocol), **sizes, "carry_optimizer": carry})

    def go(out):
        if strategy == BENCHMARK:
            return experiment.benchmark(protocol, tiny_data, 1, out, device="cpu", progress=False)
        return experiment.run(protocol, tiny_data, strategy, 1, out, device="cpu", progress=False)

    unbroken = go(tmp_path / "unbroken")
    real = simclr.train
    with monkeypatch.context() as patched:
        calls = []

        def interrupted(*arguments, **choices):
            calls.append(1)
            if len(calls) == 2:
                raise Stop
            return real(*arguments, **choices)

        patched.setattr(simclr, "train", interrupted)
        with pytest.raises(Stop):
            go(tmp_path / "broken")
    resumed = go(tmp_path / "broken")
    for name, value in unbroken.weights.items():
        assert torch.equal(value, resumed.weights[name]), name
        assert value.is_contiguous()
    for a, b in zip(unbroken.rounds, resumed.rounds, strict=True):
        assert a.picked.tolist() == b.picked.tolist() and a.scores == b.scores
        assert a.watched_logits.tolist() == b.watched_logits.tolist()
