"""Reading: pictures a second beside torch's own DataLoader, of files and for crops; memory over a long stream."""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SECONDS_OF_STREAM = 25
_FILES, _TIMES, _BATCH, _ROUNDS = 256, 3, 16, 5  # each file is read so many times: the end of a pass weighs little


def rows() -> Iterator[str]:
    """`| what | measured | target |`, as they come; about 80 seconds."""
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        yield from _files(Path(folder))
    yield from _memory()
    if not torch.cuda.is_available():
        yield "| pictures a second into pinned memory, beside a bare DataLoader | no GPU here | ≥ .95 |"


def _files(folder: Path) -> Iterator[str]:
    """Ours and torch's turn by turn, and the median of the pairs."""
    from torch.utils.data import ConcatDataset, DataLoader
    from torchvision.datasets import ImageFolder
    from torchvision.models import ResNet50_Weights

    import semlens_widgets as sl
    from semlens_widgets.images import Images, batches
    from semlens_widgets.images.processes import _context

    _make_files(folder)
    transform = ResNet50_Weights.IMAGENET1K_V2.transforms()
    data, bare = sl.images(folder, transform), ConcatDataset([ImageFolder(str(folder), transform)] * _TIMES)
    ids = np.tile(np.arange(_FILES), _TIMES)

    def ours(workers: int, how: Callable[..., object] = Images.tensor) -> float:
        return _pace(batches(data, ids, _BATCH, how, workers=workers))

    def theirs(workers: int) -> float:
        return _pace(
            DataLoader(bare, _BATCH, num_workers=workers, multiprocessing_context=_context() if workers else None)
        )

    ours(2)  # the server of processes is there from now on, for both
    paces: dict[str, list[float]] = {"theirs": [], "ours": [], "crops": [], "their thread": [], "our threads": []}
    for _ in range(_ROUNDS):
        paces["theirs"].append(theirs(2))
        paces["ours"].append(ours(2))
        paces["crops"].append(ours(2, Images.tensor_and_size))
        paces["their thread"].append(theirs(0))
        paces["our threads"].append(ours(0))
    found = {name: np.array(values) for name, values in paces.items()}
    what = f"JPEGs of 500 × 375 for ResNet-50, 2 workers ({np.median(found['ours']):.0f} a second)"
    yield f"| {what}: pictures a second × a bare DataLoader's | {_beside(found['ours'], found['theirs'])} | ≥ .95 |"
    yield f"| the same for crops, with the sizes of the pictures | {_beside(found['crops'], found['theirs'])} | ≥ .95 |"
    row = "threads of this process × a DataLoader without workers"
    yield f"| {row} | {_beside(found['our threads'], found['their thread'])} | ≥ .95 |"
    yield f"| processor time of a worker × that of a DataLoader's | {_processor_time(data, bare):.2f} | ≤ 1.05 |"


def _beside(ours: np.ndarray, theirs: np.ndarray) -> str:
    """The median ratio of the pairs, and their range."""
    ratios = ours / theirs
    return f"{np.median(ratios):.2f} ({ratios.min():.2f}–{ratios.max():.2f})"


def _processor_time(data: Any, bare: Any) -> float:
    """What a worker does for a batch, beside what a DataLoader's does, in this thread; the median of pairs."""
    import cloudpickle
    from torch.utils.data import default_collate

    from semlens_widgets.images import Images
    from semlens_widgets.images.processes import Reader, packed
    from semlens_widgets.images.reading import _read

    reader = Reader(packed(data, partial(_read, Images.tensor)))
    jobs = cloudpickle.dumps(next(data.jobs([[(number, None) for number in range(_BATCH)]], sent=True)))

    def seconds(call: Callable[[], object]) -> float:
        begun = time.thread_time()
        call()
        return time.thread_time() - begun

    pairs = [
        (
            seconds(lambda: reader.__getitems__([jobs])),
            seconds(lambda: default_collate([bare[i] for i in range(_BATCH)])),
        )
        for _ in range(2 * _ROUNDS)
    ]
    return statistics.median(ours / theirs for ours, theirs in pairs[1:])


def _make_files(folder: Path) -> None:
    random = np.random.default_rng(0)
    (folder / "one").mkdir()
    for number in range(_FILES):
        small = random.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(small).resize((500, 375)).save(folder / "one" / f"{number:04}.jpg", quality=90)


def _pace(batches: Iterable[object]) -> float:
    """Pictures a second from the first batch to the last: workers that start are not counted."""
    found = iter(batches)
    next(found)
    begun = time.perf_counter()
    count = sum(1 for _ in found)
    return count * _BATCH / (time.perf_counter() - begun)


def _memory() -> Iterator[str]:
    """A process of its own passes over a stream, and says how large it is at 100,000 images and at the end."""
    run = subprocess.run(
        [sys.executable, __file__, "stream", str(SECONDS_OF_STREAM)], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    images, at_first, at_last, seconds = (float(word) for word in run.stdout.split()[-4:])
    yield (
        f"| memory of a pass over a stream at {images:,.0f} images × that at 100,000 "
        f"({at_last:.0f} MB; {images / seconds:,.0f} images a second) | {at_last / at_first:.3f} | ≤ 1.05 |"
    )


def _stream(seconds: float) -> None:
    """Collect over as many of 1,280,000 tiny pictures as the time allows; print images, MB at 100,000, MB, seconds."""
    import torch

    import semlens_widgets as sl

    begun = time.perf_counter()
    sizes: dict[int, float] = {}

    class Tiny:
        """1,280,000 pictures of 3 × 3, each with a class; it ends where the time does."""

        def __iter__(self) -> Iterator[tuple[np.ndarray, int]]:
            for number in range(1_280_000):
                if number % 20_000 == 0:
                    gc.collect()
                    sizes[number] = _megabytes()
                    if number > 100_000 and time.perf_counter() - begun > seconds:
                        return
                yield np.full((3, 3, 3), number % 251, np.uint8), number % 1000

    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.ReLU()).eval()
    data = sl.images(Tiny(), name="tiny")
    sl.collect(model, data, ["0"], k=20, batch_size=512, sample=500, progress=False)
    last = max(sizes)
    print(last, sizes[100_000], sizes[last], time.perf_counter() - begun)


def _megabytes() -> float:
    """Memory that this process has now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    if sys.argv[1:2] == ["stream"]:
        _stream(float(sys.argv[2]))
    else:
        print(*rows(), sep="\n")
