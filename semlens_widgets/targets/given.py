"""What a user or a window gave as target, as a value; and what is explained where nothing was given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..clip import Clip
from ..outputs import NoClasses, Outputs, form_of, sure_map
from .boxes import Box, box, surest
from .function import Function
from .goal import Asked, Goal
from .likeness import Text, similarity, text
from .places import Segment, largest, segment
from .scores import AllOn, ClassGoal, Output
from .value import Target

Targetlike = Target | int | np.integer | str | Callable[..., Any] | None


def of(given: Targetlike, clip: Clip | None = None) -> Target | None:
    """A target as a value: a class by name or number, a function, or a target as it is. None stays None.

    clip: what embeds texts where a text has no CLIP of its own. TypeError for what is none of these.
    """
    if isinstance(given, Text):
        return given.bound(clip)
    if given is None or isinstance(given, Target):
        return given
    if isinstance(given, str):
        return Output(given)
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        return Output(int(given))
    if callable(given):
        return Function(given)
    raise TypeError(
        f"target is a {type(given).__name__}; give a class by name or number, a value of sl.targets, a function of the "
        "model's output, or None for what the model predicts"
    )


def of_document(document: Mapping[str, Any]) -> Target:
    """A target as a window wrote it. ValueError for one that there is not."""
    kind = document.get("kind")
    made: dict[Any, Callable[[], Target]] = {
        Output.kind: lambda: Output(document["which"]),
        AllOn.kind: AllOn,
        Segment.kind: lambda: segment(document["which"], document.get("within")),
        Box.kind: lambda: box(document.get("which"), document.get("at")),
        Text.kind: lambda: text(document["which"]),
        "similarity": lambda: similarity(document["which"]),
    }
    if not isinstance(kind, str) or kind not in made:
        raise ValueError(f"no target of kind {kind!r}; there are {', '.join(map(repr, made))}")
    try:
        return made[kind]()
    except KeyError as lacking:
        raise ValueError(f"a target of kind {kind!r} has {lacking}, which is missing here") from None


def goal_of(target: Target | None, asked: Asked) -> tuple[Goal, Target]:
    """What is explained, and as which value: the one that is given, or what the model says.

    A class by name or number is, of a segmentation, that class where the model says it; of a detection its surest box.
    """
    if target is None:
        return _of_prediction(asked)
    if isinstance(target, Output) and not isinstance(asked.outputs, Outputs):
        form = form_of(asked.answer, asked.output, 1)
        if form == "map":
            target = Segment(target.which, "predicted")
        elif form == "boxes":
            target = Box(target.which)
        elif form == "embedding":
            raise NoClasses(
                f"the model answers with an embedding, which has no class {target.which!r}; explain its likeness to a "
                "text, sl.targets.text('a dog'), or to another image, sl.targets.similarity(3)"
            )
    return target.goal(asked), target


def _of_prediction(asked: Asked) -> tuple[Goal, Target]:
    outputs = asked.outputs
    if isinstance(outputs, Outputs):
        number = int(outputs.predicted(outputs.values(asked.answer, 1))[0])
        return ClassGoal(outputs, number), Output(outputs.classes[number])
    form = form_of(asked.answer, asked.output, 1)
    if form == "boxes":
        found = surest(asked)
    elif form == "map" and sure_map(asked.answer, asked.output, 1, asked.model, asked.images):
        found = largest(asked)
    else:
        raise outputs or NoClasses("what is to be explained? Give a target")
    return found.goal(asked), found
