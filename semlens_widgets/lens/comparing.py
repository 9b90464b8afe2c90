"""Comparing from a notebook: another model beside this one, and the concepts both are asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import traitlets
from jaxtyping import Float

from ..clip import Probes
from ..compare import Comparison, ConceptTable, Series
from ..compare import compare as compare_spaces
from ..compare import compare_many as compare_spaces_many
from ..compare import concepts as compare_concepts
from ..compare.pairs import check_comparable
from ..layout import Asked, Layout, overlay
from ..space import SemanticSpace
from .describing import Describing
from .explaining import Explaining
from .fitted import Part
from .searching import terms

if TYPE_CHECKING:
    from . import Lens

TRACKED = 16  # words of the vocabulary that are compared unless others are named


class Comparing(Explaining, Describing):
    """The verb `compare`, the models this one was compared with, and the concepts that are held against both."""

    other = traitlets.Unicode(
        None, allow_none=True, help="which of `others` is compared with: its name, or None before `compare`"
    ).tag(live=True)
    concepts: Any = traitlets.List(traitlets.Unicode(), help="words that are compared, one row each").tag(live=True)
    comparison = traitlets.Instance(
        Comparison, allow_none=True, read_only=True, help="this model (A) against `other` (B), or None"
    )

    def _begin(self) -> None:
        super()._begin()
        self._others: dict[str, Comparing] = {}
        self._comparisons: dict[str, Comparison] = {}
        self._overlays: dict[str, tuple[Layout, Layout]] = {}
        self.set_trait("concepts", list(self.vocabulary[:TRACKED]))

    def _parts(self) -> dict[str, Part]:
        parts = super()._parts()
        if self.concepts != list(self.vocabulary[:TRACKED]):
            parts["comparing"] = ({"concepts": list(self.concepts)}, {})
        return parts

    def _restore(self, parts: Mapping[str, Part]) -> None:
        super()._restore(parts)
        if "comparing" in parts:
            self.concepts = parts["comparing"][0]["concepts"]

    def compare(
        self,
        other: Comparing | SemanticSpace,
        *,
        name: str | None = None,
        allow: str | Collection[str] = (),
        centre: bool = True,
        seed: int = 0,
    ) -> Comparison:
        """What this model (A) and another (B) share, and what only one of them knows; open windows follow.

        `other` is a lens, also one opened from a file, or a bare space; `name` is what it is called here (its own
        name). Both must be made with the same CLIP, crop and images, for else the answer means nothing;
        `allow="data"` compares over different images all the same, and the answer says so. `centre=False` leaves
        in what all random images have in common, which brings every two models close to each other and to chance.
        `seed` draws the bootstrap and the random spaces. Raises ValueError naming what differs, and NotFitted.
        """
        lens = other if isinstance(other, Comparing) else self._of_bare(other, name)
        called = name or lens.name
        if called == self.name:
            called = f"{called} (B)"
        answer = compare_spaces(
            self.space, lens.space, names=(self.name, called), allow=allow, centre=centre, seed=seed
        )
        with self.lock:
            self._others[called], self._comparisons[called] = lens, answer
            self._overlays.pop(called, None)
            if self.other == called:
                self.set_trait("comparison", answer)
            else:
                self.other = called
        return answer

    def overlay(self, method: str = "pca", *, seed: int = 0, asked: Asked | None = None) -> tuple[Layout, Layout]:
        """This model and `other` in one plane, alike components near each other; the window's map shows it.

        `method` is "pca" (at once) or "umap" (see `sl.Lens.lay_out`). ValueError before `compare`.
        """
        if self.other is None:
            raise ValueError("nothing is compared yet; call lens.compare(other)")
        made = overlay(self.space, self._others[self.other].space, method, seed=seed, asked=asked)
        self._overlays[self.other] = made
        return made

    def shown_overlay(self) -> tuple[Layout, Layout]:
        """The last `overlay` of the two models, or that by PCA."""
        return self._overlays.get(self.other or "") or self.overlay()

    def _of_bare(self, space: Any, name: str | None) -> Comparing:
        if not isinstance(space, SemanticSpace):
            raise TypeError(
                f"cannot compare with a {type(space).__name__}; give a lens (sl.open(path) for a file), or its space"
            )
        return type(self).of_space(space, {"name": name or "B"}, clip=self.clip_or_none)

    @property
    def others(self) -> dict[str, Lens]:
        """The models this one was compared with, by the names they are called here."""
        return cast("dict[str, Lens]", dict(self._others))

    @traitlets.validate("other")
    def _valid_other(self, proposal: Any) -> str | None:
        name: str | None = proposal["value"]
        if name is not None and name not in self._others:
            known = ", ".join(map(repr, self._others)) or "none yet; call lens.compare(other)"
            raise ValueError(f"{self.name} was not compared with {name!r}; it was with {known}")
        return name

    @traitlets.observe("other")
    def _other_chosen(self, change: Any) -> None:
        self.set_trait("comparison", self._comparisons.get(change["new"]))

    @traitlets.validate("concepts")
    def _valid_concepts(self, proposal: Any) -> list[str]:
        """Words evened out, each once; a term as in `query`, '-word' without its sign."""
        return tidy(proposal["value"])

    def concept_table(self, words: str | Sequence[str] | None = None, *, by_layer: bool = False) -> ConceptTable:
        """Who knows which of the words (`concepts` unless given): this model, and `other` where there is one."""
        models: dict[str, Comparing] = {self.name: self}
        if self.other is not None:
            models[self.other] = self._others[self.other]
        different = self.comparison is not None and self.comparison.different_data
        return concept_table(
            models, self.concepts if words is None else words, by_layer=by_layer, allow="data" if different else ()
        )

    @property
    def relevance_shares(self) -> Float[np.ndarray, " component"] | None:
        """Each component's part of all that moved in its layer, the mean over classes; None before `relate()`."""
        if self.relevance is None or self.relevance.components != self.components:
            return None
        return np.asarray(self.relevance.share[self.relevance.counts > 0].mean(0))


def tidy(words: str | Sequence[str]) -> list[str]:
    """Words, or one text of terms, evened out and without sign, each once, in the order given; empty ones dropped."""
    words = [words] if isinstance(words, str) else words
    even = [" ".join(term.lstrip("-").split()) for word in words for term in terms(word)]
    return list(dict.fromkeys(term for term in even if term))


def concept_table(
    models: Mapping[str, Comparing],
    words: str | Sequence[str],
    *,
    by_layer: bool = False,
    allow: str | Collection[str] = (),
) -> ConceptTable:
    """Who knows which of the words: each searched in every model, or (`by_layer`) in every layer of every model.

    The words go through the CLIP, templates and centring of the first lens. Raises ValueError where the models
    cannot be compared (see `Lens.compare`).
    """
    _named_models(models)
    if not models:
        raise ValueError("no model to look in; give a dict such as {'resnet50': lens}")
    if not tidy(words):
        raise ValueError("no word to look for; give words such as ['ruler', 'hair'], or set lens.concepts")
    first = next(iter(models.values()))
    spaces = {name: lens.space for name, lens in models.items()}
    check_comparable(spaces, allow)  # before words go through the CLIP
    return compare_concepts(first.probes(tidy(words)), spaces, by_layer=by_layer, allow=allow, centre=first._centre)


def _named_models(models: Any) -> None:
    if not isinstance(models, Mapping):
        raise TypeError(f"models is a {type(models).__name__}; give them by name, as in {{'epoch 1': a, 'epoch 2': b}}")


def compare_many(
    models: Mapping[str, Comparing | SemanticSpace],
    *,
    concepts: Sequence[str] | None = None,
    probes: Probes | None = None,
    allow: str | Collection[str] = (),
    centre: bool = True,
    seed: int = 0,
) -> Series:
    """Compare every two of several models, in the order given: checkpoints, architectures, seeds, dropout rates.

    `models` are lenses (also opened from files) or spaces by name. `concepts` are words to track along the series
    (those of the first lens unless given), or `probes` of your own. Parameters and errors as in `Lens.compare`;
    ValueError for fewer than two models.
    """
    _named_models(models)
    spaces = {name: m.space if isinstance(m, Comparing) else m for name, m in models.items()}
    lens = next((m for m in models.values() if isinstance(m, Comparing) and m.clip_or_none is not None), None)
    if probes is None and concepts and lens is None:
        raise ValueError("concepts are words, and only a lens can read them; give lenses, or probes instead")
    if spaces:
        check_comparable(spaces, allow)  # before words go through the CLIP
    if probes is None and lens is not None:
        words = tidy(lens.concepts if concepts is None else concepts)
        probes = lens.probes(words) if words else None
    as_searched = None if lens is None else lens._centre
    return compare_spaces_many(
        spaces, probes=probes, allow=allow, centre=centre, centre_probes=as_searched, seed=seed
    )  # fmt: skip
