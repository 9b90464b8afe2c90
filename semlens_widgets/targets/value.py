"""What is explained of a model's output, as a value: what all targets have in common."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from .goal import Asked, Goal

Place = tuple[float, float]  # (x, y) in shares of the picture's width and height


@dataclass(frozen=True, eq=False, repr=False)
class Target:
    """One number of a model's answer to an image. Made by the functions of `sl.targets`.

    name:  what to call it in captions, reports and files.
    key:   a fingerprint: two targets of the same key ask for the same.
    local: whether it belongs to one picture (a place in it), so that it means nothing for other images.

    Examples
    --------
    >>> target = sl.targets.segment("lesion", within=(0.5, 0.5))
    >>> isinstance(target, sl.targets.Target), target.local
    (True, True)
    """

    kind: ClassVar[str]
    local: ClassVar[bool] = False
    steady: ClassVar[bool] = True  # whether it is the same number once components are off
    of_scores: ClassVar[bool] = False  # whether it may be of class scores

    @property
    def name(self) -> str:
        raise NotImplementedError

    @property
    def key(self) -> str:
        values = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        return json.dumps([self.kind, values], sort_keys=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Target) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        """As it is written in a notebook."""
        raise NotImplementedError

    def goal(self, asked: Asked) -> Goal:
        """What it is for one model.

        Parameters
        ----------
        asked
            The model, its data set, and one image.

        Returns
        -------
        Goal
            What gives the number.

        Raises
        ------
        ValueError
            With what to do, where the model has no such output.
        KeyError
            With what to do, where the model has no such output.
        """
        raise NotImplementedError

    def document(self) -> dict[str, Any] | None:
        """As a window writes it; None for what only Python can say, such as a mask."""
        raise NotImplementedError

    def once(self) -> None:
        """ValueError where it belongs to one picture, and is asked for over a data set."""
        if self.local:
            raise ValueError(
                f"{self!r} belongs to one picture; for a data set leave out the place, or explain that picture: "
                "lens.explain(image, target), whose .circuit() and .heatmaps() follow it"
            )


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        content = json.dumps([value.dtype.str, value.shape]).encode() + np.ascontiguousarray(value).tobytes()
        return hashlib.sha256(content).hexdigest()
    if isinstance(value, np.generic):
        return value.item()
    return value


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"
