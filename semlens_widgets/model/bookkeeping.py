"""What a pass keeps of a layer's responses, added up where they lie: the running top-k, exact sums, counts in bins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from .adding import Sums
from .counting import Counts
from .reading import Pooled, check_finite
from .rooms import Building
from .strongest import ROOM, Strongest

if TYPE_CHECKING:
    import torch

_AT_ONCE = 1 << 16  # responses worked on together: on a processor what its cache holds, and its memory would be slower


class Bookkeeping:
    """The running top-k and statistics of one layer, on the device of its responses.

    Results do not depend on how images came in batches: they are those of `rank_keys`, of `sums.exact` and of bins as
    narrow as all responses fit. Only what is asked for leaves the device.
    """

    def __init__(self, size: int, k: int, device: torch.device) -> None:
        import torch

        self.images, self.size, self.device = 0, size, _with_doubles(device)
        self._strongest = Strongest(size, k, self.device)
        self._sums, self._counts = Sums(size, self.device), Counts(size, self.device)
        self._nonzero = torch.zeros(size, dtype=torch.int64, device=self.device)
        self._building = Building(self.device)

    def add(self, pooled: Pooled, count: int, ids: np.ndarray, name: str) -> None:
        """Take the first `count` rows of a batch's pooled values, of the images `ids`.

        NotFinite names the layer and the component that is NaN or infinite; then nothing of its images was taken.
        """
        ids = np.asarray(ids)
        for first in range(0, count, ROOM):
            images = slice(first, min(first + ROOM, count))
            values, peaks = (part[images].to(self.device) for part in (pooled.values, pooled.peaks))
            self._take(values, peaks, ids[images], name)
            self.images += images.stop - first

    def _take(self, values: torch.Tensor, peaks: torch.Tensor, ids: np.ndarray, name: str) -> None:
        """At most `ROOM` images."""
        low, high = (edge.cpu().numpy() for edge in (values.amin(0), values.amax(0)))
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            check_finite(values, name)
        self._counts.fit(low, high)
        self._sums.expect(len(values))
        most = np.maximum(high, -low)
        # All components together, where the device has no small cache to stay in.
        step = max(1, _AT_ONCE // len(values)) if self.device.type == "cpu" else self.size
        for start in range(0, self.size, step):
            columns = slice(start, min(start + step, self.size))
            rooms = self._building.rooms((len(values), columns.stop - start))
            # Side by side: rows of many components lie powers of two apart, and push each other out of the cache.
            rooms.singles.copy_(values[:, columns])
            self._strongest.add(rooms.singles, high[columns], peaks[:, columns], ids, columns)
            rooms.doubles.copy_(rooms.singles)
            self._counts.add(rooms, columns)
            signs = rooms.singles.sign_()
            self._nonzero[columns] += (signs.abs_() if low[columns].min() < 0 else signs).sum(0).long()
            self._sums.add(rooms, float(most[columns].max()), columns)

    def arrays(self) -> dict[str, np.ndarray]:
        """All that is kept, off the device: keys and peaks [component slot], and the statistics."""
        parts = self._strongest.arrays(), self._sums.arrays(), self._counts.arrays()
        together = {name: array for part in parts for name, array in part.items()}
        return together | {"nonzero": self._nonzero.cpu().numpy().copy()}

    @classmethod
    def resumed(cls, arrays: Mapping[str, np.ndarray], images: int, device: torch.device) -> Bookkeeping:
        """One that goes on from `arrays()`."""
        import torch

        size, k = arrays["keys"].shape
        found = cls(size, k, device)
        found._strongest.resume(arrays)
        if images:
            found.images = images
            found._sums.resume(arrays)
            found._counts.resume(arrays)
            found._nonzero.copy_(torch.from_numpy(np.array(arrays["nonzero"])))
        return found


def _with_doubles(device: torch.device) -> torch.device:
    """The device, or the CPU where the device has no float64 (Apple's)."""
    import torch

    try:
        torch.zeros((), dtype=torch.float64, device=device)
    except (TypeError, RuntimeError):
        return torch.device("cpu")
    return device
