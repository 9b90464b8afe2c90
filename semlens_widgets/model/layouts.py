"""What the axes of layers' outputs count, found by running the model on two images."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .attaching import attach
from .axes import PLACES, Label, Part, in_order, kinds, parts_of, size_of, unknown
from .layer import Layer, Layout, TokenRun
from .reading import tensor_of
from .running import alone, evaluating
from .unusual import as_modules

if TYPE_CHECKING:
    import torch

    from .following import Following


class NotCertain(ValueError):
    """It cannot be told which axis of a layer's output counts its components."""


def settled(model: torch.nn.Module, layers: Sequence[Layer], inputs: torch.Tensor) -> tuple[Layer, ...]:
    """The layers with the layout of their outputs for such inputs [image channel height width].

    A layer whose output is not reached, or has no tensor, stays as it is: whoever reads it says so. ValueError for a
    layer whose axes are not certain, which names `axes=`. Costs two forward passes of a few images at the most, and
    nothing for layers that are settled for images of this shape.
    """
    shape = tuple(int(n) for n in inputs.shape[1:])
    unsettled = [layer for layer in layers if not is_settled(layer, shape)]
    if not unsettled:
        return tuple(layers)
    with alone(model), evaluating(model):
        seen = _followed(model, unsettled, inputs)
        doubtful = [layer for layer in unsettled if layer.name in seen and seen[layer.name].layout(layer) is None]
        by_size = _by_sizes(model, doubtful, inputs, seen) if doubtful else {}
    layouts: dict[str, Layout] = {}
    for layer in unsettled:
        if layer.name in seen:
            layout = seen[layer.name].layout(layer) or by_size.get(layer.name)
            if layout is None:
                raise NotCertain(seen[layer.name].doubt(layer))
            layouts[layer.name] = layout
    return tuple(replace(x, layout=layouts[x.name]) if x.name in layouts else x for x in layers)


def is_settled(layer: Layer, shape: tuple[int, ...]) -> bool:
    """Whether it is known how to read a layer, for images of this shape."""
    if layer.axes is not None and "t" not in layer.axes:
        return True
    return layer.layout is not None and layer.layout.inputs == shape


def settled_by(following: Following, layer: Layer, output: Any) -> Layer:
    """The layer with the layout of an output that was followed. NotCertain, or ValueError, where there is none."""
    if is_settled(layer, following.inputs):
        return layer
    seen = Seen.of(following, tensor_of(layer, output))
    layout = seen.layout(layer)
    if layout is None:
        raise NotCertain(seen.doubt(layer))
    return replace(layer, layout=layout)


@dataclass(frozen=True)
class Seen:
    """The output of a layer for a number of images of one shape: its own shape, and what is known of its axes."""

    images: int
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    label: Label

    @classmethod
    def of(cls, following: Following, tensor: torch.Tensor) -> Seen:
        return cls(following.images, following.inputs, tuple(map(int, tensor.shape)), following.label(tensor))

    def layout(self, layer: Layer) -> Layout | None:
        """None where it is not certain. ValueError where it is certain that no axes will do."""
        if layer.axes is not None:
            return Layout(self.inputs, layer.axes, self.tokens(layer.axes))
        image = self.image_axis(layer)
        component = None if image is None else self.component_axis(image, layer)
        if image is None or component is None:
            return None
        places = [at for at in range(len(self.shape)) if at not in (image, component)]
        names = _place_names([kinds(self.label.axes[at]) for at in places])
        if names is None:
            return None
        letters = {image: "n", component: "c", **dict(zip(places, names, strict=True))}
        axes = "".join(letters[at] for at in range(len(self.shape)))
        return Layout(self.inputs, axes, self.tokens(axes))

    def image_axis(self, layer: Layer) -> int | None:
        axes = self.label.axes
        if self.label.constant:
            raise ValueError(
                f"what the layer {layer.name!r} gives, a tensor {_written(self.shape)}, does not depend on the images; "
                f"choose {_around(layer)}"
            )
        candidates = [at for at, axis in enumerate(axes) if "n" in kinds(axis)]
        if len(candidates) == 1 and kinds(axes[candidates[0]]) == {"n"} and self.shape[candidates[0]] == self.images:
            return candidates[0] if in_order(axes[candidates[0]]) else None
        if candidates:
            raise ValueError(self._rows(layer))
        single = [at for at, axis in enumerate(axes) if not axis]
        if self.images == 1 and single:
            return single[0] if single[0] == 0 or len(single) == 1 else None
        return 0 if axes and kinds(axes[0]) == {"?"} and self.shape[0] == self.images > 1 else None

    def component_axis(self, image: int, layer: Layer) -> int | None:
        if layer.place is not None and layer.place.given:  # a projection reads features by definition
            return layer.place.features % len(self.shape)
        rest = {at: axis for at, axis in enumerate(self.label.axes) if at != image}
        if len(self.shape) == 2 and len(rest) == 1:
            return next(iter(rest))
        unknown_too = any("?" in kinds(axis) for axis in rest.values())
        for fits in (lambda a: kinds(a) == {"c"}, lambda a: "c" in kinds(a), lambda a: not a and not unknown_too):
            candidates = [at for at, axis in rest.items() if fits(axis)]
            if candidates:
                return candidates[0] if len(candidates) == 1 else None
        return None

    def tokens(self, axes: str) -> tuple[TokenRun, ...]:
        """What the token axis is made of; empty where it is not known."""
        if "t" not in axes or len(axes) != len(self.label.axes):
            return ()
        axis = self.label.axes[axes.index("t")]
        if kinds(axis) and kinds(axis) <= PLACES:
            runs = tuple(_run(part) for part in parts_of(axis))
            return runs if len(runs) > 1 or runs[0].grid is not None else ()
        if kinds(axis) <= {"k"} and self.label.parameter:
            return (_run(Part(size_of(axis), self.label.parameter)),)
        return ()

    def doubt(self, layer: Layer) -> str:
        return (
            f"layer {layer.name!r} gives a tensor {_written(self.shape)} for {self.images} images, and which axis "
            f"counts its components is not certain; say it, as in Layer({layer.name!r}, "
            f"axes={_example(len(self.shape))}), or choose {_around(layer)}"
        )

    def _rows(self, layer: Layer) -> str:
        return (
            f"layer {layer.name!r} gives a tensor {_written(self.shape)} for {self.images} images: images are not "
            f"counted by an axis of their own (windows of a picture, heads), so that what it says belongs to no single "
            f"image; choose {_around(layer)}"
        )


def _place_names(places: list[frozenset[str]]) -> str | None:
    """Letters for axes of places; None where they are none, or make no picture."""
    if not places:
        return ""
    if len(places) == 1:
        return "t" if places[0] <= PLACES | {"?", "k"} else None
    if len(places) != 2 or not all(kind <= {"h"} or kind <= {"w"} for kind in places):
        return None
    if places[0] == places[1] != frozenset():
        return None
    return "wh" if places[0] == {"w"} or places[1] == {"h"} else "hw"


def _run(part: Part) -> TokenRun:
    if part.places:
        return TokenRun("patches", part.count, part.grid)
    name = part.parameter.lower()
    return TokenRun(
        "class" if "cls" in name or "class" in name else "registers" if "reg" in name else "other", part.count
    )


def _written(shape: Sequence[int]) -> str:
    return "[" + " ".join(map(str, shape)) + "]"


def _around(layer: Layer) -> str:
    above = layer.module.rpartition(".")[0]
    return f"the module around it ({above!r})" if above else "another layer"


def _example(axes: int) -> str:
    return {4: "'nhwc'", 3: "'ntc'"}.get(axes, "'nc'")


def seen_by(model: torch.nn.Module, layers: Sequence[Layer], inputs: torch.Tensor) -> dict[str, Seen]:
    """What is known of the outputs of layers for such inputs, by their names; nothing where the model fails on them."""
    with alone(model), evaluating(model), as_modules(model):
        return _followed(model, layers, inputs)


def _followed(model: torch.nn.Module, layers: Sequence[Layer], inputs: torch.Tensor) -> dict[str, Seen]:
    """What the layers give for two images (for one, where the model takes no two); what they give last counts."""
    from .following import Following

    for count in (2, 1):
        images = inputs[[0] * count].clone()
        following = Following(model, images)
        seen = _run_once(model, layers, images, following)
        if seen is not None:
            return seen
    return {}


def _run_once(
    model: torch.nn.Module, layers: Sequence[Layer], images: torch.Tensor, following: Any = None
) -> dict[str, Seen] | None:
    """What the layers give for images; None where the model does not take them."""
    modules = dict(model.named_modules())
    seen: dict[str, Seen] = {}

    def note(layer: Layer) -> Any:
        def hook(output: Any) -> None:
            try:
                tensor = tensor_of(layer, output)
            except (KeyError, TypeError):  # said by whoever reads it
                return
            if following is not None:
                seen[layer.name] = Seen.of(following, tensor)
            else:
                shape = tuple(map(int, tensor.shape))
                seen[layer.name] = Seen(len(images), tuple(images.shape[1:]), shape, unknown(shape))

        return hook

    handles = [attach(model, layer, note(layer)) for layer in layers if layer.module in modules]
    try:
        with following if following is not None else nullcontext():
            model(images)
    except Exception:  # a model that fails on its images says so when it is run on all of them
        return None
    finally:
        for handle in handles:
            handle.remove()
    return seen


def _by_sizes(
    model: torch.nn.Module, layers: Sequence[Layer], inputs: torch.Tensor, seen: dict[str, Seen]
) -> dict[str, Layout]:
    """Layouts by what changes with the number and the size of the images, for models that take any."""
    if inputs.ndim != 4:
        return {}
    larger = inputs[[0, 0, 0]].repeat(1, 1, 2, 3)
    others = _run_once(model, layers, larger) or {}
    axes = {name: _by_size(seen[name], other) for name, other in others.items()}
    return {name: Layout(seen[name].inputs, axis) for name, axis in axes.items() if axis is not None}


def _by_size(small: Seen, large: Seen) -> str | None:
    if len(small.shape) != len(large.shape) or len(small.shape) > 4:
        return None
    grown = {at: b / a for at, (a, b) in enumerate(zip(small.shape, large.shape, strict=True)) if a != b}
    images = [at for at in grown if (small.shape[at], large.shape[at]) == (small.images, large.images)]
    still = [at for at in range(len(small.shape)) if at not in grown]
    if len(images) != 1 or len(still) != 1:
        return None
    places = sorted((at for at in grown if at != images[0]), key=lambda at: grown[at])
    letters = {images[0]: "n", still[0]: "c"} | dict(zip(places, {1: "t", 2: "hw"}.get(len(places), ""), strict=True))
    if len(places) == 2 and not grown[places[0]] < 2.5 < grown[places[1]]:
        return None
    return "".join(letters[at] for at in range(len(small.shape)))
