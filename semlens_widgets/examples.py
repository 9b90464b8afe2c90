"""Concept examples: for each component the k images that excite it most, found in one streaming pass."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int
from tqdm.auto import tqdm

from . import store
from .components import Components
from .images import Images, batches
from .model import Layer, Pooling, Recorder, Responses, folded, recording, resolve
from .vectors import frozen, rank_keys, unrank_keys

if TYPE_CHECKING:
    import torch

BINS = 64
NOTHING = np.iinfo(np.int64).min  # the key of an empty slot; smaller than the key of any response
_UNITS = (2.0**40, 1.0, 2.0**-40, 2.0**-80)  # of the four integers an exact sum is kept in
_LARGEST = 2.0**78


def exact(values: Float[np.ndarray, "image component"]) -> Int[np.ndarray, "component limb"]:
    """The column sums of float64 values as four integers, in units of 2^40, 1, 2^-40 and 2^-80.

    Integers add up the same in any order, so sums do not depend on batches or shards. Each value is exact to
    2^-81 and saturates beyond 2^78; 16 million values fit.
    """
    rest = np.clip(values, -_LARGEST, _LARGEST)
    limbs = np.zeros((rest.shape[1], len(_UNITS)), np.int64)
    for limb, size in enumerate(_UNITS):
        if limb == 0 and np.abs(rest).max(initial=0) < size / 2:
            continue
        whole = np.rint(rest / size)
        limbs[:, limb] = whole.astype(np.int64).sum(0)
        rest = rest - whole * size
    return limbs


@dataclass(frozen=True, eq=False)
class Statistics:
    """How each component responds over the whole data set; everything here adds up exactly over shards.

    `sums`, `squares`: see `exact`. `nonzero`: images with a response other than 0. `bins` counts responses in 64
    bins of width 2^`exponent`, from 0 upwards, or from -32 bins upwards where `negative`.
    """

    images: int
    sums: Int[np.ndarray, "component limb"]
    squares: Int[np.ndarray, "component limb"]
    nonzero: Int[np.ndarray, " component"]
    negative: Bool[np.ndarray, " component"]
    exponent: Int[np.ndarray, " component"]
    bins: Int[np.ndarray, "component bin"]

    @property
    def mean(self) -> Float[np.ndarray, " component"]:
        return self.sums @ np.asarray(_UNITS) / max(self.images, 1)

    @property
    def variance(self) -> Float[np.ndarray, " component"]:
        """Population variance; never below 0."""
        return np.maximum(self.squares @ np.asarray(_UNITS) / max(self.images, 1) - self.mean**2, 0)

    @property
    def nonzero_share(self) -> Float[np.ndarray, " component"]:
        return self.nonzero / max(self.images, 1)

    def histogram(self, component: int) -> tuple[Float[np.ndarray, " edge"], Int[np.ndarray, " bin"]]:
        """(edges, counts) of one component's responses, 65 edges and 64 counts."""
        width = 2.0 ** float(self.exponent[component])
        start = -BINS / 2 * width if self.negative[component] else 0.0
        return start + width * np.arange(BINS + 1), self.bins[component]

    def merge(self, other: Statistics) -> Statistics:
        negative = self.negative | other.negative
        exponent = np.maximum(self.exponent, other.exponent)
        bins = self.bins + other.bins
        rows = np.flatnonzero((self.exponent != other.exponent) | (self.negative != other.negative))
        if len(rows):
            to = negative[rows], exponent[rows]
            mine, yours = (_rebinned(s.bins[rows], s.negative[rows], s.exponent[rows], *to) for s in (self, other))
            exponent[rows], bins[rows] = _finest(mine + yours, *to)
        return Statistics(
            self.images + other.images,
            self.sums + other.sums,
            self.squares + other.squares,
            self.nonzero + other.nonzero,
            negative,
            exponent,
            bins,
        )

    @classmethod
    def of(cls, responses: Float[np.ndarray, "image component"], like: Statistics | None = None) -> Statistics:
        """The statistics of one batch of responses, in the bins of `like` where they fit, so that merging is cheap."""
        values = responses.astype(np.float64)
        images, components = values.shape
        low, high = values.min(0, initial=0), values.max(0, initial=0)
        negative = low < 0 if like is None else (low < 0) | like.negative
        half = np.where(negative, BINS // 2, BINS)
        with np.errstate(divide="ignore"):
            needed = np.log2(np.maximum(np.maximum(high / half, -low / half), 2.0**-120))
        exponent = np.ceil(needed).astype(np.int16)
        exponent += (high >= half * np.exp2(exponent)).astype(np.int16)  # the top edge is open
        if like is not None:
            exponent = np.maximum(exponent, like.exponent)
        place = np.floor(values / np.exp2(exponent)).astype(np.int64) + np.where(negative, BINS // 2, 0)
        flat = place + np.arange(components) * BINS
        bins = np.bincount(flat.ravel(), minlength=components * BINS).reshape(components, BINS)
        return cls(
            images,
            exact(values),
            exact(values * values),
            (values != 0).sum(0),
            negative,
            exponent,
            bins.astype(np.int64),
        )


def _rebinned(
    bins: np.ndarray,
    negative: np.ndarray,
    exponent: np.ndarray,
    to_negative: np.ndarray,
    to_exponent: np.ndarray,
) -> np.ndarray:
    """Counts moved into bins that start at -32 where the other side is negative, and are wider by powers of 2.

    Result has twice the room (128 bins, from -64 or from 0) so that nothing falls off before `_finest`.
    """
    wide = np.zeros((len(bins), 2 * BINS), np.int64)
    wide[:, BINS // 2 : BINS // 2 + BINS] = bins  # as if from -64 … : bin b of a negative component is b - 32
    shifted = np.zeros_like(wide)
    shifted[:, BINS:] = bins  # of a non-negative component: bin b is b
    wide = np.where(negative[:, None], wide, shifted)
    for step in range(int((to_exponent - exponent).max(initial=0))):
        rows = np.flatnonzero(to_exponent - exponent > step)
        wide[rows] = _doubled(wide[rows])
    return wide


def _doubled(wide: np.ndarray) -> np.ndarray:
    """Bins from -64 to 63 merged in pairs: bin b becomes floor(b / 2)."""
    merged = np.zeros_like(wide)
    merged[:, BINS // 2 : BINS // 2 + BINS] = wide[:, 0::2] + wide[:, 1::2]
    return merged


def _finest(wide: np.ndarray, negative: np.ndarray, exponent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(exponent, bins) after as few doublings as make the counts fit their 64 bins."""
    exponent = exponent.copy()
    first = np.where(negative, BINS // 2, BINS)
    while True:
        place = np.arange(2 * BINS)
        outside = (place < first[:, None]) | (place >= first[:, None] + BINS)
        rows = np.flatnonzero((wide * outside).any(1))
        if not len(rows):
            break
        wide[rows] = _doubled(wide[rows])
        exponent[rows] += 1
    return exponent, np.take_along_axis(wide, first[:, None] + np.arange(BINS), 1)


def drawn(images: int, count: int, seed: int) -> Int[np.ndarray, " image"]:
    """`count` of the numbers 0 … `images` - 1 at random, in order; a larger draw holds every smaller one."""
    return np.sort(np.random.default_rng(seed).permutation(images)[:count])


@dataclass(frozen=True, eq=False)
class Sampled:
    """The responses of all components to a random sample of the data set, whatever they are: held-out evidence.

    `images` are in order of their ids. `arrays` holds "sample_responses" [component image], which a file reads
    when it is first asked for.
    """

    images: Int[np.ndarray, " image"]
    arrays: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        object.__setattr__(self, "images", frozen(self.images))

    @property
    def responses(self) -> Float[np.ndarray, "component image"]:
        return self.arrays["sample_responses"]

    def merge(self, other: Sampled) -> Sampled:
        images = np.concatenate([self.images, other.images])
        order = np.argsort(images, kind="stable")
        return Sampled(images[order], {"sample_responses": np.hstack([self.responses, other.responses])[:, order]})

    def only(self, kept: Bool[np.ndarray, " image"]) -> Sampled:
        """The same without some images."""
        return self if kept.all() else Sampled(self.images[kept], {"sample_responses": self.responses[:, kept]})


@dataclass(frozen=True, eq=False)
class ConceptExamples:
    """The images that excite each component most, strongest first; equal responses by lower image id.

    `images`, `responses`, `peaks` are [component example]; a peak is the flat number of the place of the
    maximum in its layer's `grids` entry. `counts`: how many leading examples really excite the component: all
    of them where it has negative responses, else those above 0; 0 for a dead one. `boxes` are the regions
    shown, (left, top, right, bottom) as shares of the picture, or None for the whole of what the model saw.
    `unreadable` lists images that were skipped, with the reason. `sampled` are the responses to a random sample
    of the data set, or None where none was drawn.
    """

    components: Components
    images: Int[np.ndarray, "component example"]
    responses: Float[np.ndarray, "component example"]
    peaks: Int[np.ndarray, "component example"]
    grids: tuple[tuple[int, ...], ...]
    statistics: Statistics
    boxes: Float[np.ndarray, "component example 4"] | None = None
    unreadable: tuple[tuple[str, str], ...] = ()
    k: int = field(default=0)
    sampled: Sampled | None = None

    def __post_init__(self) -> None:
        if not len(self.components) == len(self.images) == len(self.responses) == len(self.peaks):
            raise ValueError(f"{len(self.components)} components but {len(self.images)} rows of examples")
        if self.sampled is not None and isinstance(self.sampled.arrays, dict):
            shape = self.sampled.responses.shape
            if shape != (len(self.components), len(self.sampled.images)):
                raise ValueError(f"sampled responses of shape {shape} for {len(self.components)} components")
        if self.responses.size and np.any(np.diff(self.responses, axis=1) > 0):
            raise ValueError("examples are not in order of response")
        for name in ("images", "responses", "peaks", "boxes"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, frozen(getattr(self, name)))

    @property
    def counts(self) -> Int[np.ndarray, " component"]:
        positive = (self.responses > 0).sum(1)
        return np.where(self.statistics.negative, self.images.shape[1], positive)

    @property
    def referenced(self) -> Int[np.ndarray, " image"]:
        """The images that are an example of some component, each once, in order."""
        return np.unique(self.images[np.arange(self.images.shape[1]) < self.counts[:, None]])

    def merge(self, other: ConceptExamples) -> ConceptExamples:
        """The examples over both shards of a data set, as one pass over all of it would have found them."""
        if self.components != other.components or self.k != other.k or self.grids != other.grids:
            raise ValueError(
                f"shards of different passes: {self.components.layers}, k={self.k} and {other.components.layers}, "
                f"k={other.k}; collect them with the same model, layers and k"
            )
        if self.boxes is not None or other.boxes is not None:
            raise ValueError("merge the shards first, then crop: boxes belong to the final examples")
        tally = Tally(self.components.sizes, self.k)
        for part in (self, other):
            tally.add(rank_keys(part.responses, part.images), part.peaks)
        if (self.sampled is None) != (other.sampled is None):
            raise ValueError("one shard has a sample and the other none; collect both with the same sample")
        merged = tally.examples(
            self.components,
            self.grids,
            self.statistics.merge(other.statistics),
            self.unreadable + other.unreadable,
        )
        if self.sampled is None or other.sampled is None:
            return merged
        return replace(merged, sampled=self.sampled.merge(other.sampled))


class Tally:
    """The running top-k of a pass. Slots start empty, below any response, so negative responses count too."""

    def __init__(self, sizes: Sequence[int], k: int) -> None:
        self.k = k
        self.keys = np.full((sum(sizes), k), NOTHING)
        self.peaks = np.zeros((sum(sizes), k), np.int32)

    def add(self, keys: Int[np.ndarray, "component image"], peaks: Int[np.ndarray, "component image"]) -> None:
        """Take the strongest k of what is kept and what is offered. Rows without news are not touched."""
        rows = np.flatnonzero(keys.max(1, initial=NOTHING) > self.keys.min(1))
        if not len(rows):
            return
        merged = np.concatenate([self.keys[rows], keys[rows]], 1)
        places = np.concatenate([self.peaks[rows], peaks[rows]], 1)
        if merged.shape[1] > self.k:
            best = np.argpartition(merged, merged.shape[1] - self.k, axis=1)[:, -self.k :]
            merged, places = np.take_along_axis(merged, best, 1), np.take_along_axis(places, best, 1)
        self.keys[rows], self.peaks[rows] = merged, places

    def examples(
        self,
        components: Components,
        grids: tuple[tuple[int, ...], ...],
        statistics: Statistics,
        unreadable: tuple[tuple[str, str], ...],
    ) -> ConceptExamples:
        order = np.argsort(~self.keys, axis=1, kind="stable")[:, : min(self.k, statistics.images)]
        responses, images = unrank_keys(np.take_along_axis(self.keys, order, 1))
        peaks = np.take_along_axis(self.peaks, order, 1)
        return ConceptExamples(
            components, images.astype(np.int32), responses, peaks, grids, statistics, None, unreadable, self.k
        )


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
    progress_file: str | Path | None = None,
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
    run = _Pass.resumed(progress_file, wanted, k, drawn(len(images), sample, seed))
    runner = folded(model, wanted, _first_readable(images, chosen)) if fast else model
    with (
        recording(runner, wanted) as recorder,
        tqdm(total=len(chosen), initial=run.position, unit="image", desc="examples", disable=not progress) as bar,
    ):
        saved = time.monotonic()
        for batch in batches(chosen[run.position :], images.tensor, batch_size):
            run.take(batch.ids, batch.items, recorder, pooling, batch_size if len(chosen) > batch_size else 0)
            run.unreadable += tuple((u.name, u.why) for u in batch.unreadable)
            run.position += len(batch.ids) + len(batch.unreadable)
            bar.update(len(batch.ids) + len(batch.unreadable))
            if progress_file is not None and time.monotonic() - saved > 10:
                run.save(progress_file)
                saved = time.monotonic()
    if run.tally is None or run.statistics is None:
        raise ValueError(f"none of the {len(chosen)} images could be read; the first: {': '.join(run.unreadable[0])}")
    if progress_file is not None:
        run.save(progress_file)
    examples = run.tally.examples(run.components(), run.grids, run.statistics, run.unreadable)
    return replace(examples, sampled=run.sampled()) if sample else examples


def _first_readable(images: Images, ids: np.ndarray) -> Any:
    for batch in batches(ids, images.tensor, 1, workers=1):
        if batch.items:
            return batch.items[0]
    raise ValueError(f"none of the {len(ids)} images could be read")


@dataclass
class _Pass:
    """What a pass has seen so far, and its file."""

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

    def save(self, path: str | Path) -> None:
        if self.tally is None or self.statistics is None:
            return
        sampled = self.sampled()
        arrays = {
            "keys": self.tally.keys, "peaks": self.tally.peaks, "sample_images": sampled.images,
            "sample_responses": sampled.responses.T,
        } | statistics_arrays(self.statistics)  # fmt: skip
        document = {
            "position": self.position, "images": self.statistics.images, "sizes": self.sizes, "grids": self.grids,
            "unreadable": self.unreadable,
        }  # fmt: skip
        store.write(path, arrays, document)

    @classmethod
    def resumed(cls, path: str | Path | None, layers: tuple[Layer, ...], k: int, sample: np.ndarray) -> _Pass:
        """The pass as last saved, or a new one."""
        fresh = cls(layers, k, sample)
        saved = store.progress(path)
        if saved is None:
            return fresh
        arrays, document = saved
        tally = Tally(document["sizes"], k)
        tally.keys, tally.peaks = arrays["keys"], arrays["peaks"]
        return replace(
            fresh,
            position=document["position"],
            tally=tally,
            statistics=statistics_from(arrays, document["images"]),
            sizes=tuple(document["sizes"]),
            grids=tuple(tuple(g) for g in document["grids"]),
            unreadable=tuple((name, why) for name, why in document["unreadable"]),
            kept=[(arrays["sample_images"], arrays["sample_responses"])],
        )


_STATISTICS = ("sums", "squares", "nonzero", "negative", "exponent", "bins")


def statistics_arrays(statistics: Statistics) -> dict[str, np.ndarray]:
    return {name: np.asarray(getattr(statistics, name)) for name in _STATISTICS}


def statistics_from(arrays: Any, images: int) -> Statistics:
    return Statistics(images, *(arrays[name] for name in _STATISTICS))
