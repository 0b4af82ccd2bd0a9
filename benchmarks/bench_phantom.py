"""How close the phantom comes to real tissue, and how fast it is drawn.

    python benchmarks/bench_phantom.py [colours forest stain supervised transfer speed]

Prints one line for each target with what was measured. ``transfer`` needs the small real sample,
a folder named by ACTIVECL_REAL_SAMPLE that holds pathmnist_mini.npz; without it the line says so.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from activecl_nb import augment, simclr
from activecl_nb.sources import phantom
from activecl_nb.tissue import CLASS_NAMES

TUM = CLASS_NAMES.index("TUM")
USUAL = phantom.Dials()

# Mean red, green and blue of each class in the first 1,000 training images of PathMNIST.
REAL_COLOURS = {
    "ADI": (213, 191, 214),
    "BACK": (153, 106, 153),
    "DEB": (195, 129, 179),
    "LYM": (177, 127, 170),
    "MUC": (196, 153, 192),
    "MUS": (201, 134, 186),
    "NORM": (187, 135, 178),
    "STR": (197, 132, 181),
    "TUM": (183, 125, 171),
}
# Deviation of the mean green of a patch between the patches of a class, from the same images.
REAL_SPREAD = dict(
    zip(CLASS_NAMES, (10.7, 57.2, 21.9, 11.5, 19.1, 25.1, 21.5, 15.3, 16.6), strict=True)
)


def patches(
    split: str, count: int, size: int, seed: int = 0, dials: phantom.Dials = USUAL
) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (count, 3, size, size) and labels of patches 0 .. count - 1."""
    images = phantom.draw(range(count), size, split=split, seed=seed, dials=dials)
    return images, phantom.facts(range(count), split=split, seed=seed, dials=dials)["label"]


def f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    """F1 of TUM against the rest."""
    hits = np.sum((truth == TUM) & (predicted == TUM))
    return float(2 * hits / max(1, np.sum(truth == TUM) + np.sum(predicted == TUM)))


# --- colour ----------------------------------------------------------------------------------


def colours(count: int = 1500, size: int = 28) -> dict[str, tuple[np.ndarray, float]]:
    """Mean colour of each class, and the deviation of mean green between its patches."""
    images, labels = patches("train", count, size)
    means = images.mean(axis=(2, 3))
    return {
        name: (means[labels == k].mean(axis=0), float(means[labels == k, 1].std()))
        for k, name in enumerate(CLASS_NAMES)
    }


def histograms(images: np.ndarray, bins: int = 16) -> np.ndarray:
    """Each patch as its histograms of red, green and blue: colour and nothing else."""
    rows = [
        [np.histogram(channel, bins, range=(0, 256))[0] for channel in image] for image in images
    ]
    return np.reshape(rows, (len(images), -1)) / images[0, 0].size


def colour_forest(seed: int = 0) -> dict[str, float]:
    """A random forest on colour histograms, 700 patches to train it, of 28 pixels."""
    from sklearn.ensemble import RandomForestClassifier

    images, labels = patches("train", 1000, 28, seed)
    far_images, far_labels = patches("test", 1000, 28, seed)
    features = histograms(images)
    forest = RandomForestClassifier(300, random_state=seed).fit(features[:700], labels[:700])
    far = forest.predict(histograms(far_images))
    return {
        "accuracy": float(np.mean(forest.predict(features[700:]) == labels[700:])),
        "test centre accuracy": float(np.mean(far == far_labels)),
        "test centre F1 of TUM": f1(far_labels, far),
    }


def moments(images: np.ndarray) -> np.ndarray:
    """Mean and deviation of red, green and blue of each patch, float32 (n, 6)."""
    flat = images.reshape(len(images), 3, -1).astype(np.float32)
    return np.concatenate([flat.mean(2), flat.std(2)], axis=1)


def probe_auroc(
    features: np.ndarray, targets: np.ndarray, far: np.ndarray, far_targets: np.ndarray, labels: int
) -> float:
    """AUROC on other patients of a logistic regression (L2, C by cross-validation) fitted on
    ``labels`` of the training patches, mean over four draws of them."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=3000))
    strengths = {"logisticregression__C": np.logspace(-4, 2, 7)}
    probe = GridSearchCV(classifier, strengths, scoring="roc_auc")
    scores = []
    for draw in range(4):
        chosen = np.random.default_rng(draw).permutation(len(features))[:labels]
        probe.fit(features[chosen], targets[chosen])
        scores.append(roc_auc_score(far_targets, probe.decision_function(far)))
    return float(np.mean(scores))


def stain_colours(variation: float, seed: int = 0, count: int = 1500) -> dict[str, float]:
    """What colour moments tell where stain varies so: TUM against the rest on other patients,
    by the probe (150 and 500 labels); by a forest, half of the training patches scored by the
    other half, which either shares its patients or does not; and which patient a patch is of.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score

    dials = phantom.Dials(stain_variation=variation)
    (images, labels), (far_images, far_labels) = (
        patches(split, count, 32, seed, dials) for split in ("train", "test")
    )
    near, far, targets = moments(images), moments(far_images), labels == TUM
    patient = phantom.facts(range(count), seed=seed, dials=dials)["patient"]

    def forest(wanted: np.ndarray, fitted_on: np.ndarray) -> np.ndarray:
        trees = RandomForestClassifier(200, min_samples_leaf=2, random_state=seed)
        trees.fit(near[fitted_on], wanted[fitted_on])
        if wanted is patient:
            return trees.predict(near[~fitted_on]) == wanted[~fitted_on]
        return roc_auc_score(targets[~fitted_on], trees.predict_proba(near[~fitted_on])[:, 1])

    mixed, apart = np.random.default_rng(seed).random(count) < 0.5, patient % 2 == 0
    return {
        "150 labels": probe_auroc(near, targets, far, far_labels == TUM, 150),
        "500 labels": probe_auroc(near, targets, far, far_labels == TUM, 500),
        "same patients": float(forest(targets, mixed)),
        "others": float(np.mean([forest(targets, apart), forest(targets, ~apart)])),
        "patient told": float(np.mean(forest(patient, mixed))),
    }


def stain_features(variation: float, seed: int = 0, epochs: int = 25) -> dict[str, float]:
    """The same probe (300 labels) on colour moments, on an untrained encoder of width 16, and
    on that encoder after SimCLR on 2,000 patches of 32 pixels."""
    dials = phantom.Dials(stain_variation=variation)
    (images, labels), (far_images, far_labels) = (
        patches(split, 2000, 32, seed, dials) for split in ("train", "test")
    )
    near, far = torch.from_numpy(images), torch.from_numpy(far_images)

    def score(a: np.ndarray, b: np.ndarray) -> float:
        return probe_auroc(a, labels == TUM, b, far_labels == TUM, 300)

    def encoded() -> float:
        return score(*(simclr.encode(encoder, part).numpy() for part in (near, far)))

    encoder = simclr.build_encoder(16, "imagenet", seed=seed)
    result = {"colour": score(moments(images), moments(far_images)), "untrained": encoded()}
    model = simclr.SimCLR(encoder, simclr.build_head(128, 128, "paper", seed=seed))
    simclr.train(
        model,
        near,
        epochs=epochs,
        batch_size=64,
        learning_rate=1e-3,
        schedule="cosine",
        seed=seed,
    )
    return result | {"SimCLR": encoded()}


# --- shape -----------------------------------------------------------------------------------


def small_network(width: int = 16) -> nn.Sequential:
    """Four convolutions and a linear layer: a small supervised network for small patches."""
    layers: list[nn.Module] = []
    before = 3
    for after in (width, 2 * width, 4 * width, 4 * width):
        layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)]
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
        before = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 9))


def supervised(
    train: int = 8000, test: int = 2000, size: int = 32, epochs: int = 10, seed: int = 0
) -> dict[str, float]:
    """Train ``small_network`` on the training centre, score it on the test centre."""
    images, labels = patches("train", train, size, seed)
    far_images, far_labels = patches("test", test, size, seed)
    x, y, far = (torch.from_numpy(a) for a in (images, labels, far_images))
    random = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        net = small_network()
    batch, steps = 64, train // 64
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * steps)
    for _ in range(epochs):
        for chosen in torch.randperm(train, generator=random)[: steps * batch].split(batch):
            views = x[chosen].float() / 127.5 - 1
            if torch.rand(1, generator=random) < 0.5:
                views = views.flip(3)
            if torch.rand(1, generator=random) < 0.5:
                views = views.transpose(2, 3)
            # Stain is no evidence: each channel of each patch is stretched and shifted.
            stretch = 1 + 0.25 * torch.randn(batch, 3, 1, 1, generator=random)
            views = views * stretch + 0.2 * torch.randn(batch, 3, 1, 1, generator=random)
            loss = nn.functional.cross_entropy(net(views), y[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    net.eval()
    with torch.inference_mode():
        scores = torch.cat([net(part.float() / 127.5 - 1) for part in far.split(256)])
    predicted = scores.argmax(1).numpy()
    return {
        "test centre accuracy": float(np.mean(predicted == far_labels)),
        "test centre F1 of TUM": f1(far_labels, predicted),
    }


# --- transfer --------------------------------------------------------------------------------


def real_sample(folder: str | os.PathLike[str]) -> dict[str, tuple[torch.Tensor, np.ndarray]]:
    """The 600 training and 300 test patches of pathmnist_mini.npz, as uint8 (n, 3, 28, 28)."""
    with np.load(Path(folder) / "pathmnist_mini.npz", allow_pickle=False) as file:
        return {
            part: (
                torch.from_numpy(file[f"{part}_images"].transpose(0, 3, 1, 2).copy()),
                file[f"{part}_labels"].ravel(),
            )
            for part in ("train", "test")
        }


def linear_probe(encoder: nn.Module, real: dict) -> float:
    """Accuracy over nine classes of a linear layer on frozen features of the real sample."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = {part: simclr.encode(encoder, images).numpy() for part, (images, _) in real.items()}
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=3000))
    probe.fit(features["train"], real["train"][1])
    return float(probe.score(features["test"], real["test"][1]))


# Six hundred patches are few, and a minute is short: milder views, a higher rate and a warmer
# temperature than the paper's learn faster here. All encoders get the same.
MILD = augment.Family(
    crop_scale=(0.3, 1.0), brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, blur=0.2
)


def transfer(
    folder: str | os.PathLike[str],
    epochs: int = 60,
    width: int = 16,
    seed: int = 0,
    on: tuple[str, ...] = ("random", "phantom", "real"),
) -> dict[str, float]:
    """The same probe on a random encoder, on one trained by SimCLR on 600 phantom patches, and
    on one trained by SimCLR on the real sample's own 600."""
    real = real_sample(folder)
    own = real["train"][0]
    drawn = torch.from_numpy(phantom.draw(range(len(own)), 28, seed=seed))
    result = {}
    for name, images in (("random", None), ("phantom", drawn), ("real", own)):
        if name not in on:
            continue
        encoder = simclr.build_encoder(width, "half", seed=seed)
        if images is not None:
            model = simclr.SimCLR(encoder, simclr.build_head(8 * width, 128, "simclr", seed=seed))
            simclr.train(
                model,
                images,
                epochs=epochs,
                batch_size=60,
                learning_rate=3e-3,
                temperature=0.5,
                family=MILD,
                schedule="cosine",
                seed=seed,
            )
        result[name] = linear_probe(encoder, real)
    return result


# --- speed -----------------------------------------------------------------------------------


def speed() -> dict[int, tuple[float, float]]:
    """Patches a second by size: by the clock, and as many as two free cores would draw (twice
    what one core's time buys), since a busy machine slows only the first."""
    phantom.draw([0], 32)  # compiles
    result = {}
    for size, count in ((32, 2000), (64, 1000), (128, 300), (224, 100)):
        wall, cpu = time.perf_counter(), time.process_time()
        phantom.draw(range(count), size)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        result[size] = (count / wall, 2 * count / cpu)
    return result


# --- the table -------------------------------------------------------------------------------


def line(target: str, bound: str, measured: str, met: bool | None = None) -> None:
    verdict = {True: "met", False: "MISSED", None: ""}[met]
    print(f"{target:52} {bound:16} {measured:34} {verdict}", flush=True)


def main(wanted: list[str]) -> None:
    if "speed" in wanted:
        rates = speed()
        for size, (clock, cores) in rates.items():
            bound, met = ("", None)
            if size == 32:
                bound, met = ">= 1,000 / s", clock >= 1000
            if size == 64:
                bound, met = ">= 200 / s", clock >= 200  # 12,000 within a minute
            measured = f"{clock:,.0f} / s (2 free cores: {cores:,.0f})"
            line(f"patches of {size} pixels", bound, measured, met)
    if "colours" in wanted:
        for name, (mean, spread) in colours().items():
            off = np.abs(mean - REAL_COLOURS[name]).max()
            shown = " ".join(f"{c:.0f}" for c in mean)
            line(f"mean colour of {name}", "off by <= 20", f"{shown} (off {off:.0f})", off <= 20)
            line("  spread of green", "", f"{spread:.1f}, real {REAL_SPREAD[name]:.1f}")
    if "forest" in wanted:
        for seed in (0, 1, 2):
            forest = colour_forest(seed)
            value = forest["accuracy"]
            line(
                f"colour forest, seed {seed}", "0.58 to 0.78", f"{value:.3f}", 0.58 <= value <= 0.78
            )
            value = forest["test centre F1 of TUM"]
            line("  its F1 of TUM, test centre", "<= 0.65", f"{value:.3f}", value <= 0.65)
    if "stain" in wanted:
        for variation in (0.0, 1.0):
            runs = [stain_colours(variation, seed) for seed in (0, 1, 2)]
            for name in runs[0]:
                value = np.mean([run[name] for run in runs])
                line(f"colour at stain_variation {variation:g}: {name}", "", f"{value:.3f}")
            for name, value in stain_features(variation).items():
                line(f"AUROC of TUM at stain_variation {variation:g}: {name}", "", f"{value:.3f}")
    if "supervised" in wanted:
        value = supervised()["test centre F1 of TUM"]
        line("small network, F1 of TUM, test centre", ">= 0.90", f"{value:.3f}", value >= 0.9)
    if "transfer" in wanted:
        folder = os.environ.get("ACTIVECL_REAL_SAMPLE")
        if not folder:
            line("transfer to the real sample", "", "not run: ACTIVECL_REAL_SAMPLE is not set")
            return
        runs = [transfer(folder, seed=seed) for seed in (0, 1)]
        got = {name: np.mean([run[name] for run in runs]) for name in runs[0]}
        gain, gap = got["phantom"] - got["random"], got["real"] - got["phantom"]
        shown = f"{got['phantom']:.3f} against {got['random']:.3f}"
        line("SimCLR on the phantom over random encoder", "gain >= 0.08", shown, gain >= 0.08)
        shown = f"{got['phantom']:.3f} against {got['real']:.3f}"
        line("SimCLR on the phantom under SimCLR on real", "gap <= 0.05", shown, gap <= 0.05)


if __name__ == "__main__":
    main(sys.argv[1:] or ["speed", "colours", "forest", "stain", "supervised", "transfer"])
