"""A section of a report: what a measurement says, in paragraphs and tables, and all of it as JSON-ready values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from .intervals import Interval
from .results import finite
from .texts import sendable

Cell = str | int | float | Interval | None


@dataclass(frozen=True)
class Table:
    """A table of a section.

    Parameters
    ----------
    heads
        One for each column.
    rows
        Cells are texts, whole numbers, numbers (shown with two digits), `Interval`s, or None for what is not known.
    title
        What stands above it.
    note
        What stands below it, in small letters.

    Examples
    --------
    >>> table = sl.Table(["", "accuracy"], [["clean", 0.91], ["with rulers", None]], title="By pictures")
    >>> table.to_document()["title"]
    'By pictures'
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows, 1):
            if len(row) != len(self.heads):
                raise ValueError(f"row {number} of {self.title or 'a table'!r} has {len(row)} cells for "
                                 f"{len(self.heads)} columns")  # fmt: skip

    def to_document(self) -> dict[str, Any]:
        """As JSON-ready values; an interval is [mean, low, high]."""
        rows = [[_cell(cell) for cell in row] for row in self.rows]
        return {"heads": list(self.heads), "rows": rows, "title": self.title, "note": self.note}


@dataclass(frozen=True)
class Section:
    """What a measurement adds to a report.

    Parameters
    ----------
    key
        What it is about, once in a report: "performance", "subgroups", "slices", "robustness", "repair", …; the report
        has a place for these, and puts others below "Further measurements".
    title
        Its heading.
    paragraphs, tables
        What people read.
    data
        All that was measured, JSON-ready: it is in the report's JSON and its seal.

    Examples
    --------
    >>> section = sl.Section("lighting", "Lighting", ["Measured under two lamps."])
    >>> section.section() is section
    True
    """

    key: str
    title: str
    paragraphs: Sequence[str] = ()
    tables: Sequence[Table] = ()
    data: Mapping[str, Any] = field(default_factory=dict)

    def section(self) -> Section:
        """Itself."""
        return self

    def to_document(self) -> dict[str, Any]:
        """As JSON-ready values."""
        document = {
            "key": self.key, "title": self.title, "paragraphs": list(self.paragraphs),
            "tables": [table.to_document() for table in self.tables], "data": dict(self.data),
        }  # fmt: skip
        made: dict[str, Any] = sendable(finite(document))
        return made


@runtime_checkable
class Measurement(Protocol):
    """A value that a report has a section for."""

    def section(self) -> Section:
        """What it adds to a report."""


def documents(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """The sections of measurements. TypeError for what has none, ValueError where two are about the same."""
    made: dict[str, dict[str, Any]] = {}
    for measurement in measurements:
        if not isinstance(measurement, Measurement):
            raise TypeError(
                f"a {type(measurement).__name__} has no section of a report; give values with .section(), such as what "
                "lens.robustness() answers; what lens.effect() answers is given as effect="
            )
        section = measurement.section()
        if section.key in made:
            raise ValueError(f"two sections of this report are about {section.key!r}; give one of them")
        made[section.key] = section.to_document()
    return list(made.values())


def _cell(cell: Cell) -> Any:
    if isinstance(cell, Interval):
        return [v if math.isfinite(v) else None for v in map(float, (cell.mean, cell.low, cell.high))]
    if cell is None or isinstance(cell, str | bool):
        return None if cell is None else str(cell)
    return int(cell) if isinstance(cell, int) else float(cell)
