"""Relevance per component, conditional heatmaps and edges, by either backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from semlens_widgets.attribution import effects, gradient, lrp, reference
from semlens_widgets.attribution.readings import Reading
from semlens_widgets.attribution.tape import UnsupportedModel
from semlens_widgets.attribution.trace import INPUT, OUTPUT, Trace, answer_of, restored
from semlens_widgets.attribution.values import (
    FORWARDS,
    Attribution,
    Balance,
    ByLayer,
    Composite,
    Edges,
    Heatmaps,
    Method,
    checked,
    name_of,
)
from semlens_widgets.model import Layer, Layers, NotFinite, resolve, settled
from semlens_widgets.passes import OnStep

Targets = Sequence[int] | np.ndarray | Tensor | int | Callable[[Tensor], Tensor]
Answer = TypeVar("Answer")
ROWS = 32  # conditions × images that go back together: enough to fill the processor, little enough for its caches


def attribute(
    model: nn.Module,
    inputs: Tensor,
    targets: Targets,
    layers: Layers,
    backend: Method = "auto",
    *,
    heatmap: bool = True,
    batch_size: int = 16,
    on_step: OnStep | None = None,
) -> Attribution:
    """How much every component of the layers, and every pixel, contributed to the target.

    inputs:  images [image channel height width], as the model takes them.
    targets: a class number per image, one for all, or a function of the model's output [image class] that gives one
             number per image (`lambda logits: logits[:, 3] - logits[:, 5]`).
    backend: one of `values.NAMED`, a `Composite`, or "auto": LRP if it has a rule for all the model does, else
             gradient; the answer says which. (The verbs that know a data set choose by what they measure: see
             `faithfulness`.) "integrated" and "ablation" (see `effects`) run the model many times and have no heatmap,
             nor has a `ByLayer`;
             "zennit", the implementation CRP was published with, is slow and for torchvision's VGG and ResNets only.
    heatmap: False saves the way from the lowest layer to the input.
    on_step: called with (images done, images in all) on each batch's way back and after it; what it raises ends the
             work.

    Relevance starts at the target's value; with a softmax at the model's end LRP starts at the logits before it.
    Components are those of the layers, in the order of `Components`: a feature on the channel axis, or on the last
    axis of tokens; with `tokens`, `signed` and `via` as `Reading` says.
    A module that runs several times counts with its last run. Models in low precision and autocast run as they are;
    relevance is computed in single precision. UnsupportedModel if LRP is demanded and has no rule; NotFinite where
    relevance is NaN or infinite.
    """
    asked = _asked(model, layers, inputs)
    if isinstance(backend, ByLayer):
        return _by_layer(backend, model, inputs, targets, asked, batch_size, on_step)
    if backend in FORWARDS:
        return _forwards(str(backend), model, inputs, targets, asked, batch_size, on_step)

    def answer(used: Method) -> Attribution:
        relevances: dict[str, list[np.ndarray]] = {name: [] for name in asked}
        maps: list[np.ndarray] = []
        values: list[np.ndarray] = []
        balances: dict[str, list[Balance]] = {name: [] for name in asked}
        for chosen, images in _batches(model, inputs, batch_size):
            with _tracing(used, model, images, asked, stop=False) as trace:
                value, signal = _from_targets(trace, _of(targets, chosen, len(inputs)))
                if on_step is not None:
                    on_step(chosen.start, len(inputs))
                places = [*asked, INPUT] if heatmap else list(asked)
                if isinstance(trace, lrp.LrpTrace):
                    found, kept = trace.balanced(signal, places, asked)
                else:
                    found, kept = trace.pull(OUTPUT, signal, places), {}
                values.append(_array(value))
                for name, layer in asked.items():
                    relevances[name].append(_array(Reading(trace, layer).totals(found[name])[0], name))
                    balances[name].append(kept.get(name) or _unexplained(relevances[name][-1], values[-1]))
                if heatmap:
                    maps.append(_array(trace.relevance(INPUT, found[INPUT])[0].sum(1)))
            if on_step is not None:
                on_step(min(chosen.stop, len(inputs)), len(inputs))
        return Attribution(
            {name: np.concatenate(parts) for name, parts in relevances.items()},
            np.concatenate(maps) if heatmap else None,
            np.concatenate(values),
            name_of(used),
            {name: Balance.joined(parts) for name, parts in balances.items()},
        )

    return _with_backend(backend, answer)


def slopes(
    model: nn.Module, inputs: Tensor, targets: Targets, layer: str | Layer, *, batch_size: int = 16
) -> np.ndarray:
    """How a target changes with a layer's features, the same change at all places: gradients summed, [image feature].

    inputs, targets: as in `attribute`. Of tokens those that the layer means.
    """
    asked = _asked(model, layer, inputs)
    ((name, one),) = asked.items()
    found = []
    for chosen, images in _batches(model, inputs, batch_size):
        with _tracing("gradient", model, images, asked, stop=False) as trace:
            _, signal = _from_targets(trace, _of(targets, chosen, len(inputs)))
            arrived = trace.gradient(name, trace.pull(OUTPUT, signal, [name])[name])
            found.append(_array(Reading(trace, one).over_places(arrived)[0], name))
    return np.concatenate(found)


def _unexplained(relevance: np.ndarray, value: np.ndarray) -> Balance:
    """The balance of a method that says nothing about biases and shortcuts."""
    nothing = np.zeros_like(value)
    total = relevance.sum(1, dtype=np.float64).astype(np.float32)
    return Balance(total, nothing, nothing, value - total)


def _forwards(
    method: str, model: nn.Module, inputs: Tensor, targets: Targets, asked: dict[str, Layer], batch_size: int,
    on_step: OnStep | None,
) -> Attribution:  # fmt: skip
    """Relevance by passes with components switched off, or half off."""
    measured: dict[str, list[np.ndarray]] = {name: [] for name in asked}
    values: list[np.ndarray] = []
    for chosen, images in _batches(model, inputs, batch_size):
        goal = fixed(model, images, _of(targets, chosen, len(inputs)))
        for number, (name, layer) in enumerate(asked.items()):
            passes = effects.Passes(model, images, layer, goal)
            if number == 0:
                values.append(passes.base()[0].astype(np.float32))
            measure = effects.ablation if method == "ablation" else effects.integrated
            within = None if on_step is None else partial(_told, on_step, chosen.start, len(inputs))
            measured[name].append(measure(passes, done=within))
        if on_step is not None:
            on_step(min(chosen.stop, len(inputs)), len(inputs))
    relevances = {name: _finite(np.concatenate(parts), name) for name, parts in measured.items()}
    value = np.concatenate(values)
    balances = {name: _unexplained(relevance, value) for name, relevance in relevances.items()}
    return Attribution(relevances, None, value, method, balances)


def _by_layer(
    methods: ByLayer, model: nn.Module, inputs: Tensor, targets: Targets, asked: dict[str, Layer], batch_size: int,
    on_step: OnStep | None,
) -> Attribution:  # fmt: skip
    """Relevance by another method for some of the layers, one after the other."""
    groups = methods.by_method(list(asked))
    parts: list[Attribution] = []
    for number, (method, names) in enumerate(groups.items()):
        step = None if on_step is None else partial(_of_several, on_step, number, len(groups))
        layers = [asked[name] for name in names]
        parts.append(
            attribute(model, inputs, targets, layers, method, heatmap=False, batch_size=batch_size, on_step=step)
        )
    relevances = {name: array for part in parts for name, array in part.relevances.items()}
    balances = {name: balance for part in parts for name, balance in part.balances.items()}
    return Attribution(
        {name: relevances[name] for name in asked}, None, parts[0].targets, methods.name,
        {name: balances[name] for name in asked},
    )  # fmt: skip


def _of_several(on_step: OnStep, number: int, count: int, done: int, total: int) -> None:
    on_step(number * total + done, count * total)


def _told(on_step: OnStep, done: int, total: int, passes: int) -> None:
    """Within a batch: `on_step` can end the work there."""
    on_step(done, total)


def passes_of(model: nn.Module, inputs: Tensor, layer: str | Layer, targets: Targets) -> effects.Passes:
    """Passes over all of `inputs` with components of one layer switched off, for a target as in `attribute`."""
    ((_, settled_layer),) = _asked(model, layer, inputs).items()
    ((_, images),) = _batches(model, inputs, len(inputs))
    return effects.Passes(model, images, settled_layer, fixed(model, images, targets))


def fixed(model: nn.Module, images: Tensor, targets: Targets) -> Callable[[Tensor], Tensor]:
    """The target as a function of the answer to these images, whatever is switched off.

    A target function that chooses by the answer (the predicted class) is asked once, and keeps to what it chose.
    """
    if not callable(targets):
        return lambda answer: _value(answer, targets)
    with torch.no_grad(), restored(model):
        answer_to = answer_of(model(images.clone()), len(images))
        _value(answer_to, targets)
    again: Any = getattr(targets, "again", targets)
    return lambda answer: _value(answer, again)


def heatmaps(
    model: nn.Module,
    inputs: Tensor,
    targets: Targets | None,
    layer: str | Layer,
    components: Sequence[int] | np.ndarray,
    backend: Method = "auto",
    *,
    lowest: bool | np.ndarray = False,
    batch_size: int = 8,
    on_step: OnStep | None = None,
) -> Heatmaps:
    """Where in the image the relevance of single components comes from: CRP's conditional heatmaps.

    components: numbers for all images, or [image component] where every image has its own.
    targets:    as in `attribute`: the relevance of the component for the target. None: the component itself is
                explained, at the place where it is most excited (for crops); the forward pass ends at the layer.
    lowest:     without a target, start at the least excited place (for the `-` half of signed components);
                one for all or per [image component]. The heatmap is positive where the response comes from.
    on_step:    called with (heatmaps done, heatmaps in all) now and then; what it raises ends the work.
    """
    asked = _asked(model, layer, inputs)
    (name,) = asked
    numbers = np.asarray(components, dtype=np.int64)
    numbers = np.broadcast_to(numbers, (len(inputs), numbers.shape[-1]))
    at_lowest = np.broadcast_to(np.asarray(lowest), numbers.shape)

    def answer(used: Method) -> Heatmaps:
        maps: list[np.ndarray] = []
        amounts: list[np.ndarray] = []
        done = 0
        for chosen, images in _batches(model, inputs, batch_size):
            with _tracing(used, model, images, asked, stop=targets is None) as trace:
                reading = Reading(trace, asked[name])
                reading.check(numbers[chosen])
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
                        started = reading.excited(wanted[part], flip[part])
                    else:
                        started = reading.only(gradients, wanted[part])
                    shares.append(_array(trace.relevance(name, started).flatten(2).sum(2)))
                    pieces.append(_array(trace.relevance(INPUT, trace.pull(name, started, [INPUT])[INPUT]).sum(2)))
                    done += wanted[part].numel()
                    if on_step is not None:
                        on_step(done, numbers.size)
                maps.append(np.concatenate(pieces).swapaxes(0, 1))
                amounts.append(np.concatenate(shares).T)
        return Heatmaps(name, numbers, np.concatenate(maps), np.concatenate(amounts), name_of(used))

    return _with_backend(backend, answer)


def edges(
    model: nn.Module,
    inputs: Tensor,
    targets: Targets | None,
    upper_layer: str | Layer,
    upper_components: Sequence[int] | np.ndarray,
    lower_layers: Layers,
    backend: Method = "auto",
    *,
    batch_size: int = 8,
) -> Edges:
    """How much each component of the lower layers contributes through each of the given upper components.

    targets: as in `attribute`; None: what feeds the upper component itself, everywhere in the image.
    """
    upper, lower = _asked(model, upper_layer, inputs), _asked(model, lower_layers, inputs)
    (name,) = upper
    numbers = np.asarray(upper_components, dtype=np.int64)

    def answer(used: Method) -> Edges:
        found: dict[str, list[np.ndarray]] = {below: [] for below in lower}
        amounts: list[np.ndarray] = []
        for chosen, images in _batches(model, inputs, batch_size):
            with _tracing(used, model, images, upper | lower, stop=targets is None) as trace:
                reading = Reading(trace, upper[name])
                reading.check(numbers)
                wanted = torch.as_tensor(numbers, device=images.device)[:, None].expand(-1, len(images))
                if targets is None:
                    whole = trace.start(name, torch.ones_like(trace.value(name))[None])
                else:
                    _, signal = _from_targets(trace, _of(targets, chosen, len(inputs)))
                    whole = trace.pull(OUTPUT, signal, [name])[name]
                pieces: dict[str, list[np.ndarray]] = {below: [] for below in lower}
                shares = []
                for part in _conditions(wanted.shape[0], wanted.shape[1]):
                    started = reading.only(whole, wanted[part])
                    shares.append(_array(trace.relevance(name, started).flatten(2).sum(2)))
                    arrived = trace.pull(name, started, list(lower))
                    for below, layer in lower.items():
                        pieces[below].append(_array(Reading(trace, layer).totals(arrived[below])))
                amounts.append(np.concatenate(shares).T)
                for below in lower:
                    found[below].append(np.concatenate(pieces[below]).swapaxes(0, 1))
        return Edges(
            name,
            numbers,
            {below: np.concatenate(parts) for below, parts in found.items()},
            np.concatenate(amounts),
            name_of(used),
        )

    return _with_backend(backend, answer)


def _with_backend(backend: Method, answer: Callable[[Method], Answer]) -> Answer:
    if isinstance(backend, ByLayer) or backend in FORWARDS:
        raise ValueError(
            f"method {name_of(backend)!r} has no heatmaps and no edges; choose 'lrp' or 'gradient' for these"
        )
    if checked(backend) != "auto":
        return answer(backend)
    try:
        return answer("lrp")
    except UnsupportedModel:
        return answer("gradient")


def _tracing(backend: Method, model: nn.Module, images: Tensor, layers: dict[str, Layer], stop: bool) -> Any:
    assert not isinstance(backend, ByLayer)  # has no trace: it is several methods
    if isinstance(backend, Composite) or backend.startswith("lrp"):
        return lrp.tracing(model, images, layers, stop, backend)
    door = {"gradient": gradient.tracing, "zennit": reference.tracing}[backend]
    return door(model, images, layers, stop)


def _asked(model: nn.Module, layers: Layers, inputs: Tensor) -> dict[str, Layer]:
    found = resolve(model, layers)
    return {layer.name: layer for layer in (settled(model, found, inputs) if _are_images(inputs) else found)}


def _are_images(inputs: Tensor) -> bool:
    return inputs.ndim > 1 and len(inputs) > 0


def _batches(model: nn.Module, inputs: Tensor, size: int) -> Iterator[tuple[slice, Tensor]]:
    if not _are_images(inputs):
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
    with torch.inference_mode(False), torch.enable_grad():
        leaf = output.clone().requires_grad_()
        value = _value(leaf, targets)
        (slope,) = torch.autograd.grad(value.sum(), leaf)
    return value.detach(), trace.start(OUTPUT, slope[None])


def _value(output: Tensor, targets: Targets) -> Tensor:
    """The target's value per image of an answer [image ...]."""
    if callable(targets):
        value = targets(output)
        if tuple(value.shape) != (len(output),):
            raise ValueError(
                f"the target function gave shape {tuple(value.shape)} for {len(output)} images; it must give one "
                "number per image, as in `lambda logits: logits[:, 3]`"
            )
        return value
    if output.ndim != 2:
        raise ValueError(
            f"the model's output has shape {tuple(output.shape)}, not [image class]; give a function of the output "
            "as target"
        )
    classes = torch.as_tensor(targets, device=output.device).expand(len(output))
    if classes.min() < 0 or classes.max() >= output.shape[1]:
        given = f"{int(classes.min())} to {int(classes.max())}"
        raise ValueError(f"targets from {given}; classes are 0 … {output.shape[1] - 1}")
    return output.gather(1, classes.long()[:, None])[:, 0]


def _conditions(conditions: int, images: int) -> Iterator[slice]:
    at_once = max(1, ROWS // images)
    for first in range(0, conditions, at_once):
        yield slice(first, first + at_once)


def _array(tensor: Tensor, layer: str | None = None) -> np.ndarray:
    """Off the device, in single precision. NotFinite for what means nothing."""
    return _finite(tensor.detach().float().cpu().numpy(), layer)


def _finite(array: np.ndarray, layer: str | None) -> np.ndarray:
    if not np.isfinite(array).all():
        where = "relevance" if layer is None else f"the relevance of layer {layer!r}"
        raise NotFinite(
            f"{where} is NaN or infinite; check the weights and the input's scale, and give a model in half precision "
            "as model.float()"
        )
    return array
