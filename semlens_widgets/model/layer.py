"""Which activations of a model count as components, and which layers of a model are asked for."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..fingerprints import of_encoder

if TYPE_CHECKING:
    import torch


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
