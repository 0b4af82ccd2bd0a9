"""How much a split at random flatters a classifier that knows colours alone: real patients.

    python results/patient_leak.py FOLDER

FOLDER holds EBHI-Seg with its table patches.csv (columns file, label, patient). For each of
three classifiers on a colour histogram: the AUROC for adenocarcinoma of each of five folds, once
with patches dealt out at random, once with whole patients. Writes patient_leak.csv beside this
file; lesson 01 shows it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from activecl_nb import files, proxy

OUT = Path(__file__).with_suffix(".csv")
FOLDS = 5
CREDIT = """\
# Numbers computed by results/patient_leak.py from EBHI-Seg (Shi et al., Frontiers in
# Medicine 2023, 10:1114673; figshare 21540159; CC BY 4.0), patches of 64 x 64 pixels.
# AUROC for adenocarcinoma (ADC) against the rest, from colour histograms of 16 bins a
# channel; five folds, dealt out by patch or by patient.
"""
CLASSIFIERS = {
    "nearest neighbour": lambda: KNeighborsClassifier(1),
    "random forest": lambda: RandomForestClassifier(300, random_state=0),
    "logistic regression": lambda: make_pipeline(
        StandardScaler(), LogisticRegression(C=0.1, max_iter=2_000)
    ),
}


def load(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colour histograms (n, 48), whether each patch is ADC, and its patient's number."""
    from PIL import Image

    table = pd.read_csv(folder / "patches.csv", dtype=str, keep_default_na=False)
    images = np.stack([np.asarray(Image.open(folder / file).convert("RGB")) for file in table.file])
    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    colours = proxy.colour_histogram(pixels, bins=16).numpy()
    return colours, (table.label == "ADC").to_numpy(), table.patient.to_numpy()


def measure(colours: np.ndarray, is_adc: np.ndarray, patient: np.ndarray) -> pd.DataFrame:
    """A row for each split, classifier and fold."""
    how = {"shuffle": True, "random_state": 0}
    folds = {
        "patches at random": StratifiedKFold(FOLDS, **how).split(colours, is_adc),
        "whole patients": StratifiedGroupKFold(FOLDS, **how).split(colours, is_adc, patient),
    }
    rows = []
    for split, parts in folds.items():
        for fold, (fit, held) in enumerate(parts):
            shared = np.isin(patient[held], patient[fit]).mean()
            for name, make in CLASSIFIERS.items():
                p = make().fit(colours[fit], is_adc[fit]).predict_proba(colours[held])[:, 1]
                rows.append(
                    {
                        "split": split,
                        "classifier": name,
                        "fold": fold,
                        "patches": len(held),
                        "patient_seen": round(float(shared), 4),
                        "auroc": round(float(roc_auc_score(is_adc[held], p)), 4),
                    }
                )
    return pd.DataFrame(rows)


def main(folder: Path) -> None:
    table = measure(*load(folder))
    with files.replacing(OUT) as temporary:
        temporary.write_text(CREDIT + table.to_csv(index=False), encoding="utf-8")
    print(table.groupby(["classifier", "split"])["auroc"].agg(["mean", "min", "max"]).round(3))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
