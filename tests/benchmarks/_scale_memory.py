"""Embedding in bounded memory: what an `embed` of very many crops holds, writes at each saving, and takes for each.

Reading and CLIP are replaced by numbers at hand; all else is what a fit does. Each point is a process of its own.
"""

import multiprocessing
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np

DIM, EXAMPLES, PICTURE = 512, 30, 300  # dimensions, examples of a component, bytes of a thumbnail
SIZES = (125_000, 500_000, 2_000_000)


def held(what: str) -> float:
    """Megabytes of this process: "RssAnon" its own, "VmHWM" at its peak and with the files that are mapped."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def examples_of(crops: int):
    """Examples of crops / 30 components, each cropped elsewhere, from four in ten as many images."""
    import semlens_widgets as sl

    components = crops // EXAMPLES
    random = np.random.default_rng(0)
    boxes = random.random((components, EXAMPLES, 4), np.float32) / 2
    boxes[..., 2:] += 0.5
    return sl.ConceptExamples(
        sl.Components(("layer0",), (components,), (False,)),
        random.integers(0, max(crops * 4 // 10, 1), (components, EXAMPLES)).astype(np.int32),
        np.tile(np.arange(EXAMPLES, 0, -1, dtype=np.float32), (components, 1)),
        np.zeros((components, EXAMPLES), np.int32),
        ((1,),),
        sl.Statistics.of(np.ones((2, components), np.float32)),
        boxes,
        k=EXAMPLES,
    )


class Numbered:
    """A data set of numbers only."""

    classes = ()

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def name(self, image: int) -> str:
        return str(image)

    def label(self, image: int) -> None:
        return None


def embedded(crops: int, results) -> None:
    """Put (seconds of `embed`, of saving the space, own megabytes at the peak, megabytes with mapped files, seconds of
    each saving on the way)."""
    from semlens_widgets import passes
    from semlens_widgets.components import Recipe
    from semlens_widgets.space import embedded as files
    from semlens_widgets.space import verb

    examples = examples_of(crops)
    before, peak, over = held("RssAnon"), [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            peak[0] = max(peak[0], held("RssAnon") - before)

    vectors = np.random.default_rng(1).normal(size=(1024, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    def at_hand(jobs, images, clip, thumbnail, size) -> Iterator:
        for start in range(0, len(jobs), len(vectors)):
            part = jobs.part(start, start + len(vectors))
            yield vectors[: len(part)], [True] * len(part), [bytes(PICTURE) if job.shown else b"" for job in part]

    verb._embedded, verb.of_clip, passes._PAUSE = at_hand, lambda clip: "a CLIP", 0.5
    saved, save = [], files.Embedding.save

    def measured(self) -> None:
        begun = time.perf_counter()
        save(self)
        saved.append(time.perf_counter() - begun)

    files.Embedding.save = measured
    images = Numbered(max(crops * 4 // 10, 1))
    recipe = Recipe("w", "i", ("layer0",), "max", EXAMPLES, "activation 0.01", "a CLIP", 500, 0)
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        clip = SimpleNamespace(name="a CLIP", images=None, texts=None)
        space = verb.embed(examples, images, clip, recipe, progress_file=Path(folder) / "x.crops", progress=False)
        seconds = time.perf_counter() - begun
        path = space.save(Path(folder) / "x.semlens")
        written = time.perf_counter() - begun - seconds
        type(space).open(path, whole=True)
    over.set()
    thread.join()
    results.put((seconds, written, peak[0], held("VmHWM"), saved))


def rows() -> Iterator[str]:
    fresh, points = multiprocessing.get_context("spawn"), []
    for crops in SIZES:
        results = fresh.Queue()
        worker = fresh.Process(target=embedded, args=(crops, results))
        worker.start()
        seconds, written, own, whole, saved = results.get(timeout=900)
        worker.join()
        points.append((crops, seconds, own))
        first, last = saved[0], np.median(saved[-3:])
        yield (
            f"| embed {crops:,} crops of {DIM} dimensions, without reading and CLIP, save the space and check it all | "
            f"{seconds:.1f} + {written:.1f} s, {1e6 * seconds / crops:.0f} µs a crop; {own:.0f} MB of its own, "
            f"{whole:.0f} MB with mapped files; the last savings take {last / first:.1f} × the first | "
            "≤ 2,000 MB; savings as long as the first |"
        )
    sizes, seconds, own = np.array(points).T
    slope = [np.polyfit(np.log(sizes), np.log(values), 1)[0] for values in (seconds, own)]
    yield f"| exponents over crops | time {slope[0]:.2f}, memory of its own {slope[1]:.2f} | 1, ≤ 1 |"
    yield "| batches by a GPU's memory, half precision | no GPU here | – |" if not _gpu() else _on_gpu()


def _gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _on_gpu() -> str:
    from _tables import paired
    from PIL import Image

    import semlens_widgets as sl

    shown = [Image.new("RGB", (224, 224))] * 512
    single, half = (sl.OpenClip(sl.demo.clip_folder(), precision=p) for p in ("single", "half"))
    ours, theirs = paired(lambda: half.images(shown), lambda: single.images(shown))
    return (
        f"| batches by a GPU's memory, half precision | {single.batch_size} pictures a batch, half precision takes "
        f"{np.median(ours / theirs):.2f} × the time | – |"
    )
