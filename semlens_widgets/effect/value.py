"""The value: what switching components off did, on every data set, beside random controls."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import Any, Literal, get_args

import numpy as np

from ..components import Component
from ..intervals import Interval
from ..outputs import Kind
from ..switching import By
from ..texts import plural, to_csv

Side = Literal["as it is", "switched off", "random, equal number", "random, equal relevance"]
SIDES: tuple[Side, ...] = get_args(Side)
CURVE_DRAWS = 5  # at most, behind each point of the curve: there are many points


@dataclass(frozen=True, eq=False)
class Measured:
    """One side on one data set. Intervals: over resampled images (95 %), or, of random sides, over the draws (the mean
    of all, from the lowest to the highest). Single draws differ much: one random set says little.

    accuracy: share of images answered right: their class predicted, or, where a model says several labels at once, the
    target said (with a probability above one half) exactly of the images that bear it. auroc: the chance that an image
    of the target class gets the higher logit margin, which unlike accuracy does not move with the threshold. recall:
    per class the share of its images of which it is said, NaN where it has no image. change: the mean change of the
    target's logit margin (the log of its odds: logit less the log-sum of the others, or its own logit where classes do
    not exclude each other); `moved` that of its absolute value. A regression has a change of the target number only;
    all else is NaN.
    """

    accuracy: Interval
    auroc: Interval
    recall: tuple[Interval, ...]
    change: Interval
    moved: Interval


@dataclass(frozen=True)
class Point:
    """One point of the curve: so many components off, the most relevant first, and as many random ones."""

    data: str
    number: int
    accuracy: float
    auroc: float
    random_accuracy: Interval
    random_auroc: Interval


@dataclass(frozen=True, eq=False)
class Effect:
    """What switching components off did, on every data set, beside random controls; nothing is promised beyond it.

    Attributes
    ----------
    components
        What was switched off.
    by
        "zero" or "mean", what the components were held at.
    target
        The class, or the number, that was measured.
    classes
        The names of all.
    images
        How many of each data set.
    measured
        By data set and side.
    curve
        With growing numbers, for switching off a part can mislead.
    draws
        Random sets of each kind; `curve_draws` of them stand behind the curve.
    kind
        What the model's outputs mean, as `outputs=` says.
    note
        What to know about the names of classes.

    Examples
    --------
    >>> effect = lens.effect("layer4:57", target="melanoma", draws=2, points=2, most=60, progress=False)
    >>> effect.by, effect.draws
    ('zero', 2)
    """

    components: tuple[Component, ...]
    by: By
    target: str
    classes: tuple[str, ...]
    images: dict[str, int]
    measured: dict[str, dict[Side, Measured]]
    curve: tuple[Point, ...]
    draws: int
    kind: Kind = "single"
    note: str = ""

    def __getitem__(self, where: tuple[str, Side]) -> Measured:
        """`effect["clean", "switched off"]`."""
        data, side = where
        return self.measured[data][side]

    @property
    def curve_draws(self) -> int:
        """How many random sets stand behind each point of the curve."""
        return min(self.draws, CURVE_DRAWS)

    @property
    def equal_relevance(self) -> bool:
        """Whether random components of equal relevance were switched off beside those of equal number."""
        return all("random, equal relevance" in sides for sides in self.measured.values())

    @property
    def measures(self) -> tuple[str, ...]:
        """What was measured beside the recall of classes: accuracy and AUROC mean nothing for a regression."""
        return ("change", "moved") if self.kind == "regression" else ("accuracy", "auroc", "change", "moved")

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per data set and side: each measure with its interval."""
        rows = []
        for data, sides in self.measured.items():
            for side, m in sides.items():
                row: dict[str, Any] = {"data": data, "side": side, "images": self.images[data]}
                for name in self.measures:
                    row |= _flat(name, getattr(m, name))
                for c, recall in zip(self.classes, m.recall, strict=self.kind != "regression"):
                    row |= _flat(f"recall {c}", recall)
                rows.append(row)
        return rows

    def curve_rows(self) -> list[dict[str, Any]]:
        """One dict per data set and number of components off."""
        return [
            {"data": p.data, "number": p.number, "accuracy": p.accuracy, "auroc": p.auroc}
            | _flat("random_accuracy", p.random_accuracy)
            | _flat("random_auroc", p.random_auroc)
            for p in self.curve
        ]

    def to_csv(self) -> str:
        """The rows as CSV text."""
        return to_csv(self.to_rows())

    def to_document(self) -> dict[str, Any]:
        """As JSON-ready dicts and lists."""
        return {
            "components": [str(c) for c in self.components], "by": self.by, "target": self.target,
            "kind": self.kind, "measures": list(self.measures), "note": self.note,
            "classes": [] if self.kind == "regression" else list(self.classes), "draws": self.draws,
            "curve_draws": self.curve_draws, "measured": self.to_rows(), "curve": self.curve_rows(),
        }  # fmt: skip

    def to_json(self) -> str:
        """The whole as JSON text."""
        return json.dumps(self.to_document(), ensure_ascii=False, indent=1, allow_nan=False)

    @property
    def message(self) -> str:
        """The result in plain words, one sentence per data set."""
        sentences = []
        for data, sides in self.measured.items():
            before, after, random = (sides[s] for s in SIDES[:3])
            if self.kind == "regression":
                sentences.append(
                    f"{data}: {self.target} changes by {_shown(after.change, True)} (random "
                    f"{_shown(random.change, True)})"
                )
                continue
            sentences.append(
                f"{data}: AUROC {before.auroc.mean:.3f} → {after.auroc.mean:.3f} (random {_shown(random.auroc)}), "
                f"accuracy {before.accuracy.mean:.3f} → {after.accuracy.mean:.3f} (random {_shown(random.accuracy)})"
            )
        off = f"{plural(len(self.components), 'component')} off ({self.by})"
        note = f" {self.note}." if self.note else ""
        return f"{off}, beside {self.draws} random sets of as many. {'. '.join(sentences)}.{note}"

    def __repr__(self) -> str:
        return self.message

    def _repr_html_(self) -> str:
        cells = ""
        known = [name for name in ("accuracy", "auroc") if name in self.measures]
        for data, sides in self.measured.items():
            for side, m in sides.items():
                shown = [*(_shown(getattr(m, name)) for name in known), *(_shown(r) for r in m.recall[:8])]
                numbers = "".join(f"<td>{value}</td>" for value in [*shown, _shown(m.change, True)])
                cells += f"<tr><td>{escape(data)}</td><td>{side}</td>{numbers}</tr>"
        recalls = [] if self.kind == "regression" else [f"recall {c}" for c in self.classes[:8]]
        change = f"change of {self.target}" if self.kind == "regression" else "logit change"
        heads = ["data", "side", *({"auroc": "AUROC"}.get(name, name) for name in known), *recalls, change]
        note = (
            f"{len(self.components)} components off, held at {self.by}; target {self.target}. Intervals: 95 % over "
            f"images; of random sides, lowest to highest of {self.draws} draws."
        ) + (f" {self.note}." if self.note else "")
        head = "".join(f"<th>{escape(h)}</th>" for h in heads)
        return f"<table><tr>{head}</tr>{cells}</table><p>{escape(note)}</p>"


def _shown(interval: Interval, signed: bool = False) -> str:
    if not np.isfinite(interval.mean):
        return "–"
    form = "+.2f" if signed else ".3f"
    return f"{interval.mean:{form}} [{interval.low:{form}}, {interval.high:{form}}]"


def _flat(name: str, interval: Interval) -> dict[str, float | None]:
    parts = {"": interval.mean, "_low": interval.low, "_high": interval.high}
    return {f"{name}{end}": float(v) if np.isfinite(v) else None for end, v in parts.items()}


