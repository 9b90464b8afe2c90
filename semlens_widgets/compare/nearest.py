"""For each component of one space its nearest in another, and whether that is more than chance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from ..neighbours import GRID, Best, gridded, of_columns
from ..search import ALPHA, MIN_ADJUSTED_SIMILARITY
from ..space import SemanticSpace
from ..threads import on_all
from ..vectors import frozen, unit
from ..warned import Renamed

RESAMPLES = 1000  # of the bootstrap over components
CONFIDENCE = 0.95
_RANDOM_QUESTIONS = 200  # random components that ask for their nearest, per drawing of two random spaces
_LARGEST_CONCENTRATION = 1e6  # of a beta distribution; a null this narrow is a point


@dataclass(frozen=True)
class Similarity:
    """S(A→B): how much of A is in B, the mean over A's living components of the best cosine found in B.

    `low` and `high` bound it at 95 %, by bootstrap over A's components. `chance` is what two unrelated random
    spaces of these sizes score, and `chance_sd` its standard deviation from one such pair to the next: the best
    of many is high by itself, the more so the larger B is. Sets of random images all lie close to what the images
    have in common; a model of sharp concepts that the other lacks can therefore score below chance, and
    `centre=True` spreads the two apart.
    """

    score: float
    low: float
    high: float
    chance: float
    chance_sd: float

    def __float__(self) -> float:
        return self.score

    def __str__(self) -> str:
        return f"{self.score:.3f} (95 % {self.low:.3f} to {self.high:.3f}; unrelated {self.chance:.3f})"


@dataclass(frozen=True, eq=False)
class Nearest:
    """For each living component of one space, the nearest living component of each layer of the other.

    `rows` are the living components asked for, `layers` the other's layers that have any; `nearest` are rows of
    the other space, `scores` cosines. The evidence for such a pair is symmetric: each of the two is held against
    the directions of random sets of images from the other's data, and the weaker result counts. `z` are standard
    deviations above what random sets score, `p` the chance that one random set does as well (see `cosine_tail`),
    `adjusted_similarity` is the score adjusted for chance: 0 at chance, 1 for the same direction. `comparisons` is how
    many pairs of living components there are: chance has that many tries.
    """

    rows: Int[np.ndarray, " component"]
    layers: tuple[str, ...]
    nearest: Int[np.ndarray, "component layer"]
    scores: Float[np.ndarray, "component layer"]
    z: Float[np.ndarray, "component layer"]
    p: Float[np.ndarray, "component layer"]
    adjusted_similarity: Float[np.ndarray, "component layer"]
    comparisons: int

    reach = Renamed("adjusted_similarity")

    def __post_init__(self) -> None:
        for name in ("rows", "nearest", "scores", "z", "p", "adjusted_similarity"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @cached_property
    def above(self) -> Bool[np.ndarray, "component layer"]:
        """Which of them are more than chance: see `Comparison`."""
        p_any = -np.expm1(self.comparisons * np.log1p(-np.minimum(self.p, 1 - 1e-16)))
        return frozen((p_any <= ALPHA) & (self.adjusted_similarity >= MIN_ADJUSTED_SIMILARITY))

    @cached_property
    def best(self) -> Int[np.ndarray, " component"]:
        """Per component, the number of the layer with its nearest over all layers; the first of equals."""
        return frozen(self.scores.argmax(1))

    def of_best(self, field: str) -> np.ndarray:
        """One of the tables above at each component's best layer."""
        table: np.ndarray = getattr(self, field)
        return np.take_along_axis(table, self.best[:, None], 1)[:, 0]


def both_ways(
    a: SemanticSpace, b: SemanticSpace, origin: Float[np.ndarray, " dim"], block: int, random: np.random.Generator
) -> tuple[Nearest, Nearest, Similarity, Similarity]:
    """The nearest components from A to B and from B to A, and how much of each is in the other.

    Vectors are seen from `origin`. Memory grows with `block`² and with components × layers; `random` draws the
    bootstrap and the random spaces.
    """
    sides = (_living(a, origin), _living(b, origin))
    found_ab, found_ba = _nearest(*sides, block)
    of_a, of_b = _moments(*sides, origin), _moments(*sides[::-1], origin)
    ab, ba = _weighed(*sides, found_ab, of_a, of_b), _weighed(*sides[::-1], found_ba, of_b, of_a)
    chance_ab, chance_ba = _chance(*sides, origin, random)
    return ab, ba, _similarity(ab, chance_ab, random), _similarity(ba, chance_ba, random)


@dataclass(frozen=True, eq=False)
class _Living:
    """The living components of a space: rows, unit vectors about an origin, and where each layer's begin and end."""

    space: SemanticSpace
    rows: Int[np.ndarray, " component"]
    vectors: Float[np.ndarray, "component dim"]
    layers: tuple[str, ...]
    bounds: tuple[tuple[int, int], ...]


def _living(space: SemanticSpace, origin: Float[np.ndarray, " dim"]) -> _Living:
    rows = np.flatnonzero(space.alive)
    numbers = space.components.layer_numbers[rows]
    present = np.unique(numbers)
    begin, end = np.searchsorted(numbers, present), np.searchsorted(numbers, present, side="right")
    vectors = unit(np.asarray(space.vectors[rows], np.float32) - origin)
    layers = tuple(space.components.layers[n] for n in present)
    return _Living(space, rows, vectors, layers, tuple(zip(begin.tolist(), end.tolist(), strict=True)))


_Found = tuple[np.ndarray, np.ndarray]


def _nearest(a: _Living, b: _Living, block: int) -> tuple[_Found, _Found]:
    """(nearest, cosine) [component layer] from A to B and from B to A, from one pass over tiles of the product."""
    ab, ba = ([Best.none(len(own.rows)) for _ in other.layers] for own, other in ((a, b), (b, a)))
    parts = [
        (top, min(top + block, end), of_layer)
        for of_layer, (begin, end) in zip(ba, a.bounds, strict=True)
        for top in range(begin, end, block)
    ]
    found = on_all(lambda part: _row_of_tiles(a.vectors, b, block, *part), parts)
    for (top, _, of_layer), (across, down) in zip(parts, found, strict=True):
        for best, here in zip(ab, across, strict=True):
            best.improve(top, here.rows, here.scores)
        of_layer.improve(0, down.rows, down.scores)
    return _found(ab), _found(ba)


def _row_of_tiles(
    vectors: Float[np.ndarray, "component dim"], b: _Living, block: int, top: int, bottom: int, known: Best
) -> tuple[list[Best], Best]:
    """The best for some of A's components in each of B's layers, and, where better than `known`, of B's among them."""
    some, height = vectors[top:bottom], np.arange(bottom - top)
    across, down = [Best.none(len(some)) for _ in b.layers], Best.none(len(b.rows))
    room = np.empty(len(some) * block, np.float32)
    for best, (begin, end) in zip(across, b.bounds, strict=True):
        for left in range(begin, end, block):
            columns = slice(left, min(left + block, end))
            tile = gridded(some, b.vectors[columns], room)
            here = of_columns(tile, top, known.scores[columns])
            down.improve(left, here.rows, here.scores)
            at = tile.argmax(1)
            best.improve(0, left + at, tile[height, at])
    return across, down


def _found(best: list[Best]) -> _Found:
    return (
        np.stack([each.rows for each in best], 1),
        np.clip(np.stack([each.scores for each in best], 1) - GRID, -1, 1),
    )


_Moments = tuple[np.ndarray, np.ndarray]


def _moments(asking: _Living, answering: _Living, origin: Float[np.ndarray, " dim"]) -> _Moments:
    """Mean and deviation [size component] of the asking components' cosines with the other's random sets."""
    space = answering.space
    shape = (len(space.set_sizes), len(asking.rows))
    mean, sd = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    for size in np.unique(space.set_size_of[answering.rows]):
        sets = unit(space.null_sets[size] - origin)
        centre = sets.mean(0)
        covariance = (sets - centre).T @ (sets - centre) / np.float32(len(sets))
        variance = np.einsum("cd,cd->c", asking.vectors @ covariance, asking.vectors)
        mean[size], sd[size] = asking.vectors @ centre, np.maximum(np.sqrt(np.maximum(variance, 0)), 1e-9)
    return mean, sd


def _weighed(a: _Living, b: _Living, found: _Found, of_a: _Moments, of_b: _Moments) -> Nearest:
    """The nearest components with their evidence: both of a pair are held against random sets of the other's data."""
    nearest, scores = found[0], found[1].astype(np.float64)
    asked, size_a = np.arange(len(a.rows))[:, None], a.space.set_size_of[a.rows][:, None]
    size_b = b.space.set_size_of[b.rows[nearest]]
    both = [(mean[at].astype(np.float64), sd[at].astype(np.float64))
            for (mean, sd), at in ((of_a, (size_b, asked)), (of_b, (size_a, nearest)))]  # fmt: skip
    return Nearest(
        a.rows,
        b.layers,
        b.rows[nearest],
        found[1],
        np.minimum(*((scores - mean) / sd for mean, sd in both)),
        np.maximum(*(cosine_tail(scores, mean, sd) for mean, sd in both)),
        np.minimum(*((scores - mean) / np.maximum(1 - mean, 1e-9) for mean, _ in both)),
        len(a.rows) * len(b.rows),
    )


def cosine_tail(
    scores: Float[np.ndarray, "*batch"], mean: Float[np.ndarray, "*batch"], sd: Float[np.ndarray, "*batch"]
) -> Float[np.ndarray, "*batch"]:
    """P(C >= score) for a cosine C of that mean and standard deviation, as a beta distribution on [-1, 1].

    A normal tail would give cosines above 1 a chance and so deny, where the mean is close to 1 or the space has
    few dimensions, that even equal components match. The beta law is exact for directions drawn evenly.
    """
    share = np.clip((1 - mean) / 2, 1e-9, 1 - 1e-9)
    concentration = np.clip(share * (1 - share) / (sd / 2) ** 2 - 1, 1e-3, _LARGEST_CONCENTRATION)
    distance = np.clip((1 - scores) / 2, 0, 1)
    return _incomplete_beta(distance, share * concentration, (1 - share) * concentration)


def _incomplete_beta(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22)."""
    swap = x > (a + 1) / (a + b + 2)  # the fraction converges fast on the other side
    x, a, b = np.where(swap, 1 - x, x), np.where(swap, b, a), np.where(swap, a, b)
    log_gamma = np.vectorize(math.lgamma, otypes=[np.float64])
    with np.errstate(divide="ignore"):
        logarithm = a * np.log(x) + b * np.log1p(-x) + log_gamma(a + b) - log_gamma(a) - log_gamma(b)
    ratio = np.ones_like(x)
    value = fraction = 1 / _off_zero(1 - (a + b) * x / (a + 1))
    for m in range(1, 4000):  # about the square root of the largest parameter are needed
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            fraction, ratio = 1 / _off_zero(1 + term * fraction), _off_zero(1 + term / ratio)
            value = value * fraction * ratio
        if np.all(np.abs(fraction * ratio - 1) < 1e-12):
            break
    tail = np.exp(logarithm) / a * value
    return np.clip(np.where(swap, 1 - tail, tail), 0, 1)


def _off_zero(values: np.ndarray) -> np.ndarray:
    """The values, with the smallest number in place of zero: what a continued fraction divides by (Lentz)."""
    return np.where(np.abs(values) < 1e-30, 1e-30, values)


def _chance(
    a: _Living, b: _Living, origin: Float[np.ndarray, " dim"], random: np.random.Generator
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Mean and deviation of S(A→B) and of S(B→A) between two random spaces with as many examples per component.

    Whole random spaces are drawn, 20 times small ones, twice large ones. Of the one that asks 200 components are
    enough: the deviation of S is put together from that between drawings and that within.
    """
    maxima: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for _ in range(int(np.clip(20_000 // max(len(a.rows), len(b.rows)), 2, 20))):
        drawn_a, drawn_b = _random_directions(a, origin, random), _random_directions(b, origin, random)
        for found, asking, answering in ((maxima[0], drawn_a, drawn_b), (maxima[1], drawn_b, drawn_a)):
            asked = random.permutation(len(asking))[:_RANDOM_QUESTIONS]
            found.append((asking[asked] @ answering.T).max(1))
    return _spread(np.stack(maxima[0]), len(a.rows)), _spread(np.stack(maxima[1]), len(b.rows))


def _spread(maxima: Float[np.ndarray, "drawing question"], components: int) -> tuple[float, float]:
    """Mean and deviation of the mean of `components` maxima, from a few drawings with fewer questions each."""
    within = maxima.var(1).mean()
    between = max(maxima.mean(1).var(ddof=1) - within / maxima.shape[1], 0)
    return float(maxima.mean()), math.sqrt(between + within / components)


def _random_directions(
    living: _Living, origin: Float[np.ndarray, " dim"], random: np.random.Generator
) -> Float[np.ndarray, "component dim"]:
    """A random space: for each living component the direction of as many random images of its data."""
    pool = unit(living.space.null_vectors.astype(np.float32))
    counts = np.minimum(living.space.examples.counts[living.rows], len(pool))
    drawn = np.empty((len(counts), pool.shape[1]), np.float32)

    def parts() -> Iterator[tuple[np.ndarray, int, np.ndarray]]:
        for size in np.unique(counts):
            same = np.flatnonzero(counts == size)
            for start in range(0, len(same), 1024):
                part = same[start : start + 1024]
                yield part, int(size), random.random((len(part), len(pool)), dtype=np.float32)

    def draw(part: tuple[np.ndarray, int, np.ndarray]) -> None:
        rows, size, keys = part
        members = np.zeros(keys.shape, np.float32)
        np.put_along_axis(members, keys.argpartition(size - 1, axis=1)[:, :size], 1, axis=1)
        drawn[rows] = unit(unit(members @ pool) - origin)

    for _ in on_all(draw, parts()):  # the numbers are drawn in order, by this thread
        pass
    return drawn


def _similarity(near: Nearest, chance: tuple[float, float], random: np.random.Generator) -> Similarity:
    best = near.of_best("scores").astype(np.float64)
    at_once = max(1, 1_000_000 // len(best))
    means = [
        best[random.integers(0, len(best), (min(at_once, RESAMPLES - start), len(best)))].mean(1)
        for start in range(0, RESAMPLES, at_once)
    ]
    low, high = np.quantile(np.concatenate(means), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Similarity(float(best.mean()), float(low), float(high), *chance)
