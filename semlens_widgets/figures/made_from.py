"""What a figure was made from, in the words of a caption."""

from __future__ import annotations

from collections.abc import Sequence

from ..numbers import count
from ..space import SemanticSpace


def made_from(space: SemanticSpace, layers: Sequence[str] | None = None) -> str:
    """Layers, examples per component, images, CLIP and the hashes of model and data."""
    c, recipe = space.components, space.recipe
    named = [(n, s) for n, s in zip(c.layers, c.sizes, strict=True) if layers is None or n in layers]
    listed = ", ".join(f"{name} ({count(size)} components)" for name, size in named)
    shown = "whole images" if recipe.crop == "whole" else f"{recipe.crop} crop"
    return (
        f"{listed}; k = {recipe.k} examples per component, {shown}, {recipe.pooling} pooling; "
        f"n = {count(space.examples.statistics.images)} images; CLIP {recipe.clip}; "
        f"model {recipe.weights[:8]}, data {recipe.images[:8]}."
    )
