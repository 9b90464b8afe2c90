"""Answers that a file keeps, so that its windows need no kernel: what views show of a state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..relevance import Relevance
from ..session import Session
from ..session.colours import COLOURS
from . import checklist, component_card, label_table, labelled, score_view, semantic_map
from .checklist import AuditChecklist
from .label_table import LabelTable
from .score_view import ScoreView
from .semantic_map import SemanticMap
from .views import Gallery, LensView
from .wire import Answer, encode

_MOST_MEANINGS = 2000  # components whose meanings are kept: each takes a clustering and a line of text


def tabs(lens: Session) -> dict[str, type[LensView]]:
    """The tabs that show something without a kernel, with their views."""
    found: dict[str, type[LensView]] = {"search": Gallery, "map": SemanticMap}
    if lens.labels is not None or lens.own_labels:
        found["describe"] = LabelTable
    if lens.evaluation is not None:
        found["evaluate"] = ScoreView
    if lens.report is not None:
        found["audit"] = AuditChecklist
    return found


def recorded(lens: Session) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The traits of the window, its tabs that can be filled, and the replies to all their questions.

    A JSON document and arrays: reply number n has the buffers "n.0", "n.1", …; "relevance.classes" and
    "relevance.shares" [component class] are what cards show of relevance, where it is known.
    """
    replies, arrays = [], {}
    for number, (verb, args, answer) in enumerate(_answers(lens)):
        result, buffers = encode(answer)
        replies.append({"verb": verb, "args": args, "result": result, "buffers": len(buffers)})
        for at, data in enumerate(buffers):
            arrays[f"{number}.{at}"] = np.frombuffer(data, np.uint8)
    relevance = None
    if lens.relevance is not None:
        relevance = _spoken_for(lens.relevance)
        arrays["relevance.classes"], arrays["relevance.shares"] = component_card.classes_of_all(lens.relevance)
    traits: dict[str, Any] = {}
    shown = tabs(lens)
    for view in shown.values():
        traits |= {name: live.shown(lens) for name, live in view.over_classes("_live").items()}
        traits |= {version: 0 for versions in view.counters().values() for version in versions}
    traits |= {"query": "", "layer": None, "selection": []}  # a file opens as if new
    return {"tabs": list(shown), "traits": traits, "replies": replies, "relevance": relevance}, arrays


def _spoken_for(relevance: Relevance) -> dict[str, Any]:
    """What cards need to tell the classes a component speaks for: names and images, and how many are left out."""
    counts = relevance.counts.tolist()
    return {
        "classes": [{"name": name, "images": n} for name, n in zip(relevance.classes, counts, strict=True)],
        "more": max(0, sum(n > 0 for n in counts) - component_card.MOST_CLASSES),
        "backend": relevance.backend,
    }


def _answers(lens: Session) -> Iterator[tuple[str, dict[str, Any], Answer]]:
    yield "map", {}, semantic_map.places(lens) | {"better": False}
    yield "labels", {}, labelled.labels(lens)
    for colour in COLOURS[3:]:  # label, layer and search need no numbers of their own
        yield "map_values", {"colour": colour}, semantic_map.values(lens, colour)
    yield "vocabularies", {}, {"vocabularies": []}  # nothing can be described anew
    if lens.labels is not None and len(lens.components) <= _MOST_MEANINGS:
        _ = lens.labels.meanings  # of all at once: row by row they round otherwise
        for row in range(len(lens.components)):
            yield "meanings", {"rows": [row]}, label_table.meanings(lens, [row])
    yield "scores", {}, score_view.scores(lens)
    kept = {"computable": False, "formats": [], "undo": False, "redo": False, "notice": ""}
    yield "audit", {}, checklist.audited(lens) | kept
