"""Labelers: ways to score words for components by their activations over a sample of images.

Each takes activations [image component], the unit vectors of the same images [image dim] and the words, and returns
scores [component probe]; a function of your own with these arguments is a labeler too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from .clip import Probes
from .vectors import unit

_BLOCK_NUMBERS = 1 << 24

Labeler = Callable[
    [Float[np.ndarray, "image component"], Float[np.ndarray, "image dim"], Probes],
    Float[np.ndarray, "component probe"],
]


def soft_wpmi(
    activations: Float[np.ndarray, "image component"],
    image_vectors: Float[np.ndarray, "image dim"],
    probes: Probes,
    *,
    examples: int = 100,
    sharpness: float = 10.0,
    prior: float = 1.0,
) -> Float[np.ndarray, "component probe"]:
    """CLIP-Dissect's soft pointwise mutual information of each word and the images that excite a component.

    The chance of a word given an image is a softmax over words of `sharpness` times their cosine; the strongest
    `examples` images vote with weights falling from .998 to .97; the log chance of the word over all components,
    `prior` times, is taken off, so words that fit everything gain nothing. (Oikarinen & Weng 2023)
    """
    cosines = sharpness * (image_vectors @ probes.vectors.T)
    chances = np.exp(cosines - cosines.max(1, keepdims=True))
    chances /= chances.sum(1, keepdims=True)
    count = min(examples, len(activations))
    order = np.argsort(-activations, axis=0, kind="stable")[:count]
    weights = np.linspace(0.998, 0.97, count, dtype=chances.dtype)
    evidence = np.zeros((activations.shape[1], len(probes)), np.float32)
    for images, weight in zip(order, weights, strict=True):
        evidence += np.log(np.maximum(1 + weight * (chances[images] - 1), 1e-7))
    top = evidence.max(0)
    usual = top + np.log(np.exp(evidence - top).mean(0))
    return evidence - np.float32(prior) * usual


def contrast(
    activations: Float[np.ndarray, "image component"],
    image_vectors: Float[np.ndarray, "image dim"],
    probes: Probes,
    *,
    examples: int = 30,
) -> Float[np.ndarray, "component probe"]:
    """The cosine of each word with what sets a component's images apart from similar ones that leave it cold.

    That is the mean vector of the `examples` strongest images less that of the more similar half of the images among
    the weaker half of all: against the few most similar alone, what they have in common would count for nothing.
    """
    count = min(examples, max(len(activations) // 2, 1))
    order = np.argsort(-activations, axis=0, kind="stable")
    directions = np.empty((activations.shape[1], image_vectors.shape[1]), np.float32)
    for component in range(activations.shape[1]):
        strong = image_vectors[order[:count, component]].mean(0)
        cold = image_vectors[order[len(order) // 2 :, component]]
        alike = np.argsort(-(cold @ strong), kind="stable")[: max(len(cold) // 2, 1)]
        directions[component] = strong - cold[alike].mean(0)
    return unit(directions) @ probes.vectors.T


def linear(
    activations: Float[np.ndarray, "image component"],
    image_vectors: Float[np.ndarray, "image dim"],
    probes: Probes,
    *,
    concepts: int = 5,
) -> Float[np.ndarray, "component probe"]:
    """Weights of the few words whose presence in an image, added up, predicts a component's activation best.

    Activations and presences (cosines of image and word) are standardised over images; words enter one by one,
    each the one that correlates most with what is unexplained, with weights kept at 0 or above, up to `concepts`.
    All other words score 0. (After Oikarinen & Weng 2024)
    """
    presence = _standard(image_vectors @ probes.vectors.T)
    images = len(presence)
    result = np.zeros((activations.shape[1], len(probes)), np.float32)
    step = max(1, _BLOCK_NUMBERS // max(len(probes), images))
    for start in range(0, activations.shape[1], step):
        target = _standard(activations[:, start : start + step].astype(np.float32)).T
        every = np.arange(len(target))
        toward = target @ presence / images
        words = np.zeros((len(target), 0), np.int64)
        weights = np.zeros((len(target), 0), np.float32)
        residual = target
        for _ in range(min(concepts, len(probes))):
            gain = residual @ presence / images
            np.put_along_axis(gain, words, -np.inf, 1)
            words = np.concatenate([words, gain.argmax(1)[:, None]], 1)
            chosen = presence.T[words]
            overlap = chosen @ chosen.transpose(0, 2, 1) / images
            weights = _positive_weights(overlap, np.take_along_axis(toward, words, 1))
            residual = target - np.einsum("cw,cwi->ci", weights, chosen)
        result[start + every[:, None], words] = weights
    return result


def _standard(values: Float[np.ndarray, "image column"]) -> Float[np.ndarray, "image column"]:
    """Columns with mean 0 and deviation 1; a constant column becomes 0."""
    values = values - values.mean(0)
    sd = values.std(0)
    return np.divide(values, sd, out=np.zeros_like(values), where=sd > 1e-9)


def _positive_weights(
    overlap: Float[np.ndarray, "component word other"], toward: Float[np.ndarray, "component word"]
) -> Float[np.ndarray, "component word"]:
    """Least-squares weights, none below 0, by coordinate descent on the normal equations."""
    weights = np.zeros_like(toward)
    square = np.maximum(np.einsum("cww->cw", overlap), 1e-9)
    for _ in range(100):
        before = weights.copy()
        for word in range(toward.shape[1]):
            rest = toward[:, word] - np.einsum("cw,cw->c", overlap[:, word], weights)
            weights[:, word] = np.maximum(weights[:, word] + rest / square[:, word], 0)
        if np.abs(weights - before).max(initial=0) < 1e-6:
            break
    return weights


LABELERS: dict[str, Labeler] = {"soft-wpmi": soft_wpmi, "contrast": contrast, "linear": linear}


def labeler(method: str | Labeler) -> Labeler:
    if callable(method):
        return method
    if method not in LABELERS:
        raise ValueError(
            f"no labeler {method!r}; there are mean, {', '.join(LABELERS)}, or give a function of activations "
            "[image component], image_vectors [image dim] and probes that returns scores [component probe]"
        )
    return LABELERS[method]
