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


NOTHING = np.iinfo(np.int64).min  # smaller than any `rank_keys`


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


def two_means(
    vectors: Float[np.ndarray, "component example dim"], counts: Int[np.ndarray, " component"] | None = None
) -> Bool[np.ndarray, "component example"]:
    """Each component's examples in two clusters of small squared distance: True for those in the second.

    The first example is in the first cluster; entries beyond `counts` are in neither, and False. See `halves`.
    """
    counts = np.full(len(vectors), vectors.shape[1]) if counts is None else np.asarray(counts)
    second = np.zeros(vectors.shape[:2], bool)
    for rows, products in product_blocks(vectors):
        second[rows] = halves(products, counts[rows])
    return second


def product_blocks(
    vectors: Float[np.ndarray, "component example dim"],
) -> Iterator[tuple[slice, Float[np.ndarray, "row example other"]]]:
    """All components in blocks of bounded memory: (their rows, the inner products of each one's examples)."""
    size = vectors.shape[1]
    step = max(1, 2**23 // max(size**3, vectors[:1].size, 1))
    for start in range(0, len(vectors) if size else 0, step):
        rows = slice(start, min(start + step, len(vectors)))
        part = vectors[rows].astype(np.float32, copy=False)
        products = np.empty((len(part), size, size), np.float32)
        # By halves: for a whole matrix and its own transpose numpy takes a routine that is slower at this size.
        for half in (slice(size // 2), slice(size // 2, None)):
            np.matmul(part[:, half], part.transpose(0, 2, 1), out=products[:, half])
        yield rows, products


_ROUNDS, _FINALISTS = 3, 10  # of `halves`: of moving many at once; those results that are refined


def halves(
    products: Float[np.ndarray, "component example other"], counts: Int[np.ndarray, " component"]
) -> Bool[np.ndarray, "component example"]:
    """`two_means` from inner products alone, for all components at once.

    From every example and the one farthest from it, the others joining the nearer: a few rounds in which all
    examples change sides whose own move, the others staying, would lower the squared distances; then from the best
    results single moves, the best first, while one does (Hartigan). No chance is involved; no single move improves
    the result, though some other partition may be better still.
    """
    present = (np.arange(products.shape[1]) < counts[:, None])[:, None].astype(np.float32)
    size = present.sum(2, keepdims=True)
    products = _centred(products, counts)
    squares = np.einsum("cee->ce", products)[:, None]
    squares = np.where(present > 0, squares, np.float32(-1e30))  # an absent example's move is never the best
    side = present * _signs(_nearer_to_farthest(products, squares))
    for _ in range(_ROUNDS):
        now, moved = _spread(products, squares, side, size)
        side *= _signs(moved <= now)
    now, _ = _spread(products, squares, side, size)
    side = np.take_along_axis(side, _best_unlike(now[..., 0], _FINALISTS)[..., None], 1)
    going: np.ndarray = np.arange(len(side))
    for _ in range(2 * products.shape[1]):
        now, moved = _spread(products[going], squares[going], side[going], size[going])
        best = moved.argmax(2)
        better = np.take_along_axis(moved, best[..., None], 2)[..., 0] > now[..., 0] * (1 + 1e-6)
        at, result = better.nonzero()
        side[going[at], result, best[at, result]] *= -1
        going = going[better.any(1)]
        if not len(going):
            break
    now, _ = _spread(products, squares, side, size)
    second = side[np.arange(len(side)), now[..., 0].argmax(1)] > 0
    return np.where(second[:, :1], ~second, second) & (present[:, 0] > 0)


def _centred(products: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The products of the same vectors seen from their mean; 0 with absent ones."""
    sizes, which = np.unique(counts, return_inverse=True)  # few, and all components of one size are centred alike
    present = (np.arange(products.shape[1]) < sizes[:, None]).astype(np.float32)
    means = present[:, :, None] * present[:, None] / np.maximum(sizes, 1)[:, None, None]
    centring = (np.eye(products.shape[1]) * present[:, None] - means).astype(np.float32)[which]
    return centring @ products @ centring


def _signs(which: Bool[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch"]:
    """1 for True, -1 for False; several times faster than `np.where`."""
    return 2 * which.astype(np.float32) - 1


def _nearer_to_farthest(
    products: Float[np.ndarray, "component example other"], squares: Float[np.ndarray, "component 1 example"]
) -> Bool[np.ndarray, "component start example"]:
    """Whether each example lies nearer to the one that is farthest from `start` than to `start`."""
    farthest = (squares - 2 * products).argmax(2)
    at = np.arange(len(products))[:, None]
    return squares[at, 0, farthest][..., None] - squares.swapaxes(1, 2) < 2 * (products[at, farthest] - products)


def _spread(
    products: Float[np.ndarray, "component example other"],
    squares: Float[np.ndarray, "component 1 example"],
    side: Float[np.ndarray, "component result example"],
    size: Float[np.ndarray, "component 1 1"],
) -> tuple[Float[np.ndarray, "component result 1"], Float[np.ndarray, "component result example"]]:
    """How far apart two clusters lie, and would with each example on the other side.

    Sides are -1 and 1, 0 for an absent example. With centred products H and clusters of a and b examples it is
    side' H side / 4ab, a constant share of what the clusters take off the squared distances to the common mean.
    """
    along = side @ products
    surplus = np.einsum("cre->cr", side)[..., None]
    spread, pairs = np.einsum("cre,cre->cr", side, along)[..., None] / 4, (size**2 - surplus**2) / 4
    along *= side
    moved = np.subtract(squares, along, out=along)
    moved += spread
    pairs_moved = side * surplus
    pairs_moved += pairs - 1
    moved /= np.maximum(pairs_moved, 1, out=pairs_moved)
    return spread / np.maximum(pairs, 1), moved


def _best_unlike(values: Float[np.ndarray, "component result"], k: int) -> Int[np.ndarray, "component best"]:
    """Where the k largest values of each row are, equal ones (in all likelihood the same result) last."""
    order = np.argsort(-values, axis=1, kind="stable")
    falling = np.take_along_axis(values, order, 1)
    again = np.zeros(values.shape, bool)
    again[:, 1:] = falling[:, 1:] >= falling[:, :-1] * (1 - 1e-6)
    return np.take_along_axis(order, np.argsort(again, axis=1, kind="stable")[:, :k], 1)


def frozen(array: np.ndarray) -> np.ndarray:
    """The array as a read-only view: what a value holds cannot change behind its back."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def freeze(value: object, *names: str) -> None:
    """Make arrays of a frozen dataclass read-only, as the end of its `__post_init__`; what is None stays so."""
    for name in names:
        if getattr(value, name) is not None:
            object.__setattr__(value, name, frozen(getattr(value, name)))
