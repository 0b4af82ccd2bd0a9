"""Training and what it gives: losses, partners, maps of features, and the proxy on top of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from activecl_nb.pictures.figures.base import (
    CLASS_COLOURS,
    CLASS_MARKERS,
    OTHER_STYLES,
    POSITIVE,
    Picture,
    canvas,
    plain_axes,
    written,
)

if TYPE_CHECKING:
    import pandas as pd


def loss_curve(losses: Mapping[str, Any] | Any, chance: float | None = None) -> Picture:
    """NT-Xent by epoch; ``chance`` draws the loss of an encoder that cannot tell views apart."""
    if not isinstance(losses, Mapping):
        losses = {"loss": losses}
    figure, axes = canvas(6, 3)
    told = []
    for place, (name, values) in enumerate(losses.items()):
        values = np.asarray(values)
        looks = OTHER_STYLES[place % len(OTHER_STYLES)]
        axes.plot(np.arange(1, len(values) + 1), values, label=name, markersize=3, **looks)
        told.append(f"{name} goes from {values[0]:.2f} to {values[-1]:.2f}")
    if chance is not None:
        axes.axhline(chance, color="#595959", linestyle=":")
        axes.annotate(
            "chance",
            (1, chance),
            xycoords=("axes fraction", "data"),  # at the end, where the curve has fallen
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            fontsize=8,
        )
        told.append(f"chance is {chance:.2f}")
    axes.set(xlabel="epoch", ylabel="NT-Xent loss")
    if len(losses) > 1:
        axes.legend(frameon=False)
    plain_axes(axes)
    return Picture(figure, f"Training loss by epoch: {'; '.join(told)}.")


def partners(z: Any, temperature: float, names: Sequence[str]) -> Picture:
    """Who each view takes for its partner: places on the circle, and the probabilities.

    z: (2N, 2) unit vectors, first views then second views. The probabilities are NT-Xent's: a
    softmax of each row of similarities over the temperature, without the view itself.
    """
    z = np.asarray(z, dtype=np.float64)
    n = len(z) // 2
    logits = z @ z.T / temperature
    np.fill_diagonal(logits, -np.inf)
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    partner = np.roll(np.arange(2 * n), n)
    right = p[np.arange(2 * n), partner]
    figure, (left, matrix) = canvas(7.2, 4.1, ncols=2, width_ratios=[2, 4])
    words: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 12}
    turn = np.linspace(0, 2 * np.pi, 200)
    left.plot(np.cos(turn), np.sin(turn), color="#c0c0c0", linewidth=1)
    for patch in range(n):
        colour = list(CLASS_COLOURS.values())[(2 * patch + 3) % 9]
        for view, marker in ((patch, "o"), (patch + n, "s")):
            left.scatter(*z[view], s=60, color=colour, marker=marker, zorder=2)
            left.annotate(names[view], 1.2 * z[view], **words)
    left.set(xlim=(-1.35, 1.35), ylim=(-1.35, 1.35), aspect="equal", xticks=[], yticks=[])
    left.spines[:].set_visible(False)
    matrix.imshow(p, cmap="cividis", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(p):
        if row != column:
            colour = "white" if value < 0.5 else "black"
            text = f"{value:.2f}".lstrip("0") if value >= 0.005 else "0"
            weight = "bold" if column == partner[row] else "normal"
            matrix.text(column, row, text, color=colour, weight=weight, **words)
    matrix.set_xticks(range(2 * n), names, fontsize=12)
    matrix.set_yticks(range(2 * n), names, fontsize=12)
    loss = float(-np.log(right).mean())
    matrix.set_title(f"temperature {temperature:.2f}, loss {loss:.2f}")
    return Picture(
        figure,
        f"{n} patches with two views each on a circle, and for each view the probability of every "
        f"other to be its partner. At temperature {temperature:.2f} the true partner gets from "
        f"{right.min():.2f} to {right.max():.2f}, and the loss is {loss:.2f} (chance: "
        f"{np.log(2 * n - 1):.2f}).",
    )


def embedding(positions: Mapping[str, Any], labels: Any, class_names: Sequence[str]) -> Picture:
    """Two-dimensional maps of the same patches side by side, coloured and marked by class.

    positions: title -> (n, 2) coordinates. labels: (n,).
    """
    labels = np.asarray(labels)
    figure, axes = canvas(3.6 * len(positions), 4, ncols=len(positions), squeeze=False)
    for axis, (title, points) in zip(axes.flat, positions.items(), strict=True):
        points = np.asarray(points)
        for number, name in enumerate(class_names):
            of_class = labels == number
            marker = CLASS_MARKERS[number % len(CLASS_MARKERS)]
            if of_class.any():
                axis.scatter(
                    *points[of_class].T,
                    s=24 if marker == "*" else 10,  # a star's arms fill little of its square
                    label=name,
                    color=CLASS_COLOURS.get(name),
                    marker=marker,
                    linewidths=0,
                    alpha=0.8,
                )
        axis.set(title=title, xticks=[], yticks=[])
    handles, names = axes.flat[0].get_legend_handles_labels()
    # Large enough to be read on a narrow page.
    looks: dict[str, Any] = {"frameon": False, "markerscale": 2, "fontsize": 13}
    figure.legend(handles, names, loc="outside lower center", ncols=5, **looks)
    told = [
        f"{title}, {_apart(points, labels, class_names)}" for title, points in positions.items()
    ]
    return Picture(
        figure, f"Maps of the same {len(labels):,} patches, coloured by class: {'; '.join(told)}."
    )


def _apart(positions: Any, labels: np.ndarray, class_names: Sequence[str]) -> str:
    """Which of several classes lies farthest from the middle of the map, and which nearest."""
    away = np.asarray(positions) - np.mean(positions, axis=0)
    each = {
        name: np.linalg.norm(away[labels == number].mean(axis=0))
        for number, name in enumerate(class_names)
        if (labels == number).any()
    }
    inner, *_, outer = sorted(each, key=each.__getitem__)
    return f"{outer} lies farthest from the middle, {inner} nearest to it"


def heat(matrix: Any, *, title: str = "", labels: Sequence[str] = (), alt: str = "") -> Picture:
    """A matrix as colours, with its numbers where there are few."""
    import seaborn

    matrix = np.asarray(matrix)
    figure, axes = canvas(4.6, 4)
    numbers = ".2f" if matrix.dtype.kind == "f" else "d"
    seaborn.heatmap(
        matrix,
        ax=axes,
        cmap="cividis",
        square=True,
        annot=matrix.size <= 100,
        fmt=numbers,
        annot_kws={"fontsize": 12 if matrix.size <= 16 else 8},
        cbar_kws={"shrink": 0.8},
        xticklabels=list(labels) or False,
        yticklabels=list(labels) or False,
    )
    axes.set_title(title)
    return Picture(figure, alt or f"{title}: a matrix of {matrix.shape[0]} by {matrix.shape[1]}.")


def score_bars(
    table: pd.DataFrame, *, score: str = "f1", by: str = "features", chance: float | None = None
) -> Picture:
    """Mean score of each kind of features, a dot for every repeat.

    table: one row a repeat, with the columns ``by`` and ``score``. chance: what knows nothing
        would reach, as a dashed line.
    """
    import seaborn

    figure, axes = canvas(6.5, 0.6 * table[by].nunique() + 1)
    shown = {"data": table, "x": score, "y": by, "ax": axes, "orient": "h"}
    seaborn.barplot(**shown, errorbar=None, color="#c8d8e4", edgecolor="#0072b2")
    seaborn.stripplot(**shown, jitter=False, color="#333333", size=4)
    told = [
        f"{name} {values.mean():.2f} (from {values.min():.2f} to {values.max():.2f})"
        for name, values in table.groupby(by, sort=False)[score]
    ]
    if chance is not None:
        axes.axvline(chance, color="#333333", linestyle="--", linewidth=1)
        axes.annotate(
            f"chance {chance:.2f}",
            (chance, 1),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize=9,
        )
        told.append(f"chance {chance:.2f}")
    axes.set_ylabel("")
    low, high = min(0.0, table[score].min()), max(1.0, table[score].max())
    axes.set(xlabel=written(score), xlim=(1.05 * low, high if high == 1 else 1.05 * high))
    plain_axes(axes)
    return Picture(figure, f"Mean {written(score)} over repeats: {'; '.join(told)}.")


def probabilities(probability: Any, positive: Any, threshold: float = 0.5) -> Picture:
    """Histograms of the proxy's probabilities, the two classes apart.

    probability: (n,). positive: bool (n,).
    """
    import seaborn

    p, positive = np.asarray(probability, dtype=np.float64), np.asarray(positive, dtype=bool)
    figure, axes = canvas(7, 2.8)
    bins = np.linspace(0, 1, 41)
    shown = {"bins": bins, "ax": axes}
    seaborn.histplot(p[~positive], color="#b8c7d3", alpha=1, linewidth=0, label="NON-TUM", **shown)
    outline = {"element": "step", "fill": False, "linewidth": 1.8}
    seaborn.histplot(p[positive], color=POSITIVE, label="TUM", **outline, **shown)
    axes.axvline(threshold, color="black", linestyle="--", linewidth=1)
    axes.set(xlabel="probability of tumour", ylabel="patches (log)", yscale="log")
    axes.set_ylim(bottom=0.7)  # a bar of one patch is seen too
    axes.legend(frameon=False)
    plain_axes(axes)
    return Picture(
        figure,
        f"The proxy's probabilities of {positive.sum()} TUM and {(~positive).sum()} NON-TUM "
        f"patches. Above the threshold {threshold:.2f} lie {(p > threshold)[positive].mean():.0%} "
        f"of TUM and {(p > threshold)[~positive].mean():.0%} of NON-TUM.",
    )


def thresholds(probability: Any, positive: Any, at: float = 0.5) -> Picture:
    """Precision, recall and F1 by threshold, and the confusion matrix at one of them.

    probability: (n,), what the proxy says. positive: bool (n,), what is true. A patch is called
    tumour when its probability lies above the threshold.
    """
    p, positive = np.asarray(probability, dtype=np.float64), np.asarray(positive, dtype=bool)
    grid = np.linspace(0, 0.99, 100)
    curves = np.array([_precision_recall_f1(p > t, positive) for t in grid])
    figure, (left, right) = canvas(6.4, 3.3, ncols=2, width_ratios=[1.7, 1])
    looks = (("precision", "#0072b2", ":"), ("recall", "#009e73", "--"), ("F1", POSITIVE, "-"))
    for (name, colour, line), values in zip(looks, curves.T, strict=True):
        left.plot(grid, values, color=colour, linestyle=line, label=name)
    left.axvline(at, color="black", linewidth=1)
    left.set(xlabel="threshold on the probability of tumour", ylim=(0, 1.02))
    left.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, fontsize=9)
    plain_axes(left)
    called = p > at
    cells = [[(called & positive).sum(), (~called & positive).sum()]]
    cells += [[(called & ~positive).sum(), (~called & ~positive).sum()]]
    right.imshow(np.array(cells) / len(p), cmap="Blues", vmin=0, vmax=1.6)
    for (row, column), name in np.ndenumerate(np.array([["TP", "FN"], ["FP", "TN"]])):
        told = f"{name}\n{cells[row][column]}"
        right.text(column, row, told, ha="center", va="center", fontsize=12)
    right.set_xticks([0, 1], ["called TUM", "called\nNON-TUM"])
    right.set_yticks([0, 1], ["TUM", "NON-TUM"])
    right.set_title(f"threshold {at:.2f}", fontsize=10)
    precision, recall, f1 = _precision_recall_f1(called, positive)
    best = int(curves[:, 2].argmax())
    return Picture(
        figure,
        f"At the threshold {at:.2f}: precision {precision:.2f}, recall {recall:.2f}, F1 {f1:.2f}; "
        f"TP {cells[0][0]}, FN {cells[0][1]}, FP {cells[1][0]}, TN {cells[1][1]}. Over all "
        f"thresholds F1 is highest, {curves[best, 2]:.2f}, at {grid[best]:.2f}.",
    )


def _precision_recall_f1(called: np.ndarray, positive: np.ndarray) -> tuple[float, float, float]:
    """Formula (4) of the paper; precision is 1 where nothing is called positive, F1 is 0."""
    tp = float((called & positive).sum())
    return (
        tp / called.sum() if called.any() else 1.0,
        tp / positive.sum(),
        2 * tp / (called.sum() + positive.sum()),
    )


def label_curve(table: pd.DataFrame, *, score: str = "f1") -> Picture:
    """Score against the number of labels: a dot for each draw of labels, a line for the mean.

    table: one row a draw, with the columns "features", "labels" and ``score``.
    """
    names, sizes = list(dict.fromkeys(table["features"])), sorted(set(table["labels"]))
    figure, axes = canvas(7, 3.8)
    told = []
    for place, name in enumerate(names):
        of_features = table[table["features"] == name]
        looks = OTHER_STYLES[place % len(OTHER_STYLES)]
        shift = 1.06 ** (place - (len(names) - 1) / 2)  # side by side on the log axis
        mean = of_features.groupby("labels")[score].mean()
        points = {"color": looks["color"], "marker": looks["marker"], "linestyle": "none"}
        axes.plot(of_features["labels"] * shift, of_features[score], alpha=0.45, **points)
        axes.plot(mean.index * shift, mean, color=looks["color"], linestyle=looks["linestyle"])
        axes.plot([], [], label=name, **looks)
        ends = []
        for size in (sizes[0], sizes[-1]):
            values = of_features.loc[of_features["labels"] == size, score]
            ends.append(f"{values.mean():.2f} ({values.min():.2f} to {values.max():.2f})")
        told.append(f"{name} {ends[0]} with {sizes[0]} labels, {ends[1]} with {sizes[-1]}")
    axes.set(xscale="log", xlabel="labels (log)", ylabel=written(score), ylim=(-0.02, 1))
    axes.set_xticks(sizes, [str(s) for s in sizes])
    axes.minorticks_off()
    axes.legend(frameon=False, loc="upper left", fontsize=9)
    plain_axes(axes)
    return Picture(
        figure, f"Mean {written(score)} over draws of labels, range in brackets: {'; '.join(told)}."
    )


def reliability_bins(probability: Any, positive: Any, count: int = 8) -> np.ndarray:
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
        bins = reliability_bins(probability, positive, count)
        axes.plot(*bins.T, label=name, **OTHER_STYLES[place % len(OTHER_STYLES)])
        told.append(f"{name}: of those said to be {bins[-1, 0]:.0%}, {bins[-1, 1]:.0%} are")
    axes.set(xlabel="probability that the proxy gave", ylabel="share that is TUM")
    axes.set(xlim=(0, 1), ylim=(-0.02, 1.02))
    axes.legend(frameon=False, loc="upper left", fontsize=9)
    plain_axes(axes)
    return Picture(
        figure,
        f"Share of TUM against the probability given, in {count} parts of equal size; the dotted "
        f"line is where both agree. In the last part, {'; '.join(told)}.",
    )
