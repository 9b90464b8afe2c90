"""How a layer's output is read: which tensor, which axis counts components, which tokens, what is pooled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float, Int

from .encoding import component_values
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
    """A layer whose activations are NaN or infinite: nothing can be ranked.

    Examples
    --------
    >>> issubclass(sl.NotFinite, ValueError)
    True
    """


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


def arranged(layer: Layer, output: Any) -> torch.Tensor:
    """The layer's output as [n c h w], [n c t] or [n c]: encoder applied, tokens chosen, sign split.

    Tokens that are the patches of a picture, row by row, are [n c h w].
    """
    import torch

    tensor = tensor_of(layer, output)
    tensor = tensor.dequantize() if tensor.is_quantized else tensor
    order, chosen = features_last(layer, tensor)
    grid = patch_grid(layer, output_tokens(layer, tensor))
    tensor = component_values(layer, tensor.permute(order)[chosen]).movedim(-1, 1)
    if grid is not None:
        tensor = tensor.unflatten(2, grid)
    return torch.cat([tensor, -tensor], 1) if layer.signed else tensor


def features_last(layer: Layer, tensor: torch.Tensor) -> tuple[list[int], tuple[slice, ...]]:
    """(the order of axes that gives [n places … c], which part of the result the layer's tokens are)."""
    axes = axes_of(layer, tensor)
    order = [axes.index(a) for a in "nhwtc" if a in axes]
    if "t" not in axes:
        return order, (slice(None),)
    return order, (slice(None), tokens_of(layer, tensor.shape[axes.index("t")]))


_CONVENTION = {4: "nchw", 3: "ntc", 2: "nc"}


def axes_of(layer: Layer, tensor: torch.Tensor) -> str:
    """What each axis of a layer's output counts, as in "nchw": as the layer says, or as it was settled.

    Passes settle their layers. For one that is not, it is what is usual for so many axes. ValueError for a tensor that
    has other axes.
    """
    axes = layer.axes or (layer.layout.axes if layer.layout is not None else _CONVENTION.get(tensor.ndim))
    if axes is None or len(axes) != tensor.ndim:
        raise ValueError(
            f"layer {layer.name!r} gives a tensor {tuple(tensor.shape)}; expected [n c h w], [n t c] or [n c], or say "
            "which axis is which: Layer(..., axes='nhwc')"
        )
    return axes


def tokens_of(layer: Layer, count: int) -> slice:
    """Which of `count` tokens a layer means. ValueError where it has none of the kind."""
    if isinstance(layer.tokens, slice):
        return layer.tokens
    if layer.tokens == "all":
        return slice(None)
    runs = layer.layout.tokens if layer.layout is not None else ()
    if sum(run.count for run in runs) != count:
        return _by_convention(layer, count)
    starts = [sum(run.count for run in runs[:at]) for at in range(len(runs))]
    places = [at for at, run in enumerate(runs) if run.kind == layer.tokens]
    if not places or places[-1] - places[0] + 1 != len(places):
        made_of = " + ".join(f"{run.count} {run.kind}" for run in runs)
        kinds = "".join(f"{run.kind!r}, " for run in runs if run.kind != "other")
        raise ValueError(
            f"layer {layer.name!r} has no tokens {layer.tokens!r} that stand together: its {count} tokens are "
            f"{made_of}; give tokens={kinds}'all' or a slice"
        )
    return slice(starts[places[0]], starts[places[-1]] + runs[places[-1]].count)


def _by_convention(layer: Layer, count: int) -> slice:
    """Where it is not known what tokens are: the first is the class, the rest are patches."""
    if layer.tokens == "registers":
        raise ValueError(
            f"which of the {count} tokens of layer {layer.name!r} are registers is not known; give a slice, as in "
            "tokens=slice(1, 5)"
        )
    return slice(0, 1) if layer.tokens == "class" else slice(1, None)


def patch_grid(layer: Layer, count: int) -> tuple[int, int] | None:
    """Rows and columns of the tokens that a layer means, of `count`; None where they are no picture, row by row.

    ValueError where `layer.grid` says otherwise than the tokens.
    """
    if not count:
        return None
    first, last, step = tokens_of(layer, count).indices(count)
    known = None
    start = 0
    for run in layer.layout.tokens if layer.layout is not None else ():
        if (start, start + run.count, 1) == (first, last, step):
            known = run.grid
        start += run.count
    if layer.grid is None or layer.grid == known:
        return known
    chosen = len(range(first, last, step))
    if known is not None or layer.grid[0] * layer.grid[1] != chosen:
        counted = f"{known[0]} × {known[1]} patches" if known is not None else f"{chosen} tokens"
        raise ValueError(
            f"layer {layer.name!r} has {counted}, and grid={layer.grid}; give the grid of its patches, and tokens="
            "'patches' or a slice where there are others"
        )
    return layer.grid


def output_tokens(layer: Layer, tensor: torch.Tensor) -> int:
    """How many tokens a layer's output has; 0 where it has no token axis."""
    axes = axes_of(layer, tensor)
    return int(tensor.shape[axes.index("t")]) if "t" in axes else 0


def _largest(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(the largest of each component, the first place where it lies) of [n c place].

    Where components lie side by side in memory, as tokens' do, torch finds the largest of many at once, and its place
    only one by one: there the place is the smallest of those that hold it.
    """
    import torch

    if values.stride(-1) == 1 or values.device.type != "cpu":
        strongest, peaks = values.max(-1)
        return strongest, peaks
    laid = values.movedim(-1, 1)
    strongest, last = laid.amax(1), laid.shape[1] - 1
    places = torch.arange(last + 1, dtype=torch.float32)[:, None]
    return strongest, torch.where(laid == strongest[:, None], places, float(last)).amin(1)


@dataclass(frozen=True, eq=False)
class Pooled:
    """Pooled values [image component] of one layer and the places of their maxima, where the model runs."""

    values: torch.Tensor
    peaks: torch.Tensor
    grid: tuple[int, ...]

    def responses(self, layer: Layer) -> Responses:
        """The same off the device. NotFinite names the layer and component."""
        values = self.values.cpu()
        check_finite(values, layer.name)
        return Responses(values.numpy(), self.peaks.cpu().numpy(), self.grid)


def check_finite(values: torch.Tensor, layer: str, first: int = 0) -> None:
    """NotFinite names the layer and component, where the first column is the component `first`."""
    import torch

    if not bool(torch.isfinite(values).all()):
        component = first + int((~torch.isfinite(values)).any(0).nonzero()[0])
        raise NotFinite(
            f"layer {layer!r} gives NaN or infinite activations (first in component {component}); examples "
            "cannot be ranked: check the weights and the input normalisation"
        )


def pooled(tensor: torch.Tensor, pooling: Pooling) -> Pooled:
    """Values pooled over places, of [n c h w], [n c t] or [n c]."""
    import torch

    grid = tuple(int(n) for n in tensor.shape[2:])
    if not grid:
        return Pooled(tensor.to(torch.float32, copy=True), torch.zeros_like(tensor, dtype=torch.int32), grid)
    strongest, peaks = _largest(tensor.flatten(2))
    if pooling == "mean":
        strongest = tensor.flatten(2).mean(-1, dtype=torch.promote_types(tensor.dtype, torch.float32))
    return Pooled(strongest.float(), peaks.to(torch.int32), grid)
