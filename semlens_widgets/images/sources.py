"""Where images come from: a folder, a data set, a list of pictures or of files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..fingerprints import combined, of_data, of_files
from ..warned import warn
from .datasets import Known, identity, image_column, image_of_or_none, in_files, is_stream, known, of_stream
from .folders import read_folder, readable
from .items import Normalisation, image_of
from .labels import Labels, NoClasses, as_list, read_classes, read_labels
from .loaders import from_loader, is_loader, without_transform
from .stream import Cursor, Failed, Stream
from .tones import checked_range
from .value import Given, Images


def images(
    source: Any,
    transform: Callable[[Image.Image], Any] | None = None,
    *,
    labels: Any = None,
    classes: Any = (),
    mean: Any = None,
    std: Any = None,
    value_range: Any = None,
    name: str | None = None,
) -> Images:
    """One data set from a folder, a torch or Hugging Face Dataset, a list of pictures or of their files, or a stream.

    Parameters
    ----------
    source
        Any of these; what each has to be stands below.
    transform
        Turns a PIL image into the model's input, a tensor [channel height width], the same each time; without one the
        model sees the pixels in [0, 1].
    labels
        One class per image: whole numbers or names, as a list, array, tensor or column; None, NaN and -1 are images
        without one. By default the sub-folders of a folder, what a data set keeps (`targets`, a column of class
        labels), or the second items of a list of pairs. Labels that are no classes, such as boxes or several classes at
        once, are left out with a warning; all works without but what needs classes.
    classes
        The names of the class numbers; by default the sub-folders, the names given, or the data set's own.
    mean, std
        How a data set that yields tensors [channel height width] has normalised them (0 and 1 for pixels in [0, 1]), so
        that CLIP and you can see the pictures; instead of `transform`. Tensors of whole numbers from 0 to 255 are
        divided by 255 and normalised so.
    value_range
        The numbers that are black and white, on one scale for the whole data set: for pictures and arrays of more than
        8 bits and for floats, such as (0, 4095) or (-1000, 1000); what lies beyond is clipped. Without it 16-bit
        pictures that use the upper half of their range are read on the whole of it, and others are refused with the
        numbers that were seen.
    name
        Of a stream or data set what it holds, such as "imagenet-train 2012", where that cannot be told from its code,
        state and files; what was made from it is then found again under its name and first images.

    Returns
    -------
    Images
        One data set that model, CLIP and people look at.

    Raises
    ------
    FileNotFoundError
        Where there is no image.
    ValueError
        Where there is no image.
    TypeError
        For what is no image, transform or data set.

    Notes
    -----
    A folder is read as torchvision's ImageFolder reads it: the same classes and files in the same order, folders hidden
    by a dot apart; without sub-folders of images, its own. `repr` tells what is left out. A data set has `len()` and
    numbered items, each an image, a pair `(image, label)`, or a dict with an "image". Images are PIL pictures of any
    mode or size, arrays [height width], [height width channel] or [channel height width], or tensors. Model, CLIP and
    people see the same picture: the first of a file, as stored (EXIF rotation is not applied), alpha dropped.

    A stream has no length or numbers, but can be begun again: webdataset's, Hugging Face's with streaming, anything
    that `iter()` begins anew. Its images are numbered by their order, and later passes pick them by number; a stream
    that then gives others, because it shuffles, is refused. What gives its items only once is refused, too.

    A data set with an attribute `transform` that makes tensors of its pictures gives the pictures and the transform. A
    DataLoader is taken as it is: its data set, the image and label that its `collate_fn` makes of one item, and its
    `num_workers`. Its order does not matter; a sampler that draws some images at random is refused.

    Images that cannot be read are skipped by `fit` and listed in `lens.unreadable`. Folders, lists and arrays are read
    in several threads; any other data set in order by one, as it may hold a single open file. `workers=` of `fit` and
    other passes reads in as many processes; folders with many images are read so unasked.

    Examples
    --------
    >>> pictures = [picture for picture, _ in sl.demo.images(4)]
    >>> data = sl.images(pictures, transform=sl.demo.transform(), labels=["nevus", "melanoma"] * 2)
    >>> len(data), data.classes
    (4, ('melanoma', 'nevus'))
    """
    if transform is not None and not callable(transform):
        raise TypeError(
            f"transform is a {type(transform).__name__}; give a function from a PIL image to a tensor, such as "
            "weights.transforms()"
        )
    normalisation = _normalisation(mean, std)
    scale = checked_range(value_range)
    if normalisation is not None and (transform is not None or scale is not None):
        other = "transform (for pictures)" if transform is not None else "value_range (for numbers as they are)"
        raise ValueError(f"give either {other} or mean and std (for tensors), not both")
    given = read_classes(classes)
    if isinstance(source, str | os.PathLike):
        return _from_folder(Path(source), transform, labels, given, scale)
    if is_loader(source):
        stated = {"transform": transform, "labels": labels, "classes": classes, "mean": mean, "std": std}
        return from_loader(source, images, stated | {"value_range": value_range, "name": name})
    if is_stream(source):
        return _from_stream(source, transform, labels, given, scale, normalisation, name)
    source = _numbered_items(source)
    if len(source) == 0:
        raise ValueError("the data set is empty: no image to look at")
    about = known(source)
    if transform is None and normalisation is None and scale is None:
        source, transform = without_transform(source)
    if isinstance(source, list | tuple | np.ndarray):
        paths = [image_of_or_none(item) for item in source] if _is_path(image_of_or_none(source[0])) else [None]
        if all(map(_is_path, paths)):
            return _from_paths(
                [os.fspath(path) for path in paths if path is not None], transform, labels, given, scale, about
            )
    load = _Items(source, image_column(source))
    return Images(
        about.names, len(source), load, _classes(labels, given, about, len(source)), transform, normalisation,
        partial(_content, source, load, name), value_range=scale, concurrent=about.concurrent, stated=bool(given),
        of_files=in_files(source),
    )  # fmt: skip


class _Items:
    """The images of a data set with numbered items."""

    def __init__(self, source: Any, column: str | None) -> None:
        self.source, self.column = source, column

    def __call__(self, image: int) -> Any:
        item = self.source[image]
        found = item[self.column] if self.column is not None and isinstance(item, Mapping) else image_of(item)
        return image_of(found) if isinstance(found, Mapping) else found


class _Files(Given):
    """The images of files, by their paths."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = paths

    def __call__(self, image: int) -> str:
        return self.paths[image]


def _normalisation(mean: Any, std: Any) -> Normalisation | None:
    if (mean is None) != (std is None):
        raise ValueError("mean and std are stated together: mean=(…), std=(…)")
    if mean is None or std is None:
        return None
    try:
        found = _channels(mean), _channels(std)
    except (TypeError, ValueError):
        found = (), ()
    finite = all(np.isfinite(number) for numbers in found for number in numbers)
    if not finite or {len(found[0]), len(found[1])} - {1, 3} or min(found[1]) <= 0:
        raise ValueError(
            f"mean={mean!r:.60}, std={std!r:.60}; needed are one number each, or one for each of three channels, and "
            "std is above 0"
        )
    return found


def _channels(value: Any) -> tuple[float, ...]:
    return tuple(float(v) for v in np.asarray(value, np.float64).reshape(-1))


def _is_path(item: Any) -> bool:
    return isinstance(item, str | os.PathLike)


def _numbered_items(source: Any) -> Any:
    """The source, if it has a length and numbered items. TypeError with what to give instead of others."""
    kind = type(source).__name__
    instead = ""
    if hasattr(source, "columns") and hasattr(source, "iloc"):
        instead = "give its column of files: sl.images(table['path'], labels=table['label'])"
    elif hasattr(source, "iloc") or (hasattr(source, "tolist") and not hasattr(source, "ndim")):
        return list(source)
    elif isinstance(source, Image.Image):
        instead = "give a list of pictures: sl.images([picture])"
    elif isinstance(source, Mapping):
        first = next(iter(source), "train")
        instead = f"give one data set of it, such as sl.images(source[{first!r}]), or list(source.values())"
    elif isinstance(source, set | frozenset):
        instead = "it has no order; give a list"
    elif hasattr(source, "__next__"):
        instead = (
            "it gives its items once, and examples are looked at again; give what can be begun again, an object whose "
            "__iter__ makes a new generator, or list(…) of it where all fits in memory"
        )
    elif getattr(source, "ndim", 4) == 3 and _as_one_picture(source):
        instead = f"its shape {tuple(source.shape)} is that of one picture; give a list of pictures, or picture[None]"
    elif hasattr(source, "__len__") and hasattr(source, "__getitem__") and not isinstance(source, bytes):
        return source
    instead = instead or (
        "needed is a folder, a data set with len() and numbered items or with __iter__, or a list of PIL images"
    )
    raise TypeError(f"cannot read images from a {kind}; {instead}")


def _as_one_picture(source: Any) -> bool:
    return source.shape[2] in (1, 3, 4) if isinstance(source, np.ndarray) else source.shape[0] in (1, 3, 4)


def _classes(labels: Any, given: tuple[str, ...], about: Known, length: int) -> Labels:
    """The labels and class names of a data set: those stated, else its own; a warning where these are no classes."""
    if labels is None:
        if about.labels is not None:
            return renamed(about.labels, given)
        if about.why:
            warn(f"the data set has {about.why}; going on without labels: labels=… states one class per image")
        return Labels((), given or about.classes)
    names = given or (about.classes if _fits(labels, about.classes) else ())
    try:
        return read_labels(labels, names, length)
    except NoClasses as error:
        warn(f"labels are no classes: {error}; going on without labels: labels=… states one class per image")
        return Labels((), names)


def _fits(labels: Any, classes: tuple[str, ...]) -> bool:
    """Whether labels are numbers, or names some of which are classes."""
    names = {str(label) for label in as_list(labels) or () if isinstance(label, str)}
    return not names or bool(names & set(classes))


def renamed(labels: Labels, classes: tuple[str, ...]) -> Labels:
    """Labels under other class names: numbered anew where the old names are among them, else renamed in order."""
    old = labels.classes
    if not classes or classes == old:
        return labels
    if old and set(old) <= set(classes) and len(set(classes)) == len(classes):
        number = [classes.index(name) for name in old]
        return Labels(tuple(None if n is None else number[n] for n in labels.numbers), classes)
    highest = max((n for n in labels.numbers if n is not None), default=-1)
    if old and (len(classes) != len(old) or set(old) & set(classes)):
        odd = next((name for name in old if name not in classes), old[0])
        raise ValueError(
            f"{len(classes)} class names for {len(old)} classes ({odd!r} is not among them); give as many, or names "
            "among which all of these are"
        )
    if highest >= len(classes):
        raise ValueError(f"label {highest} with {len(classes)} classes; class numbers count from 0")
    return Labels(labels.numbers, classes)


def _from_stream(
    source: Any,
    transform: Callable[..., Any] | None,
    labels: Any,
    classes: tuple[str, ...],
    scale: tuple[float, float] | None,
    normalisation: Normalisation | None,
    name: str | None,
) -> Images:
    take, own = of_stream(source)
    about, expected = Known(classes=own), None if labels is None else len(as_list(labels) or ())
    stated = Labels((), classes or own) if expected is None else _classes(labels, classes, about, expected)
    stream = Stream(source, take, stated.classes, expected)
    if not stream.upto(1):
        raise ValueError("the data set is empty: no image to look at")
    return Images(
        None, None, stream, stated, transform, normalisation, partial(_content_of_stream, stream, name),
        value_range=scale, concurrent=True, stated=bool(classes),
    )  # fmt: skip


def _from_folder(
    folder: Path,
    transform: Callable[..., Any] | None,
    labels: Any,
    classes: tuple[str, ...],
    scale: tuple[float, float] | None,
) -> Images:
    found = read_folder(folder)
    if found.beside:
        warn(
            f"{found.beside:,} image{'s' if found.beside > 1 else ''} beside the class folders of "
            f"{readable(folder)!r} {'are' if found.beside > 1 else 'is'} left out: they belong to no class"
        )
    own = None if found.labels is None else Labels(found.labels, found.classes)
    about = Known(own, classes=found.classes, names=found.names, concurrent=True)
    if labels is not None:
        about = Known(names=found.names)
    return Images(
        found.names, len(found.paths), _Files(found.paths), _classes(labels, classes, about, len(found.paths)),
        transform, None, partial(_files, found.names, found.paths), folder, value_range=scale, concurrent=True,
        left_out=found.left_out, stated=bool(classes), of_files=True,
    )  # fmt: skip


def _from_paths(
    paths: Sequence[str],
    transform: Callable[..., Any] | None,
    labels: Any,
    classes: tuple[str, ...],
    scale: tuple[float, float] | None,
    about: Known,
) -> Images:
    missing = next((path for path in paths if not os.path.isfile(path)), None)
    if missing is not None:
        where = "web addresses are not fetched" if "://" in missing else f"paths are read from {str(Path.cwd())!r}"
        raise FileNotFoundError(f"no image file {readable(missing)!r}; {where}")
    names = [readable(path) for path in paths]
    return Images(
        names, len(paths), _Files(paths), _classes(labels, classes, about, len(paths)), transform, None,
        partial(_files, names, paths), value_range=scale, concurrent=True, stated=bool(classes),
        of_files=True,
    )  # fmt: skip


_READ_WHOLE = 256  # images up to which a data set is read to know it; of more, as many as
_READ = 32


def _files(names: Sequence[str], paths: Sequence[str]) -> str:
    return of_files(names, paths).hex()


def _content(source: Any, load: Callable[[int], Any], name: str | None) -> str:
    """What a data set holds, as a hash: the pixels of a list; of a Dataset its code, its state and the files it names.

    Pixels count, too: all of a small one, some of a large one. A `name` stands for what a Dataset is.
    """
    seen = partial(_seen, load)

    def answer(number: int) -> np.ndarray:
        return np.asarray(seen(number * (len(source) - 1)))

    whole = isinstance(source, list | tuple) or len(source) <= _READ_WHOLE
    chosen = range(len(source)) if whole else sorted({round(i) for i in np.linspace(0, len(source) - 1, _READ)})
    pixels = combined(*(of_data(seen(image)) for image in chosen))
    if isinstance(source, list | tuple):
        return combined(str(len(source)), pixels)
    return combined(str(len(source)), pixels, of_data(source, answer) if name is None else f"called {name}")


def _content_of_stream(stream: Stream, name: str | None) -> str:
    """What a stream holds, as a hash: its name, or its code, its state and the files it names; and its first images."""

    def answer(number: int) -> np.ndarray:
        return np.asarray(_seen(Cursor(stream).get, number))

    pixels = combined(*(of_data(_seen(stream, image)) for image in stream.upto(_READ)))
    return combined("stream", pixels, of_data(identity(stream.source), answer) if name is None else f"called {name}")


def _seen(load: Callable[[int], Any], image: int) -> Any:
    """The image that a data set gives, for a hash."""
    try:
        item = load(image)
    except MemoryError:
        raise
    except Exception as error:  # an image that cannot be read is skipped by a pass, too
        return type(error).__name__
    if isinstance(item, Failed):
        return type(item.error).__name__
    return item if isinstance(item, Image.Image) else np.asarray(item)
