"""Means over components, with how far they can be trusted."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

from ..intervals import UNKNOWN, Interval

_MANY = 20_000  # components whose mean is as good as normal


def _normal_interval(values: Float[np.ndarray, " value"]) -> Interval:
    """The mean with its 95 % interval by the standard error; NaN of nothing."""
    if not len(values):
        return UNKNOWN
    mean, wide = float(values.mean()), float(ndtri(0.975) * values.std() / np.sqrt(len(values)))
    return Interval(mean, mean - wide, mean + wide)


def bootstrap_means(
    values: Float[np.ndarray, "score component"], *, rounds: int = 1000, seed: int = 0
) -> list[Interval]:
    """The mean of each row over its finite entries, with 95 % bootstrap intervals; NaN where there are none.

    Components are drawn with replacement, the same for all rows. More than `_MANY` are not drawn: their means vary as
    the normal law says.
    """
    finite = np.isfinite(values)
    known = np.where(finite, values, 0).astype(np.float64)
    if values.shape[1] > _MANY:
        return [_normal_interval(row[chosen]) for row, chosen in zip(known, finite, strict=True)]
    random = np.random.default_rng(seed)
    n = values.shape[1]
    means = np.empty((rounds, len(values)))
    with np.errstate(invalid="ignore", divide="ignore"):
        for at in range(rounds):
            weights = np.bincount(random.integers(0, n, n), minlength=n) if n else np.zeros(0)
            means[at] = known @ weights / (finite @ weights)
        centre = known.sum(1) / finite.sum(1)
    result = []
    for at, mean in enumerate(centre):
        drawn = means[:, at][np.isfinite(means[:, at])]
        low, high = np.quantile(drawn, (0.025, 0.975)) if len(drawn) else (np.nan, np.nan)
        result.append(Interval(float(mean), float(low), float(high)))
    return result
