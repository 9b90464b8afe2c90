"""Spaces with planted concepts: models whose channels are known, seen through one cloud of image embeddings."""

from dataclasses import replace
from functools import cache

import numpy as np
from toy import colour_lens

import semlens_widgets as sl
from semlens_widgets.examples.sample import Sampled
from semlens_widgets.vectors import unit

CONCEPTS, DIM, K = 41, 67, 11


@cache
def toy_space():
    return colour_lens(count=12, k=K, sample=0).fit(cached=False, progress=False).space


def space_of(chosen, cloud, sizes=None, counts=None, seed=0, activations=None, **recipe):
    """A space whose component i has the images `chosen[i]` of a cloud of embeddings, the first `counts[i]` of them.

    With `activations` [image component], every other image is in its sample.
    """
    components, k = chosen.shape
    counts = np.full(components, k) if counts is None else np.asarray(counts)
    sizes = sizes or (components,)
    responses = np.where(np.arange(k) < counts[:, None], np.arange(k, 0, -1), 0).astype(np.float32)
    random = np.random.default_rng(seed)
    base = toy_space()
    some = np.arange(0, len(cloud), 2)
    sampled = None
    if activations is not None:
        sampled = Sampled(some, {"sample_responses": activations[some].T.astype(np.float32)})
    examples = replace(
        base.examples,
        components=sl.Components(tuple(f"layer{i}" for i in range(len(sizes))), tuple(sizes), (False,) * len(sizes)),
        images=np.where(responses > 0, chosen, -1).astype(np.int32),
        responses=responses,
        peaks=np.zeros((components, k), np.int32),
        sampled=sampled,
        statistics=sl.Statistics.of(random.random((len(cloud), components)).astype(np.float32)),
    )
    mean = [
        cloud[c[:n]].astype(np.float32).mean(0) if n else np.zeros(cloud.shape[1])
        for c, n in zip(chosen, counts, strict=True)
    ]
    return replace(
        base,
        examples=examples,
        recipe=replace(base.recipe, **{"clip": "planted", "seed": seed} | recipe),
        crop_vectors=cloud,
        crop_of=chosen.astype(np.int32),
        crop_images=np.arange(len(cloud), dtype=np.int32),
        vectors=unit(np.stack(mean).astype(np.float32)),
        null_vectors=cloud[random.permutation(len(cloud))[:300]],
        lengths=None,
        sample_vectors=None if sampled is None else cloud[some],
    )


@cache
def world():
    """(embeddings, strengths [image concept]): images in a cone, each with a few concepts of its own strength."""
    random = np.random.default_rng(0)
    directions = np.linalg.qr(random.normal(size=(DIM, CONCEPTS)))[0].T
    strengths = random.exponential(size=(2003, CONCEPTS)) * (random.random((2003, CONCEPTS)) < 0.06)
    cone = 1.2 * unit(random.normal(size=(1, DIM)))
    noise = 0.5 * unit(random.normal(size=(2003, DIM)))
    return unit((cone + strengths @ directions + noise).astype(np.float32)).astype(np.float16), strengths


def strongest(activations, k=K):
    """The k images that excite each channel most."""
    return np.argsort(-activations, axis=0)[:k].T


def model(rotation=None, noise=0.0, seed=0, **options):
    """A model with one channel per concept, its channels turned by `rotation` and seen through some noise."""
    cloud, strengths = world()
    seen = strengths if rotation is None else strengths @ rotation
    seen = seen + noise * np.random.default_rng(seed).normal(size=seen.shape)
    return space_of(strongest(seen), cloud, seed=seed, activations=seen, **options)


def unrelated(components, seed, k=7, images=400, dim=31, spread=1.0, **options):
    """A space of components that each have k random images; the images of all seeds are the same."""
    cloud = unit(np.random.default_rng(0).normal(size=(images, dim)) * np.linspace(2, 0.2, dim) + spread)
    random = np.random.default_rng(1000 + seed)
    chosen = np.stack([random.permutation(images)[:k] for _ in range(components)])
    return space_of(chosen, cloud.astype(np.float16), seed=seed, **options)


def rearranged(space, rows):
    """The same space with its components in another order, or several times."""
    e = space.examples
    statistics = replace(
        e.statistics,
        **{f: getattr(e.statistics, f)[rows] for f in ("sums", "squares", "nonzero", "negative", "exponent", "bins")},
    )
    sampled = e.sampled and Sampled(
        e.sampled.images, {"sample_responses": e.sampled.responses[rows]}
    )
    examples = replace(
        e, components=sl.Components(("layer0",), (len(rows),), (False,)), images=e.images[rows],
        responses=e.responses[rows], peaks=e.peaks[rows], statistics=statistics, sampled=sampled,
    )  # fmt: skip
    lengths = None if space.lengths is None else space.lengths[rows]
    return replace(space, examples=examples, crop_of=space.crop_of[rows], vectors=space.vectors[rows], lengths=lengths)


def layered(seed, sizes, dead=()):
    components = sum(sizes)
    counts = np.where(np.isin(np.arange(components), dead), 0, K)
    random = np.random.default_rng(seed)
    cloud, strengths = world()
    channels = strengths[:, random.integers(0, CONCEPTS, components)]
    seen = channels + 0.5 * random.normal(size=channels.shape)
    return space_of(strongest(seen), cloud, sizes=sizes, counts=counts, seed=seed, activations=seen)


CASES = {
    "not square": (layered(1, (13, 7), dead=(2, 15)), layered(2, (5, 19, 3), dead=(0, 24, 25, 26))),
    "square, and as many as dimensions": (layered(3, (30, 37)), layered(4, (30, 37))),
}
