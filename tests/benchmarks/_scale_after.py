"""All that comes after a fit, at 100,000 components: each verb beside the bare matrix product of its size."""

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

COMPONENTS, WORDS, PAIRED = 100_000, 700, 10_000


def seconds(do) -> float:
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun


def product(left, right) -> float:
    """Seconds of left @ right.T in blocks, on all processors."""
    blocks = range(0, len(left), 2048)
    return seconds(lambda: [None for _ in on_all(lambda at: left[at : at + 2048] @ right.T, blocks)])


def row(what: str, took: float, bare: float, target: str) -> str:
    return f"| {what} | {took:.2f} s, {took / bare:.2f} × the bare product ({bare:.2f} s) | {target} |"


def rows() -> Iterator[str]:
    space = planted(COMPONENTS)
    random = np.random.default_rng(1)
    words = unit(random.normal(size=(WORDS, space.dim)).astype(np.float32))
    probes = sl.Probes(tuple(f"word {n}" for n in range(WORDS)), words, space.recipe.clip)
    with tempfile.TemporaryDirectory() as folder:
        path = space.save(Path(folder) / "large.semlens")
        opened = []
        took = seconds(lambda: opened.append(sl.SemanticSpace.open(path).space))
        yield f"| open a file of {COMPONENTS:,} components | {took:.3f} s | < 0.2 s |"
        first = seconds(lambda: sl.search(opened[0], next(iter(probes)))[0].message)
        again = seconds(lambda: sl.search(opened[0], next(iter(probes)))[0].message)
        yield f"| first search in it, and its message; the next | {first:.2f} s; {again:.2f} s | – |"
    vectors = space.vectors
    yield row(f"describe {COMPONENTS:,} × {WORDS} words", seconds(lambda: describe(space, probes)),
              product(vectors, words), "–")  # fmt: skip
    a, b = planted(PAIRED, seed=1), planted(PAIRED, seed=2)
    bare = product(a.vectors, b.vectors)
    yield row(f"redundancy of {PAIRED:,}", seconds(lambda: redundancy(a.vectors)), bare, "≤ 1")
    yield row(f"compare {PAIRED:,} × {PAIRED:,}", seconds(lambda: compare(a, b)), bare, "–")
    yield row(f"evaluate {PAIRED:,}", seconds(lambda: evaluate(a)), bare, "–")
