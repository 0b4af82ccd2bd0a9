"""Strategies by the proxy's doubt, beside entropy; and chance spread over the predicted classes.

All but ``uncertainty`` read doubt out of the logits of classes.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from activecl_nb.sampling.order import in_turn, largest, rarest_first
from activecl_nb.sampling.paper import entropy_of


def uncertainty(
    features: Tensor,
    logits: Tensor,
    chosen_features: Tensor,
    budget: int,
    generator: Generator,
    doubt: Tensor | None = None,
) -> Tensor:
    """The candidates that the proxy doubts most, by whatever its task doubts (Settles 2009).

    doubt: float (n,), see ``tasks``: the entropy in classification, where this is the strategy
    ``entropy``; the spread of a bootstrap ensemble in regression (query by committee: Seung, Opper
    and Sompolinsky 1992; for regression Burbidge, Rowland and King 2007); the mean entropy of the
    pixels in segmentation. Where none is given it is the entropy of the logits.
    """
    return largest(entropy_of(logits) if doubt is None else doubt, budget, generator)


uncertainty.asks_for = ("doubt",)  # type: ignore[attr-defined]  # what pick looks for


def least_confidence(
    features: Tensor, logits: Tensor, chosen_features: Tensor, budget: int, generator: Generator
) -> Tensor:
    """The candidates whose most probable class is least probable (Settles 2009, section 3.1).

    For a binary proxy this is the order of ``entropy``; it differs from three classes on.
    """
    return largest(ranked_probabilities(logits)[:, 1:].sum(dim=1), budget, generator)


def margin(
    features: Tensor, logits: Tensor, chosen_features: Tensor, budget: int, generator: Generator
) -> Tensor:
    """The candidates whose two most probable classes are closest (Scheffer et al. 2001).

    "Active hidden Markov models for information extraction", IDA 2001. For a binary proxy this
    is the order of ``entropy``; it differs from three classes on.
    """
    p = ranked_probabilities(logits)
    # 1 - (p_1 - p_2), written without the difference of numbers close to 1
    return largest(p[:, 1:].sum(dim=1) + p[:, 1:2].sum(dim=1), budget, generator)


def entropy_balanced(
    features: Tensor, logits: Tensor, chosen_features: Tensor, budget: int, generator: Generator
) -> Tensor:
    """Entropy with as many picks of each predicted class, as far as the candidates go.

    The classes take turns, the rarest first, each with its most uncertain candidate. This is
    the plainest form of what Bengar et al. propose, "Class-balanced active learning for image
    classification", WACV 2022: they weigh uncertainty against balance in an optimisation over
    predicted probabilities, we take the predicted classes in equal shares.
    """
    predicted = predicted_classes(logits)
    turns = rarest_first(predicted, generator)
    return in_turn(entropy_of(logits), predicted, turns, budget, generator)


def random_balanced(
    features: Tensor, logits: Tensor, chosen_features: Tensor, budget: int, generator: Generator
) -> Tensor:
    """Any candidates, but as many of each predicted class, as far as the candidates go.

    Random picks with the imbalance taken out by what the proxy predicts: the baseline that
    nnActive finds hardest to beat (Luth et al. 2025), in its plainest form.
    """
    predicted = predicted_classes(logits)
    turns = rarest_first(predicted, generator)
    chance = torch.rand(len(predicted), generator=generator)
    return in_turn(chance, predicted, turns, budget, generator)


def ranked_probabilities(logits: Tensor) -> Tensor:
    """The proxy's probabilities, the largest of each row first; float64 (n, k), or (n, 2)."""
    logits = logits.double()
    if logits.ndim == 1:
        return torch.sigmoid(torch.stack([logits.abs(), -logits.abs()], dim=1))
    return torch.softmax(logits, dim=1).sort(dim=1, descending=True).values


def predicted_classes(logits: Tensor) -> Tensor:
    """The class that the proxy calls each candidate; int64 (n,) on the processor."""
    predicted = (logits > 0).long() if logits.ndim == 1 else logits.argmax(dim=1)
    return predicted.cpu()
