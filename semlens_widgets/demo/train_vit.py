"""Training of the demo's transformer, in the two stages of the classifiers: see the factors, then the diagnosis.

A transformer has no notion of neighbourhood to begin with and would need many pictures to find one. Here it is known
where everything is: while it learns to see, each patch token says which factors are visible in its patch, and the class
token which are in the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from semlens_widgets.demo.factors import LESION_BIT, NAMES, SPLITS, Split
from semlens_widgets.demo.network import normalise
from semlens_widgets.demo.train_classifier import UNTAUGHT, batches
from semlens_widgets.demo.transformer import DIM, FILE, PATCH, VisionTransformer
from semlens_widgets.demo.world import Pictures, render
from semlens_widgets.writing import replacing

_PARTS = LESION_BIT + 1  # the factors, and the lesion
_VISIBLE = 0.08  # of a patch, from which a factor counts as visible in it


@dataclass(frozen=True)
class VitTraining:
    """Both stages: pictures and epochs to see the factors, then to learn the diagnosis on one of ``SPLITS``."""

    images: int = 10_000
    epochs: int = 12
    batch: int = 128
    rate: float = 3e-3
    diagnosed: int = 6_000
    split: Split = "biased"
    tuning: int = 3
    body_rate: float = 1e-4
    head_rate: float = 3e-3
    seed: int = 800


def train_vit(
    recipe: VitTraining = VitTraining(), report: Callable[[str], None] = lambda line: None
) -> VisionTransformer:
    """The transformer, both stages; the same for the same recipe, torch and number of threads."""
    torch.manual_seed(recipe.seed)
    model = VisionTransformer()
    _see(model, recipe, report)
    _diagnose(model, recipe, report)
    return model.eval()


def visible(pictures: Pictures) -> Float[np.ndarray, "image token part"]:
    """Which factors, and the lesion, are visible in each patch: 0 or 1."""
    count, height, width = pictures.masks.shape
    patches = pictures.masks.reshape(count, height // PATCH, PATCH, width // PATCH, PATCH)
    parts = [(patches >> bit & 1).mean((2, 4)).reshape(count, -1) > _VISIBLE for bit in range(_PARTS)]
    return np.stack(parts, -1).astype(np.float32)


def _see(model: VisionTransformer, recipe: VitTraining, report: Callable[[str], None]) -> None:
    taught = [number for number, name in enumerate(NAMES) if name not in UNTAUGHT]
    shown = [*taught, LESION_BIT]
    of_picture, of_patch = nn.Linear(DIM, len(taught)), nn.Linear(DIM, len(shown))
    pictures = render(recipe.images, recipe.seed, probabilities=SPLITS["independent"])
    present = torch.from_numpy(pictures.factors[:, taught].astype(np.float32))
    where = torch.from_numpy(visible(pictures)[:, :, shown]).unflatten(1, (64 // PATCH, -1))
    weights = [*model.parameters(), *of_picture.parameters(), *of_patch.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=recipe.rate, weight_decay=0.02)
    steps = recipe.epochs * (recipe.images // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=steps)
    model.train()
    for epoch in range(recipe.epochs):
        losses = []
        for rows in batches(recipe.images, recipe.batch):
            x, there = _mirrored(normalise(pictures.images[rows]), where[rows])
            tokens = model.features(x)
            loss = F.binary_cross_entropy_with_logits(of_picture(tokens[:, 0]), present[rows])
            local = F.binary_cross_entropy_with_logits(of_patch(tokens[:, 1:]), there.flatten(1, 2))
            optimiser.zero_grad()
            (loss + local).backward()
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimiser.step()
            schedule.step()
            losses.append((loss.item(), local.item()))
        whole, local_mean = np.mean(losses, 0)
        report(f"ViT sees factors, epoch {epoch + 1} of {recipe.epochs}: loss {whole:.4f}, patches {local_mean:.4f}")


def _mirrored(x: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures [image 3 height width] and what is where [image row column part], mirrored together at random."""
    for axis in (1, 2):
        if torch.rand(()) < 0.5:
            x, where = x.flip(axis + 1), where.flip(axis)
    return x, where


def _diagnose(model: VisionTransformer, recipe: VitTraining, report: Callable[[str], None]) -> None:
    nn.init.zeros_(model.head.weight)
    nn.init.zeros_(model.head.bias)
    pictures = render(recipe.diagnosed, recipe.seed + 1, probabilities=SPLITS[recipe.split])
    labels = torch.tensor(pictures.labels)
    body = [weight for name, weight in model.named_parameters() if not name.startswith("head.")]
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": recipe.body_rate, "weight_decay": 0.02},
         {"params": model.head.parameters(), "lr": recipe.head_rate, "weight_decay": 0.05}]
    )  # fmt: skip
    for epoch in range(recipe.tuning):
        losses = []
        for rows in batches(recipe.diagnosed, recipe.batch):
            x, _ = _mirrored(normalise(pictures.images[rows]), torch.zeros(1, 1, 1))
            loss = F.cross_entropy(model(x), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        report(f"ViT, diagnosis, epoch {epoch + 1} of {recipe.tuning}: loss {np.mean(losses):.4f}")


def save_vit(model: VisionTransformer, folder: Path) -> None:
    """Write the weights in half precision as safetensors."""
    from safetensors.torch import save_file

    with replacing(folder / FILE) as temporary:
        save_file({name: w.detach().half().contiguous() for name, w in model.state_dict().items()}, str(temporary))
