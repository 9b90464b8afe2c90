"""The functional role of a component: what it stands for, which classes it speaks for, what feeds it, what it feeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from .components import Component, Components
from .examples import ConceptExamples
from .images import Images
from .model import Layer, Pooling, recording, stack
from .passes import OnStep
from .relevance import Relevance
from .warned import Renamed

if TYPE_CHECKING:
    import torch

_EXAMPLES, _CANDIDATES, _SHOWN = 6, 32, 4
_CLASSES = 3  # in a text
_WORTH = 0.01  # of a layer's relevance: what is less is not worth a word



@dataclass(frozen=True)
class Streams:
    """What feeds a component in the layer below, and what it feeds in the layer above.

    Attributes
    ----------
    lower, upper
        The layers; None where there is none.
    upstream, downstream
        (row, share), the largest first: the share of all that feeds the upper component, sign kept, in the mean over
        the component's strongest examples.
    images
        Over how many examples.

    Examples
    --------
    >>> streams = lens.role("layer4:57").streams
    >>> streams.lower, streams.upper
    ('layer3', None)
    """

    lower: str | None
    upper: str | None
    upstream: tuple[tuple[int, float], ...]
    downstream: tuple[tuple[int, float], ...]
    images: int

    fed = Renamed("upstream")
    feeds = Renamed("downstream")


def streams(
    examples: ConceptExamples,
    model: torch.nn.Module,
    images: Images,
    layers: Sequence[Layer],
    row: int,
    *,
    pooling: Pooling = "max",
    on_step: OnStep | None = None,
) -> Streams:
    """Follow relevance through one component, a layer down and a layer up, on its strongest examples.

    Above, those components are tried that stand out most on the examples. `on_step` is told how far it is and may
    raise to end it. (CRP: relevance of the lower component conditioned on the upper one)
    """
    components = examples.components
    at = int(components.layer_numbers[row])
    starts = np.concatenate([[0], np.cumsum(components.sizes)])
    count = min(_EXAMPLES, int(examples.counts[row]))
    tensors = [images.tensor(int(i)) for i in examples.images[row, :count]]
    upstream: tuple[tuple[int, float], ...] = ()
    downstream: tuple[tuple[int, float], ...] = ()

    def step(done: int) -> None:
        if on_step is not None:
            on_step(done, 2 * count)

    if at > 0 and count:
        shares = _passed(model, layers[at], [row - int(starts[at])], layers[at - 1], tensors, lambda i: step(i))
        upstream = _largest(shares[0], np.arange(len(shares[0])) + int(starts[at - 1]))
    if at + 1 < len(layers) and count:
        above = _outstanding(examples, model, layers[at + 1], at + 1, tensors, pooling)
        shares = _passed(model, layers[at + 1], above, layers[at], tensors, lambda i: step(count + i))
        downstream = _largest(shares[:, row - int(starts[at])], np.asarray(above) + int(starts[at + 1]))
    upper = layers[at + 1].name if at + 1 < len(layers) else None
    return Streams(layers[at - 1].name if at > 0 else None, upper, upstream, downstream, count)


def _passed(
    model: torch.nn.Module,
    upper: Layer,
    numbers: Sequence[int],
    lower: Layer,
    tensors: Sequence[Any],
    step: Callable[[int], None],
) -> Float[np.ndarray, "upper lower"]:
    """The share of what feeds each upper component that comes from each lower one, mean over images."""
    from .attribution import edges

    total = np.zeros(())
    for done, tensor in enumerate(tensors):
        step(done)
        values = edges(model, stack([tensor]), None, upper, numbers, lower).relevances[lower.name][0]
        total = total + values / np.maximum(np.abs(values).sum(1, keepdims=True), 1e-12)
    return total / len(tensors)


def _outstanding(
    examples: ConceptExamples,
    model: torch.nn.Module,
    layer: Layer,
    at: int,
    tensors: Sequence[Any],
    pooling: Pooling,
) -> list[int]:
    """The components of a layer that respond to these images most above their mean over the data set."""
    with recording(model, (layer,)) as recorder:
        responses = recorder.responses(list(tensors), pooling)[layer.name].values
    rows = examples.components.rows(examples.components.layers[at])
    spread = np.sqrt(np.maximum(examples.statistics.variance[rows], 1e-12))
    order = np.argsort(-((responses.mean(0) - examples.statistics.mean[rows]) / spread), kind="stable")
    return [int(i) for i in order[:_CANDIDATES]]


def _largest(shares: np.ndarray, rows: np.ndarray) -> tuple[tuple[int, float], ...]:
    order = np.argsort(-np.abs(shares), kind="stable")[:_SHOWN]
    return tuple((int(rows[i]), float(shares[i])) for i in order)


@dataclass(frozen=True, eq=False)
class Role:
    """What a component does, as far as it is known, and in one paragraph as `text`.

    Attributes
    ----------
    component
        The component.
    components
        The rows that `streams` speak of.
    name
        What it is called; None: unexplained.
    closest
        The word that comes nearest.
    others
        Its further words.
    classes
        (class, mean relevance as a share of its layer, sign kept), the largest first; () where relevance was not
        computed.
    streams
        What feeds it and what it feeds; None where the model is not at hand.
    called
        The names of the components in `streams`, by row.

    Examples
    --------
    >>> role = lens.role("layer4:57")
    >>> str(role.component), "layer4:57" in role.text
    ('layer4:57', True)
    """

    component: Component
    components: Components
    name: str | None
    closest: str | None
    others: tuple[str, ...]
    classes: tuple[tuple[str, float], ...]
    streams: Streams | None
    called: dict[int, str]

    @property
    def text(self) -> str:
        """The role in words; what is not known is left out, what is known to be nothing is said."""
        if self.name is not None:
            also = f" (then {', '.join(self.others)})" if self.others else ""
            parts = [f"{self.component} stands for “{self.name}”{also}"]
        elif self.closest is not None:
            parts = [f"{self.component} is unexplained; the closest word is “{self.closest}”"]
        else:
            parts = [f"{self.component} has no label yet"]
        if self.classes:
            worth = [(c, v) for c, v in self.classes if abs(v) >= _WORTH][:_CLASSES]
            spoken = [
                f"{word} {', '.join(f'{c} ({v:+.1%} of its layer)' for c, v in some)}"
                for word, some in (
                    ("for", [p for p in worth if p[1] > 0]), ("against", [p for p in worth if p[1] < 0]),
                )
                if some
            ]  # fmt: skip
            parts.append(f"it speaks {' and '.join(spoken)}" if spoken else "it hardly speaks for or against any class")
        for verb, streams in self._streams():
            parts.append(f"{verb} {', '.join(self._called(row, share) for row, share in streams)}")
        return "; ".join(parts) + "."

    def _streams(self) -> list[tuple[str, tuple[tuple[int, float], ...]]]:
        if self.streams is None:
            return []
        both = (("upstream:", self.streams.upstream), ("downstream:", self.streams.downstream))
        worth = [(verb, tuple(p for p in some if abs(p[1]) >= _WORTH)) for verb, some in both]
        return [(verb, some) for verb, some in worth if some]

    def _called(self, row: int, share: float) -> str:
        name = self.called.get(row)
        return f"{self.components[row]}{f' “{name}”' if name else ''} ({share:+.0%})"

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per thing known: component, what ("class", "upstream", "downstream"), name, share."""
        rows: list[dict[str, Any]] = [
            {"component": str(self.component), "what": "class", "name": c, "share": v} for c, v in self.classes
        ]
        known = self.streams
        for what, some in (("upstream", known.upstream), ("downstream", known.downstream)) if known else ():
            rows += [
                {"component": str(self.component), "what": what, "name": str(self.components[row]), "share": share}
                for row, share in some
            ]
        return rows

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.text)}</p>"


def class_relevance(relevance: Relevance, row: int) -> tuple[tuple[str, float], ...]:
    """(class, mean relevance) of one component, the largest first; classes without images are left out."""
    seen = np.flatnonzero(relevance.counts)
    mean = relevance.mean[seen, row]
    order = np.argsort(-np.abs(mean), kind="stable")
    return tuple((relevance.classes[int(seen[i])], float(mean[i])) for i in order)
