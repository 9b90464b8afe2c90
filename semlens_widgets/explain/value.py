"""The value: why a model said what it said about one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from .. import palette
from ..attribution.values import Balance
from ..circuit import Circuit
from ..components import Component, Components
from ..crops import active_boxes, cut, squared
from ..faithfulness import Faithfulness
from ..images import Window
from ..outputs import Kind
from ..passes import OnStep
from ..results import Result
from ..targets.choices import Found
from ..targets.value import Target
from ..vectors import freeze, frozen
from .source import ExplanationSource


@dataclass(frozen=True, eq=False)
class Explanation(Result):
    """Why a model said what it said about one picture.

    Attributes
    ----------
    picture, window
        The picture as a person sees it, and the part of it the model saw (shares of width and height).
    image
        Its number in the data set, or None for another picture.
    name
        What to call it.
    classes, logits, probabilities
        The model's answer, [class] each: one logit per class (a model that answers with probabilities: their logarithms
        or log-odds; one logit: its negative and itself), and what its softmax or sigmoid makes of them. Of a regression
        the logits are its numbers, the probabilities NaN. All empty of an answer without class scores: a segmentation,
        a detection, an embedding.
    target
        What is explained, by name: a class, or what `sl.targets` or a function gives.
    number
        Of a class its number, else None.
    value
        The number that is explained; of a class its logit.
    components
        The rows.
    relevance
        [component] of the explained layers, sign kept: an estimate of how much lower that would be without the
        component; see `reliability` for how good it is here, and `balance` for what is not relevance of components. NaN
        for layers with an encoder on top, which the model does not run through.
    heat
        [height width] of what the model saw: relevance of every pixel.
    backend
        The method that `relevance` was computed by.
    source
        What heatmaps and circuits are worked out from when they are asked for.
    kind
        "single", "binary", "multi" or "regression", as `outputs=` says; None where there are no class scores.
    note
        What to know about the names of classes, such as why they are numbers.
    maps
        The one behind heatmaps.
    chosen
        What "auto" chose and why, as in "auto (gradient: r .87 with switching off; LRP .43)"; empty where a method was
        asked for by name.
    reliability
        In one line how far `relevance` can be read as the effect of switching components off on this model; empty where
        that was not measured. `faithfulness` measures it for this picture.
    balances
        By layer, what is not relevance of its components, see `balance`.
    as_target
        What is explained, as a value of `sl.targets`.
    found
        What else can be, where the answer has no class scores: the classes of a map, or boxes.

    Examples
    --------
    >>> why = lens.explain(3)
    >>> component, relevance = why.top(1)[0]
    >>> why.heatmap(component).shape == why.heat.shape
    True
    """

    picture: Image.Image
    window: Window
    image: int | None
    name: str
    classes: tuple[str, ...]
    logits: Float[np.ndarray, " class"]
    probabilities: Float[np.ndarray, " class"]
    target: str
    number: int | None
    value: float
    components: Components
    relevance: Float[np.ndarray, " component"]
    heat: Float[np.ndarray, "height width"]
    backend: str
    source: ExplanationSource = field(repr=False)
    kind: Kind | None = "single"
    note: str = ""
    maps: str = ""
    chosen: str = ""
    reliability: str = ""
    balances: Mapping[str, Balance] = field(default_factory=dict, repr=False)
    as_target: Target | None = None
    found: Found | None = None

    def __post_init__(self) -> None:
        if self.relevance.shape != (len(self.components),):
            raise ValueError(f"relevance of shape {self.relevance.shape} for {len(self.components)} components")
        freeze(self, "logits", "probabilities", "relevance", "heat")

    def predictions(self, n: int = 5) -> list[tuple[str, float]]:
        """The n likeliest classes with their probabilities, likeliest first.

        Parameters
        ----------
        n
            How many.

        Returns
        -------
        list[tuple[str, float]]
            (class, probability in [0, 1]).

        Raises
        ------
        ValueError
            For a regression.
        """
        if self.kind == "regression":
            raise ValueError("a regression has no likeliest class; its numbers are in `logits`, by class")
        order = np.argsort(-self.probabilities, kind="stable")[:n]
        return [(self.classes[c], float(self.probabilities[c])) for c in order]

    def answers(self, n: int = 5) -> list[tuple[str, str]]:
        """What the model said, in words: its likeliest classes and probabilities, or the numbers of a regression.

        Parameters
        ----------
        n
            How many.

        Returns
        -------
        list[tuple[str, str]]
            (what, in words).
        """
        if self.kind == "regression":
            return [(name, f"{value:.4g}") for name, value in zip(self.classes[:n], self.logits[:n], strict=True)]
        return [(name, f"{probability:.1%}") for name, probability in self.predictions(n)]

    @property
    def share(self) -> Float[np.ndarray, " component"]:
        """Relevance divided by the sum of its absolute values in the layer: in [-1, 1], comparable over layers."""
        share = np.zeros_like(self.relevance)
        for layer in self.components.layers:
            rows = self.components.rows(layer)
            total = np.abs(self.relevance[rows]).sum()
            share[rows] = self.relevance[rows] / total if total > 0 else self.relevance[rows]
        return share

    def rows(self, n: int = 10, layer: str | None = None) -> list[int]:
        """The rows of the n components with the largest absolute share, of one layer or of all.

        Parameters
        ----------
        n
            How many.
        layer
            One layer; None for all.

        Returns
        -------
        list[int]
            Rows, the largest first.
        """
        chosen = np.arange(len(self.components))[self.components.rows(layer)]
        strength = np.nan_to_num(np.abs(self.share[chosen]), nan=-1.0)
        order = np.argsort(-strength, kind="stable")[:n]
        return [int(row) for row in chosen[order] if np.isfinite(self.relevance[row])]

    def top(self, n: int = 10, layer: str | None = None) -> list[tuple[Component, float]]:
        """The n components that mattered most, with their relevance, largest absolute share first.

        Parameters
        ----------
        n
            How many.
        layer
            One layer; None for all.

        Returns
        -------
        list[tuple[Component, float]]
            (component, relevance), in units of `value`.
        """
        return [(self.components[row], float(self.relevance[row])) for row in self.rows(n, layer)]

    def heatmap(self, component: int | str | Component) -> Float[np.ndarray, "height width"]:
        """Where in what the model saw the component's relevance comes from.

        Computed by `maps`. In networks with biases it adds up to less than the component's relevance, often to a few
        percent of it: what biases below the component contribute comes from no place. Read it as a picture of where,
        not of how much.

        Parameters
        ----------
        component
            A row, "layer4:57" or a `Component`.

        Returns
        -------
        float array [height width]
            Relevance of every pixel the model saw, in units of `value`.
        """
        return self.heatmaps([component])[0]

    def heatmaps(
        self, components: Sequence[int | str | Component], on_step: OnStep | None = None
    ) -> Float[np.ndarray, "component height width"]:
        """Conditional heatmaps of several components, computed together and remembered.

        Parameters
        ----------
        components
            Any number of them.
        on_step
            Called with (done, in all) while there is something to compute; what it raises ends the work.

        Returns
        -------
        float array [component height width]
            A map each.
        """
        rows = [self.components.row(component) for component in components]
        return frozen(np.stack(self.source.heatmaps(rows, on_step)))

    def region(self, component: int | str | Component, threshold: float = 0.01) -> Window:
        """The square of the picture that the component's relevance comes from: the rule of crops on its heatmap.

        Parameters
        ----------
        component
            A row, "layer4:57" or a `Component`.
        threshold
            Share of the map's maximum above which a place belongs to it.

        Returns
        -------
        Window
            (left, top, right, bottom) in shares of the picture, whose model input is `window` of it.
        """
        row = self.components.row(component)
        heat = self.heatmap(row) * (-1 if self.relevance[row] < 0 else 1)
        box = active_boxes(heat[None], threshold)
        found = squared(box, np.asarray([self.window], float), np.asarray([self.picture.size], float))[0]
        return float(found[0]), float(found[1]), float(found[2]), float(found[3])

    def overlay(self, component: int | str | Component | None = None, size: int = 256) -> Image.Image:
        """What the model saw, in grey, with relevance over it: green spoke for the target, violet against it.

        The strongest places are opaque. Colours are those of the windows, which are told apart in every kind of colour
        vision.

        Parameters
        ----------
        component
            One of them; None for everything.
        size
            The longer side in pixels.

        Returns
        -------
        Image.Image
            A PIL picture.
        """
        heat = self.heat if component is None else self.heatmap(component)
        seen = cut(self.picture, self.window).convert("L")
        longest = max(seen.size)
        seen = seen.resize((max(1, seen.width * size // longest), max(1, seen.height * size // longest)))
        peak = float(np.abs(heat).max())
        shown = Image.fromarray((heat / peak if peak > 0 else heat).astype(np.float32))
        strength = np.asarray(shown.resize(seen.size, Image.Resampling.BILINEAR))[..., None]
        grey = np.repeat(np.asarray(seen, np.float32)[..., None] / 255, 3, axis=2)
        colour = palette.theme("light").diverging(np.sign(strength[..., 0]))
        alpha = np.sqrt(np.clip(np.abs(strength), 0, 1))
        mixed = grey * (1 - alpha) + colour * alpha
        return Image.fromarray(np.round(np.clip(mixed, 0, 1) * 255).astype(np.uint8))

    def balance(self, layer: str) -> dict[str, float]:
        """What the target's value is made of, seen from one layer: the four add up to it.

        "components": the sum of their relevance. "bias": what biases above the layer keep. "ways": what passed the
        layer by, through shortcuts. "rest": what is left. Methods that are not LRP tell the last three together, as
        "rest".

        Parameters
        ----------
        layer
            One of the explained layers.

        Returns
        -------
        dict[str, float]
            The four parts, by name, in units of `value`.

        Raises
        ------
        KeyError
            For a layer that was not explained.
        """
        if layer not in self.balances:
            raise KeyError(f"no balance of layer {layer!r}; explained were {', '.join(self.components.layers)}")
        found = self.balances[layer]
        return {name: float(getattr(found, name)[0]) for name in ("components", "bias", "ways", "rest")}

    @property
    def faithfulness(self) -> Faithfulness:
        """How near this explanation's relevance comes to switching components off in this very picture.

        Measured when first asked for, on at most 64 components a layer: two passes from the layer on for each.
        """
        return self.source.faithfulness(self.backend, self.maps)

    def circuit(self, top: int = 4, depth: int = 3, on_step: OnStep | None = None) -> Circuit:
        """How the most relevant components feed each other for this prediction: see `Circuit`.

        Parameters
        ----------
        top
            The components followed at the target, and below each component.
        depth
            How many layers are walked, from the highest explained one downwards.
        on_step
            Called with (done, in all); what it raises ends the work.

        Returns
        -------
        Circuit
            Nodes and edges.
        """
        return self.source.circuit(self.relevance, self.backend, self.target, top, depth, on_step)

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per component, largest absolute share first."""
        share = self.share
        return [
            {
                "component": str(self.components[row]),
                "row": row,
                "relevance": float(self.relevance[row]),
                "share": float(share[row]),
            }
            for row in self.rows(len(self.components))
        ]

    def __repr__(self) -> str:
        said = "".join(f"{name} ({value}); " for name, value in self.answers(1))
        top = ", ".join(f"{component} {value:+.3g}" for component, value in self.top(3))
        return (
            f"<Explanation of {self.name}: {said}{self.target} {self.value:.3g} ({self.how}) from {top}, …"
            + "".join(f" {said}." for said in (self.note, self.reliability) if said)
            + ">"
        )

    @property
    def weak(self) -> bool:
        """Whether relevance was measured to say little about switching off in some of the layers."""
        return self.source.weak

    @property
    def how(self) -> str:
        """The method, and why it was chosen where "auto" did."""
        return self.chosen or self.backend

    def _repr_html_(self) -> str:
        answers = ", ".join(f"{escape(name)} {value}" for name, value in self.answers()) or "an answer without classes"
        note = "".join(f"<p>{escape(said)}.</p>" for said in (self.note, self.reliability) if said)
        share = self.share
        lines = "".join(
            f"<tr><td>{escape(str(self.components[row]))}</td><td>{self.relevance[row]:+.3g}</td>"
            f"<td>{share[row]:+.1%}</td></tr>"
            for row in self.rows(8)
        )
        return (
            f"<p>{escape(self.name)}: {answers}. "
            f"Explained: {escape(self.target)} = {self.value:.3g}, {escape(self.how)}.</p>{note}"
            f"<table><tr><th>component</th><th>relevance</th><th>of its layer</th></tr>{lines}</table>"
        )
