"""What needs no run: the paper's own numbers, held against each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from activecl_nb import profiles
from activecl_nb.evidence import analysis
from activecl_nb.evidence.claims.claim import Measured


def _exact(value: float, how: str, unit: str, digits: int, **more: Any) -> Measured:
    value = float(value)
    return Measured(value, value, value, how, unit=unit, digits=digits, **more)


def total(parts: Sequence[float]) -> Measured:
    """The sum of the parts."""
    unit = "iterations" if len(parts) == 1 else "images"
    return _exact(sum(parts), " + ".join(f"{part:,}" for part in parts), unit, 0)


def spared_of(part: float, whole: float) -> Measured:
    """How much less the part is than the whole, in per cent."""
    return _exact(100 * (1 - part / whole), f"1 − {part:,} / {whole:,}", "%", 1, spares=True)


def minutes(seconds: Sequence[Sequence[float]]) -> Measured:
    """The sum of so many times so many seconds, in minutes."""
    how = " + ".join(f"{times} × {each} s" for times, each in seconds)
    return _exact(sum(times * each for times, each in seconds) / 60, how, "min", 2)


def epochs_in(seconds: float, iterations: int) -> Measured:
    """Epochs an iteration that fit in the seconds, on a growing set at the benchmark's pace."""
    paper = profiles.PROFILES["paper"]
    pace = (paper.train_images - paper.labelled) / (6 * 60)  # images a second (section III-D)
    once = paper.budget * iterations * (iterations + 1) // 2
    how = f"{seconds} s at the benchmark's {pace:.0f} images a second, by {once:,} images an epoch"
    return _exact(seconds * pace / once, how, "epochs", 1)


def work_spared(rounds: int) -> Measured:
    """Per cent of the benchmark's image-epochs that so many rounds of the paper's sizes spare."""
    cost = analysis.work(profiles.PROFILES["paper"], rounds).set_index("what")["image_epochs"]
    loop, whole = cost[f"{rounds} rounds"], cost["benchmark"]
    how = f"{loop / 1e6:.1f} of {whole / 1e6:.1f} million image-epochs"
    return _exact(100 * (1 - loop / whole), how, "%", 0, spares=True)


def set_growth(iteration: int) -> Measured:
    """How many times the training set of an iteration is that of the one before."""
    budget = profiles.PROFILES["paper"].budget
    how = f"{iteration * budget:,} images after {(iteration - 1) * budget:,}"
    return _exact(iteration / (iteration - 1), how, "times", 2)


def remainder(number: int, step: int) -> Measured:
    """What is left of a number of epochs after whole steps."""
    return _exact(number % step, f"{number} = {number // step} × {step} + rest", "epochs", 0)


def minority(part: float, whole: float) -> Measured:
    """A part in per cent; half is what would make it no minority."""
    return _exact(100 * part / whole, f"{part:,} of {whole:,}", "%", 1, nothing=50.0)


def never_tumour(positives: int, negatives: int) -> Measured:
    """Accuracy less F1 of the answer that never says tumour."""
    accuracy = negatives / (positives + negatives)
    how = f"accuracy {accuracy:.3f} less an F1 of 0, on the paper's test set"
    return _exact(accuracy, how, "points", 3)


def negatives(images: int) -> Measured:
    """How many views of a batch are negatives to a view: neither itself nor its partner."""
    views = 2 * images
    partner = (np.arange(views) + images) % views
    others = np.arange(views)
    counts = [((others != one) & (others != partner[one])).sum() for one in range(views)]
    if len(set(counts)) > 1:
        raise ValueError("views differ in their negatives")
    return _exact(counts[0], f"counted in a batch of {images}", "views", 0)


def printed_formula() -> Measured:
    """Formula (3) as printed at p = 1/2 less that at p = 0.99, in nats."""

    def printed(p: float) -> float:
        return p * np.log(p) + (1 - p) * np.log(1 - p)

    how = f"Σ p log p is {printed(0.5):.2f} at p = 0.5 and {printed(0.99):.2f} at p = 0.99"
    return _exact(printed(0.5) - printed(0.99), how, "nats", 2)


def boundary_ranks() -> Measured:
    """Spearman's correlation of a binary proxy's entropy with nearness to its boundary.

    The distance of features h to the boundary of w h + b is |logit| / |w|, so |logit| ranks it.
    """
    from scipy import stats

    distance = np.linspace(0, 8, 801)  # |logit|
    p = 1 / (1 + np.exp(-distance))
    entropy = -p * np.log(p) - (1 - p) * np.log1p(-p)
    rank = stats.spearmanr(entropy, -distance).statistic
    return _exact(rank, "Spearman's correlation over 801 logits", "", 2)


def smallest_p(runs: int, below: float) -> Measured:
    """The least p that a paired test by flipping signs can give with so many runs."""
    least = analysis.sign_flip(np.ones(runs))
    how = f"the least p: 2 of {2**runs} ways to flip {runs} signs"
    return _exact(least, how, "", 2, nothing=below)


def settings(**wanted: float) -> Measured:
    """Per cent of these settings that the kit's paper profile has; features are 8 x width."""
    paper = profiles.PROFILES["paper"]
    has = {**vars(paper), "features": 8 * paper.width}
    unknown = sorted(set(wanted) - set(has))
    if unknown:
        raise ValueError(f"the profile has no {', '.join(unknown)}")
    differ = [name for name, value in wanted.items() if has[name] != value]
    how = f"{len(wanted) - len(differ)} of {len(wanted)} settings"
    how += f"; others: {', '.join(differ)}" if differ else ""
    return _exact(100 * (1 - len(differ) / len(wanted)), how, "%", 0)


ARITHMETIC: dict[str, Callable[..., Measured]] = {
    one.__name__: one
    for one in (
        total, spared_of, minutes, epochs_in, work_spared, set_growth, remainder, minority,
        never_tumour, negatives, printed_formula, boundary_ranks, smallest_p, settings,
    )
}  # fmt: skip
