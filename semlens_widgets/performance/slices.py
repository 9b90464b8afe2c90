"""Slices: the images in which a component says that something is there which should not matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from ..audit.proof import in_steps
from ..showing import showing

Split = tuple[Bool[np.ndarray, " image"], Bool[np.ndarray, " image"], bool]


@dataclass(frozen=True)
class Candidate:
    """Components whose images are looked at: those of one concept of an audit, or one unexpected component.

    name:  of the concept, or of the component. kind: "spurious", "neutral", "ambiguous" or "unexpected".
    rows:  the components; an image counts by the mean of their responses, each in its own steps.
    """

    name: str
    kind: str
    rows: tuple[int, ...]


def strong(responses: Float[np.ndarray, "image row"]) -> Split:
    """(images in which the components are strong, images in which they are weak, whether the two are told apart).

    Where the responses fall into two groups, the images that belong to the upper or lower one with a chance of .9; else
    the strongest 5 %, and all others (see `Showing`). Right and wrong answers have no part in it, so that what is
    measured of the images afterwards is not driven by how they were chosen.
    """
    n = len(responses)
    steps = in_steps(responses, max(1, min(20, n // 10 or 1))).mean(1)
    found = showing(steps[None])
    return found.shows[0], found.lacks[0], bool(found.told_apart[0])


def columns_of(candidates: Sequence[Candidate]) -> tuple[int, ...]:
    """All components of some candidates, each once, in order."""
    return tuple(dict.fromkeys(row for candidate in candidates for row in candidate.rows))
