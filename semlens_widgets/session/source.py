"""Model and images at hand: what a space is made from, and what can be asked of the model."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from jaxtyping import Float
from tqdm.auto import tqdm

from ..clip import Clip, OpenClip
from ..components import Recipe
from ..crops import CropBy, crop, cut, try_crops
from ..examples import ConceptExamples, collect
from ..images import Images, batches, first_readable
from ..keys import made_from
from ..model import Layer, Pooling, is_here, recording, stack
from ..outputs import KINDS, Chosen, Kind, NoClasses, Outputs, ask, decided, embedding_in
from ..shards import Engine
from ..switching import resting
from ..targets.likeness import is_tower
from ..vectors import unit

if TYPE_CHECKING:
    import torch

Crop = CropBy | None
Kept = Literal["auto", "all"] | int
SAMPLED = 1000  # images on which responses are kept: few beside the crops that go through the CLIP
_EVERY_IMAGE = 2**31 - 1  # of a stream: more than there are, whether it was counted or not
_SAMPLE = 512  # images that say what the mean response is
_LEAST = {
    "k": (2, "a concept needs at least 2 examples, the paper uses 30"),
    "null": (2, "chance is measured on at least 2 random sets"),
    "sample": (0, "a number of images, or 0 for no sample"),
}


@dataclass(frozen=True, eq=False)
class Source:
    """What a space is made from, and how: model, images and CLIP, and the settings of `Lens`."""

    model: torch.nn.Module
    images: Images
    layers: tuple[Layer, ...]
    clip: Clip
    k: int
    pooling: Pooling
    crop: Crop
    threshold: float
    null: int
    seed: int
    sample: int
    keep: Kept = "auto"
    output: Chosen = None
    kind: Kind | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.images, Images):
            kind = type(self.images).__name__
            raise TypeError(f"images is a {kind}; make it with sl.images(folder, data set or list)")
        if not isinstance(self.clip, Clip):
            kind = type(self.clip).__name__
            raise TypeError(f"clip is a {kind}; give sl.OpenClip(...) or an object with name, images, texts")
        if self.crop not in (*get_args(CropBy), None):
            kinds = ", ".join(map(repr, get_args(CropBy)))
            raise ValueError(f"crop={self.crop!r}; crops are {kinds}, or None for whole images")
        for what, (least, why) in _LEAST.items():
            number = getattr(self, what)
            if not isinstance(number, int | np.integer):
                raise TypeError(f"{what} is {number!r}; it is a whole number of images")
            if number < least:
                raise ValueError(f"{what}={number}; {why}")
        if isinstance(self.keep, str) and self.keep not in ("auto", "all"):
            raise ValueError(f"responses={self.keep!r}; 'auto', 'all', a number of images, or False for none")
        if not isinstance(self.keep, str | int | np.integer):
            raise TypeError(f"responses is {self.keep!r}; 'auto', 'all', a number of images, or False for none")
        if not isinstance(self.keep, str) and self.keep < 0:
            raise ValueError(f"responses={self.keep}; a number of images, or False for none")
        if self.keep is True:
            raise ValueError("responses=True does not say how many; 'auto', 'all', or a number of images")
        if self.pooling not in get_args(Pooling):
            raise ValueError(f"pooling={self.pooling!r}; channels are pooled by 'max' or 'mean'")
        if not 0 <= self.threshold < 1:
            raise ValueError(f"threshold={self.threshold}; a share of the map's maximum in [0, 1), the paper uses 0.01")
        if self.kind is not None and self.kind not in KINDS:
            raise ValueError(f"outputs={self.kind!r}; the model's outputs are {', '.join(map(repr, KINDS))}")

    @property
    def kept(self) -> int:
        """On how many random images the responses of all components are kept."""
        if self.keep == "auto":
            return int(self.sample)
        if self.keep == "all":
            return _EVERY_IMAGE if self.images.streamed else len(self.images)
        return int(self.keep)

    @functools.cached_property
    def outputs(self) -> Outputs:
        """How the model's answers are read: decided once, by asking the model. See `Lens.outputs`."""
        if isinstance(self.classes, NoClasses):
            raise self.classes
        return self.classes

    @functools.cached_property
    def classes(self) -> Outputs | NoClasses:
        """How class scores are read, or why there are none: the model is an image tower of the CLIP, or answers with
        something else."""
        read = decided(self.model, self.images, self.output, self.kind)
        if isinstance(read, NoClasses):
            return read
        if read.classes == tuple(map(str, range(read.count))) and self._is_tower():
            return NoClasses(
                f"the model is the image tower of {self.clip.name}: its numbers are an embedding, no class scores. "
                "Explain its likeness to a text, target=sl.targets.text('a dog'), or to another image, "
                "target=sl.targets.similarity(3)"
            )
        return read

    @property
    def own_words(self) -> str:
        """What must be known where model and CLIP are one and the same; empty where they are not."""
        if not isinstance(self.classes, NoClasses) or not self._is_tower():
            return ""
        return (
            f"the model is the image tower of {self.clip.name}, by which its components are named as well: what it "
            "mistakes for something is named as it mistakes it. Another CLIP, clip=…, is an independent witness; texts "
            "are then explained by sl.targets.text(…, by=…)"
        )

    def _is_tower(self) -> bool:
        """Whether model and CLIP make the same of a picture; a CLIP that cannot be loaded says nothing."""
        image, item = first_readable(self.images)
        picture = self.images.picture(image)
        try:
            embedding = embedding_in(ask(self.model, stack([item])), self.output, 1)
            return is_tower(self.clip, embedding, cut(picture, self.images.window(picture.size)))
        except (RuntimeError, ValueError):
            return False

    @functools.cached_property
    def mean_responses(self) -> Float[np.ndarray, " component"]:
        """The mean response of every component over (at most 512 of) the images."""
        ids = np.unique(np.linspace(0, len(self.images) - 1, min(_SAMPLE, len(self.images))).astype(np.int64))
        return np.concatenate(resting(self.model, self.images, self.layers, ids))

    def recipe(self) -> Recipe:
        """What the space is made from, by content."""
        made = made_from(self.model, self.images, self.layers)
        return Recipe(
            weights=made.model,
            images=made.images,
            layers=made.layers,
            pooling=self.pooling,
            k=self.k,
            crop=f"{self.crop} {self.threshold}" if self.crop else "whole",
            clip=self.clip.name,
            null=self.null,
            seed=self.seed,
            sample=self.kept,
            precision=getattr(self.clip, "precision", "single"),
        )

    def responses(
        self, images: Images, *, batch_size: int = 64, progress: bool = True
    ) -> tuple[Float[np.ndarray, "image component"], Float[np.ndarray, "image dim"]]:
        """Pooled responses of all components, and CLIP vectors of what the model sees, for other images.

        Images that cannot be read are left out. ValueError when none can, TypeError for what `sl.images` did not make.
        """
        if not isinstance(images, Images):
            raise TypeError(
                f"images is a {type(images).__name__}; make it with sl.images(…), with the transform of the lens's own"
            )
        values, vectors = [], []
        with (
            recording(self.model, self.layers) as recorder,
            tqdm(total=len(images), unit="image", desc="held-out images", disable=not progress) as bar,
        ):
            for batch in batches(images, np.arange(len(images)), batch_size, here=is_here(self.model)):
                bar.update(batch_size)
                if not batch.items:
                    continue
                answers = recorder.responses(batch.items, self.pooling)
                values.append(np.concatenate([answers[layer.name].values for layer in self.layers], 1))
                pictures = [images.picture(int(i)) for i in batch.ids]
                vectors.append(self.clip.images([cut(p, images.window(p.size)) for p in pictures]))
        if not values:
            raise ValueError(f"none of the {len(images)} images could be read")
        return np.concatenate(values), unit(np.concatenate(vectors).astype(np.float32))

    def examples(
        self, progress_file: Path | None, batch_size: int, fast: bool, progress: bool, engine: Engine | None
    ) -> ConceptExamples:
        """The strongest examples of every component, cropped. What is in `progress_file` already is not done again."""
        if isinstance(self.clip, OpenClip):
            self.clip.load()
        if self.crop is not None:
            try_crops(self.model, self.images, self.layers, by=self.crop)
        found = collect(
            self.model, self.images, self.layers, k=self.k, pooling=self.pooling, sample=self.kept, seed=self.seed,
            batch_size=batch_size, fast=fast, progress_file=progress_file, progress=progress, engine=engine,
        )  # fmt: skip
        if self.crop is None:
            return found
        crops_file = None
        if progress_file is not None:
            crops_file = progress_file.with_name(f"{progress_file.stem}-{self.crop}-{self.threshold}.crops")
        return crop(
            found, self.model, self.images, self.layers, by=self.crop, threshold=self.threshold,
            batch_size=batch_size, progress_file=crops_file, progress=progress, engine=engine,
        )  # fmt: skip
