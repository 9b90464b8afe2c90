"""What workers of the shard tests compute from: importable there, slow enough to be killed on the way."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.store import Stored

COUNT, BATCH = 101, 8  # the last batch is short


class Pictures:
    """The toy pictures as a data set that takes its time, and writes down who read what."""

    def __init__(self, seconds: float = 0.0, log: Path | None = None, count: int = COUNT) -> None:
        self.pictures, self.seconds, self.log = pictures(count), seconds, log

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, image: int) -> Image.Image:
        time.sleep(self.seconds)
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{os.getpid()} {image}\n")
        return self.pictures[image]


class Streamed:
    """The same pictures one after the other, without numbers or a length."""

    def __iter__(self) -> Iterator[Image.Image]:
        yield from pictures(COUNT)


class Deadly(Pictures):
    """Kills the process that reads image 50, unless it is the one it was made in; while `times` is in its file."""

    def __init__(self, times: Path) -> None:
        super().__init__()
        self.home, self.times = os.getpid(), times

    def __getitem__(self, image: int) -> Image.Image:
        if image == 50 and os.getpid() != self.home and (left := int(self.times.read_text())):
            self.times.write_text(str(left - 1))
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(image)


class Elsewhere(Pictures):
    """Other pictures in other processes."""

    def __init__(self) -> None:
        super().__init__()
        self.home = os.getpid()

    def __getitem__(self, image: int) -> Image.Image:
        found = super().__getitem__(image)
        return found if os.getpid() == self.home else Image.fromarray(255 - np.asarray(found))


class Torn(Pictures):
    """Two runs of images that cannot be read: one a whole shard, one across batches."""

    def __getitem__(self, image: int) -> Image.Image:
        if 16 <= image < 32 or 60 <= image < 67:
            raise OSError(f"no image {image}")
        return super().__getitem__(image)


class LockedNet(ColourNet):
    """A model that cannot be pickled."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


class Making:
    """A factory that writes down in which process it made a model."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __call__(self) -> LockedNet:
        with self.log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        return LockedNet()


def drawn_net() -> LockedNet:
    """One with other weights each time."""
    net = LockedNet()
    net.head.weight.data.normal_()
    return net


def lens(data=None, model=None, **options) -> sl.Lens:
    images = sl.images(Pictures() if data is None else data, transform=to_pixels)
    options = {"k": 5, "sample": 13, "null": 11, "crop": "activation", "templates": ("{}",)} | options
    return sl.Lens(model or ColourNet(), images, ["colour", "head"], ColourClip(), **options)


def fitted(data=None, model=None, settings=None, **options) -> sl.Lens:
    options = {"relevance": True, "batch_size": BATCH, "progress": False} | options
    return lens(data, model, **(settings or {})).fit(**options)


def arrays(found: sl.Lens, path: Path) -> dict[str, bytes]:
    """All numbers that a lens's file has."""
    found.save(path)
    stored = Stored(path)
    return {name: stored[name].tobytes() for name in stored}
