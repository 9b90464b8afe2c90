"""Evaluate: how readable are the components? Clarity, redundancy and polysemanticity, with their null levels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import ndtri

from .components import Components
from .neighbours import nearest_within
from .results import Result
from .space import SemanticSpace
from .vectors import frozen, halves, product_blocks, unit

SCORES = ("clarity", "redundancy", "polysemanticity")
NO_SIBLING = np.iinfo(np.int32).max  # a row that no array has
HIGH = 0.95  # of random sets lie below a null's `high`
_FALLBACK_EXAMPLES = 10  # as in semanticlens 0.2.1
_NULL_SETS = 500
_MANY = 20_000  # components whose mean is as good as normal
_BLOCK_BYTES = 1 << 26
OnStep = Callable[[int, int], None]


def centred(
    embeddings: Float[np.ndarray, "component example dim"], centre: Float[np.ndarray, "*component dim"]
) -> Float[np.ndarray, "component example dim"]:
    """Unit embeddings seen from `centre`, unit again; absent (zero) ones stay zero.

    The centre is the mean vector of the data set, one for all or one per component.
    """
    present = np.einsum("ced,ced->ce", embeddings, embeddings) > 0
    return unit((embeddings - centre[..., None, :]) * present[..., None]).astype(embeddings.dtype)


def clarity(
    embeddings: Float[np.ndarray, "component example dim"],
    counts: Int[np.ndarray, " component"] | None = None,
    *,
    centre: Float[np.ndarray, " dim"] | None = None,
) -> Float[np.ndarray, " component"]:
    """How similar each component's examples are to each other: the mean cosine over distinct pairs.

    Unit vectors in, those beyond a component's `counts` (default: none) being zero; out, one number per
    component in [-1/(n-1), 1] for n examples. NaN for fewer than two: a single image has no pair. `centre`, the
    mean vector of the data set, is subtracted first: raw clarity cannot tell a component of two concepts from
    noise, for all images of a data set are somewhat alike. (Dreyer et al. 2025, "clarity")
    """
    embeddings, n = _checked(embeddings, counts, centre)
    total = embeddings.sum(1, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        score = (np.einsum("cd,cd->c", total, total) / n - 1) / (n - 1)
    return np.where(n >= 2, score, np.nan)


def redundancy(
    vectors: Float[np.ndarray, "component dim"], *, centre: Float[np.ndarray, " dim"] | None = None
) -> Float[np.ndarray, " component"]:
    """How close each component's nearest sibling is: the largest cosine to another component's vector.

    In [-1, 1]; the mean over a layer is the layer's redundancy. NaN for a zero vector (a dead component) and
    where there is no other. `centre` is subtracted from all vectors first. (Dreyer et al. 2025, "redundancy")
    """
    return nearest(vectors, centre=centre)[1]


def nearest(
    vectors: Float[np.ndarray, "component dim"],
    *,
    centre: Float[np.ndarray, " dim"] | None = None,
    on_step: OnStep | None = None,
) -> tuple[Int[np.ndarray, " component"], Float[np.ndarray, " component"]]:
    """(row of the nearest other vector, its cosine) for each vector; (`NO_SIBLING`, NaN) where there is none.

    Zero vectors have no direction: they have no sibling and are none. Of equally near ones the first counts. Works in
    tiles on all processors (see `neighbours`); `on_step(done, in all)` is called now and then, and what it raises ends
    the work.
    """
    alive = np.einsum("cd,cd->c", vectors, vectors) > 0
    directions = unit(vectors if centre is None else (vectors - centre) * alive[:, None]).astype(np.float32)
    rows, cosines = np.full(len(vectors), NO_SIBLING, np.int64), np.full(len(vectors), np.nan, np.float32)
    living = np.flatnonzero(alive)
    if len(living) < 2:
        return rows, cosines
    own, cosines[living] = nearest_within(directions[living], on_step=on_step)
    rows[living] = living[own]
    return rows, cosines


def polysemanticity(
    embeddings: Float[np.ndarray, "component example dim"],
    counts: Int[np.ndarray, " component"] | None = None,
    *,
    centre: Float[np.ndarray, " dim"] | None = None,
) -> Float[np.ndarray, " component"]:
    """The distance between the two clusters of each component's examples: 1 - cosine of the two 2-means centroids.

    Unit vectors in, as for `clarity`; out, one number per component in [0, 2], NaN for fewer than two examples.
    Where a cluster has a single member: 1 - the mean cosine of the mean and each of the ten strongest examples,
    as in the authors' code. Read it beside `clarity` only: images without anything in common look polysemantic.
    (Dreyer et al. 2025, "polysemanticity")
    """
    embeddings, n = _checked(embeddings, counts, centre)
    score = np.full(len(n), np.nan)
    for rows, products in product_blocks(embeddings):
        second = halves(products, n[rows])
        first = (np.arange(embeddings.shape[1]) < n[rows, None]) & ~second
        sides = np.stack([first, second], 1).astype(np.float32)
        along = sides @ products  # of each half's sum and every example
        between = (along @ sides.swapaxes(1, 2)).astype(np.float64)
        strongest = along[:, :, :_FALLBACK_EXAMPLES].sum((1, 2)) / np.clip(n[rows], 1, _FALLBACK_EXAMPLES)
        lonely = sides.sum(2).min(1) < 2
        product = np.where(lonely, strongest, between[:, 0, 1])
        square = np.where(lonely, between.sum((1, 2)), between[:, 0, 0] * between[:, 1, 1])
        score[rows] = 1 - np.divide(product, np.sqrt(square.clip(0)), out=np.zeros(len(square)), where=square > 0)
    return np.where(n >= 2, score, np.nan)


def _checked(
    embeddings: np.ndarray, counts: np.ndarray | None, centre: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """(embeddings, centred if asked; number of examples per component)."""
    if embeddings.ndim != 3:
        raise ValueError(f"embeddings have shape {embeddings.shape}; needed is [component example dim]")
    n = np.full(len(embeddings), embeddings.shape[1]) if counts is None else np.asarray(counts)
    if n.shape != (len(embeddings),) or n.min(initial=0) < 0 or n.max(initial=0) > embeddings.shape[1]:
        raise ValueError(f"counts are one number from 0 to {embeddings.shape[1]} per component, not {counts}")
    return (embeddings if centre is None else centred(embeddings, centre)), n


@dataclass(frozen=True, eq=False)
class NullLevel:
    """What random sets of as many images score, held against each component: their mean, and their 95 % mark."""

    mean: Float[np.ndarray, " component"]
    high: Float[np.ndarray, " component"]

    def __post_init__(self) -> None:
        for name in ("mean", "high"):
            object.__setattr__(self, name, frozen(getattr(self, name)))


@dataclass(frozen=True, eq=False)
class Scores:
    """The three scores of every component in one form, raw or centred; NaN where a component is dead.

    `sibling` is the row of the nearest component of the same layer, `NO_SIBLING` where there is none. `null` has
    a `NullLevel` per score; for redundancy that of as many random sets as the layer has living components.
    """

    clarity: Float[np.ndarray, " component"]
    redundancy: Float[np.ndarray, " component"]
    sibling: Int[np.ndarray, " component"]
    polysemanticity: Float[np.ndarray, " component"]
    null: dict[str, NullLevel]

    def __post_init__(self) -> None:
        for name in (*SCORES, "sibling"):
            object.__setattr__(self, name, frozen(getattr(self, name)))


@dataclass(frozen=True)
class Interval:
    """A mean over components, with the range that holds 95 % of its bootstrap resamples."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, eq=False)
class Evaluation(Result):
    """How readable every component is, as such (`raw`) and with the data set's mean removed (`centred`).

    `counts` are the examples each component stands on. Dead components score NaN.
    """

    components: Components
    counts: Int[np.ndarray, " component"]
    raw: Scores
    centred: Scores
    clip: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", frozen(self.counts))

    def __len__(self) -> int:
        return len(self.components)

    def to_document(self) -> dict[str, Any]:
        """What a file keeps of the scores beside `to_arrays()`, as JSON values; `from_document` takes both."""
        return {"clip": self.clip}

    def to_arrays(self) -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = {}
        for form in ("raw", "centred"):
            scores: Scores = getattr(self, form)
            for name in (*SCORES, "sibling"):
                arrays[f"{form}_{name}"] = np.asarray(getattr(scores, name))
            for name, level in scores.null.items():
                arrays[f"{form}_{name}_null"] = np.stack([level.mean, level.high])
        return arrays

    @classmethod
    def from_document(
        cls, space: SemanticSpace, document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> Evaluation:
        def scores(form: str) -> Scores:
            null = {name: NullLevel(*arrays[f"{form}_{name}_null"]) for name in SCORES}
            of = {name: arrays[f"{form}_{name}"] for name in (*SCORES, "sibling")}
            return Scores(of["clarity"], of["redundancy"], of["sibling"], of["polysemanticity"], null)

        counts = space.examples.counts
        return cls(space.components, counts, scores("raw"), scores("centred"), str(document["clip"]))

    @cached_property
    def clear(self) -> Bool[np.ndarray, " component"]:
        """Components whose examples are more alike than 95 % of random sets: only of these does polysemanticity
        say anything."""
        with np.errstate(invalid="ignore"):
            return frozen(self.centred.clarity > self.centred.null["clarity"].high)

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per component: layer, index, examples, clear, and each score in both forms; None for NaN."""
        rows = []
        for row, component in enumerate(self.components):
            entry: dict[str, Any] = {
                "component": str(component), "layer": component.layer, "index": component.index,
                "examples": int(self.counts[row]), "clear": bool(self.clear[row]),
            }  # fmt: skip
            for form, ending in ((self.raw, ""), (self.centred, "_centred")):
                for score in SCORES:
                    entry[score + ending] = _number(getattr(form, score)[row])
                    entry[f"{score}{ending}_null"] = _number(form.null[score].mean[row])
                sibling = int(form.sibling[row])
                entry["sibling" + ending] = None if sibling == NO_SIBLING else str(self.components[sibling])
            rows.append(entry)
        return rows

    def summary(self) -> list[dict[str, Any]]:
        """One dict per layer, then one for the model (layer None): how many components, and the mean of each score.

        `clarity`, …, `polysemanticity_centred` are `Interval`s over components; `…_null` the mean null level.
        """
        return [dict(row) for row in self._summary]

    @cached_property
    def _summary(self) -> tuple[dict[str, Any], ...]:
        parts: list[tuple[str | None, Any]] = [(n, self.components.rows(n)) for n in self.components.layers]
        rows = []
        for layer, chosen in [*parts, (None, slice(None))]:
            names, columns, nulls = [], [], {}
            for form, ending in ((self.raw, ""), (self.centred, "_centred")):
                for score in SCORES:
                    names.append(score + ending)
                    columns.append(getattr(form, score)[chosen])
                    nulls[f"{score}{ending}_null"] = _mean(form.null[score].mean[chosen])
            living = int((self.counts[chosen] > 0).sum())
            entry: dict[str, Any] = {"layer": layer, "components": len(self.counts[chosen]), "living": living}
            entry |= {"clear": int(self.clear[chosen].sum())}
            entry |= dict(zip(names, bootstrap_means(np.stack(columns)), strict=True))
            rows.append(entry | nulls)
        return tuple(rows)

    def __repr__(self) -> str:
        lines = [
            f"  {row['layer'] or 'all':<16} clarity {row['clarity_centred']}  polysemanticity "
            f"{row['polysemanticity_centred']}  redundancy {row['redundancy_centred']}  {row['clear']} clear"
            for row in self._summary
        ]
        return "\n".join([f"{len(self):,} components in {self.clip}, data-set mean removed", *lines])

    def _repr_html_(self) -> str:
        order = ("clarity", "polysemanticity", "redundancy")
        cells = ""
        for row in self._summary:
            name = "all layers" if row["layer"] is None else row["layer"]
            scores = "".join(
                f"<td>{row[score + ending]}</td><td>{row[f'{score}{ending}_null']:.3f}</td>"
                for ending in ("_centred", "")
                for score in order
            )
            cells += f"<tr><td><code>{escape(name)}</code></td><td>{row['clear']} of {row['living']}</td>{scores}</tr>"
        heads = "".join(f"<th>{s}{form}</th><th>random</th>" for form in ("", ", raw") for s in order)
        note = (
            "Means over components with 95 % intervals; data-set mean removed unless raw. “random”: the same of "
            "random images. “clear”: examples more alike than 95 % of random sets."
        )
        return f"<table><tr><th>layer</th><th>clear</th>{heads}</tr>{cells}</table><p>{note}</p>"


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def _normal_interval(values: Float[np.ndarray, " value"]) -> Interval:
    """The mean with its 95 % interval by the standard error; NaN of nothing."""
    if not len(values):
        return Interval(np.nan, np.nan, np.nan)
    mean, wide = float(values.mean()), float(ndtri(0.975) * values.std() / np.sqrt(len(values)))
    return Interval(mean, mean - wide, mean + wide)


def bootstrap_means(
    values: Float[np.ndarray, "score component"], *, rounds: int = 1000, seed: int = 0
) -> list[Interval]:
    """The mean of each row over its finite entries, with 95 % bootstrap intervals; NaN where there are none.

    Components are drawn with replacement, the same for all rows. More than `_MANY` are not drawn: their means vary as
    the normal law says.
    """
    finite = np.isfinite(values)
    known = np.where(finite, values, 0).astype(np.float64)
    if values.shape[1] > _MANY:
        return [_normal_interval(row[chosen]) for row, chosen in zip(known, finite, strict=True)]
    random = np.random.default_rng(seed)
    n = values.shape[1]
    means = np.empty((rounds, len(values)))
    with np.errstate(invalid="ignore", divide="ignore"):
        for at in range(rounds):
            weights = np.bincount(random.integers(0, n, n), minlength=n) if n else np.zeros(0)
            means[at] = known @ weights / (finite @ weights)
        centre = known.sum(1) / finite.sum(1)
    result = []
    for at, mean in enumerate(centre):
        drawn = means[:, at][np.isfinite(means[:, at])]
        low, high = np.quantile(drawn, (0.025, 0.975)) if len(drawn) else (np.nan, np.nan)
        result.append(Interval(float(mean), float(low), float(high)))
    return result


def evaluate(space: SemanticSpace, *, on_step: OnStep | None = None) -> Evaluation:
    """Clarity, redundancy and polysemanticity of every component, raw and centred, against random images.

    Memory stays bounded whatever the number of components. The model that made the space need not be the one
    words are searched with: embed the same examples with another (the paper takes a vision-only one here) and
    evaluate that space. Siblings are sought within a layer. `on_step(done, in all)` is called now and then; what it
    raises ends the work. (Dreyer et al. 2025, "evaluate")
    """
    counts = space.examples.counts
    centre = data_mean(space)
    size = len(space.components)
    forms = {form: np.full((2, size), np.nan) for form in ("raw", "centred")}
    means = np.zeros((size, space.dim), np.float32)
    for rows in blocks(space):
        embeddings, n = space.embeddings_of(rows), counts[rows]
        means[rows] = embeddings.sum(1) / np.maximum(n, 1)[:, None]
        for form, seen in (("raw", embeddings), ("centred", centred(embeddings, centre))):
            forms[form][:, rows] = clarity(seen, n), polysemanticity(seen, n)
        if on_step is not None:
            on_step(rows.stop, 3 * size)  # then siblings are sought, in both forms
    raw = _scores(space, forms["raw"], means, None, _onwards(on_step, size, 3 * size))
    without_mean = _scores(space, forms["centred"], means, centre, _onwards(on_step, 2 * size, 3 * size))
    return Evaluation(space.components, counts, raw, without_mean, space.recipe.clip)


def _onwards(on_step: OnStep | None, start: int, total: int) -> OnStep | None:
    """`on_step` for a part of the work that begins at `start` of `total`."""
    return None if on_step is None else lambda done, _: on_step(start + done, total)


def data_mean(space: SemanticSpace) -> Float[np.ndarray, " dim"]:
    """The mean vector of random images of the data set: what centred scores subtract."""
    return unit(space.null_vectors.astype(np.float32)).mean(0)


def blocks(space: SemanticSpace) -> Iterator[slice]:
    """Row slices whose example embeddings take about 64 MB each."""
    step = max(1, _BLOCK_BYTES // (4 * space.dim * max(space.crop_of.shape[1], 1)))
    return (slice(at, min(at + step, len(space.components))) for at in range(0, len(space.components), step))


def _scores(
    space: SemanticSpace,
    measured: Float[np.ndarray, "2 component"],
    means: Float[np.ndarray, "component dim"],
    centre: Float[np.ndarray, " dim"] | None,
    on_step: OnStep | None,
) -> Scores:
    size = len(space.components)
    sibling, close = np.full(size, NO_SIBLING, np.int64), np.full(size, np.nan)
    levels = {score: (np.full(size, np.nan), np.full(size, np.nan)) for score in SCORES}
    for layer in space.components.layers:
        rows = np.arange(size)[space.components.rows(layer)]
        first = int(rows[0]) if len(rows) else 0
        own, close[rows] = nearest(means[rows], centre=centre, on_step=_onwards(on_step, first, size))
        sibling[rows[own != NO_SIBLING]] = rows[own[own != NO_SIBLING]]
        rivals = redundancy(space.null_sets[-1][: int(space.alive[rows].sum())], centre=centre)
        _fill(levels["redundancy"], rows, rivals)
    for at in np.unique(space.set_size_of[space.alive]):
        rows = np.flatnonzero(space.alive & (space.set_size_of == at))
        sets = random_sets(space, int(space.set_sizes[at]), centre=centre is not None)
        _fill(levels["clarity"], rows, clarity(sets))
        _fill(levels["polysemanticity"], rows, polysemanticity(sets))
    nulls = {score: NullLevel(*levels[score]) for score in SCORES}
    return Scores(measured[0], close, sibling, measured[1], nulls)


def random_sets(space: SemanticSpace, size: int, *, centre: bool) -> Float[np.ndarray, "component example dim"]:
    """Embeddings of random sets of `size` images, in the place of components.

    With `centre` each is seen from the mean of the images that are not in it: a mean that holds the set itself
    would make random sets look less alike than a component's examples, which it does not hold.
    """
    pool = unit(space.null_vectors.astype(np.float32))
    size = min(size, len(pool))
    random = np.random.default_rng(space.recipe.seed)
    sets = pool[random.random((_NULL_SETS, len(pool))).argpartition(size - 1, axis=1)[:, :size]]
    if not centre:
        return sets
    others = len(pool) - size
    return centred(sets, (pool.sum(0) - sets.sum(1)) / others if others else pool.mean(0))


def _fill(level: tuple[np.ndarray, np.ndarray], rows: np.ndarray, scores: np.ndarray) -> None:
    known = scores[np.isfinite(scores)]
    if len(known):
        level[0][rows], level[1][rows] = known.mean(), np.quantile(known, HIGH)
