"""Numbers as the windows write them: true minus sign, scores without leading zero."""

from __future__ import annotations

import math

Number = float | int
"""What is measured in mm, pt or shares; whole numbers too."""

MINUS = "−"


def fixed(value: Number, digits: int) -> str:
    if not math.isfinite(value):
        return "–"
    text = f"{abs(value):,.{digits}f}"
    return f"{MINUS}{text}" if value < 0 and float(text.replace(",", "")) != 0 else text


def score(value: Number, digits: int = 3) -> str:
    """A score in [−1, 1] without leading zero: .312, −.04."""
    text = fixed(value, digits)
    return text.replace("0.", ".", 1) if text.lstrip(MINUS).startswith("0.") else text


def z(value: Number) -> str:
    return fixed(value, 1)


def count(value: Number) -> str:
    return f"{round(value):,}"


def percent(share: Number, digits: int = 0) -> str:
    """A share as a percentage, with a space: 98 %."""
    return f"{fixed(100 * share, digits)} %"


def signed(share: Number) -> str:
    """A share as a percentage without the sign %, with its own: +22.1, −8.9; below .1 with another digit, −0.04."""
    text = fixed(100 * share, 1 if abs(share) >= 0.00095 else 2)
    if not math.isfinite(share):
        return text
    return "0.0" if not text.strip(f"{MINUS}0.") else f"+{text}" if share > 0 else text


def activation(value: Number) -> str:
    """Three significant digits, never scientific below a million."""
    size = abs(value)
    if not math.isfinite(value):
        return "–"
    if size >= 1e6 or 0 < size < 1e-4:
        return f"{value:.1e}".replace("-", MINUS)
    return fixed(value, 0 if size >= 100 else 1 if size >= 1 else 2 if size >= 0.1 else 3)
