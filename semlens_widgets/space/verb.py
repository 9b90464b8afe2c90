"""The verb: crops of examples, random images and the sample, each embedded once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from PIL import Image

from ..clip import Clip, PreparingClip, checked_vectors
from ..components import Recipe
from ..crops import cut
from ..examples import ConceptExamples, drawn
from ..images import Images, UnreadableImage, Window, ahead
from ..keys import of_clip
from ..passes import Counted, ProgressFile, digest, steps
from ..shards import Engine, Part, Shard, cut_up
from ..vectors import unit
from .thumbnails import Thumbnails, webp
from .value import SemanticSpace

_BATCH = 64  # pictures that a CLIP is given at once which does not say how many it takes


def embed(
    examples: ConceptExamples,
    images: Images,
    clip: Clip,
    recipe: Recipe,
    *,
    thumbnail: int = 128,
    progress_file: str | os.PathLike[str] | None = None,
    progress: bool = True,
    engine: Engine | None = None,
) -> SemanticSpace:
    """Turn examples into a semantic space: every referenced crop goes through CLIP once.

    A random draw of `recipe.null` images, cropped with boxes drawn from the examples' own, goes with them, and so
    do the images of `examples.sampled`, whole: where nothing is cropped the two share what they can.
    `thumbnail` is the longest side in pixels of the pictures kept in the space. With a `progress_file` an
    interrupted run continues at the last saved batch. An `engine` computes it in shards, see `shards.Engine`.
    (Dreyer et al. 2025, second mapping)
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

    def made() -> dict[str, Any]:
        return {"recipe": asdict(recipe), "clip": of_clip(clip), "thumbnail": thumbnail, "crops": _digest_of(jobs)}

    done = _Embedding.resumed(ProgressFile(progress_file, made), len(jobs))
    done.run(jobs, images, clip, thumbnail, progress, made, engine)
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
    theta, lengths = directions(kept, crop_of, examples.counts)
    return SemanticSpace(
        examples,
        recipe,
        kept,
        crop_of,
        referenced.astype(np.int32),
        theta,
        null.astype(np.float16),
        Thumbnails.of(done.pictures[: len(distinct)]),
        {i: images.name(i) for i in shown},
        labels,
        images.classes,
        None if examples.sampled is None else vectors[sample_at][readable[sample_at]].astype(np.float16),
        lengths,
        images,
    )


def embed_some(
    images: Images, clip: Clip, numbers: Sequence[int] | np.ndarray, boxes: Sequence[Window | None], thumbnail: int
) -> tuple[int, float]:
    """(dimensions of a vector, mean bytes of a thumbnail) of some crops that are embedded and not kept: a trial."""
    jobs = [_Job(int(image), box, True) for image, box in zip(numbers, boxes, strict=True)]
    size = clip.batch_size if isinstance(clip, PreparingClip) else _BATCH
    done = list(_embedded(jobs, images, clip, thumbnail, size))
    pictures = [len(picture) for _, _, made in done for picture in made]
    return max((vectors.shape[1] for vectors, _, _ in done), default=0), float(np.mean(pictures or [0]))


def directions(
    crops: Float[np.ndarray, "crop dim"],
    crop_of: Int[np.ndarray, "component example"],
    counts: Int[np.ndarray, " component"],
) -> tuple[Float[np.ndarray, "component dim"], Float[np.ndarray, " component"]]:
    """Each component's mean embedding over its first `counts` examples: (unit, length); zero where there are none."""
    result = np.zeros((len(crop_of), crops.shape[1]), np.float32)
    for start in range(0, len(crop_of), 256):
        rows = slice(start, start + 256)
        gathered = unit(crops[crop_of[rows]].astype(np.float32))
        weights = (np.arange(crop_of.shape[1]) < counts[rows, None]).astype(np.float32)
        result[rows] = np.einsum("ce,ced->cd", weights, gathered)
    return unit(result), np.linalg.norm(result, axis=1) / np.maximum(counts, 1).astype(np.float32)


def _window(numbers: np.ndarray) -> Window:
    left, top, right, bottom = (float(n) for n in numbers)
    return left, top, right, bottom


@dataclass(frozen=True)
class _Job:
    image: int
    box: Window | None
    shown: bool  # keep a thumbnail


def _digest_of(jobs: list[_Job]) -> str:
    return digest(np.asarray([(job.image, job.shown, *(job.box or (0.0,) * 4)) for job in jobs], np.float64))


def _as_it_is(picture: Image.Image) -> Any:
    return picture


@dataclass
class _Embedding:
    """The jobs embedded so far."""

    file: ProgressFile
    total: int
    vectors: np.ndarray | None = None
    position: int = 0
    pictures: list[bytes] = field(default_factory=list)
    readable: list[bool] = field(default_factory=list)

    def run(
        self, jobs: list[_Job], images: Images, clip: Clip, thumbnail: int, progress: bool,
        made: Callable[[], dict[str, Any]], engine: Engine | None,
    ) -> None:  # fmt: skip
        """Embed what is left to do."""
        size = clip.batch_size if isinstance(clip, PreparingClip) else _BATCH

        def asked() -> dict[str, Any]:
            return made() | {"batch_size": size}

        if engine is None or self.position == self.total or not engine.wanted(asked):
            with steps(self, self.total, "embed", "crop", progress=progress) as step:
                for vectors, readable, pictures in _embedded(jobs[self.position :], images, clip, thumbnail, size):
                    self.add(vectors, readable, pictures)
                    step(len(readable))
            return
        cuts = cut_up(self.total, size, self.position)
        shards = [Shard(begin, end, _Work(jobs[begin:end], thumbnail, size)) for begin, end in cuts]
        early: dict[int, Part] = {}  # parts that wait for those before them
        with steps(Counted(self.position), self.total, "embed", "crop", progress=progress) as step:
            for shard, part in engine.parts("crops", asked, {"images": images, "CLIP": clip}, shards):
                early[shard.begin] = part
                while self.position in early:
                    self._append(early.pop(self.position)[0])
                step(len(shard))

    def add(self, vectors: np.ndarray, readable: list[bool], pictures: list[bytes]) -> None:
        """Take in what the next jobs have come to."""
        if len(vectors):
            if self.vectors is None:
                self.vectors = np.zeros((self.total, vectors.shape[1]), np.float32)
            self.vectors[len(self.readable) + np.flatnonzero(readable)] = vectors
        self.readable += readable
        self.pictures += pictures

    def _append(self, arrays: Mapping[str, np.ndarray]) -> None:
        readable = arrays["readable"].tolist()
        self.add(arrays["vectors"], readable, _cut_up(arrays))
        self.position += len(readable)

    def save(self) -> None:
        if self.vectors is None:
            return
        pictures = Thumbnails.of(self.pictures)
        self.file.write(
            {
                "vectors": self.vectors[: self.position],
                "readable": np.asarray(self.readable, bool),
                "data": pictures.data,
                "offsets": pictures.offsets,
            },
            {"position": self.position},
        )

    @classmethod
    def resumed(cls, file: ProgressFile, total: int) -> _Embedding:
        fresh = cls(file, total)
        saved = file.read()
        if saved is None:
            return fresh
        arrays, document = saved
        vectors = np.zeros((total, arrays["vectors"].shape[1]), np.float32)
        vectors[: len(arrays["vectors"])] = arrays["vectors"]
        return replace(
            fresh, vectors=vectors, position=document["position"], pictures=_cut_up(arrays),
            readable=arrays["readable"].tolist(),
        )  # fmt: skip


def _cut_up(arrays: Mapping[str, np.ndarray]) -> list[bytes]:
    """Pictures that stand in one run of bytes."""
    data = arrays["data"].tobytes()
    return [data[a:b] for a, b in pairwise(arrays["offsets"].tolist())]


def _embedded(
    jobs: list[_Job], images: Images, clip: Clip, thumbnail: int, size: int
) -> Iterator[tuple[np.ndarray, list[bool], list[bytes]]]:
    """Batch by batch (unit vectors of the jobs that could be read, which those are, thumbnails of all)."""
    prepare: Callable[[Image.Image], Any] = _as_it_is
    encode: Callable[[list[Any]], np.ndarray] = clip.images
    if isinstance(clip, PreparingClip):
        prepare, encode = clip.prepare, clip.embed_prepared

    def load(part: list[_Job]) -> list[tuple[Any, bytes] | None]:
        """The crops of one image, which is read once."""
        try:
            picture = images.picture(part[0].image)
        except UnreadableImage:
            return [None] * len(part)
        seen = images.window(picture.size)
        crops = [cut(picture, job.box or seen) for job in part]
        return [(prepare(c), webp(c, thumbnail) if job.shown else b"") for c, job in zip(crops, part, strict=True)]

    starts = range(0, len(jobs), size)
    parts = (_by_image(jobs[start : start + size]) for start in starts)
    for start, loaded in zip(starts, ahead(parts, load, threads=images.concurrent), strict=True):
        results = [pair for run in loaded for pair in run]
        pairs = [r for r in results if r is not None]
        vectors = np.zeros((0, 0), np.float32)
        if pairs:
            here = zip(jobs[start:], results, strict=False)
            names = [images.name(job.image) for job, result in here if result is not None]
            vectors = unit(checked_vectors(encode([p[0] for p in pairs]), clip, "picture", names))
        yield vectors, [r is not None for r in results], [r[1] if r is not None else b"" for r in results]


@dataclass(frozen=True, eq=False)
class _Work:
    """What some jobs come to, for an engine."""

    jobs: list[_Job]
    thumbnail: int
    batch_size: int

    def __call__(self, things: Mapping[str, Any]) -> Part:
        done = _Embedding(ProgressFile(None, dict), len(self.jobs))
        for vectors, readable, pictures in _embedded(
            self.jobs, things["images"], things["CLIP"], self.thumbnail, self.batch_size
        ):
            done.add(vectors, readable, pictures)
        vectors = np.zeros((0, 0), np.float32) if done.vectors is None else done.vectors[done.readable]
        run = Thumbnails.of(done.pictures)
        return {
            "vectors": vectors, "readable": np.asarray(done.readable, bool), "data": run.data, "offsets": run.offsets,
        }, {}  # fmt: skip


def _by_image(jobs: Sequence[_Job]) -> list[list[_Job]]:
    """Neighbouring jobs of one image together: it is read once for all."""
    return [list(run) for _, run in groupby(jobs, key=lambda job: job.image)]
