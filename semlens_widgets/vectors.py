"""Vectors and rankings in plain numpy: the arithmetic everything above agrees on."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int, Shaped


def unit(vectors: Float[np.ndarray, "*batch dim"]) -> Float[np.ndarray, "*batch dim"]:
    """Vectors of length one along the last axis; a zero vector stays zero, for it has no direction."""
    vectors = np.asarray(vectors)
    length = np.sqrt(np.einsum("...d,...d->...", vectors, vectors))[..., None]
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)


def top_k(scores: Shaped[np.ndarray, " row"], k: int) -> tuple[Int[np.ndarray, " hit"], Shaped[np.ndarray, " hit"]]:
    """The k largest scores, largest first, equal scores by lower row first: (rows, scores).

    k larger than the number of scores gives them all. Selection takes one partial sort, not a full one.
    """
    scores = np.asarray(scores)
    k = min(k, len(scores))
    if k == 0:
        return np.zeros(0, np.int64), scores[:0]
    if k < len(scores):
        border = np.partition(scores, len(scores) - k)[len(scores) - k]
        above = np.flatnonzero(scores > border)
        rows = np.concatenate([above, np.flatnonzero(scores == border)[: k - len(above)]])
    else:
        rows = np.arange(len(scores))
    rows = rows[np.lexsort((rows, -scores[rows]))]
    return rows, scores[rows]


def rank_keys(responses: Float[np.ndarray, "*batch"], images: Int[np.ndarray, "*#batch"]) -> Int[np.ndarray, "*batch"]:
    """One integer per (response, image) whose order is: stronger response first, then lower image id.

    The float32 bits, made monotone, stand in the upper half and the complement of the id in the lower, so
    all keys of different images differ and any selection by key is the same whatever the order of arrival.
    """
    bits = (np.asarray(responses, np.float32) + np.float32(0)).view(np.int32)  # + 0 makes -0.0 equal 0.0
    monotone = np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits).astype(np.int64)
    return (monotone << 32) | (np.int64(0xFFFFFFFF) - np.asarray(images, np.int64))


def unrank_keys(
    keys: Int[np.ndarray, "*batch"],
) -> tuple[Float[np.ndarray, "*batch"], Int[np.ndarray, "*batch"]]:
    """The (response, image) pairs that `rank_keys` packed."""
    monotone = (keys >> 32).astype(np.int32)
    bits = np.where(monotone < 0, monotone ^ np.int32(0x7FFFFFFF), monotone)
    return bits.view(np.float32), (np.int64(0xFFFFFFFF) - (keys & np.int64(0xFFFFFFFF))).astype(np.int64)


def normal_tail(z: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch"]:
    """P(Z >= z) for a standard normal Z, in float64, relative error below 2e-7 at every z.

    The complementary error function by the Chebyshev fit of Press et al., Numerical Recipes, erfcc.
    """
    z = np.asarray(z, np.float64)
    x = np.abs(z) / np.sqrt(2)
    t = 1 / (1 + x / 2)
    coefficients = (
        0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807,
        -0.18628806, 0.09678418, 0.37409196, 1.00002368, -1.26551223,
    )  # fmt: skip
    polynomial = np.zeros_like(t)
    for c in coefficients:
        polynomial = polynomial * t + c
    upper = t * np.exp(-x * x + polynomial) / 2
    return np.where(z >= 0, upper, 1 - upper)


def frozen(array: np.ndarray) -> np.ndarray:
    """The array as a read-only view: what a value holds cannot change behind its back."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view
