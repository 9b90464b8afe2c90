"""Sums that are exact, whatever the order, and bins that merge: what every count of responses agrees on."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

BINS = 64
DIGIT = 40  # bits from one of the four integers that an exact sum is kept in to the next
LOWEST = -80  # the last one counts in units of 2^-80
UNITS = (2.0**40, 1.0, 2.0**-40, 2.0**-80)
LARGEST = 2.0**78
SMALLEST = 2.0**-120  # width of the narrowest bin, in units of the largest response


def exact(values: Float[np.ndarray, "image component"]) -> Int[np.ndarray, "component limb"]:
    """The column sums of float64 values as four integers, in units of 2^40, 1, 2^-40 and 2^-80; see `carried`.

    Integers add up the same in any order, so sums do not depend on batches or shards. Each value is exact to
    2^-81 and saturates beyond 2^78; 16 million values fit.
    """
    rest = np.clip(values, -LARGEST, LARGEST)
    limbs = np.zeros((rest.shape[1], len(UNITS)), np.int64)
    for limb, size in enumerate(UNITS):
        if limb == 0 and np.abs(rest).max(initial=0) < size / 2:
            continue
        whole = np.rint(rest / size)
        limbs[:, limb] = whole.astype(np.int64).sum(0)
        rest = rest - whole * size
    return carried(limbs)


def carried(limbs: Any) -> Any:
    """The integers of exact sums [... limb], of numpy or torch, written in the one way that each sum has.

    All but the first are from -2^39 to below 2^39: equal sums have equal integers, however they were added up. Works
    in place.
    """
    for limb in range(len(UNITS) - 1, 0, -1):
        carry = (limbs[..., limb] + (1 << DIGIT - 1)) >> DIGIT
        limbs[..., limb] -= carry << DIGIT
        limbs[..., limb - 1] += carry
    return limbs


def fitting(
    low: Float[np.ndarray, " component"],
    high: Float[np.ndarray, " component"],
    negative: Bool[np.ndarray, " component"],
) -> Int[np.ndarray, " component"]:
    """The exponents of the narrowest bins that hold responses from `low` to `high`, in float64."""
    half = np.where(negative, BINS // 2, BINS)
    needed = np.maximum(np.maximum(high / half, -low / half), SMALLEST)
    fraction, exponent = np.frexp(needed)  # exact on any processor, which a logarithm is not
    exponent = (exponent - (fraction == 0.5)).astype(np.int16)  # of the next power of two
    exponent += (high >= half * np.ldexp(1.0, exponent)).astype(np.int16)  # the top edge is open
    return exponent


def wider(
    bins: Int[np.ndarray, "component bin"],
    negative: Bool[np.ndarray, " component"],
    exponent: Int[np.ndarray, " component"],
    to_negative: Bool[np.ndarray, " component"],
    to_exponent: Int[np.ndarray, " component"],
) -> tuple[Int[np.ndarray, " component"], Int[np.ndarray, "component bin"]]:
    """(exponent, bins): counts moved into bins at least as wide as 2^`to_exponent`, as narrow as all of them fit.

    Bins start at 0, or at -32 bins where a component is `negative`.
    """
    return finest(rebinned(bins, negative, exponent, to_exponent), to_negative, to_exponent)


def rebinned(
    bins: Int[np.ndarray, "component bin"],
    negative: Bool[np.ndarray, " component"],
    exponent: Int[np.ndarray, " component"],
    to_exponent: Int[np.ndarray, " component"],
) -> Int[np.ndarray, "component wide"]:
    """Counts in bins of width 2^`to_exponent`, in twice the room, from -64 bins, so that nothing falls off."""
    wide: np.ndarray = np.zeros((len(bins), 2 * BINS), np.int64)
    wide[:, BINS // 2 : BINS // 2 + BINS] = bins  # bin b of a negative component starts at b - 32
    shifted = np.zeros_like(wide)
    shifted[:, BINS:] = bins  # and of one that is not, at b
    wide = np.where(negative[:, None], wide, shifted)
    for step in range(int((to_exponent - exponent).max(initial=0))):
        rows = np.flatnonzero(to_exponent - exponent > step)
        wide[rows] = _doubled(wide[rows])
    return wide


def _doubled(wide: np.ndarray) -> np.ndarray:
    """Bins from -64 to 63 merged in pairs: bin b becomes floor(b / 2)."""
    merged = np.zeros_like(wide)
    merged[:, BINS // 2 : BINS // 2 + BINS] = wide[:, 0::2] + wide[:, 1::2]
    return merged


def finest(wide: np.ndarray, negative: np.ndarray, exponent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(exponent, bins) after as few doublings of `rebinned` counts as make them fit their 64 bins."""
    exponent = exponent.copy()
    first = np.where(negative, BINS // 2, BINS)
    while True:
        place = np.arange(2 * BINS)
        outside = (place < first[:, None]) | (place >= first[:, None] + BINS)
        rows = np.flatnonzero((wide * outside).any(1))
        if not len(rows):
            break
        wide[rows] = _doubled(wide[rows])
        exponent[rows] += 1
    return exponent, np.take_along_axis(wide, first[:, None] + np.arange(BINS), 1)
