"""What a data set gives for a number, as a picture for people, or as the tensor that it is for the model."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from ..pictures import SUFFIXES, check_shape, coarse, opened
from ..warned import warn
from .tones import (
    SIXTEEN,
    Range,
    UnknownRange,
    Unstated,
    coarse_told,
    converted,
    is_deep,
    range_of,
    scaled,
    widened,
)

Normalisation = tuple[tuple[float, ...], tuple[float, ...]]  # mean and standard deviation per channel
Others = Callable[[bool], tuple[float, float] | None]

_BEYOND = (-0.25, 1.25)  # pixels may overshoot where a picture was resized, but few and not by more
_NEVER = 4.0  # beyond what any usual normalisation makes of pixels


class UnknownNormalisation(Unstated, TypeError):
    """A tensor of which it is not said how its numbers were made from pixels."""


def _no_others(_: bool) -> None:
    return None


def _warned(_: str, text: str) -> None:
    warn(text)


@dataclass
class Reading:
    """How items become pictures or tensors: what was stated, and what was said already, and to whom.

    others: the least and greatest number in a sample of the data set, of its 16-bit pictures or of others of more than
            8 bits; asked for when it matters.
    """

    value_range: Range | None = None
    normalisation: Normalisation | None = None
    others: Others = _no_others
    warned: set[str] = field(default_factory=set)
    say: Callable[[str, str], None] = _warned

    def tell(self, key: str, text: str) -> None:
        """Say what is said once of a data set."""
        if key not in self.warned:
            self.warned.add(key)
            self.say(key, text)

    def read(self, item: Any) -> Any:
        """An RGB picture, or a float tensor [channel height width] as it is.

        Unstated where something must be said of the whole data set; other errors are those of this item alone.
        """
        if isinstance(item, str | os.PathLike | bytes):
            found = opened(item)
            if found.several:
                which = "an image" if isinstance(item, bytes) else repr(os.fspath(item))
                several = f"{which} holds several pictures; of such files the first is read (give the others as a list)"
                self.tell("several", several)
            return self._picture(found.image, found.coarse)
        if isinstance(item, Image.Image):
            upper = coarse(item)
            item.load()
            return self._picture(item, upper)
        if getattr(item, "shape", None) is None:
            raise TypeError(
                f"a {type(item).__name__} is no image; images are PIL images, files, arrays [height width 3] or "
                "tensors [channel height width]"
            )
        return self._numbers(item)

    def _picture(self, image: Image.Image, upper: bool) -> Image.Image:
        check_shape(image.size)
        if is_deep(image):
            return _rgb(self._toned(np.asarray(image), image.mode.startswith("I;16")))
        if upper:
            if self.value_range not in (None, SIXTEEN):
                raise UnknownRange(coarse_told(self.value_range or SIXTEEN))
            if self.value_range is None:
                range_of(widened(image), sixteen=True, others=self.others(True))
            return converted(image)
        picture = converted(image)
        return picture if self.value_range is None else _rgb(self._eight(np.asarray(picture)))

    def _numbers(self, item: Any) -> Any:
        numbers = plain(item)
        if numbers.dtype == bool:
            return _rgb(arranged(numbers, item).astype(np.uint8) * 255)
        if numbers.dtype == np.uint8:
            if self.normalisation is not None and not isinstance(item, np.ndarray) and numbers.ndim == 3:
                return normalised(_channels_checked(numbers).astype(np.float32) / 255, self.normalisation)
            return _rgb(self._eight(arranged(numbers, item)))
        if numbers.dtype.kind not in "iuf":
            raise TypeError(f"an array of {numbers.dtype} is no image; needed are numbers")
        if self.value_range is None and numbers.dtype.kind == "f":
            return self._tensor(item, numbers)
        return _rgb(self._toned(arranged(numbers, item), numbers.dtype == np.uint16))

    def _toned(self, numbers: np.ndarray, sixteen: bool) -> np.ndarray:
        known = self.value_range
        if known is None:
            known = range_of(numbers, sixteen=sixteen, others=self.others(sixteen))
        return scaled(numbers, known)

    def _eight(self, pixels: np.ndarray) -> np.ndarray:
        """8-bit pixels, on the stated range where they can be meant by it."""
        if self.value_range is None:
            return pixels
        if self.value_range[1] > 255:
            raise UnknownRange(
                f"has 8 bits, 0 to 255, but value_range={_range_text(self.value_range)} is stated for the whole data "
                "set; give pictures of the two kinds as two data sets, or all on one scale"
            )
        return scaled(pixels, self.value_range)

    def _tensor(self, item: Any, numbers: np.ndarray) -> Any:
        if self.normalisation is None:
            low, high = (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 0.0)
            raise UnknownNormalisation(
                f"is a tensor {numbers.shape} of floats from {low:.4g} to {high:.4g}; say how it was normalised, so "
                "that CLIP and you can see it: images(..., mean=(…), std=(…)), or mean=0, std=1 for pixels in [0, 1]; "
                "or value_range=(black, white) for pictures that are not normalised"
            )
        _channels_checked(numbers)
        lows, highs = numbers.min((1, 2), keepdims=True), numbers.max((1, 2), keepdims=True)
        if not (np.isfinite(lows).all() and np.isfinite(highs).all()):
            raise ValueError("holds NaN or infinite numbers")
        low, high = float(pixels_of(lows, self.normalisation).min()), float(pixels_of(highs, self.normalisation).max())
        if low < _BEYOND[0] or high > _BEYOND[1]:
            self._doubt(pixels_of(numbers, self.normalisation), low, high)
        return item

    def _doubt(self, pixels: np.ndarray, low: float, high: float) -> None:
        """Refuse pixels that are surely none, and warn of those that hardly are: all of them are clipped to [0, 1]."""
        problem = (
            f"has pixels from {low:.3g} to {high:.3g} once the stated mean and std are undone, but pixels lie in "
            "[0, 1]; state the mean and std that were used, or value_range=(black, white) for pictures that are not "
            "normalised"
        )
        if np.mean(np.abs(pixels) > _NEVER) > 0.1:
            raise UnknownNormalisation(problem)
        if np.mean((pixels < _BEYOND[0]) | (pixels > _BEYOND[1])) > 0.01:
            self.tell("normalisation", f"a tensor of the data set {problem}. CLIP and you see them clipped")


def image_of(item: Any) -> Any:
    """The image in an item of a data set: the item itself, the first of a pair, or what a dict has under "image"."""
    if isinstance(item, Mapping):
        return _of_mapping(item)
    return item[0] if isinstance(item, tuple | list) and len(item) else item


def _of_mapping(item: Mapping[Any, Any]) -> Any:
    for name in ("image", "img"):
        if name in item:
            return item[name]
    pictures = [name for name, value in item.items() if isinstance(value, Image.Image)]
    if len(pictures) == 1:
        return item[pictures[0]]
    if item.get("bytes") or item.get("path"):  # a picture of a Hugging Face data set that is not decoded
        return item.get("bytes") or item["path"]
    files = [name for name in item if f".{str(name).rpartition('.')[2].lower()}" in SUFFIXES]  # as webdataset's
    if len(files) == 1:
        return item[files[0]]
    if not item:
        raise TypeError("a dict with nothing in it is no image")
    raise UnknownImage(
        f"is a dict with {', '.join(map(str, item))}; needed is one with an 'image', or wrap the data set so that its "
        "items are (image, label)"
    )


class UnknownImage(Unstated, TypeError):
    """A dict of which it is not clear what the image is."""


def deep_numbers(item: Any) -> tuple[np.ndarray, bool] | None:
    """(the numbers of an item of more than 8 bits, whether it has 16), None for others."""
    if isinstance(item, str | os.PathLike | bytes):
        found = opened(item)
        image, upper = found.image, found.coarse
    elif isinstance(item, Image.Image):
        image, upper = item, coarse(item)
    else:
        numbers = plain(item)
        return None if numbers.dtype in (np.uint8, bool) else (numbers, numbers.dtype == np.uint16)
    if upper:
        return widened(image), True
    return (np.asarray(image), image.mode.startswith("I;16")) if is_deep(image) else None


def plain(item: Any) -> np.ndarray:
    """A tensor's numbers as an array, wherever they lie and whatever their precision."""
    if isinstance(item, np.ndarray):
        return item
    if hasattr(item, "detach"):
        item = item.detach().cpu()
        if str(item.dtype) == "torch.bfloat16":
            item = item.float()
    return np.asarray(item)


def arranged(numbers: np.ndarray, item: Any) -> np.ndarray:
    """Pixels as [height width] or [height width 3] from any usual order of axes; alpha is dropped.

    An array has its channels last and a tensor has them first, as is usual; the other way round only where it
    cannot be so.
    """
    shape = numbers.shape
    if numbers.ndim == 3:
        last, first = shape[2] in (1, 3, 4), shape[0] in (1, 3, 4)
        if first and not (last and isinstance(item, np.ndarray)):
            numbers = numbers.transpose(1, 2, 0)
        if numbers.shape[2] in (1, 3, 4):
            numbers = numbers[..., 0] if numbers.shape[2] == 1 else numbers[..., :3]
    if numbers.ndim != 2 and not (numbers.ndim == 3 and numbers.shape[2] == 3):
        raise TypeError(
            f"an array {shape}; needed is [height width], [height width channel] or [channel height width] with 1, 3 "
            "or 4 channels"
        )
    check_shape((numbers.shape[1], numbers.shape[0]))
    return numbers


def _channels_checked(numbers: np.ndarray) -> np.ndarray:
    if numbers.ndim != 3 or numbers.shape[0] not in (1, 3):
        raise TypeError(f"a tensor {numbers.shape}; needed is [channel height width], 1 or 3 channels")
    check_shape((numbers.shape[2], numbers.shape[1]))
    return numbers


def pixels_of(numbers: np.ndarray, normalisation: Normalisation) -> np.ndarray:
    """Pixels from a normalised tensor [channel height width]: what the model sees, undone."""
    mean, std = (np.asarray(value, np.float32).reshape(-1, 1, 1) for value in normalisation)
    return numbers.astype(np.float32) * std + mean


def normalised(pixels: np.ndarray, normalisation: Normalisation) -> np.ndarray:
    """What the model sees of pixels [channel height width] in [0, 1]."""
    mean, std = (np.asarray(value, np.float32).reshape(-1, 1, 1) for value in normalisation)
    return (pixels - mean) / std


def shown(item: Any, normalisation: Normalisation | None) -> Image.Image:
    """The picture in a tensor [channel height width] that the model sees."""
    pixels = plain(item).astype(np.float32)
    if normalisation is not None:
        pixels = pixels_of(pixels, normalisation)
    pixels = np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    return _rgb(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))


def _rgb(pixels: np.ndarray) -> Image.Image:
    pixels = np.ascontiguousarray(pixels)
    return Image.fromarray(pixels) if pixels.ndim == 3 else Image.fromarray(pixels).convert("RGB")


def _range_text(value_range: Range) -> str:
    return f"({value_range[0]:g}, {value_range[1]:g})"
