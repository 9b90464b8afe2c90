"""Whether two dictionaries found the same: each latent's nearest in the other, held against chance."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from ..vectors import frozen, unit

DRAWS = 20
_LEVEL = 0.95
_MOST = 2048  # random directions of a draw
_ROWS = 1 << 11


@dataclass(frozen=True, eq=False)
class Stability:
    """Each latent of one dictionary and the one of another whose direction is nearest.

    Attributes
    ----------
    names
        What the two are called.
    nearest
        [component], the number of the nearest in the other.
    cosine
        [component], their cosine; of principal components, whose sign means nothing, without its sign.
    line
        What chance reaches: 95 % of random mixtures of the dictionary's own directions, which lie where these lie, have
        no nearer one in the other.
    compared
        [component], whether a latent was compared: those that are dead were not.

    Notes
    -----
    `share` is the part of the compared whose cosine is above the line, `null` that of the random ones: .05.
    (After Sharkey et al. 2022, mean max cosine similarity; Paulo & Belrose 2025)

    Examples
    --------
    >>> model, data = sl.demo.classifier(), sl.images(sl.demo.images(40), transform=sl.demo.transform())
    >>> learned = sl.learn_dictionary(model, data, "layer4", size=8, kind="nmf", epochs=1, progress=False)
    >>> learned.compare(learned).share
    1.0
    """

    names: tuple[str, str]
    nearest: Int[np.ndarray, " component"]
    cosine: Float[np.ndarray, " component"]
    line: float
    compared: Bool[np.ndarray, " component"]

    def __post_init__(self) -> None:
        for name in ("nearest", "cosine", "compared"):
            object.__setattr__(self, name, frozen(np.asarray(getattr(self, name))))

    @property
    def found_again(self) -> Bool[np.ndarray, " component"]:
        """[component], whether its direction is in the other dictionary, more surely than chance."""
        return self.compared & (self.cosine > self.line)

    @property
    def share(self) -> float:
        """The part of the compared latents that is found again; NaN where none was compared."""
        count = int(self.compared.sum())
        return float(self.found_again.sum() / count) if count else float("nan")

    @property
    def null(self) -> float:
        """The part of random directions that would be."""
        return 1 - _LEVEL

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict for each latent: its number, the nearest, their cosine, whether it is found again."""
        found = self.found_again
        return [
            {"latent": at, "nearest": int(near), "cosine": float(cosine), "found_again": bool(found[at])}
            for at, (near, cosine) in enumerate(zip(self.nearest, self.cosine, strict=True))
        ]

    def __repr__(self) -> str:
        middle = float(np.median(self.cosine[self.compared])) if self.compared.any() else float("nan")
        return (
            f"<Stability of {self.names[0]} in {self.names[1]}: {self.share:.0%} of {int(self.compared.sum())} latents "
            f"found again (chance {self.null:.0%}); cosine {middle:.2f} in the middle, {self.line:.2f} by chance>"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"


def stability(
    mine: Float[np.ndarray, "component feature"],
    others: Float[np.ndarray, "other feature"],
    *,
    compared: Bool[np.ndarray, " component"],
    among: Bool[np.ndarray, " other"],
    names: tuple[str, str],
    either_sign: bool = False,
    seed: int = 0,
) -> Stability:
    """Directions in rows, held against others; those that are not `compared`, or not `among`, do not count."""
    if mine.shape[1] != others.shape[1]:
        raise ValueError(
            f"dictionaries of {mine.shape[1]} and {others.shape[1]} features; compare two of the same layer"
        )
    ours, theirs = unit(mine), unit(others)
    nothing = np.zeros(len(ours), np.int64), np.zeros(len(ours), np.float32)
    nearest, cosine = _nearest(ours, theirs, among, either_sign) if among.any() else nothing
    chance = [np.zeros(1, np.float32)]
    own = ours[compared]
    draw = np.random.default_rng(seed)
    for _ in range(DRAWS if len(own) and among.any() else 0):
        mixtures = unit(draw.normal(size=(min(len(own), _MOST), len(own))).astype(np.float32) @ own)
        chance.append(_nearest(mixtures, theirs, among, either_sign)[1])
    return Stability(names, nearest, cosine, float(np.quantile(np.concatenate(chance[1:] or chance), _LEVEL)), compared)


def _nearest(
    ours: np.ndarray, theirs: np.ndarray, among: np.ndarray, either_sign: bool
) -> tuple[np.ndarray, np.ndarray]:
    numbers = np.flatnonzero(among)
    columns = theirs[numbers].T
    found, cosines = np.zeros(len(ours), np.int64), np.zeros(len(ours), np.float32)
    for start in range(0, len(ours), _ROWS):
        products = ours[start : start + _ROWS] @ columns
        products = np.abs(products) if either_sign else products
        best = products.argmax(1)
        found[start : start + _ROWS] = numbers[best]
        cosines[start : start + _ROWS] = products[np.arange(len(best)), best]
    return found, cosines
