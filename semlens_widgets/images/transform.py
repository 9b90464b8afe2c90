"""What a transform does, found by sending pictures through it: its behaviour as a hash, and the window it sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from ..fingerprints import combined, of_data

Window = tuple[float, float, float, float]  # left, top, right, bottom as shares of the image's width and height
WHOLE: Window = (0.0, 0.0, 1.0, 1.0)


def behaviour(transform: Callable[[Image.Image], Any] | None) -> str:
    """What a transform does, as a hash: its code and state, and its answer to three fixed pictures.

    The answers are taken in outline, so that the rounding of another processor is not another transform. TypeError or
    ValueError for what is no transform, or gives a different result each time.
    """
    if transform is None:
        return "no transform"
    noise = np.random.default_rng(0).integers(0, 256, (97, 131, 3), dtype=np.uint8)
    pictures = [Image.fromarray(noise), Image.fromarray(noise.transpose(1, 0, 2).copy()), _ramp(64, 64)]
    outlines = []
    for picture in pictures:
        seen, again = (_transformed(transform, picture) for _ in range(2))
        if not np.array_equal(seen, again, equal_nan=True):
            raise ValueError(
                "the transform gives a different result each time (random augmentation?); a concept's examples must "
                "be found again, so pass the evaluation transform"
            )
        rows = seen.reshape(len(seen), -1).astype(np.float64) if seen.size else np.zeros((1, 1))
        outlines.append((seen.shape, np.round(rows.mean(1), 3).tolist(), np.round(rows.std(1), 3).tolist()))
    return combined(of_data(transform, lambda number: _transformed(transform, pictures[number])), repr(outlines))


def _transformed(transform: Callable[[Image.Image], Any], picture: Image.Image) -> np.ndarray:
    """What a transform makes of a picture; errors say what is wrong with it as a transform."""
    try:
        seen = transform(picture.copy())
    except Exception as error:
        raise ValueError(
            f"the transform fails on an RGB picture of {picture.width} × {picture.height} pixels "
            f"({type(error).__name__}: {error}); it is called with a PIL image and gives a tensor, as "
            "weights.transforms() does (with its brackets)"
        ) from error
    if isinstance(seen, Image.Image) or not hasattr(seen, "shape"):
        raise TypeError(
            f"the transform gives a {type(seen).__name__}; the model needs a tensor [channel height width]: end the "
            "transform with ToTensor()"
        )
    if len(seen.shape) == 4:
        raise ValueError(
            f"the transform gives a tensor {tuple(seen.shape)}; needed is one image [channel height width], without an "
            "axis for the batch"
        )
    return np.asarray(seen, np.float32)


def _ramp(width: int, height: int) -> Image.Image:
    """Red grows with x, green with y: a picture that carries its own coordinates."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.round((np.arange(width) + 0.5) / width * 255)
    pixels[..., 1] = np.round((np.arange(height) + 0.5) / height * 255)[:, None]
    return Image.fromarray(pixels)


def seen_window(transform: Callable[[Image.Image], Any], size: tuple[int, int]) -> Window:
    """Which part of a picture of that size reaches the model, found by sending coordinates through.

    A ramp in x and y goes through the transform between a black and a white picture, which undo any
    per-channel normalisation; a straight line through the middle half gives the edges to a fraction of a pixel.
    """
    black, white, ramp = (
        np.asarray(transform(picture), np.float64)
        for picture in (Image.new("RGB", size), Image.new("RGB", size, (255, 255, 255)), _ramp(*size))
    )
    if ramp.ndim != 3 or len(ramp) != 3:
        return WHOLE
    span = white - black
    if np.any(np.abs(span) < 1e-6):
        return WHOLE
    place = (ramp - black) / span
    edges: list[float] = []
    for profile in (place[0].mean(0), place[1].mean(1)):
        n = len(profile)
        middle = np.arange(n)[n // 4 : max(n - n // 4, n // 4 + 2)]
        if len(middle) < 2:
            edges += [0.0, 1.0]
            continue
        slope, start = np.polyfit(middle + 0.5, profile[middle], 1)
        edges += [start, start + slope * n]
    left, right, top, bottom = (float(np.clip(e, 0, 1)) for e in edges)
    if right - left < 0.05 or bottom - top < 0.05:  # mirrored or turned: no plain window
        return WHOLE
    return tuple(0.0 if e < 0.004 else 1.0 if e > 0.996 else round(e, 6) for e in (left, top, right, bottom))  # type: ignore[return-value]
