"""Effect: what switching components off does to a model's answers, beside what switching off random ones does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int

from .components import Component, Components
from .evaluate import Interval
from .images import Images
from .model import Layer
from .relevance import class_names, class_number
from .switching import By, Switch, logits_under, outputs
from .texts import plural, to_csv

if TYPE_CHECKING:
    import torch

Side = Literal["as it is", "switched off", "random, equal number", "random, equal relevance"]
SIDES: tuple[Side, ...] = get_args(Side)
DRAWS = 20  # that none of them does as much as what was switched off then happens by chance in 1 case of 21
CURVE_DRAWS = 5  # at most, behind each point of the curve: there are many points
_ROUNDS = 300


@dataclass(frozen=True, eq=False)
class Measured:
    """One side on one data set. Intervals: over resampled images (95 %), or, of random sides, over the draws (the mean
    of all, from the lowest to the highest). Single draws differ much: one random set says little.

    accuracy: share of images answered right. auroc: the chance that an image of the target class gets the higher
    logit margin, which unlike accuracy does not move with the threshold. recall: per class, NaN where it has no image.
    change: the mean change of the target's logit margin (logit less the log-sum of the others); `moved` that of its
    absolute value.
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
    """What switching `components` off did, on every data set, beside random controls; nothing is promised beyond it.

    measured: by data set and side. curve: with growing numbers, for switching off a part can mislead.
    by:       "zero" or "mean", what the components were held at. images: how many of each data set.
    draws:    random sets of each kind; `curve_draws` of them stand behind the curve.
    """

    components: tuple[Component, ...]
    by: By
    target: str
    classes: tuple[str, ...]
    images: dict[str, int]
    measured: dict[str, dict[Side, Measured]]
    curve: tuple[Point, ...]
    draws: int

    def __getitem__(self, where: tuple[str, Side]) -> Measured:
        """`effect["clean", "switched off"]`."""
        data, side = where
        return self.measured[data][side]

    @property
    def curve_draws(self) -> int:
        return min(self.draws, CURVE_DRAWS)

    @property
    def equal_relevance(self) -> bool:
        """Whether random components of equal relevance were switched off beside those of equal number."""
        return all("random, equal relevance" in sides for sides in self.measured.values())

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per data set and side: each measure with its interval."""
        rows = []
        for data, sides in self.measured.items():
            for side, m in sides.items():
                row: dict[str, Any] = {"data": data, "side": side, "images": self.images[data]}
                for name in ("accuracy", "auroc", "change", "moved"):
                    row |= _flat(name, getattr(m, name))
                for c, recall in zip(self.classes, m.recall, strict=True):
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
        return to_csv(self.to_rows())

    def to_document(self) -> dict[str, Any]:
        """As JSON-ready dicts and lists."""
        return {
            "components": [str(c) for c in self.components], "by": self.by, "target": self.target,
            "classes": list(self.classes), "draws": self.draws,
            "curve_draws": self.curve_draws, "measured": self.to_rows(), "curve": self.curve_rows(),
        }  # fmt: skip

    def to_json(self) -> str:
        return json.dumps(self.to_document(), ensure_ascii=False, indent=1, allow_nan=False)

    @property
    def message(self) -> str:
        """The result in plain words, one sentence per data set."""
        sentences = []
        for data, sides in self.measured.items():
            before, after, random = (sides[s] for s in SIDES[:3])
            sentences.append(
                f"{data}: AUROC {before.auroc.mean:.3f} → {after.auroc.mean:.3f} (random {_shown(random.auroc)}), "
                f"accuracy {before.accuracy.mean:.3f} → {after.accuracy.mean:.3f} (random {_shown(random.accuracy)})"
            )
        off = f"{plural(len(self.components), 'component')} off ({self.by})"
        return f"{off}, beside {self.draws} random sets of as many. " + ". ".join(sentences) + "."

    def __repr__(self) -> str:
        return self.message

    def _repr_html_(self) -> str:
        cells = ""
        for data, sides in self.measured.items():
            for side, m in sides.items():
                recalls = "".join(f"<td>{_shown(r)}</td>" for r in m.recall[:8])
                cells += (
                    f"<tr><td>{escape(data)}</td><td>{side}</td><td>{_shown(m.accuracy)}</td><td>{_shown(m.auroc)}</td>"
                    f"{recalls}<td>{_shown(m.change, True)}</td></tr>"
                )
        heads = ["data", "side", "accuracy", "AUROC", *(f"recall {c}" for c in self.classes[:8]), "logit change"]
        note = (
            f"{len(self.components)} components off, held at {self.by}; target {self.target}. Intervals: 95 % over "
            f"images; of random sides, lowest to highest of {self.draws} draws."
        )
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


def effect(
    model: torch.nn.Module,
    layers: Sequence[Layer],
    components: Components,
    chosen: Sequence[int],
    data: Mapping[str, Images],
    target: int | str,
    *,
    alive: Bool[np.ndarray, " component"],
    share: Float[np.ndarray, " component"] | None = None,
    rest: Float[np.ndarray, " component"] | None = None,
    draws: int = DRAWS,
    most: int = 2000,
    points: int = 8,
    batch_size: int = 64,
    seed: int = 0,
) -> Effect:
    """Switch components off and measure, beside random components of equal number and of equal relevance.

    layers, components: the model's layers and the numbering of their components; `chosen` are rows of it.
    data:   data sets with labels, by name, such as "clean" and "with artefacts"; at most `most` images of each, evenly
            drawn.
    target: the class whose logit margin and AUROC are measured.
    alive, share: [component], which components random sets are drawn from, layer by layer as many as are chosen there;
            and their relevance, for sets of equal relevance and for the order of the curve.
    rest:   [component], what components are held at; None: 0.
    draws, points: random sets of each kind; numbers of components in the curve, each beside at most 5 random sets.

    ValueError where labels are missing or are not classes of the model, and for no components or no draws; KeyError or
    IndexError for a class that there is not. All of it before anything is measured.
    """
    check(model, chosen, data, target, draws=draws, most=most, points=points, batch_size=batch_size)
    rows = np.asarray(list(dict.fromkeys(chosen)), np.int64)
    random = np.random.default_rng(seed)
    order = rows if share is None else rows[np.argsort(-share[rows], kind="stable")]
    numbers = sorted({round(n) for n in np.geomspace(1, len(rows), points)} | {len(rows)})
    equal = [_equal_number(components, rows, alive, random) for _ in range(draws)]
    weighed = [] if share is None else [_equal_relevance(components, rows, alive, share, random) for _ in range(draws)]
    steps = [order[:n] for n in numbers[:-1]]
    control = [[_spread(part, n, random) for n in numbers[:-1]] for part in equal[:CURVE_DRAWS]]
    sets = [np.zeros(0, np.int64), rows, *equal, *weighed, *steps, *(s for part in control for s in part)]
    off = np.zeros((len(sets), len(components)), bool)
    for condition, part in enumerate(sets):
        off[condition, part] = True
    held = np.zeros(len(components), np.float32) if rest is None else rest
    switches = [
        Switch(layer, off[:, components.rows(layer.name)], held[components.rows(layer.name)]) for layer in layers
    ]
    counts = {"equal": len(equal), "weighed": len(weighed), "steps": len(steps)}
    measured: dict[str, dict[Side, Measured]] = {}
    curve: list[Point] = []
    images: dict[str, int] = {}
    classes: tuple[str, ...] = ()
    number = -1
    for name, pictures in data.items():
        read, answered = logits_under(model, pictures, _measured(pictures, most), switches, batch_size)
        labels = _labels(name, pictures, read, answered.shape[2])
        classes = class_names(pictures, answered.shape[2])
        number = class_number(target, classes)
        answers = _Answers.of(answered, labels, number)
        images[name] = len(read)
        measured[name] = answers.sides(counts)
        curve += answers.curve(name, numbers, counts)
    return Effect(
        tuple(components[int(row)] for row in rows), "zero" if rest is None else "mean", classes[number], classes,
        images, measured, tuple(curve), draws,
    )  # fmt: skip


def check(
    model: torch.nn.Module,
    chosen: Sequence[int],
    data: Mapping[str, Images],
    target: int | str,
    *,
    draws: int,
    most: int,
    points: int,
    batch_size: int,
) -> None:
    """The errors of `effect`, after one forward pass."""
    if draws < 1:
        raise ValueError(f"draws={draws}; at least one random set, else nothing says what chance does")
    for what, amount in (("most", most), ("points", points), ("batch_size", batch_size)):
        if amount < 1:
            raise ValueError(f"{what}={amount}; it is at least 1")
    if not len(chosen):
        raise ValueError("no components to switch off; give some, such as report.spurious")
    if not data:
        raise ValueError("no data set to measure on; give one, or several by name")
    for name, images in data.items():
        if not isinstance(images, Images):
            raise TypeError(f"the data set {name!r} is a {type(images).__name__}; make it with sl.images(…)")
    number = outputs(model, next(iter(data.values())))
    for name, images in data.items():
        _labels(name, images, _measured(images, most), number)
        class_number(target, class_names(images, number))


def _measured(images: Images, most: int) -> Int[np.ndarray, " image"]:
    return np.unique(np.linspace(0, len(images) - 1, min(most, len(images))).astype(np.int64))


def _labels(name: str, images: Images, ids: np.ndarray, outputs: int) -> Int[np.ndarray, " image"]:
    labels = [images.label(int(i)) for i in ids]
    if any(label is None or not 0 <= label < outputs for label in labels):
        raise ValueError(
            f"the data set {name!r} has no label that is one of the model's {outputs} classes for every image; give "
            "labels=… to sl.images or to effect"
        )
    return np.asarray(labels, np.int64)


def _equal_number(
    components: Components, rows: np.ndarray, alive: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """As many living components of each layer, whichever they are."""
    parts = []
    for layer in components.layers:
        there = np.arange(len(components))[components.rows(layer)]
        wanted = int(np.isin(there, rows).sum())
        parts.append(random.permutation(there[alive[there]])[:wanted])
    return np.concatenate(parts)


def _equal_relevance(
    components: Components, rows: np.ndarray, alive: np.ndarray, share: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Living components of each layer, drawn until their share comes as close as it gets to that of the chosen."""
    parts = []
    for layer in components.layers:
        there = np.arange(len(components))[components.rows(layer)]
        wanted = float(share[there[np.isin(there, rows)]].sum())
        if wanted <= 0:
            continue
        drawn = random.permutation(there[alive[there]])
        sums = np.concatenate([[0.0], np.cumsum(share[drawn])])
        parts.append(drawn[: int(np.abs(sums - wanted).argmin())])
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _spread(part: np.ndarray, n: int, random: np.random.Generator) -> np.ndarray:
    return random.permutation(part)[:n]


@dataclass(frozen=True, eq=False)
class _Answers:
    """What the model answered under every condition: right or wrong, and the target's logit margin."""

    right: Bool[np.ndarray, "condition image"]
    margins: Float[np.ndarray, "condition image"]
    labels: Int[np.ndarray, " image"]
    target: int
    classes: int

    @classmethod
    def of(
        cls, outputs: Float[np.ndarray, "condition image output"], labels: Int[np.ndarray, " image"], target: int
    ) -> _Answers:
        others = np.delete(outputs, target, axis=2).astype(np.float64)
        if others.shape[2]:
            highest = others.max(2)
            rivals = highest + np.log(np.exp(others - highest[..., None]).sum(2))
        else:
            rivals = np.zeros(outputs.shape[:2])
        return cls(outputs.argmax(2) == labels, outputs[..., target] - rivals, labels, target, outputs.shape[2])

    def sides(self, counts: Mapping[str, int]) -> dict[Side, Measured]:
        first = 2 + counts["equal"]
        found: dict[Side, Measured] = {
            "as it is": self._resampled(0),
            "switched off": self._resampled(1),
            "random, equal number": self._drawn(range(2, first)),
        }
        if counts["weighed"]:
            found["random, equal relevance"] = self._drawn(range(first, first + counts["weighed"]))
        return found

    def curve(self, name: str, numbers: Sequence[int], counts: Mapping[str, int]) -> list[Point]:
        first = 2 + counts["equal"] + counts["weighed"]
        control = first + counts["steps"]
        points = []
        for at, number in enumerate(numbers):
            last = at == len(numbers) - 1
            own = 1 if last else first + at
            whole = range(2, 2 + min(counts["equal"], CURVE_DRAWS))
            drawn = whole if last else range(control + at, len(self.right), counts["steps"])
            accuracies = [float(self.right[c].mean()) for c in drawn]
            areas = [float(self._areas(c, self._once)[0]) for c in drawn]
            points.append(
                Point(
                    name, number, float(self.right[own].mean()), float(self._areas(own, self._once)[0]),
                    _spanned(accuracies), _spanned(areas),
                )
            )  # fmt: skip
        return points

    @property
    def _once(self) -> Float[np.ndarray, "round image"]:
        return np.full((1, len(self.labels)), 1 / len(self.labels))

    def _areas(self, condition: int, weights: Float[np.ndarray, "round image"]) -> Float[np.ndarray, " round"]:
        return area_under_curve(self.margins[condition], self.labels == self.target, weights)

    def _resampled(self, condition: int) -> Measured:
        n = len(self.labels)
        weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=_ROUNDS) / n
        weights = np.concatenate([self._once, weights])
        right = self.right[condition].astype(np.float64)
        change = self.margins[condition] - self.margins[0]
        with np.errstate(invalid="ignore", divide="ignore"):
            recalls = [
                (weights @ (right * (self.labels == c))) / (weights @ (self.labels == c)) for c in range(self.classes)
            ]
        return Measured(
            _interval(weights @ right),
            _interval(self._areas(condition, weights)),
            tuple(_interval(r) for r in recalls),
            _interval(weights @ change),
            _interval(weights @ np.abs(change)),
        )

    def _drawn(self, conditions: range) -> Measured:
        changes = [self.margins[c] - self.margins[0] for c in conditions]
        recalls = []
        for number in range(self.classes):
            of = self.labels == number
            recalls.append(_spanned([float(self.right[c][of].mean()) if of.any() else np.nan for c in conditions]))
        return Measured(
            _spanned([float(self.right[c].mean()) for c in conditions]),
            _spanned([float(self._areas(c, self._once)[0]) for c in conditions]),
            tuple(recalls),
            _spanned([float(change.mean()) for change in changes]),
            _spanned([float(np.abs(change).mean()) for change in changes]),
        )


def _interval(values: Float[np.ndarray, " round"]) -> Interval:
    """The first value, with the 95 % interval of the others."""
    drawn = values[1:][np.isfinite(values[1:])]
    low, high = np.quantile(drawn, (0.025, 0.975)) if len(drawn) else (np.nan, np.nan)
    return Interval(float(values[0]), float(low), float(high))


def _spanned(values: Sequence[float]) -> Interval:
    if not len(values) or not np.isfinite(values).all():
        return Interval(float("nan"), float("nan"), float("nan"))
    return Interval(float(np.mean(values)), float(np.min(values)), float(np.max(values)))


def area_under_curve(
    scores: Float[np.ndarray, " image"],
    positive: Bool[np.ndarray, " image"],
    weights: Float[np.ndarray, "round image"],
) -> Float[np.ndarray, " round"]:
    """The chance that a positive scores above another image, ties counting half; NaN where there are not both."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(scores[order]) != 0]))
    inside, outside = (
        np.add.reduceat(weights[:, order] * kind[order], starts, axis=1) for kind in (positive, ~positive)
    )
    below = np.cumsum(outside, 1) - outside / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return (inside * below).sum(1) / (inside.sum(1) * outside.sum(1))
