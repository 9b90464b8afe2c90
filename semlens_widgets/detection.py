"""What a test would have missed: the smallest effect that it finds in half of the cases, and how surely that is known.

A test that finds nothing says little until it is known what it could have found. Both tests here are two-sided, at a
level of 5 % unless said otherwise; their power follows from the noncentral t distribution (Cohen, Statistical Power
Analysis for the Behavioral Sciences, 1988, chapter 2).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import chdtri, ndtr, ndtri, stdtrit

from . import numbers
from .numbers import Number
from .texts import plural

ALPHA = 0.05
POWER = 0.5
_NODES = 4000  # quantiles of the error over which power is averaged
_FEWEST = 8  # images; below, the noise itself is hardly known


@dataclass(frozen=True)
class Limit:
    """The detection limit: an effect of this size is found with the chance `power`, a smaller one is missed more often.

    Attributes
    ----------
    value
        In units of `unit`, with its 95 % interval from `low` to `high`: the noise that it follows from is itself
        estimated from the images.
    low, high
        The 95 % interval of the value.
    unit
        Of the value, such as a logit.
    images
        How many images, or pairs of images, stand behind it.
    test
        The test whose power this is, in words.
    what
        What the images are called.
    power, alpha
        The chance of finding such an effect, and of finding one where there is none.

    Examples
    --------
    >>> report = lens.audit(sl.Checklist(spurious=["ruler"]), target="melanoma", progress=False)
    >>> report.limit is None or report.limit.low <= report.limit.value <= report.limit.high
    True
    """

    value: Number
    low: Number
    high: Number
    unit: str
    images: int
    test: str
    what: str = "image"
    power: Number = POWER
    alpha: Number = ALPHA

    @property
    def sentence(self) -> str:
        """What it means, in words."""
        missed = "half the cases" if self.power == 0.5 else f"{1 - self.power:.0%} of cases"
        low, high = (numbers.fixed(end, 2) for end in (self.low, self.high))
        return (
            f"With these {plural(self.images, self.what)} a shortcut that moves the {self.unit} by less than "
            f"{numbers.fixed(self.value, 2)} [{low}, {high}] would be missed in {missed} or more ({self.test})"
        )

    def __repr__(self) -> str:
        return f"{self.sentence}."

    def to_document(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {
            "value": self.value, "low": self.low, "high": self.high, "unit": self.unit, "images": self.images,
            "what": self.what, "test": self.test, "power": self.power, "alpha": self.alpha, "sentence": self.sentence,
        }  # fmt: skip


@functools.cache
def noncentrality(freedom: Number, power: Number = POWER, alpha: Number = ALPHA) -> float:
    """How many standard errors an effect must measure for a two-sided t test of so many degrees of freedom to find it
    with this power."""
    critical = float(stdtrit(freedom, 1 - alpha / 2))
    shares = (np.arange(_NODES) + 0.5) / _NODES
    line = critical * np.sqrt(chdtri(freedom, shares) / freedom)  # what the estimate must exceed, in true errors
    low, high = 0.0, critical + 10
    for _ in range(60):
        middle = (low + high) / 2
        found = float((ndtr(middle - line) + ndtr(-middle - line)).mean())
        low, high = (low, middle) if found >= power else (middle, high)
    return (low + high) / 2


def paired_limit(
    differences: Float[np.ndarray, " pair"], unit: str, *, power: Number = POWER, alpha: Number = ALPHA
) -> Limit | None:
    """The limit of the paired t test of a mean difference over these pairs; None for fewer than 8.

    Its interval is that of the standard deviation: of Bonett (2006, Computational Statistics & Data Analysis 50), which
    allows for distributions with heavier or lighter tails than the normal one.
    """
    n = len(differences)
    if n < _FEWEST:
        return None
    size = noncentrality(n - 1, power, alpha) / math.sqrt(n)
    sd, low, high = spread_with_interval(differences)
    return Limit(size * sd, size * low, size * high, unit, n, f"paired t test at {alpha:.0%}", "pair", power, alpha)


def spread_with_interval(values: Float[np.ndarray, " value"]) -> tuple[float, float, float]:
    """(standard deviation, low, high): Bonett's 95 % interval for it, from at least 8 values."""
    values = np.asarray(values, np.float64)
    n, variance = len(values), float(values.var(ddof=1))
    if variance == 0:
        return 0.0, 0.0, 0.0
    trim = int(n / (2 * math.sqrt(n - 4)))
    middle = float(np.sort(values)[trim : n - trim].mean())
    kurtosis = n * float(((values - middle) ** 4).sum()) / ((n - 1) * variance) ** 2
    z = float(ndtri(0.975))
    scale = n / (n - z)
    error = scale * math.sqrt(max(kurtosis - (n - 3) / n, 0) / (n - 1))
    ends = (math.sqrt(math.exp(math.log(scale * variance) + sign * z * error)) for sign in (-1, 1))
    return math.sqrt(variance), *ends  # type: ignore[return-value]


@dataclass(frozen=True, eq=False)
class Slopes:
    """What least squares says of every predictor, the others being equal, with errors that allow for noise of different
    size in different images.

    slope, error: [predictor], and its standard error (HC3: MacKinnon & White 1985, J. Econometrics 29).
    freedom:      [predictor], of the t distribution that slope / error follows (Bell & McCaffrey 2002, Survey
                  Methodology 28): few where few images show a thing, however many images there are.
    told_apart:   [predictor], whether the predictor is no mixture of the others.
    """

    slope: Float[np.ndarray, " predictor"]
    error: Float[np.ndarray, " predictor"]
    freedom: Float[np.ndarray, " predictor"]
    told_apart: np.ndarray
    images: int

    def interval(self, predictor: int, alpha: Number = ALPHA) -> tuple[float, float]:
        """The interval of one slope that holds the true one in 1 - `alpha` of cases."""
        off = float(stdtrit(self.freedom[predictor], 1 - alpha / 2)) * float(self.error[predictor])
        return float(self.slope[predictor]) - off, float(self.slope[predictor]) + off

    def limit(
        self, predictor: int, unit: str, *, power: Number = POWER, alpha: Number = ALPHA
    ) -> Limit | None:
        """The limit of the t test of one slope; None where the predictor cannot be told from the others.

        Its interval is that of the standard error: error² · freedom / σ² follows a chi-square distribution.
        """
        freedom, error = float(self.freedom[predictor]), float(self.error[predictor])
        if not self.told_apart[predictor] or not math.isfinite(freedom) or freedom < 2:
            return None
        value = noncentrality(freedom, power, alpha) * error
        low, high = (value * math.sqrt(freedom / float(chdtri(freedom, share))) for share in (0.025, 0.975))
        test = f"least squares, t test at {alpha:.0%}"
        return Limit(value, low, high, unit, self.images, test, "image", power, alpha)


def least_squares(
    predictors: Float[np.ndarray, "image predictor"], outcome: Float[np.ndarray, " image"], max_vif: Number = 10
) -> Slopes:
    """The slopes of an outcome on all predictors at once, with an intercept. A predictor that the others explain (a
    variance inflation above `max_vif`) is not told apart."""
    predictors, outcome = np.asarray(predictors, np.float64), np.asarray(outcome, np.float64)
    images = len(predictors)
    design = predictors - predictors.mean(0)
    spread = np.maximum((design**2).sum(0), 1e-12)
    inverse = np.linalg.pinv(design.T @ design, hermitian=True)
    pull = design @ inverse  # [image predictor]: what each image's outcome adds to each slope
    slope = pull.T @ outcome
    left = outcome - outcome.mean() - design @ slope
    hat = pull @ design.T + 1 / images
    leverage = np.minimum(np.diag(hat), 0.99)
    weight = pull**2 / (1 - leverage[:, None]) ** 2
    error = np.sqrt(weight.T @ left**2)
    rest = np.eye(images) - hat
    first = np.diag(rest) @ weight
    second = (weight * (rest**2 @ weight)).sum(0)
    alike = (design / np.sqrt(spread)).T @ (design / np.sqrt(spread)) + 1e-6 * np.eye(len(spread))
    told_apart = (np.diag(np.linalg.inv(alike)) <= max_vif) & (spread > 1e-9)
    freedom = np.where(second > 0, first**2 / np.maximum(second, 1e-300), np.nan)
    return Slopes(slope, error, freedom, told_apart, images)
