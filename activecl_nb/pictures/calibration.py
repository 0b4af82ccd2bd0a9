"""Do probabilities mean what they say?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from activecl_nb.pictures.figures import OTHER_STYLES, Picture, canvas


def bins(probability: Any, positive: Any, count: int = 8) -> np.ndarray:
    """Patches in order of probability, in ``count`` parts of equal size: float64 (count, 2).

    A row a part: the mean probability, and the share that is positive.
    """
    p, y = np.asarray(probability, dtype=float), np.asarray(positive, dtype=float)
    parts = np.array_split(np.argsort(p, kind="stable"), min(count, len(p)))
    return np.array([[p[part].mean(), y[part].mean()] for part in parts])


def reliability(groups: Mapping[str, tuple[Any, Any]], count: int = 8) -> Picture:
    """Reliability plot: what the proxy said against what came; on the diagonal they agree.

    groups: name -> (probability float (n,), positive bool (n,)).
    """
    figure, axes = canvas(5.2, 4.2)
    axes.plot([0, 1], [0, 1], color="#777777", linestyle=":")
    told = []
    for place, (name, (probability, positive)) in enumerate(groups.items()):
        said = bins(probability, positive, count)
        axes.plot(*said.T, label=name, **OTHER_STYLES[place % len(OTHER_STYLES)])
        told.append(f"{name}: of those said to be {said[-1, 0]:.0%}, {said[-1, 1]:.0%} are")
    axes.set(xlabel="probability that the proxy gave", ylabel="share that is TUM")
    axes.set(xlim=(0, 1), ylim=(-0.02, 1.02))
    axes.legend(frameon=False, loc="upper left", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return Picture(
        figure,
        f"Share of TUM against the probability given, in {count} parts of equal size; the dotted "
        f"line is where both agree. In the last part, {'; '.join(told)}.",
    )
