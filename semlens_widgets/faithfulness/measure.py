"""The measurement: components of a few pictures switched off, and patches of the pictures deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from ..attribution.values import Method, name_of
from ..intervals import of_few
from ..model import Layer
from ..passes import OnStep
from .value import Agreement, Deletion, Faithfulness, agreement

if TYPE_CHECKING:
    import torch

CELLS = 12  # patches on the longer side of a picture
STEPS = (0.05, 0.1, 0.2, 0.4)  # shares of the picture that are deleted


@dataclass(frozen=True, eq=False)
class Effects:
    """What switching off does in one layer: the truth that methods are held against.

    numbers: the components that were drawn; drop: by how much the target falls [image component] without each;
    held:    the same with each held at its mean response, or None.
    """

    numbers: Int[np.ndarray, " component"]
    drop: Float[np.ndarray, "image component"]
    held: Float[np.ndarray, "image component"] | None


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
    truth: Mapping[str, Effects] | None = None,
    on_step: OnStep | None = None,
) -> Faithfulness:
    """Hold methods against what switching off does, on the pictures `inputs` [image channel height width].

    goal:    what is explained, as the target of `attribute`.
    methods: those whose relevance of components is measured; maps: those whose heatmaps are.
    sample:  components switched off per layer: see `effects_of`; all where there are no more.
    held:    measure with components held at their mean response, too: twice as many passes.
    truth:   what `effects_of` found on the same pictures; by default found here.
    on_step: called with (steps done, in all); what it raises ends the work.
    """
    from ..attribution import UnsupportedModel, attribute

    step = _Steps(on_step, len(methods) + len(maps) + (0 if truth else len(layers)))
    known = truth or effects_of(model, inputs, goal, layers, sample=sample, held=held, seed=seed, on_step=step.within)
    step.done = 0 if truth else len(layers)
    agreements: list[Agreement] = []
    refused: dict[str, str] = {}
    heats: dict[str, np.ndarray] = {}
    for method in methods:
        step.next()
        try:
            found = attribute(model, inputs, goal, layers, method, heatmap=method in maps, batch_size=len(inputs))
        except UnsupportedModel as error:
            refused[name_of(method)] = str(error)
            continue
        if found.heatmap is not None:
            heats[name_of(method)] = found.heatmap
        for layer in layers:
            effects, relevance = known[layer.name], found.relevances[layer.name]
            with np.errstate(divide="ignore", invalid="ignore"):
                arrives = relevance.sum(1) / found.targets
            chosen = relevance[:, effects.numbers]
            agreements.append(
                agreement(layer.name, name_of(method), chosen, effects.drop, effects.held, arrives.tolist())
            )
    deletions = []
    for method in maps if inputs.ndim == 4 else ():
        step.next()
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
    return Faithfulness(tuple(agreements), tuple(deletions), len(inputs), sample, tuple(refused.items()))


def effects_of(
    model: torch.nn.Module, inputs: torch.Tensor, goal: Any, layers: Sequence[Layer], *, sample: int, held: bool,
    seed: int = 0, on_step: OnStep | None = None,
) -> dict[str, Effects]:  # fmt: skip
    """Per layer, what switching off a sample of its components does in these pictures.

    Half of them are those with the largest activation × gradient, half are drawn at random: correlations hang on the
    few components that do most, which a small random sample misses.
    """
    from ..attribution.effects import ablation
    from ..attribution.engine import passes_of

    leading = _strength(model, inputs, goal, layers)
    found: dict[str, Effects] = {}
    for number, layer in enumerate(layers):
        if on_step is not None:
            on_step(number, len(layers))
        passes = passes_of(model, inputs, layer, goal)
        numbers = _drawn(passes.components, leading.get(layer.name), sample, seed)
        told = None if on_step is None else partial(_again, on_step, number, len(layers))
        drop = ablation(passes, numbers, done=told)
        rested = ablation(passes, numbers, passes.means(), told) if held else None
        found[layer.name] = Effects(numbers, drop, rested)
    return found


def _strength(
    model: torch.nn.Module, inputs: torch.Tensor, goal: Any, layers: Sequence[Layer]
) -> Mapping[str, Float[np.ndarray, " component"]]:
    """Per layer, each component's mean absolute activation × gradient; nothing where there is no gradient."""
    from ..attribution import UnsupportedModel, attribute

    try:
        found = attribute(model, inputs, goal, layers, "gradient", heatmap=False, batch_size=len(inputs))
    except UnsupportedModel:
        return {}
    return {name: np.abs(relevance).mean(0) for name, relevance in found.relevances.items()}


def _drawn(
    components: int, strength: Float[np.ndarray, " component"] | None, sample: int, seed: int
) -> Int[np.ndarray, " chosen"]:
    """The components that are switched off, in order: all, or the strongest and as many others."""
    shuffled = np.random.default_rng(seed).permutation(components)
    if components <= sample or strength is None:
        return np.sort(shuffled[:sample])
    first = np.argsort(-strength, kind="stable")[: sample // 2]
    others = shuffled[~np.isin(shuffled, first)]
    return np.sort(np.concatenate([first, others[: sample - len(first)]]))


def _again(on_step: OnStep, done: int, total: int, passes: int) -> None:
    """After each pass within a step: `on_step` can end the work there."""
    on_step(done, total)


class _Steps:
    """Steps of a measurement, told before each."""

    def __init__(self, on_step: OnStep | None, total: int) -> None:
        self.on_step, self.total, self.done = on_step, total, 0

    def next(self) -> None:
        if self.on_step is not None:
            self.on_step(self.done, self.total)
        self.done += 1

    @property
    def within(self) -> OnStep | None:
        """Told by a part of the work that comes first."""
        on_step, total = self.on_step, self.total
        return None if on_step is None else lambda done, _: on_step(done, total)


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
    return Deletion(
        method, of_few(first), of_few(last), of_few(chance), of_few(first - last),
        tuple(float(value) for value in first - last),
    )  # fmt: skip


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
