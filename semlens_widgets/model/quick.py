"""Pictures in the order in memory that a CPU's convolutions are fastest in, where the model answers them alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .reading import Pooled

if TYPE_CHECKING:
    import torch

_FEW = 2  # convolutions up to which another order gains nothing: a model of patches has one
_RELATIVE, _ABSOLUTE = 1e-3, 1e-4  # of a number, and of the largest: other kernels add up in another order


def gains(model: torch.nn.Module, device: torch.device, dtype: torch.dtype) -> bool:
    """Whether channels last is worth a try: oneDNN then computes convolutions without turning each input and output."""
    import torch

    if device.type != "cpu" or dtype != torch.float32:
        return False
    if not torch.backends.mkldnn.is_available() or not torch.backends.mkldnn.enabled:
        return False
    return sum(isinstance(module, torch.nn.Conv2d) for module in model.modules()) > _FEW


def turned(batch: torch.Tensor) -> torch.Tensor:
    """The same pictures [n c h w], channels last in memory. Anything else as it is."""
    import torch

    return batch.contiguous(memory_format=torch.channels_last) if batch.ndim == 4 else batch


def alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether what was read of the first image of a batch is the same but for rounding, in each layer."""
    import torch

    for name, found in one.items():
        mine, yours = (_values(x)[0].float() for x in (found, other[name]))
        if mine.shape != yours.shape:
            return False
        finite = mine[torch.isfinite(mine)]
        largest = float(finite.abs().max()) if finite.numel() else 0.0
        if not torch.allclose(mine, yours, rtol=_RELATIVE, atol=_ABSOLUTE * largest, equal_nan=True):
            return False
    return True


def _values(found: Any) -> torch.Tensor:
    values: torch.Tensor = found.values if isinstance(found, Pooled) else found
    return values
