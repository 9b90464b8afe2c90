"""Answers that a file keeps, so that its windows need no kernel: what views show of a state."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..relevance import Relevance
from ..session import Session
from . import component_card
from .common import COMMON
from .tabs import TABS
from .wire import encode


def recorded(session: Session) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The traits of the window, its tabs that can be filled, and the replies to all their questions.

    A JSON document and arrays: reply number n has the buffers "n.0", "n.1", …; "relevance.classes" and
    "relevance.shares" [component class] are what cards show of relevance, where it is known.
    """
    replies, arrays = [], {}
    asked = (answer for view in TABS if view.recorded is not None for answer in view.recorded(session))
    for number, (verb, args, answer) in enumerate(asked):
        result, buffers = encode(answer)
        replies.append({"verb": verb, "args": args, "result": result, "buffers": len(buffers)})
        for at, data in enumerate(buffers):
            arrays[f"{number}.{at}"] = np.frombuffer(data, np.uint8)
    relevance = None
    if session.relevance is not None:
        relevance = _class_relevance(session.relevance)
        arrays["relevance.classes"], arrays["relevance.shares"] = component_card.classes_of_all(session.relevance)
    traits: dict[str, Any] = {}
    shown = [view for view in TABS if view.has_content(session)]
    for view in (COMMON, *shown):
        traits |= {name: live.shown(session) for name, live in view.live.items()}
        traits |= dict.fromkeys(view.counters.values(), 0)
    traits |= {"query": "", "layer": None, "selection": []}  # a file opens as if new
    # Nothing was done in it yet, and its words are kept in the sentences they were embedded with.
    traits = {name: value for name, value in traits.items() if name not in ("history", "template")}
    document = {"tabs": [view.name for view in shown], "traits": traits, "replies": replies, "relevance": relevance}
    return document, arrays


def _class_relevance(relevance: Relevance) -> dict[str, Any]:
    """What cards need to tell the classes a component speaks for: names and images, and how many are left out."""
    counts = relevance.counts.tolist()
    return {
        "classes": [{"name": name, "images": n} for name, n in zip(relevance.classes, counts, strict=True)],
        "more": max(0, sum(n > 0 for n in counts) - component_card.MOST_CLASSES),
        "backend": relevance.backend,
    }
