"""The door to torch: runs a model and records what its layers say, and leaves it exactly as it was."""

from .folding import folded
from .layer import Layer, resolve
from .reading import NotFinite, Pooling, Responses, component_values, features_last, tensor_of
from .recording import Recorder, in_order, recording, stack
from .running import alone, evaluating

__all__ = [
    "Layer", "NotFinite", "Pooling", "Recorder", "Responses", "alone", "component_values", "evaluating",
    "features_last", "folded", "in_order", "recording", "resolve", "stack", "tensor_of",
]  # fmt: skip
