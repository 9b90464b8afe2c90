"""The value: how near relevance comes to the effect of switching off, method by method and layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from html import escape
from typing import Any

import numpy as np

from ..attribution.values import ByLayer
from ..intervals import UNKNOWN, Interval, of_few
from ..results import Result

GOAL = {"pearson": 0.85, "spearman": 0.8, "signs": 0.95}
"""What counts as relevance that can be read as effect."""
_SLACK = 0.1  # by how much the lower end of an interval may miss the goal
WEAK = 0.5  # below such a correlation relevance says little about effects


def two(value: float) -> str:
    """A correlation or share as it is printed: .87, -.05, 1.00."""
    text = f"{value:.2f}"
    return "unknown" if np.isnan(value) else text.replace("0.", ".", 1) if abs(value) < 0.995 else text


def spread(interval: Interval) -> str:
    """With its range: .87 [.80, .92]."""
    return f"{two(interval.mean)} [{two(interval.low)}, {two(interval.high)}]"


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
    arrives: Interval
    pearson: Interval
    spearman: Interval
    signs: Interval
    held_pearson: Interval = UNKNOWN
    held_spearman: Interval = UNKNOWN
    held_signs: Interval = UNKNOWN

    @property
    def good(self) -> bool:
        """Whether all three reach the `GOAL`."""
        return all(getattr(self, name).mean >= least for name, least in GOAL.items())

    @property
    def sure(self) -> bool:
        """Whether all three reach the `GOAL`, and other pictures and components would hardly say otherwise."""
        return self.good and all(getattr(self, name).low >= least - _SLACK for name, least in GOAL.items())

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
    pictures:    the difference in each picture: two methods are held against each other picture by picture.
    """

    method: str
    first: Interval
    last: Interval
    random: Interval
    difference: Interval
    pictures: tuple[float, ...] = ()

    def ahead_of(self, other: Deletion) -> Interval:
        """By how much this map's difference is larger than another's in the same pictures, with Student's interval."""
        return of_few(np.asarray(self.pictures) - np.asarray(other.pictures))


@dataclass(frozen=True, eq=False)
class Faithfulness(Result):
    """How near the relevance of components comes to the effect of switching them off, measured on some pictures.

    Attributes
    ----------
    agreements
        One per method and layer.
    deletions
        One per method with heatmaps.
    images
        Pictures measured on.
    sample
        Components switched off per layer, at most.
    refused
        Methods that this model does not allow, and why.

    Examples
    --------
    >>> found = lens.check_relevance(n=2, methods=["gradient"], layers=["layer4"], sample=8)
    >>> [agreement.layer for agreement in found.of("gradient")]
    ['layer4']
    >>> -1 <= found.correlation("gradient") <= 1
    True
    """

    agreements: tuple[Agreement, ...]
    deletions: tuple[Deletion, ...]
    images: int
    sample: int
    refused: tuple[tuple[str, str], ...] = ()

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that were measured, by name."""
        return tuple(dict.fromkeys(a.method for a in self.agreements))

    def of(self, method: str) -> tuple[Agreement, ...]:
        """One method's agreement, layer by layer.

        Parameters
        ----------
        method
            By name.

        Returns
        -------
        tuple[Agreement, ...]
            The lowest layer first.

        Raises
        ------
        KeyError
            For one that was not measured.
        """
        found = tuple(a for a in self.agreements if a.method == method)
        if not found:
            raise KeyError(f"{method!r} was not measured; these were: {', '.join(self.methods) or 'none'}")
        return found

    def layer_by_layer(self) -> dict[str, dict[str, Agreement]]:
        """Per layer the agreement of each method that was measured there."""
        found: dict[str, dict[str, Agreement]] = {}
        for a in self.agreements:
            found.setdefault(a.layer, {})[a.method] = a
        return found

    def joined(self, methods: ByLayer) -> Faithfulness:
        """With the agreement of a method that is another one in some layers, under its name.

        Parameters
        ----------
        methods
            Per layer the method, and the name of all of them together.

        Returns
        -------
        Faithfulness
            The longer value.
        """
        if methods.name in self.methods:
            return self
        rows = tuple(
            replace(of[methods.of(layer)], method=methods.name)
            for layer, of in self.layer_by_layer().items()
            if methods.of(layer) in of
        )
        return replace(self, agreements=self.agreements + rows)

    def with_more(self, other: Faithfulness) -> Faithfulness:
        """With what another measurement on the same pictures found of other methods.

        Parameters
        ----------
        other
            Of the same pictures and layers.

        Returns
        -------
        Faithfulness
            Both together.
        """
        known = {(a.layer, a.method) for a in self.agreements}
        return replace(
            self,
            agreements=self.agreements + tuple(a for a in other.agreements if (a.layer, a.method) not in known),
            refused=tuple(dict(self.refused + other.refused).items()),
        )

    def correlation(self, method: str) -> float:
        """Pearson r with switching off, the mean over layers.

        Parameters
        ----------
        method
            By name.

        Returns
        -------
        float
            In [-1, 1].
        """
        return _mean(np.asarray([a.pearson.mean for a in self.of(method)]))

    def complete(self, method: str) -> bool:
        """Whether a method was measured in every layer.

        Parameters
        ----------
        method
            By name.

        Returns
        -------
        bool
            False where a layer is missing.
        """
        return len(self.of(method)) == len(self.layer_by_layer())

    def good(self, method: str) -> bool:
        """Whether a method reaches the `GOAL` in every layer.

        Parameters
        ----------
        method
            By name.

        Returns
        -------
        bool
            False where it was not measured.
        """
        return all(a.good for a in self.of(method))

    def score(self, method: str) -> float:
        """Mean of Pearson and Spearman correlation over the layers: what methods are compared by.

        Parameters
        ----------
        method
            By name.

        Returns
        -------
        float
            In [-1, 1].
        """
        return float(np.mean([a.score for a in self.of(method)]))

    def weak_layers(self, method: str) -> tuple[str, ...]:
        """The layers in which a method misses the `GOAL`.

        Parameters
        ----------
        method
            By name.

        Returns
        -------
        tuple[str, ...]
            Their names.
        """
        return tuple(a.layer for a in self.of(method) if a.weak) if method in self.methods else ()

    def sentence(self, method: str, layer: str | None = None) -> str:
        """One line: how far the method's relevance can be read as effect; "" if not measured.

        Parameters
        ----------
        method
            By name.
        layer
            One of them; None for each.

        Returns
        -------
        str
            The sentence.
        """
        if method == "ablation":
            return "relevance is the exact effect of switching a component off"
        if method not in self.methods:
            return ""
        found = [a for a in self.of(method) if layer in (None, a.layer)]
        if not found:
            return ""
        each = ", ".join(f"{a.layer} {two(a.pearson.mean)}" for a in found)
        if all(a.weak for a in found):
            return f"relevance says little about switching off here (r {each}): read it as a hint, not as an effect"
        if weak := [a.layer for a in found if a.weak]:
            return f"relevance in {', '.join(weak)} says little about switching off (r {each})"
        right = min(a.signs.mean for a in found)
        signs = "all signs" if right == 1 else f"at least {right:.0%} of signs"
        return f"r with switching off: {each}; {signs} right"

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per method and layer, then one per method's heatmaps."""
        rows: list[dict[str, Any]] = []
        for a in self.agreements:
            row: dict[str, Any] = {"of": "components", "method": a.method, "layer": a.layer}
            for name in ("arrives", "pearson", "spearman", "signs", "held_pearson", "held_spearman", "held_signs"):
                row |= _columns(name, getattr(a, name))
            rows.append(row)
        for d in self.deletions:
            row = {"of": "heatmaps", "method": d.method, "layer": None}
            for name in ("first", "last", "random", "difference"):
                row |= _columns(name, getattr(d, name))
            rows.append(row)
        return rows

    def to_document(self) -> dict[str, Any]:
        """As plain JSON values; NaN is None."""
        from ..results import finite

        found: dict[str, Any] = finite(asdict(self))
        return found

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Faithfulness:
        """The value that `to_document` was taken from.

        Parameters
        ----------
        document
            JSON values.

        Returns
        -------
        Faithfulness
            The value.
        """
        return cls(
            tuple(Agreement(**_intervals(a, Agreement)) for a in document["agreements"]),
            tuple(Deletion(**_intervals(d, Deletion)) for d in document["deletions"]),
            int(document["images"]), int(document["sample"]),
            tuple((name, why) for name, why in document["refused"]),
        )  # fmt: skip

    def __repr__(self) -> str:
        told = "; ".join(f"{method} r {two(self.correlation(method))}" for method in self.methods)
        return f"<Faithfulness over {self.images} pictures, {self.sample} components a layer: {told}>"

    def _repr_html_(self) -> str:
        lines = "".join(
            f"<tr><td>{escape(a.layer)}</td><td>{escape(a.method)}</td>"
            + "".join(f"<td>{spread(e)}</td>" for e in (a.arrives, a.pearson, a.spearman, a.signs, a.held_pearson))
            + "</tr>"
            for a in self.agreements
        )
        heads = ("layer", "method", "arrives", "Pearson r", "Spearman", "right signs", "r, held at the mean")
        maps = "".join(
            f"<tr><td>{escape(d.method)}</td><td>{spread(d.first)}</td><td>{spread(d.last)}</td><td>{spread(d.random)}</td></tr>"
            for d in self.deletions
        )
        return (
            f"<p>{escape(repr(self))}</p><table><tr>{''.join(f'<th>{h}</th>' for h in heads)}</tr>{lines}</table>"
            "<table><tr><th>heatmaps</th><th>lost, most relevant first</th><th>least relevant first</th>"
            f"<th>at random</th></tr>{maps}</table>"
        )


def _columns(name: str, estimate: Interval) -> dict[str, float]:
    return {name: estimate.mean, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _intervals(document: Mapping[str, Any], kind: type[Agreement] | type[Deletion]) -> dict[str, Any]:
    """The fields of a kind, from a document that may hold others too."""
    named = [f.name for f in fields(kind) if f.name in document or f.default is MISSING]  # older ones lack some
    found = {name: document[name] for name in named}
    for name, value in found.items():
        if isinstance(value, list):
            found[name] = tuple(float("nan") if part is None else float(part) for part in value)
        if isinstance(value, Mapping):
            parts = (value[part] for part in ("mean", "low", "high"))
            found[name] = Interval(*(float("nan") if part is None else float(part) for part in parts))
    return found


def resampled(values: np.ndarray, draws: np.ndarray) -> Interval:
    """The mean of [picture] values, with its interval over resampled ones [draw]."""
    if not np.isfinite(values).any():
        return UNKNOWN
    low, high = np.nanquantile(draws, [0.025, 0.975]) if np.isfinite(draws).any() else (np.nan, np.nan)
    return Interval(float(np.nanmean(values)), float(low), float(high))


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


def _compared(relevance: np.ndarray, drop: np.ndarray) -> tuple[Interval, Interval, Interval]:
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
