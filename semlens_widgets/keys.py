"""What a pass of a model over images is made from: the fingerprints by which its result is found again."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from .clip import Clip, OpenClip
from .fingerprints import Seen, fingerprints
from .images import Images, UnreadableImage
from .model import Layer, recording

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class MadeFrom:
    """Fingerprints of a model, images and layers. One that nothing else has stands for what cannot be told."""

    model: str
    images: str
    layers: tuple[str, ...]

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        yield from (("model", self.model), ("images", self.images), ("layers", list(self.layers)))


_NOW: ContextVar[tuple[Any, Any, tuple[Layer, ...], MadeFrom] | None] = ContextVar("made from", default=None)


@contextmanager
def settled(model: torch.nn.Module, images: Images, layers: Sequence[Layer]) -> Iterator[MadeFrom]:
    """What several passes are made from, found out once: inside, `made_from` of the same gives this."""
    parts = made_from(model, images, layers)
    token = _NOW.set((model, images, tuple(layers), parts))
    try:
        yield parts
    finally:
        _NOW.reset(token)


def made_from(model: torch.nn.Module, images: Images, layers: Sequence[Layer]) -> MadeFrom:
    """What a pass is made from.

    The model answers two images first: what it changes in itself by that (a counter, the features it saw last, tables
    it makes at first use) is no part of its fingerprint. A model that answers otherwise when it sees the same image
    again gets one that nothing else has.
    """
    now = _NOW.get()
    if now is not None and now[0] is model and now[1] is images and _same(now[2], layers):
        return now[3]
    items = _two(images)

    encoders = {f"layer {n}": layer.via for n, layer in enumerate(layers) if layer.via is not None}
    with recording(model, tuple(layers)) as recorder:  # puts back what a pass changes, so it is looked at inside

        def run(number: int) -> dict[str, Any]:
            return recorder.activations([items[number]], whole=True)

        parts = fingerprints({"model": model} | encoders, run if items else None)
    keys = [
        replace(layer, via=None).key + (f"via {parts[f'layer {n}']}" if layer.via is not None else "")
        for n, layer in enumerate(layers)
    ]
    return MadeFrom(parts["model"], images.fingerprint, tuple(keys))


_CLIPS: weakref.WeakKeyDictionary[Any, Seen] = weakref.WeakKeyDictionary()
_TRIED = 64  # images, for two that can be read
_READ = ("images", "texts", "prepare", "embed_prepared")


def of_clip(clip: Clip) -> str:
    """A CLIP's name and, of one that is no `OpenClip`, a fingerprint: it may change while its name does not.

    The CLIP is not run, nor loaded, for it. What using it leaves in it (see `used`) changes nothing.
    """
    if type(clip) is OpenClip:
        return f"{clip.name} open_clip {version('open_clip_torch')}"
    with suppress(TypeError):  # one that cannot be remembered
        _CLIPS[clip] = Seen.now(clip, _READ, _CLIPS.get(clip))
        return f"{clip.name} {_CLIPS[clip].fingerprint}"
    return f"{clip.name} {Seen.now(clip, _READ).fingerprint}"


def used(clip: Clip) -> None:
    """After a CLIP was used here: what that left in it is no change of it."""
    with suppress(TypeError):
        if type(clip) is not OpenClip and (before := _CLIPS.get(clip)) is not None:
            _CLIPS[clip] = before.after_use(clip, _READ)


def _same(some: Sequence[Layer], others: Sequence[Layer]) -> bool:
    return len(some) == len(others) and all(
        one.via is other.via and replace(one, via=None) == replace(other, via=None)
        for one, other in zip(some, others, strict=True)
    )


def _two(images: Images) -> list[Any]:
    """Two images as the model sees them, or one twice, or none: of the first that there are, those that can be read."""
    items: list[Any] = []
    for image in range(_TRIED):
        if len(items) == 2 or image not in images.upto(image + 1):
            break
        with suppress(UnreadableImage):
            items.append(images.tensor(image))
    return (items * 2)[:2]
