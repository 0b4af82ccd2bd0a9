"""Encoders and probes of one hospital, tried on tiles of another: for lesson 08.

    python results/elsewhere.py RUNS TILES

RUNS holds runs of results/study.toml with their weights, as ``python -m activecl_nb study
results/study.toml --keep-weights --out RUNS`` makes them; those of the grid "real, natural share"
are looked at. TILES is "Collection of textures in colorectal cancer histology", a folder for each
of eight tissues, 01_TUMOR among them. It needs the extra [pretrained].

Each probe is fitted on its run's S_L, 100 biopsies of EBHI-Seg with adenocarcinoma as the positive
class, as the study fits it. It is scored once on the run's own test patients and once on all tiles,
where 01_TUMOR is positive. Beside the encoders after their last round stand the frozen
EfficientNet-Lite0 and the two floors, with the same labels. Writes elsewhere.csv beside this file.

"labels from there" was added after those numbers were seen, to tell a judge that moved from
features that cannot see: the same features of the tiles, with a probe fitted on four fifths of
them, which scores the last fifth; tiles cut from one image stay together.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import StratifiedGroupKFold
from torch import Tensor

from activecl_nb import files, proxy, runs, simclr, tissue
from activecl_nb.curation import encoders
from activecl_nb.evidence import study
from activecl_nb.evidence.study.plan import Job
from activecl_nb.tissue import Tissue

OUT = Path(__file__).with_suffix(".csv")
GRID = "real, natural share"
TUMOUR = "01_TUMOR"
IMAGE = r"CRC-Prim-HE-(\d+)"  # in a tile's name: the image that it was cut from
FOLDS = 5
SIDE = 128  # pixels that the frozen encoder sees, as in the study
NAMES = {
    "random": "SimCLR on random picks",
    "entropy": "SimCLR on entropy's picks",
    "kcenter": "SimCLR on k-center's picks",
    "benchmark": "SimCLR on every patch",
}
CREDIT = """\
# Numbers computed by results/elsewhere.py: encoders and probes of EBHI-Seg (Shi et al. 2023,
# Frontiers in Medicine 10:1114673; figshare 21540159; CC BY 4.0), scored on its test patients
# ("home") and on 264 tiles of "Collection of textures in colorectal cancer histology" (Kather
# et al. 2016; Zenodo 53169; CC BY 4.0), tumour against the rest ("elsewhere"), and there
# with labels of these tiles, in five folds by image ("labels from there").
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", type=Path, help="folder of the study's runs, with their weights")
    parser.add_argument("tiles", type=Path, help="folder of the eight tissues' tiles")
    options = parser.parse_args()
    planned = study.read(Path(__file__).with_name("study.toml"))
    jobs = [entry.job for entry in planned.entries if entry.grid == GRID]
    frozen = Frozen(dict(jobs[0].data)["path"], options.tiles)
    rows = [row for job in jobs for row in tried(job, options.runs, options.tiles, frozen)]
    columns = ["features", "fold", "seed", "where", "auroc", "average_precision"]
    with files.replacing(OUT) as temporary:
        text = pd.DataFrame(rows, columns=columns).round(4).to_csv(index=False)
        temporary.write_text(CREDIT + text, encoding="utf-8")


class Frozen:
    """Features of the frozen encoder, for all biopsies by their file, and for all tiles."""

    def __init__(self, table: Path, tiles: Path) -> None:
        encoder = encoders.load(encoders.LITE)
        biopsies = tissue.load("table", "all", path=table, size=SIDE)
        self.by_file = dict(zip(biopsies.facts["file"], encoder(biopsies.images), strict=True))
        self.of_tiles = encoder(tissue.load("folder", "all", path=tiles, size=SIDE).images)

    def of(self, patches: Tissue) -> Tensor:
        return torch.stack([self.by_file[file] for file in patches.facts["file"]])


def tried(job: Job, folder: Path, place: Path, frozen: Frozen) -> Iterator[tuple[object, ...]]:
    """The rows of one run; those of random picks bring what no strategy changes."""
    run, data = runs.load(folder / job.address()), job.load()
    if not run.finished:
        raise ValueError(f"{folder / job.address()} is not finished; run the study again")
    size = run.protocol.image_size
    tiles = tissue.load("folder", "all", path=place, size=size, patient=IMAGE)
    parts = data.train, data.test, tiles
    images = [part.images for part in parts]
    trained = run.encoder()
    features = {NAMES[job.strategy]: [simclr.encode(trained, part) for part in images]}
    if job.strategy == "random":
        drawn = simclr.build(run.protocol, head=run.protocol.head, seed=run.seed).encoder
        features |= {
            "frozen encoder": [frozen.of(data.train), frozen.of(data.test), frozen.of_tiles],
            "untrained": [simclr.encode(drawn, part) for part in images],
            "colour moments": [proxy.colour_moments(part) for part in images],
        }
    is_tumour, cut_from = tiles.labels == tiles.class_names.index(TUMOUR), tiles.facts["patient"]
    patients = data.train.facts["patient"][run.labelled]
    for name, (train, home, away) in features.items():
        known, truth = train[run.labelled], data.train_targets[run.labelled]
        judge, _ = proxy.probe(known, truth, groups=patients, seed=run.seed)
        judged = {
            "home": (data.test_targets, judge.logits(home)),
            "elsewhere": (is_tumour, judge.logits(away)),
            "labels from there": (is_tumour, refitted(away, is_tumour, cut_from, run.seed)),
        }
        for where, answers in judged.items():
            scores = proxy.scores(*answers)
            yield name, job.tissue, run.seed, where, scores["auroc"], scores["average_precision"]


def refitted(features: Tensor, targets: Tensor, groups: np.ndarray, seed: int) -> Tensor:
    """Logits (n,) of tiles by probes that were fitted on the other images' tiles."""
    logits = torch.zeros(len(targets))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for fit, held in folds.split(features, targets, groups):
        judge, _ = proxy.probe(features[fit], targets[fit], groups=groups[fit], seed=seed)
        logits[held] = judge.logits(features[held])
    return logits


if __name__ == "__main__":
    main()
