"""One prediction explained: which components carried it, where in the picture, and through which others."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from . import palette
from .attribution.values import Balance, Composite, Method, checked
from .circuit import Circuit, trace_circuit
from .components import Component, Components
from .crops import active_boxes, cut, squared
from .faithfulness import Choice, Faithfulness, choose, choose_for, measure
from .faithfulness import known as known_choice
from .images import Images, Window, rgb
from .model import Layer, Layers, resolve, stack
from .outputs import Chosen, Kind, NoClasses, Outputs, answering, ask, decided
from .passes import OnStep
from .results import Result
from .targets.choices import Found, found_in
from .targets.given import Targetlike, goal_of, of
from .targets.goal import Asked, Goal
from .targets.value import Target
from .vectors import freeze, frozen
from .warned import warn

if TYPE_CHECKING:
    import torch

_SAMPLE = 64  # components that `faithfulness` switches off in each layer
_A_WHILE = 10.0  # seconds of which is told before


@dataclass(frozen=True, eq=False)
class Explanation(Result):
    """Why a model said what it said about one picture.

    picture, window: the picture as a person sees it, and the part of it the model saw (shares of width and height).
    image:      its number in the data set, or None for another picture; `name` is what to call it.
    classes, logits, probabilities: the model's answer, [class] each: one logit per class (a model that answers with
                probabilities: their logarithms or log-odds; one logit: its negative and itself), and what its softmax
                or sigmoid makes of them. Of a regression the logits are its numbers, the probabilities NaN. All empty
                of an answer without class scores: a segmentation, a detection, an embedding.
    kind:       "single", "binary", "multi" or "regression", as `outputs=` says; None where there are no class scores.
    note:       what to know about the names of classes, such as why they are numbers.
    target:     what is explained, by name: a class, or what `sl.targets` or a function gives. `number` is that of a
                class, else None; `value` the number itself, of a class its logit.
    relevance:  [component] of the explained layers, sign kept: an estimate of how much lower that would be without
                the component; see `reliability` for how good it is here, and `balance` for what is not relevance of
                components. NaN for layers with an encoder on top, which the model does not run through.
    heat:       [height width] of what the model saw: relevance of every pixel.
    backend:    the method that `relevance` was computed by, `maps` the one behind heatmaps.
    chosen:     what "auto" chose and why, as in "auto (gradient: r .87 with switching off; LRP .43)"; empty where a
                method was asked for by name.
    reliability: in one line how far `relevance` can be read as the effect of switching components off on this model;
                empty where that was not measured. `faithfulness` measures it for this picture.
    as_target:  what is explained, as a value of `sl.targets`.
    balances:   by layer, what is not relevance of its components, see `balance`. `source` is what heatmaps and circuits
                are worked out from when they are asked for.
    found:      what else can be, where the answer has no class scores: the classes of a map, or boxes.
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
        """The n likeliest classes with their probabilities, likeliest first. ValueError for a regression."""
        if self.kind == "regression":
            raise ValueError("a regression has no likeliest class; its numbers are in `logits`, by class")
        order = np.argsort(-self.probabilities, kind="stable")[:n]
        return [(self.classes[c], float(self.probabilities[c])) for c in order]

    def answers(self, n: int = 5) -> list[tuple[str, str]]:
        """What the model said, in words: its likeliest classes and probabilities, or the numbers of a regression."""
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
        """The rows of the n components with the largest absolute share, of one layer or of all."""
        chosen = np.arange(len(self.components))[self.components.rows(layer)]
        strength = np.nan_to_num(np.abs(self.share[chosen]), nan=-1.0)
        order = np.argsort(-strength, kind="stable")[:n]
        return [int(row) for row in chosen[order] if np.isfinite(self.relevance[row])]

    def top(self, n: int = 10, layer: str | None = None) -> list[tuple[Component, float]]:
        """The n components that mattered most, with their relevance, largest absolute share first."""
        return [(self.components[row], float(self.relevance[row])) for row in self.rows(n, layer)]

    def heatmap(self, component: int | str | Component) -> Float[np.ndarray, "height width"]:
        """Where in what the model saw the component's relevance comes from.

        Computed by `maps`. In networks with biases it adds up to less than the component's relevance, often to a few
        percent of it: what biases below the component contribute comes from no place. Read it as a picture of where,
        not of how much.
        """
        return self.heatmaps([component])[0]

    def heatmaps(
        self, components: Sequence[int | str | Component], on_step: OnStep | None = None
    ) -> Float[np.ndarray, "component height width"]:
        """Conditional heatmaps of several components, computed together and remembered.

        on_step is called with (done, in all) while there is something to compute; what it raises ends the work.
        """
        rows = [self.components.row(component) for component in components]
        return frozen(np.stack(self.source.heatmaps(rows, on_step)))

    def region(self, component: int | str | Component, threshold: float = 0.01) -> Window:
        """The square of the picture that the component's relevance comes from: the rule of crops on its heatmap.

        (left, top, right, bottom) in shares of the picture, whose model input is `window` of it.
        """
        row = self.components.row(component)
        heat = self.heatmap(row) * (-1 if self.relevance[row] < 0 else 1)
        box = active_boxes(heat[None], threshold)
        found = squared(box, np.asarray([self.window], float), np.asarray([self.picture.size], float))[0]
        return float(found[0]), float(found[1]), float(found[2]), float(found[3])

    def overlay(self, component: int | str | Component | None = None, size: int = 256) -> Image.Image:
        """What the model saw, in grey, with relevance over it: green spoke for the target, violet against it.

        Of one component, or of everything (None); `size` is the longer side in pixels. The strongest places are
        opaque. Colours are those of the windows, which are told apart in every kind of colour vision.
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
        "rest". KeyError for a layer that was not explained.
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

        top: the components followed at the target, and below each component; depth: how many layers are walked,
        from the highest explained one downwards.
        """
        return self.source.circuit(self, top, depth, on_step)

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


class ExplanationSource:
    """Model, input and target behind an explanation: what its heatmaps and circuit are computed from when asked."""

    def __init__(self, model: torch.nn.Module, inputs: torch.Tensor, layers: tuple[Layer, ...], goal: Goal) -> None:
        self.model, self.inputs, self.layers, self.goal = model, inputs, layers, goal
        self.maps: Any = "auto"  # the method behind heatmaps
        self.ways: Any = "auto"  # the method behind circuits
        self.method: Any = "auto"  # the method behind relevance, where it was given as a composite
        self.components: Components
        self._heatmaps: dict[int, np.ndarray] = {}
        self._faithfulness: Faithfulness | None = None
        self.weak = False
        self._lock = threading.Lock()

    def heatmaps(self, rows: list[int], on_step: OnStep | None) -> list[np.ndarray]:
        from .attribution import heatmaps

        with self._lock, answering(self.model, self.goal.read):
            missing = [row for row in dict.fromkeys(rows) if row not in self._heatmaps]
            finished = 0
            for layer in self.layers:
                span = self.components.rows(layer.name)
                assert isinstance(span, slice)
                mine = [row for row in missing if span.start <= row < span.stop]
                if not mine:
                    continue
                step = None if on_step is None else _onwards(on_step, finished, len(missing))
                numbers = np.asarray(mine) - span.start
                found = heatmaps(self.model, self.inputs, self.goal, layer, numbers, self.maps, on_step=step)
                self._heatmaps.update(zip(mine, found.heatmaps[0], strict=True))
                finished += len(mine)
            return [self._heatmaps[row] for row in rows]

    def faithfulness(self, backend: str, maps: str) -> Faithfulness:
        with self._lock, answering(self.model, self.goal.read):
            if self._faithfulness is None:
                layers = [layer for layer in self.layers if has_relevance(layer)]
                methods = [self.method if isinstance(self.method, Composite) else backend]
                of_maps = [self.maps if isinstance(self.maps, Composite) else maps]
                self._faithfulness = measure(
                    self.model, self.inputs, self.goal, layers, methods, of_maps, sample=_SAMPLE
                )
            return self._faithfulness

    def circuit(self, explained: Explanation, top: int, depth: int, on_step: OnStep | None) -> Circuit:
        known = [
            layer for layer in self.layers if np.isfinite(explained.relevance[self.components.rows(layer.name)]).all()
        ]
        with answering(self.model, self.goal.read):
            return trace_circuit(
                self.model, self.inputs, self.goal, known, self.ways, components=self.components,
                target=explained.target, top=top, depth=depth, on_step=on_step,
            )  # fmt: skip


def _onwards(on_step: OnStep, finished: int, total: int) -> OnStep:
    return lambda done, _: on_step(finished + done, total)


def explain(
    model: torch.nn.Module,
    images: Images,
    image: int | Image.Image,
    layers: Layers,
    target: Targetlike = None,
    *,
    method: Method = "auto",
    output: Chosen = None,
    outputs: Kind | Outputs | NoClasses | None = None,
    name: str | None = None,
    choice: Choice | None = None,
    on_step: OnStep | None = None,
) -> Explanation:
    """Which components of the layers carried the model's prediction for one picture.

    images: the data set, which says how a picture becomes the model's input and what the classes are called.
    image:  a number in the data set, or any PIL picture.
    target: a class by name or number, a value of `sl.targets` (a place of a segmentation, a box, a text, …), a function
            that gives one number per image, or None for what the model predicts: its class, of a segmentation the
            largest class where it is predicted, of a detection the surest box. A function is given the class scores
            [image class], or the model's whole answer where it has none or the function asks for a part of it.
    method: how: "auto" chooses by what it measures on a few pictures of the data set, once for a model and its layers
            (see `faithfulness`); "gradient" (activation × gradient), "integrated" (the same on the way to being off:
            nearer to the effect of switching off, 16 passes a layer), "ablation" (that effect itself: a pass for every
            component), "lrp" and its kin, or a `Composite`. Heatmaps of "integrated" and "ablation" are by "lrp".
    choice: what was measured of this model before; by default measured here.
    output: the part of the model's answer that holds the class scores, by name or number, or a function that gives it.
    outputs: "single", "binary", "multi" or "regression": what the scores mean. See `outputs.decide` for both.

    on_step is called with (passes done, in all); what it raises ends the work. KeyError with the nearest name for an
    unknown class; ValueError where the answer has no class scores or does not say which they are. The model is left as
    it was.
    """
    from .attribution import attribute

    checked(method)
    wanted = resolve(model, layers)
    possible = tuple(layer for layer in wanted if has_relevance(layer)) or wanted
    if isinstance(image, Image.Image):
        picture, number = rgb(image, images.value_range), None
        item = images.prepared(picture)
    else:
        if not 0 <= image < len(images):
            raise IndexError(f"image {image}; the data set has 0 to {len(images) - 1}")
        number = int(image)
        picture, item = images.picture(number), images.tensor(number)
    inputs = stack([item])
    read = outputs if isinstance(outputs, Outputs | NoClasses) else decided(model, images, output, outputs, inputs)
    asked = Asked(model, images, picture, inputs, True, output, read)
    goal, as_target = goal_of(of(target), asked)
    source = ExplanationSource(model, inputs, wanted, goal)
    of_class = goal.of_scores and isinstance(read, Outputs)
    if choice is None and of_class and isinstance(read, Outputs):
        find = choose if method == "auto" else known_choice
        choice = find(model, images, possible, read)
    if not of_class:
        choice = None
        if method == "auto":
            key = as_target.kind if as_target.local else as_target.key
            choice = choose_for(model, inputs, goal, possible, key, on_step)
    plan = _Plan.of(method, choice)
    source.method, source.maps, source.ways = plan.components, plan.maps, plan.ways
    if method == "ablation":
        _warn_of_cost(model, inputs, possible)
    with answering(model, goal.read):
        together = plan.components == plan.maps
        found = attribute(model, inputs, goal, possible, plan.components, heatmap=together, on_step=on_step)
        seen = found if together else attribute(model, inputs, goal, possible[:1], plan.maps)
    assert seen.heatmap is not None
    sizes = {layer.name: found.relevances[layer.name].shape[1] for layer in possible}
    if len(possible) < len(wanted):
        sizes |= _sizes(model, inputs, [layer for layer in wanted if layer not in possible])
    source.components = Components(
        tuple(layer.name for layer in wanted),
        tuple(sizes[layer.name] for layer in wanted),
        tuple(layer.signed for layer in wanted),
    )
    source.maps, name_of_maps = source.maps if isinstance(source.maps, Composite) else seen.backend, seen.backend
    source.weak = choice is not None and bool(choice.measured.weak_layers(found.backend))
    nothing = {layer: np.full((1, size), np.nan, np.float32) for layer, size in sizes.items()}
    relevance = np.concatenate([(nothing | dict(found.relevances))[layer.name][0] for layer in wanted])
    called = name or (images.name(number) if number is not None else getattr(image, "filename", "") or "a picture")
    said = goal.said(asked)
    return Explanation(
        picture, images.window(picture.size), number, called, *said[:3],
        goal.name, goal.number, float(found.targets[0]), source.components, relevance, seen.heatmap[0], found.backend,
        source, *said[3:], name_of_maps, plan.chosen if method == "auto" else "",
        choice.measured.sentence(found.backend) if choice is not None else "", found.balances, as_target,
        found_in(asked, goal),
    )  # fmt: skip


@dataclass(frozen=True)
class _Plan:
    """Which method computes what."""

    components: Method
    maps: Method
    ways: Method
    chosen: str

    @classmethod
    def of(cls, method: Method, choice: Choice | None) -> _Plan:
        if method == "auto" and choice is not None:
            return cls(choice.forwards, choice.maps, choice.backwards, choice.why("prediction"))
        if method in ("integrated", "ablation"):
            maps, ways = ("auto", "auto") if choice is None else (choice.maps, choice.backwards)
            return cls(method, maps, ways, "")
        return cls(method, method, method, "")


def _warn_of_cost(model: torch.nn.Module, inputs: torch.Tensor, layers: Sequence[Layer]) -> None:
    """Say before how many passes "ablation" takes, where that is a while."""
    sizes = _sizes(model, inputs, list(layers))
    start = time.perf_counter()
    ask(model, inputs)
    most = sum(sizes.values()) * (time.perf_counter() - start)
    if most > _A_WHILE:
        warn(
            f"ablation switches {sum(sizes.values()):,} components off one by one, which takes up to {most:.0f} s "
            "here; method 'integrated' comes close in 16 passes a layer",
        )


def has_relevance(layer: Layer) -> bool:
    """Whether a layer's components have relevance for a prediction: an encoder's outputs have none."""
    return layer.via is None or layer.groups is not None or layer.writes is not None or hasattr(layer.via, "shape")


def _sizes(model: torch.nn.Module, inputs: torch.Tensor, layers: list[Layer]) -> dict[str, int]:
    from .model import recording

    with recording(model, tuple(layers)) as recorder:
        return {name: responses.values.shape[1] for name, responses in recorder.responses(list(inputs), "max").items()}
