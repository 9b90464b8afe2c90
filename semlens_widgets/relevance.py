"""Relevance over a data set: per class, which components carry its predictions, in one streaming pass."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from jaxtyping import Float, Int
from tqdm.auto import tqdm

from . import store
from .attribution import Attribution
from .attribution.values import Backend
from .components import Component, Components
from .examples import NOTHING, Tally
from .images import Images, UnreadableImage, batches
from .model import Layer, NotFinite, resolve, stack
from .results import Result
from .vectors import frozen, rank_keys, unrank_keys

if TYPE_CHECKING:
    import torch

Target = Literal["auto", "label", "predicted"]
OnStep = Callable[[int, int], None]
NO_IMAGE = int(np.iinfo(np.int32).max)  # where a class has fewer images than k; no image has this number
_UNIT = 2.0**40  # a share of a layer's relevance is added up as a whole number of 2^-40
_AT_MOST = 16_384  # images kept in `values` unless the caller says otherwise


@dataclass(frozen=True, eq=False)
class Relevance(Result):
    """How much each component contributes to each class, over a data set.

    An image's relevance is divided by the sum of its absolute values in the layer, sign kept: what is added up is
    each component's share of its layer in each image, in [-1, 1], positive where it spoke for the class. Every image
    is explained for one class, its target: `statistic` says whether that is its label or the model's prediction.

    counts:     [class], images with that target.
    mean:       [class component], over the class's images; 0 for a class without images.
    share:      [class component], mean of the absolute values: the component's part of all that moved in its layer for
                the class. In [0, 1]; adds up to 1 over a layer.
    images, targets, values: a sample of images, the class each was explained for, and its relevances
                [image component], float16. At most `sample` per class, the same whatever the order of the pass, those
                of `first` before others: for intervals by resampling.
    top_images, top_values: [class component k], the class's images in which the component is most relevant, strongest
                first, equal ones by lower number. NO_IMAGE and NaN where the class has fewer images than k.
    backend:    "lrp" or "gradient".
    sums, magnitudes: what mean and share are made from, as whole numbers of 2^-40: they add up exactly.
    """

    components: Components
    classes: tuple[str, ...]
    counts: Int[np.ndarray, " class"]
    mean: Float[np.ndarray, "class component"]
    share: Float[np.ndarray, "class component"]
    images: Int[np.ndarray, " image"]
    targets: Int[np.ndarray, " image"]
    values: Float[np.ndarray, "image component"]
    top_images: Int[np.ndarray, "class component k"]
    top_values: Float[np.ndarray, "class component k"]
    backend: str
    statistic: str
    sums: Int[np.ndarray, "class component"] | None = None
    magnitudes: Int[np.ndarray, "class component"] | None = None
    sample: int = 0
    unreadable: tuple[tuple[str, str], ...] = field(default=())
    first: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        classes, components = len(self.classes), len(self.components)
        if self.mean.shape != (classes, components) or self.share.shape != (classes, components):
            raise ValueError(
                f"relevance of shape {self.mean.shape} for {classes} classes and {components} components; it is "
                "[class component]"
            )
        if not len(self.images) == len(self.targets) == len(self.values):
            raise ValueError(f"{len(self.images)} images, {len(self.targets)} targets, {len(self.values)} values")
        if self.top_images.shape[:2] != (classes, components) or self.top_images.shape != self.top_values.shape:
            raise ValueError(f"top images of shape {self.top_images.shape}; they are [class component k]")
        for name in (
            "counts", "mean", "share", "images", "targets", "values", "top_images", "top_values", "sums", "magnitudes",
        ):  # fmt: skip
            if getattr(self, name) is not None:
                object.__setattr__(self, name, frozen(getattr(self, name)))

    @property
    def k(self) -> int:
        return self.top_images.shape[2]

    def number(self, target: int | np.integer | str) -> int:
        """The number of a class given by name or number; KeyError with the nearest name if there is none."""
        return class_number(target, self.classes)

    def of(self, target: int | np.integer | str) -> Float[np.ndarray, " component"]:
        """Mean relevance of every component for one class, given by name or number."""
        return self.mean[self.number(target)]

    def share_of(self, target: int | np.integer | str) -> Float[np.ndarray, " component"]:
        """Each component's share of its layer for one class, given by name or number."""
        return self.share[self.number(target)]

    def values_of(self, target: int | np.integer | str) -> Float[np.ndarray, "image component"]:
        """The sampled images of one class, for intervals."""
        return self.values[self.targets == self.number(target)]

    def top(
        self, target: int | np.integer | str, n: int = 10, layer: str | None = None
    ) -> list[tuple[Component, float]]:
        """The n components with the largest absolute mean for a class, with their mean."""
        mean = self.of(target)
        rows = np.arange(len(self.components))[self.components.rows(layer)]
        order = rows[np.argsort(-np.abs(mean[rows]), kind="stable")[:n]]
        return [(self.components[int(row)], float(mean[row])) for row in order]

    def top_of(self, target: int | np.integer | str, component: int | str | Component) -> list[tuple[int, float]]:
        """The class's images in which a component is most relevant: (image, relevance), strongest first."""
        at = self.number(target), self.components.row(component)
        kept = self.top_images[at] != NO_IMAGE
        return [(int(i), float(v)) for i, v in zip(self.top_images[at][kept], self.top_values[at][kept], strict=True)]

    def merge(self, other: Relevance) -> Relevance:
        """The relevance over both shards of a data set, as one pass over all of it would have found it."""
        ours, theirs = (_recipe(r) for r in (self, other))
        if ours != theirs:
            differing = [name for name in ours if ours[name] != theirs[name]]
            raise ValueError(
                f"shards of different passes: they differ in {', '.join(differing)}; make them with the same model, "
                "layers and settings"
            )
        run = _Pass(self.components, self.classes, self.k, self.sample, self.statistic, self.backend, self.first)
        for part in (self, other):
            run.add_value(part)
        return run.finished()

    def to_rows(self, top: int | None = None) -> list[dict[str, Any]]:
        """One dict per class and component, largest absolute mean first within a class; classes without images not."""
        rows = []
        for number in np.flatnonzero(self.counts):
            order = np.argsort(-np.abs(self.mean[number]), kind="stable")[:top]
            rows += [
                {
                    "class": self.classes[number],
                    "component": str(self.components[int(row)]),
                    "row": int(row),
                    "mean": float(self.mean[number, row]),
                    "share": float(self.share[number, row]),
                    "images": int(self.counts[number]),
                }
                for row in order
            ]
        return rows

    def arrays(self) -> dict[str, np.ndarray]:
        """What goes into a file beside `document()`; mean and share are made again from the sums."""
        if self.sums is None or self.magnitudes is None:
            raise ValueError("this relevance was put together by hand and has no sums to keep")
        return {
            "counts": np.asarray(self.counts), "sums": self.sums, "magnitudes": self.magnitudes,
            "images": self.images, "targets": self.targets, "values": self.values,
            "top_images": self.top_images, "top_values": self.top_values,
        }  # fmt: skip

    def document(self) -> dict[str, Any]:
        return {
            "classes": self.classes, "backend": self.backend, "statistic": self.statistic, "sample": self.sample,
            "unreadable": self.unreadable, "first": self.first,
        }  # fmt: skip

    @classmethod
    def from_stored(cls, components: Components, arrays: Any, document: dict[str, Any]) -> Relevance:
        """The value that `arrays()` and `document()` were taken from."""
        counts, sums, magnitudes = (np.asarray(arrays[n]) for n in ("counts", "sums", "magnitudes"))
        mean, share = _mean_and_share(components, counts, sums, magnitudes)
        return cls(
            components, tuple(document["classes"]), counts, mean, share,
            np.asarray(arrays["images"]), np.asarray(arrays["targets"]), np.asarray(arrays["values"]),
            np.asarray(arrays["top_images"]), np.asarray(arrays["top_values"]),
            document["backend"], document["statistic"], sums, magnitudes, int(document["sample"]),
            tuple((name, why) for name, why in document["unreadable"]), tuple(document.get("first", ())),
        )  # fmt: skip

    def __repr__(self) -> str:
        seen = int((self.counts > 0).sum())
        return (
            f"<Relevance of {len(self.components):,} components for {seen} of {len(self.classes)} classes over "
            f"{int(self.counts.sum()):,} images; {self.backend}; {self.statistic}>"
        )

    def _repr_html_(self) -> str:
        head = "<tr><th>class</th><th>images</th><th>most relevant components (mean share of their layer)</th></tr>"
        seen = np.flatnonzero(self.counts)
        lines = [
            f"<tr><td>{escape(self.classes[c])}</td><td>{int(self.counts[c]):,}</td><td>"
            + ", ".join(f"{escape(str(component))} {value:+.3f}" for component, value in self.top(int(c), 5))
            + "</td></tr>"
            for c in seen[:20]
        ]
        more = f"<p>and {len(seen) - 20} more classes</p>" if len(seen) > 20 else ""
        return f"<p>{escape(repr(self))}</p><table>{head}{''.join(lines)}</table>{more}"


def _recipe(relevance: Relevance | _Pass) -> dict[str, Any]:
    names = ("components", "classes", "k", "sample", "statistic", "backend", "first")
    return {name: getattr(relevance, name) for name in names}


def class_number(target: int | np.integer | str, classes: Sequence[str]) -> int:
    """The number of a class given by name or number; KeyError with the nearest name, IndexError beyond the last."""
    if isinstance(target, str):
        if target in classes:
            return list(classes).index(target)
        folded = [name.casefold() for name in classes]
        if folded.count(target.casefold()) == 1:
            return folded.index(target.casefold())
        near = difflib.get_close_matches(target, classes, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        shown = ", ".join(classes if len(classes) <= 8 else [*classes[:7], "…"])
        raise KeyError(f"no class {target!r}; there are {shown}{hint}")
    if not 0 <= target < len(classes):
        raise IndexError(f"class {target}; classes go from 0 to {len(classes) - 1}")
    return int(target)


def class_names(images: Images, outputs: int) -> tuple[str, ...]:
    """The names of a model's outputs: the data set's classes if there is one for each, else the numbers."""
    if len(images.classes) == outputs:
        return images.classes
    return tuple(str(number) for number in range(outputs))


def relevance(
    model: torch.nn.Module,
    images: Images,
    layers: str | Layer | Sequence[str | Layer],
    *,
    target: Target = "auto",
    backend: Backend = "auto",
    k: int = 8,
    sample: int | None = None,
    batch_size: int = 16,
    ids: Sequence[int] | None = None,
    first: Sequence[int] = (),
    progress_file: str | Path | None = None,
    progress: bool = True,
    on_step: OnStep | None = None,
) -> Relevance:
    """Each component's relevance for each class in one pass over the data set, for all layers at once.

    target:  "label" explains each image for its own label, "predicted" for the class the model answers; "auto" takes
             labels if the data set has them and as many classes as the model has outputs (a folder with ten of a
             model's thousand classes has not: its labels are other numbers than the model's).
    backend: as in `attribution.attribute`; "auto" is settled by the first batch, for all of them.
    k:       images kept per class and component in `top_images`.
    sample:  images kept per class in `values`; by default 256, fewer where there are more than 64 classes.
    first:   images that `values` should hold before others, such as those about which more is known; a random choice.
    ids:     restricts the pass to a shard; `merge` puts shards together without loss.
    on_step: called with (images done, images in all) after each batch; what it raises ends the pass. With a
             `progress_file` a pass that ended early is continued where it was last saved, to the same bytes.

    The model is in eval mode during the pass and exactly as it was afterwards, whatever happened. ValueError where
    labels are demanded and cannot be used, or no image can be read; UnsupportedModel as in `attribute`.
    """
    if k < 1 or batch_size < 1 or (sample is not None and sample < 0):
        raise ValueError(f"k={k}, batch_size={batch_size}, sample={sample}; k and batch_size are at least 1")
    if target not in get_args(Target):
        raise ValueError(f"target={target!r}; images are explained for their 'label', the 'predicted' class, or 'auto'")
    from .attribution import attribute

    wanted = resolve(model, layers)
    chosen = np.arange(len(images)) if ids is None else np.asarray(ids)
    outputs, found = _tried(model, images, chosen, wanted, backend)
    labelled = _by_label(images, outputs, target)
    if sample is None:
        sample = min(256, max(_AT_MOST // outputs, 16))
    run = _Pass(
        Components(
            tuple(layer.name for layer in wanted),
            tuple(found.relevances[layer.name].shape[1] for layer in wanted),
            tuple(layer.signed for layer in wanted),
        ),
        class_names(images, outputs), k, sample, _statistic(labelled), found.backend, tuple(int(i) for i in first),
    )  # fmt: skip
    run.resume(progress_file)
    with tqdm(total=len(chosen), initial=run.position, unit="image", desc="relevance", disable=not progress) as bar:
        saved, pause = time.monotonic(), 10.0
        for batch in batches(chosen[run.position :], images.tensor, batch_size):
            if batch.items:
                fill = batch_size - len(batch.items) if len(chosen) > batch_size else 0
                inputs = stack([*batch.items, *batch.items[-1:] * fill])  # every batch runs the same kernels
                goal = _Predicted()
                labels = [images.label(int(i)) for i in batch.ids] if labelled else []
                targets: Any = np.asarray(labels + labels[-1:] * fill) if labelled else goal
                found = attribute(model, inputs, targets, wanted, run.backend, heatmap=False, batch_size=len(inputs))
                classes = targets if labelled else goal.classes
                run.add(batch.ids, classes[: len(batch.ids)], [found.relevances[x.name] for x in wanted])
            run.unreadable += tuple((u.name, u.why) for u in batch.unreadable)
            run.position += len(batch.ids) + len(batch.unreadable)
            bar.update(len(batch.ids) + len(batch.unreadable))
            if progress_file is not None and time.monotonic() - saved > pause:
                started = time.monotonic()
                run.save(progress_file)
                saved = time.monotonic()
                pause = max(10.0, 20 * (saved - started))
            if on_step is not None:
                on_step(run.position, len(chosen))
    if progress_file is not None:
        run.save(progress_file)
    return run.finished()


class _Predicted:
    """The largest logit as the target; remembers whose it was."""

    classes: np.ndarray
    outputs: int

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        if logits.ndim != 2:
            raise ValueError(
                f"the model's output has shape {tuple(logits.shape)}, not [image class]; relevance per class needs one "
                "number per image and class"
            )
        self.classes = logits.detach().argmax(1).cpu().numpy()
        self.outputs = int(logits.shape[1])
        return logits.max(1).values


def _tried(
    model: torch.nn.Module, images: Images, ids: np.ndarray, wanted: tuple[Layer, ...], backend: Backend
) -> tuple[int, Attribution]:
    """How many classes the model has, and one image's relevances, before any long work."""
    from .attribution import attribute

    why = ""
    for image in ids:
        try:
            item = images.tensor(int(image))
        except UnreadableImage as error:
            why = why or str(error)
            continue
        goal = _Predicted()
        found = attribute(model, stack([item]), goal, wanted, backend, heatmap=False)
        return goal.outputs, found
    raise ValueError(f"none of the {len(ids)} images could be read; the first: {why}")


def _by_label(images: Images, outputs: int, target: Target) -> bool:
    """Whether images are explained for their labels; ValueError if that is demanded and cannot be."""
    if target == "predicted":
        return False
    highest = images.highest_label
    fitting = highest is not None and len(images.classes) in (0, outputs) and highest < outputs
    if target == "label" and not fitting:
        have = "no labels" if highest is None else f"labels up to {highest} in {len(images.classes)} named classes"
        raise ValueError(
            f"target='label', but the data set has {have} and the model {outputs} outputs, so a label does not say "
            "which output it means; give labels=… and classes=… to sl.images, or target='predicted'"
        )
    return fitting


def _statistic(labelled: bool) -> str:
    return (
        "mean over a class's images of relevance / sum of absolute relevance of the layer; images explained for their "
        + ("label" if labelled else "predicted class")
    )


def _spread(images: np.ndarray) -> np.ndarray:
    """A fixed pseudo-random number per image: the sample is the images with the smallest (splitmix64)."""
    z = (np.asarray(images, np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _mean_and_share(
    components: Components, counts: np.ndarray, sums: np.ndarray, magnitudes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    images = np.maximum(counts, 1)[:, None]
    mean = (sums / _UNIT / images).astype(np.float32)
    share = np.zeros_like(mean)
    for layer in components.layers:
        rows = components.rows(layer)
        total = magnitudes[:, rows].sum(1, keepdims=True)
        share[:, rows] = magnitudes[:, rows] / np.maximum(total, 1)
    return mean, share


@dataclass
class _Pass:
    """What a pass has seen so far, and its file."""

    components: Components
    classes: tuple[str, ...]
    k: int
    sample: int
    statistic: str
    backend: Any
    first: tuple[int, ...] = ()
    position: int = 0
    unreadable: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        shape = len(self.classes), len(self.components)
        self.counts = np.zeros(shape[0], np.int64)
        self.sums, self.magnitudes = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self.tallies: dict[int, Tally] = {}
        self.kept = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, shape[1]), np.float16))]

    def add(self, images: np.ndarray, targets: np.ndarray, relevances: list[np.ndarray]) -> None:
        """One batch: images [image], their classes, and per layer relevance [image component] (more rows are fill)."""
        parts = []
        for layer, part in zip(self.components.layers, relevances, strict=True):
            amounts = part[: len(images)].astype(np.float64)
            if not np.isfinite(amounts).all():
                raise NotFinite(
                    f"the relevance of layer {layer!r} is NaN or infinite; check the weights and the input's scale"
                )
            total = np.abs(amounts).sum(1, keepdims=True)
            parts.append(np.divide(amounts, total, out=np.zeros_like(amounts), where=total > 0))
        shares = np.concatenate(parts, 1)
        whole = np.rint(shares * _UNIT).astype(np.int64)
        for number in np.unique(targets):
            rows = targets == number
            self.counts[number] += rows.sum()
            self.sums[number] += whole[rows].sum(0)
            self.magnitudes[number] += np.abs(whole[rows]).sum(0)
            self._rank(int(number), rank_keys(shares[rows].astype(np.float32), images[rows, None]).T)
        self._keep(images, targets, shares.astype(np.float16))

    def add_value(self, part: Relevance) -> None:
        if part.sums is None or part.magnitudes is None:
            raise ValueError("a relevance that was put together by hand has no exact sums and cannot be merged")
        self.counts += part.counts
        self.sums += part.sums
        self.magnitudes += part.magnitudes
        for number in np.flatnonzero(part.counts):
            images, values = part.top_images[number], part.top_values[number]
            kept = images != NO_IMAGE
            keys = rank_keys(np.where(kept, values, 0), np.where(kept, images, 0))
            self._rank(int(number), np.where(kept, keys, NOTHING))
        self._keep(part.images, part.targets, part.values)
        self.unreadable += part.unreadable

    def _rank(self, number: int, keys: np.ndarray) -> None:
        if number not in self.tallies:
            self.tallies[number] = Tally(self.components.sizes, self.k)
        self.tallies[number].add(keys, np.zeros(keys.shape, np.int32))

    def _keep(self, images: np.ndarray, targets: np.ndarray, values: np.ndarray) -> None:
        """Per class the `sample` images that come first in a fixed order of all images, those of `first` before others;
        sorted out now and then."""
        self.kept.append((images, targets, values))
        if sum(len(part[0]) for part in self.kept[1:]) > 4096:
            self.kept = [self._sampled()]

    def _sampled(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        images, targets, values = (np.concatenate([part[n] for part in self.kept]) for n in range(3))
        order = np.lexsort((_spread(images), ~np.isin(images, self.first), targets))
        start = np.searchsorted(targets[order], targets[order])
        chosen = order[np.arange(len(order)) - start < self.sample]
        chosen = chosen[np.argsort(images[chosen], kind="stable")]
        return images[chosen], targets[chosen], values[chosen]

    def finished(self) -> Relevance:
        shape = (len(self.classes), len(self.components), self.k)
        top_images = np.full(shape, NO_IMAGE, np.int32)
        top_values = np.full(shape, np.nan, np.float32)
        for number, tally in self.tallies.items():
            keys = np.sort(tally.keys, axis=1)[:, ::-1]
            values, images = unrank_keys(keys)
            top_images[number] = np.where(keys == NOTHING, NO_IMAGE, images)
            top_values[number] = np.where(keys == NOTHING, np.nan, values)
        mean, share = _mean_and_share(self.components, self.counts, self.sums, self.magnitudes)
        return Relevance(
            self.components, self.classes, self.counts.copy(), mean, share,
            *self._sampled(), top_images, top_values,
            self.backend, self.statistic, self.sums.copy(), self.magnitudes.copy(), self.sample, self.unreadable,
            self.first,
        )  # fmt: skip

    def save(self, path: str | Path) -> None:
        value = self.finished()
        settings = {"sizes": self.components.sizes, "k": self.k, "position": self.position}
        store.write(path, value.arrays(), value.document() | settings)

    def resume(self, path: str | Path | None) -> None:
        """Go on where the file says; a damaged file, or one of another pass, is no progress."""
        saved = store.progress(path)
        if saved is None:
            return
        arrays, document = saved
        if document.get("sizes") != list(self.components.sizes) or document.get("k") != self.k:
            return
        value = Relevance.from_stored(self.components, arrays, document)
        if _recipe(value) == _recipe(self):
            self.add_value(value)
            self.position = document["position"]
