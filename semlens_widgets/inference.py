"""What several verbs infer by: which of two groups has larger numbers, the range of a share, many tests at once, tails
of distributions that are not quite normal."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from .numbers import Number


def auroc(above: Float[np.ndarray, " image"], below: Float[np.ndarray, " other"]) -> float:
    """The chance that a number of the first group exceeds one of the second, whichever two they are.

    Ties count half (Mann & Whitney 1947). In [0, 1], .5 is chance; NaN where a group is empty.
    """
    if not len(above) or not len(below):
        return math.nan
    ordered = np.sort(below)
    lower, upper = (np.searchsorted(ordered, above, side).sum() for side in ("left", "right"))
    return float((lower + upper) / 2 / (len(above) * len(below)))


_NO_SKEWNESS = 1e-3  # below it, a distribution counts as normal


def as_normal(z: Any, skewness: Any) -> Float[np.ndarray, "*number"]:
    """The normal deviate that is exceeded as often as z, a standardised number with this skewness.

    By the cube root that makes a gamma distribution (Pearson's type III) normal (Wilson & Hilferty 1931). Skewness
    below 0, with which large z are rarer than normal ones, is left alone. The windows do the same (`normal.js`).
    """
    skewness = np.maximum(np.asarray(skewness, np.float64), _NO_SKEWNESS)
    root = np.cbrt(np.maximum(1 + np.asarray(z, np.float64) * skewness / 2, 0))
    return np.asarray(6 / skewness * (root - 1) + skewness / 6)


def of_normal(z: Any, skewness: Any) -> Float[np.ndarray, "*number"]:
    """The standardised number with this skewness that is exceeded as often as a normal deviate: undoes `as_normal`."""
    skewness = np.maximum(np.asarray(skewness, np.float64), _NO_SKEWNESS)
    root = 1 + (np.asarray(z, np.float64) - skewness / 6) * skewness / 6
    return np.asarray((root**3 - 1) * 2 / skewness)


def wilson(share: Number, n: Number, z: Number) -> tuple[float, float]:
    """The score interval of a share of `n`, z standard deviations wide to either side (Wilson 1927): (low, high)."""
    share, n, z = float(share), float(n), float(z)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def holm(p: Float[np.ndarray, " test"]) -> Float[np.ndarray, " test"]:
    """p values of many tests so corrected that the chance of one false find among all is at most their level, however
    the tests depend on each other (Holm 1979). NaN is no test."""
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    corrected = np.full(len(p), np.nan)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)))
    return corrected
