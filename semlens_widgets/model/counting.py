"""Responses counted in bins, as narrow as all that came so far fit, where the responses lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from ..sums import BINS, fitting, wider
from .rooms import Rooms

if TYPE_CHECKING:
    import torch


class Counts:
    """How many responses of each component there were in each bin, as `examples.Statistics` has them."""

    def __init__(self, size: int, device: torch.device) -> None:
        import torch

        self.bins = torch.zeros((size, BINS), dtype=torch.int64, device=device)
        self.negative, self.exponent = np.zeros(size, bool), np.zeros(size, np.int16)
        self._top, self._bottom = np.full(size, -np.inf), np.zeros(size)  # what lies beyond needs wider bins
        self._begun = False
        self._scale = torch.ones(size, device=device)
        self._zero = torch.zeros(size, dtype=torch.int32, device=device)  # the bin that begins at 0
        self._starts = torch.arange(0, size * BINS, BINS, dtype=torch.int32, device=device)

    def resume(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from `arrays()`."""
        import torch

        self.bins.copy_(torch.from_numpy(np.array(arrays["bins"])))
        self._set(np.arange(len(self.bins)), np.array(arrays["negative"]), np.array(arrays["exponent"]))

    def arrays(self) -> dict[str, np.ndarray]:
        """What was counted, off the device."""
        bins = self.bins.cpu().numpy().copy()
        return {"negative": self.negative.copy(), "exponent": self.exponent.copy(), "bins": bins}

    def fit(self, low: Float[np.ndarray, " component"], high: Float[np.ndarray, " component"]) -> None:
        """Let the bins hold responses from `low` to `high`."""
        import torch

        at = np.flatnonzero((high >= self._top) | (low < self._bottom))
        if not len(at):
            return
        low, high = low[at].astype(np.float64), high[at].astype(np.float64)
        negative, exponent = self.negative[at] | (low < 0), self.exponent[at]
        needed = fitting(low, high, negative)
        if self._begun:
            components = torch.from_numpy(at).to(self.bins.device)
            bins = self.bins[components].cpu().numpy()
            needed, bins = wider(bins, self.negative[at], exponent, negative, np.maximum(needed, exponent))
            self.bins[components] = torch.from_numpy(bins).to(self.bins.device)
        self._set(at, negative, needed)

    def _set(self, at: Int[np.ndarray, " some"], negative: np.ndarray, exponent: np.ndarray) -> None:
        """Note where the bins of some components lie."""
        import torch

        self._begun = True
        self.negative[at], self.exponent[at] = negative, exponent
        top = np.where(negative, BINS // 2, BINS) * np.ldexp(1.0, exponent)
        self._top[at], self._bottom[at] = top, np.where(negative, -top, 0)
        components = torch.from_numpy(at).to(self.bins.device)
        scale = np.ldexp(np.float32(1), -exponent.astype(np.int32))
        self._scale[components] = torch.from_numpy(scale).to(self._scale)
        self._zero[components] = torch.from_numpy(negative * np.int32(BINS // 2)).to(self._zero)

    def add(self, rooms: Rooms, columns: slice) -> None:
        """Count the responses of some components, which stand in `rooms` in both precisions."""
        import torch

        below = bool(self.negative[columns].any())
        if below and self.exponent[columns].max() > 0:  # in float32 a negative number could vanish on the way
            scale = torch.from_numpy(np.ldexp(1.0, -self.exponent[columns].astype(np.int32))).to(rooms.doubles)
            place = torch.mul(rooms.doubles, scale, out=rooms.work)
        else:
            place = torch.mul(rooms.singles, self._scale[columns], out=rooms.single)
        if below:
            place.floor_()
        size = place.shape[1]
        number = rooms.whole.copy_(place).add_(self._zero[columns] + self._starts[:size])
        self.bins[columns] += torch.bincount(number.view(-1), minlength=size * BINS).view(size, BINS)
