"""The value: images by number, as a person sees them and as the model does."""

from __future__ import annotations

import copy
import hashlib
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..texts import whole_number
from .transform import WHOLE, Window, behaviour, seen_window


class UnreadableImage(ValueError):
    """An image that cannot be decoded; `name` says which, the message why."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name, self.why = name, why


def rgb(image: Image.Image) -> Image.Image:
    """The picture as 8-bit RGB: alpha is dropped as torchvision's loader does, 16-bit grey keeps its range."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        grey = np.asarray(image).astype(np.float64)
        grey = grey / 257 if grey.max(initial=0) > 255 else grey
        return Image.fromarray(np.clip(np.round(grey), 0, 255).astype(np.uint8), "L").convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


class Images:
    """Images by number. Made by `images(...)`; `len(data)`, `data.picture(i)`, `data.tensor(i)`, `data.label(i)`.

    `names` identify the images to a reader (a path below the folder, or a number). `classes` are the class
    names where labels are known. `fingerprint` changes when the images or the transform change.
    `concurrent` says whether several threads may read at once; else one waits for the other.
    `stated` says whether the class names were given by the user, not found in the data.
    """

    stated: bool = False

    def __init__(
        self,
        names: Sequence[str] | None,
        length: int,
        load: Callable[[int], Any],
        labels: Sequence[int] | Sequence[str] | None,
        classes: Sequence[str],
        transform: Callable[[Image.Image], Any] | None,
        normalisation: tuple[Sequence[float], Sequence[float]] | None,
        content: Callable[[], bytes],
        root: Path | None = None,
        concurrent: bool = False,
    ) -> None:
        self._names, self._length, self._load = names, length, load
        self._labels: Sequence[int] | None = None
        self.classes = tuple(classes)
        if labels is not None:
            self._labels, self.classes = _numbered(labels, classes, length)
        self.transform, self._normalisation = transform, normalisation
        self._content, self._fingerprint = content, ""
        self._windows: dict[tuple[int, int], Window] = {}
        self.root = root
        self.concurrent = concurrent
        self._one_reader: AbstractContextManager[Any] = nullcontext() if concurrent else threading.RLock()

    def __len__(self) -> int:
        return self._length

    def __repr__(self) -> str:
        where = f" in {self.root}" if self.root else ""
        kinds = f", {len(self.classes)} classes" if self.classes else ""
        return f"<{len(self):,} images{where}{kinds}>"

    def name(self, image: int) -> str:
        """The name of an image: its path below the folder, or its number."""
        return self._names[image] if self._names is not None else str(image)

    def number(self, name: str) -> int | None:
        """The number of the image with that name, or None."""
        if self._names is None:
            number = whole_number(name)
            return number if number is not None and number < len(self) else None
        return self._names.index(name) if name in self._names else None

    def label(self, image: int) -> int | None:
        """The class number, or None where labels are not known."""
        return None if self._labels is None else int(self._labels[image])

    def labelled(self, labels: Sequence[int], classes: Sequence[str] | None = None) -> Images:
        """The same images with other labels (and class names, if given). ValueError unless there is one per image."""
        other = copy.copy(self)
        other.stated = self.stated if classes is None else bool(classes)
        other._labels, other.classes = _numbered(labels, self.classes if classes is None else classes, len(self))
        return other

    @property
    def highest_label(self) -> int | None:
        """The largest class number, or None where labels are not known."""
        return None if self._labels is None or not len(self._labels) else int(np.max(self._labels))

    @property
    def fingerprint(self) -> str:
        """A hash of the images, their order, the normalisation and what the transform does."""
        if not self._fingerprint:
            digest = hashlib.sha256(self._content())
            digest.update(repr(self._normalisation).encode())
            digest.update(behaviour(self.transform))
            self._fingerprint = digest.hexdigest()
        return self._fingerprint

    def picture(self, image: int) -> Image.Image:
        """The image as a person sees it: PIL, 8-bit RGB. UnreadableImage where it cannot be decoded."""
        item = self._item(image)
        if isinstance(item, Image.Image):
            return item
        return self._shown(item)

    def tensor_and_size(self, image: int) -> tuple[Any, tuple[int, int]]:
        """The model's input and the (width, height) of the picture it came from, read once."""
        item = self._item(image)
        if isinstance(item, Image.Image):
            return (self.transform(item) if self.transform else _plain(item)), item.size
        return item, (int(item.shape[2]), int(item.shape[1]))

    def _shown(self, item: Any) -> Image.Image:
        pixels = np.asarray(item, np.float32)
        if self._normalisation is not None:
            mean, std = (np.asarray(v, np.float32).reshape(-1, 1, 1) for v in self._normalisation)
            pixels = pixels * std + mean
        pixels = np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
        return Image.fromarray(pixels[0], "L").convert("RGB") if len(pixels) == 1 else Image.fromarray(
            np.ascontiguousarray(pixels.transpose(1, 2, 0))
        )  # fmt: skip

    def tensor(self, image: int) -> Any:
        """The image as the model sees it: a float array or tensor [channel height width]."""
        return self.tensor_and_size(image)[0]

    def prepared(self, picture: Image.Image) -> Any:
        """What the model would see of any picture: transformed, or normalised as this data set's tensors are."""
        picture = rgb(picture)
        if self.transform is not None:
            return self.transform(picture)
        pixels = _plain(picture)
        if self._normalisation is None:
            return pixels
        mean, std = (np.asarray(v, np.float32).reshape(-1, 1, 1) for v in self._normalisation)
        return (pixels - mean) / std

    def window(self, size: tuple[int, int]) -> Window:
        """The part of a picture of that size the model sees, as shares of width and height (a centre crop cuts)."""
        if self.transform is None:
            return WHOLE
        if size not in self._windows:
            self._windows[size] = seen_window(self.transform, size)
        return self._windows[size]

    def _item(self, image: int) -> Any:
        try:
            with self._one_reader:
                item = self._load(image)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, EOFError) as error:
            raise UnreadableImage(self.name(image), str(error) or type(error).__name__) from error
        if isinstance(item, Image.Image):
            return rgb(item)
        if isinstance(item, np.ndarray) and item.dtype == np.uint8:
            return rgb(Image.fromarray(item))
        return self._checked(image, item)

    def _checked(self, image: int, item: Any) -> Any:
        shape = getattr(item, "shape", None)
        if shape is None:
            raise TypeError(
                f"image {image} is a {type(item).__name__}; images are PIL images, uint8 arrays [height width 3] "
                "or float tensors [channel height width]"
            )
        if self._normalisation is None:
            raise TypeError(
                f"image {image} is a tensor {tuple(shape)}; say how it was normalised, so that CLIP and you can see "
                "it: images(..., mean=(…), std=(…)), or mean=0, std=1 for pixels in [0, 1]"
            )
        if len(shape) != 3 or shape[0] not in (1, 3):
            raise TypeError(
                f"image {image} is a tensor {tuple(shape)}; needed is [channel height width], 1 or 3 channels"
            )
        return item


def _numbered(
    labels: Sequence[int] | Sequence[str], classes: Sequence[str], length: int
) -> tuple[Sequence[int], tuple[str, ...]]:
    """(class numbers, class names) from labels that are numbers or names. ValueError unless there is one per image."""
    if len(labels) != length:
        raise ValueError(f"{len(labels)} labels for {length} images; give one for each")
    names = [label for label in labels if isinstance(label, str)]
    if not names:
        return [int(label) for label in labels], tuple(classes)
    known = tuple(classes) or tuple(sorted(set(names)))
    if len(names) < length or not set(names) <= set(known):
        odd = next((label for label in labels if not isinstance(label, str) or label not in known), labels[0])
        raise ValueError(f"label {odd!r}; labels are class numbers, or all of them names among {', '.join(known)}")
    number = {name: i for i, name in enumerate(known)}
    several = next((name for name in dict.fromkeys(names) if known.count(name) > 1), None) if len(number) < len(
        known
    ) else None  # fmt: skip
    if several is not None:
        which = " and ".join(str(i) for i, name in enumerate(known) if name == several)
        raise ValueError(f"label {several!r} is the name of several classes ({which}); give class numbers as labels")
    return [number[name] for name in names], known


def _plain(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture, np.float32).transpose(2, 0, 1) / 255
