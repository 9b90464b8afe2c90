"""What is really in the demo's classifiers: how well each component separates with a factor from without."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.stats import rankdata
from torch import nn

from semlens_widgets.demo.factors import FACTORS
from semlens_widgets.demo.network import normalise
from semlens_widgets.demo.world import Pictures, render

ENCODED = 0.95
"""A component encodes a factor, or a factor is encoded by a layer, from this AUROC on."""


@dataclass(frozen=True, eq=False)
class Truth:
    """The AUROC of every component's activation between pictures with and without each factor.

    ``factors`` are the query words, ``names`` the short names of the same factors; ``components`` are
    (layer, index) pairs; ``auroc`` lies in [0, 1], .5 is chance, and below .5 the factor silences the component.
    Computed on pictures whose factors are independent of each other, so that a component that follows the
    diagnosis does not seem to encode whatever comes with it. Activations are max-pooled over space.
    """

    factors: tuple[str, ...]
    names: tuple[str, ...]
    components: tuple[tuple[str, int], ...]
    auroc: Float[np.ndarray, "component factor"]

    def __post_init__(self) -> None:
        if self.auroc.shape != (len(self.components), len(self.factors)) or len(self.names) != len(self.factors):
            raise ValueError(f"AUROC {self.auroc.shape} needs one row per component ({len(self.components)}) "
                             f"and one column per factor ({len(self.factors)})")  # fmt: skip
        self.auroc.flags.writeable = False

    def layer(self, name: str) -> Truth:
        """The part of one layer. Raises KeyError for a layer the truth does not cover."""
        rows = [row for row, (layer, _) in enumerate(self.components) if layer == name]
        if not rows:
            known = ", ".join(dict.fromkeys(layer for layer, _ in self.components))
            raise KeyError(f"no layer {name!r} in this truth; it covers {known}")
        return Truth(self.factors, self.names, tuple(self.components[row] for row in rows), self.auroc[rows])


def auroc(
    scores: Float[np.ndarray, "image component"], present: Bool[np.ndarray, "image factor"]
) -> Float[np.ndarray, "component factor"]:
    """The probability that a picture with the factor scores above one without (ties count half).

    NaN for a factor that is in all pictures or in none. (Mann & Whitney 1947, by mean ranks.)
    """
    ranks = rankdata(np.asarray(scores, np.float64), axis=0)
    count = present.sum(0).astype(np.float64)
    pairs = count * (len(present) - count)
    sums = ranks.T @ present.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(pairs > 0, (sums - count * (count + 1) / 2) / pairs, np.nan)


@torch.no_grad()
def activations(
    model: nn.Module, pictures: Pictures, layers: tuple[str, ...] = ("layer4",)
) -> dict[str, Float[np.ndarray, "image component"]]:
    """Each layer's activations, max-pooled over space. The model must be in eval mode; it is left as it was."""
    kept: dict[str, list[torch.Tensor]] = {layer: [] for layer in layers}
    modules = dict(model.named_modules())
    hooks = [
        modules[layer].register_forward_hook(lambda _m, _i, out, layer=layer: kept[layer].append(out.amax((2, 3))))
        for layer in layers
    ]
    try:
        for a in range(0, len(pictures), 256):
            model(normalise(pictures.images[a : a + 256]))
    finally:
        for hook in hooks:
            hook.remove()
    return {layer: torch.cat(parts).numpy() for layer, parts in kept.items()}


def measure_truth(
    model: nn.Module, layers: tuple[str, ...] = ("layer3", "layer4"), n: int = 2000, seed: int = 4000
) -> Truth:
    """The truth about a classifier of this world, on n freshly rendered pictures with independent factors."""
    pictures = render(n, seed)
    responses = activations(model, pictures, layers)
    return Truth(
        factors=tuple(factor.query for factor in FACTORS),
        names=tuple(factor.name for factor in FACTORS),
        components=tuple((layer, i) for layer in layers for i in range(responses[layer].shape[1])),
        auroc=np.concatenate([auroc(responses[layer], pictures.factors) for layer in layers]).astype(np.float32),
    )
