"""What shards are computed from: a model, its layers, images and a CLIP, and that a worker has the same ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ..clip import Clip, OpenClip
from ..images import Images, UnreadableImage
from ..model import Layer, recording
from ..vectors import unit
from .devices import own_device
from .parcel import OPENING, Parcel, here

if TYPE_CHECKING:
    import torch

_ALIKE = 1e-2  # share of the largest number: other devices round otherwise, other weights answer otherwise
_GREY_LEVELS = 2.0  # by which a picture may differ: decoders round, too
_TRIED = 64  # images, for one that can be read
_CHECKED: set[tuple[str, ...]] = set()


@dataclass(frozen=True)
class Factory:
    """A function without arguments that makes the model, where the model itself cannot or should not travel."""

    make: Callable[[], Any]

    def __call__(self) -> torch.nn.Module:
        import torch

        model = self.make()
        if not isinstance(model, torch.nn.Module):
            raise TypeError(f"the factory made a {type(model).__name__}; needed is the model, a torch.nn.Module")
        return model


@dataclass(frozen=True, eq=False)
class Kit:
    """Parcels of what the shards of a pass are computed from; `open` gives the things themselves."""

    parcels: dict[str, Parcel]
    absent: tuple[str, ...] = ()  # kinds of which there is none

    @classmethod
    def packed(cls, things: dict[str, Any], factory: Factory | None, folder: Path) -> Kit:
        """Write what there is into a folder, with what tells a worker whether it has the same."""
        images, model, clip = things["images"], things.get("model"), things.get("CLIP")
        sent = dict(things)
        if factory is not None and model is not None:
            sent["model"] = factory
        parcels = {kind: Parcel.of(kind, thing, folder) for kind, thing in sent.items() if thing is not None}
        sample = Sample.of(images, model, things.get("layers") or (), clip)
        parcels["sample"] = Parcel.of("sample", sample, folder)
        for kind, parcel in parcels.items():
            if kind in things:
                parcel.keep(things[kind])
        _CHECKED.add(tuple(parcel.hash for parcel in parcels.values()))  # here they are the things themselves
        return cls(parcels, tuple(kind for kind, thing in things.items() if thing is None))

    def open(self) -> dict[str, Any]:
        """The things by kind, as they are in this process; checked once against those that were packed."""
        device = own_device()
        with OPENING:
            things = {kind: _placed(kind, parcel, device) for kind, parcel in self.parcels.items()}
            sample = things.pop("sample")
            mark = tuple(parcel.hash for parcel in self.parcels.values())
            if mark not in _CHECKED:
                sample.check(things)
                _CHECKED.add(mark)
        return things | dict.fromkeys(self.absent)

    def drop(self) -> None:
        for parcel in self.parcels.values():
            parcel.drop()


def _placed(kind: str, parcel: Parcel, device: str | None) -> Any:
    """A model or CLIP as it runs here: made where it is a factory, on the process's own device where it has one."""
    thing = parcel.opened(device)
    if isinstance(thing, Factory):
        thing = thing()
        if device is not None:
            thing = thing.to(device)
        parcel.keep(thing)
    if kind == "CLIP" and device is not None and isinstance(thing, OpenClip):
        thing.run_on(device)
    return thing


@dataclass(frozen=True, eq=False)
class Sample:
    """One image, and what model and CLIP say to it: by it a worker finds out that it has the same ones.

    picture:   its pixels; None where no image of the first can be read.
    weights:   a hash of the model's parameters and buffers.
    responses: of each layer to the image.
    vector:    of a CLIP, of a picture made here.
    """

    image: int
    picture: np.ndarray | None
    weights: str
    responses: tuple[np.ndarray, ...]
    vector: np.ndarray | None

    @classmethod
    def of(cls, images: Images, model: Any, layers: Sequence[Layer], clip: Clip | None) -> Sample:
        image, picture = _first(images)
        responses: tuple[np.ndarray, ...] = ()
        if picture is not None and model is not None:
            responses = _responses(model, layers, images.tensor(image))
        weights = "" if model is None else weights_of(model)
        return cls(image, picture, weights, responses, None if clip is None else _vector(clip))

    def check(self, things: dict[str, Any]) -> None:
        """RuntimeError, which says what differs, where images, model or CLIP are others than those that were packed."""
        images, model = things["images"], things.get("model")
        self._check_images(images)
        if model is not None:
            if weights_of(model) != self.weights:
                raise RuntimeError(
                    f"the worker on {here()} has a model with other weights than this lens; a factory must load them "
                    "from a file, not draw them at random, and workers must see the same file"
                )
            if self.picture is not None:
                said = _responses(model, things["layers"], images.tensor(self.image))
                if not all(map(_alike, self.responses, said)):
                    raise RuntimeError(
                        f"the model answers otherwise on the worker {here()} than here, with the same weights and the "
                        "same image; workers need the same code of the model and of the transform"
                    )
        if self.vector is not None and not _alike(self.vector, _vector(things["CLIP"])):
            raise RuntimeError(
                f"the CLIP on the worker {here()} gives other vectors than here; workers need the same weights"
            )

    def _check_images(self, images: Images) -> None:
        if self.picture is None:
            return
        name = images.name(self.image)
        try:
            seen = np.asarray(images.picture(self.image), np.float32)
        except UnreadableImage as error:
            raise RuntimeError(
                f"the worker on {here()} cannot read the image {name!r}, which can be read here ({error.why}); workers "
                "need to see the images under the same path"
            ) from None
        if seen.shape != self.picture.shape or np.abs(seen - self.picture).mean() > _GREY_LEVELS:
            raise RuntimeError(
                f"the worker on {here()} finds another picture than this lens under the name {name!r}; workers need "
                "to see the same images under the same path"
            )


def weights_of(model: torch.nn.Module) -> str:
    """A hash of all parameters and buffers by name, kind, shape and content, wherever they lie."""
    import torch

    digest = hashlib.sha256(str(type(model)).encode())
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        here_ = tensor.detach().to("cpu").contiguous()
        digest.update(f"{name} {here_.dtype} {tuple(here_.shape)}".encode())
        if here_.numel():
            digest.update(here_.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _first(images: Images) -> tuple[int, np.ndarray | None]:
    for image in images.upto(_TRIED):
        try:
            return image, np.asarray(images.picture(image), np.float32)
        except UnreadableImage:
            continue
    return 0, None


def _responses(model: torch.nn.Module, layers: Sequence[Layer], item: Any) -> tuple[np.ndarray, ...]:
    with recording(model, tuple(layers)) as recorder:
        said = recorder.pooled([item], "max")
    return tuple(said[layer.name].values[0].float().cpu().numpy() for layer in layers)


def _vector(clip: Clip) -> np.ndarray:
    """A CLIP's vector of one picture that is the same everywhere."""
    ramp = np.linspace(0, 255, 64)
    pixels = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None], 255 - ramp[:, None]), -1).astype(np.uint8)
    return unit(np.asarray(clip.images([Image.fromarray(pixels)]), np.float32))[0]


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    if one.shape != other.shape:
        return False
    finite = np.abs(one[np.isfinite(one)])
    return bool(np.allclose(one, other, rtol=_ALIKE, atol=_ALIKE * float(finite.max(initial=1e-6)), equal_nan=True))
