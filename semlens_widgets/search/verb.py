"""The verb: components ranked for a probe, by their examples, by their activations, or by both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ..clip import Probes
from ..components import Component
from ..space import SemanticSpace, SetScores
from ..vectors import frozen, top_k, unit
from .activations import activation_z, larger_of_two
from .hit import BY, Z_CRITICAL, Z_OF_TWO, Evidence, Null
from .matches import Matches

_BLOCK = 32_768  # components weighed at once: what is worked out about them stays in the processor's cache


def search(
    space: SemanticSpace,
    probes: Probes,
    *,
    top: int | None = 20,
    layer: str | Sequence[str] | None = None,
    centre: bool = False,
    without: Sequence[int | str | Component] = (),
    by: Evidence = "both",
) -> list[Matches]:
    """Hold probes against a space: one `Matches` per probe, in order.

    Score is the cosine of probe and component vector; `z` counts standard deviations by which the component's examples
    are, on average, more like the probe than random sets of as many images. Dead components are never hits.

    Parameters
    ----------
    space
        The components.
    probes
        Unit vectors from the space's CLIP.
    top
        How many hits to keep; None for all.
    layer
        One or several layers to look in.
    centre
        First subtract each layer's mean vector from its components, and the sets' mean from the sets: often sharper,
        and best without the null probe.
    without
        Components that the probes were made from: each is its own best match.
    by
        Which evidence counts: "examples", "activations" or "both" (see `Matches`); a space without responses is
        searched by its examples.

    Returns
    -------
    list[Matches]
        One for each probe.

    Raises
    ------
    ValueError
        For probes from another CLIP, and by="activations" where there are no responses.
    KeyError
        For an unknown layer.

    Notes
    -----
    Cosines of the random sets' own directions would not do as a null: a set without anything in common has a short
    mean, and making that unit lengthens what all images share with the probe. (Dreyer et al. 2025)

    Examples
    --------
    >>> probes = sl.text_probes(sl.OpenClip(sl.demo.clip_folder()), ["ruler", "hair"])
    >>> [answer.probe for answer in sl.search(lens.space, probes)]
    ['ruler', 'hair']
    """
    if probes.clip != space.recipe.clip:
        raise ValueError(
            f"the probes come from {probes.clip}, the space from {space.recipe.clip}; embed both with the same CLIP"
        )
    if probes.vectors.shape[1] != space.dim:
        raise ValueError(f"the probes have {probes.vectors.shape[1]} dimensions, the space {space.dim}")
    check_settings(space, top, layer)
    by = _evidence(space, by)
    chosen = space.components.rows(layer)
    query_rows = tuple(dict.fromkeys(space.components.row(component) for component in without))
    alive = space.alive
    if query_rows:
        alive = alive.copy()
        alive[list(query_rows)] = False
    alive = alive[chosen]
    answers = []
    for probe, vector, unknown in zip(probes.names, probes.vectors, probes.unknown, strict=True):
        null_scores = space.null_of(centre)[-1] @ vector
        by_chance = space.set_scores(vector[None], centre)
        scores, z_examples = _by_examples(space, vector, by_chance, chosen, len(alive), centre)
        z_activations = None if by == "examples" else activation_z(space, vector, chosen, len(alive), query_rows)
        weighed = _weighed(by, scores, z_examples, z_activations)
        best = _ranked(weighed.strength, weighed.above, alive, len(scores) if top is None else top)
        rows = _part(chosen, best)
        null = _null(space, by_chance, null_scores, rows, centre)
        first = _ranked(scores, z_examples >= Z_CRITICAL, alive, 1) if by != "activations" else best[:0]
        z = z_examples[best] if by == "examples" else np.zeros(0, np.float32)
        if z_activations is not None:
            both = np.maximum(z_examples[best], z_activations[best])
            z = z_activations[best] if by == "activations" else larger_of_two(both)
        answers.append(
            Matches(
                probe, rows, scores[best], z, int(alive.sum()), null, space, vector, unknown, query_rows, by,
                None if by == "activations" else z_examples[best],
                None if z_activations is None else z_activations[best],
                int(_part(chosen, first)[0]) if len(first) else None,
            )
        )  # fmt: skip
    return answers


def _by_examples(
    space: SemanticSpace, vector: Float[np.ndarray, " dim"], by_chance: SetScores,
    chosen: slice | Int[np.ndarray, " row"], count: int, centre: bool,
) -> tuple[Float[np.ndarray, " row"], Float[np.ndarray, " row"]]:  # fmt: skip
    """(scores, z) of the chosen components: their examples against random sets of as many images."""
    vectors = space.centred if centre else space.vectors
    scores, z = np.empty((2, count), np.float32)
    for block in _blocks(count):
        some = _part(chosen, block)
        scores[block] = vectors[some] @ vector
        z[block] = by_chance.deviates(scores[block], space.set_size_of[some], 0, space.divided_by(some, centre))
    return scores, z


def _null(
    space: SemanticSpace, by_chance: SetScores, drawn: Float[np.ndarray, " set"], rows: Int[np.ndarray, " hit"],
    centre: bool,
) -> Null:  # fmt: skip
    """What the hits' scores are held against."""
    size, length = space.set_size_of[rows], space.divided_by(rows, centre)
    mean, sd, skewness = (array[size, 0] for array in (by_chance.mean, by_chance.sd, by_chance.skewness))
    sets = drawn / (length[0] if len(rows) else np.float32(1))
    deviates = by_chance.deviates(drawn, -1, 0)
    return Null(frozen(mean / length), frozen(sd / length), frozen(skewness), frozen(sets), frozen(deviates))


class _Weighed(NamedTuple):
    """What components are ranked by, and which lie above the null."""

    strength: Float[np.ndarray, " row"]
    above: Bool[np.ndarray, " row"]


def _weighed(
    by: Evidence, scores: Float[np.ndarray, " row"], z_examples: Float[np.ndarray, " row"],
    z_activations: Float[np.ndarray, " row"] | None,
) -> _Weighed:  # fmt: skip
    if by == "examples" or z_activations is None:
        return _Weighed(scores, z_examples >= Z_CRITICAL)
    if by == "activations":
        return _Weighed(z_activations, z_activations >= Z_CRITICAL)
    return _Weighed(z_examples + z_activations, np.maximum(z_examples, z_activations) >= Z_OF_TWO)


def _evidence(space: SemanticSpace, by: Evidence) -> Evidence:
    """What a search goes by: what was asked for, or examples where there are no responses. ValueError for neither."""
    if by not in BY:
        raise ValueError(f"by={by!r}; a search goes by 'examples', 'activations' or 'both'")
    if by == "examples" or (space.sample is not None and len(space.sample)):
        return by
    if by == "activations":
        raise ValueError(
            "this space was made without responses to sampled images, so it can be searched by='examples' only; "
            "fit the lens with responses='auto'"
        )
    return "examples"


def check_settings(space: SemanticSpace, top: int | None, layer: str | Sequence[str] | None) -> None:
    """ValueError or KeyError for invalid settings of `search`, whatever is searched."""
    if top is not None and top < 1:
        raise ValueError(f"top={top}; ask for at least one hit, or None for all")
    space.components.rows(layer)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, min(start + _BLOCK, count)) for start in range(0, count, _BLOCK))


def _part(chosen: slice | Int[np.ndarray, " row"], part: Any) -> Any:
    """Some of the chosen rows, themselves chosen by a slice or by numbers."""
    if not isinstance(chosen, slice):
        return chosen[part]
    first = chosen.start
    return slice(first + part.start, first + part.stop) if isinstance(part, slice) else first + part


def _ranked(
    scores: Float[np.ndarray, " row"], above: Bool[np.ndarray, " row"], alive: Bool[np.ndarray, " row"], k: int
) -> Int[np.ndarray, " hit"]:
    """The k strongest living rows: first those above the null, then the others."""
    first = _strongest(scores, above & alive, k)
    if len(first) == k:
        return first
    return np.concatenate([first, _strongest(scores, ~above & alive, k - len(first))])


def _strongest(scores: Float[np.ndarray, " row"], among: Bool[np.ndarray, " row"], k: int) -> Int[np.ndarray, " hit"]:
    rows = np.flatnonzero(among)
    best, _ = top_k(scores[rows], k)
    return rows[best]


def component_probe(space: SemanticSpace, component: int | str | Component, *, centre: bool = False) -> Probes:
    """A component's own direction as a probe, for a search with the same `centre`.

    ValueError for a dead component, which has none.
    """
    row = space.components.row(component)
    if not space.alive[row]:
        raise ValueError(f"component {space.components[row]} is dead: no image excites it, so it has no direction")
    vectors = space.centred if centre else space.vectors
    return Probes((str(space.components[row]),), unit(vectors[row : row + 1]), space.recipe.clip)
