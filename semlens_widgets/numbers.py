"""Numbers as tables, reports, figures and windows write them: true minus sign, thousands apart, ties away from zero.

`js/shared/format.js` writes the same in the browser; `tests/numbers.json` holds both to it.
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Decimal, localcontext

Number = float | int
"""What is measured in mm, pt or shares; whole numbers too."""

MINUS = "−"
_FINE = 0.00095  # a share below this would be written as .0 or .1 per cent


def _rounded(size: Number, form: str) -> str:
    """A number that is not negative in a format; ties are rounded up, as JavaScript does."""
    with localcontext() as context:
        context.rounding = ROUND_HALF_UP
        return format(Decimal(float(size)), form)


def fixed(value: Number, digits: int) -> str:
    """With so many digits after the point: 1,234.5, −0.3; never −0.0; a dash for what is no number."""
    if not math.isfinite(value):
        return "–"
    text = _rounded(abs(value), f",.{digits}f")
    return f"{MINUS}{text}" if value < 0 and text.strip("0.,") else text


def with_sign(value: Number, digits: int) -> str:
    """The same with its sign: +1.2, −0.3, 0.0."""
    text = fixed(value, digits)
    return f"+{text}" if math.isfinite(value) and value > 0 and text.strip("0.,") else text


def score(value: Number, digits: int = 3) -> str:
    """A score in [−1, 1] without leading zero: .312, −.04."""
    return re.sub(r"^(−?)0\.", r"\1.", fixed(value, digits))


def z(value: Number) -> str:
    return fixed(value, 1)


def count(value: Number) -> str:
    return fixed(value, 0)


def p(value: Number) -> str:
    """A chance: ".034", "< .001". It is never 0, whatever is left of it in a float."""
    return "< .001" if value < 0.001 else score(value, 3 if value < 0.095 else 2)


def percent(share: Number, digits: int = 0) -> str:
    """A share as a percentage, with a space: 98 %."""
    return f"{fixed(100 * share, digits)} %"


def signed(share: Number) -> str:
    """A share as a percentage without the sign %, with its own: +22.1, −8.9; below .1 with another digit, −0.04."""
    return with_sign(100 * share, _digits(share)) if _is_some(share) else fixed(100 * share, 1)


def unsigned(share: Number) -> str:
    """The same for what has no sign: 22.1, 0.04."""
    return fixed(100 * share, _digits(share)) if _is_some(share) else fixed(100 * share, 1)


def _digits(share: Number) -> int:
    return 1 if abs(share) >= _FINE else 2


def _is_some(share: Number) -> bool:
    """Whether anything of a share is left in its last digit."""
    return math.isfinite(share) and bool(_rounded(abs(100 * share), f".{_digits(share)}f").strip("0."))


def activation(value: Number) -> str:
    """Three significant digits, never scientific below a million."""
    size = abs(value)
    if not math.isfinite(value):
        return "–"
    if size >= 1e6 or 0 < size < 1e-4:
        text = _rounded(size, ".1e").replace("-", MINUS)
        return f"{MINUS}{text}" if value < 0 else text
    return fixed(value, 0 if size >= 100 else 1 if size >= 1 else 2 if size >= 0.1 else 3)
