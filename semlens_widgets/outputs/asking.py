"""Asking a model: its answer to images as it is, and answers read as one tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ..model import alone, evaluating

if TYPE_CHECKING:
    import torch

GROWN: ContextVar[int] = ContextVar("grown", default=1)  # how many rows each image becomes on its way up


def ask(model: torch.nn.Module, inputs: torch.Tensor) -> Any:
    """The model's whole answer, in eval mode and without gradients."""
    with alone(model), evaluating(model):
        return model(placed(model, inputs))


def placed(model: torch.nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """The inputs where the model is, and in its precision."""
    parameter = next(iter(model.parameters()), None)
    if parameter is None:
        return inputs
    return inputs.to(parameter.device, parameter.dtype if parameter.is_floating_point() else None)


@contextmanager
def answering(model: torch.nn.Module, read: Callable[[Any, int], torch.Tensor]) -> Iterator[None]:
    """Within, the model answers with the tensor that `read` finds in its answer to so many images (see `GROWN`)."""

    def hook(module: Any, inputs: Any, answer: Any) -> Any:
        return read(answer, len(inputs[0]) * GROWN.get())

    with alone(model):
        handle = model.register_forward_hook(hook)
        try:
            yield
        finally:
            handle.remove()


def tried(model: torch.nn.Module, example: torch.Tensor) -> tuple[Any, int]:
    """(the answer with its graph where there can be one, to how many images).

    The image is asked about twice at once, so that what counts images is told from what counts something else.
    """
    import torch

    first: Exception | None = None
    for copies, graph in ((2, True), (2, False), (1, True), (1, False)):
        batch = placed(model, example).repeat(copies, *[1] * (example.ndim - 1))
        try:
            with alone(model), evaluating(model):
                if not graph:
                    return model(batch), copies
                with torch.inference_mode(False), torch.enable_grad():
                    return model(batch.clone().requires_grad_()), copies
        except (RuntimeError, ValueError, AssertionError, NotImplementedError) as error:
            first = first or error
    raise ValueError(
        f"the model fails on an image [channel height width] of shape {tuple(example.shape[1:])}: "
        f"{(str(first).splitlines() or [type(first).__name__])[0]}; give sl.images the transform that belongs to the "
        "model"
    ) from first
