"""The running top-k of a layer: the strongest responses of each component so far, and where they lay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from ..vectors import NOTHING, rank_keys

if TYPE_CHECKING:
    import torch

ROOM = 64  # candidates of one component that wait to be decided on together, and images that come together
_MANY = 0.4  # share of candidates from which on all responses are taken for candidates
_LATE = 20  # candidates of a component, on the mean, that wait at the most: until then it is not known who is too weak


class Strongest:
    """The k strongest responses of each component so far, on the device where the responses are.

    `keys` [component slot] are `rank_keys`, `peaks` where each response lay: k that are kept, in any order, and room
    for candidates. On a processor few responses are, and numpy puts those few in their place; a device takes all.
    """

    def __init__(self, size: int, k: int, device: torch.device) -> None:
        import torch

        self.k = k
        self.keys = torch.full((size, k + ROOM), NOTHING, dtype=torch.int64, device=device)
        self.peaks = torch.zeros((size, k + ROOM), dtype=torch.int32, device=device)
        self._floor = torch.full((size,), -torch.inf, device=device)  # the weakest response that is kept
        self._waiting = np.zeros(size, np.int64)
        self._here = device.type == "cpu"

    def resume(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from `arrays()`."""
        import torch

        for kept, name in ((self.keys, "keys"), (self.peaks, "peaks")):
            kept[:, : self.k] = torch.from_numpy(np.array(arrays[name])).to(kept)
        self._floor = _responses(self.keys[:, : self.k].amin(1))

    def arrays(self) -> dict[str, np.ndarray]:
        """Keys and peaks [component rank], off the device."""
        self._decide(slice(0, len(self.keys)))
        keys, order = self.keys[:, : self.k].sort(1, descending=True)
        peaks = self.peaks[:, : self.k].gather(1, order)
        return {"keys": keys.cpu().numpy(), "peaks": peaks.cpu().numpy()}

    def add(
        self, values: torch.Tensor, high: Float[np.ndarray, " component"], peaks: torch.Tensor,
        ids: Int[np.ndarray, " image"], columns: slice,
    ) -> None:  # fmt: skip
        """Take responses [image component] of some components, of at most `ROOM` images, and their maxima."""
        if not self._here:
            self._take_all(values, peaks, ids, columns)
            return
        if not (high >= self._floor[columns].numpy()).any():
            return
        found = values.numpy()
        strong = found >= self._floor[columns].numpy()
        news = strong.view(np.uint8).sum(0, dtype=np.uint8).astype(np.int64)
        waiting = self._waiting[columns]
        if int((waiting + news).max()) > ROOM or int(waiting.sum()) > _LATE * len(waiting):
            self._decide(columns)
            strong = found >= self._floor[columns].numpy()
            news = strong.view(np.uint8).sum(0, dtype=np.uint8).astype(np.int64)
        some = int(news.sum())
        if some > _MANY * strong.size:
            self._decide(columns)
            self._take_all(values, peaks, ids, columns)
        elif some:
            self._take_some(strong, news, found, peaks.numpy(), ids, columns)

    def _take_all(self, values: torch.Tensor, peaks: torch.Tensor, ids: np.ndarray, columns: slice) -> None:
        """Decide between what is kept and all responses; nothing waits."""
        room = slice(self.k, self.k + len(values))
        self.keys[columns, room] = _keys(values.T, ids)
        self.peaks[columns, room] = peaks.T
        self._keep(columns, room.stop)

    def _take_some(
        self, strong: Bool[np.ndarray, "image component"], news: Int[np.ndarray, " component"],
        values: np.ndarray, peaks: np.ndarray, ids: np.ndarray, columns: slice,
    ) -> None:  # fmt: skip
        """Put the `strong` responses, so many of each component, behind those that wait."""
        import torch

        images, size = strong.shape
        by_component = torch.from_numpy(strong).T.contiguous().numpy()
        here = np.arange(size)
        component = np.repeat(here, news)
        image = np.flatnonzero(by_component) - component * images
        before = news.cumsum() - news
        place = (here + columns.start) * self.keys.shape[1] + self.k + self._waiting[columns] - before
        place = np.repeat(place, news) + np.arange(len(image))
        self.keys.numpy().reshape(-1)[place] = rank_keys(values.reshape(-1)[image * size + component], ids[image])
        self.peaks.numpy().reshape(-1)[place] = peaks[image, component]
        self._waiting[columns] += news

    def _decide(self, columns: slice) -> None:
        """Keep the strongest of what is kept and what waits."""
        waiting = int(self._waiting[columns].max(initial=0))
        if waiting:
            self._keep(columns, self.k + waiting)
            self._waiting[columns] = 0

    def _keep(self, columns: slice, used: int) -> None:
        """Keep the strongest in the first `used` slots."""
        keys, peaks = self.keys[columns, :used], self.peaks[columns, :used]
        least = (_parted if self._here else _topped)(keys, peaks, self.k)
        keys[:, self.k :] = NOTHING
        self._floor[columns] = _responses(least)


def _topped(keys: torch.Tensor, peaks: torch.Tensor, k: int) -> torch.Tensor:
    """Move the k strongest of each row, in any order, to its beginning; the weakest key of them [row]."""
    strongest, slots = keys.topk(k, 1, sorted=False)
    peaks[:, :k] = peaks.gather(1, slots)
    keys[:, :k] = strongest
    return strongest.amin(1)


def _parted(keys: torch.Tensor, peaks: torch.Tensor, k: int) -> torch.Tensor:
    """The same by numpy, which parts rows in a fraction of the time."""
    import torch

    found, last = keys.numpy(), keys.shape[1] - k
    least = np.partition(found, last, axis=1)[:, last]
    kept = np.flatnonzero(found >= least[:, None])
    if len(kept) != k * len(found):  # a row has fewer than k
        return _topped(keys, peaks, k)
    keys[:, :k], peaks[:, :k] = (torch.from_numpy(a.numpy().take(kept).reshape(-1, k)) for a in (keys, peaks))
    return torch.from_numpy(least)


def _keys(responses: torch.Tensor, ids: np.ndarray) -> torch.Tensor:
    """As `rank_keys`, on the responses' device."""
    import torch

    low_half = torch.from_numpy(0xFFFFFFFF - ids.astype(np.int64)).to(responses.device)
    bits = (responses + 0.0).contiguous().view(torch.int32)  # + 0 makes -0.0 equal 0.0
    return (torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).long() << 32) | low_half


def _responses(keys: torch.Tensor) -> torch.Tensor:
    """The responses that are in some keys; -inf where a key is missing."""
    import torch

    monotone = (keys >> 32).int()
    bits = torch.where(monotone < 0, monotone ^ 0x7FFFFFFF, monotone)
    return torch.where(keys == NOTHING, -torch.inf, bits.view(torch.float32))
