"""What a result depends on, as a hash: of models, functions, data sets and transforms."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


def fingerprint(model: torch.nn.Module) -> str:
    """A hash of the model's structure, all its weights and buffers, and the components that are switched off in it."""
    digest = hashlib.sha256(repr(model).encode())
    for name, module in model.named_modules():
        for hook in module._forward_hooks.values():
            digest.update(f"{name} {hook.semlens_key}".encode() if hasattr(hook, "semlens_key") else b"")
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(_bytes(tensor))
    return digest.hexdigest()


def _bytes(tensor: torch.Tensor) -> memoryview:
    import torch

    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data


def of_encoder(via: Any) -> str:
    """A hash of what a layer's `via` does to features; empty without one."""
    if via is None:
        return ""
    if hasattr(via, "state_dict"):
        return fingerprint(via)
    if hasattr(via, "shape"):
        return hashlib.sha256(np.ascontiguousarray(via, np.float32).tobytes()).hexdigest()
    return f"{getattr(via, '__module__', '')}.{getattr(via, '__qualname__', repr(via))}"
