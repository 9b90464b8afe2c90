"""One data set of images; what the model sees and what CLIP sees are both derived from it."""

from __future__ import annotations

import copy
import hashlib
import os
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SUFFIXES = frozenset(Image.registered_extensions())
Window = tuple[float, float, float, float]  # left, top, right, bottom as shares of the image's width and height
WHOLE: Window = (0.0, 0.0, 1.0, 1.0)


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
    """

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

    def __len__(self) -> int:
        return self._length

    def __repr__(self) -> str:
        where = f" in {self.root}" if self.root else ""
        kinds = f", {len(self.classes)} classes" if self.classes else ""
        return f"<{len(self):,} images{where}{kinds}>"

    def name(self, image: int) -> str:
        return self._names[image] if self._names is not None else str(image)

    def number(self, name: str) -> int | None:
        """The number of the image with that name, or None."""
        if self._names is None:
            return int(name) if name.isdecimal() and int(name) < len(self) else None
        return self._names.index(name) if name in self._names else None

    def label(self, image: int) -> int | None:
        """The class number, or None where labels are not known."""
        return None if self._labels is None else int(self._labels[image])

    def labelled(self, labels: Sequence[int], classes: Sequence[str] | None = None) -> Images:
        """The same images with other labels (and class names, if given). ValueError unless there is one per image."""
        other = copy.copy(self)
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
    return [number[name] for name in names], known


def _plain(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture, np.float32).transpose(2, 0, 1) / 255


def images(
    source: str | os.PathLike[str] | Sequence[Any] | Any,
    transform: Callable[[Image.Image], Any] | None = None,
    *,
    labels: Sequence[int] | Sequence[str] | None = None,
    classes: Sequence[str] = (),
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
) -> Images:
    """One data set from a folder, a torch Dataset, or a list of PIL images (or of image paths).

    transform: turns a PIL image into the model's input, a tensor [channel height width], the same each time; without
               one the model sees the pixels in [0, 1].
    labels:    one class number or class name per image. By default the sub-folders of a folder, the `targets` of a
               data set, or the second items of a list of pairs; without any, all works but what needs classes.
    classes:   the names of the class numbers; by default the sub-folders, the names given, or the data set's own.
    mean, std: how a data set that yields tensors [channel height width] has normalised them (0 and 1 for pixels in
               [0, 1]), so that CLIP and you can see the pictures; instead of `transform`.

    A folder is read with all folders below it, in sorted order. A data set has `len()` and numbered items, each an
    image, a pair `(image, label)`, or a dict with an "image". Images are PIL pictures of any mode or size, uint8 arrays
    [height width 3], or tensors. Files that cannot be read are skipped by `fit` and listed in `lens.unreadable`.

    FileNotFoundError or ValueError where there is no image, TypeError for what is no image, transform or data set.
    """
    if transform is not None and not callable(transform):
        raise TypeError(
            f"transform is a {type(transform).__name__}; give a function from a PIL image to a tensor, such as "
            "weights.transforms()"
        )
    if (mean is None) != (std is None):
        raise ValueError("mean and std are stated together: mean=(…), std=(…)")
    normalisation = None if mean is None or std is None else (_channels(mean), _channels(std))
    if normalisation is not None and transform is not None:
        raise ValueError("give either transform (for pictures) or mean and std (for tensors), not both")
    highest = max((label for label in labels or () if not isinstance(label, str)), default=-1)
    if classes and highest >= len(classes):
        raise ValueError(f"label {highest} with {len(classes)} classes; class numbers count from 0")
    if isinstance(source, str | os.PathLike):
        return _from_folder(Path(source), transform, labels, classes)
    if not hasattr(source, "__len__") or not hasattr(source, "__getitem__"):
        raise TypeError(
            f"cannot read images from a {type(source).__name__}; needed is a folder, a data set with len() and "
            "numbered items, or a list of PIL images"
        )
    if len(source) == 0:
        raise ValueError("the data set is empty: no image to look at")
    if isinstance(source[0], str | os.PathLike):
        paths = [Path(source[i]) for i in range(len(source))]
        missing = next((p for p in paths if not p.is_file()), None)
        if missing is not None:
            raise FileNotFoundError(f"no image file {str(missing)!r}; paths are read from {str(Path.cwd())!r}")
        return _from_paths(paths, [str(p) for p in paths], None, transform, labels, classes)

    def load(image: int) -> Any:
        item = source[image]
        if isinstance(item, Mapping):
            return _of_mapping(item)
        return item[0] if isinstance(item, tuple | list) else item

    classes = classes or tuple(getattr(source, "classes", ()))
    labels = labels if labels is not None else _labels_of(source)
    return Images(None, len(source), load, labels, classes, transform, normalisation, lambda: _content(source, load))


def _of_mapping(item: Mapping[str, Any]) -> Any:
    """The image in a data-set item that is a dict."""
    if (name := next((name for name in ("image", "img") if name in item), None)) is None:
        raise TypeError(
            f"an item of the data set is a dict with {', '.join(map(str, item))}; needed is one with an 'image', or "
            "wrap the data set so that its items are (image, label)"
        )
    return item[name]


def _channels(value: float | Sequence[float]) -> tuple[float, ...]:
    return (float(value),) if isinstance(value, int | float) else tuple(float(v) for v in value)


def _labels_of(source: Any) -> Sequence[int] | Sequence[str] | None:
    """Labels without decoding images: torchvision's `targets`, else the second item of in-memory tuples."""
    targets = getattr(source, "targets", None)
    if targets is not None:
        return [int(t) for t in targets] if len(targets) == len(source) else None
    if isinstance(source, list | tuple) and isinstance(source[0], tuple | list) and len(source[0]) > 1:
        seconds = [item[1] for item in source]
        return seconds if isinstance(seconds[0], str) else [int(second) for second in seconds]
    return None


def _from_folder(
    folder: Path,
    transform: Callable[..., Any] | None,
    labels: Sequence[int] | Sequence[str] | None,
    classes: Sequence[str],
) -> Images:
    if not folder.is_dir():
        raise FileNotFoundError(
            f"no folder {str(folder)!r}; images() reads a folder, a data set or a list of PIL images"
        )
    paths = sorted(
        p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith(".") and p.is_file()
    )
    if not paths:
        raise ValueError(f"the folder {str(folder)!r} has no image files (.jpg, .png, .webp, .tif, …) in it")
    names = [p.relative_to(folder).as_posix() for p in paths]
    if labels is None and all("/" in n for n in names):
        classes = sorted({n.split("/")[0] for n in names})
        number = {c: i for i, c in enumerate(classes)}
        labels = [number[n.split("/")[0]] for n in names]
    return _from_paths(paths, names, folder, transform, labels, classes)


def _from_paths(
    paths: list[Path],
    names: list[str],
    root: Path | None,
    transform: Callable[..., Any] | None,
    labels: Sequence[int] | Sequence[str] | None,
    classes: Sequence[str],
) -> Images:
    def load(image: int) -> Image.Image:
        with Image.open(paths[image]) as opened:
            opened.load()
            return rgb(opened)

    def content() -> bytes:
        stats = ((n, s.st_size, s.st_mtime_ns) for n, s in ((n, p.stat()) for n, p in zip(names, paths, strict=True)))
        return "\n".join(f"{n}\0{size}\0{changed}" for n, size, changed in stats).encode()

    return Images(names, len(paths), load, labels, classes, transform, None, content, root)


def _content(source: Any, load: Callable[[int], Any]) -> bytes:
    """What a data set holds: pixels of a list; for a Dataset its pickled state, file dates, and sample pixels."""
    digest = hashlib.sha256(f"{type(source).__qualname__} {len(source)}".encode())
    everything: Iterable[int] = range(len(source))
    if not isinstance(source, list | tuple):
        try:
            digest.update(pickle.dumps(source))
            for path, *_ in getattr(source, "samples", ()):
                stat = os.stat(path)
                digest.update(f"{stat.st_size} {stat.st_mtime_ns}".encode())
            everything = sorted({round(i) for i in np.linspace(0, len(source) - 1, 32)})
        except (pickle.PicklingError, AttributeError, TypeError, OSError):
            pass  # state that cannot be pickled: every image is read instead
    for i in everything:
        digest.update(np.ascontiguousarray(np.asarray(load(i))).tobytes())
    return digest.digest()


def behaviour(transform: Callable[[Image.Image], Any] | None) -> bytes:
    """A hash of what a transform does to three fixed pictures, so that lambdas and edited code count too."""
    if transform is None:
        return b"no transform"
    noise = np.random.default_rng(0).integers(0, 256, (97, 131, 3), dtype=np.uint8)
    pictures = [Image.fromarray(noise), Image.fromarray(noise.transpose(1, 0, 2).copy()), _ramp(64, 64)]
    digest = hashlib.sha256()
    for picture in pictures:
        seen, again = (_transformed(transform, picture) for _ in range(2))
        if not np.array_equal(seen, again):
            raise ValueError(
                "the transform gives a different result each time (random augmentation?); a concept's examples must "
                "be found again, so pass the evaluation transform"
            )
        digest.update(repr(seen.shape).encode() + seen.tobytes())
    return digest.digest()


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


@dataclass(frozen=True, eq=False)
class Batch:
    """Items of one data set in order: `ids` of those that could be read, their `items`, and the unreadable."""

    ids: np.ndarray
    items: list[Any]
    unreadable: tuple[UnreadableImage, ...] = ()


def batches(
    ids: Sequence[int] | np.ndarray, load: Callable[[int], Any], size: int, workers: int | None = None
) -> Iterator[Batch]:
    """Batches of `load(i)` for each id in order, read ahead in threads while the caller works on the last one."""
    starts = range(0, len(ids), size)

    def one(image: int) -> Any:
        try:
            return load(image)
        except UnreadableImage as unreadable:
            return unreadable

    with ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1), thread_name_prefix="images") as pool:
        ahead: deque[tuple[Any, list[Future[Any]]]] = deque()

        def submit(start: int) -> None:
            part = ids[start : start + size]
            ahead.append((part, [pool.submit(one, int(i)) for i in part]))

        upcoming = iter(starts)
        try:
            for start in upcoming:
                submit(start)
                if len(ahead) == 2:
                    break
            while ahead:
                part, futures = ahead.popleft()
                results = [f.result() for f in futures]
                for start in upcoming:
                    submit(start)
                    break
                kept = [j for j, r in enumerate(results) if not isinstance(r, UnreadableImage)]
                yield Batch(
                    np.asarray([part[j] for j in kept], np.int64),
                    [results[j] for j in kept],
                    tuple(r for r in results if isinstance(r, UnreadableImage)),
                )
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
