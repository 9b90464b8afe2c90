"""The door to torch: runs a model and records what its layers say, and leaves it exactly as it was."""

from .attaching import attach
from .bookkeeping import Bookkeeping
from .dictionary import dictionary
from .encoding import component_values
from .folding import folded
from .inside import Heads, Mlp
from .layer import Asked, Layer, Layers, Layout, Place, TokenRun, alone_by_features, resolve
from .layouts import settled
from .offered import Offer, Offers, layers
from .reading import NotFinite, Pooling, Responses, axes_of, features_last, tensor_of, tokens_of
from .recording import Recorder, in_order, is_here, recording, stack
from .running import alone, evaluating

__all__ = [
    "Asked", "Bookkeeping", "Heads", "Layer", "Layers", "Layout", "Mlp", "NotFinite", "Offer", "Offers", "Place",
    "Pooling", "Recorder", "Responses", "TokenRun", "alone", "alone_by_features", "attach", "axes_of",
    "component_values", "dictionary", "evaluating",
    "features_last", "folded", "in_order", "is_here", "layers", "recording", "resolve", "settled", "stack", "tensor_of",
    "tokens_of",
]  # fmt: skip
