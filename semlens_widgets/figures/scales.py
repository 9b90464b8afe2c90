"""From data to millimetres, and the ticks of an axis."""

from __future__ import annotations

import math
from collections.abc import Callable

from .. import numbers
from ..numbers import Number
from .sheet import PT, SMALL, Sheet, text_width


def linear(domain: tuple[Number, Number], span: tuple[Number, Number]) -> Callable[[Number], Number]:
    """A line; a domain without width maps to the middle of the span."""
    (low, high), (start, end) = domain, span
    if low == high:
        return lambda value: (start + end) / 2
    return lambda value: start + (float(value) - low) / (high - low) * (end - start)


def ticks(domain: tuple[Number, Number], wanted: Number) -> tuple[Number, list[Number]]:
    """(step, values): round values, 1, 2 or 5 times a power of ten, inside a domain; about as many as wanted."""
    low, high = domain
    raw = (high - low) / max(1.0, wanted)
    if not raw > 0 or not math.isfinite(raw):
        return 1.0, [low]
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next((factor for factor in (1, 2, 5) if factor * power >= raw * (1 - 1e-9)), 10)
    first = math.ceil(low / step - 1e-9)
    return step, [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def axis(
    sheet: Sheet,
    x0: Number,
    x1: Number,
    y: Number,
    domain: tuple[Number, Number],
    *,
    name: str = "",
    signed: bool = False,
    write: Callable[[Number], str] | None = None,
) -> Number:
    """A horizontal axis at y with ticks and its name at the right end; gives the height below the line."""
    theme, place = sheet.theme, linear(domain, (x0, x1))
    name_start = x1 - text_width(name, SMALL) - 1 if name else x1 + 99
    step, values = ticks(domain, max(2.0, (x1 - x0) / 14))
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    sheet.line([(x0, y), (x1, y)], theme.line_strong)
    for value in values:
        at = place(value)
        text = write(value) if write else numbers.fixed(value, digits)
        text = "0" if abs(value) < step * 1e-6 else f"+{text}" if signed and value > 0 else text
        half = text_width(text, SMALL) / 2
        sheet.line([(at, y), (at, y + 0.8)], theme.line_strong)
        if at - half >= x0 - 1 and at + half <= name_start and at + half <= sheet.width:
            sheet.text(at, y + 1.2, text, SMALL, colour=theme.ink_2, align="center")
    if name:
        sheet.text(x1, y + 1.2, name, SMALL, colour=theme.ink_2, align="right")
    return 1.2 + SMALL * PT * 1.25
