"""`lens.show()`: all views of a lens in one window."""

from __future__ import annotations

from typing import Any

import traitlets

from . import figure_button
from .channel import Verb
from .tabs import TABS
from .view import bound
from .widget import LensWidget


class Window(LensWidget, views=TABS, bundle="window"):
    """`lens.show()`: all views of a lens in one window, with tabs.

    Each tab is a view that also stands alone; the window is all of them over one lens.

    Parameters
    ----------
    lens
        The lens it shows and follows.

    Examples
    --------
    >>> view = sl.Window(lens)  # the last line of a cell shows it
    """

    title = traitlets.Unicode("").tag(sync=True)
    subtitle = traitlets.Unicode("").tag(sync=True)
    vocabulary_hint = traitlets.List(traitlets.Unicode()).tag(sync=True)
    python = traitlets.Unicode("").tag(sync=True)
    tabs = traitlets.List(traitlets.Unicode()).tag(sync=True)
    tab = traitlets.Unicode(TABS[0].name).tag(sync=True)
    figures = traitlets.List(traitlets.Unicode()).tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    busy = traitlets.Dict(None, allow_none=True).tag(sync=True)

    def _initial(self) -> dict[str, Any]:
        session = self.lens
        c, e = session.components, session.space.examples
        layers = c.layers[0] if len(c.layers) == 1 else f"{c.layers[0]} to {c.layers[-1]}"
        parts = (
            layers,
            f"{len(c):,} components",
            session.space.recipe.clip.split("@")[0],
            f"{e.statistics.images:,} images",
        )
        return super()._initial() | {
            "title": session.name,
            "subtitle": " · ".join(parts),
            "vocabulary_hint": list(session.vocabulary[:24]),
            "tabs": [view.name for view in TABS],
            "figures": [view.name for view in TABS if view.figure],
            "status": {"state": "ready", "message": ""},
        }

    def __init__(self, lens: Any, **unknown: Any) -> None:
        super().__init__(lens, **unknown)
        self.observe(self._shows_other, "tab")

    @property
    def _connect(self) -> str:
        return f"This is a picture of the window as it was, in its tab {self.tab}. Run the cell to connect."

    def _verbs(self) -> dict[str, Verb]:
        return {**super()._verbs(), "figure": bound(figure_button.figure, self.lens)}
