"""Which concept is known where: a list of concepts against models or their layers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from ..clip import Probes
from ..components import Component
from ..results import Result
from ..search import search
from ..space import SemanticSpace
from ..vectors import frozen
from ..warned import Renamed
from .pairs import check_comparable
from .shown import json_text, number, table


@dataclass(frozen=True, eq=False)
class ConceptTable(Result):
    """Which concept is known where: one row per concept, one column per model, or per model and layer.

    Attributes
    ----------
    concepts
        The rows.
    columns
        (model, layer); the layer is None for a whole model.
    scores, z
        [concept column], those of the best component, as in `search`; NaN where nothing lives.
    adjusted_similarity
        [concept column], how similar the best component's examples are to the concept, as in `search`.
    found
        [concept column], search's verdict.
    unchecked
        [concept column], where too few images could check it.
    carrying
        The rows of the components that pass search's test each by itself, best first.
    best
        The best component, or None.
    unknown
        Per concept, the words the CLIP never saw.
    layers
        How many layers each column covers.

    Examples
    --------
    >>> table = lens.concept_table(["ruler", "hair"])
    >>> table.concepts, table.scores.shape == (2, len(table.columns))
    (('ruler', 'hair'), True)
    """

    concepts: tuple[str, ...]
    columns: tuple[tuple[str, str | None], ...]
    scores: Float[np.ndarray, "probe column"]
    z: Float[np.ndarray, "probe column"]
    adjusted_similarity: Float[np.ndarray, "probe column"]
    found: Bool[np.ndarray, "probe column"]
    carrying: tuple[tuple[Int[np.ndarray, " _"], ...], ...]
    best: tuple[tuple[Component | None, ...], ...]
    unknown: tuple[tuple[str, ...], ...]
    layers: tuple[int, ...]
    unchecked: Bool[np.ndarray, "probe column"]

    reach = Renamed("adjusted_similarity")

    def __post_init__(self) -> None:
        for name in ("scores", "z", "adjusted_similarity", "found", "unchecked"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @cached_property
    def carriers(self) -> Int[np.ndarray, "probe column"]:
        """How many components carry each concept."""
        counts = [[len(rows) for rows in row] for row in self.carrying]
        return frozen(np.asarray(counts, np.int64).reshape(self.scores.shape))

    def relevance(self, shares: Mapping[str, Float[np.ndarray, " component"]]) -> Float[np.ndarray, "probe column"]:
        """How much of what moves each model's predictions passes through the components that carry a concept.

        Carriers are added up; for a whole model the mean over its layers is taken. In [0, 1], and a component that
        carries two concepts counts for both. NaN for a model that `shares` leaves out.

        Parameters
        ----------
        shares
            Per model, each component's part of all that moved in its layer: `Relevance.share_of(class)`, or its mean
            over classes.

        Returns
        -------
        float array [probe column]
            Shares in [0, 1]; NaN for a model that `shares` leaves out.
        """
        result = np.full(self.scores.shape, np.nan)
        for j, (model, layer) in enumerate(self.columns):
            if model in shares:
                share = np.asarray(shares[model], np.float64)
                parts = 1.0 if layer is not None else 1 / max(self.layers[j], 1)
                result[:, j] = [share[row[j]].sum() * parts for row in self.carrying]
        return frozen(result)

    def first(self, concept: str) -> str | None:
        """The first column in which a concept is found, or None.

        Parameters
        ----------
        concept
            One that was asked for.

        Returns
        -------
        str or None
            The model's name, or None.

        Raises
        ------
        KeyError
            For a concept that was not asked.
        """
        if concept not in self.concepts:
            raise KeyError(f"{concept!r} was not asked; the concepts are {', '.join(self.concepts)}")
        where = np.flatnonzero(self.found[self.concepts.index(concept)])
        return column_name(self.columns[where[0]]) if len(where) else None

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per concept and column: concept, model, layer, score, z, adjusted_similarity, found, unchecked,
        carriers, best."""
        return [
            {"concept": concept, "model": model, "layer": layer, "score": float(self.scores[i, j]),
             "z": float(self.z[i, j]), "adjusted_similarity": float(self.adjusted_similarity[i, j]),
             "found": bool(self.found[i, j]),
             "unchecked": bool(self.unchecked[i, j]), "carriers": int(self.carriers[i, j]),
             "best": None if self.best[i][j] is None else str(self.best[i][j])}
            for i, concept in enumerate(self.concepts)
            for j, (model, layer) in enumerate(self.columns)
        ]  # fmt: skip

    def to_json(self) -> str:
        """All rows as JSON text; NaN becomes null."""
        return json_text(self.to_rows())

    def __repr__(self) -> str:
        names = [f"{column_name(c):>14}" for c in self.columns]
        width = max(map(len, self.concepts), default=0)
        lines = ["  ".join([" " * width, *names])]
        for concept, row in zip(self.concepts, self._cells(), strict=True):
            cells = (f"{cell:>{len(name)}}" for cell, name in zip(row, names, strict=True))
            lines.append("  ".join([f"{concept:<{width}}", *cells]))
        return "\n".join([*lines, _KEY.format(",")])

    def _cells(self) -> list[list[str]]:
        return [
            [
                f"{number(self.scores[i, j])} ×{self.carriers[i, j]}" if self.found[i, j]
                else f"{number(self.scores[i, j])}?" if self.unchecked[i, j] else f"({number(self.scores[i, j])})"
                for j in range(len(self.columns))
            ]
            for i in range(len(self.concepts))
        ]  # fmt: skip

    def _repr_html_(self) -> str:
        rows = [(escape(c), *cells) for c, cells in zip(self.concepts, self._cells(), strict=True)]
        head = ["concept", *(escape(column_name(c)) for c in self.columns)]
        return table(head, rows) + f"<p>{_KEY.format(' ×')}</p>"


_KEY = "score{} number of components; in brackets: not found; with a question mark: too few images to check it"


def concepts(
    probes: Probes,
    spaces: Mapping[str, SemanticSpace],
    *,
    by_layer: bool = False,
    allow: str | Collection[str] = (),
    centre: bool = False,
) -> ConceptTable:
    """Who knows which concept: each probe searched in each model, or (`by_layer`) in each layer of each model.

    "Found" is `search`'s: better than the best of as many random sets of images, at least half-way to the images
    that match best, and right on sampled images. `centre` as in `search`. Raises ValueError where the spaces differ
    (see `compare`) or the probes come from another CLIP.
    """
    if not spaces:
        raise ValueError("no space to look in; give a dict such as {'resnet50': lens.space}")
    check_comparable(spaces, allow)
    columns: list[tuple[str, str | None]] = [
        (name, layer) for name, space in spaces.items() for layer in (space.components.layers if by_layer else (None,))
    ]
    answers = [search(spaces[name], probes, top=None, layer=layer, centre=centre) for name, layer in columns]

    def cells_of(value: Any, kind: type) -> np.ndarray:
        cells = [[value(column[i]) for column in answers] for i in range(len(probes))]
        return np.asarray(cells, kind).reshape(len(probes), len(columns))

    return ConceptTable(
        probes.names,
        tuple(columns),
        cells_of(lambda m: m.best.score if len(m) else np.nan, float),
        cells_of(lambda m: m.best.z if len(m) else np.nan, float),
        cells_of(lambda m: m.adjusted_similarity if len(m) else np.nan, float),
        cells_of(lambda m: m.found, bool),
        tuple(tuple(frozen(column[i].rows[column[i].carriers]) for column in answers) for i in range(len(probes))),
        tuple(
            tuple(m.best.component if len(m) else None for m in (column[i] for column in answers))
            for i in range(len(probes))
        ),
        probes.unknown,
        tuple(len(spaces[name].components.layers) if layer is None else 1 for name, layer in columns),
        cells_of(lambda m: m.state == "unchecked", bool),
    )


def column_name(column: tuple[str, str | None]) -> str:
    return column[0] if column[1] is None else f"{column[0]} {column[1]}"
