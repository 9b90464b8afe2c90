"""Exact sums of responses and of their squares, where the responses lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..sums import DIGIT, LARGEST, LOWEST, UNITS, carried
from .rooms import Rooms

if TYPE_CHECKING:
    import torch

# Numbers are rounded to multiples of 2^step, and what is left over goes to the next: 51 bits below, it fits.
_STEPS = (73, 22, -29, LOWEST)
_UNCARRIED = 1 << 11  # numbers of a component whose multiples of a step surely add up to less than 2^63


class Sums:
    """Per component the sums of its responses and of their squares, as `sums.exact` has them."""

    def __init__(self, size: int, device: torch.device) -> None:
        import torch

        self._limbs = torch.zeros((2, size, len(UNITS)), dtype=torch.int64, device=device)
        self._wholes = torch.zeros((2, len(_STEPS), size), dtype=torch.int64, device=device)  # multiples of steps
        self._added = 0

    def resume(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from `arrays()`."""
        import torch

        for limbs, name in zip(self._limbs, ("sums", "squares"), strict=True):
            limbs.copy_(torch.from_numpy(np.array(arrays[name])))

    def arrays(self) -> dict[str, np.ndarray]:
        """The sums, off the device."""
        self._carry()
        sums, squares = (limbs.cpu().numpy().copy() for limbs in self._limbs)
        return {"sums": sums, "squares": squares}

    def expect(self, images: int) -> None:
        """So many numbers of each component will be added; at most `_UNCARRIED`."""
        if self._added + images > _UNCARRIED:
            self._carry()
        self._added += images

    def add(self, rooms: Rooms, largest: float, columns: slice) -> None:
        """Add responses of some components, of magnitude `largest` at most. They, and all other rooms, are used up."""
        import torch

        torch.square(rooms.doubles, out=rooms.more)
        _add(self._wholes[1, :, columns], rooms.more, largest * largest, rooms.work)
        _add(self._wholes[0, :, columns], rooms.doubles, largest, rooms.work)

    def _carry(self) -> None:
        """Add multiples of steps to the sums, digit by digit."""
        for limbs, wholes in zip(self._limbs, self._wholes, strict=True):
            for step, whole in zip(_STEPS, wholes, strict=True):
                digit, shift = divmod(step - LOWEST, DIGIT)
                limb, room = len(UNITS) - 1 - digit, DIGIT - shift
                if limb:
                    limbs[:, limb - 1] += whole >> room
                    whole = whole & (1 << room) - 1
                limbs[:, limb] += whole << shift
            carried(limbs)
        self._wholes.zero_()
        self._added = 0


def _add(wholes: torch.Tensor, values: torch.Tensor, largest: float, work: torch.Tensor) -> None:
    """Add the column sums of float64 values to [step component].

    A number that is added to one so large that its last bit is worth a step is rounded to whole steps, half to even,
    and how many they are stands in its last bits. So these are added up as integers: what overflows comes out right in
    the end. What rounding took off is exact, too.
    """
    import torch

    if largest > LARGEST:
        values.clamp_(-LARGEST, LARGEST)
    for step, whole in zip(_STEPS, wholes, strict=True):
        if step != LOWEST and largest < 2.0**step:
            continue
        large = 1.5 * 2.0 ** (52 + step)
        bits = len(values) * ((1023 + 52 + step << 52) + (1 << 51))  # of the large number alone
        torch.add(values, large, out=work)
        whole += work.view(torch.int64).sum(0)
        whole -= (bits + 2**63) % 2**64 - 2**63
        if step != LOWEST:
            values -= work.sub_(large)
