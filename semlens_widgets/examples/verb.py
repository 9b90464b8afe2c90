"""The verb: one streaming pass over the data set, for all layers at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..components import Components
from ..images import Images, batches, first_readable
from ..keys import made_from
from ..model import Bookkeeping, Layer, Pooling, Recorder, folded, recording, resolve
from ..passes import ProgressFile, digest, steps
from .sample import Sampled, drawn
from .statistics import Statistics
from .tally import Tally
from .value import ConceptExamples

if TYPE_CHECKING:
    import torch


def collect(
    model: torch.nn.Module,
    images: Images,
    layers: str | Layer | Sequence[str | Layer],
    *,
    k: int = 30,
    pooling: Pooling = "max",
    batch_size: int = 64,
    ids: Sequence[int] | None = None,
    sample: int = 500,
    seed: int = 0,
    fast: bool = False,
    progress_file: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> ConceptExamples:
    """Find each component's k most exciting images in one pass over the data set, for all layers at once.

    Channels are pooled over places by `pooling` ("max" or "mean"). `ids` restricts the pass to a shard. Of `sample`
    images of the whole data set, drawn by `seed`, the responses of all components are kept. `fast` runs a copy with
    batch norms folded and channels last: responses agree up to rounding. With a `progress_file` an interrupted pass
    is continued where it was last saved, to the same bytes. The model is in eval mode during the pass and as it was
    afterwards. Raises KeyError for an unknown layer, NotFinite for NaN responses, ValueError when no image can be
    read. (Dreyer et al. 2025, concept examples)
    """
    if k < 1 or batch_size < 1 or sample < 0:
        raise ValueError(f"k={k}, batch_size={batch_size}, sample={sample}; at least 1, 1 and 0")
    if pooling not in ("max", "mean"):
        raise ValueError(f"pooling={pooling!r}; channels are pooled by 'max' or 'mean'")
    wanted = resolve(model, layers)
    chosen = np.arange(len(images)) if ids is None else np.asarray(ids)
    file = ProgressFile(
        progress_file,
        lambda: {
            **dict(made_from(model, images, wanted)),
            "chosen": digest(chosen), "k": k, "pooling": pooling, "sample": sample, "seed": seed, "fast": fast,
        },
    )  # fmt: skip
    run = _Pass.resumed(file, wanted, k, drawn(len(images), sample, seed))
    runner = folded(model, wanted, first_readable(images, chosen)[1]) if fast else model
    with recording(runner, wanted) as recorder, steps(run, len(chosen), "examples", progress=progress) as step:
        for batch in batches(images, chosen[run.position :], batch_size):
            run.take(batch.ids, batch.items, recorder, pooling, batch_size if len(chosen) > batch_size else 0)
            run.unreadable += tuple((u.name, u.why) for u in batch.unreadable)
            step(len(batch.ids) + len(batch.unreadable))
    if not run.sizes:
        raise ValueError(f"none of the {len(chosen)} images could be read; the first: {': '.join(run.unreadable[0])}")
    arrays = run.arrays()
    return ConceptExamples.of(
        Tally.of(arrays["keys"], arrays["peaks"]),
        Components(tuple(x.name for x in wanted), run.sizes, tuple(x.signed for x in wanted)),
        run.grids,
        Statistics.from_arrays(arrays, run.images),
        run.unreadable,
        run.sampled() if sample else None,
    )


@dataclass
class _Pass:
    """What a pass has seen so far."""

    file: ProgressFile
    layers: tuple[Layer, ...]
    k: int
    sample: np.ndarray
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
        if len(drawn := np.flatnonzero(np.isin(ids, self.sample))):
            self.drawn.append((ids[drawn], np.concatenate([x.values[drawn].cpu().numpy() for x in said], 1)))

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
        ids = np.concatenate([np.zeros(0, np.int64), *(ids for ids, _ in self.drawn)])
        order = np.argsort(ids, kind="stable")
        rows = [np.zeros((0, sum(self.sizes)), np.float32), *(values for _, values in self.drawn)]
        return Sampled(ids[order].astype(np.int32), {"sample_responses": np.concatenate(rows)[order].T})

    def save(self) -> None:
        if not self.sizes:
            return
        sampled = self.sampled()
        drawn = {"sample_images": sampled.images, "sample_responses": sampled.responses.T}
        document = {
            "position": self.position, "images": self.images, "sizes": self.sizes, "grids": self.grids,
            "unreadable": self.unreadable,
        }  # fmt: skip
        self.file.write({**self.arrays(), **drawn}, document)

    @classmethod
    def resumed(cls, file: ProgressFile, layers: tuple[Layer, ...], k: int, sample: np.ndarray) -> _Pass:
        """The pass as last saved, or a new one."""
        fresh = cls(file, layers, k, sample)
        found = file.read()
        if found is None:
            return fresh
        arrays, document = found
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
