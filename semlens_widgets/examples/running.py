"""A pass on its way: what it has seen so far, and how it goes over images, in one process or as shards of several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..images import Images, batches, first_readable
from ..model import Bookkeeping, Layer, Pooling, Recorder, folded, is_here, recording
from ..passes import Counted, ProgressFile, steps
from ..shards import Part, Shard
from .sample import Draw, Sampled
from .statistics import Statistics
from .tally import Tally

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Settings:
    """How a pass goes over images, whatever they are."""

    k: int
    pooling: Pooling
    batch_size: int
    sample: int
    seed: int
    fast: bool

    def go(
        self, run: RunningPass, model: torch.nn.Module, images: Images, ids: np.ndarray | None,
        step: Callable[[int], None],
    ) -> None:  # fmt: skip
        """Let a pass take images: these, or all from its position on.

        Every batch is as long as the others, so shards run the same kernels as a whole.
        """
        runner = folded(model, run.layers, first_readable(images)[1]) if self.fast else model
        with recording(runner, run.layers, quick=True) as recorder:
            for batch in batches(images, ids, self.batch_size, start=run.position, here=is_here(runner)):
                # Of a stream that ends with its first batch the length is known by now: more was asked for ahead.
                fill = self.batch_size if images.length is None or images.length > self.batch_size else 0
                run.take(batch.ids, batch.items, recorder, self.pooling, fill)
                run.unreadable += tuple((u.name, u.why) for u in batch.unreadable)
                step(len(batch.ids) + len(batch.unreadable))


@dataclass(frozen=True, eq=False)
class Work:
    """The part of some images, for an engine."""

    ids: np.ndarray
    settings: Settings

    def __call__(self, things: Mapping[str, Any]) -> Part:
        images, settings = things["images"], self.settings
        sample = Draw(settings.sample, settings.seed, len(images))
        run = RunningPass(ProgressFile(None, dict), things["layers"], settings.k, sample, images.memo)
        settings.go(run, things["model"], images, self.ids, lambda count: None)
        return run.state()


@dataclass
class RunningPass:
    """What a pass has seen so far, and the file that keeps it."""

    file: ProgressFile
    layers: tuple[Layer, ...]
    k: int
    sample: Draw
    memo: Callable[[], dict[str, Any] | None]  # what is known of a stream
    position: int = 0
    images: int = 0
    sizes: tuple[int, ...] = ()
    grids: tuple[tuple[int, ...], ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    drawn: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)  # (ids, responses) of sampled images
    books: list[Bookkeeping] = field(default_factory=list)  # one of each layer, from the first batch on
    saved: Mapping[str, np.ndarray] = field(default_factory=dict)  # what they go on from

    def take(self, ids: np.ndarray, items: list[Any], recorder: Recorder, pooling: Pooling, fill: int) -> None:
        """One batch. A short one is filled up to `fill`, so that every batch runs the same kernels."""
        if not items:
            return
        answers = recorder.pooled(items + items[-1:] * (fill - len(items)), pooling)
        said = [answers[layer.name] for layer in self.layers]
        if not self.books:
            self.sizes, self.grids = tuple(x.values.shape[1] for x in said), tuple(x.grid for x in said)
            self.books = [self._book(at, recorder) for at in range(len(said))]
        for layer, book, x in zip(self.layers, self.books, said, strict=True):
            book.add(x, len(items), ids, layer.name)
        self.images += len(items)
        if len(drawn := self.sample.among(ids)):
            self.drawn.append((ids[drawn], np.concatenate([x.values[drawn].cpu().numpy() for x in said], 1)))
            if self.sample.crowded(self.drawn):
                self.drawn = self.sample.left(self.drawn)

    def _book(self, at: int, recorder: Recorder) -> Bookkeeping:
        """The books of one layer, new or as they were saved."""
        if not self.saved:
            return Bookkeeping(self.sizes[at], self.k, recorder.device)
        rows = slice(sum(self.sizes[:at]), sum(self.sizes[: at + 1]))
        return Bookkeeping.resumed({n: a[rows] for n, a in self.saved.items()}, self.images, recorder.device)

    def arrays(self) -> Mapping[str, np.ndarray]:
        """The books of all layers, one after the other."""
        if not self.books:
            return self.saved
        parts = [book.arrays() for book in self.books]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def sampled(self) -> Sampled:
        nobody = np.zeros(0, np.int64), np.zeros((0, sum(self.sizes)), np.float32)
        ((ids, rows),) = self.sample.left([nobody, *self.drawn])
        return Sampled(ids.astype(np.int32), {"sample_responses": rows.T})

    def state(self) -> Part:
        """All of it: what a file keeps."""
        sampled = self.sampled()
        drawn = {"sample_images": sampled.images, "sample_responses": sampled.responses.T}
        document = {
            "position": self.position, "images": self.images, "sizes": self.sizes, "grids": self.grids,
            "unreadable": self.unreadable, "stream": self.memo(),
        }  # fmt: skip
        return {**self.arrays(), **drawn}, document

    def save(self) -> None:
        if self.sizes:
            self.file.write(*self.state())

    def merge(self, parts: Iterable[tuple[Shard, Part]], total: int, progress: bool) -> None:
        """Take in the parts of shards as they arrive; in any order they come to the same."""
        unreadable: dict[int, tuple[tuple[str, str], ...]] = {}
        with steps(Counted(self.position), total, "examples", progress=progress) as step:
            for shard, (arrays, document) in parts:
                unreadable[shard.begin] = tuple((name, why) for name, why in document["unreadable"])
                if document["sizes"]:
                    self._add({name: np.array(arrays[name]) for name in arrays}, document)
                step(len(shard))
        self.unreadable += tuple(told for begin in sorted(unreadable) for told in unreadable[begin])
        self.position = total
        self.save()

    def _add(self, arrays: dict[str, np.ndarray], document: Mapping[str, Any]) -> None:
        """Take in what another pass has seen of other images."""
        sizes, grids = tuple(document["sizes"]), tuple(tuple(grid) for grid in document["grids"])
        self.drawn.append((arrays.pop("sample_images"), arrays.pop("sample_responses")))
        images = document["images"]
        if not self.sizes:
            self.sizes, self.grids, self.saved, self.images = sizes, grids, arrays, images
            return
        if (sizes, grids) != (self.sizes, self.grids):
            raise ValueError(
                f"layers of {self.sizes} components over {self.grids} places in some shards, {sizes} over {grids} in "
                "others; all images of a pass need one size, so give sl.images a transform that resizes them"
            )
        tally = Tally.of(np.array(self.saved["keys"]), np.array(self.saved["peaks"]))
        tally.add(arrays["keys"], arrays["peaks"])
        mine, yours = Statistics.from_arrays(self.saved, self.images), Statistics.from_arrays(arrays, images)
        self.saved = {"keys": tally.keys, "peaks": tally.peaks, **mine.merge(yours).to_arrays()}
        self.images += images

    @classmethod
    def resumed(
        cls, file: ProgressFile, layers: tuple[Layer, ...], k: int, sample: Draw, images: Images
    ) -> RunningPass:
        """The pass over these images as last saved, or a new one. ValueError for a stream that has changed since."""
        fresh = cls(file, layers, k, sample, images.memo)
        found = file.read()
        if found is None:
            return fresh
        arrays, document = found
        images.recall(document["stream"])
        drawn = [(arrays.pop("sample_images"), arrays.pop("sample_responses"))]
        return replace(
            fresh,
            position=document["position"],
            images=document["images"],
            sizes=tuple(document["sizes"]),
            grids=tuple(tuple(g) for g in document["grids"]),
            unreadable=tuple((name, why) for name, why in document["unreadable"]),
            drawn=drawn,
            saved=arrays,
        )
