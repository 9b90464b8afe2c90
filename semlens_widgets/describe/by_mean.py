"""The words of directions by cosine, as in a search, held against random sets of images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, Int

from ..clip import Probes
from ..evaluate import OnStep
from ..space import SemanticSpace
from ..threads import on_all
from .ranking import Ranked, best_columns, chosen_words, confidence, known_words, places, row_blocks, siblings

_NULL_SETS = 1000


@dataclass(frozen=True, eq=False)
class _WordNull:
    """Of random sets of one size: mean and deviation of each word's score, and the sorted z of their best words.

    z counts these deviations. What is told of a label is the normal deviate instead, as in a search.
    """

    mean: Float[np.ndarray, " probe"]
    sd: Float[np.ndarray, " probe"]
    z: Float[np.ndarray, "label set"]

    @classmethod
    def of(
        cls, sets: Float[np.ndarray, "set dim"], vectors: Float[np.ndarray, "probe dim"], known: np.ndarray, k: int
    ) -> _WordNull:
        centre = sets.mean(0)
        spread = (sets - centre).T @ (sets - centre) / len(sets)
        mean = vectors @ centre
        sd = np.sqrt(np.maximum(np.einsum("pd,pd->p", vectors @ spread, vectors), 1e-18))
        best = []
        for rows in row_blocks(min(len(sets), _NULL_SETS), len(vectors)):
            scores = np.where(known, sets[rows] @ vectors.T, -np.inf)
            words = best_columns(scores, k)
            best.append((np.take_along_axis(scores, words, 1) - mean[words]) / sd[words])
        return cls(mean, sd, np.sort(np.concatenate(best), axis=0).T)


@dataclass(frozen=True, eq=False)
class Directions:
    """Unit vectors to be labelled, and the null that each is held against.

    `lengths` are what made them unit: the null is divided by them, too. `sizes` says which of the space's set sizes
    each is the mean of.
    """

    vectors: Float[np.ndarray, "direction dim"]
    lengths: Float[np.ndarray, " direction"]
    sizes: Int[np.ndarray, " direction"]

    @classmethod
    def of_components(cls, space: SemanticSpace, centre: bool) -> Directions:
        vectors = space.centred if centre else space.vectors
        return cls(vectors, space.divided_by(np.arange(len(vectors)), centre), space.set_size_of)


def ranked_by_mean(
    space: SemanticSpace,
    directions: Directions,
    probes: Probes,
    k: int,
    *,
    centre: bool,
    distinct: bool,
    on_step: OnStep | None = None,
) -> Ranked:
    """Words by the cosine of word and direction; `distinct` is for directions that are the space's components.

    `on_step(directions done, in all)` is called after each block of them; what it raises ends the work.
    """
    known = known_words(probes)
    k, count = places(known, k, distinct)
    sets = space.null_of(centre)
    nulls = {int(at): _WordNull.of(sets[at], probes.vectors, known, k) for at in np.unique(directions.sizes)}
    rival = _sibling_means(space, directions.vectors) if distinct else None
    blocks = row_blocks(len(directions.vectors), len(probes))
    parts = []
    of_rows = partial(_ranked_rows, directions, probes.vectors, known, nulls, rival, k, count)
    for rows, part in zip(blocks, on_all(of_rows, blocks), strict=True):
        parts.append(part)
        if on_step is not None:
            on_step(rows.stop, len(directions.vectors))
    words, scores, z, sure, margins = (np.concatenate(column) for column in zip(*parts, strict=True))
    used, number = np.unique(words, return_inverse=True)
    by_chance = space.set_scores(probes.vectors[used], centre)
    if len(used):
        sizes, lengths = directions.sizes[:, None], directions.lengths[:, None]
        z = by_chance.deviates(scores, sizes, number.reshape(words.shape), lengths)
    return Ranked(words, scores, z, sure, margins)


def _ranked_rows(
    directions: Directions,
    vectors: Float[np.ndarray, "probe dim"],
    known: np.ndarray,
    nulls: dict[int, _WordNull],
    rival: Float[np.ndarray, "direction dim"] | None,
    k: int,
    count: int,
    rows: slice,
) -> tuple[np.ndarray, ...]:
    """The columns of `Ranked` for some of the directions."""
    scores = directions.vectors[rows] @ vectors.T
    scores[:, ~known] = -np.inf
    candidates = best_columns(scores, count)
    lengths = directions.lengths[rows, None]
    size = directions.sizes[rows, None]
    mean = _per_size(nulls, "mean", size, candidates) / lengths
    gains = np.take_along_axis(scores, candidates, 1) - mean
    rivals = None
    if rival is not None:
        rivals = np.take_along_axis(rival[rows] @ vectors.T, candidates, 1)
    words, values, margins = chosen_words(scores, gains, candidates, rivals, k)
    mean, sd = (_per_size(nulls, name, size, words) / lengths for name in ("mean", "sd"))
    z = (values - mean) / sd
    sure = np.zeros(z.shape)
    for at, null in nulls.items():
        own = size[:, 0] == at
        sure[own] = confidence(z[own], null.z)
    return words, values, z, sure, margins


def _per_size(nulls: dict[int, _WordNull], name: str, size: np.ndarray, words: np.ndarray) -> np.ndarray:
    result = np.empty(words.shape, np.float32)
    for at, null in nulls.items():
        own = size[:, 0] == at
        result[own] = getattr(null, name)[words[own]]
    return result


def _sibling_means(space: SemanticSpace, directions: np.ndarray) -> Float[np.ndarray, "component dim"]:
    siblings_of = siblings(space, directions)
    result = np.empty_like(directions, dtype=np.float32)
    for rows in row_blocks(len(directions), directions.shape[1] * siblings_of.shape[1]):
        result[rows] = directions[siblings_of[rows]].mean(1)
    return result
