"""Compiled for a GPU: the same views and losses, and the code as written where none is at hand."""

from __future__ import annotations

import pytest
import torch

from activecl_nb import augment, seeds, simclr
from activecl_nb.fast import fused


@pytest.fixture
def traced(monkeypatch):
    """As on a GPU, but for the kernels: every function traced whole, without a break."""
    compile_ = torch.compile
    calls: list[object] = []

    def trace(function, *, dynamic=None, mode=None):
        calls.append(function)
        return compile_(function, dynamic=dynamic, fullgraph=True, backend="aot_eager")

    monkeypatch.setattr(torch, "compile", trace)
    monkeypatch.setattr(fused, "_worth", lambda images, device: True)
    return calls


def patches(n: int = 6, side: int = 32) -> torch.Tensor:
    draw = seeds.generator(0, "patches")
    return torch.randint(0, 256, (n, 3, side, side), dtype=torch.uint8, generator=draw)


@pytest.mark.parametrize("rotation", ["right-angles", "continuous"])
def test_traced_views_are_the_views_as_written(rotation, monkeypatch, request):
    family = augment.Family(rotation=rotation)
    drawn = augment.draw(6, 32, 32, seeds.generator(0, "views"), family)
    written = augment.apply_batched(patches(), drawn)
    request.getfixturevalue("traced")
    torch.testing.assert_close(augment.apply_batched(patches(), drawn), written, rtol=0, atol=5e-5)


def test_batches_of_many_sizes_are_not_each_compiled_anew(monkeypatch):
    compile_, graphs = torch.compile, []

    def as_written(graph, examples):
        graphs.append(graph)
        return graph

    monkeypatch.setattr(torch, "compile", lambda f, **k: compile_(f, **k, backend=as_written))
    monkeypatch.setattr(fused, "_worth", lambda images, device: True)
    half = fused.fused(lambda x: x / 2)
    for n in range(2, 14):
        assert torch.equal(half(patches(n).float()), patches(n).float() / 2)
    assert len(graphs) == 2  # for the first size, and for every other


def test_training_calls_the_compiled_model(traced):
    model = simclr.SimCLR(simclr.build_encoder(4), simclr.build_head(32))
    losses = simclr.train(model, patches(16), epochs=1, batch_size=8)
    assert losses.isfinite().all() and any(called is model for called in traced)


def test_small_images_and_processors_run_as_written(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda *_, **__: pytest.fail("compiled"))
    model = torch.nn.Identity()
    for side in (32, 256):
        images = torch.zeros(2, 3, side, side)
        assert fused.forward(model, images, torch.device("cpu")) is model
        augment.adjust_hue(images, torch.zeros(2))
    small = torch.zeros(2, 3, fused.LARGE - 1, 256)
    assert fused.forward(model, small, torch.device("cuda")) is model


def test_a_compiler_that_is_missing_is_named_and_nothing_is_compiled(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no C compiler")

    ones = torch.ones
    monkeypatch.setattr(torch, "ones", lambda n, device: ones(n))
    monkeypatch.setattr(torch, "compile", broken)
    fused._compiles.cache_clear()
    try:
        with pytest.warns(UserWarning, match="no C compiler"):
            assert not fused._compiles()
    finally:
        fused._compiles.cache_clear()
