"""Activation × gradient: relevance for anything differentiable, with nothing but autograd."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn

from semlens_widgets.attribution.trace import INPUT, OUTPUT, LayerReached, restored, selected


class GradientTrace:
    """One forward pass with its autograd graph. Signals are gradients."""

    def __init__(self, places: dict[str, Tensor]) -> None:
        self.places = places

    def value(self, place: str) -> Tensor:
        return self.places[place].detach()

    def start(self, place: str, gradient: Tensor) -> Tensor:
        return gradient

    def relevance(self, place: str, signal: Tensor) -> Tensor:
        return signal * self.value(place)

    def gradient(self, place: str, signal: Tensor) -> Tensor:
        return signal

    def pull(self, place: str, signal: Tensor, to: Iterable[str]) -> dict[str, Tensor]:
        names = list(to)
        elsewhere = [name for name in names if name != place]
        found: dict[str, list[Tensor]] = {name: [] for name in elsewhere}
        for condition in signal if elsewhere else ():
            gradients = torch.autograd.grad(
                self.places[place],
                [self.places[name] for name in elsewhere],
                condition,
                retain_graph=True,
                allow_unused=True,
            )
            for name, gradient in zip(elsewhere, gradients, strict=True):
                found[name].append(torch.zeros_like(self.places[name]) if gradient is None else gradient)
        stacked = {name: torch.stack(gradients) for name, gradients in found.items()}
        return {name: signal if name == place else stacked[name] for name in names}


@contextmanager
def tracing(
    model: nn.Module, inputs: Tensor, layers: dict[str, int | str | None], stop: bool
) -> Iterator[GradientTrace]:
    """Run the model on `inputs` and keep what its layers say. `stop`: end once every layer has run."""
    places: dict[str, Tensor] = {}
    missing = set(layers)

    def keep(name: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> Any:
            places[name] = selected(name, output, layers[name])
            missing.discard(name)
            if stop and not missing:
                raise LayerReached
            if isinstance(output, Tensor):
                return output.clone()  # what follows may work in place; the layer's own value is kept
            return None

        return hook

    modules = dict(model.named_modules())
    with restored(model) as handles, torch.inference_mode(False), torch.enable_grad():
        for name in layers:
            handles.append(modules[name].register_forward_hook(keep(name)))
        places[INPUT] = inputs.detach().clone().requires_grad_()
        with suppress(LayerReached):
            places[OUTPUT] = selected("the model", model(places[INPUT].clone()), None)
    yield GradientTrace(places)
