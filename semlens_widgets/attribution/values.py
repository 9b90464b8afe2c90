"""What attribution answers with: frozen values with read-only arrays, free of torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float, Int

KINDS = ("first", "attention", "projection", "convolution", "dense", "any")  # of affine maps, most special first
NAMED = {
    "lrp": "LRP",
    "lrp-bottleneck": "LRP-bottleneck",
    "lrp-epsilon": "LRP-ε",
    "lrp-plus-flat": "LRP-z⁺-flat",
    "lrp-gamma-flat": "LRP-γ-flat",
    "lrp-attention": "AttnLRP",
    "gradient": "gradient",
    "integrated": "integrated",
    "ablation": "ablation (exact)",
    "zennit": "zennit (reference)",
}
"""The methods that can be asked for by name, beside "auto", and what windows and captions call them.
`docs/relevance.md` says what each is."""
FORWARDS = ("integrated", "ablation")  # measured by passes with components off: they have neither heatmaps nor edges


@dataclass(frozen=True)
class Composite:
    """Which rule of layer-wise relevance propagation each affine map of a model follows: a method, as a value.

    Parameters
    ----------
    name
        What it is called in answers, files and figures.
    rules
        By kind of map. "module:PATTERN" is a map in a module of that name (`*` and `?` as in file names), in the order
        given, before all kinds. Then the first that fits of "first" (reads the input, whatever it is), "attention"
        (makes queries, keys and values, or reads what attention answers), "projection" (a convolution that no
        activation follows, as at the end of a bottleneck or a residual branch), "convolution", "dense", "any". A map
        that nothing fits follows ε.

    Notes
    -----
    A rule is a small frozen class: `semlens_widgets.attribution` has Epsilon, Gamma, ZPlus and Flat, and
    `docs/relevance.md` shows how to write one.

    Examples
    --------
    >>> from semlens_widgets.attribution import Epsilon, Gamma
    >>> mine = sl.Composite("mine", {"convolution": Gamma(0.25), "any": Epsilon()})
    >>> lens.explain(3, method=mine).backend
    'mine'
    """

    name: str
    rules: Mapping[str, Any] = field(hash=False)

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.rules if kind not in KINDS and not kind.startswith("module:")]
        if unknown:
            raise ValueError(
                f'no kind of map {unknown[0]!r}; a composite has rules for {", ".join(KINDS)} and "module:PATTERN"'
            )
        object.__setattr__(self, "rules", MappingProxyType(dict(self.rules)))

    @property
    def key(self) -> str:
        """What caches know it by: another rule or setting makes it another method."""
        return f"{self.name} {sorted((kind, repr(rule)) for kind, rule in self.rules.items())}"


@dataclass(frozen=True)
class ByLayer:
    """One method for the relevance of most layers, and others for some: what "auto" may come to.

    usual:  the method of all layers that are not named.
    others: (layer, its method). Neither has heatmaps or edges: these are of one method.
    """

    usual: str
    others: tuple[tuple[str, str], ...]

    def of(self, layer: str) -> str:
        """The method of a layer."""
        return dict(self.others).get(layer, self.usual)

    def by_method(self, layers: Sequence[str]) -> dict[str, list[str]]:
        """The layers of each method, both in the order given."""
        found: dict[str, list[str]] = {}
        for layer in layers:
            found.setdefault(self.of(layer), []).append(layer)
        return found

    @property
    def name(self) -> str:
        """What it is called in answers: `gradient; integrated in layer1, layer2`."""
        named = ByLayer("", self.others).by_method([layer for layer, _ in self.others])
        return "; ".join([self.usual, *(f"{method} in {', '.join(layers)}" for method, layers in named.items())])

    @property
    def key(self) -> str:
        """What caches know it by."""
        return f"by layer {self.usual!r} {sorted(self.others)!r}"


Method = str | Composite | ByLayer


def checked(method: Method) -> Method:
    """The method, if there is one of that name; else ValueError that lists them."""
    if isinstance(method, Composite):
        if method.name in (*NAMED, "auto", ""):
            raise ValueError(f"a composite cannot be called {method.name!r}, which means something else; rename it")
        return method
    if isinstance(method, ByLayer) or method == "auto" or method in NAMED:
        return method
    raise ValueError(
        f"no method {method!r} to explain by; choose 'auto', {', '.join(map(repr, NAMED))}, or give a sl.Composite"
    )


def name_of(method: Method) -> str:
    """What a method is called in answers."""
    return method if isinstance(method, str) else method.name


def key_of(method: Method) -> str:
    """What caches know a method by."""
    return method if isinstance(method, str) else method.key


def called(method: Method) -> str:
    """What a method is called where people read it: "LRP-ε" for "lrp-epsilon"."""
    if isinstance(method, ByLayer):
        others = tuple((layer, called(of)) for layer, of in method.others)
        return ByLayer(called(method.usual), others).name
    return NAMED.get(method, method) if isinstance(method, str) else method.name


def _read_only(array: np.ndarray) -> np.ndarray:
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class Balance:
    """Where the target's value went on its way down to one layer, per image: all four add up to it.

    components: arrived at the layer's components: the sum of their relevance.
    bias:       was kept by the biases (and shifts of norms) above the layer.
    ways:       passed the layer by, through shortcuts around it.
    rest:       the remainder: what the stabiliser and operations with a constant term take (small in convolutional
                networks); for methods that are not LRP all that is not explained.
    """

    components: Float[np.ndarray, " image"]
    bias: Float[np.ndarray, " image"]
    ways: Float[np.ndarray, " image"]
    rest: Float[np.ndarray, " image"]

    def __post_init__(self) -> None:
        for name in ("components", "bias", "ways", "rest"):
            object.__setattr__(self, name, _read_only(getattr(self, name)))

    @classmethod
    def joined(cls, parts: Sequence[Balance]) -> Balance:
        """One balance over the images of several."""
        names = ("components", "bias", "ways", "rest")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True, eq=False)
class Attribution:
    """How much each component and each pixel contributed to a target.

    relevances: per layer [image component], summed over places, sign kept.
    heatmap:    [image height width], summed over the input's channels; None if it was not asked for, or the method has
                none ("integrated", "ablation").
    targets:    the target's value per image (a class: its logit).
    backend:    the name of the method that computed it.
    balances:   per layer, how the target's value is made up of components, biases and shortcuts.
    """

    relevances: Mapping[str, Float[np.ndarray, "image _"]]
    heatmap: Float[np.ndarray, "image height width"] | None
    targets: Float[np.ndarray, " image"]
    backend: str
    balances: Mapping[str, Balance] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frozen = {layer: _read_only(relevance) for layer, relevance in self.relevances.items()}
        object.__setattr__(self, "relevances", MappingProxyType(frozen))
        object.__setattr__(self, "targets", _read_only(self.targets))
        if self.heatmap is not None:
            object.__setattr__(self, "heatmap", _read_only(self.heatmap))

    @property
    def layers(self) -> tuple[str, ...]:
        """The asked layers, in the order asked."""
        return tuple(self.relevances)


@dataclass(frozen=True, eq=False)
class Heatmaps:
    """Where in the image the relevance of single components comes from.

    heatmaps:   [image component height width]: relevance that passed through that component of `layer`.
    components: [image component], which component each heatmap is of.
    relevance:  [image component], how much relevance the component had (started with, where there is no target).
    """

    layer: str
    components: Int[np.ndarray, "image component"]
    heatmaps: Float[np.ndarray, "image component height width"]
    relevance: Float[np.ndarray, "image component"]
    backend: str

    def __post_init__(self) -> None:
        for name in ("components", "heatmaps", "relevance"):
            object.__setattr__(self, name, _read_only(getattr(self, name)))


@dataclass(frozen=True, eq=False)
class Edges:
    """How components of lower layers feed components of an upper one: the edges of an attribution graph.

    relevances: per lower layer [image upper lower]: relevance of the lower component that reaches it through the
                upper one. Summed over all lower components it is the upper component's own, as far as rules conserve.
    relevance:  [image upper], the upper components' own relevance.
    """

    upper_layer: str
    upper_components: Int[np.ndarray, " upper"]
    relevances: Mapping[str, Float[np.ndarray, "image upper _"]]
    relevance: Float[np.ndarray, "image upper"]
    backend: str

    def __post_init__(self) -> None:
        frozen = {layer: _read_only(relevance) for layer, relevance in self.relevances.items()}
        object.__setattr__(self, "relevances", MappingProxyType(frozen))
        for name in ("upper_components", "relevance"):
            object.__setattr__(self, name, _read_only(getattr(self, name)))
