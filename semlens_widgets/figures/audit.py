"""The audit as a figure: what a class rests on, every component against the checklist, and concept by concept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.path import Path

from .. import numbers
from ..audit import AuditReport
from ..audit.report import REGIONS, Finding, Region
from ..numbers import Number
from ..palette import GLYPHS, VERDICTS
from .crops import Crops
from .figure import DOUBLE, Figure
from .made_from import made_from
from .scales import linear, ticks
from .sheet import GAP, LINE, MARGIN, PT, SMALL, Align, Sheet, text_width
from .table import Column, table

PARTS = ("shares", "scatter", "unexpected", "concepts")
_SHAPES: dict[Region, str] = {"valid": "o", "spurious": "^", "ambiguous": "o", "unexpected": "D"}
_KINDS = {"valid": "Should be used", "spurious": "Must not be used", "neutral": "Neutral"}
_STATES = {"found": "found", "weak": "weak", "missing": "missing", "unseen": "unseen", "unknown": "unseen"}
_HALF = Path.wedge(-90, 90)
_NAMED = 4  # components named in the scatter


def audit(
    report: AuditReport,
    *,
    verdicts: Mapping[str, Any] | None = None,
    parts: Sequence[str] = ("shares", "scatter", "unexpected", "concepts"),
    width_mm: Number = DOUBLE,
    theme: str = "print",
) -> Figure:
    """What the class's score rests on, the scatter with its four regions, what is unexpected, and the checklist.

    `parts` chooses among these four. With `verdicts` (those of a lens, or any mapping from "@concept" or component to
    something with a `decision`) the checklist shows what people decided.
    """
    if unknown := [part for part in parts if part not in PARTS]:
        raise ValueError(f"no part {unknown[0]!r} of an audit's figure; there are {', '.join(PARTS)}")
    if not parts:
        raise ValueError(f"no part of the audit is left to draw; there are {', '.join(PARTS)}")
    kept = [part for part in PARTS if part in parts and (part != "shares" or report.has_relevance)]
    lines = report.thresholds
    caption = (
        f"Audit{f' of {report.target!r}' if report.target else ''} against {report.checklist.title or 'a checklist'}: "
        f"{report.message} Lines at p = {numbers.score(lines.p, 2)} of random images (z = {numbers.z(lines.z)}), lead "
        f"of {numbers.fixed(lines.margin, 1)} z; size of marks: share of relevance. {made_from(report.space)}"
    )
    return Figure(lambda sheet: _draw(sheet, report, verdicts or {}, kept), caption, width_mm, theme)


def checklist_table(
    report: AuditReport,
    *,
    verdicts: Mapping[str, Any] | None = None,
    width_mm: Number = DOUBLE,
    theme: str = "print",
) -> Figure:
    """The checklist with what was found: the part "concepts" of `audit`."""
    return audit(report, verdicts=verdicts, parts=["concepts"], width_mm=width_mm, theme=theme)


def _draw(sheet: Sheet, report: AuditReport, verdicts: Mapping[str, Any], parts: list[str]) -> Number:
    y: Number = MARGIN
    for number, part in enumerate(parts):
        y += 3 if number else 0
        if part == "shares":
            y += _shares(sheet, report, y)
        elif part == "scatter":
            y += _scatter(sheet, report, y)
        elif part == "unexpected":
            y += _unexpected(sheet, report, y)
        else:
            y += _concepts(sheet, report, verdicts, y)
    return y + MARGIN


def _colour(sheet: Sheet, region: str) -> str:
    return sheet.theme.verdict(region) if region in VERDICTS else sheet.theme.context


def _shares(sheet: Sheet, report: AuditReport, y: Number) -> Number:
    theme, left, right, start = sheet.theme, MARGIN, sheet.width - MARGIN, y
    title = f"What the {report.target} score rests on" if report.target else "What the score rests on"
    sheet.fit(left, y, right - left, title, SMALL, bold=True)
    unit = "share of relevance, 95 % interval"
    if text_width(title, SMALL, True) + text_width(unit, SMALL) + 3 < right - left:
        sheet.text(right, y, unit, SMALL, colour=theme.ink_2, align="right")
    y += SMALL * PT * 1.7
    order = ("valid", "ambiguous", "spurious", "unexpected", "neutral")
    shares = [(region, report.shares[region]) for region in order if region in report.shares]
    total = sum(max(interval.mean, 0) for _, interval in shares) or 1.0
    x = left
    for region, interval in shares:
        width = (right - left) * max(interval.mean, 0) / total
        sheet.rectangle(x, y, max(width - GAP / 4, 0.05), 3, _colour(sheet, region))
        x += width
    y += 4.2
    line, x = SMALL * PT * 1.5, left
    column = max((right - left) / max(len(shares), 1), 27.0)
    for region, interval in shares:
        if x > left and x + column > right + 0.1:
            x, y = left, y + 2 * line + 0.8
        sheet.sign(x + 0.9, y + line / 2, GLYPHS.get(region, "□"), 1.8, _colour(sheet, region))
        sheet.text(x + 2.6, y + line / 2, region, SMALL, upright="center")
        value = numbers.percent(interval.mean)
        sheet.text(x, y + line * 1.5, value, SMALL, bold=True, upright="center")
        bounds = f"{numbers.fixed(100 * interval.low, 0)} to {numbers.fixed(100 * interval.high, 0)}"
        at = x + text_width(value, SMALL, True) + 1
        sheet.fit(at, y + line * 1.5, x + column - at - 1, bounds, SMALL, colour=theme.ink_2, upright="center")
        x += column
    return y + 2 * line - start


def _scatter(sheet: Sheet, report: AuditReport, y: Number) -> Number:
    theme, start = sheet.theme, y
    line = SMALL * PT * 1.5
    left, right = MARGIN + 7.0, sheet.width - MARGIN - 1
    sheet.text(MARGIN, y, "best valid concept, z", SMALL, colour=theme.ink_2)
    y += line * 1.2
    shown = report.audited & np.isin(report.region, [REGIONS.index(r) for r in _SHAPES])
    across, up = np.nan_to_num(report.best_spurious), np.nan_to_num(report.best_valid)
    rows = np.flatnonzero(shown)
    tall = min((right - left) * 0.62, 75.0)
    limit = report.thresholds.z
    domains = [_padded(across[rows], limit, 0.06), _padded(up[rows], limit, 0.1)]  # words stand in the corners
    place_x, place_y = linear(domains[0], (left, right)), linear(domains[1], (y + tall, y))
    corner = (place_x(limit), place_y(limit))
    sheet.rectangle(left, corner[1], corner[0] - left, y + tall - corner[1], theme.bg_sunk)
    sheet.line([(left, corner[1]), (right, corner[1])], theme.ink_2, LINE, (2, 1.5))
    sheet.line([(corner[0], y), (corner[0], y + tall)], theme.ink_2, LINE, (2, 1.5))
    sheet.line([(left, y), (left, y + tall), (right, y + tall)], theme.line_strong)
    share = np.nan_to_num(report.share)
    most = float(share[rows].max(initial=0)) or 1.0
    sizes = np.sqrt(1.2**2 + share / most * (3.6**2 - 1.2**2)) if report.has_relevance else np.full(len(share), 1.6)
    for region, shape in _SHAPES.items():
        own = rows[report.region[rows] == REGIONS.index(region)]
        own = own[np.argsort(-sizes[own], kind="stable")]
        if len(own):
            xs = np.asarray([place_x(float(across[row])) for row in own])
            ys = np.asarray([place_y(float(up[row])) for row in own])
            own_colour, half = _colour(sheet, region), region == "ambiguous"
            fill, edge = (theme.bg, own_colour) if half else (own_colour, theme.bg)
            sheet.dots(xs, ys, sizes[own], fill, edge=edge, line=LINE * (1.2 if half else 0.8), shape=shape)
            if half:
                sheet.dots(xs, ys, sizes[own], own_colour, shape=_HALF)
    taken = _corners(sheet, report, (left, right), y, y + tall)
    marks = np.asarray([(place_x(float(across[row])), place_y(float(up[row]))) for row in rows]).reshape(-1, 2)
    _named(sheet, report, rows, share, marks, sizes[rows] / 2, ((left, y), (right, y + tall)), taken)
    for value in ticks(domains[0], max(2, (right - left) / 20))[1]:
        sheet.text(place_x(value), y + tall + 1.2, numbers.fixed(value, 0), SMALL, colour=theme.ink_2, align="center")
    for value in ticks(domains[1], max(2, tall / 14))[1]:
        at = place_y(value)
        sheet.text(left - 1, at, numbers.fixed(value, 0), SMALL, colour=theme.ink_2, align="right", upright="center")
    name = "best spurious concept, z"
    sheet.text(right, y + tall + 1.2 + line, name, SMALL, colour=theme.ink_2, align="right")
    return y + tall + 1.2 + 2 * line - start


def _padded(values: np.ndarray, limit: Number, share: Number) -> tuple[float, float]:
    low, high = float(min(values.min(initial=0), 0, limit - 1)), float(max(values.max(initial=0), limit * 1.6))
    spare = float((high - low) * share)
    return low - spare, high + spare


Box = tuple[float, float, float, float]


def _corners(sheet: Sheet, report: AuditReport, room: tuple[Number, Number], top: Number, bottom: Number) -> list[Box]:
    """Names and counts of the regions in their corners; the places they take."""
    left, right = room
    places: tuple[tuple[Region, Number, Number, Align], ...] = (
        ("valid", left + 1, top + 0.3, "left"),
        ("ambiguous", right - 0.5, top + 0.3, "right"),
        ("unexpected", left + 1, bottom - SMALL * PT * 1.4, "left"),
        ("spurious", right - 0.5, bottom - SMALL * PT * 1.4, "right"),
    )
    line, taken = SMALL * PT * 1.4, []
    for region, x, y, align in places:
        count = f" {numbers.count(report.counts[region])}"
        first, second = text_width(region, SMALL, True), text_width(count, SMALL)
        start = x if align == "left" else x - first - second
        sheet.plate(start - 0.4, y - 0.1, first + second + 0.8, line)
        sheet.text(start, y, region, SMALL, bold=True, colour=_colour(sheet, region))
        sheet.text(start + first, y, count, SMALL, colour=sheet.theme.ink_2)
        taken.append((float(start - 1), float(y - 0.3), float(start + first + second + 1), float(y + line)))
    return taken


def _named(
    sheet: Sheet,
    report: AuditReport,
    rows: np.ndarray,
    share: np.ndarray,
    marks: np.ndarray,
    radii: np.ndarray,
    room: tuple[tuple[Number, Number], tuple[Number, Number]],
    taken: list[Box],
) -> None:
    """The most relevant components by name, beside their mark where the name hides fewest others."""
    line = SMALL * PT * 1.3
    (left, top), (right, bottom) = room
    named = 0
    for at in np.argsort(-share[rows], kind="stable"):
        if named == _NAMED or not report.has_relevance:
            return
        row, (x, y), away = int(rows[at]), marks[at], float(radii[at]) + 0.6
        concept = report.concept_of(row)
        text = str(report.space.components[row])
        if concept and sheet.width >= 120:
            text = f"{text} {concept}"
        width = text_width(text, SMALL)
        best: tuple[int, Box] | None = None
        for start, level in ((x + away, y), (x - away - width, y), (x - width / 2, y - away - line / 2),
                             (x - width / 2, y + away + line / 2)):  # fmt: skip
            box = (start - 0.5, level - line / 2, start + width + 0.5, level + line / 2)
            free = all(box[2] < a or box[0] > c or box[3] < b or box[1] > d for a, b, c, d in taken)
            if not free or box[0] < left or box[2] > right or box[1] < top or box[3] > bottom:
                continue
            hidden = (marks[:, 0] > box[0] - radii) & (marks[:, 0] < box[2] + radii)
            hidden &= (marks[:, 1] > box[1] - radii) & (marks[:, 1] < box[3] + radii)
            if best is None or hidden.sum() < best[0]:
                best = (int(hidden.sum()), box)
        if best is None:
            continue
        box = best[1]
        sheet.plate(box[0], box[1], width + 1, line)
        sheet.text(box[0] + 0.5, (box[1] + box[3]) / 2, text, SMALL, upright="center")
        taken.append(box)
        named += 1


def _unexpected(sheet: Sheet, report: AuditReport, y: Number) -> Number:
    theme, left, right, start = sheet.theme, MARGIN, sheet.width - MARGIN, y
    rows = [int(row) for row in report.rows("unexpected")]
    title = "Unexpected: relevant, but on no list" if report.has_relevance else "Unexpected: on no list"
    sheet.fit(left, y, right - left, title, SMALL, bold=True)
    few = 3 if sheet.width >= 120 else 2
    count = f"{min(few, len(rows))} of {numbers.count(len(rows))}"
    if text_width(title, SMALL, True) + text_width(count, SMALL) + 3 < right - left:
        sheet.text(right, y, count, SMALL, colour=theme.ink_2, align="right")
    y += SMALL * PT * 1.7
    crops, column = Crops.of(report.space), (right - left - (few - 1) * 3) / few
    side = (column - 4 * GAP / 2) / 5
    for at, row in enumerate(rows[:few]):
        x = left + at * (column + 3)
        name = str(report.space.components[row])
        sheet.text(x, y, name, SMALL, mono=True)
        if np.isfinite(signed := float(report.signed_share[row])):
            text = numbers.signed(signed) + " %"
            colour = theme.supports if signed > 0 else theme.against
            if text_width(name, SMALL, False, True) + text_width(text, SMALL) + 1 < column:
                sheet.text(x + column, y, text, SMALL, colour=colour, align="right")
        crops.strip(sheet, row, x, y + SMALL * PT * 1.5, side, 5)
    return y + (SMALL * PT * 1.5 + side if rows else 0) - start


def _concepts(sheet: Sheet, report: AuditReport, verdicts: Mapping[str, Any], y: Number) -> Number:
    theme, crops = sheet.theme, Crops.of(report.space)
    findings = [f for kind in _KINDS for f in report.findings if f.kind == kind]
    heads: dict[int, str] = {}
    for at, finding in enumerate(findings):
        if not at or findings[at - 1].kind != finding.kind:
            heads[at] = _KINDS[finding.kind]
    side, height = 4.4, 5.4
    known = [f.z for f in findings if np.isfinite(f.z)]
    low, high = min(0.0, *known) if known else 0.0, max(report.thresholds.z * 1.5, *known) if known else 1.0
    most = max((f.share.mean for f in findings if f.share is not None), default=0.0) or 1.0

    def mark(part: Sheet, at: int, x: Number, middle: Number, room: Number) -> None:
        kind = findings[at].kind
        part.sign(x + 1, middle, GLYPHS[_STATES[findings[at].state]], 2.0, _colour(part, kind))

    def strip(part: Sheet, at: int, x: Number, middle: Number, room: Number) -> None:
        finding = findings[at]
        if finding.best is not None and finding.state in ("found", "weak"):
            count = max(1, int((room + GAP / 2) / (side + GAP / 2) + 1e-6))
            crops.strip(part, finding.best, x, middle - side / 2, side, count)

    def against_null(part: Sheet, at: int, x: Number, middle: Number, room: Number) -> None:
        finding, place = findings[at], linear((low, high), (x + 0.8, x + room - 0.8))
        if not np.isfinite(finding.z):
            return
        part.line([(x, middle), (x + room, middle)], theme.line)
        part.rectangle(x, middle - 1, place(report.thresholds.z) - x, 2, theme.null)
        part.dots(
            np.asarray([place(finding.z)]), np.asarray([middle]), 1.4, theme.context if finding.refuted else theme.ink
        )

    def bar(part: Sheet, at: int, x: Number, middle: Number, room: Number) -> None:
        interval = findings[at].signed_share
        if interval is None:
            return
        place = linear((-most, most), (x, x + room))
        begin, end = sorted((place(0), place(interval.mean)))
        colour = theme.supports if interval.mean > 0 else theme.against
        part.rectangle(begin, middle - 0.8, max(end - begin, 0.05), 1.6, colour)
        part.line([(place(0), middle - 1.6), (place(0), middle + 1.6)], theme.ink, LINE)

    def decided(part: Sheet, at: int, x: Number, middle: Number, room: Number) -> None:
        decision = _decision(verdicts, report, findings[at])
        if decision in ("valid", "spurious"):
            part.sign(x + 1, middle, GLYPHS[decision], 2.0, theme.verdict(decision))
        elif decision:
            part.fit(x, middle, room, decision, SMALL, upright="center")

    shares = [f.signed_share for f in findings]
    columns = [
        Column("", width=2.2, draw=mark),
        Column("concept", [f.name for f in findings], gives=True),
        Column("state", [_state(f) for f in findings]),
        Column("z", [f"{numbers.z(f.z)}{' ×' * f.refuted}" if np.isfinite(f.z) else "" for f in findings], right=True),
    ]
    if report.has_relevance:
        columns += [
            Column("share of relevance, %", ["" if s is None else numbers.signed(s.mean) for s in shares], right=True),
            Column("against | for" if sheet.width >= 120 else "", width=14.0, draw=bar),
        ]
    names = ["" if f.best is None else str(report.space.components[f.best]) for f in findings]
    columns += [Column("best component", names, mono=True)]
    if verdicts:
        columns.append(Column("verdict", width=10.0, draw=decided))
    if sheet.width >= 120:
        columns.append(Column("z against null", width=16.0, draw=against_null))
    columns.append(Column("examples", width=3 * (side + GAP / 2) - GAP / 2, draw=strip))
    return table(sheet, columns, len(findings), y=y, height=height, heads=heads,
                 ink=lambda at: theme.ink if findings[at].state in ("found", "weak") else theme.ink_2)  # fmt: skip


def _state(finding: Finding) -> str:
    return {"unseen": "not seen in one image", "unknown": "unknown to CLIP"}.get(finding.state, finding.state)


def _decision(verdicts: Mapping[str, Any], report: AuditReport, finding: Finding) -> str | None:
    """What people decided on a concept, else on its best component."""
    subjects = [f"@{finding.name}"] + ([] if finding.best is None else [str(report.space.components[finding.best])])
    for subject in subjects:
        if subject in verdicts:
            verdict = verdicts[subject]
            decision = verdict if isinstance(verdict, str) else getattr(verdict, "decision", None)
            if decision:
                return str(decision)
    return None
