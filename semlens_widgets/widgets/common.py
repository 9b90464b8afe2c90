"""What every window has: the query, the layer and the chosen components, and the questions about components."""

from __future__ import annotations

from ..session import Session
from . import answers, component_card
from .channel import Buffers
from .view import Live, View, maybe_text, rows, text
from .wire import Answer

HITS = "hits_version"
"""Counts the answers to the query, in windows with a view that shows them."""


def _dropped(session: Session, buffers: Buffers, name: str = "") -> Answer:
    if len(buffers) != 1:
        raise ValueError("one picture is needed")
    return answers.query_image(session, bytes(buffers[0]), str(name))


COMMON = View(
    "common",
    live={
        "query": Live.same("query", text),
        "layer": Live.same("layer", maybe_text),
        "selection": Live(
            rows, lambda session: session.selected_rows(), lambda session, chosen: setattr(session, "selection", chosen)
        ),
    },
    verbs={
        "hits": answers.hits,
        "components": answers.components,
        "sprite": answers.sprite,
        "example": answers.example,
        "card": component_card.card,
        "suggest": answers.suggest,
        "query_image": _dropped,
        "display": component_card.display,
        "streams": component_card.streams,
        "relate": component_card.relate,
    },
)
