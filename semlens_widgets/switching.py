"""Switching components off in somebody's model: for as long as a `with` lasts, and never longer."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from .images import Images, batches, first_readable
from .model import (
    Layer,
    alone,
    attach,
    component_values,
    evaluating,
    features_last,
    is_here,
    recording,
    settled,
    stack,
    tensor_of,
)
from .model.encoding import as_directions
from .outputs import Outputs, decide, placed
from .vectors import frozen

if TYPE_CHECKING:
    import torch

By = Literal["zero", "mean"]
_ROWS = 1024  # conditions × images that pass the upper layers together
_STEPS = 4  # of Gauss-Newton, for encoders that are not linear
_NUMBERS = 1 << 23  # in a block of Jacobians


@dataclass(frozen=True, eq=False)
class Switch:
    """Which components of a layer are off, under one or several conditions, and what their response is then.

    off:   [condition component], components in the layer's numbering (of a signed layer all `+`, then all `-`).
    rest:  [component], the response that a switched-off component is held at: 0, or its mean.
    scale: how much of its own response is added to that: 0 where it is off, 2 where it is twice as strong.
    """

    layer: Layer
    off: Bool[np.ndarray, "condition component"]
    rest: Float[np.ndarray, " component"]
    scale: float = 0.0

    def __post_init__(self) -> None:
        if self.off.shape[1:] != self.rest.shape:
            raise ValueError(f"{self.off.shape[1]} components switched, {len(self.rest)} resting responses")
        object.__setattr__(self, "off", frozen(np.asarray(self.off, bool)))
        object.__setattr__(self, "rest", frozen(np.asarray(self.rest, np.float32)))

    def only(self, conditions: Any) -> Switch:
        return replace(self, off=self.off[conditions])


@contextmanager
def switched_off(
    model: torch.nn.Module, switches: Sequence[Switch], images: Images | None = None
) -> Iterator[torch.nn.Module]:
    """The model with components off; afterwards it is as it was, whatever happened. May be nested.

    What the axes of the layers count is found out as the model runs; with `images` at once, for modules that are called
    by themselves.

    Whatever lies above the layer sees the changed responses: shortcuts around the layer do not. A channel or feature is
    held at its resting response everywhere; a head by making what it writes longer or shorter; a latent of a dictionary
    by adding the difference of what is decoded; any other direction on top of a layer (`via`) by the smallest change of
    the layer's features that takes its response there, at each place. With several conditions the batch becomes
    conditions × images at the lowest switched layer, condition after condition.
    """
    switches = [switch for switch in switches if switch.off.any() or len(switch.off) > 1]
    if images is not None and switches and (item := _first(images)) is not None:
        switches = _settled(model, switches, placed(model, stack([item])))
    with ExitStack() as undo:
        hooks = [_Hook(switch) for switch in switches]
        undo.callback(model.register_forward_pre_hook(_Settling(hooks)).remove)
        for hook in hooks:
            undo.callback(attach(model, hook.switch.layer, hook).remove)
        yield model


def _first(images: Images) -> Any:
    """The first image that can be read, as the model takes it; None where none can."""
    try:
        return first_readable(images)[1]
    except ValueError:
        return None


class _Settling:
    """A hook before the model runs: finds out what the axes of switched layers count, for images of a new shape."""

    def __init__(self, hooks: Sequence[_Hook]) -> None:
        self.hooks, self.busy = hooks, False
        self.known: dict[tuple[int, ...], list[Switch]] = {}  # by shape: what looks at several comes back to the first

    def __call__(self, model: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        if self.busy or not self.hooks or not inputs or not hasattr(inputs[0], "shape"):
            return
        self.busy = True
        for hook in self.hooks:
            hook.idle = True
        try:
            shape = tuple(inputs[0].shape[1:])
            if shape not in self.known:
                self.known[shape] = _settled(model, [hook.switch for hook in self.hooks], inputs[0].detach())
            for hook, switch in zip(self.hooks, self.known[shape], strict=True):
                hook.switch = switch
        finally:
            self.busy = False
            for hook in self.hooks:
                hook.idle = False


class _Hook:
    """Answers with a layer's output, changed. `semlens_key` makes the model another one."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        content = switch.layer.key.encode() + np.packbits(switch.off).tobytes() + switch.rest.tobytes()
        content += b"" if switch.scale == 0 else f"scale {switch.scale!r}".encode()
        self.semlens_key = hashlib.sha256(content).hexdigest()
        self.images = 0  # in a batch that is not yet conditions × images; 0: as many as come
        self.idle = False

    def __call__(self, output: Any) -> Any:
        import torch

        if self.idle:
            return output
        layer = self.switch.layer
        tensor = tensor_of(layer, output)
        if self.images and len(tensor) == self.images and len(self.switch.off) > 1:
            tensor = tensor.repeat(len(self.switch.off), *[1] * (tensor.ndim - 1))
        with torch.autocast(tensor.device.type, enabled=False):  # what is held is held exactly
            return replaced(layer, output, changed(self.switch, tensor))


def _settled(model: torch.nn.Module, switches: Sequence[Switch], inputs: torch.Tensor) -> list[Switch]:
    """The switches with what the axes of their layers count; as they are where that is not certain.

    No component was ever counted of such a layer: a pass refuses it.
    """
    try:
        layers = settled(model, [switch.layer for switch in switches], inputs)
    except ValueError:
        return list(switches)
    return [replace(switch, layer=layer) for switch, layer in zip(switches, layers, strict=True)]


def replaced(layer: Layer, output: Any, tensor: torch.Tensor) -> Any:
    """The layer's output with another tensor in the place of the one that counts."""
    import torch

    if isinstance(output, torch.Tensor):
        return tensor
    key: Any = layer.output
    if isinstance(output, Mapping):
        changed: Any = copy.copy(output)
        changed[next(iter(output)) if key is None else key] = tensor
        return changed
    if key is None:
        key = next(i for i, part in enumerate(output) if isinstance(part, torch.Tensor))
    parts = [tensor if i == key else part for i, part in enumerate(output)]
    return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)


def changed(switch: Switch, tensor: torch.Tensor) -> torch.Tensor:
    """A layer's tensor [conditions × images ...], condition after condition, with what each switches off at rest."""
    import torch

    order, chosen = features_last(switch.layer, tensor)
    moved = tensor.permute(order)
    part = moved[chosen]
    conditions = len(switch.off)
    grouped = part.unflatten(0, (conditions, -1))
    off = torch.as_tensor(switch.off.copy(), device=tensor.device)
    rest = torch.as_tensor(switch.rest.copy(), device=tensor.device, dtype=tensor.dtype)
    if switch.layer.via is None:
        shape = [conditions, *[1] * (grouped.ndim - 2), -1]
        made = _held(grouped, off.view(shape), rest, switch.scale, switch.layer.signed)
    else:
        made = torch.stack([_steered(switch, x, mask, rest) for x, mask in zip(grouped, off, strict=True)])
    result = moved.clone()
    result[chosen] = made.flatten(0, 1)
    return result.permute([order.index(axis) for axis in range(tensor.ndim)])


def _held(value: torch.Tensor, off: torch.Tensor, rest: torch.Tensor, scale: float, signed: bool) -> torch.Tensor:
    """Values [... component] with those that are off held at rest; a signed one only on its own side of zero."""
    import torch

    if not signed:
        return torch.where(off, _at(rest, value, scale), value)
    size = value.shape[-1]
    up, down = value.clamp(min=0), (-value).clamp(min=0)
    plus = torch.where(off[..., :size], _at(rest[:size], up, scale), up)
    minus = torch.where(off[..., size:], _at(rest[size:], down, scale), down)
    return plus - minus


def _at(rest: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
    return rest if scale == 0 else rest + scale * value


def _steered(switch: Switch, features: torch.Tensor, off: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
    """Features [... feature], moved as little as it takes for the directions that are off to answer at rest."""
    import torch

    layer = switch.layer
    size = len(off) // 2 if layer.signed else len(off)
    touched = (off[:size] | off[size:] if layer.signed else off).nonzero()[:, 0]
    if not len(touched):
        return features
    sides = torch.cat([touched, touched + size]) if layer.signed else touched
    flat = features.reshape(-1, features.shape[-1])
    flat = flat.to(torch.promote_types(flat.dtype, torch.float32))

    def wanted(answer: torch.Tensor) -> torch.Tensor:
        return _held(answer, off[sides], rest[sides], switch.scale, layer.signed)

    if layer.groups is not None:
        strength = component_values(layer, flat)
        wanted_of = _held(strength, off, rest.to(strength.dtype), switch.scale, signed=False)
        times = torch.nan_to_num(wanted_of / strength, nan=0.0, posinf=0.0)
        moved = (flat.unflatten(-1, (layer.groups, -1)) * times[..., None]).flatten(-2)
        return moved.reshape(features.shape).to(features.dtype)
    if (writes := layer.writes) is not None:
        answer = component_values(layer, flat)[..., touched]
        moved = flat + (wanted(answer) - answer).to(flat.dtype) @ writes[touched].to(flat.device, flat.dtype)
        return moved.reshape(features.shape).to(features.dtype)
    if isinstance(layer.via, np.ndarray | torch.Tensor):
        directions = as_directions(layer.via, flat.device, flat.dtype)[touched]
        answer = flat @ directions.T
        moved = flat + (wanted(answer) - answer) @ torch.linalg.pinv(directions).T
        return moved.reshape(features.shape).to(features.dtype)
    step = max(1, _NUMBERS // (len(touched) * flat.shape[1]))
    moved = torch.cat([_solved(layer, flat[i : i + step], touched, wanted) for i in range(0, len(flat), step)])
    return moved.reshape(features.shape).to(features.dtype)


def _solved(layer: Layer, features: torch.Tensor, touched: torch.Tensor, wanted: Any) -> torch.Tensor:
    """Gauss-Newton with the encoder's own derivatives: exact after one step where it is linear."""
    import torch

    with torch.inference_mode(False), torch.enable_grad():
        start = x = features.detach().clone()
        touched = touched.clone()  # derivatives keep it, which they may not with what inference mode made
        goal: torch.Tensor | None = None
        for _ in range(_STEPS):
            leaf = x.clone().requires_grad_()
            answer = component_values(layer, leaf)[..., touched]
            goal = wanted(answer.detach()) if goal is None else goal
            lacking = goal - answer.detach()
            if float(lacking.abs().max()) <= 1e-5 * max(float(answer.detach().abs().max()), 1e-6):
                break
            rows = [
                torch.autograd.grad(answer[:, i].sum(), leaf, retain_graph=i + 1 < len(touched))[0]
                for i in range(len(touched))
            ]
            slopes = torch.stack(rows, 1).float()  # place direction feature
            x = x + (torch.linalg.pinv(slopes) @ lacking.float()[..., None])[..., 0].to(x.dtype)
    return x if bool(torch.isfinite(x).all()) else start


def resting(
    model: torch.nn.Module,
    images: Images,
    layers: Sequence[Layer],
    ids: Int[np.ndarray, " image"],
    batch_size: int = 64,
) -> list[Float[np.ndarray, " component"]]:
    """Per layer each component's mean response over images and places; of a signed one that of its own side."""
    sums: dict[str, Any] = {}
    seen = 0
    with recording(model, tuple(layers)) as recorder:
        for batch in batches(images, ids, batch_size, here=is_here(model)):
            if not batch.items:
                continue
            seen += len(batch.items)
            for name, tensor in recorder.activations(batch.items).items():
                signed = next(layer.signed for layer in layers if layer.name == name)
                responses = (tensor.clamp(min=0) if signed else tensor).double().flatten(2 if tensor.ndim > 2 else 1)
                means = responses.mean(2) if tensor.ndim > 2 else responses
                sums[name] = sums.get(name, 0) + means.sum(0).cpu().numpy()
    return [np.asarray(sums[layer.name] / max(seen, 1), np.float32) for layer in layers]


def logits_under(
    model: torch.nn.Module,
    images: Images,
    ids: Int[np.ndarray, " image"],
    switches: Sequence[Switch],
    batch_size: int = 64,
    *,
    read: Outputs | None = None,
    on_batch: Callable[[int], None] | None = None,
) -> tuple[Int[np.ndarray, " image"], Float[np.ndarray, "condition image output"]]:
    """(images that could be read, the model's output for each of them under every condition).

    read says where the output is in the model's answer; `on_batch` is called with the number of images of each batch.
    What lies below the lowest switched layer is computed once for all conditions, where the model allows it: the first
    batch is held against the same conditions one by one, and a model for which they differ gets one pass for each.
    """
    conditions = len(switches[0].off)
    read = decide(model, images) if read is None else read
    ids_read: list[np.ndarray] = []
    found: list[np.ndarray] = []
    together: bool | None = None
    with alone(model), evaluating(model):
        for batch in batches(images, ids, batch_size, here=is_here(model)):
            if batch.items:
                inputs = placed(model, stack(batch.items))
                if together is None:
                    switches = _settled(model, switches, inputs)
                    singly = _one_by_one(model, inputs, switches, read)
                    together = conditions > 1 and _agrees(_side_by_side(model, inputs, switches, read), singly)
                    outputs: Any = singly
                else:
                    outputs = (_side_by_side if together else _one_by_one)(model, inputs, switches, read)
                ids_read.append(batch.ids)
                found.append(outputs)
            if on_batch is not None:
                on_batch(len(batch.ids) + len(batch.unreadable))
    if not found:
        raise ValueError(f"none of the {len(ids)} images could be read")
    return np.concatenate(ids_read), np.concatenate(found, 1)


def _agrees(ours: np.ndarray | None, alone: np.ndarray) -> bool:
    if ours is None or ours.shape != alone.shape:
        return False
    return bool(np.allclose(ours, alone, rtol=1e-3, atol=1e-4 * max(float(np.abs(alone).max()), 1e-6)))


def _one_by_one(model: torch.nn.Module, inputs: torch.Tensor, switches: Sequence[Switch], read: Outputs) -> np.ndarray:
    outputs = []
    for condition in range(len(switches[0].off)):
        with switched_off(model, [switch.only(slice(condition, condition + 1)) for switch in switches]):
            outputs.append(read.values(model(inputs), len(inputs)))
    return np.stack(outputs)


def _side_by_side(
    model: torch.nn.Module, inputs: torch.Tensor, switches: Sequence[Switch], read: Outputs
) -> np.ndarray | None:
    """All conditions in passes of many; None where the model does not carry a grown batch."""
    conditions, images = len(switches[0].off), len(inputs)
    step = max(1, _ROWS // images)
    outputs = []
    for first in range(0, conditions, step):
        some = [switch.only(slice(first, first + step)) for switch in switches if switch.off.any()]
        if not some:
            return None
        with ExitStack() as undo:
            for switch in some:
                hook = _Hook(switch)
                hook.images = images
                undo.callback(attach(model, switch.layer, hook).remove)
            try:
                output = read.values(model(inputs), len(some[0].off) * images)
            except Exception:  # whatever a model says to a batch that grows on its way
                return None
        outputs.append(output.reshape(len(some[0].off), images, *output.shape[1:]))
    return np.concatenate(outputs)


def switch_for_good(model: torch.nn.Module, switches: Sequence[Switch], images: Images) -> None:
    """Switch components off in a copy of a model, for as long as it lives: as `switched_off`, and never taken back."""
    switches = [switch for switch in switches if switch.off.any()]
    if switches and (item := _first(images)) is not None:
        switches = _settled(model, switches, placed(model, stack([item])))
    for switch in switches:
        attach(model, switch.layer, _Hook(switch))
