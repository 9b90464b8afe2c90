"""The words of components by a labeler that looks at their activations over a sample of images."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ..clip import Probes
from ..labelers import Labeler
from ..space import SemanticSpace
from .ranking import Ranked, best_columns, chosen_words, confidence, known_words, places, siblings

_SHUFFLES = 200


def ranked_by_activations(
    score: Labeler,
    space: SemanticSpace,
    activations: Float[np.ndarray, "image component"],
    image_vectors: Float[np.ndarray, "image dim"],
    probes: Probes,
    k: int,
    *,
    distinct: bool,
) -> Ranked:
    """Words by a labeler that looks at activations; its null are its best scores of shuffled activations."""
    known = known_words(probes)
    k, count = places(known, k, distinct)
    scores = np.where(known, _answer(score, activations, image_vectors, probes), -np.inf)
    random = np.random.default_rng(space.recipe.seed)
    living = np.flatnonzero(space.alive)
    columns = random.choice(living, _SHUFFLES) if len(living) else np.zeros(0, np.int64)
    shuffled = random.permuted(activations[:, columns], axis=0)
    # Among the real ones, because a labeler may weigh a word by how well it fits components in general.
    both = _answer(score, np.concatenate([activations, shuffled], 1), image_vectors, probes)
    null = np.where(known, both[activations.shape[1] :], -np.inf)
    chance = np.sort(np.take_along_axis(null, best_columns(null, k), 1), axis=0).T
    candidates = best_columns(scores, count)
    rivals = None
    if distinct:
        near = siblings(space, space.vectors)
        rivals = np.mean([scores[near[:, s, None], candidates] for s in range(near.shape[1])], 0)
    gains = np.take_along_axis(scores, candidates, 1) - chance[0].mean()
    words, values, margins = chosen_words(scores, gains, candidates, rivals, k)
    z = (values - chance.mean(1)) / np.maximum(chance.std(1), 1e-9)
    return Ranked(words, values, z, confidence(values, chance), margins)


def _answer(score: Labeler, activations: np.ndarray, image_vectors: np.ndarray, probes: Probes) -> np.ndarray:
    scores = np.asarray(score(activations, image_vectors, probes))
    if scores.shape != (activations.shape[1], len(probes)) or not np.isfinite(scores).all():
        raise ValueError(
            f"the labeler gave scores of shape {scores.shape}; needed is [component probe] = "
            f"({activations.shape[1]}, {len(probes)}), all finite"
        )
    return scores


def check_sample(space: SemanticSpace, activations: np.ndarray, image_vectors: np.ndarray) -> None:
    """ValueError where activations and image vectors are not of the same images, and of this space."""
    if activations.shape != (len(image_vectors), len(space.components)):
        raise ValueError(
            f"activations of shape {activations.shape} for {len(image_vectors)} image vectors and "
            f"{len(space.components)} components; needed is [image component], of the same images"
        )
    if image_vectors.shape[1] != space.dim:
        raise ValueError(f"image vectors have {image_vectors.shape[1]} dimensions, the space {space.dim}")
    if not np.isfinite(activations).all():
        raise ValueError("activations have NaN or infinite entries")
