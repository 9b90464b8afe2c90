"""What stands behind an explanation: its heatmaps, circuit and faithfulness are computed from it when asked for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from ..attribution.values import Composite
from ..circuit import Circuit, trace_circuit
from ..components import Components
from ..faithfulness import Faithfulness, measure
from ..model import Layer
from ..outputs import answering
from ..passes import OnStep
from ..targets.goal import Goal

if TYPE_CHECKING:
    import torch


_SAMPLE = 64  # components that `faithfulness` switches off in each layer


class ExplanationSource:
    """Model, input and target behind an explanation: what its heatmaps and circuit are computed from when asked."""

    def __init__(self, model: torch.nn.Module, inputs: torch.Tensor, layers: tuple[Layer, ...], goal: Goal) -> None:
        self.model, self.inputs, self.layers, self.goal = model, inputs, layers, goal
        self.maps: Any = "auto"  # the method behind heatmaps
        self.ways: Any = "auto"  # the method behind circuits
        self.method: Any = "auto"  # the method behind relevance
        self.components: Components
        self._heatmaps: dict[int, np.ndarray] = {}
        self._faithfulness: Faithfulness | None = None
        self.weak = False
        self._lock = threading.Lock()

    def heatmaps(self, rows: list[int], on_step: OnStep | None) -> list[np.ndarray]:
        from ..attribution import heatmaps

        with self._lock, answering(self.model, self.goal.read):
            missing = [row for row in dict.fromkeys(rows) if row not in self._heatmaps]
            finished = 0
            for layer in self.layers:
                span = self.components.rows(layer.name)
                assert isinstance(span, slice)
                mine = [row for row in missing if span.start <= row < span.stop]
                if not mine:
                    continue
                step = None if on_step is None else _onwards(on_step, finished, len(missing))
                numbers = np.asarray(mine) - span.start
                found = heatmaps(self.model, self.inputs, self.goal, layer, numbers, self.maps, on_step=step)
                self._heatmaps.update(zip(mine, found.heatmaps[0], strict=True))
                finished += len(mine)
            return [self._heatmaps[row] for row in rows]

    def faithfulness(self, backend: str, maps: str) -> Faithfulness:
        with self._lock, answering(self.model, self.goal.read):
            if self._faithfulness is None:
                layers = [layer for layer in self.layers if has_relevance(layer)]
                methods = [backend if isinstance(self.method, str) else self.method]
                of_maps = [self.maps if isinstance(self.maps, Composite) else maps]
                self._faithfulness = measure(
                    self.model, self.inputs, self.goal, layers, methods, of_maps, sample=_SAMPLE
                )
            return self._faithfulness

    def circuit(
        self, relevance: Float[np.ndarray, " component"], by: str, target: str, top: int, depth: int,
        on_step: OnStep | None,
    ) -> Circuit:  # fmt: skip
        """The circuit of an explanation with this relevance of its components, by that method."""
        parts = {layer.name: relevance[self.components.rows(layer.name)] for layer in self.layers}
        known = {name: part[None] for name, part in parts.items() if np.isfinite(part).all()}
        with answering(self.model, self.goal.read):
            return trace_circuit(
                self.model, self.inputs, self.goal, [layer for layer in self.layers if layer.name in known], self.ways,
                components=self.components, target=target, top=top, depth=depth, relevance=known, by=by,
                on_step=on_step,
            )  # fmt: skip


def _onwards(on_step: OnStep, finished: int, total: int) -> OnStep:
    return lambda done, _: on_step(finished + done, total)


def has_relevance(layer: Layer) -> bool:
    """Whether a layer's components have relevance for a prediction: an encoder's outputs have none."""
    return layer.via is None or layer.groups is not None or layer.writes is not None or hasattr(layer.via, "shape")
