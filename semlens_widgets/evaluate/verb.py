"""The verb: every component scored, raw and with the data set's mean removed, beside random sets of images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from ..space import SemanticSpace
from ..threads import on_all
from ..vectors import unit
from .scores import NO_SIBLING, SCORES, OnStep, centred, clarity, nearest, polysemanticity, redundancy
from .value import Evaluation, NullLevel, Scores

HIGH = 0.95  # of random sets lie below a null's `high`
_NULL_SETS = 500
_BLOCK_BYTES = 1 << 24


def evaluate(space: SemanticSpace, *, on_step: OnStep | None = None) -> Evaluation:
    """Clarity, redundancy and polysemanticity of every component, raw and centred, against random images.

    Memory stays bounded whatever the number of components, and all processors work. The model that made the space need
    not be the one words are searched with: embed the same examples with another (the paper takes a vision-only one
    here) and evaluate that space. Siblings are sought within a layer. `on_step(done, in all)` is called now and then;
    what it raises ends the work. (Dreyer et al. 2025, "evaluate")
    """
    counts = space.examples.counts
    centre = data_mean(space)
    size = len(space.components)
    means, raw, without_mean = _own_scores(space, centre, _onwards(on_step, 0, 3 * size))
    # Then siblings are sought, in both forms.
    both = (
        _scores(space, raw, means, None, _onwards(on_step, size, 3 * size)),
        _scores(space, without_mean, means, centre, _onwards(on_step, 2 * size, 3 * size)),
    )
    return Evaluation(space.components, counts, *both, space.recipe.clip)


def _own_scores(
    space: SemanticSpace, centre: Float[np.ndarray, " dim"], on_step: OnStep | None
) -> tuple[Float[np.ndarray, "component dim"], Float[np.ndarray, "2 component"], Float[np.ndarray, "2 component"]]:
    """(mean of each component's examples, its clarity and polysemanticity raw, and centred): what needs no other."""
    counts, size = space.examples.counts, len(space.components)
    means = np.zeros((size, space.dim), np.float32)
    raw, without_mean = np.full((2, size), np.nan), np.full((2, size), np.nan)

    def score(rows: slice) -> None:
        embeddings, n = space.embeddings_of(rows), counts[rows]
        means[rows] = embeddings.sum(1) / np.maximum(n, 1)[:, None]
        raw[:, rows] = clarity(embeddings, n), polysemanticity(embeddings, n)
        seen = centred(embeddings, centre)
        without_mean[:, rows] = clarity(seen, n), polysemanticity(seen, n)

    for rows, _ in zip(blocks(space), on_all(score, blocks(space)), strict=True):
        if on_step is not None:
            on_step(rows.stop, size)
    return means, raw, without_mean


def _onwards(on_step: OnStep | None, start: int, total: int) -> OnStep | None:
    """`on_step` for a part of the work that begins at `start` of `total`."""
    return None if on_step is None else lambda done, _: on_step(start + done, total)


def data_mean(space: SemanticSpace) -> Float[np.ndarray, " dim"]:
    """The mean vector of random images of the data set: what centred scores subtract."""
    return unit(space.null_vectors.astype(np.float32)).mean(0)


def blocks(space: SemanticSpace) -> Iterator[slice]:
    """Row slices whose example embeddings take about 16 MB each."""
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
