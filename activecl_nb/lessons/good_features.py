"""Features that an encoder from elsewhere made, stored for lesson 08, and labels bought on them.

results/good_features holds them without any image; results/good_features.py makes them.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from activecl_nb import files, imbalance, proxy, seeds
from activecl_nb.tissue import Tissue

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    from activecl_nb.evidence.study import Stored
    from activecl_nb.sampling import Strategy

CREDIT = "credit.txt"
SOUGHT = {"ebhi": "ADC", "phantom": "TUM"}
HELD_OUT = 0.25  # of the patients
C = 3.0  # of the judge, whose features have a length of about 1
REAL_SHARE, REAL_LABELS = 0.14, 100  # of the grid "real" of results/study.toml


@dataclass(frozen=True)
class Features:
    """What is stored of a set: a row of features a patch, and what is known of the patch.

    values: float32 (N, d), the first principal components of the encoder's features, ``scaled``.
    labels: int64 array (N,), numbers in class_names. patient, file: text arrays (N,), file empty
        for drawn patches. part: int array (N,), 0 for training and 1 for testing patches; all 0
        for a set that is split by patient. sought: the class to find.
    """

    values: Tensor
    labels: np.ndarray
    class_names: tuple[str, ...]
    patient: np.ndarray
    file: np.ndarray
    part: np.ndarray
    sought: str

    @property
    def positive(self) -> np.ndarray:
        """bool (N,): which patches are of the class sought."""
        return self.labels == self.class_names.index(self.sought)

    def __repr__(self) -> str:
        n, d = self.values.shape
        return (
            f"{n:,} patches of {len(set(self.patient))} patients, {d} features each; "
            f"{self.positive.mean():.0%} are {self.sought}"
        )


def opened(name: str, *, folder: str | os.PathLike[str] | None = None) -> Features:
    """The stored features of "ebhi" (real tissue) or "phantom" (drawn tissue).

    FileNotFoundError, ValueError: they are not there or damaged; the message says what to do.
    """
    found = _manifest(folder).read(f"{name}.npz")
    with np.load(io.BytesIO(found), allow_pickle=False) as arrays:
        kept = {key: arrays[key] for key in arrays.files}
    count = len(kept["labels"])
    return Features(
        values=torch.from_numpy(scaled(kept["values"])),
        labels=kept["labels"].astype(np.int64),
        class_names=tuple(kept["classes"].tolist()),
        patient=kept["patient"].astype(str),
        file=kept.get("name", np.full(count, "")),
        part=kept["part"].astype(int),
        sought=SOUGHT[name],
    )


def credit(*, folder: str | os.PathLike[str] | None = None) -> str:
    """Where the real set's numbers come from, to be shown with them."""
    return _manifest(folder).read(CREDIT).decode("utf-8").rstrip()


def contrastive(*, folder: str | os.PathLike[str] | None = None) -> pd.DataFrame | None:
    """AUROC by epoch of SimCLR begun from those weights; None where nobody has made it."""
    import pandas as pd

    manifest = _manifest(folder)
    if "contrastive.csv" not in manifest:
        return None
    return pd.read_csv(io.BytesIO(manifest.read("contrastive.csv")))


def _manifest(folder: str | os.PathLike[str] | None) -> files.Manifest:
    place = Path(folder or files.of_the_kit("results") / "good_features")
    manifest = files.Manifest.of(place)
    if not manifest.sealed:
        raise FileNotFoundError(
            f"{place} holds no sealed features; get the folder results/ of the kit anew"
        )
    return manifest


# ---- judging -----------------------------------------------------------------------------
def by_patient(patient: np.ndarray, split: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions to fit on and positions held out: a quarter of the patients, another each split."""
    everyone = np.unique(patient)
    draw = seeds.numpy_generator(split, "patients held out")
    out = draw.choice(everyone, round(HELD_OUT * len(everyone)), replace=False)
    held = np.isin(patient, out)
    return np.flatnonzero(~held), np.flatnonzero(held)


def judge(values: Tensor | np.ndarray, positive: np.ndarray) -> LogisticRegression:
    """Logistic regression with L2, fitted to the end; values (n, d), see ``scaled``.

    Always of one strength: it stands in a loop that fits it hundreds of times. ``proxy.probe``
    chooses the strength as well, and takes thirty-five times as long.
    """
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=C, max_iter=1_000).fit(np.asarray(values), positive)


def scaled(values: np.ndarray) -> np.ndarray:
    """Divided by their mean length, so that one strength of the judge suits every encoder.

    All columns alike: a principal component of little spread is little, and stays so. With each
    brought to the same spread, the last ones' noise would drown what a few labels say.
    """
    values = np.asarray(values, dtype=np.float32)
    return values / np.linalg.norm(values, axis=1).mean()


def evened(found: Features, components: int = 64) -> Features:
    """The same set with its first components each brought to the same spread: a harder world.

    What hardly varies is then as loud as what varies most, for the judge and for every distance.
    """
    first = found.values[:, :components]
    even = scaled((first / first.std(dim=0)).numpy())
    return replace(found, values=torch.from_numpy(even))


def auroc(
    values: Tensor | np.ndarray, positive: np.ndarray, fit: np.ndarray, held: np.ndarray
) -> float:
    """AUROC on the positions ``held`` of the judge that was fitted on the positions ``fit``."""
    from sklearn.metrics import roc_auc_score

    even = scaled(np.asarray(values))
    model = judge(even[fit], positive[fit])
    return float(roc_auc_score(positive[held], model.decision_function(even[held])))


# ---- buying labels -----------------------------------------------------------------------
def told(values: Tensor, positive: np.ndarray, bought: np.ndarray) -> np.ndarray:
    """Logits (N,) of all patches by a judge of these labels; 0 while these are of one class."""
    if len(np.unique(positive[bought])) < 2:
        return np.zeros(len(values), dtype=np.float32)
    model = judge(values[bought], positive[bought])
    return model.decision_function(np.asarray(values)).astype(np.float32)


def buy(
    strategy: str | Strategy,
    found: Features,
    fit: np.ndarray,
    held: np.ndarray,
    *,
    budget: int = 20,
    most: int = 160,
    seed: int = 0,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Buy ``budget`` labels at a time, up to ``most``, and judge on ``held`` after each purchase.

    The first are drawn at random, the same for all strategies. Returns a table with the columns
    labels and auroc, and the positions bought, in order.
    """
    import pandas as pd
    from sklearn.metrics import roc_auc_score

    from activecl_nb import sampling

    bought = seeds.numpy_generator(seed, "first labels").choice(fit, budget, replace=False)
    rows = []
    while True:
        logits = told(found.values, found.positive, bought)
        score = roc_auc_score(found.positive[held], logits[held])
        rows.append({"labels": len(bought), "auroc": float(score)})
        if len(bought) + budget > most:
            return pd.DataFrame(rows), bought
        left = np.setdiff1d(fit, bought)
        picks = sampling.pick(
            strategy,
            found.values[left],
            torch.from_numpy(logits[left]),
            found.values[bought],
            budget,
            seeds.generator(seed, "which labels", len(bought)),
        )
        bought = np.concatenate([bought, left[picks.numpy()]])


def race(
    strategies: Mapping[str, str | Strategy],
    found: Features,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    **sizes: int,
) -> pd.DataFrame:
    """``buy`` for each of these strategies on each split, as a table that ``analysis`` takes.

    parts: (fit, held) of each split; its number is the seed. sizes: as ``buy`` takes them.
    Columns: strategy, seed, tissue, test_to_train, round, labels, auroc. Splits share most of
    their patients, so each counts as a fold, whose intervals ``analysis`` widens for that.
    """
    import pandas as pd
    from tqdm.auto import tqdm

    jobs = [(name, split) for split in range(len(parts)) for name in strategies]
    tables = []
    for name, split in tqdm(jobs, desc="buy labels", unit="run"):
        fit, held = parts[split]
        table, _ = buy(strategies[name], found, fit, held, seed=split, **sizes)
        tables.append(
            table.assign(
                strategy=name,
                seed=split,
                tissue=f"fold {split}",
                test_to_train=len(held) / len(fit),
                round=range(len(table)),
            )
        )
    return pd.concat(tables, ignore_index=True)


# ---- beside the stored study -------------------------------------------------------------
def like_the_study(found: Features, fold: int, seed: int) -> dict[str, np.ndarray]:
    """Positions of the labelled, the training and the test patches of a run of the grid "real".

    The same as that grid's runs of this fold and seed have: a fifth of the patients for testing,
    adenocarcinoma thinned to 14% by whole patients, and 100 labels.
    """
    tissue = Tissue(
        torch.zeros(len(found.labels), 3, 1, 1, dtype=torch.uint8),  # nobody looks at them here
        torch.from_numpy(found.labels),
        found.class_names,
        "stored features",
        {"patient": found.patient, "row": np.arange(len(found.labels))},
    )
    train, test = (tissue.take(p) for p in imbalance.fold_by_patient(tissue, fold, 5, found.sought))
    train = imbalance.dial(train, REAL_SHARE, positive=found.sought, by="patient")
    _, labelled = imbalance.split(train, REAL_LABELS, seed)
    rows = train.facts["row"]
    return {"labelled": rows[labelled], "train": rows, "test": test.facts["row"]}


GRID, FINER = "real", "real, 64 pixels"
TRAINED = {"benchmark": "SimCLR on every patch", "random": "SimCLR on random picks"}
AT_64 = "SimCLR on every patch, 64 pixels"


def beside_the_study(found: Features, stored: Stored | None = None) -> pd.DataFrame | None:
    """The frozen encoder beside encoders that were trained from scratch, on the same patients.

    stored: a study; the kit's own when not given. A row for each fold, seed and kind of features,
    all judged by ``proxy.probe`` with the same 100 labels: columns features, fold, seed, auroc,
    average_precision. Training on every patch at 64 pixels stands there too, for the seeds that
    it was run with. None where the study holds no run of the grid "real" that has a probe.
    """
    import pandas as pd

    from activecl_nb.evidence import study

    try:
        stored = stored or study.open_stored(files.of_the_kit("results") / "study")
    except FileNotFoundError:
        return None
    runs, finer = _ends(stored, GRID), _ends(stored, FINER)
    if runs.empty:
        return None
    every = finer[finer["strategy"] == "benchmark"]
    rows = [
        (AT_64, run.tissue, run.seed, run.probe_auroc, run.probe_average_precision)
        for run in every.itertuples()
    ]
    for (tissue, seed), of_both in runs.groupby(["tissue", "seed"]):
        rows.append(("frozen encoder", tissue, seed, *_frozen(found, tissue, int(seed))))
        rows += [
            (TRAINED[run.strategy], tissue, seed, run.probe_auroc, run.probe_average_precision)
            for run in of_both.itertuples()
            if run.strategy in TRAINED
        ]
        floors = stored.floors[stored.floors["run"].isin(of_both["run"])]
        means = floors.groupby("floor")[["auroc", "average_precision"]].mean()
        rows += [(name.replace("_", " "), tissue, seed, *two) for name, *two in means.itertuples()]
    order = ["frozen encoder", AT_64, *TRAINED.values(), "untrained", "colour moments"]
    table = pd.DataFrame(rows, columns=["features", "fold", "seed", "auroc", "average_precision"])
    return table.sort_values("features", key=lambda names: names.map(order.index), kind="stable")


def _ends(stored: Stored, grid: str) -> pd.DataFrame:
    """The last round of each of the grid's runs that has a probe; empty where there is none."""
    rounds = stored.rounds[stored.rounds["grid"] == grid]
    if "probe_auroc" not in rounds:
        return rounds.iloc[:0]
    ends = rounds.sort_values("round").groupby(["strategy", "tissue", "seed"]).last().reset_index()
    return ends[ends["probe_auroc"].notna()]


def _frozen(found: Features, tissue: str, seed: int) -> tuple[float, float]:
    """AUROC and average precision of the encoder from elsewhere on these patients."""
    at = like_the_study(found, int(tissue.split()[-1]), seed)
    labelled, test = at["labelled"], at["test"]
    values = _turned(found.values)
    groups = found.patient[labelled]
    fitted, _ = proxy.probe(values[labelled], found.positive[labelled], groups=groups, seed=seed)
    scores = proxy.scores(found.positive[test], fitted.logits(values[test]))
    return scores["auroc"], scores["average_precision"]


def _turned(values: Tensor) -> Tensor:
    """Turned at random in their space, which leaves all distances as they are.

    The probe gives every column the same spread. Principal components it would spoil by that, the
    last of which are noise; after a turn every column holds a little of each, as an encoder's do.
    """
    draw = seeds.generator(0, "turn")
    turn, _ = torch.linalg.qr(torch.randn(values.shape[1], values.shape[1], generator=draw))
    return values @ turn
