"""What attribution answers with: frozen values with read-only arrays, free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

Backend = Literal["auto", "lrp", "gradient", "zennit"]
Used = Literal["lrp", "gradient", "zennit"]


def _read_only(array: np.ndarray) -> np.ndarray:
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class Attribution:
    """How much each component and each pixel contributed to a target.

    relevances: per layer [image component], summed over places, sign kept (negative: spoke against the target).
    heatmap:    [image height width], summed over the input's channels; None if it was not asked for.
    targets:    the target's value per image (a class: its logit). Relevance is a decomposition of this number.
    backend:    "lrp", "gradient" or "zennit", whichever computed it.
    """

    relevances: Mapping[str, Float[np.ndarray, "image _"]]
    heatmap: Float[np.ndarray, "image height width"] | None
    targets: Float[np.ndarray, " image"]
    backend: Used

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
    backend: Used

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
    backend: Used

    def __post_init__(self) -> None:
        frozen = {layer: _read_only(relevance) for layer, relevance in self.relevances.items()}
        object.__setattr__(self, "relevances", MappingProxyType(frozen))
        for name in ("upper_components", "relevance"):
            object.__setattr__(self, name, _read_only(getattr(self, name)))
