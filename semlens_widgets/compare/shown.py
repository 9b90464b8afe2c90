"""How results of a comparison are written: tables, numbers, JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def more(count: int) -> str:
    return f"\n  … and {count:,} more" if count > 0 else ""


def number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """An HTML table of cells that are escaped already; nothing where there are no rows."""
    if not rows:
        return ""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return "<table><tr>" + "".join(f"<th>{cell}</th>" for cell in head) + f"</tr>{body}</table>"


def _nullable(values: Any) -> Any:
    """The same nested values with lists for arrays and None for NaN, as JSON wants them."""
    if isinstance(values, Mapping):
        return {key: _nullable(value) for key, value in values.items()}
    if isinstance(values, list | tuple | np.ndarray):
        return [_nullable(value) for value in values]
    if isinstance(values, float | np.floating):
        return None if np.isnan(values) else float(values)
    return values


def json_text(values: Any) -> str:
    return json.dumps(_nullable(values), allow_nan=False)
