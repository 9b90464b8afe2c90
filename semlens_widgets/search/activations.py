"""Evidence of all activations: how responses to images that show a probe rank beside those to images that do not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.special import log_ndtr, ndtr, ndtri_exp

from ..inference import as_normal
from ..space import SemanticSpace

_ROWS = 256  # components at once: their ranks stay in the processor's cache
_LEAST = -8.0  # below it nobody tells one z from another


def activation_z(
    space: SemanticSpace,
    vector: Float[np.ndarray, " dim"],
    chosen: slice | Int[np.ndarray, " row"],
    count: int,
    query_rows: Sequence[int] = (),
) -> Float[np.ndarray, " row"]:
    """How far the mean rank of a component's responses to sampled images that show a probe lies above that to images
    that do not: as the deviation of a normal distribution that chance exceeds as often.

    Chance is any other order of the images. Nothing is drawn at random: mean, variance and skewness over all orders are
    known, ties included (Wilcoxon 1945; Pitman 1937), and with these three the distribution is nearly Pearson's type
    III (Mielke & Berry 2007). Where few images show the probe and most responses are equal, as
    behind a rectifier, it is far from normal. 0 where too few images show the probe, or do not, and for a component
    that answers the same to all. Examples of `query_rows`, which made the probe, count for neither.
    """
    sample = space.sample
    assert sample is not None
    weights = _weights(space, vector, query_rows)
    result = np.zeros(count, np.float32)
    if not weights.any():
        return result
    ranks, images, double = sample.ranks, len(weights), weights.astype(np.float64)
    squares, cubes = sample.rank_sums[chosen].T
    variance = squares * float(double @ double) / (images - 1)
    third = cubes * float((double**3).sum()) * images / ((images - 1) * (images - 2))
    spread = np.sqrt(np.maximum(variance, 1e-24))
    for start in range(0, count, _ROWS):
        some = _part(chosen, slice(start, min(start + _ROWS, count)))
        result[start : start + _ROWS] = ranks[some].astype(np.float32) @ weights
    return as_normal(result / spread, third / spread**3).astype(np.float32)


def _weights(
    space: SemanticSpace, vector: Float[np.ndarray, " dim"], query_rows: Sequence[int]
) -> Float[np.ndarray, " image"]:
    """What each sampled image counts: of sum 0, equally for those that show the probe, and for those that do not."""
    show, sample, examples = space.showing(vector[None]), space.sample, space.examples
    assert sample is not None
    known = np.zeros((1, len(sample)), bool)
    for row in query_rows:
        known |= np.isin(sample.images, examples.images[row, : examples.counts[row]])
    (shows,), (lacks,) = show.without(known, np.zeros(1, np.int64))
    if not (shows.any() and lacks.any()):
        return np.zeros(len(shows), np.float32)
    return (shows / shows.sum() - lacks / lacks.sum()).astype(np.float32)


def _part(chosen: slice | Int[np.ndarray, " row"], part: slice) -> Any:
    return slice(chosen.start + part.start, chosen.start + part.stop) if isinstance(chosen, slice) else chosen[part]


def larger_of_two(z: Float[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
    """The z of the larger of two kinds of evidence, when it is corrected for there being two (Sidak 1967)."""
    z = np.maximum(np.asarray(z, np.float64), _LEAST)
    return (-ndtri_exp(log_ndtr(-z) + np.log1p(ndtr(z)))).astype(np.float32)
