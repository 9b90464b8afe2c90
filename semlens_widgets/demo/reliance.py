"""Classifiers that rely on one artefact to a known degree: an audit's findings held against what was planted.

The demo's unbiased classifier, its last block and head fine-tuned on pictures in which rulers go with melanoma at a
correlation of rho. Not shipped: `python -m semlens_widgets.demo.train audit` makes them, in some minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from semlens_widgets.demo.factors import SPLITS, Probabilities, correlated
from semlens_widgets.demo.network import Classifier, load_classifier, normalise
from semlens_widgets.demo.train_classifier import save_classifier
from semlens_widgets.demo.world import render

ARTEFACT = "ruler"
RHOS = (0.0, 0.5, 0.8, 0.95, 1.0)
POISONED: Probabilities = {**SPLITS["unbiased"], ARTEFACT: (1.0, 0.0)}
"""Every nevus has a ruler and no melanoma has: whoever relies on rulers is wrong."""
FREE: Probabilities = correlated(ARTEFACT, 0.0)
"""Rulers as common as in the training data at rho = 0, and independent of the class."""


def name_of(rho: float) -> str:
    return f"classifier-{ARTEFACT}-{rho:g}.safetensors"


def load(rho: float, folder: Path) -> Classifier:
    """The classifier of one correlation, in eval mode. FileNotFoundError where it was not made yet."""
    path = folder / name_of(rho)
    if not path.is_file():
        raise FileNotFoundError(f"no {path}; make it: python -m semlens_widgets.demo.train audit --out {folder}")
    return load_classifier(path)


def make(
    folder: Path,
    seeing: Classifier,
    rhos: tuple[float, ...] = RHOS,
    report: Callable[[str], None] = lambda line: None,
) -> None:
    """Fine-tune and write one classifier per correlation; those that are there already are left."""
    folder.mkdir(parents=True, exist_ok=True)
    for rho in rhos:
        if not (folder / name_of(rho)).is_file():
            save_classifier(fine_tuned(seeing, rho, report=report), folder / name_of(rho))


def fine_tuned(
    seeing: Classifier,
    rho: float,
    *,
    images: int = 6000,
    epochs: int = 5,
    batch: int = 128,
    seed: int = 500,
    report: Callable[[str], None] = lambda line: None,
) -> Classifier:
    """A copy whose last block and head learned the diagnosis on pictures with rulers correlated to it."""
    torch.manual_seed(seed)
    model = Classifier()
    model.load_state_dict(seeing.state_dict())
    model.eval()  # batch statistics stay those of the first stage
    torch.nn.init.zeros_(model.fc.weight)
    torch.nn.init.zeros_(model.fc.bias)
    pictures = render(images, seed, probabilities=correlated(ARTEFACT, rho))
    labels = torch.tensor(pictures.labels)
    with torch.no_grad():
        below = [
            model.layer3(model.layer2(model.layer1(model.stem(normalise(pictures.images[a : a + 256])))))
            for a in range(0, images, 256)
        ]
    features = torch.cat(below)
    optimiser = torch.optim.AdamW(
        [{"params": model.layer4.parameters(), "lr": 1e-4, "weight_decay": 0.02},
         {"params": model.fc.parameters(), "lr": 5e-3, "weight_decay": 0.05}]
    )  # fmt: skip
    for epoch in range(epochs):
        if epoch == epochs - 1:
            for group in optimiser.param_groups:
                group["lr"] *= 0.2
        order = torch.randperm(images)
        losses = []
        for a in range(0, images - batch + 1, batch):
            rows = order[a : a + batch]
            logits = model.fc(model.layer4(features[rows]).mean((2, 3)))
            loss = F.cross_entropy(logits, labels[rows])
            optimiser.zero_grad()
            (loss + 1e-3 * model.fc.weight.abs().sum()).backward()
            optimiser.step()
            losses.append(loss.item())
        report(f"rulers at rho = {rho:g}, epoch {epoch + 1} of {epochs}: loss {np.mean(losses):.4f}")
    return model.eval()
