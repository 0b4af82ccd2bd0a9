"""Reference: torch's own loop, written out."""

import copy

import torch

from activecl_nb import simclr
from activecl_nb.fast import layout, steps


def test_a_step_is_torchs_own_and_the_loss_comes_back_without_its_graph():
    m = torch.nn.Linear(3, 2)
    twin, x = copy.deepcopy(m), torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    optimizer, other = simclr.adam(m.eval(), 1e-2), simclr.adam(twin, 1e-2)
    with steps.stepping(m, optimizer) as step:
        assert m.training
        losses = [step(m(x).square().mean()) for _ in range(3)]
    for loss in losses:
        expected = twin(x).square().mean()
        other.zero_grad()
        expected.backward()
        other.step()
        assert torch.equal(loss, expected) and not loss.requires_grad
    torch.testing.assert_close(m.state_dict(), twin.state_dict(), rtol=0, atol=0)


def test_the_model_is_laid_out_before_the_first_step(monkeypatch):
    seen = []
    monkeypatch.setattr(layout, "arrange", lambda *arguments: seen.append(arguments))
    m = torch.nn.Linear(3, 2)
    optimizer = simclr.adam(m, 1e-2)
    with steps.stepping(m, optimizer):
        assert seen == [(m, optimizer)]


def test_repeatable_asks_nothing_of_a_processor_and_fixed_sums_of_a_gpu():
    before = torch.backends.cudnn.deterministic
    with steps.repeatable(torch.device("cpu")):
        assert torch.backends.cudnn.deterministic == before
    with steps.repeatable(torch.device("cuda")):
        assert torch.backends.cudnn.deterministic
    assert torch.backends.cudnn.deterministic == before
