"""Rows as CSV text and back: nothing a spreadsheet would run as a formula, nothing lost on the way."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


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
