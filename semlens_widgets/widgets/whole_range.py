"""A hit over all sampled images, from the one that excites it most to the one that does least."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from ..images import UnreadableImage
from ..session import Session
from . import answers
from .wire import Answer

COUNT = 10  # pictures: two lines of a card


def evidence(session: Session, row: int) -> dict[str, Any]:
    """By which evidence a component is a hit ("examples", "activations", "both"; None: by neither, or no hit), and
    whether it can be shown over all images: with the data at hand, and answers to a sample of it."""
    rank = rank_of(session, row)
    by = None if session.hits is None or rank is None else session.hits[rank].by
    sample = session.space.sample
    shown = by in ("activations", "both") and session.has_data and sample is not None and len(sample) > 1
    return {"by": by, "whole_range": bool(shown)}


def rank_of(session: Session, row: int) -> int | None:
    """A component's place among the hits; None where it is none."""
    place = np.flatnonzero(session.hits.rows == row) if session.hits is not None else np.zeros(0, np.int64)
    return int(place[0]) if len(place) else None


def whole_range(session: Session, row: int, size: int) -> Answer:
    """A hit's responses over the sampled images at equal steps of its rank, strongest first: the pictures side by side
    in one sheet, `size` pixels each, with response, likeness to the query, name and label. Nothing of what is no hit.
    """
    (row,) = answers.checked_rows(session.space, [row])
    rank, hits, sample = rank_of(session, row), session.hits, session.space.sample
    if rank is None or hits is None or sample is None:
        return {"query": session.query, "sampled": 0, "images": [], "sheet": None}
    told = hits.whole_range(rank, COUNT)
    at = np.searchsorted(sample.images, [image for image, _ in told])
    likeness = sample.vectors[at] @ hits.vector
    side, space = int(np.clip(size, 16, 256)), session.space
    sheet = Image.new("RGB", (max(len(told), 1) * side, side), (128, 128, 128))
    for x, (image, _) in enumerate(told):
        try:
            sheet.paste(answers.squared(session.source.images.picture(image), side), (x * side, 0))
        except UnreadableImage:
            continue  # its place stays grey
    return {
        "query": hits.probe,
        "sampled": len(sample),
        "images": [
            {
                "name": space.image_name(image), "label": space.label(image), "response": response,
                "likeness": float(alike),
            }
            for (image, response), alike in zip(told, likeness, strict=True)
        ],
        "sheet": answers.as_webp(sheet),
    }  # fmt: skip
