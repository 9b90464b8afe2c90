"""The semantic map from a notebook: where every component lies, and what its colour shows."""

from __future__ import annotations

import threading
from collections.abc import Mapping as Named
from typing import Any

import numpy as np
import traitlets

from ..layout import NEIGHBOURS, Asked, Layout, pca, umap
from ..session.colours import COLOURS
from .fitted import Fitted, Part


class Mapping(Fitted):
    """The verb `lay_out`, the layout it made last, and the map's colours as a live value."""

    layout = traitlets.Instance(Layout, allow_none=True, read_only=True, help="what `lay_out` made last, or None")
    map_colour = traitlets.Unicode("label", help=f"what colours show on the map: {', '.join(COLOURS)}").tag(live=True)

    def _begin(self) -> None:
        super()._begin()
        self._first_layout: Layout | None = None
        self._laying_out = threading.Lock()

    @traitlets.validate("map_colour")
    def _valid_map_colour(self, proposal: Any) -> str:
        wanted: str = proposal["value"]
        if wanted not in COLOURS:
            raise ValueError(f"map_colour={wanted!r}; colours can show {', '.join(COLOURS)}")
        return wanted

    def lay_out(
        self, method: str = "umap", *, seed: int = 0, neighbours: int = NEIGHBOURS, asked: Asked | None = None
    ) -> Layout:
        """Place all components in a plane, alike ones near each other; every map moves there, and files keep it.

        method: "umap", the same for the same seed (its first use takes half a minute, 20,000 components a minute
        more), or "pca", at once. A map that is opened starts UMAP by itself, in the background. `asked`: see
        `layout.umap`. ValueError for a method that is neither, or UMAP of fewer than ten living components.
        """
        if method == "pca":
            made = pca(self.space)
        elif method == "umap":
            made = umap(self.space, seed=seed, neighbours=neighbours, asked=asked)
        else:
            raise ValueError(f"method={method!r}; layouts are made by 'pca' or 'umap'")
        with self.lock:
            self.set_trait("layout", made)
        return made

    def shown_layout(self) -> Layout:
        """The layout a map shows now: the last one made, or the principal coordinates until there is one."""
        if self.layout is not None:
            return self.layout
        if self._first_layout is None:
            self._first_layout = pca(self.space)
        return self._first_layout

    def settled_layout(self, asked: Asked) -> Layout:
        """The layout there is, or UMAP made now; whoever asks while it is being made waits for the same one."""
        while not self._laying_out.acquire(timeout=0.1):
            asked(0)
        try:
            return self.lay_out(asked=asked) if self.layout is None else self.layout
        finally:
            self._laying_out.release()

    def _parts(self) -> dict[str, Part]:
        parts = super()._parts()
        if (made := self.layout) is not None:
            how = {"method": made.method, "seed": made.seed, "neighbours": made.neighbours}
            parts["layout"] = (how, {"positions": np.asarray(made.positions)})
        return parts

    def _restore(self, parts: Named[str, Part]) -> None:
        super()._restore(parts)
        if "layout" in parts:
            how, arrays = parts["layout"]
            positions = arrays["positions"]
            if len(positions) != len(self.components):
                raise ValueError(f"the file's layout has {len(positions)} places, {len(self.components)} are needed")
            self.set_trait("layout", Layout(positions, how["method"], how["seed"], how["neighbours"]))
