"""What a model offers to look at: its layers, heads and hidden units, and how to ask for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, overload

from .inside import Heads, Mlp, attentions, mlps
from .layer import Asked, Layer
from .layouts import seen_by

if TYPE_CHECKING:
    import torch


_HEAD = ("name", "kind", "components", "shape", "ask")


@dataclass(frozen=True)
class Offer:
    """One thing that a model has components in.

    Attributes
    ----------
    name
        As components print it, `blocks.5.attn.heads`.
    kind
        "layer", "heads" or "hidden units".
    components
        How many there are; None where that was not found out.
    shape
        What one image gives, [component places], as in "192 × 14 × 14"; of tokens also which they are.
    ask
        What to write in `layers=[…]`.
    refused
        Why it cannot be looked at, and what to do; empty where it can.

    Examples
    --------
    >>> offer = sl.layers(sl.demo.classifier())[-1]
    >>> offer.kind, offer.refused
    ('layer', '')
    """

    name: str
    kind: str
    components: int | None
    shape: str
    ask: str
    refused: str = ""


@dataclass(frozen=True)
class Offers(Sequence[Offer]):
    """All that a model offers, in the order in which it stands in the model. Prints as a table, repeated blocks in one
    line; `to_rows` has them singly.

    Attributes
    ----------
    model
        What the model is called.
    offers
        What it has, in order.

    Examples
    --------
    >>> offers = sl.layers(sl.demo.classifier())
    >>> "layer4" in [row["name"] for row in offers.to_rows()]
    True
    """

    model: str
    offers: tuple[Offer, ...]

    def __len__(self) -> int:
        return len(self.offers)

    @overload
    def __getitem__(self, at: int) -> Offer: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Offer, ...]: ...
    def __getitem__(self, at: int | slice) -> Offer | tuple[Offer, ...]:
        return self.offers[at]

    def to_rows(self) -> list[dict[str, Any]]:
        """Each as a dict, under the names of `Offer`."""
        return [vars(offer).copy() for offer in self.offers]

    def grouped(self) -> list[tuple[Offer, int]]:
        """Offers that differ by numbers in their names alone as one, the last of them, and how many they are."""
        groups: dict[Any, list[Offer]] = {}
        for offer in self.offers:
            key = (re.sub(r"\d+", "*", offer.name), offer.kind, offer.components, offer.shape, bool(offer.refused))
            groups.setdefault(key, []).append(offer)
        return [(group[-1], len(group)) for group in groups.values()]

    def _lines(self) -> Iterator[tuple[str, ...]]:
        for offer, count in self.grouped():
            times = f" and {count - 1} more" if count > 1 else ""
            size = "" if offer.components is None else f"{offer.components:,}"
            yield (
                offer.name + times,
                offer.kind,
                size,
                offer.shape,
                f"not: {offer.refused}" if offer.refused else offer.ask,
            )

    def __repr__(self) -> str:
        lines = [_HEAD, *self._lines()]
        widths = [max(len(line[at]) for line in lines) for at in range(4)]
        rows = ["  ".join([*map(str.ljust, line[:4], widths), line[4]]) for line in lines]
        return "\n".join([f"{self.model} offers", *rows])

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr>{''.join(f'<td>{escape(part)}</td>' for part in line)}</tr>" for line in self._lines())
        head = "".join(f"<th>{name}</th>" for name in _HEAD)
        return f"<p>{escape(self.model)} offers</p><table><tr>{head}</tr>{rows}</table>"


def layers(model: torch.nn.Module, images: Any = None) -> Offers:
    """What components a model has: its layers, attention heads and hidden units, with how to ask for each.

    Parameters
    ----------
    model
        The model.
    images
        `sl.images(…)`, or a batch [image channel height width], of which the first image is run through the model, for
        the numbers and shapes. Without, one of zeros of the size that the model says it takes, else 3 × 224 × 224;
        where the model fails on it, shapes are empty.

    Returns
    -------
    Offers
        All that can be asked for; prints as a table.

    Raises
    ------
    TypeError
        For what is no torch module.

    Notes
    -----
    Layers are the model's own parts and those that repeat in it (stages, blocks), not what lies inside attention and
    MLPs; any other module can be asked for by name as well.

    Examples
    --------
    >>> {offer.name: offer.components for offer in sl.layers(sl.demo.classifier())}["layer4"]
    128
    """
    if not hasattr(model, "named_modules"):
        raise TypeError(f"model is a {type(model).__name__}; give a torch module, as in resnet50(weights=weights)")
    asked = list(_askable(model))
    found: list[tuple[Layer, str, str]] = []
    for one, kind, ask in asked:
        with suppress(KeyError, ValueError):
            found += [(layer, kind, ask) for layer in one.layers(model)]
    shapes = seen_by(model, [layer for layer, _, _ in found], _one(model, images))
    offers = (_offer(layer, kind, ask, shapes) for layer, kind, ask in found)
    return Offers(type(model).__name__, tuple(offers))


def _askable(model: torch.nn.Module) -> Iterator[tuple[Asked, str, str]]:
    heads = {one.module for one in attentions(model)}
    hidden = {module for module, _ in mlps(model)}
    for name, module in model.named_modules():
        if not name or any(name.startswith(inner + ".") for inner in heads | hidden):
            continue
        if name in heads:
            yield Heads(name), "heads", f"sl.Heads({name!r})"
        if name in hidden:
            yield Mlp(name), "hidden units", f"sl.Mlp({name!r})"
        if name not in heads | hidden and _stands_out(model, name, module):
            yield Layer(name), "layer", repr(name)


def _stands_out(model: torch.nn.Module, name: str, module: torch.nn.Module) -> bool:
    """Whether a module is a part of the model itself, or one of several of a kind in a row, with weights."""
    import torch

    if next(module.parameters(), None) is None or isinstance(module, torch.nn.ModuleList):
        return False
    around = name.rpartition(".")[0]
    if not around:
        return True
    parent = model.get_submodule(around)
    if not isinstance(parent, torch.nn.ModuleList | torch.nn.Sequential):
        return False
    whole = next(module.children(), None) is not None
    return whole or ("." not in around and isinstance(module, torch.nn.Conv2d | torch.nn.Linear))


def _one(model: torch.nn.Module, images: Any) -> torch.Tensor:
    """One image as the model takes it."""
    import torch

    from .recording import runs_on

    device, dtype = runs_on(model)
    if images is None:
        return torch.zeros(1, *_size(model), device=device, dtype=dtype)
    if hasattr(images, "tensor"):
        return torch.as_tensor(images.tensor(0))[None].to(device, dtype)
    if not hasattr(images, "shape"):
        raise TypeError(f"images is a {type(images).__name__}; give sl.images(…) or [image channel height width]")
    batch = torch.as_tensor(images)
    if batch.ndim != 4 or not len(batch):
        raise ValueError(f"images of shape {tuple(batch.shape)}; give sl.images(…) or [image channel height width]")
    return batch[:1].to(device, dtype)


def _size(model: Any) -> tuple[int, int, int]:
    """Channels, height and width that a model says it takes."""
    said = getattr(model, "pretrained_cfg", None) or getattr(model, "default_cfg", None)
    size = said.get("input_size") if isinstance(said, Mapping) else None
    embedding = getattr(getattr(model, "patch_embed", None), "img_size", None)
    if isinstance(embedding, tuple) and len(embedding) == 2:
        return (3, int(embedding[0]), int(embedding[1]))
    if size is not None and len(size) == 3:
        return (int(size[0]), int(size[1]), int(size[2]))
    config = getattr(model, "config", None)
    side = getattr(config, "image_size", None) or getattr(model, "image_size", None) or 224
    high, wide = side if isinstance(side, tuple | list) else (side, side)
    return (int(getattr(config, "num_channels", 3) or 3), int(high), int(wide))


def _offer(layer: Layer, kind: str, ask: str, shapes: Mapping[str, Any]) -> Offer:
    seen = shapes.get(layer.name)
    if seen is None:
        return Offer(layer.name, kind, None, "", ask)
    try:
        layout = seen.layout(layer)
        refused = "" if layout is not None else seen.doubt(layer)
    except ValueError as error:
        layout, refused = None, str(error)
    if layout is None:
        return Offer(layer.name, kind, None, "", ask, refused)
    sizes = dict(zip(layout.axes, seen.shape, strict=True))
    components = layer.groups or sizes["c"]
    places = [str(sizes[axis]) for axis in "hw" if axis in sizes]
    if "t" in sizes:
        runs = " + ".join(f"{run.count} {run.kind}" for run in layout.tokens)
        places = [f"{sizes['t']} tokens" + (f" ({runs})" if len(layout.tokens) > 1 else "")]
    return Offer(layer.name, kind, components, " × ".join([f"{components:,}", *places]), ask)
