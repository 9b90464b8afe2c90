"""Steering: what the model says of the explained picture with one component stronger or weaker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..components import Component
from ..model import alone
from ..outputs import Outputs, ask
from . import acting
from .state import LiveState


@dataclass(frozen=True, eq=False)
class Steered:
    """The model's answer to the explained picture, as it is and with a component's responses times `scale`.

    target: what is explained, and its number before and after. before, after: [class] probabilities (of a regression
    its numbers) of `classes`; empty of an answer without class scores.
    """

    component: Component
    scale: float
    target: str
    target_before: float
    target_after: float
    classes: tuple[str, ...]
    before: Float[np.ndarray, " class"]
    after: Float[np.ndarray, " class"]


def steered(session: LiveState, component: int | str | Component, scale: float | int) -> Steered:
    """Run the model once more on the explained picture, with `lens.with_(component, scale)`.

    ValueError where nothing is explained, or for a scale that is no number. The model is left as it was.
    """
    explained = session.explanation
    if explained is None:
        raise ValueError("no prediction is explained yet; choose an image, or set lens.image")
    source, goal = explained.source, explained.source.goal
    row = session.components.row(component)
    with alone(source.model), acting.scaled(session, row, scale):
        answer = ask(source.model, source.inputs)
        after = float(goal.values(answer, 1)[0])
        outputs = session.source.classes
        nothing = np.zeros(0, np.float32)
        before = numbers = nothing
        if explained.classes and isinstance(outputs, Outputs):
            values = outputs.values(answer, 1)[0]
            regression = outputs.kind == "regression"
            before = explained.logits if regression else explained.probabilities
            numbers = outputs.logits(values) if regression else outputs.probabilities(values)
    return Steered(
        session.components[row], float(scale), explained.target, explained.value, after, explained.classes, before,
        np.asarray(numbers, np.float32),
    )  # fmt: skip
