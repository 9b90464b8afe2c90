"""Activation × gradient: relevance for anything differentiable, with nothing but autograd."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from semlens_widgets.attribution.tape import UnsupportedModel, widened
from semlens_widgets.attribution.trace import INPUT, OUTPUT, LayerReached, answer_of, full_precision, restored, selected
from semlens_widgets.model import Layer, attach

SCALES = (10, 0, -10)  # powers of two that gradients in half precision are multiplied with, tried in this order


@dataclass(frozen=True, eq=False)
class Place:
    """What a layer gave, at the moment it gave it: work in place that follows changes neither.

    root: a copy, from which signals start.
    edge: where in autograd's graph signals arrive that are sent to the layer.
    """

    root: Tensor
    edge: Any

    @classmethod
    def of(cls, name: str, output: Tensor) -> Place:
        if not output.requires_grad:
            raise ValueError(f"the output of layer {name!r} does not depend on the input; choose another layer")
        return cls(output.clone(), torch.autograd.graph.get_gradient_edge(output))

    @cached_property
    def value(self) -> Tensor:
        return widened(self.root.detach())


class GradientTrace:
    """One forward pass with its autograd graph. Signals are gradients."""

    def __init__(self, places: dict[str, Place]) -> None:
        self.places = places

    def value(self, place: str) -> Tensor:
        return self.places[place].value

    def start(self, place: str, gradient: Tensor) -> Tensor:
        return gradient

    def relevance(self, place: str, signal: Tensor) -> Tensor:
        return signal * self.value(place)

    def gradient(self, place: str, signal: Tensor) -> Tensor:
        return signal

    def pull(self, place: str, signal: Tensor, to: Iterable[str]) -> dict[str, Tensor]:
        names = list(to)
        elsewhere = [name for name in names if name != place]
        rows = [self._sent(place, condition, elsewhere) for condition in signal] if elsewhere else []
        stacked = {name: torch.stack([row[at] for row in rows]) for at, name in enumerate(elsewhere)}
        return {name: signal if name == place else stacked[name] for name in names}

    def _sent(self, place: str, signal: Tensor, to: Sequence[str]) -> list[Tensor]:
        """The gradients of one condition. Half precision has few small numbers: there they are sent enlarged."""
        half = any(there.root.dtype == torch.float16 for there in self.places.values())
        found: list[Tensor] = []
        for power in SCALES if half else (0,):
            with _differentiable():
                gradients = torch.autograd.grad(
                    self.places[place].root,
                    [self.places[name].edge for name in to],
                    (signal * 2.0**power).to(self.places[place].root.dtype),
                    retain_graph=True,
                    allow_unused=True,
                )
            found = [
                torch.zeros_like(self.value(name)) if gradient is None else widened(gradient) / 2.0**power
                for name, gradient in zip(to, gradients, strict=True)
            ]
            if not half or all(bool(torch.isfinite(gradient).all()) for gradient in found):
                break
        return found


@contextmanager
def _differentiable() -> Iterator[None]:
    """UnsupportedModel where autograd refuses what a model does; it would fail its own training as well."""
    try:
        yield
    except RuntimeError as error:
        if not any(hint in str(error) for hint in ("inplace", "in-place", "automatic differentiation", "nference")):
            raise
        raise UnsupportedModel(
            f"the model cannot be differentiated as it is: {str(error).splitlines()[0]} Use method 'lrp', which does "
            "without, or change the model (inplace=False)"
        ) from error


@contextmanager
def tracing(model: nn.Module, inputs: Tensor, layers: dict[str, Layer], stop: bool) -> Iterator[GradientTrace]:
    """Run the model on `inputs` and keep what its layers say. `stop`: end once every layer has run."""
    places: dict[str, Place] = {}
    missing = set(layers)

    def keep(name: str) -> Any:
        def look(output: Any) -> None:
            places[name] = Place.of(name, selected(name, output, layers[name].output))
            missing.discard(name)
            if stop and not missing:
                raise LayerReached

        return look

    with torch.inference_mode(False), torch.enable_grad():
        with restored(model) as handles:
            for name, layer in layers.items():
                handles.append(attach(model, layer, keep(name)))
            images = inputs.detach().clone().requires_grad_()
            places[INPUT] = Place.of(INPUT, images)
            with suppress(LayerReached), _differentiable():
                answer = answer_of(model(images.clone()), len(images))
                if not answer.requires_grad:
                    raise ValueError("the model's output does not depend on its input; there is nothing to attribute")
                places[OUTPUT] = Place.of(OUTPUT, answer)
        with torch.no_grad(), full_precision(inputs.device):
            yield GradientTrace(places)
