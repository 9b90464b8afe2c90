"""Memory to work in, made once: new memory costs more than the work that is done in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_SHAPES = 8  # that are remembered


@dataclass(frozen=True, eq=False)
class Rooms:
    """Tensors of one shape, of which two share memory: `single` is in `work`, and `whole`, of int32, in `more`."""

    singles: torch.Tensor
    doubles: torch.Tensor
    work: torch.Tensor
    more: torch.Tensor
    single: torch.Tensor
    whole: torch.Tensor

    @classmethod
    def of(cls, memory: torch.Tensor, shape: tuple[int, int]) -> Rooms:
        """In four rows of float64 numbers, each at least as long as the shape has numbers."""
        import torch

        def as_(kind: torch.dtype, row: torch.Tensor) -> torch.Tensor:
            return row.view(kind)[: math.prod(shape)].view(shape)

        one, two, three, four = memory
        kinds = torch.float32, torch.float64, torch.float64, torch.float64, torch.float32, torch.int32
        rows = one, two, three, four, three, four
        return cls(*map(as_, kinds, rows))


class Building:
    """Rooms of any shape, in the same memory: those of one shape at a time."""

    def __init__(self, device: torch.device) -> None:
        import torch

        self._memory = torch.empty((4, 0), dtype=torch.float64, device=device)
        self._rooms: dict[tuple[int, int], Rooms] = {}

    def rooms(self, shape: tuple[int, int]) -> Rooms:
        if shape not in self._rooms:
            size = math.prod(shape)
            if size > self._memory.shape[1] or len(self._rooms) >= _SHAPES:
                self._rooms.clear()
            if size > self._memory.shape[1]:
                self._memory = self._memory.new_empty((4, size))
            self._rooms[shape] = Rooms.of(self._memory, shape)
        return self._rooms[shape]
