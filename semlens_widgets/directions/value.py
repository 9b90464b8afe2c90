"""The value: a direction of a layer's features that stands for a concept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Float

from ..model import Layer, Place
from ..vectors import frozen


@dataclass(frozen=True)
class Sensitivity:
    """Whether a step along a direction raises a target (after TCAV, Kim et al. 2018).

    Attributes
    ----------
    target
        What is raised.
    share
        Of the pictures that show the concept, in which the target's slope along the direction is positive: the score of
        TCAV. Where all above the layer is nearly linear it is 0 or 1 for any direction; the slope tells more.
    slope
        By how much the target would rise, going on as it begins, for a step as long as pictures that show the concept
        lie from the others; the mean over the pictures.
    line
        The 2.5 % and 97.5 % of the same along directions between random groups of the same pictures.
    p
        How often such a one is as steep, up or down.
    pictures
        How many were looked at.

    Examples
    --------
    >>> model = sl.demo.classifier()
    >>> data = sl.images(sl.demo.images(40), transform=sl.demo.transform(), classes=sl.demo.CLASS_NAMES)
    >>> patch = sl.direction(model, data, "layer4", from_images=sl.demo.pairs("patch", 20), target="nevus", rounds=20)
    >>> patch.sensitivity.share
    1.0
    """

    target: str
    share: float
    slope: float
    line: tuple[float, float]
    p: float
    pictures: int

    def __repr__(self) -> str:
        return (
            f"raises {self.target} in {self.share:.0%} of {self.pictures} pictures, by {self.slope:+.3g} for its step "
            f"(random directions {self.line[0]:+.3g} to {self.line[1]:+.3g}, p = {self.p:.3g})"
        )


@dataclass(frozen=True, eq=False)
class Direction:
    """A concept as a direction of a layer's features: `direction.layer` is the component, for `layers=[…]`.

    Its responses are features along the vector; switched off, features keep what lies across it.

    Attributes
    ----------
    name
        What it is of.
    asked
        The layer.
    kind
        "mean-difference" or "logistic".
    vector
        [feature], of length one, towards pictures that show the concept.
    auroc
        How surely it tells pictures that it was not made from, by cross-validation: .5 is chance.
    line
        95 % of the directions between random groups of the same pictures stay below.
    p
        How often a random one does as well.
    shown, others
        How many pictures show the concept, and how many do not.
    source
        What said which pictures these are.
    sensitivity
        Whether a step along it raises a target, where one was given.

    Examples
    --------
    >>> model, data = sl.demo.classifier(), sl.images(sl.demo.images(40), transform=sl.demo.transform())
    >>> found = sl.direction(model, data, "layer4", from_images=sl.demo.pairs("ruler", 20), rounds=20)
    >>> found.layer.name, found.significant
    ('layer4.ruler', True)
    """

    name: str
    asked: Layer
    kind: str
    vector: Float[np.ndarray, " feature"] = field(repr=False)
    auroc: float
    line: float
    p: float
    shown: int
    others: int
    source: str
    sensitivity: Sensitivity | None = None

    def __post_init__(self) -> None:
        vector = np.asarray(self.vector, np.float32)
        if vector.ndim != 1 or not np.isfinite(vector).all() or not vector.any():
            raise ValueError(f"a direction is a finite vector [feature] and not zero; not one of shape {vector.shape}")
        object.__setattr__(self, "vector", frozen(vector / np.linalg.norm(vector)))

    @property
    def semlens_encoder(self) -> Float[np.ndarray, "1 feature"]:
        """What `via=` takes."""
        return self.vector[None]

    @property
    def layer(self) -> Layer:
        """The direction as a layer of one component, under a name of its own: `blocks.3.ruler:0`."""
        at = self.asked.place or Place(self.asked.name, given=False)
        name = re.sub(r"[^\w-]+", "_", self.name).strip("_") or "direction"
        return replace(self.asked, name=f"{self.asked.name}.{name}", via=self.semlens_encoder, place=at)

    @property
    def significant(self) -> bool:
        """Whether it tells pictures apart more surely than chance (p below .05)."""
        return self.p < 0.05

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict with what is known of it."""
        told: dict[str, Any] = {
            "name": self.name, "layer": self.asked.name, "kind": self.kind, "auroc": self.auroc, "line": self.line,
            "p": self.p, "shown": self.shown, "others": self.others, "source": self.source,
        }  # fmt: skip
        if (one := self.sensitivity) is not None:
            told |= {"target": one.target, "tcav": one.share, "slope": one.slope, "slope_low": one.line[0],
                     "slope_high": one.line[1], "slope_p": one.p}  # fmt: skip
        return [told]

    def __repr__(self) -> str:
        chance = "" if self.significant else "; no more than chance"
        return (
            f"<Direction {self.name!r} in {self.asked.name!r} by {self.kind}: held-out AUROC {self.auroc:.2f} (random "
            f"directions stay below {self.line:.2f}, p = {self.p:.3g}{chance}) from {self.shown} pictures that show it "
            f"and {self.others} others{'' if self.sensitivity is None else f'; {self.sensitivity!r}'}>"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p><p>{escape(self.source)}</p>"
