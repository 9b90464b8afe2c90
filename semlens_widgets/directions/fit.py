"""Directions between two groups of feature vectors, and what chance would make of the same vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from ..inference import auroc
from ..vectors import unit

Kind = Literal["mean-difference", "logistic"]
_FOLDS = 5
_LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Groups:
    """Vectors of pictures that show a concept and of others; `unit_of` numbers what belongs together (both sides of a
    pair, else each picture by itself): it is never on both sides of a fold."""

    vectors: Float[np.ndarray, "picture feature"]
    shows: Bool[np.ndarray, " picture"]
    unit_of: Int[np.ndarray, " picture"]
    paired: bool

    def shuffled(self, draw: np.random.Generator) -> Bool[np.ndarray, " picture"]:
        """Who shows it if nobody did: labels in another order, or within each pair by a coin."""
        if not self.paired:
            return draw.permutation(self.shows)
        flipped = draw.random(int(self.unit_of.max()) + 1) < 0.5
        return self.shows ^ flipped[self.unit_of]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A direction of length one towards the concept; how surely it tells pictures that it was not made from; the step
    along it from the mean of the others to that of the shown; and both of directions between random groups of the same
    pictures, [draw feature] and [draw]."""

    vector: Float[np.ndarray, " feature"]
    auroc: float
    step: Float[np.ndarray, " feature"]
    random: Float[np.ndarray, "draw feature"]
    random_aurocs: Float[np.ndarray, " draw"]

    @property
    def p(self) -> float:
        return float((1 + (self.random_aurocs >= self.auroc).sum()) / (1 + len(self.random_aurocs)))

    @property
    def line(self) -> float:
        return float(np.quantile(self.random_aurocs, _LEVEL))


def fitted(groups: Groups, kind: str, rounds: int, seed: int) -> Fitted:
    """The direction, its held-out AUROC by cross-validation, and `rounds` random ones. (Kim et al. 2018; permutation)

    All is computed in the span of the pictures, which loses nothing: a direction outside tells none of them apart.
    """
    middle = groups.vectors.mean(0, dtype=np.float64)
    centred = groups.vectors - middle
    left, sizes, right = np.linalg.svd(centred, full_matrices=False)
    kept = sizes > 1e-6 * max(sizes[0], 1e-300)
    scale = float(sizes[0]) / np.sqrt(len(centred)) or 1.0
    spanned = left[:, kept] * sizes[kept] / scale
    draw = np.random.default_rng(seed)
    folds = draw.permutation(int(groups.unit_of.max()) + 1)[groups.unit_of] % _FOLDS
    vector = unit(_direction(spanned, groups.shows, kind) @ right[kept])
    auroc = _held_out(spanned, groups.shows, folds, kind)
    random, aurocs = np.zeros((rounds, groups.vectors.shape[1]), np.float32), np.zeros(rounds)
    for number in range(rounds):
        shows = groups.shuffled(draw)
        random[number] = _step(groups.vectors, shows, unit(_direction(spanned, shows, kind) @ right[kept]))
        aurocs[number] = _held_out(spanned, shows, folds, kind)
    step = _step(groups.vectors, groups.shows, vector).astype(np.float32)
    return Fitted(vector.astype(np.float32), auroc, step, random, aurocs)


def _step(vectors: np.ndarray, shows: np.ndarray, along: np.ndarray) -> Float[np.ndarray, " feature"]:
    """As far along a direction as the means of both groups lie apart."""
    return along * float((vectors[shows].mean(0) - vectors[~shows].mean(0)) @ along)


def _direction(vectors: np.ndarray, shows: np.ndarray, kind: str) -> Float[np.ndarray, " feature"]:
    if kind == "mean-difference":
        return vectors[shows].mean(0) - vectors[~shows].mean(0)
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000).fit(vectors, shows).coef_[0]


def _held_out(vectors: np.ndarray, shows: np.ndarray, folds: np.ndarray, kind: str) -> float:
    """The mean over folds of the AUROC on pictures that the direction was not made from; folds with one side are left
    out."""
    found = []
    for fold in range(_FOLDS):
        out = folds == fold
        if len(set(shows[out])) < 2 or len(set(shows[~out])) < 2:
            continue
        scores, shown = vectors[out] @ _direction(vectors[~out], shows[~out], kind), shows[out]
        found.append(auroc(scores[shown], scores[~shown]))
    return float(np.mean(found)) if found else float("nan")
