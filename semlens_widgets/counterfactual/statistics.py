"""What pairs say of each component: how much it changes, how surely, and how selectively."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import bdtrc

_TIE = 1e-5  # of a component's spread: smaller differences are none


def sign_test(differences: Float[np.ndarray, "pair component"]) -> Float[np.ndarray, " component"]:
    """The two-sided exact sign test of paired differences: how often as many of them, or more, would have one sign if
    both signs were equally likely. Zeros say nothing and are left out; 1 where nothing is left.

    It asks for no distribution, only for independent pairs. (Arbuthnott 1710; Conover, Practical Nonparametric
    Statistics, 1999, "sign test")
    """
    up, down = (differences > 0).sum(0), (differences < 0).sum(0)
    n = up + down
    tail = bdtrc(np.maximum(up, down) - 1, np.maximum(n, 1), 0.5)
    return np.where(n == 0, 1.0, np.minimum(1.0, 2 * tail))


def one_sided_sign_test(differences: Float[np.ndarray, "pair component"]) -> Float[np.ndarray, " component"]:
    """The same, for more differences above zero than by chance only; a zero counts against it."""
    up = (differences > 0).sum(0)
    return np.where(up == 0, 1.0, bdtrc(np.maximum(up, 1) - 1, len(differences), 0.5))


def holm(p: Float[np.ndarray, " test"]) -> Float[np.ndarray, " test"]:
    """p values of many tests so corrected that the chance of one false find among all is at most their level, however
    the tests depend on each other (Holm 1979). NaN is no test."""
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    corrected = np.full(len(p), np.nan)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)))
    return corrected


def separation(
    above: Float[np.ndarray, "image component"], below: Float[np.ndarray, "other component"]
) -> Float[np.ndarray, " component"]:
    """AUROC: the chance that a component responds more strongly to one of the first images than to one of the others,
    whichever two they are; ties count half (Mann & Whitney 1947). In [0, 1], .5 is chance."""
    found = np.empty(above.shape[1])
    for component in range(above.shape[1]):
        ordered = np.sort(below[:, component])
        lower, upper = (np.searchsorted(ordered, above[:, component], side).sum() for side in ("left", "right"))
        found[component] = (lower + upper) / 2 / (len(above) * len(below))
    return found


def without_noise(
    differences: Float[np.ndarray, "pair component"], spread: Float[np.ndarray, " component"]
) -> Float[np.ndarray, "pair component"]:
    """Differences with zeros in place of what is only rounding."""
    return np.where(np.abs(differences) <= _TIE * spread, 0.0, differences)
