"""Comparing two spaces: time against the bare matrix product, and memory against the full matrix.

The memory of the vectors themselves is not counted: both spaces are there before.
"""

import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import torch
from _tables import RATIO_HEAD, paired, particulars, ratio_row
from PIL import Image

import semlens_widgets as sl
from semlens_widgets.compare import compare
from semlens_widgets.vectors import unit

SEED, DIM, K, IMAGES = 0, 512, 30, 20_000


class FlatClip:
    """Any CLIP will do to make the small space that `space_of` enlarges."""

    name = "random"

    def images(self, pictures):
        return unit(np.stack([np.asarray(p, np.float32).mean((0, 1)) + 1 for p in pictures]))

    def texts(self, texts):
        return unit(np.ones((len(texts), 3), np.float32))


def space_of(layers, seed, cloud):
    """A space of components that each have 30 random images of a cloud, in layers of these sizes."""
    random = np.random.default_rng(seed)
    pixels = [np.full((8, 8, 3), value, np.uint8) for value in range(40)]
    small = sl.Lens(
        torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1)),
        sl.images([Image.fromarray(p) for p in pixels], transform=to_tensor), "0", FlatClip(), k=K, crop=None, sample=0,
    ).fit(cached=False, progress=False).space  # fmt: skip
    components = sum(layers)
    chosen = random.integers(0, len(cloud), (components, K)).astype(np.int32)
    vectors = np.concatenate([unit(cloud[part].mean(1)) for part in np.array_split(chosen, components // 250 + 1)])
    statistics = small.examples.statistics
    repeated = {
        name: np.resize(getattr(statistics, name), (components, *getattr(statistics, name).shape[1:]))
        for name in ("sums", "squares", "nonzero", "exponent", "bins")
    }
    examples = replace(
        small.examples,
        components=sl.Components(tuple(f"layer{i}" for i in range(len(layers))), tuple(layers), (False,) * len(layers)),
        images=chosen,
        responses=np.ones((components, K), np.float32),
        peaks=np.zeros((components, K), np.int32),
        statistics=replace(statistics, **repeated, negative=np.ones(components, bool)),
    )
    return replace(
        small, examples=examples, vectors=vectors, crop_vectors=cloud.astype(np.float16), crop_of=chosen,
        crop_images=np.arange(len(cloud), dtype=np.int32), null_vectors=cloud[random.permutation(len(cloud))[:500]],
        lengths=None,
    )  # fmt: skip


def to_tensor(picture):
    return torch.from_numpy(np.asarray(picture, np.float32).transpose(2, 0, 1) / 255)


def cloud():
    """Embeddings as a CLIP gives them: a common direction, and variance that falls off over the dimensions."""
    random = np.random.default_rng(SEED)
    spread = np.linspace(2, 0.1, DIM, dtype=np.float32)
    return unit(random.normal(size=(IMAGES, DIM)).astype(np.float32) * spread + 1.5)


def speed(images):
    for layers in ((10_000,), (1000, 2000, 3000, 4000)):
        a, b = space_of(layers, 1, images), space_of(layers, 2, images)
        sides = paired(lambda a=a, b=b: compare(a, b), lambda a=a, b=b: a.vectors @ b.vectors.T)
        work = f"compare 10,000 × 10,000 × 512 in {len(layers)} layer{'s' * (len(layers) > 1)}"
        print(ratio_row(work, "the bare matrix product", "≤ 5", *sides))


def memory(images):
    print("\n| components | peak while comparing | the full matrix |\n|---|---|---|")
    for size in (5000, 10_000, 20_000, 50_000):
        a, b = space_of((size,), 1, images), space_of((size,), 2, images)
        tracemalloc.start()
        compare(a, b)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"| {size:,} × {size:,} | {peak / 1e6:,.0f} MB | {size * size * 4 / 1e6:,.0f} MB |")


TABLES = {"speed": speed, "memory": memory}

if __name__ == "__main__":
    torch.set_num_threads(2)
    images = cloud()
    print(f"\n{particulars(SEED)}\n\n{RATIO_HEAD}")
    for name in sys.argv[1:] or TABLES:
        TABLES[name](images)
