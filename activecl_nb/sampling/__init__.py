"""The strategies: which candidates join the training set next (paper, section II-C).

A strategy is a function with this signature, and ``STRATEGIES`` is a plain dict of them:

    select(features, logits, chosen_features, budget, generator) -> picks

    features         float tensor (n, d): what the encoder makes of the n candidates
    logits           float tensor (n,), or (n, k) for k classes: what the proxy makes of them
    chosen_features  float tensor (m, d): what is in the training set already; m may be 0
    budget           how many candidates to pick, 1 to n
    generator        torch.Generator on the processor; every random choice and every tie is its
    picks            int64 tensor (budget,) on the processor: positions of candidates in the
                     order picked, none twice

The paper's four stand in ``paper`` (with its formula (3) mended, and to the letter); those by the
proxy's doubt in ``uncertainty``, those that spread out in ``diversity``, each from its own
publication. ``oracle`` alone is told the truth. What a strategy's attribute ``asks_for`` names
("doubt", "chosen_logits", "truth") it is given by that name too, see ``pick``. Where the task is
regression or segmentation, ``logits`` are what the proxy predicts, see ``tasks``; those of
``BY_CLASS`` cannot work with that.

To add your own, write such a function and say ``STRATEGIES["mine"] = mine``; one that reads the
logits, and asks for nothing, stands in ``BY_CLASS`` as well. The loop calls ``pick``, which checks
what goes in and what comes out. Yours works on copies, and what it sets for the whole process
(``torch.set_default_dtype``, a seed, the current folder) is put back after it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

import torch
from torch import Tensor

from activecl_nb.sampling import code
from activecl_nb.sampling.apart import apart, plain
from activecl_nb.sampling.diversity import badge, entropy_diverse, kmeans, sas, typiclust
from activecl_nb.sampling.from_file import from_file, is_from_file
from activecl_nb.sampling.igs import igs
from activecl_nb.sampling.oracle import oracle
from activecl_nb.sampling.order import largest
from activecl_nb.sampling.paper import certainty, entropy, entropy_of, kcenter, random
from activecl_nb.sampling.uncertainty import (
    entropy_balanced,
    least_confidence,
    margin,
    random_balanced,
    uncertainty,
)

Strategy = Callable[[Tensor, Tensor, Tensor, int, torch.Generator], Tensor]

STRATEGIES: dict[str, Strategy] = {
    "random": random, "entropy": entropy, "kcenter": kcenter, "certainty": certainty,
    "least_confidence": least_confidence, "margin": margin, "entropy_balanced": entropy_balanced,
    "entropy_diverse": entropy_diverse, "kmeans": kmeans, "typiclust": typiclust, "badge": badge,
    "sas": sas, "random_balanced": random_balanced,
    "oracle": oracle,  # type: ignore[dict-item]  # pick hands it the truth as well
    "uncertainty": uncertainty, "igs": igs,
}  # fmt: skip
# Those that read the logits as logits of classes.
BY_CLASS = {
    "entropy", "certainty", "least_confidence", "margin", "entropy_balanced", "entropy_diverse",
    "badge", "sas", "random_balanced",
}  # fmt: skip


def pick(
    strategy: str | Strategy,
    features: Tensor,
    logits: Tensor,
    chosen_features: Tensor,
    budget: int,
    generator: torch.Generator,
    truth: Tensor | None = None,
    doubt: Tensor | None = None,
    chosen_logits: Tensor | None = None,
) -> Tensor:
    """What the loop calls: run a strategy, by name or as a function, and check its picks.

    A function may return a tensor, an array or a list; the picks come back as an int64 tensor
    (budget,) on the processor. truth: bool (n,), which candidates are positive; it is handed to
    the oracle alone. doubt: (n,), the proxy's about each candidate; chosen_logits: (m,), what it
    makes of what is chosen already; both go to strategies that ask for them. Raises ValueError
    for an unknown name, for inputs that ``check_inputs`` refuses, and for picks that are too few
    or too many, no whole numbers, not positions of candidates, or the same candidate twice.
    """
    name, select = named(strategy)
    check_inputs(features, logits, chosen_features, budget)
    given = dict(zip(TOLD, (truth, doubt, chosen_logits), strict=True))
    told = {one: given[one] for one in getattr(select, "asks_for", ())}
    if told.get("truth", ...) is None:
        raise ValueError(f"strategy {name!r} has to be told the truth; only the loop can do that")
    if budget == 0:
        return torch.empty(0, dtype=torch.int64)
    candidates = len(features)
    if code.of_the_kit(select):
        picks = select(features, logits, chosen_features, budget, generator, **told)
    else:  # on copies, and apart: what it changes reaches nobody else
        features, logits, chosen_features = (
            values.clone() for values in (features, logits, chosen_features)
        )
        told = {one: values if values is None else values.clone() for one, values in told.items()}
        with apart(generator.initial_seed()):
            picks = select(features, logits, chosen_features, budget, generator, **told)
    return checked_picks(picks, name, candidates, budget)


def named(strategy: str | Strategy) -> tuple[str, Strategy]:
    """The name and the function of a strategy given by either.

    ValueError: an unknown name, or a function that does not take what it will be called with.
    """
    if callable(strategy):
        name = code.name_of(strategy)
        _check_signature(name, strategy)
        return name, strategy
    if not isinstance(strategy, str):
        raise ValueError(f"a strategy is a name or a function, not {type(strategy).__name__}")
    if strategy not in STRATEGIES:
        known = ", ".join(sorted(STRATEGIES))
        raise ValueError(f"unknown strategy {strategy!r}; there are: {known}")
    return strategy, STRATEGIES[strategy]


GIVEN = ("features", "logits", "chosen_features", "budget", "generator")
TOLD = ("truth", "doubt", "chosen_logits")  # what a strategy may ask for beside


def _check_signature(name: str, select: Strategy) -> None:
    asked = getattr(select, "asks_for", ())
    if not isinstance(asked, list | tuple | set) or not {*asked} <= {*TOLD}:
        raise ValueError(
            f"strategy {name!r} asks for {asked!r}; name a tuple of: {', '.join(TOLD)}"
        )
    try:
        signature = inspect.signature(select)
    except ValueError:  # of what is written in C
        return
    try:
        signature.bind(*GIVEN, **dict.fromkeys(asked))
    except TypeError as error:
        raise ValueError(
            f"strategy {name!r} is called with {', '.join((*GIVEN, *asked))}, which "
            f"{name}{signature} does not take ({error})"
        ) from error


def check_inputs(features: Tensor, logits: Tensor, chosen_features: Tensor, budget: int) -> None:
    """Raise a ValueError that names the input, and the row, that no strategy can work with."""
    if features.ndim != 2:
        raise ValueError(f"features must have shape (n, d), not {tuple(features.shape)}")
    n, d = features.shape
    if logits.ndim not in (1, 2) or len(logits) != n:
        raise ValueError(
            f"logits must have shape (n,) or (n, k) with n = {n} as in features, "
            f"not {tuple(logits.shape)}"
        )
    if chosen_features.ndim != 2 or chosen_features.shape[1] != d:
        raise ValueError(
            f"chosen_features must have shape (m, d) with d = {d} as in features, "
            f"not {tuple(chosen_features.shape)}; for none give an empty tensor (0, {d})"
        )
    if isinstance(budget, bool) or not isinstance(budget, int) or not 0 <= budget <= n:
        raise ValueError(f"budget must be a whole number from 0 to {n} candidates, not {budget!r}")
    named = {"features": features, "logits": logits, "chosen_features": chosen_features}
    for name, values in named.items():
        check_finite(values, name)


def check_finite(values: Tensor, name: str) -> None:
    """Raise a ValueError that names the first row with a NaN or an infinity in it."""
    if bool(torch.isfinite(values.sum())):  # one pass; a sum is finite only if its terms are
        return
    bad = ~torch.isfinite(values).reshape(len(values), -1).all(dim=1)
    if bool(bad.any()):
        row = int(bad.nonzero()[0])
        raise ValueError(
            f"{name} has a NaN or an infinity in row {row} ({int(bad.sum())} of {len(values)} "
            "rows): the encoder or the proxy has diverged; lower its learning rate or look at "
            "its input"
        )


def checked_picks(picks: object, name: str, n: int, budget: int) -> Tensor:
    """The picks of strategy ``name`` as int64, or a ValueError that says what is wrong."""
    try:
        # As a list, since torch takes no array that is turned round or of the other byte order.
        picks = torch.as_tensor(picks.tolist() if hasattr(picks, "tolist") else picks)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"strategy {name!r} must return positions as a tensor, an array or a list, "
            f"not {type(picks).__name__}"
        ) from error
    if picks.shape != (budget,):
        raise ValueError(
            f"strategy {name!r} must return {budget} picks, one for each unit of the budget, "
            f"as a shape ({budget},); it returned the shape {tuple(picks.shape)}"
        )
    if picks.is_floating_point() or picks.is_complex() or picks.dtype == torch.bool:
        raise ValueError(f"strategy {name!r} must return whole-number positions, not {picks.dtype}")
    picks = picks.long()
    outside = picks[(picks < 0) | (picks >= n)]
    if len(outside):
        raise ValueError(
            f"strategy {name!r} picked position {int(outside[0])}, but the {n} candidates are "
            f"0 to {n - 1}"
        )
    values, counts = picks.unique(return_counts=True)
    if len(values) < budget:
        twice = int(values[counts > 1][0])
        raise ValueError(f"strategy {name!r} picked candidate {twice} more than once")
    return picks
