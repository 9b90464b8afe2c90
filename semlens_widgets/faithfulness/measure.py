"""The measurement: components of a few pictures switched off, and patches of the pictures deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from ..attribution.values import Method, name_of
from ..model import Layer
from .value import Agreement, Deletion, Estimate, Faithfulness, agreement, resampled

if TYPE_CHECKING:
    import torch

CELLS = 12  # patches on the longer side of a picture
STEPS = (0.05, 0.1, 0.2, 0.4)  # shares of the picture that are deleted


def measure(
    model: torch.nn.Module,
    inputs: torch.Tensor,
    goal: Any,
    layers: Sequence[Layer],
    methods: Sequence[Method],
    maps: Sequence[Method] = (),
    *,
    sample: int = 32,
    held: bool = True,
    seed: int = 0,
    on_step: Callable[[int, int], None] | None = None,
) -> Faithfulness:
    """Hold methods against what switching off does, on the pictures `inputs` [image channel height width].

    goal:    what is explained, as the target of `attribute`.
    methods: those whose relevance of components is measured; maps: those whose heatmaps are.
    sample:  components switched off per layer, drawn at random; all where there are no more.
    held:    measure with components held at their mean response, too: twice as many passes.
    """
    from ..attribution import UnsupportedModel, attribute

    truths = {layer.name: _effects(model, inputs, goal, layer, sample, held, seed, on_step) for layer in layers}
    agreements: list[Agreement] = []
    refused: dict[str, str] = {}
    heats: dict[str, np.ndarray] = {}
    for method in methods:
        try:
            found = attribute(model, inputs, goal, layers, method, heatmap=method in maps, batch_size=len(inputs))
        except UnsupportedModel as error:
            refused[name_of(method)] = str(error)
            continue
        if found.heatmap is not None:
            heats[name_of(method)] = found.heatmap
        if on_step is not None:
            on_step(0, 1)
        for layer in layers:
            numbers, drop, rested = truths[layer.name]
            relevance = found.relevances[layer.name]
            with np.errstate(divide="ignore", invalid="ignore"):
                arrives = relevance.sum(1) / found.targets
            agreements.append(
                agreement(layer.name, name_of(method), relevance[:, numbers], drop, rested, arrives.tolist())
            )
    deletions = []
    for method in maps if inputs.ndim == 4 else ():
        name = name_of(method)
        if name not in heats and name not in refused:
            try:
                of_all = attribute(model, inputs, goal, layers[:1], method, batch_size=len(inputs))
            except UnsupportedModel as error:
                refused[name] = str(error)
            else:
                heats |= {} if of_all.heatmap is None else {name: of_all.heatmap}
        if name in heats:
            deletions.append(_deletion(model, inputs, goal, name, heats[name], seed))
            if on_step is not None:
                on_step(0, 1)
    return Faithfulness(tuple(agreements), tuple(deletions), len(inputs), sample, tuple(refused.items()))


def _effects(
    model: torch.nn.Module, inputs: torch.Tensor, goal: Any, layer: Layer, sample: int, held: bool, seed: int,
    on_step: Callable[[int, int], None] | None,
) -> tuple[Int[np.ndarray, " component"], np.ndarray, np.ndarray | None]:  # fmt: skip
    """(the components drawn, by how much the target falls [image component] without each, and held at its mean)."""
    from ..attribution.effects import ablation
    from ..attribution.engine import passes_of

    passes = passes_of(model, inputs, layer, goal)
    random = np.random.default_rng(seed)
    numbers = np.sort(random.permutation(passes.components)[:sample])
    told = None if on_step is None else lambda _: on_step(0, 1)
    drop = ablation(passes, numbers, done=told)
    return numbers, drop, ablation(passes, numbers, passes.means(), told) if held else None


def _deletion(
    model: torch.nn.Module, inputs: torch.Tensor, goal: Any, method: str, heat: np.ndarray, seed: int
) -> Deletion:
    """The deletion test of heatmaps [image height width]."""
    import torch
    from torch.nn import functional as F

    height, width = inputs.shape[-2:]
    side = max(1, max(height, width) // CELLS)
    pooled = F.avg_pool2d(torch.as_tensor(np.array(heat))[:, None], side, ceil_mode=True)
    shape, scores = pooled.shape[-2:], pooled.flatten(1).numpy()
    random = np.random.default_rng(seed).random(scores.shape)
    value = _answers(model, inputs, goal)
    whole = value(inputs)
    grey = inputs.mean((2, 3), keepdim=True)

    def lost(order: np.ndarray) -> np.ndarray:
        """Per picture, the share of the value that is lost where patches go in this order."""
        found = []
        for step in STEPS:
            gone = np.zeros(order.shape, np.float32)
            np.put_along_axis(gone, order[:, : max(1, round(step * order.shape[1]))], 1, 1)
            mask = torch.as_tensor(gone).reshape(-1, 1, *shape).repeat_interleave(side, 2).repeat_interleave(side, 3)
            mask = mask[..., :height, :width].to(inputs)
            with np.errstate(divide="ignore", invalid="ignore"):
                found.append((whole - value(inputs * (1 - mask) + grey * mask)) / np.abs(whole))
        return np.mean(found, axis=0)

    first, last, chance = (lost(np.argsort(s, axis=1)) for s in (-scores, scores, random))
    return Deletion(method, *(_over_pictures(values) for values in (first, last, chance, first - last)))


def _over_pictures(values: np.ndarray) -> Estimate:
    drawn = np.random.default_rng(0).integers(0, len(values), (200, len(values)))
    return resampled(values, values[drawn].mean(1))


def _answers(model: torch.nn.Module, inputs: torch.Tensor, goal: Any) -> Callable[[torch.Tensor], np.ndarray]:
    """The target's value for pictures like `inputs`, for what is explained in these."""
    import torch

    from ..attribution.engine import fixed
    from ..attribution.trace import answer_of, restored
    from ..outputs import placed

    given = placed(model, inputs)
    value = fixed(model, given, goal)

    def answers(changed: torch.Tensor) -> np.ndarray:
        with torch.no_grad(), restored(model):
            answer = answer_of(model(placed(model, changed)), len(changed))
            return value(answer).float().cpu().numpy()

    return answers
