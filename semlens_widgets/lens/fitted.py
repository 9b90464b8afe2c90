"""The ground of a lens: model, images and CLIP become a semantic space, which is kept in a file."""

from __future__ import annotations

import difflib
import functools
import os
import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import numpy as np
import traitlets
from jaxtyping import Float
from tqdm.auto import tqdm

from .. import cache, store
from ..clip import TEMPLATES, Clip, OpenClip, checked_templates
from ..components import Components, Recipe
from ..crops import CropBy, crop, cut, try_crops
from ..examples import ConceptExamples, collect
from ..images import Images, batches
from ..keys import made_from, of_clip, settled, used
from ..model import Layer, Pooling, recording, resolve
from ..outputs import KINDS, Chosen, Kind
from ..space import SemanticSpace, embed
from ..store import Section, reading
from ..trust import checked_extra, clip_of_file
from ..vectors import unit
from ..vocabularies import vocabulary as words_of

if TYPE_CHECKING:
    import torch

Crop = CropBy | None
Part = tuple[dict[str, Any], Mapping[str, np.ndarray]]
Self = TypeVar("Self", bound="Fitted")
_PLAIN = ("lock", "vocabulary", "name")  # attributes that are no traits
_LEAST = {
    "k": "a concept needs at least 2 examples, the paper uses 30",
    "null": "chance is measured on at least 2 random sets",
    "sample": "a number of images, or 0 for no sample",
}


class NotFitted(RuntimeError):
    """The lens has no semantic space yet."""


@dataclass(frozen=True, eq=False)
class Source:
    """What a space is made from, and how."""

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
    output: Chosen = None
    outputs: Kind | None = None

    def recipe(self) -> Recipe:
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
            sample=self.sample,
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
            for batch in batches(images, np.arange(len(images)), batch_size):
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

    def examples(self, progress_file: Path | None, batch_size: int, fast: bool, progress: bool) -> ConceptExamples:
        if isinstance(self.clip, OpenClip):
            self.clip.load()
        if self.crop is not None:
            try_crops(self.model, self.images, self.layers, by=self.crop)
        found = collect(
            self.model,
            self.images,
            self.layers,
            k=self.k,
            pooling=self.pooling,
            sample=self.sample,
            seed=self.seed,
            batch_size=batch_size,
            fast=fast,
            progress_file=progress_file,
            progress=progress,
        )
        if self.crop is None:
            return found
        crops_file = None
        if progress_file is not None:
            crops_file = progress_file.with_name(f"{progress_file.stem}-{self.crop}-{self.threshold}.crops")
        return crop(
            found,
            self.model,
            self.images,
            self.layers,
            by=self.crop,
            threshold=self.threshold,
            batch_size=batch_size,
            progress_file=crops_file,
            progress=progress,
        )


class Fitted(traitlets.HasTraits):
    """Model, images and CLIP, the space made from them, and the lock under which live state changes.

    Each verb adds a subclass in a module of its own: its live traits (tagged `live=True`: set under the lock, from
    cells and windows), its state (`_begin`), and what it keeps in the file (`_parts`, `_restore`).
    """

    def __init__(
        self,
        model: torch.nn.Module,
        images: Images,
        layers: str | Layer | Sequence[str | Layer],
        clip: Clip,
        *,
        k: int = 30,
        pooling: Pooling = "max",
        crop: Crop = "activation",
        threshold: float = 0.01,
        templates: str | Sequence[str] = TEMPLATES,
        centre: bool = False,
        vocabulary: str | Path | Sequence[str] = (),
        null: int = 500,
        sample: int = 500,
        seed: int = 0,
        output: Chosen = None,
        outputs: Kind | None = None,
        name: str | None = None,
    ) -> None:
        if not isinstance(images, Images):
            raise TypeError(f"images is a {type(images).__name__}; make it with sl.images(folder, data set or list)")
        if not isinstance(clip, Clip):
            raise TypeError(
                f"clip is a {type(clip).__name__}; give sl.OpenClip(...) or an object with name, images, texts"
            )
        if crop not in ("activation", "crp", None):
            raise ValueError(f"crop={crop!r}; crops are 'activation', 'crp', or None for whole images")
        for what, number, least in (("k", k, 2), ("null", null, 2), ("sample", sample, 0)):
            if not isinstance(number, int | np.integer):
                raise TypeError(f"{what} is {number!r}; it is a whole number of images")
            if number < least:
                raise ValueError(f"{what}={number}; {_LEAST[what]}")
        if pooling not in get_args(Pooling):
            raise ValueError(f"pooling={pooling!r}; channels are pooled by 'max' or 'mean'")
        if not 0 <= threshold < 1:
            raise ValueError(f"threshold={threshold}; a share of the map's maximum in [0, 1), the paper uses 0.01")
        super().__init__()
        if outputs is not None and outputs not in KINDS:
            raise ValueError(f"outputs={outputs!r}; the model's outputs are {', '.join(map(repr, KINDS))}")
        source = Source(
            model, images, resolve(model, layers), clip, k, pooling, crop, threshold, null, seed, sample, output,
            outputs,
        )  # fmt: skip
        self._start(source, clip, templates, centre, vocabulary, name or type(model).__name__)

    def _start(
        self,
        source: Source | None,
        clip: Clip | None,
        templates: str | Sequence[str],
        centre: bool,
        vocabulary: str | Path | Sequence[str],
        name: str,
    ) -> None:
        self.lock = threading.RLock()
        self.vocabulary = words_of(vocabulary) if vocabulary else ()
        self._source, self._clip = source, clip
        self._clip_spec: dict[str, str] | None = None  # what its file asks for
        self._clip_missing = ""
        self._templates = checked_templates(templates)
        self._centre, self.name = centre, name
        self._space: SemanticSpace | None = None
        self._begin()

    def _begin(self) -> None:
        """The state a verb starts with, before anything is fitted."""

    def _parts(self) -> dict[str, Part]:
        """What the verbs keep in the file, by name: a JSON document, and arrays."""
        return {}

    def _restore(self, parts: Mapping[str, Part]) -> None:
        """Take back from a file what `_parts` gave; a part that is not there was not made."""

    # making the space

    @property
    def source(self) -> Source:
        """Model, images and parameters. RuntimeError for a lens opened from a file, which has no model."""
        if self._source is None:
            raise RuntimeError(
                "this lens was opened from a file and has no model or images at hand; make it with sl.Lens"
            )
        return self._source

    def fit(
        self: Self,
        *,
        batch_size: int = 64,
        fast: bool = False,
        thumbnail: int = 128,
        cached: bool = True,
        progress: bool = True,
    ) -> Self:
        """Collect examples, crop and embed them; what was done before is read from the cache. Returns the lens.

        Interrupt it any time: the next `fit` goes on where it was last saved. `cached=False` neither reads nor writes
        the cache; where the cache cannot be written, a warning says so and the work goes on. `fast`: see `collect`.
        `thumbnail` is the longest side of the pictures kept, in pixels. Images that cannot be read are skipped, warned
        about and listed in `unreadable`.
        """
        for what, number in (("batch_size", batch_size), ("thumbnail", thumbnail)):
            if not isinstance(number, int | np.integer) or number < 1:
                raise ValueError(f"{what}={number!r}; it is a whole number from 1")
        if self._space is None:
            self._adopt(self._made(batch_size, fast, thumbnail, cached, progress))
        return self

    def _made(self, batch_size: int, fast: bool, thumbnail: int, cached: bool, progress: bool) -> SemanticSpace:
        """The space; read from the cache where it is there.

        A finished space is the same for `fast` and not, but for rounding. Passes on the way have a file for each, so
        that neither goes on with, nor overwrites, what the other did.
        """
        source = self.source
        with settled(source.model, source.images, source.layers) as made:
            recipe, way = source.recipe(), "-fast" if fast else ""
            finished = examples_file = partial = None
            if cached:
                fingerprints = "\n".join([made.model, made.images, *made.layers])
                examples_file = cache.place(f"{recipe.examples_key}{way}.examples", fingerprints)
                fingerprints += "\n" + of_clip(source.clip)
                finished = cache.place(f"{recipe.key}-{thumbnail}.semlens", fingerprints)
                partial = cache.place(f"{recipe.key}-{thumbnail}{way}.embedding", fingerprints)
            if finished is not None and (space := _cached(finished, recipe)) is not None:
                return space
            examples = source.examples(examples_file, batch_size, fast, progress)
            space = embed(
                examples,
                source.images,
                source.clip,
                recipe,
                thumbnail=thumbnail,
                progress_file=partial,
                progress=progress,
            )
        used(source.clip)
        if finished is None or not cache.kept(finished, lambda: space.save(finished, extra=self._extra())):
            return space
        if partial is not None:
            partial.unlink(missing_ok=True)
        return SemanticSpace.open(finished).space

    def _adopt(self, space: SemanticSpace) -> None:
        self._space = space if self._source is None else space.with_originals(self._source.images)
        if space.examples.unreadable:
            name, why = space.examples.unreadable[0]
            warnings.warn(
                f"{len(space.examples.unreadable)} images could not be read and were skipped, first {name} ({why}); "
                "all are in lens.unreadable",
                stacklevel=3,
            )

    @property
    def fitted(self) -> bool:
        """Whether there is a semantic space: after `fit()`, or opened from a file."""
        return self._space is not None

    @property
    def space(self) -> SemanticSpace:
        """The semantic space. NotFitted before `fit()`."""
        if self._space is None:
            raise NotFitted("this lens is not fitted yet; call lens.fit() first")
        return self._space

    @property
    def components(self) -> Components:
        """All components in row order. NotFitted before `fit()`."""
        return self.space.components

    @property
    def has_data(self) -> bool:
        """Whether model and images are at hand, not only the space."""
        return self._source is not None

    @property
    def lacks(self) -> tuple[str, ...]:
        """What a lens from a file does not have at hand: its model and images, which explaining, relevance and crops
        of the originals need, and its CLIP, which new words need. All else works without them."""
        absent = (("model and images", self._source is None), ("CLIP", self._clip is None))
        return tuple(name for name, is_absent in absent if is_absent)

    @property
    def clip_or_none(self) -> Clip | None:
        """The CLIP, or None where a lens opened from a file has none at hand."""
        return self._clip

    @property
    def clip(self) -> Clip:
        """The CLIP. RuntimeError where a lens opened from a file has none at hand."""
        if self._clip is None:
            raise RuntimeError(
                f"this lens was opened without its CLIP ({self.space.recipe.clip}), which new words and images need; "
                + self.how_to_get_clip
            )
        return self._clip

    @property
    def how_to_get_clip(self) -> str:
        """What to do where a lens from a file has no CLIP at hand, and why it has none."""
        return self._clip_missing or "give it: sl.open(path, clip=sl.OpenClip(...))"

    @property
    def unreadable(self) -> tuple[tuple[str, str], ...]:
        """Images that were skipped: (name, reason)."""
        return self.space.examples.unreadable

    @classmethod
    @functools.cache
    def live(cls) -> frozenset[str]:
        """The traits that cells and windows set."""
        return frozenset(cls.class_trait_names(live=True))

    def __setattr__(self, name: str, value: Any) -> None:
        """One live change at a time: cells and windows set them from threads of their own.

        AttributeError for a name that a lens does not have: `lens.qurey = "hair"` would change nothing.
        """
        if not name.startswith("_") and name not in _PLAIN and not hasattr(type(self), name):
            near = difflib.get_close_matches(name, self.live(), n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise AttributeError(f"a lens has no {name!r} to set{hint}; live are {', '.join(sorted(self.live()))}")
        if name in self.live():
            with self.lock:
                super().__setattr__(name, value)
        else:
            super().__setattr__(name, value)

    # keeping

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the fitted lens as one `.semlens` file; `sl.open` gives it back, without model and images."""
        return store.write(path, *self.to_file())

    def to_file(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """What the file of this lens holds: arrays, and the document beside them. Nothing is written."""
        parts = self._parts()
        extra = self._extra() | {"parts": {name: document for name, (document, _) in parts.items()}}
        attached = {f"{name}/{array}": value for name, (_, arrays) in parts.items() for array, value in arrays.items()}
        return self.space.to_file(extra, attached)

    def _extra(self) -> dict[str, Any]:
        clip = self._clip.spec if isinstance(self._clip, OpenClip) else None
        if self._clip is None:
            clip = self._clip_spec
        return {
            "name": self.name,
            "clip": clip,
            "templates": self._templates,
            "centre": self._centre,
            "vocabulary": self.vocabulary,
        }

    @classmethod
    def of_space(
        cls: type[Self],
        space: SemanticSpace,
        extra: dict[str, Any],
        attached: Mapping[str, np.ndarray] | None = None,
        clip: Clip | None = None,
        trust: bool = False,
    ) -> Self:
        """A lens on a finished space, without model or images; `extra` and `attached` as its file holds them.

        Where no `clip` is given, that of the file is taken if it may be (see `semlens_widgets.trust`; with `trust`
        any), is on this machine, and has the same weights as then.
        """
        given, missing = clip is not None, ""
        try:
            extra = checked_extra(extra)
            checked_templates(extra.get("templates", TEMPLATES))
            if clip is None:
                clip, missing = clip_of_file(extra.get("clip"), trust=trust)
        except ValueError as error:
            raise store.SemlensFileError(str(error)) from None
        if isinstance(clip, OpenClip):
            clip = clip.called(space.recipe.clip)
        if clip is not None and clip.name != space.recipe.clip:
            if given:
                raise ValueError(
                    f"the space was made with {space.recipe.clip}, not with {clip.name}; give the same CLIP"
                )
            missing = f"what its file asks for is now {clip.name}, with other weights; give the CLIP it was made with"
            clip = None
        lens = cls.__new__(cls)
        traitlets.HasTraits.__init__(lens)
        with reading("what the file keeps of its lens is damaged"):
            lens._start(
                None,
                clip,
                extra.get("templates", TEMPLATES),
                extra.get("centre", False),
                extra.get("vocabulary", ()),
                extra.get("name", "model"),
            )
        lens._adopt(space)
        lens._clip_spec, lens._clip_missing = extra.get("clip"), missing
        documents = extra.get("parts", {})
        with reading("what the file keeps beside its space is damaged"):
            lens._restore({name: (document, Section(attached or {}, name)) for name, document in documents.items()})
        return lens

    def __repr__(self) -> str:
        return f"<Lens on {self.name}: {self._state()}>"

    def _state(self) -> str:
        if self._space is None:
            names = ", ".join(layer.name for layer in self.source.layers)
            return f"{names}; {len(self.source.images):,} images; {self.source.clip.name}; not fitted, call fit()"
        c, e = self._space.components, self._space.examples
        layers = ", ".join(f"{n} ({s})" for n, s in zip(c.layers, c.sizes, strict=True))
        dead = int((~self._space.alive).sum())
        return (
            f"{len(c):,} components in {layers}{f', {dead} of them dead' if dead else ''}; {e.images.shape[1]} "
            f"examples each from {e.statistics.images:,} images; {self._space.recipe.clip}"
            + (f"; at hand without {' and '.join(self.lacks)}" if self.lacks else "")
        )

    def _repr_html_(self) -> str:
        return f"<b>Lens on {escape(self.name)}</b><br>{escape(self._state())}"


# Python's own messages about arguments then speak of sl.Lens.
Fitted.__init__.__qualname__, Fitted.fit.__qualname__ = "Lens", "Lens.fit"


def _cached(path: Path, recipe: Recipe) -> SemanticSpace | None:
    """The finished space of that recipe, if it is there whole."""
    if not path.exists():
        return None
    try:
        space = SemanticSpace.open(path, whole=True).space
    except ValueError as error:
        warnings.warn(f"the cached space is damaged and is made again: {error}", stacklevel=3)
        return None
    return space if space.recipe == recipe else None
