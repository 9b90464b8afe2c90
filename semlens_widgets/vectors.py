"""Vectors and rankings in plain numpy: the arithmetic everything above agrees on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped


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


def mean_ranks(values: Float[np.ndarray, "row item"]) -> Float[np.ndarray, "row item"]:
    """Ranks of each row's values, from 1; equal values share the mean of their ranks."""
    size = values.shape[1]
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, 1)
    differs = ordered[:, 1:] != ordered[:, :-1]
    place = np.arange(size)
    first, last = np.zeros(values.shape, np.int64), np.full(values.shape, size - 1)
    first[:, 1:] = np.where(differs, place[1:], 0)
    last[:, :-1] = np.where(differs, place[:-1], size - 1)
    first = np.maximum.accumulate(first, axis=1)
    last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, 1)
    return ranks


def two_means(
    vectors: Float[np.ndarray, "component example dim"], counts: Int[np.ndarray, " component"] | None = None
) -> Bool[np.ndarray, "component example"]:
    """Each component's examples in two clusters of small squared distance: True for those in the second.

    The first example is in the first cluster; entries beyond `counts` are in neither, and False. Works on inner
    products alone, for all components at once: from every example and the one farthest from it, Lloyd's
    iterations, then from the best few results single moves while one lowers the distance (Hartigan). No chance is
    involved; no single move improves the result, though some other partition may be better still.
    """
    size = vectors.shape[1]
    counts = np.full(len(vectors), size) if counts is None else np.asarray(counts)
    second = np.zeros(vectors.shape[:2], bool)
    rows = np.flatnonzero(counts >= 2)
    step = max(1, 2**23 // max(size**3, vectors[:1].size, 1))
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        part = vectors[block].astype(np.float32, copy=False)
        second[block] = _bisected(part @ part.transpose(0, 2, 1), np.arange(size) < counts[block, None])
    return second


_FINALISTS = 8  # of the restarts of `two_means`: those whose results are refined


def _bisected(
    products: Float[np.ndarray, "component example other"], valid: Bool[np.ndarray, "component example"]
) -> Bool[np.ndarray, "component example"]:
    size = valid.shape[1]
    every, weight = np.arange(len(valid))[:, None], valid[:, None].astype(np.float32)
    squares = np.einsum("cee->ce", products)
    distances = squares[:, :, None] + squares[:, None] - 2 * products
    seeds = np.where(valid[:, None], distances, -1).argmax(2)
    side = ((distances[every, seeds] < distances) & valid[:, None]).astype(np.float32)
    side[every, np.arange(size), seeds] = weight[every, 0, seeds]
    for _ in range(size):
        nearer = (_gaps(products, side, weight) < 0) & valid[:, None]
        moved = nearer.astype(np.float32)
        usable = moved.any(2) & (weight - moved).any(2)
        moved = np.where(usable[..., None], moved, side)
        if np.array_equal(moved, side):
            break
        side = moved
    order = np.argsort(-_closeness(products, side, weight), axis=1, kind="stable")[:, :_FINALISTS]
    side = _refined(products, side[every, order], weight)
    chosen = side[every[:, 0], _closeness(products, side, weight).argmax(1)] > 0
    return np.where(chosen[:, :1], ~chosen, chosen) & valid


def _refined(
    products: Float[np.ndarray, "component example other"],
    side: Float[np.ndarray, "component result example"],
    weight: Float[np.ndarray, "component 1 example"],
) -> Float[np.ndarray, "component result example"]:
    """Each partition after single moves, the best one first, as long as one lowers the squared distances.

    All that a move needs is kept up to date (the products with the second cluster's sum `b`, its size, its squared
    length), so a move costs one row of products, whatever the clusters hold.
    """
    (n_b, b, bb), _ = _sums(products, side, weight)
    total = (weight @ products)[:, 0]
    size, whole = weight.sum((1, 2)), np.einsum("ce,ce->c", weight[:, 0], total)
    shape, examples = side.shape, side.shape[2]
    owner = np.repeat(np.arange(len(side)), shape[1])
    side, b = side.reshape(-1, examples), b.reshape(-1, examples).copy()
    n_b, bb = n_b.ravel().copy(), bb.ravel().copy()
    square = np.einsum("cee->ce", products)
    held = np.einsum("re,re->r", side, total[owner])  # the second cluster's sum with that of all
    result, rows = side.copy(), np.arange(len(side))
    for _ in range(2 * examples):
        n_a, aa = size[owner] - n_b, whole[owner] - 2 * held + bb
        turn = np.where(side > 0, -1, 1).astype(np.float32)  # how many join the second cluster
        own = square[owner]
        grown_b = (bb[:, None] + 2 * turn * b + own) / np.maximum(n_b[:, None] + turn, 1)
        grown_a = (aa[:, None] - 2 * turn * (total[owner] - b) + own) / np.maximum(n_a[:, None] - turn, 1)
        gain = grown_b + grown_a
        last = np.where(side > 0, n_b[:, None], n_a[:, None]) <= 1
        gain[last | (weight[owner, 0] == 0)] = -np.inf
        moved = gain.argmax(1)
        at = np.arange(len(side))
        worth = gain[at, moved] - bb / np.maximum(n_b, 1) - aa / np.maximum(n_a, 1) > 1e-6
        if not worth.all():
            result[rows] = side
            side, b, n_b, bb, held = (array[worth] for array in (side, b, n_b, bb, held))
            owner, rows, moved, turn = owner[worth], rows[worth], moved[worth], turn[worth]
            at = at[: len(side)]
        if not len(side):
            break
        way = turn[at, moved]
        bb = bb + 2 * way * b[at, moved] + square[owner, moved]
        b += way[:, None] * products[owner, moved]
        held += way * total[owner, moved]
        n_b = n_b + way
        side[at, moved] += way
    result[rows] = side
    return result.reshape(shape)


def _sums(products: np.ndarray, side: np.ndarray, weight: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """For the second cluster, then the first: (members, products with its sum, squared length of its sum)."""
    total, along = weight @ products, side @ products
    members, square = side.sum(2, keepdims=True), np.einsum("cre,cre->cr", side, along)[..., None]
    yield members, along, square
    whole = np.einsum("coe,coe->co", weight, total)[..., None]
    yield weight.sum(2, keepdims=True) - members, total - along, whole - 2 * (side @ total.swapaxes(1, 2)) + square


def _gaps(products: np.ndarray, side: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Squared distance to the second centroid minus that to the first."""
    (nb, b, bb), (na, a, aa) = _sums(products, side, weight)
    nb, na = np.maximum(nb, 1), np.maximum(na, 1)
    return (bb / nb - 2 * b) / nb - (aa / na - 2 * a) / na


def _closeness(products: np.ndarray, side: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """What two clusters leave of the squared length; the larger, the smaller the squared distances."""
    (nb, _, bb), (na, _, aa) = _sums(products, side, weight)
    return (bb / np.maximum(nb, 1) + aa / np.maximum(na, 1))[..., 0]


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
