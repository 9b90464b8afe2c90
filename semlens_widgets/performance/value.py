"""The value: how right a model is, overall and for whom, and where its components say that it is worse."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Int

from .. import numbers
from ..intervals import Interval
from ..results import Result, finite
from ..sections import Cell, Section, Table
from ..texts import p_equals, plural
from .measures import COMPARED, MEASURES, OF_CLASS, WRITTEN, Bin, ClassMeasures, Measure, Measures

LEVEL = 0.05
_SHOWN = 12  # of rows in a text


@dataclass(frozen=True)
class Gap:
    """By how much a measure is higher in some images than in the others they are held against.

    p:        two-sided, of this difference alone: the level at which its interval reaches zero.
    p_family: corrected for all differences that were looked at in one `Performance` (Holm 1979).
    """

    measure: Measure
    inside: Interval
    outside: Interval
    difference: Interval
    p: float
    p_family: float

    @property
    def worse(self) -> bool:
        """Whether the model is surely worse here, however many groups were looked at."""
        return bool(self.difference.mean < 0 and self.p_family <= LEVEL)

    @property
    def sentence(self) -> str:
        inside, outside = (numbers.score(i.mean, 3) for i in (self.inside, self.outside))
        by = numbers.with_sign(self.difference.mean, 2)
        ends = ", ".join(numbers.with_sign(end, 2) for end in (self.difference.low, self.difference.high))
        return f"{WRITTEN[self.measure]} {inside} against {outside} ({by} [{ends}], {p_equals(self.p_family)})"


@dataclass(frozen=True, eq=False)
class Subgroup:
    """The images with one value in one column of the metadata, against all others for which it is stated.

    reliance: the share of the target's relevance that rests on spurious components in these images, with its 95 %
              interval (Student's); None where that is not known. `reliance_images` stand behind it.
    """

    column: str
    value: str
    measures: Measures
    gaps: tuple[Gap, ...]
    reliance: Interval | None = None
    reliance_images: int = 0

    @property
    def name(self) -> str:
        return f"{self.column}: {self.value}"

    @property
    def title(self) -> str:
        """Its name, as of a slice."""
        return self.name

    @property
    def worse(self) -> tuple[Gap, ...]:
        """In what the model is surely worse here, the largest difference first."""
        return _worse(self.gaps)


@dataclass(frozen=True, eq=False)
class Slice:
    """The images in which the components of a concept, or one unexpected component, are strong, against those in which
    they are weak.

    kind:       what the components are to the audit: "spurious", "neutral", "ambiguous" or "unexpected".
    components: which. images: the numbers of the images in which they are strong.
    where:      the subgroup within which both are compared, such as "site: B"; "" for all images.
    told_apart: whether the responses fall into two groups; else the images are the strongest twentieth.
    """

    name: str
    kind: str
    components: tuple[str, ...]
    images: Int[np.ndarray, " image"]
    measures: Measures
    gaps: tuple[Gap, ...]
    where: str = ""
    told_apart: bool = True

    @property
    def title(self) -> str:
        return f"{self.name} strong{f', {self.where}' if self.where else ''}"

    @property
    def worse(self) -> tuple[Gap, ...]:
        """In what the model is surely worse here, the largest difference first."""
        return _worse(self.gaps)


def _worse(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    return tuple(sorted((gap for gap in gaps if gap.worse), key=lambda gap: gap.difference.mean))


@dataclass(frozen=True, eq=False)
class Performance(Result):
    """How right a model is on labelled images: overall, per class, per subgroup, and in slices that components propose.

    Intervals are 95 %: of shares Wilson's, of AUROCs Newcombe's, of differences both put together, of the Brier score
    Student's, the calibration error's is about what is left of it without chance; means over classes are resampled
    within their classes.

    Attributes
    ----------
    target
        The class that AUROC, sensitivity and specificity are about; None for means over the classes.
    kind
        What the model's outputs mean, as `outputs=` says.
    overall
        What is measured of all images: `overall.auroc.mean`, `.low`, `.high`, and so for "accuracy", "sensitivity",
        "specificity", "brier" and "ece".
    classes
        Each class against the others.
    reliability
        How often the model is right, by its confidence.
    subgroups
        One for each value of each column, with `measures`, `gaps` against all others, and `worse`.
    slices
        Images in which components are strong, with `measures`, `gaps` against those in which they are weak, `worse`.
    tests
        How many differences were looked at, which every `p_family` is corrected for.
    reliance
        The share of the target's relevance on spurious components; None where that is not known.
    notes
        What was left out, and why something is not known.

    Examples
    --------
    >>> found = lens.performance(slices=False, reliance=False, progress=False)
    >>> found.target, found.overall.images
    ('melanoma', 150)
    """

    target: str | None
    kind: str
    overall: Measures
    classes: tuple[ClassMeasures, ...]
    reliability: tuple[Bin, ...]
    subgroups: tuple[Subgroup, ...] = ()
    slices: tuple[Slice, ...] = ()
    tests: int = 0
    reliance: Interval | None = None
    notes: tuple[str, ...] = field(default=())

    def __getitem__(self, name: str) -> Subgroup | Slice:
        """A subgroup by its name, "sex: female", or a slice by its title or name, "ruler". KeyError names what there
        is."""
        known: dict[str, Subgroup | Slice] = {s.name: s for s in reversed(self.slices)}
        known |= {s.title: s for s in self.slices} | {s.name: s for s in self.subgroups}
        if name not in known:
            listed = ", ".join([s.name for s in self.subgroups] + [s.title for s in self.slices][:_SHOWN])
            raise KeyError(f"no subgroup or slice {name!r}; there are {listed or 'none'}")
        return known[name]

    def worst(self, measure: Measure = "auroc") -> Subgroup | None:
        """The subgroup in which a measure is lowest, of "brier" and "ece" highest.

        Of many small groups one is always low by chance: its interval, and whether `worse` names the measure, say more
        than its rank.

        Parameters
        ----------
        measure
            By which: "accuracy", "auroc", "sensitivity", "specificity", "brier" or "ece".

        Returns
        -------
        Subgroup
            The worst one; None where the measure is known of none.
        """
        known = [s for s in self.subgroups if np.isfinite(s.measures[measure].mean)]
        sign = -1 if measure in ("brier", "ece") else 1
        return min(known, key=lambda s: sign * s.measures[measure].mean, default=None)

    @property
    def worse(self) -> tuple[Subgroup | Slice, ...]:
        """Subgroups and slices in which the model is surely worse, the largest difference first."""
        parts: list[Subgroup | Slice] = [*self.subgroups, *self.slices]
        found = [part for part in parts if part.worse]
        return tuple(sorted(found, key=lambda part: part.worse[0].difference.mean))

    # tables and text

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict for all images, for each class, subgroup and slice: measures with intervals, differences with p.

        Returns
        -------
        list
            The dicts, all with the same keys.
        """
        rows = [{"part": "all", "name": "all images", **self.overall.to_row(), "reliance": _mean(self.reliance)}]
        for c in self.classes:
            made = {f"{m}{end}": getattr(getattr(c, m), key) for m in ("auroc", "sensitivity", "specificity")
                    for end, key in (("", "mean"), ("_low", "low"), ("_high", "high"))}  # fmt: skip
            rows.append({"part": "class", "name": c.name, "images": self.overall.images, "positives": c.images, **made})
        rows += [
            {"part": "subgroup", "name": s.name, **s.measures.to_row(), "reliance": _mean(s.reliance), **_gaps(s.gaps)}
            for s in self.subgroups
        ]
        rows += [
            {"part": "slice", "name": s.title, **s.measures.to_row(), "kind": s.kind, **_gaps(s.gaps)}
            for s in self.slices
        ]
        keys = dict.fromkeys(key for row in rows for key in row)
        return [{key: row.get(key) for key in keys} for row in rows]

    def to_document(self) -> dict[str, Any]:
        """As JSON-ready values: all that a report needs to say it again.

        Returns
        -------
        dict
            Values of JSON; None for what is not known.
        """
        return finite({
            "target": self.target, "kind": self.kind, "message": self.message, "notes": list(self.notes),
            "tests": self.tests, "overall": self.overall.to_row() | {"reliance": _mean(self.reliance)},
            "classes": [row for row in self.to_rows() if row["part"] == "class"],
            "subgroups": [
                {"column": s.column, "value": s.value, **s.measures.to_row(), "why": dict(s.measures.why),
                 "reliance": _ends(s.reliance), "reliance_images": s.reliance_images,
                 "gaps": [_gap(g) for g in s.gaps]}
                for s in self.subgroups
            ],
            "slices": [
                {"name": s.name, "kind": s.kind, "where": s.where, "components": list(s.components),
                 "told_apart": s.told_apart, **s.measures.to_row(), "gaps": [_gap(g) for g in s.gaps]}
                for s in self.slices
            ],
            "reliability": [
                {"low": b.low, "high": b.high, "images": b.images, "confidence": b.confidence, "right": _ends(b.right)}
                for b in self.reliability
            ],
        })  # fmt: skip

    def to_json(self) -> str:
        """The document as JSON text.

        Returns
        -------
        str
            JSON; null for what is not known.
        """
        return json.dumps(self.to_document(), ensure_ascii=False, indent=1, allow_nan=False)

    def section(self) -> Section:
        """What it adds to a report: performance over all images and by class, with intervals.

        Returns
        -------
        Section
            With the key "performance"; `groups` is that of subgroups and slices.
        """
        measures: list[list[Cell]] = [[WRITTEN[m], self.overall[m], self.overall.why.get(m, "")] for m in MEASURES]
        classes: list[list[Cell]] = [[c.name, c.images, c.sensitivity, c.specificity, c.auroc] for c in self.classes]
        bins: list[list[Cell]] = [
            [f"{b.low:.2f} to {b.high:.2f}", b.images, b.confidence, b.right] for b in self.reliability
        ]
        return Section(
            "performance", "Performance", [self.message],
            [Table(["measure", "found", ""], measures, f"{plural(self.overall.images, 'image')}, 95 % intervals"),
             Table(["class", "images", *(WRITTEN[m] for m in OF_CLASS)], classes, "Each class against the others"),
             Table(["confidence", "images", "mean confidence", "right"], bins, "Reliability")],
            self.to_document(),
        )  # fmt: skip

    @property
    def groups(self) -> Section | None:
        """What a report says of subgroups and slices, with the key "subgroups"; None where there are none."""
        if not self.subgroups and not self.slices:
            return None
        heads = ["images of", "number", *(WRITTEN[m] for m in COMPARED), "surely worse in"]
        tables = []
        for title, parts in (("Subgroups", self.subgroups), ("Slices that components propose", self.slices)):
            rows: list[list[Cell]] = [
                [part.title, part.measures.images, *(part.measures[m] for m in COMPARED),
                 ", ".join(WRITTEN[gap.measure] for gap in part.worse)]
                for part in parts
            ]  # fmt: skip
            if rows:
                tables.append(Table(heads, rows, title, f"p by Holm over {plural(self.tests, 'difference')}"))
        if any(s.reliance is not None for s in self.subgroups):
            rests: list[list[Cell]] = [[s.name, s.reliance_images, s.reliance] for s in self.subgroups]
            title = "Reliance on spurious components"
            tables.append(Table(["images of", "explained", "share of relevance"], rests, title))
        found = [f"{part.title}: {gap.sentence}." for part in self.worse for gap in part.worse[:1]]
        return Section("subgroups", "Performance in subgroups", found or ["Surely worse in none."], tables)

    @property
    def message(self) -> str:
        """The result in plain words."""
        o = self.overall
        of = f" for {self.target}" if self.target is not None else ", means over the classes"
        told = [
            f"{plural(o.images, 'image')}{of}: "
            + ", ".join(f"{WRITTEN[m]} {_shown(o[m])}" for m in MEASURES if np.isfinite(o[m].mean))
            + "."
        ]
        if self.subgroups or self.slices:
            parts = [plural(len(x), what) for x, what in ((self.subgroups, "subgroup"), (self.slices, "slice")) if x]
            found = self.worse
            head = f"{' and '.join(parts)}, {plural(self.tests, 'difference')} looked at (p by Holm over all of them): "
            if not found:
                told.append(f"{head}in none the model is surely worse.")
            else:
                listed = [f"{part.title}: {part.worse[0].sentence}" for part in found[:_SHOWN]]
                more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
                told.append(f"{head}the model is surely worse in {'; '.join(listed)}{more}.")
        return " ".join([*told, *(f"{note[0].upper()}{note[1:]}." for note in self.notes)])

    def __repr__(self) -> str:
        lines = [self.message]
        for name, images, measures, reliance, worse in self._lines():
            told = "  ".join(f"{name[:4]} {_short(measures[name])}" for name in COMPARED)
            rests = "" if reliance is None else f"  reliance {reliance.mean:.1%}"
            lines.append(f"  {name[:34]:<34} {images:>6,}  {told}{rests}{'  worse' if worse else ''}")
        return "\n".join(lines)

    def _lines(self) -> list[tuple[str, int, Measures, Interval | None, bool]]:
        made: list[tuple[str, int, Measures, Interval | None, bool]] = [
            ("all images", self.overall.images, self.overall, self.reliance, False)
        ]
        made += [(s.name, s.measures.images, s.measures, s.reliance, bool(s.worse)) for s in self.subgroups]
        made += [(s.title, s.measures.images, s.measures, None, bool(s.worse)) for s in self.slices]
        return made

    def _repr_html_(self) -> str:
        cells = ""
        for name, images, measures, reliance, worse in self._lines():
            shown = "".join(
                f'<td title="{escape(measures.why.get(m, ""))}">{_shown(measures[m])}</td>' for m in MEASURES
            )
            rests = "" if reliance is None else _shown(reliance)
            mark = "<b>worse</b>" if worse else ""
            cells += f"<tr><td>{escape(name)}</td><td>{images:,}</td>{shown}<td>{rests}</td><td>{mark}</td></tr>"
        listed = ("images of", "number", *(WRITTEN[m] for m in MEASURES), "reliance", "")
        heads = "".join(f"<th>{h}</th>" for h in listed)
        return f"<p>{escape(self.message)}</p><table><tr>{heads}</tr>{cells}</table>"


def _shown(interval: Interval) -> str:
    if not np.isfinite(interval.mean):
        return "–"
    mean, low, high = (numbers.score(v, 3) for v in (interval.mean, interval.low, interval.high))
    return f"{mean} [{low}, {high}]"


def _short(interval: Interval) -> str:
    return numbers.score(interval.mean, 3) if np.isfinite(interval.mean) else "   –"


def _mean(interval: Interval | None) -> float | None:
    return None if interval is None else interval.mean


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.mean, interval.low, interval.high]


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "measure": gap.measure, "inside": _ends(gap.inside), "outside": _ends(gap.outside),
        "difference": _ends(gap.difference), "p": gap.p, "p_family": gap.p_family, "worse": gap.worse,
    }  # fmt: skip


def _gaps(gaps: Iterable[Gap]) -> Mapping[str, Any]:
    made: dict[str, Any] = {}
    for gap in gaps:
        name, d = f"{gap.measure}_difference", gap.difference
        made |= {name: d.mean, f"{name}_low": d.low, f"{name}_high": d.high, f"{gap.measure}_p_family": gap.p_family}
    return made
