"""The verb: both sides of every pair through the model, and other edits of the same pictures beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from PIL import Image
from tqdm.auto import tqdm

from ..artefacts import USUAL, Artefact
from ..components import Components
from ..images import Images, UnreadableImage
from ..model import Layer, Pooling, recording, stack
from ..model.reading import pooled
from ..outputs import Outputs
from ..passes import OnStep
from .judgement import judge
from .pairs import Pairs, picture_of
from .value import Counterfactual

if TYPE_CHECKING:
    import torch

Prepare = Callable[[Image.Image], Any]  # what the model takes, of a picture


def counterfactual(
    model: torch.nn.Module,
    layers: Sequence[Layer],
    components: Components,
    pairs: Pairs,
    prepare: Prepare,
    *,
    spread: Float[np.ndarray, " component"],
    outputs: Outputs | None = None,
    target: int = 0,
    controls: Sequence[Artefact] | None = None,
    pooling: Pooling = "max",
    alpha: float = 0.05,
    batch_size: int = 64,
    progress: bool = True,
    on_step: OnStep | None = None,
) -> Counterfactual:
    """What changes in a model when one thing is in its pictures: in every component, and in its answer.

    prepare:  what the model takes, of a PIL picture; sides made by `sl.images` have their own.
    spread:   [component], the standard deviation of each component's responses over the data set: the unit of changes.
    outputs, target: how class scores are read, and which one's logit margin is measured; None for components alone.
    controls: other edits, drawn onto the pictures without the thing, that a change must exceed to be selective; the
              usual artefacts but the one in question unless given. None at all (an empty list) judges no selectivity.
    on_step:  called with (pairs done, pairs in all); what it raises ends the work.

    See `Counterfactual` for what is measured. Pairs of which a picture cannot be read are left out. ValueError where
    none is left, and for pairs whose pictures are the same to the model.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}; it is at least 1")
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha={alpha}; the chance of a false find lies between 0 and .5, usually .05")
    others = usual_controls(pairs.name) if controls is None else list(controls)
    names = [name_of(control, at, others) for at, control in enumerate(others)]
    measured = _Measured([], [], [], [])
    read = 0
    with tqdm(total=len(pairs), unit="pair", desc=f"with and without {pairs.name}", disable=not progress) as bar:
        for batch in _batches(pairs, others, prepare, batch_size):
            if batch.sides:
                measured.add(*_answers(model, layers, components, batch.sides, pooling, outputs, target))
                read += len(batch.sides[0])
            bar.update(batch.asked)
            if on_step is not None:
                on_step(bar.n if progress else batch.last, len(pairs))
    if not read:
        raise ValueError(f"none of the {len(pairs)} pairs could be read")
    responses = np.concatenate(measured.responses, 1)  # side pair component
    energy = np.concatenate(measured.energy, 1)
    if not energy[1].any():
        raise ValueError(
            f"to the model the pictures with and without {pairs.name} are the same: the transform takes away what "
            "differs, or the sides are one"
        )
    margins = np.concatenate(measured.margins, 1) if outputs is not None else None
    answers = np.concatenate(measured.predicted, 1) if outputs is not None else None
    return judge(
        components, pairs.name, tuple(names), responses, energy, spread, margins, answers,
        target=outputs.classes[target] if outputs is not None else None, alpha=alpha, left_out=len(pairs) - read,
    )  # fmt: skip


def usual_controls(name: str) -> list[Artefact]:
    """The usual artefacts but the one that is in question, by its name."""
    return [artefact for artefact in USUAL if artefact.kind != name]


def name_of(control: Artefact, at: int, all_of_them: Sequence[Artefact]) -> str:
    """What to call a control: its kind, and its number where there are several of the kind."""
    alike = [number for number, other in enumerate(all_of_them) if other.kind == control.kind]
    return control.kind if len(alike) == 1 else f"{control.kind} {alike.index(at) + 1}"


@dataclass
class _Measured:
    """What was found batch by batch: [side pair …], sides being without, with, and every control."""

    responses: list[np.ndarray]
    energy: list[np.ndarray]
    margins: list[np.ndarray]
    predicted: list[np.ndarray]

    def add(self, responses: Any, energy: Any, margins: Any, predicted: Any) -> None:
        for kept, new in zip(
            (self.responses, self.energy, self.margins, self.predicted),
            (responses, energy, margins, predicted),
            strict=True,
        ):
            kept.append(new)


@dataclass(frozen=True)
class _Batch:
    """Items for the model, [side][pair], how many pairs were asked for, and how many so far."""

    sides: list[list[Any]]
    asked: int
    last: int


def _batches(pairs: Pairs, controls: Sequence[Artefact], prepare: Prepare, size: int) -> Iterator[_Batch]:
    for first in range(0, len(pairs), size):
        numbers = range(first, min(first + size, len(pairs)))
        found = []
        for number in numbers:
            try:
                found.append(_sides(pairs, number, controls, prepare))
            except UnreadableImage:
                continue
        yield _Batch([list(side) for side in zip(*found, strict=True)], len(numbers), numbers[-1] + 1)


def _sides(pairs: Pairs, number: int, controls: Sequence[Artefact], prepare: Prepare) -> list[Any]:
    """What the model takes of one pair: without, with, and with every control instead."""
    without, with_ = (
        side.tensor(number) if isinstance(side, Images) else prepare(picture_of(side, number))
        for side in (pairs.without, pairs.with_)
    )
    own = pairs.without
    made = own.prepared if isinstance(own, Images) else prepare
    plain = picture_of(own, number) if controls else None
    return [without, with_, *(made(control.varied(number)(plain)) for control in controls if plain is not None)]


def _answers(
    model: torch.nn.Module, layers: Sequence[Layer], components: Components, sides: Sequence[Sequence[Any]],
    pooling: Pooling, outputs: Outputs | None, target: int,
) -> tuple[np.ndarray, np.ndarray, Any, Any]:  # fmt: skip
    """(responses [side pair component], energy [side pair], margins [side pair], predicted [side pair]) of a batch."""
    responses, margins, predicted, energy = [], [], [], []
    plain = stack(sides[0]).float().flatten(1)
    answered: list[Any] = []
    with recording(model, tuple(layers)) as recorder:
        handle = model.register_forward_hook(lambda module, args, answer: answered.append(answer))
        try:
            for items in sides:
                answered.clear()
                found = recorder.activations(items, whole=outputs is not None)
                values = np.empty((len(items), len(components)), np.float32)
                for layer in layers:
                    values[:, components.rows(layer.name)] = pooled(found[layer.name], pooling).responses(layer).values
                responses.append(values)
                energy.append((stack(items).float().flatten(1) - plain).norm(dim=1).cpu().numpy())
                if outputs is not None:
                    scores = outputs.values(answered[-1], len(items))
                    margins.append(outputs.margins(scores, target))
                    predicted.append(_said(outputs, scores))
        finally:
            handle.remove()
    said, answers = (np.stack(found) if found else None for found in (margins, predicted))
    return np.stack(responses), np.stack(energy), said, answers


def _said(outputs: Outputs, scores: np.ndarray) -> np.ndarray:
    """What the model says of each picture, as a number that is another one where it says something else; of a
    regression nothing changes but the number itself."""
    if outputs.kind == "regression":
        return np.zeros(len(scores), np.int64)
    if outputs.kind == "multi":
        return np.unique(outputs.is_predicted(scores), axis=0, return_inverse=True)[1].reshape(-1)
    return outputs.predicted(scores)


def check_controls(controls: Any) -> Sequence[Artefact] | None:
    """Controls as they are given; TypeError for what are none."""
    if controls is None:
        return None
    listed = list(controls.values()) if isinstance(controls, Mapping) else list(controls)
    if wrong := [c for c in listed if not isinstance(c, Artefact)]:
        raise TypeError(f"a control is a {type(wrong[0]).__name__}; give artefacts of sl.artefacts")
    return listed
