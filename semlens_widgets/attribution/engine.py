"""Relevance per component, conditional heatmaps and edges, by either backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from semlens_widgets.attribution import gradient, lrp
from semlens_widgets.attribution.tape import UnsupportedModel
from semlens_widgets.attribution.trace import INPUT, OUTPUT, Trace
from semlens_widgets.attribution.values import Attribution, Backend, Edges, Heatmaps
from semlens_widgets.model import Layer, resolve

Targets = Sequence[int] | np.ndarray | Tensor | int | Callable[[Tensor], Tensor]
Answer = TypeVar("Answer")
ROWS = 32  # conditions × images that go back together: enough to fill the processor, little enough for its caches


def attribute(
    model: nn.Module,
    inputs: Tensor,
    targets: Targets,
    layers: str | Layer | Sequence[str | Layer],
    backend: Backend = "auto",
    *,
    heatmap: bool = True,
    batch_size: int = 16,
) -> Attribution:
    """How much every component of the layers, and every pixel, contributed to the target.

    inputs:  images [image channel height width], as the model takes them.
    targets: a class number per image, one for all, or a function of the model's output [image class] that gives one
             number per image (`lambda logits: logits[:, 3] - logits[:, 5]`).
    backend: "lrp" (see `lrp`), "gradient" (activation × gradient), or "auto": LRP if it has a rule for all the model
             does, else gradient; the answer says which.
    heatmap: False saves the way from the lowest layer to the input.

    Relevance starts at the target's value; with a softmax at the model's end LRP starts at the logits before it.
    A component is a feature on the channel axis, or on the last axis of tokens; `Layer(axes=...)` says otherwise.
    A module that runs several times counts with its last run. UnsupportedModel if LRP is demanded and has no rule.
    """
    asked = _asked(model, layers)

    def answer(used: Literal["lrp", "gradient"]) -> Attribution:
        relevances: dict[str, list[np.ndarray]] = {name: [] for name in asked}
        maps: list[np.ndarray] = []
        values: list[np.ndarray] = []
        for chosen, images in _batches(model, inputs, batch_size):
            with _tracing(used, model, images, asked, stop=False) as trace:
                value, signal = _from_targets(trace, _of(targets, chosen, len(inputs)))
                found = trace.pull(OUTPUT, signal, [*asked, INPUT] if heatmap else list(asked))
                values.append(_array(value))
                for name, layer in asked.items():
                    relevances[name].append(_array(_summed(trace.relevance(name, found[name]), layer)[0]))
                if heatmap:
                    maps.append(_array(trace.relevance(INPUT, found[INPUT])[0].sum(1)))
        return Attribution(
            {name: np.concatenate(parts) for name, parts in relevances.items()},
            np.concatenate(maps) if heatmap else None,
            np.concatenate(values),
            used,
        )

    return _with_backend(backend, answer)


def heatmaps(
    model: nn.Module,
    inputs: Tensor,
    targets: Targets | None,
    layer: str | Layer,
    components: Sequence[int] | np.ndarray,
    backend: Backend = "auto",
    *,
    lowest: bool | np.ndarray = False,
    batch_size: int = 8,
) -> Heatmaps:
    """Where in the image the relevance of single components comes from: CRP's conditional heatmaps.

    components: numbers for all images, or [image component] where every image has its own.
    targets:    as in `attribute`: the relevance of the component for the target. None: the component itself is
                explained, at the place where it is most excited (for crops); the forward pass ends at the layer.
    lowest:     without a target, start at the least excited place (for the `-` half of signed components);
                one for all or per [image component]. The heatmap is positive where the response comes from.
    """
    asked = _asked(model, layer)
    ((name, place),) = asked.items()
    numbers = np.asarray(components, dtype=np.int64)
    numbers = np.broadcast_to(numbers, (len(inputs), numbers.shape[-1]))
    at_lowest = np.broadcast_to(np.asarray(lowest), numbers.shape)

    def answer(used: Literal["lrp", "gradient"]) -> Heatmaps:
        maps: list[np.ndarray] = []
        amounts: list[np.ndarray] = []
        for chosen, images in _batches(model, inputs, batch_size):
            with _tracing(used, model, images, asked, stop=targets is None) as trace:
                _check_components(numbers[chosen], trace.value(name), place)
                wanted = torch.as_tensor(numbers[chosen].T.copy(), device=images.device)
                if targets is None:
                    flip = torch.as_tensor(at_lowest[chosen].T.copy(), device=images.device)
                    gradients = None
                else:
                    _, signal = _from_targets(trace, _of(targets, chosen, len(inputs)))
                    gradients = trace.pull(OUTPUT, signal, [name])[name]
                pieces, shares = [], []
                for part in _conditions(wanted.shape[0], wanted.shape[1]):
                    if gradients is None:
                        started = trace.start(name, _excited(trace.value(name), place, wanted[part], flip[part]))
                    else:
                        started = _only(gradients, place, wanted[part])
                    shares.append(_array(trace.relevance(name, started).flatten(2).sum(2)))
                    pieces.append(_array(trace.relevance(INPUT, trace.pull(name, started, [INPUT])[INPUT]).sum(2)))
                maps.append(np.concatenate(pieces).swapaxes(0, 1))
                amounts.append(np.concatenate(shares).T)
        return Heatmaps(name, numbers, np.concatenate(maps), np.concatenate(amounts), used)

    return _with_backend(backend, answer)


def edges(
    model: nn.Module,
    inputs: Tensor,
    targets: Targets | None,
    upper_layer: str | Layer,
    upper_components: Sequence[int] | np.ndarray,
    lower_layers: str | Layer | Sequence[str | Layer],
    backend: Backend = "auto",
    *,
    batch_size: int = 8,
) -> Edges:
    """How much each component of the lower layers contributes through each of the given upper components.

    targets: as in `attribute`; None: what feeds the upper component itself, everywhere in the image.
    """
    upper, lower = _asked(model, upper_layer), _asked(model, lower_layers)
    ((name, place),) = upper.items()
    numbers = np.asarray(upper_components, dtype=np.int64)

    def answer(used: Literal["lrp", "gradient"]) -> Edges:
        found: dict[str, list[np.ndarray]] = {below: [] for below in lower}
        amounts: list[np.ndarray] = []
        for chosen, images in _batches(model, inputs, batch_size):
            with _tracing(used, model, images, upper | lower, stop=targets is None) as trace:
                _check_components(numbers, trace.value(name), place)
                wanted = torch.as_tensor(numbers, device=images.device)[:, None].expand(-1, len(images))
                if targets is None:
                    whole = trace.start(name, torch.ones_like(trace.value(name))[None])
                else:
                    _, signal = _from_targets(trace, _of(targets, chosen, len(inputs)))
                    whole = trace.pull(OUTPUT, signal, [name])[name]
                pieces: dict[str, list[np.ndarray]] = {below: [] for below in lower}
                shares = []
                for part in _conditions(wanted.shape[0], wanted.shape[1]):
                    started = _only(whole, place, wanted[part])
                    shares.append(_array(trace.relevance(name, started).flatten(2).sum(2)))
                    arrived = trace.pull(name, started, list(lower))
                    for below, layer in lower.items():
                        pieces[below].append(_array(_summed(trace.relevance(below, arrived[below]), layer)))
                amounts.append(np.concatenate(shares).T)
                for below in lower:
                    found[below].append(np.concatenate(pieces[below]).swapaxes(0, 1))
        return Edges(
            name,
            numbers,
            {below: np.concatenate(parts) for below, parts in found.items()},
            np.concatenate(amounts),
            used,
        )

    return _with_backend(backend, answer)


def _with_backend(backend: str, answer: Callable[[Literal["lrp", "gradient"]], Answer]) -> Answer:
    if backend == "gradient":
        return answer("gradient")
    if backend not in ("auto", "lrp"):
        raise ValueError(f"backend={backend!r}; choose 'auto', 'lrp' or 'gradient'")
    try:
        return answer("lrp")
    except UnsupportedModel:
        if backend == "lrp":
            raise
        return answer("gradient")


def _tracing(backend: str, model: nn.Module, images: Tensor, layers: dict[str, Layer], stop: bool) -> Any:
    door = lrp.tracing if backend == "lrp" else gradient.tracing
    return door(model, images, {name: layer.output for name, layer in layers.items()}, stop)


def _asked(model: nn.Module, layers: str | Layer | Sequence[str | Layer]) -> dict[str, Layer]:
    found = {layer.name: layer for layer in resolve(model, layers)}
    for name, layer in found.items():
        if layer.via is not None:
            raise ValueError(
                f"the layer {name!r} has directions on top (via=...); relevance is computed for the model's own "
                "components: ask for the layer without via"
            )
    return found


def _batches(model: nn.Module, inputs: Tensor, size: int) -> Iterator[tuple[slice, Tensor]]:
    if inputs.ndim < 2 or not len(inputs):
        raise ValueError(f"inputs of shape {tuple(inputs.shape)}; give a batch [image channel height width]")
    parameter = next(iter(model.parameters()), inputs)
    for first in range(0, len(inputs), size):
        chosen = slice(first, first + size)
        yield chosen, inputs[chosen].detach().to(parameter.device, parameter.dtype)


def _of(targets: Targets, chosen: slice, images: int) -> Targets:
    """The targets of a batch."""
    if callable(targets) or isinstance(targets, int | np.integer):
        return targets
    numbers = torch.as_tensor(targets)
    if tuple(numbers.shape) != (images,):
        raise ValueError(f"targets of shape {tuple(numbers.shape)} for {images} images; give one class per image")
    return numbers[chosen]


def _from_targets(trace: Trace, targets: Targets) -> tuple[Tensor, Tensor]:
    """The target's value per image, and the signal it sends from the output."""
    output = trace.value(OUTPUT).clone()
    if callable(targets):
        with torch.inference_mode(False), torch.enable_grad():
            leaf = output.clone().requires_grad_()
            value = targets(leaf)
            if tuple(value.shape) != (len(output),):
                raise ValueError(
                    f"the target function gave shape {tuple(value.shape)} for {len(output)} images; it must give one "
                    "number per image, as in `lambda logits: logits[:, 3]`"
                )
            (slope,) = torch.autograd.grad(value.sum(), leaf)
        return value.detach(), trace.start(OUTPUT, slope[None])
    if output.ndim != 2:
        raise ValueError(
            f"the model's output has shape {tuple(output.shape)}, not [image class]; give a function of the output "
            "as target"
        )
    classes = torch.as_tensor(targets, device=output.device).expand(len(output))
    if classes.min() < 0 or classes.max() >= output.shape[1]:
        given = f"{int(classes.min())} to {int(classes.max())}"
        raise ValueError(f"targets from {given}; classes are 0 … {output.shape[1] - 1}")
    slope = torch.nn.functional.one_hot(classes.long(), output.shape[1]).to(output)
    return output.gather(1, classes.long()[:, None])[:, 0], trace.start(OUTPUT, slope[None])


def _component_axis(value: Tensor, layer: Layer) -> int:
    """Which axis of [image ...] counts components."""
    names = {2: "nc", 3: "ntc", 4: "nchw"}
    axes = layer.axes or names.get(value.ndim)
    if axes is None or len(axes) != value.ndim:
        raise ValueError(
            f"the layer {layer.name!r} gives shape {tuple(value.shape)}; name its axes, as in "
            f'Layer({layer.name!r}, axes="nhwc")'
        )
    return axes.index("c")


def _summed(relevance: Tensor, layer: Layer) -> Tensor:
    """Relevance [condition image ...] summed over places: [condition image component]."""
    if relevance.ndim == 3:
        return relevance
    return relevance.movedim(_component_axis(relevance[0], layer) + 1, 2).flatten(3).sum(3)


def _check_components(numbers: np.ndarray, value: Tensor, layer: Layer) -> None:
    count = value.shape[_component_axis(value, layer)]
    if numbers.size and (numbers.min() < 0 or numbers.max() >= count):
        raise ValueError(
            f"components from {numbers.min()} to {numbers.max()}; the layer {layer.name!r} has 0 … {count - 1}"
        )


def _conditions(conditions: int, images: int) -> Iterator[slice]:
    at_once = max(1, ROWS // images)
    for first in range(0, conditions, at_once):
        yield slice(first, first + at_once)


def _only(signal: Tensor, layer: Layer, components: Tensor) -> Tensor:
    """The signal [1 image ...] kept at one component per condition and image, zero elsewhere."""
    axis = _component_axis(signal[0], layer)
    kept = torch.nn.functional.one_hot(components, signal.shape[axis + 1]).to(signal.dtype)
    shape = [*components.shape, *[1] * (signal.ndim - 2)]
    shape[axis + 1] = signal.shape[axis + 1]
    return signal * kept.reshape(shape)


def _excited(value: Tensor, layer: Layer, components: Tensor, lowest: Tensor) -> Tensor:
    """The gradient [condition image ...] of each component at its most (or least) excited place.

    Its sign is the response's, so that the relevance that starts there is positive.
    """
    axis = _component_axis(value, layer)
    last = value.movedim(axis, -1)
    flat = last.flatten(1, -2) if last.ndim > 2 else last[:, None]  # image place component
    picked = flat.gather(2, components.T[:, None, :].expand(-1, flat.shape[1], -1))  # image place condition
    turned = torch.where(lowest.T[:, None, :], -picked, picked)
    peak = turned.argmax(1)  # image condition
    strength = picked.gather(1, peak[:, None]).squeeze(1)
    start = value.new_zeros((*components.shape, *flat.shape[1:]))
    condition, image = torch.meshgrid(
        *(torch.arange(size, device=value.device) for size in components.shape), indexing="ij"
    )
    start[condition, image, peak.T, components] = torch.where(strength.T < 0, -1.0, 1.0).to(value.dtype)
    placed = start.unflatten(2, last.shape[1:-1]) if last.ndim > 2 else start[:, :, 0]
    return placed.movedim(-1, axis + 1)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()
