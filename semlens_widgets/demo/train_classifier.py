"""Training of the demo's classifiers, in the two stages real models are made in.

Plain binary training on the diagnosis would encode the strongest shortcut and nothing else. So a network first
learns to see (which factors are in the picture, all independent), then is fine-tuned on the diagnosis.
Asymmetry is left out of the first stage on purpose: a factor that the network should not encode, as a control.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semlens_widgets.demo.factors import NAMES, SPLITS, Probabilities
from semlens_widgets.demo.network import WIDTHS, Classifier, normalise
from semlens_widgets.demo.world import Pictures, render
from semlens_widgets.writing import replacing

UNTAUGHT = ("asymmetry",)
"""Factors the first stage is not taught."""


@dataclass(frozen=True)
class Pretraining:
    """The first stage: see the factors. The sparse head takes over for the last ``sparse`` epochs."""

    images: int = 12_000
    epochs: int = 14
    sparse: int = 4
    batch: int = 128
    rate: float = 3e-3
    overlap: float = 2e-3
    seed: int = 300


@dataclass(frozen=True)
class FineTuning:
    """The second stage: the diagnosis, on data drawn with ``probabilities``."""

    probabilities: Probabilities
    images: int = 12_000
    epochs: int = 4
    batch: int = 128
    body_rate: float = 1e-4
    head_rate: float = 5e-3
    seed: int = 100


def augmented(images: np.ndarray) -> Tensor:
    """Normalised, and the whole batch mirrored at random."""
    x = normalise(images)
    for axis in (2, 3):
        if torch.rand(()) < 0.5:
            x = x.flip(axis)
    return x.contiguous(memory_format=torch.channels_last)


def batches(n: int, size: int) -> list[np.ndarray]:
    """A random order of n images in full batches."""
    order = torch.randperm(n).numpy()
    return [order[a : a + size] for a in range(0, n - size + 1, size)]


class _FactorHead(nn.Module):
    """From layer4 to one logit per factor: first linear on means, then non-negative and sparse.

    In the sparse form a channel adds evidence for a factor or nothing, and sharing a channel between factors
    is penalised (``overlap``): channels become pure.
    """

    def __init__(self, channels: int, factors: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, factors)
        self.weight = nn.Parameter(torch.zeros(factors, channels))
        self.bias = nn.Parameter(torch.full((factors,), -1.0))
        self.sparse = False

    @torch.no_grad()
    def make_sparse(self) -> None:
        """Start the sparse weights from the linear ones: each channel goes mostly to the factor it serves best."""
        weight = self.linear.weight
        best = weight * (weight == weight.amax(0, keepdim=True))
        self.weight.copy_((0.9 * best + 0.1 * weight).clamp(min=0) * 0.35)
        self.sparse = True

    def forward(self, features: Tensor) -> Tensor:
        if not self.sparse:
            return self.linear(features.mean((2, 3)))
        pooled = 0.5 * features.amax((2, 3)) + 0.5 * features.mean((2, 3))
        return pooled @ self.weight.clamp(min=0).T + self.bias

    def penalty(self, overlap: float) -> Tensor | float:
        if not self.sparse:
            return 0.0
        weight = self.weight.clamp(min=0)
        shared = (weight.sum(0) ** 2 - (weight**2).sum(0)).sum()
        return overlap * shared + 1e-4 * weight.sum()


def pretrain(
    recipe: Pretraining = Pretraining(),
    report: Callable[[str], None] = lambda line: None,
) -> Classifier:
    """A classifier whose last block sees every factor except the untaught ones; its ``fc`` is untrained."""
    torch.manual_seed(recipe.seed)
    model = Classifier().to(memory_format=torch.channels_last)
    taught = [i for i, name in enumerate(NAMES) if name not in UNTAUGHT]
    head = _FactorHead(WIDTHS[-1], len(taught))
    pictures = render(recipe.images, recipe.seed, probabilities=SPLITS["independent"])
    targets = torch.from_numpy(pictures.factors[:, taught].astype(np.float32))
    optimiser = torch.optim.AdamW(
        [{"params": model.parameters(), "weight_decay": 0.02}, {"params": head.parameters(), "weight_decay": 0.0}],
        lr=recipe.rate,
    )
    steps = recipe.epochs * (recipe.images // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=steps)
    for epoch in range(recipe.epochs):
        if epoch == recipe.epochs - recipe.sparse:
            head.make_sparse()
        model.train()
        losses = []
        for rows in batches(recipe.images, recipe.batch):
            features = model.features(augmented(pictures.images[rows]))
            loss = F.binary_cross_entropy_with_logits(head(features), targets[rows])
            total = loss + head.penalty(recipe.overlap) + 1e-3 * features.mean()
            optimiser.zero_grad()
            total.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        report(f"see the factors, epoch {epoch + 1} of {recipe.epochs}: loss {np.mean(losses):.4f}")
    return model.eval()


def fine_tune(
    seeing: Classifier,
    recipe: FineTuning,
    report: Callable[[str], None] = lambda line: None,
    checkpoint: Callable[[int, Classifier], None] = lambda epoch, model: None,
) -> Classifier:
    """A copy of a pre-trained classifier, fine-tuned on the diagnosis.

    The batch statistics stay those of the first stage; an L1 penalty keeps the last layer sparse.
    ``checkpoint(epoch, model)`` is called after every epoch, for series of checkpoints.
    """
    torch.manual_seed(recipe.seed)
    model = Classifier().to(memory_format=torch.channels_last)
    model.load_state_dict(seeing.state_dict())
    nn.init.zeros_(model.fc.weight)
    nn.init.zeros_(model.fc.bias)
    pictures: Pictures = render(recipe.images, recipe.seed, probabilities=recipe.probabilities)
    labels = torch.tensor(pictures.labels)
    body = [weight for name, weight in model.named_parameters() if not name.startswith("fc.")]
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": recipe.body_rate, "weight_decay": 0.02},
         {"params": model.fc.parameters(), "lr": recipe.head_rate, "weight_decay": 0.05}]
    )  # fmt: skip
    model.eval()
    for epoch in range(recipe.epochs):
        if epoch == recipe.epochs - 1:
            for group in optimiser.param_groups:
                group["lr"] *= 0.2
        losses = []
        for rows in batches(recipe.images, recipe.batch):
            loss = F.cross_entropy(model(augmented(pictures.images[rows])), labels[rows])
            optimiser.zero_grad()
            (loss + 1e-3 * model.fc.weight.abs().sum()).backward()
            optimiser.step()
            losses.append(loss.item())
        report(f"diagnosis, epoch {epoch + 1} of {recipe.epochs}: loss {np.mean(losses):.4f}")
        checkpoint(epoch, model)
    return model.eval()


def save_classifier(model: Classifier, path: Path) -> None:
    """Write the weights in half precision as safetensors."""
    from safetensors.torch import save_file

    with replacing(path) as temporary:
        save_file(
            {k: (v.half() if v.is_floating_point() else v).contiguous() for k, v in model.state_dict().items()},
            str(temporary),
        )
