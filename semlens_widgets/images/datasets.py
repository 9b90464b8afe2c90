"""What data sets tell of themselves without decoding an image: labels, class names, file names, safety in threads."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from ..pictures import still
from ..warned import warn
from .folders import readable
from .items import image_of
from .labels import Labels, NoClasses, as_list, read_classes, read_labels
from .stream import LABEL_KEYS, Taken, taken

# torchvision's own data sets that open each file anew, or hold arrays: their items may be read by several threads.
_IN_THREADS = frozenset(
    {("folder", "ImageFolder"), ("cifar", "CIFAR10"), ("cifar", "CIFAR100"), ("mnist", "MNIST"),
     ("mnist", "FashionMNIST"), ("mnist", "KMNIST")}
)  # fmt: skip
_LABELS = ("targets", "labels", "_labels", "y")  # where data sets keep them; "_samples": pairs with a path


@dataclass(frozen=True)
class Known:
    """What is known of a data set: labels or why there are none, names of its files, and whether threads may read."""

    labels: Labels | None = None
    why: str = ""
    classes: tuple[str, ...] = ()
    names: tuple[str, ...] | None = None
    concurrent: bool = False


def known(source: Any) -> Known:
    """What a data set with `len()` and numbered items tells; no item of it is asked for, but those of lists."""
    if _is(source, "torch.utils.data", "Subset"):
        return _of_subset(source)
    if _is(source, "torch.utils.data", "ConcatDataset"):
        return _joined([known(part) for part in source.datasets], [len(part) for part in source.datasets])
    if _is(source, "torch.utils.data", "TensorDataset"):
        found = _labelled(source.tensors[1], (), len(source)) if len(source.tensors) > 1 else Known()
        return Known(found.labels, found.why, concurrent=True)
    if _is(source, "datasets", "Dataset"):
        return _of_table(source)
    if isinstance(source, list | tuple):
        return _of_list(source)
    if isinstance(source, np.ndarray) or _is(source, "torch", "Tensor"):
        return Known(concurrent=True)
    return _of_attributes(source)


def in_files(source: Any) -> bool:
    """Whether a data set is known to keep its images in files and little in memory, so that others may read it too."""
    if _is(source, "torch.utils.data", "Subset"):
        return in_files(source.dataset)
    if _is(source, "torch.utils.data", "ConcatDataset"):
        return all(map(in_files, source.datasets))
    if _is(source, "datasets", "Dataset"):
        return bool(source.cache_files)
    return _own(source) and _pairs(_get(source)("samples"), source)


def _is(source: Any, module: str, name: str) -> bool:
    """Whether it is one of a class in a library, which is not imported for it."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(source, kind)


def _of_subset(source: Any) -> Known:
    inner = known(source.dataset)
    indices = [int(i) for i in source.indices]
    labels = inner.labels and Labels(tuple(inner.labels.numbers[i] for i in indices), inner.labels.classes)
    names = None if inner.names is None else tuple(inner.names[i] for i in indices)
    return Known(labels, inner.why, inner.classes, names, inner.concurrent)


def _joined(parts: Sequence[Known], lengths: Sequence[int]) -> Known:
    names: tuple[str, ...] | None = ()
    for part in parts:
        names = None if names is None or part.names is None else names + part.names
    names = names if names and len(set(names)) == len(names) else None
    concurrent = all(part.concurrent for part in parts)
    if all(part.labels is None and not part.why for part in parts):
        return Known(classes=parts[0].classes, names=names, concurrent=concurrent)
    if (missing := next((i for i, part in enumerate(parts) if part.labels is None), None)) is not None:
        why = parts[missing].why or "no labels"
        return Known(why=f"data set {missing} of those joined has {why}", names=names, concurrent=concurrent)
    found = [part.labels for part in parts if part.labels is not None]
    if len({labels.classes for labels in found}) > 1:
        why = "the data sets joined have other classes under the same numbers"
        return Known(why=why, names=names, concurrent=concurrent)
    numbers = tuple(number for labels in found for number in labels.numbers)
    return Known(Labels(numbers, found[0].classes), "", found[0].classes, names, concurrent)


def _of_table(source: Any) -> Known:
    """A Hugging Face data set: the column of class labels, else one called "label"; images are not decoded for it."""
    column, several = _label_column(source)
    if several:
        return Known(why=f"several columns of classes ({', '.join(several)}), and it is not said which is meant")
    if column is None:
        return Known()
    classes = tuple(getattr(dict(source.features)[column], "names", None) or ())
    return _labelled(list(source.with_format(None)[column]), classes, len(source))


def _label_column(source: Any) -> tuple[str | None, Sequence[str]]:
    """(the column of labels, several columns of classes where it is not known which is meant)."""
    features = dict(source.features or {})
    marked = [name for name, feature in features.items() if type(feature).__name__ == "ClassLabel"]
    column = next((name for name in ("label", "labels") if name in features), None)
    if column is None and len(marked) > 1:
        return None, marked
    return column or next(iter(marked), None), ()


def is_stream(source: Any) -> bool:
    """Whether a source gives its items one after the other, without numbers, and can be begun again."""
    if isinstance(source, str | bytes | Mapping | set | frozenset) or not hasattr(source, "__iter__"):
        return False
    if any(base.__name__ == "IterableDataset" for base in type(source).__mro__):
        return True
    numbered = hasattr(source, "__len__") and hasattr(source, "__getitem__")
    column = hasattr(source, "iloc") or hasattr(source, "tolist") or hasattr(source, "columns")
    return not (numbered or column or hasattr(source, "__next__") or isinstance(source, Image.Image))


def of_stream(source: Any) -> tuple[Taken, tuple[str, ...]]:
    """(how the image and label are taken from an item of a stream, its own class names)."""
    if not _is(source, "datasets", "IterableDataset") or not source.features:
        return taken, ()
    image, (label, several) = image_column(source), _label_column(source)
    if several:
        warn(
            f"the data set has several columns of classes ({', '.join(several)}), and it is not said which is meant; "
            "going on without labels: labels=… states one class per image"
        )
    classes = tuple(getattr(dict(source.features).get(label), "names", None) or ())
    return partial(_of_columns, image, label), classes


def identity(source: Any) -> Any:
    """What a stream is made of, to be known by: without what is drawn at random, or met, anew each time it is made.

    Of webdataset the stages of the pipeline: one that shuffles nothing has a seed all the same. Of Hugging Face what
    examples are made of, and how.
    """
    if _is(source, "datasets", "IterableDataset"):
        parts = ("features", "_ex_iterable", "_formatting", "_distributed")
        return [getattr(source, name, None) for name in parts]
    stages = getattr(source, "pipeline", None)
    if isinstance(stages, list) and any(base.__module__.startswith("webdataset.") for base in type(source).__mro__):
        nothing = [getattr(stage, "args", ())[:1] == (False,) and "shuffle" in repr(stage) for stage in stages]
        return [stage for stage, shuffles_nothing in zip(stages, nothing, strict=True) if not shuffles_nothing]
    return source


def _of_columns(image: str | None, label: str | None, item: Mapping[str, Any]) -> tuple[Any, Any]:
    given = item if image is None or image not in item else {"image": item[image]}
    return taken(given)[0], None if label is None else item.get(label)


def image_column(source: Any) -> str | None:
    """The column of a Hugging Face data set that holds images, where there is just one."""
    if not (_is(source, "datasets", "Dataset") or _is(source, "datasets", "IterableDataset")):
        return None
    found = [name for name, feature in dict(source.features or {}).items() if type(feature).__name__ == "Image"]
    preferred = [name for name in ("image", "img") if name in found]
    return preferred[0] if preferred else found[0] if len(found) == 1 else None


def _of_list(source: Sequence[Any]) -> Known:
    concurrent = all(_in_memory(image_of_or_none(item)) for item in source)
    if all(isinstance(item, tuple | list) and len(item) > 1 for item in source):
        found = _labelled([item[1] for item in source], (), len(source))
    elif (
        key := next((k for k in LABEL_KEYS if all(isinstance(i, Mapping) and k in i for i in source)), None)
    ) is not None:
        found = _labelled([item[key] for item in source], (), len(source))
    else:
        found = Known()
    return Known(found.labels, found.why, found.classes, None, concurrent)


def image_of_or_none(item: Any) -> Any:
    """The image in an item, None where there is none."""
    try:
        return image_of(item)
    except TypeError:
        return None


def _in_memory(image: Any) -> bool:
    """Whether several threads may look at an item at once: what shares no open file with others."""
    if isinstance(image, Image.Image):
        return still(image)
    return image is None or isinstance(image, str | bytes | os.PathLike | np.ndarray) or _is(image, "torch", "Tensor")


def _of_attributes(source: Any) -> Known:
    classes: tuple[str, ...] = ()
    why = ""
    try:
        classes = read_classes(next((c for c in map(_get(source), ("classes", "categories")) if c is not None), None))
    except ValueError:
        why = "class names that are no list"
    samples = next((s for s in map(_get(source), ("samples", "imgs", "_samples")) if _pairs(s, source)), None)
    labels = next((found for found in map(_get(source), _LABELS) if found is not None), None)
    if labels is None and samples is not None:
        labels = [sample[1] for sample in samples]
    found = Known(classes=classes, why=why) if labels is None else _of_targets(source, labels, classes)
    own = _own(source)
    names = None
    if own and samples is not None and (root := _get(source)("root")) is not None:
        names = tuple(readable(os.path.relpath(sample[0], root).replace(os.sep, "/")) for sample in samples)
    return Known(found.labels, found.why, found.classes, names, own)


def _of_targets(source: Any, labels: Any, classes: tuple[str, ...]) -> Known:
    changed = getattr(source, "target_transform", None)
    if callable(changed):
        try:
            labels = [changed(label) for label in as_list(labels) or ()]
        except Exception as error:
            return Known(why=f"a target_transform that fails on its targets ({error})", classes=classes)
    found = _labelled(labels, classes, len(source))
    return found if found.labels is None or not callable(changed) else _renamed(found, classes)


def _renamed(found: Known, classes: tuple[str, ...]) -> Known:
    """Labels that a target_transform made: the names of the numbers before are not theirs."""
    assert found.labels is not None
    if classes and found.labels.classes == classes:
        return Known(Labels(found.labels.numbers), found.why)
    return found


def _labelled(labels: Any, classes: tuple[str, ...], length: int) -> Known:
    try:
        found = read_labels(labels, classes, length)
    except NoClasses as error:
        return Known(why=f"labels that are no classes: {error}", classes=classes)
    except ValueError as error:
        return Known(why=f"labels that cannot be used: {error}", classes=classes)
    if all(number is None for number in found.numbers):
        return Known(classes=classes)
    return Known(found, "", found.classes)


def _own(source: Any) -> bool:
    """Whether it is just one of torchvision's data sets whose items several threads may read."""
    kind, loader = type(source), getattr(source, "loader", None)
    *package, module = kind.__module__.split(".")
    own_loader = loader is None or getattr(loader, "__module__", "") == "torchvision.datasets.folder"
    return package == ["torchvision", "datasets"] and (module, kind.__qualname__) in _IN_THREADS and own_loader


def _pairs(samples: Any, source: Any) -> bool:
    return (
        isinstance(samples, list | tuple) and len(samples) == len(source) > 0
        and all(isinstance(sample, list | tuple) and len(sample) == 2 for sample in samples)
    )  # fmt: skip


def _get(source: Any) -> Any:
    """A function that gives an attribute of a data set, None where asking for it fails."""

    def value(name: str) -> Any:
        try:
            found = getattr(source, name, None)
        except Exception:
            return None
        return None if callable(found) else found

    return value
