"""Answers that a file keeps, so that its windows need no kernel: what views show of a state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lens.mapping import COLOURS
from . import labelled, semantic_map
from .channel import Answer
from .semantic_map import SemanticMap
from .views import Gallery, LensView

if TYPE_CHECKING:
    from ..lens import Lens

TABS: dict[str, type[LensView]] = {"search": Gallery, "map": SemanticMap}  # that show something without a kernel


def recorded(lens: Lens) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The traits of the window, its tabs that can be filled, and the replies to all their questions.

    A JSON document and arrays: reply number n has the buffers "n.0", "n.1", …
    """
    replies, arrays = [], {}
    for number, (verb, args, (result, buffers)) in enumerate(_answers(lens)):
        replies.append({"verb": verb, "args": args, "result": result, "buffers": len(buffers)})
        for at, data in enumerate(buffers):
            arrays[f"{number}.{at}"] = np.frombuffer(data, np.uint8)
    traits: dict[str, Any] = {}
    for view in TABS.values():
        traits |= {name: live.shown(lens) for name, live in view.over_classes("_live").items()}
        traits |= {version: 0 for versions in view.counters().values() for version in versions}
    traits |= {"query": "", "layer": None, "selection": []}  # a file opens as if new
    return {"tabs": list(TABS), "traits": traits, "replies": replies}, arrays


def _answers(lens: Lens) -> Iterator[tuple[str, dict[str, Any], Answer]]:
    result, buffers = semantic_map.places(lens)
    yield "map", {}, (result | {"better": False}, buffers)
    yield "labels", {}, labelled.labels(lens)
    for colour in COLOURS[3:]:  # label, layer and search need no numbers of their own
        yield "map_values", {"colour": colour}, semantic_map.values(lens, colour)
