"""Two spaces held against each other: what they share, and what only one of them has."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ..components import Component
from ..results import Result
from ..space import SemanticSpace
from ..texts import p_equals, p_value
from ..vectors import frozen, unit
from ..warned import Renamed
from .nearest import Nearest, Similarity, both_ways
from .shown import json_text, more, number, table


@dataclass(frozen=True)
class Pair:
    """Two components that are each other's nearest; `z`, `p` and `adjusted_similarity` as in `Nearest`."""

    a: Component
    b: Component
    row_a: int
    row_b: int
    score: float
    z: float
    p: float
    adjusted_similarity: float

    reach = Renamed("adjusted_similarity")

    def __str__(self) -> str:
        return f"{self.a!s:<16} ↔ {self.b!s:<16} {self.score:+.3f}  z={self.z:4.1f}  {p_equals(self.p)}"


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
    adjusted_similarity: Float[np.ndarray, " pair"]

    reach = Renamed("adjusted_similarity")

    def __post_init__(self) -> None:
        for name in ("rows_a", "rows_b", "scores", "z", "p", "adjusted_similarity"):
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
            float(self.scores[at]), float(self.z[at]), float(self.p[at]), float(self.adjusted_similarity[at]),
        )  # fmt: skip

    def where(self, chosen: np.ndarray) -> Pairs:
        """Some of the pairs, by number or by mask, in the same order."""
        arrays = (self.rows_a, self.rows_b, self.scores, self.z, self.p, self.adjusted_similarity)
        return Pairs(self.a, self.b, *(array[chosen] for array in arrays))

    def __repr__(self) -> str:
        shown = "".join(f"\n  {pair}" for pair in self[:10])
        return f"<{len(self):,} pairs>{shown}{more(len(self) - 10)}"


@dataclass(frozen=True, eq=False)
class Comparison(Result):
    """Two spaces held against each other, component by component.

    A component has a counterpart in the other space when its nearest there is more than chance: any of all the pairs of
    unrelated components would score as high with a chance of at most 0.05 (Sidak over all pairs), and the score gets at
    least half-way from what random images score to the same direction. `pairs` are mutual nearest components that are
    more than chance; `a_only` and `b_only` have no counterpart. A component whose counterpart is closer to another (one
    of two duplicates, say) stands in no pair and in no such list.

    Attributes
    ----------
    a, b
        The two spaces.
    names
        What they are called.
    ab, ba
        The nearest components of every layer, in both directions.
    s_ab, s_ba
        S(A→B), the mean over A's components of the best cosine in B, with its interval and what random models reach;
        and the other way round.
    different_data
        Whether the two looked at different images.
    centre
        Whether what all random images have in common was subtracted before comparing.

    Examples
    --------
    >>> found = lens.compare(lens.space, name="itself")
    >>> len(found.pairs) > 0, found.a_only
    (True, [])
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
        """Mutual nearest components above chance of one layer of A and one of B.

        Parameters
        ----------
        layer_a, layer_b
            One of each model's layers.

        Returns
        -------
        Pairs
            Pairs, highest score first.

        Raises
        ------
        KeyError
            For an unknown layer.
        """
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
            self.a, self.b, ab.rows[at_a], ab.nearest[at_a], ab.scores[at_a], ab.z[at_a], ab.p[at_a],
            ab.adjusted_similarity[at_a],
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
        """A's living components without a counterpart in B, the least like anything in B first."""
        return [self.a.components[int(row)] for row in self.a_only_rows]

    @property
    def b_only(self) -> list[Component]:
        """B's living components without a counterpart in A, the least like anything in A first."""
        return [self.b.components[int(row)] for row in self.b_only_rows]

    @cached_property
    def layers_ab(self) -> Float[np.ndarray, "layer_a layer_b"]:
        """S from each layer of A to each layer of B; NaN where one of them has no living component."""
        return _layer_matrix(self.a, self.b, self.ab)

    @cached_property
    def layers_ba(self) -> Float[np.ndarray, "layer_b layer_a"]:
        """S from each layer of B to each layer of A; NaN where one of them has no living component."""
        return _layer_matrix(self.b, self.a, self.ba)

    @cached_property
    def known_ab(self) -> Float[np.ndarray, "layer_a layer_b"]:
        """Which share of each layer of A has a counterpart in each layer of B; NaN where nothing lives."""
        return _known_matrix(self.a, self.b, self.ab)

    @cached_property
    def known_ba(self) -> Float[np.ndarray, "layer_b layer_a"]:
        """Which share of each layer of B has a counterpart in each layer of A; NaN where nothing lives."""
        return _known_matrix(self.b, self.a, self.ba)

    def only(self, layer_a: str, layer_b: str) -> tuple[Int[np.ndarray, " ours"], Int[np.ndarray, " theirs"]]:
        """Rows of one layer of A without a counterpart in one layer of B, and the reverse; the least alike first.

        Parameters
        ----------
        layer_a, layer_b
            One of each model's layers.

        Returns
        -------
        tuple[int array [ours], int array [theirs]]
            Rows of A, and rows of B.
        """
        for space, layer in ((self.a, layer_a), (self.b, layer_b)):
            space.components.rows(layer)
        if layer_a not in self.ba.layers or layer_b not in self.ab.layers:
            return self.a_only_rows[:0], self.b_only_rows[:0]
        sides = _in_layer(self.ab, self.a, layer_a, layer_b), _in_layer(self.ba, self.b, layer_b, layer_a)
        ours, theirs = (side.rows[lost[np.argsort(side.adjusted_similarity[lost], kind="stable")]]
                        for side in sides for lost in (np.flatnonzero(~side.above),))  # fmt: skip
        return ours, theirs

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
        """One dict per pair and per living component outside the pairs: kind, a, b, score, z, p,
        adjusted_similarity.

        `kind` is "pair"; "a only" and "b only" (the other is merely the nearest there is); "a in b" and "b in a"
        for a component whose counterpart is closer to another.
        """
        rows = [
            {"kind": "pair", "a": str(x.a), "b": str(x.b), "score": x.score, "z": x.z, "p": x.p,
             "adjusted_similarity": x.adjusted_similarity}
            for x in self.pairs
        ]
        rows += _outside_pairs(self.ab, self.pairs.rows_a, self.a, self.b, "a", "b")
        return rows + _outside_pairs(self.ba, self.pairs.rows_b, self.b, self.a, "b", "a")

    def to_json(self) -> str:
        """The whole result as JSON text; NaN becomes null."""
        return json_text(
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
            f"{shown}{more(len(self.pairs) - 10)}"
        )

    def _repr_html_(self) -> str:
        first, second = (escape(name) for name in self.names)
        pairs = [
            (f"<code>{escape(str(x.a))}</code>", f"<code>{escape(str(x.b))}</code>", f"{x.score:.3f}", f"{x.z:.1f}",
             escape(p_value(x.p)))
            for x in self.pairs[:10]
        ]  # fmt: skip
        columns = [escape(layer) for layer in self.b.components.layers]
        layers = [
            (escape(layer), *(number(v) for v in row))
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
            + table([first, second, "cosine", "z", "p"], pairs)
            + only
            + table([f"{first} → {second}", *columns], layers)
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
    different_data = check_comparable({names[0]: a, names[1]: b}, allow)
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
    ab, ba, s_ab, s_ba = both_ways(a, b, origin, block, np.random.default_rng(seed))
    return Comparison(a, b, names, ab, ba, s_ab, s_ba, different_data, centre)


class NotComparable(ValueError):
    """Two spaces that were made differently. `why` says in what; `only_data`: `allow="data"` compares them."""

    def __init__(self, why: str, only_data: bool) -> None:
        remedy = "make both with the same" + (", or pass allow='data' to compare all the same" if only_data else "")
        super().__init__(f"{why}; {remedy}")
        self.why, self.only_data = why, only_data


def check_comparable(spaces: Mapping[str, SemanticSpace], allow: str | Collection[str]) -> bool:
    """Whether the spaces look at different images, which `allow` permits. NotComparable where they cannot compare."""
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
            why = f"{first} and {second} cannot be compared, for they differ in {' and in '.join(differences)}"
            raise NotComparable(why, only_data)
    return different_data


def _data_of(space: SemanticSpace) -> str:
    return f"{space.examples.statistics.images:,} images, fingerprint {space.recipe.images[:8]}"


@dataclass(frozen=True, eq=False)
class _Side:
    """One nearest component each, in the order of `rows`."""

    rows: np.ndarray
    nearest: np.ndarray
    scores: np.ndarray
    z: np.ndarray
    p: np.ndarray
    adjusted_similarity: np.ndarray
    above: np.ndarray


def _best_of(near: Nearest) -> _Side:
    return _Side(near.rows, *(near.of_best(f) for f in ("nearest", "scores", "z", "p", "adjusted_similarity", "above")))


def _in_layer(near: Nearest, space: SemanticSpace, own: str, other: str) -> _Side:
    """The nearest in one layer of the other space, for the components of one layer of `space`."""
    chosen, at = (
        space.components.layer_numbers[near.rows] == space.components.layers.index(own),
        near.layers.index(other),
    )
    tables = (near.nearest, near.scores, near.z, near.p, near.adjusted_similarity, near.above)
    return _Side(near.rows[chosen], *(table[chosen, at] for table in tables))


def _without_counterpart(near: Nearest) -> Int[np.ndarray, " component"]:
    lost = np.flatnonzero(~near.of_best("above"))
    return frozen(near.rows[lost[np.argsort(near.of_best("adjusted_similarity")[lost], kind="stable")]])


def _layer_matrix(source: SemanticSpace, target: SemanticSpace, near: Nearest) -> Float[np.ndarray, "source target"]:
    return _mean_by_layer(source, target, near, near.scores)


def _known_matrix(source: SemanticSpace, target: SemanticSpace, near: Nearest) -> Float[np.ndarray, "source target"]:
    return _mean_by_layer(source, target, near, near.above)


def _mean_by_layer(
    source: SemanticSpace, target: SemanticSpace, near: Nearest, values: np.ndarray
) -> Float[np.ndarray, "source target"]:
    matrix = np.full((len(source.components.layers), len(target.components.layers)), np.nan)
    numbers = source.components.layer_numbers[near.rows]
    columns = [target.components.layers.index(layer) for layer in near.layers]
    for at in np.unique(numbers):
        matrix[at, columns] = values[numbers == at].mean(0, dtype=np.float64)
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
            "adjusted_similarity": float(side.adjusted_similarity[at]),
        }
        for at in np.flatnonzero(~np.isin(side.rows, paired))
    ]
