"""The value: all scores of all components, with what random sets of images score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from ..components import Components
from ..results import Result
from ..space import SemanticSpace
from ..vectors import frozen
from .intervals import bootstrap_means
from .scores import NO_SIBLING, SCORES


@dataclass(frozen=True, eq=False)
class NullLevel:
    """What random sets of as many images score, held against each component: their mean, and their 95 % mark."""

    mean: Float[np.ndarray, " component"]
    high: Float[np.ndarray, " component"]

    def __post_init__(self) -> None:
        for name in ("mean", "high"):
            object.__setattr__(self, name, frozen(getattr(self, name)))


@dataclass(frozen=True, eq=False)
class Scores:
    """The three scores of every component in one form, raw or centred; NaN where a component is dead.

    `sibling` is the row of the nearest component of the same layer, `NO_SIBLING` where there is none. `null` has
    a `NullLevel` per score; for redundancy that of as many random sets as the layer has living components.
    """

    clarity: Float[np.ndarray, " component"]
    redundancy: Float[np.ndarray, " component"]
    sibling: Int[np.ndarray, " component"]
    polysemanticity: Float[np.ndarray, " component"]
    null: dict[str, NullLevel]

    def __post_init__(self) -> None:
        for name in (*SCORES, "sibling"):
            object.__setattr__(self, name, frozen(getattr(self, name)))


@dataclass(frozen=True, eq=False)
class Evaluation(Result):
    """How readable every component is: clarity, redundancy and polysemanticity. Dead components score NaN.

    Attributes
    ----------
    components
        The rows.
    counts
        [component], the examples each stands on.
    raw
        The scores as such.
    centred
        The scores with the data set's mean removed.
    clip
        The image model whose vectors were scored.

    Examples
    --------
    >>> scores = lens.evaluate(progress=False)
    >>> [row["layer"] for row in scores.summary()]
    ['layer3', 'layer4', None]
    """

    components: Components
    counts: Int[np.ndarray, " component"]
    raw: Scores
    centred: Scores
    clip: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", frozen(self.counts))

    def __len__(self) -> int:
        return len(self.components)

    def to_document(self) -> dict[str, Any]:
        """What a file keeps of the scores beside `to_arrays()`, as JSON values; `from_document` takes both."""
        return {"clip": self.clip}

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The arrays of the scores, by name."""
        arrays: dict[str, np.ndarray] = {}
        for form in ("raw", "centred"):
            scores: Scores = getattr(self, form)
            for name in (*SCORES, "sibling"):
                arrays[f"{form}_{name}"] = np.asarray(getattr(scores, name))
            for name, level in scores.null.items():
                arrays[f"{form}_{name}_null"] = np.stack([level.mean, level.high])
        return arrays

    @classmethod
    def from_document(
        cls, space: SemanticSpace, document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> Evaluation:
        """The scores that `to_document` and `to_arrays` were taken from.

        Parameters
        ----------
        space
            Whose scores they are.
        document, arrays
            What a file kept.

        Returns
        -------
        Evaluation
            The scores.
        """
        def scores(form: str) -> Scores:
            null = {name: NullLevel(*arrays[f"{form}_{name}_null"]) for name in SCORES}
            of = {name: arrays[f"{form}_{name}"] for name in (*SCORES, "sibling")}
            return Scores(of["clarity"], of["redundancy"], of["sibling"], of["polysemanticity"], null)

        counts = space.examples.counts
        return cls(space.components, counts, scores("raw"), scores("centred"), str(document["clip"]))

    @cached_property
    def clear(self) -> Bool[np.ndarray, " component"]:
        """Components whose examples are more alike than 95 % of random sets: only of these does polysemanticity
        say anything."""
        with np.errstate(invalid="ignore"):
            return frozen(self.centred.clarity > self.centred.null["clarity"].high)

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per component: layer, index, examples, clear, and each score in both forms; None for NaN."""
        rows = []
        for row, component in enumerate(self.components):
            entry: dict[str, Any] = {
                "component": str(component), "layer": component.layer, "index": component.index,
                "examples": int(self.counts[row]), "clear": bool(self.clear[row]),
            }  # fmt: skip
            for form, ending in ((self.raw, ""), (self.centred, "_centred")):
                for score in SCORES:
                    entry[score + ending] = _number(getattr(form, score)[row])
                    entry[f"{score}{ending}_null"] = _number(form.null[score].mean[row])
                sibling = int(form.sibling[row])
                entry["sibling" + ending] = None if sibling == NO_SIBLING else str(self.components[sibling])
            rows.append(entry)
        return rows

    def summary(self) -> list[dict[str, Any]]:
        """One dict per layer, then one for the model (layer None): how many components, and the mean of each score.

        `clarity`, …, `polysemanticity_centred` are `Interval`s over components; `…_null` the mean null level.
        """
        return [dict(row) for row in self._summary]

    @cached_property
    def _summary(self) -> tuple[dict[str, Any], ...]:
        parts: list[tuple[str | None, Any]] = [(n, self.components.rows(n)) for n in self.components.layers]
        rows = []
        for layer, chosen in [*parts, (None, slice(None))]:
            names, columns, nulls = [], [], {}
            for form, ending in ((self.raw, ""), (self.centred, "_centred")):
                for score in SCORES:
                    names.append(score + ending)
                    columns.append(getattr(form, score)[chosen])
                    nulls[f"{score}{ending}_null"] = _mean(form.null[score].mean[chosen])
            living = int((self.counts[chosen] > 0).sum())
            entry: dict[str, Any] = {"layer": layer, "components": len(self.counts[chosen]), "living": living}
            entry |= {"clear": int(self.clear[chosen].sum())}
            entry |= dict(zip(names, bootstrap_means(np.stack(columns)), strict=True))
            rows.append(entry | nulls)
        return tuple(rows)

    def __repr__(self) -> str:
        lines = [
            f"  {row['layer'] or 'all':<16} clarity {row['clarity_centred']}  polysemanticity "
            f"{row['polysemanticity_centred']}  redundancy {row['redundancy_centred']}  {row['clear']} clear"
            for row in self._summary
        ]
        return "\n".join([f"{len(self):,} components in {self.clip}, data-set mean removed", *lines])

    def _repr_html_(self) -> str:
        order = ("clarity", "polysemanticity", "redundancy")
        cells = ""
        for row in self._summary:
            name = "all layers" if row["layer"] is None else row["layer"]
            scores = "".join(
                f"<td>{row[score + ending]}</td><td>{row[f'{score}{ending}_null']:.3f}</td>"
                for ending in ("_centred", "")
                for score in order
            )
            cells += f"<tr><td><code>{escape(name)}</code></td><td>{row['clear']} of {row['living']}</td>{scores}</tr>"
        heads = "".join(f"<th>{s}{form}</th><th>random</th>" for form in ("", ", raw") for s in order)
        note = (
            "Means over components with 95 % intervals; data-set mean removed unless raw. “random”: the same of "
            "random images. “clear”: examples more alike than 95 % of random sets."
        )
        return f"<table><tr><th>layer</th><th>clear</th>{heads}</tr>{cells}</table><p>{note}</p>"


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")
