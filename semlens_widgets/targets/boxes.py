"""Targets of a detection: the score of a box, chosen by its class or its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..images import Window
from ..outputs import Boxes, box_name, box_number, boxes_in
from .goal import Asked, Goal
from .places import are_shares
from .value import Target, percent

if TYPE_CHECKING:
    import torch

SAME = 0.5  # boxes of one class that overlap more (intersection over union) are the same box of two answers
_LISTED = "lens.explain(image).found lists what it finds"
_MEANT = 0.1  # how far a box that is asked for must overlap with one that was found


@dataclass(frozen=True, eq=False, repr=False)
class Box(Target):
    """A box of a detection: see `box`."""

    kind = "box"
    which: str | int | None = None
    at: Any = None

    def __post_init__(self) -> None:
        if not (self.at is None or are_shares(self.at)):
            raise ValueError(
                f"at={self.at!r}; a box is chosen by a place (x, y) in it, or by where it is (left, top, right, "
                "bottom), in shares of the picture"
            )

    @property
    def local(self) -> bool:  # type: ignore[override]
        return self.at is not None

    @property
    def name(self) -> str:
        what = self.which if isinstance(self.which, str) else "box" if self.which is None else f"class {self.which}"
        if self.at is None:
            return f"the surest {what}"
        return f"{what} at {', '.join(percent(n) for n in self.at)}"

    def __repr__(self) -> str:
        given = [] if self.which is None else [repr(self.which)]
        given += [] if self.at is None else [f"at={tuple(round(float(n), 3) for n in self.at)}"]
        return f"sl.targets.box({', '.join(given)})"

    def goal(self, asked: Asked) -> Goal:
        model, images = asked.model, asked.images
        boxes = boxes_in(asked.answer, asked.output, 1, asked.size, model)
        number = None if self.which is None else box_number(model, images, self.which)
        if not asked.one:
            return BoxGoal(self.name, asked, number, None)
        found = self._found(boxes, number, asked)
        label = int(boxes.labels[0][found])
        place = boxes.places[0][found].float().cpu().numpy()
        return BoxGoal(self._called(box_name(model, images, label), place, asked.window), asked, label, place)

    def _found(self, boxes: Boxes, number: int | None, asked: Asked) -> int:
        """The number of the box that is meant."""
        labels = boxes.labels[0].cpu().numpy()
        scores = boxes.scores[0].detach().float().cpu().numpy()[: len(labels)]
        fitting = np.ones(len(labels), bool) if number is None else labels == number
        what = "box" if number is None else f"box of {box_name(asked.model, asked.images, number)!r}"
        if not fitting.any():
            listed = sorted({box_name(asked.model, asked.images, int(label)) for label in labels})
            raise ValueError(
                f"the model finds no {what} in this picture"
                + (f"; it finds {', '.join(listed[:8])}" if listed else "; lower the score from which it keeps boxes")
            )
        if self.at is None:
            return int(np.where(fitting, scores, -1).argmax())
        places = in_picture(boxes.places[0].float().cpu().numpy(), asked.window)
        if len(self.at) == 2:
            x, y = self.at
            inside = (places[:, 0] <= x) & (x <= places[:, 2]) & (places[:, 1] <= y) & (y <= places[:, 3]) & fitting
            if not inside.any():
                raise ValueError(f"the model finds no {what} around {self.at}; {_LISTED}")
            return int(np.where(inside, scores, -1).argmax())
        overlaps = np.where(fitting, overlap(places, np.asarray(self.at)), -1)
        if overlaps.max() < _MEANT:
            raise ValueError(f"the model finds no {what} near {self.at}; {_LISTED}")
        return int(overlaps.argmax())

    def _called(self, name: str, place: np.ndarray, window: Window) -> str:
        box = in_picture(place[None], window)[0]
        return f"{name} at {percent((box[0] + box[2]) / 2)}, {percent((box[1] + box[3]) / 2)}"

    def document(self) -> dict[str, Any]:
        return {"kind": self.kind, "which": self.which, "at": None if self.at is None else list(self.at)}


class BoxGoal(Goal):
    """The score of a box: of a class at `place` (shares of what the model saw), as every answer has it, or of the
    surest box of a class; 0 where an answer has none."""

    of_scores = False

    def __init__(self, name: str, asked: Asked, label: int | None, place: np.ndarray | None) -> None:
        super().__init__(name)
        self.output, self.size, self.model = asked.output, asked.size, asked.model
        self.label, self.place = label, place

    def read(self, answer: Any, images: int) -> torch.Tensor:
        self._boxes = boxes_in(answer, self.output, images, self.size, self.model)
        return self._boxes.scores

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        import torch

        one_hot = torch.zeros_like(given)
        for image in range(len(given)):
            if (found := self._chosen(image, given)) is not None:
                one_hot[image, found] = 1
        return (given * one_hot).sum(1)

    def _chosen(self, image: int, given: torch.Tensor) -> int | None:
        """The number of the box that is meant in the last answer to an image."""
        labels = self._boxes.labels[image].cpu().numpy()
        fitting = np.ones(len(labels), bool) if self.label is None else labels == self.label
        if self.place is not None:
            overlaps = overlap(self._boxes.places[image].float().cpu().numpy(), self.place)
            fitting &= overlaps > SAME
            likeness = overlaps
        else:
            likeness = given[image].detach().float().cpu().numpy()[: len(labels)]
        return int(np.where(fitting, likeness, -1).argmax()) if fitting.any() else None


def overlap(places: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes [box 4] with one [4]."""
    corner = np.maximum(places[:, :2], place[:2]), np.minimum(places[:, 2:], place[2:])
    shared = np.clip(corner[1] - corner[0], 0, None).prod(1)
    areas = np.clip(places[:, 2:] - places[:, :2], 0, None).prod(1)
    own = np.clip(place[2:] - place[:2], 0, None).prod()
    return np.asarray(shared / np.maximum(areas + own - shared, 1e-12))


def in_picture(places: np.ndarray, window: Window) -> np.ndarray:
    """Boxes [box 4] in shares of what the model saw, in shares of the picture."""
    left, top, right, bottom = window
    return places * np.asarray([right - left, bottom - top] * 2) + np.asarray([left, top] * 2)


def box(which: str | int | np.integer | None = None, at: Any = None) -> Target:
    """A box of a detection: its score, in [0, 1], as the detector reports it.

    Parameters
    ----------
    which
        Its class, by name or number; None for any.
    at
        A place (x, y) in it, or where it is (left, top, right, bottom), in shares of the picture; None for the surest
        of the class.

    Returns
    -------
    Target
        The target.

    Raises
    ------
    ValueError
        With what there is, where the model finds no such box.

    Notes
    -----
    The box is found again in every further answer by its class and place; where it is gone its score is 0. A place
    belongs to one picture.

    Examples
    --------
    >>> sl.targets.box("dog", at=(0.5, 0.5)).local
    True
    """
    label = which if which is None or isinstance(which, str) else int(which)
    return Box(label, tuple(float(n) for n in at) if isinstance(at, list | tuple) and are_shares(at) else at)


def surest(asked: Asked) -> Target:
    """The surest box of a detection. ValueError where it found none."""
    boxes = boxes_in(asked.answer, asked.output, 1, asked.size, asked.model)
    if not boxes.counts[0]:
        raise ValueError("the model finds no box in this picture; lower the score from which it keeps boxes")
    best = int(boxes.scores[0].detach().argmax())
    at = in_picture(boxes.places[0][best : best + 1].float().cpu().numpy(), asked.window)[0]
    label = box_name(asked.model, asked.images, int(boxes.labels[0][best]))
    return Box(label if not label.isdecimal() else int(label), tuple(float(np.clip(n, 0, 1)) for n in at))
