"""How a layer's output is read: which tensor, which axis counts components, which tokens, what is pooled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float, Int

from .layer import Layer

if TYPE_CHECKING:
    import torch

Pooling = Literal["max", "mean"]


@dataclass(frozen=True, eq=False)
class Responses:
    """What one layer said to a batch: pooled values [image component] and where the maximum lay.

    `peaks` are flat numbers of the place in `grid` (height, width) or (tokens,); zeros where there is no place.
    """

    values: Float[np.ndarray, "image component"]
    peaks: Int[np.ndarray, "image component"]
    grid: tuple[int, ...]


class NotFinite(ValueError):
    """A layer whose activations are NaN or infinite: nothing can be ranked."""


def tensor_of(layer: Layer, output: Any) -> torch.Tensor:
    """The tensor in a module's output that a layer means. KeyError or TypeError where there is none."""
    import torch

    if layer.output is not None:
        try:
            output = output[layer.output]
        except (KeyError, IndexError, TypeError):
            kind = list(output) if isinstance(output, Mapping) else type(output).__name__
            raise KeyError(f"layer {layer.name!r} has no output {layer.output!r}; it gives {kind}") from None
    if isinstance(output, Mapping):
        if len(output) != 1:
            raise TypeError(
                f"layer {layer.name!r} gives a dict with {list(output)}; choose one: Layer(..., output='…')"
            )
        output = next(iter(output.values()))
    if isinstance(output, tuple | list):
        output = next((part for part in output if isinstance(part, torch.Tensor)), output)
    if not isinstance(output, torch.Tensor):
        raise TypeError(
            f"layer {layer.name!r} gives a {type(output).__name__}, not a tensor; choose a part: Layer(..., output=…)"
        )
    return output


_BY_NUMBER_OF_AXES = {4: "nchw", 3: "ntc", 2: "nc"}


def arranged(layer: Layer, output: Any) -> torch.Tensor:
    """The layer's output as [n c h w], [n c t] or [n c]: encoder applied, tokens chosen, sign split."""
    import torch

    tensor = tensor_of(layer, output)
    order, chosen = features_last(layer, tensor)
    tensor = component_values(layer, tensor.permute(order)[chosen]).movedim(-1, 1)
    return torch.cat([tensor, -tensor], 1) if layer.signed else tensor


def features_last(layer: Layer, tensor: torch.Tensor) -> tuple[list[int], tuple[slice, ...]]:
    """(the order of axes that gives [n places … c], which part of the result the layer's tokens are)."""
    axes = layer.axes or _BY_NUMBER_OF_AXES.get(tensor.ndim)
    if axes is None or len(axes) != tensor.ndim:
        raise ValueError(
            f"layer {layer.name!r} gives a tensor {tuple(tensor.shape)}; expected [n c h w], [n t c] or [n c], or say "
            "which axis is which: Layer(..., axes='nhwc')"
        )
    order = [axes.index(a) for a in "nhwtc" if a in axes]
    if "t" not in axes or layer.tokens == "all":
        return order, (slice(None),)
    tokens: Any = {"class": slice(0, 1), "patches": slice(1, None)}.get(str(layer.tokens), layer.tokens)
    return order, (slice(None), tokens)


def component_values(layer: Layer, features: torch.Tensor) -> torch.Tensor:
    """What `layer.via` makes of features in the last axis; the features themselves where there is no `via`."""
    import torch

    if layer.via is None:
        return features
    if isinstance(layer.via, np.ndarray | torch.Tensor):
        directions = torch.as_tensor(layer.via).to(features.device, features.dtype)
        if directions.ndim != 2 or directions.shape[1] != features.shape[-1]:
            raise ValueError(
                f"layer {layer.name!r} has {features.shape[-1]} features, the array via has shape "
                f"{tuple(directions.shape)}; needed is [direction feature]"
            )
        return features @ directions.T
    kind = type(layer.via).__name__
    if not callable(layer.via):
        raise TypeError(f"via of layer {layer.name!r} is a {kind}; give an encoder, or an array [direction feature]")
    try:
        encoded = layer.via(features)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ValueError(
            f"the encoder via of layer {layer.name!r} ({kind}) fails on features [… {features.shape[-1]}]: "
            f"{str(error).splitlines()[0]}; it is given the layer's {features.shape[-1]} features in the last axis"
        ) from error
    return tensor_of(Layer(f"{layer.name} via {kind}"), encoded)


@dataclass(frozen=True, eq=False)
class Pooled:
    """Pooled values [image component] of one layer and the places of their maxima, where the model runs."""

    values: torch.Tensor
    peaks: torch.Tensor
    grid: tuple[int, ...]

    def responses(self, layer: Layer) -> Responses:
        """The same off the device. NotFinite names the layer and component."""
        import torch

        values = self.values.cpu()
        if not bool(torch.isfinite(values).all()):
            component = int((~torch.isfinite(values)).any(0).nonzero()[0])
            raise NotFinite(
                f"layer {layer.name!r} gives NaN or infinite activations (first in component {component}); examples "
                "cannot be ranked: check the weights and the input normalisation"
            )
        return Responses(values.numpy(), self.peaks.cpu().numpy(), self.grid)


def pooled(tensor: torch.Tensor, pooling: Pooling) -> Pooled:
    """Values pooled over places, of [n c h w], [n c t] or [n c]."""
    import torch

    grid = tuple(int(n) for n in tensor.shape[2:])
    if not grid:
        return Pooled(tensor.to(torch.float32, copy=True), torch.zeros_like(tensor, dtype=torch.int32), grid)
    strongest, peaks = tensor.flatten(2).max(-1)
    if pooling == "mean":
        strongest = tensor.flatten(2).mean(-1, dtype=torch.promote_types(tensor.dtype, torch.float32))
    return Pooled(strongest.float(), peaks.to(torch.int32), grid)
