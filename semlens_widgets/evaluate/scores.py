"""The three scores, of vectors: how alike a component's examples are, how far apart, how near its sibling is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from ..neighbours import nearest_within
from ..vectors import halves, product_blocks, unit

SCORES = ("clarity", "redundancy", "polysemanticity")
NO_SIBLING = np.iinfo(np.int32).max  # a row that no array has
_FALLBACK_EXAMPLES = 10  # as in semanticlens 0.2.1
OnStep = Callable[[int, int], None]


def centred(
    embeddings: Float[np.ndarray, "component example dim"], centre: Float[np.ndarray, "*component dim"]
) -> Float[np.ndarray, "component example dim"]:
    """Unit embeddings seen from `centre`, unit again; absent (zero) ones stay zero.

    The centre is the mean vector of the data set, one for all or one per component.
    """
    present = np.einsum("ced,ced->ce", embeddings, embeddings) > 0
    return unit((embeddings - centre[..., None, :]) * present[..., None]).astype(embeddings.dtype)


def clarity(
    embeddings: Float[np.ndarray, "component example dim"],
    counts: Int[np.ndarray, " component"] | None = None,
    *,
    centre: Float[np.ndarray, " dim"] | None = None,
) -> Float[np.ndarray, " component"]:
    """How similar each component's examples are to each other: the mean cosine over distinct pairs.

    Unit vectors in, those beyond a component's `counts` (default: none) being zero; out, one number per
    component in [-1/(n-1), 1] for n examples. NaN for fewer than two: a single image has no pair. `centre`, the
    mean vector of the data set, is subtracted first: raw clarity cannot tell a component of two concepts from
    noise, for all images of a data set are somewhat alike. (Dreyer et al. 2025, "clarity")
    """
    embeddings, n = _checked(embeddings, counts, centre)
    total = embeddings.sum(1, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        score = (np.einsum("cd,cd->c", total, total) / n - 1) / (n - 1)
    return np.where(n >= 2, score, np.nan)


def redundancy(
    vectors: Float[np.ndarray, "component dim"], *, centre: Float[np.ndarray, " dim"] | None = None
) -> Float[np.ndarray, " component"]:
    """How close each component's nearest sibling is: the largest cosine to another component's vector.

    In [-1, 1]; the mean over a layer is the layer's redundancy. NaN for a zero vector (a dead component) and
    where there is no other. `centre` is subtracted from all vectors first. (Dreyer et al. 2025, "redundancy")
    """
    return nearest(vectors, centre=centre)[1]


def nearest(
    vectors: Float[np.ndarray, "component dim"],
    *,
    centre: Float[np.ndarray, " dim"] | None = None,
    on_step: OnStep | None = None,
) -> tuple[Int[np.ndarray, " component"], Float[np.ndarray, " component"]]:
    """(row of the nearest other vector, its cosine) for each vector; (`NO_SIBLING`, NaN) where there is none.

    Zero vectors have no direction: they have no sibling and are none. Of equally near ones the first counts. Works in
    tiles on all processors (see `neighbours`); `on_step(done, in all)` is called now and then, and what it raises ends
    the work.
    """
    alive = np.einsum("cd,cd->c", vectors, vectors) > 0
    directions = unit(vectors if centre is None else (vectors - centre) * alive[:, None]).astype(np.float32)
    rows, cosines = np.full(len(vectors), NO_SIBLING, np.int64), np.full(len(vectors), np.nan, np.float32)
    living = np.flatnonzero(alive)
    if len(living) < 2:
        return rows, cosines
    own, cosines[living] = nearest_within(directions[living], on_step=on_step)
    rows[living] = living[own]
    return rows, cosines


def polysemanticity(
    embeddings: Float[np.ndarray, "component example dim"],
    counts: Int[np.ndarray, " component"] | None = None,
    *,
    centre: Float[np.ndarray, " dim"] | None = None,
) -> Float[np.ndarray, " component"]:
    """The distance between the two clusters of each component's examples: 1 - cosine of the two 2-means centroids.

    Unit vectors in, as for `clarity`; out, one number per component in [0, 2], NaN for fewer than two examples.
    Where a cluster has a single member: 1 - the mean cosine of the mean and each of the ten strongest examples,
    as in the authors' code. Read it beside `clarity` only: images without anything in common look polysemantic.
    (Dreyer et al. 2025, "polysemanticity")
    """
    embeddings, n = _checked(embeddings, counts, centre)
    score = np.full(len(n), np.nan)
    for rows, products in product_blocks(embeddings):
        second = halves(products, n[rows])
        first = (np.arange(embeddings.shape[1]) < n[rows, None]) & ~second
        sides = np.stack([first, second], 1).astype(np.float32)
        along = sides @ products  # of each half's sum and every example
        between = (along @ sides.swapaxes(1, 2)).astype(np.float64)
        strongest = along[:, :, :_FALLBACK_EXAMPLES].sum((1, 2)) / np.clip(n[rows], 1, _FALLBACK_EXAMPLES)
        lonely = sides.sum(2).min(1) < 2
        product = np.where(lonely, strongest, between[:, 0, 1])
        square = np.where(lonely, between.sum((1, 2)), between[:, 0, 0] * between[:, 1, 1])
        score[rows] = 1 - np.divide(product, np.sqrt(square.clip(0)), out=np.zeros(len(square)), where=square > 0)
    return np.where(n >= 2, score, np.nan)


def _checked(
    embeddings: np.ndarray, counts: np.ndarray | None, centre: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """(embeddings, centred if asked; number of examples per component)."""
    if embeddings.ndim != 3:
        raise ValueError(f"embeddings have shape {embeddings.shape}; needed is [component example dim]")
    n = np.full(len(embeddings), embeddings.shape[1]) if counts is None else np.asarray(counts)
    if n.shape != (len(embeddings),) or n.min(initial=0) < 0 or n.max(initial=0) > embeddings.shape[1]:
        raise ValueError(f"counts are one number from 0 to {embeddings.shape[1]} per component, not {counts}")
    return (embeddings if centre is None else centred(embeddings, centre)), n
