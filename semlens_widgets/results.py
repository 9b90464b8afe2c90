"""What every result can do besides its own: its rows as CSV and as JSON, and a figure."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from . import texts


@runtime_checkable
class Drawing(Protocol):
    """What a result needs of its figure; `semlens_widgets.figures.Figure` is one."""

    def save(self, path: str | os.PathLike[str], *, dpi: float = 300, width_mm: float | None = None) -> Path:
        """Write `x.pdf`, `x.svg` or `x.png`; the ending says which."""

    def caption(self) -> str:
        """What the figure shows, and what it was made from."""


class Result:
    """A result with rows. `to_rows` is its own; a kind with more to tell than rows has a `to_json` of its own."""

    _draw: ClassVar[Callable[..., Drawing]]  # set in the package's `__init__`: results know nothing of figures

    def to_rows(self) -> list[dict[str, Any]]:
        raise NotImplementedError

    def to_csv(self) -> str:
        """The rows as CSV text. Texts a spreadsheet would run as a formula are led by an apostrophe."""
        return texts.to_csv(self.to_rows())

    def to_json(self) -> str:
        """The rows as JSON text; NaN and infinity become null."""
        return json.dumps([finite(row) for row in self.to_rows()], ensure_ascii=False, indent=1, allow_nan=False)

    def figure(self, **options: Any) -> Drawing:
        """The result as a figure: `.save("x.pdf")`, `.svg` or `.png`, and `.caption()`.

        width_mm: 85 and 180 are the columns of most journals. theme: "print", "light" or "dark". Further options are
        those of its kind in `semlens_widgets.figures`.
        """
        return self._draw(self, **options)


def finite(value: Any) -> Any:
    """The value with None in place of NaN and infinity, which JSON has not, and lists in place of tuples."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value
