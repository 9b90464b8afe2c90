"""Explanations held against what is planted: is the coloured patch found, is it placed, and does it matter?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.stats import rankdata
from torch import Tensor, nn

from semlens_widgets.attribution import attribute, heatmaps
from semlens_widgets.demo.factors import INDEX
from semlens_widgets.demo.network import normalise
from semlens_widgets.demo.planted import ENCODED, Truth, activations
from semlens_widgets.demo.world import Pictures, render

NEVUS = 0
STEPS = (1, 2, 4, 8, 16, 32)
"""How many components are removed, cumulatively, in the deletion test."""


@dataclass(frozen=True, eq=False)
class Patched:
    """Pictures with a coloured patch that a model takes for nevi: their inputs and where the patch is visible."""

    pictures: Pictures
    chosen: Int[np.ndarray, " image"]
    inputs: Float[Tensor, "image 3 height width"]
    masks: Bool[np.ndarray, "image height width"]


def patched(model: nn.Module, count: int, seed: int) -> Patched:
    """The first `count` such pictures among four times as many with independent factors."""
    pictures = render(4 * count, seed)
    inputs = normalise(pictures.images)
    with torch.no_grad():
        answers = model(inputs).argmax(1).numpy()
    masks = pictures.mask("patch")
    shown = pictures.factors[:, INDEX["patch"]] & masks.any((1, 2))
    chosen = np.flatnonzero(shown & (answers == NEVUS))[:count]
    return Patched(pictures, chosen, inputs[chosen], masks[chosen])


@dataclass(frozen=True, eq=False)
class Placement:
    """For each picture: the rank (0: first) by relevance for nevus of the best component that encodes the patch, the
    share of its conditional heatmap's positive relevance inside the patch, and whether its hottest pixel is there."""

    rank: Int[np.ndarray, " image"]
    mass: Float[np.ndarray, " image"]
    hit: Bool[np.ndarray, " image"]


def placement(model: nn.Module, given: Patched, truth: Truth, layer: str, backend: Any) -> Placement:
    """How a layer's components explain nevus where there is a coloured patch."""
    encoding = np.flatnonzero(truth.layer(layer).auroc[:, INDEX["patch"]] >= ENCODED)
    relevance = attribute(model, given.inputs, NEVUS, [layer], backend, heatmap=False).relevances[layer]
    rank = rankdata(-relevance, "ordinal", axis=1)[:, encoding] - 1
    best = encoding[rank.argmin(1)]
    positive = np.maximum(heatmaps(model, given.inputs, NEVUS, layer, best[:, None], backend).heatmaps[:, 0], 0)
    mass = (positive * given.masks).sum((1, 2)) / np.maximum(positive.sum((1, 2)), 1e-12)
    hit = [bool(mask.flat[heat.argmax()]) for heat, mask in zip(positive, given.masks, strict=True)]
    return Placement(rank.min(1), mass, np.asarray(hit))


def deletion(model: nn.Module, given: Patched, layer: str, seed: int = 0) -> dict[str, Float[np.ndarray, " step"]]:
    """By how much the predicted class's logit falls, on average, when the first STEPS components are set to zero:
    in order of relevance (both methods), of activation, and at random."""
    with torch.no_grad():
        logits = model(given.inputs).numpy()
    rows, target = np.arange(len(logits)), logits.argmax(1)
    orders = {
        backend: attribute(model, given.inputs, target, [layer], backend, heatmap=False).relevances[layer]
        for backend in ("lrp", "gradient")
    }
    orders["activation"] = activations(model, given.pictures, (layer,))[layer][given.chosen]
    orders["random"] = np.random.default_rng(seed).random(orders["activation"].shape)
    drops = {}
    for name, score in orders.items():
        order = np.argsort(-score, axis=1)
        drops[name] = np.zeros(len(STEPS))
        for step, count in enumerate(STEPS):
            kept = np.ones(score.shape, bool)
            np.put_along_axis(kept, order[:, :count], False, 1)
            left = _kept_only(model, layer, given.inputs, kept)[rows, target]
            drops[name][step] = (logits[rows, target] - left).mean()
    return drops


def _kept_only(
    model: nn.Module, layer: str, inputs: Tensor, kept: Bool[np.ndarray, "image component"]
) -> Float[np.ndarray, "image label"]:
    """Logits with all but the kept components of a layer set to zero, image by image."""
    factor = torch.as_tensor(kept)[:, :, None, None]
    handle = model.get_submodule(layer).register_forward_hook(lambda module, args, output: output * factor)
    try:
        with torch.no_grad():
            return model(inputs).numpy()
    finally:
        handle.remove()


def overlap(box: Float[np.ndarray, " 4"], mask: Bool[np.ndarray, "height width"]) -> float:
    """Intersection over union of a box (shares of the picture) with the box around a mask."""
    ys, xs = np.nonzero(mask)
    other = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) / mask.shape[0]
    low, high = np.maximum(box[:2], other[:2]), np.minimum(box[2:], other[2:])
    common = np.prod(np.maximum(high - low, 0))
    return float(common / (np.prod(box[2:] - box[:2]) + np.prod(other[2:] - other[:2]) - common))


LOCAL = ("ruler", "patch", "ink", "bubbles", "hair")
"""The factors that lie in a place of their own, where a crop can be right or wrong."""


def crop_overlaps(examples: Any, pictures: Pictures, truth: Truth, layer: str) -> Float[np.ndarray, " example"]:
    """The overlap of every example's box with the factor its component encodes, for local factors of one layer."""
    from semlens_widgets.demo.factors import FACTORS

    auroc = truth.layer(layer).auroc
    start = examples.components.rows(layer).start
    overlaps = []
    for index in np.flatnonzero(auroc.max(1) >= ENCODED):
        name = FACTORS[auroc[index].argmax()].name
        if name not in LOCAL:
            continue
        masks, row = pictures.mask(name), start + index
        for rank in range(examples.counts[row]):
            mask = masks[examples.images[row, rank]]
            if mask.any():
                box = np.array([0, 0, 1.0, 1]) if examples.boxes is None else examples.boxes[row, rank]
                overlaps.append(overlap(box.astype(np.float64), mask))
    return np.asarray(overlaps)
