"""Drawings of the report, as SVG text: the bar of shares, the scatter of components, the curve of the effect."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

ORDER = ("valid", "ambiguous", "spurious", "unexpected", "neutral")
GLYPHS = {"valid": "●", "ambiguous": "◐", "spurious": "▲", "unexpected": "◆", "neutral": "□"}
_W, _H, _LEFT, _BOTTOM, _TOP, _RIGHT = 680, 390, 46, 42, 26, 16


def bar(shares: Mapping[str, Sequence[float]]) -> str:
    """The shares of relevance side by side, in words below."""
    x, parts = 0.0, []
    for region in ORDER:
        if region in shares and shares[region][0] > 0:
            width = 100 * shares[region][0]
            parts.append(f'<rect class="{region}" x="{x:.2f}" y="0" width="{max(width - 0.15, 0):.2f}" height="8"/>')
            x += width
    return (
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" '
        f'aria-label="shares of relevance">{"".join(parts)}</svg>'
    )


def scatter(components: Sequence[Mapping[str, Any]], line: float | int) -> str:
    """Every component: best spurious z across, best valid z up, area by share; neutral ones are left out."""
    rows = [
        c for c in components
        if c["region"] != "neutral" and isinstance(c["valid"], float) and isinstance(c["spurious"], float)
    ]  # fmt: skip
    if not rows:
        return ""
    low_x, high_x = _range([c["spurious"] for c in rows], line)
    low_y, high_y = _range([c["valid"] for c in rows], line)

    def x(value: float | int) -> float:
        return _LEFT + (value - low_x) / (high_x - low_x) * (_W - _LEFT - _RIGHT)

    def y(value: float | int) -> float:
        return _H - _BOTTOM - (value - low_y) / (high_y - low_y) * (_H - _BOTTOM - _TOP)

    parts = [_axes(x, y, (low_x, high_x), (low_y, high_y), "best spurious concept, z", "best valid concept, z")]
    parts.append(
        f'<path class="line" d="M{x(line):.1f} {_TOP}V{_H - _BOTTOM}M{_LEFT} {y(line):.1f}H{_W - _RIGHT}"/>'
    )
    most = max([c["share"] or 0 for c in rows], default=0) or 1
    for c in sorted(rows, key=lambda c: -(c["share"] or 0)):
        radius = 2.5 + 5.5 * ((c["share"] or 0) / most) ** 0.5
        title = f"{c['component']}: {c['concept'] or 'no concept'}"
        if c["share"] is not None:
            title += f", {100 * c['share']:.1f} % of its layer"
        mark = _mark(c["region"], x(c["spurious"]), y(c["valid"]), radius)
        parts.append(f'<g class="{c["region"]}">{mark}<title>{escape(title)}</title></g>')
    corners = (
        ("valid", _LEFT + 6, _TOP + 14, "start"), ("ambiguous", _W - _RIGHT - 4, _TOP + 14, "end"),
        ("spurious", _W - _RIGHT - 4, _H - _BOTTOM - 8, "end"), ("unexpected", _LEFT + 6, _H - _BOTTOM - 8, "start"),
    )  # fmt: skip
    for region, at_x, at_y, anchor in corners:
        count = sum(c["region"] == region for c in rows)
        parts.append(
            f'<text class="corner {region}" x="{at_x}" y="{at_y}" text-anchor="{anchor}">{GLYPHS[region]} {region} '
            f"{count}</text>"
        )
    return f'<svg class="plot" viewBox="0 0 {_W} {_H}" role="img" aria-label="components">{"".join(parts)}</svg>'


def curve(points: Sequence[Mapping[str, Any]]) -> str:
    """AUROC against the number of components off, and the range that as many random ones give."""
    points = [p for p in points if p["auroc"] is not None]
    if len(points) < 2:
        return ""
    values = [p["auroc"] for p in points] + [p[k] for p in points for k in ("random_auroc_low", "random_auroc_high")
                                             if p[k] is not None]  # fmt: skip
    low, high = min(values), max(values)
    low, high = low - 0.08 * (high - low) - 0.002, high + 0.08 * (high - low) + 0.002
    last = max(p["number"] for p in points)
    wide, tall = 420, 240

    def x(value: float | int) -> float:
        return _LEFT + value / last * (wide - _LEFT - _RIGHT)

    def y(value: float | int) -> float:
        return tall - _BOTTOM - (value - low) / (high - low) * (tall - _BOTTOM - _TOP)

    band = [(p["number"], p["random_auroc_low"], p["random_auroc_high"]) for p in points
            if p["random_auroc_low"] is not None]  # fmt: skip
    there = " ".join(f"{x(n):.1f},{y(a):.1f}" for n, a, _ in band)
    back = " ".join(f"{x(n):.1f},{y(b):.1f}" for n, _, b in reversed(band))
    own = " ".join(f"{x(p['number']):.1f},{y(p['auroc']):.1f}" for p in points)
    dots = "".join(f'<circle cx="{x(p["number"]):.1f}" cy="{y(p["auroc"]):.1f}" r="2.5"/>' for p in points)
    axes = _axes(x, y, (0, last), (low, high), "components off, most relevant first", "AUROC", (wide, tall))
    return (
        f'<svg class="plot small" viewBox="0 0 {wide} {tall}" role="img" aria-label="curve">{axes}'
        f'<polygon class="null" points="{there} {back}"/><polyline class="own" points="{own}"/>'
        f'<g class="dots">{dots}</g></svg>'
    )


def _range(values: Sequence[float], line: float | int) -> tuple[float, float]:
    low, high = min([*values, 0.0]), max([*values, line + 1])
    return low - 0.05 * (high - low), high + 0.05 * (high - low)


def _mark(region: str, x: float, y: float, r: float) -> str:
    if region == "spurious":
        return f'<path d="M{x:.1f} {y - r * 1.15:.1f}l{r * 1.1:.1f} {r * 1.95:.1f}h{-r * 2.2:.1f}z"/>'
    if region == "unexpected":
        s = 1.2 * r
        return f'<path d="M{x:.1f} {y - s:.1f}l{s:.1f} {s:.1f}l{-s:.1f} {s:.1f}l{-s:.1f} {-s:.1f}z"/>'
    if region == "ambiguous":
        return (
            f'<circle class="hollow" cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}"/>'
            f'<path d="M{x:.1f} {y - r:.1f}a{r:.1f} {r:.1f} 0 0 1 0 {2 * r:.1f}z"/>'
        )
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}"/>'


def _axes(x: Any, y: Any, across: Any, up: Any, below: str, beside: str, size: tuple[int, int] = (_W, _H)) -> str:
    wide, tall = size
    parts = [f'<path class="axis" d="M{_LEFT} {_TOP}V{tall - _BOTTOM}H{wide - _RIGHT}"/>']
    for value in _ticks(*across):
        parts.append(f'<text x="{x(value):.1f}" y="{tall - _BOTTOM + 16}" text-anchor="middle">{value:g}</text>')
    for value in _ticks(*up):
        parts.append(f'<text x="{_LEFT - 7}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    parts.append(f'<text x="{wide - _RIGHT}" y="{tall - 6}" text-anchor="end">{escape(below)}</text>')
    parts.append(f'<text x="0" y="12">{escape(beside)}</text>')
    return "".join(parts)


def _ticks(low: float | int, high: float | int) -> list[float]:
    """Round numbers inside a range, about five."""
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
    first = math.ceil(low / step)
    return [round(i * step, 10) for i in range(first, math.floor(high / step) + 1)]
