"""Regression and segmentation: what was predicted, beside what is true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from activecl_nb.pictures.figures.base import NEGATIVE, Picture, canvas, plain_axes


def predicted(truth: Any, said: Any, doubt: Any, *, what: str = "number") -> Picture:
    """Predicted against true numbers, a dot a patch, darker where the proxy doubts more.

    truth, said, doubt: (n,).
    """
    truth, said, doubt = (np.asarray(v, dtype=np.float64) for v in (truth, said, doubt))
    figure, axes = canvas(5.4, 4.2)
    order = np.argsort(doubt)  # the doubtful on top
    dots = axes.scatter(truth[order], said[order], c=doubt[order], s=9, cmap="cividis_r")
    ends = [truth.min(), truth.max()]
    axes.plot(ends, ends, color=NEGATIVE, linestyle="--", linewidth=1)
    axes.set_xlabel(f"true {what}")
    axes.set_ylabel(f"predicted {what}")
    figure.colorbar(dots, ax=axes, label="doubt")
    plain_axes(axes)
    most = doubt >= np.quantile(doubt, 0.9)
    error = np.abs(said - truth)
    return Picture(
        figure,
        f"Predicted against true {what} of {len(truth)} patches; the dashed line is where they "
        f"are equal. Correlation {np.corrcoef(truth, said)[0, 1]:.2f}. Mean error of the tenth "
        f"doubted most {error[most].mean():.3g}, of the others {error[~most].mean():.3g}.",
    )


def masks(images: Any, rows: Mapping[str, Any], *, high: Mapping[str, float] = {}) -> Picture:
    """Patches, a column each, and below them what is known of their pixels, a row each.

    images: uint8 (n, 3, H, W). rows: name -> (n, H, W), drawn from 0 to 1, or to ``high``.
    """
    images = np.asarray(images)
    grids = {name: np.asarray(values, dtype=np.float64) for name, values in rows.items()}
    n, rows_drawn = len(images), len(grids) + 1
    side = min(0.8, 6.5 / n)  # inches: a wider figure would be shown smaller, letters and all
    figure, axes = canvas(
        side * n + 0.9, side * rows_drawn, nrows=rows_drawn, ncols=n, squeeze=False
    )
    for axis in axes.flat:
        axis.axis("off")
    for column, image in enumerate(images):
        axes[0, column].imshow(image.transpose(1, 2, 0), interpolation="nearest")
    for row, (name, grid) in enumerate(grids.items(), 1):
        for column in range(n):
            axes[row, column].imshow(grid[column], vmin=0, vmax=high.get(name, 1.0), cmap="cividis")
    for row, name in enumerate(["patch", *grids]):
        place = axes[row, 0]
        place.text(-0.1, 0.5, name, transform=place.transAxes, ha="right", va="center")
    means = "; ".join(
        f"{name} {', '.join(f'{value:.2f}' for value in grid.mean(axis=(1, 2)))}"
        for name, grid in grids.items()
    )
    return Picture(
        figure,
        f"{n} patches side by side; under each, bright where it is high: {', '.join(grids)}. "
        f"Means over each patch: {means}.",
    )
