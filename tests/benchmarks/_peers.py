"""How peers test explanations of components, written down from their papers: for `verify`, and for labels.

Oikarinen, Yan & Weng 2025 (arXiv 2506.05774, "NeuronEval"): an explanation that leaves half of its concept out, or says
as much again, must score lower. Oikarinen & Weng 2023 (arXiv 2204.10965, "CLIP-Dissect"): units of a last layer have
known names. Oikarinen & Weng 2024 (arXiv 2405.06855): activations of unseen images, simulated from the explanation.
Puri et al. 2025 (arXiv 2502.16994, "FADE"): clarity, responsiveness, purity, faithfulness.
"""

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score

import semlens_widgets as sl
from semlens_widgets.vectors import unit
from semlens_widgets.verify import METRICS, verify

EPSILON = 0.001  # a score that falls by less counts as unchanged
PASSES = 0.9  # of the components' scores must fall


def named(space, vectors, words):
    """Labels that name every component by one given word, which is all that `verify` looks at."""
    words = np.asarray(words)[:, None]
    nothing = np.zeros(words.shape, np.float32)
    probes = sl.Probes(tuple(f"concept {n}" for n in range(len(vectors))), vectors, space.recipe.clip)
    return sl.Labels(
        space, probes, words, nothing, nothing, nothing, nothing, nothing[:, 0], 0.5, "given", centre=False,
        distinct=False,
    )  # fmt: skip


def verified(space_of, activations, presence, strongest):
    """By metric what `verify` says of components with these activations [image component], each explained by its own
    concept, which is in every image as much as `presence` [image component] says.

    space_of: makes a space of activations, image vectors, a seed and k; `planted.space_of`.
    """
    images, count = presence.shape
    random = np.random.default_rng(0)
    space = space_of(activations, unit(random.normal(size=(images, count))).astype(np.float32), 0, k=10)
    labels = named(space, np.eye(count, dtype=np.float32), np.arange(count))
    found = verify(labels, activations, presence.astype(np.float32), strongest=strongest, rounds=1)
    return {name: getattr(found, name) for name in METRICS}


def ideal(frequency, components, images, seed):
    """Concepts in so many images, and components that answer to them alone: (activations, presence), both the same."""
    count = max(1, round(frequency * images))
    random = np.random.default_rng(seed)
    present = np.zeros((images, components), np.float32)
    for column in present.T:
        column[random.choice(images, count, replace=False)] = 1
    return present.copy(), present


def without_half(presence, seed):
    """Each concept without every second of its images, as if it were "black cat" instead of "cat"."""
    return np.where(np.random.default_rng(seed).random(presence.shape) < 0.5, 0, presence).astype(np.float32)


def with_as_many(presence, seed):
    """Each concept in as many other images besides, as if it were "animal" instead of "cat"."""
    share = presence.mean(0)
    drawn = np.random.default_rng(seed).random(presence.shape) < np.minimum(share / np.maximum(1 - share, 1e-9), 1)
    return np.where((presence < 0.5) & drawn, 1, presence).astype(np.float32)


def falls(space_of, activations, presence, strongest, seed):
    """By metric the share of components whose score falls with (half of the concept's images missing, as many more).

    A score that cannot be told any more has fallen, too: of an explanation that says the same of all images. NaN where
    it cannot be told of the right explanation either.
    """
    usual = verified(space_of, activations, presence, strongest)
    fallen = []
    for changed in (without_half(presence, seed), with_as_many(presence, seed + 1)):
        other = verified(space_of, activations, changed, strongest)
        fallen.append({name: _fallen(usual[name], other[name]) for name in METRICS})
    return {name: tuple(side[name] for side in fallen) for name in METRICS}


def _fallen(usual, other):
    known = np.isfinite(usual)
    lower = np.nan_to_num(other[known], nan=-np.inf) < usual[known] - EPSILON
    return float(lower.mean()) if known.any() else float("nan")


def standing_alone(scores, true):
    """NeuronEval's second test: the average precision with which scores [unit explanation] tell true pairs from all."""
    known = np.isfinite(scores)
    return float(average_precision_score(true[known], scores[known]))


def of_all_pairs(space, activations, image_vectors, vectors, rows):
    """Pearson's r by `verify` of each of some units with each of some words: [unit word]."""
    result = np.full((len(rows), len(vectors)), np.nan)
    for word in range(len(vectors)):
        labels = named(space, vectors, np.full(len(space.components), word))
        result[:, word] = verify(labels, activations, image_vectors, rounds=1).pearson[rows]
    return result


def simulated(labels, seen, unseen, activations):
    """Per component the correlation of its activations of unseen images with the weighted sum of its words' presences.

    labels: with words and weights ("linear"); seen, unseen: vectors of the images the labels were made from, and of
    others; presences are cosines in standard deviations over the images seen.
    """
    words = labels.probes.vectors.T
    usual = seen @ words
    presence = (unseen @ words - usual.mean(0)) / np.maximum(usual.std(0), 1e-9)
    result = np.full(len(labels), np.nan)
    for row in np.flatnonzero(labels.space.alive):
        predicted = presence[:, labels.words[row]] @ labels.scores[row]
        if predicted.std() > 1e-9 and activations[:, row].std() > 0:
            result[row] = np.corrcoef(predicted, activations[:, row])[0, 1]
    return result


def gini(positive, negative):
    """FADE's Gini coefficient of activations [image component]: 2 AUROC - 1, of images with against those without."""
    ranks = rankdata(np.concatenate([positive, negative]), axis=0)
    area = (ranks[: len(positive)].sum(0) - len(positive) * (len(positive) + 1) / 2) / len(positive) / len(negative)
    return 2 * area - 1


def purity(activations, present):
    """FADE's purity: the average precision with which each component ranks images that show its concept first."""
    pairs = zip(activations.T, present.T, strict=True)
    return np.array([average_precision_score(shown, values) if shown.any() else np.nan for values, shown in pairs])


def faithfulness(rates):
    """FADE's faithfulness: how far amplifying a component drives its concept into the output, of how far it could.

    rates: how often the concept is in the output, by the factor that the component is multiplied with, the first as
    if it were silent. In [0, 1]; 0 where the concept is in every output anyhow.
    """
    rates = np.asarray(rates, float)
    return float(max(rates[1:].max() - rates[0], 0) / (1 - rates[0])) if rates[0] < 1 else 0.0
