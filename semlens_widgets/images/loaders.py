"""torch's DataLoader as a source: the images of its data set, in its order, as its transform and collate make them."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from ..warned import warn
from .datasets import is_stream, known
from .items import image_of, plain
from .stream import LABEL_KEYS
from .value import Images

_TRIED = 4  # items on which a transform that was taken out of a data set must give what the data set gives


def is_loader(source: Any) -> bool:
    """Whether it is a DataLoader of torch's."""
    kind = getattr(sys.modules.get("torch.utils.data"), "DataLoader", None)
    return isinstance(kind, type) and isinstance(source, kind)


def from_loader(loader: Any, images: Callable[..., Images], stated: Mapping[str, Any]) -> Images:
    """The images of a DataLoader; `images` is `sl.images`, which is called with what was `stated`.

    TypeError or ValueError for a sampler that draws at random, or a loader whose data set gives whole batches.
    """
    data = loader.dataset
    if loader.batch_size is None and loader.batch_sampler is None and is_stream(data):
        raise TypeError(
            "this DataLoader has batch_size=None: its data set gives whole batches; give the data set before it makes "
            "batches (webdataset: without .batched()), as sl.images(data)"
        )
    labels: dict[str, Any] = {}
    if not is_stream(data):
        if getattr(loader, "drop_last", False) and len(data) % (loader.batch_size or 1):
            warn("drop_last=True of the DataLoader is not followed: all images are read, the last few as well")
        if (ids := _chosen(loader)) is not None:
            from torch.utils.data import Subset

            data = Subset(data, ids)
    if not _is_default(loader.collate_fn):
        if not is_stream(data) and stated["labels"] is None and (about := known(data)).labels is not None:
            labels = {"labels": list(about.labels.numbers), "classes": stated["classes"] or about.labels.classes}
        data = (_CollatedStream if is_stream(data) else _Collated)(data, loader.collate_fn)
    found: Images = images(data, **(dict(stated) | labels))
    found.workers = int(loader.num_workers)
    return found


def _is_default(collate: Any) -> bool:
    return getattr(collate, "__module__", "").startswith("torch.utils.data._utils.collate")


def _chosen(loader: Any) -> list[int] | None:
    """The numbers of the images that a loader's sampler gives; None for all, in whatever order it gives them."""
    from torch.utils.data import BatchSampler, RandomSampler, SequentialSampler, SubsetRandomSampler

    sampler, batches = loader.sampler, loader.batch_sampler
    if batches is not None:  # where one is given, the loader's own sampler has no part in it
        sampler = batches.sampler if type(batches) is BatchSampler else batches
    kind = type(sampler).__name__
    if type(sampler) is SequentialSampler:
        return None
    if type(sampler) is RandomSampler and not sampler.replacement and sampler.num_samples == len(loader.dataset):
        return None
    if type(sampler) is SubsetRandomSampler:
        return sorted(int(i) for i in sampler.indices)
    refused = f"the DataLoader's {kind} "
    instead = "give its data set, sl.images(loader.dataset), or those images that are meant, as a Subset of it"
    if kind in ("DistributedSampler", "RandomSampler", "WeightedRandomSampler"):
        gives = "gives each process a part" if kind == "DistributedSampler" else "draws images at random"
        raise ValueError(f"{refused}{gives}; {instead}")
    first, again = _listed(sampler), _listed(sampler)
    if sorted(first) != sorted(again) or len(set(first)) != len(first):
        raise ValueError(f"{refused}gives other images each time, or some of them twice; {instead}")
    return sorted(first)


def _listed(sampler: Any) -> list[int]:
    return [int(i) for part in sampler for i in (part if isinstance(part, Sequence) else (part,))]


def without_transform(data: Any) -> tuple[Any, Any]:
    """(a data set that gives pictures, the transform that it would apply to them), so that people and CLIP see the
    pictures; (the data set, None) where it has none, or not in the usual way.

    The usual way is an attribute `transform`. It is tried: without it the data set must give PIL images of which the
    transform makes just what the data set gives.
    """
    if type(data).__name__ == "Subset" and type(data).__module__.startswith("torch.utils.data"):
        inner, transform = without_transform(data.dataset)
        return (data, None) if transform is None else (type(data)(inner, data.indices), transform)
    transform = getattr(data, "transform", None)
    if not callable(transform) or not hasattr(data, "__len__") or not hasattr(data, "__getitem__"):
        return data, None
    try:
        bare = copy.copy(data)
        bare.transform = None
        if getattr(bare, "transforms", None) is not None:
            bare.transforms = None
        for number in sorted({round(n) for n in np.linspace(0, len(data) - 1, _TRIED)}):
            picture, seen = image_of(bare[number]), image_of(data[number])
            if not isinstance(picture, Image.Image) or isinstance(seen, Image.Image):
                return data, None
            if not np.array_equal(plain(transform(picture)), plain(seen)):
                return data, None
    except Exception:  # whatever a data set does without its transform
        return data, None
    return bare, transform


class _Collated:
    """A data set of what a loader's `collate_fn` makes of each item, alone in a batch."""

    def __init__(self, data: Any, collate: Callable[[list[Any]], Any]) -> None:
        self.data, self.collate = data, collate

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, image: int) -> Any:
        return single(self.collate([self.data[image]]))


class _CollatedStream:
    """The same of a stream."""

    def __init__(self, data: Any, collate: Callable[[list[Any]], Any]) -> None:
        self.data, self.collate = data, collate

    def __iter__(self) -> Any:
        return (single(self.collate([item])) for item in self.data)


def single(batch: Any) -> Any:
    """The one item of a batch of one: (image, label) of a pair, a dict of its parts; the parts' first row each."""
    if isinstance(batch, Mapping):
        found = {name: _row(part) for name, part in batch.items()}
        if "pixel_values" in found and "image" not in found:  # as Hugging Face's processors call it
            found["image"] = found["pixel_values"]
        if "labels" in found and not any(key in found for key in LABEL_KEYS):
            found["label"] = found["labels"]
        return found
    if isinstance(batch, tuple | list) and len(batch) > 1:
        return tuple(_row(part) for part in batch)
    return _row(batch[0] if isinstance(batch, tuple | list) else batch)


def _row(part: Any) -> Any:
    """The first row of what a batch holds."""
    if hasattr(part, "shape"):
        return part[0] if len(part.shape) else part
    return part[0] if isinstance(part, list | tuple) and len(part) else part
