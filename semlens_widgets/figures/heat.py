"""Relevance laid on a picture: on a paled grey one, since colours of relevance must not fight those of the picture."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from PIL import Image

from ..images import Window
from ..palette import Theme

_FULL = 0.995  # quantile of |relevance| from which colours are at their strongest


def overlaid(
    picture: Image.Image, window: Window, heat: Float[np.ndarray, "height width"], theme: Theme, pixels: int
) -> np.ndarray:
    """The part of a picture the model saw, with its relevance, at most `pixels` on the longer side."""
    width, height = picture.size
    left, top, right, bottom = window
    seen = picture.crop((round(left * width), round(top * height), round(right * width), round(bottom * height)))
    scale = pixels / max(seen.size)
    size = (max(1, round(seen.width * scale)), max(1, round(seen.height * scale)))
    grey = np.asarray(seen.convert("L").resize(size, Image.Resampling.LANCZOS), np.float64)[..., None] / 255
    pale = grey * 0.55 if theme.name == "dark" else 1 - (1 - grey) * 0.5
    strongest = float(np.quantile(np.abs(heat), _FULL)) or float(np.abs(heat).max()) or 1.0
    spread = Image.fromarray((heat / strongest).astype(np.float32), "F").resize(size, Image.Resampling.BILINEAR)
    values = np.clip(np.asarray(spread, np.float64), -1, 1)
    cover = np.abs(values)[..., None] ** 0.6
    ends = theme.diverging(np.sign(values) * np.maximum(np.abs(values), 0.45))
    return np.round(255 * (pale * (1 - cover) + ends * cover)).astype(np.uint8)
