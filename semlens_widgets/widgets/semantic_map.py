"""The semantic map: every component as a point, alike ones near each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..layout import FEWEST, expected_seconds
from ..session import Session
from ..session.colours import COLOURS, has_colour, map_values
from . import labelled
from .channel import Job
from .common import HITS
from .view import Live, View, text
from .widget import LensWidget
from .wire import Answer

NOTHING: Answer = {"there": False, "about": "", "mark": None, "signed": False}  # to show in a colour


def compute_layout(session: Session, job: Job, whole: bool = False) -> Answer:
    """Make the layout that the map is better for; `whole`: of all components, where there is a preview."""
    session.wait_for_layout(lambda tick: job.progress(int(tick), None, str(tick)), whole)
    return {}


def places(session: Session) -> Answer:
    """Where every component lies, `places` [component 2], NaN for dead ones; `better`: UMAP could be made.

    `sample`: UMAP laid out so many and placed the others among them; None where it laid out all. `whole`: seconds that
    laying out all of them takes, about, where that can be had and is something else.
    """
    layout = session.current_layout()
    return {
        "method": layout.method,
        "sample": layout.sample,
        "whole": expected_seconds(int(session.space.alive.sum())) if layout.preview else None,
        "better": session.layout is None and int(session.space.alive.sum()) >= FEWEST,
        "colours": [colour for colour in COLOURS if has_colour(session, colour)],
        "places": layout.positions,
    }


def values(session: Session, colour: str) -> Answer:
    """What a colour shows: `numbers` [component], NaN where there is none.

    `about` says what it is; `mark` is the level that 95 % of random sets do not reach, where there is one. `signed`:
    zero is the middle. `there` is False where nothing was computed yet; no numbers then.
    """
    if not has_colour(session, colour):
        return NOTHING
    shown = map_values(session, colour)
    return {
        "there": True, "about": shown.about, "mark": shown.mark, "signed": shown.signed,
        "numbers": np.asarray(shown.numbers),
    }  # fmt: skip


def _recorded(session: Session) -> Iterator[tuple[str, dict[str, Any], Answer]]:
    yield "map", {}, places(session) | {"better": False, "whole": None}
    yield "labels", {}, labelled.labels(session)
    for colour in COLOURS[3:]:  # label, layer and search need no numbers of their own
        yield "map_values", {"colour": colour}, values(session, colour)


VIEW = View(
    "map",
    live=labelled.LIVE | {"map_colour": Live.same("map_colour", text)},
    counters=labelled.COUNTED
    | {
        "hits": HITS,
        "layout": "layout_version",
        "evaluation": "evaluation_version",
        "relevance": "relevance_version",
        "target": "relevance_version",
    },
    constants={"layers": labelled.listed_layers},
    verbs={"labels": labelled.labels, "map": places, "map_values": values, "compute_layout": compute_layout},
    figure=True,
    recorded=_recorded,
    has_content=lambda session: True,
)


class SemanticMap(LensWidget, views=(VIEW,), bundle="semantic_map"):
    """The map alone: components in the plane, coloured by what `lens.map_colour` says, chosen by click or lasso.

    Parameters
    ----------
    lens
        The lens it shows and follows.

    Examples
    --------
    >>> view = sl.SemanticMap(lens)  # the last line of a cell shows it
    """
