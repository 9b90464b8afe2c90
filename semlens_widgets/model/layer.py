"""Which activations of a model count as components, and which layers of a model are asked for."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args, runtime_checkable

from ..fingerprints import of_encoder

if TYPE_CHECKING:
    import torch

Tokens = Literal["all", "class", "registers", "patches"]
AXES = ("nchw", "ntc", "nc")


@dataclass(frozen=True)
class TokenRun:
    """Tokens of a sequence that stand together: one class token, some registers, the patches of a picture.

    grid: rows and columns of patches that stand row by row; None where they do not, or where it is not known.
    """

    kind: Literal["class", "registers", "patches", "other"]
    count: int
    grid: tuple[int, int] | None = None


@dataclass(frozen=True)
class Layout:
    """What a layer's axes count for images of one shape [channel height width], as found by running the model.

    tokens: the token axis, in order; empty where it is not known what it is made of.
    """

    inputs: tuple[int, ...]
    axes: str
    tokens: tuple[TokenRun, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a layer's numbers are read whose name is no module.

    module:   the module that is given them, or that gives them.
    around:   torch's own MultiheadAttention that holds the module and does its work without calling it; else None.
    features: the axis of features in what the module is given.
    given:    whether they are what the module is given; else they are what it gives.
    """

    module: str
    around: str | None = None
    features: int = -1
    given: bool = True


@runtime_checkable
class Asked(Protocol):
    """What may stand in a list of layers: it says which layers of a model it means."""

    def layers(self, model: torch.nn.Module) -> Sequence[Layer]:
        """The layers, as they are read."""


@dataclass(frozen=True)
class Layer:
    """Which activations of a model count as components.

    Parameters
    ----------
    name
        Module name as in `model.named_modules()`; in a list of layers also a wildcard, `"layer4.*"`.
    via
        An encoder on top of the layer whose outputs are the components: a torch module or function on features in the
        last axis (the encoder of an SAE), what `learn_dictionary` or `direction` gave, or an array [direction feature]
        (CAVs). A module runs in eval mode, where the features are, in the more precise number format of the two, and is
        left as it was.
    signed
        Every component becomes two, `+` (strongest) and `-` (weakest responses); for layers without ReLU.
    axes
        Names of the output's axes: n image, c component, h w or t places, as in "nhwc". By default they are followed
        from the images through the model; a layer where that is not certain is refused.
    tokens
        Which tokens of a sequence are pooled: "all", "class", "registers", "patches", or a slice. Which is which is
        followed through the model, too; where that cannot be, "class" is the first and "patches" are the rest.
    output
        Which part of a tuple or dict output: a number or a key; by default its first tensor.
    grid
        (rows, columns) of the patches, where they are not found out.
    codes
        Which part of what `via` gives are the components, a number or a key; needed where it gives several.
    layout, place
        What axes mean and where it is read, as `Heads` and `Mlp` and the first pass fill them in; leave them.

    Examples
    --------
    >>> [layer.name for layer in sl.Layer("layer?").layers(sl.demo.classifier())]
    ['layer1', 'layer2', 'layer3', 'layer4']
    """

    name: str
    via: Any = None
    signed: bool = False
    axes: str | None = None
    tokens: Tokens | slice = "all"
    output: int | str | None = None
    grid: tuple[int, int] | None = None
    codes: int | str | None = None
    layout: Layout | None = field(default=None, repr=False, compare=False)  # set by `settled`
    place: Place | None = field(default=None, repr=False)  # set by `Heads` and `Mlp`, whose names are no modules

    def __post_init__(self) -> None:
        if (encoder := getattr(self.via, "semlens_encoder", None)) is not None:  # a value that holds one
            object.__setattr__(self, "via", encoder)
        if self.axes is not None and sorted(self.axes) not in map(sorted, AXES):
            raise ValueError(f"axes={self.axes!r}; axes name each of n c h w, n t c or n c once, as in 'nhwc'")
        if not isinstance(self.tokens, slice) and self.tokens not in get_args(Tokens):
            raise ValueError(f"tokens={self.tokens!r}; tokens are 'all', 'class', 'registers', 'patches' or a slice")
        if self.grid is not None:
            grid = tuple(self.grid) if isinstance(self.grid, tuple | list) else ()
            if len(grid) != 2 or not all(isinstance(n, int) and n > 0 for n in grid):
                raise ValueError(f"grid={self.grid!r}; a grid is (rows, columns) of patches, as in (14, 14)")
            object.__setattr__(self, "grid", grid)

    @property
    def key(self) -> str:
        """What a result was made from, as text: part of a recipe."""
        key = f"{self.name}|{self.signed}|{self.axes}|{self.tokens}|{self.output}|{of_encoder(self.via)}"
        more = (("grid", self.grid), ("codes", self.codes), ("place", self.place))
        return key + "".join(f"|{n}={v}" for n, v in more if v is not None)

    @property
    def module(self) -> str:
        """The module where it is read: the one that gives it or, where no module does, the one that is given it."""
        return self.name if self.place is None else self.place.module

    @property
    def groups(self) -> int | None:
        """How many components share the features evenly among them, as heads do; None where each feature is its own."""
        return getattr(self.via, "semlens_groups", None)

    @property
    def writes(self) -> torch.Tensor | None:
        """What a response of 1 of each component adds to the features, [component feature], where `via` says it."""
        return getattr(self.via, "semlens_writes", None)

    def layers(self, model: torch.nn.Module) -> tuple[Layer, ...]:
        """The layers of a model that the name means, wildcards spelled out; KeyError with the nearest if none.

        Parameters
        ----------
        model
            A torch module.

        Returns
        -------
        tuple[Layer, ...]
            One for each module that is meant.
        """
        names = [n for n, _ in model.named_modules() if n]
        if self.module in names:
            return (self,)
        if self.place is not None:
            raise KeyError(_no_layer(self.module, names))
        matching = fnmatch.filter(names, self.name)
        if not matching:
            raise KeyError(_no_layer(self.name, names))
        return tuple(replace(self, name=name) for name in matching)


Layers: TypeAlias = str | Asked | Sequence[str | Asked]


def resolve(model: torch.nn.Module, layers: Layers) -> tuple[Layer, ...]:
    """The asked layers, wildcards spelled out, in the order asked; KeyError with the nearest name if absent."""
    if not hasattr(model, "named_modules"):
        raise TypeError(f"model is a {type(model).__name__}; give a torch module, as in resnet50(weights=weights)")
    asked = [layers] if isinstance(layers, str | Asked) else list(layers)
    if not asked:
        last = [n for n, _ in model.named_modules() if n][-3:]
        raise ValueError("no layer asked for; give module names such as " + ", ".join(map(repr, last)))
    resolved: dict[str, Layer] = {}
    for entry in asked:
        one = Layer(entry) if isinstance(entry, str) else entry
        if not isinstance(one, Asked):
            raise TypeError(f"layers has a {type(entry).__name__}; give module names, or sl.Layer(name, …)")
        for layer in one.layers(model):
            other = resolved.setdefault(layer.name, layer)
            if other is not layer and other.key != layer.key:
                raise ValueError(
                    f"two different layers are asked for under the name {layer.name!r}, whose components could not be "
                    "told apart; make a lens of each, or give what learn_dictionary and direction made as its .layer, "
                    "which has a name of its own"
                )
    return tuple(resolved.values())


def alone_by_features(model: torch.nn.Module, layer: str | Asked, what: str) -> Layer:
    """The one layer that is meant, whose components are its features. ValueError, for `what` needs them, otherwise."""
    found = resolve(model, layer)
    if len(found) != 1:
        raise ValueError(f"{what} is of one layer, and {layer!r} means {len(found)}; name one of them")
    (one,) = found
    if one.groups is not None:
        raise ValueError(
            f"{one.name!r} has one number for each head and no features; take the attention itself, or the block "
            "around it"
        )
    if one.via is not None or one.signed:
        raise ValueError(
            f"layer {one.name!r} is asked for with {'signed=True' if one.signed else 'via'}; {what} is of the layer's "
            "own features, so leave it away"
        )
    return one


def _no_layer(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    top = [n for n in names if "." not in n]
    shown = ", ".join(top if len(top) <= 12 else [*top[:6], "…", *top[-5:]])
    return f"no layer {name!r}; this model has {shown}{hint}; sl.layers(model) lists what to ask for"
