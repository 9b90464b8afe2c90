"""`lens.show()`: all views of a lens in one window."""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets

from . import figure_button
from .channel import Verb
from .checklist import AuditChecklist
from .comparing import ComparisonView
from .label_table import LabelTable
from .prediction import PredictionView
from .score_view import ScoreView
from .semantic_map import SemanticMap
from .views import Gallery


class Window(AuditChecklist, PredictionView, ComparisonView, SemanticMap, LabelTable, ScoreView, Gallery):
    """`lens.show()`: all views of a lens in one window, with tabs.

    Each tab is a view that also stands alone; the window is all of them over one lens.
    """

    _bundle = "window"
    _tabs = ("search", "map", "describe", "evaluate", "prediction", "compare", "audit")
    _still: ClassVar[str | None] = None
    title = traitlets.Unicode("").tag(sync=True)
    subtitle = traitlets.Unicode("").tag(sync=True)
    vocabulary_hint = traitlets.List(traitlets.Unicode()).tag(sync=True)
    python = traitlets.Unicode("").tag(sync=True)
    tabs = traitlets.List(traitlets.Unicode()).tag(sync=True)
    tab = traitlets.Unicode("search").tag(sync=True)
    figures = traitlets.List(traitlets.Unicode()).tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    busy = traitlets.Dict(None, allow_none=True).tag(sync=True)

    def _initial(self) -> dict[str, Any]:
        lens = self.lens
        c, e = lens.components, lens.space.examples
        layers = c.layers[0] if len(c.layers) == 1 else f"{c.layers[0]} to {c.layers[-1]}"
        parts = (
            layers,
            f"{len(c):,} components",
            lens.space.recipe.clip.split("@")[0],
            f"{e.statistics.images:,} images",
        )
        return super()._initial() | {
            "title": lens.name,
            "subtitle": " · ".join(parts),
            "vocabulary_hint": list(lens.vocabulary[:24]),
            "tabs": list(self._tabs),
            "figures": [tab for tab in self._tabs if tab in figure_button.TABS],
            "status": {"state": "ready", "message": ""},
        }

    def _verbs(self) -> dict[str, Verb]:
        plain = self._plain
        return super()._verbs() | {"figure": plain(figure_button.figure, "view", "format", "width", "theme", "options")}
