"""Batches as large as a device holds: measured where it can say, halved where it turns out to hold less."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

SMALLEST, LARGEST = 8, 256  # items of a batch that is measured; more are no faster, and wait in memory to be worked on
_SHARE = 0.5  # of the memory that is free: other programs use it, too
_SAYINGS = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch says that memory is used up: an OutOfMemoryError of a device, or a RuntimeError of the CPU."""
    if isinstance(error, MemoryError):
        return True
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(saying in str(error).lower() for saying in _SAYINGS)


class Batches:
    """Runs something on items, on as many at once as memory allows, and remembers how many those are."""

    def __init__(self) -> None:
        self.most: int | None = None  # None as long as all there was did fit

    def run(self, do: Callable[[Sequence[Item]], Result], items: Sequence[Item]) -> list[Result]:
        """What `do` gives for all items, or for parts of them in order. Where one alone is too many, its own error."""
        results, start = [], 0
        while start < len(items):
            part = items[start : start + (self.most or len(items))]
            done, result = self._tried(do, part)
            if done:
                results.append(result)
                start += len(part)
            else:
                self.most = (len(part) + 1) // 2
                _let_go()  # now that the error, and what it holds on to, is gone
        return results

    @staticmethod
    def _tried(do: Callable[[Sequence[Item]], Result], part: Sequence[Item]) -> tuple[bool, Any]:
        try:
            return True, do(part)
        except Exception as error:
            if len(part) == 1 or not is_out_of_memory(error):
                raise
            return False, None


def fitting(free: int, of_one: float) -> int:
    """How many items to work on at once: a power of two of which half of the free memory holds as many."""
    wanted = min(max(_SHARE * free / max(of_one, 1), SMALLEST), LARGEST)
    return 1 << int(wanted).bit_length() - 1


def _let_go() -> None:
    """Have the memory back that torch keeps for another time."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
