"""Compare: what two models share, what only one of them knows, and what changes along a series of them."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from html import escape
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from .clip import Probes
from .components import Component
from .search import LEVEL, REACH, Matches, search
from .space import SemanticSpace, reach
from .vectors import frozen, unit

RESAMPLES = 1000  # of the bootstrap over components
CONFIDENCE = 0.95
_GRID = np.float32(8)  # added to a cosine, it leaves a grid of 2^-20: see `_nearest`
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
    random sets of images from the other's data, as in `search`, and the weaker result counts. `z` are standard
    deviations above what random sets score, `p` the chance that one random set does as well (see `cosine_tail`),
    `reach` says how far the score gets from chance (0) to the same direction (1). `comparisons` is how many
    pairs of living components there are: chance has that many tries.
    """

    rows: Int[np.ndarray, " component"]
    layers: tuple[str, ...]
    nearest: Int[np.ndarray, "component layer"]
    scores: Float[np.ndarray, "component layer"]
    z: Float[np.ndarray, "component layer"]
    p: Float[np.ndarray, "component layer"]
    reach: Float[np.ndarray, "component layer"]
    comparisons: int

    def __post_init__(self) -> None:
        for name in ("rows", "nearest", "scores", "z", "p", "reach"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @cached_property
    def above(self) -> Bool[np.ndarray, "component layer"]:
        """Which of them are more than chance: see `Comparison`."""
        p_any = -np.expm1(self.comparisons * np.log1p(-np.minimum(self.p, 1 - 1e-16)))
        return frozen((p_any <= LEVEL) & (self.reach >= REACH))

    @cached_property
    def best(self) -> Int[np.ndarray, " component"]:
        """Per component, the number of the layer with its nearest over all layers; the first of equals."""
        return frozen(self.scores.argmax(1))

    def of_best(self, field: str) -> np.ndarray:
        """One of the tables above at each component's best layer."""
        table: np.ndarray = getattr(self, field)
        return np.take_along_axis(table, self.best[:, None], 1)[:, 0]


@dataclass(frozen=True)
class Pair:
    """Two components that are each other's nearest; `z`, `p` and `reach` as in `Nearest`."""

    a: Component
    b: Component
    row_a: int
    row_b: int
    score: float
    z: float
    p: float
    reach: float

    def __str__(self) -> str:
        return f"{self.a!s:<16} ↔ {self.b!s:<16} {self.score:+.3f}  z={self.z:4.1f}  p={self.p:.1g}"


@dataclass(frozen=True, eq=False)
class Pairs(Sequence[Pair]):
    """Mutual nearest components above chance, highest score first; `rows_a` and `rows_b` are rows of the spaces."""

    a: SemanticSpace
    b: SemanticSpace
    rows_a: Int[np.ndarray, " pair"]
    rows_b: Int[np.ndarray, " pair"]
    scores: Float[np.ndarray, " pair"]
    z: Float[np.ndarray, " pair"]
    p: Float[np.ndarray, " pair"]
    reach: Float[np.ndarray, " pair"]

    def __post_init__(self) -> None:
        for name in ("rows_a", "rows_b", "scores", "z", "p", "reach"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def __len__(self) -> int:
        return len(self.rows_a)

    def __iter__(self) -> Iterator[Pair]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return self.where(np.arange(len(self))[at])
        row_a, row_b = int(self.rows_a[at]), int(self.rows_b[at])
        return Pair(
            self.a.components[row_a], self.b.components[row_b], row_a, row_b,
            float(self.scores[at]), float(self.z[at]), float(self.p[at]), float(self.reach[at]),
        )  # fmt: skip

    def where(self, chosen: np.ndarray) -> Pairs:
        """Some of the pairs, by number or by mask, in the same order."""
        arrays = (self.rows_a, self.rows_b, self.scores, self.z, self.p, self.reach)
        return Pairs(self.a, self.b, *(array[chosen] for array in arrays))

    def __repr__(self) -> str:
        shown = "".join(f"\n  {pair}" for pair in self[:10])
        return f"<{len(self):,} pairs>{shown}{_more(len(self) - 10)}"


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two spaces held against each other, component by component.

    A component has a counterpart in the other space when its nearest there is more than chance: any of all the
    pairs of unrelated components would score as high with a chance of at most 0.05 (Sidak over all pairs), and
    the score gets at least half-way from what random images score to the same direction. `pairs` are mutual
    nearest components that are more than chance; `a_only` and `b_only` have no counterpart. A component whose
    counterpart is closer to another (one of two duplicates, say) stands in no pair and in no such list.

    `ab` and `ba` hold the nearest components of every layer, `layers_ab` and `layers_ba` the layer by layer
    similarities. `different_data` says that the two looked at different images. With `centre`, what all random
    images have in common was subtracted before comparing.
    """

    a: SemanticSpace
    b: SemanticSpace
    names: tuple[str, str]
    ab: Nearest
    ba: Nearest
    s_ab: Similarity
    s_ba: Similarity
    different_data: bool
    centre: bool

    @cached_property
    def pairs(self) -> Pairs:
        """Mutual nearest components above chance, over all layers."""
        return self._mutual(_best_of(self.ab), _best_of(self.ba))

    def between(self, layer_a: str, layer_b: str) -> Pairs:
        """Mutual nearest components above chance of one layer of A and one of B. KeyError for an unknown layer."""
        for space, layer in ((self.a, layer_a), (self.b, layer_b)):
            space.components.rows(layer)  # raises where there is no such layer
        if layer_a not in self.ba.layers or layer_b not in self.ab.layers:
            return self.pairs[:0]
        return self._mutual(_in_layer(self.ab, self.a, layer_a, layer_b), _in_layer(self.ba, self.b, layer_b, layer_a))

    def _mutual(self, ab: _Side, ba: _Side) -> Pairs:
        at_b = np.searchsorted(ba.rows, ab.nearest)
        mutual = (ba.nearest[at_b] == ab.rows) & ab.above
        at_a = np.flatnonzero(mutual)
        at_a = at_a[np.lexsort((ab.rows[at_a], -ab.scores[at_a]))]
        return Pairs(
            self.a, self.b, ab.rows[at_a], ab.nearest[at_a], ab.scores[at_a], ab.z[at_a], ab.p[at_a], ab.reach[at_a],
        )  # fmt: skip

    @cached_property
    def a_only_rows(self) -> Int[np.ndarray, " component"]:
        """Rows of A's living components without a counterpart in B, the least like anything in B first."""
        return _without_counterpart(self.ab)

    @cached_property
    def b_only_rows(self) -> Int[np.ndarray, " component"]:
        """Rows of B's living components without a counterpart in A, the least like anything in A first."""
        return _without_counterpart(self.ba)

    @property
    def a_only(self) -> list[Component]:
        return [self.a.components[int(row)] for row in self.a_only_rows]

    @property
    def b_only(self) -> list[Component]:
        return [self.b.components[int(row)] for row in self.b_only_rows]

    @cached_property
    def layers_ab(self) -> Float[np.ndarray, "layer_a layer_b"]:
        """S from each layer of A to each layer of B; NaN where one of them has no living component."""
        return _layer_matrix(self.a, self.b, self.ab)

    @cached_property
    def layers_ba(self) -> Float[np.ndarray, "layer_b layer_a"]:
        """S from each layer of B to each layer of A; NaN where one of them has no living component."""
        return _layer_matrix(self.b, self.a, self.ba)

    @property
    def reversed(self) -> Comparison:
        """The same comparison with A and B exchanged."""
        return Comparison(
            self.b, self.a, (self.names[1], self.names[0]), self.ba, self.ab, self.s_ba, self.s_ab,
            self.different_data, self.centre,
        )  # fmt: skip

    @property
    def message(self) -> str:
        """The result in one sentence."""
        first, second = self.names
        data = ", over different data" if self.different_data else ""
        return (
            f"{len(self.pairs):,} pairs, {len(self.a_only_rows):,} components only in {first}, "
            f"{len(self.b_only_rows):,} only in {second} (of {len(self.ab.rows):,} and {len(self.ba.rows):,} "
            f"living){data}"
        )

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per pair and per living component outside the pairs: kind, a, b, score, z, p, reach.

        `kind` is "pair"; "a only" and "b only" (the other is merely the nearest there is); "a in b" and "b in a"
        for a component whose counterpart is closer to another.
        """
        rows = [
            {"kind": "pair", "a": str(x.a), "b": str(x.b), "score": x.score, "z": x.z, "p": x.p, "reach": x.reach}
            for x in self.pairs
        ]
        rows += _outside_pairs(self.ab, self.pairs.rows_a, self.a, self.b, "a", "b")
        return rows + _outside_pairs(self.ba, self.pairs.rows_b, self.b, self.a, "b", "a")

    def to_json(self) -> str:
        """The whole result as JSON text; NaN becomes null."""
        return _json_text(
            {
                "names": self.names,
                "different_data": self.different_data,
                "centre": self.centre,
                "s_ab": asdict(self.s_ab),
                "s_ba": asdict(self.s_ba),
                "layers": {
                    "a": self.a.components.layers,
                    "b": self.b.components.layers,
                    "ab": self.layers_ab,
                    "ba": self.layers_ba,
                },
                "rows": self.to_rows(),
            }
        )

    def __repr__(self) -> str:
        (first, second), shown = self.names, "".join(f"\n  {pair}" for pair in self.pairs[:10])
        return (
            f"{self.message}\n{first} → {second}  {self.s_ab}\n{second} → {first}  {self.s_ba}"
            f"{shown}{_more(len(self.pairs) - 10)}"
        )

    def _repr_html_(self) -> str:
        first, second = (escape(name) for name in self.names)
        pairs = [
            (f"<code>{escape(str(x.a))}</code>", f"<code>{escape(str(x.b))}</code>", f"{x.score:.3f}", f"{x.z:.1f}",
             f"{x.p:.1g}")
            for x in self.pairs[:10]
        ]  # fmt: skip
        columns = [escape(layer) for layer in self.b.components.layers]
        layers = [
            (escape(layer), *(_number(v) for v in row))
            for layer, row in zip(self.a.components.layers, self.layers_ab, strict=True)
        ]
        only = "".join(
            f"<p>only in {name}: {', '.join(f'<code>{escape(str(c))}</code>' for c in some[:20])}"
            f"{' …' if len(some) > 20 else ''}</p>"
            for name, some in ((first, self.a_only), (second, self.b_only))
            if some
        )
        return (
            f"<p>{escape(self.message)}</p><p>{first} → {second} {escape(str(self.s_ab))}<br>"
            f"{second} → {first} {escape(str(self.s_ba))}</p>"
            + _table([first, second, "cosine", "z", "p"], pairs)
            + only
            + _table([f"{first} → {second}", *columns], layers)
        )


def compare(
    a: SemanticSpace,
    b: SemanticSpace,
    *,
    names: tuple[str, str] = ("A", "B"),
    allow: str | Collection[str] = (),
    centre: bool = False,
    block: int = 2048,
    seed: int = 0,
) -> Comparison:
    """What two spaces share and what only one of them has, by the cosine of their components' vectors.

    Both must be made with the same CLIP, crop and images, for else a cosine between them means nothing;
    `allow="data"` compares over different images all the same, and the result says so. Dead components take no
    part. `centre` first subtracts the direction that random images of both have in common, so that cosines
    spread out. Memory grows with `block`² and with components × layers, never with components × components.
    `seed` draws the bootstrap and the random spaces. Raises ValueError naming what differs.
    (Dreyer et al. 2025, "compare")
    """
    different_data = _check_comparable({names[0]: a, names[1]: b}, allow)
    for name, space in zip(names, (a, b), strict=True):
        if not space.alive.any():
            raise ValueError(f"{name} has no living component: no image excites any of its {len(space.components)}")
        if not len(space.null_vectors):
            raise ValueError(f"{name} keeps no random images, so nothing says what chance is; fit it with null=500")
    if block < 1:
        raise ValueError(f"block={block}; at least one component has to be compared at a time")
    origin = np.zeros(a.dim, np.float32)
    if centre:
        origin = np.mean([unit(s.null_vectors.astype(np.float32)).mean(0) for s in (a, b)], axis=0)
    sides = (_living(a, origin), _living(b, origin))
    random = np.random.default_rng(seed)
    found_ab, found_ba = _nearest(*sides, block)
    of_a, of_b = _moments(*sides, origin), _moments(*sides[::-1], origin)
    ab, ba = _weighed(*sides, found_ab, of_a, of_b), _weighed(*sides[::-1], found_ba, of_b, of_a)
    chance_ab, chance_ba = _chance(*sides, origin, random)
    return Comparison(
        a, b, names, ab, ba, _similarity(ab, chance_ab, random), _similarity(ba, chance_ba, random),
        different_data, centre,
    )  # fmt: skip


def _check_comparable(spaces: Mapping[str, SemanticSpace], allow: str | Collection[str]) -> bool:
    """Whether the spaces look at different images, which `allow` permits. ValueError where they cannot compare."""
    allowed = {allow} if isinstance(allow, str) else set(allow)
    if allowed - {"data"}:
        raise ValueError(f"allow={allow!r}; only 'data' may differ, another CLIP or crop is another space altogether")
    (first, a), *others = spaces.items()
    different_data = False
    for second, b in others:
        differences = []
        if (a.recipe.clip, a.dim) != (b.recipe.clip, b.dim):
            differences.append(
                f"CLIP ({first}: {a.recipe.clip}, {a.dim} dimensions; {second}: {b.recipe.clip}, {b.dim} dimensions)"
            )
        if a.recipe.crop != b.recipe.crop:
            differences.append(f"crop ({first}: {a.recipe.crop}; {second}: {b.recipe.crop})")
        if a.recipe.images != b.recipe.images:
            different_data = True
            if "data" not in allowed:
                differences.append(f"images or transform ({first}: {_data_of(a)}; {second}: {_data_of(b)})")
        if differences:
            only_data = len(differences) == 1 and a.recipe.images != b.recipe.images and "data" not in allowed
            remedy = "make both with the same" + (", or pass allow='data' to compare all the same" if only_data else "")
            raise ValueError(
                f"{first} and {second} cannot be compared, for they differ in {' and in '.join(differences)}; {remedy}"
            )
    return different_data


def _data_of(space: SemanticSpace) -> str:
    return f"{space.examples.statistics.images:,} images, fingerprint {space.recipe.images[:8]}"


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
    """(nearest, cosine) [component layer] from A to B and from B to A, from one pass over tiles of the product.

    Cosines are rounded to a grid of 2^-20 and the lower row wins among equals, so that a tie (two equal components)
    is one whatever tile it falls into and however the product was summed.
    """
    ab = np.zeros((len(a.rows), len(b.layers)), np.int64), np.full((len(a.rows), len(b.layers)), -1, np.float32)
    ba = np.zeros((len(b.rows), len(a.layers)), np.int64), np.full((len(b.rows), len(a.layers)), -1, np.float32)
    room = np.empty(min(block, len(a.rows)) * min(block, len(b.rows)), np.float32)
    for layer_a, (begin_a, end_a) in enumerate(a.bounds):
        for top in range(begin_a, end_a, block):
            rows = slice(top, min(top + block, end_a))
            for layer_b, (begin_b, end_b) in enumerate(b.bounds):
                for left in range(begin_b, end_b, block):
                    columns = slice(left, min(left + block, end_b))
                    height, width = rows.stop - rows.start, columns.stop - columns.start
                    tile = room[: height * width].reshape(height, width)
                    np.matmul(a.vectors[rows], b.vectors[columns].T, out=tile)
                    tile += _GRID
                    across = tile.argmax(1)
                    _improve(ab, rows.start, layer_b, left + across, tile[np.arange(height), across])
                    down = tile.max(0)
                    better = np.flatnonzero(down > ba[1][columns, layer_a])
                    places = np.full(width, top)
                    places[better] += tile[:, better].argmax(0)
                    _improve(ba, columns.start, layer_a, places, down)
    return (
        (ab[0], np.clip(ab[1] - _GRID, -1, 1)),
        (ba[0], np.clip(ba[1] - _GRID, -1, 1)),
    )


def _improve(found: _Found, start: int, layer: int, places: np.ndarray, scores: np.ndarray) -> None:
    """Enter the scores that are better than what stands in a column of `found` from row `start` on."""
    better = np.flatnonzero(scores > found[1][start : start + len(scores), layer])
    found[0][start + better, layer] = places[better]
    found[1][start + better, layer] = scores[better]


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
    for size in np.unique(counts):
        same = np.flatnonzero(counts == size)
        for start in range(0, len(same), 1024):
            part = same[start : start + 1024]
            keys = random.random((len(part), len(pool)), dtype=np.float32)
            members = np.zeros(keys.shape, np.float32)
            np.put_along_axis(members, keys.argpartition(size - 1, axis=1)[:, :size], 1, axis=1)
            drawn[part] = unit(members @ pool)
    return unit(drawn - origin)


def _similarity(near: Nearest, chance: tuple[float, float], random: np.random.Generator) -> Similarity:
    best = near.of_best("scores").astype(np.float64)
    at_once = max(1, 1_000_000 // len(best))
    means = [
        best[random.integers(0, len(best), (min(at_once, RESAMPLES - start), len(best)))].mean(1)
        for start in range(0, RESAMPLES, at_once)
    ]
    low, high = np.quantile(np.concatenate(means), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Similarity(float(best.mean()), float(low), float(high), *chance)


@dataclass(frozen=True, eq=False)
class _Side:
    """One nearest component each, in the order of `rows`."""

    rows: np.ndarray
    nearest: np.ndarray
    scores: np.ndarray
    z: np.ndarray
    p: np.ndarray
    reach: np.ndarray
    above: np.ndarray


def _best_of(near: Nearest) -> _Side:
    return _Side(near.rows, *(near.of_best(f) for f in ("nearest", "scores", "z", "p", "reach", "above")))


def _in_layer(near: Nearest, space: SemanticSpace, own: str, other: str) -> _Side:
    """The nearest in one layer of the other space, for the components of one layer of `space`."""
    chosen, at = (
        space.components.layer_numbers[near.rows] == space.components.layers.index(own),
        near.layers.index(other),
    )
    tables = (near.nearest, near.scores, near.z, near.p, near.reach, near.above)
    return _Side(near.rows[chosen], *(table[chosen, at] for table in tables))


def _without_counterpart(near: Nearest) -> Int[np.ndarray, " component"]:
    lost = np.flatnonzero(~near.of_best("above"))
    return frozen(near.rows[lost[np.argsort(near.of_best("reach")[lost], kind="stable")]])


def _layer_matrix(source: SemanticSpace, target: SemanticSpace, near: Nearest) -> Float[np.ndarray, "source target"]:
    matrix = np.full((len(source.components.layers), len(target.components.layers)), np.nan)
    numbers = source.components.layer_numbers[near.rows]
    columns = [target.components.layers.index(layer) for layer in near.layers]
    for number in np.unique(numbers):
        matrix[number, columns] = near.scores[numbers == number].mean(0, dtype=np.float64)
    return frozen(matrix)


def _outside_pairs(
    near: Nearest, paired: np.ndarray, source: SemanticSpace, target: SemanticSpace, own: str, other: str
) -> list[dict[str, Any]]:
    """Rows of `Comparison.to_rows` for one space's living components that stand in no pair."""
    side = _best_of(near)
    return [
        {
            "kind": f"{own} in {other}" if side.above[at] else f"{own} only",
            own: str(source.components[int(side.rows[at])]),
            other: str(target.components[int(side.nearest[at])]),
            "score": float(side.scores[at]),
            "z": float(side.z[at]),
            "p": float(side.p[at]),
            "reach": float(side.reach[at]),
        }
        for at in np.flatnonzero(~np.isin(side.rows, paired))
    ]


@dataclass(frozen=True, eq=False)
class ConceptTable:
    """Which concept is known where: one row per probe, one column per model, or per model and layer.

    `columns` are (model, layer), the layer None for a whole model. `scores` and `z` are those of the best component,
    `best`, as in `search`; NaN and None where nothing lives. `found` is search's verdict, and `carriers` counts
    the components that pass its test each by itself. `unknown` are the words the CLIP never saw, per probe.
    """

    concepts: tuple[str, ...]
    columns: tuple[tuple[str, str | None], ...]
    scores: Float[np.ndarray, "probe column"]
    z: Float[np.ndarray, "probe column"]
    reach: Float[np.ndarray, "probe column"]
    found: Bool[np.ndarray, "probe column"]
    carriers: Int[np.ndarray, "probe column"]
    best: tuple[tuple[Component | None, ...], ...]
    unknown: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        for name in ("scores", "z", "reach", "found", "carriers"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def first(self, concept: str) -> str | None:
        """The first column in which a concept is found, or None. KeyError for a concept that was not asked."""
        if concept not in self.concepts:
            raise KeyError(f"{concept!r} was not asked; the concepts are {', '.join(self.concepts)}")
        where = np.flatnonzero(self.found[self.concepts.index(concept)])
        return _column_name(self.columns[where[0]]) if len(where) else None

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per concept and column: concept, model, layer, score, z, reach, found, carriers, best."""
        return [
            {"concept": concept, "model": model, "layer": layer, "score": float(self.scores[i, j]),
             "z": float(self.z[i, j]), "reach": float(self.reach[i, j]), "found": bool(self.found[i, j]),
             "carriers": int(self.carriers[i, j]), "best": None if self.best[i][j] is None else str(self.best[i][j])}
            for i, concept in enumerate(self.concepts)
            for j, (model, layer) in enumerate(self.columns)
        ]  # fmt: skip

    def to_json(self) -> str:
        """All rows as JSON text; NaN becomes null."""
        return _json_text(self.to_rows())

    def __repr__(self) -> str:
        names = [f"{_column_name(c):>14}" for c in self.columns]
        width = max(map(len, self.concepts), default=0)
        lines = ["  ".join([" " * width, *names])]
        for concept, row in zip(self.concepts, self._cells(), strict=True):
            cells = (f"{cell:>{len(name)}}" for cell, name in zip(row, names, strict=True))
            lines.append("  ".join([f"{concept:<{width}}", *cells]))
        return "\n".join([*lines, "score, number of components; in brackets: not found"])

    def _cells(self) -> list[list[str]]:
        return [
            [
                f"{_number(self.scores[i, j])} ×{self.carriers[i, j]}" if self.found[i, j]
                else f"({_number(self.scores[i, j])})"
                for j in range(len(self.columns))
            ]
            for i in range(len(self.concepts))
        ]  # fmt: skip

    def _repr_html_(self) -> str:
        rows = [(escape(c), *cells) for c, cells in zip(self.concepts, self._cells(), strict=True)]
        head = ["concept", *(escape(_column_name(c)) for c in self.columns)]
        return _table(head, rows) + "<p>score × number of components; in brackets: not found</p>"


def concepts(
    probes: Probes,
    spaces: Mapping[str, SemanticSpace],
    *,
    by_layer: bool = False,
    allow: str | Collection[str] = (),
    centre: bool = False,
) -> ConceptTable:
    """Who knows which concept: each probe searched in each model, or (`by_layer`) in each layer of each model.

    "Found" is `search`'s: better than the best of as many random sets of images, and at least half-way to the
    images that match best. `centre` as in `search`. Raises ValueError where the spaces differ (see `compare`)
    or the probes come from another CLIP.
    """
    if not spaces:
        raise ValueError("no space to look in; give a dict such as {'resnet50': lens.space}")
    _check_comparable(spaces, allow)
    columns: list[tuple[str, str | None]] = [
        (name, layer) for name, space in spaces.items() for layer in (space.components.layers if by_layer else (None,))
    ]
    answers = [search(spaces[name], probes, top=None, layer=layer, centre=centre) for name, layer in columns]

    def table(value: Any, kind: type) -> np.ndarray:
        cells = [[value(column[i]) for column in answers] for i in range(len(probes))]
        return np.asarray(cells, kind).reshape(len(probes), len(columns))

    return ConceptTable(
        probes.names,
        tuple(columns),
        table(lambda m: m.scores[0] if len(m) else np.nan, float),
        table(lambda m: m.z[0] if len(m) else np.nan, float),
        table(lambda m: m.reach if len(m) else np.nan, float),
        table(lambda m: m.found, bool),
        table(lambda m: int(carriers(m).sum()), int),
        tuple(
            tuple(column[i][0].component if len(column[i]) else None for column in answers) for i in range(len(probes))
        ),
        probes.unknown,
    )


def carriers(matches: Matches) -> Bool[np.ndarray, " hit"]:
    """Which hits pass, each by itself, the test that `Matches.found` puts to the best one."""
    if matches.unknown or not len(matches):
        return np.zeros(len(matches), bool)
    p_best = -np.expm1(matches.searched * np.log1p(-np.minimum(matches.p, 1 - 1e-16)))
    space, probe = matches.space, matches.vector[None]
    attainable = np.asarray([matches.attainable], np.float32)
    reached = reach(space.vectors[matches.rows] @ matches.vector, space.chance(probe), attainable)
    return (p_best <= LEVEL) & (reached >= REACH)


@dataclass(frozen=True, eq=False)
class Step:
    """From one model of a series to the next: what appears, what goes, what moves to another component."""

    comparison: Comparison

    @property
    def names(self) -> tuple[str, str]:
        return self.comparison.names

    @property
    def births(self) -> list[Component]:
        """Components of the later model without a counterpart in the earlier."""
        return self.comparison.b_only

    @property
    def deaths(self) -> list[Component]:
        """Components of the earlier model without a counterpart in the later."""
        return self.comparison.a_only

    @cached_property
    def moves(self) -> Pairs:
        """Pairs whose meaning is carried by another component than before: another layer, index or sign."""
        return self.comparison.pairs.where(np.asarray([p.a != p.b for p in self.comparison.pairs], bool))

    @cached_property
    def stays(self) -> Pairs:
        """Pairs of the same layer, index and sign."""
        return self.comparison.pairs.where(np.asarray([p.a == p.b for p in self.comparison.pairs], bool))

    def __repr__(self) -> str:
        return (
            f"{self.names[0]} → {self.names[1]}: {len(self.births):,} births, {len(self.deaths):,} deaths, "
            f"{len(self.moves):,} moves, {len(self.stays):,} stay"
        )


@dataclass(frozen=True, eq=False)
class Series:
    """Several models compared with each other, in an order that means something (training, depth, dropout).

    `similarity` is S from each model (row) to each (column); `steps` lead from each model to the next;
    `series["first", "last"]` is any two models' `Comparison`; `concepts` says when each tracked concept is there.
    """

    names: tuple[str, ...]
    spaces: tuple[SemanticSpace, ...]
    comparisons: tuple[Comparison, ...]
    concepts: ConceptTable | None

    def __getitem__(self, names: tuple[str, str]) -> Comparison:
        """The comparison of two models, in that order. KeyError for a name that is not in the series."""
        for name in names:
            if name not in self.names:
                raise KeyError(f"no model {name!r} in this series; it has {', '.join(self.names)}")
        if names[0] == names[1]:
            raise KeyError(f"{names[0]!r} is not compared with itself; give two models")
        for comparison in self.comparisons:
            if set(comparison.names) == set(names):
                return comparison if comparison.names == tuple(names) else comparison.reversed
        raise AssertionError("all pairs are compared")

    @cached_property
    def similarity(self) -> Float[np.ndarray, "model other"]:
        matrix = np.ones((len(self.names), len(self.names)))
        for comparison in self.comparisons:
            i, j = (self.names.index(name) for name in comparison.names)
            matrix[i, j], matrix[j, i] = comparison.s_ab.score, comparison.s_ba.score
        return frozen(matrix)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        return tuple(Step(self[before, after]) for before, after in pairwise(self.names))

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per step: before, after, S in both directions, births, deaths, moves, stays."""
        return [
            {"before": s.names[0], "after": s.names[1], "s_forward": s.comparison.s_ab.score,
             "s_back": s.comparison.s_ba.score, "births": len(s.births), "deaths": len(s.deaths),
             "moves": len(s.moves), "stays": len(s.stays)}
            for s in self.steps
        ]  # fmt: skip

    def to_json(self) -> str:
        """Names, similarity, steps with their components, and tracked concepts, as JSON text."""
        steps = [
            row
            | {"births": [str(c) for c in s.births], "deaths": [str(c) for c in s.deaths],
               "moves": [[str(p.a), str(p.b), p.score] for p in s.moves]}
            for row, s in zip(self.to_rows(), self.steps, strict=True)
        ]  # fmt: skip
        tracked = None if self.concepts is None else self.concepts.to_rows()
        return _json_text({"names": self.names, "similarity": self.similarity, "steps": steps, "concepts": tracked})

    def __repr__(self) -> str:
        lines = [f"<Series of {len(self.names)} models>", *(f"  {step}" for step in self.steps)]
        if self.concepts is not None:
            lines += [f"  {c!r} first found in {self.concepts.first(c) or 'none'}" for c in self.concepts.concepts]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        names = [escape(name) for name in self.names]
        matrix = [(name, *map(_number, row)) for name, row in zip(names, self.similarity, strict=True)]
        steps = [
            (escape(s.names[0]), escape(s.names[1]), *(f"{len(x):,}" for x in (s.births, s.deaths, s.moves, s.stays)))
            for s in self.steps
        ]
        tracked = "" if self.concepts is None else self.concepts._repr_html_()
        return (
            _table(["S, row in column", *names], matrix)
            + _table(["before", "after", "births", "deaths", "moves", "stay"], steps)
            + tracked
        )


def compare_many(
    spaces: Mapping[str, SemanticSpace],
    *,
    probes: Probes | None = None,
    allow: str | Collection[str] = (),
    centre: bool = False,
    block: int = 2048,
    seed: int = 0,
) -> Series:
    """Compare every two of several spaces, in the order given; `probes` are concepts to track along it.

    Parameters and errors as in `compare`; ValueError for fewer than two spaces.
    """
    if len(spaces) < 2:
        raise ValueError(f"{len(spaces)} space to compare; a series has at least two")
    _check_comparable(spaces, allow)
    compared = tuple(
        compare(spaces[i], spaces[j], names=(i, j), allow=allow, centre=centre, block=block, seed=seed)
        for i, j in combinations(spaces, 2)
    )
    tracked = None if probes is None else concepts(probes, spaces, allow=allow, centre=centre)
    return Series(tuple(spaces), tuple(spaces.values()), compared, tracked)


def _column_name(column: tuple[str, str | None]) -> str:
    return column[0] if column[1] is None else f"{column[0]} {column[1]}"


def _more(count: int) -> str:
    return f"\n  … and {count:,} more" if count > 0 else ""


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """An HTML table of cells that are escaped already; nothing where there are no rows."""
    if not rows:
        return ""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return "<table><tr>" + "".join(f"<th>{cell}</th>" for cell in head) + f"</tr>{body}</table>"


def _nullable(values: Any) -> Any:
    """The same nested values with lists for arrays and None for NaN, as JSON wants them."""
    if isinstance(values, Mapping):
        return {key: _nullable(value) for key, value in values.items()}
    if isinstance(values, list | tuple | np.ndarray):
        return [_nullable(value) for value in values]
    if isinstance(values, float | np.floating):
        return None if np.isnan(values) else float(values)
    return values


def _json_text(values: Any) -> str:
    return json.dumps(_nullable(values), allow_nan=False)
