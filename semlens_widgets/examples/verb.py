"""The verb: one streaming pass over the data set, for all layers at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..components import Components
from ..images import Images, batches, first_readable
from ..keys import made_from
from ..model import Layer, Pooling, Recorder, Responses, folded, recording, resolve
from ..passes import ProgressFile, digest, steps
from ..vectors import rank_keys
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
    if run.tally is None or run.statistics is None:
        raise ValueError(f"none of the {len(chosen)} images could be read; the first: {': '.join(run.unreadable[0])}")
    sampled = run.sampled() if sample else None
    return ConceptExamples.of(run.tally, run.components(), run.grids, run.statistics, run.unreadable, sampled)


@dataclass
class _Pass:
    """What a pass has seen so far."""

    file: ProgressFile
    layers: tuple[Layer, ...]
    k: int
    sample: np.ndarray
    position: int = 0
    tally: Tally | None = None
    statistics: Statistics | None = None
    sizes: tuple[int, ...] = ()
    grids: tuple[tuple[int, ...], ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    kept: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)  # (ids, responses) of sampled images

    def components(self) -> Components:
        return Components(tuple(x.name for x in self.layers), self.sizes, tuple(x.signed for x in self.layers))

    def take(self, ids: np.ndarray, items: list[Any], recorder: Recorder, pooling: Pooling, fill: int) -> None:
        """One batch. A short one is filled up to `fill`, so that every batch runs the same kernels."""
        if not items:
            return
        answers = recorder.responses(items + items[-1:] * (fill - len(items)), pooling)
        per_layer: list[Responses] = [answers[layer.name] for layer in self.layers]
        values = np.concatenate([r.values[: len(items)] for r in per_layer], 1)
        peaks = np.concatenate([r.peaks[: len(items)] for r in per_layer], 1)
        if self.tally is None:
            self.sizes = tuple(r.values.shape[1] for r in per_layer)
            self.grids = tuple(r.grid for r in per_layer)
            self.tally = Tally(self.sizes, self.k)
        batch = Statistics.of(values, self.statistics)
        self.statistics = batch if self.statistics is None else self.statistics.merge(batch)
        self.tally.add(rank_keys(values, ids[:, None]).T, peaks.T)
        if (drawn := np.isin(ids, self.sample)).any():
            self.kept.append((ids[drawn], values[drawn].astype(np.float32)))

    def sampled(self) -> Sampled:
        ids = np.concatenate([np.zeros(0, np.int64), *(ids for ids, _ in self.kept)])
        order = np.argsort(ids, kind="stable")
        rows = [np.zeros((0, sum(self.sizes)), np.float32), *(values for _, values in self.kept)]
        return Sampled(ids[order].astype(np.int32), {"sample_responses": np.concatenate(rows)[order].T})

    def save(self) -> None:
        if self.tally is None or self.statistics is None:
            return
        sampled = self.sampled()
        arrays = {
            "keys": self.tally.keys, "peaks": self.tally.peaks, "sample_images": sampled.images,
            "sample_responses": sampled.responses.T,
        } | self.statistics.to_arrays()  # fmt: skip
        document = {
            "position": self.position, "images": self.statistics.images, "sizes": self.sizes, "grids": self.grids,
            "unreadable": self.unreadable,
        }  # fmt: skip
        self.file.write(arrays, document)

    @classmethod
    def resumed(cls, file: ProgressFile, layers: tuple[Layer, ...], k: int, sample: np.ndarray) -> _Pass:
        """The pass as last saved, or a new one."""
        fresh = cls(file, layers, k, sample)
        saved = file.read()
        if saved is None:
            return fresh
        arrays, document = saved
        tally = Tally(document["sizes"], k)
        tally.keys, tally.peaks = arrays["keys"], arrays["peaks"]
        return replace(
            fresh,
            position=document["position"],
            tally=tally,
            statistics=Statistics.from_arrays(arrays, document["images"]),
            sizes=tuple(document["sizes"]),
            grids=tuple(tuple(g) for g in document["grids"]),
            unreadable=tuple((name, why) for name, why in document["unreadable"]),
            kept=[(arrays["sample_images"], arrays["sample_responses"])],
        )
