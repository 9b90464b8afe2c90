"""Tensors that are rows of one tensor and know it, so that a batch that came as one is not copied to be one again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_ROW = "semlens_row"  # (the tensor, the number of the row)


def rows_of(tensor: torch.Tensor) -> list[torch.Tensor]:
    """The rows of a tensor that belongs to whoever will stack them: `as_one` gives the tensor, and not a copy."""
    rows = list(tensor.unbind())
    for number, row in enumerate(rows):
        setattr(row, _ROW, (tensor, number))
    return rows


def as_one(items: Sequence[Any]) -> torch.Tensor | None:
    """The part of a tensor whose rows the items are, one after the other; None where they are none."""
    whole: Any
    whole, first = getattr(items[0], _ROW, (None, 0)) if len(items) else (None, 0)
    if whole is None:
        return None
    for at, item in enumerate(items):
        found, number = getattr(item, _ROW, (None, 0))
        if found is not whole or number != first + at:
            return None
    part: torch.Tensor = whole[first : first + len(items)]
    return part
