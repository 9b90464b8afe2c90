"""The verb: one streaming pass over the data set, for all layers at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..components import Components
from ..images import Images, reading_with
from ..keys import made_from
from ..model import Layers, Pooling, resolve
from ..passes import ProgressFile, digest, steps
from ..shards import Engine, Shard, cut_up
from .running import RunningPass, Settings, Work
from .sample import Draw
from .statistics import Statistics
from .tally import Tally
from .value import ConceptExamples

if TYPE_CHECKING:
    import torch


def collect(
    model: torch.nn.Module,
    images: Images,
    layers: Layers,
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
    engine: Engine | None = None,
    workers: int | None = None,
) -> ConceptExamples:
    """Find each component's k most exciting images in one pass over the data set, for all layers at once.

    A stream is read to its end; in shards, or where ids are given, its images are counted first. The model is in eval
    mode during the pass and as it was afterwards.

    (Dreyer et al. 2025, concept examples)

    Parameters
    ----------
    model
        A torch module.
    images
        `sl.images(…)`.
    layers
        Names, wildcards, or `Layer(…)`.
    k
        Examples per component.
    pooling
        "max" or "mean" over places.
    batch_size
        Images that run through the model at once.
    ids
        Restricts the pass to a shard.
    sample
        Of so many images of the whole data set the responses of all components are kept.
    seed
        Draws the sample.
    fast
        Run a copy with batch norms folded and channels last: responses agree up to rounding.
    progress_file
        Where an interrupted pass is saved, and continued from, to the same bytes.
    progress
        Show a bar.
    engine
        Computes it in shards, see `shards.Engine`.
    workers
        Processes that read the images, see `images.read_ahead`.

    Returns
    -------
    ConceptExamples
        The examples, not yet cropped.

    Raises
    ------
    KeyError
        For an unknown layer.
    NotFinite
        For NaN responses.
    ValueError
        When no image can be read.

    Examples
    --------
    >>> data = sl.images(sl.demo.images(40), transform=sl.demo.transform())
    >>> examples = sl.collect(sl.demo.classifier(), data, ["layer4"], k=3, sample=0, progress=False)
    >>> examples.images.shape[1]
    3
    """
    if k < 1 or batch_size < 1 or sample < 0:
        raise ValueError(f"k={k}, batch_size={batch_size}, sample={sample}; at least 1, 1 and 0")
    if pooling not in ("max", "mean"):
        raise ValueError(f"pooling={pooling!r}; channels are pooled by 'max' or 'mean'")
    wanted = resolve(model, layers)
    whole = ids is None and images.streamed
    chosen = np.zeros(0, np.int64) if whole else np.arange(len(images)) if ids is None else np.asarray(ids)
    settings = Settings(k, pooling, batch_size, sample, seed, fast)

    def made() -> dict[str, Any]:
        given = {"k": k, "pooling": pooling, "sample": sample, "seed": seed, "fast": fast}
        return {**dict(made_from(model, images, wanted)), "chosen": "all" if whole else digest(chosen), **given}

    draw = Draw(sample, seed, None if whole else len(images) if sample else 0)
    run = RunningPass.resumed(ProgressFile(progress_file, made), wanted, k, draw, images)
    total = images.length if whole else len(chosen)

    def asked() -> dict[str, Any]:
        return made() | {"batch_size": batch_size}

    if engine is not None and run.position != total and engine.wanted(asked):
        if whole:
            chosen = np.arange(len(images))
        cuts = cut_up(len(chosen), batch_size, run.position)
        shards = [Shard(begin, end, Work(chosen[begin:end], settings)) for begin, end in cuts]
        things = {"model": model, "layers": wanted, "images": images}
        run.merge(engine.parts("images", asked, things, shards), len(chosen), progress)
    elif run.position != total:
        with reading_with(workers), steps(run, total, "examples", progress=progress) as step:
            settings.go(run, model, images, None if whole else chosen[run.position :], step)
    if not run.sizes:
        raise ValueError(f"none of the {run.position} images could be read; the first: {': '.join(run.unreadable[0])}")
    arrays = run.arrays()
    return ConceptExamples.of(
        Tally.of(arrays["keys"], arrays["peaks"]),
        Components(tuple(x.name for x in wanted), run.sizes, tuple(x.signed for x in wanted)),
        run.grids,
        Statistics.from_arrays(arrays, run.images),
        run.unreadable,
        run.sampled() if sample else None,
    )
