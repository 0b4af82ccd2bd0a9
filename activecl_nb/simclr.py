"""SimCLR: an encoder that learns from pairs of views, without labels.

Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations" (2020), as
the paper uses it (section II-A). Two views of the same patch should land close together, views
of different patches far apart; the projection head takes the blow, the encoder is kept.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from activecl_nb import augment, seeds
from activecl_nb.fast import distributed, fused, imports, loader, steps

if TYPE_CHECKING:  # training needs torch and NumPy alone
    from activecl_nb.profiles import Profile

# What stands before the first residual stage: side and stride of a convolution, and whether a
# pooling follows. The paper's ResNet18 shrinks a patch fourfold there, which a 32-pixel patch
# does not survive; the others are for small patches.
STEMS = {"imagenet": (7, 2, True), "half": (3, 2, False), "full": (3, 1, False)}


def build_encoder(width: int = 64, stem: str = "imagenet", *, seed: int = 0) -> nn.Sequential:
    """The encoder f: a ResNet18 (He et al. 2016) without its classifier.

    (N, 3, H, W) float32 -> features (N, 8 x width) float32. With the defaults it is
    torchvision's resnet18; a smaller ``width`` keeps its blocks and narrows them.
    """
    if stem not in STEMS:
        raise ValueError(f"no stem is called {stem!r}; choose one of {', '.join(STEMS)}")
    side, stride, pooled = STEMS[stem]
    with _seeded(seed, "encoder"):
        encoder = nn.Sequential(
            nn.Conv2d(3, width, side, stride, padding=side // 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            *([nn.MaxPool2d(3, stride=2, padding=1)] if pooled else []),
            _stage(width, width, stride=1),
            _stage(width, 2 * width, stride=2),
            _stage(2 * width, 4 * width, stride=2),
            _stage(4 * width, 8 * width, stride=2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        for layer in encoder.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return encoder


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Two residual blocks; the first one shrinks the image by ``stride``."""
    return nn.Sequential(Block(inputs, outputs, stride), Block(outputs, outputs))


class Block(nn.Module):
    """A residual block (He et al. 2016): two convolutions learn what to add to their input.

    The same layers, names and results as torchvision's BasicBlock. They stand here since
    importing torchvision takes as long as importing torch.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:  # the input has to fit what is added to it
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        added = F.relu(self.bn1(self.conv1(x)), inplace=True)
        added = self.bn2(self.conv2(added))
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(added + shortcut, inplace=True)


@contextlib.contextmanager
def _seeded(seed: int, purpose: str) -> Iterator[None]:
    """Layers draw first weights from torch's global state: lend it a seed, then restore it."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seeds.number(seed, purpose))
        yield


def build_head(features: int, units: int = 128, kind: str = "paper", *, seed: int = 0) -> nn.Module:
    """The projection head g: features (N, features) -> projections (N, units), float32.

    "paper" is the paper's three fully connected layers (section III-B), with ReLU between them,
    on which the paper is silent. "simclr" is the two layers with batch norm of the released code.
    """
    heads = {
        "paper": lambda: [
            nn.Linear(features, units),
            nn.ReLU(inplace=True),
            nn.Linear(units, units),
            nn.ReLU(inplace=True),
            nn.Linear(units, units),
        ],
        "simclr": lambda: [
            nn.Linear(features, features, bias=False),
            nn.BatchNorm1d(features),
            nn.ReLU(inplace=True),
            nn.Linear(features, units, bias=False),
            nn.BatchNorm1d(units),
        ],
    }
    if kind not in heads:
        raise ValueError(f"no projection head is called {kind!r}; choose one of {', '.join(heads)}")
    with _seeded(seed, "head"):
        return nn.Sequential(*heads[kind]())


class SimCLR(nn.Module):
    """g after f: images (N, 3, H, W) -> projections (N, units)."""

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.encoder(images))


def build(profile: Profile, *, head: str = "paper", seed: int = 0) -> SimCLR:
    """The encoder at a profile's width and stem, and a projection head on it; new weights."""
    encoder = build_encoder(profile.width, profile.stem, seed=seed)
    return SimCLR(encoder, build_head(feature_count(encoder), kind=head, seed=seed))


def nt_xent(z_i: Tensor, z_j: Tensor, temperature: float = 0.1) -> Tensor:
    """The contrastive loss L of section II-A, averaged over all 2N views.

    z_i, z_j: projections (N, d) of the first and the second view of the same N patches; not
    normalised, since cosine similarity does that here. Returns a scalar.

    Each view asks: which of the other 2N - 1 is my partner? That is a classification, so the
    loss is a cross-entropy whose logits are the similarities divided by the temperature.
    """
    n = len(z_i)
    z = torch.cat([z_i, z_j])
    z = z.to(torch.promote_types(z.dtype, torch.float32))  # halves cannot hold what follows
    z = F.normalize(z, dim=1)  # (2N, d), on the unit sphere
    similarity = z @ z.T / temperature  # (2N, 2N)
    similarity.fill_diagonal_(-torch.inf)  # no view is its own partner
    partner = torch.arange(2 * n, device=z.device).roll(n)  # i -> i + N, and back
    return F.cross_entropy(similarity, partner)


def chance(batch_size: int) -> float:
    """NT-Xent where all 2N - 1 others are as likely a partner: log(2N - 1), N patches a batch."""
    return math.log(2 * batch_size - 1)


@dataclass(frozen=True)
class Recipe:
    """How an encoder is trained; the defaults are the paper's (section III-B).

    epochs: of the whole training, over which the schedule runs.
    batch_size: images in a batch. Several ranks share each batch, see ``distributed``: the draws
        and the loss are those of the whole batch, whatever their number.
    learning_rate, schedule: "constant" (the paper names one rate) or "cosine", which goes from the
        rate to a tenth of it.
    temperature: tau of NT-Xent.
    family: the augmentations T.
    """

    epochs: int = 100
    batch_size: int = 128
    learning_rate: float = 1e-4
    schedule: str = "constant"
    temperature: float = 0.1
    family: augment.Family = field(default_factory=augment.Family)

    def __post_init__(self) -> None:
        if self.schedule not in ("constant", "cosine"):
            raise ValueError(f"no schedule is called {self.schedule!r}; choose constant or cosine")

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0."""
        if self.schedule == "constant":
            return self.learning_rate
        falling = (1 + math.cos(math.pi * (epoch / self.epochs))) / 2  # from 1 to 0
        return self.learning_rate * (0.1 + (1 - 0.1) * falling)


def train(
    model: SimCLR,
    images: Tensor,
    positions: Tensor | None = None,
    recipe: Recipe | None = None,
    *,
    part: range | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    seed: int = 0,
    round: int = 0,
    on_batch: Callable[[int], None] = lambda images: None,
    **choices: Any,
) -> Tensor:
    """Train in place; return the mean loss of each epoch, float32 (epochs,).

    images: uint8 (N, 3, H, W) on any device; batches go to the model's, see ``loader``.
    positions: int64 (n,), which of the images to train on; all when not given.
    recipe: the paper's when not given. choices: fields of it to change, as ``epochs=10``.
    part: which epochs of the recipe to train now; all when not given. Training range(0, 10) and
        then range(10, 20) with the same optimiser equals training all 20 at once.
    optimizer: Adam with the paper's betas, made afresh unless one is carried over.
    seed, round: name the random draws, see ``seeds``.
    on_batch: called after each batch with its number of images.

    ValueError: fewer images than one batch, a batch that the ranks cannot share, or an unknown
    schedule.
    """
    augment.check(images)
    recipe = replace(recipe or Recipe(), **choices)
    optimizer = optimizer or adam(model, recipe.learning_rate)
    device = next(model.parameters()).device
    batches = loader.Batches(images, positions, recipe.batch_size, device)
    project, means = fused.forward(model, images, device), []
    with steps.stepping(model, optimizer) as step:
        for epoch in range(recipe.epochs) if part is None else part:
            if recipe.schedule != "constant":
                for group in optimizer.param_groups:
                    group["lr"] = recipe.rate(epoch)
            draw, losses = seeds.generator(seed, "views", round, epoch), []
            with batches.epoch(seeds.generator(seed, "order", round, epoch)) as epoch_batches:
                for patches in epoch_batches:
                    x_i, x_j = _views(patches, draw, recipe, batches.share)
                    losses.append(step(contrast(project, x_i, x_j, recipe.temperature)))
                    on_batch(recipe.batch_size)
            means.append(torch.stack(losses).mean())  # one look at the device an epoch
    return torch.stack(means).cpu() if means else torch.empty(0)


def _views(
    patches: Tensor, draw: torch.Generator, recipe: Recipe, share: slice
) -> tuple[Tensor, Tensor]:
    """``augment.views`` of this rank's share of a batch, with its part of the whole batch's draws.

    With one rank that is ``augment.views(patches, draw, recipe.family)``.
    """

    def view() -> Tensor:
        height, width = patches.shape[2:]
        whole = augment.draw(recipe.batch_size, height, width, draw, recipe.family)
        parts = {f.name: getattr(whole, f.name) for f in fields(whole) if f.name != "order"}
        return augment.apply(patches, replace(whole, **{k: v[share] for k, v in parts.items()}))

    return view(), view()


def contrast(
    model: Callable[[Tensor], Tensor],
    x_i: Tensor,
    x_j: Tensor,
    temperature: float = 0.1,
    *,
    half: bool | None = None,
) -> Tensor:
    """NT-Xent of two views of a batch, float32 (N, 3, H, W) each; a scalar on their device.

    half: whether the layers run in bfloat16; by default on the GPUs that have it, and not on a
        processor, which only imitates it. The loss is float32 even then.

    On several ranks each passes its slice of the batch, and every one gets the loss of the whole.
    """
    if half is None:
        on_gpu = x_i.device.type == "cuda"
        half = on_gpu and torch.cuda.is_bf16_supported(including_emulation=False)
    with torch.autocast(x_i.device.type, torch.bfloat16, enabled=half):
        # Both views in one batch: half the calls, and batch norm sees them as one population.
        z = model(torch.cat([x_i, x_j]))
    z_i, z_j = z.to(torch.promote_types(z.dtype, torch.float32)).chunk(2)
    return nt_xent(distributed.gather(z_i), distributed.gather(z_j), temperature)


def adam(model: nn.Module, learning_rate: float) -> torch.optim.Adam:
    """Adam with the betas of section III-B, as one fused kernel where torch has it."""
    parameters = list(model.parameters())
    fused = parameters[0].device.type in ("cpu", "cuda")
    imports.whole("torch._dynamo")
    return torch.optim.Adam(parameters, lr=learning_rate, betas=(0.9, 0.999), fused=fused)


@torch.inference_mode()
def encode(encoder: nn.Module, images: Tensor, batch_size: int = 512) -> Tensor:
    """Features of un-augmented patches: uint8 (N, 3, H, W) -> float32 (N, d) on the processor.

    The encoder is put in eval mode for this (batch norm uses what it learned, so that a patch's
    features do not depend on its neighbours in the batch) and back in the mode it was in.
    """
    device = next(encoder.parameters()).device
    was_training = encoder.training
    encoder.eval()
    try:
        features = [
            encoder(augment.normalise(patches.to(device))).float().cpu()
            for patches in images.split(batch_size)
        ]
    finally:
        encoder.train(was_training)
    return torch.cat(features) if features else torch.empty(0, feature_count(encoder))


def feature_count(encoder: nn.Module) -> int:
    """d, the number of features: the channels of the last convolution."""
    return [m for m in encoder.modules() if isinstance(m, nn.Conv2d)][-1].out_channels
