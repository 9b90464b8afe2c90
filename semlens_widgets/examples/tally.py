"""The running top-k of a pass: the strongest images of every component so far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from ..vectors import NOTHING, unrank_keys


class Tally:
    """The running top-k of a pass. Slots start empty, below any response, so negative responses count too.

    keys and peaks: [component slot], in no order; the keys are those of `rank_keys`, and NOTHING in an empty slot.
    """

    def __init__(self, sizes: Sequence[int], k: int) -> None:
        self.k = k
        self.keys = np.full((sum(sizes), k), NOTHING)
        self.peaks = np.zeros((sum(sizes), k), np.int32)

    @classmethod
    def of(cls, keys: Int[np.ndarray, "component slot"], peaks: Int[np.ndarray, "component slot"]) -> Tally:
        """One that goes on from what another kept."""
        tally = cls((0,), keys.shape[1])
        tally.keys, tally.peaks = keys, peaks
        return tally

    def add(self, keys: Int[np.ndarray, "component image"], peaks: Int[np.ndarray, "component image"]) -> None:
        """Take the strongest k of what is kept and what is offered. Rows without news are not touched."""
        rows = np.flatnonzero(keys.max(1, initial=NOTHING) > self.keys.min(1))
        if not len(rows):
            return
        merged = np.concatenate([self.keys[rows], keys[rows]], 1)
        places = np.concatenate([self.peaks[rows], peaks[rows]], 1)
        if merged.shape[1] > self.k:
            best = np.argpartition(merged, merged.shape[1] - self.k, axis=1)[:, -self.k :]
            merged, places = np.take_along_axis(merged, best, 1), np.take_along_axis(places, best, 1)
        self.keys[rows], self.peaks[rows] = merged, places

    def ranked(
        self, count: int
    ) -> tuple[
        Int[np.ndarray, "component example"],
        Float[np.ndarray, "component example"],
        Int[np.ndarray, "component example"],
    ]:
        """(images, responses, peaks) of the strongest `count`, k at most, strongest first."""
        order = np.argsort(~self.keys, axis=1, kind="stable")[:, : min(self.k, count)]
        responses, images = unrank_keys(np.take_along_axis(self.keys, order, 1))
        return images.astype(np.int32), responses, np.take_along_axis(self.peaks, order, 1)
