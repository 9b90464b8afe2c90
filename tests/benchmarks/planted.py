"""Truth of scores, search and labels on planted units, over several seeds.

    python tests/benchmarks/planted.py [seed ...]

A CLIP-like space in numpy: all images share a cone, each shows some concepts, words are concepts behind the text
tower's own offset. Units are 120 that detect one concept, 80 that detect two, and 60 that choose images at random.
"""

import sys
from dataclasses import dataclass

import numpy as np

import semlens_widgets as sl
from semlens_widgets.describe import describe
from semlens_widgets.evaluate import evaluate
from semlens_widgets.examples import Sampled, drawn
from semlens_widgets.space import Thumbnails, directions
from semlens_widgets.vectors import unit

SINGLE, TWO, NOISE = 120, 80, 60
CONCEPTS, DIM, IMAGES, K = 160, 256, 4000, 30


@dataclass(frozen=True, eq=False)
class Planted:
    """Units with known meaning, and the images and words they stand in. `concepts` [unit 2]; equal for one, -1 none."""

    space: sl.SemanticSpace
    words: sl.Probes
    concepts: np.ndarray
    activations: np.ndarray  # [image component]
    image_vectors: np.ndarray  # [image dim]
    presence: np.ndarray  # [image concept]

    @property
    def kind(self) -> np.ndarray:
        return np.repeat(["single", "two", "noise"], [SINGLE, TWO, NOISE])


def planted(seed: int, distractors: int = 240) -> Planted:
    """The units of one seed. `distractors` are words of concepts that no unit detects and no image shows."""
    random = np.random.default_rng(seed)
    meaning = unit(random.normal(size=(CONCEPTS + distractors, DIM)))
    cone, offset = unit(random.normal(size=(2, DIM)))
    presence = random.random((IMAGES, CONCEPTS)) < 0.02
    strength = presence * random.uniform(0.6, 1.4, presence.shape)
    images = unit(1.5 * cone + strength @ meaning[:CONCEPTS] + unit(random.normal(size=(IMAGES, DIM)))).astype(
        np.float32
    )
    texts = unit(1.5 * offset + meaning + 0.4 * unit(random.normal(size=meaning.shape)))
    words = unit(texts - unit(1.5 * offset)).astype(np.float32)
    first = np.concatenate([random.permutation(CONCEPTS)[:SINGLE], random.integers(0, CONCEPTS, TWO), [-1] * NOISE])
    second = first.copy()
    second[SINGLE : SINGLE + TWO] = (first[SINGLE : SINGLE + TWO] + random.integers(1, CONCEPTS, TWO)) % CONCEPTS
    activations = np.maximum(strength[:, first], strength[:, second]) + 0.1 * random.random((IMAGES, len(first)))
    activations[:, -NOISE:] = random.random((IMAGES, NOISE))
    activations = activations.astype(np.float32)
    space = space_of(activations, images, seed)
    names = tuple(f"word {number}" for number in range(len(words)))
    return Planted(
        space, sl.Probes(names, words, "planted"), np.stack([first, second], 1), activations, images, presence
    )


def space_of(
    activations: np.ndarray, image_vectors: np.ndarray, seed: int, k: int = K, layers: tuple[int, ...] = ()
) -> sl.SemanticSpace:
    """The semantic space of units with those responses to images with those embeddings; `layers` are layer sizes."""
    images = np.argsort(-activations, axis=0, kind="stable")[:k].T
    responses = np.take_along_axis(activations.T, images, 1)
    sizes = layers or (activations.shape[1],)
    names = tuple(f"layer{n + 1}" for n in range(len(sizes)))
    components = sl.Components(names, sizes, (False,) * len(sizes))
    statistics = sl.Statistics.of(activations.astype(np.float32))
    peaks = np.zeros(images.shape, np.int32)
    sample = drawn(len(activations), 500, seed)
    examples = sl.ConceptExamples(
        components, images.astype(np.int32), responses.astype(np.float32), peaks, ((),) * len(sizes), statistics, k=k,
        sampled=Sampled(sample.astype(np.int32), {"sample_responses": activations[sample].T.astype(np.float32)}),
    )  # fmt: skip
    crops = image_vectors.astype(np.float16)
    chosen = np.random.default_rng(seed).permutation(len(crops))[:500]
    recipe = sl.Recipe("planted", "planted", names, "max", k, "whole", "planted", len(chosen), seed)
    return sl.SemanticSpace(
        examples, recipe, crops, images.astype(np.int32), np.arange(len(crops), dtype=np.int32),
        directions(crops, images.astype(np.int32), examples.counts)[0], crops[chosen], Thumbnails.of([]),
        {n: str(n) for n in range(len(crops))}, sample_vectors=crops[sample],
    )  # fmt: skip


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """The chance that a positive scores above a negative."""
    return float((positive[:, None] > negative).mean() + (positive[:, None] == negative).mean() / 2)


def average_precision(ranked: np.ndarray) -> float:
    """Of a ranking of hits (True) and misses."""
    found = np.flatnonzero(ranked)
    return float(((np.arange(len(found)) + 1) / (found + 1)).mean())


def measured(world: Planted) -> dict[str, float]:
    """The figures of measures.md, section 1, for one seed."""
    scores, kind = evaluate(world.space), world.kind
    single, two, noise = kind == "single", kind == "two", kind == "noise"
    split = scores.centred.polysemanticity
    gated = np.where(scores.clear, split, 0)
    precisions, false = [], []
    for answer in sl.search(world.space, world.words, top=None):
        concept = int(answer.probe.split()[1])
        truth = (world.concepts == concept).any(1)
        if truth.any():
            precisions.append(average_precision(truth[answer.rows]))
        elif concept >= CONCEPTS:
            false.append(answer.state)
    random = space_of(world.activations[:, noise], world.image_vectors, seed=world.space.recipe.seed)
    chance = [answer.state != "not found" for answer in sl.search(random, world.words)]
    labels = describe(world.space, world.words)
    right = (labels.words[:, :1] == world.concepts).any(1)
    parts = np.asarray([len(found) for found in labels.meanings])
    both = [
        {part.word for part in labels.meanings[row]} == {f"word {c}" for c in world.concepts[row]}
        for row in np.flatnonzero(two)
    ]
    return {
        "clarity, centred: single from noise, AUROC": auroc(
            scores.centred.clarity[single], scores.centred.clarity[noise]
        ),
        "clarity, raw: single from noise, AUROC": auroc(scores.raw.clarity[single], scores.raw.clarity[noise]),
        "clarity, raw: two-concept from noise, AUROC": auroc(scores.raw.clarity[two], scores.raw.clarity[noise]),
        "polysemanticity, centred: two from single, AUROC": auroc(split[two], split[single]),
        "polysemanticity, raw: two from single, AUROC": auroc(
            scores.raw.polysemanticity[two], scores.raw.polysemanticity[single]
        ),
        "polysemanticity, centred: two from noise, AUROC": auroc(split[two], split[noise]),
        "the same with the clarity gate": auroc(gated[two], gated[noise]),
        "noise units called clear": float(scores.clear[noise].mean()),
        "search, mAP": float(np.mean(precisions)),
        "search, 'found' with random units": float(np.mean(chance)),
        "search, 'found' for words that no image shows": float(np.mean([state == "found" for state in false])),
        "search, 'unchecked' for words that no image shows": float(np.mean([state == "unchecked" for state in false])),
        "labels, top-1, single": float(right[single].mean()),
        "labels, top-1 is one of the two": float(right[two].mean()),
        "labels, accepted, single": float(labels.accepted[single, 0].mean()),
        "labels, accepted, noise": float(labels.accepted[noise, 0].mean()),
        "meanings: single with one": float((parts[single] == 1).mean()),
        "meanings: two-concept with two": float((parts[two] == 2).mean()),
        "meanings: both words right": float(np.mean(both)),
        "meanings: noise with one": float((parts[noise] == 1).mean()),
    }


def main(seeds: list[int]) -> None:
    from _tables import particulars

    print(f"# Planted units, seeds {seeds}\n\n{particulars()}\n\n| figure | median | worst–best |\n|---|---|---|")
    rows = [measured(planted(seed)) for seed in seeds]
    for name in rows[0]:
        values = [row[name] for row in rows]
        print(f"| {name} | {np.median(values):.3f} | {min(values):.3f}–{max(values):.3f} |")


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [0, 1, 2, 3, 4])
