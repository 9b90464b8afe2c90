"""Circuits: which components feed which, for one prediction or for a class, as a graph of values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from .attribution.values import name_of
from .components import Component, Components
from .model import Layer, in_order
from .passes import OnStep
from .results import Result

if TYPE_CHECKING:
    import networkx
    import torch


@dataclass(frozen=True)
class CircuitNode:
    """A component in a circuit: its row, how many layers it lies below the highest (0 there), its relevance."""

    component: Component
    row: int
    level: int
    relevance: float


@dataclass(frozen=True)
class CircuitEdge:
    """Relevance of the lower component that reaches it through the upper one; upper is None for the target."""

    upper: Component | None
    lower: Component
    relevance: float


@dataclass(frozen=True)
class Circuit(Result):
    """The attribution graph: the components that carried a target, and those that carried them, level by level.

    In each image everything is divided by the sum of absolute relevance in the highest layer, and then averaged over
    the images: numbers are shares of that layer, and what flows into a component can be compared with what it passes
    on. Nodes are sorted by level and size, edges by upper component and size. A node's relevance is that for the
    target, by whatever way; its edges are the ways through the components shown. Edges need a method of one way back
    through the network; nodes may be by a better one: `backend` then says `integrated; edges gradient`. (Achtibat et
    al. 2023)

    Attributes
    ----------
    target
        What is explained, by name.
    nodes
        The components with their level and relevance.
    edges
        What passes between two of them.
    images
        Over how many images they are means.
    backend
        The method.

    Examples
    --------
    >>> circuit = lens.explain(3).circuit(top=2, depth=2)
    >>> all(edge.upper is None or edge.upper != edge.lower for edge in circuit.edges)
    True
    """

    target: str
    nodes: tuple[CircuitNode, ...]
    edges: tuple[CircuitEdge, ...]
    images: int
    backend: str

    def below(self, component: Component | None) -> list[CircuitEdge]:
        """The edges from a component downwards; from the target for None.

        Parameters
        ----------
        component
            One of the nodes; None for the target.

        Returns
        -------
        list[CircuitEdge]
            The largest first.
        """
        return [edge for edge in self.edges if edge.upper == component]

    def above(self, component: Component) -> list[CircuitEdge]:
        """The edges from a component upwards.

        Parameters
        ----------
        component
            One of the nodes.

        Returns
        -------
        list[CircuitEdge]
            The largest first.
        """
        return [edge for edge in self.edges if edge.lower == component]

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per edge; the target stands as upper under its own name."""
        sizes = {node.component: node.relevance for node in self.nodes}
        return [
            {
                "upper": self.target if edge.upper is None else str(edge.upper),
                "lower": str(edge.lower),
                "relevance": edge.relevance,
                "lower_relevance": sizes[edge.lower],
            }
            for edge in self.edges
        ]

    def to_document(self) -> dict[str, Any]:
        """Nodes and edges as plain JSON values, components by name."""
        nodes = [
            {"component": str(n.component), "row": n.row, "level": n.level, "relevance": n.relevance}
            for n in self.nodes
        ]
        edges = [
            {"upper": None if e.upper is None else str(e.upper), "lower": str(e.lower), "relevance": e.relevance}
            for e in self.edges
        ]
        return {"target": self.target, "images": self.images, "backend": self.backend, "nodes": nodes, "edges": edges}

    def to_json(self) -> str:
        """Nodes and edges as JSON text."""
        return json.dumps(self.to_document(), ensure_ascii=False, indent=1, allow_nan=False)

    def to_networkx(self) -> networkx.DiGraph:
        """A directed graph from the target downwards: nodes by name with level, layer, index and relevance."""
        import networkx

        graph = networkx.DiGraph()
        graph.graph |= {"target": self.target, "images": self.images, "backend": self.backend}
        graph.add_node(self.target, level=-1)
        for node in self.nodes:
            c = node.component
            graph.add_node(str(c), level=node.level, layer=c.layer, index=c.index, relevance=node.relevance)
        for edge in self.edges:
            upper = self.target if edge.upper is None else str(edge.upper)
            graph.add_edge(upper, str(edge.lower), relevance=edge.relevance)
        return graph

    def __repr__(self) -> str:
        over = "one picture" if self.images == 1 else f"{self.images} pictures"
        return (
            f"<Circuit of {self.target}: {len(self.nodes)} components, {len(self.edges)} edges over {over}; "
            f"{self.backend}>"
        )

    def _repr_html_(self) -> str:
        lines = "".join(
            f"<tr><td>{escape(row['upper'])}</td><td>{escape(row['lower'])}</td><td>{row['relevance']:+.1%}</td></tr>"
            for row in self.to_rows()
        )
        return f"<p>{escape(repr(self))}</p><table><tr><th>upper</th><th>lower</th><th>share</th></tr>{lines}</table>"


def trace_circuit(
    model: torch.nn.Module,
    inputs: torch.Tensor,
    goal: Any,
    layers: Sequence[Layer],
    backend: Any,
    *,
    target: str,
    components: Components | None = None,
    top: int = 4,
    depth: int = 3,
    nodes: Any = None,
    relevance: Mapping[str, Float[np.ndarray, "image _"]] | None = None,
    by: str = "",
    on_step: OnStep | None = None,
) -> Circuit:
    """The circuit of a target (as in `attribute`) over one or several images [image channel height width].

    layers: those that may be walked, in any order; they are walked from the one nearest the output downwards, `depth`
    of them. components: the rows that nodes are named by; None for those of the walked layers. backend: the method of
    the edges; nodes: that of the components' own relevance, by default the same. Where that is known already it is
    `relevance`, per layer, and `by` the name of its method.
    """
    from .attribution import attribute, edges

    if top < 1 or depth < 1:
        raise ValueError(f"top={top}, depth={depth}; both are at least 1")
    if not len(layers):
        raise ValueError("none of the layers has relevance for a prediction; there is no circuit")
    walked = in_order(model, inputs[:1], layers)[::-1][:depth]
    if relevance is None:
        found = attribute(model, inputs, goal, walked, nodes or backend, heatmap=False)
        relevance, by = found.relevances, found.backend
    of_ways = relevance
    if by != name_of(backend):
        of_ways = attribute(model, inputs, goal, walked[:1], backend, heatmap=False).relevances
    components = components or _components(walked, relevance)
    weight, way_weight = (_weights(of[walked[0].name]) for of in (relevance, of_ways))
    size = {layer.name: weight @ relevance[layer.name] for layer in walked}
    first = _strongest(size[walked[0].name], top)
    begin = {layer.name: components.rows(layer.name).start for layer in walked}  # type: ignore[union-attr]
    levels = {begin[walked[0].name] + n: 0 for n in first}
    ways: list[tuple[int | None, int, float]] = [
        (None, begin[walked[0].name] + n, float(size[walked[0].name][n])) for n in first
    ]
    uppers, ways_by = first, by
    for level, (upper, lower) in enumerate(pairwise(walked), start=1):
        if on_step is not None:
            on_step(level - 1, len(walked) - 1)
        sent = edges(model, inputs, goal, upper, uppers, [lower], backend)
        ways_by = sent.backend
        flow = np.einsum("i,iul->ul", way_weight, sent.relevances[lower.name])
        below: list[int] = []
        for number, amounts in zip(uppers, flow, strict=True):
            for n in _strongest(amounts, top):
                ways.append((begin[upper.name] + number, begin[lower.name] + n, float(amounts[n])))
                below.append(n)
        uppers = list(dict.fromkeys(below))
        levels |= {begin[lower.name] + n: level for n in uppers}
        if not uppers:
            break
    if on_step is not None and len(walked) > 1:
        on_step(len(walked) - 1, len(walked) - 1)
    total = {begin[name] + n: float(value) for name, values in size.items() for n, value in enumerate(values)}
    made = [CircuitNode(components[row], row, level, total[row]) for row, level in levels.items()]
    return Circuit(
        target,
        tuple(sorted(made, key=lambda node: (node.level, -abs(node.relevance), node.row))),
        tuple(CircuitEdge(None if up is None else components[up], components[low], v) for up, low, v in ways),
        len(inputs),
        by if by == ways_by else f"{by}; edges {ways_by}",
    )


def _components(layers: Sequence[Layer], relevance: Mapping[str, np.ndarray]) -> Components:
    sizes = tuple(relevance[layer.name].shape[1] for layer in layers)
    return Components(tuple(layer.name for layer in layers), sizes, tuple(layer.signed for layer in layers))


def _weights(relevance: Float[np.ndarray, "image component"]) -> Float[np.ndarray, " image"]:
    """What makes relevance of each image a share of the highest layer's, and the sum over images their mean."""
    scale = np.abs(relevance).sum(1, dtype=np.float64)
    return np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0) / len(relevance)


def _strongest(amounts: np.ndarray, top: int) -> list[int]:
    """The numbers of the `top` largest absolute amounts that are not nothing, largest first."""
    order = np.argsort(-np.abs(amounts), kind="stable")[:top]
    return [int(n) for n in order if amounts[n] != 0]
