"""Spaces as large as asked, with concepts planted in them: for what is measured after a fit."""

from functools import cache

import numpy as np
from PIL import Image

import semlens_widgets as sl
from semlens_widgets.components import Recipe
from semlens_widgets.examples.sample import Sampled
from semlens_widgets.space import Thumbnails, directions, webp
from semlens_widgets.vectors import unit

DIM, CONCEPTS, CROPS, SAMPLE = 512, 300, 60_000, 500


def planted(components, *, k=20, seed=0, dim=DIM, layers=1, crops=CROPS):
    """A space whose components each have examples of one of 300 concepts, more or less purely, in a common cone.

    Spaces of different seeds look at the same crops and differ in which of them their components chose.
    """
    cloud, concept = cloud_of(crops, dim)
    random = np.random.default_rng(1000 + seed)
    order = np.argsort(concept, kind="stable").astype(np.int32)
    starts = np.searchsorted(concept[order], np.arange(CONCEPTS + 1))
    own = random.integers(0, CONCEPTS, components)
    low, high = starts[own, None], starts[own + 1, None]
    crop_of = order[(low + random.random((components, k)) * (high - low)).astype(np.int64)]
    stray = random.random((components, k)) < random.uniform(0, 0.6, (components, 1))
    crop_of[stray] = random.integers(0, crops, int(stray.sum()))
    vectors, lengths = directions(cloud, crop_of, np.full(components, k))
    sampled = np.sort(random.permutation(crops)[:SAMPLE])
    responses = (concept[sampled] == own[:, None]) + random.random((components, SAMPLE), np.float32) / 2
    return _around(components, k, layers, cloud, crop_of, vectors, lengths, Sampled(
        sampled.astype(np.int64), {"sample_responses": responses.astype(np.float32)}
    ).compact(), cloud[sampled], seed)  # fmt: skip


@cache
def cloud_of(crops, dim):
    """(half-precision unit vectors, concept of each): images in a cone, each of one concept."""
    random = np.random.default_rng(0)
    concept = random.integers(0, CONCEPTS, crops)
    means = unit(random.normal(size=(CONCEPTS, dim)))
    cone = unit(random.normal(size=(1, dim)))
    cloud = np.empty((crops, dim), np.float16)
    for start in range(0, crops, 10_000):
        some = concept[start : start + 10_000]
        noise = unit(random.normal(size=(len(some), dim)).astype(np.float32))
        cloud[start : start + 10_000] = unit((1.2 * cone + 0.8 * means[some] + 0.7 * noise).astype(np.float32))
    return cloud, concept


def _around(components, k, layers, cloud, crop_of, vectors, lengths, sampled, sample_vectors, seed):
    names = tuple(f"layer{i}" for i in range(layers))
    sizes = [components // layers] * (layers - 1)
    examples = sl.ConceptExamples(
        sl.Components(names, (*sizes, components - sum(sizes)), (False,) * layers),
        crop_of,
        np.tile(np.arange(k, 0, -1, dtype=np.float32), (components, 1)),
        np.zeros((components, k), np.int32),
        ((1,),) * layers,
        sl.Statistics.of(np.ones((2, components), np.float32)),
        k=k,
        sampled=sampled,
    )
    picture = webp(Image.new("RGB", (64, 64), "teal"), 64)
    return sl.SemanticSpace(
        examples,
        Recipe(f"planted {seed}", "a cloud", names, "max", k, "none", "a planted CLIP@0", 500, 0),
        cloud,
        crop_of,
        np.arange(len(cloud), dtype=np.int32),
        vectors,
        cloud[np.random.default_rng(5).permutation(len(cloud))[:500]],
        Thumbnails.of([picture] * len(cloud)),
        {},
        sample_vectors=sample_vectors,
        lengths=lengths,
    )
