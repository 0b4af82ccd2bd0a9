"""The oracle: what a strategy could do that knew the answers. No one can use it.

It is the positive control of the study: if picks with far more tumour do not help, then a
strategy cannot help by finding tumour.
"""

from __future__ import annotations

import torch
from torch import Tensor

from activecl_nb.sampling.order import in_turn, rarest_first


def oracle(
    features: Tensor,
    logits: Tensor,
    chosen_features: Tensor,
    budget: int,
    generator: torch.Generator,
    truth: Tensor,
) -> Tensor:
    """Half of the picks truly positive, as long as there are any, and any others beside them.

    truth: bool (n,), which candidates are positive.
    """
    groups = truth.long().cpu()
    chance = torch.rand(len(groups), generator=generator)
    return in_turn(chance, groups, rarest_first(groups, generator), budget, generator)


oracle.asks_for = ("truth",)  # type: ignore[attr-defined]  # what pick looks for
