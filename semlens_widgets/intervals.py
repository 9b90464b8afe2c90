"""A number with the range it may lie in: what every measurement answers with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Interval:
    """A number, and the range that holds 95 % of what resampling makes of it. NaN where nothing could be measured."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))


def of_few(values: Float[np.ndarray, " value"]) -> Interval:
    """The mean of a few independent numbers with Student's interval, which stays honest for three or four of them.

    Of a single number the range is unknown; of none, or where one is not finite, all is.
    """
    values = np.asarray(values, np.float64)
    if not len(values) or not np.isfinite(values).all():
        return UNKNOWN
    mean = float(values.mean())
    if len(values) == 1:
        return Interval(mean, float("nan"), float("nan"))
    from scipy.stats import t

    wide = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Interval(mean, mean - wide, mean + wide)
