"""Nearest vectors by cosine among very many: in tiles of the product, on all processors, never the whole matrix.

Cosines are rounded to a grid of 2^-20 before they are compared, and the lower row wins among equals. A tie (two equal
vectors) is one, then, whatever tile it falls into, and the size of the tiles does not matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, Int

from .threads import on_all

BLOCK = 2048  # rows and columns of a tile: 16 MB, which a processor's last cache holds
GRID = np.float32(8)  # added to a cosine, it leaves the grid of 2^-20
OnStep = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Best:
    """The best so far for some vectors: `rows` of others, and their `scores`, which are cosines + `GRID`."""

    rows: Int[np.ndarray, " vector"]
    scores: Float[np.ndarray, " vector"]

    @classmethod
    def none(cls, count: int) -> Best:
        return cls(np.zeros(count, np.int64), np.full(count, -np.inf, np.float32))

    def improve(self, start: int, rows: Int[np.ndarray, " some"], scores: Float[np.ndarray, " some"]) -> None:
        """Enter what is better than what stands from vector `start` on; what is equal came later, and is not."""
        better = np.flatnonzero(scores > self.scores[start : start + len(scores)])
        self.rows[start + better], self.scores[start + better] = rows[better], scores[better]


def gridded(
    asking: Float[np.ndarray, "asking dim"], answering: Float[np.ndarray, "answering dim"], room: np.ndarray
) -> Float[np.ndarray, "asking answering"]:
    """A tile: the cosines of unit vectors + `GRID`, worked out in `room`."""
    tile: np.ndarray = room[: len(asking) * len(answering)].reshape(len(asking), len(answering))
    np.matmul(asking, answering.T, out=tile)
    tile += GRID
    return tile


def of_columns(tile: Float[np.ndarray, "row column"], first: int, than: Float[np.ndarray, " column"]) -> Best:
    """The best of each column of a tile whose rows begin at `first`; where it is no better `than` that, any row."""
    down = tile.max(0)
    better = np.flatnonzero(down > than)
    places = np.full(len(down), first)
    places[better] += tile[:, better].argmax(0)
    return Best(places, down)


def nearest_within(
    vectors: Float[np.ndarray, "vector dim"], *, block: int = BLOCK, on_step: OnStep | None = None
) -> tuple[Int[np.ndarray, " vector"], Float[np.ndarray, " vector"]]:
    """(row of the nearest other vector, its cosine) for each of at least two unit vectors.

    Only half of the products are worked out: a tile answers for its rows and for its columns. `on_step(done, in all)`
    is called after each row of tiles; what it raises ends the work.
    """
    size = len(vectors)
    found, starts = Best.none(size), range(0, size, block)
    tiles = on_all(partial(_row_of_tiles, vectors, found, block), starts)
    for start, (along, below) in zip(starts, tiles, strict=True):
        found.improve(start + len(along.rows), below.rows, below.scores)
        found.improve(start, along.rows, along.scores)
        if on_step is not None:
            left = (size - start - len(along.rows)) / size  # of the triangle's side
            on_step(round(size * (1 - left**2)), size)
    cosines = np.empty(size, np.float32)
    for start in starts:  # of the pairs themselves: not rounded, and the same whatever the tiles
        some = slice(start, start + block)
        cosines[some] = np.einsum("vd,vd->v", vectors[some], vectors[found.rows[some]])
    return found.rows, np.clip(cosines, -1, 1)


def _row_of_tiles(vectors: np.ndarray, found: Best, block: int, start: int) -> tuple[Best, Best]:
    """(best of some vectors among themselves and those behind them, best of those behind among them)."""
    rows = slice(start, min(start + block, len(vectors)))
    height = rows.stop - start
    along, below = Best.none(height), Best.none(len(vectors) - rows.stop)
    room = np.empty(height * block, np.float32)
    for left in range(start, len(vectors), block):
        tile = gridded(vectors[rows], vectors[left : left + block], room)
        if left == start:
            np.fill_diagonal(tile, -np.inf)
        else:
            columns = slice(left, left + tile.shape[1])
            best = of_columns(tile, start, found.scores[columns])
            below.improve(left - rows.stop, best.rows, best.scores)
        across = tile.argmax(1)
        along.improve(0, left + across, tile[np.arange(height), across])
    return along, below


def closest(
    asking: Float[np.ndarray, "asking dim"],
    answering: Float[np.ndarray, "answering dim"] | None,
    count: int,
    *,
    block: int = BLOCK,
    on_step: OnStep | None = None,
) -> tuple[Int[np.ndarray, "asking rank"], Float[np.ndarray, "asking rank"]]:
    """(rows of the nearest vectors, their cosines), nearest first, for each of some unit vectors.

    answering: the vectors they are sought among; None for the asking ones, of which each is no neighbour of itself.
    count: how many; fewer where there are not as many. Then as `nearest_within`.
    """
    count = min(count, len(asking) - 1 if answering is None else len(answering))
    rows, scores = np.zeros((len(asking), count), np.int64), np.zeros((len(asking), count), np.float32)
    starts = range(0, len(asking), block)
    job = partial(_closest_of_some, asking, answering, count, block)
    for start, (places, cosines) in zip(starts, on_all(job, starts), strict=True):
        some = slice(start, start + len(places))
        rows[some], scores[some] = places, np.clip(cosines - GRID, -1, 1)
        if on_step is not None:
            on_step(some.stop, len(asking))
    return rows, scores


def _closest_of_some(
    asking: np.ndarray, answering: np.ndarray | None, count: int, block: int, start: int
) -> tuple[np.ndarray, np.ndarray]:
    some, others = asking[start : start + block], asking if answering is None else answering
    height = np.arange(len(some))
    rows, scores = np.zeros((len(some), count), np.int64), np.full((len(some), count), -np.inf, np.float32)
    room = np.empty(len(some) * block, np.float32)
    for left in range(0, len(others), block):
        tile = gridded(some, others[left : left + block], room)
        if answering is None and left == start:
            np.fill_diagonal(tile, -np.inf)
        worst, places, values = scores[:, -1], [rows], [scores]
        for _ in range(min(count, tile.shape[1])):
            at = tile.argmax(1)
            best = tile[height, at]
            if not (best > worst).any():
                break
            tile[height, at] = -np.inf
            places.append(left + at[:, None])
            values.append(best[:, None])
        together = np.concatenate(values, 1)
        order = np.argsort(-together, axis=1, kind="stable")[:, :count]  # of equals those of earlier tiles
        rows = np.take_along_axis(np.concatenate(places, 1), order, 1)
        scores = np.take_along_axis(together, order, 1)
    return rows, scores
