"""Classifiers that rely on rulers to a known degree: an audit's shares held against what was planted.

The body is that of the unbiased classifier, which sees every factor but asymmetry; the head alone is trained, on
pictures in which rulers go with melanoma at a correlation of rho. So the components are the same in all of them, and
only how they are used differs. `python -m semlens_widgets.demo.train audit` makes the heads (seconds each).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from semlens_widgets.demo.factors import SPLITS, Probabilities, correlated
from semlens_widgets.demo.network import Classifier, normalise
from semlens_widgets.demo.world import render
from semlens_widgets.writing import replacing

ARTEFACT = "ruler"
RHOS = (0.0, 0.5, 0.8, 0.95, 1.0)
FILE = "heads-ruler.safetensors"
POISONED: Probabilities = {**SPLITS["unbiased"], ARTEFACT: (1.0, 0.0)}
"""Every nevus has a ruler and no melanoma has: whoever relies on rulers is wrong."""
FREE: Probabilities = correlated(ARTEFACT, 0.0)
"""Rulers as common as in the training data at rho = 0, and independent of the class."""


def load(rho: float, folder: Path | None = None) -> Classifier:
    """The classifier of one correlation of `RHOS`, in eval mode. ValueError for another."""
    from safetensors.torch import load_file

    from semlens_widgets.demo import classifier

    if rho not in RHOS:
        raise ValueError(f"no classifier with rulers at rho = {rho}; there are {', '.join(f'{r:g}' for r in RHOS)}")
    heads = load_file(str((folder or Path(__file__).with_name("checkpoints")) / FILE))
    model = classifier("unbiased")
    model.fc.load_state_dict({part: heads[f"{rho:g}.{part}"] for part in ("weight", "bias")})
    return model.eval()


def make(folder: Path, seeing: Classifier, report: Callable[[str], None] = lambda line: None) -> None:
    """Train the heads of all correlations on one body and write them into one file."""
    from safetensors.torch import save_file

    heads: dict[str, torch.Tensor] = {}
    for rho in RHOS:
        head = trained_head(seeing, rho)
        heads |= {f"{rho:g}.{part}": value.half().contiguous() for part, value in head.state_dict().items()}
        report(f"a head for rulers at rho = {rho:g}")
    with replacing(folder / FILE) as temporary:
        save_file(heads, str(temporary))


def trained_head(
    seeing: Classifier, rho: float, *, images: int = 4000, steps: int = 600, seed: int = 500
) -> torch.nn.Linear:
    """A head for the diagnosis, from pictures with rulers correlated to it; L1 keeps it as sparse as the others."""
    pictures = render(images, seed, probabilities=correlated(ARTEFACT, rho))
    labels = torch.tensor(np.asarray(pictures.labels))
    with torch.no_grad():
        features = torch.cat(
            [seeing.features(normalise(pictures.images[a : a + 256])).mean((2, 3)) for a in range(0, images, 256)]
        )
    head = torch.nn.Linear(features.shape[1], 2)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    optimiser = torch.optim.AdamW(head.parameters(), lr=5e-3, weight_decay=0.05)
    for step in range(steps):
        if step == steps * 3 // 4:
            optimiser.param_groups[0]["lr"] *= 0.2
        loss = F.cross_entropy(head(features), labels) + 1e-3 * head.weight.abs().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return head
