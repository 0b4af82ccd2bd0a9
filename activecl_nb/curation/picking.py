"""Which files to label or train on next, once, without a run around it.

    picks = curation.pick("patches/", budget=200, strategy="kcenter", labelled="labelled.csv")
    picks.write("picks.csv")

The images need no labels. Those that are labelled already are named in a table, and are not
picked again: diversity keeps away from them, doubt is that of a probe fitted on them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from activecl_nb import (
    files,
    profiles,
    proxy,
    sampling,
    seeds,
    simclr,
    tasks,
    tissue,
    values,
)
from activecl_nb.curation import encoders, own, sizes
from activecl_nb.profiles import Profile
from activecl_nb.protocol import Protocol
from activecl_nb.tissue import ImageFiles, Tissue

TRAIN = "train"  # the encoder's name that means: train one here
SHOWN = 200  # patches on a contact sheet at the most
MINUTES = 5.0  # that an encoder is trained in


@dataclass(frozen=True)
class Picks:
    """The files that were picked, in order.

    table: a row a pick: order, file, patient (where known), distance to the nearest image that is
    labelled or was picked before it, and, where labels are known, probability of the positive
    class and entropy, or in regression the predicted number and its doubt, or in segmentation the
    predicted share inside and its doubt.
    images: uint8 (n, 3, H, W). encoder: whose features were compared.
    """

    table: pd.DataFrame
    images: Tensor
    strategy: str
    encoder: str

    def write(self, path: str | os.PathLike[str]) -> list[Path]:
        """The table as CSV, and beside it a contact sheet of the first picks as PNG."""
        from activecl_nb.pictures import figures

        path, sheet = places(path)
        with files.replacing(path) as temporary:
            # A file's name may hold bytes that are no text.
            escaped = "surrogateescape"
            self.table.to_csv(temporary, index=False, float_format="%.6g", errors=escaped)
        titles = [str(order) for order in self.table["order"][:SHOWN]]
        drawn = figures.image_grid(self.images[:SHOWN], titles, side=1.0)
        files.write(sheet, drawn.png())
        return [path, sheet]

    def _repr_html_(self) -> str:
        return self.table.to_html(index=False)


def places(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Where ``Picks.write`` puts the table and the sheet. ValueError, OSError: it cannot."""
    table = files.expanded(path)
    files.ready(table)
    sheet = table.with_suffix(".png")
    if sheet == table:
        raise ValueError(f"{table} would be both the table and the sheet; let it end in .csv")
    files.ready(sheet)
    return table, sheet


class Asked:
    """What ``pick`` is told in numbers."""

    budget: values.Count
    seed: values.Seed
    minutes: values.Positive | None


def pick(
    path: str | os.PathLike[str],
    *,
    budget: int,
    strategy: str | sampling.Strategy = "kcenter",
    labelled: str | os.PathLike[str] | pd.DataFrame | None = None,
    positive: str | None = None,
    task: str = "classification",
    target: str = "label",
    encoder: str | nn.Module | encoders.Encoder | None = None,
    minutes: float | None = None,
    seed: int = 0,
    device: str | None = None,
    download: bool = False,
    **options: Any,
) -> Picks:
    """Pick ``budget`` files of a folder (all images below it) or of a table's column file.

    labelled: a table with the columns file and label, or file alone where the strategy needs no
    labels. positive: the class that a doubtful strategy is to find; needed where there are more
    than two classes. task: "regression" where the labels are numbers, "segmentation" where they are
    files of masks, below the folder of ``labelled``. target: the column that holds the labels.
    encoder: see ``encoders``; by default the one that works without a network if it is
    installed, else, or with "train", one that is trained on these images in ``minutes`` (5);
    segmentation needs its maps, so there one is. options: what ``tissue.open_unlabelled`` takes.

    FileNotFoundError or ValueError with the file, the value and what to do.
    """
    values.checked(Asked, {"budget": budget, "seed": seed, "minutes": minutes})
    archive = tissue.open_unlabelled(own.source(path)[1], **options)
    known, labels = _labelled(labelled, archive.names, target)
    name, select = sampling.named(strategy)
    _check_task(task, name, encoder, positive, labels)
    _check(name, select, budget, len(archive.names) - len(known), labels)
    maps = task == "segmentation"
    encoder, minutes = _default(encoder, minutes, maps), minutes or MINUTES
    outlines = _outlines(labels, labelled) if maps and labels is not None else None
    seen, images, used = _features(archive, encoder, minutes, seed, device, download, maps)
    features = tasks.pooled(seen)
    if task == "regression" and labels is not None:
        opinion = _of_numbers(features, known, labels, seed)
    elif outlines is not None:
        opinion = _of_masks(seen, known, _masks(outlines, images[known]), seed)
    else:
        opinion = _of_classes(features, known, _telling(labels, positive, name), positive, seed)
    left = np.setdiff1d(np.arange(len(features)), known)
    chosen = sampling.pick(
        strategy,
        features[left],
        torch.zeros(len(left)) if opinion.logits is None else opinion.logits[left],
        features[known],
        budget,
        seeds.generator(seed, "pick", name),
        doubt=None if opinion.doubt is None else opinion.doubt[left],
        chosen_logits=None if opinion.logits is None else opinion.logits[known],
    )
    picked = left[chosen.numpy()]
    table = _table(archive, picked, known, features)
    told = {column: values[torch.from_numpy(picked)].numpy() for column, values in opinion.told}
    return Picks(table.assign(**told), images[torch.from_numpy(picked)], name, used)


def _check_task(
    task: str, name: str, encoder: object, positive: str | None, labels: Sequence[str] | None
) -> None:
    if task not in tasks.HEADLINES:
        raise ValueError(f"no task is called {task!r}; there are {', '.join(tasks.HEADLINES)}")
    if task != "classification" and name in sampling.BY_CLASS:
        raise ValueError(f"the strategy {name!r} reads classes; for {task} take 'uncertainty'")
    if positive is not None and (labels is None or task != "classification"):
        raise ValueError(f"positive={positive!r} (--positive) is one of the classes of --labelled")
    if task == "segmentation" and encoder not in (None, TRAIN):
        raise ValueError(
            f"segmentation needs feature maps, and {encoder!r} gives one row an image; leave the "
            "encoder out, and one is trained here"
        )


def _default(
    encoder: str | nn.Module | encoders.Encoder | None, minutes: float | None, maps: bool
) -> str | nn.Module | encoders.Encoder:
    """The encoder, or what stands for none. ValueError: nothing will be trained in the minutes."""
    if encoder is None:
        encoder = encoders.LITE if encoders.available() and not maps else TRAIN
    if minutes is not None and encoder != TRAIN:
        raise ValueError(f"minutes={minutes} (--minutes) are to train in, with --encoder {TRAIN}")
    return encoder


def _check(name: str, select: object, budget: int, left: int, labels: Sequence[str] | None) -> None:
    if "truth" in getattr(select, "asks_for", ()):
        raise ValueError(f"the strategy {name!r} has to be told the truth, which nobody knows here")
    if budget > left:
        raise ValueError(f"a budget of {budget} images, but {left:,} are left to pick from")
    asks = name in sampling.STRATEGIES or bool(getattr(select, "asks_for", ()))
    if labels is None and asks and name not in _without_labels():
        raise ValueError(
            f"the strategy {name!r} asks a probe for its doubt, which needs labels: name a table "
            f"with file and label (--labelled), or take one of {', '.join(_without_labels())}"
        )


def _without_labels() -> list[str]:
    """The kit's strategies that ask nothing of a probe: those at random, or diverse alone."""
    return [
        name
        for name, select in sampling.STRATEGIES.items()
        if name not in sampling.BY_CLASS and not getattr(select, "asks_for", ())
    ]


def _labelled(
    given: str | os.PathLike[str] | pd.DataFrame | None, names: Sequence[str], column: str
) -> tuple[np.ndarray, list[str] | None]:
    """Positions of the labelled files among the names, and their labels; None: none are known."""
    if given is None and column == "label":
        return np.empty(0, dtype=np.int64), None
    if given is None:
        raise ValueError(f"target={column!r} (--target) is a column of --labelled; name that table")
    if isinstance(given, pd.DataFrame):
        where, as_text = "labelled", given.astype("string").fillna("")
        told = {str(name): [*map(str.strip, cells)] for name, cells in as_text.items()}
    else:
        where, told = str(given), tissue.read_columns(given)
    for needed in ("file", column):
        if needed not in told and needed != "label":
            raise ValueError(f"{where} has no column {needed}; it has {', '.join(told)}")
    at = {name: position for position, name in enumerate(names)}
    wanted = [name.replace("\\", "/") for name in told["file"]]
    if missing := [name for name in wanted if name not in at]:
        raise ValueError(
            f"{where}: {len(missing):,} of {len(wanted):,} files are not among the images, "
            f"{missing[0]!r} first; their names are like {names[0]!r}"
        )
    if len(set(wanted)) < len(wanted):
        raise ValueError(f"{where} names a file in several rows; keep one of each")
    labels = told.get(column)
    if labels and "" in labels:
        raise ValueError(f"{where}: {labels.count('')} rows have no label; fill or remove them")
    tissue.check_alike(column, labels or (), where)
    return np.array([at[name] for name in wanted], dtype=np.int64), labels


# ---------------------------------------------------------------------------- features
def _features(
    archive: ImageFiles,
    encoder: str | nn.Module | encoders.Encoder,
    minutes: float,
    seed: int,
    device: str | None,
    download: bool,
    maps: bool = False,
) -> tuple[Tensor, Tensor, str]:
    """Features (n, d) of all images, the images, and the name of what made the features.

    maps: features (n, h, w, d) instead, of an encoder that keeps more of the place.
    """
    base = profiles.current()
    if encoders.is_table(encoder):
        patches = tissue.of_archive(archive, base.image_size, archive.where)
        found = encoders.read_table(encoder, archive.names, archive.names)
        return found, patches.images, Path(encoder).name
    if isinstance(encoder, str) and encoder == TRAIN:
        patches = tissue.of_archive(archive, base.image_size, archive.where)
        if maps:  # as the study's grids
            base = replace(base, stem="full", width=max(4, base.width // 2))
        module = train(patches, base, minutes, seed, device)
        see = tasks.feature_maps if maps else simclr.encode
        return see(module, patches.images), patches.images, "trained here"
    loaded = encoders.load(encoder, download=download)
    patches = tissue.of_archive(archive, loaded.side(archive.shape), archive.where)
    return loaded(patches.images, device=device), patches.images, loaded.name


def train(
    patches: Tissue, base: Profile, minutes: float, seed: int = 0, device: str | None = None
) -> nn.Module:
    """An encoder that SimCLR trains on all these patches in about so many minutes."""
    from tqdm.auto import tqdm

    batch = min(base.batch_size, len(patches))
    if batch < 2:
        raise ValueError(f"{patches.source}: one image trains no encoder; add images")
    protocol = Protocol.of(base, batch_size=batch, budget=max(base.budget, batch))
    speed = sizes.rehearse(protocol, patches.images, len(patches), device=device, seed=seed)
    an_epoch = speed.train * max(1, len(patches) // batch * batch)
    epochs = max(1, min(sizes.MOST_EPOCHS, int(60 * minutes / an_epoch)))
    model = simclr.build(base, head=protocol.head, seed=seed).to(profiles.device(device))
    recipe = simclr.Recipe(
        epochs=epochs, batch_size=batch, learning_rate=base.learning_rate, schedule=base.schedule
    )
    total = epochs * (len(patches) // batch * batch)
    with tqdm(total=total, desc=f"train, {epochs} epochs", unit="image", unit_scale=True) as bar:
        simclr.train(model, patches.images, recipe=recipe, seed=seed, on_batch=bar.update)
    return model.encoder.eval()


@dataclass(frozen=True)
class Opinion:
    """What a proxy fitted on the labelled images says of all, (n,) each.

    logits: what a strategy is given; None without labels. doubt: its own where the task has one.
    told: columns of the table of picks.
    """

    logits: Tensor | None = None
    doubt: Tensor | None = None
    told: tuple[tuple[str, Tensor], ...] = ()


def _of_numbers(features: Tensor, known: np.ndarray, labels: Sequence[str], seed: int) -> Opinion:
    targets = torch.from_numpy(tissue.as_numbers(labels)).float()
    if not targets.isfinite().all():
        strange = labels[int(targets.isfinite().logical_not().nonzero()[0])]
        raise ValueError(f"regression needs finite numbers as labels, not {strange!r}")
    each = tasks.ensemble(features[known], targets, seed).logits(features)
    predicted, doubt = each.mean(dim=1), each.std(dim=1)
    return Opinion(predicted, doubt, (("predicted", predicted), ("doubt", doubt)))


def _of_masks(maps: Tensor, known: np.ndarray, inside: np.ndarray, seed: int) -> Opinion:
    cells = tasks.shares(torch.from_numpy(inside), maps[known]).flatten()
    f_p = proxy.fit(maps[known].flatten(0, 2), cells, seed=seed)
    size = inside.shape[1:]
    predicted, doubt = tasks.share_inside(f_p, maps, size), tasks.mean_entropy(f_p, maps, size)
    return Opinion(predicted, doubt, (("predicted", predicted), ("doubt", doubt)))


def _outlines(labels: Sequence[str], labelled: Any) -> np.ndarray:
    """The files of masks that the labels name, beside the table that names them."""
    beside = Path() if isinstance(labelled, pd.DataFrame) else files.expanded(labelled).parent
    where = [beside / label for label in labels]
    if lost := [file for file in where if not file.is_file()]:
        raise FileNotFoundError(f"{len(lost):,} masks are not there, {lost[0]} first")
    return np.array([str(file) for file in where])


def _masks(outlines: np.ndarray, images: Tensor) -> np.ndarray:
    """uint8 (k, H, W), at the size of the images (k, 3, H, W)."""
    unknown = torch.zeros(len(images), dtype=torch.int64)
    outlined = Tissue(images, unknown, ("any",), "", {"mask": outlines})
    return tissue.with_masks(outlined, "mask").facts["mask"]


def _telling(labels: list[str] | None, positive: str | None, name: str) -> list[str] | None:
    """The labels; None where a strategy that needs none could not tell which class is sought."""
    unclear = positive is None and len(set(labels or ())) != 2
    return None if unclear and name in _without_labels() else labels


def _of_classes(
    features: Tensor,
    known: np.ndarray,
    labels: list[str] | None,
    positive: str | None,
    seed: int,
) -> Opinion:
    if labels is None:
        return Opinion()
    classes = sorted(set(labels), key=lambda label: (labels.count(label), label))
    if positive is None and len(classes) != 2:
        raise ValueError(
            f"the labels are of {len(classes)} classes ({', '.join(sorted(classes))}); two are "
            "needed, or say which is sought (--positive)"
        )
    sought = classes[0] if positive is None else positive
    if sought not in classes or len(classes) < 2:
        raise ValueError(
            f"labels are {', '.join(sorted(classes))}; {sought!r} and others are needed"
        )
    targets = np.array([label == sought for label in labels])
    judge, _ = proxy.probe(features[known], targets, seed=seed)
    logits = judge.logits(features)
    told = ("probability", logits.sigmoid()), ("entropy", sampling.entropy_of(logits))
    return Opinion(logits, told=told)


def _table(
    archive: ImageFiles,
    picked: np.ndarray,
    known: np.ndarray,
    features: Tensor,
) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "order": np.arange(1, len(picked) + 1),
        "file": [archive.names[position] for position in picked],
    }
    if "patient" in archive.facts:
        columns["patient"] = archive.facts["patient"][picked]
    columns["distance"] = _distances(features[picked], features[known])
    return pd.DataFrame(columns)


def _distances(picked: Tensor, known: Tensor) -> np.ndarray:
    """Of each pick, to the nearest known image or earlier pick; NaN where there is none."""
    found = np.full(len(picked), np.nan)
    for i, features in enumerate(picked):
        others = torch.cat([known, picked[:i]])
        if len(others):
            found[i] = float((others - features).norm(dim=1).min())
    return found
