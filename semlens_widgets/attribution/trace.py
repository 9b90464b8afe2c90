"""What both backends share: a forward pass that can send signals back, on a model that is left as it was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from semlens_widgets.model import alone
from semlens_widgets.model.running import at_rest
from semlens_widgets.outputs.parts import scores

INPUT, OUTPUT = "<input>", "<output>"  # places of a trace beside the layers; no module can have these names


class LayerReached(Exception):
    """Raised by the last layer that is needed, to end a forward pass there."""


@runtime_checkable
class Trace(Protocol):
    """One forward pass. A signal is what a backend sends back: relevance, or a gradient."""

    def value(self, place: str) -> Tensor:
        """The values [image ...] at a layer, INPUT or OUTPUT."""

    def start(self, place: str, gradient: Tensor) -> Tensor:
        """The signal at a place for a target with this gradient [condition image ...] there."""

    def pull(self, place: str, signal: Tensor, to: Iterable[str]) -> dict[str, Tensor]:
        """The signal sent back from one place to others."""

    def relevance(self, place: str, signal: Tensor) -> Tensor:
        """The relevance [condition image ...] that a signal stands for."""

    def gradient(self, place: str, signal: Tensor) -> Tensor:
        """The gradient that a signal stands for: what `start` takes."""


@contextmanager
def restored(model: nn.Module) -> Iterator[list[Any]]:
    """The model at rest, for this thread alone; afterwards it is as it was, and the handles in the list are removed."""
    with alone(model), at_rest(model):
        fast_attention = torch.backends.mha.get_fastpath_enabled()
        handles: list[Any] = []
        try:
            torch.backends.mha.set_fastpath_enabled(False)  # it computes a whole encoder layer as one unseen operation
            yield handles
        finally:
            for handle in handles:
                handle.remove()
            torch.backends.mha.set_fastpath_enabled(fast_attention)


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Without autocast, whatever the user set: relevance is computed in the precision of its numbers."""
    with ExitStack() as stack:
        for kind in {"cpu", device.type}:
            with suppress(RuntimeError, AssertionError):  # a device without autocast
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


def answer_of(output: Any, images: int) -> Tensor:
    """The model's answer: its tensor, or the class scores in whatever holds them (see `outputs.parts`)."""
    return output if isinstance(output, Tensor) else scores(output, None, images)


def selected(name: str, output: Any, which: int | str | None) -> Tensor:
    """The tensor among a module's outputs: the asked one, or the first."""
    chosen = output
    if which is not None and not isinstance(output, Tensor):
        chosen = output[which]
    while isinstance(chosen, list | tuple | dict) and chosen:
        chosen = next(iter(chosen.values())) if isinstance(chosen, dict) else chosen[0]
    if not isinstance(chosen, Tensor):
        raise TypeError(f"{name!r} gives {type(output).__name__}, not a tensor; choose a layer that gives one")
    return chosen
