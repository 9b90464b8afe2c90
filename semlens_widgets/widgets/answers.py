"""What a window can ask of a lens, as plain functions: facts, arrays and pictures out, nothing drawn."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from PIL import Image

from ..images import picture_in
from ..search import COLUMNS
from ..session import Session
from ..session.matches import matches_to_json
from ..space import SemanticSpace, webp
from .wire import Answer, File

WEBP = "image/webp"
MOST_ROWS, MOST_EXAMPLES, LARGEST = 200, 40, 512  # of one request: the browser asks for a screenful


def hits(session: Session, since: int = 0, most: int | None = None) -> Answer:
    """The components for the present query and layer, best first; in natural order without a query.

    Of the columns those from the place `since` on, at most `most` (None: all); `count` is of all hits.
    """
    part = slice(max(0, int(since)), None if most is None else max(0, int(since)) + max(0, int(most)))
    answer = session.hits
    if answer is None:
        chosen = session.components.rows(session.layer)
        rows = np.arange(len(session.components), dtype=np.int32)[chosen]
        nothing: dict[str, Any] = {
            "null": None, "best": None, "message": None, "reason": None, "by_chance": False,
            "unknown_words": [], "query_components": [], "couldshow": None, "by": None, "prevalence": None,
        }  # fmt: skip
        result = {
            "query": "", "count": len(rows), "total": len(session.components), "n_above_null": 0, "not_found": False,
            "state": None,
        }  # fmt: skip
        return result | nothing | dict.fromkeys(COLUMNS) | {"rows": rows[part]}
    columns = {name: column[part] for name, column in answer.columns.items()}
    return matches_to_json(session, answer) | columns | {"query": session.query}


def components(session: Session, rows: Sequence[int]) -> Answer:
    """Names and strongest responses of some components."""
    space, listed = session.space, []
    for row in checked_rows(space, rows):
        component = space.components[row]
        n = int(space.examples.counts[row])
        listed.append(
            {
                "row": row,
                "id": str(component),
                "layer": component.layer,
                "index": component.index,
                "label": label_of(session, row),
                "dead": not bool(space.alive[row]),
                "responses": [float(r) for r in space.examples.responses[row, :n]],
            }
        )
    return {"components": listed}


def label_of(session: Session, row: int) -> dict[str, Any] | None:
    """What to call a component: its word, the margin, whether it is believed, and whether a person gave it."""
    shown = session.label_of(row)
    return None if shown is None else asdict(shown)


def sprite(session: Session, rows: Sequence[int], examples: int, size: int) -> Answer:
    """One WebP sheet: a row of square crops per component, strongest first, `size` pixels each."""
    space = session.space
    checked = checked_rows(space, rows)
    columns = int(np.clip(examples, 1, MOST_EXAMPLES))
    side = int(np.clip(size, 8, 256))
    counts = [min(columns, int(space.examples.counts[row])) for row in checked]
    sheet = Image.new("RGB", (columns * side, max(len(checked), 1) * side), (128, 128, 128))
    for y, (row, count) in enumerate(zip(checked, counts, strict=True)):
        for x in range(count):
            sheet.paste(squared(space.thumbnails.picture(int(space.crop_of[row, x])), side), (x * side, y * side))
    return {"columns": columns, "size": side, "rows": checked, "counts": counts, "image": as_webp(sheet)}


def as_webp(sheet: Image.Image) -> File:
    """A sheet of pictures, packed quickly."""
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=80, method=0)
    return File(buffer.getvalue(), WEBP)


def squared(picture: Image.Image, side: int) -> Image.Image:
    """The middle square of a picture, resized; upright as it is."""
    width, height = picture.size
    edge = min(width, height)
    left, top = (width - edge) // 2, (height - edge) // 2
    return picture.resize((side, side), Image.Resampling.BILINEAR, (left, top, left + edge, top + edge))


def example(session: Session, row: int, rank: int, size: int) -> Answer:
    """One crop large: from the original picture where the data set is at hand, else the file's thumbnail."""
    space = session.space
    (row,) = checked_rows(space, [row])
    count = int(space.examples.counts[row])
    if not 0 <= rank < count:
        raise IndexError(f"example {rank} of {space.components[row]}; it has {count}")
    image = int(space.examples.images[row, rank])
    return {
        "response": float(space.examples.responses[row, rank]),
        "rank": rank,
        "of": count,
        "image_id": str(image),
        "name": space.image_name(image),
        "label": space.label(image),
        "image": File(webp(space.shown(row, rank), int(np.clip(size, 16, LARGEST))), WEBP),
    }


def suggest(session: Session, prefix: str, most: int = 12) -> Answer:
    """Words of the vocabulary for what was typed: those that begin so, then those with a word that does."""
    typed = prefix.strip().lstrip("-").strip().lower()
    if not typed:
        return {"words": []}
    words = session.vocabulary or sorted(getattr(session.clip_or_none, "words", None) or ())
    first = [w for w in words if w.lower().startswith(typed)]
    within = [w for w in words if w not in first and any(p.startswith(typed) for p in w.lower().split())]
    return {"words": (first + within)[:most]}


def query_image(session: Session, data: bytes, name: str) -> Answer:
    """Keep a picture that was dropped into the search box; the query names it by its chip."""
    picture = dropped(session, data, name or "the picture")
    return {"chip": {"id": session.keep_image(picture).removeprefix("image:"), "name": name or "image"}}


def dropped(session: Session, data: bytes, name: str) -> Image.Image:
    """A picture that was dropped into a window, as the lens's data set would show it. ValueError for what is none."""
    try:
        return picture_in(data, session.value_range)
    except ValueError as error:
        raise ValueError(f"{name} is not a picture that can be read: {error}") from error


def checked_rows(space: SemanticSpace, rows: Sequence[int]) -> list[int]:
    """Rows of one request; IndexError for one that is not there, ValueError for too many."""
    if len(rows) > MOST_ROWS:
        raise ValueError(f"{len(rows)} components in one request; at most {MOST_ROWS}")
    return [space.components.row(int(row)) for row in rows]
