"""The verb: crops of examples, random images and the sample, each embedded once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from PIL import Image

from ..clip import Clip, PreparingClip, checked_vectors
from ..components import Recipe
from ..crops import cut
from ..examples import ConceptExamples
from ..images import Images, UnreadableImage, Window, read_ahead, reading_with
from ..keys import of_clip
from ..mapped import let_go
from ..passes import Counted, ProgressFile, steps
from ..shards import Engine, Part, Shard, cut_up
from ..vectors import unit
from .embedded import Embedding, embedding
from .jobs import Job, Jobs, Planned
from .thumbnails import Thumbnails, webp
from .value import SemanticSpace

GATHERED = 1 << 14  # vectors of crops that are seen at once
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
    workers: int | None = None,
) -> SemanticSpace:
    """Turn examples into a semantic space: every referenced crop goes through CLIP once.

    A random draw of `recipe.null` images, cropped with boxes drawn from the examples' own, goes with them, and so do
    the images of `examples.sampled`, whole: where nothing is cropped the two share what they can. Vectors and
    thumbnails lie on disk from the start, and the space maps them. (Dreyer et al. 2025, second mapping)

    Parameters
    ----------
    examples
        What `collect` found and `crop` cropped.
    images
        The data set they are from.
    clip
        The CLIP.
    recipe
        What all was made from.
    thumbnail
        The longest side in pixels of the pictures kept in the space.
    progress_file
        A folder: an interrupted run continues at the last batch saved in it. It may go once the space is saved.
    progress
        Show a bar.
    engine
        Computes it in shards, see `shards.Engine`.
    workers
        Processes that read the pictures and prepare their crops, see `images.read_ahead`.

    Returns
    -------
    SemanticSpace
        One row for each component.

    Examples
    --------
    >>> clip = sl.OpenClip(sl.demo.clip_folder())
    >>> data = sl.images(sl.demo.images(40), transform=sl.demo.transform())
    >>> examples = sl.collect(sl.demo.classifier(), data, ["layer4"], k=3, sample=0, progress=False)
    >>> recipe = sl.Recipe("weights", data.fingerprint, ("layer4",), "max", 3, "none", clip.name, null=50, seed=0)
    >>> sl.embed(examples, data, clip, recipe, progress=False).dim
    128
    """
    plan = Planned.of(examples, len(images), recipe)
    jobs, shown = plan.jobs, plan.jobs.shown

    def made() -> dict[str, Any]:
        return {"recipe": recipe.to_document(), "clip": of_clip(clip), "thumbnail": thumbnail, "crops": jobs.digest}

    with reading_with(workers), embedding(ProgressFile(progress_file, made)) as run, run.room_for(len(jobs)):
        _run(run, jobs, images, clip, thumbnail, progress, made, engine)
        found = run.whole()
    if examples.sampled is not None:
        examples = replace(examples, sampled=examples.sampled.only(found.readable[plan.sample]).compact())
    referenced = jobs.images[:shown]
    named = np.unique(referenced).tolist()
    crops = found.vectors[:shown]
    theta, lengths = directions(crops, plan.crop_of, examples.counts)
    null, sample = (found.vectors[at[found.readable[at]]] for at in (plan.null, plan.sample))
    return SemanticSpace(
        examples,
        recipe,
        crops,
        plan.crop_of,
        referenced.astype(np.int32),
        theta,
        null,
        found.pictures.first(shown),
        {i: images.name(i) for i in named},
        {i: label for i in named if (label := images.label(i)) is not None},
        images.classes,
        None if examples.sampled is None else sample,
        lengths,
        images,
    )


def embed_some(
    images: Images, clip: Clip, numbers: Sequence[int] | np.ndarray, boxes: Sequence[Window | None], thumbnail: int
) -> tuple[int, float]:
    """(dimensions of a vector, mean bytes of a thumbnail) of some crops that are embedded and not kept: a trial."""
    jobs = Jobs.of(numbers, boxes, len(numbers))
    size = clip.batch_size if isinstance(clip, PreparingClip) else _BATCH
    done = list(_embedded(jobs, images, clip, thumbnail, size))
    pictures = [len(picture) for _, _, made in done for picture in made]
    return max((vectors.shape[1] for vectors, _, _ in done), default=0), float(np.mean(pictures or [0]))


def directions(
    crops: Float[np.ndarray, "crop dim"],
    crop_of: Int[np.ndarray, "component example"],
    counts: Int[np.ndarray, " component"],
) -> tuple[Float[np.ndarray, "component dim"], Float[np.ndarray, " component"]]:
    """Each component's mean embedding over its first `counts` examples: (unit, length); zero where there are none.

    Crops are read in their order, each once, and let go again: there may be more of them than memory holds.
    """
    used = np.arange(crop_of.shape[1]) < counts[:, None]
    owners, wanted = np.nonzero(used)[0].astype(np.int32), crop_of[used]
    in_order = np.argsort(wanted, kind="stable")
    result = np.zeros((len(crop_of), crops.shape[1]), np.float32)
    for start in range(0, len(in_order), GATHERED):
        some = in_order[start : start + GATHERED]
        vectors = unit(crops[wanted[some]].astype(np.float32))
        let_go(crops)
        by_owner = np.argsort(owners[some], kind="stable")
        whose = owners[some][by_owner]
        first = np.flatnonzero(np.diff(whose, prepend=-1))
        result[whose[first]] += np.add.reduceat(vectors[by_owner], first)
    return unit(result), np.linalg.norm(result, axis=1) / np.maximum(counts, 1).astype(np.float32)


def _as_it_is(picture: Image.Image) -> Any:
    return picture


def _run(
    run: Embedding, jobs: Jobs, images: Images, clip: Clip, thumbnail: int, progress: bool,
    made: Callable[[], dict[str, Any]], engine: Engine | None,
) -> None:  # fmt: skip
    """Embed what is left to do."""
    size = clip.batch_size if isinstance(clip, PreparingClip) else _BATCH

    def asked() -> dict[str, Any]:
        return made() | {"batch_size": size}

    if engine is None or run.position == len(jobs) or not engine.wanted(asked):
        with steps(run, len(jobs), "embed", "crop", progress=progress) as step:
            left = jobs.part(run.position, len(jobs))
            for vectors, readable, pictures in _embedded(left, images, clip, thumbnail, size):
                run.add(vectors, readable, pictures)
                step(len(readable))
        return
    cuts = cut_up(len(jobs), size, run.position)
    shards = [Shard(begin, end, _Work(jobs.part(begin, end), thumbnail, size)) for begin, end in cuts]
    early: dict[int, Part] = {}  # parts that wait for those before them
    with steps(Counted(run.position), len(jobs), "embed", "crop", progress=progress) as step:
        for shard, part in engine.parts("crops", asked, {"images": images, "CLIP": clip}, shards):
            early[shard.begin] = part
            while run.done in early:
                arrays = early.pop(run.done)[0]
                run.add(arrays["vectors"], arrays["readable"].tolist(), _cut_up(arrays))
            step(len(shard))


def _cut_up(arrays: Mapping[str, np.ndarray]) -> list[bytes]:
    """Pictures that stand in one run of bytes."""
    data = arrays["data"].tobytes()
    return [data[a:b] for a, b in pairwise(arrays["offsets"].tolist())]


def _embedded(
    jobs: Jobs, images: Images, clip: Clip, thumbnail: int, size: int
) -> Iterator[tuple[np.ndarray, list[bool], list[bytes]]]:
    """Batch by batch (unit vectors of the jobs that could be read, which those are, thumbnails of all)."""
    prepare: Callable[[Image.Image], Any] = _as_it_is
    encode: Callable[[list[Any]], np.ndarray] = clip.images
    if isinstance(clip, PreparingClip):
        prepare, encode = getattr(clip, "preparation", clip.prepare), clip.embed_prepared
    starts = range(0, len(jobs), size)
    parts = ([(run[0].image, run) for run in _by_image(jobs.part(start, start + size))] for start in starts)
    computed_here = getattr(clip, "on_cpu", False)
    found = read_ahead(images, parts, partial(_cut_out, prepare, thumbnail), count=len(jobs), here=computed_here)
    for start, loaded in zip(starts, found, strict=True):
        results: list[tuple[Any, bytes] | None] = []
        for run, crops in zip(_by_image(jobs.part(start, start + size)), loaded, strict=True):
            results += [None] * len(run) if isinstance(crops, UnreadableImage) else crops
        pairs = [r for r in results if r is not None]
        vectors = np.zeros((0, 0), np.float32)
        if pairs:
            here = zip(jobs.part(start, start + size), results, strict=True)
            names = [images.name(job.image) for job, result in here if result is not None]
            vectors = unit(checked_vectors(encode([p[0] for p in pairs]), clip, "picture", names))
        yield vectors, [r is not None for r in results], [r[1] if r is not None else b"" for r in results]


def _cut_out(
    prepare: Callable[[Image.Image], Any], thumbnail: int, images: Images, image: int, jobs: Sequence[Job]
) -> list[tuple[Any, bytes]]:
    """(what CLIP takes, the thumbnail) of the crops of one image, which is read once."""
    picture = images.picture(image)
    seen = images.window(picture.size)
    crops = [cut(picture, job.box or seen) for job in jobs]
    return [(prepare(c), webp(c, thumbnail) if job.shown else b"") for c, job in zip(crops, jobs, strict=True)]


@dataclass(frozen=True, eq=False)
class _Work:
    """What some jobs come to, for an engine."""

    jobs: Jobs
    thumbnail: int
    batch_size: int

    def __call__(self, things: Mapping[str, Any]) -> Part:
        parts = list(_embedded(self.jobs, things["images"], things["CLIP"], self.thumbnail, self.batch_size))
        run = Thumbnails.of([picture for _, _, pictures in parts for picture in pictures])
        vectors = [vectors for vectors, _, _ in parts if len(vectors)]
        return {
            "vectors": np.concatenate(vectors) if vectors else np.zeros((0, 0), np.float32),
            "readable": np.asarray([ok for _, readable, _ in parts for ok in readable], bool),
            "data": run.data, "offsets": run.offsets,
        }, {}  # fmt: skip


def _by_image(jobs: Iterable[Job]) -> list[list[Job]]:
    """Neighbouring jobs of one image together: it is read once for all."""
    return [list(run) for _, run in groupby(jobs, key=lambda job: job.image)]
