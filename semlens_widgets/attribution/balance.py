"""What biases, shortcuts and constants keep of a target's value on its way down to a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from semlens_widgets.attribution.affine import Affine
from semlens_widgets.attribution.rules import BatchNorm, Summed
from semlens_widgets.attribution.tape import Node
from semlens_widgets.attribution.values import Balance


class Ledger:
    """Entered by a tape for each node that relevance passes; knows for each layer what lies above it.

    What is not laid out by images, as queries, keys and values on one axis, is not entered: it stays unexplained.
    """

    def __init__(self, nodes: Sequence[Node], layers: Mapping[str, Node], images: int) -> None:
        self.layers, self.images = layers, images
        self.above = {name: _above(nodes, node) for name, node in layers.items()}
        self.bias: dict[str, Tensor | float] = dict.fromkeys(layers, 0.0)
        self.ways: dict[str, Tensor | float] = dict.fromkeys(layers, 0.0)

    def enter(self, node: Node, here: Tensor, sent: Sequence[Tensor | None]) -> None:
        """Relevance [1 image ...] that came to a node, and what it sent to each parent that was asked for."""
        over = [name for name, above in self.above.items() if node in above]
        if not over:
            return
        if not all(self._by_images(part) for part in (here, *sent) if part is not None):
            return
        shares = [None if share is None else self._total(share) for share in sent]
        kept = self._total(here) - sum((share for share in shares if share is not None), torch.zeros(()).double())
        asked = all(share is not None for share in shares)
        for name in over:
            if not asked:
                self.ways[name] = self.ways[name] + kept  # the others' shares are not computed
            elif isinstance(node.pull, Affine | BatchNorm | Summed):
                self.bias[name] = self.bias[name] + kept
            for parent, share in zip(node.parents, shares, strict=True):
                if share is not None and parent is not self.layers[name] and parent not in self.above[name]:
                    self.ways[name] = self.ways[name] + share

    def _by_images(self, relevance: Tensor) -> bool:
        """Whether images, or the windows of one after the other, are the first axis."""
        return relevance.ndim > 1 and relevance.shape[1] % self.images == 0

    def _total(self, relevance: Tensor) -> Tensor:
        return _total(relevance.reshape(1, self.images, -1))

    def balances(self, start: Tensor, arrived: Mapping[str, Tensor]) -> dict[str, Balance]:
        """Per layer, for relevance [1 image ...] at the output and at the layers."""
        value = _total(start)
        found = {}
        for name, signal in arrived.items():
            parts = (
                _total(signal),
                torch.zeros_like(value) + self.bias[name],
                torch.zeros_like(value) + self.ways[name],
            )
            found[name] = Balance(*(_numbers(part) for part in (*parts, value - sum(parts))))
        return found


def _above(nodes: Sequence[Node], layer: Node) -> set[Node]:
    """The nodes that depend on a layer's value."""
    above = {layer}
    for node in nodes[layer.number + 1 :]:
        if any(parent in above for parent in node.parents):
            above.add(node)
    return above - {layer}


def _total(relevance: Tensor) -> Tensor:
    """Per image, [1 image ...] summed in double precision."""
    wide = torch.float32 if relevance.device.type == "mps" else torch.float64
    return relevance[0].reshape(relevance.shape[1], -1).sum(1, dtype=wide).cpu().double()


def _numbers(total: Tensor) -> np.ndarray:
    return total.float().numpy()
