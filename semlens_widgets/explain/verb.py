"""The verb: one prediction explained, by which components carried it and where."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..attribution.values import FORWARDS, Composite, Method, checked
from ..components import Components
from ..faithfulness import Choice, choose, choose_for, known
from ..images import Images, rgb
from ..model import Layer, Layers, resolve, stack
from ..outputs import Chosen, Kind, NoClasses, Outputs, answering, ask, decided
from ..passes import OnStep
from ..targets.choices import found_in
from ..targets.given import Targetlike, goal_of, of
from ..targets.goal import Asked, Goal
from ..targets.value import Target
from ..warned import warn
from .source import ExplanationSource, has_relevance
from .value import Explanation

if TYPE_CHECKING:
    import torch

_A_WHILE = 10.0  # seconds of which is told before


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
    check: bool = False,
    on_step: OnStep | None = None,
    on_measure: OnStep | None = None,
) -> Explanation:
    """Which components of the layers carried the model's prediction for one picture.

    Parameters
    ----------
    model
        A torch module.
    images
        The data set, which says how a picture becomes the model's input and what the classes are called.
    image
        A number in the data set, or any PIL picture.
    layers
        Names, wildcards, or `Layer(…)`.
    target
        A class by name or number, a value of `sl.targets` (a place of a segmentation, a box, a text, …), a function
        that gives one number per image, or None for what the model predicts: its class, of a segmentation the largest
        class where it is predicted, of a detection the surest box. A function is given the class scores [image class],
        or the model's whole answer where it has none or the function asks for a part of it.
    method
        How: "auto" chooses by what it measures on a few pictures of the data set, once for a model and its layers (see
        `faithfulness`), layer by layer; "gradient" (activation × gradient), "integrated" (the same on the way to being
        off: nearer to the effect of switching off, 16 passes a layer), "ablation" (that effect itself: a pass for every
        component), "lrp" and its kin, or a `Composite`. Heatmaps of "integrated" and "ablation" are by the method whose
        maps do best.
    output
        The part of the model's answer that holds the class scores, by name or number, or a function that gives it.
    outputs
        "single", "binary", "multi" or "regression": what the scores mean. See `outputs.decide` for both.
    name
        What to call the picture.
    choice
        What was measured of this model before; by default measured here.
    check
        Measure a method that is asked for by name as well, so that `reliability` says how good it is.
    on_step
        Called with (passes done, in all); what it raises ends the work.
    on_measure
        Called with (steps done, in all) while the model is measured; what it raises ends the work.

    Returns
    -------
    Explanation
        The relevance of every component of the layers.

    Raises
    ------
    KeyError
        With the nearest name for an unknown class.
    ValueError
        Where the answer has no class scores or does not say which they are.

    Notes
    -----
    The model is left as it was afterwards.

    Examples
    --------
    >>> data = sl.images(sl.demo.images(8), transform=sl.demo.transform())
    >>> why = sl.explain(sl.demo.classifier(), data, 3, ["layer4"], method="gradient")
    >>> why.backend
    'gradient'
    """
    from ..attribution import attribute

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
    if choice is None or not _of_class(goal, read):
        choice = _choice(model, images, inputs, possible, read, goal, as_target, method, check, on_measure)
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


def _of_class(goal: Goal, read: Outputs | NoClasses) -> bool:
    return goal.of_scores and isinstance(read, Outputs)


def _choice(
    model: torch.nn.Module, images: Images, inputs: torch.Tensor, layers: Sequence[Layer], read: Outputs | NoClasses,
    goal: Goal, target: Target, method: Method, check: bool, on_measure: OnStep | None,
) -> Choice | None:  # fmt: skip
    """What is known, or is measured now, of the model: for classes on pictures of the data set, for other targets on
    the picture at hand."""
    wanted = method == "auto" or check
    if goal.of_scores and isinstance(read, Outputs):
        if not wanted:
            return known(model, images, layers, read)
        return choose(model, images, layers, read, method=method, on_step=on_measure)
    if not wanted:
        return None
    key = target.kind if target.local else target.key
    return choose_for(model, inputs, goal, layers, key, on_measure, method)


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
            return cls(choice.components, choice.heatmaps, choice.circuits, choice.why("components"))
        if method in FORWARDS:
            maps, ways = ("auto", "auto") if choice is None else (choice.heatmaps, choice.circuits)
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


def _sizes(model: torch.nn.Module, inputs: torch.Tensor, layers: list[Layer]) -> dict[str, int]:
    from ..model import recording

    with recording(model, tuple(layers)) as recorder:
        return {name: responses.values.shape[1] for name, responses in recorder.responses(list(inputs), "max").items()}
