"""The semantic space: concept examples embedded by CLIP, and what a random set of images looks like there."""

from __future__ import annotations

import io
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from PIL import Image
from tqdm.auto import tqdm

from . import store
from .clip import Clip, PreparingClip
from .components import Components, Recipe
from .crops import region
from .examples import ConceptExamples, Sampled, Statistics, drawn
from .images import WHOLE, Images, UnreadableImage, Window
from .vectors import frozen, unit

NULL_SETS = 2000


@dataclass(frozen=True, eq=False)
class Thumbnails:
    """Small WebP pictures, one per crop, as one run of bytes; number i is `data[offsets[i]:offsets[i + 1]]`."""

    data: np.ndarray
    offsets: Int[np.ndarray, " boundary"]
    checksums: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def webp(self, crop: int) -> bytes:
        """The WebP bytes of one crop. ValueError if they are damaged."""
        data = self.data[self.offsets[crop] : self.offsets[crop + 1]].tobytes()
        if zlib.crc32(data) != self.checksums[crop]:
            raise store.SemlensFileError(f"the thumbnail of crop {crop} is damaged")
        return data

    def picture(self, crop: int) -> Image.Image:
        """One crop as a PIL image; a grey square where its bytes are damaged."""
        try:
            return Image.open(io.BytesIO(self.webp(crop))).convert("RGB")
        except (store.SemlensFileError, OSError):
            return Image.new("RGB", (64, 64), (128, 128, 128))

    @classmethod
    def of(cls, pictures: Sequence[bytes]) -> Thumbnails:
        data = np.frombuffer(b"".join(pictures), np.uint8)
        offsets = np.concatenate([[0], np.cumsum([len(p) for p in pictures])]).astype(np.int64)
        return cls(data, offsets, np.asarray([zlib.crc32(p) for p in pictures], np.uint32))


@dataclass(frozen=True, eq=False)
class Sample:
    """A random sample of the data set: what every component answers to each image, and the image's unit vector.

    The images are whole (all that the model saw), in order of their ids, and drawn without regard to any
    component: held-out evidence, once a component's own examples are left out.
    """

    images: Int[np.ndarray, " image"]
    activations: Float[np.ndarray, "image component"]
    vectors: Float[np.ndarray, "image dim"]

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, eq=False)
class SemanticSpace:
    """Every component as a direction in the space of one CLIP, and the evidence it stands on.

    `crop_vectors` are the unit embeddings of all distinct crops, `crop_of` says which is whose
    [component example]; `embeddings` puts them together. `vectors` [component dim] are the components' unit
    mean directions (theta), zero for dead ones. `null_vectors` are embeddings of random images, cropped like
    the examples: what chance looks like. `sample_vectors` are those of the whole images in `examples.sampled`;
    `sample` has both together. `names` and `labels` describe the images of the crops. `originals` is the data
    set itself where it is at hand; it is not saved.
    """

    examples: ConceptExamples
    recipe: Recipe
    crop_vectors: Float[np.ndarray, "crop dim"]
    crop_of: Int[np.ndarray, "component example"]
    crop_images: Int[np.ndarray, " crop"]
    vectors: Float[np.ndarray, "component dim"]
    null_vectors: Float[np.ndarray, "null dim"]
    thumbnails: Thumbnails
    names: dict[int, str]
    labels: dict[int, int] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    sample_vectors: Float[np.ndarray, "image dim"] | None = None
    originals: Images | None = None

    def __post_init__(self) -> None:
        if len(self.vectors) != len(self.components) or self.crop_of.shape != self.examples.images.shape:
            raise ValueError(
                f"{len(self.components)} components, {len(self.vectors)} vectors, {self.crop_of.shape} crops: they "
                "must agree"
            )
        if self.crop_of.size and not 0 <= self.crop_of.min() <= self.crop_of.max() < len(self.crop_vectors):
            raise ValueError("an example points at a crop that is not there")
        sampled = self.examples.sampled
        if self.sample_vectors is not None and sampled and len(self.sample_vectors) != len(sampled.images):
            raise ValueError(f"{len(sampled.images)} sampled images, {len(self.sample_vectors)} vectors of them")
        for name in ("crop_vectors", "crop_of", "crop_images", "vectors", "null_vectors", "sample_vectors"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, frozen(getattr(self, name)))

    def __repr__(self) -> str:
        layers = ", ".join(f"{n} {s}" for n, s in zip(self.components.layers, self.components.sizes, strict=True))
        return f"<SemanticSpace of {len(self.components):,} components ({layers}) in {self.recipe.clip}>"

    @property
    def components(self) -> Components:
        return self.examples.components

    @property
    def dim(self) -> int:
        return self.vectors.shape[1]

    @cached_property
    def alive(self) -> Bool[np.ndarray, " component"]:
        """Components that some image excites; a dead one has no direction and is never a hit."""
        return frozen(self.examples.counts > 0)

    def embeddings_of(self, rows: Any) -> Float[np.ndarray, "component example dim"]:
        """Unit embeddings of some components' examples, float32; those beyond a component's count are zero."""
        gathered = unit(self.crop_vectors[self.crop_of[rows]].astype(np.float32))
        counts = self.examples.counts[rows]
        return gathered * (np.arange(self.crop_of.shape[1]) < np.asarray(counts)[..., None])[..., None]

    @property
    def embeddings(self) -> Float[np.ndarray, "component example dim"]:
        """All example embeddings; mind the memory of many components, and use `embeddings_of` in blocks."""
        return self.embeddings_of(slice(None))

    @cached_property
    def sample(self) -> Sample | None:
        """The random sample of the data set, or None: asked for without one, or from a file that has none."""
        sampled = self.examples.sampled
        if sampled is None or self.sample_vectors is None:
            return None
        if sampled.responses.shape != (len(self.components), len(sampled.images)):
            raise store.SemlensFileError(
                f"responses of shape {sampled.responses.shape} for {len(self.components)} components and "
                f"{len(sampled.images)} sampled images"
            )
        vectors = frozen(unit(self.sample_vectors.astype(np.float32)))
        return Sample(sampled.images, frozen(sampled.responses).T, vectors)

    @cached_property
    def centre(self) -> Float[np.ndarray, "layer dim"]:
        """The mean vector of each layer's living components: what `centre=True` subtracts."""
        rows = [self.components.rows(layer) for layer in self.components.layers]
        return np.stack([self.vectors[r][self.alive[r]].mean(0) if self.alive[r].any() else np.zeros(self.dim)
                         for r in rows]).astype(np.float32)  # fmt: skip

    @cached_property
    def residuals(self) -> Float[np.ndarray, " component"]:
        """How far each component vector lies from its layer's mean: the length that centring divides by."""
        return np.linalg.norm(self.vectors - self.centre[self.components.layer_numbers], axis=1) + np.float32(1e-9)

    @cached_property
    def centred(self) -> Float[np.ndarray, "component dim"]:
        """Component vectors with their layer's mean subtracted, unit again."""
        return unit(self.vectors - self.centre[self.components.layer_numbers]) * self.alive[:, None]

    @cached_property
    def set_sizes(self) -> Int[np.ndarray, " size"]:
        """Sizes of the random sets kept as null: 1, 2, 4, … and k."""
        k = self.examples.images.shape[1]
        return np.asarray([*[2**i for i in range(max(k - 1, 1).bit_length()) if 2**i < k], k])

    @cached_property
    def set_size_of(self) -> Int[np.ndarray, " component"]:
        """Per component, which of `set_sizes` its number of examples is held against (the largest not above)."""
        return np.maximum(np.searchsorted(self.set_sizes, self.examples.counts, side="right") - 1, 0)

    @cached_property
    def null_sets(self) -> Float[np.ndarray, "size set dim"]:
        """Directions of random sets of images from the same data, per set size: what no concept looks like."""
        random = np.random.default_rng(self.recipe.seed)
        pool = unit(self.null_vectors.astype(np.float32))
        sets = np.empty((len(self.set_sizes), NULL_SETS, self.dim), np.float32)
        for at, size in enumerate(self.set_sizes):
            size = min(size, len(pool))
            chosen = random.random((NULL_SETS, len(pool))).argpartition(size - 1, axis=1)[:, :size]
            for start in range(0, NULL_SETS, 250):
                sets[at, start : start + 250] = pool[chosen[start : start + 250]].mean(1)
        return frozen(unit(sets))

    @cached_property
    def null_offsets(self) -> Float[np.ndarray, "size set dim"]:
        """How far each random set lies from their mean, not made unit: as long as chance makes it."""
        return frozen(self.null_sets - self.null_sets.mean(1, keepdims=True))

    @cached_property
    def _pool(self) -> Float[np.ndarray, "crop dim"]:
        """At most 20,000 crops, evenly drawn, and the random images, each once."""
        crops = self.crop_vectors[:: len(self.crop_vectors) // 20_000 + 1]
        both = np.concatenate([crops, self.null_vectors])
        _, first = np.unique(both.view(np.dtype((np.void, both.dtype.itemsize * self.dim))), return_index=True)
        return unit(both[np.sort(first)].astype(np.float32))

    def chance(self, vectors: Float[np.ndarray, "probe dim"]) -> Float[np.ndarray, " probe"]:
        """The mean likeness (cosine) of random images to each probe."""
        if not len(self.null_vectors):
            return np.zeros(len(vectors), np.float32)
        return vectors @ unit(self.null_vectors.astype(np.float32)).mean(0)

    def attainable(self, vectors: Float[np.ndarray, "probe dim"]) -> Float[np.ndarray, " probe"]:
        """The mean likeness of the k images that match each probe best: what this data could show."""
        k = min(self.crop_of.shape[1], len(self._pool))
        result = np.empty(len(vectors), np.float32)
        for start in range(0, len(vectors), 256):
            likeness = vectors[start : start + 256] @ self._pool.T
            result[start : start + 256] = np.partition(likeness, likeness.shape[1] - k, axis=1)[:, -k:].mean(1)
        return result

    @cached_property
    def _known_alikeness(self) -> Float[np.ndarray, " component"]:
        return np.full(len(self.components), np.nan, np.float32)

    def alikeness(self, rows: Int[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
        """How alike some components' examples are: the length of the mean of their unit vectors, in [0, 1]."""
        known = self._known_alikeness
        missing = np.unique(rows[np.isnan(known[rows])])
        for start in range(0, len(missing), 256):
            some = missing[start : start + 256]
            total = self.embeddings_of(some).sum(1)
            known[some] = np.linalg.norm(total, axis=1) / np.maximum(self.examples.counts[some], 1)
        return known[rows]

    def likeness(
        self, rows: Int[np.ndarray, " pair"], vectors: Float[np.ndarray, "pair dim"]
    ) -> Float[np.ndarray, " pair"]:
        """The mean likeness of components' examples to probes, pair by pair."""
        return self.alikeness(rows) * np.einsum("pd,pd->p", self.vectors[rows], vectors)

    def shown(self, row: int, rank: int) -> Image.Image:
        """One example as a person sees it: cut from its original picture where that is at hand, else its thumbnail."""
        if self.originals is not None:
            try:
                picture = self.originals.picture(int(self.examples.images[row, rank]))
            except UnreadableImage:
                pass
            else:
                boxes = self.examples.boxes
                seen = self.originals.window(picture.size)
                return cut(picture, region(seen, None if boxes is None else boxes[row, rank]))
        return self.thumbnails.picture(int(self.crop_of[row, rank]))

    def with_originals(self, images: Images | None) -> SemanticSpace:
        """The same space with its data set at hand, or without it."""
        return replace(self, originals=images)

    def image_name(self, image: int) -> str:
        return self.names.get(int(image), str(image))

    def label(self, image: int) -> str | None:
        """The class name of an image, or None."""
        number = self.labels.get(int(image))
        if number is None:
            return None
        return self.classes[number] if 0 <= number < len(self.classes) else str(number)

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        extra: dict[str, Any] | None = None,
        attached: Mapping[str, np.ndarray] | None = None,
    ) -> Path:
        """Write a `.semlens` file; `extra` is JSON and `attached` arrays the caller keeps with it.

        Names of attached arrays have a "/" in them, as in "relevance/mean".
        """
        e = self.examples
        known = np.asarray(sorted(self.names), np.int64)
        text, offsets = _text([self.names[i] for i in known])
        arrays = {
            "example_images": e.images,
            "example_responses": e.responses,
            "example_peaks": e.peaks,
            "crop_vectors": self.crop_vectors,
            "crop_of": self.crop_of,
            "crop_images": self.crop_images,
            "vectors": self.vectors,
            "null_vectors": self.null_vectors,
            "thumbnails": self.thumbnails.data,
            "thumbnail_offsets": self.thumbnails.offsets,
            "thumbnail_checksums": self.thumbnails.checksums,
            "image_ids": known,
            "image_names": text,
            "image_name_offsets": offsets,
            "image_labels": np.asarray([self.labels.get(int(i), -1) for i in known], np.int32),
        } | e.statistics.arrays()
        if e.boxes is not None:
            arrays["example_boxes"] = e.boxes
        if e.sampled is not None and self.sample_vectors is not None:
            arrays |= {"sample_images": e.sampled.images, "sample_responses": e.sampled.responses,
                       "sample_vectors": self.sample_vectors}  # fmt: skip
        for name, array in (attached or {}).items():
            if "/" not in name:
                raise ValueError(f"attached array {name!r}; its name needs a part, as in 'relevance/{name}'")
            arrays[name] = np.asarray(array)
        document = {
            "components": asdict(self.components),
            "recipe": asdict(self.recipe),
            "grids": e.grids,
            "k": e.k,
            "images": e.statistics.images,
            "unreadable": e.unreadable,
            "classes": self.classes,
            "extra": extra or {},
        }
        return store.write(path, arrays, document)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Opened:
        """What a `.semlens` file holds, memory-mapped. SemlensFileError if it is damaged or foreign."""
        stored = store.Stored(path)
        try:
            return Opened(cls._from(stored), dict(stored.document["extra"]), stored)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            if isinstance(error, store.SemlensFileError):
                raise
            raise store.SemlensFileError(f"{path} holds no semantic space: {error}") from error

    @classmethod
    def _from(cls, stored: store.Stored) -> SemanticSpace:
        document = stored.document
        parts = {k: tuple(v) for k, v in document["components"].items()}
        recipe = Recipe(**(document["recipe"] | {"layers": tuple(document["recipe"]["layers"])}))
        known = stored["image_ids"]
        names = dict(zip(known.tolist(), _lines(stored["image_names"], stored["image_name_offsets"]), strict=True))
        labels = {i: n for i, n in zip(known.tolist(), stored["image_labels"].tolist(), strict=True) if n >= 0}
        examples = ConceptExamples(
            Components(**parts),
            stored["example_images"],
            stored["example_responses"],
            stored["example_peaks"],
            tuple(tuple(g) for g in document["grids"]),
            Statistics.from_stored(stored, document["images"]),
            stored.get("example_boxes"),
            tuple((name, why) for name, why in document["unreadable"]),
            document["k"],
            Sampled(stored["sample_images"], stored) if "sample_images" in stored else None,
        )
        thumbnails = Thumbnails(
            stored.unchecked("thumbnails"), stored["thumbnail_offsets"], stored["thumbnail_checksums"]
        )
        return cls(
            examples, recipe, stored["crop_vectors"], stored["crop_of"], stored["crop_images"], stored["vectors"],
            stored["null_vectors"], thumbnails, names, labels, tuple(document["classes"]), stored.get("sample_vectors"),
        )  # fmt: skip


class Opened(NamedTuple):
    """A space from a file, with the JSON and the arrays kept beside it; arrays are read when touched."""

    space: SemanticSpace
    extra: dict[str, Any]
    attached: Mapping[str, np.ndarray]


def reach(
    likeness: Float[np.ndarray, "*batch"],
    chance: Float[np.ndarray, "*#batch"],
    attainable: Float[np.ndarray, "*#batch"],
) -> Float[np.ndarray, "*batch"]:
    """Where mean likenesses lie between random images (0, also for less) and the images that match best (1).

    0 where the images that match best do no better than random ones: such a probe says nothing about this data.
    """
    room = attainable - chance
    return np.where(room > 1e-6, np.clip((likeness - chance) / np.maximum(room, 1e-6), 0, 1), 0)


def _text(lines: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    encoded = [line.encode("utf-8", "surrogateescape") for line in lines]
    offsets = np.concatenate([[0], np.cumsum([len(e) for e in encoded])]).astype(np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), offsets


def _lines(text: np.ndarray, offsets: np.ndarray) -> list[str]:
    whole = text.tobytes()
    return [whole[a:b].decode("utf-8", "surrogateescape") for a, b in pairwise(offsets)]


def embed(
    examples: ConceptExamples,
    images: Images,
    clip: Clip,
    recipe: Recipe,
    *,
    thumbnail: int = 128,
    progress_file: str | Path | None = None,
    progress: bool = True,
) -> SemanticSpace:
    """Turn examples into a semantic space: every referenced crop goes through CLIP once.

    A random draw of `recipe.null` images, cropped with boxes drawn from the examples' own, goes with them, and so
    do the images of `examples.sampled`, whole: where nothing is cropped the two share what they can.
    `thumbnail` is the longest side in pixels of the pictures kept in the space. With a `progress_file` an
    interrupted run continues at the last saved batch. (Dreyer et al. 2025, second mapping)
    """
    random = np.random.default_rng(recipe.seed)
    used = np.arange(examples.images.shape[1]) < examples.counts[:, None]
    boxes = None if examples.boxes is None else np.round(examples.boxes.astype(np.float64), 4)
    keys = examples.images[..., None] if boxes is None else np.concatenate([examples.images[..., None], boxes], -1)
    distinct, inverse = np.unique(keys[used], axis=0, return_inverse=True)
    crop_of = np.zeros(examples.images.shape, np.int32)
    crop_of[used] = inverse.ravel()
    jobs = [_Job(int(key[0]), None if boxes is None else _window(key[1:]), True) for key in distinct]
    chance = drawn(len(images), recipe.null, recipe.seed)
    if boxes is None:
        others = [_Job(int(image), None, False) for image in chance]
    else:
        places = distinct[random.integers(0, len(distinct), len(chance)), 1:] if len(distinct) else boxes[:0, 0]
        others = [_Job(int(i), _window(place), False) for i, place in zip(chance, places, strict=False)]
    sampled: Sequence[int] = [] if examples.sampled is None else examples.sampled.images.tolist()
    others += [_Job(image, None, False) for image in sampled]
    known = {(job.image, job.box): at for at, job in enumerate(jobs)}  # what is an example as well is embedded once
    at = np.asarray([known.setdefault((job.image, job.box), len(known)) for job in others], np.int64)
    jobs += [_Job(image, box, False) for image, box in list(known)[len(jobs) :]]
    null_at, sample_at = np.split(at, [len(at) - len(sampled)])

    done = _Embedding.resumed(progress_file, len(jobs))
    done.run(jobs, images, clip, thumbnail, progress_file, progress)
    if done.vectors is None:
        raise ValueError("no example could be embedded: every component is dead or every image unreadable")
    vectors, readable = done.vectors, np.asarray(done.readable, bool)
    crops = vectors[: len(distinct)]
    null = vectors[null_at][readable[null_at]]
    if examples.sampled is not None:
        examples = replace(examples, sampled=examples.sampled.only(readable[sample_at]))
    referenced = distinct[:, 0].astype(np.int64) if len(distinct) else np.zeros(0, np.int64)
    shown = np.unique(referenced).tolist()
    labels = {i: label for i in shown if (label := images.label(i)) is not None}
    kept = crops.astype(np.float16)
    return SemanticSpace(
        examples,
        recipe,
        kept,
        crop_of,
        referenced.astype(np.int32),
        directions(kept, crop_of, examples.counts),
        null.astype(np.float16),
        Thumbnails.of(done.pictures[: len(distinct)]),
        {i: images.name(i) for i in shown},
        labels,
        images.classes,
        None if examples.sampled is None else vectors[sample_at][readable[sample_at]].astype(np.float16),
        images,
    )


def directions(
    crops: Float[np.ndarray, "crop dim"],
    crop_of: Int[np.ndarray, "component example"],
    counts: Int[np.ndarray, " component"],
) -> Float[np.ndarray, "component dim"]:
    """Each component's unit mean embedding over its first `counts` examples; zero where there are none."""
    result = np.zeros((len(crop_of), crops.shape[1]), np.float32)
    for start in range(0, len(crop_of), 256):
        rows = slice(start, start + 256)
        gathered = unit(crops[crop_of[rows]].astype(np.float32))
        weights = (np.arange(crop_of.shape[1]) < counts[rows, None]).astype(np.float32)
        result[rows] = np.einsum("ce,ced->cd", weights, gathered)
    return unit(result)


def _window(numbers: np.ndarray) -> Window:
    left, top, right, bottom = (float(n) for n in numbers)
    return left, top, right, bottom


@dataclass(frozen=True)
class _Job:
    image: int
    box: Window | None
    shown: bool  # keep a thumbnail


def cut(picture: Image.Image, window: Window) -> Image.Image:
    """The part of a picture inside a window given in shares; at least one pixel."""
    if window == WHOLE:
        return picture
    width, height = picture.size
    left, top = int(np.floor(window[0] * width + 1e-6)), int(np.floor(window[1] * height + 1e-6))
    right, bottom = int(np.ceil(window[2] * width - 1e-6)), int(np.ceil(window[3] * height - 1e-6))
    left, top = min(left, width - 1), min(top, height - 1)
    return picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def webp(picture: Image.Image, longest: int) -> bytes:
    """A picture no larger than `longest` pixels on a side, as WebP; small ones keep their size."""
    if max(picture.size) > longest:
        picture = picture.copy()
        picture.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=82, method=2)
    return buffer.getvalue()


def _as_it_is(picture: Image.Image) -> Any:
    return picture


@dataclass
class _Embedding:
    """The jobs embedded so far, and their file."""

    total: int
    vectors: np.ndarray | None = None
    position: int = 0
    pictures: list[bytes] = field(default_factory=list)
    readable: list[bool] = field(default_factory=list)

    def run(
        self, jobs: list[_Job], images: Images, clip: Clip, thumbnail: int, progress_file: Any, progress: bool
    ) -> None:
        prepare: Callable[[Image.Image], Any] = _as_it_is
        encode: Callable[[list[Any]], np.ndarray] = clip.images
        size = 64
        if isinstance(clip, PreparingClip):
            prepare, encode, size = clip.prepare, clip.embed_prepared, clip.batch_size

        def load(part: list[_Job]) -> list[tuple[Any, bytes] | None]:
            """The crops of one image, which is read once."""
            try:
                picture = images.picture(part[0].image)
            except UnreadableImage:
                return [None] * len(part)
            seen = images.window(picture.size)
            crops = [cut(picture, job.box or seen) for job in part]
            return [(prepare(c), webp(c, thumbnail) if job.shown else b"") for c, job in zip(crops, part, strict=True)]

        saved = time.monotonic()
        with (
            ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="crops") as pool,
            tqdm(total=len(jobs), initial=self.position, unit="crop", desc="embed", disable=not progress) as bar,
        ):
            for results in _in_batches(pool, load, jobs, self.position, size):
                pairs = [r for r in results if r is not None]
                if pairs:
                    embedded = unit(np.asarray(encode([p[0] for p in pairs]), np.float32))
                    if not np.isfinite(embedded).all():
                        raise ValueError(f"the CLIP model {clip.name} gives NaN or infinite embeddings")
                    if self.vectors is None:
                        self.vectors = np.zeros((self.total, embedded.shape[1]), np.float32)
                    at = self.position + np.flatnonzero([r is not None for r in results])
                    self.vectors[at] = embedded
                self.readable += [r is not None for r in results]
                self.pictures += [r[1] if r is not None else b"" for r in results]
                self.position += len(results)
                bar.update(len(results))
                if progress_file is not None and time.monotonic() - saved > 20:
                    self.save(progress_file)
                    saved = time.monotonic()

    def save(self, path: Any) -> None:
        if self.vectors is None:
            return
        pictures = Thumbnails.of(self.pictures)
        store.write(
            path,
            {
                "vectors": self.vectors[: self.position],
                "readable": np.asarray(self.readable, bool),
                "data": pictures.data,
                "offsets": pictures.offsets,
            },
            {"position": self.position, "total": self.total},
        )

    @classmethod
    def resumed(cls, path: Any, total: int) -> _Embedding:
        fresh = cls(total)
        saved = store.progress(path)
        if saved is None or saved[1]["total"] != total:
            return fresh
        arrays, document = saved
        vectors = np.zeros((total, arrays["vectors"].shape[1]), np.float32)
        vectors[: len(arrays["vectors"])] = arrays["vectors"]
        data, offsets = arrays["data"].tobytes(), arrays["offsets"]
        pictures = [data[a:b] for a, b in pairwise(offsets)]
        return replace(
            fresh, vectors=vectors, position=document["position"], pictures=pictures,
            readable=arrays["readable"].tolist(),
        )  # fmt: skip


def _in_batches(
    pool: ThreadPoolExecutor, load: Any, jobs: list[_Job], start: int, size: int
) -> Iterator[list[tuple[Any, bytes] | None]]:
    """Loaded jobs in batches, the next one read while the last is embedded; neighbours of one image together."""

    def submit(begin: int) -> list[Any]:
        part = jobs[begin : begin + size]
        runs: list[list[_Job]] = []
        for job in part:
            if runs and runs[-1][0].image == job.image:
                runs[-1].append(job)
            else:
                runs.append([job])
        return [pool.submit(load, run) for run in runs]

    waiting = submit(start) if start < len(jobs) else []
    for begin in range(start, len(jobs), size):
        current = waiting
        waiting = submit(begin + size) if begin + size < len(jobs) else []
        yield [pair for future in current for pair in future.result()]
