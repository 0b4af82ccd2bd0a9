"""Every static figure of the kit, each with its alt text.

A function here draws one figure and returns a ``Picture``: the drawing and, in words, what
there is to see in it. The words are computed from the same numbers as the drawing. Colours are
told apart by colour-blind readers, and strategies by marker and line as well.
"""

from __future__ import annotations

import base64
import html
import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from activecl_nb.tissue import Tissue

# A strategy has its own colour, marker and line. The first colours are Okabe and Ito's; the others
# lie far from them and from each other for colour-blind eyes, too (see tests/test_figures.py).
STRATEGY_STYLES: dict[str, dict[str, Any]] = {
    "random": {"color": "#595959", "marker": "o", "linestyle": "--"},
    "entropy": {"color": "#d55e00", "marker": "^", "linestyle": "-"},
    "kcenter": {"color": "#0072b2", "marker": "s", "linestyle": "-."},
    "certainty": {"color": "#cc79a7", "marker": "X", "linestyle": ":"},
    "least_confidence": {"color": "#ee6677", "marker": "<", "linestyle": (0, (5, 1))},
    "margin": {"color": "#117733", "marker": ">", "linestyle": (0, (1, 1))},
    "entropy_balanced": {"color": "#7b4fff", "marker": "h", "linestyle": (0, (3, 1, 1, 1))},
    "entropy_diverse": {"color": "#332288", "marker": "p", "linestyle": (0, (8, 2))},
    "kmeans": {"color": "#ddaa33", "marker": "*", "linestyle": (0, (5, 2, 1, 2, 1, 2))},
    "typiclust": {"color": "#222255", "marker": "d", "linestyle": (0, (2, 1))},
    "badge": {"color": "#661100", "marker": "8", "linestyle": (0, (10, 2, 2, 2))},
}
OTHER_STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#009e73", "marker": "D", "linestyle": "-"},
    {"color": "#e69f00", "marker": "P", "linestyle": "--"},
    {"color": "#56b4e9", "marker": "v", "linestyle": "-."},
)
POSITIVE, NEGATIVE = "#d55e00", "#0072b2"
CLASS_COLOURS = {
    "ADI": "#c9a227",
    "BACK": "#9a9a9a",
    "DEB": "#7a5c3e",
    "LYM": "#332288",
    "MUC": "#56b4e9",
    "MUS": "#aa4499",
    "NORM": "#117733",
    "STR": "#44aa99",
    "TUM": "#d55e00",
}
CLASS_MARKERS = "os^DvPX<*"


class Picture:
    """A figure that carries its alt text: shown in a notebook as an image with both.

    Jupyter has no field of its own for the alt text of an image, so the picture is shown as
    HTML; where only text can be shown, the alt text is what is shown. What takes more than some
    sixty words to say stands in a ``table`` of shares, 0 to 1, folded under the image.
    """

    def __init__(self, figure: Figure, alt: str, table: pd.DataFrame | None = None) -> None:
        self.figure = figure
        self.alt = " ".join(alt.split())
        self.table = table

    def png(self, dpi: int = 110) -> bytes:
        """The figure as a PNG file's bytes."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight")
        return buffer.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        data = base64.b64encode(self.png()).decode()
        image = (
            f'<img alt="{html.escape(self.alt, quote=True)}" style="max-width: 100%" '
            f'src="data:image/png;base64,{data}">'
        )
        if self.table is not None:
            rows = self.table.to_html(float_format="{:.0%}".format, border=0)
            # Wide tables scroll within themselves, so that a narrow page cuts none.
            image += (
                "<details><summary>the same as a table</summary>"
                f'<div style="overflow-x: auto">{rows}</div></details>'
            )
        return {"text/html": image, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return "\n".join(textwrap.wrap(f"Figure: {self.alt}", 100))


def canvas(width: float = 8, height: float = 3.5, **grid: Any) -> tuple[Figure, Any]:
    """A figure and its axes, outside pyplot: nothing global, nothing shown twice."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(**grid)


def style(name: str, names: Sequence[str] = ()) -> dict[str, Any]:
    """Colour, marker and line of a strategy; one that the kit does not know gets its own too."""
    if name in STRATEGY_STYLES:
        return STRATEGY_STYLES[name]
    others = [n for n in names if n not in STRATEGY_STYLES]
    place = others.index(name) if name in others else 0
    return OTHER_STYLES[place % len(OTHER_STYLES)]


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def image_grid(
    images: Any, titles: Sequence[str] = (), *, columns: int = 10, alt: str = "", side: float = 0.9
) -> Picture:
    """Patches side by side. images: uint8 (N, 3, H, W)."""
    images = np.asarray(images)
    rows = -(-len(images) // columns)
    space = 0.22 if len(titles) else 0.04
    figure, axes = canvas(
        columns * side, rows * (side + space), nrows=rows, ncols=columns, squeeze=False
    )
    for axis in axes.flat:
        axis.axis("off")
    for place, (axis, image) in enumerate(zip(axes.flat, images, strict=False)):
        axis.imshow(image.transpose(1, 2, 0), interpolation="nearest")
        if len(titles):
            axis.set_title(titles[place], fontsize=8, pad=2)
    return Picture(figure, alt or f"{len(images)} patches in {rows} rows of {columns}.")


def gallery(patches: Tissue, *, each: int = 8, seed: int = 0) -> Picture:
    """A row of patches for each class."""
    from activecl_nb import seeds

    names = [n for n, count in patches.counts().items() if count]
    figure, axes = canvas(
        each * 0.95 + 0.6, len(names) * 0.95, nrows=len(names), ncols=each, squeeze=False
    )
    draw = seeds.numpy_generator(seed, "gallery")
    for row, name in zip(axes, names, strict=True):
        members = np.flatnonzero(patches.labels.numpy() == patches.class_names.index(name))
        shown = draw.permutation(members)[:each]
        for axis in row:
            axis.axis("off")
        for axis, position in zip(row, shown, strict=False):
            axis.imshow(
                patches.images[int(position)].numpy().transpose(1, 2, 0), interpolation="nearest"
            )
        row[0].text(-0.15, 0.5, name, transform=row[0].transAxes, ha="right", va="center")
    return Picture(
        figure,
        f"A row of up to {each} patches for each of the classes {', '.join(names)}. "
        f"Source: {patches.source}.",
    )


def class_counts(patches: Tissue, positive: str = "TUM") -> Picture:
    """How many patches each class has, the positive class set apart by colour and hatching."""
    counts = patches.counts()
    figure, axes = canvas(8, 3)
    bars = axes.bar(
        list(counts),
        list(counts.values()),
        color=[POSITIVE if n == positive else "#b0b0b0" for n in counts],
        hatch=["//" if n == positive else "" for n in counts],
        edgecolor="white",
    )
    axes.bar_label(bars, fontsize=8)
    axes.set_ylabel("patches")
    _plain(axes)
    share = counts[positive] / len(patches)
    listed = ", ".join(f"{n} {c}" for n, c in counts.items())
    return Picture(
        figure, f"Bars of patches by class: {listed}. {positive} is {share:.1%} of all patches."
    )


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
        axes.annotate("chance", (1, chance), xytext=(0, 3), textcoords="offset points", fontsize=8)
        told.append(f"chance is {chance:.2f}")
    axes.set(xlabel="epoch", ylabel="NT-Xent loss")
    if len(losses) > 1:
        axes.legend(frameon=False)
    _plain(axes)
    return Picture(figure, f"Training loss by epoch: {'; '.join(told)}.")


def embedding(
    positions: Mapping[str, Any], labels: Any, class_names: Sequence[str], *, alt: str = ""
) -> Picture:
    """Two-dimensional maps of the same patches side by side, coloured and marked by class.

    positions: title -> (n, 2) coordinates. labels: (n,).
    """
    labels = np.asarray(labels)
    figure, axes = canvas(4.2 * len(positions), 4, ncols=len(positions), squeeze=False)
    for axis, (title, points) in zip(axes.flat, positions.items(), strict=True):
        points = np.asarray(points)
        for number, name in enumerate(class_names):
            mine = labels == number
            if mine.any():
                axis.scatter(
                    *points[mine].T,
                    s=10,
                    label=name,
                    color=CLASS_COLOURS.get(name),
                    marker=CLASS_MARKERS[number % len(CLASS_MARKERS)],
                    linewidths=0,
                    alpha=0.8,
                )
        axis.set(title=title, xticks=[], yticks=[])
    handles, names = axes.flat[0].get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside lower center", ncols=9, frameon=False, markerscale=1.6
    )
    return Picture(
        figure, alt or f"{len(labels)} patches by class on the maps: {', '.join(positions)}."
    )


def heat(matrix: Any, *, title: str = "", labels: Sequence[str] = (), alt: str = "") -> Picture:
    """A matrix as colours, with its numbers where there are few."""
    matrix = np.asarray(matrix)
    figure, axes = canvas(4.6, 4)
    drawn = axes.imshow(matrix, cmap="cividis")
    figure.colorbar(drawn, ax=axes, shrink=0.8)
    if matrix.size <= 100:
        middle = (np.nanmin(matrix) + np.nanmax(matrix)) / 2
        for (row, column), value in np.ndenumerate(matrix):
            axes.text(
                column,
                row,
                f"{value:.2f}" if matrix.dtype.kind == "f" else f"{value}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if value < middle else "black",
            )
    if len(labels):
        axes.set_xticks(range(matrix.shape[1]), labels)
        axes.set_yticks(range(matrix.shape[0]), labels)
    axes.set_title(title)
    return Picture(figure, alt or f"{title}: a matrix of {matrix.shape[0]} by {matrix.shape[1]}.")


def score_bars(table: pd.DataFrame, *, score: str = "f1", by: str = "features") -> Picture:
    """Mean score of each kind of features, a dot for every repeat.

    table: one row a repeat, with the columns ``by`` and ``score``.
    """
    names = list(dict.fromkeys(table[by]))
    figure, axes = canvas(6.5, 0.6 * len(names) + 1)
    told = []
    for row, name in enumerate(names):
        values = table.loc[table[by] == name, score].to_numpy()
        axes.barh(row, values.mean(), color="#c8d8e4", edgecolor="#0072b2")
        axes.plot(values, np.full(len(values), row), "o", color="#333333", markersize=4)
        told.append(f"{name} {values.mean():.2f} (from {values.min():.2f} to {values.max():.2f})")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    low, high = min(0.0, table[score].min()), max(1.0, table[score].max())
    axes.set(xlabel=score, xlim=(1.05 * low, high if high == 1 else 1.05 * high))
    _plain(axes)
    return Picture(figure, f"Mean {score} over repeats: {'; '.join(told)}.")


def picks_2d(
    points: Any,
    picks: Mapping[str, Any],
    *,
    chosen: Any = (),
    positive: Any = None,
    probability: Any = None,
    numbered: int = 5,
) -> Picture:
    """What each strategy picks in two dimensions, a panel each.

    points: (n, 2). picks: strategy -> positions, in the order picked. chosen: (m, 2), what is
    in the training set already. positive: bool (n,). probability: a function of (k, 2) points
    that gives the proxy's probability, drawn as a line where it is one half.
    """
    points = np.asarray(points)
    figure, axes = canvas(3.4 * len(picks), 3.4, ncols=len(picks), squeeze=False)
    positive = np.zeros(len(points), bool) if positive is None else np.asarray(positive)
    for axis, (name, picked) in zip(axes.flat, picks.items(), strict=True):
        picked = np.asarray(picked)
        axis.scatter(*points[~positive].T, s=9, c="#b8c7d3", marker="o", linewidths=0)
        # No strategy's picks are stars, so a rare point is told from a pick of a common one.
        axis.scatter(*points[positive].T, s=24, c="#4fae8a", marker="*", linewidths=0)
        if len(chosen):
            axis.scatter(*np.asarray(chosen).T, s=28, c="black", marker="+", linewidths=1)
        looks = style(name, list(picks))
        axis.scatter(
            *points[picked].T,
            s=44,
            facecolors="none",
            edgecolors=looks["color"],
            marker=looks["marker"] if looks["marker"] not in "xX+" else "D",
            linewidths=1.6,
        )
        for order, position in enumerate(picked[:numbered], start=1):
            axis.annotate(
                str(order), points[position], xytext=(4, 4), textcoords="offset points", fontsize=8
            )
        if probability is not None:
            margin = 0.05 * np.ptp(points, axis=0)  # or marks at the rim are cut in half
            low, high = points.min(0) - margin, points.max(0) + margin
            x, y = np.meshgrid(*(np.linspace(a, b, 60) for a, b in zip(low, high, strict=True)))
            p = np.asarray(probability(np.stack([x.ravel(), y.ravel()], 1))).reshape(x.shape)
            axis.contour(x, y, p, levels=[0.5], colors="black", linewidths=1, linestyles="--")
        axis.set(title=name, xticks=[], yticks=[])
    shares = ", ".join(f"{n} {positive[np.asarray(p)].mean():.0%}" for n, p in picks.items())
    return Picture(
        figure,
        f"The picks of {', '.join(picks)} among {len(points)} points, outlined; crosses are "
        f"points chosen before, stars the rare class, the dashed line is where the proxy "
        f"says one half. Share of the rare class in the picks: {shares}.",
    )


def learning_curve(
    curve: pd.DataFrame,
    *,
    x: str = "images",
    score: str = "f1",
    levels: Mapping[str, float | tuple[float, float, float]] | None = None,
) -> Picture:
    """Score against images (or image-epochs, or seconds), a line a strategy with its interval.

    curve: columns ``strategy``, ``x``, "mean", "low", "high" (see ``analysis.curve``).
    levels: named horizontal lines, such as the benchmark and the baselines; one given as
        (mean, low, high), a row of ``analysis.band``, has its interval drawn as a band.
    """
    figure, axes = canvas(7.5, 4)
    told = []
    strategies = list(dict.fromkeys(curve["strategy"]))
    for name in strategies:
        mine = curve[curve["strategy"] == name].sort_values(x)
        looks = style(name, strategies)
        axes.plot(mine[x], mine["mean"], label=name, markersize=6, **looks)
        axes.fill_between(mine[x], mine["low"], mine["high"], color=looks["color"], alpha=0.15)
        told.append(f"{name} from {mine['mean'].iloc[0]:.2f} to {mine['mean'].iloc[-1]:.2f}")
    named = {
        n: v if isinstance(v, tuple) else (v, np.nan, np.nan) for n, v in (levels or {}).items()
    }
    room = 0.06 * np.ptp(axes.get_ylim())  # about the height of a name
    ends = curve.sort_values(x).groupby("strategy")["mean"].agg(["first", "last"])
    for place, (name, (level, low, high)) in enumerate(named.items()):
        axes.axhline(level, color="#333333", linestyle=[":", (0, (5, 2, 1, 2)), "--"][place % 3])
        if np.isfinite(low):
            axes.axhspan(low, high, color="#333333", alpha=0.08, linewidth=0)
        away = (ends - level).abs().min()  # a name stands where the curves are farther
        at_left = away["first"] > away["last"]
        axes.annotate(
            name,
            (0.01 if at_left else 1, level),
            xycoords=("axes fraction", "data"),
            ha="left" if at_left else "right",
            va="top" if any(0 < other - level < room for other, *_ in named.values()) else "bottom",
            fontsize=8,
        )
        told.append(f"{name} at {level:.2f}" + _between(low, high))
    axes.set(xlabel=x.replace("_", " "), ylabel=score)
    figure.legend(loc="outside upper center", ncols=6, frameon=False)  # over no line or name
    _plain(axes)
    return Picture(figure, f"Mean {score} by {x.replace('_', ' ')}: {'; '.join(told)}.")


def composition(shares: pd.DataFrame, *, positive: str = "TUM") -> Picture:
    """Classes of the images picked in each round, stacked, a panel a strategy.

    shares: columns "strategy", "round" and one for each class, rows adding up to 1.
    """
    strategies = list(dict.fromkeys(shares["strategy"]))
    classes = [c for c in shares.columns if c not in ("strategy", "round")]
    figure, axes = canvas(3.2 * len(strategies), 3.4, ncols=len(strategies), squeeze=False)
    told = []
    for axis, name in zip(axes.flat, strategies, strict=True):
        mine = shares[shares["strategy"] == name].sort_values("round")
        below = np.zeros(len(mine))
        for label in classes:
            axis.bar(
                mine["round"],
                mine[label],
                bottom=below,
                label=label,
                color=CLASS_COLOURS.get(label),
                hatch="//" if label == positive else "",
                edgecolor="white",
                linewidth=0.5,
            )
            below += mine[label].to_numpy()
        axis.set(title=name, xlabel="round", ylim=(0, 1))
        later = mine[mine["round"] > 0]
        if positive in classes and len(later):
            told.append(f"{name} {later[positive].mean():.0%}")
    axes.flat[0].set_ylabel("share of the round's picks")
    handles, names = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=9, frameon=False)
    return Picture(
        figure,
        f"Classes of each round's picks, stacked. Share of {positive} after the random first "
        f"round: {', '.join(told)}.",
    )


def logit_histogram(logits: Any, positive: Any, picks: Mapping[str, Any]) -> Picture:
    """Where the picks lie among the proxy's probabilities, a panel a strategy."""
    p = 1 / (1 + np.exp(-np.asarray(logits, dtype=np.float64)))
    positive = np.asarray(positive)
    bins = np.linspace(0, 1, 41)
    figure, axes = canvas(3.3 * len(picks), 3, ncols=len(picks), squeeze=False, sharey=True)
    told = []
    for axis, (name, picked) in zip(axes.flat, picks.items(), strict=True):
        axis.hist(p, bins, color="#d0d0d0", label="candidates")
        axis.hist(
            p[np.asarray(picked)],
            bins,
            histtype="step",
            linewidth=1.8,
            color=style(name, list(picks))["color"],
            label="picked",
        )
        axis.set(title=name, xlabel="probability of tumour", yscale="log")
        axis.legend(frameon=False, fontsize=8)
        _plain(axis)
        q = np.quantile(p[np.asarray(picked)], [0.1, 0.9])
        told.append(
            f"{name} mostly between {q[0]:.2f} and {q[1]:.2f} with "
            f"{positive[np.asarray(picked)].mean():.0%} tumour"
        )
    axes.flat[0].set_ylabel("patches (log)")
    return Picture(
        figure,
        f"The proxy's probabilities of the candidates and of the picks: {'; '.join(told)}.",
    )


# ---- lesson 03: the proxy ---------------------------------------------------------------


def probabilities(probability: Any, positive: Any, threshold: float = 0.5) -> Picture:
    """Histograms of the proxy's probabilities, the two classes apart.

    probability: (n,). positive: bool (n,).
    """
    p, positive = np.asarray(probability, dtype=np.float64), np.asarray(positive, dtype=bool)
    figure, axes = canvas(7, 2.8)
    bins = np.linspace(0, 1, 41)
    axes.hist(p[~positive], bins, color="#b8c7d3", label="NON-TUM")
    axes.hist(p[positive], bins, histtype="step", linewidth=1.8, color=POSITIVE, label="TUM")
    axes.axvline(threshold, color="black", linestyle="--", linewidth=1)
    axes.set(xlabel="probability of tumour", ylabel="patches (log)", yscale="log")
    axes.set_ylim(bottom=0.7)  # a bar of one patch is seen too
    axes.legend(frameon=False)
    _plain(axes)
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
    figure, (left, right) = canvas(8.5, 3.3, ncols=2, width_ratios=[1.7, 1])
    looks = (("precision", "#0072b2", ":"), ("recall", "#009e73", "--"), ("F1", POSITIVE, "-"))
    for (name, colour, line), values in zip(looks, curves.T, strict=True):
        left.plot(grid, values, color=colour, linestyle=line, label=name)
    left.axvline(at, color="black", linewidth=1)
    left.set(xlabel="threshold on the probability of tumour", ylim=(0, 1.02))
    left.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, fontsize=8)
    _plain(left)
    called = p > at
    cells = [[(called & positive).sum(), (~called & positive).sum()]]
    cells += [[(called & ~positive).sum(), (~called & ~positive).sum()]]
    right.imshow(np.array(cells) / len(p), cmap="Blues", vmin=0, vmax=1.6)
    for (row, column), name in np.ndenumerate(np.array([["TP", "FN"], ["FP", "TN"]])):
        right.text(column, row, f"{name}\n{cells[row][column]}", ha="center", va="center")
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


def label_curve(
    table: pd.DataFrame, *, score: str = "f1", by: str = "features", x: str = "labels"
) -> Picture:
    """Score against the number of labels: a dot for each draw of labels, a line for the mean.

    table: one row a draw, with the columns ``by``, ``x`` and ``score``.
    """
    names, sizes = list(dict.fromkeys(table[by])), sorted(set(table[x]))
    figure, axes = canvas(7.5, 3.8)
    told = []
    for place, name in enumerate(names):
        mine = table[table[by] == name]
        looks = OTHER_STYLES[place % len(OTHER_STYLES)]
        shift = 1.06 ** (place - (len(names) - 1) / 2)  # side by side on the log axis
        mean = mine.groupby(x)[score].mean()
        axes.plot(mine[x] * shift, mine[score], looks["marker"], color=looks["color"], alpha=0.45)
        axes.plot(mean.index * shift, mean, color=looks["color"], linestyle=looks["linestyle"])
        axes.plot([], [], label=name, **looks)
        ends = []
        for size in (sizes[0], sizes[-1]):
            values = mine.loc[mine[x] == size, score]
            ends.append(f"{values.mean():.2f} ({values.min():.2f} to {values.max():.2f})")
        told.append(f"{name} {ends[0]} with {sizes[0]} labels, {ends[1]} with {sizes[-1]}")
    axes.set(xscale="log", xlabel=f"{x} (log)", ylabel=score, ylim=(-0.02, 1))
    axes.set_xticks(sizes, [str(s) for s in sizes])
    axes.minorticks_off()
    axes.legend(frameon=False, loc="upper left", fontsize=8)
    _plain(axes)
    return Picture(
        figure, f"Mean {score} over draws of labels, range in brackets: {'; '.join(told)}."
    )


# ---- lesson 04: strategies --------------------------------------------------------------


def uncertainty_curves(measures: Mapping[str, Any], p: Any) -> Picture:
    """Measures of uncertainty against the probability. measures: name -> (n,) at ``p`` (n,)."""
    p = np.asarray(p)
    figure, axes = canvas(6.5, 3.2)
    told = []
    for place, (name, values) in enumerate(measures.items()):
        values = np.asarray(values)
        looks = OTHER_STYLES[place % len(OTHER_STYLES)]
        axes.plot(p, values, label=name, markevery=max(1, len(p) // 12), **looks)
        told.append(f"{name} is highest at p = {p[values.argmax()]:.2f}")
    axes.set(xlabel="probability p of tumour", ylabel="uncertainty")
    axes.legend(frameon=False, fontsize=8)
    _plain(axes)
    return Picture(figure, f"Measures of uncertainty by probability: {'; '.join(told)}.")


def kcenter_step(points: Any, chosen: Any, picks: Any, step: int) -> Picture:
    """k-center greedy after ``step`` picks: what is covered, and which point is next.

    points: (n, 2). chosen: (m, 2), there before, m at least 1. picks: the greedy order of
    positions in ``points``. A point is the darker the farther it is from its nearest centre.
    """
    points, chosen, picks = np.asarray(points), np.asarray(chosen), np.asarray(picks)
    centres = np.concatenate([chosen, points[picks[:step]]])
    nearest = np.linalg.norm(points[:, None] - centres[None], axis=2).min(1)
    figure, axes = canvas(5.6, 4.6)
    drawn = axes.scatter(
        *points.T, c=nearest, s=16, cmap="cividis_r", vmin=0, vmax=max(4.0, nearest.max())
    )
    figure.colorbar(drawn, ax=axes, shrink=0.8, label="distance to the nearest centre")
    axes.scatter(*chosen.T, s=50, c="black", marker="+", label="chosen before")
    looks = STRATEGY_STYLES["kcenter"]
    axes.scatter(
        *points[picks[:step]].T,
        s=42,
        facecolors="none",
        edgecolors=looks["color"],
        marker=looks["marker"],
        label="picked",
    )
    for order, position in enumerate(picks[:step], start=1):
        axes.annotate(
            str(order), points[position], xytext=(4, 4), textcoords="offset points", fontsize=8
        )
    after = "Every pick is made."
    if step < len(picks):
        following = points[picks[step]]
        closest = centres[np.linalg.norm(centres - following, axis=1).argmin()]
        axes.plot(*np.stack([following, closest]).T, color=POSITIVE, linewidth=1)
        axes.plot(*following, "*", color=POSITIVE, markersize=13, label="farthest: the next pick")
        after = f"The next pick lies {nearest[picks[step]]:.2f} from its nearest centre."
    axes.set(xticks=[], yticks=[], title=f"after {step} picks", aspect="equal")
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize=8,
    )
    return Picture(
        figure,
        f"k-center greedy on {len(points)} points after {step} of {len(picks)} picks. The largest "
        f"distance to a nearest centre is {nearest.max():.2f}. {after}",
    )


def strategy_shares(table: pd.DataFrame) -> Picture:
    """Shares of the picks by strategy: a row for each property, a mark for each strategy.

    table: index of strategies (and perhaps "all candidates"), a column for each property, 0..1.
    """
    figure, axes = canvas(7, 0.5 * len(table.columns) + 1.4)
    told, names = [], list(table.index)
    for place, name in enumerate(names):
        looks = style(name, names)
        heights = np.arange(len(table.columns)) + 0.14 * (place - (len(names) - 1) / 2)
        axes.plot(
            table.loc[name],
            heights,
            looks["marker"],
            color=looks["color"],
            label=name,
            markersize=7,
        )
    for column in table.columns:
        listed = ", ".join(f"{name} {table.loc[name, column]:.0%}" for name in names)
        told.append(f"{column}: {listed}")
    if len(table.columns) > 4:  # too long to listen to: the largest of each row, and a table
        largest = ", ".join(f"{c} {table[c].idxmax()} {table[c].max():.0%}" for c in table.columns)
        told = [f"The strategy with the largest share of each: {largest}"]
    axes.set_yticks(range(len(table.columns)), table.columns)
    axes.invert_yaxis()
    axes.grid(axis="y", color="#e5e5e5")
    axes.set(xlabel="share of the picks", xlim=(-0.02, max(0.5, 1.1 * table.to_numpy().max())))
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=len(names),
        frameon=False,
        fontsize=8,
    )
    _plain(axes)
    return Picture(figure, f"Shares of the picks. {'; '.join(told)}.", table)


# ---- lessons 05 and 07: the loop and its claims -----------------------------------------


def work_by_round(work: pd.DataFrame) -> Picture:
    """Image-epochs of each round, and added up, against the benchmark's.

    work: as ``analysis.work`` gives it; its last row is the benchmark.
    """
    total = work["image_epochs"].to_numpy()[:-1]
    whole = float(work["image_epochs"].iloc[-1])
    rounds = np.arange(len(total))
    figure, axes = canvas(7, 3)
    axes.bar(rounds, np.diff(total, prepend=0), color="#c8d8e4", edgecolor="#0072b2", label="round")
    axes.plot(rounds, total, color="#d55e00", marker="^", label="all rounds so far")
    axes.axhline(whole, color="#333333", linestyle=":")
    axes.annotate(
        "benchmark",
        (1, whole),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="bottom",
        fontsize=8,
    )
    axes.set(xlabel="round", ylabel="image-epochs", ylim=(0, 1.12 * max(whole, total.max())))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, loc="center left")
    _plain(axes)
    cheaper = rounds[total < whole]
    last = f"up to round {cheaper[-1]} the loop costs less" if len(cheaper) else "it never is less"
    return Picture(
        figure,
        f"Image-epochs by round: {np.diff(total, prepend=0)[0]:,.0f} in round 0, "
        f"{np.diff(total, prepend=0)[-1]:,.0f} in round {rounds[-1]}; together "
        f"{total[-1] / whole:.0%} of the benchmark's {whole:,.0f}; {last}.",
    )


def intervals(table: pd.DataFrame, *, claimed: float = 0.0, unit: str = "difference") -> Picture:
    """Means with their intervals, a row for each claim, and what is claimed as a line.

    A filled diamond has an interval clear of that line, an open circle one that crosses it.
    table: columns "claim", "mean", "low", "high"; NaN where there is nothing to draw.
    """
    figure, axes = canvas(7.5, 0.5 * len(table) + 1)
    told = []
    for row, one in enumerate(table.itertuples()):
        if np.isnan(one.mean):
            axes.annotate("not reached", (claimed, row), va="center", fontsize=8)
            told.append(f"{one.claim}: not reached")
            continue
        _estimate(axes, row, one.mean, one.low, one.high, claimed)
        ends = f", from {one.low:.3f} to {one.high:.3f}" if np.isfinite(one.low) else ""
        told.append(f"{one.claim}: {one.mean:.3f}{ends}")
    axes.axvline(claimed, color="#333333", linestyle=":")
    axes.set_yticks(range(len(table)), table["claim"])
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlabel(unit)
    _plain(axes)
    return Picture(figure, f"{unit}, mean and 95% interval: {'; '.join(told)}.")


def _estimate(
    axes: Axes, row: int, middle: float, low: float, high: float, nothing: float = 0.0
) -> None:
    """A mean with its interval: a filled diamond if that is clear of ``nothing``, else a circle."""
    clear = low > nothing or high < nothing  # False where a single seed gives no interval
    colour = POSITIVE if clear else NEGATIVE
    face = colour if clear else "white"
    axes.plot([low, high], [row, row], color=colour, linewidth=2)
    axes.plot(middle, row, "D" if clear else "o", color=colour, markerfacecolor=face, markersize=7)


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
    figure, (left, right) = canvas(9, 3.2, ncols=2, width_ratios=[3, 2])
    left.bar(
        list(counts),
        list(counts.values()),
        color=[POSITIVE if n == positive else "#b0b0b0" for n in counts],
        hatch=["//" if n == positive else "" for n in counts],
        edgecolor="white",
    )
    left.set(ylabel="patches", title=f"{positive} is {share:.1%} of {total}")
    for place, (score, colour, hatch) in enumerate(
        [("accuracy", "#0072b2", ""), ("F1", "#e69f00", "..")]
    ):
        values = [scores[place] for scores in answers.values()]
        bars = right.bar(
            np.arange(2) + 0.4 * place - 0.2,
            values,
            0.38,
            label=score,
            color=colour,
            hatch=hatch,
            edgecolor="white",
        )
        right.bar_label(bars, fmt="%.2f", fontsize=8)
    right.set_xticks([0, 1], list(answers))
    right.set(ylim=(0, 1.15), title="two answers that see nothing")
    right.legend(frameon=False, fontsize=8, ncols=2, loc="upper center")
    _plain(left), _plain(right)
    told = "; ".join(f"{n}: accuracy {a:.2f}, F1 {f:.2f}" for n, (a, f) in answers.items())
    return Picture(figure, f"{yes} of {total} patches are {positive}, {share:.1%}. {told}.")


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
    figure, (left, matrix) = canvas(9, 4, ncols=2, width_ratios=[2, 3])
    turn = np.linspace(0, 2 * np.pi, 200)
    left.plot(np.cos(turn), np.sin(turn), color="#c0c0c0", linewidth=1)
    for patch in range(n):
        colour = list(CLASS_COLOURS.values())[(2 * patch + 3) % 9]
        for view, marker in ((patch, "o"), (patch + n, "s")):
            left.scatter(*z[view], s=60, color=colour, marker=marker, zorder=2)
            left.annotate(names[view], 1.18 * z[view], ha="center", va="center", fontsize=8)
    left.set(xlim=(-1.35, 1.35), ylim=(-1.35, 1.35), aspect="equal", xticks=[], yticks=[])
    left.spines[:].set_visible(False)
    matrix.imshow(p, cmap="cividis", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(p):
        if row != column:
            colour = "white" if value < 0.5 else "black"
            text = f"{value:.2f}".lstrip("0") if value >= 0.005 else "0"
            weight = "bold" if column == partner[row] else "normal"
            matrix.text(
                column, row, text, ha="center", va="center", fontsize=8, color=colour, weight=weight
            )
    matrix.set_xticks(range(2 * n), names)
    matrix.set_yticks(range(2 * n), names)
    loss = float(-np.log(right).mean())
    matrix.set_title(f"temperature {temperature:.2f}, loss {loss:.2f}")
    return Picture(
        figure,
        f"{n} patches with two views each on a circle, and for each view the probability of every "
        f"other to be its partner. At temperature {temperature:.2f} the true partner gets from "
        f"{right.min():.2f} to {right.max():.2f}, and the loss is {loss:.2f} (chance: "
        f"{np.log(2 * n - 1):.2f}).",
    )


def side_by_side(sources: Mapping[str, Tissue], *, each: int = 4, seed: int = 0) -> Picture:
    """Patches of each class from several sources, a titled block of columns for each source.

    sources: title -> tissue. Sources share their class names.
    """
    from activecl_nb import seeds

    names = next(iter(sources.values())).class_names
    columns = each * len(sources) + len(sources) - 1  # an empty column between two blocks
    figure, axes = canvas(
        0.62 * columns + 0.7,
        0.66 * len(names) + 0.4,
        nrows=len(names),
        ncols=columns,
        squeeze=False,
    )
    for axis in axes.flat:
        axis.axis("off")
    for block, (title, patches) in enumerate(sources.items()):
        first = block * (each + 1)
        # A text out of the layout: a long title would widen the column that it stands over.
        over = {"transform": axes[0, first].transAxes, "va": "bottom", "fontsize": 10}
        axes[0, first].text(0, 1.06, title, **over).set_in_layout(False)
        axes[0, first].set_title(" ", fontsize=10)  # keeps the room above
        draw = seeds.numpy_generator(seed, "side by side", title)
        for row, name in zip(axes, names, strict=True):
            members = np.flatnonzero(patches.labels.numpy() == patches.class_names.index(name))
            shown = draw.permutation(members)[:each]
            for axis, position in zip(row[first:], shown, strict=False):
                axis.imshow(
                    patches.images[int(position)].numpy().transpose(1, 2, 0),
                    interpolation="nearest",
                )
    for row, name in zip(axes, names, strict=True):
        row[0].text(-0.15, 0.5, name, transform=row[0].transAxes, ha="right", va="center")
    blocks = "; ".join(f"{title}, from {patches.source}" for title, patches in sources.items())
    return Picture(
        figure,
        f"Up to {each} patches of each of the classes {', '.join(names)}, in "
        f"{len(sources)} block(s) of columns: {blocks}.",
    )


def as_pixels(views: Any) -> Any:
    """Views as they can be shown: normalised float (N, 3, H, W) -> uint8, on the processor."""
    from activecl_nb import augment

    mean, deviation = (
        views.new_tensor(v).view(1, 3, 1, 1) for v in (augment.MEAN, augment.DEVIATION)
    )
    return ((views * deviation + mean) * 255).round().clamp(0, 255).byte().cpu()


# ---- a study: what differs, and when ------------------------------------------------------


def _between(low: float, high: float, digits: int = 2) -> str:
    """An interval in words; nothing where a single seed gives none."""
    return f" (from {low:.{digits}f} to {high:.{digits}f})" if np.isfinite(low) else ""


def effects(table: pd.DataFrame, *, unit: str = "difference in F1") -> Picture:
    """Paired differences with their intervals, a row a comparison (a forest plot).

    table: as ``analysis.paired`` gives it. Right of the line at 0 the first named is higher. A
    filled diamond has an interval clear of 0, an open circle one that holds it; beside each row
    stand the number of seeds, the effect size g and the p corrected by Holm.
    """
    figure, axes = canvas(8.5, 0.42 * len(table) + 1.1)
    told = []
    for row, one in enumerate(table.itertuples()):
        name = _comparison(one)
        if not one.n:
            axes.annotate("no seed to compare", (0, row), va="center", fontsize=8)
            told.append(f"{name}: no seed to compare")
            continue
        _estimate(axes, row, one.difference, one.low, one.high)
        counted = f"{one.n} seeds" if one.n > 1 else "1 seed"
        counted += f" ({one.left_out} left out)" if one.left_out else ""
        beside = f"{counted}, g {one.g:+.1f}" if np.isfinite(one.g) else counted
        axes.annotate(
            f"{beside}, Holm p {one.p_holm:.2g}",
            (1.02, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            annotation_clip=False,
        )
        told.append(
            f"{name}: {one.difference:+.3f}{_between(one.low, one.high, 3)}, {counted}, "
            f"p {one.p_holm:.2g}"
        )
    axes.axvline(0, color="#333333", linestyle=":")
    axes.set_yticks(range(len(table)), [_comparison(one) for one in table.itertuples()])
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlabel(f"{unit}, mean and 95% interval over seeds")
    _plain(axes)
    decided = int(((table["low"] > 0) | (table["high"] < 0)).sum())
    return Picture(
        figure,
        f"{unit} by seed, with 95% intervals: {decided} of {len(table)} are clear of 0. "
        f"{'; '.join(told)}. p is corrected by Holm; the least that any row could reach before "
        f"the correction is {table['p_smallest'].min():.2g}.",
    )


def _comparison(one: Any) -> str:
    """A row of ``analysis.paired`` in words."""
    setting, other = getattr(one, "setting", ""), getattr(one, "setting_b", "")
    if setting == other:
        return f"{one.a} − {one.b}" + (f", {setting}" if setting else "")
    named = [f"{n} ({s or 'default'})" for n, s in ((one.a, setting), (one.b, other))]
    return " − ".join(named)


def by_setting(
    table: pd.DataFrame, *, dial: str, default: float | str | None = None, score: str = "f1"
) -> Picture:
    """Score against the values of one dial, a line a strategy, with intervals.

    table: as ``analysis.spread`` gives it, with the column ``setting``. Settings other than
        "dial=value" are passed over. The values stand side by side at equal distances, numbers in
        their order; choices that are no numbers are not joined by lines.
    dial: the dial's name. default: its value where the setting is "", if that is to be shown.

    ValueError: the table has no setting of this dial.
    """
    shown = table.assign(value=[_dialled(name, dial, default) for name in table["setting"]])
    shown = shown[shown["value"].notna()]
    values = list(dict.fromkeys(shown["value"]))
    if not values:
        known = ", ".join(repr(name) for name in dict.fromkeys(table["setting"]))
        raise ValueError(f"no setting of {dial!r} is in the table; it has {known}")
    numbers = all(_is_number(value) for value in values)
    if numbers:
        values.sort(key=float)
    strategies = list(dict.fromkeys(shown["strategy"]))
    figure, axes = canvas(7.5, 4)
    told = []
    for place, name in enumerate(strategies):
        mine = shown[shown["strategy"] == name]
        mine = mine.assign(place=[values.index(value) for value in mine["value"]])
        mine = mine.sort_values("place")
        looks = style(name, strategies)
        # Side by side, or intervals would lie on top of one another.
        across = mine["place"] + 0.5 / len(strategies) * (place - (len(strategies) - 1) / 2)
        # NaN where one seed gives no interval: the bar is then left out.
        reach = [mine["mean"] - mine["low"], mine["high"] - mine["mean"]]
        line = looks if numbers else {**looks, "linestyle": "none"}
        axes.errorbar(across, mine["mean"], yerr=reach, label=name, capsize=3, **line)
        said = [
            f"{one.mean:.2f}{_between(one.low, one.high)} at {one.value}"
            if np.isfinite(one.mean)
            else f"not reached at {one.value}"
            for one in mine.itertuples()
        ]
        told.append(f"{name} {', '.join(said)}")
    axes.set_xticks(range(len(values)), values)
    axes.set(xlabel=dial.replace("_", " "), ylabel=score, xlim=(-0.5, len(values) - 0.5))
    figure.legend(loc="outside upper center", ncols=6, frameon=False)
    _plain(axes)
    return Picture(
        figure,
        f"Mean {score} by {dial.replace('_', ' ')}, with 95% intervals: {'; '.join(told)}.",
    )


def _dialled(setting: str, dial: str, default: float | str | None) -> str | None:
    """The dial's value in a setting; None where the setting is another dial's."""
    if not setting:
        return None if default is None else str(default)
    name, _, value = setting.partition("=")
    return value if name == dial else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
