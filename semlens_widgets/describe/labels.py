"""The value: the best words of every component, and how far each may be believed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from .. import texts
from ..clip import Probes
from ..components import Components
from ..held_out import MIN_AUROC, held_out
from ..results import Result
from ..search import MIN_ADJUSTED_SIMILARITY
from ..space import SemanticSpace
from ..vectors import frozen
from ..warned import Renamed
from .meanings import Meaning, clear_parts, meanings
from .shown import NO_WORD, poorly_shown

UNEXPLAINED = "unexplained"
# The adjusted similarity of a label that sampled images cannot check: its examples stand alone. Over 112 worlds of
# `make bench-calibration` these are right in 71 of 100 cases just below .6, in 93 just above, in 99 from .65 on.
MIN_UNCHECKED = 0.6
_KEPT = ("words", "scores", "z", "confidence", "adjusted_similarity", "margins")


@dataclass(frozen=True, eq=False)
class Labels(Result):
    """The best words of a vocabulary for every component, and how far each may be believed.

    A label is `accepted` when its confidence is at least `level`, its adjusted similarity at least one half, and its
    held-out AUROC at least .75 where there is one; where there is none, the adjusted similarity must be at least .6. A
    component whose best word is not accepted is unexplained. Words the CLIP never saw are in `unknown` and label
    nothing.

    Attributes
    ----------
    space
        Whose components are labelled.
    probes
        The vocabulary.
    words
        [component label], numbers of `probes`, best first; `NO_WORD` for a dead component.
    scores
        [component label], the score they were ranked by.
    z
        [component label], standard deviations above random images.
    confidence
        [component label], the share of random sets of images (or of responses shuffled over the images) whose word of
        that rank fits them less well; in [0, 1].
    adjusted_similarity
        [component label], as in search: from random images (0) to the k images that match the word best (1).
    held_out
        [component label], how well the component tells sampled images that show the word from others: an AUROC.
    margins
        [component], the lead of the best word over the second.
    level
        The confidence below which a label is withheld.
    method, centre, distinct
        How it was made, as in `describe`.

    Examples
    --------
    >>> labels = lens.describe(["ruler", "hair", "blue patch"])
    >>> labels.accepted.shape == labels.words.shape
    True
    >>> labels.word(lens.components.row("layer4:57")) in ("ruler", "hair", "blue patch", None)
    True
    """

    space: SemanticSpace
    probes: Probes
    words: Int[np.ndarray, "component label"]
    scores: Float[np.ndarray, "component label"]
    z: Float[np.ndarray, "component label"]
    confidence: Float[np.ndarray, "component label"]
    adjusted_similarity: Float[np.ndarray, "component label"]
    margins: Float[np.ndarray, " component"]
    level: float
    method: str
    centre: bool
    distinct: bool

    reach = Renamed("adjusted_similarity")

    def __post_init__(self) -> None:
        for name in ("words", "scores", "z", "confidence", "adjusted_similarity", "margins"):
            array = frozen(getattr(self, name))
            if len(array) != len(self.space.components):
                raise ValueError(f"{name} has {len(array)} rows for {len(self.space.components)} components")
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.words)

    @property
    def components(self) -> Components:
        """The rows."""
        return self.space.components

    @property
    def unknown(self) -> tuple[str, ...]:
        """Words of the vocabulary with a word in them that the CLIP never saw; they label nothing."""
        return tuple(n for n, unseen in zip(self.probes.names, self.probes.unknown, strict=True) if unseen)

    @cached_property
    def accepted(self) -> Bool[np.ndarray, "component label"]:
        """Which words are good enough to label their component."""
        with np.errstate(invalid="ignore"):
            least = np.where(np.isnan(self.held_out), MIN_UNCHECKED, MIN_ADJUSTED_SIMILARITY)
            similar = self.adjusted_similarity >= least
            return frozen((self.confidence >= self.level) & similar & ~(self.held_out < MIN_AUROC))

    @cached_property
    def held_out(self) -> Float[np.ndarray, "component label"]:
        """How well each component tells sampled images that show its word from others (AUROC); NaN: not judged."""
        result = np.full(self.words.shape, np.nan)
        rows, ranks = np.nonzero(self.words != NO_WORD)
        result[rows, ranks] = held_out(self.space, rows, self.probes.vectors, probe=self.words[rows, ranks]).verdicts
        return frozen(result)

    @property
    def abstained(self) -> Bool[np.ndarray, " component"]:
        """Living components that no word explains."""
        return self.space.alive & ~self.accepted[:, 0]

    def closest(self, row: int) -> tuple[str, ...]:
        """A component's best words, accepted or not; none for a dead one.

        Parameters
        ----------
        row
            Of the component.

        Returns
        -------
        tuple[str, ...]
            The words, best first.
        """
        return tuple(self.probes.names[word] for word in self.words[row] if word != NO_WORD)

    def word(self, row: int) -> str | None:
        """The word that explains a component, or None.

        Parameters
        ----------
        row
            Of the component.

        Returns
        -------
        str or None
            The word, or None.
        """
        return self.probes.names[self.words[row, 0]] if self.accepted[row, 0] else None

    @cached_property
    def collisions(self) -> dict[str, tuple[int, ...]]:
        """The rows that share an accepted label with another component, by label, the most shared first."""
        rows: dict[str, list[int]] = {}
        for row in np.flatnonzero(self.accepted[:, 0]):
            rows.setdefault(self.probes.names[self.words[row, 0]], []).append(int(row))
        shared = [(word, tuple(sharing)) for word, sharing in rows.items() if len(sharing) > 1]
        return dict(sorted(shared, key=lambda pair: (-len(pair[1]), pair[0])))

    @cached_property
    def collision_rate(self) -> float:
        """The share of explained components whose label another one has too; 0 where none is explained."""
        return sum(map(len, self.collisions.values())) / max(int(self.accepted[:, 0].sum()), 1)

    @cached_property
    def meanings(self) -> tuple[tuple[Meaning, ...], ...]:
        """Per component its meanings, most examples first, each labelled by its mean vector; () for a dead one."""
        return self._meanings(np.arange(len(self)))

    def meanings_of(self, rows: Sequence[int]) -> tuple[tuple[Meaning, ...], ...]:
        """The meanings of some components, as in `meanings`, without looking at the others.

        Parameters
        ----------
        rows
            Of the components.

        Returns
        -------
        tuple[tuple[Meaning, ...], ...]
            Per component its meanings.
        """
        if "meanings" in self.__dict__:
            return tuple(self.meanings[row] for row in rows)
        return self._meanings(np.asarray(rows, int))

    def _meanings(self, rows: Int[np.ndarray, " row"]) -> tuple[tuple[Meaning, ...], ...]:
        return meanings(self.space, self.probes, rows, self._clear_parts, level=self.level, centre=self.centre)

    @cached_property
    def _clear_parts(self) -> Float[np.ndarray, " size"]:
        return clear_parts(self.space)

    @cached_property
    def poorly_shown(self) -> tuple[str, ...]:
        """Words of the whole vocabulary that no image of the data set shows well: no component can earn them."""
        return self.poorly_shown_of(np.arange(len(self.probes)))

    def poorly_shown_of(self, words: Int[np.ndarray, " word"]) -> tuple[str, ...]:
        """Of some words those that no image of the data set shows well.

        Parameters
        ----------
        words
            Numbers of `probes`.

        Returns
        -------
        tuple[str, ...]
            The words.
        """
        return poorly_shown(self.space, self.probes, self.words[self.space.alive, 0], words)

    def to_document(self) -> dict[str, Any]:
        """What a file keeps of the labels beside `to_arrays()`, as JSON values; `from_document` takes both."""
        return {
            "names": self.probes.names, "unknown": self.probes.unknown, "level": self.level, "method": self.method,
            "centre": self.centre, "distinct": self.distinct,
        }  # fmt: skip

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The arrays of the labels, by name."""
        arrays = {name: np.asarray(getattr(self, name)) for name in _KEPT}
        return arrays | {"vectors": np.asarray(self.probes.vectors)}

    @classmethod
    def from_document(
        cls, space: SemanticSpace, document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> Labels:
        """The labels that `to_document` and `to_arrays` were taken from.

        Parameters
        ----------
        space
            Whose labels they are.
        document, arrays
            What a file kept.

        Returns
        -------
        Labels
            The labels.
        """
        names, unknown = tuple(document["names"]), tuple(tuple(words) for words in document["unknown"])
        probes = Probes(names, arrays["vectors"], space.recipe.clip, unknown)
        kept: list[Any] = [arrays[name] for name in _KEPT]
        how: list[Any] = [document[name] for name in ("level", "method", "centre", "distinct")]
        return cls(space, probes, *kept, *how)

    def to_rows(self, own: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """One dict per component and rank: component, layer, index, rank, label, closest word, and its figures.

        `label` is `UNEXPLAINED` where the word is not accepted. Dead components have no row. A person's own labels win
        at rank 0; the column `own` says which those are.

        Parameters
        ----------
        own
            A person's own labels by component, as in {"layer4:3": "ruler"}.

        Returns
        -------
        list of dict
            The rows.
        """
        own = own or {}
        rows: list[dict[str, Any]] = []
        for row in np.flatnonzero(self.space.alive).tolist():
            component = self.components[row]
            for rank, name in enumerate(self.closest(row)):
                ok = bool(self.accepted[row, rank])
                given = own.get(str(component)) if rank == 0 else None
                rows.append({
                    "component": str(component), "layer": component.layer, "index": component.index, "rank": rank,
                    "label": given or (name if ok else UNEXPLAINED), "own": given is not None, "closest": name,
                    "accepted": ok,
                    "score": float(self.scores[row, rank]), "z": float(self.z[row, rank]),
                    "confidence": float(self.confidence[row, rank]),
                    "adjusted_similarity": float(self.adjusted_similarity[row, rank]),
                    "margin": float(self.margins[row]) if rank == 0 else None,
                    "shared_by": len(self.collisions.get(name, (row,))) if ok and rank == 0 else None,
                })  # fmt: skip
        return rows

    def to_json(self, own: Mapping[str, str] | None = None) -> str:
        """The rows and how they were made, as JSON text.

        Parameters
        ----------
        own
            As in `to_rows`.

        Returns
        -------
        str
            The text.
        """
        made = {
            "clip": self.space.recipe.clip, "method": self.method, "level": self.level, "centre": self.centre,
            "distinct": self.distinct, "vocabulary": len(self.probes), "labels": self.to_rows(own),
        }  # fmt: skip
        return json.dumps(made, ensure_ascii=False, indent=1, allow_nan=False)

    def to_csv(self, own: Mapping[str, str] | None = None) -> str:
        """The rows as CSV text. Texts a spreadsheet would run as a formula are led by an apostrophe.

        Parameters
        ----------
        own
            As in `to_rows`.

        Returns
        -------
        str
            The text.
        """
        rows = self.to_rows(own)
        return texts.to_csv(rows, None if rows else ["component"])

    @property
    def message(self) -> str:
        """The result in one sentence."""
        living, explained = int(self.space.alive.sum()), int(self.accepted[:, 0].sum())
        return (
            f"{explained:,} of {living:,} components explained by {len(self.probes):,} words ({self.method}, "
            f"confidence {self.level:g}); {self.collision_rate:.0%} of them share a label with another component"
        )

    def __repr__(self) -> str:
        lines = [
            f"  {self.components[row]!s:<16} {self.word(row) or UNEXPLAINED:<24} {', '.join(self.closest(row))}"
            for row in np.flatnonzero(self.space.alive)[:10].tolist()
        ]
        return "\n".join([self.message, *lines])

    def _repr_html_(self) -> str:
        cells = ""
        for row in np.flatnonzero(self.space.alive)[:20].tolist():
            others = ", ".join(self.closest(row)[1:])
            word = self.word(row)
            shown = escape(word) if word is not None else f"<i>{UNEXPLAINED}</i> ({escape(self.closest(row)[0])}?)"
            cells += (
                f"<tr><td><code>{escape(str(self.components[row]))}</code></td><td>{shown}</td>"
                f"<td>{self.scores[row, 0]:.3f}</td><td>{self.margins[row]:.3f}</td>"
                f"<td>{self.confidence[row, 0]:.1%}</td><td>{self.adjusted_similarity[row, 0]:.2f}</td>"
                f"<td>{escape(others)}</td></tr>"
            )
        heads = "".join(
            f"<th>{h}</th>"
            for h in ("component", "label", "score", "margin", "confidence", "adjusted similarity", "then")
        )
        return f"<p>{escape(self.message)}</p><table><tr>{heads}</tr>{cells}</table>"
