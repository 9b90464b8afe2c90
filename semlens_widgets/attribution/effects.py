"""Relevance measured forwards: the effect of switching components off, and gradients on the way to it.

"ablation" is the effect itself: by how much the target falls when a component is switched off, all else as it was.
"integrated" comes close to it in a fixed number of passes: the components are dealt into groups, each group is taken
half the way to being off, and there a component's activation × gradient is read. A component's gradient is thus that
between what it is and what it would be, and the company it goes with is a small part of its layer. (With one group
this is the midpoint of the layer's integrated gradients, Sundararajan et al. 2017; with a group per component it is
the midpoint of each one's own path.) A layer of few components is measured as "ablation" does, which is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from semlens_widgets.attribution.readings import Reading
from semlens_widgets.attribution.tape import UnsupportedModel, widened
from semlens_widgets.attribution.trace import answer_of, full_precision, restored
from semlens_widgets.model import Layer, attach, tensor_of
from semlens_widgets.outputs import GROWN
from semlens_widgets.switching import Switch, changed, replaced

GROUPS = 16
FEW = 3 * GROUPS  # components that are switched off one by one: no dearer than so many ways back and forth
_ROWS = 32  # conditions × images in a pass
_ROWS_BACK = 8  # where the way back needs what the pass computed
Value = Callable[[Tensor], Tensor]  # of the model's answer [image ...]: the target's value per image


@dataclass(frozen=True, eq=False)
class Moment:
    """A layer's value and its gradient in one pass, as the `Trace` that a `Reading` reads. Signals are gradients."""

    at: Tensor

    def value(self, place: str) -> Tensor:
        return self.at

    def start(self, place: str, gradient: Tensor) -> Tensor:
        return gradient

    def pull(self, place: str, signal: Tensor, to: Any) -> dict[str, Tensor]:
        return dict.fromkeys(to, signal)

    def relevance(self, place: str, signal: Tensor) -> Tensor:
        return signal * self.at

    def gradient(self, place: str, signal: Tensor) -> Tensor:
        return signal


@dataclass(eq=False)
class Passes:
    """Passes of a model with one layer's value changed, many conditions at once where the model allows it.

    Conditions are laid side by side from the layer on, so that what lies below runs once; where the answers then
    differ from those one by one, from the input on; else they are taken one by one.
    """

    model: nn.Module
    inputs: Tensor
    layer: Layer
    value: Value
    grown: str = "one by one"

    def __post_init__(self) -> None:
        self.components = len(self.base()[1])
        off = np.zeros((2, self.components), bool)
        off[1, : max(1, self.components // GROUPS)] = True
        singly = self.switched(off)
        for way in ("at the layer", "at the input"):
            self.grown = way
            try:
                together = self.switched(off)
            except Exception:  # whatever a model says to a batch that grows on its way
                continue
            if np.allclose(together, singly, rtol=1e-3, atol=1e-4 * max(float(np.abs(singly).max()), 1e-6)):
                return
        self.grown = "one by one"

    def base(self) -> tuple[Float[np.ndarray, " image"], Reading]:
        """The target's value as things are, and the layer as it is read."""
        kept: list[Tensor] = []

        def keep(tensor: Tensor) -> Tensor:
            kept.append(tensor.detach().clone())
            return tensor

        with _run(self, keep, 1) as answer:
            value = self._values(answer, 1)
        return value.cpu().numpy()[0], Reading(Moment(widened(kept[-1])), self.layer)

    def means(self) -> Float[np.ndarray, " component"]:
        """Each component's mean response over images and places; of a signed one that of its own side."""
        values = self.base()[1].values
        if self.layer.signed:
            values = torch.cat([values.clamp(min=0), (-values).clamp(min=0)], -1)
        return values.float().mean((0, 1)).cpu().numpy()

    def switched(
        self, off: np.ndarray, rest: np.ndarray | None = None, done: Callable[[int], None] | None = None
    ) -> Float[np.ndarray, "condition image"]:
        """The target's value with components off (or at rest) [condition component]."""
        still = np.zeros(off.shape[1], np.float32) if rest is None else rest
        found = []
        for part in self._parts(len(off), _ROWS):
            switch = Switch(self.layer, off[part], still)
            with _run(self, lambda tensor, switch=switch: changed(switch, tensor), len(off[part])) as answer:  # type: ignore[misc]
                found.append(self._values(answer, len(off[part])).cpu().numpy())
            if done is not None:
                done(len(off[part]))
        return np.concatenate(found)

    def halfway(
        self, off: np.ndarray, done: Callable[[int], None] | None = None
    ) -> Iterator[tuple[slice, Float[np.ndarray, "condition image component"]]]:
        """Activation × gradient of each component, with some half the way to being off [condition component]."""
        for part in self._parts(len(off), _ROWS_BACK):
            switch = Switch(self.layer, off[part], np.zeros(off.shape[1], np.float32))
            leaves: list[tuple[Tensor, Tensor]] = []

            def halve(tensor: Tensor, switch: Switch = switch, leaves: Any = leaves) -> Tensor:
                whole = tensor.detach().clone()
                leaf = ((whole + changed(switch, whole)) / 2).requires_grad_()
                leaves.append((whole, leaf))
                torch.set_grad_enabled(True)  # from here on, until `_run` ends
                return leaf.clone()

            with _run(self, halve, len(off[part])) as answer:
                value = self._values(answer, len(off[part]), graph=True)
                if not value.requires_grad:
                    raise UnsupportedModel(
                        "the model cannot be differentiated; choose method 'ablation', which does without"
                    )
                (slope,) = torch.autograd.grad(value.sum(), leaves[-1][1])
            with torch.no_grad(), full_precision(slope.device):
                reading = Reading(Moment(widened(leaves[-1][0])), self.layer)
                totals = reading.totals(widened(slope)[None])[0]
            yield part, totals.unflatten(0, (len(off[part]), -1)).float().cpu().numpy()
            if done is not None:
                done(len(off[part]))

    def _parts(self, conditions: int, rows: int) -> Iterator[slice]:
        step = 1 if self.grown == "one by one" else max(1, rows // len(self.inputs))
        for first in range(0, conditions, step):
            yield slice(first, first + step)

    def _values(self, answer: Tensor, conditions: int, graph: bool = False) -> Tensor:
        """[condition image]"""
        with torch.set_grad_enabled(graph):
            rows = answer.unflatten(0, (conditions, -1)) if conditions > 1 else answer[None]
            return torch.stack([self.value(row) for row in rows]).float()


@contextmanager
def _run(passes: Passes, change: Callable[[Tensor], Tensor], conditions: int) -> Iterator[Tensor]:
    """The model's answer [conditions × images ...] with a layer's value changed. The model is left as it was."""
    layer, images = passes.layer, len(passes.inputs)

    def hook(output: Any) -> Any:
        tensor = tensor_of(layer, output)
        if len(tensor) == images and conditions > 1:
            tensor = tensor.repeat(conditions, *[1] * (tensor.ndim - 1))
        with torch.autocast(tensor.device.type, enabled=False):
            return replaced(layer, output, change(tensor))

    inputs, grown = passes.inputs, conditions if passes.grown == "at the layer" else 1
    if grown != conditions:
        inputs = inputs.repeat(conditions, *[1] * (inputs.ndim - 1))
    with ExitStack() as undo:
        undo.enter_context(torch.inference_mode(False))
        undo.enter_context(torch.no_grad())
        handles = undo.enter_context(restored(passes.model))
        token = GROWN.set(grown)
        undo.callback(GROWN.reset, token)
        handles.append(attach(passes.model, layer, hook))
        yield answer_of(passes.model(inputs.clone()), images * conditions)


def ablation(
    passes: Passes,
    numbers: Int[np.ndarray, " chosen"] | None = None,
    rest: Float[np.ndarray, " component"] | None = None,
    done: Callable[[int], None] | None = None,
) -> Float[np.ndarray, "image chosen"]:
    """By how much the target falls when each component (or each of `numbers`) is switched off, or held at `rest`."""
    chosen = np.arange(passes.components) if numbers is None else np.asarray(numbers)
    off = np.zeros((len(chosen) + 1, passes.components), bool)
    off[np.arange(1, len(chosen) + 1), chosen] = True
    values = passes.switched(off, rest, done)
    return (values[0] - values[1:]).T


def integrated(passes: Passes, done: Callable[[int], None] | None = None) -> Float[np.ndarray, "image component"]:
    """Activation × gradient of each component where it and its group are half the way to being off."""
    if passes.components <= FEW:
        return ablation(passes, done=done)
    group = np.random.default_rng(0).permutation(passes.components) % GROUPS
    off = group == np.arange(GROUPS)[:, None]
    found = np.zeros((len(passes.inputs), passes.components), np.float32)
    for part, totals in passes.halfway(off, done):
        for condition, amounts in zip(range(*part.indices(GROUPS)), totals, strict=True):
            mine = group == condition
            found[:, mine] = amounts[:, mine]
    return found


def cost(method: str, components: Sequence[int]) -> int:
    """How many passes from its layer on a method takes per image, for layers of so many components."""
    return sum(size + 1 if method == "ablation" or size <= FEW else GROUPS for size in components)
