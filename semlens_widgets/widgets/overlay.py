"""Two models on one map: what the semantic map asks, answered about the components of both together.

Rows of the first model come first, those of the second follow.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..images import picture_in
from ..layout import SAMPLE, expected_seconds
from ..session import Session, comparing
from . import answers
from .channel import Job
from .labelled import no_labels
from .semantic_map import NOTHING
from .view import Verbs
from .wire import Answer


def compute_layout(session: Session, job: Job, whole: bool = False) -> Answer:
    """Make the layout of both that the map is better for; `whole`: of all components, where there is a preview."""
    _both(session)  # raises where nothing is compared
    sample = None if whole else SAMPLE
    comparing.overlay(session, "umap", sample=sample, on_tick=lambda tick: job.progress(int(tick), None, str(tick)))
    return {}


def values(session: Session) -> Answer:
    """The map of both has no colours that stand for numbers."""
    return NOTHING


def _both(session: Session) -> list[tuple[Session, str]]:
    """Both lenses, and the letter that stands before the ids of their components."""
    if session.other is None:
        raise ValueError("nothing is compared yet; call lens.compare(other)")
    return [(session, "A"), (session.others[session.other], "B")]


def _place(session: Session, row: int) -> tuple[Session, str, int]:
    """Whose component a row of both together is: the lens, its letter, and its own row. IndexError outside."""
    rest = int(row)
    for model, letter in _both(session):
        if 0 <= rest < len(model.components):
            return model, letter, rest
        rest -= len(model.components)
    raise IndexError(f"row {row} is in neither model")


def places(session: Session) -> Answer:
    """Where every component of both lies, as `semantic_map.places`; the only colour is whose it is."""
    layouts = session.current_overlay()
    first, places = layouts[0], np.concatenate([layout.positions for layout in layouts])
    living = int(np.isfinite(places[:, 0]).sum())
    return {
        "method": first.method, "sample": first.sample, "whole": expected_seconds(living) if first.preview else None,
        "better": first.method == "pca", "colours": ["layer"], "places": places,
    }  # fmt: skip


def labels(session: Session) -> Answer:
    """The label of each component as its own lens has it: one word per row, as the map reads them."""
    numbers: dict[str, int] = {}
    rows = [(model, row) for model, _ in _both(session) for row in range(len(model.components))]
    known = [model.label_of(row) for model, row in rows]
    of = np.asarray(
        [-1 if label is None else numbers.setdefault(label.text, len(numbers)) for label in known], np.int32
    )
    margins = np.asarray([np.nan if label is None or label.margin is None else label.margin for label in known])
    return no_labels() | {
        "made": bool(numbers), "k": 1, "words": list(numbers), "numbers": of, "margins": margins,
        "accepted": np.asarray([label is not None and label.confident for label in known]),
        "alive": np.concatenate([model.space.alive for model, _ in _both(session)]),
    }  # fmt: skip


def components(session: Session, rows: Sequence[int]) -> Answer:
    """Names of some components, the model's letter before each id."""
    listed = []
    for row in rows:
        model, letter, own = _place(session, row)
        (entry,) = answers.components(model, [own])["components"]
        listed.append(entry | {"row": int(row), "id": f"{letter} {entry['id']}"})
    return {"components": listed}


def sprite(session: Session, rows: Sequence[int], examples: int, size: int) -> Answer:
    """One sheet of the crops of components of both models, as `answers.sprite`."""
    side, counts, sheet = 0, [], None
    for line, row in enumerate(rows):
        model, _, own = _place(session, row)
        result = answers.sprite(model, [own], examples, size)
        strip = picture_in(result["image"].data)
        if sheet is None:
            side = result["size"]
            sheet = Image.new("RGB", (strip.width, side * len(rows)))
        sheet.paste(strip, (0, side * line))
        counts += result["counts"]
    if sheet is None:
        return answers.sprite(session, [], examples, size)
    image = answers.as_webp(sheet)
    return {"columns": sheet.width // side, "size": side, "rows": list(rows), "counts": counts, "image": image}


def example(session: Session, row: int, rank: int, size: int) -> Answer:
    """One crop large, as `answers.example`."""
    model, _, own = _place(session, row)
    return answers.example(model, own, rank, size)


VERBS: Verbs = {
    "overlay_map": places,
    "overlay_map_values": values,
    "overlay_compute_layout": compute_layout,
    "overlay_labels": labels,
    "overlay_components": components,
    "overlay_sprite": sprite,
    "overlay_example": example,
}
"""The map's questions, `overlay_` before each."""
