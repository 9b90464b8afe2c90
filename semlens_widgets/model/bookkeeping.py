"""What a pass keeps of a layer's responses, added up where they lie: the running top-k, exact sums, counts in bins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..sums import BINS, LARGEST, SMALLEST, UNITS, wider
from ..vectors import NOTHING
from .reading import Pooled, check_finite

if TYPE_CHECKING:
    import torch

_AT_ONCE = 1 << 17  # responses worked on together: on a processor what its cache holds, and its memory would be slower
_ROOM = 64  # candidates of one component that wait to be decided on together; and images worked on together
_MANY = 0.2  # share of candidates from which on all responses are taken for candidates
_LOW = 0xFFFFFFFF
_DIGITS = 1 << 24  # up to which float32 has all whole numbers
_STATE = ("sums", "squares", "nonzero", "negative", "exponent", "bins")


class Bookkeeping:
    """The running top-k and statistics of one layer, on the device of its responses.

    Results do not depend on how images came in batches: they are those of `rank_keys`, of `sums.exact` and of bins as
    narrow as all responses fit. Only what is asked for leaves the device.
    """

    def __init__(self, size: int, k: int, device: torch.device) -> None:
        import torch

        self.images, self.k, self.device = 0, k, _with_doubles(device)

        def filled(shape: tuple[int, ...], value: float | int, dtype: torch.dtype) -> torch.Tensor:
            return torch.full(shape, value, dtype=dtype, device=self.device)

        self._keys = filled((size, k + _ROOM), NOTHING, torch.int64)  # k that are kept, and room for some that wait
        self._peaks = filled((size, k + _ROOM), 0, torch.int32)
        self._waiting = filled((size,), 0, torch.int64)
        self._work: torch.Tensor | None = None
        self._floor = filled((size,), -torch.inf, torch.float32)  # the weakest response that is kept
        self.sums = filled((size, len(UNITS)), 0, torch.int64)
        self.squares = filled((size, len(UNITS)), 0, torch.int64)
        self.nonzero = filled((size,), 0, torch.int64)
        self.negative = filled((size,), False, torch.bool)
        self.exponent = filled((size,), 0, torch.int16)
        self.bins = filled((size, BINS), 0, torch.int64)

    def add(self, pooled: Pooled, count: int, ids: np.ndarray, name: str) -> None:
        """Take the first `count` rows of a batch's pooled values, of the images `ids`.

        NotFinite names the layer and the component that is NaN or infinite.
        """
        import torch

        low_half = torch.as_tensor(_LOW - np.asarray(ids, np.int64)).to(self.device)
        for first in range(0, count, _ROOM):
            images = slice(first, min(first + _ROOM, count))
            values, peaks = (part[images].to(self.device) for part in (pooled.values, pooled.peaks))
            for columns in self._parts(len(values)):
                self._add(values[:, columns], peaks[:, columns], low_half[images], columns, name)
            self.images += len(values)

    def arrays(self) -> dict[str, np.ndarray]:
        """All that is kept, off the device: keys and peaks [component slot], and the statistics."""
        for columns in self._parts(_ROOM):
            self._decide(columns)
        keys, order = self._keys[:, : self.k].sort(1, descending=True)
        return {
            "keys": keys.cpu().numpy(),
            "peaks": self._peaks[:, : self.k].gather(1, order).cpu().numpy(),
            **{name: getattr(self, name).cpu().numpy() for name in _STATE},
        }

    @classmethod
    def resumed(cls, arrays: Mapping[str, np.ndarray], images: int, device: torch.device) -> Bookkeeping:
        """One that goes on from `arrays()`."""
        import torch

        size, k = arrays["keys"].shape
        found = cls(size, k, device)
        found.images = images
        for name in _STATE:
            getattr(found, name).copy_(torch.from_numpy(np.array(arrays[name])))
        found._keys[:, : found.k] = torch.from_numpy(np.array(arrays["keys"])).to(found.device)
        found._peaks[:, : found.k] = torch.from_numpy(np.array(arrays["peaks"])).to(found.device)
        found._floor = _weakest(found._keys[:, : found.k])
        return found

    def _parts(self, images: int) -> Iterator[slice]:
        """Columns to work on together: all, where the device has no small cache to stay in."""
        size = len(self._keys)
        step = max(1, _AT_ONCE // images) if self.device.type == "cpu" else size
        for first in range(0, size, step):
            yield slice(first, min(first + step, size))

    def _add(
        self, values: torch.Tensor, peaks: torch.Tensor, low_half: torch.Tensor, columns: slice, name: str
    ) -> None:
        import torch

        high, low = values.amax(0), values.amin(0)
        most = torch.maximum(high, -low)
        largest = float(most.max())
        if not largest < torch.inf:  # NaN is not smaller either
            check_finite(most[None], name, columns.start)
        self._rank(values, peaks, low_half, columns)
        doubles, work, other, singles = self._buffers(values.shape)
        signs = torch.sign(values, out=singles)
        self.nonzero[columns] += (signs if float(low.min()) >= 0 else signs.abs_()).sum(0).long()
        doubles.copy_(values)
        self._count(values, doubles, high.double(), low.double(), columns, singles, work)
        _add_exactly(self.squares[columns], torch.square(doubles, out=work), largest * largest, other)
        _add_exactly(self.sums[columns], doubles, largest, work)

    def _buffers(self, shape: torch.Size) -> list[torch.Tensor]:
        """Three float64 tensors to work in and a float32 one, made once: new memory costs more than the work in it."""
        import torch

        if self._work is None or self._work.shape[1] < shape.numel():
            self._work = torch.empty((4, shape.numel()), dtype=torch.float64, device=self.device)
        *doubles, last = self._work
        return [part[: shape.numel()].view(shape) for part in (*doubles, last.view(torch.float32))]

    # the top-k

    def _rank(self, values: torch.Tensor, peaks: torch.Tensor, low_half: torch.Tensor, columns: slice) -> None:
        """Put the responses that may be among the strongest k into the room behind those that are."""
        import torch

        images, size = values.shape
        waiting = self._waiting[columns]
        values = values.T.contiguous()
        candidates = (values >= self._floor[columns, None]).flatten().nonzero()[:, 0]
        rows = candidates // images
        news = torch.bincount(rows, minlength=size)
        if int((waiting + news).max()) > _ROOM:
            self._decide(columns)
            self._rank(values.T, peaks, low_half, columns)
        elif len(candidates) > _MANY * values.numel() and not int(waiting.max()):
            room = slice(self.k, self.k + images)
            self._keys[columns, room] = _keys(values, low_half)
            self._peaks[columns, room] = peaks.T
            waiting.fill_(images)
            self._decide(columns)
        elif len(candidates):
            at = candidates - rows * images
            nth = torch.arange(len(rows), device=rows.device)
            place = (torch.arange(size, device=rows.device) + columns.start) * self._keys.shape[1] + self.k
            place = nth + (place + waiting + news - news.cumsum(0))[rows]
            self._keys.view(-1)[place] = _keys(values.view(-1)[candidates], low_half[at])
            self._peaks.view(-1)[place] = peaks[at, rows]
            waiting += news

    def _decide(self, columns: slice) -> None:
        """Keep the strongest k of what waits and what was kept, in any order."""
        waiting = int(self._waiting[columns].max())
        if not waiting:
            return
        used = self.k + waiting
        keys, peaks = self._keys[columns, :used], self._peaks[columns, :used]
        kept, slots = keys.topk(self.k, 1, sorted=False)
        peaks[:, : self.k] = peaks.gather(1, slots)
        keys[:, : self.k], keys[:, self.k :] = kept, NOTHING
        self._waiting[columns] = 0
        self._floor[columns] = _weakest(kept)

    # the histogram

    def _count(
        self, singles: torch.Tensor, doubles: torch.Tensor, high: torch.Tensor, low: torch.Tensor, columns: slice,
        work_of_singles: torch.Tensor, work_of_doubles: torch.Tensor,
    ) -> None:  # fmt: skip
        """Count responses, given in both precisions, in bins as narrow as all that came so far fit."""
        import torch

        size = singles.shape[1]
        before = self.exponent[columns], self.negative[columns]
        negative = before[1] | (low < 0)
        half = torch.where(negative, BINS // 2, BINS).double()
        needed = torch.maximum(high / half, -low / half).clamp(min=SMALLEST)
        fraction, exponent = torch.frexp(needed)
        exponent = exponent - (fraction == 0.5).to(exponent.dtype)  # of the next power of two
        exponent = exponent + (high >= half * _power(exponent)).to(exponent.dtype)  # the top edge is open
        exponent = exponent.to(torch.int16)
        if self.images:
            exponent = torch.maximum(exponent, before[0])
            changed = ((exponent != before[0]) | (negative != before[1])).nonzero()[:, 0]
            if len(changed):
                at = changed + columns.start
                wide, counts = wider(
                    *(a.cpu().numpy() for a in (self.bins[at], self.negative[at], self.exponent[at])),
                    *(a[changed].cpu().numpy() for a in (negative, exponent)),
                )
                exponent[changed] = torch.from_numpy(wide).to(exponent)
                self.bins[at] = torch.from_numpy(counts).to(self.device)
        self.exponent[columns], self.negative[columns] = exponent, negative
        first = torch.arange(0, size * BINS, BINS, device=self.device) + torch.where(negative, BINS // 2, 0)
        scale, values, work = _power(-exponent), doubles, work_of_doubles
        # In float32 the same, faster, where places have no more digits and no negative number vanishes on the way.
        if size * BINS <= _DIGITS and (int(exponent.max()) <= 0 or not bool(negative.any())):
            scale, values, work = scale.float(), singles, work_of_singles
        place = torch.mul(values, scale, out=work).floor_().add_(first).int()
        self.bins[columns] += torch.bincount(place.flatten(), minlength=size * BINS).view(size, BINS)


def _add_exactly(limbs: torch.Tensor, values: torch.Tensor, largest: float, work: torch.Tensor) -> None:
    """Add the column sums of float64 values to [component limb], as `sums.exact`; `values` and `work` are used up."""
    import torch

    if largest > LARGEST:
        values.clamp_(-LARGEST, LARGEST)
    unit = 1.0
    for limb, size in enumerate(UNITS):
        if limb == 0 and largest < size / 2:
            continue
        if size != unit:
            values *= unit / size
            unit = size
        whole = torch.round(values, out=work)
        limbs[:, limb] += whole.sum(0).long()
        if limb < len(UNITS) - 1:
            values -= whole


def _keys(responses: torch.Tensor, low_half: torch.Tensor) -> torch.Tensor:
    """As `rank_keys`; the lower halves are those of the images' ids."""
    import torch

    bits = (responses + 0.0).contiguous().view(torch.int32)  # + 0 makes -0.0 equal 0.0
    return (torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).long() << 32) | low_half


def _weakest(keys: torch.Tensor) -> torch.Tensor:
    """The response of the last key of each row; -inf where keys are missing."""
    import torch

    least = keys.amin(1)
    monotone = (least >> 32).int()
    bits = torch.where(monotone < 0, monotone ^ 0x7FFFFFFF, monotone)
    return torch.where(least == NOTHING, -torch.inf, bits.view(torch.float32))


def _power(exponent: torch.Tensor) -> torch.Tensor:
    """2^exponent as float64, to the bit on any device."""
    import torch

    return ((exponent.long() + 1023) << 52).view(torch.float64)


def _with_doubles(device: torch.device) -> torch.device:
    """The device, or the CPU where the device has no float64 (Apple's)."""
    import torch

    try:
        torch.zeros((), dtype=torch.float64, device=device)
    except (TypeError, RuntimeError):
        return torch.device("cpu")
    return device
