"""How much of a word there is: in the examples of a component, and in the data set at all."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from ..clip import Probes
from ..space import SemanticSpace, adjusted_similarity
from .ranking import row_blocks

NO_WORD = np.iinfo(np.int32).max  # a word that no vocabulary has
SHOWN = 0.5  # of the usual gain over chance; a word whose best images gain less is hardly in the data


def adjusted_similarities(
    space: SemanticSpace,
    means: Float[np.ndarray, "direction dim"],
    words: Int[np.ndarray, "direction label"],
    probes: Probes,
) -> Float[np.ndarray, "direction label"]:
    """How similar examples with these mean vectors are to their words, adjusted for chance.

    Means are not normalised: their products with a word are mean cosines. NaN where there is no word.
    """
    used, number = np.unique(words[words != NO_WORD], return_inverse=True)
    result = np.full(words.shape, np.nan, np.float32)
    rows, ranks = np.nonzero(words != NO_WORD)
    vectors = probes.vectors[used]
    chance, best = space.chance(vectors), space.attainable(vectors)
    for part in row_blocks(len(rows), space.dim):
        at = number[part]
        similarity = np.einsum("nd,nd->n", means[rows[part]], vectors[at])
        result[rows[part], ranks[part]] = adjusted_similarity(similarity, chance[at], best[at])
    return result


def poorly_shown(
    space: SemanticSpace, probes: Probes, leading: Int[np.ndarray, " component"], words: Int[np.ndarray, " word"]
) -> tuple[str, ...]:
    """Those words whose k best images gain less than half of what leading words usually gain over chance."""
    if not len(leading) or not len(words):
        return ()
    used, number = np.unique(leading, return_inverse=True)
    usual = float(np.median(_visibility(space, probes.vectors[used])[number]))
    shown = _visibility(space, probes.vectors[words])
    return tuple(probes.names[word] for word in words[shown < SHOWN * usual])


def _visibility(space: SemanticSpace, vectors: Float[np.ndarray, "probe dim"]) -> Float[np.ndarray, " probe"]:
    return space.attainable(vectors) - space.chance(vectors)
