"""The semantic map: every component as a point, alike ones near each other."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import traitlets

from ..layout import FEWEST
from ..session import Session
from ..session.colours import COLOURS, has_colour, map_values
from .channel import Buffers, Job, Verb
from .labelled import LabelledView
from .views import Live
from .wire import Answer

NOTHING: Answer = {"there": False, "about": "", "mark": None, "signed": False}  # to show in a colour


class SemanticMap(LabelledView):
    """The map alone: components in the plane, coloured by what `lens.map_colour` says, chosen by click or lasso."""

    _bundle = "semantic_map"
    _still: ClassVar[str | None] = "map"
    _live: ClassVar[dict[str, Live]] = {"map_colour": Live.same("map_colour")}
    _counted: ClassVar[dict[str, str]] = {
        "layout": "layout_version",
        "evaluation": "evaluation_version",
        "relevance": "relevance_version",
        "target": "relevance_version",
    }
    map_colour = traitlets.Unicode("label").tag(sync=True)
    layout_version = traitlets.Int(0).tag(sync=True)
    evaluation_version = traitlets.Int(0).tag(sync=True)
    relevance_version = traitlets.Int(0).tag(sync=True)

    def _verbs(self) -> dict[str, Verb]:
        lens = self.lens

        def lay_out(args: dict[str, Any], buffers: Buffers, job: Job) -> Answer:
            def asked(seconds: float) -> None:
                job.progress(int(seconds), None, f"UMAP of {int(lens.space.alive.sum()):,} components")

            lens.settled_layout(asked)
            return {}

        mine = {"map": self._plain(places), "map_values": self._plain(values, "colour"), "lay_out": lay_out}
        return super()._verbs() | mine


def places(lens: Session) -> Answer:
    """Where every component lies, `places` [component 2], NaN for dead ones; `better`: UMAP could be made."""
    layout = lens.shown_layout()
    return {
        "method": layout.method,
        "better": lens.layout is None and int(lens.space.alive.sum()) >= FEWEST,
        "colours": [colour for colour in COLOURS if has_colour(lens, colour)],
        "places": layout.positions,
    }


def values(lens: Session, colour: str) -> Answer:
    """What a colour shows: `numbers` [component], NaN where there is none.

    `about` says what it is; `mark` is the level that 95 % of random sets do not reach, where there is one. `signed`:
    zero is the middle. `there` is False where nothing was computed yet; no numbers then.
    """
    if not has_colour(lens, colour):
        return NOTHING
    shown = map_values(lens, colour)
    return {
        "there": True, "about": shown.about, "mark": shown.mark, "signed": shown.signed,
        "numbers": np.asarray(shown.numbers),
    }  # fmt: skip
