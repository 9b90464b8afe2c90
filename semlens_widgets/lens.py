"""The lens: what a notebook holds. A model, its images and a CLIP; the verbs as methods, the state as traits."""

from __future__ import annotations

import hashlib
import os
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import traitlets
from PIL import Image

from . import cache
from .clip import TEMPLATES, Clip, OpenClip, Probes, image_probes, text_probes
from .components import Component, Components, Recipe
from .examples import ConceptExamples, collect, crop
from .images import Images
from .model import Layer, Pooling, fingerprint, resolve
from .search import Matches, component_probe, search
from .space import SemanticSpace, embed

if TYPE_CHECKING:
    import torch

    from .widgets import Window

Crop = Literal["activation"] | None
LIVE = ("query", "layer", "selection")  # the traits that cells and windows set
Query = str | Component | Image.Image | Sequence[str] | Sequence[Image.Image]


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

    def recipe(self) -> Recipe:
        return Recipe(
            weights=fingerprint(self.model),
            images=self.images.fingerprint,
            layers=tuple(layer.key for layer in self.layers),
            pooling=self.pooling,
            k=self.k,
            crop=f"{self.crop} {self.threshold}" if self.crop else "whole",
            clip=self.clip.name,
            null=self.null,
            seed=self.seed,
        )

    def examples(self, progress_file: Path | None, batch_size: int, fast: bool, progress: bool) -> ConceptExamples:
        found = collect(
            self.model,
            self.images,
            self.layers,
            k=self.k,
            pooling=self.pooling,
            batch_size=batch_size,
            fast=fast,
            progress_file=progress_file,
            progress=progress,
        )
        if self.crop is None:
            return found
        return crop(
            found,
            self.model,
            self.images,
            self.layers,
            threshold=self.threshold,
            batch_size=batch_size,
            progress=progress,
        )


class Lens(traitlets.HasTraits):
    """A model seen through its images and a CLIP.

    Making one is cheap; `fit()` does the work (once: the result is cached under a hash of model, images,
    layers, parameters and CLIP). Then `search` and the other verbs answer, and the traits are live: setting
    `query` sets `hits`; `layer` restricts them to one layer; `selection` is the list of chosen components.

    model, images: the torch module, and `images(...)`: the one data set model and CLIP both look at.
    layers:  module names, wildcards such as "layer4.*", or `Layer(...)` for encoders, signs, tokens.
    clip:    `OpenClip(...)` or any object with the `Clip` protocol.
    k:       examples per component (the paper: 30).
    pooling: "max" or "mean" over places.
    crop:    "activation" crops examples to the region that excites the component, at `threshold` of the map's
             maximum; None shows all that the model saw. Tight crops lose size and outline, whole images blur
             small concepts together.
    templates: sentences a text query is put into, each with one "{}".
    centre:  subtract each layer's mean vector before comparing, instead of the null probe of the paper.
    vocabulary: words the windows offer.
    """

    query = traitlets.Unicode("", help="what is searched: words separated by commas, '-word' pushes away")
    layer = traitlets.Unicode(None, allow_none=True, help="the one layer that is searched, or None for all")
    selection: Any = traitlets.List(help="the chosen components, primary first")
    hits = traitlets.Instance(Matches, allow_none=True, read_only=True, help="the answer to `query`, or None")

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
        templates: Sequence[str] = TEMPLATES,
        centre: bool = False,
        vocabulary: Sequence[str] = (),
        null: int = 500,
        seed: int = 0,
        name: str | None = None,
    ) -> None:
        if not isinstance(images, Images):
            raise TypeError(f"images is a {type(images).__name__}; make it with sl.images(folder, data set or list)")
        if not isinstance(clip, Clip):
            raise TypeError(
                f"clip is a {type(clip).__name__}; give sl.OpenClip(...) or an object with name, images, texts"
            )
        if crop not in ("activation", None):
            raise ValueError(f"crop={crop!r}; crops are 'activation' or None for whole images")
        if k < 2:
            raise ValueError(f"k={k}; a concept needs at least 2 examples, the paper uses 30")
        super().__init__()
        source = Source(model, images, resolve(model, layers), clip, k, pooling, crop, threshold, null, seed)
        self._start(source, clip, templates, centre, vocabulary, name or type(model).__name__)

    def _start(
        self,
        source: Source | None,
        clip: Clip | None,
        templates: Sequence[str],
        centre: bool,
        vocabulary: Sequence[str],
        name: str,
    ) -> None:
        self.vocabulary = tuple(vocabulary)
        self._pictures: dict[str, Image.Image] = {}
        self._source, self._clip = source, clip
        self._templates, self._centre, self.name = tuple(templates), centre, name
        self._space: SemanticSpace | None = None
        self._probes: dict[str, Probes] = {}
        self._answer: Matches | None = None
        self.lock = threading.RLock()

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
        self,
        *,
        batch_size: int = 64,
        fast: bool = False,
        thumbnail: int = 128,
        cached: bool = True,
        progress: bool = True,
    ) -> Lens:
        """Collect examples, crop and embed them; what was done before is read from the cache. Returns the lens.

        Interrupt it any time: the next `fit` goes on where it was. `cached=False` neither reads nor writes the
        cache. `fast=True`: see `collect`. `thumbnail` is the longest side of the pictures kept. Images that cannot
        be read are skipped, warned about and listed in `unreadable`.
        """
        if self._space is None:
            self._adopt(self._made(batch_size, fast, thumbnail, cached, progress))
        return self

    def _made(self, batch_size: int, fast: bool, thumbnail: int, cached: bool, progress: bool) -> SemanticSpace:
        recipe = self.source.recipe()
        if not cached:
            examples = self.source.examples(None, batch_size, fast, progress)
            return embed(examples, self.source.images, self.source.clip, recipe, thumbnail=thumbnail, progress=progress)
        home = cache.folder()
        finished = home / f"{recipe.key}-{thumbnail}.semlens"
        if (space := _cached(finished, recipe)) is not None:
            return space
        examples = self.source.examples(home / f"{recipe.examples_key}.examples", batch_size, fast, progress)
        partial = home / f"{recipe.key}-{thumbnail}.embedding"
        embed(
            examples,
            self.source.images,
            self.source.clip,
            recipe,
            thumbnail=thumbnail,
            progress_file=partial,
            progress=progress,
        ).save(finished, extra=self._extra())
        partial.unlink(missing_ok=True)
        return SemanticSpace.open(finished)[0]

    def _adopt(self, space: SemanticSpace) -> None:
        self._space = space
        if space.examples.unreadable:
            name, why = space.examples.unreadable[0]
            warnings.warn(
                f"{len(space.examples.unreadable)} images could not be read and were skipped, first {name} ({why}); "
                "all are in lens.unreadable",
                stacklevel=3,
            )

    @property
    def fitted(self) -> bool:
        return self._space is not None

    @property
    def space(self) -> SemanticSpace:
        """The semantic space. NotFitted before `fit()`."""
        if self._space is None:
            raise NotFitted("this lens is not fitted yet; call lens.fit() first")
        return self._space

    @property
    def components(self) -> Components:
        return self.space.components

    @property
    def has_data(self) -> bool:
        """Whether model and images are at hand, not only the space."""
        return self._source is not None

    @property
    def clip_or_none(self) -> Clip | None:
        return self._clip

    @property
    def clip(self) -> Clip:
        """The CLIP. RuntimeError where a lens opened from a file has none at hand."""
        if self._clip is None:
            raise RuntimeError(
                f"this lens was opened without its CLIP ({self.space.recipe.clip}), which new words and images need; "
                "give it: sl.open(path, clip=sl.OpenClip(...))"
            )
        return self._clip

    @property
    def unreadable(self) -> tuple[tuple[str, str], ...]:
        """Images that were skipped: (name, reason)."""
        return self.space.examples.unreadable

    def __setattr__(self, name: str, value: Any) -> None:
        """One live change at a time: cells and windows set them from threads of their own."""
        if name in LIVE:
            with self.lock:
                super().__setattr__(name, value)
        else:
            super().__setattr__(name, value)

    # asking

    def search(
        self,
        query: Query,
        *,
        negative: str | Sequence[str] | None = None,
        top: int | None = 20,
        layer: str | Sequence[str] | None = None,
        templates: Sequence[str] | None = None,
        centre: bool | None = None,
    ) -> Matches | list[Matches]:
        """Which components encode this? A text, picture(s) or a component gives `Matches`, a list of texts a list.

        `negative` words are pushed away from. `templates` and `centre` default to the lens's own. A list of
        pictures is one probe, their mean. The answer says `found` or not. ValueError for an empty query.
        """
        centre = self._centre if centre is None else centre
        several = isinstance(query, list | tuple) and bool(query) and isinstance(query[0], str)
        probes = self._probes_for(query, templates, centre)
        if negative:
            words = [negative] if isinstance(negative, str) else list(negative)
            probes = probes.away_from(self._text_probes(words, templates, centre))
        answers = search(self.space, probes, top=top, layer=layer, centre=centre)
        return answers if several else answers[0]

    def _probes_for(self, query: Any, templates: Sequence[str] | None, centre: bool) -> Probes:
        if isinstance(query, Component):
            return component_probe(self.space, query)
        if isinstance(query, str):
            return self._text_probes([query], templates, centre)
        if isinstance(query, Image.Image):
            return image_probes(self.clip, [query])
        if isinstance(query, list | tuple) and query:
            if all(isinstance(q, str) for q in query):
                return self._text_probes(list(query), templates, centre)
            if all(isinstance(q, Image.Image) for q in query):
                return image_probes(self.clip, list(query), name=f"{len(query)} images")
        raise TypeError(
            f"cannot search for a {type(query).__name__} ({query!r:.60}); search for a text, a list of texts, PIL "
            "image(s), or a component such as lens.components[0]"
        )

    def probes(self, words: Sequence[str]) -> Probes:
        """Texts as probes, with the lens's own templates; embedded once and remembered."""
        return self._text_probes(list(words), None, self._centre)

    def _text_probes(self, words: list[str], templates: Sequence[str] | None, centre: bool) -> Probes:
        """Text probes, remembered one by one; the null probe is left out where centring does its work."""
        chosen = tuple(self._templates if templates is None else templates)
        space_clip = self.clip
        missing = [w for w in dict.fromkeys(words) if f"{chosen}{centre}{w}" not in self._probes]
        if missing:
            made = text_probes(space_clip, missing, chosen, null=not centre)
            for probe in made:
                self._probes[f"{chosen}{centre}{probe.names[0]}"] = probe
        parts = [self._probes[f"{chosen}{centre}{w}"] for w in words]
        return parts[0] if len(parts) == 1 else _stacked(parts)

    # live state

    # The validators ask: a query that fails raises there, before anything has changed.

    @traitlets.validate("query")
    def _valid_query(self, proposal: Any) -> str:
        query = ", ".join(terms(proposal["value"]))
        self._answer = self.answer(query, self.layer) if query else None
        return query

    @traitlets.validate("layer")
    def _valid_layer(self, proposal: Any) -> str | None:
        layer: str | None = proposal["value"]
        if layer is not None:
            self.components.rows(layer)
        self._answer = self.answer(self.query, layer) if self.query else None
        return layer

    @traitlets.validate("selection")
    def _valid_selection(self, proposal: Any) -> list[Component]:
        chosen = [self.components[self.components.row(c)] for c in proposal["value"]]
        return list(dict.fromkeys(chosen))

    @traitlets.observe("query", "layer")
    def _answered(self, change: Any) -> None:
        self.set_trait("hits", self._answer)

    def answer(self, query: str, layer: str | None = None) -> Matches:
        """All components ranked by a query in the grammar of `query`: terms joined, '-terms' pushed away."""
        wanted = terms(query)
        toward = [t for t in wanted if not t.startswith("-")]
        away = [t[1:].strip() for t in wanted if t.startswith("-")]
        if not toward:
            raise ValueError(f"the query {query!r} only says what not to look for; add a word without '-'")
        probe = self._term_probes(toward).joined(query)
        if away:
            probe = probe.away_from(self._term_probes(away), query)
        return search(self.space, probe, top=None, layer=layer, centre=self._centre)[0]

    def _term_probes(self, wanted: list[str]) -> Probes:
        return _stacked([self._term_probe(term) for term in wanted])

    def _term_probe(self, term: str) -> Probes:
        if not term.startswith("image:"):
            return self._text_probes([term], None, self._centre)
        if term not in self._pictures:
            raise ValueError(f"no picture is kept as {term!r}; drop it into the search box, or keep_image(picture)")
        if term not in self._probes:
            self._probes[term] = image_probes(self.clip, [self._pictures[term]], term)
        return self._probes[term]

    def keep_image(self, picture: Image.Image) -> str:
        """Keep a picture for queries; the term it gets, 'image:…', can stand in `query` like a word."""
        term = f"image:{hashlib.sha256(picture.convert('RGB').tobytes()).hexdigest()[:8]}"
        self._pictures[term] = picture
        return term

    def selected_rows(self) -> list[int]:
        """The selection as row numbers of the space."""
        return [self.components.row(c) for c in self.selection]

    # showing

    def show(self) -> Window:
        """The lens as one window: search, gallery and card, live with this object both ways."""
        from .widgets import Window

        return Window(self)

    # keeping

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the fitted lens as one `.semlens` file; `sl.open` gives it back, without model and images."""
        return self.space.save(path, extra=self._extra())

    def _extra(self) -> dict[str, Any]:
        clip = self._clip.spec if isinstance(self._clip, OpenClip) else None
        return {
            "name": self.name,
            "clip": clip,
            "templates": self._templates,
            "centre": self._centre,
            "vocabulary": self.vocabulary,
        }

    @classmethod
    def of_space(cls, space: SemanticSpace, extra: dict[str, Any], clip: Clip | None = None) -> Lens:
        """A lens on a finished space, without model or images."""
        if clip is None and extra.get("clip"):
            clip = OpenClip.from_spec(extra["clip"])
        if clip is not None and clip.name != space.recipe.clip:
            raise ValueError(f"the space was made with {space.recipe.clip}, not with {clip.name}; give the same CLIP")
        lens = cls.__new__(cls)
        traitlets.HasTraits.__init__(lens)
        lens._start(
            None,
            clip,
            extra.get("templates", TEMPLATES),
            extra.get("centre", False),
            extra.get("vocabulary", ()),
            extra.get("name", "model"),
        )
        lens._adopt(space)
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
        )

    def _repr_html_(self) -> str:
        return f"<b>Lens on {escape(self.name)}</b><br>{escape(self._state())}"


def _stacked(parts: Sequence[Probes]) -> Probes:
    return Probes(
        tuple(p.names[0] for p in parts),
        np.concatenate([p.vectors for p in parts]),
        parts[0].clip,
        tuple(p.unknown[0] for p in parts),
    )


def terms(query: str) -> list[str]:
    """The terms of a query: 'ruler, -hair' has 'ruler' and '-hair'. Spaces are evened out, empty terms dropped."""
    tidy = (" ".join(term.split()) for term in query.split(","))
    return [f"-{t[1:].strip()}" if t.startswith("-") else t for t in tidy if t.strip("- ")]


def _cached(path: Path, recipe: Recipe) -> SemanticSpace | None:
    """The finished space of that recipe, if it is there whole."""
    if not path.exists():
        return None
    try:
        space, _ = SemanticSpace.open(path)
    except ValueError as error:
        warnings.warn(f"the cached space is damaged and is made again: {error}", stacklevel=3)
        return None
    return space if space.recipe == recipe else None


def open(path: str | os.PathLike[str], clip: Clip | None = None) -> Lens:
    """A lens from a `.semlens` file. Its CLIP is loaded again by name where it can be, or given as `clip`.

    FileNotFoundError, or SemlensFileError saying what is damaged.
    """
    space, extra = SemanticSpace.open(path)
    return Lens.of_space(space, extra, clip)
