"""Text for people: chances and numbers of things; tables no spreadsheet runs as formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def p_value(p: float) -> str:
    """A chance as it is written everywhere: ".034", "< .001". It is never 0, whatever is left of it in a float."""
    return "< .001" if p < 0.001 else f"{p:.{3 if p < 0.095 else 2}f}".removeprefix("0")


def p_equals(p: float) -> str:
    """The same in a sentence: "p = .034", "p < .001"."""
    return f"p {p_value(p)}" if p < 0.001 else f"p = {p_value(p)}"


def plural(number: int, noun: str) -> str:
    """So many of something: "1 verdict", "1,024 components"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def to_csv(rows: Sequence[dict[str, Any]], columns: Sequence[str] | None = None) -> str:
    """Dicts as CSV text. Texts that a spreadsheet would take for a formula are led by an apostrophe."""
    columns = list(columns or (rows[0] if rows else ()))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _inert(row.get(name)) for name in columns} for row in rows)
    return text.getvalue()


def from_csv(text: str) -> list[dict[str, str]]:
    """The rows of CSV text by its first line; the apostrophes of `to_csv` are taken off again."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    return [{str(k).strip(): _meant(v or "") for k, v in row.items() if k is not None} for row in reader]


def _inert(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _meant(value: str) -> str:
    return value[1:] if value.startswith("'") and _FORMULA.match(value) else value
