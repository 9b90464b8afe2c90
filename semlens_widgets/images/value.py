"""The value: images by number, as a person sees them and as the model does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .. import fingerprints
from ..pictures import UnopenedPicture
from ..texts import whole_number
from .folders import readable
from .items import Normalisation, Reading, deep_numbers, normalised, shown
from .labels import Labels, read_classes, read_labels
from .stream import Cursor, Ended, Failed, Stream
from .tones import Range, Unstated, rgb
from .transform import WHOLE, Window, behaviour, seen_window

_SAMPLE = 16  # images that are looked at to know what their numbers mean
_LOOKED_AT = 8  # the first images, of which one is looked at to know whether tensors have one channel


@dataclass(frozen=True)
class Job:
    """One image to be read: its number and name, what is to be known to do it, and the image as its source gives it.

    `given` is None where the reader asks its own copy of the data set.
    """

    number: int
    detail: Any
    name: str | None = None
    given: Any = None


class Given:
    """Images as they come with the jobs of a worker; some are always at hand."""

    def __init__(self, some: Mapping[int, Any]) -> None:
        self.some, self.now = some, dict[int, Any]()

    def __call__(self, image: int) -> Any:
        return self.now[image] if image in self.now else self.some[image]


class UnreadableImage(ValueError):
    """An image that cannot be decoded; the message says why.

    Parameters
    ----------
    name
        Which image.
    why
        What is wrong with it.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("damaged.png").write_bytes(b"no picture")
    >>> try:
    ...     sl.images(["damaged.png"]).picture(0)
    ... except sl.UnreadableImage as error:
    ...     print("damaged.png" in str(error))
    True
    """

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name, self.why = name, why

    def __reduce__(self) -> tuple[Any, ...]:
        return UnreadableImage, (self.name, self.why)


class Images:
    """Images by number. Made by `sl.images(...)`.

    `len(data)`, `data.picture(i)`, `data.tensor(i)` and `data.label(i)` are what one uses; `names` identify the images
    to a reader (a path below the folder, or a number), `classes` are the class names where labels are known, and
    `fingerprint` changes when the images or the transform change.

    Parameters
    ----------
    names
        What the images are called; None: their numbers.
    length
        How many there are; None of a stream that was not read yet.
    load
        Gives one by its number.
    labels
        The class of each.
    transform
        Turns a PIL picture into the model's input.
    normalisation
        How tensors were normalised.
    content
        What tells these images from others.
    root
        The folder, where it is one.
    value_range
        The scale of pictures of more than 8 bits.
    concurrent
        Whether several threads may read at once; else one waits for the other.
    left_out
        What of a folder is not among the images.
    stated
        Whether the class names were given by the user, not found in the data.
    of_files
        Whether the images lie in files, which other processes may open as well.
    workers
        How many of these read, where that was stated.

    Examples
    --------
    >>> data = sl.images(sl.demo.images(4), transform=sl.demo.transform())
    >>> data.picture(0).size, tuple(data.tensor(0).shape), data.label(0) in (0, 1)
    ((64, 64), (3, 64, 64), True)
    """

    def __init__(
        self,
        names: Sequence[str] | None,
        length: int | None,
        load: Callable[[int], Any],
        labels: Labels,
        transform: Callable[[Image.Image], Any] | None,
        normalisation: Normalisation | None,
        content: Callable[[], str],
        root: Path | None = None,
        *,
        value_range: Range | None = None,
        concurrent: bool = False,
        left_out: Sequence[str] = (),
        stated: bool = False,
        of_files: bool = False,
        workers: int | None = None,
    ) -> None:
        self._names: Any = names
        self._length, self._load = length, load
        self._labels, self._classes, self.stated = labels.numbers or None, labels.classes, stated
        self._stream = load if isinstance(load, Stream) else None
        self.transform, self._normalisation, self.value_range = transform, normalisation, value_range
        self._reading = Reading(value_range, normalisation, self._numbers_of_others)
        self._content, self._fingerprint = content, ""
        self._windows: dict[tuple[int, int], Window] = {}
        self.root, self.left_out, self.concurrent = root, tuple(left_out), concurrent
        self.of_files, self.workers = of_files, workers
        self._ranges: list[tuple[float, float, bool]] | None = None  # in a sample, once it was looked at
        self._grey: bool | None = None  # whether the model's tensors have one channel
        self._set_locks()

    def _set_locks(self) -> None:
        self._one_reader: AbstractContextManager[Any] = nullcontext() if self.concurrent else threading.RLock()
        self._looking = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        """All but the locks, which are each process's own; with what is known of the fingerprint."""
        kept = {name: value for name, value in vars(self).items() if name not in ("_one_reader", "_looking")}
        return kept | {"_fingerprint": fingerprints.packed(self._fingerprint)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _fingerprint=fingerprints.unpacked(state["_fingerprint"]))
        self._set_locks()

    def __len__(self) -> int:
        return self._stream.count() if self._stream is not None else self._length or 0

    def __bool__(self) -> bool:
        return True

    @property
    def streamed(self) -> bool:
        """Whether the images come in order only: others than the next one take a way from the start."""
        return self._stream is not None

    @property
    def length(self) -> int | None:
        """How many images there are; None where a stream was not read to its end, which `len` would do."""
        return self._stream.length if self._stream is not None else self._length

    def memo(self) -> dict[str, Any] | None:
        """What is known of a stream, as JSON, for a pass that is continued another time; None of what has numbers."""
        return None if self._stream is None else self._stream.memo()

    def recall(self, memo: Mapping[str, Any] | None) -> None:
        """Take in what was known of a stream.

        Parameters
        ----------
        memo
            What `memo` gave another time.

        Raises
        ------
        ValueError
            Where it is another one by now.
        """
        if self._stream is not None and memo is not None:
            self._stream.recall(memo)

    def upto(self, most: int) -> range:
        """The numbers of the first images, fewer where there are fewer.

        Parameters
        ----------
        most
            How many at most.

        Returns
        -------
        range
            Their numbers.
        """
        return self._stream.upto(most) if self._stream is not None else range(min(most, len(self)))

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names; of a stream whose labels are names, these are all read for it."""
        if self._classes or self._stream is None or self._labels is not None:
            return self._classes
        return self._stream.class_names()

    def __repr__(self) -> str:
        if self._stream is not None and self._stream.length is None:
            return f"<a stream of images, {self._stream.read:,} of them read so far>"
        where = f" in {readable(self.root)}" if self.root else ""
        kinds = ", no labels"
        if (told := self._told_of_labels()) is not None:
            highest, missing = told
            classes = len(self.classes) or highest + 1
            kinds = f", {classes:,} class{'' if classes == 1 else 'es'}"
            kinds += f", {missing:,} without a label" if missing else ""
        scale = "" if self.value_range is None else ", values {:g} to {:g}".format(*self.value_range)
        out = f"; left out: {'; '.join(self.left_out)}" if self.left_out else ""
        return f"<{len(self):,} images{where}{kinds}{scale}{out}>"

    def _told_of_labels(self) -> tuple[int, int] | None:
        """(the highest label, how many images have none); None where there are no labels."""
        if self._labels is None:
            return None if self._stream is None else self._stream.labels.told()
        return max((n for n in self._labels if n is not None), default=-1), self._labels.count(None)

    def name(self, image: int) -> str:
        """The name of an image: its path below the folder, or its number.

        Parameters
        ----------
        image
            Its number.

        Returns
        -------
        str
            The name.
        """
        return str(image) if self._names is None else str(self._names[image])

    def number(self, name: str) -> int | None:
        """The number of the image with that name, or None.

        Parameters
        ----------
        name
            As `name` gives it.

        Returns
        -------
        int or None
            The number, or None.
        """
        if self._names is None:
            number = whole_number(name)
            return number if number is not None and (self.length is None or number < self.length) else None
        return self._names.index(name) if name in self._names else None

    def label(self, image: int) -> int | None:
        """The class number, or None where it is not known.

        Parameters
        ----------
        image
            Its number.

        Returns
        -------
        int or None
            The class number, or None.
        """
        if self._labels is None:
            return None if self._stream is None else self._stream.label(image)
        return self._labels[image]

    def labelled(self, labels: Any, classes: Any = None) -> Images:
        """The same images with other labels.

        Parameters
        ----------
        labels
            One for each image, as in `sl.images`.
        classes
            The class names; as they were unless given.

        Returns
        -------
        Images
            A new data set.

        Raises
        ------
        ValueError
            Unless there is one per image.
        """
        other = self._like()
        other.stated = self.stated if classes is None else bool(read_classes(classes))
        found = read_labels(labels, self.classes if classes is None else read_classes(classes), len(self))
        other._labels, other._classes = found.numbers, found.classes
        return other

    def _like(self) -> Images:
        """Another one of the same images, with the same locks: both read the same."""
        other = object.__new__(Images)
        vars(other).update(vars(self))
        return other

    def for_worker(self) -> Images:
        """What a process needs that reads for this one; names and files come with its jobs, labels stay here."""
        other = self._like()
        other._names = other._labels = other._stream = None
        other._content = str
        if self._stream is not None:
            first = self._stream.first()
            other._load, other._length = Given(dict(enumerate(first))), len(first)
        elif isinstance(self._load, Given):
            looked_at = {*_sample(len(self)), *self.upto(_LOOKED_AT)}
            other._load = Given({image: self._load(image) for image in sorted(looked_at)})
        other._reading = replace(self._reading, others=other._numbers_of_others, warned=set(self._reading.warned))
        return other

    def jobs(self, parts: Iterable[Sequence[tuple[int, Any]]], *, sent: bool) -> Iterator[list[Job]]:
        """Jobs of (number, what is to be known) pairs; those of a stream end where it does.

        Parameters
        ----------
        parts
            The pairs of each job.
        sent
            To a worker, with the names of the images, and with the images where these are cheap to send.

        Yields
        ------
        Iterator[list[Job]]
            The jobs, one after the other.
        """
        if self._stream is not None:
            yield from self._jobs_of_stream(self._stream, parts)
            return
        given = sent and isinstance(self._load, Given)
        names = self._names if sent else None
        for part in parts:
            yield [
                Job(n, detail, None if names is None else names[n], self._load(n) if given else None)
                for n, detail in part
            ]

    def _jobs_of_stream(self, stream: Stream, parts: Iterable[Sequence[tuple[int, Any]]]) -> Iterator[list[Job]]:
        cursor = Cursor(stream)
        for part in parts:
            found: dict[int, Any] = {}
            with suppress(Ended):
                for number in sorted({n for n, _ in part}):
                    found[number] = cursor.get(number)
            if not found:
                break
            yield [Job(n, detail, None, found[n]) for n, detail in part if n in found]
        cursor.settle()

    def holding(self, job: Job) -> Images:
        """These images where the one of a job is at hand, which a stream has passed.

        Parameters
        ----------
        job
            Whose image it is.

        Returns
        -------
        Images
            The data set.
        """
        if self._stream is None:
            return self
        other = self._like()
        other._load = Given({job.number: job.given})
        return other

    def take(self, jobs: Sequence[Job], tell: Callable[[tuple[str, str]], None]) -> None:
        """In a worker: what comes with its jobs.

        Parameters
        ----------
        jobs
            What it works on.
        tell
            Who is to be told what is said once of a data set.
        """
        if any(job.name is not None for job in jobs):
            self._names = {job.number: job.name for job in jobs}
        if isinstance(self._load, Given):
            self._load.now = {job.number: job.given for job in jobs}
        self._reading.say = lambda key, text: tell((key, text))

    def tell(self, key: str, text: str) -> None:
        """Warn of something that is said once of a data set, whoever met it.

        Parameters
        ----------
        key
            What it is about: said once for each.
        text
            What is said.
        """
        self._reading.tell(key, text)

    @property
    def highest_label(self) -> int | None:
        """The largest class number, or None where that of some image is not known."""
        if self._labels is None and self._stream is not None:
            return self._stream.highest_label()
        if self._labels is None or None in self._labels:
            return None
        return max(number for number in self._labels if number is not None)

    @property
    def fingerprint(self) -> str:
        """A hash of the images, their order, the normalisation and what the transform does."""
        if not self._fingerprint:
            with self._one_reader:
                content = self._content()
            settings = repr((self._normalisation, self.value_range))
            self._fingerprint = fingerprints.combined(content, settings, behaviour(self.transform))
        return self._fingerprint

    def picture(self, image: int) -> Image.Image:
        """The image as a person sees it.

        Parameters
        ----------
        image
            Its number.

        Returns
        -------
        Image.Image
            PIL, 8-bit RGB.

        Raises
        ------
        UnreadableImage
            Where it cannot be decoded.
        """
        item = self._item(image)
        return item if isinstance(item, Image.Image) else shown(item, self._normalisation)

    def tensor_and_size(self, image: int) -> tuple[Any, tuple[int, int]]:
        """The model's input and the (width, height) of the picture it came from, read once.

        Parameters
        ----------
        image
            Its number.

        Returns
        -------
        tuple[Any, tuple[int, int]]
            Both.
        """
        item = self._item(image)
        if not isinstance(item, Image.Image):
            self._grey = len(item) == 1
            return item, (int(item.shape[2]), int(item.shape[1]))
        if self.transform is None:
            return self.prepared(item), item.size
        try:
            return self.transform(item), item.size
        except MemoryError:
            raise
        except Exception as error:
            why = f"the transform fails on a picture of {item.width:,} × {item.height:,} pixels ({_reason(error)})"
            raise UnreadableImage(self.name(image), why) from error

    def tensor(self, image: int) -> Any:
        """The image as the model sees it: a float array or tensor [channel height width].

        Parameters
        ----------
        image
            Its number.

        Returns
        -------
        Any
            [channel height width], normalised.
        """
        return self.tensor_and_size(image)[0]

    def prepared(self, picture: Image.Image) -> Any:
        """What the model would see of any picture: transformed, or normalised as this data set's tensors are.

        Parameters
        ----------
        picture
            PIL, of any size.

        Returns
        -------
        Any
            [channel height width], normalised.
        """
        picture = rgb(picture, self.value_range)
        if self.transform is not None:
            return self.transform(picture)
        if self._normalisation is None:
            return _plain(picture)
        if self._grey is None:
            self._grey = self._has_grey_tensors()
        pixels = np.asarray(picture.convert("L"), np.float32)[None] / 255 if self._grey else _plain(picture)
        return normalised(pixels, self._normalisation)

    def _has_grey_tensors(self) -> bool:
        for image in self.upto(_LOOKED_AT):
            with suppress(UnreadableImage):
                item = self._item(image)
                return not isinstance(item, Image.Image) and len(item) == 1
        return False

    def window(self, size: tuple[int, int]) -> Window:
        """The part of a picture of that size the model sees, as shares of width and height (a centre crop cuts).

        Parameters
        ----------
        size
            (width, height) in pixels.

        Returns
        -------
        Window
            (left, top, right, bottom), in [0, 1].
        """
        if self.transform is None:
            return WHOLE
        if size not in self._windows:
            self._windows[size] = seen_window(self.transform, size)
        return self._windows[size]

    def _given(self, image: int) -> Any:
        """The image as its source gives it."""
        found = self._load(image)
        if isinstance(found, Failed):
            raise found.error
        return found

    def _item(self, image: int) -> Any:
        """A picture, or a tensor as it is. UnreadableImage for what is wrong with this image alone."""
        try:
            with self._one_reader:  # pictures that were opened and not read share a file, so this is part of it
                return self._reading.read(self._given(image))
        except (MemoryError, UnreadableImage):
            raise
        except Unstated as error:
            raise type(error)(f"image {self.name(image)} {error}") from error
        except Exception as error:
            if type(error).__name__ == "OutOfMemoryError":  # torch's is a RuntimeError
                raise
            raise UnreadableImage(self.name(image), _reason(error)) from error

    def _numbers_of_others(self, sixteen: bool) -> tuple[float, float] | None:
        """The least and greatest number in a sample of the data set, which is looked at once.

        sixteen: of 16-bit images, or of others of more than 8 bits.
        """
        with self._looking:
            if self._ranges is None:
                sample = _sample(len(self)) if self._stream is None else range(len(self._stream.first()))
                self._ranges = [seen for image in sample if (seen := self._range_in(image)) is not None]
            found = [(low, high) for low, high, has_sixteen in self._ranges if has_sixteen == sixteen]
        return (min(low for low, _ in found), max(high for _, high in found)) if found else None

    def _range_in(self, image: int) -> tuple[float, float, bool] | None:
        try:
            with self._one_reader:
                found = deep_numbers(self._given(image))
        except MemoryError:
            raise
        except Exception:
            return None
        if found is None or not found[0].size or not np.isfinite(found[0]).any():
            return None
        numbers = found[0][np.isfinite(found[0])]
        return float(numbers.min()), float(numbers.max()), bool(found[1])


def _sample(images: int) -> list[int]:
    return sorted({round(i) for i in np.linspace(0, images - 1, _SAMPLE)})


def _reason(error: Exception) -> str:
    """What an error says; what kind it is where that is not clear from what it says."""
    message = str(error).strip()
    if isinstance(error, UnopenedPicture) and message:
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _plain(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture, np.float32).transpose(2, 0, 1) / 255
