"""The value: how near relevance comes to the effect of switching off, method by method and layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from html import escape
from typing import Any

import numpy as np

from ..results import Result

GOAL = {"pearson": 0.85, "spearman": 0.8, "signs": 0.95}
"""What counts as relevance that can be read as effect."""
WEAK = 0.5  # below such a correlation relevance says little about effects
SHORT = {"lrp": "LRP", "gradient": "gradient", "integrated": "integrated", "ablation": "ablation"}


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval, from resampled pictures and components. NaN where nothing could be measured."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{two(self.mean)} [{two(self.low)}, {two(self.high)}]"


UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"))


def two(value: float) -> str:
    """A correlation or share as it is printed: .87, -.05, 1.00."""
    text = f"{value:.2f}"
    return "unknown" if np.isnan(value) else text.replace("0.", ".", 1) if abs(value) < 0.995 else text


@dataclass(frozen=True)
class Agreement:
    """One method in one layer, held against switching each of a sample of components off.

    arrives:  sum of relevance / the target's value: how much of the logit the layer's components are said to carry.
    pearson, spearman: correlation over components of relevance with the drop of the target, mean over pictures.
    signs:    of the (at most 20) components with the largest relevance, the share whose drop has the same sign. Chance
              is 0.5.
    held_pearson, held_spearman, held_signs: the same with components held at their mean response instead of zero.
    """

    layer: str
    method: str
    arrives: Estimate
    pearson: Estimate
    spearman: Estimate
    signs: Estimate
    held_pearson: Estimate = UNKNOWN
    held_spearman: Estimate = UNKNOWN
    held_signs: Estimate = UNKNOWN

    @property
    def good(self) -> bool:
        """Whether all three reach the `GOAL`."""
        return all(getattr(self, name).mean >= least for name, least in GOAL.items())

    @property
    def weak(self) -> bool:
        """Whether relevance says little about effects here: a low correlation, or signs that may be chance."""
        return bool(self.pearson.mean < WEAK or self.signs.low <= 0.5)

    @property
    def score(self) -> float:
        return float(np.nan_to_num((self.pearson.mean + self.spearman.mean) / 2, nan=-1.0))


@dataclass(frozen=True)
class Deletion:
    """A deletion test of one method's heatmaps: patches of the picture replaced by its mean colour.

    first, last: the share of the target's value that is lost on the way, mean over how much is deleted, where the most
                 or the least relevant patches go first. random: where chance decides.
    difference:  first - last; the higher, the better the map tells what matters from what does not.
    """

    method: str
    first: Estimate
    last: Estimate
    random: Estimate
    difference: Estimate


@dataclass(frozen=True, eq=False)
class Faithfulness(Result):
    """How near the relevance of components comes to the effect of switching them off, measured on some pictures.

    agreements: one per method and layer.  deletions: one per method with heatmaps.
    images:     pictures measured on.  sample: components switched off per layer, at most.
    refused:    methods that this model does not allow, and why.
    """

    agreements: tuple[Agreement, ...]
    deletions: tuple[Deletion, ...]
    images: int
    sample: int
    refused: tuple[tuple[str, str], ...] = ()

    @property
    def methods(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(a.method for a in self.agreements))

    def of(self, method: str) -> tuple[Agreement, ...]:
        """One method's agreement, layer by layer. KeyError for one that was not measured."""
        found = tuple(a for a in self.agreements if a.method == method)
        if not found:
            raise KeyError(f"{method!r} was not measured; these were: {', '.join(self.methods) or 'none'}")
        return found

    def correlation(self, method: str) -> float:
        """Pearson r with switching off, the mean over layers."""
        return _mean(np.asarray([a.pearson.mean for a in self.of(method)]))

    def good(self, method: str) -> bool:
        """Whether a method reaches the `GOAL` in every layer."""
        return all(a.good for a in self.of(method))

    def score(self, method: str) -> float:
        """Mean of Pearson and Spearman correlation over the layers: what methods are compared by."""
        return float(np.mean([a.score for a in self.of(method)]))

    def weak_layers(self, method: str) -> tuple[str, ...]:
        return tuple(a.layer for a in self.of(method) if a.weak) if method in self.methods else ()

    def sentence(self, method: str, layer: str | None = None) -> str:
        """One line: how far the method's relevance can be read as effect, in one layer or each; "" if not measured."""
        if method not in self.methods:
            return ""
        if method == "ablation":
            return "relevance is the exact effect of switching a component off"
        found = [a for a in self.of(method) if layer in (None, a.layer)]
        if not found:
            return ""
        each = ", ".join(f"{a.layer} {two(a.pearson.mean)}" for a in found)
        if all(a.weak for a in found):
            return f"relevance says little about switching off here (r {each}): read it as a hint, not as an effect"
        if weak := [a.layer for a in found if a.weak]:
            return f"relevance in {', '.join(weak)} says little about switching off (r {each})"
        right = min(a.signs.mean for a in found)
        return f"r with switching off: {each}; at least {right:.0%} of signs right"

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per method and layer, then one per method's heatmaps."""
        rows: list[dict[str, Any]] = []
        for a in self.agreements:
            row: dict[str, Any] = {"of": "components", "method": a.method, "layer": a.layer}
            for name in ("arrives", "pearson", "spearman", "signs", "held_pearson", "held_spearman", "held_signs"):
                row |= _spread(name, getattr(a, name))
            rows.append(row)
        for d in self.deletions:
            row = {"of": "heatmaps", "method": d.method, "layer": None}
            for name in ("first", "last", "random", "difference"):
                row |= _spread(name, getattr(d, name))
            rows.append(row)
        return rows

    def to_document(self) -> dict[str, Any]:
        """As plain JSON values; NaN is None."""
        from ..results import finite

        found: dict[str, Any] = finite(asdict(self))
        return found

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Faithfulness:
        """The value that `to_document` was taken from."""
        return cls(
            tuple(Agreement(**_estimates(a, Agreement)) for a in document["agreements"]),
            tuple(Deletion(**_estimates(d, Deletion)) for d in document["deletions"]),
            int(document["images"]), int(document["sample"]),
            tuple((name, why) for name, why in document["refused"]),
        )  # fmt: skip

    def __repr__(self) -> str:
        told = "; ".join(f"{method} r {two(self.correlation(method))}" for method in self.methods)
        return f"<Faithfulness over {self.images} pictures, {self.sample} components a layer: {told}>"

    def _repr_html_(self) -> str:
        lines = "".join(
            f"<tr><td>{escape(a.layer)}</td><td>{escape(a.method)}</td>"
            + "".join(f"<td>{e}</td>" for e in (a.arrives, a.pearson, a.spearman, a.signs, a.held_pearson))
            + "</tr>"
            for a in self.agreements
        )
        heads = ("layer", "method", "arrives", "Pearson r", "Spearman", "right signs", "r, held at the mean")
        maps = "".join(
            f"<tr><td>{escape(d.method)}</td><td>{d.first}</td><td>{d.last}</td><td>{d.random}</td></tr>"
            for d in self.deletions
        )
        return (
            f"<p>{escape(repr(self))}</p><table><tr>{''.join(f'<th>{h}</th>' for h in heads)}</tr>{lines}</table>"
            "<table><tr><th>heatmaps</th><th>lost, most relevant first</th><th>least relevant first</th>"
            f"<th>at random</th></tr>{maps}</table>"
        )


def _spread(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.mean, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _estimates(document: Mapping[str, Any], kind: type[Agreement] | type[Deletion]) -> dict[str, Any]:
    """The fields of a kind, from a document that may hold others too."""
    found = {field.name: document[field.name] for field in fields(kind)}
    for name, value in found.items():
        if isinstance(value, Mapping):
            parts = (value[part] for part in ("mean", "low", "high"))
            found[name] = Estimate(*(float("nan") if part is None else float(part) for part in parts))
    return found


def resampled(values: np.ndarray, draws: np.ndarray) -> Estimate:
    """The mean of [picture] values, with its interval over resampled ones [draw]."""
    if not np.isfinite(values).any():
        return UNKNOWN
    low, high = np.nanquantile(draws, [0.025, 0.975]) if np.isfinite(draws).any() else (np.nan, np.nan)
    return Estimate(float(np.nanmean(values)), float(low), float(high))


def agreement(
    layer: str, method: str, relevance: np.ndarray, drop: np.ndarray, held: np.ndarray | None, arrives: Sequence[float]
) -> Agreement:
    """Relevances and drops [picture component] of the same components, as an `Agreement`."""
    share = np.asarray(arrives, float)
    random = np.random.default_rng(0)
    drawn = share[random.integers(0, len(share), (200, len(share)))].mean(1)
    found = _compared(relevance, drop)
    kept = (UNKNOWN,) * 3 if held is None else _compared(relevance, held)
    return Agreement(layer, method, resampled(share, drawn), *found, *kept)


def _compared(relevance: np.ndarray, drop: np.ndarray) -> tuple[Estimate, Estimate, Estimate]:
    """Pearson, Spearman and right signs. Pictures and components are drawn again, together, for the intervals."""
    from scipy.stats import rankdata

    random = np.random.default_rng(0)
    pictures, components = relevance.shape
    functions = (
        _pearson,
        lambda r, d: _pearson(rankdata(r, axis=1), rankdata(d, axis=1)),
        _right_signs,
    )
    draws = [
        (random.integers(0, pictures, pictures), random.integers(0, components, components)) for _ in range(200)
    ]
    return tuple(  # type: ignore[return-value]
        resampled(f(relevance, drop), np.array([_mean(f(relevance[i][:, c], drop[i][:, c])) for i, c in draws]))
        for f in functions
    )


def _mean(values: np.ndarray) -> float:
    return float(values[np.isfinite(values)].mean()) if np.isfinite(values).any() else float("nan")


def _pearson(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Row by row, in any unit; NaN where a row is constant but for rounding."""
    one, other = _standard(one), _standard(other)
    scale = np.sqrt((one**2).sum(1) * (other**2).sum(1))
    return np.divide((one * other).sum(1), scale, out=np.full(len(one), np.nan), where=scale > 0)


def _standard(values: np.ndarray) -> np.ndarray:
    """Rows with mean 0 and largest deviation 1; zeros for one that is constant but for rounding."""
    largest = np.abs(values).max(1, keepdims=True, initial=0).astype(float)
    apart = values - values.mean(1, keepdims=True, dtype=float)
    most = np.abs(apart).max(1, keepdims=True, initial=0)
    return np.divide(apart, most, out=np.zeros_like(apart), where=most > 1e-6 * largest)


def _right_signs(relevance: np.ndarray, drop: np.ndarray) -> np.ndarray:
    """Row by row; of the largest 20 (of a small sample: of half of it)."""
    many = min(20, max(1, relevance.shape[1] // 2))
    order = np.argsort(-np.abs(relevance), axis=1)[:, :many]
    largest, effect = np.take_along_axis(relevance, order, 1), np.take_along_axis(drop, order, 1)
    there = largest != 0
    right = ((np.sign(largest) == np.sign(effect)) & there).sum(1)
    return np.divide(right, there.sum(1), out=np.full(len(relevance), np.nan), where=there.any(1))
