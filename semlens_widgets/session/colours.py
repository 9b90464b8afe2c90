"""What the colours of the semantic map show: the same numbers in windows, figures and files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from .map_state import COLOURS
from .state import LiveState

__all__ = ["COLOURS", "MapValues", "has_colour", "map_values"]


@dataclass(frozen=True, eq=False)
class MapValues:
    """The numbers a colour of the map shows, NaN where a component has none.

    `about` says what they are; `mark` is what random sets of images stay below, where that is known; `signed`: zero is
    in the middle of the colours.
    """

    about: str
    mark: float | None
    signed: bool
    numbers: Float[np.ndarray, " component"]


def has_colour(session: LiveState, colour: str) -> bool:
    """Whether what the colour shows has been computed. ValueError for a colour the map has not."""
    if colour not in COLOURS:
        raise ValueError(f"the map has no colour {colour!r}; it has {', '.join(COLOURS)}")
    if colour in ("label", "confidence"):
        return session.labels is not None or (colour == "label" and bool(session.own_labels))
    if colour == "relevance":
        return session.relevance is not None
    return colour in ("layer", "search") or session.evaluation is not None


def map_values(session: LiveState, colour: str) -> MapValues:
    """What the map shows in a colour that stands for numbers of the components themselves, in windows and figures.

    Relevance is that for `session.target` where it is one of its classes, else for the first. ValueError where nothing
    was computed yet, and for "label", "layer" and "search", which have no such numbers.
    """
    if colour == "confidence" and (labels := session.labels) is not None:
        return MapValues("confidence of the label", labels.level, False, labels.confidence[:, 0])
    if colour == "relevance" and (relevance := session.relevance) is not None:
        target = session.target if isinstance(session.target, str) else getattr(session.target, "name", "")
        target = target if target in relevance.classes else relevance.classes[0]
        shares = relevance.share_of(target) * np.sign(relevance.of(target))
        return MapValues(f"share of the layer's relevance for {target}", None, True, shares)
    evaluation = session.evaluation
    if evaluation is None or colour not in COLOURS[5:]:
        raise ValueError(f"{colour!r} has no numbers of its own")
    name = colour.removesuffix("_centred")
    form = evaluation.raw if name == colour else evaluation.centred
    numbers, level = getattr(form, name), form.null[name].high
    about = name if name == colour else f"{name}, data-set mean removed"
    if name == "polysemanticity":  # says nothing of images that have nothing in common
        numbers, about = np.where(evaluation.clear, numbers, np.nan), f"{about}, of clear components"
    known = level[np.isfinite(level)]
    return MapValues(about, float(known.mean()) if len(known) else None, False, numbers)
