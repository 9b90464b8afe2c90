"""Artefacts to draw onto one's own photographs: what a model may have learned instead of what it should.

    sl.artefacts.Ruler(seed=3)(picture)                     # a PIL picture with a ruler on it
    lens.counterfactual(sl.artefacts.Ruler())               # what changes in the model when one is there

Frozen values that are called with a picture of any size. They are drawings that resemble the artefacts of dermoscopy,
no photographs of them: that a model answers to one proves that it answers to this drawing.
"""

from __future__ import annotations

from .laid import PATCH_COLOURS, SIDES, Ink, Patch, Ruler, Stamp, Sticker
from .optical import Bubbles, DarkCorners, Hair
from .value import Artefact

USUAL: tuple[Artefact, ...] = (Ruler(), Patch(), Ink(), Hair(), DarkCorners(), Bubbles(), Stamp())
"""One of each kind that needs nothing of one's own."""
NAMED: dict[str, Artefact] = {artefact.kind: artefact for artefact in USUAL}


def named(name: str) -> Artefact:
    """The usual artefact of a kind: "ruler", "coloured patch", "ink marker", "hair", "dark corners", "gel bubbles",
    "stamp".

    Parameters
    ----------
    name
        Of the kind.

    Returns
    -------
    Artefact
        The artefact, as it usually looks.

    Raises
    ------
    KeyError
        For another name.

    Examples
    --------
    >>> sl.artefacts.named("ruler").kind
    'ruler'
    """
    if name not in NAMED:
        raise KeyError(f"no artefact {name!r}; there are {', '.join(NAMED)}")
    return NAMED[name]


__all__ = [
    "NAMED",
    "PATCH_COLOURS",
    "SIDES",
    "USUAL",
    "Artefact",
    "Bubbles",
    "DarkCorners",
    "Hair",
    "Ink",
    "Patch",
    "Ruler",
    "Stamp",
    "Sticker",
    "named",
]
