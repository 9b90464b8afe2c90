"""Words ranked for directions: what all ways of scoring share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ..clip import Probes
from ..neighbours import closest
from ..space import SemanticSpace

_CANDIDATES = 20  # words among which `distinct` chooses
_NEAR = 0.8  # of the best word's gain over chance; below it `distinct` does not look
_SIBLINGS = 5
_FEW = 5  # columns that are found faster one by one
_BLOCK_NUMBERS = 1 << 22


@dataclass(frozen=True, eq=False)
class Ranked:
    """For some directions, the best words with all that is known about them [direction label]."""

    words: Int[np.ndarray, "direction label"]
    scores: Float[np.ndarray, "direction label"]
    z: Float[np.ndarray, "direction label"]
    confidence: Float[np.ndarray, "direction label"]
    margins: Float[np.ndarray, " direction"]


def best_columns(scores: Float[np.ndarray, "row probe"], count: int) -> Int[np.ndarray, "row candidate"]:
    """Per row the `count` best columns, best first, equal ones by lower column."""
    if count <= _FEW:
        rest, row = scores.copy(), np.arange(len(scores))
        columns = np.empty((len(scores), count), np.int64)
        for rank in range(count):
            columns[:, rank] = rest.argmax(1)
            rest[row, columns[:, rank]] = -np.inf
        return columns
    chosen = np.sort(np.argpartition(scores, scores.shape[1] - count, axis=1)[:, scores.shape[1] - count :], axis=1)
    order = np.argsort(-np.take_along_axis(scores, chosen, 1), axis=1, kind="stable")
    return np.take_along_axis(chosen, order, 1)


def chosen_words(
    scores: Float[np.ndarray, "row probe"],
    gains: Float[np.ndarray, "row candidate"],
    words: Int[np.ndarray, "row candidate"],
    rivals: Float[np.ndarray, "row candidate"] | None,
    k: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(words, scores, margins) of the k best candidates; with the siblings' scores in `rivals`, made distinct."""
    values = np.take_along_axis(scores, words, 1)
    rank_by = values
    if rivals is not None:
        near = gains >= _NEAR * gains[:, :1]
        near[:, 0] = True
        rank_by = np.where(near, values - rivals, -np.inf)
        order = np.argsort(-rank_by, axis=1, kind="stable")
        # Words too far below the best keep their place behind the others, by score.
        words, values, rank_by = (np.take_along_axis(a, order, 1) for a in (words, values, rank_by))
    second = np.where(np.isfinite(rank_by[:, 1]), rank_by[:, 1], -np.inf)
    margins = np.where(np.isfinite(second), rank_by[:, 0] - second, values[:, 0] - values[:, 1])
    return words[:, :k], values[:, :k], margins


def confidence(values: Float[np.ndarray, "row label"], null: Float[np.ndarray, "label set"]) -> np.ndarray:
    """The share of null values below each, never quite 1: (n - those at least as large) / (n + 1)."""
    below = np.stack([np.searchsorted(column, values[:, rank]) for rank, column in enumerate(null)], 1)
    return below / (null.shape[1] + 1)


def siblings(space: SemanticSpace, directions: Float[np.ndarray, "direction dim"]) -> Int[np.ndarray, "component s"]:
    """Per component the rows of its nearest siblings in its layer, itself where there are too few."""
    size = len(space.components)
    result = np.tile(np.arange(size)[:, None], (1, _SIBLINGS))
    for layer in space.components.layers:
        rows = np.arange(size)[space.components.rows(layer)]
        rows = rows[space.alive[rows]]
        count = min(_SIBLINGS, len(rows) - 1)
        if count < 1:
            continue
        near, _ = closest(directions[rows], None, count)
        result[rows, :count] = rows[near]
        result[rows, count:] = result[rows, :1]
    return result


def row_blocks(rows: int, columns: int) -> list[slice]:
    """Slices of `rows` rows, so that a table of them with as many columns stays small."""
    step = max(1, _BLOCK_NUMBERS // max(columns, 1))
    return [slice(at, min(at + step, rows)) for at in range(0, rows, step)]


def known_words(probes: Probes) -> Bool[np.ndarray, " probe"]:
    """The words that the CLIP has seen."""
    return np.asarray([not unseen for unseen in probes.unknown], bool)


def places(known: Bool[np.ndarray, " probe"], k: int, distinct: bool) -> tuple[int, int]:
    """(labels, candidates) per direction, of k asked: a label has a runner-up, and `distinct` needs a choice."""
    most = int(known.sum())
    return min(k, most), min(max(k, 2, _CANDIDATES if distinct else 0), most)
