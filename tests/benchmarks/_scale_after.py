"""All that comes after a fit, at 100,000 components: each verb beside the bare matrix product of its size.

A product is taken on all processors, of some of its rows where it is long; what all of them take follows from the
number of rows, for which a product is linear.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from _spaces import planted

import semlens_widgets as sl
from semlens_widgets.compare import compare
from semlens_widgets.describe import describe
from semlens_widgets.evaluate import evaluate, redundancy
from semlens_widgets.threads import on_all
from semlens_widgets.vectors import unit

COMPONENTS, LAYERS, WORDS = 100_000, 20, 700
KEPT = 20  # words whose answers a file keeps
ONE_LAYER = 20_000  # whose siblings are sought
PAIRED = 50_000  # components of each of two spaces that are compared
_ROWS = 4096  # of a product that is timed
ASKING = """
import sys, time
begun = time.perf_counter()
import semlens_widgets as sl
loaded = time.perf_counter()
lens = sl.open(sys.argv[1])
opened = time.perf_counter()
lens.query = "word 1"
answered = time.perf_counter()
print(*(opened - loaded, answered - opened, lens.hits.state, *{"torch", "open_clip"} & set(sys.modules)), sep="; ")
"""


def seconds(do) -> float:
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun


def product(left, right) -> float:
    """Seconds of left @ right.T in blocks, on all processors."""
    some = left[:_ROWS]
    blocks = range(0, len(some), 2048)
    took = seconds(lambda: [None for _ in on_all(lambda at: some[at : at + 2048] @ right.T, blocks)])
    return took * len(left) / len(some)


def row(what: str, took: float, bare: float, target: str) -> str:
    return f"| {what} | {took:.2f} s, {took / bare:.2f} × the bare product ({bare:.2f} s) | {target} |"


def words_of(space) -> sl.Probes:
    random = np.random.default_rng(1)
    vectors = unit(random.normal(size=(WORDS, space.dim)).astype(np.float32))
    return sl.Probes(tuple(f"word {n}" for n in range(WORDS)), vectors, space.recipe.clip)


def of_a_file(space, probes: sl.Probes) -> Iterator[str]:
    """What a file of many components costs before it answers, in a process that has loaded nothing else."""
    lens = sl.Lens.of_space(space, {"templates": ["{}"]})
    lens.probe_cache.remember(sl.Probes(probes.names[:KEPT], probes.vectors[:KEPT], probes.clip))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.semlens"
        took = seconds(lambda: lens.save(path))
        size = path.stat().st_size / 1e6
        yield f"| save {COMPONENTS:,} components with answers to {KEPT} words: {size:.0f} MB | {took:.1f} s | – |"
        said = subprocess.run([sys.executable, "-c", ASKING, path], capture_output=True, text=True, check=True).stdout
        opened, first, state, *loaded = said.strip().split("; ")
        yield f"| open that file | {float(opened):.3f} s | < 0.2 s |"
        with_it = f"loaded {', '.join(loaded)}" if loaded else "torch and open_clip not loaded"
        yield f"| the first query in it ({state}) | {float(first):.2f} s; {with_it} | neither loaded |"
        again = sl.SemanticSpace.open(path).space
        found = [seconds(lambda: sl.search(again, next(iter(probes)))[0].message) for _ in range(2)]
        yield f"| search of a space from it, and its message; the next | {found[0]:.2f} s; {found[1]:.2f} s | – |"


def rows() -> Iterator[str]:
    space = planted(COMPONENTS, layers=LAYERS)
    probes = words_of(space)
    yield from of_a_file(space, probes)
    yield row(
        f"describe {COMPONENTS:,} × {WORDS} words",
        seconds(lambda: describe(space, probes)), product(space.vectors, probes.vectors), "–",
    )  # fmt: skip
    of_layers = LAYERS * product(*2 * [space.vectors[: COMPONENTS // LAYERS]])
    yield row(f"evaluate {COMPONENTS:,} in {LAYERS} layers", seconds(lambda: evaluate(space)), of_layers, "–")
    some = space.vectors[:ONE_LAYER]
    yield row(
        f"redundancy of {ONE_LAYER:,} in one layer", seconds(lambda: redundancy(some)), product(some, some), "≤ 1"
    )
    a, b = planted(PAIRED, seed=1), planted(PAIRED, seed=2)
    bare = product(a.vectors, b.vectors)
    yield row(f"compare {PAIRED:,} × {PAIRED:,}", seconds(lambda: compare(a, b)), bare, "–")
