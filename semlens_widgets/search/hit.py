"""What every hit is, and what it is held against: one component that came close, and chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from ..components import Component
from ..space import score_at
from ..texts import p_equals

HIT_ALPHA = 0.01  # a hit lies above the null: one random set of images in a hundred is as like the probe
Z_CRITICAL = 2.3263478740408408  # the same in standard deviations of a normal distribution
Z_OF_TWO = 2.5749614555905223  # of the larger of two kinds of evidence, for the same p corrected for there being two
Evidence = Literal["examples", "activations", "both"]
BY: tuple[Evidence, ...] = get_args(Evidence)
BY_EVIDENCE: tuple[Evidence | None, ...] = (None, "examples", "activations", "both")  # by what `Matches.evidence` says


@dataclass(frozen=True)
class Hit:
    """One component that came close. `Matches.found` weighs all that is said here.

    Attributes
    ----------
    component
        The component.
    row
        Its row in the space.
    score
        The cosine of probe and component, -1 to 1.
    z
        How many standard deviations chance lies below.
    p
        How often chance does as well, for this component alone.
    by
        Which evidence lies above chance: its strongest "examples", its "activations" over all sampled images, "both",
        or None.
    z_examples, z_activations
        Those of each evidence alone; None where it was not asked for.

    Examples
    --------
    >>> hit = lens.search("ruler")[0]
    >>> str(hit.component).startswith("layer"), hit.p <= .01
    (True, True)
    """

    component: Component
    row: int
    score: float
    z: float
    p: float
    by: Evidence | None = "examples"
    z_examples: float | None = None
    z_activations: float | None = None

    def __str__(self) -> str:
        by = f"  by {self.by}" if self.by in ("activations", "both") else ""
        return f"{self.component!s:<16} {self.score:+.3f}  z={self.z:4.1f}  {p_equals(self.p)}{by}"


@dataclass(frozen=True, eq=False)
class Null:
    """What the same probe scores on random sets of as many images: per hit, mean, deviation and skewness.

    `sets` are the scores of the sets of k images beside the best hit, for drawing; `deviates` the same as z.
    """

    mean: Float[np.ndarray, " hit"]
    sd: Float[np.ndarray, " hit"]
    skewness: Float[np.ndarray, " hit"]
    sets: Float[np.ndarray, " set"]
    deviates: Float[np.ndarray, " set"]

    @property
    def at_p01(self) -> Float[np.ndarray, " hit"]:
        """The score of each hit that one random set in a hundred exceeds."""
        return score_at(Z_CRITICAL, self.mean, self.sd, self.skewness)
