"""Searching from a notebook: the live query, its hits, and the chosen components."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import traitlets
from PIL import Image

from ..clip import Clip, Probes, checked_templates, image_probes, text_probes
from ..components import Component
from ..images import SUFFIXES, picture_in, rgb
from ..search import Matches, check_settings, component_probe, search
from ..session.matches import matches_to_json
from ..texts import well_formed
from .fitted import Fitted, Part

_MOST_WORDS = 500  # in a file
Query = str | os.PathLike[str] | Component | Image.Image | Sequence[str] | Sequence[Image.Image]


class Searching(Fitted):
    """The verb `search`, and what cells and windows search for and choose."""

    query = traitlets.Unicode(
        "", help="what is searched: words or files of pictures, separated by commas; '-word' pushes away"
    ).tag(live=True)
    layer = traitlets.Unicode(None, allow_none=True, help="the one layer that is searched, or None for all").tag(
        live=True
    )
    selection: Any = traitlets.List(help="the chosen components, primary first").tag(live=True)
    hits = traitlets.Instance(Matches, allow_none=True, read_only=True, help="the answer to `query`, or None")

    def _begin(self) -> None:
        super()._begin()
        self._pictures: dict[str, Image.Image] = {}
        self._probes: dict[str, Probes] = {}
        self._answer: Matches | None = None

    def search(
        self,
        query: Query,
        *,
        negative: str | Sequence[str] | None = None,
        top: int | None = 20,
        layer: str | Sequence[str] | None = None,
        templates: str | Sequence[str] | None = None,
        centre: bool | None = None,
    ) -> Matches | list[Matches]:
        """Which components encode this? One query gives `Matches`, a list of texts a list of them.

        query:     a text; a list of texts, each by itself; a PIL picture or the file of one, or several pictures (one
                   probe, their mean); a component of this lens, as `Component` or as "layer4:57", which finds others
                   like it and is no hit itself. In a text, commas separate terms, which are searched as one (the
                   mean of their probes); those that begin with "-" are pushed away from, as in "hair, -ruler".
        negative:  one or several words to push away from.
        top:       how many hits to keep, best first; None for all.
        layer:     one or several layers to look in; None for all.
        templates, centre: those of the lens unless given.

        The answer says `found` or not; its hits have component, score (cosine, -1 to 1), z and p. ValueError for an
        empty query, KeyError for an unknown layer or component, TypeError for what cannot be searched.
        """
        centre = self._centre if centre is None else centre
        texts = [q for q in query if isinstance(q, str)] if isinstance(query, list | tuple) else []
        several = isinstance(query, list | tuple) and 0 < len(query) == len(texts)
        if several and not all(map(self._is_plain, texts)):
            options: Any = {"negative": negative, "top": top, "layer": layer, "templates": templates, "centre": centre}
            return [cast("Matches", self.search(text, **options)) for text in texts]
        check_settings(self.space, top, layer)  # before a CLIP is loaded
        probes = self._probes_for(query, templates, centre)
        if negative:
            words = [negative] if isinstance(negative, str | int) else list(negative)
            if not all(isinstance(word, str) for word in words):
                raise TypeError(f"negative is {negative!r:.60}; give a word or a list of words to push away from")
            probes = probes.away_from(self._term_probes(words, templates, centre))
        answers = search(self.space, probes, top=top, layer=layer, centre=centre, without=self._asked(query))
        return answers if several else answers[0]

    def _probes_for(self, query: Any, templates: str | Sequence[str] | None, centre: bool) -> Probes:
        if isinstance(query, Component):
            return component_probe(self.space, query, centre=centre)
        if _is_picture_file(query):
            return image_probes(self.clip, [self._picture_in(query)], Path(query).name)
        if isinstance(query, str):
            return self._text_probe(query, templates, centre)
        if isinstance(query, Image.Image):
            return image_probes(self.clip, [rgb(query, self.value_range)])
        if isinstance(query, list | tuple) and query:
            if all(isinstance(q, str) for q in query):
                return self._text_probes(list(query), templates, centre)
            if all(isinstance(q, Image.Image) for q in query):
                return image_probes(self.clip, [rgb(q, self.value_range) for q in query], name=f"{len(query)} images")
        shown = "" if hasattr(query, "shape") else f" ({query!r:.60})"
        raise TypeError(
            f"cannot search for a {type(query).__name__}{shown}; search for a text, a list of texts, PIL image(s) or "
            "the file of one, or a component such as lens.components[0]"
        )

    def _text_probe(self, query: str, templates: str | Sequence[str] | None, centre: bool) -> Probes:
        """The one probe of a text: its terms joined, those that begin with "-" pushed away from."""
        toward, away = _signs(query)
        probe = self._term_probes(toward, templates, centre)
        probe = probe if len(toward) == 1 else probe.joined(query)
        return probe.away_from(self._term_probes(away, templates, centre), query) if away else probe

    def _picture_in(self, path: str | os.PathLike[str]) -> Image.Image:
        try:
            return picture_in(path, self.value_range)
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)!r} cannot be opened: {error}") from error

    def _is_component(self, text: str) -> bool:
        """Whether a text is written as a component of one of this lens's layers."""
        layer, colon, _ = text.rpartition(":")
        return bool(colon) and layer in self.components.layers

    def _is_plain(self, text: str) -> bool:
        """Whether a text is one term, and that a text: not pushed away from, no component, no picture."""
        special = text.startswith("-") or self._is_component(text) or text in self._pictures or _is_picture_file(text)
        return terms(text) == [text] and not special

    def _asked(self, query: Any) -> list[int]:
        """Rows of the components that a query looks for."""
        if isinstance(query, Component):
            return [self.components.row(query)]
        return [self.components.row(t) for t in terms(query) if self._is_component(t)] if isinstance(query, str) else []

    def probes(self, words: Sequence[str]) -> Probes:
        """Texts as probes, with the lens's own templates; embedded once and remembered."""
        return self._text_probes(list(words), None, self._centre)

    def _text_probes(self, words: list[str], templates: str | Sequence[str] | None, centre: bool) -> Probes:
        """Text probes, remembered one by one; the null probe is left out where centring does its work."""
        chosen = self._templates if templates is None else checked_templates(templates)
        missing = [w for w in dict.fromkeys(words) if f"{chosen}{centre}{w}" not in self._probes]
        if missing:
            made = text_probes(self._clip_for(missing), missing, chosen, null=not centre)
            for probe in made:
                self._probes[f"{chosen}{centre}{probe.names[0]}"] = probe
        parts = [self._probes[f"{chosen}{centre}{w}"] for w in words]
        return parts[0] if len(parts) == 1 else _stacked(parts)

    def _clip_for(self, words: list[str]) -> Clip:
        """The CLIP that these words need; where there is none, say which words are known all the same."""
        if self._clip is None and (known := self.known_words()):
            some = f"{', '.join(known[:12])}{' …' if len(known) > 12 else ''}"
            raise RuntimeError(
                f"this lens was opened without its CLIP ({self.space.recipe.clip}) and knows only the words kept in "
                f"its file: {some}; for {', '.join(map(repr, words[:3]))} {self.how_to_get_clip}"
            )
        return self.clip

    def known_words(self) -> tuple[str, ...]:
        """The words that can be searched without a CLIP: those asked so far, or kept in the file."""
        own = self._remembered_as("")
        return tuple(key.removeprefix(own) for key in self._probes if key.startswith(own))

    def _remembered_as(self, word: str) -> str:
        return f"{self._templates}{self._centre}{word}"

    def _parts(self) -> dict[str, Part]:
        """The vocabulary and what was asked, so that a file answers these words without a CLIP and without a kernel."""
        parts = super()._parts()
        if self._clip is not None and self.vocabulary:
            self._text_probes(list(self.vocabulary), None, self._centre)
        words = [*dict.fromkeys([*self.vocabulary, *self.known_words()])][:_MOST_WORDS]
        words = [word for word in words if self._remembered_as(word) in self._probes]
        if not words:
            return parts
        probes = _stacked([self._probes[self._remembered_as(word)] for word in words])
        scores = np.einsum("spd,wd->wsp", self.space.null_of(self._centre), probes.vectors)
        answers = search(self.space, probes, top=None, centre=self._centre)
        arrays = {"vectors": probes.vectors, "null_mean": scores.mean(2), "null_sd": scores.std(2)}
        document = {
            "names": words, "unknown": probes.unknown, "centre": self._centre,
            "set_sizes": self.space.set_sizes.tolist(),
            "answers": [matches_to_json(self, answer) for answer in answers],
        }  # fmt: skip
        return parts | {"words": (document, {n: a.astype(np.float32) for n, a in arrays.items()})}

    def _restore(self, parts: Mapping[str, Part]) -> None:
        super()._restore(parts)
        if "words" in parts:
            document, arrays = parts["words"]
            unknown = tuple(map(tuple, document["unknown"]))
            probes = Probes(tuple(document["names"]), arrays["vectors"], self.space.recipe.clip, unknown)
            self._probes |= {self._remembered_as(probe.names[0]): probe for probe in probes}

    # live state

    # The validators ask: a query that fails raises there, before anything has changed.

    @traitlets.validate("query")
    def _valid_query(self, proposal: Any) -> str:
        asked = proposal["value"]
        listed = [asked] if _is_picture_file(asked) else terms(asked)  # a path may have commas in it
        query = ", ".join(self.keep_image(self._picture_in(t)) if _is_picture_file(t) else t for t in listed)
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
        if change["new"] is None:  # which traitlets does not validate
            self._answer = self.answer(self.query) if self.query else None
        self.set_trait("hits", self._answer)

    def answer(self, query: str, layer: str | None = None) -> Matches:
        """All components ranked by a query in the grammar of `query`: terms joined, '-terms' pushed away."""
        probe = self._text_probe(query, None, self._centre)
        options: Any = {"layer": layer, "centre": self._centre, "without": self._asked(query)}
        return search(self.space, probe, top=None, **options)[0]

    def _term_probes(self, wanted: list[str], templates: str | Sequence[str] | None, centre: bool) -> Probes:
        return _stacked([self._term_probe(term, templates, centre) for term in wanted])

    def _term_probe(self, term: str, templates: str | Sequence[str] | None, centre: bool) -> Probes:
        if self._is_component(term):
            return component_probe(self.space, term, centre=centre)
        if not term.startswith("image:"):
            return self._text_probes([term], templates, centre)
        if term not in self._pictures:
            raise ValueError(f"no picture is kept as {term!r}; drop it into the search box, or keep_image(picture)")
        if term not in self._probes:
            self._probes[term] = image_probes(self.clip, [self._pictures[term]], term)
        return self._probes[term]

    @property
    def value_range(self) -> tuple[float, float] | None:
        """The numbers that are black and white in pictures of more than 8 bits, where the data set states them."""
        return None if self._source is None else self._source.images.value_range

    def keep_image(self, picture: Image.Image) -> str:
        """Keep a picture for queries; the term it gets, 'image:…', can stand in `query` like a word."""
        picture = rgb(picture, self.value_range)
        term = f"image:{hashlib.sha256(picture.tobytes()).hexdigest()[:8]}"
        self._pictures[term] = picture
        return term

    def selected_rows(self) -> list[int]:
        """The selection as row numbers of the space."""
        return [self.components.row(c) for c in self.selection]


def _signs(query: str) -> tuple[list[str], list[str]]:
    """(terms looked for, terms pushed away from). ValueError where nothing is looked for."""
    wanted = terms(query)
    toward = [term for term in wanted if not term.startswith("-")]
    if not wanted:
        raise ValueError(f"a query is a text with at least one word, not {query!r}")
    if not toward:
        raise ValueError(f"the query {query!r} only says what not to look for; add a word without '-'")
    return toward, [term[1:].strip() for term in wanted if term.startswith("-")]


def _is_picture_file(query: Any) -> bool:
    if isinstance(query, str) and Path(query).suffix.lower() not in SUFFIXES:
        return False
    try:
        return isinstance(query, str | os.PathLike) and Path(query).is_file()
    except OSError:  # a text too long for a path
        return False


def _stacked(parts: Sequence[Probes]) -> Probes:
    return Probes(
        tuple(p.names[0] for p in parts),
        np.concatenate([p.vectors for p in parts]),
        parts[0].clip,
        tuple(p.unknown[0] for p in parts),
    )


def terms(query: str) -> list[str]:
    """The terms of a query: 'ruler, -hair' has 'ruler' and '-hair'. Spaces are evened out, empty terms dropped."""
    tidy = (" ".join(term.split()) for term in well_formed(query).split(","))
    return [f"-{t[1:].strip()}" if t.startswith("-") else t for t in tidy if t.strip("- ")]
