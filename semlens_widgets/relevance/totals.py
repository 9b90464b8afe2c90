"""What a pass over a data set adds up: per class exact sums, the strongest images and a sample of all.

Everything adds up the same in any order, so batches and shards do not matter.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from ..components import Components
from ..examples import Tally
from ..vectors import NOTHING, rank_keys, unrank_keys

NO_IMAGE = int(np.iinfo(np.int32).max)  # where a class has fewer images than k; no image has this number
_UNIT = 2.0**40  # a share of a layer's relevance is added up as a whole number of 2^-40
_SORTED_OUT = 4096  # images of the sample that wait, at most


class Totals:
    """Counts, sums and magnitudes [class component] as in `Relevance`, k strongest images, a sample per class.

    Of a class's images the `sample` that come first in a fixed order are kept, those of `first` before others.
    """

    def __init__(self, components: Components, classes: int, k: int, sample: int, first: tuple[int, ...]) -> None:
        self.components, self.k, self.sample, self.first = components, k, sample, first
        shape = classes, len(components)
        self.counts = np.zeros(classes, np.int64)
        self.sums, self.magnitudes = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self._tallies: dict[int, Tally] = {}
        self._kept = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, shape[1]), np.float16))]

    def add(
        self,
        images: Int[np.ndarray, " image"],
        targets: Int[np.ndarray, " image"],
        shares: Float[np.ndarray, "image component"],
    ) -> None:
        """One batch: images, their classes, and each component's share of its layer in each image."""
        whole = np.rint(shares * _UNIT).astype(np.int64)
        for number in np.unique(targets):
            rows = targets == number
            self.counts[number] += rows.sum()
            self.sums[number] += whole[rows].sum(0)
            self.magnitudes[number] += np.abs(whole[rows]).sum(0)
            self._rank(int(number), rank_keys(shares[rows].astype(np.float32), images[rows, None]).T)
        self.add_sample(images, targets, shares.astype(np.float16))

    def add_sums(
        self,
        counts: Int[np.ndarray, " class"],
        sums: Int[np.ndarray, "class component"],
        magnitudes: Int[np.ndarray, "class component"],
    ) -> None:
        self.counts += counts
        self.sums += sums
        self.magnitudes += magnitudes

    def add_top(
        self, images: Int[np.ndarray, "class component k"], values: Float[np.ndarray, "class component k"]
    ) -> None:
        """Strongest images of another pass, as `top` gives them."""
        kept = images != NO_IMAGE
        keys = np.where(kept, rank_keys(np.where(kept, values, 0), np.where(kept, images, 0)), NOTHING)
        for number in np.flatnonzero(kept.any((1, 2))):
            self._rank(int(number), keys[number])

    def add_sample(
        self,
        images: Int[np.ndarray, " image"],
        targets: Int[np.ndarray, " image"],
        values: Float[np.ndarray, "image component"],
    ) -> None:
        self._kept.append((images, targets, values))
        if sum(len(part[0]) for part in self._kept[1:]) > _SORTED_OUT:
            self._kept = [self.sampled()]

    def sampled(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(images, targets, values) of the sample, by image."""
        images, targets, values = (np.concatenate([part[n] for part in self._kept]) for n in range(3))
        order = np.lexsort((_spread(images), ~np.isin(images, self.first), targets))
        start = np.searchsorted(targets[order], targets[order])
        chosen = order[np.arange(len(order)) - start < self.sample]
        chosen = chosen[np.argsort(images[chosen], kind="stable")]
        return images[chosen], targets[chosen], values[chosen]

    def top(self) -> tuple[Int[np.ndarray, "class component k"], Float[np.ndarray, "class component k"]]:
        """(images, values) of the strongest k, strongest first; NO_IMAGE and NaN where there are fewer."""
        shape = (len(self.counts), len(self.components), self.k)
        images, values = np.full(shape, NO_IMAGE, np.int32), np.full(shape, np.nan, np.float32)
        for number, tally in self._tallies.items():
            keys = np.sort(tally.keys, axis=1)[:, ::-1]
            found, who = unrank_keys(keys)
            images[number] = np.where(keys == NOTHING, NO_IMAGE, who)
            values[number] = np.where(keys == NOTHING, np.nan, found)
        return images, values

    def _rank(self, number: int, keys: np.ndarray) -> None:
        if number not in self._tallies:
            self._tallies[number] = Tally(self.components.sizes, self.k)
        self._tallies[number].add(keys, np.zeros(keys.shape, np.int32))


def mean_and_share(
    components: Components, counts: np.ndarray, sums: np.ndarray, magnitudes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(mean, share) [class component] of exact sums, as in `Relevance`."""
    images = np.maximum(counts, 1)[:, None]
    mean = (sums / _UNIT / images).astype(np.float32)
    share = np.zeros_like(mean)
    for layer in components.layers:
        rows = components.rows(layer)
        total = magnitudes[:, rows].sum(1, keepdims=True)
        share[:, rows] = magnitudes[:, rows] / np.maximum(total, 1)
    return mean, share


def _spread(images: np.ndarray) -> np.ndarray:
    """A fixed pseudo-random number per image: the sample is the images with the smallest (splitmix64)."""
    z = (np.asarray(images, np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
