"""The verb: crops of examples, random images and the sample, each embedded once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
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
from ..passes import ProgressFile, digest, steps
from ..vectors import unit
from .thumbnails import Thumbnails, webp
from .value import SemanticSpace


def embed(
    examples: ConceptExamples,
    images: Images,
    clip: Clip,
    recipe: Recipe,
    *,
    thumbnail: int = 128,
    progress_file: str | os.PathLike[str] | None = None,
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

    file = ProgressFile(
        progress_file,
        lambda: {"recipe": asdict(recipe), "clip": of_clip(clip), "thumbnail": thumbnail, "crops": _digest_of(jobs)},
    )
    done = _Embedding.resumed(file, len(jobs))
    done.run(jobs, images, clip, thumbnail, progress)
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

    def run(self, jobs: list[_Job], images: Images, clip: Clip, thumbnail: int, progress: bool) -> None:
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

        parts = [_by_image(jobs[start : start + size]) for start in range(self.position, len(jobs), size)]
        with steps(self, len(jobs), "embed", "crop", progress=progress) as step:
            for loaded in ahead(parts, load, threads=images.concurrent):
                results = [pair for run in loaded for pair in run]
                pairs = [r for r in results if r is not None]
                if pairs:
                    here = zip(jobs[self.position :], results, strict=False)
                    names = [images.name(job.image) for job, result in here if result is not None]
                    embedded = unit(checked_vectors(encode([p[0] for p in pairs]), clip, "picture", names))
                    if self.vectors is None:
                        self.vectors = np.zeros((self.total, embedded.shape[1]), np.float32)
                    at = self.position + np.flatnonzero([r is not None for r in results])
                    self.vectors[at] = embedded
                self.readable += [r is not None for r in results]
                self.pictures += [r[1] if r is not None else b"" for r in results]
                step(len(results))

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
        data, offsets = arrays["data"].tobytes(), arrays["offsets"]
        pictures = [data[a:b] for a, b in pairwise(offsets)]
        return replace(
            fresh, vectors=vectors, position=document["position"], pictures=pictures,
            readable=arrays["readable"].tolist(),
        )  # fmt: skip


def _by_image(jobs: Sequence[_Job]) -> list[list[_Job]]:
    """Neighbouring jobs of one image together: it is read once for all."""
    return [list(run) for _, run in groupby(jobs, key=lambda job: job.image)]
