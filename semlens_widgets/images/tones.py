"""Numbers as tones: how pictures and arrays of any kind become 8-bit RGB, on one scale for a whole data set."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from PIL import Image

from ..pictures import check_shape, coarse, opened

Range = tuple[float, float]  # the numbers that are black and white

EIGHT: Range = (0.0, 255.0)
SIXTEEN: Range = (0.0, 65535.0)
_UPPER_HALF = 32767  # numbers above it are surely those of 16 bits


class Unstated(Exception):
    """What must be stated of the whole data set before any image of it can be seen rightly: it is not skipped."""


class UnknownRange(Unstated, ValueError):
    """Numbers of which it is not known what is black and what is white."""


def rgb(image: Image.Image, value_range: Range | None = None) -> Image.Image:
    """A picture as 8-bit RGB, as stored: alpha is dropped and colours are converted as torchvision's loader does.

    value_range: the numbers that are black and white in pictures of more than 8 bits, which have one channel. Without
                 it 16-bit pictures that use the upper half of their range are read on the whole of it, 0 to 65,535.

    UnknownRange where that is not known. The result carries no EXIF, colour profile or file name.
    """
    upper = coarse(image)
    image.load()
    return _rgb(image, value_range, upper)


def _rgb(image: Image.Image, value_range: Range | None, upper: bool) -> Image.Image:
    check_shape(image.size)
    try:
        if is_deep(image):
            numbers = np.asarray(image)
            known = value_range or range_of(numbers, sixteen=image.mode.startswith("I;16"))
            return Image.fromarray(scaled(numbers, known)).convert("RGB")
        if upper and value_range is None:
            range_of(widened(image), sixteen=True)
        elif upper and value_range != SIXTEEN:
            raise UnknownRange(coarse_told(value_range or SIXTEEN))
    except UnknownRange as error:
        raise UnknownRange(f"the picture {error}") from None
    return converted(image)


def is_deep(image: Image.Image) -> bool:
    """Whether the picture has one channel of more than 8 bits: integers or floats."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def picture_in(source: str | os.PathLike[str] | bytes, value_range: Range | None = None) -> Image.Image:
    """The first picture of a file, or of the bytes of one, as `rgb` gives it. Errors as in `opened` and `rgb`."""
    found = opened(source)
    return _rgb(found.image, value_range, found.coarse)


def widened(image: Image.Image) -> np.ndarray:
    """The 16-bit numbers that a coarse picture had, to its upper eight bits."""
    return np.asarray(converted(image)).astype(np.uint16) * 257


def coarse_told(value_range: Range) -> str:
    return (
        "has 16 bits per channel, of which Pillow keeps the upper eight: too few for "
        f"value_range=({value_range[0]:g}, {value_range[1]:g}). Give such pictures as arrays [height width 3], read by "
        "another library"
    )


def converted(image: Image.Image) -> Image.Image:
    """A picture of 8 bits as RGB, without what else its file said of it."""
    if image.mode == "RGB":
        result = image.copy()
    elif image.mode == "P" and "transparency" in image.info:  # Pillow warns on the straight way, to the same colours
        result = image.convert("RGBA").convert("RGB")
    elif image.mode in ("La", "RGBa"):
        result = image.convert(f"{image.mode[:-1]}A").convert("RGB")
    else:
        try:
            result = image.convert("RGB")
        except ValueError as error:
            raise ValueError(f"a picture of mode {image.mode} cannot be made RGB ({error}); convert it first") from None
    result.info = {}
    return result


def scaled(numbers: np.ndarray, value_range: Range) -> np.ndarray:
    """uint8: the first number of the range is 0 and the last 255, the rest between them in proportion, clipped."""
    low, high = value_range
    small = numbers.dtype.itemsize <= 2 or numbers.dtype == np.float32
    values: np.ndarray = numbers.astype(np.float32 if small else np.float64)
    if not np.isfinite(values).all():
        raise ValueError("holds NaN or infinite numbers")
    shares = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(np.round(shares * 255), np.uint8)


def range_of(numbers: np.ndarray, *, sixteen: bool, others: tuple[float, float] | None = None) -> Range:
    """The range of 16-bit numbers that use its upper half; UnknownRange, with what was seen, for all others.

    others: least and greatest number of other images of the data set.
    """
    finite = numbers[np.isfinite(numbers)] if numbers.dtype.kind == "f" else numbers
    if not finite.size:
        raise ValueError("holds no finite number")
    low, high = float(finite.min()), float(finite.max())
    if others is not None:
        low, high = min(low, others[0]), max(high, others[1])
    if sixteen and high > _UPPER_HALF:
        return SIXTEEN
    example = likely(low, high)
    raise UnknownRange(
        f"has numbers from {low:,.7g} to {high:,.7g} ({numbers.dtype.name}), and it is not known which of them are "
        f"black and white; state it for the whole data set: sl.images(…, value_range=({example[0]:g}, {example[1]:g}))"
    )


def likely(low: float, high: float) -> Range:
    """A range to propose: of 1, 8, 10, 12, 14 or 16 bits where the numbers fit one, else just what was seen."""
    if low < 0 or not 0 < high <= SIXTEEN[1]:
        return low, high if high > low else low + 1
    return 0.0, float(next(top for top in (1, 255, 1023, 4095, 16383, 65535) if high <= top))


def checked_range(value_range: Any) -> Range | None:
    """The stated range as two floats. ValueError unless it is (black, white) with black below white."""
    if value_range is None:
        return None
    try:
        low, high = (float(number) for number in value_range)
    except (TypeError, ValueError):
        low = high = np.nan
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(
            f"value_range={value_range!r:.60}; give the numbers that are black and white, such as (0, 4095)"
        )
    return low, high
