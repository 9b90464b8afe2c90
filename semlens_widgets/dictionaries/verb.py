"""The verb: a dictionary learned from what a layer says to the images of a data set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from ..images import Images, reading_with
from ..keys import made_from
from ..model import Layer, alone_by_features
from ..model.layer import Asked
from ..passes import OnStep, ProgressFile, steps
from .features import HELD_OUT, Features
from .measure import Measured, measured, unexplained
from .value import CODES, By, LearnedDictionary, encoder_of

if TYPE_CHECKING:
    import torch

    from .learner import Learner

_TRIED = 1024  # vectors of a block by which its loss is told
_CHECKED = 2000  # held-out images that are looked at
_K = 16


def learn_dictionary(
    model: torch.nn.Module,
    images: Images,
    layer: str | Asked,
    *,
    size: int,
    kind: By | str = "topk",
    k: int | None = None,
    epochs: int = 5,
    seed: int = 0,
    seeds: Sequence[int] = (),
    batch_size: int = 64,
    progress_file: str | os.PathLike[str] | None = None,
    progress: bool = True,
    on_step: OnStep | None = None,
    workers: int | None = None,
) -> LearnedDictionary:
    """Learn directions that a layer's features are sums of, and have them as components.

    Parameters
    ----------
    model, images
        The torch module and `sl.images(…)`.
    layer
        One, by name or as `sl.Layer` or `sl.Mlp`; its features at each place (`tokens=` of the layer) are the vectors.
    size
        How many latents.
    kind
        "topk", a sparse autoencoder that keeps the k largest codes (Gao et al. 2024); "nmf", nonnegative factors of
        features that are at least 0; "pca", principal components; "kmeans", clusters. Those three are scikit-learn's.
    k
        Of "topk", how many codes a vector has; 16 unless given.
    epochs
        How often every image is seen.
    seed
        Of the order of images and vectors, and of what the weights are at first.
    seeds
        Others, that are learned beside it from the same vectors: `stability` tells what they found, too.
    batch_size
        Images that run through the model at once.
    progress_file
        A file from which an interrupted run goes on, to the same result but for rounding.
    progress
        Show a bar.
    on_step
        Called with (images done, images in all); what it raises ends the work.
    workers
        Processes that read the images, see `images.read_ahead`.

    Returns
    -------
    LearnedDictionary
        Its `layer` goes into `layers=[…]`; `sl.Layer("blocks.5", via=learned)` is the same under the layer's own name.

    Notes
    -----
    Features are streamed: memory holds some ten thousand of them, whatever the data set. One image in ten is held out,
    and what is told of the dictionary is told on those (at most 2,000). The model is in eval mode meanwhile and as it
    was afterwards. ValueError for what does not fit: more components than features for "nmf" and "pca", negative
    features for "nmf", fewer vectors than latents, a layer with `via` or `signed`.

    Examples
    --------
    >>> model, data = sl.demo.classifier(), sl.images(sl.demo.images(40), transform=sl.demo.transform())
    >>> learned = sl.learn_dictionary(model, data, "layer4", size=8, kind="nmf", epochs=1, progress=False)
    >>> len(learned), learned.layer.name
    (8, 'layer4.nmf')
    """
    asked = alone_by_features(model, layer, "a dictionary")
    _check(images, size, kind, k, epochs, batch_size)
    k = (_K if k is None else k) if kind == "topk" else None
    drawn = tuple(dict.fromkeys([seed, *seeds]))
    least = size if kind != "topk" else 1
    features = Features(model, images, asked, batch_size, seed, least)

    def made() -> dict[str, Any]:
        given = {"size": size, "kind": kind, "k": k, "epochs": epochs, "batch_size": batch_size}
        return {**dict(made_from(model, images, (asked,))), "seeds": list(drawn), **given}

    run = _Learning.resumed(ProgressFile(progress_file, made), [_learner(kind, size, k, one) for one in drawn])
    with reading_with(workers):
        _learn(run, features, epochs, progress, on_step)
        parts = [learner.parts() for learner in run.learners]
        encoders = [encoder_of(CODES[kind], part, k, kind != "nmf") for part in parts]
        ids = features.held_out
        ids = ids[np.unique(np.linspace(0, len(ids) - 1, min(len(ids), _CHECKED)).astype(np.int64))]
        found = measured(encoders, parts, (block.vectors for block in features.of(ids)))
    values = [
        _value(kind, asked, part, k, one, epochs, losses, told, len(ids))
        for part, one, losses, told in zip(parts, drawn, run.losses, found, strict=True)
    ]
    first = values[0]
    if not first.vectors:
        raise ValueError(f"none of the {len(ids)} images that were held out could be read")
    compared = tuple(first.compare(other) for other in values[1:])
    return _value(kind, asked, parts[0], k, seed, epochs, run.losses[0], found[0], len(ids), compared)


def _value(
    by: str, asked: Layer, parts: Mapping[str, np.ndarray], k: int | None, seed: int, epochs: int,
    losses: Sequence[float], told: Measured, images: int, compared: tuple[Any, ...] = (),
) -> LearnedDictionary:  # fmt: skip
    return LearnedDictionary(
        by, asked, parts, k, seed, epochs, np.asarray(losses, np.float32), told.density, told.explained, told.vectors,
        images, compared,
    )  # fmt: skip


def _check(images: Images, size: int, kind: str, k: int | None, epochs: int, batch_size: int) -> None:
    if not isinstance(images, Images):
        raise TypeError(f"images is a {type(images).__name__}; make it with sl.images(folder, data set or list)")
    if kind not in get_args(By):
        raise ValueError(f"kind={kind!r}; kinds are {', '.join(map(repr, get_args(By)))}")
    for what, number in (("size", size), ("epochs", epochs), ("batch_size", batch_size)):
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
            raise ValueError(f"{what}={number!r}; it is a whole number from 1")
    if k is not None and kind != "topk":
        raise ValueError(f"k={k} is of kind='topk', how many codes a vector has; kind {kind!r} has none")
    kept = _K if k is None else k
    if kind == "topk" and not 0 < kept <= size:
        raise ValueError(f"k={kept}; of {size} latents a vector has k, from 1 to {size}")
    if len(images) < HELD_OUT:
        raise ValueError(f"{len(images)} images; one in {HELD_OUT} is held out, so give at least {HELD_OUT}")


def _learner(kind: str, size: int, k: int | None, seed: int) -> Learner:
    if kind == "topk":
        from .topk import TopK

        return TopK(size, k or 1, seed)
    from .factors import Factors

    return Factors(kind, size, seed)


@dataclass
class _Learning:
    """What is learned so far; `position` counts images over all epochs."""

    file: ProgressFile
    learners: list[Learner]
    losses: list[list[float]]
    position: int = 0

    def save(self) -> None:
        arrays: dict[str, np.ndarray] = {}
        documents = []
        for number, learner in enumerate(self.learners):
            mine, document = learner.state()
            arrays |= {f"{number}.{name}": np.ascontiguousarray(array) for name, array in mine.items()}
            documents.append(document)
        self.file.write(arrays, {"position": self.position, "losses": self.losses, "learners": documents})

    @classmethod
    def resumed(cls, file: ProgressFile, learners: list[Learner]) -> _Learning:
        """As last saved, or new."""
        if (saved := file.read()) is None:
            return cls(file, learners, [[] for _ in learners])
        arrays, document = saved
        for number, learner in enumerate(learners):
            mine = {n.partition(".")[2]: a for n, a in arrays.items() if n.partition(".")[0] == str(number)}
            learner.restore(mine, document["learners"][number])
        return cls(file, learners, document["losses"], document["position"])


def _learn(run: _Learning, features: Features, epochs: int, progress: bool, on_step: OnStep | None) -> None:
    """All epochs, from where the run is."""
    length = features.length
    total = epochs * length
    with steps(run, total, "dictionary", progress=progress, on_step=on_step) as step:
        while run.position < total:
            epoch, start = divmod(run.position, length)
            for block in features.epoch(epoch, start):
                _check_size(run.learners[0], features, block.vectors.shape[1])
                draw = np.random.default_rng([features.seed, epoch, block.position])
                vectors = block.vectors[draw.permutation(len(block.vectors))]
                for learner, losses in zip(run.learners, run.losses, strict=True):
                    if run.position:
                        parts = learner.parts()
                        encoder = encoder_of(learner.kind, parts, getattr(learner, "k", None), learner.centred)
                        losses.append(unexplained(encoder, parts, vectors[:_TRIED]))
                    learner.learn(vectors, run.position / total)
                step(epoch * length + block.position - run.position)
            if not run.position:
                raise ValueError(f"none of the {length} images could be read")
            if left := (epoch + 1) * length - run.position:  # images at the end that cannot be read, or are held out
                step(left)


def _check_size(learner: Learner, features: Features, dim: int) -> None:
    what = {"linear": "principal components", "nonnegative": "nonnegative factors"}.get(learner.kind)
    if what is not None and features.least > dim:
        raise ValueError(
            f"size={features.least}; layer {features.layer.name!r} has {dim} features, which have at most as many "
            f"{what}; kind='topk' and 'kmeans' may have more"
        )
