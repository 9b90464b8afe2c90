"""Streams: images that come one after the other, without numbers or a known length, and can be begun again.

Their numbers are those of their order. What was read once is known by a chain of hashes over all images and labels, so
that another pass notices when it is given others; memory holds some bytes of each block of images, and a label each.
"""

from __future__ import annotations

import hashlib
import threading
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import Image

from ..pictures import coarse, still
from ..warned import warn
from .items import image_of, plain
from .labels import NoClasses, one_label, read_labels
from .tones import widened

_SINGLY = 64  # images from the start of which each is known by itself
_BLOCK = 256  # of the others, the last of so many
_FIRST = 16  # images that are at hand, for what must be known of a data set before it is read
_MOST_NAMES = 1 << 16  # texts as labels, of which more are no classes
_UNLABELLED = -1
LABEL_KEYS = ("label", "cls")  # of a dict: Hugging Face's and webdataset's


class StreamChanged(ValueError):
    """A stream that gives other images than when it was read before."""


class Ended(Exception):
    """A stream has no such image: it ended before."""


class Failed:
    """What a stream gives in lieu of an image, and why that is none."""

    def __init__(self, error: Exception) -> None:
        self.error = error


Taken = Callable[[Any], tuple[Any, Any]]  # (image, label) of what a stream gives


def taken(item: Any) -> tuple[Any, Any]:
    """The image and the label in an item: a pair, or a dict with an "image", or with one file by its end."""
    label = None
    if isinstance(item, tuple | list) and len(item) > 1:
        label = item[1]
    elif isinstance(item, Mapping):
        label = next((item[key] for key in LABEL_KEYS if key in item), None)
    try:
        image = image_of(item)
        if isinstance(image, Mapping):
            image = image_of(image)
        if isinstance(image, Image.Image) and not still(image):  # read now: others may use the file that it lies in
            upper = coarse(image)
            image.load()
            image = widened(image) if upper else image
        return image, label
    except MemoryError:
        raise
    except Exception as error:
        return Failed(error), label


class Stream:
    """A stream and what is known of it: its `length` once it was read to its end, labels, and hashes on the way.

    source:   begun again by `iter(source)`, each time with the same images in the same order.
    classes:  names of class numbers, where they are known before.
    expected: how many images there must be, where that many labels were given.
    """

    def __init__(
        self, source: Any, take: Taken = taken, classes: Sequence[str] = (), expected: int | None = None
    ) -> None:
        self.source, self.take, self.expected = source, take, expected
        self.length: int | None = None
        self.read = 0  # images of which something is known: so many from the start
        self.labels = StreamLabels(tuple(classes))
        self._marks: dict[int, bytes] = {}
        self._first: list[Any] | None = None
        self._set_own()

    def _set_own(self) -> None:
        self._lock, self._looking = threading.RLock(), threading.RLock()
        self._cursor: Cursor | None = None

    def __getstate__(self) -> dict[str, Any]:
        own = ("_lock", "_looking", "_cursor", "_first")
        return {name: value for name, value in vars(self).items() if name not in own} | {"_first": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._set_own()

    def __call__(self, image: int) -> Any:
        """One image: from where the last one was asked for, or from the start. IndexError where there is none."""
        with self._looking:
            self._cursor = self._cursor or Cursor(self)
            try:
                return self._cursor.get(image)
            except Ended:
                raise IndexError(f"image {image}; the stream has {self.length}") from None

    def first(self) -> list[Any]:
        """The first images, which are kept."""
        with self._looking:
            if self._first is None:
                self._first = [self(image) for image in self.upto(_FIRST)]
            return self._first

    def upto(self, most: int) -> range:
        """The numbers of the first `most` images, fewer where there are fewer."""
        if self.length is None:
            self._read_to(most)
        return range(most if self.length is None else min(most, self.length))

    def count(self) -> int:
        """How many images there are: where the end was not seen, all are read for it."""
        if self.length is None:
            cursor = Cursor(self)
            with suppress(Ended):
                while True:
                    cursor.advance()
        assert self.length is not None
        return self.length

    @property
    def seen(self) -> int:
        """Up to where images can be told from others."""
        return max(self._marks, default=-1) + 1

    def memo(self) -> dict[str, Any]:
        """What is known of the images, as JSON: with it another session notices that they changed."""
        return {"length": self.length, "marks": {str(image): mark.hex() for image, mark in self._marks.items()}}

    def recall(self, memo: Mapping[str, Any]) -> None:
        """Take in what another session knew. StreamChanged where the images are others already."""
        marks = {int(image): bytes.fromhex(mark) for image, mark in memo["marks"].items()}
        with self._lock:
            if (other := next((n for n in marks if self._marks.get(n, marks[n]) != marks[n]), None)) is not None:
                raise StreamChanged(_changed(f"image {other:,}, or one of those before it, is another one"))
            self._marks = marks | self._marks
            self.length = memo["length"] if self.length is None else self.length

    def label(self, image: int) -> int | None:
        """The class of an image; what was not read yet is read for it, and all where labels are names."""
        self._read_to(image + 1)
        if not self.labels.settled:
            self._read_to(self.count())
        return self.labels[image]

    def highest_label(self) -> int | None:
        """The largest class number, or None where that of some image is not known."""
        self._read_to(self.count())
        return self.labels.highest(self.read)

    def class_names(self) -> tuple[str, ...]:
        self._read_to(1)
        if not self.labels.settled:
            self._read_to(self.count())
        return self.labels.classes

    def _read_to(self, images: int) -> None:
        """Know of so many images, or of all that there are."""
        if self.read < images and self.read != self.length:
            with suppress(IndexError):
                self(images - 1)

    def is_mark(self, image: int) -> bool:
        """Whether the chain of hashes is known at this image."""
        return image in self._marks

    # called by cursors

    def passed(self, image: int, digest: bytes, label: Any) -> None:
        """An image was read; StreamChanged where it, or one before it, is not what it was."""
        with self._lock:
            if self.expected is not None and image >= self.expected:
                raise ValueError(f"{self.expected} labels, but the stream has more images; give one for each")
            if self.length is not None and image >= self.length:
                raise StreamChanged(_changed(f"it had {self.length:,} images, and now has more"))
            if (known := self._marks.get(image)) is None and _is_mark(image):
                self._marks[image] = digest
            elif known is not None and known != digest:
                since = image if image < _SINGLY else max(_SINGLY, image - _BLOCK + 1)
                where = f"image {image:,}" if since == image else f"one of the images {since:,} to {image:,}"
                raise StreamChanged(_changed(f"{where} is another one"))
            if image == self.read:
                self.labels.add(label, image)
                self.read += 1

    def ended(self, images: int, digest: bytes) -> None:
        """The stream came to its end."""
        with self._lock:
            before = max(self.read, self.seen) if self.length is None else self.length
            if images < before:
                raise StreamChanged(
                    _changed(f"it had {'' if self.length else 'at least '}{before:,} images, now {images:,}")
                )
            if self.expected is not None and images != self.expected:
                raise ValueError(f"{self.expected} labels for {images} images; give one for each")
            if images and self._marks.setdefault(images - 1, digest) != digest:
                raise StreamChanged(_changed(f"one of its last {_BLOCK} images is another one"))
            self.length = images


class Cursor:
    """One way through a stream."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._begin()

    def _begin(self) -> None:
        self.position, self.digest, self.image = 0, b"", None
        self._items: Iterator[Any] = iter(self.stream.source)

    def get(self, image: int) -> Any:
        """An image by its number: by going on, or from the start where it was passed. Ended where there is none."""
        if image < self.position - 1:
            self._begin()
        while self.position <= image:
            self.advance()
        return self.image

    def advance(self) -> None:
        try:
            item = next(self._items)
        except StopIteration:
            self.stream.ended(self.position, self.digest)
            raise Ended from None
        except MemoryError:
            raise
        except Exception as error:
            raise RuntimeError(
                f"the stream fails after {self.position:,} images ({type(error).__name__}: {error}), and cannot go on; "
                "let it leave out what it cannot read"
            ) from error
        self.image, label = self.stream.take(item)
        self.digest = _hashed(self.digest, self.image, label)
        self.stream.passed(self.position, self.digest, label)
        self.position += 1

    def settle(self) -> None:
        """Go on to where the images that were passed can be told from others."""
        try:
            while 0 < self.position < self.stream.seen and not self.stream.is_mark(self.position - 1):
                self.advance()
        except Ended:
            pass


class StreamLabels:
    """The labels of a stream as far as it was read: a small number each, of the different ones that there are."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.given, self.why = classes, ""
        self._codes: array[int] | None = None  # none before the first label
        self._values: dict[Any, int] = {}
        self._numbers: tuple[int | None, ...] = ()
        self._classes = classes

    def add(self, label: Any, image: int) -> None:
        """The label of the next image."""
        if self.why or (label is None and self._codes is None):
            return
        try:
            value = one_label(label)
            if value not in self._values and len(self._values) >= _MOST_NAMES and isinstance(value, str):
                raise NoClasses(f"more than {_MOST_NAMES:,} different texts")
        except NoClasses as error:
            self._codes, self.why = None, str(error)
            warn(f"the data set has labels that are no classes: {self.why}; going on without labels: labels=… states "
                 "one class per image")  # fmt: skip
            return
        if self._codes is None:
            self._codes = array("i", [_UNLABELLED]) * image
        self._codes.append(_UNLABELLED if value is None else self._values.setdefault(value, len(self._values)))

    @property
    def settled(self) -> bool:
        """Whether the labels that are yet to come change nothing of those that are known."""
        return bool(self.given) or not any(isinstance(value, str) for value in self._values)

    def __getitem__(self, image: int) -> int | None:
        self._read()
        code = _UNLABELLED if self._codes is None or image >= len(self._codes) else self._codes[image]
        return None if code == _UNLABELLED else self._numbers[code]

    @property
    def classes(self) -> tuple[str, ...]:
        self._read()
        return self._classes

    def highest(self, images: int) -> int | None:
        self._read()
        if self._codes is None or len(self._codes) < images or _UNLABELLED in self._codes:
            return None
        numbers = [number for number in self._numbers if number is not None]
        return max(numbers) if len(numbers) == len(self._numbers) else None

    def told(self) -> tuple[int, int] | None:
        """(the highest class number, how many images have none); None where there are no labels."""
        self._read()
        if self._codes is None:
            return None
        return max((n for n in self._numbers if n is not None), default=-1), self._codes.count(_UNLABELLED)

    def _read(self) -> None:
        """Class numbers of the different labels, as a list of all of them would have them."""
        if len(self._numbers) == len(self._values):
            return
        try:
            found = read_labels(list(self._values), self.given, len(self._values))
        except ValueError as error:
            self._codes, self._values, self.why = None, {}, str(error)
            warn(f"the data set has labels that cannot be used: {error}; going on without labels: labels=… states one "
                 "class per image")  # fmt: skip
            return
        self._numbers, self._classes = found.numbers, found.classes


def _is_mark(image: int) -> bool:
    return image < _SINGLY or image % _BLOCK == _BLOCK - 1


def _hashed(before: bytes, image: Any, label: Any) -> bytes:
    """The chain of hashes, with one more image."""
    digest = hashlib.blake2b(before, digest_size=8)
    digest.update(repr(label)[:200].encode() if isinstance(label, int | str | bytes | None) else b"")
    if isinstance(image, Failed):
        digest.update(type(image.error).__name__.encode())
    elif isinstance(image, bytes):
        digest.update(image)
    elif isinstance(image, Image.Image):
        digest.update(f"{image.mode} {image.size}".encode())
        digest.update(image.tobytes())
    elif hasattr(image, "shape"):
        numbers = np.ascontiguousarray(plain(image))
        digest.update(f"{numbers.dtype.str} {numbers.shape}".encode())
        digest.update(numbers.reshape(-1).view(np.uint8).data if numbers.size else b"")
    else:
        digest.update(str(image)[:1000].encode(errors="surrogatepass"))
    return digest.digest()


def _changed(how: str) -> str:
    return (
        f"the stream is not what it was when it was read before: {how}. Its images are known by their order, so it "
        "must give the same ones in the same order each time: let it shuffle nothing (webdataset: shardshuffle=False, "
        "no .shuffle(); datasets: no .shuffle()), or give a folder or list. Where other images are meant by now, make "
        "it anew, with another name if it has one: sl.images(…, name=…)"
    )
