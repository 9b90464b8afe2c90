"""What every window has: the query, the layer and the chosen components, and the questions about components."""

from __future__ import annotations

import traitlets

from ..session import Session
from ..session.history import AUDIT
from ..session.travelling import travel
from ..texts import quoted
from . import answers, component_card, whole_range
from .channel import Buffers
from .view import Live, View, maybe_text, rows, text
from .wire import Answer

HITS = "hits_version"
"""Counts the answers to the query, in windows with a view that shows them."""


def _dropped(session: Session, buffers: Buffers, name: str = "") -> Answer:
    if len(buffers) != 1:
        raise ValueError("one picture is needed")
    return answers.query_image(session, bytes(buffers[0]), str(name))


def _travel(session: Session, steps: int = 1, redo: bool = False) -> Answer:
    """Take back so many steps, or do them again; the line of Python that does the same for the last of them."""
    history = session.history
    waiting = history.future if redo else history.past
    travel(session, int(steps), redo=bool(redo))
    if not waiting:
        return {"python": ""}
    step = waiting[max(0, len(waiting) - int(steps))]
    if step.name in AUDIT:
        return {"python": "lens.redo()" if redo else "lens.undo()"}
    value = step.after if redo else step.before
    text = (
        quoted(value) if isinstance(value, str) else repr(list(map(str, value)) if step.name == "selection" else value)
    )
    return {"python": f"lens.{step.name} = {text}"}


COMMON = View(
    "common",
    live={
        "query": Live.same("query", text),
        "layer": Live.same("layer", maybe_text),
        "history": Live(traitlets.Dict, lambda session: session.history.to_document()),
        "selection": Live(
            rows, lambda session: session.selected_rows(), lambda session, chosen: setattr(session, "selection", chosen)
        ),
    },
    in_order=("history_travel",),
    verbs={
        "history_travel": _travel,
        "hits": answers.hits,
        "components": answers.components,
        "sprite": answers.sprite,
        "example": answers.example,
        "card": component_card.card,
        "suggest": answers.suggest,
        "query_image": _dropped,
        "display": component_card.display,
        "streams": component_card.streams,
        "whole_range": whole_range.whole_range,
        "relate": component_card.relate,
    },
)
