"""An order in which alike things stand side by side: the leaves of a hierarchical clustering."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def cluster_order(features: Float[np.ndarray, "item feature"]) -> Int[np.ndarray, " item"]:
    """The items in the order of an average-linkage tree, each branch turned so that like meets like.

    Distances are Euclidean; a missing (NaN) feature counts as its column's mean. The first of equals goes first,
    so that the order is the same every time. Meant for the rows and columns of a picture: time grows with items³.
    (Sokal & Michener 1958; branches are turned greedily, at the merge)
    """
    known = np.asarray(features, np.float64)
    with np.errstate(invalid="ignore"):
        sums, counts = np.nansum(known, 0), np.maximum(np.isfinite(known).sum(0), 1)
    filled = np.where(np.isfinite(known), known, sums / counts)
    between = np.sqrt(((filled[:, None] - filled[None]) ** 2).sum(-1))
    apart = between.copy()
    np.fill_diagonal(apart, np.inf)
    branches = {i: [i] for i in range(len(filled))}
    for _ in range(len(filled) - 1):
        first, second = sorted(int(at) for at in np.unravel_index(apart.argmin(), apart.shape))
        left, right = branches[first], branches.pop(second)
        turned = [(a, b) for a in (left, left[::-1]) for b in (right, right[::-1])]
        a, b = min(turned, key=lambda pair: between[pair[0][-1], pair[1][0]])
        merged = (len(left) * apart[first] + len(right) * apart[second]) / (len(left) + len(right))
        apart[first], apart[:, first] = merged, merged
        apart[second], apart[:, second] = np.inf, np.inf
        apart[first, first] = np.inf
        branches[first] = a + b
    return np.asarray(next(iter(branches.values()), []), np.int64)
