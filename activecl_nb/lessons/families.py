"""Families of views beside one another, for lesson 02: what does each teach an encoder to keep?

Two measures: how well tumour can be read off the features, and how far other colours move a patch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from activecl_nb import augment, imbalance, profiles, proxy, seeds, simclr
from activecl_nb.imbalance import Data
from activecl_nb.lessons import start
from activecl_nb.pictures import figures
from activecl_nb.profiles import Profile

if TYPE_CHECKING:
    import pandas as pd

TUMOUR, MOVED = "tumour probe (average precision)", "moved by jitter (share of a distance)"
GEOMETRY = augment.Family().only("crop", "flip", "rotation")
FAMILIES = {
    "crop, flip, rotate": GEOMETRY,
    "crops too small": replace(GEOMETRY, crop_scale=(0.004, 0.02)),
    "colours changed": augment.Family(jitter=1.0).without("blur"),
}
WHOLE = "whole T"  # the family of the sections before
RECOLOURED = augment.Family(jitter=1.0).only("jitter")


def short(profile: Profile) -> int:
    """Epochs of a short training; ``start.epochs`` are those of a longer one."""
    return max(2, profile.epochs // 2)


def trained(
    family: augment.Family | None, images: Tensor, profile: Profile, epochs: int, seed: int
) -> tuple[nn.Module, float]:
    """An encoder after so many epochs on these views, and its last loss.

    images: uint8 (n, 3, size, size). Without a family it is not trained, and the loss is NaN.
    """
    model = simclr.build(profile, seed=seed)
    if family is None:
        return model.encoder, float("nan")
    losses = simclr.train(
        model.to(profiles.device()),
        images,
        epochs=epochs,
        batch_size=profile.batch_size,
        learning_rate=profile.learning_rate,
        family=family,
        seed=seed,
    )
    return model.encoder.cpu(), float(losses[-1])


def judge(encoder: nn.Module, profile: Profile, data: Data, seed: int) -> dict[str, float]:
    """Both measures, on the test patches; labels are drawn by the seed, too.

    ``TUMOUR``: average precision of a linear probe. ``MOVED``: how far jitter moves the features
    of a patch, on average, as a share of the distance between two different patches.
    """
    _, labelled = imbalance.split(data.train, profile.labelled, seed)
    x = simclr.encode(encoder, data.train.images[labelled])
    h = simclr.encode(encoder, data.test.images)
    f_p = proxy.fit(
        x,
        data.train_targets[labelled],
        epochs=profile.proxy_epochs,
        learning_rate=profile.proxy_learning_rate,
        standardise=True,
    )
    found = proxy.scores(data.test_targets, f_p.logits(h))["average_precision"]
    view = augment.view(data.test.images, seeds.generator(seed, "recoloured"), RECOLOURED)
    moved = (simclr.encode(encoder, figures.as_pixels(view)) - h).norm(dim=1).mean()
    other = torch.randperm(len(h), generator=seeds.generator(seed, "another patch"))
    return {TUMOUR: found, MOVED: (moved / (h[other] - h).norm(dim=1).mean()).item()}


def compare(
    kinds: Mapping[str, augment.Family | None],
    profile: Profile,
    data: Data,
    *,
    epochs: int,
    of_seeds: Iterable[int],
    on_encoder: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Train one encoder of each kind and seed, and judge it.

    The seed decides the first weights, the patches (``start.seen``), the views and the labels.
    Columns: family, seed, epochs, loss, ``TUMOUR``, ``MOVED``.
    """
    import pandas as pd

    rows = []
    for seed in of_seeds:
        images = data.train.images[torch.from_numpy(start.seen(profile, data, seed))]
        for name, family in kinds.items():
            encoder, loss = trained(family, images, profile, epochs, seed)
            row = {"family": name, "seed": seed, "epochs": epochs, "loss": loss}
            rows.append(row | judge(encoder, profile, data, seed))
            on_encoder()
    return pd.DataFrame(rows)
