"""How time and memory grow with images, components, layers and k: the exponents, measured.

python tests/benchmarks/scaling.py [work ...]

Every point is a process of its own, so that its memory can be told: what its peak adds to what the process holds
when the work begins (on Linux; elsewhere nothing is said). The exponent is the slope of a line through all points of
a row, on two logarithmic axes: 1 where twice as much takes twice as long, below it where a fixed cost still counts.
"""

import multiprocessing
import re
import sys
import time
from pathlib import Path

import numpy as np
import torch
from _tables import particulars
from speed import space_of

import semlens_widgets as sl
from semlens_widgets.evaluate import polysemanticity, redundancy
from semlens_widgets.search import search
from semlens_widgets.vectors import unit

SIDE = 16  # pixels of the images that are collected from


class Towers(torch.nn.Module):
    """Layers beside each other, each with so many channels: only what is recorded costs anything."""

    def __init__(self, layers, components):
        super().__init__()
        self.towers = torch.nn.ModuleList(torch.nn.Conv2d(3, components, 1) for _ in range(layers))

    def forward(self, x):
        return [tower(x).mean() for tower in self.towers]


def collecting(images=2000, components=512, layers=1, k=30):
    pixels = np.random.default_rng(0).integers(0, 256, (images, SIDE, SIDE, 3), dtype=np.uint8)
    data = sl.images(list(pixels))
    model = Towers(layers, components)
    names = [f"towers.{i}" for i in range(layers)]
    return lambda: sl.collect(model, data, names, k=k, sample=0, progress=False)


def searching(components=100_000):
    space = space_of(components, 512)
    probe = sl.Probes(("x",), unit(np.random.default_rng(1).normal(size=(1, 512)).astype(np.float32)), "random")
    return lambda: search(space, probe, top=20)[0].p_best


def scattered(components=2000, k=30):
    return unit(np.random.default_rng(0).normal(size=(components, k, 512)).astype(np.float32))


def parting(components=2000, k=30):
    vectors = scattered(components, k)
    return lambda: polysemanticity(vectors)


def doubling(components=8000):
    means = scattered(components, 1)[:, 0]
    return lambda: redundancy(means)


ROWS = (
    ("collect", collecting, "images", (1000, 2000, 4000, 8000)),
    ("collect", collecting, "components", (256, 512, 1024, 2048, 4096)),
    ("collect", collecting, "layers", (1, 2, 4, 8)),
    ("collect", collecting, "k", (10, 30, 100, 300)),
    ("search", searching, "components", (30_000, 100_000, 300_000, 1_000_000)),
    ("polysemanticity", parting, "components", (500, 1000, 2000, 4000)),
    ("polysemanticity", parting, "k", (10, 20, 40, 80)),
    ("redundancy", doubling, "components", (4000, 8000, 16_000, 32_000)),
)


def memory(what):
    """Megabytes of this process, "VmRSS" now or "VmHWM" at its peak so far; 0 where the system does not say."""
    status = Path("/proc/self/status")
    held = re.search(rf"{what}:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(held[1]) / 1024 if held else 0


def forget_the_peak():
    if (file := Path("/proc/self/clear_refs")).exists():
        file.write_text("5")


def point(made, what, size, results):
    torch.set_num_threads(2)
    work = made(**{what: size})
    forget_the_peak()
    before = memory("VmRSS")
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    results.put((min(times), memory("VmHWM") - before))


def exponent(sizes, values):
    return np.polyfit(np.log(sizes), np.log(values), 1)[0]


def row(name, made, what, sizes):
    fresh = multiprocessing.get_context("spawn")
    found = []
    for size in sizes:
        results = fresh.Queue()
        worker = fresh.Process(target=point, args=(made, what, size, results))
        worker.start()
        found.append(results.get())
        worker.join()
    seconds, added = np.array(found).T
    grows = exponent(sizes, np.maximum(added, 1)) if added[-1] > 2 * added[0] and added[0] > 1 else None
    rises = "–" if grows is None else f"{grows:.2f}"
    print(
        f"| {name} | {what}, {sizes[0]:,} … {sizes[-1]:,} | {seconds[0]:.3g} … {seconds[-1]:.3g} s "
        f"| **{exponent(sizes, seconds):.2f}** | {added[0]:.0f} … {added[-1]:.0f} MB | {rises} |",
        flush=True,
    )


if __name__ == "__main__":
    print(f"\n{particulars()}\n")
    print("| work | grows with | time | exponent | memory beside what goes in | exponent |\n|---|---|---|---|---|---|")
    for name, made, what, sizes in ROWS:
        if not sys.argv[1:] or name in sys.argv[1:]:
            row(name, made, what, sizes)
