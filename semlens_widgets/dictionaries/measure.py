"""What a dictionary explains of features that it did not learn from, and how often each code is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from .learner import Parts

if TYPE_CHECKING:
    import torch

_ROWS = 1 << 12  # vectors that are encoded at once


@dataclass(frozen=True, eq=False)
class Measured:
    """One dictionary on so many vectors.

    density:   [component], the share of vectors in which each code is not zero.
    explained: the share of the features' variance that decoding gives back; below zero where it makes things worse.
    """

    density: Float[np.ndarray, " component"]
    explained: float
    vectors: int


class _Sums:
    def __init__(self) -> None:
        self.active = np.zeros(1)
        self.missed, self.count = 0.0, 0
        self.sums = np.zeros(1)
        self.squares = 0.0

    def add(self, encoder: torch.nn.Module, parts: Parts, vectors: Float[np.ndarray, "vector feature"]) -> None:
        codes, again = decoded(encoder, parts, vectors)
        self.active = self.active + (codes != 0).sum(0)
        self.missed += float(np.square(vectors - again, dtype=np.float64).sum())
        self.sums = self.sums + vectors.sum(0, dtype=np.float64)
        self.squares += float(np.square(vectors, dtype=np.float64).sum())
        self.count += len(vectors)

    def found(self) -> Measured:
        variance = self.squares - float(np.square(self.sums).sum()) / self.count
        explained = 1 - self.missed / variance if variance > 0 else 0.0
        return Measured((self.active / self.count).astype(np.float32), explained, self.count)


def measured(
    encoders: Sequence[torch.nn.Module], parts: Sequence[Parts], blocks: Iterable[Float[np.ndarray, "vector feature"]]
) -> list[Measured]:
    """Several dictionaries on the same vectors."""
    sums = [_Sums() for _ in encoders]
    for block in blocks:
        for start in range(0, len(block), _ROWS):
            for each, encoder, part in zip(sums, encoders, parts, strict=True):
                each.add(encoder, part, block[start : start + _ROWS])
    return [each.found() for each in sums]


def decoded(
    encoder: torch.nn.Module, parts: Parts, vectors: Float[np.ndarray, "vector feature"]
) -> tuple[Float[np.ndarray, "vector component"], Float[np.ndarray, "vector feature"]]:
    """(codes, what is decoded of them)."""
    import torch

    with torch.no_grad():
        codes = encoder(torch.from_numpy(np.ascontiguousarray(vectors))).numpy()
    return codes, codes @ parts["W_dec"] + parts["b_dec"]


def unexplained(encoder: torch.nn.Module, parts: Parts, vectors: Float[np.ndarray, "vector feature"]) -> float:
    """The share of some vectors' variance that decoding does not give back."""
    return 1 - measured([encoder], [parts], [vectors])[0].explained
