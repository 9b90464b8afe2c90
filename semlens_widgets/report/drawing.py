"""Drawings of the report, as SVG: the bar of shares, the scatter of components, the curve of the effect."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from .. import markup

ORDER = ("valid", "ambiguous", "spurious", "unexpected", "neutral")
GLYPHS = {"valid": "●", "ambiguous": "◐", "spurious": "▲", "unexpected": "◆", "neutral": "□"}
_TEMPLATE = "report/templates/drawing.svg.j2"
_LEFT, _BELOW, _TOP, _RIGHT = 46, 42, 26, 16  # room for the axes around a plot
Number = float | int


@dataclass(frozen=True)
class _Frame:
    """The axes of a plot: its size, the ranges that its sides stand for, and what is written there."""

    wide: int
    high: int
    range_x: tuple[Number, Number]
    range_y: tuple[Number, Number]
    below: str
    beside: str
    left: int = _LEFT
    top: int = _TOP

    @property
    def right(self) -> int:
        return self.wide - _RIGHT

    @property
    def bottom(self) -> int:
        return self.high - _BELOW

    def x(self, value: Number) -> float:
        low, high = self.range_x
        return self.left + (value - low) / (high - low) * (self.right - self.left)

    def y(self, value: Number) -> float:
        low, high = self.range_y
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)

    @property
    def across(self) -> list[tuple[float, float]]:
        """Where ticks stand, and their values."""
        return [(self.x(value), value) for value in _ticks(*self.range_x)]

    @property
    def up(self) -> list[tuple[float, float]]:
        return [(self.y(value), value) for value in _ticks(*self.range_y)]


def bar(shares: Mapping[str, Sequence[Number]]) -> Markup:
    """The shares of relevance side by side, in words below."""
    x, parts = 0.0, []
    for region in ORDER:
        if region in shares and shares[region][0] > 0:
            width = 100 * shares[region][0]
            parts.append((region, x, max(width - 0.15, 0)))
            x += width
    return _draw("bar", parts)


def scatter(components: Sequence[Mapping[str, Any]], line: Number) -> Markup:
    """Every component: best spurious z across, best valid z up, area by share; neutral ones are left out."""
    rows = [
        c for c in components if c["region"] != "neutral" and c["valid"] is not None and c["spurious"] is not None
    ]  # fmt: skip
    if not rows:
        return Markup("")
    ranges = [_range([c[name] for c in rows], line) for name in ("spurious", "valid")]
    frame = _Frame(680, 390, ranges[0], ranges[1], "best spurious concept, z", "best valid concept, z")
    most = max(c["share"] or 0 for c in rows) or 1
    marks = []
    for c in sorted(rows, key=lambda c: -(c["share"] or 0)):
        radius = 2.5 + 5.5 * math.sqrt(max(c["share"] or 0, 0) / most)
        title = f"{c['component']}: {c['concept'] or 'no concept'}"
        if c["share"] is not None:
            title += f", {markup.percent(c['share'])} of its layer"
        mark = _mark(c["region"], frame.x(c["spurious"]), frame.y(c["valid"]), radius)
        marks.append(mark | {"region": c["region"], "title": title})
    corners = [
        {"region": region, "x": x, "y": y, "anchor": anchor,
         "words": f"{GLYPHS[region]} {region} {sum(c['region'] == region for c in rows)}"}
        for region, x, y, anchor in (
            ("valid", frame.left + 6, frame.top + 14, "start"), ("ambiguous", frame.right - 4, frame.top + 14, "end"),
            ("spurious", frame.right - 4, frame.bottom - 8, "end"),
            ("unexpected", frame.left + 6, frame.bottom - 8, "start"),
        )
    ]  # fmt: skip
    return _draw("scatter", frame, frame.x(line), frame.y(line), marks, corners)


def curve(points: Sequence[Mapping[str, Any]]) -> Markup:
    """AUROC against the number of components off, and the range that as many random ones give."""
    points = [p for p in points if p["auroc"] is not None]
    if len(points) < 2:
        return Markup("")
    ends = ("random_auroc_low", "random_auroc_high")
    values = [p["auroc"] for p in points] + [p[end] for p in points for end in ends if p[end] is not None]
    low, high = min(values), max(values)
    low, high = low - 0.08 * (high - low) - 0.002, high + 0.08 * (high - low) + 0.002
    last = max(p["number"] for p in points) or 1
    frame = _Frame(420, 240, (0, last), (low, high), "components off, most relevant first", "AUROC")
    band = [(frame.x(p["number"]), *(frame.y(p[end]) for end in ends)) for p in points
            if all(p[end] is not None for end in ends)]  # fmt: skip
    outline = [(x, low) for x, low, _ in band] + [(x, high) for x, _, high in reversed(band)]
    own = [(frame.x(p["number"]), frame.y(p["auroc"])) for p in points]
    return _draw("curve", frame, " ".join(f"{x:.1f},{y:.1f}" for x, y in outline), own)


def _draw(name: str, *given: Any) -> Markup:
    macro: Callable[..., Markup] = getattr(markup.macros(_TEMPLATE), name)
    return Markup(macro(*given).strip())


def _range(values: Sequence[Number], line: Number) -> tuple[float, float]:
    low, high = min([*values, 0.0]), max([*values, line + 1])
    return low - 0.05 * (high - low), high + 0.05 * (high - low)


def _mark(region: str, x: float, y: float, r: float) -> dict[str, Any]:
    """A circle, a path, or both: a circle half full."""
    path = {
        "spurious": f"M{x:.1f} {y - r * 1.15:.1f}l{r * 1.1:.1f} {r * 1.95:.1f}h{-r * 2.2:.1f}z",
        "unexpected": f"M{x:.1f} {y - 1.2 * r:.1f}l{1.2 * r:.1f} {1.2 * r:.1f}l{-1.2 * r:.1f} {1.2 * r:.1f}"
                      f"l{-1.2 * r:.1f} {-1.2 * r:.1f}z",
        "ambiguous": f"M{x:.1f} {y - r:.1f}a{r:.1f} {r:.1f} 0 0 1 0 {2 * r:.1f}z",
    }.get(region)  # fmt: skip
    return {"x": x, "y": y, "radius": r, "circle": region not in ("spurious", "unexpected"), "path": path}


def _ticks(low: Number, high: Number) -> list[float]:
    """Round numbers inside a range, about five."""
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
    first = math.ceil(low / step)
    return [round(i * step, 10) for i in range(first, math.floor(high / step) + 1)]
