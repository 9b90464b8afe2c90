"""A training series of the demo's classifier: an honest one is trained further on biased data and learns shortcuts.

The shipped checkpoints hold only what changes: a low-rank update of each 3x3 convolution of the last two layers
(Hu et al. 2021, "LoRA"), and the last layer. Ten of them take a third of the room of one classifier.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call

from semlens_widgets.clip import OpenClip
from semlens_widgets.demo.factors import SPLITS, Probabilities
from semlens_widgets.demo.network import Classifier, load_classifier
from semlens_widgets.demo.train_classifier import augmented, batches
from semlens_widgets.demo.world import Pictures, render
from semlens_widgets.writing import replacing

UPDATED = ("layer3.conv1", "layer3.conv2", "layer4.conv1", "layer4.conv2")
"""The convolutions that the series changes."""

Update = dict[str, Tensor]
"""``NAME.left`` [out rank] and ``NAME.right`` [rank in*9] of each convolution; ``fc.weight`` and ``fc.bias``."""


@dataclass(frozen=True)
class FurtherTraining:
    """How the series is made: a finished classifier goes on learning, from data drawn with ``probabilities``.

    A checkpoint is kept before each of ``steps``: the first is the classifier as it was.
    """

    probabilities: Probabilities = field(default_factory=lambda: SPLITS["biased"])
    steps: tuple[int, ...] = (0, 5, 10, 20, 40, 70, 110, 160, 220, 300)
    images: int = 12_000
    batch: int = 128
    rank: int = 4
    rate: float = 1e-3
    head_rate: float = 5e-3
    seed: int = 500


def updated(start: Classifier, update: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a classifier with an update applied, those that change."""
    weights = dict(start.named_parameters())
    changed = {
        f"{name}.weight": weights[f"{name}.weight"]
        + (update[f"{name}.left"] @ update[f"{name}.right"]).view_as(weights[f"{name}.weight"])
        for name in UPDATED
    }
    return changed | {name: update[name] for name in ("fc.weight", "fc.bias")}


def train_further(
    start: Classifier,
    recipe: FurtherTraining = FurtherTraining(),
    report: Callable[[str], None] = lambda line: None,
) -> dict[int, Update]:
    """The update at each of the recipe's steps. ``start`` is left as it is; batch statistics stay those it has."""
    torch.manual_seed(recipe.seed)
    weights: dict[str, Tensor] = {name: weight.detach() for name, weight in start.named_parameters()}
    update: Update = {name: weights[name].clone() for name in ("fc.weight", "fc.bias")}
    for name in UPDATED:
        flat = weights[f"{name}.weight"].flatten(1)
        update[f"{name}.left"] = torch.zeros(flat.shape[0], recipe.rank)
        update[f"{name}.right"] = torch.randn(recipe.rank, flat.shape[1]) * flat.std()
    for part in update.values():
        part.requires_grad_(True)
    head = [part for name, part in update.items() if name.startswith("fc.")]
    body = [part for name, part in update.items() if not name.startswith("fc.")]
    optimiser = torch.optim.AdamW([{"params": body, "lr": recipe.rate}, {"params": head, "lr": recipe.head_rate}])
    pictures: Pictures = render(recipe.images, recipe.seed, probabilities=recipe.probabilities)
    labels = torch.tensor(pictures.labels)
    start.eval()
    kept: dict[int, Update] = {}
    losses: list[float] = []
    order: list[Any] = []
    for step in range(max(recipe.steps) + 1):
        if step in recipe.steps:
            kept[step] = {name: part.detach().clone() for name, part in update.items()}
            report(f"biased data, step {step}: loss {sum(losses) / max(len(losses), 1):.4f}")
            losses = []
        order = order or batches(recipe.images, recipe.batch)
        rows = order.pop()
        logits = functional_call(start, updated(start, update), (augmented(pictures.images[rows]),))
        loss = F.cross_entropy(logits, labels[rows])
        optimiser.zero_grad()
        (loss + 1e-3 * update["fc.weight"].abs().sum()).backward()
        optimiser.step()
        losses.append(loss.item())
    return kept


class RememberingClip(OpenClip):
    """A CLIP that embeds a picture once, however many models it is shown for."""

    def __init__(self, model: str | Path, **options: Any) -> None:
        super().__init__(model, **options)
        self._seen: dict[bytes, np.ndarray] = {}

    def embed_prepared(self, prepared: Sequence[Any]) -> Float[np.ndarray, "image dim"]:
        keys = [hashlib.sha256(np.asarray(picture).tobytes()).digest() for picture in prepared]
        new = {key: picture for key, picture in zip(keys, prepared, strict=True) if key not in self._seen}
        if new:
            self._seen.update(zip(new, super().embed_prepared(list(new.values())), strict=True))
        return np.stack([self._seen[key] for key in keys])


def save_series(series: Mapping[int, Update], path: Path) -> None:
    """Write all updates in half precision as one safetensors file."""
    from safetensors.torch import save_file

    parts = {f"{step}/{name}": part for step, update in series.items() for name, part in update.items()}
    with replacing(path) as temporary:
        save_file({name: part.half().contiguous() for name, part in parts.items()}, str(temporary))


def load_series(start: Path, path: Path) -> dict[str, Classifier]:
    """The classifiers of a series by name ("step 0", "step 5", …), each a new module in eval mode."""
    from safetensors.torch import load_file

    updates: dict[int, Update] = {}
    for key, part in load_file(str(path)).items():
        step, name = key.split("/")
        updates.setdefault(int(step), {})[name] = part.float()
    series: dict[str, Classifier] = {}
    for number in sorted(updates):
        model = load_classifier(start)
        with torch.no_grad():
            model.load_state_dict(updated(model, updates[number]), strict=False)
        series[f"step {number}"] = model
    return series
