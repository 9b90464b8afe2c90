"""What pairs say of each component: how much it changes, how surely, and how selectively."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import bdtrc

from ..inference import auroc

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


def separation(
    above: Float[np.ndarray, "image component"], below: Float[np.ndarray, "other component"]
) -> Float[np.ndarray, " component"]:
    """AUROC of each component: the chance that it responds more strongly to one of the first images than to one of the
    others. In [0, 1], .5 is chance."""
    return np.asarray([auroc(a, b) for a, b in zip(above.T, below.T, strict=True)], np.float64)


def without_noise(
    differences: Float[np.ndarray, "pair component"], spread: Float[np.ndarray, " component"]
) -> Float[np.ndarray, "pair component"]:
    """Differences with zeros in place of what is only rounding."""
    return np.where(np.abs(differences) <= _TIE * spread, 0.0, differences)
