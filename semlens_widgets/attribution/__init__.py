"""Prediction → components: which components of a model carried a prediction, where, and through which others.

The door to relevance. `attribute`, `heatmaps` and `edges` take a torch model and tensors, leave the model exactly as
it was, and answer with read-only numpy arrays. Torch is loaded when one of them is first asked for.

LRP is implemented here from the published formulas; `backend="zennit"` runs zennit's own instead, the implementation
that zennit-crp builds on, where it is right, to hold ours against. LRP is patented for commercial use in some places;
`backend="gradient"` does without it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from semlens_widgets.attribution.values import Attribution, Balance, Composite, Edges, Heatmaps, Method

if TYPE_CHECKING:
    from semlens_widgets.attribution.affine import Affine, Epsilon, Flat, Gamma, Rule, ZPlus, stabilized
    from semlens_widgets.attribution.engine import attribute, edges, heatmaps, slopes
    from semlens_widgets.attribution.tape import UnsupportedModel

__all__ = [
    "Affine", "Attribution", "Balance", "Composite", "Edges", "Epsilon", "Flat", "Gamma", "Heatmaps", "Method", "Rule",
    "UnsupportedModel", "ZPlus", "attribute", "edges", "heatmaps", "slopes",
    "stabilized",
]  # fmt: skip
_MODULES = {  # loaded with torch, when first asked for
    **dict.fromkeys(("attribute", "edges", "heatmaps", "slopes"), "engine"),
    **dict.fromkeys(("Affine", "Epsilon", "Flat", "Gamma", "Rule", "ZPlus", "stabilized"), "affine"),
    "UnsupportedModel": "tape",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
