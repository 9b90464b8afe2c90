"""The feature vectors of a layer, block by block, of images in an order that is drawn anew for each epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from ..images import Images, batches
from ..model import Layer, is_here, recording

if TYPE_CHECKING:
    import torch

BLOCK = 1 << 14  # vectors in a block, at most about
_NUMBERS = 1 << 24  # in a block
_FEWEST = 1 << 10  # vectors in a block of very many features
HELD_OUT = 10  # one image in so many is not learned from


@dataclass(frozen=True, eq=False)
class Block:
    """Feature vectors of some images, and how many images of the epoch were dealt with at its end."""

    vectors: Float[np.ndarray, "vector feature"]
    position: int


@dataclass(frozen=True, eq=False)
class Features:
    """What a layer says to the images of a data set: one vector for each image and place.

    One image in `HELD_OUT` is held out. least: vectors that a block has at least, where there are so many.
    """

    model: torch.nn.Module
    images: Images
    layer: Layer
    batch_size: int
    seed: int
    least: int = 1

    @property
    def held_out(self) -> Int[np.ndarray, " image"]:
        """The images that nothing is learned from."""
        return np.arange(HELD_OUT - 1, len(self.images), HELD_OUT)

    @property
    def length(self) -> int:
        """How many images an epoch deals with; of a stream those that are held out go by as well."""
        return len(self.images) - (0 if self.images.streamed else len(self.held_out))

    def epoch(self, number: int, start: int = 0) -> Iterator[Block]:
        """The blocks of an epoch, from the image at place `start` of its order on."""
        if self.images.streamed:
            ids = None
        else:
            others = np.delete(np.arange(len(self.images)), self.held_out)
            ids = np.random.default_rng([self.seed, number]).permutation(others)[start:]
        return self._joined(self._blocks(ids, start))

    def of(self, ids: Int[np.ndarray, " image"]) -> Iterator[Block]:
        """The blocks of some images, in order."""
        return self._blocks(ids, 0)

    def _blocks(self, ids: Any, position: int) -> Iterator[Block]:
        kept: list[np.ndarray] = []
        with recording(self.model, (self.layer,), quick=True) as recorder:
            here = is_here(self.model)
            for batch in batches(self.images, ids, self.batch_size, start=position, here=here):
                position += len(batch.ids) + len(batch.unreadable)
                items = [
                    item
                    for image, item in zip(batch.ids, batch.items, strict=True)
                    if ids is not None or image % HELD_OUT != HELD_OUT - 1
                ]
                if not items:
                    continue
                found = recorder.activations(items)[self.layer.name]
                kept.append(_vectors(found, self.layer.name))
                if sum(map(len, kept)) >= self._rows(kept[0].shape[1]):
                    yield Block(np.concatenate(kept), position)
                    kept = []
        if kept:
            yield Block(np.concatenate(kept), position)

    def _rows(self, features: int) -> int:
        return max(self.least, min(BLOCK, max(_FEWEST, _NUMBERS // features)))

    def _joined(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """The same, a last one that is too small as a part of the one before it."""
        waiting: Block | None = None
        for block in blocks:
            if waiting is not None and len(block.vectors) < self.least:
                block = Block(np.concatenate([waiting.vectors, block.vectors]), block.position)
            elif waiting is not None:
                yield waiting
            waiting = block
        if waiting is not None:
            yield waiting


def _vectors(found: torch.Tensor, name: str) -> Float[np.ndarray, "vector feature"]:
    """[n c places …] as vectors in rows. ValueError where one is NaN or infinite."""
    flat = found.flatten(2).transpose(1, 2).flatten(0, 1) if found.ndim > 2 else found
    vectors = flat.float().cpu().numpy()
    if not np.isfinite(vectors).all():
        raise ValueError(
            f"layer {name!r} gives NaN or infinite features; check the model's weights, the input's scale and the "
            "precision (half and bfloat16 overflow)"
        )
    return vectors
