"""The data files of a site: a `.semlens` file of what its window asks for, cut into parts that are read when needed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .. import store
from ..page import without_pictures
from ..search import search
from ..session import Session
from ..space import Thumbnails
from ..vectors import top_k

PART = 2 * store.BLOCK  # bytes of one data file
SIBLINGS = 5
NO_ROW = np.iinfo(np.int32).max
_AT_ONCE = 1024  # components whose siblings are sought at once
_UNREAD = ("crop_images",)  # what tells pictures apart, which lie in files of their own


def parts(session: Session, siblings: dict[str, np.ndarray], examples: int) -> Iterator[bytes]:
    """The bytes of the file, `PART` at a time.

    A window over a site reads as little as it can: scores of words and siblings are worked out here, where a window
    over one file would read all vectors for them.
    """
    arrays, document = without_pictures(session)
    arrays = {name: array for name, array in arrays.items() if name not in _UNREAD}
    arrays |= Thumbnails.of([b""]).to_arrays()
    arrays |= {
        "crop_of": np.zeros(arrays["crop_of"].shape, np.int8),
        "vectors": arrays["vectors"].astype(np.float16),
        "bins": _narrow(arrays["bins"]),
        "example_counts": session.space.examples.counts.astype(np.int32),
    }
    arrays |= siblings | _scores(session, document["extra"]["parts"].get("words"))
    data = store.to_bytes(arrays, document | {"pictured": examples})
    return (data[start : start + PART] for start in range(0, len(data), PART))


def _narrow(counts: np.ndarray) -> np.ndarray:
    """The same whole numbers, none below 0, in as few bytes as they need."""
    return counts.astype(np.uint16 if counts.max(initial=0) < 1 << 16 else np.uint32)


def siblings(session: Session) -> dict[str, np.ndarray]:
    """The nearest living components of each, as cards show them; `NO_ROW` where there are fewer."""
    space = session.space
    count = len(space.components)
    rows = np.full((count, SIBLINGS), NO_ROW, np.int32)
    scores = np.full((count, SIBLINGS), np.nan, np.float32)
    for start in range(0, count, _AT_ONCE):
        some = np.arange(start, min(start + _AT_ONCE, count))
        cosines = np.where(space.alive, space.vectors[some] @ space.vectors.T, -np.inf)
        cosines[np.arange(len(some)), some] = -np.inf
        for row, line in zip(some, cosines, strict=True):
            near, found = top_k(line, SIBLINGS)
            real = np.isfinite(found) & space.alive[row]
            rows[row, : real.sum()], scores[row, : real.sum()] = near[real], found[real]
    return {"siblings/rows": rows, "siblings/scores": scores}


def _scores(session: Session, words: dict[str, list[str]] | None) -> dict[str, np.ndarray]:
    """Scores and z of all components for the words that are kept, by their examples; NaN for dead ones."""
    if words is None:
        return {}
    space, centre = session.space, session.probe_cache.centre
    scores, z = np.full((2, len(words["names"]), len(space.components)), np.nan, np.float32)
    for number, probe in enumerate(session.probes(words["names"])):
        (found,) = search(space, probe, top=None, centre=centre, by="examples")
        scores[number, found.rows], z[number, found.rows] = found.scores, found.z
    return {"words/scores": scores, "words/z": z}
