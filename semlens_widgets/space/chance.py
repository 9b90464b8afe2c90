"""What chance looks like in a space: random sets of images, and how far a similarity lies above it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ..inference import as_normal, of_normal

NULL_SETS = 2000
_NO_SPREAD = 1e-9


def set_sizes(k: int) -> Int[np.ndarray, " size"]:
    """The sizes random sets are drawn in: 1, 2, 4, … and k."""
    return np.asarray([*[2**i for i in range(max(k - 1, 1).bit_length()) if 2**i < k], k])


def set_means(
    images: Float[np.ndarray, "image dim"], sizes: Int[np.ndarray, " size"], seed: int
) -> Float[np.ndarray, "size set dim"]:
    """The mean vectors of `NULL_SETS` random sets of images per size; images are unit vectors.

    No image is twice in a set, unless sets are as large as there are images: they would all be one.
    """
    random = np.random.default_rng(seed)
    sets = np.empty((len(sizes), NULL_SETS, images.shape[1]), np.float32)
    for at, size in enumerate(sizes):
        if size < len(images):
            chosen = random.random((NULL_SETS, len(images))).argpartition(size - 1, axis=1)[:, :size]
        else:
            chosen = random.integers(0, len(images), (NULL_SETS, size))
        for start in range(0, NULL_SETS, 250):
            sets[at, start : start + 250] = images[chosen[start : start + 250]].mean(1)
    return sets


@dataclass(frozen=True, eq=False)
class SetScores:
    """How alike random sets of images are to probes, by size of the set and probe: what a component's examples are held
    against.

    `sd` is how far the mean of one more random set lies from `mean`, which is itself that of a sample of the images.
    """

    mean: Float[np.ndarray, "size probe"]
    sd: Float[np.ndarray, "size probe"]
    skewness: Float[np.ndarray, "size probe"]

    @classmethod
    def of(
        cls, scores: Float[np.ndarray, "size set probe"], sizes: Int[np.ndarray, " size"], pool: int, images: int
    ) -> SetScores:
        """Of sets drawn from `pool` images, themselves drawn from all `images`.

        A set of k has the variance v (1/k - 1/pool) about the pool's mean, or v / k where its images may be the same;
        about that of the pool, k of all images have v (1/k + 1/pool - 2/images): both are samples of them.
        """
        mean, sd = scores.mean(1), scores.std(1)
        off = scores - mean[:, None]
        third = (off * off * off).mean(1)
        within = 1 / sizes - np.where(sizes < pool, 1 / max(pool, 1), 0)
        between = 1 / sizes + 1 / max(pool, 1) - 2 / max(images, pool, 1)
        wider = np.sqrt(np.maximum(between / within, 1))
        skewness = np.where(sd > _NO_SPREAD, third / np.maximum(sd, _NO_SPREAD) ** 3, 0)
        wide = np.maximum(sd * wider[:, None], _NO_SPREAD)
        return cls(*(np.asarray(array, np.float32) for array in (mean, wide, skewness)))

    def deviates(
        self, scores: Float[np.ndarray, "*row"], size: Any, probe: Any, divided_by: Any = 1
    ) -> Float[np.ndarray, "*row"]:
        """The normal deviates that are exceeded as often as random sets of these sizes are as like a probe.

        `divided_by`: what the scores were divided by to be cosines.
        """
        z = (scores * divided_by - self.mean[size, probe]) / self.sd[size, probe]
        return as_normal(z, self.skewness[size, probe]).astype(np.float32)


def score_at(z: Any, mean: Any, sd: Any, skewness: Any) -> Float[np.ndarray, "*row"]:
    """The score that random sets exceed as often as a normal number exceeds z."""
    return np.asarray(mean + sd * of_normal(np.asarray(z), skewness))


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
