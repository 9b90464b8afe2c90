"""Components by their numbers: what they can be sorted by, and filters that keep some of thousands."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
from jaxtyping import Bool, Float, Int

from ..components import Component
from .colours import has_colour, map_values
from .state import LiveState

_AT_ONCE = 8192  # components whose examples are looked up at once

_OF_RESPONSES = {"density": "share of the images it is active on", "peak": "its strongest response",
                 "mean": "its mean response over all images"}  # fmt: skip
_OF_LABELS = {"confidence": "confidence of the label", "margin": "lead of the label over the next word"}
_OF_SCORES = ("clarity", "redundancy", "polysemanticity")
COLUMNS = (*_OF_RESPONSES, *_OF_LABELS, *_OF_SCORES, "relevance")
"""What components can be sorted by, whatever is searched."""


def has_column(session: LiveState, name: str) -> bool:
    """Whether it has been computed. ValueError for a name that is none."""
    if name not in COLUMNS:
        near = get_close_matches(str(name), COLUMNS, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ValueError(f"no column {name!r}; components have {', '.join(COLUMNS)}{hint}")
    if name in _OF_RESPONSES:
        return True
    return session.labels is not None if name in _OF_LABELS else has_colour(session, name)


def column(session: LiveState, name: str) -> Float[np.ndarray, " component"]:
    """See `Lens.column`."""
    if not has_column(session, name):
        verb = "describe" if name in _OF_LABELS else "relate" if name == "relevance" else "evaluate"
        raise ValueError(f"{name!r} is not known yet; call lens.{verb}()")
    examples, labels = session.space.examples, session.labels
    if name == "density":
        return examples.statistics.nonzero_share
    if name == "peak":
        return np.where(examples.counts > 0, examples.responses[:, 0], np.nan)
    if name == "mean":
        return examples.statistics.mean
    if name == "margin" and labels is not None:
        return labels.margins
    return np.asarray(map_values(session, name).numbers)


def about(session: LiveState, name: str) -> str:
    """What a column says, in words."""
    return (_OF_RESPONSES | _OF_LABELS).get(name) or map_values(session, name).about


def examples_of(session: LiveState, name: str) -> Float[np.ndarray, " component"]:
    """The share of each component's strongest examples that are images of one class. KeyError for no such class."""
    space = session.space
    if name not in space.classes:
        near = get_close_matches(str(name), space.classes, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise KeyError(f"the images have no class {name!r}{hint}; there are {len(space.classes)}")
    number = space.classes.index(name)
    of_class = np.asarray(sorted(image for image, label in space.labels.items() if label == number), np.int64)
    counts, share = space.examples.counts, np.zeros(len(space.components), np.float32)
    for start in range(0, len(share), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        images = np.asarray(space.examples.images[rows])
        real = np.arange(images.shape[1]) < counts[rows, None]
        share[rows] = (np.isin(images, of_class) & real).sum(1) / np.maximum(counts[rows], 1)
    return share


def classes_of_examples(session: LiveState) -> list[str]:
    """The classes that strongest examples have, in the order of the data set."""
    classes, seen = session.space.classes, set(session.space.labels.values())
    return [name for number, name in enumerate(classes) if number in seen]


def kept(
    session: LiveState, layer: str | Sequence[str] | None, alive: bool | None,
    density: tuple[float | None, float | None] | None, of_class: str | None,
) -> Bool[np.ndarray, " component"]:  # fmt: skip
    """Which components pass all filters; None: a filter that is not set."""
    passes = np.zeros(len(session.components), bool)
    passes[session.components.rows(layer)] = True
    if alive is not None:
        passes &= session.space.alive == alive
    if density is not None:
        low, high = density
        share = session.space.examples.statistics.nonzero_share
        passes &= (share >= (0 if low is None else low)) & (share <= (1 if high is None else high))
    if of_class is not None:
        passes &= examples_of(session, of_class) > 0
    return passes


def rank(
    session: LiveState, by: str | None, descending: bool, layer: str | Sequence[str] | None, alive: bool | None,
    density: tuple[float | None, float | None] | None, of_class: str | None,
) -> list[Component]:  # fmt: skip
    """See `Lens.rank`."""
    passes = kept(session, layer, alive, density, of_class)
    if by is not None:
        rows = in_order(column(session, by), descending)
    elif session.hits is not None:
        rows = session.hits.rows
    else:
        rows = np.arange(len(passes))
    return [session.components[int(row)] for row in rows[passes[rows]]]


def in_order(numbers: Float[np.ndarray, " component"], descending: bool) -> Int[np.ndarray, " component"]:
    """Rows by their numbers, equal ones as they stand, those without a number last."""
    signed = -np.asarray(numbers, np.float64) if descending else np.asarray(numbers, np.float64)
    return np.argsort(signed, kind="stable")  # NaN comes last
