"""Greedy sampling for regression: far in the inputs and in what is predicted at once."""

from __future__ import annotations

import torch
from torch import Tensor


def igs(
    features: Tensor,
    logits: Tensor,
    chosen_features: Tensor,
    budget: int,
    generator: torch.Generator,
    chosen_logits: Tensor | None = None,
) -> Tensor:
    """Improved greedy sampling on inputs and outputs (iGS).

    Wu, Lin and Huang, "Active learning for regression using greedy sampling", Information Sciences
    474, 2019: always the candidate whose least product of distances, in the features and in the
    outputs, to all that is chosen is largest. In the paper what is chosen gets a label, and the
    model is fitted anew after every pick; here nothing picked is labelled and a round picks many,
    so the proxy's prediction stands for the label on both sides (chosen_logits (m,), and logits
    (n,) for the picks of this round). Where the predictions of the chosen are not known they do
    not count. With nothing chosen the first pick is nearest to the middle, as in the paper's GSx.
    """
    n = len(features)
    rank = torch.randperm(n, generator=generator).to(features.device)  # of equals the lowest wins
    x = features.detach().double()
    y = logits.detach().to(x).reshape(n, -1)
    least = x.new_full((n,), torch.inf)  # product of distances to the nearest that is chosen
    begun = False
    if chosen_logits is not None and len(chosen_logits):
        begun = True
        known = zip(chosen_features.split(256), chosen_logits.split(256), strict=True)
        for some_x, some_y in known:
            _lower(least, (x, y), some_x.detach().to(x), some_y.detach().to(x))
    picks = torch.empty(budget, dtype=torch.int64, device=x.device)
    for step in range(budget):
        worth = least if begun or step else -(x - x.mean(dim=0)).norm(dim=1)
        best = torch.where(worth == worth.max(), rank, n).argmin().view(1)
        picks[step] = best
        _lower(least, (x, y), x[best], y[best])
        least[best] = -torch.inf  # picked, and below every product
    return picks.cpu()


igs.asks_for = ("chosen_logits",)  # type: ignore[attr-defined]  # what pick looks for


def _lower(least: Tensor, of: tuple[Tensor, Tensor], x: Tensor, y: Tensor) -> None:
    """Lower ``least`` to the products of distances to these, in place; exact, not by products."""
    exact = "donot_use_mm_for_euclid_dist"
    far = torch.cdist(of[0], x, compute_mode=exact)
    apart = torch.cdist(of[1], y.reshape(len(y), -1), compute_mode=exact)
    torch.minimum(least, (far * apart).min(dim=1).values, out=least)
