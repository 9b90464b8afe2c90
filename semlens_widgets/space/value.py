"""The value: every component as a direction, the crops it is the mean of, and what chance looks like."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from PIL import Image

from .. import store
from ..components import Components, Recipe
from ..crops import cut, region
from ..examples import ConceptExamples, Sampled
from ..held import Later, freeze_read, held, is_read, partly_read, read_when_touched, rows_of, shape_of
from ..images import Images, UnreadableImage
from ..showing import Showing, showing
from ..threads import on_all
from ..vectors import frozen, unit
from ..warned import Renamed
from .chance import SetScores, attainable, set_means, set_sizes
from .thumbnails import Thumbnails

_CROPS = 8192  # half-precision vectors that are widened at once
_PROBES = 256  # held against all random sets at once


@dataclass(frozen=True, eq=False)
class Sample:
    """A random sample of the data set: what every component answers to each image, and the image's unit vector.

    The images are whole (all that the model saw), in order of their ids, and drawn without regard to any component:
    held-out evidence, once a component's own examples are left out.

    Attributes
    ----------
    sampled
        The answers of the components.
    vectors
        [image dim], unit vectors of the images.

    Examples
    --------
    >>> sample = lens.space.sample
    >>> sample.of([0, 1]).shape == (len(sample.images), 2)
    True
    """

    sampled: Sampled
    vectors: Float[np.ndarray, "image dim"]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def images(self) -> Int[np.ndarray, " image"]:
        """Numbers of the images, in order."""
        return self.sampled.images

    @property
    def ranks(self) -> Int[np.ndarray, "component image"]:
        """Each response's rank among those of its component, centred: see `examples.sample.centred_ranks`."""
        return self.sampled.ranks

    @property
    def rank_sums(self) -> Float[np.ndarray, "component 2"]:
        """The sums of the squares and of the cubes of each component's `ranks`."""
        return self.sampled.rank_sums

    @property
    def activations(self) -> Float[np.ndarray, "image component"]:
        """All of them; mind the memory of many components, and use `of` where some will do."""
        return self.sampled.responses.T

    def of(self, rows: Any) -> Float[np.ndarray, "image row"]:
        """What some components answer.

        Parameters
        ----------
        rows
            Of the components.

        Returns
        -------
        float array [image row]
            Responses.
        """
        return self.sampled.of(rows).T


@dataclass(frozen=True, eq=False)
class SemanticSpace:
    """Every component as a direction in the space of one CLIP, and the evidence it stands on.

    Of a space from a file the large arrays and the names are read, and held against their checksums, when they are
    first asked for: they may raise SemlensFileError then.

    Attributes
    ----------
    examples
        The images behind the components.
    recipe
        What all was made from.
    crop_vectors
        [crop dim], unit embeddings of all distinct crops.
    crop_of
        [component example], which crop is whose; `embeddings` puts them together.
    crop_images
        [crop], the crops' images, which `names`, `labels` and `classes` describe.
    vectors
        [component dim], the components' unit mean directions (theta), zero for dead ones.
    null_vectors
        [null dim], embeddings of random images, cropped like the examples: what chance looks like.
    thumbnails
        Small pictures of the crops.
    names, labels, classes
        What images are called, their class numbers, and the class names.
    sample_vectors
        [image dim], embeddings of the whole images in `examples.sampled`; `sample` has both together.
    lengths
        [component], how alike each component's examples are (`resultant_length`); worked out where they are not given.
    originals
        The data set itself, where it is at hand; it is not saved.

    Examples
    --------
    >>> space = lens.space
    >>> space.vectors.shape == (len(space.components), space.dim)
    True
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
    lengths: Float[np.ndarray, " component"] | None = None
    originals: Images | None = None

    def __post_init__(self) -> None:
        vectors, crops = shape_of(self, "vectors")[0], shape_of(self, "crop_vectors")[0]
        of_examples = shape_of(self, "crop_of")
        if vectors != len(self.components) or of_examples != shape_of(self.examples, "images"):
            raise ValueError(
                f"{len(self.components)} components, {vectors} vectors, {of_examples} crops: they must agree"
            )
        if vars(self)["lengths"] is not None and shape_of(self, "lengths") != (len(self.components),):
            raise ValueError(f"{len(self.components)} components, {shape_of(self, 'lengths')} lengths: they must agree")
        known = is_read(self, "crop_of") and self.crop_of.size
        if known and not 0 <= self.crop_of.min() <= self.crop_of.max() < crops:
            raise ValueError("an example points at a crop that is not there")
        sampled = self.examples.sampled
        if vars(self)["sample_vectors"] is not None and sampled:
            vectors = shape_of(self, "sample_vectors")[0]
            if vectors != len(sampled.images):
                raise ValueError(f"{len(sampled.images)} sampled images, {vectors} vectors of them")
        freeze_read(self, "crop_vectors", "crop_of", "crop_images", "vectors", "null_vectors")
        freeze_read(self, "sample_vectors", "lengths")

    def __repr__(self) -> str:
        layers = ", ".join(f"{n} {s}" for n, s in zip(self.components.layers, self.components.sizes, strict=True))
        return f"<SemanticSpace of {len(self.components):,} components ({layers}) in {self.recipe.clip}>"

    @property
    def components(self) -> Components:
        """The rows."""
        return self.examples.components

    @property
    def dim(self) -> int:
        """Dimensions of the CLIP's space."""
        return shape_of(self, "vectors")[1]

    @cached_property
    def alive(self) -> Bool[np.ndarray, " component"]:
        """Components that some image excites; a dead one has no direction and is never a hit."""
        return frozen(self.examples.counts > 0)

    def embeddings_of(self, rows: Any) -> Float[np.ndarray, "component example dim"]:
        """Unit embeddings of some components' examples, float32; those beyond a component's count are zero.

        Parameters
        ----------
        rows
            Of the components.

        Returns
        -------
        float array [component example dim]
            Unit vectors.
        """
        gathered = unit(rows_of(self, "crop_vectors", self.crop_of[rows]).astype(np.float32))
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
        shape = sampled.arrays["sample_responses"].shape
        if shape != (len(self.components), len(sampled.images)):
            raise store.SemlensFileError(
                f"responses of shape {shape} for {len(self.components)} components and "
                f"{len(sampled.images)} sampled images"
            )
        return Sample(sampled, frozen(unit(self.sample_vectors.astype(np.float32))))

    def showing(self, vectors: Float[np.ndarray, "probe dim"]) -> Showing:
        """Which sampled images show each probe; of none where there is no sample. The last ones are remembered.

        Parameters
        ----------
        vectors
            Unit vectors of probes.

        Returns
        -------
        Showing
            For each probe, which images.
        """
        key = vectors.tobytes()
        if key not in self._shown:
            seen = np.zeros((0, self.dim), np.float32) if self.sample is None else self.sample.vectors
            self._shown.clear()
            self._shown[key] = showing(vectors @ seen.T)
        return self._shown[key]

    @cached_property
    def _shown(self) -> dict[bytes, Showing]:
        return {}

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
        return set_sizes(self.examples.images.shape[1])

    @cached_property
    def set_size_of(self) -> Int[np.ndarray, " component"]:
        """Per component, which of `set_sizes` its number of examples is held against (the largest not above)."""
        return np.maximum(np.searchsorted(self.set_sizes, self.examples.counts, side="right") - 1, 0)

    @cached_property
    def null_means(self) -> Float[np.ndarray, "size set dim"]:
        """Mean embeddings of random sets of images from the same data, per set size: what no concept looks like.

        They are as long as the images of a set are alike. Made unit, a random set would gain on one whose images have
        something in common, by all that every image shares with every word.
        """
        pool = unit(self.null_vectors.astype(np.float32))
        return frozen(set_means(pool, self.set_sizes, self.recipe.seed))

    @cached_property
    def null_sets(self) -> Float[np.ndarray, "size set dim"]:
        """The directions of `null_means`."""
        return frozen(unit(self.null_means))

    def null_of(self, centre: bool) -> Float[np.ndarray, "size set dim"]:
        """What the components' scores are held against: `null_offsets` with centring, else `null_means`.

        Parameters
        ----------
        centre
            As in `search`.

        Returns
        -------
        float array [size set dim]
            Not made unit.
        """
        return self.null_offsets if centre else self.null_means

    def set_scores(self, vectors: Float[np.ndarray, "probe dim"], centre: bool) -> SetScores:
        """How alike random sets of images are to probes: what their components' scores are held against.

        Parameters
        ----------
        vectors
            Unit vectors of probes.
        centre
            As in `search`.

        Returns
        -------
        SetScores
            By size of the set (`set_sizes`) and probe.
        """
        null, sizes, pool = self.null_of(centre), self.set_sizes, len(self.null_vectors)
        starts = range(0, max(len(vectors), 1), _PROBES)
        parts = [
            SetScores.of(null @ vectors[start : start + _PROBES].T, sizes, pool, self.examples.statistics.images)
            for start in starts
        ]
        return SetScores(*(np.concatenate([getattr(part, name) for part in parts], 1)
                           for name in ("mean", "sd", "skewness")))  # fmt: skip

    def divided_by(self, rows: slice | Int[np.ndarray, " row"], centre: bool) -> Float[np.ndarray, " row"]:
        """What made components' vectors unit (or centred and unit): their null is divided by it as well.

        Parameters
        ----------
        rows
            Of the components.
        centre
            As in `search`.

        Returns
        -------
        float array [row]
            Lengths.
        """
        return np.maximum(self.residuals[rows] if centre else self.resultant_length(rows), np.float32(1e-9))

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
        """The mean similarity (cosine) of random images to each probe.

        Parameters
        ----------
        vectors
            Unit vectors of probes.

        Returns
        -------
        float array [probe]
            Cosines.
        """
        if not len(self.null_vectors):
            return np.zeros(len(vectors), np.float32)
        return vectors @ unit(self.null_vectors.astype(np.float32)).mean(0)

    def attainable(self, vectors: Float[np.ndarray, "probe dim"]) -> Float[np.ndarray, " probe"]:
        """The mean similarity of the k images that match each probe best: what this data could show.

        Parameters
        ----------
        vectors
            Unit vectors of probes.

        Returns
        -------
        float array [probe]
            Cosines.
        """
        return attainable(self._pool, vectors, self.crop_of.shape[1])

    def crop_similarity(self, vector: Float[np.ndarray, " dim"]) -> Float[np.ndarray, " crop"]:
        """The likeness (cosine) of every crop to a probe.

        Parameters
        ----------
        vector
            Unit vector of a probe.

        Returns
        -------
        float array [crop]
            Cosines.
        """
        crops = self.crop_vectors
        blocks = range(0, len(crops), _CROPS)
        parts = list(on_all(lambda start: crops[start : start + _CROPS].astype(np.float32) @ vector, blocks))
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def best_crop(self, vectors: Float[np.ndarray, "probe dim"]) -> Float[np.ndarray, " probe"]:
        """The likeness to each probe of the crop that matches it best; what was asked before is remembered.

        Parameters
        ----------
        vectors
            Unit vectors of probes.

        Returns
        -------
        float array [probe]
            Cosines.
        """
        known, keys = self._best_crops, [vector.tobytes() for vector in vectors]
        new = [at for at, key in enumerate(keys) if key not in known]
        if new:
            crops, asked = self.crop_vectors, vectors[new].T
            blocks = range(0, len(crops), _CROPS)
            found = on_all(lambda start: (crops[start : start + _CROPS].astype(np.float32) @ asked).max(0), blocks)
            best = np.max(list(found), axis=0) if len(blocks) else np.full(len(new), np.nan)
            known.update({keys[at]: float(value) for at, value in zip(new, best, strict=True)})
        return np.asarray([known[key] for key in keys], np.float32)

    @cached_property
    def _best_crops(self) -> dict[bytes, float]:
        return {}

    @cached_property
    def _known_lengths(self) -> Float[np.ndarray, " component"]:
        return np.full(len(self.components), np.nan, np.float32)

    def resultant_length(self, rows: slice | Int[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
        """How alike some components' examples are: the length of the mean of their unit vectors, in [0, 1].

        Parameters
        ----------
        rows
            Of the components.

        Returns
        -------
        float array [row]
            In [0, 1].
        """
        if self.lengths is not None:
            return self.lengths[rows]
        known = self._known_lengths
        unknown = np.isnan(known[rows])
        missing = np.unique(np.arange(len(known))[rows][unknown]) if unknown.any() else ()
        for start in range(0, len(missing), 256):
            some = missing[start : start + 256]
            total = self.embeddings_of(some).sum(1)
            known[some] = np.linalg.norm(total, axis=1) / np.maximum(self.examples.counts[some], 1)
        return known[rows]

    def mean_similarity(
        self, rows: Int[np.ndarray, " pair"], vectors: Float[np.ndarray, "pair dim"]
    ) -> Float[np.ndarray, " pair"]:
        """The mean similarity of components' examples to probes, pair by pair.

        Parameters
        ----------
        rows
            Of the components.
        vectors
            Unit vectors of probes, one for each row.

        Returns
        -------
        float array [pair]
            Cosines.
        """
        return self.resultant_length(rows) * np.einsum("pd,pd->p", self.vectors[rows], vectors)

    alikeness, likeness = Renamed("resultant_length"), Renamed("mean_similarity")

    def shown(self, row: int, rank: int) -> Image.Image:
        """One example as a person sees it: cut from its original picture where that is at hand, else its thumbnail.

        Parameters
        ----------
        row
            Of the component.
        rank
            Of its example, from 0.

        Returns
        -------
        Image.Image
            PIL.
        """
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
        """The same space with its data set at hand, or without it.

        Parameters
        ----------
        images
            The data set, or None.

        Returns
        -------
        SemanticSpace
            The space.
        """
        made = copy.copy(self)  # what has not been read yet stays so
        object.__setattr__(made, "originals", images)
        return made

    def image_name(self, image: int) -> str:
        """What an image is called: its path below the folder, or its number.

        Parameters
        ----------
        image
            Its number.

        Returns
        -------
        str
            The name.
        """
        return self.names.get(int(image), str(image))

    def label(self, image: int) -> str | None:
        """The class name of an image, or None.

        Parameters
        ----------
        image
            Its number.

        Returns
        -------
        str or None
            The name, or None.
        """
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
        """Write a `.semlens` file.

        Parameters
        ----------
        path
            Of the file.
        extra
            JSON values to keep with it.
        attached
            Arrays to keep with it; their names have a "/" in them, as in "relevance/mean".

        Returns
        -------
        Path
            The file that was written.
        """
        return store.write(path, *self.to_file(extra, attached))

    def to_file(
        self, extra: dict[str, Any] | None = None, attached: Mapping[str, np.ndarray] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """What `save` writes: the arrays, and the document beside them.

        Parameters
        ----------
        extra, attached
            As in `save`.

        Returns
        -------
        tuple[dict[str, array], dict]
            Both.
        """
        known = np.asarray(sorted(self.names), np.int64)
        text, offsets = store.packed([self.names[i] for i in known.tolist()])
        arrays = {
            "crop_vectors": self.crop_vectors,
            "crop_of": self.crop_of,
            "crop_images": self.crop_images,
            "vectors": self.vectors,
            "null_vectors": self.null_vectors,
            "lengths": self.resultant_length(np.arange(len(self.components))),
            "image_ids": known,
            "image_names": text,
            "image_name_offsets": offsets,
            "image_labels": np.asarray([self.labels.get(int(i), -1) for i in known], np.int32),
        }
        if self.sample_vectors is not None:
            arrays["sample_vectors"] = self.sample_vectors
        for name, array in (attached or {}).items():
            if "/" not in name:
                raise ValueError(f"attached array {name!r}; its name needs a part, as in 'relevance/{name}'")
            arrays[name] = np.asarray(array)
        document = {"recipe": self.recipe.to_document(), "classes": self.classes, "extra": extra or {}}
        return (
            self.examples.to_arrays() | self.thumbnails.to_arrays() | arrays,
            self.examples.to_document() | document,
        )

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, whole: bool = False) -> Opened:
        """What a `.semlens` file holds, memory-mapped.

        Arrays are checked when they are first asked for.

        Parameters
        ----------
        path
            Of the file.
        whole
            Check all arrays at once.

        Returns
        -------
        Opened
            The space, and what the file holds beside it.

        Raises
        ------
        SemlensFileError
            If it is damaged or foreign.
        """
        stored = store.Stored(path, space=True)
        if whole:
            stored.check()
        with store.reading(f"{path} holds no semantic space"):
            return Opened(cls._from(stored), dict(stored.document["extra"]), stored)

    @classmethod
    def _from(cls, stored: store.Stored) -> SemanticSpace:
        document = stored.document
        return partly_read(
            cls,
            examples=ConceptExamples.from_document(document, stored),
            recipe=Recipe(**(document["recipe"] | {"layers": tuple(document["recipe"]["layers"])})),
            crop_vectors=held(stored, "crop_vectors"),
            crop_of=held(stored, "crop_of"),
            crop_images=held(stored, "crop_images"),
            vectors=held(stored, "vectors"),
            null_vectors=held(stored, "null_vectors"),
            thumbnails=Thumbnails.from_arrays(stored),
            names=Later(lambda: _names(stored)),
            labels=Later(lambda: _labels(stored)),
            classes=tuple(document["classes"]),
            sample_vectors=held(stored, "sample_vectors") if "sample_vectors" in stored else None,
            lengths=held(stored, "lengths") if "lengths" in stored else None,
            originals=None,
        )


read_when_touched(
    SemanticSpace,
    *("crop_vectors", "crop_of", "crop_images", "vectors", "null_vectors", "sample_vectors", "lengths"),
    *("names", "labels"),
)


def _names(stored: store.Stored) -> dict[int, str]:
    """The names of the images, by number."""
    texts = store.unpacked(stored["image_names"], stored["image_name_offsets"])
    return dict(zip(stored["image_ids"].tolist(), texts, strict=True))


def _labels(stored: store.Stored) -> dict[int, int]:
    """The classes of the images that have one, by number."""
    pairs = zip(stored["image_ids"].tolist(), stored["image_labels"].tolist(), strict=True)
    return {image: label for image, label in pairs if label >= 0}


class Opened(NamedTuple):
    """A space from a file, with the JSON and the arrays kept beside it; arrays are read when touched."""

    space: SemanticSpace
    extra: dict[str, Any]
    attached: Mapping[str, np.ndarray]
