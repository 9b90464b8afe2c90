"""Crops: the region of each example that excites its component, by activation or by relevance."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from jaxtyping import Float, Int
from PIL import Image

from .examples import ConceptExamples
from .images import WHOLE, Images, Window, batches, reading_with
from .keys import made_from
from .model import Layer, Layers, is_here, recording, resolve, stack, tokens_of
from .passes import Counted, OnStep, ProgressFile, digest, steps
from .shards import Engine, Part, Shard, cut_up

if TYPE_CHECKING:
    import torch

CropBy = Literal["activation", "crp", "attention"]
Boxes = Callable[[Layer, list[Any], np.ndarray, np.ndarray], "np.ndarray | None"]
_AT_ONCE = 8  # images whose relevance goes back together
_CONDITIONS = 64  # components of one image at a time, for the memory of their heatmaps


def crop(
    examples: ConceptExamples,
    model: torch.nn.Module,
    images: Images,
    layers: Layers,
    *,
    by: CropBy = "activation",
    threshold: float = 0.01,
    batch_size: int = 64,
    progress_file: str | os.PathLike[str] | None = None,
    progress: bool = True,
    on_step: OnStep | None = None,
    engine: Engine | None = None,
    workers: int | None = None,
) -> ConceptExamples:
    """The same examples with boxes around the region that excites the component.

    Parameters
    ----------
    examples
        What `collect` found.
    model, images, layers
        Those that were collected from.
    by
        "activation" takes the component's activation map, upsampled; layers without places keep the whole. "crp" takes
        the heatmap of relevance started at the component where it is most excited (a `-` component: least): it sees
        beyond the component's own place, and layers without places have regions too. It works for every layer, by
        activation × gradient where LRP has no rule, and takes some forward passes per example. "attention" takes, of
        attention heads (`sl.Heads`), what the head attends to from the token at which it writes most: its row of
        attention weights over the patches, where it exceeds an even share; of all other components the activation map.
    threshold
        The share of the map's maximum above which a place lies in the box.
    batch_size
        Images that run at once.
    progress_file
        Where an interrupted pass is saved, and continued from, to the same bytes.
    progress
        Show a bar.
    on_step
        Called with (done, in all) after each batch of images; what it raises ends the pass.
    engine
        Computes it in shards, see `shards.Engine`.
    workers
        Processes that read the images, see `images.read_ahead`.

    Returns
    -------
    ConceptExamples
        With `boxes`.

    Notes
    -----
    The map is blurred (sigma 3.7 % of the side); the box holds all places above `threshold` of its maximum, is made
    square and stays inside what the model saw. (Dreyer et al. 2025: threshold 1 %; CRP: Achtibat et al. 2023)

    Examples
    --------
    >>> model, data = sl.demo.classifier(), sl.images(sl.demo.images(40), transform=sl.demo.transform())
    >>> examples = sl.collect(model, data, ["layer4"], k=3, sample=0, progress=False)
    >>> sl.crop(examples, model, data, ["layer4"], progress=False).boxes.shape[1:]
    (3, 4)
    """
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold={threshold}; a share of the maximum in [0, 1), the paper uses 0.01")
    if by not in get_args(CropBy):
        raise ValueError(f"by={by!r}; crops are taken by {', '.join(map(repr, get_args(CropBy)))}")
    wanted = resolve(model, layers)
    rows, ranks, pairs = _Pairs.of(examples)
    referenced, counts = np.unique(pairs.images, return_counts=True)
    if by == "crp" and not images.streamed:
        # Images that are examples of as many components stand together, so that little is padded.
        referenced = referenced[np.argsort(-counts, kind="stable")]

    def made() -> dict[str, Any]:
        found = digest(examples.images, examples.counts, examples.peaks)
        return {**dict(made_from(model, images, wanted)), "examples": found, "by": by, "threshold": threshold}

    def asked() -> dict[str, Any]:
        return made() | {"batch_size": size}

    size = batch_size if by == "activation" else _AT_ONCE
    run = _Cropping.resumed(ProgressFile(progress_file, made), examples.images.shape)
    settings = _Settings(by, threshold, size)
    total = len(referenced)
    if engine is not None and run.position < total and engine.wanted(asked):
        shards = [
            Shard(begin, end, _Work(referenced[begin:end], pairs.on(referenced[begin:end])[1], settings))
            for begin, end in cut_up(total, size, run.position)
        ]
        things = {"model": model, "layers": wanted, "images": images}
        with steps(Counted(run.position), total, "crops", progress=progress, on_step=on_step) as step:
            for shard, (arrays, _) in engine.parts("images of crops", asked, things, shards):
                mine = pairs.on(referenced[shard.begin : shard.end])[0]
                run.boxes[rows[mine], ranks[mine]] = arrays["boxes"]
                step(len(shard))
        run.position = total
        run.save()
        return replace(examples, boxes=run.boxes)
    with reading_with(workers), steps(run, total, "crops", progress=progress, on_step=on_step) as step:
        for count, mine, boxes in settings.boxes(model, wanted, images, referenced[run.position :], pairs):
            run.boxes[rows[mine], ranks[mine]] = boxes
            step(count)
    return replace(examples, boxes=run.boxes)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Components and images that are examples of theirs, in order of image: [pair]."""

    images: Int[np.ndarray, " pair"]
    layers: Int[np.ndarray, " pair"]  # the number of the layer
    channels: Int[np.ndarray, " pair"]  # the component's number in its layer

    @classmethod
    def of(cls, examples: ConceptExamples) -> tuple[np.ndarray, np.ndarray, _Pairs]:
        """(rows, ranks, pairs): where in the examples each pair stands, and what it is."""
        offsets = np.concatenate([[0], np.cumsum(examples.components.sizes)])
        used = np.arange(examples.images.shape[1]) < examples.counts[:, None]
        rows, ranks = np.nonzero(used)
        order = np.argsort(examples.images[rows, ranks], kind="stable")
        rows, ranks = rows[order], ranks[order]
        layers = examples.components.layer_numbers[rows]
        return rows, ranks, cls(examples.images[rows, ranks], layers, rows - offsets[layers])

    def at(self, images: Int[np.ndarray, " image"]) -> tuple[np.ndarray, np.ndarray]:
        """(pairs of these images, which of these images each is of)."""
        begin, end = np.searchsorted(self.images, images), np.searchsorted(self.images, images, "right")
        at = np.repeat(np.arange(len(images)), end - begin)
        return (np.concatenate([np.arange(b, e) for b, e in zip(begin, end, strict=True)]) if len(at) else at), at

    def on(self, images: Int[np.ndarray, " image"]) -> tuple[np.ndarray, _Pairs]:
        """(pairs of these images, in order of image; what they are)."""
        mine, _ = self.at(np.sort(images))
        return mine, _Pairs(self.images[mine], self.layers[mine], self.channels[mine])


@dataclass(frozen=True)
class _Settings:
    """How boxes are found, whatever the images."""

    by: CropBy
    threshold: float
    batch_size: int

    def boxes(
        self, model: torch.nn.Module, layers: tuple[Layer, ...], images: Images, ids: np.ndarray, pairs: _Pairs
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Batch by batch (images dealt with, numbers of pairs, their boxes); not those that show the whole picture."""
        with _opened(self.by, model, layers, self.threshold) as boxes_of:
            for batch in batches(images, ids, self.batch_size, Images.tensor_and_size, here=is_here(model)):
                mine, at = pairs.at(batch.ids)
                sizes = np.asarray([size for _, size in batch.items], np.float64).reshape(-1, 2)
                windows = np.asarray([images.window(size) for _, size in batch.items], np.float64).reshape(-1, 4)
                tensors = [tensor for tensor, _ in batch.items]
                numbers, boxes = [np.zeros(0, np.int64)], [np.zeros((0, 4))]
                for number, layer in enumerate(layers):
                    chosen = np.flatnonzero(pairs.layers[mine] == number)
                    if not len(chosen):
                        continue
                    found = boxes_of(layer, tensors, at[chosen], pairs.channels[mine[chosen]])
                    if found is not None:
                        numbers.append(mine[chosen])
                        boxes.append(squared(found, windows[at[chosen]], sizes[at[chosen]]))
                count = len(batch.ids) + len(batch.unreadable)
                yield count, np.concatenate(numbers), np.concatenate(boxes)


@dataclass(frozen=True, eq=False)
class _Work:
    """The boxes of all pairs of some images, for an engine."""

    ids: Int[np.ndarray, " image"]
    pairs: _Pairs
    settings: _Settings

    def __call__(self, things: Mapping[str, Any]) -> Part:
        found = _whole(len(self.pairs.images))
        of_batches = self.settings.boxes(things["model"], things["layers"], things["images"], self.ids, self.pairs)
        for _, mine, boxes in of_batches:
            found[mine] = boxes
        return {"boxes": found}, {}


def try_crops(
    model: torch.nn.Module, images: Images, layers: Layers, *, by: CropBy
) -> None:
    """One crop of one image in each layer: the errors of `crop`, before the examples of many images are collected."""
    wanted = resolve(model, layers)
    with _opened(by, model, wanted, 0.0) as boxes_of:
        for batch in batches(images, None, 1, Images.tensor_and_size, workers=0, here=True):
            if batch.items:
                tensors, first = [tensor for tensor, _ in batch.items], np.zeros(1, np.int64)
                for layer in wanted:
                    boxes_of(layer, tensors, first, first)
                return


def some_boxes(
    examples: ConceptExamples,
    model: torch.nn.Module,
    images: Images,
    layers: tuple[Layer, ...],
    *,
    by: CropBy | None,
    threshold: float,
    pairs: int,
) -> tuple[Int[np.ndarray, " pair"], list[Window | None]]:
    """(images, boxes) of the first examples of some components, evenly over all: a trial of `crop`.

    Without `by` they are whole pictures.
    """
    rows = np.flatnonzero(examples.counts > 0)
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), max(pairs, 8))).astype(np.int64))]
    rows = rows[np.argsort(examples.images[rows, 0], kind="stable")]
    of = examples.images[rows, 0].astype(np.int64)
    if by is None:
        return of, [None] * len(of)
    wanted = resolve(model, layers)
    numbers = examples.components.layer_numbers[rows]
    offsets = np.concatenate([[0], np.cumsum(examples.components.sizes)])
    chosen = _Pairs(of, numbers, rows - offsets[numbers])
    settings = _Settings(by, threshold, _AT_ONCE)
    arrays, _ = _Work(np.unique(of), chosen, settings)({"model": model, "layers": wanted, "images": images})
    return of, [(float(a), float(b), float(c), float(d)) for a, b, c, d in np.round(arrays["boxes"].astype(float), 4)]


@dataclass
class _Cropping:
    """The boxes found so far."""

    file: ProgressFile
    boxes: np.ndarray
    position: int = 0

    def save(self) -> None:
        self.file.write({"boxes": self.boxes}, {"position": self.position})

    @classmethod
    def resumed(cls, file: ProgressFile, shape: tuple[int, ...]) -> _Cropping:
        """As last saved, or new."""
        if (saved := file.read()) is not None:
            return cls(file, saved[0]["boxes"], saved[1]["position"])
        return cls(file, _whole(*shape))


def _whole(*shape: int) -> Float[np.ndarray, "*shape 4"]:
    """Boxes that show the whole picture."""
    return np.tile(np.asarray(WHOLE, np.float32), (*shape, 1))


def _opened(
    by: CropBy, model: torch.nn.Module, layers: tuple[Layer, ...], threshold: float
) -> AbstractContextManager[Boxes]:
    if by == "attention":
        return _by_attention(model, layers, threshold)
    return _by_activation(model, layers, threshold) if by == "activation" else _by_relevance(model, threshold)


@contextmanager
def _by_activation(model: torch.nn.Module, layers: tuple[Layer, ...], threshold: float) -> Iterator[Boxes]:
    """A function that finds boxes (shares of what the model saw) in activation maps: one forward pass per batch."""
    with recording(model, layers, quick=True) as recorder:
        seen: list[list[Any]] = []
        maps: dict[str, Any] = {}

        def boxes(layer: Layer, tensors: list[Any], at: np.ndarray, channel: np.ndarray) -> np.ndarray | None:
            if not seen or seen[0] is not tensors:
                seen[:] = [tensors]
                maps.update(recorder.activations(tensors))
            grid = _grid(layer, maps[layer.name])
            if grid is None:
                return None
            picked = maps[layer.name][at, channel].float().reshape(len(at), *grid)
            return active_boxes(picked.cpu().numpy(), threshold)

        yield boxes


@contextmanager
def _by_attention(model: torch.nn.Module, layers: tuple[Layer, ...], threshold: float) -> Iterator[Boxes]:
    """As `_by_activation`, of heads by what they attend to from the token at which they write most."""
    from .model.attending import attending

    with recording(model, layers) as recorder, attending(model, layers) as watched:
        seen: list[list[Any]] = []
        maps: dict[str, Any] = {}

        def boxes(layer: Layer, tensors: list[Any], at: np.ndarray, channel: np.ndarray) -> np.ndarray | None:
            if not seen or seen[0] is not tensors:
                seen[:] = [tensors]
                maps.update(recorder.activations(tensors))
            picked = maps[layer.name][at, channel].float()
            if layer.name not in watched:
                grid = _grid(layer, maps[layer.name])
                return None if grid is None else active_boxes(picked.reshape(len(at), *grid).cpu().numpy(), threshold)
            known = next(one for one in recorder.layers if one.name == layer.name)
            weights = watched[layer.name].weights
            first, patches, grid = _patches(known, int(weights.shape[-1]))
            token = picked.reshape(len(at), -1).argmax(1).cpu().numpy() + first
            rows = weights[at, channel, token]
            more = (rows - 1 / rows.shape[1]).clamp(min=0)[:, patches]  # than if all tokens were attended to alike
            return active_boxes(more.reshape(len(at), *grid).cpu().numpy(), threshold)

        yield boxes


def _patches(layer: Layer, count: int) -> tuple[int, slice, tuple[int, int]]:
    """(the first token that a layer of heads means, which of `count` are patches, their rows and columns)."""
    runs = layer.layout.tokens if layer.layout is not None else ()
    starts = [sum(run.count for run in runs[:at]) for at in range(len(runs))]
    found = [(start, run) for start, run in zip(starts, runs, strict=True) if run.kind == "patches"]
    if sum(run.count for run in runs) == count and len(found) == 1:
        start, run = found[0]
        grid = run.grid or layer.grid
        if grid is not None and grid[0] * grid[1] == run.count:
            return tokens_of(layer, count).indices(count)[0], slice(start, start + run.count), grid
    raise ValueError(
        f"{layer.name!r} attends to {count} tokens of which it is not known where in the picture they lie; use "
        "crop='activation' or crop=None"
    )


@contextmanager
def _by_relevance(model: torch.nn.Module, threshold: float) -> Iterator[Boxes]:
    """A function that finds boxes in heatmaps that start at the components."""
    from .attribution import heatmaps

    backends: dict[str, Any] = {}  # of each layer what "auto" came to: it holds for all images

    def boxes(layer: Layer, tensors: list[Any], at: np.ndarray, channel: np.ndarray) -> np.ndarray:
        inputs = stack(tensors)
        slot = np.arange(len(at)) - np.searchsorted(at, at)  # of a pair among those of its image
        found = np.empty((len(at), 4))
        for first in range(0, int(slot.max()) + 1, _CONDITIONS):
            part = np.flatnonzero((slot >= first) & (slot < first + _CONDITIONS))
            chosen, image = np.unique(at[part], return_inverse=True)
            numbers = np.tile(channel[part[0]], (len(chosen), int(slot[part].max()) - first + 1))
            numbers[image, slot[part] - first] = channel[part]
            backend = backends.get(layer.name, "auto")
            heat = heatmaps(model, inputs[chosen], None, layer, numbers, backend, batch_size=_AT_ONCE)
            backends[layer.name] = heat.backend
            found[part] = active_boxes(heat.heatmaps[image, slot[part] - first], threshold)
        return found

    yield boxes


def _grid(layer: Layer, tensor: torch.Tensor) -> tuple[int, int] | None:
    places = tuple(int(n) for n in tensor.shape[2:])
    if len(places) == 2:
        return places[0], places[1]
    if not places or places == (1,):
        return None
    raise ValueError(
        f"layer {layer.name!r} has {places[0]} tokens of which it is not known where in the picture they lie; pool the "
        f"patches alone, Layer({layer.name!r}, tokens='patches'), give their grid, Layer(..., grid=(rows, columns)), "
        "or use crop=None"
    )


_RESOLUTION = 112
_SIGMA = 0.037  # of the side; the blur of 8.3 pixels at 224 that CRP's own crops use


def _spread(places: int) -> Float[np.ndarray, "resolution place"]:
    """The matrix that brings `places` values to 112 (between them linearly, of more their means) and blurs them."""
    if places > _RESOLUTION:
        edges = np.arange(_RESOLUTION + 1) / _RESOLUTION * places
        low = np.maximum(edges[:-1, None], np.arange(places))
        up = np.maximum(np.minimum(edges[1:, None], np.arange(places) + 1) - low, 0) * _RESOLUTION / places
    else:
        where = np.clip((np.arange(_RESOLUTION) + 0.5) / _RESOLUTION * places - 0.5, 0, places - 1)
        first = np.minimum(where.astype(int), max(places - 2, 0))
        share = where - first
        up = np.zeros((_RESOLUTION, places))
        np.add.at(up, (np.arange(_RESOLUTION), first), 1 - share)
        np.add.at(up, (np.arange(_RESOLUTION), np.minimum(first + 1, places - 1)), share)
    distance = np.subtract.outer(np.arange(_RESOLUTION), np.arange(_RESOLUTION)) / _RESOLUTION
    blur = np.where(np.abs(distance) < 3 * _SIGMA, np.exp(-0.5 * (distance / _SIGMA) ** 2), 0)
    return (blur / blur.sum(1, keepdims=True) @ up).astype(np.float32)


def active_boxes(maps: Float[np.ndarray, "pair height width"], threshold: float) -> Float[np.ndarray, "pair 4"]:
    """Bounding boxes (left, top, right, bottom), in shares of the map, of what exceeds threshold x maximum.

    Negative values count as nothing, unless the whole map is negative: then its minimum does.
    """
    low, high = maps.min((1, 2), keepdims=True), maps.max((1, 2), keepdims=True)
    maps = np.where(high > 0, np.maximum(maps, 0), maps - low).astype(np.float32)
    rows, columns = _spread(maps.shape[1]), _spread(maps.shape[2])
    boxes = np.empty((len(maps), 4))
    for start in range(0, len(maps), 1024):
        part = rows @ maps[start : start + 1024] @ columns.T
        active = part > threshold * part.max((1, 2), keepdims=True)
        across, down = active.any(1), active.any(2)
        n = _RESOLUTION
        boxes[start : start + 1024] = np.stack(
            [across.argmax(1), down.argmax(1), n - across[:, ::-1].argmax(1), n - down[:, ::-1].argmax(1)], 1
        )
    boxes /= _RESOLUTION
    boxes[(high <= low).ravel()] = WHOLE  # a flat map points nowhere
    return boxes


def squared(
    boxes: Float[np.ndarray, "pair 4"],
    windows: Float[np.ndarray, "pair 4"],
    sizes: Float[np.ndarray, "pair 2"],
) -> Float[np.ndarray, "pair 4"]:
    """Boxes in shares of the model's window, made square in pixels of the picture, in shares of the picture."""
    origin, extent = windows[:, :2] * sizes, (windows[:, 2:] - windows[:, :2]) * sizes
    low, high = boxes[:, :2] * extent, boxes[:, 2:] * extent
    side = (high - low).max(1, keepdims=True)
    half = np.minimum(side, extent) / 2
    centre = np.clip((low + high) / 2, half, extent - half)
    return (np.concatenate([centre - half, centre + half], 1) + np.tile(origin, 2)) / np.tile(sizes, 2)


def region(picture_window: Window, box: np.ndarray | None) -> Window:
    """What of a picture stands for an example: its box, or all that the model saw."""
    return picture_window if box is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3]))


def cut(picture: Image.Image, window: Window) -> Image.Image:
    """The part of a picture inside a window given in shares; at least one pixel."""
    if window == WHOLE:
        return picture
    width, height = picture.size
    left, top = int(np.floor(window[0] * width + 1e-6)), int(np.floor(window[1] * height + 1e-6))
    right, bottom = int(np.ceil(window[2] * width - 1e-6)), int(np.ceil(window[3] * height - 1e-6))
    left, top = min(left, width - 1), min(top, height - 1)
    return picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
