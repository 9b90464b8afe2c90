"""Where images come from: a folder, a data set, a list of pictures or of files."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .value import Images, rgb

SUFFIXES = frozenset(Image.registered_extensions())


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
        return _stated(_from_folder(Path(source), transform, labels, classes), classes)
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
        return _stated(_from_paths(paths, [str(p) for p in paths], None, transform, labels, classes), classes)

    def load(image: int) -> Any:
        item = source[image]
        if isinstance(item, Mapping):
            return _of_mapping(item)
        return item[0] if isinstance(item, tuple | list) else item

    given, classes = classes, classes or tuple(getattr(source, "classes", ()))
    labels = labels if labels is not None else _labels_of(source)
    found = Images(
        None,
        len(source),
        load,
        labels,
        classes,
        transform,
        normalisation,
        lambda: _content(source, load),
        concurrent=isinstance(source, list | tuple | np.ndarray),
    )
    return _stated(found, given)


def _stated(found: Images, classes: Sequence[str]) -> Images:
    """The images, which know that the user named the classes."""
    found.stated = bool(classes) and found.classes == tuple(classes)
    return found


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
        folders = sorted({n.split("/")[0] for n in names})
        if classes and len(classes) != len(folders) and not set(folders) <= set(classes):
            raise ValueError(
                f"{len(classes)} classes for {len(folders)} sub-folders, of which not all are among them; name each "
                "sub-folder in sorted order, or give classes=… that have the names of the sub-folders among them"
            )
        classes = classes or folders
        labels = [n.split("/")[0] for n in names]
        if not set(folders) <= set(classes):
            labels = [folders.index(name) for name in labels]
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

    return Images(names, len(paths), load, labels, classes, transform, None, content, root, concurrent=True)


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
