"""Patches: side by side, by class, by source, and how rare tumour is among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from activecl_nb.pictures.figures.base import POSITIVE, Picture, canvas, plain_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from activecl_nb.tissue import Tissue


def image_grid(
    images: Any,
    titles: Sequence[str] = (),
    *,
    columns: int = 10,
    names: Sequence[str] = (),
    alt: str = "",
    side: float = 0.9,
) -> Picture:
    """Patches side by side. images: uint8 (N, 3, H, W). names: what each row holds, at its left.

    Titles are written as large as the longest allows, so that a narrow page does not lose them.
    """
    images = np.asarray(images)
    rows = -(-len(images) // columns)
    space = 0.24 if len(titles) else 0.04
    longest = max([1, *map(len, titles)])
    points = min(11.0, max(7.0, 72 * side / (0.62 * longest)))  # a letter is so much of it wide
    beside = 0.09 * max(map(len, names), default=0)
    figure, axes = _places(rows, columns, columns * side + beside, rows * (side + space), names)
    _show(axes.flat, images)
    for axis, title in zip(axes.flat, titles, strict=False):
        axis.set_title(title, fontsize=points, pad=2)
    lines = f"{rows} row{'s' * (rows > 1)} of {columns}"
    return Picture(figure, alt or f"{len(images)} patches in {lines}.")


def _places(
    rows: int, columns: int, width: float, height: float, names: Sequence[str]
) -> tuple[Figure, np.ndarray]:
    """Bare places for patches; what each row holds is written at its left."""
    figure, axes = canvas(width, height, nrows=rows, ncols=columns, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    beside = {"ha": "right", "va": "center", "fontsize": 11}
    for row, name in zip(axes, names, strict=False):
        row[0].text(-0.15, 0.5, name, transform=row[0].transAxes, **beside)
    return figure, axes


def _show(axes: Iterable[Any], images: Any) -> None:
    """Draw uint8 (N, 3, H, W) into as many places."""
    for axis, image in zip(axes, np.asarray(images), strict=False):
        axis.imshow(image.transpose(1, 2, 0), interpolation="nearest")


def _some_of(patches: Tissue, name: str, each: int, draw: np.random.Generator) -> Any:
    """At most ``each`` images of this class, drawn at random."""
    members = np.flatnonzero(patches.labels.numpy() == patches.class_names.index(name))
    return patches.images[draw.permutation(members)[:each]]


def gallery(patches: Tissue, *, each: int = 8, seed: int = 0) -> Picture:
    """A row of patches for each class."""
    from activecl_nb import seeds

    names = [n for n, count in patches.counts().items() if count]
    figure, axes = _places(len(names), each, each * 0.95 + 0.6, len(names) * 0.95, names)
    draw = seeds.numpy_generator(seed, "gallery")
    for row, name in zip(axes, names, strict=True):
        _show(row, _some_of(patches, name, each, draw))
    return Picture(
        figure,
        f"A row of up to {each} patches for each of the classes {', '.join(names)}. "
        f"Source: {patches.source}.",
    )


def side_by_side(sources: Mapping[str, Tissue], *, each: int = 4, seed: int = 0) -> Picture:
    """Patches of each class from several sources, a titled block of columns for each source.

    sources: title -> tissue. Sources share their class names.
    """
    from activecl_nb import seeds

    names = next(iter(sources.values())).class_names
    columns = each * len(sources) + len(sources) - 1  # an empty column between two blocks
    width, height = 0.62 * columns + 0.7, 0.66 * len(names) + 0.4
    figure, axes = _places(len(names), columns, width, height, names)
    for block, (title, patches) in enumerate(sources.items()):
        first = block * (each + 1)
        # A text out of the layout: a long title would widen the column that it stands over.
        over = {"transform": axes[0, first].transAxes, "va": "bottom", "fontsize": 10}
        axes[0, first].text(0, 1.06, title, **over).set_in_layout(False)
        axes[0, first].set_title(" ", fontsize=10)  # keeps the room above
        draw = seeds.numpy_generator(seed, "side by side", title)
        for row, name in zip(axes, names, strict=True):
            _show(row[first:], _some_of(patches, name, each, draw))
    blocks = "; ".join(f"{title}, from {patches.source}" for title, patches in sources.items())
    return Picture(
        figure,
        f"Up to {each} patches of each of the classes {', '.join(names)}, in "
        f"{len(sources)} block{'s' * (len(sources) > 1)} of columns: {blocks}.",
    )


def _class_bars(axes: Any, counts: Mapping[str, int], positive: str) -> Any:
    """Patches of each class, the positive class set apart by colour and hatching."""
    axes.set_ylabel("patches")
    plain_axes(axes)
    return axes.bar(
        list(counts),
        list(counts.values()),
        color=[POSITIVE if n == positive else "#b0b0b0" for n in counts],
        hatch=["//" if n == positive else "" for n in counts],
        edgecolor="white",
    )


def class_counts(patches: Tissue, positive: str = "TUM") -> Picture:
    """How many patches each class has, the positive class set apart by colour and hatching."""
    counts = patches.counts()
    figure, axes = canvas(6.4, 3)
    axes.bar_label(_class_bars(axes, counts, positive), fontsize=9)
    share = counts[positive] / len(patches)
    listed = ", ".join(f"{n} {c}" for n, c in counts.items())
    return Picture(
        figure, f"Bars of patches by class: {listed}. {positive} is {share:.1%} of all patches."
    )


def dial(counts: Mapping[str, int], positive: str = "TUM") -> Picture:
    """What an imbalance does to two answers that look at nothing: counts by class, and scores.

    counts: class -> patches. The scores are the accuracy and F1 of always saying ``positive``
    and of never saying it.
    """
    total, yes = sum(counts.values()), counts[positive]
    share = yes / total
    answers = {
        f"never {positive}": (1 - share, 0.0),
        f"always {positive}": (share, 2 * share / (1 + share)),
    }
    figure, (upper, lower) = canvas(6.4, 5.4, nrows=2)  # side by side, letters would be small
    _class_bars(upper, counts, positive)
    upper.set(title=f"{positive} is {share:.1%} of {total}")
    for place, (score, colour, hatch) in enumerate(
        [("accuracy", "#0072b2", ""), ("F1", "#e69f00", "..")]
    ):
        values = [scores[place] for scores in answers.values()]
        bars = lower.bar(
            np.arange(2) + 0.4 * place - 0.2,
            values,
            0.38,
            label=score,
            color=colour,
            hatch=hatch,
            edgecolor="white",
        )
        lower.bar_label(bars, fmt="%.2f")
    lower.set_xticks([0, 1], list(answers))
    lower.set(ylim=(0, 1.15), title="two answers that see nothing")
    lower.legend(frameon=False, ncols=2, loc="upper center")
    plain_axes(lower)
    told = "; ".join(f"{n}: accuracy {a:.2f}, F1 {f:.2f}" for n, (a, f) in answers.items())
    return Picture(figure, f"{yes} of {total} patches are {positive}, {share:.1%}. {told}.")


def as_pixels(views: Any) -> Any:
    """Views as they can be shown: normalised float (N, 3, H, W) -> uint8, on the processor."""
    from activecl_nb import augment

    mean, deviation = (
        views.new_tensor(v).view(1, 3, 1, 1) for v in (augment.MEAN, augment.DEVIATION)
    )
    return ((views * deviation + mean) * 255).round().clamp(0, 255).byte().cpu()
