"""A random sample of the data set and what all components answer to it: evidence that no component chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt64

from ..vectors import freeze

Part = tuple[np.ndarray, np.ndarray]  # (ids, responses [image component])
_ALL_BITS = (1 << 64) - 1
_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def drawn(images: int, count: int, seed: int) -> Int[np.ndarray, " image"]:
    """`count` of the numbers 0 … `images` - 1 at random, in order; a larger draw holds every smaller one.

    Those whose hash with `seed` is lowest: so whether a number is among them is known as soon as all are seen, and
    a stream whose length nobody knows has the sample of a folder with the same images.
    """
    return np.sort(np.argsort(_hashes(np.arange(images), seed), kind="stable")[:count])


def _hashes(numbers: Int[np.ndarray, " image"], seed: int) -> UInt64[np.ndarray, " image"]:
    """A different number for each, as if at random (splitmix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        start = _mixed(np.asarray([(seed + 1) & _ALL_BITS], np.uint64) * _GAMMA)
        return np.asarray(_mixed(start + numbers.astype(np.uint64) * _GAMMA), np.uint64)


def _mixed(z: Any) -> Any:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@dataclass
class Draw:
    """Who is in a sample: of a known number of images these; of a stream those so far, of which some leave again."""

    count: int
    seed: int
    images: int | None  # None: of a stream

    def __post_init__(self) -> None:
        self._numbers = None if self.images is None else drawn(self.images, self.count, self.seed)
        self._highest: np.uint64 | None = None  # hash of those that are in, once there are enough

    def among(self, ids: Int[np.ndarray, " image"]) -> Int[np.ndarray, " chosen"]:
        """Which of these images are in it, so far."""
        if self._numbers is not None:
            return np.flatnonzero(np.isin(ids, self._numbers))
        if not self.count:
            return np.zeros(0, np.int64)
        hashes = _hashes(ids, self.seed)
        return np.arange(len(ids)) if self._highest is None else np.flatnonzero(hashes < self._highest)

    def left(self, parts: list[Part]) -> list[Part]:
        """Of (ids, responses) the part that is in, in order of ids."""
        ids = np.concatenate([np.zeros(0, np.int64), *(ids for ids, _ in parts)])
        kept = np.argsort(ids, kind="stable")
        if self._numbers is None and len(ids) > self.count:
            hashes = _hashes(ids, self.seed)
            lowest = np.argsort(hashes, kind="stable")[: self.count]
            self._highest = hashes[lowest].max(initial=np.uint64(0))
            kept = lowest[np.argsort(ids[lowest], kind="stable")]
        return [(ids[kept], np.concatenate([rows for _, rows in parts])[kept])] if parts else []

    def crowded(self, parts: list[Part]) -> bool:
        """Whether so many are kept of a stream that those should leave that are in no longer."""
        return self._numbers is None and sum(len(ids) for ids, _ in parts) > 2 * self.count + 64


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
