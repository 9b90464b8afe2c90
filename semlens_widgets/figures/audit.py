"""The audit as a figure: what a class rests on, every component against the checklist, and concept by concept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import numbers
from ..audit import AuditReport
from ..audit.finding import Finding
from ..numbers import Number
from ..palette import GLYPHS
from .audited import Audited, colour_of, scatter, shares
from .crops import Crops
from .figure import DOUBLE, Figure
from .made_from import made_from
from .plot import Plot, signed_bars
from .sheet import GAP, LINE, MARGIN, PT, SMALL, Sheet, text_width
from .table import Column, table

PARTS = ("shares", "scatter", "unexpected", "concepts")
_KINDS = {"valid": "Should be used", "spurious": "Must not be used", "neutral": "Neutral"}
_STATES = {"found": "found", "weak": "weak", "missing": "missing", "unseen": "unseen", "unknown": "unseen"}


def audit(
    report: AuditReport,
    *,
    verdicts: Mapping[str, Any] | None = None,
    parts: Sequence[str] = ("shares", "scatter", "unexpected", "concepts"),
    width_mm: Number = DOUBLE,
    theme: str = "print",
) -> Figure:
    """What the class's score rests on, the scatter with its four regions, what is unexpected, and the checklist.

    Parameters
    ----------
    report
        What `audit` gave.
    verdicts
        Those of a lens, or any mapping from "@concept" or component to something with a `decision`: the checklist shows
        what people decided.
    parts
        Which of the four, in order.
    width_mm
        Width of the figure in millimetres.
    theme
        "print", "light" or "dark".

    Returns
    -------
    Figure
        A figure to save or look at.

    Examples
    --------
    >>> report = lens.audit(sl.Checklist(spurious=["ruler"], neutral=["hair"]), target="melanoma", progress=False)

    >>> sl.figures.audit(report, parts=["scatter"]).save("audit.svg").name
    'audit.svg'
    """
    if unknown := [part for part in parts if part not in PARTS]:
        raise ValueError(f"no part {unknown[0]!r} of an audit's figure; there are {', '.join(PARTS)}")
    if not parts:
        raise ValueError(f"no part of the audit is left to draw; there are {', '.join(PARTS)}")
    kept = [part for part in PARTS if part in parts and (part != "shares" or report.has_relevance)]
    lines, density = report.thresholds, Audited.of(report).note if "scatter" in kept else ""
    caption = (
        f"Audit{f' of {report.target!r}' if report.target else ''} against {report.checklist.title or 'a checklist'}: "
        f"{report.message} Lines at p = {numbers.score(lines.p, 2)} of random images (z = {numbers.z(lines.z)}), lead "
        f"of {numbers.fixed(lines.margin, 1)} z; size of marks: share of relevance.{density} {made_from(report.space)}"
    )
    return Figure(lambda sheet: _draw(sheet, report, verdicts or {}, kept), caption, width_mm, theme)


def checklist_table(
    report: AuditReport,
    *,
    verdicts: Mapping[str, Any] | None = None,
    width_mm: Number = DOUBLE,
    theme: str = "print",
) -> Figure:
    """The checklist with what was found: the part "concepts" of `audit`.

    Parameters
    ----------
    report
        What `audit` gave.
    verdicts
        Those of a lens, or any mapping from "@concept" or component to something with a `decision`: the checklist shows
        what people decided.
    width_mm
        Width of the figure in millimetres.
    theme
        "print", "light" or "dark".

    Returns
    -------
    Figure
        A figure to save or look at.

    Examples
    --------
    >>> report = lens.audit(sl.Checklist(spurious=["ruler"], neutral=["hair"]), target="melanoma", progress=False)

    >>> sl.figures.checklist_table(report).save("checklist.svg").name
    'checklist.svg'
    """
    return audit(report, verdicts=verdicts, parts=["concepts"], width_mm=width_mm, theme=theme)


def _draw(sheet: Sheet, report: AuditReport, verdicts: Mapping[str, Any], parts: list[str]) -> Number:
    y: Number = MARGIN
    drawn = Audited.of(report)
    for number, part in enumerate(parts):
        y += 3 if number else 0
        if part == "shares":
            y += shares(sheet, drawn, y)
        elif part == "scatter":
            y += scatter(sheet, drawn, y)
        elif part == "unexpected":
            y += _unexpected(sheet, report, y)
        else:
            y += _concepts(sheet, report, verdicts, y)
    return y + MARGIN


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

    def marks(part: Sheet, x: Number, middles: list[Number], room: Number) -> None:
        for finding, middle in zip(findings, middles, strict=True):
            part.sign(x + 1, middle, GLYPHS[_STATES[finding.state]], 2.0, colour_of(part, finding.kind))

    def strips(part: Sheet, x: Number, middles: list[Number], room: Number) -> None:
        count = max(1, int((room + GAP / 2) / (side + GAP / 2) + 1e-6))
        for finding, middle in zip(findings, middles, strict=True):
            if finding.best is not None and finding.state in ("found", "weak"):
                crops.strip(part, finding.best, x, middle - side / 2, side, count)

    def against_null(part: Sheet, x: Number, middles: list[Number], room: Number) -> None:
        at = [n for n, f in enumerate(findings) if np.isfinite(f.z)]
        z, y = [findings[n].z for n in at], [middles[n] for n in at]
        plot = Plot.on(part, x + 0.8, middles[0] - 1, room - 1.6, middles[-1] - middles[0] + 2, (low, high),
                       (middles[-1] + 1, middles[0] - 1))  # fmt: skip
        plot.axes.barh(y, report.thresholds.z - low, 2, left=low, color=theme.null)
        plot.axes.hlines(y, low, high, theme.line, linewidth=LINE)
        colours = [theme.context if findings[n].refuted else theme.ink for n in at]
        plot.axes.scatter(z, y, (1.4 / PT) ** 2, colours, linewidths=0, clip_on=False, zorder=3)

    def bars(part: Sheet, x: Number, middles: list[Number], room: Number) -> None:
        known = [(middle, s.mean) for middle, s in zip(middles, signed, strict=True) if s is not None]
        most = max((abs(value) for _, value in known), default=0.0) or 1.0
        signed_bars(part, x, x + room, [m for m, _ in known], [value for _, value in known], (-most, most))

    def decided(part: Sheet, x: Number, middles: list[Number], room: Number) -> None:
        for finding, middle in zip(findings, middles, strict=True):
            decision = _decision(verdicts, report, finding)
            if decision in ("valid", "spurious"):
                part.sign(x + 1, middle, GLYPHS[decision], 2.0, theme.verdict(decision))
            elif decision:
                part.fit(x, middle, room, decision, SMALL, upright="center")

    signed = [f.signed_share for f in findings]
    columns = [
        Column("", width=2.2, draw=marks),
        Column("concept", [f.name for f in findings], gives=True),
        Column("state", [_state(f) for f in findings]),
        Column("z", [f"{numbers.z(f.z)}{' ×' * f.refuted}" if np.isfinite(f.z) else "" for f in findings], right=True),
    ]
    if report.has_relevance:
        columns += [
            Column(
                f"{report.share_word}, %", ["" if s is None else numbers.signed(s.mean) for s in signed], right=True
            ),
            Column("against | for" if sheet.width >= 120 else "", width=14.0, draw=bars),
        ]
    names = ["" if f.best is None else str(report.space.components[f.best]) for f in findings]
    columns += [Column("best component", names, mono=True)]
    if verdicts:
        columns.append(Column("verdict", width=10.0, draw=decided))
    if sheet.width >= 120:
        columns.append(Column("z against null", width=16.0, draw=against_null))
    columns.append(Column("examples", width=3 * (side + GAP / 2) - GAP / 2, draw=strips))
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
