"""What chance looks like in a space: random sets of images, and how far a similarity lies above it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

NULL_SETS = 2000


def set_sizes(k: int) -> Int[np.ndarray, " size"]:
    """The sizes random sets are drawn in: 1, 2, 4, … and k."""
    return np.asarray([*[2**i for i in range(max(k - 1, 1).bit_length()) if 2**i < k], k])


def set_means(
    images: Float[np.ndarray, "image dim"], sizes: Int[np.ndarray, " size"], seed: int
) -> Float[np.ndarray, "size set dim"]:
    """The mean vectors of `NULL_SETS` random sets of images per size; images are unit vectors."""
    random = np.random.default_rng(seed)
    sets = np.empty((len(sizes), NULL_SETS, images.shape[1]), np.float32)
    for at, size in enumerate(sizes):
        size = min(size, len(images))
        chosen = random.random((NULL_SETS, len(images))).argpartition(size - 1, axis=1)[:, :size]
        for start in range(0, NULL_SETS, 250):
            sets[at, start : start + 250] = images[chosen[start : start + 250]].mean(1)
    return sets


def attainable(
    images: Float[np.ndarray, "image dim"], vectors: Float[np.ndarray, "probe dim"], k: int
) -> Float[np.ndarray, " probe"]:
    """The mean similarity of the k images that match each probe best."""
    k = min(k, len(images))
    result = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), 256):
        similarity = vectors[start : start + 256] @ images.T
        result[start : start + 256] = np.partition(similarity, similarity.shape[1] - k, axis=1)[:, -k:].mean(1)
    return result


def adjusted_similarity(
    similarity: Float[np.ndarray, "*batch"],
    chance: Float[np.ndarray, "*#batch"],
    attainable: Float[np.ndarray, "*#batch"],
) -> Float[np.ndarray, "*batch"]:
    """Mean similarities adjusted for chance: 0 as random images (or less), 1 as the images that match best.

    (similarity − chance) / (attainable − chance), as in the adjusted Rand index (Hubert and Arabie 1985), clipped to
    [0, 1]. 0 where the images that match best do no better than random ones: such a probe says nothing about this data.
    """
    room = attainable - chance
    return np.where(room > 1e-6, np.clip((similarity - chance) / np.maximum(room, 1e-6), 0, 1), 0)
