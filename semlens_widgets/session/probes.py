"""The probes of a session: texts embedded once, pictures kept, and whatever is searched turned into a direction."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..clip import Clip, Probes, checked_templates, image_probes, text_probes
from ..components import Component, Components
from ..images import SUFFIXES, picture_in, rgb
from ..search import component_probe
from ..space import SemanticSpace
from .query import Query

QueryLike = str | os.PathLike[str] | Component | Image.Image | Sequence[str] | Sequence[Image.Image]
Templates = str | Sequence[str] | None


class ProbeCache:
    """A CLIP with the templates and centring of a session; what was embedded is remembered, as are dropped pictures.

    clip:        None for a session from a file that has none at hand; then `made_with` names the one it was made
                 with, and `advice` says how to get it.
    templates, centre: those of words, unless others are given.
    value_range: the numbers that are black and white in pictures of more than 8 bits, where the data set states them.
    """

    def __init__(
        self, clip: Clip | None, templates: str | Sequence[str], centre: bool,
        value_range: tuple[float, float] | None = None, made_with: str = "", advice: str = "",
    ) -> None:  # fmt: skip
        self.clip_or_none, self.centre, self.value_range = clip, centre, value_range
        self.templates = checked_templates(templates)
        self.made_with = made_with
        self.advice = advice or "give it: sl.open(path, clip=sl.OpenClip(...))"
        self.pictures: dict[str, Image.Image] = {}
        self._known: dict[tuple[tuple[str, ...], bool, str], Probes] = {}
        self._seen: dict[str, Probes] = {}  # of pictures

    @property
    def clip(self) -> Clip:
        """The CLIP. RuntimeError where there is none at hand."""
        if self.clip_or_none is None:
            raise RuntimeError(
                f"this lens was opened without its CLIP ({self.made_with}), which new words and images need; "
                + self.advice
            )
        return self.clip_or_none

    # words

    def of_words(self, words: Sequence[str], templates: Templates = None, centre: bool | None = None) -> Probes:
        """Each text by itself; the null probe is left out where centring does its work."""
        chosen = self.templates if templates is None else checked_templates(templates)
        centre = self.centre if centre is None else centre
        missing = [word for word in dict.fromkeys(words) if (chosen, centre, word) not in self._known]
        if missing:
            for probe in text_probes(self._clip_for(missing), missing, chosen, null=not centre):
                self._known[chosen, centre, probe.names[0]] = probe
        return _stacked([self._known[chosen, centre, word] for word in words])

    def _clip_for(self, words: list[str]) -> Clip:
        """The CLIP that these words need; where there is none, say which words are known all the same."""
        if self.clip_or_none is None and (known := self.known_words()):
            some = f"{', '.join(known[:12])}{' …' if len(known) > 12 else ''}"
            raise RuntimeError(
                f"this lens was opened without its CLIP ({self.made_with}) and knows only the words kept in its file: "
                f"{some}; for {', '.join(map(repr, words[:3]))} {self.advice}"
            )
        return self.clip

    def known_words(self) -> tuple[str, ...]:
        """The words that need no CLIP any more: those asked so far, or kept in the file."""
        return tuple(word for templates, centre, word in self._known if (templates, centre) == self._own)

    @property
    def _own(self) -> tuple[tuple[str, ...], bool]:
        return self.templates, self.centre

    def remember(self, probes: Probes) -> None:
        """Take words that were embedded before, with the session's own templates and centring."""
        self._known |= {(*self._own, probe.names[0]): probe for probe in probes}

    # queries

    def of_query(self, asked: Any, space: SemanticSpace, templates: Templates, centre: bool) -> Probes:
        """What is asked as one direction. TypeError for what cannot be searched."""
        if isinstance(asked, Component):
            return component_probe(space, asked, centre=centre)
        if is_picture_file(asked):
            return image_probes(self.clip, [self.picture_in(asked)], Path(asked).name)
        if isinstance(asked, str):
            return self.of_text(asked, space, templates, centre)
        if isinstance(asked, Image.Image):
            return image_probes(self.clip, [rgb(asked, self.value_range)])
        if isinstance(asked, list | tuple) and asked:
            if all(isinstance(each, str) for each in asked):
                return self.of_words(list(asked), templates, centre)
            if all(isinstance(each, Image.Image) for each in asked):
                pictures = [rgb(each, self.value_range) for each in asked]
                return image_probes(self.clip, pictures, name=f"{len(asked)} images")
        shown = "" if hasattr(asked, "shape") else f" ({asked!r:.60})"
        raise TypeError(
            f"cannot search for a {type(asked).__name__}{shown}; search for a text, a list of texts, PIL image(s) or "
            "the file of one, or a component such as lens.components[0]"
        )

    def of_text(self, text: str, space: SemanticSpace, templates: Templates, centre: bool) -> Probes:
        """The one probe of a text: its terms joined, those that begin with "-" pushed away from."""
        query = Query.asking(text)
        probe = self.of_terms(query.toward, space, templates, centre)
        probe = probe if len(query.toward) == 1 else probe.joined(text)
        return probe.away_from(self.of_terms(query.away, space, templates, centre), text) if query.away else probe

    def of_terms(self, terms: Sequence[str], space: SemanticSpace, templates: Templates, centre: bool) -> Probes:
        """Each term by itself: a component, a kept picture, or words."""
        return _stacked([self._of_term(term, space, templates, centre) for term in terms])

    def _of_term(self, term: str, space: SemanticSpace, templates: Templates, centre: bool) -> Probes:
        if is_component(term, space.components):
            return component_probe(space, term, centre=centre)
        if not term.startswith("image:"):
            return self.of_words([term], templates, centre)
        if term not in self.pictures:
            raise ValueError(f"no picture is kept as {term!r}; drop it into the search box, or keep_image(picture)")
        if term not in self._seen:
            self._seen[term] = image_probes(self.clip, [self.pictures[term]], term)
        return self._seen[term]

    # pictures

    def picture_in(self, path: str | os.PathLike[str]) -> Image.Image:
        """The picture in a file. ValueError where it cannot be opened."""
        try:
            return picture_in(path, self.value_range)
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)!r} cannot be opened: {error}") from error

    def keep(self, picture: Image.Image) -> str:
        """Keep a picture for queries; the term it gets, 'image:…'."""
        picture = rgb(picture, self.value_range)
        term = f"image:{hashlib.sha256(picture.tobytes()).hexdigest()[:8]}"
        self.pictures[term] = picture
        return term


def is_component(text: str, components: Components) -> bool:
    """Whether a text is written as a component of one of the layers."""
    layer, colon, _ = text.rpartition(":")
    return bool(colon) and layer in components.layers


def is_picture_file(asked: Any) -> bool:
    """Whether what is asked is the path of a picture that is there."""
    if isinstance(asked, str) and Path(asked).suffix.lower() not in SUFFIXES:
        return False
    try:
        return isinstance(asked, str | os.PathLike) and Path(asked).is_file()
    except OSError:  # a text too long for a path
        return False


def _stacked(parts: Sequence[Probes]) -> Probes:
    if len(parts) == 1:
        return parts[0]
    return Probes(
        tuple(p.names[0] for p in parts),
        np.concatenate([p.vectors for p in parts]),
        parts[0].clip,
        tuple(p.unknown[0] for p in parts),
    )
