"""A random sample of the data set and what all components answer to it: evidence that no component chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ..vectors import freeze


def drawn(images: int, count: int, seed: int) -> Int[np.ndarray, " image"]:
    """`count` of the numbers 0 … `images` - 1 at random, in order; a larger draw holds every smaller one."""
    return np.sort(np.random.default_rng(seed).permutation(images)[:count])


@dataclass(frozen=True, eq=False)
class Sampled:
    """The responses of all components to a random sample of the data set, whatever they are: held-out evidence.

    `images` are in order of their ids. `arrays` holds "sample_responses" [component image], which a file reads
    when it is first asked for.
    """

    images: Int[np.ndarray, " image"]
    arrays: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        freeze(self, "images")

    @property
    def responses(self) -> Float[np.ndarray, "component image"]:
        return self.arrays["sample_responses"]

    def merge(self, other: Sampled) -> Sampled:
        images = np.concatenate([self.images, other.images])
        order = np.argsort(images, kind="stable")
        return Sampled(images[order], {"sample_responses": np.hstack([self.responses, other.responses])[:, order]})

    def only(self, kept: Bool[np.ndarray, " image"]) -> Sampled:
        """The same without some images."""
        return self if kept.all() else Sampled(self.images[kept], {"sample_responses": self.responses[:, kept]})
