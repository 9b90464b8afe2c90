"""The door to torch: runs a model and records what its layers say, and leaves it exactly as it was."""

from __future__ import annotations

import copy
import difflib
import fnmatch
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float, Int

from .fingerprints import of_encoder

if TYPE_CHECKING:
    import torch

Pooling = Literal["max", "mean"]


@dataclass(frozen=True)
class Layer:
    """Which activations of a model count as components.

    name:   module name as in `model.named_modules()`; in a list of layers also a wildcard, `"layer4.*"`.
    via:    an encoder on top of the layer whose outputs are the components: a torch module or function on
            features in the last axis (the encoder of an SAE), or an array [direction feature] (CAVs).
    signed: every component becomes two, `+` (strongest) and `-` (weakest responses); for layers without ReLU.
    axes:   names of the output's axes: n image, c component, h w or t places; default by number of axes:
            `"nchw"`, `"ntc"`, `"nc"`.
    tokens: which tokens of a sequence are pooled: "all", "class" (the first), "patches" (all but the first),
            or a slice.
    output: which part of a tuple or dict output: a number or a key; by default its first tensor.
    """

    name: str
    via: Any = None
    signed: bool = False
    axes: str | None = None
    tokens: Literal["all", "class", "patches"] | slice = "all"
    output: int | str | None = None

    def __post_init__(self) -> None:
        if self.axes is not None and sorted(self.axes) not in (sorted("nchw"), sorted("ntc"), sorted("nc")):
            raise ValueError(f"axes={self.axes!r}; axes name each of n c h w, n t c or n c once, as in 'nhwc'")
        if not isinstance(self.tokens, slice) and self.tokens not in ("all", "class", "patches"):
            raise ValueError(f"tokens={self.tokens!r}; tokens are 'all', 'class', 'patches' or a slice")

    @property
    def key(self) -> str:
        """What a result was made from, as text: part of a recipe."""
        return f"{self.name}|{self.signed}|{self.axes}|{self.tokens}|{self.output}|{of_encoder(self.via)}"


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


def resolve(model: torch.nn.Module, layers: str | Layer | Sequence[str | Layer]) -> tuple[Layer, ...]:
    """The asked layers, wildcards spelled out, in the order asked; KeyError with the nearest name if absent."""
    if not hasattr(model, "named_modules"):
        raise TypeError(f"model is a {type(model).__name__}; give a torch module, as in resnet50(weights=weights)")
    names = [n for n, _ in model.named_modules() if n]
    asked = [layers] if isinstance(layers, str | Layer) else list(layers)
    if not asked:
        raise ValueError("no layer asked for; give module names such as " + ", ".join(map(repr, names[-3:])))
    found: dict[str, Layer] = {}
    for entry in asked:
        layer = Layer(entry) if isinstance(entry, str) else entry
        if not isinstance(layer, Layer):
            raise TypeError(f"layers has a {type(entry).__name__}; give module names, or sl.Layer(name, …)")
        matching = [layer.name] if layer.name in names else fnmatch.filter(names, layer.name)
        if not matching:
            raise KeyError(_no_layer(layer.name, names))
        for name in matching:
            found.setdefault(name, Layer(name, layer.via, layer.signed, layer.axes, layer.tokens, layer.output))
    return tuple(found.values())


def _no_layer(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    top = [n for n in names if "." not in n]
    shown = ", ".join(top if len(top) <= 12 else [*top[:6], "…", *top[-5:]])
    return f"no layer {name!r}; this model has {shown}{hint}"


_ALONE: weakref.WeakKeyDictionary[torch.nn.Module, threading.RLock] = weakref.WeakKeyDictionary()
_ENTERING = threading.Lock()


@contextmanager
def alone(model: torch.nn.Module) -> Iterator[None]:
    """The model for this thread alone: hooks of two passes at a time would end or answer each other's.

    Cells and windows run in threads of their own; whoever comes second waits.
    """
    with _ENTERING:
        lock = _ALONE.setdefault(model, threading.RLock())
    with lock:
        yield


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """The model in eval mode and without gradients; afterwards every module is in the mode it had."""
    import torch

    modes = [(module, module.training) for module in model.modules()]
    try:
        for module, _ in modes:
            module.training = False
        with torch.inference_mode():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


class _Stop(Exception):
    """Raised by the last recorded layer: what lies above it need not be computed."""


class Recorder:
    """Runs batches and reads layers. Made by `recording`, valid inside its `with` only."""

    def __init__(self, model: torch.nn.Module, layers: tuple[Layer, ...]) -> None:
        import torch

        self.model, self.layers = model, layers
        parameter = next(iter(model.parameters()), None)
        self.device = parameter.device if parameter is not None else torch.device("cpu")
        self.dtype = parameter.dtype if parameter is not None and parameter.is_floating_point() else torch.float32
        self._outputs: dict[str, Any] = {}
        self._calls: dict[str, int] = {}
        self._last: str | None = None  # the layer that ran last in the first batch, once every layer was seen

    def hook(self, layer: Layer) -> Any:
        def keep(module: Any, args: Any, output: Any) -> None:
            self._outputs[layer.name] = output
            self._calls[layer.name] = self._calls.get(layer.name, 0) + 1
            if self._last == layer.name:
                raise _Stop

        return keep

    def activations(self, items: Sequence[Any]) -> dict[str, torch.Tensor]:
        """One forward pass, stopped after the deepest layer: per layer a tensor [n c h w], [n c t] or [n c]."""
        self._forward(items)
        return {layer.name: _arranged(layer, self._outputs.pop(layer.name)) for layer in self.layers}

    def responses(self, items: Sequence[Any], pooling: Pooling) -> dict[str, Responses]:
        """One forward pass; per layer its pooled responses. NotFinite names the layer and component."""
        self._forward(items)
        return {
            layer.name: _pooled(layer, _arranged(layer, self._outputs.pop(layer.name)), pooling)
            for layer in self.layers
        }

    def _forward(self, items: Sequence[Any]) -> None:
        import torch

        self._outputs.clear()
        self._calls.clear()
        batch = stack(items).to(self.device, self.dtype)
        try:
            self.model(batch)
        except _Stop:
            return
        except torch.OutOfMemoryError as error:
            raise MemoryError(
                f"a batch of {len(items)} does not fit on {self.device}; give a smaller batch_size"
            ) from error
        except (RuntimeError, ValueError, AssertionError) as error:
            raise ValueError(
                f"the model fails on images [channel height width] of shape {tuple(batch.shape[1:])}: "
                f"{(str(error).splitlines() or [type(error).__name__])[0]}; give sl.images the transform that belongs "
                "to the model"
            ) from error
        for layer in self.layers:
            calls = self._calls.get(layer.name, 0)
            if calls == 0:
                raise ValueError(f"the layer {layer.name!r} takes no part in the model's forward pass; choose another")
            if calls > 1:
                raise ValueError(
                    f"the layer {layer.name!r} runs {calls} times in one forward pass, so its activations are "
                    f"ambiguous; choose the module around it ({layer.name.rpartition('.')[0] or 'its parent'!r})"
                )
        self._last = next(reversed(self._calls))


@contextmanager
def recording(model: torch.nn.Module, layers: tuple[Layer, ...]) -> Iterator[Recorder]:
    """A Recorder on the model's layers. The hooks are gone and the mode is back afterwards, whatever happened."""
    recorder = Recorder(model, layers)
    modules = dict(model.named_modules())
    handles: list[Any] = []
    try:
        with alone(model), evaluating(model):
            for layer in layers:
                handles.append(modules[layer.name].register_forward_hook(recorder.hook(layer)))
            yield recorder
    finally:
        for handle in handles:
            handle.remove()


def in_order(model: torch.nn.Module, inputs: torch.Tensor, layers: Sequence[Layer]) -> list[Layer]:
    """The layers in the order in which they answer in a forward pass of `inputs`."""
    finished: dict[str, int] = {}
    modules = dict(model.named_modules())
    handles: list[Any] = []

    def note(name: str) -> Any:
        def hook(module: Any, args: Any, output: Any) -> None:
            finished.pop(name, None)
            finished[name] = len(finished)

        return hook

    with alone(model), evaluating(model):
        try:
            for layer in layers:
                handles.append(modules[layer.name].register_forward_hook(note(layer.name)))
            parameter = next(iter(model.parameters()), inputs)
            model(inputs.to(parameter.device, parameter.dtype))
        finally:
            for handle in handles:
                handle.remove()
    order = list(finished)
    return sorted(layers, key=lambda layer: order.index(layer.name))


def stack(items: Sequence[Any]) -> torch.Tensor:
    """Arrays or tensors of one shape as one batch tensor."""
    import torch

    tensors = [torch.as_tensor(item) for item in items]
    shapes = sorted({tuple(t.shape) for t in tensors})
    if len(shapes) > 1:
        raise ValueError(
            f"the images of one batch have different sizes ({shapes[0]} and {shapes[1]}); give images(...) a transform "
            "that resizes them, such as the model's own weights.transforms()"
        )
    return torch.stack(tensors)


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


def _arranged(layer: Layer, output: Any) -> torch.Tensor:
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


def _pooled(layer: Layer, tensor: torch.Tensor, pooling: Pooling) -> Responses:
    import torch

    grid = tuple(int(n) for n in tensor.shape[2:])
    if grid:
        strongest, peaks = tensor.flatten(2).max(-1)
        values = strongest if pooling == "max" else tensor.flatten(2).mean(-1)
    else:
        values, peaks = tensor, torch.zeros_like(tensor, dtype=torch.int32)
    values = values.float()
    if not bool(torch.isfinite(values).all()):
        component = int((~torch.isfinite(values)).any(0).nonzero()[0])
        raise NotFinite(
            f"layer {layer.name!r} gives NaN or infinite activations (first in component {component}); examples cannot "
            "be ranked: check the weights and the input normalisation"
        )
    return Responses(values.cpu().numpy(), peaks.to(torch.int32).cpu().numpy(), grid)


def folded(model: torch.nn.Module, layers: tuple[Layer, ...], example: Any) -> torch.nn.Module:
    """A copy that computes the same faster: batch norms folded into their convolutions, channels last.

    Which norm follows which convolution is read off one forward pass of `example` (one model input), not off
    names; a pair with a recorded layer between stays as it is, and a copy whose recorded layers do not agree
    with the original's is not used.
    """
    import torch
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    twin = copy.deepcopy(model).eval()
    names = {module: name for name, module in twin.named_modules()}
    kept = {layer.name for layer in layers}
    made_by: dict[int, nn.Module] = {}
    alive: list[torch.Tensor] = []  # keeps outputs alive so that no id is used twice
    pairs: dict[nn.Module, nn.Module] = {}
    users: dict[nn.Module, int] = {}

    def note(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        for argument in args:
            maker = made_by.get(id(argument))
            if maker is not None:
                users[maker] = users.get(maker, 0) + 1
                if isinstance(module, nn.BatchNorm2d):
                    pairs[maker] = module
        if isinstance(module, nn.Conv2d):
            made_by[id(output)] = module
            alive.append(output)

    handles = [module.register_forward_hook(note) for module in twin.modules() if not list(module.children())]
    with torch.inference_mode():
        twin(stack([example]).to(next(twin.parameters()).device))
    for handle in handles:
        handle.remove()
    for convolution, norm in pairs.items():
        if users[convolution] == 1 and names[convolution] not in kept and names[norm] not in kept:
            _replace(twin, names[convolution], fuse_conv_bn_eval(convolution, norm))  # type: ignore[arg-type, type-var]
            _replace(twin, names[norm], nn.Identity())
    twin = twin.to(memory_format=torch.channels_last)
    with recording(model, layers) as plain, recording(twin, layers) as quick:
        wanted, got = plain.activations([example]), quick.activations([example])
    same = all(torch.allclose(wanted[n], got[n], rtol=1e-3, atol=1e-4 * float(wanted[n].abs().max())) for n in wanted)
    return twin if same else model


def _replace(model: torch.nn.Module, name: str, module: torch.nn.Module) -> None:
    parent, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(parent), leaf, module)
