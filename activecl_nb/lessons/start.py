"""What a section of a lesson needs from before it, so that it can start alone.

A trained encoder, as lesson 02 would have left it, and a toy world of two features, in which a
strategy's choice can be seen.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from activecl_nb import files, imbalance, profiles, proxy, sampling, seeds, simclr
from activecl_nb.imbalance import Data
from activecl_nb.profiles import Profile
from activecl_nb.runs import fingerprint

# Part of the kept weights' names. Raise it when training changes and old weights should not be
# taken for new ones.
RECIPE = 1


def seen(profile: Profile, data: Data, seed: int = 0) -> np.ndarray:
    """The patches that ``trained_encoder`` has seen: int64 positions in ``data.train``, sorted.

    A random part of the pool, as many as a whole run of Algorithm 2 picks.
    """
    pool, _ = imbalance.split(data.train, profile.labelled, seed)
    count = min(len(pool), profile.rounds * profile.budget)
    return np.sort(seeds.numpy_generator(seed, "lesson").choice(pool, count, replace=False))


def epochs(profile: Profile) -> int:
    """So many make about the image-epochs of a whole run: its mean round trains on half of all."""
    return profile.epochs * (profile.rounds + 1) // 2


def trained_encoder(
    profile: Profile, data: Data, seed: int = 0, *, progress: bool = True
) -> nn.Module:
    """An encoder that SimCLR has trained on ``seen``, in eval mode on the processor.

    It gets about the image-epochs of a whole run of Algorithm 2. The first call trains it; its
    weights are then kept under ``files.cache_dir()/lessons``, and a later call, of any lesson,
    reads them. What lies there may be deleted at any time, and what is damaged is trained again.
    """
    encoder = simclr.build_encoder(profile.width, profile.stem, seed=seed)
    name = seeds.number(seed, RECIPE, repr(profile), repr(sorted(fingerprint(data).items())))
    stem = f"encoder-{profile.name}-{name:016x}"
    weights = _kept(stem)
    if weights is None:
        _train(encoder, profile, data, seed, progress)
        # Training may have laid them out for a device, and a file takes rows in order.
        weights = {k: v.cpu().contiguous() for k, v in encoder.state_dict().items()}
        _keep(stem, weights)
    encoder.load_state_dict(weights)
    return encoder.cpu().eval()


def _folder() -> Path:
    return files.cache_dir() / "lessons"


def _kept(stem: str) -> dict[str, Tensor] | None:
    """The weights of that name, if they are to the last bit what was kept."""
    from safetensors.torch import load

    for file in sorted(_folder().glob(f"{stem}-*.safetensors")):
        content = file.read_bytes()
        if file.stem == f"{stem}-{files.checksum(content)}":
            return load(content)
    return None


def _keep(stem: str, weights: dict[str, Tensor]) -> None:
    """In a file whose name ends in its checksum; a warning says where none can be written."""
    import filelock
    from safetensors.torch import save

    folder, content = _folder(), save(weights)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder.with_name("lessons.lock")):
            files.sweep(folder)
            files.write(folder / f"{stem}-{files.checksum(content)}.safetensors", content)
    except OSError as error:
        warnings.warn(
            f"{files.told(error)}; the encoder is trained again in the next process, unless "
            "ACTIVECL_HOME names a folder of your own",
            stacklevel=3,
        )


def features(
    profile: Profile, data: Data, seed: int = 0, *, progress: bool = True
) -> tuple[Tensor, Tensor]:
    """What ``trained_encoder`` makes of the training and of the test patches: float32 (n, d)."""
    encoder = trained_encoder(profile, data, seed, progress=progress)
    return simclr.encode(encoder, data.train.images), simclr.encode(encoder, data.test.images)


def _train(encoder: nn.Module, profile: Profile, data: Data, seed: int, progress: bool) -> None:
    from tqdm.auto import tqdm

    images = data.train.images[torch.from_numpy(seen(profile, data, seed))]
    head = simclr.build_head(simclr.feature_count(encoder), seed=seed)
    model = simclr.SimCLR(encoder, head).to(profiles.device())
    total = len(images) // profile.batch_size * profile.batch_size * epochs(profile)
    with tqdm(total=total, desc="SimCLR", unit="image", disable=not progress) as bar:
        simclr.train(
            model,
            images,
            epochs=epochs(profile),
            batch_size=profile.batch_size,
            learning_rate=profile.learning_rate,
            seed=seed,
            on_batch=bar.update,
        )


@dataclass(frozen=True)
class Toy:
    """Points with two features, and a proxy that saw a few labels.

    points: float32 (n, 2). kind: str (n,), "common", "rare", "outlier" or "duplicate".
    chosen: float32 (m, 2), what is in the training set already. proxy: fitted to 60 points of
    the same world that are not among ``points``.
    """

    points: Tensor
    kind: np.ndarray
    chosen: Tensor
    proxy: proxy.Proxy

    @property
    def rare(self) -> np.ndarray:
        """bool (n,)"""
        return self.kind == "rare"

    @property
    def logits(self) -> Tensor:
        """float32 (n,), what the proxy makes of the points."""
        return self.proxy.logits(self.points)

    def probability(self, points: np.ndarray) -> np.ndarray:
        """The proxy's probability of the rare class at any points (k, 2)."""
        return self.proxy.probabilities(torch.as_tensor(points, dtype=torch.float32)).numpy()


def toy_world(
    *,
    separation: float = 3.0,
    rare_share: float = 0.15,
    outliers: int = 0,
    duplicates: int = 0,
    size: int = 300,
    seed: int = 0,
) -> Toy:
    """A common class of two clouds, a rare class of one, and trouble on request.

    separation: how far the rare cloud lies from the common ones, in deviations of a cloud.
    rare_share: share of the rare class among the ``size`` ordinary points, 0 to 1.
    outliers: points far from everything, as pen marks and folds are.
    duplicates: near-copies of one point that lies half-way between the classes, as
        overlapping patches of one spot are.

    Each part of the world has its own draw: turning one dial leaves the rest as it was.
    """
    draw = seeds.numpy_generator(seed, "toy")
    # Drawn whatever the dials say, so that a dial moves points and does not reshuffle them.
    spread, which = draw.normal(size=(size + 68, 2)), draw.random(size + 68)
    centres = np.array([[-1.5, 1.2], [-0.8, -1.8]])[(which * 1000).astype(int) % 2]
    rare = which < rare_share
    rare[-3:] = True  # of the labels at least these, whatever the share
    centres[rare] = [-1.2 + separation, 0.0]
    ordinary = centres + spread
    angle = seeds.numpy_generator(seed, "toy outliers").random(outliers) * 2 * np.pi
    far = 8 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + [-0.5, 0.0]
    halfway = np.array([-1.2 + separation / 2, 0.3])
    copies = halfway + 0.04 * seeds.numpy_generator(seed, "toy copies").normal(size=(duplicates, 2))
    points = np.concatenate([ordinary[:size], far, copies])
    labelled = slice(size + 8, size + 68)
    fitted = proxy.fit(
        torch.from_numpy(ordinary[labelled]).float(),
        torch.from_numpy(rare[labelled]),
        epochs=60,
        learning_rate=0.1,
        standardise=True,
        seed=seed,
    )
    kind = np.where(rare[:size], "rare", "common").tolist()
    return Toy(
        torch.from_numpy(points).float(),
        np.array(kind + ["outlier"] * outliers + ["duplicate"] * duplicates),
        torch.from_numpy(ordinary[size : size + 8]).float(),
        fitted,
    )


def toy_picks(
    world: Toy,
    strategies: Sequence[str | sampling.Strategy] = ("random", "entropy", "kcenter", "certainty"),
    budget: int = 20,
    seed: int = 0,
) -> dict[str, Tensor]:
    """What each strategy picks in the toy world: name -> positions int64 (budget,)."""
    picks = {}
    for strategy in strategies:
        name, _ = sampling.named(strategy)
        draw = seeds.generator(seed, "toy", name)
        picks[name] = sampling.pick(
            strategy, world.points, world.logits, world.chosen, budget, draw
        )
    return picks
