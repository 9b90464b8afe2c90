"""What there is to choose from in an answer without class scores: the classes of a map, the boxes of a detection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from ..images import Window
from ..outputs import Form, Outputs, box_name, boxes_in, form_of, map_in, map_names
from ..vectors import freeze
from .boxes import Box, BoxGoal, in_picture
from .goal import Asked, Goal
from .places import Segment, predicted_in
from .value import Target

MOST = 20


@dataclass(frozen=True)
class Choice:
    """One thing that can be explained: what it is called, how sure or how large it is (in [0, 1]), and as a target.

    place: of a box (left, top, right, bottom), in shares of the picture. explained: of a box, whether it is this one
    that is explained, however it was asked for.
    """

    name: str
    share: float
    target: Target
    place: Window | None = None
    explained: bool = False


@dataclass(frozen=True, eq=False)
class Found:
    """What a model's answer is, where it has no class scores.

    form:    "map" (a class at every place), "boxes", or "embedding", of which there is nothing to choose from.
    choices: classes of a map by the share of places they take; boxes by score. The largest first, at most 20.
    classes: what the classes of a map are called; `cells` [height width] the one that is said at each place of what
             the model saw, of a map with one class 1 where it is said.
    """

    form: Form
    choices: tuple[Choice, ...] = ()
    classes: tuple[str, ...] = ()
    cells: Int[np.ndarray, "height width"] | None = None

    def __post_init__(self) -> None:
        if self.cells is not None:
            freeze(self, "cells")


def found_in(asked: Asked, goal: Goal) -> Found | None:
    """What can be chosen in the answer; None where it has class scores, or is nothing that is known here."""
    if goal.of_scores and isinstance(asked.outputs, Outputs):
        return None
    form = form_of(asked.answer, asked.output, 1)
    if form == "map":
        return _of_map(asked)
    if form == "boxes":
        return _of_boxes(asked, goal)
    return None if form is None else Found(form)


def _of_map(asked: Asked) -> Found:
    scores = map_in(asked.answer, asked.output, 1).detach()
    names = map_names(asked.model, asked.images, scores.shape[1])
    cells = predicted_in(scores)[0].cpu().numpy()
    if scores.shape[1] == 1:
        share = float((cells == 1).mean())
        chosen = Choice(names[0], share, Segment(names[0], "predicted" if share else None))
        return Found("map", (chosen,), names, cells)
    shares = np.bincount(cells.ravel(), minlength=len(names)) / cells.size
    order = [int(n) for n in np.argsort(-shares, kind="stable")[:MOST] if shares[n]]
    listed = tuple(Choice(names[n], float(shares[n]), Segment(names[n], "predicted")) for n in order)
    return Found("map", listed, names, cells)


def _of_boxes(asked: Asked, goal: Goal) -> Found:
    boxes = boxes_in(asked.answer, asked.output, 1, asked.size, asked.model)
    scores = boxes.scores[0].detach().float().cpu().numpy()[: boxes.counts[0]]
    places = np.clip(in_picture(boxes.places[0].float().cpu().numpy(), asked.window), 0, 1)
    listed: list[Choice] = []
    for n in np.argsort(-scores, kind="stable"):
        left, top, right, bottom = (float(side) for side in places[n])
        if len(listed) == MOST or not (left < right and top < bottom):
            continue
        label = int(boxes.labels[0][n])
        name = box_name(asked.model, asked.images, label)
        which = label if name.isdecimal() else name
        place = (left, top, right, bottom)
        own = boxes.places[0][n].float().cpu().numpy()
        listed.append(Choice(name, float(scores[n]), Box(which, place), place, _is_explained(goal, label, own)))
    return Found("boxes", tuple(listed))


def _is_explained(goal: Goal, label: int, place: np.ndarray) -> bool:
    if not isinstance(goal, BoxGoal) or goal.place is None:
        return False
    return label == goal.label and bool(np.allclose(place, goal.place))
