"""The verb: labels for every component, and none where no word is good enough."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ..clip import Probes
from ..evaluate import OnStep
from ..labelers import Labeler, labeler
from ..space import SemanticSpace
from ..vectors import unit
from ..warned import warn
from .by_activations import check_sample, ranked_by_activations
from .by_mean import Directions, ranked_by_mean
from .labels import Labels
from .ranking import known_words
from .shown import NO_WORD, adjusted_similarities

CONFIDENCE = 0.95  # that a label needs by default


def describe(
    space: SemanticSpace,
    probes: Probes,
    *,
    k: int = 3,
    method: str | Labeler = "mean",
    level: float = CONFIDENCE,
    distinct: bool = False,
    centre: bool = False,
    activations: Float[np.ndarray, "image component"] | None = None,
    image_vectors: Float[np.ndarray, "image dim"] | None = None,
    on_step: OnStep | None = None,
) -> Labels:
    """Label every component with the k best words of a vocabulary, and abstain where none is good enough.

    method: "mean" scores as search does, by the cosine of word and component vector. "soft-wpmi", "contrast" and
    "linear" (see there), or a function of your own with the same arguments, look at a sample of the data set:
    give the `activations` of all components and the `image_vectors` of the same images.
    level: the confidence a label needs, in [0, 1); see `Labels`.
    distinct: prefer, among the words that fit nearly as well as the best, the one that fits the component's
    nearest siblings least.
    centre: subtract each layer's mean vector first (for the other methods: that of the images), which often
    sharpens labels much; use probes without the null then.
    on_step: called with (components done, in all) now and then; what it raises ends the work.

    Warns when the data set hardly shows a word that was given as label. Raises ValueError when the probes come from
    another CLIP, have fewer than two words or one twice, or when a method lacks its activations.
    (Dreyer et al. 2025, "describe")
    """
    check_settings(k, level, method)
    _check(space, probes)
    name = method if isinstance(method, str) else _name(method)
    if method == "mean":
        ranked = ranked_by_mean(
            space, Directions.of_components(space, centre), probes, k, centre=centre, distinct=distinct, on_step=on_step
        )
    else:
        score = labeler(method)
        if activations is None or image_vectors is None:
            raise ValueError(
                f"the labeler {name!r} looks at activations over a sample of images; give activations "
                "[image component] and image_vectors [image dim], or use method='mean'"
            )
        check_sample(space, activations, image_vectors)
        if centre:
            image_vectors = unit(image_vectors - image_vectors.mean(0))
        ranked = ranked_by_activations(score, space, activations, image_vectors, probes, k, distinct=distinct)
    dead = ~space.alive
    words = np.where(dead[:, None], NO_WORD, ranked.words)
    scores, z, sure = (np.where(dead[:, None], np.nan, a) for a in (ranked.scores, ranked.z, ranked.confidence))
    lengths = np.zeros(len(space.vectors), np.float32)
    lengths[space.alive] = space.resultant_length(np.flatnonzero(space.alive))
    adjusted = adjusted_similarities(space, space.vectors * lengths[:, None], words, probes)
    if on_step is not None:
        on_step(len(words), len(words))
    margins = np.where(dead, np.nan, ranked.margins)
    labels = Labels(space, probes, words, scores, z, sure, adjusted, margins, level, name, centre, distinct)
    if hardly := labels.poorly_shown_of(np.unique(words[labels.accepted[:, 0], 0])):
        warn(
            f"the data set hardly shows {', '.join(map(repr, hardly[:5]))}{' …' if len(hardly) > 5 else ''}: even "
            "the best images match poorly, so these labels mean little; drop the words or add images that show them",
        )
    return labels


def _name(method: Labeler) -> str:
    function = getattr(method, "func", method)  # of a functools.partial
    return str(getattr(function, "__name__", type(method).__name__))


def check_settings(k: int, level: float, method: str | Labeler) -> None:
    """ValueError for invalid settings of `describe`, whatever the words."""
    if k < 1 or not 0 <= level < 1:
        raise ValueError(f"k={k}, level={level}; ask for at least one label, and a confidence in [0, 1)")
    if method != "mean":
        labeler(method)


def _check(space: SemanticSpace, probes: Probes) -> None:
    if probes.clip != space.recipe.clip:
        raise ValueError(
            f"the words come from {probes.clip}, the space from {space.recipe.clip}; embed both with the same CLIP"
        )
    if probes.vectors.shape[1] != space.dim:
        raise ValueError(f"the words have {probes.vectors.shape[1]} dimensions, the space {space.dim}")
    if len(set(probes.names)) != len(probes):
        twice = next(n for n in probes.names if probes.names.count(n) > 1)
        raise ValueError(f"{twice!r} is twice in the vocabulary, so neither can lead; give every word once")
    if (known := known_words(probes).sum()) < 2:
        raise ValueError(f"{space.recipe.clip} knows {known} of the {len(probes)} words; a label needs a rival")
