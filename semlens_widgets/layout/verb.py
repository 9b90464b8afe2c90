"""The verbs: components at their principal coordinates, or by UMAP, of one space or of two in one plane."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ..space import SemanticSpace
from ..threads import on_all
from .apart import OnTick, apart
from .value import METHODS, Layout

NEIGHBOURS = 15  # as in umap-learn
FEWEST = 10  # living components; fewer have no neighbourhoods to speak of
SAMPLE = 20_000  # of more components UMAP lays out so many, which takes a minute, and places the others among them
_BLOCK = 8192  # vectors that are seen in double precision at once


def pca(space: SemanticSpace) -> Layout:
    """Components at their two principal coordinates: at once, and the same every time."""
    return _placed(space, _in_unit_square(_principal(space.vectors[space.alive])), "pca", 0, 0)


def umap(
    space: SemanticSpace, *, seed: int = 0, neighbours: int = NEIGHBOURS, sample: int | None = SAMPLE,
    on_tick: OnTick | None = None,
) -> Layout:  # fmt: skip
    """Components by UMAP, so that each has its nearest siblings (by cosine) around it.

    It starts from the principal coordinates and is the same for the same seed on the same machine. It works in a
    process of its own, because umap-learn is compiled on first use (15 to 30 s) and must not hold up the kernel.
    sample: where more components live than that, UMAP lays out so many, drawn at random, and its `transform` places the
    others among them: a preview, and labelled as one. None lays out all, however long it takes.
    on_tick: called ten times a second with the seconds gone by, a number that knows how many may remain (`Tick`). What
    it raises ends the work.

    Raises ValueError for fewer than ten living components, RuntimeError with umap-learn's own words where it fails.
    (McInnes et al. 2018)
    """
    vectors = space.vectors[space.alive]
    places, drawn = _by_umap(vectors, _principal(vectors), seed, neighbours, sample, on_tick)
    return _placed(space, _in_unit_square(places), "umap", seed, neighbours, drawn)


def _by_umap(
    vectors: Float[np.ndarray, "living dim"], start: Float[np.ndarray, "living 2"], seed: int, neighbours: int,
    sample: int | None, on_tick: OnTick | None,
) -> tuple[Float[np.ndarray, "living 2"], int | None]:  # fmt: skip
    """(places, how many UMAP laid out where it was not all). ValueError as in `umap`."""
    if len(vectors) < FEWEST:
        raise ValueError(f"UMAP of {len(vectors)} living components; it needs {FEWEST}, use method='pca'")
    if neighbours < 2:
        raise ValueError(f"neighbours={neighbours}; UMAP looks at 2 or more")
    if sample is not None and sample < FEWEST:
        raise ValueError(f"sample={sample}; UMAP needs {FEWEST} components, or None for all")
    drawn = None if sample is None or sample >= len(vectors) else sample
    at = np.arange(len(vectors))
    if drawn is not None:
        at = np.sort(np.random.default_rng(seed).permutation(len(vectors))[:drawn])
    work = {"vectors": vectors, "start": start[at], "at": at, "neighbours": neighbours, "seed": seed}
    return apart(work, on_tick or (lambda tick: None)), drawn


def overlay(
    first: SemanticSpace,
    second: SemanticSpace,
    method: str = "pca",
    *,
    seed: int = 0,
    neighbours: int = NEIGHBOURS,
    sample: int | None = SAMPLE,
    on_tick: OnTick | None = None,
) -> tuple[Layout, Layout]:
    """Two spaces in one plane: components of both lie near each other where they are alike.

    Both must be made with the same CLIP. `method` is "pca" (at once) or "umap"; the rest, and errors, as in `umap`.
    """
    if first.recipe.clip != second.recipe.clip:
        raise ValueError(f"spaces of {first.recipe.clip} and {second.recipe.clip} have no plane in common")
    if method not in METHODS:
        raise ValueError(f"method={method!r}; layouts are made by {' or '.join(map(repr, METHODS))}")
    vectors = np.concatenate([space.vectors[space.alive] for space in (first, second)])
    places, drawn = _principal(vectors), None
    if method == "pca":
        seed = neighbours = 0
    else:
        places, drawn = _by_umap(vectors, places, seed, neighbours, sample, on_tick)
    together, of_first = _in_unit_square(places), int(first.alive.sum())
    return (
        _placed(first, together[:of_first], method, seed, neighbours, drawn),
        _placed(second, together[of_first:], method, seed, neighbours, drawn),
    )


def _principal(vectors: Float[np.ndarray, "living dim"]) -> Float[np.ndarray, "living 2"]:
    """The first two principal coordinates; the largest part of each axis is positive."""
    if not len(vectors):
        return np.zeros((0, 2))
    mean = vectors.mean(0, dtype=np.float64)
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(vectors), _BLOCK)]

    def spread(rows: slice) -> Float[np.ndarray, "dim dim"]:
        seen = vectors[rows] - mean
        return seen.T @ seen

    axes = np.linalg.eigh(sum(on_all(spread, blocks)))[1][:, ::-1][:, :2]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(0)[None], 0)
    axes = axes * np.where(largest < 0, -1, 1)
    found = np.concatenate([(vectors[rows] - mean) @ axes for rows in blocks])
    return np.pad(found, ((0, 0), (0, 2 - found.shape[1])))


def _placed(
    space: SemanticSpace, places: Float[np.ndarray, "living 2"], method: str, seed: int, neighbours: int,
    sample: int | None = None,
) -> Layout:  # fmt: skip
    positions = np.full((len(space.components), 2), np.nan)
    positions[space.alive] = places
    return Layout(positions, method, seed, neighbours, sample)


def _in_unit_square(places: Float[np.ndarray, "living 2"]) -> Float[np.ndarray, "living 2"]:
    if not len(places):
        return places
    low, high = places.min(0), places.max(0)
    extent = float((high - low).max())
    return np.clip((places - (low + high) / 2) / (extent or 1) + 0.5, 0, 1)
