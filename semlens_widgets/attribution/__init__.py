"""Prediction → components: which components of a model carried a prediction, where, and through which others.

The door to relevance. `attribute`, `heatmaps` and `edges` take a torch model and tensors, leave the model exactly as
it was, and answer with read-only numpy arrays. Torch is loaded when one of them is first asked for.

LRP is implemented here from the published formulas; `backend="zennit"` runs zennit's own instead, the implementation
that zennit-crp builds on, where it is right, to hold ours against. LRP is patented for commercial use in some places;
`backend="gradient"` does without it.
"""

from typing import TYPE_CHECKING, Any

from semlens_widgets.attribution.values import Attribution, Edges, Heatmaps

if TYPE_CHECKING:
    from semlens_widgets.attribution.engine import attribute, edges, heatmaps
    from semlens_widgets.attribution.tape import UnsupportedModel

__all__ = ["Attribution", "Edges", "Heatmaps", "UnsupportedModel", "attribute", "edges", "heatmaps"]


def __getattr__(name: str) -> Any:
    if name in ("attribute", "edges", "heatmaps"):
        from semlens_widgets.attribution import engine

        return getattr(engine, name)
    if name == "UnsupportedModel":
        from semlens_widgets.attribution.tape import UnsupportedModel

        return UnsupportedModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
