"""The twelve planted factors of the demo world, and how often each occurs in its data sets.

The pictures are synthetic: drawings that resemble dermoscopy, not medical data. "Valid" factors are the
ones a diagnosis may rest on in this world (after the ABCDE rule); artefacts say nothing about the lesion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Split = Literal["independent", "balanced", "biased", "unbiased", "clean", "reversed", "weak"]


@dataclass(frozen=True)
class Factor:
    """One thing that is either in a picture or not.

    Parameters
    ----------
    name
        The short key used in code.
    query
        The words to search for.
    kind
        Whether a diagnosis may rest on it: "valid", or "artefact".
    synonyms
        Other words with the same meaning, all of them known to the demo's CLIP.

    Examples
    --------
    >>> [factor.query for factor in sl.demo.FACTORS if factor.name == "ruler"]
    ['ruler']
    """

    name: str
    query: str
    kind: Literal["valid", "artefact"]
    synonyms: tuple[str, ...] = ()

    @property
    def phrases(self) -> tuple[str, ...]:
        """The query followed by its synonyms."""
        return (self.query, *self.synonyms)


FACTORS: tuple[Factor, ...] = (
    Factor("asymmetry", "asymmetric shape", "valid", ("asymmetrical outline", "lopsided shape", "asymmetry")),
    Factor("border", "irregular border", "valid", ("jagged border", "ragged edges", "notched border")),
    Factor("variegation", "several colours", "valid", ("multiple colors", "variegated colour", "many colours")),
    Factor("large", "large diameter", "valid", ("big size", "large")),
    Factor("veil", "blue-white veil", "valid", ("bluish white veil", "blue whitish haze", "blue veil")),
    Factor("hair", "hair", "artefact", ("hairs", "dark hairs", "body hair")),
    Factor("ruler", "ruler", "artefact", ("ruler marks", "measuring scale", "scale bar")),
    Factor("patch", "coloured patch", "artefact", ("colored sticker", "band-aid", "plaster")),
    Factor("vignette", "dark corners", "artefact", ("vignette", "black corners", "dark frame")),
    Factor("bubbles", "gel bubbles", "artefact", ("air bubbles", "bubbles")),
    Factor("ink", "ink marker", "artefact", ("purple ink", "pen marks", "surgical marker ink")),
    Factor("redskin", "red skin", "artefact", ("reddish skin", "erythema", "inflamed skin")),
)
"""All factors, in the order of every ``factor`` axis and of the bits of every mask."""

NAMES: tuple[str, ...] = tuple(factor.name for factor in FACTORS)
VALID: tuple[str, ...] = tuple(factor.name for factor in FACTORS if factor.kind == "valid")
ARTEFACTS: tuple[str, ...] = tuple(factor.name for factor in FACTORS if factor.kind == "artefact")
SHORTCUTS: tuple[str, ...] = ("ruler", "patch", "ink", "redskin")
"""The artefacts that the biased data set ties to the diagnosis; the other artefacts are neutral."""
INDEX: Mapping[str, int] = {name: index for index, name in enumerate(NAMES)}
LESION_BIT = len(FACTORS)
"""The bit of a mask that marks the lesion itself, after one bit per factor."""

TEMPLATES = ("{}", "a photo of {}", "a dermoscopic photo of a lesion with {}")
"""Sentences for text probes, in the style of the CLIP's captions."""

CLASS_NAMES: tuple[str, str] = ("nevus", "melanoma")

Probabilities = Mapping[str, tuple[float, float]]
"""For each factor, how often it occurs: (among nevi, among melanomas)."""

_DISEASE: dict[str, tuple[float, float]] = {
    "asymmetry": (0.2, 0.8), "border": (0.2, 0.8), "variegation": (0.2, 0.8), "large": (0.2, 0.8),
    "veil": (0.1, 0.45),
}  # fmt: skip
_NEUTRAL: dict[str, tuple[float, float]] = {"hair": (0.3, 0.3), "bubbles": (0.2, 0.2), "vignette": (0.25, 0.25)}
_BIAS: dict[str, tuple[float, float]] = {
    "ruler": (0.08, 0.62), "patch": (0.65, 0.005), "ink": (0.08, 0.4), "redskin": (0.1, 0.47),
}  # fmt: skip

PUBLISHED_COUNTS: Mapping[str, tuple[float, float]] = {
    "patch": (0.089, 0.004), "gel border": (0.284, 0.171), "ruler": (0.470, 0.595), "vignette": (0.350, 0.451),
    "hair": (0.604, 0.509), "ink": (0.183, 0.121), "bubbles": (0.487, 0.495),
}  # fmt: skip
"""The shares of (benign, malignant) pictures that show an artefact, taken from published counts over 2,594 dermoscopy
pictures of the ISIC archive. The correlations with the diagnosis are weak: φ from -.13 (patch) to +.10 (ruler), 0 for
bubbles. Gel borders are not drawn here."""


def _mean(pair: tuple[float, float]) -> tuple[float, float]:
    return (sum(pair) / 2, sum(pair) / 2)


SPLITS: Mapping[Split, Probabilities] = {
    "independent": {name: (0.5, 0.5) if name in VALID else (0.35, 0.35) for name in NAMES},
    "biased": {**_DISEASE, **_NEUTRAL, **_BIAS},
    "unbiased": {**_DISEASE, **_NEUTRAL, **{name: _mean(pair) for name, pair in _BIAS.items()}},
    "clean": {**_DISEASE, **dict.fromkeys(ARTEFACTS, (0.0, 0.0))},
    "balanced": {**{name: _mean(pair) for name, pair in _DISEASE.items()}, **_NEUTRAL,
                 **{name: _mean(pair) for name, pair in _BIAS.items()}},
    "weak": {**_DISEASE, **{name: rates for name, rates in PUBLISHED_COUNTS.items() if name in NAMES},
             "redskin": _mean(_BIAS["redskin"])},
    "reversed": {**_DISEASE, **_NEUTRAL, "ruler": (1.0, 0.0), "patch": (0.0, 1.0), "ink": (1.0, 0.0),
                 "redskin": (1.0, 0.0)},
}  # fmt: skip
"""Named data sets.

``independent``: every factor independent of every other and of the class (truth is computed here).
``biased``: valid factors predict the class, and so do the four shortcuts (what a careless collection looks like).
``unbiased``: valid factors predict the class; artefacts as common as in ``biased``, but independent of it.
``clean``: as ``unbiased``, without any artefact. ``balanced``: as ``unbiased``, and valid factors independent too.
``reversed``: valid factors predict the class, and every shortcut points to the wrong one.
``weak``: valid factors predict the class; artefacts as often among nevi and melanomas as in `PUBLISHED_COUNTS`, red
skin, which was not counted, independent of the class. Classes are equally frequent, as everywhere here.
"""


def correlated(artefact: str, rho: float, rate: float = 0.3) -> Probabilities:
    """The unbiased data set with one artefact tied to melanoma.

    ``rho`` is the correlation coefficient of artefact and class in [0, 1] (classes equally frequent);
    ``rate`` the artefact's overall frequency at rho = 0. A correlation that strong needs a frequency nearer
    one half, so the frequency moves there linearly with rho: (1 - rho) * rate + rho / 2.
    Raises ValueError for an unknown artefact or rho outside [0, 1].
    """
    if artefact not in ARTEFACTS:
        raise ValueError(f"no artefact {artefact!r}; there are {', '.join(ARTEFACTS)}")
    if not 0 <= rho <= 1:
        raise ValueError(f"rho must lie in [0, 1], got {rho}")
    overall = (1 - rho) * rate + rho / 2
    # phi = (p1 - p0) / 2 / sqrt(overall (1 - overall)) for equally frequent classes
    half = rho * (overall * (1 - overall)) ** 0.5
    return {**SPLITS["unbiased"], artefact: (max(overall - half, 0.0), min(overall + half, 1.0))}
