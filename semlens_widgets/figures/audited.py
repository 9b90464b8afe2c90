"""What an audit says of components, drawn from plain numbers: of a report with its space, or of its document alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.colors import to_rgb

from .. import numbers
from ..audit import AuditReport
from ..audit.report import ORDER, REGIONS
from ..numbers import Number
from ..palette import GLYPHS, VERDICTS
from .figure import MIDDLE, SINGLE, Figure
from .plot import DASHES, Plot
from .sheet import LINE, MARGIN, PT, SMALL, Align, Sheet, text_width

_SHAPES = {"valid": "o", "spurious": "^", "ambiguous": "o", "unexpected": "D"}
_MOST_MARKS = 1000  # with more, marks would cover each other
_SINGLE = 100  # of the most relevant, marked above shades
_CELL, _FEWEST = 1.6, 4  # mm across a shaded cell, and components from which it is shaded
_PALEST = 0.25
Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Audited:
    """The components that the scatter shows, and what the class's score rests on.

    shares: mean, low and high by region. region, valid, spurious, share: [component], as the regions, `best_valid`,
    `best_spurious` and `signed_share` of `AuditReport`, without neutral and dead components. What is not known, as
    where a checklist has no concept of a kind, stands at zero. limit: the z from which a concept is in a component.
    share_word: what shares are called (see `AuditReport.share_word`).
    """

    target: str | None
    shares: Mapping[str, Sequence[float]]
    limit: float
    names: Sequence[str]
    concepts: Sequence[str | None]
    region: np.ndarray
    valid: Float[np.ndarray, " component"]
    spurious: Float[np.ndarray, " component"]
    share: Float[np.ndarray, " component"]
    share_word: str = "share of relevance"

    @classmethod
    def of(cls, report: AuditReport) -> Audited:
        rows = np.flatnonzero(report.audited & np.isin(report.region, [REGIONS.index(r) for r in VERDICTS]))
        components = report.space.components
        return cls(
            report.target, {r: (i.mean, i.low, i.high) for r, i in report.shares.items()}, report.thresholds.z,
            [str(components[row]) for row in rows.tolist()], [report.concept_of(row) for row in rows.tolist()],
            np.asarray(REGIONS)[report.region[rows]], np.nan_to_num(report.best_valid[rows]),
            np.nan_to_num(report.best_spurious[rows]), np.nan_to_num(report.signed_share[rows]),
            report.share_word,
        )  # fmt: skip

    @classmethod
    def of_document(cls, d: Mapping[str, Any]) -> Audited:
        """From the document of a report, in which `signed` stands beside each component."""
        shown = [c for c in d["components"] if c["region"] in VERDICTS]
        valid, spurious, share = (
            np.asarray([c[name] or 0 for c in shown], float) for name in ("valid", "spurious", "signed")
        )
        names, concepts = [c["component"] for c in shown], [c["concept"] for c in shown]
        region = np.asarray([c["region"] for c in shown], str)
        word = d["relevance"].get("share_word") or cls.share_word
        limit = d["thresholds"]["z"]
        return cls(d["target"], d["shares"], limit, names, concepts, region, valid, spurious, share, word)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def is_dense(self) -> bool:
        return len(self) > _MOST_MARKS

    @property
    def note(self) -> str:
        """What a caption says of shades."""
        if not self.is_dense:
            return ""
        return f" Shaded cells: {_FEWEST} components or more; marks: the {_SINGLE} most relevant, and single ones."

    def most_relevant(self, count: int) -> np.ndarray:
        return np.argsort(-np.abs(self.share), kind="stable")[:count]


def colour_of(sheet: Sheet, region: str) -> str:
    return sheet.theme.verdict(region) if region in VERDICTS else sheet.theme.context


def scatter_figure(audited: Audited, width_mm: Number = MIDDLE) -> Figure:
    """The scatter alone, for a page: components are not written beside their marks, which have titles."""
    return Figure(lambda sheet: scatter(sheet, audited, MARGIN, named=0) + 2 * MARGIN, "", width_mm)


def shares_figure(audited: Audited, width_mm: Number = MIDDLE) -> Figure:
    """The bar of shares alone, without words."""
    return Figure(lambda sheet: _bar(sheet, audited, 0, sheet.width, 0.0, 3.0), "", width_mm)


def curve_figure(points: Sequence[Mapping[str, Any]], width_mm: Number = SINGLE) -> Figure:
    """AUROC against the number of components off, and the range that as many random ones give.

    `points` have number, auroc, random_auroc_low and random_auroc_high, as `Effect.curve_rows()` gives them.
    """
    return Figure(lambda sheet: _curve(sheet, points), "", width_mm)


def _curve(sheet: Sheet, points: Sequence[Mapping[str, Any]]) -> Number:
    theme, left, top, tall = sheet.theme, MARGIN + 9.0, MARGIN + SMALL * PT * 1.8, sheet.width * 0.45
    columns = ("number", "auroc", "random_auroc_low", "random_auroc_high")
    number, own, low, high = np.asarray([[p[name] for name in columns] for p in points], float).T
    ends = float(np.nanmin([own, low, high])), float(np.nanmax([own, low, high]))
    spare = 0.08 * (ends[1] - ends[0]) + 0.002
    up = (ends[0] - spare, ends[1] + spare)
    plot = Plot.on(sheet, left, top, sheet.width - left - MARGIN - 2, tall, (0, max(float(number.max()), 1)), up)
    plot.axes.fill_between(number, low, high, color=theme.null, alpha=0.5, linewidth=0, clip_on=False)
    plot.axes.plot(number, own, "o-", color=theme.spurious, markersize=1.4 / PT, lw=LINE * 2, clip_on=False)
    plot.ticks_beside()
    below = plot.ticks_below()
    sheet.text(MARGIN, MARGIN, "AUROC", SMALL, colour=theme.ink_2)
    words = "components off, most relevant first"
    sheet.text(sheet.width - MARGIN - 2, top + tall + below, words, SMALL, colour=theme.ink_2, align="right")
    return top + tall + below + SMALL * PT * 1.5 + MARGIN


def _bar(sheet: Sheet, audited: Audited, x0: Number, x1: Number, y: Number, height: Number) -> Number:
    """Shares side by side; gives the height."""
    widths = {r: max(audited.shares[r][0], 0) for r in ORDER if r in audited.shares}
    starts = np.cumsum([0.0, *widths.values()])
    plot = Plot.on(sheet, x0, y, x1 - x0, height, (0, starts[-1] or 1))
    colours = [colour_of(sheet, region) for region in widths]
    plot.axes.barh(0.5, list(widths.values()), 1, starts[:-1], color=colours, ec=sheet.theme.bg, lw=LINE, clip_on=False)
    return height


def shares(sheet: Sheet, audited: Audited, y: Number) -> Number:
    """What the class's score rests on: the bar, and its numbers below; gives the height."""
    theme, left, right, start = sheet.theme, MARGIN, sheet.width - MARGIN, y
    title = f"What the {audited.target} score rests on" if audited.target else "What the score rests on"
    sheet.fit(left, y, right - left, title, SMALL, bold=True)
    unit = f"{audited.share_word}, 95 % interval"
    if text_width(title, SMALL, True) + text_width(unit, SMALL) + 3 < right - left:
        sheet.text(right, y, unit, SMALL, colour=theme.ink_2, align="right")
    y += SMALL * PT * 1.7
    y += _bar(sheet, audited, left, right, y, 3.0) + 1.2
    line, x = SMALL * PT * 1.5, left
    shown = [region for region in ORDER if region in audited.shares]
    column = max((right - left) / max(len(shown), 1), 27.0)
    for region in shown:
        mean, low, high = audited.shares[region]
        if x > left and x + column > right + 0.1:
            x, y = left, y + 2 * line + 0.8
        sheet.sign(x + 0.9, y + line / 2, GLYPHS[region], 1.8, colour_of(sheet, region))
        sheet.text(x + 2.6, y + line / 2, region, SMALL, upright="center")
        value = numbers.percent(mean)
        sheet.text(x, y + line * 1.5, value, SMALL, bold=True, upright="center")
        bounds = f"{numbers.fixed(100 * low, 0)} to {numbers.fixed(100 * high, 0)}"
        at = x + text_width(value, SMALL, True) + 1
        sheet.fit(at, y + line * 1.5, x + column - at - 1, bounds, SMALL, colour=theme.ink_2, upright="center")
        x += column
    return y + 2 * line - start


def scatter(sheet: Sheet, audited: Audited, y: Number, named: int = 4) -> Number:
    """Every component: its best spurious z across, its best valid z up, its area by share; gives the height.

    The most relevant are `named` beside their marks, as many as that, where there is room.
    """
    theme, start, line = sheet.theme, y, SMALL * PT * 1.5
    left, right = MARGIN + 7.0, sheet.width - MARGIN - 1
    sheet.text(MARGIN, y, "best valid concept, z", SMALL, colour=theme.ink_2)
    y += line * 1.2
    limit, tall = audited.limit, min((right - left) * 0.62, 75.0)
    ranges = _padded(audited.spurious, limit, 0.06), _padded(audited.valid, limit, 0.1)  # words stand in the corners
    plot = Plot.on(sheet, left, y, right - left, tall, *ranges)
    low_x, low_y = ranges[0][0], ranges[1][0]
    plot.axes.fill_between((low_x, limit), low_y, limit, color=theme.bg_sunk, linewidth=0, clip_on=False)
    plot.axes.axhline(limit, color=theme.ink_2, linewidth=LINE, linestyle=DASHES, clip_on=False)
    plot.axes.axvline(limit, color=theme.ink_2, linewidth=LINE, linestyle=DASHES, clip_on=False)
    most = float(np.abs(audited.share).max(initial=0))
    sizes = np.sqrt(1.2**2 + np.abs(audited.share) / most * (3.6**2 - 1.2**2)) if most else np.full(len(audited), 1.6)
    single = _shaded(plot, audited) if audited.is_dense else np.arange(len(audited))
    for region, shape in _SHAPES.items():
        own = single[audited.region[single] == region]
        plot.marks(audited.spurious[own], audited.valid[own], sizes[own], colour_of(sheet, region), shape,
                   half=region == "ambiguous", titles=[_title(audited, at) for at in own.tolist()])  # fmt: skip
    _named(plot, audited, sizes / 2, _corners(plot, audited), named)
    plot.ticks_beside()
    below = plot.ticks_below(apart=20.0)
    name = "best spurious concept, z"
    sheet.text(right, y + tall + below, name, SMALL, colour=theme.ink_2, align="right")
    if audited.is_dense:
        note = f"shaded: {_FEWEST} components or more" + ", stronger where there are more" * (sheet.width >= 120)
        room = right - MARGIN - text_width(name, SMALL) - 3
        sheet.fit(MARGIN, y + tall + below, room, note, SMALL, colour=theme.ink_2)
    return y + tall + below + line - start


def _title(audited: Audited, at: int) -> str:
    share = f", {audited.share_word} {numbers.signed(float(audited.share[at]))} %" if audited.share[at] else ""
    return f"{audited.names[at]}: {audited.concepts[at] or 'no concept'}{share}"


def _shaded(plot: Plot, audited: Audited) -> np.ndarray:
    """Shades hexagons by how many components lie there, in the colour of most of them; gives those to mark singly.

    These are the most relevant ones, and all in cells of few.
    """
    grid = max(8, round(float(plot.width) / _CELL)), max(4, round(float(plot.height) / _CELL / 3**0.5))
    extent = (*plot.axes.get_xlim(), *plot.axes.get_ylim())
    where: list[np.ndarray] = []

    def keep(members: Any) -> float:
        where.append(np.asarray(members, int))
        return float(len(members))

    cells: Any = plot.axes.hexbin(
        audited.spurious, audited.valid, C=np.arange(len(audited)), gridsize=grid, extent=extent,
        reduce_C_function=keep, mincnt=1, linewidths=0, clip_on=False,
    )  # fmt: skip
    counts = np.asarray([len(members) for members in where])
    colours = np.zeros((len(where), 4))
    shades = _PALEST + (1 - _PALEST) * np.log(np.maximum(counts / _FEWEST, 1)) / np.log(max(counts.max() / _FEWEST, 2))
    for at, members in enumerate(where):
        regions, much = np.unique(audited.region[members], return_counts=True)
        shown = shades[at] if counts[at] >= _FEWEST else 0.0
        colours[at] = (*to_rgb(colour_of(plot.sheet, str(regions[much.argmax()]))), shown)
    cells.set_array(None)
    cells.set_facecolor(colours)
    few = [members for members in where if len(members) < _FEWEST]
    return np.unique(np.concatenate([audited.most_relevant(_SINGLE), *few]))


def _padded(values: np.ndarray, limit: Number, share: Number) -> tuple[float, float]:
    low, high = float(min(values.min(initial=0), limit - 1)), float(max(values.max(initial=0), limit * 1.6))
    spare = float((high - low) * share)
    return low - spare, high + spare


def _corners(plot: Plot, audited: Audited) -> list[Box]:
    """Names and counts of the regions in their corners; the places they take."""
    sheet, line = plot.sheet, SMALL * PT * 1.4
    left, right, top, bottom = plot.x + 1, plot.x + plot.width - 0.5, plot.y + 0.3, plot.y + plot.height - line
    places: tuple[tuple[str, Number, Number, Align], ...] = (
        ("valid", left, top, "left"), ("ambiguous", right, top, "right"),
        ("unexpected", left, bottom, "left"), ("spurious", right, bottom, "right"),
    )  # fmt: skip
    taken = []
    for region, x, y, align in places:
        count = f" {numbers.count(int((audited.region == region).sum()))}"
        first, second = text_width(region, SMALL, True), text_width(count, SMALL)
        start = x if align == "left" else x - first - second
        sheet.plate(start - 0.4, y - 0.1, first + second + 0.8, line)
        sheet.text(start, y, region, SMALL, bold=True, colour=colour_of(sheet, region))
        sheet.text(start + first, y, count, SMALL, colour=sheet.theme.ink_2)
        taken.append((float(start - 1), float(y - 0.3), float(start + first + second + 1), float(y + line)))
    return taken


def _named(plot: Plot, audited: Audited, radii: np.ndarray, taken: list[Box], wanted: int) -> None:
    """The most relevant components by name, beside their mark where the name hides fewest others."""
    sheet, line, named = plot.sheet, SMALL * PT * 1.3, 0
    x, y = plot.place(audited.spurious, audited.valid)
    for at in audited.most_relevant(len(audited)).tolist() if audited.share.any() else ():
        if named == wanted:
            return
        text, concept = audited.names[at], audited.concepts[at]
        if concept and sheet.width >= 120:
            text = f"{text} {concept}"
        width, away = text_width(text, SMALL), float(radii[at]) + 0.6
        best: tuple[int, Box] | None = None
        middle, beside, over = x[at] - width / 2, y[at], away + line / 2
        for start, level in ((x[at] + away, beside), (x[at] - away - width, beside), (middle, beside - over),
                             (middle, beside + over)):  # fmt: skip
            box = (float(start - 0.5), float(level - line / 2), float(start + width + 0.5), float(level + line / 2))
            free = all(box[2] < a or box[0] > c or box[3] < b or box[1] > d for a, b, c, d in taken)
            inside = box[0] >= plot.x and box[2] <= plot.x + plot.width
            if not (free and inside and box[1] >= plot.y and box[3] <= plot.y + plot.height):
                continue
            hidden = (x > box[0] - radii) & (x < box[2] + radii) & (y > box[1] - radii) & (y < box[3] + radii)
            if best is None or hidden.sum() < best[0]:
                best = (int(hidden.sum()), box)
        if best is None:
            continue
        box = best[1]
        sheet.plate(box[0], box[1], width + 1, line)
        sheet.text(box[0] + 0.5, (box[1] + box[3]) / 2, text, SMALL, upright="center")
        taken.append(box)
        named += 1
