"""The same space on less evidence: fewer examples of each component, or a part of the sampled images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Int

from ..examples import Sampled
from ..vectors import unit
from .value import SemanticSpace

_AT_ONCE = 512  # components whose examples are widened at once


def with_fewer_examples(space: SemanticSpace, k: int) -> SemanticSpace:
    """The space that only the k strongest examples of each component make. ValueError for more than there are."""
    there = space.crop_of.shape[1]
    if not 1 <= k <= there:
        raise ValueError(f"k={k}; this space has {there} examples of each component")
    e = space.examples
    boxes = None if e.boxes is None else e.boxes[:, :k]
    fewer = replace(
        e, images=e.images[:, :k], responses=e.responses[:, :k], peaks=e.peaks[:, :k], boxes=boxes, k=k
    )  # fmt: skip
    vectors = np.zeros_like(space.vectors)
    for start in range(0, len(vectors), _AT_ONCE):
        rows = np.arange(start, min(start + _AT_ONCE, len(vectors)))
        vectors[rows] = unit(space.embeddings_of(rows)[:, :k].sum(1))
    return replace(
        space, examples=fewer, recipe=replace(space.recipe, k=k), crop_of=space.crop_of[:, :k],
        vectors=vectors * (fewer.counts > 0)[:, None], lengths=None,
    )  # fmt: skip


def with_part_of_sample(space: SemanticSpace, chosen: Int[np.ndarray, " image"]) -> SemanticSpace:
    """The space with these of its sampled images alone, by their places in the sample. ValueError without a sample."""
    sampled = space.examples.sampled
    if sampled is None or space.sample_vectors is None:
        raise ValueError("this space has no sample of images; fit the lens with sample=…")
    some = Sampled(sampled.images[chosen], {"sample_responses": sampled.responses[:, chosen]})
    return replace(
        space, examples=replace(space.examples, sampled=some.compact()), sample_vectors=space.sample_vectors[chosen]
    )  # fmt: skip
