"""The value: a place in the plane for every component."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..vectors import frozen

METHODS = ("pca", "umap")


@dataclass(frozen=True, eq=False)
class Layout:
    """A place in the plane for every component. Both axes have one scale, and the longer fills [0, 1].

    Attributes
    ----------
    positions
        [component 2], in [0, 1]; NaN for dead ones.
    method
        "pca" or "umap".
    seed, neighbours
        How UMAP went about it; PCA needs neither.
    sample
        How many components, drawn at random, UMAP laid out before it placed the others among them: a preview. None
        where it laid out all.

    Examples
    --------
    >>> layout = lens.compute_layout("pca")
    >>> layout.method, layout.preview
    ('pca', False)
    """

    positions: Float[np.ndarray, "component 2"]
    method: str
    seed: int
    neighbours: int
    sample: int | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method={self.method!r}; layouts are made by {' or '.join(map(repr, METHODS))}")
        known = self.positions[np.isfinite(self.positions)]
        if known.size and not 0 <= known.min() <= known.max() <= 1:
            raise ValueError(f"positions reach from {known.min():g} to {known.max():g}; needed are places in [0, 1]")
        object.__setattr__(self, "positions", frozen(self.positions.astype(np.float32)))

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def preview(self) -> bool:
        """Whether UMAP laid out a sample only, and placed the others among it."""
        return self.sample is not None

    def __repr__(self) -> str:
        placed = int(np.isfinite(self.positions[:, 0]).sum())
        how = f", {self.neighbours} neighbours, seed {self.seed}" if self.method == "umap" else ""
        preview = f" (a preview: of {self.sample:,}, the others placed among them)" if self.preview else ""
        return f"<Layout of {placed:,} components by {self.method.upper()}{preview}{how}>"
